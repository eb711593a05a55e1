/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv.c - delimited text. Specification: RFC 4180; in the wild: other separators, ragged rows, stray quotes.
 *
 * In:  any bytes. Out: rows of cells. Limits: a row of 1 MiB, 256 cells. Quotes that open a cell spanning lines and
 * never close would have every line scanned to the end of the text; the bytes scanned in vain are counted, and once
 * they pass four times the text no further cell may span lines.
 */
#include "read/csv.h"

#include "base/text.h"

/* A line longer than this is no row of any list. */
#define ROW_MAX (1u << 20)

static struct lm_str left_of(const struct lm_rd *r)
{
	struct lm_rd ahead = *r;
	return lm_bytes_str(lm_rd_take(&ahead, lm_rd_left(&ahead)));
}

/* The most frequent candidate outside quotes. */
static char find_separator(struct lm_str line)
{
	static const char seps[] = { ',', ';', '\t', '|' };
	size_t count[sizeof seps] = { 0 }, best = 0;
	bool inside = false;
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"')
			inside = !inside;
		for (size_t k = 0; k < sizeof seps && !inside; k++)
			count[k] += line.p[i] == seps[k];
	}
	for (size_t k = 1; k < sizeof seps; k++)
		if (count[k] > count[best])
			best = k;
	return seps[best];
}

/* The bytes up to and including the next line end; quotes are not looked at. */
static struct lm_str line_of(const struct lm_csv *c, struct lm_str rest)
{
	size_t end = lm_str_find(rest, c->eol, 0);
	return lm_str_part(rest, 0, end == SIZE_MAX ? rest.n : end + 1);
}

enum lm_rc lm_csv_open(struct lm_csv *c, struct lm_arena *a, struct lm_bytes data)
{
	memset(c, 0, sizeof *c);
	c->arena = a;
	if (data.n >= 2 && memcmp(data.p, "\xff\xfe", 2) == 0) {
		struct lm_str text = lm_utf16le(a, lm_bytes_part(data, 2, data.n));
		if (!text.p)
			return LM_ELIMIT;
		data = lm_str_bytes(text);
	}
	c->rd = lm_rd_of(data);
	if (data.n >= 3 && memcmp(data.p, "\xef\xbb\xbf", 3) == 0)
		lm_rd_skip(&c->rd, 3);
	struct lm_str text = left_of(&c->rd);
	c->eol = lm_str_find(text, '\n', 0) == SIZE_MAX && lm_str_find(text, '\r', 0) != SIZE_MAX ? '\r' : '\n';
	c->sep = find_separator(lm_str_part(line_of(c, text), 0, 65536));
	c->retries = 4 * (uint64_t)data.n;
	c->mark = lm_arena_mark(a);
	return LM_OK;
}

static void add_cell(struct lm_csv *c, struct lm_str s)
{
	if (c->n < LM_CSV_CELLS)
		c->cell[c->n++] = lm_str_trim(s);
}

static struct lm_str without_line_end(struct lm_str s)
{
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* `text` with "" made ", in the arena. */
static enum lm_rc undouble(struct lm_csv *c, struct lm_str text, struct lm_str *out)
{
	char *p = lm_arena_alloc(c->arena, text.n);
	size_t n = 0;
	if (!p)
		return LM_ELIMIT;
	for (size_t i = 0; i < text.n; i++) {
		p[n++] = text.p[i];
		if (text.p[i] == '"')
			i++;
	}
	*out = (struct lm_str){ p, n };
	return LM_OK;
}

/* What may stand behind a closing quote: blanks, then the separator or the line's end. */
static bool ends_cell(const struct lm_csv *c, struct lm_str text, size_t at)
{
	while (at < text.n && text.p[at] == ' ')
		at++;
	return at >= text.n || text.p[at] == c->sep || text.p[at] == '\n' || text.p[at] == '\r';
}

/* The quoted cell whose text begins at *at; *at ends behind the closing quote, or where the search gave up. */
static enum lm_rc quoted(struct lm_csv *c, struct lm_str text, size_t *at, struct lm_str *out)
{
	size_t from = *at;
	bool doubled = false;
	for (;;) {
		size_t q = lm_str_find(text, '"', *at);
		if (q == SIZE_MAX) {
			*at = text.n;
			return LM_ECORRUPT;
		}
		*at = q + 1;
		if (q + 1 < text.n && text.p[q + 1] == '"') {
			doubled = true;
			*at = q + 2;
			continue;
		}
		*out = lm_str_part(text, from, q);
		if (!ends_cell(c, text, *at) && lm_str_find(*out, c->eol, 0) != SIZE_MAX)
			return LM_ECORRUPT; /* that was the quote of another line's cell */
		return doubled ? undouble(c, *out, out) : LM_OK;
	}
}

/* A row with quotes, which may span lines as far as `text` goes; *at ends behind it. */
static enum lm_rc quoted_row(struct lm_csv *c, struct lm_str text, size_t *at)
{
	for (;;) {
		size_t start = *at;
		bool is_quoted;
		while (start < text.n && text.p[start] == ' ')
			start++;
		is_quoted = start < text.n && text.p[start] == '"';
		if (is_quoted) {
			struct lm_str cell;
			*at = start + 1;
			enum lm_rc rc = quoted(c, text, at, &cell);
			if (rc != LM_OK)
				return rc;
			add_cell(c, cell);
		}
		/* up to the separator or the line end: the cell, or what wrongly follows a closing quote */
		size_t end = *at;
		while (end < text.n && text.p[end] != c->sep && text.p[end] != c->eol)
			end++;
		if (!is_quoted)
			add_cell(c, without_line_end(lm_str_part(text, *at, end)));
		*at = end < text.n ? end + 1 : end;
		if (end >= text.n || text.p[end] == c->eol)
			return LM_OK;
	}
}

enum lm_rc lm_csv_next(struct lm_csv *c)
{
	struct lm_str line, rest;
	lm_arena_reset(c->arena, c->mark);
	c->n = 0;
	for (;;) {
		if (lm_rd_left(&c->rd) == 0)
			return LM_END;
		rest = left_of(&c->rd);
		line = line_of(c, rest);
		c->offset = c->rd.pos;
		c->row++;
		if (without_line_end(line).n)
			break;
		lm_rd_skip(&c->rd, line.n); /* empty line */
	}
	c->length = line.n;
	if (line.n > ROW_MAX) {
		lm_rd_skip(&c->rd, line.n);
		return LM_ECORRUPT;
	}
	if (lm_str_find(line, '"', 0) == SIZE_MAX) {
		struct lm_str cells = without_line_end(line), cell;
		while (lm_str_split(&cells, c->sep, &cell))
			add_cell(c, cell);
		lm_rd_skip(&c->rd, line.n);
		return LM_OK;
	}
	size_t at = 0;
	enum lm_rc rc = quoted_row(c, c->retries ? lm_str_part(rest, 0, ROW_MAX) : line, &at);
	if (rc == LM_ECORRUPT) {
		/* the quote never closes: give up this line, not the rest of the file */
		c->retries -= at < c->retries ? at : c->retries;
		c->n = 0;
		lm_rd_skip(&c->rd, line.n);
		return rc;
	}
	c->length = at;
	lm_rd_skip(&c->rd, at);
	return rc;
}

struct lm_str lm_csv_cell(const struct lm_csv *c, size_t i)
{
	return i < c->n && c->cell[i].n ? c->cell[i] : (struct lm_str){ 0 };
}
