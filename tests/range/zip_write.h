/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip_write.h - zip archives with the same bytes every time, plain or with WinZip AES-256.
 *
 * Own writer because the salts of an encrypted archive must come from the seed. Source: PKWARE
 * APPNOTE.TXT 6.3.4, WinZip "AES Encryption Information" (AE-2).
 */
#ifndef RG_ZIP_WRITE_H
#define RG_ZIP_WRITE_H

#include "base/buf.h"
#include "base/err.h"
#include "rng.h"

struct rg_zip {
	struct lm_buf out, central;
	unsigned n;
	const char *password; /* NULL: not encrypted */
	struct rg_rng salts;
};

void rg_zip_init(struct rg_zip *z, size_t max_bytes, const char *password, const struct rg_rng *salts);
/* Adds one deflated member; mtime in seconds UTC. */
enum lm_rc rg_zip_add(struct rg_zip *z, const char *name, struct lm_bytes data, int64_t mtime_s) LM_MUST;
/* Writes the central directory; z->out holds the archive, or is bad. */
void rg_zip_finish(struct rg_zip *z);
void rg_zip_fini(struct rg_zip *z);

#endif
