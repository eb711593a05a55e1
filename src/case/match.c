/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match.c - where indicators meet what was observed.
 *
 * In: every indicator.listed of the case. Out: pairs (indicator, observation), ordered by the indicator's type,
 * value and id, then by kind, time and id of the observation.
 *
 *   sha256 sha1 md5   file.content with that hash; file.sighting that states it; and, because a content known by
 *                     one hash is known by all of its hashes, sightings that state another hash of it
 *   filename          last component of a sighting's path, without ASCII case, names of at least 5 bytes (shorter
 *                     ones are everywhere)
 *
 * Network indicators (domain, ipv4, ipv6, cidr, url, email) meet kinds that state contacts; a host's own name or
 * address is no contact and never a hit. Of the indicators that state one (type, value) eight are kept, trusted ones
 * first, then by id: lists repeat each other, and cost must follow the sightings alone. Limits: the pairs are held in a
 * temporary table of row numbers.
 */
#include "case/case_priv.h"
#include "base/text.h"

#define NAME_MIN 5
#define ROWS_MAX 8 /* indicators kept of one (type, value) */
#define COUNT 16u  /* in the map of names: key * COUNT + indicators kept; more than ROWS_MAX */

static const char *const hash_names[] = { "sha256", "sha1", "md5" };
static const size_t hash_bytes[] = { 32, 20, 16 };

/* Remembers an indicator's row under the key of its value. */
static enum lm_rc list(struct lm_case *c, int64_t key, int64_t indicator)
{
	sqlite3_stmt *st = lm_db_get(c, "INSERT INTO temp.listed(key, indicator) VALUES(?1, ?2)");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, key);
	sqlite3_bind_int64(st, 2, indicator);
	return lm_db_write(c, st);
}

/* Adds the rows that `from` selects for ?2 as hits of the key; `new` counts those not known before. */
static enum lm_rc add_hits(struct lm_case *c, int64_t key, enum lm_kind kind, struct lm_bytes value, const char *from,
			   uint64_t *new)
{
	char sql[400];
	sqlite3_snprintf(sizeof sql, sql, "INSERT OR IGNORE INTO temp.hit(key, kind, row) SELECT ?1, %d, o.rowid %s",
			 (int)kind, from);
	sqlite3_stmt *st = lm_db_get(c, sql);
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, key);
	lm_bind_bytes(st, 2, value);
	enum lm_rc rc = lm_db_write(c, st);
	if (rc == LM_OK)
		*new += (uint64_t)sqlite3_changes64(c->db);
	return rc;
}

/* Asked once a value, however many lists and rows name it. */
static enum lm_rc match_hash(struct lm_case *c, int64_t key, size_t hash, struct lm_bytes value, uint64_t *new)
{
	bool sightings = c->have[LM_K_file_sighting] != 0;
	char from[300];
	uint64_t contents = 0;
	enum lm_rc rc = LM_OK;
	sqlite3_snprintf(sizeof from, from, "FROM obs_file_sighting o WHERE o.\"%s\" = ?2", hash_names[hash]);
	if (sightings)
		rc = add_hits(c, key, LM_K_file_sighting, value, from, new);
	sqlite3_snprintf(sizeof from, from, "FROM obs_file_content o WHERE o.\"%s\" = ?2", hash_names[hash]);
	if (rc == LM_OK && c->have[LM_K_file_content])
		rc = add_hits(c, key, LM_K_file_content, value, from, &contents);
	/* contents first, each of their hashes once: many contents may share a weak one */
	for (size_t h = 0; rc == LM_OK && contents && sightings && h < 3; h++) {
		sqlite3_snprintf(sizeof from, from,
				 "FROM (SELECT DISTINCT \"%s\" AS v FROM obs_file_content WHERE \"%s\" = ?2"
				 " AND length(\"%s\") = %d) k CROSS JOIN obs_file_sighting o WHERE o.\"%s\" = k.v",
				 hash_names[h], hash_names[hash], hash_names[h], (int)hash_bytes[h], hash_names[h]);
		rc = add_hits(c, key, LM_K_file_sighting, value, from, new);
	}
	*new += contents;
	return rc;
}

static enum lm_rc add_name(struct lm_case *c, int64_t key, int64_t row)
{
	sqlite3_stmt *st = lm_db_get(c, "INSERT OR IGNORE INTO temp.hit(key, kind, row) VALUES(?1, ?2, ?3)");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, key);
	sqlite3_bind_int64(st, 2, LM_K_file_sighting);
	sqlite3_bind_int64(st, 3, row);
	return lm_db_write(c, st);
}

/* One pass over all sightings for all listed names together. */
static enum lm_rc match_names(struct lm_case *c, const struct lm_map *names)
{
	if (!names->n || !c->have[LM_K_file_sighting])
		return LM_OK;
	sqlite3_stmt *st = lm_db_get(c, "SELECT rowid, path FROM obs_file_sighting WHERE path IS NOT NULL");
	enum lm_rc rc = LM_OK;
	if (!st)
		return LM_EDB;
	struct lm_arena a;
	lm_arena_init(&a, LM_CASE_ROOM);
	while (lm_db_row(c, st, &rc)) {
		struct lm_arena_mark m = lm_arena_mark(&a);
		rc = LM_OK;
		struct lm_str base = lm_path_base(lm_col_str(st, 1));
		struct lm_str low = base.n < NAME_MIN ? (struct lm_str){ 0 } : lm_str_lower(&a, base);
		const struct lm_map_entry *e = low.p ? lm_map_find(names, low) : NULL;
		lm_arena_reset(&a, m);
		if (a.spent)
			rc = lm_case_fail(c, LM_ELIMIT, "cannot match indicators: out of memory");
		else if (e)
			rc = add_name(c, (int64_t)(e->v.num / COUNT), sqlite3_column_int64(st, 0));
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	lm_arena_fini(&a);
	return rc;
}

/* The value whose rows are being read; rows of one value follow each other. */
struct value {
	int64_t key; /* row of its first indicator */
	size_t hash;
	uint8_t raw[32];
	unsigned kept;
	bool set, met;
};

static enum lm_rc listed_hash(struct lm_case *c, struct value *v, int64_t indicator, size_t hash, struct lm_str hex)
{
	uint8_t raw[32];
	enum lm_rc rc = LM_OK;
	if (hex.n != 2 * hash_bytes[hash] || lm_str_unhex(hex, raw, sizeof raw) != hash_bytes[hash])
		return rc; /* a list may say anything */
	if (!v->set || v->hash != hash || memcmp(v->raw, raw, hash_bytes[hash]) != 0) {
		*v = (struct value){ .key = indicator, .hash = hash, .set = true };
		memcpy(v->raw, raw, hash_bytes[hash]);
		uint64_t new = 0;
		rc = match_hash(c, v->key, hash, (struct lm_bytes){ raw, hash_bytes[hash] }, &new);
		v->met = new > 0;
	}
	return rc == LM_OK && v->met && v->kept++ < ROWS_MAX ? list(c, v->key, indicator) : rc;
}

static enum lm_rc listed_name(struct lm_case *c, struct lm_map *names, struct lm_arena *a, int64_t indicator,
			      struct lm_str value)
{
	struct lm_arena_mark m = lm_arena_mark(a);
	struct lm_str low = value.n < NAME_MIN ? (struct lm_str){ 0 } : lm_str_lower(a, value);
	struct lm_map_entry *e = low.p ? lm_map_add(names, low, NULL) : NULL;
	lm_arena_reset(a, m);
	if (a->spent)
		return lm_case_fail(c, LM_ELIMIT, "cannot match indicators: out of memory");
	if (!e)
		return LM_OK;
	if (!e->v.num)
		e->v.num = (uint64_t)indicator * COUNT;
	return e->v.num % COUNT < ROWS_MAX ? list(c, (int64_t)(e->v.num++ / COUNT), indicator) : LM_OK;
}

static enum lm_rc collect(struct lm_case *c)
{
	/* trusted as lm_cite tells it; the order decides which rows of a value are kept */
	sqlite3_stmt *st =
		lm_db_get(c, "SELECT rowid, type, value FROM obs_indicator_listed"
			     " WHERE type IN ('sha256', 'sha1', 'md5', 'filename') AND value IS NOT NULL"
			     " ORDER BY type, lower(value), _ev IN (SELECT id FROM evidence WHERE trusted OR sha256 IN"
			     " (SELECT sha256 FROM evidence WHERE trusted AND sha256 IS NOT NULL)) DESC, _id");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	struct lm_map names;
	struct lm_arena a;
	struct value v = { 0 };
	lm_map_init(&names);
	lm_arena_init(&a, LM_CASE_ROOM);
	while (lm_db_row(c, st, &rc)) {
		struct lm_str type = lm_col_str(st, 1), value = lm_col_str(st, 2);
		int64_t row = sqlite3_column_int64(st, 0);
		rc = LM_OK;
		if (lm_str_eq(type, LM_STR("filename")))
			rc = listed_name(c, &names, &a, row, value);
		for (size_t h = 0; rc == LM_OK && h < 3; h++)
			if (lm_str_eq(type, lm_cstr(hash_names[h])))
				rc = listed_hash(c, &v, row, h, value);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	if (rc == LM_OK)
		rc = match_names(c, &names);
	lm_map_fini(&names);
	lm_arena_fini(&a);
	return rc;
}

/* The row with a number, deep in the arena: two rows must live through one callback. */
static enum lm_rc row_at(struct lm_case *c, enum lm_kind kind, int64_t row, struct lm_arena *a, struct lm_stored *out)
{
	struct lm_buf sql;
	lm_buf_init(&sql, 1 << 16);
	lm_buf_puts(&sql, "SELECT ");
	lm_query_columns(c, kind, &sql);
	lm_buf_fmt(&sql, " FROM obs_%s o WHERE o.rowid = ?1", lm_kind_desc(kind)->id);
	sqlite3_stmt *st = lm_db_get(c, sql.p);
	lm_buf_fini(&sql);
	enum lm_rc rc;
	struct lm_stored s;
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, row);
	if (!lm_db_row(c, st, &rc))
		rc = rc == LM_OK ? lm_case_fail(c, LM_EDB, "cannot read case: row %lld is gone", (long long)row) : rc;
	else if ((rc = lm_query_row(c, st, kind, &s)) == LM_OK) {
		*out = s;
		out->evidence.path = lm_arena_str(a, s.evidence.path);
		if (!lm_obs_copy(a, &s.obs, &out->obs))
			rc = lm_case_fail(c, LM_ELIMIT, "cannot match indicators: out of memory");
	}
	lm_db_put(c, st);
	return rc;
}

/* Row numbers say who arrived first: the order is made of what the rows say. */
static enum lm_rc order_hits(struct lm_case *c)
{
	enum lm_rc rc = lm_db_exec(
		c, "DROP TABLE IF EXISTS temp.ordered_hit; CREATE TABLE temp.ordered_hit(type TEXT, value TEXT,"
		   " ind_id BLOB, kind INTEGER, time INTEGER, id BLOB, indicator INTEGER, row INTEGER)");
	static const enum lm_kind kinds[] = { LM_K_file_content, LM_K_file_sighting };
	for (size_t i = 0; rc == LM_OK && i < 2; i++) {
		char sql[500];
		if (!c->have[kinds[i]])
			continue;
		sqlite3_snprintf(sizeof sql, sql,
				 "INSERT INTO temp.ordered_hit SELECT i.type, i.value, i._id, h.kind, o._time, o._id, "
				 "l.indicator,"
				 " h.row FROM temp.hit h JOIN temp.listed l ON l.key = h.key"
				 " JOIN obs_indicator_listed i ON i.rowid = l.indicator"
				 " JOIN obs_%s o ON o.rowid = h.row WHERE h.kind = %d",
				 lm_kind_desc(kinds[i])->id, (int)kinds[i]);
		rc = lm_db_exec(c, sql);
	}
	return rc;
}

enum lm_rc lm_case_match(struct lm_case *c, enum lm_rc (*fn)(void *user, const struct lm_indicator_hit *h), void *user)
{
	enum lm_rc rc = lm_ident_load(c);
	if (rc == LM_OK)
		rc = lm_hosts_load(c);
	if (rc != LM_OK || !c->have[LM_K_indicator_listed])
		return rc;
	/* temporary tables are the connection's own: they may be written in a case opened for reading, too */
	sqlite3_exec(c->db, "PRAGMA query_only=OFF", NULL, NULL, NULL);
	rc = lm_db_exec(
		c,
		"DROP TABLE IF EXISTS temp.hit; CREATE TABLE temp.hit(key INTEGER, kind INTEGER, row INTEGER,"
		" PRIMARY KEY(key, kind, row)) WITHOUT ROWID; DROP TABLE IF EXISTS temp.listed;"
		" CREATE TABLE temp.listed(key INTEGER, indicator INTEGER, PRIMARY KEY(key, indicator)) WITHOUT ROWID");
	if (rc == LM_OK)
		rc = collect(c);
	if (rc == LM_OK)
		rc = order_hits(c);
	if (c->read_only)
		sqlite3_exec(c->db, "PRAGMA query_only=ON", NULL, NULL, NULL);
	sqlite3_stmt *st = rc == LM_OK ? lm_db_get(c, "SELECT indicator, kind, row FROM temp.ordered_hit"
						      " ORDER BY type, value, ind_id, kind, time, id")
				       : NULL;
	if (!st)
		return rc == LM_OK ? LM_EDB : rc;
	struct lm_arena a, b;
	lm_arena_init(&a, LM_CASE_ROOM);
	lm_arena_init(&b, LM_CASE_ROOM);
	struct lm_stored ind = { 0 }, where;
	int64_t have = 0;
	while (lm_db_row(c, st, &rc)) {
		int64_t want = sqlite3_column_int64(st, 0);
		rc = LM_OK;
		if (want != have) {
			lm_arena_fini(&b);
			lm_arena_init(&b, LM_CASE_ROOM);
			rc = row_at(c, LM_K_indicator_listed, want, &b, &ind);
			have = want;
		}
		struct lm_arena_mark m = lm_arena_mark(&a);
		if (rc == LM_OK)
			rc = row_at(c, (enum lm_kind)sqlite3_column_int(st, 1), sqlite3_column_int64(st, 2), &a,
				    &where);
		if (rc == LM_OK)
			rc = fn(user, &(struct lm_indicator_hit){ &ind, &where });
		lm_arena_reset(&a, m);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	lm_arena_fini(&a);
	lm_arena_fini(&b);
	return rc == LM_END ? LM_OK : rc;
}
