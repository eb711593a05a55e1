/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_runlog.c - runs, revisions, the chain of log entries, and that every kind of tampering is told.
 */
#include "case/case.h"
#include "case_help.h"

#include <stdio.h>

static char dir[64], db[100], ev_file[100];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/limier-t-runlog-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(db, sizeof db, "%s/case.db", dir);
	snprintf(ev_file, sizeof ev_file, "%s/evidence.csv", dir);
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
	return system(cmd) ? -1 : 0;
}

static void run_sql(const char *sql)
{
	char cmd[600];
	snprintf(cmd, sizeof cmd, "sqlite3 '%s' \"%s\" >/dev/null", db, sql);
	assert_int_equal(system(cmd), 0);
}

static void write_evidence(const char *text)
{
	FILE *f = fopen(ev_file, "wb");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

struct told {
	int n;
	char all[4000];
};

static void on_problem(void *user, const char *what)
{
	struct told *t = user;
	size_t at = strlen(t->all);
	t->n++;
	snprintf(t->all + at, sizeof t->all - at, "%s\n", what);
}

static struct told verify(bool evidence_too)
{
	struct told t = { 0 };
	struct lm_case *c = open_case(db, LM_CASE_READ_ONLY);
	enum lm_rc rc = lm_case_verify(c, evidence_too, on_problem, &t);
	assert_int_equal(rc, t.n ? LM_ECORRUPT : LM_OK);
	lm_case_close(c);
	return t;
}

static void expect(const char *words)
{
	struct told t = verify(true);
	if (!strstr(t.all, words))
		fail_msg("'%s' is not told in:\n%s", words, t.all);
}

static void put_some(struct lm_case *c, int from, int to)
{
	char name[24];
	uint8_t d[32];
	int64_t ev = evidence(c, ev_file);
	for (int i = from; i < to; i++) {
		snprintf(name, sizeof name, "WS%d", i);
		struct lm_obs o = seen_by(name, NULL, NULL, LM_ID_EVENT);
		o.file_sighting.sha256 = sha((uint64_t)i, d);
		ok(lm_case_put(c, ev, &o));
	}
	/* SHA-256 of "abc" (FIPS 180-4 example) */
	assert_int_equal(
		lm_str_unhex(LM_STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), d, 32), 32);
	ok(lm_case_evidence_end(c, ev, d, 3, LM_STR("csv")));
	ok(lm_case_commit(c));
}

static void one_finding(struct lm_case *c)
{
	struct lm_finding f = {
		.detector = "altered", .rule = LM_STR("r"), .severity = LM_SEV_HIGH, .key = LM_STR("k")
	};
	f.why[f.n_why++] = LM_STR("because");
	f.evidence[f.n_evidence++].path = LM_STR("ev");
	ok(lm_case_results_clear(c));
	ok(lm_case_finding(c, &f));
}

static void fresh(void)
{
	remove(db);
	write_evidence("abc");
	struct lm_case *c = open_case(db, LM_CASE_CREATE);
	ok(lm_case_run_begin(c, LM_STR("limier investigate in -o out"), "0.1", 1000));
	put_some(c, 0, 20);
	ok(lm_case_resolve(c, NULL));
	one_finding(c);
	ok(lm_case_log(c, "note", LM_STR("something")));
	ok(lm_case_run_end(c, 2000));
	lm_case_close(c);
}

static enum lm_rc on_run(void *user, const struct lm_run *r)
{
	lm_buf_fmt(user, "%lld %lld-%lld%s %.*s %.*s\n", (long long)r->id, (long long)r->started_ns,
		   (long long)r->ended_ns.v, r->ended_ns.set ? "" : " interrupted", LM_STR_ARG(r->version),
		   LM_STR_ARG(r->args));
	return LM_OK;
}

static void test_revisions(void **state)
{
	(void)state;
	fresh();
	struct lm_case *c = open_case(db, 0);
	assert_int_equal(lm_case_revision(c), 1);
	/* the same again: a run, no revision */
	ok(lm_case_run_begin(c, LM_STR("again"), "0.1", 3000));
	put_some(c, 0, 20);
	ok(lm_case_resolve(c, NULL));
	one_finding(c);
	ok(lm_case_run_end(c, 4000));
	assert_int_equal(lm_case_revision(c), 1);
	/* interrupted: no revision either */
	ok(lm_case_run_begin(c, LM_STR("cut short"), "0.1", 5000));
	put_some(c, 20, 25);
	lm_case_close(c);
	assert_int_equal(verify(true).n, 0);
	c = open_case(db, 0);
	assert_int_equal(lm_case_revision(c), 1);
	ok(lm_case_run_begin(c, LM_STR("more"), "0.2", 6000));
	put_some(c, 0, 25);
	ok(lm_case_resolve(c, NULL));
	ok(lm_case_run_end(c, 7000));
	assert_int_equal(lm_case_revision(c), 2);
	struct lm_buf b;
	lm_buf_init(&b, 4096);
	ok(lm_case_runs(c, on_run, &b));
	assert_string_equal(b.p, "1 1000-2000 0.1 limier investigate in -o out\n2 3000-4000 0.1 again\n"
				 "3 5000-0 interrupted 0.1 cut short\n4 6000-7000 0.2 more\n");
	lm_buf_fini(&b);
	/* a run must have begun */
	assert_int_equal(lm_case_run_end(c, 8000), LM_EUSAGE);
	lm_case_close(c);
	assert_int_equal(verify(true).n, 0);
}

/* A finding that says something else under the same id changes the case. */
static void test_findings_count(void **state)
{
	(void)state;
	fresh();
	struct lm_case *c = open_case(db, 0);
	ok(lm_case_run_begin(c, LM_STR("x"), "0.1", 1));
	struct lm_finding f = {
		.detector = "altered", .rule = LM_STR("r"), .severity = LM_SEV_HIGH, .key = LM_STR("k")
	};
	f.why[f.n_why++] = LM_STR("because of something else");
	f.evidence[f.n_evidence++].path = LM_STR("ev");
	ok(lm_case_results_clear(c));
	ok(lm_case_finding(c, &f));
	ok(lm_case_run_end(c, 2));
	assert_int_equal(lm_case_revision(c), 2);
	lm_case_close(c);
}

static void test_clean(void **state)
{
	(void)state;
	fresh();
	struct told t = verify(true);
	assert_string_equal(t.all, "");
}

static void test_tampered_rows(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *words;
	} cases[] = {
		{ "UPDATE obs_file_sighting SET path = 'C:\\\\y.exe' WHERE rowid = 7",
		  "kind file.sighting was changed" },
		{ "UPDATE obs_file_sighting SET _time = 5 WHERE rowid = 7", "was changed" },
		{ "UPDATE ident SET name = 'WSX' WHERE id = 3", "was changed" },
		{ "UPDATE obs_file_sighting SET _ident = 999 WHERE rowid = 7", "was changed" },
		{ "DELETE FROM obs_file_sighting WHERE rowid = 7", "missing" },
		{ "DELETE FROM obs_file_sighting WHERE rowid = 7", "not as run 1 left it" },
		{ "UPDATE evidence SET sha256 = x'00' WHERE id = 1", "not as run 1 left it" },
		{ "DELETE FROM finding", "not as run 1 left it" },
		{ "UPDATE finding_item SET text = 'harmless' WHERE list = 1", "not as run 1 left it" },
		{ "UPDATE log SET detail = 'nothing' WHERE what = 'note'", "was changed" },
		{ "UPDATE log SET time = time + 1 WHERE seq = 2", "entry 2 was changed" },
		{ "DELETE FROM log WHERE seq = 2", "entry 2 is missing" },
		{ "DELETE FROM log WHERE seq = (SELECT max(seq) FROM log)", "last entry" },
		{ "UPDATE log SET hash = x'11' WHERE seq = 2", "entry 3 does not continue" },
		{ "UPDATE run SET digest = zeroblob(32)", "not the one its log entry states" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fresh();
		run_sql(cases[i].sql);
		expect(cases[i].words);
	}
}

static void test_tampered_evidence(void **state)
{
	(void)state;
	fresh();
	write_evidence("abd");
	expect("evidence.csv' has changed since it was read");
	assert_int_equal(verify(false).n, 0); /* not asked */
	remove(ev_file);
	assert_int_equal(verify(true).n, 0); /* gone is not changed */
}

/* Bytes changed below SQLite. */
static void test_damaged_file(void **state)
{
	(void)state;
	int told = 0, refused = 0;
	for (long at = 4096; at < 4096 * 31; at += 4096 * 5) { /* heads of pages: elsewhere is often unused room */
		fresh();
		FILE *f = fopen(db, "r+b");
		assert_non_null(f);
		fseek(f, at, SEEK_SET);
		char junk[400];
		memset(junk, 0x5a, sizeof junk);
		fwrite(junk, 1, sizeof junk, f);
		fclose(f);
		struct lm_case *c;
		struct lm_err err;
		struct told t = { 0 };
		if (lm_case_open(db, LM_CASE_READ_ONLY, &c, &err) != LM_OK) {
			refused++;
			continue;
		}
		if (lm_case_verify(c, false, on_problem, &t) != LM_OK) {
			assert_true(t.n > 0);
			told++;
		}
		lm_case_close(c);
	}
	print_message("damage: %d told, %d refused of 6\n", told, refused);
	assert_int_equal(told + refused, 6);
}

static void test_evidence_changed_is_logged(void **state)
{
	(void)state;
	fresh();
	struct lm_case *c = open_case(db, 0);
	uint8_t d[32];
	ok(lm_case_evidence_end(c, evidence(c, ev_file), sha(9, d).p, 4, LM_STR("csv")));
	ok(lm_case_commit(c));
	lm_case_close(c);
	char cmd[300];
	snprintf(cmd, sizeof cmd,
		 "sqlite3 '%s' \"SELECT detail FROM log WHERE what = 'evidence changed'\" | grep -q 'was sha256 "
		 "ba7816bf'",
		 db);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_revisions),
		cmocka_unit_test(test_findings_count),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_tampered_rows),
		cmocka_unit_test(test_tampered_evidence),
		cmocka_unit_test(test_damaged_file),
		cmocka_unit_test(test_evidence_changed_is_logged),
	};
	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
