/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.h - roots for code signing. The system's TLS store is never used.
 */
#ifndef LM_READ_TRUST_H
#define LM_READ_TRUST_H

#include <stdbool.h>

#include "base/err.h"

struct lm_trust;

/*
 * Brings up the cryptographic library without its configuration file and fetches what verification needs, so
 * that nothing is opened later, inside a sandbox. Call it before any other use of OpenSSL. False: an
 * algorithm is missing.
 */
bool lm_trust_warm(void);

/*
 * Reads every certificate of a PEM file. LM_EIO or LM_ECORRUPT with the file and what to do. Before the sandbox.
 * Each certificate is a trust anchor, also one that is no root: whoever passes it says that he trusts it.
 */
enum lm_rc lm_trust_load(const char *pem_file, struct lm_trust **out, unsigned *n_roots, struct lm_err *err) LM_MUST;
void lm_trust_free(struct lm_trust *t);

#endif
