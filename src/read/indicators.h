/* SPDX-License-Identifier: Apache-2.0 */
/*
 * indicators.h - what the files of the reader `indicators` share: indicators.c (plain lists and CSV),
 * indicator_value.c (what a value is), stix.c and misp.c (documents).
 */
#ifndef LM_READ_INDICATORS_H
#define LM_READ_INDICATORS_H

#include "fact/json.h"
#include "read/read.h"
#include "read/rows.h"

enum lm_list_form { LM_LIST_PLAIN, LM_LIST_ROWS, LM_LIST_STIX, LM_LIST_MISP };

/* What an `indicates` relationship says of an indicator. */
struct lm_stix_link {
	struct lm_str indicator; /* id */
	struct lm_str family, actor;
};

struct lm_indicators {
	const struct lm_read_in *in;
	enum lm_list_form form;
	struct lm_rd rd; /* plain */
	struct lm_arena_mark mark;
	uint64_t line_start;
	struct lm_rows rows; /* CSV */
	uint32_t column;     /* next column of the row that is read */
	bool row_found;
	struct lm_json_doc *doc; /* documents */
	struct lm_json_it objects, attributes;
	bool in_object;
	uint64_t record;
	struct lm_json indicator; /* STIX: whose pattern is walked */
	struct lm_str pattern;	  /* what is left of it */
	struct lm_stix_link *links;
	size_t n_links;
	struct lm_str misp_info, misp_published, misp_object;
	struct lm_str misp_second; /* "filename|sha256": the value behind the bar */
	struct lm_str misp_second_type, misp_comment;
	uint64_t bad, first_bad;
};

enum lm_indicator_look { LM_LOOK_NONE, LM_LOOK_HASH, LM_LOOK_ADDRESS, LM_LOOK_DOMAIN, LM_LOOK_URL, LM_LOOK_EMAIL };

/* What a value looks like, refanged or not. */
enum lm_indicator_look lm_indicator_look(struct lm_str value);

/*
 * Makes *out an indicator.listed: type by the list's own word where it is known (STIX, MISP and common names),
 * else by look; value lower-cased and refanged, in the arena. False when it is no indicator we can match.
 */
bool lm_indicator_fill(struct lm_arena *a, struct lm_str type, struct lm_str value, struct lm_obs *out);

/* Counts an entry that is none. */
void lm_indicators_bad(struct lm_indicators *s, uint64_t at);

/* LM_ENOTFMT when the document is no bundle (no event). */
enum lm_rc lm_stix_open(struct lm_indicators *s, struct lm_json root) LM_MUST;
enum lm_rc lm_stix_next(struct lm_indicators *s, struct lm_obs *out) LM_MUST;
enum lm_rc lm_misp_open(struct lm_indicators *s, struct lm_json root) LM_MUST;
enum lm_rc lm_misp_next(struct lm_indicators *s, struct lm_obs *out) LM_MUST;

#endif
