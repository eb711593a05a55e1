/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_obs.c - queue of observations in the arena of one content.
 *
 * In: facts as the parsers find them. Out: struct lm_obs in that order. Limits: the arena's budget.
 */
#include "read/pe_obs.h"

#include <stdarg.h>
#include <stdio.h>

struct lm_pe_obs_node {
	struct lm_pe_obs_node *next;
	struct lm_obs obs;
};

void lm_pe_obs_init(struct lm_pe_obs *q, const struct lm_read_in *in)
{
	*q = (struct lm_pe_obs){ .in = in };
}

struct lm_obs *lm_pe_obs_add(struct lm_pe_obs *q, enum lm_kind kind)
{
	struct lm_pe_obs_node *n = q->rc == LM_OK ? lm_arena_alloc(q->in->arena, sizeof *n) : NULL;
	if (!n) {
		q->rc = LM_ELIMIT;
		lm_obs_init(&q->scratch, kind);
		return &q->scratch;
	}
	lm_obs_init(&n->obs, kind);
	if (q->tail)
		q->tail->next = n;
	else
		q->head = q->at = n;
	if (!q->at)
		q->at = n;
	q->tail = n;
	return &n->obs;
}

const struct lm_obs *lm_pe_obs_next(struct lm_pe_obs *q)
{
	struct lm_pe_obs_node *n = q->at;
	if (!n)
		return NULL;
	q->at = n->next;
	return &n->obs;
}

struct lm_bytes lm_pe_obs_sha256(const struct lm_pe_obs *q)
{
	return (struct lm_bytes){ q->in->sha256, q->in->sha256 ? 32 : 0 };
}

static struct lm_str vfmt(struct lm_pe_obs *q, const char *fmt, va_list ap)
{
	char text[1024];
	int n = vsnprintf(text, sizeof text, fmt, ap);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	struct lm_str s = lm_arena_str(q->in->arena, (struct lm_str){ text, len });
	if (!s.p)
		q->rc = LM_ELIMIT;
	return s;
}

struct lm_str lm_pe_obs_fmt(struct lm_pe_obs *q, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct lm_str s = vfmt(q, fmt, ap);
	va_end(ap);
	return s;
}

struct lm_bytes lm_pe_obs_bytes(struct lm_pe_obs *q, const void *p, size_t n)
{
	struct lm_bytes b = lm_arena_bytes(q->in->arena, (struct lm_bytes){ p, n });
	if (!b.p) {
		q->rc = LM_ELIMIT;
		b.n = 0;
	}
	return b;
}

void lm_pe_obs_damage(struct lm_pe_obs *q, uint64_t offset, const char *fmt, ...)
{
	struct lm_obs *o = lm_pe_obs_add(q, LM_K_evidence_damaged);
	va_list ap;
	va_start(ap, fmt);
	o->evidence_damaged.what = vfmt(q, fmt, ap);
	va_end(ap);
	o->evidence_damaged.path = q->in->path;
	o->evidence_damaged.reader = LM_STR("pe");
	o->evidence_damaged.offset = LM_INT(offset);
	o->at.offset = offset;
}

void lm_pe_obs_fact(struct lm_pe_obs *q, int64_t index, const char *code, uint64_t offset, uint64_t length,
		    const char *fmt, ...)
{
	struct lm_obs *o = lm_pe_obs_add(q, LM_K_signature_fact);
	struct lm_obs_signature_fact *f = &o->signature_fact;
	va_list ap;
	va_start(ap, fmt);
	f->detail = vfmt(q, fmt, ap);
	va_end(ap);
	f->sha256 = lm_pe_obs_sha256(q);
	if (index >= 0)
		f->index = LM_INT(index);
	f->code = lm_cstr(code);
	f->offset = LM_INT(offset);
	if (length)
		f->length = LM_INT(length);
	o->at.offset = offset;
	o->at.length = length;
}
