/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gen.c - limier-gen: writes what is made from tables: man pages, completions, the JSON Schema and the page of
 * observations, the page of options. A build tool, not installed.
 *
 *   limier-gen man DIR | completions DIR | observations-schema | observations-page
 */
#include "base/json_out.h"
#include "cli/options.h"
#include "fact/observation.h"

#include <stdio.h>
#include <stdlib.h>

static int write_file(const char *dir, const char *name, struct lm_buf *b)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(b->p, 1, b->n, f) != b->n || fclose(f) != 0) {
		perror(path);
		return 1;
	}
	lm_buf_clear(b);
	return 0;
}

static int man_pages(const char *dir, struct lm_buf *b)
{
	int bad = 0;
	for (int v = 0; v <= LM_V_COUNT; v++) {
		char name[64];
		if (v == LM_V_COUNT)
			snprintf(name, sizeof name, "limier.1");
		else
			snprintf(name, sizeof name, "limier-%s.1", lm_verb_name((enum lm_verb)v));
		lm_cli_man(b, (enum lm_verb)v);
		bad |= write_file(dir, name, b);
	}
	return bad;
}

static int completions(const char *dir, struct lm_buf *b)
{
	static const char *const shells[][2] = { { "bash", "limier" },
						 { "zsh", "_limier" },
						 { "fish", "limier.fish" } };
	int bad = 0;
	for (size_t i = 0; i < 3; i++) {
		lm_cli_completion(b, shells[i][0]);
		bad |= write_file(dir, shells[i][1], b);
	}
	return bad;
}

static const char *json_type(enum lm_field_type t)
{
	switch (t) {
	case LM_F_INT:
		return "integer";
	case LM_F_BOOL:
		return "boolean";
	case LM_F_REAL:
		return "number";
	default:
		return "string";
	}
}

static void schema_field(struct lm_jw *w, const struct lm_field_desc *f)
{
	lm_jw_key(w, f->name);
	lm_jw_obj(w);
	lm_jw_key(w, "type");
	lm_jw_arr(w);
	lm_jw_cstr(w, json_type(f->type));
	lm_jw_cstr(w, "null");
	lm_jw_end(w);
	if (f->type == LM_F_TIME) {
		lm_jw_key(w, "format");
		lm_jw_cstr(w, "date-time");
	}
	if (f->type == LM_F_BYTES) {
		lm_jw_key(w, "pattern");
		lm_jw_cstr(w, "^([0-9a-f]{2})*$");
	}
	lm_jw_key(w, "description");
	lm_jw_str(w, lm_cstr(f->doc));
	if (f->unit[0]) {
		lm_jw_key(w, "x-unit");
		lm_jw_cstr(w, f->unit);
	}
	lm_jw_end(w);
}

static void simple(struct lm_jw *w, const char *name, const char *type, bool nullable)
{
	lm_jw_key(w, name);
	lm_jw_obj(w);
	lm_jw_key(w, "type");
	if (nullable) {
		lm_jw_arr(w);
		lm_jw_cstr(w, type);
		lm_jw_cstr(w, "null");
		lm_jw_end(w);
	} else {
		lm_jw_cstr(w, type);
	}
	lm_jw_end(w);
}

static void schema_kind(struct lm_jw *w, const struct lm_kind_desc *d)
{
	lm_jw_obj(w);
	lm_jw_key(w, "title");
	lm_jw_cstr(w, d->name);
	lm_jw_key(w, "description");
	lm_jw_cstr(w, d->doc);
	lm_jw_key(w, "type");
	lm_jw_cstr(w, "object");
	lm_jw_key(w, "properties");
	lm_jw_obj(w);
	lm_jw_key(w, "kind");
	lm_jw_obj(w);
	lm_jw_key(w, "const");
	lm_jw_cstr(w, d->name);
	lm_jw_end(w);
	simple(w, "host", "string", true);
	simple(w, "time", "string", true);
	simple(w, "at", "integer", false);
	for (unsigned i = 0; i < d->n_fields; i++)
		schema_field(w, &d->fields[i]);
	lm_jw_end(w);
	lm_jw_key(w, "required");
	lm_jw_arr(w);
	lm_jw_cstr(w, "kind");
	lm_jw_cstr(w, "host");
	lm_jw_cstr(w, "time");
	lm_jw_cstr(w, "at");
	for (unsigned i = 0; i < d->n_fields; i++)
		lm_jw_cstr(w, d->fields[i].name);
	lm_jw_end(w);
	lm_jw_key(w, "additionalProperties");
	lm_jw_bool(w, false);
	lm_jw_end(w);
}

static void observations_schema(struct lm_buf *b)
{
	struct lm_jw w;
	lm_jw_init(&w, b, true);
	lm_jw_obj(&w);
	lm_jw_key(&w, "$schema");
	lm_jw_cstr(&w, "http://json-schema.org/draft-07/schema#");
	lm_jw_key(&w, "title");
	lm_jw_cstr(&w, "limier observation");
	lm_jw_key(&w, "description");
	lm_jw_cstr(&w, "Made from src/fact/observations.def by limier-gen; do not edit.");
	lm_jw_key(&w, "oneOf");
	lm_jw_arr(&w);
	for (enum lm_kind k = LM_KIND_NONE + 1; k < LM_KIND_COUNT; k++)
		schema_kind(&w, lm_kind_desc(k));
	lm_jw_end(&w);
	lm_jw_end(&w);
}

static void observations_page(struct lm_buf *b)
{
	lm_buf_puts(b, "# Observations\n\nEvery kind of fact that readers and matchers state. Made from "
		       "`src/fact/observations.def` by `limier-gen observations-page`; do not edit.\n\n"
		       "Besides its fields every observation has the host as seen, a time (UTC), and where in its "
		       "content it stands (offset, length, record). Unset is null, never 0 or \"\".\n");
	for (enum lm_kind k = LM_KIND_NONE + 1; k < LM_KIND_COUNT; k++) {
		const struct lm_kind_desc *d = lm_kind_desc(k);
		lm_buf_fmt(b,
			   "\n## %s\n\n%s. Store table `obs_%s`.\n\n| field | type | unit or form | meaning "
			   "|\n|---|---|---|---|\n",
			   d->name, d->doc, d->id);
		for (unsigned i = 0; i < d->n_fields; i++)
			lm_buf_fmt(b, "| %s | %s | %s | %s |\n", d->fields[i].name,
				   lm_field_type_name(d->fields[i].type), d->fields[i].unit, d->fields[i].doc);
	}
}

int main(int argc, char **argv)
{
	struct lm_buf b;
	int code = 0;
	lm_buf_init(&b, 16 << 20);
	if (argc == 3 && strcmp(argv[1], "man") == 0)
		code = man_pages(argv[2], &b);
	else if (argc == 3 && strcmp(argv[1], "completions") == 0)
		code = completions(argv[2], &b);
	else if (argc == 2 && strcmp(argv[1], "observations-schema") == 0)
		observations_schema(&b);
	else if (argc == 2 && strcmp(argv[1], "observations-page") == 0)
		observations_page(&b);
	else
		code = 64;
	if (b.n)
		fwrite(b.p, 1, b.n, stdout);
	if (code == 64)
		fputs("usage: limier-gen man DIR | completions DIR | observations-schema | observations-page\n",
		      stderr);
	lm_buf_fini(&b);
	return code;
}
