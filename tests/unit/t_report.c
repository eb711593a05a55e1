/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_report.c - reports of a sample case: the document against its schema, the page against an independent parser,
 * hostile text everywhere, the same case giving the same bytes, sizes, files written whole.
 */
#include "report_sample.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/html.h"
#include "report/report.h"

extern char **environ;

static const struct lm_report_opts opts = { "amber", "0.1.0", false };

static struct lm_case *open_case(void)
{
	struct lm_case *c = NULL;
	struct lm_err err = { 0 };
	if (lm_case_open(NULL, LM_CASE_CREATE, &c, &err) != LM_OK)
		fail_msg("%s", err.msg);
	return c;
}

static void render(struct lm_case *c, const struct lm_report *r, struct lm_buf *out)
{
	struct lm_err err = { 0 };
	lm_buf_init(out, (size_t)1 << 30);
	if (r->write(c, &opts, out, &err) != LM_OK)
		fail_msg("%s: %s", r->name, err.msg);
	assert_false(out->bad);
}

static bool holds(struct lm_str s, const char *what)
{
	return lm_bytes_find(lm_str_bytes(s), lm_str_bytes(lm_cstr(what))) != SIZE_MAX;
}

static size_t times_in(struct lm_str s, const char *what)
{
	size_t n = 0, at;
	while ((at = lm_bytes_find(lm_str_bytes(s), lm_str_bytes(lm_cstr(what)))) != SIZE_MAX) {
		s = lm_str_part(s, at + 1, s.n);
		n++;
	}
	return n;
}

/* ---- programs that nobody here wrote as judges ---- */

static char folder[] = "/tmp/lm-t-report-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	char path[128];
	static const char *const names[] = { "report.json", "report.html", "findings.csv", "judge.py", "in", "log" };
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
		snprintf(path, sizeof path, "%s/a/b/%s", folder, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/a/b", folder);
	rmdir(path);
	snprintf(path, sizeof path, "%s/a", folder);
	rmdir(path);
	return rmdir(folder);
}

static void put_file(const char *name, struct lm_str s)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(s.p, 1, s.n, f), s.n);
	assert_int_equal(fclose(f), 0);
}

/* Runs python3 SCRIPT FILE; its exit code, 77 = a module is missing, -1 = no python3. */
static int judge(const char *script, struct lm_str document, bool quiet)
{
	posix_spawn_file_actions_t actions;
	char py[128], in[128];
	pid_t pid;
	int status;
	put_file("judge.py", lm_cstr(script));
	put_file("in", document);
	snprintf(py, sizeof py, "%s/judge.py", folder);
	snprintf(in, sizeof in, "%s/in", folder);
	char *argv[] = { "python3", "-W", "ignore", py, in, NULL };
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	if (quiet)
		assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0), 0);
	int rc = posix_spawnp(&pid, "python3", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc != 0)
		return -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? (WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status)) : 1;
}

/* True when the judge could be asked and is content. */
static bool judged(const char *script, struct lm_str document)
{
	int rc = judge(script, document, false);
	if (rc == -1 || rc == 77) {
		print_message("python3%s is not here: this check is left out\n", rc == 77 ? "-jsonschema" : "");
		return false;
	}
	assert_int_equal(rc, 0);
	return true;
}

static const char schema_judge[] = "import json, sys\n"
				   "try:\n"
				   "    import jsonschema\n"
				   "except ImportError:\n"
				   "    sys.exit(77)\n"
				   "doc = json.load(open(sys.argv[1], encoding='utf-8'))\n"
				   "schema = json.load(open('docs/schema/report.json', encoding='utf-8'))\n"
				   "cls = jsonschema.Draft202012Validator\n"
				   "cls.check_schema(schema)\n"
				   "bad = list(cls(schema).iter_errors(doc))\n"
				   "for e in bad[:5]:\n"
				   "    print('/'.join(map(str, e.absolute_path)), e.message[:200], file=sys.stderr)\n"
				   "names = {h['host'] for h in doc['hosts']} | {'*'}\n"
				   "ids = {f['id'] for f in doc['findings']}\n"
				   "for f in doc['findings']:\n"
				   "    assert f['host'] in names, f['host']\n"
				   "order = ['exposed', 'altered', 'beaconing', 'second_stage', 'hands_on']\n"
				   "for h in doc['hosts']:\n"
				   "    assert h['stages'] == [s for s in order if s in h['stages']]\n"
				   "    assert [c['stage'] for c in h['chain']] == h['stages']\n"
				   "    assert h['stage'] == (h['stages'][-1] if h['stages'] else None)\n"
				   "    for c in h['chain']:\n"
				   "        assert c['findings'] and set(c['findings']) <= ids\n"
				   "for row in doc['funnel']:\n"
				   "    mine = [h for h in doc['hosts'] if row['stage'] in h['stages']]\n"
				   "    assert row['hosts'] == len(mine)\n"
				   "    assert row['orgs'] == len({h['org'] for h in mine if h['org'] is not None})\n"
				   "sys.exit(1 if bad else 0)\n";

/* Well-formed as XML, no script, nothing loaded, no link but to ids that exist, no id twice, tables labelled. */
static const char page_judge[] =
	"import sys, xml.etree.ElementTree as E, html.parser\n"
	"text = open(sys.argv[1], encoding='utf-8').read()\n"
	"root = E.fromstring(text)\n"
	"ids, links = set(), set()\n"
	"for e in root.iter():\n"
	"    assert e.tag in ('html head meta title style body svg defs pattern rect nav main section header a p b h1 "
	"h2 h3 h4 '\n"
	"        'dl dt dd div ol ul li span strong table caption thead tbody tfoot tr th td code article details "
	"summary').split(), e.tag\n"
	"    for k, v in e.attrib.items():\n"
	"        assert not k.startswith('on') and k not in ('style', 'src', 'action', 'srcdoc'), k\n"
	"        if k == 'href':\n"
	"            assert v.startswith('#'), v\n"
	"            links.add(v[1:])\n"
	"    if 'id' in e.attrib:\n"
	"        assert e.attrib['id'] not in ids, e.attrib['id']\n"
	"        ids.add(e.attrib['id'])\n"
	"    if e.tag == 'table':\n"
	"        assert e.find('caption') is not None\n"
	"        assert all('scope' in th.attrib for th in e.iter('th'))\n"
	"assert not links - ids, sorted(links - ids)[:5]\n"
	"assert 'http:' not in text and 'https:' not in text and 'javascript' not in text.lower()\n"
	"class P(html.parser.HTMLParser):\n"
	"    seen = set()\n"
	"    def handle_starttag(self, tag, attrs):\n"
	"        self.seen.add(tag)\n"
	"p = P(); p.feed(text); p.close()\n"
	"assert p.seen == {e.tag for e in root.iter()}, p.seen\n";

/* ---- the sample ---- */

static void test_document_is_valid(void **state)
{
	static const char *const names[] = { "schema",	    "generated", "tool",      "case",
					     "revision",    "coverage",	 "funnel",    "hosts",
					     "findings",    "scope",	 "selection", "families",
					     "attribution", "flow",	 "actions",   "questions" };
	struct lm_case *c = open_case();
	struct lm_buf b;
	(void)state;
	sample_case(c, (struct sample_opts){ 600, 1 });
	render(c, &lm_report_document, &b);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char key[40];
		snprintf(key, sizeof key, "\n  \"%s\": ", names[i]);
		assert_int_equal(times_in(lm_buf_view(&b), key), 1);
	}
	assert_true(holds(lm_buf_view(&b), "\"generated\": \"2023-03-30T06:00:00Z\""));
	judged(schema_judge, lm_buf_view(&b));
	/* the judge can say no */
	char *stage = strstr(b.p, "\"stage\":\"hands_on\"");
	assert_non_null(stage);
	memcpy(stage + 9, "hands_of", 8);
	int rc = judge(schema_judge, lm_buf_view(&b), true);
	assert_true(rc == -1 || rc == 77 || rc == 1);
	lm_buf_fini(&b);
	lm_case_close(c);
}

static void test_empty_case(void **state)
{
	struct lm_case *c = open_case();
	struct lm_buf b;
	(void)state;
	render(c, &lm_report_document, &b);
	judged(schema_judge, lm_buf_view(&b));
	lm_buf_fini(&b);
	render(c, &lm_report_page, &b);
	assert_true(holds(lm_buf_view(&b), "no computer was found to be affected"));
	judged(page_judge, lm_buf_view(&b));
	lm_buf_fini(&b);
	render(c, &lm_report_findings_csv, &b);
	assert_int_equal(times_in(lm_buf_view(&b), "\n"), 1);
	lm_buf_fini(&b);
	lm_case_close(c);
}

static void test_page_of_a_fleet(void **state)
{
	struct lm_case *c = open_case();
	struct lm_buf b;
	(void)state;
	sample_case(c, (struct sample_opts){ 2790, 1 });
	render(c, &lm_report_page, &b);
	struct lm_str page = lm_buf_view(&b);
	print_message("report.html of 2,790 hosts: %zu bytes\n", page.n);
	assert_true(page.n < 2000000);
	judged(page_judge, page);
	assert_true(holds(page, "Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"));
	assert_true(holds(page, "TLP:AMBER"));
	assert_false(holds(page, "<script"));
	/* the number of a stage, the rows of its filter and the sample agree */
	assert_true(holds(page, "href=\"#f5\">7</a>"));
	assert_int_equal(times_in(page, "<td>hands-on "), 7);
	assert_int_equal(times_in(page, "<tr id=\"h"), 2790);
	/* indicators cannot be clicked, hosts of the fleet keep their names */
	assert_true(holds(page, "update-cdn[.]example"));
	assert_false(holds(page, "update-cdn.example"));
	assert_false(holds(page, "203.0.113."));
	assert_true(holds(page, "hxxp[://]vendor[.]example/advisory"));
	assert_true(holds(page, "svc-helper[.]exe"));
	assert_true(holds(page, "org01-ws00008.corp.example") || holds(page, "-ws00008.corp.example"));
	assert_true(holds(page, "mediacore.dll"));
	lm_buf_fini(&b);
	lm_case_close(c);
}

/* Above 5,000 hosts the list is grouped; the whole size takes too long with sanitizers. */
static void test_page_of_a_large_fleet(void **state)
{
#ifdef LM_SANITIZED
	enum { HOSTS = 5200 };
#else
	enum { HOSTS = 20000 };
#endif
	struct lm_case *c = open_case();
	struct lm_buf b;
	(void)state;
	sample_case(c, (struct sample_opts){ HOSTS, 1 });
	render(c, &lm_report_page, &b);
	print_message("report.html of %d hosts: %zu bytes\n", HOSTS, b.n);
	assert_true(b.n < 300000 + (size_t)HOSTS * 230); /* 20,000 hosts: below 5 MB */
	assert_int_equal(times_in(lm_buf_view(&b), "<tr id=\"h"), HOSTS);
	judged(page_judge, lm_buf_view(&b));
	lm_buf_fini(&b);
	lm_case_close(c);
}

static void test_same_case_same_bytes(void **state)
{
	struct lm_case *one = open_case(), *two = open_case();
	struct lm_buf a, b;
	(void)state;
	sample_case(one, (struct sample_opts){ 150, 1 });
	sample_case(two, (struct sample_opts){ 150, 3 }); /* three runs over the same evidence */
	assert_int_equal(lm_case_revision(one), lm_case_revision(two));
	for (const struct lm_report *const *r = lm_reports; *r; r++) {
		render(one, *r, &a);
		render(two, *r, &b);
		if (*r == &lm_report_document) {
			char *from = strstr(b.p, "\n    \"runs\": ["), *to = strstr(b.p, "\n  \"revision\"");
			assert_true(from && to && from < to);
			assert_int_equal(times_in((struct lm_str){ from, (size_t)(to - from) }, "\"started\""), 3);
			assert_string_equal(to, strstr(a.p, "\n  \"revision\""));
		} else {
			assert_int_equal(a.n, b.n);
			assert_memory_equal(a.p, b.p, a.n);
		}
		lm_buf_fini(&a);
		lm_buf_fini(&b);
	}
	lm_case_close(one);
	lm_case_close(two);
}

/* ---- hostile text ---- */

static const char hostile[] =
	"</script></style><img src=x onerror=alert(1)>\"'&amp;--><!-- ]]> \xff\xfe\xc0\x80\xed\xa0\x80 "
	"\xe2\x80\xae\xef\xbf\xbf\x01\x1b[31m\r\n\t\x7f javascript:x http://evil.example/ =cmd|x";

static void put_hostile(struct lm_case *c, struct lm_str bad)
{
	int64_t e;
	uint8_t sha[32] = { 1, 2, 3 };
	struct lm_obs o;
	SAMPLE_OK(lm_case_run_begin(c, bad, "0.1.0", 1));
	SAMPLE_OK(lm_case_set(c, "now", bad));
	SAMPLE_OK(lm_case_set(c, "subject", bad));
	SAMPLE_OK(lm_case_set(c, "geo", bad));
	SAMPLE_OK(lm_case_set(c, "totals", bad));
	SAMPLE_OK(lm_case_evidence(c, bad, -1, false, &e));
	SAMPLE_OK(lm_case_evidence_end(c, e, sha, 10, bad));
	for (int i = 0; i < 3; i++) {
		char name[16];
		snprintf(name, sizeof name, "ws-%d", i);
		lm_obs_init(&o, LM_K_host_record);
		o.host = (struct lm_ident){ i ? lm_cstr(name) : bad, { 0 }, lm_cstr(name), LM_ID_HOST_LIST };
		o.host_record.name = i || bad.n == 0 ? lm_cstr(name) : bad;
		o.host_record.org = o.host_record.country = o.host_record.sector = o.host_record.os = bad;
		SAMPLE_OK(lm_case_put(c, e, &o));
	}
	lm_obs_init(&o, LM_K_evidence_damaged);
	o.evidence_damaged.path = o.evidence_damaged.what = bad;
	o.evidence_damaged.offset = LM_INT(-1);
	SAMPLE_OK(lm_case_put(c, e, &o));
	SAMPLE_OK(lm_case_file_done(c, bad, 1, 0, LM_STR("v"), bad, 7));
	SAMPLE_OK(lm_case_commit(c));
	SAMPLE_OK(lm_case_resolve(c, NULL));
	size_t n;
	const struct lm_host *h = lm_case_hosts(c, &n);
	assert_true(n >= 2);
	for (size_t i = 0; i <= n; i++) {
		struct lm_finding f = { .detector = "hits",
					.rule = bad,
					.stage = LM_STAGE_ALTERED,
					.severity = LM_SEV_HIGH,
					.host = i ? h[i - 1].id : 0,
					.subject = bad,
					.key = bad,
					.first_seen = LM_INT(INT64_MIN),
					.last_seen = LM_INT(INT64_MAX) };
		for (; f.n_why < (bad.n > 4096 ? 2 : LM_FINDING_LIST_MAX); f.n_why++) {
			f.why[f.n_why] = bad.n ? bad : LM_STR("?"); /* an empty reason is refused */
			f.counter[f.n_why] = bad;
			f.terms[f.n_why] = (struct lm_term){ hostile, 1e308, bad };
			f.attack[f.n_why] = hostile;
			f.evidence[f.n_why] = (struct lm_evidence_ref){
				.path = bad, .offset = UINT64_MAX, .length = UINT64_MAX, .record = LM_INT(INT64_MIN)
			};
		}
		f.n_counter = f.n_terms = f.n_attack = f.n_evidence = f.n_why;
		SAMPLE_OK(lm_case_finding(c, &f));
		if (i) {
			struct lm_host_stage s = { &h[i - 1], LM_STAGE_ALTERED, LM_INT(0), { 0 }, 99, LM_STR("") };
			SAMPLE_OK(lm_case_host_stage(c, &s));
		}
	}
	static const char *const sections[] = { "verdict", "blind", "action", "question", "gap", "new" };
	for (size_t i = 0; i < 6; i++) {
		struct lm_note note = { sections[i], INT64_MIN, i % 2 ? &h[0] : NULL, bad, bad };
		SAMPLE_OK(lm_case_note(c, &note));
	}
	static const char *const dims[] = { "country", "sector", "org", "version", "signer" };
	for (size_t i = 0; i < 10; i++) {
		struct lm_scope_row r = {
			dims[i / 2], i % 2 ? bad : (struct lm_str){ 0 }, 9, 7, { 0, 8, UINT32_MAX, 1, 1, 1 }
		};
		SAMPLE_OK(lm_case_scope(c, &r));
	}
	SAMPLE_OK(lm_case_commit(c));
	SAMPLE_OK(lm_case_run_end(c, 2));
}

static const char json_judge[] = "import json, sys\n"
				 "d = json.loads(open(sys.argv[1], 'rb').read().decode('utf-8'))\n"
				 "assert d['schema'] == 'limier.report/1'\n";

static const char csv_judge[] =
	"import csv, sys\n"
	"csv.field_size_limit(1 << 24)\n"
	"rows = list(csv.reader(open(sys.argv[1], encoding='utf-8', newline='')))\n"
	"assert len(rows) > 1 and all(len(r) == 16 for r in rows), [len(r) for r in rows]\n"
	"assert not any(c[:1] in '=+-@' and c[:1] for r in rows[1:] for c in r[:7] + r[9:12])\n";

/* What must never stand in a page whatever evidence says. */
static const char leak_judge[] =
	"import sys, xml.etree.ElementTree as E\n"
	"text = open(sys.argv[1], encoding='utf-8').read()\n"
	"root = E.fromstring(text)\n"
	"tags = {e.tag for e in root.iter()}\n"
	"assert not tags & {'script', 'img'}, tags\n"
	"assert not any(k.startswith('on') for e in root.iter() for k in e.attrib)\n"
	"assert all(e.attrib['href'].startswith('#') for e in root.iter() if 'href' in e.attrib)\n"
	"for bad in ('\\u202e', '\\x1b', '\\x01', '\\x7f', '\\ufffe', '\\uffff'):\n"
	"    assert bad not in text, repr(bad)\n"
	"body = ''.join(root.find('body').itertext())\n"
	"assert 'http://' not in body and 'evil.example' not in body\n"
	"assert len(text) < 3000000, len(text)\n";

static void check_hostile(struct lm_str bad)
{
	struct lm_case *c = open_case();
	struct lm_buf b;
	put_hostile(c, bad);
	render(c, &lm_report_document, &b);
	assert_true(lm_utf8_valid(lm_buf_view(&b)));
	judged(json_judge, lm_buf_view(&b));
	lm_buf_fini(&b);
	render(c, &lm_report_page, &b);
	assert_true(lm_utf8_valid(lm_buf_view(&b)));
	assert_false(holds(lm_buf_view(&b), "<img"));
	judged(leak_judge, lm_buf_view(&b));
	lm_buf_fini(&b);
	render(c, &lm_report_findings_csv, &b);
	assert_true(lm_utf8_valid(lm_buf_view(&b)));
	judged(csv_judge, lm_buf_view(&b));
	lm_buf_fini(&b);
	lm_case_close(c);
}

static void test_hostile_text(void **state)
{
	(void)state;
	check_hostile(LM_STR(hostile));
	check_hostile(LM_STR("=HYPERLINK(\"http://evil.example\")\r\n,\"x"));
	check_hostile(LM_STR(""));
	check_hostile(LM_STR("a\0b")); /* an embedded NUL */
}

static void test_long_text(void **state)
{
	size_t n = (size_t)1 << 20;
	char *long_name = malloc(n);
	(void)state;
	for (size_t i = 0; i < n; i++)
		long_name[i] = hostile[i % (sizeof hostile - 1)];
	check_hostile((struct lm_str){ long_name, n });
	free(long_name);
}

/* ---- helpers ---- */

static void expect_defang(const char *in, enum lm_defang how, const char *want)
{
	struct lm_buf b;
	lm_buf_init(&b, 4096);
	lm_html_defang(&b, lm_cstr(in), 1000, how, NULL);
	assert_string_equal(b.p ? b.p : "", want);
	lm_buf_fini(&b);
}

static void test_defang(void **state)
{
	(void)state;
	expect_defang("ask evil.example. Then", LM_DEFANG_TEXT, "ask evil[.]example. Then");
	expect_defang("https://a.evil.example:8443/x.php?u=b.example", LM_DEFANG_TEXT,
		      "hxxps[://]a[.]evil[.]example:8443/x[.]php?u=b[.]example");
	expect_defang("HTTP://x", LM_DEFANG_TEXT, "hxxp[://]x");
	expect_defang("tcp://10.0.0.1:443", LM_DEFANG_TEXT, "tcp[://]10[.]0[.]0[.]1:443");
	expect_defang("(192.0.2.7-192.0.2.9)", LM_DEFANG_TEXT, "(192[.]0[.]2[.]7-192[.]0[.]2[.]9)");
	expect_defang("2001:db8::1 and fe80::1.", LM_DEFANG_TEXT, "2001[:]db8[:][:]1 and fe80[:][:]1[.]");
	expect_defang("a@evil.example", LM_DEFANG_TEXT, "a[@]evil[.]example");
	expect_defang("at 10:11:12 on 2023-03-22T10:11:12.345Z", LM_DEFANG_TEXT,
		      "at 10:11:12 on 2023-03-22T10:11:12.345Z");
	expect_defang("release 18.12.416, 3.5 MB, e.g. this", LM_DEFANG_TEXT, "release 18.12.416, 3.5 MB, e.g. this");
	expect_defang("d3dcompiler_47.dll loaded by app.exe", LM_DEFANG_TEXT, "d3dcompiler_47.dll loaded by app.exe");
	expect_defang("d3dcompiler_47.dll", LM_DEFANG_ALL, "d3dcompiler_47[.]dll");
	expect_defang("evil.example.dll", LM_DEFANG_TEXT, "evil[.]example[.]dll");
	expect_defang("setup.zip", LM_DEFANG_TEXT, "setup[.]zip");
	expect_defang("evidence/ws-1.zip!/C/Windows/x.dll", LM_DEFANG_PATH, "evidence/ws-1.zip!/C/Windows/x.dll");
	expect_defang("evidence/evil.example.zip", LM_DEFANG_PATH, "evidence/evil[.]example[.]zip");
	expect_defang("xn--e1afmkfd.xn--p1ai", LM_DEFANG_TEXT, "xn--e1afmkfd[.]xn--p1ai");
	expect_defang("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", LM_DEFANG_ALL,
		      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect_defang("<b>&\"'\xe2\x80\xae\n", LM_DEFANG_TEXT, "&lt;b&gt;&amp;&quot;&#39;[U+202E] ");
	expect_defang("", LM_DEFANG_TEXT, "");
	expect_defang("...://..", LM_DEFANG_TEXT, "...[://]..");
}

static void test_own_names_stay(void **state)
{
	struct lm_map own;
	struct lm_buf b;
	(void)state;
	lm_map_init(&own);
	lm_map_add(&own, LM_STR("ws1.corp.example"), NULL);
	lm_buf_init(&b, 4096);
	lm_html_defang(&b, LM_STR("WS1.corp.example asked ws2.corp.example"), 1000, LM_DEFANG_TEXT, &own);
	assert_string_equal(b.p, "WS1.corp.example asked ws2[.]corp[.]example");
	lm_buf_fini(&b);
	lm_map_fini(&own);
}

static void test_numbers(void **state)
{
	static const struct {
		uint64_t v;
		const char *count, *size;
	} rows[] = { { 0, "0", "0 bytes" },
		     { 999, "999", "999 bytes" },
		     { 1000, "1,000", "1.0 kB" },
		     { 123456, "123,456", "123 kB" },
		     { 3200000000000, "3,200,000,000,000", "3.2 TB" },
		     { UINT64_MAX, "18,446,744,073,709,551,615", "18.4 EB" } };
	struct lm_buf b;
	(void)state;
	lm_buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		lm_buf_clear(&b);
		lm_html_count(&b, rows[i].v);
		assert_string_equal(b.p, rows[i].count);
		lm_buf_clear(&b);
		lm_html_size(&b, rows[i].v);
		assert_string_equal(b.p, rows[i].size);
	}
	lm_buf_clear(&b);
	lm_html_cut(&b, LM_STR("\xc3\xa4\xc3\xa4\xc3\xa4"), 3); /* never half a character */
	assert_string_equal(b.p, "\xc3\xa4\xe2\x80\xa6 (6 bytes)");
	lm_buf_fini(&b);
}

/* ---- files ---- */

static void test_files_are_written_whole(void **state)
{
	struct lm_case *c = open_case();
	struct lm_err err = { 0 };
	struct stat st;
	char dir[64], path[128];
	(void)state;
	sample_case(c, (struct sample_opts){ 20, 1 });
	snprintf(dir, sizeof dir, "%s/a/b", folder);
	assert_int_equal(lm_reports_write(c, dir, &opts, &err), LM_OK);
	for (const struct lm_report *const *r = lm_reports; *r; r++) {
		struct lm_buf b;
		render(c, *r, &b);
		snprintf(path, sizeof path, "%s/%s", dir, (*r)->file);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, b.n);
		snprintf(path, sizeof path, "%s/.%s.part", dir, (*r)->file);
		assert_int_not_equal(stat(path, &st), 0);
		lm_buf_fini(&b);
	}
	/* what an earlier run left half-written does not matter; a link in its place is not followed */
	snprintf(path, sizeof path, "%s/.report.json.part", dir);
	assert_int_equal(symlink("/dev/full", path), 0);
	assert_int_equal(lm_reports_write(c, dir, &opts, &err), LM_OK);
	assert_int_not_equal(lstat(path, &st), 0);
	/* a folder that cannot be */
	snprintf(path, sizeof path, "%s/report.json/x", dir);
	assert_int_equal(lm_reports_write(c, path, &opts, &err), LM_EIO);
	assert_non_null(strstr(err.msg, "report.json/x"));
	lm_case_close(c);
}

static void test_out_of_memory(void **state)
{
	struct lm_case *c = open_case();
	(void)state;
	sample_case(c, (struct sample_opts){ 12, 1 });
	for (const struct lm_report *const *r = lm_reports; *r; r++) {
		struct lm_buf b;
		struct lm_err err;
		bool done = false;
		for (unsigned long at = 1; at < 100000 && !done; at += at < 60 ? 1 : 37) {
			lm_buf_init(&b, (size_t)1 << 30);
			lm_arena_fail_at(at);
			enum lm_rc rc = (*r)->write(c, &opts, &b, &err);
			done = lm_arena_count() < at;
			lm_arena_fail_at(0);
			/* a refusal inside the case room may be its own code; a report never pretends */
			if (done)
				assert_int_equal(rc, LM_OK);
			lm_buf_fini(&b);
		}
		assert_true(done);
	}
	lm_case_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defang),
		cmocka_unit_test(test_own_names_stay),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_empty_case),
		cmocka_unit_test(test_document_is_valid),
		cmocka_unit_test(test_page_of_a_fleet),
		cmocka_unit_test(test_page_of_a_large_fleet),
		cmocka_unit_test(test_same_case_same_bytes),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_files_are_written_whole),
		cmocka_unit_test(test_out_of_memory),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
