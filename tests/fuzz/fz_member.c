/* SPDX-License-Identifier: Apache-2.0 */
/* fz_member.c - containers, nested as the workers do it, under small budgets. */
#include "source/source.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct nest {
	unsigned depth;
	struct lm_member_spent spent;
	uint64_t sum;
};

static const struct lm_member_limits limits = {
	.depth = 3,
	.member_bytes = 1u << 18,
	.total_bytes = 1u << 20,
	.members = 200,
	.ratio = 250,
	.inline_bytes = 1u << 16,
};

static enum lm_rc on_issue(void *user, enum lm_kind kind, struct lm_str member, uint64_t offset, uint64_t size,
			   const char *what)
{
	struct nest *n = user;
	(void)kind;
	(void)size;
	for (size_t i = 0; i < member.n; i++)
		n->sum += (uint8_t)member.p[i];
	n->sum += offset + strlen(what);
	return LM_OK;
}

static enum lm_rc on_member(void *user, const struct lm_member *m)
{
	static const char *const passwords[] = { "wrong", "open sesame", NULL };
	struct nest *n = user;
	struct lm_map_file map = { 0 };
	struct lm_bytes b = m->data;
	if ((m->data.p != NULL) == (m->fd >= 0))
		abort();
	if (m->fd >= 0) {
		if (lm_map_fd(m->fd, &map))
			abort();
		close(m->fd);
		b = map.data;
	}
	if (b.n != m->size || b.n > limits.member_bytes || n->spent.bytes > limits.total_bytes)
		abort();
	for (size_t i = 0; i < m->name.n; i++)
		n->sum += (uint8_t)m->name.p[i];
	for (size_t i = 0; i < b.n; i++)
		n->sum += b.p[i];
	struct lm_member_sink sink = { n, on_member, on_issue };
	if (n->depth < limits.depth) {
		n->depth++;
		enum lm_rc rc = lm_members(b, passwords, &limits, &n->spent, &sink);
		n->depth--;
		if (rc != LM_OK && rc != LM_ENOTFMT)
			abort();
	}
	lm_unmap(&map);
	return LM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nest n = { 0 };
	struct lm_member whole = { .data = { data ? data : (const uint8_t *)"", size }, .fd = -1, .size = size };
	const char *format;
	(void)lm_container_probe(whole.data, &format);
	if (size <= limits.member_bytes)
		(void)on_member(&n, &whole);
	return 0;
}
