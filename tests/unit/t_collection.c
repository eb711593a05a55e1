/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/list_help.h"

#include "read/read.h"

static struct listed l;

static const char client[] = "{\"client_id\":\"C.0a1b\",\"Hostname\":\"PC7\",\"Fqdn\":\"pc7.corp.example\","
			     "\"Platform\":\"Microsoft Windows 10\",\"OS\":\"windows\"}";

static void test_velociraptor(void **state)
{
	(void)state;
	list_text(&l, &lm_reader_collection, "x.zip!/client_info.json", client);
	assert_true(l.score > 0);
	assert_int_equal(l.n, 1);
	assert_str(l.o[0].host_alias.name, "PC7");
	assert_str(l.o[0].host_alias.other_name, "pc7.corp.example");
	assert_true(l.o[0].host_alias.os.n > 0);
	list_done(&l);
}

static void test_uac(void **state)
{
	(void)state;
	list_text(&l, &lm_reader_collection, "u.tar.gz!/uac.log",
		  "2023-03-06 17:48:23 +0000 [INF] UAC (Unix-like Artifacts Collector) 2.4.0\n"
		  "2023-03-06 17:48:23 +0000 [INF] Operating System: macos\n"
		  "2023-03-06 17:48:23 +0000 [INF] Hostname: mac-12.example\n");
	assert_true(l.score > 0);
	assert_int_equal(l.n, 1);
	assert_str(l.o[0].host_alias.name, "mac-12.example");
	assert_str(l.o[0].host_alias.os, "macos");
	list_done(&l);
}

/* Other JSON and logs are none of a collector's, whatever they are called. */
static void test_not_ours(void **state)
{
	static const char *const others[][2] = {
		{ "package.json", "{\"name\":\"x\",\"version\":\"1.0.0\",\"hostname\":\"h\"}" },
		{ "client_info.json", "{\"name\":\"nothing of the kind\"}" },
		{ "client_info.json", "[1,2,3]" },
		{ "app.log", "2023-03-06 Hostname: looks like one\n" },
		{ "uac.log", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		list_text(&l, &lm_reader_collection, others[i][0], others[i][1]);
		if (l.score)
			fail_msg("'%s' is taken for a collector's", others[i][1]);
		list_done(&l);
	}
}

static void test_hostile(void **state)
{
	(void)state;
	list_hostile(&lm_reader_collection, "client_info.json", client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_velociraptor),
		cmocka_unit_test(test_uac),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
