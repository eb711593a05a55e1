/* SPDX-License-Identifier: Apache-2.0 */
/* t_hostlist.c - host lists: columns by any name, countries, several addresses in a cell, what is no host list. */
#include "unit/list_help.h"

#include "fact/json.h"
#include "read/countries.h"
#include "read/read.h"

static struct listed l;

static const char csv[] = "Computer Name,DNS Host Name,IP Address,Customer,Country,Sector,Operating System,Role\r\n"
			  "PC1,pc1.corp.example,\"10.0.0.1, fe80::1\",Org A,Brazil,Finance,Windows 11,workstation\r\n"
			  "PC2,,10.0.0.2,\"Org, B\",DEU,,macOS 14,\r\n"
			  ",,,nobody,,,,\r\n";

static void test_csv(void **state)
{
	(void)state;
	list_text(&l, &lm_reader_hostlist, "assets.csv", csv);
	assert_true(l.score > 0);
	assert_int_equal(l.of[LM_K_host_record], 2);
	assert_int_equal(l.of[LM_K_evidence_damaged], 1); /* the row without a name */
	const struct lm_obs_host_record *h = &l.o[0].host_record;
	assert_str(h->name, "PC1");
	assert_str(h->names, "pc1.corp.example");
	assert_str(h->addresses, "10.0.0.1;fe80::1");
	assert_str(h->org, "Org A");
	assert_str(h->country, "BR");
	assert_str(h->sector, "Finance");
	assert_str(h->role, "workstation");
	assert_int_equal(l.o[0].host.source, LM_ID_HOST_LIST);
	assert_int_equal(l.o[0].at.record.v, 2);
	assert_int_equal(l.o[0].at.offset, strchr(csv, '\n') + 1 - csv);
	h = &l.o[1].host_record;
	assert_str(h->org, "Org, B");
	assert_str(h->country, "DE");
	assert_null(h->sector.p);
	assert_null(h->role.p);
	list_done(&l);
}

static void test_json(void **state)
{
	static const char *const texts[] = {
		"[{\"hostname\":\"pc1\",\"organization\":\"A\",\"country\":\"FR\"},{\"hostname\":\"pc2\",\"country\":"
		"\"xx-unknown\"}]",
		"{\"hostname\":\"pc1\",\"organization\":\"A\",\"country\":\"250\"}\n{\"hostname\":\"pc2\",\"country\":"
		"\"xx-unknown\"}\n",
	};
	(void)state;
	for (int i = 0; i < 2; i++) {
		list_text(&l, &lm_reader_hostlist, "h.json", texts[i]);
		assert_true(l.score > 0);
		assert_int_equal(l.of[LM_K_host_record], 2);
		assert_str(l.o[0].host_record.country, "FR");
		assert_str(l.o[1].host_record.country, "xx-unknown");
		list_done(&l);
	}
}

static void test_not_ours(void **state)
{
	static const char *const others[] = {
		"Hostname,File Path,SHA256,Country\nPC1,C:\\a,00,BR\n",
		"host,product,version,org\nPC1,Phone,1,A\n",
		"type,name,value\ndomain,x,bad.example\n",
		"{\"name\":\"left-pad\",\"version\":\"1.0.0\",\"author\":\"x\",\"type\":\"module\"}\n",
		"name,age\nAnn,7\n",
		"just a text, with commas\nand lines\n",
		"",
	};
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		list_text(&l, &lm_reader_hostlist, "x.csv", others[i]);
		if (l.score)
			fail_msg("taken for a host list: %s", others[i]);
		list_done(&l);
	}
}

static void test_hostile(void **state)
{
	(void)state;
	list_hostile(&lm_reader_hostlist, "assets.csv", csv);
}

/* Unforced, a table is a host list when it says whose the hosts are or what they are for, and nothing of files. */
static void test_probe(void **state)
{
	static const struct {
		const char *header;
		bool mine;
	} t[] = {
		{ "host;org\na;b\n", true },
		{ "Hostname\tCountry\na\tDE\n", true },
		{ "FQDN,Industry\na,b\n", true },
		{ "Device Name,Role\na,b\n", true },
		{ "name,ip,company\na,b,c\n", true },
		{ "host,type,ip,os\na,b,c,d\n", true },
		{ "host,ip\na,b\n", false },		    /* whose is it? */
		{ "name,company,country\na,b,c\n", false }, /* customers */
		{ "hostname,publisher,version,country\na,b,c,d\n", false },
		{ "host,type\na,b\n", false },
		{ "hostname,company,EventID\na,b,1\n", false }, /* a log */
		{ "org,country\na,b\n", false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		list_text(&l, &lm_reader_hostlist, "x.csv", t[i].header);
		if ((l.score > 0) != t[i].mine)
			fail_msg("score %d: %s", l.score, t[i].header);
		list_done(&l);
	}
	/* forced, too, a list of hosts has a host column */
	list_text(&l, &lm_reader_hostlist, "x.csv", "org,country\na,b\n");
	assert_int_equal(l.rc, LM_ENOTFMT);
	list_done(&l);
}

static void test_names(void **state)
{
	(void)state;
	list_text(
		&l, &lm_reader_hostlist, "x.json",
		"[{\"hostname\":\"a\",\"fqdn\":\"a.example\",\"aliases\":[\"x\",\"y\"],\"ip_addresses\":[\"192.0.2.1\","
		"\"192.0.2.2\"],\"serial\":\"S1\"},{\"hostname\":\"b\",\"fqdn\":\"B\",\"tenant\":\"T\"}]");
	assert_int_equal(l.of[LM_K_host_record], 2);
	assert_str(l.o[0].host_record.names, "a.example;x;y");
	assert_str(l.o[0].host_record.addresses, "192.0.2.1;192.0.2.2");
	assert_str(l.o[0].host_record.device, "S1");
	assert_null(l.o[1].host_record.names.p); /* the same name again is no other name */
	assert_str(l.o[1].host_record.org, "T");
	list_done(&l);
}

static void test_bad_rows(void **state)
{
	struct lm_buf b;
	(void)state;
	lm_buf_init(&b, 1 << 20);
	lm_buf_puts(&b, "host,org\n");
	for (unsigned i = 0; i < 100; i++)
		lm_buf_puts(&b, ",x\na,b\n");
	list_text(&l, &lm_reader_hostlist, "x.csv", lm_buf_view(&b).p);
	assert_int_equal(l.of[LM_K_host_record], 100);
	assert_int_equal(l.of[LM_K_evidence_damaged], 6); /* five one by one, one for the rest */
	assert_str(l.o[0].evidence_damaged.what, "row 2: no host name");
	assert_str(l.o[l.n - 1].evidence_damaged.what,
		   "95 more of 201 rows cannot be used, the first of them at offset 44");
	list_done(&l);
	lm_buf_fini(&b);
}

static void test_countries(void **state)
{
	static const char *const t[][2] = {
		{ "de", "DE" },
		{ "DEU", "DE" },
		{ "276", "DE" },
		{ " Germany ", "DE" },
		{ "usa", "US" },
		{ "UK", "GB" },
		{ "004", "AF" },
		{ "Czech Republic", "CZ" },
		{ "Viet Nam", "VN" },
		{ "Vietnam", "VN" },
		{ "C\xc3\xb4te d'Ivoire", "CI" },
		{ "T\xc3\xbcrkiye", "TR" },
	};
	static const char *const none[] = { "", "X", "XX", "Atlantis", "999", "Europe", "4", "\xc3" };
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (!lm_str_eq(lm_country_code(lm_cstr(t[i][0])), lm_cstr(t[i][1])))
			fail_msg("'%s' is not %s", t[i][0], t[i][1]);
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_null(lm_country_code(lm_cstr(none[i])).p);
}

/* Debian's iso-codes, if it is installed: all 249 by each of their codes and names. */
static void test_countries_peer(void **state)
{
	static char text[1 << 20];
	FILE *f = fopen("/usr/share/iso-codes/json/iso_3166-1.json", "rb");
	(void)state;
	if (!f) {
		printf("no iso-codes: peer not asked (package iso-codes)\n");
		skip();
	}
	size_t n = fread(text, 1, sizeof text, f), all = 0;
	fclose(f);
	struct lm_json_doc *d = lm_json_new(1 << 20);
	struct lm_json root, c;
	assert_int_equal(lm_json_parse(d, (struct lm_bytes){ (uint8_t *)text, n }, &root, NULL), LM_OK);
	for (struct lm_json_it it = lm_json_iter(lm_json_get(root, "3166-1")); lm_json_next(&it, NULL, &c); all++) {
		static const char *const keys[] = { "alpha_2", "alpha_3", "numeric", "name", "common_name" };
		struct lm_str two = lm_json_str(lm_json_get(c, "alpha_2"));
		for (size_t k = 0; k < 5; k++) {
			struct lm_str word = lm_json_str(lm_json_get(c, keys[k]));
			if (word.n && !lm_str_eq(lm_country_code(word), two))
				fail_msg("%.*s by %s '%.*s'", LM_STR_ARG(two), keys[k], LM_STR_ARG(word));
		}
	}
	assert_int_equal(all, 249);
	lm_json_free(d);
}

static void test_hostile_json(void **state)
{
	(void)state;
	list_hostile(&lm_reader_hostlist, "x",
		     "[{\"host\":\"a\",\"ips\":[\"1.2.3.4\",\"::1\"],\"org\":\"o\"},{\"host\":3,\"fqdn\":\"f\"}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_rows),
		cmocka_unit_test(test_countries),
		cmocka_unit_test(test_countries_peer),
		cmocka_unit_test(test_hostile_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
