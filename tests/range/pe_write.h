/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_write.h - well-formed Windows program files that cannot run.
 *
 * Headers, an import and an export table, a version resource and random data, as a reader expects them;
 * the code section holds 0xCC only, AddressOfEntryPoint is 0 and IMAGE_FILE_EXECUTABLE_IMAGE is not set,
 * so no Windows loads them. Source: Microsoft PE/COFF specification.
 */
#ifndef RG_PE_WRITE_H
#define RG_PE_WRITE_H

#include "base/buf.h"
#include "rng.h"

#define RG_PE_MAX (8u << 20)

struct rg_pe_spec {
	bool pe32; /* PE32 (x86), else PE32+ (x64) */
	bool dll;
	uint32_t linked;  /* TimeDateStamp, seconds */
	const char *name; /* file name: OriginalFilename, and the name in the export table of a DLL */
	const char *company, *product, *description, *version;
	const char *const *imports; /* DLL names, NULL-terminated; may be NULL */
	uint32_t data_bytes;	    /* random bytes in .data */
	uint32_t overlay_bytes;	    /* random bytes after the last section */
};

/* Appends one file to `out` (which must be empty); the PE checksum is right. */
void rg_pe_write(struct lm_buf *out, const struct rg_pe_spec *s, struct rg_rng *random);

/* File offsets a signer needs; the file must come from rg_pe_write. */
struct rg_pe_at {
	size_t checksum, cert_dir;
};
struct rg_pe_at rg_pe_at(const struct lm_buf *pe);
uint32_t rg_pe_get32(const struct lm_buf *pe, size_t at);
void rg_pe_put32(struct lm_buf *pe, size_t at, uint32_t v);
/* The checksum as it should be: little-endian 16-bit sum with the field as 0, folded, plus the length. */
uint32_t rg_pe_checksum(const struct lm_buf *pe);

#endif
