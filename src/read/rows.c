/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.c - one loop over CSV and JSON tables.
 *
 * In:  bytes and the columns wanted. Out: values as text, row by row, with the row's place in the content.
 * Limits: a JSON record of 8 MiB, three levels of nesting, 65,536 bytes of joined texts; 4,096 different keys are
 *      remembered with what they map to, further ones are looked up each time.
 */
#include "read/rows.h"

#include "base/text.h"
#include "read/json_span.h"

#include <stdlib.h>

enum {
	PROBE_BYTES = 65536,
	PROBE_ROWS = 8,
	RECORD_MAX = 8 << 20,
	COMMON_MAX = 65536, /* a value of the object around an array */
	KEY_MAX = 96,
	KEYS_MAX = 4096,
	DEPTH_MAX = 3,
};

/* Rank of one key in every column, 0 = none; small is good. */
struct key_ranks {
	uint8_t rank[LM_ROWS_COLUMNS];
};

/* Appends lower-case letters and digits of s; false when it does not fit, which no column name does. */
static bool normalise(struct lm_str s, char out[KEY_MAX], size_t *n)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			continue;
		if (*n == KEY_MAX)
			return false;
		out[(*n)++] = c;
	}
	return *n > 0;
}

/* Place of the name among the column's synonyms, from 1; 0 when it is none. */
static unsigned rank_of(const struct lm_column *column, struct lm_str name)
{
	struct lm_str rest = lm_cstr(column->names), one;
	for (unsigned i = 1; i < 255 && lm_str_split(&rest, '|', &one); i++)
		if (lm_str_eq(one, name))
			return i;
	return 0;
}

static bool is_one_of(struct lm_str name, const char *names)
{
	return rank_of(&(struct lm_column){ names }, name) != 0;
}

/* ---- CSV ---- */

static void map_header(struct lm_rows *r)
{
	unsigned best[LM_ROWS_COLUMNS] = { 0 };
	for (size_t c = 0; c < r->n_columns; c++)
		r->at[c] = SIZE_MAX;
	for (size_t i = 0; i < r->csv.n; i++) {
		char text[KEY_MAX];
		size_t n = 0;
		if (!normalise(r->csv.cell[i], text, &n))
			continue;
		for (size_t c = 0; c < r->n_columns; c++) {
			unsigned rank = rank_of(&r->columns[c], (struct lm_str){ text, n });
			if (!rank || (best[c] && rank >= best[c]))
				continue;
			best[c] = rank;
			r->at[c] = i;
			r->given |= LM_BIT(c);
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

/* ---- JSON: one record to values ---- */

static struct lm_str text_of(struct lm_rows *r, struct lm_json v)
{
	struct lm_buf b;
	struct lm_json item;
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
		for (struct lm_json_it it = lm_json_iter(v); lm_json_next(&it, NULL, &item);) {
			struct lm_str one = lm_str_trim(lm_json_str(item));
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

/* What a key maps to. Keys repeat from row to row, so the answer is kept; *local serves those beyond the limit. */
static const struct key_ranks *ranks_of(struct lm_rows *r, struct lm_str key, struct key_ranks *local)
{
	struct lm_map_entry *e = lm_map_find(&r->keys, key);
	if (e)
		return e->v.ptr;
	memset(local, 0, sizeof *local);
	for (size_t c = 0; c < r->n_columns; c++)
		local->rank[c] = (uint8_t)rank_of(&r->columns[c], key);
	if (r->keys.n >= KEYS_MAX)
		return local;
	struct key_ranks *kept = lm_xalloc(sizeof *kept);
	*kept = *local;
	lm_map_add(&r->keys, key, NULL)->v.ptr = kept;
	return kept;
}

/* Offers a value under one name; `cost` makes a worse source lose against a better one. */
static void offer(struct lm_rows *r, struct lm_str name, struct lm_json v, unsigned cost)
{
	struct key_ranks local;
	const struct key_ranks *k = ranks_of(r, name, &local);
	struct lm_str text = { 0 };
	bool have = false;
	for (size_t c = 0; c < r->n_columns; c++) {
		if (!k->rank[c])
			continue;
		unsigned rank = k->rank[c] + cost;
		r->given |= LM_BIT(c);
		if (r->best[c] && rank >= r->best[c])
			continue;
		if (!have)
			text = text_of(r, v), have = true;
		if (!text.p)
			return;
		r->best[c] = rank;
		r->value[c] = text;
	}
}

/* Names of one key: joined with all its parents, with the nearest, alone. */
struct path {
	char text[KEY_MAX];
	size_t part[DEPTH_MAX + 2]; /* where each part begins */
	unsigned n;
};

static void take(struct lm_rows *r, struct lm_str key, struct lm_json v, const struct path *parents, unsigned cost)
{
	/* alone these say nothing: {"user":{"name":...}} is no product */
	static const char vague[] =
		"name|value|type|id|version|path|size|host|title|location|release|category|class|file|hash";
	struct path p = *parents;
	size_t n = p.n ? p.part[p.n] : 0;
	if (!normalise(key, p.text, &n))
		return;
	for (unsigned i = 0; i <= p.n; i++) {
		struct lm_str name = { p.text + p.part[i], n - p.part[i] };
		if (i == p.n && p.n && is_one_of(name, vague))
			return;
		offer(r, name, v, cost + i * 64);
	}
}

/* What kind of record it is: some keys of the others are not those of a row. */
enum record { RECORD_ROW, RECORD_OSQUERY, RECORD_AROUND };

static bool is_foreign(enum record kind, struct lm_str key)
{
	/* the name of a query is no name of anything on the host, the name of a list none of what it lists */
	static const char query[] = "name|action|counter|epoch|numerics";
	static const char around[] =
		"name|value|type|id|uuid|version|title|path|size|location|category|class|author|authors|source";
	return kind == RECORD_OSQUERY ? is_one_of(key, query) : kind == RECORD_AROUND && is_one_of(key, around);
}

static enum record kind_of(struct lm_json record, enum record otherwise)
{
	return lm_json_get(record, "hostIdentifier").type == LM_J_STR ? RECORD_OSQUERY : otherwise;
}

static void fill(struct lm_rows *r, struct lm_json object, const struct path *parents, unsigned cost, enum record kind)
{
	struct lm_str key;
	struct lm_json item;
	for (struct lm_json_it it = lm_json_iter(object); lm_json_next(&it, &key, &item);) {
		if (item.type != LM_J_OBJ) {
			if (!is_foreign(kind, key))
				take(r, key, item, parents, cost);
			continue;
		}
		struct path p = *parents;
		size_t n = p.n ? p.part[p.n] : 0;
		/* containers whose name is no part of what they hold */
		if (is_one_of(key, "columns|decorations|data|row|_source|fields|result|event|properties|attributes")) {
			fill(r, item, parents, cost, RECORD_ROW);
		} else if (p.n < DEPTH_MAX && normalise(key, p.text, &n)) {
			p.part[++p.n] = n;
			fill(r, item, &p, cost + 8, RECORD_ROW);
		}
	}
}

/* The array of records inside a record, where it has one under a name that says so. */
static struct lm_json inner_rows(struct lm_json record)
{
	static const char names[] =
		"snapshot|added|software|programs|applications|apps|products|packages|files|items|rows|"
		"results|inventory|installed|installedsoftware|hashes|hosts|machines|endpoints|devices|"
		"assets|records|entries";
	struct lm_str key;
	struct lm_json item, first;
	struct lm_json inside = lm_json_get(record, "diffResults");
	struct lm_json_it it = lm_json_iter(inside.type == LM_J_OBJ ? inside : record);
	while (lm_json_next(&it, &key, &item)) {
		char text[KEY_MAX];
		size_t n = 0;
		if (item.type != LM_J_ARR || !normalise(key, text, &n) || !is_one_of((struct lm_str){ text, n }, names))
			continue;
		struct lm_json_it elements = lm_json_iter(item);
		if (lm_json_next(&elements, NULL, &first) && first.type == LM_J_OBJ)
			return item;
	}
	return (struct lm_json){ 0 };
}

/* Values of a record, of the one around it (if any), and of the object around the array, in this order. */
static enum lm_rc row_of(struct lm_rows *r, struct lm_json record, struct lm_json outer)
{
	static const struct path top = { .n = 0 };
	memset(r->value, 0, sizeof r->value);
	memset(r->best, 0, sizeof r->best);
	r->given = 0;
	if (record.type != LM_J_OBJ)
		return LM_ECORRUPT;
	fill(r, record, &top, 0, kind_of(record, RECORD_ROW));
	if (outer.type == LM_J_OBJ)
		fill(r, outer, &top, 1024, kind_of(outer, RECORD_AROUND));
	for (size_t c = 0; c < r->n_columns; c++) {
		if (!r->common[c].p)
			continue;
		r->given |= LM_BIT(c);
		if (!r->value[c].p)
			r->value[c] = r->common[c];
	}
	return r->arena->spent ? LM_ELIMIT : LM_OK;
}

/* ---- JSON: the records of a text ---- */

static struct lm_str line_at(const struct lm_rd *r)
{
	struct lm_rd ahead = *r;
	if (!lm_rd_left(r))
		return (struct lm_str){ 0 };
	struct lm_str rest = lm_bytes_str(lm_rd_take(&ahead, lm_rd_left(&ahead)));
	size_t lf = lm_str_find(rest, '\n', 0);
	return lm_str_part(rest, 0, lf == SIZE_MAX ? rest.n : lf + 1);
}

/* The bytes of the next record: a line, an element, or one of several values in a row. LM_END after the last. */
static enum lm_rc next_record(struct lm_rows *r, struct lm_bytes *text)
{
	struct lm_json_span span;
	if (r->form == LM_ROWS_LINES) {
		struct lm_str line;
		do {
			if (!lm_rd_left(&r->rd))
				return LM_END;
			line = line_at(&r->rd);
			r->offset = r->rd_from + r->rd.pos;
			r->length = line.n;
			lm_rd_skip(&r->rd, line.n);
			line = lm_str_trim(line);
		} while (!line.n);
		*text = lm_str_bytes(line);
	} else {
		bool more = r->form == LM_ROWS_ARRAY ? lm_json_span_next(&r->rd, NULL, &span)
						     : lm_json_span_value(&r->rd, &span);
		if (!more && !r->rd.bad)
			return LM_END;
		r->offset = r->rd_from + span.at;
		r->length = span.text.n;
		*text = span.text;
		if (!more) {
			r->rd = (struct lm_rd){ 0 }; /* the text is cut: the next call ends */
			r->form = LM_ROWS_VALUES;
			r->row++;
			return LM_ECORRUPT;
		}
	}
	r->row++;
	return text->n > RECORD_MAX ? LM_ECORRUPT : LM_OK;
}

static enum lm_rc next_json(struct lm_rows *r)
{
	struct lm_json item, none = { 0 };
	struct lm_bytes text;
	for (;;) {
		lm_arena_reset(r->arena, r->mark);
		if (!r->in_record) {
			enum lm_rc rc = next_record(r, &text);
			if (rc != LM_OK)
				return rc;
			rc = lm_json_parse(r->doc, text, &r->outer, NULL);
			if (rc != LM_OK)
				return rc == LM_ELIMIT ? rc : LM_ECORRUPT;
			if (lm_str_eq(lm_json_str(lm_json_get(r->outer, "action")), LM_STR("removed")))
				continue;
			item = inner_rows(r->outer);
			if (!item.type)
				return row_of(r, r->outer, none);
			r->inner = lm_json_iter(item);
			r->in_record = true;
		}
		if (lm_json_next(&r->inner, NULL, &item))
			return row_of(r, item, r->outer);
		r->in_record = false;
	}
}

/* A member of the object around the array: a value that all rows share. */
static void put_common(struct lm_rows *r, struct lm_str key, struct lm_bytes text)
{
	static const struct path top = { .n = 0 };
	struct lm_json v;
	if (text.n > COMMON_MAX || lm_json_parse(r->doc, text, &v, NULL) != LM_OK)
		return;
	if (v.type == LM_J_OBJ)
		fill(r, v, &top, 8, RECORD_AROUND);
	else if (v.type != LM_J_ARR && !is_foreign(RECORD_AROUND, key))
		take(r, key, v, &top, 0);
	/* the document is used again: what was found is copied */
	for (size_t c = 0; c < r->n_columns; c++)
		if (r->value[c].p && r->value[c].p != r->common[c].p)
			r->value[c] = r->common[c] = lm_arena_str(r->arena, r->value[c]);
}

/* The value of a member that the end of the text cuts; false when not even its key is whole. */
static bool cut_member(struct lm_rd rd, struct lm_json_span *v)
{
	struct lm_json_span name;
	if (lm_json_span_peek(&rd) == ',')
		lm_rd_skip(&rd, 1);
	if (!lm_json_span_value(&rd, &name) || lm_json_span_peek(&rd) != ':')
		return false;
	lm_rd_skip(&rd, 1);
	(void)lm_json_span_peek(&rd);
	v->at = rd.pos;
	v->text = lm_rd_take(&rd, lm_rd_left(&rd));
	return true;
}

/*
 * Looks for an array of objects among the members of the object that the text begins with, then (`deeper`) among
 * those of its objects, and sets the cursor inside it. What stands beside it is common to all rows.
 */
static bool find_array(struct lm_rows *r, struct lm_rd rd, uint64_t from, bool deeper)
{
	struct lm_str key;
	struct lm_json_span v;
	bool found = false, more = true;
	if (!lm_json_span_open(&rd, '{'))
		return false;
	struct lm_rd members = rd;
	while (more) {
		struct lm_rd before = rd;
		more = lm_json_span_next(&rd, &key, &v);
		if (!more && (!rd.bad || found || !cut_member(before, &v)))
			break;
		struct lm_rd inside = lm_rd_of(v.text);
		if (!found && lm_json_span_open(&inside, '[') && lm_json_span_peek(&inside) == '{') {
			r->rd = inside;
			r->rd_from = from + v.at;
			r->form = LM_ROWS_ARRAY;
			found = true;
		} else if (more) {
			put_common(r, key, v.text);
		}
	}
	for (more = true; !found && deeper && more;) {
		struct lm_rd before = members;
		more = lm_json_span_next(&members, &key, &v);
		if (!more && (!members.bad || !cut_member(before, &v)))
			break;
		found = find_array(r, lm_rd_of(v.text), from + v.at, false);
	}
	return found;
}

/* JSON lines: one of the first three lines is a whole object, and it is not the only line. */
static bool are_lines(struct lm_rows *r, struct lm_rd rd)
{
	for (unsigned i = 0; i < 3 && lm_rd_left(&rd); i++) {
		struct lm_str line = line_at(&rd), bare = lm_str_trim(line);
		struct lm_json v;
		lm_rd_skip(&rd, line.n);
		if (bare.n < 2 || bare.p[0] != '{' || bare.p[bare.n - 1] != '}' || bare.n > RECORD_MAX)
			continue;
		if (lm_json_parse(r->doc, lm_str_bytes(bare), &v, NULL) == LM_OK)
			return i > 0 || lm_json_span_peek(&rd) != 0;
	}
	return false;
}

static enum lm_rc open_json(struct lm_rows *r, struct lm_bytes data)
{
	r->form = LM_ROWS_VALUES;
	r->doc = lm_json_new(RECORD_MAX);
	if (!r->doc)
		return LM_ELIMIT;
	r->rd = lm_rd_of(data);
	struct lm_rd inside = r->rd;
	if (lm_json_span_open(&inside, '[')) {
		r->rd = inside;
		r->form = LM_ROWS_ARRAY;
		return lm_json_span_peek(&inside) == '{' ? LM_OK : LM_ENOTFMT;
	}
	if (are_lines(r, r->rd))
		r->form = LM_ROWS_LINES;
	else if (!find_array(r, r->rd, r->rd_from, true))
		memset(r->common, 0, sizeof r->common); /* one record, or several behind each other */
	return r->arena->spent ? LM_ELIMIT : LM_OK;
}

enum lm_rc lm_rows_open(struct lm_rows *r, struct lm_arena *a, struct lm_bytes data, const struct lm_column *columns,
			size_t n)
{
	enum lm_rc rc;
	memset(r, 0, sizeof *r);
	lm_map_init(&r->keys);
	r->arena = a;
	r->columns = columns;
	r->n_columns = n < LM_ROWS_COLUMNS ? n : LM_ROWS_COLUMNS;
	struct lm_bytes text = data;
	uint64_t bom = 0;
	if (data.n >= 3 && memcmp(data.p, "\xef\xbb\xbf", 3) == 0)
		bom = 3;
	text = lm_bytes_part(data, bom, data.n);
	struct lm_rd head = lm_rd_of(lm_bytes_part(data, bom, 4096));
	if (data.n >= 2 && memcmp(data.p, "\xff\xfe", 2) == 0) {
		struct lm_arena_mark m = lm_arena_mark(a);
		struct lm_str start = lm_utf16le(a, lm_bytes_part(data, 2, 256));
		head = lm_rd_of(lm_str_bytes(start));
		uint8_t c = lm_json_span_peek(&head);
		lm_arena_reset(a, m);
		head = (struct lm_rd){ 0 };
		if (c == '{' || c == '[') {
			/* JSON as UTF-16 (a shell's redirection): whole, offsets are those of the text */
			start = lm_utf16le(a, lm_bytes_part(data, 2, data.n));
			if (!start.p)
				return LM_ELIMIT;
			text = lm_str_bytes(start);
			head = lm_rd_of(text);
		}
	}
	uint8_t c = lm_json_span_peek(&head);
	if (c == '{' || c == '[') {
		r->rd_from = bom;
		rc = open_json(r, text);
		memset(r->value, 0, sizeof r->value);
		r->mark = lm_arena_mark(a);
	} else {
		r->form = LM_ROWS_CSV;
		rc = lm_csv_open(&r->csv, a, data);
		if (rc == LM_OK)
			rc = lm_csv_next(&r->csv);
		if (rc == LM_OK)
			map_header(r);
		else if (rc != LM_ELIMIT)
			rc = LM_ENOTFMT;
	}
	if (rc != LM_OK)
		lm_rows_close(r);
	return rc;
}

enum lm_rc lm_rows_next(struct lm_rows *r)
{
	return r->form == LM_ROWS_CSV ? next_csv(r) : next_json(r);
}

void lm_rows_close(struct lm_rows *r)
{
	lm_json_free(r->doc);
	r->doc = NULL;
	for (size_t i = 0; i < r->keys.n; i++)
		free(r->keys.entries[i].v.ptr);
	lm_map_fini(&r->keys);
}

static void damaged(const struct lm_read_in *in, const char *reader, uint64_t at, struct lm_obs *out)
{
	lm_obs_init(out, LM_K_evidence_damaged);
	out->at.offset = at;
	out->evidence_damaged.path = in->path;
	out->evidence_damaged.reader = lm_cstr(reader);
	out->evidence_damaged.offset = LM_INT(at);
}

bool lm_rows_bad(struct lm_rows *r, const struct lm_read_in *in, const char *reader, const char *what,
		 struct lm_obs *out)
{
	if (r->bad++ == LM_ROWS_TOLD)
		r->first_untold = r->offset;
	if (r->bad > LM_ROWS_TOLD)
		return false;
	damaged(in, reader, r->offset, out);
	out->at.length = r->length;
	out->at.record = LM_INT(r->row);
	out->evidence_damaged.what = lm_arena_fmt(r->arena, "row %llu: %s", (unsigned long long)r->row, what);
	return out->evidence_damaged.what.p != NULL;
}

enum lm_rc lm_rows_rest(struct lm_rows *r, const struct lm_read_in *in, const char *reader, struct lm_obs *out)
{
	if (r->bad <= LM_ROWS_TOLD)
		return LM_END;
	damaged(in, reader, r->first_untold, out);
	out->evidence_damaged.what =
		lm_arena_fmt(r->arena, "%llu more of %llu rows cannot be used, the first of them at offset %llu",
			     (unsigned long long)(r->bad - LM_ROWS_TOLD), (unsigned long long)r->row,
			     (unsigned long long)r->first_untold);
	r->bad = 0;
	return out->evidence_damaged.what.p ? LM_OK : LM_ELIMIT;
}

unsigned lm_rows_probe(struct lm_arena *a, struct lm_bytes data, const struct lm_column *columns, size_t n,
		       size_t *cells)
{
	struct lm_rows *r;
	struct lm_arena_mark m = lm_arena_mark(a);
	unsigned given = 0;
	bool spent = a->spent;
	struct lm_bytes head = lm_bytes_part(data, 0, PROBE_BYTES);
	if (cells)
		*cells = 0;
	/* binary files end here: no table has a NUL byte early, but UTF-16 with its mark */
	bool utf16 = data.n >= 2 && memcmp(data.p, "\xff\xfe", 2) == 0;
	if (!data.n || (!utf16 && memchr(head.p, 0, head.n < 512 ? head.n : 512)))
		return 0;
	r = lm_arena_alloc(a, sizeof *r);
	if (r && lm_rows_open(r, a, head, columns, n) == LM_OK) {
		given = r->given;
		if (cells && r->form == LM_ROWS_CSV)
			*cells = r->csv.n;
		for (unsigned i = 0; r->form != LM_ROWS_CSV && i < PROBE_ROWS; i++) {
			enum lm_rc rc = lm_rows_next(r);
			given |= r->given;
			if (rc == LM_END || rc == LM_ELIMIT || (rc == LM_ECORRUPT && head.n < data.n))
				break;
		}
		lm_rows_close(r);
	}
	lm_arena_reset(a, m);
	a->spent = spent; /* a probe that did not fit is no, not an incomplete reading */
	return given;
}
