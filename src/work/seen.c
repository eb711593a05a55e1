/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seen.c - the set of contents that are in the case already, shared by memory.
 *
 * In:  SHA-256 values, from the parent alone. Out: yes or no, in any worker, without a message.
 * Limits: a table of 32-byte keys in a memfd, linear probing of at most LM_SEEN_PROBES slots. Keys are
 * digests of evidence, and evidence can be made so that digests collide in their first bits; the slot is
 * therefore chosen by the keyed hash of the process family (the key is drawn before the zygote is forked).
 * A key that finds no slot is not kept: its content is parsed again, which costs time and nothing else. A
 * worker that reads a key while it is written sees no match, with the same cost.
 */
#include "base/map.h"
#include "work/work_int.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static const uint8_t free_key[32];

/* Slot of the key or of the first free place; NULL when the probes are used up. */
static uint8_t *find(const struct lm_seen *s, const uint8_t sha256[32])
{
	size_t at = lm_hash((struct lm_bytes){ sha256, 32 });
	for (unsigned i = 0; i < LM_SEEN_PROBES; i++) {
		uint8_t *k = s->keys + 32 * ((at + i) & (s->slots - 1));
		if (memcmp(k, sha256, 32) == 0 || memcmp(k, free_key, 32) == 0)
			return k;
	}
	return NULL;
}

enum lm_rc lm_seen_init(struct lm_seen *s, size_t slots)
{
	*s = (struct lm_seen){ .slots = slots, .fd = memfd_create("limier-seen", MFD_CLOEXEC | MFD_ALLOW_SEALING) };
	(void)lm_hash((struct lm_bytes){ free_key, sizeof free_key }); /* draws the key while there is one process */
	if (s->fd < 0)
		return LM_EIO;
	void *p = MAP_FAILED;
	if (ftruncate(s->fd, (off_t)(slots * 32)) == 0)
		p = mmap(NULL, slots * 32, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	/* from here on nobody can map it writable again: a worker cannot tell others what to skip */
	if (p == MAP_FAILED || fcntl(s->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE) != 0) {
		if (p != MAP_FAILED)
			munmap(p, slots * 32);
		close(s->fd);
		s->fd = -1;
		return LM_EIO;
	}
	s->keys = p;
	return LM_OK;
}

static bool grow(struct lm_seen *s)
{
	struct lm_seen larger;
	if (lm_seen_init(&larger, s->slots * 4) != LM_OK)
		return false;
	for (size_t i = 0; i < s->slots; i++) {
		const uint8_t *k = s->keys + 32 * i;
		uint8_t *to = memcmp(k, free_key, 32) == 0 ? NULL : find(&larger, k);
		if (to) {
			memcpy(to, k, 32);
			larger.used++;
		}
	}
	lm_seen_fini(s);
	*s = larger;
	return true;
}

bool lm_seen_add(struct lm_seen *s, const uint8_t sha256[32], size_t most)
{
	bool grown = s->used >= s->slots / 2 && s->slots * 4 <= most && grow(s);
	uint8_t *k = find(s, sha256);
	if (k && memcmp(k, sha256, 32) != 0) {
		memcpy(k, sha256, 32);
		s->used++;
	}
	return grown;
}

bool lm_seen_has(const struct lm_seen *s, const uint8_t sha256[32])
{
	if (!s->keys)
		return false;
	const uint8_t *k = find(s, sha256);
	return k && memcmp(k, sha256, 32) == 0 && memcmp(k, free_key, 32) != 0;
}

enum lm_rc lm_seen_map(struct lm_seen *s, int fd)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size < 32)
		return LM_EIO;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return LM_EIO;
	*s = (struct lm_seen){ .keys = p, .slots = (size_t)st.st_size / 32, .fd = -1 };
	return LM_OK;
}

void lm_seen_fini(struct lm_seen *s)
{
	if (s->keys)
		munmap(s->keys, s->slots * 32);
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct lm_seen){ .fd = -1 };
}
