/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zygote.c - the process that loads everything once and forks workers from what it loaded.
 *
 * In:  requests of the parent (fork, kill, new table of seen contents). Out: what was loaded, exits.
 * It never looks at evidence and never reads what workers write. Messages have a fixed form and come over
 * one SOCK_SEQPACKET pair that only the two processes hold. When the parent dies, it dies (parent-death
 * signal, and the end of the socket), and its workers with it.
 */
#include "base/log.h"
#include "work/work_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- messages ---- */

enum lm_rc lm_zmsg_send(int sock, const struct lm_zmsg *m, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec v = { (void *)(uintptr_t)m, sizeof *m };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
	memset(&control, 0, sizeof control);
	if (fd >= 0) {
		h.msg_control = control.bytes;
		h.msg_controllen = sizeof control.bytes;
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	ssize_t n;
	do
		n = sendmsg(sock, &h, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof *m ? LM_OK : LM_EIO;
}

enum lm_rc lm_zmsg_recv(int sock, struct lm_zmsg *m, int *fd, bool wait)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec v = { m, sizeof *m };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes };
	ssize_t n;
	h.msg_controllen = sizeof control.bytes;
	*fd = -1;
	do
		n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return LM_EIO;
	if (n != (ssize_t)sizeof *m)
		return LM_END;
	m->text[sizeof m->text - 1] = 0;
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof *fd);
	return LM_OK;
}

static int log_socket; /* control socket while loading, log socket in workers */

static void log_to_parent(enum lm_log_level level, const char *text, void *user)
{
	struct lm_zmsg m = { .type = LM_Z_LOG, .status = (int)level };
	(void)user;
	memcpy(m.text, text, strnlen(text, sizeof m.text - 1));
	(void)lm_zmsg_send(log_socket, &m, -1);
}

/* A worker's log is for debugging alone; it must never make the worker wait. */
static void log_from_worker(enum lm_log_level level, const char *text, void *user)
{
	(void)level, (void)user;
	(void)send(log_socket, text, strnlen(text, 1000), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- descriptors ---- */

enum { FD_CONTROL = 3, FD_LOG, FD_STATUS, FD_SEEN, FD_SIGNAL, FD_FREE };

/* The zygote holds 0-2, its four descriptors in known places, and nothing of what the parent had open. */
static bool settle_fds(struct lm_zygote_fds f)
{
	int from[4] = { f.control, f.log, f.status, f.seen };
	for (int i = 0; i < 4; i++)
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 64);
	for (int i = 0; i < 4; i++)
		if (from[i] < 0 || dup2(from[i], FD_CONTROL + i) < 0)
			return false;
	if (close_range(FD_SEEN + 1, ~0u, 0) != 0)
		return false;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return false;
#ifdef LM_SANITIZED
	int last = 1; /* the sanitizer's report goes to stderr */
#else
	int last = 2;
#endif
	for (int i = 0; i <= last; i++)
		if (dup2(null, i) < 0)
			return false;
	close(null);
	return true;
}

static void default_signals(void)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL,  SIGTRAP, SIGSYS,  SIGXCPU,
				       SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD };
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
		signal(crashes[i], SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a memfd over its limit is an error code, not a death */
}

/* ---- children ---- */

struct child {
	pid_t pid;
	uint32_t serial;
};

struct zygote {
	struct lm_stock *stock;
	struct child *child;
	unsigned n, cap;
};

_Noreturn static void become_worker(struct zygote *z, int sock, uint32_t slot, pid_t zygote)
{
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != zygote)
		_exit(1);
	prctl(PR_SET_NAME, "limier-worker");
	void *page =
		mmap(NULL, LM_STATUS_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, FD_STATUS, (off_t)slot * LM_STATUS_PAGE);
	if (page == MAP_FAILED || dup2(sock, FD_CONTROL) < 0)
		_exit(1);
	close_range(FD_STATUS, ~0u, 0);
	log_socket = FD_LOG;
	lm_log_set(log_from_worker, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!lm_sandbox_enter(&z->stock->sandbox))
		_exit(2);
	lm_worker_main(z->stock, FD_CONTROL, page);
}

static void start_worker(struct zygote *z, const struct lm_zmsg *m, int sock)
{
	struct lm_zmsg answer = { .type = LM_Z_NOFORK, .serial = m->serial, .status = EBADF };
	pid_t self = getpid();
	if (z->n == z->cap) {
		z->cap = z->cap ? z->cap * 2 : 32;
		z->child = lm_xrealloc(z->child, z->cap * sizeof *z->child);
	}
	pid_t pid = sock >= 0 ? fork() : -1;
	if (pid == 0)
		become_worker(z, sock, m->slot, self);
	if (pid > 0) {
		z->child[z->n++] = (struct child){ pid, m->serial };
		return;
	}
	answer.status = sock >= 0 ? errno : EBADF;
	(void)lm_zmsg_send(FD_CONTROL, &answer, -1);
}

static void reap(struct zygote *z)
{
	struct signalfd_siginfo si;
	int status;
	pid_t pid;
	while (read(FD_SIGNAL, &si, sizeof si) == (ssize_t)sizeof si)
		; /* one signal may stand for several children */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < z->n; i++) {
			if (z->child[i].pid != pid)
				continue;
			struct lm_zmsg m = { .type = LM_Z_EXIT, .serial = z->child[i].serial, .status = status };
			z->child[i] = z->child[--z->n];
			(void)lm_zmsg_send(FD_CONTROL, &m, -1);
			break;
		}
	}
}

static void serve(struct zygote *z)
{
	struct pollfd p[2] = { { .fd = FD_CONTROL, .events = POLLIN }, { .fd = FD_SIGNAL, .events = POLLIN } };
	for (;;) {
		struct lm_zmsg m;
		int fd;
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			reap(z);
		if (!p[0].revents)
			continue;
		enum lm_rc rc = lm_zmsg_recv(FD_CONTROL, &m, &fd, false);
		if (rc == LM_END)
			return;
		if (rc != LM_OK)
			continue;
		if (m.type == LM_Z_FORK) {
			start_worker(z, &m, fd);
		} else if (m.type == LM_Z_KILL) {
			/* the pid is ours until it is reaped, and only we reap: it cannot be somebody else's */
			for (unsigned i = 0; i < z->n; i++)
				if (z->child[i].serial == m.serial)
					kill(z->child[i].pid, SIGKILL);
		} else if (m.type == LM_Z_SEEN && fd >= 0) {
			lm_seen_fini(&z->stock->seen);
			if (lm_seen_map(&z->stock->seen, fd) != LM_OK)
				lm_log(LM_LOG_DEBUG, "table of seen contents cannot be mapped: everything is read");
		}
		if (fd >= 0)
			close(fd);
	}
}

_Noreturn void lm_zygote_main(const struct lm_work_conf *c, struct lm_zygote_fds fds, int parent_pid)
{
	static struct lm_stock stock;
	struct zygote z = { .stock = &stock };
	struct lm_zmsg m = { .type = LM_Z_FAILED, .status = LM_EIO, .text = "cannot set up the worker supervisor" };
	struct lm_err err = { 0 };
	sigset_t child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent_pid)
		_exit(1);
	prctl(PR_SET_NAME, "limier-zygote");
	setsid(); /* an interrupt at the terminal is the parent's to handle */
	default_signals();
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child, NULL);
	if (!settle_fds(fds)) {
		(void)lm_zmsg_send(fds.control, &m, -1);
		_exit(1);
	}
	log_socket = FD_CONTROL;
	lm_log_set(log_to_parent, NULL);
	int sfd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sfd < 0 || (sfd != FD_SIGNAL && (dup2(sfd, FD_SIGNAL) < 0 || close(sfd) != 0)) ||
	    lm_seen_map(&stock.seen, FD_SEEN) != LM_OK)
		goto failed;
	close(FD_SEEN);
	enum lm_rc rc = lm_stock_load(&stock, c, &m.loaded, &err);
	if (rc < 0) {
		m.status = rc;
		memcpy(m.text, err.msg, sizeof err.msg);
		goto failed;
	}
	lm_sandbox_build(&stock.sandbox, c);
	lm_sandbox_close_files(&stock.sandbox);
	m.type = LM_Z_LOADED;
	m.loaded.landlock = stock.sandbox.landlock;
	m.loaded.seccomp = stock.sandbox.seccomp;
	if (lm_zmsg_send(FD_CONTROL, &m, -1) == LM_OK)
		serve(&z);
	for (unsigned i = 0; i < z.n; i++)
		kill(z.child[i].pid, SIGKILL);
	_exit(0);
failed:
	(void)lm_zmsg_send(FD_CONTROL, &m, -1);
	_exit(1);
}
