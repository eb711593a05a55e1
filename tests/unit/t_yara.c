/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YARA rules: loading folders with good and bad files, what a match states, and the yara command line as peer.
 * Everything matched here is text and random bytes; the strings of the 3CX rules are published ones.
 */
#include "unit/test.h"

#include "base/log.h"
#include "base/text.h"
#include "match/match.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static char logged[65536];

static void keep_log(enum lm_log_level level, const char *msg, void *user)
{
	(void)level;
	(void)user;
	size_t n = strlen(logged);
	snprintf(logged + n, sizeof logged - n, "%s\n", msg);
}

static void put(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(path, 0700);
		*p = '/';
	}
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/t_yara.XXXXXX");
	lm_log_set(keep_log, NULL);
	logged[0] = 0;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];
	(void)state;
	lm_log_set(NULL, NULL);
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command);
}

struct hits {
	unsigned n;
	char rules[65536]; /* names, one a line */
	char last_meta[4096], last_string[64], last_tags[256], last_file[256], last_family[64], last_severity[64];
	int64_t last_offset, last_length, last_score;
};

static enum lm_rc on_hit(void *user, const struct lm_obs *o)
{
	struct hits *h = user;
	const struct lm_obs_rule_match *m = &o->rule_match;
	size_t n = strlen(h->rules);
	h->n++;
	snprintf(h->rules + n, sizeof h->rules - n, "%.*s\n", LM_STR_ARG(m->rule));
	snprintf(h->last_meta, sizeof h->last_meta, "%.*s", LM_STR_ARG(m->meta));
	snprintf(h->last_string, sizeof h->last_string, "%.*s", LM_STR_ARG(m->string));
	snprintf(h->last_tags, sizeof h->last_tags, "%.*s", LM_STR_ARG(m->tags));
	snprintf(h->last_file, sizeof h->last_file, "%.*s", LM_STR_ARG(m->file));
	snprintf(h->last_family, sizeof h->last_family, "%.*s", LM_STR_ARG(m->family));
	snprintf(h->last_severity, sizeof h->last_severity, "%.*s", LM_STR_ARG(m->severity));
	h->last_offset = m->offset.set ? m->offset.v : -1;
	h->last_length = m->length.set ? m->length.v : -1;
	h->last_score = m->score.set ? m->score.v : -1;
	return LM_OK;
}

static void *load(const char *path, struct lm_match_loaded *count, void *before)
{
	struct lm_err err = { 0 };
	if (lm_matcher_yara.load(path, &before, count, &err) != LM_OK)
		fail_msg("load: %s", err.msg);
	return before;
}

static enum lm_rc scan(void *m, struct lm_str bytes, const char *path, struct hits *h)
{
	static const uint8_t sha[32] = { 1 };
	struct lm_arena a;
	lm_arena_init(&a, 1 << 20);
	struct lm_match_in in = { .data = lm_str_bytes(bytes), .sha256 = sha, .path = lm_cstr(path), .arena = &a };
	memset(h, 0, sizeof *h);
	enum lm_rc rc = lm_matcher_yara.match(m, &in, on_hit, h);
	lm_arena_fini(&a);
	return rc;
}

static void test_folder(void **state)
{
	struct lm_match_loaded n = { 0 };
	struct lm_err err;
	struct hits h;
	(void)state;
	put("a/one.yar", "rule one : tag_a tag_b {\n meta:\n  description = \"a \\\"quoted\\\" word\"\n  score = 80\n"
			 "  family = \"Sample\"\n  severity = \"high\"\n  score = 70\n strings:\n  $b = \"later\"\n"
			 "  $a = \"needle\"\n condition: any of them }\n");
	put("b/two.yara",
	    "rule two { condition: filename == \"x.dll\" and extension == \".dll\" and filetype == \"EXE\" }\n");
	put("b/bad.yar", "rule broken {\n strings:\n  $a = \"x\n condition: $a }\n");
	put("c/magic.yar", "import  \"magic\"\nrule m { condition: magic.type() contains \"text\" }\n");
	put("c/comment.yar", "// import \"magic\"\n/* import \"cuckoo\"\n */\nrule commented { condition: false }\n");
	put("c/index.yar", "include \"../a/one.yar\"\n");
	put("notes.txt", "Rule number one: this is prose, not a rule {\n");
	put("noend",
	    "/* a rule without the usual ending */\nrule three { strings: $x = { 4e 45 45 44 } condition: $x }\n");
	void *m = load(dir, &n, NULL);
	m = load(dir, &n, m); /* the same folder again adds nothing */
	assert_int_equal(lm_matcher_yara.ready(m, &err), LM_OK);
	assert_int_equal(n.files, 4);
	assert_int_equal(n.rules, 4);
	assert_int_equal(n.bad_files, 2);
	assert_non_null(strstr(logged, "b/bad.yar': line 4"));
	assert_non_null(strstr(logged, "module 'magic'"));
	assert_int_equal(scan(m, LM_STR("some needle here, later"), "dir/file.txt", &h), LM_OK);
	assert_string_equal(h.rules, "one\n");
	assert_string_equal(h.last_string, "$a");
	assert_int_equal(h.last_offset, 5);
	assert_int_equal(h.last_length, 6);
	assert_string_equal(h.last_tags, "tag_a;tag_b");
	assert_string_equal(h.last_file, "a/one.yar");
	assert_string_equal(h.last_family, "Sample");
	assert_string_equal(h.last_severity, "high");
	assert_string_equal(h.last_meta,
			    "{\"description\":\"a \\\"quoted\\\" word\",\"score\":80,\"family\":\"Sample\","
			    "\"severity\":\"high\"}");
	assert_int_equal(scan(m, LM_STR("MZ"), "deep/x.dll", &h), LM_OK);
	assert_string_equal(h.rules, "two\n");
	assert_int_equal(h.last_offset, -1);
	assert_int_equal(scan(m, LM_STR("MZ"), "deep/y.dll", &h), LM_OK);
	assert_int_equal(h.n, 0);
	assert_int_equal(scan(m, (struct lm_str){ 0 }, "empty", &h), LM_OK);
	assert_int_equal(h.n, 0);
	assert_int_equal(scan(m, LM_STR("I NEED it"), "z", &h), LM_OK);
	assert_string_equal(h.rules, "three\n");
	lm_matcher_yara.free(m);
}

static void test_same_names_in_two_folders(void **state)
{
	struct lm_match_loaded n = { 0 };
	struct lm_err err;
	struct hits h;
	char one[128], two[128];
	(void)state;
	put("x/r.yar", "rule same { strings: $a = \"aaaa\" condition: $a }\n");
	put("y/r.yar", "rule same { strings: $a = \"bbbb\" condition: $a }\n");
	snprintf(one, sizeof one, "%s/x", dir);
	snprintf(two, sizeof two, "%s/y", dir);
	void *m = load(two, &n, load(one, &n, NULL));
	assert_int_equal(lm_matcher_yara.ready(m, &err), LM_OK);
	assert_int_equal(n.files, 2);
	assert_int_equal(scan(m, LM_STR("aaaa bbbb"), "f", &h), LM_OK);
	assert_int_equal(h.n, 2);
	lm_matcher_yara.free(m);
}

static void test_include_stays_inside(void **state)
{
	struct lm_match_loaded n = { 0 };
	struct lm_err err;
	char sub[128], link[160];
	(void)state;
	put("outside.yar", "rule outside { condition: true }\n");
	put("rules/inner/part.inc", "rule part { condition: true }\n");
	put("rules/ok.yar", "include \"inner/part.inc\"\nrule ok { condition: part }\n");
	put("rules/up.yar", "include \"../outside.yar\"\nrule up { condition: outside }\n");
	put("rules/abs.yar", "include \"/etc/passwd\"\nrule abs { condition: true }\n");
	put("rules/sym.yar", "include \"link.inc\"\nrule sym { condition: outside }\n");
	snprintf(sub, sizeof sub, "%s/rules", dir);
	snprintf(link, sizeof link, "%s/link.inc", sub);
	assert_int_equal(symlink("../outside.yar", link), 0);
	snprintf(link, sizeof link, "%s/pipe.yar", sub);
	assert_int_equal(mkfifo(link, 0600), 0);
	void *m = load(sub, &n, NULL);
	assert_int_equal(lm_matcher_yara.ready(m, &err), LM_OK);
	/* part.inc is a file of rules by its content, too */
	assert_int_equal(n.files, 2);
	assert_int_equal(n.bad_files, 3);
	lm_matcher_yara.free(m);
}

static void test_probe(void **state)
{
	(void)state;
	assert_true(lm_matcher_yara.probe(
		LM_STR("a"), lm_str_bytes(LM_STR("\xef\xbb\xbf // c\nprivate rule x { condition: true }"))));
	assert_true(lm_matcher_yara.probe(LM_STR("a"), lm_str_bytes(LM_STR("import \"pe\"\n"))));
	assert_false(lm_matcher_yara.probe(LM_STR("a.yml"), lm_str_bytes(LM_STR("title: rule x\nlogsource: {}\n"))));
	assert_false(lm_matcher_yara.probe(LM_STR("a"), lm_str_bytes(LM_STR("rules are good"))));
	assert_false(lm_matcher_yara.probe(LM_STR("a"), (struct lm_bytes){ 0 }));
	assert_true(lm_matcher_yara.probe(LM_STR("a.YAR"), (struct lm_bytes){ 0 }));
}

static void test_missing_folder(void **state)
{
	struct lm_match_loaded n = { 0 };
	struct lm_err err;
	void *m = NULL;
	(void)state;
	assert_int_equal(lm_matcher_yara.load("/nonexistent/rules", &m, &n, &err), LM_EIO);
	assert_non_null(strstr(err.msg, "/nonexistent/rules"));
}

/* The public rule set of the corpus, and the yara command line on the same rules and the same inert file. */
static void test_signature_base(void **state)
{
	const char *corpus = getenv("LIMIER_CORPUS");
	char path[512], command[2048], want[65536] = "";
	struct lm_match_loaded n = { 0 };
	struct lm_err err;
	static struct hits h;
	(void)state;
	snprintf(path, sizeof path, "%s/rules/signature-base/yara", corpus ? corpus : "");
	if (!corpus || access(path, R_OK) != 0) {
		print_message("skipped: LIMIER_CORPUS has no rules/signature-base\n");
		skip();
	}
	void *m = load(path, &n, NULL);
	assert_int_equal(lm_matcher_yara.ready(m, &err), LM_OK);
	print_message("rules/signature-base: %u rules in %u files, %u left out\n%s", n.rules, n.files, n.bad_files,
		      logged);
	assert_int_equal(n.bad_files, 0);
	/*
	 * 5,934 lines of the set begin with `rule`, some of them inside comments. The yara command line prints 5,871
	 * rule names (with -n and without); 12 further rules are private.
	 */
	assert_int_equal(n.files, 741);
	assert_int_equal(n.rules, 5871 + 12);
	/* inert: a text with the published marker strings behind a bare MZ */
	static const char sample[] = "MZ inert sample, no code\n3jB(2bsG#@c7\nAVMonitorRefreshEvent\n"
				     "__tutma\n__tutmc\nvG2eZ1KOeGd2n5fr\n";
	put("sample/inert.bin", sample);
	assert_int_equal(scan(m, (struct lm_str){ sample, sizeof sample - 1 }, "inert.bin", &h), LM_OK);
	assert_true(h.n > 0);
	lm_matcher_yara.free(m);
	if (system("command -v yara >/dev/null 2>&1") != 0) {
		print_message("skipped the peer: package yara is not installed\n");
		return;
	}
	snprintf(command, sizeof command,
		 "cd '%s' && for f in $(grep -rlE '3jB|AVMonitorRefresh|__tutm|vG2eZ1KO' .); do yara -w -d "
		 "filename=inert.bin "
		 "-d filepath=inert.bin -d extension=.bin -d filetype=EXE -d owner= \"$f\" '%s/sample/inert.bin'; done "
		 "| "
		 "cut -d' ' -f1 | sort -u",
		 path, dir);
	FILE *p = popen(command, "r");
	size_t got = fread(want, 1, sizeof want - 1, p);
	pclose(p);
	want[got] = 0;
	struct lm_str rest = lm_cstr(want), name;
	unsigned peers = 0;
	while (lm_str_split(&rest, '\n', &name))
		if (name.n) {
			char line[256];
			snprintf(line, sizeof line, "%.*s\n", LM_STR_ARG(name));
			peers++;
			if (!strstr(h.rules, line))
				fail_msg("yara fires %s, limier does not; limier fires:\n%s", line, h.rules);
		}
	print_message("%u rules fire here, %u of them in the files the peer was given\n", h.n, peers);
	assert_true(peers > 0 && peers <= h.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_names_in_two_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_include_stays_inside, setup, teardown),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_missing_folder),
		cmocka_unit_test_setup_teardown(test_signature_base, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
