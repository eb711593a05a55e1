/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - one worker seen from the parent: what it is given, what it says, how it ends.
 *
 * In:  bytes from a worker's socket. Out: calls of the sink, members that became parts of the plan.
 * Every frame passes check.c before anything acts on it. A file ends when the last of its parts has; a part
 * that was lost does not keep the others from being read.
 * Limits: a receive buffer of one frame at most; members that wait in memory hold their producer up.
 */
#include "base/log.h"
#include "base/text.h"
#include "work/work_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_BYTES (256u << 10)

/* ---- the end of parts and files ---- */

static enum lm_rc part_end(struct lm_work *w, struct lm_part *part)
{
	struct lm_job *j = part->job;
	enum lm_rc rc = LM_OK;
	w->bytes_done += part->size;
	lm_part_free(&w->plan, part);
	if (--j->open_parts)
		return LM_OK;
	struct lm_work_end e = {
		.file = &j->file,
		.lost = j->lost,
		.signal = j->signal,
		.content = j->content,
		.what = j->lost ? j->what : NULL,
		.offset = j->offset,
		.done = j->done,
	};
	if (j->more_lost) {
		size_t n = strlen(j->what);
		snprintf(j->what + n, sizeof j->what - n, "; %u more members were lost", j->more_lost);
	}
	if (w->sink->file_end)
		rc = w->sink->file_end(w->sink->user, &e);
	lm_job_free(j);
	return rc;
}

/* Notes the first loss of a file in full and counts the others. `content` is copied. */
static void part_lost(struct lm_part *part, int sig, struct lm_str content, uint64_t offset, const char *what)
{
	struct lm_job *j = part->job;
	if (j->lost) {
		j->more_lost++;
		return;
	}
	j->lost = true;
	j->signal = sig;
	j->offset = offset;
	snprintf(j->what, sizeof j->what, "%s", what);
	if (content.n > part->job->file.path.n) {
		char *p = lm_xalloc(content.n + 1);
		memcpy(p, content.p, content.n);
		j->content = (struct lm_str){ p, content.n };
	}
}

void lm_slot_close(struct lm_slot *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	while (s->n_fds)
		close(s->fds[--s->n_fds]);
	s->at = s->n = 0;
	if (s->cap > 4 * READ_BYTES) {
		free(s->in);
		s->in = NULL;
		s->cap = 0;
	}
	s->paused = false;
	s->progress = 0;
	if (s->state == LM_SLOT_BUSY)
		s->state = LM_SLOT_DYING;
	s->alive_ns = lm_work_clock();
}

/* ---- in words ---- */

static const char *signal_word(int sig, char *room, size_t n)
{
	const char *name = sigabbrev_np(sig);
	snprintf(room, n, name ? "SIG%s" : "signal %s%d", name ? name : "", sig);
	return room;
}

/* Copies the page of last words once: the worker may still write to it, and may have written anything. */
static void last_words(const struct lm_work *w, const struct lm_slot *s, struct lm_status *out)
{
	memcpy(out, w->status + (size_t)(s - w->slot) * LM_STATUS_PAGE, sizeof *out);
	out->who[sizeof out->who - 1] = 0;
	for (char *c = out->who; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-' && *c != '_')
			*c = '?';
	if (out->path_n > sizeof out->path)
		out->path_n = 0;
}

static void where_words(const struct lm_status *st, char *room, size_t n)
{
	switch (st->phase) {
	case LM_PHASE_START:
		snprintf(room, n, " before it was read");
		break;
	case LM_PHASE_HASH:
		snprintf(room, n, " while its digest was computed");
		break;
	case LM_PHASE_MEMBERS:
		snprintf(room, n, " in archive %s", st->who);
		break;
	case LM_PHASE_READ:
		snprintf(room, n, strcmp(st->who, "probe") == 0 ? " while readers were asked" : " in reader %s",
			 st->who);
		break;
	case LM_PHASE_MATCH:
		snprintf(room, n, " in matcher %s", st->who);
		break;
	default:
		room[0] = 0;
	}
}

static int death_words(const struct lm_work *w, const struct lm_slot *s, int status, const char *where, char *out,
		       size_t n)
{
	char name[24];
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	if (s->idle_kill)
		snprintf(out, n, "no sign of life for %u s%s", w->conf.o.idle_seconds, where);
	else if (sig == SIGXCPU)
		snprintf(out, n, "ran out of its %u s of processor time%s", w->conf.o.cpu_seconds, where);
	else if (sig == SIGSYS)
		snprintf(out, n, "killed by SIGSYS (a system call that workers may not make)%s", where);
	else if (sig == SIGBUS)
		snprintf(out, n, "killed by SIGBUS (the file shrank or could not be read)%s", where);
	else if (sig == SIGKILL)
		snprintf(out, n, "killed by SIGKILL (out of memory?)%s", where);
	else if (sig)
		snprintf(out, n, "killed by %s%s", signal_word(sig, name, sizeof name), where);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
		snprintf(out, n, "cannot be mapped into memory");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		snprintf(out, n, "the sandbox could not be closed, so it was not read");
	else
		snprintf(out, n, "worker ended with status %d%s", WIFEXITED(status) ? WEXITSTATUS(status) : -1, where);
	return sig;
}

/* The part's own path, or a member below it. A path cut off by the page names nothing. */
static bool names_part(const struct lm_status *st, const struct lm_part *part)
{
	size_t n = part->path.n;
	return st->path_n >= n && st->path_n < sizeof st->path && memcmp(st->path, part->path.p, n) == 0 &&
	       (st->path_n == n || (st->path_n >= n + 2 && memcmp(st->path + n, "!/", 2) == 0));
}

enum lm_rc lm_slot_lost(struct lm_work *w, struct lm_slot *s, int status, const char *lie)
{
	struct lm_unit *u = s->unit;
	struct lm_status st;
	char where[80], what[160];
	int sig = 0;
	enum lm_rc rc = LM_OK;
	s->unit = NULL;
	last_words(w, s, &st);
	/* the page may be ahead of the frames; it counts only where it names this very file or a member of it */
	where[0] = 0;
	if (names_part(&st, u->part[u->ended]))
		where_words(&st, where, sizeof where);
	else
		st.path_n = 0, st.offset = 0;
	if (lie)
		snprintf(what, sizeof what, "worker not believed any more: it sent %s%s", lie, where);
	else
		sig = death_words(w, s, status, where, what, sizeof what);
	for (unsigned i = u->ended; i < u->n; i++) {
		struct lm_part *part = u->part[i];
		if (i > u->ended) {
			lm_plan_again(&w->plan, part);
			continue;
		}
		struct lm_str content = { st.path, st.path_n };
		uint64_t offset = st.offset;
		if (!content.n)
			content = s->check.depth ? lm_buf_view(&s->check.path) : part->path;
		if (!offset && s->check.depth)
			offset = s->check.open[s->check.depth - 1].offset;
		part_lost(part, sig, content, offset, what);
		enum lm_rc end = part_end(w, part);
		rc = rc < 0 ? rc : end;
	}
	free(u);
	lm_slot_close(s);
	return rc;
}

/* ---- giving work ---- */

static enum lm_rc open_part(struct lm_part *part)
{
	struct stat st;
	char *path = lm_xalloc(part->path.n + 1);
	memcpy(path, part->path.p, part->path.n);
	/* a device or a pipe that took the place of the file must not hold the run up */
	part->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int e = errno;
	free(path);
	errno = e;
	if (part->fd < 0)
		return LM_EIO;
	if (fstat(part->fd, &st) != 0)
		return LM_EIO;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return LM_EIO;
	}
	part->size = (uint64_t)st.st_size;
	return LM_OK;
}

enum lm_rc lm_slot_begin(struct lm_work *w, struct lm_slot *s, struct lm_unit *u)
{
	enum lm_rc rc = LM_OK;
	unsigned n = 0;
	for (unsigned i = 0; i < u->n; i++) {
		struct lm_part *part = u->part[i];
		uint64_t planned = part->size;
		if (part->fd >= 0 || open_part(part) == LM_OK) {
			w->bytes_total += part->size - planned;
			u->part[n++] = part;
			continue;
		}
		char what[120];
		snprintf(what, sizeof what, "cannot be opened: %s", strerror(errno));
		part_lost(part, 0, part->path, 0, what);
		enum lm_rc end = part_end(w, part);
		rc = rc < 0 ? rc : end;
	}
	u->n = n;
	if (!n || rc < 0)
		goto unused;
	memset(w->status + (size_t)(s - w->slot) * LM_STATUS_PAGE, 0, sizeof(struct lm_status));
	if (lm_unit_send(s->fd, u) != LM_OK) {
		/* it died while it waited; its exit is on the way */
		s->state = LM_SLOT_DYING;
		goto unused;
	}
	/* files are the worker's now; members stay, in case they are needed again */
	for (unsigned i = 0; i < n; i++)
		if (!u->part[i]->child) {
			close(u->part[i]->fd);
			u->part[i]->fd = -1;
		}
	s->unit = u;
	s->state = LM_SLOT_BUSY;
	s->alive_ns = lm_work_clock();
	s->idle_kill = false;
	lm_check_begin(&s->check, &w->conf, u);
	return LM_OK;
unused:
	for (unsigned i = 0; i < n; i++)
		lm_plan_again(&w->plan, u->part[i]);
	free(u);
	return rc;
}

/* ---- frames ---- */

static struct lm_open *innermost(struct lm_slot *s)
{
	return &s->check.open[s->check.depth - 1];
}

static enum lm_rc take_content(struct lm_work *w, struct lm_slot *s, const struct lm_frame *f)
{
	struct lm_part *part = s->unit->part[s->unit->ended];
	struct lm_frame_content c = f->open;
	struct lm_open *o = innermost(s);
	int64_t parent = s->check.depth > 1 ? s->check.open[s->check.depth - 2].handle : part->container;
	part->job->done.contents++;
	if (s->check.depth > 1)
		part->job->spent.members++;
	else if (part->child)
		c.member = part->member;
	if (!w->sink->content)
		return LM_OK;
	return w->sink->content(w->sink->user, &part->job->file, parent, lm_buf_view(&s->check.path), &c, &o->handle);
}

static enum lm_rc take_end(struct lm_work *w, struct lm_slot *s, const struct lm_frame *f)
{
	struct lm_job *j = s->unit->part[s->unit->ended]->job;
	int64_t handle = innermost(s)->handle;
	j->done.bytes += f->end.size;
	if (s->check.depth > 1)
		j->spent.bytes += f->end.size;
	lm_check_pop(&s->check);
	return w->sink->end ? w->sink->end(w->sink->user, handle, &f->end) : LM_OK;
}

/* A member that came as a descriptor becomes a part; `fd` is checked to be what the source room promises. */
static const char *take_child(struct lm_work *w, struct lm_slot *s, const struct lm_frame *f)
{
	struct stat st;
	if (!s->n_fds)
		return "a large member without its bytes";
	int fd = s->fds[0];
	memmove(s->fds, s->fds + 1, --s->n_fds * sizeof *s->fds);
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_WRITE)) != (F_SEAL_SHRINK | F_SEAL_WRITE) ||
	    fstat(fd, &st) != 0 || (uint64_t)st.st_size != f->child.size) {
		close(fd);
		return "a descriptor that is no sealed member";
	}
	struct lm_part *from = s->unit->part[s->unit->ended], *part = lm_xalloc(sizeof *part);
	struct lm_buf path, below;
	lm_buf_init(&path, LM_UNIT_WIRE_MAX);
	lm_buf_init(&below, LM_UNIT_WIRE_MAX);
	lm_buf_str(&path, lm_buf_view(&s->check.path));
	lm_buf_puts(&path, "!/");
	lm_buf_str(&path, f->child.as.member);
	lm_buf_str(&below, lm_buf_view(&s->check.below));
	lm_buf_puts(&below, "!/");
	lm_buf_str(&below, f->child.as.member);
	char *member = lm_xalloc(f->child.as.member.n + 1);
	memcpy(member, f->child.as.member.p, f->child.as.member.n);
	off_t at = lseek(fd, 0, SEEK_CUR);
	*part = (struct lm_part){
		.job = from->job,
		.fd = fd,
		.child = true,
		.depth = from->depth + s->check.depth,
		.container = innermost(s)->handle,
		.path = { path.p, path.n },
		.below = { below.p, below.n },
		.member = { member, f->child.as.member.n },
		.size = f->child.size,
		.modified = { at, at > 0 },
	};
	from->job->open_parts++;
	from->job->spent.bytes += part->size;
	from->job->spent.members++;
	w->bytes_total += part->size;
	lm_plan_child(&w->plan, part);
	s->paused = w->plan.child_bytes > w->conf.pending_bytes;
	return NULL;
}

static enum lm_rc take_done(struct lm_work *w, struct lm_slot *s, const struct lm_frame *f)
{
	struct lm_unit *u = s->unit;
	struct lm_part *part = u->part[u->ended++];
	s->progress += part->size;
	part->job->done.dropped += f->done.dropped;
	uint64_t size = part->size;
	enum lm_rc rc = part_end(w, part);
	/* it has moved from `in work` to `done` */
	s->progress = s->progress > size ? s->progress - size : 0;
	if (u->ended == u->n) {
		free(u);
		s->unit = NULL;
		lm_slot_close(s);
	}
	return rc;
}

static enum lm_rc take(struct lm_work *w, struct lm_slot *s, const struct lm_frame *f, const char **lie)
{
	switch (f->type) {
	case LM_FRAME_CONTENT:
		return take_content(w, s, f);
	case LM_FRAME_OBS:
		s->unit->part[s->unit->ended]->job->done.observations++;
		return w->sink->obs ? w->sink->obs(w->sink->user, innermost(s)->handle, &f->obs) : LM_OK;
	case LM_FRAME_END:
		return take_end(w, s, f);
	case LM_FRAME_CHILD:
		*lie = take_child(w, s, f);
		return LM_OK;
	case LM_FRAME_PROGRESS:
		/* a claim: worth no more than the input there is */
		s->progress = f->progress < s->unit->bytes ? f->progress : s->unit->bytes;
		return LM_OK;
	case LM_FRAME_DONE:
		return take_done(w, s, f);
	}
	return LM_OK;
}

enum lm_rc lm_slot_parse(struct lm_work *w, struct lm_slot *s)
{
	enum lm_rc rc = LM_OK;
	while (rc >= 0 && s->state == LM_SLOT_BUSY && !s->paused) {
		struct lm_frame f;
		const char *lie = NULL;
		struct lm_rd r = lm_rd_of((struct lm_bytes){ s->in + s->at, s->n - s->at });
		enum lm_rc got = lm_frame_get(&r, &f);
		if (got == LM_END)
			break;
		if (got == LM_OK)
			lie = lm_check_frame(&s->check, &f, r.pos);
		else
			lie = "what is no frame";
		if (!lie) {
			s->at += r.pos;
			s->alive_ns = lm_work_clock();
			rc = take(w, s, &f, &lie);
		}
		if (lie) {
			lm_work_kill(w, s);
			rc = lm_slot_lost(w, s, 0, lie);
		}
	}
	if (s->at == s->n)
		s->at = s->n = 0;
	return rc;
}

static bool receive(struct lm_slot *s, ssize_t *got)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof s->fds)];
	} control;
	if (s->at) {
		memmove(s->in, s->in + s->at, s->n - s->at);
		s->n -= s->at;
		s->at = 0;
	}
	if (s->cap - s->n < READ_BYTES) {
		/* at most one frame and what came with it: anything longer is refused by its length field */
		s->cap = s->cap ? s->cap * 2 : 2 * READ_BYTES;
		s->in = lm_xrealloc(s->in, s->cap);
	}
	struct iovec v = { s->in + s->n, READ_BYTES };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes };
	m.msg_controllen = sizeof control.bytes;
	*got = recvmsg(s->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (*got < 0)
		return true;
	s->n += (size_t)*got;
	bool fits = !(m.msg_flags & MSG_CTRUNC);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < k; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (s->n_fds < sizeof s->fds / sizeof *s->fds) {
				s->fds[s->n_fds++] = fd;
			} else {
				close(fd);
				fits = false;
			}
		}
	}
	return fits;
}

enum lm_rc lm_slot_read(struct lm_work *w, struct lm_slot *s, bool all)
{
	enum lm_rc rc = LM_OK;
	/* a few turns, then the others: one talkative worker must not starve them */
	for (int turn = 0; (all || turn < 8) && rc >= 0 && s->state == LM_SLOT_BUSY && !s->paused; turn++) {
		ssize_t got;
		if (!receive(s, &got)) {
			lm_work_kill(w, s);
			return lm_slot_lost(w, s, 0, "more descriptors than members");
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			/* its end without its last word: the zygote will say how it died */
			if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
				close(s->fd);
				s->fd = -1;
			}
			break;
		}
		rc = lm_slot_parse(w, s);
		if (all)
			s->paused = false; /* a dead worker cannot be held up */
	}
	return rc;
}
