/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog.h - vendors, releases and their files: all the software of the incident, every byte of it inert.
 *
 * Every content is made in full, also those that only inventories name, so each hash in the evidence is
 * the hash of bytes that exist.
 */
#ifndef RG_CATALOG_H
#define RG_CATALOG_H

#include "base/arena.h"
#include "base/err.h"
#include "sign.h"

enum rg_platform { RG_WINDOWS, RG_MACOS };

struct rg_content {
	const char *label; /* names the content's random stream */
	struct lm_bytes data;
	uint8_t sha256[32];
	char hex[65];
};

struct rg_file {
	const char *rel; /* below the install folder, in the platform's separators */
	const struct rg_content *content;
};

struct rg_release {
	enum rg_platform platform;
	const char *vendor, *product, *version;
	const char *folder;	 /* install folder */
	const char *user_folder; /* install folder of a per-user set-up with {user}; NULL when there is none */
	int64_t built_s;
	struct rg_file *files;
	size_t n_files;
	unsigned percent; /* of the hosts of its platform that have this product */
	bool listed;	  /* stands in the list of installed software */
};

enum { RG_MAX_RELEASES = 96, RG_MAX_CONTENTS = 1024, RG_MAX_SIGNERS = 24 };

struct rg_catalog {
	uint64_t seed;
	struct lm_arena arena;
	struct rg_signer root, issuing, stamping;
	struct rg_signer leaf[RG_MAX_SIGNERS]; /* one a vendor, in table order */
	size_t n_leaf;
	struct rg_content *contents[RG_MAX_CONTENTS];
	size_t n_contents;
	struct rg_release releases[RG_MAX_RELEASES]; /* background software; versions of a product stand together */
	size_t n_releases;
	/* the product: older clean release and altered one, by platform */
	struct rg_release clean[2], altered[2];
	struct rg_release system[2][2];	      /* files of the operating system: platform, older and newer */
	const struct rg_content *stuffed;     /* altered content, Windows */
	const struct rg_content *twin;	      /* its clean original */
	const struct rg_content *rebuilt;     /* second library, changed and validly signed */
	const struct rg_content *altered_mac; /* altered content, macOS */
};

/* `started_s` is the first day of the incident: build dates lie before it. */
enum lm_rc rg_catalog_make(struct rg_catalog *c, uint64_t seed, int64_t started_s, struct lm_err *err) LM_MUST;
void rg_catalog_fini(struct rg_catalog *c);

/* Vendor, product, signer and file names and versions of the catalogue, one a line, for --words. */
void rg_catalog_words(struct lm_buf *out);

/* Formatted text that lives as long as the arena; aborts when memory is out. */
char *rg_fmt(struct lm_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
