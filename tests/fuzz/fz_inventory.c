/* SPDX-License-Identifier: Apache-2.0 */
#include "read/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Probing and, whatever it says, reading: lists are also read by force (--hosts, --intel, --inventory). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t sha[32];
	struct lm_arena a;
	struct lm_read_env env = { 0 };
	lm_arena_init(&a, 32 << 20);
	struct lm_read_in in = { .data = { data, size },
				 .sha256 = sha,
				 .path = LM_STR("list.csv"),
				 .host = { .device = LM_STR("collection:C.1"), .source = LM_ID_LAYOUT },
				 .arena = &a,
				 .env = &env };
	void *s;
	struct lm_obs o;
	(void)lm_reader_inventory.probe(&in);
	if (lm_reader_inventory.open(&in, &s) == LM_OK) {
		while (lm_reader_inventory.next(s, &o) == LM_OK)
			;
		lm_reader_inventory.close(s);
	}
	lm_arena_fini(&a);
	return 0;
}
