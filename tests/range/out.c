/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.c - in: paths and bytes. Out: files below one new folder. Limits: 300 MB, 3 million records.
 */
#include "out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum lm_rc rg_out_open(struct rg_out *o, const char *dir, struct lm_err *err)
{
	*o = (struct rg_out){ .dir = dir };
	if (mkdir(dir, 0777) == 0)
		return LM_OK;
	if (errno != EEXIST)
		return lm_fail(err, LM_EIO, "cannot make folder '%s': %s", dir, strerror(errno));
	DIR *d = opendir(dir);
	if (!d)
		return lm_fail(err, LM_EIO, "cannot open folder '%s': %s", dir, strerror(errno));
	bool empty = true;
	for (const struct dirent *e; empty && (e = readdir(d)) != NULL;)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	closedir(d);
	if (!empty)
		return lm_fail(err, LM_EUSAGE, "folder '%s' is not empty: give a new one", dir);
	return LM_OK;
}

static enum lm_rc make_parents(char *path, size_t from, struct lm_err *err)
{
	for (char *p = path + from; (p = strchr(p, '/')) != NULL; p++) {
		*p = 0;
		int bad = mkdir(path, 0777) != 0 && errno != EEXIST;
		if (bad)
			return lm_fail(err, LM_EIO, "cannot make folder '%s': %s", path, strerror(errno));
		*p = '/';
	}
	return LM_OK;
}

static enum lm_rc write_all(int fd, struct lm_bytes data)
{
	while (data.n) {
		ssize_t n = write(fd, data.p, data.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return LM_EIO;
		data = (struct lm_bytes){ data.p + n, data.n - (size_t)n };
	}
	return LM_OK;
}

enum lm_rc rg_out_file(struct rg_out *o, const char *path, struct lm_bytes data, int64_t modified_ns,
		       struct lm_err *err)
{
	char full[4096];
	int n = snprintf(full, sizeof full, "%s/%s", o->dir, path);
	if (n < 0 || (size_t)n >= sizeof full)
		return lm_fail(err, LM_EUSAGE, "path too long below '%s'", o->dir);
	if (o->bytes + data.n > RG_MAX_BYTES)
		return lm_fail(err, LM_ELIMIT, "more than %llu bytes would be written",
			       (unsigned long long)RG_MAX_BYTES);
	enum lm_rc rc = make_parents(full, strlen(o->dir) + 1, err);
	if (rc != LM_OK)
		return rc;
	int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return lm_fail(err, LM_EIO, "cannot create '%s': %s", full, strerror(errno));
	rc = write_all(fd, data);
	if (rc == LM_OK && modified_ns) {
		struct timespec t = { modified_ns / 1000000000, modified_ns % 1000000000 };
		rc = futimens(fd, (struct timespec[2]){ t, t }) == 0 ? LM_OK : LM_EIO;
	}
	if (rc != LM_OK)
		(void)lm_fail(err, rc, "cannot write '%s': %s", full, strerror(errno));
	if (close(fd) != 0 && rc == LM_OK)
		rc = lm_fail(err, LM_EIO, "cannot write '%s': %s", full, strerror(errno));
	o->bytes += data.n;
	o->files++;
	return rc;
}

enum lm_rc rg_out_buf(struct rg_out *o, const char *path, const struct lm_buf *b, int64_t modified_ns,
		      struct lm_err *err)
{
	if (b->bad)
		return lm_fail(err, LM_ELIMIT, "content of '%s' is larger than its buffer may be", path);
	return rg_out_file(o, path, lm_str_bytes(lm_buf_view(b)), modified_ns, err);
}

enum lm_rc rg_out_count(struct rg_out *o, uint64_t n, struct lm_err *err)
{
	o->records += n;
	if (o->records > RG_MAX_RECORDS)
		return lm_fail(err, LM_ELIMIT, "more than %llu records would be written",
			       (unsigned long long)RG_MAX_RECORDS);
	return LM_OK;
}
