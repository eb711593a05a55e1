/* SPDX-License-Identifier: Apache-2.0 */
/* t_scope.c - stages of hosts, counts by dimension with their denominators, notes of page one. */
#include "detect/detect.h"
#include "unit/detect_case.h"

struct row {
	const char *dimension, *value; /* NULL: unknown */
	bool found;
	struct lm_scope_row r;
};

static enum lm_rc find_row(void *user, const struct lm_scope_row *r)
{
	struct row *w = user;
	if (w->value ? lm_str_eq(r->value, lm_cstr(w->value)) : !r->value.p) {
		w->found = true;
		w->r = *r;
	}
	return LM_OK;
}

static void check_row(struct lm_case *c, const char *dimension, const char *value, unsigned listed, unsigned seen,
		      unsigned exposed, unsigned altered)
{
	struct row w = { .dimension = dimension, .value = value };
	assert_int_equal(lm_case_scope_rows(c, dimension, find_row, &w), LM_OK);
	if (!w.found)
		fail_msg("no row %s=%s", dimension, value ? value : "unknown");
	if (w.r.listed != listed || w.r.seen != seen || w.r.stage[LM_STAGE_EXPOSED] != exposed ||
	    w.r.stage[LM_STAGE_ALTERED] != altered)
		fail_msg("%s=%s: listed %u seen %u exposed %u altered %u", dimension, value ? value : "unknown",
			 (unsigned)w.r.listed, (unsigned)w.r.seen, (unsigned)w.r.stage[LM_STAGE_EXPOSED],
			 (unsigned)w.r.stage[LM_STAGE_ALTERED]);
}

/* PC1 altered by file, PC2 by hash, PC3 same version, PC4 in the list only, PC5 unlisted. */
static struct scene *fleet(void)
{
	struct scene *sc = scene_new();
	int list = scene_path(sc, "hosts.csv", "hostlist", 902, 500, true);
	scene_listed(sc, list, "PC1", "Org A", "DE", "Finance");
	scene_listed(sc, list, "PC2", "Org A", "DE", "finance");
	scene_listed(sc, list, "PC3", "Org B", "BR", "Energy");
	scene_listed(sc, list, "PC4", "Org B", "BR", "Energy");
	int bad = scene_pe(sc, "col/PC1.zip!/C/App/lib.dll", 1, 100, "valid");
	scene_area(sc, bad, 1, "entry-slack", "unexplained", 4103, 4096);
	scene_sighting(sc, bad, "PC1", "C:\\App\\lib.dll", 1, "file", NULL, NULL)->time = LM_INT(50);
	int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
	scene_installed(sc, inv, "PC1", "Calc App", "4.1", "C:\\App");
	scene_installed(sc, inv, "PC1", "Calc App", "4.0", "C:\\Old");
	scene_sighting(sc, inv, "PC2", "C:\\App\\lib.dll", 1, "inventory", "Calc App", "4.1");
	scene_installed(sc, inv, "PC3", "Calc App", "4.1", "C:\\App");
	scene_installed(sc, inv, "PC5", "Calc App", "4.0", "C:\\App");
	int locked = scene_path(sc, "col/locked.zip", "zip", 903, 500, false);
	struct lm_obs *o = scene_obs(sc, locked, LM_K_evidence_encrypted);
	o->evidence_encrypted.path = S("col/locked.zip");
	o->evidence_encrypted.what = S("zip, AES");
	return sc;
}

static void test_counts(void **state)
{
	(void)state;
	struct scene *sc = fleet();
	struct lm_case *c = scene_case(sc, false, NULL);
	check_row(c, "total", "hosts", 4, 4, 4, 2);
	check_row(c, "country", "DE", 2, 2, 2, 2);
	check_row(c, "country", "BR", 2, 1, 1, 0);
	check_row(c, "country", NULL, 0, 1, 1, 0);
	check_row(c, "sector", "Finance", 2, 2, 2, 2);
	check_row(c, "org", "Org B", 2, 1, 1, 0);
	check_row(c, "os", "Windows 11", 4, 3, 3, 2);
	check_row(c, "signer", "Library Vendor Example", 2, 2, 2, 2);
	check_row(c, "version", "4.1", 3, 3, 3, 2);
	check_row(c, "version", "4.0", 1, 2, 2, 0); /* PC1's old release holds no altered file */
	lm_case_close(c);
	scene_free(sc);
}

static enum lm_rc check_stage(void *user, const struct lm_host_stage *s)
{
	int *seen = user;
	assert_true(s->findings.n >= 16);
	assert_in_range(s->confidence, 1, 99);
	if (s->stage == LM_STAGE_ALTERED)
		(*seen)++;
	if (s->stage == LM_STAGE_ALTERED && lm_str_eq(s->host->name, LM_STR("PC1")))
		assert_true(s->first.set && s->first.v == 50 && s->last.v == 50);
	return LM_OK;
}

static void test_stages(void **state)
{
	(void)state;
	struct scene *sc = fleet();
	struct lm_case *c = scene_case(sc, false, NULL);
	int altered = 0;
	assert_int_equal(lm_case_host_stages(c, check_stage, &altered), LM_OK);
	assert_int_equal(altered, 2);
	lm_case_close(c);
	scene_free(sc);
}

static void test_notes(void **state)
{
	(void)state;
	struct scene *sc = fleet();
	struct lm_case *c = scene_case(sc, false, NULL);
	char *text = dump(c);
	assert_has(text,
		   "N verdict: 1 content is not what the signer signed or the vendor released; 2 of 5 hosts have it");
	assert_has(text,
		   "N verdict: 'Calc App': 1 altered content; 2 of the 4 hosts with the product have it by hash.");
	assert_has(text, "'lib.dll' on ");
	assert_has(text, "N action: 'Calc App 4.1' carries altered content on 2 hosts");
	assert_has(text, "Remove 'Calc App 4.1' from 2 hosts");
	assert_has(text, "Put 1 hash of altered contents on the block list");
	assert_has(text, "Collect the altered files from 1 host.");
	assert_has(text, "1 of 5 hosts are in the host list without any evidence");
	assert_has(text, "by organisation: Org B 1");
	assert_has(text, "1 piece of evidence is encrypted");
	assert_has(text, "'col/locked.zip': zip, AES");
	assert_has(text, "--password-file FILE");
	assert_hasnt(text, "--product NAME"); /* the altered product is the subject */
	free(text);
	lm_case_close(c);
	scene_free(sc);
}

/* Nothing altered: said plainly, with what was looked at and what that does not prove. */
static void test_nothing(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int ev = scene_pe(sc, "dir/a.dll", 1, 100, "valid");
	scene_sighting(sc, ev, "PC1", "C:\\a.dll", 1, "file", NULL, NULL);
	struct lm_case *c = scene_case(sc, false, NULL);
	char *text = dump(c);
	assert_has(text, "N verdict: No altered file was found in what was examined.");
	assert_has(text, "Examined: 1 program files, 1 of them signed and 1 with a valid signature");
	assert_has(text, "does not prove");
	assert_hasnt(text, "N action");
	free(text);
	lm_case_close(c);
	scene_free(sc);
	sc = scene_new();
	c = scene_case(sc, false, NULL);
	text = dump(c);
	assert_has(text, "was not examined");
	assert_has(text, "N gap: altered: not observed");
	free(text);
	lm_case_close(c);
	scene_free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
