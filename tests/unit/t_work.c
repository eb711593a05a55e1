/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_work.c - the workers, with a reader that does its worst (src/work/reader_test.c).
 *
 * Every guard is shown by what it costs: the file that misbehaves is lost with the right words, the other
 * files of its batch are read, the run ends.
 */
#include "base/log.h"
#include "base/text.h"
#include "work/work_int.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- files ---- */

static char dir[64];

static const char *at(const char *name)
{
	static char path[8][400];
	static unsigned n;
	char *p = path[n++ % 8];
	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static void write_file(const char *name, const void *data, size_t n)
{
	FILE *f = fopen(at(name), "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static size_t command_text(char *out, const char *command, size_t size)
{
	int n = snprintf(out, size, "limier-test-reader %s\n", command);
	memset(out + n, '.', size - (size_t)n);
	return size;
}

static void write_command(const char *name, const char *command, size_t size)
{
	char *p = malloc(size);
	write_file(name, p, command_text(p, command, size));
	free(p);
}

/* ---- a zip writer, stored members only ---- */

struct zip {
	struct lm_buf out, dir;
	unsigned n;
};

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t table[256], c = ~0u;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;
		for (int k = 0; k < 8; k++)
			v = v & 1 ? v >> 1 ^ 0xedb88320u : v >> 1;
		table[i] = v;
	}
	while (n--)
		c = table[(c ^ *p++) & 255] ^ c >> 8;
	return ~c;
}

static void zip_begin(struct zip *z)
{
	lm_buf_init(&z->out, 1 << 30);
	lm_buf_init(&z->dir, 1 << 24);
	z->n = 0;
}

static void zip_add(struct zip *z, const char *name, const void *data, size_t n)
{
	uint32_t crc = crc32_of(data, n), offset = (uint32_t)z->out.n;
	for (int central = 0; central < 2; central++) {
		struct lm_buf *b = central ? &z->dir : &z->out;
		lm_buf_u32le(b, central ? 0x02014b50 : 0x04034b50);
		if (central)
			lm_buf_u16le(b, 20);
		lm_buf_u16le(b, 20);
		lm_buf_u16le(b, 0);
		lm_buf_u16le(b, 0);
		lm_buf_u16le(b, 0x6000);
		lm_buf_u16le(b, 0x5676); /* 2023-03-22 12:00:00 */
		lm_buf_u32le(b, crc);
		lm_buf_u32le(b, (uint32_t)n);
		lm_buf_u32le(b, (uint32_t)n);
		lm_buf_u16le(b, (uint16_t)strlen(name));
		lm_buf_u16le(b, 0);
		if (central) {
			lm_buf_u16le(b, 0);
			lm_buf_u16le(b, 0);
			lm_buf_u16le(b, 0);
			lm_buf_u32le(b, 0);
			lm_buf_u32le(b, offset);
		}
		lm_buf_puts(b, name);
	}
	lm_buf_add(&z->out, data, n);
	z->n++;
}

static void zip_command(struct zip *z, const char *name, const char *command, size_t size)
{
	char *p = malloc(size);
	zip_add(z, name, p, command_text(p, command, size));
	free(p);
}

static void zip_end(struct zip *z)
{
	uint32_t start = (uint32_t)z->out.n;
	lm_buf_str(&z->out, lm_buf_view(&z->dir));
	lm_buf_u32le(&z->out, 0x06054b50);
	lm_buf_u32le(&z->out, 0);
	lm_buf_u16le(&z->out, (uint16_t)z->n);
	lm_buf_u16le(&z->out, (uint16_t)z->n);
	lm_buf_u32le(&z->out, (uint32_t)z->dir.n);
	lm_buf_u32le(&z->out, start);
	lm_buf_u16le(&z->out, 0);
	assert_false(z->out.bad);
	lm_buf_fini(&z->dir);
}

static void zip_write(struct zip *z, const char *name)
{
	zip_end(z);
	write_file(name, z->out.p, z->out.n);
	lm_buf_fini(&z->out);
}

/* ---- what the sink saw ---- */

struct seen_file {
	char path[256], content[512], what[256];
	bool lost;
	int signal;
	uint64_t offset;
	struct lm_frame_done done;
};

struct seen_content {
	char path[512];
	int64_t parent;
	bool ended, cached;
	uint8_t sha256[32];
	char reader[32];
	unsigned obs[LM_KIND_COUNT];
	char product[256], why[256], sighting[512], host[64];
	int64_t modified;
};

struct log {
	struct seen_file file[1200];
	struct seen_content content[2400];
	unsigned files, contents;
	uint64_t last_done, last_total;
	enum lm_rc (*hook)(struct log *l, const char *path);
	struct lm_work *work;
	unsigned order_errors;
};

static struct log *the_log;

static void text_of(struct lm_str s, char *out, size_t n)
{
	snprintf(out, n, "%.*s", LM_STR_ARG(s));
}

static enum lm_rc on_content(void *user, const struct lm_work_file *f, int64_t parent, struct lm_str path,
			     const struct lm_frame_content *c, int64_t *id)
{
	struct log *l = user;
	struct seen_content *s = &l->content[l->contents];
	assert_non_null(f);
	assert_non_null(c);
	assert_true(l->contents < sizeof l->content / sizeof *l->content);
	memset(s, 0, sizeof *s);
	text_of(path, s->path, sizeof s->path);
	s->parent = parent;
	s->modified = -1;
	*id = l->contents++;
	return l->hook ? l->hook(l, s->path) : LM_OK;
}

static enum lm_rc on_obs(void *user, int64_t id, const struct lm_obs *o)
{
	struct log *l = user;
	assert_in_range(id, 0, l->contents - 1);
	struct seen_content *s = &l->content[id];
	l->order_errors += s->ended;
	s->obs[o->kind]++;
	if (o->kind == LM_K_product_installed)
		text_of(o->product_installed.product, s->product, sizeof s->product);
	else if (o->kind == LM_K_evidence_damaged)
		text_of(o->evidence_damaged.what, s->why, sizeof s->why);
	else if (o->kind == LM_K_evidence_skipped)
		text_of(o->evidence_skipped.why, s->why, sizeof s->why);
	else if (o->kind == LM_K_file_sighting)
		text_of(o->file_sighting.path, s->sighting, sizeof s->sighting);
	if (o->kind == LM_K_file_sighting)
		text_of(o->host.name, s->host, sizeof s->host);
	if (o->kind == LM_K_file_sighting && o->file_sighting.modified.set)
		s->modified = o->file_sighting.modified.v;
	return LM_OK;
}

static enum lm_rc on_end(void *user, int64_t id, const struct lm_frame_end *e)
{
	struct log *l = user;
	assert_in_range(id, 0, l->contents - 1);
	struct seen_content *s = &l->content[id];
	l->order_errors += s->ended;
	s->ended = true;
	s->cached = e->cached;
	memcpy(s->sha256, e->sha256, 32);
	text_of(e->reader, s->reader, sizeof s->reader);
	return LM_OK;
}

static enum lm_rc on_file_end(void *user, const struct lm_work_end *e)
{
	struct log *l = user;
	struct seen_file *s = &l->file[l->files++];
	memset(s, 0, sizeof *s);
	text_of(e->file->path, s->path, sizeof s->path);
	text_of(e->content, s->content, sizeof s->content);
	snprintf(s->what, sizeof s->what, "%s", e->what ? e->what : "");
	s->lost = e->lost;
	s->signal = e->signal;
	s->offset = e->offset;
	s->done = e->done;
	return LM_OK;
}

static void on_progress(void *user, uint64_t done, uint64_t total, struct lm_str current)
{
	struct log *l = user;
	(void)current;
	l->order_errors += done > total;
	l->last_done = done;
	l->last_total = total;
}

static const struct seen_file *file_named(const char *name)
{
	for (unsigned i = 0; i < the_log->files; i++)
		if (strcmp(the_log->file[i].path, at(name)) == 0)
			return &the_log->file[i];
	fail_msg("'%s' never ended", name);
	return NULL;
}

/* The last content of that path (a batch that died is read again). */
static const struct seen_content *content_named(const char *name)
{
	for (unsigned i = the_log->contents; i--;)
		if (strcmp(the_log->content[i].path, at(name)) == 0)
			return &the_log->content[i];
	fail_msg("'%s' was never opened", name);
	return NULL;
}

static void print_log(enum lm_log_level level, const char *msg, void *user)
{
	(void)user;
	if (level <= LM_LOG_WARN || getenv("T_WORK_VERBOSE"))
		fprintf(stderr, "log: %s\n", msg);
}

/* ---- a run ---- */

static struct lm_work *start(const struct lm_work_opts *o)
{
	struct lm_work_opts opts = o ? *o : (struct lm_work_opts){ 0 };
	struct lm_work *w = NULL;
	struct lm_err err = { 0 };
	opts.test_reader = true;
	if (!opts.mem_bytes)
		opts.mem_bytes = 1u << 30;
	enum lm_rc rc = lm_work_start(&opts, &w, &err);
	if (rc < 0)
		fail_msg("%s", err.msg);
	return w;
}

static void add(struct lm_work *w, const char *name, uint64_t size)
{
	const char *path = at(name);
	struct lm_work_file f = {
		.path = lm_cstr(path), .below = lm_cstr(name), .size = size, .modified_ns = 5, .triage = 4
	};
	struct stat st;
	if (!size && stat(path, &st) == 0)
		f.size = (uint64_t)st.st_size;
	lm_work_add(w, &f);
}

static enum lm_rc go(struct lm_work *w, struct lm_err *err)
{
	struct lm_work_sink sink = { the_log, on_content, on_obs, on_end, on_file_end, on_progress };
	the_log->work = w;
	return lm_work_run(w, &sink, err);
}

static void finish(struct lm_work *w)
{
	struct lm_err err = { 0 };
	enum lm_rc rc = go(w, &err);
	if (rc < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(the_log->order_errors, 0);
	assert_true(the_log->last_done == the_log->last_total);
	lm_work_stop(w);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/t_work.XXXXXX");
	the_log = calloc(1, sizeof *the_log);
	lm_log_set(print_log, NULL);
	return mkdtemp(dir) && the_log ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	DIR *d = opendir(dir);
	struct dirent *e;
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && unlink(at(e->d_name)) != 0)
			rmdir(at(e->d_name));
	if (d)
		closedir(d);
	free(the_log);
	return rmdir(dir);
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the ordinary case ---- */

static void test_ok(void **state)
{
	(void)state;
	write_command("a", "ok", 1000);
	write_file("b", "", 0);
	write_file("c", "no format at all, only words", 28);
	struct lm_work *w = start(NULL);
	const struct lm_work_loaded *l = lm_work_loaded(w);
	print_message("landlock %d, seccomp %d\n", l->landlock, l->seccomp);
	assert_string_equal(l->rules_sha256, "");
	add(w, "a", 0);
	add(w, "b", 0);
	add(w, "c", 0);
	finish(w);
	assert_int_equal(the_log->files, 3);
	const struct seen_content *a = content_named("a"), *c = content_named("c"), *b = content_named("b");
	assert_string_equal(a->product, "done");
	assert_string_equal(a->reader, "test");
	assert_string_equal(a->sighting, "a");
	assert_int_equal(a->modified, 5);
	assert_int_equal(a->parent, -1);
	assert_int_equal(a->obs[LM_K_file_content], 1);
	assert_int_equal(a->obs[LM_K_file_sighting], 1);
	assert_string_equal(c->reader, "");
	assert_int_equal(c->obs[LM_K_file_content], 1);
	assert_true(b->ended);
	/* SHA-256 of nothing, FIPS 180-4 */
	static const uint8_t empty[4] = { 0xe3, 0xb0, 0xc4, 0x42 };
	assert_memory_equal(b->sha256, empty, 4);
	const struct seen_file *f = file_named("a");
	assert_false(f->lost);
	assert_int_equal(f->done.bytes, 1000);
	assert_int_equal(f->done.contents, 1);
	assert_int_equal(f->done.observations, 3);
}

static void test_roles(void **state)
{
	(void)state;
	write_command("hosts.csv", "ok", 100);
	struct lm_work *w = start(NULL);
	struct lm_work_file f = {
		.path = lm_cstr(at("hosts.csv")), .size = 100, .role = LM_ROLE_HOSTS, .reader = "test"
	};
	lm_work_add(w, &f);
	finish(w);
	const struct seen_content *c = content_named("hosts.csv");
	assert_int_equal(c->obs[LM_K_file_content] + c->obs[LM_K_file_sighting], 0);
	assert_string_equal(c->product, "done");
}

static const char rule_text[] =
	"rule word { meta: description = \"a word\" strings: $a = \"peculiar\" condition: $a }\n";

static void test_rules(void **state)
{
	(void)state;
	char first[65];
	write_file("r.yar", rule_text, sizeof rule_text - 1);
	write_file("text", "a peculiar word", 15);
	write_file("list.csv", "a peculiar word", 15);
	struct zip z;
	zip_begin(&z);
	zip_add(&z, "m", "peculiar too", 12);
	zip_write(&z, "a.zip");
	char path[256]; /* at() reuses its buffers */
	snprintf(path, sizeof path, "%s", at("r.yar"));
	const char *rules[] = { path, NULL };
	struct lm_work_opts o = { .rules = rules };
	struct lm_work *w = start(&o);
	const struct lm_work_loaded *l = lm_work_loaded(w);
	assert_int_equal(l->rules, 1);
	assert_int_equal(l->rule_files, 1);
	assert_int_equal(strlen(l->rules_sha256), 64);
	memcpy(first, l->rules_sha256, sizeof first);
	add(w, "text", 0);
	add(w, "a.zip", 0);
	struct lm_work_file list = {
		.path = lm_cstr(at("list.csv")), .size = 15, .role = LM_ROLE_INTEL, .reader = "test"
	};
	lm_work_add(w, &list);
	finish(w);
	assert_int_equal(content_named("text")->obs[LM_K_rule_match], 1);
	assert_int_equal(content_named("a.zip!/m")->obs[LM_K_rule_match], 1);
	/* a list named by an option is no evidence: rules do not look at it */
	assert_int_equal(content_named("list.csv")->obs[LM_K_rule_match], 0);
	write_file("r.yar", rule_text, sizeof rule_text - 2);
	w = start(&o);
	assert_string_not_equal(first, lm_work_loaded(w)->rules_sha256);
	lm_work_stop(w);
}

static void test_host_pattern(void **state)
{
	(void)state;
	char pattern[100];
	assert_int_equal(mkdir(at("pc7"), 0700), 0);
	write_file("pc7/a", "text", 4);
	snprintf(pattern, sizeof pattern, "%s/{host}/*", dir);
	struct lm_work_opts o = { .host_pattern = pattern };
	struct lm_work *w = start(&o);
	add(w, "pc7/a", 0);
	finish(w);
	assert_string_equal(content_named("pc7/a")->host, "pc7");
	assert_int_equal(unlink(at("pc7/a")), 0);
}

/* ---- misbehaviour ---- */

/* Five files of one batch, the third misbehaves. */
static const struct seen_file *with_bad(const char *command, const struct lm_work_opts *o)
{
	static const char *const names[] = { "1", "2", "3", "4", "5" };
	memset(the_log, 0, sizeof *the_log);
	for (unsigned i = 0; i < 5; i++)
		write_command(names[i], i == 2 ? command : "ok", 4096);
	struct lm_work *w = start(o);
	for (unsigned i = 0; i < 5; i++)
		add(w, names[i], 0);
	finish(w);
	assert_int_equal(the_log->files, 5);
	for (unsigned i = 0; i < 5; i++) {
		unsigned ended = 0;
		if (i == 2)
			continue;
		assert_false(file_named(names[i])->lost);
		assert_string_equal(content_named(names[i])->product, "done");
		for (unsigned k = 0; k < the_log->contents; k++)
			ended += the_log->content[k].ended && strcmp(the_log->content[k].path, at(names[i])) == 0;
		assert_int_equal(ended, 1);
	}
	return file_named("3");
}

static void expect_lost(const char *command, const struct lm_work_opts *o, int sig, const char *words)
{
	double began = now_s();
	const struct seen_file *f = with_bad(command, o);
	print_message("%-16s %5.2f s  %s\n", command, now_s() - began, f->what);
	assert_true(f->lost);
	assert_int_equal(f->signal, sig);
	if (!strstr(f->what, words))
		fail_msg("'%s' says '%s', not '%s'", command, f->what, words);
	assert_string_equal(f->content, "");
}

static void test_deaths(void **state)
{
	(void)state;
	struct lm_work_opts quick = { .idle_seconds = 1 }, brief = { .cpu_seconds = 1 };
	expect_lost("crash", NULL, SIGSEGV, "killed by SIGSEGV in reader test");
	expect_lost("abort", NULL, SIGABRT, "killed by SIGABRT in reader test");
	expect_lost("exit", NULL, 0, "ended with status 0 in reader test");
	expect_lost("loop", &brief, SIGXCPU, "ran out of its 1 s of processor time in reader test");
	expect_lost("sleep", &quick, SIGKILL, "no sign of life for 1 s in reader test");
	expect_lost("half-frame", &quick, SIGKILL, "no sign of life for 1 s");
}

static void test_system_calls(void **state)
{
	static const char *const killed[] = { "socket", "exec", "fork", "kill" };
	(void)state;
	const struct seen_file *f = with_bad("open", NULL);
	print_message("open: %s\n", content_named("3")->product);
	assert_false(f->lost);
	assert_string_equal(content_named("3")->product, "refused: Operation not permitted");
	for (size_t i = 0; i < 4; i++)
		expect_lost(killed[i], NULL, SIGSYS, "killed by SIGSYS");
}

static void test_lies(void **state)
{
	(void)state;
	expect_lost("forge-content", NULL, 0, "an observation of a content that is not open");
	expect_lost("forge-kind", NULL, 0, "of a kind that");
	expect_lost("forge-sha", NULL, 0, "observations of");
	expect_lost("forge-short-sha", NULL, 0, "a digest of the wrong length");
	expect_lost("forge-reader", NULL, 0, "a reader that does not exist");
	expect_lost("forge-child", NULL, 0, "a large member without its bytes");
	expect_lost("forge-fd", NULL, 0, "a descriptor that is no sealed member");
	expect_lost("forge-flood", NULL, 0, "more observations than its input can hold");
	expect_lost("garbage", NULL, 0, "not believed");
}

static void test_budgets(void **state)
{
	(void)state;
	struct lm_work_opts small = { .mem_bytes = 128u << 20, .jobs = 1 };
	const struct seen_file *f = with_bad("flood", NULL);
	assert_false(f->lost);
	assert_true(f->done.dropped > LM_OBS_FLOOR);
	assert_int_equal(content_named("3")->obs[LM_K_file_sighting], 1);
	assert_non_null(strstr(content_named("3")->why, "beyond the 100000 allowed"));
	f = with_bad("arena", &small);
	assert_false(f->lost);
	assert_non_null(strstr(content_named("3")->why, "memory budget"));
	f = with_bad("allocate", &small);
	print_message("allocate: %s\n", content_named("3")->product);
#ifndef LM_SANITIZED
	assert_false(f->lost);
	assert_memory_equal(content_named("3")->product, "refused after ", 14);
#endif
}

/* ---- containers ---- */

static void test_members(void **state)
{
	(void)state;
	struct zip z, in;
	zip_begin(&in);
	zip_command(&in, "deep", "ok", 200);
	zip_end(&in);
	zip_begin(&z);
	zip_command(&z, "one", "ok", 100);
	zip_add(&z, "in.zip", in.out.p, in.out.n);
	lm_buf_fini(&in.out);
	zip_write(&z, "a.zip");
	struct lm_work *w = start(NULL);
	add(w, "a.zip", 0);
	finish(w);
	assert_int_equal(the_log->contents, 4);
	assert_string_equal(content_named("a.zip")->reader, "zip");
	assert_int_equal(content_named("a.zip")->obs[LM_K_file_content], 1);
	assert_string_equal(content_named("a.zip!/one")->product, "done");
	const struct seen_content *deep = content_named("a.zip!/in.zip!/deep");
	assert_string_equal(deep->product, "done");
	assert_string_equal(deep->sighting, "a.zip!/in.zip!/deep");
	assert_string_equal(the_log->content[deep->parent].path, at("a.zip!/in.zip"));
	assert_int_equal(file_named("a.zip")->done.contents, 4);
}

static void test_crash_in_member(void **state)
{
	(void)state;
	struct zip z;
	zip_begin(&z);
	zip_command(&z, "good", "ok", 100);
	zip_command(&z, "bad", "crash", 100);
	zip_write(&z, "a.zip");
	write_command("z", "ok", 100);
	struct lm_work *w = start(NULL);
	add(w, "a.zip", 0);
	add(w, "z", 0);
	finish(w);
	const struct seen_file *f = file_named("a.zip");
	assert_true(f->lost);
	assert_string_equal(f->content, at("a.zip!/bad"));
	assert_string_equal(f->what, "killed by SIGSEGV in reader test");
	assert_false(file_named("z")->lost);
}

/* Its producer is held up: beyond the limit wait at most the members that were on their way when it passed. */
static enum lm_rc check_waiting(struct log *l, const char *path)
{
	(void)path;
	l->order_errors += l->work->plan.child_bytes > l->work->conf.pending_bytes + (27u << 20);
	return LM_OK;
}

/* With little memory a member of 8 MiB is above inline_bytes, and four of them above what may wait. */
static void test_children(void **state)
{
	(void)state;
	struct lm_work_opts small = { .mem_bytes = 128u << 20, .jobs = 1 };
	size_t big = 8u << 20;
	struct zip z, in;
	char name[32];
	zip_begin(&in);
	zip_command(&in, "big", "ok", big);
	zip_command(&in, "little", "ok", 100);
	zip_end(&in);
	zip_begin(&z);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof name, "m%d", i);
		zip_command(&z, name, i == 3 ? "crash" : "ok", big + (size_t)i);
	}
	zip_add(&z, "in.zip", in.out.p, in.out.n);
	zip_command(&z, "last", "ok", 100);
	lm_buf_fini(&in.out);
	zip_write(&z, "a.zip");
	struct lm_work *w = start(&small);
	assert_true(w->conf.limits.inline_bytes < big);
	the_log->hook = check_waiting;
	add(w, "a.zip", 0);
	finish(w);
	assert_int_equal(the_log->files, 1);
	const struct seen_file *f = file_named("a.zip");
	assert_true(f->lost);
	assert_string_equal(f->content, at("a.zip!/m3"));
	assert_string_equal(f->what, "killed by SIGSEGV in reader test");
	assert_string_equal(content_named("a.zip!/m5")->product, "done");
	assert_int_equal(the_log->content[content_named("a.zip!/m5")->parent].parent, -1);
	/* 2023-03-22T12:00:00Z, carried with the descriptor */
	assert_true(content_named("a.zip!/m5")->modified == INT64_C(1679486400) * LM_NS_PER_S);
	assert_string_equal(content_named("a.zip!/in.zip!/big")->product, "done");
	assert_string_equal(content_named("a.zip!/in.zip!/little")->product, "done");
	assert_string_equal(content_named("a.zip!/last")->product, "done");
	assert_int_equal(the_log->contents, 11);
}

static void test_depth(void **state)
{
	(void)state;
	struct lm_buf inner;
	char *text = malloc(100);
	lm_buf_init(&inner, 1 << 20);
	lm_buf_add(&inner, text, command_text(text, "ok", 100));
	free(text);
	for (int i = 0; i < 12; i++) {
		struct zip z;
		zip_begin(&z);
		zip_add(&z, i ? "x.zip" : "core", inner.p, inner.n);
		zip_end(&z);
		lm_buf_fini(&inner);
		inner = z.out;
	}
	write_file("a.zip", inner.p, inner.n);
	lm_buf_fini(&inner);
	struct lm_work *w = start(NULL);
	unsigned depth = w->conf.limits.depth;
	add(w, "a.zip", 0);
	finish(w);
	assert_false(file_named("a.zip")->lost);
	assert_int_equal(the_log->contents, depth + 1);
	assert_non_null(strstr(the_log->content[depth].why, "not opened"));
}

/* ---- files that are no ordinary files ---- */

static void test_unreadable(void **state)
{
	(void)state;
	write_command("a", "ok", 100);
	assert_int_equal(mkdir(at("d"), 0700), 0);
	assert_int_equal(mkfifo(at("f"), 0600), 0);
	struct lm_work *w = start(NULL);
	add(w, "missing", 100);
	add(w, "d", 100);
	add(w, "f", 100);
	add(w, "a", 0);
	finish(w);
	assert_string_equal(file_named("missing")->what, "cannot be opened: No such file or directory");
	assert_string_equal(file_named("d")->what, "cannot be opened: Is a directory");
	assert_true(file_named("f")->lost);
	assert_false(file_named("a")->lost);
}

static void test_sparse(void **state)
{
	(void)state;
	int fd = open(at("zeros"), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(ftruncate(fd, (off_t)2 << 30), 0);
	close(fd);
	char command[300], sum[65] = { 0 };
	snprintf(command, sizeof command, "sha256sum %s", at("zeros"));
	FILE *p = popen(command, "r");
	assert_int_equal(fread(sum, 1, 64, p), 64);
	pclose(p);
	struct lm_work_opts o = { .mem_bytes = 256u << 20 };
	struct lm_work *w = start(&o);
	add(w, "zeros", 0);
	double began = now_s();
	finish(w);
	print_message("2 GiB of zeros: %.2f s\n", now_s() - began);
	uint8_t want[32];
	assert_int_equal(lm_str_unhex(lm_cstr(sum), want, 32), 32);
	assert_false(file_named("zeros")->lost);
	assert_memory_equal(content_named("zeros")->sha256, want, 32);
}

static enum lm_rc cut_off(struct log *l, const char *path)
{
	(void)l;
	if (strcmp(path, at("shrinks")) == 0)
		assert_int_equal(truncate(path, 4096), 0);
	return LM_OK;
}

static void test_truncated(void **state)
{
	(void)state;
	int fd = open(at("shrinks"), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(ftruncate(fd, (off_t)3 << 30), 0);
	close(fd);
	write_command("a", "ok", 100);
	struct lm_work *w = start(NULL);
	the_log->hook = cut_off;
	add(w, "shrinks", 0);
	add(w, "a", 0);
	finish(w);
	const struct seen_file *f = file_named("shrinks");
	print_message("%s, at %llu\n", f->what, (unsigned long long)f->offset);
	assert_true(f->lost);
	assert_int_equal(f->signal, SIGBUS);
	assert_non_null(strstr(f->what, "SIGBUS (the file shrank"));
	assert_false(file_named("a")->lost);
}

/* ---- many ---- */

static void test_thousand(void **state)
{
	(void)state;
	char name[16];
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "%03d", i);
		write_command(name, "ok", 4096);
	}
	struct lm_work_opts one = { .jobs = 1 };
	struct lm_work *w = start(&one);
	for (int i = 999; i >= 0; i--) {
		snprintf(name, sizeof name, "%03d", i);
		add(w, name, 0);
	}
	double began = now_s();
	finish(w);
	double took = now_s() - began;
	print_message("1,000 files of 4 KiB, one job: %.3f s\n", took);
	assert_int_equal(the_log->files, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "%03d", i);
		assert_false(the_log->file[i].lost);
		/* one job: in the order of the plan */
		assert_string_equal(the_log->file[i].path, at(name));
	}
	assert_true(took < 10);
}

static void test_seen(void **state)
{
	(void)state;
	struct zip z;
	write_command("a", "ok", 100);
	write_command("b", "ok", 101);
	zip_begin(&z);
	zip_command(&z, "m", "ok", 100);
	zip_write(&z, "c.zip");
	struct lm_work_opts one = { .jobs = 1 };
	struct lm_work *w = start(&one);
	char text[100];
	struct lm_hashes h;
	command_text(text, "ok", 100);
	assert_int_equal(lm_hash_bytes((struct lm_bytes){ (uint8_t *)text, 100 }, LM_HASH_SHA256, &h), LM_OK);
	/* enough others that the table grows and is handed to the zygote anew */
	for (uint32_t i = 1; i < 100000; i++) {
		uint8_t key[32] = { (uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16), 1 };
		lm_work_seen(w, key);
	}
	lm_work_seen(w, h.sha256);
	add(w, "a", 0);
	add(w, "b", 0);
	add(w, "c.zip", 0);
	struct lm_work_file forced = {
		.path = lm_cstr(at("a")), .size = 100, .triage = 9, .role = LM_ROLE_INVENTORY, .reader = "test"
	};
	lm_work_add(w, &forced);
	finish(w);
	const struct seen_content *m = content_named("c.zip!/m");
	assert_true(m->cached);
	assert_int_equal(m->obs[LM_K_file_sighting], 1);
	assert_int_equal(m->obs[LM_K_file_content] + m->obs[LM_K_product_installed], 0);
	assert_false(content_named("b")->cached);
	assert_string_equal(content_named("b")->product, "done");
	/* named by an option: parsed whatever is known of its bytes as evidence */
	assert_false(content_named("a")->cached);
	assert_true(the_log->content[0].cached);
}

static void test_seen_table(void **state)
{
	(void)state;
	struct lm_seen s;
	assert_int_equal(lm_seen_init(&s, 1024), LM_OK);
	unsigned grown = 0, found = 0;
	for (uint32_t i = 1; i <= 20000; i++) {
		uint8_t key[32] = { (uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16), 7 };
		grown += lm_seen_add(&s, key, 4096);
	}
	/* full: what found no place is not there, and nothing takes long */
	assert_int_equal(grown, 1);
	assert_int_equal(s.slots, 4096);
	for (uint32_t i = 1; i <= 20000; i++) {
		uint8_t key[32] = { (uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16), 7 };
		found += lm_seen_has(&s, key);
	}
	assert_in_range(found, 3500, 4096);
	struct lm_seen r;
	assert_int_equal(lm_seen_map(&r, s.fd), LM_OK);
	uint8_t first[32] = { 1, 0, 0, 7 }, none[32] = { 0 }, later[32] = { 9, 9, 9, 9 };
	assert_true(lm_seen_has(&r, first));
	assert_false(lm_seen_has(&r, none));
	assert_false(lm_seen_has(&r, later));
	lm_seen_fini(&r);
	lm_seen_fini(&s);
}

/* ---- the plan ---- */

static void plan_file(struct lm_plan *p, const char *path, uint64_t size, int triage, const char *reader)
{
	struct lm_work_file f = { .path = lm_cstr(path), .size = size, .triage = triage, .reader = reader };
	lm_plan_add(p, &f);
}

static void drop_unit(struct lm_plan *p, struct lm_unit *u)
{
	for (unsigned i = 0; i < u->n; i++) {
		lm_job_free(u->part[i]->job);
		lm_part_free(p, u->part[i]);
	}
	free(u);
}

static void expect_unit(struct lm_plan *p, const char *paths)
{
	char got[256] = "";
	struct lm_unit *u = lm_plan_next(p);
	assert_non_null(u);
	for (unsigned i = 0; i < u->n; i++)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", i ? " " : "",
			 LM_STR_ARG(u->part[i]->path));
	assert_string_equal(got, paths);
	drop_unit(p, u);
}

static void test_plan(void **state)
{
	(void)state;
	struct lm_plan p = { 0 };
	plan_file(&p, "late", 1, 4, NULL);
	plan_file(&p, "b", 10, 2, NULL);
	plan_file(&p, "a", 10, 2, NULL);
	plan_file(&p, "big", 20u << 20, 2, NULL);
	plan_file(&p, "x.zip", 2u << 20, 2, NULL);
	plan_file(&p, "small.zip", 100, 2, NULL);
	plan_file(&p, "list", 10, -1, "test");
	plan_file(&p, "list2", 10, -1, "test");
	plan_file(&p, "7m", 7u << 20, 2, NULL);
	plan_file(&p, "3m", 3u << 20, 2, NULL);
	expect_unit(&p, "list");
	expect_unit(&p, "list2");
	expect_unit(&p, "a b small.zip");
	expect_unit(&p, "x.zip");
	expect_unit(&p, "3m");
	expect_unit(&p, "7m");
	expect_unit(&p, "big");
	expect_unit(&p, "late");
	assert_null(lm_plan_next(&p));
	for (int i = 0; i < 100; i++)
		plan_file(&p, "same", 10, 2, NULL);
	struct lm_unit *u = lm_plan_next(&p);
	assert_int_equal(u->n, LM_UNIT_FILES);
	for (unsigned i = 1; i < u->n; i++)
		assert_true(u->part[i - 1]->job->seq < u->part[i]->job->seq);
	drop_unit(&p, u);
	lm_plan_fini(&p);
}

/* ---- the end of others ---- */

static enum lm_rc kill_zygote(struct log *l, const char *path)
{
	(void)path;
	kill(l->work->zygote, SIGKILL);
	return LM_OK;
}

static void test_zygote_killed(void **state)
{
	(void)state;
	struct lm_err err = { 0 };
	write_command("a", "sleep", 100);
	write_command("b", "ok", 200);
	struct lm_work *w = start(NULL);
	add(w, "a", 0);
	add(w, "b", 0);
	the_log->hook = kill_zygote;
	assert_int_equal(go(w, &err), LM_EIO);
	assert_string_equal(err.msg, "the supervisor of the workers was lost: killed by SIGKILL");
	assert_int_equal(go(w, &err), LM_EIO);
	lm_work_stop(w);
}

static enum lm_rc stop_it(struct log *l, const char *path)
{
	(void)l, (void)path;
	return LM_EDB;
}

static void test_sink_stops(void **state)
{
	(void)state;
	struct lm_err err = { 0 };
	for (int i = 0; i < 50; i++) {
		char name[8];
		snprintf(name, sizeof name, "%d", i);
		write_command(name, "ok", 100);
	}
	struct lm_work *w = start(NULL);
	for (int i = 0; i < 50; i++) {
		char name[8];
		snprintf(name, sizeof name, "%d", i);
		add(w, name, 0);
	}
	the_log->hook = stop_it;
	assert_int_equal(go(w, &err), LM_EDB);
	lm_work_stop(w);
}

static unsigned children_of(pid_t parent, pid_t *out, unsigned max)
{
	unsigned n = 0;
	DIR *d = opendir("/proc");
	struct dirent *e;
	while ((e = readdir(d))) {
		char path[300], text[512] = "";
		uint64_t pid, ppid;
		snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
		if (!lm_str_u64(lm_cstr(e->d_name), &pid))
			continue;
		FILE *f = fopen(path, "r");
		if (!f)
			continue;
		size_t k = fread(text, 1, sizeof text - 1, f);
		fclose(f);
		char *p = k ? strrchr(text, ')') : NULL; /* pid (name) state ppid */
		struct lm_str rest = lm_cstr(p ? p + 4 : ""), word;
		if (lm_str_split(&rest, ' ', &word) && lm_str_u64(word, &ppid) && (pid_t)ppid == parent && n < max)
			out[n++] = (pid_t)pid;
	}
	closedir(d);
	return n;
}

static enum lm_rc tell_running(struct log *l, const char *path)
{
	(void)l, (void)path;
	return write(3, "x", 1) == 1 ? LM_OK : LM_EIO;
}

static void test_parent_killed(void **state)
{
	(void)state;
	int fds[2];
	char c;
	write_command("a", "sleep", 100);
	assert_int_equal(pipe(fds), 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans come to us, so that their end can be waited for */
	pid_t pid = fork();
	if (pid == 0) {
		struct lm_err err;
		if (fds[1] != 3)
			dup2(fds[1], 3);
		struct lm_work *w = start(NULL);
		add(w, "a", 0);
		the_log->hook = tell_running;
		(void)!go(w, &err);
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	pid_t zygote[4], workers[8];
	assert_int_equal(children_of(pid, zygote, 4), 1);
	unsigned n = children_of(zygote[0], workers, 8);
	assert_true(n >= 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* the zygote and each worker end as well: all of them become ours, and all can be reaped */
	double began = now_s();
	unsigned gone = 0;
	while (gone < n + 1 && now_s() - began < 10) {
		if (waitpid(-1, NULL, WNOHANG) > 0)
			gone++;
		else
			usleep(2000);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	assert_int_equal(gone, n + 1);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(kill(workers[i], 0), -1);
}

static void test_bad_options(void **state)
{
	(void)state;
	struct lm_work *w;
	struct lm_err err = { 0 };
	static const char *const zones[] = { "UTC", "logs/*=Nowhere/Town", NULL };
	struct lm_work_opts o = { .zones = zones };
	assert_int_equal(lm_work_start(&o, &w, &err), LM_EUSAGE);
	assert_non_null(strstr(err.msg, "Nowhere/Town"));
	assert_null(w);
	o = (struct lm_work_opts){ .password_file = "/nonexistent/words" };
	assert_int_equal(lm_work_start(&o, &w, &err), LM_EIO);
	assert_string_equal(err.msg, "cannot read password file '/nonexistent/words': No such file or directory");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_ok),	    T(test_roles),	     T(test_rules),	  T(test_host_pattern),
		T(test_deaths),	    T(test_system_calls),    T(test_lies),	  T(test_budgets),
		T(test_members),    T(test_crash_in_member), T(test_children),	  T(test_depth),
		T(test_unreadable), T(test_sparse),	     T(test_truncated),	  T(test_thousand),
		T(test_seen),	    T(test_seen_table),	     T(test_plan),	  T(test_zygote_killed),
		T(test_sink_stops), T(test_parent_killed),   T(test_bad_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
