/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h - who has what, when: countries, organisations and hosts of the incident, before any evidence.
 *
 * Emitters read the world and never change it; each draws from its own random streams.
 */
#ifndef RG_WORLD_H
#define RG_WORLD_H

#include "catalog.h"

#define RG_DEFAULT_HOSTS 2790
#define RG_MIN_HOSTS 20
#define RG_MAX_HOSTS 5000
#define RG_MAX_DAYS 365
enum { RG_MAX_HOST_RELEASES = 16, RG_N_COUNTRIES = 12, RG_N_ORGS = 41 };

struct rg_options {
	uint64_t seed;
	unsigned hosts, days;
	const char *dir;
};

struct rg_country {
	const char *code, *name;
	unsigned weight; /* altered hosts of the default incident */
	unsigned altered, hosts;
};

/* How an inventory names its hosts. */
enum rg_host_key { RG_KEY_NETBIOS, RG_KEY_FQDN, RG_KEY_ADDRESS, RG_KEY_NETBIOS_AND_ADDRESS };

struct rg_org {
	const char *name, *code, *domain, *sector;
	struct rg_country *country;
	unsigned index, weight, mac_weight;
	unsigned count[4]; /* hosts by enum rg_class */
	unsigned first, hosts;
	/* what it can export */
	bool hash_jsonl, hash_rich; /* JSON lines, else CSV; with product columns, else path and hash alone */
	bool has_software, software_jsonl;
	enum rg_host_key hash_key, software_key;
};

enum rg_class { RG_WIN_ALTERED, RG_MAC_ALTERED, RG_WIN_CLEAN, RG_MAC_CLEAN };

/* How a host's files were collected; its number is the layout. */
enum rg_collect {
	RG_COLLECT_NONE,
	RG_COLLECT_VELO,
	RG_COLLECT_KAPE,
	RG_COLLECT_KAPE_ZIP,
	RG_COLLECT_UAC,
	RG_COLLECT_TREE
};

struct rg_host {
	unsigned index;
	struct rg_org *org;
	enum rg_class class;
	enum rg_platform platform;
	bool altered;
	const char *netbios, *fqdn, *address;
	const char *name; /* as the host list has it: NetBIOS, or FQDN where two organisations share one */
	const char *os, *role, *user;
	const char *folder; /* install folder of the product on this host */
	bool per_user;
	int64_t installed_s;					 /* older release */
	int64_t updated_s;					 /* altered release; 0 when it never came */
	const struct rg_release *releases[RG_MAX_HOST_RELEASES]; /* [0] is the product, [1] the system */
	size_t n_releases;
	enum rg_collect collect;
	bool in_inventory;   /* false: only its collection knows it */
	bool collect_fqdn;   /* the collection names it by FQDN */
	bool collect_locked; /* the collection needs a password */
	bool collect_shadow; /* the collection holds a shadow copy too */
};

struct rg_world {
	struct rg_options opt;
	struct lm_arena arena;
	const struct rg_catalog *cat;
	struct rg_country country[RG_N_COUNTRIES];
	struct rg_org org[RG_N_ORGS];
	struct rg_host *host;
	unsigned n_hosts, count[4];
	int64_t started_s, ended_s; /* the window of --days; evidence is collected after its end */
};

/* First second of every incident; the window goes from here. */
int64_t rg_started(void);

/*
 * Splits `total` by weights with the largest remainder; ties go to the earlier one. The parts sum to
 * `total` when any weight is set.
 */
void rg_split(unsigned total, const unsigned *weights, size_t n, unsigned *parts);

/* opt and cat must outlive the world. LM_EUSAGE for options out of range. */
enum lm_rc rg_world_make(struct rg_world *w, const struct rg_options *opt, const struct rg_catalog *cat,
			 struct lm_err *err) LM_MUST;
void rg_world_fini(struct rg_world *w);

/* Path of a file of a release on this host, in the host's separators. Lives in `a`. */
const char *rg_host_path(struct lm_arena *a, const struct rg_host *h, const struct rg_release *rel,
			 const struct rg_file *f);
/* Install folder of a release on this host. */
const char *rg_host_folder(struct lm_arena *a, const struct rg_host *h, const struct rg_release *rel);

/* Names of organisations, domains and users, one a line, for --words. */
void rg_world_words(struct lm_buf *out);

#endif
