/* SPDX-License-Identifier: Apache-2.0 */
/* t_walk.c - what the walk visits, in which order, and what it says about the rest; reading order. */
#include "unit/test.h"

#include "base/buf.h"
#include "source/source.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64];
static char start[PATH_MAX];

struct seen {
	struct lm_buf files, issues; /* one line each */
	unsigned stop_after;	     /* files; 0 = never */
	unsigned n;
	bool below; /* list the part below instead of the path */
};

static enum lm_rc on_file(void *user, const struct lm_walk_entry *e)
{
	struct seen *s = user;
	lm_buf_str(&s->files, s->below ? e->below : e->path);
	lm_buf_putc(&s->files, '\n');
	return ++s->n == s->stop_after ? LM_ELIMIT : LM_OK;
}

static enum lm_rc on_issue(void *user, const struct lm_walk_issue *i)
{
	struct seen *s = user;
	lm_buf_str(&s->issues, i->path);
	lm_buf_fmt(&s->issues, " %s %s\n", i->kind == LM_K_evidence_damaged ? "damaged" : "skipped", i->what);
	return LM_OK;
}

static enum lm_rc walk(struct seen *s, const char *path)
{
	struct lm_walk_sink sink = { s, on_file, on_issue };
	struct lm_err err = { 0 };
	lm_buf_init(&s->files, 1u << 24);
	lm_buf_init(&s->issues, 1u << 24);
	enum lm_rc rc = lm_walk(path, &sink, &err);
	lm_buf_puts(&s->files, "");
	lm_buf_puts(&s->issues, "");
	return rc;
}

static void seen_free(struct seen *s)
{
	lm_buf_fini(&s->files);
	lm_buf_fini(&s->issues);
}

static const char *text(struct lm_buf *b)
{
	return b->p ? b->p : "";
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	assert_true(fd >= 0);
	close(fd);
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/limier-walk-XXXXXX");
	if (!getcwd(start, sizeof start) || !mkdtemp(root) || chmod(root, 0755) || chdir(root))
		return -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", root);
	return chdir(start) || system(command);
}

static void order(void **state)
{
	(void)state;
	/* bytes, not a locale's idea: upper case before lower, "a" before "a.txt" before "b", high bytes last */
	static const char *const names[] = { "b", "a.txt", "B", "\xff\xfe", "\xc3\xa4", "a-", "z" };
	struct seen s = { 0 };
	mkdir("t", 0755);
	mkdir("t/a", 0755);
	touch("t/a/2");
	touch("t/a/10");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[64];
		snprintf(path, sizeof path, "t/%s", names[i]);
		touch(path);
	}
	assert_int_equal(walk(&s, "t"), LM_OK);
	assert_string_equal(text(&s.files), "t/B\nt/a/10\nt/a/2\nt/a-\nt/a.txt\nt/b\nt/z\nt/\xc3\xa4\nt/\xff\xfe\n");
	assert_string_equal(text(&s.issues), "");
	seen_free(&s);
}

static void arguments(void **state)
{
	(void)state;
	struct seen s = { 0 };
	mkdir("t", 0755);
	touch("t/x");
	static const char *const rows[][2] = {
		{ "t", "t/x\n" },     { "t/", "t/x\n" },	  { "t///", "t/x\n" },
		{ "./t", "./t/x\n" }, { "t/x", "t/x\n" },	  { ".", "./t/x\n" },
		{ "./", "./t/x\n" },  { "t/../t", "t/../t/x\n" }, { "t/.", "t/./x\n" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		s = (struct seen){ 0 };
		assert_int_equal(walk(&s, rows[i][0]), LM_OK);
		assert_string_equal(text(&s.files), rows[i][1]);
		seen_free(&s);
	}
	s = (struct seen){ .below = true };
	assert_int_equal(walk(&s, "t/"), LM_OK);
	assert_string_equal(text(&s.files), "x\n");
	seen_free(&s);
	s = (struct seen){ .below = true };
	assert_int_equal(walk(&s, "t/x"), LM_OK);
	assert_string_equal(text(&s.files), "x\n");
	seen_free(&s);

	static const char *const bad[] = { "nothing", "t/x/", "t/x/y" };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(walk(&s, bad[i]), LM_EIO);
		assert_string_equal(text(&s.files), "");
		seen_free(&s);
	}
	assert_int_equal(walk(&s, ""), LM_EUSAGE);
	seen_free(&s);
}

static void links_and_special_files(void **state)
{
	(void)state;
	struct seen s = { 0 };
	mkdir("t", 0755);
	mkdir("t/d", 0755);
	mkdir("out", 0755);
	touch("t/d/x");
	touch("out/secret");
	assert_int_equal(symlink("../out", "t/outside"), 0);
	assert_int_equal(symlink("../out/secret", "t/outside2"), 0);
	assert_int_equal(symlink("d", "t/inside"), 0);
	assert_int_equal(symlink("..", "t/d/up"), 0);
	assert_int_equal(symlink("nowhere", "t/dangling"), 0);
	assert_int_equal(symlink("loop", "t/loop"), 0);
	assert_int_equal(symlink("t", "argument"), 0);
	assert_int_equal(mkfifo("t/fifo", 0644), 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "t/socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);

	assert_int_equal(walk(&s, "t"), LM_OK);
	assert_string_equal(text(&s.files), "t/d/x\n");
	assert_string_equal(text(&s.issues), "t/dangling skipped symbolic link to nothing\n"
					     "t/fifo skipped special file: fifo\n"
					     "t/loop skipped symbolic link in a loop\n"
					     "t/outside skipped symbolic link that leads outside the evidence\n"
					     "t/outside2 skipped symbolic link that leads outside the evidence\n"
					     "t/socket skipped special file: socket\n");
	seen_free(&s);
	/* the argument itself may be a link; what it is called stays */
	s = (struct seen){ 0 };
	assert_int_equal(walk(&s, "argument"), LM_OK);
	assert_string_equal(text(&s.files), "argument/d/x\n");
	seen_free(&s);
	/* a sibling whose name begins like the argument's is outside */
	mkdir("t2", 0755);
	unlink("t/outside");
	assert_int_equal(symlink("../t2", "t/outside"), 0);
	s = (struct seen){ 0 };
	assert_int_equal(walk(&s, "t"), LM_OK);
	assert_non_null(strstr(text(&s.issues), "t/outside skipped symbolic link that leads outside"));
	seen_free(&s);
	s = (struct seen){ 0 };
	assert_int_equal(walk(&s, "t/fifo"), LM_EIO); /* and does not block */
	seen_free(&s);
	close(fd);
}

static enum lm_rc keep(void *user, const struct lm_walk_entry *e)
{
	struct lm_walk_entry *to = user;
	*to = *e;
	to->path = to->below = (struct lm_str){ 0 };
	return LM_OK;
}

static void facts_of_a_file(void **state)
{
	(void)state;
	struct timespec times[2] = { { 0 }, { 1679480000, 123456789 } };
	mkdir("t", 0755);
	int fd = open("t/app.dll", O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, "12345", 5), 5);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	struct lm_walk_entry got = { 0 };
	struct stat st;
	stat("t/app.dll", &st);
	struct lm_walk_sink sink = { &got, keep, NULL };
	assert_int_equal(lm_walk("t", &sink, NULL), LM_OK);
	assert_int_equal(got.size, 5);
	assert_true(got.modified_ns == INT64_C(1679480000123456789));
	assert_true(got.dev == st.st_dev && got.ino == st.st_ino);
	assert_int_equal(got.triage, 2);
}

static void a_sink_stops(void **state)
{
	(void)state;
	struct seen s = { .stop_after = 2 };
	mkdir("t", 0755);
	touch("t/1");
	touch("t/2");
	touch("t/3");
	assert_int_equal(walk(&s, "t"), LM_ELIMIT);
	assert_string_equal(text(&s.files), "t/1\nt/2\n");
	seen_free(&s);
}

/* Folders nested until the path is longer than the system opens: the rest is told, the neighbours are read. */
static void very_deep(void **state)
{
	(void)state;
	char name[201];
	struct seen s = { 0 };
	memset(name, 'n', 200);
	name[200] = 0;
	mkdir("t", 0755);
	touch("t/z");
	assert_int_equal(chdir("t"), 0);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(mkdir(name, 0755), 0);
		assert_int_equal(chdir(name), 0);
		touch("f");
	}
	assert_int_equal(chdir(root), 0);
	assert_int_equal(walk(&s, "t"), LM_OK);
	size_t files = 0;
	for (const char *p = text(&s.files); *p; p++)
		files += *p == '\n';
	assert_int_equal(files, 20 + 1); /* 20 * 201 + 4 bytes fit into 4095, 21 do not */
	assert_non_null(strstr(text(&s.issues), "damaged cannot be opened: the path is longer"));
	assert_non_null(strstr(text(&s.files), "\nt/z\n"));
	seen_free(&s);
	/* and a name of the greatest length */
	char longest[NAME_MAX + 1];
	memset(longest, 'x', NAME_MAX);
	longest[NAME_MAX] = 0;
	touch(longest);
	s = (struct seen){ 0 };
	assert_int_equal(walk(&s, longest), LM_OK);
	assert_int_equal(strlen(text(&s.files)), NAME_MAX + 1);
	seen_free(&s);
}

static void unreadable(void **state)
{
	(void)state;
	mkdir("t", 0755);
	mkdir("t/locked", 0755);
	touch("t/locked/x");
	touch("t/a");
	touch("t/secret");
	touch("t/z");
	assert_int_equal(chmod("t/locked", 0), 0);
	assert_int_equal(chmod("t/secret", 0), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct seen s = { 0 };
		/* root reads everything: be nobody */
		if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(77);
		bool ok = walk(&s, "t") == LM_OK && !strcmp(text(&s.files), "t/a\nt/z\n") &&
			  !strcmp(text(&s.issues), "t/locked damaged cannot be read: permission denied\n"
						   "t/secret damaged cannot be read: permission denied\n");
		seen_free(&s);
		ok = ok && walk(&s, "t/locked") == LM_EIO;
		seen_free(&s);
		ok = ok && walk(&s, "t/secret") == LM_EIO;
		seen_free(&s);
		_exit(ok ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	chmod("t/locked", 0755);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("skipped: cannot become nobody\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A bind mount of a folder below itself is a true loop. */
static void same_folder_twice(void **state)
{
	(void)state;
	mkdir("t", 0755);
	mkdir("t/a", 0755);
	mkdir("t/b", 0755);
	touch("t/a/x");
	pid_t pid = fork();
	if (pid == 0) {
		struct seen s = { 0 };
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("t", "t/b", NULL, MS_BIND, NULL))
			_exit(77);
		bool ok = walk(&s, "t") == LM_OK && !strcmp(text(&s.files), "t/a/x\n") &&
			  !strcmp(text(&s.issues),
				  "t/b skipped folder already read under another name (loop or bind mount)\n");
		seen_free(&s);
		_exit(ok ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("skipped: this user cannot bind-mount\n");
		skip();
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void many_names(void **state)
{
	(void)state;
	struct seen s = { 0 };
	char before[16] = "", name[32];
	mkdir("t", 0755);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "t/%05d", i * 7919 % 3000);
		touch(name);
	}
	assert_int_equal(walk(&s, "t"), LM_OK);
	assert_int_equal(s.n, 3000);
	for (const char *p = text(&s.files); *p; p += 8) {
		assert_true(strncmp(before, p, 7) < 0);
		memcpy(before, p, 7);
	}
	seen_free(&s);
}

static void reading_order(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		uint64_t size;
		int want;
	} rows[] = {
		{ "lists/hosts.csv", 100, 0 },
		{ "asset-Inventory.JSON", 100, 0 },
		{ "intel/indicators.txt", 100, 0 },
		{ "x.stix", 100, 0 },
		{ "misp-export.json", 100, 0 },
		{ "hosts.csv", UINT64_C(64) << 20, 3 },
		{ "x.stix", UINT64_C(1) << 40, 4 },
		{ "Collection-PC7-2023-03-29T10_11_12Z.zip", 1, 1 },
		{ "uac-lx1-linux-20230330142233.tar.gz", 1, 1 },
		{ "PC7/C/Windows/x.DLL", 1, 2 },
		{ "setup.msi", 1, 2 },
		{ "Example.dmg", 1, 2 },
		{ "zeek/conn.10:00:00-11:00:00.log.gz", 1, 3 },
		{ "Security.evtx", 1, 3 },
		{ "eve.json", 1, 3 },
		{ "var/log/auth.log.2", 1, 3 },
		{ "messages-20230322.xz", 1, 3 },
		{ "photo.jpg", 1, 4 },
		{ "", 0, 4 },
		{ "noextension", 0, 4 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int got = lm_triage(lm_cstr(rows[i].path), rows[i].size);
		if (got != rows[i].want)
			fail_msg("'%s': %d, not %d", rows[i].path, got, rows[i].want);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(order),     T(arguments),  T(links_and_special_files), T(facts_of_a_file), T(a_sink_stops),
		T(very_deep), T(unreadable), T(same_folder_twice),	 T(many_names),	     T(reading_order),
	};
	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
