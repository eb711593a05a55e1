/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory of one unit of work, with a byte budget.
 *
 * Two classes of memory exist. What the input sizes comes from an arena and may fail: the caller
 * turns NULL into LM_ELIMIT. What we size ourselves comes from lm_xalloc and aborts. Objects of an
 * arena are never freed singly; everything taken after a mark goes with lm_arena_reset.
 */
#ifndef LM_BASE_ARENA_H
#define LM_BASE_ARENA_H

#include "base/bytes.h"

struct lm_arena_block;

struct lm_arena {
	struct lm_arena_block *head;
	size_t used, budget; /* bytes handed out, with headers, and their limit */
	bool spent;	     /* an allocation was refused: the result is incomplete */
};

struct lm_arena_mark {
	struct lm_arena_block *head;
	size_t fill, used;
};

/* `budget_bytes` bounds everything the arena will ever hold at one time. */
void lm_arena_init(struct lm_arena *a, size_t budget_bytes);
void lm_arena_fini(struct lm_arena *a);

/* Zeroed, aligned for any type; NULL when the budget or the system is out of memory. n == 0 is valid. */
void *lm_arena_alloc(struct lm_arena *a, size_t n);
/* count * size with the overflow tested. */
void *lm_arena_calloc(struct lm_arena *a, size_t count, size_t size);
/* Copies live in the arena; an unset view stays unset; p == NULL with n > 0 means the budget refused. */
struct lm_str lm_arena_str(struct lm_arena *a, struct lm_str s);
struct lm_bytes lm_arena_bytes(struct lm_arena *a, struct lm_bytes b);
/* NUL-terminated copy for C interfaces; NULL on refusal. Bytes after an embedded NUL are kept but unseen. */
char *lm_arena_cstr(struct lm_arena *a, struct lm_str s);
/* Formatted text; unset on refusal. */
struct lm_str lm_arena_fmt(struct lm_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct lm_arena_mark lm_arena_mark(const struct lm_arena *a);
/* Frees all that was taken since the mark; marks taken later become invalid. */
void lm_arena_reset(struct lm_arena *a, struct lm_arena_mark m);

/* Never NULL: aborts with a message. For sizes that we fix, never for sizes from evidence. */
void *lm_xalloc(size_t n);
void *lm_xrealloc(void *p, size_t n);
char *lm_xstrdup(const char *s);

/*
 * Fault injection for tests: the n-th arena allocation from now on (1 = the next) fails, once.
 * 0 switches it off. Not thread-safe; limier has no threads.
 */
void lm_arena_fail_at(unsigned long n);
/* How many arena allocations were made since lm_arena_fail_at was last called. */
unsigned long lm_arena_count(void);

#endif
