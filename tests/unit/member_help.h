/* SPDX-License-Identifier: Apache-2.0 */
/* member_help.h - archives made at test time, and a sink that keeps everything, for the t_member tests. */
#ifndef LM_TEST_MEMBER_HELP_H
#define LM_TEST_MEMBER_HELP_H

#include "unit/test.h"

#include "base/buf.h"
#include "source/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_MAX 512

struct kept {
	char *name; /* NULL: unset */
	size_t n_name;
	uint8_t *data;
	size_t n;
	bool was_fd;
	struct lm_int modified_ns;
};

struct told {
	enum lm_kind kind;
	char member[300], what[400];
	uint64_t offset, size;
};

struct keep {
	struct kept m[KEPT_MAX];
	struct told i[KEPT_MAX];
	size_t n_m, n_i;
	uint64_t all_m, all_i; /* also those beyond the tables */
	bool count_only;
	enum lm_rc answer; /* of the member call */
};

static inline enum lm_rc keep_member(void *user, const struct lm_member *m)
{
	struct keep *k = user;
	k->all_m++;
	assert_true((m->data.p != NULL) != (m->fd >= 0));
	if (m->fd < 0)
		assert_int_equal(m->data.n, m->size);
	if (k->n_m == KEPT_MAX || k->count_only) {
		if (m->fd >= 0)
			close(m->fd);
		return k->answer;
	}
	struct kept *e = &k->m[k->n_m++];
	memset(e, 0, sizeof *e);
	if (m->name.p) {
		e->name = malloc(m->name.n + 1);
		memcpy(e->name, m->name.p, m->name.n);
		e->name[m->name.n] = 0;
		e->n_name = m->name.n;
	}
	e->modified_ns = m->modified_ns;
	e->n = (size_t)m->size;
	e->data = malloc(e->n + 1);
	if (m->fd >= 0) {
		struct lm_map_file f;
		e->was_fd = true;
		/* sealed: nobody can change it any more, and it is read from its start */
		assert_int_equal(fcntl(m->fd, F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL),
				 F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
		assert_int_equal(lseek(m->fd, 0, SEEK_CUR), 0);
		assert_int_equal(lm_map_fd(m->fd, &f), LM_OK);
		assert_int_equal(f.data.n, m->size);
		memcpy(e->data, f.data.p, f.data.n);
		lm_unmap(&f);
		close(m->fd);
	} else {
		memcpy(e->data, m->data.p, m->data.n);
	}
	return k->answer;
}

static inline enum lm_rc keep_issue(void *user, enum lm_kind kind, struct lm_str member, uint64_t offset, uint64_t size,
				    const char *what)
{
	struct keep *k = user;
	k->all_i++;
	if (k->n_i == KEPT_MAX)
		return LM_OK;
	struct told *t = &k->i[k->n_i++];
	memset(t, 0, sizeof *t);
	t->kind = kind;
	snprintf(t->member, sizeof t->member, "%.*s", LM_STR_ARG(member));
	snprintf(t->what, sizeof t->what, "%s", what);
	t->offset = offset;
	t->size = size;
	return LM_OK;
}

static inline struct keep *keep_new(void)
{
	return calloc(1, sizeof(struct keep));
}

static inline void keep_free(struct keep *k)
{
	for (size_t i = 0; i < k->n_m; i++) {
		free(k->m[i].name);
		free(k->m[i].data);
	}
	free(k);
}

/* Reads an archive under limits; the result is asserted by the caller. */
static inline enum lm_rc read_limited(struct keep *k, struct lm_bytes b, const char *const *passwords,
				      const struct lm_member_limits *l)
{
	struct lm_member_spent spent = { 0 };
	struct lm_member_sink sink = { k, keep_member, keep_issue };
	return lm_members(b, passwords, l, &spent, &sink);
}

static inline struct keep *read_all(struct lm_bytes b)
{
	struct keep *k = keep_new();
	assert_int_equal(read_limited(k, b, NULL, &lm_member_defaults), LM_OK);
	return k;
}

static inline void print_kept(const struct keep *k)
{
	for (size_t i = 0; i < k->n_m; i++)
		print_message("member '%s' %zu bytes\n", k->m[i].name ? k->m[i].name : "(unset)", k->m[i].n);
	for (size_t i = 0; i < k->n_i; i++)
		print_message("%s '%s' at %llu size %llu: %s\n", lm_kind_desc(k->i[i].kind)->name, k->i[i].member,
			      (unsigned long long)k->i[i].offset, (unsigned long long)k->i[i].size, k->i[i].what);
}

static inline const struct kept *member_named(const struct keep *k, const char *name)
{
	for (size_t i = 0; i < k->n_m; i++)
		if (k->m[i].name && !strcmp(k->m[i].name, name))
			return &k->m[i];
	return NULL;
}

/* The issue of this kind whose words hold `what`; fails the test when there is none. */
static inline const struct told *told(const struct keep *k, enum lm_kind kind, const char *what)
{
	for (size_t i = 0; i < k->n_i; i++)
		if (k->i[i].kind == kind && strstr(k->i[i].what, what))
			return &k->i[i];
	print_kept(k);
	fail_msg("nothing of kind %s told with '%s'", lm_kind_desc(kind)->name, what);
	return NULL;
}

/* ---- making archives ---- */

struct make {
	const char *name;
	const void *data;
	size_t n;
	int type; /* AE_IFREG when 0 */
	const char *link;
};

struct made {
	uint8_t *p;
	size_t n, cap;
};

static inline la_ssize_t made_write(struct archive *a, void *user, const void *p, size_t n)
{
	struct made *m = user;
	(void)a;
	if (n > m->cap - m->n) {
		m->cap = (m->n + n) * 2;
		m->p = realloc(m->p, m->cap);
	}
	memcpy(m->p + m->n, p, n);
	m->n += n;
	return (la_ssize_t)n;
}

static inline struct lm_bytes made_view(const struct made *m)
{
	return (struct lm_bytes){ m->p, m->n };
}

/* An archive by libarchive's writer; `format` zip, ustar, pax, gnutar, v7tar, 7zip, raw; filter NULL = none. */
static inline struct made make_archive(const char *format, const char *filter, const char *options,
				       const char *passphrase, const struct make *list, size_t n)
{
	struct made out = { 0 };
	struct archive *a = archive_write_new();
	assert_int_equal(archive_write_set_format_by_name(a, format), ARCHIVE_OK);
	if (filter)
		assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
	if (options)
		assert_int_equal(archive_write_set_options(a, options), ARCHIVE_OK);
	if (passphrase)
		assert_int_equal(archive_write_set_passphrase(a, passphrase), ARCHIVE_OK);
	archive_write_set_bytes_in_last_block(a, 1);
	assert_int_equal(archive_write_open(a, &out, NULL, made_write, NULL), ARCHIVE_OK);
	for (size_t i = 0; i < n; i++) {
		struct archive_entry *e = archive_entry_new();
		archive_entry_set_pathname(e, list[i].name);
		archive_entry_set_filetype(e, list[i].type ? (unsigned)list[i].type : AE_IFREG);
		archive_entry_set_perm(e, 0644);
		archive_entry_set_mtime(e, 1679480000, 0);
		archive_entry_set_size(e, (int64_t)list[i].n);
		if (list[i].link && list[i].type == AE_IFLNK)
			archive_entry_set_symlink(e, list[i].link);
		else if (list[i].link)
			archive_entry_set_hardlink(e, list[i].link);
		assert_true(archive_write_header(a, e) >= ARCHIVE_WARN);
		if (list[i].n)
			assert_int_equal(archive_write_data(a, list[i].data, list[i].n), list[i].n);
		archive_entry_free(e);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	return out;
}

/* Text that compresses, but not too well: the same for every run. */
static inline void fill_text(uint8_t *p, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (uint8_t)("inert sample text "[seed >> 24 & 15] + (seed >> 30));
	}
}

static inline struct made read_whole(const char *path)
{
	struct made m = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return m;
	fstat(fd, &st);
	m.p = malloc((size_t)st.st_size + 1);
	m.n = (size_t)read(fd, m.p, (size_t)st.st_size);
	close(fd);
	return m;
}

#endif
