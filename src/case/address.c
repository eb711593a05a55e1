/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.c - who held an address, and when.
 *
 * In: claims with intervals (leases) and without (lists, inventories, events). Out: one component, or none with
 * the reason. A lease that covers the time outranks claims in general; among equals the stronger source wins;
 * two different machines of the same strength are ambiguous, unless only one of them was seen with the address
 * around that time. Limits: clocks of DHCP servers are believed.
 */
#include "case/identity_priv.h"

#include <stdlib.h>

static int cmp_claim(const void *x, const void *y)
{
	const struct lm_claim *a = x, *b = y;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

void lm_address_sort(struct lm_build *b)
{
	if (b->n_claims)
		qsort(b->claims, b->n_claims, sizeof *b->claims, cmp_claim);
}

size_t lm_address_claims(const struct lm_build *b, int32_t address, const struct lm_claim **first)
{
	size_t lo = 0, hi = b->n_claims;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (b->claims[mid].address < address)
			lo = mid + 1;
		else
			hi = mid;
	}
	*first = b->claims + lo;
	size_t n = 0;
	while (lo + n < b->n_claims && b->claims[lo + n].address == address)
		n++;
	return n;
}

static bool is_lease(const struct lm_claim *cl)
{
	return cl->from.set || cl->to.set;
}

static bool covers(const struct lm_claim *cl, int64_t t)
{
	return (!cl->from.set || cl->from.v <= t) && (!cl->to.set || t < cl->to.v);
}

static bool seen_at(const struct lm_claim *cl, int64_t t)
{
	return cl->first.set && cl->last.set && cl->first.v <= t && t <= cl->last.v;
}

enum claims { LEASES_AT, LEASES, IN_GENERAL, IN_GENERAL_SEEN };

static bool applies(const struct lm_claim *cl, enum claims which, struct lm_int at)
{
	switch (which) {
	case LEASES_AT:
		return is_lease(cl) && covers(cl, at.v);
	case IN_GENERAL:
		return !is_lease(cl);
	case IN_GENERAL_SEEN:
		return !is_lease(cl) && seen_at(cl, at.v);
	case LEASES:
		return is_lease(cl);
	}
	return false;
}

/* The one component of the strongest source among the claims that apply. */
static int32_t strongest(const struct lm_claim *claims, size_t n, enum claims which, struct lm_int at, bool all_sources,
			 int32_t (*of)(struct lm_build *b, int32_t node), struct lm_build *b, bool *several)
{
	int32_t found = LM_NODE_NONE;
	unsigned source = 0;
	*several = false;
	for (size_t i = 0; i < n; i++) { /* sorted by source; LM_ID_NONE, which comes first, is the weakest */
		unsigned s = claims[i].source ? (unsigned)claims[i].source : 99;
		if (!applies(&claims[i], which, at))
			continue;
		int32_t comp = of(b, claims[i].node);
		if (found == LM_NODE_NONE || (!all_sources && s < source)) {
			found = comp;
			source = s;
			*several = false;
		} else if ((all_sources || s == source) && comp != found) {
			*several = true;
		}
	}
	return *several ? LM_NODE_NONE : found;
}

static int32_t comp_of(struct lm_build *b, int32_t node)
{
	return b->nodes[node].comp;
}

int32_t lm_address_holder(struct lm_build *b, int32_t address, bool *several)
{
	const struct lm_claim *cl;
	struct lm_int none = { 0 };
	size_t n = lm_address_claims(b, address, &cl);
	bool also;
	int32_t lease = strongest(cl, n, LEASES, none, true, comp_of, b, &also);
	int32_t held = strongest(cl, n, IN_GENERAL, none, false, comp_of, b, several);
	*several |= also || (held >= 0 && lease >= 0 && held != lease);
	return *several ? LM_NODE_NONE : held >= 0 ? held : lease;
}

static int cmp_time(const void *x, const void *y)
{
	const int64_t *a = x, *b = y;
	return *a < *b ? -1 : *a > *b;
}

/* When a claim begins and ends to say something about a time: its lease, or the time it was observed in. */
struct span {
	int64_t from, to; /* [from, to]; inclusive, so that the last nanosecond counts */
	struct lm_claim claim;
};

static int cmp_span(const void *x, const void *y)
{
	const struct span *a = x, *b = y;
	return a->from < b->from ? -1 : a->from > b->from;
}

/* More machines than this at one moment: nobody tells them apart any more, and no log is worth the time. */
#define AT_ONCE_MAX 4096

struct sweep {
	struct span *spans;
	struct lm_claim *now; /* claims that speak about the moment */
	int64_t *until, first_end;
	size_t n, at, n_now;
	int32_t general; /* who holds it in general, at all times */
	bool several;
};

static void advance(struct sweep *w, int64_t t)
{
	if (t > w->first_end) {
		size_t out = 0;
		w->first_end = INT64_MAX;
		for (size_t i = 0; i < w->n_now; i++) {
			if (w->until[i] < t)
				continue;
			if (w->until[i] < w->first_end)
				w->first_end = w->until[i];
			w->now[out] = w->now[i];
			w->until[out++] = w->until[i];
		}
		w->n_now = out;
	}
	for (; w->at < w->n && w->spans[w->at].from <= t; w->at++) {
		if (w->spans[w->at].to < t)
			continue;
		w->now[w->n_now] = w->spans[w->at].claim;
		w->until[w->n_now++] = w->spans[w->at].to;
		if (w->spans[w->at].to < w->first_end)
			w->first_end = w->spans[w->at].to;
	}
}

/* A lease that covers the moment, else who holds it in general, else the only one seen with it around then. */
static struct lm_held held_at(struct lm_build *b, struct sweep *w, int64_t t)
{
	struct lm_held h = { .from = t, .to = INT64_MAX, .comp = LM_NODE_NONE, .several = true };
	struct lm_int at = LM_INT(t);
	advance(w, t);
	if (w->n_now > AT_ONCE_MAX)
		return h;
	h.comp = strongest(w->now, w->n_now, LEASES_AT, at, false, comp_of, b, &h.several);
	if (h.comp != LM_NODE_NONE || h.several)
		return h;
	h.comp = w->general;
	h.several = w->several;
	if (!h.several)
		return h;
	bool still;
	h.comp = strongest(w->now, w->n_now, IN_GENERAL_SEEN, at, true, comp_of, b, &still);
	h.several = h.comp == LM_NODE_NONE;
	return h;
}

struct lm_held *lm_address_pieces(struct lm_build *b, int32_t address, size_t *n)
{
	const struct lm_claim *cl;
	size_t k = lm_address_claims(b, address, &cl), cuts = 0, out = 0;
	struct sweep w = { .first_end = INT64_MAX };
	int64_t *cut = lm_arena_calloc(&b->a, 2 * k + 1, sizeof *cut);
	struct lm_held *held = lm_arena_calloc(&b->a, 2 * k + 1, sizeof *held);
	w.spans = lm_arena_calloc(&b->a, k + 1, sizeof *w.spans);
	w.now = lm_arena_calloc(&b->a, k + 1, sizeof *w.now);
	w.until = lm_arena_calloc(&b->a, k + 1, sizeof *w.until);
	*n = 0;
	if (!cut || !held || !w.spans || !w.now || !w.until)
		return NULL;
	w.general = strongest(cl, k, IN_GENERAL, (struct lm_int){ 0 }, false, comp_of, b, &w.several);
	cut[cuts++] = INT64_MIN;
	for (size_t i = 0; i < k; i++) {
		const struct lm_claim *c = &cl[i];
		struct span s = { INT64_MIN, INT64_MAX, *c };
		if (is_lease(c)) {
			s.from = c->from.set ? c->from.v : INT64_MIN;
			s.to = !c->to.set ? INT64_MAX : c->to.v > INT64_MIN ? c->to.v - 1 : INT64_MIN;
		} else if (c->first.set && c->last.set) {
			s.from = c->first.v;
			s.to = c->last.v;
		} else {
			continue;
		}
		if (s.to < s.from)
			continue;
		w.spans[w.n++] = s;
		cut[cuts++] = s.from;
		if (s.to < INT64_MAX)
			cut[cuts++] = s.to + 1;
	}
	qsort(cut, cuts, sizeof *cut, cmp_time);
	if (w.n)
		qsort(w.spans, w.n, sizeof *w.spans, cmp_span);
	for (size_t i = 0; i < cuts; i++) {
		if (i && cut[i] == cut[i - 1])
			continue;
		struct lm_held h = held_at(b, &w, cut[i]);
		if (out && held[out - 1].comp == h.comp && held[out - 1].several == h.several)
			continue;
		if (out)
			held[out - 1].to = h.from;
		held[out++] = h;
	}
	*n = out;
	return held;
}
