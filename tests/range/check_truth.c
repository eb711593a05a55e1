/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_truth.c - in: an output folder. Out: a failed test where evidence and truth differ.
 * Limits: the host list has no quotes in its first three columns, the rows of inventories name the host first.
 */
#include "check_truth.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/text.h"
#include "range.h"
#include "unit/test.h"

struct lm_bytes rg_slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		fail_msg("cannot open '%s'", path);
	struct stat st;
	assert_int_equal(fstat(fileno(f), &st), 0);
	uint8_t *p = lm_xalloc((size_t)st.st_size + 1);
	assert_int_equal(fread(p, 1, (size_t)st.st_size, f), st.st_size);
	fclose(f);
	p[st.st_size] = 0;
	return (struct lm_bytes){ p, (size_t)st.st_size };
}

void rg_drop(struct lm_bytes b)
{
	free((void *)(uintptr_t)b.p);
}

/* ---- a small JSON scanner: enough to validate and to look up ---- */

static void js_space(struct rg_js *j)
{
	while (j->p < j->end && strchr(" \t\r\n", *j->p))
		j->p++;
}

static bool js_is(struct rg_js *j, char c)
{
	js_space(j);
	if (j->bad || j->p >= j->end || *j->p != c)
		return false;
	j->p++;
	return true;
}

void rg_js_need(struct rg_js *j, char c)
{
	if (!js_is(j, c))
		j->bad = true;
}

/* Text between the quotes, escapes as they are. */
struct lm_str rg_js_text(struct rg_js *j)
{
	rg_js_need(j, '"');
	const char *from = j->p;
	while (!j->bad && j->p < j->end && *j->p != '"') {
		if ((unsigned char)*j->p < 0x20)
			j->bad = true;
		j->p += *j->p == '\\' ? 2 : 1;
	}
	struct lm_str s = { from, j->bad || j->p > j->end ? 0 : (size_t)(j->p - from) };
	rg_js_need(j, '"');
	return s;
}

static void js_skip(struct rg_js *j, int depth)
{
	if (depth > 16)
		j->bad = true;
	js_space(j);
	if (j->bad || j->p >= j->end) {
		j->bad = true;
	} else if (*j->p == '"') {
		rg_js_text(j);
	} else if (*j->p == '{' || *j->p == '[') {
		bool object = *j->p++ == '{';
		char close = object ? '}' : ']';
		if (js_is(j, close))
			return;
		do {
			if (object) {
				rg_js_text(j);
				rg_js_need(j, ':');
			}
			js_skip(j, depth + 1);
		} while (!j->bad && js_is(j, ','));
		rg_js_need(j, close);
	} else {
		const char *from = j->p;
		while (j->p < j->end && strchr("-+.0123456789eEtrufalsn", *j->p))
			j->p++;
		struct lm_str w = { from, (size_t)(j->p - from) };
		double d;
		char text[64] = { 0 }, *rest = text;
		if (w.n > 0 && w.n < sizeof text)
			memcpy(text, w.p, w.n);
		d = strtod(text, &rest);
		(void)d;
		if (!lm_str_eq(w, LM_STR("true")) && !lm_str_eq(w, LM_STR("false")) && !lm_str_eq(w, LM_STR("null")) &&
		    (!text[0] || *rest))
			j->bad = true;
	}
}

bool rg_js_valid(struct lm_bytes b)
{
	struct rg_js j = { (const char *)b.p, (const char *)b.p + b.n, false };
	js_skip(&j, 0);
	js_space(&j);
	return !j.bad && j.p == j.end;
}

/* Enters the value of `key` in the object at j. */
bool rg_js_enter(struct rg_js *j, const char *key)
{
	rg_js_need(j, '{');
	do {
		struct lm_str k = rg_js_text(j);
		rg_js_need(j, ':');
		if (lm_str_eq(k, lm_cstr(key)))
			return !j->bad;
		js_skip(j, 0);
	} while (!j->bad && js_is(j, ','));
	return false;
}

/* ---- evidence ---- */

struct seen {
	struct lm_map by_key;	  /* name, FQDN or address -> row of the host list + 1 */
	uint8_t *altered, *known; /* by row */
	struct lm_str altered_hex[2];
	unsigned rows;
};

static unsigned row_of(const struct seen *s, struct lm_str key)
{
	const struct lm_map_entry *e = lm_map_find(&s->by_key, key);
	if (!e)
		fail_msg("'%.*s' is no host of the list", LM_STR_ARG(key));
	return (unsigned)e->v.num - 1;
}

static void read_host_list(struct seen *s, struct lm_bytes text)
{
	struct lm_str rest = lm_bytes_str(text), line;
	for (unsigned n = 0; lm_str_split(&rest, '\n', &line); n++) {
		struct lm_str cell[3], cells = lm_str_trim(line);
		if (n == 0 || !cells.n)
			continue;
		for (int i = 0; i < 3; i++) {
			assert_true(lm_str_split(&cells, ',', &cell[i])); /* the first three have no quotes */
			lm_map_add(&s->by_key, cell[i], NULL)->v.num = s->rows + 1;
		}
		s->rows++;
	}
	s->altered = lm_xalloc(s->rows);
	s->known = lm_xalloc(s->rows);
	memset(s->altered, 0, s->rows);
	memset(s->known, 0, s->rows);
}

static void note(struct seen *s, unsigned row, struct lm_str hex)
{
	s->known[row] = 1;
	if (lm_str_eq(hex, s->altered_hex[0]) || lm_str_eq(hex, s->altered_hex[1]))
		s->altered[row] = 1;
}

static void read_hash_list(struct seen *s, const char *path, bool jsonl)
{
	struct lm_bytes text = rg_slurp(path);
	struct lm_str rest = lm_bytes_str(text), line;
	int hash_at = -1;
	while (lm_str_split(&rest, '\n', &line)) {
		struct lm_str cells = lm_str_trim(line), cell;
		if (!cells.n)
			continue;
		if (jsonl) {
			assert_true(rg_js_valid(lm_str_bytes(cells)));
			struct rg_js at = { cells.p, cells.p + cells.n, false }, hash = at;
			rg_js_need(&at, '{');
			rg_js_text(&at);
			rg_js_need(&at, ':');
			assert_true(rg_js_enter(&hash, "sha256"));
			note(s, row_of(s, rg_js_text(&at)), rg_js_text(&hash));
			continue;
		}
		unsigned row = 0;
		int i = 0;
		bool header = hash_at < 0;
		while (lm_str_split(&cells, ',', &cell)) {
			if (header && (lm_str_eq(cell, LM_STR("SHA256")) || lm_str_eq(cell, LM_STR("SHA-256"))))
				hash_at = i;
			if (!header && i == 0)
				row = row_of(s, cell);
			if (!header && i == hash_at) {
				assert_int_equal(cell.n, 64);
				note(s, row, cell);
			}
			i++;
		}
		assert_true(hash_at > 0);
	}
	rg_drop(text);
}

static void read_inventories(struct seen *s, const char *dir)
{
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d)) != NULL;) {
		static const char *const names[] = { "files.csv", "hashes.csv", "files.jsonl", "hashes.jsonl" };
		for (int i = 0; e->d_name[0] != '.' && i < 4; i++) {
			char path[2048];
			int n = snprintf(path, sizeof path, "%s/%s/%s", dir, e->d_name, names[i]);
			if (n < (int)sizeof path && access(path, R_OK) == 0)
				read_hash_list(s, path, i >= 2);
		}
	}
	closedir(d);
}

static void note_bytes(struct seen *s, unsigned row, struct lm_bytes b)
{
	uint8_t digest[32];
	struct lm_buf hex;
	rg_sha256(b, digest);
	lm_buf_init(&hex, 128);
	lm_buf_hex(&hex, (struct lm_bytes){ digest, sizeof digest });
	note(s, row, lm_buf_view(&hex));
	lm_buf_fini(&hex);
}

static unsigned members;

static void read_archive(struct seen *s, unsigned row, const char *path, bool locked)
{
	struct archive *a = archive_read_new();
	archive_read_support_format_all(a);
	archive_read_support_filter_all(a);
	if (locked)
		assert_int_equal(archive_read_add_passphrase(a, RG_PASSWORD), ARCHIVE_OK);
	assert_int_equal(archive_read_open_filename(a, path, 65536), ARCHIVE_OK);
	struct archive_entry *e;
	int rc;
	for (members = 0; (rc = archive_read_next_header(a, &e)) == ARCHIVE_OK; members++) {
		size_t n = (size_t)archive_entry_size(e);
		uint8_t *p = lm_xalloc(n + 1);
		if (archive_read_data(a, p, n) != (la_ssize_t)n)
			fail_msg("'%s' in '%s': %s", archive_entry_pathname(e), path, archive_error_string(a));
		assert_int_equal(archive_read_data(a, p, 1), 0);
		note_bytes(s, row, (struct lm_bytes){ p, n });
		free(p);
	}
	if (rc != ARCHIVE_EOF)
		fail_msg("'%s': %s", path, archive_error_string(a));
	archive_read_free(a);
}

static struct seen *walk_seen;
static unsigned walk_row;

static int walk_file(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (flag == FTW_F) {
		struct lm_bytes b = rg_slurp(path);
		note_bytes(walk_seen, walk_row, b);
		rg_drop(b);
		members++;
	}
	return 0;
}

static void read_collections(struct seen *s, const char *dir, struct rg_js truth)
{
	assert_true(rg_js_enter(&truth, "collections"));
	rg_js_need(&truth, '[');
	unsigned n = 0;
	do {
		struct rg_js one = truth, path_at = truth, lock = truth;
		assert_true(rg_js_enter(&one, "host") && rg_js_enter(&path_at, "path") && rg_js_enter(&lock, "locked"));
		char path[2048];
		struct lm_str below = rg_js_text(&path_at);
		snprintf(path, sizeof path, "%s/%.*s", dir, LM_STR_ARG(below));
		walk_row = row_of(s, rg_js_text(&one));
		walk_seen = s;
		js_space(&lock);
		struct stat st;
		assert_int_equal(stat(path, &st), 0);
		members = 0;
		if (S_ISDIR(st.st_mode))
			assert_int_equal(nftw(path, walk_file, 16, FTW_PHYS), 0);
		else
			read_archive(s, walk_row, path, *lock.p == 't');
		assert_true(members >= 10 && members <= 60);
		n++;
		js_skip(&truth, 0);
	} while (js_is(&truth, ','));
	assert_true(n >= 8 && !truth.bad);
}

static void compare_truth(const struct seen *s, struct rg_js truth)
{
	assert_true(rg_js_enter(&truth, "hosts"));
	rg_js_need(&truth, '[');
	unsigned n = 0, altered = 0;
	do {
		static const char *const keys[] = { "host", "country", "sector", "org", "os", "product", "version" };
		struct rg_js at;
		struct lm_str text[7];
		for (int i = 0; i < 7; i++) {
			at = truth;
			assert_true(rg_js_enter(&at, keys[i]));
			text[i] = rg_js_text(&at);
			assert_true(text[i].n > 0);
		}
		at = truth;
		assert_true(rg_js_enter(&at, "stages"));
		rg_js_need(&at, '[');
		assert_true(lm_str_eq(rg_js_text(&at), LM_STR("exposed")));
		bool is_altered = js_is(&at, ',') && lm_str_eq(rg_js_text(&at), LM_STR("altered"));
		unsigned row = row_of(s, text[0]);
		if (!s->known[row] || s->altered[row] != is_altered)
			fail_msg("evidence and truth differ for '%.*s'", LM_STR_ARG(text[0]));
		n++;
		altered += is_altered;
		js_skip(&truth, 0);
	} while (js_is(&truth, ','));
	assert_false(truth.bad);
	assert_int_equal(n, s->rows);
	print_message("truth: %u hosts, %u altered, as in the evidence\n", n, altered);
}

void rg_check_truth(const char *dir, struct lm_bytes truth, struct lm_bytes host_list, struct lm_str altered[2])
{
	struct rg_js j = { (const char *)truth.p, (const char *)truth.p + truth.n, false }, contents = j;
	struct seen s = { .rows = 0 };
	char sub[2048];
	lm_map_init(&s.by_key);
	assert_true(rg_js_enter(&contents, "altered_contents"));
	rg_js_need(&contents, '[');
	s.altered_hex[0] = rg_js_text(&contents);
	rg_js_need(&contents, ',');
	s.altered_hex[1] = rg_js_text(&contents);
	assert_true(s.altered_hex[0].n == 64 && s.altered_hex[1].n == 64);
	read_host_list(&s, host_list);
	snprintf(sub, sizeof sub, "%s/evidence/inventory", dir);
	read_inventories(&s, sub);
	read_collections(&s, dir, j);
	compare_truth(&s, j);
	memcpy(altered, s.altered_hex, sizeof s.altered_hex);
	lm_map_fini(&s.by_key);
	free(s.altered);
	free(s.known);
}
