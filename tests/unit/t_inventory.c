/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/list_help.h"

#include "read/read.h"

static struct listed l;

#define SHA "7d8dd9a1b8a0d3b2c6f0e1a29384756fabcdef0123456789fedcba9876543210"

static const char csv[] = "Hostname;IP Address;File Path;SHA-256;Size;Product;Product Version;Publisher;Modified\n"
			  "PC1;10.0.0.1;C:\\App\\a.dll;" SHA ";1234;App;4.2;Vendor;2023-03-22T10:00:00Z\n"
			  "PC1;10.0.0.1;C:\\App\\b.dll;nonsense;1;;;;\n";

static void test_files(void **state)
{
	(void)state;
	list_text(&l, &lm_reader_inventory, "files.csv", csv);
	assert_true(l.score > 0);
	assert_int_equal(l.of[LM_K_file_sighting], 1);
	assert_int_equal(l.of[LM_K_evidence_damaged], 1);
	const struct lm_obs *o = &l.o[0];
	assert_str(o->host.name, "PC1");
	assert_str(o->host.address, "10.0.0.1");
	assert_int_equal(o->host.source, LM_ID_INVENTORY);
	assert_str(o->file_sighting.path, "C:\\App\\a.dll");
	assert_int_equal(o->file_sighting.sha256.n, 32);
	assert_int_equal(o->file_sighting.sha256.p[0], 0x7d);
	assert_null(o->file_sighting.md5.p);
	assert_int_equal(o->file_sighting.size.v, 1234);
	assert_str(o->file_sighting.product, "App");
	assert_str(o->file_sighting.version, "4.2");
	assert_true(o->file_sighting.modified.v == INT64_C(1679479200000000000));
	assert_int_equal(o->at.record.v, 2);
	list_done(&l);
}

static void test_software(void **state)
{
	(void)state;
	list_text(&l, &lm_reader_inventory, "software.csv",
		  "Computer,Display Name,Display Version,Publisher,Install Location,Install Date\n"
		  "PC1,Phone,7.4.411,Voice Ltd,C:\\Program Files\\Phone,20230322\n"
		  "PC2,Phone,7.4.402,Voice Ltd,,not a date\n");
	assert_true(l.score > 0);
	assert_int_equal(l.of[LM_K_product_installed], 2);
	assert_str(l.o[0].product_installed.product, "Phone");
	assert_str(l.o[0].product_installed.version, "7.4.411");
	assert_str(l.o[0].product_installed.vendor, "Voice Ltd");
	assert_str(l.o[0].product_installed.path, "C:\\Program Files\\Phone");
	assert_true(l.o[0].time.set && l.o[0].time.v == INT64_C(1679443200000000000));
	assert_false(l.o[1].time.set);
	assert_null(l.o[1].product_installed.path.p);
	list_done(&l);
}

/* osquery's results and Velociraptor's rows, as their documentation shows them. */
static void test_nested(void **state)
{
	(void)state;
	list_text(&l, &lm_reader_inventory, "results.log",
		  "{\"name\":\"pack_x_programs\",\"hostIdentifier\":\"pc9.corp.example\",\"action\":\"added\","
		  "\"columns\":{"
		  "\"name\":\"Phone\",\"version\":\"7.4.411\",\"publisher\":\"Voice "
		  "Ltd\",\"install_location\":\"C:\\\\P\"}}\n"
		  "{\"name\":\"pack_x_programs\",\"hostIdentifier\":\"pc9.corp.example\",\"action\":\"removed\","
		  "\"columns\":{"
		  "\"name\":\"Old\",\"version\":\"1\",\"publisher\":\"Voice Ltd\"}}\n");
	assert_true(l.score > 0);
	assert_int_equal(l.of[LM_K_product_installed], 1);
	assert_str(l.o[0].product_installed.product, "Phone");
	assert_str(l.o[0].host.name, "pc9.corp.example");
	list_done(&l);
	list_text(&l, &lm_reader_inventory, "hashes.json",
		  "[{\"Fqdn\":\"pc9.corp.example\",\"OSPath\":\"C:\\\\x.dll\",\"Size\":5,\"Hash\":{\"SHA256\":\"" SHA
		  "\"}}]");
	assert_true(l.score > 0);
	assert_int_equal(l.of[LM_K_file_sighting], 1);
	assert_str(l.o[0].file_sighting.path, "C:\\x.dll");
	list_done(&l);
}

static void test_not_ours(void **state)
{
	static const char *const others[] = {
		"{\"name\":\"left-pad\",\"version\":\"1.3.0\",\"author\":\"x\",\"license\":\"MIT\"}",
		"{\"lockfileVersion\":3,\"packages\":{\"a\":{\"version\":\"1\",\"integrity\":\"sha512-x\"}}}",
		"Host,Organisation,Country\nPC1,A,BR\n",
		"time,level,message\n1,info,hello\n",
		"",
	};
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		list_text(&l, &lm_reader_inventory, "package.json", others[i]);
		if (l.score)
			fail_msg("taken for an inventory: %s", others[i]);
		list_done(&l);
	}
}

static void test_hostile(void **state)
{
	(void)state;
	list_hostile(&lm_reader_inventory, "files.csv", csv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),	 cmocka_unit_test(test_software), cmocka_unit_test(test_nested),
		cmocka_unit_test(test_not_ours), cmocka_unit_test(test_hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
