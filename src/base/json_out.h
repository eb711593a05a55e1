/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_out.h - writes JSON into a buffer; commas, escaping and unset values (null) handled here.
 *
 *   lm_jw_obj(&w); lm_jw_key(&w, "path"); lm_jw_str(&w, path); lm_jw_end(&w);
 *
 * With `indent` the output is one value a line, two spaces a level (documents people read); without,
 * it is compact (JSON lines). Keys come out in call order. Nesting is limited to 64.
 */
#ifndef LM_BASE_JSON_OUT_H
#define LM_BASE_JSON_OUT_H

#include "base/buf.h"

struct lm_jw {
	struct lm_buf *out;
	bool indent;
	bool after_key;
	unsigned depth;
	uint64_t is_array, has_item; /* one bit a level */
};

void lm_jw_init(struct lm_jw *w, struct lm_buf *out, bool indent);
void lm_jw_obj(struct lm_jw *w);
void lm_jw_arr(struct lm_jw *w);
void lm_jw_end(struct lm_jw *w); /* closes the innermost object or array */
void lm_jw_key(struct lm_jw *w, const char *key);
void lm_jw_key_str(struct lm_jw *w, struct lm_str key); /* a key that comes from data */
void lm_jw_str(struct lm_jw *w, struct lm_str s);	/* unset -> null */
void lm_jw_cstr(struct lm_jw *w, const char *s);	/* NULL -> null */
void lm_jw_i64(struct lm_jw *w, int64_t v);
void lm_jw_u64(struct lm_jw *w, uint64_t v);
void lm_jw_real(struct lm_jw *w, double v); /* NaN and infinities -> null */
void lm_jw_bool(struct lm_jw *w, bool v);
void lm_jw_null(struct lm_jw *w);
void lm_jw_hex(struct lm_jw *w, struct lm_bytes b); /* unset -> null */
void lm_jw_time(struct lm_jw *w, int64_t ns);	    /* ISO-8601 UTC */

#endif
