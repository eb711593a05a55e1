/* SPDX-License-Identifier: Apache-2.0 */
/* fz_pe.c - the PE reader over any bytes, as a worker calls it. */
#include <stdlib.h>

#include "read/read.h"

extern const struct lm_reader lm_reader_pe;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t sha256[32];
	struct lm_read_env env = { .now_ns = INT64_C(1700000000) * LM_NS_PER_S };
	struct lm_arena arena;
	struct lm_obs o;
	void *state = NULL;
	lm_arena_init(&arena, 32u << 20);
	struct lm_read_in in = {
		.data = { data, size }, .sha256 = sha256, .path = LM_STR("fuzz.exe"), .arena = &arena, .env = &env
	};
	(void)lm_reader_pe.probe(&in);
	if (lm_reader_pe.open(&in, &state) == LM_OK) {
		while (lm_reader_pe.next(state, &o) == LM_OK) {
			const struct lm_obs_signature_unhashed *u = &o.signature_unhashed;
			/* an area lies in the file, and its counts agree */
			if (o.kind == LM_K_signature_unhashed &&
			    (u->offset.v < 0 || u->length.v <= 0 ||
			     (uint64_t)u->offset.v + (uint64_t)u->length.v > size || u->nonzero.v > u->length.v ||
			     u->first_nonzero.set != (u->nonzero.v > 0)))
				abort();
		}
		lm_reader_pe.close(state);
	}
	lm_arena_fini(&arena);
	return 0;
}
