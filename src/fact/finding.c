/* SPDX-License-Identifier: Apache-2.0 */
#include "fact/finding.h"

#include <math.h>

static const char *const stages[LM_STAGE_COUNT] = {
	NULL, "exposed", "altered", "beaconing", "second_stage", "hands_on"
};
static const char *const severities[LM_SEV_COUNT] = { "informational", "low", "medium", "high", "critical" };

const char *lm_stage_word(enum lm_stage s)
{
	return s < LM_STAGE_COUNT ? stages[s] : NULL;
}

enum lm_stage lm_stage_find(struct lm_str word)
{
	for (int s = LM_STAGE_EXPOSED; s < LM_STAGE_COUNT; s++)
		if (lm_str_eq(word, lm_cstr(stages[s])))
			return (enum lm_stage)s;
	return LM_STAGE_NONE;
}

const char *lm_severity_word(enum lm_severity s)
{
	return s < LM_SEV_COUNT ? severities[s] : "informational";
}

enum lm_severity lm_severity_find(struct lm_str word)
{
	int s = 0;
	while (s < LM_SEV_COUNT && !lm_str_eq(word, lm_cstr(severities[s])))
		s++;
	return (enum lm_severity)s;
}

int lm_confidence(const struct lm_term *terms, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += terms[i].log_odds;
	int v = (int)lround(100 / (1 + exp(-sum)));
	return v < 1 ? 1 : v > 99 ? 99 : v;
}

const char *lm_confidence_word(int value)
{
	return value < 20   ? "very low"
	       : value < 40 ? "low"
	       : value < 60 ? "moderate"
	       : value < 85 ? "high"
			    : "very high";
}
