/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_image.c - DOS header, COFF header, optional header, data directories, section table.
 *
 * In: the bytes of a file. Out: struct lm_pe. Limits: at most 65,535 sections (the field's width), each
 * header consumes 40 bytes of the file; look-up by address is a binary search, so no file makes it slow.
 */
#include "read/pe_image.h"

#include <stdlib.h>

#define DOS_HEADER 64u
#define SECTION_HEADER 40u

int lm_pe_probe(struct lm_bytes data)
{
	struct lm_rd r = lm_rd_of(data);
	uint16_t mz = lm_rd_u16le(&r);
	lm_rd_seek(&r, 0x18);
	uint16_t relocations = lm_rd_u16le(&r);
	lm_rd_seek(&r, 0x3c);
	uint32_t at = lm_rd_u32le(&r);
	if (r.bad || mz != 0x5a4d)
		return 0;
	if (at >= data.n) /* a cut-off or bent file; 0x40 is what every linker of new-style programs writes here */
		return relocations == 0x40 ? 30 : 0;
	lm_rd_seek(&r, at);
	return lm_rd_u32le(&r) == 0x4550 ? 90 : 0;
}

static void fault(struct lm_pe *pe, uint64_t at, const char *what)
{
	if (!pe->fault.what)
		pe->fault = (struct lm_pe_fault){ what, at };
}

/* Fields before the data directories: 96 bytes in PE32, 112 in PE32+. */
static void optional_header(struct lm_pe *pe, struct lm_rd *r, uint64_t at)
{
	uint16_t magic = lm_rd_u16le(r);
	if (r->bad || (magic != 0x10b && magic != 0x20b)) {
		fault(pe, at, "optional header is neither PE32 nor PE32+");
		return;
	}
	pe->plus = magic == 0x20b;
	lm_rd_seek(r, 16);
	pe->entry = lm_rd_u32le(r);
	lm_rd_seek(r, 32);
	pe->section_align = lm_rd_u32le(r);
	pe->file_align = lm_rd_u32le(r);
	lm_rd_seek(r, 60);
	pe->headers_size = lm_rd_u32le(r);
	pe->checksum = lm_rd_u32le(r);
	pe->subsystem = lm_rd_u16le(r);
	lm_rd_seek(r, pe->plus ? 108 : 92);
	pe->n_dirs = lm_rd_u32le(r);
	if (r->bad) {
		fault(pe, at, "optional header is cut off");
		return;
	}
	pe->has_optional = true;
	pe->checksum_at = at + 64;
	uint32_t dirs_at = pe->plus ? 112 : 96;
	for (uint32_t i = 0; i < pe->n_dirs && i < LM_PE_DIRS; i++) {
		struct lm_pe_dir d = { lm_rd_u32le(r), lm_rd_u32le(r) };
		if (r->bad) {
			fault(pe, at + dirs_at + (uint64_t)i * 8, "data directories are cut off");
			return;
		}
		pe->dir[i] = d;
		if (i == LM_PE_CERT)
			pe->cert_dir_at = at + dirs_at + LM_PE_CERT * 8;
	}
}

static int compare_va(const void *a, const void *b)
{
	const struct lm_pe_section *x = a, *y = b;
	if (x->va != y->va)
		return x->va < y->va ? -1 : 1;
	return x->raw < y->raw ? -1 : x->raw > y->raw;
}

static enum lm_rc section_table(struct lm_pe *pe, struct lm_rd *r, struct lm_arena *a)
{
	uint64_t at = r->pos, fit = lm_rd_left(r) / SECTION_HEADER;
	uint32_t n = pe->n_sections_stated;
	if (n > fit) {
		fault(pe, at + fit * SECTION_HEADER, "section table is cut off");
		n = (uint32_t)fit;
	}
	pe->sections = lm_arena_calloc(a, n, sizeof *pe->sections);
	pe->by_va = lm_arena_calloc(a, n, sizeof *pe->by_va);
	if (!pe->sections || !pe->by_va)
		return LM_ELIMIT;
	for (uint32_t i = 0; i < n; i++) {
		struct lm_pe_section *s = &pe->sections[i];
		lm_rd_skip(r, 8);
		s->vsize = lm_rd_u32le(r);
		s->va = lm_rd_u32le(r);
		s->raw_size = lm_rd_u32le(r);
		s->raw = lm_rd_u32le(r);
		lm_rd_skip(r, 12);
		s->flags = lm_rd_u32le(r);
		uint64_t end = (uint64_t)s->raw + s->raw_size;
		if (s->raw_size && s->raw && end > pe->data.n) {
			fault(pe, at + (uint64_t)i * SECTION_HEADER, "raw data of a section ends past the file");
			end = s->raw < pe->data.n ? pe->data.n : 0;
		}
		if (s->raw_size && s->raw && end > pe->raw_end)
			pe->raw_end = end;
	}
	pe->n_sections = n;
	if (n)
		memcpy(pe->by_va, pe->sections, n * sizeof *pe->by_va);
	qsort(pe->by_va, n, sizeof *pe->by_va, compare_va);
	pe->headers_end = r->pos;
	return LM_OK;
}

enum lm_rc lm_pe_parse(struct lm_bytes data, struct lm_arena *a, struct lm_pe *pe)
{
	struct lm_rd r = lm_rd_of(data);
	*pe = (struct lm_pe){ .data = data };
	uint16_t mz = lm_rd_u16le(&r);
	lm_rd_seek(&r, 0x3c);
	pe->header_at = lm_rd_u32le(&r);
	if (r.bad || mz != 0x5a4d)
		return LM_ENOTFMT;
	if (pe->header_at > data.n || data.n - pe->header_at < 4) {
		fault(pe, 0x3c, "new header lies past the end of the file");
		return LM_OK;
	}
	lm_rd_seek(&r, pe->header_at);
	if (lm_rd_u32le(&r) != 0x4550)
		return LM_ENOTFMT;
	pe->machine = lm_rd_u16le(&r);
	pe->n_sections_stated = lm_rd_u16le(&r);
	pe->stamp = lm_rd_u32le(&r);
	lm_rd_skip(&r, 8);
	pe->optional_size = lm_rd_u16le(&r);
	pe->flags = lm_rd_u16le(&r);
	if (r.bad) {
		fault(pe, pe->header_at, "file header is cut off");
		return LM_OK;
	}
	uint64_t optional_at = r.pos;
	/* The directories may stand past SizeOfOptionalHeader: the loader reads them where they are. */
	struct lm_rd optional = lm_rd_of(lm_bytes_part(data, optional_at, data.n));
	if (pe->optional_size)
		optional_header(pe, &optional, optional_at);
	else
		fault(pe, optional_at, "there is no optional header");
	lm_rd_seek(&r, optional_at + pe->optional_size);
	if (r.bad) {
		fault(pe, optional_at, "optional header is cut off");
		pe->headers_end = data.n;
		return LM_OK;
	}
	enum lm_rc rc = section_table(pe, &r, a);
	if (pe->headers_size > pe->headers_end)
		pe->headers_end = pe->headers_size < data.n ? pe->headers_size : data.n;
	if (pe->raw_end < pe->headers_end)
		pe->raw_end = pe->headers_end;
	return rc;
}

struct lm_bytes lm_pe_at(const struct lm_pe *pe, uint32_t rva, uint64_t *file_offset)
{
	uint32_t lo = 0, hi = pe->n_sections;
	*file_offset = 0;
	while (lo < hi) { /* first section that begins above rva */
		uint32_t mid = lo + (hi - lo) / 2;
		if (pe->by_va[mid].va <= rva)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0) {
		if (rva >= pe->headers_end)
			return (struct lm_bytes){ 0 };
		*file_offset = rva;
		return lm_bytes_part(pe->data, rva, pe->headers_end - rva);
	}
	const struct lm_pe_section *s = &pe->by_va[lo - 1];
	uint32_t delta = rva - s->va;
	if (delta >= s->raw_size || s->raw == 0)
		return (struct lm_bytes){ 0 };
	/* The loader reads whole disk sectors when sections are paged. */
	uint64_t raw = pe->section_align >= 0x1000 ? s->raw & ~UINT32_C(0x1ff) : s->raw;
	*file_offset = raw + delta;
	return lm_bytes_part(pe->data, raw + delta, s->raw_size - delta);
}

bool lm_pe_cert(const struct lm_pe *pe, uint64_t *offset, uint64_t *size)
{
	*offset = pe->dir[LM_PE_CERT].at;
	*size = pe->dir[LM_PE_CERT].size;
	return pe->cert_dir_at && *size;
}
