/* SPDX-License-Identifier: Apache-2.0 */
/* t_verdict.c - the word of `inspect` for every kind of file. */
#include "detect/verdict.h"
#include "read/read.h"
#include "source/source.h"
#include "unit/detect_case.h"

#include <dirent.h>

struct seen {
	const char *path; /* of the wanted row; NULL: none */
	struct lm_arena *a;
	struct lm_inspect_row row;
	char order[4096];
	int n, n_wanted;
	char why[512], finding[128];
};

static enum lm_rc on_row(void *user, const struct lm_inspect_row *r)
{
	struct seen *s = user;
	s->n++;
	size_t at = strlen(s->order);
	snprintf(s->order + at, sizeof s->order - at, "%.*s=%s\n", LM_STR_ARG(r->path), lm_verdict_word(r->verdict));
	if (s->path && lm_str_eq(r->path, lm_cstr(s->path))) {
		s->n_wanted++;
		s->row = *r;
		s->row.status = lm_arena_str(s->a, r->status);
		s->row.signer = lm_arena_str(s->a, r->signer);
		s->row.trust = lm_arena_str(s->a, r->trust);
		s->row.product = lm_arena_str(s->a, r->product);
		s->row.sha256 = lm_arena_bytes(s->a, r->sha256);
		snprintf(s->why, sizeof s->why, "%.*s", LM_STR_ARG(r->verdict_why));
		if (r->n_findings) {
			assert_int_equal(r->findings[0].id.n, 16);
			snprintf(s->finding, sizeof s->finding, "%.*s", LM_STR_ARG(r->findings[0].rule));
		}
	}
	return LM_OK;
}

static struct seen rows(struct scene *sc, struct lm_case *c, const char *path, bool trust_given,
			struct lm_inspect_totals *totals)
{
	struct seen s = { .path = path, .a = &sc->arena };
	struct lm_detect_opts o = { .trust_given = trust_given };
	struct lm_err err = { 0 };
	if (lm_inspect_rows(c, &o, on_row, &s, totals, &err) != LM_OK)
		fail_msg("rows: %s", err.msg);
	return s;
}

static void check(struct scene *sc, const char *status, const char *verdict, const char *finding)
{
	struct lm_case *c = scene_case(sc, false, NULL);
	struct seen s = rows(sc, c, "dir/a.dll", false, NULL);
	assert_int_equal(s.n_wanted, 1);
	if (strcmp(lm_verdict_word(s.row.verdict), verdict) != 0)
		fail_msg("verdict %s, not %s: %s", lm_verdict_word(s.row.verdict), verdict, s.why);
	assert_true(lm_str_eq(s.row.status, lm_cstr(status)));
	assert_true(s.why[0] != 0);
	assert_string_equal(s.finding, finding);
	lm_case_close(c);
	scene_free(sc);
}

static struct scene *one(const char *status, int *ev)
{
	struct scene *sc = scene_new();
	*ev = scene_pe(sc, "dir/a.dll", 1, 100, status);
	return sc;
}

static void test_words(void **state)
{
	(void)state;
	int ev;
	struct scene *sc = one("valid", &ev);
	check(sc, "valid", "intact", "");
	sc = one("valid", &ev);
	scene_area(sc, ev, 1, "entry-slack", "padding", 7, 0);
	scene_fact(sc, ev, 1, "checksum-zero");
	check(sc, "valid", "intact", "");
	sc = one(NULL, &ev);
	scene_fact(sc, ev, 1, "checksum-wrong");
	check(sc, "unsigned", "unsigned", "");
	sc = one("valid", &ev);
	scene_area(sc, ev, 1, "entry-slack", "padding", 8, 0);
	check(sc, "valid", "noted", "zero-slack");
	sc = one("valid", &ev);
	scene_fact(sc, ev, 1, "checksum-wrong");
	check(sc, "valid", "noted", "checksum-wrong");
	sc = one("valid", &ev);
	scene_area(sc, ev, 1, "entry-slack", "tag", 100, 20);
	check(sc, "valid", "noted", "known-tag");
	sc = one("valid", &ev);
	scene_area(sc, ev, 1, "entry-slack", "unexplained", 100, 20);
	check(sc, "valid", "tampered", "unexplained-bytes");
	sc = one("valid", &ev);
	scene_fact(sc, ev, 1, "bytes-after-table");
	check(sc, "valid", "tampered", "bytes-after-table");
	sc = one("valid", &ev);
	scene_fact(sc, ev, 1, "opaque-entry");
	check(sc, "valid", "tampered", "opaque-entry");
	sc = one("invalid", &ev);
	scene_fact(sc, ev, 1, "digest-mismatch")->signature_fact.index = LM_INT(0);
	check(sc, "invalid", "tampered", "digest-mismatch");
	sc = one("malformed", &ev);
	check(sc, "malformed", "broken", "broken-signature");
	/* garbage where the signature should be proves nothing: broken, not tampered */
	sc = one("malformed", &ev);
	scene_area(sc, ev, 1, "extra-entry", "unexplained", 2000, 1990);
	check(sc, "malformed", "broken", "broken-signature");
	/* a truncated copy: what is left of its signature looks like unexplained bytes */
	sc = one("malformed", &ev);
	scene_fact(sc, ev, 1, "table-outside-file");
	scene_area(sc, ev, 1, "extra-entry", "unexplained", 900, 890);
	check(sc, "incomplete", "incomplete", "broken-signature");
	/* bytes after the table make the signature malformed; one finding says it */
	sc = one("malformed", &ev);
	scene_fact(sc, ev, 1, "bytes-after-table");
	scene_area(sc, ev, 1, "after-table", "unexplained", 900, 890);
	check(sc, "malformed", "tampered", "bytes-after-table");
	sc = one("invalid", &ev);
	scene_fact(sc, ev, 1, "signature-primitive-failed");
	check(sc, "invalid", "broken", "broken-signature");
	sc = one("valid", &ev);
	scene_fact(sc, ev, 1, "leaf-not-code-signing");
	check(sc, "valid", "suspicious", "not-code-signing");
	sc = one(NULL, &ev);
	scene_rule(sc, ev, 1, "some_rule", 50);
	check(sc, "unsigned", "suspicious", "some_rule");
	sc = one("valid", &ev);
	struct lm_obs *o = scene_rule(sc, ev, 1, "some_rule", -1);
	o->rule_match.severity = LM_STR("low");
	check(sc, "valid", "noted", "some_rule");
}

static void test_trust(void **state)
{
	(void)state;
	int ev;
	struct scene *sc = one("valid", &ev);
	for (size_t i = 0; i < sc->n; i++)
		if (sc->items[i].o.kind == LM_K_signature)
			sc->items[i].o.signature.trust = LM_STR("untrusted");
	struct lm_case *c = scene_case(sc, false, NULL);
	assert_int_equal(rows(sc, c, "dir/a.dll", false, NULL).row.verdict, LM_VERDICT_INTACT);
	assert_int_equal(rows(sc, c, "dir/a.dll", true, NULL).row.verdict, LM_VERDICT_NOTED);
	lm_case_close(c);
	scene_free(sc);
}

/* Truncated files, broken headers, what no password opens, lists, members, and the order of rows. */
static void test_rows(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int ev = scene_pe(sc, "b/short.dll", 1, 100, NULL);
	for (size_t i = 0; i < sc->n; i++)
		if (sc->items[i].o.kind == LM_K_pe_image)
			sc->items[i].o.pe_image.cert_offset = LM_INT(99999);
	scene_fact(sc, ev, 1, "table-outside-file");
	scene_pe(sc, "a.zip!/good.dll", 2, 200, "valid");
	int zip = scene_path(sc, "a.zip", "zip", 3, 700, false);
	struct lm_obs *o = scene_obs(sc, zip, LM_K_evidence_encrypted);
	o->evidence_encrypted.path = S("a.zip!/secret.exe");
	o->evidence_encrypted.what = S("zip, AES-256");
	o = scene_obs(sc, zip, LM_K_evidence_damaged);
	o->evidence_damaged.path = S("a.zip!/torn.exe");
	o->evidence_damaged.reader = S("archive");
	o->evidence_damaged.what = S("checksum of the member is wrong");
	int head = scene_path(sc, "c/head.exe", "pe", 4, 70, false);
	o = scene_obs(sc, head, LM_K_evidence_damaged);
	o->evidence_damaged.path = S("c/head.exe");
	o->evidence_damaged.reader = S("pe");
	o->evidence_damaged.what = S("cannot read section table");
	int list = scene_path(sc, "d/list.csv", "inventory", 5, 70, false);
	o = scene_obs(sc, list, LM_K_evidence_damaged);
	o->evidence_damaged.path = S("d/list.csv");
	o->evidence_damaged.reader = S("inventory");
	o->evidence_damaged.what = S("line 7 has three columns");
	scene_path(sc, "e/readme.txt", NULL, 6, 70, false);
	int odd = scene_pe(sc, "f/odd.exe", 7, 300, NULL);
	o = scene_obs(sc, odd, LM_K_evidence_damaged);
	o->evidence_damaged.path = S("f/odd.exe");
	o->evidence_damaged.reader = S("pe");
	o->evidence_damaged.what = S("cannot read imports");
	scene_path(sc, "g/iocs.csv", "indicators", 8, 70, true);
	for (int backwards = 0; backwards < 2; backwards++) {
		struct lm_case *c = scene_case(sc, backwards, NULL);
		struct lm_inspect_totals totals;
		struct seen s = rows(sc, c, "b/short.dll", false, &totals);
		assert_true(lm_str_eq(s.row.status, LM_STR("incomplete")));
		assert_string_equal(s.order, "a.zip!/good.dll=intact\n"
					     "a.zip!/secret.exe=encrypted\n"
					     "a.zip!/torn.exe=unreadable\n"
					     "b/short.dll=incomplete\n"
					     "c/head.exe=broken\n"
					     "f/odd.exe=broken\n");
		assert_int_equal(totals.rows, 6);
		assert_int_equal(totals.verdict[LM_VERDICT_BROKEN], 2);
		assert_int_equal(totals.other + totals.containers, 3);
		lm_case_close(c);
	}
	scene_free(sc);
}

static void test_fields(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int ev = scene_pe(sc, "dir/a.dll", 1, 100, "valid");
	scene_area(sc, ev, 1, "entry-slack", "padding", 4, 0);
	struct lm_obs *o = scene_obs(sc, ev, LM_K_signature);
	o->signature.sha256 = hash_of(sc, 1);
	o->signature.index = LM_INT(1);
	o->signature.depth = LM_INT(1);
	o->signature.status = LM_STR("valid");
	struct lm_case *c = scene_case(sc, true, NULL);
	struct seen s = rows(sc, c, "dir/a.dll", false, NULL);
	assert_true(s.row.is_signed);
	assert_true(lm_str_eq(s.row.signer, LM_STR("Library Vendor Example")));
	assert_true(lm_str_eq(s.row.trust, LM_STR("unknown")));
	assert_true(lm_str_eq(s.row.product, LM_STR("Some Library")));
	assert_int_equal(s.row.entries, 1);
	assert_int_equal(s.row.nested, 1);
	assert_int_equal(s.row.n_unhashed, 1);
	assert_true(lm_bytes_eq(s.row.sha256, hash_of(sc, 1)));
	assert_true(s.row.size.set && s.row.size.v == 10001);
	lm_case_close(c);
	scene_free(sc);
}

/* ---- real files: truth that nobody here wrote ---- */

static struct lm_bytes read_all(struct scene *sc, const char *path)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	long n = ftell(f);
	rewind(f);
	uint8_t *p = lm_arena_alloc(&sc->arena, (size_t)n);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, (size_t)n, f), n);
	fclose(f);
	return (struct lm_bytes){ p, (size_t)n };
}

/* Reads a file with the PE reader into the scene, as a worker would. */
static void scene_read(struct scene *sc, const char *path)
{
	struct lm_bytes data = read_all(sc, path);
	struct lm_hashes h;
	assert_int_equal(lm_hash_bytes(data, LM_HASH_SHA256, &h), LM_OK);
	int ev = scene_path(sc, path, "pe", 0, data.n, false);
	memcpy(sc->paths[ev].sha256, h.sha256, 32);
	struct lm_obs *c = scene_obs(sc, ev, LM_K_file_content);
	c->file_content.sha256 = lm_arena_bytes(&sc->arena, (struct lm_bytes){ h.sha256, 32 });
	c->file_content.size = LM_INT(data.n);
	c->file_content.kind = LM_STR("pe");
	struct lm_arena a;
	lm_arena_init(&a, 64u << 20);
	struct lm_read_env env = { .now_ns = INT64_C(1700000000) * 1000000000 };
	struct lm_read_in in = { .data = data, .sha256 = h.sha256, .path = lm_cstr(path), .arena = &a, .env = &env };
	void *reader;
	assert_int_equal(lm_reader_pe.open(&in, &reader), LM_OK);
	struct lm_obs o;
	while (lm_reader_pe.next(reader, &o) == LM_OK)
		assert_true(lm_obs_copy(&sc->arena, &o, scene_obs(sc, ev, o.kind)));
	lm_reader_pe.close(reader);
	lm_arena_fini(&a);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static const char *expected(const char *name)
{
	static const struct {
		const char *variant, *verdict;
	} t[] = {
		{ ".certappend-", "tampered" },	 { ".overlay-", "tampered" }, { ".flip.", "tampered" },
		{ ".secondentry-", "tampered" }, { ".checksum.", "noted" },   { ".strip.", "unsigned" },
		{ ".efi.signed", "intact" },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (strstr(name, t[i].variant))
			return t[i].verdict;
	return NULL;
}

struct real {
	unsigned rows, wrong;
};

static enum lm_rc check_real(void *user, const struct lm_inspect_row *r)
{
	struct real *x = user;
	char path[1024];
	snprintf(path, sizeof path, "%.*s", LM_STR_ARG(r->path));
	const char *want = expected(path);
	x->rows++;
	if (want && strcmp(want, lm_verdict_word(r->verdict)) != 0) {
		x->wrong++;
		print_message("%s: %s, not %s (%.*s)\n", path, lm_verdict_word(r->verdict), want,
			      LM_STR_ARG(r->verdict_why));
	}
	return LM_OK;
}

static void test_real_files(void **state)
{
	(void)state;
	static const char *const sets[] = { "files/derived-inert-pe", "files/debian-signed-efi" };
	const char *corpus = getenv("LIMIER_CORPUS");
	if (!corpus) {
		print_message("skipped: LIMIER_CORPUS is not set\n");
		skip();
	}
	struct scene *sc = scene_new();
	unsigned n = 0;
	for (size_t i = 0; i < 2; i++) {
		char path[1024];
		struct dirent **list;
		snprintf(path, sizeof path, "%s/%s", corpus, sets[i]);
		int found = scandir(path, &list, NULL, by_name);
		for (int k = 0; k < found; k++) {
			snprintf(path, sizeof path, "%s/%s/%s", corpus, sets[i], list[k]->d_name);
			if (expected(list[k]->d_name)) {
				scene_read(sc, path);
				n++;
			}
			free(list[k]);
		}
		if (found >= 0)
			free(list);
	}
	if (!n) {
		print_message("skipped: the sets are not in the corpus\n");
		scene_free(sc);
		skip();
	}
	struct lm_case *c = scene_case(sc, false, NULL);
	struct lm_detect_opts o = { 0 };
	struct lm_err err = { 0 };
	struct real x = { 0 };
	if (lm_inspect_rows(c, &o, check_real, &x, NULL, &err) != LM_OK)
		fail_msg("rows: %s", err.msg);
	assert_int_equal(x.wrong, 0);
	assert_int_equal(x.rows, n);
	/* nine files with appended bytes, each with its clean or other twin: all critical */
	assert_int_equal(find(c, "unexplained-bytes", "*", LM_SEV_CRITICAL, LM_STAGE_ALTERED).n, 9);
	lm_case_close(c);
	scene_free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),  cmocka_unit_test(test_trust),	  cmocka_unit_test(test_rows),
		cmocka_unit_test(test_fields), cmocka_unit_test(test_real_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
