/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - limier-range: writes an inert incident with known truth into a folder.
 * Exit: 0 written, 1 could not write, 64 usage.
 */
#include <stdio.h>

#include "base/text.h"
#include "range.h"

static const char help[] =
	"usage: limier-range -o DIR [--hosts N] [--seed S] [--days D]\n"
	"       limier-range --words | --help\n"
	"\n"
	"Writes an inert software-supply-chain incident: DIR/evidence/ to investigate and DIR/truth.json with\n"
	"what is to be found. Nothing in it can run. The same options give the same bytes.\n"
	"\n"
	"  -o DIR       folder to make; it must be new or empty\n"
	"  --hosts N    hosts of the incident, 20 to 5000 (2790)\n"
	"  --seed S     names all random choices, 0 to 2^63-1 (1)\n"
	"  --days D     length of the incident in days, 1 to 365 (30)\n"
	"  --words      print every invented name, one a line\n"
	"  --help       print this\n";

static int usage(const char *what, const char *arg)
{
	fprintf(stderr, "limier-range: %s '%s'\nTry 'limier-range --help'.\n", what, arg);
	return 64;
}

static int words(void)
{
	struct lm_buf b;
	lm_buf_init(&b, 1 << 20);
	rg_words(&b);
	fwrite(b.p, 1, b.n, stdout);
	lm_buf_fini(&b);
	return fflush(stdout) == 0 ? 0 : 1;
}

/* "--name=value" or "--name value": the value, NULL when argv[*i] is another option. Missing: "". */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
	size_t n = strlen(name);
	if (strcmp(argv[*i], name) == 0)
		return *i + 1 < argc ? argv[++*i] : "";
	return strncmp(argv[*i], name, n) == 0 && argv[*i][n] == '=' ? argv[*i] + n + 1 : NULL;
}

int main(int argc, char **argv)
{
	struct rg_options opt = { .seed = 1, .hosts = RG_DEFAULT_HOSTS, .days = 30 };
	for (int i = 1; i < argc; i++) {
		const char *v, *arg = argv[i];
		uint64_t n = 0;
		if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
			fputs(help, stdout);
			return 0;
		}
		if (strcmp(arg, "--words") == 0)
			return words();
		if ((v = value_of("-o", argc, argv, &i)) != NULL) {
			opt.dir = v;
		} else if ((v = value_of("--hosts", argc, argv, &i)) != NULL) {
			if (!lm_str_u64(lm_cstr(v), &n) || n < RG_MIN_HOSTS || n > RG_MAX_HOSTS)
				return usage("--hosts takes a number from 20 to 5000, not", v);
			opt.hosts = (unsigned)n;
		} else if ((v = value_of("--days", argc, argv, &i)) != NULL) {
			if (!lm_str_u64(lm_cstr(v), &n) || n < 1 || n > RG_MAX_DAYS)
				return usage("--days takes a number from 1 to 365, not", v);
			opt.days = (unsigned)n;
		} else if ((v = value_of("--seed", argc, argv, &i)) != NULL) {
			if (!lm_str_u64(lm_cstr(v), &n) || n > INT64_MAX)
				return usage("--seed takes a number from 0 to 2^63-1, not", v);
			opt.seed = n;
		} else {
			return usage("unknown argument", arg);
		}
	}
	if (!opt.dir || !*opt.dir)
		return usage("no folder given:", "-o DIR");
	struct lm_err err = { 0 };
	struct rg_out out = { 0 };
	enum lm_rc rc = rg_generate(&opt, &out, &err);
	if (rc != LM_OK) {
		fprintf(stderr, "limier-range: %s\n", err.msg);
		return rc == LM_EUSAGE ? 64 : 1;
	}
	fprintf(stderr, "%u hosts, %llu records, %llu files, %.1f MB in '%s'\n", opt.hosts,
		(unsigned long long)out.records, (unsigned long long)out.files, (double)out.bytes / 1e6, opt.dir);
	return 0;
}
