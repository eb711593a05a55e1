/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "report/report.h"

#include <stdio.h>

int lm_cmd_report(const struct lm_cli *o)
{
	struct lm_err err = { 0 };
	struct lm_case *c = NULL;
	struct lm_report_opts ro = { .tlp = o->tlp ? o->tlp : "amber", .version = LM_VERSION };
	if (!o->output || !o->case_file || o->operands.n)
		return lm_complain(LM_EXIT_USAGE, "report needs --case FILE and -o DIR; 'limier help report' explains");
	if (lm_make_dirs(o->output, &err) < 0 || lm_case_open(o->case_file, LM_CASE_READ_ONLY, &c, &err) < 0)
		return lm_complain(err.rc == LM_EUSAGE ? LM_EXIT_USAGE : LM_EXIT_INTERNAL, "%s", err.msg);
	enum lm_rc rc = lm_reports_write(c, o->output, &ro, &err);
	lm_case_close(c);
	if (rc < 0)
		return lm_complain(LM_EXIT_INTERNAL, "%s", err.msg);
	printf("%s/report.html\n", o->output);
	return LM_EXIT_OK;
}
