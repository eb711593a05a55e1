/* SPDX-License-Identifier: Apache-2.0 */
/* t_member_hostile.c - bombs, overlaps, budgets, and members under a sandbox that opens nothing. */
#include "source/source.h"
#include "unit/member_help.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <locale.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <zlib.h>

/* `n` zero bytes as gzip, made in pieces. */
static struct made zeros_gzip(uint64_t n)
{
	static uint8_t zero[1 << 20], out[1 << 16];
	struct made m = { 0 };
	z_stream z = { 0 };
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	for (int r = Z_OK; r != Z_STREAM_END;) {
		uInt k = n < sizeof zero ? (uInt)n : (uInt)sizeof zero;
		z.next_in = zero;
		z.avail_in = k;
		n -= k;
		do {
			z.next_out = out;
			z.avail_out = sizeof out;
			r = deflate(&z, n ? Z_NO_FLUSH : Z_FINISH);
			made_write(NULL, &m, out, sizeof out - z.avail_out);
		} while (z.avail_out == 0);
	}
	deflateEnd(&z);
	return m;
}

static enum lm_rc read_counted(struct keep *k, struct lm_bytes b, const struct lm_member_limits *l,
			       struct lm_member_spent *spent)
{
	struct lm_member_sink sink = { k, keep_member, keep_issue };
	return lm_members(b, NULL, l, spent, &sink);
}

/* A gibibyte of zeros: given up soon after 64 MiB, whatever it is wrapped in. */
static void bombs(void **state)
{
	(void)state;
	struct made bomb = zeros_gzip(UINT64_C(1) << 30);
	struct lm_member_spent spent = { 0 };
	struct keep *k = keep_new();
	assert_true(bomb.n < 2u << 20);
	assert_int_equal(read_counted(k, made_view(&bomb), &lm_member_defaults, &spent), LM_OK);
	assert_int_equal(k->n_m, 0);
	(void)told(k, LM_K_evidence_skipped, "decompression bomb");
	assert_in_range(spent.bytes, 64u << 20, 512u << 20);
	keep_free(k);

	/* inside a zip beside a harmless member: that one is still read */
	struct make list[] = { { "before", "b", 1, 0, NULL },
			       { "bomb", NULL, 0, 0, NULL },
			       { "after", "a", 1, 0, NULL } };
	size_t n = 256u << 20;
	uint8_t *zero = calloc(1, n);
	list[1].data = zero;
	list[1].n = n;
	static const char *const forms[][2] = { { "zip", NULL }, { "ustar", "gzip" }, { "7zip", NULL } };
	for (size_t i = 0; i < 3; i++) {
		struct made m = make_archive(forms[i][0], forms[i][1], NULL, NULL, list, 3);
		memset(&spent, 0, sizeof spent);
		k = keep_new();
		assert_int_equal(read_counted(k, made_view(&m), &lm_member_defaults, &spent), LM_OK);
		assert_non_null(member_named(k, "before"));
		assert_null(member_named(k, "bomb"));
		(void)told(k, LM_K_evidence_skipped, "decompression bomb");
		assert_in_range(spent.bytes, 60u << 20, 200u << 20);
		keep_free(k);
		free(m.p);
	}
	free(zero);

	/* wrapped once more it is one harmless member: nesting is the caller's */
	struct make inner = { "x", bomb.p, bomb.n, 0, NULL };
	struct made outer = make_archive("raw", "gzip", NULL, NULL, &inner, 1);
	memset(&spent, 0, sizeof spent);
	k = keep_new();
	assert_int_equal(read_counted(k, made_view(&outer), &lm_member_defaults, &spent), LM_OK);
	assert_int_equal(k->n_m, 1);
	assert_int_equal(k->n_i, 0);
	struct keep *k2 = keep_new();
	assert_int_equal(read_counted(k2, (struct lm_bytes){ k->m[0].data, k->m[0].n }, &lm_member_defaults, &spent),
			 LM_OK);
	assert_int_equal(k2->n_m, 0);
	(void)told(k2, LM_K_evidence_skipped, "decompression bomb");
	keep_free(k2);
	keep_free(k);
	free(outer.p);
	free(bomb.p);
}

static void budgets(void **state)
{
	(void)state;
	static uint8_t data[10000];
	fill_text(data, sizeof data, 3);
	struct make list[20];
	char name[20][16];
	for (size_t i = 0; i < 20; i++) {
		snprintf(name[i], sizeof name[i], "m%02zu", i);
		list[i] = (struct make){ name[i], data, i == 3 ? 10000 : 1000, 0, NULL };
	}
	static const char *const forms[][2] = {
		{ "zip", NULL }, { "ustar", NULL }, { "ustar", "gzip" }, { "7zip", NULL }
	};
	for (size_t i = 0; i < 4; i++) {
		struct made m = make_archive(forms[i][0], forms[i][1], NULL, NULL, list, 20);
		struct lm_member_limits l = lm_member_defaults;
		struct lm_member_spent spent = { 0 };
		/* one member too large: the others come */
		l.member_bytes = 5000;
		struct keep *k = keep_new();
		assert_int_equal(read_counted(k, made_view(&m), &l, &spent), LM_OK);
		if (k->n_m != 19)
			print_kept(k);
		assert_int_equal(k->n_m, 19);
		assert_string_equal(told(k, LM_K_evidence_skipped, "larger than the limit of 5000")->member, "m03");
		assert_int_equal(told(k, LM_K_evidence_skipped, "larger")->size, 10000);
		assert_int_equal(spent.members, 20);
		keep_free(k);
		/* exactly at the limit is allowed */
		l.member_bytes = 10000;
		k = keep_new();
		assert_int_equal(read_counted(k, made_view(&m), &l, &spent), LM_OK);
		assert_int_equal(k->n_m, 20);
		keep_free(k);
		/* count: over a whole unit, not an archive */
		l.members = 30;
		spent = (struct lm_member_spent){ 0 };
		k = keep_new();
		assert_int_equal(read_counted(k, made_view(&m), &l, &spent), LM_OK);
		assert_int_equal(read_counted(k, made_view(&m), &l, &spent), LM_OK);
		assert_int_equal(k->n_m, 30);
		(void)told(k, LM_K_evidence_skipped, "more than 30 members");
		keep_free(k);
		/* total bytes */
		l = lm_member_defaults;
		l.total_bytes = 6500;
		spent = (struct lm_member_spent){ 0 };
		k = keep_new();
		assert_int_equal(read_counted(k, made_view(&m), &l, &spent), LM_OK);
		assert_int_equal(k->n_m, 3);
		assert_true(spent.bytes <= 6500);
		(void)told(k, LM_K_evidence_skipped, "more than 6500 bytes decompressed in one unit");
		keep_free(k);
		free(m.p);
	}
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v & 0xffff);
	put16(p + 2, v >> 16);
}

/* A directory whose entries all point at one member: more bytes are claimed than the archive has. */
static void overlaps(void **state)
{
	(void)state;
	static uint8_t data[1 << 20];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	struct make one = { "kernel", data, sizeof data, 0, NULL };
	for (int store = 0; store < 2; store++) {
		struct made m = make_archive("zip", NULL, store ? "zip:compression=store" : NULL, NULL, &one, 1);
		size_t cd = 0, eocd = 0;
		for (size_t i = 0; i + 4 < m.n; i++) {
			if (!memcmp(m.p + i, "PK\1\2", 4))
				cd = i;
			if (!memcmp(m.p + i, "PK\5\6", 4))
				eocd = i;
		}
		size_t rec = eocd - cd, times = 20000;
		uint8_t *p = malloc(cd + rec * times + 22);
		memcpy(p, m.p, cd);
		for (size_t i = 0; i < times; i++)
			memcpy(p + cd + rec * i, m.p + cd, rec);
		memcpy(p + cd + rec * times, m.p + eocd, 22);
		put16(p + cd + rec * times + 8, (unsigned)times);
		put16(p + cd + rec * times + 10, (unsigned)times);
		put32(p + cd + rec * times + 12, (uint32_t)(rec * times));
		struct keep *k = keep_new();
		struct lm_member_spent spent = { 0 };
		k->count_only = true;
		clock_t begin = clock();
		assert_int_equal(
			read_counted(k, (struct lm_bytes){ p, cd + rec * times + 22 }, &lm_member_defaults, &spent),
			LM_OK);
		/* the directory counts to its size as well, so a few hundred get through before the sum is noticed */
		assert_in_range(k->all_m, 1, 1000);
		(void)told(k, LM_K_evidence_skipped, "members overlap");
		assert_true((clock() - begin) / CLOCKS_PER_SEC < 20);
		keep_free(k);
		free(p);
		free(m.p);
	}
	/* two entries that share bytes within reason: both come, and it is told */
	struct make two[] = { { "a", "same bytes", 10, 0, NULL }, { "b", "same bytes", 10, 0, NULL } };
	struct made m = make_archive("zip", NULL, "zip:compression=store", NULL, two, 2);
	size_t cd = 0;
	while (memcmp(m.p + cd, "PK\1\2", 4))
		cd++;
	size_t second = cd + 4;
	while (memcmp(m.p + second, "PK\1\2", 4))
		second++;
	put32(m.p + second + 42, 0);
	struct keep *k = read_all(made_view(&m));
	assert_true(k->n_m >= 2);
	(void)told(k, LM_K_evidence_damaged, "share bytes");
	(void)told(k, LM_K_evidence_damaged, "names it differently");
	keep_free(k);
	free(m.p);
}

/* A sparse tar member of terabytes is refused before its hole is filled. */
static void sparse_hole(void **state)
{
	(void)state;
	char dir[] = "/tmp/limier-member-XXXXXX", command[512], path[128];
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof command,
		 "cd %s && echo small > small && truncate -s 900G hole && echo tail >> hole && "
		 "truncate -s 100000 fits && echo tail >> fits && tar cSf x.tar small hole fits 2>/dev/null",
		 dir);
	if (system(command)) {
		print_message("skipped: no sparse files, or no tar here\n");
		skip();
	}
	snprintf(path, sizeof path, "%s/x.tar", dir);
	struct made m = read_whole(path);
	struct keep *k = keep_new();
	struct lm_member_spent spent = { 0 };
	assert_int_equal(read_counted(k, made_view(&m), &lm_member_defaults, &spent), LM_OK);
	assert_non_null(member_named(k, "small"));
	assert_null(member_named(k, "hole"));
	const struct kept *fits = member_named(k, "fits");
	assert_non_null(fits);
	assert_int_equal(fits->n, 100005);
	assert_memory_equal(fits->data + 100000, "tail\n", 5);
	assert_string_equal(told(k, LM_K_evidence_skipped, "larger than the limit")->member, "hole");
	assert_true(spent.bytes < 1u << 20);
	keep_free(k);
	free(m.p);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

/* Thousands of damaged members: told one by one up to a point, then as a number. */
static void many_issues(void **state)
{
	(void)state;
	static struct make list[2000];
	struct made m;
	for (size_t i = 0; i < 2000; i++)
		list[i] = (struct make){ "x", "0123456789", 10, 0, NULL };
	m = make_archive("zip", NULL, "zip:compression=store", NULL, list, 2000);
	for (size_t i = 0; i + 10 < m.n; i++)
		if (!memcmp(m.p + i, "0123456789", 10))
			m.p[i] = 'X';
	struct keep *k = keep_new();
	struct lm_member_spent spent = { 0 };
	k->count_only = true;
	assert_int_equal(read_counted(k, made_view(&m), &lm_member_defaults, &spent), LM_OK);
	assert_int_equal(k->all_m, 2000);
	assert_int_equal(k->n_i, 257);
	(void)told(k, LM_K_evidence_damaged, "1744 more of this kind");
	keep_free(k);
	free(m.p);
}

/* ---- sandbox ---- */

#define KILL_ON(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

/* Everything that takes a path, makes a connection or a process is death. */
static bool close_the_file_system(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		KILL_ON(__NR_openat),
		KILL_ON(__NR_newfstatat),
		KILL_ON(__NR_statx),
		KILL_ON(__NR_faccessat),
		KILL_ON(__NR_readlinkat),
		KILL_ON(__NR_socket),
		KILL_ON(__NR_connect),
		KILL_ON(__NR_execve),
		KILL_ON(__NR_execveat),
		KILL_ON(__NR_clone),
		KILL_ON(__NR_clone3),
		KILL_ON(__NR_unlinkat),
#ifdef __NR_open
		KILL_ON(__NR_open),
		KILL_ON(__NR_stat),
		KILL_ON(__NR_lstat),
		KILL_ON(__NR_access),
		KILL_ON(__NR_readlink),
		KILL_ON(__NR_fork),
		KILL_ON(__NR_vfork),
		KILL_ON(__NR_unlink),
#endif
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof code / sizeof *code, code };
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

struct job {
	const char *what;
	struct made m;
	unsigned members;
};

static int sandboxed(const struct job *j)
{
	static const char *const passwords[] = { "no", "open sesame", NULL };
	lm_source_prepare();
	struct keep *k = keep_new();
	struct lm_member_limits l = lm_member_defaults;
	l.inline_bytes = 4096; /* memfds are made inside, too */
	if (!close_the_file_system())
		return 77;
	struct lm_member_spent spent = { 0 };
	struct lm_member_sink sink = { k, keep_member, keep_issue };
	enum lm_rc rc = lm_members(made_view(&j->m), passwords, &l, &spent, &sink);
	struct lm_hashes h;
	if (lm_hash_bytes(made_view(&j->m), LM_HASH_SHA256 | LM_HASH_SHA1 | LM_HASH_MD5, &h))
		return 3;
	return rc ? 1 : k->n_m == j->members ? 0 : 2;
}

static void in_a_sandbox(void **state)
{
	(void)state;
	static uint8_t data[100000];
	fill_text(data, sizeof data, 5);
	const struct make list[] = { { "gr\xc3\xbc\xc3\x9f.txt", data, 5000, 0, NULL },
				     { "b", data, sizeof data, 0, NULL } };
	struct job jobs[16];
	size_t n = 0;
	static const char *const forms[][3] = {
		{ "zip", NULL, NULL },
		{ "zip", NULL, "zip:encryption=aes256" },
		{ "zip", NULL, "zip:encryption=zipcrypt" },
		{ "ustar", NULL, NULL },
		{ "pax", "gzip", NULL },
		{ "pax", "zstd", NULL },
		{ "gnutar", "xz", NULL },
		{ "gnutar", "bzip2", NULL },
		{ "7zip", NULL, NULL },
	};
	assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		bool crypt = forms[i][2] != NULL;
		jobs[n].what = crypt ? forms[i][2] : forms[i][0];
		jobs[n].members = 2;
		jobs[n++].m =
			make_archive(forms[i][0], forms[i][1], forms[i][2], crypt ? "open sesame" : NULL, list, 2);
	}
	assert_non_null(setlocale(LC_ALL, "C"));
	unsetenv("TZ");
	/* formats of other tools, where they are at hand: cab has zoneless times, zip the rarer methods */
	char dir[] = "/tmp/limier-member-XXXXXX", command[512], path[128];
	assert_non_null(mkdtemp(dir));
	static const struct {
		const char *file, *command;
	} peers[] = { { "x.cab", "gcab -cz x.cab a" },
		      { "b.zip", "zip -q -Z bzip2 b.zip a" },
		      { "l.zip", "7z a -tzip -mm=LZMA l.zip a" },
		      { "p.zip", "7z a -tzip -mm=PPMd p.zip a" },
		      { "x.7z", "7z a -m0=BZip2 x.7z a" } };
	snprintf(command, sizeof command, "cd %s && seq 1 5000 > a", dir);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
		snprintf(command, sizeof command, "cd %s && (%s) >/dev/null 2>&1", dir, peers[i].command);
		if (system(command)) {
			print_message("left out: %s\n", peers[i].command);
			continue;
		}
		snprintf(path, sizeof path, "%s/%s", dir, peers[i].file);
		jobs[n].what = peers[i].file;
		jobs[n].members = 1;
		jobs[n++].m = read_whole(path);
	}
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < n; i++) {
		int status;
		pid_t pid = fork();
		if (pid == 0)
			_exit(sandboxed(&jobs[i]));
		waitpid(pid, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
			print_message("skipped: no seccomp here\n");
			skip();
		}
		if (WIFSIGNALED(status))
			fail_msg("%s: killed by signal %d", jobs[i].what, WTERMSIG(status));
		if (WEXITSTATUS(status))
			fail_msg("%s: ended with %d", jobs[i].what, WEXITSTATUS(status));
		free(jobs[i].m.p);
	}
	/* the filter does kill: the proof that the test could fail */
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		if (close_the_file_system())
			(void)open("/dev/null", O_RDONLY);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_sandbox), cmocka_unit_test(bombs),       cmocka_unit_test(budgets),
		cmocka_unit_test(overlaps),	cmocka_unit_test(sparse_hole), cmocka_unit_test(many_issues),
	};
	return cmocka_run_group_tests_name("member_hostile", tests, NULL, NULL);
}
