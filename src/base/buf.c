/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void lm_buf_init(struct lm_buf *b, size_t max)
{
	*b = (struct lm_buf){ .max = max };
}

void lm_buf_fini(struct lm_buf *b)
{
	free(b->p);
	*b = (struct lm_buf){ 0 };
}

void lm_buf_clear(struct lm_buf *b)
{
	b->n = 0;
	b->bad = false;
	if (b->p)
		b->p[0] = 0;
}

static bool reserve(struct lm_buf *b, size_t n)
{
	if (b->bad || n > b->max - b->n) {
		b->bad = true;
		return false;
	}
	if (n + 1 > b->cap - b->n) {
		size_t cap = b->cap ? b->cap : 256;
		while (cap - b->n < n + 1)
			cap *= 2;
		b->p = lm_xrealloc(b->p, cap);
		b->cap = cap;
	}
	return true;
}

void lm_buf_add(struct lm_buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = 0;
}

void lm_buf_str(struct lm_buf *b, struct lm_str s)
{
	lm_buf_add(b, s.p, s.n);
}

void lm_buf_puts(struct lm_buf *b, const char *s)
{
	lm_buf_add(b, s, strlen(s));
}

void lm_buf_putc(struct lm_buf *b, char c)
{
	lm_buf_add(b, &c, 1);
}

void lm_buf_fmt(struct lm_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void lm_buf_u8(struct lm_buf *b, uint8_t v)
{
	lm_buf_add(b, &v, 1);
}

void lm_buf_u16le(struct lm_buf *b, uint16_t v)
{
	uint8_t x[2] = { (uint8_t)v, (uint8_t)(v >> 8) };
	lm_buf_add(b, x, sizeof x);
}

void lm_buf_u32le(struct lm_buf *b, uint32_t v)
{
	uint8_t x[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };
	lm_buf_add(b, x, sizeof x);
}

void lm_buf_u64le(struct lm_buf *b, uint64_t v)
{
	lm_buf_u32le(b, (uint32_t)v);
	lm_buf_u32le(b, (uint32_t)(v >> 32));
}

void lm_buf_hex(struct lm_buf *b, struct lm_bytes bytes)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes.n; i++) {
		char x[2] = { digits[bytes.p[i] >> 4], digits[bytes.p[i] & 15] };
		lm_buf_add(b, x, 2);
	}
}
