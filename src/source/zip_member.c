/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip_member.c - unpacking one member of a zip.
 *
 * In: a directory entry or local header, and the compressed bytes. Out: the member through pour.c, and what is
 * wrong with it. Source: PKWARE APPNOTE.TXT 6.3.10, and the WinZip AES note (extra field 0x9901).
 *
 * Stored and deflated members are unpacked here: names stay the bytes they are, a member that is cut or
 * flawed gives what can be read of it, and one bad member never hides the next one. Everything rarer
 * (bzip2, LZMA, XZ, PPMd, zstd, encryption) goes to libarchive, one member at a time, as a zip of its own.
 */
#include "source/zip_priv.h"

#include "base/buf.h"
#include "base/timestamp.h"

#include <inttypes.h>

/* After so many encrypted members that no password opens, the others are not tried. */
#define PASSWORD_STREAK 16u

/* A packer's strongest setting asks for 64 MiB; what asks for more than this wants our memory. */
#define DICTIONARY_MAX (UINT32_C(256) << 20)

/* ---- fields ---- */

/* The extra field with this id (section 4.5); an empty view when there is none. */
struct lm_bytes lm_zip_extra(struct lm_bytes extra, uint16_t id)
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

/* Best of: NTFS times (4.5.5), extended timestamp (0x5455), DOS time (4.4.6) read as UTC. */
static struct lm_int modified(const struct lm_zip_entry *e)
{
	int64_t ns;
	struct lm_rd r = lm_rd_of(lm_zip_extra(e->extra, 0x000a));
	lm_rd_skip(&r, 4);
	while (lm_rd_left(&r) >= 4) {
		uint16_t tag = lm_rd_u16le(&r), n = lm_rd_u16le(&r);
		struct lm_rd t = lm_rd_sub(&r, n);
		uint64_t ft = lm_rd_u64le(&t);
		if (tag == 1 && !t.bad && lm_time_from_filetime(ft, &ns))
			return LM_INT(ns);
	}
	r = lm_rd_of(lm_zip_extra(e->extra, 0x5455));
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

bool lm_zip_is_folder(const struct lm_zip_entry *e)
{
	if (e->usize || e->name.n == 0)
		return false; /* a "folder" with content is evidence that someone hid something */
	uint8_t last = e->name.p[e->name.n - 1];
	return last == '/' || (last == '\\' && e->made_by >> 8 == 0);
}

static bool is_link(const struct lm_zip_entry *e)
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

static struct end inflate_member(struct lm_zip *z, struct lm_bytes data)
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
static void one_member(const struct lm_zip_entry *e, struct lm_bytes data, struct lm_buf *head, struct lm_buf *tail)
{
	static const char name[] = "m";
	struct lm_bytes aes = lm_zip_extra(e->extra, 0x9901);
	uint64_t usize = e->usize, csize = data.n;
	bool wide = usize >= UINT32_MAX || csize >= UINT32_MAX;
	unsigned n_extra = (aes.n ? 4 + (unsigned)aes.n : 0) + (wide ? 20 : 0);
	for (int is_tail = 0; is_tail < 2; is_tail++) {
		struct lm_buf *b = is_tail ? tail : head;
		lm_buf_u32le(b, is_tail ? LM_ZIP_SIG_CENTRAL : LM_ZIP_SIG_LOCAL);
		if (is_tail)
			lm_buf_u16le(b, 63);
		lm_buf_u16le(b, 63);
		lm_buf_u16le(b, e->flags & (uint16_t)~LM_ZIP_FLAG_UTF8);
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
		lm_buf_u32le(tail, LM_ZIP_SIG_EOCD64);
		lm_buf_u64le(tail, 44);
		lm_buf_u16le(tail, 63);
		lm_buf_u16le(tail, 63);
		lm_buf_u64le(tail, 0); /* disks */
		lm_buf_u64le(tail, 1);
		lm_buf_u64le(tail, 1);
		lm_buf_u64le(tail, cd_n);
		lm_buf_u64le(tail, cd_at);
		lm_buf_u32le(tail, LM_ZIP_SIG_LOCATOR64);
		lm_buf_u32le(tail, 0);
		lm_buf_u64le(tail, cd_at + cd_n);
		lm_buf_u32le(tail, 1);
	}
	lm_buf_u32le(tail, LM_ZIP_SIG_EOCD);
	lm_buf_u32le(tail, 0); /* disks */
	lm_buf_u16le(tail, 1);
	lm_buf_u16le(tail, 1);
	lm_buf_u32le(tail, (uint32_t)cd_n);
	lm_buf_u32le(tail, far ? UINT32_MAX : (uint32_t)cd_at);
	lm_buf_u16le(tail, 0);
}

/* Tries the passwords, the last good one first, and hands over what one of them opens. */
static void with_passwords(struct lm_zip *z, const struct lm_zip_entry *e, const struct lm_unpack_zip *one,
			   uint64_t data_at, bool cut)
{
	struct lm_pour *o = z->o;
	const char *const *list = o->passwords;
	const char *scheme = e->method == LM_ZIP_METHOD_AES ? "AES" : "traditional";
	size_t n = 0;
	char why[160];

	while (list && list[n])
		n++;
	if (n == 0) {
		lm_pour_issue(o, LM_K_evidence_encrypted, lm_zip_name(e), data_at, e->usize,
			      "zip member with %s encryption; no password was given", scheme);
		return;
	}
	if (z->streak >= PASSWORD_STREAK) {
		lm_pour_issue(o, LM_K_evidence_encrypted, lm_zip_name(e), data_at, e->usize,
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
		if (end == LM_UNPACK_CUT && !cut && e->method != LM_ZIP_METHOD_AES)
			end = LM_UNPACK_PASSWORD;
		if (end == LM_UNPACK_PASSWORD)
			continue;
		z->password = k;
		z->streak = 0;
		if (end == LM_UNPACK_METHOD) {
			lm_pour_issue(o, LM_K_evidence_damaged, lm_zip_name(e), data_at, e->usize, "%s", why);
			return;
		}
		lm_pour_end(o, lm_zip_name(e), modified(e), e->usize);
		if (end == LM_UNPACK_CUT)
			lm_pour_issue(o, LM_K_evidence_damaged, lm_zip_name(e), data_at, e->usize, "%s",
				      cut ? "the archive ends inside this encrypted member" : why);
		return;
	}
	z->streak++;
	lm_pour_issue(o, LM_K_evidence_encrypted, lm_zip_name(e), data_at, e->usize,
		      "zip member with %s encryption; none of %zu password%s opens it", scheme, n, n == 1 ? "" : "s");
}

/* Methods and encryption that only libarchive knows. */
static void by_libarchive(struct lm_zip *z, const struct lm_zip_entry *e, struct lm_bytes data, uint64_t data_at,
			  bool cut)
{
	struct lm_buf head, tail;
	char why[160] = "";
	lm_buf_init(&head, 65536 + 512);
	lm_buf_init(&tail, 65536 + 512);
	one_member(e, data, &head, &tail);
	if (head.bad || tail.bad)
		goto done;
	if (e->method == LM_ZIP_METHOD_LZMA && !(e->flags & LM_ZIP_FLAG_ENCRYPTED)) {
		/* 5.8.8: version, length of the properties, then properties of LZMA: one byte and the dictionary */
		struct lm_rd r = lm_rd_of(data);
		lm_rd_skip(&r, 5);
		uint32_t dictionary = lm_rd_u32le(&r);
		if (dictionary > DICTIONARY_MAX) {
			lm_pour_issue(z->o, LM_K_evidence_skipped, lm_zip_name(e), data_at, e->usize,
				      "LZMA with a dictionary of %" PRIu32 " bytes, more than %" PRIu32, dictionary,
				      DICTIONARY_MAX);
			goto done;
		}
	}
	struct lm_unpack_zip one = { lm_str_bytes(lm_buf_view(&head)), data, lm_str_bytes(lm_buf_view(&tail)) };
	if (e->flags & LM_ZIP_FLAG_ENCRYPTED) {
		with_passwords(z, e, &one, data_at, cut);
		goto done;
	}
	switch (lm_unpack_zip_member(z->o, &one, NULL, why)) {
	case LM_UNPACK_METHOD:
	case LM_UNPACK_PASSWORD:
		lm_pour_issue(z->o, LM_K_evidence_damaged, lm_zip_name(e), data_at, e->usize,
			      "cannot be unpacked: %s (method %u)", why, e->method);
		break;
	case LM_UNPACK_CUT:
		lm_pour_end(z->o, lm_zip_name(e), modified(e), e->usize);
		lm_pour_issue(z->o, LM_K_evidence_damaged, lm_zip_name(e), data_at, e->usize, "%s",
			      cut ? "the archive ends inside this member" : why);
		break;
	default:
		lm_pour_end(z->o, lm_zip_name(e), modified(e), e->usize);
	}
done:
	lm_buf_fini(&head);
	lm_buf_fini(&tail);
}

/* Says after the handing over what was wrong with a member that was unpacked here. */
static void judge(struct lm_zip *z, const struct lm_zip_entry *e, struct lm_bytes data, uint64_t data_at, bool cut,
		  struct end end, uint64_t size)
{
	struct lm_pour *o = z->o;
	if (cut && !end.complete && end.used == data.n)
		lm_pour_issue(o, LM_K_evidence_damaged, lm_zip_name(e), data_at + end.used, e->usize,
			      "the archive ends inside this member: %" PRIu64 " bytes of it could be read", size);
	else if (end.flaw)
		lm_pour_issue(o, LM_K_evidence_damaged, lm_zip_name(e), data_at + end.used, e->usize,
			      "%s: %" PRIu64 " bytes of it could be read", end.flaw, size);
	else if (e->crc_known && end.crc != e->crc)
		lm_pour_issue(o, LM_K_evidence_damaged, lm_zip_name(e), data_at, e->usize,
			      "its CRC-32 is %08" PRIx32 ", the archive says %08" PRIx32, end.crc, e->crc);
	else if (e->crc_known && size != e->usize)
		lm_pour_issue(o, LM_K_evidence_damaged, lm_zip_name(e), data_at, e->usize,
			      "holds %" PRIu64 " bytes, the archive says %" PRIu64, size, e->usize);
	else if (end.complete && end.used < data.n && e->crc_known)
		lm_pour_issue(o, LM_K_evidence_skipped, lm_zip_name(e), data_at + end.used, data.n - end.used,
			      "%" PRIu64 " bytes between the end of its compressed data and its declared end",
			      (uint64_t)data.n - end.used);
}

/*
 * Unpacks and hands over one member whose compressed bytes are `data` at `data_at`; `cut`: fewer than
 * declared. Returns how many of them were used.
 */
uint64_t lm_zip_extract(struct lm_zip *z, const struct lm_zip_entry *e, struct lm_bytes data, uint64_t data_at,
			bool cut)
{
	struct lm_pour *o = z->o;
	struct end end = { .used = data.n };
	if (lm_zip_is_folder(e) || is_link(e) || !lm_pour_begin(o, data.n ? data.n : 1))
		return data.n;
	if (e->flags & (LM_ZIP_FLAG_STRONG | LM_ZIP_FLAG_MASKED)) {
		lm_pour_issue(o, LM_K_evidence_encrypted, lm_zip_name(e), data_at, e->usize,
			      "zip member with PKWARE strong encryption, which cannot be opened here");
	} else if ((e->flags & LM_ZIP_FLAG_ENCRYPTED) ||
		   (e->method != LM_ZIP_METHOD_STORED && e->method != LM_ZIP_METHOD_DEFLATE)) {
		by_libarchive(z, e, data, data_at, cut);
	} else if (e->method == LM_ZIP_METHOD_STORED) {
		uint64_t size = data.n;
		lm_pour_view(o, data, lm_zip_name(e), modified(e));
		if (o->state != LM_POUR_OPEN || o->rc)
			return data.n;
		end.crc = (uint32_t)crc32_z(crc32(0, NULL, 0), data.p, data.n);
		judge(z, e, data, data_at, cut, end, size);
	} else {
		end = inflate_member(z, data);
		uint64_t size = o->size;
		bool whole = o->state == LM_POUR_OPEN;
		lm_pour_end(o, lm_zip_name(e), modified(e), e->usize);
		if (whole)
			judge(z, e, data, data_at, cut, end, size);
	}
	return end.used;
}
