/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - what crosses from a sandboxed worker to the parent, one direction, never trusted.
 *
 * Layout, little-endian: u32 length of what follows | u8 version | u8 type | u32 content index | body.
 * A frame is at most LM_FRAME_MAX bytes. The parent reads frames with the cursor, refuses unknown
 * versions, types, kinds and indexes that the worker did not open, and counts them against the unit.
 */
#ifndef LM_FACT_FRAME_H
#define LM_FACT_FRAME_H

#include "base/err.h"
#include "fact/observation.h"

#define LM_FRAME_VERSION 1
#define LM_FRAME_MAX (16u << 20)
#define LM_FRAME_HEAD 10u /* bytes up to the body, with the length */

enum lm_frame_type {
	LM_FRAME_CONTENT = 1,  /* a content is opened: its member path, layout identity and original path */
	LM_FRAME_OBS = 2,      /* an observation in an opened content */
	LM_FRAME_END = 3,      /* a content is done: SHA-256, size, reader */
	LM_FRAME_CHILD = 4,    /* a member too large to parse here; a sealed memfd travels beside the frame */
	LM_FRAME_PROGRESS = 5, /* bytes done in this unit */
	LM_FRAME_DONE = 6,     /* the unit is done: counters */
};

/* A content the worker opened: the unit's file itself (index 0 of a unit's file) or a member. */
struct lm_frame_content {
	uint32_t file;		     /* which file of the unit, from 0 */
	uint32_t parent;	     /* content index of the container; UINT32_MAX for the file itself */
	struct lm_str member;	     /* path inside the container as stored, escaped by whoever prints it */
	struct lm_ident host;	     /* by layout; may be unset */
	struct lm_str original_path; /* on the host, by layout; may be unset */
};

struct lm_frame_end {
	uint8_t sha256[32];
	uint64_t size;
	struct lm_str reader; /* unset when no reader knew the format */
	bool cached;	      /* content seen before: not parsed again */
};

struct lm_frame_child {
	uint64_t size;
	struct lm_frame_content as; /* as.parent is the container */
};

struct lm_frame_done {
	uint64_t bytes, contents, observations, dropped; /* dropped: observations over the rate limit */
};

struct lm_frame {
	enum lm_frame_type type;
	uint32_t content;
	union {
		struct lm_frame_content open;
		struct lm_obs obs;
		struct lm_frame_end end;
		struct lm_frame_child child;
		uint64_t progress;
		struct lm_frame_done done;
	};
};

/* Appends one encoded frame; `out` goes bad when the frame would pass LM_FRAME_MAX or out->max. */
void lm_frame_put(struct lm_buf *out, const struct lm_frame *f);

/*
 * Decodes the frame at the cursor. Views in *out borrow from the cursor's bytes. LM_OK, LM_END when the
 * cursor does not hold a whole frame yet (nothing consumed), LM_ECORRUPT for anything else: the sender is
 * then no longer believed.
 */
enum lm_rc lm_frame_get(struct lm_rd *r, struct lm_frame *out) LM_MUST;

#endif
