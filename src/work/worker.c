/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - the loop of a sandboxed worker: one unit, from bytes to frames.
 *
 * In:  a unit with its descriptors, and the stock inherited from the zygote. Out: frames.
 * Per content: digest, then members of a container, each the same way, or a reader; then rules. Every
 * content is emitted as file.content with a file.sighting where evidence says it stood.
 * Containers are opened even when their bytes are known: where the members stand depends on where the
 * container stands; the members themselves are recognised by their own digests.
 * Limits: depth, members and bytes of lm_member_limits; one arena, reset after every content; observations
 * in proportion to the content's size (excess is counted, and a content far beyond it is left).
 */
#include "base/log.h"
#include "base/text.h"
#include "work/worker.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct lm_test_hook lm_test_hook = { .sock = -1 };

const char *lm_container_name(struct lm_str name)
{
	static const char *const names[] = { "zip", "tar", "gzip", "zstd", "xz", "bzip2", "7z", "cab" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (lm_str_eq(name, lm_cstr(names[i])))
			return names[i];
	return NULL;
}

/* ---- digests ---- */

/* In pieces, with a sign of life after each: a log of 100 GB takes minutes on a slow disk. */
static bool hash_large(struct lm_item *it, unsigned want)
{
	static const unsigned bit[3] = { LM_HASH_SHA256, LM_HASH_SHA1, LM_HASH_MD5 };
	const EVP_MD *md[3] = { EVP_sha256(), EVP_sha1(), EVP_md5() };
	uint8_t *to[3] = { it->hashes.sha256, it->hashes.sha1, it->hashes.md5 };
	EVP_MD_CTX *ctx[3] = { 0 };
	bool ok = true;
	for (int i = 0; i < 3; i++)
		if (want & bit[i])
			ok = ok && (ctx[i] = EVP_MD_CTX_new()) && EVP_DigestInit_ex(ctx[i], md[i], NULL);
	for (uint64_t at = 0; ok && at < it->data.n; at += LM_PROGRESS_BYTES) {
		struct lm_bytes b = lm_bytes_part(it->data, at, LM_PROGRESS_BYTES);
		/* pieces that stay in the cache while all digests pass over them */
		for (uint64_t k = 0; k < b.n; k += 65536) {
			struct lm_bytes piece = lm_bytes_part(b, k, 65536);
			for (int i = 0; i < 3; i++)
				ok = ok && (!ctx[i] || EVP_DigestUpdate(ctx[i], piece.p, piece.n));
		}
		lm_emit_progress(it, at + b.n);
	}
	for (int i = 0; i < 3; i++) {
		if (ctx[i])
			ok = ok && EVP_DigestFinal_ex(ctx[i], to[i], NULL);
		EVP_MD_CTX_free(ctx[i]);
	}
	it->hashes.have = want;
	return ok;
}

static bool hash_content(struct lm_item *it)
{
	unsigned want = it->w->stock->conf->o.hashes | it->file->hashes | LM_HASH_SHA256;
	lm_emit_status(it, LM_PHASE_HASH, NULL);
	if (it->data.n > 4 * LM_PROGRESS_BYTES)
		return hash_large(it, want);
	return lm_hash_bytes(it->data, want, &it->hashes) == LM_OK;
}

/* ---- rules ---- */

static enum lm_rc on_match(void *user, const struct lm_obs *match)
{
	lm_emit(user, match);
	return LM_OK;
}

static void run_matchers(struct lm_item *it)
{
	const struct lm_stock *s = it->w->stock;
	struct lm_match_in in = {
		.data = it->data,
		.sha256 = it->hashes.sha256,
		.path = it->path,
		.original = it->layout.original,
		.arena = &it->w->arena,
	};
	for (size_t i = 0; lm_matchers[i]; i++) {
		if (!s->matcher[i])
			continue;
		lm_emit_status(it, LM_PHASE_MATCH, lm_matchers[i]->name);
		struct lm_arena_mark m = lm_arena_mark(&it->w->arena);
		enum lm_rc rc = lm_matchers[i]->match(s->matcher[i], &in, on_match, it);
		if (rc < 0) {
			char why[120];
			snprintf(why, sizeof why, "rules of %s did not finish (%s)", lm_matchers[i]->name,
				 lm_rc_word(rc));
			lm_emit_skipped(it, it->path, it->data.n, why);
		}
		lm_arena_reset(&it->w->arena, m);
	}
}

/* ---- readers ---- */

static const struct lm_zone *zone_of(const struct lm_stock *s, struct lm_str path)
{
	const struct lm_zone *all = NULL;
	for (size_t i = 0; i < s->n_zones; i++) {
		if (!s->zones[i].pattern.p)
			all = s->zones[i].zone;
		else if (lm_str_glob(s->zones[i].pattern, path))
			return s->zones[i].zone;
	}
	return all;
}

static const struct lm_reader *choose(struct lm_item *it, const struct lm_read_in *in)
{
	const struct lm_reader *tie = NULL, *r;
	if (it->w->stock->conf->o.test_reader && lm_reader_test.probe(in))
		return &lm_reader_test;
	if (it->file->reader.n)
		return lm_reader_find(it->file->reader);
	r = lm_reader_probe(in, &tie);
	if (tie)
		lm_log(LM_LOG_DEBUG, "'%.*s' fits reader %s as well as %s: the first reads it", LM_STR_ARG(it->path),
		       r->name, tie->name);
	return r;
}

static void read_end(struct lm_item *it, const struct lm_reader *r, enum lm_rc rc, uint64_t offset)
{
	char what[160];
	if (rc == LM_ENOTFMT) {
		snprintf(what, sizeof what, "not of the format that reader %s reads", r->name);
		if (it->file->reader.n)
			lm_emit_damaged(it, r->name, 0, what);
	} else if (rc == LM_ELIMIT || (rc == LM_END && it->w->arena.spent)) {
		snprintf(what, sizeof what, "memory budget of %zu MiB used up: read in part",
			 it->w->arena.budget >> 20);
		lm_emit_damaged(it, r->name, offset, what);
	} else if (rc < 0) {
		snprintf(what, sizeof what, "reading stopped (%s)", lm_rc_word(rc));
		lm_emit_damaged(it, r->name, offset, what);
	}
}

/* The reader that read the content, or NULL. */
static const struct lm_reader *read_content(struct lm_item *it)
{
	struct lm_worker *w = it->w;
	struct lm_read_env env = {
		.now_ns = w->stock->conf->o.now_ns,
		.trust = w->stock->trust,
		.zone = zone_of(w->stock, it->path),
	};
	struct lm_read_in in = {
		.data = it->data,
		.sha256 = it->hashes.sha256,
		.path = it->path,
		.original = it->layout.original,
		.host = it->layout.host,
		.arena = &w->arena,
		.env = &env,
	};
	void *state = NULL;
	uint64_t offset = 0, told = 0;
	bool evidence = it->file->role == LM_ROLE_EVIDENCE;
	w->arena.spent = false;
	lm_emit_status(it, LM_PHASE_READ, "probe");
	const struct lm_reader *r = choose(it, &in);
	if (r)
		lm_emit_status(it, LM_PHASE_READ, r->name);
	lm_test_hook = (struct lm_test_hook){ w->sock, it->file_no, it->index, &w->out };
	enum lm_rc rc = r ? r->open(&in, &state) : LM_ENOTFMT;
	if (evidence)
		lm_emit_content(it, rc == LM_OK ? r->name : NULL);
	if (!r)
		return NULL;
	if (rc != LM_OK) {
		read_end(it, r, rc, 0);
		return rc == LM_ENOTFMT ? NULL : r;
	}
	for (;;) {
		struct lm_obs o;
		lm_obs_init(&o, LM_KIND_NONE);
		rc = r->next(state, &o);
		if (rc != LM_OK)
			break;
		offset = o.at.offset;
		w->status->offset = offset;
		lm_emit(it, &o);
		if (offset > told && offset - told >= LM_PROGRESS_BYTES)
			lm_emit_progress(it, told = offset);
		if (it->dropped > 10 * it->allowed) {
			rc = LM_END;
			break;
		}
	}
	r->close(state);
	read_end(it, r, rc, offset);
	return r;
}

/* ---- containers ---- */

static void content(struct lm_item *it);

static struct lm_str join(struct lm_arena *a, struct lm_str container, struct lm_str member)
{
	char *p = lm_arena_alloc(a, container.n + 2 + member.n);
	if (!p)
		return container; /* a name that does not fit the budget is left out of the path */
	memcpy(p, container.p, container.n);
	memcpy(p + container.n, "!/", 2);
	if (member.n)
		memcpy(p + container.n + 2, member.p, member.n);
	return (struct lm_str){ p, container.n + 2 + member.n };
}

static void send_child(struct lm_item *container, struct lm_item *it, const struct lm_member *m)
{
	struct lm_worker *w = it->w;
	struct lm_frame f = { .type = LM_FRAME_CHILD, .content = container->index };
	f.child.size = m->size;
	f.child.as = (struct lm_frame_content){
		.file = it->file_no,
		.parent = container->index,
		.member = it->member,
		.host = it->layout.host,
		.original_path = it->layout.original,
	};
	/* the position of the descriptor carries the modification time; nothing else reads through it */
	(void)lseek(m->fd, m->modified_ns.set && m->modified_ns.v > 0 ? (off_t)m->modified_ns.v : 0, SEEK_SET);
	if (w->out.n)
		lm_emit_flush(w, -1);
	lm_frame_put(&w->out, &f);
	if (w->out.bad) {
		w->out.bad = false;
		w->out.n = 0;
		lm_emit_skipped(container, it->path, m->size, "its name is too long");
		return;
	}
	lm_emit_flush(w, m->fd);
}

static enum lm_rc on_member(void *user, const struct lm_member *m)
{
	struct lm_item *c = user;
	struct lm_worker *w = c->w;
	struct lm_arena_mark mark = lm_arena_mark(&w->arena);
	struct lm_item it = {
		.w = w,
		.file = c->file,
		.file_no = c->file_no,
		.parent = c->index,
		.depth = c->depth + 1,
		.data = m->data,
		.member = lm_str_part(m->name, 0, LM_NAME_MAX),
		.modified = m->modified_ns,
	};
	if (!it.member.p)
		it.member =
			lm_str_part(lm_member_bare_name(&w->arena, c->member.p ? c->member : c->path), 0, LM_NAME_MAX);
	if (!it.member.p)
		it.member = LM_STR("");
	it.path = join(&w->arena, c->path, it.member);
	it.below = join(&w->arena, c->below, it.member);
	if (m->fd >= 0) {
		if (c->file->role == LM_ROLE_EVIDENCE)
			lm_layout_of(&w->arena, it.path, w->stock->conf->o.host_pattern, &it.layout);
		send_child(c, &it, m);
		close(m->fd);
	} else {
		content(&it);
	}
	lm_arena_reset(&w->arena, mark);
	lm_emit_status(c, LM_PHASE_MEMBERS, c->format);
	w->since_progress += m->size;
	if (w->since_progress >= LM_PROGRESS_BYTES)
		lm_emit_progress(c, 0);
	return LM_OK;
}

static enum lm_rc on_issue(void *user, enum lm_kind kind, struct lm_str member, uint64_t offset, uint64_t size,
			   const char *what)
{
	struct lm_item *c = user;
	struct lm_arena_mark mark = lm_arena_mark(&c->w->arena);
	struct lm_str path = member.p ? join(&c->w->arena, c->path, lm_str_part(member, 0, LM_NAME_MAX)) : c->path;
	struct lm_obs o;
	lm_obs_init(&o, kind);
	o.at.offset = offset;
	switch (kind) {
	case LM_K_evidence_encrypted:
		o.evidence_encrypted.path = path;
		o.evidence_encrypted.what = lm_cstr(what);
		break;
	case LM_K_evidence_skipped:
		o.evidence_skipped.path = path;
		o.evidence_skipped.why = lm_cstr(what);
		o.evidence_skipped.size = LM_INT(size);
		break;
	default:
		lm_obs_init(&o, LM_K_evidence_damaged);
		o.at.offset = offset;
		o.evidence_damaged.path = path;
		o.evidence_damaged.reader = LM_STR("archive");
		o.evidence_damaged.offset = LM_INT(offset);
		o.evidence_damaged.what = lm_cstr(what);
		break;
	}
	lm_emit(c, &o);
	lm_arena_reset(&c->w->arena, mark);
	return LM_OK;
}

static void open_container(struct lm_item *it)
{
	struct lm_worker *w = it->w;
	const struct lm_member_limits *limits = &w->stock->conf->limits;
	struct lm_member_sink sink = { it, on_member, on_issue };
	char why[100];
	if (it->depth >= limits->depth) {
		snprintf(why, sizeof why, "nested in %u archives already: not opened", it->depth);
		lm_emit_skipped(it, it->path, it->data.n, why);
		return;
	}
	lm_emit_status(it, LM_PHASE_MEMBERS, it->format);
	enum lm_rc rc = lm_members(it->data, w->stock->passwords, limits, &w->spent, &sink);
	if (rc < 0) {
		snprintf(why, sizeof why, "archive was read in part (%s)", lm_rc_word(rc));
		lm_emit_damaged(it, "archive", 0, why);
	}
}

/* ---- one content ---- */

static void open_frame(struct lm_item *it)
{
	struct lm_worker *w = it->w;
	struct lm_frame f = { .type = LM_FRAME_CONTENT, .content = it->index };
	f.open = (struct lm_frame_content){
		.file = it->file_no,
		.parent = it->parent,
		.member = it->member,
		.host = it->layout.host,
		.original_path = it->layout.original,
	};
	if (!lm_emit_frame(w, &f)) {
		f.open.original_path = (struct lm_str){ 0 };
		f.open.host = (struct lm_ident){ 0 };
		(void)lm_emit_frame(w, &f);
	}
	/* before anything of a new file is read the parent has all of the ones before: what dies is this file */
	if (it->parent == UINT32_MAX || lm_emit_is_late(w))
		lm_emit_flush(w, -1);
}

static void content(struct lm_item *it)
{
	struct lm_worker *w = it->w;
	struct lm_frame end = { .type = LM_FRAME_END };
	bool evidence = it->file->role == LM_ROLE_EVIDENCE;
	end.content = it->index = w->next_index++;
	it->allowed = lm_obs_allowed(it->data.n);
	w->done.contents++;
	if (evidence)
		lm_layout_of(&w->arena, it->path, w->stock->conf->o.host_pattern, &it->layout);
	open_frame(it);
	if (!hash_content(it))
		_exit(4);
	bool container = lm_container_probe(it->data, &it->format) > 0;
	memcpy(end.end.sha256, it->hashes.sha256, 32);
	end.end.size = it->data.n;
	if (container) {
		if (evidence) {
			lm_emit_content(it, it->format);
			if (it->layout.original.p && lm_ident_is_set(&it->layout.host))
				lm_emit_sighting(it);
			run_matchers(it);
		}
		open_container(it);
		end.end.reader = lm_cstr(lm_container_name(lm_cstr(it->format)));
	} else if (!it->file->reader.n && lm_seen_has(&w->stock->seen, it->hashes.sha256)) {
		end.end.cached = true;
		if (evidence)
			lm_emit_sighting(it);
	} else {
		const struct lm_reader *r = read_content(it);
		end.end.reader = lm_cstr(r ? r->name : NULL);
		if (evidence) {
			lm_emit_sighting(it);
			run_matchers(it);
		}
	}
	lm_emit_status(it, LM_PHASE_END, NULL);
	if (it->dropped) {
		char why[120];
		snprintf(why, sizeof why, "%llu observations beyond the %llu allowed for its size",
			 (unsigned long long)it->dropped, (unsigned long long)it->allowed);
		lm_emit_skipped(it, it->path, it->data.n, why);
	}
	lm_emit_frame(w, &end);
}

/* ---- the unit ---- */

static void read_file(struct lm_worker *w, const struct lm_unit_file *f, uint32_t no, int fd)
{
	struct lm_map_file map;
	struct lm_frame done = { .type = LM_FRAME_DONE, .content = no };
	struct lm_arena_mark mark = lm_arena_mark(&w->arena);
	struct lm_item it = {
		.w = w,
		.file = f,
		.file_no = no,
		.parent = UINT32_MAX,
		.depth = f->depth,
		.path = f->path,
		.below = f->below,
		.modified = f->modified,
	};
	lm_emit_status(&it, LM_PHASE_START, NULL);
	w->spent = f->spent;
	if (lm_map_fd(fd, &map) != LM_OK) {
		lm_emit_flush(w, -1);
		_exit(3);
	}
	it.data = map.data;
	content(&it);
	lm_arena_reset(&w->arena, mark);
	w->unit_done += map.data.n;
	w->done.bytes += map.data.n;
	lm_unmap(&map);
	close(fd);
	done.done = w->done;
	lm_emit_frame(w, &done);
	w->done = (struct lm_frame_done){ 0 };
}

_Noreturn void lm_worker_main(const struct lm_stock *stock, int sock, struct lm_status *status)
{
	static struct lm_worker w;
	struct lm_unit_file files[LM_UNIT_FILES];
	int fds[LM_UNIT_FILES];
	struct lm_buf message;
	unsigned n;
	w.stock = stock;
	w.sock = sock;
	w.status = status;
	memset(status, 0, sizeof *status);
	lm_buf_init(&w.out, FLUSH_BYTES + LM_FRAME_MAX + 4096);
	lm_arena_init(&w.arena, stock->conf->arena_bytes);
	enum lm_rc rc = lm_unit_recv(sock, &message, files, fds, &n);
	if (rc != LM_OK)
		_exit(rc == LM_END ? 0 : 5);
	for (unsigned i = 0; i < n; i++)
		read_file(&w, &files[i], i, fds[i]);
	lm_emit_flush(&w, -1);
	_exit(0);
}
