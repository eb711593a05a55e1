/* SPDX-License-Identifier: Apache-2.0 */
/* t_collection.c - what collectors write about their host. Names are made up, the forms are theirs. */
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

static const struct lm_obs_host_alias *read_one(const char *path, const struct lm_ident *host, const char *text)
{
	list_read(&l, &lm_reader_collection, path, host, lm_str_bytes(lm_cstr(text)));
	assert_int_equal(l.rc, LM_END);
	assert_int_equal(l.n, l.of[LM_K_host_alias]);
	assert_true(l.n <= 1);
	return l.n ? &l.o[0].host_alias : NULL;
}

static void test_velociraptor_forms(void **state)
{
	(void)state;
	/* as the server exports it: nested */
	const struct lm_obs_host_alias *a = read_one(
		"x.zip!/client_info.json", NULL,
		"{\n \"client_id\": \"C.0123456789abcdef\",\n \"agent_information\": {\"version\": \"0.7.0\"},\n "
		"\"os_info\": "
		"{\"system\": \"windows\", \"hostname\": \"PC7\", \"release\": \"Microsoft Windows 10 Pro\", \"fqdn\": "
		"\"pc7.corp.example\"},\n \"last_ip\": \"192.0.2.7:50001\"\n}");
	assert_non_null(a);
	assert_str(a->name, "PC7");
	assert_str(a->other_name, "pc7.corp.example");
	assert_str(a->device, "collection:C.0123456789abcdef");
	assert_str(a->os, "Microsoft Windows 10 Pro");
	assert_str(a->source, "collection");
	assert_null(a->address.p); /* where the server saw it from may be a gateway */
	list_done(&l);
	/* the layout's device is the collection's */
	a = read_one("client_info.json", &(struct lm_ident){ .device = LM_STR("collection:X") }, client);
	assert_str(a->device, "collection:X");
	list_done(&l);
	/* the context has the id only: it belongs to the host the layout names */
	static const char context[] = "{\"client_id\":\"C.77\",\"session_id\":\"F.1\"}";
	a = read_one("collection_context.json", &(struct lm_ident){ .name = LM_STR("PC9") }, context);
	assert_str(a->name, "PC9");
	assert_str(a->device, "collection:C.77");
	list_done(&l);
	assert_null(read_one("collection_context.json", NULL, context));
	list_done(&l);
	/* a lone name ties nothing together */
	assert_null(read_one("client_info.json", NULL, "{\"hostname\":\"x\"}"));
	list_done(&l);
}

static void test_uac_acquisition(void **state)
{
	static const char log[] =
		"Created by UAC (Unix-like Artifacts Collector) 2.8.0\n\n[Case Information]\nCase Number: \n\n"
		"[System Information]\nOperating System: macos\nSystem Architecture: arm64\nHostname: mac3\n";
	(void)state;
	const struct lm_obs_host_alias *a =
		read_one("uac-mac3-macos-20230401.log", &(struct lm_ident){ .name = LM_STR("mac3.local") }, log);
	assert_non_null(a);
	assert_str(a->name, "mac3");
	assert_str(a->other_name, "mac3.local");
	assert_str(a->os, "macos");
	assert_memory_equal(log + l.o[0].at.offset, "Hostname: mac3", l.o[0].at.length);
	list_done(&l);
	list_hostile(&lm_reader_collection, "x.log", log);
}

static void test_kape(void **state)
{
	char log[] = "KAPE version 1.3.0.2, Author: x\n\nKAPE directory: C:\\kape\nCommand line:   --tsource C: "
		     "--tdest E:\\out\n\n"
		     "System info: Machine name: PC7, 64-bit: True, User: someone OS: Windows10 (10.0.19045)\n\nUsing "
		     "Target\n";
	(void)state;
	const struct lm_obs_host_alias *a =
		read_one("2023_ConsoleLog.txt", &(struct lm_ident){ .name = LM_STR("pc7-kape") }, log);
	assert_non_null(a);
	assert_str(a->name, "PC7");
	assert_str(a->other_name, "pc7-kape");
	assert_str(a->os, "Windows10 (10.0.19045)");
	list_done(&l);
	list_hostile(&lm_reader_collection, "x.txt", log);
	/* a mounted image: the machine is the examiner's */
	strstr(log, "--tsource C")[10] = 'G';
	assert_null(read_one("2023_ConsoleLog.txt", NULL, log));
	list_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_velociraptor),
		cmocka_unit_test(test_uac),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_velociraptor_forms),
		cmocka_unit_test(test_uac_acquisition),
		cmocka_unit_test(test_kape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
