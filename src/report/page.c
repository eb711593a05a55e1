/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.c - in: a case; out: report.html: one file that works offline and without script. Page one is for the
 * responder, page two for whoever decides, then come the lists that every number points to. The content security
 * policy allows nothing but the page's own style, by its hash. The same case gives the same bytes.
 */
#include "report/page.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <inttypes.h>
#include <openssl/evp.h>

const char *lm_page_stage_title(enum lm_stage s)
{
	static const char *const titles[LM_STAGE_COUNT] = { "no stage",	 "exposed",	 "altered",
							    "beaconing", "second stage", "hands-on" };
	return titles[s < LM_STAGE_COUNT ? s : LM_STAGE_NONE];
}

const char *lm_page_stage_letter(enum lm_stage s)
{
	static const char *const letters[LM_STAGE_COUNT] = { "", "E", "A", "B", "S", "H" };
	return letters[s < LM_STAGE_COUNT ? s : LM_STAGE_NONE];
}

void lm_page_put(struct lm_page *p, const char *markup)
{
	lm_buf_puts(p->out, markup);
}

/* A name as machines have it; the names of the fleet's own machines are no indicators. */
static bool is_plain_name(struct lm_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			  c == '_' || c == '.';
		if (!ok)
			return false;
	}
	return true;
}

void lm_page_host(struct lm_page *p, const struct lm_host *h)
{
	if (!h)
		lm_page_put(p, "whole fleet");
	else if (h->kind == LM_HOST_MACHINE && is_plain_name(h->name))
		lm_html_cut(p->out, h->name, LM_CUT_NAME);
	else
		lm_html_defang(p->out, h->name, LM_CUT_NAME, LM_DEFANG_TEXT, NULL);
	if (h && h->kind == LM_HOST_PROXY)
		lm_page_put(p, " (proxy)");
}

void lm_page_host_link(struct lm_page *p, const struct lm_host *h)
{
	const struct lm_view_host *vh = lm_view_host_of(p->v, h);
	if (!vh) {
		lm_page_host(p, h);
		return;
	}
	lm_buf_fmt(p->out, "<a href=\"#h%zu\">", (size_t)(vh - p->v->hosts));
	lm_page_host(p, h);
	lm_page_put(p, "</a>");
}

void lm_page_value(struct lm_page *p, struct lm_str value)
{
	lm_page_say(p, value, LM_CUT_NAME);
}

void lm_page_version(struct lm_page *p, struct lm_str value)
{
	bool plain = true;
	for (size_t i = 0; i < value.n && plain; i++)
		plain = value.p[i] == '.' || (value.p[i] >= '0' && value.p[i] <= '9');
	if (plain)
		lm_html_cut(p->out, value, LM_CUT_NAME);
	else
		lm_page_value(p, value);
}

void lm_page_say(struct lm_page *p, struct lm_str text, size_t max)
{
	lm_html_defang(p->out, text, max, LM_DEFANG_TEXT, &p->v->own);
}

void lm_page_percent(struct lm_page *p, uint64_t part, uint64_t of)
{
	if (of == 0)
		return;
	uint64_t whole = (part * 200 + of) / (of * 2);
	if (part && whole == 0)
		lm_page_put(p, "&lt;1\xc2\xa0%");
	else if (part < of && whole >= 100)
		lm_page_put(p, "&gt;99\xc2\xa0%");
	else
		lm_buf_fmt(p->out, "%" PRIu64 "\xc2\xa0%%", whole);
}

void lm_page_subject(struct lm_page *p, const struct lm_view_group *g)
{
	struct lm_str s = g->f.subject;
	bool path = lm_str_find(s, '/', 0) != SIZE_MAX || lm_str_find(s, '\\', 0) != SIZE_MAX;
	bool hit = g->f.detector && strcmp(g->f.detector, "hits") == 0;
	if (!s.n) {
		lm_page_value(p, g->f.rule);
		return;
	}
	lm_html_defang(p->out, s, path ? LM_CUT_PATH : LM_CUT_NAME,
		       hit    ? LM_DEFANG_ALL
		       : path ? LM_DEFANG_PATH
			      : LM_DEFANG_TEXT,
		       &p->v->own);
}

void lm_page_now(struct lm_page *p, bool with_time)
{
	struct lm_int now = { 0, true };
	if (!lm_time_parse(p->v->now, NULL, &now.v, NULL)) {
		lm_page_put(p, "not stated");
	} else if (with_time) {
		lm_html_time(p->out, now);
		lm_page_put(p, " UTC");
	} else {
		lm_html_date(p->out, now);
	}
}

/* The evidence list shows the first of them; a page of 20,000 hosts stays small. */
bool lm_page_cited_is_listed(const struct lm_view_cited *c)
{
	return c->number <= 2000;
}

void lm_page_pointer(struct lm_page *p, const struct lm_view_cited *c, uint64_t offset, uint64_t length,
		     struct lm_int record)
{
	if (lm_page_cited_is_listed(c)) {
		lm_buf_fmt(p->out, "<a href=\"#e%" PRIu64 "\">E%" PRIu64 "</a>", c->number, c->number);
	} else {
		lm_buf_hex(p->out, (struct lm_bytes){ c->sha256, 6 });
	}
	if (record.set)
		lm_buf_fmt(p->out, " #%" PRId64, record.v);
	else if (offset || length)
		lm_buf_fmt(p->out, " 0x%" PRIx64 "+%" PRIu64, offset, length);
}

void lm_page_footer(struct lm_page *p)
{
	lm_buf_fmt(p->out,
		   "<p class=\"foot\"><b>TLP:%s</b> <span>revision %" PRId64 "</span> <span>content %s</span> "
		   "<span>limier ",
		   p->tlp_word, p->v->revision, p->id);
	lm_html_text(p->out, lm_cstr(p->v->opts && p->v->opts->version ? p->v->opts->version : ""));
	lm_page_put(p, "</span></p>\n");
}

/* Only known words reach the page and its style sheet: CLEAR, GREEN, AMBER, AMBER+STRICT, RED (FIRST, TLP 2.0). */
static const char *tlp_word(const char *tlp)
{
	static const char *const words[] = { "CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED" };
	struct lm_str s = lm_cstr(tlp);
	if (lm_str_starts_ci(s, LM_STR("tlp:")))
		s = lm_str_part(s, 4, s.n);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (lm_str_eq_ci(s, lm_cstr(words[i])))
			return words[i];
	return "AMBER";
}

/* The footer of printed pages is style, not content: margin boxes of css-page-3. */
static void put_css(struct lm_page *p, struct lm_buf *css)
{
	lm_buf_puts(css, lm_page_css);
	lm_page_filter_css(p, css);
	lm_buf_fmt(css,
		   "@page{size:A4;margin:14mm 14mm 18mm;"
		   "@bottom-left{content:\"TLP:%s\";font:700 8pt sans-serif}"
		   "@bottom-center{content:\"limier report \\b7  revision %" PRId64 " \\b7  content %s%s\";"
		   "font:8pt sans-serif}"
		   "@bottom-right{content:counter(page) \" / \" counter(pages);font:8pt sans-serif}}\n"
		   "@page wide{size:A4 landscape}\n",
		   p->tlp_word, p->v->revision, p->id,
		   p->v->opts && p->v->opts->provisional ? " \\b7  PROVISIONAL" : "");
}

static void put_head(struct lm_page *p)
{
	uint8_t md[EVP_MAX_MD_SIZE] = { 0 };
	unsigned char text[EVP_MAX_MD_SIZE * 2];
	unsigned n = 0;
	struct lm_buf css;
	lm_buf_init(&css, (size_t)8 << 20);
	put_css(p, &css);
	EVP_Digest(css.p ? css.p : "", css.n, md, &n, EVP_sha256(), NULL);
	EVP_EncodeBlock(text, md, (int)n);
	lm_page_put(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
	lm_buf_fmt(p->out,
		   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
		   "img-src data:; base-uri 'none'; form-action 'none'\"/>\n",
		   (const char *)text);
	lm_page_put(p, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
		       "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
		       "<meta name=\"referrer\" content=\"no-referrer\"/>\n<title>");
	if (p->v->subject.n)
		lm_page_value(p, p->v->subject);
	else
		lm_page_put(p, "Case");
	lm_buf_fmt(p->out, " \xc2\xb7 limier report, revision %" PRId64 "</title>\n<style>", p->v->revision);
	lm_buf_str(p->out, lm_buf_view(&css));
	lm_page_put(p, "</style>\n</head>\n");
	lm_buf_fini(&css);
}

static void put_nav(struct lm_page *p)
{
	lm_page_put(p,
		    "<nav aria-label=\"Parts of this report\"><a href=\"#respond\">Responder</a> <a href=\"#manage\">"
		    "Management</a> <a href=\"#hosts\">Hosts</a> <a href=\"#findings\">Findings</a> "
		    "<a href=\"#scope\">Scope</a> <a href=\"#evidence\">Evidence</a> <a href=\"#coverage\">Coverage"
		    "</a> <a href=\"#method\">How counted</a></nav>\n");
}

static enum lm_rc page_write(struct lm_case *c, const struct lm_report_opts *o, struct lm_buf *out, struct lm_err *err)
{
	struct lm_view v;
	char id[17] = "";
	struct lm_page p = { .v = &v, .out = out, .tlp_word = tlp_word(o ? o->tlp : NULL), .id = id };
	enum lm_rc rc = lm_view_load(&v, c, o, err);
	if (rc == LM_OK)
		rc = lm_document_id(&v, id, err);
	if (rc == LM_OK)
		rc = lm_view_findings(&v, err);
	if (rc == LM_OK && lm_page_lists(&p) != LM_OK)
		rc = lm_fail(err, LM_ELIMIT, "cannot write report.html: too many hosts for %zu MiB of memory",
			     LM_VIEW_BUDGET >> 20);
	if (rc != LM_OK)
		goto done;
	put_head(&p);
	/* the hatching that stands for "unknown" in every bar */
	lm_page_put(&p, "<body>\n<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>"
			"<pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
			"patternTransform=\"rotate(45)\"><rect class=\"hatch-bg\" width=\"5\" height=\"5\"/>"
			"<rect class=\"hatch-fg\" width=\"2\" height=\"5\"/></pattern></defs></svg>\n");
	put_nav(&p);
	lm_page_put(&p, "<main>\n");
	lm_page_respond(&p);
	lm_page_manage(&p);
	lm_page_hosts(&p);
	lm_page_findings(&p);
	lm_page_scope(&p);
	lm_page_coverage(&p);
	lm_page_method(&p);
	lm_page_put(&p, "</main>\n</body>\n</html>\n");
	if (out->bad)
		rc = lm_fail(err, LM_ELIMIT, "cannot write report.html: it is too large");
done:
	lm_view_fini(&v);
	return rc;
}

const struct lm_report lm_report_page = {
	.name = "page",
	.summary = "one page for the responder, one for management, and every list behind the numbers",
	.file = "report.html",
	.mime = "text/html",
	.write = page_write,
};
