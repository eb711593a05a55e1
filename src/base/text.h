/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - text from hostile input: numbers, comparison, patterns, encodings, escaping.
 *
 * No function here needs a NUL-terminated string or looks at the locale. strtol, atoi and sscanf are
 * banned in src/ (tools/check-style).
 */
#ifndef LM_BASE_TEXT_H
#define LM_BASE_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

/* ASCII only; other bytes compare as they are. */
bool lm_str_eq_ci(struct lm_str a, struct lm_str b);
bool lm_str_starts_ci(struct lm_str s, struct lm_str prefix);
bool lm_str_ends_ci(struct lm_str s, struct lm_str suffix);
/* memcmp order, shorter first on a tie: the one order of everything printed. */
int lm_str_cmp(struct lm_str a, struct lm_str b);
/* Without ASCII white space at both ends; a view into s. */
struct lm_str lm_str_trim(struct lm_str s);
/* Index of the first `c` at or after `from`, or SIZE_MAX. */
size_t lm_str_find(struct lm_str s, char c, size_t from);
/* Index of the last `c`, or SIZE_MAX. */
size_t lm_str_rfind(struct lm_str s, char c);
/* The part [from, to) with both ends clamped to s. */
struct lm_str lm_str_part(struct lm_str s, size_t from, size_t to);
/* Takes the text up to `sep` off *rest (the separator goes too). False when *rest is used up (unset). */
bool lm_str_split(struct lm_str *rest, char sep, struct lm_str *part);
/* Lower-case ASCII copy in the arena; unset on refusal. */
struct lm_str lm_str_lower(struct lm_arena *a, struct lm_str s);
/* The last component of a path with / or \ as separators. */
struct lm_str lm_path_base(struct lm_str path);
/* `*` any run, `?` one byte, ASCII case-insensitive, linear in time (one backtrack point). */
bool lm_str_glob(struct lm_str pattern, struct lm_str s);

/* Whole text must be the number; false on overflow, sign errors or other bytes. */
bool lm_str_u64(struct lm_str s, uint64_t *out);
bool lm_str_i64(struct lm_str s, int64_t *out);
/* Hex digits only, no prefix, even count, at most `cap` bytes out. Returns bytes written, or SIZE_MAX. */
size_t lm_str_unhex(struct lm_str s, uint8_t *out, size_t cap);

/* UTF-16LE bytes to UTF-8; unpaired surrogates become U+FFFD; an odd last byte is dropped. Unset on refusal. */
struct lm_str lm_utf16le(struct lm_arena *a, struct lm_bytes b);
/* True when s is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool lm_utf8_valid(struct lm_str s);
/* Length of the valid sequence at the start of s, 0 when it is none. */
size_t lm_utf8_step(struct lm_str s);
/* True for code points that are invisible or change how the text after them is shown (C1, bidi, zero-width, tags). */
bool lm_is_deceptive(uint32_t c);

/*
 * Escaping. All take any bytes; what is not valid UTF-8 comes out as U+FFFD (JSON, HTML, CSV) or \xNN
 * (terminal), so the output is always valid UTF-8.
 */
void lm_put_json(struct lm_buf *b, struct lm_str s);	 /* with the quotes */
void lm_put_html(struct lm_buf *b, struct lm_str s);	 /* for text and for double-quoted attributes */
void lm_put_csv(struct lm_buf *b, struct lm_str s);	 /* RFC 4180; a leading = + - @ gets a ' before it */
void lm_put_terminal(struct lm_buf *b, struct lm_str s); /* C0, C1, DEL and bidi controls made visible */

#endif
