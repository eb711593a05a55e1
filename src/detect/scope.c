/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.c - how far it went. In: findings with a stage, hosts with their attributes. Out: the observed stages
 * of each host, and counts of hosts by country, sector, organisation, operating system, version of the
 * subject product and signer of altered files, each with its denominators (listed, seen). A proxy stands for many hosts
 * and a bare address for none that is known: neither is counted; a proxy has no stages. The dimension "total" holds one
 * row, value "hosts": the figures every share is taken of.
 */
#include "base/text.h"
#include "detect/judge.h"

#include <stdlib.h>

enum { IDS_MAX = 1 << 20 };

struct id_node {
	struct id_node *next;
	struct lm_str id;
};

struct cell {
	struct id_node *ids, *last_id;
	struct lm_int first, last;
	int confidence;
};

struct run {
	struct lm_detect_ctx *d;
	struct cell *cells; /* host id * LM_STAGE_COUNT + stage */
};

static enum lm_rc on_finding(void *user, const struct lm_finding_row *row)
{
	struct run *r = user;
	if (!row->host || row->f.stage == LM_STAGE_NONE || row->host->kind == LM_HOST_PROXY)
		return LM_OK;
	struct cell *c = &r->cells[(size_t)row->host->id * LM_STAGE_COUNT + row->f.stage];
	struct id_node *n = lm_arena_alloc(r->d->arena, sizeof *n);
	if (!n)
		return LM_ELIMIT;
	n->id = lm_arena_str(r->d->arena, row->id);
	if (c->last_id)
		c->last_id->next = n;
	else
		c->ids = n;
	c->last_id = n;
	if (row->f.first_seen.set && (!c->first.set || row->f.first_seen.v < c->first.v))
		c->first = row->f.first_seen;
	if (row->f.last_seen.set && (!c->last.set || row->f.last_seen.v > c->last.v))
		c->last = row->f.last_seen;
	c->confidence = row->confidence > c->confidence ? row->confidence : c->confidence;
	return LM_OK;
}

static enum lm_rc put_stages(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	struct lm_buf ids;
	lm_buf_init(&ids, IDS_MAX);
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < f->n_hosts; i++)
		for (int s = LM_STAGE_EXPOSED; rc == LM_OK && s < LM_STAGE_COUNT; s++) {
			const struct cell *c = &r->cells[(size_t)f->hosts[i].id * LM_STAGE_COUNT + (size_t)s];
			if (!c->ids)
				continue;
			lm_buf_clear(&ids);
			for (const struct id_node *n = c->ids; n; n = n->next)
				lm_buf_fmt(&ids, "%s%.*s", ids.n ? ";" : "", LM_STR_ARG(n->id));
			struct lm_host_stage stage = { .host = &f->hosts[i],
						       .stage = (enum lm_stage)s,
						       .first = c->first,
						       .last = c->last,
						       .confidence = c->confidence,
						       .findings = lm_buf_view(&ids) };
			rc = lm_case_host_stage(r->d->c, &stage);
		}
	lm_buf_fini(&ids);
	return rc;
}

/* ---- dimensions ---- */

struct dimension {
	const char *name;
	struct lm_map rows; /* lower-case value -> struct lm_scope_row; unknown has the key "\0" */
};

static struct lm_scope_row *row_of(struct run *r, struct dimension *dim, struct lm_str value)
{
	value = lm_str_trim(value);
	struct lm_arena_mark m = lm_arena_mark(r->d->arena);
	struct lm_str key = value.n ? lm_str_lower(r->d->arena, value) : (struct lm_str){ "", 1 };
	bool added = false;
	struct lm_map_entry *e = key.p ? lm_map_add(&dim->rows, key, &added) : NULL;
	lm_arena_reset(r->d->arena, m);
	if (!e)
		return NULL;
	if (added) {
		struct lm_scope_row *row = e->v.ptr = lm_xalloc(sizeof *row);
		*row = (struct lm_scope_row){ .dimension = dim->name };
	}
	struct lm_scope_row *row = e->v.ptr;
	/* of several spellings the smallest in byte order, whatever came first */
	if (value.n && (!row->value.p || lm_str_cmp(value, row->value) < 0))
		row->value = lm_facts_intern(r->d->facts, value);
	return row;
}

static void count(struct run *r, struct lm_scope_row *row, const struct lm_host *h)
{
	row->listed += h->listed;
	row->seen += h->seen;
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++)
		row->stage[s] += r->cells[(size_t)h->id * LM_STAGE_COUNT + (size_t)s].ids != NULL;
}

static enum lm_rc flush(struct run *r, struct dimension *dim, enum lm_rc rc)
{
	for (size_t i = 0; i < dim->rows.n; i++) {
		struct lm_scope_row *row = dim->rows.entries[i].v.ptr;
		if (rc == LM_OK)
			rc = lm_case_scope(r->d->c, row);
		free(row);
	}
	lm_map_fini(&dim->rows);
	return rc;
}

static struct lm_str attribute(const struct lm_host *h, const char *name)
{
	switch (name[0]) {
	case 'c':
		return h->country;
	case 's':
		return h->sector;
	case 'o':
		return name[1] == 'r' ? h->org : h->os;
	default:
		return LM_STR("hosts");
	}
}

static enum lm_rc by_attribute(struct run *r, const char *name)
{
	struct lm_facts *f = r->d->facts;
	struct dimension dim = { .name = name };
	lm_map_init(&dim.rows);
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < f->n_hosts; i++) {
		if (f->hosts[i].kind != LM_HOST_MACHINE)
			continue;
		struct lm_scope_row *row = row_of(r, &dim, attribute(&f->hosts[i], name));
		if (row)
			count(r, row, &f->hosts[i]);
		else
			rc = LM_ELIMIT;
	}
	return flush(r, &dim, rc);
}

/* Hosts by version of the subject product; with several products the value names the product too. */
static enum lm_rc by_version(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	struct dimension dim = { .name = "version" };
	lm_map_init(&dim.rows);
	bool several = false;
	for (size_t i = 1; i < f->n_exposed; i++)
		several |= !lm_facts_same_product(f->exposed[i].product, f->exposed[0].product);
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < f->n_exposed; i++) {
		const struct lm_facts_exposed *x = &f->exposed[i];
		if (x->host->kind != LM_HOST_MACHINE)
			continue;
		struct lm_str value = x->version;
		if (several)
			value = lm_arena_fmt(r->d->arena, "%.*s%s%.*s", LM_STR_ARG(x->product), x->version.n ? " " : "",
					     LM_STR_ARG(x->version));
		struct lm_scope_row *row = row_of(r, &dim, value);
		if (!row) {
			rc = LM_ELIMIT;
			break;
		}
		row->listed += x->host->listed;
		row->seen += x->host->seen;
		/* a host with two releases is altered in the one that holds the file */
		for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++)
			if (s != LM_STAGE_ALTERED || x->altered)
				row->stage[s] += r->cells[(size_t)x->host->id * LM_STAGE_COUNT + (size_t)s].ids != NULL;
	}
	return flush(r, &dim, rc);
}

/* Hosts with altered content by the name its signature bears: whose name was used. */
static enum lm_rc by_signer(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	struct dimension dim = { .name = "signer" };
	struct lm_map told; /* signer, host */
	lm_map_init(&dim.rows);
	lm_map_init(&told);
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < f->n_altered; i++) {
		const struct lm_facts_sight *x = f->altered[i];
		struct lm_str signer = lm_judge_signer(x->content);
		struct lm_arena_mark m = lm_arena_mark(r->d->arena);
		struct lm_str key = lm_arena_fmt(r->d->arena, "%.*s\n%lld", LM_STR_ARG(signer), (long long)x->host->id);
		bool added = false;
		if (key.p)
			lm_map_add(&told, key, &added);
		lm_arena_reset(r->d->arena, m);
		if (!added || x->host->kind != LM_HOST_MACHINE)
			continue;
		struct lm_scope_row *row = row_of(r, &dim, signer);
		if (row)
			count(r, row, x->host);
		else
			rc = LM_ELIMIT;
	}
	lm_map_fini(&told);
	return flush(r, &dim, rc);
}

enum lm_rc lm_scope_run(struct lm_detect_ctx *d)
{
	static const char *const names[] = { "total", "country", "sector", "org", "os" };
	struct run r = { .d = d };
	struct lm_arena_mark m = lm_arena_mark(d->arena);
	r.cells = lm_arena_calloc(d->arena, d->facts->n_hosts + 1, LM_STAGE_COUNT * sizeof *r.cells);
	enum lm_rc rc = r.cells ? lm_case_findings(d->c, on_finding, &r) : LM_ELIMIT;
	if (rc == LM_OK)
		rc = put_stages(&r);
	for (size_t i = 0; rc == LM_OK && i < sizeof names / sizeof *names; i++)
		rc = by_attribute(&r, names[i]);
	if (rc == LM_OK)
		rc = by_version(&r);
	if (rc == LM_OK)
		rc = by_signer(&r);
	lm_arena_reset(d->arena, m);
	return rc;
}
