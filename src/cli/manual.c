/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manual.c - what is printed about the command line: help, man pages, completions. All from one table.
 */
#include "cli/options_table.h"

#include "base/text.h"

/* Of the pages, not of the build: the same source gives the same page. */
#define LM_MANUAL_DATE "2026-11-23"

/* Text wrapped at `width` with `indent` spaces before each line; "\n\n" makes a paragraph. */
static void wrap(struct lm_buf *out, const char *text, unsigned indent, unsigned width)
{
	struct lm_str rest = lm_cstr(text), word;
	unsigned at = 0;
	while (lm_str_split(&rest, ' ', &word)) {
		struct lm_str line;
		bool first = true;
		while (lm_str_split(&word, '\n', &line)) {
			if (!first) {
				lm_buf_puts(out, "\n");
				at = 0;
			}
			first = false;
			if (!line.n)
				continue;
			if (at && at + 1 + line.n > width) {
				lm_buf_puts(out, "\n");
				at = 0;
			}
			if (!at)
				lm_buf_fmt(out, "%*s", (int)indent, "");
			else
				lm_buf_putc(out, ' ');
			at = (at ? at + 1 : indent) + (unsigned)line.n;
			lm_buf_str(out, line);
		}
	}
	lm_buf_puts(out, "\n");
}

void lm_cli_help(struct lm_buf *out)
{
	lm_buf_puts(out, "limier - which signed software is not what its vendor built, who has it, how far it went\n\n"
			 "usage: limier VERB [OPTIONS] [ARGUMENTS]\n\n");
	for (int v = 0; v < LM_V_COUNT; v++)
		lm_buf_fmt(out, "  %-12s %s\n", lm_verbs[v].name, lm_verbs[v].line);
	lm_buf_puts(out, "\nbegin with:\n"
			 "  limier inspect FOLDER                       check program files\n"
			 "  limier investigate FOLDER -o OUT            read everything, then open OUT/report.html\n\n"
			 "'limier help VERB' explains a verb. Exit: 0 it ran, 1 findings at --fail-on or above,\n"
			 "3 more of the evidence unread than --max-unread allows, 64 usage, 70 internal error.\n");
}

static void option_head(struct lm_buf *out, const struct lm_option *o)
{
	if (o->letter)
		lm_buf_fmt(out, "-%c, ", o->letter);
	lm_buf_fmt(out, "--%s", o->name);
	if (o->arg)
		lm_buf_fmt(out, " %s", o->arg);
}

void lm_cli_verb_help(struct lm_buf *out, enum lm_verb v)
{
	lm_buf_fmt(out, "usage: limier %s %s\n\n", lm_verbs[v].name, lm_verbs[v].args);
	wrap(out, lm_verbs[v].line, 2, 100);
	if (lm_verbs[v].text[0]) {
		lm_buf_putc(out, '\n');
		wrap(out, lm_verbs[v].text, 2, 100);
	}
	lm_buf_puts(out, "\noptions:\n");
	for (size_t i = 0; i < lm_n_options; i++) {
		const struct lm_option *o = &lm_options[i];
		struct lm_buf head;
		if (!(o->verbs & 1u << v))
			continue;
		lm_buf_init(&head, 256);
		option_head(&head, o);
		lm_buf_fmt(out, "  %-26s %s", head.p, o->line);
		if (o->type == T_LIST)
			lm_buf_puts(out, "; may be repeated");
		if (o->dflt)
			lm_buf_fmt(out, " (default: %s)", o->dflt);
		lm_buf_putc(out, '\n');
		lm_buf_fini(&head);
	}
}

/* ---- man pages ---- */

/* A leading dot or quote would be a request; a minus must stay a minus. */
static void man_text(struct lm_buf *out, const char *s)
{
	bool line_start = true;
	for (; *s; s++) {
		if (line_start && (*s == '.' || *s == '\''))
			lm_buf_puts(out, "\\&");
		line_start = *s == '\n';
		if (*s == '-')
			lm_buf_puts(out, "\\-");
		else if (*s == '\\')
			lm_buf_puts(out, "\\e");
		else if (*s == '\n' && s[1] == '\n')
			lm_buf_puts(out, "\n.PP"), s++, lm_buf_putc(out, '\n');
		else
			lm_buf_putc(out, *s);
	}
	lm_buf_putc(out, '\n');
}

static void man_options(struct lm_buf *out, unsigned mask)
{
	for (size_t i = 0; i < lm_n_options; i++) {
		const struct lm_option *o = &lm_options[i];
		if (!(o->verbs & mask))
			continue;
		lm_buf_puts(out, ".TP\n.B ");
		struct lm_buf head;
		lm_buf_init(&head, 256);
		option_head(&head, o);
		man_text(out, head.p);
		lm_buf_fini(&head);
		struct lm_buf body;
		lm_buf_init(&body, 4096);
		lm_buf_fmt(&body, "%s%s.", o->line, o->type == T_LIST ? "; may be repeated" : "");
		if (o->dflt)
			lm_buf_fmt(&body, "\nDefault: %s.", o->dflt);
		man_text(out, body.p);
		lm_buf_fini(&body);
	}
}

static const char exit_status[] =
	".SH EXIT STATUS\n"
	".TP\n.B 0\nit ran\n"
	".TP\n.B 1\nfindings at or above the level of \\-\\-fail\\-on\n"
	".TP\n.B 3\nmore of the recognised evidence than \\-\\-max\\-unread allows could not be read\n"
	".TP\n.B 64\nthe command line makes no sense\n"
	".TP\n.B 70\ninternal error: a full disk, a damaged case, a bug\n";

void lm_cli_man(struct lm_buf *out, enum lm_verb v)
{
	bool all = v == LM_V_COUNT;
	lm_buf_fmt(out, ".TH LIMIER%s%s 1 \"" LM_MANUAL_DATE "\" \"limier " LM_VERSION "\" \"limier manual\"\n",
		   all ? "" : "\\-", all ? "" : lm_verbs[v].name);
	if (all) {
		lm_buf_puts(out,
			    ".SH NAME\nlimier \\- which signed software is not what its vendor built, who has it, "
			    "how far it went\n.SH SYNOPSIS\n.B limier\n.I VERB\n.RI [ OPTIONS ] \" \" [ ARGUMENTS ]\n"
			    ".SH DESCRIPTION\n");
		man_text(out,
			 "limier reads raw evidence of an incident (program files, inventories, lists) and states, "
			 "with proof for every sentence, which signed software is not what its vendor built, who "
			 "has it, and how far it went. It never executes, never writes beside evidence, and uses no "
			 "network. Every parser runs in a sandboxed process of its own.");
		lm_buf_puts(out, ".SH VERBS\n");
		for (int i = 0; i < LM_V_COUNT; i++) {
			lm_buf_fmt(out, ".TP\n.BR limier\\-%s (1)\n", lm_verbs[i].name);
			man_text(out, lm_verbs[i].line);
		}
		lm_buf_puts(out, ".SH OPTIONS OF EVERY VERB\n");
		for (size_t i = 0; i < lm_n_options; i++)
			if (lm_options[i].verbs == LM_VERBS_ALL) {
				lm_buf_puts(out, ".TP\n.B ");
				struct lm_buf head;
				lm_buf_init(&head, 256);
				option_head(&head, &lm_options[i]);
				man_text(out, head.p);
				lm_buf_fini(&head);
				man_text(out, lm_options[i].line);
			}
	} else {
		lm_buf_fmt(out, ".SH NAME\nlimier\\-%s \\- ", lm_verbs[v].name);
		man_text(out, lm_verbs[v].line);
		lm_buf_fmt(out, ".SH SYNOPSIS\n.B limier %s\n", lm_verbs[v].name);
		man_text(out, lm_verbs[v].args);
		lm_buf_puts(out, ".SH DESCRIPTION\n");
		man_text(out, lm_verbs[v].text[0] ? lm_verbs[v].text : lm_verbs[v].line);
		lm_buf_puts(out, ".SH OPTIONS\n");
		man_options(out, 1u << v);
	}
	lm_buf_puts(out, exit_status);
	lm_buf_puts(out, ".SH SEE ALSO\n");
	if (!all)
		lm_buf_puts(out, ".BR limier (1)\n");
	else
		lm_buf_puts(out, "the pages of the verbs, and the documentation installed with limier\n");
}

/* ---- completions ---- */

static void complete_bash(struct lm_buf *out)
{
	lm_buf_puts(out, "# bash completion for limier, made from src/cli/options.def\n_limier()\n{\n"
			 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words\n\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
			 "\t\tCOMPREPLY=($(compgen -W '");
	for (int v = 0; v < LM_V_COUNT; v++)
		lm_buf_fmt(out, "%s%s", v ? " " : "", lm_verbs[v].name);
	lm_buf_puts(out, "' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n");
	for (int v = 0; v < LM_V_COUNT; v++) {
		lm_buf_fmt(out, "\t%s) words='", lm_verbs[v].name);
		for (size_t i = 0, n = 0; i < lm_n_options; i++)
			if (lm_options[i].verbs & 1u << v)
				lm_buf_fmt(out, "%s--%s", n++ ? " " : "", lm_options[i].name);
		lm_buf_puts(out, "' ;;\n");
	}
	lm_buf_puts(out, "\tesac\n\tcase $cur in\n\t-*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
			 "\t*) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n\tesac\n}\n"
			 "complete -o filenames -F _limier limier\n");
}

static void shell_quote(struct lm_buf *out, const char *s)
{
	for (; *s; s++)
		if (*s == '\'')
			lm_buf_puts(out, "'\\''");
		else if (*s == '[' || *s == ']' || *s == ':')
			lm_buf_fmt(out, "\\%c", *s);
		else
			lm_buf_putc(out, *s);
}

static void complete_zsh(struct lm_buf *out)
{
	lm_buf_puts(out,
		    "#compdef limier\n# made from src/cli/options.def\n_limier() {\n\tlocal -a verbs\n\tverbs=(\n");
	for (int v = 0; v < LM_V_COUNT; v++) {
		lm_buf_fmt(out, "\t\t'%s:", lm_verbs[v].name);
		shell_quote(out, lm_verbs[v].line);
		lm_buf_puts(out, "'\n");
	}
	lm_buf_puts(out, "\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe verb verbs\n\t\treturn\n\tfi\n"
			 "\tcase $words[2] in\n");
	for (int v = 0; v < LM_V_COUNT; v++) {
		lm_buf_fmt(out, "\t%s) _arguments", lm_verbs[v].name);
		for (size_t i = 0; i < lm_n_options; i++) {
			if (!(lm_options[i].verbs & 1u << v))
				continue;
			lm_buf_fmt(out, " \\\n\t\t'%s--%s[", lm_options[i].type == T_LIST ? "*" : "",
				   lm_options[i].name);
			shell_quote(out, lm_options[i].line);
			lm_buf_puts(out, "]");
			if (lm_options[i].arg)
				lm_buf_puts(out, ":value:_files");
			lm_buf_puts(out, "'");
		}
		lm_buf_puts(out, " \\\n\t\t'*:file:_files' ;;\n");
	}
	lm_buf_puts(out, "\tesac\n}\n_limier \"$@\"\n");
}

static void complete_fish(struct lm_buf *out)
{
	lm_buf_puts(out, "# fish completion for limier, made from src/cli/options.def\n");
	for (int v = 0; v < LM_V_COUNT; v++) {
		lm_buf_fmt(out, "complete -c limier -n __fish_use_subcommand -f -a %s -d '", lm_verbs[v].name);
		shell_quote(out, lm_verbs[v].line);
		lm_buf_puts(out, "'\n");
	}
	for (int v = 0; v < LM_V_COUNT; v++)
		for (size_t i = 0; i < lm_n_options; i++) {
			if (!(lm_options[i].verbs & 1u << v))
				continue;
			lm_buf_fmt(out, "complete -c limier -n '__fish_seen_subcommand_from %s' -l %s",
				   lm_verbs[v].name, lm_options[i].name);
			if (lm_options[i].letter)
				lm_buf_fmt(out, " -s %c", lm_options[i].letter);
			lm_buf_fmt(out, "%s -d '", lm_options[i].arg ? " -r" : "");
			shell_quote(out, lm_options[i].line);
			lm_buf_puts(out, "'\n");
		}
}

bool lm_cli_completion(struct lm_buf *out, const char *shell)
{
	if (strcmp(shell, "bash") == 0)
		complete_bash(out);
	else if (strcmp(shell, "zsh") == 0)
		complete_zsh(out);
	else if (strcmp(shell, "fish") == 0)
		complete_fish(out);
	else
		return false;
	return true;
}
