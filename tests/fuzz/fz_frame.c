/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fz_frame.c - frames of a worker that no longer does what it was written to do.
 *
 * Any bytes: the decoder takes or refuses them. What it takes must encode to the very bytes it came from,
 * and decode to the same again: there is one form of every frame, and nothing can be hidden beside it.
 */
#include "fact/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_rd r = lm_rd_of((struct lm_bytes){ data, size });
	struct lm_buf b;
	struct lm_frame f, again;
	lm_buf_init(&b, 2 * (size_t)LM_FRAME_MAX);
	for (;;) {
		size_t from = r.pos;
		if (lm_frame_get(&r, &f) != LM_OK) {
			if (r.pos != from)
				abort(); /* a refusal takes nothing */
			break;
		}
		lm_buf_clear(&b);
		lm_frame_put(&b, &f);
		if (b.bad || b.n != r.pos - from || memcmp(b.p, data + from, b.n) != 0)
			abort();
		struct lm_rd second = lm_rd_of(lm_str_bytes(lm_buf_view(&b)));
		if (lm_frame_get(&second, &again) != LM_OK || again.type != f.type || again.content != f.content)
			abort();
		if (f.type == LM_FRAME_OBS && !lm_kind_desc(f.obs.kind))
			abort();
	}
	lm_buf_fini(&b);
	return 0;
}
