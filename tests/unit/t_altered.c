/* SPDX-License-Identifier: Apache-2.0 */
/* t_altered.c - which contents are altered, who has them, and what never makes a host altered. */
#include "detect/facts.h"
#include "unit/detect_case.h"

/*
 * Content 1 is a library with bytes appended, 2 its clean twin, both with authentihash 100; "Calc App" 4.1 came
 * with content 1, "Draw App" with content 2.
 */
static struct scene *fleet(void)
{
	struct scene *sc = scene_new();
	int bad = scene_pe(sc, "col/PC1.zip!/C/App/lib.dll", 1, 100, "valid");
	scene_area(sc, bad, 1, "entry-slack", "unexplained", 4103, 4096);
	scene_sighting(sc, bad, "PC1", "C:\\Program Files\\App\\lib.dll", 1, "file", NULL, NULL)->time = LM_INT(5000);
	int good = scene_pe(sc, "col/PC2.zip!/C/Draw/lib.dll", 2, 100, "valid");
	scene_sighting(sc, good, "PC2", "C:\\Program Files\\Draw\\lib.dll", 2, "file", NULL, NULL);
	int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
	scene_installed(sc, inv, "PC1", "Calc App", "4.1", "C:\\Program Files\\App");
	scene_installed(sc, inv, "PC1", "Whole Disk", "1", "C:\\");
	scene_installed(sc, inv, "PC2", "Draw App", "2.0", "C:\\Program Files\\Draw");
	scene_sighting(sc, inv, "PC3", "D:\\x\\lib.dll", 1, "inventory", "Calc App", "4.1");
	scene_sighting(sc, inv, "PC4", "C:\\Program Files\\App\\lib.dll", 2, "inventory", "Calc App", "4.0");
	return sc;
}

static void test_unexplained(void **state)
{
	(void)state;
	struct scene *sc = fleet();
	struct lm_case *c = scene_case(sc, false, NULL);
	struct want w = find(c, "unexplained-bytes", "*", LM_SEV_CRITICAL, LM_STAGE_ALTERED);
	assert_int_equal(w.n, 1);
	assert_has(w.why, "4,103 bytes (4,096 not zero, the first at offset 0x26b7)");
	assert_has(w.why, "same authentihash");
	assert_has(w.why, hex_of(sc, 2));
	assert_has(w.why, "2 hosts have it by hash: 1 by the file itself, 1 by a hash in a list only");
	assert_has(w.why, "'Vendor Example Calc App 4.1'");
	w = find(c, "unexplained-bytes", "PC1", LM_SEV_CRITICAL, LM_STAGE_ALTERED);
	assert_int_equal(w.n, 1);
	assert_has(w.why, "'C:\\Program Files\\App\\lib.dll'");
	assert_has(w.why, "the file itself is in evidence");
	assert_has(w.why, "(the file lies in its install folder)");
	assert_true(w.first.set && w.first.v == 5000);
	int by_file = w.confidence;
	w = find(c, "unexplained-bytes", "PC3", LM_SEV_CRITICAL, LM_STAGE_ALTERED);
	assert_int_equal(w.n, 1);
	assert_has(w.why, "a row of 'inventory' states its SHA-256");
	assert_has(w.why, "(stated by the inventory)");
	assert_true(w.n_evidence >= 2);
	assert_true(w.confidence <= by_file);
	/* the clean content elsewhere, also in the same product, alters nobody */
	assert_int_equal(find(c, NULL, "PC2", -1, LM_STAGE_ALTERED).n, 0);
	assert_int_equal(find(c, NULL, "PC4", -1, LM_STAGE_ALTERED).n, 0);
	assert_int_equal(find(c, NULL, NULL, -1, LM_STAGE_ALTERED).n, 3);
	/* the twin strengthened the finding: it is not told again */
	assert_int_equal(find(c, "twin", NULL, -1, -1).n, 0);
	/* the product it came in is the subject, never the library's own version resource */
	struct lm_str subject = lm_case_get(c, "subject", &sc->arena);
	assert_true(lm_str_eq(subject, LM_STR("Calc App")));
	lm_case_close(c);
	scene_free(sc);
}

static void test_order(void **state)
{
	(void)state;
	struct scene *sc = fleet();
	struct lm_case *a = scene_case(sc, false, NULL), *b = scene_case(sc, true, NULL);
	char *x = dump(a), *y = dump(b);
	assert_string_equal(x, y);
	struct lm_detect_opts none = { 0 };
	struct lm_err err = { 0 };
	assert_int_equal(lm_detect_all(b, &none, &err), LM_OK); /* again: results are replaced, not added */
	char *z = dump(b);
	assert_string_equal(x, z);
	free(x);
	free(y);
	free(z);
	lm_case_close(a);
	lm_case_close(b);
	scene_free(sc);
}

/* A plain file: no host, no product. */
static struct want plain(const char *status, const char *place, const char *class, int64_t nonzero, const char *rule)
{
	struct scene *sc = scene_new();
	int ev = scene_pe(sc, "dir/a.dll", 1, 100, status);
	scene_area(sc, ev, 1, place, class, 16, nonzero);
	scene_sighting(sc, ev, NULL, "a.dll", 1, "file", NULL, NULL);
	struct lm_case *c = scene_case(sc, false, NULL);
	struct want w = find(c, rule, "*", -1, -1);
	w.severity = -1;
	for (int s = 0; s < LM_SEV_COUNT; s++)
		if (find(c, rule, "*", s, -1).n)
			w.severity = s;
	w.stage = find(c, rule, "*", -1, LM_STAGE_ALTERED).n;
	lm_case_close(c);
	scene_free(sc);
	return w;
}

static void test_severity_of_areas(void **state)
{
	(void)state;
	static const struct {
		const char *status, *place, *class;
		int64_t nonzero;
		const char *rule;
		int n, severity, altered;
	} t[] = {
		{ "valid", "entry-slack", "unexplained", 9, "unexplained-bytes", 1, LM_SEV_HIGH, 1 },
		{ "valid", "table-gap", "unexplained", 1, "unexplained-bytes", 1, LM_SEV_HIGH, 1 },
		{ "valid", "unauthenticated-attribute", "unexplained", 16, "unexplained-bytes", 1, LM_SEV_HIGH, 1 },
		{ "valid", "after-table", "unexplained", 9, "bytes-after-table", 1, LM_SEV_HIGH, 1 },
		{ "valid", "extra-entry", "unexplained", 9, "opaque-entry", 1, LM_SEV_HIGH, 1 },
		{ "invalid", "entry-slack", "unexplained", 9, "unexplained-bytes", 1, LM_SEV_HIGH, 1 },
		{ "valid", "entry-slack", "padding", 0, "zero-slack", 1, LM_SEV_INFORMATIONAL, 0 },
		{ "valid", "entry-slack", "tag", 16, "known-tag", 1, LM_SEV_INFORMATIONAL, 0 },
		{ "valid", "entry-slack", "stale-hashes", 16, "stale-hashes", 1, LM_SEV_INFORMATIONAL, 0 },
		{ "valid", "entry-slack", "tag", 16, "unexplained-bytes", 0, -1, 0 },
		{ "valid", "entry-slack", "unexplained", 0, "unexplained-bytes", 0, -1, 0 },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct want w = plain(t[i].status, t[i].place, t[i].class, t[i].nonzero, t[i].rule);
		if (w.n != t[i].n || w.severity != t[i].severity || w.stage != t[i].altered)
			fail_msg("%s %s: n %d severity %d stage %d", t[i].place, t[i].class, w.n, w.severity, w.stage);
		if (w.n && t[i].altered)
			assert_has(w.why, "No host is known to have it");
	}
}

static void test_severity_of_facts(void **state)
{
	(void)state;
	static const struct {
		const char *code, *rule;
		int severity;
	} t[] = {
		{ "digest-mismatch", "digest-mismatch", LM_SEV_HIGH },
		{ "leaf-not-code-signing", "not-code-signing", LM_SEV_HIGH },
		{ "explicit-ec-parameters", "explicit-ec", LM_SEV_HIGH },
		{ "bytes-after-table", "bytes-after-table", LM_SEV_HIGH },
		{ "opaque-entry", "opaque-entry", LM_SEV_HIGH },
		{ "message-digest-mismatch", "broken-signature", LM_SEV_MEDIUM },
		{ "content-type-mismatch", "broken-signature", LM_SEV_MEDIUM },
		{ "algorithm-disagreement", "broken-signature", LM_SEV_MEDIUM },
		{ "signature-primitive-failed", "broken-signature", LM_SEV_MEDIUM },
		{ "signer-count", "broken-signature", LM_SEV_MEDIUM },
		{ "signer-certificate-missing", "broken-signature", LM_SEV_MEDIUM },
		{ "not-der", "broken-signature", LM_SEV_MEDIUM },
		{ "table-unaligned", "broken-signature", LM_SEV_MEDIUM },
		{ "table-outside-file", "broken-signature", LM_SEV_MEDIUM },
		{ "table-overlaps-headers", "broken-signature", LM_SEV_MEDIUM },
		{ "table-overlaps-section", "broken-signature", LM_SEV_MEDIUM },
		{ "entry-overruns-table", "broken-signature", LM_SEV_MEDIUM },
		{ "layout-digest-differs", "layout-digest", LM_SEV_MEDIUM },
		{ "large-attribute", "large-attribute", LM_SEV_MEDIUM },
		{ "unknown-attribute", "unknown-attribute", LM_SEV_LOW },
		{ "superfluous-certificate", "superfluous-certificate", LM_SEV_INFORMATIONAL },
		{ "self-signed", "self-signed", LM_SEV_INFORMATIONAL },
		{ "checksum-wrong", "checksum-wrong", LM_SEV_INFORMATIONAL },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct scene *sc = scene_new();
		int ev = scene_pe(sc, "dir/a.dll", 1, 100, "valid");
		scene_fact(sc, ev, 1, t[i].code);
		scene_sighting(sc, ev, "PC1", "C:\\a\\a.dll", 1, "file", NULL, NULL);
		struct lm_case *c = scene_case(sc, false, NULL);
		if (find(c, t[i].rule, "*", t[i].severity, -1).n != 1)
			fail_msg("%s: no %s of its severity", t[i].code, t[i].rule);
		/* high makes the host altered, everything below stays with the content */
		assert_int_equal(find(c, t[i].rule, "PC1", -1, LM_STAGE_ALTERED).n, t[i].severity >= LM_SEV_HIGH);
		assert_int_equal(find(c, NULL, "PC1", -1, -1).n, t[i].severity >= LM_SEV_HIGH);
		lm_case_close(c);
		scene_free(sc);
	}
}

static void test_quiet(void **state)
{
	(void)state;
	static const char *const codes[] = { "checksum-zero", "several-entries" };
	for (size_t i = 0; i < 2; i++) {
		struct scene *sc = scene_new();
		int ev = scene_pe(sc, "dir/a.dll", 1, 100, "valid");
		scene_fact(sc, ev, 1, codes[i]);
		scene_area(sc, ev, 1, "entry-slack", "padding", 7, 0);
		struct lm_case *c = scene_case(sc, false, NULL);
		assert_int_equal(find(c, NULL, NULL, -1, -1).n, 0);
		lm_case_close(c);
		scene_free(sc);
	}
}

static void test_trust_and_weak(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int ev = scene_pe(sc, "dir/a.dll", 1, 100, "valid");
	for (size_t i = 0; i < sc->n; i++)
		if (sc->items[i].o.kind == LM_K_signature) {
			sc->items[i].o.signature.trust = LM_STR("expired");
			sc->items[i].o.signature.digest_alg = LM_STR("sha1");
		}
	scene_fact(sc, ev, 1, "weak-digest");
	struct lm_case *c = scene_case(sc, false, NULL);
	assert_int_equal(find(c, "expired", "*", -1, -1).n, 0); /* without roots trust words mean nothing */
	assert_int_equal(find(c, "weak-digest", "*", LM_SEV_INFORMATIONAL, -1).n, 1);
	lm_case_close(c);
	struct lm_detect_opts o = { .trust_given = true };
	c = scene_case(sc, false, &o);
	assert_int_equal(find(c, "expired", "*", LM_SEV_INFORMATIONAL, -1).n, 1);
	lm_case_close(c);
	/* a stronger digest beside it takes the point away */
	struct lm_obs *s = scene_obs(sc, ev, LM_K_signature);
	s->signature.sha256 = hash_of(sc, 1);
	s->signature.index = LM_INT(1);
	s->signature.depth = LM_INT(1);
	s->signature.status = LM_STR("valid");
	s->signature.digest_alg = LM_STR("sha256");
	c = scene_case(sc, false, NULL);
	assert_int_equal(find(c, "weak-digest", NULL, -1, -1).n, 0);
	lm_case_close(c);
	scene_free(sc);
}

enum twin_kind { TWIN_PADDING, TWIN_CHECKSUM, TWIN_UNSIGNED, TWIN_RESIGNED, TWIN_OTHER_SIGNER, TWIN_NOTHING };

static int twin_severity(enum twin_kind kind)
{
	struct scene *sc = scene_new();
	int one = scene_pe(sc, "dir/a.dll", 1, 100, "valid");
	scene_area(sc, one, 1, "entry-slack", "padding", 4, 0);
	int two = scene_pe(sc, "dir/b.dll", 2, 100, kind == TWIN_UNSIGNED ? NULL : "valid");
	if (kind != TWIN_UNSIGNED)
		scene_area(sc, two, 2, "entry-slack", "padding", kind == TWIN_PADDING ? 4096 : 4, 0);
	for (size_t i = 0; i < sc->n; i++) {
		struct lm_obs *o = &sc->items[i].o;
		if (sc->items[i].evidence != two)
			continue;
		if (o->kind == LM_K_pe_image)
			o->pe_image.checksum = LM_INT(kind == TWIN_CHECKSUM ? 78 : 77);
		if (o->kind == LM_K_signature && kind == TWIN_RESIGNED)
			o->signature.timestamp = LM_INT(99);
		if (o->kind == LM_K_signature && kind == TWIN_OTHER_SIGNER)
			o->signature.signer = LM_STR("Somebody Else Example");
	}
	struct lm_case *c = scene_case(sc, false, NULL);
	assert_int_equal(find(c, NULL, NULL, -1, LM_STAGE_ALTERED).n, 0);
	struct want w = find(c, "twin", "*", -1, -1);
	assert_int_equal(w.n, 1);
	assert_has(w.why, hex_of(sc, 1));
	assert_has(w.why, hex_of(sc, 2));
	assert_int_equal(w.n_evidence, 2);
	int severity = -1;
	for (int s = 0; s < LM_SEV_COUNT; s++)
		if (find(c, "twin", "*", s, -1).n)
			severity = s;
	lm_case_close(c);
	scene_free(sc);
	return severity;
}

static void test_twins(void **state)
{
	(void)state;
	assert_int_equal(twin_severity(TWIN_PADDING), LM_SEV_INFORMATIONAL);
	assert_int_equal(twin_severity(TWIN_CHECKSUM), LM_SEV_INFORMATIONAL);
	assert_int_equal(twin_severity(TWIN_UNSIGNED), LM_SEV_INFORMATIONAL);
	assert_int_equal(twin_severity(TWIN_RESIGNED), LM_SEV_INFORMATIONAL);
	assert_int_equal(twin_severity(TWIN_OTHER_SIGNER), LM_SEV_MEDIUM);
	assert_int_equal(twin_severity(TWIN_NOTHING), LM_SEV_MEDIUM);
}

static void test_folders(void **state)
{
	(void)state;
	static const struct {
		const char *path, *folder;
		bool below;
	} t[] = {
		{ "C:\\App\\lib.dll", "C:\\App", true },
		{ "C:\\App\\lib.dll", "c:/app/", true },
		{ "/opt/app/lib.so", "/opt/app", true },
		{ "C:\\AppData\\lib.dll", "C:\\App", false },
		{ "C:\\App", "C:\\App", false },
		{ "C:\\lib.dll", "C:\\", false },
		{ "C:\\lib.dll", "C:", false },
		{ "/usr/lib.so", "/", false },
		{ "C:\\lib.dll", "", false },
		{ "", "C:\\App", false },
		{ "D:\\App\\lib.dll", "C:\\App", false },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (lm_facts_below(lm_cstr(t[i].path), lm_cstr(t[i].folder)) != t[i].below)
			fail_msg("'%s' below '%s'", t[i].path, t[i].folder);
}

/* A signed file with the same authentihash and other bytes makes it critical, without any product. */
static void test_signed_twin(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int ev = scene_pe(sc, "dir/a.dll", 1, 100, "valid");
	scene_area(sc, ev, 1, "entry-slack", "unexplained", 100, 90);
	scene_pe(sc, "dir/b.dll", 2, 100, "valid");
	struct lm_case *c = scene_case(sc, false, NULL);
	struct want w = find(c, "unexplained-bytes", "*", LM_SEV_CRITICAL, LM_STAGE_ALTERED);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.n_evidence, 2); /* the bytes, and the twin's table */
	assert_int_equal(find(c, NULL, NULL, -1, -1).n, 1);
	lm_case_close(c);
	scene_free(sc);
}

/* An unsigned copy proves nothing about appended bytes: high stays high. */
static void test_unsigned_twin(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int ev = scene_pe(sc, "dir/a.dll", 1, 100, "valid");
	scene_area(sc, ev, 1, "entry-slack", "unexplained", 100, 90);
	scene_pe(sc, "dir/b.dll", 2, 100, NULL);
	struct lm_case *c = scene_case(sc, false, NULL);
	assert_int_equal(find(c, "unexplained-bytes", "*", LM_SEV_HIGH, -1).n, 1);
	lm_case_close(c);
	scene_free(sc);
}

static void test_known_hash(void **state)
{
	(void)state;
	for (int trusted = 0; trusted < 2; trusted++) {
		struct scene *sc = scene_new();
		int list = scene_path(sc, "intel/list.csv", "indicators", 901, 100, trusted);
		scene_indicator(sc, list, "sha256", hex_of(sc, 1));
		scene_indicator(sc, list, "sha256", hex_of(sc, 2));
		int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
		/* 1 belongs to a release, 2 to none; both are known by hash only, the bytes are nowhere */
		scene_sighting(sc, inv, "PC1", "C:\\App\\lib.dll", 1, "inventory", "Calc App", "4.1");
		scene_sighting(sc, inv, "PC2", "C:\\Temp\\x.bin", 2, "inventory", NULL, NULL);
		struct lm_case *c = scene_case(sc, false, NULL);
		int want_severity = trusted ? LM_SEV_CRITICAL : LM_SEV_HIGH;
		struct want w = find(c, "known-hash", "PC1", want_severity, LM_STAGE_ALTERED);
		assert_int_equal(w.n, 1);
		assert_has(w.why, trusted ? "given with --intel" : "found in evidence");
		assert_has(w.counter, "only lists state the hash");
		assert_int_equal(find(c, "known-hash", "*", want_severity, LM_STAGE_ALTERED).n, 1);
		assert_int_equal(find(c, "known-hash", "PC2", -1, -1).n, 0);
		assert_int_equal(
			find(c, "indicator-sha256", "PC2", trusted ? LM_SEV_HIGH : LM_SEV_MEDIUM, LM_STAGE_NONE).n, 1);
		assert_int_equal(find(c, "indicator-sha256", "PC1", -1, -1).n, 0);
		lm_case_close(c);
		scene_free(sc);
	}
}

/* An inventory that states MD5 only, and a content whose MD5 is known: joined, and said to be weak. */
static void test_weak_join(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int ev = scene_pe(sc, "col/PC1/a.dll", 1, 100, "valid");
	for (size_t i = 0; i < sc->n; i++)
		if (sc->items[i].o.kind == LM_K_file_content)
			sc->items[i].o.file_content.md5 = (struct lm_bytes){ (const uint8_t *)"0123456789abcdef", 16 };
	scene_area(sc, ev, 1, "entry-slack", "unexplained", 100, 90);
	int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
	struct lm_obs *o = scene_sighting(sc, inv, "PC9", "C:\\App\\a.dll", 1, "inventory", "Calc App", "4.1");
	o->file_sighting.sha256 = (struct lm_bytes){ 0 };
	o->file_sighting.md5 = (struct lm_bytes){ (const uint8_t *)"0123456789abcdef", 16 };
	/* the same MD5 beside another SHA-256 is another content */
	o = scene_sighting(sc, inv, "PC8", "C:\\App\\a.dll", 7, "inventory", "Calc App", "4.1");
	o->file_sighting.md5 = (struct lm_bytes){ (const uint8_t *)"0123456789abcdef", 16 };
	struct lm_case *c = scene_case(sc, false, NULL);
	struct want w = find(c, "unexplained-bytes", "PC9", LM_SEV_CRITICAL, LM_STAGE_ALTERED);
	assert_int_equal(w.n, 1);
	assert_has(w.counter, "SHA-1 or MD5");
	assert_int_equal(find(c, NULL, "PC8", -1, LM_STAGE_ALTERED).n, 0);
	lm_case_close(c);
	scene_free(sc);
}

/*
 * Forged rows: one pairs the MD5 of a listed file in evidence with the SHA-256 of a file that everybody has, one the
 * SHA-256 of the listed file with the MD5 that everybody states. Neither may spread beyond its own host.
 */
static void test_forged_rows(void **state)
{
	(void)state;
	static const char bad[] = "0123456789abcdef", clean[] = "fedcba9876543210";
	for (int by_sha256 = 0; by_sha256 < 2; by_sha256++) {
		struct scene *sc = scene_new();
		int ev = scene_pe(sc, "col/PC1/bad.dll", 1, 100, "valid");
		for (size_t i = 0; i < sc->n; i++)
			if (sc->items[i].o.kind == LM_K_file_content)
				sc->items[i].o.file_content.md5 = (struct lm_bytes){ (const uint8_t *)bad, 16 };
		scene_sighting(sc, ev, "PC1", "C:\\App\\bad.dll", 1, "file", "Calc App", "4.1");
		int list = scene_path(sc, "list.csv", "indicators", 901, 100, true);
		scene_indicator(sc, list, by_sha256 ? "sha256" : "md5",
				by_sha256 ? hex_of(sc, 1) : "30313233343536373839616263646566");
		int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
		for (int i = 0; i < 21; i++) {
			char host[16];
			snprintf(host, sizeof host, "WS%d", i);
			scene_sighting(sc, inv, host, "C:\\App\\clean.dll", 2, "inventory", "Calc App", "4.1");
			struct lm_obs *o =
				scene_sighting(sc, inv, host, "C:\\App\\weak.dll", 2, "inventory", "Calc App", "4.1");
			o->file_sighting.sha256 = (struct lm_bytes){ 0 };
			o->file_sighting.md5 = (struct lm_bytes){ (const uint8_t *)clean, 16 };
		}
		struct lm_obs *o = scene_sighting(sc, inv, "EVIL", "C:\\x.dll", 2, "inventory", "Calc App", "4.1");
		o->file_sighting.md5 = (struct lm_bytes){ (const uint8_t *)bad, 16 };
		o = scene_sighting(sc, inv, "EVIL2", "C:\\x.dll", 1, "inventory", "Calc App", "4.1");
		o->file_sighting.md5 = (struct lm_bytes){ (const uint8_t *)clean, 16 };
		/* one that carries a weak hash alone still makes its own host's finding */
		o = scene_sighting(sc, inv, "OLD", "C:\\App\\y.dll", 1, "inventory", "Calc App", "4.1");
		o->file_sighting.sha256 = (struct lm_bytes){ 0 };
		o->file_sighting.md5 = (struct lm_bytes){ (const uint8_t *)bad, 16 };
		struct lm_case *c = scene_case(sc, by_sha256, NULL);
		static const char *const have[] = { "PC1", "EVIL2", "OLD" };
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(find(c, "known-hash", have[i], LM_SEV_CRITICAL, LM_STAGE_ALTERED).n, 1);
		assert_int_equal(find(c, "known-hash", NULL, -1, -1).n, 4); /* and the fleet's */
		assert_int_equal(find(c, NULL, NULL, -1, LM_STAGE_ALTERED).n, 4);
		const char *rule = by_sha256 ? "indicator-sha256" : "indicator-md5";
		assert_int_equal(find(c, rule, NULL, -1, -1).n, 1);
		struct want w = find(c, rule, "EVIL", LM_SEV_HIGH, LM_STAGE_NONE);
		assert_int_equal(w.n, 1);
		assert_has(w.why, "The MD5 30313233343536373839616263646566");
		assert_has(w.why, "the row states it, not the file");
		lm_case_close(c);
		scene_free(sc);
	}
}

static void test_rule_hit(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	int ev = scene_pe(sc, "col/PC1/a.dll", 1, 100, "valid");
	scene_rule(sc, ev, 1, "strong_rule", 80);
	scene_rule(sc, ev, 1, "weak_rule", 40);
	scene_sighting(sc, ev, "PC1", "C:\\App\\a.dll", 1, "file", NULL, NULL);
	int inv = scene_path(sc, "inventory.csv", "inventory", 900, 5000, false);
	scene_installed(sc, inv, "PC1", "Calc App", "4.1", "C:\\App");
	int loose = scene_pe(sc, "col/PC2/b.dll", 2, 200, "valid");
	scene_rule(sc, loose, 2, "strong_rule", 80);
	scene_sighting(sc, loose, "PC2", "C:\\Temp\\b.dll", 2, "file", NULL, NULL);
	struct lm_case *c = scene_case(sc, false, NULL);
	struct want w = find(c, "rule-hit", "PC1", LM_SEV_HIGH, LM_STAGE_ALTERED);
	assert_int_equal(w.n, 1);
	assert_has(w.why, "'strong_rule'");
	assert_hasnt(w.why, "weak_rule");
	/* no release: a plain hit */
	assert_int_equal(find(c, "rule-hit", "PC2", -1, -1).n, 0);
	assert_int_equal(find(c, "strong_rule", "PC2", LM_SEV_HIGH, LM_STAGE_NONE).n, 1);
	assert_int_equal(find(c, "weak_rule", "PC1", LM_SEV_MEDIUM, LM_STAGE_NONE).n, 1);
	lm_case_close(c);
	scene_free(sc);
}

/* More than 200 contents with the same informational fact: one finding speaks for all. */
static void test_groups(void **state)
{
	(void)state;
	for (int n = 200; n <= 201; n++) {
		struct scene *sc = scene_new();
		for (int i = 0; i < n; i++) {
			char path[64];
			snprintf(path, sizeof path, "dir/%03d.dll", i);
			int ev = scene_pe(sc, path, i + 1, 1000 + i, "valid");
			scene_fact(sc, ev, i + 1, "checksum-wrong");
		}
		struct lm_case *c = scene_case(sc, n & 1, NULL);
		struct want w = find(c, "checksum-wrong", "*", LM_SEV_INFORMATIONAL, -1);
		assert_int_equal(w.n, n == 200 ? 200 : 1);
		if (n == 201)
			assert_has(w.why, "201 signed contents");
		if (n == 201)
			assert_int_equal(w.n_evidence, 3);
		lm_case_close(c);
		scene_free(sc);
	}
}

/* Any allocation may be refused: the run fails as a whole with words, and the next one is right. */
static void test_no_memory(void **state)
{
	(void)state;
	struct scene *sc = fleet();
	struct lm_case *c = scene_case(sc, false, NULL);
	char *want = dump(c);
	struct lm_detect_opts none = { 0 };
	struct lm_err err = { 0 };
	lm_arena_fail_at(0);
	assert_int_equal(lm_detect_all(c, &none, &err), LM_OK);
	unsigned long count = lm_arena_count();
	assert_true(count > 100);
	unsigned refused = 0;
	for (unsigned long at = 1; at <= count; at += 3) {
		err = (struct lm_err){ 0 };
		lm_arena_fail_at(at);
		enum lm_rc rc = lm_detect_all(c, &none, &err);
		lm_arena_fail_at(0);
		refused += rc != LM_OK;
		assert_true(rc == LM_OK || err.msg[0]);
		if (rc == LM_OK) { /* then nothing may be missing */
			char *now = dump(c);
			assert_string_equal(now, want);
			free(now);
		}
		struct lm_err again = { 0 };
		if (at % 30 == 1 && lm_detect_all(c, &none, &again) != LM_OK)
			fail_msg("after a refusal at %lu: %s", at, again.msg);
	}
	assert_true(refused > 10);
	assert_int_equal(lm_detect_all(c, &none, &err), LM_OK);
	char *got = dump(c);
	assert_string_equal(got, want);
	free(got);
	free(want);
	lm_case_close(c);
	scene_free(sc);
}

/* Long and odd text from evidence is cut, and not interpreted. */
static void test_hostile_text(void **state)
{
	(void)state;
	struct scene *sc = scene_new();
	char name[1200];
	memset(name, 'A', sizeof name);
	memcpy(name, "%s%n<script>", 12);
	name[sizeof name - 1] = 0;
	int ev = scene_pe(sc, "dir/a.dll", 1, 100, "valid");
	scene_area(sc, ev, 1, "entry-slack", "unexplained", 100, 90);
	scene_sighting(sc, ev, "PC1", name, 1, "file", name, name);
	struct lm_case *c = scene_case(sc, false, NULL);
	struct want w = find(c, "unexplained-bytes", "PC1", -1, -1);
	assert_int_equal(w.n, 1);
	assert_has(w.why, "%s%n<script>");
	assert_has(w.why, "AAAA\xe2\x80\xa6'");
	assert_true(strlen(w.why) < 3000);
	lm_case_close(c);
	scene_free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unexplained),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_severity_of_areas),
		cmocka_unit_test(test_severity_of_facts),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_trust_and_weak),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_unsigned_twin),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_signed_twin),
		cmocka_unit_test(test_known_hash),
		cmocka_unit_test(test_weak_join),
		cmocka_unit_test(test_forged_rows),
		cmocka_unit_test(test_rule_hit),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
