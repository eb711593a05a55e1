/* SPDX-License-Identifier: Apache-2.0 */
/* json_span.c - brackets and quotes of JSON text; time linear, no recursion, no memory. */
#include "read/json_span.h"

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

uint8_t lm_json_span_peek(struct lm_rd *r)
{
	while (lm_rd_left(r)) {
		size_t at = r->pos;
		uint8_t c = lm_rd_u8(r);
		if (!is_blank(c)) {
			lm_rd_seek(r, at);
			return c;
		}
	}
	return 0;
}

/* Behind the closing quote; the cursor stands behind the opening one. */
static void skip_string(struct lm_rd *r)
{
	for (;;) {
		uint8_t c = lm_rd_u8(r);
		if (r->bad || c == '"')
			return;
		if (c == '\\')
			lm_rd_skip(r, 1);
	}
}

static void skip_brackets(struct lm_rd *r)
{
	uint64_t depth = 1;
	while (depth && !r->bad) {
		uint8_t c = lm_rd_u8(r);
		if (c == '"')
			skip_string(r);
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
	}
}

static void skip_scalar(struct lm_rd *r)
{
	while (lm_rd_left(r)) {
		size_t at = r->pos;
		uint8_t c = lm_rd_u8(r);
		if (is_blank(c) || c == ',' || c == ']' || c == '}' || c == '{' || c == '[' || c == '"' || c == ':') {
			lm_rd_seek(r, at);
			return;
		}
	}
}

bool lm_json_span_value(struct lm_rd *r, struct lm_json_span *out)
{
	uint8_t c = lm_json_span_peek(r);
	size_t from = r->pos;
	*out = (struct lm_json_span){ .at = from };
	if (!c)
		return false;
	if (c == '"' || c == '{' || c == '[') {
		lm_rd_skip(r, 1);
		c == '"' ? skip_string(r) : skip_brackets(r);
	} else {
		skip_scalar(r);
	}
	if (r->bad || r->pos == from) {
		r->bad = true;
		return false;
	}
	struct lm_rd whole = *r;
	size_t to = whole.pos;
	lm_rd_seek(&whole, from);
	out->text = lm_rd_take(&whole, to - from);
	return true;
}

bool lm_json_span_open(struct lm_rd *r, char bracket)
{
	if (lm_json_span_peek(r) != (uint8_t)bracket)
		return false;
	lm_rd_skip(r, 1);
	return true;
}

bool lm_json_span_next(struct lm_rd *r, struct lm_str *key, struct lm_json_span *out)
{
	uint8_t c = lm_json_span_peek(r);
	struct lm_json_span name;
	if (c == ',') {
		lm_rd_skip(r, 1);
		c = lm_json_span_peek(r);
	}
	if (c == ']' || c == '}')
		return false;
	if (key) {
		if (c != '"' || !lm_json_span_value(r, &name) || lm_json_span_peek(r) != ':') {
			r->bad = true;
			return false;
		}
		lm_rd_skip(r, 1);
		*key = lm_bytes_str(lm_bytes_part(name.text, 1, name.text.n - 2));
	}
	if (!lm_json_span_value(r, out)) {
		r->bad = true; /* also at the end of the text: a list ends with its bracket */
		return false;
	}
	return true;
}
