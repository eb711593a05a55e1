/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pour.c - fills one member after the other under the budgets, and hands it over.
 *
 * In: decompressed bytes, in pieces. Out: calls of the sink. Limits are those of struct lm_member_limits,
 * tested at every piece: what an archive declares about itself is not believed. A member lives in one buffer
 * that is reused; above inline_bytes it moves to a memfd, which is sealed before it leaves.
 */
#include "source/source_priv.h"

#include <fcntl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

const struct lm_member_limits lm_member_defaults = {
	.depth = 8,
	.member_bytes = UINT64_C(2) << 30,
	.total_bytes = UINT64_C(64) << 30,
	.members = 2000000,
	.ratio = 250,
	.inline_bytes = UINT64_C(64) << 20,
};

void lm_pour_init(struct lm_pour *o)
{
	o->fd = -1;
}

static void drop(struct lm_pour *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	o->n = 0;
	o->size = 0;
}

void lm_pour_fini(struct lm_pour *o)
{
	for (enum lm_kind k = 0; k < LM_KIND_COUNT; k++) {
		if (o->told[k] <= LM_POUR_ISSUES || o->rc)
			continue;
		char what[96];
		snprintf(what, sizeof what, "%" PRIu64 " more of this kind in the archive are not told one by one",
			 o->told[k] - LM_POUR_ISSUES);
		o->rc = o->sink->issue(o->sink->user, k, (struct lm_str){ 0 }, 0, 0, what);
	}
	drop(o);
	free(o->p);
	o->p = NULL;
	o->cap = 0;
}

void lm_pour_issue(struct lm_pour *o, enum lm_kind kind, struct lm_str member, uint64_t offset, uint64_t size,
		   const char *fmt, ...)
{
	char what[320];
	va_list ap;
	if (o->rc || o->told[kind]++ >= LM_POUR_ISSUES)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	o->rc = o->sink->issue(o->sink->user, kind, member, offset, size, what);
	if (o->rc > 0)
		o->rc = LM_OK; /* only refusals stop */
}

bool lm_pour_begin(struct lm_pour *o, uint64_t packed_bytes)
{
	drop(o);
	if (!lm_pour_goes_on(o))
		return false;
	o->state = LM_POUR_OPEN;
	o->why[0] = 0;
	if (o->spent->members >= o->limits->members) {
		lm_pour_issue(o, LM_K_evidence_skipped, (struct lm_str){ 0 }, 0, 0,
			      "more than %" PRIu64 " members: the rest of the archive is left out", o->limits->members);
		o->state = LM_POUR_ARCHIVE;
		return false;
	}
	o->spent->members++;
	o->packed = packed_bytes;
	return true;
}

static bool over_ratio(const struct lm_pour *o, uint64_t out, uint64_t in)
{
	return o->limits->ratio && out > LM_POUR_RATIO_FROM && out / o->limits->ratio > in;
}

/* Counts n more bytes for the unit and the archive; false, with the reason in `why`, above a limit. */
static bool count(struct lm_pour *o, uint64_t n)
{
	const struct lm_member_limits *l = o->limits;
	if (n > l->total_bytes - (o->spent->bytes < l->total_bytes ? o->spent->bytes : l->total_bytes)) {
		snprintf(o->why, sizeof o->why,
			 "more than %" PRIu64 " bytes decompressed in one unit: the rest is left out", l->total_bytes);
		o->state = LM_POUR_ARCHIVE;
		return false;
	}
	o->spent->bytes += n;
	o->archive_out += n;
	if (over_ratio(o, o->archive_out, o->archive.n)) {
		snprintf(o->why, sizeof o->why,
			 "decompression bomb: the archive of %zu bytes unfolds to more than %" PRIu64 " bytes",
			 o->archive.n, o->archive_out);
		o->state = LM_POUR_ARCHIVE;
		return false;
	}
	return true;
}

bool lm_pour_drain(struct lm_pour *o, uint64_t n)
{
	if (o->state == LM_POUR_ARCHIVE)
		return false;
	if (count(o, n))
		return true;
	lm_pour_issue(o, LM_K_evidence_skipped, (struct lm_str){ 0 }, 0, 0, "%s", o->why);
	return false;
}

/* The tests that stand before every piece of the member at hand. */
static bool admit(struct lm_pour *o, uint64_t n)
{
	const struct lm_member_limits *l = o->limits;
	if (o->state != LM_POUR_OPEN || o->rc)
		return false;
	if (n > l->member_bytes - o->size) {
		snprintf(o->why, sizeof o->why, "larger than the limit of %" PRIu64 " bytes for one member",
			 l->member_bytes);
		o->state = LM_POUR_MEMBER;
		return false;
	}
	if (!count(o, n))
		return false;
	uint64_t size = o->size + n;
	if (over_ratio(o, size, o->packed)) {
		snprintf(o->why, sizeof o->why,
			 "decompression bomb: %" PRIu64 " compressed bytes unfold to more than %" PRIu64 " bytes",
			 o->packed, size);
		o->state = LM_POUR_MEMBER;
		return false;
	}
	return true;
}

static bool refused(struct lm_pour *o, const char *by)
{
	snprintf(o->why, sizeof o->why, "%s refused after %" PRIu64 " bytes", by, o->size);
	o->state = LM_POUR_MEMBER;
	return false;
}

static bool write_fd(struct lm_pour *o, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t k = write(o->fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return refused(o, "memory for a large member was");
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* Moves the member from the buffer to a memfd. */
static bool to_fd(struct lm_pour *o)
{
	o->fd = memfd_create("limier-member", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (o->fd < 0)
		return refused(o, "memory for a large member was");
	size_t n = o->n;
	o->n = 0;
	return write_fd(o, o->p, n);
}

bool lm_pour_write(struct lm_pour *o, struct lm_bytes b)
{
	if (b.n == 0)
		return o->state == LM_POUR_OPEN && !o->rc;
	if (!admit(o, b.n))
		return false;
	if (o->fd < 0 && o->size + b.n > o->limits->inline_bytes && !to_fd(o))
		return false;
	if (o->fd >= 0) {
		if (!write_fd(o, b.p, b.n))
			return false;
		o->size += b.n;
		return true;
	}
	if (b.n > o->cap - o->n) {
		/* doubling, but never past what a member in memory may have */
		size_t cap = o->cap ? o->cap : 65536, need = o->n + b.n;
		while (cap < need)
			cap *= 2;
		if (cap > o->limits->inline_bytes && need <= o->limits->inline_bytes)
			cap = (size_t)o->limits->inline_bytes;
		uint8_t *p = realloc(o->p, cap);
		if (!p)
			return refused(o, "memory was");
		o->p = p;
		o->cap = cap;
	}
	memcpy(o->p + o->n, b.p, b.n);
	o->n += b.n;
	o->size += b.n;
	return true;
}

bool lm_pour_zeros(struct lm_pour *o, uint64_t n)
{
	static const uint8_t zero[65536];
	if (o->state == LM_POUR_OPEN && n > o->limits->member_bytes - o->size)
		return admit(o, n); /* refused before a hole of exabytes is filled step by step */
	while (n) {
		size_t k = n < sizeof zero ? (size_t)n : sizeof zero;
		if (!lm_pour_write(o, (struct lm_bytes){ zero, k }))
			return false;
		n -= k;
	}
	return true;
}

void lm_pour_again(struct lm_pour *o)
{
	drop(o);
	if (o->state == LM_POUR_MEMBER)
		o->state = LM_POUR_OPEN;
}

static void hand_over(struct lm_pour *o, struct lm_member *m)
{
	if (o->rc) {
		if (m->fd >= 0)
			close(m->fd);
		return;
	}
	o->rc = o->sink->member(o->sink->user, m);
	if (o->rc > 0)
		o->rc = LM_OK;
}

void lm_pour_end(struct lm_pour *o, struct lm_str name, struct lm_int modified_ns, uint64_t declared)
{
	struct lm_member m = { .name = name, .fd = -1, .size = o->size, .modified_ns = modified_ns };
	if (o->state != LM_POUR_OPEN) {
		/* without a reason here the stream below has told it */
		if (o->why[0])
			lm_pour_issue(o, LM_K_evidence_skipped, name, 0, declared > o->size ? declared : o->size, "%s",
				      o->why);
	} else if (o->fd >= 0) {
		/* sealed: neither the sender nor the receiver can change what was hashed */
		int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
		if (fcntl(o->fd, F_ADD_SEALS, seals) || lseek(o->fd, 0, SEEK_SET) < 0) {
			lm_pour_issue(o, LM_K_evidence_skipped, name, 0, o->size, "the member cannot be sealed");
		} else {
			m.fd = o->fd;
			o->fd = -1;
			hand_over(o, &m);
		}
	} else {
		m.data = (struct lm_bytes){ o->p ? o->p : (const uint8_t *)"", o->n };
		hand_over(o, &m);
	}
	drop(o);
}

void lm_pour_view(struct lm_pour *o, struct lm_bytes b, struct lm_str name, struct lm_int modified_ns)
{
	if (b.n > o->limits->inline_bytes) {
		for (size_t at = 0; at < b.n && lm_pour_write(o, lm_bytes_part(b, at, 1u << 20)); at += 1u << 20)
			;
		lm_pour_end(o, name, modified_ns, b.n);
		return;
	}
	if (!admit(o, b.n)) {
		lm_pour_end(o, name, modified_ns, b.n);
		return;
	}
	struct lm_member m = { .name = name, .data = b, .fd = -1, .size = b.n, .modified_ns = modified_ns };
	if (!b.p)
		m.data.p = (const uint8_t *)"";
	hand_over(o, &m);
	drop(o);
}
