/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_result.c - findings, stages, scope and notes come back as they were put, in their fixed orders.
 */
#include "case/case.h"
#include "case_help.h"

#include <stdio.h>

static struct lm_case *c;

static int setup(void **state)
{
	(void)state;
	c = open_case(NULL, 0);
	struct lm_obs a = seen_by("alpha", NULL, NULL, LM_ID_EVENT), b = seen_by("beta", NULL, NULL, LM_ID_EVENT);
	int64_t ev = evidence(c, "e");
	ok(lm_case_put(c, ev, &a));
	ok(lm_case_put(c, ev, &b));
	ok(lm_case_resolve(c, NULL));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lm_case_close(c);
	return 0;
}

static struct lm_finding finding(const char *detector, const char *rule, enum lm_stage stage, enum lm_severity sev,
				 int64_t host, const char *key)
{
	struct lm_finding f = {
		.detector = detector, .rule = lm_cstr(rule), .stage = stage, .severity = sev, .host = host
	};
	f.key = lm_cstr(key);
	f.why[f.n_why++] = LM_STR("why");
	f.evidence[f.n_evidence++] = (struct lm_evidence_ref){ .path = LM_STR("e"), .offset = 1, .length = 2 };
	return f;
}

static enum lm_rc list(void *user, const struct lm_finding_row *r)
{
	lm_buf_fmt(user, "%s/%.*s/%s ", r->f.detector, LM_STR_ARG(r->f.rule), r->host ? "h" : "*");
	return LM_OK;
}

static void test_order(void **state)
{
	(void)state;
	struct lm_finding in[] = {
		finding("d2", "r1", LM_STAGE_EXPOSED, LM_SEV_LOW, 1, "k"),
		finding("d1", "r3", LM_STAGE_ALTERED, LM_SEV_HIGH, 2, "k"),
		finding("d1", "r2", LM_STAGE_ALTERED, LM_SEV_HIGH, 1, "k"),
		finding("d1", "r4", LM_STAGE_HANDS_ON, LM_SEV_HIGH, 2, "k"),
		finding("d9", "r0", LM_STAGE_NONE, LM_SEV_CRITICAL, 0, "k"),
		finding("d1", "r1", LM_STAGE_ALTERED, LM_SEV_HIGH, 0, "k"),
	};
	for (size_t i = 0; i < sizeof in / sizeof *in; i++)
		ok(lm_case_finding(c, &in[i]));
	struct lm_buf b;
	lm_buf_init(&b, 4096);
	ok(lm_case_findings(c, list, &b));
	assert_string_equal(b.p, "d9/r0/* d1/r4/h d1/r1/* d1/r2/h d1/r3/h d2/r1/h ");
	/* the same id twice keeps the first */
	struct lm_finding again = in[0];
	again.severity = LM_SEV_CRITICAL;
	ok(lm_case_finding(c, &again));
	lm_buf_clear(&b);
	ok(lm_case_findings(c, list, &b));
	assert_string_equal(b.p, "d9/r0/* d1/r4/h d1/r1/* d1/r2/h d1/r3/h d2/r1/h ");
	ok(lm_case_results_clear(c));
	lm_buf_clear(&b);
	ok(lm_case_findings(c, list, &b));
	assert_int_equal(b.n, 0);
	lm_buf_fini(&b);
}

static enum lm_rc whole(void *user, const struct lm_finding_row *r)
{
	const struct lm_finding *f = &r->f;
	++*(int *)user;
	assert_int_equal(r->id.n, 16);
	assert_int_equal(f->n_terms, 2);
	assert_string_equal(f->terms[1].name, "unsigned loader");
	assert_true(f->terms[1].log_odds == -0.125);
	assert_null(f->terms[0].note.p);
	assert_true(lm_str_eq(f->terms[1].note, LM_STR("n")));
	assert_int_equal(r->confidence, lm_confidence(f->terms, 2));
	assert_int_equal(f->n_why, 2);
	assert_true(lm_str_eq(f->why[1], LM_STR("275,000 bytes")));
	assert_int_equal(f->n_counter, 1);
	assert_int_equal(f->n_attack, 2);
	assert_string_equal(f->attack[0], "T1195.002");
	assert_int_equal(f->n_evidence, LM_FINDING_LIST_MAX);
	assert_int_equal(f->evidence[3].offset, 3);
	assert_int_equal(f->evidence[3].sha256[31], 3);
	assert_true(f->evidence[3].record.set && f->evidence[3].record.v == 3);
	assert_false(f->evidence[0].record.set);
	assert_true(f->first_seen.set && f->first_seen.v == -5 && !f->last_seen.set);
	assert_true(lm_str_eq(f->subject, LM_STR("ffmpeg.dll")));
	assert_true(lm_str_eq(r->host->name, LM_STR("beta")));
	return LM_OK;
}

static void test_whole(void **state)
{
	(void)state;
	struct lm_finding f = finding("altered", "unexplained-bytes", LM_STAGE_ALTERED, LM_SEV_CRITICAL, 2, "k");
	f.terms[0] = (struct lm_term){ "unhashed bytes", 3.5, { 0 } };
	f.terms[1] = (struct lm_term){ "unsigned loader", -0.125, LM_STR("n") };
	f.n_terms = 2;
	f.why[f.n_why++] = LM_STR("275,000 bytes");
	f.counter[f.n_counter++] = LM_STR("trust not checked");
	f.attack[f.n_attack++] = "T1195.002";
	f.attack[f.n_attack++] = "T1036";
	f.n_evidence = 0;
	for (uint8_t i = 0; i < LM_FINDING_LIST_MAX; i++) {
		struct lm_evidence_ref *e = &f.evidence[f.n_evidence++];
		*e = (struct lm_evidence_ref){ .path = LM_STR("in/x"), .offset = i, .record = { i, i > 0 } };
		e->sha256[31] = i;
	}
	f.first_seen = LM_INT(-5);
	f.subject = LM_STR("ffmpeg.dll");
	ok(lm_case_finding(c, &f));
	int n = 0;
	ok(lm_case_findings(c, whole, &n));
	assert_int_equal(n, 1);
}

static enum lm_rc keep_id(void *user, const struct lm_finding_row *r)
{
	memcpy(user, r->id.p, 16);
	return LM_END;
}

/* The id follows the host's name, not its number: it is the same in a case with more hosts. */
static void test_id(void **state)
{
	(void)state;
	char first[17] = "", second[17] = "";
	struct lm_finding f = finding("d", "r", LM_STAGE_NONE, LM_SEV_LOW, 2, "k");
	ok(lm_case_finding(c, &f));
	ok(lm_case_findings(c, keep_id, first));
	struct lm_obs o = seen_by("aaa", NULL, NULL, LM_ID_EVENT);
	ok(lm_case_put(c, evidence(c, "e"), &o));
	ok(lm_case_resolve(c, NULL)); /* hosts changed: results of before are gone */
	int n = 0;
	ok(lm_case_findings(c, whole, &n));
	assert_int_equal(n, 0);
	f.host = 3;
	ok(lm_case_finding(c, &f));
	ok(lm_case_findings(c, keep_id, second));
	assert_string_equal(first, second);
	f.key = LM_STR("other");
	f.severity = LM_SEV_CRITICAL;
	ok(lm_case_finding(c, &f));
	ok(lm_case_findings(c, keep_id, second));
	assert_string_not_equal(first, second);
	char third[17] = "";
	ok(lm_case_results_clear(c));
	f.host = 1; /* the same on another host is another finding */
	ok(lm_case_finding(c, &f));
	ok(lm_case_findings(c, keep_id, third));
	assert_string_not_equal(second, third);
	/* nothing changed: results stand */
	ok(lm_case_resolve(c, NULL));
	second[0] = 0;
	ok(lm_case_findings(c, keep_id, second));
	assert_true(second[0] != 0);
}

static void test_refused(void **state)
{
	(void)state;
	struct lm_finding f = finding("d", "r", LM_STAGE_NONE, LM_SEV_LOW, 1, "k"), g = f;
	g.n_why = 0;
	assert_int_equal(lm_case_finding(c, &g), LM_EUSAGE);
	g = f;
	g.why[0] = (struct lm_str){ 0 };
	assert_int_equal(lm_case_finding(c, &g), LM_EUSAGE);
	g = f;
	g.n_evidence = 0;
	assert_int_equal(lm_case_finding(c, &g), LM_EUSAGE);
	assert_non_null(strstr(lm_case_error(c), "evidence"));
	g = f;
	g.host = 77;
	assert_int_equal(lm_case_finding(c, &g), LM_EUSAGE);
	g = f;
	g.n_attack = 99;
	assert_int_equal(lm_case_finding(c, &g), LM_EUSAGE);
	assert_int_equal(lm_case_host_stage(c, &(struct lm_host_stage){ 0 }), LM_EUSAGE);
}

static enum lm_rc on_stage(void *user, const struct lm_host_stage *s)
{
	lm_buf_fmt(user, "%.*s %s %lld %d %.*s\n", LM_STR_ARG(s->host->name), lm_stage_word(s->stage),
		   (long long)s->first.v, s->confidence, LM_STR_ARG(s->findings));
	return LM_OK;
}

static enum lm_rc on_scope(void *user, const struct lm_scope_row *r)
{
	lm_buf_fmt(user, "%s %.*s %llu %llu %llu %llu\n", r->dimension, LM_STR_ARG(r->value.p ? r->value : LM_STR("?")),
		   (unsigned long long)r->listed, (unsigned long long)r->seen,
		   (unsigned long long)r->stage[LM_STAGE_ALTERED], (unsigned long long)r->stage[LM_STAGE_HANDS_ON]);
	return LM_OK;
}

static enum lm_rc on_note(void *user, const struct lm_note *n)
{
	lm_buf_fmt(user, "%lld %.*s %.*s|%.*s\n", (long long)n->order,
		   LM_STR_ARG(n->host ? n->host->name : LM_STR("-")), LM_STR_ARG(n->text), LM_STR_ARG(n->detail));
	return LM_OK;
}

static void test_the_rest(void **state)
{
	(void)state;
	const struct lm_host *a = lm_case_host(c, 1), *h = lm_case_host(c, 2);
	struct lm_buf b;
	lm_buf_init(&b, 4096);
	ok(lm_case_host_stage(c, &(struct lm_host_stage){ h, LM_STAGE_HANDS_ON, LM_INT(9), { 0 }, 80, LM_STR("x;y") }));
	ok(lm_case_host_stage(c, &(struct lm_host_stage){ h, LM_STAGE_ALTERED, LM_INT(3), { 0 }, 90, LM_STR("z") }));
	ok(lm_case_host_stage(c, &(struct lm_host_stage){ a, LM_STAGE_EXPOSED, LM_INT(1), { 0 }, 50, LM_STR("w") }));
	ok(lm_case_host_stages(c, on_stage, &b));
	assert_string_equal(b.p, "alpha exposed 1 50 w\nbeta altered 3 90 z\nbeta hands_on 9 80 x;y\n");
	lm_buf_clear(&b);
	static const struct {
		const char *value;
		uint64_t altered, exposed, seen;
	} rows[] = { { NULL, 99, 9, 9 }, { "DE", 1, 5, 5 }, { "US", 1, 5, 7 }, { "AT", 1, 5, 5 }, { "FR", 2, 2, 2 } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct lm_scope_row r = {
			.dimension = "country", .value = lm_cstr(rows[i].value), .listed = 10, .seen = rows[i].seen
		};
		r.stage[LM_STAGE_ALTERED] = rows[i].altered;
		r.stage[LM_STAGE_EXPOSED] = rows[i].exposed;
		r.stage[LM_STAGE_HANDS_ON] = i;
		ok(lm_case_scope(c, &r));
	}
	ok(lm_case_scope(c, &(struct lm_scope_row){ .dimension = "org", .value = LM_STR("X") }));
	ok(lm_case_scope_rows(c, "country", on_scope, &b));
	assert_string_equal(b.p, "country FR 10 2 2 4\ncountry US 10 7 1 2\ncountry AT 10 5 1 3\ncountry DE 10 5 1 1\n"
				 "country ? 10 9 99 0\n");
	lm_buf_clear(&b);
	ok(lm_case_note(c, &(struct lm_note){ "action", 2, h, LM_STR("isolate"), LM_STR("why\nwhy") }));
	ok(lm_case_note(c, &(struct lm_note){ "action", 1, a, LM_STR("look"), LM_STR("d") }));
	ok(lm_case_note(c, &(struct lm_note){ "blind", 0, NULL, LM_STR("no logs"), { 0 } }));
	ok(lm_case_notes(c, "action", on_note, &b));
	ok(lm_case_notes(c, "blind", on_note, &b));
	assert_string_equal(b.p, "1 alpha look|d\n2 beta isolate|why\nwhy\n0 - no logs|\n");
	lm_buf_fini(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_order), T(test_whole), T(test_id), T(test_refused),
					    T(test_the_rest) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
