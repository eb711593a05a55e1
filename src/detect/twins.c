/* SPDX-License-Identifier: Apache-2.0 */
/*
 * twins.c - the same authentihash, other bytes. In: contents linked by authentihash. Out: one finding a pair
 * (each content against the group's reference), host "*". A pair in which one side has unexplained bytes is
 * left to that rule, which the twin strengthens. What differs is told from the facts: table size, checksum,
 * signatures, explained areas; a difference that none of them places is medium.
 */
#include "base/text.h"
#include "detect/judge.h"

/* Log-odds; docs/dev/confidence.md. */
static const double prior = -2.0, explained = 2.5, other_signer = 1.5, unlocated = 2.0;
enum { TWINS_MAX = 64 };

/* What a pair differs in. */
struct difference {
	bool checksum, areas, signatures, signer, issuer, table, inside;
	bool copies; /* more entries, but of the same signature */
};

static bool same_int(struct lm_int a, struct lm_int b)
{
	return a.set == b.set && a.v == b.v;
}

static bool same_areas(const struct lm_facts_content *a, const struct lm_facts_content *b)
{
	const struct lm_facts_unhashed *x = a->unhashed, *y = b->unhashed;
	for (; x && y; x = x->next, y = y->next)
		if (!lm_str_eq(x->place, y->place) || !lm_str_eq(x->class, y->class) ||
		    !same_int(x->length, y->length) || !same_int(x->nonzero, y->nonzero) ||
		    !lm_str_eq(x->note, y->note))
			return false;
	return !x && !y;
}

/* The very same signature: its value tells. Cases of old do not hold it; then what was signed with tells. */
static bool same_signature(const struct lm_facts_sig *x, const struct lm_facts_sig *y)
{
	if (x->value_digest.n && y->value_digest.n)
		return lm_bytes_eq(x->value_digest, y->value_digest);
	return lm_str_eq(x->serial, y->serial) && lm_str_eq(x->issuer, y->issuer) &&
	       same_int(x->timestamp, y->timestamp) && lm_str_eq(x->digest_alg, y->digest_alg);
}

/* Every signature of one stands in the other too: a copy of a signature is not a new one. */
static bool holds_all(const struct lm_facts_sig *all, const struct lm_facts_sig *some)
{
	for (; some; some = some->next) {
		const struct lm_facts_sig *x = all;
		while (x && !same_signature(x, some))
			x = x->next;
		if (!x)
			return false;
	}
	return true;
}

/* Does an earlier signature of the same file have the same value and length? */
static bool is_copy(const struct lm_facts_sig *all, const struct lm_facts_sig *s)
{
	for (; all && all != s; all = all->next)
		if (same_signature(all, s) && same_int(all->length, s->length))
			return true;
	return false;
}

static struct difference compare(const struct lm_facts_content *a, const struct lm_facts_content *b)
{
	struct difference d = {
		.checksum = !same_int(a->checksum, b->checksum),
		.areas = !same_areas(a, b),
		.table = !same_int(a->cert_size, b->cert_size),
	};
	const struct lm_facts_sig *x = a->sigs, *y = b->sigs;
	for (; x && y; x = x->next, y = y->next) {
		d.signer |= !lm_str_eq(x->signer, y->signer);
		d.issuer |= !lm_str_eq(x->issuer, y->issuer);
		d.inside |= !same_int(x->length, y->length);
	}
	/* what one has more of may be copies of what both have: entries that firmware and rewriters duplicate */
	for (const struct lm_facts_sig *more = x ? x : y; more; more = more->next) {
		bool copy = is_copy(x ? a->sigs : b->sigs, more);
		d.copies |= copy;
		d.inside |= !copy;
	}
	d.signatures = !holds_all(a->sigs, b->sigs) || !holds_all(b->sigs, a->sigs);
	return d;
}

static struct lm_evidence_ref table_of(const struct lm_facts_content *k)
{
	struct lm_evidence_ref e = k->evidence;
	if (k->cert_offset.set && k->cert_offset.v >= 0) {
		e.offset = (uint64_t)k->cert_offset.v;
		e.length = k->cert_size.set ? (uint64_t)k->cert_size.v : 0;
	}
	return e;
}

static struct lm_str table_words(struct lm_arena *a, const struct lm_facts_content *k)
{
	struct lm_str n = lm_word_num(a, k->cert_size.set ? (uint64_t)k->cert_size.v : 0);
	if (!k->cert_offset.set)
		return LM_STR("no certificate table");
	return lm_arena_fmt(a, "a certificate table of %.*s bytes at offset 0x%llx", LM_STR_ARG(n),
			    (unsigned long long)k->cert_offset.v);
}

static void signer_words(struct lm_finding *f, struct lm_arena *a, const struct lm_facts_content *ref,
			 const struct lm_facts_content *k)
{
	struct lm_str was = lm_word_quote(a, lm_judge_signer(ref)), is = lm_word_quote(a, lm_judge_signer(k));
	lm_finding_why(f, lm_arena_fmt(a, "The signers differ: %.*s and %.*s.", LM_STR_ARG(was), LM_STR_ARG(is)));
	lm_finding_counter(f, LM_STR("Companies sign software again for their own use."));
}

static enum lm_rc pair(struct lm_detect_ctx *d, const struct lm_facts_content *ref, const struct lm_facts_content *k)
{
	struct lm_arena *a = d->arena;
	struct lm_finding f = { .detector = "altered", .rule = LM_STR("twin"), .stage = LM_STAGE_NONE };
	f.key = lm_arena_fmt(a, "%.*s %.*s", LM_STR_ARG(ref->hex), LM_STR_ARG(k->hex));
	f.subject = lm_path_base(k->evidence.path);
	lm_finding_term(&f, "prior", prior, LM_STR("few signed files are not what was signed"));
	struct lm_str hash = lm_word_hex(a, ref->authentihash), one = table_words(a, ref), two = table_words(a, k);
	lm_finding_why(&f,
		       lm_arena_fmt(a,
				    "Contents %.*s (%.*s) and %.*s (%.*s) have the same authentihash %.*s and other "
				    "bytes.",
				    LM_STR_ARG(ref->hex), LM_STR_ARG(one), LM_STR_ARG(k->hex), LM_STR_ARG(two),
				    LM_STR_ARG(hash)));
	lm_finding_cite(&f, table_of(ref));
	lm_finding_cite(&f, table_of(k));
	struct difference x = compare(ref, k);
	f.severity = LM_SEV_INFORMATIONAL;
	if (x.checksum) {
		lm_finding_why(&f, LM_STR("The checksums in their PE headers differ; no signature covers that field."));
	}
	if (!(k->flags & LM_FACTS_SIGNED)) {
		lm_finding_why(&f, LM_STR("One is signed, the other is the same program without signature."));
		lm_finding_term(&f, "explained", explained, LM_STR("the difference is the signature itself"));
	} else if (x.signer) {
		f.severity = LM_SEV_MEDIUM;
		lm_finding_attack(&f, "T1553.002");
		signer_words(&f, a, ref, k);
		lm_finding_term(&f, "other signer", other_signer, LM_STR("the same program, signed by two parties"));
	} else if (x.signatures) {
		/* vendors sign one build for several channels: seen in public packages, with old and new authorities */
		lm_finding_why(&f,
			       x.issuer ? LM_STR("They were signed anew under the same signer's name, by certificates "
						 "of different authorities.")
					: LM_STR("They were signed or timestamped anew by the same signer."));
		lm_finding_term(&f, "explained", explained, LM_STR("the difference lies in the signatures"));
	} else if (x.copies && !x.inside) {
		lm_finding_why(&f,
			       LM_STR("One of them carries the same signature a second time, in an entry of its own."));
		lm_finding_term(&f, "explained", explained, LM_STR("the difference is a copy of the signature"));
	} else if (x.areas && !x.inside) {
		lm_finding_why(&f,
			       LM_STR("The areas that no hash covers differ, and each is padding, a known tag or old "
				      "page hashes."));
		lm_finding_term(&f, "explained", explained, LM_STR("the difference is explained padding or a tag"));
	} else if (x.checksum && !x.inside) {
		lm_finding_term(&f, "explained", explained, LM_STR("the difference is the checksum"));
	} else {
		f.severity = LM_SEV_MEDIUM;
		lm_finding_attack(&f, "T1553.002");
		lm_finding_why(
			&f, lm_arena_fmt(a,
					 "They were not signed anew, the signatures are the same. What differs is not "
					 "checksum, padding or a known tag alone: it stands inside the certificate "
					 "table%s, in parts that no signature covers.",
					 x.table ? ", whose sizes differ" : ""));
		lm_finding_term(&f, "not explained", unlocated, LM_STR("no known kind of difference"));
		lm_finding_counter(&f,
				   LM_STR("Certificates or timestamps can be exchanged without changing the program."));
	}
	return lm_finding_store(d, &f);
}

/* The group's reference: a valid signed content, the smallest by hash. NULL when none is signed. */
static const struct lm_facts_content *reference(const struct lm_facts_content *k)
{
	const struct lm_facts_content *best = NULL, *t = k;
	do {
		bool better = !best || (t->flags & LM_FACTS_VALID && !(best->flags & LM_FACTS_VALID)) ||
			      ((t->flags & LM_FACTS_VALID) == (best->flags & LM_FACTS_VALID) &&
			       lm_str_cmp(t->hex, best->hex) < 0);
		if (t->flags & LM_FACTS_SIGNED && !lm_judge_is_high(t) && better)
			best = t;
		t = t->twin;
	} while (t != k);
	return best;
}

enum lm_rc lm_twins(struct lm_detect_ctx *d)
{
	struct lm_facts *f = d->facts;
	struct lm_map seen; /* reference -> pairs told: a build system can make thousands of unsigned twins */
	lm_map_init(&seen);
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < f->n_contents; i++) {
		const struct lm_facts_content *k = f->contents[i];
		/* what a stronger rule tells is not told twice; a broken signature says nothing about its sound twin */
		bool broken = k->flags & LM_FACTS_SIGNED && !(k->flags & LM_FACTS_VALID);
		if (!k->twin || lm_judge_is_high(k) || broken || !(k->flags & LM_FACTS_BYTES))
			continue;
		const struct lm_facts_content *ref = reference(k);
		if (!ref || ref == k)
			continue;
		struct lm_map_entry *e = lm_map_add(&seen, ref->hex, NULL);
		if (e->v.num++ >= TWINS_MAX)
			continue;
		struct lm_arena_mark mark = lm_arena_mark(d->arena);
		rc = pair(d, ref, k);
		lm_arena_reset(d->arena, mark);
	}
	lm_map_fini(&seen);
	return rc;
}
