/* SPDX-License-Identifier: Apache-2.0 */
#include "read/read.h"

const struct lm_reader *const lm_readers[] = {
#define LM_READER(name) &lm_reader_##name,
#include "read/readers.def"
#undef LM_READER
	NULL,
};

const struct lm_reader *lm_reader_find(struct lm_str name)
{
	for (size_t i = 0; lm_readers[i]; i++)
		if (lm_str_eq(name, lm_cstr(lm_readers[i]->name)))
			return lm_readers[i];
	return NULL;
}

const struct lm_reader *lm_reader_probe(const struct lm_read_in *in, const struct lm_reader **tie)
{
	const struct lm_reader *best = NULL;
	int best_score = 0;
	*tie = NULL;
	for (size_t i = 0; lm_readers[i]; i++) {
		int score = lm_readers[i]->probe(in);
		if (score > best_score) {
			best = lm_readers[i];
			best_score = score;
			*tie = NULL;
		} else if (score && score == best_score) {
			*tie = lm_readers[i];
		}
	}
	return best;
}
