/* SPDX-License-Identifier: Apache-2.0 */
/*
 * der.h - strict DER (ITU-T X.690, section 10): definite lengths in their shortest form, one-byte tags.
 *
 * A cursor with a sticky error like lm_rd, which also knows where its bytes stand in the file and keeps the
 * first violation in words. After a violation every call fails, so a parser reads a whole structure and
 * tests `why` once. Bytes are borrowed from the content.
 */
#ifndef LM_READ_DER_H
#define LM_READ_DER_H

#include "base/bytes.h"

enum {
	LM_DER_BOOLEAN = 0x01,
	LM_DER_INTEGER = 0x02,
	LM_DER_BITS = 0x03,
	LM_DER_OCTETS = 0x04,
	LM_DER_NULL = 0x05,
	LM_DER_OID = 0x06,
	LM_DER_UTC_TIME = 0x17,
	LM_DER_GENERAL_TIME = 0x18,
	LM_DER_SEQUENCE = 0x30,
	LM_DER_SET = 0x31,
	LM_DER_CTX0 = 0xa0, /* [0] constructed; [1] is 0xa1 */
	LM_DER_CTX1 = 0xa1,
};

struct lm_der {
	struct lm_rd r;
	uint64_t base;	 /* file offset of the cursor's first byte */
	const char *why; /* first violation, a literal; NULL while all is well */
	uint64_t why_at; /* file offset of the value that violates */
};

/* One value: `whole` with its header, `body` without. Offsets are in the file. */
struct lm_tlv {
	struct lm_bytes whole, body;
	uint64_t at, body_at;
	uint8_t tag;
};

struct lm_der lm_der_of(struct lm_bytes b, uint64_t file_offset);
/* Cursor over the contents of a value. */
struct lm_der lm_der_in(const struct lm_tlv *t);
/* Records a violation (the first one stays) at a file offset. */
void lm_der_fail(struct lm_der *d, uint64_t at, const char *why);
/* The next value; false at the end and after a violation (tell them apart by d->why). */
bool lm_der_next(struct lm_der *d, struct lm_tlv *t);
/* The next value must exist and have this tag; else false with d->why set. */
bool lm_der_need(struct lm_der *d, uint8_t tag, struct lm_tlv *t);
/* Takes the next value only when it has this tag; absence is no violation. */
bool lm_der_maybe(struct lm_der *d, uint8_t tag, struct lm_tlv *t);
bool lm_der_at_end(const struct lm_der *d);
/* Violation when something is left. */
void lm_der_done(struct lm_der *d);
/* Hands a child's violation to its parent. */
void lm_der_join(struct lm_der *parent, const struct lm_der *child);

/*
 * Walks everything below the cursor's values and applies the rules of the universal types too (BOOLEAN 00
 * or ff, shortest INTEGER, empty NULL, well-formed OID). At most `depth` levels; deeper is a violation.
 */
bool lm_der_check(struct lm_bytes b, uint64_t file_offset, unsigned depth, const char **why, uint64_t *why_at);

/* Dotted text of an OBJECT IDENTIFIER's contents; "?" when it is not well-formed or does not fit. */
#define LM_OID_TEXT 128
const char *lm_der_oid_text(struct lm_bytes oid, char out[LM_OID_TEXT]);

#endif
