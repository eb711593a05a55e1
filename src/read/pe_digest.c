/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_digest.c - the digests a code signature states, computed over the file.
 *
 * The file is walked once in blocks that stay in the cache: every algorithm and the checksum see a block
 * before the next one is touched. What is hashed: everything except the CheckSum field, data directory 4
 * and the certificate table ("linear"). The specification instead tells to hash headers, then each
 * section's raw data in file order, then the rest; both name the same bytes in the same order unless the
 * file has gaps or overlaps. So the two lists of ranges are compared first, and only when they differ is
 * the second one hashed. Limits: ranges come from the section table, at most 65,535.
 */
#include "read/pe_digest.h"

#include <endian.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define BLOCK 65536u

struct range {
	uint64_t from, to;
};

struct ranges {
	struct range *v;
	size_t n, cap;
};

static const struct {
	const char *name, *fetch;
	size_t size;
	uint8_t oid[9];
	size_t oid_size;
} algorithms[LM_DIGEST_ALGS] = {
	[LM_MD5] = { "md5", "MD5", 16, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05 }, 8 },
	[LM_SHA1] = { "sha1", "SHA1", 20, { 0x2b, 0x0e, 0x03, 0x02, 0x1a }, 5 },
	[LM_SHA256] = { "sha256", "SHA256", 32, { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 }, 9 },
	[LM_SHA384] = { "sha384", "SHA384", 48, { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02 }, 9 },
	[LM_SHA512] = { "sha512", "SHA512", 64, { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03 }, 9 },
};

/* Fetched once a process and never freed: a fetch costs more than hashing a small file. */
static EVP_MD *fetched[LM_DIGEST_ALGS];

static const EVP_MD *method(enum lm_digest_alg alg)
{
	if (!fetched[alg])
		fetched[alg] = EVP_MD_fetch(NULL, algorithms[alg].fetch, NULL);
	return fetched[alg];
}

bool lm_digest_warm(void)
{
	for (enum lm_digest_alg i = 0; i < LM_DIGEST_ALGS; i++)
		if (!method(i))
			return false;
	return true;
}

const char *lm_digest_name(enum lm_digest_alg alg)
{
	return alg < LM_DIGEST_ALGS ? algorithms[alg].name : "unknown";
}

size_t lm_digest_size(enum lm_digest_alg alg)
{
	return alg < LM_DIGEST_ALGS ? algorithms[alg].size : 0;
}

enum lm_digest_alg lm_digest_of_oid(struct lm_bytes oid)
{
	for (enum lm_digest_alg i = 0; i < LM_DIGEST_ALGS; i++)
		if (lm_bytes_eq(oid, (struct lm_bytes){ algorithms[i].oid, algorithms[i].oid_size }))
			return i;
	return LM_DIGEST_ALGS;
}

bool lm_digest(enum lm_digest_alg alg, struct lm_bytes b, uint8_t *out)
{
	unsigned n = 0;
	return alg < LM_DIGEST_ALGS && method(alg) &&
	       EVP_Digest(b.p ? (const void *)b.p : "", b.n, out, &n, method(alg), NULL);
}

/* Appends [from, to) cut at `end`; ranges that touch become one, so that equal lists compare equal. */
static bool add(struct ranges *r, uint64_t from, uint64_t to, uint64_t end)
{
	if (to > end)
		to = end;
	if (from >= to)
		return true;
	if (r->n && r->v[r->n - 1].to == from) {
		r->v[r->n - 1].to = to;
		return true;
	}
	if (r->n == r->cap)
		return false;
	r->v[r->n++] = (struct range){ from, to };
	return true;
}

/* [from, to) without the two header fields that signing changes. */
static bool add_without_fields(struct ranges *r, const struct lm_pe *pe, uint64_t from, uint64_t to, uint64_t end)
{
	struct range skip[2] = { { pe->checksum_at, pe->checksum_at ? pe->checksum_at + 4 : 0 },
				 { pe->cert_dir_at, pe->cert_dir_at ? pe->cert_dir_at + 8 : 0 } };
	for (unsigned i = 0; i < 2; i++) { /* the directory always stands behind the checksum */
		if (skip[i].to <= from || skip[i].from >= to)
			continue;
		if (skip[i].from > from && !add(r, from, skip[i].from, end))
			return false;
		from = skip[i].to;
	}
	return from >= to || add(r, from, to, end);
}

static int compare_raw(const void *a, const void *b)
{
	const struct lm_pe_section *x = a, *y = b;
	if (x->raw != y->raw)
		return x->raw < y->raw ? -1 : 1;
	return x->raw_size < y->raw_size ? -1 : x->raw_size > y->raw_size;
}

/* Steps 3 to 14 of the specification's procedure. The table is out: the rest ends where it begins. */
static enum lm_rc layout_ranges(const struct lm_pe *pe, uint64_t end, struct lm_arena *a, struct ranges *r)
{
	struct lm_pe_section *s = lm_arena_calloc(a, pe->n_sections, sizeof *s);
	uint64_t sum = pe->headers_size;
	r->cap = pe->n_sections + (size_t)4; /* headers make three, the rest one */
	r->v = lm_arena_calloc(a, r->cap, sizeof *r->v);
	if (!s || !r->v)
		return LM_ELIMIT;
	size_t n = 0;
	for (uint32_t i = 0; i < pe->n_sections; i++)
		if (pe->sections[i].raw_size)
			s[n++] = pe->sections[i];
	qsort(s, n, sizeof *s, compare_raw);
	bool ok = add_without_fields(r, pe, 0, pe->headers_size, end);
	/* Overlapping sections could ask for the file 65,535 times over: the sum stops at four times its size. */
	for (size_t i = 0; ok && i < n && sum <= 4 * (uint64_t)pe->data.n; i++) {
		ok = add(r, s[i].raw, (uint64_t)s[i].raw + s[i].raw_size, end);
		sum += s[i].raw_size;
	}
	return ok && add(r, sum, end, end) ? LM_OK : LM_ELIMIT;
}

static bool same(const struct ranges *a, const struct ranges *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].from != b->v[i].from || a->v[i].to != b->v[i].to)
			return false;
	return true;
}

/*
 * Sum of 16-bit words modulo 65535, over 8 bytes at a time: 2^16 = 1 modulo 65535, so the halves of wider
 * words may be added first and folded at the end. Four sums keep the additions independent.
 */
static uint64_t sum_words(struct lm_bytes b)
{
	uint64_t lo[4] = { 0 }, hi[4] = { 0 }, sum = 0;
	size_t i = 0;
	for (; i + 32 <= b.n; i += 32) {
		uint64_t w[4];
		memcpy(w, b.p + i, 32);
		for (int k = 0; k < 4; k++) {
			lo[k] += le64toh(w[k]) & 0xffffffff;
			hi[k] += le64toh(w[k]) >> 32;
		}
	}
	for (int k = 0; k < 4; k++)
		sum += (lo[k] & 0xffffffff) + (lo[k] >> 32) + (hi[k] & 0xffffffff) + (hi[k] >> 32);
	for (; i < b.n; i += 2)
		sum += b.p[i] | (i + 1 < b.n ? (uint32_t)b.p[i + 1] << 8 : 0);
	return sum;
}

static uint32_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

struct pass {
	EVP_MD_CTX *ctx[LM_DIGEST_ALGS];
	unsigned algs;
};

static bool start(struct pass *p)
{
	for (enum lm_digest_alg i = 0; i < LM_DIGEST_ALGS; i++) {
		if (!(p->algs & 1u << i))
			continue;
		if (!p->ctx[i])
			p->ctx[i] = EVP_MD_CTX_new();
		if (!p->ctx[i] || !method(i) || !EVP_DigestInit_ex2(p->ctx[i], method(i), NULL))
			return false;
	}
	return true;
}

static bool update(struct pass *p, struct lm_bytes b)
{
	for (enum lm_digest_alg i = 0; i < LM_DIGEST_ALGS; i++)
		if (p->algs & 1u << i && b.n && !EVP_DigestUpdate(p->ctx[i], b.p, b.n))
			return false;
	return true;
}

/* The digest with more bytes behind it, without disturbing the running one. */
static bool finish_copy(const EVP_MD_CTX *ctx, struct lm_bytes more, uint8_t *out)
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	bool ok = copy && EVP_MD_CTX_copy_ex(copy, ctx) && (!more.n || EVP_DigestUpdate(copy, more.p, more.n)) &&
		  EVP_DigestFinal_ex(copy, out, NULL);
	EVP_MD_CTX_free(copy);
	return ok;
}

static bool update_ranges(struct pass *p, struct lm_bytes data, const struct ranges *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (uint64_t at = r->v[i].from; at < r->v[i].to; at += BLOCK) {
			uint64_t n = r->v[i].to - at;
			if (!update(p, lm_bytes_part(data, at, n < BLOCK ? n : BLOCK)))
				return false;
		}
	return true;
}

/* Checksum and linear digests block by block; the parts of a block that are hashed lie in r, ascending. */
static bool walk(struct pass *p, struct lm_bytes data, const struct ranges *r, uint64_t *sum)
{
	size_t k = 0;
	for (uint64_t at = 0; at < data.n; at += BLOCK) {
		struct lm_bytes block = lm_bytes_part(data, at, BLOCK);
		uint64_t end = at + block.n;
		*sum += sum_words(block);
		for (; k < r->n && r->v[k].from < end; k++) {
			uint64_t from = r->v[k].from > at ? r->v[k].from : at;
			uint64_t to = r->v[k].to < end ? r->v[k].to : end;
			if (!update(p, lm_bytes_part(data, from, to - from)))
				return false;
			if (r->v[k].to > end)
				break;
		}
	}
	return true;
}

/* The stored CheckSum counts as zero; it may stand at an odd offset in a bent file. */
static uint32_t checksum(const struct lm_pe *pe, uint64_t sum)
{
	struct lm_bytes field = lm_bytes_part(pe->data, pe->checksum_at, 4);
	uint64_t own = 0;
	for (size_t i = 0; i < field.n; i++)
		own += (uint64_t)field.p[i] << ((pe->checksum_at + i) & 1 ? 8 : 0);
	/* Subtraction modulo 65535; a file's sum is never zero, so 0 stands for 65535 as in the fold. */
	uint32_t rest = (fold(sum) + 0xffff - fold(own)) % 0xffff;
	return (rest ? rest : 0xffff) + (uint32_t)pe->data.n;
}

static bool finish(struct pass *p, const struct lm_pe *pe, const struct ranges *after, uint64_t length,
		   struct lm_pe_digests *out)
{
	static const uint8_t zeros[8];
	for (enum lm_digest_alg i = 0; i < LM_DIGEST_ALGS; i++) {
		if (!(p->algs & 1u << i))
			continue;
		struct lm_pe_digest *d = &out->d[i];
		if (!finish_copy(p->ctx[i], (struct lm_bytes){ 0 }, d->plain) ||
		    !finish_copy(p->ctx[i], (struct lm_bytes){ zeros, -length & 7 }, d->padded))
			return false;
	}
	if (!update_ranges(p, pe->data, after))
		return false;
	for (enum lm_digest_alg i = 0; i < LM_DIGEST_ALGS; i++)
		if (p->algs & 1u << i && !EVP_DigestFinal_ex(p->ctx[i], out->d[i].whole, NULL))
			return false;
	return true;
}

enum lm_rc lm_pe_digest(const struct lm_pe *pe, unsigned algs, struct lm_arena *a, struct lm_pe_digests *out)
{
	struct range store[4], after_store[4];
	struct ranges linear = { store, 0, 4 }, after = { after_store, 0, 4 }, layout = { 0 };
	struct pass p = { .algs = algs };
	uint64_t table, size, end = pe->data.n, sum = 0;
	enum lm_rc rc = LM_EIO;

	*out = (struct lm_pe_digests){ .algs = algs };
	if (lm_pe_cert(pe, &table, &size) && table < end) {
		if (size < end - table)
			(void)add_without_fields(&after, pe, table + size, end, end);
		end = table;
	}
	(void)add_without_fields(&linear, pe, 0, end, end);
	for (size_t i = 0; i < linear.n; i++)
		out->hashed += linear.v[i].to - linear.v[i].from;
	if (!start(&p) || !walk(&p, pe->data, &linear, &sum) || !finish(&p, pe, &after, end, out))
		goto done;
	out->has_checksum = pe->checksum_at != 0;
	if (out->has_checksum)
		out->checksum = checksum(pe, sum);
	struct lm_arena_mark mark = lm_arena_mark(a);
	rc = layout_ranges(pe, end, a, &layout);
	if (rc == LM_OK) {
		out->layout_differs = !same(&linear, &layout);
		if (out->layout_differs && (!start(&p) || !update_ranges(&p, pe->data, &layout)))
			rc = LM_EIO;
		for (enum lm_digest_alg i = 0; rc == LM_OK && i < LM_DIGEST_ALGS; i++) {
			if (!(algs & 1u << i))
				continue;
			if (!out->layout_differs)
				memcpy(out->d[i].layout, out->d[i].plain, LM_DIGEST_MAX);
			else if (!EVP_DigestFinal_ex(p.ctx[i], out->d[i].layout, NULL))
				rc = LM_EIO;
		}
	}
	lm_arena_reset(a, mark);
done:
	for (enum lm_digest_alg i = 0; i < LM_DIGEST_ALGS; i++)
		EVP_MD_CTX_free(p.ctx[i]);
	return rc;
}
