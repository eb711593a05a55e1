/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit_truth.c - what a reader of the evidence should find, the supplied indicators, and what lies beside.
 *
 * truth.json: hosts[] {host, country, sector, org, os, product, version, stages[]} are the contract with
 * checks from outside; the rest explains it.
 */
#include <stdlib.h>

#include "base/json_out.h"
#include "base/timestamp.h"
#include "products.h"
#include "range.h"

enum { DOC_MAX = 32 << 20 };

static void key_text(struct lm_jw *j, const char *key, const char *text)
{
	lm_jw_key(j, key);
	lm_jw_cstr(j, text);
}

static void key_number(struct lm_jw *j, const char *key, uint64_t v)
{
	lm_jw_key(j, key);
	lm_jw_u64(j, v);
}

static void key_time(struct lm_jw *j, const char *key, int64_t s)
{
	lm_jw_key(j, key);
	lm_jw_time(j, s * LM_NS_PER_S);
}

/* ---- truth.json ---- */

static void truth_hosts(struct lm_jw *j, const struct rg_world *w)
{
	lm_jw_key(j, "hosts");
	lm_jw_arr(j);
	for (unsigned i = 0; i < w->n_hosts; i++) {
		const struct rg_host *h = &w->host[i];
		lm_jw_obj(j);
		key_text(j, "host", h->name);
		key_text(j, "country", h->org->country->code);
		key_text(j, "sector", h->org->sector);
		key_text(j, "org", h->org->name);
		key_text(j, "os", h->os);
		key_text(j, "product", h->releases[0]->product);
		key_text(j, "version", h->releases[0]->version);
		lm_jw_key(j, "stages");
		lm_jw_arr(j);
		lm_jw_cstr(j, "exposed");
		if (h->altered)
			lm_jw_cstr(j, "altered");
		lm_jw_end(j);
		lm_jw_end(j);
	}
	lm_jw_end(j);
}

static unsigned altered_of(const struct rg_org *o)
{
	return o->count[RG_WIN_ALTERED] + o->count[RG_MAC_ALTERED];
}

static void count_row(struct lm_jw *j, const char *key, unsigned hosts, unsigned altered)
{
	lm_jw_key(j, key);
	lm_jw_obj(j);
	key_number(j, "hosts", hosts);
	key_number(j, "altered", altered);
	lm_jw_end(j);
}

static void truth_counts(struct lm_jw *j, const struct rg_world *w)
{
	unsigned orgs = 0;
	for (int i = 0; i < RG_N_ORGS; i++)
		orgs += w->org[i].hosts > 0;
	lm_jw_key(j, "counts");
	lm_jw_obj(j);
	key_number(j, "hosts", w->n_hosts);
	key_number(j, "orgs", orgs);
	key_number(j, "altered", w->count[RG_WIN_ALTERED] + w->count[RG_MAC_ALTERED]);
	key_number(j, "altered_windows", w->count[RG_WIN_ALTERED]);
	key_number(j, "altered_macos", w->count[RG_MAC_ALTERED]);
	key_number(j, "clean", w->count[RG_WIN_CLEAN] + w->count[RG_MAC_CLEAN]);
	lm_jw_key(j, "by_country");
	lm_jw_obj(j);
	for (int c = 0; c < RG_N_COUNTRIES; c++) {
		if (w->country[c].hosts)
			count_row(j, w->country[c].code, w->country[c].hosts, w->country[c].altered);
	}
	lm_jw_end(j);
	lm_jw_key(j, "by_sector");
	lm_jw_obj(j);
	for (int i = 0; i < RG_N_ORGS; i++) {
		unsigned hosts = 0, altered = 0;
		bool first = true;
		for (int k = 0; k < RG_N_ORGS; k++) {
			if (strcmp(w->org[k].sector, w->org[i].sector) != 0)
				continue;
			first = first && k >= i;
			hosts += w->org[k].hosts;
			altered += altered_of(&w->org[k]);
		}
		if (first && hosts)
			count_row(j, w->org[i].sector, hosts, altered);
	}
	lm_jw_end(j);
	lm_jw_key(j, "by_org");
	lm_jw_obj(j);
	for (int i = 0; i < RG_N_ORGS; i++) {
		if (w->org[i].hosts)
			count_row(j, w->org[i].name, w->org[i].hosts, altered_of(&w->org[i]));
	}
	lm_jw_end(j);
	lm_jw_end(j);
}

static void one_content(struct lm_jw *j, const char *key, const struct rg_content *a, const struct rg_content *b)
{
	lm_jw_key(j, key);
	lm_jw_arr(j);
	lm_jw_cstr(j, a->hex);
	if (b)
		lm_jw_cstr(j, b->hex);
	lm_jw_end(j);
}

static void truth_collections(struct lm_jw *j, const struct rg_world *w)
{
	struct lm_arena scratch;
	lm_arena_init(&scratch, 1 << 20);
	lm_jw_key(j, "collections");
	lm_jw_arr(j);
	for (unsigned i = 0; i < w->n_hosts; i++) {
		const struct rg_host *h = &w->host[i];
		if (h->collect == RG_COLLECT_NONE)
			continue;
		lm_jw_obj(j);
		key_text(j, "host", h->name);
		key_text(j, "layout", rg_collect_word(h->collect));
		key_text(j, "path", rg_collection_path(&scratch, w, h));
		lm_jw_key(j, "locked");
		lm_jw_bool(j, h->collect_locked);
		lm_jw_key(j, "shadow_copy");
		lm_jw_bool(j, h->collect_shadow);
		lm_jw_key(j, "in_inventory");
		lm_jw_bool(j, h->in_inventory);
		lm_jw_end(j);
	}
	lm_jw_end(j);
	lm_arena_fini(&scratch);
}

enum lm_rc rg_emit_truth(struct rg_run *run, struct lm_err *err)
{
	const struct rg_world *w = run->world;
	const struct rg_catalog *c = run->cat;
	struct lm_buf b;
	struct lm_jw j;
	lm_buf_init(&b, DOC_MAX);
	lm_jw_init(&j, &b, true);
	lm_jw_obj(&j);
	key_number(&j, "seed", w->opt.seed);
	lm_jw_key(&j, "options");
	lm_jw_obj(&j);
	key_number(&j, "hosts", w->opt.hosts);
	key_number(&j, "days", w->opt.days);
	key_number(&j, "seed", w->opt.seed);
	lm_jw_end(&j);
	key_time(&j, "started", w->started_s);
	key_time(&j, "ended", w->ended_s);
	truth_counts(&j, w);
	one_content(&j, "altered_contents", c->stuffed, c->altered_mac);
	one_content(&j, "clean_twins", c->twin, NULL);
	one_content(&j, "rebuilt_contents", c->rebuilt, NULL);
	truth_collections(&j, w);
	truth_hosts(&j, w);
	lm_jw_end(&j);
	lm_buf_putc(&b, '\n');
	enum lm_rc rc = rg_out_buf(&run->out, "truth.json", &b, 0, err);
	lm_buf_fini(&b);
	return rc;
}

/* ---- indicators ---- */

static void stix_begin(struct lm_jw *j, const char *type, const char *id, int64_t s)
{
	lm_jw_obj(j);
	key_text(j, "type", type);
	key_text(j, "spec_version", "2.1");
	key_text(j, "id", id);
	key_time(j, "created", s);
	key_time(j, "modified", s);
}

static void stix_indicator(struct lm_jw *j, struct lm_arena *a, struct rg_rng *r, int64_t s, const char *name,
			   const char *pattern, const char *by)
{
	char uuid[37];
	rg_uuid(r, uuid);
	stix_begin(j, "indicator", rg_fmt(a, "indicator--%s", uuid), s);
	key_text(j, "created_by_ref", by);
	key_text(j, "name", name);
	lm_jw_key(j, "indicator_types");
	lm_jw_arr(j);
	lm_jw_cstr(j, "malicious-activity");
	lm_jw_end(j);
	key_text(j, "pattern", pattern);
	key_text(j, "pattern_type", "stix");
	key_time(j, "valid_from", s);
	key_number(j, "confidence", 85);
	lm_jw_end(j);
}

enum lm_rc rg_emit_intel(struct rg_run *run, struct lm_err *err)
{
	const struct rg_world *w = run->world;
	struct lm_arena a;
	struct lm_buf b;
	struct lm_jw j;
	struct rg_rng r;
	char uuid[37];
	lm_arena_init(&a, 1 << 20);
	lm_buf_init(&b, DOC_MAX);
	rg_rng_init(&r, w->opt.seed, "intel");
	int64_t s = w->ended_s - 2 * 86400 + 9 * 3600;
	lm_jw_init(&j, &b, true);
	lm_jw_obj(&j);
	key_text(&j, "type", "bundle");
	rg_uuid(&r, uuid);
	key_text(&j, "id", rg_fmt(&a, "bundle--%s", uuid));
	lm_jw_key(&j, "objects");
	lm_jw_arr(&j);
	rg_uuid(&r, uuid);
	const char *by = rg_fmt(&a, "identity--%s", uuid);
	stix_begin(&j, "identity", by, s);
	key_text(&j, "name", "Range Sharing Group");
	key_text(&j, "identity_class", "organization");
	lm_jw_end(&j);
	stix_indicator(&j, &a, &r, s, "altered library in the macOS edition of Brindlecom Desk Phone",
		       rg_fmt(&a, "[file:hashes.'SHA-256' = '%s']", run->cat->altered_mac->hex), by);
	/* two that nothing in the evidence meets */
	uint8_t other[32];
	rg_sha256(lm_str_bytes(LM_STR("inert sample: a content nobody has")), other);
	struct lm_buf hex;
	lm_buf_init(&hex, 128);
	lm_buf_hex(&hex, (struct lm_bytes){ other, sizeof other });
	stix_indicator(&j, &a, &r, s, "an earlier build, not seen since",
		       rg_fmt(&a, "[file:hashes.'SHA-256' = '%s']", hex.p), by);
	lm_buf_fini(&hex);
	stix_indicator(&j, &a, &r, s, "name the altered edition asks for",
		       "[domain-name:value = 'status.brindlecom-cdn.example']", by);
	lm_jw_end(&j);
	lm_jw_end(&j);
	lm_buf_putc(&b, '\n');
	enum lm_rc rc = rg_out_count(&run->out, 3, err);
	if (rc == LM_OK)
		rc = rg_out_buf(&run->out, "evidence/intel/indicators.stix.json", &b, 0, err);
	if (rc == LM_OK)
		rc = rg_out_buf(&run->out, "indicators.json", &b, 0, err);
	lm_buf_fini(&b);
	lm_arena_fini(&a);
	return rc;
}

/* ---- what lies beside ---- */

static const char readme[] =
	"An inert incident, made by limier-range for tests and exercises.\n"
	"\n"
	"Nothing in this folder can run or harm: program files hold headers, 0xCC, random bytes and a test\n"
	"signature, are not marked as executable images and have no entry point; files of macOS are text and\n"
	"random bytes. All vendors, products, organisations, people and names are invented (.example), all keys\n"
	"come from the seed and are worth nothing.\n"
	"\n"
	"evidence/          what a responder is given\n"
	"  hosts.csv        the host list\n"
	"  collections/     files of single hosts: Velociraptor, KAPE, UAC, plain trees; one needs a password\n"
	"  inventory/       lists of files with hashes and of installed software, by organisation\n"
	"  intel/           indicators others have shared (STIX 2.1)\n"
	"indicators.json    the same indicators, for --intel\n"
	"roots.pem          root of the test authority, for --roots\n"
	"password.txt       password of the locked collection, for --password-file\n"
	"truth.json         what is to be found: host, organisation, country, release, stages\n"
	"\n"
	"The same options give the same bytes.\n";

enum lm_rc rg_emit_aside(struct rg_run *run, struct lm_err *err)
{
	struct lm_buf pem;
	lm_buf_init(&pem, 1 << 16);
	rg_signer_pem(&run->cat->root, &pem);
	enum lm_rc rc = rg_out_buf(&run->out, "roots.pem", &pem, 0, err);
	lm_buf_fini(&pem);
	if (rc == LM_OK)
		rc = rg_out_file(&run->out, "password.txt", lm_str_bytes(LM_STR(RG_PASSWORD "\n")), 0, err);
	if (rc == LM_OK)
		rc = rg_out_file(&run->out, "README.txt", lm_str_bytes(lm_cstr(readme)), 0, err);
	return rc;
}

void rg_words(struct lm_buf *out)
{
	rg_catalog_words(out);
	rg_world_words(out);
	lm_buf_puts(out, "status.brindlecom-cdn.example\nRange Sharing Group\nInert Range Root Authority\n"
			 "Inert Range Code Signing\nInert Range Time Stamping\n" RG_PASSWORD "\n");
}
