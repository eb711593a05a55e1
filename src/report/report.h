/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - the contract of reports: a rendering of a case. A report computes nothing; the same case gives
 * the same bytes, but for report.json's key `case`, which holds the run history.
 */
#ifndef LM_REPORT_REPORT_H
#define LM_REPORT_REPORT_H

#include "base/buf.h"
#include "base/json_out.h"
#include "case/case.h"

struct lm_report_opts {
	const char *tlp;     /* "amber" unless said */
	const char *version; /* of the tool */
	bool provisional;    /* an early page: marked so */
};

struct lm_report {
	const char *name; /* report_html -> file name below */
	const char *summary;
	const char *file; /* written below the output folder, e.g. report.html */
	const char *mime;
	/* Appends the whole document. */
	enum lm_rc (*write)(struct lm_case *c, const struct lm_report_opts *o, struct lm_buf *out, struct lm_err *err);
};

#define LM_REPORT(name) extern const struct lm_report lm_report_##name;
#include "report/reports.def"
#undef LM_REPORT

extern const struct lm_report *const lm_reports[]; /* NULL-terminated */

/* One finding as report.json has it, on one line; for JSON lines too. */
void lm_report_finding_json(struct lm_jw *w, const struct lm_finding_row *r);

/*
 * Writes every report below `dir` (made when missing), each under a temporary name, synced and renamed.
 * LM_EIO names the file and errno's words.
 */
enum lm_rc lm_reports_write(struct lm_case *c, const char *dir, const struct lm_report_opts *o,
			    struct lm_err *err) LM_MUST;

#endif
