/* SPDX-License-Identifier: Apache-2.0 */
/* t_json.c - the JSON reader: types, lookup, order, limits, reuse. */
#include "unit/test.h"

#include "fact/json.h"

static struct lm_json parse(struct lm_json_doc *d, const char *text)
{
	struct lm_json v;
	struct lm_err err = { 0 };
	if (lm_json_parse(d, lm_str_bytes(lm_cstr(text)), &v, &err) != LM_OK)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

static void test_types(void **state)
{
	(void)state;
	struct lm_json_doc *d = lm_json_new(1 << 20);
	struct lm_json v =
		parse(d, "{\"s\":\"a\\u00e9\\n\",\"i\":-7,\"big\":9223372036854775808,\"min\":-9223372036854775808,"
			 "\"r\":1.5,\"t\":true,\"n\":null,\"a\":[1,\"x\",{}],\"o\":{\"k\":\"v\"},\"\":\"empty key\"}");
	assert_int_equal(v.type, LM_J_OBJ);
	assert_str(lm_json_str(lm_json_get(v, "s")), "a\xc3\xa9\n");
	assert_int_equal(lm_json_int(lm_json_get(v, "i"), 0), -7);
	assert_true(lm_json_int(lm_json_get(v, "min"), 0) == INT64_MIN);
	struct lm_json big = lm_json_get(v, "big");
	assert_int_equal(big.type, LM_J_REAL);
	assert_int_equal(lm_json_int(big, 42), 42);
	assert_true(lm_json_real(big, 0) == 9223372036854775808.0);
	assert_true(lm_json_real(lm_json_get(v, "r"), 0) == 1.5);
	assert_true(lm_json_real(lm_json_get(v, "i"), 0) == -7);
	assert_true(lm_json_bool(lm_json_get(v, "t"), false));
	assert_int_equal(lm_json_get(v, "n").type, LM_J_NULL);
	assert_int_equal(lm_json_get(v, "absent").type, LM_J_NONE);
	assert_str(lm_json_str(lm_json_get(v, "")), "empty key");
	assert_str(lm_json_str(lm_json_get(lm_json_get(v, "o"), "k")), "v");
	/* the wrong type gives the default, never another value's bits */
	assert_null(lm_json_str(lm_json_get(v, "i")).p);
	assert_int_equal(lm_json_int(lm_json_get(v, "s"), 5), 5);
	assert_true(lm_json_bool(lm_json_get(v, "i"), true));
	assert_int_equal(lm_json_get(lm_json_get(v, "a"), "k").type, LM_J_NONE);
	assert_int_equal(lm_json_get((struct lm_json){ 0 }, "k").type, LM_J_NONE);
	lm_json_free(d);
}

static void test_iteration(void **state)
{
	(void)state;
	struct lm_json_doc *d = lm_json_new(1 << 20);
	struct lm_json v = parse(d, "{\"b\":1,\"a\":2,\"b\":3}"), item;
	struct lm_str key;
	static const char *const keys[] = { "b", "a", "b" };
	size_t n = 0;
	for (struct lm_json_it it = lm_json_iter(v); lm_json_next(&it, &key, &item); n++) {
		assert_str(key, keys[n]);
		assert_int_equal(lm_json_int(item, 0), n + 1);
	}
	assert_int_equal(n, 3);
	assert_int_equal(lm_json_int(lm_json_get(v, "b"), 0), 1); /* the first of two */
	v = parse(d, "[[],[1,[2,3]],\"x\"]");
	n = 0;
	for (struct lm_json_it it = lm_json_iter(v); lm_json_next(&it, &key, &item); n++)
		assert_null(key.p);
	assert_int_equal(n, 3);
	struct lm_json_it it = lm_json_iter(item);
	assert_false(lm_json_next(&it, NULL, &item)); /* a text has no items */
	lm_json_free(d);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "",	    " ",	"{",	      "[1,]",	   "{\"a\":}",
					   "nul",   "\"\xff\"", "01",	      "{\"a\" 1}", "\"\\ud800\"",
					   "[1 2]", "'a'",	"{\"a\":1}x", "\"\t\"" };
	struct lm_json_doc *d = lm_json_new(1 << 20);
	struct lm_json v;
	struct lm_err err;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		memset(&err, 0, sizeof err);
		if (lm_json_parse(d, lm_str_bytes(lm_cstr(bad[i])), &v, &err) != LM_ECORRUPT)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(v.type, LM_J_NONE);
		assert_true(err.msg[0]);
		/* and the parser is usable afterwards */
		assert_int_equal(lm_json_int(parse(d, " 5 "), 0), 5);
	}
	assert_int_equal(lm_json_parse(d, (struct lm_bytes){ 0 }, &v, NULL), LM_ECORRUPT);
	assert_int_equal(parse(d, "\xef\xbb\xbf[]").type, LM_J_ARR);
	lm_json_free(d);
}

static void test_limits(void **state)
{
	(void)state;
	struct lm_json_doc *d = lm_json_new(10000);
	struct lm_json v;
	struct lm_err err;
	char *text = malloc(10001);
	/* size: exactly the limit is taken, one more is not */
	memset(text, ' ', 10001);
	text[0] = '[', text[9999] = ']';
	assert_int_equal(lm_json_parse(d, (struct lm_bytes){ (uint8_t *)text, 10000 }, &v, &err), LM_OK);
	assert_int_equal(lm_json_parse(d, (struct lm_bytes){ (uint8_t *)text, 10001 }, &v, &err), LM_ELIMIT);
	/* depth: the 128th level is refused */
	for (size_t depth = 1; depth < 400; depth++) {
		memset(text, '[', depth);
		text[depth] = '1';
		memset(text + depth + 1, ']', depth);
		enum lm_rc rc = lm_json_parse(d, (struct lm_bytes){ (uint8_t *)text, depth * 2 + 1 }, &v, &err);
		if (rc != (depth < 128 ? LM_OK : LM_ECORRUPT))
			fail_msg("depth %zu: %d", depth, rc);
	}
	free(text);
	lm_json_free(d);
}

/* One parser, texts of growing and shrinking size: values are those of the last text. */
static void test_reuse(void **state)
{
	(void)state;
	struct lm_json_doc *d = lm_json_new(1 << 20);
	for (size_t n = 1; n < 200000; n = n * 3 + 1) {
		char *text = malloc(n + 2);
		memset(text, 'x', n + 2);
		text[0] = text[n + 1] = '"';
		struct lm_json v;
		assert_int_equal(lm_json_parse(d, (struct lm_bytes){ (uint8_t *)text, n + 2 }, &v, NULL), LM_OK);
		free(text); /* the document owns its values */
		assert_int_equal(lm_json_str(v).n, n);
		assert_int_equal(lm_json_str(v).p[n - 1], 'x');
		assert_int_equal(lm_json_int(parse(d, "12"), 0), 12);
	}
	lm_json_free(d);
}

static void test_prefixes(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":[1,2.5,\"x\\u0041\",null,true],\"b\":{\"c\":\"\xc3\xa9\"}}";
	struct lm_json_doc *d = lm_json_new(1 << 20);
	for (size_t n = 0; n < sizeof text - 1; n++) {
		uint8_t *exact = malloc(n + !n);
		struct lm_json v;
		memcpy(exact, text, n);
		assert_int_not_equal(lm_json_parse(d, (struct lm_bytes){ exact, n }, &v, NULL), LM_OK);
		free(exact);
	}
	for (size_t i = 0; i < sizeof text - 1; i++)
		for (int b = 0; b < 256; b++) {
			char changed[sizeof text];
			struct lm_json v, item;
			memcpy(changed, text, sizeof text);
			changed[i] = (char)b;
			if (lm_json_parse(d, (struct lm_bytes){ (uint8_t *)changed, sizeof text - 1 }, &v, NULL) ==
			    LM_OK)
				for (struct lm_json_it it = lm_json_iter(v); lm_json_next(&it, NULL, &item);)
					(void)lm_json_str(item);
		}
	lm_json_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),  cmocka_unit_test(test_iteration), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_reuse),	 cmocka_unit_test(test_prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
