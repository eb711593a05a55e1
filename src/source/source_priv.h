/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_priv.h - what the files of this room share.
 *
 *   lm_members --+-- zip.c, zip_member.c --- rarer methods, passwords: unpack.c --+
 *                +-- stream.c (gzip, zstd, xz, bzip2) --- bare, or a tar ---------+--> pour.c --> sink
 *                +-- unpack.c (tar, 7z, cab through libarchive) ------------------+
 *
 * pour.c alone knows the budgets and the sink: nothing is handed over or counted elsewhere.
 */
#ifndef LM_SOURCE_SOURCE_PRIV_H
#define LM_SOURCE_SOURCE_PRIV_H

#include "source/source.h"

/* ---- digest.c ---- */
void lm_hash_prepare(void);

/* ---- pour.c: one member after the other, filled under the budgets ---- */

/* A bomb is not called one below this many decompressed bytes. */
#define LM_POUR_RATIO_FROM (UINT64_C(64) << 20)
/* Issues of one kind that one archive may tell singly; the rest is told as a number. */
#define LM_POUR_ISSUES 256u

enum lm_pour_state {
	LM_POUR_OPEN,	 /* bytes are welcome */
	LM_POUR_MEMBER,	 /* this member passed a limit; the archive may go on */
	LM_POUR_ARCHIVE, /* the unit or the archive passed a limit: stop */
};

struct lm_pour {
	struct lm_bytes archive;
	const char *format; /* "zip", for messages */
	const char *const *passwords;
	const struct lm_member_limits *limits;
	struct lm_member_spent *spent;
	const struct lm_member_sink *sink;
	enum lm_rc rc; /* a sink's refusal; sticky, stops everything */
	enum lm_pour_state state;
	uint64_t archive_out; /* decompressed bytes of this archive */
	uint64_t told[LM_KIND_COUNT];
	/* the member at hand */
	uint8_t *p; /* reused from member to member */
	size_t n, cap;
	int fd;		 /* memfd, -1 while the member is in memory */
	uint64_t size;	 /* bytes poured into it */
	uint64_t packed; /* its compressed size when known, else the archive's */
	char why[160];	 /* which limit it passed */
};

void lm_pour_init(struct lm_pour *o);
void lm_pour_fini(struct lm_pour *o);
/* Counts a member against the budget and begins it. False: stop, the reason is told. */
bool lm_pour_begin(struct lm_pour *o, uint64_t packed_bytes);
/* Adds bytes. False when a limit is passed (o->state says which) or the system refuses memory. */
bool lm_pour_write(struct lm_pour *o, struct lm_bytes b);
/* Adds n zero bytes (a hole of a sparse file). */
bool lm_pour_zeros(struct lm_pour *o, uint64_t n);
/* Drops what was poured since lm_pour_begin; the budget of the unit keeps it. */
void lm_pour_again(struct lm_pour *o);
/* Hands the member over, or tells why it was left out. `declared` is for that message; 0 = unknown. */
void lm_pour_end(struct lm_pour *o, struct lm_str name, struct lm_int modified_ns, uint64_t declared);
/* Same as write and end for bytes that lie in the archive as they are: no copy up to inline_bytes. */
void lm_pour_view(struct lm_pour *o, struct lm_bytes b, struct lm_str name, struct lm_int modified_ns);
/* Counts bytes that were decompressed but belong to no member. False: over the budget of the unit. */
bool lm_pour_drain(struct lm_pour *o, uint64_t n);
void lm_pour_issue(struct lm_pour *o, enum lm_kind kind, struct lm_str member, uint64_t offset, uint64_t size,
		   const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* True while there is a reason to go on. */
static inline bool lm_pour_goes_on(const struct lm_pour *o)
{
	return !o->rc && o->state != LM_POUR_ARCHIVE;
}

/* ---- zip.c ---- */
enum lm_rc lm_zip_members(struct lm_pour *o);

/* ---- unpack.c: libarchive ---- */

enum lm_unpack_format { LM_UNPACK_TAR, LM_UNPACK_7Z, LM_UNPACK_CAB };

/* Names in archives are converted under this table, whatever the locale; NULL when the system has none. */
void lm_unpack_prepare(void);
/* Members of a tar (uncompressed, in o->archive), 7z or cab. */
void lm_unpack_members(struct lm_pour *o, enum lm_unpack_format format);

struct lm_stream;
/* Members of a tar that comes out of a stream. */
void lm_unpack_tar_stream(struct lm_pour *o, struct lm_stream *s);

/* One member of a zip as libarchive is to see it: head | data | tail make a zip of this member alone. */
struct lm_unpack_zip {
	struct lm_bytes head, data, tail;
};
enum lm_unpack_end { LM_UNPACK_DONE, LM_UNPACK_CUT, LM_UNPACK_PASSWORD, LM_UNPACK_METHOD, LM_UNPACK_STOPPED };
/* Pours the member; `password` may be NULL. `why` gets libarchive's words when it is not DONE. */
enum lm_unpack_end lm_unpack_zip_member(struct lm_pour *o, const struct lm_unpack_zip *z, const char *password,
					char why[160]);
/* True when the block begins with a plausible tar header; *ustar says which kind. */
bool lm_unpack_is_tar(struct lm_bytes block, bool *ustar);

/* ---- stream.c: gzip, zstd, xz, bzip2 ---- */

enum lm_stream_format { LM_STREAM_GZIP, LM_STREAM_ZSTD, LM_STREAM_XZ, LM_STREAM_BZIP2 };

#define LM_STREAM_BLOCK (128u << 10)

struct lm_stream *lm_stream_open(enum lm_stream_format format, struct lm_bytes packed);
void lm_stream_close(struct lm_stream *s);
/*
 * The next decompressed bytes, at most LM_STREAM_BLOCK, valid until the next call. An empty view at the end;
 * then lm_stream_damage tells whether it is a clean one. The bytes before a cut or a flaw are all given.
 */
struct lm_bytes lm_stream_read(struct lm_stream *s);
/* The first block, which the next lm_stream_read gives again. */
struct lm_bytes lm_stream_peek(struct lm_stream *s);
/* NULL, or what is wrong in words. */
const char *lm_stream_damage(const struct lm_stream *s);
/* Compressed bytes used up; decompressed bytes given. */
uint64_t lm_stream_in(const struct lm_stream *s);
uint64_t lm_stream_out(const struct lm_stream *s);
/* Name and time in the first gzip header; unset when there are none. A view into the packed bytes. */
void lm_stream_stored(const struct lm_stream *s, struct lm_str *name, struct lm_int *modified_ns);

void lm_stream_members(struct lm_pour *o, enum lm_stream_format format);

#endif
