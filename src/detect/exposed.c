/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exposed.c - who has a subject product installed. In: installed releases, releases of altered files. Out: one
 * finding a (product, version, host), informational; low ("a lead") where the version is one that carries an
 * altered file elsewhere and this host's file was not seen. A version alone never makes a host altered. Without
 * a subject product there is nothing to be exposed to, and nothing is said.
 */
#include "base/text.h"
#include "detect/facts.h"

#include <stdlib.h>

/* Log-odds; docs/dev/confidence.md. */
static const double stated = 2.2, hash_of_release = 2.2, no_version = -0.5, two_sources = 0.5, derived = -0.7;
enum { REFS_MAX = 4 };

/* One (host, product, version). */
struct item {
	struct item *next_lead; /* of the same host */
	const struct lm_host *host;
	struct lm_facts_release release;
	struct lm_str path, basis;
	struct lm_int time;
	struct lm_evidence_ref refs[REFS_MAX];
	size_t n_refs;
	bool altered, lead, by_hash;
	/* a file of an altered name in this release, with other bytes */
	struct lm_str other_path, other_hash;
	struct lm_evidence_ref other;
};

/* A version that carries altered content somewhere. */
struct bad_version {
	uint64_t hosts;
	const struct lm_facts_sight *sight; /* the first in order: names the file to collect */
};

struct run {
	struct lm_detect_ctx *d;
	struct lm_map items;	/* key below -> struct item */
	struct lm_map versions; /* product, version -> struct bad_version */
	struct lm_map names;	/* lower-case base names of altered contents */
	struct lm_map paths;	/* lower-case paths of altered sightings */
	struct lm_map spelling; /* product key -> name, NUL-terminated */
	struct item **leads;	/* by host id */
};

/* Key in the arena: host id, product and version, without case. */
static struct lm_str key_of(struct run *r, int64_t host, struct lm_str product, struct lm_str version)
{
	struct lm_arena *a = r->d->arena;
	version = lm_str_trim(version);
	while (version.n > 2 && version.p[version.n - 1] == '0' && version.p[version.n - 2] == '.')
		version.n -= 2;
	struct lm_str key = lm_facts_product_key(a, product), lower = lm_str_lower(a, version);
	return lm_arena_fmt(a, "%lld\n%.*s\n%.*s", (long long)host, LM_STR_ARG(key), LM_STR_ARG(lower));
}

static void add_ref(struct item *it, struct lm_facts *f, const struct lm_evidence_ref *e)
{
	for (size_t i = 0; i < it->n_refs; i++)
		if (lm_str_eq(it->refs[i].path, e->path) && it->refs[i].offset == e->offset)
			return;
	if (it->n_refs == REFS_MAX || !e->path.p)
		return;
	it->refs[it->n_refs] = *e;
	it->refs[it->n_refs++].path = lm_facts_intern(f, e->path);
}

/* One spelling a product, so that sorting and counting see one product: the first that the case stated. */
static struct lm_str canonical(struct run *r, struct lm_str product)
{
	struct lm_arena_mark m = lm_arena_mark(r->d->arena);
	struct lm_str key = lm_facts_product_key(r->d->arena, product);
	struct lm_map_entry *e = key.p ? lm_map_add(&r->spelling, key, NULL) : NULL;
	lm_arena_reset(r->d->arena, m);
	if (!e)
		return product;
	if (!e->v.ptr)
		e->v.ptr = (void *)(uintptr_t)lm_facts_intern(r->d->facts, lm_str_trim(product)).p;
	return lm_cstr(e->v.ptr);
}

static struct item *item_of(struct run *r, const struct lm_host *host, const struct lm_facts_release *release,
			    bool *added)
{
	struct lm_arena_mark m = lm_arena_mark(r->d->arena);
	struct lm_str key = key_of(r, host->id, release->product, release->version);
	struct lm_map_entry *e = key.p ? lm_map_add(&r->items, key, added) : NULL;
	lm_arena_reset(r->d->arena, m);
	if (!e)
		return NULL;
	if (*added) {
		struct item *it = e->v.ptr = lm_arena_alloc(&r->d->facts->arena, sizeof(struct item));
		if (!it)
			return NULL;
		it->host = host;
		it->release.vendor = lm_facts_intern(r->d->facts, release->vendor);
		it->release.product = lm_facts_intern(r->d->facts, canonical(r, release->product));
		it->release.version = lm_facts_intern(r->d->facts, release->version);
	}
	return e->v.ptr;
}

static enum lm_rc on_installed(void *user, const struct lm_installed *i)
{
	struct run *r = user;
	struct lm_facts *f = r->d->facts;
	if (!i->host || !lm_subject_is(r->d, i->product))
		return LM_OK;
	bool added;
	struct lm_facts_release release = { .vendor = i->vendor, .product = i->product, .version = i->version };
	struct item *it = item_of(r, i->host, &release, &added);
	if (!it)
		return LM_ELIMIT;
	add_ref(it, f, &i->evidence);
	if (added || (i->basis.p && lm_str_cmp(i->basis, it->basis) < 0))
		it->basis = lm_facts_intern(f, i->basis);
	if (i->path.n && (!it->path.p || lm_str_cmp(i->path, it->path) < 0))
		it->path = lm_facts_intern(f, i->path);
	if (i->time.set && (!it->time.set || i->time.v < it->time.v))
		it->time = i->time;
	return LM_OK;
}

/* Releases that altered files came in: they make versions bad, and their hosts have the release. */
static enum lm_rc from_altered(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	for (size_t i = 0; i < f->n_altered; i++) {
		const struct lm_facts_sight *x = f->altered[i];
		lm_map_add(&r->names, lm_facts_base(f, x->path), NULL);
		struct lm_arena_mark m = lm_arena_mark(r->d->arena);
		lm_map_add(&r->paths, lm_str_lower(r->d->arena, x->path), NULL);
		if (x->release.product.p && x->release.version.n) {
			struct lm_map_entry *e =
				lm_map_add(&r->versions, key_of(r, 0, x->release.product, x->release.version), NULL);
			struct bad_version *b = e->v.ptr;
			if (!b)
				b = e->v.ptr = lm_arena_alloc(&f->arena, sizeof *b);
			if (!b)
				return LM_ELIMIT;
			b->sight = b->sight ? b->sight : x;
		}
		lm_arena_reset(r->d->arena, m);
		if (!x->release.product.p)
			continue;
		bool added;
		struct item *it = item_of(r, x->host, &x->release, &added);
		if (!it)
			return LM_ELIMIT;
		it->altered = true;
		it->by_hash = true;
		add_ref(it, f, &x->evidence);
		if (added)
			it->basis = x->release.how;
	}
	return LM_OK;
}

/* Hosts with an altered content of the product in any version are altered, not leads. */
static bool mark_leads(struct run *r)
{
	bool any = false;
	struct lm_map have;
	lm_map_init(&have);
	struct lm_arena *a = r->d->arena;
	for (size_t i = 0; i < r->items.n; i++) {
		const struct item *it = r->items.entries[i].v.ptr;
		struct lm_arena_mark m = lm_arena_mark(a);
		if (it->altered) {
			struct lm_map_entry *e =
				lm_map_find(&r->versions, key_of(r, 0, it->release.product, it->release.version));
			if (e)
				((struct bad_version *)e->v.ptr)->hosts++;
			lm_map_add(&have, key_of(r, it->host->id, it->release.product, LM_STR("")), NULL);
		}
		lm_arena_reset(a, m);
	}
	for (size_t i = 0; i < r->items.n; i++) {
		struct item *it = r->items.entries[i].v.ptr;
		struct lm_arena_mark m = lm_arena_mark(a);
		if (!it->altered && it->release.version.n &&
		    lm_map_find(&r->versions, key_of(r, 0, it->release.product, it->release.version)) &&
		    !lm_map_find(&have, key_of(r, it->host->id, it->release.product, LM_STR("")))) {
			it->lead = any = true;
			it->next_lead = r->leads[it->host->id];
			r->leads[it->host->id] = it;
		}
		lm_arena_reset(a, m);
	}
	lm_map_fini(&have);
	return any;
}

/* A lead host's own copy of the file, with other bytes: speaks against the lead. */
static enum lm_rc on_sighting(void *user, const struct lm_stored *s)
{
	struct run *r = user;
	struct lm_facts *f = r->d->facts;
	const struct lm_obs_file_sighting *o = &s->obs.file_sighting;
	struct item *it = s->host ? r->leads[s->host->id] : NULL;
	if (!it)
		return LM_OK;
	struct lm_bytes hash = o->sha256.n ? o->sha256 : o->sha1.n ? o->sha1 : o->md5;
	const struct lm_facts_content *k = lm_facts_find(f, hash);
	if (!hash.n || (k && k->altered) || !lm_map_find(&r->names, lm_facts_base(f, o->path)))
		return LM_OK;
	struct lm_arena_mark m = lm_arena_mark(r->d->arena);
	bool same_path = lm_map_find(&r->paths, lm_str_lower(r->d->arena, o->path)) != NULL;
	for (; it; it = it->next_lead) {
		bool of_release = same_path || lm_facts_same_product(o->product, it->release.product) ||
				  (it->path.n && lm_facts_below(o->path, it->path));
		if (!of_release || (it->other_path.p && lm_str_cmp(it->other_path, o->path) <= 0))
			continue;
		it->other_path = lm_facts_intern(f, o->path);
		it->other_hash = lm_facts_intern(f, lm_word_hex(r->d->arena, hash));
		it->other = s->evidence;
		it->other.path = lm_facts_intern(f, s->evidence.path);
	}
	lm_arena_reset(r->d->arena, m);
	return LM_OK;
}

static int by_place(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
	int c = lm_str_cmp(x->release.product, y->release.product);
	c = c ? c : (x->host->id > y->host->id) - (x->host->id < y->host->id);
	return c ? c : lm_str_cmp(x->release.version, y->release.version);
}

static void lead_words(struct run *r, struct lm_finding *f, const struct item *it)
{
	struct lm_arena *a = r->d->arena;
	const struct lm_map_entry *e =
		lm_map_find(&r->versions, key_of(r, 0, it->release.product, it->release.version));
	const struct bad_version *b = e->v.ptr;
	struct lm_str hosts = lm_word_count(a, b->hosts, "other host", "other hosts");
	struct lm_str file = lm_word_quote(a, lm_path_base(b->sight->path)), path = lm_word_quote(a, b->sight->path);
	const struct lm_facts_content *k = b->sight->content;
	lm_finding_why(f, lm_arena_fmt(a, "This version carries altered content on %.*s (%.*s, %s %.*s).",
				       LM_STR_ARG(hosts), LM_STR_ARG(file), k->hex_kind, LM_STR_ARG(k->hex)));
	lm_finding_cite(f, b->sight->evidence);
	if (it->other_path.p) {
		struct lm_str mine = lm_word_quote(a, it->other_path);
		lm_finding_counter(f, lm_arena_fmt(a, "This host's own file at %.*s has another hash (%.*s).",
						   LM_STR_ARG(mine), LM_STR_ARG(it->other_hash)));
		lm_finding_cite(f, it->other);
		return;
	}
	lm_finding_counter(f, lm_arena_fmt(a, "No evidence has the hash of %.*s on this host.", LM_STR_ARG(file)));
	lm_finding_why(f, lm_arena_fmt(a, "Collect %.*s (elsewhere at %.*s) or its SHA-256 from this host to decide.",
				       LM_STR_ARG(file), LM_STR_ARG(path)));
}

static enum lm_rc emit(struct run *r, const struct item *it)
{
	struct lm_arena *a = r->d->arena;
	struct lm_arena_mark m = lm_arena_mark(a);
	bool lead = it->lead && !it->other_path.p;
	struct lm_finding f = { .detector = "exposed",
				.rule = it->lead ? LM_STR("same-version") : LM_STR("installed"),
				.stage = LM_STAGE_EXPOSED,
				.severity = lead ? LM_SEV_LOW : LM_SEV_INFORMATIONAL,
				.host = it->host->id,
				.subject = it->release.product };
	struct lm_str lower = lm_str_lower(a, it->release.product);
	f.key = lm_arena_fmt(a, "%.*s\n%.*s", LM_STR_ARG(lower), LM_STR_ARG(it->release.version));
	lm_finding_seen(&f, it->time);
	struct lm_str host = lm_word_quote(a, it->host->name), release = lm_word_release(a, &it->release);
	struct lm_str basis = lm_word_cap(a, it->basis), path = lm_word_quote(a, it->path);
	lm_finding_why(&f, lm_arena_fmt(a, "%.*s has '%.*s'%s%.*s%s%.*s.", LM_STR_ARG(host), LM_STR_ARG(release),
					basis.n ? "; basis: " : "", LM_STR_ARG(basis), it->path.n ? "; at " : "",
					LM_STR_ARG(it->path.n ? path : (struct lm_str){ 0 })));
	if (!it->release.version.n)
		lm_finding_why(&f, LM_STR("Its version is not stated."));
	if (it->altered)
		lm_finding_why(&f, LM_STR("This host has altered content of this product by hash."));
	if (it->host->resolved.n) {
		struct lm_str how = lm_word_cap(a, it->host->resolved);
		lm_finding_why(&f, lm_arena_fmt(a, "How the host was resolved: %.*s.", LM_STR_ARG(how)));
	}
	lm_finding_term(&f, it->by_hash ? "hash of its file" : "release stated", it->by_hash ? hash_of_release : stated,
			basis);
	if (!it->by_hash && lm_str_starts_ci(it->basis, LM_STR("content seen elsewhere")))
		lm_finding_term(&f, "derived", derived, LM_STR("no source states the release on this host"));
	if (!it->release.version.n)
		lm_finding_term(&f, "no version", no_version, LM_STR("the source names no version"));
	if (it->n_refs > 1)
		lm_finding_term(&f, "several sources", two_sources, (struct lm_str){ 0 });
	for (size_t i = 0; i < it->n_refs; i++)
		lm_finding_cite(&f, it->refs[i]);
	if (it->lead)
		lead_words(r, &f, it);
	enum lm_rc rc = lm_finding_store(r->d, &f);
	lm_arena_reset(a, m);
	return rc;
}

static enum lm_rc emit_all(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	size_t n = r->items.n;
	struct item **list = lm_xalloc((n + 1) * sizeof(struct item *));
	for (size_t i = 0; i < n; i++)
		list[i] = r->items.entries[i].v.ptr;
	qsort(list, n, sizeof *list, by_place);
	f->exposed = lm_xalloc((n + 1) * sizeof *f->exposed);
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < n; i++) {
		const struct item *it = list[i];
		f->exposed[f->n_exposed++] =
			(struct lm_facts_exposed){ it->host, it->release.product, it->release.version, it->altered,
						   it->lead && !it->other_path.p };
		rc = emit(r, it);
	}
	free(list);
	return rc;
}

/* Asks per product where it can; a named glob needs all releases. */
static enum lm_rc ask(struct run *r)
{
	const struct lm_map *subjects = &r->d->facts->subjects;
	bool glob = false;
	for (size_t i = 0; i < subjects->n; i++) {
		const struct lm_facts_subject *s = subjects->entries[i].v.ptr;
		glob |= s->named &&
			(lm_str_find(s->name, '*', 0) != SIZE_MAX || lm_str_find(s->name, '?', 0) != SIZE_MAX);
	}
	if (glob)
		return lm_case_installed(r->d->c, (struct lm_str){ 0 }, on_installed, r);
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < subjects->n; i++) {
		const struct lm_facts_subject *s = subjects->entries[i].v.ptr;
		rc = lm_case_installed(r->d->c, s->name, on_installed, r);
	}
	return rc;
}

static enum lm_rc run(struct lm_detect_ctx *d)
{
	if (!d->facts->subjects.n)
		return LM_OK;
	struct run r = { .d = d };
	lm_map_init(&r.items);
	lm_map_init(&r.versions);
	lm_map_init(&r.names);
	lm_map_init(&r.paths);
	lm_map_init(&r.spelling);
	size_t slots = d->facts->n_hosts + 1;
	r.leads = lm_xalloc(slots * sizeof(struct item *));
	memset(r.leads, 0, slots * sizeof(struct item *));
	enum lm_rc rc = ask(&r);
	if (rc == LM_OK)
		rc = from_altered(&r);
	if (rc == LM_OK && mark_leads(&r))
		rc = lm_case_fetch(d->c, LM_K_file_sighting, NULL, 0, on_sighting, &r);
	if (rc == LM_OK)
		rc = emit_all(&r);
	free(r.leads);
	lm_map_fini(&r.items);
	lm_map_fini(&r.versions);
	lm_map_fini(&r.names);
	lm_map_fini(&r.paths);
	lm_map_fini(&r.spelling);
	return rc;
}

static const enum lm_kind needs[] = { LM_K_product_installed, LM_K_file_sighting, LM_KIND_NONE };
static const char *const attack[] = { NULL };

const struct lm_detector lm_detector_exposed = {
	.name = "exposed",
	.summary = "hosts with any release of a subject product",
	.stage = LM_STAGE_EXPOSED,
	.needs = needs,
	.attack = attack,
	.run = run,
};
