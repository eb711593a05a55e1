/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authenticode_crypto.h - what a signature needs from OpenSSL: keys, the signature primitive, names.
 */
#ifndef LM_READ_AUTHENTICODE_CRYPTO_H
#define LM_READ_AUTHENTICODE_CRYPTO_H

#include <openssl/x509.h>

#include "read/pe_digest.h"
#include "read/pkcs7.h"

#define LM_CRYPTO_WHY 160

/* The certificate as OpenSSL reads it; NULL when it does not, or when its key brings its own curve. Free it. */
X509 *lm_crypto_x509(const struct lm_cert *c);

/*
 * The certificate's public key; NULL under the same conditions. Free it. RSA keys are read directly: reading the
 * whole certificate costs five times as much as verifying the signature.
 */
EVP_PKEY *lm_crypto_key(const struct lm_cert *c);

/*
 * What the signature algorithm says about the digest: LM_DIGEST_ALGS when it names none (plain RSA or EC key
 * identifiers). False with `why` when the algorithm is not supported.
 */
bool lm_crypto_sig_digest(const struct lm_p7_signer *s, enum lm_digest_alg *alg, char why[LM_CRYPTO_WHY]);

/*
 * Verifies the signature over the signed attributes, re-encoded with the tag of a SET, with the digest `alg`
 * that the SignerInfo states. False with `why`.
 */
bool lm_crypto_verify(EVP_PKEY *key, const struct lm_p7_signer *s, enum lm_digest_alg alg, char why[LM_CRYPTO_WHY]);

/* A DER Name in the form of RFC 2253; unset when it cannot be read or memory is out. */
struct lm_str lm_crypto_name(struct lm_arena *a, struct lm_bytes name);
/* Its common name, else organisation, else the whole. */
struct lm_str lm_crypto_short_name(struct lm_arena *a, struct lm_bytes name);
/* UTCTime or GeneralizedTime. */
bool lm_crypto_time(const struct lm_tlv *t, int64_t *ns);
/* Same name after canonicalisation (RFC 5280 7.1), for names whose bytes differ. */
bool lm_crypto_same_name(struct lm_bytes a, struct lm_bytes b);

#endif
