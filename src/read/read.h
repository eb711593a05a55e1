/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.h - the contract of readers: from the bytes of one content to observations.
 *
 * A reader never judges, prints, opens files or keeps state between contents. It is called in a sandboxed
 * worker: probe for every content, then open, next until it is not LM_OK, close. What it finds damaged it
 * states as evidence.damaged and goes on. Registration: one line in readers.def.
 */
#ifndef LM_READ_READ_H
#define LM_READ_READ_H

#include "base/arena.h"
#include "base/err.h"
#include "base/timestamp.h"
#include "fact/observation.h"

struct lm_trust; /* read/trust.h: roots for code signing, loaded before the sandbox closes */

/* What every reader may know besides the bytes; the same for all contents of a run. */
struct lm_read_env {
	int64_t now_ns;		      /* --now: the time at which trust is judged */
	const struct lm_trust *trust; /* NULL without --roots */
	const struct lm_zone *zone;   /* zone of zoneless times; NULL = UTC */
};

struct lm_read_in {
	struct lm_bytes data;	/* the whole content; valid from open to close */
	const uint8_t *sha256;	/* its name, 32 bytes */
	struct lm_str path;	/* evidence path with members: for messages, never a hint of the format alone */
	struct lm_str original; /* path on the host, by layout; may be unset */
	struct lm_ident host;	/* by layout; may be unset */
	struct lm_arena *arena; /* the unit's, with its budget; everything emitted may live here */
	const struct lm_read_env *env;
};

struct lm_reader {
	const char *name;	   /* = file name = registration = file.content kind */
	const char *summary;	   /* one line for `limier list readers` */
	const enum lm_kind *emits; /* ends with LM_KIND_NONE; the parent refuses other kinds from this reader */
	/* 0: not mine; 1..100: how sure, from magic and structure. Must be cheap and look at a prefix. */
	int (*probe)(const struct lm_read_in *in);
	/* LM_OK with *state set, LM_ENOTFMT, LM_ELIMIT. *in outlives the state. */
	enum lm_rc (*open)(const struct lm_read_in *in, void **state);
	/*
	 * LM_OK with one observation whose views live until the next call; LM_END; LM_ELIMIT when the arena
	 * is spent (what came before stays valid). The identity of *out is set by the reader when the format
	 * states one, else left unset: the caller then puts in->host.
	 */
	enum lm_rc (*next)(void *state, struct lm_obs *out);
	void (*close)(void *state);
};

#define LM_READER(name) extern const struct lm_reader lm_reader_##name;
#include "read/readers.def"
#undef LM_READER

/* All registered readers, NULL-terminated, in the order of readers.def. */
extern const struct lm_reader *const lm_readers[];
const struct lm_reader *lm_reader_find(struct lm_str name);
/* The reader with the best score; *tie is set when another one scored the same (the first in the list wins). */
const struct lm_reader *lm_reader_probe(const struct lm_read_in *in, const struct lm_reader **tie);

#endif
