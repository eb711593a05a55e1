/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct lm_arena_block {
	struct lm_arena_block *prev;
	size_t size, fill;
	_Alignas(max_align_t) uint8_t data[];
};

/* With LM_ARENA_DEBUG every object is a block of its own, so that ASan sees an overrun of one byte. */
#ifdef LM_ARENA_DEBUG
#define BLOCK_MIN 0
#else
#define BLOCK_MIN 16384
#endif

static unsigned long fail_at, allocations;

void lm_arena_fail_at(unsigned long n)
{
	fail_at = n;
	allocations = 0;
}

unsigned long lm_arena_count(void)
{
	return allocations;
}

void lm_arena_init(struct lm_arena *a, size_t budget_bytes)
{
	*a = (struct lm_arena){ .budget = budget_bytes };
}

void lm_arena_fini(struct lm_arena *a)
{
	lm_arena_reset(a, (struct lm_arena_mark){ 0 });
}

static bool round_up(size_t *n)
{
	const size_t align = _Alignof(max_align_t);
	if (*n > SIZE_MAX - align)
		return false;
	*n = (*n + align - 1) & ~(align - 1);
	if (*n == 0)
		*n = align;
	return true;
}

void *lm_arena_alloc(struct lm_arena *a, size_t want)
{
	size_t n = want;
	allocations++;
	if (fail_at && --fail_at == 0)
		goto refused;
	if (!round_up(&n) || n > a->budget - a->used)
		goto refused;
	struct lm_arena_block *b = a->head;
	if (!b || n > b->size - b->fill) {
		size_t size = n > BLOCK_MIN ? n : BLOCK_MIN;
#ifdef LM_ARENA_DEBUG
		size = want ? want : 1;
#endif
		if (size > SIZE_MAX - sizeof *b)
			goto refused;
		b = malloc(sizeof *b + size);
		if (!b)
			goto refused;
		b->prev = a->head;
		b->size = size;
		b->fill = 0;
		a->head = b;
	}
	uint8_t *p = b->data + b->fill;
#ifdef LM_ARENA_DEBUG
	b->fill = b->size;
	memset(p, 0, b->size);
#else
	b->fill += n;
	memset(p, 0, n);
#endif
	a->used += n;
	return p;
refused:
	a->spent = true;
	return NULL;
}

void *lm_arena_calloc(struct lm_arena *a, size_t count, size_t size)
{
	size_t n;
	if (__builtin_mul_overflow(count, size, &n)) {
		a->spent = true;
		return NULL;
	}
	return lm_arena_alloc(a, n);
}

struct lm_str lm_arena_str(struct lm_arena *a, struct lm_str s)
{
	if (!s.p)
		return s;
	char *p = lm_arena_alloc(a, s.n);
	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p ? (struct lm_str){ p, s.n } : (struct lm_str){ 0 };
}

struct lm_bytes lm_arena_bytes(struct lm_arena *a, struct lm_bytes b)
{
	return lm_str_bytes(lm_arena_str(a, lm_bytes_str(b)));
}

char *lm_arena_cstr(struct lm_arena *a, struct lm_str s)
{
	char *p = s.n < SIZE_MAX ? lm_arena_alloc(a, s.n + 1) : NULL;
	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

struct lm_str lm_arena_fmt(struct lm_arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = n < 0 ? NULL : lm_arena_alloc(a, (size_t)n + 1);
	if (!p)
		return (struct lm_str){ 0 };
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct lm_str){ p, (size_t)n };
}

struct lm_arena_mark lm_arena_mark(const struct lm_arena *a)
{
	return (struct lm_arena_mark){ a->head, a->head ? a->head->fill : 0, a->used };
}

void lm_arena_reset(struct lm_arena *a, struct lm_arena_mark m)
{
	while (a->head && a->head != m.head) {
		struct lm_arena_block *b = a->head;
		a->head = b->prev;
		free(b);
	}
	if (a->head)
		a->head->fill = m.fill;
	a->used = m.used;
}

static void die_of_memory(size_t n)
{
	fprintf(stderr, "limier: out of memory for %zu bytes\n", n);
	abort();
}

void *lm_xalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);
	if (!p)
		die_of_memory(n);
	return p;
}

void *lm_xrealloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);
	if (!q)
		die_of_memory(n);
	return q;
}

char *lm_xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(lm_xalloc(n), s, n);
}
