/* SPDX-License-Identifier: Apache-2.0 */
/*
 * case_priv.h - what the files of the room share: the handle, statements, interned identities, resolved hosts.
 *
 * Nothing here is for other rooms.
 */
#ifndef LM_CASE_CASE_PRIV_H
#define LM_CASE_CASE_PRIV_H

#include "base/arena.h"
#include "base/map.h"
#include "case/case.h"

#include <openssl/evp.h>
#include <sqlite3.h>

#define LM_CASE_APPLICATION_ID 0x4c494d45 /* "LIME" */
#define LM_CASE_SCHEMA 1		  /* user_version; grows when an older limier can no longer read the case */
#define LM_CASE_ROOM (SIZE_MAX / 2) /* arenas of what the case itself holds: bounded by the case, not by a budget */

/* What an interned identity was used for (ident.used). */
enum { LM_USED_LIST = 1, LM_USED_ALIAS = 2, LM_USED_SEEN = 4 };

/* A piece of time in which an identity is one host; [from, to), host 0 = nobody known. */
struct lm_piece {
	int64_t from, to, host;
};

/* One identity as seen, interned; the vector index is ident.id - 1. */
struct lm_ident_row {
	struct lm_ident as;
	unsigned used;
	bool dirty;
	struct lm_int first, last;     /* times of observations with it */
	int64_t host;		       /* resolved host, also for observations without time; 0 = none */
	const struct lm_piece *pieces; /* set when it depends on the time */
	size_t n_pieces;
};

struct lm_case {
	sqlite3 *db;
	char *path; /* NULL = in memory */
	bool read_only, in_batch, broken;
	char error[480];

	EVP_MD *sha256;
	EVP_MD_CTX *hash;
	struct lm_buf canon;

	struct lm_map stmts; /* SQL text -> idle sqlite3_stmt, NULL while in use */
	struct lm_case_insert {
		sqlite3_stmt *insert, *get;
	} put[LM_KIND_COUNT];
	uint64_t have[LM_KIND_COUNT]; /* bit per field that the table has; all but for old cases read only */
	struct lm_map asked;	      /* "table.column" -> fetches without an index, see lm_case_fetch */

	struct lm_arena ident_text;
	struct lm_ident_row *idents;
	size_t n_idents, cap_idents;
	struct lm_map ident_ids; /* canonical identity -> id */
	bool idents_loaded;

	/* the open batch, for its log entry */
	uint64_t batch_added;
	uint8_t sum[16]; /* sum of all observation ids modulo 2^128: a set digest that grows with the batches */

	struct lm_arena host_text;
	struct lm_host *hosts;
	size_t n_hosts;
	struct lm_map host_keys; /* alias key -> host id, 0 = ambiguous */
	bool hosts_loaded;

	struct lm_map cites;		     /* evidence id -> struct lm_cite, bounded */
	struct lm_arena cite_text, cite_old; /* what lm_cite handed out last outlives one flush */

	int64_t run; /* of this process; 0 = none */
};

/* ---- db.c ---- */

/* Message "WHAT: sqlite's words"; LM_EDB. After a failed write the batch is lost and the handle refuses writes. */
enum lm_rc lm_db_fail(struct lm_case *c, const char *what);
/* Message of the caller's; returns rc. */
enum lm_rc lm_case_fail(struct lm_case *c, enum lm_rc rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
enum lm_rc lm_db_exec(struct lm_case *c, const char *sql) LM_MUST;
/* A prepared statement to step, from the cache; NULL with the message set. Give it back with lm_db_put. */
sqlite3_stmt *lm_db_get(struct lm_case *c, const char *sql);
void lm_db_put(struct lm_case *c, sqlite3_stmt *st);
void lm_db_forget(struct lm_case *c); /* finalizes all idle statements */
/* Next row? False: *rc is LM_OK at the end, LM_EDB on failure. */
bool lm_db_row(struct lm_case *c, sqlite3_stmt *st, enum lm_rc *rc);
/* Steps a statement without rows and gives it back. */
enum lm_rc lm_db_write(struct lm_case *c, sqlite3_stmt *st) LM_MUST;
/* First column of the first row; `otherwise` when there is none. */
int64_t lm_db_int(struct lm_case *c, const char *sql, int64_t otherwise);
/* Opens a batch when none is open. */
enum lm_rc lm_db_begin(struct lm_case *c) LM_MUST;

void lm_bind_str(sqlite3_stmt *st, int i, struct lm_str s);
void lm_bind_bytes(sqlite3_stmt *st, int i, struct lm_bytes b);
void lm_bind_int(sqlite3_stmt *st, int i, struct lm_int v);
struct lm_str lm_col_str(sqlite3_stmt *st, int i);
struct lm_bytes lm_col_bytes(sqlite3_stmt *st, int i);
struct lm_int lm_col_int(sqlite3_stmt *st, int i);

/* SHA-256 over what was added since lm_sha_begin. */
void lm_sha_begin(struct lm_case *c);
void lm_sha_add(struct lm_case *c, const void *p, size_t n);
void lm_sha_u64(struct lm_case *c, uint64_t v);
void lm_sha_str(struct lm_case *c, struct lm_str s); /* with its length; unset differs from empty */
void lm_sha_end(struct lm_case *c, uint8_t out[32]);

/* ---- store.c ---- */

/* Text of "CREATE TABLE obs_<id>" for a kind; the field names are quoted, own columns begin with '_'. */
/* Sums the ids of all observations anew and logs the sum: after some were removed on purpose. */
enum lm_rc lm_store_resum(struct lm_case *c) LM_MUST;
void lm_store_table(enum lm_kind kind, struct lm_buf *sql);
/* The digest name of an observation; `o` has no NaN and no empty identity texts. */
void lm_store_id(struct lm_case *c, const struct lm_obs *o, uint8_t id[16]);
/* Reads fields from columns col, col + 1 ... in the order of the kind; the obs borrows from the statement. */
void lm_store_fields(sqlite3_stmt *st, int col, struct lm_obs *o);
/* Appends the kind's columns in the order of lm_store_fields ("NULL" for one an old case lacks). */
void lm_store_columns(struct lm_case *c, enum lm_kind kind, struct lm_buf *sql);
/* Indexes that queries need; made after load. */
enum lm_rc lm_store_indexes(struct lm_case *c) LM_MUST;
/* Decides where observations stated by several contents are cited from. */
enum lm_rc lm_store_fold(struct lm_case *c) LM_MUST;

/* ---- ident.c: identities as seen ---- */

enum lm_rc lm_ident_load(struct lm_case *c) LM_MUST;
/* How an observation of this kind uses the identity it names: LM_USED_*. */
unsigned lm_ident_use(enum lm_kind kind);
/* The id of an identity; 0 when it is all unset. */
enum lm_rc lm_ident_intern(struct lm_case *c, const struct lm_ident *as, unsigned used, struct lm_int time,
			   int64_t *id) LM_MUST;
/* Writes `used` and times changed by the batch. */
enum lm_rc lm_ident_flush(struct lm_case *c) LM_MUST;
const struct lm_ident_row *lm_ident_row(const struct lm_case *c, int64_t id);
/* Host id of an observation, 0 = none. */
int64_t lm_ident_host(const struct lm_case *c, int64_t ident, struct lm_int time);

/* Normal forms for comparing; unset when the text says nothing about a machine (localhost, "-", loopback ...). */
struct lm_str lm_norm_name(struct lm_arena *a, struct lm_str s);
struct lm_str lm_norm_device(struct lm_arena *a, struct lm_str s);
/* Canonical text of an IPv4 or IPv6 address (mapped IPv4 as IPv4, zone dropped). */
struct lm_str lm_norm_address(struct lm_arena *a, struct lm_str s);
/* True when the text is an IP address, whatever it is good for. */
bool lm_is_address(struct lm_str s);
/* True for addresses that one machine alone has in the case's world: not link-local. */
bool lm_address_joins(struct lm_str normal);
/* False for private, shared, documentation, multicast and other reserved ranges. */
bool lm_address_public(struct lm_str normal);

/* ---- evidence.c ---- */

/* What an observation's place is cited as. */
struct lm_cite {
	uint8_t sha256[32];
	bool known; /* sha256 is set */
	bool trusted;
	struct lm_str path;
};
/* NULL on failure, message set. Valid until the next call. */
const struct lm_cite *lm_cite(struct lm_case *c, int64_t evidence);
void lm_cite_forget(struct lm_case *c);

/* ---- runlog.c ---- */

enum lm_rc lm_log_entry(struct lm_case *c, const char *what, struct lm_str detail, int64_t time_ns) LM_MUST;

/* ---- hosts.c ---- */

/* Loads hosts and identity -> host as the last resolve stored them. */
enum lm_rc lm_hosts_load(struct lm_case *c) LM_MUST;
void lm_hosts_forget(struct lm_case *c);
/* Key of an alias text for host_keys: "n:ws01", "a:10.0.0.1", "d:guid"; unset when it names nothing. */
struct lm_str lm_host_key(struct lm_arena *a, const char *kind, struct lm_str value);

/* ---- geo.c ---- */

/* lm_geo_country, and which database answered (borrowed). */
bool lm_geo_lookup(const struct lm_geo *g, const char *address, char out[3], bool *disputed, const char **name);

/* ---- product.c ---- */

enum lm_rc lm_product_resolve(struct lm_case *c) LM_MUST;
/* Fills product and version of the hosts: names or globs joined by ';'. */
enum lm_rc lm_product_subject(struct lm_case *c, struct lm_str subjects) LM_MUST;

/* ---- query.c ---- */

/* Reads one stored observation; `st` selects what lm_query_columns lists. */
enum lm_rc lm_query_row(struct lm_case *c, sqlite3_stmt *st, enum lm_kind kind, struct lm_stored *s) LM_MUST;
/* "o.rowid, o._id, ..., fields" of obs_<kind> AS o. */
void lm_query_columns(struct lm_case *c, enum lm_kind kind, struct lm_buf *sql);

#endif
