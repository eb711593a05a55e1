/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range.h - the whole generator: options in, a folder with evidence and its truth out.
 *
 * An emitter is one kind of evidence: it reads the world, draws from streams of its own and writes files.
 * A new one takes a new file and a line in the table of range.c; the others' bytes stay as they are.
 */
#ifndef RG_RANGE_H
#define RG_RANGE_H

#include "out.h"
#include "world.h"

struct rg_run {
	const struct rg_world *world;
	const struct rg_catalog *cat;
	struct rg_out out;
};

/* Writes everything below opt->dir. `stats` (may be NULL) gets what was written. */
enum lm_rc rg_generate(const struct rg_options *opt, struct rg_out *stats, struct lm_err *err) LM_MUST;

/* Every invented name and value, one a line: none of them may stand in src/. */
void rg_words(struct lm_buf *out);

typedef enum lm_rc rg_emitter(struct rg_run *run, struct lm_err *err);
rg_emitter rg_emit_hosts;	/* evidence/hosts.csv */
rg_emitter rg_emit_inventory;	/* evidence/inventory/ORG/ */
rg_emitter rg_emit_collections; /* evidence/collections/ */
rg_emitter rg_emit_intel;	/* evidence/intel/ and indicators.json */
rg_emitter rg_emit_truth;	/* truth.json, beside the evidence */
rg_emitter rg_emit_aside;	/* README.txt, roots.pem, password.txt */

/* Password of the locked collection; the same for every seed. */
#define RG_PASSWORD "range-collection"

/* Relative evidence path of a host's collection, also where it stands in truth.json; lives in `a`. */
const char *rg_collection_path(struct lm_arena *a, const struct rg_world *w, const struct rg_host *h);
/* Word for a way of collecting: velociraptor, kape, kape-zip, uac, tree. */
const char *rg_collect_word(enum rg_collect how);
/* Time a host's files were collected, seconds. */
int64_t rg_collected_s(const struct rg_world *w, const struct rg_host *h);
/* When a release came onto the host: the product has its dates, the rest came with the host. */
int64_t rg_release_s(const struct rg_host *h, const struct rg_release *rel);
/* "20260302143005" by a strftime format, UTC; lives in `a`. */
const char *rg_time(struct lm_arena *a, int64_t s, const char *format);

#endif
