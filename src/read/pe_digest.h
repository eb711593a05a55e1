/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_digest.h - Authenticode digests and the PE checksum of a file, all from one pass over its bytes.
 *
 * Sources: Windows Authenticode Portable Executable Signature Format (Microsoft, 2008), section
 * "Calculating the PE Image Hash"; PE Format, "CheckSum".
 */
#ifndef LM_READ_PE_DIGEST_H
#define LM_READ_PE_DIGEST_H

#include "read/pe_image.h"

enum lm_digest_alg { LM_MD5, LM_SHA1, LM_SHA256, LM_SHA384, LM_SHA512, LM_DIGEST_ALGS };
#define LM_DIGEST_MAX 64u

/* "sha256" */
const char *lm_digest_name(enum lm_digest_alg alg);
size_t lm_digest_size(enum lm_digest_alg alg);
/* By the contents of an OBJECT IDENTIFIER; LM_DIGEST_ALGS when it names none of ours. */
enum lm_digest_alg lm_digest_of_oid(struct lm_bytes oid);
/* The digest of some bytes; false when the library refuses. `out` holds LM_DIGEST_MAX bytes. */
bool lm_digest(enum lm_digest_alg alg, struct lm_bytes b, uint8_t *out);
/* Fetches every algorithm once, so that nothing is loaded later (inside a sandbox). False when one is missing. */
bool lm_digest_warm(void);

struct lm_pe_digest {
	uint8_t plain[LM_DIGEST_MAX];  /* the bytes as they are, up to the certificate table */
	uint8_t padded[LM_DIGEST_MAX]; /* the same, zeros added to a multiple of 8 */
	uint8_t whole[LM_DIGEST_MAX];  /* with what follows the table; equals plain when nothing does */
	uint8_t layout[LM_DIGEST_MAX]; /* headers, then sections by file position, then the rest */
};

struct lm_pe_digests {
	unsigned algs; /* bit 1 << alg: computed */
	struct lm_pe_digest d[LM_DIGEST_ALGS];
	bool layout_differs; /* the two formulations hash other bytes, or in another order */
	bool has_checksum;
	uint32_t checksum; /* as it should be */
	uint64_t hashed;   /* bytes the plain digest covers */
};

/*
 * Computes the algorithms in the mask `algs`. Time: one hash per algorithm over the file; a second one only
 * when the section-sorted formulation names other bytes. LM_ELIMIT (memory for the ranges), LM_EIO when
 * OpenSSL refuses an algorithm.
 */
enum lm_rc lm_pe_digest(const struct lm_pe *pe, unsigned algs, struct lm_arena *a, struct lm_pe_digests *out) LM_MUST;

#endif
