/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the command line, from one table (options.def).
 */
#ifndef LM_CLI_OPTIONS_H
#define LM_CLI_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"

enum lm_verb {
#define LM_VERB(id, args, line, text) LM_V_##id,
#define LM_OPTION(...)
#include "cli/options.def"
#undef LM_VERB
#undef LM_OPTION
	LM_V_COUNT
};

/* A LIST option's values; `v` is NULL-terminated and NULL when empty. Values borrow from argv. */
struct lm_list {
	const char **v;
	size_t n;
};

/* C types by option type. FLAG: given or not. NUMBER, TIME: `set` tells whether it was given. */
#define LM_OPT_FLAG bool
#define LM_OPT_TEXT const char *
#define LM_OPT_LIST struct lm_list
#define LM_OPT_NUMBER struct lm_opt_number
#define LM_OPT_TIME struct lm_opt_number

struct lm_opt_number {
	int64_t v;
	bool set;
};

/* The command line as typed: one member per option, and the operands. */
struct lm_cli {
	enum lm_verb verb;
#define LM_VERB(...)
#define LM_OPTION(verbs, id, long, short, type, arg, line, dflt) LM_OPT_##type id;
#include "cli/options.def"
#undef LM_VERB
#undef LM_OPTION
	struct lm_list operands;
	int argc;
	char **argv;
};

/* LM_EUSAGE with a sentence that names the option and the nearest right one. */
enum lm_rc lm_cli_parse(int argc, char **argv, struct lm_cli *out, struct lm_err *err) LM_MUST;
void lm_cli_free(struct lm_cli *o);

const char *lm_verb_name(enum lm_verb v);
/* LM_V_COUNT when unknown. */
enum lm_verb lm_verb_find(const char *name);

/* One screen for the whole tool, or one verb's page. */
void lm_cli_help(struct lm_buf *out);
void lm_cli_verb_help(struct lm_buf *out, enum lm_verb v);
/* man(7) source of limier(1) (v == LM_V_COUNT) or limier-VERB(1). */
void lm_cli_man(struct lm_buf *out, enum lm_verb v);
/* Completions: shell is bash, zsh or fish; false for any other. */
bool lm_cli_completion(struct lm_buf *out, const char *shell);

#endif
