/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_image.h - headers of a Windows program file (Microsoft PE/COFF specification, "PE Format").
 *
 * All offsets are file offsets unless the name says rva. Views borrow from the content. Nothing here is
 * trusted: a field is what the file states, and whoever uses it as a position checks it.
 */
#ifndef LM_READ_PE_IMAGE_H
#define LM_READ_PE_IMAGE_H

#include "base/arena.h"
#include "base/err.h"

enum { LM_PE_EXPORT = 0, LM_PE_IMPORT = 1, LM_PE_RESOURCE = 2, LM_PE_CERT = 4, LM_PE_DIRS = 16 };

struct lm_pe_section {
	uint32_t va, vsize, raw, raw_size, flags;
};

struct lm_pe_dir {
	uint32_t at; /* rva; for LM_PE_CERT a file offset */
	uint32_t size;
};

/* What is wrong with the headers: first thing that stopped or bent the parse. */
struct lm_pe_fault {
	const char *what; /* a literal; NULL when all is well */
	uint64_t at;
};

struct lm_pe {
	struct lm_bytes data;
	uint32_t header_at; /* "PE\0\0" */
	uint16_t machine, flags, n_sections_stated, optional_size;
	uint32_t stamp;
	bool has_optional, plus; /* plus: PE32+ */
	uint32_t entry, section_align, file_align, headers_size, checksum;
	uint16_t subsystem;
	uint64_t checksum_at; /* 0: there is none */
	uint64_t cert_dir_at; /* data directory 4; 0: there is none */
	uint32_t n_dirs;      /* as stated */
	struct lm_pe_dir dir[LM_PE_DIRS];
	struct lm_pe_section *sections; /* in table order */
	struct lm_pe_section *by_va;	/* sorted by va, for look-up */
	uint32_t n_sections;		/* read */
	uint64_t headers_end;		/* end of the section table, or of SizeOfHeaders when that is larger */
	uint64_t raw_end;		/* end of the last section's raw data, cut at the end of the file */
	struct lm_pe_fault fault;
};

/* 0..100 from a prefix; see the reader contract. */
int lm_pe_probe(struct lm_bytes data);

/*
 * LM_OK also for damaged headers (fault is set, what was read is filled in); LM_ENOTFMT when there is no DOS
 * header, or the new header lies inside the file and is none of ours (NE, LE, LX); LM_ELIMIT.
 */
enum lm_rc lm_pe_parse(struct lm_bytes data, struct lm_arena *a, struct lm_pe *pe) LM_MUST;

/* Bytes of the file that are mapped at rva, up to the end of the section's raw data; empty when none. */
struct lm_bytes lm_pe_at(const struct lm_pe *pe, uint32_t rva, uint64_t *file_offset);

/* Certificate table as data directory 4 states it; false when the file is unsigned (both zero or absent). */
bool lm_pe_cert(const struct lm_pe *pe, uint64_t *offset, uint64_t *size);

#endif
