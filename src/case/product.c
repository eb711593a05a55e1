/* SPDX-License-Identifier: Apache-2.0 */
/*
 * product.c - names of products and versions, the tables of releases, and the questions about them.
 *
 * In: what release.c and content.c worked out. Out: releases per host, releases per content, the subject product's
 * release of each host. Limits: a product is its name; two products of different vendors under one name are one.
 */
#include "case/product_priv.h"
#include "base/text.h"

#include <stdlib.h>

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool arch_word(struct lm_str w)
{
	static const char *const words[] = { "x64",   "x86",   "x86_64", "amd64", "arm64", "64-bit", "32-bit",
					     "64bit", "32bit", "win64",	 "win32", "ia32",  "en-us",  "multilingual" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (lm_str_eq_ci(w, lm_cstr(words[i])))
			return true;
	return false;
}

/* Is w the version, or its beginning up to a dot? */
static bool version_word(struct lm_str w, struct lm_str version)
{
	if (w.n > 1 && (w.p[0] == 'v' || w.p[0] == 'V') && is_digit(w.p[1]))
		w = lm_str_part(w, 1, w.n);
	return w.n && is_digit(w.p[0]) && version.n >= w.n && memcmp(w.p, version.p, w.n) == 0 &&
	       (version.n == w.n || version.p[w.n] == '.');
}

static bool trailing_group(struct lm_str in, struct lm_str version)
{
	struct lm_str word;
	bool any = false;
	while (lm_str_split(&in, ' ', &word)) {
		if (!word.n)
			continue;
		if (!arch_word(word) && !version_word(word, version))
			return false;
		any = true;
	}
	return any;
}

struct lm_str lm_product_stem(struct lm_str name, struct lm_str version)
{
	name = lm_str_trim(name);
	version = lm_str_trim(version);
	for (;;) {
		size_t at;
		struct lm_str last;
		if (name.n && name.p[name.n - 1] == ')' && (at = lm_str_rfind(name, '(')) != SIZE_MAX)
			last = lm_str_part(name, at + 1, name.n - 1);
		else if ((at = lm_str_rfind(name, ' ')) != SIZE_MAX)
			last = lm_str_part(name, at + 1, name.n);
		else
			return name;
		struct lm_str left = lm_str_trim(lm_str_part(name, 0, at));
		while (left.n && (left.p[left.n - 1] == '-' || left.p[left.n - 1] == ',')) /* "7-Zip - x64" */
			left = lm_str_trim(lm_str_part(left, 0, left.n - 1));
		if (!left.n || !trailing_group(last, version))
			return name;
		name = left;
	}
}

struct lm_str lm_product_key(struct lm_arena *a, struct lm_str name, struct lm_str version)
{
	struct lm_str stem = lm_product_stem(name, version);
	char *out = lm_arena_alloc(a, stem.n + 1);
	size_t n = 0;
	for (size_t i = 0; out && i < stem.n; i++) {
		char ch = stem.p[i];
		/* '+' and '#' tell products apart (Notepad, Notepad++); spaces and dashes do not (3CX Desktop App,
		 * 3CXDesktopApp) */
		if (strchr(" -_.,()'\"", ch) && ch)
			continue;
		if ((unsigned char)ch == 0xc2 && i + 1 < stem.n && (unsigned char)stem.p[i + 1] == 0xae) { /* (R) */
			i++;
			continue;
		}
		out[n++] = ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
	}
	if (!n) /* a name of marks alone is its own key */
		return lm_str_lower(a, stem);
	return (struct lm_str){ out, n };
}

struct lm_str lm_version_key(struct lm_arena *a, struct lm_str version)
{
	struct lm_buf b;
	version = lm_str_trim(version);
	if (!version.n)
		return LM_STR("");
	while (version.n > 2 && version.p[version.n - 1] == '0' && version.p[version.n - 2] == '.')
		version.n -= 2;
	lm_buf_init(&b, 1 << 16);
	for (size_t i = 0; i < version.n;) {
		size_t digits = 0;
		while (i + digits < version.n && is_digit(version.p[i + digits]))
			digits++;
		if (!digits) {
			char ch = version.p[i++];
			lm_buf_putc(&b, ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch);
			continue;
		}
		size_t zeros = 0;
		while (zeros + 1 < digits && version.p[i + zeros] == '0')
			zeros++;
		for (size_t pad = digits - zeros; pad < 12; pad++)
			lm_buf_putc(&b, '0');
		lm_buf_add(&b, version.p + i + zeros, digits - zeros);
		i += digits;
	}
	struct lm_str key = lm_arena_str(a, lm_buf_view(&b));
	lm_buf_fini(&b);
	return key;
}

/* ---- tables ---- */

static enum lm_rc write_release(struct lm_products *p, const struct lm_rel *r)
{
	const struct lm_group *g = &p->groups[r->group];
	const struct lm_product *pr = &p->products[g->product];
	sqlite3_stmt *st =
		lm_db_get(p->c, "INSERT INTO release(host, product_key, version_key, vendor, product, version, path,"
				" basis, time, ev, off, len, rec) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
				" ?12, ?13)");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, r->host);
	lm_bind_str(st, 2, pr->key);
	lm_bind_str(st, 3, g->key);
	lm_bind_str(st, 4, r->vendor);
	lm_bind_str(st, 5, pr->shown);
	lm_bind_str(st, 6, g->shown);
	lm_bind_str(st, 7, r->path);
	lm_bind_str(st, 8, r->words);
	lm_bind_int(st, 9, r->at.time);
	sqlite3_bind_int64(st, 10, r->at.ev);
	sqlite3_bind_int64(st, 11, r->at.off);
	sqlite3_bind_int64(st, 12, r->at.len);
	lm_bind_int(st, 13, r->at.rec);
	return lm_db_write(p->c, st);
}

/* Does a name of the setting "subject" (a glob, or a product's name) mean this product? */
static bool is_subject(struct lm_arena *a, struct lm_str subjects, struct lm_str product, struct lm_str key)
{
	struct lm_str one;
	while (lm_str_split(&subjects, ';', &one)) {
		one = lm_str_trim(one);
		if (one.n &&
		    (lm_str_glob(one, product) || lm_str_eq(lm_product_key(a, one, (struct lm_str){ 0 }), key)))
			return true;
	}
	return false;
}

enum lm_rc lm_product_subject(struct lm_case *c, struct lm_str subjects)
{
	enum lm_rc rc = lm_hosts_load(c);
	/* newest version last, so that it stands */
	sqlite3_stmt *st = rc == LM_OK ? lm_db_get(c, "SELECT host, product, version, product_key FROM release"
						      " ORDER BY host, product_key DESC, version_key")
				       : NULL;
	if (!st)
		return rc == LM_OK ? LM_EDB : rc;
	for (size_t i = 0; i < c->n_hosts; i++)
		c->hosts[i].product = c->hosts[i].version = (struct lm_str){ 0 };
	struct lm_arena a;
	lm_arena_init(&a, LM_CASE_ROOM);
	while (subjects.n && lm_db_row(c, st, &rc)) {
		int64_t host = sqlite3_column_int64(st, 0);
		struct lm_arena_mark m = lm_arena_mark(&a);
		if (host > 0 && (uint64_t)host <= c->n_hosts &&
		    is_subject(&a, subjects, lm_col_str(st, 1), lm_col_str(st, 3))) {
			c->hosts[host - 1].product = lm_arena_str(&c->host_text, lm_col_str(st, 1));
			c->hosts[host - 1].version = lm_arena_str(&c->host_text, lm_col_str(st, 2));
		}
		lm_arena_reset(&a, m);
	}
	lm_arena_fini(&a);
	lm_db_put(c, st);
	if (rc == LM_OK)
		rc = lm_db_exec(c, "UPDATE host SET product = NULL, version = NULL WHERE product IS NOT NULL");
	for (size_t i = 0; rc == LM_OK && i < c->n_hosts; i++) {
		if (!c->hosts[i].product.p)
			continue;
		st = lm_db_get(c, "UPDATE host SET product = ?2, version = ?3 WHERE id = ?1");
		if (!st)
			return LM_EDB;
		sqlite3_bind_int64(st, 1, (int64_t)i + 1);
		lm_bind_str(st, 2, c->hosts[i].product);
		lm_bind_str(st, 3, c->hosts[i].version);
		rc = lm_db_write(c, st);
	}
	return rc;
}

static void products_fini(struct lm_products *p)
{
	lm_map_fini(&p->product_ids);
	lm_map_fini(&p->group_ids);
	lm_map_fini(&p->rel_ids);
	lm_map_fini(&p->host_products);
	lm_map_fini(&p->dirs);
	lm_map_fini(&p->exes);
	free(p->products);
	free(p->groups);
	free(p->rels);
	lm_arena_fini(&p->a);
}

enum lm_rc lm_product_resolve(struct lm_case *c)
{
	struct lm_products p = { .c = c };
	lm_arena_init(&p.a, LM_CASE_ROOM);
	lm_map_init(&p.product_ids);
	lm_map_init(&p.group_ids);
	lm_map_init(&p.rel_ids);
	lm_map_init(&p.host_products);
	lm_map_init(&p.dirs);
	lm_map_init(&p.exes);
	enum lm_rc rc = lm_db_exec(c, "DELETE FROM release; DELETE FROM content_release");
	if (rc == LM_OK)
		rc = lm_release_gather(&p);
	if (rc == LM_OK)
		rc = lm_content_resolve(&p);
	if (rc == LM_OK && p.a.spent)
		rc = lm_case_fail(c, LM_ELIMIT, "cannot work out releases: out of memory");
	for (size_t i = 0; rc == LM_OK && i < p.n_rels; i++)
		if (!p.rels[i].dropped)
			rc = write_release(&p, &p.rels[i]);
	if (rc == LM_OK)
		rc = lm_product_subject(c, lm_case_get(c, "subject", &p.a));
	products_fini(&p);
	return rc;
}

/* ---- questions ---- */

enum lm_rc lm_case_installed(struct lm_case *c, struct lm_str product, lm_installed_fn *fn, void *user)
{
	struct lm_arena a;
	lm_arena_init(&a, LM_CASE_ROOM);
	enum lm_rc rc = lm_hosts_load(c);
	struct lm_str key = product.p ? lm_product_key(&a, product, (struct lm_str){ 0 }) : (struct lm_str){ 0 };
	sqlite3_stmt *st =
		rc == LM_OK ? lm_db_get(c, "SELECT host, vendor, product, version, path, basis, time, ev, off, len, rec"
					   " FROM release WHERE (?1 IS NULL OR product_key = ?1)"
					   " ORDER BY product, host, version_key, version")
			    : NULL;
	if (!st) {
		lm_arena_fini(&a);
		return rc == LM_OK ? LM_EDB : rc;
	}
	lm_bind_str(st, 1, key);
	while (lm_db_row(c, st, &rc)) {
		struct lm_installed i = { .host = lm_case_host(c, sqlite3_column_int64(st, 0)),
					  .vendor = lm_col_str(st, 1),
					  .product = lm_col_str(st, 2),
					  .version = lm_col_str(st, 3),
					  .path = lm_col_str(st, 4),
					  .basis = lm_col_str(st, 5),
					  .time = lm_col_int(st, 6) };
		const struct lm_cite *cite = lm_cite(c, sqlite3_column_int64(st, 7));
		if (!cite) {
			rc = LM_EDB;
			break;
		}
		memcpy(i.evidence.sha256, cite->sha256, sizeof i.evidence.sha256);
		i.evidence.path = cite->path;
		i.evidence.offset = (uint64_t)sqlite3_column_int64(st, 8);
		i.evidence.length = (uint64_t)sqlite3_column_int64(st, 9);
		i.evidence.record = lm_col_int(st, 10);
		rc = fn(user, &i);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	lm_arena_fini(&a);
	return rc == LM_END ? LM_OK : rc;
}

enum lm_rc lm_case_content_products(struct lm_case *c, const uint8_t sha256[32], lm_content_product_fn *fn, void *user)
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT vendor, product, version, hosts FROM content_release WHERE sha256 = ?1"
					" ORDER BY product_key, version_key");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	sqlite3_bind_blob(st, 1, sha256, 32, SQLITE_STATIC);
	while (lm_db_row(c, st, &rc)) {
		struct lm_content_product p = { lm_col_str(st, 0), lm_col_str(st, 1), lm_col_str(st, 2),
						(uint64_t)sqlite3_column_int64(st, 3) };
		rc = fn(user, &p);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	return rc == LM_END ? LM_OK : rc;
}
