/* SPDX-License-Identifier: Apache-2.0 */
/*
 * indicators.h - what the files of the reader `indicators` share: indicators.c (plain lists, tables, the reader),
 * indicator_value.c (what a value is), stix.c and misp.c (documents).
 */
#ifndef LM_READ_INDICATORS_H
#define LM_READ_INDICATORS_H

#include "base/map.h"
#include "fact/json.h"
#include "read/json_span.h"
#include "read/read.h"
#include "read/rows.h"

enum lm_list_form { LM_LIST_PLAIN, LM_LIST_ROWS, LM_LIST_STIX, LM_LIST_MISP };

enum { LM_DOCUMENT_PART_MAX = 32 << 20 }; /* one STIX object or one MISP event */

/* What an `indicates` relationship says of an indicator. */
struct lm_stix_link {
	struct lm_str family, actor;
};

struct lm_stix {
	struct lm_rd objects;
	struct lm_map links;   /* indicator id -> struct lm_stix_link */
	struct lm_json object; /* the indicator whose pattern is walked */
	struct lm_str pattern; /* what is left of it */
	struct lm_str path;    /* of the set (IN) that is walked */
	bool negated;	       /* NOT before an operator: no indicator */
};

struct lm_misp {
	struct lm_rd events; /* an array, or one event */
	bool is_array;
	struct lm_json_it objects, attributes;
	bool in_event;
	struct lm_str info, reference, family, actor;
	struct lm_int published;
	struct lm_str second, second_type; /* "domain|ip": the value behind the bar */
	struct lm_str comment;
	struct lm_json attribute;
	uint64_t context; /* attributes with to_ids false */
};

struct lm_indicators {
	const struct lm_read_in *in;
	enum lm_list_form form;
	struct lm_rd rd; /* plain */
	struct lm_arena_mark mark;
	struct lm_rows rows; /* tables */
	unsigned column;     /* next column of the row that is read */
	bool row_found;
	struct lm_str cell; /* what is left of a cell with several values */
	unsigned cell_good, cell_bad;
	struct lm_json_doc *doc;
	struct lm_stix stix;
	struct lm_misp misp;
	uint64_t record, at, length;   /* of the object or event that is read */
	uint64_t bad, first_bad;       /* entries that are no indicator of a kind we match */
	uint64_t broken, first_broken; /* rows and objects that cannot be read */
	bool ended;		       /* all entries are told; what is left are the sentences about the others */
};

/*
 * Makes *out an indicator.listed: type by the list's own word where it is known (STIX, MISP and common names),
 * else by look; value lower-cased and refanged, in the arena. False when it is no indicator we can match.
 */
bool lm_indicator_fill(struct lm_arena *a, struct lm_str type, struct lm_str value, struct lm_obs *out);
/* The same for a value without a word, for probing: "sha256", "domain" ...; NULL when it is none. */
const char *lm_indicator_look(struct lm_arena *a, struct lm_str value);
/* A file name out of a path regex without choices and wildcards ("\\name\.exe$"); unset when it is none. */
struct lm_str lm_indicator_literal(struct lm_arena *a, struct lm_str regex);

/* Counts an entry that is none; one that cannot be read. */
void lm_indicators_bad(struct lm_indicators *s, uint64_t at);
void lm_indicators_broken(struct lm_indicators *s, uint64_t at);

/* LM_ENOTFMT when the document is no bundle (no event). What open allocates is freed by close, also when it fails. */
enum lm_rc lm_stix_open(struct lm_indicators *s) LM_MUST;
enum lm_rc lm_stix_next(struct lm_indicators *s, struct lm_obs *out) LM_MUST;
void lm_stix_close(struct lm_indicators *s);
enum lm_rc lm_misp_open(struct lm_indicators *s) LM_MUST;
enum lm_rc lm_misp_next(struct lm_indicators *s, struct lm_obs *out) LM_MUST;

#endif
