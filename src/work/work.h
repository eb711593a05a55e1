/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work.h - sandboxed workers: a zygote that loads everything, one fork per unit, frames back.
 *
 *   parent --socket--> zygote --fork--> worker (no files, no network, limits) --frames--> parent
 *
 * The parent believes nothing: frames are read with the cursor, observations must be of kinds that the
 * content's reader emits, contents must have been opened in this unit, and each unit has a rate and a budget.
 * A worker that dies costs its unit (of several small files: the file it was in; the others run again alone).
 * Parallelism is worker processes and nothing else.
 */
#ifndef LM_WORK_WORK_H
#define LM_WORK_WORK_H

#include "base/err.h"
#include "fact/frame.h"
#include "fact/observation.h"

struct lm_work;

struct lm_work_opts {
	unsigned jobs;		   /* worker processes at one time; 0 = number of processors */
	uint64_t mem_bytes;	   /* all workers together; 0 = a quarter of RAM, at least 256 MiB each */
	unsigned cpu_seconds;	   /* per unit; 0 = 600 */
	unsigned idle_seconds;	   /* without a frame from a worker; 0 = 120 */
	const char *const *rules;  /* NULL-terminated folders or files; or NULL */
	const char *roots;	   /* PEM of code-signing roots; or NULL */
	const char *password_file; /* one password a line; or NULL */
	const char *const *zones;  /* --tz values, "ZONE" or "PATTERN=ZONE", NULL-terminated; or NULL */
	const char *host_pattern;  /* --host-from-path; or NULL */
	int64_t now_ns;
	unsigned hashes;  /* LM_HASH_* bits wanted for every content besides SHA-256 */
	bool test_reader; /* registers the reader that misbehaves on command (tests only) */
};

/* What the zygote loaded, for the summary and the run log. */
struct lm_work_loaded {
	unsigned rule_files, rules, bad_rule_files, roots;
	char rules_sha256[65]; /* digest over the rule files that loaded, hex; "" without rules */
	bool landlock;	       /* the kernel has it and it is in force */
	bool seccomp;
};

/* Why a file is read: only evidence is evidence; the rest was named by an option and is trusted as such. */
enum lm_role { LM_ROLE_EVIDENCE, LM_ROLE_INTEL, LM_ROLE_HOSTS, LM_ROLE_INVENTORY };

struct lm_work_file {
	struct lm_str path;  /* opened by the parent when dispatched, and printed */
	struct lm_str below; /* its part below the argument: path of a sighting without layout; unset = path */
	uint64_t size;
	int64_t modified_ns;
	int triage;
	enum lm_role role;
	const char *reader; /* forced reader name, or NULL to probe */
	unsigned hashes;    /* LM_HASH_* bits wanted besides lm_work_opts.hashes, for it and its members */
	int64_t tag;	    /* the caller's */
};

/* How a file of a unit ended. */
struct lm_work_end {
	const struct lm_work_file *file;
	bool lost;	       /* the worker died or lied in it */
	int signal;	       /* that killed it, 0 = none */
	struct lm_str content; /* lost: member it was in; else unset */
	const char *what;      /* lost: reason in words ("ran out of its 600 s", "killed by SIGSEGV in reader pe") */
	uint64_t offset;       /* lost: last reported position */
	struct lm_frame_done done;
};

struct lm_work_sink {
	void *user;
	/*
	 * A content opened: the file itself (parent == -1) or a member. `path` is the evidence path with members.
	 * *id is the caller's handle for the following calls.
	 */
	enum lm_rc (*content)(void *user, const struct lm_work_file *f, int64_t parent, struct lm_str path,
			      const struct lm_frame_content *c, int64_t *id);
	enum lm_rc (*obs)(void *user, int64_t content, const struct lm_obs *o);
	enum lm_rc (*end)(void *user, int64_t content, const struct lm_frame_end *e);
	/* A file is finished, all its members and children included. */
	enum lm_rc (*file_end)(void *user, const struct lm_work_end *e);
	/* Called often; the sink decides how seldom to print. */
	void (*progress)(void *user, uint64_t bytes_done, uint64_t bytes_total, struct lm_str current);
};

/*
 * Forks the zygote and waits until it has loaded rules, roots, passwords and zone. Call before opening the
 * case (a database handle must not cross a fork) and before the first file is added. Messages about single
 * bad rule files go through lm_log.
 */
enum lm_rc lm_work_start(const struct lm_work_opts *o, struct lm_work **out, struct lm_err *err) LM_MUST;
const struct lm_work_loaded *lm_work_loaded(const struct lm_work *w);
/* Copies *f. */
void lm_work_add(struct lm_work *w, const struct lm_work_file *f);
/* Content that is already in the case: workers hash it and do not parse it again. Any number, at any time. */
void lm_work_seen(struct lm_work *w, const uint8_t sha256[32]);
/* Reads everything added, in triage order, until done. A sink's negative code stops and is returned. */
enum lm_rc lm_work_run(struct lm_work *w, const struct lm_work_sink *sink, struct lm_err *err) LM_MUST;
/* Kills workers, ends the zygote. */
void lm_work_stop(struct lm_work *w);

#endif
