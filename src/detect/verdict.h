/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.h - one word a file, for `limier inspect`: is it what its signer signed?
 *
 * Rows are made from a case in which lm_detect_all has run.
 */
#ifndef LM_DETECT_VERDICT_H
#define LM_DETECT_VERDICT_H

#include "detect/detect.h"

/* Worst first. The first that holds is the file's verdict, but for an incomplete file, which is only that. */
enum lm_verdict {
	LM_VERDICT_ENCRYPTED,  /* no password opens it */
	LM_VERDICT_UNREADABLE, /* its bytes could not be read or its reader was lost */
	LM_VERDICT_TAMPERED,   /* digest mismatch, unexplained bytes, bytes after the table, opaque entry */
	LM_VERDICT_INCOMPLETE, /* the file ends before its certificate table does */
	LM_VERDICT_BROKEN,     /* malformed signature or, when unsigned, malformed program file */
	LM_VERDICT_SUSPICIOUS, /* findings from medium up that are not about bytes */
	LM_VERDICT_UNSIGNED,
	LM_VERDICT_NOTED,  /* valid, with an informational or low fact worth a look */
	LM_VERDICT_INTACT, /* bytes as signed, nothing unexplained, trust aside: not the same as harmless */
	LM_VERDICT_COUNT
};

/* "tampered" ...; never NULL. */
const char *lm_verdict_word(enum lm_verdict v);

struct lm_inspect_area {
	struct lm_str where, class, note;
	uint64_t offset, length;
	bool zero; /* every byte is */
	struct lm_int nonzero, first_nonzero;
};

struct lm_inspect_finding {
	struct lm_str id, rule, why; /* why: the first sentence */
	enum lm_severity severity;
	int confidence;
};

/* Views live during the callback. Unset is unset: an unsigned file has no signer. */
struct lm_inspect_row {
	struct lm_str path, kind;
	struct lm_bytes sha256; /* unset when the bytes were never read to the end */
	struct lm_int size;
	struct lm_str product, version; /* the file's own version resource */
	bool is_signed;
	struct lm_str status; /* valid, invalid, unsigned, malformed, incomplete; unset when not read */
	struct lm_str reason; /* why it is not valid */
	struct lm_str trust;  /* unknown unless roots were given */
	struct lm_str trust_reason;
	struct lm_str signer, issuer, serial, digest_alg;
	struct lm_int timestamp;
	struct lm_bytes authentihash, authentihash_padded; /* in the signature's algorithm; SHA-256 when unsigned */
	uint64_t entries, nested;
	const struct lm_inspect_area *unhashed;
	size_t n_unhashed;
	const struct lm_inspect_finding *findings; /* about the content; at most 64 */
	size_t n_findings;
	enum lm_verdict verdict;
	struct lm_str verdict_why; /* one sentence */
};

/* What the rows leave out, and their sum. */
struct lm_inspect_totals {
	uint64_t rows, verdict[LM_VERDICT_COUNT];
	uint64_t containers; /* archives opened: their members are rows */
	uint64_t other;	     /* contents of kinds without a signature */
};

/*
 * Streams one row a program file or member in byte order of paths, and one for whatever could not be read. A
 * content at two paths gives two rows. `totals` may be NULL. fn's code other than LM_OK stops and is returned.
 */
enum lm_rc lm_inspect_rows(struct lm_case *c, const struct lm_detect_opts *opts,
			   enum lm_rc (*fn)(void *user, const struct lm_inspect_row *row), void *user,
			   struct lm_inspect_totals *totals, struct lm_err *err) LM_MUST;

#endif
