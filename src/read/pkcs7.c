/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkcs7.c - a strict reader of SignedData.
 *
 * In: one ContentInfo. Out: views of its fields. Limits: 256 certificates, 64 attributes a set, 16 digest
 * algorithms; no recursion (a nested signature is an attribute value that the caller may read in turn).
 */
#include "read/pkcs7.h"

#define OID(...)                                                                           \
	{                                                                                  \
		(const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) \
	}

const struct lm_bytes lm_oid_signed_data = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02);
const struct lm_bytes lm_oid_indirect_data = OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04);
const struct lm_bytes lm_oid_content_type = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03);
const struct lm_bytes lm_oid_message_digest = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04);
const struct lm_bytes lm_oid_countersignature = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x06);
const struct lm_bytes lm_oid_timestamp_token = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x0e);
const struct lm_bytes lm_oid_ms_timestamp = OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x03, 0x03, 0x01);
const struct lm_bytes lm_oid_nested_signature = OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x04, 0x01);
const struct lm_bytes lm_oid_tst_info = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04);
static const struct lm_bytes oid_eku = OID(0x55, 0x1d, 0x25), oid_usage = OID(0x55, 0x1d, 0x0f);
static const struct lm_bytes oid_code_signing = OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03);
static const struct lm_bytes oid_tls_server = OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01);
const struct lm_bytes lm_oid_ec_public_key = OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01);

static bool algorithm(struct lm_der *d, struct lm_p7_alg *out)
{
	struct lm_tlv seq, oid;
	if (!lm_der_need(d, LM_DER_SEQUENCE, &seq))
		return false;
	struct lm_der in = lm_der_in(&seq);
	if (lm_der_need(&in, LM_DER_OID, &oid)) {
		out->oid = oid.body;
		(void)lm_der_next(&in, &out->params);
		lm_der_done(&in);
	}
	lm_der_join(d, &in);
	return !d->why;
}

bool lm_p7_looks_like(struct lm_bytes b, uint64_t file_offset, struct lm_tlv *whole, const char **why)
{
	struct lm_der d = lm_der_of(b, file_offset);
	struct lm_tlv oid;
	if (lm_der_need(&d, LM_DER_SEQUENCE, whole)) {
		struct lm_der in = lm_der_in(whole);
		if (lm_der_need(&in, LM_DER_OID, &oid) && !lm_bytes_eq(oid.body, lm_oid_signed_data))
			lm_der_fail(&in, oid.at, "content is not SignedData");
		lm_der_join(&d, &in);
	}
	*why = d.why;
	return !d.why;
}

static void key_purposes(struct lm_der *d, struct lm_cert *c)
{
	struct lm_tlv seq, oid;
	if (!lm_der_need(d, LM_DER_SEQUENCE, &seq))
		return;
	struct lm_der in = lm_der_in(&seq);
	c->has_eku = true;
	while (lm_der_next(&in, &oid)) {
		c->eku_code = c->eku_code || lm_bytes_eq(oid.body, oid_code_signing);
		c->eku_tls = c->eku_tls || lm_bytes_eq(oid.body, oid_tls_server);
	}
	lm_der_join(d, &in);
}

/* Extension ::= SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING }; only two are read here. */
static void extensions(struct lm_der *d, struct lm_cert *c)
{
	struct lm_tlv list, ext, oid, t;
	if (!lm_der_need(d, LM_DER_SEQUENCE, &list))
		return;
	struct lm_der all = lm_der_in(&list);
	while (lm_der_next(&all, &ext)) {
		struct lm_der in = lm_der_in(&ext);
		(void)lm_der_need(&in, LM_DER_OID, &oid);
		(void)lm_der_maybe(&in, LM_DER_BOOLEAN, &t);
		if (lm_der_need(&in, LM_DER_OCTETS, &t)) {
			struct lm_der value = lm_der_in(&t);
			if (lm_bytes_eq(oid.body, oid_eku)) {
				key_purposes(&value, c);
			} else if (lm_bytes_eq(oid.body, oid_usage) && lm_der_need(&value, LM_DER_BITS, &t)) {
				struct lm_rd r = lm_rd_of(t.body);
				c->has_usage = true;
				c->usage_signs = (lm_rd_skip(&r, 1), lm_rd_u8(&r) & 0x80); /* bit 0 */
			}
			lm_der_join(&in, &value);
		}
		lm_der_join(&all, &in);
	}
	lm_der_join(d, &all);
}

const char *lm_cert_code_problem(const struct lm_cert *c)
{
	if (c->has_eku && !c->eku_code)
		return c->eku_tls ? "its extended key usage allows TLS servers, not code signing"
				  : "its extended key usage does not name code signing";
	if (c->has_usage && !c->usage_signs)
		return "its key usage lacks digitalSignature";
	return NULL;
}

/* Name ::= SEQUENCE OF RDN; only its extent matters here. */
static void tbs_certificate(struct lm_der *d, struct lm_cert *c)
{
	struct lm_tlv t;
	struct lm_p7_alg alg = { 0 };
	(void)lm_der_maybe(d, LM_DER_CTX0, &t); /* version */
	if (lm_der_need(d, LM_DER_INTEGER, &t))
		c->serial = t.body;
	(void)algorithm(d, &alg);
	if (lm_der_need(d, LM_DER_SEQUENCE, &t))
		c->issuer = t.whole;
	if (lm_der_need(d, LM_DER_SEQUENCE, &t)) {
		struct lm_der v = lm_der_in(&t);
		if (!lm_der_next(&v, &c->not_before) || !lm_der_next(&v, &c->not_after))
			lm_der_fail(&v, t.at, "validity is not two times");
		lm_der_join(d, &v);
	}
	if (lm_der_need(d, LM_DER_SEQUENCE, &t))
		c->subject = t.whole;
	if (lm_der_need(d, LM_DER_SEQUENCE, &c->spki)) {
		struct lm_der k = lm_der_in(&c->spki);
		(void)algorithm(&k, &c->key_alg);
		(void)lm_der_need(&k, LM_DER_BITS, &c->key_bits);
		lm_der_join(d, &k);
	}
	/* A named curve is an OBJECT IDENTIFIER; anything else describes a curve of the key's own making. */
	c->explicit_ec = lm_bytes_eq(c->key_alg.oid, lm_oid_ec_public_key) && c->key_alg.params.tag != LM_DER_OID;
	(void)lm_der_maybe(d, 0x81, &t); /* unique identifiers, out of use */
	(void)lm_der_maybe(d, 0x82, &t);
	if (lm_der_maybe(d, 0xa3, &t)) {
		struct lm_der e = lm_der_in(&t);
		extensions(&e, c);
		lm_der_join(d, &e);
	}
}

void lm_cert_parse(const struct lm_tlv *whole, struct lm_cert *out)
{
	struct lm_der d = lm_der_in(whole);
	struct lm_tlv tbs;
	*out = (struct lm_cert){ .whole = *whole };
	if (whole->tag != LM_DER_SEQUENCE)
		lm_der_fail(&d, whole->at, "certificate is no SEQUENCE");
	if (lm_der_need(&d, LM_DER_SEQUENCE, &tbs)) {
		struct lm_der in = lm_der_in(&tbs);
		tbs_certificate(&in, out);
		lm_der_join(&d, &in);
	}
	out->why = d.why;
	out->why_at = d.why_at;
	out->readable = !d.why;
}

static enum lm_rc certificates(struct lm_der *d, struct lm_arena *a, struct lm_p7 *out)
{
	struct lm_tlv t, set;
	unsigned n = 0;
	if (!lm_der_maybe(d, LM_DER_CTX0, &set))
		return LM_OK;
	struct lm_der count = lm_der_in(&set), in = count;
	while (n < LM_P7_CERTS_MAX && lm_der_next(&count, &t))
		n++;
	out->certs = lm_arena_calloc(a, n, sizeof *out->certs);
	if (!out->certs)
		return LM_ELIMIT;
	while (out->n_certs < n && lm_der_next(&in, &t))
		lm_cert_parse(&t, &out->certs[out->n_certs++]);
	if (n == LM_P7_CERTS_MAX && lm_der_next(&in, &t))
		lm_der_fail(&in, t.at, "more than 256 certificates");
	lm_der_join(&in, &count);
	lm_der_join(d, &in);
	return LM_OK;
}

/* Attributes ::= SET OF SEQUENCE { type OID, values SET }. */
static enum lm_rc attributes(struct lm_der *d, const struct lm_tlv *set, struct lm_arena *a, struct lm_p7_attr **attrs,
			     unsigned *n_attrs)
{
	struct lm_tlv t, oid;
	unsigned n = 0;
	struct lm_der count = lm_der_in(set), in = count;
	while (n < LM_P7_ATTRS_MAX && lm_der_next(&count, &t))
		n++;
	*attrs = lm_arena_calloc(a, n, sizeof **attrs);
	*n_attrs = 0;
	if (!*attrs)
		return LM_ELIMIT;
	while (*n_attrs < n && lm_der_need(&in, LM_DER_SEQUENCE, &t)) {
		struct lm_p7_attr *attr = &(*attrs)[*n_attrs];
		struct lm_der seq = lm_der_in(&t);
		attr->whole = t;
		if (lm_der_need(&seq, LM_DER_OID, &oid))
			attr->oid = oid.body;
		(void)lm_der_need(&seq, LM_DER_SET, &attr->values);
		lm_der_done(&seq);
		lm_der_join(&in, &seq);
		if (!in.why)
			(*n_attrs)++;
	}
	if (n == LM_P7_ATTRS_MAX && lm_der_next(&in, &t))
		lm_der_fail(&in, t.at, "more than 64 attributes");
	lm_der_join(&in, &count);
	lm_der_join(d, &in);
	return LM_OK;
}

enum lm_rc lm_p7_signer_parse(struct lm_der *d, struct lm_arena *a, struct lm_p7_signer *out)
{
	struct lm_tlv seq, t, other;
	enum lm_rc rc = LM_OK;
	*out = (struct lm_p7_signer){ 0 };
	if (!lm_der_need(d, LM_DER_SEQUENCE, &seq))
		return LM_ECORRUPT;
	struct lm_der in = lm_der_in(&seq);
	out->at = seq.at;
	(void)lm_der_need(&in, LM_DER_INTEGER, &t);  /* version */
	if (lm_der_need(&in, LM_DER_SEQUENCE, &t)) { /* IssuerAndSerialNumber */
		struct lm_der id = lm_der_in(&t);
		if (lm_der_need(&id, LM_DER_SEQUENCE, &t))
			out->issuer = t.whole;
		if (lm_der_need(&id, LM_DER_INTEGER, &t))
			out->serial = t.body;
		lm_der_done(&id);
		lm_der_join(&in, &id);
	}
	(void)algorithm(&in, &out->digest);
	if (lm_der_maybe(&in, LM_DER_CTX0, &out->signed_set)) {
		rc = attributes(&in, &out->signed_set, a, &out->signed_attrs, &out->n_signed);
		if (rc != LM_OK)
			return rc;
	}
	(void)algorithm(&in, &out->sig_alg);
	(void)lm_der_need(&in, LM_DER_OCTETS, &out->signature);
	if (lm_der_maybe(&in, LM_DER_CTX1, &other))
		rc = attributes(&in, &other, a, &out->other_attrs, &out->n_other);
	lm_der_done(&in);
	lm_der_join(d, &in);
	if (rc == LM_OK && d->why)
		rc = LM_ECORRUPT;
	return rc;
}

/* SpcIndirectDataContent ::= SEQUENCE { data SpcAttributeTypeAndOptionalValue, messageDigest DigestInfo }. */
static void indirect_data(struct lm_der *d, struct lm_p7 *out)
{
	struct lm_tlv t;
	if (out->content.tag != LM_DER_SEQUENCE) {
		lm_der_fail(d, out->content.at, "SpcIndirectDataContent is no SEQUENCE");
		return;
	}
	const char *why;
	uint64_t why_at;
	if (!lm_der_check(out->content.whole, out->content.at, 16, &why, &why_at)) {
		lm_der_fail(d, why_at, why);
		return;
	}
	struct lm_der in = lm_der_in(&out->content);
	(void)lm_der_need(&in, LM_DER_SEQUENCE, &t); /* SpcPeImageData and the like: page hashes, flags */
	if (lm_der_need(&in, LM_DER_SEQUENCE, &t)) {
		struct lm_der info = lm_der_in(&t);
		(void)algorithm(&info, &out->indirect_digest);
		if (lm_der_need(&info, LM_DER_OCTETS, &t))
			out->indirect_value = t.body;
		lm_der_done(&info);
		lm_der_join(&in, &info);
	}
	lm_der_done(&in);
	out->has_indirect = !in.why;
	lm_der_join(d, &in);
}

static void encapsulated(struct lm_der *d, struct lm_p7 *out)
{
	struct lm_tlv seq, t;
	if (!lm_der_need(d, LM_DER_SEQUENCE, &seq))
		return;
	struct lm_der in = lm_der_in(&seq);
	if (lm_der_need(&in, LM_DER_OID, &t))
		out->content_type = t.body;
	if (lm_der_maybe(&in, LM_DER_CTX0, &t)) {
		struct lm_der value = lm_der_in(&t);
		if (!lm_der_next(&value, &out->content))
			lm_der_fail(&value, t.at, "content is empty");
		lm_der_done(&value);
		lm_der_join(&in, &value);
	}
	lm_der_done(&in);
	if (!in.why && lm_bytes_eq(out->content_type, lm_oid_indirect_data))
		indirect_data(&in, out);
	lm_der_join(d, &in);
}

static enum lm_rc signed_data(struct lm_der *d, struct lm_arena *a, struct lm_p7 *out)
{
	struct lm_tlv t;
	(void)lm_der_need(d, LM_DER_INTEGER, &t); /* version */
	if (lm_der_need(d, LM_DER_SET, &t)) {
		struct lm_der algs = lm_der_in(&t);
		while (out->n_digests < LM_P7_DIGESTS_MAX && !lm_der_at_end(&algs) && !algs.why)
			if (algorithm(&algs, &out->digests[out->n_digests]))
				out->n_digests++;
		if (!lm_der_at_end(&algs))
			lm_der_fail(&algs, t.at, "more than 16 digest algorithms");
		lm_der_join(d, &algs);
	}
	encapsulated(d, out);
	enum lm_rc rc = certificates(d, a, out);
	if (rc != LM_OK)
		return rc;
	(void)lm_der_maybe(d, LM_DER_CTX1, &out->crls);
	if (lm_der_need(d, LM_DER_SET, &t)) {
		struct lm_der signers = lm_der_in(&t), count = signers;
		while (lm_der_next(&count, &t))
			out->n_signers++;
		lm_der_join(d, &count);
		if (out->n_signers) {
			rc = lm_p7_signer_parse(&signers, a, &out->signer);
			lm_der_join(d, &signers);
		}
	}
	lm_der_done(d);
	return rc == LM_ECORRUPT ? LM_OK : rc; /* the cursor carries the violation */
}

enum lm_rc lm_p7_parse(const struct lm_tlv *whole, struct lm_arena *a, struct lm_p7 *out)
{
	struct lm_tlv t, explicit;
	enum lm_rc rc = LM_OK;
	*out = (struct lm_p7){ .whole = *whole };
	struct lm_der d = lm_der_in(whole);
	if (whole->tag != LM_DER_SEQUENCE)
		lm_der_fail(&d, whole->at, "ContentInfo is no SEQUENCE");
	if (lm_der_need(&d, LM_DER_OID, &t) && !lm_bytes_eq(t.body, lm_oid_signed_data))
		lm_der_fail(&d, t.at, "content is not SignedData");
	if (lm_der_need(&d, LM_DER_CTX0, &explicit)) {
		struct lm_der in = lm_der_in(&explicit);
		if (lm_der_need(&in, LM_DER_SEQUENCE, &t)) {
			struct lm_der sd = lm_der_in(&t);
			rc = signed_data(&sd, a, out);
			lm_der_join(&in, &sd);
		}
		lm_der_done(&in);
		lm_der_join(&d, &in);
	}
	lm_der_done(&d);
	out->why = d.why;
	out->why_at = d.why_at;
	if (rc != LM_OK)
		return rc;
	return d.why ? LM_ECORRUPT : LM_OK;
}

/* TSTInfo ::= SEQUENCE { version INTEGER, policy OID, messageImprint SEQUENCE { algorithm, OCTETS }, ... }. */
bool lm_p7_imprint(const struct lm_p7 *token, struct lm_p7_alg *alg, struct lm_bytes *value)
{
	struct lm_tlv t;
	const char *why;
	uint64_t why_at;
	if (!lm_bytes_eq(token->content_type, lm_oid_tst_info) || token->content.tag != LM_DER_OCTETS ||
	    !lm_der_check(token->content.body, token->content.body_at, 16, &why, &why_at))
		return false;
	struct lm_der d = lm_der_in(&token->content);
	if (!lm_der_need(&d, LM_DER_SEQUENCE, &t))
		return false;
	lm_der_done(&d);
	struct lm_der in = lm_der_in(&t);
	(void)lm_der_need(&in, LM_DER_INTEGER, &t);
	(void)lm_der_need(&in, LM_DER_OID, &t);
	if (lm_der_need(&in, LM_DER_SEQUENCE, &t)) {
		struct lm_der imprint = lm_der_in(&t);
		(void)algorithm(&imprint, alg);
		if (lm_der_need(&imprint, LM_DER_OCTETS, &t))
			*value = t.body;
		lm_der_done(&imprint);
		lm_der_join(&in, &imprint);
	}
	lm_der_join(&d, &in);
	return !d.why;
}

const struct lm_p7_attr *lm_p7_attr_find(const struct lm_p7_signer *s, struct lm_bytes oid, unsigned *n)
{
	const struct lm_p7_attr *found = NULL;
	*n = 0;
	for (unsigned i = 0; i < s->n_signed; i++)
		if (lm_bytes_eq(s->signed_attrs[i].oid, oid)) {
			if (!found)
				found = &s->signed_attrs[i];
			(*n)++;
		}
	return found;
}

const struct lm_cert *lm_p7_cert_find(const struct lm_p7 *p7, struct lm_bytes issuer, struct lm_bytes serial)
{
	for (unsigned i = 0; i < p7->n_certs; i++)
		if (p7->certs[i].readable && lm_bytes_eq(p7->certs[i].serial, serial) &&
		    lm_bytes_eq(p7->certs[i].issuer, issuer))
			return &p7->certs[i];
	return NULL;
}
