/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.c - which content comes in which release, and hosts where a content alone tells the product.
 *
 * In: sightings, releases with their folders. Out: content_release, and releases of basis "content seen elsewhere".
 * A content tells a product only when every place that is sure of it names this one product, and when it stands on
 * the other host under the same folder and file name (or in a bare list of hashes): a library that two products
 * carry tells neither. The version is told when some content of the host comes in one version alone. Limits: what
 * is sure is membership in an install folder or the word of a list of files.
 */
#include "case/product_priv.h"
#include "base/text.h"

#include <stdlib.h>

#define GROW(v, n, cap)                                              \
	do {                                                         \
		if ((n) == (cap)) {                                  \
			(cap) = (cap) ? (cap)*2 : 256;               \
			(v) = lm_xrealloc((v), (cap) * sizeof *(v)); \
		}                                                    \
	} while (0)

/* "This content is part of this release on this host, at a place that looks so." */
struct member {
	uint32_t content, group;
	int64_t host;
	uint64_t where;
};

/* What a content says, once all members are known. */
struct told {
	uint32_t product; /* UINT32_MAX: several, it says nothing */
	size_t first, n;  /* its members */
};

/* A host and product that a content tells. */
struct lead {
	int64_t host;
	uint32_t product, content;
	struct lm_place at;
	struct lm_str base;
};

struct contents {
	struct lm_products *p;
	struct lm_map ids; /* sha256 -> index */
	struct member *members;
	size_t n_members, cap_members;
	struct told *told;
	struct lead *leads;
	size_t n_leads, cap_leads;
};

/* "app\ffmpeg.dll": last folder and name, without case; 0 for a bare name. */
static uint64_t place_hash(struct lm_str path)
{
	char low[512];
	size_t n = 0, seps = 0, from = path.n;
	while (from && seps < 2) {
		if (path.p[from - 1] == '\\' || path.p[from - 1] == '/')
			seps++;
		if (seps < 2)
			from--;
	}
	if (!seps || path.n - from > sizeof low)
		return 0;
	for (size_t i = from; i < path.n; i++) {
		char ch = path.p[i];
		low[n++] = ch == '/' ? '\\' : ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
	}
	uint64_t h = lm_hash((struct lm_bytes){ (const uint8_t *)low, n });
	return h ? h : 1;
}

/* The group of a sighting that somebody is sure of, + 1; 0 = none. */
static uint32_t sure_group(struct lm_products *p, const struct lm_sight *s)
{
	if (lm_str_trim(s->product).n) {
		struct lm_arena_mark m = lm_arena_mark(&p->a);
		struct lm_str key = lm_product_key(&p->a, s->product, s->version);
		const struct lm_map_entry *e = lm_map_find(&p->product_ids, key), *g = NULL;
		if (e) {
			struct lm_str v = lm_version_key(&p->a, s->version);
			g = lm_map_find(&p->group_ids,
					lm_arena_fmt(&p->a, "%u\n%.*s", (unsigned)e->v.num, LM_STR_ARG(v)));
		}
		lm_arena_reset(&p->a, m);
		if (g)
			return (uint32_t)g->v.num + 1;
	}
	return lm_release_covering(p, s->host, s->path);
}

static enum lm_rc add_member(struct lm_products *p, const struct lm_sight *s, void *user)
{
	struct contents *c = user;
	uint32_t group = s->sha256.p && s->host ? sure_group(p, s) : 0;
	bool added;
	if (!group)
		return LM_OK;
	struct lm_map_entry *e = lm_map_add(&c->ids, lm_bytes_str(s->sha256), &added);
	if (added)
		e->v.num = c->ids.n - 1;
	GROW(c->members, c->n_members, c->cap_members);
	c->members[c->n_members++] = (struct member){ (uint32_t)e->v.num, group - 1, s->host, place_hash(s->path) };
	return LM_OK;
}

static int cmp_member(const void *x, const void *y)
{
	const struct member *a = x, *b = y;
	if (a->content != b->content)
		return a->content < b->content ? -1 : 1;
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	return a->where < b->where ? -1 : a->where > b->where;
}

static enum lm_rc write_content(struct contents *c, const struct lm_map_entry *content, uint32_t group, uint64_t hosts)
{
	struct lm_products *p = c->p;
	const struct lm_group *g = &p->groups[group];
	sqlite3_stmt *st = lm_db_get(
		p->c, "INSERT INTO content_release(sha256, product_key, version_key, vendor, product, version,"
		      " hosts) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	if (!st)
		return LM_EDB;
	lm_bind_bytes(st, 1, lm_str_bytes(content->key));
	lm_bind_str(st, 2, p->products[g->product].key);
	lm_bind_str(st, 3, g->key);
	lm_bind_str(st, 4, g->vendor);
	lm_bind_str(st, 5, p->products[g->product].shown);
	lm_bind_str(st, 6, g->shown);
	sqlite3_bind_int64(st, 7, (int64_t)hosts);
	return lm_db_write(p->c, st);
}

static enum lm_rc settle_members(struct contents *c)
{
	enum lm_rc rc = LM_OK;
	struct member *m = c->members;
	if (c->n_members)
		qsort(m, c->n_members, sizeof *m, cmp_member);
	c->told = lm_xalloc((c->ids.n + 1) * sizeof *c->told);
	for (size_t i = 0, j; rc == LM_OK && i < c->n_members; i = j) {
		struct told t = { .product = c->p->groups[m[i].group].product, .first = i };
		uint64_t hosts = 0;
		for (j = i; j < c->n_members && m[j].content == m[i].content; j++) {
			bool new_group = j == i || m[j].group != m[j - 1].group;
			if (new_group && j > i)
				rc = write_content(c, &c->ids.entries[m[i].content], m[j - 1].group, hosts);
			if (rc != LM_OK)
				return rc;
			if (new_group)
				hosts = 0;
			hosts += new_group || m[j].host != m[j - 1].host;
			if (c->p->groups[m[j].group].product != t.product)
				t.product = UINT32_MAX;
		}
		rc = write_content(c, &c->ids.entries[m[i].content], m[j - 1].group, hosts);
		t.n = j - i;
		c->told[m[i].content] = t;
	}
	return rc;
}

static enum lm_rc add_lead(struct lm_products *p, const struct lm_sight *s, void *user)
{
	struct contents *c = user;
	const struct lm_map_entry *e = s->host && s->sha256.p ? lm_map_find(&c->ids, lm_bytes_str(s->sha256)) : NULL;
	if (!e || c->told[e->v.num].product == UINT32_MAX || lm_release_has(p, s->host, c->told[e->v.num].product) ||
	    sure_group(p, s))
		return LM_OK;
	const struct told *t = &c->told[e->v.num];
	uint64_t where = place_hash(s->path);
	bool fits = !where;
	for (size_t i = 0; !fits && i < t->n; i++)
		fits = c->members[t->first + i].where == where;
	if (!fits)
		return LM_OK;
	GROW(c->leads, c->n_leads, c->cap_leads);
	c->leads[c->n_leads++] = (struct lead){ s->host, t->product, (uint32_t)e->v.num, s->at,
						lm_arena_str(&p->a, lm_path_base(s->path)) };
	return LM_OK;
}

static int cmp_lead(const void *x, const void *y)
{
	const struct lead *a = x, *b = y;
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	if (a->product != b->product)
		return a->product < b->product ? -1 : 1;
	return memcmp(a->at.id, b->at.id, 16);
}

/* The only group that a content comes in, or UINT32_MAX. */
static uint32_t only_group(const struct contents *c, uint32_t content)
{
	const struct told *t = &c->told[content];
	uint32_t first = c->members[t->first].group;
	return c->members[t->first + t->n - 1].group == first ? first : UINT32_MAX;
}

static uint64_t hosts_of(const struct contents *c, uint32_t content)
{
	const struct told *t = &c->told[content];
	uint64_t n = 0;
	for (size_t i = 0; i < t->n; i++) {
		bool again = false;
		for (size_t k = 0; !again && k < i && i < 4096;
		     k++) /* a number in a sentence: exact for what people count */
			again = c->members[t->first + k].host == c->members[t->first + i].host;
		n += !again;
	}
	return n;
}

static void tell(struct contents *c, const struct lead *l, uint32_t group)
{
	struct lm_products *p = c->p;
	const struct lm_group *g = group == UINT32_MAX ? NULL : &p->groups[group];
	struct lm_str product = p->products[l->product].shown, none = { 0 }, version = g ? g->shown : none;
	uint64_t hosts = hosts_of(c, l->content);
	struct lm_str words = lm_arena_fmt(
		&p->a,
		"content seen elsewhere: %.*s is part of %.*s%s%.*s on %llu other host%s and of no "
		"other product",
		LM_STR_ARG(l->base.n ? l->base : LM_STR("the file")), LM_STR_ARG(product), version.n ? " " : "",
		LM_STR_ARG(version), (unsigned long long)hosts, hosts == 1 ? "" : "s");
	lm_release_add(p, l->host, g ? g->vendor : none, product, version, none, LM_BASIS_CONTENT, words, &l->at);
}

static void settle_leads(struct contents *c)
{
	struct lead *l = c->leads;
	if (c->n_leads)
		qsort(l, c->n_leads, sizeof *l, cmp_lead);
	for (size_t i = 0, j; i < c->n_leads; i = j) {
		bool versioned = false;
		for (j = i; j < c->n_leads && l[j].host == l[i].host && l[j].product == l[i].product; j++) {
			uint32_t group = only_group(c, l[j].content);
			if (group == UINT32_MAX || !c->p->groups[group].shown.n)
				continue;
			tell(c, &l[j], group);
			versioned = true;
		}
		if (!versioned)
			tell(c, &l[i], UINT32_MAX);
	}
}

enum lm_rc lm_content_resolve(struct lm_products *p)
{
	struct contents c = { .p = p };
	enum lm_rc rc = LM_OK;
	if (!p->n_rels)
		return LM_OK;
	lm_map_init(&c.ids);
	rc = lm_each_sighting(p, add_member, &c);
	if (rc == LM_OK)
		rc = settle_members(&c);
	if (rc == LM_OK && c.n_members)
		rc = lm_each_sighting(p, add_lead, &c);
	if (rc == LM_OK)
		settle_leads(&c);
	lm_map_fini(&c.ids);
	free(c.members);
	free(c.told);
	free(c.leads);
	return rc;
}
