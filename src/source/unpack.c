/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack.c - tar, 7z, cab and the rarer zip members, through libarchive.
 *
 * In: memory, or a stream of decompressed blocks. Out: members through pour.c. Exactly the formats needed are
 * enabled and no filter: libarchive's external programs (lrzip, lzop, grzip) are never in reach.
 *
 * libarchive converts names to the character set of the locale; for anything but UTF-8 that goes through
 * iconv, which opens files and loses letters. So its calls run under a UTF-8 table of our own, set for the
 * thread and taken back afterwards; setlocale does not matter. Times without a zone go through mktime, which
 * would read the zone file at every call: lm_unpack_prepare pins the C library to UTC.
 */
#include "source/source_priv.h"

#include "base/buf.h"
#include "base/timestamp.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wchar.h>

static locale_t utf8;

void lm_unpack_prepare(void)
{
	static const char *const names[] = { "C.UTF-8", "C.utf8", "en_US.UTF-8", NULL };
	static bool done;
	if (done)
		return;
	done = true;
	/* ":" is an empty zone name after the colon: the C library takes UTC for it and opens no file */
	setenv("TZ", ":", 1);
	tzset();
	for (const char *const *n = names; *n && !utf8; n++)
		utf8 = newlocale(LC_CTYPE_MASK, *n, (locale_t)0);
}

static locale_t enter(void)
{
	return utf8 ? uselocale(utf8) : (locale_t)0;
}

static void leave(locale_t old)
{
	if (old)
		uselocale(old);
}

/* ---- tar header, for probes ---- */

/* A number field of POSIX 1003.1-1988 tar: octal digits, blanks around them. False for anything else. */
static bool octal(struct lm_bytes f, uint64_t *out)
{
	size_t i = 0;
	uint64_t v = 0;
	while (i < f.n && f.p[i] == ' ')
		i++;
	size_t first = i;
	for (; i < f.n && f.p[i] >= '0' && f.p[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(f.p[i] - '0');
	*out = v;
	return i > first && i - first <= 12 && (i == f.n || f.p[i] == ' ' || f.p[i] == 0);
}

bool lm_unpack_is_tar(struct lm_bytes block, bool *ustar)
{
	struct lm_bytes head = lm_bytes_part(block, 0, 512), magic = lm_bytes_part(head, 257, 5);
	uint64_t want, sum = 0;
	*ustar = false;
	if (head.n < 512 || !octal(lm_bytes_part(head, 148, 8), &want))
		return false;
	for (size_t i = 0; i < head.n; i++)
		sum += i >= 148 && i < 156 ? ' ' : head.p[i];
	*ustar = lm_bytes_eq(magic, lm_str_bytes(LM_STR("ustar")));
	if (sum != want)
		return false;
	uint64_t mode, size;
	/* a header of the old kind has no magic: the checksum must come with a name and octal numbers */
	return *ustar ||
	       (head.p[0] && octal(lm_bytes_part(head, 100, 8), &mode) && octal(lm_bytes_part(head, 124, 12), &size));
}

/* ---- entries ---- */

static struct lm_int modified(struct archive_entry *e)
{
	if (!archive_entry_mtime_is_set(e))
		return (struct lm_int){ 0 };
	int64_t s = archive_entry_mtime(e), limit = INT64_MAX / LM_NS_PER_S - 1;
	if (s > limit || s < -limit)
		return (struct lm_int){ 0 };
	return LM_INT(s * LM_NS_PER_S + archive_entry_mtime_nsec(e));
}

static void put_utf8(struct lm_buf *b, uint32_t c)
{
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (c < 0x80) {
		lm_buf_putc(b, (char)c);
		return;
	}
	unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const uint8_t lead[4] = { 0, 0xc0, 0xe0, 0xf0 };
	lm_buf_putc(b, (char)(lead[more] | c >> 6 * more));
	while (more--)
		lm_buf_putc(b, (char)(0x80 | (c >> 6 * more & 0x3f)));
}

/* The raw name; else what libarchive could make of it; else the number of the entry. `b` holds what is made. */
static struct lm_str name_of(struct archive_entry *e, uint64_t number, struct lm_buf *b)
{
	const char *s = archive_entry_pathname(e);
	if (!s || !*s)
		s = archive_entry_pathname_utf8(e);
	if (s && *s)
		return lm_cstr(s);
	const wchar_t *w = archive_entry_pathname_w(e);
	lm_buf_clear(b);
	if (w && *w)
		for (; *w; w++)
			put_utf8(b, (uint32_t)*w);
	else
		lm_buf_fmt(b, "#%" PRIu64, number);
	return lm_buf_view(b);
}

static const char *words(struct archive *a)
{
	const char *s = archive_error_string(a);
	return s ? s : "libarchive gives no reason";
}

/* Reads the data of the entry at hand into the pour. ARCHIVE_EOF when complete; OK when the pour refused. */
static int pour_data(struct lm_pour *o, struct archive *a)
{
	for (;;) {
		const void *p;
		size_t n;
		int64_t at = 0;
		int r = archive_read_data_block(a, &p, &n, &at);
		if (r == ARCHIVE_RETRY)
			continue;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN && r != ARCHIVE_EOF)
			return r;
		/* a hole of a sparse file, also the one at its end */
		if (at > 0 && (uint64_t)at > o->size && !lm_pour_zeros(o, (uint64_t)at - o->size))
			return ARCHIVE_OK;
		if (r == ARCHIVE_EOF)
			return r;
		if (!lm_pour_write(o, (struct lm_bytes){ p, n }))
			return ARCHIVE_OK;
	}
}

/* What is left of a member that was too large: libarchive would unpack it unseen, so it is counted here. */
static void drain(struct lm_pour *o, struct archive *a)
{
	const void *p;
	size_t n;
	int64_t at;
	for (;;) {
		int r = archive_read_data_block(a, &p, &n, &at);
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return;
		if (!lm_pour_drain(o, n))
			return;
	}
}

static void one_entry(struct lm_pour *o, struct archive *a, struct archive_entry *e, struct lm_str name,
		      bool random_access)
{
	const char *link = archive_entry_hardlink(e);
	uint64_t at = (uint64_t)archive_read_header_position(a);
	uint64_t declared =
		archive_entry_size_is_set(e) && archive_entry_size(e) > 0 ? (uint64_t)archive_entry_size(e) : 0;
	unsigned type = archive_entry_filetype(e);
	if (link && declared == 0) {
		lm_pour_issue(o, LM_K_evidence_skipped, name, at, 0, "hard link to '%.200s' without data of its own",
			      link);
		return;
	}
	if (type != AE_IFREG && type != 0 && !link)
		return;
	if (!lm_pour_begin(o, o->archive.n))
		return;
	int r = pour_data(o, a);
	bool full = o->state != LM_POUR_OPEN;
	if (r == ARCHIVE_EOF || full) {
		lm_pour_end(o, name, modified(e), declared);
		if (full && !random_access && lm_pour_goes_on(o))
			drain(o, a);
	} else if (archive_entry_is_data_encrypted(e)) {
		lm_pour_issue(o, LM_K_evidence_encrypted, name, at, declared,
			      "%s member is encrypted, and this format cannot be decrypted here, password or not: %s",
			      o->format, words(a));
	} else {
		/* what was read before the flaw is evidence too; a member of which nothing was read is none */
		uint64_t got = o->size;
		if (got)
			lm_pour_end(o, name, modified(e), declared);
		lm_pour_issue(o, LM_K_evidence_damaged, name, at, declared,
			      "%s: %" PRIu64 " of %" PRIu64 " bytes could be read", words(a), got, declared);
	}
}

/* All entries of an opened archive. `random_access`: skipping costs nothing. */
static void entries(struct lm_pour *o, struct archive *a, bool random_access)
{
	struct archive_entry *e;
	struct lm_buf made;
	bool in_damage = false;
	int64_t stuck_at = -1;
	lm_buf_init(&made, 1u << 20);
	for (uint64_t number = 1; lm_pour_goes_on(o); number++) {
		int r = archive_read_next_header(a, &e);
		if (r == ARCHIVE_EOF || !lm_pour_goes_on(o))
			break;
		if (r == ARCHIVE_RETRY) {
			/* a block that is no header; the next one may be. Told once for a run of them. */
			if (!in_damage)
				lm_pour_issue(o, LM_K_evidence_damaged, (struct lm_str){ 0 },
					      (uint64_t)archive_read_header_position(a), 0, "%s", words(a));
			in_damage = true;
			int64_t at = archive_filter_bytes(a, 0);
			if (at == stuck_at) /* a retry must consume something, or it never ends */
				break;
			stuck_at = at;
			continue;
		}
		if (r < ARCHIVE_WARN) {
			int64_t at = archive_read_header_position(a);
			if (archive_read_has_encrypted_entries(a) > 0)
				lm_pour_issue(o, LM_K_evidence_encrypted, (struct lm_str){ 0 }, 0, o->archive.n,
					      "%s with encrypted headers, which cannot be decrypted here, password or "
					      "not: %s",
					      o->format, words(a));
			else
				lm_pour_issue(o, LM_K_evidence_damaged, (struct lm_str){ 0 }, at > 0 ? (uint64_t)at : 0,
					      0, "%s", words(a));
			break;
		}
		in_damage = false;
		one_entry(o, a, e, name_of(e, number, &made), random_access);
	}
	lm_buf_fini(&made);
}

void lm_unpack_members(struct lm_pour *o, enum lm_unpack_format format)
{
	locale_t old = enter();
	struct archive *a = archive_read_new();
	int r = ARCHIVE_FATAL;
	if (a && format == LM_UNPACK_TAR)
		r = archive_read_support_format_tar(a);
	else if (a && format == LM_UNPACK_7Z)
		r = archive_read_support_format_7zip(a);
	else if (a)
		r = archive_read_support_format_cab(a);
	if (r == ARCHIVE_OK && format == LM_UNPACK_TAR) /* what is appended behind the end is evidence too */
		r = archive_read_set_format_option(a, "tar", "read_concatenated_archives", "1");
	if (r == ARCHIVE_OK)
		r = archive_read_open_memory(a, o->archive.p, o->archive.n);
	if (r == ARCHIVE_OK)
		entries(o, a, format == LM_UNPACK_TAR);
	else
		lm_pour_issue(o, LM_K_evidence_damaged, (struct lm_str){ 0 }, 0, 0, "%s",
			      a ? words(a) : "out of memory");
	if (a)
		archive_read_free(a);
	leave(old);
}

struct feed {
	struct lm_pour *o;
	struct lm_stream *s;
};

/* A cut stream ends like a whole one: what came before the cut must come out; the caller tells of the cut. */
static la_ssize_t feed_read(struct archive *a, void *user, const void **block)
{
	struct feed *f = user;
	struct lm_bytes b = lm_stream_read(f->s);
	uint64_t in = lm_stream_in(f->s), out = lm_stream_out(f->s);
	const struct lm_member_limits *l = f->o->limits;
	const char *what = NULL;
	/*
	 * What libarchive steps over is decompressed too, and pour.c does not see it. A block read ahead and the
	 * headers are no reason to stop, hence the slack.
	 */
	if (l->ratio && out > LM_POUR_RATIO_FROM && out / l->ratio > in)
		what = "decompression bomb";
	else if (out / 2 > l->total_bytes && out > LM_POUR_RATIO_FROM)
		what = "larger than the limit of one unit";
	if (what) {
		if (lm_pour_goes_on(f->o))
			lm_pour_issue(f->o, LM_K_evidence_skipped, (struct lm_str){ 0 }, in, out,
				      "%s: %" PRIu64 " compressed bytes unfold to more than %" PRIu64 " bytes", what,
				      in, out);
		f->o->state = LM_POUR_ARCHIVE;
		archive_set_error(a, EFBIG, "over the limit");
		return -1;
	}
	*block = b.p;
	return (la_ssize_t)b.n;
}

void lm_unpack_tar_stream(struct lm_pour *o, struct lm_stream *s)
{
	struct feed f = { o, s };
	locale_t old = enter();
	struct archive *a = archive_read_new();
	if (a && archive_read_support_format_tar(a) == ARCHIVE_OK &&
	    archive_read_set_format_option(a, "tar", "read_concatenated_archives", "1") == ARCHIVE_OK &&
	    archive_read_open(a, &f, NULL, feed_read, NULL) == ARCHIVE_OK)
		entries(o, a, true);
	else
		lm_pour_issue(o, LM_K_evidence_damaged, (struct lm_str){ 0 }, 0, 0, "%s",
			      a ? words(a) : "out of memory");
	if (a)
		archive_read_free(a);
	leave(old);
}

/* ---- one member of a zip ---- */

struct parts {
	struct lm_bytes part[3];
	uint64_t at;
};

static la_ssize_t parts_read(struct archive *a, void *user, const void **block)
{
	struct parts *v = user;
	uint64_t at = v->at;
	(void)a;
	for (int i = 0; i < 3; i++) {
		if (at < v->part[i].n) {
			struct lm_bytes b = lm_bytes_part(v->part[i], at, 1u << 20);
			v->at += b.n;
			*block = b.p;
			return (la_ssize_t)b.n;
		}
		at -= v->part[i].n;
	}
	*block = NULL;
	return 0;
}

static la_int64_t parts_seek(struct archive *a, void *user, la_int64_t offset, int whence)
{
	struct parts *v = user;
	int64_t all = (int64_t)(v->part[0].n + v->part[1].n + v->part[2].n);
	int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (int64_t)v->at : all;
	(void)a;
	if (offset < -from || offset > all - from)
		return ARCHIVE_FATAL;
	v->at = (uint64_t)(from + offset);
	return from + offset;
}

enum lm_unpack_end lm_unpack_zip_member(struct lm_pour *o, const struct lm_unpack_zip *z, const char *password,
					char why[160])
{
	struct parts v = { { z->head, z->data, z->tail }, 0 };
	locale_t old = enter();
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	enum lm_unpack_end end = LM_UNPACK_METHOD;
	int r = ARCHIVE_FATAL;

	snprintf(why, 160, "out of memory");
	if (!a)
		goto done;
	if (archive_read_support_format_zip_seekable(a) != ARCHIVE_OK ||
	    (password && *password && archive_read_add_passphrase(a, password) != ARCHIVE_OK) ||
	    archive_read_set_read_callback(a, parts_read) != ARCHIVE_OK ||
	    archive_read_set_seek_callback(a, parts_seek) != ARCHIVE_OK ||
	    archive_read_set_callback_data(a, &v) != ARCHIVE_OK || archive_read_open1(a) != ARCHIVE_OK)
		goto done;
	r = archive_read_next_header(a, &e);
	if (r == ARCHIVE_OK || r == ARCHIVE_WARN)
		r = pour_data(o, a);
	if (r == ARCHIVE_EOF) {
		end = LM_UNPACK_DONE;
		goto done;
	}
	if (r == ARCHIVE_OK) {
		end = LM_UNPACK_STOPPED;
		goto done;
	}
	snprintf(why, 160, "%.150s", words(a));
	if (strstr(why, "assphrase"))
		end = LM_UNPACK_PASSWORD;
	else
		end = o->size || !strstr(why, "nsupported") ? LM_UNPACK_CUT : LM_UNPACK_METHOD;
done:
	if (a)
		archive_read_free(a);
	leave(old);
	return end;
}
