/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range.c - in: options. Out: the emitters run in order over one world. Limits: those of out.h and world.h.
 */
#include "range.h"

#include <stdlib.h>
#include <time.h>

static rg_emitter *const emitters[] = {
	rg_emit_hosts, rg_emit_inventory, rg_emit_collections, rg_emit_intel, rg_emit_truth, rg_emit_aside,
};

const char *rg_time(struct lm_arena *a, int64_t s, const char *format)
{
	time_t t = (time_t)s;
	struct tm tm;
	char text[64];
	gmtime_r(&t, &tm);
	if (!strftime(text, sizeof text, format, &tm))
		abort(); /* our formats fit */
	return rg_fmt(a, "%s", text);
}

int64_t rg_release_s(const struct rg_host *h, const struct rg_release *rel)
{
	if (rel == h->releases[0])
		return h->altered ? h->updated_s : h->installed_s;
	/* some days after it was built, at an hour that differs by host */
	return rel->built_s + 86400 * (1 + h->index % 5) + (h->index * 37) % 36000;
}

int64_t rg_collected_s(const struct rg_world *w, const struct rg_host *h)
{
	struct rg_rng r;
	rg_rng_init(&r, w->opt.seed, "collected/%u", h->index);
	return w->ended_s + rg_between(&r, 8 * 3600, 3 * 86400);
}

enum lm_rc rg_generate(const struct rg_options *opt, struct rg_out *stats, struct lm_err *err)
{
	struct rg_catalog *cat = lm_xalloc(sizeof *cat);
	struct rg_world *world = lm_xalloc(sizeof *world);
	struct rg_run run = { .world = world, .cat = cat };
	enum lm_rc rc = rg_catalog_make(cat, opt->seed, rg_started(), err);
	if (rc != LM_OK)
		goto done;
	rc = rg_world_make(world, opt, cat, err);
	if (rc == LM_OK) {
		rc = rg_out_open(&run.out, opt->dir, err);
		for (size_t i = 0; rc == LM_OK && i < sizeof emitters / sizeof *emitters; i++)
			rc = emitters[i](&run, err);
		rg_world_fini(world);
	}
	rg_catalog_fini(cat);
	if (stats)
		*stats = run.out;
done:
	free(world);
	free(cat);
	return rc;
}
