/* SPDX-License-Identifier: Apache-2.0 */
/*
 * der_write.c - in: contents. Out: DER elements. Limits: definite lengths below 2^32, one-byte tags. Source: X.690.
 */
#include "der_write.h"

#include <stdlib.h>

#include "base/arena.h"

void rg_der_wrap(struct lm_buf *b, size_t at, uint8_t tag)
{
	size_t n = b->n - at, h = 0;
	uint8_t head[6] = { tag };
	if (n < 0x80) {
		head[1] = (uint8_t)n;
		h = 2;
	} else {
		size_t bytes = n > 0xffffff ? 4 : n > 0xffff ? 3 : n > 0xff ? 2 : 1;
		head[1] = (uint8_t)(0x80 | bytes);
		for (size_t i = 0; i < bytes; i++)
			head[2 + i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
		h = 2 + bytes;
	}
	lm_buf_add(b, head, h);
	if (b->bad)
		return;
	memmove(b->p + at + h, b->p + at, n);
	memcpy(b->p + at, head, h);
}

void rg_der_add(struct lm_buf *b, uint8_t tag, const void *p, size_t n)
{
	size_t at = b->n;
	lm_buf_add(b, p, n);
	rg_der_wrap(b, at, tag);
}

static void arc(struct lm_buf *b, uint32_t v)
{
	for (int shift = 28; shift > 0; shift -= 7) {
		if (v >> shift)
			lm_buf_u8(b, (uint8_t)(0x80 | (v >> shift & 0x7f)));
	}
	lm_buf_u8(b, v & 0x7f);
}

void rg_der_oid(struct lm_buf *b, const char *dotted)
{
	size_t at = b->n;
	uint32_t v = 0, first = 0;
	int index = 0;
	for (const char *p = dotted;; p++) {
		if (*p >= '0' && *p <= '9') {
			v = v * 10 + (uint32_t)(*p - '0');
			continue;
		}
		if (index == 0)
			first = v;
		else
			arc(b, index == 1 ? first * 40 + v : v);
		index++;
		v = 0;
		if (!*p)
			break;
	}
	rg_der_wrap(b, at, 0x06);
}

void rg_der_alg(struct lm_buf *b, const char *dotted)
{
	size_t at = b->n;
	rg_der_oid(b, dotted);
	rg_der_add(b, 0x05, "", 0);
	rg_der_wrap(b, at, 0x30);
}

static size_t element_length(struct lm_bytes b)
{
	struct lm_rd rd = lm_rd_of(b);
	lm_rd_u8(&rd);
	size_t n = lm_rd_u8(&rd);
	if (n & 0x80) {
		size_t bytes = n & 0x7f;
		for (n = 0; bytes; bytes--)
			n = n << 8 | lm_rd_u8(&rd);
	}
	lm_rd_skip(&rd, n);
	if (rd.bad)
		abort(); /* we wrote it */
	return rd.pos;
}

static int by_bytes(const void *x, const void *y)
{
	const struct lm_bytes *a = x, *b = y;
	int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
	return c ? c : (a->n > b->n) - (a->n < b->n);
}

void rg_der_sort(struct lm_buf *b, size_t at)
{
	size_t n = b->n - at, count = 0;
	uint8_t *copy = lm_xalloc(n);
	struct lm_bytes all = { copy, n }, items[16];
	memcpy(copy, b->p + at, n);
	for (size_t pos = 0; pos < n && count < 16; pos += items[count++].n) {
		struct lm_bytes rest = lm_bytes_part(all, pos, n);
		items[count] = lm_bytes_part(rest, 0, element_length(rest));
	}
	qsort(items, count, sizeof *items, by_bytes);
	b->n = at;
	for (size_t i = 0; i < count; i++)
		lm_buf_add(b, items[i].p, items[i].n);
	free(copy);
}
