/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_findings.c - in: findings grouped by rule and subject; out: each group once, with one full set of reasons,
 * what speaks against it, how its confidence came about, the evidence, and its hosts. Limits: GROUPS_SHOWN groups
 * and HOSTS_SHOWN host names a group; what is left out is counted and stands in the host list or findings.csv.
 */
#include "report/page.h"
#include "base/text.h"

#include <inttypes.h>

enum { GROUPS_SHOWN = 1500, HOSTS_SHOWN = 40, ACTIONS_SHOWN = 500, LINES_SHOWN = 60 };

static void put_times(struct lm_page *p, const struct lm_view_group *g)
{
	if (!g->first.set && !g->last.set)
		return;
	lm_page_put(p, " \xc2\xb7 ");
	lm_html_time(p->out, g->first);
	if (g->last.set && (!g->first.set || g->last.v != g->first.v)) {
		lm_page_put(p, " to ");
		lm_html_time(p->out, g->last);
	}
	lm_page_put(p, " UTC");
}

static void put_list(struct lm_page *p, const char *title, const struct lm_str *s, size_t n)
{
	if (n == 0)
		return;
	lm_buf_fmt(p->out, "<h4>%s</h4><ul>", title);
	for (size_t i = 0; i < n; i++) {
		lm_page_put(p, "<li>");
		lm_page_say(p, s[i], LM_CUT_TEXT);
		lm_page_put(p, "</li>");
	}
	lm_page_put(p, "</ul>\n");
}

static void put_terms(struct lm_page *p, const struct lm_finding *f)
{
	if (f->n_terms == 0)
		return;
	lm_page_put(p,
		    "<details><summary>How the confidence came about</summary><table class=\"terms\"><caption>Log-odds "
		    "of each term; their sum gives the confidence</caption><thead><tr><th scope=\"col\">Term</th><th "
		    "scope=\"col\" class=\"n\">Log-odds</th><th scope=\"col\">Rests on</th></tr></thead><tbody>");
	for (size_t i = 0; i < f->n_terms; i++) {
		lm_page_put(p, "<tr><th scope=\"row\">");
		lm_page_value(p, lm_cstr(f->terms[i].name));
		lm_buf_fmt(p->out, "</th><td class=\"n\">%+.1f</td><td>", f->terms[i].log_odds);
		lm_page_say(p, f->terms[i].note, LM_CUT_PATH);
		lm_page_put(p, "</td></tr>");
	}
	lm_page_put(p, "</tbody></table></details>\n");
}

static void put_group_evidence(struct lm_page *p, const struct lm_view_group *g)
{
	lm_page_put(p, "<h4>Evidence</h4><ul class=\"ev\">");
	for (size_t i = 0; i < g->f.n_evidence; i++) {
		const struct lm_evidence_ref *e = &g->f.evidence[i];
		if (!g->cited[i])
			continue;
		lm_page_put(p, "<li>");
		lm_page_pointer(p, g->cited[i], e->offset, e->length, e->record);
		lm_page_put(p, " <span class=\"path\">");
		lm_html_defang(p->out, e->path, LM_CUT_PATH, LM_DEFANG_PATH, &p->v->own);
		lm_page_put(p, "</span></li>");
	}
	lm_page_put(p, "</ul>\n");
}

static void put_group_hosts(struct lm_page *p, const struct lm_view_group *g)
{
	const struct lm_view_host *last = NULL;
	uint64_t n = 0;
	lm_page_put(p, "<h4>Hosts</h4><p class=\"names\">");
	if (g->fleet)
		lm_page_put(p, g->hosts ? "" : "about the content itself, on no single host");
	for (const struct lm_view_ref *r = g->refs; r && n < HOSTS_SHOWN; r = r->in_group) {
		if (!r->host || r->host == last)
			continue;
		last = r->host;
		lm_page_put(p, n++ ? ", " : "");
		lm_page_host_link(p, r->host->host);
	}
	if (g->hosts > n) {
		lm_page_put(p, " and ");
		lm_html_count(p->out, g->hosts - n);
		lm_buf_fmt(p->out, " more: rows marked G%" PRIu64 " in the <a", g->number);
		if (p->v->stage_hosts[g->f.stage])
			lm_page_stage_href(p, g->f.stage);
		else
			lm_page_put(p, " href=\"#hosts\"");
		lm_page_put(p, ">host list</a>");
	}
	lm_page_put(p, "</p>\n");
}

static void put_group(struct lm_page *p, const struct lm_view_group *g)
{
	lm_buf_fmt(p->out,
		   "<article class=\"finding sev%d\" id=\"g%" PRIu64 "\"><h3><span class=\"gno\">G%" PRIu64 "</span> ",
		   (int)g->f.severity, g->number, g->number);
	lm_page_subject(p, g);
	lm_buf_fmt(p->out, "</h3><p class=\"meta\"><b class=\"sev\">%s</b>", lm_severity_word(g->f.severity));
	if (g->f.stage)
		lm_buf_fmt(p->out, " \xc2\xb7 stage %s", lm_page_stage_title(g->f.stage));
	lm_page_put(p, " \xc2\xb7 rule ");
	lm_page_value(p, lm_cstr(g->f.detector));
	lm_page_put(p, "/");
	lm_page_value(p, g->f.rule);
	lm_page_put(p, " \xc2\xb7 ");
	lm_html_count(p->out, g->hosts);
	lm_page_put(p, g->hosts == 1 ? " host" : " hosts");
	lm_page_put(p, " \xc2\xb7 confidence ");
	if (g->low == g->high)
		lm_buf_fmt(p->out, "%d, %s", g->high, lm_confidence_word(g->high));
	else
		lm_buf_fmt(p->out, "%d to %d", g->low, g->high);
	put_times(p, g);
	for (size_t i = 0; i < g->f.n_attack; i++) {
		lm_page_put(p, i ? ", " : " \xc2\xb7 ATT&amp;CK ");
		lm_html_cut(p->out, lm_cstr(g->f.attack[i]), 12); /* T1195.002 is no domain */
	}
	lm_page_put(p, "</p>\n");
	put_list(p, "Why", g->f.why, g->f.n_why);
	if (g->own_words) {
		lm_page_put(p, g->host ? "<p class=\"note\">As found on "
				       : "<p class=\"note\">As stated for the content itself");
		if (g->host)
			lm_page_host_link(p, g->host);
		lm_page_put(p, "; the ");
		lm_html_count(p->out, g->findings - 1);
		lm_page_put(p, " other findings of this group differ in their numbers: findings.csv has each.</p>\n");
	}
	put_list(p, "Speaks against", g->f.counter, g->f.n_counter);
	put_terms(p, &g->f);
	put_group_evidence(p, g);
	put_group_hosts(p, g);
	lm_page_put(p, "</article>\n");
}

static void put_all_actions(struct lm_page *p)
{
	uint64_t n = p->v->n_notes[LM_NOTE_ACTION];
	if (!n)
		return;
	lm_page_put(p, "<section id=\"actions\" class=\"part\">\n<h2>Actions in order</h2>\n");
	lm_page_actions(p, ACTIONS_SHOWN, LINES_SHOWN);
	if (n > ACTIONS_SHOWN) {
		lm_page_put(p, "<p class=\"note\">");
		lm_html_count(p->out, n - ACTIONS_SHOWN);
		lm_page_put(p, " further actions stand in report.json.</p>\n");
	}
	lm_page_put(p, "</section>\n");
}

void lm_page_findings(struct lm_page *p)
{
	uint64_t n = 0;
	put_all_actions(p);
	lm_page_put(p, "<section id=\"findings\" class=\"part\">\n<h2>Findings</h2>\n<p class=\"note\">");
	lm_html_count(p->out, p->v->n_findings);
	lm_page_put(p, " findings in ");
	lm_html_count(p->out, p->v->n_groups);
	lm_page_put(p,
		    " groups of the same rule and subject, most severe first. Names, addresses and links of indicators "
		    "are written so that nothing can be clicked (evil[.]example); findings.csv and report.json hold "
		    "them as they are.</p>\n");
	for (const struct lm_view_group *g = p->v->groups; g; g = g->next)
		if (n++ < GROUPS_SHOWN)
			put_group(p, g);
	if (n > GROUPS_SHOWN) {
		lm_page_put(p, "<p class=\"note\">");
		lm_html_count(p->out, n - GROUPS_SHOWN);
		lm_page_put(p, " less severe groups stand in findings.csv and report.json.</p>\n");
	}
	lm_page_put(p, "</section>\n");
}
