/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_scope.c - in: the scope rows of the case; out: how many hosts of each country, sector, organisation, version
 * and signer were seen and how far it went there: bars for countries, a table for every dimension. Every figure
 * stands with its denominator; what is unknown has its own hatched row and is never spread over the others.
 */
#include "report/page.h"
#include "base/text.h"

#include <inttypes.h>

enum { BAR_WIDTH = 200, BAR_HEIGHT = 14 };

static uint64_t seen_of(const struct lm_scope_row *r)
{
	return r->seen > r->stage[LM_STAGE_EXPOSED] ? r->seen : r->stage[LM_STAGE_EXPOSED];
}

static unsigned scale(uint64_t part, uint64_t most)
{
	unsigned w = most ? (unsigned)(part * BAR_WIDTH / most) : 0;
	return part && w == 0 ? 1 : w;
}

/* Four tones by rate; the rate also stands beside the bar in figures. */
static int tone(uint64_t part, uint64_t of)
{
	if (of == 0)
		return 0;
	return part * 2 >= of ? 3 : part * 4 >= of ? 2 : part * 20 >= of ? 1 : 0;
}

static void put_bar(struct lm_page *p, const struct lm_scope_row *r, uint64_t most)
{
	uint64_t seen = seen_of(r);
	bool unknown = r->value.p == NULL;
	lm_buf_fmt(p->out,
		   "<svg class=\"bar\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
		   "<rect class=\"b-seen%s\" x=\"0\" y=\"0\" width=\"%u\" height=\"%d\"/>",
		   BAR_WIDTH, BAR_HEIGHT, unknown ? " hatched" : "", scale(seen, most), BAR_HEIGHT);
	if (r->stage[LM_STAGE_EXPOSED])
		lm_buf_fmt(p->out, "<rect class=\"b-exp\" x=\"0\" y=\"2\" width=\"%u\" height=\"10\"/>",
			   scale(r->stage[LM_STAGE_EXPOSED], most));
	if (r->stage[LM_STAGE_ALTERED])
		lm_buf_fmt(p->out, "<rect class=\"b-alt%d\" x=\"0\" y=\"4\" width=\"%u\" height=\"6\"/>",
			   tone(r->stage[LM_STAGE_ALTERED], seen), scale(r->stage[LM_STAGE_ALTERED], most));
	lm_page_put(p, "</svg>");
}

static void put_value(struct lm_page *p, int dim, struct lm_str value)
{
	struct lm_str name = dim == LM_DIM_COUNTRY ? lm_country_name(value) : (struct lm_str){ 0 };
	if (!value.p) {
		lm_page_put(p, "unknown");
		return;
	}
	if (name.p) {
		lm_html_text(p->out, name);
		return;
	}
	if (dim == LM_DIM_VERSION)
		lm_page_version(p, value);
	else
		lm_page_value(p, value);
}

static void put_linked_value(struct lm_page *p, int dim, struct lm_str value)
{
	if (dim > LM_DIM_ORG) {
		put_value(p, dim, value);
		return;
	}
	lm_page_put(p, "<a");
	lm_page_value_href(p, dim, value);
	lm_page_put(p, ">");
	put_value(p, dim, value);
	lm_page_put(p, "</a>");
}

static void count_cell(struct lm_page *p, uint64_t n)
{
	lm_page_put(p, "<td class=\"n\">");
	lm_html_count(p->out, n);
	lm_page_put(p, "</td>");
}

/* A number of hosts, linked to the hosts of its country, sector or organisation. */
static void linked_cell(struct lm_page *p, int dim, struct lm_str value, uint64_t n)
{
	if (dim > LM_DIM_ORG || n == 0) {
		count_cell(p, n);
		return;
	}
	lm_page_put(p, "<td class=\"n\"><a");
	lm_page_value_href(p, dim, value);
	lm_page_put(p, ">");
	lm_html_count(p->out, n);
	lm_page_put(p, "</a></td>");
}

void lm_page_country_bars(struct lm_page *p, unsigned max)
{
	const struct lm_view_scope *rows = p->v->scope[LM_DIM_COUNTRY];
	uint64_t most = 0;
	unsigned shown = 0, total = 0;
	bool altered = p->v->stage_hosts[LM_STAGE_ALTERED] > 0;
	int key = altered ? LM_STAGE_ALTERED : LM_STAGE_EXPOSED;
	for (const struct lm_view_scope *s = rows; s; s = s->next, total++)
		most = seen_of(&s->row) > most ? seen_of(&s->row) : most;
	if (!total) {
		lm_page_put(p, "<p class=\"empty\">No host has a country: give a host list or a GeoIP database.</p>\n");
		return;
	}
	lm_buf_fmt(
		p->out,
		"<table class=\"bars\"><caption>Hosts by country. Bar: outline seen, inner band exposed, core altered, "
		"darker with a higher rate; hatched: country unknown. Rate: %s of seen</caption><thead><tr><th "
		"scope=\"col\">Country</th><th scope=\"col\"><span class=\"off\">Bar</span></th>",
		altered ? "altered" : "exposed");
	if (altered)
		lm_page_put(p, "<th scope=\"col\" class=\"n\">Altered</th>");
	lm_page_put(p, "<th scope=\"col\" class=\"n\">Exposed</th><th scope=\"col\" class=\"n\">Seen</th>");
	lm_page_put(p, "<th scope=\"col\" class=\"n\">Rate</th></tr></thead><tbody>\n");
	for (const struct lm_view_scope *s = rows; s; s = s->next) {
		/* the unknown row is never the one left out */
		if (max && shown >= max && s->row.value.p)
			continue;
		shown++;
		lm_page_put(p, "<tr><th scope=\"row\">");
		put_linked_value(p, LM_DIM_COUNTRY, s->row.value);
		lm_page_put(p, "</th><td class=\"barcell\">");
		put_bar(p, &s->row, most);
		lm_page_put(p, "</td>");
		if (altered)
			linked_cell(p, LM_DIM_COUNTRY, s->row.value, s->row.stage[LM_STAGE_ALTERED]);
		linked_cell(p, LM_DIM_COUNTRY, s->row.value, s->row.stage[LM_STAGE_EXPOSED]);
		linked_cell(p, LM_DIM_COUNTRY, s->row.value, s->row.seen);
		lm_page_put(p, "<td class=\"n\">");
		lm_page_percent(p, s->row.stage[key], s->row.seen);
		lm_page_put(p, "</td></tr>\n");
	}
	lm_page_put(p, "</tbody></table>\n");
	if (shown < total)
		lm_buf_fmt(p->out, "<p><a href=\"#by-country\">All %u countries</a></p>\n", total);
}

static void put_dimension(struct lm_page *p, int dim)
{
	static const char *const titles[LM_DIM_COUNT] = { "Country", "Sector",	"Organisation",
							  "System",  "Version", "Signer" };
	static const char *const words[LM_DIM_COUNT] = { "country",
							 "sector",
							 "organisation",
							 "system",
							 "version of the subject product",
							 "signer of altered files" };
	enum { ROWS_SHOWN = 1000 };
	struct lm_scope_row sum = { 0 };
	uint64_t n = 0;
	if (!p->v->scope[dim])
		return;
	lm_buf_fmt(p->out,
		   "<div class=\"wide\" id=\"by-%s\"><table class=\"list\"><caption>Hosts by %s</caption><thead><tr>",
		   lm_view_dims[dim], words[dim]);
	lm_buf_fmt(p->out,
		   "<th scope=\"col\">%s</th><th scope=\"col\" class=\"n\">Listed</th><th scope=\"col\" "
		   "class=\"n\">Seen</th>",
		   titles[dim]);
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++)
		lm_buf_fmt(p->out, "<th scope=\"col\" class=\"n\">%s</th>", lm_page_stage_title((enum lm_stage)s));
	lm_page_put(p, "</tr></thead><tbody>\n");
	for (const struct lm_view_scope *s = p->v->scope[dim]; s; s = s->next) {
		sum.listed += s->row.listed;
		sum.seen += s->row.seen;
		for (int k = LM_STAGE_EXPOSED; k < LM_STAGE_COUNT; k++)
			sum.stage[k] += s->row.stage[k];
		if (n++ >= ROWS_SHOWN)
			continue;
		lm_page_put(p, "<tr><th scope=\"row\">");
		put_linked_value(p, dim, s->row.value);
		if (dim == LM_DIM_COUNTRY && s->row.value.p && lm_country_name(s->row.value).p) {
			lm_page_put(p, " <span class=\"meta\">");
			lm_html_cut(p->out, s->row.value, 8);
			lm_page_put(p, "</span>");
		}
		lm_page_put(p, "</th>");
		linked_cell(p, dim, s->row.value, s->row.listed);
		linked_cell(p, dim, s->row.value, s->row.seen);
		for (int k = LM_STAGE_EXPOSED; k < LM_STAGE_COUNT; k++)
			linked_cell(p, dim, s->row.value, s->row.stage[k]);
		lm_page_put(p, "</tr>\n");
	}
	lm_page_put(p, "</tbody><tfoot><tr><th scope=\"row\">Sum</th>");
	count_cell(p, sum.listed);
	count_cell(p, sum.seen);
	for (int k = LM_STAGE_EXPOSED; k < LM_STAGE_COUNT; k++)
		count_cell(p, sum.stage[k]);
	lm_page_put(p, "</tr></tfoot></table>");
	if (n > ROWS_SHOWN) {
		lm_page_put(p, "<p class=\"note\">");
		lm_html_count(p->out, n - ROWS_SHOWN);
		lm_page_put(p, " further rows stand in report.json; the sum includes them.</p>");
	}
	lm_page_put(p, "</div>\n");
}

void lm_page_scope(struct lm_page *p)
{
	lm_page_put(p, "<section id=\"scope\" class=\"part\">\n<h2>Scope</h2>\n<p class=\"note\">Seen: hosts that some "
		       "evidence other than a host list is about. A host counts in each stage that was itself observed "
		       "on it.");
	if (p->v->geo.n) {
		lm_page_put(p, " Countries of hosts without one in the host list come from addresses: ");
		lm_page_say(p, p->v->geo, LM_CUT_PATH);
		lm_page_put(p, ".");
	}
	lm_page_put(p, " Country names are labels, not a statement about borders.</p>\n");
	for (int d = 0; d < LM_DIM_COUNT; d++)
		put_dimension(p, d);
	lm_page_put(p, "</section>\n");
}
