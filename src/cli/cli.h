/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - what the verbs share: exit codes, the terminal, progress, and the run of evidence into a case.
 */
#ifndef LM_CLI_CLI_H
#define LM_CLI_CLI_H

#include "base/buf.h"
#include "case/case.h"
#include "cli/options.h"
#include "work/work.h"

/* Exit codes (fixed by the design; usage and software follow sysexits.h). */
enum { LM_EXIT_OK = 0, LM_EXIT_FINDINGS = 1, LM_EXIT_UNREAD = 3, LM_EXIT_USAGE = 64, LM_EXIT_INTERNAL = 70 };

/* One function a verb, in cmd_<verb>.c; each returns an exit code. */
#define LM_VERB(id, ...) int lm_cmd_##id(const struct lm_cli *o);
#define LM_OPTION(...)
#include "cli/options.def"
#undef LM_VERB
#undef LM_OPTION

/* ---- terminal.c ---- */

enum lm_ink { LM_INK_PLAIN, LM_INK_BOLD, LM_INK_DIM, LM_INK_RED, LM_INK_YELLOW, LM_INK_GREEN, LM_INK_CYAN };

/* Decides on colour once, from --color, NO_COLOR, TERM and whether stdout is a terminal. */
void lm_term_init(const struct lm_cli *o);
/* Columns of stdout's terminal, 100 when it is none; between 60 and 200. */
unsigned lm_term_width(void);
/* Appends text from evidence, control characters made visible, in a colour; cut with … at `max` columns (0 = whole). */
void lm_term_put(struct lm_buf *out, enum lm_ink ink, struct lm_str text, size_t max);
/* The same for our own words, printf style. */
void lm_term_fmt(struct lm_buf *out, enum lm_ink ink, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Text of ours and from evidence mixed, wrapped at the terminal's width with `indent` spaces on every line. */
void lm_term_wrap(struct lm_buf *out, unsigned indent, struct lm_str text);
/* "1,234,567" and "4.1 MB"; static ring of eight buffers. */
const char *lm_term_count(uint64_t n);
const char *lm_term_bytes(uint64_t n);
/* Writes the buffer to stdout and empties it; false (and a message) when stdout is closed or full. */
bool lm_term_flush(struct lm_buf *out);
/* "limier: message" to stderr; returns `code`. */
int lm_complain(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- progress.c: one line on stderr, only on a terminal, after the first second ---- */

void lm_progress(uint64_t done, uint64_t total, struct lm_str current);
void lm_progress_clear(void);

/* ---- engine.c: evidence -> workers -> case -> identity -> detectors ---- */

/* What a run read, for the summary and the exit code. */
struct lm_tally {
	uint64_t files, bytes, known; /* known: unchanged since an earlier run, not read again */
	uint64_t contents, recognised, unread, damaged, encrypted, skipped, lost;
	uint64_t observations;
	struct lm_work_loaded loaded;
};

/*
 * Reads all operands and option files of `o` into the case at `case_path` (NULL: in memory), resolves it and
 * runs the detectors. On LM_OK *out is open and holds results; close it with lm_case_close.
 */
enum lm_rc lm_engine_run(const struct lm_cli *o, const char *case_path, struct lm_case **out, struct lm_tally *tally,
			 struct lm_err *err) LM_MUST;

/*
 * After the user's word about hosts: identity and detectors again, from the case alone, under the settings that
 * the case remembers; logged as a run.
 */
enum lm_rc lm_engine_reconclude(const struct lm_cli *o, struct lm_case *c, struct lm_err *err) LM_MUST;

/* LM_EUSAGE when an option's value makes no sense or a file it names is not there. */
enum lm_rc lm_engine_check(const struct lm_cli *o, struct lm_err *err) LM_MUST;

/* Exit code of a run: LM_EXIT_UNREAD before LM_EXIT_FINDINGS before LM_EXIT_OK. */
int lm_engine_exit(const struct lm_cli *o, struct lm_case *c, const struct lm_tally *tally);

/* ---- paths.c ---- */

/* LM_EUSAGE with a sentence when `out` lies below one of the evidence paths (symbolic links resolved). */
enum lm_rc lm_refuse_inside_evidence(const char *out, const struct lm_list *evidence, struct lm_err *err) LM_MUST;
/* mkdir -p; LM_EIO with the folder that could not be made. */
enum lm_rc lm_make_dirs(const char *dir, struct lm_err *err) LM_MUST;

#endif
