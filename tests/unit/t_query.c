/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_query.c - fetch, prevalence, pairs and match against the same questions answered by hand in memory.
 */
#include "case/case.h"
#include "case_help.h"

#include <stdio.h>
#include <time.h>

enum { HOSTS = 9, FILES = 17, N = 400 };

static struct lm_case *c;
static struct {
	int host, file;
	int64_t time; /* 0 = unset */
} truth[N];
static size_t n_truth;

static int setup(void **state)
{
	(void)state;
	c = open_case(NULL, 0);
	int64_t ev = evidence(c, "list.csv");
	unsigned seed = 7;
	n_truth = 0;
	for (int i = 0; i < N; i++) {
		seed = seed * 1664525 + 1013904223;
		int host = (int)(seed >> 8) % HOSTS, file = (int)(seed >> 16) % FILES;
		int64_t t = seed >> 30 ? 1 + (seed >> 12) % 50 : 0;
		bool known = false;
		for (size_t k = 0; k < n_truth; k++)
			known |= truth[k].host == host && truth[k].file == file && truth[k].time == t;
		char name[16], path[40];
		uint8_t d[32];
		snprintf(name, sizeof name, i % 2 ? "WS%d" : "ws%d", host);
		snprintf(path, sizeof path, "C:\\bin\\file%02d.dll", file);
		struct lm_obs o = seen_by("", NULL, NULL, LM_ID_EVENT);
		snprintf(name, sizeof name, "WS%d", host);
		o.host.name = lm_cstr(name);
		o.time = t ? LM_INT(t) : (struct lm_int){ 0 };
		o.file_sighting.sha256 = sha((uint64_t)file % 11, d);
		o.file_sighting.path = lm_cstr(path);
		o.file_sighting.size = LM_INT(file);
		if (file % 3)
			o.file_sighting.source = LM_STR("inventory");
		ok(lm_case_put(c, ev, &o));
		if (known)
			continue;
		truth[n_truth].host = host;
		truth[n_truth].file = file;
		truth[n_truth++].time = t;
	}
	ok(lm_case_resolve(c, NULL));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lm_case_close(c);
	return 0;
}

struct seen {
	size_t n;
	int64_t last;
	bool had_time;
	uint8_t last_id[16];
};

static enum lm_rc in_order(void *user, const struct lm_stored *s)
{
	struct seen *x = user;
	if (x->n && x->had_time)
		assert_true(s->obs.time.set && s->obs.time.v >= x->last);
	if (x->n && x->had_time == s->obs.time.set && x->last == s->obs.time.v)
		assert_true(memcmp(x->last_id, s->id, 16) < 0);
	x->had_time = s->obs.time.set;
	x->last = s->obs.time.v;
	memcpy(x->last_id, s->id, 16);
	x->n++;
	assert_non_null(s->host);
	return LM_OK;
}

static size_t fetch(const struct lm_where *w, size_t n)
{
	struct seen x = { 0 };
	ok(lm_case_fetch(c, LM_K_file_sighting, w, n, in_order, &x));
	return x.n;
}

static void test_fetch(void **state)
{
	(void)state;
	assert_int_equal(fetch(NULL, 0), n_truth);
	uint8_t d[32];
	char id[24];
	for (int f = 0; f < FILES; f++) {
		size_t want = 0, want_none = 0, want_host = 0;
		for (size_t k = 0; k < n_truth; k++) {
			want += truth[k].file % 11 == f % 11;
			want_none += truth[k].file % 11 == f % 11 && truth[k].file % 3 == 0;
			want_host += truth[k].file % 11 == f % 11 && truth[k].host == 4;
		}
		const struct lm_host *h = lm_case_host_find(c, LM_STR("ws4"));
		assert_non_null(h);
		snprintf(id, sizeof id, "%lld", (long long)h->id);
		struct lm_where w[] = { { "sha256", lm_bytes_str(sha((uint64_t)f % 11, d)) }, { "source", { 0 } } };
		assert_int_equal(fetch(w, 1), want);
		assert_int_equal(fetch(w, 2), want_none);
		w[1] = (struct lm_where){ "@host", lm_cstr(id) };
		assert_int_equal(fetch(w, 2), want_host);
		char size[8], path[40];
		size_t want_size = 0;
		for (size_t k = 0; k < n_truth; k++)
			want_size += truth[k].file == f;
		snprintf(size, sizeof size, "%d", f);
		snprintf(path, sizeof path, "C:\\bin\\file%02d.dll", f);
		w[0] = (struct lm_where){ "size", lm_cstr(size) };
		assert_int_equal(fetch(w, 1), want_size);
		w[0] = (struct lm_where){ "path", lm_cstr(path) }; /* asked often: gets an index on the way */
		assert_int_equal(fetch(w, 1), want_size);
	}
}

static void test_refused(void **state)
{
	(void)state;
	struct lm_where w = { "colour", LM_STR("x") };
	struct seen x = { 0 };
	assert_int_equal(lm_case_fetch(c, LM_K_file_sighting, &w, 1, in_order, &x), LM_EUSAGE);
	assert_non_null(strstr(lm_case_error(c), "colour"));
	w = (struct lm_where){ "size", LM_STR("many") };
	assert_int_equal(lm_case_fetch(c, LM_K_file_sighting, &w, 1, in_order, &x), LM_EUSAGE);
	w = (struct lm_where){ "path\" = '' OR 1 --", LM_STR("x") };
	assert_int_equal(lm_case_fetch(c, LM_K_file_sighting, &w, 1, in_order, &x), LM_EUSAGE);
	assert_int_equal(lm_case_fetch(c, LM_KIND_COUNT, NULL, 0, in_order, &x), LM_EUSAGE);
	assert_int_equal(lm_case_prevalence(c, LM_K_file_sighting, "nope", dump_prevalence, NULL), LM_EUSAGE);
	assert_int_equal(lm_case_pairs(c, LM_K_file_sighting, "path", "nope", 1, dump_pair, NULL), LM_EUSAGE);
}

static void test_prevalence(void **state)
{
	(void)state;
	struct lm_buf want, got;
	lm_buf_init(&want, 1 << 16);
	lm_buf_init(&got, 1 << 16);
	for (int f = 0; f < FILES; f++) {
		bool host[HOSTS] = { 0 };
		unsigned long long hosts = 0, count = 0;
		long long first = 0, last = 0;
		for (size_t k = 0; k < n_truth; k++) {
			if (truth[k].file != f)
				continue;
			count++;
			hosts += !host[truth[k].host];
			host[truth[k].host] = true;
			if (truth[k].time && (!first || truth[k].time < first))
				first = truth[k].time;
			if (truth[k].time > last)
				last = truth[k].time;
		}
		if (count)
			lm_buf_fmt(&want, "C:\\bin\\file%02d.dll: %llu hosts, %llu times, %lld %lld\n", f, hosts, count,
				   first, last);
	}
	ok(lm_case_prevalence(c, LM_K_file_sighting, "path", dump_prevalence, &got));
	assert_same_text(&want, &got);
	lm_buf_fini(&want);
	lm_buf_fini(&got);
}

static void test_pairs(void **state)
{
	(void)state;
	struct lm_buf want, got;
	lm_buf_init(&want, 1 << 16);
	lm_buf_init(&got, 1 << 16);
	for (int size = 0; size < FILES; size++) /* one hash belongs to files f and f + 11 */
		;
	for (int h = 0; h < HOSTS; h++) {
		unsigned long long n[FILES] = { 0 };
		unsigned distinct = 0;
		for (size_t k = 0; k < n_truth; k++)
			if (truth[k].host == h)
				distinct += !n[truth[k].file]++;
		char name[16];
		snprintf(name, sizeof name, "ws%d", h);
		const struct lm_host *x = lm_case_host_find(c, lm_cstr(name));
		for (int f = 0; distinct >= 16 && f < FILES; f++)
			if (n[f])
				lm_buf_fmt(&want, "%lld | C:\\bin\\file%02d.dll: %llu\n", (long long)x->id, f, n[f]);
	}
	ok(lm_case_pairs(c, LM_K_file_sighting, "@host", "path", 16, dump_pair, &got));
	assert_true(got.n > 0);
	assert_same_text(&want, &got);
	lm_buf_fini(&want);
	lm_buf_fini(&got);
}

static enum lm_rc stop(void *user, const struct lm_stored *s)
{
	(void)s;
	return ++*(int *)user == 3 ? LM_END : LM_OK;
}

static enum lm_rc fail_fn(void *user, const struct lm_stored *s)
{
	(void)user, (void)s;
	return LM_ELIMIT;
}

static enum lm_rc nested(void *user, const struct lm_stored *s)
{
	(void)s;
	struct seen x = { 0 };
	ok(lm_case_fetch(c, LM_K_file_sighting, NULL, 0, in_order, &x)); /* the same question inside itself */
	assert_int_equal(x.n, n_truth);
	return ++*(int *)user == 5 ? LM_END : LM_OK;
}

static void test_callbacks(void **state)
{
	(void)state;
	int n = 0;
	ok(lm_case_fetch(c, LM_K_file_sighting, NULL, 0, stop, &n));
	assert_int_equal(n, 3);
	assert_int_equal(lm_case_fetch(c, LM_K_file_sighting, NULL, 0, fail_fn, NULL), LM_ELIMIT);
	n = 0;
	ok(lm_case_fetch(c, LM_K_file_sighting, NULL, 0, nested, &n));
	assert_int_equal(n, 5);
}

/* ---- match ---- */

static void indicator(int64_t ev, const char *type, const char *value)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_indicator_listed);
	o.indicator_listed.type = lm_cstr(type);
	o.indicator_listed.value = lm_cstr(value);
	ok(lm_case_put(c, ev, &o));
}

static const char *hex_of(struct lm_bytes b)
{
	static char text[4][65];
	static int turn;
	char *t = text[turn++ % 4];
	for (size_t i = 0; i < b.n; i++)
		snprintf(t + 2 * i, 3, "%02x", b.p[i]);
	return t;
}

static enum lm_rc on_hit(void *user, const struct lm_indicator_hit *h)
{
	const struct lm_obs_file_sighting *f = &h->where->obs.file_sighting;
	lm_buf_fmt(user, "%.*s %s", LM_STR_ARG(h->indicator->obs.indicator_listed.type),
		   lm_kind_desc(h->where->obs.kind)->name);
	if (h->where->obs.kind == LM_K_file_sighting)
		lm_buf_fmt(user, " %.*s on %.*s", LM_STR_ARG(f->path),
			   LM_STR_ARG(h->where->host ? h->where->host->name : LM_STR("-")));
	lm_buf_putc(user, '\n');
	return LM_OK;
}

static void put_sighting(int64_t ev, const char *host, const char *path, struct lm_bytes sha256, struct lm_bytes md5)
{
	struct lm_obs o = seen_by(host, "10.9.9.9", NULL, LM_ID_EVENT);
	o.file_sighting.path = lm_cstr(path);
	o.file_sighting.sha256 = sha256;
	o.file_sighting.md5 = md5;
	ok(lm_case_put(c, ev, &o));
}

static void test_match(void **state)
{
	(void)state;
	lm_case_close(c);
	c = open_case(NULL, 0);
	int64_t ev = evidence(c, "e"), list;
	ok(lm_case_evidence(c, LM_STR("iocs.csv"), -1, true, &list));
	uint8_t d[32], m[32], d2[32];
	struct lm_bytes none = { 0 }, sha_x = sha(1, d), md5_x = { sha(2, m).p, 16 }, sha_y = sha(3, d2);
	struct lm_obs content;
	lm_obs_init(&content, LM_K_file_content);
	content.file_content.sha256 = sha_x;
	content.file_content.md5 = md5_x;
	ok(lm_case_put(c, ev, &content));
	put_sighting(ev, "a", "C:\\p\\x.dll", sha_x, none);
	put_sighting(ev, "b", "C:\\q\\x-by-md5.dll", none, md5_x);
	put_sighting(ev, "c", "C:\\q\\Other.DLL", sha_y, none);
	put_sighting(ev, "d", "/opt/q/a.so", sha_y, none);
	indicator(list, "md5", hex_of(md5_x));
	indicator(list, "sha256", hex_of(sha_x));
	indicator(list, "filename", "other.dll");
	indicator(list, "filename", "a.so"); /* too short to mean anything */
	indicator(list, "ipv4", "10.9.9.9"); /* the hosts' own address */
	indicator(list, "domain", "a");	     /* the host's own name */
	indicator(list, "sha256", "not hex");
	indicator(list, "url", "hxxp://x.example");
	ok(lm_case_resolve(c, NULL));
	struct lm_buf b;
	lm_buf_init(&b, 1 << 16);
	ok(lm_case_match(c, on_hit, &b));
	const char *lines[] = { "filename file.sighting C:\\q\\Other.DLL on c\n",
				"md5 file.content\n",
				"md5 file.sighting C:\\p\\x.dll on a\n",
				"md5 file.sighting C:\\q\\x-by-md5.dll on b\n",
				"sha256 file.content\n",
				"sha256 file.sighting C:\\p\\x.dll on a\n",
				"sha256 file.sighting C:\\q\\x-by-md5.dll on b\n" };
	size_t total = 0;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		if (!strstr(b.p, lines[i]))
			fail_msg("no '%s' in:\n%s", lines[i], b.p);
		total += strlen(lines[i]);
	}
	assert_int_equal(b.n, total);
	assert_true(strstr(b.p, "filename") < strstr(b.p, "md5 ") && strstr(b.p, "md5 ") < strstr(b.p, "sha256 "));
	lm_buf_fini(&b);
}

struct many {
	size_t hits, trusted;
};

static enum lm_rc on_many(void *user, const struct lm_indicator_hit *h)
{
	struct many *x = user;
	x->hits++;
	x->trusted += h->indicator->trusted;
	return LM_OK;
}

/* One hash a thousand times listed and a thousand times seen: eight indicators speak, the trusted one among them. */
static void test_match_many(void **state)
{
	(void)state;
	enum { MANY = 1000 };
	lm_case_close(c);
	c = open_case(NULL, 0);
	int64_t ev = evidence(c, "e"), list;
	ok(lm_case_evidence(c, LM_STR("iocs.csv"), -1, true, &list));
	uint8_t d[32];
	struct lm_bytes hash = sha(1, d), none = { 0 };
	for (int i = 0; i < MANY; i++) {
		char text[40];
		struct lm_obs o;
		lm_obs_init(&o, LM_K_indicator_listed);
		snprintf(text, sizeof text, "label %d", i);
		o.indicator_listed.type = LM_STR("sha256");
		o.indicator_listed.value = lm_cstr(hex_of(hash));
		o.indicator_listed.label = lm_cstr(text);
		ok(lm_case_put(c, i == 500 ? list : ev, &o));
		snprintf(text, sizeof text, "C:\\p\\x%d.dll", i);
		put_sighting(ev, "a", text, hash, none);
	}
	ok(lm_case_resolve(c, NULL));
	struct many x = { 0 };
	double start = (double)clock() / CLOCKS_PER_SEC;
	ok(lm_case_match(c, on_many, &x));
	double took = (double)clock() / CLOCKS_PER_SEC - start;
	print_message("hashes: %.2f s\n", took);
	assert_int_equal(x.hits, 8 * MANY);
	assert_int_equal(x.trusted, MANY);
	assert_true(took < 5); /* far below it; a loaded machine with sanitizers must pass */
}

static void test_match_names(void **state)
{
	(void)state;
	enum { MANY = 8000 };
	lm_case_close(c);
	c = open_case(NULL, 0);
	int64_t ev = evidence(c, "e");
	uint8_t d[32];
	struct lm_bytes none = { 0 };
	for (int i = 0; i < MANY; i++) {
		char text[40];
		snprintf(text, sizeof text, "library-%d.dll", i);
		indicator(ev, "filename", text);
		snprintf(text, sizeof text, "C:\\p\\Library-%d.DLL", i);
		put_sighting(ev, "a", text, sha((uint64_t)i, d), none);
	}
	ok(lm_case_resolve(c, NULL));
	struct many x = { 0 };
	double start = (double)clock() / CLOCKS_PER_SEC;
	ok(lm_case_match(c, on_many, &x));
	double took = (double)clock() / CLOCKS_PER_SEC - start;
	print_message("names: %.2f s\n", took);
	assert_int_equal(x.hits, MANY);
	assert_true(took < 10);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_fetch),	   T(test_refused), T(test_prevalence), T(test_pairs),
		T(test_callbacks), T(test_match),   T(test_match_many), T(test_match_names)
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
