/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work_int.h - what the files of this room share. Nobody outside src/work and its tests includes it.
 *
 *   plan.c     jobs (files), parts (a file, or a large member of one), units (what one worker gets), their order
 *   unit.c     a unit as bytes, parent -> worker
 *   stock.c    what is loaded once: rules, roots, zones, passwords, libraries
 *   zygote.c   loads the stock, closes itself in, forks workers on request
 *   sandbox.c  what a worker may still do
 *   worker.c   one unit: hash, open containers, read, match; emit.c writes its frames (worker.h between them)
 *   check.c    does a frame fit what this worker may say
 *   parent.c   the event loop
 *   seen.c     shared set of contents that need not be parsed again
 */
#ifndef LM_WORK_WORK_INT_H
#define LM_WORK_WORK_INT_H

#include "base/buf.h"
#include "match/match.h"
#include "read/read.h"
#include "read/trust.h"
#include "source/source.h"
#include "work/work.h"

enum {
	LM_UNIT_FILES = 32,	/* most files of a unit */
	LM_NAME_MAX = 32 << 10, /* longest member name that is carried on */
	LM_OPEN_MAX = 64,	/* most contents open inside each other, whatever the depth limit says */
	LM_OBS_FLOOR = 100000,	/* observations any content may have */
	LM_OBS_SLACK = 64,	/* what the worker adds of its own */
};
#define LM_UNIT_BYTES (8u << 20)      /* most bytes of a unit of several files */
#define LM_UNIT_ARCHIVE (1u << 20)    /* an archive above this is a unit of its own */
#define LM_UNIT_WIRE_MAX (64u << 20)  /* description of a unit on the wire */
#define LM_PROGRESS_BYTES (16u << 20) /* a sign of life every so many bytes of input */

/* How many observations a content of `size` bytes may have: worker and parent must agree. */
static inline uint64_t lm_obs_allowed(uint64_t size)
{
	uint64_t n = 64 + size / 8;
	return n > LM_OBS_FLOOR ? n : LM_OBS_FLOOR;
}

/* ---- settings, resolved once ---- */

struct lm_work_conf {
	struct lm_work_opts o; /* defaults filled in */
	struct lm_member_limits limits;
	uint64_t worker_bytes;	/* private memory of one worker beyond what it inherits */
	uint64_t arena_bytes;	/* of it, for a unit's arena */
	uint64_t pending_bytes; /* large members waiting in memory above which their producer is held up */
	unsigned slots;		/* workers that may exist at one time */
};

/* ---- plan.c ---- */

/* A file given by the caller, with all that comes out of it. */
struct lm_job {
	struct lm_work_file file; /* texts are owned */
	uint64_t seq;		  /* order of adding: the last tie-breaker */
	unsigned open_parts;	  /* not finished yet; the file ends with the last */
	struct lm_member_spent spent;
	struct lm_frame_done done;
	bool lost;
	int signal;
	unsigned more_lost; /* further parts that were lost */
	struct lm_str content;
	uint64_t offset;
	char what[200];
};

/* What a worker reads as one: the file of a job, or a member of it that came as a descriptor. */
struct lm_part {
	struct lm_job *job;
	int fd; /* member: its memfd, owned; file: -1 until it is opened */
	bool child;
	bool alone;	      /* was in a unit that died: runs in a unit of its own */
	unsigned depth;	      /* containers around it */
	int64_t container;    /* the sink's handle of it, -1 */
	struct lm_str path;   /* evidence path with members, owned when child */
	struct lm_str below;  /* the same below the argument, owned when child */
	struct lm_str member; /* child: name in its container, owned */
	uint64_t size;
	struct lm_int modified;
	struct lm_member_spent base; /* of the file's budget when it was sent to a worker */
	struct lm_part *next;
};

struct lm_unit {
	struct lm_part *part[LM_UNIT_FILES];
	unsigned n, ended; /* ended: how many are finished, in order */
	uint64_t bytes;
};

struct lm_plan {
	struct lm_part **heap; /* files, next one first */
	size_t n, cap;
	uint64_t seq;
	struct lm_part *children[LM_OPEN_MAX]; /* by depth, first in first out; the deepest run first */
	struct lm_part *children_tail[LM_OPEN_MAX];
	size_t n_children;
	uint64_t child_bytes; /* of members that wait or run */
};

void lm_plan_add(struct lm_plan *p, const struct lm_work_file *f);
void lm_plan_child(struct lm_plan *p, struct lm_part *part);
/* Back into the queue, to run alone. */
void lm_plan_again(struct lm_plan *p, struct lm_part *part);
bool lm_plan_empty(const struct lm_plan *p);
/* The next unit, or NULL. */
struct lm_unit *lm_plan_next(struct lm_plan *p);
void lm_part_free(struct lm_plan *p, struct lm_part *part);
void lm_job_free(struct lm_job *j);
void lm_plan_fini(struct lm_plan *p);

/* ---- unit.c ---- */

/* A part as the worker sees it. Texts borrow from the received message. */
struct lm_unit_file {
	struct lm_str path, below, reader;
	enum lm_role role;
	unsigned hashes;
	unsigned depth;
	struct lm_int modified;
	struct lm_member_spent spent;
};

/* Sends the unit and its descriptors, and notes the budgets it begins with (one a part, all open). LM_EIO when the
 * worker is gone. */
enum lm_rc lm_unit_send(int sock, struct lm_unit *u) LM_MUST;
/*
 * Waits for a unit: fills files[] and fds[], LM_OK; LM_END when the parent has none and closed the socket.
 * *message keeps the bytes alive.
 */
enum lm_rc lm_unit_recv(int sock, struct lm_buf *message, struct lm_unit_file *files, int *fds, unsigned *n) LM_MUST;

/* ---- status page: a worker's last words, in words only; the parent never acts on them ---- */

enum lm_phase { LM_PHASE_START, LM_PHASE_HASH, LM_PHASE_MEMBERS, LM_PHASE_READ, LM_PHASE_MATCH, LM_PHASE_END };

struct lm_status {
	uint32_t phase;
	char who[32]; /* reader, matcher or archive format */
	uint64_t offset;
	uint32_t path_n;
	char path[3072]; /* content it is in */
};
enum { LM_STATUS_PAGE = 4096 };
_Static_assert(sizeof(struct lm_status) <= LM_STATUS_PAGE, "a status fits its page");

/* ---- seen.c ---- */

struct lm_seen {
	uint8_t *keys; /* 32 bytes a slot, all zero = free */
	size_t slots, used;
	int fd; /* memfd, sealed against further writable maps; -1 in a reader */
};

enum { LM_SEEN_PROBES = 64 };
/* `slots` and `most` (how far it may grow) are powers of two. */
enum lm_rc lm_seen_init(struct lm_seen *s, size_t slots) LM_MUST;
/* True when a larger table took the place of the old one: readers must map s->fd anew. */
bool lm_seen_add(struct lm_seen *s, const uint8_t sha256[32], size_t most);
bool lm_seen_has(const struct lm_seen *s, const uint8_t sha256[32]);
/* Read-only view of the table behind `fd`, for zygote and workers. */
enum lm_rc lm_seen_map(struct lm_seen *s, int fd) LM_MUST;
void lm_seen_fini(struct lm_seen *s);

/* ---- sandbox.c ---- */

struct sock_filter;
struct lm_sandbox {
	struct sock_filter *filter; /* compiled once, in the zygote */
	unsigned short n_filter;
	bool seccomp, landlock;
	uint64_t inherited; /* private memory of the zygote, bytes: what every worker starts with */
	uint64_t worker_bytes, file_bytes;
	unsigned cpu_seconds;
};

/* In the zygote, after loading. What the kernel lacks is told through lm_log and left out. */
void lm_sandbox_build(struct lm_sandbox *s, const struct lm_work_conf *c);
/* In the zygote: no file system from here on, and no privileges. Workers inherit it. */
void lm_sandbox_close_files(struct lm_sandbox *s);
/* In a worker, before it looks at evidence. False: the process must end. */
bool lm_sandbox_enter(const struct lm_sandbox *s) LM_MUST;
void lm_sandbox_fini(struct lm_sandbox *s);

/* ---- zygote.c ---- */

enum lm_zmsg_type {
	LM_Z_LOG = 1, /* zygote -> parent: level, text */
	LM_Z_LOADED,  /* zygote -> parent: what was loaded */
	LM_Z_FAILED,  /* zygote -> parent: rc, text */
	LM_Z_EXIT,    /* zygote -> parent: serial, wait status */
	LM_Z_NOFORK,  /* zygote -> parent: serial, errno */
	LM_Z_FORK,    /* parent -> zygote: serial, slot; the worker's socket travels beside it */
	LM_Z_KILL,    /* parent -> zygote: serial */
	LM_Z_SEEN,    /* parent -> zygote: the new table travels beside it */
};

struct lm_zmsg {
	enum lm_zmsg_type type;
	uint32_t serial, slot;
	int status; /* wait status, errno, lm_rc or log level */
	struct lm_work_loaded loaded;
	char text[1024];
};

/* Who ignores the result learns at the next receive that the other side is gone. */
enum lm_rc lm_zmsg_send(int sock, const struct lm_zmsg *m, int fd);
/* LM_OK, LM_END when the other side is gone, LM_EIO when there is nothing yet (with `wait` false). */
enum lm_rc lm_zmsg_recv(int sock, struct lm_zmsg *m, int *fd, bool wait) LM_MUST;

/* One --tz: zone for paths that match, or for all. */
struct lm_zone_rule {
	struct lm_str pattern; /* unset = all */
	struct lm_zone *zone;
};

/* What is loaded once and inherited by every worker. */
struct lm_stock {
	const struct lm_work_conf *conf;
	void *matcher[LM_MATCHERS_MAX]; /* state of lm_matchers[i], NULL = no rules */
	struct lm_trust *trust;
	struct lm_zone_rule *zones;
	size_t n_zones;
	const char **passwords;
	struct lm_seen seen;
	struct lm_sandbox sandbox;
};

/* ---- stock.c ---- */

/* Everything that opens files. Fills *loaded. */
enum lm_rc lm_stock_load(struct lm_stock *s, const struct lm_work_conf *c, struct lm_work_loaded *loaded,
			 struct lm_err *err) LM_MUST;

/* Descriptors of the zygote; it owns them. */
struct lm_zygote_fds {
	int control, log, status, seen;
};
_Noreturn void lm_zygote_main(const struct lm_work_conf *c, struct lm_zygote_fds fds, int parent_pid);

/* ---- worker.c ---- */

/* Reads one unit from `sock`, then ends the process. */
_Noreturn void lm_worker_main(const struct lm_stock *stock, int sock, struct lm_status *status);

/* Container formats that stand as reader of a content; the text itself, or NULL when the name is none. */
const char *lm_container_name(struct lm_str name);

/* ---- check.c ---- */

/* A content that a worker has open. */
struct lm_open {
	uint32_t index;
	int64_t handle; /* the sink's */
	uint64_t obs;
	uint64_t offset;	/* last position told */
	size_t path_n, below_n; /* length of the path before this one was added */
	bool has_sha;
	uint8_t sha256[32];
	uint64_t kinds[(LM_KIND_COUNT + 63) / 64];
};

/* What one worker has said so far in its unit. */
struct lm_check {
	const struct lm_work_conf *conf;
	const struct lm_unit *unit;
	struct lm_open open[LM_OPEN_MAX];
	unsigned depth;		      /* contents open */
	uint32_t next_index;	      /* of the next content */
	bool file_ended;	      /* the turn's file has ended, its counters are due */
	struct lm_member_spent spent; /* of the turn's file, in this unit */
	uint64_t frame_bytes, decompressed;
	struct lm_buf path, below; /* of the innermost content */
};

void lm_check_begin(struct lm_check *c, const struct lm_work_conf *conf, const struct lm_unit *u);
void lm_check_fini(struct lm_check *c);
/*
 * NULL when the frame is one that this worker may send now, else what is wrong in words. On CONTENT it
 * pushes, on END the caller pops with lm_check_pop after the sink had it.
 */
const char *lm_check_frame(struct lm_check *c, const struct lm_frame *f, size_t frame_bytes);
void lm_check_pop(struct lm_check *c);

/* ---- parent.c and loop.c ---- */

enum lm_slot_state { LM_SLOT_FREE, LM_SLOT_SPARE, LM_SLOT_BUSY, LM_SLOT_DYING };

/* A worker as the parent sees it. */
struct lm_slot {
	enum lm_slot_state state;
	uint32_t serial;
	int fd;
	struct lm_unit *unit;
	struct lm_check check;
	uint8_t *in; /* received, not yet used: [at, n) */
	size_t at, n, cap;
	int fds[4]; /* came beside frames, first in first out */
	unsigned n_fds;
	int64_t alive_ns; /* last frame; when dying: since when */
	bool paused;	  /* its large members wait for memory: not read from */
	bool idle_kill;
	uint64_t progress;
};

struct lm_work {
	struct lm_work_conf conf;
	struct lm_work_loaded loaded;
	struct lm_plan plan;
	struct lm_seen seen;
	int control, log, status_fd;
	uint8_t *status;
	int zygote;
	bool zygote_gone;
	struct lm_slot *slot;
	uint32_t serial;
	unsigned failures; /* workers that died before they began, in a row */
	int64_t retry_ns;  /* no fork before */
	int fork_errno;
	const struct lm_work_sink *sink;
	uint64_t bytes_done, bytes_total;
	struct lm_err *err;
};

/* Handles what the zygote has to say; LM_EIO when it is gone. */
enum lm_rc lm_work_zygote(struct lm_work *w) LM_MUST;
/* A slot with a worker that waits for a unit, or NULL when none can be had now. */
struct lm_slot *lm_work_spare(struct lm_work *w);
void lm_work_kill(struct lm_work *w, struct lm_slot *s);
int64_t lm_work_clock(void);

/* Reads and handles what a worker wrote. `all`: until its end, it is dead. A sink's code is returned. */
enum lm_rc lm_slot_read(struct lm_work *w, struct lm_slot *s, bool all) LM_MUST;
/* Handles frames that are in memory already. */
enum lm_rc lm_slot_parse(struct lm_work *w, struct lm_slot *s) LM_MUST;
/* Ends the unit of a worker that died (wait status) or was found lying (`lie` in words). */
enum lm_rc lm_slot_lost(struct lm_work *w, struct lm_slot *s, int status, const char *lie) LM_MUST;
/* Sends the unit to the worker; parts that cannot be opened end as lost. */
enum lm_rc lm_slot_begin(struct lm_work *w, struct lm_slot *s, struct lm_unit *u) LM_MUST;
void lm_slot_close(struct lm_slot *s);

/* ---- reader_test.c ---- */

/* Does what content that begins with "limier-test-reader " commands. Only with opts.test_reader. */
extern const struct lm_reader lm_reader_test;
/* What the misbehaving reader misuses: set by the worker loop. */
struct lm_test_hook {
	int sock;
	uint32_t file, content;
	struct lm_buf *out;
};
extern struct lm_test_hook lm_test_hook;

#endif
