/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect_case.h - scenes for tests of src/detect: observations are collected first, then put into a case in
 * memory in any order, so that a test can show that arrival does not matter. All names are made up.
 */
#ifndef LM_TESTS_DETECT_CASE_H
#define LM_TESTS_DETECT_CASE_H

#include "unit/test.h"

#include "base/text.h"
#include "detect/detect.h"
#include "detect/verdict.h"

enum { SCENE_MAX = 4096, PATHS_MAX = 512 };

struct scene {
	struct lm_arena arena;
	struct {
		int evidence;
		struct lm_obs o;
	} items[SCENE_MAX];
	size_t n;
	struct {
		const char *path, *kind;
		uint8_t sha256[32];
		uint64_t size;
		bool trusted;
	} paths[PATHS_MAX];
	int n_paths;
};

#define S(text) lm_arena_str(&sc->arena, lm_cstr(text))

static inline struct scene *scene_new(void)
{
	struct scene *sc = calloc(1, sizeof *sc);
	assert_non_null(sc);
	lm_arena_init(&sc->arena, 256u << 20);
	return sc;
}

static inline void scene_free(struct scene *sc)
{
	lm_arena_fini(&sc->arena);
	free(sc);
}

/* 32 bytes that stand for content `n`. */
static inline struct lm_bytes hash_of(struct scene *sc, int n)
{
	uint8_t h[32];
	memset(h, 0x5a, sizeof h);
	h[0] = (uint8_t)(n >> 8);
	h[1] = (uint8_t)n;
	return lm_arena_bytes(&sc->arena, (struct lm_bytes){ h, sizeof h });
}

static inline int scene_path(struct scene *sc, const char *path, const char *kind, int content, uint64_t size,
			     bool trusted)
{
	assert_true(sc->n_paths < PATHS_MAX);
	sc->paths[sc->n_paths].path = lm_arena_cstr(&sc->arena, lm_cstr(path));
	sc->paths[sc->n_paths].kind = kind;
	sc->paths[sc->n_paths].size = size;
	sc->paths[sc->n_paths].trusted = trusted;
	memcpy(sc->paths[sc->n_paths].sha256, hash_of(sc, content).p, 32);
	return sc->n_paths++;
}

static inline struct lm_obs *scene_obs(struct scene *sc, int evidence, enum lm_kind kind)
{
	assert_true(sc->n < SCENE_MAX);
	sc->items[sc->n].evidence = evidence;
	struct lm_obs *o = &sc->items[sc->n++].o;
	lm_obs_init(o, kind);
	return o;
}

static inline void on_host(struct scene *sc, struct lm_obs *o, const char *host)
{
	if (!host)
		return;
	o->host.name = S(host);
	o->host.source = LM_ID_INVENTORY;
}

/* A signed program file as the PE reader states it; `status` NULL = unsigned. Returns its evidence. */
static inline int scene_pe(struct scene *sc, const char *path, int content, int authentihash, const char *status)
{
	int ev = scene_path(sc, path, "pe", content, 10000 + (uint64_t)content, false);
	struct lm_obs *o = scene_obs(sc, ev, LM_K_file_content);
	o->file_content.sha256 = hash_of(sc, content);
	o->file_content.size = LM_INT(10000 + content);
	o->file_content.kind = LM_STR("pe");
	o = scene_obs(sc, ev, LM_K_pe_image);
	o->pe_image.sha256 = hash_of(sc, content);
	o->pe_image.authentihash = hash_of(sc, authentihash);
	o->pe_image.authentihash_padded = hash_of(sc, authentihash);
	o->pe_image.product = S("Some Library");
	o->pe_image.company = S("Library Vendor Example");
	o->pe_image.product_version = S("9.9");
	o->pe_image.checksum = LM_INT(77);
	if (!status)
		return ev;
	o->pe_image.cert_offset = LM_INT(8000);
	o->pe_image.cert_size = LM_INT(2000 + content);
	o->pe_image.cert_entries = LM_INT(1);
	o = scene_obs(sc, ev, LM_K_signature);
	o->signature.sha256 = hash_of(sc, content);
	o->signature.index = LM_INT(0);
	o->signature.entry = LM_INT(0);
	o->signature.depth = LM_INT(0);
	o->signature.status = S(status);
	o->signature.trust = LM_STR("unknown");
	o->signature.digest_alg = LM_STR("sha256");
	o->signature.signer = S("Library Vendor Example");
	o->signature.issuer = S("CN=Example CA");
	o->signature.serial = S("01");
	o->signature.authentihash = hash_of(sc, authentihash);
	o->signature.signed_digest = hash_of(sc, strcmp(status, "valid") == 0 ? authentihash : authentihash + 1);
	o->signature.offset = LM_INT(8008);
	o->signature.length = LM_INT(1900);
	o->at.offset = 8008;
	o->at.length = 1900;
	return ev;
}

static inline void scene_area(struct scene *sc, int ev, int content, const char *place, const char *class,
			      int64_t length, int64_t nonzero)
{
	struct lm_obs *o = scene_obs(sc, ev, LM_K_signature_unhashed);
	o->signature_unhashed.sha256 = hash_of(sc, content);
	o->signature_unhashed.place = S(place);
	o->signature_unhashed.class = S(class);
	o->signature_unhashed.offset = LM_INT(9908);
	o->signature_unhashed.length = LM_INT(length);
	o->signature_unhashed.nonzero = LM_INT(nonzero);
	if (nonzero)
		o->signature_unhashed.first_nonzero = LM_INT(9911);
	o->signature_unhashed.note = S(nonzero ? "entropy 7.9, first bytes 01 02 03" : "zero");
	o->at.offset = 9908;
	o->at.length = (uint64_t)length;
}

static inline struct lm_obs *scene_fact(struct scene *sc, int ev, int content, const char *code)
{
	struct lm_obs *o = scene_obs(sc, ev, LM_K_signature_fact);
	o->signature_fact.sha256 = hash_of(sc, content);
	o->signature_fact.code = S(code);
	o->signature_fact.offset = LM_INT(8000);
	o->signature_fact.length = LM_INT(64);
	o->signature_fact.detail = S("detail of the fact");
	return o;
}

static inline struct lm_obs *scene_sighting(struct scene *sc, int ev, const char *host, const char *path, int content,
					    const char *source, const char *product, const char *version)
{
	struct lm_obs *o = scene_obs(sc, ev, LM_K_file_sighting);
	on_host(sc, o, host);
	o->file_sighting.sha256 = hash_of(sc, content);
	o->file_sighting.path = S(path);
	o->file_sighting.source = S(source);
	o->at.offset = (uint64_t)sc->n * 100;
	o->at.length = 90;
	if (product) {
		o->file_sighting.vendor = S("Vendor Example");
		o->file_sighting.product = S(product);
		o->file_sighting.version = S(version);
	}
	return o;
}

static inline struct lm_obs *scene_installed(struct scene *sc, int ev, const char *host, const char *product,
					     const char *version, const char *folder)
{
	struct lm_obs *o = scene_obs(sc, ev, LM_K_product_installed);
	on_host(sc, o, host);
	o->product_installed.vendor = S("Vendor Example");
	o->product_installed.product = S(product);
	o->product_installed.version = version ? S(version) : (struct lm_str){ 0 };
	o->product_installed.path = folder ? S(folder) : (struct lm_str){ 0 };
	o->product_installed.source = LM_STR("inventory");
	o->at.offset = (uint64_t)sc->n * 100;
	o->at.length = 80;
	return o;
}

static inline struct lm_obs *scene_listed(struct scene *sc, int ev, const char *host, const char *org,
					  const char *country, const char *sector)
{
	struct lm_obs *o = scene_obs(sc, ev, LM_K_host_record);
	o->host.name = S(host);
	o->host.source = LM_ID_HOST_LIST;
	o->host_record.name = S(host);
	o->host_record.org = S(org);
	o->host_record.country = S(country);
	o->host_record.sector = S(sector);
	o->host_record.os = S("Windows 11");
	return o;
}

static inline struct lm_obs *scene_indicator(struct scene *sc, int ev, const char *type, const char *value)
{
	struct lm_obs *o = scene_obs(sc, ev, LM_K_indicator_listed);
	o->indicator_listed.type = S(type);
	o->indicator_listed.value = S(value);
	o->indicator_listed.source = S("list.csv");
	o->indicator_listed.label = S("named by the list");
	o->at.offset = (uint64_t)sc->n * 10;
	return o;
}

static inline const char *hex_of(struct scene *sc, int content)
{
	struct lm_bytes h = hash_of(sc, content);
	char *out = lm_arena_alloc(&sc->arena, 65);
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", h.p[i]);
	return out;
}

static inline struct lm_obs *scene_rule(struct scene *sc, int ev, int content, const char *rule, int score)
{
	struct lm_obs *o = scene_obs(sc, ev, LM_K_rule_match);
	o->rule_match.matcher = LM_STR("yara");
	o->rule_match.rule = S(rule);
	o->rule_match.file = LM_STR("rules/test.yar");
	if (score >= 0)
		o->rule_match.score = LM_INT(score);
	o->rule_match.sha256 = hash_of(sc, content);
	o->rule_match.string = LM_STR("$a");
	o->rule_match.offset = LM_INT(512);
	o->rule_match.length = LM_INT(16);
	o->at.offset = 512;
	o->at.length = 16;
	return o;
}

/* Puts the scene, forwards or backwards, resolves, detects. */
static inline struct lm_case *scene_case(struct scene *sc, bool backwards, const struct lm_detect_opts *opts)
{
	struct lm_case *c;
	struct lm_err err = { 0 };
	if (lm_case_open(NULL, LM_CASE_CREATE, &c, &err) != LM_OK)
		fail_msg("open: %s", err.msg);
	int64_t ids[PATHS_MAX];
	for (int k = 0; k < sc->n_paths; k++) {
		int i = backwards ? sc->n_paths - 1 - k : k;
		assert_int_equal(lm_case_evidence(c, lm_cstr(sc->paths[i].path), -1, sc->paths[i].trusted, &ids[i]),
				 LM_OK);
		assert_int_equal(lm_case_evidence_end(c, ids[i], sc->paths[i].sha256, sc->paths[i].size,
						      lm_cstr(sc->paths[i].kind)),
				 LM_OK);
	}
	for (size_t k = 0; k < sc->n; k++) {
		size_t i = backwards ? sc->n - 1 - k : k;
		if (lm_case_put(c, ids[sc->items[i].evidence], &sc->items[i].o) != LM_OK)
			fail_msg("put: %s", lm_case_error(c));
	}
	assert_int_equal(lm_case_commit(c), LM_OK);
	if (lm_case_resolve(c, NULL) != LM_OK)
		fail_msg("resolve: %s", lm_case_error(c));
	static const struct lm_detect_opts none = { 0 };
	if (lm_detect_all(c, opts ? opts : &none, &err) != LM_OK)
		fail_msg("detect: %s", err.msg);
	return c;
}

/* ---- everything a run came to, as text ---- */

static inline enum lm_rc dump_finding(void *user, const struct lm_finding_row *r)
{
	struct lm_buf *b = user;
	lm_buf_fmt(b, "F %.*s|%s|%.*s|%s|%s|%d|%.*s|%.*s|%.*s", LM_STR_ARG(r->id), r->f.detector, LM_STR_ARG(r->f.rule),
		   lm_stage_word(r->f.stage) ? lm_stage_word(r->f.stage) : "-", lm_severity_word(r->f.severity),
		   r->confidence, LM_STR_ARG(r->host ? r->host->name : LM_STR("*")), LM_STR_ARG(r->f.subject),
		   LM_STR_ARG(r->f.key));
	for (size_t i = 0; i < r->f.n_why; i++)
		lm_buf_fmt(b, "\n  why %.*s", LM_STR_ARG(r->f.why[i]));
	for (size_t i = 0; i < r->f.n_counter; i++)
		lm_buf_fmt(b, "\n  counter %.*s", LM_STR_ARG(r->f.counter[i]));
	for (size_t i = 0; i < r->f.n_terms; i++)
		lm_buf_fmt(b, "\n  term %s %.2f", r->f.terms[i].name, r->f.terms[i].log_odds);
	for (size_t i = 0; i < r->f.n_evidence; i++)
		lm_buf_fmt(b, "\n  at %.*s+%llu/%llu", LM_STR_ARG(r->f.evidence[i].path),
			   (unsigned long long)r->f.evidence[i].offset, (unsigned long long)r->f.evidence[i].length);
	lm_buf_putc(b, '\n');
	return LM_OK;
}

static inline enum lm_rc dump_stage(void *user, const struct lm_host_stage *s)
{
	lm_buf_fmt(user, "S %.*s|%s|%d|%.*s\n", LM_STR_ARG(s->host->name), lm_stage_word(s->stage), s->confidence,
		   LM_STR_ARG(s->findings));
	return LM_OK;
}

static inline enum lm_rc dump_scope(void *user, const struct lm_scope_row *r)
{
	lm_buf_fmt(user, "D %s=%.*s listed %llu seen %llu exposed %llu altered %llu\n", r->dimension,
		   LM_STR_ARG(r->value.p ? r->value : LM_STR("?")), (unsigned long long)r->listed,
		   (unsigned long long)r->seen, (unsigned long long)r->stage[LM_STAGE_EXPOSED],
		   (unsigned long long)r->stage[LM_STAGE_ALTERED]);
	return LM_OK;
}

static inline enum lm_rc dump_note(void *user, const struct lm_note *n)
{
	lm_buf_fmt(user, "N %s: %.*s | %.*s\n", n->section, LM_STR_ARG(n->text), LM_STR_ARG(n->detail));
	return LM_OK;
}

static inline char *dump(struct lm_case *c)
{
	static const char *const dims[] = { "total", "country", "sector", "org", "os", "version", "signer" };
	static const char *const sections[] = { "verdict", "action", "blind", "gap", "question" };
	struct lm_buf b;
	lm_buf_init(&b, 64u << 20);
	assert_int_equal(lm_case_findings(c, dump_finding, &b), LM_OK);
	assert_int_equal(lm_case_host_stages(c, dump_stage, &b), LM_OK);
	for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
		assert_int_equal(lm_case_scope_rows(c, dims[i], dump_scope, &b), LM_OK);
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
		assert_int_equal(lm_case_notes(c, sections[i], dump_note, &b), LM_OK);
	assert_false(b.bad);
	char *out = strdup(b.p ? b.p : "");
	lm_buf_fini(&b);
	return out;
}

/* How many findings fit; a NULL or negative condition fits all. host "*" is the fleet. */
struct want {
	const char *rule, *host, *detector, *subject;
	int severity, stage;
	int n;
	struct lm_int first, last; /* of what was found */
	int confidence;
	char why[4096];
	char counter[2048];
	size_t n_evidence;
};

static inline enum lm_rc count_finding(void *user, const struct lm_finding_row *r)
{
	struct want *w = user;
	struct lm_str host = r->host ? r->host->name : LM_STR("*");
	if ((w->rule && !lm_str_eq(r->f.rule, lm_cstr(w->rule))) || (w->host && !lm_str_eq(host, lm_cstr(w->host))) ||
	    (w->detector && strcmp(w->detector, r->f.detector) != 0) ||
	    (w->subject && !lm_str_eq(r->f.subject, lm_cstr(w->subject))) ||
	    (w->severity >= 0 && (int)r->f.severity != w->severity) || (w->stage >= 0 && (int)r->f.stage != w->stage))
		return LM_OK;
	w->n++;
	w->first = r->f.first_seen;
	w->last = r->f.last_seen;
	w->confidence = r->confidence;
	w->n_evidence = r->f.n_evidence;
	assert_true(r->f.n_why > 0);
	assert_true(r->f.n_evidence > 0);
	size_t at = 0;
	for (size_t i = 0; i < r->f.n_why && at < sizeof w->why; i++)
		at += (size_t)snprintf(w->why + at, sizeof w->why - at, "%.*s\n", LM_STR_ARG(r->f.why[i]));
	at = 0;
	w->counter[0] = 0;
	for (size_t i = 0; i < r->f.n_counter && at < sizeof w->counter; i++)
		at += (size_t)snprintf(w->counter + at, sizeof w->counter - at, "%.*s\n", LM_STR_ARG(r->f.counter[i]));
	return LM_OK;
}

static inline struct want find(struct lm_case *c, const char *rule, const char *host, int severity, int stage)
{
	struct want w = { .rule = rule, .host = host, .severity = severity, .stage = stage };
	assert_int_equal(lm_case_findings(c, count_finding, &w), LM_OK);
	return w;
}

#define assert_has(text, part)                                           \
	do {                                                             \
		if (!strstr((text), (part)))                             \
			fail_msg("'%s' is not in:\n%s", (part), (text)); \
	} while (0)
#define assert_hasnt(text, part)                                     \
	do {                                                         \
		if (strstr((text), (part)))                          \
			fail_msg("'%s' is in:\n%s", (part), (text)); \
	} while (0)

#endif
