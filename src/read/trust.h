/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.h - roots for code signing. The system's TLS store is never used.
 */
#ifndef LM_READ_TRUST_H
#define LM_READ_TRUST_H

#include "base/err.h"

struct lm_trust;

/* Reads every certificate of a PEM file. LM_EIO or LM_ECORRUPT with the file and what to do. Before the sandbox. */
enum lm_rc lm_trust_load(const char *pem_file, struct lm_trust **out, unsigned *n_roots, struct lm_err *err) LM_MUST;
void lm_trust_free(struct lm_trust *t);

#endif
