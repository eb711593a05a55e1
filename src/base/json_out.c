/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_out.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void lm_jw_init(struct lm_jw *w, struct lm_buf *out, bool indent)
{
	*w = (struct lm_jw){ .out = out, .indent = indent };
}

static void newline(struct lm_jw *w)
{
	if (!w->indent)
		return;
	lm_buf_putc(w->out, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		lm_buf_puts(w->out, "  ");
}

static void before_item(struct lm_jw *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->depth == 0)
		return;
	uint64_t bit = UINT64_C(1) << (w->depth - 1);
	if (w->has_item & bit)
		lm_buf_putc(w->out, ',');
	w->has_item |= bit;
	newline(w);
}

static void open_level(struct lm_jw *w, bool array)
{
	before_item(w);
	lm_buf_putc(w->out, array ? '[' : '{');
	if (w->depth == 64)
		abort(); /* our own documents are shallow; a deeper one is a bug here, not in the input */
	uint64_t bit = UINT64_C(1) << w->depth++;
	w->is_array = array ? w->is_array | bit : w->is_array & ~bit;
	w->has_item &= ~bit;
}

void lm_jw_obj(struct lm_jw *w)
{
	open_level(w, false);
}

void lm_jw_arr(struct lm_jw *w)
{
	open_level(w, true);
}

void lm_jw_end(struct lm_jw *w)
{
	uint64_t bit = UINT64_C(1) << --w->depth;
	if (w->has_item & bit)
		newline(w);
	lm_buf_putc(w->out, w->is_array & bit ? ']' : '}');
	if (w->depth == 0 && w->indent)
		lm_buf_putc(w->out, '\n');
}

void lm_jw_key_str(struct lm_jw *w, struct lm_str key)
{
	before_item(w);
	lm_put_json(w->out, key);
	lm_buf_puts(w->out, w->indent ? ": " : ":");
	w->after_key = true;
}

void lm_jw_key(struct lm_jw *w, const char *key)
{
	lm_jw_key_str(w, lm_cstr(key));
}

void lm_jw_null(struct lm_jw *w)
{
	before_item(w);
	lm_buf_puts(w->out, "null");
}

void lm_jw_str(struct lm_jw *w, struct lm_str s)
{
	if (!s.p) {
		lm_jw_null(w);
		return;
	}
	before_item(w);
	lm_put_json(w->out, s);
}

void lm_jw_cstr(struct lm_jw *w, const char *s)
{
	lm_jw_str(w, lm_cstr(s));
}

void lm_jw_i64(struct lm_jw *w, int64_t v)
{
	before_item(w);
	lm_buf_fmt(w->out, "%" PRId64, v);
}

void lm_jw_u64(struct lm_jw *w, uint64_t v)
{
	before_item(w);
	lm_buf_fmt(w->out, "%" PRIu64, v);
}

void lm_jw_real(struct lm_jw *w, double v)
{
	if (!isfinite(v)) {
		lm_jw_null(w);
		return;
	}
	before_item(w);
	lm_buf_fmt(w->out, "%.6g", v);
}

void lm_jw_bool(struct lm_jw *w, bool v)
{
	before_item(w);
	lm_buf_puts(w->out, v ? "true" : "false");
}

void lm_jw_hex(struct lm_jw *w, struct lm_bytes b)
{
	if (!b.p) {
		lm_jw_null(w);
		return;
	}
	before_item(w);
	lm_buf_putc(w->out, '"');
	lm_buf_hex(w->out, b);
	lm_buf_putc(w->out, '"');
}

void lm_jw_time(struct lm_jw *w, int64_t ns)
{
	char text[LM_TIME_TEXT];
	lm_jw_cstr(w, lm_time_iso(ns, text));
}
