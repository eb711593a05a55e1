/* SPDX-License-Identifier: Apache-2.0 */
/* t_layout.c - hosts and original paths from the names that collectors give. */
#include "unit/test.h"

#include "base/arena.h"
#include "source/source.h"

struct want {
	const char *chain;
	const char *layout;   /* NULL: none */
	const char *host;     /* NULL: unset */
	const char *device;   /* NULL: unset */
	const char *original; /* NULL: unset */
	bool shadow;
};

static const struct want wants[] = {
	/* Velociraptor offline collector */
	{ "ev/Collection-PC7-2023-03-29T10_11_12Z.zip!/uploads/auto/C%3A/Windows/a%20b.exe", "velociraptor", "PC7",
	  NULL, "C:\\Windows\\a b.exe", false },
	{ "Collection-ws-01.corp.example-2023-03-29T10_11_12_02_00/uploads/ntfs/%5C%5C.%5CC%3A/$Extend/$UsnJrnl%3A$J",
	  "velociraptor", "ws-01.corp.example", NULL, "C:\\$Extend\\$UsnJrnl:$J", false },
	{ "Collection-PC7-2023-03-29T10_11_12Z.zip!/uploads/lazy_ntfs/%5C%5C%3F%5CGLOBALROOT%5CDevice%5C"
	  "HarddiskVolumeShadowCopy3/Windows/x.dll",
	  "velociraptor", "PC7", NULL, "C:\\Windows\\x.dll", true },
	{ "Collection-PC7-2023-03-29T10_11_12Z.zip!/uploads/mft/%5C%5C.%5CD%3A/$MFT", "velociraptor", "PC7", NULL,
	  "D:\\$MFT", false },
	{ "Collection-mac1-2023-03-29T10_11_12Z.zip!/uploads/auto/Applications/Example.app/Contents/MacOS/Example",
	  "velociraptor", "mac1", NULL, "/Applications/Example.app/Contents/MacOS/Example", false },
	{ "Collection-lx-2023-03-29T10_11_12Z/uploads/file/etc/%2Ehidden", "velociraptor", "lx", NULL, "/etc/.hidden",
	  false },
	{ "Collection-PC7-2023-03-29T10_11_12Z.zip!/results/Windows.System.Services.json", "velociraptor", "PC7", NULL,
	  NULL, false },
	{ "Collection-PC7-2023-03-29T10_11_12Z.zip!/data.zip!/uploads/auto/C%3A/x.exe", "velociraptor", "PC7", NULL,
	  "C:\\x.exe", false },
	{ "in/Collection-PC7-2023-03-29T10_11_12Z.zip", "velociraptor", "PC7", NULL, NULL, false },
	{ "pc7.zip!/uploads/auto/C%3A/x.exe", "velociraptor", "pc7", NULL, "C:\\x.exe", false },
	{ "evidence/uploads/auto/C%3A/Users/bob/x.exe", "velociraptor", NULL, NULL, "C:\\Users\\bob\\x.exe", false },
	/* Velociraptor server */
	{ "clients/C.1b2c3d4e5f607182/collections/F.CABCDEF12/uploads/auto/C%3A/x.exe", "velociraptor", NULL,
	  "collection:C.1b2c3d4e5f607182", "C:\\x.exe", false },
	{ "H.5E1Q7.zip!/clients/C.xxx/collections/F.ABC/results/Foo.json", "velociraptor", NULL, "collection:C.xxx",
	  NULL, false },
	{ "dl/WS-22-C.1b2c3d4e5f607182-F.CABCDEF12.zip!/uploads/auto/C%3A/x.exe", "velociraptor", "WS-22",
	  "collection:C.1b2c3d4e5f607182", "C:\\x.exe", false },
	{ "C.1b2c3d4e5f607182/artifacts/Foo/F.ABC.csv", "velociraptor", NULL, "collection:C.1b2c3d4e5f607182", NULL,
	  false },
	/* KAPE */
	{ "out/2023-03-29T101112_PC7/C/Windows/System32/x.dll", "kape", "PC7", NULL, "C:\\Windows\\System32\\x.dll",
	  false },
	{ "2023-03-29T101112_PC7.zip!/C/odd/x.dll", "kape", "PC7", NULL, "C:\\odd\\x.dll", false },
	{ "PC7.zip!/C/Users/bob/x.lnk", "kape", "PC7", NULL, "C:\\Users\\bob\\x.lnk", false },
	{ "PC7.zip!/D/stuff/x.lnk", "kape", "PC7", NULL, "D:\\stuff\\x.lnk", false },
	{ "PC7.zip!/C\\Users\\bob\\x.lnk", "kape", "PC7", NULL, "C:\\Users\\bob\\x.lnk", false },
	{ "dest/PC7_C/Windows/x.exe", "kape", "PC7", NULL, "C:\\Windows\\x.exe", false },
	{ "PC7/VSS2/C/Windows/x.exe", "kape", "PC7", NULL, "C:\\Windows\\x.exe", true },
	{ "PC7/C/VSS2/Windows/x.exe", "kape", "PC7", NULL, "C:\\Windows\\x.exe", true },
	{ "PC7/vss1/Windows/x.exe", "kape", "PC7", NULL, "C:\\Windows\\x.exe", true },
	{ "kape_PC7/C/Windows/x.exe", "kape", "PC7", NULL, "C:\\Windows\\x.exe", false },
	{ "PC7/kape/C/Windows/x.exe", "kape", "PC7", NULL, "C:\\Windows\\x.exe", false },
	{ "bob/kape/C/Windows/x.exe", "tree", NULL, NULL, "C:\\Windows\\x.exe", false },
	{ "case-12/kape/C/Windows/x.exe", "tree", NULL, NULL, "C:\\Windows\\x.exe", false },
	{ "PC7/evidence/C/Windows/x.exe", "tree", NULL, NULL, "C:\\Windows\\x.exe", false },
	{ "PC7.zip!/kape/C/Windows/x.exe", "kape", "PC7", NULL, "C:\\Windows\\x.exe", false },
	/* UAC */
	{ "uac-mac-07-macos-20230330142233.tar.gz!/[root]/Applications/Example.app/x", "uac", "mac-07", NULL,
	  "/Applications/Example.app/x", false },
	{ "uac-lx1-linux-20230330142233/live_response/process/ps.txt", "uac", "lx1", NULL, NULL, false },
	{ "uac-lx1-linux-20230330142233.tar.gz!/bodyfile/bodyfile.txt", "uac", "lx1", NULL, NULL, false },
	{ "uac-lx1-linux-20230330142233.tar.gz!/./[root]/var/log/syslog.2.gz!/syslog.2", "uac", "lx1", NULL,
	  "/var/log/syslog.2.gz!/syslog.2", false },
	{ "uac-lx1-linux-20230330142233.tar.gz", "uac", "lx1", NULL, NULL, false },
	{ "mac7/[root]/Applications/Example.app/x", "tree", "mac7", NULL, "/Applications/Example.app/x", false },
	/* trees */
	{ "cases/PC7/C/app.exe", "tree", "PC7", NULL, "C:\\app.exe", false },
	{ "/cases/2023/PC-7.corp.example/C:/Program Files/App/app.exe", "tree", "PC-7.corp.example", NULL,
	  "C:\\Program Files\\App\\app.exe", false },
	{ "PC7/C%3A/Program%20Files/app.exe", "tree", "PC7", NULL, "C:\\Program Files\\app.exe", false },
	{ "PC7/D/data/app.exe", "tree", "PC7", NULL, "D:\\data\\app.exe", false },
	{ "PC7/C/100%25.txt", "tree", "PC7", NULL, "C:\\100%25.txt", false },
	{ "PC7/C/Users/bob/D/x", "tree", "PC7", NULL, "C:\\Users\\bob\\D\\x", false },
	{ "/home/bob/D/PC7/C/Windows/x", "tree", "PC7", NULL, "C:\\Windows\\x", false },
	{ "PC7/Volume{12345678-0000-0000-0000-100000000000}/Windows/x", "tree", "PC7", NULL,
	  "\\\\?\\Volume{12345678-0000-0000-0000-100000000000}\\Windows\\x", false },
	{ "PC7/HarddiskVolumeShadowCopy12/Windows/x", "kape", "PC7", NULL, "C:\\Windows\\x", true },
	{ "mac7/root/Applications/Example.app/x", "tree", "mac7", NULL, "/Applications/Example.app/x", false },
	{ "10.1.2.3/C/Windows/x", "tree", "10.1.2.3", NULL, "C:\\Windows\\x", false },
	{ "outer.zip!/inner-PC7.zip!/C/x", "kape", "inner-PC7", NULL, "C:\\x", false },
	{ "outer/PC1.zip!/PC2.zip!/C/Windows/x", "kape", "PC2", NULL, "C:\\Windows\\x", false },
	{ "PC7/C/Users/bob/app.zip!/lib/x.dll", "tree", "PC7", NULL, "C:\\Users\\bob\\app.zip!/lib/x.dll", false },
	/* an archive on a disk that holds a folder "D" is no second host */
	{ "PC7/C/Users/bob/release.zip!/D/x.dll", "tree", "PC7", NULL, "C:\\Users\\bob\\release.zip!/D/x.dll", false },
	{ "evidence/C/Windows/x.exe", "tree", NULL, NULL, "C:\\Windows\\x.exe", false },
	/* none */
	{ "evidence/C/foo/x.exe", NULL, NULL, NULL, NULL, false },
	{ "src/c/main.c", NULL, NULL, NULL, NULL, false },
	{ "C/C/x.exe", NULL, NULL, NULL, NULL, false },
	{ "a b/C/x.exe", NULL, NULL, NULL, NULL, false },
	{ "PC7/C", NULL, NULL, NULL, NULL, false },
	{ "PC7/CC/x", NULL, NULL, NULL, NULL, false },
	{ "logs/conn.log", NULL, NULL, NULL, NULL, false },
	{ "site/uploads/file/x.png", NULL, NULL, NULL, NULL, false },
	{ "", NULL, NULL, NULL, NULL, false },
	{ "/", NULL, NULL, NULL, NULL, false },
	/* hostile */
	{ "PC7/C/a\\..\\..\\b", NULL, NULL, NULL, NULL, false },
	{ "PC7/C/../../../etc/passwd", NULL, NULL, NULL, NULL, false },
	{ "../../PC7/C/x", "tree", "PC7", NULL, "C:\\x", false },
	{ "../C/x", NULL, NULL, NULL, NULL, false },
	{ "Collection-PC7-2023-03-29T10_11_12Z.zip!/uploads/auto/C%3A/%2E%2E/x", NULL, NULL, NULL, NULL, false },
	{ "Collection-PC7-2023-03-29T10_11_12Z.zip!/uploads/auto/C%3A/a%00b", NULL, NULL, NULL, NULL, false },
	{ "Collection-PC7-2023-03-29T10_11_12Z.zip!/uploads/auto/C%3A/a%5C..%5Cb", NULL, NULL, NULL, NULL, false },
	{ "Collection-PC7-2023-03-29T10_11_12Z.zip!/uploads/auto/etc/a%2Fb", NULL, NULL, NULL, NULL, false },
	{ "Collection-PC7-2023-03-29T10_11_12Z.zip!/uploads/auto/C%3A/100%", "velociraptor", "PC7", NULL, "C:\\100%",
	  false },
};

static void compare(const struct lm_layout *l, const struct want *w)
{
	struct lm_str host = l->host.name.p ? l->host.name : l->host.address;
	if ((l->name == NULL) != (w->layout == NULL) || (w->layout && strcmp(l->name, w->layout)) ||
	    (host.p == NULL) != (w->host == NULL) || (w->host && !lm_str_eq(host, lm_cstr(w->host))) ||
	    (l->host.device.p == NULL) != (w->device == NULL) ||
	    (w->device && !lm_str_eq(l->host.device, lm_cstr(w->device))) ||
	    (l->original.p == NULL) != (w->original == NULL) ||
	    (w->original && !lm_str_eq(l->original, lm_cstr(w->original))) || l->shadow_copy != w->shadow)
		fail_msg("'%s': layout %s, host '%.*s', device '%.*s', original '%.*s', shadow %d", w->chain,
			 l->name ? l->name : "none", LM_STR_ARG(host), LM_STR_ARG(l->host.device),
			 LM_STR_ARG(l->original), l->shadow_copy);
	if (w->layout && (w->host || w->device))
		assert_int_equal(l->host.source, LM_ID_LAYOUT);
}

static void known_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
		struct lm_arena a;
		struct lm_layout l;
		lm_arena_init(&a, 1u << 20);
		lm_layout_of(&a, lm_cstr(wants[i].chain), NULL, &l);
		compare(&l, &wants[i]);
		lm_arena_fini(&a);
	}
}

static void address_as_host(void **state)
{
	(void)state;
	struct lm_arena a;
	struct lm_layout l;
	lm_arena_init(&a, 1u << 20);
	lm_layout_of(&a, LM_STR("10.1.2.3/C/Windows/x"), NULL, &l);
	assert_null(l.host.name.p);
	assert_str(l.host.address, "10.1.2.3");
	lm_arena_fini(&a);
}

static void patterns(void **state)
{
	(void)state;
	static const struct {
		const char *pattern;
		struct want w;
	} rows[] = {
		{ "collections/{host}/*",
		  { "/mnt/collections/PC 7/C/Windows/x", "pattern", "PC 7", NULL, "C:\\Windows\\x", false } },
		{ "collections/{host}/*",
		  { "collections/PC7/20230329/C/Windows/x", "pattern", "PC7", NULL, "C:\\Windows\\x", false } },
		{ "collections/{host}/*", { "collections/PC7/logs/a.evtx", "pattern", "PC7", NULL, NULL, false } },
		{ "cases/{host}.zip", { "cases/PC7.zip!/C/x", "pattern", "PC7", NULL, "C:\\x", false } },
		{ "cases/{host}-triage*/", { "cases/A-B-triage-3/D/x", "pattern", "A-B", NULL, "D:\\x", false } },
		{ "Collection-{host}-2023-*",
		  { "Collection-A-B-2023-03-29T10_11_12Z.zip!/uploads/auto/C%3A/a%20b", "pattern", "A-B", NULL,
		    "C:\\a b", false } },
		/* wins over every layout */
		{ "{host}/loot",
		  { "REAL/loot/Collection-PC7-2023-03-29T10_11_12Z.zip!/results/x", "pattern", "REAL", NULL, NULL,
		    false } },
		{ "**/per-host/**/{host}/fs",
		  { "a/b/per-host/x/y/PC9/fs/[root]/etc/hosts", "pattern", "PC9", NULL, "/etc/hosts", false } },
		{ "/mnt/{host}", { "/mnt/PC7/C/x", "pattern", "PC7", NULL, "C:\\x", false } },
		{ "/mnt/{host}", { "/a/mnt/PC7/D/x", "tree", "PC7", NULL, "D:\\x", false } },
		{ "/mnt/{host}", { "mnt/PC7/D/x", "tree", "PC7", NULL, "D:\\x", false } },
		/* no match, no {host}: the layouts still speak */
		{ "nowhere/{host}", { "PC7/C/x", "tree", "PC7", NULL, "C:\\x", false } },
		{ "PC7/*", { "PC7/C/x", "tree", "PC7", NULL, "C:\\x", false } },
		{ "{host}", { "../x", "pattern", "x", NULL, NULL, false } },
		{ "", { "PC7/C/x", "tree", "PC7", NULL, "C:\\x", false } },
		{ "{host}/C", { "PC7/C/../x", "pattern", "PC7", NULL, NULL, false } },
		{ "{host}", { "PC7/C/../x", NULL, NULL, NULL, NULL, false } },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct lm_arena a;
		struct lm_layout l;
		lm_arena_init(&a, 1u << 20);
		lm_layout_of(&a, lm_cstr(rows[i].w.chain), rows[i].pattern, &l);
		compare(&l, &rows[i].w);
		lm_arena_fini(&a);
	}
}

/* Whatever stands there, the answer comes soon, and is a layout or none. */
static void hostile_names(void **state)
{
	(void)state;
	size_t n = 65536;
	char *big = malloc(n);
	struct lm_arena a;
	struct lm_layout l;
	static const char fills[] = "a/%C.-*0";
	for (size_t f = 0; f < sizeof fills - 1; f++) {
		memset(big, fills[f], n);
		memcpy(big, "PC7/C/", 6);
		lm_arena_init(&a, 8u << 20);
		lm_layout_of(&a, (struct lm_str){ big, n }, "**/{host}*/*a*/**/*{host}*", &l);
		lm_layout_of(&a, (struct lm_str){ big, n }, NULL, &l);
		if (l.original.p)
			assert_true(l.original.n <= 32768);
		lm_arena_fini(&a);
	}
	memset(big, 'a', n);
	memcpy(big, "PC7/C/", 6);
	big[40] = 0;
	lm_arena_init(&a, 8u << 20);
	lm_layout_of(&a, (struct lm_str){ big, n }, NULL, &l);
	assert_null(l.name);
	/* 300 folders deep */
	size_t at = (size_t)snprintf(big, n, "PC7/C/");
	for (int i = 0; i < 300; i++)
		at += (size_t)snprintf(big + at, n - at, "d/");
	lm_layout_of(&a, (struct lm_str){ big, at }, NULL, &l);
	assert_null(l.name);
	lm_arena_fini(&a);
	free(big);
}

/* Every prefix, and every byte changed once: no crash, and no ".." in what is believed. */
static void mutations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
		size_t n = strlen(wants[i].chain);
		for (size_t k = 0; k < n; k++) {
			static const char changes[] = "/\\%!.C\0\xff";
			struct lm_arena a;
			struct lm_layout l;
			char *copy = malloc(n);
			lm_arena_init(&a, 1u << 20);
			memcpy(copy, wants[i].chain, k);
			lm_layout_of(&a, (struct lm_str){ copy, k }, NULL, &l);
			for (size_t c = 0; c < sizeof changes - 1; c++) {
				memcpy(copy, wants[i].chain, n);
				copy[k] = changes[c];
				lm_layout_of(&a, (struct lm_str){ copy, n }, "x/{host}/*", &l);
				bool windows = l.original.n > 1 && l.original.p[0] != '/';
				for (size_t at = 0; l.original.p && at + 4 <= l.original.n; at++)
					if (!memcmp(l.original.p + at, windows ? "\\..\\" : "/../", 4))
						fail_msg("'%.*s' gives '%.*s'", (int)n, copy, LM_STR_ARG(l.original));
			}
			free(copy);
			lm_arena_fini(&a);
		}
	}
}

static void allocation_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
		for (unsigned long at = 1; at < 50; at++) {
			struct lm_arena a;
			struct lm_layout l;
			lm_arena_init(&a, 1u << 20);
			lm_arena_fail_at(at);
			lm_layout_of(&a, lm_cstr(wants[i].chain), NULL, &l);
			bool all = lm_arena_count() < at;
			lm_arena_fail_at(0);
			if (all)
				compare(&l, &wants[i]);
			if (!l.name)
				assert_true(!l.original.p && !lm_ident_is_set(&l.host));
			assert_true(!(l.original.n && !l.original.p) && !(l.host.name.n && !l.host.name.p));
			lm_arena_fini(&a);
			if (all)
				break;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_forms),	 cmocka_unit_test(address_as_host), cmocka_unit_test(patterns),
		cmocka_unit_test(hostile_names), cmocka_unit_test(mutations),	    cmocka_unit_test(allocation_fails),
	};
	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
