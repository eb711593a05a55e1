/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - tables as people export them: CSV, JSON lines, a JSON array of objects, or an object that holds one.
 *
 * A reader names the columns it wants with their synonyms; rows.c finds them in the header or among the keys,
 * whatever their case and punctuation ("Computer Name" = computername = computer_name). Keys of nested objects are
 * tried joined with their parents first (host.name = hostname), then alone. Values come out as text; arrays of
 * texts are joined with ';'. Nothing is loaded whole: arrays are walked element by element.
 *
 * Also understood: osquery results (`columns`, `snapshot`, `diffResults`; rows with action "removed" are left
 * out), and records that hold an array of records with a name such as `software` or `files`: each of these is a
 * row with the values of the outer record where it has none of its own.
 */
#ifndef LM_READ_ROWS_H
#define LM_READ_ROWS_H

#include "base/map.h"
#include "fact/json.h"
#include "read/csv.h"
#include "read/read.h"

enum { LM_ROWS_COLUMNS = 32 };

/* Synonyms, normalised (lower-case letters and digits only), joined by '|', best first. */
struct lm_column {
	const char *names;
};

enum lm_rows_form { LM_ROWS_CSV, LM_ROWS_LINES, LM_ROWS_ARRAY, LM_ROWS_VALUES };

struct lm_rows {
	struct lm_arena *arena;
	const struct lm_column *columns;
	size_t n_columns;
	enum lm_rows_form form;
	struct lm_csv csv;
	size_t at[LM_ROWS_COLUMNS]; /* CSV: cell index, SIZE_MAX = absent */
	struct lm_json_doc *doc;
	struct lm_rd rd;      /* JSON text */
	uint64_t rd_from;     /* offset in the content of what rd began with */
	struct lm_map keys;   /* normalised key -> its rank in every column */
	struct lm_json outer; /* record whose inner array is walked */
	struct lm_json_it inner;
	bool in_record;
	struct lm_str common[LM_ROWS_COLUMNS]; /* values of the object around an array */
	struct lm_arena_mark mark;
	struct lm_str value[LM_ROWS_COLUMNS]; /* of the current row */
	unsigned best[LM_ROWS_COLUMNS];
	uint64_t offset, length, row;
	unsigned given;		    /* bit per column that the header (JSON: this row) has */
	uint64_t bad, first_untold; /* rows that could not be used; the first that was not told singly */
};

enum { LM_ROWS_TOLD = 5 }; /* bad rows told one by one; the rest in one sentence */

/* A column that a table must not have, or may: bits of `given`. */
#define LM_BIT(c) (1u << (c))

/*
 * LM_OK with the header read (CSV) or nothing read yet (JSON); LM_ENOTFMT when the text is no table; LM_ELIMIT.
 * Close in any case after LM_OK. The arena must not be reset below this call's use of it.
 */
enum lm_rc lm_rows_open(struct lm_rows *r, struct lm_arena *a, struct lm_bytes data, const struct lm_column *columns,
			size_t n) LM_MUST;
/* LM_OK with value[] (unset = absent or empty; valid until the next call), LM_END, LM_ECORRUPT (bad row, go on),
 * LM_ELIMIT. */
enum lm_rc lm_rows_next(struct lm_rows *r) LM_MUST;
void lm_rows_close(struct lm_rows *r);

/* Counts the current row as unusable; true with *out an evidence.damaged for the first few of them. */
bool lm_rows_bad(struct lm_rows *r, const struct lm_read_in *in, const char *reader, const char *what,
		 struct lm_obs *out);
/* LM_OK with *out the sentence about those that were only counted, once; else LM_END. */
enum lm_rc lm_rows_rest(struct lm_rows *r, const struct lm_read_in *in, const char *reader, struct lm_obs *out) LM_MUST;

/*
 * Which of the columns a table has, looking at the first 64 KiB only (CSV: header, JSON: first eight rows): for
 * probing. 0 when it is no table. *cells (may be NULL) gets the number of columns of a CSV header, 0 for JSON.
 */
unsigned lm_rows_probe(struct lm_arena *a, struct lm_bytes data, const struct lm_column *columns, size_t n,
		       size_t *cells);

#endif
