/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reports.c - in: a case and a folder; out: one file a report in that folder. A file appears whole or not at all:
 * it is written beside its name, synced and renamed, and the folder is synced, so that a crash leaves the old one.
 * Limits: a document of more than 1 GiB is refused.
 */
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const struct lm_report *const lm_reports[] = {
#define LM_REPORT(name) &lm_report_##name,
#include "report/reports.def"
#undef LM_REPORT
	NULL,
};

#define DOCUMENT_MAX ((size_t)1 << 30)

/* Makes `dir` and what is missing above it. */
static bool make_dirs(const char *dir)
{
	char path[PATH_MAX];
	size_t n = strlen(dir);
	if (n == 0 || n >= sizeof path) {
		errno = n ? ENAMETOOLONG : ENOENT;
		return false;
	}
	memcpy(path, dir, n + 1);
	for (size_t i = 1; i < n; i++) {
		if (path[i] != '/')
			continue;
		path[i] = 0;
		if (mkdir(path, 0777) != 0 && errno != EEXIST)
			return false;
		path[i] = '/';
	}
	struct stat st;
	if (mkdir(path, 0777) == 0)
		return true;
	if (errno != EEXIST || stat(path, &st) != 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

static bool write_all(int fd, struct lm_str s)
{
	while (s.n) {
		ssize_t k = write(fd, s.p, s.n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		s = (struct lm_str){ s.p + k, s.n - (size_t)k };
	}
	return true;
}

/* The name is fixed, not random: what a killed run left behind is overwritten. O_NOFOLLOW: never through a link. */
static enum lm_rc put_file(int dir, const char *name, struct lm_str content, struct lm_err *err)
{
	char temp[NAME_MAX + 1];
	int n = snprintf(temp, sizeof temp, ".%s.part", name);
	if (n < 0 || (size_t)n >= sizeof temp)
		return lm_fail(err, LM_EUSAGE, "cannot write '%s': name is too long", name);
	unlinkat(dir, temp, 0);
	int fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return lm_fail(err, LM_EIO, "cannot write '%s': %s", name, strerror(errno));
	bool ok = write_all(fd, content) && fsync(fd) == 0;
	int why = errno;
	if (close(fd) != 0 && ok) {
		ok = false;
		why = errno;
	}
	if (ok && renameat(dir, temp, dir, name) != 0) {
		ok = false;
		why = errno;
	}
	if (ok)
		return LM_OK;
	unlinkat(dir, temp, 0);
	return lm_fail(err, LM_EIO, "cannot write '%s': %s", name, strerror(why));
}

enum lm_rc lm_reports_write(struct lm_case *c, const char *dir, const struct lm_report_opts *o, struct lm_err *err)
{
	enum lm_rc rc = LM_OK;
	if (!make_dirs(dir))
		return lm_fail(err, LM_EIO, "cannot make folder '%s': %s", dir, strerror(errno));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return lm_fail(err, LM_EIO, "cannot open folder '%s': %s", dir, strerror(errno));
	for (const struct lm_report *const *r = lm_reports; *r && rc == LM_OK; r++) {
		struct lm_buf out;
		lm_buf_init(&out, DOCUMENT_MAX);
		rc = (*r)->write(c, o, &out, err);
		if (rc == LM_OK && out.bad)
			rc = lm_fail(err, LM_ELIMIT, "cannot write '%s': it is larger than 1 GiB", (*r)->file);
		if (rc == LM_OK)
			rc = put_file(fd, (*r)->file, lm_buf_view(&out), err);
		lm_buf_fini(&out);
	}
	if (rc == LM_OK && fsync(fd) != 0 && errno != EINVAL)
		rc = lm_fail(err, LM_EIO, "cannot sync folder '%s': %s", dir, strerror(errno));
	close(fd);
	return rc;
}
