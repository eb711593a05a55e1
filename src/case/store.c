/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - observations in tables made from their descriptors; put, commit, settings.
 *
 * In: observations of any kind, in any order, any number of times. Out: one row a fact, named by the first 16
 * bytes of the SHA-256 of its canonical bytes. What the canonical bytes leave out (where it is cited, which
 * source named the host, whether the zone was assumed) takes its smallest value, so that no order of arrival
 * shows. Limits: a text of more than a thousand million bytes is refused by SQLite.
 */
#include "case/case_priv.h"
#include "base/text.h"

#include <math.h>

static const char *const sql_types[] = { "TEXT", "INTEGER", "INTEGER", "INTEGER", "REAL", "BLOB" };

/*
 * A rowid table with an index over _id rather than WITHOUT ROWID: ids are random, and the wide rows would be
 * written all over the file (measured: docs/dev/case.md).
 */
void lm_store_table(enum lm_kind kind, struct lm_buf *sql)
{
	const struct lm_kind_desc *d = lm_kind_desc(kind);
	lm_buf_fmt(sql,
		   "CREATE TABLE IF NOT EXISTS obs_%s(_id BLOB PRIMARY KEY NOT NULL, _ident INTEGER, _time INTEGER,"
		   " _assumed INTEGER NOT NULL, _ev INTEGER NOT NULL, _off INTEGER NOT NULL, _len INTEGER NOT NULL,"
		   " _rec INTEGER",
		   d->id);
	for (unsigned i = 0; i < d->n_fields; i++)
		lm_buf_fmt(sql, ", \"%s\" %s", d->fields[i].name, sql_types[d->fields[i].type]);
	lm_buf_puts(sql, ") STRICT");
}

void lm_store_columns(struct lm_case *c, enum lm_kind kind, struct lm_buf *sql)
{
	const struct lm_kind_desc *d = lm_kind_desc(kind);
	for (unsigned i = 0; i < d->n_fields; i++)
		if (c->have[kind] >> i & 1)
			lm_buf_fmt(sql, ", o.\"%s\"", d->fields[i].name);
		else
			lm_buf_puts(sql, ", NULL");
}

void lm_store_fields(sqlite3_stmt *st, int col, struct lm_obs *o)
{
	const struct lm_kind_desc *d = lm_kind_desc(o->kind);
	for (unsigned i = 0; i < d->n_fields; i++, col++) {
		void *p = (char *)o + d->fields[i].offset;
		switch (d->fields[i].type) {
		case LM_F_STR:
			*(struct lm_str *)p = lm_col_str(st, col);
			break;
		case LM_F_BYTES:
			*(struct lm_bytes *)p = lm_col_bytes(st, col);
			break;
		case LM_F_INT:
		case LM_F_TIME:
		case LM_F_BOOL:
			*(struct lm_int *)p = lm_col_int(st, col);
			break;
		case LM_F_REAL:
			*(struct lm_real *)p = (struct lm_real){ sqlite3_column_double(st, col),
								 sqlite3_column_type(st, col) != SQLITE_NULL };
			break;
		}
	}
}

static void bind_fields(sqlite3_stmt *st, int col, const struct lm_obs *o)
{
	const struct lm_kind_desc *d = lm_kind_desc(o->kind);
	for (unsigned i = 0; i < d->n_fields; i++, col++) {
		const void *p = lm_obs_field(o, &d->fields[i]);
		switch (d->fields[i].type) {
		case LM_F_STR:
			lm_bind_str(st, col, *(const struct lm_str *)p);
			break;
		case LM_F_BYTES:
			lm_bind_bytes(st, col, *(const struct lm_bytes *)p);
			break;
		case LM_F_INT:
		case LM_F_TIME:
		case LM_F_BOOL:
			lm_bind_int(st, col, *(const struct lm_int *)p);
			break;
		case LM_F_REAL:
			if (((const struct lm_real *)p)->set)
				sqlite3_bind_double(st, col, ((const struct lm_real *)p)->v);
			else
				sqlite3_bind_null(st, col);
			break;
		}
	}
}

void lm_store_id(struct lm_case *c, const struct lm_obs *o, uint8_t id[16])
{
	uint8_t digest[32];
	lm_buf_clear(&c->canon);
	lm_obs_canonical(o, &c->canon);
	lm_sha_begin(c);
	lm_sha_add(c, c->canon.p, c->canon.n);
	lm_sha_end(c, digest);
	memcpy(id, digest, 16);
}

/* SQLite has no NaN and an identity has no empty names: both are unset before the id is made. */
static void settle(struct lm_obs *o)
{
	const struct lm_kind_desc *d = lm_kind_desc(o->kind);
	struct lm_str *id[] = { &o->host.name, &o->host.address, &o->host.device };
	for (size_t i = 0; i < 3; i++)
		if (!id[i]->n)
			*id[i] = (struct lm_str){ 0 };
	for (unsigned i = 0; i < d->n_fields; i++) {
		struct lm_real *r = (void *)((char *)o + d->fields[i].offset);
		if (d->fields[i].type == LM_F_REAL && (isnan(r->v) || !r->set))
			*r = (struct lm_real){ 0 };
		else if (d->fields[i].type == LM_F_REAL && r->v == 0)
			r->v = 0; /* SQLite stores -0.0 as 0 */
	}
}

static enum lm_rc prepare_put(struct lm_case *c, enum lm_kind k)
{
	const struct lm_kind_desc *d = lm_kind_desc(k);
	struct lm_buf sql;
	lm_buf_init(&sql, 1 << 16);
	lm_buf_fmt(&sql, "INSERT INTO obs_%s(_id, _ident, _time, _assumed, _ev, _off, _len, _rec", d->id);
	for (unsigned i = 0; i < d->n_fields; i++)
		lm_buf_fmt(&sql, ", \"%s\"", d->fields[i].name);
	lm_buf_puts(&sql, ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8");
	for (unsigned i = 0; i < d->n_fields; i++)
		lm_buf_fmt(&sql, ", ?%u", 9 + i);
	lm_buf_puts(&sql, ") ON CONFLICT(_id) DO NOTHING");
	int flags = SQLITE_PREPARE_PERSISTENT;
	int got = sqlite3_prepare_v3(c->db, sql.p, -1, (unsigned)flags, &c->put[k].insert, NULL);
	lm_buf_clear(&sql);
	lm_buf_fmt(&sql, "SELECT rowid, _ev, _off, _len, _rec, _ident, _assumed FROM obs_%s WHERE _id = ?1", d->id);
	if (got == SQLITE_OK)
		got = sqlite3_prepare_v3(c->db, sql.p, -1, (unsigned)flags, &c->put[k].get, NULL);
	lm_buf_fini(&sql);
	return got == SQLITE_OK ? LM_OK : lm_db_fail(c, "write to");
}

struct place {
	int64_t ev;
	int64_t off, len;
	struct lm_int rec;
};

static int cmp_i64(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* Order of places inside one content: offset, then record (unset first), then length. */
static int cmp_inside(const struct place *a, const struct place *b)
{
	int by = cmp_i64(a->off, b->off);
	if (!by)
		by = (int)a->rec.set - (int)b->rec.set;
	if (!by)
		by = cmp_i64(a->rec.v, b->rec.v);
	return by ? by : cmp_i64(a->len, b->len);
}

static struct place col_place(sqlite3_stmt *st, int i)
{
	return (struct place){ sqlite3_column_int64(st, i), sqlite3_column_int64(st, i + 1),
			       sqlite3_column_int64(st, i + 2), lm_col_int(st, i + 3) };
}

static enum lm_rc move_to(struct lm_case *c, enum lm_kind k, int64_t rowid, const struct place *p)
{
	char sql[160];
	sqlite3_snprintf(sizeof sql, sql,
			 "UPDATE obs_%s SET _ev = ?2, _off = ?3, _len = ?4, _rec = ?5 WHERE rowid = ?1",
			 lm_kind_desc(k)->id);
	sqlite3_stmt *st = lm_db_get(c, sql);
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, rowid);
	sqlite3_bind_int64(st, 2, p->ev);
	sqlite3_bind_int64(st, 3, p->off);
	sqlite3_bind_int64(st, 4, p->len);
	lm_bind_int(st, 5, p->rec);
	return lm_db_write(c, st);
}

/* Another content states the observation too; which one is cited is decided when all digests are known. */
static enum lm_rc add_cite(struct lm_case *c, enum lm_kind k, const uint8_t id[16], const struct place *p)
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT ev, off, len, rec FROM cite WHERE kind = ?1 AND id = ?2 AND ev = ?3");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, k);
	sqlite3_bind_blob(st, 2, id, 16, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, p->ev);
	enum lm_rc rc;
	bool stands = false;
	if (lm_db_row(c, st, &rc)) {
		struct place old = col_place(st, 0);
		stands = cmp_inside(&old, p) <= 0;
		rc = LM_OK;
	}
	lm_db_put(c, st);
	if (rc != LM_OK || stands)
		return rc;
	st = lm_db_get(c, "INSERT OR REPLACE INTO cite(kind, id, ev, off, len, rec) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, k);
	sqlite3_bind_blob(st, 2, id, 16, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, p->ev);
	sqlite3_bind_int64(st, 4, p->off);
	sqlite3_bind_int64(st, 5, p->len);
	lm_bind_int(st, 6, p->rec);
	return lm_db_write(c, st);
}

static enum lm_rc set_column(struct lm_case *c, enum lm_kind k, int64_t rowid, const char *column, int64_t v)
{
	char sql[120];
	sqlite3_snprintf(sizeof sql, sql, "UPDATE obs_%s SET %s = ?2 WHERE rowid = ?1", lm_kind_desc(k)->id, column);
	sqlite3_stmt *st = lm_db_get(c, sql);
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, rowid);
	sqlite3_bind_int64(st, 2, v);
	return lm_db_write(c, st);
}

/* 0 (no source stated) is the weakest. */
static unsigned weakness(const struct lm_case *c, int64_t ident)
{
	const struct lm_ident_row *r = lm_ident_row(c, ident);
	return r && r->as.source ? (unsigned)r->as.source : 99;
}

/* The fact is known already: keep the smallest of what the id does not cover. */
static enum lm_rc again(struct lm_case *c, const struct lm_obs *o, const uint8_t id[16], int64_t ident,
			const struct place *p)
{
	sqlite3_stmt *get = c->put[o->kind].get;
	enum lm_rc rc;
	sqlite3_bind_blob(get, 1, id, 16, SQLITE_STATIC);
	if (!lm_db_row(c, get, &rc)) {
		sqlite3_reset(get);
		return rc == LM_OK ? lm_db_fail(c, "write to") : rc;
	}
	int64_t rowid = sqlite3_column_int64(get, 0), old_ident = sqlite3_column_int64(get, 5);
	struct place old = col_place(get, 1);
	bool assumed = sqlite3_column_int64(get, 6);
	sqlite3_reset(get);
	rc = LM_OK;
	if (old.ev != p->ev)
		rc = add_cite(c, o->kind, id, p);
	else if (cmp_inside(p, &old) < 0)
		rc = move_to(c, o->kind, rowid, p);
	if (rc == LM_OK && assumed && !o->time_assumed)
		rc = set_column(c, o->kind, rowid, "_assumed", 0);
	if (rc == LM_OK && ident != old_ident && weakness(c, ident) < weakness(c, old_ident))
		rc = set_column(c, o->kind, rowid, "_ident", ident);
	return rc;
}

static void add_to_sum(struct lm_case *c, const uint8_t id[16])
{
	unsigned carry = 0;
	for (int i = 0; i < 16; i++) {
		carry += (unsigned)c->sum[i] + id[i];
		c->sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
	c->batch_added++;
}

enum lm_rc lm_case_put(struct lm_case *c, int64_t evidence, const struct lm_obs *seen)
{
	if (!lm_kind_desc(seen->kind))
		return lm_case_fail(c, LM_EUSAGE, "cannot store an observation of kind %d: there is no such kind",
				    (int)seen->kind);
	enum lm_rc rc = lm_db_begin(c);
	if (rc == LM_OK && !c->put[seen->kind].get)
		rc = prepare_put(c, seen->kind);
	if (rc != LM_OK)
		return rc;
	struct lm_obs o = *seen;
	settle(&o);
	unsigned used = lm_ident_use(o.kind);
	int64_t ident;
	rc = lm_ident_intern(c, &o.host, used, o.time, &ident);
	if (rc != LM_OK)
		return rc;
	uint8_t id[16];
	lm_store_id(c, &o, id);
	struct place p = { evidence, (int64_t)(o.at.offset & INT64_MAX), (int64_t)(o.at.length & INT64_MAX),
			   o.at.record };
	sqlite3_stmt *st = c->put[o.kind].insert;
	sqlite3_bind_blob(st, 1, id, 16, SQLITE_STATIC);
	lm_bind_int(st, 2, (struct lm_int){ ident, ident != 0 });
	lm_bind_int(st, 3, o.time);
	sqlite3_bind_int(st, 4, o.time_assumed);
	sqlite3_bind_int64(st, 5, p.ev);
	sqlite3_bind_int64(st, 6, p.off);
	sqlite3_bind_int64(st, 7, p.len);
	lm_bind_int(st, 8, p.rec);
	bind_fields(st, 9, &o);
	int got = sqlite3_step(st);
	bool added = got == SQLITE_DONE && sqlite3_changes(c->db) > 0;
	rc = got == SQLITE_DONE ? LM_OK : lm_db_fail(c, "write to");
	sqlite3_reset(st);
	if (added)
		add_to_sum(c, id);
	else if (rc == LM_OK)
		rc = again(c, &o, id, ident, &p);
	return rc;
}

static enum lm_rc log_batch(struct lm_case *c)
{
	struct lm_buf b;
	lm_buf_init(&b, 4096);
	lm_buf_hex(&b, (struct lm_bytes){ c->sum, sizeof c->sum });
	enum lm_rc rc = lm_case_set(c, "_ids_sum", lm_buf_view(&b));
	lm_buf_clear(&b);
	lm_buf_fmt(&b, "observations added %llu, sum of ids ", (unsigned long long)c->batch_added);
	lm_buf_hex(&b, (struct lm_bytes){ c->sum, sizeof c->sum });
	if (rc == LM_OK)
		rc = lm_case_log(c, "batch", lm_buf_view(&b));
	lm_buf_fini(&b);
	return rc;
}

enum lm_rc lm_store_resum(struct lm_case *c)
{
	enum lm_rc rc = LM_OK;
	memset(c->sum, 0, sizeof c->sum);
	for (enum lm_kind k = LM_KIND_NONE + 1; rc == LM_OK && k < LM_KIND_COUNT; k++) {
		struct lm_buf sql;
		if (!c->have[k])
			continue;
		lm_buf_init(&sql, 256);
		lm_buf_fmt(&sql, "SELECT _id FROM obs_%s", lm_kind_desc(k)->id);
		sqlite3_stmt *st = lm_db_get(c, sql.p);
		rc = st ? LM_OK : LM_EDB;
		while (st && lm_db_row(c, st, &rc)) {
			struct lm_bytes id = lm_col_bytes(st, 0);
			if (id.n == 16)
				add_to_sum(c, id.p);
		}
		if (st)
			lm_db_put(c, st);
		lm_buf_fini(&sql);
	}
	c->batch_added = 0;
	return rc == LM_OK ? log_batch(c) : rc;
}

enum lm_rc lm_case_commit(struct lm_case *c)
{
	if (c->broken)
		return LM_EDB;
	if (!c->in_batch)
		return LM_OK;
	enum lm_rc rc = lm_ident_flush(c);
	if (rc == LM_OK && c->batch_added)
		rc = log_batch(c);
	if (rc == LM_OK)
		rc = lm_db_write(c, lm_db_get(c, "COMMIT"));
	if (rc != LM_OK) {
		/* what was put is not in the case; to go on would mark files as read whose facts are lost */
		sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
		c->broken = true;
	}
	c->in_batch = false;
	c->batch_added = 0;
	return rc;
}

enum lm_rc lm_case_set(struct lm_case *c, const char *key, struct lm_str value)
{
	enum lm_rc rc = lm_db_begin(c);
	sqlite3_stmt *st =
		rc == LM_OK ? lm_db_get(c, "INSERT OR REPLACE INTO setting(key, value) VALUES(?1, ?2)") : NULL;
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, lm_cstr(key));
	lm_bind_str(st, 2, value);
	rc = lm_db_write(c, st);
	return rc == LM_OK && strcmp(key, "subject") == 0 ? lm_product_subject(c, value) : rc;
}

struct lm_str lm_case_get(struct lm_case *c, const char *key, struct lm_arena *a)
{
	struct lm_str got = { 0 };
	sqlite3_stmt *st = lm_db_get(c, "SELECT value FROM setting WHERE key = ?1");
	enum lm_rc rc;
	if (!st)
		return got;
	lm_bind_str(st, 1, lm_cstr(key));
	if (lm_db_row(c, st, &rc))
		got = lm_arena_str(a, lm_col_str(st, 0));
	lm_db_put(c, st);
	return got;
}

enum lm_rc lm_store_indexes(struct lm_case *c)
{
	struct lm_buf sql;
	lm_buf_init(&sql, 4096);
	enum lm_rc rc = LM_OK;
	for (enum lm_kind k = LM_KIND_NONE + 1; rc == LM_OK && k < LM_KIND_COUNT; k++) {
		const struct lm_kind_desc *d = lm_kind_desc(k);
		lm_buf_clear(&sql);
		lm_buf_fmt(&sql, "CREATE INDEX IF NOT EXISTS obs_%s_ident ON obs_%s(_ident, _time)", d->id, d->id);
		rc = lm_db_exec(c, sql.p);
		for (unsigned i = 0; rc == LM_OK && i < d->n_fields; i++) {
			static const char *const hashes[] = { "sha256", "sha1", "md5", "authentihash" };
			for (size_t h = 0; rc == LM_OK && h < sizeof hashes / sizeof *hashes; h++) {
				if (strcmp(d->fields[i].name, hashes[h]) != 0)
					continue;
				lm_buf_clear(&sql);
				lm_buf_fmt(&sql,
					   "CREATE INDEX IF NOT EXISTS obs_%s_%s ON obs_%s(\"%s\") WHERE \"%s\" IS NOT "
					   "NULL",
					   d->id, hashes[h], d->id, hashes[h], hashes[h]);
				rc = lm_db_exec(c, sql.p);
			}
		}
	}
	lm_buf_fini(&sql);
	return rc;
}

/* Of two places in different contents: what an option named first, then by path. */
static int cmp_place(struct lm_case *c, const struct place *a, const struct place *b, bool *same, enum lm_rc *rc)
{
	const struct lm_cite *x = lm_cite(c, a->ev);
	struct lm_cite ca = x ? *x : (struct lm_cite){ 0 };
	const struct lm_cite *cb = x ? lm_cite(c, b->ev) : NULL;
	if (!cb) {
		*rc = LM_EDB;
		return 0;
	}
	*same = ca.known && cb->known && memcmp(ca.sha256, cb->sha256, 32) == 0;
	if (*same)
		return cmp_inside(a, b);
	if (ca.trusted != cb->trusted)
		return ca.trusted ? -1 : 1;
	int by = lm_str_cmp(ca.path, cb->path);
	return by ? by : cmp_inside(a, b);
}

static enum lm_rc drop_cite(struct lm_case *c, enum lm_kind k, const uint8_t id[16], int64_t ev)
{
	sqlite3_stmt *st = lm_db_get(c, "DELETE FROM cite WHERE kind = ?1 AND id = ?2 AND ev = ?3");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, k);
	sqlite3_bind_blob(st, 2, id, 16, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, ev);
	return lm_db_write(c, st);
}

static enum lm_rc fold_one(struct lm_case *c, enum lm_kind k, const uint8_t id[16], const struct place *alt)
{
	char sql[120];
	sqlite3_snprintf(sizeof sql, sql, "SELECT rowid, _ev, _off, _len, _rec FROM obs_%s WHERE _id = ?1",
			 lm_kind_desc(k)->id);
	sqlite3_stmt *st = lm_db_get(c, sql);
	if (!st)
		return LM_EDB;
	sqlite3_bind_blob(st, 1, id, 16, SQLITE_STATIC);
	enum lm_rc rc = LM_OK;
	bool found = lm_db_row(c, st, &rc), same = false;
	struct place main_place = found ? col_place(st, 1) : (struct place){ 0 };
	int64_t rowid = found ? sqlite3_column_int64(st, 0) : 0;
	lm_db_put(c, st);
	if (!found)
		return rc;
	int by = cmp_place(c, alt, &main_place, &same, &rc);
	if (rc == LM_OK && by < 0)
		rc = move_to(c, k, rowid, alt);
	if (rc == LM_OK && (by < 0 || same))
		rc = drop_cite(c, k, id, alt->ev);
	if (rc == LM_OK && by < 0 && !same)
		rc = add_cite(c, k, id, &main_place);
	return rc;
}

/*
 * Places of one content are interchangeable (the digest is cited, under its smallest path), places of different
 * contents stay on record: which path is smallest may change with the next evidence.
 */
enum lm_rc lm_store_fold(struct lm_case *c)
{
	lm_cite_forget(c);
	int64_t kind = -1;
	uint8_t id[16] = { 0 };
	int64_t ev = -1;
	enum lm_rc rc = LM_OK;
	for (;;) {
		/* one row at a time: the table changes under the cursor */
		sqlite3_stmt *st =
			lm_db_get(c, "SELECT ev, off, len, rec, kind, id FROM cite WHERE (kind, id, ev) > (?1, ?2, ?3)"
				     " ORDER BY kind, id, ev LIMIT 1");
		if (!st)
			return LM_EDB;
		sqlite3_bind_int64(st, 1, kind);
		sqlite3_bind_blob(st, 2, id, 16, SQLITE_STATIC);
		sqlite3_bind_int64(st, 3, ev);
		bool more = lm_db_row(c, st, &rc);
		struct place p = { 0 };
		if (more) {
			p = col_place(st, 0);
			kind = sqlite3_column_int64(st, 4);
			struct lm_bytes b = lm_col_bytes(st, 5);
			memcpy(id, b.p, b.n < 16 ? b.n : 16);
			ev = p.ev;
		}
		lm_db_put(c, st);
		if (!more)
			return rc;
		rc = lm_kind_desc((enum lm_kind)kind) ? fold_one(c, (enum lm_kind)kind, id, &p) : LM_OK;
		if (rc != LM_OK)
			return rc;
	}
}
