/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.c - opening and closing a case: is it one, is it ours to write, which tables does it lack.
 *
 * In: a path or nothing (memory). Out: a handle that holds the file's exclusive lock until it is closed, or a
 * sentence that says what is wrong and what to do. Opening for reading changes no byte of the case and works on
 * a read-only medium. Limits: a case may come from someone else, so its schema is not trusted: no triggers, no
 * views, no functions inside it run.
 */
#include "case/case_priv.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *const schema[] = {
	"CREATE TABLE IF NOT EXISTS setting(key TEXT PRIMARY KEY NOT NULL, value TEXT) STRICT",
	"CREATE TABLE IF NOT EXISTS run(id INTEGER PRIMARY KEY, started INTEGER NOT NULL, ended INTEGER, args TEXT,"
	" version TEXT, digest BLOB, revision INTEGER) STRICT",
	"CREATE TABLE IF NOT EXISTS log(seq INTEGER PRIMARY KEY, prev BLOB NOT NULL, hash BLOB NOT NULL,"
	" time INTEGER NOT NULL, what TEXT NOT NULL, detail TEXT) STRICT",
	"CREATE TABLE IF NOT EXISTS evidence(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, parent INTEGER NOT "
	"NULL,"
	" root INTEGER NOT NULL, trusted INTEGER NOT NULL, sha256 BLOB, size INTEGER, kind TEXT) STRICT",
	"CREATE INDEX IF NOT EXISTS evidence_sha256 ON evidence(sha256, path)",
	"CREATE TABLE IF NOT EXISTS unit(path TEXT PRIMARY KEY NOT NULL, size INTEGER NOT NULL,"
	" modified INTEGER NOT NULL, fingerprint TEXT NOT NULL, lost TEXT, lost_offset INTEGER) STRICT",
	"CREATE TABLE IF NOT EXISTS ident(id INTEGER PRIMARY KEY, name TEXT, address TEXT, device TEXT,"
	" source INTEGER NOT NULL, used INTEGER NOT NULL, first INTEGER, last INTEGER, host INTEGER) STRICT",
	"CREATE TABLE IF NOT EXISTS ident_piece(ident INTEGER, from_ns INTEGER, to_ns INTEGER, host INTEGER,"
	" PRIMARY KEY(ident, from_ns)) STRICT, WITHOUT ROWID",
	/* further places that state an observation already stored; decided by lm_store_fold */
	"CREATE TABLE IF NOT EXISTS cite(kind INTEGER, id BLOB, ev INTEGER, off INTEGER NOT NULL, len INTEGER NOT NULL,"
	" rec INTEGER, PRIMARY KEY(kind, id, ev)) STRICT, WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS word(kind TEXT, a TEXT, b TEXT, reason TEXT, PRIMARY KEY(kind, a, b)) STRICT,"
	" WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS host(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, org TEXT,"
	" country TEXT, country_source TEXT, sector TEXT, os TEXT, role TEXT, listed INTEGER NOT NULL,"
	" seen INTEGER NOT NULL, resolved TEXT, product TEXT, version TEXT) STRICT",
	"CREATE TABLE IF NOT EXISTS host_name(host INTEGER, i INTEGER, kind TEXT NOT NULL, value TEXT NOT NULL,"
	" from_ns INTEGER, to_ns INTEGER, source INTEGER NOT NULL, note TEXT, PRIMARY KEY(host, i)) STRICT, WITHOUT "
	"ROWID",
	"CREATE TABLE IF NOT EXISTS host_key(key TEXT PRIMARY KEY NOT NULL, host INTEGER NOT NULL) STRICT, WITHOUT "
	"ROWID",
	"CREATE TABLE IF NOT EXISTS release(host INTEGER, product_key TEXT, version_key TEXT, vendor TEXT, product "
	"TEXT,"
	" version TEXT, path TEXT, basis TEXT, time INTEGER, ev INTEGER, off INTEGER, len INTEGER, rec INTEGER) STRICT",
	"CREATE INDEX IF NOT EXISTS release_order ON release(product_key, host, version_key)",
	"CREATE TABLE IF NOT EXISTS content_release(sha256 BLOB, product_key TEXT, version_key TEXT, vendor TEXT,"
	" product TEXT, version TEXT, hosts INTEGER, PRIMARY KEY(sha256, product_key, version_key)) STRICT, WITHOUT "
	"ROWID",
	"CREATE TABLE IF NOT EXISTS finding(id TEXT PRIMARY KEY NOT NULL, detector TEXT NOT NULL, rule TEXT,"
	" stage INTEGER NOT NULL, severity INTEGER NOT NULL, host INTEGER NOT NULL, host_name TEXT NOT NULL, subject "
	"TEXT,"
	" key TEXT, first INTEGER, last INTEGER, confidence INTEGER NOT NULL) STRICT, WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS finding_item(finding TEXT, list INTEGER, i INTEGER, text TEXT, note TEXT, odds "
	"REAL,"
	" sha256 BLOB, off INTEGER, len INTEGER, rec INTEGER, PRIMARY KEY(finding, list, i)) STRICT, WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS host_stage(host INTEGER, stage INTEGER, first INTEGER, last INTEGER,"
	" confidence INTEGER, findings TEXT, PRIMARY KEY(host, stage)) STRICT, WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS scope(dimension TEXT, value TEXT, listed INTEGER, seen INTEGER, s1 INTEGER, s2 "
	"INTEGER,"
	" s3 INTEGER, s4 INTEGER, s5 INTEGER) STRICT",
	"CREATE TABLE IF NOT EXISTS note(section TEXT, ord INTEGER, host INTEGER, text TEXT, detail TEXT) STRICT",
};

static enum lm_rc open_fail(struct lm_case *c, struct lm_err *err, enum lm_rc rc)
{
	return lm_fail(err, rc, "%s", c->error);
}

/* A sentence for what SQLite refused while the file was opened. */
static enum lm_rc refused(struct lm_case *c)
{
	int code = sqlite3_errcode(c->db);
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return lm_case_fail(c, LM_EDB,
				    "cannot open case '%s': another limier run is using it; wait for it to end or name "
				    "another case",
				    c->path);
	if (code == SQLITE_NOTADB)
		return lm_case_fail(c, LM_EDB, "cannot open case '%s': it is not a limier case; name another file",
				    c->path);
	if (code == SQLITE_CORRUPT)
		return lm_case_fail(c, LM_EDB,
				    "cannot open case '%s': the file is damaged; restore it or start a new case",
				    c->path);
	return lm_db_fail(c, "open");
}

static bool pragma_int(struct lm_case *c, const char *sql, int64_t *out)
{
	sqlite3_stmt *st = NULL;
	bool ok = sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW;
	if (ok)
		*out = sqlite3_column_int64(st, 0);
	int code = sqlite3_errcode(c->db);
	sqlite3_finalize(st);
	return ok || (code == SQLITE_DONE && (*out = 0, true));
}

/* Is it ours? *fresh: an empty file to fill. */
static enum lm_rc identify(struct lm_case *c, bool create, bool *fresh)
{
	int64_t app, version, tables;
	if (!pragma_int(c, "PRAGMA application_id", &app) || !pragma_int(c, "PRAGMA user_version", &version) ||
	    !pragma_int(c, "SELECT count(*) FROM sqlite_schema", &tables))
		return refused(c);
	*fresh = !tables && !app && !version;
	if (*fresh && create)
		return LM_OK;
	if (app != LM_CASE_APPLICATION_ID)
		return lm_case_fail(c, LM_EDB, "cannot open case '%s': %s; name another file", c->path,
				    *fresh ? "it is empty" : "it is a database, but not a limier case");
	if (version > LM_CASE_SCHEMA)
		return lm_case_fail(
			c, LM_EDB,
			"cannot open case '%s': a newer limier wrote it (schema %lld, this one knows %d); use that "
			"version",
			c->path, (long long)version, LM_CASE_SCHEMA);
	return LM_OK;
}

/*
 * Before SQLite sees it: what is at the path? The file itself is not opened here: closing any descriptor of a
 * file drops all POSIX locks that this process holds on it, SQLite's of another handle among them.
 */
static enum lm_rc look(struct lm_case *c, unsigned flags)
{
	struct stat st;
	if (stat(c->path, &st) != 0) {
		if (errno == ENOENT && (flags & LM_CASE_CREATE) && !c->read_only)
			return LM_OK;
		return lm_case_fail(c, LM_EDB, "cannot open case '%s': %s", c->path,
				    errno == ENOENT ? "there is no such file" : strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		return lm_case_fail(c, LM_EDB, "cannot open case '%s': it is %s, not a file; name another path",
				    c->path, S_ISDIR(st.st_mode) ? "a folder" : "special");
	return LM_OK;
}

static void harden(struct lm_case *c)
{
	static const int off[] = { SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW,
				   SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL };
	for (size_t i = 0; i < sizeof off / sizeof *off; i++)
		sqlite3_db_config(c->db, off[i], 0, NULL);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(c->db, 200);
}

static enum lm_rc connect_rw(struct lm_case *c, int flags)
{
	if (sqlite3_open_v2(c->path ? c->path : ":memory:", &c->db, flags, NULL) != SQLITE_OK)
		return refused(c);
	harden(c);
	return LM_OK;
}

/* "file:/a%3fb?immutable=1": a file that nobody can write needs no lock and no journal. */
static enum lm_rc connect_immutable(struct lm_case *c)
{
	struct lm_buf uri;
	struct stat st;
	lm_buf_init(&uri, 3 * strlen(c->path) + 64);
	lm_buf_fmt(&uri, "%s-wal", c->path);
	bool unfinished = stat(uri.p, &st) == 0 && st.st_size > 0;
	lm_buf_clear(&uri);
	lm_buf_puts(&uri, "file:");
	for (const char *p = c->path; *p; p++)
		if (strchr("?#%", *p) || (unsigned char)*p < 0x20)
			lm_buf_fmt(&uri, "%%%02x", (unsigned char)*p);
		else
			lm_buf_putc(&uri, *p);
	lm_buf_puts(&uri, "?immutable=1");
	enum lm_rc rc = LM_OK;
	if (unfinished)
		rc = lm_case_fail(
			c, LM_EDB,
			"cannot open case '%s': its last run was interrupted and the folder cannot be written; "
			"copy the case and its -wal file to another folder",
			c->path);
	else {
		sqlite3_close(c->db);
		c->db = NULL;
		if (sqlite3_open_v2(uri.p, &c->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK)
			rc = refused(c);
		else
			harden(c);
	}
	lm_buf_fini(&uri);
	return rc;
}

static enum lm_rc open_reading(struct lm_case *c)
{
	/* read-write when the file allows it: SQLite may then take over a journal that a killed run left */
	enum lm_rc rc = connect_rw(c, SQLITE_OPEN_READWRITE);
	int64_t app;
	bool fresh;
	if (rc != LM_OK)
		return rc;
	sqlite3_exec(c->db, "PRAGMA query_only=ON", NULL, NULL, NULL);
	bool locked = false, read = false;
	if (sqlite3_db_readonly(c->db, "main") != 1) {
		read = pragma_int(c, "PRAGMA application_id", &app) &&
		       pragma_int(c, "SELECT count(*) FROM sqlite_schema", &app);
		locked = !read && (sqlite3_errcode(c->db) == SQLITE_BUSY || sqlite3_errcode(c->db) == SQLITE_NOTADB);
	}
	if (locked)
		return refused(c);
	if (!read && (rc = connect_immutable(c)) != LM_OK)
		return rc;
	return identify(c, false, &fresh);
}

static enum lm_rc open_writing(struct lm_case *c, unsigned flags)
{
	int how = SQLITE_OPEN_READWRITE | (flags & LM_CASE_CREATE || !c->path ? SQLITE_OPEN_CREATE : 0);
	enum lm_rc rc = connect_rw(c, how);
	bool fresh;
	if (rc != LM_OK)
		return rc;
	if (sqlite3_db_readonly(c->db, "main") == 1)
		return lm_case_fail(c, LM_EDB,
				    "cannot open case '%s': the file cannot be written; open it for reading or copy it",
				    c->path);
	/* before the first read: the lock then stays until the case is closed, and the kernel frees it on a kill */
	sqlite3_exec(c->db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
	rc = identify(c, flags & LM_CASE_CREATE || !c->path, &fresh);
	if (rc != LM_OK)
		return rc;
	if (sqlite3_exec(c->db,
			 "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=OFF;"
			 "PRAGMA wal_autocheckpoint=8192; BEGIN IMMEDIATE",
			 NULL, NULL, NULL) != SQLITE_OK)
		return refused(c);
	for (size_t i = 0; rc == LM_OK && i < sizeof schema / sizeof *schema; i++)
		rc = lm_db_exec(c, schema[i]);
	char pragma[96];
	snprintf(pragma, sizeof pragma, "PRAGMA application_id=%d; PRAGMA user_version=%d", LM_CASE_APPLICATION_ID,
		 LM_CASE_SCHEMA);
	if (rc == LM_OK && fresh)
		rc = lm_db_exec(c, pragma);
	return rc;
}

/* Which fields does obs_<kind> have? A case of an older limier gets what it lacks; fields are only ever appended. */
static enum lm_rc check_kind(struct lm_case *c, enum lm_kind k)
{
	const struct lm_kind_desc *d = lm_kind_desc(k);
	struct lm_buf sql;
	lm_buf_init(&sql, 1 << 16);
	enum lm_rc rc = LM_OK;
	if (!c->read_only) {
		lm_store_table(k, &sql);
		rc = lm_db_exec(c, sql.p);
	}
	sqlite3_stmt *st = NULL;
	lm_buf_clear(&sql);
	lm_buf_fmt(&sql, "PRAGMA table_info(obs_%s)", d->id);
	if (rc == LM_OK && sqlite3_prepare_v2(c->db, sql.p, -1, &st, NULL) != SQLITE_OK)
		rc = refused(c);
	while (rc == LM_OK && sqlite3_step(st) == SQLITE_ROW) {
		struct lm_str name = lm_col_str(st, 1);
		bool found = name.n && name.p[0] == '_';
		for (unsigned i = 0; i < d->n_fields; i++)
			if (lm_str_eq(name, lm_cstr(d->fields[i].name))) {
				c->have[k] |= UINT64_C(1) << i;
				found = true;
			}
		if (!found)
			rc = lm_case_fail(
				c, LM_EDB,
				"cannot open case '%s': a newer limier wrote it (%s has the field '%.*s'); use that "
				"version",
				c->path ? c->path : "(memory)", d->name, LM_STR_ARG(name));
	}
	sqlite3_finalize(st);
	for (unsigned i = 0; rc == LM_OK && !c->read_only && i < d->n_fields; i++) {
		static const char *const types[] = { "TEXT", "INTEGER", "INTEGER", "INTEGER", "REAL", "BLOB" };
		if (c->have[k] >> i & 1)
			continue;
		lm_buf_clear(&sql);
		lm_buf_fmt(&sql, "ALTER TABLE obs_%s ADD COLUMN \"%s\" %s", d->id, d->fields[i].name,
			   types[d->fields[i].type]);
		rc = lm_db_exec(c, sql.p);
		c->have[k] |= UINT64_C(1) << i;
	}
	lm_buf_fini(&sql);
	return rc;
}

/* lm_host(ident, time): the resolved host, NULL when none; lm_counted: NULL for proxies too, which stand for many. */
static void sql_host(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct lm_case *c = sqlite3_user_data(ctx);
	bool counted = argc == 3;
	if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
		return;
	struct lm_int time = { 0 };
	if (sqlite3_value_type(argv[1]) != SQLITE_NULL)
		time = LM_INT(sqlite3_value_int64(argv[1]));
	int64_t host = lm_ident_host(c, sqlite3_value_int64(argv[0]), time);
	const struct lm_host *h = lm_case_host(c, host);
	if (h && !(counted && h->kind == LM_HOST_PROXY))
		sqlite3_result_int64(ctx, host);
}

static enum lm_rc prepare_handle(struct lm_case *c)
{
	enum lm_rc rc = LM_OK;
	if (sqlite3_exec(c->db, "PRAGMA cache_size=-32768; PRAGMA cell_size_check=ON", NULL, NULL, NULL) != SQLITE_OK)
		return refused(c);
	int how = SQLITE_UTF8 | SQLITE_DIRECTONLY;
	if (sqlite3_create_function(c->db, "lm_host", 2, how, c, sql_host, NULL, NULL) != SQLITE_OK ||
	    sqlite3_create_function(c->db, "lm_host", 3, how, c, sql_host, NULL, NULL) != SQLITE_OK)
		return lm_db_fail(c, "open");
	for (enum lm_kind k = LM_KIND_NONE + 1; rc == LM_OK && k < LM_KIND_COUNT; k++)
		rc = check_kind(c, k);
	if (rc == LM_OK && !c->read_only && sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		rc = lm_db_fail(c, "create");
	if (rc != LM_OK)
		return rc;
	struct lm_arena scratch;
	lm_arena_init(&scratch, 4096);
	(void)lm_str_unhex(lm_case_get(c, "_ids_sum", &scratch), c->sum, sizeof c->sum);
	lm_arena_fini(&scratch);
	return LM_OK;
}

enum lm_rc lm_case_open(const char *path, unsigned flags, struct lm_case **out, struct lm_err *err)
{
	*out = NULL;
	struct lm_case *c = lm_xalloc(sizeof *c);
	memset(c, 0, sizeof *c);
	c->read_only = flags & LM_CASE_READ_ONLY;
	lm_buf_init(&c->canon, SIZE_MAX / 2);
	lm_arena_init(&c->ident_text, LM_CASE_ROOM);
	lm_arena_init(&c->host_text, LM_CASE_ROOM);
	lm_arena_init(&c->cite_text, LM_CASE_ROOM);
	lm_arena_init(&c->cite_old, LM_CASE_ROOM);
	c->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	c->hash = EVP_MD_CTX_new();
	enum lm_rc rc = LM_OK;
	if (!c->sha256 || !c->hash)
		rc = lm_case_fail(c, LM_EDB, "cannot open case: the crypto library has no SHA-256");
	else if (!path && c->read_only)
		rc = lm_case_fail(c, LM_EUSAGE, "cannot open a case in memory for reading only");
	else if (path) {
		c->path = lm_xstrdup(path);
		rc = look(c, flags);
	}
	if (rc == LM_OK)
		rc = c->read_only ? open_reading(c) : open_writing(c, flags);
	if (rc == LM_OK)
		rc = prepare_handle(c);
	if (rc != LM_OK) {
		open_fail(c, err, rc);
		lm_case_close(c);
		return rc;
	}
	*out = c;
	return LM_OK;
}

void lm_case_close(struct lm_case *c)
{
	if (!c)
		return;
	lm_db_forget(c);
	lm_map_fini(&c->stmts);
	for (enum lm_kind k = LM_KIND_NONE; k < LM_KIND_COUNT; k++) {
		sqlite3_finalize(c->put[k].insert);
		sqlite3_finalize(c->put[k].get);
	}
	lm_hosts_forget(c);
	lm_cite_forget(c);
	lm_map_fini(&c->asked);
	lm_map_fini(&c->ident_ids);
	free(c->idents);
	lm_arena_fini(&c->ident_text);
	lm_arena_fini(&c->host_text);
	lm_arena_fini(&c->cite_text);
	lm_arena_fini(&c->cite_old);
	lm_buf_fini(&c->canon);
	sqlite3_close(c->db); /* rolls an open batch back */
	EVP_MD_CTX_free(c->hash);
	EVP_MD_free(c->sha256);
	free(c->path);
	free(c);
}

const char *lm_case_error(const struct lm_case *c)
{
	return c->error;
}
