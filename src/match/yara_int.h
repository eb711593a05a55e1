/* SPDX-License-Identifier: Apache-2.0 */
/* yara_int.h - what the two files of the matcher `yara` share: yara.c (loading) and yara_scan.c (matching). */
#ifndef LM_MATCH_YARA_INT_H
#define LM_MATCH_YARA_INT_H

#include "base/map.h"
#include "match/match.h"

#include <yara.h>

/* Seconds for one content, all scans of it together. */
enum { LM_YARA_SECONDS = 60 };

/* A rule file that compiled. Texts are kept until `ready`: a compiler that refused one file is of no more use. */
struct lm_yara_file {
	char *space; /* namespace: path below the rules folder */
	char *text;
};

struct lm_yara {
	YR_COMPILER *compiler;
	YR_RULES *compiled;
	YR_SCANNER *scanner;
	struct lm_yara_file *files;
	size_t n_files, cap_files;
	struct lm_map spaces, seen; /* namespaces in use; real paths that were loaded */
	bool careful;		    /* a file failed: the next ones are tried alone first */
	/* the file being compiled: for error messages and includes */
	const char *root; /* folder that the user gave, or the folder of the file */
	const char *file;
	bool names_module_off; /* the text or an include has the word of a module that is switched off */
	char error[256], error_file[256];
	int error_line;
	unsigned seconds; /* per content; tests shorten it */
};

/* Variables that public rule sets expect to exist, set per content before each scan. NULL-terminated. */
extern const char *const lm_yara_externals[];
/* True for modules that must not run: they open files, or need what a worker does not have. */
bool lm_yara_module_off(const char *name);

/* Makes the scanner and lets every module run once, so that a worker finds everything loaded. */
enum lm_rc lm_yara_scanner(struct lm_yara *y, struct lm_err *err) LM_MUST;
enum lm_rc lm_yara_match(void *state, const struct lm_match_in *in, lm_match_emit *emit, void *user);

#endif
