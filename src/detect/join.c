/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join.c - where the wanted contents are, and in which release they came. In: all sightings and all installed
 * releases, each streamed once. Out: sightings of wanted contents with host, path and release, products of
 * each content. A release is never taken from a library's own version resource: an inventory states it, the
 * install folder gives it, or the same content came in it elsewhere.
 */
#include "base/text.h"
#include "detect/facts.h"

#include <stdlib.h>

static bool same_path_byte(char a, char b)
{
	if (a == '\\')
		a = '/';
	if (b == '\\')
		b = '/';
	if (a >= 'A' && a <= 'Z')
		a = (char)(a - 'A' + 'a');
	if (b >= 'A' && b <= 'Z')
		b = (char)(b - 'A' + 'a');
	return a == b;
}

bool lm_facts_below(struct lm_str path, struct lm_str folder)
{
	while (folder.n && (folder.p[folder.n - 1] == '/' || folder.p[folder.n - 1] == '\\'))
		folder.n--;
	/* a drive or the root alone would own every file of the host */
	if (folder.n < 3 || path.n <= folder.n)
		return false;
	for (size_t i = 0; i < folder.n; i++)
		if (!same_path_byte(path.p[i], folder.p[i]))
			return false;
	return path.p[folder.n] == '/' || path.p[folder.n] == '\\';
}

struct lm_str lm_facts_base(struct lm_facts *f, struct lm_str path)
{
	struct lm_str base = lm_path_base(path);
	struct lm_arena_mark m = lm_arena_mark(&f->arena);
	struct lm_str lower = lm_facts_intern(f, lm_str_lower(&f->arena, base));
	lm_arena_reset(&f->arena, m);
	return lower;
}

static enum lm_rc on_sighting(void *user, const struct lm_stored *s)
{
	struct lm_facts *f = user;
	const struct lm_obs_file_sighting *o = &s->obs.file_sighting;
	f->n_sightings++;
	bool file = lm_str_eq(o->source, LM_STR("file"));
	if (s->host)
		f->host_flags[s->host->id] |= file ? LM_HAS_FILES : LM_HAS_HASHES;
	/* a stated SHA-256 decides alone: weaker hashes of the same row may collide */
	const char *by = o->sha256.n ? "SHA-256" : o->sha1.n ? "SHA-1" : "MD5";
	struct lm_facts_content *k = lm_facts_find(f, o->sha256.n ? o->sha256 : o->sha1.n ? o->sha1 : o->md5);
	if (!k && !o->sha256.n && o->sha1.n && o->md5.n) {
		k = lm_facts_find(f, o->md5);
		by = "MD5";
	}
	if (!k || !k->wanted)
		return LM_OK;
	struct lm_facts_sight *x = lm_arena_alloc(&f->arena, sizeof *x);
	if (!x)
		return LM_ELIMIT;
	*x = (struct lm_facts_sight){
		.content = k,
		.host = s->host,
		.path = lm_facts_intern(f, o->path),
		.source = lm_facts_intern(f, o->source),
		.time = s->obs.time,
		.modified = o->modified,
		.by = by,
		.file = file,
		.evidence = s->evidence,
	};
	x->evidence.path = lm_facts_intern(f, s->evidence.path);
	if (o->product.n) {
		x->release.vendor = lm_facts_intern(f, o->vendor);
		x->release.product = lm_facts_intern(f, o->product);
		x->release.version = lm_facts_intern(f, o->version);
		x->release.how = LM_STR("stated by the inventory");
	}
	if (k->n_sights == k->cap_sights) {
		k->cap_sights = k->cap_sights ? k->cap_sights * 2 : 8;
		k->sights = lm_xrealloc(k->sights, k->cap_sights * sizeof(struct lm_facts_sight *));
	}
	k->sights[k->n_sights++] = x;
	if (x->host) {
		x->next_of_host = f->of_host[x->host->id];
		f->of_host[x->host->id] = x;
	}
	return LM_OK;
}

/* The longest install folder that holds the path gives the release; what an inventory states stays. */
static enum lm_rc on_installed(void *user, const struct lm_installed *i)
{
	struct lm_facts *f = user;
	if (!i->host || !i->path.n || !i->product.n)
		return LM_OK;
	for (struct lm_facts_sight *x = f->of_host[i->host->id]; x; x = x->next_of_host) {
		bool stated = x->release.product.p && !x->folder;
		if (stated || i->path.n <= x->folder || !lm_facts_below(x->path, i->path))
			continue;
		x->folder = i->path.n;
		x->release.vendor = lm_facts_intern(f, i->vendor);
		x->release.product = lm_facts_intern(f, i->product);
		x->release.version = lm_facts_intern(f, i->version);
		x->release.how = LM_STR("the file lies in its install folder");
	}
	return LM_OK;
}

static int cmp_id(const struct lm_host *a, const struct lm_host *b)
{
	int64_t x = a ? a->id : INT64_MAX, y = b ? b->id : INT64_MAX;
	return (x > y) - (x < y);
}

static int by_host(const void *a, const void *b)
{
	const struct lm_facts_sight *x = *(struct lm_facts_sight *const *)a, *y = *(struct lm_facts_sight *const *)b;
	int c = cmp_id(x->host, y->host);
	c = c ? c : y->file - x->file;
	/* of the same kind the sighting whose release is known says more */
	c = c ? c : (y->release.product.p != NULL) - (x->release.product.p != NULL);
	c = c ? c : lm_str_cmp(x->path, y->path);
	c = c ? c : lm_str_cmp(x->evidence.path, y->evidence.path);
	return c ? c : (x->evidence.offset > y->evidence.offset) - (x->evidence.offset < y->evidence.offset);
}

static int cmp_release(const struct lm_facts_release *a, const struct lm_facts_release *b)
{
	int c = lm_str_cmp(a->product, b->product);
	c = c ? c : lm_str_cmp(a->version, b->version);
	return c ? c : lm_str_cmp(a->vendor, b->vendor);
}

static bool add_product(struct lm_facts *f, struct lm_facts_content *k, const struct lm_facts_release *r)
{
	struct lm_facts_product **at = &k->products;
	for (; *at; at = &(*at)->next) {
		int c = cmp_release(&(*at)->release, r);
		if (c == 0)
			return true;
		if (c > 0)
			break;
	}
	struct lm_facts_product *p = lm_arena_alloc(&f->arena, sizeof *p);
	if (!p)
		return false;
	p->release = *r;
	p->next = *at;
	*at = p;
	return true;
}

/*
 * Products from the content's sightings; then sightings without a release inherit it when all others agree on
 * one product. The version is inherited only when it is one too.
 */
static bool settle(struct lm_facts *f, struct lm_facts_content *k)
{
	qsort(k->sights, k->n_sights, sizeof(struct lm_facts_sight *), by_host);
	const struct lm_host *last = NULL;
	for (size_t i = 0; i < k->n_sights; i++) {
		if (k->sights[i]->host && k->sights[i]->host != last) {
			last = k->sights[i]->host;
			k->n_hosts++;
		}
		if (k->sights[i]->release.product.p && !add_product(f, k, &k->sights[i]->release))
			return false;
	}
	const struct lm_facts_product *p = k->products, *more = p ? p->next : NULL;
	bool one_product = p != NULL, one_version = p != NULL;
	for (; more; more = more->next) {
		one_product &= lm_str_eq_ci(more->release.product, p->release.product);
		one_version &= lm_str_eq_ci(more->release.version, p->release.version);
	}
	for (size_t i = 0; one_product && i < k->n_sights; i++) {
		struct lm_facts_release *r = &k->sights[i]->release;
		if (r->product.p)
			continue;
		*r = p->release;
		r->how = LM_STR("the same content came in it elsewhere");
		if (!one_version)
			r->version = (struct lm_str){ 0 };
	}
	return true;
}

enum lm_rc lm_facts_join(struct lm_facts *f)
{
	enum lm_rc rc = lm_case_fetch(f->c, LM_K_file_sighting, NULL, 0, on_sighting, f);
	if (rc == LM_OK)
		rc = lm_case_installed(f->c, (struct lm_str){ 0 }, on_installed, f);
	for (size_t i = 0; rc == LM_OK && i < f->n_contents; i++)
		if (f->contents[i]->n_sights && !settle(f, f->contents[i]))
			rc = LM_ELIMIT;
	return rc == LM_OK && f->arena.spent ? LM_ELIMIT : rc;
}
