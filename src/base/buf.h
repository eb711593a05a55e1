/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - growing text or byte buffer with a maximum; sticky when it overflows.
 *
 * After the first append that would pass `max` the buffer is `bad`, later appends do nothing, and the
 * writer tests once at the end. `p` is always NUL-terminated when not NULL.
 */
#ifndef LM_BASE_BUF_H
#define LM_BASE_BUF_H

#include "base/bytes.h"

struct lm_buf {
	char *p;
	size_t n, cap, max;
	bool bad;
};

void lm_buf_init(struct lm_buf *b, size_t max);
void lm_buf_fini(struct lm_buf *b);
/* Empties and clears `bad`; keeps the memory. */
void lm_buf_clear(struct lm_buf *b);
void lm_buf_add(struct lm_buf *b, const void *p, size_t n);
void lm_buf_str(struct lm_buf *b, struct lm_str s);
void lm_buf_puts(struct lm_buf *b, const char *s);
void lm_buf_putc(struct lm_buf *b, char c);
void lm_buf_fmt(struct lm_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Little-endian integers, for frames. */
void lm_buf_u8(struct lm_buf *b, uint8_t v);
void lm_buf_u16le(struct lm_buf *b, uint16_t v);
void lm_buf_u32le(struct lm_buf *b, uint32_t v);
void lm_buf_u64le(struct lm_buf *b, uint64_t v);
/* Lower-case hex of bytes. */
void lm_buf_hex(struct lm_buf *b, struct lm_bytes bytes);

/* Borrowed view of the content, valid until the next append. */
static inline struct lm_str lm_buf_view(const struct lm_buf *b)
{
	return (struct lm_str){ b->p ? b->p : "", b->n };
}

#endif
