/* SPDX-License-Identifier: Apache-2.0 */
/* Reading again under other settings: what is stated anew replaces what was, and nothing else changes. */
#include "unit/test.h"

#include "case/case.h"

static const uint8_t sha_zip[32] = { 1 }, sha_dll[32] = { 2 };

static void put_sighting(struct lm_case *c, int64_t ev, const char *host, const char *path, uint64_t offset)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_file_sighting);
	o.host.name = lm_cstr(host);
	o.host.source = LM_ID_LAYOUT;
	o.file_sighting.sha256 = (struct lm_bytes){ sha_dll, 32 };
	o.file_sighting.path = lm_cstr(path);
	o.at.offset = offset;
	assert_int_equal(lm_case_put(c, ev, &o), LM_OK);
}

static void put_signature(struct lm_case *c, int64_t ev, const char *trust)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_signature);
	o.signature.sha256 = (struct lm_bytes){ sha_dll, 32 };
	o.signature.index = LM_INT(0);
	o.signature.trust = lm_cstr(trust);
	assert_int_equal(lm_case_put(c, ev, &o), LM_OK);
}

/* Two collections with the same file; the first also had an archive nobody could open. */
static void read_all(struct lm_case *c, const char *trust, bool locked)
{
	static const char *const files[] = { "one.zip", "two.zip" };
	for (int i = 0; i < 2; i++) {
		int64_t zip, dll;
		char member[64];
		snprintf(member, sizeof member, "%s!/a.dll", files[i]);
		assert_int_equal(lm_case_evidence(c, lm_cstr(files[i]), -1, false, &zip), LM_OK);
		assert_int_equal(lm_case_evidence(c, lm_cstr(member), zip, false, &dll), LM_OK);
		if (locked && i == 0) {
			struct lm_obs o;
			lm_obs_init(&o, LM_K_evidence_encrypted);
			o.evidence_encrypted.path = LM_STR("one.zip!/b.zip");
			assert_int_equal(lm_case_put(c, zip, &o), LM_OK);
		}
		put_sighting(c, dll, i ? "PC2" : "PC1", "C:\\a.dll", 0);
		put_sighting(c, dll, "PC3", "C:\\shared.dll", 0);
		if (i == 0)
			put_signature(c, dll, trust);
		assert_int_equal(lm_case_evidence_end(c, dll, sha_dll, 10, LM_STR("pe")), LM_OK);
		assert_int_equal(lm_case_evidence_end(c, zip, sha_zip, 20, LM_STR("zip")), LM_OK);
		assert_int_equal(lm_case_file_done(c, lm_cstr(files[i]), 20, 5, LM_STR("f"), (struct lm_str){ 0 }, 0),
				 LM_OK);
	}
	assert_int_equal(lm_case_commit(c), LM_OK);
}

struct count {
	unsigned n;
	char last[64];
};

static enum lm_rc on_stored(void *user, const struct lm_stored *s)
{
	struct count *k = user;
	k->n++;
	if (s->obs.kind == LM_K_signature)
		snprintf(k->last, sizeof k->last, "%.*s", LM_STR_ARG(s->obs.signature.trust));
	if (s->obs.kind == LM_K_file_sighting)
		snprintf(k->last, sizeof k->last, "%.*s", LM_STR_ARG(s->evidence.path));
	return LM_OK;
}

static struct count count(struct lm_case *c, enum lm_kind kind)
{
	struct count k = { 0 };
	assert_int_equal(lm_case_fetch(c, kind, NULL, 0, on_stored, &k), LM_OK);
	return k;
}

static void no_problem(void *user, const char *what)
{
	(void)user;
	fail_msg("verify: %s", what);
}

static struct lm_case *begin(void)
{
	struct lm_case *c;
	struct lm_err err;
	assert_int_equal(lm_case_open(NULL, LM_CASE_CREATE, &c, &err), LM_OK);
	assert_int_equal(lm_case_run_begin(c, LM_STR("test"), "0", 1), LM_OK);
	return c;
}

static void test_stated_anew(void **state)
{
	struct lm_case *c = begin();
	size_t n;
	(void)state;
	read_all(c, "unknown", true);
	assert_int_equal(lm_case_forget_file(c, LM_STR("one.zip"), 20, 5), LM_OK);
	assert_int_equal(lm_case_forget_file(c, LM_STR("two.zip"), 20, 5), LM_OK);
	assert_int_equal(lm_case_forget_commit(c), LM_OK);
	assert_int_equal(count(c, LM_K_signature).n, 0);
	assert_int_equal(count(c, LM_K_file_sighting).n, 0);
	assert_false(lm_case_file_known(c, LM_STR("one.zip"), 20, 5, LM_STR("f")));
	assert_int_equal(lm_case_resolve(c, NULL), LM_OK);
	(void)lm_case_hosts(c, &n);
	assert_int_equal(n, 0);
	read_all(c, "trusted", false);
	assert_int_equal(count(c, LM_K_evidence_encrypted).n, 0);
	struct count k = count(c, LM_K_signature);
	assert_int_equal(k.n, 1);
	assert_string_equal(k.last, "trusted");
	assert_int_equal(count(c, LM_K_file_sighting).n, 3);
	assert_int_equal(lm_case_resolve(c, NULL), LM_OK);
	(void)lm_case_hosts(c, &n);
	assert_int_equal(n, 3);
	assert_int_equal(lm_case_run_end(c, 2), LM_OK);
	assert_int_equal(lm_case_verify(c, false, no_problem, NULL), LM_OK);
	lm_case_close(c);
}

static void test_others_keep_what_they_state(void **state)
{
	struct lm_case *c = begin();
	(void)state;
	read_all(c, "unknown", true);
	assert_int_equal(lm_case_forget_file(c, LM_STR("one.zip"), 20, 5), LM_OK);
	/* other bytes than were read: nothing is forgotten */
	assert_int_equal(lm_case_forget_file(c, LM_STR("two.zip"), 21, 5), LM_OK);
	assert_int_equal(lm_case_forget_commit(c), LM_OK);
	/* PC2's own sighting stays, the shared one moves to the place that still states it, PC1's is gone */
	struct count k = count(c, LM_K_file_sighting);
	assert_int_equal(k.n, 2);
	/* cited by content: under the smallest path at which these bytes stand, which is still in the first file */
	assert_string_equal(k.last, "one.zip!/a.dll");
	assert_true(lm_case_file_known(c, LM_STR("two.zip"), 20, 5, LM_STR("f")));
	assert_int_equal(lm_case_resolve(c, NULL), LM_OK);
	assert_int_equal(lm_case_run_end(c, 2), LM_OK);
	assert_int_equal(lm_case_verify(c, false, no_problem, NULL), LM_OK);
	lm_case_close(c);
}

static void test_nothing_to_forget(void **state)
{
	struct lm_case *c = begin();
	(void)state;
	assert_int_equal(lm_case_forget_commit(c), LM_OK);
	read_all(c, "unknown", false);
	assert_int_equal(lm_case_forget_file(c, LM_STR("three.zip"), 20, 5), LM_OK);
	assert_int_equal(lm_case_forget_commit(c), LM_OK);
	assert_int_equal(count(c, LM_K_file_sighting).n, 3);
	lm_case_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stated_anew),
		cmocka_unit_test(test_others_keep_what_they_state),
		cmocka_unit_test(test_nothing_to_forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
