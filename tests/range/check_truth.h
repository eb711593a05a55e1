/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_truth.h - recomputes the truth of an incident from its evidence, by plain means, in cmocka tests.
 *
 * Neither the generator's tables nor the readers under test take part: fields are split at commas, members
 * come from libarchive, digests from OpenSSL. A difference fails the running test.
 */
#ifndef RG_CHECK_TRUTH_H
#define RG_CHECK_TRUTH_H

#include "base/bytes.h"

/* The whole file in heap memory with a NUL after it; fails the test when it cannot be read. */
struct lm_bytes rg_slurp(const char *path);
void rg_drop(struct lm_bytes b);

/* A scanner over JSON text: enough to validate and to look up. Copies are positions. */
struct rg_js {
	const char *p, *end;
	bool bad;
};
/* True when b is one JSON value and nothing else. */
bool rg_js_valid(struct lm_bytes b);
/* Takes the character c, or sets bad. */
void rg_js_need(struct rg_js *j, char c);
/* Takes a string: the text between the quotes, escapes as they are. */
struct lm_str rg_js_text(struct rg_js *j);
/* Enters the value of `key` in the object at j; false when it has none. */
bool rg_js_enter(struct rg_js *j, const char *key);

/*
 * Reads inventories and collections below `dir` (an output folder), finds the hosts that hold an altered
 * content, and compares with truth.json host by host. `altered` gets the contents' hashes, views into `truth`.
 */
void rg_check_truth(const char *dir, struct lm_bytes truth, struct lm_bytes host_list, struct lm_str altered[2]);

#endif
