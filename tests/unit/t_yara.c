/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_yara.c - the YARA matcher: loading folders, what is left out and why, matches with their places, externals,
 * limits; a public rule set, and the `yara` program over the same file.
 */
#include "unit/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "fact/json.h"
#include "match/yara_int.h"

extern const struct lm_matcher lm_matcher_yara;

/* ---- a folder of files, and what is said ---- */

static char folder[64];
static struct lm_buf said;

static void on_log(enum lm_log_level level, const char *msg, void *user)
{
	(void)user;
	if (level <= LM_LOG_WARN)
		lm_buf_fmt(&said, "%s\n", msg);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/t_yara.XXXXXX");
	lm_buf_init(&said, 1 << 20);
	lm_log_set(on_log, NULL);
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char cmd[128];
	(void)state;
	snprintf(cmd, sizeof cmd, "rm -rf '%s'", folder);
	lm_log_set(NULL, NULL);
	lm_buf_fini(&said);
	return system(cmd);
}

static void put_bytes(const char *name, const void *data, size_t n)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(path, 0700);
		*slash = '/';
	}
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	fclose(f);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static bool was_said(const char *words)
{
	return strstr(lm_buf_view(&said).p, words) != NULL;
}

static struct lm_match_loaded load(void **y, const char *below)
{
	char path[512];
	struct lm_match_loaded count = { 0 };
	struct lm_err err;
	snprintf(path, sizeof path, "%s%s%s", folder, *below ? "/" : "", below);
	if (lm_matcher_yara.load(path, y, &count, &err) != LM_OK)
		fail_msg("%s", err.msg);
	return count;
}

static void make_ready(void *y)
{
	struct lm_err err;
	if (lm_matcher_yara.ready(y, &err) != LM_OK)
		fail_msg("%s", err.msg);
}

/* ---- matches ---- */

struct found {
	struct lm_arena a;
	struct lm_obs o[64];
	size_t n;
	enum lm_rc rc, answer;
	bool count_only;
};

static enum lm_rc keep(void *user, const struct lm_obs *o)
{
	struct found *f = user;
	assert_int_equal(o->kind, LM_K_rule_match);
	if (f->count_only)
		return f->answer;
	assert_true(f->n < 64);
	assert_true(lm_obs_copy(&f->a, o, &f->o[f->n++]));
	return f->answer;
}

static void match(struct found *f, void *y, const char *path, const char *original, const void *data, size_t n)
{
	static const uint8_t sha256[32] = { 0x5a };
	struct lm_arena scratch;
	lm_arena_init(&scratch, 8 << 20);
	lm_arena_init(&f->a, 8 << 20);
	f->n = 0;
	uint8_t *exact = malloc(n + !n);
	memcpy(exact, data, n);
	struct lm_match_in in = { .data = { exact, n }, .sha256 = sha256, .path = lm_cstr(path), .arena = &scratch };
	in.original = lm_cstr(original);
	f->rc = lm_matcher_yara.match(y, &in, keep, f);
	free(exact);
	lm_arena_fini(&scratch);
}

static const struct lm_obs_rule_match *rule(const struct found *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (lm_str_eq(f->o[i].rule_match.rule, lm_cstr(name)))
			return &f->o[i].rule_match;
	return NULL;
}

/* ---- tests ---- */

static void test_probe(void **state)
{
	(void)state;
	static const struct {
		const char *path, *text;
		bool mine;
	} t[] = {
		{ "a.yar", "anything", true },
		{ "A.YARA", "", true },
		{ "a.txt", "rule x { condition: true }", true },
		{ "a", "\xef\xbb\xbf/* c */ // d\n\n private global\nrule x:tag{condition:true}", true },
		{ "a.rules", "import\t\"pe\"\nrule x {condition: true}", true },
		{ "a.rules", "include \"x.yar\"", true },
		{ "a.yml", "title: x\nlogsource:\n  product: windows\n", false },
		{ "a.txt", "rule of thumb: { }", false },
		{ "a.txt", "import of goods { \" }", false },
		{ "a.txt", "include the \"file\"", false },
		{ "a.py", "import os\nprint(\"{}\")", false },
		{ "a.txt", "// rule x { condition: true }", false },
		{ "a.txt", "ruleset { }", false },
		{ "a.txt", "rule", false },
		{ "a.txt", "", false },
		{ "a.txt", "/*", false },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (lm_matcher_yara.probe(lm_cstr(t[i].path), lm_str_bytes(lm_cstr(t[i].text))) != t[i].mine)
			fail_msg("%s: '%s'", t[i].path, t[i].text);
}

static void test_folder(void **state)
{
	(void)state;
	void *y = NULL;
	struct found f = { 0 };
	put("b.yar", "rule same { strings: $a = \"needle\" condition: $a }");
	put("a/z.yar", "rule same { strings: $b = \"needle\" condition: $b }\nrule two { condition: false }");
	put("a/bad.yar", "rule fine { condition: true }\n\nrule broken {\n condition: no_such_thing\n}\n");
	put("c.txt", "\xef\xbb\xbf// a BOM, and no ending that tells\nrule third { condition: filesize > 3 }");
	put("notes.txt", "nothing of ours");
	put("sigma.yml", "title: t\ndetection:\n");
	put(".hidden.yar", "rule hidden { condition: true }");
	put_bytes("nul.yar", "rule x { condition: true }\0", 27);
	struct lm_match_loaded n = load(&y, "");
	assert_int_equal(n.files, 3);
	assert_int_equal(n.rules, 4);
	assert_int_equal(n.bad_files, 2);
	assert_true(was_said("a/bad.yar': line 4: undefined identifier \"no_such_thing\""));
	assert_true(was_said("nul.yar': a NUL byte at offset 26"));
	assert_false(was_said("notes"));
	/* the same folder again adds nothing */
	n = load(&y, "");
	assert_int_equal(n.rules, 0);
	make_ready(y);
	match(&f, y, "x", NULL, "a needle here", 13);
	assert_int_equal(f.rc, LM_OK);
	assert_int_equal(f.n, 3);
	/* byte order of paths: a/z.yar, b.yar, c.txt; one namespace a file */
	assert_str(f.o[0].rule_match.file, "a/z.yar");
	assert_str(f.o[0].rule_match.rule, "same");
	assert_str(f.o[0].rule_match.string, "$b");
	assert_str(f.o[1].rule_match.file, "b.yar");
	assert_str(f.o[1].rule_match.rule, "same");
	assert_str(f.o[2].rule_match.rule, "third");
	assert_false(f.o[2].rule_match.offset.set);
	lm_arena_fini(&f.a);
	lm_matcher_yara.free(y);
}

/* Two folders with files of one name, a single file; many bad files among good ones. */
static void test_more_folders(void **state)
{
	(void)state;
	void *y = NULL;
	struct found f = { 0 };
	put("one/r.yar", "rule r { condition: true }");
	put("two/r.yar", "rule r { condition: true }");
	for (int i = 0; i < 20; i++) {
		char name[32], text[64];
		snprintf(name, sizeof name, "two/s%02d.yar", i);
		snprintf(text, sizeof text, i % 2 ? "rule s%d { condition: true }" : "rule s%d { condition: }", i);
		put(name, text);
	}
	put("single.rules", "include \"one/r.yar\"");
	assert_int_equal(load(&y, "one").rules, 1);
	struct lm_match_loaded n = load(&y, "two");
	assert_int_equal(n.rules, 11);
	assert_int_equal(n.bad_files, 10);
	/* given by itself an index is followed */
	assert_int_equal(load(&y, "single.rules").rules, 1);
	make_ready(y);
	match(&f, y, "x", NULL, "", 0);
	assert_int_equal(f.n, 13);
	assert_str(f.o[0].rule_match.file, "r.yar");
	assert_str(f.o[1].rule_match.file, "r.yar (2)");
	lm_arena_fini(&f.a);
	lm_matcher_yara.free(y);
	struct lm_err err;
	struct lm_match_loaded count;
	y = NULL;
	assert_int_equal(lm_matcher_yara.load("/no/such/folder", &y, &count, &err), LM_EIO);
	assert_null(y);
}

static void test_includes(void **state)
{
	(void)state;
	void *y = NULL;
	put("rules/index.yar", "/* all */ include \"a.yar\"\ninclude \"sub/b.yar\"\n");
	put("rules/a.yar", "rule a { condition: true }");
	put("rules/sub/b.yar", "include \"../parts/helper.txt\"\nrule b { condition: helper }");
	put("rules/parts/helper.txt", "private rule helper { condition: true }");
	put("outside.txt", "rule outside { condition: true }");
	put("rules/steal.yar", "include \"../outside.txt\"\nrule c { condition: outside }");
	put("rules/absolute.yar", "include \"/etc/passwd\"\nrule d { condition: true }");
	struct lm_match_loaded n = load(&y, "rules");
	/* a, b (with its helper), helper itself; the index adds nothing twice */
	assert_int_equal(n.files, 3);
	assert_int_equal(n.rules, 4);
	assert_int_equal(n.bad_files, 2);
	assert_true(was_said("steal.yar'"));
	assert_true(was_said("absolute.yar'"));
	assert_false(was_said("root:"));
	make_ready(y);
	lm_matcher_yara.free(y);
}

static void test_modules(void **state)
{
	(void)state;
	void *y = NULL;
	struct found f = { 0 };
	put("m.yar", "import \"magic\"\nrule m { condition: magic.type() contains \"x\" }");
	put("k.yar", "import\n\"cuckoo\" rule k { condition: cuckoo.network.http_request(/x/) }");
	put("i.yar", "include \"parts.txt\"\nrule i { condition: true }");
	put("parts.txt", "import \"magic\"\nrule p { condition: magic.type() == \"\" }");
	/* the words alone are no import */
	put("word.yar", "// import \"magic\"\nrule word { meta: a = \"import \\\"cuckoo\\\"\" strings: $a = \"magic\" "
			"condition: not $a }");
	put("pe.yar", "import \"pe\" import \"math\" import \"hash\" rule pe_ok { condition: not pe.is_pe and "
		      "math.min(1, 2) == 1 "
		      "and hash.md5(0, 0) == \"\" or true }");
	struct lm_match_loaded n = load(&y, "");
	assert_int_equal(n.files, 2);
	assert_int_equal(n.bad_files, 4);
	assert_true(was_said("m.yar' here: they import module 'magic', which is switched off"));
	assert_true(was_said("k.yar' here: they import module 'cuckoo'"));
	assert_true(was_said("i.yar' here: they import module 'magic'"));
	make_ready(y);
	match(&f, y, "x", NULL, "text", 4);
	assert_int_equal(f.rc, LM_OK);
	assert_int_equal(f.n, 2);
	lm_arena_fini(&f.a);
	lm_matcher_yara.free(y);
}

static void test_match(void **state)
{
	(void)state;
	void *y = NULL;
	struct found f = { 0 };
	put("r.yar",
	    "rule full : tag_a tag_b {\n meta:\n  description = \"a \\\"quoted\\\" text\"\n  author = \"x\"\n  score = "
	    "80\n"
	    "  malware_family = \"Fam\"\n  reference = \"https://example.example/1\"\n  reference = "
	    "\"https://example.example/2\"\n"
	    "  severity = \"high\"\n  active = true\n  negative = -5\n"
	    " strings:\n  $late = \"late\"\n  $first = \"early\"\n  $tie = \"earl\"\n  $twice = \"late\" wide ascii\n"
	    " condition: any of them }\n"
	    "rule expression { strings: $h = { 61 62 [0-6] 7a } $r = /q+x/ condition: any of them }\n"
	    "rule counts { meta: level = 3 score = \"900\" threat_name = \"T\" strings: $a = \"late\" condition: #a == "
	    "2 }\n"
	    "private rule hidden { condition: true }\n"
	    "rule uses_hidden { condition: hidden }\n");
	load(&y, "");
	make_ready(y);
	static const char text[] = "..early.. abz late late l\0a\0t\0e\0 ab....z qqqx qx";
	match(&f, y, "x", NULL, text, sizeof text - 1);
	assert_int_equal(f.rc, LM_OK);
	assert_int_equal(f.n, 4); /* hidden is private */
	const struct lm_obs_rule_match *m = rule(&f, "full");
	assert_non_null(m);
	assert_str(m->matcher, "yara");
	assert_str(m->file, "r.yar");
	assert_str(m->tags, "tag_a;tag_b");
	assert_str(m->description, "a \"quoted\" text");
	assert_str(m->family, "Fam");
	assert_str(m->reference, "https://example.example/1");
	assert_str(m->severity, "high");
	assert_int_equal(m->score.v, 80);
	assert_int_equal(m->sha256.n, 32);
	assert_int_equal(m->sha256.p[0], 0x5a);
	/* the lowest offset; $first stands before $tie in the rule */
	assert_str(m->string, "$first");
	assert_int_equal(m->offset.v, 2);
	assert_int_equal(m->length.v, 5);
	assert_int_equal(f.o[0].at.offset, 2);
	assert_int_equal(f.o[0].at.length, 5);
	struct lm_json_doc *d = lm_json_new(1 << 16);
	struct lm_json v;
	assert_int_equal(lm_json_parse(d, lm_str_bytes(m->meta), &v, NULL), LM_OK);
	assert_str(lm_json_str(lm_json_get(v, "author")), "x");
	assert_int_equal(lm_json_int(lm_json_get(v, "negative"), 0), -5);
	assert_true(lm_json_bool(lm_json_get(v, "active"), false));
	assert_int_equal(lm_json_get(v, "reference").type, LM_J_ARR); /* stated twice */
	lm_json_free(d);
	m = rule(&f, "expression");
	assert_str(m->string, "$h");
	assert_int_equal(m->offset.v, 10);
	assert_int_equal(m->length.v, 3);
	m = rule(&f, "counts");
	assert_non_null(m);
	assert_int_equal(m->score.v, 100);
	assert_str(m->severity, "3");
	assert_str(m->family, "T");
	assert_int_equal(m->offset.v, 14);
	m = rule(&f, "uses_hidden");
	assert_non_null(m);
	assert_null(m->string.p);
	assert_null(m->tags.p);
	lm_arena_fini(&f.a);
	/* the caller's refusal ends it, memory that runs out is told */
	f.answer = LM_EIO;
	match(&f, y, "x", NULL, text, sizeof text - 1);
	assert_int_equal(f.rc, LM_EIO);
	assert_int_equal(f.n, 1);
	lm_arena_fini(&f.a);
	f.answer = LM_OK;
	f.count_only = true;
	for (unsigned long i = 1; i < 12; i++) {
		lm_arena_fail_at(i);
		match(&f, y, "x", NULL, text, 8);
		lm_arena_fail_at(0);
		assert_true(f.rc == LM_OK || f.rc == LM_ELIMIT);
		lm_arena_fini(&f.a);
	}
	lm_matcher_yara.free(y);
}

static void test_externals(void **state)
{
	(void)state;
	void *y = NULL;
	struct found f = { 0 };
	put("e.yar", "rule e { condition: filename == \"App.EXE\" and filepath == \"C:\\\\x\\\\App.EXE\" and extension "
		     "== \".exe\" "
		     "and filetype == \"EXE\" and owner == \"\" }\n"
		     "rule p { condition: filepath == \"dir.d/none\" and filename == \"none\" and extension == \"\" "
		     "and filetype == \"\" }\n"
		     "rule g { condition: filetype == \"GIF\" }\n"
		     "rule macho { condition: filetype == \"MACH-O\" }\n");
	load(&y, "");
	make_ready(y);
	match(&f, y, "case.zip!/C/x/App.EXE", "C:\\x\\App.EXE", "MZ\x90", 3);
	assert_int_equal(f.n, 1);
	assert_non_null(rule(&f, "e"));
	lm_arena_fini(&f.a);
	match(&f, y, "dir.d/none", NULL, "text", 4); /* nothing is left of the scan before */
	assert_int_equal(f.n, 1);
	assert_non_null(rule(&f, "p"));
	lm_arena_fini(&f.a);
	match(&f, y, "x.gif", NULL, "GIF89a", 6);
	assert_non_null(rule(&f, "g"));
	lm_arena_fini(&f.a);
	match(&f, y, "x", NULL, "\xcf\xfa\xed\xfe....", 8);
	assert_non_null(rule(&f, "macho"));
	lm_arena_fini(&f.a);
	lm_matcher_yara.free(y);
}

static void test_time_limit(void **state)
{
	(void)state;
	void *y = NULL;
	struct found f = { 0 };
	put("slow.yar",
	    "rule slow { condition: for all i in (1..100000000000) : (i > 0) }\nrule quick { condition: true }");
	load(&y, "");
	struct lm_yara *inner = y;
	inner->seconds = 1;
	make_ready(y);
	match(&f, y, "x", NULL, "text", 4);
	assert_int_equal(f.rc, LM_ELIMIT);
	lm_arena_fini(&f.a);
	lm_matcher_yara.free(y);
}

/* Places of the two scans agree with those of a full scan alone, over text where expressions overlap. */
static void test_places(void **state)
{
	(void)state;
	void *y = NULL;
	struct found f = { 0 };
	put("p.yar", "rule a { strings: $a = /[a-c]{1,4}zz/ $b = { 61 ?? 63 [1-3] 7a } $c = \"abc\" nocase condition: "
		     "any of them }");
	load(&y, "");
	make_ready(y);
	unsigned seed = 1;
	for (int round = 0; round < 200; round++) {
		char text[64];
		for (size_t i = 0; i < sizeof text; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] = "abcz.C"[seed >> 16 & 7 ? (seed >> 16) % 6 : 3];
		}
		match(&f, y, "x", NULL, text, sizeof text);
		/* the lowest place by hand */
		size_t lowest = SIZE_MAX;
		for (size_t i = 0; i < sizeof text && lowest == SIZE_MAX; i++) {
			size_t k = i;
			while (k < sizeof text && k < i + 4 && text[k] >= 'a' && text[k] <= 'c')
				k++;
			for (size_t e = i + 1; e <= k && lowest == SIZE_MAX; e++)
				if (e + 1 < sizeof text && text[e] == 'z' && text[e + 1] == 'z')
					lowest = i;
			if (i + 2 < sizeof text && (text[i] | 32) == 'a' && (text[i + 1] | 32) == 'b' &&
			    (text[i + 2] | 32) == 'c')
				lowest = i;
			for (size_t gap = 1; gap <= 3 && text[i] == 'a' && i + 2 < sizeof text && text[i + 2] == 'c';
			     gap++)
				if (i + 3 + gap < sizeof text && text[i + 3 + gap] == 'z')
					lowest = i;
		}
		assert_int_equal(f.n, lowest != SIZE_MAX);
		if (f.n && (size_t)f.o[0].rule_match.offset.v != lowest)
			fail_msg("%.64s: %lld, not %zu", text, (long long)f.o[0].rule_match.offset.v, lowest);
		lm_arena_fini(&f.a);
	}
	lm_matcher_yara.free(y);
}

/* The match at offset 0 is found by its end, after one that begins later: only the full scan sees which is first. */
static void test_first_place(void **state)
{
	(void)state;
	void *y = NULL;
	struct found f = { 0 };
	static const char text[] = "x......YYVV.........QZWKx";
	put("p.yar", "rule a { strings: $a = /x.{19}QZWK|YYVV/ condition: $a }");
	load(&y, "");
	make_ready(y);
	match(&f, y, "x", NULL, text, sizeof text - 1);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.o[0].rule_match.offset.v, 0);
	assert_int_equal(f.o[0].rule_match.length.v, 24);
	lm_arena_fini(&f.a);
	lm_matcher_yara.free(y);
}

/* ---- a public rule set, and the program that others use ---- */

/* A program header's two letters and texts from a public report: inert. */
static const char planted[] =
	"MZ this is text, no program: 3jB(2bsG#@c7 https://raw.githubusercontent.com/IconStorages";

static void peer(const struct found *f, const char *rules)
{
	char cmd[4096], line[512];
	size_t n = 0;
	put_bytes("planted.exe", planted, sizeof planted - 1);
	snprintf(cmd, sizeof cmd,
		 "cd '%s' && yara -w -d filename=planted.exe -d filepath=planted.exe -d extension=.exe -d filetype=EXE "
		 "-d owner= "
		 "$(for f in '%s'/*.yar '%s'/*.yara; do echo \"${f##*/}:$f\"; done) planted.exe 2>&1",
		 folder, rules, rules);
	FILE *p = popen(cmd, "r");
	assert_non_null(p);
	while (fgets(line, sizeof line, p)) {
		line[strcspn(line, " \n")] = 0;
		if (!rule(f, line))
			fail_msg("yara finds '%s', we do not", line);
		n++;
	}
	assert_int_equal(pclose(p), 0);
	assert_int_equal(n, f->n);
	printf("yara finds the same %zu rules\n", n);
}

static void test_public_rules(void **state)
{
	(void)state;
	const char *corpus = getenv("LIMIER_CORPUS");
	char path[512];
	struct lm_match_loaded n = { 0 };
	struct lm_err err;
	struct found f = { 0 };
	void *y = NULL;
	snprintf(path, sizeof path, "%s/rules/signature-base/yara", corpus ? corpus : "");
	if (!corpus || access(path, R_OK) != 0) {
		printf("no LIMIER_CORPUS/rules/signature-base: not tested against public rules\n");
		skip();
	}
	assert_int_equal(lm_matcher_yara.load(path, &y, &n, &err), LM_OK);
	printf("%u rules in %u files, %u left out\n", n.rules, n.files, n.bad_files);
	if (said.n)
		printf("%s", lm_buf_view(&said).p);
	/* yarac counts the same in the same files; 51 more stand in comments */
	assert_int_equal(n.rules, 5883);
	assert_int_equal(n.files, 741);
	assert_int_equal(n.bad_files, 0);
	make_ready(y);
	match(&f, y, "planted.exe", NULL, planted, sizeof planted - 1);
	assert_int_equal(f.rc, LM_OK);
	const struct lm_obs_rule_match *m = rule(&f, "APT_SUSP_NK_3CX_RC4_Key_Mar23_1");
	assert_non_null(m);
	assert_str(m->file, "gen_mal_3cx_compromise_mar23.yar");
	assert_str(m->string, "$x1");
	assert_int_equal(m->offset.v, strstr(planted, "3jB") - planted);
	assert_int_equal(m->length.v, 12);
	assert_int_equal(m->score.v, 70);
	if (system("command -v yara >/dev/null") == 0)
		peer(&f, path);
	else
		printf("no yara program: peer not asked (package yara)\n");
	lm_arena_fini(&f.a);
	lm_matcher_yara.free(y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
		cmocka_unit_test_setup_teardown(test_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_more_folders, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_includes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_modules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_match, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_externals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_first_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_public_rules, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
