/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - gzip, zstd, xz and bzip2 as streams of blocks.
 *
 * In: the compressed bytes as a view. Out: decompressed blocks of at most 128 KiB. Concatenated gzip members,
 * zstd frames, xz and bzip2 streams read as one. Memory is fixed by the formats' windows.
 * Source: RFC 1952, RFC 8878. gzip and zstd are driven directly, because libarchive's filters throw away the
 * block in which a cut or a flaw stands; for xz and bzip2 that loss (up to 64 KiB) is accepted.
 */
#include "source/source_priv.h"

#include "base/text.h"
#include "base/timestamp.h"

#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

struct lm_stream {
	enum lm_stream_format format;
	struct lm_bytes packed;
	uint64_t fed, in, out;
	const char *damage;
	bool ended;   /* nothing more comes */
	bool pending; /* the block was only looked at */
	size_t n;     /* bytes in block */
	struct lm_str name;
	struct lm_int modified_ns;
	z_stream z;
	ZSTD_DStream *zstd;
	struct archive *a;
	uint8_t block[LM_STREAM_BLOCK];
};

/* Header of the first gzip member (RFC 1952, 2.3): the name and time that the packer stored. */
static void gzip_header(struct lm_stream *s)
{
	struct lm_rd r = lm_rd_of(s->packed);
	lm_rd_skip(&r, 3);
	uint8_t flags = lm_rd_u8(&r);
	uint32_t time = lm_rd_u32le(&r);
	lm_rd_skip(&r, 2);
	if (flags & 4)
		lm_rd_skip(&r, lm_rd_u16le(&r));
	if (r.bad)
		return;
	if (time)
		s->modified_ns = LM_INT((int64_t)time * LM_NS_PER_S);
	if (!(flags & 8))
		return;
	struct lm_bytes rest = lm_bytes_part(s->packed, r.pos, 65536);
	size_t n = lm_str_find(lm_bytes_str(rest), 0, 0);
	if (n != SIZE_MAX && n > 0)
		s->name = (struct lm_str){ (const char *)rest.p, n };
}

static bool open_archive(struct lm_stream *s)
{
	struct archive_entry *e;
	s->a = archive_read_new();
	return s->a && archive_read_support_format_raw(s->a) == ARCHIVE_OK &&
	       (s->format == LM_STREAM_XZ ? archive_read_support_filter_xz(s->a)
					  : archive_read_support_filter_bzip2(s->a)) == ARCHIVE_OK &&
	       archive_read_open_memory(s->a, s->packed.p, s->packed.n) == ARCHIVE_OK &&
	       archive_read_next_header(s->a, &e) == ARCHIVE_OK && archive_filter_count(s->a) > 1;
}

struct lm_stream *lm_stream_open(enum lm_stream_format format, struct lm_bytes packed)
{
	struct lm_stream *s = malloc(sizeof *s);
	bool ok = false;
	if (!s)
		return NULL;
	memset(s, 0, offsetof(struct lm_stream, block));
	s->format = format;
	s->packed = packed;
	switch (format) {
	case LM_STREAM_GZIP:
		ok = inflateInit2(&s->z, MAX_WBITS + 16) == Z_OK;
		gzip_header(s);
		break;
	case LM_STREAM_ZSTD:
		s->zstd = ZSTD_createDStream();
		ok = s->zstd != NULL;
		break;
	default:
		ok = open_archive(s);
		break;
	}
	if (!ok) {
		s->ended = true;
		s->damage = "cannot be decompressed: no valid data, or out of memory";
	}
	return s;
}

void lm_stream_close(struct lm_stream *s)
{
	if (!s)
		return;
	if (s->format == LM_STREAM_GZIP)
		inflateEnd(&s->z);
	ZSTD_freeDStream(s->zstd);
	if (s->a)
		archive_read_free(s->a);
	free(s);
}

/* True when another gzip member begins at `at`; padding and signatures behind the last one are not data. */
static bool gzip_follows(struct lm_stream *s, uint64_t at)
{
	struct lm_rd r = lm_rd_of(lm_bytes_part(s->packed, at, 10));
	return lm_rd_u8(&r) == 0x1f && lm_rd_u8(&r) == 0x8b && lm_rd_u8(&r) == 8 && !r.bad;
}

static void gzip_fill(struct lm_stream *s)
{
	while (!s->ended && s->n < sizeof s->block) {
		if (s->z.avail_in == 0) {
			struct lm_bytes part = lm_bytes_part(s->packed, s->fed, 1u << 30);
			s->z.next_in = (Bytef *)(uintptr_t)part.p; /* zlib does not write there */
			s->z.avail_in = (uInt)part.n;
			s->fed += part.n;
		}
		size_t room = sizeof s->block - s->n;
		s->z.next_out = s->block + s->n;
		s->z.avail_out = (uInt)room;
		int r = inflate(&s->z, Z_NO_FLUSH);
		s->n += room - s->z.avail_out;
		s->in = s->fed - s->z.avail_in;
		if (r == Z_STREAM_END) {
			if (gzip_follows(s, s->in))
				inflateReset(&s->z);
			else
				s->ended = true;
		} else if (r == Z_MEM_ERROR) {
			s->damage = "cannot be decompressed: out of memory";
		} else if (r != Z_OK && r != Z_BUF_ERROR) {
			s->damage = s->z.msg && !strcmp(s->z.msg, "incorrect data check")
					    ? "gzip checksum does not fit the data"
					    : "invalid gzip data";
		} else if (s->fed == s->packed.n && s->z.avail_in == 0 && s->z.avail_out) {
			s->damage = "gzip data is cut";
		}
		s->ended = s->ended || s->damage;
	}
}

static void zstd_fill(struct lm_stream *s)
{
	ZSTD_outBuffer out = { s->block, sizeof s->block, 0 };
	while (!s->ended && out.pos < out.size) {
		ZSTD_inBuffer in = { s->packed.p, s->packed.n, (size_t)s->in };
		size_t before = out.pos, left = ZSTD_decompressStream(s->zstd, &out, &in);
		bool moved = in.pos != s->in || out.pos != before;
		s->in = in.pos;
		if (ZSTD_isError(left)) {
			s->damage = "invalid zstd data";
		} else if (left == 0) {
			/* a frame is complete: another may follow, or what follows is not ours */
			struct lm_rd r = lm_rd_of(lm_bytes_part(s->packed, s->in, 4));
			uint32_t magic = lm_rd_u32le(&r);
			if (magic != ZSTD_MAGICNUMBER && (magic & 0xfffffff0u) != 0x184d2a50u)
				s->ended = true;
		} else if (!moved && s->in == s->packed.n) {
			s->damage = "zstd data is cut";
		}
		s->ended = s->ended || s->damage;
	}
	s->n = out.pos;
}

static void archive_fill(struct lm_stream *s)
{
	while (!s->ended && s->n < sizeof s->block) {
		la_ssize_t k = archive_read_data(s->a, s->block + s->n, sizeof s->block - s->n);
		int64_t used = archive_filter_bytes(s->a, -1);
		s->in = used > 0 ? (uint64_t)used : s->in;
		if (k > 0) {
			s->n += (size_t)k;
		} else if (k == 0) {
			s->ended = true;
		} else if (k != ARCHIVE_RETRY) {
			s->damage = s->format == LM_STREAM_XZ ? "xz data is cut or invalid"
							      : "bzip2 data is cut or invalid";
			s->ended = true;
		}
	}
}

struct lm_bytes lm_stream_read(struct lm_stream *s)
{
	if (!s->pending) {
		s->n = 0;
		if (s->format == LM_STREAM_GZIP)
			gzip_fill(s);
		else if (s->format == LM_STREAM_ZSTD)
			zstd_fill(s);
		else
			archive_fill(s);
		s->out += s->n;
	}
	s->pending = false;
	return (struct lm_bytes){ s->block, s->n };
}

struct lm_bytes lm_stream_peek(struct lm_stream *s)
{
	struct lm_bytes b = lm_stream_read(s);
	s->pending = true;
	return b;
}

const char *lm_stream_damage(const struct lm_stream *s)
{
	return s->damage;
}

uint64_t lm_stream_in(const struct lm_stream *s)
{
	return s->in;
}

uint64_t lm_stream_out(const struct lm_stream *s)
{
	return s->out;
}

void lm_stream_stored(const struct lm_stream *s, struct lm_str *name, struct lm_int *modified_ns)
{
	*name = s->name;
	*modified_ns = s->modified_ns;
}

/* A tar inside is unpacked at once; anything else is the one member. */
void lm_stream_members(struct lm_pour *o, enum lm_stream_format format)
{
	struct lm_stream *s = lm_stream_open(format, o->archive);
	struct lm_str name = { 0 };
	struct lm_int when = { 0 };
	bool ustar, bare = false;
	if (!s) {
		lm_pour_issue(o, LM_K_evidence_skipped, name, 0, 0, "out of memory");
		return;
	}
	if (lm_unpack_is_tar(lm_stream_peek(s), &ustar)) {
		lm_unpack_tar_stream(o, s);
	} else if (lm_pour_begin(o, o->archive.n)) {
		struct lm_bytes b;
		bare = true;
		while ((b = lm_stream_read(s)).n && lm_pour_write(o, b))
			;
		lm_stream_stored(s, &name, &when);
		/* nothing could be read at all: there is no member, only damage */
		if (lm_stream_out(s) || !lm_stream_damage(s))
			lm_pour_end(o, name, when, 0);
	}
	/* a bare member over its limit was not read to the end: nothing is known of what follows */
	bool known = lm_pour_goes_on(o) && !(bare && o->state != LM_POUR_OPEN);
	if (known && lm_stream_damage(s)) {
		lm_pour_issue(o, LM_K_evidence_damaged, name, lm_stream_in(s), 0, "%s: %" PRIu64 " bytes could be read",
			      lm_stream_damage(s), lm_stream_out(s));
	} else if (known) {
		struct lm_bytes rest = lm_bytes_part(o->archive, lm_stream_in(s), UINT64_MAX);
		if (!lm_bytes_all_zero(rest))
			lm_pour_issue(o, LM_K_evidence_skipped, (struct lm_str){ 0 }, lm_stream_in(s), rest.n,
				      "%zu bytes after the end of the compressed data", rest.n);
	}
	lm_stream_close(s);
}
