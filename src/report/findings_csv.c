/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings_csv.c - in: the findings of a case; out: findings.csv, RFC 4180, one line a finding, values raw (not
 * defanged) except that a cell which a spreadsheet would run gets an apostrophe. Cited is the first piece of
 * evidence; report.json has all of them.
 */
#include "report/report.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <inttypes.h>

static void cell(struct lm_buf *b, struct lm_str s)
{
	lm_put_csv(b, s);
	lm_buf_putc(b, ',');
}

static void time_cell(struct lm_buf *b, struct lm_int ns)
{
	char text[LM_TIME_TEXT];
	cell(b, lm_cstr(ns.set ? lm_time_iso(ns.v, text) : NULL));
}

static enum lm_rc on_finding(void *user, const struct lm_finding_row *r)
{
	struct lm_buf *b = user, why;
	const struct lm_finding *f = &r->f;
	cell(b, r->host ? r->host->name : LM_STR("*"));
	cell(b, lm_cstr(lm_stage_word(f->stage)));
	cell(b, lm_cstr(lm_severity_word(f->severity)));
	lm_buf_fmt(b, "%d,", r->confidence);
	cell(b, lm_cstr(f->detector));
	cell(b, f->rule);
	cell(b, f->subject);
	time_cell(b, f->first_seen);
	time_cell(b, f->last_seen);
	lm_buf_init(&why, b->max);
	for (size_t i = 0; i < f->n_why; i++) {
		lm_buf_puts(&why, i ? "; " : "");
		lm_buf_str(&why, f->why[i]);
	}
	cell(b, lm_buf_view(&why));
	lm_buf_fini(&why);
	if (f->n_evidence) {
		const struct lm_evidence_ref *e = &f->evidence[0];
		lm_buf_hex(b, (struct lm_bytes){ e->sha256, 32 });
		lm_buf_putc(b, ',');
		cell(b, e->path);
		lm_buf_fmt(b, "%" PRIu64 ",%" PRIu64 ",", e->offset, e->length);
		if (e->record.set)
			lm_buf_fmt(b, "%" PRId64, e->record.v);
	} else {
		lm_buf_puts(b, ",,,,");
	}
	lm_buf_putc(b, ',');
	lm_put_csv(b, r->id);
	lm_buf_puts(b, "\r\n");
	return b->bad ? LM_ELIMIT : LM_OK;
}

static enum lm_rc findings_write(struct lm_case *c, const struct lm_report_opts *o, struct lm_buf *out,
				 struct lm_err *err)
{
	(void)o;
	lm_buf_puts(out, "host,stage,severity,confidence,detector,rule,subject,first_seen,last_seen,why,"
			 "evidence_sha256,evidence_path,offset,length,record,id\r\n");
	enum lm_rc rc = lm_case_findings(c, on_finding, out);
	if (rc == LM_ELIMIT)
		return lm_fail(err, rc, "cannot write findings.csv: it is too large");
	return rc == LM_OK ? LM_OK : lm_fail(err, rc, "cannot read findings for findings.csv: %s", lm_case_error(c));
}

const struct lm_report lm_report_findings_csv = {
	.name = "findings_csv",
	.summary = "one line a finding, for spreadsheets and scripts",
	.file = "findings.csv",
	.mime = "text/csv",
	.write = findings_write,
};
