/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv.c - delimited text, row by row.
 *
 * In:  bytes. Out: cells as views into them; a cell is copied only when it has doubled quotes, a window only when
 *      the text is UTF-16.
 * Limits: 256 cells a row, 256 KiB a row. Time is linear whatever the quotes: a row that does not close is tried
 *      once, after that quotes do not span lines until the place where the attempt ended.
 */
#include "read/csv.h"

#include "base/text.h"

/* UTF-16 is converted this much at a time; any row that is short enough lies whole inside a window. */
#define WINDOW_BYTES (4u * LM_CSV_ROW_MAX)

/* ---- windows ---- */

/* Bytes that a piece of converted text had as UTF-16. */
static uint64_t utf16_bytes(struct lm_str s)
{
	uint64_t units = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		units += (c < 0x80 || c >= 0xc0) + (c >= 0xf0); /* four bytes are a pair of surrogates */
	}
	return units * 2;
}

static enum lm_rc fill_window(struct lm_csv *c)
{
	lm_arena_reset(c->arena, c->window_mark);
	struct lm_bytes part = lm_bytes_part(c->raw, c->raw_pos - c->raw_from, WINDOW_BYTES);
	struct lm_str text = lm_utf16le(c->arena, part);
	if (part.n && !text.p)
		return LM_ELIMIT;
	c->rd = lm_rd_of(lm_str_bytes(text));
	c->window_end = c->raw_pos + part.n;
	c->mark = lm_arena_mark(c->arena);
	return LM_OK;
}

static bool window_is_last(const struct lm_csv *c)
{
	return !c->utf16 || c->window_end >= c->raw_from + c->raw.n;
}

/* What is left of the text, without moving. */
static struct lm_str ahead(const struct lm_csv *c)
{
	struct lm_rd r = c->rd;
	size_t n = lm_rd_left(&r);
	return n ? lm_bytes_str(lm_rd_take(&r, n)) : (struct lm_str){ 0 };
}

static void advance(struct lm_csv *c, struct lm_str text, size_t n)
{
	c->raw_pos += c->utf16 ? utf16_bytes(lm_str_part(text, 0, n)) : n;
	lm_rd_skip(&c->rd, n);
}

/* The text up to and including the next line end; quotes are not looked at. */
static struct lm_str line_of(const struct lm_csv *c, struct lm_str text)
{
	size_t end = lm_str_find(text, c->line_end, 0);
	return lm_str_part(text, 0, end == SIZE_MAX ? text.n : end + 1);
}

static struct lm_str without_line_end(struct lm_str s)
{
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* ---- opening ---- */

static char find_separator(struct lm_str line)
{
	static const char seps[] = { ',', ';', '\t', '|' };
	size_t count[sizeof seps] = { 0 }, best = 0;
	bool in_quotes = false;
	line = lm_str_part(line, 0, LM_CSV_ROW_MAX);
	for (size_t i = 0; i < line.n; i++) {
		in_quotes ^= line.p[i] == '"';
		for (size_t k = 0; !in_quotes && k < sizeof seps; k++)
			count[k] += line.p[i] == seps[k];
	}
	for (size_t k = 1; k < sizeof seps; k++)
		if (count[k] > count[best])
			best = k;
	return seps[best];
}

/* "# exported by ...", "#TYPE Selected.System...": but a first column may be called "#". */
static bool is_comment(struct lm_str line)
{
	return line.n > 1 && line.p[0] == '#' && !memchr(",;\t|\"", line.p[1], 5);
}

enum lm_rc lm_csv_open(struct lm_csv *c, struct lm_arena *a, struct lm_bytes data)
{
	memset(c, 0, sizeof *c);
	c->arena = a;
	c->utf16 = data.n >= 2 && memcmp(data.p, "\xff\xfe", 2) == 0;
	c->raw_from = c->utf16 ? 2 : data.n >= 3 && memcmp(data.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	c->raw = lm_bytes_part(data, c->raw_from, data.n);
	c->raw_pos = c->raw_from;
	c->rd = lm_rd_of(c->raw);
	c->window_mark = c->mark = lm_arena_mark(a);
	if (c->utf16 && fill_window(c) != LM_OK)
		return LM_ELIMIT;
	struct lm_str head = lm_str_part(ahead(c), 0, LM_CSV_ROW_MAX), line;
	c->line_end = lm_str_find(head, '\n', 0) == SIZE_MAX && lm_str_find(head, '\r', 0) != SIZE_MAX ? '\r' : '\n';
	for (;;) {
		struct lm_str text = ahead(c);
		line = line_of(c, text);
		struct lm_str bare = without_line_end(line);
		bool told = bare.n == 5 && lm_str_starts_ci(bare, LM_STR("sep="));
		if (!line.n || (!told && bare.n && !is_comment(bare)))
			break;
		if (told)
			c->sep = bare.p[4];
		advance(c, text, line.n);
		if (c->utf16 && lm_rd_left(&c->rd) < LM_CSV_ROW_MAX && !window_is_last(c) && fill_window(c) != LM_OK)
			return LM_ELIMIT;
	}
	if (!c->sep)
		c->sep = find_separator(line);
	return LM_OK;
}

/* ---- rows ---- */

static void add_cell(struct lm_csv *c, struct lm_str s)
{
	if (c->n < LM_CSV_CELLS)
		c->cell[c->n++] = lm_str_trim(s);
}

/* The text between quotes with its doubled quotes undone. */
static enum lm_rc add_quoted(struct lm_csv *c, struct lm_str s, size_t doubled)
{
	if (!doubled || c->n == LM_CSV_CELLS) {
		add_cell(c, s);
		return LM_OK;
	}
	char *p = lm_arena_alloc(c->arena, s.n - doubled);
	size_t n = 0;
	if (!p)
		return LM_ELIMIT;
	for (size_t i = 0; i < s.n; i++) {
		p[n++] = s.p[i];
		if (s.p[i] == '"')
			i++;
	}
	add_cell(c, (struct lm_str){ p, n });
	return LM_OK;
}

/* One row with quotes at the start of `text`; *used gets its length with the line end. */
static enum lm_rc quoted_row(struct lm_csv *c, struct lm_str text, size_t *used)
{
	size_t i = 0;
	for (;;) {
		size_t from = i;
		while (i < text.n && text.p[i] == ' ')
			i++;
		bool quoted = i < text.n && text.p[i] == '"';
		if (quoted) {
			size_t doubled = 0;
			from = ++i;
			for (;;) {
				i = lm_str_find(text, '"', i);
				if (i == SIZE_MAX)
					return LM_ECORRUPT;
				if (i + 1 >= text.n || text.p[i + 1] != '"')
					break;
				doubled++;
				i += 2;
			}
			enum lm_rc rc = add_quoted(c, lm_str_part(text, from, i), doubled);
			if (rc != LM_OK)
				return rc;
			i++;
		} else {
			i = from;
		}
		/* to the separator or the line end; what wrongly follows a closing quote is dropped */
		while (i < text.n && text.p[i] != c->sep && text.p[i] != c->line_end)
			i++;
		if (!quoted)
			add_cell(c, lm_str_part(text, from, i));
		if (i >= text.n || text.p[i] == c->line_end) {
			*used = i < text.n ? i + 1 : i;
			return LM_OK;
		}
		i++;
	}
}

static enum lm_rc row_with_quotes(struct lm_csv *c, struct lm_str text, struct lm_str line)
{
	size_t used = line.n;
	enum lm_rc rc = LM_ECORRUPT;
	if (c->raw_pos >= c->one_line_to) {
		struct lm_str limit = lm_str_part(text, 0, LM_CSV_ROW_MAX);
		rc = quoted_row(c, limit, &used);
		if (rc == LM_OK && used == limit.n && limit.n < text.n && limit.p[used - 1] != c->line_end)
			rc = LM_ECORRUPT; /* the limit cut it */
		if (rc == LM_ECORRUPT)
			c->one_line_to = c->raw_pos + (c->utf16 ? utf16_bytes(limit) : limit.n);
	}
	if (rc == LM_ECORRUPT) {
		/* a quote that never closes: give up this line at most, not the rest of the file */
		c->n = 0;
		lm_arena_reset(c->arena, c->mark);
		rc = quoted_row(c, line, &used);
		used = line.n;
	}
	c->length = c->raw_pos;
	advance(c, text, used);
	c->length = c->raw_pos - c->length;
	if (rc != LM_OK)
		c->n = 0;
	return rc;
}

enum lm_rc lm_csv_next(struct lm_csv *c)
{
	struct lm_str text, line, bare;
	for (;;) {
		lm_arena_reset(c->arena, c->mark);
		if (c->utf16 && lm_rd_left(&c->rd) < LM_CSV_ROW_MAX && !window_is_last(c) && fill_window(c) != LM_OK)
			return LM_ELIMIT;
		c->n = 0;
		if (lm_rd_left(&c->rd) == 0)
			return LM_END;
		text = ahead(c);
		line = line_of(c, text);
		bare = without_line_end(line);
		if (bare.n && !c->in_long_line)
			break;
		if (bare.n != line.n)
			c->in_long_line = false;
		advance(c, text, line.n);
	}
	c->offset = c->raw_pos;
	c->row++;
	if (line.n > LM_CSV_ROW_MAX) {
		c->in_long_line = bare.n == line.n && !window_is_last(c);
		advance(c, text, line.n);
		c->length = c->raw_pos - c->offset;
		return LM_ECORRUPT;
	}
	if (lm_str_find(line, '"', 0) != SIZE_MAX)
		return row_with_quotes(c, text, line);
	struct lm_str cell;
	while (lm_str_split(&bare, c->sep, &cell))
		add_cell(c, cell);
	advance(c, text, line.n);
	c->length = c->raw_pos - c->offset;
	return LM_OK;
}

struct lm_str lm_csv_cell(const struct lm_csv *c, size_t i)
{
	return i < c->n && c->cell[i].n ? c->cell[i] : (struct lm_str){ 0 };
}
