/* SPDX-License-Identifier: Apache-2.0 */
/* options_table.h - the tables behind options.h, shared by the parser (options.c) and the manual (manual.c). */
#ifndef LM_CLI_OPTIONS_TABLE_H
#define LM_CLI_OPTIONS_TABLE_H

#include "cli/options.h"

enum opt_type { T_FLAG, T_TEXT, T_LIST, T_NUMBER, T_TIME };

struct lm_option {
	unsigned verbs; /* bit per enum lm_verb */
	const char *name;
	char letter;
	enum opt_type type;
	const char *arg, *line, *dflt;
	size_t offset; /* in struct lm_cli */
};

struct lm_verb_desc {
	const char *name, *args, *line, *text;
};

extern const struct lm_option lm_options[];
extern const size_t lm_n_options;
extern const struct lm_verb_desc lm_verbs[LM_V_COUNT];

#define LM_VERBS_ALL ((1u << LM_V_COUNT) - 1)

#endif
