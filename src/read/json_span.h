/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_span.h - where the values of a JSON text lie, without parsing them.
 *
 * Large lists come as one array of a few hundred MB. A document tree of it costs ten times its size; these
 * functions walk the text once and give each member as a cursor, which is then parsed alone (fact/json.h).
 * They check brackets and quotes, nothing else: what lies between is for the parser to judge.
 */
#ifndef LM_READ_JSON_SPAN_H
#define LM_READ_JSON_SPAN_H

#include "base/bytes.h"

/* A value: its bytes, and where they begin in the cursor they were taken from. */
struct lm_json_span {
	struct lm_bytes text;
	uint64_t at;
};

/* Skips white space; then the next value. False at the end of the text, or (r->bad) when it is cut. */
bool lm_json_span_value(struct lm_rd *r, struct lm_json_span *out);
/* Behind the bracket '[' or '{' that the text begins with; false when it begins otherwise. */
bool lm_json_span_open(struct lm_rd *r, char bracket);
/*
 * The next member: of an object (key gets its text as written, escapes and all) or of an array (key == NULL).
 * False at the closing bracket, or (r->bad) when the text is cut or no list.
 */
bool lm_json_span_next(struct lm_rd *r, struct lm_str *key, struct lm_json_span *out);
/* The byte of the next token, 0 at the end. */
uint8_t lm_json_span_peek(struct lm_rd *r);

#endif
