/* SPDX-License-Identifier: Apache-2.0 */
/* t_inventory.c - inventories of files and of software, in the forms that tools export, and their speed. */
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

/* One column for all hashes, told by their length; several in a cell; rows that are both. */
static void test_hashes(void **state)
{
	(void)state;
	list_text(&l, &lm_reader_inventory, "x.csv",
		  "computer,path,hash\na,/x," SHA "\na,/y,7d8dd9a1b8a0d3b2c6f0e1a29384756fabcdef01\n"
		  "a,/z,7d8dd9a1b8a0d3b2c6f0e1a29384756f\n"
		  "a,/w,\"SHA1=7d8dd9a1b8a0d3b2c6f0e1a29384756fabcdef01,MD5=7d8dd9a1b8a0d3b2c6f0e1a29384756f\"\na,/"
		  "v,zz\n");
	assert_int_equal(l.of[LM_K_file_sighting], 4);
	assert_int_equal(l.o[0].file_sighting.sha256.n, 32);
	assert_int_equal(l.o[1].file_sighting.sha1.n, 20);
	assert_null(l.o[1].file_sighting.sha256.p);
	assert_int_equal(l.o[2].file_sighting.md5.n, 16);
	assert_int_equal(l.o[3].file_sighting.sha1.n, 20);
	assert_int_equal(l.o[3].file_sighting.md5.n, 16);
	assert_str(l.o[4].evidence_damaged.what, "row 6: neither a path with a hash nor a product");
	list_done(&l);
	/* a "name" that is the file's own is no product; both when the row says where it is installed */
	list_text(&l, &lm_reader_inventory, "x.csv",
		  "host,path,sha256,name,version,install location\na,/x/y.exe," SHA ",Y.exe,1,\nb,/x/y.exe," SHA
		  ",App,2,/x\n");
	assert_int_equal(l.of[LM_K_file_sighting], 2);
	assert_int_equal(l.of[LM_K_product_installed], 1);
	assert_null(l.o[0].file_sighting.product.p);
	assert_null(l.o[0].file_sighting.version.p);
	assert_str(l.o[1].file_sighting.product, "App");
	assert_str(l.o[2].product_installed.product, "App");
	assert_str(l.o[2].product_installed.path, "/x");
	assert_str(l.o[2].host.name, "b");
	assert_int_equal(l.o[2].at.record.v, 3);
	list_done(&l);
}

static void test_who(void **state)
{
	(void)state;
	list_text(&l, &lm_reader_inventory, "x.csv",
		  "FQDN;IP;ClientId;Display Name;Install Date\n"
		  "192.0.2.9;;;A;2023-03-22 10:00\n"
		  ";192.0.2.1, 192.0.2.2;;B;3/22/2023\n"
		  ";;C.1b2c3d4e5f607182;C;\n"
		  ";no address;;D;\n");
	assert_int_equal(l.of[LM_K_product_installed], 4);
	/* an address in the host column is an address */
	assert_null(l.o[0].host.name.p);
	assert_str(l.o[0].host.address, "192.0.2.9");
	assert_true(l.o[0].time.set && l.o[0].time_assumed);
	assert_str(l.o[1].host.address, "192.0.2.1");
	assert_false(l.o[1].time.set);					 /* a date that can be read two ways is none */
	assert_str(l.o[2].host.device, "collection:C.1b2c3d4e5f607182"); /* as the layout writes it */
	/* no host in the row: the caller puts the layout's */
	assert_false(lm_ident_is_set(&l.o[3].host));
	assert_int_equal(l.o[3].host.source, LM_ID_NONE);
	list_done(&l);
}

static void test_tools(void **state)
{
	struct lm_ident host = { .name = LM_STR("pc2"), .source = LM_ID_LAYOUT };
	(void)state;
	/* osquery: a hash table, a snapshot; the query's name is no product */
	list_text(&l, &lm_reader_inventory, "results.log",
		  "{\"name\":\"pack_it_hash\",\"hostIdentifier\":\"pc1\",\"columns\":{\"path\":\"/a\",\"sha256\":\"" SHA
		  "\"}}\n"
		  "{\"name\":\"pack_it_apps\",\"hostIdentifier\":\"mac1\",\"snapshot\":[{\"name\":\"One.app\","
		  "\"bundle_short_version\":\"3\",\"path\":\"/Applications/One.app\"},{\"name\":\"Two.app\"}],"
		  "\"action\":\"snapshot\"}\n");
	assert_int_equal(l.score, 80);
	assert_int_equal(l.of[LM_K_file_sighting], 1);
	assert_null(l.o[0].file_sighting.product.p);
	assert_int_equal(l.of[LM_K_product_installed], 2);
	assert_str(l.o[1].product_installed.version, "3");
	assert_str(l.o[1].host.name, "mac1");
	assert_str(l.o[2].product_installed.product, "Two.app");
	list_done(&l);
	/* Velociraptor's rows in a collection: the layout says whose */
	static const char rows[] =
		"{\"OSPath\":\"C:\\\\a.dll\",\"Size\":12,\"Mtime\":\"2023-03-22T10:00:00Z\",\"Hash\":{\"SHA256\":"
		"\"" SHA "\"}}\n{\"OSPath\":\"C:\\\\b\",\"Hash\":{\"SHA256\":\"" SHA "\"}}\n";
	list_read(&l, &lm_reader_inventory, "x", &host, lm_str_bytes(LM_STR(rows)));
	assert_int_equal(l.score, 60);
	assert_int_equal(l.of[LM_K_file_sighting], 2);
	assert_int_equal(l.o[0].file_sighting.size.v, 12);
	assert_true(l.o[0].file_sighting.modified.set);
	assert_false(lm_ident_is_set(&l.o[0].host));
	assert_memory_equal(rows + l.o[1].at.offset, "{\"OSPath\":\"C:\\\\b\"", 17);
	list_done(&l);
	list_text(&l, &lm_reader_inventory, "x", rows);
	assert_int_equal(l.score, 0); /* nobody's */
	list_done(&l);
	/* PowerShell's Export-Csv */
	list_text(&l, &lm_reader_inventory, "x.csv",
		  "#TYPE Selected.System.Management.Automation.PSCustomObject\r\n\"PSComputerName\",\"DisplayName\","
		  "\"DisplayVersion\"\r\n\"PC5\",\"App\",\"1\"\r\n");
	assert_int_equal(l.of[LM_K_product_installed], 1);
	assert_str(l.o[0].host.name, "PC5");
	list_done(&l);
	/* an object around the list of one host */
	list_text(&l, &lm_reader_inventory, "x.json",
		  "{\n \"hostname\": \"pc6\",\n \"software\": [\n  {\"name\": \"A\", \"version\": \"1\"},\n  "
		  "{\"name\": \"B\", "
		  "\"version\": \"2\"}\n ]\n}\n");
	assert_int_equal(l.of[LM_K_product_installed], 2);
	assert_str(l.o[1].host.name, "pc6");
	assert_int_equal(l.o[1].at.length, strlen("{\"name\": \"B\", \"version\": \"2\"}"));
	list_done(&l);
	/* a log has products and hashes too */
	list_text(&l, &lm_reader_inventory, "x.json",
		  "{\"Hostname\":\"a\",\"EventID\":1,\"Image\":\"x\",\"Company\":\"c\",\"Product\":\"p\",\"Hashes\":"
		  "\"MD5=1\"}\n{}\n");
	assert_int_equal(l.score, 0);
	list_done(&l);
	list_hostile(&lm_reader_inventory, "x",
		     "{\"host\":\"a\",\"software\":[{\"name\":\"b\",\"version\":1.5,\"x\":[\"1\",\"2\"]},{\"name\":"
		     "\"c\"}]}");
}

/* 200,000 rows (a tenth with sanitizers) in 1 MiB of arena; the time is printed, the limit is for a loaded machine. */
static void test_speed(void **state)
{
#ifdef LM_SANITIZED
	const unsigned rows = 20000;
#else
	const unsigned rows = 200000;
#endif
	(void)state;
	for (int json = 0; json < 2; json++) {
		static const uint8_t sha256[32];
		struct lm_arena unit;
		struct lm_buf b;
		struct lm_obs o;
		void *s = NULL;
		size_t n = 0;
		lm_buf_init(&b, 256 << 20);
		if (!json)
			lm_buf_puts(&b, "host,path,sha256,size,product,version,vendor\r\n");
		for (unsigned i = 0; i < rows; i++)
			lm_buf_fmt(&b,
				   json ? "{\"host\":\"pc%u\",\"path\":\"C:\\\\Program Files\\\\App "
					  "%u\\\\library.dll\",\"sha256\":"
					  "\"%064x\",\"size\":%u,\"product\":\"App\",\"version\":\"1.2.%u\",\"vendor\":"
					  "\"Ex\"}\n"
					: "pc%u,C:\\Program Files\\App %u\\library.dll,%064x,%u,App,1.2.%u,Ex\r\n",
				   i % 5000, i % 40, i, i, i % 100);
		lm_arena_init(&unit, 1 << 20);
		struct lm_read_in in = { .data = lm_str_bytes(lm_buf_view(&b)), .sha256 = sha256, .path = LM_STR("x") };
		in.arena = &unit;
		in.env = &list_env;
		double start = seconds();
		assert_int_equal(lm_reader_inventory.probe(&in), 80);
		assert_int_equal(lm_reader_inventory.open(&in, &s), LM_OK);
		while (lm_reader_inventory.next(s, &o) == LM_OK)
			n += o.kind == LM_K_file_sighting;
		lm_reader_inventory.close(s);
		double took = seconds() - start;
		printf("%zu rows of %s in %.3f s\n", n, json ? "JSON" : "CSV", took);
		assert_int_equal(n, rows);
		assert_true(took < 5);
		lm_arena_fini(&unit);
		lm_buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),	 cmocka_unit_test(test_software), cmocka_unit_test(test_nested),
		cmocka_unit_test(test_not_ours), cmocka_unit_test(test_hostile),  cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_who),	 cmocka_unit_test(test_tools),	  cmocka_unit_test(test_speed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
