/* SPDX-License-Identifier: Apache-2.0 */
/* reader_target.h - a fuzz target for one list reader: probing and, whatever it says, reading it by force. */
#ifndef LM_FUZZ_READER_TARGET_H
#define LM_FUZZ_READER_TARGET_H

#include "read/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline int fuzz_reader(const struct lm_reader *r, struct lm_str path, const uint8_t *data, size_t size)
{
	static const uint8_t sha[32];
	struct lm_arena a;
	struct lm_read_env env = { 0 };
	lm_arena_init(&a, 32 << 20);
	struct lm_read_in in = { .data = { data, size },
				 .sha256 = sha,
				 .path = path,
				 .host = { .device = LM_STR("collection:C.1"), .source = LM_ID_LAYOUT },
				 .arena = &a,
				 .env = &env };
	void *s;
	struct lm_obs o;
	(void)r->probe(&in);
	if (r->open(&in, &s) == LM_OK) {
		while (r->next(s, &o) == LM_OK)
			;
		r->close(s);
	}
	lm_arena_fini(&a);
	return 0;
}

#endif
