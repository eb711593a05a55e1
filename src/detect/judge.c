/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.c - from signature facts of one content to findings about it. In: facts loaded from the case. Out:
 * findings without host. It knows no format: the reader says which bytes no hash covers and what they look
 * like, this file says what that means. Severities are fixed by the design and stand in one table each.
 */
#include "base/text.h"
#include "detect/judge.h"

#define NO_TEXT ((struct lm_str){ 0 })

/* Log-odds of the terms; meaning and reasons in docs/dev/confidence.md. */
static const double prior = -2.0, unexplained_in_valid = 3.0, unexplained_else = 1.0, twin_known = 1.5,
		    large_area = 0.5, attribute_area = -0.5, fact_direct = 3.0, fact_table = 2.5, fact_weak = 1.5,
		    other_valid = -0.5;
/* More than any alignment or reserved marker needs. */
enum { LARGE_AREA = 64, ALIGNMENT_SLACK = 7, CODES_MAX = 8 };

struct fact_rule {
	const char *code, *rule;
	enum lm_severity severity;
	const double *weight;
	const char *technique;
	const char *meaning; /* after "The file has ..." */
	const char *counter;
};

static const struct fact_rule high_rules[] = {
	{ "digest-mismatch", "digest-mismatch", LM_SEV_HIGH, &fact_direct, "T1036.001",
	  "The file's digest is not the one that was signed: its bytes changed after signing.",
	  "Damage in transit or a patch by an updater changes the digest too; compare with the vendor's copy." },
	{ "leaf-not-code-signing", "not-code-signing", LM_SEV_HIGH, &fact_table, "T1553.002",
	  "The signer's certificate may not sign code (its extended key usage does not allow it).",
	  "Test and in-house certificates are sometimes made without the usage." },
	{ "explicit-ec-parameters", "explicit-ec", LM_SEV_HIGH, &fact_table, "T1553.002",
	  "A certificate spells out its elliptic curve instead of naming it, as forgeries after CVE-2020-0601 do.",
	  "Old software of smart cards wrote explicit parameters in good faith." },
};

static const struct fact_rule broken_rules[] = {
	{ .code = "message-digest-mismatch" },
	{ .code = "content-type-mismatch" },
	{ .code = "algorithm-disagreement" },
	{ .code = "signature-primitive-failed" },
	{ .code = "signer-count" },
	{ .code = "signer-certificate-missing" },
	{ .code = "not-der" },
	{ .code = "table-unaligned" },
	{ .code = "table-outside-file" },
	{ .code = "table-overlaps-headers" },
	{ .code = "table-overlaps-section" },
	{ .code = "entry-overruns-table" },
};

static const struct fact_rule low_rules[] = {
	{ "layout-digest-differs", "layout-digest", LM_SEV_MEDIUM, &fact_weak, "T1553.002",
	  "Two readings of the file's layout give different digests: verifiers may disagree about it.", NULL },
	{ "large-attribute", "large-attribute", LM_SEV_MEDIUM, &fact_weak, "T1553.002",
	  "An attribute outside the signed part is larger than any timestamp or nested signature needs.", NULL },
	{ "unknown-attribute", "unknown-attribute", LM_SEV_LOW, &fact_weak, "T1553.002",
	  "An attribute of unknown purpose stands outside the signed part.", NULL },
	{ "superfluous-certificate", "superfluous-certificate", LM_SEV_INFORMATIONAL, &fact_weak, NULL,
	  "The certificate bag holds a certificate that is in no signer's chain.", NULL },
	{ "self-signed", "self-signed", LM_SEV_INFORMATIONAL, &fact_weak, NULL,
	  "The signer's certificate is signed by itself.", NULL },
	{ "checksum-wrong", "checksum-wrong", LM_SEV_INFORMATIONAL, &fact_weak, NULL,
	  "The checksum in the PE header is not the file's; no signature covers that field and some installers "
	  "leave it stale.",
	  NULL },
};

bool lm_judge_unexplained(const struct lm_facts_unhashed *u)
{
	return lm_str_eq(u->class, LM_STR("unexplained")) && u->nonzero.set && u->nonzero.v > 0;
}

bool lm_judge_appended(const struct lm_facts_unhashed *u)
{
	return lm_judge_unexplained(u) && !lm_str_eq(u->place, LM_STR("after-table")) &&
	       !lm_str_eq(u->place, LM_STR("extra-entry"));
}

static const struct lm_facts_unhashed *unexplained_at(const struct lm_facts_content *k, const char *place)
{
	for (const struct lm_facts_unhashed *u = k->unhashed; u; u = u->next)
		if (lm_judge_unexplained(u) && (place ? lm_str_eq(u->place, lm_cstr(place)) : lm_judge_appended(u)))
			return u;
	return NULL;
}

bool lm_judge_is_broken(const struct lm_facts_content *k)
{
	for (size_t i = 0; i < sizeof broken_rules / sizeof *broken_rules; i++)
		if (lm_facts_code(k, broken_rules[i].code))
			return true;
	/* bytes after the table make every signature malformed; that rule says so already */
	if (lm_facts_code(k, "bytes-after-table"))
		return false;
	for (const struct lm_facts_sig *s = k->sigs; s; s = s->next)
		if (lm_str_eq(s->status, LM_STR("malformed")))
			return true;
	return false;
}

/*
 * An entry whose bytes are no signature: the reader says so (opaque-entry), but for the first entry, which it
 * calls an unreadable signature. Those bytes mean something only beside a valid signature: without one they may
 * be what is left of a truncated copy.
 */
static bool has_opaque_entry(const struct lm_facts_content *k)
{
	return lm_facts_code(k, "opaque-entry") || (k->flags & LM_FACTS_VALID && unexplained_at(k, "extra-entry"));
}

bool lm_judge_is_tampered(const struct lm_facts_content *k, struct lm_str *why)
{
	static const char *const words[] = {
		"the file's digest is not the one that was signed",
		"bytes that no hash covers, and that are not zero padding",
		"bytes follow the certificate table",
		"the certificate table has an entry that holds no signature",
	};
	int i = lm_facts_code(k, "digest-mismatch")					    ? 0
		: unexplained_at(k, NULL)						    ? 1
		: lm_facts_code(k, "bytes-after-table") || unexplained_at(k, "after-table") ? 2
		: has_opaque_entry(k)							    ? 3
											    : -1;
	*why = i < 0 ? NO_TEXT : lm_cstr(words[i]);
	return i >= 0;
}

static bool is_weak(struct lm_str alg)
{
	return lm_str_eq(alg, LM_STR("md5")) || lm_str_eq(alg, LM_STR("sha1"));
}

bool lm_judge_weak_only(const struct lm_facts_content *k)
{
	for (const struct lm_facts_sig *s = k->sigs; s; s = s->next)
		if (s->digest_alg.p && !is_weak(s->digest_alg))
			return false;
	return k->sigs && is_weak(k->sigs->digest_alg);
}

bool lm_judge_zero_slack(const struct lm_facts_content *k, uint64_t *bytes)
{
	uint64_t sum = 0;
	for (const struct lm_facts_unhashed *u = k->unhashed; u; u = u->next)
		if (u->nonzero.set && u->nonzero.v == 0 && u->length.set && u->length.v > ALIGNMENT_SLACK)
			sum += (uint64_t)u->length.v;
	if (bytes)
		*bytes = sum;
	return sum > 0;
}

bool lm_judge_is_high(const struct lm_facts_content *k)
{
	for (size_t i = 0; i < sizeof high_rules / sizeof *high_rules; i++)
		if (lm_facts_code(k, high_rules[i].code))
			return true;
	return lm_facts_code(k, "bytes-after-table") || unexplained_at(k, "after-table") || has_opaque_entry(k) ||
	       (k->flags & LM_FACTS_VALID && unexplained_at(k, NULL));
}

struct lm_facts_content *lm_judge_twin(const struct lm_facts_content *k)
{
	struct lm_facts_content *best = NULL;
	int best_score = -1;
	for (struct lm_facts_content *t = k->twin; t && t != k; t = t->twin) {
		if (!(t->flags & LM_FACTS_SIGNED))
			continue; /* an unsigned copy differs by its missing signature: no proof of anything */
		int score = (t->flags & LM_FACTS_VALID ? 1 : 0) + (unexplained_at(t, NULL) ? 0 : 2);
		if (score > best_score || (score == best_score && lm_str_cmp(t->hex, best->hex) < 0)) {
			best = t;
			best_score = score;
		}
	}
	return best;
}

static const struct lm_facts_sig *leading(const struct lm_facts_content *k)
{
	for (const struct lm_facts_sig *s = k->sigs; s; s = s->next)
		if (lm_str_eq(s->status, LM_STR("valid")))
			return s;
	return k->sigs;
}

struct lm_str lm_judge_signer(const struct lm_facts_content *k)
{
	const struct lm_facts_sig *s = leading(k);
	return s ? s->signer : NO_TEXT;
}

static struct lm_evidence_ref at(const struct lm_facts_content *k, struct lm_int offset, struct lm_int length)
{
	struct lm_evidence_ref e = k->evidence;
	if (offset.set && offset.v >= 0) {
		e.offset = (uint64_t)offset.v;
		e.length = length.set && length.v > 0 ? (uint64_t)length.v : 0;
	}
	return e;
}

static void begin(struct lm_finding *f, const char *rule, enum lm_severity severity, const char *technique)
{
	*f = (struct lm_finding){ .rule = lm_cstr(rule), .severity = severity };
	lm_finding_term(f, "prior", prior, LM_STR("few signed files are not what was signed"));
	if (technique)
		lm_finding_attack(f, technique);
}

static struct lm_str signer_words(struct lm_arena *a, const struct lm_facts_content *k)
{
	const struct lm_facts_sig *s = leading(k);
	if (!s)
		return NO_TEXT;
	struct lm_str who = lm_word_quote(a, s->signer);
	struct lm_str reason = lm_word_cap(a, s->reason);
	if (lm_str_eq(s->status, LM_STR("valid")))
		return lm_arena_fmt(a, "The signature by %.*s over the rest of the file verifies.", LM_STR_ARG(who));
	return lm_arena_fmt(a, "The signature by %.*s does not verify%s%.*s.", LM_STR_ARG(who), reason.n ? ": " : "",
			    LM_STR_ARG(reason));
}

static void add_twin(struct lm_finding *f, struct lm_arena *a, const struct lm_facts_content *k)
{
	const struct lm_facts_content *t = lm_judge_twin(k);
	if (!t)
		return;
	struct lm_str hash = lm_word_hex(a, k->authentihash);
	struct lm_str mine = lm_word_num(a, k->cert_size.set ? (uint64_t)k->cert_size.v : 0);
	struct lm_str its = lm_word_num(a, t->cert_size.set ? (uint64_t)t->cert_size.v : 0);
	bool clean = !unexplained_at(t, NULL);
	lm_finding_why(f, lm_arena_fmt(a,
				       "Content %.*s has the same authentihash (%.*s) and other bytes: its certificate "
				       "table takes %.*s bytes, here %.*s%s.",
				       LM_STR_ARG(t->hex), LM_STR_ARG(hash), LM_STR_ARG(its), LM_STR_ARG(mine),
				       clean ? "; it has no unexplained bytes" : ""));
	lm_finding_term(f, "twin", twin_known, LM_STR("a byte-different file with the same authentihash is known"));
	lm_finding_cite(f, at(t, t->cert_offset, t->cert_size));
}

static const char *place_words(struct lm_str place)
{
	static const struct {
		const char *place, *words;
	} table[] = {
		{ "entry-slack", "after the signature inside its certificate entry" },
		{ "entry-padding", "in the padding between certificate entries" },
		{ "table-gap", "in the certificate table outside its entries" },
		{ "after-table", "after the certificate table" },
		{ "extra-entry", "in a certificate entry that holds no signature" },
		{ "unauthenticated-attribute", "in an attribute outside the signed part" },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (lm_str_eq(place, lm_cstr(table[i].place)))
			return table[i].words;
	return "where no hash covers them";
}

static struct lm_str area_words(struct lm_arena *a, const struct lm_facts_unhashed *u)
{
	struct lm_str length = lm_word_count(a, u->length.set ? (uint64_t)u->length.v : 0, "byte", "bytes");
	struct lm_str nonzero = lm_word_num(a, u->nonzero.set ? (uint64_t)u->nonzero.v : 0);
	int64_t from = u->first_nonzero.set ? u->first_nonzero.v : u->offset.v;
	struct lm_str note = lm_word_cap(a, u->note);
	return lm_arena_fmt(
		a,
		"%.*s (%.*s not zero, the first at offset 0x%llx) stand %s at offset 0x%llx; no hash covers "
		"them%s%.*s.",
		LM_STR_ARG(length), LM_STR_ARG(nonzero), (unsigned long long)from, place_words(u->place),
		(unsigned long long)u->offset.v, note.n ? ": " : "", LM_STR_ARG(note));
}

static enum lm_rc appended(struct lm_detect_ctx *d, struct lm_facts_content *k, lm_judge_fn *fn, void *user)
{
	if (!unexplained_at(k, NULL))
		return LM_OK;
	bool valid = k->flags & LM_FACTS_VALID, critical = k->products || lm_judge_twin(k);
	struct lm_finding f;
	begin(&f, "unexplained-bytes", valid && critical ? LM_SEV_CRITICAL : LM_SEV_HIGH, "T1553.002");
	lm_finding_term(&f, "unexplained bytes", valid ? unexplained_in_valid : unexplained_else,
			valid ? LM_STR("a valid signature proves that they were added after signing")
			      : LM_STR("no signature of the file is valid, so what was signed is not known"));
	bool large = false, attribute = true;
	unsigned areas = 0;
	for (const struct lm_facts_unhashed *u = k->unhashed; u; u = u->next) {
		if (!lm_judge_appended(u))
			continue;
		if (areas++ < CODES_MAX) {
			lm_finding_why(&f, area_words(d->arena, u));
			lm_finding_cite(&f, at(k, u->offset, u->length));
		}
		large |= u->nonzero.v >= LARGE_AREA;
		attribute &= lm_str_eq(u->place, LM_STR("unauthenticated-attribute"));
	}
	lm_finding_why(&f, signer_words(d->arena, k));
	if (large)
		lm_finding_term(&f, "size", large_area, LM_STR("64 bytes or more: no alignment needs them"));
	if (attribute) {
		lm_finding_term(&f, "place", attribute_area, LM_STR("some products keep data of their own there"));
		lm_finding_counter(&f, LM_STR("Some vendors stored licence or referral data in unsigned attributes."));
	}
	lm_finding_counter(&f, LM_STR("A vendor's own tag in an unknown format would look the same; ask the vendor for "
				      "the SHA-256 of the file as shipped."));
	add_twin(&f, d->arena, k);
	return fn(user, k, &f);
}

/* Bytes after the table, and entries that hold no signature: the fact, the bytes, or both may be stated. */
static enum lm_rc outside(struct lm_detect_ctx *d, struct lm_facts_content *k, const char *code, const char *place,
			  const char *meaning, lm_judge_fn *fn, void *user)
{
	const struct lm_facts_fact *x = lm_facts_code(k, code);
	const struct lm_facts_unhashed *u = unexplained_at(k, place);
	if (!x && !u)
		return LM_OK;
	struct lm_finding f;
	begin(&f, code, LM_SEV_HIGH, "T1553.002");
	lm_finding_why(&f, lm_cstr(meaning));
	lm_finding_term(&f, code, fact_table, NO_TEXT);
	for (; u; u = u->next)
		if (lm_judge_unexplained(u) && lm_str_eq(u->place, lm_cstr(place)) && f.n_why < CODES_MAX) {
			lm_finding_why(&f, area_words(d->arena, u));
			lm_finding_cite(&f, at(k, u->offset, u->length));
		}
	if (x) {
		lm_finding_why(&f, lm_word_cap(d->arena, x->detail));
		lm_finding_cite(&f, at(k, x->offset, x->length));
	}
	lm_finding_why(&f, signer_words(d->arena, k));
	lm_finding_counter(&f,
			   LM_STR("Rewriting tools leave stale data behind; such files are rare among signed ones."));
	add_twin(&f, d->arena, k);
	return fn(user, k, &f);
}

static void cite_signature(struct lm_finding *f, const struct lm_facts_content *k, const struct lm_facts_fact *x)
{
	for (const struct lm_facts_sig *s = k->sigs; s; s = s->next)
		if (x->index.set && s->index.set && s->index.v == x->index.v)
			lm_finding_cite(f, at(k, s->offset, s->length));
}

static enum lm_rc by_rule(struct lm_detect_ctx *d, struct lm_facts_content *k, const struct fact_rule *r,
			  lm_judge_fn *fn, void *user)
{
	const struct lm_facts_fact *x = lm_facts_code(k, r->code);
	if (!x)
		return LM_OK;
	struct lm_finding f;
	begin(&f, r->rule, r->severity, r->technique);
	lm_finding_term(&f, r->rule, *r->weight, NO_TEXT);
	lm_finding_why(&f, lm_cstr(r->meaning));
	bool mismatch = strcmp(r->code, "digest-mismatch") == 0;
	for (unsigned n = 0; x && lm_str_eq(x->code, lm_cstr(r->code)); x = x->next) {
		if (n++ >= CODES_MAX)
			continue;
		lm_finding_why(&f, lm_word_cap(d->arena, x->detail));
		lm_finding_cite(&f, at(k, x->offset, x->length));
		cite_signature(&f, k, x);
	}
	for (const struct lm_facts_sig *s = k->sigs; mismatch && s; s = s->next) {
		if (!s->signed_digest.n || !s->authentihash.n || lm_bytes_eq(s->signed_digest, s->authentihash) ||
		    f.n_why >= CODES_MAX + 2)
			continue;
		struct lm_str was = lm_word_hex(d->arena, s->signed_digest),
			      is = lm_word_hex(d->arena, s->authentihash);
		lm_finding_why(&f, lm_arena_fmt(d->arena, "Signature %lld signed %.*s, the file's digest is %.*s.",
						(long long)s->index.v, LM_STR_ARG(was), LM_STR_ARG(is)));
	}
	if (mismatch && k->flags & LM_FACTS_VALID) {
		lm_finding_term(&f, "another signature", other_valid, LM_STR("over the same bytes is valid"));
		lm_finding_counter(&f, LM_STR("Another signature of the same file is valid."));
	}
	if (r->severity >= LM_SEV_HIGH) {
		struct lm_str who = lm_word_quote(d->arena, lm_judge_signer(k));
		lm_finding_why(&f, lm_arena_fmt(d->arena, "The certificate names %.*s.", LM_STR_ARG(who)));
	}
	lm_finding_counter(&f, lm_cstr(r->counter));
	if (!f.n_evidence)
		lm_finding_cite(&f, k->evidence);
	return fn(user, k, &f);
}

static enum lm_rc broken(struct lm_detect_ctx *d, struct lm_facts_content *k, lm_judge_fn *fn, void *user)
{
	if (!lm_judge_is_broken(k))
		return LM_OK;
	struct lm_finding f;
	begin(&f, "broken-signature", LM_SEV_MEDIUM, "T1036.001");
	lm_finding_term(&f, "broken", fact_weak, LM_STR("a signature that cannot be checked proves nothing"));
	lm_finding_why(&f,
		       LM_STR("The signature or its table is not well formed: who signed the file, and what, cannot "
			      "be said."));
	for (size_t i = 0; i < sizeof broken_rules / sizeof *broken_rules; i++) {
		const struct lm_facts_fact *x = lm_facts_code(k, broken_rules[i].code);
		if (!x || f.n_why > CODES_MAX)
			continue;
		struct lm_str detail = lm_word_cap(d->arena, x->detail);
		lm_finding_why(&f, lm_arena_fmt(d->arena, "%s%s%.*s.", broken_rules[i].code, detail.n ? ": " : "",
						LM_STR_ARG(detail)));
		lm_finding_cite(&f, at(k, x->offset, x->length));
	}
	for (const struct lm_facts_sig *s = k->sigs; s; s = s->next)
		if (s->reason.n && f.n_why < LM_FINDING_LIST_MAX - 4) {
			struct lm_str reason = lm_word_cap(d->arena, s->reason);
			lm_finding_why(&f, lm_arena_fmt(d->arena, "Signature %lld: %.*s.", (long long)s->index.v,
							LM_STR_ARG(reason)));
			lm_finding_cite(&f, at(k, s->offset, s->length));
		}
	lm_finding_counter(&f,
			   LM_STR("A truncated copy or a damaged collection looks the same; a fresh copy decides."));
	if (!f.n_evidence)
		lm_finding_cite(&f, k->evidence);
	return fn(user, k, &f);
}

static enum lm_rc note(struct lm_facts_content *k, const char *rule, enum lm_severity severity, struct lm_str why,
		       struct lm_evidence_ref where, lm_judge_fn *fn, void *user)
{
	struct lm_finding f;
	begin(&f, rule, severity, NULL);
	lm_finding_term(&f, rule, fact_weak, NO_TEXT);
	lm_finding_why(&f, why);
	lm_finding_cite(&f, where);
	return fn(user, k, &f);
}

/* What the design calls informational, and trust when roots were given. */
static enum lm_rc notes(struct lm_detect_ctx *d, struct lm_facts_content *k, lm_judge_fn *fn, void *user)
{
	enum lm_rc rc = LM_OK;
	uint64_t slack;
	if (lm_judge_weak_only(k)) {
		struct lm_str alg = lm_word_quote(d->arena, k->sigs->digest_alg);
		rc = note(
			k, "weak-digest", LM_SEV_INFORMATIONAL,
			lm_arena_fmt(d->arena, "The only digest any of its signatures uses is %.*s.", LM_STR_ARG(alg)),
			at(k, k->sigs->offset, k->sigs->length), fn, user);
	}
	if (rc == LM_OK && lm_judge_zero_slack(k, &slack)) {
		struct lm_str n = lm_word_count(d->arena, slack, "zero byte", "zero bytes");
		rc = note(k, "zero-slack", LM_SEV_INFORMATIONAL,
			  lm_arena_fmt(d->arena,
				       "%.*s, more than alignment needs, stand where no hash covers them; Windows "
				       "with EnableCertPaddingCheck refuses the signature.",
				       LM_STR_ARG(n)),
			  at(k, k->cert_offset, k->cert_size), fn, user);
	}
	for (const struct lm_facts_unhashed *u = k->unhashed; rc == LM_OK && u; u = u->next) {
		bool tag = lm_str_eq(u->class, LM_STR("tag"));
		if (!tag && !lm_str_eq(u->class, LM_STR("stale-hashes")))
			continue;
		rc = note(k, tag ? "known-tag" : "stale-hashes", LM_SEV_INFORMATIONAL, area_words(d->arena, u),
			  at(k, u->offset, u->length), fn, user);
		break; /* one a content */
	}
	const struct lm_facts_sig *s = leading(k);
	if (rc == LM_OK && d->opts->trust_given && s &&
	    (lm_str_eq(s->trust, LM_STR("untrusted")) || lm_str_eq(s->trust, LM_STR("expired")) ||
	     lm_str_eq(s->trust, LM_STR("revoked")))) {
		bool revoked = lm_str_eq(s->trust, LM_STR("revoked"));
		struct lm_str why = lm_word_cap(d->arena, s->trust_reason), who = lm_word_quote(d->arena, s->signer);
		const char *rule = revoked				    ? "revoked"
				   : lm_str_eq(s->trust, LM_STR("expired")) ? "expired"
									    : "untrusted";
		rc = note(k, rule, revoked ? LM_SEV_MEDIUM : LM_SEV_INFORMATIONAL,
			  lm_arena_fmt(d->arena, "The chain of %.*s is %s%s%.*s.", LM_STR_ARG(who), rule,
				       why.n ? ": " : "", LM_STR_ARG(why)),
			  at(k, s->offset, s->length), fn, user);
	}
	return rc;
}

enum lm_rc lm_judge(struct lm_detect_ctx *d, struct lm_facts_content *k, lm_judge_fn *fn, void *user)
{
	enum lm_rc rc = appended(d, k, fn, user);
	for (size_t i = 0; rc == LM_OK && i < sizeof high_rules / sizeof *high_rules; i++)
		rc = by_rule(d, k, &high_rules[i], fn, user);
	if (rc == LM_OK)
		rc = outside(d, k, "bytes-after-table", "after-table",
			     "Bytes follow the certificate table, which must end the file.", fn, user);
	if (rc == LM_OK && has_opaque_entry(k))
		rc = outside(
			d, k, "opaque-entry", "extra-entry",
			"The certificate table has an entry that holds no signature and nothing else that is known.",
			fn, user);
	if (rc == LM_OK)
		rc = broken(d, k, fn, user);
	for (size_t i = 0; rc == LM_OK && i < sizeof low_rules / sizeof *low_rules; i++)
		if (k->flags & LM_FACTS_SIGNED)
			rc = by_rule(d, k, &low_rules[i], fn, user);
	if (rc == LM_OK && k->flags & LM_FACTS_SIGNED)
		rc = notes(d, k, fn, user);
	return rc == LM_OK && d->arena->spent ? LM_ELIMIT : rc;
}
