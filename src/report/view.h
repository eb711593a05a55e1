/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - what the reports show, loaded once from a case and put in order. Private to src/report.
 *
 * Nothing is concluded here: rows are copied, sorted and counted as the documents say. All memory stands in one
 * arena with a budget; lists are singly linked in the order they are printed.
 */
#ifndef LM_REPORT_VIEW_H
#define LM_REPORT_VIEW_H

#include "base/map.h"
#include "report/report.h"

#define LM_VIEW_BUDGET ((size_t)512 << 20)

/* One observed stage of one host. */
struct lm_view_stage {
	struct lm_view_stage *next;
	enum lm_stage stage;
	struct lm_int first, last;
	int confidence;
	struct lm_str findings; /* ids joined by ';' */
};

struct lm_view_ref;

struct lm_view_host {
	const struct lm_host *host;
	struct lm_view_stage *stages; /* in stage order */
	enum lm_stage furthest;
	unsigned mask;		  /* 1 << stage for each observed stage */
	int confidence;		  /* of the furthest stage */
	struct lm_view_ref *refs; /* findings about it; page only */
};

struct lm_view_note {
	struct lm_view_note *next;
	const struct lm_host *host; /* may be NULL */
	int64_t order;
	struct lm_str text, detail;
};

struct lm_view_scope {
	struct lm_view_scope *next;
	struct lm_scope_row row;
};

enum { LM_DIM_COUNTRY, LM_DIM_SECTOR, LM_DIM_ORG, LM_DIM_OS, LM_DIM_VERSION, LM_DIM_SIGNER, LM_DIM_COUNT };
extern const char *const lm_view_dims[LM_DIM_COUNT]; /* "country" ... */

enum { LM_NOTE_VERDICT, LM_NOTE_ACTION, LM_NOTE_NEW, LM_NOTE_BLIND, LM_NOTE_QUESTION, LM_NOTE_GAP, LM_NOTE_COUNT };

/* Evidence files of one kind; `files` stand by themselves, `members` inside others. */
struct lm_view_kind {
	struct lm_str kind; /* unset: no reader knew the format */
	uint64_t files, members, bytes;
};

/* What could not be read: an observation of damage, encryption or skipping; or a lost worker. */
struct lm_view_unread {
	struct lm_view_unread *next;
	const char *why; /* damaged, encrypted, skipped, lost */
	struct lm_str path, what;
	struct lm_int offset, size;
	const struct lm_host *host; /* may be NULL */
};

struct lm_view_run {
	struct lm_view_run *next;
	struct lm_run run;
};

/* ---- of the page: findings grouped by rule and subject, evidence they cite ---- */

struct lm_view_cited {
	struct lm_view_cited *next;
	uint8_t sha256[32];
	struct lm_str path, kind;
	struct lm_int size;
	uint64_t number, times; /* E1, E2 ... in order of first citation; how often it is cited */
};

struct lm_view_group {
	struct lm_view_group *next;
	uint64_t number;	    /* G1, G2 ... */
	struct lm_finding f;	    /* the first finding, whole */
	struct lm_str id;	    /* its id */
	const struct lm_host *host; /* its host */
	struct lm_view_cited *cited[LM_FINDING_LIST_MAX];
	struct lm_int first, last;
	int low, high;		  /* confidences */
	uint64_t hosts, findings; /* hosts: distinct, without the fleet */
	bool fleet;		  /* one of the findings is about "*" */
	uint64_t why_hash;
	bool own_words; /* other findings of the group say it with other numbers */
	struct lm_view_ref *refs, **tail;
	size_t last_host;
};

struct lm_view_ref {
	struct lm_view_ref *in_group, *in_host;
	struct lm_view_group *group;
	const struct lm_view_host *host; /* NULL: the fleet */
	int confidence;
	struct lm_view_cited *cited; /* first piece of evidence */
	uint64_t offset, length;
	struct lm_int record;
	size_t n_evidence;
};

struct lm_view {
	struct lm_case *c;
	const struct lm_report_opts *opts;
	struct lm_arena arena;

	struct lm_str now, subject, geo, totals, path; /* settings; unset when absent */
	int64_t revision;

	struct lm_view_host *hosts; /* in order of host id, which is the order of names */
	size_t n_hosts;
	uint64_t listed, seen, listed_seen; /* machines: neither proxies nor bare addresses */
	uint64_t stage_hosts[LM_STAGE_COUNT], stage_orgs[LM_STAGE_COUNT];
	uint64_t stage_sure[LM_STAGE_COUNT]; /* of those, with confidence high or very high */
	struct lm_int stage_first[LM_STAGE_COUNT], stage_last[LM_STAGE_COUNT];
	struct lm_map own; /* names of the listed hosts, lower case: not indicators */

	struct lm_view_note *notes[LM_NOTE_COUNT];
	uint64_t n_notes[LM_NOTE_COUNT];
	struct lm_view_scope *scope[LM_DIM_COUNT];

	struct lm_view_kind *kinds; /* in order of kind, unknown last */
	size_t n_kinds;
	uint64_t files, members, bytes, trusted;
	struct lm_view_unread *unread, *lost; /* in order of path and offset */
	uint64_t n_unread, n_lost;
	struct lm_view_run *runs;

	struct lm_view_group *groups;
	uint64_t n_groups, n_findings;
	struct lm_view_cited *cited;
	uint64_t n_cited;
	struct lm_map cited_map; /* SHA-256 and path -> cited */
	struct lm_map path_map;	 /* path -> cited, linked by nothing: first of its path */
};

/* Loads all but the findings. On failure *err says what; lm_view_fini is due in any case. */
enum lm_rc lm_view_load(struct lm_view *v, struct lm_case *c, const struct lm_report_opts *o,
			struct lm_err *err) LM_MUST;
/* Loads and groups the findings; after lm_view_load. */
enum lm_rc lm_view_findings(struct lm_view *v, struct lm_err *err) LM_MUST;
void lm_view_fini(struct lm_view *v);

/* The entry of a host of the case; NULL for NULL. */
struct lm_view_host *lm_view_host_of(struct lm_view *v, const struct lm_host *h);

/* document.c: report.json without its key `case`, which alone holds the run history; digest of just that. */
enum lm_rc lm_document_id(struct lm_view *v, char out[17], struct lm_err *err) LM_MUST;

#endif
