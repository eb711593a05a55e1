/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/test.h"

#include "base/json_out.h"
#include "base/text.h"

static void test_numbers(void **state)
{
	uint64_t u;
	int64_t i;
	(void)state;
	assert_true(lm_str_u64(LM_STR("18446744073709551615"), &u) && u == UINT64_MAX);
	assert_false(lm_str_u64(LM_STR("18446744073709551616"), &u));
	assert_false(lm_str_u64(LM_STR(""), &u));
	assert_false(lm_str_u64(LM_STR("1 "), &u));
	assert_false(lm_str_u64(LM_STR("+1"), &u));
	assert_true(lm_str_i64(LM_STR("-9223372036854775808"), &i) && i == INT64_MIN);
	assert_false(lm_str_i64(LM_STR("9223372036854775808"), &i));
	assert_false(lm_str_i64(LM_STR("-"), &i));
	uint8_t hex[4];
	assert_int_equal(lm_str_unhex(LM_STR("00fFa1"), hex, 4), 3);
	assert_int_equal(hex[1], 0xff);
	assert_true(lm_str_unhex(LM_STR("0"), hex, 4) == SIZE_MAX);
	assert_true(lm_str_unhex(LM_STR("0g"), hex, 4) == SIZE_MAX);
	assert_true(lm_str_unhex(LM_STR("0000000000"), hex, 4) == SIZE_MAX);
}

static void test_compare_and_cut(void **state)
{
	struct lm_str rest = LM_STR("a,,b"), part;
	(void)state;
	assert_true(lm_str_eq_ci(LM_STR("PC-7.Example"), LM_STR("pc-7.eXAMPLE")));
	assert_false(lm_str_eq_ci(LM_STR("pc"), LM_STR("pc7")));
	assert_true(lm_str_starts_ci(LM_STR("C:\\Windows"), LM_STR("c:\\")));
	assert_true(lm_str_ends_ci(LM_STR("x.DLL"), LM_STR(".dll")));
	assert_false(lm_str_ends_ci(LM_STR("l"), LM_STR(".dll")));
	assert_str(lm_str_trim(LM_STR(" \t a b\r\n")), "a b");
	assert_true(lm_str_split(&rest, ',', &part) && lm_str_eq(part, LM_STR("a")));
	assert_true(lm_str_split(&rest, ',', &part) && part.n == 0);
	assert_true(lm_str_split(&rest, ',', &part) && lm_str_eq(part, LM_STR("b")));
	assert_false(lm_str_split(&rest, ',', &part));
	assert_str(lm_path_base(LM_STR("C:\\a/b\\c.txt")), "c.txt");
	assert_str(lm_path_base(LM_STR("c.txt")), "c.txt");
	assert_true(lm_str_cmp(LM_STR("a"), LM_STR("ab")) < 0);
}

static void test_glob(void **state)
{
	(void)state;
	assert_true(lm_str_glob(LM_STR("*.EXE"), LM_STR("a.exe")));
	assert_true(lm_str_glob(LM_STR("a*b*c"), LM_STR("aXXbYYc")));
	assert_false(lm_str_glob(LM_STR("a*b*c"), LM_STR("aXXbYY")));
	assert_true(lm_str_glob(LM_STR("?"), LM_STR("x")));
	assert_false(lm_str_glob(LM_STR("?"), LM_STR("")));
	/* one backtrack point: time stays linear where naive matchers go exponential */
	char many[4001];
	memset(many, 'a', 4000);
	assert_false(lm_str_glob(LM_STR("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), (struct lm_str){ many, 4000 }));
}

static void test_utf16(void **state)
{
	static const uint8_t text[] = { 'a', 0, 0xe9, 0, 0xac, 0x20, 0x3d, 0xd8, 0x00, 0xde, 0x00, 0xd8, 'b', 0, 'x' };
	struct lm_arena a;
	(void)state;
	lm_arena_init(&a, 1 << 16);
	/* a, é, €, U+1F600, a lone high surrogate, b; the odd last byte is dropped */
	assert_str(lm_utf16le(&a, (struct lm_bytes){ text, sizeof text }),
		   "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd"
		   "b");
	lm_arena_fini(&a);
}

static void test_utf8(void **state)
{
	(void)state;
	assert_true(lm_utf8_valid(LM_STR("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80")));
	/* RFC 3629 section 10 and the Unicode stress cases: overlong, surrogates, above U+10FFFF, cut */
	static const char *const bad[] = { "\xc0\x80",	   "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
					   "\xf8\x88\x80", "\x80",	   "\xc3",	   "\xe2\x82" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(lm_utf8_valid(lm_cstr(bad[i])));
}

static void escaped(void (*put)(struct lm_buf *, struct lm_str), struct lm_str in, const char *want)
{
	struct lm_buf b;
	lm_buf_init(&b, 4096);
	put(&b, in);
	assert_str(lm_buf_view(&b), want);
	lm_buf_fini(&b);
}

static void test_escaping(void **state)
{
	(void)state;
	escaped(lm_put_json, (struct lm_str){ "a\"\\\n\x01\xff\0z", 8 }, "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\\u0000z\"");
	escaped(lm_put_html, LM_STR("<a b=\"c\">'&\x1b\xfe"),
		"&lt;a b=&quot;c&quot;&gt;&#39;&amp;\xef\xbf\xbd\xef\xbf\xbd");
	escaped(lm_put_csv, LM_STR("=cmd|x"), "\"'=cmd|x\"");
	escaped(lm_put_csv, LM_STR("a\"b,c"), "\"a\"\"b,c\"");
	escaped(lm_put_csv, LM_STR("plain"), "plain");
	escaped(lm_put_terminal, LM_STR("a\x1b[31m\xe2\x80\xae\xc2\x9b\xff"), "a\\x1b[31m\\u202e\\u009b\\xff");
	escaped(lm_put_terminal, LM_STR("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

static void test_buffer_is_sticky(void **state)
{
	struct lm_buf b;
	(void)state;
	lm_buf_init(&b, 10);
	lm_buf_puts(&b, "12345678");
	lm_buf_fmt(&b, "%d", 12345);
	assert_true(b.bad);
	lm_buf_putc(&b, 'x');
	assert_int_equal(b.n, 8);
	lm_buf_clear(&b);
	lm_buf_puts(&b, "0123456789");
	assert_false(b.bad);
	lm_buf_fini(&b);
}

static void test_json_writer(void **state)
{
	struct lm_buf b;
	struct lm_jw w;
	(void)state;
	lm_buf_init(&b, 4096);
	lm_jw_init(&w, &b, false);
	lm_jw_obj(&w);
	lm_jw_key(&w, "a");
	lm_jw_arr(&w);
	lm_jw_i64(&w, -1);
	lm_jw_str(&w, (struct lm_str){ 0 });
	lm_jw_obj(&w);
	lm_jw_end(&w);
	lm_jw_arr(&w);
	lm_jw_end(&w);
	lm_jw_real(&w, 1.0 / 0.0);
	lm_jw_end(&w);
	lm_jw_key(&w, "t");
	lm_jw_time(&w, 0);
	lm_jw_key(&w, "h");
	lm_jw_hex(&w, (struct lm_bytes){ (const uint8_t *)"\x01\xfe", 2 });
	lm_jw_end(&w);
	assert_str(lm_buf_view(&b), "{\"a\":[-1,null,{},[],null],\"t\":\"1970-01-01T00:00:00Z\",\"h\":\"01fe\"}");
	lm_buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_compare_and_cut),
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_utf16),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_buffer_is_sticky),
		cmocka_unit_test(test_json_writer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
