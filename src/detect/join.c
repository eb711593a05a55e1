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

/* ---- names ---- */

static bool is_joint(char c)
{
	return c && strchr(" -_.,()'\"", c);
}

static char low(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* How much of `stated` the product's name accounts for: whole words from its start; 0 = another product. */
static size_t name_covers(struct lm_str stated, struct lm_str product)
{
	size_t i = 0;
	for (size_t k = 0; k < product.n; k++) {
		if (is_joint(product.p[k]))
			continue;
		while (i < stated.n && is_joint(stated.p[i]))
			i++;
		if (i == stated.n || low(stated.p[i]) != low(product.p[k]))
			return 0;
		i++;
	}
	return i == stated.n || is_joint(stated.p[i]) ? i : 0;
}

struct lm_str lm_facts_product_key(struct lm_arena *a, struct lm_str product)
{
	char *p = lm_arena_alloc(a, product.n + 1);
	size_t n = 0;
	for (size_t i = 0; p && i < product.n; i++)
		if (!is_joint(product.p[i]))
			p[n++] = low(product.p[i]);
	return p && !n ? lm_str_lower(a, product) : (struct lm_str){ p, n };
}

bool lm_facts_same_product(struct lm_str a, struct lm_str b)
{
	size_t n = a.n && b.n ? name_covers(a, b) : 0;
	for (; n && n < a.n; n++)
		if (!is_joint(a.p[n]))
			return false;
	return n > 0 || lm_str_eq_ci(a, b);
}

bool lm_facts_same_version(struct lm_str a, struct lm_str b)
{
	while (a.n > 2 && a.p[a.n - 1] == '0' && a.p[a.n - 2] == '.')
		a.n -= 2;
	while (b.n > 2 && b.p[b.n - 1] == '0' && b.p[b.n - 2] == '.')
		b.n -= 2;
	return lm_str_eq_ci(a, b);
}

/* ---- releases ---- */

/* A stated release takes the spelling that the case gives the release of this host. */
static void spell(struct lm_facts *f, struct lm_facts_sight *x, const struct lm_installed *i)
{
	size_t n = name_covers(x->release.product, i->product);
	bool same_version = lm_facts_same_version(x->release.version, i->version);
	if (!n || n < x->spelled || (n == x->spelled && !same_version))
		return;
	x->spelled = n;
	x->release.product = lm_facts_intern(f, i->product);
	if (same_version)
		x->release.version = lm_facts_intern(f, i->version);
}

/* The longest install folder that holds the path gives the release; what an inventory states stays. */
static enum lm_rc on_installed(void *user, const struct lm_installed *i)
{
	struct lm_facts *f = user;
	if (!i->host || !i->product.n)
		return LM_OK;
	for (struct lm_facts_sight *x = f->of_host[i->host->id]; x; x = x->next_of_host) {
		if (x->release.product.p && !x->folder) {
			spell(f, x, i);
			continue;
		}
		if (i->path.n <= x->folder || !lm_facts_below(x->path, i->path))
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
	return c ? c : lm_str_cmp(a->version, b->version);
}

static bool add_product(struct lm_facts *f, struct lm_facts_content *k, const struct lm_facts_release *r)
{
	struct lm_facts_product **at = &k->products;
	for (struct lm_facts_product *p = k->products; p; p = p->next)
		if (lm_facts_same_product(p->release.product, r->product) &&
		    lm_facts_same_version(p->release.version, r->version)) {
			if (r->vendor.n && (!p->release.vendor.n || lm_str_cmp(r->vendor, p->release.vendor) < 0))
				p->release.vendor = r->vendor;
			return true;
		}
	while (*at && cmp_release(&(*at)->release, r) < 0)
		at = &(*at)->next;
	struct lm_facts_product *p = lm_arena_alloc(&f->arena, sizeof *p);
	if (!p)
		return false;
	p->release = *r;
	p->next = *at;
	*at = p;
	return true;
}

struct told {
	struct lm_facts *f;
	struct lm_facts_content *k;
};

static enum lm_rc on_product(void *user, const struct lm_content_product *p)
{
	struct told *t = user;
	struct lm_facts_release r = { .vendor = lm_facts_intern(t->f, p->vendor),
				      .product = lm_facts_intern(t->f, p->product),
				      .version = lm_facts_intern(t->f, p->version) };
	return !r.product.n || add_product(t->f, t->k, &r) ? LM_OK : LM_ELIMIT;
}

/*
 * Products as the case knows them, and from the content's sightings; then sightings without a release inherit it when
 * all others agree on one product. The version is inherited only when it is one too.
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
		one_product &= lm_facts_same_product(more->release.product, p->release.product);
		one_version &= lm_facts_same_version(more->release.version, p->release.version);
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
	for (size_t i = 0; rc == LM_OK && i < f->n_contents; i++) {
		struct told t = { f, f->contents[i] };
		if (t.k->wanted && t.k->sha256.n == 32)
			rc = lm_case_content_products(f->c, t.k->sha256.p, on_product, &t);
		if (rc == LM_OK && t.k->n_sights && !settle(f, t.k))
			rc = LM_ELIMIT;
	}
	return rc == LM_OK && f->arena.spent ? LM_ELIMIT : rc;
}
