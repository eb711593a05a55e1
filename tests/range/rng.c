/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rng.c - in: a seed and a label. Out: a stream of numbers that is the same on every machine.
 * Not for secrets: the keys made from it are public by design.
 */
#include "rng.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void rg_sha256(struct lm_bytes b, uint8_t out[32])
{
	if (EVP_Digest(b.p ? (const void *)b.p : "", b.n, out, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

void rg_rng_init(struct rg_rng *r, uint64_t seed, const char *label, ...)
{
	char text[512];
	int n = snprintf(text, sizeof text, "%llu/", (unsigned long long)seed);
	va_list ap;
	va_start(ap, label);
	int m = vsnprintf(text + n, sizeof text - (size_t)n, label, ap);
	va_end(ap);
	if (m < 0 || (size_t)m >= sizeof text - (size_t)n)
		abort(); /* a cut label could make two streams one */
	uint8_t digest[32];
	rg_sha256((struct lm_bytes){ (const uint8_t *)text, (size_t)(n + m) }, digest);
	struct lm_rd rd = lm_rd_of((struct lm_bytes){ digest, sizeof digest });
	for (int i = 0; i < 4; i++)
		r->s[i] = lm_rd_u64le(&rd);
}

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t rg_u64(struct rg_rng *r)
{
	uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t rg_below(struct rg_rng *r, uint64_t n)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % n, v;
	do
		v = rg_u64(r);
	while (v >= limit);
	return v % n;
}

int64_t rg_between(struct rg_rng *r, int64_t lo, int64_t hi)
{
	return hi <= lo ? lo : lo + (int64_t)rg_below(r, (uint64_t)(hi - lo) + 1);
}

bool rg_chance(struct rg_rng *r, unsigned percent)
{
	return rg_below(r, 100) < percent;
}

void rg_fill(struct rg_rng *r, void *p, size_t n)
{
	uint8_t *b = p;
	for (size_t i = 0; i < n;) {
		uint64_t v = rg_u64(r);
		for (int k = 0; k < 8 && i < n; k++, i++, v >>= 8)
			b[i] = (uint8_t)v;
	}
}

void rg_uuid(struct rg_rng *r, char out[37])
{
	uint64_t a = rg_u64(r), b = rg_u64(r);
	snprintf(out, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
		 (unsigned)(a & 0xfff), (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
		 (unsigned long long)(b & 0xffffffffffffULL));
}
