/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.c - in: a case; out: report.json ("limier.report/1", docs/schema/report.json). All names of the schema
 * are always present: what nothing computes is an empty list or null. Text stands raw (escaped as JSON wants),
 * one host, finding or row a line. Findings are streamed, so their number is not limited by memory here.
 */
#include "report/view.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <openssl/evp.h>

struct doc {
	struct lm_jw w;
	struct lm_view *v;
};

/* Opens and closes an object that stands on one line inside an indented list. */
static void row_begin(struct lm_jw *w)
{
	lm_jw_obj(w);
	w->indent = false;
}

static void row_end(struct lm_jw *w)
{
	lm_jw_end(w);
	w->indent = true;
}

static void put_str(struct lm_jw *w, const char *key, struct lm_str s)
{
	lm_jw_key(w, key);
	lm_jw_str(w, s);
}

static void put_u64(struct lm_jw *w, const char *key, uint64_t n)
{
	lm_jw_key(w, key);
	lm_jw_u64(w, n);
}

static void put_int(struct lm_jw *w, const char *key, struct lm_int n)
{
	lm_jw_key(w, key);
	if (n.set)
		lm_jw_i64(w, n.v);
	else
		lm_jw_null(w);
}

static void put_time(struct lm_jw *w, const char *key, struct lm_int ns)
{
	lm_jw_key(w, key);
	if (ns.set)
		lm_jw_time(w, ns.v);
	else
		lm_jw_null(w);
}

static void put_host(struct lm_jw *w, const char *key, const struct lm_host *h)
{
	put_str(w, key, h ? h->name : (struct lm_str){ 0 });
}

/* The parts of s between `sep` as a list; an unset or empty text is an empty list. */
static void put_parts(struct lm_jw *w, const char *key, struct lm_str s, char sep)
{
	lm_jw_key(w, key);
	lm_jw_arr(w);
	for (struct lm_str part; s.n && lm_str_split(&s, sep, &part);)
		if (part.n)
			lm_jw_str(w, part);
	lm_jw_end(w);
}

static void put_confidence(struct lm_jw *w, int value)
{
	lm_jw_key(w, "confidence");
	lm_jw_obj(w);
	lm_jw_key(w, "value");
	lm_jw_i64(w, value);
	lm_jw_key(w, "word");
	lm_jw_cstr(w, lm_confidence_word(value));
}

static void put_unread(struct lm_jw *w, const char *key, const struct lm_view_unread *u, bool lost)
{
	lm_jw_key(w, key);
	lm_jw_arr(w);
	for (; u; u = u->next) {
		row_begin(w);
		put_str(w, "path", u->path);
		put_int(w, "offset", u->offset);
		if (!lost) {
			put_str(w, "kind", lm_cstr(u->why));
			put_int(w, "size", u->size);
			put_host(w, "host", u->host);
		}
		put_str(w, "what", u->what);
		row_end(w);
	}
	lm_jw_end(w);
}

static void put_coverage(struct doc *d)
{
	struct lm_jw *w = &d->w;
	struct lm_view *v = d->v;
	lm_jw_key(w, "coverage");
	lm_jw_obj(w);
	lm_jw_key(w, "hosts");
	lm_jw_obj(w);
	put_u64(w, "known", v->n_hosts);
	put_u64(w, "listed", v->listed);
	put_u64(w, "seen", v->seen);
	put_u64(w, "listed_and_seen", v->listed_seen);
	lm_jw_end(w);
	lm_jw_key(w, "sources");
	lm_jw_obj(w);
	put_u64(w, "files", v->files);
	put_u64(w, "members", v->members);
	put_u64(w, "bytes", v->bytes);
	put_u64(w, "trusted", v->trusted);
	lm_jw_key(w, "by_kind");
	lm_jw_arr(w);
	for (size_t i = 0; i < v->n_kinds; i++) {
		row_begin(w);
		put_str(w, "kind", v->kinds[i].kind);
		put_u64(w, "files", v->kinds[i].files);
		put_u64(w, "members", v->kinds[i].members);
		put_u64(w, "bytes", v->kinds[i].bytes);
		row_end(w);
	}
	lm_jw_end(w);
	lm_jw_end(w);
	put_unread(w, "unread", v->unread, false);
	lm_jw_key(w, "blind");
	lm_jw_arr(w);
	for (const struct lm_view_note *n = v->notes[LM_NOTE_BLIND]; n; n = n->next) {
		row_begin(w);
		put_str(w, "what", n->text);
		put_str(w, "detail", n->detail);
		put_host(w, "host", n->host);
		row_end(w);
	}
	lm_jw_end(w);
	put_unread(w, "workers_lost", v->lost, true);
	put_str(w, "geo", v->geo);
	lm_jw_end(w);
}

static void put_funnel(struct doc *d)
{
	struct lm_jw *w = &d->w;
	lm_jw_key(w, "funnel");
	lm_jw_arr(w);
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++) {
		if (!d->v->stage_hosts[s])
			continue;
		row_begin(w);
		put_str(w, "stage", lm_cstr(lm_stage_word((enum lm_stage)s)));
		put_u64(w, "hosts", d->v->stage_hosts[s]);
		put_u64(w, "orgs", d->v->stage_orgs[s]);
		row_end(w);
	}
	lm_jw_end(w);
}

static void put_chain(struct lm_jw *w, const struct lm_view_host *h)
{
	lm_jw_key(w, "stage");
	lm_jw_cstr(w, lm_stage_word(h->furthest));
	lm_jw_key(w, "stages");
	lm_jw_arr(w);
	for (const struct lm_view_stage *s = h->stages; s; s = s->next)
		lm_jw_cstr(w, lm_stage_word(s->stage));
	lm_jw_end(w);
	lm_jw_key(w, "chain");
	lm_jw_arr(w);
	for (const struct lm_view_stage *s = h->stages; s; s = s->next) {
		lm_jw_obj(w);
		put_str(w, "stage", lm_cstr(lm_stage_word(s->stage)));
		put_time(w, "first_seen", s->first);
		put_time(w, "last_seen", s->last);
		put_parts(w, "findings", s->findings, ';');
		lm_jw_end(w);
	}
	lm_jw_end(w);
	if (h->stages) {
		put_confidence(w, h->confidence);
		lm_jw_end(w);
	} else {
		lm_jw_key(w, "confidence");
		lm_jw_null(w);
	}
}

static void put_hosts(struct doc *d)
{
	static const char *const kinds[] = { "machine", "address", "proxy" };
	struct lm_jw *w = &d->w;
	lm_jw_key(w, "hosts");
	lm_jw_arr(w);
	for (size_t i = 0; i < d->v->n_hosts; i++) {
		const struct lm_view_host *vh = &d->v->hosts[i];
		const struct lm_host *h = vh->host;
		row_begin(w);
		put_str(w, "host", h->name.p ? h->name : LM_STR(""));
		put_str(w, "kind", lm_cstr(h->kind <= LM_HOST_PROXY ? kinds[h->kind] : NULL));
		lm_jw_key(w, "aliases");
		lm_jw_arr(w);
		for (size_t k = 0; k < h->n_aliases; k++)
			if (!lm_str_eq(h->aliases[k].value, h->name))
				lm_jw_str(w, h->aliases[k].value);
		lm_jw_end(w);
		put_str(w, "org", h->org);
		put_str(w, "country", h->country);
		put_str(w, "country_source", h->country_source);
		put_str(w, "sector", h->sector);
		put_str(w, "os", h->os);
		put_str(w, "role", h->role);
		put_str(w, "product", h->product);
		put_str(w, "version", h->version);
		lm_jw_key(w, "listed");
		lm_jw_bool(w, h->listed);
		lm_jw_key(w, "seen");
		lm_jw_bool(w, h->seen);
		put_str(w, "resolved", h->resolved);
		put_chain(w, vh);
		row_end(w);
	}
	lm_jw_end(w);
}

static void put_texts(struct lm_jw *w, const char *key, const struct lm_str *s, size_t n)
{
	lm_jw_key(w, key);
	lm_jw_arr(w);
	for (size_t i = 0; i < n; i++)
		lm_jw_str(w, s[i]);
	lm_jw_end(w);
}

void lm_report_finding_json(struct lm_jw *w, const struct lm_finding_row *r)
{
	const struct lm_finding *f = &r->f;
	bool indent = w->indent;
	row_begin(w);
	put_str(w, "id", r->id);
	put_str(w, "detector", lm_cstr(f->detector));
	put_str(w, "rule", f->rule);
	put_str(w, "stage", lm_cstr(lm_stage_word(f->stage)));
	put_str(w, "severity", lm_cstr(lm_severity_word(f->severity)));
	put_confidence(w, r->confidence);
	lm_jw_key(w, "terms");
	lm_jw_arr(w);
	for (size_t i = 0; i < f->n_terms; i++) {
		lm_jw_obj(w);
		put_str(w, "name", lm_cstr(f->terms[i].name));
		lm_jw_key(w, "log_odds");
		lm_jw_real(w, f->terms[i].log_odds);
		put_str(w, "note", f->terms[i].note);
		lm_jw_end(w);
	}
	lm_jw_end(w);
	lm_jw_end(w);
	put_str(w, "host", r->host ? r->host->name : LM_STR("*"));
	put_str(w, "subject", f->subject);
	put_time(w, "first_seen", f->first_seen);
	put_time(w, "last_seen", f->last_seen);
	put_texts(w, "why", f->why, f->n_why);
	put_texts(w, "counter", f->counter, f->n_counter);
	lm_jw_key(w, "attack");
	lm_jw_arr(w);
	for (size_t i = 0; i < f->n_attack; i++)
		lm_jw_cstr(w, f->attack[i]);
	lm_jw_end(w);
	lm_jw_key(w, "evidence");
	lm_jw_arr(w);
	for (size_t i = 0; i < f->n_evidence; i++) {
		const struct lm_evidence_ref *e = &f->evidence[i];
		lm_jw_obj(w);
		lm_jw_key(w, "sha256");
		lm_jw_hex(w, (struct lm_bytes){ e->sha256, 32 });
		put_str(w, "path", e->path);
		put_u64(w, "offset", e->offset);
		put_u64(w, "length", e->length);
		put_int(w, "record", e->record);
		lm_jw_end(w);
	}
	lm_jw_end(w);
	lm_jw_end(w);
	w->indent = indent;
}

static enum lm_rc on_finding(void *user, const struct lm_finding_row *r)
{
	struct lm_jw *w = &((struct doc *)user)->w;
	lm_report_finding_json(w, r);
	return w->out->bad ? LM_ELIMIT : LM_OK;
}

static void put_scope(struct doc *d)
{
	struct lm_jw *w = &d->w;
	lm_jw_key(w, "scope");
	lm_jw_obj(w);
	for (int i = 0; i < LM_DIM_COUNT; i++) {
		char key[32] = "by_";
		strncat(key, lm_view_dims[i], sizeof key - 4);
		lm_jw_key(w, key);
		lm_jw_arr(w);
		for (const struct lm_view_scope *s = d->v->scope[i]; s; s = s->next) {
			row_begin(w);
			put_str(w, lm_view_dims[i], s->row.value);
			put_u64(w, "listed", s->row.listed);
			put_u64(w, "seen", s->row.seen);
			for (int k = LM_STAGE_EXPOSED; k < LM_STAGE_COUNT; k++)
				put_u64(w, lm_stage_word((enum lm_stage)k), s->row.stage[k]);
			row_end(w);
		}
		lm_jw_end(w);
	}
	lm_jw_end(w);
}

/* Parts of the document that no detector fills yet. */
static void put_later_parts(struct lm_jw *w)
{
	static const char *const lists[] = { "selection", "families" };
	for (size_t i = 0; i < 2; i++) {
		lm_jw_key(w, lists[i]);
		lm_jw_arr(w);
		lm_jw_end(w);
	}
	lm_jw_key(w, "attribution");
	lm_jw_obj(w);
	lm_jw_key(w, "hypotheses");
	lm_jw_arr(w);
	lm_jw_end(w);
	lm_jw_key(w, "confidence");
	lm_jw_null(w);
	lm_jw_key(w, "confidence_words");
	lm_jw_null(w);
	lm_jw_key(w, "sensitivity");
	lm_jw_arr(w);
	lm_jw_end(w);
	lm_jw_key(w, "claims");
	lm_jw_arr(w);
	lm_jw_end(w);
	lm_jw_end(w);
	lm_jw_key(w, "flow");
	lm_jw_obj(w);
	lm_jw_key(w, "nodes");
	lm_jw_arr(w);
	lm_jw_end(w);
	lm_jw_key(w, "edges");
	lm_jw_arr(w);
	lm_jw_end(w);
	lm_jw_end(w);
}

static void put_notes(struct doc *d)
{
	struct lm_jw *w = &d->w;
	lm_jw_key(w, "actions");
	lm_jw_arr(w);
	for (const struct lm_view_note *n = d->v->notes[LM_NOTE_ACTION]; n; n = n->next) {
		row_begin(w);
		put_str(w, "host", n->host ? n->host->name : LM_STR("*"));
		lm_jw_key(w, "order");
		lm_jw_i64(w, n->order);
		put_parts(w, "why", n->text, '\n');
		put_str(w, "next", n->detail);
		row_end(w);
	}
	lm_jw_end(w);
	lm_jw_key(w, "questions");
	lm_jw_arr(w);
	for (const struct lm_view_note *n = d->v->notes[LM_NOTE_QUESTION]; n; n = n->next) {
		row_begin(w);
		put_str(w, "question", n->text);
		put_str(w, "command", n->detail);
		put_str(w, "host", n->host ? n->host->name : LM_STR("*"));
		row_end(w);
	}
	lm_jw_end(w);
	static const char *const names[] = { "verdict", NULL, "changes", NULL, NULL, "gaps" };
	for (int i = 0; i < LM_NOTE_COUNT; i++) {
		if (!names[i])
			continue;
		lm_jw_key(w, names[i]);
		lm_jw_arr(w);
		for (const struct lm_view_note *n = d->v->notes[i]; n; n = n->next)
			lm_jw_str(w, n->text);
		lm_jw_end(w);
	}
}

static void put_case(struct doc *d, const char *id)
{
	struct lm_jw *w = &d->w;
	lm_jw_key(w, "case");
	lm_jw_obj(w);
	put_str(w, "path", d->v->path);
	put_str(w, "content_id", lm_cstr(id));
	lm_jw_key(w, "runs");
	lm_jw_arr(w);
	for (const struct lm_view_run *r = d->v->runs; r; r = r->next) {
		row_begin(w);
		lm_jw_key(w, "id");
		lm_jw_i64(w, r->run.id);
		put_time(w, "started", LM_INT(r->run.started_ns));
		put_time(w, "ended", r->run.ended_ns);
		put_str(w, "args", r->run.args);
		put_str(w, "version", r->run.version);
		row_end(w);
	}
	lm_jw_end(w);
	lm_jw_end(w);
}

/* `id` NULL leaves `case` out. */
static enum lm_rc put_document(struct lm_view *v, struct lm_buf *out, const char *id)
{
	struct doc d = { .v = v };
	struct lm_jw *w = &d.w;
	lm_jw_init(w, out, true);
	lm_jw_obj(w);
	put_str(w, "schema", LM_STR("limier.report/1"));
	struct lm_int now = { 0, true };
	now.set = lm_time_parse(v->now, NULL, &now.v, NULL);
	put_time(w, "generated", now);
	lm_jw_key(w, "tool");
	lm_jw_obj(w);
	put_str(w, "name", LM_STR("limier"));
	put_str(w, "version", lm_cstr(v->opts ? v->opts->version : NULL));
	lm_jw_end(w);
	if (id)
		put_case(&d, id);
	lm_jw_key(w, "revision");
	lm_jw_i64(w, v->revision);
	lm_jw_key(w, "provisional");
	lm_jw_bool(w, v->opts && v->opts->provisional);
	put_str(w, "tlp", lm_cstr(v->opts && v->opts->tlp ? v->opts->tlp : "amber"));
	put_parts(w, "subjects", v->subject, ';');
	put_coverage(&d);
	put_funnel(&d);
	put_hosts(&d);
	lm_jw_key(w, "findings");
	lm_jw_arr(w);
	enum lm_rc rc = lm_case_findings(v->c, on_finding, &d);
	lm_jw_end(w);
	put_scope(&d);
	put_later_parts(w);
	put_notes(&d);
	lm_jw_end(w);
	return rc == LM_OK && out->bad ? LM_ELIMIT : rc;
}

static enum lm_rc say(struct lm_view *v, enum lm_rc rc, struct lm_err *err)
{
	if (rc == LM_OK)
		return LM_OK;
	if (rc == LM_ELIMIT)
		return lm_fail(err, rc, "cannot write report.json: it is too large");
	return lm_fail(err, rc, "cannot read findings for report.json: %s", lm_case_error(v->c));
}

enum lm_rc lm_document_id(struct lm_view *v, char out[17], struct lm_err *err)
{
	struct lm_buf b, hex;
	uint8_t md[EVP_MAX_MD_SIZE] = { 0 };
	unsigned n = 0;
	lm_buf_init(&b, (size_t)1 << 31);
	lm_buf_init(&hex, 64);
	enum lm_rc rc = put_document(v, &b, NULL);
	if (rc == LM_OK && !EVP_Digest(b.p, b.n, md, &n, EVP_sha256(), NULL))
		rc = LM_ELIMIT;
	lm_buf_hex(&hex, (struct lm_bytes){ md, 8 });
	memcpy(out, lm_buf_view(&hex).p, 16);
	out[16] = 0;
	lm_buf_fini(&b);
	lm_buf_fini(&hex);
	return say(v, rc, err);
}

static enum lm_rc document_write(struct lm_case *c, const struct lm_report_opts *o, struct lm_buf *out,
				 struct lm_err *err)
{
	struct lm_view v;
	char id[17];
	enum lm_rc rc = lm_view_load(&v, c, o, err);
	if (rc == LM_OK)
		rc = lm_document_id(&v, id, err);
	if (rc == LM_OK)
		rc = say(&v, put_document(&v, out, id), err);
	lm_view_fini(&v);
	return rc;
}

const struct lm_report lm_report_document = {
	.name = "document",
	.summary = "the whole case as one JSON document (limier.report/1)",
	.file = "report.json",
	.mime = "application/json",
	.write = document_write,
};
