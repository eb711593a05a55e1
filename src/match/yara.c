/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yara.c - YARA rules (libyara 4.2) against the bytes of one content.
 *
 * In:  files and folders of rules, read recursively in byte order of names. Out: rule.match, one per rule, with
 *      metadata and the first place a string matched.
 * Limits: rules that import a module we switch off (magic needs a database file, cuckoo a sandbox's log, console
 *      prints) cannot run here and are reported; `include` reaches files below the rules' own folder only.
 */
#include "match/match.h"

#include "base/json_out.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <yara.h>

#define RULE_FILE_MAX (64u << 20)
#ifndef SCAN_SECONDS
#define SCAN_SECONDS 60
#endif
#define FOLDER_DEPTH 16

/* Variables that public rule sets expect to exist; set per content before each scan. */
static const char *const externals[] = { "filename", "filepath", "extension", "filetype", "owner" };

struct rules {
	YR_COMPILER *compiler;
	YR_RULES *compiled;
	YR_SCANNER *scanner;
	/* the file being compiled: for error messages and includes */
	const char *root; /* folder given by the user */
	const char *file;
	char first_error[256];
	int first_line;
	struct lm_map files;  /* real paths already loaded: the same folder named twice adds nothing */
	struct lm_map spaces; /* namespaces in use: two folders may hold files of one name */
};

/* ---- loading ---- */

static void on_error(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *user)
{
	struct rules *r = user;
	(void)file;
	(void)rule;
	if (level != YARA_ERROR_LEVEL_ERROR || r->first_error[0])
		return;
	r->first_line = line;
	snprintf(r->first_error, sizeof r->first_error, "%s", message);
}

static char *read_file(const char *path, size_t *n)
{
	struct stat st;
	char *data = NULL;
	size_t cap = 0;
	*n = 0;
	/* a named pipe would wait for a writer for ever */
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return NULL;
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	for (;;) {
		if (*n == cap)
			data = lm_xrealloc(data, (cap = cap ? cap * 2 : 65536) + 1);
		size_t got = fread(data + *n, 1, cap - *n, f);
		*n += got;
		if (!got || *n > RULE_FILE_MAX)
			break;
	}
	bool bad = ferror(f) || *n > RULE_FILE_MAX;
	fclose(f);
	if (bad) {
		free(data);
		return NULL;
	}
	data[*n] = 0;
	return data;
}

/*
 * What a rule file says outside comments, line by line: enough to see imports, includes and whether it has rules
 * of its own. Statements of this kind begin a line in every published rule set; the compiler has the last word.
 */
struct outline {
	const char *off; /* a module that is switched off, or NULL */
	bool includes, rules;
};

static struct outline outline_of(struct lm_bytes data)
{
	/* magic needs a database file, cuckoo a sandbox's log, console prints */
	static const char *const off[] = { "magic", "cuckoo", "console" };
	struct outline o = { 0 };
	struct lm_str rest = lm_bytes_str(data), line;
	bool comment = false;
	while (lm_str_split(&rest, '\n', &line)) {
		line = lm_str_trim(line);
		if (comment || lm_str_starts_ci(line, LM_STR("/*"))) {
			size_t end = lm_bytes_find(lm_str_bytes(line), lm_str_bytes(LM_STR("*/")));
			comment = end == SIZE_MAX;
			line = comment ? (struct lm_str){ 0 } : lm_str_trim(lm_str_part(line, end + 2, line.n));
		}
		o.includes |= lm_str_starts_ci(line, LM_STR("include"));
		o.rules |= lm_str_starts_ci(line, LM_STR("rule ")) || lm_str_starts_ci(line, LM_STR("private ")) ||
			   lm_str_starts_ci(line, LM_STR("global "));
		if (!lm_str_starts_ci(line, LM_STR("import")))
			continue;
		size_t open = lm_str_find(line, '"', 0);
		struct lm_str module = lm_str_part(line, open == SIZE_MAX ? line.n : open + 1, line.n);
		module = lm_str_part(module, 0, lm_str_find(module, '"', 0));
		for (size_t i = 0; i < sizeof off / sizeof *off; i++)
			if (lm_str_eq(module, lm_cstr(off[i])))
				o.off = off[i];
	}
	return o;
}

/* `include` reads below the rules folder only: a rule file from elsewhere must not pull in /etc/passwd. */
static const char *on_include(const char *name, const char *from, const char *space, void *user)
{
	struct rules *r = user;
	char beside[PATH_MAX], path[PATH_MAX], root[PATH_MAX];
	size_t n;
	(void)from;
	(void)space;
	const char *slash = strrchr(r->file, '/');
	int dir = slash ? (int)(slash - r->file) : 1;
	if (snprintf(beside, sizeof beside, "%.*s/%s", dir, slash ? r->file : ".", name) >= (int)sizeof beside ||
	    !realpath(beside, path) || !realpath(r->root, root))
		return NULL;
	n = strlen(root);
	if (strncmp(path, root, n) != 0 || path[n] != '/')
		return NULL;
	char *text = read_file(path, &n);
	if (text && outline_of((struct lm_bytes){ (const uint8_t *)text, n }).off) {
		free(text);
		return NULL;
	}
	return text;
}

static void on_include_free(const char *text, void *user)
{
	(void)user;
	free((void *)(uintptr_t)text);
}

static YR_COMPILER *new_compiler(struct rules *r)
{
	YR_COMPILER *c;
	if (yr_compiler_create(&c) != ERROR_SUCCESS)
		return NULL;
	yr_compiler_set_callback(c, on_error, r);
	yr_compiler_set_include_callback(c, on_include, on_include_free, r);
	for (size_t i = 0; i < sizeof externals / sizeof *externals; i++)
		yr_compiler_define_string_variable(c, externals[i], "");
	return c;
}

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

static bool probe(struct lm_str path, struct lm_bytes data)
{
	static const char *const words[] = { "rule", "import", "include", "private", "global" };
	struct lm_rd r = lm_rd_of(data);
	if (lm_str_ends_ci(path, LM_STR(".yar")) || lm_str_ends_ci(path, LM_STR(".yara")))
		return true;
	if (data.n >= 3 && memcmp(data.p, "\xef\xbb\xbf", 3) == 0)
		lm_rd_skip(&r, 3);
	skip_blank(&r);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct lm_rd ahead = r;
		size_t n = strlen(words[i]);
		struct lm_bytes word = lm_rd_take(&ahead, n);
		if (!word.p || memcmp(word.p, words[i], n) != 0)
			continue;
		uint8_t after = lm_rd_u8(&ahead);
		/* the word alone proves little: a rule has a brace, an import or include a quote */
		if (after == ' ' || after == '\t' || after == '"')
			return memchr(data.p, i == 1 || i == 2 ? '"' : '{', data.n) != NULL;
	}
	return false;
}

/*
 * A compiler with one failed file is unusable, so every file is tried in one of its own first.
 */
static bool compiles(struct rules *r, const char *text, const char *space, unsigned *n_rules)
{
	YR_COMPILER *trial = new_compiler(r);
	YR_RULES *alone;
	r->first_error[0] = 0;
	bool ok = trial && yr_compiler_add_string(trial, text, space) == 0;
	if (ok && yr_compiler_get_rules(trial, &alone) == ERROR_SUCCESS) {
		*n_rules += alone->num_rules;
		yr_rules_destroy(alone);
	}
	if (trial)
		yr_compiler_destroy(trial);
	return ok;
}

static void load_file(struct rules *r, const char *path, const char *space, struct lm_match_loaded *count)
{
	size_t n;
	char real[PATH_MAX], unique[PATH_MAX + 16];
	bool added = true;
	if (realpath(path, real))
		lm_map_add(&r->files, lm_cstr(real), &added);
	if (!added)
		return;
	snprintf(unique, sizeof unique, "%s", space);
	lm_map_add(&r->spaces, lm_cstr(unique), &added);
	for (unsigned i = 2; !added && i < 10000; i++) {
		snprintf(unique, sizeof unique, "%s#%u", space, i);
		lm_map_add(&r->spaces, lm_cstr(unique), &added);
	}
	space = unique;
	errno = 0;
	char *text = read_file(path, &n);
	if (!text) {
		lm_log(LM_LOG_WARN, "cannot read rules '%s': %s", path, errno ? strerror(errno) : "larger than 64 MiB");
		count->bad_files++;
		return;
	}
	struct lm_bytes data = { (const uint8_t *)text, n };
	r->file = path;
	if (!probe(lm_cstr(path), data)) {
		free(text);
		return;
	}
	struct outline o = outline_of(data);
	if (o.off) {
		lm_log(LM_LOG_WARN, "cannot run rules '%s' here: they import module '%s', which is switched off", path,
		       o.off);
		count->bad_files++;
	} else if (o.includes && !o.rules) {
		/* the files it names are loaded by themselves: through the index every rule would match twice */
		lm_log(LM_LOG_INFO, "'%s' only includes other rule files: those are loaded, it is not", path);
	} else if (memchr(text, 0, n)) {
		lm_log(LM_LOG_WARN, "cannot load rules '%s': a NUL byte at offset %zu", path, strlen(text));
		count->bad_files++;
	} else if (!compiles(r, text, space, &count->rules) || yr_compiler_add_string(r->compiler, text, space) != 0) {
		lm_log(LM_LOG_WARN, "cannot load rules '%s': line %d: %s", path, r->first_line,
		       r->first_error[0] ? r->first_error : "out of memory");
		count->bad_files++;
	} else {
		count->files++;
	}
	free(text);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void load_folder(struct rules *r, const char *path, const char *space, unsigned depth,
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
		int b = snprintf(name, sizeof name, "%s%s%s", space, *space ? "/" : "", names[i]);
		/* links are not followed: a folder of rules is a tree */
		if (a < (int)sizeof sub && b < (int)sizeof name && lstat(sub, &st) == 0) {
			if (S_ISDIR(st.st_mode))
				load_folder(r, sub, name, depth + 1, count);
			else if (S_ISREG(st.st_mode))
				load_file(r, sub, name, count);
		}
		free(names[i]);
	}
	free(names);
}

static enum lm_rc load(const char *path, void **state, struct lm_match_loaded *count, struct lm_err *err)
{
	struct rules *r = *state;
	struct stat st;
	if (stat(path, &st) != 0)
		return lm_fail(err, LM_EIO, "cannot open rules '%s': %s", path, strerror(errno));
	if (!r) {
		if (yr_initialize() != ERROR_SUCCESS)
			return lm_fail(err, LM_ELIMIT, "cannot start libyara");
		r = *state = lm_xalloc(sizeof *r);
		lm_map_init(&r->files);
		lm_map_init(&r->spaces);
		r->compiler = new_compiler(r);
		if (!r->compiler)
			return lm_fail(err, LM_ELIMIT, "cannot start libyara's compiler");
	}
	if (S_ISDIR(st.st_mode)) {
		r->root = path;
		load_folder(r, path, "", 0, count);
	} else {
		char dir[PATH_MAX];
		const char *slash = strrchr(path, '/');
		snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
		r->root = dir;
		load_file(r, path, slash ? slash + 1 : path, count);
	}
	r->root = NULL;
	return LM_OK;
}

static enum lm_rc ready(void *state, struct lm_err *err)
{
	struct rules *r = state;
	if (yr_compiler_get_rules(r->compiler, &r->compiled) != ERROR_SUCCESS)
		return lm_fail(err, LM_ELIMIT, "cannot compile the rules: out of memory");
	yr_compiler_destroy(r->compiler);
	r->compiler = NULL;
	if (yr_scanner_create(r->compiled, &r->scanner) != ERROR_SUCCESS)
		return lm_fail(err, LM_ELIMIT, "cannot start libyara's scanner: out of memory");
	yr_scanner_set_timeout(r->scanner, SCAN_SECONDS);
	/* a mapped file that shrinks kills the worker, which is recorded; libyara need not catch it */
	yr_scanner_set_flags(r->scanner, SCAN_FLAGS_REPORT_RULES_MATCHING | SCAN_FLAGS_NO_TRYCATCH);
	return LM_OK;
}

/* ---- matching ---- */

struct scan {
	const struct lm_match_in *in;
	lm_match_emit *emit;
	void *user;
	enum lm_rc rc;
};

/* Common keys of public rule sets go to fields of their own; all of them stay in `meta`. */
static void put_meta(struct lm_obs *o, const YR_META *m)
{
	static const char *const families[] = { "family", "malware", "malware_family", "malware_name", "threat_name" };
	struct lm_str key = lm_cstr(m->identifier), text = lm_cstr(m->type == META_TYPE_STRING ? m->string : NULL);
	if (text.p && lm_str_eq_ci(key, LM_STR("description")))
		o->rule_match.description = text;
	if (text.p && lm_str_eq_ci(key, LM_STR("reference")))
		o->rule_match.reference = text;
	if (text.p && (lm_str_eq_ci(key, LM_STR("severity")) || lm_str_eq_ci(key, LM_STR("level"))))
		o->rule_match.severity = text;
	for (size_t i = 0; text.p && i < sizeof families / sizeof *families; i++)
		if (!o->rule_match.family.p && lm_str_eq_ci(key, lm_cstr(families[i])))
			o->rule_match.family = text;
	if (lm_str_eq_ci(key, LM_STR("score"))) {
		int64_t score;
		if (m->type == META_TYPE_INTEGER)
			score = m->integer;
		else if (!text.p || !lm_str_i64(text, &score))
			return;
		if (score >= 0 && score <= 100)
			o->rule_match.score = LM_INT(score);
	}
}

static void put_metas(struct lm_obs *o, YR_RULE *rule, struct lm_buf *json)
{
	YR_META *m;
	struct lm_jw w;
	lm_jw_init(&w, json, false);
	lm_jw_obj(&w);
	yr_rule_metas_foreach(rule, m)
	{
		put_meta(o, m);
		/* rules may repeat a key; a JSON object may not: the first one stays */
		const YR_META *before = rule->metas;
		while (before != m && strcmp(before->identifier, m->identifier) != 0)
			before++;
		if (before != m)
			continue;
		lm_jw_key(&w, m->identifier);
		if (m->type == META_TYPE_INTEGER)
			lm_jw_i64(&w, m->integer);
		else if (m->type == META_TYPE_BOOLEAN)
			lm_jw_bool(&w, m->integer != 0);
		else
			lm_jw_cstr(&w, m->string);
	}
	lm_jw_end(&w);
}

/* The first place: lowest offset, then the order of strings in the rule. */
static void put_place(struct lm_obs *o, YR_SCAN_CONTEXT *context, YR_RULE *rule)
{
	YR_STRING *s;
	yr_rule_strings_foreach(rule, s)
	{
		YR_MATCH *m;
		yr_string_matches_foreach(context, s, m)
		{
			int64_t at = m->base + m->offset;
			if (o->rule_match.offset.set && at >= o->rule_match.offset.v)
				continue;
			o->rule_match.string = lm_cstr(s->identifier);
			o->rule_match.offset = LM_INT(at);
			o->rule_match.length = LM_INT(m->match_length);
		}
	}
	if (o->rule_match.offset.set) {
		o->at.offset = (uint64_t)o->rule_match.offset.v;
		o->at.length = (uint64_t)o->rule_match.length.v;
	}
}

static int on_match(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
	struct scan *s = user;
	YR_RULE *rule = data;
	const char *tag;
	struct lm_buf meta, tags;
	struct lm_obs o;
	if (message != CALLBACK_MSG_RULE_MATCHING)
		return CALLBACK_CONTINUE;
	lm_buf_init(&meta, 1 << 20);
	lm_buf_init(&tags, 1 << 16);
	lm_obs_init(&o, LM_K_rule_match);
	o.rule_match.matcher = LM_STR("yara");
	o.rule_match.rule = lm_cstr(rule->identifier);
	o.rule_match.file = lm_cstr(rule->ns->name);
	o.rule_match.sha256 = (struct lm_bytes){ s->in->sha256, 32 };
	yr_rule_tags_foreach(rule, tag)
	{
		lm_buf_fmt(&tags, "%s%s", tags.n ? ";" : "", tag);
	}
	if (tags.n)
		o.rule_match.tags = lm_buf_view(&tags);
	put_metas(&o, rule, &meta);
	if (!meta.bad)
		o.rule_match.meta = lm_buf_view(&meta);
	put_place(&o, context, rule);
	s->rc = s->emit(s->user, &o);
	lm_buf_fini(&meta);
	lm_buf_fini(&tags);
	return s->rc < 0 ? CALLBACK_ABORT : CALLBACK_CONTINUE;
}

/* The word that public rule sets compare `filetype` with. */
static const char *file_type(struct lm_bytes data)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *word;
	} types[] = {
		{ "MZ", 2, "EXE" },
		{ "\x7f"
		  "ELF",
		  4, "ELF" },
		{ "PK\x03\x04", 4, "ZIP" },
		{ "%PDF", 4, "PDF" },
		{ "GIF8", 4, "GIF" },
		{ "\xff\xd8\xff", 3, "JPEG" },
		{ "\x89PNG", 4, "PNG" },
		{ "Rar!", 4, "RAR" },
		{ "\xd0\xcf\x11\xe0", 4, "OLE" },
	};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (data.n >= types[i].n && memcmp(data.p, types[i].magic, types[i].n) == 0)
			return types[i].word;
	return "";
}

static void set_externals(struct rules *r, const struct lm_match_in *in)
{
	struct lm_str path = in->original.p ? in->original : in->path, name = lm_path_base(path);
	size_t dot = lm_str_rfind(name, '.');
	char *full = lm_arena_cstr(in->arena, path), *base = lm_arena_cstr(in->arena, name);
	char *extension =
		lm_arena_cstr(in->arena, dot == SIZE_MAX ? (struct lm_str){ 0 } : lm_str_part(name, dot, name.n));
	yr_scanner_define_string_variable(r->scanner, "filepath", full ? full : "");
	yr_scanner_define_string_variable(r->scanner, "filename", base ? base : "");
	yr_scanner_define_string_variable(r->scanner, "extension", extension ? extension : "");
	yr_scanner_define_string_variable(r->scanner, "filetype", file_type(in->data));
	yr_scanner_define_string_variable(r->scanner, "owner", "");
}

static enum lm_rc match(void *state, const struct lm_match_in *in, lm_match_emit *emit, void *user)
{
	struct rules *r = state;
	struct scan s = { in, emit, user, LM_OK };
	set_externals(r, in);
	yr_scanner_set_callback(r->scanner, on_match, &s);
	int rc = yr_scanner_scan_mem(r->scanner, in->data.p ? in->data.p : (const uint8_t *)"", in->data.n);
	if (s.rc < 0)
		return s.rc;
	if (rc == ERROR_SUCCESS || rc == ERROR_TOO_MANY_MATCHES)
		return LM_OK;
	return rc == ERROR_SCAN_TIMEOUT || rc == ERROR_INSUFFICIENT_MEMORY ? LM_ELIMIT : LM_ECORRUPT;
}

static void free_(void *state)
{
	struct rules *r = state;
	if (!r)
		return;
	if (r->scanner)
		yr_scanner_destroy(r->scanner);
	if (r->compiled)
		yr_rules_destroy(r->compiled);
	if (r->compiler)
		yr_compiler_destroy(r->compiler);
	lm_map_fini(&r->files);
	lm_map_fini(&r->spaces);
	free(r);
	yr_finalize();
}

const struct lm_matcher lm_matcher_yara = {
	"yara", "YARA rules against the bytes of every content", probe, load, ready, match, free_,
};
