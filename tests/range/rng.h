/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rng.h - deterministic random streams, one per purpose.
 *
 * A stream is named by (seed, label): whoever adds an emitter takes a new label and moves nobody else's
 * bytes. xoshiro256** (public domain, Blackman and Vigna) seeded by SHA-256 of "seed/label".
 */
#ifndef RG_RNG_H
#define RG_RNG_H

#include "base/bytes.h"

struct rg_rng {
	uint64_t s[4];
};

void rg_rng_init(struct rg_rng *r, uint64_t seed, const char *label, ...) __attribute__((format(printf, 3, 4)));
uint64_t rg_u64(struct rg_rng *r);
/* Uniform in [0, n); n > 0. */
uint64_t rg_below(struct rg_rng *r, uint64_t n);
/* Uniform in [lo, hi], both included. */
int64_t rg_between(struct rg_rng *r, int64_t lo, int64_t hi);
/* True in `percent` of 100 draws. */
bool rg_chance(struct rg_rng *r, unsigned percent);
void rg_fill(struct rg_rng *r, void *p, size_t n);

/* SHA-256 of b. */
void rg_sha256(struct lm_bytes b, uint8_t out[32]);
/* "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx" from the stream, the form of a version 4 UUID. */
void rg_uuid(struct rg_rng *r, char out[37]);

#endif
