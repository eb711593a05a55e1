/* SPDX-License-Identifier: Apache-2.0 */
/* fz_json.c - the JSON interface over any bytes: every value is walked, twice with one parser. */
#include <stdlib.h>

#include "fact/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(struct lm_json v, unsigned depth)
{
	struct lm_str key;
	struct lm_json item;
	struct lm_str s = lm_json_str(v);
	size_t n = s.n ? (size_t)(unsigned char)s.p[0] + (unsigned char)s.p[s.n - 1] : 1;
	n += (size_t)lm_json_int(v, 1) + (lm_json_real(v, 1) > 0) + lm_json_bool(v, true);
	if (depth > 200)
		abort(); /* the parser's own limit is lower */
	for (struct lm_json_it it = lm_json_iter(v); lm_json_next(&it, &key, &item);) {
		if (key.p && v.type != LM_J_OBJ)
			abort();
		n += walk(item, depth + 1);
	}
	if (v.type == LM_J_OBJ)
		n += lm_json_get(v, "id").type;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_json_doc *d = lm_json_new(1 << 20);
	struct lm_json a, b;
	enum lm_rc first = lm_json_parse(d, (struct lm_bytes){ data, size }, &a, NULL);
	size_t sum = first == LM_OK ? walk(a, 0) : 0;
	enum lm_rc second = lm_json_parse(d, (struct lm_bytes){ data, size }, &b, NULL);
	if (first != second || (second == LM_OK && walk(b, 0) != sum))
		abort();
	lm_json_free(d);
	return 0;
}
