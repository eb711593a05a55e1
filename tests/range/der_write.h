/* SPDX-License-Identifier: Apache-2.0 */
/*
 * der_write.h - writing DER: append a content, then wrap it.
 *
 *   size_t at = b->n; rg_der_add(...); rg_der_wrap(b, at, 0x30);
 */
#ifndef RG_DER_WRITE_H
#define RG_DER_WRITE_H

#include "base/buf.h"

/* Makes the bytes from `at` to the end the content of one element with this tag. */
void rg_der_wrap(struct lm_buf *b, size_t at, uint8_t tag);
/* One element with the given content. */
void rg_der_add(struct lm_buf *b, uint8_t tag, const void *p, size_t n);
/* OBJECT IDENTIFIER from its dotted form; every arc fits 32 bits. */
void rg_der_oid(struct lm_buf *b, const char *dotted);
/* AlgorithmIdentifier with NULL parameters. */
void rg_der_alg(struct lm_buf *b, const char *dotted);
/* Sorts the elements from `at` to the end as DER wants them in a SET OF. */
void rg_der_sort(struct lm_buf *b, size_t at);

#endif
