/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.h - views and the sticky-error cursor, the only way a format parser touches file bytes.
 *
 * A view owns nothing and is not NUL-terminated; whoever returns one says what it borrows from.
 * A cursor is a view with a position and a `bad` bit: after one failed read every read yields zero,
 * so a parser reads a whole structure and tests `bad` once. Lengths read from a file become
 * sub-cursors at once; a child cannot leave its parent.
 */
#ifndef LM_BASE_BYTES_H
#define LM_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct lm_bytes {
	const uint8_t *p;
	size_t n;
};

/* Text, by convention UTF-8 but never trusted to be. p == NULL means unset; "" is p != NULL, n == 0. */
struct lm_str {
	const char *p;
	size_t n;
};

#define LM_STR(lit) ((struct lm_str){ (lit), sizeof(lit) - 1 })
#define LM_STR_ARG(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), ((s).p ? (s).p : "")

static inline struct lm_str lm_cstr(const char *s)
{
	return s ? (struct lm_str){ s, strlen(s) } : (struct lm_str){ 0 };
}

static inline bool lm_str_eq(struct lm_str a, struct lm_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool lm_bytes_eq(struct lm_bytes a, struct lm_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline struct lm_str lm_bytes_str(struct lm_bytes b)
{
	return (struct lm_str){ (const char *)b.p, b.n };
}

static inline struct lm_bytes lm_str_bytes(struct lm_str s)
{
	return (struct lm_bytes){ (const uint8_t *)s.p, s.n };
}

/* The part [at, at + n) of b, cut where b ends; an empty view when `at` lies outside. */
static inline struct lm_bytes lm_bytes_part(struct lm_bytes b, uint64_t at, uint64_t n)
{
	if (at >= b.n)
		return (struct lm_bytes){ 0 };
	size_t left = b.n - (size_t)at;
	return (struct lm_bytes){ b.p + at, n < left ? (size_t)n : left };
}

struct lm_rd {
	const uint8_t *base;
	size_t n, pos;
	bool bad;
};

static inline struct lm_rd lm_rd_of(struct lm_bytes b)
{
	return (struct lm_rd){ b.p, b.n, 0, false };
}

static inline bool lm_rd_need(struct lm_rd *r, size_t k)
{
	if (r->bad || k > r->n - r->pos) /* never pos + k > n: that sum can wrap */
		r->bad = true;
	return !r->bad;
}

static inline size_t lm_rd_left(const struct lm_rd *r)
{
	return r->bad ? 0 : r->n - r->pos;
}

static inline struct lm_bytes lm_rd_take(struct lm_rd *r, uint64_t k)
{
	if (k > SIZE_MAX || !lm_rd_need(r, (size_t)k)) {
		r->bad = true;
		return (struct lm_bytes){ 0 };
	}
	if (!r->base) /* an empty view without bytes: adding to NULL would be undefined */
		return (struct lm_bytes){ 0 };
	r->pos += (size_t)k;
	return (struct lm_bytes){ r->base + r->pos - (size_t)k, (size_t)k };
}

static inline void lm_rd_skip(struct lm_rd *r, uint64_t k)
{
	(void)lm_rd_take(r, k);
}

/* Child over the next k bytes, which the parent skips. */
static inline struct lm_rd lm_rd_sub(struct lm_rd *r, uint64_t k)
{
	struct lm_bytes b = lm_rd_take(r, k);
	return (struct lm_rd){ b.p, b.n, 0, r->bad };
}

/* Position from the cursor's start; 64 bits, compared before narrowing. */
static inline void lm_rd_seek(struct lm_rd *r, uint64_t at)
{
	if (!(r->bad = r->bad || at > r->n))
		r->pos = (size_t)at;
}

static inline uint8_t lm_rd_u8(struct lm_rd *r)
{
	if (!lm_rd_need(r, 1))
		return 0;
	return r->base[r->pos++];
}

/*
 * The wide forms do not go through lm_rd_take: measured, that costs up to ten more instructions a
 * record in the hot readers.
 */
static inline uint16_t lm_rd_u16le(struct lm_rd *r)
{
	if (!lm_rd_need(r, 2))
		return 0;
	const uint8_t *p = r->base + r->pos;
	r->pos += 2;
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t lm_rd_u32le(struct lm_rd *r)
{
	if (!lm_rd_need(r, 4))
		return 0;
	const uint8_t *p = r->base + r->pos;
	r->pos += 4;
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t lm_rd_u64le(struct lm_rd *r)
{
	uint64_t lo = lm_rd_u32le(r), hi = lm_rd_u32le(r);
	return r->bad ? 0 : lo | hi << 32;
}

static inline uint16_t lm_rd_u16be(struct lm_rd *r)
{
	uint16_t v = lm_rd_u16le(r);
	return (uint16_t)(v << 8 | v >> 8);
}

static inline uint32_t lm_rd_u32be(struct lm_rd *r)
{
	return __builtin_bswap32(lm_rd_u32le(r));
}

static inline uint64_t lm_rd_u64be(struct lm_rd *r)
{
	return __builtin_bswap64(lm_rd_u64le(r));
}

#ifdef __cplusplus
extern "C" {
#endif

/* True when every byte of b is zero (true for an empty view). */
bool lm_bytes_all_zero(struct lm_bytes b);

/* Number of non-zero bytes in b; *first (may be NULL) gets the index of the first one. */
size_t lm_bytes_count_nonzero(struct lm_bytes b, size_t *first);

/* Index of the first occurrence of `needle` in `hay`, or SIZE_MAX. An empty needle is at 0. */
size_t lm_bytes_find(struct lm_bytes hay, struct lm_bytes needle);

#ifdef __cplusplus
}
#endif

#endif
