/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.h - what the detectors of one run share: contents with all that is said about them, where the wanted
 * ones were seen, in which releases they came, and what earlier detectors concluded.
 *
 * Every question is asked of the case once and joined here with maps: no detector scans per host or per
 * content. Memory follows contents and sightings of *wanted* contents, not all sightings.
 */
#ifndef LM_DETECT_FACTS_H
#define LM_DETECT_FACTS_H

#include "base/map.h"
#include "detect/detect.h"

/* One signature of a content; texts are interned in the facts. */
struct lm_facts_sig {
	struct lm_facts_sig *next; /* in order of index */
	struct lm_int index, entry, depth, timestamp, not_after, offset, length;
	struct lm_str status, reason, trust, trust_reason, digest_alg, signer, issuer, serial;
	struct lm_bytes authentihash, authentihash_padded, signed_digest, value_digest;
};

/* Bytes no signature covers. */
struct lm_facts_unhashed {
	struct lm_facts_unhashed *next; /* in order of offset */
	struct lm_str place, class, note;
	struct lm_int offset, length, nonzero, first_nonzero;
};

struct lm_facts_fact {
	struct lm_facts_fact *next; /* in order of (code, index, offset) */
	struct lm_str code, detail;
	struct lm_int index, offset, length;
};

/* A rule that matched the content's bytes. */
struct lm_facts_match {
	struct lm_facts_match *next; /* in order of (rule, file, offset) */
	struct lm_str matcher, rule, file, description, family, reference, severity, string;
	struct lm_int score, offset, length;
	struct lm_evidence_ref evidence;
	const struct lm_host *host; /* when the rule matched an event, not bytes */
	struct lm_int time;
};

/* An indicator that names the content by one of its hashes. */
struct lm_facts_named {
	struct lm_facts_named *next; /* trusted first, then in order of (type, value, source) */
	struct lm_str type, value, label, family, actor, reference, source;
	struct lm_int published, confidence;
	bool trusted;
	struct lm_evidence_ref evidence;
};

/* One release: any part may be unset but the product. */
struct lm_facts_release {
	struct lm_str vendor, product, version;
	struct lm_str how; /* why we think so, in words */
};

/* A wanted content at one path of one host. */
struct lm_facts_sight {
	struct lm_facts_sight *next_of_host;
	struct lm_facts_content *content;
	const struct lm_host *host; /* NULL: no host is known */
	struct lm_str path, source;
	struct lm_int time, modified;
	const char *by;			 /* "SHA-256", "SHA-1" or "MD5": what joined it */
	bool file;			 /* the file itself is in evidence, not only its hash */
	size_t folder;			 /* length of the install folder that gave the release; 0 = stated or none */
	size_t spelled;			 /* stated: how much of its name an installed release accounts for */
	struct lm_facts_release release; /* product unset when unknown */
	struct lm_evidence_ref evidence;
};

struct lm_facts_product {
	struct lm_facts_product *next;
	struct lm_facts_release release;
};

enum { LM_FACTS_SIGNED = 1, LM_FACTS_PE = 2, LM_FACTS_VALID = 4, LM_FACTS_BYTES = 8 };

struct lm_facts_content {
	struct lm_bytes sha256, sha1, md5; /* unset when not known */
	struct lm_str hex;		   /* its strongest hash: name in keys and sentences */
	const char *hex_kind;		   /* "SHA-256" ... */
	unsigned flags;			   /* LM_FACTS_* */
	struct lm_int size;
	struct lm_str kind;
	struct lm_evidence_ref evidence; /* where its bytes stand (with LM_FACTS_BYTES) */
	struct lm_bytes authentihash, authentihash_padded;
	struct lm_int checksum, cert_offset, cert_size, cert_entries;
	struct lm_str product, version, original_name; /* version resource: a claim */
	struct lm_facts_sig *sigs;
	struct lm_facts_unhashed *unhashed;
	struct lm_facts_fact *facts;
	struct lm_facts_match *matches;
	struct lm_facts_named *named;
	bool wanted;			/* its sightings are wanted */
	struct lm_facts_sight **sights; /* after lm_facts_join: in order of (host, file first, path) */
	size_t n_sights, cap_sights;
	uint64_t n_hosts;		   /* distinct hosts in sights */
	struct lm_facts_product *products; /* releases it came in, in order of (product, version) */
	struct lm_facts_content *twin;	   /* next content of the same authentihash; a ring, NULL when alone */
	bool altered;			   /* set by `altered`: a rule of high severity holds */
	bool known_altered, rule_altered;  /* its indicators / strong rules were told by `altered` */
};

/* A subject product. */
struct lm_facts_subject {
	struct lm_str name; /* as named or as first seen in byte order */
	bool named;	    /* with --product */
	bool altered;
};

/* A host that has an altered content, and the release it has it in. */
struct lm_facts_altered {
	const struct lm_facts_sight *sight;
};

/* A release of a subject product on a host. */
struct lm_facts_exposed {
	const struct lm_host *host;
	struct lm_str product, version;
	bool altered; /* this host has altered content of this product */
	bool lead;    /* the version is altered elsewhere, this host's file was not seen */
};

struct lm_facts {
	struct lm_case *c;
	struct lm_arena arena;
	struct lm_map strings, by_hash;
	struct lm_facts_content **contents; /* in order of hex */
	size_t n_contents, cap_contents;
	struct lm_facts_match *events; /* rule matches about events, not contents */
	const struct lm_host *hosts;
	size_t n_hosts;
	struct lm_facts_sight **of_host; /* by host id: wanted sightings */
	uint64_t n_sightings;		 /* all, wanted or not */
	uint8_t *host_flags;		 /* by host id, LM_HOST_* below */
	struct lm_map subjects;		 /* lower-case name -> struct lm_facts_subject */
	struct lm_facts_sight **altered; /* sightings of altered contents on hosts, in order of (content, host) */
	size_t n_altered, cap_altered;
	struct lm_facts_exposed *exposed; /* in order of (product, host, version) */
	size_t n_exposed, cap_exposed;
	struct lm_err *err;
};

/* Which evidence there is about a host (host_flags). */
enum { LM_HAS_FILES = 1, LM_HAS_HASHES = 2, LM_HAS_ALTERED = 4 };

/* Loads contents, signatures, facts, rule matches and hash hits. Release with lm_facts_fini in any case. */
enum lm_rc lm_facts_load(struct lm_facts *f, struct lm_case *c, struct lm_err *err) LM_MUST;
void lm_facts_fini(struct lm_facts *f);
/*
 * After `wanted` is set where it is wanted: one pass over sightings, one over installed releases. Fills sights,
 * products, host_flags.
 */
enum lm_rc lm_facts_join(struct lm_facts *f) LM_MUST;

/* By SHA-256, SHA-1 or MD5 (by length); NULL when unknown. */
struct lm_facts_content *lm_facts_find(const struct lm_facts *f, struct lm_bytes hash);
/* Any fact of this code; NULL when there is none. */
const struct lm_facts_fact *lm_facts_code(const struct lm_facts_content *k, const char *code);
/* Copy of s that lives as long as the facts, one copy a value. Unset stays unset. */
struct lm_str lm_facts_intern(struct lm_facts *f, struct lm_str s);
/* True when `path` lies in `folder`: without case, / and \ alike, at a component's end. */
bool lm_facts_below(struct lm_str path, struct lm_str folder);
/* One product: without case, spaces and joining marks, as lm_case_installed compares. */
bool lm_facts_same_product(struct lm_str a, struct lm_str b);
/* One version: "1.2" and "1.2.0" are one. */
bool lm_facts_same_version(struct lm_str a, struct lm_str b);
/* Key of a product for maps, in the arena; unset on refusal. */
struct lm_str lm_facts_product_key(struct lm_arena *a, struct lm_str product);
/* Base name of a path, lower case, interned. */
struct lm_str lm_facts_base(struct lm_facts *f, struct lm_str path);

/* ---- words.c: sentences and lists of findings ---- */

/* 'text' in single quotes, at most 200 bytes of it, cut at a character with an ellipsis; "(none)" when unset. */
struct lm_str lm_word_quote(struct lm_arena *a, struct lm_str s);
/* The same without quotes. */
struct lm_str lm_word_cap(struct lm_arena *a, struct lm_str s);
/* 2481 -> "2,481". */
struct lm_str lm_word_num(struct lm_arena *a, uint64_t n);
/* "1 host", "2,481 hosts". */
struct lm_str lm_word_count(struct lm_arena *a, uint64_t n, const char *one, const char *many);
struct lm_str lm_word_hex(struct lm_arena *a, struct lm_bytes b);
/* "vendor product version" as far as set. */
struct lm_str lm_word_release(struct lm_arena *a, const struct lm_facts_release *r);

/* Append where there is room; unset text is left out. */
void lm_finding_why(struct lm_finding *f, struct lm_str s);
void lm_finding_counter(struct lm_finding *f, struct lm_str s);
void lm_finding_term(struct lm_finding *f, const char *name, double log_odds, struct lm_str note);
void lm_finding_cite(struct lm_finding *f, struct lm_evidence_ref e);
void lm_finding_attack(struct lm_finding *f, const char *technique);
/* Widens first_seen .. last_seen. */
void lm_finding_seen(struct lm_finding *f, struct lm_int t);

/* Stores it; LM_ELIMIT when the scratch arena is spent. Without why or evidence it is dropped with a warning. */
enum lm_rc lm_finding_store(struct lm_detect_ctx *d, const struct lm_finding *f) LM_MUST;

/* ---- what the detectors offer each other ---- */

/* altered.c: marks contents whose sightings `altered` wants. */
void lm_altered_mark(struct lm_facts *f);
/* hits.c: the same for `hits`. */
void lm_hits_mark(struct lm_facts *f);
/* A rule's match counts as high: severity high or critical, or score from 75. */
bool lm_match_is_high(const struct lm_facts_match *m);
/* facts.c: the indicator's type is a file hash. */
bool lm_hit_is_hash(struct lm_str type);

/* scope.c, actions.c: run after the detectors. */
enum lm_rc lm_scope_run(struct lm_detect_ctx *d) LM_MUST;
enum lm_rc lm_actions_run(struct lm_detect_ctx *d) LM_MUST;
/* subject.c: the products named on the command line; stores the setting at the end. */
enum lm_rc lm_subject_begin(struct lm_detect_ctx *d) LM_MUST;
enum lm_rc lm_subject_end(struct lm_detect_ctx *d) LM_MUST;

#endif
