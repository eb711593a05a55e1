/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authenticode.h - code signatures of a file, and every byte that they do not cover.
 *
 * Sources: Windows Authenticode Portable Executable Signature Format (Microsoft, 2008); PE Format, "The
 * Attribute Certificate Table". Use: lm_ac_init, lm_ac_table (walks the table, parses), lm_pe_digest with
 * lm_ac_algorithms, lm_ac_judge (verifies, emits). What the facts mean: docs/formats/authenticode.md.
 */
#ifndef LM_READ_AUTHENTICODE_H
#define LM_READ_AUTHENTICODE_H

#include "read/pe_digest.h"
#include "read/pe_obs.h"
#include "read/pkcs7.h"

#define LM_AC_ENTRIES_MAX 64u /* WIN_CERTIFICATE entries read */
#define LM_AC_SIGS_MAX 64u    /* signatures read, nested ones included */
#define LM_AC_DEPTH_MAX 8u    /* levels of nesting */

/* What of the parts that no hash covers passes without being called an unhashed area; bytes. */
#define LM_AC_COUNTERS_MAX 4u /* attributes of each kind: countersignature, timestamp */
#define LM_AC_COUNTERSIGNATURE_MAX 4096u
#define LM_AC_ATTRIBUTE_MAX 32768u   /* a timestamp with its certificates */
#define LM_AC_SPARE_CERT_MAX 4096u   /* a certificate of no chain */
#define LM_AC_SPARE_CERTS_MAX 32768u /* all of them */
#define LM_AC_CHAIN_CERT_MAX 8192u   /* a certificate that a chain names: the name alone makes it one */
#define LM_AC_CHAIN_CERTS_MAX 65536u /* all of them */

enum lm_ac_status { LM_AC_VALID, LM_AC_INVALID, LM_AC_MALFORMED };

struct lm_ac_sig {
	struct lm_ac_sig *next;
	unsigned index, entry, depth;
	struct lm_p7 p7;
	bool parsed;		/* p7 is whole */
	const char *opaque;	/* why it is no SignedData at all; NULL when it is one */
	enum lm_digest_alg alg; /* of the file's digest; LM_DIGEST_ALGS when unknown */
};

struct lm_ac {
	struct lm_pe_obs *q;
	struct lm_bytes file;
	bool has_table;
	uint64_t table_at, table_size; /* as the data directory states them */
	uint64_t after;		       /* bytes behind the table */
	unsigned n_entries;
	struct lm_ac_sig *first, *last;
	unsigned n_sigs;
	bool too_many;		 /* the limits above were reached; said once */
	const char *table_fault; /* what makes every signature of the table malformed; NULL when nothing */
};

/* *q and the file outlive *ac. */
void lm_ac_init(struct lm_ac *ac, struct lm_pe_obs *q, struct lm_bytes file);

/* Walks the certificate table: emits unhashed areas, facts on the table, damage; queues the signatures. */
void lm_ac_table(struct lm_ac *ac, const struct lm_pe *pe);

/* Reads one PKCS#7 and the signatures nested in it; `whole` was delimited by the caller. */
void lm_ac_blob(struct lm_ac *ac, const struct lm_tlv *whole, unsigned entry, unsigned depth);

/*
 * A signature that cannot be read at all: it is reported as malformed for this reason (a literal). length 0:
 * there is nothing to point at, and what is wrong with the table was said already.
 */
void lm_ac_unreadable(struct lm_ac *ac, uint64_t at, uint64_t length, unsigned entry, const char *why);

/* Mask of the digest algorithms that the signatures need; SHA-256 always. */
unsigned lm_ac_algorithms(const struct lm_ac *ac);

/* Verifies every signature and emits it with its facts. `d` holds the algorithms asked for. */
void lm_ac_judge(struct lm_ac *ac, const struct lm_pe_digests *d);

/* signature.unhashed for [offset, offset + length), cut at the end of the file; nothing when that is empty. */
void lm_ac_unhashed(struct lm_ac *ac, const char *place, uint64_t offset, uint64_t length);

#endif
