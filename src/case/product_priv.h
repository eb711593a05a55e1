/* SPDX-License-Identifier: Apache-2.0 */
/*
 * product_priv.h - the working set while releases are worked out.
 *
 *   release.c   who states a release: inventories, file lists, bundles, install folders
 *   content.c   which content belongs to which release, and where a content tells a release
 *   product.c   keys, tables, questions
 */
#ifndef LM_CASE_PRODUCT_PRIV_H
#define LM_CASE_PRODUCT_PRIV_H

#include "case/case_priv.h"

/* Best first. */
enum lm_basis { LM_BASIS_INVENTORY, LM_BASIS_FILE_LIST, LM_BASIS_BUNDLE, LM_BASIS_FOLDER, LM_BASIS_CONTENT };

struct lm_place {
	int64_t ev, off, len;
	struct lm_int rec, time;
	uint8_t id[16]; /* of the observation: the smallest one is cited */
};

struct lm_product {
	struct lm_str key, shown; /* shown: smallest spelling */
};

/* A release: product and version. */
struct lm_group {
	uint32_t product;
	struct lm_str key, shown, vendor; /* key of the version; shown: shortest, then smallest spelling */
};

/* A release on a host. */
struct lm_rel {
	int64_t host;
	uint32_t group;
	enum lm_basis basis;
	struct lm_str vendor, path, words;
	struct lm_place at;
	bool dropped;
};

/* A program file that names a product. */
struct lm_exe {
	struct lm_str vendor, product, version;
	int64_t size;
	bool is_signed;
};

struct lm_products {
	struct lm_case *c;
	struct lm_arena a;
	struct lm_map product_ids; /* product key -> index */
	struct lm_product *products;
	size_t n_products, cap_products;
	struct lm_map group_ids; /* product, version key -> index */
	struct lm_group *groups;
	size_t n_groups, cap_groups;
	struct lm_map rel_ids; /* host, group -> index */
	struct lm_rel *rels;
	size_t n_rels, cap_rels;
	struct lm_map host_products; /* host, product -> rel index + 1 of its best version, for "has any" */
	struct lm_map dirs;	     /* host, folder in lower case with '\' -> group + 1 */
	struct lm_map exes;	     /* sha256 -> struct lm_exe */
};

/* A file sighting as the passes see it; borrowed from the statement. */
struct lm_sight {
	int64_t host;
	struct lm_str path, vendor, product, version;
	struct lm_bytes sha256;
	struct lm_int size;
	struct lm_place at;
};
typedef enum lm_rc lm_sight_fn(struct lm_products *p, const struct lm_sight *s, void *user);
/* Every sighting with a path or a product, in no order. */
enum lm_rc lm_each_sighting(struct lm_products *p, lm_sight_fn *fn, void *user) LM_MUST;

/* ---- product.c ---- */

/* Names of one product: without case, spaces and joining marks, without trailing architecture and version words. */
struct lm_str lm_product_key(struct lm_arena *a, struct lm_str name, struct lm_str version);
/* The name without those trailing words: a view. */
struct lm_str lm_product_stem(struct lm_str name, struct lm_str version);
/* Orders versions by their numbers; "1.2" and "1.2.0" are one. */
struct lm_str lm_version_key(struct lm_arena *a, struct lm_str version);

/* ---- release.c ---- */

enum lm_rc lm_release_gather(struct lm_products *p) LM_MUST;
/* Adds or betters a release of a host. SIZE_MAX when out of memory or without a product name. */
size_t lm_release_add(struct lm_products *p, int64_t host, struct lm_str vendor, struct lm_str product,
		      struct lm_str version, struct lm_str path, enum lm_basis basis, struct lm_str words,
		      const struct lm_place *at);
/* Group of the install folder that covers a path on a host, + 1; 0 = none. */
uint32_t lm_release_covering(struct lm_products *p, int64_t host, struct lm_str path);
/* Does the host have any release of the product? */
bool lm_release_has(struct lm_products *p, int64_t host, uint32_t product);

/* ---- content.c ---- */

enum lm_rc lm_content_resolve(struct lm_products *p) LM_MUST;

#endif
