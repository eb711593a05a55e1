/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - may this worker say this now? The parent's whole trust in a worker stands here.
 *
 * In:  decoded frames of one worker, in order. Out: NULL, or why the worker is no longer believed.
 * A worker may have been taken over by what it read. It then still speaks, but only about contents of its
 * own unit, inside each other and in order, in kinds that the named reader emits, about the digest that the
 * content turns out to have, and not more of it than its size allows.
 */
#include "work/work_int.h"

static bool loop_kind(enum lm_kind k)
{
	switch (k) {
	case LM_K_file_content:
	case LM_K_file_sighting:
	case LM_K_evidence_damaged:
	case LM_K_evidence_encrypted:
	case LM_K_evidence_skipped:
	case LM_K_rule_match:
		return true;
	default:
		return false;
	}
}

static bool emits(const struct lm_reader *r, enum lm_kind k)
{
	for (const enum lm_kind *e = r->emits; e && *e != LM_KIND_NONE; e++)
		if (*e == k)
			return true;
	return false;
}

static const struct lm_reader *reader_named(const struct lm_check *c, struct lm_str name)
{
	if (c->conf->o.test_reader && lm_str_eq(name, lm_cstr(lm_reader_test.name)))
		return &lm_reader_test;
	return lm_reader_find(name);
}

/* Some reader of this run emits it; which one shows at the end of the content. */
static bool any_emits(const struct lm_check *c, enum lm_kind k)
{
	if (loop_kind(k) || (c->conf->o.test_reader && emits(&lm_reader_test, k)))
		return true;
	for (size_t i = 0; lm_readers[i]; i++)
		if (emits(lm_readers[i], k))
			return true;
	return false;
}

void lm_check_begin(struct lm_check *c, const struct lm_work_conf *conf, const struct lm_unit *u)
{
	struct lm_buf path = c->path, below = c->below;
	memset(c, 0, sizeof *c);
	c->conf = conf;
	c->unit = u;
	c->path = path;
	c->below = below;
	if (!c->path.max)
		lm_buf_init(&c->path, LM_UNIT_WIRE_MAX / 4);
	if (!c->below.max)
		lm_buf_init(&c->below, LM_UNIT_WIRE_MAX / 4);
	lm_buf_clear(&c->path);
	lm_buf_clear(&c->below);
}

void lm_check_fini(struct lm_check *c)
{
	lm_buf_fini(&c->path);
	lm_buf_fini(&c->below);
}

static struct lm_open *top(struct lm_check *c)
{
	return c->depth ? &c->open[c->depth - 1] : NULL;
}

/* Counts a member; true when the file's budget (what was spent before this unit, and in it) is overdrawn. */
static bool member_spent(struct lm_check *c, const struct lm_part *part, uint64_t bytes)
{
	const struct lm_member_limits *l = &c->conf->limits;
	c->spent.members += bytes == 0;
	c->spent.bytes += bytes;
	c->decompressed += bytes;
	return part->base.members + c->spent.members > l->members + 16 ||
	       part->base.bytes + c->spent.bytes > l->total_bytes + l->member_bytes;
}

static const char *check_content(struct lm_check *c, uint32_t index, const struct lm_frame_content *f)
{
	const struct lm_open *in = top(c);
	if (index != c->next_index)
		return "a content out of order";
	if (f->file != c->unit->ended || f->file >= c->unit->n)
		return "a content of a file that is not its turn";
	if (f->parent != (in ? in->index : UINT32_MAX))
		return "a content in a container that is not open";
	if (f->member.n > LM_NAME_MAX || (in && !f->member.p) || (!in && f->member.p))
		return "a member name that cannot be";
	const struct lm_part *part = c->unit->part[f->file];
	if (!in && c->file_ended)
		return "a file that has ended already";
	if (c->depth >= LM_OPEN_MAX || part->depth + c->depth > c->conf->limits.depth)
		return "contents nested too deep";
	if (in && member_spent(c, part, 0))
		return "more members than the budget allows";
	struct lm_open *o = &c->open[c->depth++];
	*o = (struct lm_open){ .index = index, .handle = -1, .path_n = c->path.n, .below_n = c->below.n };
	c->next_index++;
	if (!in) {
		lm_buf_str(&c->path, part->path);
		lm_buf_str(&c->below, part->below);
	} else {
		lm_buf_puts(&c->path, "!/");
		lm_buf_str(&c->path, f->member);
		lm_buf_puts(&c->below, "!/");
		lm_buf_str(&c->below, f->member);
	}
	return c->path.bad || c->below.bad ? "a path that is too long" : NULL;
}

void lm_check_pop(struct lm_check *c)
{
	const struct lm_open *o = &c->open[--c->depth];
	c->path.n = o->path_n;
	c->below.n = o->below_n;
	c->file_ended = c->depth == 0;
}

/* Largest size the content can have, as far as the parent knows. */
static uint64_t size_bound(const struct lm_check *c)
{
	if (c->depth > 1)
		return c->conf->limits.member_bytes;
	/* a log may grow between the moment it was opened and the moment it was mapped */
	uint64_t n = c->unit->part[c->unit->ended]->size;
	return n + n / 4 + (64u << 20);
}

static const char *check_hash_fields(struct lm_open *o, const struct lm_obs *obs)
{
	const struct lm_kind_desc *d = lm_kind_desc(obs->kind);
	for (unsigned i = 0; i < d->n_fields; i++) {
		const struct lm_field_desc *f = &d->fields[i];
		if (f->type != LM_F_BYTES)
			continue;
		const struct lm_bytes *b = lm_obs_field(obs, f);
		size_t want = strcmp(f->name, "sha256") == 0 ? 32
			      : strcmp(f->name, "sha1") == 0 ? 20
			      : strcmp(f->name, "md5") == 0  ? 16
							     : 0;
		if (!b->p || !want)
			continue;
		if (b->n != want)
			return "a digest of the wrong length";
		/* a sighting may be of any content (inventories); everything else is about the bytes at hand */
		if (want != 32 || obs->kind == LM_K_file_sighting)
			continue;
		if (o->has_sha && memcmp(o->sha256, b->p, 32) != 0)
			return "observations of different contents as one";
		memcpy(o->sha256, b->p, 32);
		o->has_sha = true;
	}
	return NULL;
}

static const char *check_obs(struct lm_check *c, const struct lm_frame *f)
{
	struct lm_open *o = top(c);
	enum lm_kind k = f->obs.kind;
	if (!o || f->content != o->index)
		return "an observation of a content that is not open";
	if (!any_emits(c, k))
		return "an observation of a kind that no reader emits";
	if (++o->obs > lm_obs_allowed(size_bound(c)) + LM_OBS_SLACK)
		return "more observations than its input can hold";
	o->kinds[k / 64] |= UINT64_C(1) << k % 64;
	o->offset = f->obs.at.offset;
	return check_hash_fields(o, &f->obs);
}

static const char *check_reader(const struct lm_check *c, const struct lm_open *o, struct lm_str name)
{
	const struct lm_reader *r = name.p ? reader_named(c, name) : NULL;
	if (name.p && !r && !lm_container_name(name))
		return "a reader that does not exist";
	for (unsigned k = 1; k < LM_KIND_COUNT; k++) {
		if (!(o->kinds[k / 64] & UINT64_C(1) << k % 64) || loop_kind((enum lm_kind)k))
			continue;
		if (!r || !emits(r, (enum lm_kind)k))
			return "an observation of a kind that its reader does not emit";
	}
	return NULL;
}

static const char *check_end(struct lm_check *c, const struct lm_frame *f)
{
	const struct lm_open *o = top(c);
	if (!o || f->content != o->index)
		return "the end of a content that is not open";
	if (f->end.size > size_bound(c))
		return "a content larger than it can be";
	if (o->obs > lm_obs_allowed(f->end.size) + LM_OBS_SLACK)
		return "more observations than its input can hold";
	if (o->has_sha && memcmp(o->sha256, f->end.sha256, 32) != 0)
		return "observations of a digest that its content does not have";
	if (c->depth > 1 && f->end.size && member_spent(c, c->unit->part[c->unit->ended], f->end.size))
		return "more decompressed bytes than the budget allows";
	return check_reader(c, o, f->end.reader);
}

static const char *check_child(struct lm_check *c, const struct lm_frame *f)
{
	const struct lm_open *o = top(c);
	if (!o || f->content != o->index || f->child.as.parent != o->index)
		return "a member of a container that is not open";
	if (f->child.as.file != c->unit->ended || !f->child.as.member.p || f->child.as.member.n > LM_NAME_MAX)
		return "a member name that cannot be";
	if (f->child.size > c->conf->limits.member_bytes)
		return "a member larger than the budget allows";
	const struct lm_part *part = c->unit->part[c->unit->ended];
	if (part->depth + c->depth > c->conf->limits.depth || part->depth + c->depth >= LM_OPEN_MAX)
		return "contents nested too deep";
	if (member_spent(c, part, 0) || (f->child.size && member_spent(c, part, f->child.size)))
		return "more members than the budget allows";
	return NULL;
}

/*
 * Bytes of frames in proportion to input: generous, because a record of 100 bytes may become a frame of
 * 1,000, but a worker cannot fill the case for ever.
 */
static uint64_t frame_budget(const struct lm_check *c)
{
	uint64_t input = c->unit->bytes + c->decompressed + c->conf->limits.inline_bytes;
	return (UINT64_C(256) << 20) + 32 * input;
}

const char *lm_check_frame(struct lm_check *c, const struct lm_frame *f, size_t frame_bytes)
{
	c->frame_bytes += frame_bytes;
	if (c->frame_bytes > frame_budget(c))
		return "more than its input can hold";
	switch (f->type) {
	case LM_FRAME_CONTENT:
		return check_content(c, f->content, &f->open);
	case LM_FRAME_OBS:
		return check_obs(c, f);
	case LM_FRAME_END:
		return check_end(c, f);
	case LM_FRAME_CHILD:
		return check_child(c, f);
	case LM_FRAME_PROGRESS:
		if (c->depth == 1)
			top(c)->offset = f->progress;
		return c->depth ? NULL : "progress outside of a content";
	case LM_FRAME_DONE:
		if (c->depth || !c->file_ended || f->content != c->unit->ended)
			return "the end of a file that has not ended";
		c->file_ended = false;
		c->spent = (struct lm_member_spent){ 0 };
		return NULL;
	}
	return "a frame of no known type";
}
