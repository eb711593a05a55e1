/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_write.c - in: names, versions, sizes and a random stream. Out: an inert PE file.
 * Limits: four sections, one language, at most RG_PE_MAX bytes (the caller's buffer says so).
 */
#include "pe_write.h"

#include <stdlib.h>

enum {
	PE_AT = 0x80,
	FILE_ALIGN = 0x200,
	SECTION_ALIGN = 0x1000,
	HEADERS = 0x400,
	N_SECTIONS = 4,
	TEXT_BYTES = 0x400,
	DLL_FLAG = 0x2000,
};

struct section {
	const char *name;
	struct lm_buf body;
	uint32_t flags, rva, raw, raw_size;
};

static size_t align_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static void pad_to(struct lm_buf *b, size_t n)
{
	static const char zeros[4096];
	while (b->n < n && !b->bad)
		lm_buf_add(b, zeros, n - b->n < sizeof zeros ? n - b->n : sizeof zeros);
}

static void pad_align(struct lm_buf *b, size_t to)
{
	pad_to(b, align_up(b->n, to));
}

uint32_t rg_pe_get32(const struct lm_buf *pe, size_t at)
{
	struct lm_rd rd = lm_rd_of(lm_bytes_part(lm_str_bytes(lm_buf_view(pe)), at, 4));
	return lm_rd_u32le(&rd);
}

void rg_pe_put32(struct lm_buf *pe, size_t at, uint32_t v)
{
	if (at + 4 > pe->n)
		abort();
	for (int i = 0; i < 4; i++)
		pe->p[at + (size_t)i] = (char)(v >> 8 * i);
}

static void put16(struct lm_buf *b, size_t at, uint16_t v)
{
	b->p[at] = (char)v;
	b->p[at + 1] = (char)(v >> 8);
}

struct rg_pe_at rg_pe_at(const struct lm_buf *pe)
{
	size_t opt = rg_pe_get32(pe, 0x3c) + 24;
	bool plus = (rg_pe_get32(pe, opt) & 0xffff) == 0x20b;
	return (struct rg_pe_at){ opt + 64, opt + (plus ? 112 : 96) + 32 };
}

uint32_t rg_pe_checksum(const struct lm_buf *pe)
{
	size_t skip = rg_pe_at(pe).checksum;
	uint64_t sum = 0;
	for (size_t i = 0; i < pe->n; i += 2) {
		if (i == skip || i == skip + 2)
			continue;
		sum += (uint8_t)pe->p[i];
		if (i + 1 < pe->n)
			sum += (uint64_t)(uint8_t)pe->p[i + 1] << 8;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)(sum + pe->n);
}

/* ---- version resource: VS_VERSIONINFO, all lengths in bytes, every node aligned to 4 ---- */

static void utf16(struct lm_buf *b, const char *s)
{
	for (; *s; s++)
		lm_buf_u16le(b, (uint8_t)*s); /* names of the catalogue are ASCII */
	lm_buf_u16le(b, 0);
}

/* Opens a node; its length is set by node_end. */
static size_t node_begin(struct lm_buf *b, uint16_t value_len, uint16_t type, const char *key)
{
	pad_align(b, 4);
	size_t at = b->n;
	lm_buf_u16le(b, 0);
	lm_buf_u16le(b, value_len);
	lm_buf_u16le(b, type);
	utf16(b, key);
	pad_align(b, 4);
	return at;
}

static void node_end(struct lm_buf *b, size_t at)
{
	put16(b, at, (uint16_t)(b->n - at));
}

static void version_string(struct lm_buf *b, const char *key, const char *value)
{
	size_t at = node_begin(b, (uint16_t)(strlen(value) + 1), 1, key);
	utf16(b, value);
	node_end(b, at);
}

/* "7.4.411" -> {7, 4, 411, 0} */
static void version_numbers(const char *text, uint16_t out[4])
{
	memset(out, 0, 4 * sizeof *out);
	for (int i = 0; *text && i < 4; text++) {
		if (*text == '.')
			i++;
		else if (*text >= '0' && *text <= '9')
			out[i] = (uint16_t)(out[i] * 10 + (*text - '0'));
	}
}

static void version_info(struct lm_buf *b, const struct rg_pe_spec *s)
{
	uint16_t v[4];
	version_numbers(s->version, v);
	size_t root = node_begin(b, 52, 0, "VS_VERSION_INFO");
	lm_buf_u32le(b, 0xfeef04bd);
	lm_buf_u32le(b, 0x00010000);
	for (int i = 0; i < 2; i++) { /* file and product version */
		lm_buf_u32le(b, (uint32_t)v[0] << 16 | v[1]);
		lm_buf_u32le(b, (uint32_t)v[2] << 16 | v[3]);
	}
	lm_buf_u32le(b, 0x3f);
	lm_buf_u32le(b, 0);
	lm_buf_u32le(b, 0x00040004); /* VOS_NT_WINDOWS32 */
	lm_buf_u32le(b, s->dll ? 2 : 1);
	lm_buf_u32le(b, 0);
	lm_buf_u64le(b, 0);
	size_t strings = node_begin(b, 0, 1, "StringFileInfo"), table = node_begin(b, 0, 1, "040904b0");
	version_string(b, "CompanyName", s->company);
	version_string(b, "FileDescription", s->description);
	version_string(b, "FileVersion", s->version);
	version_string(b, "InternalName", s->name);
	version_string(b, "OriginalFilename", s->name);
	version_string(b, "ProductName", s->product);
	version_string(b, "ProductVersion", s->version);
	node_end(b, table);
	node_end(b, strings);
	size_t var = node_begin(b, 0, 1, "VarFileInfo"), tr = node_begin(b, 4, 0, "Translation");
	lm_buf_u32le(b, 0x04b00409);
	node_end(b, tr);
	node_end(b, var);
	node_end(b, root);
}

static void resource_directory(struct lm_buf *b, uint32_t id, uint32_t to)
{
	lm_buf_u32le(b, 0);
	lm_buf_u32le(b, 0);
	lm_buf_u32le(b, 0);
	lm_buf_u16le(b, 0);
	lm_buf_u16le(b, 1);
	lm_buf_u32le(b, id);
	lm_buf_u32le(b, to);
}

static void fill_rsrc(struct lm_buf *b, uint32_t rva, const struct rg_pe_spec *s)
{
	resource_directory(b, 16, 0x80000000u | 24); /* RT_VERSION */
	resource_directory(b, 1, 0x80000000u | 48);
	resource_directory(b, 1033, 72);
	struct lm_buf info;
	lm_buf_init(&info, 1 << 16);
	version_info(&info, s);
	lm_buf_u32le(b, rva + 88);
	lm_buf_u32le(b, (uint32_t)info.n);
	lm_buf_u32le(b, 1200);
	lm_buf_u32le(b, 0);
	lm_buf_str(b, lm_buf_view(&info));
	lm_buf_fini(&info);
}

/* ---- import and export tables in .rdata ---- */

struct rdata {
	uint32_t import_rva, import_size, export_rva, export_size;
};

static const char *const symbols[] = { "GetVersion", "GetTickCount", "lstrlenW" };
enum { N_SYMBOLS = sizeof symbols / sizeof *symbols };

static void thunks(struct lm_buf *b, const uint32_t *names, bool pe32)
{
	for (int i = 0; i < N_SYMBOLS; i++)
		pe32 ? lm_buf_u32le(b, names[i]) : lm_buf_u64le(b, names[i]);
	pe32 ? lm_buf_u32le(b, 0) : lm_buf_u64le(b, 0);
}

static void fill_imports(struct lm_buf *b, uint32_t rva, const struct rg_pe_spec *s, struct rdata *at)
{
	size_t n = 0;
	while (s->imports && s->imports[n])
		n++;
	if (!n)
		return;
	size_t table = b->n;
	at->import_rva = rva + (uint32_t)table;
	at->import_size = (uint32_t)(20 * (n + 1));
	pad_to(b, table + at->import_size);
	for (size_t i = 0; i < n; i++) {
		uint32_t names[N_SYMBOLS];
		for (int k = 0; k < N_SYMBOLS; k++) {
			names[k] = rva + (uint32_t)b->n;
			lm_buf_u16le(b, 0);
			lm_buf_add(b, symbols[k], strlen(symbols[k]) + 1);
			pad_align(b, 2);
		}
		uint32_t dll = rva + (uint32_t)b->n;
		lm_buf_add(b, s->imports[i], strlen(s->imports[i]) + 1);
		pad_align(b, 8);
		uint32_t lookup = rva + (uint32_t)b->n;
		thunks(b, names, s->pe32);
		uint32_t addresses = rva + (uint32_t)b->n;
		thunks(b, names, s->pe32);
		rg_pe_put32(b, table + 20 * i, lookup);
		rg_pe_put32(b, table + 20 * i + 12, dll);
		rg_pe_put32(b, table + 20 * i + 16, addresses);
	}
}

/* Directory, tables, then the names: the data directory's size covers all of it, as linkers have it. */
static void fill_exports(struct lm_buf *b, uint32_t rva, const struct rg_pe_spec *s, struct rdata *at)
{
	static const char *const exported[] = { "InertOne", "InertTwo" }; /* in byte order, as the table wants */
	enum { DIRECTORY = 40, TABLES = 20 };
	pad_align(b, 4);
	size_t start = b->n;
	uint32_t base = rva + (uint32_t)start, name = base + DIRECTORY + TABLES;
	lm_buf_u32le(b, 0);
	lm_buf_u32le(b, s->linked);
	lm_buf_u32le(b, 0);
	lm_buf_u32le(b, name);
	lm_buf_u32le(b, 1); /* ordinal base */
	lm_buf_u32le(b, 2);
	lm_buf_u32le(b, 2);
	lm_buf_u32le(b, base + DIRECTORY);
	lm_buf_u32le(b, base + DIRECTORY + 8);
	lm_buf_u32le(b, base + DIRECTORY + 16);
	lm_buf_u32le(b, SECTION_ALIGN); /* addresses: into the 0xCC of .text */
	lm_buf_u32le(b, SECTION_ALIGN + 16);
	name += (uint32_t)strlen(s->name) + 1;
	lm_buf_u32le(b, name);
	lm_buf_u32le(b, name + (uint32_t)strlen(exported[0]) + 1);
	lm_buf_u16le(b, 0);
	lm_buf_u16le(b, 1);
	lm_buf_add(b, s->name, strlen(s->name) + 1);
	for (int i = 0; i < 2; i++)
		lm_buf_add(b, exported[i], strlen(exported[i]) + 1);
	at->export_rva = base;
	at->export_size = (uint32_t)(b->n - start);
}

/* ---- headers ---- */

static void dos_header(struct lm_buf *b)
{
	lm_buf_puts(b, "MZ");
	pad_to(b, 0x3c);
	lm_buf_u32le(b, PE_AT);
	lm_buf_puts(b, "inert sample, holds no code"); /* where a DOS stub would stand */
	pad_to(b, PE_AT);
}

static void optional_header(struct lm_buf *b, const struct rg_pe_spec *s, const struct section *sec,
			    const struct rdata *rd)
{
	lm_buf_u16le(b, s->pe32 ? 0x10b : 0x20b);
	lm_buf_u16le(b, 0x000e); /* linker 14.0 */
	lm_buf_u32le(b, sec[0].raw_size);
	lm_buf_u32le(b, sec[1].raw_size + sec[2].raw_size + sec[3].raw_size);
	lm_buf_u32le(b, 0);
	lm_buf_u32le(b, 0); /* AddressOfEntryPoint: none */
	lm_buf_u32le(b, sec[0].rva);
	if (s->pe32) {
		lm_buf_u32le(b, sec[1].rva);
		lm_buf_u32le(b, 0x10000000);
	} else {
		lm_buf_u64le(b, UINT64_C(0x180000000));
	}
	lm_buf_u32le(b, SECTION_ALIGN);
	lm_buf_u32le(b, FILE_ALIGN);
	lm_buf_u32le(b, 6);
	lm_buf_u32le(b, 0);
	lm_buf_u32le(b, 6);
	lm_buf_u32le(b, 0);
	lm_buf_u32le(b, (uint32_t)align_up(sec[3].rva + sec[3].body.n, SECTION_ALIGN));
	lm_buf_u32le(b, HEADERS);
	lm_buf_u32le(b, 0); /* CheckSum, set last */
	lm_buf_u16le(b, s->dll ? 2 : 3);
	lm_buf_u16le(b, 0x0140); /* NX compatible, dynamic base */
	for (int i = 0; i < 4; i++) {
		uint32_t size = i % 2 ? 0x1000 : 0x100000;
		s->pe32 ? lm_buf_u32le(b, size) : lm_buf_u64le(b, size);
	}
	lm_buf_u32le(b, 0);
	lm_buf_u32le(b, 16);
	size_t dirs = b->n;
	pad_to(b, dirs + 128);
	rg_pe_put32(b, dirs, rd->export_rva);
	rg_pe_put32(b, dirs + 4, rd->export_size);
	rg_pe_put32(b, dirs + 8, rd->import_rva);
	rg_pe_put32(b, dirs + 12, rd->import_size);
	rg_pe_put32(b, dirs + 16, sec[3].rva);
	rg_pe_put32(b, dirs + 20, (uint32_t)sec[3].body.n);
}

static void section_headers(struct lm_buf *b, const struct section *sec)
{
	for (int i = 0; i < N_SECTIONS; i++) {
		char name[8] = { 0 };
		memcpy(name, sec[i].name, strlen(sec[i].name));
		lm_buf_add(b, name, sizeof name);
		lm_buf_u32le(b, (uint32_t)sec[i].body.n);
		lm_buf_u32le(b, sec[i].rva);
		lm_buf_u32le(b, sec[i].raw_size);
		lm_buf_u32le(b, sec[i].raw);
		lm_buf_u64le(b, 0);
		lm_buf_u32le(b, 0);
		lm_buf_u32le(b, sec[i].flags);
	}
}

static void random_bytes(struct lm_buf *b, struct rg_rng *random, size_t n)
{
	uint8_t chunk[4096];
	while (n && !b->bad) {
		size_t k = n < sizeof chunk ? n : sizeof chunk;
		rg_fill(random, chunk, k);
		lm_buf_add(b, chunk, k);
		n -= k;
	}
}

void rg_pe_write(struct lm_buf *out, const struct rg_pe_spec *s, struct rg_rng *random)
{
	struct section sec[N_SECTIONS] = {
		{ .name = ".text", .flags = 0x60000020 },
		{ .name = ".rdata", .flags = 0x40000040 },
		{ .name = ".data", .flags = 0xc0000040 },
		{ .name = ".rsrc", .flags = 0x40000040 },
	};
	struct rdata rd = { 0 };
	uint32_t rva = SECTION_ALIGN, raw = HEADERS;
	for (int i = 0; i < N_SECTIONS; i++) {
		struct lm_buf *body = &sec[i].body;
		lm_buf_init(body, RG_PE_MAX);
		sec[i].rva = rva;
		sec[i].raw = raw;
		if (i == 0) {
			char fill[TEXT_BYTES];
			memset(fill, 0xcc, sizeof fill);
			lm_buf_add(body, fill, sizeof fill);
		} else if (i == 1) {
			fill_imports(body, rva, s, &rd);
			if (s->dll)
				fill_exports(body, rva, s, &rd);
			lm_buf_puts(body, "inert sample");
		} else if (i == 2) {
			random_bytes(body, random, s->data_bytes);
		} else {
			fill_rsrc(body, rva, s);
		}
		sec[i].raw_size = (uint32_t)align_up(body->n, FILE_ALIGN);
		rva = (uint32_t)align_up(rva + body->n, SECTION_ALIGN);
		raw += sec[i].raw_size;
	}
	dos_header(out);
	lm_buf_add(out, "PE\0", 4);
	lm_buf_u16le(out, s->pe32 ? 0x14c : 0x8664);
	lm_buf_u16le(out, N_SECTIONS);
	lm_buf_u32le(out, s->linked);
	lm_buf_u64le(out, 0);
	lm_buf_u16le(out, s->pe32 ? 224 : 240);
	/* not IMAGE_FILE_EXECUTABLE_IMAGE: the loader refuses the file */
	lm_buf_u16le(out, (uint16_t)((s->pe32 ? 0x0100 : 0x0020) | (s->dll ? DLL_FLAG : 0)));
	optional_header(out, s, sec, &rd);
	section_headers(out, sec);
	pad_to(out, HEADERS);
	for (int i = 0; i < N_SECTIONS; i++) {
		lm_buf_str(out, lm_buf_view(&sec[i].body));
		pad_to(out, sec[i].raw + sec[i].raw_size);
		lm_buf_fini(&sec[i].body);
	}
	random_bytes(out, random, s->overlay_bytes);
	if (out->bad)
		abort(); /* sizes are ours */
	rg_pe_put32(out, rg_pe_at(out).checksum, rg_pe_checksum(out));
}
