/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.c - in: an inert PE file and a signer of the test authority. Out: the file with its Authenticode
 * signature, written element by element so that the same seed gives the same bytes.
 * Limits: SHA-1 and SHA-256, RSA, one SignerInfo a signature.
 */
#include "sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "der_write.h"

#define OID_SIGNED_DATA "1.2.840.113549.1.7.2"
#define OID_DATA "1.2.840.113549.1.7.1"
#define OID_CONTENT_TYPE "1.2.840.113549.1.9.3"
#define OID_MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define OID_SIGNING_TIME "1.2.840.113549.1.9.5"
#define OID_COUNTERSIGNATURE "1.2.840.113549.1.9.6"
#define OID_RSA "1.2.840.113549.1.1.1"
#define OID_SHA1 "1.3.14.3.2.26"
#define OID_SHA256 "2.16.840.1.101.3.4.2.1"
#define OID_SPC_INDIRECT "1.3.6.1.4.1.311.2.1.4"
#define OID_SPC_STATEMENT "1.3.6.1.4.1.311.2.1.11"
#define OID_SPC_OPUS "1.3.6.1.4.1.311.2.1.12"
#define OID_SPC_PE_IMAGE "1.3.6.1.4.1.311.2.1.15"
#define OID_SPC_INDIVIDUAL "1.3.6.1.4.1.311.2.1.21"
#define OID_NESTED "1.3.6.1.4.1.311.2.4.1"

enum { DER_MAX = 1 << 20 };

static const EVP_MD *md_of(bool sha1)
{
	return sha1 ? EVP_sha1() : EVP_sha256();
}

static const char *md_oid(bool sha1)
{
	return sha1 ? OID_SHA1 : OID_SHA256;
}

size_t rg_pe_authentihash(const struct lm_buf *pe, bool sha1, uint8_t out[32])
{
	struct rg_pe_at at = rg_pe_at(pe);
	size_t end = rg_pe_get32(pe, at.cert_dir + 4) ? rg_pe_get32(pe, at.cert_dir) : pe->n;
	unsigned n = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, md_of(sha1), NULL) && EVP_DigestUpdate(ctx, pe->p, at.checksum) &&
		  EVP_DigestUpdate(ctx, pe->p + at.checksum + 4, at.cert_dir - at.checksum - 4) &&
		  EVP_DigestUpdate(ctx, pe->p + at.cert_dir + 8, end - at.cert_dir - 8) &&
		  EVP_DigestFinal_ex(ctx, out, &n);
	EVP_MD_CTX_free(ctx);
	if (!ok)
		abort();
	return n;
}

/* SpcIndirectDataContent; its value (without tag and length) is what the message digest covers. */
static void indirect_data(struct lm_buf *b, bool sha1, const uint8_t *digest, size_t n)
{
	static const uint8_t flags[] = { 0x00 };
	size_t all = b->n, data = b->n;
	rg_der_oid(b, OID_SPC_PE_IMAGE);
	size_t image = b->n;
	rg_der_add(b, 0x03, flags, sizeof flags);
	size_t link = b->n;
	static const char text[] = "<<<Obsolete>>>";
	for (const char *p = text; *p; p++) {
		lm_buf_u8(b, 0);
		lm_buf_u8(b, (uint8_t)*p);
	}
	rg_der_wrap(b, link, 0x80);
	rg_der_wrap(b, link, 0xa2);
	rg_der_wrap(b, link, 0xa0);
	rg_der_wrap(b, image, 0x30);
	rg_der_wrap(b, data, 0x30);
	size_t info = b->n;
	rg_der_alg(b, md_oid(sha1));
	rg_der_add(b, 0x04, digest, n);
	rg_der_wrap(b, info, 0x30);
	rg_der_wrap(b, all, 0x30);
}

/* Wraps [at, end) as the only value of an attribute. */
static void attribute(struct lm_buf *b, size_t at, const char *oid)
{
	rg_der_wrap(b, at, 0x31);
	size_t value = b->n - at;
	struct lm_buf head;
	lm_buf_init(&head, 64);
	rg_der_oid(&head, oid);
	lm_buf_str(b, lm_buf_view(&head)); /* makes room; the order is put right below */
	memmove(b->p + at + head.n, b->p + at, value);
	memcpy(b->p + at, head.p, head.n);
	lm_buf_fini(&head);
	rg_der_wrap(b, at, 0x30);
}

static void opus_attribute(struct lm_buf *b, const char *name)
{
	size_t at = b->n;
	if (name) {
		for (const char *p = name; *p; p++) {
			lm_buf_u8(b, 0);
			lm_buf_u8(b, (uint8_t)*p);
		}
		rg_der_wrap(b, at, 0x80);
		rg_der_wrap(b, at, 0xa0);
	}
	rg_der_wrap(b, at, 0x30);
	attribute(b, at, OID_SPC_OPUS);
}

static void issuer_and_serial(struct lm_buf *b, X509 *cert)
{
	size_t at = b->n;
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(X509_get_issuer_name(cert), &der);
	lm_buf_add(b, der, n > 0 ? (size_t)n : 0);
	OPENSSL_free(der);
	der = NULL;
	n = i2d_ASN1_INTEGER(X509_get_serialNumber(cert), &der);
	lm_buf_add(b, der, n > 0 ? (size_t)n : 0);
	OPENSSL_free(der);
	rg_der_wrap(b, at, 0x30);
}

static enum lm_rc rsa_sign(EVP_PKEY *key, bool sha1, struct lm_bytes data, uint8_t out[256], size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	*n = 256;
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, md_of(sha1), NULL, key) == 1 &&
		  EVP_DigestSign(ctx, out, n, data.p, data.n) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? LM_OK : LM_ELIMIT;
}

/*
 * SignerInfo without its outer tag: version to signature. `attrs` are the signed attributes, sorted. They
 * are signed with the tag of a SET and stored with [0].
 */
static enum lm_rc signer_info(struct lm_buf *b, const struct rg_signer *s, bool sha1, struct lm_buf *attrs,
			      uint8_t signature[256], size_t *n)
{
	rg_der_wrap(attrs, 0, 0x31);
	enum lm_rc rc = rsa_sign(s->key, sha1, lm_str_bytes(lm_buf_view(attrs)), signature, n);
	if (rc != LM_OK || attrs->bad)
		return LM_ELIMIT;
	attrs->p[0] = (char)0xa0;
	rg_der_add(b, 0x02, "\x01", 1);
	issuer_and_serial(b, s->cert);
	rg_der_alg(b, md_oid(sha1));
	lm_buf_str(b, lm_buf_view(attrs));
	rg_der_alg(b, OID_RSA);
	rg_der_add(b, 0x04, signature, *n);
	return LM_OK;
}

static void digest_attribute(struct lm_buf *attrs, bool sha1, struct lm_bytes over)
{
	uint8_t digest[32];
	unsigned n = 0;
	if (EVP_Digest(over.p, over.n, digest, &n, md_of(sha1), NULL) != 1)
		abort();
	size_t at = attrs->n;
	rg_der_add(attrs, 0x04, digest, n);
	attribute(attrs, at, OID_MESSAGE_DIGEST);
}

static void type_attribute(struct lm_buf *attrs, const char *oid)
{
	size_t at = attrs->n;
	rg_der_oid(attrs, oid);
	attribute(attrs, at, OID_CONTENT_TYPE);
}

/* PKCS #9 countersignature over the signature value, as an unauthenticated attribute. */
static enum lm_rc countersignature(struct lm_buf *b, const struct rg_sign_spec *spec, bool sha1,
				   struct lm_bytes signature)
{
	struct lm_buf attrs;
	lm_buf_init(&attrs, DER_MAX);
	type_attribute(&attrs, OID_DATA);
	time_t t = (time_t)spec->stamped_s;
	struct tm tm;
	char text[32];
	size_t at = attrs.n;
	gmtime_r(&t, &tm);
	rg_der_add(&attrs, 0x17, text, strftime(text, sizeof text, "%y%m%d%H%M%SZ", &tm));
	attribute(&attrs, at, OID_SIGNING_TIME);
	digest_attribute(&attrs, sha1, signature);
	rg_der_sort(&attrs, 0);
	uint8_t value[256];
	size_t n, info = b->n;
	enum lm_rc rc = signer_info(b, spec->stamper, sha1, &attrs, value, &n);
	lm_buf_fini(&attrs);
	rg_der_wrap(b, info, 0x30);
	attribute(b, info, OID_COUNTERSIGNATURE);
	return rc;
}

static void certificates(struct lm_buf *b, const struct rg_sign_spec *spec)
{
	size_t at = b->n;
	for (const struct rg_signer *s = spec->signer; s->issuer; s = s->issuer) /* the root is the reader's */
		lm_buf_add(b, s->der, s->der_n);
	if (spec->stamper)
		lm_buf_add(b, spec->stamper->der, spec->stamper->der_n);
	rg_der_wrap(b, at, 0xa0);
}

/* One whole ContentInfo. `nested` (may be empty) goes into the unauthenticated attributes. */
static enum lm_rc pkcs7(struct lm_buf *b, const struct rg_sign_spec *spec, bool sha1, const struct lm_buf *pe,
			struct lm_bytes nested)
{
	uint8_t digest[32], signature[256];
	size_t n = rg_pe_authentihash(pe, sha1, digest), all = b->n, sig_n;
	struct lm_buf content, attrs;
	lm_buf_init(&content, DER_MAX);
	lm_buf_init(&attrs, DER_MAX);
	indirect_data(&content, sha1, digest, n);
	type_attribute(&attrs, OID_SPC_INDIRECT);
	opus_attribute(&attrs, spec->name);
	size_t at = attrs.n;
	rg_der_oid(&attrs, OID_SPC_INDIVIDUAL);
	rg_der_wrap(&attrs, at, 0x30);
	attribute(&attrs, at, OID_SPC_STATEMENT);
	/* tag and one length byte: the content is shorter than 128 bytes */
	struct lm_bytes inner = lm_bytes_part(lm_str_bytes(lm_buf_view(&content)), 2, SIZE_MAX);
	digest_attribute(&attrs, sha1, inner);
	rg_der_sort(&attrs, 0);

	rg_der_oid(b, OID_SIGNED_DATA);
	size_t data = b->n;
	rg_der_add(b, 0x02, "\x01", 1);
	size_t algs = b->n;
	rg_der_alg(b, md_oid(sha1));
	rg_der_wrap(b, algs, 0x31);
	size_t encap = b->n;
	rg_der_oid(b, OID_SPC_INDIRECT);
	rg_der_add(b, 0xa0, content.p, content.n);
	rg_der_wrap(b, encap, 0x30);
	certificates(b, spec);
	size_t info = b->n;
	enum lm_rc rc = signer_info(b, spec->signer, sha1, &attrs, signature, &sig_n);
	size_t unauth = b->n;
	if (rc == LM_OK && nested.n) {
		lm_buf_add(b, nested.p, nested.n);
		attribute(b, unauth, OID_NESTED);
	}
	if (rc == LM_OK && spec->stamper)
		rc = countersignature(b, spec, sha1, (struct lm_bytes){ signature, sig_n });
	if (b->n > unauth) {
		rg_der_sort(b, unauth);
		rg_der_wrap(b, unauth, 0xa1);
	}
	rg_der_wrap(b, info, 0x30);
	rg_der_wrap(b, info, 0x31);
	rg_der_wrap(b, data, 0x30);
	rg_der_wrap(b, data, 0xa0);
	rg_der_wrap(b, all, 0x30);
	if (content.n < 2 || content.n > 129 || b->bad)
		rc = LM_ELIMIT;
	lm_buf_fini(&content);
	lm_buf_fini(&attrs);
	return rc;
}

static void pad8(struct lm_buf *b)
{
	while (b->n % 8)
		lm_buf_u8(b, 0);
}

/* WIN_CERTIFICATE with revision 2.0 and type PKCS#7; the padding is inside dwLength, as signers do it. */
static void table_entry(struct lm_buf *table, const struct lm_buf *der, unsigned slack)
{
	size_t at = table->n;
	lm_buf_u32le(table, 0);
	lm_buf_u16le(table, 0x0200);
	lm_buf_u16le(table, 2);
	lm_buf_str(table, lm_buf_view(der));
	pad8(table);
	for (unsigned i = 0; i < slack; i++)
		lm_buf_u8(table, 0);
	pad8(table);
	rg_pe_put32(table, at, (uint32_t)(table->n - at));
}

enum lm_rc rg_pe_sign(struct lm_buf *pe, const struct rg_sign_spec *spec)
{
	struct rg_pe_at at = rg_pe_at(pe);
	struct lm_buf first, second, table;
	lm_buf_init(&first, DER_MAX);
	lm_buf_init(&second, DER_MAX);
	lm_buf_init(&table, DER_MAX);
	pad8(pe); /* before hashing: the padding is signed */
	enum lm_rc rc = LM_OK;
	struct rg_sign_spec other = *spec;
	if (spec->co_signer)
		other.signer = spec->co_signer;
	bool two_entries = spec->dual || spec->co_signer;
	if (spec->nested || two_entries)
		rc = pkcs7(&second, &other, false, pe, (struct lm_bytes){ 0 });
	struct lm_bytes nested = spec->nested ? lm_str_bytes(lm_buf_view(&second)) : (struct lm_bytes){ 0 };
	if (rc == LM_OK)
		rc = pkcs7(&first, spec, spec->sha1 || spec->nested || spec->dual, pe, nested);
	if (rc == LM_OK) {
		table_entry(&table, &first, spec->zero_slack);
		if (two_entries)
			table_entry(&table, &second, 0);
		size_t offset = pe->n;
		lm_buf_str(pe, lm_buf_view(&table));
		rg_pe_put32(pe, at.cert_dir, (uint32_t)offset);
		rg_pe_put32(pe, at.cert_dir + 4, (uint32_t)table.n);
		rg_pe_put32(pe, at.checksum, rg_pe_checksum(pe));
		rc = pe->bad || table.bad ? LM_ELIMIT : LM_OK;
	}
	lm_buf_fini(&first);
	lm_buf_fini(&second);
	lm_buf_fini(&table);
	return rc;
}

enum lm_rc rg_pe_stuff(struct lm_buf *pe, struct lm_bytes extra)
{
	struct rg_pe_at at = rg_pe_at(pe);
	size_t table = rg_pe_get32(pe, at.cert_dir), length = rg_pe_get32(pe, table);
	if (!table || table + length != pe->n)
		return LM_EUSAGE; /* unsigned, or more than one entry */
	lm_buf_add(pe, extra.p, extra.n);
	pad8(pe);
	if (pe->bad)
		return LM_ELIMIT;
	rg_pe_put32(pe, table, (uint32_t)(pe->n - table));
	rg_pe_put32(pe, at.cert_dir + 4, (uint32_t)(pe->n - table));
	rg_pe_put32(pe, at.checksum, rg_pe_checksum(pe));
	return LM_OK;
}
