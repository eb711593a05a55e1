/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.c - fetch, prevalence, pairs: what detectors ask of observations.
 *
 * In: a kind, its fields by name, values. Out: rows in an order that content alone decides. Rows stream: what is
 * held is one row, and SQLite's sorter within its cache and temporary files. Field names are looked up in the
 * kind's descriptor and values are bound, so no text from evidence becomes SQL. Limits: the pseudo field "@host"
 * stands for the resolved host (its id in decimal); it is computed row by row and has no index.
 */
#include "case/case_priv.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <stdio.h>

/* A table scan that is asked for again and again gets an index. */
#define SCANS_BEFORE_INDEX 4

void lm_query_columns(struct lm_case *c, enum lm_kind kind, struct lm_buf *sql)
{
	lm_buf_puts(sql, "o._id, o._ident, o._time, o._assumed, o._ev, o._off, o._len, o._rec");
	lm_store_columns(c, kind, sql);
}

enum lm_rc lm_query_row(struct lm_case *c, sqlite3_stmt *st, enum lm_kind kind, struct lm_stored *s)
{
	*s = (struct lm_stored){ 0 };
	lm_obs_init(&s->obs, kind);
	struct lm_bytes id = lm_col_bytes(st, 0);
	memcpy(s->id, id.p, id.n < sizeof s->id ? id.n : sizeof s->id);
	int64_t ident = sqlite3_column_int64(st, 1);
	const struct lm_ident_row *r = lm_ident_row(c, ident);
	if (r)
		s->obs.host = r->as;
	s->obs.time = lm_col_int(st, 2);
	s->obs.time_assumed = sqlite3_column_int(st, 3);
	s->obs.at = (struct lm_span){ (uint64_t)sqlite3_column_int64(st, 5), (uint64_t)sqlite3_column_int64(st, 6),
				      lm_col_int(st, 7) };
	lm_store_fields(st, 8, &s->obs);
	s->host = lm_case_host(c, lm_ident_host(c, ident, s->obs.time));
	const struct lm_cite *cite = lm_cite(c, sqlite3_column_int64(st, 4));
	if (!cite)
		return LM_EDB;
	memcpy(s->evidence.sha256, cite->sha256, sizeof s->evidence.sha256);
	s->evidence.path = cite->path;
	s->evidence.offset = s->obs.at.offset;
	s->evidence.length = s->obs.at.length;
	s->evidence.record = s->obs.at.record;
	s->trusted = cite->trusted;
	return LM_OK;
}

/* Identities and hosts are in memory before the first row. */
static enum lm_rc ready(struct lm_case *c)
{
	enum lm_rc rc = lm_ident_load(c);
	return rc == LM_OK ? lm_hosts_load(c) : rc;
}

static bool is_host(const char *field)
{
	return strcmp(field, "@host") == 0;
}

static enum lm_rc unknown_field(struct lm_case *c, enum lm_kind kind, const char *field)
{
	const struct lm_kind_desc *d = lm_kind_desc(kind);
	return lm_case_fail(c, LM_EUSAGE, "cannot ask for '%s': %s has no such field", field ? field : "",
			    d ? d->name : "no kind");
}

/* SQL expression of a field. */
static bool put_field(struct lm_case *c, enum lm_kind kind, const char *field, struct lm_buf *sql)
{
	const struct lm_kind_desc *d = lm_kind_desc(kind);
	const struct lm_field_desc *f = field && !is_host(field) ? lm_kind_field(kind, field) : NULL;
	if (field && is_host(field))
		lm_buf_puts(sql, "lm_host(o._ident, o._time)");
	else if (f && c->have[kind] >> (f - d->fields) & 1)
		lm_buf_fmt(sql, "o.\"%s\"", f->name);
	else if (f)
		lm_buf_puts(sql, "NULL");
	else
		return false;
	return true;
}

static enum lm_rc bind_value(struct lm_case *c, sqlite3_stmt *st, int i, enum lm_kind kind, const struct lm_where *w)
{
	const struct lm_field_desc *f = is_host(w->field) ? NULL : lm_kind_field(kind, w->field);
	int64_t n;
	if (f && f->type == LM_F_STR) {
		lm_bind_str(st, i, w->value);
		return LM_OK;
	}
	if (f && f->type == LM_F_BYTES) {
		lm_bind_bytes(st, i, lm_str_bytes(w->value));
		return LM_OK;
	}
	if (f && f->type == LM_F_REAL)
		return lm_case_fail(c, LM_EUSAGE, "cannot compare '%s': a measured value is never exactly equal",
				    w->field);
	if (!lm_str_i64(w->value, &n) && !(f && f->type == LM_F_TIME && lm_time_parse(w->value, NULL, &n, NULL)))
		return lm_case_fail(c, LM_EUSAGE, "cannot compare '%s' with '%.*s': it is a number", w->field,
				    LM_STR_ARG(w->value));
	sqlite3_bind_int64(st, i, n);
	return LM_OK;
}

static enum lm_rc fetch_sql(struct lm_case *c, enum lm_kind kind, const struct lm_where *where, size_t n_where,
			    struct lm_buf *sql)
{
	lm_buf_puts(sql, "SELECT ");
	lm_query_columns(c, kind, sql);
	lm_buf_fmt(sql, " FROM obs_%s o", lm_kind_desc(kind)->id);
	for (size_t i = 0; i < n_where; i++) {
		lm_buf_puts(sql, i ? " AND " : " WHERE ");
		if (!put_field(c, kind, where[i].field, sql))
			return unknown_field(c, kind, where[i].field);
		if (where[i].value.p)
			lm_buf_fmt(sql, " = ?%u", (unsigned)i + 1);
		else
			lm_buf_puts(sql, " IS NULL");
	}
	lm_buf_puts(sql, " ORDER BY o._time, o._id");
	return LM_OK;
}

/* No index helps a query over other columns than hashes: after some scans of a large table it gets one. */
static enum lm_rc index_asked(struct lm_case *c, enum lm_kind kind, const struct lm_where *where, size_t n_where)
{
	const struct lm_field_desc *f = NULL;
	struct lm_buf sql;
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; i < n_where; i++) {
		const struct lm_field_desc *g = is_host(where[i].field) ? NULL : lm_kind_field(kind, where[i].field);
		if (!g || !where[i].value.p || g->type == LM_F_BOOL)
			continue;
		if (g->type == LM_F_BYTES)
			return LM_OK; /* these have theirs since the last resolve */
		if (!f)
			f = g;
	}
	if (!f || c->read_only || c->broken)
		return LM_OK;
	lm_buf_init(&sql, 1024);
	lm_buf_fmt(&sql, "obs_%s.%s", lm_kind_desc(kind)->id, f->name);
	struct lm_map_entry *e = lm_map_add(&c->asked, lm_buf_view(&sql), NULL);
	if (++e->v.num == SCANS_BEFORE_INDEX) {
		lm_buf_clear(&sql);
		lm_buf_fmt(&sql, "CREATE INDEX IF NOT EXISTS obs_%s_%s ON obs_%s(\"%s\") WHERE \"%s\" IS NOT NULL",
			   lm_kind_desc(kind)->id, f->name, lm_kind_desc(kind)->id, f->name, f->name);
		/* a reading cursor of the same connection locks the schema: then the scan goes on, and later asks try
		 * again */
		if (sqlite3_exec(c->db, sql.p, NULL, NULL, NULL) != SQLITE_OK) {
			e->v.num = 0;
			if (sqlite3_errcode(c->db) != SQLITE_LOCKED && sqlite3_errcode(c->db) != SQLITE_BUSY)
				rc = lm_db_fail(c, "index");
		}
	}
	lm_buf_fini(&sql);
	return rc;
}

enum lm_rc lm_case_fetch(struct lm_case *c, enum lm_kind kind, const struct lm_where *where, size_t n_where,
			 lm_stored_fn *fn, void *user)
{
	if (!lm_kind_desc(kind))
		return unknown_field(c, kind, "");
	enum lm_rc rc = ready(c);
	if (rc != LM_OK || !c->have[kind])
		return rc;
	struct lm_buf sql;
	lm_buf_init(&sql, 1 << 16);
	rc = fetch_sql(c, kind, where, n_where, &sql);
	if (rc == LM_OK)
		rc = index_asked(c, kind, where, n_where);
	sqlite3_stmt *st = rc == LM_OK ? lm_db_get(c, sql.p) : NULL;
	lm_buf_fini(&sql);
	if (!st)
		return rc == LM_OK ? LM_EDB : rc;
	for (size_t i = 0; rc == LM_OK && i < n_where; i++)
		if (where[i].value.p)
			rc = bind_value(c, st, (int)i + 1, kind, &where[i]);
	struct lm_stored s;
	while (rc == LM_OK && lm_db_row(c, st, &rc)) {
		rc = lm_query_row(c, st, kind, &s);
		if (rc == LM_OK)
			rc = fn(user, &s);
	}
	lm_db_put(c, st);
	return rc == LM_END ? LM_OK : rc;
}

/* A value as text: raw bytes of texts and blobs, numbers in decimal. */
static struct lm_str col_value(sqlite3_stmt *st, int i)
{
	return sqlite3_column_type(st, i) == SQLITE_BLOB ? lm_bytes_str(lm_col_bytes(st, i)) : lm_col_str(st, i);
}

enum lm_rc lm_case_prevalence(struct lm_case *c, enum lm_kind kind, const char *field,
			      enum lm_rc (*fn)(void *user, const struct lm_prevalence *p), void *user)
{
	enum lm_rc rc = lm_kind_desc(kind) ? ready(c) : unknown_field(c, kind, field);
	if (rc != LM_OK)
		return rc;
	struct lm_buf sql;
	lm_buf_init(&sql, 4096);
	lm_buf_puts(&sql, "SELECT ");
	if (!put_field(c, kind, field, &sql))
		rc = unknown_field(c, kind, field);
	/* a proxy stands for many hosts and counts as none */
	lm_buf_fmt(&sql,
		   " AS value, count(DISTINCT lm_host(o._ident, o._time, 1)), count(*), min(o._time), max(o._time)"
		   " FROM obs_%s o WHERE value IS NOT NULL GROUP BY value ORDER BY value",
		   lm_kind_desc(kind)->id);
	sqlite3_stmt *st = rc == LM_OK && c->have[kind] ? lm_db_get(c, sql.p) : NULL;
	lm_buf_fini(&sql);
	if (!st)
		return rc != LM_OK || !c->have[kind] ? rc : LM_EDB;
	while (lm_db_row(c, st, &rc)) {
		struct lm_prevalence p = { col_value(st, 0), (uint64_t)sqlite3_column_int64(st, 1),
					   (uint64_t)sqlite3_column_int64(st, 2), lm_col_int(st, 3),
					   lm_col_int(st, 4) };
		rc = fn(user, &p);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	return rc == LM_END ? LM_OK : rc;
}

enum lm_rc lm_case_pairs(struct lm_case *c, enum lm_kind kind, const char *field, const char *of, unsigned n,
			 enum lm_rc (*fn)(void *user, struct lm_str value, struct lm_str of, uint64_t count),
			 void *user)
{
	enum lm_rc rc = lm_kind_desc(kind) ? ready(c) : unknown_field(c, kind, field);
	if (rc != LM_OK)
		return rc;
	struct lm_buf sql;
	lm_buf_init(&sql, 4096);
	lm_buf_puts(&sql, "WITH p AS MATERIALIZED (SELECT ");
	if (!put_field(c, kind, field, &sql))
		rc = unknown_field(c, kind, field);
	lm_buf_puts(&sql, " AS a, ");
	if (rc == LM_OK && !put_field(c, kind, of, &sql))
		rc = unknown_field(c, kind, of);
	lm_buf_fmt(&sql,
		   " AS b, count(*) AS n FROM obs_%s o WHERE a IS NOT NULL AND b IS NOT NULL GROUP BY a, b)"
		   " SELECT a, b, n FROM p WHERE a IN (SELECT a FROM p GROUP BY a HAVING count(*) >= ?1) ORDER BY a, b",
		   lm_kind_desc(kind)->id);
	sqlite3_stmt *st = rc == LM_OK && c->have[kind] ? lm_db_get(c, sql.p) : NULL;
	lm_buf_fini(&sql);
	if (!st)
		return rc != LM_OK || !c->have[kind] ? rc : LM_EDB;
	sqlite3_bind_int64(st, 1, n);
	while (lm_db_row(c, st, &rc)) {
		rc = fn(user, col_value(st, 0), col_value(st, 1), (uint64_t)sqlite3_column_int64(st, 2));
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	return rc == LM_END ? LM_OK : rc;
}
