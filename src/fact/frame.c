/* SPDX-License-Identifier: Apache-2.0 */
#include "fact/frame.h"
#include "base/text.h"

/* ---- writing ---- */

static void put_str(struct lm_buf *b, struct lm_str s)
{
	/* UINT32_MAX marks unset; text that long never passes LM_FRAME_MAX */
	if (!s.p) {
		lm_buf_u32le(b, UINT32_MAX);
		return;
	}
	if (s.n >= LM_FRAME_MAX) {
		b->bad = true;
		return;
	}
	lm_buf_u32le(b, (uint32_t)s.n);
	lm_buf_str(b, s);
}

static void put_ident(struct lm_buf *b, const struct lm_ident *i)
{
	put_str(b, i->name);
	put_str(b, i->address);
	put_str(b, i->device);
	lm_buf_u8(b, (uint8_t)i->source);
}

static void put_int(struct lm_buf *b, struct lm_int v)
{
	lm_buf_u8(b, v.set);
	if (v.set)
		lm_buf_u64le(b, (uint64_t)v.v);
}

static void put_obs(struct lm_buf *b, const struct lm_obs *o)
{
	const struct lm_kind_desc *d = lm_kind_desc(o->kind);
	if (!d) {
		b->bad = true;
		return;
	}
	lm_buf_u16le(b, (uint16_t)o->kind);
	lm_buf_u16le(b, (uint16_t)d->n_fields);
	put_ident(b, &o->host);
	put_int(b, o->time);
	lm_buf_u8(b, o->time_assumed);
	lm_buf_u64le(b, o->at.offset);
	lm_buf_u64le(b, o->at.length);
	put_int(b, o->at.record);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const void *p = lm_obs_field(o, &d->fields[i]);
		switch (d->fields[i].type) {
		case LM_F_STR:
		case LM_F_BYTES:
			put_str(b, *(const struct lm_str *)p);
			break;
		case LM_F_INT:
		case LM_F_TIME:
		case LM_F_BOOL:
			put_int(b, *(const struct lm_int *)p);
			break;
		case LM_F_REAL: {
			const struct lm_real *v = p;
			struct lm_int bits = { 0, v->set };
			memcpy(&bits.v, &v->v, sizeof bits.v);
			put_int(b, bits);
			break;
		}
		}
	}
}

static void put_content(struct lm_buf *b, const struct lm_frame_content *c)
{
	lm_buf_u32le(b, c->file);
	lm_buf_u32le(b, c->parent);
	put_str(b, c->member);
	put_ident(b, &c->host);
	put_str(b, c->original_path);
}

void lm_frame_put(struct lm_buf *out, const struct lm_frame *f)
{
	size_t start = out->n;
	lm_buf_u32le(out, 0);
	lm_buf_u8(out, LM_FRAME_VERSION);
	lm_buf_u8(out, (uint8_t)f->type);
	lm_buf_u32le(out, f->content);
	switch (f->type) {
	case LM_FRAME_CONTENT:
		put_content(out, &f->open);
		break;
	case LM_FRAME_OBS:
		put_obs(out, &f->obs);
		break;
	case LM_FRAME_END:
		lm_buf_add(out, f->end.sha256, 32);
		lm_buf_u64le(out, f->end.size);
		put_str(out, f->end.reader);
		lm_buf_u8(out, f->end.cached);
		break;
	case LM_FRAME_CHILD:
		lm_buf_u64le(out, f->child.size);
		put_content(out, &f->child.as);
		break;
	case LM_FRAME_PROGRESS:
		lm_buf_u64le(out, f->progress);
		break;
	case LM_FRAME_DONE:
		lm_buf_u64le(out, f->done.bytes);
		lm_buf_u64le(out, f->done.contents);
		lm_buf_u64le(out, f->done.observations);
		lm_buf_u64le(out, f->done.dropped);
		break;
	}
	if (out->bad || out->n - start > LM_FRAME_MAX) {
		out->bad = true;
		return;
	}
	uint32_t len = (uint32_t)(out->n - start - 4);
	for (int i = 0; i < 4; i++)
		out->p[start + (size_t)i] = (char)(len >> (8 * i));
}

/* ---- reading: the other side may lie ---- */

static struct lm_str get_str(struct lm_rd *r)
{
	uint32_t n = lm_rd_u32le(r);
	if (r->bad || n == UINT32_MAX)
		return (struct lm_str){ 0 };
	struct lm_bytes b = lm_rd_take(r, n);
	/* an empty view at the very end of the buffer is still set */
	return (struct lm_str){ r->bad ? NULL : b.p ? (const char *)b.p : "", b.n };
}

static void get_ident(struct lm_rd *r, struct lm_ident *i)
{
	i->name = get_str(r);
	i->address = get_str(r);
	i->device = get_str(r);
	uint8_t source = lm_rd_u8(r);
	if (source > LM_ID_ADDRESS)
		r->bad = true;
	i->source = (enum lm_ident_source)source;
}

static bool get_flag(struct lm_rd *r)
{
	uint8_t v = lm_rd_u8(r);
	if (v > 1)
		r->bad = true;
	return v == 1;
}

static struct lm_int get_int(struct lm_rd *r)
{
	bool set = get_flag(r);
	return (struct lm_int){ set ? (int64_t)lm_rd_u64le(r) : 0, set };
}

static void get_obs(struct lm_rd *r, struct lm_obs *o)
{
	uint16_t kind = lm_rd_u16le(r), n = lm_rd_u16le(r);
	const struct lm_kind_desc *d = lm_kind_desc((enum lm_kind)kind);
	if (r->bad || !d || n != d->n_fields) {
		r->bad = true;
		return;
	}
	lm_obs_init(o, (enum lm_kind)kind);
	get_ident(r, &o->host);
	o->time = get_int(r);
	o->time_assumed = get_flag(r);
	o->at.offset = lm_rd_u64le(r);
	o->at.length = lm_rd_u64le(r);
	o->at.record = get_int(r);
	for (unsigned i = 0; i < d->n_fields; i++) {
		void *p = (char *)o + d->fields[i].offset;
		switch (d->fields[i].type) {
		case LM_F_STR:
		case LM_F_BYTES:
			*(struct lm_str *)p = get_str(r);
			break;
		case LM_F_INT:
		case LM_F_TIME:
		case LM_F_BOOL:
			*(struct lm_int *)p = get_int(r);
			break;
		case LM_F_REAL: {
			struct lm_int bits = get_int(r);
			struct lm_real *v = p;
			v->set = bits.set;
			memcpy(&v->v, &bits.v, sizeof v->v);
			break;
		}
		}
	}
}

static void get_content(struct lm_rd *r, struct lm_frame_content *c)
{
	c->file = lm_rd_u32le(r);
	c->parent = lm_rd_u32le(r);
	c->member = get_str(r);
	get_ident(r, &c->host);
	c->original_path = get_str(r);
}

enum lm_rc lm_frame_get(struct lm_rd *r, struct lm_frame *out)
{
	struct lm_rd ahead = *r;
	if (r->bad)
		return LM_ECORRUPT;
	if (lm_rd_left(&ahead) < 4)
		return LM_END;
	uint32_t len = lm_rd_u32le(&ahead);
	if (len < LM_FRAME_HEAD - 4 || len > LM_FRAME_MAX - 4)
		return LM_ECORRUPT;
	if (lm_rd_left(&ahead) < len)
		return LM_END;
	struct lm_rd b = lm_rd_sub(&ahead, len);
	memset(out, 0, sizeof *out);
	if (lm_rd_u8(&b) != LM_FRAME_VERSION)
		return LM_ECORRUPT;
	uint8_t type = lm_rd_u8(&b);
	out->type = (enum lm_frame_type)type;
	out->content = lm_rd_u32le(&b);
	switch (type) {
	case LM_FRAME_CONTENT:
		get_content(&b, &out->open);
		break;
	case LM_FRAME_OBS:
		get_obs(&b, &out->obs);
		break;
	case LM_FRAME_END: {
		struct lm_bytes sha = lm_rd_take(&b, 32);
		if (sha.n == 32)
			memcpy(out->end.sha256, sha.p, 32);
		out->end.size = lm_rd_u64le(&b);
		out->end.reader = get_str(&b);
		out->end.cached = get_flag(&b);
		break;
	}
	case LM_FRAME_CHILD:
		out->child.size = lm_rd_u64le(&b);
		get_content(&b, &out->child.as);
		break;
	case LM_FRAME_PROGRESS:
		out->progress = lm_rd_u64le(&b);
		break;
	case LM_FRAME_DONE:
		out->done.bytes = lm_rd_u64le(&b);
		out->done.contents = lm_rd_u64le(&b);
		out->done.observations = lm_rd_u64le(&b);
		out->done.dropped = lm_rd_u64le(&b);
		break;
	default:
		return LM_ECORRUPT;
	}
	if (b.bad || lm_rd_left(&b) != 0)
		return LM_ECORRUPT;
	*r = ahead;
	return LM_OK;
}
