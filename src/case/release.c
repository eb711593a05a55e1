/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release.c - which release of which product is on which host, from those who state it.
 *
 * In: product.installed rows, sightings that name a product, macOS bundles, and install folders whose own program
 * file names the product. Out: releases per host, each with the best basis and the smallest citation, and the
 * folders they cover. Never a library's own version resource: an EXE must name the product, and its name must
 * resemble the folder it stands in. Limits: a folder without such an EXE states no release.
 */
#include "case/product_priv.h"
#include "base/text.h"

#include <stdlib.h>

#define GROW(v, n, cap)                                              \
	do {                                                         \
		if ((n) == (cap)) {                                  \
			(cap) = (cap) ? (cap)*2 : 64;                \
			(v) = lm_xrealloc((v), (cap) * sizeof *(v)); \
		}                                                    \
	} while (0)

/* Key of a map: two numbers, or a number and a text. */
static struct lm_str key2(uint64_t pair[2], uint64_t a, uint64_t b)
{
	pair[0] = a;
	pair[1] = b;
	return (struct lm_str){ (const char *)pair, 2 * sizeof *pair };
}

static uint32_t product_of(struct lm_products *p, struct lm_str name, struct lm_str version)
{
	struct lm_arena_mark m = lm_arena_mark(&p->a);
	struct lm_str stem = lm_product_stem(name, version);
	bool added;
	struct lm_map_entry *e = lm_map_add(&p->product_ids, lm_product_key(&p->a, name, version), &added);
	lm_arena_reset(&p->a, m); /* asked for every sighting: nothing may stay behind */
	if (added) {
		GROW(p->products, p->n_products, p->cap_products);
		e->v.num = p->n_products;
		p->products[p->n_products++] = (struct lm_product){ e->key, lm_arena_str(&p->a, stem) };
	}
	struct lm_product *pr = &p->products[e->v.num];
	if (lm_str_cmp(stem, pr->shown) < 0)
		pr->shown = lm_arena_str(&p->a, stem);
	return (uint32_t)e->v.num;
}

static uint32_t group_of(struct lm_products *p, uint32_t product, struct lm_str version)
{
	version = lm_str_trim(version);
	struct lm_arena_mark m = lm_arena_mark(&p->a);
	struct lm_str vkey = lm_version_key(&p->a, version);
	bool added;
	struct lm_map_entry *e =
		lm_map_add(&p->group_ids, lm_arena_fmt(&p->a, "%u\n%.*s", product, LM_STR_ARG(vkey)), &added);
	lm_arena_reset(&p->a, m);
	if (added) {
		GROW(p->groups, p->n_groups, p->cap_groups);
		e->v.num = p->n_groups;
		struct lm_str key = lm_str_part(e->key, lm_str_find(e->key, '\n', 0) + 1, e->key.n);
		p->groups[p->n_groups++] = (struct lm_group){ .product = product, .key = key };
	}
	struct lm_group *g = &p->groups[e->v.num];
	if (version.n &&
	    (!g->shown.p || version.n < g->shown.n || (version.n == g->shown.n && lm_str_cmp(version, g->shown) < 0)))
		g->shown = lm_arena_str(&p->a, version);
	return (uint32_t)e->v.num;
}

/* Of several spellings the smallest, whatever came first. */
static void keep_smaller(struct lm_products *p, struct lm_str *to, struct lm_str from)
{
	from = lm_str_trim(from);
	if (from.n && (!to->n || lm_str_cmp(from, *to) < 0))
		*to = lm_arena_str(&p->a, from);
}

size_t lm_release_add(struct lm_products *p, int64_t host, struct lm_str vendor, struct lm_str product,
		      struct lm_str version, struct lm_str path, enum lm_basis basis, struct lm_str words,
		      const struct lm_place *at)
{
	if (!lm_str_trim(product).n)
		return SIZE_MAX;
	uint64_t pair[2];
	uint32_t group = group_of(p, product_of(p, product, version), version);
	bool added;
	keep_smaller(p, &p->groups[group].vendor, vendor);
	struct lm_map_entry *e = lm_map_add(&p->rel_ids, key2(pair, (uint64_t)host, group), &added);
	if (added) {
		GROW(p->rels, p->n_rels, p->cap_rels);
		e->v.num = p->n_rels;
		p->rels[p->n_rels++] = (struct lm_rel){ .host = host, .group = group, .basis = basis, .at = *at };
		p->rels[e->v.num].words = lm_arena_str(&p->a, words);
		lm_map_add(&p->host_products, key2(pair, (uint64_t)host, p->groups[group].product), NULL);
	}
	struct lm_rel *r = &p->rels[e->v.num];
	keep_smaller(p, &r->vendor, vendor);
	keep_smaller(p, &r->path, path);
	int by = memcmp(at->id, r->at.id, sizeof at->id);
	if (basis < r->basis || (basis == r->basis && by < 0)) {
		r->basis = basis;
		r->at = *at;
		r->words = lm_arena_str(&p->a, words);
	}
	return (size_t)e->v.num;
}

bool lm_release_has(struct lm_products *p, int64_t host, uint32_t product)
{
	uint64_t pair[2];
	return lm_map_find(&p->host_products, key2(pair, (uint64_t)host, product)) != NULL;
}

/* ---- folders ---- */

/* "12\nc:\program files\x": lower case, one kind of separator, none at the end. */
static struct lm_str dir_key(struct lm_buf *b, int64_t host, struct lm_str dir)
{
	lm_buf_clear(b);
	lm_buf_fmt(b, "%lld\n", (long long)host);
	while (dir.n && (dir.p[dir.n - 1] == '\\' || dir.p[dir.n - 1] == '/'))
		dir.n--;
	for (size_t i = 0; i < dir.n; i++) {
		char ch = dir.p[i];
		lm_buf_putc(b, ch == '/' ? '\\' : ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch);
	}
	return lm_buf_view(b);
}

static size_t last_separator(struct lm_str s)
{
	while (s.n && s.p[s.n - 1] != '\\' && s.p[s.n - 1] != '/')
		s.n--;
	return s.n ? s.n - 1 : SIZE_MAX;
}

static void cover(struct lm_products *p, int64_t host, struct lm_str dir, uint32_t group)
{
	struct lm_buf b;
	bool added;
	if (dir.n < 3 || last_separator(dir) == SIZE_MAX) /* "C:" would cover everything */
		return;
	lm_buf_init(&b, 1 << 20);
	struct lm_map_entry *e = lm_map_add(&p->dirs, dir_key(&b, host, dir), &added);
	/* two releases that claim one folder: the newer one is what lies there */
	if (added || lm_str_cmp(p->groups[e->v.num - 1].key, p->groups[group].key) < 0)
		e->v.num = group + 1;
	lm_buf_fini(&b);
}

uint32_t lm_release_covering(struct lm_products *p, int64_t host, struct lm_str path)
{
	struct lm_buf b;
	uint32_t found = 0;
	if (!p->dirs.n)
		return 0;
	lm_buf_init(&b, 1 << 20);
	struct lm_str key = dir_key(&b, host, path);
	size_t head = lm_str_find(key, '\n', 0) + 1;
	for (size_t at; !found && (at = last_separator(key)) != SIZE_MAX && at > head; key.n = at) {
		const struct lm_map_entry *e = lm_map_find(&p->dirs, (struct lm_str){ key.p, at });
		found = e ? (uint32_t)e->v.num : 0;
	}
	lm_buf_fini(&b);
	return found;
}

/* Where an install folder may end in a path: views into it, deepest first. */
struct roots {
	struct lm_str dir[2];  /* whole folder */
	struct lm_str name[2]; /* its name, without app-1.2.3 */
	struct lm_str version; /* of app-1.2.3 */
	size_t n;
};

static size_t find_ci(struct lm_str hay, const char *needle)
{
	size_t n = strlen(needle);
	for (size_t i = 0; n <= hay.n && i <= hay.n - n; i++)
		if (lm_str_eq_ci(lm_str_part(hay, i, i + n), lm_cstr(needle)))
			return i;
	return SIZE_MAX;
}

static bool is_sep(char ch)
{
	return ch == '\\' || ch == '/';
}

/* Ends of the first two path components after `from`, where more path follows. */
static void two_folders(struct lm_str path, size_t from, struct roots *r)
{
	size_t start = from;
	for (size_t i = from; i < path.n && r->n < 2; i++) {
		if (!is_sep(path.p[i]))
			continue;
		if (i > start) {
			r->dir[r->n] = lm_str_part(path, 0, i);
			r->name[r->n++] = lm_str_part(path, start, i);
		}
		start = i + 1;
	}
	if (r->n == 2) { /* deepest first */
		struct lm_str d = r->dir[0], n = r->name[0];
		r->dir[0] = r->dir[1];
		r->name[0] = r->name[1];
		r->dir[1] = d;
		r->name[1] = n;
	}
}

static void roots_of(struct lm_str path, struct roots *r)
{
	static const char *const bases[] = {
		"\\Program Files\\", "\\Program Files (x86)\\", "\\AppData\\Local\\Programs\\",
		"/Program Files/",   "/Program Files (x86)/",	"/AppData/Local/Programs/"
	};
	*r = (struct roots){ 0 };
	for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
		size_t at = find_ci(path, bases[i]);
		if (at != SIZE_MAX) {
			two_folders(path, at + strlen(bases[i]), r);
			return;
		}
	}
	size_t at = find_ci(path, "\\AppData\\Local\\");
	if (at == SIZE_MAX)
		at = find_ci(path, "/AppData/Local/");
	if (at == SIZE_MAX)
		return;
	struct roots two = { 0 };
	two_folders(path, at + strlen("\\AppData\\Local\\"), &two);
	/* Product\app-1.2.3\: an updater keeps several releases side by side */
	if (two.n == 2 && lm_str_starts_ci(two.name[0], LM_STR("app-")) && two.name[0].n > 4) {
		r->dir[0] = two.dir[0];
		r->name[0] = two.name[1];
		r->version = lm_str_part(two.name[0], 4, two.name[0].n);
		r->n = 1;
	}
}

/* Letters and digits alone, compared: the product's name is in the folder's, or the folder's in the product's. */
static bool resembles(struct lm_arena *a, struct lm_str folder, struct lm_str product)
{
	struct lm_arena_mark m = lm_arena_mark(a);
	struct lm_str none = { 0 };
	struct lm_str f = lm_product_key(a, folder, none), n = lm_product_key(a, product, none);
	bool yes = f.n >= 3 && n.n >= 3 &&
		   (lm_bytes_find(lm_str_bytes(f), lm_str_bytes(n)) != SIZE_MAX ||
		    lm_bytes_find(lm_str_bytes(n), lm_str_bytes(f)) != SIZE_MAX);
	lm_arena_reset(a, m);
	return yes;
}

/* ---- passes ---- */

enum lm_rc lm_each_sighting(struct lm_products *p, lm_sight_fn *fn, void *user)
{
	sqlite3_stmt *st =
		lm_db_get(p->c, "SELECT _ident, _time, sha256, path, vendor, product, version, size, _ev, _off, _len,"
				" _rec, _id FROM obs_file_sighting WHERE path IS NOT NULL OR product IS NOT NULL");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	while (lm_db_row(p->c, st, &rc)) {
		struct lm_sight s = { .sha256 = lm_col_bytes(st, 2),
				      .path = lm_col_str(st, 3),
				      .vendor = lm_col_str(st, 4),
				      .product = lm_col_str(st, 5),
				      .version = lm_col_str(st, 6),
				      .size = lm_col_int(st, 7) };
		s.at = (struct lm_place){
			sqlite3_column_int64(st, 8), sqlite3_column_int64(st, 9), sqlite3_column_int64(st, 10),
			lm_col_int(st, 11),	     lm_col_int(st, 1),		  { 0 }
		};
		struct lm_bytes id = lm_col_bytes(st, 12);
		memcpy(s.at.id, id.p, id.n < 16 ? id.n : 16);
		s.host = lm_ident_host(p->c, sqlite3_column_int64(st, 0), s.at.time);
		if (s.sha256.n != 32)
			s.sha256 = (struct lm_bytes){ 0 };
		rc = fn(p, &s, user);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(p->c, st);
	return rc;
}

static enum lm_rc load_exes(struct lm_products *p)
{
	/* several rows for one content (a reader that changed): the smallest id speaks */
	sqlite3_stmt *st =
		lm_db_get(p->c, "SELECT p.sha256, p.company, p.product, coalesce(p.product_version, p.file_version),"
				" coalesce((SELECT max(f.size) FROM obs_file_content f WHERE f.sha256 = p.sha256), 0),"
				" EXISTS(SELECT 1 FROM obs_signature s WHERE s.sha256 = p.sha256)"
				" FROM obs_pe_image p WHERE length(p.sha256) = 32 AND NOT coalesce(p.is_dll, 0)"
				" AND p.product <> '' ORDER BY p._id");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	while (lm_db_row(p->c, st, &rc)) {
		bool added;
		struct lm_map_entry *e = lm_map_add(&p->exes, lm_bytes_str(lm_col_bytes(st, 0)), &added);
		struct lm_exe *x = added ? lm_arena_alloc(&p->a, sizeof *x) : NULL;
		if (!added)
			continue;
		if (!x) {
			rc = lm_case_fail(p->c, LM_ELIMIT, "cannot work out releases: out of memory");
			break;
		}
		x->vendor = lm_arena_str(&p->a, lm_str_trim(lm_col_str(st, 1)));
		x->product = lm_arena_str(&p->a, lm_str_trim(lm_col_str(st, 2)));
		x->version = lm_arena_str(&p->a, lm_str_trim(lm_col_str(st, 3)));
		x->size = sqlite3_column_int64(st, 4);
		x->is_signed = sqlite3_column_int(st, 5);
		e->v.ptr = x;
	}
	lm_db_put(p->c, st);
	return rc;
}

static enum lm_rc on_installed(void *user, const struct lm_stored *s)
{
	struct lm_products *p = user;
	const struct lm_obs_product_installed *i = &s->obs.product_installed;
	if (!s->host)
		return LM_OK;
	struct lm_place at = { .off = (int64_t)s->obs.at.offset,
			       .len = (int64_t)s->obs.at.length,
			       .rec = s->obs.at.record,
			       .time = s->obs.time };
	memcpy(at.id, s->id, sizeof at.id);
	sqlite3_stmt *st = lm_db_get(p->c, "SELECT _ev FROM obs_product_installed WHERE _id = ?1");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	sqlite3_bind_blob(st, 1, s->id, 16, SQLITE_STATIC);
	if (lm_db_row(p->c, st, &rc))
		at.ev = sqlite3_column_int64(st, 0);
	lm_db_put(p->c, st);
	struct lm_str words = lm_arena_fmt(&p->a, "inventory: listed as installed%s%.*s",
					   i->source.n ? ", source " : "", LM_STR_ARG(i->source));
	size_t r = lm_release_add(p, s->host->id, i->vendor, i->product, i->version, i->path, LM_BASIS_INVENTORY, words,
				  &at);
	if (r != SIZE_MAX && i->path.n)
		cover(p, s->host->id, lm_str_trim(i->path), p->rels[r].group);
	return LM_OK;
}

/* The best program file of one possible install folder. */
struct candidate {
	int64_t host;
	struct lm_str dir, base, version; /* version: of an app-1.2.3 folder */
	const struct lm_exe *exe;
	int64_t size;
	struct lm_place at;
	uint8_t sha256[32];
};

struct pass {
	struct lm_map candidates; /* host, folder -> struct candidate */
	struct lm_map bundles;	  /* host, bundle -> struct candidate */
};

static bool better(const struct candidate *old, const struct lm_exe *x, int64_t size, const struct lm_sight *s)
{
	if (old->exe->is_signed != x->is_signed)
		return x->is_signed;
	if (old->size != size)
		return size > old->size;
	int by = memcmp(s->sha256.p, old->sha256, 32);
	return by < 0 || (by == 0 && memcmp(s->at.id, old->at.id, 16) < 0);
}

static enum lm_rc consider(struct lm_products *p, struct lm_map *into, const struct lm_sight *s, struct lm_str dir,
			   const struct lm_exe *x, struct lm_str version)
{
	struct lm_buf b;
	bool added;
	lm_buf_init(&b, 1 << 20);
	struct lm_map_entry *e = lm_map_add(into, dir_key(&b, s->host, dir), &added);
	lm_buf_fini(&b);
	struct candidate *c = e->v.ptr;
	int64_t size = x && x->size ? x->size : s->size.set ? s->size.v : 0;
	bool take = added || (x ? better(c, x, size, s) : memcmp(s->at.id, c->at.id, 16) < 0);
	if (added)
		c = e->v.ptr = lm_arena_alloc(&p->a, sizeof *c);
	if (!c)
		return lm_case_fail(p->c, LM_ELIMIT, "cannot work out releases: out of memory");
	if (!take)
		return LM_OK;
	*c = (struct candidate){ .host = s->host, .exe = x, .size = size, .at = s->at };
	c->dir = lm_arena_str(&p->a, dir);
	c->base = lm_arena_str(&p->a, lm_path_base(s->path));
	c->version = lm_arena_str(&p->a, version);
	if (s->sha256.p)
		memcpy(c->sha256, s->sha256.p, 32);
	return LM_OK;
}

/* /Applications/X.app/..., also below a home folder. */
static struct lm_str bundle_of(struct lm_str path)
{
	size_t at = find_ci(path, "/Applications/");
	if (at == SIZE_MAX)
		return (struct lm_str){ 0 };
	size_t from = at + strlen("/Applications/"), end = find_ci(lm_str_part(path, from, path.n), ".app/");
	return end == SIZE_MAX || !end ? (struct lm_str){ 0 } : lm_str_part(path, 0, from + end + 4);
}

static enum lm_rc on_sighting(struct lm_products *p, const struct lm_sight *s, void *user)
{
	struct pass *pass = user;
	enum lm_rc rc = LM_OK;
	if (s->host && lm_str_trim(s->product).n) {
		struct lm_buf words;
		lm_buf_init(&words, 1 << 20);
		lm_buf_fmt(&words, "inventory: the list of files names it as the release of %.*s",
			   LM_STR_ARG(lm_path_base(s->path)));
		lm_release_add(p, s->host, s->vendor, s->product, s->version, (struct lm_str){ 0 }, LM_BASIS_FILE_LIST,
			       lm_buf_view(&words), &s->at);
		lm_buf_fini(&words);
	}
	struct lm_str bundle = s->host && s->path.n ? bundle_of(s->path) : (struct lm_str){ 0 };
	if (bundle.n)
		rc = consider(p, &pass->bundles, s, bundle, NULL, (struct lm_str){ 0 });
	const struct lm_map_entry *e =
		rc == LM_OK && s->sha256.p ? lm_map_find(&p->exes, lm_bytes_str(s->sha256)) : NULL;
	struct roots roots;
	if (!e)
		return rc;
	const struct lm_exe *x = e->v.ptr;
	roots_of(s->path, &roots);
	for (size_t i = 0; rc == LM_OK && i < roots.n; i++)
		if (resembles(&p->a, roots.name[i], x->product))
			return consider(p, &pass->candidates, s, roots.dir[i], x, roots.version);
	return rc;
}

static int cmp_candidate(const void *x, const void *y)
{
	const struct candidate *a = *(struct candidate *const *)x, *b = *(struct candidate *const *)y;
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	return lm_str_cmp(a->dir, b->dir);
}

static struct candidate **in_order(const struct lm_map *m)
{
	struct candidate **v = lm_xalloc((m->n + 1) * sizeof(struct candidate *));
	for (size_t i = 0; i < m->n; i++)
		v[i] = m->entries[i].v.ptr;
	if (m->n)
		qsort(v, m->n, sizeof *v, cmp_candidate);
	return v;
}

static void settle_folders(struct lm_products *p, const struct pass *pass)
{
	struct candidate **v = in_order(&pass->candidates);
	struct lm_str none = { 0 };
	for (size_t i = 0; i < pass->candidates.n; i++) {
		const struct candidate *c = v[i];
		struct lm_str version = c->version.n ? c->version : c->exe->version;
		/* a folder inside one that an inventory names is part of that release, which may lack its version */
		struct lm_str inside = lm_arena_fmt(&p->a, "%.*s\\*", LM_STR_ARG(c->dir));
		uint32_t covered = lm_release_covering(p, c->host, inside);
		struct lm_str product = c->exe->product;
		if (covered && p->groups[covered - 1].shown.n)
			continue;
		if (covered)
			product = p->products[p->groups[covered - 1].product].shown;
		struct lm_str words = lm_arena_fmt(&p->a, "install folder: version resource of %s%.*s%s",
						   c->exe->is_signed ? "the signed " : "", LM_STR_ARG(c->base),
						   c->version.n ? ", version of the folder's name" : "");
		size_t r = lm_release_add(p, c->host, c->exe->vendor, product, version, c->dir, LM_BASIS_FOLDER, words,
					  &c->at);
		if (r != SIZE_MAX)
			cover(p, c->host, c->dir, p->rels[r].group);
	}
	free(v);
	v = in_order(&pass->bundles);
	for (size_t i = 0; i < pass->bundles.n; i++) {
		const struct candidate *c = v[i];
		struct lm_str name = lm_path_base(c->dir);
		name.n -= name.n > 4 ? 4 : 0;
		if (lm_release_covering(p, c->host, lm_arena_fmt(&p->a, "%.*s/*", LM_STR_ARG(c->dir))))
			continue;
		uint32_t product = product_of(p, name, none);
		if (lm_release_has(p, c->host, product)) { /* somebody better named it: the bundle is where it lies */
			size_t only = SIZE_MAX, n = 0;
			for (size_t k = 0; k < p->n_rels; k++)
				if (p->rels[k].host == c->host && p->groups[p->rels[k].group].product == product)
					only = k, n++;
			if (n == 1) {
				keep_smaller(p, &p->rels[only].path, c->dir);
				cover(p, c->host, c->dir, p->rels[only].group);
			}
			continue;
		}
		struct lm_str words = lm_arena_fmt(&p->a, "bundle: %.*s", LM_STR_ARG(c->dir));
		size_t r = lm_release_add(p, c->host, none, name, none, c->dir, LM_BASIS_BUNDLE, words, &c->at);
		if (r != SIZE_MAX)
			cover(p, c->host, c->dir, p->rels[r].group);
	}
	free(v);
}

/* A release without a version says nothing beside one of the same product on the same host that has it. */
static void drop_versionless(struct lm_products *p)
{
	struct lm_map versioned; /* host, product -> group + 1; 0 = several */
	uint64_t pair[2];
	bool added;
	lm_map_init(&versioned);
	for (size_t i = 0; i < p->n_rels; i++) {
		const struct lm_group *g = &p->groups[p->rels[i].group];
		if (!g->shown.n)
			continue;
		struct lm_map_entry *e =
			lm_map_add(&versioned, key2(pair, (uint64_t)p->rels[i].host, g->product), &added);
		e->v.num = added ? p->rels[i].group + 1 : 0;
	}
	struct lm_map moved; /* host, group -> group + 1 */
	lm_map_init(&moved);
	for (size_t i = 0; i < p->n_rels; i++) {
		const struct lm_group *g = &p->groups[p->rels[i].group];
		const struct lm_map_entry *e =
			g->shown.n ? NULL : lm_map_find(&versioned, key2(pair, (uint64_t)p->rels[i].host, g->product));
		if (!e)
			continue;
		p->rels[i].dropped = true;
		lm_map_add(&moved, key2(pair, (uint64_t)p->rels[i].host, p->rels[i].group), NULL)->v.num = e->v.num;
		const struct lm_map_entry *to =
			e->v.num ? lm_map_find(&p->rel_ids, key2(pair, (uint64_t)p->rels[i].host, e->v.num - 1)) : NULL;
		if (to) { /* what the one without a version knew stays */
			keep_smaller(p, &p->rels[to->v.num].vendor, p->rels[i].vendor);
			keep_smaller(p, &p->rels[to->v.num].path, p->rels[i].path);
		}
	}
	for (size_t i = 0; moved.n && i < p->dirs.n; i++) {
		struct lm_str key = p->dirs.entries[i].key;
		int64_t host = 0;
		(void)lm_str_i64(lm_str_part(key, 0, lm_str_find(key, '\n', 0)), &host);
		const struct lm_map_entry *e =
			p->dirs.entries[i].v.num
				? lm_map_find(&moved, key2(pair, (uint64_t)host, p->dirs.entries[i].v.num - 1))
				: NULL;
		if (e && e->v.num)
			p->dirs.entries[i].v.num = e->v.num;
	}
	lm_map_fini(&moved);
	lm_map_fini(&versioned);
}

enum lm_rc lm_release_gather(struct lm_products *p)
{
	struct pass pass;
	lm_map_init(&pass.candidates);
	lm_map_init(&pass.bundles);
	enum lm_rc rc = load_exes(p);
	if (rc == LM_OK)
		rc = lm_case_fetch(p->c, LM_K_product_installed, NULL, 0, on_installed, p);
	if (rc == LM_OK)
		rc = lm_each_sighting(p, on_sighting, &pass);
	if (rc == LM_OK) {
		settle_folders(p, &pass);
		drop_versionless(p);
	}
	lm_map_fini(&pass.candidates);
	lm_map_fini(&pass.bundles);
	return rc;
}
