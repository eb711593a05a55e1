/* SPDX-License-Identifier: Apache-2.0 */
/* fz_layout.c - evidence paths as hostile text; a first line is the pattern of --host-from-path. */
#include "base/text.h"
#include "source/source.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct lm_str s)
{
	if (s.n && !s.p)
		abort();
	if (s.p && lm_str_find(s, 0, 0) != SIZE_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_str rest = { (const char *)data, size }, pattern = { 0 };
	struct lm_arena a;
	struct lm_layout l;
	lm_arena_init(&a, 4u << 20);
	if (size && lm_str_find(rest, '\n', 0) != SIZE_MAX)
		(void)lm_str_split(&rest, '\n', &pattern);
	if (!rest.p)
		rest = LM_STR("");
	char *p = pattern.p ? lm_arena_cstr(&a, pattern) : NULL;
	lm_layout_of(&a, rest, p, &l);
	check(l.original);
	check(l.host.name);
	check(l.host.address);
	check(l.host.device);
	if (!l.name && (l.original.p || lm_ident_is_set(&l.host) || l.shadow_copy))
		abort();
	if (l.host.name.n > 255 || l.original.n > 32768)
		abort();
	/* no component of a believed path leads upwards */
	if (l.original.n > 1 && l.original.p[0] != '/') {
		struct lm_str path = l.original, part;
		size_t inside = 0;
		while (inside + 2 <= path.n && memcmp(path.p + inside, "!/", 2))
			inside++;
		path.n = inside + 2 <= l.original.n ? inside : l.original.n;
		while (lm_str_split(&path, '\\', &part))
			if (lm_str_eq(part, LM_STR("..")))
				abort();
	}
	(void)lm_triage(rest, size);
	struct lm_str bare = lm_member_bare_name(&a, rest);
	(void)bare;
	lm_arena_fini(&a);
	return 0;
}
