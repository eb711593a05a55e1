/* SPDX-License-Identifier: Apache-2.0 */
#include "fact/observation.h"
#include "base/text.h"

#include <stddef.h>

#define LM_KIND(id, name, doc) static const struct lm_field_desc fields_##id[] = {
#define LM_FIELD(id, type, name, unit, doc) { #name, LM_F_##type, offsetof(struct lm_obs, id.name), unit, doc },
#define LM_KIND_END(id) \
	}               \
	;
#include "fact/observations.def"
#undef LM_KIND
#undef LM_FIELD
#undef LM_KIND_END

static const struct lm_kind_desc kinds[LM_KIND_COUNT] = {
#define LM_KIND(id, name, doc) [LM_K_##id] = { #id, name, doc, fields_##id, sizeof fields_##id / sizeof *fields_##id },
#define LM_FIELD(id, type, name, unit, doc)
#define LM_KIND_END(id)
#include "fact/observations.def"
#undef LM_KIND
#undef LM_FIELD
#undef LM_KIND_END
};

const struct lm_kind_desc *lm_kind_desc(enum lm_kind kind)
{
	return kind > LM_KIND_NONE && kind < LM_KIND_COUNT ? &kinds[kind] : NULL;
}

enum lm_kind lm_kind_find(struct lm_str name)
{
	for (enum lm_kind k = LM_KIND_NONE + 1; k < LM_KIND_COUNT; k++)
		if (lm_str_eq(name, lm_cstr(kinds[k].name)) || lm_str_eq(name, lm_cstr(kinds[k].id)))
			return k;
	return LM_KIND_NONE;
}

const struct lm_field_desc *lm_kind_field(enum lm_kind kind, const char *name)
{
	const struct lm_kind_desc *d = lm_kind_desc(kind);
	for (unsigned i = 0; d && i < d->n_fields; i++)
		if (strcmp(d->fields[i].name, name) == 0)
			return &d->fields[i];
	return NULL;
}

const char *lm_field_type_name(enum lm_field_type t)
{
	static const char *const names[] = { "text", "integer", "time", "boolean", "real", "bytes" };
	return names[t];
}

/* Length-prefixed, with one mark byte for unset, so that no two observations share their bytes. */
static void put_view(struct lm_buf *out, const void *p, size_t n)
{
	lm_buf_u8(out, p != NULL);
	if (p) {
		lm_buf_u32le(out, (uint32_t)n);
		lm_buf_add(out, p, n);
	}
}

static void put_num(struct lm_buf *out, bool set, uint64_t bits)
{
	lm_buf_u8(out, set);
	if (set)
		lm_buf_u64le(out, bits);
}

void lm_obs_canonical(const struct lm_obs *o, struct lm_buf *out)
{
	const struct lm_kind_desc *d = lm_kind_desc(o->kind);
	put_view(out, d->name, strlen(d->name));
	put_view(out, o->host.name.p, o->host.name.n);
	put_view(out, o->host.address.p, o->host.address.n);
	put_view(out, o->host.device.p, o->host.device.n);
	put_num(out, o->time.set, (uint64_t)o->time.v);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const void *p = lm_obs_field(o, &d->fields[i]);
		switch (d->fields[i].type) {
		case LM_F_STR:
		case LM_F_BYTES: {
			const struct lm_str *s = p;
			put_view(out, s->p, s->n);
			break;
		}
		case LM_F_INT:
		case LM_F_TIME:
		case LM_F_BOOL: {
			const struct lm_int *v = p;
			put_num(out, v->set, (uint64_t)v->v);
			break;
		}
		case LM_F_REAL: {
			const struct lm_real *v = p;
			uint64_t bits;
			memcpy(&bits, &v->v, sizeof bits);
			put_num(out, v->set, bits);
			break;
		}
		}
	}
}

static void put_field_json(struct lm_jw *w, const struct lm_field_desc *f, const void *p)
{
	const struct lm_int *v = p;
	switch (f->type) {
	case LM_F_STR:
		lm_jw_str(w, *(const struct lm_str *)p);
		return;
	case LM_F_BYTES:
		lm_jw_hex(w, *(const struct lm_bytes *)p);
		return;
	case LM_F_REAL:
		if (((const struct lm_real *)p)->set)
			lm_jw_real(w, ((const struct lm_real *)p)->v);
		else
			lm_jw_null(w);
		return;
	case LM_F_INT:
	case LM_F_TIME:
	case LM_F_BOOL:
		if (!v->set)
			lm_jw_null(w);
		else if (f->type == LM_F_TIME)
			lm_jw_time(w, v->v);
		else if (f->type == LM_F_BOOL)
			lm_jw_bool(w, v->v != 0);
		else
			lm_jw_i64(w, v->v);
		return;
	}
}

void lm_obs_json(const struct lm_obs *o, struct lm_jw *w)
{
	const struct lm_kind_desc *d = lm_kind_desc(o->kind);
	lm_jw_obj(w);
	lm_jw_key(w, "kind");
	lm_jw_cstr(w, d->name);
	lm_jw_key(w, "host");
	lm_jw_str(w, o->host.name.p ? o->host.name : o->host.device.p ? o->host.device : o->host.address);
	lm_jw_key(w, "time");
	if (o->time.set)
		lm_jw_time(w, o->time.v);
	else
		lm_jw_null(w);
	lm_jw_key(w, "at"); /* kinds have fields named offset of their own */
	lm_jw_u64(w, o->at.offset);
	for (unsigned i = 0; i < d->n_fields; i++) {
		lm_jw_key(w, d->fields[i].name);
		put_field_json(w, &d->fields[i], lm_obs_field(o, &d->fields[i]));
	}
	lm_jw_end(w);
}

static bool copy_str(struct lm_arena *a, struct lm_str *s)
{
	struct lm_str in = *s;
	*s = lm_arena_str(a, in);
	return s->p || !in.p;
}

bool lm_obs_copy(struct lm_arena *a, const struct lm_obs *from, struct lm_obs *to)
{
	const struct lm_kind_desc *d = lm_kind_desc(from->kind);
	*to = *from;
	bool ok = copy_str(a, &to->host.name) && copy_str(a, &to->host.address) && copy_str(a, &to->host.device);
	for (unsigned i = 0; ok && d && i < d->n_fields; i++)
		if (d->fields[i].type == LM_F_STR || d->fields[i].type == LM_F_BYTES)
			ok = copy_str(a, (struct lm_str *)((char *)to + d->fields[i].offset));
	return ok;
}
