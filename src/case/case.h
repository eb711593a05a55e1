/* SPDX-License-Identifier: Apache-2.0 */
/*
 * case.h - everything known so far: one SQLite file (or memory), append-only batches, resolved afterwards.
 *
 * Life of a run: open, run_begin, put ... commit (many times), resolve (identity, products), detectors ask and
 * put results, run_end. Killing the process at any point loses at most the open batch; the next run puts the
 * same observations again without effect. Ids and order come from content, never from arrival.
 *
 * Views handed to callbacks live during the callback; strings in host and product arrays live until the next
 * lm_case_resolve or lm_case_close.
 */
#ifndef LM_CASE_CASE_H
#define LM_CASE_CASE_H

#include "base/err.h"
#include "fact/finding.h"
#include "fact/observation.h"

struct lm_case;

enum { LM_CASE_CREATE = 1, LM_CASE_READ_ONLY = 2 };

/* path NULL = in memory. LM_EDB with a message that names the file and what to do (not a case, newer version, locked).
 */
enum lm_rc lm_case_open(const char *path, unsigned flags, struct lm_case **out, struct lm_err *err) LM_MUST;
void lm_case_close(struct lm_case *c);
/* The message of the last failed call. */
const char *lm_case_error(const struct lm_case *c);

/* ---- runs, settings, run log (store.c, runlog.c) ---- */

/* Starts a run and its log entry. `args` as typed, for the log; `version` of the tool. */
enum lm_rc lm_case_run_begin(struct lm_case *c, struct lm_str args, const char *version, int64_t wall_ns) LM_MUST;
/* Appends one entry; each entry holds the SHA-256 of the one before. */
enum lm_rc lm_case_log(struct lm_case *c, const char *what, struct lm_str detail) LM_MUST;
/*
 * Ends the run: logs the digest over all observations and findings; when it differs from the last completed
 * run's, the revision grows by one. Commits.
 */
enum lm_rc lm_case_run_end(struct lm_case *c, int64_t wall_ns) LM_MUST;
int64_t lm_case_revision(struct lm_case *c);
/*
 * Settings that survive re-runs ("now", "products", "jobs" ...). Get: unset when absent; copied into `a`. Setting
 * "subject" (names or globs joined by ';') also fills product and version of the hosts. Keys with '_' first are the
 * store's own.
 */
enum lm_rc lm_case_set(struct lm_case *c, const char *key, struct lm_str value) LM_MUST;
struct lm_str lm_case_get(struct lm_case *c, const char *key, struct lm_arena *a);

struct lm_run {
	int64_t id, started_ns;
	struct lm_int ended_ns;
	struct lm_str args, version;
};
enum lm_rc lm_case_runs(struct lm_case *c, enum lm_rc (*fn)(void *user, const struct lm_run *r), void *user) LM_MUST;

/*
 * Re-checks the hash chain, the digest over observations and the database's own integrity. Each problem is told
 * to `problem`; returns LM_OK when there is none, LM_ECORRUPT else. With `evidence` true every evidence file
 * that still exists is hashed again and compared.
 */
enum lm_rc lm_case_verify(struct lm_case *c, bool evidence, void (*problem)(void *user, const char *what),
			  void *user) LM_MUST;

/* ---- evidence and units of work (store.c) ---- */

/*
 * The row of an evidence path (made when new). `parent` is the container's id or -1. `trusted`: named by an
 * option (host list, indicators), not found in evidence.
 */
enum lm_rc lm_case_evidence(struct lm_case *c, struct lm_str path, int64_t parent, bool trusted, int64_t *id) LM_MUST;
/* The content is read to its end. `kind` may be unset (no reader). */
enum lm_rc lm_case_evidence_end(struct lm_case *c, int64_t id, const uint8_t sha256[32], uint64_t size,
				struct lm_str kind) LM_MUST;
/*
 * A file was read completely (or lost, with the reason). `fingerprint` covers what makes a re-read necessary:
 * rules, readers' version, options. Stored with the next commit.
 */
enum lm_rc lm_case_file_done(struct lm_case *c, struct lm_str path, uint64_t size, int64_t modified_ns,
			     struct lm_str fingerprint, struct lm_str lost_why, uint64_t lost_offset) LM_MUST;
/* True when lm_case_file_done stored exactly this and it was not lost: nothing to read again. */
bool lm_case_file_known(struct lm_case *c, struct lm_str path, uint64_t size, int64_t modified_ns,
			struct lm_str fingerprint);
/* Every SHA-256 whose content was parsed with this fingerprint, and by which reader, for lm_work_seen. */
enum lm_rc lm_case_seen(struct lm_case *c, struct lm_str fingerprint,
			void (*fn)(void *user, const uint8_t sha256[32], struct lm_str kind), void *user) LM_MUST;

/*
 * Before a file is read again under other settings: marks what its earlier reading of exactly these bytes (size,
 * modification time) stated; lm_case_forget_commit removes all that was marked, unless other evidence states it
 * too, and commits. Facts about contents in these files go wherever they are cited from: they are stated anew.
 */
enum lm_rc lm_case_forget_file(struct lm_case *c, struct lm_str path, uint64_t size, int64_t modified_ns) LM_MUST;
enum lm_rc lm_case_forget_commit(struct lm_case *c) LM_MUST;

struct lm_evidence_row {
	int64_t id, parent;
	struct lm_str path, kind;
	struct lm_bytes sha256; /* unset while unread */
	struct lm_int size;
	bool trusted;
	struct lm_str lost; /* why the worker was lost; unset = fine */
	uint64_t lost_offset;
};
/* All evidence in order of path. */
enum lm_rc lm_case_evidence_rows(struct lm_case *c, enum lm_rc (*fn)(void *user, const struct lm_evidence_row *r),
				 void *user) LM_MUST;

/* ---- question 1 and 2: put, commit (store.c) ---- */

/* Stores an observation under its content-derived id. The same fact again changes nothing but, when the new
 * position is smaller in (evidence path, offset) order, where it is cited. Opens a batch when none is open. */
enum lm_rc lm_case_put(struct lm_case *c, int64_t evidence, const struct lm_obs *o) LM_MUST;
/*
 * Ends the batch: all of it becomes visible at once or, after a crash, none. Batches of some 100,000 observations or
 * a second of work are cheapest: each one writes the touched pages of the id index again.
 */
enum lm_rc lm_case_commit(struct lm_case *c) LM_MUST;

/* ---- identity (identity.c) ---- */

struct lm_alias {
	struct lm_str kind;  /* name, fqdn, address, device */
	struct lm_str value; /* as seen first; compared without case */
	struct lm_int from_ns, to_ns;
	enum lm_ident_source source;
	struct lm_str
		note; /* how it was joined when not stated directly, e.g. "first label of one FQDN only"; else unset */
};

enum lm_host_kind { LM_HOST_MACHINE, LM_HOST_ADDRESS, LM_HOST_PROXY };

struct lm_host {
	int64_t id; /* 1.. in order of name; 0 is the fleet */
	enum lm_host_kind kind;
	struct lm_str name; /* best alias: host list's name, FQDN, NetBIOS, device, address */
	struct lm_str org, country, sector, os, role;
	struct lm_str country_source; /* list, geoip <database>; unset without country */
	const struct lm_alias *aliases;
	size_t n_aliases;
	bool listed;			/* a host list names it */
	bool seen;			/* some evidence other than a host list is about it */
	struct lm_str resolved;		/* in words how its names were joined, when not direct; else unset */
	struct lm_str product, version; /* newest release of a product that the setting "subject" names; may be unset */
};

struct lm_geo; /* geo.c */

/*
 * Recomputes all that is derived from observations: hosts and their aliases (with merges and splits of the user
 * applied), which identity is which host at which time, installed products and releases. Deterministic. Commits the
 * open batch first; when it fails, the results of the last resolve stand. When hosts changed, results are cleared.
 * `geo` (may be NULL) fills countries of hosts that have none, from their public addresses.
 */
enum lm_rc lm_case_resolve(struct lm_case *c, const struct lm_geo *geo) LM_MUST;
/* All hosts, ordered by id. Loads what the last lm_case_resolve stored when this process has not resolved. */
const struct lm_host *lm_case_hosts(struct lm_case *c, size_t *n);
/* NULL for 0 and unknown ids. */
const struct lm_host *lm_case_host(struct lm_case *c, int64_t id);
/* By any alias, without case; NULL when unknown or ambiguous. */
const struct lm_host *lm_case_host_find(struct lm_case *c, struct lm_str alias);
/*
 * User's word, kept across runs and applied by the next resolve: the two aliases are one host, or are not.
 * `undo` removes exactly that word again, after which a resolve gives the hosts as before it.
 */
enum lm_rc lm_case_host_merge(struct lm_case *c, struct lm_str a, struct lm_str b, struct lm_str reason,
			      bool undo) LM_MUST;
enum lm_rc lm_case_host_split(struct lm_case *c, struct lm_str a, struct lm_str b, struct lm_str reason,
			      bool undo) LM_MUST;

/* ---- geo.c: IP to country, from databases the user names ---- */

/* Both record layouts (country.iso_code, flat country_code). NULL-terminated list of .mmdb files. */
enum lm_rc lm_geo_open(const char *const *files, struct lm_geo **out, struct lm_err *err) LM_MUST;
void lm_geo_close(struct lm_geo *g);
/* Two-letter code in out[3]; false when unknown. *disputed when two databases differ (the first one wins). */
bool lm_geo_country(const struct lm_geo *g, const char *address, char out[3], bool *disputed);
/* "name YYYY-MM-DD; ..." of the databases, for the report; borrowed. */
const char *lm_geo_describe(const struct lm_geo *g);

/* ---- products and releases (product.c) ---- */

/* A release of a product on a host, and why we think so. */
struct lm_installed {
	const struct lm_host *host;
	struct lm_str vendor, product, version; /* version may be unset */
	struct lm_str path;			/* install folder; may be unset */
	struct lm_str basis; /* inventory, bundle, install folder, content seen elsewhere: in words */
	struct lm_int time;  /* install time where stated */
	struct lm_evidence_ref evidence;
};
typedef enum lm_rc lm_installed_fn(void *user, const struct lm_installed *i);
/*
 * Installed releases in order of (product, host, version); product unset = all. Compared without case, spaces and
 * dashes; one product has one spelling for all hosts, and so has one version ("1.2" and "1.2.0" are one).
 */
enum lm_rc lm_case_installed(struct lm_case *c, struct lm_str product, lm_installed_fn *fn, void *user) LM_MUST;

/* A release that a content comes in: sure by install folder or by the word of a list of files. */
struct lm_content_product {
	struct lm_str vendor, product, version; /* vendor and version may be unset */
	uint64_t hosts;				/* on which the content is part of this release */
};
typedef enum lm_rc lm_content_product_fn(void *user, const struct lm_content_product *p);
/* The releases of one content as of the last resolve, in order of (product, version). */
enum lm_rc lm_case_content_products(struct lm_case *c, const uint8_t sha256[32], lm_content_product_fn *fn,
				    void *user) LM_MUST;

/* ---- questions 3 to 7, all that detectors may ask (query.c) ----
 *
 * A callback that returns LM_END stops the question, which then returns LM_OK; a negative code stops it and is
 * returned. A callback may ask further questions and put results; it must not resolve. Rows stream. Hosts are those
 * of the last resolve: an identity first seen after it has none yet.
 */

/* A stored observation: resolved host and the place it is cited from. */
struct lm_stored {
	struct lm_obs obs;
	uint8_t id[16];
	const struct lm_host *host; /* NULL: about content or the fleet */
	struct lm_evidence_ref evidence;
	bool trusted; /* from a file named by an option */
};
typedef enum lm_rc lm_stored_fn(void *user, const struct lm_stored *s);

/*
 * Conditions are joined by AND; an empty list fetches all. `value.p == NULL` asks for unset. INT, TIME and BOOL fields
 * compare with a decimal number, TIME also with ISO-8601. The field "@host" is the resolved host: its id in decimal
 * (also in prevalence and pairs). LM_EUSAGE for a field the kind does not have and for REAL fields.
 */
struct lm_where {
	const char *field; /* field of the kind; BYTES compare with raw bytes */
	struct lm_str value;
};
/* fetch: observations of a kind, in order of (time, id); without a time first. */
enum lm_rc lm_case_fetch(struct lm_case *c, enum lm_kind kind, const struct lm_where *where, size_t n_where,
			 lm_stored_fn *fn, void *user) LM_MUST;

/*
 * prevalence: distinct values of a field (unset left out), with the number of hosts and observations; in order of
 * value. Hosts are resolved ones; a proxy counts as none, and so does what is about no host.
 */
struct lm_prevalence {
	struct lm_str value; /* raw bytes for BYTES fields */
	uint64_t hosts, count;
	struct lm_int first, last;
};
enum lm_rc lm_case_prevalence(struct lm_case *c, enum lm_kind kind, const char *field,
			      enum lm_rc (*fn)(void *user, const struct lm_prevalence *p), void *user) LM_MUST;

/* pairs: values of `field` that occur with at least `n` distinct values of `of`; each (value, of) row in order. */
enum lm_rc lm_case_pairs(struct lm_case *c, enum lm_kind kind, const char *field, const char *of, unsigned n,
			 enum lm_rc (*fn)(void *user, struct lm_str value, struct lm_str of, uint64_t count),
			 void *user) LM_MUST;

/*
 * match: where indicators (all lists in the case) meet observations. sha256, sha1, md5: contents with that hash,
 * sightings that state it or another hash of such a content. filename: last component of a sighting's path, without
 * ASCII case, names of 5 bytes and more. Network types meet kinds that state contacts; a host's own name or address
 * is never a hit. In order of indicator (type, value, id), then observation (kind, time, id).
 */
struct lm_indicator_hit {
	const struct lm_stored *indicator; /* .obs.indicator_listed */
	const struct lm_stored *where;
};
enum lm_rc lm_case_match(struct lm_case *c, enum lm_rc (*fn)(void *user, const struct lm_indicator_hit *h),
			 void *user) LM_MUST;

/* (series(keys) comes with the network readers.) */

/* ---- results: what detectors and scope computed; replaced as a whole by each run (result.c) ---- */

enum lm_rc lm_case_results_clear(struct lm_case *c) LM_MUST;
/* LM_EUSAGE when the finding has no `why` or no `evidence`. The same id twice keeps the first. */
enum lm_rc lm_case_finding(struct lm_case *c, const struct lm_finding *f) LM_MUST;

/* A finding as reports see it: with its id and words. */
struct lm_finding_row {
	struct lm_str id; /* 16 hex digits */
	struct lm_finding f;
	const struct lm_host *host; /* NULL = "*" */
	int confidence;
};
/* Order: severity (highest first), stage (furthest first), host name, detector, rule, id. */
enum lm_rc lm_case_findings(struct lm_case *c, enum lm_rc (*fn)(void *user, const struct lm_finding_row *r),
			    void *user) LM_MUST;

/* One observed stage of one host, from its findings. */
struct lm_host_stage {
	const struct lm_host *host;
	enum lm_stage stage;
	struct lm_int first, last;
	int confidence;
	struct lm_str findings; /* ids joined by ';' */
};
enum lm_rc lm_case_host_stage(struct lm_case *c, const struct lm_host_stage *s) LM_MUST;
/* In order of (host, stage). */
enum lm_rc lm_case_host_stages(struct lm_case *c, enum lm_rc (*fn)(void *user, const struct lm_host_stage *s),
			       void *user) LM_MUST;

/* Counts of hosts by one value of one dimension (country, sector, org, version, signer). value unset = unknown. */
struct lm_scope_row {
	const char *dimension;
	struct lm_str value;
	uint64_t listed, seen, stage[LM_STAGE_COUNT];
};
enum lm_rc lm_case_scope(struct lm_case *c, const struct lm_scope_row *r) LM_MUST;
/* Of one dimension, in order: most altered, most exposed, most seen, value; unknown last. */
enum lm_rc lm_case_scope_rows(struct lm_case *c, const char *dimension,
			      enum lm_rc (*fn)(void *user, const struct lm_scope_row *r), void *user) LM_MUST;

/* Notes for the page in a fixed order: blind spots, actions, questions, verdict sentences. */
struct lm_note {
	const char *section; /* verdict, blind, action, question, gap */
	int64_t order;
	const struct lm_host *host; /* may be NULL */
	struct lm_str text, detail; /* question: text and the command; action: why (joined by '\n') and next step */
};
enum lm_rc lm_case_note(struct lm_case *c, const struct lm_note *n) LM_MUST;
enum lm_rc lm_case_notes(struct lm_case *c, const char *section, enum lm_rc (*fn)(void *user, const struct lm_note *n),
			 void *user) LM_MUST;

#endif
