/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/test.h"

#include "base/arena.h"
#include "base/map.h"

static void test_budget(void **state)
{
	struct lm_arena a;
	(void)state;
	lm_arena_init(&a, 1000);
	assert_non_null(lm_arena_alloc(&a, 500));
	assert_null(lm_arena_alloc(&a, 501));
	assert_true(a.spent);
	assert_non_null(lm_arena_alloc(&a, 400));
	assert_null(lm_arena_alloc(&a, SIZE_MAX));
	assert_null(lm_arena_alloc(&a, SIZE_MAX - 8));
	assert_null(lm_arena_calloc(&a, SIZE_MAX / 2, 3));
	lm_arena_fini(&a);
}

static void test_mark_and_reset(void **state)
{
	struct lm_arena a;
	(void)state;
	lm_arena_init(&a, 1 << 20);
	char *keep = lm_arena_cstr(&a, LM_STR("stays"));
	for (int round = 0; round < 100; round++) {
		struct lm_arena_mark m = lm_arena_mark(&a);
		for (int i = 0; i < 20; i++)
			assert_non_null(lm_arena_alloc(&a, 5000));
		lm_arena_reset(&a, m);
	}
	assert_string_equal(keep, "stays");
	assert_true(a.used < 100);
	lm_arena_fini(&a);
}

static void test_objects_are_zeroed_and_aligned(void **state)
{
	struct lm_arena a;
	(void)state;
	lm_arena_init(&a, 1 << 20);
	for (size_t n = 0; n < 200; n++) {
		struct lm_arena_mark m = lm_arena_mark(&a);
		uint8_t *p = lm_arena_alloc(&a, n);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		assert_true(lm_bytes_all_zero((struct lm_bytes){ p, n }));
		memset(p, 0xff, n);
		lm_arena_reset(&a, m);
	}
	lm_arena_fini(&a);
}

static void test_injected_failure(void **state)
{
	struct lm_arena a;
	(void)state;
	lm_arena_init(&a, 1 << 20);
	lm_arena_fail_at(2);
	assert_non_null(lm_arena_alloc(&a, 1));
	assert_null(lm_arena_alloc(&a, 1));
	assert_non_null(lm_arena_alloc(&a, 1));
	lm_arena_fail_at(0);
	lm_arena_fini(&a);
}

static void test_copies(void **state)
{
	struct lm_arena a;
	(void)state;
	lm_arena_init(&a, 1 << 20);
	assert_null(lm_arena_str(&a, (struct lm_str){ 0 }).p);
	assert_non_null(lm_arena_str(&a, LM_STR("")).p);
	assert_str(lm_arena_str(&a, LM_STR("abc")), "abc");
	assert_str(lm_arena_fmt(&a, "%d of %s", 3, "four"), "3 of four");
	lm_arena_fini(&a);
}

static void test_map(void **state)
{
	struct lm_map m;
	bool added;
	(void)state;
	lm_map_init(&m);
	assert_null(lm_map_find(&m, LM_STR("a")));
	for (unsigned i = 0; i < 20000; i++) {
		char key[32];
		int n = snprintf(key, sizeof key, "k%u", i % 10000);
		struct lm_map_entry *e = lm_map_add(&m, (struct lm_str){ key, (size_t)n }, &added);
		assert_int_equal(added, i < 10000);
		e->v.num++;
	}
	assert_int_equal(m.n, 10000);
	for (size_t i = 0; i < m.n; i++) {
		char key[32];
		snprintf(key, sizeof key, "k%zu", i);
		assert_str(m.entries[i].key, key); /* insertion order */
		assert_int_equal(m.entries[i].v.num, 2);
	}
	assert_non_null(lm_map_find(&m, LM_STR("k77")));
	assert_null(lm_map_find(&m, LM_STR("k10000")));
	/* keys with NUL bytes and the empty key are keys like any other */
	lm_map_add(&m, (struct lm_str){ "a\0b", 3 }, &added);
	assert_true(added);
	lm_map_add(&m, (struct lm_str){ "a\0c", 3 }, &added);
	assert_true(added);
	lm_map_add(&m, (struct lm_str){ 0 }, &added);
	assert_true(added);
	assert_non_null(lm_map_find(&m, LM_STR("")));
	lm_map_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_mark_and_reset),
		cmocka_unit_test(test_objects_are_zeroed_and_aligned),
		cmocka_unit_test(test_injected_failure),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_map),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
