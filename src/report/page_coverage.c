/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_coverage.c - in: evidence rows, damage, notes; out: the parts of report.html that let a reader check the
 * others: the evidence that findings cite, what was read, what was not, and how every number was counted.
 */
#include "report/page.h"
#include "base/text.h"

#include <inttypes.h>

enum { UNREAD_SHOWN = 500, LINES_SHOWN = 60 };

static void put_cited(struct lm_page *p)
{
	uint64_t shown = 0;
	lm_page_put(p, "<section id=\"evidence\" class=\"part\">\n<h2>Evidence cited</h2>\n");
	if (!p->v->cited) {
		lm_page_put(p, "<p class=\"empty\">No finding, so nothing is cited.</p>\n</section>\n");
		return;
	}
	lm_page_put(p,
		    "<div class=\"wide\"><table class=\"list\"><caption>Content that findings cite, by its SHA-256. "
		    "Offsets in this report count from the first byte of this content; a number after # is the record"
		    "</caption><thead><tr><th scope=\"col\">No.</th><th scope=\"col\">Path and SHA-256</th>"
		    "<th scope=\"col\">Kind</th><th scope=\"col\" class=\"n\">Bytes</th><th scope=\"col\" class=\"n\">"
		    "Cited</th></tr></thead><tbody>\n");
	for (const struct lm_view_cited *c = p->v->cited; c && lm_page_cited_is_listed(c); c = c->next, shown++) {
		lm_buf_fmt(p->out,
			   "<tr id=\"e%" PRIu64 "\"><th scope=\"row\">E%" PRIu64 "</th><td><span class=\"path\">",
			   c->number, c->number);
		lm_html_defang(p->out, c->path, LM_CUT_PATH, LM_DEFANG_PATH, &p->v->own);
		lm_page_put(p, "</span> <code>");
		lm_buf_hex(p->out, (struct lm_bytes){ c->sha256, 32 });
		lm_page_put(p, "</code></td><td>");
		lm_page_value(p, c->kind);
		lm_page_put(p, "</td><td class=\"n\">");
		if (c->size.set && c->size.v >= 0)
			lm_html_count(p->out, (uint64_t)c->size.v);
		lm_page_put(p, "</td><td class=\"n\">");
		lm_html_count(p->out, c->times);
		lm_page_put(p, "</td></tr>\n");
	}
	lm_page_put(p, "</tbody></table></div>\n");
	if (p->v->n_cited > shown) {
		lm_page_put(p, "<p class=\"note\">");
		lm_html_count(p->out, p->v->n_cited - shown);
		lm_page_put(
			p,
			" further pieces of evidence stand in findings.csv and report.json; the host list names them "
			"by the first 12 digits of their SHA-256.</p>\n");
	}
	lm_page_put(p, "</section>\n");
}

static void put_kinds(struct lm_page *p)
{
	struct lm_view *v = p->v;
	lm_page_put(
		p, "<div class=\"wide\"><table class=\"list\"><caption>Evidence by kind: files as given, members found "
		   "inside them, bytes of both</caption><thead><tr><th scope=\"col\">Kind</th><th scope=\"col\" "
		   "class=\"n\">Files</th><th scope=\"col\" class=\"n\">Members</th><th scope=\"col\" class=\"n\">Bytes"
		   "</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < v->n_kinds; i++) {
		lm_page_put(p, "<tr><th scope=\"row\">");
		lm_page_value(p, v->kinds[i].kind.p ? v->kinds[i].kind : LM_STR("no known kind"));
		lm_page_put(p, "</th><td class=\"n\">");
		lm_html_count(p->out, v->kinds[i].files);
		lm_page_put(p, "</td><td class=\"n\">");
		lm_html_count(p->out, v->kinds[i].members);
		lm_page_put(p, "</td><td class=\"n\">");
		lm_html_count(p->out, v->kinds[i].bytes);
		lm_page_put(p, "</td></tr>\n");
	}
	lm_page_put(p, "</tbody></table></div>\n");
}

static void put_unread(struct lm_page *p, const struct lm_view_unread *u, uint64_t n, const char *id, const char *title)
{
	uint64_t shown = 0;
	lm_buf_fmt(p->out, "<h3 id=\"%s\">%s</h3>\n", id, title);
	if (!u) {
		lm_page_put(p, "<p class=\"empty\">None.</p>\n");
		return;
	}
	lm_page_put(p,
		    "<div class=\"wide\"><table class=\"list\"><caption>In order of path</caption><thead><tr><th "
		    "scope=\"col\">Path</th><th scope=\"col\">State</th><th scope=\"col\" class=\"n\">Offset</th><th "
		    "scope=\"col\">What</th></tr></thead><tbody>\n");
	for (; u && shown < UNREAD_SHOWN; u = u->next, shown++) {
		lm_page_put(p, "<tr><th scope=\"row\" class=\"path\">");
		lm_html_defang(p->out, u->path, LM_CUT_PATH, LM_DEFANG_PATH, &p->v->own);
		lm_buf_fmt(p->out, "</th><td>%s</td><td class=\"n\">", u->why);
		if (u->offset.set && u->offset.v >= 0)
			lm_buf_fmt(p->out, "0x%" PRIx64, (uint64_t)u->offset.v);
		lm_page_put(p, "</td><td>");
		lm_page_say(p, u->what, LM_CUT_PATH);
		lm_page_put(p, "</td></tr>\n");
	}
	lm_page_put(p, "</tbody></table></div>\n");
	if (n > shown) {
		lm_page_put(p, "<p class=\"note\">");
		lm_html_count(p->out, n - shown);
		lm_page_put(p, " more stand in report.json.</p>\n");
	}
}

static void put_notes(struct lm_page *p, int section, const char *id, const char *title)
{
	enum { SHOWN = 500 };
	unsigned i = 0;
	lm_buf_fmt(p->out, "<h3 id=\"%s\">%s</h3>\n", id, title);
	if (!p->v->notes[section]) {
		lm_page_put(p, "<p class=\"empty\">None is recorded.</p>\n");
		return;
	}
	lm_page_put(p, "<ul>\n");
	for (const struct lm_view_note *n = p->v->notes[section]; n && i < SHOWN; n = n->next, i++) {
		lm_page_put(p, "<li>");
		lm_page_note(p, n, section == LM_NOTE_QUESTION, LINES_SHOWN);
		lm_page_put(p, "</li>\n");
	}
	lm_page_put(p, "</ul>\n");
	if (p->v->n_notes[section] > i)
		lm_buf_fmt(p->out, "<p class=\"note\">%" PRIu64 " more stand in report.json.</p>\n",
			   p->v->n_notes[section] - i);
}

void lm_page_coverage(struct lm_page *p)
{
	struct lm_view *v = p->v;
	put_cited(p);
	lm_page_put(p, "<section id=\"coverage\" class=\"part\">\n<h2>Coverage</h2>\n<p>");
	lm_html_count(p->out, v->seen);
	lm_page_put(p, " hosts have evidence other than a host list");
	if (v->listed) {
		lm_page_put(p, "; of ");
		lm_html_count(p->out, v->listed);
		lm_page_put(p, " listed hosts ");
		lm_html_count(p->out, v->listed_seen);
		lm_page_put(p, " do and ");
		lm_html_count(p->out, v->listed - v->listed_seen);
		lm_page_put(p, " do not: nothing is known about those");
	}
	lm_page_put(p, ".</p>\n");
	if (v->totals.n) {
		lm_page_put(p, "<p>");
		lm_page_say(p, v->totals, LM_CUT_TEXT);
		lm_page_put(p, "</p>\n");
	}
	put_kinds(p);
	put_notes(p, LM_NOTE_BLIND, "blind", "Blind spots");
	put_notes(p, LM_NOTE_GAP, "gaps", "Gaps");
	put_unread(p, v->unread, v->n_unread, "unread", "Not read: damaged, encrypted, skipped");
	put_unread(p, v->lost, v->n_lost, "lost", "Workers lost");
	put_notes(p, LM_NOTE_QUESTION, "questions", "Open questions");
	if (v->n_notes[LM_NOTE_NEW])
		put_notes(p, LM_NOTE_NEW, "changes", "New in this revision");
	lm_page_put(p, "</section>\n");
}

void lm_page_method(struct lm_page *p)
{
	lm_page_put(
		p,
		"<section id=\"method\" class=\"part\">\n<h2>How counted</h2>\n<dl class=\"method\">\n"
		"<dt>Host</dt><dd>A machine under all its names and addresses. An address that could not be "
		"resolved and a proxy, which stands for many hosts, have rows in the host list but are not counted as "
		"listed or seen.</dd>\n"
		"<dt>Stage</dt><dd>A host counts in a stage when at least one finding of that stage is about it. "
		"Counts do "
		"not add up: a host may be in several stages, and is in an earlier one only if that was observed "
		"too.</dd>\n"
		"<dt>exposed</dt><dd>The subject product is installed, in any version.</dd>\n"
		"<dt>altered</dt><dd>The altered content itself, by its hash. A version number alone is not "
		"enough.</dd>\n"
		"<dt>beaconing</dt><dd>The host called out in a way that a finding explains.</dd>\n"
		"<dt>second stage</dt><dd>Something that came later was written and then loaded or run.</dd>\n"
		"<dt>hands-on</dt><dd>Traces of a person working on the host.</dd>\n"
		"<dt>Listed, seen</dt><dd>Listed: a host list names it. Seen: some other evidence is about it. A "
		"count of 0 "
		"says something only about hosts that were seen.</dd>\n"
		"<dt>Unknown</dt><dd>The host list or a database gives no value. Unknown is its own row.</dd>\n"
		"<dt>Confidence</dt><dd>0 to 100 for one finding, from the sum of named log-odds: below 20 very "
		"low, 40 low, "
		"60 moderate, 85 high, from 85 very high. It is not the likelihood of a hypothesis.</dd>\n"
		"<dt>Numbers as links</dt><dd>A number of hosts leads to the host list. A stage shows exactly its "
		"hosts; a "
		"country, sector or organisation shows all of its hosts with the stages of each.</dd>\n"
		"<dt>Times</dt><dd>UTC.</dd>\n"
		"<dt>Content</dt><dd>The number in the footer is the beginning of a SHA-256 over report.json "
		"without its run "
		"history: the same number means the same content.</dd>\n</dl>\n");
	lm_page_footer(p);
	lm_page_put(p, "</section>\n");
}
