/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence.c - rows of evidence, how far each file was read, and what an observation's place is cited as.
 *
 * In: paths, digests, ends of files. Out: what need not be read again, and citations by content: the digest,
 * under the smallest path at which this content stands, whichever copy was parsed.
 */
#include "case/case_priv.h"
#include "base/text.h"

#define CITES_MAX 65536

static enum lm_rc find_evidence(struct lm_case *c, struct lm_str path, int64_t *id, bool *trusted)
{
	enum lm_rc rc;
	sqlite3_stmt *st = lm_db_get(c, "SELECT id, trusted FROM evidence WHERE path = ?1");
	*id = -1;
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, path);
	if (lm_db_row(c, st, &rc)) {
		*id = sqlite3_column_int64(st, 0);
		*trusted = sqlite3_column_int64(st, 1);
		rc = LM_OK;
	}
	lm_db_put(c, st);
	return rc;
}

enum lm_rc lm_case_evidence(struct lm_case *c, struct lm_str path, int64_t parent, bool trusted, int64_t *id)
{
	bool was = false;
	enum lm_rc rc = lm_db_begin(c);
	if (rc == LM_OK)
		rc = find_evidence(c, path, id, &was);
	if (rc != LM_OK)
		return rc;
	sqlite3_stmt *st;
	if (*id >= 0) {
		if (was || !trusted)
			return LM_OK;
		st = lm_db_get(c, "UPDATE evidence SET trusted = 1 WHERE id = ?1");
		if (!st)
			return LM_EDB;
		sqlite3_bind_int64(st, 1, *id);
		lm_cite_forget(c);
		return lm_db_write(c, st);
	}
	/* the row of a file is its own root; a member's root is the file on disk that holds it */
	st = lm_db_get(c, "INSERT INTO evidence(path, parent, root, trusted) VALUES(?1, ?2,"
			  " coalesce((SELECT root FROM evidence WHERE id = ?2), 0), ?3)");
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, path);
	sqlite3_bind_int64(st, 2, parent);
	sqlite3_bind_int(st, 3, trusted);
	rc = lm_db_write(c, st);
	*id = sqlite3_last_insert_rowid(c->db);
	if (rc != LM_OK || parent >= 0)
		return rc;
	st = lm_db_get(c, "UPDATE evidence SET root = id WHERE id = ?1");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, *id);
	return lm_db_write(c, st);
}

/* An evidence file that has other bytes than when it was read before is worth a line in the log. */
static enum lm_rc log_change(struct lm_case *c, int64_t id, const uint8_t sha256[32])
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT path, sha256 FROM evidence WHERE id = ?1 AND sha256 <> ?2");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, id);
	sqlite3_bind_blob(st, 2, sha256, 32, SQLITE_STATIC);
	struct lm_buf b;
	lm_buf_init(&b, 1 << 20);
	if (lm_db_row(c, st, &rc)) {
		lm_buf_str(&b, lm_col_str(st, 0));
		lm_buf_puts(&b, ": was sha256 ");
		lm_buf_hex(&b, lm_col_bytes(st, 1));
		lm_buf_puts(&b, ", now ");
		lm_buf_hex(&b, (struct lm_bytes){ sha256, 32 });
		rc = LM_OK;
	}
	lm_db_put(c, st);
	if (rc == LM_OK && b.n)
		rc = lm_case_log(c, "evidence changed", lm_buf_view(&b));
	lm_buf_fini(&b);
	return rc;
}

enum lm_rc lm_case_evidence_end(struct lm_case *c, int64_t id, const uint8_t sha256[32], uint64_t size,
				struct lm_str kind)
{
	enum lm_rc rc = lm_db_begin(c);
	if (rc == LM_OK)
		rc = log_change(c, id, sha256);
	/* a content that was known already comes without a reader: keep the one that was found */
	sqlite3_stmt *st =
		rc == LM_OK ? lm_db_get(c, "UPDATE evidence SET kind = CASE WHEN sha256 = ?2 THEN coalesce(?4, kind)"
					   " ELSE ?4 END, sha256 = ?2, size = ?3 WHERE id = ?1")
			    : NULL;
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, id);
	sqlite3_bind_blob(st, 2, sha256, 32, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, (int64_t)(size & INT64_MAX));
	lm_bind_str(st, 4, kind);
	lm_cite_forget(c);
	return lm_db_write(c, st);
}

enum lm_rc lm_case_file_done(struct lm_case *c, struct lm_str path, uint64_t size, int64_t modified_ns,
			     struct lm_str fingerprint, struct lm_str lost_why, uint64_t lost_offset)
{
	int64_t id;
	enum lm_rc rc = lm_db_begin(c);
	if (rc == LM_OK && lost_why.p) /* a file lost before its first byte was read has no row yet */
		rc = lm_case_evidence(c, path, -1, false, &id);
	sqlite3_stmt *st = rc == LM_OK
				   ? lm_db_get(c, "INSERT OR REPLACE INTO unit(path, size, modified, fingerprint, lost,"
						  " lost_offset) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")
				   : NULL;
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, path);
	sqlite3_bind_int64(st, 2, (int64_t)(size & INT64_MAX));
	sqlite3_bind_int64(st, 3, modified_ns);
	lm_bind_str(st, 4, fingerprint.p ? fingerprint : LM_STR(""));
	lm_bind_str(st, 5, lost_why);
	lm_bind_int(st, 6, (struct lm_int){ (int64_t)(lost_offset & INT64_MAX), lost_why.p != NULL });
	return lm_db_write(c, st);
}

bool lm_case_file_known(struct lm_case *c, struct lm_str path, uint64_t size, int64_t modified_ns,
			struct lm_str fingerprint)
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT 1 FROM unit WHERE path = ?1 AND size = ?2 AND modified = ?3"
					" AND fingerprint = ?4 AND lost IS NULL");
	enum lm_rc rc;
	if (!st)
		return false;
	lm_bind_str(st, 1, path);
	sqlite3_bind_int64(st, 2, (int64_t)(size & INT64_MAX));
	sqlite3_bind_int64(st, 3, modified_ns);
	lm_bind_str(st, 4, fingerprint.p ? fingerprint : LM_STR(""));
	bool known = lm_db_row(c, st, &rc);
	lm_db_put(c, st);
	return known;
}

enum lm_rc lm_case_seen(struct lm_case *c, struct lm_str fingerprint,
			void (*fn)(void *user, const uint8_t sha256[32], struct lm_str kind), void *user)
{
	if (!c->have[LM_K_file_content])
		return LM_OK;
	/* read by an option's rules (trusted) does not count: evidence is read by others */
	sqlite3_stmt *st = lm_db_get(c, "SELECT e.sha256, max(e.kind) FROM unit u JOIN evidence r ON r.path = u.path"
					" JOIN evidence e ON e.root = r.id WHERE u.fingerprint = ?1 AND u.lost IS NULL"
					" AND NOT e.trusted AND length(e.sha256) = 32"
					" AND e.sha256 IN (SELECT sha256 FROM obs_file_content) GROUP BY e.sha256"
					" ORDER BY e.sha256");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, fingerprint.p ? fingerprint : LM_STR(""));
	while (lm_db_row(c, st, &rc))
		fn(user, sqlite3_column_blob(st, 0), lm_col_str(st, 1));
	lm_db_put(c, st);
	return rc;
}

enum lm_rc lm_case_evidence_rows(struct lm_case *c, enum lm_rc (*fn)(void *user, const struct lm_evidence_row *r),
				 void *user)
{
	sqlite3_stmt *st =
		lm_db_get(c, "SELECT e.id, e.parent, e.path, e.kind, e.sha256, e.size, e.trusted, u.lost,"
			     " u.lost_offset FROM evidence e LEFT JOIN unit u ON u.path = e.path ORDER BY e.path");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	while (lm_db_row(c, st, &rc)) {
		struct lm_evidence_row r = {
			.id = sqlite3_column_int64(st, 0),
			.parent = sqlite3_column_int64(st, 1),
			.path = lm_col_str(st, 2),
			.kind = lm_col_str(st, 3),
			.sha256 = lm_col_bytes(st, 4),
			.size = lm_col_int(st, 5),
			.trusted = sqlite3_column_int64(st, 6),
			.lost = lm_col_str(st, 7),
			.lost_offset = (uint64_t)sqlite3_column_int64(st, 8),
		};
		rc = fn(user, &r);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	return rc == LM_END ? LM_OK : rc;
}

void lm_cite_forget(struct lm_case *c)
{
	if (!c->cites.n)
		return;
	lm_map_fini(&c->cites);
	lm_map_init(&c->cites);
	lm_arena_fini(&c->cite_old);
	c->cite_old = c->cite_text;
	lm_arena_init(&c->cite_text, LM_CASE_ROOM);
}

const struct lm_cite *lm_cite(struct lm_case *c, int64_t evidence)
{
	struct lm_str key = { (const char *)&evidence, sizeof evidence };
	struct lm_map_entry *e = lm_map_find(&c->cites, key);
	if (e)
		return e->v.ptr;
	if (c->cites.n >= CITES_MAX)
		lm_cite_forget(c);
	/* the same content may be trusted under one path and evidence under another: then it is trusted */
	sqlite3_stmt *st =
		lm_db_get(c, "SELECT e.sha256, coalesce((SELECT min(x.path) FROM evidence x WHERE x.sha256 ="
			     " e.sha256), e.path), max(e.trusted, coalesce((SELECT max(y.trusted) FROM evidence y"
			     " WHERE y.sha256 = e.sha256), 0)) FROM evidence e WHERE e.id = ?1");
	enum lm_rc rc = LM_OK;
	if (!st)
		return NULL;
	sqlite3_bind_int64(st, 1, evidence);
	c->cite_text.spent = false;
	struct lm_cite *cite = lm_arena_alloc(&c->cite_text, sizeof *cite);
	if (cite && lm_db_row(c, st, &rc)) {
		struct lm_bytes sha = lm_col_bytes(st, 0);
		cite->known = sha.n == sizeof cite->sha256;
		if (cite->known)
			memcpy(cite->sha256, sha.p, sha.n);
		cite->path = lm_arena_str(&c->cite_text, lm_col_str(st, 1));
		cite->trusted = sqlite3_column_int64(st, 2);
		rc = LM_OK;
	}
	if (c->cite_text.spent)
		rc = lm_case_fail(c, LM_ELIMIT, "cannot read case: out of memory");
	lm_db_put(c, st);
	if (rc != LM_OK)
		return NULL;
	lm_map_add(&c->cites, key, NULL)->v.ptr = cite;
	return cite;
}
