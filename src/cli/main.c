/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void print_log(enum lm_log_level level, const char *msg, void *user)
{
	const struct lm_cli *o = user;
	if (level == LM_LOG_DEBUG && !o->verbose)
		return;
	if (level != LM_LOG_ERROR && o->quiet)
		return;
	lm_complain(0, "%s%s", level == LM_LOG_WARN ? "warning: " : "", msg);
}

static int (*const commands[LM_V_COUNT])(const struct lm_cli *) = {
#define LM_VERB(id, ...) [LM_V_##id] = lm_cmd_##id,
#define LM_OPTION(...)
#include "cli/options.def"
#undef LM_VERB
#undef LM_OPTION
};

int main(int argc, char **argv)
{
	struct lm_cli o;
	struct lm_err err;
	/* a reader that went away (head, less) ends the run through the failed write, not through a signal */
	signal(SIGPIPE, SIG_IGN);
	if (lm_cli_parse(argc, argv, &o, &err) < 0) {
		int code = lm_complain(LM_EXIT_USAGE, "%s", err.msg);
		lm_cli_free(&o);
		return code;
	}
	if (o.color && strcmp(o.color, "auto") != 0 && strcmp(o.color, "always") != 0 &&
	    strcmp(o.color, "never") != 0) {
		int bad = lm_complain(LM_EXIT_USAGE, "'--color' takes auto, always or never, not '%s'", o.color);
		lm_cli_free(&o);
		return bad;
	}
	lm_term_init(&o);
	lm_log_set(print_log, &o);
	int code;
	if (o.help) {
		o.operands.n = 0;
		struct lm_buf out;
		lm_buf_init(&out, 1 << 20);
		lm_cli_verb_help(&out, o.verb);
		code = lm_term_flush(&out) ? LM_EXIT_OK : LM_EXIT_INTERNAL;
		lm_buf_fini(&out);
	} else {
		code = commands[o.verb](&o);
	}
	lm_cli_free(&o);
	return code;
}
