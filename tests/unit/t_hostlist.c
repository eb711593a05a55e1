/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/list_help.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
