/* SPDX-License-Identifier: Apache-2.0 */
/*
 * products.h - the tables behind the catalogue. All names are invented; none of them may stand in src/.
 */
#ifndef RG_PRODUCTS_H
#define RG_PRODUCTS_H

#include "catalog.h"

enum rg_file_flags {
	RG_F_EXE = 1 << 0, /* else a DLL, or text / data by the next two */
	RG_F_TEXT = 1 << 1,
	RG_F_DATA = 1 << 2, /* random bytes of no format */
	RG_F_PE32 = 1 << 3,
	RG_F_UNSIGNED = 1 << 4,
	RG_F_SHA1 = 1 << 5, /* only a SHA-1 signature */
	RG_F_NESTED = 1 << 6,
	RG_F_DUAL = 1 << 7,  /* two table entries */
	RG_F_SLACK = 1 << 8, /* 8 to 64 zero bytes in the entry */
	RG_F_SUM_WRONG = 1 << 9,
	RG_F_SUM_ZERO = 1 << 10,
	RG_F_OVERLAY = 1 << 11, /* some KB after the last section */
	RG_F_BIG_OVERLAY = 1 << 12,
	RG_F_TWIN = 1 << 13,	  /* the clean graphics helper of another vendor, one content everywhere */
	RG_F_SAME = 1 << 14,	  /* one content for all versions of the product */
	RG_F_STAMPED = 1 << 15,	  /* with a countersignature */
	RG_F_STUFFED = 1 << 16,	  /* the altered form of RG_F_TWIN */
	RG_F_REBUILT = 1 << 17,	  /* the second library of the product */
	RG_F_INERT_MAC = 1 << 18, /* text header and random bytes, where macOS has a program */
	RG_F_ALTERED_MAC = 1 << 19,
	RG_F_COSIGNED = 1 << 20, /* two table entries by two vendors */
};

struct rg_vendor_row {
	const char *name, *country;
	bool expired; /* its certificate has run out by the time of the incident */
};

struct rg_file_row {
	const char *rel;
	unsigned flags;
};

struct rg_product_row {
	int vendor; /* index into rg_vendors */
	enum rg_platform platform;
	const char *product;
	const char *versions[4];
	const char *folder, *user_folder;
	unsigned percent;
	bool listed;
	struct rg_file_row files[14];
};

extern const struct rg_vendor_row rg_vendors[];
extern const size_t rg_n_vendors;
/* The product itself: rows by platform; versions[0] is the clean release, versions[1] the altered one. */
extern const struct rg_product_row rg_subject[2];
extern const struct rg_product_row rg_system[2];
extern const struct rg_product_row rg_background[];
extern const size_t rg_n_background;
/* Name and vendor of the library that is altered on Windows. */
extern const char rg_twin_name[], rg_twin_product[], rg_twin_version[], rg_marker[];
extern const int rg_twin_vendor, rg_co_vendor;

#endif
