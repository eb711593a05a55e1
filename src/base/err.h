/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - result codes and the error that a module entry point hands back.
 *
 * Inner functions return an lm_rc only (or set a cursor bad); the words are made once, at the entry
 * point, where the file name and offset are known. Messages: lower case, problem first, subject in
 * single quotes, no full stop: "cannot read certificate table of 'a.dll': entry at 0x2f400 is 512
 * bytes past end".
 */
#ifndef LM_BASE_ERR_H
#define LM_BASE_ERR_H

enum lm_rc {
	LM_OK = 0,
	LM_END = 1,	  /* an iteration is over; not an error */
	LM_ENOTFMT = -1,  /* these bytes are not of this format */
	LM_ECORRUPT = -2, /* of this format, but damaged */
	LM_EIO = -3,	  /* the system refused: errno was put into the message */
	LM_ELIMIT = -4,	  /* a budget (memory, depth, count) is used up */
	LM_EUSAGE = -5,	  /* the caller or the user asked for something impossible */
	LM_EDB = -6,	  /* the case store failed */
	LM_ECRYPT = -7,	  /* encrypted, and no password at hand fits */
};

struct lm_err {
	enum lm_rc rc;
	char msg[480];
};

#define LM_MUST __attribute__((warn_unused_result))

#ifdef __cplusplus
extern "C" {
#endif

/* Fills *err (may be NULL) and returns rc, so that `return lm_fail(err, LM_EIO, "...")` reads well. */
enum lm_rc lm_fail(struct lm_err *err, enum lm_rc rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The code's name for logs and damage records ("corrupt", "limit"); never NULL. */
const char *lm_rc_word(enum lm_rc rc);

#ifdef __cplusplus
}
#endif

#endif
