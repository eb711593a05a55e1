/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_manage.c - in: the view; out: page two of report.html, one A4 for whoever decides. The same numbers as page
 * one in plain words: what happened, are we hit, where and who, what is known, likely and not known (three columns,
 * never merged), how sure we are. How likely something is and how good the evidence is never share a sentence.
 */
#include "report/page.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>

static const char *const plain[LM_STAGE_COUNT] = { "",
						   "have the product installed",
						   "have a copy that is not what its maker signed",
						   "contacted an outside server because of it",
						   "received a further program",
						   "were worked on by a person" };
static const char *const plain_short[LM_STAGE_COUNT] = {
	"", "Product installed", "Altered copy", "Contacted outside", "Further program", "Person at work"
};
static const char *const plain_unknown[LM_STAGE_COUNT] = {
	"",
	"Which computers have the product installed",
	"Whether any copy differs from what its maker signed",
	"Whether any computer contacted an outside server because of it",
	"Whether any computer received a further program",
	"Whether a person worked on any computer"
};

/* "2,481 computers" as a link to the list. */
static void put_computers(struct lm_page *p, enum lm_stage s, uint64_t n)
{
	lm_page_put(p, "<a");
	lm_page_stage_href(p, s);
	lm_page_put(p, ">");
	lm_html_count(p->out, n);
	lm_page_put(p, n == 1 ? " computer</a> " : " computers</a> ");
}

/* "have" after one computer. */
static void put_verb(struct lm_page *p, enum lm_stage s, uint64_t n)
{
	struct lm_str words = lm_cstr(plain[s]);
	if (n == 1 && lm_str_starts_ci(words, LM_STR("have "))) {
		lm_page_put(p, "has ");
		words = lm_str_part(words, 5, words.n);
	} else if (n == 1 && lm_str_starts_ci(words, LM_STR("were "))) {
		lm_page_put(p, "was ");
		words = lm_str_part(words, 5, words.n);
	}
	lm_buf_str(p->out, words);
}

static void put_subjects(struct lm_page *p)
{
	struct lm_str rest = p->v->subject, part;
	if (!rest.n)
		lm_page_put(p, "the product in question");
	for (unsigned i = 0; i < 4 && rest.n && lm_str_split(&rest, ';', &part); i++) {
		lm_page_put(p, i ? " and " : "");
		lm_page_say(p, part, LM_CUT_NAME);
	}
}

static void put_what(struct lm_page *p)
{
	struct lm_view *v = p->v;
	struct lm_int first = { 0 }, last = { 0 };
	lm_page_put(p, "<h3>What happened</h3>\n<p class=\"lead\">");
	if (v->stage_hosts[LM_STAGE_ALTERED]) {
		lm_page_put(p, "Copies of ");
		put_subjects(p);
		lm_page_put(p, " were found that are not what the maker signed. They are on ");
		put_computers(p, LM_STAGE_ALTERED, v->stage_hosts[LM_STAGE_ALTERED]);
		lm_page_put(p, "in ");
		lm_html_count(p->out, v->stage_orgs[LM_STAGE_ALTERED]);
		lm_page_put(p, v->stage_orgs[LM_STAGE_ALTERED] == 1 ? " organisation." : " organisations.");
	} else if (v->stage_hosts[LM_STAGE_EXPOSED]) {
		put_computers(p, LM_STAGE_EXPOSED, v->stage_hosts[LM_STAGE_EXPOSED]);
		lm_page_put(p, v->stage_hosts[LM_STAGE_EXPOSED] == 1 ? "has " : "have ");
		put_subjects(p);
		lm_page_put(p,
			    " installed. In the evidence read so far no copy was seen on a computer that differs from "
			    "what its maker signed.");
	} else {
		lm_page_put(
			p, "In the evidence read so far no computer was found to be affected. That says something only "
			   "about the computers with evidence, see below.");
	}
	lm_page_put(p, "</p>\n");
	/* having a product is no trace of an incident: from altered software on */
	for (int s = LM_STAGE_ALTERED; s < LM_STAGE_COUNT; s++) {
		if (v->stage_first[s].set && (!first.set || v->stage_first[s].v < first.v))
			first = v->stage_first[s];
		if (v->stage_last[s].set && (!last.set || v->stage_last[s].v > last.v))
			last = v->stage_last[s];
	}
	lm_page_put(p, "<p>First trace: <b>");
	lm_html_date(p->out, first);
	lm_page_put(p, "</b>. Latest trace: <b>");
	lm_html_date(p->out, last);
	lm_page_put(p, "</b>. This page states what was known at <b>");
	lm_page_now(p, false);
	lm_page_put(p, "</b>.</p>\n");
}

/* Logarithmic, so that 7 stays visible beside 2,481. */
static unsigned log_width(uint64_t n, uint64_t most)
{
	if (n == 0 || most == 0)
		return 0;
	double w = 300.0 * log10((double)n + 1) / log10((double)most + 1);
	return w < 4 ? 4 : (unsigned)(w + 0.5);
}

static void put_hit(struct lm_page *p)
{
	struct lm_view *v = p->v;
	uint64_t most = v->seen > v->listed ? v->seen : v->listed;
	for (int s = 0; s < LM_STAGE_COUNT; s++)
		most = v->stage_hosts[s] > most ? v->stage_hosts[s] : most;
	lm_page_put(p,
		    "<h3>Are we hit?</h3>\n<table class=\"bars hit\"><caption>Computers, on a scale where each step is "
		    "ten times the one before; hatched: not observed</caption><tbody>\n");
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++) {
		unsigned w = log_width(v->stage_hosts[s], most);
		lm_buf_fmt(
			p->out,
			"<tr><th scope=\"row\">%s</th><td class=\"barcell\"><svg class=\"bar\" viewBox=\"0 0 300 14\" "
			"preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"%s\" x=\"0\" y=\"1\" "
			"width=\"%u\" height=\"12\"/></svg></td><td class=\"n\">",
			plain_short[s], w ? "b-log" : "hatched", w ? w : 300);
		if (v->stage_hosts[s]) {
			lm_page_put(p, "<a");
			lm_page_stage_href(p, (enum lm_stage)s);
			lm_page_put(p, ">");
			lm_html_count(p->out, v->stage_hosts[s]);
			lm_page_put(p, "</a>");
		} else {
			lm_page_put(p, "not observed");
		}
		lm_page_put(p, "</td></tr>\n");
	}
	lm_page_put(p, "</tbody></table>\n");
}

/* ---- where and who: hosts by country and sector ---- */

enum { COUNTRIES = 8, SECTORS = 5, OTHER_ROW = COUNTRIES, UNKNOWN_ROW, ROWS, OTHER_COL = SECTORS, UNKNOWN_COL, COLS };

struct pivot {
	struct lm_str country[COUNTRIES], sector[SECTORS];
	size_t n_country, n_sector;
	bool shown[COLS]; /* columns with at least one computer */
	uint64_t part[ROWS][COLS], seen[ROWS][COLS];
};

/* The first values in the order of the scope rows: those hit most. */
static size_t take_values(const struct lm_view_scope *s, struct lm_str *out, size_t max)
{
	size_t n = 0;
	for (; s && n < max; s = s->next)
		if (s->row.value.p)
			out[n++] = s->row.value;
	return n;
}

static size_t slot(struct lm_str value, const struct lm_str *known, size_t n, size_t other)
{
	if (!value.p)
		return other + 1;
	for (size_t i = 0; i < n; i++)
		if (lm_str_eq(value, known[i]))
			return i;
	return other;
}

static void count_pivot(struct lm_page *p, struct pivot *t, unsigned bit)
{
	struct lm_view *v = p->v;
	t->n_country = take_values(v->scope[LM_DIM_COUNTRY], t->country, COUNTRIES);
	t->n_sector = take_values(v->scope[LM_DIM_SECTOR], t->sector, SECTORS);
	for (size_t i = 0; i < v->n_hosts; i++) {
		const struct lm_view_host *h = &v->hosts[i];
		if (h->host->kind != LM_HOST_MACHINE)
			continue;
		size_t r = slot(h->host->country, t->country, t->n_country, OTHER_ROW);
		size_t c = slot(h->host->sector, t->sector, t->n_sector, OTHER_COL);
		t->seen[r][c] += h->host->seen || (h->mask & bit);
		t->part[r][c] += (h->mask & bit) != 0;
		t->shown[c] |= t->seen[r][c] > 0;
	}
}

static void pivot_cell(struct lm_page *p, uint64_t part, uint64_t seen)
{
	lm_buf_fmt(p->out, "<td class=\"n%s\">", part ? " hot" : "");
	if (seen) {
		lm_html_count(p->out, part);
		lm_page_put(p, "<span class=\"of\">/");
		lm_html_count(p->out, seen);
		lm_page_put(p, "</span>");
	}
	lm_page_put(p, "</td>");
}

static void pivot_row(struct lm_page *p, const struct pivot *t, size_t r)
{
	uint64_t part = 0, seen = 0;
	for (size_t c = 0; c < COLS; c++) {
		part += t->part[r][c];
		seen += t->seen[r][c];
	}
	if (seen == 0)
		return;
	lm_page_put(p, "<tr><th scope=\"row\">");
	if (r < COUNTRIES) {
		struct lm_str name = lm_country_name(t->country[r]);
		lm_page_put(p, "<a");
		lm_page_value_href(p, LM_DIM_COUNTRY, t->country[r]);
		lm_page_put(p, ">");
		lm_page_value(p, name.p ? name : t->country[r]);
		lm_page_put(p, "</a>");
	} else {
		lm_page_put(p, r == OTHER_ROW ? "<a href=\"#by-country\">other countries</a>" : "not known");
	}
	lm_page_put(p, "</th>");
	for (size_t c = 0; c < COLS; c++)
		if (t->shown[c])
			pivot_cell(p, t->part[r][c], t->seen[r][c]);
	pivot_cell(p, part, seen);
	lm_page_put(p, "</tr>\n");
}

static void put_where(struct lm_page *p)
{
	struct pivot t = { 0 };
	bool altered = p->v->stage_hosts[LM_STAGE_ALTERED] > 0;
	count_pivot(p, &t, 1u << (altered ? LM_STAGE_ALTERED : LM_STAGE_EXPOSED));
	lm_page_put(p, "<h3>Where and who</h3>\n");
	if (!t.n_country && !t.n_sector) {
		lm_page_put(p, "<p class=\"empty\">No computer has a country or sector: a host list would tell.</p>\n");
		return;
	}
	lm_buf_fmt(p->out,
		   "<div class=\"wide\"><table class=\"pivot\"><caption>Computers %s / computers with evidence, by "
		   "country and sector</caption><thead><tr><th scope=\"col\">Country</th>",
		   altered ? "with an altered copy" : "with the product");
	for (size_t c = 0; c < t.n_sector; c++) {
		if (!t.shown[c])
			continue;
		lm_page_put(p, "<th scope=\"col\" class=\"n\"><a");
		lm_page_value_href(p, LM_DIM_SECTOR, t.sector[c]);
		lm_page_put(p, ">");
		lm_page_say(p, t.sector[c], 40);
		lm_page_put(p, "</a></th>");
	}
	lm_page_put(p, t.shown[OTHER_COL] ? "<th scope=\"col\" class=\"n\">other</th>" : "");
	lm_page_put(p, t.shown[UNKNOWN_COL] ? "<th scope=\"col\" class=\"n\">not known</th>" : "");
	lm_page_put(p, "<th scope=\"col\" class=\"n\">all</th></tr></thead><tbody>\n");
	for (size_t r = 0; r < ROWS; r++)
		if (r >= OTHER_ROW || r < t.n_country)
			pivot_row(p, &t, r);
	lm_page_put(p, "</tbody></table></div>\n");
}

/* ---- known, likely, not known ---- */

static void put_columns(struct lm_page *p)
{
	struct lm_view *v = p->v;
	bool any = false;
	lm_page_put(p, "<div class=\"three\">\n<div><h3>Known</h3><ul>\n");
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++) {
		if (!v->stage_sure[s])
			continue;
		any = true;
		lm_page_put(p, "<li>");
		put_computers(p, (enum lm_stage)s, v->stage_sure[s]);
		put_verb(p, (enum lm_stage)s, v->stage_sure[s]);
		lm_page_put(p, ".</li>\n");
	}
	lm_page_put(p, any ? "</ul></div>\n" : "<li>Nothing yet.</li></ul></div>\n");
	any = false;
	lm_page_put(p, "<div><h3>Likely</h3><ul>\n");
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++) {
		uint64_t n = v->stage_hosts[s] - v->stage_sure[s];
		if (!n)
			continue;
		any = true;
		lm_page_put(p, "<li>");
		put_computers(p, (enum lm_stage)s, n);
		lm_page_put(p, v->stage_sure[s] ? "more " : "");
		put_verb(p, (enum lm_stage)s, n);
		lm_page_put(p, "; the evidence is weaker there.</li>\n");
	}
	lm_page_put(p, any ? "</ul></div>\n" : "<li>Nothing stands on weaker evidence alone.</li></ul></div>\n");
	lm_page_put(p, "<div><h3>Not known</h3><ul>\n");
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++)
		if (!v->stage_hosts[s])
			lm_buf_fmt(p->out, "<li>%s: not observed in the evidence read.</li>\n", plain_unknown[s]);
	if (v->listed > v->listed_seen) {
		lm_page_put(p, "<li>Anything about <a href=\"#coverage\">");
		lm_html_count(p->out, v->listed - v->listed_seen);
		lm_page_put(p, " listed computers</a> without evidence.</li>\n");
	}
	lm_page_put(
		p,
		"<li>What was taken, and who is behind it: not assessed in this report.</li>\n</ul></div>\n</div>\n");
}

static void put_sure(struct lm_page *p)
{
	struct lm_view *v = p->v;
	lm_page_put(p, "<div class=\"two\">\n<div><h3>How sure are we?</h3>\n<p>");
	if (v->listed) {
		lm_page_put(p, "There is evidence from <a href=\"#coverage\">");
		lm_html_count(p->out, v->listed_seen);
		lm_page_put(p, " of ");
		lm_html_count(p->out, v->listed);
		lm_page_put(p, "</a> listed computers (");
		lm_page_percent(p, v->listed_seen, v->listed);
		lm_page_put(p, "). ");
	} else {
		lm_page_put(p, "There is evidence from <a href=\"#coverage\">");
		lm_html_count(p->out, v->seen);
		lm_page_put(p, " computers</a>; how many there are in all was not stated. ");
	}
	lm_page_put(p, "<a href=\"#unread\">");
	lm_html_count(p->out, v->n_unread + v->n_lost);
	lm_page_put(p, " parts</a> of the evidence could not be read");
	if (v->n_notes[LM_NOTE_BLIND]) {
		lm_page_put(p, "; <a href=\"#blind\">");
		lm_html_count(p->out, v->n_notes[LM_NOTE_BLIND]);
		lm_page_put(p, v->n_notes[LM_NOTE_BLIND] == 1 ? " blind spot</a> is listed"
							      : " blind spots</a> are listed");
	}
	lm_page_put(
		p,
		".</p>\n<p>\xe2\x80\x9cKnown\xe2\x80\x9d means that the findings behind a number have high confidence. "
		"Every number leads to the computers and the proof.</p></div>\n");
	lm_page_put(p, "<div><h3>What is next?</h3>\n");
	if (v->n_notes[LM_NOTE_ACTION]) {
		lm_page_put(p, "<p><a href=\"#actions\">");
		lm_html_count(p->out, v->n_notes[LM_NOTE_ACTION]);
		lm_page_put(p, v->n_notes[LM_NOTE_ACTION] == 1 ? " step</a> is" : " steps</a> are");
		lm_page_put(p, " proposed, in order.</p>\n");
	} else {
		lm_page_put(p, "<p>No step is proposed.</p>\n");
	}
	const struct lm_view_note *n = v->notes[LM_NOTE_QUESTION];
	if (n)
		lm_page_put(p, "<p>What would change this page:</p><ul>\n");
	for (unsigned i = 0; n && i < 3; n = n->next, i++) {
		lm_page_put(p, "<li>");
		lm_page_say(p, n->text, LM_CUT_PATH);
		lm_page_put(p, "</li>\n");
	}
	if (v->notes[LM_NOTE_QUESTION])
		lm_page_put(p, "</ul>\n");
	lm_page_put(p, "</div>\n</div>\n");
}

void lm_page_manage(struct lm_page *p)
{
	lm_page_put(p, "<section id=\"manage\" class=\"sheet manage\">\n<header><p class=\"brand\"><b>limier</b> "
		       "incident report");
	lm_buf_fmt(p->out,
		   " <span class=\"tlp\">TLP:%s</span></p>\n<h2 class=\"h1\">Summary for management</h2>\n</header>\n",
		   p->tlp_word);
	put_what(p);
	put_hit(p);
	put_where(p);
	put_columns(p);
	put_sure(p);
	lm_page_footer(p);
	lm_page_put(p, "</section>\n");
}
