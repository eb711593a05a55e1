/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detectors.c - the table of detectors, and one run of all of them: load what they share, detect, then scope
 * and the notes of the page. In: a resolved case. Out: findings, stages, scope rows, notes; the old ones go.
 * Limits: a gigabyte for what is shared and one for the scratch; beyond it the run fails as a whole.
 */
#include "detect/facts.h"

#define LM_DETECTOR(name) &lm_detector_##name,
const struct lm_detector *const lm_detectors[] = {
#include "detect/detectors.def"
	NULL,
};
#undef LM_DETECTOR

enum { SCRATCH_BUDGET = 1 << 30 };

static enum lm_rc run_all(struct lm_detect_ctx *d)
{
	enum lm_rc rc = lm_facts_load(d->facts, d->c, d->err);
	if (rc == LM_OK)
		rc = lm_subject_begin(d);
	if (rc == LM_OK) {
		lm_altered_mark(d->facts);
		lm_hits_mark(d->facts);
		rc = lm_facts_join(d->facts);
	}
	for (size_t i = 0; rc == LM_OK && lm_detectors[i]; i++) {
		struct lm_arena_mark mark = lm_arena_mark(d->arena);
		rc = lm_detectors[i]->run(d);
		lm_arena_reset(d->arena, mark);
		if (rc != LM_OK)
			return lm_fail(d->err, rc, "detector '%s' stopped: %s", lm_detectors[i]->name,
				       rc == LM_ELIMIT ? "it needs more memory than its budget" : lm_case_error(d->c));
	}
	if (rc == LM_OK)
		rc = lm_subject_end(d);
	if (rc == LM_OK)
		rc = lm_scope_run(d);
	if (rc == LM_OK)
		rc = lm_actions_run(d);
	return rc;
}

enum lm_rc lm_detect_all(struct lm_case *c, const struct lm_detect_opts *opts, struct lm_err *err)
{
	struct lm_arena arena;
	struct lm_facts facts = { 0 };
	struct lm_err local = { 0 };
	struct lm_detect_ctx d = { .c = c, .opts = opts, .arena = &arena, .facts = &facts, .err = &local };
	lm_arena_init(&arena, SCRATCH_BUDGET);
	enum lm_rc rc = lm_case_results_clear(c);
	if (rc == LM_OK)
		rc = run_all(&d);
	if (rc == LM_OK)
		rc = lm_case_commit(c);
	if (rc != LM_OK && local.msg[0])
		lm_fail(err, rc, "%s", local.msg);
	else if (rc != LM_OK)
		lm_fail(err, rc, "cannot compute findings: %s",
			rc == LM_ELIMIT ? "the case needs more memory than the budget" : lm_case_error(c));
	lm_facts_fini(&facts);
	lm_arena_fini(&arena);
	return rc;
}
