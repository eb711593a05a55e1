/* SPDX-License-Identifier: Apache-2.0 */
/* fz_authenticode.c - one PKCS#7 blob: structure, nested signatures, certificates, verification. */
#include "read/authenticode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t sha256[32];
	static const struct lm_pe_digests digests;
	struct lm_read_env env = { .now_ns = INT64_C(1700000000) * LM_NS_PER_S };
	struct lm_arena arena;
	struct lm_pe_obs q;
	struct lm_ac ac;
	struct lm_tlv whole;
	const char *why;
	lm_arena_init(&arena, 32u << 20);
	struct lm_read_in in = {
		.data = { data, size }, .sha256 = sha256, .path = LM_STR("fuzz.exe"), .arena = &arena, .env = &env
	};
	lm_pe_obs_init(&q, &in);
	lm_ac_init(&ac, &q, in.data);
	if (lm_p7_looks_like(in.data, 0, &whole, &why)) {
		lm_ac_blob(&ac, &whole, 0, 0);
		(void)lm_ac_algorithms(&ac);
		lm_ac_judge(&ac, &digests);
		while (lm_pe_obs_next(&q))
			;
	}
	lm_arena_fini(&arena);
	return 0;
}
