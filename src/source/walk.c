/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c - every regular file below a path, in byte order of names.
 *
 * In: one path as the user gave it. Out: one call per regular file, one per thing left out, with the reason.
 * Limits: a path as long as the system can open (PATH_MAX), which also bounds the depth; the names of one
 * folder are held in memory while it is walked. Nothing but folders is opened: a fifo would block, a device
 * has side effects. Names are bytes; no encoding is assumed.
 */
#include "source/source.h"

#include "base/map.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
	const struct lm_walk_sink *sink;
	struct lm_map seen;  /* (dev, inode) of folders */
	char *root_real;     /* resolved argument, for links; NULL when unknown */
	size_t below;	     /* where the part below the argument begins in `path` */
	size_t n;	     /* length of the path at hand */
	char path[PATH_MAX]; /* always NUL-terminated */
};

/* Names of one folder: NUL-separated text and where each begins. */
struct names {
	char *text;
	size_t *at;
	size_t n_text, cap_text, n, cap;
};

static enum lm_rc visit(struct walk *w);

static const char *reason(int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return "cannot be read: permission denied";
	case ENOENT:
		return "vanished while the folder was read";
	case EIO:
		return "cannot be read: input/output error";
	case ELOOP:
		return "cannot be read: too many symbolic links";
	case ENAMETOOLONG:
		return "cannot be opened: the path is longer than the system allows";
	case EMFILE:
	case ENFILE:
		return "cannot be read: too many open files";
	case ENOMEM:
		return "cannot be read: out of memory";
	case ESTALE:
		return "cannot be read: stale file handle";
	default:
		return "cannot be read";
	}
}

static enum lm_rc tell(struct walk *w, enum lm_kind kind, const char *what)
{
	if (!w->sink->issue)
		return LM_OK;
	struct lm_walk_issue i = { { w->path, w->n }, kind, what };
	return w->sink->issue(w->sink->user, &i);
}

static bool names_add(struct names *l, const char *name)
{
	size_t len = strlen(name) + 1;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		size_t *at = realloc(l->at, cap * sizeof *at);
		if (!at)
			return false;
		l->at = at;
		l->cap = cap;
	}
	if (len > l->cap_text - l->n_text) {
		size_t cap = l->cap_text ? l->cap_text * 2 : 4096;
		while (len > cap - l->n_text)
			cap *= 2;
		char *text = realloc(l->text, cap);
		if (!text)
			return false;
		l->text = text;
		l->cap_text = cap;
	}
	l->at[l->n++] = l->n_text;
	memcpy(l->text + l->n_text, name, len);
	l->n_text += len;
	return true;
}

static void names_free(struct names *l)
{
	free(l->text);
	free(l->at);
	memset(l, 0, sizeof *l);
}

static int name_order(const void *a, const void *b, void *text)
{
	const size_t *x = a, *y = b;
	return strcmp((const char *)text + *x, (const char *)text + *y); /* compares as unsigned bytes */
}

/* Reads the folder at w->path. An error in the middle leaves the names read so far and sets *err. */
static enum lm_rc list(struct walk *w, struct names *out, int *err)
{
	*err = 0;
	/* the last component was lstat'ed as a folder: a link put there since then is not followed */
	int fd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (w->below < w->n ? O_NOFOLLOW : 0));
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d) {
		*err = errno;
		if (fd >= 0)
			close(fd);
		return LM_OK;
	}
	enum lm_rc rc = LM_OK;
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(d);
		if (!e) {
			*err = errno;
			break;
		}
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (!names_add(out, e->d_name)) {
			rc = LM_ELIMIT;
			break;
		}
	}
	closedir(d);
	if (out->n)
		qsort_r(out->at, out->n, sizeof *out->at, name_order, out->text);
	return rc;
}

static enum lm_rc walk_folder(struct walk *w, const struct stat *st)
{
	struct names l = { 0 };
	uint64_t id[2] = { st->st_dev, st->st_ino };
	bool added;
	struct lm_map_entry *seen = lm_map_add(&w->seen, (struct lm_str){ (const char *)id, sizeof id }, &added);
	if (!added) {
		if (seen->v.num++)
			return LM_OK;
		return tell(w, LM_K_evidence_skipped, "folder already read under another name (loop or bind mount)");
	}
	int err;
	enum lm_rc rc = list(w, &l, &err);
	if (rc)
		goto done;
	if (err && (rc = tell(w, LM_K_evidence_damaged, reason(err))))
		goto done;
	size_t n = w->n;
	for (size_t i = 0; i < l.n; i++) {
		const char *name = l.text + l.at[i];
		size_t len = strlen(name), slash = n && w->path[n - 1] != '/';
		if (len >= sizeof w->path - n - slash) {
			/* the folder stands for what lies too deep in it: a longer path cannot be printed */
			rc = tell(w, LM_K_evidence_damaged, reason(ENAMETOOLONG));
		} else {
			if (slash)
				w->path[n] = '/';
			memcpy(w->path + n + slash, name, len + 1);
			w->n = n + slash + len;
			rc = visit(w);
			w->n = n;
			w->path[n] = 0;
		}
		if (rc)
			goto done;
	}
done:
	names_free(&l);
	return rc;
}

/* A link below the argument is never followed. One that leads inside is silent: its target is visited anyway. */
static enum lm_rc walk_link(struct walk *w)
{
	char *real = realpath(w->path, NULL);
	if (!real)
		return tell(w, LM_K_evidence_skipped,
			    errno == ELOOP    ? "symbolic link in a loop"
			    : errno == EACCES ? "symbolic link to a place that may not be read"
					      : "symbolic link to nothing");
	size_t n = w->root_real ? strlen(w->root_real) : 0;
	bool inside =
		n && !strncmp(real, w->root_real, n) && (real[n] == '/' || real[n] == 0 || w->root_real[n - 1] == '/');
	free(real);
	return inside ? LM_OK : tell(w, LM_K_evidence_skipped, "symbolic link that leads outside the evidence");
}

static enum lm_rc walk_file(struct walk *w, const struct stat *st)
{
	if (faccessat(AT_FDCWD, w->path, R_OK, AT_EACCESS))
		return tell(w, LM_K_evidence_damaged, reason(errno));
	struct lm_walk_entry e = {
		.path = { w->path, w->n },
		.below = { w->path + w->below, w->n - w->below },
		.size = st->st_size > 0 ? (uint64_t)st->st_size : 0,
		.dev = st->st_dev,
		.ino = st->st_ino,
	};
	/* what a corrupt file system may claim is clamped, not wrapped */
	int64_t s = st->st_mtim.tv_sec, limit = INT64_MAX / LM_NS_PER_S - 1;
	s = s > limit ? limit : s < -limit ? -limit : s;
	e.modified_ns = s * LM_NS_PER_S + st->st_mtim.tv_nsec;
	e.triage = lm_triage(e.path, e.size);
	return w->sink->file(w->sink->user, &e);
}

static enum lm_rc visit(struct walk *w)
{
	struct stat st;
	if (lstat(w->path, &st))
		return tell(w, LM_K_evidence_damaged, reason(errno));
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return walk_file(w, &st);
	case S_IFDIR:
		return walk_folder(w, &st);
	case S_IFLNK:
		return walk_link(w);
	case S_IFIFO:
		return tell(w, LM_K_evidence_skipped, "special file: fifo");
	case S_IFSOCK:
		return tell(w, LM_K_evidence_skipped, "special file: socket");
	default:
		return tell(w, LM_K_evidence_skipped, "special file: device");
	}
}

enum lm_rc lm_walk(const char *path, const struct lm_walk_sink *sink, struct lm_err *err)
{
	struct walk *w = lm_xalloc(sizeof *w); /* two of these on the stack would be too much for a small one */
	size_t n = strlen(path);
	enum lm_rc rc;

	memset(w, 0, sizeof *w);
	w->sink = sink;
	lm_map_init(&w->seen);
	while (n > 1 && path[n - 1] == '/' && !(n == 2 && path[0] == '/' && path[1] == '/'))
		n--;
	if (n == 2 && path[0] == '/' && path[1] == '/')
		n = 1;
	if (n == 0) {
		rc = lm_fail(err, LM_EUSAGE, "cannot read evidence: the path is empty");
		goto done;
	}
	if (n >= sizeof w->path) {
		rc = lm_fail(err, LM_EIO, "cannot read evidence: a path of %zu bytes is too long", n);
		goto done;
	}
	memcpy(w->path, path, n);
	w->n = n;
	struct stat st;
	/* the path as given, not ours: "file/" is an error of the user's */
	if (stat(path, &st)) {
		rc = lm_fail(err, LM_EIO, "cannot read '%s': %s", path, strerror(errno));
		goto done;
	}
	if (S_ISREG(st.st_mode)) {
		if (faccessat(AT_FDCWD, w->path, R_OK, AT_EACCESS)) {
			rc = lm_fail(err, LM_EIO, "cannot read '%s': %s", path, strerror(errno));
			goto done;
		}
		size_t slash = lm_str_rfind((struct lm_str){ w->path, n }, '/');
		w->below = slash == SIZE_MAX ? 0 : slash + 1;
		rc = walk_file(w, &st);
		goto done;
	}
	if (!S_ISDIR(st.st_mode)) {
		rc = lm_fail(err, LM_EIO, "cannot read '%s': not a file or folder", path);
		goto done;
	}
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		rc = lm_fail(err, LM_EIO, "cannot read '%s': %s", path, strerror(errno));
		goto done;
	}
	close(fd);
	w->root_real = realpath(path, NULL);
	w->below = w->path[n - 1] == '/' ? n : n + 1;
	rc = walk_folder(w, &st);
done:
	lm_map_fini(&w->seen);
	free(w->root_real);
	free(w);
	return rc;
}
