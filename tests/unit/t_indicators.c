/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_indicators.c - indicator lists: what is one and what is not, in every form; public lists with counts taken
 * from them by other means.
 */
#include "unit/list_help.h"

#include "read/indicators.h"

extern const struct lm_reader lm_reader_indicators;

#define SHA256_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA1_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MD5_C "cccccccccccccccccccccccccccccccc"

static struct listed l;

static void read_list(const char *text)
{
	list_text(&l, &lm_reader_indicators, "dir/list.txt", text);
}

static bool has(const char *type, const char *value)
{
	for (size_t i = 0; i < l.n && i < KEPT; i++)
		if (l.o[i].kind == LM_K_indicator_listed && lm_str_eq(l.o[i].indicator_listed.type, lm_cstr(type)) &&
		    lm_str_eq(l.o[i].indicator_listed.value, lm_cstr(value)))
			return true;
	return false;
}

static size_t count(const char *type)
{
	size_t n = 0;
	for (size_t i = 0; i < l.n && i < KEPT; i++)
		n += l.o[i].kind == LM_K_indicator_listed && lm_str_eq(l.o[i].indicator_listed.type, lm_cstr(type));
	return n;
}

static void test_values(void **state)
{
	(void)state;
	static const struct {
		const char *type, *value, *want_type, *want;
	} t[] = {
		{ NULL, "EVIL.example", "domain", "evil.example" },
		{ NULL, "evil[.]example", "domain", "evil.example" },
		{ NULL, "evil(dot)example", "domain", "evil.example" },
		{ NULL, "evil{.}sub[dot]example.", "domain", "evil.sub.example" },
		{ NULL, "*.evil.example", "domain", "evil.example" },
		{ NULL, "evil.example:8080", "domain", "evil.example" },
		{ NULL, "hxxps://Evil[.]example/Path?x=1,2", "url", "https://evil.example/path?x=1,2" },
		{ NULL, "hxxp[:]//192.0.2.1/a", "url", "http://192.0.2.1/a" },
		{ NULL, "evil.example/a.php", "url", "evil.example/a.php" },
		{ NULL, "198[.]51[.]100[.]7", "ipv4", "198.51.100.7" },
		{ NULL, "198.51.100.7:443", "ipv4", "198.51.100.7" },
		{ NULL, "198.51.100.0/24", "cidr", "198.51.100.0/24" },
		{ NULL, "198.51.100.7/32", "ipv4", "198.51.100.7" },
		{ NULL, "2001:DB8:0:0::1", "ipv6", "2001:db8::1" },
		{ NULL, "[2001:db8::1]:443", "ipv6", "2001:db8::1" },
		{ NULL, "2001:db8::/32", "cidr", "2001:db8::/32" },
		{ NULL, "a[@]evil[.]example", "email", "a@evil.example" },
		{ NULL, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "sha256", SHA256_A },
		{ NULL, SHA1_B, "sha1", SHA1_B },
		{ NULL, " " MD5_C " ", "md5", MD5_C },
		{ NULL, "ffmpeg.dll", "filename", "ffmpeg.dll" },
		{ NULL, "xn--80ak6aa92e.xn--p1ai", "domain", "xn--80ak6aa92e.xn--p1ai" },
		{ "FileHash-SHA256", SHA256_A, "sha256", SHA256_A },
		{ "ip-dst", "192.0.2.1", "ipv4", "192.0.2.1" },
		{ "hostname", "evil.example", "domain", "evil.example" },
		{ "domain", "192.0.2.1", "ipv4", "192.0.2.1" },
		{ "emailwhois", "a@evil.example", "email", "a@evil.example" },
		{ "filename", "C:\\Temp\\Odd Name[1].com", "filename", "odd name[1].com" },
		{ "file", MD5_C, "md5", MD5_C },
		{ "file", "odd.bin", "filename", "odd.bin" },
		{ "unheard-of", "evil.example", "domain", "evil.example" },
	};
	static const struct {
		const char *type, *value;
	} none[] = {
		{ NULL, "" },
		{ NULL, "   " },
		{ NULL, "evil" },
		{ NULL, "1.2.3" },
		{ NULL, "999.1.1.1" },
		{ NULL, "a b.example" },
		{ NULL, "-bad.example" },
		{ NULL, "a..example" },
		{ NULL, "198.51.100.0/33" },
		{ NULL, "://" },
		{ NULL, "@" },
		{ NULL, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 31 */ },
		{ NULL, "1.2.3.4:99999" },
		{ "sha256", MD5_C },
		{ "imphash", MD5_C },
		{ "ja3-fingerprint-md5", MD5_C },
		{ "x509-fingerprint-sha1", SHA1_B },
		{ "domain", "no domain" },
		{ "ip-dst", "evil.example" },
		{ "email", "evil.example" },
		{ "filename", "*.exe" },
		{ "filename", "C:\\Temp\\" },
		{ "mutex", "evil.example" },
		{ "text", "evil.example" },
		{ "link", "https://evil.example" },
		{ "url", "/only/a/path" },
	};
	struct lm_arena a;
	struct lm_obs o;
	lm_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		if (!lm_indicator_fill(&a, lm_cstr(t[i].type), lm_cstr(t[i].value), &o))
			fail_msg("'%s' (%s) was not taken", t[i].value, t[i].type ? t[i].type : "-");
		assert_str(o.indicator_listed.type, t[i].want_type);
		assert_str(o.indicator_listed.value, t[i].want);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		if (lm_indicator_fill(&a, lm_cstr(none[i].type), lm_cstr(none[i].value), &o))
			fail_msg("'%s' (%s) was taken as %.*s", none[i].value, none[i].type ? none[i].type : "-",
				 LM_STR_ARG(o.indicator_listed.type));
	lm_arena_fini(&a);
}

static void test_plain(void **state)
{
	(void)state;
	read_list("# a list\n// too\n\n" SHA256_A ";Family X - https://r.example\r\n" MD5_C "  file name.exe\n"
		  "evil.example # seen in March\n192.0.2.7,scanner\n0.0.0.0 ads.example\nnot an "
		  "indicator\nx.example\t2023\n"
		  "\"quoted.example\"\n");
	assert_int_equal(l.rc, LM_END);
	assert_int_equal(l.of[LM_K_indicator_listed], 7);
	assert_int_equal(l.of[LM_K_evidence_skipped], 1);
	assert_str(l.o[0].indicator_listed.label, "Family X - https://r.example");
	assert_str(l.o[0].indicator_listed.source, "list.txt");
	assert_int_equal(l.o[0].at.offset, 17);
	assert_int_equal(l.o[0].at.record.v, 4);
	assert_str(l.o[1].indicator_listed.label, "file name.exe");
	assert_str(l.o[2].indicator_listed.label, "seen in March");
	assert_true(has("domain", "ads.example") && has("domain", "x.example") && has("domain", "quoted.example"));
	assert_true(has("ipv4", "192.0.2.7"));
	assert_non_null(strstr(l.o[7].evidence_skipped.why.p, "1 entries are no indicator"));
	list_done(&l);
	/* as LOKI writes file names: only those that are plain names */
	read_list("\\\\svcsstat\\.exe;70\n(?i)\\\\Odd\\-Name\\.ps1$;60\nplain\\.dll;100\n\\\\Temp\\\\svchost\\.exe;80\n"
		  "\\\\(a|b)\\.exe;50\n\\\\any.exe;50\nProgramData\\\\Mail\\\\;80\n\\\\exc\\.exe;50;(?i)(SysInternals)"
		  "\n\\\\[0-9]\\.exe;10\n");
	assert_int_equal(l.of[LM_K_indicator_listed], 3);
	assert_true(has("filename", "svcsstat.exe") && has("filename", "odd-name.ps1") && has("filename", "plain.dll"));
	assert_int_equal(l.o[0].indicator_listed.confidence.v, 70);
	assert_null(l.o[0].indicator_listed.label.p);
	assert_int_equal(l.score, 0);
	list_done(&l);
	read_list("\xef\xbb\xbf" SHA1_B "\n");
	assert_int_equal(l.of[LM_K_indicator_listed], 1);
	assert_int_equal(l.o[0].at.offset, 3);
	list_done(&l);
}

static void test_tables(void **state)
{
	(void)state;
	read_list("Type,Indicator,Description,Malware Family,Actor,Reference,Published,Confidence\n"
		  "domain,evil[.]example,\"first, seen\",Fam,Act,https://r.example/1,2023-03-29,80\n"
		  "FileHash-SHA256," SHA256_A ",,,,,2023-03-29T10:00:00Z,\n"
		  "Mutex,abc.example,,,,,,\n"
		  "broken \"row\n");
	assert_int_equal(l.score, 0); /* half of the rows are none */
	assert_int_equal(l.of[LM_K_indicator_listed], 2);
	const struct lm_obs_indicator_listed *o = &l.o[0].indicator_listed;
	assert_str(o->type, "domain");
	assert_str(o->value, "evil.example");
	assert_str(o->label, "first, seen");
	assert_str(o->family, "Fam");
	assert_str(o->actor, "Act");
	assert_str(o->reference, "https://r.example/1");
	assert_true(o->published.v == INT64_C(1680048000) * LM_NS_PER_S);
	assert_int_equal(o->confidence.v, 80);
	assert_int_equal(l.o[0].at.record.v, 2);
	assert_false(l.o[1].indicator_listed.confidence.set);
	assert_int_equal(l.of[LM_K_evidence_skipped], 1);
	list_done(&l);
	/* a row with several columns, a cell with several values, a wrong one among them */
	read_list("sha256,md5,domain,comment\n" SHA256_A "," MD5_C ",evil.example,c\n,,\"a.example; b.example\",d\n");
	assert_int_equal(l.of[LM_K_indicator_listed], 5);
	assert_true(has("sha256", SHA256_A) && has("md5", MD5_C) && has("domain", "a.example") &&
		    has("domain", "b.example"));
	list_done(&l);
	read_list("value,entity_type,description\n\"" MD5_C "," SHA1_B ",aaaa\",file,x\n");
	assert_int_equal(l.of[LM_K_indicator_listed], 2);
	assert_int_equal(l.of[LM_K_evidence_skipped], 1);
	list_done(&l);
	/* what the list itself says is none */
	read_list("domain,isIOC\nevil.example,TRUE\nfine.example,FALSE\n");
	assert_int_equal(l.of[LM_K_indicator_listed], 1);
	list_done(&l);
	read_list("[{\"type\":\"ip\",\"indicator\":\"192.0.2.1\"},{\"type\":\"url\",\"indicator\":\"https://x.example/"
		  "a\"}]");
	assert_int_equal(l.of[LM_K_indicator_listed], 2);
	list_done(&l);
}

/* Unforced, a text is a list only when it says so or looks it all over. */
static void test_probe(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool mine;
	} t[] = {
		{ SHA256_A "\n" SHA1_B "\n", true },
		{ "# c\n" SHA256_A ";x\nevil.example\n192.0.2.1\n", true },
		{ "evil.example\nother.example\n", false },			 /* no hash: any list of names */
		{ SHA256_A "  /usr/bin/ls\n" SHA1_B "  /usr/bin/cat\n", false }, /* what sha256sum prints */
		{ SHA256_A "\nsome text\nmore text\n", false },
		{ "indicator,type\nevil.example,domain\n", true },
		{ "value,entity_type,description\nevil.example,hostname,x\n", true },
		{ "IOC;Comment\nevil.example;x\n", true },
		{ "domain,isIOC\nevil.example,TRUE\n", true },
		{ "hostname,path,sha256\npc1,C:\\a.exe," SHA256_A "\n", false },
		{ "name,value\nsetting,evil.example\n", false },
		{ "type,value\nsetting,hello\n", false },
		{ "type,value\nbiome,12\nsoil,13\n", false },
		{ "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[]}", true },
		{ "{\"Event\":{\"info\":\"x\",\"Attribute\":[]}}", true },
		{ "{\"response\":[{\"Event\":{\"id\":\"1\",\"info\":\"x\"}}]}", true },
		{ "{\"Event\":{\"System\":{\"EventID\":1}}}", false },
		{ "{\"a\":1}", false },
		{ "[1,2,3]", false },
		{ "", false },
		{ "\n\n", false },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		read_list(t[i].text);
		if ((l.score > 0) != t[i].mine)
			fail_msg("score %d: %s", l.score, t[i].text);
		list_done(&l);
	}
	static const uint8_t binary[] = "MZ\0\0indicator,type\nevil.example,domain\n";
	list_read(&l, &lm_reader_indicators, "x", NULL, (struct lm_bytes){ binary, sizeof binary });
	assert_int_equal(l.score, 0);
	assert_int_equal(l.rc, LM_ENOTFMT);
	list_done(&l);
}

static const char bundle[] =
	"{\"type\":\"bundle\",\"id\":\"bundle--1\",\"spec_version\":\"2.0\",\"objects\":[\n"
	"{\"type\":\"relationship\",\"relationship_type\":\"indicates\",\"source_ref\":\"indicator--1\",\"target_ref\":"
	"\"malware--1\"},\n"
	"{\"type\":\"indicator\",\"id\":\"indicator--1\",\"name\":\"first\",\"pattern_type\":\"stix\",\"confidence\":"
	"70,"
	"\"created\":\"2023-03-29T00:00:00Z\",\"valid_from\":\"2020-01-01T00:00:00Z\",\"external_references\":[{"
	"\"source_name\":\"s\","
	"\"url\":\"https://r.example\"}],\"pattern\":\"[file:hashes.'SHA-256' = '" SHA256_A
	"' OR file:hashes.MD5 = '" MD5_C
	"'] AND [domain-name:value = 'evil.example' AND NOT network-traffic:dst_port = 80] FOLLOWEDBY [url:value = "
	"'https://x.example/it\\\\'s'] WITHIN 5 SECONDS\"},\n"
	"{\"type\":\"indicator\",\"id\":\"indicator--2\",\"pattern\":\"[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')] "
	"OR "
	"[ipv4-addr:value ISSUBSET '198.51.100.0/24'] OR [ipv6-addr:value = '2001:db8::1'] OR [file:name = 'odd.bin' "
	"AND "
	"file:size = 12] OR [email-addr:value = 'a@evil.example']\"},\n"
	"{\"type\":\"indicator\",\"id\":\"indicator--3\",\"pattern\":\"[domain-name:value != 'good1.example'] OR "
	"[domain-name:value NOT "
	"= 'good2.example'] OR [domain-name:value LIKE '%.good3.example'] OR [domain-name:value MATCHES "
	"'good4.example']\"},\n"
	"{\"type\":\"indicator\",\"id\":\"indicator--4\",\"pattern_type\":\"yara\",\"pattern\":\"rule x { condition: "
	"true }\"},\n"
	"{\"type\":\"indicator\",\"id\":\"indicator--5\",\"revoked\":true,\"pattern\":\"[domain-name:value = "
	"'good5.example']\"},\n"
	"{\"type\":\"domain-name\",\"id\":\"domain-name--1\",\"value\":\"seen.example\"},\n"
	"{\"type\":\"observed-data\",\"objects\":{\"0\":{\"type\":\"ipv4-addr\",\"value\":\"203.0.113.9\"}}},\n"
	"{\"type\":\"malware\",\"id\":\"malware--1\",\"name\":\"Fam\"},\n"
	"{\"type\":\"intrusion-set\",\"id\":\"intrusion-set--1\",\"name\":\"Act\"},\n"
	"{\"type\":\"relationship\",\"relationship_type\":\"indicates\",\"source_ref\":\"indicator--1\",\"target_ref\":"
	"\"intrusion-set--1\"}"
	"]}";

static void test_stix(void **state)
{
	(void)state;
	read_list(bundle);
	assert_int_equal(l.score, 90);
	assert_int_equal(l.rc, LM_END);
	assert_int_equal(l.of[LM_K_indicator_listed], 10);
	assert_true(has("sha256", SHA256_A) && has("md5", MD5_C) && has("domain", "evil.example"));
	assert_true(has("url", "https://x.example/it's") && has("ipv4", "192.0.2.1") && has("ipv4", "192.0.2.2"));
	assert_true(has("cidr", "198.51.100.0/24") && has("ipv6", "2001:db8::1") && has("filename", "odd.bin"));
	assert_true(has("email", "a@evil.example"));
	const struct lm_obs_indicator_listed *o = &l.o[0].indicator_listed;
	assert_str(o->label, "first");
	assert_str(o->family, "Fam");
	assert_str(o->actor, "Act");
	assert_str(o->reference, "https://r.example");
	assert_int_equal(o->confidence.v, 70);
	assert_true(o->published.v == INT64_C(1680048000) * LM_NS_PER_S);
	assert_int_equal(l.o[0].at.record.v, 2);
	assert_memory_equal(bundle + l.o[0].at.offset, "{\"type\":\"indicator\",\"id\":\"indicator--1\"", 39);
	assert_null(l.o[5].indicator_listed.family.p);
	assert_int_equal(l.of[LM_K_evidence_skipped], 1); /* yara, revoked */
	list_done(&l);
	/* cut in the middle: what is whole is read, the cut is told */
	list_read(&l, &lm_reader_indicators, "x", NULL, (struct lm_bytes){ (const uint8_t *)bundle, 1300 });
	assert_int_equal(l.score, 90);
	assert_true(l.of[LM_K_indicator_listed] >= 4);
	assert_int_equal(l.of[LM_K_evidence_damaged], 1);
	list_done(&l);
	read_list("{\"type\":\"bundle\",\"objects\":[7,{\"type\":\"indicator\"},{bad},{\"type\":\"indicator\","
		  "\"pattern\":\"[\"}]}");
	assert_int_equal(l.rc, LM_END);
	assert_int_equal(l.of[LM_K_indicator_listed], 0);
	assert_int_equal(l.of[LM_K_evidence_damaged], 1);
	list_done(&l);
}

static const char event[] =
	"{\"response\":[{\"Event\":{\"id\":\"1\",\"info\":\"An "
	"event\",\"date\":\"2023-04-20\",\"publish_timestamp\":\"0\",\"Attribute\":["
	"{\"type\":\"link\",\"value\":\"https://r.example\",\"to_ids\":false},"
	"{\"type\":\"filename|sha256\",\"value\":\"a.dll|" SHA256_A "\",\"to_ids\":true,\"comment\":\"\"},"
	"{\"type\":\"domain|ip\",\"value\":\"evil.example|192.0.2.1\",\"to_ids\":true,\"comment\":\"c2\"},"
	"{\"type\":\"ip-dst|port\",\"value\":\"192.0.2.2|443\",\"to_ids\":true},"
	"{\"type\":\"mutex\",\"value\":\"m\",\"to_ids\":true}],\"Galaxy\":[{\"type\":\"threat-actor\","
	"\"GalaxyCluster\":["
	"{\"value\":\"Some Group - G0032\"}]}],\"Tag\":[{\"name\":\"misp-galaxy:malpedia=\\\"Fam\\\"\"}],"
	"\"Object\":[{\"name\":\"file\",\"Attribute\":[{\"type\":\"md5\",\"value\":\"" MD5_C "\",\"to_ids\":true,"
	"\"Galaxy\":[{\"type\":\"tool\",\"GalaxyCluster\":[{\"value\":\"Other\"}]}]},"
	"{\"type\":\"filename\",\"value\":\"kworker\",\"to_ids\":false}]}]}}]}";

static void test_misp(void **state)
{
	(void)state;
	read_list(event);
	assert_int_equal(l.score, 85);
	assert_int_equal(l.of[LM_K_indicator_listed], 5);
	assert_true(has("sha256", SHA256_A) && has("domain", "evil.example") && has("ipv4", "192.0.2.1"));
	assert_true(has("ipv4", "192.0.2.2") && has("md5", MD5_C));
	const struct lm_obs_indicator_listed *o = &l.o[0].indicator_listed;
	assert_str(o->label, "a.dll");
	assert_str(o->actor, "Some Group");
	assert_str(o->family, "Fam");
	assert_str(o->reference, "https://r.example");
	assert_true(o->published.v == INT64_C(1681948800) * LM_NS_PER_S);
	assert_str(l.o[1].indicator_listed.label, "c2");
	assert_str(l.o[2].indicator_listed.label, "c2");
	assert_str(l.o[3].indicator_listed.label, "An event");
	assert_str(l.o[4].indicator_listed.family, "Other");
	assert_int_equal(l.of[LM_K_evidence_skipped], 2);
	list_done(&l);
	read_list("[{\"Event\":{\"info\":\"x\",\"Attribute\":[{\"type\":\"md5\",\"value\":\"" MD5_C
		  "\"}]}},{\"Event\":{\"Attribute\":"
		  "[{\"type\":\"sha1\",\"value\":\"" SHA1_B "\"}]}}]");
	assert_int_equal(l.of[LM_K_indicator_listed], 2);
	list_done(&l);
	read_list("{\"response\":{\"Attribute\":[{\"type\":\"md5\",\"value\":\"" MD5_C "\"}]}}");
	assert_int_equal(l.of[LM_K_indicator_listed], 1);
	list_done(&l);
}

static void test_hostile(void **state)
{
	(void)state;
	list_hostile(&lm_reader_indicators, "x",
		     "type,indicator,date\ndomain,\"a.example;\"\"b\"\".example\",2023-01-02\nx,1.2.3.4,\n");
	list_hostile(&lm_reader_indicators, "x", MD5_C ";a\n\\\\x\\.exe;50\nhxxp://a[.]b/c\n");
	list_hostile(
		&lm_reader_indicators, "x",
		"{\"type\":\"bundle\",\"objects\":[{\"type\":\"indicator\",\"id\":\"i\",\"pattern\":\"[url:value='x://"
		"y' AND "
		"file:name IN "
		"('a.b','c\\\\'d')]\"},{\"relationship_type\":\"indicates\",\"source_ref\":\"i\",\"target_ref\":\"m\"},"
		"{\"type\":\"malware\",\"id\":\"m\",\"name\":\"n\"}]}");
	list_hostile(&lm_reader_indicators, "x",
		     "{\"Event\":{\"info\":\"i\",\"Attribute\":[{\"type\":\"domain|ip\",\"value\":\"a.bc|1.2.3.4\","
		     "\"Tag\":[{\"name\":"
		     "\"misp-galaxy:tool=\\\"t\\\"\"}]}]}}");
}

/* ---- public lists ---- */

static void test_public_lists(void **state)
{
	(void)state;
	/* counted with a script of its own (csv module, regular expressions) over the same files */
	static const struct {
		const char *path;
		int unforced; /* recognised without --intel */
		size_t all, sha256, sha1, md5, domain, ipv4, url, email, filename;
	} t[] = {
		{ "intel/3cx/volexity_threat-intel/iocs.csv", 1, 46, 6, 6, 6, 23, 0, 0, 5, 0 },
		{ "intel/3cx/volexity_threat-intel/github_summary.csv", 0, 16, 0, 0, 0, 16, 0, 0, 0, 0 },
		{ "intel/3cx/volexity_applejeus/indicators.csv", 1, 56, 16, 17, 17, 6, 0, 0, 0, 0 },
		{ "intel/3cx/splunk_security_content/3cx_ioc_domains.csv", 1, 38, 0, 0, 0, 38, 0, 0, 0, 0 },
		{ "intel/3cx/stamparm_maltrail/hacked_3cx.txt", 0, 25, 0, 0, 0, 24, 1, 0, 0, 0 },
		{ "intel/3cx/eset_malware-ioc/samples.sha256", 1, 555, 555, 0, 0, 0, 0, 0, 0, 0 },
		{ "intel/3cx/eset_malware-ioc/samples.sha1", 1, 555, 0, 555, 0, 0, 0, 0, 0, 0 },
		{ "intel/3cx/eset_malware-ioc/samples.md5", 1, 555, 0, 0, 555, 0, 0, 0, 0, 0 },
		{ "intel/3cx/eset_malware-ioc/lazarus_3cx.json", 1, 15, 4, 4, 4, 0, 0, 3, 0, 0 },
		/* one of its 25 domains is written "domain autuo...": not taken */
		{ "intel/stix-examples/poisonivy.json", 1, 66, 0, 0, 0, 24, 40, 0, 0, 2 },
		{ "intel/stix-examples/apt1.json", 1, 10, 0, 0, 3, 3, 4, 0, 0, 0 },
		{ "intel/stix-examples/malware-indicator-for-file-hash.json", 1, 1, 1, 0, 0, 0, 0, 0, 0, 0 },
		{ "intel/stix-examples/indicator-for-malicious-url.json", 1, 1, 0, 0, 0, 0, 0, 1, 0, 0 },
		{ "intel/stix-examples/sighting-of-observed-data.json", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ "rules/signature-base/iocs/hash-iocs.txt", 1, 3224, 1259, 926, 1039, 0, 0, 0, 0, 0 },
		{ "rules/signature-base/iocs/c2-iocs.txt", 0, 1844, 0, 0, 0, 1709, 135, 0, 0, 0 },
		{ "rules/signature-base/iocs/filename-iocs.txt", 0, 2015, 0, 0, 0, 0, 0, 0, 0, 2015 },
	};
	unsigned tested = 0;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		size_t n;
		uint8_t *data = corpus_file(t[i].path, &n);
		if (!data)
			continue;
		list_read(&l, &lm_reader_indicators, t[i].path, NULL, (struct lm_bytes){ data, n });
		free(data);
		if ((l.score > 0) != t[i].unforced)
			fail_msg("%s: score %d", t[i].path, l.score);
		if (l.of[LM_K_indicator_listed] != t[i].all)
			fail_msg("%s: %zu indicators, not %zu", t[i].path, l.of[LM_K_indicator_listed], t[i].all);
		assert_int_equal(count("sha256"), t[i].sha256);
		assert_int_equal(count("sha1"), t[i].sha1);
		assert_int_equal(count("md5"), t[i].md5);
		assert_int_equal(count("domain"), t[i].domain);
		assert_int_equal(count("ipv4") + count("cidr"), t[i].ipv4);
		assert_int_equal(count("url"), t[i].url);
		assert_int_equal(count("email"), t[i].email);
		assert_int_equal(count("filename"), t[i].filename);
		list_done(&l);
		tested++;
	}
	printf("%u public lists read\n", tested);
	if (!tested) {
		printf("no LIMIER_CORPUS: not tested against public lists\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	cmocka_unit_test(test_plain),	     cmocka_unit_test(test_tables),
		cmocka_unit_test(test_probe),	cmocka_unit_test(test_stix),	     cmocka_unit_test(test_misp),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_public_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
