/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - components become hosts: names, attributes, order; identities get their host, for all time or in pieces.
 *
 * In: a joined build. Out: tables host, host_name, host_key, ident.host, ident_piece. Ids follow the names, so the
 * same statements give the same ids whatever the order they came in. Limits: an address that nobody claims, or that
 * two machines claim alike, is a host of its own kind; loopback and empty identities are nobody.
 */
#include "case/identity_priv.h"
#include "base/text.h"

#include <stdlib.h>

struct draft {
	int32_t comp;
	struct lm_host h;
	struct lm_alias *aliases;
	struct lm_str *keys; /* beside aliases: key of each */
	size_t n_aliases, cap;
	struct lm_str least; /* smallest key: breaks ties of names */
	struct lm_str os;
	unsigned os_rank;
	bool machine; /* has a name, a device id or a row */
};

struct emit {
	struct lm_build *b;
	struct lm_case *c;
	bool *used;	   /* per comp: somebody is resolved to it or it exists by itself */
	bool *seen;	   /* per comp */
	uint32_t *size;	   /* per comp: nodes */
	int32_t *draft_of; /* per comp */
	struct draft *drafts;
	size_t n;
	int64_t *id_of; /* per draft, after ordering */
	struct {
		struct lm_held *p;
		size_t n;
		int32_t general; /* comp without a time */
	} * held;		 /* per ident; p NULL = the same at all times */
};

static enum lm_rc no_memory(struct lm_case *c)
{
	return lm_case_fail(c, LM_ELIMIT, "cannot resolve hosts: out of memory");
}

/* Is there an observation with the identity in [from, to), or without a time? */
static enum lm_rc observed(struct lm_case *c, int64_t ident, const struct lm_held *p, bool *yes)
{
	enum lm_rc rc = LM_OK;
	*yes = false;
	for (enum lm_kind k = LM_KIND_NONE + 1; rc == LM_OK && !*yes && k < LM_KIND_COUNT; k++) {
		char sql[160];
		if (k == LM_K_host_record)
			continue;
		sqlite3_snprintf(sizeof sql, sql, "SELECT 1 FROM obs_%s WHERE _ident = ?1 AND %s LIMIT 1",
				 lm_kind_desc(k)->id, p ? "_time >= ?2 AND _time <= ?3" : "_time IS NULL");
		sqlite3_stmt *st = lm_db_get(c, sql);
		if (!st)
			return LM_EDB;
		sqlite3_bind_int64(st, 1, ident);
		if (p) {
			sqlite3_bind_int64(st, 2, p->from);
			sqlite3_bind_int64(st, 3, p->to == INT64_MAX ? INT64_MAX : p->to - 1);
		}
		*yes = lm_db_row(c, st, &rc);
		lm_db_put(c, st);
		if (*yes)
			rc = LM_OK;
	}
	return rc;
}

/* An identity that is an address alone: whoever held it, else the address itself. */
static enum lm_rc place_address(struct emit *e, size_t i, int32_t at)
{
	struct lm_build *b = e->b;
	const struct lm_claim *cl;
	int32_t own = b->nodes[at].comp;
	bool several = false, any = false;
	e->held[i].general = own;
	if (e->size[own] > 1) /* the user's word */
		return LM_OK;
	size_t n = lm_address_claims(b, at, &cl);
	if (!n)
		return LM_OK;
	int32_t general = lm_address_holder(b, at, &several);
	struct lm_held *p = lm_address_pieces(b, at, &e->held[i].n);
	if (!p)
		return no_memory(e->c);
	e->held[i].general = general >= 0 ? general : own;
	for (size_t k = 0; k < e->held[i].n; k++) {
		several |= p[k].several;
		if (p[k].comp < 0)
			p[k].comp = own;
	}
	if (several)
		b->nodes[at].note = LM_STR("several machines held it, not told apart at these times");
	for (size_t k = 0; k < e->held[i].n; k++)
		any |= p[k].comp != e->held[i].general;
	if (any)
		e->held[i].p = p;
	return LM_OK;
}

static enum lm_rc place_ident(struct emit *e, size_t i)
{
	struct lm_build *b = e->b;
	const struct lm_ident_row *r = &e->c->idents[i];
	int32_t n = b->ident_node[i], d = b->ident_device[i], at = b->ident_address[i];
	/* a short name that two listed machines share says less than a device id */
	if (n < 0 || (d >= 0 && b->torn[lm_build_root(b, n)]))
		n = d >= 0 ? d : n;
	e->held[i].general = LM_NODE_NONE;
	bool seen = r->used & (LM_USED_SEEN | LM_USED_ALIAS);
	if (n >= 0) {
		int32_t comp = b->nodes[n].comp;
		e->held[i].general = comp;
		e->used[comp] |= seen;
		e->seen[comp] |= seen;
		return LM_OK;
	}
	if (at < 0)
		return LM_OK;
	enum lm_rc rc = place_address(e, i, at);
	if (rc != LM_OK || !seen)
		return rc;
	bool yes;
	for (size_t k = 0; rc == LM_OK && e->held[i].p && k < e->held[i].n; k++) {
		if (e->used[e->held[i].p[k].comp] && e->seen[e->held[i].p[k].comp])
			continue;
		rc = observed(e->c, (int64_t)i + 1, &e->held[i].p[k], &yes);
		if (rc == LM_OK && yes)
			e->used[e->held[i].p[k].comp] = e->seen[e->held[i].p[k].comp] = true;
	}
	yes = true;
	if (rc == LM_OK && e->held[i].p)
		rc = observed(e->c, (int64_t)i + 1, NULL, &yes);
	if (rc == LM_OK && yes)
		e->used[e->held[i].general] = e->seen[e->held[i].general] = true;
	return rc;
}

static struct draft *draft_of(struct emit *e, int32_t comp)
{
	return comp >= 0 && e->draft_of[comp] >= 0 ? &e->drafts[e->draft_of[comp]] : NULL;
}

static void add_alias(struct draft *d, struct lm_alias al, struct lm_str key)
{
	if (d->n_aliases == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 4;
		d->aliases = lm_xrealloc(d->aliases, d->cap * sizeof *d->aliases);
		d->keys = lm_xrealloc(d->keys, d->cap * sizeof *d->keys);
	}
	d->keys[d->n_aliases] = key;
	d->aliases[d->n_aliases++] = al;
	if (!d->least.p || lm_str_cmp(key, d->least) < 0)
		d->least = key;
}

static struct lm_str kind_of(const struct lm_node *n)
{
	return n->type == 'a'				 ? LM_STR("address")
	       : n->type == 'd'				 ? LM_STR("device")
	       : lm_str_find(n->key, '.', 2) != SIZE_MAX ? LM_STR("fqdn")
							 : LM_STR("name");
}

static void add_nodes(struct emit *e)
{
	struct lm_build *b = e->b;
	for (size_t i = 0; i < b->n_nodes; i++) {
		const struct lm_node *n = &b->nodes[i];
		struct draft *d = draft_of(e, n->comp);
		if (!d)
			continue;
		d->machine |= n->type != 'a';
		d->h.seen |= n->seen;
		if (n->type == 'r')
			continue;
		struct lm_alias al = { .kind = kind_of(n), .value = n->text, .source = n->source, .note = n->note };
		if (!n->always) {
			al.from_ns = n->from;
			al.to_ns = n->to;
		}
		add_alias(d, al, n->key);
	}
	for (size_t i = 0; i < b->n_claims; i++) {
		const struct lm_claim *cl = &b->claims[i];
		struct draft *d = draft_of(e, b->nodes[cl->node].comp);
		const struct lm_node *n = &b->nodes[cl->address];
		if (d)
			add_alias(d,
				  (struct lm_alias){ LM_STR("address"), n->text, cl->from, cl->to, cl->source, { 0 } },
				  n->key);
	}
	for (size_t i = 0; i < b->n_oses; i++) {
		struct draft *d = draft_of(e, b->nodes[b->oses[i].node].comp);
		unsigned rank = b->oses[i].source ? (unsigned)b->oses[i].source : 99;
		if (d &&
		    (!d->os.p || rank < d->os_rank || (rank == d->os_rank && lm_str_cmp(b->oses[i].os, d->os) < 0))) {
			d->os = b->oses[i].os;
			d->os_rank = rank;
		}
	}
}

/* ---- aliases in order ---- */

static int cmp_int(struct lm_int a, struct lm_int b)
{
	if (a.set != b.set)
		return a.set ? 1 : -1;
	return a.v < b.v ? -1 : a.v > b.v;
}

static int cmp_alias(const void *x, const void *y)
{
	const struct lm_alias *a = x, *b = y;
	int by = lm_str_cmp(a->kind, b->kind);
	if (!by)
		by = lm_str_cmp(a->value, b->value);
	if (!by)
		by = cmp_int(a->from_ns, b->from_ns);
	if (!by)
		by = cmp_int(a->to_ns, b->to_ns);
	if (!by) /* no source is the weakest */
		by = (a->source ? (int)a->source : 99) - (b->source ? (int)b->source : 99);
	return by ? by : lm_str_cmp(a->note, b->note);
}

static void settle_aliases(struct draft *d)
{
	size_t out = 0;
	if (d->n_aliases)
		qsort(d->aliases, d->n_aliases, sizeof *d->aliases, cmp_alias);
	for (size_t i = 0; i < d->n_aliases; i++) {
		struct lm_alias *a = &d->aliases[i], *last = out ? &d->aliases[out - 1] : NULL;
		if (last && lm_str_eq(last->kind, a->kind) && lm_str_eq(last->value, a->value) &&
		    !cmp_int(last->from_ns, a->from_ns) && !cmp_int(last->to_ns, a->to_ns)) {
			if (!last->note.p)
				last->note = a->note;
			continue;
		}
		d->aliases[out++] = *a;
	}
	d->n_aliases = out;
}

static struct lm_str first_of(const struct draft *d, const char *kind)
{
	for (size_t i = 0; i < d->n_aliases; i++)
		if (lm_str_eq(d->aliases[i].kind, lm_cstr(kind)))
			return d->aliases[i].value;
	return (struct lm_str){ 0 };
}

/* "ws01: first label of ws01.corp.example and of no other name; ..." */
static struct lm_str resolved_words(struct lm_arena *a, const struct draft *d)
{
	struct lm_buf b;
	lm_buf_init(&b, 1 << 16);
	for (size_t i = 0; i < d->n_aliases; i++)
		if (d->aliases[i].note.n)
			lm_buf_fmt(&b, "%s%.*s: %.*s", b.n ? "; " : "", LM_STR_ARG(d->aliases[i].value),
				   LM_STR_ARG(d->aliases[i].note));
	struct lm_str s = b.n ? lm_arena_str(a, lm_buf_view(&b)) : (struct lm_str){ 0 };
	lm_buf_fini(&b);
	return s;
}

/* ---- attributes ---- */

static int cmp_record(const void *x, const void *y)
{
	const struct lm_record *a = x, *b = y;
	if (a->trusted != b->trusted)
		return a->trusted ? -1 : 1;
	int by = lm_str_cmp(a->row.name, b->row.name);
	return by ? by : a->node - b->node; /* nodes of rows were made in order of their content */
}

static void take(struct lm_str *to, struct lm_str from)
{
	from = lm_str_trim(from);
	if (!to->n && from.n)
		*to = from;
}

static void add_records(struct emit *e)
{
	struct lm_build *b = e->b;
	if (b->n_records)
		qsort(b->records, b->n_records, sizeof *b->records, cmp_record);
	for (size_t i = 0; i < b->n_records; i++) {
		struct draft *d = draft_of(e, b->nodes[b->records[i].node].comp);
		const struct lm_obs_host_record *r = &b->records[i].row;
		if (!d)
			continue;
		d->h.listed = true;
		take(&d->h.name, r->name);
		take(&d->h.org, r->org);
		take(&d->h.country, r->country);
		take(&d->h.sector, r->sector);
		take(&d->h.os, r->os);
		take(&d->h.role, r->role);
	}
}

static bool is_proxy(struct lm_str role)
{
	struct lm_str rest = role, word;
	while (lm_str_split(&rest, ' ', &word))
		if (lm_str_starts_ci(word, LM_STR("proxy")) || lm_str_ends_ci(word, LM_STR("proxy")) ||
		    lm_str_eq_ci(word, LM_STR("nat")) || lm_str_starts_ci(word, LM_STR("nat-")))
			return true;
	return false;
}

static void locate(struct lm_arena *a, struct draft *d, const struct lm_geo *geo)
{
	if (d->h.country.n == 2) {
		char up[2];
		for (int i = 0; i < 2; i++) {
			char ch = d->h.country.p[i];
			up[i] = ch >= 'a' && ch <= 'z' ? (char)(ch - 32) : ch;
		}
		d->h.country = lm_arena_str(a, (struct lm_str){ up, 2 });
	}
	if (d->h.country.n)
		d->h.country_source = LM_STR("list");
	for (size_t i = 0; geo && !d->h.country.n && i < d->n_aliases; i++) {
		char code[3];
		bool disputed = false;
		const char *db = NULL;
		if (!lm_str_eq(d->aliases[i].kind, LM_STR("address")) || !lm_address_public(d->aliases[i].value))
			continue;
		char *text = lm_arena_cstr(a, d->aliases[i].value);
		if (!text || !lm_geo_lookup(geo, text, code, &disputed, &db))
			continue;
		d->h.country = lm_arena_str(a, lm_cstr(code));
		d->h.country_source = lm_arena_fmt(a, "geoip %s%s", db, disputed ? " (disputed)" : "");
	}
}

static void describe(struct lm_arena *a, struct draft *d, const struct lm_geo *geo)
{
	settle_aliases(d);
	take(&d->h.name, first_of(d, "fqdn"));
	take(&d->h.name, first_of(d, "name"));
	take(&d->h.name, first_of(d, "device"));
	take(&d->h.name, first_of(d, "address"));
	take(&d->h.os, d->os);
	d->h.resolved = resolved_words(a, d);
	d->h.kind = is_proxy(d->h.role) ? LM_HOST_PROXY : d->machine ? LM_HOST_MACHINE : LM_HOST_ADDRESS;
	locate(a, d, geo);
}

/* ---- order ---- */

static int cmp_draft(const void *x, const void *y)
{
	const struct draft *a = x, *b = y;
	int by = lm_str_cmp(a->h.name, b->h.name);
	return by ? by : lm_str_cmp(a->least, b->least);
}

/* Two machines may bear one name; findings name their host, so the names shown must differ. */
static void distinguish(struct lm_arena *a, struct draft *d, size_t n)
{
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && lm_str_eq(d[j].h.name, d[i].h.name); j++)
			;
		for (size_t k = i; j - i > 1 && k < j; k++) {
			struct lm_str more = first_of(&d[k], "fqdn");
			if (!more.n || lm_str_eq(more, d[k].h.name))
				more = first_of(&d[k], "device");
			if (!more.n)
				more = first_of(&d[k], "address");
			if (!more.n || lm_str_eq(more, d[k].h.name))
				more = d[k].least;
			if (more.n)
				d[k].h.name = lm_arena_fmt(a, "%.*s (%.*s)", LM_STR_ARG(d[k].h.name), LM_STR_ARG(more));
		}
	}
	if (n)
		qsort(d, n, sizeof *d, cmp_draft);
	for (size_t i = 1; i < n; i++)
		if (lm_str_eq(d[i].h.name, d[i - 1].h.name))
			d[i].h.name = lm_arena_fmt(a, "%.*s [%.*s]", LM_STR_ARG(d[i].h.name), LM_STR_ARG(d[i].least));
	if (n)
		qsort(d, n, sizeof *d, cmp_draft);
}

static enum lm_rc make_drafts(struct emit *e, const struct lm_geo *geo)
{
	struct lm_build *b = e->b;
	size_t n = b->n_nodes;
	for (size_t i = 0; i < n; i++) {
		e->draft_of[i] = -1;
		if (e->used[i])
			e->draft_of[i] = (int32_t)e->n++;
	}
	e->drafts = lm_xalloc((e->n + 1) * sizeof *e->drafts);
	memset(e->drafts, 0, (e->n + 1) * sizeof *e->drafts);
	for (size_t i = 0; i < n; i++)
		if (e->draft_of[i] >= 0) {
			e->drafts[e->draft_of[i]].comp = (int32_t)i;
			e->drafts[e->draft_of[i]].h.seen = e->seen[i];
		}
	add_nodes(e);
	add_records(e);
	for (size_t i = 0; i < e->n; i++) {
		struct draft *d = &e->drafts[i];
		if (!d->least.p) /* a row without any usable name */
			d->least = b->nodes[d->comp].key;
		describe(&b->a, d, geo);
		if (!d->h.name.n)
			d->h.name = lm_arena_fmt(&b->a, "unnamed (%.*s)", LM_STR_ARG(d->least));
	}
	if (e->n)
		qsort(e->drafts, e->n, sizeof *e->drafts, cmp_draft);
	distinguish(&b->a, e->drafts, e->n);
	for (size_t i = 0; i < e->n; i++)
		e->draft_of[e->drafts[i].comp] = (int32_t)i;
	return b->a.spent ? no_memory(e->c) : LM_OK;
}

/* ---- tables ---- */

static enum lm_rc write_alias(struct emit *e, int64_t host, int64_t i, const struct lm_alias *al)
{
	sqlite3_stmt *st = lm_db_get(e->c, "INSERT INTO host_name(host, i, kind, value, from_ns, to_ns, source, note)"
					   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, host);
	sqlite3_bind_int64(st, 2, i);
	lm_bind_str(st, 3, al->kind);
	lm_bind_str(st, 4, al->value);
	lm_bind_int(st, 5, al->from_ns);
	lm_bind_int(st, 6, al->to_ns);
	sqlite3_bind_int(st, 7, (int)al->source);
	lm_bind_str(st, 8, al->note);
	return lm_db_write(e->c, st);
}

/* A key that leads to two hosts leads to none. */
static enum lm_rc write_key(struct emit *e, struct lm_str key, int64_t host)
{
	sqlite3_stmt *st =
		lm_db_get(e->c, "INSERT INTO host_key(key, host) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET"
				" host = CASE WHEN host = excluded.host THEN host ELSE 0 END");
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, key);
	sqlite3_bind_int64(st, 2, host);
	return lm_db_write(e->c, st);
}

static enum lm_rc write_host(struct emit *e, int64_t id, const struct draft *d)
{
	const struct lm_host *h = &d->h;
	sqlite3_stmt *st = lm_db_get(
		e->c, "INSERT INTO host(id, kind, name, org, country, country_source, sector, os, role, listed,"
		      " seen, resolved) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, id);
	sqlite3_bind_int(st, 2, h->kind);
	const struct lm_str text[] = { h->name, h->org, h->country, h->country_source, h->sector, h->os, h->role };
	for (int i = 0; i < 7; i++)
		lm_bind_str(st, 3 + i, text[i]);
	sqlite3_bind_int(st, 10, h->listed);
	sqlite3_bind_int(st, 11, h->seen);
	lm_bind_str(st, 12, h->resolved);
	enum lm_rc rc = lm_db_write(e->c, st);
	for (size_t i = 0; rc == LM_OK && i < d->n_aliases; i++)
		rc = write_alias(e, id, (int64_t)i, &d->aliases[i]);
	return rc;
}

static enum lm_rc write_keys(struct emit *e)
{
	struct lm_build *b = e->b;
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < b->n_nodes; i++)
		if (b->nodes[i].type != 'r' && e->draft_of[b->nodes[i].comp] >= 0)
			rc = write_key(e, b->nodes[i].key, e->draft_of[b->nodes[i].comp] + 1);
	for (size_t i = 0; rc == LM_OK && i < b->n_claims; i++)
		if (e->draft_of[b->nodes[b->claims[i].node].comp] >= 0)
			rc = write_key(e, b->nodes[b->claims[i].address].key,
				       e->draft_of[b->nodes[b->claims[i].node].comp] + 1);
	/* what is printed can be asked for */
	for (size_t i = 0; rc == LM_OK && i < e->n; i++) {
		struct lm_str low = lm_str_lower(&b->a, e->drafts[i].h.name);
		rc = write_key(e, lm_arena_fmt(&b->a, "=:%.*s", LM_STR_ARG(low)), (int64_t)i + 1);
	}
	return rc;
}

static int64_t id_of(const struct emit *e, int32_t comp)
{
	return comp >= 0 && e->draft_of[comp] >= 0 ? e->draft_of[comp] + 1 : 0;
}

static enum lm_rc write_ident(struct emit *e, size_t i)
{
	sqlite3_stmt *st = lm_db_get(e->c, "UPDATE ident SET host = ?2 WHERE id = ?1");
	if (!st)
		return LM_EDB;
	int64_t host = id_of(e, e->held[i].general);
	sqlite3_bind_int64(st, 1, (int64_t)i + 1);
	lm_bind_int(st, 2, (struct lm_int){ host, host != 0 });
	enum lm_rc rc = lm_db_write(e->c, st);
	for (size_t k = 0; rc == LM_OK && e->held[i].p && k < e->held[i].n; k++) {
		const struct lm_held *p = &e->held[i].p[k];
		st = lm_db_get(e->c, "INSERT INTO ident_piece(ident, from_ns, to_ns, host) VALUES(?1, ?2, ?3, ?4)");
		if (!st)
			return LM_EDB;
		sqlite3_bind_int64(st, 1, (int64_t)i + 1);
		sqlite3_bind_int64(st, 2, p->from);
		sqlite3_bind_int64(st, 3, p->to);
		sqlite3_bind_int64(st, 4, id_of(e, p->comp));
		rc = lm_db_write(e->c, st);
	}
	return rc;
}

static enum lm_rc write_all(struct emit *e)
{
	static const char *const tables[] = { "host", "host_name", "host_key", "ident_piece" };
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < sizeof tables / sizeof *tables; i++) {
		char sql[64];
		sqlite3_snprintf(sizeof sql, sql, "DELETE FROM %s", tables[i]);
		rc = lm_db_exec(e->c, sql);
	}
	for (size_t i = 0; rc == LM_OK && i < e->n; i++)
		rc = write_host(e, (int64_t)i + 1, &e->drafts[i]);
	if (rc == LM_OK)
		rc = write_keys(e);
	for (size_t i = 0; rc == LM_OK && i < e->c->n_idents; i++)
		rc = write_ident(e, i);
	return rc;
}

enum lm_rc lm_hosts_emit(struct lm_build *b, const struct lm_geo *geo)
{
	struct emit e = { .b = b, .c = b->c };
	size_t n = b->n_nodes + 1;
	e.used = lm_arena_calloc(&b->a, n, sizeof *e.used);
	e.seen = lm_arena_calloc(&b->a, n, sizeof *e.seen);
	e.size = lm_arena_calloc(&b->a, n, sizeof *e.size);
	e.draft_of = lm_arena_calloc(&b->a, n, sizeof *e.draft_of);
	e.held = lm_arena_calloc(&b->a, b->c->n_idents + 1, sizeof *e.held);
	if (!e.used || !e.seen || !e.size || !e.draft_of || !e.held)
		return no_memory(b->c);
	for (size_t i = 0; i < b->n_nodes; i++) {
		e.size[b->nodes[i].comp]++;
		e.used[b->nodes[i].comp] |= b->nodes[i].exists;
		e.seen[b->nodes[i].comp] |= b->nodes[i].seen;
	}
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < b->c->n_idents; i++)
		rc = place_ident(&e, i);
	if (rc == LM_OK)
		rc = make_drafts(&e, geo);
	if (rc == LM_OK)
		rc = write_all(&e);
	for (size_t i = 0; i < e.n; i++) {
		free(e.drafts[i].aliases);
		free(e.drafts[i].keys);
	}
	free(e.drafts);
	return rc;
}
