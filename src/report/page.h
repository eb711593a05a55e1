/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - the parts of report.html. Private to src/report; each part appends one section.
 *
 * Rules for all parts: text from evidence goes out through html.h only; a number of hosts is a link to a list of
 * exactly those hosts; colour never says anything alone; the page needs no script.
 */
#ifndef LM_REPORT_PAGE_H
#define LM_REPORT_PAGE_H

#include "report/html.h"
#include "report/view.h"

/* Bytes of one text shown before it is cut: names in tables, sentences. */
enum { LM_CUT_NAME = 120, LM_CUT_PATH = 300, LM_CUT_TEXT = 1200 };

/*
 * Hosts that share country, sector and organisation; the host list is filtered by them. Filters exist while there
 * are at most LM_PAGE_FILTERS of them, beyond that numbers link to the whole list.
 */
struct lm_page_place {
	struct lm_str part[3]; /* country, sector, org */
	size_t value[3];       /* index of that value among all of its dimension, from 0 */
};

enum { LM_PAGE_FILTERS = 600, LM_PAGE_GROUPED = 5000 };

struct lm_page {
	struct lm_view *v;
	struct lm_buf *out;
	const char *tlp_word, *id;
	uint32_t *order, *place; /* hosts in order of the list; place of each host */
	size_t n_listed;	 /* hosts in the list: seen, listed or with a stage; no silent proxies */
	struct lm_page_place *places;
	size_t n_places, n_values[3];
	struct lm_str *values[3]; /* distinct values of each dimension, unset = unknown */
	bool filters;
	bool grouped; /* the list names organisation, country and sector once a group of hosts */
};

extern const char lm_page_css[];

/* page_lists.c */
enum lm_rc lm_page_lists(struct lm_page *p) LM_MUST;
/* Style rules of the filters, for the head. */
void lm_page_filter_css(const struct lm_page *p, struct lm_buf *css);
void lm_page_hosts(struct lm_page *p);
/* " href" of the list of the hosts of a stage, or of a value of a dimension (LM_DIM_COUNTRY, _SECTOR, _ORG). */
void lm_page_stage_href(struct lm_page *p, enum lm_stage s);
void lm_page_value_href(struct lm_page *p, int dim, struct lm_str value);

/* page_respond.c, page_manage.c, page_findings.c, page_coverage.c */
void lm_page_respond(struct lm_page *p);
void lm_page_manage(struct lm_page *p);
void lm_page_findings(struct lm_page *p);
void lm_page_scope(struct lm_page *p);
void lm_page_coverage(struct lm_page *p);
void lm_page_method(struct lm_page *p);

/* page_scope.c: rows of countries as bars, at most `max` of them, 0 = all */
void lm_page_country_bars(struct lm_page *p, unsigned max);

/* page.c: words and small parts that several sections use */
const char *lm_page_stage_title(enum lm_stage s); /* "second stage" */
const char *lm_page_stage_letter(enum lm_stage s);
void lm_page_put(struct lm_page *p, const char *markup);
void lm_page_host(struct lm_page *p, const struct lm_host *h);		/* name only, "*" as "whole fleet" */
void lm_page_host_link(struct lm_page *p, const struct lm_host *h);	/* to its row */
void lm_page_say(struct lm_page *p, struct lm_str text, size_t max);	/* a sentence, defanged */
void lm_page_percent(struct lm_page *p, uint64_t part, uint64_t of);	/* "78 %", "<1 %"; nothing for 0 of 0 */
void lm_page_subject(struct lm_page *p, const struct lm_view_group *g); /* what a group of findings is about */
/* page_notes.c; `lines`: how many lines of a text's details are shown */
/* Host, text and detail; the detail of a question is a command to type, of other notes further lines. */
void lm_page_note(struct lm_page *p, const struct lm_view_note *n, bool command, unsigned lines);
/* The first `max` actions as a numbered list. */
void lm_page_actions(struct lm_page *p, unsigned max, unsigned lines);
void lm_page_verdict(struct lm_page *p);
/* A value in a table; the same without defanging when it is digits and dots only: a version. */
void lm_page_value(struct lm_page *p, struct lm_str value);
void lm_page_version(struct lm_page *p, struct lm_str value);
/* "E17 at 0x2f400, 275,123 bytes", linked when the evidence list holds it. */
void lm_page_pointer(struct lm_page *p, const struct lm_view_cited *c, uint64_t offset, uint64_t length,
		     struct lm_int record);
bool lm_page_cited_is_listed(const struct lm_view_cited *c);
void lm_page_now(struct lm_page *p, bool with_time); /* the case's time, as date or with the minute */
void lm_page_footer(struct lm_page *p);

/* country.c: the English short name of an ISO 3166-1 alpha-2 code; unset when it is none. */
struct lm_str lm_country_name(struct lm_str code);

#endif
