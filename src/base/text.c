/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

static inline char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool lm_str_eq_ci(struct lm_str a, struct lm_str b)
{
	return a.n == b.n && lm_str_starts_ci(a, b);
}

bool lm_str_starts_ci(struct lm_str s, struct lm_str prefix)
{
	if (s.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++)
		if (lower(s.p[i]) != lower(prefix.p[i]))
			return false;
	return true;
}

bool lm_str_ends_ci(struct lm_str s, struct lm_str suffix)
{
	return s.n >= suffix.n && lm_str_starts_ci(lm_str_part(s, s.n - suffix.n, s.n), suffix);
}

int lm_str_cmp(struct lm_str a, struct lm_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct lm_str lm_str_trim(struct lm_str s)
{
	while (s.n && is_space(s.p[0]))
		s.p++, s.n--;
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

size_t lm_str_find(struct lm_str s, char c, size_t from)
{
	if (from >= s.n)
		return SIZE_MAX;
	const char *hit = memchr(s.p + from, c, s.n - from);
	return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t lm_str_rfind(struct lm_str s, char c)
{
	for (size_t i = s.n; i-- > 0;)
		if (s.p[i] == c)
			return i;
	return SIZE_MAX;
}

struct lm_str lm_str_part(struct lm_str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct lm_str){ s.p ? s.p + from : NULL, to - from };
}

bool lm_str_split(struct lm_str *rest, char sep, struct lm_str *part)
{
	if (!rest->p)
		return false;
	size_t at = lm_str_find(*rest, sep, 0);
	if (at == SIZE_MAX) {
		*part = *rest;
		*rest = (struct lm_str){ 0 };
	} else {
		*part = lm_str_part(*rest, 0, at);
		*rest = lm_str_part(*rest, at + 1, rest->n);
	}
	return true;
}

struct lm_str lm_str_lower(struct lm_arena *a, struct lm_str s)
{
	if (!s.p)
		return s;
	char *p = lm_arena_alloc(a, s.n);
	if (!p)
		return (struct lm_str){ 0 };
	for (size_t i = 0; i < s.n; i++)
		p[i] = lower(s.p[i]);
	return (struct lm_str){ p, s.n };
}

struct lm_str lm_path_base(struct lm_str path)
{
	size_t i = path.n;
	while (i > 0 && path.p[i - 1] != '/' && path.p[i - 1] != '\\')
		i--;
	return lm_str_part(path, i, path.n);
}

bool lm_str_glob(struct lm_str pattern, struct lm_str s)
{
	size_t p = 0, i = 0, star = SIZE_MAX, mark = 0;
	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = i;
		} else if (p < pattern.n && (pattern.p[p] == '?' || lower(pattern.p[p]) == lower(s.p[i]))) {
			p++, i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

bool lm_str_u64(struct lm_str s, uint64_t *out)
{
	uint64_t v = 0;
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool lm_str_i64(struct lm_str s, int64_t *out)
{
	bool neg = s.n && s.p[0] == '-';
	uint64_t v;
	if (!lm_str_u64(lm_str_part(s, neg, s.n), &v) || v > (uint64_t)INT64_MAX + neg)
		return false;
	*out = neg ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t lm_str_unhex(struct lm_str s, uint8_t *out, size_t cap)
{
	if (s.n % 2 || s.n / 2 > cap)
		return SIZE_MAX;
	for (size_t i = 0; i < s.n; i += 2) {
		int hi = hex_digit(s.p[i]), lo = hex_digit(s.p[i + 1]);
		if (hi < 0 || lo < 0)
			return SIZE_MAX;
		out[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	return s.n / 2;
}

static size_t put_utf8(char *p, uint32_t c)
{
	if (c < 0x80) {
		p[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		p[0] = (char)(0xc0 | c >> 6);
		p[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		p[0] = (char)(0xe0 | c >> 12);
		p[1] = (char)(0x80 | (c >> 6 & 0x3f));
		p[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	p[0] = (char)(0xf0 | c >> 18);
	p[1] = (char)(0x80 | (c >> 12 & 0x3f));
	p[2] = (char)(0x80 | (c >> 6 & 0x3f));
	p[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

struct lm_str lm_utf16le(struct lm_arena *a, struct lm_bytes b)
{
	struct lm_rd r = lm_rd_of(b);
	char *p = b.n / 2 <= SIZE_MAX / 3 ? lm_arena_alloc(a, b.n / 2 * 3) : NULL;
	if (!p)
		return (struct lm_str){ 0 };
	size_t n = 0;
	while (lm_rd_left(&r) >= 2) {
		uint32_t c = lm_rd_u16le(&r);
		if (c >= 0xd800 && c < 0xdc00 && lm_rd_left(&r) >= 2) {
			struct lm_rd ahead = r;
			uint32_t low = lm_rd_u16le(&ahead);
			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				r = ahead;
			}
		}
		if (c >= 0xd800 && c < 0xe000)
			c = 0xfffd;
		n += put_utf8(p + n, c);
	}
	return (struct lm_str){ p, n };
}

size_t lm_utf8_step(struct lm_str s)
{
	if (s.n == 0)
		return 0;
	const uint8_t *p = (const uint8_t *)s.p;
	if (p[0] < 0x80)
		return 1;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || s.n < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

bool lm_utf8_valid(struct lm_str s)
{
	while (s.n) {
		size_t k = lm_utf8_step(s);
		if (!k)
			return false;
		s = lm_str_part(s, k, s.n);
	}
	return true;
}

#define REPLACEMENT "\xef\xbf\xbd"

void lm_put_json(struct lm_buf *b, struct lm_str s)
{
	lm_buf_putc(b, '"');
	while (s.n) {
		size_t k = lm_utf8_step(s);
		unsigned char c = (unsigned char)s.p[0];
		if (k == 0)
			lm_buf_puts(b, REPLACEMENT);
		else if (c == '"' || c == '\\')
			lm_buf_fmt(b, "\\%c", c);
		else if (c == '\n')
			lm_buf_puts(b, "\\n");
		else if (c == '\r')
			lm_buf_puts(b, "\\r");
		else if (c == '\t')
			lm_buf_puts(b, "\\t");
		else if (c < 0x20 || c == 0x7f)
			lm_buf_fmt(b, "\\u%04x", c);
		else
			lm_buf_add(b, s.p, k);
		s = lm_str_part(s, k ? k : 1, s.n);
	}
	lm_buf_putc(b, '"');
}

void lm_put_html(struct lm_buf *b, struct lm_str s)
{
	while (s.n) {
		size_t k = lm_utf8_step(s);
		unsigned char c = (unsigned char)s.p[0];
		if (k == 0 || c == 0x7f || (c < 0x20 && c != '\n' && c != '\t'))
			lm_buf_puts(b, REPLACEMENT);
		else if (c == '<')
			lm_buf_puts(b, "&lt;");
		else if (c == '>')
			lm_buf_puts(b, "&gt;");
		else if (c == '&')
			lm_buf_puts(b, "&amp;");
		else if (c == '"')
			lm_buf_puts(b, "&quot;");
		else if (c == '\'')
			lm_buf_puts(b, "&#39;");
		else
			lm_buf_add(b, s.p, k);
		s = lm_str_part(s, k ? k : 1, s.n);
	}
}

/* Code points that change how later text is shown: C1, soft hyphen, bidirectional, zero-width, tags. */
bool lm_is_deceptive(uint32_t c)
{
	return (c >= 0x80 && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

/* The code point of the valid sequence of k bytes at s. */
static uint32_t code_point(struct lm_str s, size_t k)
{
	const uint8_t *p = (const uint8_t *)s.p;
	switch (k) {
	case 2:
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	case 3:
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	case 4:
		return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 | (uint32_t)(p[2] & 0x3f) << 6 |
		       (p[3] & 0x3f);
	default:
		return p[0];
	}
}

void lm_put_csv(struct lm_buf *b, struct lm_str s)
{
	/* a spreadsheet runs a cell that begins like a formula: CSV injection, CWE-1236 */
	bool formula = s.n && (s.p[0] == '=' || s.p[0] == '+' || s.p[0] == '-' || s.p[0] == '@' || s.p[0] == '\t' ||
			       s.p[0] == '\r');
	bool quote = formula;
	for (size_t i = 0; i < s.n && !quote; i++)
		quote = s.p[i] == '"' || s.p[i] == ',' || s.p[i] == '\n' || s.p[i] == '\r';
	if (quote)
		lm_buf_putc(b, '"');
	if (formula)
		lm_buf_putc(b, '\'');
	while (s.n) {
		size_t k = lm_utf8_step(s);
		uint32_t c = k ? code_point(s, k) : 0;
		/* the file is shown by spreadsheets and by cat alike: controls and invisible marks do not pass */
		bool control = (c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f || lm_is_deceptive(c);
		if (k == 0 || control)
			lm_buf_puts(b, REPLACEMENT);
		else if (c == '"')
			lm_buf_puts(b, "\"\"");
		else
			lm_buf_add(b, s.p, k);
		s = lm_str_part(s, k ? k : 1, s.n);
	}
	if (quote)
		lm_buf_putc(b, '"');
}

void lm_put_terminal(struct lm_buf *b, struct lm_str s)
{
	while (s.n) {
		size_t k = lm_utf8_step(s);
		uint32_t c = k ? code_point(s, k) : 0;
		if (k == 0 || (k == 1 && (c < 0x20 || c == 0x7f)))
			lm_buf_fmt(b, "\\x%02x", (unsigned char)s.p[0]);
		else if (lm_is_deceptive(c))
			lm_buf_fmt(b, "\\u%04x", c);
		else
			lm_buf_add(b, s.p, k);
		s = lm_str_part(s, k ? k : 1, s.n);
	}
}
