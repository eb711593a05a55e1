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
 * address is no contact and never a hit. Limits: the pairs are held in a temporary table of row numbers.
 */
#include "case/case_priv.h"
#include "base/text.h"

#define NAME_MIN 5

static const char *const hash_names[] = { "sha256", "sha1", "md5" };
static const size_t hash_bytes[] = { 32, 20, 16 };

static enum lm_rc add_hit(struct lm_case *c, int64_t indicator, enum lm_kind kind, int64_t row)
{
	sqlite3_stmt *st = lm_db_get(c, "INSERT OR IGNORE INTO temp.hit(indicator, kind, row) VALUES(?1, ?2, ?3)");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, indicator);
	sqlite3_bind_int64(st, 2, kind);
	sqlite3_bind_int64(st, 3, row);
	return lm_db_write(c, st);
}

/* Rows of a table whose hash column has the value. */
static enum lm_rc hits_by_hash(struct lm_case *c, int64_t indicator, enum lm_kind kind, size_t hash,
			       struct lm_bytes value)
{
	char sql[200];
	sqlite3_snprintf(sizeof sql, sql, "SELECT rowid FROM obs_%s WHERE \"%s\" = ?1 ORDER BY rowid",
			 lm_kind_desc(kind)->id, hash_names[hash]);
	sqlite3_stmt *st = lm_db_get(c, sql);
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	lm_bind_bytes(st, 1, value);
	while (lm_db_row(c, st, &rc))
		if ((rc = add_hit(c, indicator, kind, sqlite3_column_int64(st, 0))) != LM_OK)
			break;
	lm_db_put(c, st);
	return rc;
}

static enum lm_rc match_hash(struct lm_case *c, int64_t indicator, size_t hash, struct lm_str hex)
{
	uint8_t raw[32];
	if (hex.n != 2 * hash_bytes[hash] || lm_str_unhex(hex, raw, sizeof raw) != hash_bytes[hash])
		return LM_OK; /* a list may say anything */
	struct lm_bytes value = { raw, hash_bytes[hash] };
	enum lm_rc rc =
		c->have[LM_K_file_sighting] ? hits_by_hash(c, indicator, LM_K_file_sighting, hash, value) : LM_OK;
	if (rc != LM_OK || !c->have[LM_K_file_content])
		return rc;
	char sql[160];
	sqlite3_snprintf(sizeof sql, sql,
			 "SELECT rowid, sha256, sha1, md5 FROM obs_file_content WHERE \"%s\" = ?1 ORDER BY _id",
			 hash_names[hash]);
	sqlite3_stmt *st = lm_db_get(c, sql);
	if (!st)
		return LM_EDB;
	lm_bind_bytes(st, 1, value);
	while (lm_db_row(c, st, &rc)) {
		rc = add_hit(c, indicator, LM_K_file_content, sqlite3_column_int64(st, 0));
		for (size_t h = 0; rc == LM_OK && c->have[LM_K_file_sighting] && h < 3; h++)
			if (lm_col_bytes(st, 1 + (int)h).n == hash_bytes[h])
				rc = hits_by_hash(c, indicator, LM_K_file_sighting, h, lm_col_bytes(st, 1 + (int)h));
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	return rc;
}

/* One pass over all sightings for all listed names together. */
static enum lm_rc match_names(struct lm_case *c, const struct lm_map *names)
{
	if (!names->n || !c->have[LM_K_file_sighting])
		return LM_OK;
	sqlite3_stmt *st = lm_db_get(c, "SELECT rowid, path FROM obs_file_sighting WHERE path IS NOT NULL");
	sqlite3_stmt *who = NULL;
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	struct lm_arena a;
	lm_arena_init(&a, LM_CASE_ROOM);
	while (lm_db_row(c, st, &rc)) {
		struct lm_arena_mark m = lm_arena_mark(&a);
		struct lm_str base = lm_path_base(lm_col_str(st, 1));
		const struct lm_map_entry *e = base.n < NAME_MIN ? NULL : lm_map_find(names, lm_str_lower(&a, base));
		int64_t row = sqlite3_column_int64(st, 0);
		lm_arena_reset(&a, m);
		if (!e)
			continue;
		/* every list that names it */
		who = lm_db_get(c,
				"SELECT rowid FROM obs_indicator_listed WHERE type = 'filename' AND lower(value) = ?1");
		if (!who) {
			rc = LM_EDB;
			break;
		}
		lm_bind_str(who, 1, e->key);
		while (lm_db_row(c, who, &rc))
			if ((rc = add_hit(c, sqlite3_column_int64(who, 0), LM_K_file_sighting, row)) != LM_OK)
				break;
		lm_db_put(c, who);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	lm_arena_fini(&a);
	return rc;
}

static enum lm_rc collect(struct lm_case *c)
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT rowid, type, value FROM obs_indicator_listed"
					" WHERE type IN ('sha256', 'sha1', 'md5', 'filename') AND value IS NOT NULL");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	struct lm_map names;
	struct lm_arena a;
	lm_map_init(&names);
	lm_arena_init(&a, LM_CASE_ROOM);
	while (lm_db_row(c, st, &rc)) {
		struct lm_str type = lm_col_str(st, 1), value = lm_col_str(st, 2);
		rc = LM_OK;
		if (lm_str_eq(type, LM_STR("filename"))) {
			struct lm_arena_mark m = lm_arena_mark(&a);
			if (value.n >= NAME_MIN)
				lm_map_add(&names, lm_str_lower(&a, value), NULL);
			lm_arena_reset(&a, m);
		}
		for (size_t h = 0; rc == LM_OK && h < 3; h++)
			if (lm_str_eq(type, lm_cstr(hash_names[h])))
				rc = match_hash(c, sqlite3_column_int64(st, 0), h, value);
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
		char sql[400];
		if (!c->have[kinds[i]])
			continue;
		sqlite3_snprintf(sizeof sql, sql,
				 "INSERT INTO temp.ordered_hit SELECT i.type, i.value, i._id, h.kind, o._time, o._id, "
				 "h.indicator,"
				 " h.row FROM temp.hit h JOIN obs_indicator_listed i ON i.rowid = h.indicator"
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
		c, "DROP TABLE IF EXISTS temp.hit; CREATE TABLE temp.hit(indicator INTEGER, kind INTEGER, row INTEGER,"
		   " PRIMARY KEY(indicator, kind, row)) WITHOUT ROWID");
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
