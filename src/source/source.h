/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - from paths to bytes: walking, opening, hashing, members of archives.
 *
 * The walk runs in the parent, which may open files; everything that looks inside bytes runs in a worker.
 */
#ifndef LM_SOURCE_SOURCE_H
#define LM_SOURCE_SOURCE_H

#include "base/arena.h"
#include "base/err.h"
#include "fact/observation.h"

/*
 * Loads what the room would otherwise open lazily (digests, a UTF-8 character table for names in archives)
 * and makes UTC the zone of the C library, so that times in archives do not depend on the machine. Call it
 * in the zygote, before a sandbox closes the file system; later calls do nothing.
 */
void lm_source_prepare(void);

/* ---- walk.c, triage.c ---- */

/* One regular file to read. `path` is what the user gave plus the way below it, '/'-separated. */
struct lm_walk_entry {
	struct lm_str path;  /* as printed and as opened */
	struct lm_str below; /* the part below the argument; the base name for a file argument */
	uint64_t size;
	int64_t modified_ns;
	uint64_t dev, ino;
	int triage; /* 0 = read first; see lm_triage */
};

/* Something the walk could not or would not read: directory loop, unreadable, special file. */
struct lm_walk_issue {
	struct lm_str path;
	enum lm_kind kind; /* LM_K_evidence_damaged (unreadable) or LM_K_evidence_skipped (loop, special file) */
	const char *what;
};

struct lm_walk_sink {
	void *user;
	enum lm_rc (*file)(void *user, const struct lm_walk_entry *e);
	enum lm_rc (*issue)(void *user, const struct lm_walk_issue *i);
};

/*
 * Visits every regular file below `path` in byte order of names. Symbolic links are followed for the
 * argument itself only; below it they are skipped and reported unless they point inside the argument
 * (the target is then visited as itself). A directory seen twice (bind mount, loop) is reported once.
 * LM_EIO when `path` itself cannot be opened; a sink's negative code stops the walk and is returned.
 */
enum lm_rc lm_walk(const char *path, const struct lm_walk_sink *sink, struct lm_err *err) LM_MUST;

/* Reading order by what a path promises: 0 lists and inventories, 1 collections, 2 programs, 3 logs, 4 rest. */
int lm_triage(struct lm_str path, uint64_t size);

/* ---- layout.c: host and original path from how a collector names things (no file is opened) ---- */

struct lm_layout {
	const char *name;	/* velociraptor, kape, uac, tree, pattern; NULL when none fits */
	struct lm_ident host;	/* name and/or device ("collection:<id>") */
	struct lm_str original; /* original path, native separators, %3A undone; unset when unknown */
	bool shadow_copy;	/* the same file seen through a volume shadow copy */
};

/*
 * `chain` is the evidence path with members joined by "!/" (pc7.zip!/uploads/auto/C%3A/x.exe). `pattern` is
 * --host-from-path or NULL: a path glob with one {host} part, e.g. "collections/{host}/" + "*". Text is
 * allocated in `a`; *out is all unset when nothing fits or the arena refuses.
 */
void lm_layout_of(struct lm_arena *a, struct lm_str chain, const char *pattern, struct lm_layout *out);

/* ---- digest.c ---- */

enum { LM_HASH_SHA256 = 1, LM_HASH_SHA1 = 2, LM_HASH_MD5 = 4 };

struct lm_hashes {
	unsigned have; /* LM_HASH_* bits that are filled */
	uint8_t sha256[32], sha1[20], md5[16];
};

/* Digests of b, all wanted ones in one pass over the bytes. */
enum lm_rc lm_hash_bytes(struct lm_bytes b, unsigned want, struct lm_hashes *out) LM_MUST;

/* ---- content.c ---- */

/* Opened file, mapped read-only. A file that shrinks while mapped raises SIGBUS: only workers map. */
struct lm_map_file {
	struct lm_bytes data;
	void *base;
	size_t mapped;
};
enum lm_rc lm_map_fd(int fd, struct lm_map_file *out) LM_MUST;
void lm_unmap(struct lm_map_file *m);

/* ---- member.c: containers ---- */

struct lm_member_limits {
	unsigned depth;	       /* deepest nesting, e.g. 8 */
	uint64_t member_bytes; /* one member, decompressed */
	uint64_t total_bytes;  /* all members of one unit, decompressed */
	uint64_t members;      /* how many of one unit */
	uint32_t ratio;	       /* decompressed : compressed above which (and above 64 MiB) it is a bomb */
	uint64_t inline_bytes; /* up to here a member is held in memory, above it goes to a file descriptor */
};
extern const struct lm_member_limits lm_member_defaults;

/* One member. Exactly one of `data` (p != NULL) and `fd` (>= 0, sealed memfd, caller closes) is set. */
struct lm_member {
	/*
	 * Raw bytes of the archive; never a file-system path. Unset for the one content of a bare .gz, .zst, .xz
	 * or .bz2 that stores no name: lm_member_bare_name makes one.
	 */
	struct lm_str name;
	struct lm_bytes data;
	int fd;
	uint64_t size;
	struct lm_int modified_ns;
};

struct lm_member_sink {
	void *user;
	/* data and name are valid during the call only */
	enum lm_rc (*member)(void *user, const struct lm_member *m);
	/* kind: evidence_damaged, evidence_encrypted, evidence_skipped; member may be unset (the archive itself) */
	enum lm_rc (*issue)(void *user, enum lm_kind kind, struct lm_str member, uint64_t offset, uint64_t size,
			    const char *what);
};

/* 0: not a container; else a score. Looks at magic bytes only: zip, tar, gzip, zstd, xz, bzip2, 7z, cab. */
int lm_container_probe(struct lm_bytes data, const char **format);

/* The container's base name without its compression suffix (x.log.gz -> x.log, x.tgz -> x.tar), in `a`. */
struct lm_str lm_member_bare_name(struct lm_arena *a, struct lm_str container);

/*
 * Hands every member to the sink, in archive order. `passwords` is a NULL-terminated list or NULL.
 * `spent` counts total_bytes and members over a whole unit (zero it at the unit's start). Damage is told to
 * the sink and what can be read after it is still read. LM_OK also for damaged archives; a sink's negative
 * code stops and is returned.
 */
struct lm_member_spent {
	uint64_t bytes, members;
};
enum lm_rc lm_members(struct lm_bytes archive, const char *const *passwords, const struct lm_member_limits *limits,
		      struct lm_member_spent *spent, const struct lm_member_sink *sink) LM_MUST;

#endif
