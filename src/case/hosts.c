/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts.c - resolve as a whole, resolved hosts in memory, finding one by any name, the user's words.
 *
 * In: the case. Out: hosts that live until the next resolve. A word (merge, split) is stored, not carried out:
 * resolve applies all words to what evidence says, so taking a word back loses nothing.
 */
#include "case/identity_priv.h"
#include "base/text.h"

#include <stdlib.h>

void lm_hosts_forget(struct lm_case *c)
{
	for (size_t i = 0; i < c->n_idents; i++) {
		c->idents[i].host = 0;
		c->idents[i].pieces = NULL;
		c->idents[i].n_pieces = 0;
	}
	lm_map_fini(&c->host_keys);
	lm_map_init(&c->host_keys);
	free(c->hosts);
	c->hosts = NULL;
	c->n_hosts = 0;
	lm_arena_fini(&c->host_text);
	lm_arena_init(&c->host_text, LM_CASE_ROOM);
	c->hosts_loaded = false;
}

static enum lm_rc load_hosts(struct lm_case *c)
{
	struct lm_arena *a = &c->host_text;
	size_t n = (size_t)lm_db_int(c, "SELECT count(*) FROM host", 0);
	c->hosts = lm_xalloc((n + 1) * sizeof *c->hosts);
	sqlite3_stmt *st =
		lm_db_get(c, "SELECT id, kind, name, org, country, sector, os, role, country_source, listed, seen,"
			     " resolved, product, version FROM host ORDER BY id");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	while (lm_db_row(c, st, &rc)) {
		if (sqlite3_column_int64(st, 0) != (int64_t)c->n_hosts + 1 || c->n_hosts >= n) {
			rc = lm_case_fail(c, LM_EDB, "cannot read case: its hosts are not whole; resolve again");
			break;
		}
		struct lm_host *h = &c->hosts[c->n_hosts++];
		*h = (struct lm_host){ .id = sqlite3_column_int64(st, 0),
				       .kind = (enum lm_host_kind)sqlite3_column_int(st, 1) };
		struct lm_str *const text[] = { &h->name, &h->org,  &h->country,       &h->sector,
						&h->os,	  &h->role, &h->country_source };
		for (int i = 0; i < 7; i++)
			*text[i] = lm_arena_str(a, lm_col_str(st, 2 + i));
		h->listed = sqlite3_column_int(st, 9);
		h->seen = sqlite3_column_int(st, 10);
		h->resolved = lm_arena_str(a, lm_col_str(st, 11));
		h->product = lm_arena_str(a, lm_col_str(st, 12));
		h->version = lm_arena_str(a, lm_col_str(st, 13));
	}
	lm_db_put(c, st);
	return rc;
}

static enum lm_rc load_aliases(struct lm_case *c)
{
	struct lm_arena *a = &c->host_text;
	size_t n = (size_t)lm_db_int(c, "SELECT count(*) FROM host_name", 0), k = 0;
	struct lm_alias *all = lm_arena_calloc(a, n + 1, sizeof *all);
	sqlite3_stmt *st =
		lm_db_get(c, "SELECT host, kind, value, from_ns, to_ns, source, note FROM host_name ORDER BY host, i");
	enum lm_rc rc;
	if (!st || !all) {
		lm_db_put(c, st);
		return LM_EDB;
	}
	while (lm_db_row(c, st, &rc)) {
		int64_t host = sqlite3_column_int64(st, 0);
		if (k >= n || host < 1 || (uint64_t)host > c->n_hosts)
			continue;
		struct lm_host *h = &c->hosts[host - 1];
		if (!h->n_aliases)
			h->aliases = &all[k];
		h->n_aliases++;
		all[k++] = (struct lm_alias){ lm_arena_str(a, lm_col_str(st, 1)),
					      lm_arena_str(a, lm_col_str(st, 2)),
					      lm_col_int(st, 3),
					      lm_col_int(st, 4),
					      (enum lm_ident_source)sqlite3_column_int(st, 5),
					      lm_arena_str(a, lm_col_str(st, 6)) };
	}
	lm_db_put(c, st);
	return rc;
}

static enum lm_rc load_keys(struct lm_case *c)
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT key, host FROM host_key ORDER BY key");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	while (lm_db_row(c, st, &rc))
		lm_map_add(&c->host_keys, lm_col_str(st, 0), NULL)->v.num = (uint64_t)sqlite3_column_int64(st, 1);
	lm_db_put(c, st);
	return rc;
}

static enum lm_rc load_idents(struct lm_case *c)
{
	enum lm_rc rc = lm_ident_load(c);
	sqlite3_stmt *st = rc == LM_OK ? lm_db_get(c, "SELECT id, host FROM ident WHERE host IS NOT NULL") : NULL;
	if (!st)
		return LM_EDB;
	while (lm_db_row(c, st, &rc)) {
		int64_t id = sqlite3_column_int64(st, 0);
		if (lm_ident_row(c, id))
			c->idents[id - 1].host = sqlite3_column_int64(st, 1);
	}
	lm_db_put(c, st);
	if (rc != LM_OK)
		return rc;
	size_t n = (size_t)lm_db_int(c, "SELECT count(*) FROM ident_piece", 0), k = 0;
	struct lm_piece *all = lm_arena_calloc(&c->host_text, n + 1, sizeof *all);
	st = all ? lm_db_get(c, "SELECT ident, from_ns, to_ns, host FROM ident_piece ORDER BY ident, from_ns") : NULL;
	if (!st)
		return LM_EDB;
	while (lm_db_row(c, st, &rc)) {
		int64_t id = sqlite3_column_int64(st, 0);
		if (!lm_ident_row(c, id) || k >= n)
			continue;
		struct lm_ident_row *r = &c->idents[id - 1];
		if (!r->n_pieces)
			r->pieces = &all[k];
		r->n_pieces++;
		all[k++] = (struct lm_piece){ sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2),
					      sqlite3_column_int64(st, 3) };
	}
	lm_db_put(c, st);
	return rc;
}

enum lm_rc lm_hosts_load(struct lm_case *c)
{
	if (c->hosts_loaded)
		return LM_OK;
	lm_hosts_forget(c);
	enum lm_rc rc = load_hosts(c);
	if (rc == LM_OK)
		rc = load_aliases(c);
	if (rc == LM_OK)
		rc = load_keys(c);
	if (rc == LM_OK)
		rc = load_idents(c);
	if (rc == LM_OK && c->host_text.spent)
		rc = lm_case_fail(c, LM_ELIMIT, "cannot load hosts: out of memory");
	if (rc != LM_OK)
		lm_hosts_forget(c);
	c->hosts_loaded = rc == LM_OK;
	return rc;
}

/* What results refer to hosts by. */
static enum lm_rc hosts_digest(struct lm_case *c, uint8_t out[32])
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT id, name FROM host ORDER BY id");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	lm_sha_begin(c);
	while (lm_db_row(c, st, &rc)) {
		lm_sha_u64(c, (uint64_t)sqlite3_column_int64(st, 0));
		lm_sha_str(c, lm_col_str(st, 1));
	}
	lm_sha_end(c, out);
	lm_db_put(c, st);
	return rc;
}

static enum lm_rc resolve_hosts(struct lm_case *c, const struct lm_geo *geo)
{
	struct lm_build b = { .c = c };
	uint8_t before[32], after[32];
	enum lm_rc rc = hosts_digest(c, before);
	lm_hosts_forget(c);
	c->hosts_loaded = true; /* none, so that the observations read now have no host */
	if (rc == LM_OK)
		rc = lm_build_gather(&b);
	if (rc == LM_OK)
		rc = lm_build_join(&b);
	if (rc == LM_OK)
		rc = lm_hosts_emit(&b, geo);
	lm_build_fini(&b);
	c->hosts_loaded = false;
	if (rc == LM_OK)
		rc = hosts_digest(c, after);
	if (rc == LM_OK && memcmp(before, after, 32) != 0)
		rc = lm_case_results_clear(c);
	return rc == LM_OK ? lm_hosts_load(c) : rc;
}

static enum lm_rc resolve_all(struct lm_case *c, const struct lm_geo *geo)
{
	enum lm_rc rc = lm_store_indexes(c);
	if (rc == LM_OK)
		rc = lm_store_fold(c);
	if (rc == LM_OK)
		rc = resolve_hosts(c, geo);
	return rc == LM_OK ? lm_product_resolve(c) : rc;
}

enum lm_rc lm_case_resolve(struct lm_case *c, const struct lm_geo *geo)
{
	/* what was put stands by itself: a resolve that fails takes back its own work alone */
	enum lm_rc rc = lm_case_commit(c);
	if (rc == LM_OK)
		rc = lm_ident_load(c);
	if (rc == LM_OK)
		rc = lm_db_begin(c);
	if (rc != LM_OK)
		return rc;
	rc = resolve_all(c, geo);
	if (rc == LM_OK)
		return lm_case_commit(c);
	lm_db_forget(c);
	sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
	c->in_batch = false;
	lm_hosts_forget(c);
	lm_cite_forget(c);
	return rc;
}

const struct lm_host *lm_case_hosts(struct lm_case *c, size_t *n)
{
	*n = 0;
	if (lm_hosts_load(c) != LM_OK)
		return NULL;
	*n = c->n_hosts;
	return c->hosts;
}

const struct lm_host *lm_case_host(struct lm_case *c, int64_t id)
{
	if (id <= 0 || (!c->hosts_loaded && lm_hosts_load(c) != LM_OK) || (uint64_t)id > c->n_hosts)
		return NULL;
	return &c->hosts[id - 1];
}

/* Normal key text of an alias that stands in the case ("n:ws01"); unset when none does. */
static struct lm_str known_key(struct lm_case *c, struct lm_arena *a, struct lm_str alias)
{
	const struct lm_str forms[] = { lm_norm_name(a, alias), lm_norm_device(a, alias), lm_norm_address(a, alias),
					lm_str_lower(a, lm_str_trim(alias)) };
	static const char types[] = "nda=";
	for (size_t i = 0; i < 4; i++) {
		struct lm_str key = forms[i].n ? lm_arena_fmt(a, "%c:%.*s", types[i], LM_STR_ARG(forms[i])) : forms[i];
		if (key.n && lm_map_find(&c->host_keys, key))
			return key;
	}
	return (struct lm_str){ 0 };
}

const struct lm_host *lm_case_host_find(struct lm_case *c, struct lm_str alias)
{
	struct lm_arena a;
	if (!alias.n || lm_hosts_load(c) != LM_OK)
		return NULL;
	lm_arena_init(&a, 1 << 20);
	struct lm_str key = known_key(c, &a, alias);
	const struct lm_map_entry *e = key.n ? lm_map_find(&c->host_keys, key) : NULL;
	const struct lm_host *h = e ? lm_case_host(c, (int64_t)e->v.num) : NULL;
	lm_arena_fini(&a);
	return h;
}

/* The alias as a word keeps it: the normal form; of a name made for printing, the host's first alias. */
static struct lm_str word_alias(struct lm_case *c, struct lm_arena *a, struct lm_str alias)
{
	struct lm_str key = known_key(c, a, alias);
	if (!key.n)
		return key;
	if (key.p[0] != '=')
		return lm_str_part(key, 2, key.n);
	const struct lm_host *h = lm_case_host_find(c, alias);
	key = h && h->n_aliases ? known_key(c, a, h->aliases[0].value) : (struct lm_str){ 0 };
	return key.n ? lm_str_part(key, 2, key.n) : key;
}

static bool word_stands(struct lm_case *c, const char *kind, struct lm_str a, struct lm_str b)
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT 1 FROM word WHERE kind = ?1 AND a = ?2 AND b = ?3");
	enum lm_rc rc;
	if (!st)
		return false;
	lm_bind_str(st, 1, lm_cstr(kind));
	lm_bind_str(st, 2, a);
	lm_bind_str(st, 3, b);
	bool stands = lm_db_row(c, st, &rc);
	lm_db_put(c, st);
	return stands;
}

static enum lm_rc write_word(struct lm_case *c, const char *kind, struct lm_str a, struct lm_str b,
			     struct lm_str reason, bool undo)
{
	sqlite3_stmt *st =
		undo ? lm_db_get(c, "DELETE FROM word WHERE kind = ?1 AND a = ?2 AND b = ?3 AND ?4 IS ?4")
		     : lm_db_get(c, "INSERT OR REPLACE INTO word(kind, a, b, reason) VALUES(?1, ?2, ?3, ?4)");
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, lm_cstr(kind));
	lm_bind_str(st, 2, a);
	lm_bind_str(st, 3, b);
	lm_bind_str(st, 4, reason);
	enum lm_rc rc = lm_db_write(c, st);
	struct lm_buf log;
	lm_buf_init(&log, 1 << 16);
	lm_buf_fmt(&log, "%s%s '%.*s' and '%.*s': %.*s", undo ? "undo " : "", kind, LM_STR_ARG(a), LM_STR_ARG(b),
		   LM_STR_ARG(reason));
	if (rc == LM_OK)
		rc = lm_case_log(c, "word", lm_buf_view(&log));
	lm_buf_fini(&log);
	return rc;
}

static enum lm_rc word(struct lm_case *c, const char *kind, const char *other, struct lm_str a, struct lm_str b,
		       struct lm_str reason, bool undo)
{
	struct lm_arena scratch;
	bool open_before = c->in_batch;
	lm_arena_init(&scratch, 1 << 20);
	enum lm_rc rc = lm_hosts_load(c);
	if (rc == LM_OK)
		rc = lm_db_begin(c);
	struct lm_str x = { 0 }, y = { 0 };
	if (rc == LM_OK && undo) { /* the alias may be gone from the hosts; the word itself is looked for */
		x = lm_str_lower(&scratch, lm_str_trim(a));
		y = lm_str_lower(&scratch, lm_str_trim(b));
	}
	struct lm_str wa = rc == LM_OK ? word_alias(c, &scratch, a) : x,
		      wb = rc == LM_OK ? word_alias(c, &scratch, b) : y;
	x = wa.n ? wa : x;
	y = wb.n ? wb : y;
	if (rc == LM_OK && lm_str_cmp(y, x) < 0) {
		struct lm_str t = x;
		x = y;
		y = t;
	}
	if (rc == LM_OK && !undo && (!wa.n || !wb.n))
		rc = lm_case_fail(c, LM_EUSAGE, "cannot %s hosts: no host is known as '%.*s'", kind,
				  LM_STR_ARG(wa.n ? b : a));
	else if (rc == LM_OK && lm_str_eq(x, y))
		rc = lm_case_fail(c, LM_EUSAGE, "cannot %s hosts: '%.*s' is named twice", kind, LM_STR_ARG(a));
	else if (rc == LM_OK && undo && !word_stands(c, kind, x, y))
		rc = lm_case_fail(c, LM_EUSAGE, "cannot undo: '%.*s' and '%.*s' were not %s by you", LM_STR_ARG(a),
				  LM_STR_ARG(b), kind[0] == 'm' ? "merged" : "split");
	else if (rc == LM_OK && !undo && word_stands(c, other, x, y))
		rc = lm_case_fail(c, LM_EUSAGE,
				  "cannot %s '%.*s' and '%.*s': you said the opposite before; undo that first", kind,
				  LM_STR_ARG(a), LM_STR_ARG(b));
	else if (rc == LM_OK)
		rc = write_word(c, kind, x, y, reason, undo);
	if (!open_before && c->in_batch) {
		enum lm_rc ended = lm_case_commit(c); /* nothing else is in it */
		rc = rc == LM_OK ? ended : rc;
	}
	lm_arena_fini(&scratch);
	return rc;
}

enum lm_rc lm_case_host_merge(struct lm_case *c, struct lm_str a, struct lm_str b, struct lm_str reason, bool undo)
{
	return word(c, "merge", "split", a, b, reason, undo);
}

enum lm_rc lm_case_host_split(struct lm_case *c, struct lm_str a, struct lm_str b, struct lm_str reason, bool undo)
{
	return word(c, "split", "merge", a, b, reason, undo);
}
