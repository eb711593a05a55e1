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

int32_t lm_address_holder(const struct lm_claim *claims, size_t n, struct lm_int at,
			  int32_t (*of)(struct lm_build *b, int32_t node), struct lm_build *b, bool *several)
{
	int32_t held;
	if (!at.set) { /* without a time only an address that never changed hands can be told */
		bool also;
		int32_t lease = strongest(claims, n, LEASES, at, true, of, b, &also);
		held = strongest(claims, n, IN_GENERAL, at, false, of, b, several);
		*several |= also || (held >= 0 && lease >= 0 && held != lease);
		return *several ? LM_NODE_NONE : held >= 0 ? held : lease;
	}
	held = strongest(claims, n, LEASES_AT, at, false, of, b, several);
	if (held != LM_NODE_NONE || *several)
		return held;
	held = strongest(claims, n, IN_GENERAL, at, false, of, b, several);
	if (!*several)
		return held;
	bool still;
	held = strongest(claims, n, IN_GENERAL_SEEN, at, true, of, b, &still);
	*several = held == LM_NODE_NONE;
	return held;
}

static int cmp_time(const void *x, const void *y)
{
	const int64_t *a = x, *b = y;
	return *a < *b ? -1 : *a > *b;
}

static int32_t comp_of(struct lm_build *b, int32_t node)
{
	return b->nodes[node].comp;
}

struct lm_held *lm_address_pieces(struct lm_build *b, int32_t address, size_t *n)
{
	const struct lm_claim *cl;
	size_t k = lm_address_claims(b, address, &cl), cuts = 0, out = 0;
	int64_t *cut = lm_arena_calloc(&b->a, 4 * k + 1, sizeof *cut);
	struct lm_held *held = lm_arena_calloc(&b->a, 4 * k + 1, sizeof *held);
	*n = 0;
	if (!cut || !held)
		return NULL;
	cut[cuts++] = INT64_MIN;
	for (size_t i = 0; i < k; i++) {
		if (cl[i].from.set)
			cut[cuts++] = cl[i].from.v;
		if (cl[i].to.set)
			cut[cuts++] = cl[i].to.v;
		if (!is_lease(&cl[i]) && cl[i].first.set)
			cut[cuts++] = cl[i].first.v;
		if (!is_lease(&cl[i]) && cl[i].last.set && cl[i].last.v < INT64_MAX)
			cut[cuts++] = cl[i].last.v + 1;
	}
	qsort(cut, cuts, sizeof *cut, cmp_time);
	for (size_t i = 0; i < cuts; i++) {
		if (i && cut[i] == cut[i - 1])
			continue;
		struct lm_held h = { .from = cut[i], .to = INT64_MAX };
		h.comp = lm_address_holder(cl, k, LM_INT(cut[i]), comp_of, b, &h.several);
		if (out && held[out - 1].comp == h.comp && held[out - 1].several == h.several)
			continue;
		if (out)
			held[out - 1].to = h.from;
		held[out++] = h;
	}
	*n = out;
	return held;
}
