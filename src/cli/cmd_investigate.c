/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_investigate.c - the whole line: evidence in, case and report out, one screen of summary.
 */
#include "base/json_out.h"
#include "base/text.h"
#include "cli/cli.h"
#include "report/report.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct funnel {
	uint64_t hosts[LM_STAGE_COUNT];
};

static enum lm_rc count_stage(void *user, const struct lm_host_stage *s)
{
	((struct funnel *)user)->hosts[s->stage]++;
	return LM_OK;
}

struct summary {
	struct lm_buf *out;
	unsigned shown, max, left;
	bool action, question;
};

/* An action leads with what to do, then why; a question is followed by the command that answers it. */
static enum lm_rc put_note(void *user, const struct lm_note *n)
{
	struct summary *s = user;
	struct lm_buf line;
	if (s->shown == s->max) {
		s->left++;
		return LM_OK;
	}
	s->shown++;
	struct lm_str first = lm_str_part(n->text, 0, lm_str_find(n->text, '\n', 0));
	lm_buf_init(&line, 1 << 16);
	if (s->action)
		lm_buf_fmt(&line, "%u. ", s->shown);
	if (n->host) {
		lm_buf_str(&line, n->host->name);
		lm_buf_puts(&line, ": ");
	}
	lm_buf_str(&line, s->action && n->detail.n ? n->detail : first);
	lm_term_wrap(s->out, 2, lm_buf_view(&line));
	if (s->action && n->detail.n)
		lm_term_wrap(s->out, 5, first);
	if (s->question && n->detail.n) {
		lm_buf_puts(s->out, "     ");
		lm_term_put(s->out, LM_INK_CYAN, n->detail, 0);
		lm_buf_putc(s->out, '\n');
	}
	lm_buf_fini(&line);
	return LM_OK;
}

static void put_section(struct lm_buf *out, struct lm_case *c, const char *title, const char *section, unsigned max)
{
	struct lm_buf body;
	struct summary s = { .out = &body, .max = max };
	s.action = strcmp(section, "action") == 0;
	s.question = strcmp(section, "question") == 0;
	lm_buf_init(&body, 1 << 20);
	if (lm_case_notes(c, section, put_note, &s) == LM_OK && body.n) {
		lm_term_fmt(out, LM_INK_BOLD, "\n%s\n", title);
		lm_buf_str(out, lm_buf_view(&body));
		if (s.left)
			lm_term_fmt(out, LM_INK_DIM, "  and %u more in the report\n", s.left);
	}
	lm_buf_fini(&body);
}

struct countries {
	struct lm_buf *out;
	unsigned shown;
	uint64_t most;
};

static enum lm_rc put_country(void *user, const struct lm_scope_row *r)
{
	struct countries *k = user;
	uint64_t n = r->stage[LM_STAGE_ALTERED], of = r->stage[LM_STAGE_EXPOSED];
	if (!n && !of)
		return LM_OK;
	if (k->shown++ >= 6)
		return LM_OK;
	if (!k->most)
		k->most = n ? n : of;
	unsigned bar = (unsigned)((n ? n : of) * 24 / k->most);
	lm_buf_puts(k->out, "  ");
	lm_term_put(k->out, LM_INK_PLAIN, r->value.p ? r->value : LM_STR("unknown"), 12);
	lm_buf_fmt(k->out, "%*s%7s altered of %7s with the product  ", (int)(r->value.n < 10 ? 10 - r->value.n : 1), "",
		   lm_term_count(n), lm_term_count(of));
	for (unsigned i = 0; i < bar; i++)
		lm_buf_puts(k->out, "▇");
	lm_buf_putc(k->out, '\n');
	return LM_OK;
}

static void put_summary(struct lm_buf *out, struct lm_case *c, const struct lm_tally *t, const char *dir)
{
	static const char *const labels[LM_STAGE_COUNT] = {
		NULL,	      "has the product",     "has altered software",
		"calls home", "second stage landed", "a person at the keyboard"
	};
	struct funnel f = { 0 };
	size_t n_hosts = 0;
	(void)lm_case_hosts(c, &n_hosts);
	lm_term_fmt(out, LM_INK_DIM, "read %s files, %s, %s contents, %s observations", lm_term_count(t->files),
		    lm_term_bytes(t->bytes), lm_term_count(t->contents), lm_term_count(t->observations));
	if (t->known)
		lm_term_fmt(out, LM_INK_DIM, "; %s files known from an earlier run", lm_term_count(t->known));
	lm_buf_putc(out, '\n');
	if (t->loaded.rule_files || t->loaded.bad_rule_files)
		lm_term_fmt(out, LM_INK_DIM, "%s rules in %s files loaded, %s files left out\n",
			    lm_term_count(t->loaded.rules), lm_term_count(t->loaded.rule_files),
			    lm_term_count(t->loaded.bad_rule_files));
	put_section(out, c, "verdict", "verdict", 5);
	if (lm_case_host_stages(c, count_stage, &f) == LM_OK) {
		lm_term_fmt(out, LM_INK_BOLD, "\nhosts\n");
		lm_buf_fmt(out, "  %9s  known to the case\n", lm_term_count(n_hosts));
		for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++)
			if (f.hosts[s]) {
				lm_buf_puts(out, "  ");
				lm_term_fmt(out, s > LM_STAGE_EXPOSED ? LM_INK_RED : LM_INK_YELLOW, "%9s",
					    lm_term_count(f.hosts[s]));
				lm_buf_fmt(out, "  %s\n", labels[s]);
			}
	}
	struct lm_buf rows;
	struct countries k = { .out = &rows };
	lm_buf_init(&rows, 1 << 16);
	if (f.hosts[LM_STAGE_EXPOSED] && lm_case_scope_rows(c, "country", put_country, &k) == LM_OK && rows.n) {
		lm_term_fmt(out, LM_INK_BOLD, "\ncountries\n");
		lm_buf_str(out, lm_buf_view(&rows));
		if (k.shown > 6)
			lm_term_fmt(out, LM_INK_DIM, "  and %u more in the report\n", k.shown - 6);
	}
	lm_buf_fini(&rows);
	put_section(out, c, "act now", "action", 4);
	put_section(out, c, "blind spots", "blind", 3);
	put_section(out, c, "open questions", "question", 3);
	if (t->unread || t->lost)
		lm_term_fmt(out, LM_INK_YELLOW,
			    "\nunread: %s damaged, %s encrypted, %s lost to a worker's death; see the report\n",
			    lm_term_count(t->damaged), lm_term_count(t->encrypted), lm_term_count(t->lost));
	lm_buf_fmt(out, "\nreport: %s/report.html\n", dir);
}

static enum lm_rc jsonl_finding(void *user, const struct lm_finding_row *r)
{
	struct lm_jw w;
	lm_jw_init(&w, user, false);
	lm_report_finding_json(&w, r);
	lm_buf_putc(user, '\n');
	return LM_OK;
}

int lm_cmd_investigate(const struct lm_cli *o)
{
	struct lm_err err = { 0 };
	struct lm_case *c = NULL;
	struct lm_tally tally;
	char case_path[PATH_MAX];
	if (!o->operands.n || !o->output)
		return lm_complain(LM_EXIT_USAGE,
				   "investigate needs evidence and -o DIR; 'limier help investigate' explains");
	if (lm_engine_check(o, &err) < 0)
		return lm_complain(LM_EXIT_USAGE, "%s", err.msg);
	if (snprintf(case_path, sizeof case_path, "%s%s", o->case_file ? o->case_file : o->output,
		     o->case_file ? "" : "/case.db") >= (int)sizeof case_path)
		return lm_complain(LM_EXIT_USAGE, "path of the case is too long");
	const struct lm_list *inputs[] = { &o->operands, &o->hosts, &o->inventory, &o->intel, &o->rules };
	for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
		if (lm_refuse_inside_evidence(o->output, inputs[i], &err) < 0 ||
		    lm_refuse_inside_evidence(case_path, inputs[i], &err) < 0)
			return lm_complain(LM_EXIT_USAGE, "%s", err.msg);
	if (lm_make_dirs(o->output, &err) < 0 || lm_engine_run(o, case_path, &c, &tally, &err) < 0)
		return lm_complain(err.rc == LM_EUSAGE || err.rc == LM_ECORRUPT ? LM_EXIT_USAGE : LM_EXIT_INTERNAL,
				   "%s", err.msg);
	struct lm_report_opts ro = { .tlp = o->tlp ? o->tlp : "amber", .version = LM_VERSION };
	struct lm_buf out;
	lm_buf_init(&out, SIZE_MAX / 2);
	int code = LM_EXIT_OK;
	if (lm_reports_write(c, o->output, &ro, &err) < 0) {
		code = lm_complain(LM_EXIT_INTERNAL, "%s", err.msg);
	} else {
		if (o->jsonl)
			(void)!lm_case_findings(c, jsonl_finding, &out);
		else if (o->json)
			/* the result of investigate is the report document itself */
			(void)!lm_report_document.write(c, &ro, &out, &err);
		else
			put_summary(&out, c, &tally, o->output);
		if (!lm_term_flush(&out))
			code = lm_complain(LM_EXIT_INTERNAL, "cannot write to standard output");
	}
	if (code == LM_EXIT_OK)
		code = lm_engine_exit(o, c, &tally);
	lm_buf_fini(&out);
	lm_case_close(c);
	return code;
}
