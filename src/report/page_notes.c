/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_notes.c - in: the sentences that detectors left in the case (verdict, actions, blind spots, questions); out:
 * their markup, short on page one and whole further down. A note may carry further lines; an action about a host is
 * headed by the host, one about the fleet by what to do.
 */
#include "report/page.h"
#include "base/text.h"

#include <inttypes.h>

/* At most `max` lines of a text, each its own item; what is left out is counted. */
static void put_lines(struct lm_page *p, struct lm_str text, unsigned max)
{
	struct lm_str part;
	unsigned n = 0, more = 0;
	for (struct lm_str rest = text; max && rest.n && lm_str_split(&rest, '\n', &part);) {
		if (!part.n)
			continue;
		if (n == max) {
			more++;
			continue;
		}
		lm_page_put(p, n++ ? "<li>" : "<ul class=\"lines\"><li>");
		lm_page_say(p, part, max > 3 ? LM_CUT_TEXT : 200); /* short on page one */
		lm_page_put(p, "</li>");
	}
	if (more)
		lm_buf_fmt(p->out, "<li>%u more</li>", more);
	if (n)
		lm_page_put(p, "</ul>");
}

void lm_page_verdict(struct lm_page *p)
{
	enum { NOTES = 6, LINES = 3 };
	const struct lm_view_note *n = p->v->notes[LM_NOTE_VERDICT];
	lm_page_put(p, "<div class=\"verdict\"><h2>Verdict</h2>\n");
	if (!n)
		lm_page_put(p, "<p>No verdict is recorded for this revision.</p>\n");
	for (unsigned i = 0; n && i < NOTES; n = n->next, i++) {
		lm_page_put(p, i < 2 ? "<p>" : "<p class=\"more\">"); /* one or two sentences, then what they rest on */
		lm_page_say(p, n->text, LM_CUT_TEXT);
		lm_page_put(p, "</p>");
		put_lines(p, n->detail, LINES);
		lm_page_put(p, "\n");
	}
	if (n)
		lm_page_put(p, "<p class=\"more\">Further sentences stand in report.json.</p>\n");
	lm_page_put(p, "</div>\n");
}

static void put_whence(struct lm_page *p, const struct lm_host *h)
{
	const struct lm_view_host *vh = lm_view_host_of(p->v, h);
	if (!vh)
		return;
	lm_page_put(p, "<span class=\"meta\">");
	const struct lm_str parts[] = { h->org, h->sector, h->country };
	for (size_t i = 0; i < 3; i++) {
		if (!parts[i].n)
			continue;
		lm_page_value(p, parts[i]);
		lm_page_put(p, " \xc2\xb7 ");
	}
	lm_page_put(p, lm_page_stage_title(vh->furthest));
	lm_page_put(p, "</span>");
}

/* The proof: the most severe finding about the host and the first piece of its evidence. */
static void put_proof(struct lm_page *p, const struct lm_host *h)
{
	const struct lm_view_host *vh = lm_view_host_of(p->v, h);
	if (!vh || !vh->refs)
		return;
	lm_buf_fmt(p->out, " <a href=\"#g%" PRIu64 "\">G%" PRIu64 "</a> ", vh->refs->group->number,
		   vh->refs->group->number);
	if (vh->refs->cited)
		lm_page_pointer(p, vh->refs->cited, vh->refs->offset, vh->refs->length, vh->refs->record);
}

static void put_host_action(struct lm_page *p, const struct lm_view_note *n, bool same, unsigned lines)
{
	lm_page_put(p, "<b>");
	lm_page_host_link(p, n->host);
	lm_page_put(p, "</b> ");
	put_whence(p, n->host);
	lm_page_put(p, same ? "<p><span class=\"meta\">Same reason and next step.</span>" : "<p>");
	struct lm_str rest = n->text, part;
	for (unsigned i = 0; i < lines && !same && lm_str_split(&rest, '\n', &part); i++) {
		lm_page_put(p, i ? " " : "");
		lm_page_say(p, part, LM_CUT_PATH);
	}
	put_proof(p, n->host);
	lm_page_put(p, "</p>");
	if (n->detail.n && !same) {
		lm_page_put(p, "<p><span class=\"k\">Next:</span> ");
		lm_page_say(p, n->detail, LM_CUT_PATH);
		lm_page_put(p, "</p>");
	}
}

void lm_page_actions(struct lm_page *p, unsigned max, unsigned lines)
{
	const struct lm_view_note *before = NULL, *n = p->v->notes[LM_NOTE_ACTION];
	lm_page_put(p, "<ol class=\"acts\">\n");
	for (unsigned k = 0; n && k < max; before = n, n = n->next, k++) {
		bool same =
			before && n->host && lm_str_eq(before->text, n->text) && lm_str_eq(before->detail, n->detail);
		lm_page_put(p, "<li>");
		if (n->host) {
			put_host_action(p, n, same, lines);
		} else {
			lm_page_put(p, "<b>");
			lm_page_say(p, n->detail.n ? n->detail : LM_STR("Whole fleet"), LM_CUT_PATH);
			lm_page_put(p, "</b>");
			put_lines(p, n->text, lines);
		}
		lm_page_put(p, "</li>\n");
	}
	lm_page_put(p, "</ol>\n");
}

void lm_page_note(struct lm_page *p, const struct lm_view_note *n, bool command, unsigned lines)
{
	if (n->host) {
		lm_page_host_link(p, n->host);
		lm_page_put(p, ": ");
	}
	lm_page_say(p, n->text, LM_CUT_TEXT);
	if (!n->detail.n)
		return;
	if (!command) {
		put_lines(p, n->detail, lines);
		return;
	}
	bool url = lm_bytes_find(lm_str_bytes(n->detail), lm_str_bytes(LM_STR("://"))) != SIZE_MAX;
	lm_page_put(p, " <code>");
	if (url)
		lm_page_say(p, n->detail, LM_CUT_PATH);
	else
		lm_html_cut(p->out, n->detail, LM_CUT_PATH); /* to be typed as it stands */
	lm_page_put(p, "</code>");
}
