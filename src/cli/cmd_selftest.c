/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_selftest.c - known answers through every layer, on the user's machine, the sandbox included.
 */
#include "base/json_out.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "cli/cli.h"
#include "fact/frame.h"
#include "source/source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each returns NULL when all is well, else what is not. */
typedef const char *self_test(void);

static const char *test_cursor(void)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct lm_rd r = lm_rd_of((struct lm_bytes){ bytes, sizeof bytes });
	if (lm_rd_u16le(&r) != 0x0201 || lm_rd_u32le(&r) != 0 || !r.bad || lm_rd_u8(&r) != 0)
		return "the cursor reads past its end";
	return NULL;
}

static const char *test_time(void)
{
	int64_t ns;
	char text[LM_TIME_TEXT];
	if (!lm_time_parse(LM_STR("2023-03-22T12:11:12.5+02:00"), NULL, &ns, NULL) ||
	    ns != INT64_C(1679479872500000000))
		return "a time is parsed wrongly";
	if (strcmp(lm_time_iso(ns, text), "2023-03-22T10:11:12.500Z") != 0)
		return "a time is printed wrongly";
	return NULL;
}

static const char *test_digests(void)
{
	/* FIPS 180-4 example "abc"; RFC 1321 */
	static const uint8_t sha256[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
	static const uint8_t md5[] = { 0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0 };
	struct lm_hashes h;
	if (lm_hash_bytes(lm_str_bytes(LM_STR("abc")), LM_HASH_SHA256 | LM_HASH_MD5, &h) != LM_OK)
		return "digests cannot be computed";
	return memcmp(h.sha256, sha256, 8) || memcmp(h.md5, md5, 8) ? "a digest is wrong" : NULL;
}

static const char *test_frames(void)
{
	struct lm_buf b;
	struct lm_frame f = { .type = LM_FRAME_OBS }, back;
	lm_buf_init(&b, 65536);
	lm_obs_init(&f.obs, LM_K_file_sighting);
	f.obs.file_sighting.path = LM_STR("C:\\a.dll");
	lm_frame_put(&b, &f);
	struct lm_rd r = lm_rd_of(lm_str_bytes(lm_buf_view(&b)));
	bool ok = lm_frame_get(&r, &back) == LM_OK && lm_str_eq(back.obs.file_sighting.path, f.obs.file_sighting.path);
	if (b.n > 10) {
		b.p[4] = 99; /* another version */
		r = lm_rd_of(lm_str_bytes(lm_buf_view(&b)));
		ok = ok && lm_frame_get(&r, &back) == LM_ECORRUPT;
	}
	lm_buf_fini(&b);
	return ok ? NULL : "frames do not survive their way";
}

static const char *test_case(void)
{
	struct lm_case *c;
	struct lm_err err;
	int64_t id;
	struct lm_obs o;
	if (lm_case_open(NULL, LM_CASE_CREATE, &c, &err) < 0)
		return "an in-memory case cannot be opened";
	lm_obs_init(&o, LM_K_file_sighting);
	o.host.name = LM_STR("self");
	o.host.source = LM_ID_INVENTORY;
	o.file_sighting.path = LM_STR("/x");
	size_t n = 0;
	bool ok = lm_case_evidence(c, LM_STR("self"), -1, false, &id) == LM_OK && lm_case_put(c, id, &o) == LM_OK &&
		  lm_case_put(c, id, &o) == LM_OK && lm_case_commit(c) == LM_OK && lm_case_resolve(c, NULL) == LM_OK &&
		  lm_case_hosts(c, &n) && n == 1;
	lm_case_close(c);
	return ok ? NULL : "the case does not keep an observation";
}

/* ---- the sandbox: the reader that misbehaves on command ---- */

struct guard {
	bool refused, opened, lost;
};

static enum lm_rc g_content(void *user, const struct lm_work_file *f, int64_t parent, struct lm_str path,
			    const struct lm_frame_content *c, int64_t *id)
{
	(void)user, (void)f, (void)parent, (void)path, (void)c;
	*id = 1;
	return LM_OK;
}

static enum lm_rc g_obs(void *user, int64_t content, const struct lm_obs *o)
{
	struct guard *g = user;
	(void)content;
	/* the test reader states what became of its attempt as a product's name */
	if (o->kind == LM_K_product_installed) {
		struct lm_bytes what = lm_str_bytes(o->product_installed.product);
		g->opened |= lm_bytes_find(what, lm_str_bytes(LM_STR("OPENED"))) != SIZE_MAX;
		g->refused |= lm_bytes_find(what, lm_str_bytes(LM_STR("refused"))) != SIZE_MAX;
	}
	return LM_OK;
}

static enum lm_rc g_end(void *user, int64_t content, const struct lm_frame_end *e)
{
	(void)user, (void)content, (void)e;
	return LM_OK;
}

static enum lm_rc g_file_end(void *user, const struct lm_work_end *e)
{
	((struct guard *)user)->lost = e->lost;
	return LM_OK;
}

static void g_progress(void *user, uint64_t done, uint64_t total, struct lm_str current)
{
	(void)user, (void)done, (void)total, (void)current;
}

static bool run_guard(const char *command, struct guard *g)
{
	char text[64], path[64];
	struct lm_work *w;
	struct lm_err err;
	struct lm_work_opts o = { .jobs = 1, .test_reader = true, .hashes = LM_HASH_SHA256 };
	struct lm_work_sink sink = { g, g_content, g_obs, g_end, g_file_end, g_progress };
	int fd = memfd_create("selftest", MFD_CLOEXEC),
	    n = snprintf(text, sizeof text, "limier-test-reader %s\n", command);
	bool ok = fd >= 0 && write(fd, text, (size_t)n) == n;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	*g = (struct guard){ 0 };
	if (ok && lm_work_start(&o, &w, &err) == LM_OK) {
		struct lm_work_file f = { .path = lm_cstr(path), .size = (uint64_t)n };
		lm_work_add(w, &f);
		ok = lm_work_run(w, &sink, &err) == LM_OK;
		lm_work_stop(w);
	} else {
		ok = false;
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

static const char *test_sandbox_files(void)
{
	struct guard g;
	if (!run_guard("open", &g))
		return "workers cannot be started";
	return g.opened || (!g.refused && !g.lost) ? "a worker can open a file" : NULL;
}

static const char *test_sandbox_network(void)
{
	struct guard g;
	if (!run_guard("socket", &g))
		return "workers cannot be started";
	return g.lost ? NULL : "a worker can open a socket";
}

static const char *test_sandbox_crash(void)
{
	struct guard g;
	if (!run_guard("crash", &g))
		return "a worker's crash ends the run";
	return g.lost ? NULL : "a worker's crash goes unnoticed";
}

int lm_cmd_selftest(const struct lm_cli *o)
{
	static const struct {
		const char *name;
		self_test *run;
	} tests[] = {
		{ "cursor", test_cursor },
		{ "time", test_time },
		{ "digests", test_digests },
		{ "frames", test_frames },
		{ "case", test_case },
		{ "sandbox: files", test_sandbox_files },
		{ "sandbox: network", test_sandbox_network },
		{ "sandbox: crash", test_sandbox_crash },
	};
	struct lm_buf out;
	struct lm_jw w;
	unsigned bad = 0;
	lm_buf_init(&out, 65536);
	lm_jw_init(&w, &out, true);
	if (o->json)
		lm_jw_arr(&w);
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		const char *wrong = tests[i].run();
		bad += wrong != NULL;
		if (o->json || o->jsonl) {
			if (o->jsonl)
				lm_jw_init(&w, &out, false);
			lm_jw_obj(&w);
			lm_jw_key(&w, "test");
			lm_jw_cstr(&w, tests[i].name);
			lm_jw_key(&w, "ok");
			lm_jw_bool(&w, !wrong);
			lm_jw_key(&w, "what");
			lm_jw_cstr(&w, wrong);
			lm_jw_end(&w);
			if (o->jsonl)
				lm_buf_putc(&out, '\n');
		} else {
			lm_term_fmt(&out, wrong ? LM_INK_RED : LM_INK_GREEN, "%-7s", wrong ? "FAILED" : "ok");
			lm_buf_fmt(&out, "%s%s%s\n", tests[i].name, wrong ? ": " : "", wrong ? wrong : "");
		}
	}
	if (o->json)
		lm_jw_end(&w);
	bool written = lm_term_flush(&out);
	lm_buf_fini(&out);
	return bad || !written ? LM_EXIT_INTERNAL : LM_EXIT_OK;
}
