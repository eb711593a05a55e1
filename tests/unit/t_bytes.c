/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/test.h"

static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
#define ALL ((struct lm_bytes){ data, sizeof data })

static void test_integers(void **state)
{
	struct lm_rd r = lm_rd_of(ALL);
	(void)state;
	assert_int_equal(lm_rd_u8(&r), 1);
	assert_int_equal(lm_rd_u16le(&r), 0x0302);
	assert_int_equal(lm_rd_u32be(&r), 0x04050607);
	assert_int_equal(lm_rd_left(&r), 2);
	assert_int_equal(lm_rd_u16be(&r), 0x0809);
	assert_false(r.bad);
	r = lm_rd_of(ALL);
	assert_true(lm_rd_u64le(&r) == UINT64_C(0x0807060504030201));
	r = lm_rd_of(ALL);
	assert_true(lm_rd_u64be(&r) == UINT64_C(0x0102030405060708));
}

static void test_failure_sticks(void **state)
{
	struct lm_rd r = lm_rd_of(ALL);
	(void)state;
	lm_rd_skip(&r, 7);
	assert_int_equal(lm_rd_u32le(&r), 0);
	assert_true(r.bad);
	assert_int_equal(lm_rd_u8(&r), 0);
	assert_int_equal(lm_rd_left(&r), 0);
	lm_rd_seek(&r, 0);
	assert_true(r.bad);
	assert_int_equal(lm_rd_take(&r, 1).n, 0);
}

static void test_lengths_cannot_wrap(void **state)
{
	static const uint64_t lengths[] = { 10, SIZE_MAX, SIZE_MAX - 3, UINT64_MAX, UINT64_C(1) << 63 };
	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct lm_rd r = lm_rd_of(ALL);
		(void)lm_rd_u8(&r);
		assert_null(lm_rd_take(&r, lengths[i]).p);
		assert_true(r.bad);
		r = lm_rd_of(ALL);
		lm_rd_seek(&r, lengths[i]);
		assert_true(r.bad);
	}
}

static void test_child_stays_inside(void **state)
{
	struct lm_rd r = lm_rd_of(ALL), sub = lm_rd_sub(&r, 3);
	(void)state;
	assert_int_equal(lm_rd_u16le(&sub), 0x0201);
	assert_int_equal(lm_rd_u16le(&sub), 0);
	assert_true(sub.bad);
	assert_false(r.bad);
	assert_int_equal(lm_rd_u8(&r), 4);
	sub = lm_rd_sub(&r, 100);
	assert_true(sub.bad && r.bad);
}

static void test_parts_and_search(void **state)
{
	(void)state;
	assert_int_equal(lm_bytes_part(ALL, 7, 100).n, 2);
	assert_int_equal(lm_bytes_part(ALL, 9, 1).n, 0);
	assert_int_equal(lm_bytes_part(ALL, UINT64_MAX, UINT64_MAX).n, 0);
	assert_int_equal(lm_bytes_find(ALL, (struct lm_bytes){ data + 4, 2 }), 4);
	assert_true(lm_bytes_find((struct lm_bytes){ data, 2 }, ALL) == SIZE_MAX);
	uint8_t zeros[70] = { 0 };
	size_t first;
	assert_true(lm_bytes_all_zero((struct lm_bytes){ zeros, sizeof zeros }));
	zeros[69] = 1;
	assert_false(lm_bytes_all_zero((struct lm_bytes){ zeros, sizeof zeros }));
	assert_true(lm_bytes_all_zero((struct lm_bytes){ 0 }));
	assert_int_equal(lm_bytes_count_nonzero((struct lm_bytes){ zeros, sizeof zeros }, &first), 1);
	assert_int_equal(first, 69);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_failure_sticks),
		cmocka_unit_test(test_lengths_cannot_wrap),
		cmocka_unit_test(test_child_stays_inside),
		cmocka_unit_test(test_parts_and_search),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
