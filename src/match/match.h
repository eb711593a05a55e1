/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match.h - the contract of matchers: rules against bytes (and, later, against observations).
 *
 * Rules are loaded once, in the zygote, before the sandbox closes; matching happens in workers. Indicators
 * need no matcher of their own: lists are read by the reader `indicators` and matched in the case, where
 * everything observed so far can be asked again (src/case, question `match`).
 */
#ifndef LM_MATCH_MATCH_H
#define LM_MATCH_MATCH_H

#include "base/arena.h"
#include "base/err.h"
#include "fact/observation.h"

struct lm_match_in {
	struct lm_bytes data;
	const uint8_t *sha256;
	struct lm_str path;	/* evidence path: rules' externals filepath, filename, extension */
	struct lm_str original; /* preferred over path where set */
	struct lm_arena *arena;
};

/* Called per match; views are valid during the call. */
typedef enum lm_rc lm_match_emit(void *user, const struct lm_obs *match);

/* What loading a folder of rules came to. */
struct lm_match_loaded {
	unsigned files, rules, bad_files;
};

struct lm_matcher {
	const char *name;
	const char *summary;
	/* Does this file hold rules of this matcher? By content, not by name alone. */
	bool (*probe)(struct lm_str path, struct lm_bytes data);
	/*
	 * Loads every file below `path` that probes as its own. One bad file is told through `log` (file, line,
	 * reason) and left out; the rest load. *state may be NULL on entry (first folder) or an earlier result:
	 * rules add up until `ready` is called.
	 */
	enum lm_rc (*load)(const char *path, void **state, struct lm_match_loaded *count, struct lm_err *err);
	/* Compiles what was loaded. After it `match` may be called. */
	enum lm_rc (*ready)(void *state, struct lm_err *err);
	/* All matches in the bytes of one content. A time-out is told as LM_ELIMIT after what matched so far. */
	enum lm_rc (*match)(void *state, const struct lm_match_in *in, lm_match_emit *emit, void *user);
	void (*free)(void *state);
};

#define LM_MATCHER(name) extern const struct lm_matcher lm_matcher_##name;
#include "match/matchers.def"
#undef LM_MATCHER

extern const struct lm_matcher *const lm_matchers[];
enum { LM_MATCHERS_MAX = 8 };

#endif
