/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.c - in: the answers of a case; out: struct lm_view. Limits: LM_VIEW_BUDGET bytes for everything; beyond
 * it the report fails with LM_ELIMIT instead of leaving something out silently.
 */
#include "report/view.h"
#include "base/text.h"

#include <stdlib.h>

const char *const lm_view_dims[LM_DIM_COUNT] = { "country", "sector", "org", "os", "version", "signer" };

static const char *const sections[LM_NOTE_COUNT] = { "verdict", "action", "new", "blind", "question", "gap" };

/* A copy that tells "unset" from "the budget refused". */
static bool copy(struct lm_view *v, struct lm_str *s)
{
	if (!s->p)
		return true;
	*s = lm_arena_str(&v->arena, *s);
	return s->p != NULL;
}

struct lm_view_host *lm_view_host_of(struct lm_view *v, const struct lm_host *h)
{
	if (!h)
		return NULL;
	size_t lo = 0, hi = v->n_hosts;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (v->hosts[mid].host->id < h->id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < v->n_hosts && v->hosts[lo].host->id == h->id ? &v->hosts[lo] : NULL;
}

static bool own_name(struct lm_view *v, struct lm_str name)
{
	struct lm_str low = lm_str_lower(&v->arena, name);
	if (!low.p)
		return name.p == NULL;
	lm_map_add(&v->own, low, NULL);
	return true;
}

static enum lm_rc load_hosts(struct lm_view *v)
{
	const struct lm_host *h = lm_case_hosts(v->c, &v->n_hosts);
	v->hosts = lm_arena_calloc(&v->arena, v->n_hosts, sizeof *v->hosts);
	if (!v->hosts)
		return LM_ELIMIT;
	for (size_t i = 0; i < v->n_hosts; i++) {
		v->hosts[i].host = &h[i];
		if (h[i].kind != LM_HOST_MACHINE)
			continue;
		v->listed += h[i].listed;
		v->seen += h[i].seen;
		v->listed_seen += h[i].listed && h[i].seen;
		if (!h[i].listed)
			continue;
		if (!own_name(v, h[i].name))
			return LM_ELIMIT;
		for (size_t k = 0; k < h[i].n_aliases; k++) {
			const struct lm_alias *a = &h[i].aliases[k];
			bool is_name = lm_str_eq(a->kind, LM_STR("name")) || lm_str_eq(a->kind, LM_STR("fqdn"));
			if (is_name && a->source == LM_ID_HOST_LIST && !own_name(v, a->value))
				return LM_ELIMIT;
		}
	}
	return LM_OK;
}

static void widen(struct lm_int *first, struct lm_int *last, struct lm_int from, struct lm_int to)
{
	if (from.set && (!first->set || from.v < first->v))
		*first = from;
	if (to.set && (!last->set || to.v > last->v))
		*last = to;
}

static enum lm_rc on_stage(void *user, const struct lm_host_stage *s)
{
	struct lm_view *v = user;
	struct lm_view_host *h = lm_view_host_of(v, s->host);
	if (!h || s->stage <= LM_STAGE_NONE || s->stage >= LM_STAGE_COUNT)
		return LM_OK;
	struct lm_view_stage *row = lm_arena_alloc(&v->arena, sizeof *row), **at = &h->stages;
	if (!row)
		return LM_ELIMIT;
	*row = (struct lm_view_stage){ NULL, s->stage, s->first, s->last, s->confidence, s->findings };
	if (!copy(v, &row->findings))
		return LM_ELIMIT;
	while (*at)
		at = &(*at)->next;
	*at = row;
	h->mask |= 1u << s->stage;
	if (s->stage > h->furthest) {
		h->furthest = s->stage;
		h->confidence = s->confidence;
	}
	v->stage_hosts[s->stage]++;
	v->stage_sure[s->stage] += s->confidence >= 60;
	widen(&v->stage_first[s->stage], &v->stage_last[s->stage], s->first, s->last);
	return LM_OK;
}

/* Distinct organisations of the hosts of each stage; hosts without one do not count. */
static void count_orgs(struct lm_view *v)
{
	struct lm_map seen[LM_STAGE_COUNT];
	for (int s = 0; s < LM_STAGE_COUNT; s++)
		lm_map_init(&seen[s]);
	for (size_t i = 0; i < v->n_hosts; i++)
		for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++)
			if ((v->hosts[i].mask & 1u << s) && v->hosts[i].host->org.p)
				lm_map_add(&seen[s], v->hosts[i].host->org, NULL);
	for (int s = 0; s < LM_STAGE_COUNT; s++) {
		v->stage_orgs[s] = seen[s].n;
		lm_map_fini(&seen[s]);
	}
}

struct note_ctx {
	struct lm_view *v;
	struct lm_view_note **tail;
	uint64_t *n;
};

static enum lm_rc on_note(void *user, const struct lm_note *n)
{
	struct note_ctx *x = user;
	struct lm_view_note *row = lm_arena_alloc(&x->v->arena, sizeof *row);
	if (!row)
		return LM_ELIMIT;
	*row = (struct lm_view_note){ NULL, n->host, n->order, n->text, n->detail };
	if (!copy(x->v, &row->text) || !copy(x->v, &row->detail))
		return LM_ELIMIT;
	*x->tail = row;
	x->tail = &row->next;
	++*x->n;
	return LM_OK;
}

struct scope_ctx {
	struct lm_view *v;
	struct lm_view_scope **tail;
};

static enum lm_rc on_scope(void *user, const struct lm_scope_row *r)
{
	struct scope_ctx *x = user;
	struct lm_view_scope *row = lm_arena_alloc(&x->v->arena, sizeof *row);
	if (!row)
		return LM_ELIMIT;
	row->row = *r;
	if (!copy(x->v, &row->row.value))
		return LM_ELIMIT;
	*x->tail = row;
	x->tail = &row->next;
	return LM_OK;
}

static enum lm_rc load_lists(struct lm_view *v)
{
	enum lm_rc rc = LM_OK;
	for (int i = 0; i < LM_NOTE_COUNT && rc == LM_OK; i++) {
		struct note_ctx x = { v, &v->notes[i], &v->n_notes[i] };
		rc = lm_case_notes(v->c, sections[i], on_note, &x);
	}
	for (int i = 0; i < LM_DIM_COUNT && rc == LM_OK; i++) {
		struct scope_ctx x = { v, &v->scope[i] };
		rc = lm_case_scope_rows(v->c, lm_view_dims[i], on_scope, &x);
	}
	return rc;
}

/* ---- evidence and what is missing of it ---- */

struct evidence_ctx {
	struct lm_view *v;
	struct lm_map kinds; /* kind -> index + 1 in v->kinds */
	struct lm_view_kind unknown;
	size_t cap;
};

static bool add_unread(struct lm_view *v, struct lm_view_unread **list, struct lm_view_unread u)
{
	struct lm_view_unread *row = lm_arena_alloc(&v->arena, sizeof *row);
	if (!row)
		return false;
	*row = u;
	if (!copy(v, &row->path) || !copy(v, &row->what))
		return false;
	row->next = *list; /* sorted later */
	*list = row;
	return true;
}

static struct lm_view_kind *kind_row(struct evidence_ctx *x, struct lm_str kind)
{
	struct lm_view *v = x->v;
	bool added;
	if (!kind.p)
		return &x->unknown;
	struct lm_map_entry *e = lm_map_add(&x->kinds, kind, &added);
	if (!added)
		return &v->kinds[e->v.num];
	if (v->n_kinds + 1 >= x->cap) { /* one more is kept free for the unknown kind */
		size_t cap = x->cap ? x->cap * 2 : 32;
		struct lm_view_kind *more = lm_arena_calloc(&v->arena, cap, sizeof *more);
		if (!more)
			return NULL;
		if (v->n_kinds)
			memcpy(more, v->kinds, v->n_kinds * sizeof *more);
		v->kinds = more;
		x->cap = cap;
	}
	e->v.num = v->n_kinds;
	struct lm_view_kind *k = &v->kinds[v->n_kinds++];
	k->kind = kind;
	return copy(v, &k->kind) ? k : NULL;
}

static enum lm_rc on_evidence(void *user, const struct lm_evidence_row *r)
{
	struct evidence_ctx *x = user;
	struct lm_view *v = x->v;
	uint64_t size = r->size.set && r->size.v > 0 ? (uint64_t)r->size.v : 0;
	struct lm_view_kind *k = kind_row(x, r->kind);
	if (!k)
		return LM_ELIMIT;
	k->bytes += size;
	if (r->parent < 0) {
		k->files++;
		v->files++;
		v->bytes += size;
		v->trusted += r->trusted;
	} else {
		k->members++;
		v->members++;
	}
	if (!r->lost.p)
		return LM_OK;
	v->n_lost++;
	struct lm_view_unread u = { NULL, "lost", r->path, r->lost, LM_INT(r->lost_offset), r->size, NULL };
	return add_unread(v, &v->lost, u) ? LM_OK : LM_ELIMIT;
}

static enum lm_rc on_unread(void *user, const struct lm_stored *s)
{
	struct lm_view *v = user;
	struct lm_view_unread u = { .host = s->host };
	const struct lm_obs *o = &s->obs;
	switch (o->kind) {
	case LM_K_evidence_damaged:
		u.why = "damaged";
		u.path = o->evidence_damaged.path;
		u.what = o->evidence_damaged.what;
		u.offset = o->evidence_damaged.offset;
		break;
	case LM_K_evidence_encrypted:
		u.why = "encrypted";
		u.path = o->evidence_encrypted.path;
		u.what = o->evidence_encrypted.what;
		break;
	case LM_K_evidence_skipped:
		u.why = "skipped";
		u.path = o->evidence_skipped.path;
		u.what = o->evidence_skipped.why;
		u.size = o->evidence_skipped.size;
		break;
	default:
		return LM_OK;
	}
	if (!u.path.p)
		u.path = s->evidence.path;
	v->n_unread++;
	return add_unread(v, &v->unread, u) ? LM_OK : LM_ELIMIT;
}

static int by_place(const void *a, const void *b)
{
	const struct lm_view_unread *x = *(struct lm_view_unread *const *)a, *y = *(struct lm_view_unread *const *)b;
	int c = lm_str_cmp(x->path, y->path);
	if (c == 0)
		c = (x->offset.v > y->offset.v) - (x->offset.v < y->offset.v);
	if (c == 0)
		c = strcmp(x->why, y->why);
	return c ? c : lm_str_cmp(x->what, y->what);
}

static enum lm_rc sort_unread(struct lm_view *v, struct lm_view_unread **list, uint64_t n)
{
	struct lm_view_unread **rows = lm_arena_calloc(&v->arena, n, sizeof *rows), *u = *list;
	if (!rows)
		return LM_ELIMIT;
	for (uint64_t i = 0; i < n; i++, u = u->next)
		rows[i] = u;
	if (n)
		qsort(rows, n, sizeof *rows, by_place);
	for (uint64_t i = 0; i < n; i++)
		rows[i]->next = i + 1 < n ? rows[i + 1] : NULL;
	*list = n ? rows[0] : NULL;
	return LM_OK;
}

static int by_kind(const void *a, const void *b)
{
	return lm_str_cmp(((const struct lm_view_kind *)a)->kind, ((const struct lm_view_kind *)b)->kind);
}

static enum lm_rc load_evidence(struct lm_view *v)
{
	static const enum lm_kind kinds[] = { LM_K_evidence_damaged, LM_K_evidence_encrypted, LM_K_evidence_skipped };
	struct evidence_ctx x = { .v = v };
	lm_map_init(&x.kinds);
	enum lm_rc rc = lm_case_evidence_rows(v->c, on_evidence, &x);
	lm_map_fini(&x.kinds);
	if (rc != LM_OK)
		return rc;
	if (v->n_kinds)
		qsort(v->kinds, v->n_kinds, sizeof *v->kinds, by_kind);
	if (x.unknown.files || x.unknown.members) {
		if (!v->kinds && !(v->kinds = lm_arena_calloc(&v->arena, 1, sizeof *v->kinds)))
			return LM_ELIMIT;
		v->kinds[v->n_kinds++] = x.unknown;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && rc == LM_OK; i++)
		rc = lm_case_fetch(v->c, kinds[i], NULL, 0, on_unread, v);
	if (rc == LM_OK)
		rc = sort_unread(v, &v->unread, v->n_unread);
	return rc == LM_OK ? sort_unread(v, &v->lost, v->n_lost) : rc;
}

struct run_ctx {
	struct lm_view *v;
	struct lm_view_run **tail;
};

static enum lm_rc on_run(void *user, const struct lm_run *r)
{
	struct run_ctx *x = user;
	struct lm_view_run *row = lm_arena_alloc(&x->v->arena, sizeof *row);
	if (!row)
		return LM_ELIMIT;
	row->run = *r;
	if (!copy(x->v, &row->run.args) || !copy(x->v, &row->run.version))
		return LM_ELIMIT;
	*x->tail = row;
	x->tail = &row->next;
	return LM_OK;
}

static enum lm_rc say(struct lm_view *v, enum lm_rc rc, struct lm_err *err)
{
	if (v->arena.spent)
		return lm_fail(err, LM_ELIMIT, "cannot write report: it needs more than %zu MiB of memory",
			       LM_VIEW_BUDGET >> 20);
	if (rc != LM_OK) {
		const char *why = lm_case_error(v->c);
		return lm_fail(err, rc, "cannot read case for the report: %s", why && *why ? why : lm_rc_word(rc));
	}
	return LM_OK;
}

enum lm_rc lm_view_load(struct lm_view *v, struct lm_case *c, const struct lm_report_opts *o, struct lm_err *err)
{
	*v = (struct lm_view){ .c = c, .opts = o };
	lm_arena_init(&v->arena, LM_VIEW_BUDGET);
	lm_map_init(&v->own);
	lm_map_init(&v->cited_map);
	lm_map_init(&v->path_map);
	v->now = lm_case_get(c, "now", &v->arena);
	v->subject = lm_case_get(c, "subject", &v->arena);
	v->geo = lm_case_get(c, "geo", &v->arena);
	v->totals = lm_case_get(c, "totals", &v->arena);
	v->path = lm_case_get(c, "path", &v->arena);
	v->revision = lm_case_revision(c);
	struct run_ctx runs = { v, &v->runs };
	enum lm_rc rc = load_hosts(v);
	if (rc == LM_OK)
		rc = lm_case_host_stages(c, on_stage, v);
	if (rc == LM_OK)
		rc = load_lists(v);
	if (rc == LM_OK)
		rc = load_evidence(v);
	if (rc == LM_OK)
		rc = lm_case_runs(c, on_run, &runs);
	if (rc == LM_OK)
		count_orgs(v);
	return say(v, rc, err);
}

void lm_view_fini(struct lm_view *v)
{
	lm_map_fini(&v->own);
	lm_map_fini(&v->cited_map);
	lm_map_fini(&v->path_map);
	lm_arena_fini(&v->arena);
	*v = (struct lm_view){ 0 };
}

/* ---- findings, grouped ---- */

struct finding_ctx {
	struct lm_view *v;
	struct lm_map groups;
	struct lm_view_group **tail;
	struct lm_view_cited **cited_tail;
	struct lm_view_ref ***host_tails; /* by host index */
	struct lm_buf key;
};

static uint64_t hash_why(const struct lm_finding *f)
{
	uint64_t h = 0;
	for (size_t i = 0; i < f->n_why; i++)
		h = h * 31 + lm_hash(lm_str_bytes(f->why[i]));
	return h;
}

static struct lm_view_cited *cite(struct finding_ctx *x, const struct lm_evidence_ref *e)
{
	struct lm_view *v = x->v;
	bool added;
	lm_buf_clear(&x->key);
	lm_buf_add(&x->key, e->sha256, 32);
	lm_buf_str(&x->key, e->path);
	struct lm_map_entry *in = lm_map_add(&v->cited_map, lm_buf_view(&x->key), &added);
	if (added) {
		struct lm_view_cited *c = lm_arena_alloc(&v->arena, sizeof *c);
		if (!c)
			return NULL;
		memcpy(c->sha256, e->sha256, 32);
		c->path = e->path;
		if (!copy(v, &c->path))
			return NULL;
		c->number = ++v->n_cited;
		*x->cited_tail = c;
		x->cited_tail = &c->next;
		in->v.ptr = c;
		struct lm_map_entry *p = c->path.p ? lm_map_add(&v->path_map, c->path, &added) : NULL;
		if (p && added)
			p->v.ptr = c;
	}
	struct lm_view_cited *c = in->v.ptr;
	c->times++;
	return c;
}

static bool copy_finding(struct lm_view *v, struct lm_finding *f)
{
	bool ok = copy(v, &f->rule) && copy(v, &f->subject) && copy(v, &f->key);
	for (size_t i = 0; i < f->n_why && ok; i++)
		ok = copy(v, &f->why[i]);
	for (size_t i = 0; i < f->n_counter && ok; i++)
		ok = copy(v, &f->counter[i]);
	for (size_t i = 0; i < f->n_evidence && ok; i++)
		ok = copy(v, &f->evidence[i].path);
	for (size_t i = 0; i < f->n_terms && ok; i++) {
		struct lm_str name = lm_cstr(f->terms[i].name);
		f->terms[i].name = name.p ? lm_arena_cstr(&v->arena, name) : NULL;
		ok = copy(v, &f->terms[i].note) && (!name.p || f->terms[i].name);
	}
	for (size_t i = 0; i < f->n_attack && ok; i++)
		ok = (f->attack[i] = lm_arena_cstr(&v->arena, lm_cstr(f->attack[i]))) != NULL;
	if (ok && f->detector)
		ok = (f->detector = lm_arena_cstr(&v->arena, lm_cstr(f->detector))) != NULL;
	return ok;
}

static struct lm_view_group *group_of(struct finding_ctx *x, const struct lm_finding_row *r)
{
	struct lm_view *v = x->v;
	bool added;
	lm_buf_clear(&x->key);
	lm_buf_fmt(&x->key, "%s%c%d%c%d%c", r->f.detector ? r->f.detector : "", 0, (int)r->f.stage, 0,
		   (int)r->f.severity, 0);
	lm_buf_str(&x->key, r->f.rule);
	lm_buf_putc(&x->key, 0);
	lm_buf_str(&x->key, r->f.subject);
	struct lm_map_entry *e = lm_map_add(&x->groups, lm_buf_view(&x->key), &added);
	if (!added)
		return e->v.ptr;
	struct lm_view_group *g = lm_arena_alloc(&v->arena, sizeof *g);
	if (!g)
		return NULL;
	*g = (struct lm_view_group){ .number = ++v->n_groups,
				     .f = r->f,
				     .id = r->id,
				     .host = r->host,
				     .low = r->confidence,
				     .high = r->confidence,
				     .why_hash = hash_why(&r->f),
				     .last_host = SIZE_MAX };
	g->tail = &g->refs;
	if (!copy(v, &g->id) || !copy_finding(v, &g->f))
		return NULL;
	e->v.ptr = g;
	*x->tail = g;
	x->tail = &g->next;
	return g;
}

static enum lm_rc on_finding(void *user, const struct lm_finding_row *r)
{
	struct finding_ctx *x = user;
	struct lm_view *v = x->v;
	struct lm_view_group *g = group_of(x, r);
	struct lm_view_ref *ref = g ? lm_arena_alloc(&v->arena, sizeof *ref) : NULL;
	struct lm_view_host *h = lm_view_host_of(v, r->host);
	if (!ref)
		return LM_ELIMIT;
	*ref = (struct lm_view_ref){
		.group = g, .host = h, .confidence = r->confidence, .n_evidence = r->f.n_evidence
	};
	for (size_t i = 0; i < r->f.n_evidence; i++) {
		struct lm_view_cited *c = cite(x, &r->f.evidence[i]);
		if (!c)
			return LM_ELIMIT;
		if (g->findings == 0)
			g->cited[i] = c;
		if (i > 0)
			continue;
		ref->cited = c;
		ref->offset = r->f.evidence[i].offset;
		ref->length = r->f.evidence[i].length;
		ref->record = r->f.evidence[i].record;
	}
	*g->tail = ref;
	g->tail = &ref->in_group;
	g->findings++;
	v->n_findings++;
	widen(&g->first, &g->last, r->f.first_seen, r->f.last_seen);
	g->low = r->confidence < g->low ? r->confidence : g->low;
	g->high = r->confidence > g->high ? r->confidence : g->high;
	g->own_words |= hash_why(&r->f) != g->why_hash;
	if (!h) {
		g->fleet = true;
		return LM_OK;
	}
	size_t at = (size_t)(h - v->hosts);
	g->hosts += at != g->last_host; /* findings of a group come in order of host */
	g->last_host = at;
	*x->host_tails[at] = ref;
	x->host_tails[at] = &ref->in_host;
	return LM_OK;
}

static enum lm_rc on_cited_evidence(void *user, const struct lm_evidence_row *r)
{
	struct lm_view *v = user;
	struct lm_map_entry *e = r->path.p ? lm_map_find(&v->path_map, r->path) : NULL;
	if (!e)
		return LM_OK;
	struct lm_view_cited *c = e->v.ptr;
	c->size = r->size;
	c->kind = r->kind;
	return copy(v, &c->kind) ? LM_OK : LM_ELIMIT;
}

enum lm_rc lm_view_findings(struct lm_view *v, struct lm_err *err)
{
	struct finding_ctx x = { .v = v, .tail = &v->groups, .cited_tail = &v->cited };
	enum lm_rc rc = LM_ELIMIT;
	lm_map_init(&x.groups);
	lm_buf_init(&x.key, (size_t)64 << 20);
	x.host_tails = lm_arena_calloc(&v->arena, v->n_hosts, sizeof *x.host_tails);
	if (!x.host_tails)
		goto done;
	for (size_t i = 0; i < v->n_hosts; i++)
		x.host_tails[i] = &v->hosts[i].refs;
	rc = lm_case_findings(v->c, on_finding, &x);
	if (rc == LM_OK)
		rc = lm_case_evidence_rows(v->c, on_cited_evidence, v);
done:
	lm_map_fini(&x.groups);
	lm_buf_fini(&x.key);
	return say(v, rc, err);
}
