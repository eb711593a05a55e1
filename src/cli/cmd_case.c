/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_case.c - looking into a case: what is in it, who is who, is it whole.
 */
#include "base/json_out.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "cli/cli.h"
#include "detect/detect.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int open_case(const struct lm_cli *o, unsigned flags, struct lm_case **c)
{
	struct lm_err err = { 0 };
	if (!o->case_file)
		return lm_complain(LM_EXIT_USAGE, "case needs --case FILE; 'limier help case' explains");
	if (access(o->case_file, F_OK) != 0)
		return lm_complain(LM_EXIT_USAGE, "no case '%s'", o->case_file);
	if (lm_case_open(o->case_file, flags, c, &err) < 0)
		return lm_complain(err.rc == LM_EUSAGE ? LM_EXIT_USAGE : LM_EXIT_INTERNAL, "%s", err.msg);
	return LM_EXIT_OK;
}

/* ---- info ---- */

struct info {
	struct lm_buf *out;
	struct lm_jw w;
	bool json;
	uint64_t files, bytes, lost;
};

static enum lm_rc info_evidence(void *user, const struct lm_evidence_row *r)
{
	struct info *i = user;
	if (r->parent < 0) {
		i->files++;
		i->bytes += r->size.set ? (uint64_t)r->size.v : 0;
	}
	i->lost += r->lost.p != NULL;
	return LM_OK;
}

static enum lm_rc info_run(void *user, const struct lm_run *r)
{
	struct info *i = user;
	char from[LM_TIME_TEXT], to[LM_TIME_TEXT];
	if (i->json) {
		lm_jw_obj(&i->w);
		lm_jw_key(&i->w, "run");
		lm_jw_i64(&i->w, r->id);
		lm_jw_key(&i->w, "started");
		lm_jw_time(&i->w, r->started_ns);
		lm_jw_key(&i->w, "ended");
		if (r->ended_ns.set)
			lm_jw_time(&i->w, r->ended_ns.v);
		else
			lm_jw_null(&i->w);
		lm_jw_key(&i->w, "version");
		lm_jw_str(&i->w, r->version);
		lm_jw_key(&i->w, "arguments");
		lm_jw_str(&i->w, r->args);
		lm_jw_end(&i->w);
		return LM_OK;
	}
	lm_buf_fmt(i->out, "  run %lld  %s to %s  ", (long long)r->id, lm_time_iso(r->started_ns, from),
		   r->ended_ns.set ? lm_time_iso(r->ended_ns.v, to) : "(not completed)");
	lm_term_put(i->out, LM_INK_DIM, r->args, 160);
	lm_buf_putc(i->out, '\n');
	return LM_OK;
}

static int show_info(const struct lm_cli *o, struct lm_case *c, struct lm_buf *out)
{
	struct info i = { .out = out, .json = o->json || o->jsonl };
	size_t n_hosts = 0;
	(void)lm_case_hosts(c, &n_hosts);
	if (lm_case_evidence_rows(c, info_evidence, &i) < 0)
		return lm_complain(LM_EXIT_INTERNAL, "%s", lm_case_error(c));
	if (i.json) {
		lm_jw_init(&i.w, out, o->json);
		lm_jw_obj(&i.w);
		lm_jw_key(&i.w, "case");
		lm_jw_cstr(&i.w, o->case_file);
		lm_jw_key(&i.w, "revision");
		lm_jw_i64(&i.w, lm_case_revision(c));
		lm_jw_key(&i.w, "files");
		lm_jw_u64(&i.w, i.files);
		lm_jw_key(&i.w, "bytes");
		lm_jw_u64(&i.w, i.bytes);
		lm_jw_key(&i.w, "lost");
		lm_jw_u64(&i.w, i.lost);
		lm_jw_key(&i.w, "hosts");
		lm_jw_u64(&i.w, n_hosts);
		lm_jw_key(&i.w, "runs");
		lm_jw_arr(&i.w);
	} else {
		lm_buf_fmt(out, "case %s\n  revision %lld\n  %s evidence files, %s\n  %s hosts\n", o->case_file,
			   (long long)lm_case_revision(c), lm_term_count(i.files), lm_term_bytes(i.bytes),
			   lm_term_count(n_hosts));
	}
	if (lm_case_runs(c, info_run, &i) < 0)
		return lm_complain(LM_EXIT_INTERNAL, "%s", lm_case_error(c));
	if (i.json) {
		lm_jw_end(&i.w);
		lm_jw_end(&i.w);
		if (!o->json)
			lm_buf_putc(out, '\n');
	}
	return LM_EXIT_OK;
}

/* ---- hosts ---- */

static const char *source_word(enum lm_ident_source s)
{
	static const char *const words[] = { "",    "host list", "collection layout", "event", "inventory", "dhcp",
					     "dns", "address" };
	return s <= LM_ID_ADDRESS ? words[s] : "";
}

static void host_json(struct lm_jw *w, const struct lm_host *h)
{
	static const char *const kinds[] = { "machine", "address", "proxy" };
	const struct {
		const char *key;
		struct lm_str value;
	} texts[] = { { "host", h->name },
		      { "org", h->org },
		      { "country", h->country },
		      { "sector", h->sector },
		      { "os", h->os },
		      { "role", h->role },
		      { "country_source", h->country_source },
		      { "resolved", h->resolved } };
	lm_jw_obj(w);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		lm_jw_key(w, texts[i].key);
		lm_jw_str(w, texts[i].value);
	}
	lm_jw_key(w, "kind");
	lm_jw_cstr(w, kinds[h->kind]);
	lm_jw_key(w, "listed");
	lm_jw_bool(w, h->listed);
	lm_jw_key(w, "seen");
	lm_jw_bool(w, h->seen);
	lm_jw_key(w, "aliases");
	lm_jw_arr(w);
	for (size_t i = 0; i < h->n_aliases; i++) {
		const struct lm_alias *a = &h->aliases[i];
		lm_jw_obj(w);
		lm_jw_key(w, "kind");
		lm_jw_str(w, a->kind);
		lm_jw_key(w, "value");
		lm_jw_str(w, a->value);
		lm_jw_key(w, "source");
		lm_jw_cstr(w, source_word(a->source));
		lm_jw_key(w, "from");
		if (a->from_ns.set)
			lm_jw_time(w, a->from_ns.v);
		else
			lm_jw_null(w);
		lm_jw_key(w, "to");
		if (a->to_ns.set)
			lm_jw_time(w, a->to_ns.v);
		else
			lm_jw_null(w);
		lm_jw_key(w, "note");
		lm_jw_str(w, a->note);
		lm_jw_end(w);
	}
	lm_jw_end(w);
	lm_jw_end(w);
}

static void host_text(struct lm_buf *out, const struct lm_host *h)
{
	lm_term_put(out, LM_INK_BOLD, h->name, 0);
	const struct lm_str facts[] = { h->org, h->country, h->sector, h->os, h->role };
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		if (facts[i].n) {
			lm_buf_puts(out, i ? "  " : "  ");
			lm_term_put(out, LM_INK_DIM, facts[i], 40);
		}
	lm_buf_puts(out, h->seen ? "\n" : "  (no evidence)\n");
	for (size_t i = 0; i < h->n_aliases; i++) {
		const struct lm_alias *a = &h->aliases[i];
		lm_buf_puts(out, "    ");
		lm_term_put(out, LM_INK_PLAIN, a->kind, 10);
		lm_buf_fmt(out, "%*s", (int)(a->kind.n < 9 ? 9 - a->kind.n : 1), "");
		lm_term_put(out, LM_INK_CYAN, a->value, 60);
		lm_term_fmt(out, LM_INK_DIM, "  %s", source_word(a->source));
		if (a->note.n) {
			lm_buf_puts(out, ", ");
			lm_term_put(out, LM_INK_DIM, a->note, 0);
		}
		lm_buf_putc(out, '\n');
	}
}

static int change_hosts(const struct lm_cli *o, struct lm_case *c)
{
	struct lm_str reason = lm_cstr(o->reason ? o->reason : ""), a, b;
	if (o->operands.n != 3 || o->merge == o->split)
		return lm_complain(LM_EXIT_USAGE,
				   "usage: limier case hosts --merge|--split [--undo] NAME NAME --case FILE");
	a = lm_cstr(o->operands.v[1]);
	b = lm_cstr(o->operands.v[2]);
	enum lm_rc rc =
		o->merge ? lm_case_host_merge(c, a, b, reason, o->undo) : lm_case_host_split(c, a, b, reason, o->undo);
	/* findings and counts follow at once: the case holds all they need, the evidence need not be at hand */
	struct lm_err err = { 0 };
	if (rc == LM_OK)
		rc = lm_engine_reconclude(o, c, &err);
	if (rc < 0)
		return lm_complain(rc == LM_EUSAGE ? LM_EXIT_USAGE : LM_EXIT_INTERNAL, "%s",
				   err.msg[0] ? err.msg : lm_case_error(c));
	return lm_complain(LM_EXIT_OK, "recorded; 'limier report' writes the report as it is now");
}

static int show_hosts(const struct lm_cli *o, struct lm_case *c, struct lm_buf *out)
{
	size_t n = 0;
	struct lm_jw w;
	if (o->merge || o->split || o->undo || o->operands.n > 1) {
		int code = change_hosts(o, c);
		if (code != LM_EXIT_OK)
			return code;
	}
	const struct lm_host *hosts = lm_case_hosts(c, &n);
	if (o->json) {
		lm_jw_init(&w, out, true);
		lm_jw_arr(&w);
	}
	for (size_t i = 0; i < n; i++) {
		if (o->jsonl)
			lm_jw_init(&w, out, false);
		if (o->json || o->jsonl)
			host_json(&w, &hosts[i]);
		else
			host_text(out, &hosts[i]);
		if (o->jsonl)
			lm_buf_putc(out, '\n');
	}
	if (o->json)
		lm_jw_end(&w);
	return LM_EXIT_OK;
}

/* ---- verify ---- */

struct problems {
	struct lm_buf *out;
	struct lm_jw w;
	bool json;
	unsigned n;
};

static void put_problem(void *user, const char *what)
{
	struct problems *p = user;
	p->n++;
	if (p->json) {
		lm_jw_cstr(&p->w, what);
		return;
	}
	lm_term_fmt(p->out, LM_INK_RED, "problem: ");
	lm_term_put(p->out, LM_INK_PLAIN, lm_cstr(what), 0);
	lm_buf_putc(p->out, '\n');
}

static int show_verify(const struct lm_cli *o, struct lm_case *c, struct lm_buf *out)
{
	struct problems p = { .out = out, .json = o->json || o->jsonl };
	if (p.json) {
		lm_jw_init(&p.w, out, o->json);
		lm_jw_obj(&p.w);
		lm_jw_key(&p.w, "problems");
		lm_jw_arr(&p.w);
	}
	enum lm_rc rc = lm_case_verify(c, o->evidence, put_problem, &p);
	if (p.json) {
		lm_jw_end(&p.w);
		lm_jw_key(&p.w, "whole");
		lm_jw_bool(&p.w, rc == LM_OK);
		lm_jw_end(&p.w);
		if (!o->json)
			lm_buf_putc(out, '\n');
	} else if (rc == LM_OK) {
		lm_term_fmt(out, LM_INK_GREEN, "whole: ");
		lm_buf_fmt(out, "run log, observations%s and database agree\n", o->evidence ? ", evidence files" : "");
	}
	if (rc < 0 && rc != LM_ECORRUPT)
		return lm_complain(LM_EXIT_INTERNAL, "%s", lm_case_error(c));
	return rc == LM_OK ? LM_EXIT_OK : LM_EXIT_FINDINGS;
}

int lm_cmd_case(const struct lm_cli *o)
{
	const char *what = o->operands.n ? o->operands.v[0] : "";
	struct lm_case *c = NULL;
	bool info = strcmp(what, "info") == 0, hosts = strcmp(what, "hosts") == 0, verify = strcmp(what, "verify") == 0;
	if (!info && !hosts && !verify)
		return lm_complain(LM_EXIT_USAGE, "case what? info, hosts or verify");
	if (!hosts && (o->operands.n > 1 || o->merge || o->split || o->undo))
		return lm_complain(LM_EXIT_USAGE, "'case %s' takes no names; 'limier help case' explains", what);
	int code = open_case(o, hosts && (o->merge || o->split) ? 0 : LM_CASE_READ_ONLY, &c);
	if (code != LM_EXIT_OK)
		return code;
	struct lm_buf out;
	lm_buf_init(&out, SIZE_MAX / 2);
	code = info ? show_info(o, c, &out) : hosts ? show_hosts(o, c, &out) : show_verify(o, c, &out);
	if (!lm_term_flush(&out))
		code = lm_complain(LM_EXIT_INTERNAL, "cannot write to standard output");
	lm_buf_fini(&out);
	lm_case_close(c);
	return code;
}
