/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_product.c - releases per host from every source, and what a content tells elsewhere.
 */
#include "case/case.h"
#include "case_help.h"

#include <stdio.h>

static struct lm_case *c;
static int64_t ev;

static int setup(void **state)
{
	(void)state;
	c = open_case(NULL, 0);
	ev = evidence(c, "ev");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lm_case_close(c);
	return 0;
}

static void put(struct lm_obs o)
{
	static uint64_t n;
	o.at.offset = n++;
	ok(lm_case_put(c, ev, &o));
}

static void file_at(const char *host, const char *path, uint64_t content)
{
	uint8_t d[32];
	struct lm_obs o = seen_by(host, NULL, NULL, LM_ID_LAYOUT);
	o.file_sighting.path = lm_cstr(path);
	o.file_sighting.sha256 = sha(content, d);
	put(o);
}

static void named_file(const char *host, const char *path, uint64_t content, const char *product, const char *version)
{
	uint8_t d[32];
	struct lm_obs o = seen_by(host, NULL, NULL, LM_ID_INVENTORY);
	o.file_sighting.path = lm_cstr(path);
	o.file_sighting.sha256 = sha(content, d);
	o.file_sighting.product = lm_cstr(product);
	o.file_sighting.version = lm_cstr(version);
	put(o);
}

static void pe(uint64_t content, bool dll, const char *company, const char *product, const char *version, int64_t size,
	       bool is_signed)
{
	uint8_t d[32];
	struct lm_obs o;
	lm_obs_init(&o, LM_K_pe_image);
	o.pe_image.sha256 = sha(content, d);
	o.pe_image.is_dll = LM_INT(dll);
	o.pe_image.company = lm_cstr(company);
	o.pe_image.product = lm_cstr(product);
	o.pe_image.product_version = lm_cstr(version);
	put(o);
	lm_obs_init(&o, LM_K_file_content);
	o.file_content.sha256 = sha(content, d);
	o.file_content.size = LM_INT(size);
	put(o);
	if (!is_signed)
		return;
	lm_obs_init(&o, LM_K_signature);
	o.signature.sha256 = sha(content, d);
	o.signature.status = LM_STR("valid");
	put(o);
}

static void installed(const char *host, const char *vendor, const char *product, const char *version, const char *path)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_product_installed);
	o.host = (struct lm_ident){ .name = lm_cstr(host), .source = LM_ID_INVENTORY };
	o.product_installed.vendor = lm_cstr(vendor);
	o.product_installed.product = lm_cstr(product);
	o.product_installed.version = lm_cstr(version);
	o.product_installed.path = lm_cstr(path);
	o.product_installed.source = LM_STR("msi");
	put(o);
}

static enum lm_rc short_line(void *user, const struct lm_installed *i)
{
	lm_buf_fmt(user, "%.*s: %.*s %.*s", LM_STR_ARG(i->host->name), LM_STR_ARG(i->product),
		   LM_STR_ARG(i->version.p ? i->version : LM_STR("?")));
	struct lm_str word = lm_str_part(i->basis, 0, lm_str_find(i->basis, ':', 0));
	lm_buf_fmt(user, " (%.*s)\n", LM_STR_ARG(word));
	return LM_OK;
}

static void expect(const char *want)
{
	struct lm_buf b;
	lm_buf_init(&b, 1 << 16);
	ok(lm_case_resolve(c, NULL));
	ok(lm_case_installed(c, (struct lm_str){ 0 }, short_line, &b));
	assert_string_equal(b.p ? b.p : "", want);
	lm_buf_fini(&b);
}

static void test_inventory(void **state)
{
	(void)state;
	installed("b", "Example Ltd", "Example App 1.2.3 (x64)", "1.2.3", NULL);
	installed("a", "Example Ltd", "example app", "1.10.0", "C:\\Program Files\\Example App");
	installed("c", NULL, "ExampleApp", "1.2.3.0", NULL); /* "1.2.3" and "1.2.3.0" are one version */
	installed("c", NULL, "Example App", NULL, NULL);     /* nothing new */
	installed("d", NULL, "Notepad", "1", NULL);
	installed("d", NULL, "Notepad++", "1", NULL);
	installed("e", NULL, "  ", "1", NULL);
	installed(NULL, NULL, "Nobody's", "1", NULL);
	expect("a: Example App 1.10.0 (inventory)\nb: Example App 1.2.3 (inventory)\nc: Example App 1.2.3 (inventory)\n"
	       "d: Notepad 1 (inventory)\nd: Notepad++ 1 (inventory)\n");
	struct lm_buf b;
	lm_buf_init(&b, 1 << 16);
	ok(lm_case_installed(c, LM_STR("EXAMPLE APP"), short_line, &b));
	assert_string_equal(b.p, "a: Example App 1.10.0 (inventory)\nb: Example App 1.2.3 (inventory)\n"
				 "c: Example App 1.2.3 (inventory)\n");
	lm_buf_fini(&b);
}

static void test_versions_in_order(void **state)
{
	(void)state;
	installed("a", NULL, "App", "10.0", NULL);
	installed("a", NULL, "App", "9.5", NULL);
	installed("a", NULL, "App", "9.10", NULL);
	installed("a", NULL, "App", "9.5-beta", NULL);
	expect("a: App 9.5 (inventory)\na: App 9.5-beta (inventory)\na: App 9.10 (inventory)\na: App 10.0 "
	       "(inventory)\n");
}

static void test_folders(void **state)
{
	(void)state;
	const char *root = "C:\\Users\\u\\AppData\\Local\\Programs\\3CXDesktopApp\\app\\";
	char path[200];
	pe(1, false, "3CX Ltd", "3CX Desktop App", "18.12.416.0", 5000, true);
	pe(2, false, "Electron", "Electron", "19.0", 99999, false); /* larger, but resembles nothing */
	pe(3, true, "Microsoft", "Microsoft DirectX", "10.0.1", 100, true);
	pe(4, false, "3CX Ltd", "3CX Desktop App", "18.12.400.0", 9000, false); /* larger, not signed */
	const char *const names[] = { "", "3CXDesktopApp.exe", "electron.exe", "d3dcompiler_47.dll", "old.exe" };
	for (uint64_t i = 1; i < 5; i++) {
		snprintf(path, sizeof path, "%s%s", root, names[i]);
		file_at("a", path, i);
	}
	/* vendor folder, then product; an updater's app- folders */
	pe(5, false, "Example", "Example Chromium", "5.0", 10, true);
	file_at("b", "C:/Program Files (x86)/Example/Chromium/Application/chromium.exe", 5);
	pe(6, false, "Chat Inc", "Chat", "9.9.9", 10, true);
	file_at("b", "C:\\Users\\v\\AppData\\Local\\Chat\\app-3.1.4\\Chat.exe", 6);
	file_at("b", "C:\\Users\\v\\AppData\\Local\\Chat\\app-3.1.5\\Chat.exe", 6);
	/* a DLL alone, and an EXE in a download folder, state nothing */
	file_at("c", "C:\\Program Files\\DirectX\\d3dcompiler_47.dll", 3);
	file_at("c", "C:\\Users\\u\\Downloads\\3CXDesktopApp.exe", 1);
	expect("a: 3CX Desktop App 18.12.416.0 (install folder)\nb: Chat 3.1.4 (install folder)\nb: Chat 3.1.5 "
	       "(install folder)\n"
	       "b: Example Chromium 5.0 (install folder)\n");
}

static void test_bundles(void **state)
{
	(void)state;
	file_at("m", "/Applications/3CX Desktop App.app/Contents/MacOS/3CX Desktop App", 1);
	file_at("m", "/Applications/Other.app/Contents/Info.plist", 2);
	file_at("n", "/Users/u/Applications/3CX Desktop App.app/Contents/Info.plist", 3);
	installed("n", NULL, "3CXDesktopApp", "18.11", NULL); /* better: the bundle tells where it lies */
	file_at("o", "/Library/Application Support/x", 1);
	expect("m: 3CX Desktop App ? (bundle)\nn: 3CX Desktop App 18.11 (inventory)\nm: Other ? (bundle)\n");
}

static enum lm_rc on_content(void *user, const struct lm_content_product *p)
{
	lm_buf_fmt(user, "%.*s %.*s on %llu\n", LM_STR_ARG(p->product), LM_STR_ARG(p->version),
		   (unsigned long long)p->hosts);
	return LM_OK;
}

static void expect_content(uint64_t content, const char *want)
{
	uint8_t d[32];
	struct lm_buf b;
	lm_buf_init(&b, 1 << 16);
	(void)sha(content, d);
	ok(lm_case_content_products(c, d, on_content, &b));
	assert_string_equal(b.p ? b.p : "", want);
	lm_buf_fini(&b);
}

/* Folders of an inventory cover what lies below them. */
static void test_content(void **state)
{
	(void)state;
	char path[100];
	for (int v = 1; v <= 2; v++) {
		const char *host = v == 1 ? "one" : "two";
		installed(host, "V", "App", v == 1 ? "1.0" : "2.0", "C:\\Program Files\\App\\");
		snprintf(path, sizeof path, "C:\\Program Files\\App\\sub\\app.exe");
		file_at(host, path, v == 1 ? 1 : 3);
		file_at(host, "c:/program files/APP/lib.dll", 2);
		file_at(host, "C:\\Program Files\\Application\\no.dll", 5); /* another folder that begins alike */
	}
	file_at("h1", "D:\\sub\\app.exe", 3);
	expect("h1: App 2.0 (content seen elsewhere)\none: App 1.0 (inventory)\ntwo: App 2.0 (inventory)\n");
	expect_content(1, "App 1.0 on 1\n");
	expect_content(2, "App 1.0 on 1\nApp 2.0 on 1\n");
	expect_content(5, "");
}

/* An inventory without a version: the program file in its folder states it. */
static void test_version_from_exe(void **state)
{
	(void)state;
	pe(1, false, "V", "My App", "4.5.6", 10, true);
	installed("a", "V", "My Application", NULL, "C:\\Program Files\\My App");
	file_at("a", "C:\\Program Files\\My App\\myapp.exe", 1);
	file_at("a", "C:\\Program Files\\My App\\lib.dll", 2);
	expect("a: My Application 4.5.6 (install folder)\n");
	expect_content(2, "My Application 4.5.6 on 1\n");
}

static void test_content_words(void **state)
{
	(void)state;
	named_file("a", "C:\\Program Files\\App\\app.exe", 1, "App", "1.0");
	named_file("b", "C:\\Program Files\\App\\app.exe", 2, "App", "2.0");
	named_file("b", "C:\\Program Files\\App\\lib.dll", 3, "App", "2.0");
	named_file("a", "C:\\Program Files\\App\\lib.dll", 3, "App", "1.0");
	named_file("a", "C:\\Program Files\\App\\rt.dll", 4, "App", "1.0");
	named_file("a", "C:\\Program Files\\Other\\rt.dll", 4, "Other", "1");
	file_at("h1", "C:\\Program Files\\App\\app.exe", 2);
	file_at("h1", "C:\\Program Files\\App\\lib.dll", 3);
	file_at("h2", "C:\\Program Files\\App\\lib.dll", 3);
	file_at("h3", "C:\\Program Files\\App\\rt.dll", 4);
	file_at("h4", "C:\\Users\\u\\Downloads\\app.exe", 1);
	file_at("h5", "app.exe", 1); /* a bare list of names and hashes */
	expect("a: App 1.0 (inventory)\nb: App 2.0 (inventory)\nh1: App 2.0 (content seen elsewhere)\n"
	       "h2: App ? (content seen elsewhere)\nh5: App 1.0 (content seen elsewhere)\na: Other 1 (inventory)\n");
	expect_content(1, "App 1.0 on 1\n");
	expect_content(3, "App 1.0 on 1\nApp 2.0 on 1\n");
	expect_content(4, "App 1.0 on 1\nOther 1 on 1\n");
	expect_content(99, "");
}

static void test_subject(void **state)
{
	(void)state;
	installed("a", NULL, "App", "1.0", NULL);
	installed("a", NULL, "App", "1.10", NULL);
	installed("a", NULL, "Zeta", "3", NULL);
	installed("b", NULL, "Zeta", "3", NULL);
	ok(lm_case_resolve(c, NULL));
	assert_null(lm_case_host_find(c, LM_STR("a"))->product.p);
	ok(lm_case_set(c, "subject", LM_STR("other; app")));
	const struct lm_host *a = lm_case_host_find(c, LM_STR("a")), *b = lm_case_host_find(c, LM_STR("b"));
	assert_true(lm_str_eq(a->product, LM_STR("App")) && lm_str_eq(a->version, LM_STR("1.10")));
	assert_null(b->product.p);
	ok(lm_case_resolve(c, NULL)); /* and stays */
	assert_true(lm_str_eq(lm_case_host_find(c, LM_STR("a"))->version, LM_STR("1.10")));
	ok(lm_case_set(c, "subject", LM_STR("z*")));
	assert_true(lm_str_eq(lm_case_host_find(c, LM_STR("a"))->product, LM_STR("Zeta")));
	assert_true(lm_str_eq(lm_case_host_find(c, LM_STR("b"))->product, LM_STR("Zeta")));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(test_inventory),	   T(test_versions_in_order),
					    T(test_folders),	   T(test_bundles),
					    T(test_content),	   T(test_version_from_exe),
					    T(test_content_words), T(test_subject) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
