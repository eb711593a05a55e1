/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject.c - which products the case is about: those named with --product and those with an altered file.
 * In: names. Out: one list, compared without case, spaces and dashes (a named one may be a glob), kept in the case
 * settings "subject" (sorted, joined by ';'), "subject.named" and "subject.altered" for the reports.
 */
#include "base/text.h"
#include "detect/facts.h"

#include <stdlib.h>

static struct lm_facts_subject *subject_of(struct lm_detect_ctx *d, struct lm_str product)
{
	struct lm_arena_mark m = lm_arena_mark(d->arena);
	struct lm_str key = lm_facts_product_key(d->arena, lm_str_trim(product));
	struct lm_facts_subject *s = NULL;
	if (key.n) {
		bool added;
		struct lm_map_entry *e = lm_map_add(&d->facts->subjects, key, &added);
		if (added) {
			s = lm_xalloc(sizeof *s);
			*s = (struct lm_facts_subject){ .name = lm_facts_intern(d->facts, lm_str_trim(product)) };
			e->v.ptr = s;
		}
		s = e->v.ptr;
	}
	lm_arena_reset(d->arena, m);
	return s;
}

enum lm_rc lm_subject_begin(struct lm_detect_ctx *d)
{
	for (size_t i = 0; d->opts->products && d->opts->products[i]; i++) {
		struct lm_facts_subject *s = subject_of(d, lm_cstr(d->opts->products[i]));
		if (s)
			s->named = true;
	}
	return d->arena->spent ? LM_ELIMIT : LM_OK;
}

enum lm_rc lm_subject_add(struct lm_detect_ctx *d, struct lm_str product)
{
	struct lm_facts_subject *s = subject_of(d, product);
	if (s) {
		s->altered = true;
		/* spellings differ between inventories: the smallest one names it, whatever came first */
		if (!s->named && lm_str_cmp(lm_str_trim(product), s->name) < 0)
			s->name = lm_facts_intern(d->facts, lm_str_trim(product));
	}
	return d->arena->spent ? LM_ELIMIT : LM_OK;
}

bool lm_subject_is(struct lm_detect_ctx *d, struct lm_str product)
{
	product = lm_str_trim(product);
	if (!product.n)
		return false;
	for (size_t i = 0; i < d->facts->subjects.n; i++) {
		const struct lm_facts_subject *s = d->facts->subjects.entries[i].v.ptr;
		if (lm_facts_same_product(s->name, product) || (s->named && lm_str_glob(s->name, product)))
			return true;
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct lm_facts_subject *const *x = a, *const *y = b;
	return lm_str_cmp((*x)->name, (*y)->name);
}

/*
 * ';' separates names in the settings: in a name it becomes a comma. A name from evidence must not become a glob.
 */
static void put_name(struct lm_buf *b, struct lm_str name, bool named)
{
	if (b->n)
		lm_buf_putc(b, ';');
	for (size_t i = 0; i < name.n; i++)
		lm_buf_putc(b, name.p[i] == ';'					  ? ','
			       : !named && (name.p[i] == '*' || name.p[i] == '?') ? '.'
										  : name.p[i]);
}

enum lm_rc lm_subject_end(struct lm_detect_ctx *d)
{
	size_t n = d->facts->subjects.n;
	struct lm_facts_subject **list = lm_xalloc((n + 1) * sizeof(struct lm_facts_subject *));
	for (size_t i = 0; i < n; i++)
		list[i] = d->facts->subjects.entries[i].v.ptr;
	qsort(list, n, sizeof *list, by_name);
	struct lm_buf all, named, altered;
	lm_buf_init(&all, 1 << 20);
	lm_buf_init(&named, 1 << 20);
	lm_buf_init(&altered, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		struct lm_buf *const into[] = { &all, list[i]->named ? &named : NULL,
						list[i]->altered ? &altered : NULL };
		for (size_t k = 0; k < 3; k++)
			if (into[k])
				put_name(into[k], list[i]->name, list[i]->named);
	}
	free(list);
	enum lm_rc rc = lm_case_set(d->c, "subject", lm_buf_view(&all));
	if (rc == LM_OK)
		rc = lm_case_set(d->c, "subject.named", lm_buf_view(&named));
	if (rc == LM_OK)
		rc = lm_case_set(d->c, "subject.altered", lm_buf_view(&altered));
	lm_buf_fini(&all);
	lm_buf_fini(&named);
	lm_buf_fini(&altered);
	return rc;
}
