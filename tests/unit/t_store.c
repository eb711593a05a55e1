/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_store.c - open, put, commit: any order, any batches, any number of times, and killed in between.
 */
#include "case/case.h"
#include "case_help.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/limier-t-store-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	(void)state;
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
	return system(cmd) ? -1 : 0;
}

static const char *in_dir(const char *name)
{
	static char paths[4][160];
	static int turn;
	char *p = paths[turn++ % 4];
	snprintf(p, sizeof paths[0], "%s/%s", dir, name);
	return p;
}

/* ---- a small world, put in any order ---- */

struct fact {
	int ev;
	struct lm_obs o;
};

enum { N_EV = 5, MAX_FACTS = 400 };
static const char *const ev_paths[N_EV] = { "in/b.zip!/1", "in/a.csv", "in/c.csv", "in/z/hosts.csv",
					    "in/copy-of-a.csv" };
static struct fact facts[MAX_FACTS];
static uint8_t digests[64][32];
static char names[32][32];
static size_t n_facts;

static void add_fact(int ev, struct lm_obs o, uint64_t offset)
{
	assert_true(n_facts < MAX_FACTS);
	o.at = (struct lm_span){ offset, 16, { 0 } };
	facts[n_facts++] = (struct fact){ ev, o };
}

static void build_world(void)
{
	n_facts = 0;
	for (int i = 0; i < 64; i++)
		sha((uint64_t)i, digests[i]);
	for (int h = 0; h < 12; h++)
		snprintf(names[h], sizeof names[h], h % 3 ? "WS%02d" : "ws%02d.corp.example", h % 3 ? h : h / 3 * 3);
	for (int i = 0; i < 150; i++) {
		struct lm_obs o = seen_by(names[i % 12], i % 5 ? NULL : "10.0.0.9", i % 7 ? NULL : "guid-1",
					  i % 2 ? LM_ID_EVENT : LM_ID_LAYOUT);
		o.file_sighting.sha256 = (struct lm_bytes){ digests[i % 20], 32 };
		o.time = i % 4 ? LM_INT(1000 + i % 9) : (struct lm_int){ 0 };
		o.time_assumed = i % 11 == 0;
		add_fact(i % 3, o, 100 + (uint64_t)(i * 37 % 50));
		if (i % 2)
			add_fact((i + 1) % 3, o, (uint64_t)i); /* another content states it too */
		if (i % 6 == 0) {
			o.host.source = LM_ID_DNS; /* the id leaves this out */
			o.time_assumed = !o.time_assumed;
			add_fact(4, o, 7);
		}
	}
	for (int i = 0; i < 20; i++) {
		struct lm_obs o;
		lm_obs_init(&o, LM_K_file_content);
		o.file_content.sha256 = (struct lm_bytes){ digests[i], 32 };
		o.file_content.size = LM_INT(i);
		o.file_content.kind = i % 2 ? LM_STR("pe") : (struct lm_str){ 0 };
		add_fact(0, o, 0);
	}
	for (int h = 0; h < 6; h++) {
		struct lm_obs o = listed(names[h], NULL, h == 2 ? "10.0.0.9;10.0.0.10" : NULL, NULL);
		o.host_record.org = LM_STR("Example Ltd");
		add_fact(3, o, (uint64_t)h);
	}
	/* releases: an inventory, an install folder, and a host of which the hashes alone are known */
	for (int h = 0; h < 9; h++) {
		struct lm_obs o = seen_by(names[h], NULL, NULL, LM_ID_LAYOUT);
		o.file_sighting.sha256 = (struct lm_bytes){ digests[50 + h % 3], 32 };
		o.file_sighting.path = h < 6 ? LM_STR("C:\\Program Files\\App\\app.exe") : LM_STR("D:\\App\\app.exe");
		add_fact(h % 3, o, (uint64_t)h);
		lm_obs_init(&o, LM_K_product_installed);
		o.host.name = lm_cstr(names[h]);
		o.product_installed.product = h % 2 ? LM_STR("App (x64)") : LM_STR("APP");
		o.product_installed.version = h % 4 ? LM_STR("1.0") : LM_STR("1.0.0");
		o.product_installed.path = LM_STR("C:\\Program Files\\App");
		if (h < 3)
			add_fact(2, o, (uint64_t)h);
		lm_obs_init(&o, LM_K_pe_image);
		o.pe_image.sha256 = (struct lm_bytes){ digests[50 + h % 3], 32 };
		o.pe_image.product = LM_STR("The App");
		o.pe_image.product_version = h % 3 ? LM_STR("2.0") : LM_STR("3.0");
		add_fact(0, o, (uint64_t)h);
		o = alias(names[h], NULL, "10.0.0.200", NULL, "dhcp");
		o.host_alias.from = LM_INT(h * 100);
		o.host_alias.to = LM_INT(h * 100 + 150);
		add_fact(1, o, (uint64_t)h);
		o = seen_by(NULL, "10.0.0.200", NULL, LM_ID_ADDRESS);
		o.time = LM_INT(h * 77);
		add_fact(2, o, 900 + (uint64_t)h);
	}
	add_fact(1, alias("WS07", "ws07.corp.example", "10.0.0.7", NULL, "event"), 3);
	struct lm_obs ind;
	lm_obs_init(&ind, LM_K_indicator_listed);
	ind.indicator_listed.type = LM_STR("filename");
	ind.indicator_listed.value = LM_STR("x.exe");
	add_fact(3, ind, 9);
}

static void feed(struct lm_case *c, const size_t *order, size_t n, size_t batch)
{
	int64_t ev[N_EV];
	for (int i = 0; i < N_EV; i++)
		ev[i] = -1;
	for (size_t i = 0; i < n; i++) {
		const struct fact *f = &facts[order[i]];
		if (ev[f->ev] < 0)
			ev[f->ev] = evidence(c, ev_paths[f->ev]);
		ok(lm_case_put(c, ev[f->ev], &f->o));
		if (batch && i % batch == batch - 1)
			ok(lm_case_commit(c));
	}
	for (int i = 0; i < N_EV; i++)
		if (ev[i] >= 0) /* in/a.csv and its copy have the same bytes */
			ok(lm_case_evidence_end(c, ev[i], digests[40 + (i == 4 ? 1 : i)], 1000, LM_STR("csv")));
	ok(lm_case_commit(c));
}

static void shuffle(size_t *order, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n; i > 1; i--) {
		seed = seed * 1664525 + 1013904223;
		size_t j = (seed >> 8) % i, t = order[j];
		order[j] = order[i - 1];
		order[i - 1] = t;
	}
}

static void answers(const char *path, struct lm_case *c, struct lm_buf *out)
{
	(void)path;
	ok(lm_case_resolve(c, NULL));
	dump_case(c, out);
}

static void test_any_order(void **state)
{
	(void)state;
	size_t order[MAX_FACTS];
	struct lm_buf first = { 0 };
	build_world();
	for (unsigned seed = 0; seed < 12; seed++) {
		struct lm_buf now;
		struct lm_case *c = open_case(NULL, 0);
		shuffle(order, n_facts, seed * 77 + 1);
		feed(c, order, n_facts, seed % 4 ? seed * 3 + 1 : 0);
		if (seed % 3 == 1) { /* twice, in another order, with a resolve between */
			ok(lm_case_resolve(c, NULL));
			shuffle(order, n_facts, seed + 1000);
			feed(c, order, n_facts, 17);
		}
		answers(NULL, c, &now);
		if (!seed) {
			first = now;
			assert_true(first.n > 10000);
		} else {
			assert_same_text(&first, &now);
			lm_buf_fini(&now);
		}
		lm_case_close(c);
	}
	lm_buf_fini(&first);
}

/* Memory refused at any point of a resolve: an error, nothing half done, and the next one gives the same answers. */
static void test_no_memory(void **state)
{
	(void)state;
	size_t order[MAX_FACTS];
	struct lm_buf want, now;
	unsigned failed = 0, tried = 0;
	build_world();
	shuffle(order, n_facts, 5);
	struct lm_case *c = open_case(NULL, 0);
	feed(c, order, n_facts, 0);
	lm_arena_fail_at(0);
	answers(NULL, c, &want);
	for (unsigned long at = 1;; at += at < 300 ? 1 : 41) {
		lm_arena_fail_at(at);
		enum lm_rc rc = lm_case_resolve(c, NULL);
		unsigned long made = lm_arena_count();
		lm_arena_fail_at(0);
		if (made < at)
			break;
		tried++;
		failed += rc != LM_OK;
		if (rc == LM_OK)
			print_message("refusal %lu goes unnoticed\n", at);
	}
	print_message("%u resolves refused of %u\n", failed, tried);
	assert_int_equal(failed, tried);
	assert_true(failed > 300);
	answers(NULL, c, &now);
	assert_same_text(&want, &now);
	lm_buf_fini(&want);
	lm_buf_fini(&now);
	lm_case_close(c);
}

static enum lm_rc keep_first(void *user, const struct lm_stored *s)
{
	struct lm_stored *to = user;
	*to = *s;
	to->obs.host.name.p = NULL; /* borrowed */
	static char path[200];
	snprintf(path, sizeof path, "%.*s", LM_STR_ARG(s->evidence.path));
	to->evidence.path = lm_cstr(path);
	return LM_END;
}

/* The citation: digest of the content, smallest path at which it stands, smallest place in it. */
static void test_citation(void **state)
{
	(void)state;
	struct lm_case *c = open_case(NULL, 0);
	uint8_t x[32], y[32];
	sha(1, x), sha(2, y);
	int64_t b = evidence(c, "b"), m = evidence(c, "m"), a = evidence(c, "a");
	struct lm_obs o = seen_by("WS1", NULL, NULL, LM_ID_LAYOUT);
	struct lm_stored s;
	o.at = (struct lm_span){ 50, 4, LM_INT(9) };
	ok(lm_case_put(c, m, &o));
	o.host.source = LM_ID_DNS; /* weaker, then stronger: the strongest stays */
	ok(lm_case_put(c, m, &o));
	o.host.source = LM_ID_HOST_LIST;
	ok(lm_case_put(c, m, &o));
	o.at = (struct lm_span){ 20, 4, LM_INT(3) };
	ok(lm_case_put(c, m, &o));
	o.at = (struct lm_span){ 90, 8, { 0 } };
	ok(lm_case_put(c, b, &o));
	ok(lm_case_evidence_end(c, m, x, 100, LM_STR("csv")));
	ok(lm_case_evidence_end(c, b, y, 100, LM_STR("csv")));
	ok(lm_case_resolve(c, NULL));
	ok(lm_case_fetch(c, LM_K_file_sighting, NULL, 0, keep_first, &s));
	assert_string_equal(s.evidence.path.p, "b");
	assert_int_equal(s.obs.host.source, LM_ID_HOST_LIST);
	assert_int_equal(s.evidence.offset, 90);
	assert_memory_equal(s.evidence.sha256, y, 32);
	/* now "a" turns out to hold the bytes of "m": that content has the smaller path */
	ok(lm_case_evidence_end(c, a, x, 100, (struct lm_str){ 0 }));
	ok(lm_case_resolve(c, NULL));
	ok(lm_case_fetch(c, LM_K_file_sighting, NULL, 0, keep_first, &s));
	assert_string_equal(s.evidence.path.p, "a");
	assert_int_equal(s.evidence.offset, 20);
	assert_int_equal(s.evidence.record.v, 3);
	assert_memory_equal(s.evidence.sha256, x, 32);
	lm_case_close(c);
}

static enum lm_rc expect_fields(void *user, const struct lm_stored *s)
{
	const struct lm_obs *want = user;
	const struct lm_obs_file_sighting *f = &s->obs.file_sighting, *w = &want->file_sighting;
	assert_true(lm_str_eq(s->obs.host.name, want->host.name));
	assert_int_equal(s->obs.host.source, want->host.source);
	assert_true(s->obs.time.set && s->obs.time.v == INT64_MIN);
	assert_true(f->sha256.p && f->sha256.n == 0); /* empty is not unset */
	assert_null(f->sha1.p);
	assert_true(lm_str_eq(f->path, w->path) && f->path.n == 6);
	assert_true(f->vendor.p && f->vendor.n == 0);
	assert_null(f->product.p);
	assert_true(f->size.set && f->size.v == INT64_MIN);
	assert_false(f->modified.set);
	assert_int_equal(s->obs.at.offset, 1);
	return LM_OK;
}

static void test_values_survive(void **state)
{
	(void)state;
	struct lm_case *c = open_case(NULL, 0);
	struct lm_obs o = seen_by("H\xff\xfe", "", NULL, LM_ID_DHCP);
	o.time = LM_INT(INT64_MIN);
	o.at.offset = 1;
	o.file_sighting.path = (struct lm_str){ "a\0b\xc3\x28z", 6 };
	o.file_sighting.sha256 = (struct lm_bytes){ (const uint8_t *)"", 0 };
	o.file_sighting.vendor = LM_STR("");
	o.file_sighting.size = LM_INT(INT64_MIN);
	ok(lm_case_put(c, evidence(c, "e"), &o));
	ok(lm_case_resolve(c, NULL));
	ok(lm_case_fetch(c, LM_K_file_sighting, NULL, 0, expect_fields, &o));
	struct lm_where w = { "path", o.file_sighting.path };
	int n = 0;
	(void)n;
	struct lm_buf b;
	lm_buf_init(&b, 1 << 20);
	ok(lm_case_fetch(c, LM_K_file_sighting, &w, 1, dump_stored, &b));
	assert_true(b.n > 0);
	lm_buf_clear(&b);
	w.value = (struct lm_str){ "a", 1 };
	ok(lm_case_fetch(c, LM_K_file_sighting, &w, 1, dump_stored, &b));
	assert_int_equal(b.n, 0);
	lm_buf_fini(&b);
	ok(lm_case_verify(c, false, NULL, NULL));
	lm_case_close(c);
}

/* ---- files that are no case ---- */

static void write_file(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void expect_refusal(const char *path, unsigned flags, const char *words)
{
	struct lm_case *c;
	struct lm_err err = { 0 };
	assert_int_equal(lm_case_open(path, flags, &c, &err), LM_EDB);
	assert_null(c);
	if (!strstr(err.msg, words) || !strstr(err.msg, path))
		fail_msg("'%s' lacks '%s'", err.msg, words);
}

static void run_sql(const char *path, const char *sql)
{
	char cmd[600];
	snprintf(cmd, sizeof cmd, "sqlite3 '%s' \"%s\" >/dev/null", path, sql);
	assert_int_equal(system(cmd), 0);
}

static void test_refusals(void **state)
{
	(void)state;
	const char *p = in_dir("text");
	write_file(p, "this is no database, it is text", 31);
	expect_refusal(p, LM_CASE_CREATE, "not a limier case");
	write_file(p, "SQLite format 3\0garbage garbage", 31);
	expect_refusal(p, LM_CASE_CREATE, "cannot open case");
	p = in_dir("absent");
	expect_refusal(p, 0, "no such file");
	expect_refusal(p, LM_CASE_READ_ONLY, "no such file");
	expect_refusal(dir, LM_CASE_CREATE, "a folder");
	p = in_dir("empty");
	write_file(p, "", 0);
	expect_refusal(p, 0, "empty");
	p = in_dir("other.db");
	run_sql(p, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
	expect_refusal(p, LM_CASE_CREATE, "not a limier case");
	expect_refusal(p, LM_CASE_READ_ONLY, "not a limier case");
	p = in_dir("newer.db");
	lm_case_close(open_case(p, LM_CASE_CREATE));
	run_sql(p, "PRAGMA user_version=99");
	expect_refusal(p, LM_CASE_CREATE, "newer limier");
	run_sql(p, "PRAGMA user_version=1; ALTER TABLE obs_file_sighting ADD COLUMN colour TEXT");
	expect_refusal(p, 0, "newer limier");
	assert_non_null(strstr(dir, "limier"));
}

static void test_two_runs(void **state)
{
	(void)state;
	const char *p = in_dir("busy.db");
	struct lm_case *c = open_case(p, LM_CASE_CREATE);
	expect_refusal(p, LM_CASE_CREATE, "another limier run");
	expect_refusal(p, LM_CASE_READ_ONLY, "another limier run");
	pid_t pid = fork(); /* and from another process */
	if (!pid) {
		char cmd[300];
		snprintf(cmd, sizeof cmd, "sqlite3 '%s' 'SELECT count(*) FROM log' >/dev/null 2>&1", p);
		_exit(system(cmd) ? 7 : 0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	ok(lm_case_put(c, evidence(c, "e"), &(struct lm_obs){ .kind = LM_K_file_content }));
	ok(lm_case_commit(c));
	lm_case_close(c);
	lm_case_close(open_case(p, 0));
}

/* An older case lacks a kind and a field: it gets them when written, and does without when only read. */
static void test_older_case(void **state)
{
	(void)state;
	const char *p = in_dir("older.db");
	struct lm_case *c = open_case(p, LM_CASE_CREATE);
	struct lm_obs o = seen_by("WS1", NULL, NULL, LM_ID_LAYOUT);
	ok(lm_case_put(c, evidence(c, "e"), &o));
	ok(lm_case_resolve(c, NULL));
	lm_case_close(c);
	run_sql(p, "DROP TABLE obs_rule_match; ALTER TABLE obs_file_sighting DROP COLUMN version");
	struct lm_buf b;
	lm_buf_init(&b, 1 << 20);
	c = open_case(p, LM_CASE_READ_ONLY);
	ok(lm_case_fetch(c, LM_K_file_sighting, NULL, 0, dump_stored, &b));
	assert_non_null(strstr(b.p, "WS1"));
	ok(lm_case_fetch(c, LM_K_rule_match, NULL, 0, dump_stored, &b));
	ok(lm_case_prevalence(c, LM_K_rule_match, "rule", dump_prevalence, &b));
	ok(lm_case_prevalence(c, LM_K_file_sighting, "version", dump_prevalence, &b));
	assert_int_equal(lm_case_put(c, 1, &o), LM_EUSAGE);
	lm_case_close(c);
	c = open_case(p, 0);
	o.file_sighting.version = LM_STR("1.2");
	ok(lm_case_put(c, evidence(c, "e"), &o));
	ok(lm_case_resolve(c, NULL));
	ok(lm_case_fetch(c, LM_K_rule_match, NULL, 0, dump_stored, &b));
	ok(lm_case_verify(c, false, NULL, NULL));
	lm_case_close(c);
	lm_buf_fini(&b);
}

static void test_read_only_medium(void **state)
{
	(void)state;
	const char *p = in_dir("medium.db");
	struct lm_case *c = open_case(p, LM_CASE_CREATE);
	struct lm_obs o = seen_by("WS1", NULL, NULL, LM_ID_LAYOUT);
	ok(lm_case_put(c, evidence(c, "e"), &o));
	ok(lm_case_resolve(c, NULL));
	lm_case_close(c);
	assert_int_equal(chmod(p, 0444), 0);
	assert_int_equal(chmod(dir, 0555), 0);
	pid_t pid = fork();
	if (!pid) { /* root may write anywhere: become somebody who may not */
		if (getuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(3);
		struct lm_case *r;
		struct lm_err err;
		struct lm_buf b;
		lm_buf_init(&b, 1 << 20);
		if (lm_case_open(p, LM_CASE_READ_ONLY, &r, &err) != LM_OK)
			_exit(4);
		if (lm_case_fetch(r, LM_K_file_sighting, NULL, 0, dump_stored, &b) != LM_OK || !b.n)
			_exit(5);
		if (lm_case_match(r, dump_hit, &b) != LM_OK)
			_exit(6);
		lm_case_close(r);
		if (lm_case_open(p, 0, &r, &err) != LM_EDB || !strstr(err.msg, "cannot be written"))
			_exit(8);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- files read and not read ---- */

static void count_seen(void *user, const uint8_t sha256[32], struct lm_str kind)
{
	(void)kind;
	(void)sha256;
	++*(int *)user;
}

struct rows {
	int n, lost;
	char all[400];
};

static enum lm_rc count_rows(void *user, const struct lm_evidence_row *r)
{
	struct rows *x = user;
	x->n++;
	x->lost += r->lost.p != NULL;
	size_t at = strlen(x->all);
	snprintf(x->all + at, sizeof x->all - at, "%.*s(%.*s%s) ", LM_STR_ARG(r->path), LM_STR_ARG(r->kind),
		 r->trusted ? " trusted" : "");
	return LM_OK;
}

static void test_known_files(void **state)
{
	(void)state;
	struct lm_case *c = open_case(NULL, 0);
	uint8_t x[32], y[32], z[32];
	sha(1, x), sha(2, y), sha(3, z);
	int64_t zip, member, list;
	ok(lm_case_evidence(c, LM_STR("a.zip"), -1, false, &zip));
	ok(lm_case_evidence(c, LM_STR("a.zip!/x.exe"), zip, false, &member));
	ok(lm_case_evidence(c, LM_STR("iocs.csv"), -1, true, &list));
	ok(lm_case_evidence_end(c, zip, x, 10, LM_STR("zip")));
	ok(lm_case_evidence_end(c, member, y, 10, LM_STR("pe")));
	ok(lm_case_evidence_end(c, list, z, 10, LM_STR("csv")));
	struct lm_obs o;
	uint8_t *const all[] = { x, y, z };
	for (int i = 0; i < 3; i++) {
		lm_obs_init(&o, LM_K_file_content);
		o.file_content.sha256 = (struct lm_bytes){ all[i], 32 };
		ok(lm_case_put(c, zip, &o));
	}
	struct lm_str none = { 0 };
	ok(lm_case_file_done(c, LM_STR("a.zip"), 10, 5, LM_STR("rules-1"), none, 0));
	ok(lm_case_file_done(c, LM_STR("iocs.csv"), 10, 5, LM_STR("rules-1"), none, 0));
	ok(lm_case_file_done(c, LM_STR("broken.evtx"), 99, 5, LM_STR("rules-1"), LM_STR("killed by SIGSEGV"), 77));
	ok(lm_case_commit(c));
	assert_true(lm_case_file_known(c, LM_STR("a.zip"), 10, 5, LM_STR("rules-1")));
	assert_false(lm_case_file_known(c, LM_STR("a.zip"), 11, 5, LM_STR("rules-1")));
	assert_false(lm_case_file_known(c, LM_STR("a.zip"), 10, 6, LM_STR("rules-1")));
	assert_false(lm_case_file_known(c, LM_STR("a.zip"), 10, 5, LM_STR("rules-2")));
	assert_false(lm_case_file_known(c, LM_STR("broken.evtx"), 99, 5, LM_STR("rules-1")));
	int n = 0;
	ok(lm_case_seen(c, LM_STR("rules-1"), count_seen, &n));
	assert_int_equal(n, 2);
	ok(lm_case_seen(c, LM_STR("rules-2"), count_seen, &n));
	assert_int_equal(n, 2);
	struct rows r = { 0 };
	ok(lm_case_evidence_rows(c, count_rows, &r));
	assert_string_equal(r.all, "a.zip(zip) a.zip!/x.exe(pe) broken.evtx() iocs.csv(csv trusted) ");
	assert_int_equal(r.lost, 1);
	/* cached content comes without a reader: the row keeps the one it had */
	ok(lm_case_evidence_end(c, member, y, 10, none));
	memset(&r, 0, sizeof r);
	ok(lm_case_evidence_rows(c, count_rows, &r));
	assert_non_null(strstr(r.all, "x.exe(pe)"));
	lm_case_close(c);
}

static void test_settings(void **state)
{
	(void)state;
	const char *p = in_dir("set.db");
	struct lm_case *c = open_case(p, LM_CASE_CREATE);
	struct lm_arena a;
	lm_arena_init(&a, 1 << 16);
	assert_null(lm_case_get(c, "now", &a).p);
	ok(lm_case_set(c, "now", LM_STR("123")));
	ok(lm_case_set(c, "now", LM_STR("456")));
	ok(lm_case_commit(c));
	ok(lm_case_set(c, "now", LM_STR("lost")));
	lm_case_close(c); /* without commit: none of it */
	c = open_case(p, 0);
	assert_true(lm_str_eq(lm_case_get(c, "now", &a), LM_STR("456")));
	lm_arena_fini(&a);
	lm_case_close(c);
}

/* ---- kill -9 ---- */

static useconds_t slow_us;

static void put_many(struct lm_case *c, unsigned from, unsigned to, unsigned batch)
{
	char name[32];
	uint8_t d[32];
	int64_t ev = evidence(c, "ev.csv");
	for (unsigned i = from; i < to; i++) {
		snprintf(name, sizeof name, "WS%u", i % 40);
		struct lm_obs o = seen_by(name, NULL, NULL, LM_ID_EVENT);
		o.file_sighting.sha256 = sha(i, d);
		o.at.offset = i;
		ok(lm_case_put(c, ev, &o));
		if (i % 10 == 0 && slow_us)
			usleep(slow_us);
		if (i % batch == batch - 1)
			ok(lm_case_commit(c));
	}
	ok(lm_case_commit(c));
}

static void test_kill(void **state)
{
	(void)state;
	enum { N = 3000 };
	struct lm_buf want, got;
	struct lm_case *c = open_case(NULL, 0);
	put_many(c, 0, N, 500);
	answers(NULL, c, &want);
	lm_case_close(c);
	const char *p = in_dir("killed.db");
	unsigned killed = 0;
	for (unsigned round = 0; round < 12; round++) {
		pid_t pid = fork();
		if (!pid) {
			struct lm_case *k;
			struct lm_err err;
			if (lm_case_open(p, LM_CASE_CREATE, &k, &err) != LM_OK)
				_exit(9);
			slow_us = 1000;
			put_many(k, 0, N, 50 + round * 13);
			_exit(0); /* not closed either */
		}
		struct timespec nap = { 0, (long)(20 + round * 12) * 1000000L };
		nanosleep(&nap, NULL);
		kill(pid, SIGKILL);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		killed += WIFSIGNALED(status);
		assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 9);
	}
	print_message("killed %u of 12 children\n", killed);
	c = open_case(p, LM_CASE_CREATE);
	ok(lm_case_verify(c, false, NULL, NULL));
	put_many(c, 0, N, 500);
	answers(NULL, c, &got);
	assert_same_text(&want, &got);
	ok(lm_case_verify(c, false, NULL, NULL));
	lm_case_close(c);
	lm_buf_fini(&want);
	lm_buf_fini(&got);
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* LIMIER_BENCH=n puts n sightings, LIMIER_BENCH_BATCH=m in batches of m, and says how long it took. */
static void test_bench(void **state)
{
	(void)state;
	uint64_t n = 20000;
	uint64_t batch = 65536;
	const char *env = getenv("LIMIER_BENCH"), *env_batch = getenv("LIMIER_BENCH_BATCH");
	if (env)
		assert_true(lm_str_u64(lm_cstr(env), &n));
	if (env_batch)
		assert_true(lm_str_u64(lm_cstr(env_batch), &batch));
	struct lm_case *c = open_case(in_dir("bench.db"), LM_CASE_CREATE);
	char name[40], path[120];
	uint8_t d[32];
	int64_t ev = evidence(c, "inventory.csv");
	double t0 = now_s();
	for (uint64_t i = 0; i < n; i++) {
		snprintf(name, sizeof name, "WS%05u.corp.example", (unsigned)(i * 2654435761u % 20000));
		snprintf(path, sizeof path, "C:\\Program Files\\Example\\App\\module%u.dll", (unsigned)(i % 3000));
		struct lm_obs o = seen_by(name, NULL, NULL, LM_ID_INVENTORY);
		o.file_sighting.sha256 = sha(i % 7000, d);
		o.file_sighting.path = lm_cstr(path);
		o.file_sighting.size = LM_INT(i % 7000);
		o.file_sighting.source = LM_STR("inventory");
		o.at = (struct lm_span){ i * 100, 100, LM_INT(i) };
		ok(lm_case_put(c, ev, &o));
		if (i % batch == batch - 1)
			ok(lm_case_commit(c));
	}
	ok(lm_case_commit(c));
	double t1 = now_s();
	ok(lm_case_resolve(c, NULL));
	double t2 = now_s();
	struct lm_buf b;
	lm_buf_init(&b, SIZE_MAX / 2);
	ok(lm_case_prevalence(c, LM_K_file_sighting, "sha256", dump_prevalence, &b));
	double t3 = now_s();
	print_message("%llu sightings: put %.2f s, resolve %.2f s, prevalence %.2f s\n", (unsigned long long)n, t1 - t0,
		      t2 - t1, t3 - t2);
	lm_buf_fini(&b);
	lm_case_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),   cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_citation),    cmocka_unit_test(test_values_survive),
		cmocka_unit_test(test_refusals),    cmocka_unit_test(test_two_runs),
		cmocka_unit_test(test_older_case),  cmocka_unit_test(test_read_only_medium),
		cmocka_unit_test(test_known_files), cmocka_unit_test(test_settings),
		cmocka_unit_test(test_kill),	    cmocka_unit_test(test_bench),
	};
	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
