/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/arena.h"

#include <stdlib.h>
#include <sys/random.h>

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

struct sip {
	uint64_t v0, v1, v2, v3;
};

static void sip_round(struct sip *s)
{
	s->v0 += s->v1, s->v1 = ROTL(s->v1, 13), s->v1 ^= s->v0, s->v0 = ROTL(s->v0, 32);
	s->v2 += s->v3, s->v3 = ROTL(s->v3, 16), s->v3 ^= s->v2;
	s->v0 += s->v3, s->v3 = ROTL(s->v3, 21), s->v3 ^= s->v0;
	s->v2 += s->v1, s->v1 = ROTL(s->v1, 17), s->v1 ^= s->v2, s->v2 = ROTL(s->v2, 32);
}

/* SipHash (Aumasson, Bernstein 2012), one compression and three finalisation rounds. */
static uint64_t siphash13(const uint64_t key[2], struct lm_bytes b)
{
	struct sip s = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
			 key[1] ^ 0x7465646279746573 };
	struct lm_rd r = lm_rd_of(b);
	while (lm_rd_left(&r) >= 8) {
		uint64_t m = lm_rd_u64le(&r);
		s.v3 ^= m;
		sip_round(&s);
		s.v0 ^= m;
	}
	uint64_t last = (uint64_t)b.n << 56;
	for (int shift = 0; lm_rd_left(&r); shift += 8)
		last |= (uint64_t)lm_rd_u8(&r) << shift;
	s.v3 ^= last;
	sip_round(&s);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t lm_hash(struct lm_bytes b)
{
	static uint64_t key[2];
	static bool have_key;
	if (!have_key) {
		/* without entropy a fixed key still hashes correctly, only predictably */
		if (getrandom(key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key)
			key[0] = 0x6c696d696572, key[1] = 0x6d6170;
		have_key = true;
	}
	return siphash13(key, b);
}

void lm_map_init(struct lm_map *m)
{
	*m = (struct lm_map){ 0 };
}

void lm_map_fini(struct lm_map *m)
{
	for (size_t i = 0; i < m->n; i++)
		free((void *)(uintptr_t)m->entries[i].key.p);
	free(m->entries);
	free(m->slots);
	*m = (struct lm_map){ 0 };
}

static size_t slot_of(const struct lm_map *m, struct lm_str key, uint64_t hash)
{
	size_t mask = m->n_slots - 1, i = hash & mask;
	while (m->slots[i]) {
		const struct lm_map_entry *e = &m->entries[m->slots[i] - 1];
		if (e->hash == hash && lm_str_eq(e->key, key))
			break;
		i = (i + 1) & mask;
	}
	return i;
}

struct lm_map_entry *lm_map_find(const struct lm_map *m, struct lm_str key)
{
	if (!m->n)
		return NULL;
	size_t i = slot_of(m, key, lm_hash(lm_str_bytes(key)));
	return m->slots[i] ? &m->entries[m->slots[i] - 1] : NULL;
}

static void grow(struct lm_map *m)
{
	if (m->n >= 0x7fffffff)
		abort();
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 16;
		m->entries = lm_xrealloc(m->entries, m->cap * sizeof *m->entries);
	}
	if ((m->n + 1) * 4 <= m->n_slots * 3)
		return;
	m->n_slots = m->n_slots ? m->n_slots * 2 : 32;
	free(m->slots);
	m->slots = lm_xalloc(m->n_slots * sizeof *m->slots);
	for (size_t i = 0; i < m->n; i++)
		m->slots[slot_of(m, m->entries[i].key, m->entries[i].hash)] = (uint32_t)i + 1;
}

struct lm_map_entry *lm_map_add(struct lm_map *m, struct lm_str key, bool *added)
{
	grow(m);
	uint64_t hash = lm_hash(lm_str_bytes(key));
	size_t i = slot_of(m, key, hash);
	if (added)
		*added = !m->slots[i];
	if (m->slots[i])
		return &m->entries[m->slots[i] - 1];
	char *copy = lm_xalloc(key.n + 1);
	if (key.n)
		memcpy(copy, key.p, key.n);
	m->entries[m->n] = (struct lm_map_entry){ .key = { copy, key.n }, .hash = hash };
	m->key_bytes += key.n;
	m->slots[i] = (uint32_t)++m->n;
	return &m->entries[m->n - 1];
}
