/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the tables and the parser of the command line.
 */
#include "cli/options_table.h"
#include "base/arena.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <stddef.h>
#include <stdlib.h>

#define V(id) (1u << LM_V_##id)
#define ALL LM_VERBS_ALL

const struct lm_option lm_options[] = {
#define LM_VERB(...)
#define LM_OPTION(verbs, id, long, short, type, arg, line, dflt) \
	{ verbs, long, short, T_##type, arg, line, dflt, offsetof(struct lm_cli, id) },
#include "cli/options.def"
#undef LM_VERB
#undef LM_OPTION
};
const size_t lm_n_options = sizeof lm_options / sizeof *lm_options;

const struct lm_verb_desc lm_verbs[LM_V_COUNT] = {
#define LM_VERB(id, args, line, text) [LM_V_##id] = { #id, args, line, text },
#define LM_OPTION(...)
#include "cli/options.def"
#undef LM_VERB
#undef LM_OPTION
};

const char *lm_verb_name(enum lm_verb v)
{
	return v < LM_V_COUNT ? lm_verbs[v].name : "";
}

enum lm_verb lm_verb_find(const char *name)
{
	int v = 0;
	while (v < LM_V_COUNT && strcmp(name, lm_verbs[v].name) != 0)
		v++;
	return (enum lm_verb)v;
}

/* ---- parsing ---- */

static void list_add(struct lm_list *l, const char *s)
{
	l->v = lm_xrealloc(l->v, (l->n + 2) * sizeof *l->v);
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

static unsigned distance(const char *a, const char *b)
{
	/* Levenshtein over short option names, for "did you mean" */
	unsigned row[64];
	size_t n = strlen(b);
	if (n >= 63)
		return 99;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diag = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned up = row[j], best = diag + (a[i - 1] != b[j - 1]);
			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diag = up;
			row[j] = best;
		}
	}
	return row[n];
}

static enum lm_rc unknown_option(const struct lm_cli *o, const char *typed, size_t n, struct lm_err *err)
{
	char name[64] = { 0 };
	const char *near = NULL;
	unsigned best = 4;
	if (n < sizeof name)
		memcpy(name, typed, n);
	for (size_t i = 0; i < lm_n_options; i++) {
		unsigned d = distance(name, lm_options[i].name);
		if (lm_options[i].verbs & 1u << o->verb && d < best)
			best = d, near = lm_options[i].name;
	}
	for (size_t i = 0; i < lm_n_options; i++)
		if (strcmp(name, lm_options[i].name) == 0)
			return lm_fail(err, LM_EUSAGE, "option '--%s' does not belong to 'limier %s'", name,
				       lm_verbs[o->verb].name);
	return lm_fail(err, LM_EUSAGE, "no option '--%.*s' in 'limier %s'%s%s%s", (int)(n < 60 ? n : 60), typed,
		       lm_verbs[o->verb].name, near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "");
}

static const struct lm_option *find_long(const struct lm_cli *o, const char *name, size_t n)
{
	for (size_t i = 0; i < lm_n_options; i++)
		if (lm_options[i].verbs & 1u << o->verb && strlen(lm_options[i].name) == n &&
		    memcmp(lm_options[i].name, name, n) == 0)
			return &lm_options[i];
	return NULL;
}

static const struct lm_option *find_short(const struct lm_cli *o, char c)
{
	for (size_t i = 0; i < lm_n_options; i++)
		if (lm_options[i].verbs & 1u << o->verb && lm_options[i].letter == c)
			return &lm_options[i];
	return NULL;
}

static enum lm_rc store(struct lm_cli *o, const struct lm_option *opt, const char *value, struct lm_err *err)
{
	void *at = (char *)o + opt->offset;
	struct lm_opt_number *num = at;
	switch (opt->type) {
	case T_FLAG:
		*(bool *)at = true;
		return LM_OK;
	case T_TEXT:
		*(const char **)at = value;
		return LM_OK;
	case T_LIST:
		list_add(at, value);
		return LM_OK;
	case T_NUMBER: {
		uint64_t v;
		if (!lm_str_u64(lm_cstr(value), &v) || v > INT32_MAX)
			return lm_fail(err, LM_EUSAGE, "'--%s' takes a whole number, not '%s'", opt->name, value);
		*num = (struct lm_opt_number){ (int64_t)v, true };
		return LM_OK;
	}
	case T_TIME:
		if (!lm_time_parse(lm_cstr(value), NULL, &num->v, NULL))
			return lm_fail(err, LM_EUSAGE, "'--%s' takes a time like 2023-03-22T10:00:00Z, not '%s'",
				       opt->name, value);
		num->set = true;
		return LM_OK;
	}
	return LM_EUSAGE;
}

static enum lm_rc parse_one(int *i, struct lm_cli *o, struct lm_err *err)
{
	const char *arg = o->argv[*i], *eq = NULL, *value = NULL;
	const struct lm_option *opt;
	if (arg[1] == '-') {
		eq = strchr(arg, '=');
		size_t n = eq ? (size_t)(eq - arg) - 2 : strlen(arg) - 2;
		opt = find_long(o, arg + 2, n);
		if (!opt)
			return unknown_option(o, arg + 2, n, err);
		value = eq ? eq + 1 : NULL;
	} else {
		opt = find_short(o, arg[1]);
		if (!opt)
			return lm_fail(err, LM_EUSAGE, "no option '-%c' in 'limier %s'", arg[1],
				       lm_verbs[o->verb].name);
		value = arg[2] ? arg + 2 : NULL;
	}
	if (opt->type == T_FLAG && value)
		return lm_fail(err, LM_EUSAGE, "option '--%s' takes no value", opt->name);
	if (opt->type != T_FLAG && !value) {
		if (*i + 1 >= o->argc)
			return lm_fail(err, LM_EUSAGE, "option '--%s' needs a value: %s", opt->name, opt->arg);
		value = o->argv[++*i];
	}
	return store(o, opt, value, err);
}

enum lm_rc lm_cli_parse(int argc, char **argv, struct lm_cli *out, struct lm_err *err)
{
	*out = (struct lm_cli){ .verb = LM_V_help, .argc = argc, .argv = argv };
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return LM_OK;
	if (strcmp(argv[1], "--version") == 0) {
		out->verb = LM_V_version;
		return LM_OK;
	}
	out->verb = lm_verb_find(argv[1]);
	if (out->verb == LM_V_COUNT) {
		const char *near = NULL;
		unsigned best = 4;
		for (int v = 0; v < LM_V_COUNT; v++) {
			unsigned d = distance(argv[1], lm_verbs[v].name);
			if (d < best)
				best = d, near = lm_verbs[v].name;
		}
		return lm_fail(err, LM_EUSAGE, "no verb '%.60s'%s%s%s; 'limier help' lists them", argv[1],
			       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	bool only_operands = false;
	for (int i = 2; i < argc; i++) {
		if (only_operands || argv[i][0] != '-' || argv[i][1] == 0) {
			list_add(&out->operands, argv[i]);
		} else if (strcmp(argv[i], "--") == 0) {
			only_operands = true;
		} else {
			enum lm_rc rc = parse_one(&i, out, err);
			if (rc < 0)
				return rc;
		}
	}
	return LM_OK;
}

void lm_cli_free(struct lm_cli *o)
{
	free(o->operands.v);
	for (size_t i = 0; i < lm_n_options; i++)
		if (lm_options[i].type == T_LIST)
			free(((struct lm_list *)((char *)o + lm_options[i].offset))->v);
}
