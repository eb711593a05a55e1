/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_respond.c - in: the view; out: page one of report.html, for the person with evidence on disk and hours to
 * act: what the case is, the verdict, how many hosts got how far, what to do in which order, where, what is rare,
 * what is new, what was not seen and which questions are open. Each list is short here and whole further down.
 */
#include "report/page.h"
#include "base/text.h"

#include <inttypes.h>

enum {
	ACTIONS_SHOWN = 8,
	RARE_SHOWN = 10,
	RARE_HOSTS = 3,
	NOTES_SHOWN = 6,
	LINES_SHOWN = 3,
	NOTE_LINES = 1,
	COUNTRIES_SHOWN = 12
};

static void fact(struct lm_page *p, const char *name)
{
	lm_page_put(p, "<div><dt>");
	lm_page_put(p, name);
	lm_page_put(p, "</dt><dd>");
}

static void fact_end(struct lm_page *p)
{
	lm_page_put(p, "</dd></div>\n");
}

/* The time span of all findings; stages carry only part of them. */
static void put_span(struct lm_page *p)
{
	struct lm_int first = { 0 }, last = { 0 };
	for (const struct lm_view_group *g = p->v->groups; g; g = g->next) {
		if (g->first.set && (!first.set || g->first.v < first.v))
			first = g->first;
		if (g->last.set && (!last.set || g->last.v > last.v))
			last = g->last;
	}
	if (!first.set) {
		lm_page_put(p, "no times in the findings");
		return;
	}
	lm_html_date(p->out, first);
	lm_page_put(p, " to ");
	lm_html_date(p->out, last);
}

static void put_facts(struct lm_page *p)
{
	struct lm_view *v = p->v;
	lm_page_put(p, "<dl class=\"facts\">\n");
	fact(p, "Evidence");
	lm_page_put(p, "<a href=\"#coverage\">");
	lm_html_count(p->out, v->files);
	lm_page_put(p, v->files == 1 ? " file</a>, " : " files</a>, ");
	lm_html_size(p->out, v->bytes);
	fact_end(p);
	fact(p, "Findings span");
	put_span(p);
	fact_end(p);
	fact(p, "Hosts with evidence");
	lm_page_put(p, "<a href=\"#coverage\">");
	if (v->listed) {
		lm_html_count(p->out, v->listed_seen);
		lm_page_put(p, " of ");
		lm_html_count(p->out, v->listed);
		lm_page_put(p, " listed</a> (");
		lm_page_percent(p, v->listed_seen, v->listed);
		lm_page_put(p, ")");
	} else {
		lm_html_count(p->out, v->seen);
		lm_page_put(p, "</a>, no host list given");
	}
	fact_end(p);
	fact(p, "Not read");
	lm_page_put(p, "<a href=\"#unread\">");
	lm_html_count(p->out, v->n_unread);
	lm_page_put(p, v->n_unread == 1 ? " part" : " parts");
	lm_page_put(p, "</a>");
	if (v->n_lost) {
		lm_page_put(p, ", <a href=\"#lost\">");
		lm_html_count(p->out, v->n_lost);
		lm_page_put(p, v->n_lost == 1 ? " worker lost</a>" : " workers lost</a>");
	}
	fact_end(p);
	fact(p, "Revision");
	lm_buf_fmt(p->out, "%" PRId64 "%s", v->revision,
		   v->opts && v->opts->provisional ? ", provisional"
		   : v->revision == 1		   ? ", the first"
						   : "");
	fact_end(p);
	fact(p, "As of");
	lm_page_now(p, true);
	fact_end(p);
	lm_page_put(p, "</dl>\n");
}

static void put_funnel(struct lm_page *p)
{
	struct lm_view *v = p->v;
	lm_page_put(p, "<h2 class=\"off\">Hosts by stage</h2>\n<ol class=\"funnel\">\n");
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++) {
		lm_buf_fmt(p->out, "<li class=\"st%d%s\"><span class=\"lab\">%s</span>", s,
			   v->stage_hosts[s] ? "" : " none", lm_page_stage_title((enum lm_stage)s));
		if (v->stage_hosts[s]) {
			lm_page_put(p, "<a class=\"num\"");
			lm_page_stage_href(p, (enum lm_stage)s);
			lm_page_put(p, ">");
			lm_html_count(p->out, v->stage_hosts[s]);
			lm_page_put(p, "</a><span class=\"sub\">");
			lm_page_put(p, v->stage_hosts[s] == 1 ? "host" : "hosts");
			lm_page_put(p, " in ");
			lm_html_count(p->out, v->stage_orgs[s]);
			lm_page_put(p, v->stage_orgs[s] == 1 ? " organisation" : " organisations");
			lm_page_put(p, "</span>");
		} else {
			lm_page_put(p,
				    "<span class=\"num\">\xe2\x80\x93</span><span class=\"sub\">not observed</span>");
		}
		lm_page_put(p, "</li>\n");
	}
	lm_page_put(
		p, "</ol>\n<p class=\"note\">Hosts with at least one finding of that stage; going further does not add "
		   "a host to an earlier stage. <a href=\"#method\">How counted</a></p>\n");
}

static void put_actions(struct lm_page *p)
{
	uint64_t n = p->v->n_notes[LM_NOTE_ACTION];
	lm_page_put(p, "<div class=\"card act\"><h2>Act now</h2>\n");
	if (n)
		lm_page_actions(p, ACTIONS_SHOWN, LINES_SHOWN);
	else
		lm_page_put(p, "<p class=\"empty\">No action is proposed.</p>\n");
	if (n > ACTIONS_SHOWN) {
		lm_page_put(p, "<p><a href=\"#actions\">All ");
		lm_html_count(p->out, n);
		lm_page_put(p, " in order</a></p>\n");
	}
	lm_page_put(p, "</div>\n");
}

/* Fewest hosts first, then the more severe; what concerns the whole fleet has no host to be rare on. */
static bool rarer(const struct lm_view_group *a, const struct lm_view_group *b)
{
	if (a->hosts != b->hosts)
		return a->hosts < b->hosts;
	if (a->f.severity != b->f.severity)
		return a->f.severity > b->f.severity;
	return a->number < b->number;
}

static void put_rare_row(struct lm_page *p, const struct lm_view_group *g)
{
	const struct lm_view_host *last = NULL;
	lm_buf_fmt(p->out, "<tr><th scope=\"row\"><a href=\"#g%" PRIu64 "\">G%" PRIu64 "</a> ", g->number, g->number);
	lm_page_subject(p, g);
	lm_page_put(p, "</th><td class=\"w\">");
	lm_page_put(p, lm_severity_word(g->f.severity));
	lm_page_put(p, "</td><td>");
	unsigned n = 0;
	for (const struct lm_view_ref *r = g->refs; r && n < RARE_HOSTS; r = r->in_group) {
		if (!r->host || r->host == last)
			continue;
		last = r->host;
		lm_page_put(p, n++ ? ", " : "");
		lm_page_host_link(p, r->host->host);
	}
	lm_page_put(p, "</td></tr>\n");
}

static void put_rare(struct lm_page *p)
{
	const struct lm_view_group *top[RARE_SHOWN] = { 0 };
	size_t n = 0;
	for (const struct lm_view_group *g = p->v->groups; g; g = g->next) {
		if (g->hosts == 0 || g->hosts > RARE_HOSTS || g->f.severity < LM_SEV_LOW)
			continue;
		size_t at = n < RARE_SHOWN ? n++ : n - 1;
		if (at == RARE_SHOWN - 1 && top[at] && !rarer(g, top[at]))
			continue;
		while (at > 0 && rarer(g, top[at - 1])) {
			top[at] = top[at - 1];
			at--;
		}
		top[at] = g;
	}
	lm_page_put(p, "<div class=\"card\"><h2>Rare</h2>\n");
	if (n == 0) {
		lm_page_put(p, "<p class=\"empty\">No finding of low or higher severity stands on three hosts or "
			       "fewer.</p></div>\n");
		return;
	}
	lm_page_put(p, "<table><caption>Findings on three hosts or fewer, fewest first</caption><thead><tr><th "
		       "scope=\"col\">What</th>"
		       "<th scope=\"col\">Severity</th><th scope=\"col\">Hosts</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < n; i++)
		put_rare_row(p, top[i]);
	lm_page_put(p, "</tbody></table></div>\n");
}

static void put_notes(struct lm_page *p, int section, const char *title, const char *empty, const char *more)
{
	const struct lm_view_note *n = p->v->notes[section];
	bool details = false;
	lm_buf_fmt(p->out, "<div class=\"card\"><h2>%s</h2>\n", title);
	if (!n) {
		lm_buf_fmt(p->out, "<p class=\"empty\">%s</p></div>\n", empty);
		return;
	}
	lm_page_put(p, "<ul>\n");
	for (unsigned i = 0; n && i < NOTES_SHOWN; n = n->next, i++) {
		lm_page_put(p, "<li>");
		lm_page_note(p, n, section == LM_NOTE_QUESTION, 0);
		lm_page_put(p, "</li>\n");
	}
	lm_page_put(p, "</ul>\n");
	for (const struct lm_view_note *k = p->v->notes[section]; k && section != LM_NOTE_QUESTION; k = k->next)
		details |= k->detail.n > 0;
	if (n || details) {
		lm_buf_fmt(p->out, "<p><a href=\"#%s\">", more);
		lm_page_put(p, n ? "All " : "Details");
		if (n)
			lm_html_count(p->out, p->v->n_notes[section]);
		lm_page_put(p, "</a></p>\n");
	}
	lm_page_put(p, "</div>\n");
}

void lm_page_respond(struct lm_page *p)
{
	struct lm_view *v = p->v;
	lm_page_put(p, "<section id=\"respond\" class=\"sheet\">\n<header>\n<p class=\"brand\"><b>limier</b> incident "
		       "report");
	if (v->opts && v->opts->provisional)
		lm_page_put(p, " <strong class=\"prov\">Provisional: evidence is still being read</strong>");
	lm_buf_fmt(p->out, " <span class=\"tlp\">TLP:%s</span></p>\n<h1>", p->tlp_word);
	struct lm_str rest = v->subject, part;
	for (unsigned i = 0; i < 4 && rest.n && lm_str_split(&rest, ';', &part); i++) {
		lm_page_put(p, i ? ", " : "");
		lm_page_say(p, part, LM_CUT_NAME);
	}
	if (!v->subject.n)
		lm_page_put(p, "No subject product");
	lm_page_put(p, "</h1>\n");
	put_facts(p);
	lm_page_put(p, "</header>\n");
	lm_page_verdict(p);
	put_funnel(p);
	lm_page_put(p, "<div class=\"two\">\n<div class=\"stack\">\n");
	put_actions(p);
	put_rare(p);
	lm_page_put(p, "</div>\n<div class=\"stack\">\n<div class=\"card\"><h2>Where</h2>\n");
	lm_page_country_bars(p, COUNTRIES_SHOWN);
	lm_page_put(p, "</div>\n");
	put_notes(p, LM_NOTE_BLIND, "Blind spots", "None is recorded.", "blind");
	put_notes(p, LM_NOTE_QUESTION, "Open questions", "None is recorded.", "questions");
	if (v->revision > 1 || v->n_notes[LM_NOTE_NEW])
		put_notes(p, LM_NOTE_NEW, "New in this revision", "No comparison with the revision before is recorded.",
			  "changes");
	lm_page_put(p, "</div>\n</div>\n");
	lm_page_footer(p);
	lm_page_put(p, "</section>\n");
}
