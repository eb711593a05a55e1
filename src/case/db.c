/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.c - SQLite with manners: a cache of prepared statements, typed binding, batches, one message a failure.
 *
 * In: SQL text that this room wrote (never text from evidence, which is always bound). Out: rows and LM_EDB.
 * Limits: a statement that is being stepped is out of the cache, so that a callback may ask the same question.
 */
#include "case/case_priv.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_STATEMENTS 160

enum lm_rc lm_case_fail(struct lm_case *c, enum lm_rc rc, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(c->error, sizeof c->error, fmt, ap);
	va_end(ap);
	return rc;
}

enum lm_rc lm_db_fail(struct lm_case *c, const char *what)
{
	const char *words = sqlite3_errmsg(c->db);
	if (sqlite3_errcode(c->db) == SQLITE_OK)
		words = "internal disagreement";
	lm_case_fail(c, LM_EDB, "cannot %s case '%s': %s", what, c->path ? c->path : "(memory)", words);
	/* SQLite rolls back by itself when the disk is full or fails: what was put is gone, so nothing may follow */
	if (c->in_batch && sqlite3_get_autocommit(c->db))
		c->broken = true;
	return LM_EDB;
}

enum lm_rc lm_db_exec(struct lm_case *c, const char *sql)
{
	return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ? LM_OK : lm_db_fail(c, "change");
}

void lm_db_forget(struct lm_case *c)
{
	for (size_t i = 0; i < c->stmts.n; i++)
		sqlite3_finalize(c->stmts.entries[i].v.ptr);
	lm_map_fini(&c->stmts);
	lm_map_init(&c->stmts);
}

sqlite3_stmt *lm_db_get(struct lm_case *c, const char *sql)
{
	struct lm_map_entry *e = lm_map_find(&c->stmts, lm_cstr(sql));
	if (e && e->v.ptr) {
		sqlite3_stmt *st = e->v.ptr;
		e->v.ptr = NULL;
		return st;
	}
	sqlite3_stmt *st = NULL;
	if (sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK) {
		lm_db_fail(c, "ask");
		return NULL;
	}
	return st;
}

void lm_db_put(struct lm_case *c, sqlite3_stmt *st)
{
	if (!st)
		return;
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (c->stmts.n >= MAX_STATEMENTS)
		lm_db_forget(c);
	struct lm_map_entry *e = lm_map_add(&c->stmts, lm_cstr(sqlite3_sql(st)), NULL);
	if (e->v.ptr)
		sqlite3_finalize(st);
	else
		e->v.ptr = st;
}

bool lm_db_row(struct lm_case *c, sqlite3_stmt *st, enum lm_rc *rc)
{
	int got = sqlite3_step(st);
	if (got == SQLITE_ROW)
		return true;
	*rc = got == SQLITE_DONE ? LM_OK : lm_db_fail(c, "read");
	return false;
}

enum lm_rc lm_db_write(struct lm_case *c, sqlite3_stmt *st)
{
	if (!st)
		return LM_EDB;
	int got = sqlite3_step(st);
	enum lm_rc rc = got == SQLITE_DONE || got == SQLITE_ROW ? LM_OK : lm_db_fail(c, "write to");
	lm_db_put(c, st);
	return rc;
}

int64_t lm_db_int(struct lm_case *c, const char *sql, int64_t otherwise)
{
	sqlite3_stmt *st = lm_db_get(c, sql);
	enum lm_rc rc;
	if (st && lm_db_row(c, st, &rc) && sqlite3_column_type(st, 0) != SQLITE_NULL)
		otherwise = sqlite3_column_int64(st, 0);
	lm_db_put(c, st);
	return otherwise;
}

enum lm_rc lm_db_begin(struct lm_case *c)
{
	if (c->broken)
		return LM_EDB; /* the message of the first failure stands */
	if (c->read_only)
		return lm_case_fail(c, LM_EUSAGE, "cannot write to case '%s': it was opened for reading only", c->path);
	if (c->in_batch)
		return LM_OK;
	sqlite3_stmt *st = lm_db_get(c, "BEGIN IMMEDIATE");
	enum lm_rc rc = lm_db_write(c, st);
	c->in_batch = rc == LM_OK;
	return rc;
}

/* Bound views need only live until the statement is given back. */
void lm_bind_str(sqlite3_stmt *st, int i, struct lm_str s)
{
	if (s.p)
		sqlite3_bind_text64(st, i, s.n ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
	else
		sqlite3_bind_null(st, i);
}

void lm_bind_bytes(sqlite3_stmt *st, int i, struct lm_bytes b)
{
	if (b.p)
		sqlite3_bind_blob64(st, i, b.n ? (const void *)b.p : "", b.n, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, i);
}

void lm_bind_int(sqlite3_stmt *st, int i, struct lm_int v)
{
	if (v.set)
		sqlite3_bind_int64(st, i, v.v);
	else
		sqlite3_bind_null(st, i);
}

struct lm_str lm_col_str(sqlite3_stmt *st, int i)
{
	if (sqlite3_column_type(st, i) == SQLITE_NULL)
		return (struct lm_str){ 0 };
	const char *p = (const char *)sqlite3_column_text(st, i);
	return (struct lm_str){ p ? p : "", p ? (size_t)sqlite3_column_bytes(st, i) : 0 };
}

struct lm_bytes lm_col_bytes(sqlite3_stmt *st, int i)
{
	if (sqlite3_column_type(st, i) == SQLITE_NULL)
		return (struct lm_bytes){ 0 };
	const void *p = sqlite3_column_blob(st, i); /* NULL for a blob of no bytes */
	return (struct lm_bytes){ p ? p : (const void *)"", p ? (size_t)sqlite3_column_bytes(st, i) : 0 };
}

struct lm_int lm_col_int(sqlite3_stmt *st, int i)
{
	if (sqlite3_column_type(st, i) == SQLITE_NULL)
		return (struct lm_int){ 0 };
	return LM_INT(sqlite3_column_int64(st, i));
}

void lm_sha_begin(struct lm_case *c)
{
	if (!EVP_DigestInit_ex2(c->hash, c->sha256, NULL))
		abort(); /* SHA-256 of the default provider does not fail */
}

void lm_sha_add(struct lm_case *c, const void *p, size_t n)
{
	if (!EVP_DigestUpdate(c->hash, p, n))
		abort();
}

void lm_sha_u64(struct lm_case *c, uint64_t v)
{
	uint8_t le[8];
	for (int i = 0; i < 8; i++)
		le[i] = (uint8_t)(v >> 8 * i);
	lm_sha_add(c, le, sizeof le);
}

void lm_sha_str(struct lm_case *c, struct lm_str s)
{
	lm_sha_u64(c, s.p ? (uint64_t)s.n + 1 : 0);
	if (s.n)
		lm_sha_add(c, s.p, s.n);
}

void lm_sha_end(struct lm_case *c, uint8_t out[32])
{
	unsigned n = 32;
	if (!EVP_DigestFinal_ex(c->hash, out, &n))
		abort();
}
