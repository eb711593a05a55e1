/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

int lm_cmd_help(const struct lm_cli *o)
{
	struct lm_buf out;
	int code = LM_EXIT_OK;
	lm_buf_init(&out, 1 << 20);
	if (o->operands.n == 0) {
		lm_cli_help(&out);
	} else {
		enum lm_verb v = lm_verb_find(o->operands.v[0]);
		if (v == LM_V_COUNT)
			code = lm_complain(LM_EXIT_USAGE, "no verb '%s'; 'limier help' lists them", o->operands.v[0]);
		else
			lm_cli_verb_help(&out, v);
	}
	if (!lm_term_flush(&out))
		code = LM_EXIT_INTERNAL;
	lm_buf_fini(&out);
	return code;
}
