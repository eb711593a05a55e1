/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkcs7.h - SignedData as Authenticode uses it (RFC 2315; Windows Authenticode PE Signature Format) and the
 * parts of an X.509 certificate that must be read without trusting its key (RFC 5280).
 *
 * Structure only: nothing here is verified. All views borrow from the content; lists live in the arena.
 */
#ifndef LM_READ_PKCS7_H
#define LM_READ_PKCS7_H

#include "base/arena.h"
#include "base/err.h"
#include "read/der.h"

#define LM_P7_CERTS_MAX 256u
#define LM_P7_ATTRS_MAX 64u
#define LM_P7_DIGESTS_MAX 16u

struct lm_p7_alg {
	struct lm_bytes oid;  /* contents */
	struct lm_tlv params; /* whole.n == 0: absent */
};

struct lm_p7_attr {
	struct lm_bytes oid;
	struct lm_tlv whole;
	struct lm_tlv values; /* the SET */
};

struct lm_cert {
	struct lm_tlv whole;
	bool readable; /* the fields below are set */
	const char *why;
	uint64_t why_at;
	struct lm_bytes serial;		 /* INTEGER contents */
	struct lm_bytes issuer, subject; /* Name, DER */
	struct lm_tlv not_before, not_after;
	struct lm_p7_alg key_alg;
	struct lm_tlv spki, key_bits;	 /* SubjectPublicKeyInfo, and the BIT STRING in it */
	bool has_eku, eku_code, eku_tls; /* extended key usage: there is one; it names code signing, TLS servers */
	bool has_usage, usage_signs;	 /* key usage: there is one; it holds digitalSignature */
	bool explicit_ec;		 /* elliptic-curve key that brings its own curve (CVE-2020-0601) */
};

struct lm_p7_signer {
	uint64_t at;
	struct lm_bytes issuer, serial;
	struct lm_p7_alg digest, sig_alg;
	struct lm_tlv signed_set; /* [0] IMPLICIT; whole.n == 0: absent */
	struct lm_p7_attr *signed_attrs, *other_attrs;
	unsigned n_signed, n_other;
	struct lm_tlv signature; /* OCTET STRING */
};

struct lm_p7 {
	struct lm_tlv whole; /* ContentInfo */
	struct lm_p7_alg digests[LM_P7_DIGESTS_MAX];
	unsigned n_digests;
	struct lm_bytes content_type;
	struct lm_tlv content; /* the value inside [0]; whole.n == 0: absent */
	struct lm_cert *certs;
	unsigned n_certs;
	struct lm_tlv crls;	    /* whole.n == 0: absent */
	unsigned n_signers;	    /* as the SET holds them */
	struct lm_p7_signer signer; /* the first */
	/* Set when content_type is SPC_INDIRECT_DATA and it can be read. */
	bool has_indirect;
	struct lm_p7_alg indirect_digest;
	struct lm_bytes indirect_value; /* the stated digest */
	/* First violation; NULL while all is well. */
	const char *why;
	uint64_t why_at;
};

/* Contents of the object identifiers that Authenticode uses. */
extern const struct lm_bytes lm_oid_signed_data, lm_oid_indirect_data, lm_oid_content_type, lm_oid_message_digest,
	lm_oid_countersignature, lm_oid_timestamp_token, lm_oid_ms_timestamp, lm_oid_nested_signature,
	lm_oid_ec_public_key, lm_oid_tst_info;

/*
 * True when the bytes begin with a DER SEQUENCE that says it is SignedData; *whole gets its extent. Anything
 * else in a certificate table entry is opaque.
 */
bool lm_p7_looks_like(struct lm_bytes b, uint64_t file_offset, struct lm_tlv *whole, const char **why);

/*
 * Reads one ContentInfo. LM_OK; LM_ECORRUPT with out->why, what came before the violation stays readable;
 * LM_ELIMIT.
 */
enum lm_rc lm_p7_parse(const struct lm_tlv *whole, struct lm_arena *a, struct lm_p7 *out) LM_MUST;

/* Reads one SignerInfo (also the value of a PKCS#9 countersignature). */
enum lm_rc lm_p7_signer_parse(struct lm_der *d, struct lm_arena *a, struct lm_p7_signer *out) LM_MUST;

/* Reads one certificate; readable or why is set. */
void lm_cert_parse(const struct lm_tlv *whole, struct lm_cert *out);

/*
 * Whether a certificate may sign code: extended key usage, where there is one, names code signing, and key
 * usage, where there is one, holds digitalSignature (RFC 5280 4.2.1.3, 4.2.1.12: absence is no restriction).
 * NULL when it may; else what forbids it, a literal.
 */
const char *lm_cert_code_problem(const struct lm_cert *c);

/*
 * What a timestamp token was issued for: messageImprint of its TSTInfo (RFC 3161 2.4.2). False when the content
 * is no TSTInfo or begins otherwise than one does.
 */
bool lm_p7_imprint(const struct lm_p7 *token, struct lm_p7_alg *alg, struct lm_bytes *value);

/* The signed attribute with this type, or NULL; *n counts how many there are. */
const struct lm_p7_attr *lm_p7_attr_find(const struct lm_p7_signer *s, struct lm_bytes oid, unsigned *n);

/* The certificate with this issuer (byte for byte) and serial number, or NULL. */
const struct lm_cert *lm_p7_cert_find(const struct lm_p7 *p7, struct lm_bytes issuer, struct lm_bytes serial);

#endif
