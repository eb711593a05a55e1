/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - hash map from byte strings to pointers-or-numbers.
 *
 * Open addressing over an entry array in insertion order, so iteration is deterministic whatever the
 * hash seed. Keys are hashed with SipHash-1-3 under a random per-process key: keys come from evidence,
 * and evidence may be written to make our tables slow. Keys are copied into the map.
 */
#ifndef LM_BASE_MAP_H
#define LM_BASE_MAP_H

#include "base/bytes.h"

struct lm_map_entry {
	struct lm_str key; /* owned by the map; valid until it is freed */
	uint64_t hash;
	union {
		void *ptr;
		uint64_t num;
	} v;
};

struct lm_map {
	struct lm_map_entry *entries;
	uint32_t *slots; /* entry index + 1, 0 = empty */
	size_t n, cap, n_slots;
	size_t key_bytes;
};

void lm_map_init(struct lm_map *m);
/* Frees keys and tables; what v.ptr points to is the caller's. */
void lm_map_fini(struct lm_map *m);

/* The entry of `key`, or NULL. Pointers to entries are valid until the next lm_map_add. */
struct lm_map_entry *lm_map_find(const struct lm_map *m, struct lm_str key);
/* The entry of `key`, made with a zero value when it is new (*added, may be NULL, says so). Aborts at 2^31 keys. */
struct lm_map_entry *lm_map_add(struct lm_map *m, struct lm_str key, bool *added);

/* Iterates in insertion order: for (size_t i = 0; i < m.n; i++) use(&m.entries[i]). */

/* SipHash-1-3 with the process' key. */
uint64_t lm_hash(struct lm_bytes b);

#endif
