/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity_priv.h - the working set of one resolve: keys as nodes, statements as edges, addresses as claims.
 *
 *   gather.c    observations -> nodes, edges, records, claims
 *   identity.c  edges -> components (which keys are one machine), with the user's words
 *   address.c   claims -> who held an address when
 *   hosts.c     components -> hosts, stored and loaded again
 */
#ifndef LM_CASE_IDENTITY_PRIV_H
#define LM_CASE_IDENTITY_PRIV_H

#include "case/case_priv.h"

enum { LM_NODE_NONE = -1 };

/* Levels at which edges are applied, strongest first; those of enum lm_ident_source lie below these. */
enum { LM_LEVEL_RECORD = 0, LM_LEVEL_LABEL = 32, LM_LEVEL_HELD, LM_LEVEL_USER };

/* One key: 'n' name, 'd' device, 'a' address, 'r' row of a host list. */
struct lm_node {
	char type;
	struct lm_str key;  /* "n:ws01" */
	struct lm_str text; /* as seen: of the strongest source, then the smallest spelling */
	enum lm_ident_source source;
	bool exists;		/* a machine is behind it, not just a line in DNS */
	bool seen;		/* evidence other than a host list is about it */
	bool strong;		/* named by something stronger than DNS */
	struct lm_str note;	/* how it was joined when not stated directly */
	struct lm_int from, to; /* hull of the intervals that state it; unset = always */
	bool always;
	int32_t comp;
};

struct lm_edge {
	int32_t u, v;
	uint8_t level, weight;
};

struct lm_record {
	int32_t node;
	bool trusted;
	struct lm_obs_host_record row; /* views in the arena */
};

/* "Who had this address": node says so for [from, to) or, without interval, in general. */
struct lm_claim {
	int32_t address, node;
	struct lm_int from, to;	   /* the lease; both unset = in general */
	struct lm_int first, last; /* general claims: when it was observed */
	enum lm_ident_source source;
};

struct lm_os {
	int32_t node;
	enum lm_ident_source source;
	struct lm_str os;
};

struct lm_build {
	struct lm_case *c;
	struct lm_arena a;
	struct lm_map keys; /* key -> node */
	struct lm_node *nodes;
	size_t n_nodes, cap_nodes;
	struct lm_edge *edges;
	size_t n_edges, cap_edges;
	struct lm_claim *claims;
	size_t n_claims, cap_claims;
	struct lm_record *records;
	size_t n_records, cap_records;
	struct lm_os *oses;
	size_t n_oses, cap_oses;
	int32_t *ident_node;	/* per ident: name node, or LM_NODE_NONE */
	int32_t *ident_device;	/* per ident: device node, or LM_NODE_NONE */
	int32_t *ident_address; /* per ident: address node, or LM_NODE_NONE */
	/* union-find over nodes while joining */
	int32_t *up;
	int32_t *anchor; /* per root: group of host list rows, or -1 */
	bool *torn;	 /* per root: lies equally near to two anchors */
};

/* ---- gather.c ---- */

enum lm_rc lm_build_gather(struct lm_build *b) LM_MUST;
void lm_build_fini(struct lm_build *b);
/* Node of a text, made when new; LM_NODE_NONE when the text names nothing. */
int32_t lm_build_node(struct lm_build *b, char type, struct lm_str text, enum lm_ident_source source);
int32_t lm_build_find(const struct lm_build *b, char type, struct lm_str text);
void lm_build_edge(struct lm_build *b, int32_t u, int32_t v, unsigned level, unsigned weight);

/* ---- identity.c ---- */

/* Fills comp of every node. */
enum lm_rc lm_build_join(struct lm_build *b) LM_MUST;
int32_t lm_build_root(struct lm_build *b, int32_t node);

/* ---- address.c ---- */

/* Sorts claims by address; call before the two below. */
void lm_address_sort(struct lm_build *b);
/* Claims of one address. */
size_t lm_address_claims(const struct lm_build *b, int32_t address, const struct lm_claim **first);
/*
 * The component that held the address, told without a time: LM_NODE_NONE when nobody did or it changed hands or
 * machines of equal strength claim it (*several).
 */
int32_t lm_address_holder(struct lm_build *b, int32_t address, bool *several);

/* A piece of time with one answer. */
struct lm_held {
	int64_t from, to;
	int32_t comp;
	bool several;
};
/* Splits all time where the answer changes; *n pieces in the arena. NULL when out of memory. */
struct lm_held *lm_address_pieces(struct lm_build *b, int32_t address, size_t *n);

/* ---- hosts.c ---- */

enum lm_rc lm_hosts_emit(struct lm_build *b, const struct lm_geo *geo) LM_MUST;

#endif
