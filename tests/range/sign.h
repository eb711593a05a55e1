/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.h - a throw-away certification authority and an Authenticode signer for inert files.
 *
 * Keys are RSA-2048 and come from the seed: whoever knows the seed has them, so a signature of this
 * authority proves nothing to anybody, and none is ever trusted outside a test. Signatures are
 * PKCS #1 v1.5, hence the same bytes every time. Source: Microsoft "Windows Authenticode Portable
 * Executable Signature Format", RFC 2315, RFC 5280.
 */
#ifndef RG_SIGN_H
#define RG_SIGN_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "pe_write.h"

struct rg_signer {
	EVP_PKEY *key;
	X509 *cert;
	uint8_t *der; /* the certificate, OPENSSL_malloc */
	size_t der_n;
	const struct rg_signer *issuer; /* NULL for the root */
};

enum rg_signer_role { RG_SIGNER_ROOT, RG_SIGNER_ISSUING, RG_SIGNER_LEAF, RG_SIGNER_TIME };

/*
 * Key and certificate of `org`, made from (seed, label). `issuer` signs it and must outlive it; NULL
 * makes it its own. Validity in seconds since the epoch.
 */
enum lm_rc rg_signer_make(struct rg_signer *s, uint64_t seed, const char *label, const char *org, const char *country,
			  enum rg_signer_role role, const struct rg_signer *issuer, int64_t not_before,
			  int64_t not_after, struct lm_err *err) LM_MUST;
void rg_signer_fini(struct rg_signer *s);
/* The certificate as PEM, appended. */
void rg_signer_pem(const struct rg_signer *s, struct lm_buf *out);

struct rg_sign_spec {
	const struct rg_signer *signer;
	const char *name;		   /* program name in SpcSpOpusInfo; NULL = attribute with nothing in it */
	bool sha1;			   /* the only signature is SHA-1 */
	bool nested;			   /* SHA-1 first, SHA-256 as a nested signature in it */
	bool dual;			   /* two table entries, SHA-1 then SHA-256 */
	const struct rg_signer *co_signer; /* two table entries, both SHA-256, the second by this one; or NULL */
	unsigned zero_slack;		   /* zero bytes after the PKCS#7 inside the entry, beyond the padding to 8 */
	const struct rg_signer *stamper;   /* PKCS #9 countersignature by it, NULL = none */
	int64_t stamped_s;		   /* its signingTime */
};

/* Signs a file of rg_pe_write in place: pads it to 8, appends the certificate table, sets directory and checksum. */
enum lm_rc rg_pe_sign(struct lm_buf *pe, const struct rg_sign_spec *spec) LM_MUST;

/*
 * The inert recipe: puts `extra` after the PKCS#7 inside the (single) table entry and sets dwLength,
 * directory size and PE checksum, so that every signature check that trusts dwLength still passes.
 */
enum lm_rc rg_pe_stuff(struct lm_buf *pe, struct lm_bytes extra) LM_MUST;

/* Authenticode digest of the file as it is, in SHA-256 or SHA-1. Returns its length. */
size_t rg_pe_authentihash(const struct lm_buf *pe, bool sha1, uint8_t out[32]);

#endif
