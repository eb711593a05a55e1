/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_version.h - the version resource of a program file (VS_VERSIONINFO, Microsoft "Version Information").
 *
 * What it says is a claim of whoever built the file: nothing verifies it.
 */
#ifndef LM_READ_PE_VERSION_H
#define LM_READ_PE_VERSION_H

#include "read/pe_image.h"

struct lm_pe_version {
	struct lm_str company, product, product_version, file_version, original_name, description; /* UTF-8 */
	struct lm_pe_fault fault;
};

/*
 * Reads the first RT_VERSION resource. Absent strings stay unset; the two versions fall back to the binary
 * VS_FIXEDFILEINFO. LM_OK also when there is no such resource; LM_ELIMIT.
 */
enum lm_rc lm_pe_version(const struct lm_pe *pe, struct lm_arena *a, struct lm_pe_version *out) LM_MUST;

#endif
