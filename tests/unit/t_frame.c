/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_frame.c - frames: every kind and type there and back, and nothing but that gets through.
 *
 * Values are random with a fixed seed; kinds and fields come from observations.def, so a new kind is tested
 * the moment it is listed.
 */
#include "fact/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static uint64_t seed = 42;

static uint64_t any(void)
{
	/* xorshift64* */
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * UINT64_C(2685821657736338717);
}

/* Unset, empty or some bytes (any bytes, NUL included), living in the arena. */
static struct lm_str any_str(struct lm_arena *a)
{
	unsigned how = any() % 8;
	if (how == 0)
		return (struct lm_str){ 0 };
	size_t n = how == 1 ? 0 : any() % 40;
	char *p = lm_arena_alloc(a, n + 1);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)any();
	return (struct lm_str){ p, n };
}

static struct lm_int any_int(void)
{
	switch (any() % 5) {
	case 0:
		return (struct lm_int){ 0 };
	case 1:
		return LM_INT(INT64_MIN);
	case 2:
		return LM_INT(INT64_MAX);
	case 3:
		return LM_INT(0);
	default:
		return LM_INT(any());
	}
}

static struct lm_ident any_ident(struct lm_arena *a)
{
	return (struct lm_ident){ any_str(a), any_str(a), any_str(a),
				  (enum lm_ident_source)(any() % (LM_ID_ADDRESS + 1)) };
}

static void any_obs(struct lm_arena *a, enum lm_kind kind, struct lm_obs *o)
{
	const struct lm_kind_desc *d = lm_kind_desc(kind);
	lm_obs_init(o, kind);
	o->host = any_ident(a);
	o->time = any_int();
	o->time_assumed = any() & 1;
	o->at = (struct lm_span){ any(), any(), any_int() };
	for (unsigned i = 0; i < d->n_fields; i++) {
		void *p = (char *)o + d->fields[i].offset;
		switch (d->fields[i].type) {
		case LM_F_STR:
		case LM_F_BYTES:
			*(struct lm_str *)p = any_str(a);
			break;
		case LM_F_INT:
		case LM_F_TIME:
		case LM_F_BOOL:
			*(struct lm_int *)p = any_int();
			break;
		case LM_F_REAL:
			*(struct lm_real *)p = any() & 1 ? LM_REAL((double)(int64_t)any() / 3) : (struct lm_real){ 0 };
			break;
		}
	}
}

static struct lm_frame_content any_content(struct lm_arena *a)
{
	return (struct lm_frame_content){ (uint32_t)any(), (uint32_t)any(), any_str(a), any_ident(a), any_str(a) };
}

/* One frame of each type; observations of every kind in turn. */
static void any_frame(struct lm_arena *a, enum lm_frame_type type, enum lm_kind kind, struct lm_frame *f)
{
	memset(f, 0, sizeof *f);
	f->type = type;
	f->content = (uint32_t)any();
	switch (type) {
	case LM_FRAME_CONTENT:
		f->open = any_content(a);
		break;
	case LM_FRAME_OBS:
		any_obs(a, kind, &f->obs);
		break;
	case LM_FRAME_END:
		for (int i = 0; i < 32; i++)
			f->end.sha256[i] = (uint8_t)any();
		f->end.size = any();
		f->end.reader = any_str(a);
		f->end.cached = any() & 1;
		break;
	case LM_FRAME_CHILD:
		f->child.size = any();
		f->child.as = any_content(a);
		break;
	case LM_FRAME_PROGRESS:
		f->progress = any();
		break;
	case LM_FRAME_DONE:
		f->done = (struct lm_frame_done){ any(), any(), any(), any() };
		break;
	}
}

static void same_str(struct lm_str a, struct lm_str b)
{
	assert_int_equal(a.p != NULL, b.p != NULL);
	assert_int_equal(a.n, b.n);
	if (a.n)
		assert_memory_equal(a.p, b.p, a.n);
}

static void same_int(struct lm_int a, struct lm_int b)
{
	assert_int_equal(a.set, b.set);
	assert_true(!a.set || a.v == b.v);
}

static void same_ident(const struct lm_ident *a, const struct lm_ident *b)
{
	same_str(a->name, b->name);
	same_str(a->address, b->address);
	same_str(a->device, b->device);
	assert_int_equal(a->source, b->source);
}

static void same_content(const struct lm_frame_content *a, const struct lm_frame_content *b)
{
	assert_int_equal(a->file, b->file);
	assert_int_equal(a->parent, b->parent);
	same_str(a->member, b->member);
	same_ident(&a->host, &b->host);
	same_str(a->original_path, b->original_path);
}

static void same_obs(const struct lm_obs *a, const struct lm_obs *b)
{
	const struct lm_kind_desc *d = lm_kind_desc(a->kind);
	assert_int_equal(a->kind, b->kind);
	same_ident(&a->host, &b->host);
	same_int(a->time, b->time);
	assert_int_equal(a->time_assumed, b->time_assumed);
	assert_true(a->at.offset == b->at.offset && a->at.length == b->at.length);
	same_int(a->at.record, b->at.record);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const void *p = lm_obs_field(a, &d->fields[i]), *q = lm_obs_field(b, &d->fields[i]);
		switch (d->fields[i].type) {
		case LM_F_STR:
		case LM_F_BYTES:
			same_str(*(const struct lm_str *)p, *(const struct lm_str *)q);
			break;
		case LM_F_INT:
		case LM_F_TIME:
		case LM_F_BOOL:
			same_int(*(const struct lm_int *)p, *(const struct lm_int *)q);
			break;
		case LM_F_REAL:
			assert_int_equal(((const struct lm_real *)p)->set, ((const struct lm_real *)q)->set);
			if (((const struct lm_real *)p)->set)
				assert_memory_equal(&((const struct lm_real *)p)->v, &((const struct lm_real *)q)->v,
						    8);
			break;
		}
	}
}

static void same_frame(const struct lm_frame *a, const struct lm_frame *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->content, b->content);
	switch (a->type) {
	case LM_FRAME_CONTENT:
		same_content(&a->open, &b->open);
		break;
	case LM_FRAME_OBS:
		same_obs(&a->obs, &b->obs);
		break;
	case LM_FRAME_END:
		assert_memory_equal(a->end.sha256, b->end.sha256, 32);
		assert_true(a->end.size == b->end.size && a->end.cached == b->end.cached);
		same_str(a->end.reader, b->end.reader);
		break;
	case LM_FRAME_CHILD:
		assert_true(a->child.size == b->child.size);
		same_content(&a->child.as, &b->child.as);
		break;
	case LM_FRAME_PROGRESS:
		assert_true(a->progress == b->progress);
		break;
	case LM_FRAME_DONE:
		assert_memory_equal(&a->done, &b->done, sizeof a->done);
		break;
	}
}

static struct lm_rd reader_of(const struct lm_buf *b)
{
	return lm_rd_of(lm_str_bytes(lm_buf_view(b)));
}

/* Calls `f` with a frame of every type, and of every kind for observations, `rounds` times. */
static void each_frame(unsigned rounds, void (*f)(struct lm_arena *a, const struct lm_frame *f))
{
	struct lm_arena a;
	lm_arena_init(&a, 1 << 20);
	for (unsigned i = 0; i < rounds; i++)
		for (int type = LM_FRAME_CONTENT; type <= LM_FRAME_DONE; type++)
			for (int kind = 1; kind < LM_KIND_COUNT; kind++) {
				struct lm_frame frame;
				any_frame(&a, (enum lm_frame_type)type, (enum lm_kind)kind, &frame);
				f(&a, &frame);
				lm_arena_reset(&a, (struct lm_arena_mark){ 0 });
				if (type != LM_FRAME_OBS)
					break;
			}
	lm_arena_fini(&a);
}

static void there_and_back(struct lm_arena *a, const struct lm_frame *f)
{
	struct lm_buf b;
	struct lm_frame out;
	(void)a;
	lm_buf_init(&b, LM_FRAME_MAX);
	lm_frame_put(&b, f);
	lm_frame_put(&b, f);
	assert_false(b.bad);
	struct lm_rd r = reader_of(&b);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lm_frame_get(&r, &out), LM_OK);
		same_frame(f, &out);
	}
	assert_int_equal(lm_rd_left(&r), 0);
	assert_int_equal(lm_frame_get(&r, &out), LM_END);
	lm_buf_fini(&b);
}

static void test_round_trip(void **state)
{
	(void)state;
	each_frame(50, there_and_back);
}

/* Every proper prefix is "not yet", and takes nothing. An exact copy lets the sanitizer see one byte too many. */
static void prefixes(struct lm_arena *a, const struct lm_frame *f)
{
	struct lm_buf b;
	struct lm_frame out;
	(void)a;
	lm_buf_init(&b, LM_FRAME_MAX);
	lm_frame_put(&b, f);
	for (size_t n = 0; n < b.n; n++) {
		uint8_t *exact = malloc(n ? n : 1);
		memcpy(exact, b.p, n);
		struct lm_rd r = lm_rd_of((struct lm_bytes){ exact, n });
		assert_int_equal(lm_frame_get(&r, &out), LM_END);
		assert_int_equal(r.pos, 0);
		free(exact);
	}
	lm_buf_fini(&b);
}

static void test_prefixes(void **state)
{
	(void)state;
	each_frame(2, prefixes);
}

/* What the decoder takes encodes to the same bytes again; anything else it refuses. */
static void changed_byte(const struct lm_buf *b, size_t at, uint8_t to, unsigned *taken)
{
	struct lm_frame out;
	struct lm_buf again;
	uint8_t *exact = malloc(b->n);
	memcpy(exact, b->p, b->n);
	exact[at] = to;
	struct lm_rd r = lm_rd_of((struct lm_bytes){ exact, b->n });
	enum lm_rc rc = lm_frame_get(&r, &out);
	if (rc == LM_OK) {
		lm_buf_init(&again, LM_FRAME_MAX);
		lm_frame_put(&again, &out);
		assert_false(again.bad);
		assert_int_equal(again.n, r.pos);
		assert_memory_equal(again.p, exact, again.n);
		lm_buf_fini(&again);
		++*taken;
	} else {
		assert_true(rc == LM_END || rc == LM_ECORRUPT);
		assert_int_equal(r.pos, 0);
	}
	free(exact);
}

static unsigned taken_in_all;

static void changed(struct lm_arena *a, const struct lm_frame *f)
{
	static const uint8_t values[] = { 0, 1, 2, 0x7f, 0x80, 0xff };
	struct lm_buf b;
	(void)a;
	lm_buf_init(&b, LM_FRAME_MAX);
	lm_frame_put(&b, f);
	for (size_t i = 0; i < b.n; i++) {
		for (size_t k = 0; k < sizeof values; k++)
			changed_byte(&b, i, values[k], &taken_in_all);
		changed_byte(&b, i, (uint8_t)((uint8_t)b.p[i] ^ 1u << any() % 8), &taken_in_all);
	}
	lm_buf_fini(&b);
}

static void test_changed(void **state)
{
	(void)state;
	each_frame(2, changed);
	assert_true(taken_in_all > 1000); /* digests and numbers may be anything */
}

static enum lm_rc get_forged(uint32_t length, uint8_t version, uint8_t type, size_t have)
{
	struct lm_buf b;
	struct lm_frame out;
	lm_buf_init(&b, LM_FRAME_MAX + 64);
	lm_buf_u32le(&b, length);
	lm_buf_u8(&b, version);
	lm_buf_u8(&b, type);
	lm_buf_u32le(&b, 0);
	while (b.n < have)
		lm_buf_u8(&b, 0);
	struct lm_rd r = reader_of(&b);
	enum lm_rc rc = lm_frame_get(&r, &out);
	lm_buf_fini(&b);
	return rc;
}

static void test_forged_heads(void **state)
{
	(void)state;
	/* a progress frame of zeros is one: 6 bytes of head behind the length, 8 of body */
	assert_int_equal(get_forged(14, LM_FRAME_VERSION, LM_FRAME_PROGRESS, 18), LM_OK);
	assert_int_equal(get_forged(13, LM_FRAME_VERSION, LM_FRAME_PROGRESS, 18), LM_ECORRUPT);
	assert_int_equal(get_forged(15, LM_FRAME_VERSION, LM_FRAME_PROGRESS, 19), LM_ECORRUPT);
	assert_int_equal(get_forged(14, LM_FRAME_VERSION + 1, LM_FRAME_PROGRESS, 18), LM_ECORRUPT);
	assert_int_equal(get_forged(14, LM_FRAME_VERSION, 0, 18), LM_ECORRUPT);
	assert_int_equal(get_forged(14, LM_FRAME_VERSION, LM_FRAME_DONE + 1, 18), LM_ECORRUPT);
	/* lengths that no frame has are refused at once: the parent must not wait for 4 GiB */
	assert_int_equal(get_forged(0, LM_FRAME_VERSION, LM_FRAME_PROGRESS, 18), LM_ECORRUPT);
	assert_int_equal(get_forged(5, LM_FRAME_VERSION, LM_FRAME_PROGRESS, 18), LM_ECORRUPT);
	assert_int_equal(get_forged(UINT32_MAX, LM_FRAME_VERSION, LM_FRAME_PROGRESS, 18), LM_ECORRUPT);
	assert_int_equal(get_forged(LM_FRAME_MAX - 3, LM_FRAME_VERSION, LM_FRAME_PROGRESS, 18), LM_ECORRUPT);
	assert_int_equal(get_forged(LM_FRAME_MAX - 4, LM_FRAME_VERSION, LM_FRAME_PROGRESS, 18), LM_END);
	struct lm_rd bad = { 0 };
	struct lm_frame out;
	bad.bad = true;
	assert_int_equal(lm_frame_get(&bad, &out), LM_ECORRUPT);
}

/* Lengths of texts inside a frame, one after the other, set to what they cannot be. */
static void test_forged_texts(void **state)
{
	(void)state;
	struct lm_frame f = { .type = LM_FRAME_CONTENT }, out;
	f.open.member = LM_STR("member");
	f.open.original_path = LM_STR("C:\\a");
	struct lm_buf b;
	lm_buf_init(&b, 4096);
	lm_frame_put(&b, &f);
	static const uint32_t lengths[] = { 7, 100, 0x7fffffff, 0xfffffffe };
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		/* behind head, file and parent stands the member's length */
		for (int k = 0; k < 4; k++)
			b.p[LM_FRAME_HEAD + 8 + k] = (char)(lengths[i] >> 8 * k);
		struct lm_rd r = reader_of(&b);
		assert_int_equal(lm_frame_get(&r, &out), LM_ECORRUPT);
	}
	lm_buf_fini(&b);
}

static void test_too_large(void **state)
{
	(void)state;
	struct lm_frame f = { .type = LM_FRAME_CONTENT }, out;
	struct lm_buf b;
	char *text = calloc(1, LM_FRAME_MAX);
	lm_buf_init(&b, 2 * (size_t)LM_FRAME_MAX);
	f.open.member = (struct lm_str){ text, LM_FRAME_MAX - 100 };
	lm_frame_put(&b, &f);
	assert_false(b.bad);
	struct lm_rd r = reader_of(&b);
	assert_int_equal(lm_frame_get(&r, &out), LM_OK);
	assert_int_equal(out.open.member.n, LM_FRAME_MAX - 100);
	lm_buf_clear(&b);
	f.open.member.n = LM_FRAME_MAX - 10;
	lm_frame_put(&b, &f);
	assert_true(b.bad);
	lm_buf_clear(&b);
	f.open.member.n = LM_FRAME_MAX;
	lm_frame_put(&b, &f);
	assert_true(b.bad);
	lm_buf_fini(&b);
	/* a buffer with less room than the frame needs */
	lm_buf_init(&b, 20);
	f.open.member.n = 5;
	lm_frame_put(&b, &f);
	assert_true(b.bad);
	lm_buf_fini(&b);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_changed),	     cmocka_unit_test(test_forged_heads),
		cmocka_unit_test(test_forged_texts), cmocka_unit_test(test_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
