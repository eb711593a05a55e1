/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip.c - the members of a zip, from its central directory and, where that fails, from the local headers.
 *
 * In: the whole archive as a view. Out: members through pour.c. Source: PKWARE APPNOTE.TXT 6.3.10, named by
 * section below, and the WinZip AES note (extra field 0x9901).
 *
 * Stored and deflated members are unpacked here: names stay the bytes they are, a member that is cut or
 * flawed gives what can be read of it, and one bad member never hides the next one. Everything rarer
 * (bzip2, LZMA, XZ, PPMd, zstd, encryption) goes to libarchive, one member at a time, as a zip of its own.
 *
 * Limits: sizes are believed only where bytes lie behind them; entries that share bytes stop the archive when
 * more compressed bytes were read than twice its size.
 */
#include "source/source_priv.h"

#include "base/buf.h"
#include "base/timestamp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <zlib.h>

#define SIG_LOCAL 0x04034b50u
#define SIG_CENTRAL 0x02014b50u
#define SIG_EOCD 0x06054b50u
#define SIG_EOCD64 0x06064b50u
#define SIG_LOCATOR64 0x07064b50u
#define SIG_DESCRIPTOR 0x08074b50u
#define LOCAL_SIZE 30u
#define EOCD_SIZE 22u

#define FLAG_ENCRYPTED 0x0001u
#define FLAG_DESCRIPTOR 0x0008u
#define FLAG_STRONG 0x0040u
#define FLAG_UTF8 0x0800u
#define FLAG_MASKED 0x2000u

#define METHOD_STORED 0u
#define METHOD_DEFLATE 8u
#define METHOD_LZMA 14u
#define METHOD_AES 99u

/* A packer's strongest setting asks for 64 MiB; what asks for more than this wants our memory. */
#define DICTIONARY_MAX (UINT32_C(256) << 20)

/* After so many encrypted members that no password opens, the others are not tried. */
#define PASSWORD_STREAK 16u

struct entry {
	uint64_t local; /* of the local header, from the archive's first byte */
	uint64_t csize, usize;
	uint32_t crc, attributes;
	uint16_t made_by, flags, method, time, date;
	bool crc_known;
	struct lm_bytes name, extra;
};

struct span {
	uint64_t from, to;
};

struct zip {
	struct lm_pour *o;
	struct lm_bytes all;
	uint64_t shift;		     /* offsets in the directory are that much too small (self-extractor stub) */
	uint64_t cd_at, cd_n, end_at; /* central directory; first byte after the end record */
	struct span *spans;
	size_t n_spans, cap_spans;
	uint64_t claimed; /* compressed bytes read so far */
	size_t password;  /* the one that fitted last */
	unsigned streak;  /* encrypted members in a row without one that fits */
	z_stream z;
	bool z_ready;
	uint8_t out[LM_STREAM_BLOCK];
};

/* ---- fields ---- */

static struct lm_str name_of(const struct entry *e)
{
	return lm_bytes_str(e->name);
}

/* The extra field with this id (section 4.5); an empty view when there is none. */
static struct lm_bytes extra_field(struct lm_bytes extra, uint16_t id)
{
	struct lm_rd r = lm_rd_of(extra);
	while (lm_rd_left(&r) >= 4) {
		uint16_t tag = lm_rd_u16le(&r), n = lm_rd_u16le(&r);
		struct lm_bytes b = lm_rd_take(&r, n);
		if (!r.bad && tag == id)
			return b;
	}
	return (struct lm_bytes){ 0 };
}

/* Section 4.5.3: the 64-bit values stand in this order, each only when its 32-bit field is all ones. */
static void widen(struct entry *e, bool local)
{
	struct lm_rd r = lm_rd_of(extra_field(e->extra, 0x0001));
	if (e->usize == UINT32_MAX)
		e->usize = lm_rd_left(&r) >= 8 ? lm_rd_u64le(&r) : e->usize;
	if (e->csize == UINT32_MAX)
		e->csize = lm_rd_left(&r) >= 8 ? lm_rd_u64le(&r) : e->csize;
	if (!local && e->local == UINT32_MAX)
		e->local = lm_rd_left(&r) >= 8 ? lm_rd_u64le(&r) : e->local;
}

/* Best of: NTFS times (4.5.5), extended timestamp (0x5455), DOS time (4.4.6) read as UTC. */
static struct lm_int modified(const struct entry *e)
{
	int64_t ns;
	struct lm_rd r = lm_rd_of(extra_field(e->extra, 0x000a));
	lm_rd_skip(&r, 4);
	while (lm_rd_left(&r) >= 4) {
		uint16_t tag = lm_rd_u16le(&r), n = lm_rd_u16le(&r);
		struct lm_rd t = lm_rd_sub(&r, n);
		uint64_t ft = lm_rd_u64le(&t);
		if (tag == 1 && !t.bad && lm_time_from_filetime(ft, &ns))
			return LM_INT(ns);
	}
	r = lm_rd_of(extra_field(e->extra, 0x5455));
	uint8_t flags = lm_rd_u8(&r);
	int32_t s = (int32_t)lm_rd_u32le(&r);
	if (!r.bad && (flags & 1))
		return LM_INT((int64_t)s * LM_NS_PER_S);

	unsigned year = 1980 + (e->date >> 9), month = e->date >> 5 & 15, day = e->date & 31;
	unsigned hour = e->time >> 11, minute = e->time >> 5 & 63, second = (e->time & 31) * 2;
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59)
		return (struct lm_int){ 0 };
	int64_t t = lm_days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return LM_INT(t * LM_NS_PER_S);
}

/* The next record of the central directory (4.3.12). False at its end or at anything else. */
static bool central(struct lm_rd *r, struct entry *e)
{
	struct lm_rd save = *r;
	memset(e, 0, sizeof *e);
	uint32_t sig = lm_rd_u32le(r);
	e->made_by = lm_rd_u16le(r);
	lm_rd_skip(r, 2);
	e->flags = lm_rd_u16le(r);
	e->method = lm_rd_u16le(r);
	e->time = lm_rd_u16le(r);
	e->date = lm_rd_u16le(r);
	e->crc = lm_rd_u32le(r);
	e->csize = lm_rd_u32le(r);
	e->usize = lm_rd_u32le(r);
	uint16_t n_name = lm_rd_u16le(r), n_extra = lm_rd_u16le(r), n_comment = lm_rd_u16le(r);
	lm_rd_skip(r, 4); /* disk, internal attributes */
	e->attributes = lm_rd_u32le(r);
	e->local = lm_rd_u32le(r);
	e->name = lm_rd_take(r, n_name);
	e->extra = lm_rd_take(r, n_extra);
	lm_rd_skip(r, n_comment);
	if (r->bad || sig != SIG_CENTRAL) {
		*r = save;
		return false;
	}
	e->crc_known = true;
	widen(e, false);
	return true;
}

/* A local header (4.3.7). False when there is none at the cursor. */
static bool local(struct lm_rd *r, struct entry *e)
{
	struct lm_rd save = *r;
	memset(e, 0, sizeof *e);
	e->local = r->pos;
	uint32_t sig = lm_rd_u32le(r);
	uint16_t version = lm_rd_u16le(r);
	e->flags = lm_rd_u16le(r);
	e->method = lm_rd_u16le(r);
	e->time = lm_rd_u16le(r);
	e->date = lm_rd_u16le(r);
	e->crc = lm_rd_u32le(r);
	e->csize = lm_rd_u32le(r);
	e->usize = lm_rd_u32le(r);
	uint16_t n_name = lm_rd_u16le(r), n_extra = lm_rd_u16le(r);
	e->name = lm_rd_take(r, n_name);
	e->extra = lm_rd_take(r, n_extra);
	/* versions go to 6.3, methods to 99 (4.4.3, 4.4.5): four bytes of chance are no header */
	if (r->bad || sig != SIG_LOCAL || (version & 0xff) > 99 || e->method > METHOD_AES) {
		*r = save;
		return false;
	}
	e->crc_known = !(e->flags & FLAG_DESCRIPTOR);
	widen(e, true);
	return true;
}

static bool is_folder(const struct entry *e)
{
	if (e->usize || e->name.n == 0)
		return false; /* a "folder" with content is evidence that someone hid something */
	uint8_t last = e->name.p[e->name.n - 1];
	return last == '/' || (last == '\\' && e->made_by >> 8 == 0);
}

static bool is_link(const struct entry *e)
{
	return e->made_by >> 8 == 3 && (e->attributes >> 16 & 0170000) == 0120000;
}

/* ---- unpacking one member ---- */

/* Where unpacking ended: compressed bytes used, and what is wrong (NULL when nothing is). */
struct end {
	uint64_t used;
	const char *flaw;
	bool complete; /* the compressed data came to its own end */
	uint32_t crc;
};

static struct end inflate_member(struct zip *z, struct lm_bytes data)
{
	struct end end = { .crc = (uint32_t)crc32(0, NULL, 0) };
	if (!z->z_ready) {
		if (inflateInit2(&z->z, -MAX_WBITS) != Z_OK) {
			end.flaw = "cannot be inflated: out of memory";
			return end;
		}
		z->z_ready = true;
	} else {
		inflateReset(&z->z);
	}
	z->z.avail_in = 0;
	uint64_t fed = 0;
	for (;;) {
		if (z->z.avail_in == 0) {
			struct lm_bytes part = lm_bytes_part(data, fed, 1u << 30);
			z->z.next_in = (Bytef *)(uintptr_t)part.p; /* zlib does not write there */
			z->z.avail_in = (uInt)part.n;
			fed += part.n;
		}
		z->z.next_out = z->out;
		z->z.avail_out = sizeof z->out;
		int r = inflate(&z->z, Z_NO_FLUSH);
		struct lm_bytes got = { z->out, sizeof z->out - z->z.avail_out };
		end.used = fed - z->z.avail_in;
		end.crc = (uint32_t)crc32(end.crc, got.p, (uInt)got.n);
		if (!lm_pour_write(z->o, got))
			return end;
		if (r == Z_STREAM_END) {
			end.complete = true;
			return end;
		}
		if (r == Z_MEM_ERROR)
			end.flaw = "cannot be inflated: out of memory";
		else if (r != Z_OK && r != Z_BUF_ERROR)
			end.flaw = "holds invalid deflate data";
		else if (fed == data.n && z->z.avail_in == 0 && got.n < sizeof z->out)
			end.flaw = "is cut: its deflate data does not end";
		if (end.flaw)
			return end;
	}
}

/* A zip of one member for libarchive: flags without the UTF-8 bit and a plain name, so no character table. */
static void one_member(const struct entry *e, struct lm_bytes data, struct lm_buf *head, struct lm_buf *tail)
{
	static const char name[] = "m";
	struct lm_bytes aes = extra_field(e->extra, 0x9901);
	uint64_t usize = e->usize, csize = data.n;
	bool wide = usize >= UINT32_MAX || csize >= UINT32_MAX;
	unsigned n_extra = (aes.n ? 4 + (unsigned)aes.n : 0) + (wide ? 20 : 0);
	for (int is_tail = 0; is_tail < 2; is_tail++) {
		struct lm_buf *b = is_tail ? tail : head;
		lm_buf_u32le(b, is_tail ? SIG_CENTRAL : SIG_LOCAL);
		if (is_tail)
			lm_buf_u16le(b, 63);
		lm_buf_u16le(b, 63);
		lm_buf_u16le(b, e->flags & (uint16_t)~FLAG_UTF8);
		lm_buf_u16le(b, e->method);
		lm_buf_u16le(b, e->time);
		lm_buf_u16le(b, e->date);
		lm_buf_u32le(b, e->crc);
		lm_buf_u32le(b, wide ? UINT32_MAX : (uint32_t)csize);
		lm_buf_u32le(b, wide ? UINT32_MAX : (uint32_t)usize);
		lm_buf_u16le(b, sizeof name - 1);
		lm_buf_u16le(b, (uint16_t)n_extra);
		if (is_tail) {
			lm_buf_u16le(b, 0); /* comment */
			lm_buf_u32le(b, 0); /* disk, internal attributes */
			lm_buf_u32le(b, 0); /* attributes: a plain file */
			lm_buf_u32le(b, 0); /* offset of the local header */
		}
		lm_buf_puts(b, name);
		if (wide) {
			lm_buf_u16le(b, 0x0001);
			lm_buf_u16le(b, 16);
			lm_buf_u64le(b, usize);
			lm_buf_u64le(b, csize);
		}
		if (aes.n) {
			lm_buf_u16le(b, 0x9901);
			lm_buf_u16le(b, (uint16_t)aes.n);
			lm_buf_add(b, aes.p, aes.n);
		}
	}
	uint64_t cd_at = head->n + csize, cd_n = tail->n;
	bool far = cd_at >= UINT32_MAX;
	if (far) {
		lm_buf_u32le(tail, SIG_EOCD64);
		lm_buf_u64le(tail, 44);
		lm_buf_u16le(tail, 63);
		lm_buf_u16le(tail, 63);
		lm_buf_u64le(tail, 0); /* disks */
		lm_buf_u64le(tail, 1);
		lm_buf_u64le(tail, 1);
		lm_buf_u64le(tail, cd_n);
		lm_buf_u64le(tail, cd_at);
		lm_buf_u32le(tail, SIG_LOCATOR64);
		lm_buf_u32le(tail, 0);
		lm_buf_u64le(tail, cd_at + cd_n);
		lm_buf_u32le(tail, 1);
	}
	lm_buf_u32le(tail, SIG_EOCD);
	lm_buf_u32le(tail, 0); /* disks */
	lm_buf_u16le(tail, 1);
	lm_buf_u16le(tail, 1);
	lm_buf_u32le(tail, (uint32_t)cd_n);
	lm_buf_u32le(tail, far ? UINT32_MAX : (uint32_t)cd_at);
	lm_buf_u16le(tail, 0);
}

/* Tries the passwords, the last good one first, and hands over what one of them opens. */
static void with_passwords(struct zip *z, const struct entry *e, const struct lm_unpack_zip *one, uint64_t data_at,
			   bool cut)
{
	struct lm_pour *o = z->o;
	const char *const *list = o->passwords;
	const char *scheme = e->method == METHOD_AES ? "AES" : "traditional";
	size_t n = 0;
	char why[160];

	while (list && list[n])
		n++;
	if (n == 0) {
		lm_pour_issue(o, LM_K_evidence_encrypted, name_of(e), data_at, e->usize,
			      "zip member with %s encryption; no password was given", scheme);
		return;
	}
	if (z->streak >= PASSWORD_STREAK) {
		lm_pour_issue(o, LM_K_evidence_encrypted, name_of(e), data_at, e->usize,
			      "zip member with %s encryption; not tried: no password opened the %u members before",
			      scheme, PASSWORD_STREAK);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		size_t k = i == 0 ? z->password : i <= z->password ? i - 1 : i;
		lm_pour_again(o);
		enum lm_unpack_end end = lm_unpack_zip_member(o, one, list[k], why);
		/*
		 * The traditional scheme checks one byte: of 256 wrong passwords one passes and gives garbage, so
		 * a flaw means "wrong" unless the bytes are known to be cut.
		 */
		if (end == LM_UNPACK_CUT && !cut && e->method != METHOD_AES)
			end = LM_UNPACK_PASSWORD;
		if (end == LM_UNPACK_PASSWORD)
			continue;
		z->password = k;
		z->streak = 0;
		if (end == LM_UNPACK_METHOD) {
			lm_pour_issue(o, LM_K_evidence_damaged, name_of(e), data_at, e->usize, "%s", why);
			return;
		}
		lm_pour_end(o, name_of(e), modified(e), e->usize);
		if (end == LM_UNPACK_CUT)
			lm_pour_issue(o, LM_K_evidence_damaged, name_of(e), data_at, e->usize, "%s",
				      cut ? "the archive ends inside this encrypted member" : why);
		return;
	}
	z->streak++;
	lm_pour_issue(o, LM_K_evidence_encrypted, name_of(e), data_at, e->usize,
		      "zip member with %s encryption; none of %zu password%s opens it", scheme, n, n == 1 ? "" : "s");
}

/* Methods and encryption that only libarchive knows. */
static void by_libarchive(struct zip *z, const struct entry *e, struct lm_bytes data, uint64_t data_at, bool cut)
{
	struct lm_buf head, tail;
	char why[160] = "";
	lm_buf_init(&head, 65536 + 512);
	lm_buf_init(&tail, 65536 + 512);
	one_member(e, data, &head, &tail);
	if (head.bad || tail.bad)
		goto done;
	if (e->method == METHOD_LZMA && !(e->flags & FLAG_ENCRYPTED)) {
		/* 5.8.8: version, length of the properties, then properties of LZMA: one byte and the dictionary */
		struct lm_rd r = lm_rd_of(data);
		lm_rd_skip(&r, 5);
		uint32_t dictionary = lm_rd_u32le(&r);
		if (dictionary > DICTIONARY_MAX) {
			lm_pour_issue(z->o, LM_K_evidence_skipped, name_of(e), data_at, e->usize,
				      "LZMA with a dictionary of %" PRIu32 " bytes, more than %" PRIu32, dictionary,
				      DICTIONARY_MAX);
			goto done;
		}
	}
	struct lm_unpack_zip one = { lm_str_bytes(lm_buf_view(&head)), data, lm_str_bytes(lm_buf_view(&tail)) };
	if (e->flags & FLAG_ENCRYPTED) {
		with_passwords(z, e, &one, data_at, cut);
		goto done;
	}
	switch (lm_unpack_zip_member(z->o, &one, NULL, why)) {
	case LM_UNPACK_METHOD:
	case LM_UNPACK_PASSWORD:
		lm_pour_issue(z->o, LM_K_evidence_damaged, name_of(e), data_at, e->usize,
			      "cannot be unpacked: %s (method %u)", why, e->method);
		break;
	case LM_UNPACK_CUT:
		lm_pour_end(z->o, name_of(e), modified(e), e->usize);
		lm_pour_issue(z->o, LM_K_evidence_damaged, name_of(e), data_at, e->usize, "%s",
			      cut ? "the archive ends inside this member" : why);
		break;
	default:
		lm_pour_end(z->o, name_of(e), modified(e), e->usize);
	}
done:
	lm_buf_fini(&head);
	lm_buf_fini(&tail);
}

/* Says after the handing over what was wrong with a member that was unpacked here. */
static void judge(struct zip *z, const struct entry *e, struct lm_bytes data, uint64_t data_at, bool cut,
		  struct end end, uint64_t size)
{
	struct lm_pour *o = z->o;
	if (cut && !end.complete && end.used == data.n)
		lm_pour_issue(o, LM_K_evidence_damaged, name_of(e), data_at + end.used, e->usize,
			      "the archive ends inside this member: %" PRIu64 " bytes of it could be read", size);
	else if (end.flaw)
		lm_pour_issue(o, LM_K_evidence_damaged, name_of(e), data_at + end.used, e->usize,
			      "%s: %" PRIu64 " bytes of it could be read", end.flaw, size);
	else if (e->crc_known && end.crc != e->crc)
		lm_pour_issue(o, LM_K_evidence_damaged, name_of(e), data_at, e->usize,
			      "its CRC-32 is %08" PRIx32 ", the archive says %08" PRIx32, end.crc, e->crc);
	else if (e->crc_known && size != e->usize)
		lm_pour_issue(o, LM_K_evidence_damaged, name_of(e), data_at, e->usize,
			      "holds %" PRIu64 " bytes, the archive says %" PRIu64, size, e->usize);
	else if (end.complete && end.used < data.n && e->crc_known)
		lm_pour_issue(o, LM_K_evidence_skipped, name_of(e), data_at + end.used, data.n - end.used,
			      "%" PRIu64 " bytes between the end of its compressed data and its declared end",
			      (uint64_t)data.n - end.used);
}

/*
 * Unpacks and hands over one member whose compressed bytes are `data` at `data_at`; `cut`: fewer than
 * declared. Returns how many of them were used.
 */
static uint64_t extract(struct zip *z, const struct entry *e, struct lm_bytes data, uint64_t data_at, bool cut)
{
	struct lm_pour *o = z->o;
	struct end end = { .used = data.n };
	if (is_folder(e) || is_link(e) || !lm_pour_begin(o, data.n ? data.n : 1))
		return data.n;
	if (e->flags & (FLAG_STRONG | FLAG_MASKED)) {
		lm_pour_issue(o, LM_K_evidence_encrypted, name_of(e), data_at, e->usize,
			      "zip member with PKWARE strong encryption, which cannot be opened here");
	} else if ((e->flags & FLAG_ENCRYPTED) || (e->method != METHOD_STORED && e->method != METHOD_DEFLATE)) {
		by_libarchive(z, e, data, data_at, cut);
	} else if (e->method == METHOD_STORED) {
		uint64_t size = data.n;
		lm_pour_view(o, data, name_of(e), modified(e));
		if (o->state != LM_POUR_OPEN || o->rc)
			return data.n;
		end.crc = (uint32_t)crc32_z(crc32(0, NULL, 0), data.p, data.n);
		judge(z, e, data, data_at, cut, end, size);
	} else {
		end = inflate_member(z, data);
		uint64_t size = o->size;
		bool whole = o->state == LM_POUR_OPEN;
		lm_pour_end(o, name_of(e), modified(e), e->usize);
		if (whole)
			judge(z, e, data, data_at, cut, end, size);
	}
	return end.used;
}

/* ---- without a directory ---- */

/* Position of a signature in [from, to), or `to`. */
static uint64_t find_sig(struct zip *z, uint64_t from, uint64_t to, uint32_t sig)
{
	uint8_t needle[4] = { (uint8_t)sig, (uint8_t)(sig >> 8), (uint8_t)(sig >> 16), (uint8_t)(sig >> 24) };
	if (from >= to)
		return to;
	size_t at = lm_bytes_find(lm_bytes_part(z->all, from, to - from), (struct lm_bytes){ needle, 4 });
	return at == SIZE_MAX ? to : from + at;
}

/* Data descriptor (4.3.9) at `at` of a member of `used` compressed bytes: its length, 0 when there is none. */
static uint64_t descriptor(struct zip *z, uint64_t at, uint64_t used, uint32_t *crc)
{
	for (int form = 0; form < 4; form++) {
		struct lm_rd r = lm_rd_of(lm_bytes_part(z->all, at, 24));
		bool with_sig = !(form & 1), wide = form & 2;
		if (with_sig && lm_rd_u32le(&r) != SIG_DESCRIPTOR)
			continue;
		uint32_t c = lm_rd_u32le(&r);
		uint64_t n = wide ? lm_rd_u64le(&r) : lm_rd_u32le(&r);
		lm_rd_skip(&r, wide ? 8 : 4);
		if (!r.bad && n == used) {
			*crc = c;
			return r.pos;
		}
	}
	return 0;
}

/*
 * Stored or encrypted data of unknown length ends before a descriptor that names its length, or before the
 * next header.
 */
static uint64_t guess_end(struct zip *z, uint64_t from, uint64_t to, uint32_t *crc)
{
	uint64_t stop = find_sig(z, from, to, SIG_LOCAL), central_at = find_sig(z, from, stop, SIG_CENTRAL);
	stop = central_at < stop ? central_at : stop;
	for (uint64_t at = from; (at = find_sig(z, at, stop, SIG_DESCRIPTOR)) < stop; at++)
		if (descriptor(z, at, at - from, crc))
			return at;
	return stop;
}

/* Members in [from, to) by their local headers, one after the other; what is no header is stepped over. */
static void walk_local(struct zip *z, uint64_t from, uint64_t to)
{
	uint64_t at = from;
	while (lm_pour_goes_on(z->o)) {
		at = find_sig(z, at, to, SIG_LOCAL);
		struct entry e;
		struct lm_rd r = lm_rd_of(z->all);
		r.n = (size_t)to;
		lm_rd_seek(&r, at);
		if (at >= to)
			return;
		if (!local(&r, &e)) {
			if (to - at < LOCAL_SIZE)
				return;
			at += 4;
			continue;
		}
		uint64_t data_at = r.pos, left = to - data_at, used;
		bool open_end = (e.flags & FLAG_DESCRIPTOR) && e.csize == 0;
		if (open_end && e.method == METHOD_DEFLATE && !(e.flags & FLAG_ENCRYPTED)) {
			used = extract(z, &e, lm_bytes_part(z->all, data_at, left), data_at, true);
		} else if (open_end) {
			uint64_t end = guess_end(z, data_at, to, &e.crc);
			used = end - data_at;
			(void)extract(z, &e, lm_bytes_part(z->all, data_at, used), data_at, end == to);
		} else {
			used = e.csize < left ? e.csize : left;
			(void)extract(z, &e, lm_bytes_part(z->all, data_at, used), data_at, e.csize > left);
		}
		at = data_at + used;
		uint32_t crc;
		if (e.flags & FLAG_DESCRIPTOR)
			at += descriptor(z, at, used, &crc);
	}
}

/* ---- with a directory ---- */

static bool has_central(struct zip *z, uint64_t at)
{
	struct lm_rd r = lm_rd_of(lm_bytes_part(z->all, at, 4));
	return lm_rd_u32le(&r) == SIG_CENTRAL;
}

/* The end record (4.3.16) with its 64-bit forms. False when there is none that makes sense. */
static bool find_end(struct zip *z, uint16_t *disk)
{
	size_t n = z->all.n, low = n > 65535 + EOCD_SIZE ? n - 65535 - EOCD_SIZE : 0;
	if (n < EOCD_SIZE)
		return false;
	for (size_t at = n - EOCD_SIZE + 1; at-- > low;) {
		struct lm_rd r = lm_rd_of(z->all);
		lm_rd_seek(&r, at);
		if (lm_rd_u32le(&r) != SIG_EOCD)
			continue;
		*disk = lm_rd_u16le(&r);
		lm_rd_skip(&r, 6);
		uint64_t cd_n = lm_rd_u32le(&r), cd_at = lm_rd_u32le(&r), before = at;
		uint16_t comment = lm_rd_u16le(&r);
		if (comment > n - at - EOCD_SIZE)
			continue;
		if (at >= 20) {
			struct lm_rd l = lm_rd_of(z->all);
			lm_rd_seek(&l, at - 20);
			bool has = lm_rd_u32le(&l) == SIG_LOCATOR64;
			lm_rd_skip(&l, 4);
			uint64_t at64 = lm_rd_u64le(&l);
			/* as stored, or right before the locator when something was put in front of the zip */
			for (int try = 0; has && try < 2; try++) {
				struct lm_rd w = lm_rd_of(z->all);
				uint64_t pos = try ? (at >= 76 ? at - 76 : UINT64_MAX) : at64;
				lm_rd_seek(&w, pos);
				if (lm_rd_u32le(&w) != SIG_EOCD64)
					continue;
				lm_rd_skip(&w, 36);
				cd_n = lm_rd_u64le(&w);
				cd_at = lm_rd_u64le(&w);
				before = pos;
				if (!w.bad)
					break;
			}
		}
		if (cd_n > before || cd_at > before - cd_n)
			continue;
		/* where it says, or right before the end record when something was put in front of the zip */
		z->cd_n = cd_n;
		z->end_at = at + EOCD_SIZE + comment;
		z->cd_at = cd_at;
		z->shift = 0;
		if (cd_n == 0 || has_central(z, cd_at))
			return true;
		z->cd_at = before - cd_n;
		z->shift = z->cd_at - cd_at;
		if (has_central(z, z->cd_at))
			return true;
	}
	return false;
}

static bool add_span(struct zip *z, uint64_t from, uint64_t to)
{
	if (z->n_spans == z->cap_spans) {
		size_t cap = z->cap_spans ? z->cap_spans * 2 : 256;
		struct span *s = realloc(z->spans, cap * sizeof *s);
		if (!s)
			return false;
		z->spans = s;
		z->cap_spans = cap;
	}
	z->spans[z->n_spans++] = (struct span){ from, to };
	return true;
}

static int span_order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->to != y->to ? (x->to < y->to ? -1 : 1) : 0;
}

/* One member that the directory lists. */
static void listed(struct zip *z, struct entry *e)
{
	struct lm_pour *o = z->o;
	struct entry l;
	struct lm_rd r = lm_rd_of(z->all);
	uint64_t at = e->local + z->shift;

	if (at < e->local)
		at = UINT64_MAX;
	lm_rd_seek(&r, at);
	if (r.bad || !local(&r, &l)) {
		if (!is_folder(e))
			lm_pour_issue(o, LM_K_evidence_damaged, name_of(e), at, e->usize,
				      "there is no local header where the directory points");
		return;
	}
	struct lm_bytes data = lm_bytes_part(z->all, r.pos, e->csize);
	/* the bytes are there, so this cannot be left out; a name that only one side knows must be seen */
	if (!lm_bytes_eq(l.name, e->name) && !(e->flags & FLAG_MASKED))
		lm_pour_issue(o, LM_K_evidence_damaged, name_of(e), at, 0,
			      "its local header names it differently: '%.*s'", LM_STR_ARG(name_of(&l)));
	if (l.method != e->method || ((l.flags ^ e->flags) & FLAG_ENCRYPTED))
		lm_pour_issue(o, LM_K_evidence_damaged, name_of(e), at, 0,
			      "its local header says method %u, the directory %u", l.method, e->method);
	if (!add_span(z, at, r.pos + data.n)) {
		lm_pour_issue(o, LM_K_evidence_skipped, (struct lm_str){ 0 }, at, 0, "out of memory");
		o->state = LM_POUR_ARCHIVE;
		return;
	}
	z->claimed += data.n;
	if (z->claimed / 2 > z->all.n) {
		lm_pour_issue(o, LM_K_evidence_skipped, name_of(e), at, 0,
			      "members overlap: they claim more than twice the %zu bytes of the archive; the rest is "
			      "left out",
			      z->all.n);
		o->state = LM_POUR_ARCHIVE;
		return;
	}
	if (!e->extra.n)
		e->extra = l.extra; /* times may stand in the local header only */
	(void)extract(z, e, data, r.pos, data.n < e->csize);
}

/* Bytes between the members: other members, hidden or forgotten, or a stub before the first one. */
static void between(struct zip *z)
{
	struct lm_pour *o = z->o;
	uint64_t at = 0, shared = 0;
	if (z->n_spans)
		qsort(z->spans, z->n_spans, sizeof *z->spans, span_order);
	for (size_t i = 0; i <= z->n_spans && lm_pour_goes_on(o); i++) {
		struct span next = i < z->n_spans ? z->spans[i] : (struct span){ z->cd_at, z->cd_at };
		if (next.from < at) {
			shared += i < z->n_spans;
		} else if (next.from > at) {
			uint64_t hidden = find_sig(z, at, next.from, SIG_LOCAL);
			if (hidden < next.from && next.from - hidden >= LOCAL_SIZE) {
				lm_pour_issue(o, LM_K_evidence_damaged, (struct lm_str){ 0 }, hidden,
					      next.from - hidden, "holds members that its directory does not list");
				walk_local(z, hidden, next.from);
			}
			if (at == 0 && hidden > 4) /* four bytes: the marker of a split archive (8.5.5) */
				lm_pour_issue(o, LM_K_evidence_skipped, (struct lm_str){ 0 }, 0, hidden,
					      "%" PRIu64 " bytes before the first member", hidden);
		}
		at = next.to > at ? next.to : at;
	}
	if (shared)
		lm_pour_issue(o, LM_K_evidence_damaged, (struct lm_str){ 0 }, 0, 0,
			      "%" PRIu64 " members share bytes with another one", shared);
}

/* A signature appended to the file is one DER SEQUENCE that reaches its end: expected, not worth a word. */
static bool is_signature(struct lm_bytes b)
{
	struct lm_rd r = lm_rd_of(b);
	if (lm_rd_u8(&r) != 0x30 || lm_rd_u8(&r) != 0x82)
		return false;
	uint16_t n = lm_rd_u16be(&r);
	return !r.bad && n == lm_rd_left(&r);
}

static void by_directory(struct zip *z)
{
	struct lm_pour *o = z->o;
	struct lm_rd r = lm_rd_of(lm_bytes_part(z->all, z->cd_at, z->cd_n));
	struct entry e;
	while (lm_pour_goes_on(o) && central(&r, &e))
		listed(z, &e);
	if (!lm_pour_goes_on(o))
		return;
	uint32_t sig = lm_rd_left(&r) >= 4 ? lm_rd_u32le(&r) : 0;
	/* a digital signature of the directory (4.3.13) or the 64-bit end record may stand behind the entries */
	if (sig && sig != 0x05054b50u && sig != SIG_EOCD64)
		lm_pour_issue(o, LM_K_evidence_damaged, (struct lm_str){ 0 }, z->cd_at + r.pos - 4, 0,
			      "the central directory breaks off");
	between(z);
	struct lm_bytes after = lm_bytes_part(z->all, z->end_at, UINT64_MAX);
	if (after.n && !is_signature(after))
		lm_pour_issue(o, LM_K_evidence_skipped, (struct lm_str){ 0 }, z->end_at, after.n,
			      "%zu bytes after the end of the archive", after.n);
}

enum lm_rc lm_zip_members(struct lm_pour *o)
{
	struct zip *z = malloc(sizeof *z);
	uint16_t disk = 0;
	if (!z)
		return LM_ELIMIT;
	memset(z, 0, offsetof(struct zip, out));
	z->o = o;
	z->all = o->archive;
	struct lm_rd r = lm_rd_of(o->archive);
	bool starts = lm_rd_u32le(&r) == SIG_LOCAL;
	/*
	 * A zip cut behind a stored zip has an end record, but of the inner one: its directory then seems to
	 * belong to a self-extractor. Reading header after header is right for both.
	 */
	if (find_end(z, &disk) && disk == 0 && !(starts && z->shift)) {
		by_directory(z);
	} else {
		lm_pour_issue(o, LM_K_evidence_damaged, (struct lm_str){ 0 }, o->archive.n, 0, "%s",
			      disk ? "part of a split archive: the other parts are missing" :
				     "no central directory: the archive is cut or damaged; read header after header");
		walk_local(z, 0, o->archive.n);
	}
	if (z->z_ready)
		inflateEnd(&z->z);
	free(z->spans);
	free(z);
	return LM_OK;
}
