/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - sentences of findings. In: numbers and raw text from evidence. Out: text in an arena, and the
 * bounded lists of a finding. Text stays raw (reports escape it), but no value from evidence is quoted at
 * more than 200 bytes: a page must stay readable whatever a version resource holds.
 */
#include "base/log.h"
#include "base/text.h"
#include "detect/facts.h"

enum { QUOTE_MAX = 200 };
#define ELLIPSIS "\xe2\x80\xa6"

/* s up to QUOTE_MAX bytes, not inside a UTF-8 sequence. */
static size_t cut(struct lm_str s)
{
	if (s.n <= QUOTE_MAX)
		return s.n;
	size_t n = QUOTE_MAX;
	while (n > QUOTE_MAX - 4 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static struct lm_str wrap(struct lm_arena *a, struct lm_str s, const char *quote)
{
	size_t n = cut(s), q = strlen(quote), e = n < s.n ? sizeof ELLIPSIS - 1 : 0;
	char *p = lm_arena_alloc(a, n + 2 * q + e + 1);
	if (!p)
		return (struct lm_str){ 0 };
	memcpy(p, quote, q);
	if (n)
		memcpy(p + q, s.p, n);
	memcpy(p + q + n, ELLIPSIS, e);
	memcpy(p + q + n + e, quote, q);
	return (struct lm_str){ p, n + 2 * q + e };
}

struct lm_str lm_word_quote(struct lm_arena *a, struct lm_str s)
{
	return s.p ? wrap(a, s, "'") : LM_STR("(none)");
}

struct lm_str lm_word_cap(struct lm_arena *a, struct lm_str s)
{
	return s.p ? wrap(a, s, "") : s;
}

struct lm_str lm_word_num(struct lm_arena *a, uint64_t n)
{
	char text[32];
	size_t at = sizeof text;
	unsigned digits = 0;
	do {
		if (digits && digits % 3 == 0)
			text[--at] = ',';
		text[--at] = (char)('0' + n % 10);
		n /= 10;
		digits++;
	} while (n);
	return lm_arena_str(a, (struct lm_str){ text + at, sizeof text - at });
}

struct lm_str lm_word_count(struct lm_arena *a, uint64_t n, const char *one, const char *many)
{
	struct lm_str num = lm_word_num(a, n);
	return lm_arena_fmt(a, "%.*s %s", LM_STR_ARG(num), n == 1 ? one : many);
}

struct lm_str lm_word_hex(struct lm_arena *a, struct lm_bytes b)
{
	static const char digits[] = "0123456789abcdef";
	char *p = lm_arena_alloc(a, b.n * 2 + 1);
	if (!p)
		return (struct lm_str){ 0 };
	for (size_t i = 0; i < b.n; i++) {
		p[2 * i] = digits[b.p[i] >> 4];
		p[2 * i + 1] = digits[b.p[i] & 15];
	}
	return (struct lm_str){ p, b.n * 2 };
}

struct lm_str lm_word_release(struct lm_arena *a, const struct lm_facts_release *r)
{
	struct lm_str product = lm_word_cap(a, r->product), version = lm_word_cap(a, r->version);
	/* many inventories repeat the vendor in the product's name */
	struct lm_str vendor = r->vendor.n && !lm_str_starts_ci(r->product, r->vendor) ? lm_word_cap(a, r->vendor)
										       : (struct lm_str){ 0 };
	return lm_arena_fmt(a, "%.*s%s%.*s%s%.*s", LM_STR_ARG(vendor), vendor.n ? " " : "", LM_STR_ARG(product),
			    version.n ? " " : "", LM_STR_ARG(version));
}

void lm_finding_why(struct lm_finding *f, struct lm_str s)
{
	if (s.n && f->n_why < LM_FINDING_LIST_MAX)
		f->why[f->n_why++] = s;
}

void lm_finding_counter(struct lm_finding *f, struct lm_str s)
{
	if (s.n && f->n_counter < LM_FINDING_LIST_MAX)
		f->counter[f->n_counter++] = s;
}

void lm_finding_term(struct lm_finding *f, const char *name, double log_odds, struct lm_str note)
{
	if (f->n_terms < LM_FINDING_LIST_MAX)
		f->terms[f->n_terms++] = (struct lm_term){ name, log_odds, note };
}

void lm_finding_cite(struct lm_finding *f, struct lm_evidence_ref e)
{
	if (!e.path.p || f->n_evidence == LM_FINDING_LIST_MAX)
		return;
	for (size_t i = 0; i < f->n_evidence; i++)
		if (lm_str_eq(f->evidence[i].path, e.path) && f->evidence[i].offset == e.offset &&
		    f->evidence[i].length == e.length)
			return;
	f->evidence[f->n_evidence++] = e;
}

void lm_finding_attack(struct lm_finding *f, const char *technique)
{
	for (size_t i = 0; i < f->n_attack; i++)
		if (strcmp(f->attack[i], technique) == 0)
			return;
	if (f->n_attack < LM_FINDING_LIST_MAX)
		f->attack[f->n_attack++] = technique;
}

void lm_finding_seen(struct lm_finding *f, struct lm_int t)
{
	if (!t.set)
		return;
	if (!f->first_seen.set || t.v < f->first_seen.v)
		f->first_seen = t;
	if (!f->last_seen.set || t.v > f->last_seen.v)
		f->last_seen = t;
}

enum lm_rc lm_finding_store(struct lm_detect_ctx *d, const struct lm_finding *f)
{
	if (d->arena->spent)
		return LM_ELIMIT;
	if (!f->n_why || !f->n_evidence) {
		lm_log(LM_LOG_WARN, "dropped a finding of rule '%.*s': nothing to cite", LM_STR_ARG(f->rule));
		return LM_OK;
	}
	return lm_case_finding(d->c, f);
}
