/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/*
 * Absolute form of a path that may not exist yet: the deepest existing ancestor resolved, the rest appended.
 */
static bool absolute(const char *path, char out[PATH_MAX])
{
	char head[PATH_MAX], real[PATH_MAX];
	size_t n = strlen(path);
	if (n == 0 || n >= sizeof head)
		return false;
	memcpy(head, path, n + 1);
	while (!realpath(head, real)) {
		char *slash = strrchr(head, '/');
		if (errno != ENOENT && errno != ENOTDIR)
			return false;
		if (!slash) {
			if (!realpath(".", real))
				return false;
			head[0] = 0;
			break;
		}
		if (slash == head) {
			memcpy(real, "/", 2);
			head[1] = 0;
			break;
		}
		*slash = 0;
	}
	const char *rest = path + strlen(head);
	struct stat st;
	/* what does not exist yet cannot be resolved: no way up in it, no link that leads elsewhere */
	if (strcmp(rest, "..") == 0 || strncmp(rest, "../", 3) == 0 || strstr(rest, "/../") ||
	    (strlen(rest) >= 3 && strcmp(rest + strlen(rest) - 3, "/..") == 0))
		return false;
	if (*rest && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return false;
	while (*rest == '/')
		rest++;
	return snprintf(out, PATH_MAX, "%s%s%s", real, *rest && strcmp(real, "/") != 0 ? "/" : "", rest) < PATH_MAX;
}

enum lm_rc lm_refuse_inside_evidence(const char *out, const struct lm_list *evidence, struct lm_err *err)
{
	char target[PATH_MAX], base[PATH_MAX];
	if (!absolute(out, target))
		return lm_fail(err, LM_EUSAGE,
			       "cannot resolve output path '%s': name it without '..' and dangling links", out);
	for (size_t i = 0; i < evidence->n; i++) {
		struct stat st;
		if (!realpath(evidence->v[i], base))
			return lm_fail(err, LM_EUSAGE, "cannot open evidence '%s': %s", evidence->v[i],
				       strerror(errno));
		size_t n = strlen(base);
		bool whole =
			strcmp(base, "/") == 0 || (strncmp(target, base, n) == 0 && (target[n] == '/' || !target[n]));
		if (whole && stat(base, &st) == 0 && S_ISDIR(st.st_mode))
			return lm_fail(
				err, LM_EUSAGE,
				"'%s' lies below the evidence path '%s'; nothing is written beside evidence, name "
				"another folder",
				out, evidence->v[i]);
	}
	return LM_OK;
}

enum lm_rc lm_make_dirs(const char *dir, struct lm_err *err)
{
	char path[PATH_MAX];
	size_t n = strlen(dir);
	if (n == 0 || n >= sizeof path)
		return lm_fail(err, LM_EUSAGE, "output folder name is empty or too long");
	memcpy(path, dir, n + 1);
	for (char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char keep = *p;
		*p = 0;
		if (mkdir(path, 0777) != 0 && errno != EEXIST)
			return lm_fail(err, LM_EIO, "cannot make folder '%s': %s", path, strerror(errno));
		if (!keep)
			break;
		*p = keep;
	}
	struct stat st;
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return lm_fail(err, LM_EIO, "'%s' is not a folder", dir);
	return LM_OK;
}
