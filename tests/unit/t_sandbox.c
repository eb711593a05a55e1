/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_sandbox.c - each layer of the sandbox by itself, in a child that tries.
 *
 * A child enters the sandbox as a worker does, does one thing, and ends: with status 0 when the thing was
 * refused as it should be, 1 when it worked, or by SIGSYS.
 */
#include "work/work_int.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static struct lm_sandbox box;
static int evidence = -1; /* a file opened before the sandbox closed */

enum layers { LANDLOCK = 1, SECCOMP = 2 };

static int run(enum layers layers, int (*body)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		struct lm_sandbox s = box;
		/* the sanitizer's handlers would turn the signal into its own report */
		signal(SIGSYS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		signal(SIGXFSZ, SIG_IGN);
		if (layers & LANDLOCK)
			lm_sandbox_close_files(&s);
		s.seccomp = s.seccomp && layers & SECCOMP;
		if (!lm_sandbox_enter(&s))
			_exit(99);
		_exit(body());
	}
	int status = 0;
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int setup(void **state)
{
	(void)state;
	struct lm_work_conf c = { .worker_bytes = 64u << 20, .limits = { .member_bytes = 1u << 20 } };
	c.o.cpu_seconds = 5;
	lm_sandbox_build(&box, &c);
	evidence = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return evidence >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	lm_sandbox_fini(&box);
	close(evidence);
	return 0;
}

/* ---- what must still work ---- */

static int ordinary_work(void)
{
	/* map evidence, allocate, make a member, seal it, tell the time: all that a unit needs */
	off_t n = lseek(evidence, 0, SEEK_END);
	char *p = mmap(NULL, (size_t)n, PROT_READ, MAP_PRIVATE, evidence, 0);
	if (p == MAP_FAILED || memcmp(p, "\177ELF", 4) != 0 || munmap(p, (size_t)n) != 0)
		return 1;
	for (size_t k = 1; k < 8u << 20; k *= 3) {
		char *m = malloc(k);
		if (!m)
			return 2;
		memset(m, 1, k);
		free(m);
	}
	int fd = memfd_create("m", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (fd < 0 || write(fd, "abc", 3) != 3 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
		return 3;
	struct timespec t;
	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0 || close(fd) != 0)
		return 4;
	struct lm_hashes h;
	if (lm_hash_bytes((struct lm_bytes){ (const uint8_t *)"abc", 3 }, LM_HASH_SHA256 | LM_HASH_SHA1 | LM_HASH_MD5,
			  &h) != LM_OK)
		return 5;
	return 0;
}

static void test_ordinary_work(void **state)
{
	(void)state;
	assert_int_equal(run(LANDLOCK | SECCOMP, ordinary_work), 0);
}

/* ---- files ---- */

static int open_file(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && (errno == EPERM || errno == EACCES) ? 0 : 1;
}

static int make_file(void)
{
	return open("/tmp/t_sandbox.made", O_WRONLY | O_CREAT, 0600) < 0 ? 0 : 1;
}

static int list_folder(void)
{
	return open("/", O_RDONLY | O_DIRECTORY) < 0 ? 0 : 1;
}

static int stat_file(void)
{
	struct stat st;
	return stat("/etc/passwd", &st) != 0 && errno == EPERM ? 0 : 1;
}

static int fstat_by_path(void)
{
	/* AT_EMPTY_PATH with a path that is not empty */
	struct stat st;
	return syscall(SYS_newfstatat, evidence, "/etc/passwd", &st, AT_EMPTY_PATH) != 0 && errno == EPERM ? 0 : 1;
}

static int touch_evidence(void)
{
	return futimens(evidence, NULL) != 0 ? 0 : 1;
}

static int unlink_file(void)
{
	return unlink("/tmp/t_sandbox.none") != 0 && errno == EACCES ? 0 : 1;
}

static void test_files(void **state)
{
	(void)state;
	if (box.seccomp) {
		assert_int_equal(run(SECCOMP, open_file), 0);
		assert_int_equal(run(SECCOMP, make_file), 0);
		assert_int_equal(run(SECCOMP, stat_file), 0);
		assert_int_equal(run(SECCOMP, fstat_by_path), 0);
		assert_int_equal(run(SECCOMP, touch_evidence), -SIGSYS);
		assert_int_equal(run(SECCOMP, unlink_file), -SIGSYS);
	}
	struct lm_sandbox probe = box;
	pid_t pid = fork();
	if (pid == 0) {
		lm_sandbox_close_files(&probe);
		_exit(probe.landlock ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	if (status != 0) {
		print_message("no Landlock in this kernel: its layer is not tested\n");
		return;
	}
	assert_int_equal(run(LANDLOCK, open_file), 0);
	assert_int_equal(run(LANDLOCK, make_file), 0);
	assert_int_equal(run(LANDLOCK, list_folder), 0);
}

/* The tests must be able to fail: without a layer the same calls work. */
static void test_no_layer(void **state)
{
	(void)state;
	assert_int_equal(run(0, open_file), 1);
	assert_int_equal(run(0, list_folder), 1);
	assert_int_equal(run(0, stat_file), 1);
}

/* ---- network, processes, code ---- */

static int make_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? 0 : 1;
}

static int make_unix_pair(void)
{
	int fds[2];
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) ? 0 : 1;
}

static int do_fork(void)
{
	return fork() < 0 ? 0 : 1;
}

static int do_exec(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return 0;
}

static int signal_parent(void)
{
	return kill(1, 0) ? 0 : 1;
}

static int abort_other(void)
{
	return syscall(SYS_tgkill, 1, 1, SIGABRT) ? 0 : 1;
}

static int abort_self(void)
{
	abort();
}

static int trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? 0 : 1;
}

static int map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 0 : 1;
}

static int make_code(void)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) != 0 ? 0 : 1;
}

static int second_filter(void)
{
	return syscall(SYS_seccomp, 1, 0, NULL) ? 0 : 1;
}

static int raise_limit(void)
{
	struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };
	return setrlimit(RLIMIT_DATA, &r) ? 0 : 1;
}

static int own_files(void)
{
	return fcntl(evidence, F_SETOWN, 1) ? 0 : 1;
}

static void test_system_calls(void **state)
{
	(void)state;
	if (!box.seccomp) {
		print_message("no seccomp in this kernel: nothing to test\n");
		skip();
	}
	assert_int_equal(run(SECCOMP, make_socket), -SIGSYS);
	assert_int_equal(run(SECCOMP, make_unix_pair), -SIGSYS);
	assert_int_equal(run(SECCOMP, do_fork), -SIGSYS);
	assert_int_equal(run(SECCOMP, do_exec), -SIGSYS);
	assert_int_equal(run(SECCOMP, signal_parent), -SIGSYS);
	assert_int_equal(run(SECCOMP, abort_other), -SIGSYS);
	assert_int_equal(run(SECCOMP, abort_self), -SIGABRT);
	assert_int_equal(run(SECCOMP, trace), -SIGSYS);
	assert_int_equal(run(SECCOMP, map_code), -SIGSYS);
	assert_int_equal(run(SECCOMP, make_code), -SIGSYS);
	assert_int_equal(run(SECCOMP, second_filter), -SIGSYS);
	assert_int_equal(run(SECCOMP, own_files), -SIGSYS);
	assert_int_equal(run(SECCOMP, raise_limit), 0);
	/* and without the filter the harmless ones of them work */
	assert_int_equal(run(0, make_unix_pair), 1);
	assert_int_equal(run(0, make_code), 1);
}

/* ---- limits ---- */

#ifndef LM_SANITIZED /* the sanitizer reserves what it likes: no limit is set */
static int too_much_memory(void)
{
	for (int i = 0; i < 128; i++) {
		char *p = malloc(1 << 20);
		if (!p)
			return 0;
		memset(p, 1, 1 << 20);
		__asm__ volatile("" : : "r"(p) : "memory");
	}
	return 1;
}
#endif

static int large_evidence(void)
{
	/* mapping evidence of any size is not memory of ours */
	void *p = mmap(NULL, (size_t)8 << 30, PROT_READ, MAP_PRIVATE, evidence, 0);
	return p == MAP_FAILED ? 1 : 0;
}

static int large_member(void)
{
	static const char block[65536];
	int fd = memfd_create("m", MFD_CLOEXEC);
	ssize_t n = 0;
	for (int i = 0; i < 64 && n >= 0; i++)
		n = write(fd, block, sizeof block);
	return n < 0 && errno == EFBIG && lseek(fd, 0, SEEK_END) <= 1 << 20 ? 0 : 1;
}

static int many_descriptors(void)
{
	for (int i = 0; i < 1000; i++)
		if (memfd_create("m", MFD_CLOEXEC) < 0)
			return errno == EMFILE ? 0 : 1;
	return 2;
}

static void test_limits(void **state)
{
	(void)state;
#ifndef LM_SANITIZED
	assert_int_equal(run(SECCOMP, too_much_memory), 0);
#endif
	assert_int_equal(run(SECCOMP, large_evidence), 0);
	assert_int_equal(run(SECCOMP, large_member), 0);
	assert_int_equal(run(SECCOMP, many_descriptors), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary_work), cmocka_unit_test(test_files),  cmocka_unit_test(test_no_layer),
		cmocka_unit_test(test_system_calls),  cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
