/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - what the worker loop (worker.c) and its frames (emit.c) share. Only they include it.
 */
#ifndef LM_WORK_WORKER_H
#define LM_WORK_WORKER_H

#include "work/work_int.h"

#define FLUSH_BYTES (256u << 10)
#define FLUSH_NS (LM_NS_PER_S / 4)

/* One worker process. */
struct lm_worker {
	const struct lm_stock *stock;
	int sock;
	struct lm_status *status;
	struct lm_buf out;
	int64_t flushed_ns;
	struct lm_arena arena;
	uint32_t next_index;
	struct lm_member_spent spent;
	struct lm_frame_done done;
	uint64_t unit_done;	 /* bytes of finished files */
	uint64_t since_progress; /* decompressed since the last sign of life */
};

/* One content that is being read. */
struct lm_item {
	struct lm_worker *w;
	const struct lm_unit_file *file;
	uint32_t file_no, index, parent;
	unsigned depth;
	struct lm_bytes data;
	struct lm_str path, below, member;
	struct lm_int modified;
	struct lm_layout layout;
	struct lm_hashes hashes;
	const char *format; /* of a container */
	uint64_t emitted, allowed, dropped;
};

/* ---- emit.c ---- */

/* Writes what is buffered to the parent; `fd` (or -1) travels beside its first byte. Ends the process when the parent
 * is gone. */
void lm_emit_flush(struct lm_worker *w, int fd);
/* False when the frame is too large: nothing is buffered then, the stream stays whole. */
bool lm_emit_frame(struct lm_worker *w, const struct lm_frame *f);
/* Nothing was written for a quarter of a second. */
bool lm_emit_is_late(const struct lm_worker *w);
/* A sign of life; `at` is the position in the unit's file, members do not move it. */
void lm_emit_progress(struct lm_item *it, uint64_t at);
/* Last words, should the process die from here on. `who`: reader, matcher or archive format, or NULL. */
void lm_emit_status(struct lm_item *it, enum lm_phase phase, const char *who);
/* An observation of a reader or matcher; counted instead when the content has had its share. */
void lm_emit(struct lm_item *it, const struct lm_obs *o);
/* What the loop itself states, a few a content: it must not drown in what a reader says. */
void lm_emit_damaged(struct lm_item *it, const char *reader, uint64_t offset, const char *what);
void lm_emit_skipped(struct lm_item *it, struct lm_str path, uint64_t size, const char *why);
/* file.content; kind NULL = unknown. */
void lm_emit_content(struct lm_item *it, const char *kind);
/* file.sighting: where evidence says the content stood. */
void lm_emit_sighting(struct lm_item *it);

#endif
