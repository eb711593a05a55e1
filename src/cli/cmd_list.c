/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_out.h"
#include "cli/cli.h"
#include "detect/detect.h"
#include "match/match.h"
#include "read/read.h"
#include "report/report.h"

/* Names of observation kinds up to LM_KIND_NONE. */
static void put_kinds(struct lm_jw *w, const char *key, const enum lm_kind *kinds)
{
	lm_jw_key(w, key);
	lm_jw_arr(w);
	for (; kinds && *kinds != LM_KIND_NONE; kinds++)
		lm_jw_cstr(w, lm_kind_desc(*kinds)->name);
	lm_jw_end(w);
}

/* One row: text line, or object with `more` filled by the caller between begin and end. */
struct rows {
	struct lm_buf *out;
	struct lm_jw w;
	bool json, lines;
};

static void row_begin(struct rows *r, const char *name, const char *summary)
{
	if (!r->json && !r->lines) {
		lm_buf_fmt(r->out, "%-14s %s\n", name, summary);
		return;
	}
	if (r->lines)
		lm_jw_init(&r->w, r->out, false);
	lm_jw_obj(&r->w);
	lm_jw_key(&r->w, "name");
	lm_jw_cstr(&r->w, name);
	lm_jw_key(&r->w, "summary");
	lm_jw_cstr(&r->w, summary);
}

static void row_end(struct rows *r)
{
	if (!r->json && !r->lines)
		return;
	lm_jw_end(&r->w);
	if (r->lines)
		lm_buf_putc(r->out, '\n');
}

static void list_readers(struct rows *r)
{
	for (size_t i = 0; lm_readers[i]; i++) {
		row_begin(r, lm_readers[i]->name, lm_readers[i]->summary);
		if (r->json || r->lines)
			put_kinds(&r->w, "emits", lm_readers[i]->emits);
		row_end(r);
	}
}

static void list_matchers(struct rows *r)
{
	for (size_t i = 0; lm_matchers[i]; i++) {
		row_begin(r, lm_matchers[i]->name, lm_matchers[i]->summary);
		row_end(r);
	}
}

static void list_detectors(struct rows *r)
{
	for (size_t i = 0; lm_detectors[i]; i++) {
		const struct lm_detector *d = lm_detectors[i];
		row_begin(r, d->name, d->summary);
		if (r->json || r->lines) {
			lm_jw_key(&r->w, "stage");
			lm_jw_cstr(&r->w, lm_stage_word(d->stage));
			put_kinds(&r->w, "needs", d->needs);
			lm_jw_key(&r->w, "attack");
			lm_jw_arr(&r->w);
			for (const char *const *t = d->attack; t && *t; t++)
				lm_jw_cstr(&r->w, *t);
			lm_jw_end(&r->w);
		}
		row_end(r);
	}
}

static void list_reports(struct rows *r)
{
	for (size_t i = 0; lm_reports[i]; i++) {
		row_begin(r, lm_reports[i]->name, lm_reports[i]->summary);
		if (r->json || r->lines) {
			lm_jw_key(&r->w, "file");
			lm_jw_cstr(&r->w, lm_reports[i]->file);
			lm_jw_key(&r->w, "mime");
			lm_jw_cstr(&r->w, lm_reports[i]->mime);
		}
		row_end(r);
	}
}

static void list_observations(struct rows *r)
{
	for (enum lm_kind k = LM_KIND_NONE + 1; k < LM_KIND_COUNT; k++) {
		const struct lm_kind_desc *d = lm_kind_desc(k);
		row_begin(r, d->name, d->doc);
		if (r->json || r->lines) {
			lm_jw_key(&r->w, "fields");
			lm_jw_arr(&r->w);
			for (unsigned i = 0; i < d->n_fields; i++) {
				lm_jw_obj(&r->w);
				lm_jw_key(&r->w, "name");
				lm_jw_cstr(&r->w, d->fields[i].name);
				lm_jw_key(&r->w, "type");
				lm_jw_cstr(&r->w, lm_field_type_name(d->fields[i].type));
				lm_jw_key(&r->w, "unit");
				lm_jw_cstr(&r->w, d->fields[i].unit);
				lm_jw_key(&r->w, "meaning");
				lm_jw_cstr(&r->w, d->fields[i].doc);
				lm_jw_end(&r->w);
			}
			lm_jw_end(&r->w);
		}
		row_end(r);
	}
}

int lm_cmd_list(const struct lm_cli *o)
{
	static const struct {
		const char *what;
		void (*list)(struct rows *r);
	} lists[] = {
		{ "readers", list_readers }, { "matchers", list_matchers },	    { "detectors", list_detectors },
		{ "reports", list_reports }, { "observations", list_observations },
	};
	if (o->operands.n != 1)
		return lm_complain(LM_EXIT_USAGE, "list what? readers, matchers, detectors, reports or observations");
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		if (strcmp(lists[i].what, o->operands.v[0]) != 0)
			continue;
		struct lm_buf out;
		struct rows r = { .out = &out, .json = o->json && !o->jsonl, .lines = o->jsonl };
		lm_buf_init(&out, 16 << 20);
		lm_jw_init(&r.w, &out, true);
		if (r.json)
			lm_jw_arr(&r.w);
		lists[i].list(&r);
		if (r.json)
			lm_jw_end(&r.w);
		bool ok = lm_term_flush(&out);
		lm_buf_fini(&out);
		return ok ? LM_EXIT_OK : LM_EXIT_INTERNAL;
	}
	return lm_complain(LM_EXIT_USAGE, "cannot list '%s': readers, matchers, detectors, reports or observations",
			   o->operands.v[0]);
}
