/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authenticode_crypto.c - the signature primitive and certificate text, through OpenSSL 3.
 *
 * In: views of DER values that the strict walk has already delimited. Out: a yes or no with the reason.
 * Limits: RSA PKCS#1 v1.5, RSA-PSS, ECDSA over named curves; keys with explicit curve parameters are never
 * handed to the library (CVE-2020-0601).
 */
#include "read/authenticode_crypto.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <limits.h>
#include <stdio.h>

#include "read/trust_chain.h"

enum scheme { RSA_V15, RSA_PSS, ECDSA };

static const struct {
	uint8_t oid[9];
	size_t n;
	enum scheme scheme;
	enum lm_digest_alg digest; /* LM_DIGEST_ALGS: not named */
} schemes[] = {
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 }, 9, RSA_V15, LM_DIGEST_ALGS },
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04 }, 9, RSA_V15, LM_MD5 },
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05 }, 9, RSA_V15, LM_SHA1 },
	{ { 0x2b, 0x0e, 0x03, 0x02, 0x1d }, 5, RSA_V15, LM_SHA1 },
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b }, 9, RSA_V15, LM_SHA256 },
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c }, 9, RSA_V15, LM_SHA384 },
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d }, 9, RSA_V15, LM_SHA512 },
	{ { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a }, 9, RSA_PSS, LM_DIGEST_ALGS },
	{ { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 }, 7, ECDSA, LM_DIGEST_ALGS },
	{ { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01 }, 7, ECDSA, LM_SHA1 },
	{ { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 }, 8, ECDSA, LM_SHA256 },
	{ { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03 }, 8, ECDSA, LM_SHA384 },
	{ { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04 }, 8, ECDSA, LM_SHA512 },
};

struct pss {
	enum lm_digest_alg hash, mgf_hash;
	int salt;
};

X509 *lm_crypto_x509(const struct lm_cert *c)
{
	const unsigned char *p = c->whole.whole.p;
	if (!c->readable || c->explicit_ec || c->whole.whole.n > LONG_MAX)
		return NULL;
	X509 *x = d2i_X509(NULL, &p, (long)c->whole.whole.n);
	ERR_clear_error();
	return x;
}

EVP_PKEY *lm_crypto_key(const struct lm_cert *c)
{
	static const uint8_t rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 };
	struct lm_rd bits = lm_rd_of(c->key_bits.body);
	EVP_PKEY *key = NULL;
	if (!c->readable || c->explicit_ec || c->spki.whole.n > LONG_MAX)
		return NULL;
	if (lm_bytes_eq(c->key_alg.oid, (struct lm_bytes){ rsa, sizeof rsa })) {
		bool whole_bytes = lm_rd_u8(&bits) == 0;
		struct lm_bytes raw = lm_rd_take(&bits, lm_rd_left(&bits));
		const unsigned char *p = raw.p;
		if (whole_bytes && raw.n)
			key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)raw.n);
	} else {
		const unsigned char *p = c->spki.whole.p;
		key = d2i_PUBKEY(NULL, &p, (long)c->spki.whole.n);
	}
	ERR_clear_error();
	return key;
}

static bool find_scheme(struct lm_bytes oid, enum scheme *scheme, enum lm_digest_alg *digest)
{
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (lm_bytes_eq(oid, (struct lm_bytes){ schemes[i].oid, schemes[i].n })) {
			*scheme = schemes[i].scheme;
			*digest = schemes[i].digest;
			return true;
		}
	return false;
}

/* AlgorithmIdentifier at the cursor; its parameters when they matter. */
static bool inner_algorithm(struct lm_der *d, struct lm_bytes *oid, struct lm_tlv *params)
{
	struct lm_tlv seq, t;
	if (!lm_der_need(d, LM_DER_SEQUENCE, &seq))
		return false;
	struct lm_der in = lm_der_in(&seq);
	if (!lm_der_need(&in, LM_DER_OID, &t))
		return false;
	*oid = t.body;
	(void)lm_der_next(&in, params);
	return lm_der_at_end(&in);
}

/* RSASSA-PSS-params (RFC 8017, A.2.3); absent fields have defaults. */
static bool read_pss(const struct lm_tlv *params, struct pss *out)
{
	static const uint8_t mgf1_oid[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08 };
	const struct lm_bytes mgf1 = { mgf1_oid, sizeof mgf1_oid };
	struct lm_tlv t, v, p;
	struct lm_bytes oid;
	*out = (struct pss){ LM_SHA1, LM_SHA1, 20 };
	if (params->tag != LM_DER_SEQUENCE)
		return false;
	struct lm_der d = lm_der_in(params);
	if (lm_der_maybe(&d, LM_DER_CTX0, &t)) {
		struct lm_der in = lm_der_in(&t);
		if (!inner_algorithm(&in, &oid, &p))
			return false;
		out->hash = lm_digest_of_oid(oid);
	}
	if (lm_der_maybe(&d, LM_DER_CTX1, &t)) {
		struct lm_der in = lm_der_in(&t), of;
		if (!inner_algorithm(&in, &oid, &p) || !lm_bytes_eq(oid, mgf1))
			return false;
		of = lm_der_of(p.whole, p.at);
		if (!inner_algorithm(&of, &oid, &v))
			return false;
		out->mgf_hash = lm_digest_of_oid(oid);
	}
	if (lm_der_maybe(&d, 0xa2, &t)) {
		struct lm_der in = lm_der_in(&t);
		if (!lm_der_need(&in, LM_DER_INTEGER, &v) || v.body.n == 0 || v.body.n > 2 || v.body.p[0] & 0x80)
			return false;
		struct lm_rd r = lm_rd_of(v.body);
		out->salt = v.body.n == 1 ? lm_rd_u8(&r) : lm_rd_u16be(&r);
	}
	(void)lm_der_maybe(&d, 0xa3, &t); /* trailer field: one value exists */
	return lm_der_at_end(&d) && out->hash < LM_DIGEST_ALGS && out->mgf_hash < LM_DIGEST_ALGS;
}

bool lm_crypto_sig_digest(const struct lm_p7_signer *s, enum lm_digest_alg *alg, char why[LM_CRYPTO_WHY])
{
	enum scheme scheme;
	struct pss pss;
	char text[LM_OID_TEXT];
	if (!find_scheme(s->sig_alg.oid, &scheme, alg)) {
		snprintf(why, LM_CRYPTO_WHY, "signature algorithm %.100s is not supported",
			 lm_der_oid_text(s->sig_alg.oid, text));
		return false;
	}
	if (scheme == RSA_PSS) {
		if (!read_pss(&s->sig_alg.params, &pss)) {
			snprintf(why, LM_CRYPTO_WHY, "RSA-PSS parameters cannot be read");
			return false;
		}
		*alg = pss.hash;
	}
	return true;
}

static bool set_pss(EVP_PKEY_CTX *kc, const struct lm_p7_signer *s)
{
	struct pss pss;
	return read_pss(&s->sig_alg.params, &pss) && EVP_PKEY_CTX_set_rsa_padding(kc, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(kc, lm_digest_name(pss.mgf_hash), NULL) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(kc, pss.salt) == 1;
}

static bool verify(EVP_PKEY *key, enum scheme scheme, const struct lm_p7_signer *s, enum lm_digest_alg alg)
{
	static const uint8_t set_tag[1] = { LM_DER_SET };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *kc = NULL;
	struct lm_bytes rest = lm_bytes_part(s->signed_set.whole, 1, s->signed_set.whole.n);
	bool ok = ctx && EVP_DigestVerifyInit_ex(ctx, &kc, lm_digest_name(alg), NULL, NULL, key, NULL) == 1;
	if (ok && scheme == RSA_V15)
		ok = EVP_PKEY_CTX_set_rsa_padding(kc, RSA_PKCS1_PADDING) == 1;
	if (ok && scheme == RSA_PSS)
		ok = set_pss(kc, s);
	ok = ok && EVP_DigestVerifyUpdate(ctx, set_tag, 1) == 1 && EVP_DigestVerifyUpdate(ctx, rest.p, rest.n) == 1 &&
	     EVP_DigestVerifyFinal(ctx, s->signature.body.p, s->signature.body.n) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool lm_crypto_verify(EVP_PKEY *key, const struct lm_p7_signer *s, enum lm_digest_alg alg, char why[LM_CRYPTO_WHY])
{
	enum scheme scheme;
	enum lm_digest_alg named;
	bool ok = false;
	if (!find_scheme(s->sig_alg.oid, &scheme, &named))
		snprintf(why, LM_CRYPTO_WHY, "signature algorithm is not supported");
	else if (scheme == ECDSA ? !EVP_PKEY_is_a(key, "EC")
				 : !EVP_PKEY_is_a(key, "RSA") && !(scheme == RSA_PSS && EVP_PKEY_is_a(key, "RSA-PSS")))
		snprintf(why, LM_CRYPTO_WHY, "signature algorithm does not fit the signer's key");
	else if (!verify(key, scheme, s, alg))
		snprintf(why, LM_CRYPTO_WHY, "the signer's %d-bit key does not verify the signature",
			 EVP_PKEY_get_bits(key));
	else
		ok = true;
	ERR_clear_error();
	return ok;
}

static X509_NAME *read_name(struct lm_bytes name)
{
	const unsigned char *p = name.p;
	X509_NAME *n = name.n && name.n <= LONG_MAX ? d2i_X509_NAME(NULL, &p, (long)name.n) : NULL;
	ERR_clear_error();
	return n;
}

static struct lm_str name_text(struct lm_arena *a, X509_NAME *n)
{
	struct lm_str s = { 0 };
	BIO *out = BIO_new(BIO_s_mem());
	/* UTF-8 stays as it is: whoever prints it escapes it. */
	if (out && X509_NAME_print_ex(out, n, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
		char *p = NULL;
		long len = BIO_get_mem_data(out, &p);
		s = lm_arena_str(a, (struct lm_str){ p ? p : "", len > 0 ? (size_t)len : 0 });
	}
	BIO_free(out);
	ERR_clear_error();
	return s;
}

struct lm_str lm_crypto_name(struct lm_arena *a, struct lm_bytes name)
{
	X509_NAME *n = read_name(name);
	struct lm_str s = { 0 };
	if (n)
		s = name_text(a, n);
	X509_NAME_free(n);
	return s;
}

struct lm_str lm_crypto_short_name(struct lm_arena *a, struct lm_bytes name)
{
	static const int parts[] = { NID_commonName, NID_organizationName };
	X509_NAME *n = read_name(name);
	struct lm_str s = { 0 };
	if (!n)
		return s;
	for (size_t i = 0; !s.p && i < sizeof parts / sizeof parts[0]; i++) {
		int at = X509_NAME_get_index_by_NID(n, parts[i], -1);
		unsigned char *text = NULL;
		int len =
			at < 0 ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(n, at)));
		if (len > 0)
			s = lm_arena_str(a, (struct lm_str){ (const char *)text, (size_t)len });
		OPENSSL_free(text);
	}
	if (!s.p)
		s = name_text(a, n);
	X509_NAME_free(n);
	ERR_clear_error();
	return s;
}

bool lm_crypto_time(const struct lm_tlv *t, int64_t *ns)
{
	const unsigned char *p = t->whole.p;
	if (t->whole.n == 0 || t->whole.n > 64)
		return false;
	ASN1_TIME *v = d2i_ASN1_TIME(NULL, &p, (long)t->whole.n);
	bool ok = v && lm_chain_time(v, ns);
	ASN1_TIME_free(v);
	ERR_clear_error();
	return ok;
}

bool lm_crypto_same_name(struct lm_bytes a, struct lm_bytes b)
{
	if (lm_bytes_eq(a, b))
		return true;
	X509_NAME *x = read_name(a), *y = read_name(b);
	bool same = x && y && X509_NAME_cmp(x, y) == 0;
	X509_NAME_free(x);
	X509_NAME_free(y);
	return same;
}
