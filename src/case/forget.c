/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forget.c - before a file is read again under other settings (rules, roots, passwords, layout pattern), what its
 * earlier reading stated goes: an archive that a password now opens is no longer encrypted, a chain that new roots
 * now trust is no longer unknown.
 *
 * In: paths of files that will be read again. Out: their observations are gone, unless other evidence states the
 * same; facts about contents they hold are gone too, wherever they were cited from, because they are stated anew.
 * A file whose bytes changed is never forgotten: what it stated before was true of it then.
 */
#include "case/case_priv.h"

#include <stdlib.h>

enum lm_rc lm_case_forget_file(struct lm_case *c, struct lm_str path, uint64_t size, int64_t modified_ns)
{
	enum lm_rc rc = lm_db_begin(c);
	if (rc == LM_OK)
		rc = lm_db_exec(c, "CREATE TABLE IF NOT EXISTS temp.forget(ev INTEGER PRIMARY KEY)");
	if (rc != LM_OK)
		return rc;
	sqlite3_stmt *st = lm_db_get(c, "INSERT OR IGNORE INTO temp.forget SELECT e.id FROM unit u"
					" JOIN evidence r ON r.path = u.path JOIN evidence e ON e.root = r.id"
					" WHERE u.path = ?1 AND u.size = ?2 AND u.modified = ?3");
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, path);
	sqlite3_bind_int64(st, 2, (int64_t)(size & INT64_MAX));
	sqlite3_bind_int64(st, 3, modified_ns);
	return lm_db_write(c, st);
}

/* Kinds that are about bytes alone: stated once, whichever copy was read. */
static bool is_about_content(enum lm_kind k)
{
	return k == LM_K_file_content || k == LM_K_pe_image || k == LM_K_signature || k == LM_K_signature_unhashed ||
	       k == LM_K_signature_fact || k == LM_K_rule_match;
}

static enum lm_rc exec_for_kind(struct lm_case *c, const char *fmt, enum lm_kind k)
{
	struct lm_buf sql;
	const char *id = lm_kind_desc(k)->id;
	lm_buf_init(&sql, 4096);
	for (const char *p = fmt; *p; p++)
		if (*p == '@')
			lm_buf_fmt(&sql, "obs_%s", id);
		else if (*p == '#')
			lm_buf_fmt(&sql, "%d", (int)k);
		else
			lm_buf_putc(&sql, *p);
	enum lm_rc rc = lm_db_exec(c, sql.p);
	lm_buf_fini(&sql);
	return rc;
}

static enum lm_rc forget_kind(struct lm_case *c, enum lm_kind k)
{
	static const char *const steps[] = {
		/* another place states it too: it moves there */
		"UPDATE @ SET (_ev, _off, _len, _rec) = (SELECT ev, off, len, rec FROM cite WHERE kind = # AND id = _id"
		" ORDER BY ev LIMIT 1) WHERE _ev IN (SELECT ev FROM temp.forget) AND EXISTS (SELECT 1 FROM cite WHERE"
		" kind = # AND id = _id)",
		"DELETE FROM cite WHERE kind = # AND EXISTS (SELECT 1 FROM @ WHERE _id = cite.id AND _ev = cite.ev)",
		"DELETE FROM @ WHERE _ev IN (SELECT ev FROM temp.forget)",
	};
	enum lm_rc rc = LM_OK;
	if (is_about_content(k))
		rc = exec_for_kind(
			c,
			"DELETE FROM @ WHERE sha256 IN (SELECT e.sha256 FROM temp.forget f JOIN evidence e ON"
			" e.id = f.ev WHERE e.sha256 IS NOT NULL)",
			k);
	for (size_t i = 0; rc == LM_OK && i < sizeof steps / sizeof *steps; i++)
		rc = exec_for_kind(c, steps[i], k);
	if (rc == LM_OK)
		rc = exec_for_kind(c, "DELETE FROM cite WHERE kind = # AND id NOT IN (SELECT _id FROM @)", k);
	return rc;
}

/* Which identities are still named by something, and by what. */
static enum lm_rc recount_idents(struct lm_case *c)
{
	enum lm_rc rc = lm_ident_load(c);
	unsigned *used = lm_xalloc((c->n_idents + 1) * sizeof *used);
	for (enum lm_kind k = LM_KIND_NONE + 1; rc == LM_OK && k < LM_KIND_COUNT; k++) {
		struct lm_buf sql;
		if (!c->have[k])
			continue;
		lm_buf_init(&sql, 256);
		lm_buf_fmt(&sql, "SELECT DISTINCT _ident FROM obs_%s WHERE _ident IS NOT NULL", lm_kind_desc(k)->id);
		sqlite3_stmt *st = lm_db_get(c, sql.p);
		rc = st ? LM_OK : LM_EDB;
		while (st && lm_db_row(c, st, &rc)) {
			int64_t id = sqlite3_column_int64(st, 0);
			if (id > 0 && (uint64_t)id <= c->n_idents)
				used[id] |= lm_ident_use(k);
		}
		if (st)
			lm_db_put(c, st);
		lm_buf_fini(&sql);
	}
	for (size_t i = 0; rc == LM_OK && i < c->n_idents; i++)
		if (c->idents[i].used != used[i + 1]) {
			c->idents[i].used = used[i + 1];
			c->idents[i].dirty = true;
		}
	free(used);
	return rc;
}

enum lm_rc lm_case_forget_commit(struct lm_case *c)
{
	enum lm_rc rc = lm_db_begin(c);
	if (rc == LM_OK)
		rc = lm_db_exec(c, "CREATE TABLE IF NOT EXISTS temp.forget(ev INTEGER PRIMARY KEY)");
	if (rc != LM_OK || lm_db_int(c, "SELECT count(*) FROM temp.forget", 0) == 0)
		return rc;
	rc = lm_db_exec(c, "DELETE FROM cite WHERE ev IN (SELECT ev FROM temp.forget)");
	for (enum lm_kind k = LM_KIND_NONE + 1; rc == LM_OK && k < LM_KIND_COUNT; k++)
		if (c->have[k])
			rc = forget_kind(c, k);
	/* not read any more: a kill from here on makes the next run read them */
	if (rc == LM_OK)
		rc = lm_db_exec(c, "DELETE FROM unit WHERE path IN (SELECT e.path FROM temp.forget f JOIN evidence e "
				   "ON e.id = f.ev)");
	if (rc == LM_OK)
		rc = recount_idents(c);
	if (rc == LM_OK)
		rc = lm_case_log(c, "forget", LM_STR("evidence will be read again under other settings"));
	if (rc == LM_OK)
		rc = lm_store_resum(c);
	if (rc == LM_OK)
		rc = lm_db_exec(c, "DELETE FROM temp.forget");
	lm_cite_forget(c);
	return rc == LM_OK ? lm_case_commit(c) : rc;
}
