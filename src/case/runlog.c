/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runlog.c - what was done to the case, entry chained to entry, and whether all of it still stands.
 *
 * In: what runs do. Out: hash = SHA-256(hash before, seq, time, what, detail) for each entry; a digest over
 * everything known at the end of a run; a list of what no longer agrees. Limits: whoever can write the file can
 * write a new chain: the log shows damage and careless change, and a copy of its last hash kept elsewhere
 * (printed by `limier case info`) shows the rest.
 */
#include "case/case_priv.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void entry_hash(struct lm_case *c, struct lm_bytes prev, int64_t seq, int64_t time, struct lm_str what,
		       struct lm_str detail, uint8_t out[32])
{
	lm_sha_begin(c);
	lm_sha_str(c, lm_bytes_str(prev));
	lm_sha_u64(c, (uint64_t)seq);
	lm_sha_u64(c, (uint64_t)time);
	lm_sha_str(c, what);
	lm_sha_str(c, detail);
	lm_sha_end(c, out);
}

enum lm_rc lm_log_entry(struct lm_case *c, const char *what, struct lm_str detail, int64_t time_ns)
{
	uint8_t prev[32] = { 0 }, hash[32];
	int64_t seq = 1;
	enum lm_rc rc = lm_db_begin(c);
	sqlite3_stmt *st = rc == LM_OK ? lm_db_get(c, "SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1") : NULL;
	if (!st)
		return LM_EDB;
	if (lm_db_row(c, st, &rc)) {
		struct lm_bytes b = lm_col_bytes(st, 1);
		memcpy(prev, b.p, b.n < 32 ? b.n : 32);
		seq = sqlite3_column_int64(st, 0) + 1;
		rc = LM_OK;
	}
	lm_db_put(c, st);
	if (rc != LM_OK)
		return rc;
	entry_hash(c, (struct lm_bytes){ prev, 32 }, seq, time_ns, lm_cstr(what), detail, hash);
	st = lm_db_get(c, "INSERT INTO log(seq, prev, hash, time, what, detail) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, seq);
	sqlite3_bind_blob(st, 2, prev, 32, SQLITE_STATIC);
	sqlite3_bind_blob(st, 3, hash, 32, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, time_ns);
	lm_bind_str(st, 5, lm_cstr(what));
	lm_bind_str(st, 6, detail);
	rc = lm_db_write(c, st);
	struct lm_buf b;
	lm_buf_init(&b, 128);
	lm_buf_fmt(&b, "%lld ", (long long)seq);
	lm_buf_hex(&b, (struct lm_bytes){ hash, 32 });
	if (rc == LM_OK) /* so that a log that lost its end is noticed */
		rc = lm_case_set(c, "_log_head", lm_buf_view(&b));
	lm_buf_fini(&b);
	return rc;
}

enum lm_rc lm_case_log(struct lm_case *c, const char *what, struct lm_str detail)
{
	return lm_log_entry(c, what, detail, lm_time_now());
}

enum lm_rc lm_case_run_begin(struct lm_case *c, struct lm_str args, const char *version, int64_t wall_ns)
{
	enum lm_rc rc = lm_db_begin(c);
	sqlite3_stmt *st =
		rc == LM_OK ? lm_db_get(c, "INSERT INTO run(started, args, version) VALUES(?1, ?2, ?3)") : NULL;
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, wall_ns);
	lm_bind_str(st, 2, args);
	lm_bind_str(st, 3, lm_cstr(version));
	rc = lm_db_write(c, st);
	c->run = sqlite3_last_insert_rowid(c->db);
	struct lm_buf b;
	lm_buf_init(&b, 1 << 20);
	lm_buf_fmt(&b, "run %lld, limier %s: %.*s", (long long)c->run, version ? version : "", LM_STR_ARG(args));
	if (rc == LM_OK)
		rc = lm_log_entry(c, "run begins", lm_buf_view(&b), wall_ns);
	lm_buf_fini(&b);
	return rc == LM_OK ? lm_case_commit(c) : rc;
}

/* Adds every row of a query to the running digest, column by column with type and length. */
static enum lm_rc digest_rows(struct lm_case *c, const char *sql, uint64_t *rows)
{
	sqlite3_stmt *st = lm_db_get(c, sql);
	enum lm_rc rc;
	*rows = 0;
	if (!st)
		return LM_EDB;
	int n = sqlite3_column_count(st);
	while (lm_db_row(c, st, &rc)) {
		++*rows;
		for (int i = 0; i < n; i++) {
			int type = sqlite3_column_type(st, i);
			lm_sha_u64(c, (uint64_t)type);
			if (type == SQLITE_INTEGER)
				lm_sha_u64(c, (uint64_t)sqlite3_column_int64(st, i));
			else
				lm_sha_str(c,
					   type == SQLITE_BLOB ? lm_bytes_str(lm_col_bytes(st, i)) : lm_col_str(st, i));
		}
	}
	lm_db_put(c, st);
	return rc;
}

struct totals {
	uint64_t observations, evidence, findings;
};

/* Everything that was found out: ids of observations by kind, digests of evidence, the user's words, findings. */
static enum lm_rc case_digest(struct lm_case *c, uint8_t out[32], struct totals *t)
{
	char sql[120];
	uint64_t rows;
	enum lm_rc rc = LM_OK;
	*t = (struct totals){ 0 };
	lm_sha_begin(c);
	for (enum lm_kind k = LM_KIND_NONE + 1; rc == LM_OK && k < LM_KIND_COUNT; k++) {
		const struct lm_kind_desc *d = lm_kind_desc(k);
		if (!c->have[k])
			continue;
		sqlite3_snprintf(sizeof sql, sql, "SELECT _id FROM obs_%s ORDER BY _id", d->id);
		rc = digest_rows(c, sql, &rows);
		if (rows) { /* kinds that a newer limier knows and this case does not have leave the digest alone */
			lm_sha_str(c, lm_cstr(d->name));
			lm_sha_u64(c, rows);
		}
		t->observations += rows;
	}
	if (rc == LM_OK)
		rc = digest_rows(c, "SELECT path, sha256 FROM evidence ORDER BY path", &t->evidence);
	if (rc == LM_OK)
		rc = digest_rows(c, "SELECT kind, a, b FROM word ORDER BY kind, a, b", &rows);
	if (rc == LM_OK)
		rc = digest_rows(
			c,
			"SELECT id, detector, rule, stage, severity, host_name, subject, first, last, confidence"
			" FROM finding ORDER BY id",
			&t->findings);
	if (rc == LM_OK)
		rc = digest_rows(c,
				 "SELECT finding, list, i, text, note, CAST(odds AS TEXT), sha256, off, len, rec FROM "
				 "finding_item"
				 " ORDER BY finding, list, i",
				 &rows);
	lm_sha_end(c, out);
	return rc;
}

/* Digest and revision of the last completed run; false when none is. */
static bool last_completed(struct lm_case *c, uint8_t digest[32], int64_t *revision, int64_t *id)
{
	sqlite3_stmt *st =
		lm_db_get(c, "SELECT digest, revision, id FROM run WHERE ended IS NOT NULL ORDER BY id DESC LIMIT 1");
	enum lm_rc rc;
	bool found = st && lm_db_row(c, st, &rc) && lm_col_bytes(st, 0).n == 32;
	if (found) {
		memcpy(digest, lm_col_bytes(st, 0).p, 32);
		*revision = sqlite3_column_int64(st, 1);
		*id = sqlite3_column_int64(st, 2);
	}
	lm_db_put(c, st);
	return found;
}

enum lm_rc lm_case_run_end(struct lm_case *c, int64_t wall_ns)
{
	uint8_t digest[32], before[32];
	struct totals t;
	int64_t revision = 0, last;
	if (!c->run)
		return lm_case_fail(c, LM_EUSAGE, "cannot end a run: none has begun");
	enum lm_rc rc = lm_case_commit(c); /* the batch's own log entry comes before the run's last one */
	if (rc == LM_OK)
		rc = lm_db_begin(c);
	if (rc == LM_OK)
		rc = case_digest(c, digest, &t);
	if (rc != LM_OK)
		return rc;
	if (!last_completed(c, before, &revision, &last) || memcmp(before, digest, 32) != 0)
		revision++;
	sqlite3_stmt *st = lm_db_get(c, "UPDATE run SET ended = ?2, digest = ?3, revision = ?4 WHERE id = ?1");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, c->run);
	sqlite3_bind_int64(st, 2, wall_ns);
	sqlite3_bind_blob(st, 3, digest, 32, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, revision);
	rc = lm_db_write(c, st);
	struct lm_buf b;
	lm_buf_init(&b, 4096);
	lm_buf_fmt(&b, "run %lld, revision %lld: %llu observations, %llu evidence rows, %llu findings, digest ",
		   (long long)c->run, (long long)revision, (unsigned long long)t.observations,
		   (unsigned long long)t.evidence, (unsigned long long)t.findings);
	lm_buf_hex(&b, (struct lm_bytes){ digest, 32 });
	if (rc == LM_OK)
		rc = lm_log_entry(c, "run ends", lm_buf_view(&b), wall_ns);
	lm_buf_fini(&b);
	if (rc == LM_OK)
		rc = lm_case_commit(c);
	if (rc == LM_OK)
		c->run = 0;
	return rc;
}

int64_t lm_case_revision(struct lm_case *c)
{
	return lm_db_int(c, "SELECT revision FROM run WHERE ended IS NOT NULL ORDER BY id DESC LIMIT 1", 0);
}

enum lm_rc lm_case_runs(struct lm_case *c, enum lm_rc (*fn)(void *user, const struct lm_run *r), void *user)
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT id, started, ended, args, version FROM run ORDER BY id");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	while (lm_db_row(c, st, &rc)) {
		struct lm_run r = { sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), lm_col_int(st, 2),
				    lm_col_str(st, 3), lm_col_str(st, 4) };
		rc = fn(user, &r);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	return rc == LM_END ? LM_OK : rc;
}

/* ---- verify ---- */

struct verify {
	struct lm_case *c;
	void (*problem)(void *user, const char *what);
	void *user;
	unsigned problems;
	uint8_t sum[16];
};

static void tell(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct verify *v, const char *fmt, ...)
{
	char text[700];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	v->problems++;
	if (v->problem && v->problems <= 1000) /* a wrecked case does not need a line for every row */
		v->problem(v->user, text);
}

static enum lm_rc verify_integrity(struct verify *v)
{
	sqlite3_stmt *st = lm_db_get(v->c, "PRAGMA integrity_check(100)");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	while (lm_db_row(v->c, st, &rc)) {
		struct lm_str s = lm_col_str(st, 0);
		if (!lm_str_eq(s, LM_STR("ok")))
			tell(v, "the database is damaged: %.*s", LM_STR_ARG(s));
	}
	lm_db_put(v->c, st);
	return rc;
}

static enum lm_rc verify_chain(struct verify *v)
{
	uint8_t prev[32] = { 0 }, hash[32];
	int64_t want = 1;
	sqlite3_stmt *st = lm_db_get(v->c, "SELECT seq, prev, hash, time, what, detail FROM log ORDER BY seq");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	struct lm_buf head;
	lm_buf_init(&head, 256);
	while (lm_db_row(v->c, st, &rc)) {
		int64_t seq = sqlite3_column_int64(st, 0);
		if (seq != want)
			tell(v, "run log: entry %lld is missing", (long long)want);
		if (!lm_bytes_eq(lm_col_bytes(st, 1), (struct lm_bytes){ prev, 32 }) && seq == want)
			tell(v, "run log: entry %lld does not continue the one before", (long long)seq);
		entry_hash(v->c, lm_col_bytes(st, 1), seq, sqlite3_column_int64(st, 3), lm_col_str(st, 4),
			   lm_col_str(st, 5), hash);
		if (!lm_bytes_eq(lm_col_bytes(st, 2), (struct lm_bytes){ hash, 32 }))
			tell(v, "run log: entry %lld was changed", (long long)seq);
		struct lm_bytes stored = lm_col_bytes(st, 2);
		memset(prev, 0, 32);
		memcpy(prev, stored.p, stored.n < 32 ? stored.n : 32);
		want = seq + 1;
		lm_buf_clear(&head);
		lm_buf_fmt(&head, "%lld ", (long long)seq);
		lm_buf_hex(&head, stored);
	}
	lm_db_put(v->c, st);
	struct lm_arena a;
	lm_arena_init(&a, 4096);
	struct lm_str stands = lm_case_get(v->c, "_log_head", &a);
	if (rc == LM_OK && !lm_str_eq(stands, lm_buf_view(&head)))
		tell(v, "run log: its last entry is not the one that was written last");
	lm_arena_fini(&a);
	lm_buf_fini(&head);
	return rc;
}

/* Names every stored observation again from its content. */
static enum lm_rc verify_kind(struct verify *v, enum lm_kind k)
{
	struct lm_case *c = v->c;
	struct lm_buf sql;
	lm_buf_init(&sql, 1 << 16);
	lm_buf_puts(&sql, "SELECT o._id, o._ident, o._time");
	lm_store_columns(c, k, &sql);
	lm_buf_fmt(&sql, " FROM obs_%s o", lm_kind_desc(k)->id);
	sqlite3_stmt *st = lm_db_get(c, sql.p);
	lm_buf_fini(&sql);
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	struct lm_obs o;
	while (lm_db_row(c, st, &rc)) {
		uint8_t id[16];
		lm_obs_init(&o, k);
		struct lm_int ident = lm_col_int(st, 1);
		const struct lm_ident_row *r = lm_ident_row(c, ident.v);
		if (r)
			o.host = r->as;
		o.time = lm_col_int(st, 2);
		lm_store_fields(st, 3, &o);
		lm_store_id(c, &o, id);
		struct lm_bytes stored = lm_col_bytes(st, 0);
		if (!lm_bytes_eq(stored, (struct lm_bytes){ id, 16 }) || (ident.set && !r)) {
			char hex[2 * 16 + 1] = "";
			for (size_t i = 0; i < 16 && i < stored.n; i++)
				sqlite3_snprintf(3, hex + 2 * i, "%02x", stored.p[i]);
			tell(v, "observation %s of kind %s was changed", hex, lm_kind_desc(k)->name);
		}
		unsigned carry = 0;
		for (size_t i = 0; i < 16; i++) {
			carry += (unsigned)v->sum[i] + (i < stored.n ? stored.p[i] : 0);
			v->sum[i] = (uint8_t)carry;
			carry >>= 8;
		}
	}
	lm_db_put(c, st);
	return rc;
}

static enum lm_rc verify_observations(struct verify *v)
{
	enum lm_rc rc = lm_ident_load(v->c);
	for (enum lm_kind k = LM_KIND_NONE + 1; rc == LM_OK && k < LM_KIND_COUNT; k++)
		if (v->c->have[k])
			rc = verify_kind(v, k);
	/* the sum as the last batch logged it: setting and log must both be forged to hide a missing row */
	struct lm_buf want;
	lm_buf_init(&want, 256);
	lm_buf_puts(&want, "sum of ids ");
	lm_buf_hex(&want, (struct lm_bytes){ v->sum, 16 });
	sqlite3_stmt *st =
		rc == LM_OK ? lm_db_get(v->c, "SELECT detail FROM log WHERE what = 'batch' ORDER BY seq DESC LIMIT 1")
			    : NULL;
	if (!st) {
		lm_buf_fini(&want);
		return LM_EDB;
	}
	bool any = lm_db_row(v->c, st, &rc);
	if (any && !lm_str_ends_ci(lm_col_str(st, 0), lm_buf_view(&want)))
		tell(v, "observations are missing or were added outside a run");
	if (!any && !lm_bytes_all_zero((struct lm_bytes){ v->sum, 16 }))
		tell(v, "there are observations that no run logged");
	lm_db_put(v->c, st);
	lm_buf_fini(&want);
	return any ? LM_OK : rc;
}

/* Only comparable when nothing was put since: the last run that began must be the one that ended last. */
static enum lm_rc verify_digest(struct verify *v)
{
	uint8_t digest[32], now[32];
	int64_t revision, run;
	struct totals t;
	if (!last_completed(v->c, digest, &revision, &run))
		return LM_OK;
	sqlite3_stmt *st =
		lm_db_get(v->c, "SELECT what, detail FROM log WHERE what = 'run ends' ORDER BY seq DESC LIMIT 1");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	struct lm_buf hex;
	lm_buf_init(&hex, 256);
	lm_buf_hex(&hex, (struct lm_bytes){ digest, 32 });
	if (!lm_db_row(v->c, st, &rc) || !lm_str_ends_ci(lm_col_str(st, 1), lm_buf_view(&hex)))
		tell(v, "run %lld: its digest is not the one its log entry states", (long long)run);
	lm_db_put(v->c, st);
	lm_buf_fini(&hex);
	/* what came after the last completed run: an interrupted one, or words of the user */
	int64_t later = lm_db_int(
		v->c, "SELECT count(*) FROM log WHERE seq > (SELECT max(seq) FROM log WHERE what = 'run ends')", 0);
	if (later)
		return LM_OK;
	rc = case_digest(v->c, now, &t);
	if (rc == LM_OK && memcmp(now, digest, 32) != 0)
		tell(v, "the case is not as run %lld left it: observations, evidence rows or findings were changed",
		     (long long)run);
	return rc;
}

/* SHA-256 of a file; false when it cannot be read. */
static bool hash_file(struct lm_case *c, const char *path, uint8_t out[32])
{
	static uint8_t block[1 << 18];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	lm_sha_begin(c);
	ssize_t n;
	while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			lm_sha_add(c, block, (size_t)n);
	lm_sha_end(c, out);
	close(fd);
	return n == 0;
}

static enum lm_rc verify_evidence(struct verify *v)
{
	sqlite3_stmt *st = lm_db_get(
		v->c, "SELECT path, sha256 FROM evidence WHERE parent < 0 AND sha256 IS NOT NULL ORDER BY path");
	enum lm_rc rc;
	struct stat own = { 0 };
	bool on_disk = v->c->path && stat(v->c->path, &own) == 0;
	if (!st)
		return LM_EDB;
	while (lm_db_row(v->c, st, &rc)) {
		const char *path = (const char *)sqlite3_column_text(st, 0);
		struct stat s;
		uint8_t now[32];
		if (!path || stat(path, &s) != 0 || !S_ISREG(s.st_mode))
			continue; /* gone or elsewhere: nothing to compare, which is no disagreement */
		if (on_disk && s.st_dev == own.st_dev && s.st_ino == own.st_ino)
			continue; /* to open and close it here would drop the case's own lock */
		if (!hash_file(v->c, path, now))
			tell(v, "evidence '%s' cannot be read", path);
		else if (!lm_bytes_eq(lm_col_bytes(st, 1), (struct lm_bytes){ now, 32 }))
			tell(v, "evidence '%s' has changed since it was read", path);
	}
	lm_db_put(v->c, st);
	return rc;
}

enum lm_rc lm_case_verify(struct lm_case *c, bool evidence, void (*problem)(void *user, const char *what), void *user)
{
	struct verify v = { .c = c, .problem = problem, .user = user };
	if (c->in_batch)
		return lm_case_fail(c, LM_EUSAGE, "cannot verify a case while a batch is open");
	enum lm_rc rc = verify_integrity(&v);
	if (rc == LM_OK)
		rc = verify_chain(&v);
	if (rc == LM_OK)
		rc = verify_observations(&v);
	if (rc == LM_OK)
		rc = verify_digest(&v);
	if (rc == LM_OK && evidence)
		rc = verify_evidence(&v);
	if (rc != LM_OK) {
		tell(&v, "%s", c->error);
		return LM_ECORRUPT;
	}
	if (v.problems)
		return lm_case_fail(c, LM_ECORRUPT, "case '%s' is not as it was written: %u problem%s",
				    c->path ? c->path : "(memory)", v.problems, v.problems == 1 ? "" : "s");
	return LM_OK;
}
