/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_obs.h - the queue of observations that the PE reader fills and hands out one by one.
 *
 * Everything lives in the unit's arena. The queue is sticky: when the arena refuses, `rc` becomes LM_ELIMIT,
 * what was queued stays valid, and later observations go into a scratch place, so that callers need no test.
 */
#ifndef LM_READ_PE_OBS_H
#define LM_READ_PE_OBS_H

#include "read/read.h"

struct lm_pe_obs_node;

struct lm_pe_obs {
	const struct lm_read_in *in;
	struct lm_pe_obs_node *head, *tail, *at;
	enum lm_rc rc;
	struct lm_obs scratch;
};

void lm_pe_obs_init(struct lm_pe_obs *q, const struct lm_read_in *in);
/* A new observation with everything unset; never NULL. */
struct lm_obs *lm_pe_obs_add(struct lm_pe_obs *q, enum lm_kind kind);
/* The next one in order, or NULL. */
const struct lm_obs *lm_pe_obs_next(struct lm_pe_obs *q);
/* The content's SHA-256 as a view. */
struct lm_bytes lm_pe_obs_sha256(const struct lm_pe_obs *q);
/* Formatted text in the arena; unset and rc = LM_ELIMIT on refusal. */
struct lm_str lm_pe_obs_fmt(struct lm_pe_obs *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A copy of bytes in the arena. */
struct lm_bytes lm_pe_obs_bytes(struct lm_pe_obs *q, const void *p, size_t n);

/* evidence.damaged at a file offset. */
void lm_pe_obs_damage(struct lm_pe_obs *q, uint64_t offset, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* signature.fact; index < 0: of the file as a whole. length 0: unknown. */
void lm_pe_obs_fact(struct lm_pe_obs *q, int64_t index, const char *code, uint64_t offset, uint64_t length,
		    const char *fmt, ...) __attribute__((format(printf, 6, 7)));

#endif
