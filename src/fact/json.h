/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - reading JSON: simdjson's DOM behind a small C interface.
 *
 * A document owns its values; a value is a handle that is valid as long as the document and until the next
 * parse with it. Text views borrow from the document. Depth is limited to 128, size to what the caller
 * allows. Duplicate keys: lookup finds the first, iteration sees all.
 */
#ifndef LM_FACT_JSON_H
#define LM_FACT_JSON_H

#include "base/bytes.h"
#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lm_json_doc; /* parser and its memory; reuse it for many texts */

enum lm_json_type { LM_J_NONE, LM_J_NULL, LM_J_BOOL, LM_J_INT, LM_J_REAL, LM_J_STR, LM_J_ARR, LM_J_OBJ };

struct lm_json {
	enum lm_json_type type;
	uint64_t h[2]; /* private */
};

/* `max_bytes` bounds one text. NULL when out of memory. */
struct lm_json_doc *lm_json_new(size_t max_bytes);
void lm_json_free(struct lm_json_doc *d);
/* Parses one whole text (copied). LM_ECORRUPT with simdjson's reason, LM_ELIMIT when larger than allowed. */
enum lm_rc lm_json_parse(struct lm_json_doc *d, struct lm_bytes text, struct lm_json *root, struct lm_err *err) LM_MUST;

/* Member of an object; type LM_J_NONE when absent or v is no object. */
struct lm_json lm_json_get(struct lm_json v, const char *key);
/* Text of a string; unset for any other type. */
struct lm_str lm_json_str(struct lm_json v);
/* Number or default; integers outside int64 are LM_J_REAL. */
int64_t lm_json_int(struct lm_json v, int64_t otherwise);
double lm_json_real(struct lm_json v, double otherwise);
bool lm_json_bool(struct lm_json v, bool otherwise);

/* for (it = lm_json_iter(v); lm_json_next(&it, &key, &item);) over an array (key unset) or object. */
struct lm_json_it {
	struct lm_json of;
	uint64_t s[4]; /* private */
};
struct lm_json_it lm_json_iter(struct lm_json v);
bool lm_json_next(struct lm_json_it *it, struct lm_str *key, struct lm_json *item);

#ifdef __cplusplus
}
#endif
#endif
