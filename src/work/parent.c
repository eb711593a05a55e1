/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parent.c - the run: the zygote's start and end, and the event loop over all workers.
 *
 * In:  files of the caller. Out: calls of the sink in the order in which workers speak.
 * One more worker than needed is kept waiting, forked and closed in: on more than one processor the cost of
 * a fork is then paid while another worker reads.
 * Limits: `jobs` workers at work; a worker held up because its members fill memory does not count, so that
 * these members can be read. cpu_seconds and idle_seconds end what does not end by itself.
 */
#include "base/log.h"
#include "work/work_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
enum { SEEN_SLOTS = 1 << 16, SEEN_MOST = 1 << 24, TRIES = 20 };

int64_t lm_work_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * LM_NS_PER_S + t.tv_nsec;
}

/* ---- start ---- */

static unsigned processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	return n > 0 ? (unsigned)n : 1;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How memory is shared out is in docs/dev/workers.md. */
static void settle(struct lm_work_conf *c, const struct lm_work_opts *o)
{
	c->o = *o;
	if (!c->o.jobs)
		c->o.jobs = processors();
	if (c->o.jobs > 256)
		c->o.jobs = 256;
	if (!c->o.mem_bytes) {
		uint64_t quarter = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4;
		uint64_t least = c->o.jobs * 256 * MIB;
		c->o.mem_bytes = quarter > least ? quarter : least;
	}
	if (c->o.mem_bytes < 128 * MIB)
		c->o.mem_bytes = 128 * MIB;
	/* fewer workers that can do their work rather than many that cannot */
	if (c->o.mem_bytes / c->o.jobs < 96 * MIB) {
		c->o.jobs = (unsigned)(c->o.mem_bytes / (96 * MIB));
		lm_log(LM_LOG_INFO, "%llu MiB are enough for %u workers at one time",
		       (unsigned long long)(c->o.mem_bytes / MIB), c->o.jobs);
	}
	if (!c->o.cpu_seconds)
		c->o.cpu_seconds = 600;
	if (!c->o.idle_seconds)
		c->o.idle_seconds = 120;
	c->pending_bytes = c->o.mem_bytes / 4;
	c->worker_bytes = (c->o.mem_bytes - c->pending_bytes) / c->o.jobs;
	c->arena_bytes = c->worker_bytes / 8 * 3;
	c->limits = lm_member_defaults;
	if (c->limits.depth > LM_OPEN_MAX - 4)
		c->limits.depth = LM_OPEN_MAX - 4;
	/* one archive in another, all in memory: together at most half of the worker */
	c->limits.inline_bytes = smaller(c->limits.inline_bytes, c->worker_bytes / (2 * c->limits.depth + 2));
	c->limits.member_bytes = smaller(c->limits.member_bytes, c->o.mem_bytes / 2);
	c->slots = c->o.jobs * (c->limits.depth + 1) + 2;
}

static bool pair(int type, int fds[2])
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0;
}

static const char *death(int status, char *room, size_t n)
{
	if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));
		snprintf(room, n, "killed by SIG%s", name ? name : "?");
	} else {
		snprintf(room, n, "ended with status %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	}
	return room;
}

static enum lm_rc zygote_lost(struct lm_work *w, struct lm_err *err)
{
	char words[48] = "gone";
	int status = 0;
	if (!w->zygote_gone && waitpid(w->zygote, &status, 0) == w->zygote)
		death(status, words, sizeof words);
	w->zygote_gone = true;
	return lm_fail(err, LM_EIO, "the supervisor of the workers was lost: %s", words);
}

/* Waits for what the zygote has loaded; its messages about rule files pass through. */
static enum lm_rc await_loaded(struct lm_work *w, struct lm_err *err)
{
	for (;;) {
		struct lm_zmsg m;
		int fd;
		if (lm_zmsg_recv(w->control, &m, &fd, true) != LM_OK)
			return zygote_lost(w, err);
		if (fd >= 0)
			close(fd);
		if (m.type == LM_Z_LOG) {
			lm_log((enum lm_log_level)m.status, "%s", m.text);
		} else if (m.type == LM_Z_FAILED) {
			return lm_fail(err, (enum lm_rc)m.status, "%s", m.text);
		} else if (m.type == LM_Z_LOADED) {
			w->loaded = m.loaded;
			return LM_OK;
		}
	}
}

enum lm_rc lm_work_start(const struct lm_work_opts *o, struct lm_work **out, struct lm_err *err)
{
	struct lm_work *w = lm_xalloc(sizeof *w);
	int control[2] = { -1, -1 }, log[2] = { -1, -1 };
	enum lm_rc rc = LM_EIO;
	*out = NULL;
	*w = (struct lm_work){ .control = -1, .log = -1, .status_fd = -1, .zygote_gone = true };
	w->seen.fd = -1;
	settle(&w->conf, o);
	w->slot = lm_xalloc(w->conf.slots * sizeof *w->slot);
	for (unsigned i = 0; i < w->conf.slots; i++)
		w->slot[i].fd = -1;
	size_t pages = (size_t)w->conf.slots * LM_STATUS_PAGE;
	w->status_fd = memfd_create("limier-status", MFD_CLOEXEC);
	if (w->status_fd < 0 || ftruncate(w->status_fd, (off_t)pages) != 0 || !pair(SOCK_SEQPACKET, control) ||
	    /* not SOCK_DGRAM: a datagram may be sent to any socket with a path, a connected sequence may not */
	    !pair(SOCK_SEQPACKET, log) || lm_seen_init(&w->seen, SEEN_SLOTS) != LM_OK)
		goto failed;
	w->status = mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_SHARED, w->status_fd, 0);
	if (w->status == MAP_FAILED) {
		w->status = NULL;
		goto failed;
	}
	pid_t parent = getpid();
	w->zygote = fork();
	if (w->zygote < 0)
		goto failed;
	if (w->zygote == 0)
		lm_zygote_main(&w->conf, (struct lm_zygote_fds){ control[1], log[1], w->status_fd, w->seen.fd },
			       parent);
	w->zygote_gone = false;
	w->control = control[0];
	w->log = log[0];
	close(control[1]);
	close(log[1]);
	rc = await_loaded(w, err);
	if (rc < 0) {
		lm_work_stop(w);
		return rc;
	}
	*out = w;
	return LM_OK;
failed:
	lm_fail(err, rc, "cannot start the supervisor of the workers: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		if (control[i] >= 0)
			close(control[i]);
		if (log[i] >= 0)
			close(log[i]);
	}
	lm_work_stop(w);
	return rc;
}

const struct lm_work_loaded *lm_work_loaded(const struct lm_work *w)
{
	return &w->loaded;
}

void lm_work_add(struct lm_work *w, const struct lm_work_file *f)
{
	w->bytes_total += f->size;
	lm_plan_add(&w->plan, f);
}

void lm_work_seen(struct lm_work *w, const uint8_t sha256[32])
{
	struct lm_zmsg m = { .type = LM_Z_SEEN };
	if (lm_seen_add(&w->seen, sha256, SEEN_MOST))
		(void)lm_zmsg_send(w->control, &m, w->seen.fd); /* workers forked before keep the old table */
}

/* ---- workers and the zygote ---- */

void lm_work_kill(struct lm_work *w, struct lm_slot *s)
{
	struct lm_zmsg m = { .type = LM_Z_KILL, .serial = s->serial };
	(void)lm_zmsg_send(w->control, &m, -1);
}

struct lm_slot *lm_work_spare(struct lm_work *w)
{
	struct lm_slot *free_slot = NULL;
	for (unsigned i = 0; i < w->conf.slots; i++) {
		if (w->slot[i].state == LM_SLOT_SPARE)
			return &w->slot[i];
		if (w->slot[i].state == LM_SLOT_FREE && !free_slot)
			free_slot = &w->slot[i];
	}
	int fds[2];
	if (!free_slot || lm_work_clock() < w->retry_ns || !pair(SOCK_STREAM, fds))
		return NULL;
	struct lm_zmsg m = { .type = LM_Z_FORK, .serial = ++w->serial, .slot = (uint32_t)(free_slot - w->slot) };
	enum lm_rc rc = lm_zmsg_send(w->control, &m, fds[1]);
	close(fds[1]);
	if (rc != LM_OK) {
		close(fds[0]);
		return NULL;
	}
	free_slot->state = LM_SLOT_SPARE;
	free_slot->serial = m.serial;
	free_slot->fd = fds[0];
	return free_slot;
}

static enum lm_rc worker_gone(struct lm_work *w, struct lm_slot *s, int status, bool forked)
{
	enum lm_rc rc = LM_OK;
	bool began = s->unit || s->state == LM_SLOT_DYING;
	if (s->state == LM_SLOT_BUSY && forked && s->fd >= 0) {
		s->paused = false;
		rc = lm_slot_parse(w, s);
		if (rc >= 0)
			rc = lm_slot_read(w, s, true);
	}
	if (s->state == LM_SLOT_BUSY && !forked) {
		/* no worker came: its unit waits for another */
		for (unsigned i = 0; i < s->unit->n; i++)
			lm_plan_again(&w->plan, s->unit->part[i]);
		free(s->unit);
		s->unit = NULL;
		began = false;
	} else if (s->state == LM_SLOT_BUSY && rc >= 0) {
		rc = lm_slot_lost(w, s, status, NULL);
	}
	w->failures = began ? 0 : w->failures + 1;
	if (!began)
		w->retry_ns = lm_work_clock() + LM_NS_PER_S / 20;
	if (rc >= 0) {
		lm_slot_close(s);
		s->state = LM_SLOT_FREE;
	}
	return rc;
}

enum lm_rc lm_work_zygote(struct lm_work *w)
{
	for (;;) {
		struct lm_zmsg m;
		int fd;
		enum lm_rc rc = lm_zmsg_recv(w->control, &m, &fd, false);
		if (rc == LM_EIO)
			return LM_OK;
		if (rc != LM_OK)
			return zygote_lost(w, w->err);
		if (fd >= 0)
			close(fd);
		if (m.type == LM_Z_LOG)
			lm_log((enum lm_log_level)m.status, "%s", m.text);
		if (m.type != LM_Z_EXIT && m.type != LM_Z_NOFORK)
			continue;
		for (unsigned i = 0; i < w->conf.slots; i++) {
			struct lm_slot *s = &w->slot[i];
			if (s->state == LM_SLOT_FREE || s->serial != m.serial)
				continue;
			if (m.type == LM_Z_NOFORK)
				w->fork_errno = m.status;
			rc = worker_gone(w, s, m.status, m.type == LM_Z_EXIT);
			if (rc < 0)
				return rc;
			break;
		}
		if (w->failures >= TRIES)
			return lm_fail(w->err, LM_EIO, "cannot start workers: %s",
				       w->fork_errno ? strerror(w->fork_errno) : "they die before they begin");
	}
}

/* ---- the loop ---- */

static unsigned count(const struct lm_work *w, enum lm_slot_state state)
{
	unsigned n = 0;
	for (unsigned i = 0; i < w->conf.slots; i++)
		n += w->slot[i].state == state && !(state == LM_SLOT_BUSY && w->slot[i].paused);
	return n;
}

static enum lm_rc dispatch(struct lm_work *w)
{
	while (!lm_plan_empty(&w->plan) && count(w, LM_SLOT_BUSY) < w->conf.o.jobs) {
		struct lm_slot *s = lm_work_spare(w);
		if (!s)
			return LM_OK;
		enum lm_rc rc = lm_slot_begin(w, s, lm_plan_next(&w->plan));
		if (rc < 0)
			return rc;
	}
	if (!lm_plan_empty(&w->plan))
		(void)lm_work_spare(w);
	return LM_OK;
}

static enum lm_rc resume(struct lm_work *w)
{
	bool stuck = !w->plan.n_children && !count(w, LM_SLOT_BUSY);
	for (unsigned i = 0; i < w->conf.slots; i++) {
		struct lm_slot *s = &w->slot[i];
		if (!s->paused || (!stuck && w->plan.child_bytes > w->conf.pending_bytes))
			continue;
		s->paused = false;
		s->alive_ns = lm_work_clock();
		enum lm_rc rc = lm_slot_parse(w, s);
		if (rc < 0)
			return rc;
	}
	return LM_OK;
}

/* Ends what gives no sign of life. Only after reading: a worker is not silent because the sink was slow. */
static void check_life(struct lm_work *w)
{
	int64_t now = lm_work_clock();
	for (unsigned i = 0; i < w->conf.slots; i++) {
		struct lm_slot *s = &w->slot[i];
		int64_t silent = now - s->alive_ns;
		if (s->state == LM_SLOT_BUSY && !s->paused && !s->idle_kill &&
		    silent > (int64_t)w->conf.o.idle_seconds * LM_NS_PER_S) {
			struct pollfd p = { .fd = s->fd, .events = POLLIN };
			if (s->fd >= 0 && poll(&p, 1, 0) > 0)
				continue;
			s->idle_kill = true;
			lm_work_kill(w, s);
		} else if (s->state == LM_SLOT_DYING && silent > 2 * LM_NS_PER_S) {
			lm_work_kill(w, s);
			s->alive_ns = now;
		} else if (s->state == LM_SLOT_BUSY && s->fd < 0 && silent > 2 * LM_NS_PER_S) {
			/* it closed its socket and lives on */
			lm_work_kill(w, s);
		}
	}
}

static void read_log(struct lm_work *w)
{
	char text[1024];
	for (int i = 0; i < 16; i++) {
		ssize_t n = recv(w->log, text, sizeof text - 1, MSG_DONTWAIT);
		if (n <= 0)
			return;
		text[n] = 0;
		lm_log(LM_LOG_DEBUG, "worker: %s", text);
	}
}

static void tell_progress(struct lm_work *w)
{
	struct lm_str current = { 0 };
	uint64_t done = w->bytes_done;
	if (!w->sink->progress)
		return;
	for (unsigned i = 0; i < w->conf.slots; i++) {
		struct lm_slot *s = &w->slot[i];
		if (s->state != LM_SLOT_BUSY)
			continue;
		done += s->progress;
		if (s->unit && s->unit->ended < s->unit->n)
			current = s->unit->part[s->unit->ended]->path;
	}
	w->sink->progress(w->sink->user, smaller(done, w->bytes_total), w->bytes_total, current);
}

static enum lm_rc turn(struct lm_work *w, struct pollfd *p)
{
	unsigned n = 2;
	bool held = false;
	p[0] = (struct pollfd){ .fd = w->control, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = w->log, .events = POLLIN };
	for (unsigned i = 0; i < w->conf.slots; i++) {
		struct lm_slot *s = &w->slot[i];
		bool listen = s->state == LM_SLOT_BUSY && !s->paused;
		held |= s->paused;
		p[n++] = (struct pollfd){ .fd = listen ? s->fd : -1, .events = POLLIN };
	}
	int timeout = held ? 50 : w->retry_ns > lm_work_clock() ? 20 : 250;
	if (poll(p, n, timeout) < 0 && errno != EINTR)
		return lm_fail(w->err, LM_EIO, "cannot wait for workers: %s", strerror(errno));
	enum lm_rc rc = LM_OK;
	for (unsigned i = 0; i < w->conf.slots && rc >= 0; i++)
		if (p[2 + i].revents && w->slot[i].state == LM_SLOT_BUSY)
			rc = lm_slot_read(w, &w->slot[i], false);
	if (rc >= 0 && p[0].revents)
		rc = lm_work_zygote(w);
	if (p[1].revents)
		read_log(w);
	if (rc >= 0)
		rc = resume(w);
	if (rc >= 0)
		check_life(w);
	tell_progress(w);
	return rc;
}

static void abandon(struct lm_work *w)
{
	for (unsigned i = 0; i < w->conf.slots; i++) {
		struct lm_slot *s = &w->slot[i];
		struct lm_unit *u = s->unit;
		if (s->state == LM_SLOT_FREE)
			continue;
		if (w->control >= 0 && !w->zygote_gone)
			lm_work_kill(w, s);
		for (unsigned k = u ? u->ended : 0; u && k < u->n; k++) {
			struct lm_job *j = u->part[k]->job;
			lm_part_free(&w->plan, u->part[k]);
			if (--j->open_parts == 0)
				lm_job_free(j);
		}
		free(u);
		s->unit = NULL;
		lm_slot_close(s);
		s->state = LM_SLOT_DYING;
	}
}

enum lm_rc lm_work_run(struct lm_work *w, const struct lm_work_sink *sink, struct lm_err *err)
{
	struct pollfd *p = lm_xalloc((w->conf.slots + 2) * sizeof *p);
	enum lm_rc rc = w->zygote_gone ? zygote_lost(w, err) : LM_OK;
	w->sink = sink;
	w->err = err;
	while (rc >= 0) {
		rc = dispatch(w);
		bool held = false;
		for (unsigned i = 0; i < w->conf.slots; i++)
			held |= w->slot[i].state == LM_SLOT_BUSY;
		if (rc < 0 || (lm_plan_empty(&w->plan) && !held))
			break;
		rc = turn(w, p);
	}
	if (rc < 0)
		abandon(w);
	else
		tell_progress(w);
	w->sink = NULL;
	w->err = NULL;
	free(p);
	return rc < 0 ? rc : LM_OK;
}

void lm_work_stop(struct lm_work *w)
{
	if (!w)
		return;
	abandon(w);
	if (w->control >= 0)
		close(w->control);
	/* the end of the socket ends the zygote, and its end ends the workers; it gets two seconds for it */
	for (int i = 0; !w->zygote_gone && i < 200; i++) {
		w->zygote_gone = waitpid(w->zygote, NULL, WNOHANG) != 0;
		if (!w->zygote_gone)
			poll(NULL, 0, i < 20 ? 1 : 10);
	}
	if (!w->zygote_gone) {
		kill(w->zygote, SIGKILL);
		(void)waitpid(w->zygote, NULL, 0);
	}
	for (unsigned i = 0; i < w->conf.slots && w->slot; i++) {
		lm_check_fini(&w->slot[i].check);
		free(w->slot[i].in);
	}
	lm_plan_fini(&w->plan);
	lm_seen_fini(&w->seen);
	if (w->status)
		munmap(w->status, (size_t)w->conf.slots * LM_STATUS_PAGE);
	if (w->status_fd >= 0)
		close(w->status_fd);
	if (w->log >= 0)
		close(w->log);
	free(w->slot);
	free(w);
}
