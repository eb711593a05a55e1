/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.c - rows and verdicts of `limier inspect`. In: evidence rows, signature facts, findings about contents,
 * what could not be read. Out: rows in order of path. The verdict is about the bytes: trust, rules and lists can
 * make a file suspicious, never tampered. Limits: 64 findings and 256 areas a row.
 */
#include "detect/verdict.h"
#include "base/text.h"
#include "detect/judge.h"

#include <stdlib.h>

enum { FINDINGS_MAX = 64, AREAS_MAX = 256, BUDGET = 1 << 30 };

const char *lm_verdict_word(enum lm_verdict v)
{
	static const char *const words[LM_VERDICT_COUNT] = { "encrypted",  "unreadable", "tampered",
							     "incomplete", "broken",	 "suspicious",
							     "unsigned",   "noted",	 "intact" };
	return v < LM_VERDICT_COUNT ? words[v] : "unreadable";
}

struct told {
	struct told *next;
	struct lm_inspect_finding f;
};

/* Findings about one content. */
struct content_findings {
	struct told *first, **tail;
	size_t n;
};

/* Something about a path that kept it from being read. */
struct trouble {
	struct lm_str path;
	struct lm_str encrypted, unreadable, pe; /* what, in words */
	struct lm_str reader;
	bool has_row;
};

struct run {
	struct lm_facts facts;
	struct lm_arena arena;
	const struct lm_detect_opts *opts;
	struct lm_map findings; /* hash in hex -> struct content_findings */
	struct lm_map troubles; /* path -> struct trouble */
	struct lm_map parents;	/* evidence ids that contain others, as text */
	struct trouble **extra; /* troubles without an evidence row, by path */
	size_t n_extra, at_extra;
	struct lm_inspect_totals totals;
	enum lm_rc (*fn)(void *user, const struct lm_inspect_row *row);
	void *user;
	struct lm_inspect_area areas[AREAS_MAX];
	struct lm_inspect_finding list[FINDINGS_MAX];
};

static bool is_hash(struct lm_str s)
{
	uint8_t raw[32];
	return (s.n == 64 || s.n == 40 || s.n == 32) && lm_str_unhex(s, raw, sizeof raw) != SIZE_MAX;
}

static enum lm_rc attach(struct run *r, struct lm_str hex, const struct lm_finding_row *row)
{
	struct lm_facts_content *k = NULL;
	uint8_t raw[32];
	size_t n = lm_str_unhex(hex, raw, sizeof raw);
	k = lm_facts_find(&r->facts, (struct lm_bytes){ raw, n });
	if (!k)
		return LM_OK;
	struct lm_map_entry *e = lm_map_add(&r->findings, k->hex, NULL);
	struct content_findings *c = e->v.ptr;
	if (!c) {
		c = e->v.ptr = lm_arena_alloc(&r->arena, sizeof *c);
		if (!c)
			return LM_ELIMIT;
		c->tail = &c->first;
	}
	if (c->n == FINDINGS_MAX)
		return LM_OK;
	for (const struct told *t = c->first; t; t = t->next)
		if (lm_str_eq(t->f.id, row->id))
			return LM_OK;
	struct told *t = lm_arena_alloc(&r->arena, sizeof *t);
	if (!t)
		return LM_ELIMIT;
	t->f = (struct lm_inspect_finding){
		.id = lm_arena_str(&r->arena, row->id),
		.rule = lm_arena_str(&r->arena, row->f.rule),
		.why = row->f.n_why ? lm_arena_str(&r->arena, row->f.why[0]) : (struct lm_str){ 0 },
		.severity = row->f.severity,
		.confidence = row->confidence,
	};
	*c->tail = t;
	c->tail = &t->next;
	c->n++;
	return LM_OK;
}

/* A key names its contents by hash; several are separated by a blank or a new line. */
static enum lm_rc on_finding(void *user, const struct lm_finding_row *row)
{
	struct run *r = user;
	/* what a host has is in the fleet finding of the content already */
	if (row->host && strcmp(row->f.detector, "hits") != 0)
		return LM_OK;
	struct lm_str rest = row->f.key, part;
	enum lm_rc rc = LM_OK;
	while (rc == LM_OK && lm_str_split(&rest, '\n', &part)) {
		struct lm_str inner = part, hash;
		while (rc == LM_OK && lm_str_split(&inner, ' ', &hash))
			if (is_hash(hash))
				rc = attach(r, hash, row);
	}
	return rc;
}

static struct trouble *trouble_of(struct run *r, struct lm_str path)
{
	struct lm_map_entry *e = lm_map_add(&r->troubles, path, NULL);
	if (!e->v.ptr) {
		struct trouble *t = e->v.ptr = lm_arena_alloc(&r->arena, sizeof *t);
		if (!t)
			return NULL;
		t->path = e->key;
	}
	return e->v.ptr;
}

static enum lm_rc on_damaged(void *user, const struct lm_stored *s)
{
	struct run *r = user;
	const struct lm_obs_evidence_damaged *o = &s->obs.evidence_damaged;
	struct trouble *t = o->path.n ? trouble_of(r, o->path) : NULL;
	if (!t)
		return o->path.n ? LM_ELIMIT : LM_OK;
	struct lm_str *what = lm_str_eq(o->reader, LM_STR("pe")) ? &t->pe : &t->unreadable;
	/* of several the smallest in byte order: arrival must not decide */
	if (!what->p || lm_str_cmp(o->what, *what) < 0) {
		*what = lm_arena_str(&r->arena, o->what.p ? o->what : LM_STR("damaged"));
		if (what == &t->unreadable)
			t->reader = lm_arena_str(&r->arena, o->reader);
	}
	return LM_OK;
}

static enum lm_rc on_encrypted(void *user, const struct lm_stored *s)
{
	struct run *r = user;
	const struct lm_obs_evidence_encrypted *o = &s->obs.evidence_encrypted;
	struct trouble *t = o->path.n ? trouble_of(r, o->path) : NULL;
	if (!t)
		return o->path.n ? LM_ELIMIT : LM_OK;
	if (!t->encrypted.p || lm_str_cmp(o->what, t->encrypted) < 0)
		t->encrypted = lm_arena_str(&r->arena, o->what.p ? o->what : LM_STR("encrypted"));
	return LM_OK;
}

static struct lm_str id_key(char buf[24], int64_t id)
{
	struct lm_buf b;
	lm_buf_init(&b, 24);
	lm_buf_fmt(&b, "%lld", (long long)id);
	size_t n = b.n < 23 ? b.n : 23;
	memcpy(buf, b.p, n);
	lm_buf_fini(&b);
	return (struct lm_str){ buf, n };
}

/* First pass: who is a container, which troubles have a row of their own. */
static enum lm_rc on_known(void *user, const struct lm_evidence_row *e)
{
	struct run *r = user;
	char buf[24];
	if (e->parent >= 0)
		lm_map_add(&r->parents, id_key(buf, e->parent), NULL);
	struct lm_map_entry *t = lm_map_find(&r->troubles, e->path);
	if (t)
		((struct trouble *)t->v.ptr)->has_row = true;
	return LM_OK;
}

static int by_path(const void *a, const void *b)
{
	const struct trouble *const *x = a, *const *y = b;
	return lm_str_cmp((*x)->path, (*y)->path);
}

static void collect_extra(struct run *r)
{
	r->extra = lm_xalloc((r->troubles.n + 1) * sizeof(struct trouble *));
	for (size_t i = 0; i < r->troubles.n; i++) {
		struct trouble *t = r->troubles.entries[i].v.ptr;
		if (!t->has_row)
			r->extra[r->n_extra++] = t;
	}
	qsort(r->extra, r->n_extra, sizeof(struct trouble *), by_path);
}

static enum lm_rc emit(struct run *r, struct lm_inspect_row *row)
{
	r->totals.rows++;
	r->totals.verdict[row->verdict]++;
	return r->fn(r->user, row);
}

static enum lm_rc extra_row(struct run *r, const struct trouble *t)
{
	struct lm_inspect_row row = { .path = t->path };
	row.verdict = t->encrypted.p ? LM_VERDICT_ENCRYPTED : LM_VERDICT_UNREADABLE;
	row.verdict_why = t->encrypted.p ? t->encrypted : t->unreadable.p ? t->unreadable : t->pe;
	return emit(r, &row);
}

static enum lm_rc extras_before(struct run *r, struct lm_str path)
{
	enum lm_rc rc = LM_OK;
	while (rc == LM_OK && r->at_extra < r->n_extra &&
	       (!path.p || lm_str_cmp(r->extra[r->at_extra]->path, path) < 0))
		rc = extra_row(r, r->extra[r->at_extra++]);
	return rc;
}

/* ---- the row of a program file ---- */

static void fill_signature(struct lm_inspect_row *row, const struct lm_facts_content *k)
{
	const struct lm_facts_sig *s = k->sigs;
	row->is_signed = k->flags & LM_FACTS_SIGNED;
	row->authentihash = k->authentihash;
	row->authentihash_padded = k->authentihash_padded;
	row->entries = k->cert_entries.set ? (uint64_t)k->cert_entries.v : 0;
	for (const struct lm_facts_sig *x = s; x; x = x->next)
		row->nested += x->depth.set && x->depth.v > 0;
	if (lm_facts_code(k, "table-outside-file"))
		row->status = LM_STR("incomplete");
	else if (s)
		row->status = s->status;
	else
		row->status = row->is_signed ? LM_STR("malformed") : LM_STR("unsigned");
	if (!s)
		return;
	row->reason = s->reason;
	row->trust = s->trust.p ? s->trust : LM_STR("unknown");
	row->trust_reason = s->trust_reason;
	row->signer = s->signer;
	row->issuer = s->issuer;
	row->serial = s->serial;
	row->digest_alg = s->digest_alg;
	row->timestamp = s->timestamp;
	if (s->authentihash.n) {
		row->authentihash = s->authentihash;
		row->authentihash_padded = s->authentihash_padded;
	}
}

static void fill_lists(struct run *r, struct lm_inspect_row *row, const struct lm_facts_content *k)
{
	size_t n = 0;
	for (const struct lm_facts_unhashed *u = k->unhashed; u && n < AREAS_MAX; u = u->next)
		r->areas[n++] = (struct lm_inspect_area){
			.where = u->place,
			.class = u->class,
			.note = u->note,
			.offset = u->offset.set ? (uint64_t)u->offset.v : 0,
			.length = u->length.set ? (uint64_t)u->length.v : 0,
			.zero = u->nonzero.set && u->nonzero.v == 0,
			.nonzero = u->nonzero,
			.first_nonzero = u->first_nonzero,
		};
	row->unhashed = r->areas;
	row->n_unhashed = n;
	const struct lm_map_entry *e = lm_map_find(&r->findings, k->hex);
	const struct content_findings *c = e ? e->v.ptr : NULL;
	n = 0;
	for (const struct told *t = c ? c->first : NULL; t && n < FINDINGS_MAX; t = t->next)
		r->list[n++] = t->f;
	row->findings = r->list;
	row->n_findings = n;
}

/* A valid file's informational fact; unset when there is none. */
static struct lm_str noted_why(const struct run *r, const struct lm_inspect_row *row, const struct lm_facts_content *k)
{
	if (lm_facts_code(k, "checksum-wrong"))
		return LM_STR("the PE checksum is not the file's");
	if (lm_judge_zero_slack(k, NULL))
		return LM_STR("more zero bytes than alignment needs stand where no hash covers them");
	for (const struct lm_facts_unhashed *u = k->unhashed; u; u = u->next)
		if (lm_str_eq(u->class, LM_STR("tag")) || lm_str_eq(u->class, LM_STR("stale-hashes")))
			return LM_STR("explained data stands where no hash covers it");
	if (lm_judge_weak_only(k))
		return LM_STR("its only digest is a weak one");
	if (r->opts->trust_given &&
	    (lm_str_eq(row->trust, LM_STR("untrusted")) || lm_str_eq(row->trust, LM_STR("expired")) ||
	     lm_str_eq(row->trust, LM_STR("revoked"))))
		return LM_STR("its signer's chain is not trusted by the roots given");
	for (size_t i = 0; i < row->n_findings; i++)
		if (!lm_str_eq(row->findings[i].rule, LM_STR("twin")))
			return row->findings[i].why;
	return (struct lm_str){ 0 };
}

static void judge(const struct run *r, struct lm_inspect_row *row, const struct lm_facts_content *k,
		  const struct trouble *t)
{
	bool valid = lm_str_eq(row->status, LM_STR("valid"));
	/* without its end nothing can be said about a file, least of all about what stands there */
	row->verdict = LM_VERDICT_INCOMPLETE;
	row->verdict_why = LM_STR("the file ends before its certificate table does");
	if (lm_str_eq(row->status, LM_STR("incomplete")))
		return;
	row->verdict = LM_VERDICT_TAMPERED;
	if (lm_judge_is_tampered(k, &row->verdict_why))
		return;
	row->verdict = LM_VERDICT_BROKEN;
	row->verdict_why = row->reason.p ? row->reason : LM_STR("its signature is not well formed");
	if (lm_judge_is_broken(k) || (row->is_signed && !valid))
		return;
	if (!row->is_signed && t && t->pe.p) {
		row->verdict_why = t->pe;
		return;
	}
	row->verdict = LM_VERDICT_SUSPICIOUS;
	for (size_t i = 0; i < row->n_findings; i++)
		if (row->findings[i].severity >= LM_SEV_MEDIUM) {
			row->verdict_why = row->findings[i].why;
			return;
		}
	row->verdict = LM_VERDICT_UNSIGNED;
	row->verdict_why = LM_STR("it has no signature of its own");
	if (!row->is_signed)
		return;
	row->verdict = LM_VERDICT_NOTED;
	row->verdict_why = noted_why(r, row, k);
	if (row->verdict_why.p)
		return;
	row->verdict = LM_VERDICT_INTACT;
	row->verdict_why = LM_STR("its bytes are what was signed and none is unexplained");
}

static enum lm_rc on_row(void *user, const struct lm_evidence_row *e)
{
	struct run *r = user;
	enum lm_rc rc = extras_before(r, e->path);
	if (rc != LM_OK || e->trusted)
		return rc; /* lists named by options are not inspected */
	const struct lm_map_entry *found = lm_map_find(&r->troubles, e->path);
	const struct trouble *t = found ? found->v.ptr : NULL;
	const struct lm_facts_content *k = lm_facts_find(&r->facts, e->sha256);
	bool pe = k && k->flags & (LM_FACTS_PE | LM_FACTS_SIGNED);
	struct lm_inspect_row row = { .path = e->path, .kind = e->kind, .sha256 = e->sha256, .size = e->size };
	char buf[24];
	if (t && t->encrypted.p) {
		row.verdict = LM_VERDICT_ENCRYPTED;
		row.verdict_why = t->encrypted;
		return emit(r, &row);
	}
	if (e->lost.n && !pe) {
		row.verdict = LM_VERDICT_UNREADABLE;
		row.verdict_why = e->lost;
		return emit(r, &row);
	}
	if (!pe && !lm_str_eq(e->kind, LM_STR("pe"))) {
		bool of_list = t && t->reader.p && lm_str_eq(t->reader, e->kind);
		if (t && t->unreadable.p && !of_list) {
			row.verdict = LM_VERDICT_UNREADABLE;
			row.verdict_why = t->unreadable;
			return emit(r, &row);
		}
		bool container = lm_map_find(&r->parents, id_key(buf, e->id)) != NULL;
		*(container ? &r->totals.containers : &r->totals.other) += 1;
		return LM_OK;
	}
	if (!pe) {
		row.verdict = LM_VERDICT_BROKEN;
		row.verdict_why = t && t->pe.p ? t->pe : LM_STR("its headers could not be read");
		return emit(r, &row);
	}
	row.product = k->product;
	row.version = k->version;
	fill_signature(&row, k);
	fill_lists(r, &row, k);
	judge(r, &row, k, t);
	return emit(r, &row);
}

enum lm_rc lm_inspect_rows(struct lm_case *c, const struct lm_detect_opts *opts,
			   enum lm_rc (*fn)(void *user, const struct lm_inspect_row *row), void *user,
			   struct lm_inspect_totals *totals, struct lm_err *err)
{
	struct run *r = lm_xalloc(sizeof *r);
	memset(r, 0, sizeof *r);
	r->opts = opts;
	r->fn = fn;
	r->user = user;
	lm_arena_init(&r->arena, BUDGET);
	lm_map_init(&r->findings);
	lm_map_init(&r->troubles);
	lm_map_init(&r->parents);
	enum lm_rc rc = lm_facts_load(&r->facts, c, err);
	if (rc == LM_OK)
		rc = lm_case_findings(c, on_finding, r);
	if (rc == LM_OK)
		rc = lm_case_fetch(c, LM_K_evidence_damaged, NULL, 0, on_damaged, r);
	if (rc == LM_OK)
		rc = lm_case_fetch(c, LM_K_evidence_encrypted, NULL, 0, on_encrypted, r);
	if (rc == LM_OK)
		rc = lm_case_evidence_rows(c, on_known, r);
	if (rc == LM_OK) {
		collect_extra(r);
		rc = lm_case_evidence_rows(c, on_row, r);
	}
	if (rc == LM_OK)
		rc = extras_before(r, (struct lm_str){ 0 });
	if (totals)
		*totals = r->totals;
	if (rc == LM_EDB || rc == LM_ELIMIT)
		lm_fail(err, rc, "cannot list inspected files: %s",
			rc == LM_EDB ? lm_case_error(c) : "they need more memory than the budget");
	free(r->extra);
	lm_map_fini(&r->findings);
	lm_map_fini(&r->troubles);
	lm_map_fini(&r->parents);
	lm_facts_fini(&r->facts);
	lm_arena_fini(&r->arena);
	free(r);
	return rc;
}
