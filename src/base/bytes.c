/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

bool lm_bytes_all_zero(struct lm_bytes b)
{
	return b.n == 0 || (b.p[0] == 0 && memcmp(b.p, b.p + 1, b.n - 1) == 0);
}

size_t lm_bytes_count_nonzero(struct lm_bytes b, size_t *first)
{
	size_t count = 0, at = b.n;
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] == 0)
			continue;
		if (count++ == 0)
			at = i;
	}
	if (first)
		*first = at;
	return count;
}

size_t lm_bytes_find(struct lm_bytes hay, struct lm_bytes needle)
{
	if (needle.n == 0)
		return 0;
	if (hay.n < needle.n)
		return SIZE_MAX;
	const uint8_t *hit = memmem(hay.p, hay.n, needle.p, needle.n);
	return hit ? (size_t)(hit - hay.p) : SIZE_MAX;
}
