/* SPDX-License-Identifier: Apache-2.0 */
#include "read/csv.h"

#include "base/text.h"

/* A line longer than this is no row of any list. */
#define ROW_MAX (1u << 20)

static char find_separator(struct lm_str line)
{
	static const char seps[] = { ',', ';', '\t', '|' };
	size_t best = 0;
	char sep = ',';
	for (size_t i = 0; i < sizeof seps; i++) {
		size_t n = 0;
		for (size_t at = lm_str_find(line, seps[i], 0); at != SIZE_MAX; at = lm_str_find(line, seps[i], at + 1))
			n++;
		if (n > best)
			best = n, sep = seps[i];
	}
	return sep;
}

/* The bytes up to and including the next line end; quotes are not looked at. */
static struct lm_str peek_line(const struct lm_rd *r)
{
	struct lm_rd ahead = *r;
	struct lm_bytes rest = lm_rd_take(&ahead, lm_rd_left(&ahead));
	struct lm_str s = lm_bytes_str(rest);
	size_t lf = lm_str_find(s, '\n', 0);
	return lm_str_part(s, 0, lf == SIZE_MAX ? s.n : lf + 1);
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
	c->sep = find_separator(peek_line(&c->rd));
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

/* One quoted cell at the cursor, behind its opening quote: the text up to the closing one. */
static enum lm_rc quoted(struct lm_csv *c, struct lm_rd *r, struct lm_str *out)
{
	struct lm_rd ahead = *r;
	struct lm_str rest = lm_bytes_str(lm_rd_take(&ahead, lm_rd_left(&ahead)));
	size_t at = 0, doubled = 0;
	rest = lm_str_part(rest, 0, ROW_MAX);
	for (;;) {
		at = lm_str_find(rest, '"', at);
		if (at == SIZE_MAX)
			return LM_ECORRUPT;
		if (at + 1 >= rest.n || rest.p[at + 1] != '"')
			break;
		doubled++;
		at += 2;
	}
	*out = lm_str_part(rest, 0, at);
	lm_rd_skip(r, at + 1);
	if (!doubled)
		return LM_OK;
	char *p = lm_arena_alloc(c->arena, out->n - doubled);
	if (!p)
		return LM_ELIMIT;
	size_t n = 0;
	for (size_t i = 0; i < out->n; i++) {
		p[n++] = out->p[i];
		if (out->p[i] == '"')
			i++;
	}
	*out = (struct lm_str){ p, n };
	return LM_OK;
}

/* A row with quotes, which may span lines. The cursor ends behind it. */
static enum lm_rc quoted_row(struct lm_csv *c, struct lm_rd *r)
{
	for (;;) {
		struct lm_rd ahead = *r;
		while (lm_rd_left(&ahead)) {
			uint8_t b = lm_rd_u8(&ahead);
			if (b != ' ' || c->sep == ' ')
				break;
			*r = ahead;
		}
		ahead = *r;
		struct lm_str cell;
		bool is_quoted = lm_rd_left(&ahead) && lm_rd_u8(&ahead) == '"';
		if (is_quoted) {
			enum lm_rc rc = quoted(c, &ahead, &cell);
			if (rc != LM_OK)
				return rc;
			*r = ahead;
			add_cell(c, cell);
		}
		/* up to the separator or the line end: the cell, or what wrongly follows a closing quote */
		struct lm_str line = peek_line(r);
		size_t end = lm_str_find(line, c->sep, 0);
		size_t stop = end == SIZE_MAX ? line.n : end;
		if (!is_quoted)
			add_cell(c, without_line_end(lm_str_part(line, 0, stop)));
		lm_rd_skip(r, end == SIZE_MAX ? line.n : end + 1);
		if (end == SIZE_MAX)
			return LM_OK;
	}
}

enum lm_rc lm_csv_next(struct lm_csv *c)
{
	struct lm_str line;
	lm_arena_reset(c->arena, c->mark);
	c->n = 0;
	do {
		if (lm_rd_left(&c->rd) == 0)
			return LM_END;
		line = peek_line(&c->rd);
		c->offset = c->rd.pos;
		c->row++;
		if (without_line_end(line).n == 0)
			lm_rd_skip(&c->rd, line.n); /* empty line */
	} while (without_line_end(line).n == 0);
	c->length = line.n;
	if (line.n > ROW_MAX) {
		lm_rd_skip(&c->rd, line.n);
		return LM_ECORRUPT;
	}
	if (lm_str_find(line, '"', 0) == SIZE_MAX) {
		struct lm_str rest = without_line_end(line), cell;
		while (lm_str_split(&rest, c->sep, &cell))
			add_cell(c, cell);
		lm_rd_skip(&c->rd, line.n);
		return LM_OK;
	}
	struct lm_rd r = c->rd;
	enum lm_rc rc = quoted_row(c, &r);
	if (rc == LM_ECORRUPT) {
		/* the quote never closes: give up this line, not the rest of the file */
		c->n = 0;
		lm_rd_skip(&c->rd, line.n);
		return rc;
	}
	c->length = r.pos - c->rd.pos;
	c->rd = r;
	return rc;
}

struct lm_str lm_csv_cell(const struct lm_csv *c, size_t i)
{
	return i < c->n && c->cell[i].n ? c->cell[i] : (struct lm_str){ 0 };
}
