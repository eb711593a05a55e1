/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader_test.c - a reader that misbehaves on command, to prove what keeps workers in.
 *
 * In:  content that begins with "limier-test-reader COMMAND\n". Out: what the command says: a crash, a refused
 *      system call, a forged frame. Only with lm_work_opts.test_reader, which no verb sets.
 * Nothing it does reaches outside its process: it shows that it cannot.
 */
#include "work/work_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const char magic[] = "limier-test-reader ";

struct test {
	struct lm_str command;
	const struct lm_read_in *in;
	bool done;
	char text[200];
};

static int test_probe(const struct lm_read_in *in)
{
	struct lm_bytes head = lm_bytes_part(in->data, 0, sizeof magic - 1);
	return lm_str_eq(lm_bytes_str(head), LM_STR(magic)) ? 100 : 0;
}

static enum lm_rc test_open(const struct lm_read_in *in, void **state)
{
	struct test *t = lm_arena_alloc(in->arena, sizeof *t);
	if (!t)
		return LM_ELIMIT;
	struct lm_bytes line = lm_bytes_part(in->data, sizeof magic - 1, 64);
	size_t n = lm_bytes_find(line, (struct lm_bytes){ (const uint8_t *)"\n", 1 });
	t->command = lm_bytes_str(lm_bytes_part(line, 0, n));
	t->in = in;
	*state = t;
	return LM_OK;
}

static bool is(const struct test *t, const char *command)
{
	return lm_str_eq(t->command, lm_cstr(command));
}

/* ---- frames that the worker loop would never write ---- */

static void raw(const void *p, size_t n, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec v = { (void *)(uintptr_t)p, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	memset(&control, 0, sizeof control);
	if (fd >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof control.bytes;
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	(void)!sendmsg(lm_test_hook.sock, &m, MSG_NOSIGNAL);
}

static void flush_before(void)
{
	raw(lm_test_hook.out->p, lm_test_hook.out->n, -1);
	lm_buf_clear(lm_test_hook.out);
}

static void send_frame(const struct lm_frame *f, int fd)
{
	struct lm_buf b;
	lm_buf_init(&b, LM_FRAME_MAX);
	lm_frame_put(&b, f);
	raw(b.p, b.n, fd);
	lm_buf_fini(&b);
}

static void forge(const struct test *t)
{
	struct lm_frame f = { .type = LM_FRAME_OBS, .content = lm_test_hook.content };
	static const uint8_t other[32] = { 1, 2, 3 };
	lm_obs_init(&f.obs, LM_K_product_installed);
	flush_before();
	if (is(t, "forge-content")) {
		f.content += 1000;
		send_frame(&f, -1);
	} else if (is(t, "forge-kind")) {
		lm_obs_init(&f.obs, LM_K_host_record);
		send_frame(&f, -1);
	} else if (is(t, "forge-sha")) {
		lm_obs_init(&f.obs, LM_K_rule_match);
		f.obs.rule_match.sha256 = (struct lm_bytes){ other, 32 };
		send_frame(&f, -1);
	} else if (is(t, "forge-short-sha")) {
		lm_obs_init(&f.obs, LM_K_file_sighting);
		f.obs.file_sighting.sha256 = (struct lm_bytes){ other, 31 };
		send_frame(&f, -1);
	} else if (is(t, "forge-reader")) {
		memset(&f, 0, sizeof f);
		f.type = LM_FRAME_END;
		f.content = lm_test_hook.content;
		f.end.reader = LM_STR("nobody");
		f.end.size = t->in->data.n;
		memcpy(f.end.sha256, t->in->sha256, 32);
		send_frame(&f, -1);
	} else if (is(t, "forge-flood")) {
		for (unsigned i = 0; i < LM_OBS_FLOOR + 2 * LM_OBS_SLACK; i++)
			send_frame(&f, -1);
	} else if (is(t, "forge-child") || is(t, "forge-fd")) {
		/* without a descriptor; with a memfd of the right size that its sender can still change */
		int fd = is(t, "forge-fd") ? memfd_create("m", MFD_CLOEXEC) : -1;
		(void)!ftruncate(fd, 4);
		memset(&f, 0, sizeof f);
		f.type = LM_FRAME_CHILD;
		f.content = f.child.as.parent = lm_test_hook.content;
		f.child.as.file = lm_test_hook.file;
		f.child.as.member = LM_STR("m");
		f.child.size = 4;
		send_frame(&f, fd);
	} else if (is(t, "garbage")) {
		uint8_t junk[4096];
		for (size_t i = 0; i < sizeof junk; i++)
			junk[i] = (uint8_t)(i * 167 + 13);
		raw(junk, sizeof junk, -1);
	} else if (is(t, "half-frame")) {
		raw("\x00\x10\x00\x00\x01", 5, -1);
		poll(NULL, 0, -1);
	}
}

/* ---- what a worker must not be able to do ---- */

__attribute__((no_sanitize("address", "undefined"))) static void crash(void)
{
	static volatile uintptr_t nowhere = 8; /* not a constant, or the compiler objects */
	*(volatile int *)nowhere = 1;
}

static void allocate(struct test *t)
{
	size_t mib = 0, most = 64 << 10;
#ifdef LM_SANITIZED
	most = 64; /* the sanitizer reserves what it likes: no limit is set */
#endif
	while (mib < most) {
		char *p = malloc(1 << 20);
		if (!p)
			break;
		memset(p, 1, 1 << 20); /* never freed: that is the point */
		__asm__ volatile("" : : "r"(p) : "memory");
		mib++;
	}
	snprintf(t->text, sizeof t->text, "%s after %zu MiB", mib < most ? "refused" : "ALLOCATED", mib);
}

static void try_system(struct test *t)
{
	if (is(t, "open")) {
		int fd = open("/etc/passwd", O_RDONLY);
		snprintf(t->text, sizeof t->text, fd < 0 ? "refused: %s" : "OPENED", strerror(errno));
	} else if (is(t, "socket")) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		snprintf(t->text, sizeof t->text, fd < 0 ? "refused: %s" : "OPENED", strerror(errno));
	} else if (is(t, "exec")) {
		execl("/bin/true", "true", (char *)NULL);
		snprintf(t->text, sizeof t->text, "refused: %s", strerror(errno));
	} else if (is(t, "fork")) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		snprintf(t->text, sizeof t->text, pid < 0 ? "refused: %s" : "FORKED", strerror(errno));
	} else if (is(t, "kill")) {
		int rc = kill(1, 0);
		snprintf(t->text, sizeof t->text, rc ? "refused: %s" : "SIGNALLED", strerror(errno));
	}
}

static enum lm_rc test_next(void *state, struct lm_obs *out)
{
	struct test *t = state;
	if (t->done)
		return LM_END;
	if (!is(t, "flood"))
		t->done = true;
	snprintf(t->text, sizeof t->text, "done");
	if (is(t, "crash"))
		crash();
	else if (is(t, "abort"))
		abort();
	else if (is(t, "exit"))
		_exit(0);
	else if (is(t, "sleep"))
		poll(NULL, 0, -1);
	else if (is(t, "allocate"))
		allocate(t);
	else if (is(t, "loop"))
		for (volatile unsigned i = 0;; i++)
			;
	else if (is(t, "arena"))
		while (lm_arena_alloc(t->in->arena, 1 << 20))
			;
	else
		try_system(t);
	forge(t);
	if (is(t, "arena"))
		return LM_ELIMIT;
	lm_obs_init(out, LM_K_product_installed);
	out->product_installed.product = lm_cstr(t->text);
	out->product_installed.source = t->command;
	return LM_OK;
}

static void test_close(void *state)
{
	(void)state;
}

static const enum lm_kind test_emits[] = { LM_K_product_installed, LM_KIND_NONE };

const struct lm_reader lm_reader_test = {
	.name = "test",
	.summary = "misbehaves on command (tests)",
	.emits = test_emits,
	.probe = test_probe,
	.open = test_open,
	.next = test_next,
	.close = test_close,
};
