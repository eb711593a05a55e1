/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect.h - the contract of detectors: from the case to findings. A detector sees the case, never a format.
 */
#ifndef LM_DETECT_DETECT_H
#define LM_DETECT_DETECT_H

#include "case/case.h"

struct lm_detect_opts {
	const char *const *products; /* --product, NULL-terminated; or NULL */
	int64_t now_ns;
	bool trust_given; /* --roots was given: trust words mean something */
};

struct lm_facts; /* facts.h */

struct lm_detect_ctx {
	struct lm_case *c;
	const struct lm_detect_opts *opts;
	struct lm_arena *arena; /* scratch of one detector run */
	struct lm_facts *facts; /* what the detectors of this run share */
	struct lm_err *err;
};

struct lm_detector {
	const char *name;
	const char *summary;
	enum lm_stage stage;
	const enum lm_kind *needs; /* ends with LM_KIND_NONE; without any of them the stage is "not observed" */
	const char *const *attack; /* technique ids it may state, NULL-terminated */
	enum lm_rc (*run)(struct lm_detect_ctx *d);
};

#define LM_DETECTOR(name) extern const struct lm_detector lm_detector_##name;
#include "detect/detectors.def"
#undef LM_DETECTOR

extern const struct lm_detector *const lm_detectors[]; /* NULL-terminated, in the order they run */

/*
 * Runs all detectors, then scope: clears old results, stores findings, host stages, scope rows per dimension,
 * blind spots, actions and questions. The case must be resolved. Same case and opts, same results.
 */
enum lm_rc lm_detect_all(struct lm_case *c, const struct lm_detect_opts *opts, struct lm_err *err) LM_MUST;

/* ---- subject.c: which products the case is about ---- */

/*
 * The subject products: those named, and those with an altered file. `altered` runs first and registers its
 * products here; names are kept in case settings so that reports can print them, sorted and joined by ';':
 * "subject" (all), "subject.named", "subject.altered".
 */
enum lm_rc lm_subject_add(struct lm_detect_ctx *d, struct lm_str product) LM_MUST;
bool lm_subject_is(struct lm_detect_ctx *d, struct lm_str product);

#endif
