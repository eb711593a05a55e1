/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.h - the folder the generator writes into, with its size limit and the count of records.
 */
#ifndef RG_OUT_H
#define RG_OUT_H

#include "base/buf.h"
#include "base/err.h"

#define RG_MAX_BYTES (UINT64_C(300) << 20)
#define RG_MAX_RECORDS UINT64_C(3000000)

struct rg_out {
	const char *dir;
	uint64_t bytes, files, records;
};

/* Makes `dir`; LM_EUSAGE when it holds something already: a second incident is never mixed into a first. */
enum lm_rc rg_out_open(struct rg_out *o, const char *dir, struct lm_err *err) LM_MUST;
/*
 * Writes a whole file at `path` below the folder ('/'-separated; folders are made). modified_ns is set as
 * the file's time, 0 = leave it. LM_ELIMIT beyond RG_MAX_BYTES.
 */
enum lm_rc rg_out_file(struct rg_out *o, const char *path, struct lm_bytes data, int64_t modified_ns,
		       struct lm_err *err) LM_MUST;
/* The same for a buffer; a bad (overflown) one is LM_ELIMIT. */
enum lm_rc rg_out_buf(struct rg_out *o, const char *path, const struct lm_buf *b, int64_t modified_ns,
		      struct lm_err *err) LM_MUST;
/* Counts n records (rows, list entries); LM_ELIMIT beyond RG_MAX_RECORDS. */
enum lm_rc rg_out_count(struct rg_out *o, uint64_t n, struct lm_err *err) LM_MUST;

#endif
