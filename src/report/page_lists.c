/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_lists.c - in: the hosts of the view; out: the host list of report.html, one row a host, and the filters that
 * every number links to. A filter is a paragraph in front of the list: while it is the target of the address bar,
 * style rules hide the rows that do not belong to it. Rows carry two short classes for that: m<set of stages> and
 * p<place>. From LM_PAGE_GROUPED hosts on, what hosts share by their place stands once above them, which keeps the
 * page small. Limits: LM_PAGE_FILTERS values of country, sector and organisation together.
 */
#include "report/page.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>

/* The index of s among the values of dimension d. */
static size_t value_of(struct lm_page *p, struct lm_map *m, int d, struct lm_str s)
{
	bool added;
	struct lm_map_entry *e = lm_map_add(m, s.p ? s : LM_STR(""), &added);
	if (added) {
		e->v.num = p->n_values[d];
		p->values[d][p->n_values[d]++] = s;
	}
	return e->v.num;
}

static enum lm_rc find_places(struct lm_page *p)
{
	struct lm_view *v = p->v;
	struct lm_map values[3], places;
	enum lm_rc rc = LM_OK;
	bool added;
	lm_map_init(&places);
	for (int d = 0; d < 3; d++)
		lm_map_init(&values[d]);
	for (size_t i = 0; i < v->n_hosts; i++) {
		const struct lm_host *h = v->hosts[i].host;
		struct lm_page_place pl = { .part = { h->country, h->sector, h->org } };
		for (int d = 0; d < 3; d++)
			pl.value[d] = value_of(p, &values[d], d, pl.part[d]);
		struct lm_str key = { (const char *)pl.value, sizeof pl.value };
		struct lm_map_entry *e = lm_map_add(&places, key, &added);
		if (added) {
			e->v.num = p->n_places;
			p->places[p->n_places++] = pl;
		}
		p->place[i] = (uint32_t)e->v.num;
	}
	lm_map_fini(&places);
	for (int d = 0; d < 3; d++)
		lm_map_fini(&values[d]);
	p->filters =
		p->n_values[0] + p->n_values[1] + p->n_values[2] <= LM_PAGE_FILTERS && p->n_places <= LM_PAGE_FILTERS;
	return rc;
}

/* Unset comes last. */
static int cmp_unset_last(struct lm_str a, struct lm_str b)
{
	if (!a.p || !b.p)
		return (a.p == NULL) - (b.p == NULL);
	return lm_str_cmp(a, b);
}

static int by_stage(const void *x, const void *y, void *user)
{
	struct lm_page *p = user;
	size_t i = *(const uint32_t *)x, k = *(const uint32_t *)y;
	const struct lm_view_host *a = &p->v->hosts[i], *b = &p->v->hosts[k];
	if (a->furthest != b->furthest)
		return a->furthest < b->furthest ? 1 : -1;
	int c = cmp_unset_last(a->host->country, b->host->country);
	if (c == 0)
		c = cmp_unset_last(a->host->org, b->host->org);
	if (c == 0)
		c = cmp_unset_last(a->host->sector, b->host->sector);
	return c ? c : (i > k) - (i < k);
}

enum lm_rc lm_page_lists(struct lm_page *p)
{
	struct lm_view *v = p->v;
	p->order = lm_arena_calloc(&v->arena, v->n_hosts, sizeof *p->order);
	p->place = lm_arena_calloc(&v->arena, v->n_hosts, sizeof *p->place);
	p->places = lm_arena_calloc(&v->arena, v->n_hosts, sizeof *p->places);
	if (!p->order || !p->place || !p->places)
		return LM_ELIMIT;
	for (int d = 0; d < 3; d++)
		if (!(p->values[d] = lm_arena_calloc(&v->arena, v->n_hosts, sizeof *p->values[d])))
			return LM_ELIMIT;
	for (size_t i = 0; i < v->n_hosts; i++)
		p->order[i] = (uint32_t)i;
	p->n_listed = v->n_hosts;
	p->grouped = v->n_hosts > LM_PAGE_GROUPED;
	if (v->n_hosts)
		qsort_r(p->order, v->n_hosts, sizeof *p->order, by_stage, p);
	return find_places(p);
}

/* ---- filters ---- */

static const char dim_letter[3] = { 'c', 's', 'o' };

void lm_page_filter_css(const struct lm_page *p, struct lm_buf *css)
{
	bool used[1u << LM_STAGE_COUNT] = { 0 };
	for (size_t i = 0; i < p->v->n_hosts; i++)
		used[p->v->hosts[i].mask] = true;
	/* grouped: m<set> on rows, p<place> and t<furthest stage> on their tbody; else both on rows */
	lm_buf_puts(css, ".flt:target~.hl tbody tr{display:none}\n");
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++) {
		const char *sep = "";
		for (unsigned m = 0; m < 1u << LM_STAGE_COUNT; m++) {
			if (!used[m] || !(m & 1u << s))
				continue;
			lm_buf_fmt(css, "%s#f%d:target~.hl tr.m%u", sep, s, m);
			sep = ",";
		}
		for (int t = s; t < LM_STAGE_COUNT && *sep && p->grouped; t++)
			lm_buf_fmt(css, ",#f%d:target~.hl .t%d .gh", s, t);
		lm_buf_puts(css, *sep ? "{display:table-row}\n" : "");
	}
	for (int d = 0; d < 3 && p->filters; d++) {
		for (size_t val = 0; val < p->n_values[d]; val++) {
			const char *sep = "";
			for (size_t k = 0; k < p->n_places; k++) {
				if (p->places[k].value[d] != val)
					continue;
				lm_buf_fmt(css, "%s#%c%zu:target~.hl .p%zu%s", sep, dim_letter[d], val, k,
					   p->grouped ? " tr" : "");
				sep = ",";
			}
			lm_buf_puts(css, *sep ? "{display:table-row}\n" : "");
		}
	}
}

void lm_page_stage_href(struct lm_page *p, enum lm_stage s)
{
	lm_buf_fmt(p->out, " href=\"#f%d\"", (int)s);
}

void lm_page_value_href(struct lm_page *p, int dim, struct lm_str value)
{
	for (size_t i = 0; dim <= LM_DIM_ORG && p->filters && i < p->n_values[dim]; i++) {
		if ((p->values[dim][i].p == NULL) == (value.p == NULL) && lm_str_eq(p->values[dim][i], value)) {
			lm_buf_fmt(p->out, " href=\"#%c%zu\"", dim_letter[dim], i);
			return;
		}
	}
	lm_page_put(p, " href=\"#hosts\"");
}

static void filter_line(struct lm_page *p, const char *what, struct lm_str value, int dim)
{
	lm_page_put(p, "Only hosts ");
	lm_page_put(p, what);
	if (!value.p) {
		lm_page_put(p, " that is not known");
	} else {
		struct lm_str name = dim == LM_DIM_COUNTRY ? lm_country_name(value) : (struct lm_str){ 0 };
		lm_page_put(p, " <b>");
		lm_page_value(p, value);
		if (name.p) {
			lm_page_put(p, " ");
			lm_html_text(p->out, name);
		}
		lm_page_put(p, "</b>");
	}
	lm_page_put(p, ". <a href=\"#hosts\">Show all hosts</a></p>\n");
}

static void put_filters(struct lm_page *p)
{
	static const char *const what[3] = { "of country", "of sector", "of organisation" };
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++) {
		if (!p->v->stage_hosts[s])
			continue;
		lm_buf_fmt(p->out, "<p class=\"flt\" id=\"f%d\">Only the ", s);
		lm_html_count(p->out, p->v->stage_hosts[s]);
		lm_buf_fmt(p->out, " hosts where <b>%s</b> was observed. ", lm_page_stage_title((enum lm_stage)s));
		lm_page_put(p, "<a href=\"#hosts\">Show all hosts</a></p>\n");
	}
	for (int d = 0; d < 3 && p->filters; d++) {
		for (size_t i = 0; i < p->n_values[d]; i++) {
			lm_buf_fmt(p->out, "<p class=\"flt\" id=\"%c%zu\">", dim_letter[d], i);
			filter_line(p, what[d], p->values[d][i], d);
		}
	}
}

/* ---- the list ---- */

static void cell(struct lm_page *p, struct lm_str s)
{
	lm_page_put(p, "<td>");
	lm_page_value(p, s);
	lm_page_put(p, "</td>");
}

static void put_stages(struct lm_page *p, const struct lm_view_host *h)
{
	lm_page_put(p, "<td>");
	if (h->furthest == LM_STAGE_NONE) {
		lm_page_put(p, h->host->seen ? "none observed" : "no evidence");
	} else {
		lm_page_put(p, lm_page_stage_title(h->furthest));
		if (h->mask & (h->mask - 1)) {
			lm_page_put(p, " ");
			for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++)
				if (h->mask & 1u << s)
					lm_page_put(p, lm_page_stage_letter((enum lm_stage)s));
		}
	}
	lm_page_put(p, "</td>");
}

static void put_reasons(struct lm_page *p, const struct lm_view_host *h)
{
	uint64_t last = 0;
	unsigned shown = 0, more = 0;
	lm_page_put(p, "<td>");
	for (const struct lm_view_ref *r = h->refs; r; r = r->in_host) {
		if (r->group->number == last)
			continue;
		last = r->group->number;
		if (shown == 5) {
			more++;
			continue;
		}
		lm_buf_fmt(p->out, "%s<a href=\"#g%" PRIu64 "\">G%" PRIu64 "</a>", shown++ ? " " : "", last, last);
	}
	if (more)
		lm_buf_fmt(p->out, " +%u", more);
	lm_page_put(p, "</td>");
}

static void put_evidence(struct lm_page *p, const struct lm_view_host *h)
{
	const struct lm_view_ref *r = h->refs;
	size_t n = 0;
	lm_page_put(p, "<td>");
	for (const struct lm_view_ref *k = r; k; k = k->in_host)
		n += k->n_evidence;
	if (r && r->cited) {
		lm_page_pointer(p, r->cited, r->offset, r->length, r->record);
		if (n > 1)
			lm_buf_fmt(p->out, " +%zu", n - 1);
	}
	lm_page_put(p, "</td>");
}

static void put_row(struct lm_page *p, size_t i)
{
	const struct lm_view_host *h = &p->v->hosts[i];
	lm_buf_fmt(p->out, "<tr id=\"h%zu\" class=\"m%u", i, h->mask);
	if (p->filters && !p->grouped)
		lm_buf_fmt(p->out, " p%u", p->place[i]);
	lm_page_put(p, "\"><th scope=\"row\">");
	lm_page_host(p, h->host);
	lm_page_put(p, "</th>");
	if (!p->grouped) {
		cell(p, h->host->org);
		cell(p, h->host->country);
		cell(p, h->host->sector);
	}
	cell(p, h->host->os);
	lm_page_put(p, "<td>");
	if (h->host->product.p && !lm_str_eq(h->host->product, p->v->subject)) {
		lm_page_value(p, h->host->product);
		lm_page_put(p, " ");
	}
	lm_page_version(p, h->host->version);
	lm_page_put(p, "</td>");
	put_stages(p, h);
	put_reasons(p, h);
	if (h->stages)
		lm_buf_fmt(p->out, "<td>%d</td>", h->confidence);
	else
		lm_page_put(p, "<td></td>");
	put_evidence(p, h);
	lm_page_put(p, "</tr>\n");
}

/* What the hosts of one stage and place share, once above them. */
static void put_group_head(struct lm_page *p, size_t i)
{
	const struct lm_view_host *h = &p->v->hosts[i];
	const struct lm_str parts[] = { h->host->org, h->host->country, h->host->sector };
	unsigned n = 0;
	lm_buf_fmt(p->out, "<tbody class=\"t%d p%u\"><tr class=\"gh\"><th scope=\"rowgroup\" colspan=\"7\">",
		   (int)h->furthest, p->place[i]);
	for (size_t k = 0; k < 3; k++) {
		if (!parts[k].n)
			continue;
		lm_page_put(p, n++ ? " \xc2\xb7 " : "");
		lm_page_value(p, parts[k]);
	}
	lm_page_put(p, n ? "</th></tr>\n" : "organisation not known</th></tr>\n");
}

static void put_rows(struct lm_page *p)
{
	size_t last = SIZE_MAX;
	if (!p->grouped || p->n_listed == 0)
		lm_page_put(p, "<tbody>\n");
	for (size_t k = 0; k < p->n_listed; k++) {
		size_t i = p->order[k];
		if (p->grouped && (last == SIZE_MAX || p->place[last] != p->place[i] ||
				   p->v->hosts[last].furthest != p->v->hosts[i].furthest)) {
			lm_page_put(p, k ? "</tbody>\n" : "");
			put_group_head(p, i);
			last = i;
		}
		put_row(p, i);
	}
	lm_page_put(p, "</tbody>");
}

void lm_page_hosts(struct lm_page *p)
{
	static const char *const heads[] = { "Host",	"Organisation", "Country", "Sector",	 "System",
					     "Version", "Stage",	"Reasons", "Confidence", "Evidence" };
	lm_page_put(p, "<section id=\"hosts\" class=\"part\">\n<h2>Hosts</h2>\n");
	put_filters(p);
	lm_page_put(p, p->grouped ? "<div class=\"hl wide\">\n<table class=\"list hosts grouped\">\n<caption>"
				  : "<div class=\"hl wide\">\n<table class=\"list hosts\">\n<caption>");
	lm_html_count(p->out, p->n_listed);
	lm_page_put(
		p,
		" hosts, furthest stage first. Letters are the stages observed on the host: E exposed, A altered, "
		"B beaconing, S second stage, H hands-on. G points to the finding with its reasons, E and its number "
		"to the evidence with offset+length or #record; +n says how many more there are. Confidence is that "
		"of the furthest stage, 0 to 100.</caption>\n<thead><tr>");
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		if (p->grouped && i >= 1 && i <= 3)
			continue;
		lm_buf_fmt(p->out, "<th scope=\"col\">%s</th>", heads[i]);
	}
	lm_page_put(p, "</tr></thead>\n");
	put_rows(p);
	lm_page_put(p, "</table>\n</div>\n</section>\n");
}
