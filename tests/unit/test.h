/* SPDX-License-Identifier: Apache-2.0 */
/* test.h - what every unit test includes: cmocka and its prerequisites. */
#ifndef LM_TEST_H
#define LM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

#define assert_str(got, want)                                                    \
	do {                                                                     \
		struct lm_str got_ = (got);                                      \
		assert_int_equal(got_.n, strlen(want));                          \
		assert_memory_equal(got_.p ? got_.p : "", (want), strlen(want)); \
	} while (0)

#endif
