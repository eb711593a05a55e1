/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.c - loads what the case knows about contents. In: observations of contents, signatures, rule matches
 * and hash hits. Out: one record a content, reached by any of its hashes, with lists in an order that follows
 * from the facts themselves. Limits: one gigabyte of arena; beyond it LM_ELIMIT, never a partial answer.
 * Sightings and releases are joined in join.c.
 */
#include "base/text.h"
#include "detect/facts.h"

#include <stdlib.h>

enum { FACTS_BUDGET = 1 << 30 };

struct lm_str lm_facts_intern(struct lm_facts *f, struct lm_str s)
{
	return s.p ? lm_map_add(&f->strings, s, NULL)->key : s;
}

static struct lm_bytes intern_bytes(struct lm_facts *f, struct lm_bytes b)
{
	return b.p ? lm_str_bytes(lm_facts_intern(f, lm_bytes_str(b))) : b;
}

static struct lm_evidence_ref intern_ref(struct lm_facts *f, const struct lm_evidence_ref *e)
{
	struct lm_evidence_ref out = *e;
	out.path = lm_facts_intern(f, e->path);
	return out;
}

struct lm_facts_content *lm_facts_find(const struct lm_facts *f, struct lm_bytes hash)
{
	struct lm_map_entry *e = hash.n ? lm_map_find(&f->by_hash, lm_bytes_str(hash)) : NULL;
	return e ? e->v.ptr : NULL;
}

/* Makes the content reachable by this hash too; the first content to claim a weak hash keeps it. */
static void add_hash(struct lm_facts *f, struct lm_facts_content *k, struct lm_bytes *slot, struct lm_bytes hash)
{
	if (!hash.n || slot->p)
		return;
	*slot = intern_bytes(f, hash);
	struct lm_map_entry *e = lm_map_add(&f->by_hash, lm_bytes_str(hash), NULL);
	if (!e->v.ptr)
		e->v.ptr = k;
}

/* The content with these hashes (any may be unset), made when it is new; NULL when the arena refuses. */
static struct lm_facts_content *content_of(struct lm_facts *f, struct lm_bytes sha256, struct lm_bytes sha1,
					   struct lm_bytes md5)
{
	struct lm_facts_content *k = lm_facts_find(f, sha256.n ? sha256 : sha1.n ? sha1 : md5);
	if (!k) {
		k = lm_arena_alloc(&f->arena, sizeof *k);
		if (!k)
			return NULL;
		if (f->n_contents == f->cap_contents) {
			f->cap_contents = f->cap_contents ? f->cap_contents * 2 : 256;
			f->contents = lm_xrealloc(f->contents, f->cap_contents * sizeof(struct lm_facts_content *));
		}
		f->contents[f->n_contents++] = k;
	}
	add_hash(f, k, &k->sha256, sha256);
	add_hash(f, k, &k->sha1, sha1);
	add_hash(f, k, &k->md5, md5);
	if (!k->hex.p) {
		struct lm_bytes best = k->sha256.p ? k->sha256 : k->sha1.p ? k->sha1 : k->md5;
		k->hex_kind = k->sha256.p ? "SHA-256" : k->sha1.p ? "SHA-1" : "MD5";
		k->hex = lm_word_hex(&f->arena, best);
	}
	return k;
}

static void have_bytes(struct lm_facts *f, struct lm_facts_content *k, const struct lm_stored *s)
{
	if (k->flags & LM_FACTS_BYTES && lm_str_cmp(k->evidence.path, s->evidence.path) <= 0)
		return;
	k->flags |= LM_FACTS_BYTES;
	k->evidence = intern_ref(f, &s->evidence);
	k->evidence.offset = 0;
	k->evidence.length = k->size.set ? (uint64_t)k->size.v : 0;
}

static enum lm_rc on_content(void *user, const struct lm_stored *s)
{
	struct lm_facts *f = user;
	const struct lm_obs_file_content *o = &s->obs.file_content;
	if (o->sha256.n != 32)
		return LM_OK;
	struct lm_facts_content *k = content_of(f, o->sha256, o->sha1, o->md5);
	if (!k)
		return LM_ELIMIT;
	k->size = o->size;
	if (!k->kind.p)
		k->kind = lm_facts_intern(f, o->kind);
	have_bytes(f, k, s);
	return LM_OK;
}

static enum lm_rc on_pe(void *user, const struct lm_stored *s)
{
	struct lm_facts *f = user;
	const struct lm_obs_pe_image *o = &s->obs.pe_image;
	if (o->sha256.n != 32)
		return LM_OK;
	struct lm_facts_content *k = content_of(f, o->sha256, (struct lm_bytes){ 0 }, (struct lm_bytes){ 0 });
	if (!k)
		return LM_ELIMIT;
	k->flags |= LM_FACTS_PE | (o->cert_offset.set ? LM_FACTS_SIGNED : 0);
	have_bytes(f, k, s);
	k->authentihash = intern_bytes(f, o->authentihash);
	k->authentihash_padded = intern_bytes(f, o->authentihash_padded);
	k->checksum = o->checksum;
	k->cert_offset = o->cert_offset;
	k->cert_size = o->cert_size;
	k->cert_entries = o->cert_entries;
	k->product = lm_facts_intern(f, o->product);
	k->version = lm_facts_intern(f, o->product_version.p ? o->product_version : o->file_version);
	k->original_name = lm_facts_intern(f, o->original_name);
	return LM_OK;
}

static enum lm_rc on_signature(void *user, const struct lm_stored *s)
{
	struct lm_facts *f = user;
	const struct lm_obs_signature *o = &s->obs.signature;
	if (o->sha256.n != 32)
		return LM_OK;
	struct lm_facts_content *k = content_of(f, o->sha256, (struct lm_bytes){ 0 }, (struct lm_bytes){ 0 });
	struct lm_facts_sig *g = k ? lm_arena_alloc(&f->arena, sizeof *g) : NULL;
	if (!g)
		return LM_ELIMIT;
	k->flags |= LM_FACTS_SIGNED | (lm_str_eq(o->status, LM_STR("valid")) ? LM_FACTS_VALID : 0);
	have_bytes(f, k, s);
	*g = (struct lm_facts_sig){
		.index = o->index,
		.entry = o->entry,
		.depth = o->depth,
		.timestamp = o->timestamp,
		.not_after = o->not_after,
		.offset = o->offset,
		.length = o->length,
		.status = lm_facts_intern(f, o->status),
		.reason = lm_facts_intern(f, o->reason),
		.trust = lm_facts_intern(f, o->trust),
		.trust_reason = lm_facts_intern(f, o->trust_reason),
		.digest_alg = lm_facts_intern(f, o->digest_alg),
		.signer = lm_facts_intern(f, o->signer),
		.issuer = lm_facts_intern(f, o->issuer),
		.serial = lm_facts_intern(f, o->serial),
		.authentihash = intern_bytes(f, o->authentihash),
		.authentihash_padded = intern_bytes(f, o->authentihash_padded),
		.signed_digest = intern_bytes(f, o->signed_digest),
		.value_digest = intern_bytes(f, o->value_digest),
	};
	g->next = k->sigs;
	k->sigs = g;
	return LM_OK;
}

static enum lm_rc on_unhashed(void *user, const struct lm_stored *s)
{
	struct lm_facts *f = user;
	const struct lm_obs_signature_unhashed *o = &s->obs.signature_unhashed;
	if (o->sha256.n != 32)
		return LM_OK;
	struct lm_facts_content *k = content_of(f, o->sha256, (struct lm_bytes){ 0 }, (struct lm_bytes){ 0 });
	struct lm_facts_unhashed *u = k ? lm_arena_alloc(&f->arena, sizeof *u) : NULL;
	if (!u)
		return LM_ELIMIT;
	have_bytes(f, k, s);
	*u = (struct lm_facts_unhashed){
		.place = lm_facts_intern(f, o->place),
		.class = lm_facts_intern(f, o->class),
		.note = lm_facts_intern(f, o->note),
		.offset = o->offset,
		.length = o->length,
		.nonzero = o->nonzero,
		.first_nonzero = o->first_nonzero,
	};
	u->next = k->unhashed;
	k->unhashed = u;
	return LM_OK;
}

static enum lm_rc on_fact(void *user, const struct lm_stored *s)
{
	struct lm_facts *f = user;
	const struct lm_obs_signature_fact *o = &s->obs.signature_fact;
	if (o->sha256.n != 32 || !o->code.n)
		return LM_OK;
	struct lm_facts_content *k = content_of(f, o->sha256, (struct lm_bytes){ 0 }, (struct lm_bytes){ 0 });
	struct lm_facts_fact *x = k ? lm_arena_alloc(&f->arena, sizeof *x) : NULL;
	if (!x)
		return LM_ELIMIT;
	have_bytes(f, k, s);
	*x = (struct lm_facts_fact){
		.code = lm_facts_intern(f, o->code),
		.detail = lm_facts_intern(f, o->detail),
		.index = o->index,
		.offset = o->offset,
		.length = o->length,
	};
	x->next = k->facts;
	k->facts = x;
	return LM_OK;
}

static enum lm_rc on_rule(void *user, const struct lm_stored *s)
{
	struct lm_facts *f = user;
	const struct lm_obs_rule_match *o = &s->obs.rule_match;
	if (!o->rule.n)
		return LM_OK;
	struct lm_facts_match *m = lm_arena_alloc(&f->arena, sizeof *m);
	if (!m)
		return LM_ELIMIT;
	*m = (struct lm_facts_match){
		.matcher = lm_facts_intern(f, o->matcher),
		.rule = lm_facts_intern(f, o->rule),
		.file = lm_facts_intern(f, o->file),
		.description = lm_facts_intern(f, o->description),
		.family = lm_facts_intern(f, o->family),
		.reference = lm_facts_intern(f, o->reference),
		.severity = lm_facts_intern(f, o->severity),
		.string = lm_facts_intern(f, o->string),
		.score = o->score,
		.offset = o->offset,
		.length = o->length,
		.evidence = intern_ref(f, &s->evidence),
		.host = s->host,
		.time = s->obs.time,
	};
	struct lm_facts_match **at = &f->events;
	if (o->sha256.n == 32) {
		struct lm_facts_content *k = content_of(f, o->sha256, (struct lm_bytes){ 0 }, (struct lm_bytes){ 0 });
		if (!k)
			return LM_ELIMIT;
		have_bytes(f, k, s);
		/* the match names the place in its content, which is where the proof stands */
		if (o->offset.set) {
			m->evidence.offset = (uint64_t)o->offset.v;
			m->evidence.length = o->length.set ? (uint64_t)o->length.v : 0;
		}
		at = &k->matches;
	}
	m->next = *at;
	*at = m;
	return LM_OK;
}

static int cmp_named(const struct lm_facts_named *a, const struct lm_facts_named *b)
{
	if (a->trusted != b->trusted)
		return a->trusted ? -1 : 1;
	int c = lm_str_cmp(a->type, b->type);
	c = c ? c : lm_str_cmp(a->value, b->value);
	c = c ? c : lm_str_cmp(a->source, b->source);
	c = c ? c : lm_str_cmp(a->evidence.path, b->evidence.path);
	return c ? c : (a->evidence.offset > b->evidence.offset) - (a->evidence.offset < b->evidence.offset);
}

static enum lm_rc name_content(struct lm_facts *f, struct lm_facts_content *k, const struct lm_stored *ind)
{
	const struct lm_obs_indicator_listed *o = &ind->obs.indicator_listed;
	struct lm_facts_named n = {
		.type = lm_facts_intern(f, o->type),
		.value = lm_facts_intern(f, o->value),
		.label = lm_facts_intern(f, o->label),
		.family = lm_facts_intern(f, o->family),
		.actor = lm_facts_intern(f, o->actor),
		.reference = lm_facts_intern(f, o->reference),
		.source = lm_facts_intern(f, o->source),
		.published = o->published,
		.confidence = o->confidence,
		.trusted = ind->trusted,
		.evidence = intern_ref(f, &ind->evidence),
	};
	struct lm_facts_named **at = &k->named;
	for (; *at; at = &(*at)->next) {
		int c = cmp_named(*at, &n);
		if (c == 0)
			return LM_OK; /* the same indicator met another sighting */
		if (c > 0)
			break;
	}
	struct lm_facts_named *copy = lm_arena_alloc(&f->arena, sizeof *copy);
	if (!copy)
		return LM_ELIMIT;
	*copy = n;
	copy->next = *at;
	*at = copy;
	return LM_OK;
}

bool lm_hit_is_hash(struct lm_str type)
{
	return lm_str_eq(type, LM_STR("sha256")) || lm_str_eq(type, LM_STR("sha1")) || lm_str_eq(type, LM_STR("md5"));
}

/*
 * Which indicators name which contents. file.content is hashed by ourselves: all of its hashes are its names. What a
 * row of a sighting states beside its strongest hash is a claim about this row (hits.c tells it), or one row that
 * pairs a listed MD5 with the SHA-256 of a file that everybody has would name that file on all hosts. The weak pass
 * takes MD5s of rows that state a SHA-1, too, when nothing else is known by this SHA-1: join.c then joins by MD5.
 */
struct hit_pass {
	struct lm_facts *f;
	bool weak;
};

static enum lm_rc on_hit(void *user, const struct lm_indicator_hit *h)
{
	struct hit_pass *p = user;
	const struct lm_obs_indicator_listed *i = &h->indicator->obs.indicator_listed;
	const struct lm_obs_file_sighting *s = &h->where->obs.file_sighting;
	const struct lm_bytes none = { 0 };
	struct lm_facts_content *k;
	if (!lm_hit_is_hash(i->type))
		return LM_OK;
	if (h->where->obs.kind == LM_K_file_content) {
		const struct lm_obs_file_content *o = &h->where->obs.file_content;
		if (p->weak || o->sha256.n != 32)
			return LM_OK;
		k = content_of(p->f, o->sha256, o->sha1, o->md5);
	} else if (h->where->obs.kind == LM_K_file_sighting) {
		uint8_t raw[32];
		size_t n = lm_str_unhex(i->value, raw, sizeof raw);
		struct lm_bytes value = { raw, n }, own = n == 32 ? s->sha256 : n == 20 ? s->sha1 : s->md5;
		bool beside = n == 16 && s->sha1.n;
		if (n > sizeof raw || !lm_str_eq(lm_bytes_str(own), lm_bytes_str(value)) || (n < 32 && s->sha256.n) ||
		    p->weak != beside || (beside && lm_facts_find(p->f, s->sha1)))
			return LM_OK;
		k = content_of(p->f, n == 32 ? own : none, n == 20 ? own : none, n == 16 ? own : none);
	} else {
		return LM_OK;
	}
	return k ? name_content(p->f, k, h->indicator) : LM_ELIMIT;
}

static int by_hex(const void *a, const void *b)
{
	const struct lm_facts_content *const *x = a, *const *y = b;
	return lm_str_cmp((*x)->hex, (*y)->hex);
}

/* Links contents of the same authentihash into rings; an unsigned file may match with its padding. */
static void link_twins(struct lm_facts *f)
{
	struct lm_map heads;
	lm_map_init(&heads);
	for (size_t i = 0; i < f->n_contents; i++) {
		struct lm_facts_content *k = f->contents[i];
		bool is_signed = k->flags & LM_FACTS_SIGNED;
		struct lm_bytes hash =
			is_signed || !k->authentihash_padded.n ? k->authentihash : k->authentihash_padded;
		if (!hash.n)
			continue;
		struct lm_map_entry *e = lm_map_add(&heads, lm_bytes_str(hash), NULL);
		struct lm_facts_content *head = e->v.ptr;
		if (head) {
			k->twin = head->twin ? head->twin : head;
			head->twin = k;
		} else {
			e->v.ptr = k;
		}
	}
	lm_map_fini(&heads);
}

/* ---- order: lists are collected as they come and sorted once, for evidence decides how long they are ---- */

static int cmp_int(struct lm_int a, struct lm_int b)
{
	if (a.set != b.set)
		return a.set ? 1 : -1;
	return a.v < b.v ? -1 : a.v > b.v;
}

static int cmp_match(const struct lm_facts_match *a, const struct lm_facts_match *b)
{
	int c = lm_str_cmp(a->rule, b->rule);
	c = c ? c : lm_str_cmp(a->file, b->file);
	c = c ? c : cmp_int(a->time, b->time);
	c = c ? c : lm_str_cmp(a->evidence.path, b->evidence.path);
	return c ? c : cmp_int(a->offset, b->offset);
}

static int cmp_sig(const struct lm_facts_sig *a, const struct lm_facts_sig *b)
{
	return cmp_int(a->index, b->index);
}

static int cmp_unhashed(const struct lm_facts_unhashed *a, const struct lm_facts_unhashed *b)
{
	int c = cmp_int(a->offset, b->offset);
	return c ? c : lm_str_cmp(a->place, b->place);
}

static int cmp_fact(const struct lm_facts_fact *a, const struct lm_facts_fact *b)
{
	int c = lm_str_cmp(a->code, b->code);
	c = c ? c : cmp_int(a->index, b->index);
	c = c ? c : cmp_int(a->offset, b->offset);
	return c ? c : lm_str_cmp(a->detail, b->detail);
}

/*
 * Stable merge sort of a list whose elements stand in reverse order of arrival. Runs of 2^i elements wait in place i,
 * so an element is merged once a level.
 */
#define SORTED(type, cmp)                                                                     \
	static struct type *merge_##type(struct type *a, struct type *b)                      \
	{                                                                                     \
		struct type *head = NULL, **at = &head;                                       \
		while (a && b) {                                                              \
			struct type **from = cmp(a, b) <= 0 ? &a : &b;                        \
			*at = *from;                                                          \
			*from = (*from)->next;                                                \
			at = &(*at)->next;                                                    \
		}                                                                             \
		*at = a ? a : b;                                                              \
		return head;                                                                  \
	}                                                                                     \
	static struct type *sorted_##type(struct type *list)                                  \
	{                                                                                     \
		struct type *runs[48] = { NULL }, *out = NULL, *next;                         \
		for (; list; list = next) {                                                   \
			struct type *run = list;                                              \
			size_t i = 0;                                                         \
			next = list->next;                                                    \
			run->next = NULL;                                                     \
			for (; i < 47 && runs[i]; runs[i++] = NULL)                           \
				run = merge_##type(run, runs[i]); /* met later: came first */ \
			runs[i] = runs[i] ? merge_##type(run, runs[i]) : run;                 \
		}                                                                             \
		for (size_t i = 0; i < 48; i++)                                               \
			out = runs[i] ? merge_##type(out, runs[i]) : out;                     \
		return out;                                                                   \
	}

SORTED(lm_facts_sig, cmp_sig)
SORTED(lm_facts_unhashed, cmp_unhashed)
SORTED(lm_facts_fact, cmp_fact)
SORTED(lm_facts_match, cmp_match)

static void sort_lists(struct lm_facts *f)
{
	f->events = sorted_lm_facts_match(f->events);
	for (size_t i = 0; i < f->n_contents; i++) {
		struct lm_facts_content *k = f->contents[i];
		k->sigs = sorted_lm_facts_sig(k->sigs);
		k->unhashed = sorted_lm_facts_unhashed(k->unhashed);
		k->facts = sorted_lm_facts_fact(k->facts);
		k->matches = sorted_lm_facts_match(k->matches);
	}
}

enum lm_rc lm_facts_load(struct lm_facts *f, struct lm_case *c, struct lm_err *err)
{
	static const struct {
		enum lm_kind kind;
		lm_stored_fn *fn;
	} ask[] = {
		{ LM_K_file_content, on_content }, { LM_K_pe_image, on_pe },
		{ LM_K_signature, on_signature },  { LM_K_signature_unhashed, on_unhashed },
		{ LM_K_signature_fact, on_fact },  { LM_K_rule_match, on_rule },
	};
	*f = (struct lm_facts){ .c = c, .err = err };
	lm_arena_init(&f->arena, FACTS_BUDGET);
	lm_map_init(&f->strings);
	lm_map_init(&f->by_hash);
	lm_map_init(&f->subjects);
	f->hosts = lm_case_hosts(c, &f->n_hosts);
	size_t slots = f->n_hosts + 1;
	f->of_host = lm_xalloc(slots * sizeof(struct lm_facts_sight *));
	f->host_flags = lm_xalloc(slots);
	memset(f->of_host, 0, slots * sizeof(struct lm_facts_sight *));
	memset(f->host_flags, 0, slots);
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < sizeof ask / sizeof *ask; i++)
		rc = lm_case_fetch(c, ask[i].kind, NULL, 0, ask[i].fn, f);
	struct hit_pass pass = { f, false };
	if (rc == LM_OK)
		rc = lm_case_match(c, on_hit, &pass);
	pass.weak = true;
	if (rc == LM_OK)
		rc = lm_case_match(c, on_hit, &pass);
	if (rc != LM_OK)
		return rc;
	if (f->n_contents)
		qsort(f->contents, f->n_contents, sizeof(struct lm_facts_content *), by_hex);
	sort_lists(f);
	link_twins(f);
	return f->arena.spent ? LM_ELIMIT : LM_OK;
}

void lm_facts_fini(struct lm_facts *f)
{
	for (size_t i = 0; i < f->n_contents; i++)
		free(f->contents[i]->sights);
	free(f->contents);
	free(f->of_host);
	free(f->host_flags);
	free(f->altered);
	free(f->exposed);
	for (size_t i = 0; i < f->subjects.n; i++)
		free(f->subjects.entries[i].v.ptr);
	lm_map_fini(&f->subjects);
	lm_map_fini(&f->strings);
	lm_map_fini(&f->by_hash);
	lm_arena_fini(&f->arena);
}

const struct lm_facts_fact *lm_facts_code(const struct lm_facts_content *k, const char *code)
{
	for (const struct lm_facts_fact *x = k->facts; x; x = x->next)
		if (lm_str_eq(x->code, lm_cstr(code)))
			return x;
	return NULL;
}
