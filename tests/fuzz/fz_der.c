/* SPDX-License-Identifier: Apache-2.0 */
/* fz_der.c - the strict DER walk and the text of object identifiers. */
#include <stdlib.h>

#include "read/der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct lm_der d, unsigned depth, uint64_t end)
{
	char text[LM_OID_TEXT];
	struct lm_tlv t;
	while (lm_der_next(&d, &t)) {
		if (t.at + t.whole.n > end || t.body.n > t.whole.n)
			abort();
		if (t.tag == LM_DER_OID)
			(void)lm_der_oid_text(t.body, text);
		if (depth && t.tag & 0x20)
			walk(lm_der_in(&t), depth - 1, t.at + t.whole.n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why;
	uint64_t at;
	struct lm_bytes b = { data, size };
	bool ok = lm_der_check(b, 0, 32, &why, &at);
	if (ok != (why == NULL) || (!ok && at > size))
		abort();
	walk(lm_der_of(b, 0), 32, size);
	return 0;
}
