/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_geo.c - countries from MaxMind's own test databases (corpus set intel/maxmind-test), broken ones refused.
 */
#include "case/case.h"
#include "case_help.h"

#include <stdio.h>
#include <sys/stat.h>

static char base[400];

static int setup(void **state)
{
	(void)state;
	const char *corpus = getenv("LIMIER_CORPUS");
	snprintf(base, sizeof base, "%s/intel/maxmind-test/test-data", corpus ? corpus : "");
	return 0;
}

static void need_corpus(void)
{
	struct stat st;
	if (base[0] == '/' && stat(base, &st) == 0 && getenv("LIMIER_CORPUS"))
		return;
	print_message("skipped: LIMIER_CORPUS with intel/maxmind-test is not there\n");
	skip();
}

static const char *file(const char *name)
{
	static char path[4][600];
	static int turn;
	char *p = path[turn++ % 4];
	snprintf(p, sizeof path[0], "%s/%s", base, name);
	return p;
}

static struct lm_geo *open_geo(const char *a, const char *b)
{
	struct lm_geo *g;
	struct lm_err err;
	const char *const files[] = { a, b, NULL };
	if (lm_geo_open(files, &g, &err) != LM_OK)
		fail_msg("%s", err.msg);
	return g;
}

static void expect(const struct lm_geo *g, const char *address, const char *code)
{
	char got[3] = "";
	bool disputed = true;
	bool found = lm_geo_country(g, address, got, &disputed);
	if (code ? !found || strcmp(got, code) != 0 : found)
		fail_msg("%s is %s, not %s", address, found ? got : "unknown", code ? code : "unknown");
	if (found)
		assert_false(disputed);
}

/* Truth: source-data/GeoIP2-Country-Test.json of the same set. */
static void test_country(void **state)
{
	(void)state;
	need_corpus();
	struct lm_geo *g = open_geo(file("GeoIP2-Country-Test.mmdb"), NULL);
	expect(g, "2.125.160.216", "GB");
	expect(g, "2001:218::1", "JP");
	expect(g, "2001:218:ffff:ffff:ffff:ffff:ffff:ffff", "JP");
	expect(g, "::ffff:2.125.160.216", "GB");
	expect(g, "10.0.0.1", NULL);
	expect(g, "192.0.2.1", NULL);
	expect(g, "no address", NULL);
	expect(g, "", NULL);
	assert_non_null(strstr(lm_geo_describe(g), "GeoIP2-Country-Test 20"));
	lm_geo_close(g);
	g = open_geo(file("GeoIP2-City-Test.mmdb"), NULL);
	expect(g, "2.125.160.216", "GB");
	lm_geo_close(g);
	/* other kinds of databases hold no country */
	g = open_geo(file("GeoLite2-ASN-Test.mmdb"), NULL);
	expect(g, "1.128.0.0", NULL);
	lm_geo_close(g);
}

/* Keys of the source JSON, one network a line: every network is asked for and compared. */
static void test_whole_source(void **state)
{
	(void)state;
	need_corpus();
	char path[600], line[4000];
	snprintf(path, sizeof path, "%s/../source-data/GeoIP2-Country-Test.json", base);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	struct lm_geo *g = open_geo(file("GeoIP2-Country-Test.mmdb"), NULL);
	char network[80] = "", country[3] = "", registered[3] = "";
	int checked = 0, section = 0;
	while (fgets(line, sizeof line, f)) {
		char *p = strstr(line, "/");
		if (strncmp(line, "    \"", 5) == 0 && p && line[5] != '"') { /* 4 spaces: a network */
			snprintf(network, sizeof network, "%.*s", (int)(p - line - 5), line + 5);
			country[0] = registered[0] = 0;
		}
		if (strncmp(line, "      \"", 7) == 0)
			section = strstr(line, "\"country\"") ? 1 : strstr(line, "\"registered_country\"") ? 2 : 0;
		p = strstr(line, "\"iso_code\": \"");
		if (p && section == 1)
			memcpy(country, p + 13, 2), country[2] = 0;
		if (p && section == 2)
			memcpy(registered, p + 13, 2), registered[2] = 0;
		if (strncmp(line, "    }", 5) == 0 && network[0]) {
			const char *want = country[0] ? country : registered[0] ? registered : NULL;
			if (strncmp(network, "::", 2) != 0) {
				expect(g, network, want);
				checked++;
			}
			network[0] = 0;
		}
	}
	fclose(f);
	lm_geo_close(g);
	print_message("%d networks compared\n", checked);
	assert_true(checked > 50);
}

static void test_v4_only(void **state)
{
	(void)state;
	need_corpus();
	struct lm_geo *g = open_geo(file("MaxMind-DB-test-ipv4-24.mmdb"), NULL);
	expect(g, "1.1.1.1", NULL); /* known, but without a country */
	expect(g, "2001:218::1", NULL);
	lm_geo_close(g);
}

static void test_broken(void **state)
{
	(void)state;
	need_corpus();
	static const char *const bad[] = { "GeoIP2-City-Test-Invalid-Node-Count.mmdb",
					   "MaxMind-DB-test-broken-search-tree-24.mmdb", "nothing-there.mmdb" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct lm_geo *g = NULL;
		struct lm_err err = { 0 };
		const char *const files[] = { file("GeoIP2-Country-Test.mmdb"), file(bad[i]), NULL };
		enum lm_rc rc = lm_geo_open(files, &g, &err);
		if (rc == LM_OK) { /* damage that no lookup meets: answers stay safe */
			char code[3];
			bool d;
			for (unsigned k = 0; k < 256; k++) {
				char address[20];
				snprintf(address, sizeof address, "%u.1.1.1", k);
				(void)lm_geo_country(g, address, code, &d);
			}
			lm_geo_close(g);
			print_message("%s opens\n", bad[i]);
			continue;
		}
		assert_null(g);
		if (!strstr(err.msg, bad[i]))
			fail_msg("'%s' does not name %s", err.msg, bad[i]);
	}
	/* broken values: unknown, never a crash */
	struct lm_geo *g = NULL;
	struct lm_err err;
	static const char *const odd[] = { "MaxMind-DB-test-broken-pointers-24.mmdb",
					   "GeoIP2-City-Test-Broken-Double-Format.mmdb",
					   "MaxMind-DB-no-ipv4-search-tree.mmdb",
					   "MaxMind-DB-string-value-entries.mmdb" };
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		const char *const files[] = { file(odd[i]), NULL };
		char code[3];
		bool d;
		if (lm_geo_open(files, &g, &err) != LM_OK)
			continue;
		for (unsigned k = 0; k < 256; k++) {
			char address[20];
			snprintf(address, sizeof address, "1.1.1.%u", k);
			(void)lm_geo_country(g, address, code, &d);
		}
		lm_geo_close(g);
	}
}

/* A text file and a cut database are refused with a sentence. */
static void test_not_a_database(void **state)
{
	(void)state;
	char path[] = "/tmp/limier-t-geo-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "no database\n", 12), 12);
	close(fd);
	const char *const files[] = { path, NULL };
	struct lm_geo *g;
	struct lm_err err;
	assert_int_equal(lm_geo_open(files, &g, &err), LM_ECORRUPT);
	assert_null(g);
	assert_non_null(strstr(err.msg, path));
	unlink(path);
	assert_int_equal(lm_geo_open(files, &g, &err), LM_EIO);
	const char *const no_files[] = { NULL };
	ok(lm_geo_open(no_files, &g, &err));
	assert_string_equal(lm_geo_describe(g), "");
	lm_geo_close(g);
}

static void test_hosts(void **state)
{
	(void)state;
	need_corpus();
	struct lm_geo *g = open_geo(file("GeoIP2-Country-Test.mmdb"), NULL);
	struct lm_case *c = open_case(NULL, 0);
	int64_t ev = evidence(c, "e");
	struct lm_obs o = seen_by("uk", "2.125.160.216", NULL, LM_ID_EVENT);
	ok(lm_case_put(c, ev, &o));
	o = seen_by("private", "10.0.0.1", NULL, LM_ID_EVENT);
	ok(lm_case_put(c, ev, &o));
	o = listed("list", NULL, "2.125.160.217", NULL);
	o.host_record.country = LM_STR("FR");
	ok(lm_case_put(c, ev, &o));
	ok(lm_case_resolve(c, g));
	const struct lm_host *h = lm_case_host_find(c, LM_STR("uk"));
	assert_true(lm_str_eq(h->country, LM_STR("GB")));
	assert_true(lm_str_eq(h->country_source, LM_STR("geoip GeoIP2-Country-Test")));
	h = lm_case_host_find(c, LM_STR("private"));
	assert_true(!h->country.p && !h->country_source.p);
	h = lm_case_host_find(c, LM_STR("list"));
	assert_true(lm_str_eq(h->country, LM_STR("FR")) && lm_str_eq(h->country_source, LM_STR("list")));
	lm_case_close(c);
	lm_geo_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_country), cmocka_unit_test(test_whole_source),   cmocka_unit_test(test_v4_only),
		cmocka_unit_test(test_broken),	cmocka_unit_test(test_not_a_database), cmocka_unit_test(test_hosts),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
