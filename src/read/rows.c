/* SPDX-License-Identifier: Apache-2.0 */
#include "read/rows.h"

#include "base/text.h"

#define PROBE_BYTES 65536
#define DOCUMENT_MAX (256u << 20)
#define LINE_MAX_BYTES (8u << 20)

/* Lower-case letters and digits of s; false when it does not fit, which no column name does. */
static bool normalise(struct lm_str s, char out[64], size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			continue;
		if (*n == 64)
			return false;
		out[(*n)++] = c;
	}
	return *n > 0;
}

/* Place of the name among the column's synonyms, from 1; 0 when it is none. */
static unsigned rank_of(const struct lm_column *column, struct lm_str name)
{
	struct lm_str rest = lm_cstr(column->names), one;
	for (unsigned i = 1; lm_str_split(&rest, '|', &one); i++)
		if (lm_str_eq(one, name))
			return i;
	return 0;
}

/* ---- CSV ---- */

static void map_header(struct lm_rows *r)
{
	unsigned best[LM_ROWS_COLUMNS] = { 0 };
	for (size_t c = 0; c < r->n_columns; c++)
		r->at[c] = SIZE_MAX;
	for (size_t i = 0; i < r->csv.n; i++) {
		char text[64];
		size_t n;
		if (!normalise(r->csv.cell[i], text, &n))
			continue;
		for (size_t c = 0; c < r->n_columns; c++) {
			unsigned rank = rank_of(&r->columns[c], (struct lm_str){ text, n });
			if (!rank || (best[c] && rank >= best[c]))
				continue;
			best[c] = rank;
			r->at[c] = i;
			r->given |= 1u << c;
		}
	}
}

static enum lm_rc next_csv(struct lm_rows *r)
{
	enum lm_rc rc = lm_csv_next(&r->csv);
	r->offset = r->csv.offset;
	r->length = r->csv.length;
	r->row = r->csv.row;
	for (size_t c = 0; rc == LM_OK && c < r->n_columns; c++)
		r->value[c] = lm_csv_cell(&r->csv, r->at[c]);
	return rc;
}

/* ---- JSON ---- */

static struct lm_str text_of(struct lm_rows *r, struct lm_json v)
{
	struct lm_buf b;
	struct lm_str s = { 0 };
	switch (v.type) {
	case LM_J_STR:
		s = lm_str_trim(lm_json_str(v));
		return s.n ? s : (struct lm_str){ 0 };
	case LM_J_INT:
		return lm_arena_fmt(r->arena, "%lld", (long long)lm_json_int(v, 0));
	case LM_J_REAL:
		return lm_arena_fmt(r->arena, "%.17g", lm_json_real(v, 0));
	case LM_J_ARR:
		lm_buf_init(&b, 65536);
		struct lm_json item;
		for (struct lm_json_it it = lm_json_iter(v); lm_json_next(&it, NULL, &item);) {
			struct lm_str one = lm_json_str(item);
			if (!one.n)
				continue;
			if (b.n)
				lm_buf_putc(&b, ';');
			lm_buf_str(&b, one);
		}
		if (b.n && !b.bad)
			s = lm_arena_str(r->arena, lm_buf_view(&b));
		lm_buf_fini(&b);
		return s;
	default:
		return s;
	}
}

static void fill(struct lm_rows *r, struct lm_json object, unsigned depth, unsigned best[LM_ROWS_COLUMNS])
{
	struct lm_str key;
	struct lm_json item;
	for (struct lm_json_it it = lm_json_iter(object); lm_json_next(&it, &key, &item);) {
		char text[64];
		size_t n;
		if (item.type == LM_J_OBJ && depth < 3)
			fill(r, item, depth + 1, best);
		if (item.type == LM_J_OBJ || !normalise(key, text, &n))
			continue;
		for (size_t c = 0; c < r->n_columns; c++) {
			unsigned rank = rank_of(&r->columns[c], (struct lm_str){ text, n });
			if (!rank)
				continue;
			r->given |= 1u << c;
			rank += depth * 64; /* an outer key wins over an inner one */
			if (best[c] && rank >= best[c])
				continue;
			struct lm_str s = text_of(r, item);
			if (!s.p)
				continue;
			best[c] = rank;
			r->value[c] = s;
		}
	}
}

static enum lm_rc row_of(struct lm_rows *r, struct lm_json object)
{
	unsigned best[LM_ROWS_COLUMNS] = { 0 };
	memset(r->value, 0, sizeof r->value);
	r->given = 0;
	if (object.type != LM_J_OBJ)
		return LM_ECORRUPT;
	fill(r, object, 0, best);
	return r->arena->spent ? LM_ELIMIT : LM_OK;
}

static struct lm_str line_at(struct lm_rd *r)
{
	struct lm_rd ahead = *r;
	struct lm_str rest = lm_bytes_str(lm_rd_take(&ahead, lm_rd_left(&ahead)));
	size_t lf = lm_str_find(rest, '\n', 0);
	return lm_str_part(rest, 0, lf == SIZE_MAX ? rest.n : lf + 1);
}

static enum lm_rc next_json(struct lm_rows *r)
{
	struct lm_json item;
	lm_arena_reset(r->arena, r->mark);
	if (r->whole) {
		if (!lm_json_next(&r->it, NULL, &item))
			return LM_END;
		r->row++; /* the DOM keeps no positions: a row is cited by its number */
		return row_of(r, item);
	}
	for (;;) {
		if (!lm_rd_left(&r->rd))
			return LM_END;
		struct lm_str line = line_at(&r->rd);
		r->offset = r->rd.pos;
		r->length = line.n;
		r->row++;
		lm_rd_skip(&r->rd, line.n);
		line = lm_str_trim(line);
		if (!line.n)
			continue;
		if (line.n > LINE_MAX_BYTES)
			return LM_ECORRUPT;
		enum lm_rc rc = lm_json_parse(r->doc, lm_str_bytes(line), &item, NULL);
		return rc == LM_OK ? row_of(r, item) : rc == LM_ELIMIT ? LM_ELIMIT : LM_ECORRUPT;
	}
}

/* The array of objects in a document: the document itself, or its longest member that is one. */
static struct lm_json find_array(struct lm_json root)
{
	struct lm_json item, found = { 0 }, first;
	if (root.type == LM_J_ARR)
		return root;
	for (struct lm_json_it it = lm_json_iter(root); !found.type && lm_json_next(&it, NULL, &item);) {
		struct lm_json_it inner = lm_json_iter(item);
		if (item.type == LM_J_ARR && lm_json_next(&inner, NULL, &first) && first.type == LM_J_OBJ)
			found = item;
	}
	return found;
}

static enum lm_rc open_json(struct lm_rows *r, struct lm_bytes data, bool prefix)
{
	struct lm_json root;
	r->json = true;
	r->doc = lm_json_new(DOCUMENT_MAX);
	if (!r->doc)
		return LM_ELIMIT;
	r->rd = lm_rd_of(data);
	struct lm_str first = lm_str_trim(line_at(&r->rd));
	bool line_is_object = first.n > 1 && first.p[0] == '{' && first.p[first.n - 1] == '}';
	if (line_is_object && first.n <= LINE_MAX_BYTES &&
	    lm_json_parse(r->doc, lm_str_bytes(first), &root, NULL) == LM_OK && !find_array(root).type)
		return row_of(r, root); /* JSON lines, or one object */
	if (prefix && data.n >= PROBE_BYTES)
		return LM_ENOTFMT; /* cut: the caller looks at the beginning as text */
	enum lm_rc rc = lm_json_parse(r->doc, data, &root, NULL);
	if (rc != LM_OK)
		return rc == LM_ELIMIT ? rc : LM_ENOTFMT;
	struct lm_json array = find_array(root), item;
	if (!array.type)
		return LM_ENOTFMT;
	r->whole = true;
	r->it = lm_json_iter(array);
	struct lm_json_it ahead = r->it;
	return lm_json_next(&ahead, NULL, &item) ? row_of(r, item) : LM_ENOTFMT;
}

static enum lm_rc open_rows(struct lm_rows *r, struct lm_arena *a, struct lm_bytes data,
			    const struct lm_column *columns, size_t n, bool prefix)
{
	memset(r, 0, sizeof *r);
	r->arena = a;
	r->columns = columns;
	r->n_columns = n < LM_ROWS_COLUMNS ? n : LM_ROWS_COLUMNS;
	r->mark = lm_arena_mark(a);
	struct lm_str text = lm_str_trim(lm_bytes_str(lm_bytes_part(data, 0, 4096)));
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) {
		data = lm_bytes_part(data, 3, data.n);
		text = lm_str_trim(lm_str_part(text, 3, text.n));
	}
	if (text.n && (text.p[0] == '{' || text.p[0] == '[')) {
		enum lm_rc rc = open_json(r, data, prefix);
		r->mark = lm_arena_mark(a);
		return rc;
	}
	enum lm_rc rc = lm_csv_open(&r->csv, a, data);
	if (rc == LM_OK)
		rc = lm_csv_next(&r->csv);
	if (rc != LM_OK)
		return rc == LM_ELIMIT ? rc : LM_ENOTFMT;
	map_header(r);
	return LM_OK;
}

enum lm_rc lm_rows_open(struct lm_rows *r, struct lm_arena *a, struct lm_bytes data, const struct lm_column *columns,
			size_t n)
{
	enum lm_rc rc = open_rows(r, a, data, columns, n, false);
	if (rc != LM_OK)
		lm_rows_close(r);
	return rc;
}

enum lm_rc lm_rows_next(struct lm_rows *r)
{
	return r->json ? next_json(r) : next_csv(r);
}

void lm_rows_close(struct lm_rows *r)
{
	lm_json_free(r->doc);
	r->doc = NULL;
}

unsigned lm_rows_probe(struct lm_arena *a, struct lm_bytes data, const struct lm_column *columns, size_t n,
		       size_t *cells)
{
	struct lm_rows r;
	struct lm_arena_mark m = lm_arena_mark(a);
	unsigned given = 0;
	struct lm_bytes head = lm_bytes_part(data, 0, PROBE_BYTES);
	if (cells)
		*cells = 0;
	/* binary files end here: no table has a NUL byte early, but UTF-16 with its mark */
	bool utf16 = data.n >= 2 && memcmp(data.p, "\xff\xfe", 2) == 0;
	if (data.n && (utf16 || !memchr(head.p, 0, head.n < 512 ? head.n : 512))) {
		enum lm_rc rc = open_rows(&r, a, head, columns, n, true);
		if (rc == LM_OK) {
			given = r.given;
			if (cells && !r.json)
				*cells = r.csv.n;
		} else if (rc == LM_ENOTFMT && r.json && data.n > head.n) {
			/* a long array on few lines: parse its first object alone */
			struct lm_str text = lm_bytes_str(head);
			size_t open = lm_str_find(text, '{', 0), close = lm_str_find(text, '}', 0);
			struct lm_json root;
			while (open != SIZE_MAX && close != SIZE_MAX && !given) {
				struct lm_str one = lm_str_part(text, open, close + 1);
				if (lm_json_parse(r.doc, lm_str_bytes(one), &root, NULL) == LM_OK &&
				    row_of(&r, root) == LM_OK)
					given = r.given;
				close = one.n > 4096 ? SIZE_MAX : lm_str_find(text, '}', close + 1);
			}
		}
		lm_rows_close(&r);
	}
	lm_arena_reset(a, m);
	return given;
}
