/* SPDX-License-Identifier: Apache-2.0 */
/* t_hits.c - plain hits: severities, one a (rule, content, host), groups over many hosts. */
#include "detect/detect.h"
#include "unit/detect_case.h"

static int severity_of(struct lm_case *c, const char *rule)
{
	for (int s = 0; s < LM_SEV_COUNT; s++)
		if (find(c, rule, NULL, s, LM_STAGE_NONE).n)
			return s;
	return -1;
}

static void test_rule_severity(void **state)
{
	(void)state;
	static const struct {
		int score;
		const char *severity;
		int want;
	} t[] = {
		{ 75, NULL, LM_SEV_HIGH },	 { 74, NULL, LM_SEV_MEDIUM },	  { -1, "HIGH", LM_SEV_HIGH },
		{ -1, "critical", LM_SEV_HIGH }, { -1, NULL, LM_SEV_MEDIUM },	  { 10, "high", LM_SEV_HIGH },
		{ -1, "low", LM_SEV_LOW },	 { -1, "medium", LM_SEV_MEDIUM }, { -1, "odd", LM_SEV_MEDIUM },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct scene *sc = scene_new();
		int ev = scene_pe(sc, "dir/a.dll", 1, 100, NULL);
		struct lm_obs *o = scene_rule(sc, ev, 1, "some_rule", t[i].score);
		o->rule_match.severity = t[i].severity ? S(t[i].severity) : (struct lm_str){ 0 };
		struct lm_case *c = scene_case(sc, false, NULL);
		if (severity_of(c, "some_rule") != t[i].want)
			fail_msg("score %d severity %s", t[i].score, t[i].severity ? t[i].severity : "-");
		struct want w = find(c, "some_rule", "*", -1, -1);
		assert_int_equal(w.n, 1);
		assert_has(w.why, "'$a' at offset 0x200");
		lm_case_close(c);
		scene_free(sc);
	}
}

static void test_one_a_host(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int ev = scene_pe(sc, "col/PC1/a.dll", 1, 100, NULL);
	scene_rule(sc, ev, 1, "some_rule", 50);
	scene_rule(sc, ev, 1, "other_rule", 50)->rule_match.offset = LM_INT(600);
	scene_sighting(sc, ev, "PC1", "C:\\a.dll", 1, "file", NULL, NULL)->time = LM_INT(30);
	scene_sighting(sc, ev, "PC1", "C:\\b.dll", 1, "file", NULL, NULL)->time = LM_INT(20);
	scene_sighting(sc, ev, "PC2", "C:\\a.dll", 1, "file", NULL, NULL);
	struct lm_case *c = scene_case(sc, false, NULL);
	assert_int_equal(find(c, "some_rule", NULL, -1, -1).n, 2);
	struct want w = find(c, "some_rule", "PC1", LM_SEV_MEDIUM, LM_STAGE_NONE);
	assert_int_equal(w.n, 1);
	assert_has(w.why, "seen 2 times");
	assert_true(w.first.v == 20 && w.last.v == 30);
	assert_int_equal(find(c, "other_rule", NULL, -1, -1).n, 2);
	lm_case_close(c);
	scene_free(sc);
}

static void test_indicators(void **state)
{
	(void)state;
	for (int trusted = 0; trusted < 2; trusted++) {
		struct scene *sc = scene_new();
		int list = scene_path(sc, "list.csv", "indicators", 901, 100, trusted);
		scene_indicator(sc, list, "sha256", hex_of(sc, 1));
		scene_indicator(sc, list, "filename", "odd-name.bin");
		scene_indicator(sc, list, "sha256", hex_of(sc, 55)); /* nothing has it */
		int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
		scene_sighting(sc, inv, "PC1", "C:\\x\\odd-name.bin", 2, "inventory", NULL, NULL);
		scene_sighting(sc, inv, "PC1", "C:\\y\\Odd-Name.bin", 3, "inventory", NULL, NULL);
		scene_sighting(sc, inv, "PC2", "C:\\x\\other.bin", 1, "inventory", NULL, NULL);
		struct lm_case *c = scene_case(sc, false, NULL);
		struct want w =
			find(c, "indicator-sha256", "PC2", trusted ? LM_SEV_HIGH : LM_SEV_MEDIUM, LM_STAGE_NONE);
		assert_int_equal(w.n, 1);
		assert_has(w.why, trusted ? "given with --intel" : "found in evidence");
		assert_int_equal(find(c, "indicator-sha256", NULL, -1, -1).n, 1);
		w = find(c, "indicator-filename", "PC1", trusted ? LM_SEV_MEDIUM : LM_SEV_LOW, LM_STAGE_NONE);
		assert_int_equal(w.n, 1);
		assert_has(w.counter, "Only the name matches");
		assert_has(w.why, "Seen 2 times");
		lm_case_close(c);
		scene_free(sc);
	}
}

/* 51 hosts: one finding for the fleet; a rule of severity high keeps its hosts beside it. */
static void test_groups(void **state)
{
	(void)state;
	for (int hosts = 50; hosts <= 51; hosts++)
		for (int strong = 0; strong < 2; strong++) {
			struct scene *sc = scene_new();
			int ev = scene_pe(sc, "dir/a.dll", 1, 100, NULL);
			scene_rule(sc, ev, 1, "some_rule", strong ? 80 : 50);
			int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
			for (int i = 0; i < hosts; i++) {
				char host[16];
				snprintf(host, sizeof host, "PC%03d", i);
				scene_sighting(sc, inv, host, "C:\\a.dll", 1, "inventory", NULL, NULL);
			}
			struct lm_case *c = scene_case(sc, strong, NULL);
			struct want w = find(c, "some_rule", "*", -1, -1);
			int per_host = find(c, "some_rule", NULL, -1, -1).n - w.n;
			assert_int_equal(w.n, hosts == 51);
			assert_int_equal(per_host, hosts == 50 || strong ? hosts : 0);
			if (w.n) {
				assert_has(w.why, "51 hosts");
				assert_int_equal(w.n_evidence, 3);
			}
			lm_case_close(c);
			scene_free(sc);
		}
}

/* A row's MD5 beside a SHA-256 speaks about the row alone; beside a SHA-1 that others state, too. */
static void test_stated_hash(void **state)
{
	(void)state;
	static const char md5[] = "0123456789abcdef", hex[] = "30313233343536373839616263646566";
	for (int sha1 = 0; sha1 < 2; sha1++) {
		struct scene *sc = scene_new();
		int list = scene_path(sc, "list.csv", "indicators", 901, 100, true);
		scene_indicator(sc, list, "md5", hex);
		int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
		for (int i = 0; i < 5; i++) {
			char host[16];
			snprintf(host, sizeof host, "PC%d", i);
			struct lm_obs *o =
				scene_sighting(sc, inv, host, "C:\\a.dll", 1, "inventory", "Calc App", "4.1");
			if (sha1) {
				o->file_sighting.sha1 = (struct lm_bytes){ o->file_sighting.sha256.p, 20 };
				o->file_sighting.sha256 = (struct lm_bytes){ 0 };
			}
			if (i == 3)
				o->file_sighting.md5 = (struct lm_bytes){ (const uint8_t *)md5, 16 };
		}
		struct lm_case *c = scene_case(sc, sha1, NULL);
		assert_int_equal(find(c, NULL, "PC1", LM_SEV_HIGH, -1).n, 0);
		assert_int_equal(find(c, NULL, "PC1", LM_SEV_CRITICAL, -1).n, 0);
		assert_int_equal(find(c, "indicator-md5", NULL, -1, -1).n, !sha1);
		if (!sha1) {
			struct want w = find(c, "indicator-md5", "PC3", LM_SEV_HIGH, LM_STAGE_NONE);
			assert_int_equal(w.n, 1);
			assert_has(w.why, "The MD5 30313233343536373839616263646566 matched: the row states it, "
					  "not the file");
			assert_has(w.counter, "Only a row states the hash");
			assert_int_equal(find(c, "known-hash", NULL, -1, -1).n, 0);
		} else {
			assert_int_equal(find(c, "known-hash", "PC3", LM_SEV_CRITICAL, -1).n, 1);
		}
		lm_case_close(c);
		scene_free(sc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_severity), cmocka_unit_test(test_one_a_host),
		cmocka_unit_test(test_indicators),    cmocka_unit_test(test_groups),
		cmocka_unit_test(test_stated_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
