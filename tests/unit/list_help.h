/* SPDX-License-Identifier: Apache-2.0 */
/* list_help.h - runs a reader over a text and keeps what it states, for the tests of the list readers. */
#ifndef LM_TEST_LIST_HELP_H
#define LM_TEST_LIST_HELP_H

#include "unit/test.h"

#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "read/read.h"

enum { KEPT = 4096 };

struct listed {
	struct lm_arena a;     /* copies */
	struct lm_arena unit;  /* the reader's */
	struct lm_obs o[KEPT]; /* the first ones */
	size_t n;	       /* all */
	size_t of[LM_KIND_COUNT];
	int score;
	enum lm_rc rc; /* of open, or of the last next */
};

static const struct lm_read_env list_env = { .now_ns = INT64_C(1700000000) * LM_NS_PER_S };

static inline void list_read(struct listed *l, const struct lm_reader *r, const char *path, const struct lm_ident *host,
			     struct lm_bytes data)
{
	static const uint8_t sha256[32];
	void *state = NULL;
	struct lm_obs o;
	memset(l->of, 0, sizeof l->of);
	l->n = 0;
	lm_arena_init(&l->a, 512u << 20);
	lm_arena_init(&l->unit, 64u << 20);
	uint8_t *exact = malloc(data.n + !data.n);
	if (data.n)
		memcpy(exact, data.p, data.n);
	struct lm_read_in in = {
		.data = { exact, data.n }, .sha256 = sha256, .path = lm_cstr(path), .arena = &l->unit, .env = &list_env
	};
	if (host)
		in.host = *host;
	l->score = r->probe(&in);
	assert_true(l->score >= 0 && l->score <= 100);
	l->rc = r->open(&in, &state);
	if (l->rc == LM_OK) {
		while ((l->rc = r->next(state, &o)) == LM_OK) {
			bool mine = false;
			for (const enum lm_kind *k = r->emits; *k != LM_KIND_NONE; k++)
				mine |= *k == o.kind;
			assert_true(mine);
			assert_true(o.at.offset <= data.n && o.at.length <= data.n - o.at.offset);
			l->of[o.kind]++;
			if (l->n < KEPT)
				assert_true(lm_obs_copy(&l->a, &o, &l->o[l->n]));
			l->n++;
			assert_true(l->n < 10000000);
		}
		r->close(state);
	}
	free(exact);
	lm_arena_fini(&l->unit);
}

static inline void list_text(struct listed *l, const struct lm_reader *r, const char *path, const char *text)
{
	list_read(l, r, path, NULL, lm_str_bytes(lm_cstr(text)));
}

static inline void list_done(struct listed *l)
{
	lm_arena_fini(&l->a);
}

/* Every prefix, every byte changed to a few values, every allocation refused once: nothing but codes may come. */
static inline void list_hostile(const struct lm_reader *r, const char *path, const char *text)
{
	struct listed *l = calloc(1, sizeof *l);
	size_t n = strlen(text);
	static const char other[] = { 0, '"', ',', '\n', '{', ']', (char)0xff, '\\' };
	for (size_t i = 0; i <= n; i++) {
		list_read(l, r, path, NULL, (struct lm_bytes){ (const uint8_t *)text, i });
		list_done(l);
	}
	char *copy = malloc(n);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof other; k++) {
			memcpy(copy, text, n);
			copy[i] = other[k];
			list_read(l, r, path, NULL, (struct lm_bytes){ (const uint8_t *)copy, n });
			list_done(l);
		}
	}
	free(copy);
	for (unsigned long i = 1; i < 400; i++) {
		static const uint8_t sha256[32];
		struct lm_arena unit;
		struct lm_obs o;
		void *state = NULL;
		lm_arena_init(&unit, 64u << 20);
		struct lm_read_in in = { .data = lm_str_bytes(lm_cstr(text)),
					 .sha256 = sha256,
					 .path = lm_cstr(path),
					 .arena = &unit,
					 .env = &list_env };
		lm_arena_fail_at(i);
		(void)r->probe(&in);
		enum lm_rc rc = r->open(&in, &state);
		if (rc == LM_OK) {
			while ((rc = r->next(state, &o)) == LM_OK)
				;
			r->close(state);
		}
		bool failed = lm_arena_count() >= i;
		lm_arena_fail_at(0);
		lm_arena_fini(&unit);
		assert_true(rc == LM_END || rc == LM_ELIMIT || rc == LM_ENOTFMT);
		if (!failed)
			break;
	}
	free(l);
}

/* A file of the corpus, or NULL when there is no corpus. */
static inline uint8_t *corpus_file(const char *name, size_t *n)
{
	const char *corpus = getenv("LIMIER_CORPUS");
	char path[512];
	snprintf(path, sizeof path, "%s/%s", corpus ? corpus : "", name);
	FILE *f = corpus ? fopen(path, "rb") : NULL;
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	*n = (size_t)ftell(f);
	rewind(f);
	uint8_t *data = malloc(*n + 1);
	assert_int_equal(fread(data, 1, *n, f), *n);
	fclose(f);
	return data;
}

static inline double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
