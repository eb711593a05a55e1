/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - what is read next: files in triage order, members that became units of their own before them.
 *
 * In:  files of the caller, large members from workers. Out: units, each for one worker.
 * Order: lowest triage, then smallest, then path, then order of adding; it does not depend on how fast
 * workers are. Members run before any further file, the deepest first, so that what waits in memory shrinks.
 * Limits: a unit holds at most LM_UNIT_FILES files and LM_UNIT_BYTES together; a fork for every small file
 * would cost more than reading it. Files of different triage, forced readers and large archives do not share.
 */
#include "base/text.h"
#include "work/work_int.h"

#include <stdlib.h>
#include <unistd.h>

static struct lm_str own(struct lm_str s)
{
	if (!s.p)
		return s;
	char *p = lm_xalloc(s.n + 1);
	memcpy(p, s.p, s.n);
	return (struct lm_str){ p, s.n };
}

static int order(const struct lm_part *a, const struct lm_part *b)
{
	const struct lm_work_file *x = &a->job->file, *y = &b->job->file;
	if (x->triage != y->triage)
		return x->triage < y->triage ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	int c = lm_str_cmp(x->path, y->path);
	if (c == 0)
		c = a->job->seq < b->job->seq ? -1 : 1;
	return c;
}

/* ---- heap ---- */

static void push(struct lm_plan *p, struct lm_part *part)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 256;
		p->heap = lm_xrealloc(p->heap, p->cap * sizeof(struct lm_part *));
	}
	size_t i = p->n++;
	for (; i && order(part, p->heap[(i - 1) / 2]) < 0; i = (i - 1) / 2)
		p->heap[i] = p->heap[(i - 1) / 2];
	p->heap[i] = part;
}

static struct lm_part *pop(struct lm_plan *p)
{
	struct lm_part *top = p->heap[0], *last = p->heap[--p->n];
	size_t i = 0;
	for (;;) {
		size_t k = 2 * i + 1;
		if (k >= p->n)
			break;
		if (k + 1 < p->n && order(p->heap[k + 1], p->heap[k]) < 0)
			k++;
		if (order(last, p->heap[k]) <= 0)
			break;
		p->heap[i] = p->heap[k];
		i = k;
	}
	if (p->n)
		p->heap[i] = last;
	return top;
}

/* ---- files and members ---- */

void lm_plan_add(struct lm_plan *p, const struct lm_work_file *f)
{
	struct lm_job *j = lm_xalloc(sizeof *j);
	struct lm_part *part = lm_xalloc(sizeof *part);
	j->file = *f;
	j->file.path = own(f->path);
	j->file.below = own(f->below);
	j->file.reader = f->reader ? lm_xstrdup(f->reader) : NULL;
	j->seq = p->seq++;
	j->open_parts = 1;
	*part = (struct lm_part){
		.job = j,
		.fd = -1,
		.container = -1,
		.path = j->file.path,
		.below = j->file.below.p ? j->file.below : j->file.path,
		.size = f->size,
		.modified = LM_INT(f->modified_ns),
	};
	push(p, part);
}

void lm_plan_child(struct lm_plan *p, struct lm_part *part)
{
	unsigned d = part->depth < LM_OPEN_MAX ? part->depth : LM_OPEN_MAX - 1;
	part->next = NULL;
	if (p->children_tail[d])
		p->children_tail[d]->next = part;
	else
		p->children[d] = part;
	p->children_tail[d] = part;
	p->n_children++;
	p->child_bytes += part->size;
}

void lm_plan_again(struct lm_plan *p, struct lm_part *part)
{
	part->alone = true;
	if (part->child) {
		p->child_bytes -= part->size;
		lm_plan_child(p, part);
		return;
	}
	if (part->fd >= 0)
		close(part->fd);
	part->fd = -1;
	push(p, part);
}

bool lm_plan_empty(const struct lm_plan *p)
{
	return !p->n && !p->n_children;
}

/* Only a hint for packing: whether it is one shows when a worker looks inside. */
static bool archive_name(struct lm_str path)
{
	static const char *const ends[] = { ".zip", ".gz",  ".tgz", ".xz",  ".txz", ".zst",   ".bz2",  ".7z",
					    ".cab", ".tar", ".msi", ".jar", ".apk", ".nupkg", ".msix", ".appx" };
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (lm_str_ends_ci(path, lm_cstr(ends[i])))
			return true;
	return false;
}

static bool may_share(const struct lm_part *part)
{
	const struct lm_work_file *f = &part->job->file;
	return !part->alone && !f->reader && f->size <= LM_UNIT_BYTES &&
	       (f->size <= LM_UNIT_ARCHIVE || !archive_name(f->path));
}

struct lm_unit *lm_plan_next(struct lm_plan *p)
{
	if (lm_plan_empty(p))
		return NULL;
	struct lm_unit *u = lm_xalloc(sizeof *u);
	for (unsigned d = LM_OPEN_MAX; d-- && p->n_children;) {
		struct lm_part *part = p->children[d];
		if (!part)
			continue;
		p->children[d] = part->next;
		if (!part->next)
			p->children_tail[d] = NULL;
		p->n_children--;
		u->part[u->n++] = part;
		u->bytes = part->size;
		return u;
	}
	u->part[u->n++] = pop(p);
	u->bytes = u->part[0]->job->file.size;
	while (p->n && u->n < LM_UNIT_FILES && may_share(u->part[0])) {
		const struct lm_part *next = p->heap[0];
		if (!may_share(next) || next->job->file.triage != u->part[0]->job->file.triage ||
		    next->job->file.size > LM_UNIT_BYTES - u->bytes)
			break;
		u->bytes += next->job->file.size;
		u->part[u->n++] = pop(p);
	}
	return u;
}

void lm_job_free(struct lm_job *j)
{
	if (!j)
		return;
	free((char *)(uintptr_t)j->file.path.p);
	free((char *)(uintptr_t)j->file.below.p);
	free((char *)(uintptr_t)j->file.reader);
	free((char *)(uintptr_t)j->content.p);
	free(j);
}

void lm_part_free(struct lm_plan *p, struct lm_part *part)
{
	if (!part)
		return;
	if (part->fd >= 0)
		close(part->fd);
	if (part->child) {
		p->child_bytes -= part->size;
		free((char *)(uintptr_t)part->path.p);
		free((char *)(uintptr_t)part->below.p);
		free((char *)(uintptr_t)part->member.p);
	}
	free(part);
}

static void drop(struct lm_plan *p, struct lm_part *part)
{
	if (part->job && --part->job->open_parts == 0)
		lm_job_free(part->job);
	lm_part_free(p, part);
}

void lm_plan_fini(struct lm_plan *p)
{
	while (p->n)
		drop(p, p->heap[--p->n]);
	for (unsigned d = 0; d < LM_OPEN_MAX; d++)
		while (p->children[d]) {
			struct lm_part *part = p->children[d];
			p->children[d] = part->next;
			drop(p, part);
		}
	free(p->heap);
	*p = (struct lm_plan){ 0 };
}
