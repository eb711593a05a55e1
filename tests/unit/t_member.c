/* SPDX-License-Identifier: Apache-2.0 */
/* t_member.c - members of every container format, whole, damaged and encrypted. */
#include "source/source.h"
#include "unit/member_help.h"

#include <locale.h>

static uint8_t big[300000];
static const struct make three[] = {
	{ "a.txt", "alpha", 5, 0, NULL },
	{ "dir/big.bin", big, sizeof big, 0, NULL },
	{ "z", "", 0, 0, NULL },
};

static void assert_three(const struct keep *k)
{
	if (k->n_m != 3 || k->n_i)
		print_kept(k);
	assert_int_equal(k->n_m, 3);
	assert_int_equal(k->n_i, 0);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(k->m[i].name, three[i].name);
		assert_int_equal(k->m[i].n, three[i].n);
		assert_memory_equal(k->m[i].data, three[i].data, three[i].n);
	}
}

static void probe_is(struct lm_bytes b, const char *want)
{
	const char *format = "?";
	int score = lm_container_probe(b, &format);
	if (want) {
		assert_in_range(score, 1, 100);
		assert_string_equal(format, want);
	} else {
		assert_int_equal(score, 0);
		assert_null(format);
	}
}

static void formats(void **state)
{
	(void)state;
	static const struct {
		const char *format, *filter, *options, *probe;
	} rows[] = {
		{ "zip", NULL, NULL, "zip" },
		{ "zip", NULL, "zip:compression=store", "zip" },
		{ "zip", NULL, "zip:zip64", "zip" },
		{ "ustar", NULL, NULL, "tar" },
		{ "pax", NULL, NULL, "tar" },
		{ "gnutar", NULL, NULL, "tar" },
		{ "v7tar", NULL, NULL, "tar" },
		{ "ustar", "gzip", NULL, "gzip" },
		{ "pax", "zstd", NULL, "zstd" },
		{ "gnutar", "xz", NULL, "xz" },
		{ "ustar", "bzip2", NULL, "bzip2" },
		{ "7zip", NULL, NULL, "7z" },
		{ "7zip", NULL, "7zip:compression=store", "7z" },
		{ "7zip", NULL, "7zip:compression=bzip2", "7z" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct made m = make_archive(rows[i].format, rows[i].filter, rows[i].options, NULL, three, 3);
		probe_is(made_view(&m), rows[i].probe);
		struct keep *k = read_all(made_view(&m));
		/* 7z keeps members without content in a list of their own, at the end as well */
		assert_three(k);
		assert_true(k->m[0].modified_ns.set);
		assert_true(k->m[0].modified_ns.v == INT64_C(1679480000) * 1000000000);
		keep_free(k);
		free(m.p);
	}
}

static void probes(void **state)
{
	(void)state;
	static const uint8_t zeros[1024];
	probe_is((struct lm_bytes){ 0 }, NULL);
	probe_is((struct lm_bytes){ zeros, sizeof zeros }, NULL);
	probe_is(lm_str_bytes(LM_STR("MZ\x90\0")), NULL);
	probe_is(lm_str_bytes(LM_STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")), NULL); /* MSI: not here */
	probe_is(lm_str_bytes(LM_STR("PK\3\4")), "zip");
	probe_is(lm_str_bytes(LM_STR("PK\5\6")), "zip");
	probe_is(lm_str_bytes(LM_STR("PK\1\2")), NULL);
	probe_is(lm_str_bytes(LM_STR("\x1f\x8b\x08")), "gzip");
	probe_is(lm_str_bytes(LM_STR("\x1f\x8b")), NULL);
	probe_is(lm_str_bytes(LM_STR("BZh91AY&SY")), "bzip2");
	probe_is(lm_str_bytes(LM_STR("BZh91AY&SX")), NULL);
	probe_is(lm_str_bytes(LM_STR("BZh01AY&SY")), NULL);
	probe_is(lm_str_bytes(LM_STR("\xfd"
				     "7zXZ\0")),
		 "xz");
	struct lm_member_sink sink = { NULL, keep_member, keep_issue };
	struct lm_member_spent spent = { 0 };
	assert_int_equal(lm_members(lm_str_bytes(LM_STR("no container")), NULL, &lm_member_defaults, &spent, &sink),
			 LM_ENOTFMT);
	/* a tar header one byte off is none */
	struct made m = make_archive("v7tar", NULL, NULL, NULL, three, 1);
	m.p[0] ^= 1;
	probe_is(made_view(&m), NULL);
	free(m.p);
}

/* Archives that other tools write; a tool that is missing is told and left out. */
static void peers(void **state)
{
	(void)state;
	static const struct {
		const char *tool, *command, *file;
	} rows[] = {
		{ "zip", "zip -q x.zip a.txt dir/big.bin z", "x.zip" },
		{ "zip", "cat a.txt | zip -q - - > /dev/null; zip -q -fd x2.zip a.txt dir/big.bin z", "x2.zip" },
		{ "zip", "zip -q -Z bzip2 x3.zip a.txt dir/big.bin z", "x3.zip" },
		{ "7z", "7z a -tzip -mm=LZMA x4.zip a.txt dir/big.bin z", "x4.zip" },
		{ "7z", "7z a -tzip -mm=PPMd x5.zip a.txt dir/big.bin z", "x5.zip" },
		{ "7z", "7z a x.7z a.txt dir/big.bin z", "x.7z" },
		{ "7z", "7z a -ms=off -m0=PPMd y.7z a.txt dir/big.bin z", "y.7z" },
		{ "tar", "tar cf x.tar --format=ustar a.txt dir/big.bin z", "x.tar" },
		{ "tar", "tar czf x.tgz a.txt dir/big.bin z", "x.tgz" },
		{ "tar", "tar cf x.pax --format=posix a.txt dir/big.bin z", "x.pax" },
		{ "gcab", "gcab -c x.cab a.txt dir/big.bin z", "x.cab" },
		{ "gcab", "gcab -cz y.cab a.txt dir/big.bin z", "y.cab" },
	};
	char dir[] = "/tmp/limier-member-XXXXXX", command[512], path[128];
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof command, "mkdir %s/dir", dir);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, three[i].name);
		FILE *f = fopen(path, "wb");
		assert_int_equal(fwrite(three[i].data, 1, three[i].n, f), three[i].n);
		fclose(f);
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", rows[i].tool);
		if (system(command)) {
			print_message("left out: there is no %s here\n", rows[i].tool);
			continue;
		}
		snprintf(command, sizeof command, "cd %s && (%s) >/dev/null 2>&1", dir, rows[i].command);
		assert_int_equal(system(command), 0);
		snprintf(path, sizeof path, "%s/%s", dir, rows[i].file);
		struct made m = read_whole(path);
		assert_non_null(m.p);
		struct keep *k = read_all(made_view(&m));
		if (k->n_m != 3 || k->n_i)
			print_message("%s:\n", rows[i].command);
		if (k->n_m == 3 && !k->n_i) {
			for (size_t j = 0; j < 3; j++) {
				const struct kept *e = member_named(k, three[j].name);
				assert_non_null(e);
				assert_int_equal(e->n, three[j].n);
				assert_memory_equal(e->data, three[j].data, three[j].n);
			}
		} else {
			assert_three(k);
		}
		keep_free(k);
		free(m.p);
	}
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

static void bare_streams(void **state)
{
	(void)state;
	static const struct {
		const char *filter, *options;
	} rows[] = {
		{ "gzip", NULL }, { "gzip", "gzip:!timestamp" }, { "zstd", NULL }, { "xz", NULL }, { "bzip2", NULL }
	};
	struct make one = { "ignored", big, sizeof big, 0, NULL };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct made m = make_archive("raw", rows[i].filter, rows[i].options, NULL, &one, 1);
		struct keep *k = read_all(made_view(&m));
		assert_int_equal(k->n_m, 1);
		assert_int_equal(k->n_i, 0);
		assert_null(k->m[0].name);
		assert_int_equal(k->m[0].n, sizeof big);
		assert_memory_equal(k->m[0].data, big, sizeof big);
		keep_free(k);
		/* the same stream twice is one content, as logs are appended */
		uint8_t *twice = malloc(m.n * 2);
		memcpy(twice, m.p, m.n);
		memcpy(twice + m.n, m.p, m.n);
		k = read_all((struct lm_bytes){ twice, m.n * 2 });
		assert_int_equal(k->n_m, 1);
		assert_int_equal(k->n_i, 0);
		assert_int_equal(k->m[0].n, 2 * sizeof big);
		assert_memory_equal(k->m[0].data + sizeof big, big, sizeof big);
		keep_free(k);
		free(twice);
		/* bytes behind the end are told, zeros are padding */
		uint8_t *more = calloc(1, m.n + 64);
		memcpy(more, m.p, m.n);
		k = read_all((struct lm_bytes){ more, m.n + 64 });
		assert_int_equal(k->n_m, 1);
		assert_memory_equal(k->m[0].data, big, sizeof big);
		if (strcmp(rows[i].filter, "xz") && strcmp(rows[i].filter, "bzip2")) {
			assert_int_equal(k->n_i, 0);
			keep_free(k);
			memcpy(more + m.n, "more here", 9);
			k = read_all((struct lm_bytes){ more, m.n + 9 });
			assert_int_equal(told(k, LM_K_evidence_skipped, "9 bytes after the end")->offset, m.n);
		}
		keep_free(k);
		free(more);
		free(m.p);
	}
	/* the name and time in a gzip header */
	static const uint8_t named[] = { 0x1f, 0x8b, 8,	   8,	 0,    0xf1, 0x53, 0x65, 0,    3,    'c',
					 'o',  'n',  'n',  '.',	 'l',  'o',  'g',  0,	 0x4b, 0x4c, 0x02,
					 0,    0xe9, 0x8d, 0xbc, 0x43, 0,    0,	   0,	 0 };
	uint8_t fixed[sizeof named];
	memcpy(fixed, named, sizeof named);
	static const uint8_t trailer[] = { 0x6d, 0x48, 0x83, 0x9e, 2, 0, 0, 0 }; /* CRC-32 of "ab" */
	memcpy(fixed + 23, trailer, 8);
	struct keep *k = read_all((struct lm_bytes){ fixed, sizeof fixed });
	assert_int_equal(k->n_m, 1);
	assert_string_equal(k->m[0].name, "conn.log");
	assert_true(k->m[0].modified_ns.v == INT64_C(0x6553f100) * 1000000000);
	assert_memory_equal(k->m[0].data, "ab", 2);
	keep_free(k);

	struct lm_arena a;
	lm_arena_init(&a, 65536);
	assert_str(lm_member_bare_name(&a, LM_STR("/x/conn.log.gz")), "conn.log");
	assert_str(lm_member_bare_name(&a, LM_STR("a.zip!/x.TGZ")), "x.tar");
	assert_str(lm_member_bare_name(&a, LM_STR("noname")), "noname");
	assert_str(lm_member_bare_name(&a, LM_STR(".gz")), ".gz");
	lm_arena_fini(&a);
}

/* Names are bytes, under any locale: UTF-8 with its flag, Latin-1 without, NFD, and names libarchive refuses. */
static void names(void **state)
{
	(void)state;
	static const char *const list[] = { "gr\xc3\xbc\xc3\x9f.txt", "gr\xfc\xdf.txt", "e\xcc\x81.txt",
					    "\xf0\x9f\x90\x95", "a\\b.txt" };
	const size_t n = sizeof list / sizeof *list;
	struct make e[sizeof list / sizeof *list];
	for (size_t i = 0; i < n; i++)
		e[i] = (struct make){ list[i], "x", 1, 0, NULL };
	for (int round = 0; round < 2; round++) {
		assert_non_null(setlocale(LC_ALL, round ? "C.UTF-8" : "C"));
		static const char *const formats_[] = { "zip", "ustar", "gnutar" };
		for (size_t f = 0; f < 3; f++) {
			struct made m = make_archive(formats_[f], NULL, NULL, NULL, e, n);
			struct keep *k = read_all(made_view(&m));
			assert_int_equal(k->n_m, n);
			for (size_t i = 0; i < n; i++)
				assert_string_equal(k->m[i].name, list[i]);
			keep_free(k);
			free(m.p);
		}
	}
	/* a zip whose flag claims UTF-8 for bytes that are none: the bytes come out */
	struct make one = { "gr\xfc\xdf.txt", "x", 1, 0, NULL };
	struct made m = make_archive("zip", NULL, "zip:compression=store", NULL, &one, 1);
	m.p[7] |= 8;
	for (size_t i = 0; i + 4 < m.n; i++)
		if (!memcmp(m.p + i, "PK\1\2", 4))
			m.p[i + 9] |= 8;
	struct keep *k = read_all(made_view(&m));
	assert_int_equal(k->n_m, 1);
	assert_string_equal(k->m[0].name, "gr\xfc\xdf.txt");
	keep_free(k);
	free(m.p);
	/* pax and 7z hold UTF-8 and UTF-16: made under a UTF-8 locale, read under C */
	static const char *const unicode[] = { "pax", "7zip" };
	for (size_t f = 0; f < 2; f++) {
		struct make u = { "gr\xc3\xbc\xc3\x9f-\xf0\x9f\x90\x95.txt", "x", 1, 0, NULL };
		assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
		m = make_archive(unicode[f], NULL, NULL, NULL, &u, 1);
		assert_non_null(setlocale(LC_ALL, "C"));
		k = read_all(made_view(&m));
		assert_int_equal(k->n_m, 1);
		assert_string_equal(k->m[0].name, u.name);
		keep_free(k);
		free(m.p);
	}
}

static void links_and_duplicates(void **state)
{
	(void)state;
	static const struct make list[] = {
		{ "f", "one", 3, 0, NULL },  { "dir/", "", 0, AE_IFDIR, NULL }, { "s", "", 0, AE_IFLNK, "/etc/passwd" },
		{ "h", "", 0, 0, "f" },	     { "f", "two!", 4, 0, NULL },	{ "../../up", "x", 1, 0, NULL },
		{ "/abs", "y", 1, 0, NULL }, { "p", "", 0, AE_IFIFO, NULL },
	};
	struct made m = make_archive("ustar", NULL, NULL, NULL, list, 8);
	struct keep *k = read_all(made_view(&m));
	assert_int_equal(k->n_m, 4);
	assert_string_equal(k->m[0].name, "f");
	assert_string_equal(k->m[1].name, "f");
	assert_memory_equal(k->m[1].data, "two!", 4);
	assert_string_equal(k->m[2].name, "../../up"); /* a name, never a path */
	assert_string_equal(k->m[3].name, "/abs");
	assert_int_equal(k->n_i, 1);
	assert_string_equal(told(k, LM_K_evidence_skipped, "hard link to 'f'")->member, "h");
	keep_free(k);
	free(m.p);

	static const struct make zipped[] = { { "f", "one", 3, 0, NULL },
					      { "s", "", 0, AE_IFLNK, "/etc/passwd" },
					      { "dir/", "", 0, AE_IFDIR, NULL },
					      { "f", "two!", 4, 0, NULL } };
	m = make_archive("zip", NULL, NULL, NULL, zipped, 4);
	k = read_all(made_view(&m));
	assert_int_equal(k->n_m, 2);
	assert_memory_equal(k->m[1].data, "two!", 4);
	assert_int_equal(k->n_i, 0);
	keep_free(k);
	free(m.p);
}

static void above_inline_bytes(void **state)
{
	(void)state;
	static const char *const formats_[] = { "zip", "ustar", "7zip" };
	struct lm_member_limits l = lm_member_defaults;
	l.inline_bytes = 1000;
	for (size_t i = 0; i < 4; i++) {
		struct made m = make_archive(i < 3 ? formats_[i] : "zip", NULL, i < 3 ? NULL : "zip:compression=store",
					     NULL, three, 3);
		struct keep *k = keep_new();
		assert_int_equal(read_limited(k, made_view(&m), NULL, &l), LM_OK);
		assert_three(k);
		assert_false(k->m[0].was_fd);
		assert_true(k->m[1].was_fd);
		assert_false(k->m[2].was_fd);
		keep_free(k);
		free(m.p);
	}
}

static void a_sink_stops(void **state)
{
	(void)state;
	static const char *const formats_[] = { "zip", "ustar", "7zip" };
	for (size_t i = 0; i < 3; i++) {
		struct made m = make_archive(formats_[i], NULL, NULL, NULL, three, 3);
		struct keep *k = keep_new();
		k->answer = LM_EIO;
		assert_int_equal(read_limited(k, made_view(&m), NULL, &lm_member_defaults), LM_EIO);
		assert_int_equal(k->n_m, 1);
		keep_free(k);
		free(m.p);
	}
}

/* ---- damage ---- */

/* Cut anywhere: whole members stay whole, the cut one gives a prefix, and the cut is told. */
static void cut(void **state)
{
	(void)state;
	static const struct {
		const char *format, *filter, *options;
		bool partial; /* the cut member's bytes are all given */
	} rows[] = {
		{ "zip", NULL, NULL, true },	 { "zip", NULL, "zip:compression=store", true },
		{ "ustar", NULL, NULL, true },	 { "ustar", "gzip", NULL, true },
		{ "pax", "zstd", NULL, true },	 { "raw", "gzip", NULL, true },
		{ "raw", "zstd", NULL, true },	 { "raw", "xz", NULL, false },
		{ "raw", "bzip2", NULL, false }, { "7zip", NULL, NULL, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool raw = !strcmp(rows[i].format, "raw");
		struct made m = make_archive(rows[i].format, rows[i].filter, rows[i].options, NULL,
					     raw ? &three[1] : three, raw ? 1 : 3);
		for (size_t part = 1; part < 20; part++) {
			size_t n = m.n * part / 20;
			uint8_t *copy = malloc(n);
			memcpy(copy, m.p, n);
			struct keep *k = keep_new();
			enum lm_rc rc = read_limited(k, (struct lm_bytes){ copy, n }, NULL, &lm_member_defaults);
			assert_int_equal(rc, LM_OK);
			assert_true(k->n_i > 0);
			const struct kept *b = raw ? (k->n_m ? &k->m[0] : NULL) : member_named(k, "dir/big.bin");
			if (b) {
				assert_true(b->n <= sizeof big);
				assert_memory_equal(b->data, big, b->n);
			}
			if (rows[i].partial && part == 10) {
				if (!b || b->n < sizeof big * 4 / 10)
					print_kept(k);
				assert_non_null(b);
				assert_true(b->n > sizeof big * 4 / 10 && b->n < sizeof big * 6 / 10);
				assert_true(k->i[k->n_i - 1].kind == LM_K_evidence_damaged);
			}
			keep_free(k);
			free(copy);
		}
		free(m.p);
	}
	/* the words of a cut zip: which member, where, how much */
	struct made m = make_archive("zip", NULL, "zip:compression=store", NULL, three, 3);
	struct keep *k = read_all((struct lm_bytes){ m.p, 100000 });
	(void)told(k, LM_K_evidence_damaged, "no central directory");
	const struct told *t = told(k, LM_K_evidence_damaged, "the archive ends inside this member");
	assert_string_equal(t->member, "dir/big.bin");
	assert_int_equal(t->offset, 100000);
	assert_int_equal(t->size, sizeof big);
	keep_free(k);
	free(m.p);
}

static size_t find(const struct made *m, const char *what, size_t n, size_t from)
{
	for (size_t i = from; i + n <= m->n; i++)
		if (!memcmp(m->p + i, what, n))
			return i;
	fail_msg("not found");
	return 0;
}

/* A flaw in one member does not hide the next one. */
static void flaws(void **state)
{
	(void)state;
	static const struct make list[] = { { "one", big, 50000, 0, NULL },
					    { "MEMBER-2", big, 60000, 0, NULL },
					    { "three", "end", 3, 0, NULL } };
	for (int store = 0; store < 2; store++) {
		struct made m = make_archive("zip", NULL, store ? "zip:compression=store" : NULL, NULL, list, 3);
		m.p[find(&m, "MEMBER-2", 8, 0) + 2000] ^= 0x55;
		struct keep *k = read_all(made_view(&m));
		assert_non_null(member_named(k, "one"));
		assert_non_null(member_named(k, "MEMBER-2"));
		assert_non_null(member_named(k, "three"));
		assert_int_equal(k->n_i, 1);
		assert_string_equal(told(k, LM_K_evidence_damaged, "")->member, "MEMBER-2");
		keep_free(k);
		free(m.p);
	}
	/* tar: a header is overwritten, the member behind it is found again */
	struct made m = make_archive("ustar", NULL, NULL, NULL, list, 3);
	size_t at = find(&m, "MEMBER-2", 8, 512);
	memset(m.p + at, 'x', 512);
	struct keep *k = read_all(made_view(&m));
	assert_non_null(member_named(k, "one"));
	assert_non_null(member_named(k, "three"));
	(void)told(k, LM_K_evidence_damaged, "");
	keep_free(k);
	free(m.p);
	/* gzip: the checksum at the end is wrong, the data is still evidence */
	m = make_archive("raw", "gzip", NULL, NULL, &list[0], 1);
	m.p[m.n - 8] ^= 1;
	k = read_all(made_view(&m));
	assert_int_equal(k->n_m, 1);
	assert_int_equal(k->m[0].n, 50000);
	(void)told(k, LM_K_evidence_damaged, "gzip checksum does not fit");
	keep_free(k);
	free(m.p);
}

/* What a directory can hide: bytes before, after, between; members it does not list; names that differ. */
static void zip_corners(void **state)
{
	(void)state;
	struct made m = make_archive("zip", NULL, NULL, NULL, three, 3);
	uint8_t *p = malloc(m.n + 5000);
	/* a stub before (the directory's offsets are then all wrong by its length) and bytes after */
	memset(p, 'S', 1000);
	memcpy(p, "PK\3\4", 4); /* so that it still is taken for a zip: header after header finds all */
	memcpy(p + 1000, m.p, m.n);
	memset(p + 1000 + m.n, 'T', 300);
	struct keep *k = read_all((struct lm_bytes){ p, m.n + 1300 });
	assert_int_equal(k->n_m, 3);
	assert_memory_equal(k->m[1].data, big, sizeof big);
	keep_free(k);
	memcpy(p, m.p, m.n);
	memset(p + m.n, 'T', 300);
	k = read_all((struct lm_bytes){ p, m.n + 300 });
	assert_int_equal(k->n_m, 3);
	assert_int_equal(k->n_i, 1);
	assert_int_equal(told(k, LM_K_evidence_skipped, "300 bytes after the end")->offset, m.n);
	keep_free(k);
	/* a signature behind the archive is no news */
	p[m.n] = 0x30;
	p[m.n + 1] = 0x82;
	p[m.n + 2] = 0;
	p[m.n + 3] = 100;
	k = read_all((struct lm_bytes){ p, m.n + 104 });
	assert_int_equal(k->n_i, 0);
	keep_free(k);
	/* the name in the local header differs from the directory's */
	memcpy(p, m.p, m.n);
	p[30] = 'b';
	k = read_all((struct lm_bytes){ p, m.n });
	assert_non_null(member_named(k, "a.txt"));
	assert_string_equal(told(k, LM_K_evidence_damaged, "names it differently: 'b.txt'")->member, "a.txt");
	keep_free(k);
	/* a member taken out of the directory is still delivered, and its hiding told */
	struct made copy = { p, m.n, m.n };
	memcpy(p, m.p, m.n);
	size_t cd = find(&copy, "PK\1\2", 4, 0), second = find(&copy, "PK\1\2", 4, cd + 4);
	size_t third = find(&copy, "PK\1\2", 4, second + 4), eocd = find(&copy, "PK\5\6", 4, 0);
	size_t gone = third - second;
	memmove(p + second, p + third, m.n - third);
	eocd -= gone;
	p[eocd + 8] = p[eocd + 10] = 2;
	uint32_t cd_n = (uint32_t)(eocd - cd);
	memcpy(p + eocd + 12, &cd_n, 4);
	k = read_all((struct lm_bytes){ p, m.n - gone });
	assert_int_equal(k->n_m, 3);
	assert_non_null(member_named(k, "dir/big.bin"));
	assert_int_equal(member_named(k, "dir/big.bin")->n, sizeof big);
	(void)told(k, LM_K_evidence_damaged, "members that its directory does not list");
	keep_free(k);
	/* declared size and checksum are not believed */
	memcpy(p, m.p, m.n);
	p[cd + 46 - 46 + 24] ^= 0x7f; /* uncompressed size of a.txt in the directory */
	k = read_all((struct lm_bytes){ p, m.n });
	assert_int_equal(member_named(k, "a.txt")->n, 5);
	(void)told(k, LM_K_evidence_damaged, "the archive says");
	keep_free(k);
	/* empty zip */
	static const uint8_t empty[22] = "PK\5\6";
	k = read_all((struct lm_bytes){ empty, 22 });
	assert_int_equal(k->n_m + k->n_i, 0);
	keep_free(k);
	free(p);
	free(m.p);
}

/* ---- encryption ---- */

static void encrypted_zip(void **state)
{
	(void)state;
	static const char *const schemes[] = { "zip:encryption=zipcrypt", "zip:encryption=aes128",
					       "zip:encryption=aes256" };
	static const char *const right[] = { "wrong", "infected", "open sesame", NULL };
	static const char *const wrong[] = { "a", "b", NULL };
	for (size_t i = 0; i < 3; i++) {
		struct made m = make_archive("zip", NULL, schemes[i], "open sesame", three, 3);
		struct keep *k = keep_new();
		assert_int_equal(read_limited(k, made_view(&m), right, &lm_member_defaults), LM_OK);
		assert_three(k);
		keep_free(k);
		k = keep_new();
		assert_int_equal(read_limited(k, made_view(&m), wrong, &lm_member_defaults), LM_OK);
		assert_true(k->n_m <= 1); /* libarchive does not encrypt a member without content */
		assert_null(member_named(k, "a.txt"));
		assert_string_equal(told(k, LM_K_evidence_encrypted, "none of 2 passwords")->member, "a.txt");
		keep_free(k);
		k = read_all(made_view(&m));
		assert_null(member_named(k, "dir/big.bin"));
		(void)told(k, LM_K_evidence_encrypted, "no password was given");
		keep_free(k);
		/* cut: what the password opens is given */
		k = keep_new();
		assert_int_equal(read_limited(k, (struct lm_bytes){ m.p, m.n / 2 }, right, &lm_member_defaults), LM_OK);
		const struct kept *b = member_named(k, "dir/big.bin");
		if (!b)
			print_kept(k);
		assert_non_null(b);
		assert_true(b->n > sizeof big / 4);
		assert_memory_equal(b->data, big, b->n);
		(void)told(k, LM_K_evidence_damaged, "ends inside this encrypted member");
		keep_free(k);
		free(m.p);
	}
}

/* One traditional check byte lets one of 256 wrong passwords pass: the right one must still be found. */
static void many_passwords(void **state)
{
	(void)state;
	static char text[61][16];
	static const char *list[62];
	for (size_t i = 0; i < 60; i++) {
		snprintf(text[i], sizeof text[i], "guess%zu", i);
		list[i] = text[i];
	}
	list[60] = "open sesame";
	struct made m = make_archive("zip", NULL, "zip:encryption=zipcrypt", "open sesame", three, 2);
	struct keep *k = keep_new();
	assert_int_equal(read_limited(k, made_view(&m), list, &lm_member_defaults), LM_OK);
	assert_int_equal(k->n_m, 2);
	assert_memory_equal(k->m[0].data, "alpha", 5);
	assert_memory_equal(k->m[1].data, big, sizeof big);
	assert_int_equal(k->n_i, 0);
	keep_free(k);
	free(m.p);
}

static void encrypted_7z(void **state)
{
	(void)state;
	char dir[] = "/tmp/limier-member-XXXXXX", command[512], path[128];
	static const char *const right[] = { "secret", NULL };
	if (system("command -v 7z >/dev/null 2>&1")) {
		print_message("skipped: there is no 7z here\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof command,
		 "cd %s && echo inert > a.txt && 7z a -psecret x.7z a.txt >/dev/null && "
		 "7z a -psecret -mhe=on y.7z a.txt >/dev/null",
		 dir);
	assert_int_equal(system(command), 0);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s.7z", dir, i ? "y" : "x");
		struct made m = read_whole(path);
		struct keep *k = keep_new();
		assert_int_equal(read_limited(k, made_view(&m), right, &lm_member_defaults), LM_OK);
		assert_int_equal(k->n_m, 0);
		const struct told *t = told(k, LM_K_evidence_encrypted, "cannot be decrypted here, password or not");
		assert_string_equal(t->member, i ? "" : "a.txt");
		keep_free(k);
		free(m.p);
	}
	snprintf(command, sizeof command, "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

/* ---- every prefix, every byte ---- */

static void mutations(void **state)
{
	(void)state;
	static const struct {
		const char *format, *filter, *options;
	} rows[] = { { "zip", NULL, NULL },   { "zip", NULL, "zip:zip64" }, { "zip", NULL, "zip:encryption=zipcrypt" },
		     { "ustar", NULL, NULL }, { "ustar", "gzip", NULL },    { "pax", "zstd", NULL },
		     { "7zip", NULL, NULL } };
	static const struct make list[] = { { "a.txt", "alpha alpha alpha alpha", 23, 0, NULL },
					    { "b.txt", "beta", 4, 0, NULL } };
	static const char *const password[] = { "open sesame", NULL };
	struct lm_member_limits l = lm_member_defaults;
	l.member_bytes = l.total_bytes = 1u << 20;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *pass = rows[i].options && strstr(rows[i].options, "crypt") ? password[0] : NULL;
		struct made m = make_archive(rows[i].format, rows[i].filter, rows[i].options, pass, list, 2);
		size_t step = m.n > 2000 ? 7 : 1;
		for (size_t n = 0; n < m.n; n += step) {
			uint8_t *copy = malloc(n ? n : 1);
			memcpy(copy, m.p, n);
			struct keep *k = keep_new();
			enum lm_rc rc = read_limited(k, (struct lm_bytes){ copy, n }, password, &l);
			assert_true(rc == LM_OK || rc == LM_ENOTFMT);
			keep_free(k);
			free(copy);
		}
		uint8_t *copy = malloc(m.n);
		for (size_t at = 0; at < m.n; at += step) {
			static const uint8_t change[] = { 0x01, 0x80, 0xff };
			for (size_t c = 0; c < 3; c++) {
				memcpy(copy, m.p, m.n);
				copy[at] ^= change[c];
				struct keep *k = keep_new();
				enum lm_rc rc = read_limited(k, (struct lm_bytes){ copy, m.n }, password, &l);
				assert_true(rc == LM_OK || rc == LM_ENOTFMT);
				keep_free(k);
			}
		}
		free(copy);
		free(m.p);
	}
}

int main(void)
{
	fill_text(big, sizeof big, 7);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(probes),
		cmocka_unit_test(peers),
		cmocka_unit_test(bare_streams),
		cmocka_unit_test(names),
		cmocka_unit_test(links_and_duplicates),
		cmocka_unit_test(above_inline_bytes),
		cmocka_unit_test(a_sink_stops),
		cmocka_unit_test(cut),
		cmocka_unit_test(flaws),
		cmocka_unit_test(zip_corners),
		cmocka_unit_test(encrypted_zip),
		cmocka_unit_test(many_passwords),
		cmocka_unit_test(encrypted_7z),
		cmocka_unit_test(mutations),
	};
	return cmocka_run_group_tests_name("member", tests, NULL, NULL);
}
