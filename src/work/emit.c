/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - what a worker says: frames, buffered, over its one socket.
 *
 * In:  observations and events of the worker loop. Out: bytes for the parent, last words on the status page.
 * Limits: a content of n bytes has lm_obs_allowed(n) observations of readers and matchers; the rest is
 * counted. A frame that would pass LM_FRAME_MAX is counted as well and leaves no trace in the stream.
 */
#include "work/worker.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t steady_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * LM_NS_PER_S + t.tv_nsec;
}

bool lm_emit_is_late(const struct lm_worker *w)
{
	return steady_ns() - w->flushed_ns > FLUSH_NS;
}

void lm_emit_flush(struct lm_worker *w, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	memset(&control, 0, sizeof control);
	for (size_t at = 0; at < w->out.n;) {
		struct iovec v = { w->out.p + at, w->out.n - at };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
		if (fd >= 0 && at == 0) {
			m.msg_control = control.bytes;
			m.msg_controllen = sizeof control.bytes;
			struct cmsghdr *c = CMSG_FIRSTHDR(&m);
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(c), &fd, sizeof fd);
		}
		ssize_t n = sendmsg(w->sock, &m, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0); /* the parent no longer listens */
		at += (size_t)n;
	}
	lm_buf_clear(&w->out);
	w->flushed_ns = steady_ns();
}

/* False when the frame is too large; the stream stays whole. */
bool lm_emit_frame(struct lm_worker *w, const struct lm_frame *f)
{
	size_t before = w->out.n;
	lm_frame_put(&w->out, f);
	if (w->out.bad) {
		w->out.bad = false;
		w->out.n = before;
		return false;
	}
	if (w->out.n >= FLUSH_BYTES)
		lm_emit_flush(w, -1);
	return true;
}

/* A sign of life; `at` is the position in the unit's file, members do not move it. */
void lm_emit_progress(struct lm_item *it, uint64_t at)
{
	struct lm_worker *w = it->w;
	struct lm_frame f = { .type = LM_FRAME_PROGRESS, .content = it->index };
	w->status->offset = at;
	f.progress = w->unit_done + (it->parent == UINT32_MAX ? at : 0);
	w->since_progress = 0;
	lm_emit_frame(w, &f);
	lm_emit_flush(w, -1);
}

void lm_emit_status(struct lm_item *it, enum lm_phase phase, const char *who)
{
	struct lm_status *s = it->w->status;
	size_t n = it->path.n < sizeof s->path ? it->path.n : sizeof s->path;
	s->phase = (uint32_t)phase;
	snprintf(s->who, sizeof s->who, "%s", who ? who : "");
	s->offset = 0;
	if (n)
		memcpy(s->path, it->path.p, n);
	s->path_n = (uint32_t)n;
}

/*
 * Facts about content alone carry no host: one DLL on many hosts is one content, and its facts must have one id
 * wherever it was read. Which hosts have it is what sightings say.
 */
static bool is_about_content(enum lm_kind kind)
{
	switch (kind) {
	case LM_K_file_content:
	case LM_K_pe_image:
	case LM_K_signature:
	case LM_K_signature_unhashed:
	case LM_K_signature_fact:
	case LM_K_rule_match:
	case LM_K_indicator_listed:
	case LM_K_host_record:
		return true;
	default:
		return false;
	}
}

static void emit_up_to(struct lm_item *it, const struct lm_obs *o, uint64_t limit)
{
	struct lm_worker *w = it->w;
	struct lm_frame f = { .type = LM_FRAME_OBS, .content = it->index };
	if (it->emitted >= limit) {
		it->dropped++;
		w->done.dropped++;
		return;
	}
	f.obs = *o;
	if (!lm_ident_is_set(&o->host) && lm_ident_is_set(&it->layout.host) && !is_about_content(o->kind))
		f.obs.host = it->layout.host;
	if (!lm_emit_frame(w, &f)) {
		it->dropped++;
		w->done.dropped++;
		return;
	}
	it->emitted++;
	w->done.observations++;
}

void lm_emit(struct lm_item *it, const struct lm_obs *o)
{
	emit_up_to(it, o, it->allowed);
}

/* What the loop itself states, at most a few a content: it must not drown in what a reader says. */
static void emit_own(struct lm_item *it, struct lm_obs *o)
{
	emit_up_to(it, o, it->allowed + LM_OBS_SLACK);
}

void lm_emit_damaged(struct lm_item *it, const char *reader, uint64_t offset, const char *what)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_evidence_damaged);
	o.at.offset = offset;
	o.evidence_damaged.path = it->path;
	o.evidence_damaged.reader = lm_cstr(reader);
	o.evidence_damaged.offset = LM_INT(offset);
	o.evidence_damaged.what = lm_cstr(what);
	emit_own(it, &o);
}

void lm_emit_skipped(struct lm_item *it, struct lm_str path, uint64_t size, const char *why)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_evidence_skipped);
	o.evidence_skipped.path = path;
	o.evidence_skipped.why = lm_cstr(why);
	o.evidence_skipped.size = LM_INT(size);
	emit_own(it, &o);
}

/* ---- what every content gets ---- */

static struct lm_bytes digest_view(const struct lm_hashes *h, unsigned bit, const uint8_t *p, size_t n)
{
	return h->have & bit ? (struct lm_bytes){ p, n } : (struct lm_bytes){ 0 };
}

void lm_emit_content(struct lm_item *it, const char *kind)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_file_content);
	o.at.length = it->data.n;
	o.file_content.sha256 = (struct lm_bytes){ it->hashes.sha256, 32 };
	o.file_content.sha1 = digest_view(&it->hashes, LM_HASH_SHA1, it->hashes.sha1, 20);
	o.file_content.md5 = digest_view(&it->hashes, LM_HASH_MD5, it->hashes.md5, 16);
	o.file_content.size = LM_INT(it->data.n);
	o.file_content.kind = lm_cstr(kind);
	emit_own(it, &o);
}

void lm_emit_sighting(struct lm_item *it)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_file_sighting);
	o.at.length = it->data.n;
	o.host = it->layout.host;
	o.file_sighting.sha256 = (struct lm_bytes){ it->hashes.sha256, 32 };
	/* the other digests stand in file.content: a sighting must be the same fact whatever lists are at hand */
	o.file_sighting.path = it->layout.original.p ? it->layout.original : it->below;
	o.file_sighting.size = LM_INT(it->data.n);
	o.file_sighting.source = LM_STR("file");
	o.file_sighting.modified = it->modified;
	emit_own(it, &o);
}
