/* SPDX-License-Identifier: Apache-2.0 */
#include "match/match.h"

const struct lm_matcher *const lm_matchers[] = {
#define LM_MATCHER(name) &lm_matcher_##name,
#include "match/matchers.def"
#undef LM_MATCHER
	NULL,
};

#define LM_MATCHER(name) +1
_Static_assert(0
#include "match/matchers.def"
		       <= LM_MATCHERS_MAX,
	       "raise LM_MATCHERS_MAX");
#undef LM_MATCHER
