/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.c - what detectors and scope computed, as reports read it back.
 *
 * In: findings with their lists, host stages, scope rows, notes. Out: the same in fixed orders. Results belong to
 * one resolve: when hosts change, they are cleared, because their host numbers would name others.
 */
#include "case/case_priv.h"
#include "base/text.h"

enum item_list { ITEM_TERM, ITEM_WHY, ITEM_COUNTER, ITEM_ATTACK, ITEM_EVIDENCE };

enum lm_rc lm_case_results_clear(struct lm_case *c)
{
	enum lm_rc rc = lm_db_begin(c);
	static const char *const tables[] = { "finding", "finding_item", "host_stage", "scope", "note" };
	for (size_t i = 0; rc == LM_OK && i < sizeof tables / sizeof *tables; i++) {
		char sql[64];
		sqlite3_snprintf(sizeof sql, sql, "DELETE FROM %s", tables[i]);
		rc = lm_db_exec(c, sql);
	}
	return rc;
}

static const char hex_digits[] = "0123456789abcdef";

/* First 16 hex digits of SHA-256(detector, rule, host name, key), each with its length before it. */
static void finding_id(struct lm_case *c, const struct lm_finding *f, struct lm_str host, char out[17])
{
	uint8_t digest[32];
	lm_sha_begin(c);
	lm_sha_str(c, lm_cstr(f->detector));
	lm_sha_str(c, f->rule);
	lm_sha_str(c, host);
	lm_sha_str(c, f->key);
	lm_sha_end(c, digest);
	for (int i = 0; i < 8; i++) {
		out[2 * i] = hex_digits[digest[i] >> 4];
		out[2 * i + 1] = hex_digits[digest[i] & 15];
	}
	out[16] = 0;
}

static sqlite3_stmt *item(struct lm_case *c, const char *id, enum item_list list, size_t i)
{
	sqlite3_stmt *st =
		lm_db_get(c, "INSERT INTO finding_item(finding, list, i, text, note, odds, sha256, off, len, rec)"
			     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
	if (!st)
		return NULL;
	lm_bind_str(st, 1, (struct lm_str){ id, 16 });
	sqlite3_bind_int(st, 2, list);
	sqlite3_bind_int64(st, 3, (int64_t)i);
	return st;
}

static enum lm_rc put_text(struct lm_case *c, const char *id, enum item_list list, size_t i, struct lm_str text)
{
	sqlite3_stmt *st = item(c, id, list, i);
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 4, text);
	return lm_db_write(c, st);
}

static enum lm_rc put_term(struct lm_case *c, const char *id, size_t i, const struct lm_term *t)
{
	sqlite3_stmt *st = item(c, id, ITEM_TERM, i);
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 4, lm_cstr(t->name));
	lm_bind_str(st, 5, t->note);
	sqlite3_bind_double(st, 6, t->log_odds);
	return lm_db_write(c, st);
}

static enum lm_rc put_ref(struct lm_case *c, const char *id, size_t i, const struct lm_evidence_ref *e)
{
	sqlite3_stmt *st = item(c, id, ITEM_EVIDENCE, i);
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 4, e->path);
	sqlite3_bind_blob(st, 7, e->sha256, 32, SQLITE_STATIC);
	sqlite3_bind_int64(st, 8, (int64_t)(e->offset & INT64_MAX));
	sqlite3_bind_int64(st, 9, (int64_t)(e->length & INT64_MAX));
	lm_bind_int(st, 10, e->record);
	return lm_db_write(c, st);
}

static enum lm_rc put_lists(struct lm_case *c, const char *id, const struct lm_finding *f)
{
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < f->n_terms; i++)
		rc = put_term(c, id, i, &f->terms[i]);
	for (size_t i = 0; rc == LM_OK && i < f->n_why; i++)
		rc = put_text(c, id, ITEM_WHY, i, f->why[i]);
	for (size_t i = 0; rc == LM_OK && i < f->n_counter; i++)
		rc = put_text(c, id, ITEM_COUNTER, i, f->counter[i]);
	for (size_t i = 0; rc == LM_OK && i < f->n_attack; i++)
		rc = put_text(c, id, ITEM_ATTACK, i, lm_cstr(f->attack[i]));
	for (size_t i = 0; rc == LM_OK && i < f->n_evidence; i++)
		rc = put_ref(c, id, i, &f->evidence[i]);
	return rc;
}

static enum lm_rc check_finding(struct lm_case *c, const struct lm_finding *f)
{
	const size_t max = LM_FINDING_LIST_MAX;
	const char *who = f->detector ? f->detector : "?";
	if (!f->detector || !f->n_why || !f->n_evidence)
		return lm_case_fail(c, LM_EUSAGE, "cannot store a finding of detector '%s', rule '%.*s': it has no %s",
				    who, LM_STR_ARG(f->rule),
				    !f->detector ? "detector"
				    : !f->n_why	 ? "why"
						 : "evidence");
	if (f->n_why > max || f->n_evidence > max || f->n_terms > max || f->n_counter > max || f->n_attack > max ||
	    f->stage >= LM_STAGE_COUNT || f->severity >= LM_SEV_COUNT)
		return lm_case_fail(c, LM_EUSAGE,
				    "cannot store a finding of detector '%s': a list or word is out of range", who);
	for (size_t i = 0; i < f->n_why; i++)
		if (!f->why[i].n)
			return lm_case_fail(c, LM_EUSAGE, "cannot store a finding of detector '%s': its why is empty",
					    who);
	return LM_OK;
}

enum lm_rc lm_case_finding(struct lm_case *c, const struct lm_finding *f)
{
	enum lm_rc rc = check_finding(c, f);
	if (rc == LM_OK)
		rc = lm_hosts_load(c);
	if (rc != LM_OK)
		return rc;
	const struct lm_host *h = lm_case_host(c, f->host);
	if (f->host && !h)
		return lm_case_fail(c, LM_EUSAGE, "cannot store a finding of detector '%s': there is no host %lld",
				    f->detector, (long long)f->host);
	char id[17];
	struct lm_str host = h ? h->name : LM_STR("*");
	finding_id(c, f, host, id);
	rc = lm_db_begin(c);
	sqlite3_stmt *st =
		rc == LM_OK ? lm_db_get(c, "INSERT INTO finding(id, detector, rule, stage, severity, host, host_name,"
					   " subject, key, first, last, confidence) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7,"
					   " ?8, ?9, ?10, ?11, ?12) ON CONFLICT(id) DO NOTHING")
			    : NULL;
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, (struct lm_str){ id, 16 });
	lm_bind_str(st, 2, lm_cstr(f->detector));
	lm_bind_str(st, 3, f->rule);
	sqlite3_bind_int(st, 4, f->stage);
	sqlite3_bind_int(st, 5, f->severity);
	sqlite3_bind_int64(st, 6, f->host);
	lm_bind_str(st, 7, host);
	lm_bind_str(st, 8, f->subject);
	lm_bind_str(st, 9, f->key);
	lm_bind_int(st, 10, f->first_seen);
	lm_bind_int(st, 11, f->last_seen);
	sqlite3_bind_int(st, 12, lm_confidence(f->terms, f->n_terms));
	rc = lm_db_write(c, st);
	if (rc == LM_OK && sqlite3_changes(c->db) > 0)
		rc = put_lists(c, id, f);
	return rc;
}

/* Lists of one finding, copied into the arena. */
static enum lm_rc get_lists(struct lm_case *c, struct lm_arena *a, struct lm_str id, struct lm_finding *f)
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT list, text, note, odds, sha256, off, len, rec FROM finding_item"
					" WHERE finding = ?1 ORDER BY list, i");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, id);
	while (lm_db_row(c, st, &rc)) {
		struct lm_str text = lm_arena_str(a, lm_col_str(st, 1));
		switch (sqlite3_column_int(st, 0)) {
		case ITEM_TERM:
			if (f->n_terms < LM_FINDING_LIST_MAX)
				f->terms[f->n_terms++] =
					(struct lm_term){ lm_arena_cstr(a, text), sqlite3_column_double(st, 3),
							  lm_arena_str(a, lm_col_str(st, 2)) };
			break;
		case ITEM_WHY:
			if (f->n_why < LM_FINDING_LIST_MAX)
				f->why[f->n_why++] = text;
			break;
		case ITEM_COUNTER:
			if (f->n_counter < LM_FINDING_LIST_MAX)
				f->counter[f->n_counter++] = text;
			break;
		case ITEM_ATTACK:
			if (f->n_attack < LM_FINDING_LIST_MAX)
				f->attack[f->n_attack++] = lm_arena_cstr(a, text);
			break;
		case ITEM_EVIDENCE:
			if (f->n_evidence < LM_FINDING_LIST_MAX) {
				struct lm_evidence_ref *e = &f->evidence[f->n_evidence++];
				struct lm_bytes sha = lm_col_bytes(st, 4);
				memcpy(e->sha256, sha.p ? sha.p : (const uint8_t *)"", sha.n < 32 ? sha.n : 32);
				e->path = text;
				e->offset = (uint64_t)sqlite3_column_int64(st, 5);
				e->length = (uint64_t)sqlite3_column_int64(st, 6);
				e->record = lm_col_int(st, 7);
			}
			break;
		}
	}
	lm_db_put(c, st);
	if (rc == LM_OK && a->spent)
		rc = lm_case_fail(c, LM_ELIMIT, "cannot read a finding: out of memory");
	return rc;
}

enum lm_rc lm_case_findings(struct lm_case *c, enum lm_rc (*fn)(void *user, const struct lm_finding_row *r), void *user)
{
	enum lm_rc rc = lm_hosts_load(c);
	sqlite3_stmt *st =
		rc == LM_OK
			? lm_db_get(c, "SELECT id, detector, rule, stage, severity, host, subject, key, first, last,"
				       " confidence FROM finding ORDER BY severity DESC, stage DESC, host_name,"
				       " detector, rule, id")
			: NULL;
	if (!st)
		return rc == LM_OK ? LM_EDB : rc;
	struct lm_arena a;
	lm_arena_init(&a, LM_CASE_ROOM);
	while (lm_db_row(c, st, &rc)) {
		struct lm_arena_mark m = lm_arena_mark(&a);
		struct lm_finding_row r = { .id = lm_col_str(st, 0), .confidence = sqlite3_column_int(st, 10) };
		r.f.detector = lm_arena_cstr(&a, lm_col_str(st, 1));
		r.f.rule = lm_col_str(st, 2);
		r.f.stage = (enum lm_stage)sqlite3_column_int(st, 3);
		r.f.severity = (enum lm_severity)sqlite3_column_int(st, 4);
		r.f.host = sqlite3_column_int64(st, 5);
		r.f.subject = lm_col_str(st, 6);
		r.f.key = lm_col_str(st, 7);
		r.f.first_seen = lm_col_int(st, 8);
		r.f.last_seen = lm_col_int(st, 9);
		r.host = lm_case_host(c, r.f.host);
		rc = get_lists(c, &a, r.id, &r.f);
		if (rc == LM_OK)
			rc = fn(user, &r);
		lm_arena_reset(&a, m);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	lm_arena_fini(&a);
	return rc == LM_END ? LM_OK : rc;
}

enum lm_rc lm_case_host_stage(struct lm_case *c, const struct lm_host_stage *s)
{
	if (!s->host || s->stage <= LM_STAGE_NONE || s->stage >= LM_STAGE_COUNT)
		return lm_case_fail(c, LM_EUSAGE, "cannot store a stage without a host or a stage");
	enum lm_rc rc = lm_db_begin(c);
	sqlite3_stmt *st =
		rc == LM_OK ? lm_db_get(c, "INSERT OR REPLACE INTO host_stage(host, stage, first, last, confidence,"
					   " findings) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")
			    : NULL;
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, s->host->id);
	sqlite3_bind_int(st, 2, s->stage);
	lm_bind_int(st, 3, s->first);
	lm_bind_int(st, 4, s->last);
	sqlite3_bind_int(st, 5, s->confidence);
	lm_bind_str(st, 6, s->findings);
	return lm_db_write(c, st);
}

enum lm_rc lm_case_host_stages(struct lm_case *c, enum lm_rc (*fn)(void *user, const struct lm_host_stage *s),
			       void *user)
{
	enum lm_rc rc = lm_hosts_load(c);
	sqlite3_stmt *st =
		rc == LM_OK ? lm_db_get(c, "SELECT host, stage, first, last, confidence, findings FROM host_stage"
					   " ORDER BY host, stage")
			    : NULL;
	if (!st)
		return rc == LM_OK ? LM_EDB : rc;
	while (lm_db_row(c, st, &rc)) {
		struct lm_host_stage s = { lm_case_host(c, sqlite3_column_int64(st, 0)),
					   (enum lm_stage)sqlite3_column_int(st, 1),
					   lm_col_int(st, 2),
					   lm_col_int(st, 3),
					   sqlite3_column_int(st, 4),
					   lm_col_str(st, 5) };
		if (!s.host)
			continue;
		rc = fn(user, &s);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	return rc == LM_END ? LM_OK : rc;
}

enum lm_rc lm_case_scope(struct lm_case *c, const struct lm_scope_row *r)
{
	enum lm_rc rc = lm_db_begin(c);
	sqlite3_stmt *st =
		rc == LM_OK ? lm_db_get(c, "INSERT INTO scope(dimension, value, listed, seen, s1, s2, s3, s4, s5)"
					   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
			    : NULL;
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, lm_cstr(r->dimension));
	lm_bind_str(st, 2, r->value);
	sqlite3_bind_int64(st, 3, (int64_t)r->listed);
	sqlite3_bind_int64(st, 4, (int64_t)r->seen);
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++)
		sqlite3_bind_int64(st, 4 + s, (int64_t)r->stage[s]);
	return lm_db_write(c, st);
}

enum lm_rc lm_case_scope_rows(struct lm_case *c, const char *dimension,
			      enum lm_rc (*fn)(void *user, const struct lm_scope_row *r), void *user)
{
	sqlite3_stmt *st = lm_db_get(c, "SELECT value, listed, seen, s1, s2, s3, s4, s5 FROM scope WHERE dimension = ?1"
					" ORDER BY value IS NULL, s2 DESC, s1 DESC, seen DESC, value");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, lm_cstr(dimension));
	while (lm_db_row(c, st, &rc)) {
		struct lm_scope_row r = { .dimension = dimension,
					  .value = lm_col_str(st, 0),
					  .listed = (uint64_t)sqlite3_column_int64(st, 1),
					  .seen = (uint64_t)sqlite3_column_int64(st, 2) };
		for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++)
			r.stage[s] = (uint64_t)sqlite3_column_int64(st, 2 + s);
		rc = fn(user, &r);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	return rc == LM_END ? LM_OK : rc;
}

enum lm_rc lm_case_note(struct lm_case *c, const struct lm_note *n)
{
	enum lm_rc rc = lm_db_begin(c);
	sqlite3_stmt *st =
		rc == LM_OK ? lm_db_get(c, "INSERT INTO note(section, ord, host, text, detail) VALUES(?1, ?2, ?3, ?4,"
					   " ?5)")
			    : NULL;
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, lm_cstr(n->section));
	sqlite3_bind_int64(st, 2, n->order);
	lm_bind_int(st, 3, (struct lm_int){ n->host ? n->host->id : 0, n->host != NULL });
	lm_bind_str(st, 4, n->text);
	lm_bind_str(st, 5, n->detail);
	return lm_db_write(c, st);
}

enum lm_rc lm_case_notes(struct lm_case *c, const char *section, enum lm_rc (*fn)(void *user, const struct lm_note *n),
			 void *user)
{
	enum lm_rc rc = lm_hosts_load(c);
	sqlite3_stmt *st = rc == LM_OK ? lm_db_get(c, "SELECT ord, host, text, detail FROM note WHERE section = ?1"
						      " ORDER BY ord, host, text, detail")
				       : NULL;
	if (!st)
		return rc == LM_OK ? LM_EDB : rc;
	lm_bind_str(st, 1, lm_cstr(section));
	while (lm_db_row(c, st, &rc)) {
		struct lm_note n = { section, sqlite3_column_int64(st, 0), lm_case_host(c, sqlite3_column_int64(st, 1)),
				     lm_col_str(st, 2), lm_col_str(st, 3) };
		rc = fn(user, &n);
		if (rc != LM_OK)
			break;
	}
	lm_db_put(c, st);
	return rc == LM_END ? LM_OK : rc;
}
