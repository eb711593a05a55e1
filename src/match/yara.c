/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yara.c - YARA rules (libyara 4.2): finding and loading them. Matching is yara_scan.c.
 *
 * In:  files and folders of rules, read recursively in byte order of names. Out: one compiled set, a namespace a
 *      file, so that equal rule names of different files stand beside each other.
 * Limits: 64 MiB a file, 16 folders deep, links are not followed. Rules that import a module we switch off cannot
 *      run here and are told; `include` reaches files below the rules' own folder only.
 */
#include "match/yara_int.h"

#include "base/log.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RULE_FILE_MAX = 64 << 20, FOLDER_DEPTH = 16 };

const char *const lm_yara_externals[] = { "filename", "filepath", "extension", "filetype", "owner", NULL };

/* magic reads a database file, cuckoo a sandbox's log: neither is there in a worker. */
static const char *const modules_off[] = { "magic", "cuckoo" };

bool lm_yara_module_off(const char *name)
{
	for (size_t i = 0; i < sizeof modules_off / sizeof *modules_off; i++)
		if (strcmp(name, modules_off[i]) == 0)
			return true;
	return false;
}

/* ---- files ---- */

/* The whole file, NUL-terminated, a BOM taken off; NULL with errno. */
static char *read_file(const char *path, size_t *n)
{
	struct stat st;
	struct lm_buf b;
	char chunk[65536];
	ssize_t got = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	lm_buf_init(&b, RULE_FILE_MAX);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		errno = EISDIR;
	else
		while ((got = read(fd, chunk, sizeof chunk)) > 0)
			lm_buf_add(&b, chunk, (size_t)got);
	int e = b.bad ? EFBIG : errno;
	close(fd);
	if (got < 0 || b.bad) {
		lm_buf_fini(&b);
		errno = e;
		return NULL;
	}
	struct lm_str s = lm_buf_view(&b);
	if (lm_str_starts_ci(s, LM_STR("\xef\xbb\xbf")))
		s = lm_str_part(s, 3, s.n);
	char *text = lm_xalloc(s.n + 1);
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	*n = s.n;
	lm_buf_fini(&b);
	return text;
}

/* ---- what is a rule file ---- */

/* Skips white space and comments at the cursor. */
static void skip_blank(struct lm_rd *r)
{
	while (lm_rd_left(r)) {
		struct lm_rd ahead = *r;
		uint8_t c = lm_rd_u8(&ahead);
		if (c == ' ' || (c >= '\t' && c <= '\r')) {
			*r = ahead;
		} else if (c == '/' && lm_rd_left(&ahead)) {
			uint8_t next = lm_rd_u8(&ahead), last = 0;
			if (next != '/' && next != '*')
				return;
			while (lm_rd_left(&ahead)) {
				uint8_t x = lm_rd_u8(&ahead);
				if ((next == '/' && x == '\n') || (next == '*' && last == '*' && x == '/'))
					break;
				last = x;
			}
			*r = ahead;
		} else {
			return;
		}
	}
}

/* The identifier at the cursor, empty when there is none. */
static struct lm_str take_word(struct lm_rd *r)
{
	struct lm_rd from = *r;
	size_t n = 0;
	skip_blank(r);
	from = *r;
	while (lm_rd_left(r)) {
		struct lm_rd ahead = *r;
		uint8_t c = lm_rd_u8(&ahead);
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (n && c >= '0' && c <= '9')))
			break;
		*r = ahead;
		n++;
	}
	return lm_bytes_str(lm_rd_take(&from, n));
}

/* Behind `include "name"`; false when the text goes on otherwise. */
static bool take_include(struct lm_rd *r)
{
	if (!lm_str_eq(take_word(r), LM_STR("include")))
		return false;
	skip_blank(r);
	if (lm_rd_u8(r) != '"')
		return false;
	while (lm_rd_left(r))
		if (lm_rd_u8(r) == '"')
			return true;
	return false;
}

/* The grammar begins with `rule NAME {` or `rule NAME :`, with modifiers before it, or with `import "` or `include "`.
 */
static bool begins_like_rules(struct lm_bytes data)
{
	struct lm_rd r = lm_rd_of(data);
	if (data.n >= 3 && memcmp(data.p, "\xef\xbb\xbf", 3) == 0)
		lm_rd_skip(&r, 3);
	struct lm_str word = take_word(&r);
	for (unsigned i = 0; i < 2; i++)
		if (lm_str_eq(word, LM_STR("private")) || lm_str_eq(word, LM_STR("global")))
			word = take_word(&r);
	bool quoted = lm_str_eq(word, LM_STR("import")) || lm_str_eq(word, LM_STR("include"));
	if (!quoted && (!lm_str_eq(word, LM_STR("rule")) || !take_word(&r).n))
		return false;
	skip_blank(&r);
	uint8_t c = lm_rd_u8(&r);
	return quoted ? c == '"' : c == '{' || c == ':';
}

static bool probe(struct lm_str path, struct lm_bytes data)
{
	return lm_str_ends_ci(path, LM_STR(".yar")) || lm_str_ends_ci(path, LM_STR(".yara")) || begins_like_rules(data);
}

/* An index of other files: in a folder these are loaded by themselves. */
static bool only_includes(struct lm_bytes data)
{
	struct lm_rd r = lm_rd_of(data);
	unsigned n = 0;
	for (;; n++) {
		skip_blank(&r);
		if (!lm_rd_left(&r))
			return n > 0;
		if (!take_include(&r))
			return false;
	}
}

/* ---- compiling ---- */

static void on_error(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *user)
{
	struct lm_yara *y = user;
	(void)rule;
	if (level != YARA_ERROR_LEVEL_ERROR || y->error[0])
		return;
	y->error_line = line;
	snprintf(y->error, sizeof y->error, "%s", message);
	snprintf(y->error_file, sizeof y->error_file, "%s", file ? file : "");
}

static bool has_module_word(const char *text, size_t n)
{
	for (size_t i = 0; i < sizeof modules_off / sizeof *modules_off; i++)
		if (lm_bytes_find((struct lm_bytes){ (const uint8_t *)text, n },
				  lm_str_bytes(lm_cstr(modules_off[i]))) != SIZE_MAX)
			return true;
	return false;
}

/* `include` reads below the rules folder only: a rule file from elsewhere must not pull in /etc/passwd. */
static const char *on_include(const char *name, const char *from, const char *space, void *user)
{
	struct lm_yara *y = user;
	const char *const bases[] = { from, y->file, NULL };
	char beside[PATH_MAX], path[PATH_MAX], root[PATH_MAX];
	(void)space;
	if (!y->root || !realpath(y->root, root))
		return NULL;
	/* beside the file that includes (which may be an included one), beside the rule file, below the folder */
	for (size_t i = 0; i < 3; i++) {
		const char *slash = bases[i] ? strrchr(bases[i], '/') : NULL;
		const char *dir = i == 0 && bases[0] ? y->file : NULL, *dir_slash = dir ? strrchr(dir, '/') : NULL;
		int n = i == 0 && slash && dir_slash && bases[0][0] != '/'
				? snprintf(beside, sizeof beside, "%.*s/%.*s/%s", (int)(dir_slash - dir), dir,
					   (int)(slash - bases[0]), bases[0], name)
			: i == 2 ? snprintf(beside, sizeof beside, "%s/%s", root, name)
			: slash	 ? snprintf(beside, sizeof beside, "%.*s/%s", (int)(slash - bases[i]), bases[i], name)
				 : -1;
		size_t len = strlen(root), size;
		if (n < 0 || n >= (int)sizeof beside || !realpath(beside, path))
			continue;
		if (strncmp(path, root, len) != 0 || (path[len] != '/' && strcmp(root, "/") != 0))
			continue;
		char *text = read_file(path, &size);
		if (text)
			y->names_module_off |= has_module_word(text, size);
		return text;
	}
	return NULL;
}

static void on_include_free(const char *text, void *user)
{
	(void)user;
	free((void *)(uintptr_t)text);
}

static YR_COMPILER *new_compiler(struct lm_yara *y)
{
	YR_COMPILER *c;
	if (yr_compiler_create(&c) != ERROR_SUCCESS)
		return NULL;
	yr_compiler_set_callback(c, on_error, y);
	yr_compiler_set_include_callback(c, on_include, on_include_free, y);
	for (size_t i = 0; lm_yara_externals[i]; i++)
		yr_compiler_define_string_variable(c, lm_yara_externals[i], "");
	return c;
}

/* Stops before a module that is switched off is loaded, and remembers it. */
static int on_import(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
	(void)context;
	if (message != CALLBACK_MSG_IMPORT_MODULE)
		return CALLBACK_CONTINUE;
	const YR_MODULE_IMPORT *m = data;
	if (!lm_yara_module_off(m->module_name))
		return CALLBACK_CONTINUE;
	*(const char **)user = strcmp(m->module_name, "magic") == 0 ? "magic" : "cuckoo";
	return CALLBACK_ERROR;
}

/* In a compiler of its own: does it compile, and which switched-off module does it import (NULL: none)? */
static bool compiles_alone(struct lm_yara *y, const char *text, const char *space, const char **off)
{
	YR_COMPILER *trial = new_compiler(y);
	YR_RULES *alone = NULL;
	bool ok = trial && yr_compiler_add_string(trial, text, space) == 0;
	*off = NULL;
	if (ok && y->names_module_off) {
		ok = yr_compiler_get_rules(trial, &alone) == ERROR_SUCCESS;
		if (ok)
			(void)yr_rules_scan_mem(alone, (const uint8_t *)"", 0, 0, on_import, off, 1);
		if (alone)
			yr_rules_destroy(alone);
	}
	if (trial)
		yr_compiler_destroy(trial);
	return ok;
}

/* After a refusal the common compiler is made anew from the files that compiled before. */
static bool rebuild(struct lm_yara *y)
{
	if (y->compiler)
		yr_compiler_destroy(y->compiler);
	y->compiler = new_compiler(y);
	y->careful = true;
	for (size_t i = 0; y->compiler && i < y->n_files; i++)
		if (yr_compiler_add_string(y->compiler, y->files[i].text, y->files[i].space) != 0)
			return false; /* it compiled before: memory is gone */
	return y->compiler != NULL;
}

/* A namespace nobody has: two folders may hold files of the same name. */
static char *free_space(struct lm_yara *y, const char *name)
{
	char text[PATH_MAX + 16];
	bool added;
	snprintf(text, sizeof text, "%s", name);
	for (unsigned i = 2;; i++) {
		lm_map_add(&y->spaces, lm_cstr(text), &added);
		if (added)
			return lm_xstrdup(text);
		snprintf(text, sizeof text, "%s (%u)", name, i);
	}
}

/* Adds a file to the set; takes `text`. False when it has to be left out, with y->error. */
static bool add_text(struct lm_yara *y, char *text, const char *name, const char **off)
{
	*off = NULL;
	y->error[0] = y->error_file[0] = 0;
	y->error_line = 0;
	if ((y->careful || y->names_module_off) && (!compiles_alone(y, text, name, off) || *off)) {
		free(text);
		return false;
	}
	/* an include may have named the module: known only now */
	bool asked = y->careful || y->names_module_off;
	char *space = free_space(y, name);
	bool ok = yr_compiler_add_string(y->compiler, text, space) == 0;
	bool again = ok && !asked && y->names_module_off && compiles_alone(y, text, name, off) && *off;
	if (!ok || again) {
		free(text);
		free(space);
		if (!rebuild(y) && !y->error[0])
			snprintf(y->error, sizeof y->error, "out of memory");
		return false;
	}
	if (y->n_files == y->cap_files) {
		y->cap_files = y->cap_files ? y->cap_files * 2 : 256;
		y->files = lm_xrealloc(y->files, y->cap_files * sizeof *y->files);
	}
	y->files[y->n_files++] = (struct lm_yara_file){ space, text };
	return true;
}

/* ---- loading ---- */

static void load_file(struct lm_yara *y, const char *path, const char *name, bool in_folder,
		      struct lm_match_loaded *count)
{
	size_t n;
	char real[PATH_MAX];
	const char *off;
	bool added = true;
	char *text = read_file(path, &n);
	if (!text) {
		lm_log(LM_LOG_WARN, "cannot read rules '%s': %s", path, strerror(errno));
		count->bad_files++;
		return;
	}
	struct lm_bytes data = { (const uint8_t *)text, n };
	if (!probe(lm_cstr(path), data)) {
		free(text);
		return;
	}
	if (realpath(path, real))
		lm_map_add(&y->seen, lm_cstr(real), &added);
	if (!added || (in_folder && only_includes(data))) {
		lm_log(LM_LOG_DEBUG, "rules '%s': %s", path,
		       added ? "only includes; the files load by themselves" : "loaded already");
		free(text);
		return;
	}
	if (memchr(text, 0, n)) {
		lm_log(LM_LOG_WARN, "cannot load rules '%s': a NUL byte at offset %zu", path, strlen(text));
		count->bad_files++;
		free(text);
		return;
	}
	y->file = path;
	y->names_module_off = has_module_word(text, n);
	unsigned before = y->compiler->next_rule_idx;
	if (add_text(y, text, name, &off)) {
		count->files++;
		count->rules += y->compiler->next_rule_idx - before;
		return;
	}
	count->bad_files++;
	if (off)
		lm_log(LM_LOG_WARN, "cannot run rules '%s' here: they import module '%s', which is switched off", path,
		       off);
	else if (y->error_file[0])
		lm_log(LM_LOG_WARN, "cannot load rules '%s': included file '%s', line %d: %s", path, y->error_file,
		       y->error_line, y->error);
	else
		lm_log(LM_LOG_WARN, "cannot load rules '%s': line %d: %s", path, y->error_line,
		       y->error[0] ? y->error : "out of memory");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void load_folder(struct lm_yara *y, const char *path, const char *below, unsigned depth,
			struct lm_match_loaded *count)
{
	DIR *d = depth < FOLDER_DEPTH ? opendir(path) : NULL;
	struct dirent *e;
	char **names = NULL;
	size_t n = 0;
	if (!d) {
		lm_log(LM_LOG_WARN, "cannot read rules folder '%s': %s", path,
		       depth < FOLDER_DEPTH ? strerror(errno) : "nested too deeply");
		count->bad_files++;
		return;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		names = lm_xrealloc(names, (n + 1) * sizeof *names);
		names[n++] = lm_xstrdup(e->d_name);
	}
	closedir(d);
	if (n)
		qsort(names, n, sizeof *names, by_name);
	for (size_t i = 0; i < n; i++) {
		char sub[PATH_MAX], name[PATH_MAX];
		struct stat st;
		int a = snprintf(sub, sizeof sub, "%s/%s", path, names[i]);
		int b = snprintf(name, sizeof name, "%s%s%s", below, *below ? "/" : "", names[i]);
		/* links are not followed: a folder of rules is a tree */
		if (y->compiler && a < (int)sizeof sub && b < (int)sizeof name && lstat(sub, &st) == 0) {
			if (S_ISDIR(st.st_mode))
				load_folder(y, sub, name, depth + 1, count);
			else if (S_ISREG(st.st_mode))
				load_file(y, sub, name, true, count);
		}
		free(names[i]);
	}
	free(names);
}

static enum lm_rc load(const char *path, void **state, struct lm_match_loaded *count, struct lm_err *err)
{
	struct lm_yara *y = *state;
	struct stat st;
	if (stat(path, &st) != 0)
		return lm_fail(err, LM_EIO, "cannot open rules '%s': %s", path, strerror(errno));
	if (!y) {
		if (yr_initialize() != ERROR_SUCCESS)
			return lm_fail(err, LM_ELIMIT, "cannot start libyara");
		y = *state = lm_xalloc(sizeof *y);
		memset(y, 0, sizeof *y);
		y->seconds = LM_YARA_SECONDS;
		lm_map_init(&y->spaces);
		lm_map_init(&y->seen);
		y->compiler = new_compiler(y);
	}
	if (y->compiler && S_ISDIR(st.st_mode)) {
		y->root = path;
		load_folder(y, path, "", 0, count);
	} else if (y->compiler) {
		char dir[PATH_MAX], file[PATH_MAX];
		const char *slash = strrchr(path, '/');
		/* with a slash in it, includes are found beside the file */
		snprintf(file, sizeof file, "%s%s", slash ? "" : "./", path);
		snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
		y->root = dir;
		load_file(y, file, slash ? slash + 1 : path, false, count);
	}
	y->root = y->file = NULL;
	return y->compiler ? LM_OK : lm_fail(err, LM_ELIMIT, "cannot start libyara's compiler: out of memory");
}

static void free_texts(struct lm_yara *y)
{
	for (size_t i = 0; i < y->n_files; i++) {
		free(y->files[i].space);
		free(y->files[i].text);
	}
	free(y->files);
	y->files = NULL;
	y->n_files = y->cap_files = 0;
	lm_map_fini(&y->spaces);
	lm_map_fini(&y->seen);
}

static enum lm_rc ready(void *state, struct lm_err *err)
{
	struct lm_yara *y = state;
	if (yr_compiler_get_rules(y->compiler, &y->compiled) != ERROR_SUCCESS)
		return lm_fail(err, LM_ELIMIT, "cannot compile the rules: out of memory");
	yr_compiler_destroy(y->compiler);
	y->compiler = NULL;
	free_texts(y);
	return lm_yara_scanner(y, err);
}

static void free_(void *state)
{
	struct lm_yara *y = state;
	if (!y)
		return;
	if (y->scanner)
		yr_scanner_destroy(y->scanner);
	if (y->compiled)
		yr_rules_destroy(y->compiled);
	if (y->compiler)
		yr_compiler_destroy(y->compiler);
	free_texts(y);
	free(y);
	yr_finalize();
}

const struct lm_matcher lm_matcher_yara = {
	"yara", "YARA rules against the bytes of every content", probe, load, ready, lm_yara_match, free_,
};
