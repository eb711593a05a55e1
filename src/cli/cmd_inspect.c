/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_inspect.c - is each file what its signer signed? Worst first on a screen, path order in JSON.
 */
#include "base/json_out.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "cli/cli.h"
#include "detect/verdict.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- JSON: names fixed by the design ---- */

static void json_signature(struct lm_jw *w, const struct lm_inspect_row *r)
{
	const struct {
		const char *key;
		struct lm_str value;
	} texts[] = {
		{ "status", r->status }, { "reason", r->reason },
		{ "trust", r->trust },	 { "trust_reason", r->trust_reason },
		{ "signer", r->signer }, { "issuer", r->issuer },
		{ "serial", r->serial }, { "digest_alg", r->digest_alg },
	};
	lm_jw_key(w, "signature");
	lm_jw_obj(w);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		lm_jw_key(w, texts[i].key);
		lm_jw_str(w, texts[i].value);
	}
	lm_jw_key(w, "timestamp");
	if (r->timestamp.set)
		lm_jw_time(w, r->timestamp.v);
	else
		lm_jw_null(w);
	lm_jw_key(w, "authentihash");
	lm_jw_hex(w, r->authentihash);
	lm_jw_key(w, "authentihash_padded");
	lm_jw_hex(w, r->authentihash_padded);
	lm_jw_key(w, "entries");
	lm_jw_u64(w, r->entries);
	lm_jw_key(w, "nested");
	lm_jw_u64(w, r->nested);
	lm_jw_end(w);
}

static void json_row(struct lm_jw *w, const struct lm_inspect_row *r)
{
	lm_jw_obj(w);
	lm_jw_key(w, "path");
	lm_jw_str(w, r->path);
	lm_jw_key(w, "sha256");
	lm_jw_hex(w, r->sha256);
	lm_jw_key(w, "size");
	if (r->size.set)
		lm_jw_i64(w, r->size.v);
	else
		lm_jw_null(w);
	lm_jw_key(w, "kind");
	lm_jw_str(w, r->kind);
	lm_jw_key(w, "product");
	lm_jw_str(w, r->product);
	lm_jw_key(w, "version");
	lm_jw_str(w, r->version);
	lm_jw_key(w, "signed");
	lm_jw_bool(w, r->is_signed);
	json_signature(w, r);
	lm_jw_key(w, "unhashed");
	lm_jw_arr(w);
	for (size_t i = 0; i < r->n_unhashed; i++) {
		const struct lm_inspect_area *a = &r->unhashed[i];
		lm_jw_obj(w);
		lm_jw_key(w, "where");
		lm_jw_str(w, a->where);
		lm_jw_key(w, "offset");
		lm_jw_u64(w, a->offset);
		lm_jw_key(w, "length");
		lm_jw_u64(w, a->length);
		lm_jw_key(w, "zero");
		lm_jw_bool(w, a->zero);
		lm_jw_key(w, "class");
		lm_jw_str(w, a->class);
		lm_jw_key(w, "note");
		lm_jw_str(w, a->note);
		lm_jw_end(w);
	}
	lm_jw_end(w);
	lm_jw_key(w, "findings");
	lm_jw_arr(w);
	for (size_t i = 0; i < r->n_findings; i++) {
		const struct lm_inspect_finding *f = &r->findings[i];
		lm_jw_obj(w);
		lm_jw_key(w, "id");
		lm_jw_str(w, f->id);
		lm_jw_key(w, "rule");
		lm_jw_str(w, f->rule);
		lm_jw_key(w, "severity");
		lm_jw_cstr(w, lm_severity_word(f->severity));
		lm_jw_key(w, "confidence");
		lm_jw_i64(w, f->confidence);
		lm_jw_key(w, "why");
		lm_jw_str(w, f->why);
		lm_jw_end(w);
	}
	lm_jw_end(w);
	lm_jw_key(w, "verdict");
	lm_jw_cstr(w, lm_verdict_word(r->verdict));
	lm_jw_key(w, "why");
	lm_jw_str(w, r->verdict_why);
	lm_jw_end(w);
}

struct output {
	const struct lm_cli *o;
	struct lm_buf *out;
	struct lm_jw w;
	enum lm_verdict only; /* text: the verdict being printed */
	uint64_t shown, max;
	bool full; /* standard output failed */
};

static enum lm_rc on_json(void *user, const struct lm_inspect_row *r)
{
	struct output *p = user;
	if (p->o->jsonl)
		lm_jw_init(&p->w, p->out, false);
	json_row(&p->w, r);
	if (p->o->jsonl) {
		lm_buf_putc(p->out, '\n');
		if (p->out->n > 1 << 20 && !lm_term_flush(p->out))
			return p->full = true, LM_EIO;
	}
	return LM_OK;
}

/* ---- text ---- */

static enum lm_ink ink_of(enum lm_verdict v)
{
	switch (v) {
	case LM_VERDICT_TAMPERED:
	case LM_VERDICT_SUSPICIOUS:
		return LM_INK_RED;
	case LM_VERDICT_INTACT:
		return LM_INK_GREEN;
	case LM_VERDICT_UNSIGNED:
	case LM_VERDICT_NOTED:
		return LM_INK_PLAIN;
	default:
		return LM_INK_YELLOW;
	}
}

static void text_layers(struct lm_buf *out, const struct lm_inspect_row *r)
{
	struct lm_buf hex;
	lm_buf_init(&hex, 4096);
	lm_buf_hex(&hex, r->sha256);
	lm_buf_puts(out, "      sha256       ");
	lm_term_put(out, LM_INK_DIM, lm_buf_view(&hex), 0);
	if (r->is_signed) {
		lm_buf_clear(&hex);
		lm_buf_hex(&hex, r->authentihash);
		lm_buf_fmt(out, "\n      authentihash ");
		lm_term_put(out, LM_INK_DIM, lm_buf_view(&hex), 0);
		lm_buf_puts(out, " (");
		lm_term_put(out, LM_INK_DIM, r->digest_alg, 16);
		lm_buf_fmt(out, ")\n      signature    ");
		lm_term_put(out, LM_INK_PLAIN, r->status, 20);
		lm_buf_fmt(out, ", %u certificate table %s, %u nested; trust ", (unsigned)r->entries,
			   r->entries == 1 ? "entry" : "entries", (unsigned)r->nested);
		lm_term_put(out, LM_INK_PLAIN, r->trust, 20);
		if (r->trust_reason.n) {
			lm_buf_puts(out, ": ");
			lm_term_put(out, LM_INK_DIM, r->trust_reason, 0);
		}
		lm_buf_puts(out, "\n      issuer       ");
		lm_term_put(out, LM_INK_DIM, r->issuer, 110);
		lm_buf_puts(out, "\n      serial       ");
		lm_term_put(out, LM_INK_DIM, r->serial, 110);
	}
	for (size_t i = 0; i < r->n_unhashed; i++) {
		const struct lm_inspect_area *a = &r->unhashed[i];
		lm_buf_puts(out, "\n      unhashed     ");
		lm_term_put(out, lm_str_eq(a->class, LM_STR("unexplained")) ? LM_INK_RED : LM_INK_DIM, a->class, 20);
		lm_buf_fmt(out, ", %s bytes at 0x%llx, ", lm_term_count(a->length), (unsigned long long)a->offset);
		lm_term_put(out, LM_INK_PLAIN, a->where, 40);
		if (a->note.n) {
			lm_buf_puts(out, "; ");
			lm_term_put(out, LM_INK_DIM, a->note, 200);
		}
	}
	for (size_t i = 0; i < r->n_findings; i++) {
		lm_buf_fmt(out, "\n      finding      %s, ", lm_severity_word(r->findings[i].severity));
		lm_term_put(out, LM_INK_PLAIN, r->findings[i].rule, 60);
		lm_buf_fmt(out, ", confidence %d", r->findings[i].confidence);
	}
	lm_buf_putc(out, '\n');
	lm_buf_fini(&hex);
}

static enum lm_rc on_text(void *user, const struct lm_inspect_row *r)
{
	struct output *p = user;
	size_t width = lm_term_width(), left = width > 16 ? width - 14 : 40;
	if (r->verdict != p->only || p->shown++ >= p->max)
		return LM_OK;
	lm_term_fmt(p->out, ink_of(r->verdict), "%-12s", lm_verdict_word(r->verdict));
	/* the end of a long path says more than its beginning */
	struct lm_str path = r->path;
	if (path.n > left) {
		size_t cut = path.n - left + 1;
		while (cut < path.n && ((unsigned char)path.p[cut] & 0xc0) == 0x80)
			cut++;
		lm_buf_puts(p->out, "…");
		path = lm_str_part(path, cut, path.n);
	}
	lm_term_put(p->out, LM_INK_BOLD, path, 0);
	lm_buf_puts(p->out, "\n            ");
	if (r->is_signed && r->signer.n) {
		lm_buf_puts(p->out, "signed by ");
		lm_term_put(p->out, LM_INK_CYAN, r->signer, 60);
	} else {
		lm_buf_puts(p->out, r->is_signed ? "signed, signer unreadable" : "not signed");
	}
	if (r->size.set)
		lm_buf_fmt(p->out, ", %s", lm_term_bytes((uint64_t)r->size.v));
	if (r->product.n) {
		lm_buf_puts(p->out, ", says it is ");
		lm_term_put(p->out, LM_INK_PLAIN, r->product, 40);
		lm_buf_putc(p->out, ' ');
		lm_term_put(p->out, LM_INK_PLAIN, r->version, 24);
	}
	lm_buf_putc(p->out, '\n');
	if (r->verdict_why.n && r->verdict != LM_VERDICT_INTACT && r->verdict != LM_VERDICT_UNSIGNED)
		lm_term_wrap(p->out, 12, r->verdict_why);
	for (size_t i = 0; i < r->n_findings; i++)
		if (r->findings[i].severity >= LM_SEV_MEDIUM && !lm_str_eq(r->findings[i].why, r->verdict_why))
			lm_term_wrap(p->out, 12, r->findings[i].why);
	if (p->o->verbose)
		text_layers(p->out, r);
	if (p->out->n > 1 << 20 && !lm_term_flush(p->out))
		return p->full = true, LM_EIO;
	return LM_OK;
}

static enum lm_rc on_nothing(void *user, const struct lm_inspect_row *r)
{
	(void)user;
	(void)r;
	return LM_OK;
}

/* What was left out on purpose (bombs, depth, special files) is said, not passed over. */
static enum lm_rc on_skipped(void *user, const struct lm_stored *s)
{
	struct output *p = user;
	const struct lm_obs_evidence_skipped *k = &s->obs.evidence_skipped;
	if (p->o->json || p->o->jsonl) {
		struct lm_inspect_row row = {
			.path = k->path,
			.size = k->size,
			.status = LM_STR("incomplete"),
			.verdict = LM_VERDICT_INCOMPLETE,
			.verdict_why = k->why,
		};
		return on_json(user, &row);
	}
	lm_term_fmt(p->out, LM_INK_YELLOW, "%-12s", "left out");
	lm_term_put(p->out, LM_INK_BOLD, k->path, 0);
	lm_buf_putc(p->out, '\n');
	lm_term_wrap(p->out, 12, k->why);
	return LM_OK;
}

static void text_totals(struct lm_buf *out, const struct lm_inspect_totals *t, const struct lm_tally *tally)
{
	lm_term_fmt(out, LM_INK_BOLD, "%s program files", lm_term_count(t->rows));
	for (int v = 0, n = 0; v < LM_VERDICT_COUNT; v++)
		if (t->verdict[v]) {
			lm_buf_puts(out, n++ ? ", " : ": ");
			lm_term_fmt(out, ink_of((enum lm_verdict)v), "%s %s", lm_term_count(t->verdict[v]),
				    lm_verdict_word((enum lm_verdict)v));
		}
	lm_term_fmt(out, LM_INK_DIM, "; %s other files, %s in all\n", lm_term_count(t->other),
		    lm_term_bytes(tally->bytes));
	if (t->verdict[LM_VERDICT_INTACT])
		lm_term_fmt(out, LM_INK_DIM,
			    "intact: bytes as signed, nothing unexplained; not the same as harmless%s\n", "");
}

/*
 * Worst first, each class in path order. What needs no attention is counted, not listed, unless -v was given
 * or there are few files.
 */
static enum lm_rc print_text(struct output *p, struct lm_case *c, const struct lm_detect_opts *d,
			     const struct lm_tally *tally, struct lm_err *err)
{
	struct lm_inspect_totals t = { 0 };
	enum lm_rc rc = lm_inspect_rows(c, d, on_nothing, NULL, &t, err);
	for (int v = 0; rc == LM_OK && v < LM_VERDICT_COUNT; v++) {
		bool quiet = v == LM_VERDICT_UNSIGNED || v == LM_VERDICT_NOTED || v == LM_VERDICT_INTACT;
		if (!t.verdict[v] || (quiet && !p->o->verbose && t.rows > 12))
			continue;
		p->only = (enum lm_verdict)v;
		p->shown = 0;
		p->max = p->o->verbose ? UINT64_MAX : 50;
		rc = lm_inspect_rows(c, d, on_text, p, NULL, err);
		if (p->shown > p->max)
			lm_term_fmt(p->out, LM_INK_DIM, "            and %s more %s; -v or --jsonl lists all\n",
				    lm_term_count(p->shown - p->max), lm_verdict_word((enum lm_verdict)v));
	}
	if (rc == LM_OK)
		rc = lm_case_fetch(c, LM_K_evidence_skipped, NULL, 0, on_skipped, p);
	if (tally->loaded.rule_files || tally->loaded.bad_rule_files)
		lm_term_fmt(p->out, LM_INK_DIM, "%s rules in %s files loaded, %s files left out\n",
			    lm_term_count(tally->loaded.rules), lm_term_count(tally->loaded.rule_files),
			    lm_term_count(tally->loaded.bad_rule_files));
	if (rc == LM_OK)
		text_totals(p->out, &t, tally);
	return rc;
}

int lm_cmd_inspect(const struct lm_cli *o)
{
	struct lm_err err = { 0 };
	struct lm_case *c = NULL;
	struct lm_tally tally;
	struct lm_buf out;
	if (!o->operands.n)
		return lm_complain(LM_EXIT_USAGE, "inspect needs a file or folder; 'limier help inspect' explains");
	if (lm_engine_run(o, NULL, &c, &tally, &err) < 0)
		return lm_complain(err.rc == LM_EUSAGE || err.rc == LM_EIO || err.rc == LM_ECORRUPT ? LM_EXIT_USAGE
												    : LM_EXIT_INTERNAL,
				   "%s", err.msg);
	struct lm_detect_opts d = { .now_ns = o->now.v, .trust_given = o->roots != NULL };
	struct output p = { .o = o, .out = &out };
	lm_buf_init(&out, SIZE_MAX / 2);
	enum lm_rc rc;
	if (o->json || o->jsonl) {
		lm_jw_init(&p.w, &out, true);
		if (!o->jsonl)
			lm_jw_arr(&p.w);
		rc = lm_inspect_rows(c, &d, on_json, &p, NULL, &err);
		if (rc == LM_OK)
			rc = lm_case_fetch(c, LM_K_evidence_skipped, NULL, 0, on_skipped, &p);
		if (rc == LM_OK && !o->jsonl)
			lm_jw_end(&p.w);
	} else {
		rc = print_text(&p, c, &d, &tally, &err);
	}
	int code = LM_EXIT_OK;
	if (p.full || (rc == LM_OK && !lm_term_flush(&out)))
		code = lm_complain(LM_EXIT_INTERNAL, "cannot write to standard output");
	else if (rc < 0)
		code = lm_complain(LM_EXIT_INTERNAL, "%s", err.msg[0] ? err.msg : lm_case_error(c));
	else
		code = lm_engine_exit(o, c, &tally);
	lm_buf_fini(&out);
	lm_case_close(c);
	return code;
}
