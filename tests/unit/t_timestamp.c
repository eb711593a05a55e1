/* SPDX-License-Identifier: Apache-2.0 */
/* The C library's own calendar and zones are the truth here: timegm, gmtime_r, mktime under TZ. */
#include "unit/test.h"

#include "base/timestamp.h"

#include <time.h>

static int64_t parse(const char *s)
{
	int64_t ns = -1;
	if (!lm_time_parse(lm_cstr(s), NULL, &ns, NULL))
		fail_msg("refused: %s", s);
	return ns;
}

static void test_known_answers(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} known[] = {
		/* the examples of RFC 3339 section 5.8 */
		{ "1985-04-12T23:20:50.52Z", INT64_C(482196050520000000) },
		{ "1996-12-19T16:39:57-08:00", INT64_C(851042397000000000) },
		{ "1990-12-31T23:59:60Z", INT64_C(662688000000000000) },
		{ "1937-01-01T12:00:27.87+00:20", INT64_C(-1041337172130000000) },
		{ "1970-01-01", 0 },
		{ "2023-03-22 10:11:12.345678901Z", INT64_C(1679479872345678901) },
		{ "2023-03-22T10:11:12,5+0200", INT64_C(1679472672500000000) },
		{ "2023-03-22T10:11:12+02", INT64_C(1679472672000000000) },
		{ "2023-03-22 10:11:12 UTC", INT64_C(1679479872000000000) },
		{ "1679479872", INT64_C(1679479872000000000) },
		{ "1679479872.25", INT64_C(1679479872250000000) },
		{ "1679479872345", INT64_C(1679479872345000000) },
		{ "1679479872345678", INT64_C(1679479872345678000) },
		{ "1679479872345678901", INT64_C(1679479872345678901) },
		{ "-1.5", INT64_C(-1500000000) },
	};
	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		assert_true(parse(known[i].text) == known[i].ns);
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "",
					   "yesterday",
					   "2023-02-29",
					   "2023-13-01",
					   "2023-00-10",
					   "2023-03-22T24:00:00Z",
					   "2023-03-22T10:60:00Z",
					   "2023-03-22T10:00:00Zjunk",
					   "2023-03-22T10:00:00+2",
					   "2023-03-22T10:00:00+0260",
					   "2023-03-22T10:00:00.Z",
					   "9999-01-01",
					   "1000-01-01",
					   "99999999999999999999",
					   "1e9",
					   "12.34.56" };
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t ns = 7;
		if (lm_time_parse(lm_cstr(bad[i]), NULL, &ns, NULL))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(ns, 7);
	}
}

static void test_calendar_against_libc(void **state)
{
	(void)state;
	for (int64_t s = INT64_C(-9000000000); s < INT64_C(9000000000); s += 86400 * 11 + 12345) {
		time_t t = (time_t)s;
		struct tm tm;
		char want[64], got[LM_TIME_TEXT];
		gmtime_r(&t, &tm);
		strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_string_equal(lm_time_iso(s * LM_NS_PER_S, got), want);
		assert_true(parse(want) == s * LM_NS_PER_S);
	}
}

static void test_zones_against_libc(void **state)
{
	static const char *const names[] = { "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata",
					     "Australia/Lord_Howe" };
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct lm_zone *z = lm_zone_load(names[i]);
		if (!z)
			skip(); /* no tzdata on this machine */
		setenv("TZ", names[i], 1);
		tzset();
		for (int64_t s = 946684800; s < 1900000000; s += 3600 * 7 + 61) {
			time_t t = (time_t)s;
			struct tm tm;
			localtime_r(&t, &tm);
			assert_int_equal(lm_zone_offset_utc(z, s), tm.tm_gmtoff);
			/* and back, where the wall clock shows this hour only once */
			time_t before = t - 86400, after = t + 86400;
			struct tm b, a;
			localtime_r(&before, &b);
			localtime_r(&after, &a);
			if (a.tm_gmtoff == b.tm_gmtoff)
				assert_int_equal(lm_zone_offset_local(z, s + tm.tm_gmtoff), tm.tm_gmtoff);
		}
		lm_zone_free(z);
	}
}

static void test_zoneless_is_marked(void **state)
{
	struct lm_zone *z = lm_zone_load("+05:30");
	int64_t ns;
	bool assumed;
	char text[LM_TIME_TEXT];
	(void)state;
	assert_non_null(z);
	assert_true(lm_time_parse(LM_STR("2023-03-22T10:00:00"), z, &ns, &assumed));
	assert_true(assumed);
	assert_string_equal(lm_time_iso(ns, text), "2023-03-22T04:30:00Z");
	assert_string_equal(lm_time_iso_zone(ns, z, text), "2023-03-22T10:00:00+05:30");
	assert_true(lm_time_parse(LM_STR("2023-03-22T10:00:00Z"), z, &ns, &assumed));
	assert_false(assumed);
	lm_zone_free(z);
	assert_null(lm_zone_load("../../etc/passwd"));
	assert_null(lm_zone_load("/etc/localtime"));
	assert_null(lm_zone_load("No/Such"));
	assert_null(lm_zone_load("+25:00"));
}

static void test_fractions(void **state)
{
	char text[LM_TIME_TEXT];
	(void)state;
	assert_string_equal(lm_time_iso(1, text), "1970-01-01T00:00:00.000000001Z");
	assert_string_equal(lm_time_iso(1500000, text), "1970-01-01T00:00:00.001500Z");
	assert_string_equal(lm_time_iso(250000000, text), "1970-01-01T00:00:00.250Z");
	assert_string_equal(lm_time_iso(-1, text), "1969-12-31T23:59:59.999999999Z");
	lm_time_iso(INT64_MIN, text);
	lm_time_iso(INT64_MAX, text);
	assert_string_equal(text, "2262-04-11T23:47:16.854775807Z");
}

static void test_filetime(void **state)
{
	int64_t ns;
	(void)state;
	/* the example of Microsoft's KB 167296: 1970-01-01 is 116444736000000000 */
	assert_true(lm_time_from_filetime(UINT64_C(116444736000000000), &ns) && ns == 0);
	assert_true(lm_time_from_filetime(UINT64_C(133239534720000000), &ns));
	assert_true(ns == INT64_C(1679479872000000000));
	assert_false(lm_time_from_filetime(0, &ns));
	assert_false(lm_time_from_filetime(UINT64_MAX, &ns));
	assert_false(lm_time_from_filetime(INT64_MAX, &ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_calendar_against_libc),
		cmocka_unit_test(test_zones_against_libc),
		cmocka_unit_test(test_zoneless_is_marked),
		cmocka_unit_test(test_fractions),
		cmocka_unit_test(test_filetime),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
