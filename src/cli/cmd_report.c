/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_out.h"
#include "cli/cli.h"
#include "report/report.h"

#include <stdio.h>
#include <unistd.h>

int lm_cmd_report(const struct lm_cli *o)
{
	struct lm_err err = { 0 };
	struct lm_case *c = NULL;
	struct lm_report_opts ro = { .tlp = o->tlp ? o->tlp : "amber", .version = LM_VERSION };
	if (!o->output || !o->case_file || o->operands.n)
		return lm_complain(LM_EXIT_USAGE, "report needs --case FILE and -o DIR; 'limier help report' explains");
	if (access(o->case_file, F_OK) != 0)
		return lm_complain(LM_EXIT_USAGE, "no case '%s'", o->case_file);
	if (lm_make_dirs(o->output, &err) < 0 || lm_case_open(o->case_file, LM_CASE_READ_ONLY, &c, &err) < 0)
		return lm_complain(err.rc == LM_EUSAGE ? LM_EXIT_USAGE : LM_EXIT_INTERNAL, "%s", err.msg);
	enum lm_rc rc = lm_reports_write(c, o->output, &ro, &err);
	lm_case_close(c);
	if (rc < 0)
		return lm_complain(LM_EXIT_INTERNAL, "%s", err.msg);
	if (o->json || o->jsonl) {
		struct lm_buf out;
		struct lm_jw w;
		lm_buf_init(&out, 65536);
		lm_jw_init(&w, &out, o->json);
		lm_jw_obj(&w);
		lm_jw_key(&w, "report");
		lm_jw_cstr(&w, o->output);
		lm_jw_end(&w);
		if (!o->json)
			lm_buf_putc(&out, '\n');
		(void)lm_term_flush(&out);
		lm_buf_fini(&out);
	} else {
		printf("%s/report.html\n", o->output);
	}
	return LM_EXIT_OK;
}
