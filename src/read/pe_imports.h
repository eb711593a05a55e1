/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_imports.h - import and export tables of a program file (PE Format, ".idata" and ".edata").
 */
#ifndef LM_READ_PE_IMPORTS_H
#define LM_READ_PE_IMPORTS_H

#include "read/pe_image.h"

struct lm_pe_imports {
	struct lm_str names; /* DLL names, lower case, joined by ';', in table order; unset without imports */
	uint32_t count;	     /* imported symbols */
	bool has_imphash;
	uint8_t imphash[16];
	struct lm_str export_name; /* DLL name in the export directory; unset without one */
	uint32_t export_count;	   /* exported names */
	bool has_exports;
	struct lm_pe_fault fault;
};

/*
 * LM_OK also for damaged tables (fault says what, the readable part is filled in); LM_ELIMIT; LM_EIO when the
 * digest is refused. imphash is the customary one: MD5 over "dll.symbol" in lower case, joined by ',', with the
 * endings .dll, .sys and .ocx taken off; a symbol imported by number is "ordN". Some tools replace the numbers of
 * oleaut32, ws2_32 and wsock32 by names: for files that import these by number the values differ.
 */
enum lm_rc lm_pe_imports(const struct lm_pe *pe, struct lm_arena *a, struct lm_pe_imports *out) LM_MUST;

#endif
