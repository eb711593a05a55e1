/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.c - in: seed and label. Out: an RSA-2048 key and a certificate, the same on every machine.
 *
 * Primes are the first ones at or after numbers from a SHA-256 stream; the primality test draws its own
 * random bases, which cannot change the answer but with negligible probability.
 */
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "rng.h"
#include "sign.h"

enum { PRIME_BYTES = 128 };

static bool find_prime(BIGNUM *p, const BIGNUM *e, struct rg_rng *r, BN_CTX *ctx)
{
	uint8_t bytes[PRIME_BYTES];
	rg_fill(r, bytes, sizeof bytes);
	bytes[0] |= 0xc0; /* both top bits: the product has 2048 bits */
	bytes[PRIME_BYTES - 1] |= 1;
	BIGNUM *m = BN_new(), *g = BN_new();
	bool ok = m && g && BN_bin2bn(bytes, sizeof bytes, p) != NULL, found = false;
	while (ok && !found) {
		int prime = BN_check_prime(p, ctx, NULL);
		ok = prime >= 0 && BN_copy(m, p) && BN_sub_word(m, 1) && BN_gcd(g, m, e, ctx);
		found = ok && prime == 1 && BN_is_one(g);
		if (ok && !found)
			ok = BN_add_word(p, 2) == 1;
	}
	BN_free(m);
	BN_free(g);
	return found;
}

static EVP_PKEY *pkey_of(const BIGNUM *const part[8])
{
	static const char *const names[8] = {
		OSSL_PKEY_PARAM_RSA_N,	       OSSL_PKEY_PARAM_RSA_E,
		OSSL_PKEY_PARAM_RSA_D,	       OSSL_PKEY_PARAM_RSA_FACTOR1,
		OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
		OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params = NULL;
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	bool ok = bld && ctx;
	for (int i = 0; ok && i < 8; i++)
		ok = OSSL_PARAM_BLD_push_BN(bld, names[i], part[i]) == 1;
	ok = ok && (params = OSSL_PARAM_BLD_to_param(bld)) != NULL;
	if (!ok || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *make_key(struct rg_rng *r)
{
	EVP_PKEY *key = NULL;
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n = BN_new(), *e = BN_new(), *d = BN_new(), *p = BN_new(), *q = BN_new(), *dp = BN_new(),
	       *dq = BN_new(), *qi = BN_new(), *p1 = BN_new(), *q1 = BN_new(), *phi = BN_new();
	if (!ctx || !n || !e || !d || !p || !q || !dp || !dq || !qi || !p1 || !q1 || !phi)
		goto done;
	if (!BN_set_word(e, 65537) || !find_prime(p, e, r, ctx) || !find_prime(q, e, r, ctx))
		goto done;
	if (BN_cmp(p, q) < 0)
		BN_swap(p, q);
	if (BN_mul(n, p, q, ctx) && BN_sub(p1, p, BN_value_one()) && BN_sub(q1, q, BN_value_one()) &&
	    BN_mul(phi, p1, q1, ctx) && BN_mod_inverse(d, e, phi, ctx) && BN_mod(dp, d, p1, ctx) &&
	    BN_mod(dq, d, q1, ctx) && BN_mod_inverse(qi, q, p, ctx))
		key = pkey_of((const BIGNUM *const[]){ n, e, d, p, q, dp, dq, qi });
done:
	BN_free(n);
	BN_free(e);
	BN_free(d);
	BN_free(p);
	BN_free(q);
	BN_free(dp);
	BN_free(dq);
	BN_free(qi);
	BN_free(p1);
	BN_free(q1);
	BN_free(phi);
	BN_CTX_free(ctx);
	return key;
}

static bool add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer, enum rg_signer_role role)
{
	bool ca = role == RG_SIGNER_ROOT || role == RG_SIGNER_ISSUING;
	if (!add_ext(cert, issuer, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE") ||
	    !add_ext(cert, issuer, NID_key_usage, ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") ||
	    !add_ext(cert, issuer, NID_subject_key_identifier, "hash"))
		return false;
	if (issuer != cert && !add_ext(cert, issuer, NID_authority_key_identifier, "keyid:always"))
		return false;
	if (role == RG_SIGNER_LEAF)
		return add_ext(cert, issuer, NID_ext_key_usage, "codeSigning");
	if (role == RG_SIGNER_TIME)
		return add_ext(cert, issuer, NID_ext_key_usage, "critical,timeStamping");
	return true;
}

static bool add_name(X509_NAME *name, const char *field, const char *value)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

static X509 *make_cert(const struct rg_signer *s, struct rg_rng *r, const char *org, const char *country,
		       enum rg_signer_role role, int64_t not_before, int64_t not_after)
{
	uint8_t serial[16];
	rg_fill(r, serial, sizeof serial);
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	X509 *cert = X509_new(), *issuer = s->issuer ? s->issuer->cert : cert;
	BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
	X509_NAME *name = X509_NAME_new();
	bool ok = cert && number && name && X509_set_version(cert, 2) == 1 &&
		  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) && add_name(name, "C", country) &&
		  add_name(name, "O", org) && add_name(name, "CN", org) && X509_set_subject_name(cert, name) == 1 &&
		  X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
		  ASN1_TIME_adj(X509_getm_notBefore(cert), (time_t)not_before, 0, 0) &&
		  ASN1_TIME_adj(X509_getm_notAfter(cert), (time_t)not_after, 0, 0) &&
		  X509_set_pubkey(cert, s->key) == 1 && add_extensions(cert, issuer, role) &&
		  X509_sign(cert, s->issuer ? s->issuer->key : s->key, EVP_sha256()) > 0;
	X509_NAME_free(name);
	BN_free(number);
	if (!ok) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

enum lm_rc rg_signer_make(struct rg_signer *s, uint64_t seed, const char *label, const char *org, const char *country,
			  enum rg_signer_role role, const struct rg_signer *issuer, int64_t not_before,
			  int64_t not_after, struct lm_err *err)
{
	struct rg_rng r;
	rg_rng_init(&r, seed, "key/%s", label);
	*s = (struct rg_signer){ .issuer = issuer, .key = make_key(&r) };
	if (s->key)
		s->cert = make_cert(s, &r, org, country, role, not_before, not_after);
	int n = s->cert ? i2d_X509(s->cert, &s->der) : -1;
	if (n <= 0) {
		rg_signer_fini(s);
		return lm_fail(err, LM_ELIMIT, "cannot make a test certificate for '%s'", org);
	}
	s->der_n = (size_t)n;
	return LM_OK;
}

void rg_signer_fini(struct rg_signer *s)
{
	EVP_PKEY_free(s->key);
	X509_free(s->cert);
	OPENSSL_free(s->der);
	*s = (struct rg_signer){ 0 };
}

void rg_signer_pem(const struct rg_signer *s, struct lm_buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	if (bio && PEM_write_bio_X509(bio, s->cert) == 1) {
		long n = BIO_get_mem_data(bio, &p);
		lm_buf_add(out, p, n > 0 ? (size_t)n : 0);
	}
	BIO_free(bio);
}
