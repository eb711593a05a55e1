/* SPDX-License-Identifier: Apache-2.0 */
/*
 * der.c - a strict DER walk.
 *
 * In: bytes of a signature or certificate. Out: values as views, or the first violation with its offset.
 * Limits: tags above 30 (never used in PKCS#7 or X.509) and lengths of more than eight bytes are refused;
 * nothing is allocated. BER is refused on purpose: what two parsers can read in two ways is where bytes hide.
 */
#include "read/der.h"

#include <stdio.h>

struct lm_der lm_der_of(struct lm_bytes b, uint64_t file_offset)
{
	return (struct lm_der){ .r = lm_rd_of(b), .base = file_offset };
}

struct lm_der lm_der_in(const struct lm_tlv *t)
{
	return lm_der_of(t->body, t->body_at);
}

void lm_der_fail(struct lm_der *d, uint64_t at, const char *why)
{
	if (!d->why) {
		d->why = why;
		d->why_at = at;
	}
	d->r.bad = true;
}

/* X.690 8.1.3 and 10.1. */
static uint64_t take_length(struct lm_der *d, uint64_t at)
{
	uint8_t first = lm_rd_u8(&d->r);
	if (d->r.bad) {
		lm_der_fail(d, at, "header is cut off");
		return 0;
	}
	if (first < 0x80)
		return first;
	if (first == 0x80) {
		lm_der_fail(d, at, "indefinite length");
		return 0;
	}
	unsigned k = first & 0x7f;
	if (k > 8) {
		lm_der_fail(d, at, "length field is longer than 8 bytes");
		return 0;
	}
	uint64_t n = 0;
	for (unsigned i = 0; i < k; i++) {
		uint8_t b = lm_rd_u8(&d->r);
		if (i == 0 && b == 0 && !d->r.bad)
			lm_der_fail(d, at, "length is not in its shortest form");
		n = n << 8 | b;
	}
	if (d->r.bad)
		lm_der_fail(d, at, "header is cut off");
	else if (n < 0x80)
		lm_der_fail(d, at, "length is not in its shortest form");
	return n;
}

bool lm_der_next(struct lm_der *d, struct lm_tlv *t)
{
	*t = (struct lm_tlv){ 0 };
	if (d->why || lm_rd_left(&d->r) == 0)
		return false;
	size_t start = d->r.pos;
	uint64_t at = d->base + start;
	uint8_t tag = lm_rd_u8(&d->r);
	if ((tag & 0x1f) == 0x1f)
		lm_der_fail(d, at, "tag number above 30");
	uint64_t n = take_length(d, at);
	if (d->why)
		return false;
	size_t head = d->r.pos - start;
	struct lm_bytes body = lm_rd_take(&d->r, n);
	if (d->r.bad) {
		lm_der_fail(d, at, "value ends past the data that holds it");
		return false;
	}
	struct lm_rd again = d->r;
	again.pos = start;
	t->tag = tag;
	t->at = at;
	t->body = body;
	t->body_at = at + head;
	t->whole = lm_rd_take(&again, head + n);
	return true;
}

bool lm_der_need(struct lm_der *d, uint8_t tag, struct lm_tlv *t)
{
	uint64_t at = d->base + d->r.pos;
	if (!lm_der_next(d, t)) {
		lm_der_fail(d, at, "a required field is missing");
		return false;
	}
	if (t->tag != tag) {
		lm_der_fail(d, at, "field has another type than the structure requires");
		return false;
	}
	return true;
}

bool lm_der_maybe(struct lm_der *d, uint8_t tag, struct lm_tlv *t)
{
	*t = (struct lm_tlv){ 0 };
	struct lm_rd peek = d->r;
	if (d->why || lm_rd_left(&peek) == 0 || lm_rd_u8(&peek) != tag)
		return false;
	return lm_der_next(d, t);
}

bool lm_der_at_end(const struct lm_der *d)
{
	return !d->why && lm_rd_left(&d->r) == 0;
}

void lm_der_done(struct lm_der *d)
{
	if (!d->why && lm_rd_left(&d->r))
		lm_der_fail(d, d->base + d->r.pos, "bytes follow the last field of the structure");
}

void lm_der_join(struct lm_der *parent, const struct lm_der *child)
{
	if (child->why)
		lm_der_fail(parent, child->why_at, child->why);
}

/* Every sub-identifier in its shortest form, the last one complete (X.690 8.19.2). */
static bool oid_ok(struct lm_bytes oid)
{
	struct lm_rd r = lm_rd_of(oid);
	bool first = true;
	if (oid.n == 0)
		return false;
	while (lm_rd_left(&r)) {
		uint8_t b = lm_rd_u8(&r);
		if (first && b == 0x80)
			return false;
		first = !(b & 0x80);
	}
	return first;
}

static const char *type_violation(const struct lm_tlv *t)
{
	struct lm_rd r = lm_rd_of(t->body);
	uint8_t a = lm_rd_u8(&r), b = lm_rd_u8(&r);
	switch (t->tag) {
	case LM_DER_BOOLEAN:
		return t->body.n == 1 && (a == 0 || a == 0xff) ? NULL : "BOOLEAN is neither 00 nor ff";
	case LM_DER_INTEGER:
		if (t->body.n == 0)
			return "INTEGER is empty";
		if (t->body.n > 1 && ((a == 0 && !(b & 0x80)) || (a == 0xff && (b & 0x80))))
			return "INTEGER is not in its shortest form";
		return NULL;
	case LM_DER_NULL:
		return t->body.n ? "NULL has contents" : NULL;
	case LM_DER_OID:
		return oid_ok(t->body) ? NULL : "OBJECT IDENTIFIER is not well-formed";
	case LM_DER_BITS:
		return t->body.n == 0 || a > 7 || (a && t->body.n == 1) ? "BIT STRING is not well-formed" : NULL;
	default:
		return NULL;
	}
}

static void check(struct lm_der *d, unsigned depth)
{
	struct lm_tlv t;
	while (lm_der_next(d, &t)) {
		if (!(t.tag & 0x20)) {
			const char *why = type_violation(&t);
			if (why)
				lm_der_fail(d, t.at, why);
			continue;
		}
		if (depth == 0) {
			lm_der_fail(d, t.at, "nested too deeply");
			return;
		}
		struct lm_der in = lm_der_in(&t);
		check(&in, depth - 1);
		lm_der_join(d, &in);
	}
}

bool lm_der_check(struct lm_bytes b, uint64_t file_offset, unsigned depth, const char **why, uint64_t *why_at)
{
	struct lm_der d = lm_der_of(b, file_offset);
	check(&d, depth);
	*why = d.why;
	*why_at = d.why_at;
	return !d.why;
}

const char *lm_der_oid_text(struct lm_bytes oid, char out[LM_OID_TEXT])
{
	struct lm_rd r = lm_rd_of(oid);
	size_t n = 0;
	bool first = true;
	if (!oid_ok(oid))
		goto unknown;
	while (lm_rd_left(&r)) {
		uint64_t v = 0;
		uint8_t b;
		do {
			b = lm_rd_u8(&r);
			if (v >> 56)
				goto unknown;
			v = v << 7 | (b & 0x7f);
		} while (b & 0x80);
		int k;
		if (first) { /* two arcs share the first sub-identifier (X.690 8.19.4) */
			unsigned arc = v < 80 ? (unsigned)(v / 40) : 2;
			k = snprintf(out + n, LM_OID_TEXT - n, "%u.%llu", arc, (unsigned long long)(v - arc * 40));
		} else {
			k = snprintf(out + n, LM_OID_TEXT - n, ".%llu", (unsigned long long)v);
		}
		if (k < 0 || (size_t)k >= LM_OID_TEXT - n)
			goto unknown;
		n += (size_t)k;
		first = false;
	}
	return out;
unknown:
	memcpy(out, "?", 2);
	return out;
}
