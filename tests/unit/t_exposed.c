/* SPDX-License-Identifier: Apache-2.0 */
/* t_exposed.c - who has a subject product, what is only a lead, and silence without a subject. */
#include "detect/detect.h"
#include "unit/detect_case.h"

/* Content 1 is altered inside "Calc App" 4.1 on PC1. PC2..PC6 have releases of it, PC7 another product. */
static struct scene *fleet(bool altered)
{
	struct scene *sc = scene_new();
	int bad = scene_pe(sc, "col/PC1.zip!/C/App/lib.dll", 1, 100, "valid");
	if (altered)
		scene_area(sc, bad, 1, "entry-slack", "unexplained", 4103, 4096);
	scene_sighting(sc, bad, "PC1", "C:\\App\\lib.dll", 1, "file", NULL, NULL);
	int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
	scene_installed(sc, inv, "PC1", "Calc App", "4.1", "C:\\App")->time = LM_INT(777);
	scene_installed(sc, inv, "PC2", "calc app", "4.1", "C:\\App"); /* same version, its file unknown */
	scene_installed(sc, inv, "PC3", "Calc App", "4.1", "C:\\App"); /* same version, clean file */
	scene_sighting(sc, inv, "PC3", "C:\\App\\lib.dll", 2, "inventory", NULL, NULL);
	scene_installed(sc, inv, "PC4", "Calc App", "4.0", "C:\\App"); /* older */
	scene_installed(sc, inv, "PC5", "Calc App", NULL, NULL);       /* version unknown */
	scene_installed(sc, inv, "PC7", "Draw App", "4.1", "C:\\Draw");
	/* a file of that name elsewhere on PC2 says nothing about the release */
	scene_sighting(sc, inv, "PC2", "C:\\Other\\lib.dll", 3, "inventory", NULL, NULL);
	return sc;
}

static void test_subject_by_altered(void **state)
{
	(void)state;
	struct scene *sc = fleet(true);
	struct lm_case *c = scene_case(sc, false, NULL);
	struct want w = find(c, "installed", "PC1", LM_SEV_INFORMATIONAL, LM_STAGE_EXPOSED);
	assert_int_equal(w.n, 1);
	assert_true(w.first.set && w.first.v == 777);
	assert_has(w.why, "Calc App 4.1");
	assert_has(w.why, "altered content of this product");
	w = find(c, "same-version", "PC2", LM_SEV_LOW, LM_STAGE_EXPOSED);
	assert_int_equal(w.n, 1);
	assert_has(w.why, "on 1 other host");
	assert_has(w.why, hex_of(sc, 1));
	assert_has(w.why, "Collect 'lib.dll'");
	assert_has(w.counter, "No evidence has the hash");
	w = find(c, "same-version", "PC3", LM_SEV_INFORMATIONAL, LM_STAGE_EXPOSED);
	assert_int_equal(w.n, 1);
	assert_has(w.counter, "another hash");
	assert_has(w.counter, hex_of(sc, 2));
	assert_int_equal(find(c, "installed", "PC4", LM_SEV_INFORMATIONAL, LM_STAGE_EXPOSED).n, 1);
	w = find(c, "installed", "PC5", LM_SEV_INFORMATIONAL, LM_STAGE_EXPOSED);
	assert_int_equal(w.n, 1);
	assert_has(w.why, "version is not stated");
	assert_int_equal(find(c, NULL, "PC7", -1, -1).n, 0);
	/* nobody is altered by version */
	assert_int_equal(find(c, NULL, "PC2", -1, LM_STAGE_ALTERED).n, 0);
	struct want all = { .detector = "exposed", .severity = -1, .stage = -1 };
	assert_int_equal(lm_case_findings(c, count_finding, &all), LM_OK);
	assert_int_equal(all.n, 5);
	lm_case_close(c);
	scene_free(sc);
}

static void test_no_subject(void **state)
{
	(void)state;
	struct scene *sc = fleet(false);
	struct lm_case *c = scene_case(sc, false, NULL);
	assert_int_equal(find(c, NULL, NULL, -1, LM_STAGE_EXPOSED).n, 0);
	char *text = dump(c);
	assert_has(text, "--product NAME");
	free(text);
	lm_case_close(c);
	scene_free(sc);
}

static void test_named(void **state)
{
	(void)state;
	static const char *const exact[] = { "CALC APP", NULL }, *const glob[] = { "*app", NULL };
	struct scene *sc = fleet(false);
	struct lm_detect_opts o = { .products = exact };
	struct lm_case *c = scene_case(sc, false, &o);
	/* nothing is altered: no leads, all informational */
	assert_int_equal(find(c, "installed", NULL, LM_SEV_INFORMATIONAL, LM_STAGE_EXPOSED).n, 5);
	assert_int_equal(find(c, "same-version", NULL, -1, -1).n, 0);
	assert_true(lm_str_eq(lm_case_get(c, "subject", &sc->arena), LM_STR("CALC APP")));
	lm_case_close(c);
	o.products = glob;
	c = scene_case(sc, false, &o);
	assert_int_equal(find(c, "installed", NULL, -1, LM_STAGE_EXPOSED).n, 6);
	assert_int_equal(find(c, "installed", "PC7", -1, LM_STAGE_EXPOSED).n, 1);
	lm_case_close(c);
	scene_free(sc);
}

/* The altered file's own row is enough to say that its host has the release. */
static void test_release_by_hash_only(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int bad = scene_pe(sc, "dir/lib.dll", 1, 100, "valid");
	scene_area(sc, bad, 1, "entry-slack", "unexplained", 4103, 4096);
	int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
	scene_sighting(sc, inv, "PC1", "C:\\App\\lib.dll", 1, "inventory", "Calc App", "4.1");
	struct lm_case *c = scene_case(sc, false, NULL);
	assert_int_equal(find(c, "installed", "PC1", LM_SEV_INFORMATIONAL, LM_STAGE_EXPOSED).n, 1);
	lm_case_close(c);
	scene_free(sc);
}

/* Sources spell one product differently; a longer name is another product. */
static void test_spelling(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int bad = scene_pe(sc, "dir/lib.dll", 1, 100, "valid");
	scene_area(sc, bad, 1, "entry-slack", "unexplained", 4103, 4096);
	int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
	scene_installed(sc, inv, "PC1", "Calc App", "4.1", NULL);
	scene_sighting(sc, inv, "PC1", "C:\\App\\lib.dll", 1, "inventory", "CalcApp", "4.1.0");
	scene_installed(sc, inv, "PC2", "Calc-App", "4.1.0", NULL);
	scene_installed(sc, inv, "PC3", "Calc App Server", "4.1", NULL);
	scene_installed(sc, inv, "PC4", "Calc App++", "4.1", NULL);
	struct lm_case *c = scene_case(sc, false, NULL);
	assert_int_equal(find(c, NULL, "PC1", -1, LM_STAGE_EXPOSED).n, 1);
	assert_int_equal(find(c, "same-version", "PC2", LM_SEV_LOW, LM_STAGE_EXPOSED).n, 1);
	assert_int_equal(find(c, NULL, "PC3", -1, -1).n, 0);
	assert_int_equal(find(c, NULL, "PC4", -1, -1).n, 0);
	lm_case_close(c);
	scene_free(sc);
}

static void test_order(void **state)
{
	(void)state;
	struct scene *sc = fleet(true);
	struct lm_case *a = scene_case(sc, false, NULL), *b = scene_case(sc, true, NULL);
	char *x = dump(a), *y = dump(b);
	assert_string_equal(x, y);
	free(x);
	free(y);
	lm_case_close(a);
	lm_case_close(b);
	scene_free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subject_by_altered),
		cmocka_unit_test(test_no_subject),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_release_by_hash_only),
		cmocka_unit_test(test_spelling),
		cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
