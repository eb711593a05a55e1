/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - tables as people export them: CSV, JSON lines, a JSON array of objects or an object that holds one.
 *
 * A reader names the columns it wants with their synonyms; rows.c finds them in the header or among the keys,
 * whatever their case and punctuation ("Computer Name" = computername = computer_name), also in nested objects
 * (three levels). Values come out as text; arrays of texts are joined with ';'.
 */
#ifndef LM_READ_ROWS_H
#define LM_READ_ROWS_H

#include "fact/json.h"
#include "read/csv.h"

enum { LM_ROWS_COLUMNS = 32 };

/* Synonyms, normalised (lower-case letters and digits only), joined by '|', best first. */
struct lm_column {
	const char *names;
};

struct lm_rows {
	struct lm_arena *arena;
	const struct lm_column *columns;
	size_t n_columns;
	bool json;
	struct lm_csv csv;
	size_t at[LM_ROWS_COLUMNS]; /* CSV: cell index, SIZE_MAX = absent */
	struct lm_json_doc *doc;
	struct lm_json_it it; /* JSON array */
	bool whole;	      /* one document with an array, not lines */
	struct lm_rd rd;      /* JSON lines */
	struct lm_arena_mark mark;
	struct lm_str value[LM_ROWS_COLUMNS]; /* of the current row */
	uint64_t offset, length, row;
	unsigned given; /* bit per column that the header (JSON: this row) has */
};

/*
 * LM_OK with the header read (CSV) or the first row looked at (JSON, `given` is set); LM_ENOTFMT when the text is
 * no table; LM_ELIMIT. Close in any case after LM_OK. The arena must not be reset below this call's use of it.
 */
enum lm_rc lm_rows_open(struct lm_rows *r, struct lm_arena *a, struct lm_bytes data, const struct lm_column *columns,
			size_t n) LM_MUST;
/* LM_OK with value[] (unset = absent or empty; valid until the next call), LM_END, LM_ECORRUPT (bad row, go on),
 * LM_ELIMIT. */
enum lm_rc lm_rows_next(struct lm_rows *r) LM_MUST;
void lm_rows_close(struct lm_rows *r);

/*
 * Which of the columns a table has, looking at the first 64 KiB only: for probing. 0 when it is no table.
 * *cells (may be NULL) gets the number of columns of a CSV header, 0 for JSON.
 */
unsigned lm_rows_probe(struct lm_arena *a, struct lm_bytes data, const struct lm_column *columns, size_t n,
		       size_t *cells);

#endif
