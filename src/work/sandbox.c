/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.c - what a process that looks at evidence may still do: compute, and write to one socket.
 *
 * In:  settings, in the zygote. Out: a worker without files, network, processes and privileges.
 * Layers, each enough against the usual mistake and none relied on alone:
 *   descriptors  only the socket, /dev/null and the evidence (zygote.c, worker.c)
 *   rlimits      private memory, processor time, file size (memfd), descriptors, no core, no processes
 *   Landlock     no file-system access, no TCP, no signals or abstract sockets outside; set in the zygote,
 *                inherited, so that it costs nothing per fork
 *   seccomp      a short list of system calls; anything else kills the process. Calls by which libraries
 *                look for files fail with EPERM: a lazy lookup must not cost the unit.
 * Limits: fstat(3) fails in a worker: the C library makes newfstatat of it, whose path argument a filter
 * cannot see. Sizes come from lseek. What is kept out here cannot be asked for by a path in any way.
 */
#include "base/log.h"
#include "work/work_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Landlock: raw calls, because the C library of today has none ---- */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

/* linux/landlock.h as of ABI 6; older kernels take a shorter structure. */
struct ruleset_attr {
	uint64_t fs, net, scoped;
};

static bool landlock_all(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u /* LANDLOCK_CREATE_RULESET_VERSION */);
	if (abi < 1)
		return false;
	/* every right that the ABI knows is handled, none is granted */
	unsigned rights = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
	struct ruleset_attr a = { (1u << rights) - 1, abi >= 4 ? 3 : 0, abi >= 6 ? 3 : 0 };
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	long fd = syscall(SYS_landlock_create_ruleset, &a, size, 0);
	if (fd < 0)
		return false;
	bool ok = syscall(SYS_landlock_restrict_self, fd, 0) == 0;
	close((int)fd);
	return ok;
}

/* ---- seccomp ---- */

/* Stands in the compiled filter for the worker's own pid, which is not known before the fork. */
#define PID_MARK 0x7a11c0deu

static const int always[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(fstat),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(futex),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(getrandom),
	SCMP_SYS(memfd_create),
	SCMP_SYS(ftruncate),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getrusage),
};

/* Questions that libraries ask and can live without. */
static const int refused[] = {
	SCMP_SYS(open),	      SCMP_SYS(openat),	    SCMP_SYS(openat2),
	SCMP_SYS(creat),      SCMP_SYS(stat),	    SCMP_SYS(lstat),
	SCMP_SYS(statx),      SCMP_SYS(statfs),	    SCMP_SYS(fstatfs),
	SCMP_SYS(access),     SCMP_SYS(faccessat),  SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),   SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
	SCMP_SYS(getdents64), SCMP_SYS(ioctl),	    SCMP_SYS(uname),
	SCMP_SYS(sysinfo),    SCMP_SYS(prlimit64),  SCMP_SYS(getrlimit),
	SCMP_SYS(getuid),     SCMP_SYS(geteuid),    SCMP_SYS(getgid),
	SCMP_SYS(getegid),    SCMP_SYS(getppid),    SCMP_SYS(sched_getaffinity),
	SCMP_SYS(dup),	      SCMP_SYS(prctl),	    SCMP_SYS(umask),
	SCMP_SYS(fadvise64),  SCMP_SYS(newfstatat),
};

static int add_rules(scmp_filter_ctx ctx)
{
	int rc = 0;
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, always[i], 0);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	/* private memory only: what is shared escapes RLIMIT_DATA */
	rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
			       SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_SHARED, 0));
	/* send() without an address: to whom this descriptor is connected, nobody else */
	rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1, SCMP_A4(SCMP_CMP_EQ, 0));
	rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	static const int fcntls[] = { F_GETFD, F_SETFD, F_GETFL, F_ADD_SEALS, F_GET_SEALS };
	for (size_t i = 0; i < sizeof fcntls / sizeof *fcntls; i++)
		rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				       SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)fcntls[i]));
	/* abort() raises its signal in itself and nowhere else */
	rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
			       SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, PID_MARK));
#ifdef LM_SANITIZED
	/* the sanitizer's own house-keeping and its report */
	static const int asan[] = { SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(get_robust_list),
				    SCMP_SYS(pipe), SCMP_SYS(pipe2) }; /* how it asks whether memory is readable */
	for (size_t i = 0; i < sizeof asan / sizeof *asan; i++)
		rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, asan[i], 0);
#endif
	return rc;
}

static bool compile_filter(struct lm_sandbox *s)
{
	bool ok = false;
	int fd = -1;
	/* without a filter argument the kernel says EFAULT when it has the mode, EINVAL when not */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == 0 || errno != EFAULT)
		return false;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return false;
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (add_rules(ctx) != 0)
		goto done;
	fd = memfd_create("limier-filter", MFD_CLOEXEC);
	off_t size = fd >= 0 && seccomp_export_bpf(ctx, fd) == 0 ? lseek(fd, 0, SEEK_END) : -1;
	if (size <= 0 || size % (off_t)sizeof(struct sock_filter) ||
	    size / (off_t)sizeof(struct sock_filter) > BPF_MAXINSNS)
		goto done;
	s->filter = lm_xalloc((size_t)size);
	s->n_filter = (unsigned short)((size_t)size / sizeof(struct sock_filter));
	ok = pread(fd, s->filter, (size_t)size, 0) == size;
done:
	if (fd >= 0)
		close(fd);
	seccomp_release(ctx);
	return ok;
}

/* ---- the zygote's part ---- */

/* Private writable memory of this process: workers start with as much, so it is added to their limit. */
static uint64_t private_memory(void)
{
	char text[4096];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : 0;
	if (fd >= 0)
		close(fd);
	/* size resident shared text lib data dt: `data` is the sixth, in pages; what RLIMIT_DATA counts is in it */
	unsigned field = 0;
	uint64_t v = 0;
	for (ssize_t i = 0; i < n && field < 6; i++) {
		if (text[i] == ' ')
			field++;
		else if (field == 5 && text[i] >= '0' && text[i] <= '9')
			v = v * 10 + (uint64_t)(text[i] - '0');
	}
	return v * (uint64_t)sysconf(_SC_PAGESIZE);
}

void lm_sandbox_build(struct lm_sandbox *s, const struct lm_work_conf *c)
{
	*s = (struct lm_sandbox){
		.worker_bytes = c->worker_bytes,
		.file_bytes = c->limits.member_bytes,
		.cpu_seconds = c->o.cpu_seconds,
	};
	s->seccomp = compile_filter(s);
	if (!s->seccomp)
		lm_log(LM_LOG_WARN, "this kernel has no seccomp filters: workers run without them");
	s->inherited = private_memory();
}

/* All capabilities go; a worker of root is then an ordinary process. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { 0 };
	(void)syscall(SYS_capset, &h, d);
}

void lm_sandbox_close_files(struct lm_sandbox *s)
{
	drop_capabilities();
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		s->landlock = landlock_all();
	if (!s->landlock)
		lm_log(LM_LOG_INFO, "this kernel has no Landlock: seccomp alone keeps workers from files");
}

/* ---- the worker's part ---- */

static bool limit(int what, uint64_t soft, uint64_t hard)
{
	struct rlimit r = { soft, hard };
	return setrlimit(what, &r) == 0;
}

bool lm_sandbox_enter(const struct lm_sandbox *s)
{
	bool ok = limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_NOFILE, 64 + LM_UNIT_FILES, 64 + LM_UNIT_FILES) &&
		  limit(RLIMIT_FSIZE, s->file_bytes, s->file_bytes) &&
		  limit(RLIMIT_CPU, s->cpu_seconds, s->cpu_seconds + 5);
	(void)limit(RLIMIT_NPROC, 0, 0);
	(void)limit(RLIMIT_MEMLOCK, 0, 0);
	(void)limit(RLIMIT_MSGQUEUE, 0, 0);
#ifndef LM_SANITIZED
	/* not the address space: evidence of any size is mapped read-only and costs nothing of ours */
	ok = ok && limit(RLIMIT_DATA, s->inherited + s->worker_bytes, s->inherited + s->worker_bytes);
#endif
	if (!ok || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return false;
	if (!s->seccomp)
		return true;
	uint32_t pid = (uint32_t)getpid();
	for (unsigned i = 0; i < s->n_filter; i++)
		if (s->filter[i].k == PID_MARK && BPF_CLASS(s->filter[i].code) == BPF_JMP)
			s->filter[i].k = pid; /* a private page after the fork */
	struct sock_fprog prog = { s->n_filter, s->filter };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

void lm_sandbox_fini(struct lm_sandbox *s)
{
	free(s->filter);
	*s = (struct lm_sandbox){ 0 };
}
