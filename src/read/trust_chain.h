/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_chain.h - from a signer's certificate to a root, for the readers of signatures (RFC 5280, section 6).
 */
#ifndef LM_READ_TRUST_CHAIN_H
#define LM_READ_TRUST_CHAIN_H

#include <openssl/x509.h>

#include "base/timestamp.h"
#include "read/trust.h"

#define LM_CHAIN_WHY 320

struct lm_chain_verdict {
	const char *word; /* trusted, untrusted, expired, unknown */
	char why[LM_CHAIN_WHY];
};

/*
 * Judges at now_ns. `bag` holds the certificates that came with the signature (borrowed, may be NULL). Without
 * roots (t == NULL) the word is unknown. `leaf_problem` says why the leaf may not sign code (lm_cert_code_problem),
 * NULL when it may. The chain must hold apart from time first; only then does a
 * certificate outside its validity make it expired (or, not valid yet, untrusted).
 */
void lm_chain_judge(const struct lm_trust *t, X509 *leaf, const char *leaf_problem, struct stack_st_X509 *bag,
		    int64_t now_ns, struct lm_chain_verdict *out);

/* An X.509 time; false when it is malformed or outside the range of timestamps. */
bool lm_chain_time(const ASN1_TIME *t, int64_t *ns);

#endif
