/* SPDX-License-Identifier: Apache-2.0 */
/* t_csv.c - rows of delimited text, and tables (CSV and JSON) with their columns found by name. */
#include "unit/list_help.h"

#include "read/csv.h"
#include "read/json_span.h"
#include "read/rows.h"

/* All rows as "a|b;c|d", bad rows as "!". */
static void rows_of(struct lm_bytes data, struct lm_buf *out, uint64_t *last_offset)
{
	struct lm_arena a;
	struct lm_csv *c = calloc(1, sizeof *c);
	lm_arena_init(&a, 64 << 20);
	uint8_t *exact = malloc(data.n + !data.n);
	if (data.n)
		memcpy(exact, data.p, data.n);
	lm_buf_init(out, 1 << 20);
	assert_int_equal(lm_csv_open(c, &a, (struct lm_bytes){ exact, data.n }), LM_OK);
	enum lm_rc rc;
	while ((rc = lm_csv_next(c)) != LM_END) {
		assert_true(rc == LM_OK || rc == LM_ECORRUPT);
		assert_true(c->offset + c->length <= data.n);
		if (out->n)
			lm_buf_putc(out, ';');
		if (rc == LM_ECORRUPT)
			lm_buf_putc(out, '!');
		for (size_t i = 0; i < c->n; i++) {
			if (i)
				lm_buf_putc(out, '|');
			lm_buf_str(out, c->cell[i]);
		}
		if (last_offset)
			*last_offset = c->offset;
	}
	free(exact);
	free(c);
	lm_arena_fini(&a);
}

static void expect(const char *text, const char *want)
{
	struct lm_buf b;
	rows_of(lm_str_bytes(lm_cstr(text)), &b, NULL);
	if (strcmp(lm_buf_view(&b).p, want) != 0)
		fail_msg("'%s' gives '%s', not '%s'", text, lm_buf_view(&b).p, want);
	lm_buf_fini(&b);
}

static void test_forms(void **state)
{
	(void)state;
	expect("a,b\n1,2\n", "a|b;1|2");
	expect("a,b\r\n1,2", "a|b;1|2");
	expect("a,b\r1,2\r", "a|b;1|2");
	expect("\xef\xbb\xbf"
	       "a;b\n1,5;2\n",
	       "a|b;1,5|2");
	expect("a\tb\n1\t\n", "a|b;1|");
	expect("a|b\n1|2|3\n", "a|b;1|2|3");
	expect("sep=;\na,x;b\n1;2", "a,x|b;1|2");
	expect("#TYPE Selected.Thing\n\"a\",\"b\"\n\"1\",\"2\"\n", "a|b;1|2");
	expect("#,name\n1,x\n", "#|name;1|x");
	expect("a,b\n\n\n1\n", "a|b;1");
	expect("  a , b \n", "a|b");
	/* RFC 4180, section 2: quotes, separators, line ends and doubled quotes inside them */
	expect("a,b\n\"x,y\",\"p\r\nq\"\n\"say \"\"hi\"\"\",\"\"\nz,z\n", "a|b;x,y|p\r\nq;say \"hi\"|;z|z");
	expect("a, \"b,c\" ,d\n", "a|b,c|d");
	expect("\"a,b\";c\nd;e", "a,b|c;d|e"); /* what stands in quotes is no separator */
	expect("a,b\nx\"y,2\n", "a|b;x\"y|2");
	expect("a,b\n\"x\"y,2\n", "a|b;x|2");
	expect("", "");
	expect("\n\n", "");
}

/* A quote that never closes costs its line, not the rest. */
static void test_open_quotes(void **state)
{
	(void)state;
	expect("a,b\n\"x,1\ny,2\nz,3\n", "a|b;!;y|2;z|3");
	expect("a,b\n1,\"x\ny,2", "a|b;!;y|2");
	expect("\"", "!");
	expect("a,b\n\"p\nq\",1\n\"x,1\ny,2\n", "a|b;p\nq|1;!;y|2");
}

/* Rows whose quotes chain to the end of the file: linear, whatever the file does. */
static void test_quotes_linear(void **state)
{
	(void)state;
	size_t n = 8 << 20;
	char *text = malloc(n);
	static const char *const patterns[] = { "a\",\"\n", "\"\n", "\",\"\n", "x,\"\n", "\"\"\"\n", "\"\"\"\",\"" };
	for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
		size_t k = strlen(patterns[p]);
		for (size_t i = 0; i < n; i++)
			text[i] = patterns[p][i % k];
		struct lm_arena a;
		struct lm_csv *c = calloc(1, sizeof *c);
		lm_arena_init(&a, 64 << 20);
		double start = seconds();
		assert_int_equal(lm_csv_open(c, &a, (struct lm_bytes){ (uint8_t *)text, n }), LM_OK);
		enum lm_rc rc;
		uint64_t end = 0;
		while ((rc = lm_csv_next(c)) != LM_END) {
			assert_true(rc == LM_OK || rc == LM_ECORRUPT);
			assert_true(c->offset >= end); /* it moves on, without gaps to go back into */
			end = c->offset + c->length;
		}
		assert_true(end <= n);
		if (seconds() - start > 20)
			fail_msg("pattern %zu: %.1f s", p, seconds() - start);
		free(c);
		lm_arena_fini(&a);
	}
	free(text);
}

static struct lm_bytes utf16_of(const char *text, size_t *n)
{
	/* ASCII and, for '~', a pair of surrogates */
	uint8_t *p = malloc(2 + 4 * strlen(text));
	*n = 0;
	p[(*n)++] = 0xff, p[(*n)++] = 0xfe;
	for (; *text; text++) {
		if (*text == '~') {
			static const uint8_t pair[] = { 0x3d, 0xd8, 0x00, 0xde };
			memcpy(p + *n, pair, 4);
			*n += 4;
			continue;
		}
		p[(*n)++] = (uint8_t)*text, p[(*n)++] = 0;
	}
	return (struct lm_bytes){ p, *n };
}

static void test_utf16(void **state)
{
	(void)state;
	size_t n;
	uint64_t offset = 0;
	struct lm_buf b;
	struct lm_bytes data = utf16_of("a;b\r\n~;\"x\r\ny\"\r\nlast;1", &n);
	rows_of(data, &b, &offset);
	assert_str(lm_buf_view(&b), "a|b;\xf0\x9f\x98\x80|x\r\ny;last|1");
	/* offsets are those of the content: what stands there is the row */
	assert_int_equal(data.p[offset], 'l');
	assert_int_equal(offset, n - 12);
	lm_buf_fini(&b);
	free((void *)(uintptr_t)data.p);
	/* long enough for several windows; every row's offset is right */
	lm_buf_init(&b, 64 << 20);
	for (unsigned i = 0; i < 200000; i++)
		lm_buf_fmt(&b, "~row %u;x\n", i);
	data = utf16_of(lm_buf_view(&b).p, &n);
	lm_buf_fini(&b);
	struct lm_arena a;
	struct lm_csv *c = calloc(1, sizeof *c);
	lm_arena_init(&a, 8 << 20);
	assert_int_equal(lm_csv_open(c, &a, data), LM_OK);
	unsigned i = 0;
	for (; lm_csv_next(c) == LM_OK; i++) {
		char want[32];
		snprintf(want, sizeof want, "\xf0\x9f\x98\x80row %u", i);
		assert_str(c->cell[0], want);
		assert_int_equal(data.p[c->offset], 0x3d);
		assert_int_equal(c->length, 2 * (strlen(want) - 4 + 2 + 3));
	}
	assert_int_equal(i, 200000);
	free(c);
	lm_arena_fini(&a);
	free((void *)(uintptr_t)data.p);
}

static void test_long_rows(void **state)
{
	(void)state;
	size_t n = LM_CSV_ROW_MAX + 100;
	char *text = malloc(n + 32);
	memset(text, 'x', n);
	memcpy(text, "a,b\n", 4);
	memcpy(text + n, "\n1,2\n\"p\nq\",3\n", 14);
	expect(text, "a|b;!;1|2;p\nq|3");
	text[4] = '"'; /* and as a quoted cell that is too long */
	text[n - 1] = '"';
	expect(text, "a|b;!;1|2;p\nq|3");
	free(text);
	/* more cells than a row can hold */
	struct lm_buf b;
	lm_buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < 1000; i++)
		lm_buf_fmt(&b, "%u,", i);
	struct lm_arena a;
	struct lm_csv *c = calloc(1, sizeof *c);
	lm_arena_init(&a, 1 << 20);
	assert_int_equal(lm_csv_open(c, &a, lm_str_bytes(lm_buf_view(&b))), LM_OK);
	assert_int_equal(lm_csv_next(c), LM_OK);
	assert_int_equal(c->n, LM_CSV_CELLS);
	assert_str(lm_csv_cell(c, 255), "255");
	assert_null(lm_csv_cell(c, 256).p);
	assert_int_equal(lm_csv_next(c), LM_END);
	free(c);
	lm_arena_fini(&a);
	lm_buf_fini(&b);
}

static void test_spans(void **state)
{
	(void)state;
	static const char text[] =
		" { \"a\" : [1, {\"x\":\"]}\\\"\"}], \"b\\\"c\":\"v\", \"n\":-1.5e3 , \"e\":{}} tail";
	struct lm_rd r = lm_rd_of(lm_str_bytes(LM_STR(text)));
	struct lm_str key;
	struct lm_json_span v;
	static const char *const want[][2] = {
		{ "a", "[1, {\"x\":\"]}\\\"\"}]" }, { "b\\\"c", "\"v\"" }, { "n", "-1.5e3" }, { "e", "{}" }
	};
	assert_true(lm_json_span_open(&r, '{'));
	for (size_t i = 0; i < 4; i++) {
		assert_true(lm_json_span_next(&r, &key, &v));
		assert_str(key, want[i][0]);
		assert_str(lm_bytes_str(v.text), want[i][1]);
		assert_memory_equal(text + v.at, want[i][1], strlen(want[i][1]));
	}
	assert_false(lm_json_span_next(&r, &key, &v));
	assert_false(r.bad);
	for (size_t n = 0; n < strlen(text) - 6; n++) {
		struct lm_rd cut = lm_rd_of((struct lm_bytes){ (const uint8_t *)text, n });
		if (lm_json_span_open(&cut, '{')) {
			while (lm_json_span_next(&cut, &key, &v))
				;
			assert_true(cut.bad);
		}
	}
}

/* ---- tables ---- */

enum { HOST, PRODUCT, VERSION, SHA256, N };
static const struct lm_column columns[N] = {
	[HOST] = { "hostname|host|hostidentifier" },
	[PRODUCT] = { "displayname|product|name" },
	[VERSION] = { "version|productversion" },
	[SHA256] = { "sha256|hashsha256" },
};

/* All rows as "host/product/version/hash;...". */
static void table(struct lm_bytes data, struct lm_buf *out)
{
	struct lm_arena a;
	struct lm_rows *r = calloc(1, sizeof *r);
	lm_arena_init(&a, 64 << 20);
	lm_buf_init(out, 1 << 20);
	enum lm_rc rc = lm_rows_open(r, &a, data, columns, N);
	if (rc != LM_OK)
		lm_buf_puts(out, "no table");
	while (rc == LM_OK && (rc = lm_rows_next(r)) != LM_END && rc != LM_ELIMIT) {
		if (out->n)
			lm_buf_putc(out, ';');
		if (rc == LM_ECORRUPT)
			lm_buf_putc(out, '!');
		for (size_t i = 0; rc == LM_OK && i < N; i++)
			lm_buf_fmt(out, "%s%.*s", i ? "/" : "", LM_STR_ARG(r->value[i]));
		assert_true(r->offset + r->length <= data.n);
		if (r->form != LM_ROWS_CSV && rc == LM_OK)
			assert_int_equal(data.p[r->offset], '{');
		rc = LM_OK;
	}
	if (lm_buf_view(out).n == 0 || strcmp(lm_buf_view(out).p, "no table") != 0)
		lm_rows_close(r);
	free(r);
	lm_arena_fini(&a);
}

static void expect_table(const char *text, const char *want)
{
	struct lm_buf b;
	table(lm_str_bytes(lm_cstr(text)), &b);
	if (strcmp(lm_buf_view(&b).p, want) != 0)
		fail_msg("'%s' gives '%s', not '%s'", text, lm_buf_view(&b).p, want);
	lm_buf_fini(&b);
}

static void test_tables(void **state)
{
	(void)state;
	expect_table("Host-Name,Product Version,x,NAME\npc1,1.0,-,App\n", "pc1/App/1.0/");
	/* the better synonym wins, wherever it stands */
	expect_table("Name,Display Name,Host\nfile.exe,App,pc1\n", "pc1/App//");
	expect_table("{\"host\":\"a\",\"name\":\"x\"}\n{\"host\":\"b\",\"version\":2}\n", "a/x//;b//2/");
	expect_table("{\"host\":\"a\"}\n{broken\n\n{\"host\":\"b\"}\n[1]\n", "a///;!;b///;!");
	expect_table("[{\"host\":\"a\",\"hash\":{\"SHA256\":\"aa\"}},{\"host\":\"b\"},7]", "a///aa;b///;!");
	expect_table("[{\"host\":\"a\"},{\"host\":\"b\"", "a///;!");
	expect_table("{\n \"host\": \"a\",\n \"name\": \"x\"\n}", "a/x//");
	expect_table("{\n \"host\": \"a\"\n}\n{\n \"host\": \"b\"\n}", "a///;b///");
	/* an object around the array: what it says holds for every row, but for its own name and version */
	expect_table("{\"hostname\":\"a\",\"software\":[{\"name\":\"x\"},{\"name\":\"y\",\"host\":\"c\"}],\"version\":"
		     "\"9\"}",
		     "a/x//;c/y//");
	expect_table("{\"meta\":1,\"data\":{\"rows\":[{\"host\":\"a\"},{\"host\":\"b\"}]}}", "a///;b///");
	expect_table(
		"[{\"host\":\"a\",\"software\":[{\"name\":\"x\"},{\"name\":\"y\"}]},{\"host\":\"b\",\"software\":[]}]",
		"a/x//;a/y//;b///");
	/* nested keys joined: host.name is a host, user.name no product */
	expect_table("{\"host\":{\"name\":\"a\"},\"user\":{\"name\":\"u\"},\"package\":{\"version\":\"1\"}}\n{}",
		     "a///;///");
	/* osquery: the query's name is no product; removed rows are gone */
	expect_table(
		"{\"name\":\"pack_q\",\"hostIdentifier\":\"a\",\"columns\":{\"name\":\"x\",\"version\":\"1\"},"
		"\"action\":\"added\"}\n"
		"{\"name\":\"pack_q\",\"hostIdentifier\":\"a\",\"columns\":{\"name\":\"y\"},\"action\":\"removed\"}\n"
		"{\"name\":\"q\",\"hostIdentifier\":\"b\",\"columns\":{\"sha256\":\"ff\"}}\n"
		"{\"name\":\"q\",\"hostIdentifier\":\"c\",\"snapshot\":[{\"name\":\"z\"},{\"name\":\"w\"}],\"action\":"
		"\"snapshot\"}\n",
		"a/x/1/;b///ff;c/z//;c/w//");
	expect_table("[1,2]", "no table");
	expect_table("", "no table");
	size_t n;
	struct lm_buf b;
	struct lm_bytes data = utf16_of("[{\"host\":\"a\"}]", &n);
	struct lm_arena a;
	lm_arena_init(&a, 1 << 20);
	assert_int_equal(lm_rows_probe(&a, data, columns, N, NULL), LM_BIT(HOST));
	free((void *)(uintptr_t)data.p);
	/* a list that is longer than the part that is looked at */
	lm_buf_init(&b, 8 << 20);
	lm_buf_puts(&b, "{\"v\":1,\"software\":[");
	for (unsigned i = 0; i < 20000; i++)
		lm_buf_fmt(&b, "%s{\"host\":\"h%u\",\"name\":\"p\"}", i ? "," : "", i);
	assert_int_equal(lm_rows_probe(&a, lm_str_bytes(lm_buf_view(&b)), columns, N, NULL),
			 LM_BIT(HOST) | LM_BIT(PRODUCT));
	lm_buf_fini(&b);
	assert_int_equal(lm_rows_probe(&a, lm_str_bytes(LM_STR("a\0b,c")), columns, N, NULL), 0);
	lm_arena_fini(&a);
}

static void test_refused_memory(void **state)
{
	(void)state;
	static const char *const texts[] = { "host,name\n\"a\"\"b\",c\n",
					     "{\"host\":\"a\",\"version\":[\"1\",\"2\"]}\n{\"version\":1}\n",
					     "{\"host\":\"a\",\"rows\":[{\"version\":1}]}" };
	for (size_t t = 0; t < 3; t++)
		for (unsigned long i = 1; i < 30; i++) {
			struct lm_arena a;
			struct lm_rows *r = calloc(1, sizeof *r);
			lm_arena_init(&a, 1 << 20);
			lm_arena_fail_at(i);
			enum lm_rc rc = lm_rows_open(r, &a, lm_str_bytes(lm_cstr(texts[t])), columns, N);
			if (rc == LM_OK) {
				do
					rc = lm_rows_next(r);
				while (rc == LM_OK || rc == LM_ECORRUPT);
				lm_rows_close(r);
			}
			lm_arena_fail_at(0);
			assert_true(rc == LM_END || rc == LM_ELIMIT);
			lm_arena_fini(&a);
			free(r);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	      cmocka_unit_test(test_open_quotes),
		cmocka_unit_test(test_quotes_linear), cmocka_unit_test(test_utf16),
		cmocka_unit_test(test_long_rows),     cmocka_unit_test(test_spans),
		cmocka_unit_test(test_tables),	      cmocka_unit_test(test_refused_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
