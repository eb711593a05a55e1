/* SPDX-License-Identifier: Apache-2.0 */
/* t_pe.c - headers, version resource, imports, exports, overlay, checksum; bent files; the corpus against peers. */
#include "unit/pe_fixture.h"

#include <time.h>

#include "base/text.h"
#include "read/pe_image.h"
#include "read/pe_imports.h"
#include "read/pe_version.h"

static struct fx_result r;

static int setup(void **s)
{
	(void)s;
	fx_reset();
	return 0;
}

static int teardown(void **s)
{
	(void)s;
	lm_arena_fini(&fx_arena);
	return 0;
}

static void headers(void **s)
{
	(void)s;
	for (int plus = 0; plus < 2; plus++) {
		struct lm_bytes pe = fx_pe(plus);
		struct lm_read_in in = fx_in(pe, NULL);
		assert_int_equal(lm_reader_pe.probe(&in), 90);
		fx_run(pe, NULL, &r);
		assert_int_equal(r.open_rc, LM_OK);
		assert_int_equal(r.end_rc, LM_END);
		assert_int_equal(r.n, 1);
		const struct lm_obs_pe_image *o = fx_image(&r);
		assert_int_equal(o->machine.v, plus ? 0x8664 : 0x14c);
		assert_int_equal(o->is_dll.v, 1);
		assert_int_equal(o->subsystem.v, 3);
		assert_int_equal(o->linked.v, INT64_C(1600000000) * LM_NS_PER_S);
		assert_int_equal(o->sections.v, 1);
		assert_int_equal(o->entry.v, 0x1000);
		assert_int_equal(o->checksum.v, fx_checksum(pe));
		assert_int_equal(o->checksum_computed.v, fx_checksum(pe));
		assert_false(o->overlay_size.set);
		assert_false(o->cert_offset.set);
		assert_false(o->import_count.set);
		assert_null(o->company.p);
		assert_true(lm_bytes_eq(o->authentihash, fx_authentihash(pe, LM_SHA256)));
	}
}

static void not_ours(void **s)
{
	(void)s;
	static const char text[] =
		"MZ is how this text begins, and it is long enough for a DOS header, is it not? Yes.";
	struct lm_bytes b = { (const uint8_t *)text, sizeof text - 1 };
	struct lm_read_in in = fx_in(b, NULL);
	assert_int_equal(lm_reader_pe.probe(&in), 0);
	in = fx_in((struct lm_bytes){ b.p, 10 }, NULL);
	assert_int_equal(lm_reader_pe.probe(&in), 0);
	fx_run((struct lm_bytes){ b.p, 10 }, NULL, &r);
	assert_int_equal(r.open_rc, LM_ENOTFMT);
	struct lm_bytes ne = fx_copy(fx_pe(false));
	memcpy(fx_mut(ne) + FX_PE_AT, "NE\0", 4);
	in = fx_in(ne, NULL);
	assert_int_equal(lm_reader_pe.probe(&in), 0);
	fx_run(ne, NULL, &r);
	assert_int_equal(r.open_rc, LM_ENOTFMT);
}

static void checksum_and_overlay(void **s)
{
	(void)s;
	for (size_t extra = 0; extra < 20; extra++) {
		uint8_t more[20];
		memset(more, 0xff, sizeof more);
		struct lm_bytes pe = FX_JOIN(fx_pe(true), (struct lm_bytes){ more, extra });
		fx_run(pe, NULL, &r);
		assert_int_equal(fx_image(&r)->checksum_computed.v, fx_checksum(pe));
		assert_int_equal(fx_image(&r)->overlay_size.set, extra > 0);
		if (extra) {
			assert_int_equal(fx_image(&r)->overlay_offset.v, 0x400);
			assert_int_equal(fx_image(&r)->overlay_size.v, extra);
		}
	}
	/* larger than a block of the pass, with every kind of byte */
	uint8_t *big = lm_arena_alloc(&fx_arena, 300001);
	for (size_t i = 0; i < 300001; i++)
		big[i] = (uint8_t)(i * 2654435761u >> 13);
	struct lm_bytes pe = FX_JOIN(fx_pe(false), (struct lm_bytes){ big, 300001 });
	fx_run(pe, NULL, &r);
	assert_int_equal(fx_image(&r)->checksum_computed.v, fx_checksum(pe));
	assert_true(lm_bytes_eq(fx_image(&r)->authentihash, fx_authentihash(pe, LM_SHA256)));
	assert_true(lm_bytes_eq(fx_image(&r)->authentihash_padded,
				fx_authentihash(FX_JOIN(pe, FX_BYTES(0, 0, 0, 0, 0, 0, 0)), LM_SHA256)));
}

/* ---- a file with resources, imports and exports ---- */

enum { RES = 0x400, IMP = 0x800, EXP = 0xc00, TABLES_END = 0x1000 };

static struct lm_bytes with_tables(bool plus)
{
	struct lm_bytes pe = FX_JOIN(fx_pe(plus), (struct lm_bytes){ lm_arena_alloc(&fx_arena, 0xc00), 0xc00 });
	size_t section = FX_OPT_AT + (plus ? 0xf0 : 0xe0), dirs = fx_dirs_at(pe);
	/* one section maps file 0x200.. to rva 0x1000.. */
	fx_put32(pe, section + 8, TABLES_END - 0x200);
	fx_put32(pe, section + 16, TABLES_END - 0x200);
	fx_put32(pe, dirs + 8 * 0, EXP + 0xe00);
	fx_put32(pe, dirs + 8 * 1, IMP + 0xe00);
	fx_put32(pe, dirs + 8 * 2, RES + 0xe00);
	for (int i = 0; i < 3; i++)
		fx_put32(pe, dirs + 8 * (size_t)i + 4, 0x400);
	return pe;
}

static size_t put_text16(struct lm_bytes pe, size_t at, const char *text)
{
	do {
		fx_put16(pe, at, (uint8_t)*text);
		at += 2;
	} while (*text++);
	return at;
}

/* {length, value length, type, key, value}; gives the end. `in` is filled by the caller afterwards. */
static size_t put_block(struct lm_bytes pe, size_t at, unsigned type, const char *key, unsigned value_length)
{
	fx_put16(pe, at + 2, value_length);
	fx_put16(pe, at + 4, type);
	size_t end = put_text16(pe, at + 6, key);
	return (end + 3) & ~(size_t)3;
}

static void put_version(struct lm_bytes pe)
{
	size_t dir = RES;
	fx_put16(pe, dir + 14, 2); /* two ids: something, then RT_VERSION */
	fx_put32(pe, dir + 16, 3);
	fx_put32(pe, dir + 20, 0x80000000);
	fx_put32(pe, dir + 24, 16);
	fx_put32(pe, dir + 28, 0x80000000 | 0x40);
	fx_put16(pe, dir + 0x40 + 14, 1);
	fx_put32(pe, dir + 0x40 + 16, 1);
	fx_put32(pe, dir + 0x40 + 20, 0x80000000 | 0x60);
	fx_put16(pe, dir + 0x60 + 14, 1);
	fx_put32(pe, dir + 0x60 + 16, 0x409);
	fx_put32(pe, dir + 0x60 + 20, 0x80);
	fx_put32(pe, dir + 0x80, RES + 0xe00 + 0x90);
	size_t root = RES + 0x90;
	size_t fixed = put_block(pe, root, 0, "VS_VERSION_INFO", 52);
	fx_put32(pe, fixed, 0xfeef04bd);
	fx_put32(pe, fixed + 8, 18u << 16 | 12);
	fx_put32(pe, fixed + 12, 416u << 16);
	fx_put32(pe, fixed + 16, 18u << 16 | 12);
	fx_put32(pe, fixed + 20, 417u << 16 | 5);
	size_t info = fixed + 52, table = put_block(pe, info, 1, "StringFileInfo", 0);
	size_t at = put_block(pe, table, 1, "040904b0", 0);
	static const char *const strings[][2] = { { "CompanyName", "Example Ltd" },
						  { "FileDescription", " Inert test " },
						  { "ProductName", "Test App" },
						  { "FileVersion", "18.12.416" },
						  { "OriginalFilename", "test.dll" } };
	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
		size_t value = put_block(pe, at, 1, strings[i][0], (unsigned)strlen(strings[i][1]) + 1);
		size_t end = put_text16(pe, value, strings[i][1]);
		fx_put16(pe, at, (unsigned)(end - at));
		at = (end + 3) & ~(size_t)3;
	}
	fx_put16(pe, table, (unsigned)(at - table));
	fx_put16(pe, info, (unsigned)(at - info));
	fx_put16(pe, root, (unsigned)(at - root));
	fx_put32(pe, dir + 0x84, (uint32_t)(at - root));
}

static void version_resource(void **s)
{
	(void)s;
	struct lm_bytes pe = with_tables(false);
	fx_put32(pe, fx_dirs_at(pe), 0);
	fx_put32(pe, fx_dirs_at(pe) + 8, 0);
	put_version(pe);
	fx_run(pe, NULL, &r);
	const struct lm_obs_pe_image *o = fx_image(&r);
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 0);
	assert_str(o->company, "Example Ltd");
	assert_str(o->description, "Inert test");
	assert_str(o->product, "Test App");
	assert_str(o->file_version, "18.12.416");
	assert_str(o->product_version, "18.12.417.5"); /* no string: from the fixed part */
	assert_str(o->original_name, "test.dll");
	/* trees that turn in circles, or lead outside */
	fx_put32(pe, RES + 28, 0x80000000);
	fx_run(pe, NULL, &r);
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 1);
	assert_null(fx_image(&r)->company.p);
	fx_put32(pe, RES + 28, 0xffffffff);
	fx_run(pe, NULL, &r);
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 1);
	fx_put16(pe, RES + 12, 0xffff);
	fx_put16(pe, RES + 14, 0xffff);
	fx_run(pe, NULL, &r);
	assert_int_equal(r.end_rc, LM_END);
}

/* Two DLLs: one with two names and a number, one by the address table alone. */
static void put_imports(struct lm_bytes pe, bool plus)
{
	size_t w = plus ? 8 : 4, names = IMP + 0x200;
	fx_put32(pe, IMP, IMP + 0xe00 + 0x100); /* lookup table */
	fx_put32(pe, IMP + 12, (uint32_t)names + 0xe00);
	fx_put32(pe, IMP + 16, IMP + 0xe00 + 0x140);
	fx_put32(pe, IMP + 20 + 12, (uint32_t)names + 0xe00 + 0x20);
	fx_put32(pe, IMP + 20 + 16, IMP + 0xe00 + 0x180);
	memcpy(fx_mut(pe) + names, "KERNEL32.dll", 13);
	memcpy(fx_mut(pe) + names + 0x20, "Test.Helper.OCX", 16);
	memcpy(fx_mut(pe) + names + 0x42, "LoadLibraryA", 13);
	memcpy(fx_mut(pe) + names + 0x62, "ExitProcess", 12);
	memcpy(fx_mut(pe) + names + 0x82, "DoNothing", 10);
	fx_put32(pe, IMP + 0x100, (uint32_t)names + 0xe00 + 0x40);
	fx_put32(pe, IMP + 0x100 + w, (uint32_t)names + 0xe00 + 0x60);
	fx_put32(pe, IMP + 0x100 + 2 * w, 17);
	fx_mut(pe)[IMP + 0x100 + 3 * w - 1] = 0x80; /* by number */
	fx_put32(pe, IMP + 0x180, (uint32_t)names + 0xe00 + 0x80);
}

static void imports(void **s)
{
	(void)s;
	for (int plus = 0; plus < 2; plus++) {
		static const char list[] =
			"kernel32.loadlibrarya,kernel32.exitprocess,kernel32.ord17,test.helper.donothing";
		struct lm_bytes pe = with_tables(plus);
		fx_put32(pe, fx_dirs_at(pe), 0);
		fx_put32(pe, fx_dirs_at(pe) + 16, 0);
		put_imports(pe, plus);
		fx_run(pe, NULL, &r);
		const struct lm_obs_pe_image *o = fx_image(&r);
		assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 0);
		assert_str(o->imports, "kernel32.dll;test.helper.ocx");
		assert_int_equal(o->import_count.v, 4);
		struct lm_bytes want = fx_hash(LM_MD5, (struct lm_bytes){ (const uint8_t *)list, sizeof list - 1 });
		assert_true(lm_bytes_eq(o->imphash, want));
		/* names outside the file */
		fx_put32(pe, IMP + 0x100, 0x7ffffff0);
		fx_run(pe, NULL, &r);
		assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 1);
		assert_str(fx_image(&r)->imports, "kernel32.dll;test.helper.ocx");
	}
}

static void exports(void **s)
{
	(void)s;
	struct lm_bytes pe = with_tables(true);
	fx_put32(pe, fx_dirs_at(pe) + 8, 0);
	fx_put32(pe, fx_dirs_at(pe) + 16, 0);
	fx_put32(pe, EXP + 12, EXP + 0xe00 + 0x40);
	memcpy(fx_mut(pe) + EXP + 0x40, "Inner.dll", 10);
	fx_put32(pe, EXP + 24, 3);
	fx_put32(pe, EXP + 32, EXP + 0xe00 + 0x80);
	fx_run(pe, NULL, &r);
	assert_str(fx_image(&r)->export_name, "Inner.dll");
	assert_int_equal(fx_image(&r)->export_count.v, 3);
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 0);
	fx_put32(pe, EXP + 24, 0xffffffff);
	fx_run(pe, NULL, &r);
	assert_int_equal(fx_image(&r)->export_count.v, (TABLES_END - EXP - 0x80) / 4);
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 1);
}

/* ---- bent files ---- */

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void weird_headers(void **s)
{
	(void)s;
	struct lm_bytes pe = fx_copy(fx_pe(false));
	fx_put32(pe, 0x3c, 0x7fffffff);
	struct lm_read_in in = fx_in(pe, NULL);
	assert_int_equal(lm_reader_pe.probe(&in), 30);
	fx_run(pe, NULL, &r);
	assert_int_equal(r.open_rc, LM_OK);
	assert_int_equal(fx_nth(&r, LM_K_evidence_damaged, 0)->evidence_damaged.offset.v, 0x3c);
	assert_int_equal(fx_nth(&r, LM_K_evidence_damaged, 0)->at.offset, 0x3c);
	fx_put32(pe, 0x3c, (uint32_t)pe.n - 2);
	fx_run(pe, NULL, &r);
	assert_int_equal(r.open_rc, LM_OK);
	fx_put32(pe, 0x3c, FX_PE_AT);
	fx_put16(pe, FX_PE_AT + 20, 0);
	fx_run(pe, NULL, &r);
	assert_int_equal(r.open_rc, LM_OK);
	fx_put16(pe, FX_PE_AT + 20, 0xffff);
	fx_run(pe, NULL, &r);
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 1);
	fx_put16(pe, FX_PE_AT + 20, 0xe0);
	fx_put32(pe, FX_OPT_AT + 0xe0 + 16, 0xc0000000); /* a section of 3 GB */
	fx_run(pe, NULL, &r);
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 1);
	fx_put16(pe, FX_PE_AT + 6, 0xffff); /* 65,535 sections stated, one and a bit there */
	fx_run(pe, NULL, &r);
	assert_true(fx_image(&r)->sections.v < 30);
}

/* 65,535 headers in the file, all over each other, and an import table that is looked up through them. */
static void many_sections(void **s)
{
	(void)s;
	size_t n = 65535, size = FX_OPT_AT + 0xe0 + 40 * n;
	struct lm_bytes base = fx_pe(false), pe = { lm_arena_alloc(&fx_arena, size), size };
	memcpy(fx_mut(pe), base.p, FX_OPT_AT + 0xe0);
	fx_put16(pe, FX_PE_AT + 6, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		size_t at = FX_OPT_AT + 0xe0 + 40 * i;
		fx_put32(pe, at + 12, (uint32_t)(0x1000 + (i * 7919 % n) * 16));
		fx_put32(pe, at + 16, (uint32_t)size);
		fx_put32(pe, at + 20, 0x200);
	}
	fx_put32(pe, fx_dirs_at(pe) + 8, 0x1000);
	fx_put32(pe, fx_dirs_at(pe) + 16, 0x2000);
	fx_put32(pe, fx_dirs_at(pe), 0x3000);
	double before = seconds();
	fx_run(pe, NULL, &r);
	assert_int_equal(r.end_rc, LM_END);
	assert_int_equal(fx_image(&r)->sections.v, n);
	assert_true(seconds() - before < 5);
	fx_reset();
}

/* One long symbol table that 4,096 descriptors share: the work is bounded although the bytes are few. */
static void shared_thunks(void **s)
{
	(void)s;
	size_t extra = 4u << 20;
	struct lm_bytes pe = FX_JOIN(fx_pe(false), (struct lm_bytes){ lm_arena_alloc(&fx_arena, extra), extra });
	size_t section = FX_OPT_AT + 0xe0, table = 0x400 + 4096 * 20;
	fx_put32(pe, section + 8, (uint32_t)pe.n);
	fx_put32(pe, section + 16, (uint32_t)pe.n - 0x200);
	fx_put32(pe, fx_dirs_at(pe) + 8, 0x1200);
	memcpy(fx_mut(pe) + 0x300, "a.dll", 6);
	for (size_t i = 0; i < 4096; i++) {
		fx_put32(pe, 0x400 + 20 * i, (uint32_t)table + 0xe00);
		fx_put32(pe, 0x400 + 20 * i + 12, 0x1100);
	}
	for (size_t i = table; i + 8 < pe.n; i += 4)
		fx_put32(pe, i, 0x80000001);
	double before = seconds();
	fx_run(pe, NULL, &r);
	assert_int_equal(fx_image(&r)->import_count.v, 262144);
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 1);
	assert_true(seconds() - before < 5);
	fx_reset();
}

static struct lm_bytes everything(void)
{
	struct lm_bytes pe = with_tables(true);
	put_version(pe);
	put_imports(pe, true);
	fx_put32(pe, EXP + 12, EXP + 0xe00 + 0x40);
	memcpy(fx_mut(pe) + EXP + 0x40, "Inner.dll", 10);
	fx_fix_checksum(pe);
	return pe;
}

static void every_prefix(void **s)
{
	(void)s;
	struct lm_bytes pe = everything();
	for (size_t n = 0; n < pe.n; n++) {
		struct lm_arena_mark m = lm_arena_mark(&fx_arena);
		fx_run(lm_bytes_part(pe, 0, n), NULL, &r);
		if (r.open_rc == LM_OK)
			assert_int_equal(r.end_rc, LM_END);
		if (n >= 64 && r.open_rc == LM_OK) /* a cut file always says so */
			assert_true(fx_count(&r, LM_K_evidence_damaged) > 0);
		lm_arena_reset(&fx_arena, m);
	}
}

static void every_byte_changed(void **s)
{
	(void)s;
	struct lm_bytes pe = everything();
	static const uint8_t with[] = { 0x00, 0x7f, 0x80, 0xff };
	for (size_t i = 0; i < pe.n; i++)
		for (size_t k = 0; k < sizeof with; k++) {
			struct lm_arena_mark m = lm_arena_mark(&fx_arena);
			struct lm_bytes b = fx_copy(pe);
			if (b.p[i] == with[k])
				continue;
			fx_mut(b)[i] = with[k];
			fx_run(b, NULL, &r);
			if (r.open_rc == LM_OK)
				assert_int_equal(r.end_rc, LM_END);
			lm_arena_reset(&fx_arena, m);
		}
}

static void memory_refused(void **s)
{
	(void)s;
	struct lm_bytes pe = everything();
	lm_arena_fail_at(0);
	fx_run(pe, NULL, &r);
	unsigned long total = lm_arena_count();
	for (unsigned long k = 2; k <= total; k++) {
		struct lm_arena_mark m = lm_arena_mark(&fx_arena);
		lm_arena_fail_at(k);
		fx_run(pe, NULL, &r);
		lm_arena_fail_at(0);
		fx_arena.spent = false;
		assert_true(r.open_rc == LM_ELIMIT || r.end_rc == LM_ELIMIT);
		lm_arena_reset(&fx_arena, m);
	}
}

/* ---- corpus: values that YARA 4.2 (module pe) and file(1) give for files of others ---- */

static void corpus_values(void **s)
{
	(void)s;
	static const struct {
		const char *file, *imphash, *version, *name;
		int64_t sections, names;
	} files[] = {
		{ "files/uthenticode/32/pegoat-authenticode.exe", "b0a8e7f2fc0f77d1c642d5341a11bce6", NULL, NULL, 5,
		  8 },
		{ "files/relic/WindowsFormsApplication1.exe", "f34d5f2d4577ed6d9ceec516c1f5a744", "1.0.0.0",
		  "WindowsFormsApplication1.exe", 3, 1 },
		{ "files/npm-squirrel/electron-winstaller-5.4.4/vendor/Squirrel.exe",
		  "f34d5f2d4577ed6d9ceec516c1f5a744", NULL, NULL, 3, 1 },
		{ "files/debian-signed-efi/shimx64.efi.signed", NULL, NULL, NULL, 10, 0 },
	};
	char path[4096];
	unsigned seen = 0;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct lm_arena_mark m = lm_arena_mark(&fx_arena);
		uint8_t hash[16];
		if (!fx_corpus(files[i].file, path, sizeof path))
			continue;
		fx_run(fx_slurp(path), NULL, &r);
		const struct lm_obs_pe_image *o = fx_image(&r);
		assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 0);
		assert_int_equal(o->sections.v, files[i].sections);
		if (files[i].imphash) {
			assert_int_equal(lm_str_unhex(lm_cstr(files[i].imphash), hash, sizeof hash), 16);
			assert_memory_equal(o->imphash.p, hash, 16);
		} else {
			assert_null(o->imphash.p);
		}
		if (files[i].version)
			assert_str(o->product_version, files[i].version);
		if (files[i].name)
			assert_str(o->original_name, files[i].name);
		int64_t names = o->imports.n ? 1 : 0;
		for (size_t k = 0; k < o->imports.n; k++)
			names += o->imports.p[k] == ';';
		assert_int_equal(names, files[i].names);
		seen++;
		lm_arena_reset(&fx_arena, m);
	}
	if (!seen)
		skip();
}

static void seeds(void **s)
{
	(void)s;
	const char *dir = getenv("LIMIER_WRITE_SEEDS");
	char path[4096];
	if (!dir)
		skip();
	snprintf(path, sizeof path, "%s/pe/tables", dir);
	FILE *f = fopen(path, "wb");
	struct lm_bytes b = everything();
	assert_non_null(f);
	assert_int_equal(fwrite(b.p, 1, b.n, f), b.n);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(checksum_and_overlay),
		cmocka_unit_test(version_resource),
		cmocka_unit_test(imports),
		cmocka_unit_test(exports),
		cmocka_unit_test(weird_headers),
		cmocka_unit_test(many_sections),
		cmocka_unit_test(shared_thunks),
		cmocka_unit_test(every_prefix),
		cmocka_unit_test(every_byte_changed),
		cmocka_unit_test(memory_refused),
		cmocka_unit_test(corpus_values),
		cmocka_unit_test(seeds),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
