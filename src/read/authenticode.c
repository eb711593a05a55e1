/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authenticode.c - is each signature true, and what does it leave open?
 *
 * In: the signatures the table walk found, the digests of the file. Out: one `signature` each, with facts.
 * A signature is valid when the file's digest is the stated one, the signed attributes bind the statement,
 * and the signer's key verifies them; trust is judged apart. Limits: 64 signatures, 8 levels of nesting.
 */
#include "read/authenticode.h"

#include <openssl/err.h>
#include <stdio.h>

#include "read/authenticode_crypto.h"
#include "read/trust_chain.h"

/* What is being said about one signature while it is judged. */
struct verdict {
	struct lm_ac *ac;
	struct lm_ac_sig *s;
	enum lm_ac_status status;
	struct lm_buf reason;
};

void lm_ac_init(struct lm_ac *ac, struct lm_pe_obs *q, struct lm_bytes file)
{
	*ac = (struct lm_ac){ .q = q, .file = file };
}

static struct lm_ac_sig *add_sig(struct lm_ac *ac, unsigned entry, unsigned depth)
{
	struct lm_ac_sig *s = lm_arena_alloc(ac->q->in->arena, sizeof *s);
	if (!s) {
		ac->q->rc = LM_ELIMIT;
		return NULL;
	}
	s->index = ac->n_sigs++;
	s->entry = entry;
	s->depth = depth;
	s->alg = LM_DIGEST_ALGS;
	if (ac->last)
		ac->last->next = s;
	else
		ac->first = s;
	ac->last = s;
	return s;
}

void lm_ac_unreadable(struct lm_ac *ac, uint64_t at, uint64_t length, unsigned entry, const char *why)
{
	struct lm_ac_sig *s = add_sig(ac, entry, 0);
	if (!s)
		return;
	s->opaque = why;
	s->p7.whole.at = at;
	s->p7.whole.whole = lm_bytes_part(ac->file, at, length);
	s->p7.why = why;
	s->p7.why_at = at;
}

static void nested(struct lm_ac *ac, const struct lm_p7_attr *attr, unsigned entry, unsigned depth)
{
	struct lm_der values = lm_der_in(&attr->values);
	struct lm_tlv t;
	while (lm_der_next(&values, &t)) {
		if (depth > LM_AC_DEPTH_MAX || ac->n_sigs >= LM_AC_SIGS_MAX) {
			if (!ac->too_many)
				lm_pe_obs_damage(
					ac->q, t.at,
					"cannot read nested signature at 0x%llx: more than %u levels or %u signatures",
					(unsigned long long)t.at, LM_AC_DEPTH_MAX, LM_AC_SIGS_MAX);
			ac->too_many = true;
			return;
		}
		lm_ac_blob(ac, &t, entry, depth);
	}
	if (values.why)
		lm_pe_obs_damage(ac->q, values.why_at, "cannot read nested signature at 0x%llx: %s",
				 (unsigned long long)values.why_at, values.why);
}

void lm_ac_blob(struct lm_ac *ac, const struct lm_tlv *whole, unsigned entry, unsigned depth)
{
	struct lm_ac_sig *s = add_sig(ac, entry, depth);
	if (!s)
		return;
	enum lm_rc rc = lm_p7_parse(whole, ac->q->in->arena, &s->p7);
	if (rc == LM_ELIMIT) {
		ac->q->rc = rc;
		s->p7.why = "out of memory";
		s->p7.why_at = whole->at;
		return;
	}
	s->parsed = rc == LM_OK;
	s->alg = s->p7.has_indirect ? lm_digest_of_oid(s->p7.indirect_digest.oid) : LM_DIGEST_ALGS;
	const struct lm_p7_signer *signer = &s->p7.signer;
	for (unsigned i = 0; i < signer->n_other; i++)
		if (lm_bytes_eq(signer->other_attrs[i].oid, lm_oid_nested_signature))
			nested(ac, &signer->other_attrs[i], entry, depth + 1);
}

unsigned lm_ac_algorithms(const struct lm_ac *ac)
{
	unsigned mask = 1u << LM_SHA256;
	for (const struct lm_ac_sig *s = ac->first; s; s = s->next)
		if (s->alg < LM_DIGEST_ALGS)
			mask |= 1u << s->alg;
	return mask;
}

/* Worsens the status and appends to the reason. */
static void __attribute__((format(printf, 3, 4)))
blame(struct verdict *v, enum lm_ac_status status, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (status > v->status)
		v->status = status;
	if (v->reason.n)
		lm_buf_puts(&v->reason, "; ");
	lm_buf_puts(&v->reason, text);
}

static const char *hex(struct lm_bytes b, char out[2 * LM_DIGEST_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";
	size_t n = b.n < LM_DIGEST_MAX ? b.n : LM_DIGEST_MAX;
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[b.p[i] >> 4];
		out[2 * i + 1] = digits[b.p[i] & 15];
	}
	out[2 * n] = 0;
	return out;
}

static bool equals(const uint8_t *digest, enum lm_digest_alg alg, struct lm_bytes stated)
{
	return lm_bytes_eq((struct lm_bytes){ digest, lm_digest_size(alg) }, stated);
}

/* The digest of the file against the stated one. */
static void judge_digest(struct verdict *v, const struct lm_pe_digests *all)
{
	const struct lm_p7 *p7 = &v->s->p7;
	enum lm_digest_alg alg = v->s->alg;
	const struct lm_bytes stated = p7->indirect_value;
	char a[2 * LM_DIGEST_MAX + 1], b[2 * LM_DIGEST_MAX + 1], oid[LM_OID_TEXT];
	if (!p7->has_indirect)
		return;
	if (alg == LM_DIGEST_ALGS) {
		blame(v, LM_AC_MALFORMED, "digest algorithm %s is not known",
		      lm_der_oid_text(p7->indirect_digest.oid, oid));
		return;
	}
	if (alg == LM_MD5 || alg == LM_SHA1)
		lm_pe_obs_fact(v->ac->q, v->s->index, "weak-digest", p7->whole.at, 0, "the file's digest is %s",
			       lm_digest_name(alg));
	const struct lm_pe_digest *d = &all->d[alg];
	if (equals(d->plain, alg, stated) || equals(d->padded, alg, stated))
		return;
	const char *also = "";
	if (all->layout_differs && equals(d->layout, alg, stated))
		also = " (the section-sorted formulation matches: UEFI firmware may accept the file)";
	else if (v->ac->after && equals(d->whole, alg, stated))
		also = " (it matches with the bytes behind the table)";
	hex((struct lm_bytes){ d->plain, lm_digest_size(alg) }, a);
	hex(stated, b);
	blame(v, LM_AC_INVALID, "%s of the file is %.16s.., signed is %.16s..%s", lm_digest_name(alg), a, b, also);
	lm_pe_obs_fact(v->ac->q, v->s->index, "digest-mismatch", p7->content.at, p7->content.whole.n,
		       "%s over %llu bytes is %s, the signature states %s%s", lm_digest_name(alg),
		       (unsigned long long)all->hashed, a, b, also);
}

/* One attribute with one value of the type, or a reason why not. */
static bool single(struct verdict *v, struct lm_bytes oid, uint8_t tag, const char *name, const char *code,
		   struct lm_tlv *value)
{
	const struct lm_p7_signer *signer = &v->s->p7.signer;
	unsigned n;
	const struct lm_p7_attr *attr = lm_p7_attr_find(signer, oid, &n);
	if (n == 1) {
		struct lm_der d = lm_der_in(&attr->values);
		if (lm_der_need(&d, tag, value) && lm_der_at_end(&d))
			return true;
	}
	if (n == 1)
		blame(v, LM_AC_INVALID, "the %s attribute has no single value", name);
	else
		blame(v, LM_AC_INVALID, "there are %u %s attributes, expected one", n, name);
	lm_pe_obs_fact(v->ac->q, v->s->index, code, signer->at, 0, "%u %s attributes, expected one with one value", n,
		       name);
	return false;
}

/* The signed attributes must say: this content type, this digest of the content. */
static void judge_attributes(struct verdict *v, enum lm_digest_alg alg)
{
	const struct lm_p7 *p7 = &v->s->p7;
	uint8_t digest[LM_DIGEST_MAX];
	char a[2 * LM_DIGEST_MAX + 1], b[2 * LM_DIGEST_MAX + 1], oid[LM_OID_TEXT];
	struct lm_tlv value;
	if (single(v, lm_oid_content_type, LM_DER_OID, "contentType", "content-type-mismatch", &value) &&
	    !lm_bytes_eq(value.body, p7->content_type)) {
		blame(v, LM_AC_INVALID, "the contentType attribute is %s", lm_der_oid_text(value.body, oid));
		lm_pe_obs_fact(v->ac->q, v->s->index, "content-type-mismatch", value.at, value.whole.n,
			       "contentType attribute is %s", oid);
	}
	if (!single(v, lm_oid_message_digest, LM_DER_OCTETS, "messageDigest", "message-digest-mismatch", &value))
		return;
	/* What is signed are the contents of SpcIndirectDataContent, without its own tag and length. */
	if (!lm_digest(alg, p7->content.body, digest) || equals(digest, alg, value.body))
		return;
	hex((struct lm_bytes){ digest, lm_digest_size(alg) }, a);
	hex(value.body, b);
	blame(v, LM_AC_INVALID, "the messageDigest attribute is %.16s.., the content's digest %.16s..", b, a);
	lm_pe_obs_fact(v->ac->q, v->s->index, "message-digest-mismatch", value.at, value.whole.n,
		       "messageDigest attribute is %s, %s of the content is %s", b, lm_digest_name(alg), a);
}

/* Three places name the digest algorithm; a difference lets two verifiers check two different things. */
static void judge_algorithms(struct verdict *v, enum lm_digest_alg alg, enum lm_digest_alg named)
{
	const struct lm_p7 *p7 = &v->s->p7;
	bool listed = false;
	const char *what = NULL;
	for (unsigned i = 0; i < p7->n_digests; i++)
		listed = listed || lm_bytes_eq(p7->digests[i].oid, p7->signer.digest.oid);
	if (!listed)
		what = "SignedData does not list the signer's digest algorithm";
	else if (p7->has_indirect && v->s->alg != alg)
		what = "SpcIndirectDataContent uses another digest than the signer";
	else if (named != LM_DIGEST_ALGS && named != alg)
		what = "the signature algorithm names another digest than the signer";
	if (!what)
		return;
	blame(v, LM_AC_INVALID, "%s", what);
	lm_pe_obs_fact(v->ac->q, v->s->index, "algorithm-disagreement", p7->signer.at, 0, "%s (signer %s, file %s)",
		       what, lm_digest_name(alg), lm_digest_name(v->s->alg));
}

/* The certificate that SignerInfo names; names whose bytes differ may still be the same name. */
static const struct lm_cert *signer_cert(const struct lm_p7 *p7, const struct lm_p7_signer *s)
{
	const struct lm_cert *c = lm_p7_cert_find(p7, s->issuer, s->serial);
	for (unsigned i = 0; !c && i < p7->n_certs; i++)
		if (p7->certs[i].readable && lm_bytes_eq(p7->certs[i].serial, s->serial) &&
		    lm_crypto_same_name(p7->certs[i].issuer, s->issuer))
			c = &p7->certs[i];
	return c;
}

/* The signer's certificate and key, and the primitive. */
static void judge_signer(struct verdict *v, const struct lm_cert *cert, EVP_PKEY *key)
{
	const struct lm_p7_signer *s = &v->s->p7.signer;
	struct lm_pe_obs *q = v->ac->q;
	char why[LM_CRYPTO_WHY] = "", oid[LM_OID_TEXT];
	enum lm_digest_alg named = LM_DIGEST_ALGS, alg = lm_digest_of_oid(s->digest.oid);
	bool known = lm_crypto_sig_digest(s, &named, why);
	if (alg == LM_DIGEST_ALGS) {
		blame(v, LM_AC_INVALID, "the signer's digest algorithm %s is not known",
		      lm_der_oid_text(s->digest.oid, oid));
		lm_pe_obs_fact(q, v->s->index, "algorithm-disagreement", s->at, 0,
			       "the signer's digest algorithm %s is not known", oid);
		return;
	}
	judge_algorithms(v, alg, named);
	judge_attributes(v, alg);
	if (!cert || (!key && !cert->explicit_ec)) {
		blame(v, LM_AC_INVALID,
		      cert ? "the signer's key cannot be read" : "the signer's certificate is missing");
		lm_pe_obs_fact(q, v->s->index, "signer-certificate-missing", s->at, 0,
			       "none of %u certificates can be read and has the issuer and serial number of the signer",
			       v->s->p7.n_certs);
		return;
	}
	if (cert->explicit_ec) {
		blame(v, LM_AC_INVALID, "the signer's elliptic-curve key brings its own parameters");
		return;
	}
	if (known && lm_crypto_verify(key, s, alg, why))
		return;
	blame(v, LM_AC_INVALID, "%s", why);
	lm_pe_obs_fact(q, v->s->index, "signature-primitive-failed", s->signature.at, s->signature.whole.n, "%s", why);
}

/* Everything that must hold before a signature can be verified at all. */
static bool judge_structure(struct verdict *v)
{
	const struct lm_p7 *p7 = &v->s->p7;
	struct lm_pe_obs *q = v->ac->q;
	char oid[LM_OID_TEXT];
	if (v->ac->table_fault && !v->s->opaque)
		blame(v, LM_AC_MALFORMED, "%s", v->ac->table_fault);
	if (v->s->opaque && p7->whole.whole.n == 0) { /* the table walk said what is wrong with it */
		blame(v, LM_AC_MALFORMED, "%s", v->s->opaque);
		return false;
	}
	if (!v->s->parsed) {
		blame(v, LM_AC_MALFORMED, "%s at 0x%llx", p7->why, (unsigned long long)p7->why_at);
		lm_pe_obs_fact(q, v->s->index, "not-der", p7->why_at, 0, "%s at 0x%llx", p7->why,
			       (unsigned long long)p7->why_at);
		lm_pe_obs_damage(q, p7->why_at, "cannot read signature %u: %s at 0x%llx", v->s->index, p7->why,
				 (unsigned long long)p7->why_at);
		return false;
	}
	if (p7->n_signers != 1) {
		blame(v, LM_AC_MALFORMED, "%u signers, expected one", p7->n_signers);
		lm_pe_obs_fact(q, v->s->index, "signer-count", p7->whole.at, 0, "%u SignerInfos, expected one",
			       p7->n_signers);
	}
	if (!p7->has_indirect) {
		blame(v, LM_AC_MALFORMED, "content type is %s, not SpcIndirectDataContent",
		      lm_der_oid_text(p7->content_type, oid));
		lm_pe_obs_fact(q, v->s->index, "content-type-mismatch", p7->whole.at, 0,
			       "content type is %s, not SpcIndirectDataContent", oid);
	}
	return p7->n_signers > 0 && p7->content.whole.n > 0;
}

/* Parameters that mean nothing are room for bytes: NULL or nothing is what belongs there. */
static bool params_are_room(const struct lm_p7_alg *alg)
{
	bool curve = lm_bytes_eq(alg->oid, lm_oid_ec_public_key) && alg->params.tag == LM_DER_OID;
	return alg->params.whole.n && (alg->params.tag != LM_DER_NULL || alg->params.body.n) && !curve;
}

/* The digest in an algorithm that we know, with no room for anything else. */
static bool digest_is(const struct lm_p7_alg *alg, struct lm_bytes of, struct lm_bytes stated)
{
	enum lm_digest_alg a = lm_digest_of_oid(alg->oid);
	uint8_t digest[LM_DIGEST_MAX];
	return a != LM_DIGEST_ALGS && !params_are_room(alg) && lm_digest(a, of, digest) && equals(digest, a, stated);
}

/* A signer whose one messageDigest is that of these bytes, and which carries nothing unsigned. */
static bool signs(const struct lm_p7_signer *s, struct lm_bytes of)
{
	unsigned n;
	struct lm_tlv value;
	const struct lm_p7_attr *attr = lm_p7_attr_find(s, lm_oid_message_digest, &n);
	if (n != 1 || s->n_other)
		return false;
	struct lm_der d = lm_der_in(&attr->values);
	return lm_der_need(&d, LM_DER_OCTETS, &value) && lm_der_at_end(&d) && digest_is(&s->digest, of, value.body);
}

/* A token whose one signer signs a TSTInfo that was issued for these bytes. */
static bool token_is_for(const struct lm_p7 *token, struct lm_bytes of)
{
	struct lm_p7_alg alg = { 0 };
	struct lm_bytes value = { 0 };
	if (token->n_signers != 1 || token->crls.body.n || !lm_p7_imprint(token, &alg, &value) ||
	    !digest_is(&alg, of, value) || !signs(&token->signer, token->content.body))
		return false;
	unsigned others = 0;
	for (unsigned i = 0; i < token->n_certs; i++) {
		const struct lm_cert *c = &token->certs[i];
		size_t most = c->readable ? LM_AC_CHAIN_CERT_MAX : LM_AC_SPARE_CERT_MAX;
		others += !c->readable;
		/* [1]: Microsoft's tokens bring one attribute certificate of version 1 (RFC 5652 10.2.2) */
		if ((!c->readable && c->whole.tag != LM_DER_CTX1) || others > 1 || c->whole.whole.n > most)
			return false;
	}
	return true;
}

/*
 * An unauthenticated attribute is what its type says when it was made for this very signature: one value, one
 * countersignature or token over the signature value. Anything else under a known type is room for bytes.
 */
static bool counters(struct verdict *v, const struct lm_p7_attr *attr)
{
	const struct lm_bytes signature = v->s->p7.signer.signature.body;
	struct lm_arena *a = v->ac->q->in->arena;
	struct lm_arena_mark before = lm_arena_mark(a);
	struct lm_der d = lm_der_in(&attr->values);
	struct lm_p7_signer other;
	struct lm_p7 token;
	struct lm_tlv t;
	enum lm_rc rc = LM_ECORRUPT;
	bool ok = false;
	if (lm_bytes_eq(attr->oid, lm_oid_countersignature)) {
		rc = lm_p7_signer_parse(&d, a, &other);
		ok = rc == LM_OK && lm_der_at_end(&d) && signs(&other, signature);
	} else if (lm_der_need(&d, LM_DER_SEQUENCE, &t) && lm_der_at_end(&d)) {
		rc = lm_p7_parse(&t, a, &token);
		ok = rc == LM_OK && token_is_for(&token, signature);
	}
	if (rc == LM_ELIMIT)
		v->ac->q->rc = rc;
	lm_arena_reset(a, before);
	return ok;
}

enum attribute { ATTR_COUNTERSIGNATURE, ATTR_MS_TIMESTAMP, ATTR_TIMESTAMP_TOKEN, ATTR_NESTED, ATTR_UNKNOWN };

static enum attribute attribute_kind(struct lm_bytes oid)
{
	return lm_bytes_eq(oid, lm_oid_countersignature)   ? ATTR_COUNTERSIGNATURE
	       : lm_bytes_eq(oid, lm_oid_ms_timestamp)	   ? ATTR_MS_TIMESTAMP
	       : lm_bytes_eq(oid, lm_oid_timestamp_token)  ? ATTR_TIMESTAMP_TOKEN
	       : lm_bytes_eq(oid, lm_oid_nested_signature) ? ATTR_NESTED
							   : ATTR_UNKNOWN;
}

static void list_attributes(struct verdict *v)
{
	const struct lm_p7_signer *s = &v->s->p7.signer;
	unsigned seen[ATTR_UNKNOWN + 1] = { 0 };
	char oid[LM_OID_TEXT];
	for (unsigned i = 0; i < s->n_other; i++) {
		const struct lm_p7_attr *a = &s->other_attrs[i];
		enum attribute kind = attribute_kind(a->oid);
		size_t n = a->whole.whole.n;
		size_t most = kind == ATTR_COUNTERSIGNATURE ? LM_AC_COUNTERSIGNATURE_MAX : LM_AC_ATTRIBUTE_MAX;
		seen[kind]++;
		lm_der_oid_text(a->oid, oid);
		if (kind == ATTR_UNKNOWN)
			lm_pe_obs_fact(v->ac->q, v->s->index, "unknown-attribute", a->whole.at, n,
				       "unauthenticated attribute %s of %zu bytes is of no known type", oid, n);
		if (n > LM_AC_ATTRIBUTE_MAX)
			lm_pe_obs_fact(v->ac->q, v->s->index, "large-attribute", a->whole.at, n,
				       "unauthenticated attribute %s has %zu bytes, more than %u", oid, n,
				       LM_AC_ATTRIBUTE_MAX);
		/* A nested signature is read in turn: what it leaves open is reported there. */
		if (kind == ATTR_UNKNOWN ||
		    (kind != ATTR_NESTED && (n > most || seen[kind] > LM_AC_COUNTERS_MAX || !counters(v, a))))
			lm_ac_unhashed(v->ac, "unauthenticated-attribute", a->values.body_at, a->values.body.n);
	}
}

static void list_params(struct verdict *v, const struct lm_p7_alg *alg)
{
	if (params_are_room(alg))
		lm_ac_unhashed(v->ac, "pkcs7-field", alg->params.at, alg->params.whole.n);
}

static void list_fields(struct verdict *v)
{
	const struct lm_p7 *p7 = &v->s->p7;
	enum lm_digest_alg named = LM_DIGEST_ALGS;
	char why[LM_CRYPTO_WHY];
	for (unsigned i = 0; i < p7->n_digests; i++)
		list_params(v, &p7->digests[i]);
	if (p7->n_signers == 0)
		return;
	list_params(v, &p7->signer.digest);
	/* RSA-PSS is the one algorithm with parameters of its own; they were read when they are well-formed. */
	if (p7->signer.sig_alg.params.tag != LM_DER_SEQUENCE || !lm_crypto_sig_digest(&p7->signer, &named, why) ||
	    named == LM_DIGEST_ALGS)
		list_params(v, &p7->signer.sig_alg);
	if (p7->crls.whole.n) {
		lm_pe_obs_fact(v->ac->q, v->s->index, "embedded-crl", p7->crls.at, p7->crls.whole.n,
			       "the signature carries %zu bytes of revocation lists, which no hash covers",
			       p7->crls.whole.n);
		lm_ac_unhashed(v->ac, "pkcs7-field", p7->crls.body_at, p7->crls.body.n);
	}
}

struct marks {
	const struct lm_p7 *p7;
	bool used[LM_P7_CERTS_MAX];
	unsigned todo[LM_P7_CERTS_MAX], n;
};

static void mark(struct marks *m, const struct lm_cert *c)
{
	for (unsigned i = 0; c && i < m->p7->n_certs; i++)
		if (!m->used[i] && lm_bytes_eq(m->p7->certs[i].whole.whole, c->whole.whole)) { /* copies too */
			m->used[i] = true;
			m->todo[m->n++] = i;
		}
}

/* Countersignatures and timestamp tokens may have their certificates in the same bag. */
static void mark_countersigners(struct verdict *v, struct marks *m)
{
	const struct lm_p7_signer *s = &v->s->p7.signer;
	struct lm_arena *a = v->ac->q->in->arena;
	struct lm_tlv t;
	for (unsigned i = 0; i < s->n_other; i++) {
		struct lm_arena_mark before = lm_arena_mark(a);
		struct lm_der d = lm_der_in(&s->other_attrs[i].values);
		struct lm_bytes oid = s->other_attrs[i].oid;
		struct lm_p7_signer other = { 0 };
		struct lm_p7 token;
		enum lm_rc rc = LM_OK;
		if (lm_bytes_eq(oid, lm_oid_countersignature)) {
			rc = lm_p7_signer_parse(&d, a, &other);
		} else if (lm_bytes_eq(oid, lm_oid_ms_timestamp) || lm_bytes_eq(oid, lm_oid_timestamp_token)) {
			if (lm_der_next(&d, &t))
				rc = lm_p7_parse(&t, a, &token);
			if (rc == LM_OK && t.whole.n)
				other = token.signer;
		}
		if (rc == LM_ELIMIT)
			v->ac->q->rc = rc;
		if (other.issuer.n)
			mark(m, signer_cert(m->p7, &other));
		lm_arena_reset(a, before);
	}
}

static void list_superfluous(struct verdict *v, const struct lm_cert *cert)
{
	const struct lm_p7 *p7 = &v->s->p7;
	struct marks m = { .p7 = p7 };
	mark(&m, cert);
	mark_countersigners(v, &m);
	for (unsigned k = 0; k < m.n; k++) /* every issuer of a used certificate is used, cross-signed ones too */
		for (unsigned i = 0; i < p7->n_certs; i++)
			if (!m.used[i] && p7->certs[i].readable &&
			    lm_bytes_eq(p7->certs[i].subject, p7->certs[m.todo[k]].issuer))
				mark(&m, &p7->certs[i]);
	size_t spare = 0, chain = 0;
	for (unsigned i = 0; i < p7->n_certs; i++) {
		const struct lm_cert *c = &p7->certs[i];
		size_t n = c->whole.whole.n;
		bool roomy = m.used[i] ? n > LM_AC_CHAIN_CERT_MAX || (chain += n) > LM_AC_CHAIN_CERTS_MAX
				       : n > LM_AC_SPARE_CERT_MAX || (spare += n) > LM_AC_SPARE_CERTS_MAX;
		if (!c->readable || roomy)
			lm_ac_unhashed(v->ac, "pkcs7-field", c->whole.at, c->whole.whole.n);
		if (c->explicit_ec)
			lm_pe_obs_fact(
				v->ac->q, v->s->index, "explicit-ec-parameters", c->whole.at, c->whole.whole.n,
				"certificate %u%s has an elliptic-curve key that brings its own curve (CVE-2020-0601)",
				i, c == cert ? ", the signer's," : "");
		if (!m.used[i]) {
			struct lm_str name = c->readable ? lm_crypto_short_name(v->ac->q->in->arena, c->subject)
							 : (struct lm_str){ 0 };
			lm_pe_obs_fact(v->ac->q, v->s->index, "superfluous-certificate", c->whole.at, c->whole.whole.n,
				       "certificate %u of %zu bytes%s%.*s%s is in no signer's chain%s%s", i,
				       c->whole.whole.n, name.n ? " ('" : "", LM_STR_ARG(name), name.n ? "')" : "",
				       c->why ? ": " : "", c->why ? c->why : "");
		}
	}
}

static void judge_trust(struct verdict *v, const struct lm_cert *cert, struct lm_obs_signature *o)
{
	const struct lm_read_env *env = v->ac->q->in->env;
	const struct lm_p7 *p7 = &v->s->p7;
	struct lm_chain_verdict cv = { .word = "unknown", .why = "no roots given" };
	if (env && env->trust) {
		X509 *leaf = cert ? lm_crypto_x509(cert) : NULL;
		struct stack_st_X509 *bag = sk_X509_new_null();
		for (unsigned i = 0; bag && leaf && i < p7->n_certs; i++) {
			X509 *x = &p7->certs[i] != cert ? lm_crypto_x509(&p7->certs[i]) : NULL;
			if (x && !sk_X509_push(bag, x))
				X509_free(x);
		}
		if (leaf)
			lm_chain_judge(env->trust, leaf, lm_cert_code_problem(cert), bag, env->now_ns, &cv);
		else
			cv = (struct lm_chain_verdict){ .word = "untrusted",
							.why = "there is no signer's certificate to judge" };
		sk_X509_pop_free(bag, X509_free);
		X509_free(leaf);
	}
	o->trust = lm_cstr(cv.word);
	o->trust_reason = lm_pe_obs_fmt(v->ac->q, "%s", cv.why);
}

static void describe_leaf(struct verdict *v, const struct lm_cert *cert, struct lm_obs_signature *o)
{
	struct lm_pe_obs *q = v->ac->q;
	struct lm_arena *a = q->in->arena;
	uint8_t sha1[LM_DIGEST_MAX];
	int64_t ns;
	struct lm_bytes serial = cert->serial;
	char text[2 * LM_DIGEST_MAX + 1];
	if (serial.n > 1 && serial.p[0] == 0) /* the sign byte is not part of the number as people quote it */
		serial = lm_bytes_part(serial, 1, serial.n);
	o->signer = lm_crypto_short_name(a, cert->subject);
	o->subject = lm_crypto_name(a, cert->subject);
	o->issuer = lm_crypto_name(a, cert->issuer);
	o->serial = lm_pe_obs_fmt(q, "%s", hex(serial, text));
	if (lm_digest(LM_SHA1, cert->whole.whole, sha1))
		o->thumbprint = lm_pe_obs_bytes(q, sha1, 20);
	if (lm_crypto_time(&cert->not_before, &ns))
		o->not_before = LM_INT(ns);
	if (lm_crypto_time(&cert->not_after, &ns))
		o->not_after = LM_INT(ns);
	if (lm_bytes_eq(cert->issuer, cert->subject))
		lm_pe_obs_fact(q, v->s->index, "self-signed", cert->whole.at, cert->whole.whole.n,
			       "the signer's certificate names itself as its issuer");
	const char *problem = lm_cert_code_problem(cert);
	if (problem)
		lm_pe_obs_fact(q, v->s->index, "leaf-not-code-signing", cert->whole.at, cert->whole.whole.n,
			       "the signer's certificate may not sign code: %s", problem);
}

static void judge(struct lm_ac *ac, struct lm_ac_sig *s, const struct lm_pe_digests *all)
{
	static const char *const words[] = { "valid", "invalid", "malformed" };
	struct verdict v = { .ac = ac, .s = s };
	const struct lm_p7 *p7 = &s->p7;
	struct lm_obs *obs = lm_pe_obs_add(ac->q, LM_K_signature);
	struct lm_obs_signature o = { 0 };
	const struct lm_cert *cert = p7->n_signers && p7->signer.issuer.n ? signer_cert(p7, &p7->signer) : NULL;
	EVP_PKEY *key = cert ? lm_crypto_key(cert) : NULL;

	lm_buf_init(&v.reason, 2048);
	o.sha256 = lm_pe_obs_sha256(ac->q);
	o.index = LM_INT(s->index);
	o.entry = LM_INT(s->entry);
	o.depth = LM_INT(s->depth);
	o.offset = LM_INT(p7->whole.at);
	if (p7->whole.whole.n)
		o.length = LM_INT(p7->whole.whole.n);
	if (s->alg < LM_DIGEST_ALGS) {
		size_t n = lm_digest_size(s->alg);
		o.digest_alg = lm_cstr(lm_digest_name(s->alg));
		o.authentihash = (struct lm_bytes){ all->d[s->alg].plain, n };
		o.authentihash_padded = (struct lm_bytes){ all->d[s->alg].padded, n };
	}
	if (p7->has_indirect)
		o.signed_digest = p7->indirect_value;
	uint8_t value[LM_DIGEST_MAX];
	if (p7->signer.signature.body.n && lm_digest(LM_SHA256, p7->signer.signature.body, value))
		o.value_digest = lm_pe_obs_bytes(ac->q, value, 32);
	bool whole = judge_structure(&v);
	judge_digest(&v, all);
	if (whole)
		judge_signer(&v, cert, key);
	if (cert)
		describe_leaf(&v, cert, &o);
	judge_trust(&v, cert, &o);
	list_fields(&v);
	list_attributes(&v);
	list_superfluous(&v, cert);
	o.status = lm_cstr(words[v.status]);
	if (v.status != LM_AC_VALID)
		o.reason = lm_arena_str(ac->q->in->arena, lm_buf_view(&v.reason));
	obs->signature = o;
	obs->at.offset = p7->whole.at;
	obs->at.length = p7->whole.whole.n;
	lm_buf_fini(&v.reason);
	EVP_PKEY_free(key);
	ERR_clear_error();
}

void lm_ac_judge(struct lm_ac *ac, const struct lm_pe_digests *d)
{
	for (struct lm_ac_sig *s = ac->first; s && ac->q->rc == LM_OK; s = s->next)
		judge(ac, s, d);
}
