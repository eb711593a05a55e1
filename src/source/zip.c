/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip.c - where the members of a zip stand: central directory, and where that fails, local headers.
 *
 * In: the whole archive as a view. Out: one call of lm_zip_extract per member. Source: PKWARE APPNOTE.TXT
 * 6.3.10, named by section below. What a directory can hide is told: members it does not list, names that
 * differ, entries that share bytes, bytes before the first member and after the end.
 *
 * Limits: sizes are believed only where bytes lie behind them; entries that share bytes stop the archive when
 * more compressed bytes were read than twice its size.
 */
#include "source/zip_priv.h"

#include <inttypes.h>
#include <stdlib.h>

struct lm_zip_span {
	uint64_t from, to;
};

/* ---- headers ---- */

/* Section 4.5.3: the 64-bit values stand in this order, each only when its 32-bit field is all ones. */
static void widen(struct lm_zip_entry *e, bool local)
{
	struct lm_rd r = lm_rd_of(lm_zip_extra(e->extra, 0x0001));
	if (e->usize == UINT32_MAX)
		e->usize = lm_rd_left(&r) >= 8 ? lm_rd_u64le(&r) : e->usize;
	if (e->csize == UINT32_MAX)
		e->csize = lm_rd_left(&r) >= 8 ? lm_rd_u64le(&r) : e->csize;
	if (!local && e->local == UINT32_MAX)
		e->local = lm_rd_left(&r) >= 8 ? lm_rd_u64le(&r) : e->local;
}

/* The next record of the central directory (4.3.12). False at its end or at anything else. */
static bool central(struct lm_rd *r, struct lm_zip_entry *e)
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
	if (r->bad || sig != LM_ZIP_SIG_CENTRAL) {
		*r = save;
		return false;
	}
	e->crc_known = true;
	widen(e, false);
	return true;
}

/* A local header (4.3.7). False when there is none at the cursor. */
static bool local(struct lm_rd *r, struct lm_zip_entry *e)
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
	if (r->bad || sig != LM_ZIP_SIG_LOCAL || (version & 0xff) > 99 || e->method > LM_ZIP_METHOD_AES) {
		*r = save;
		return false;
	}
	e->crc_known = !(e->flags & LM_ZIP_FLAG_DESCRIPTOR);
	widen(e, true);
	return true;
}

/* ---- without a directory ---- */

/* Position of a signature in [from, to), or `to`. */
static uint64_t find_sig(struct lm_zip *z, uint64_t from, uint64_t to, uint32_t sig)
{
	uint8_t needle[4] = { (uint8_t)sig, (uint8_t)(sig >> 8), (uint8_t)(sig >> 16), (uint8_t)(sig >> 24) };
	if (from >= to)
		return to;
	size_t at = lm_bytes_find(lm_bytes_part(z->all, from, to - from), (struct lm_bytes){ needle, 4 });
	return at == SIZE_MAX ? to : from + at;
}

/* Data descriptor (4.3.9) at `at` of a member of `used` compressed bytes: its length, 0 when there is none. */
static uint64_t descriptor(struct lm_zip *z, uint64_t at, uint64_t used, uint32_t *crc)
{
	for (int form = 0; form < 4; form++) {
		struct lm_rd r = lm_rd_of(lm_bytes_part(z->all, at, 24));
		bool with_sig = !(form & 1), wide = form & 2;
		if (with_sig && lm_rd_u32le(&r) != LM_ZIP_SIG_DESCRIPTOR)
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
static uint64_t guess_end(struct lm_zip *z, uint64_t from, uint64_t to, uint32_t *crc)
{
	uint64_t stop = find_sig(z, from, to, LM_ZIP_SIG_LOCAL),
		 central_at = find_sig(z, from, stop, LM_ZIP_SIG_CENTRAL);
	stop = central_at < stop ? central_at : stop;
	for (uint64_t at = from; (at = find_sig(z, at, stop, LM_ZIP_SIG_DESCRIPTOR)) < stop; at++)
		if (descriptor(z, at, at - from, crc))
			return at;
	return stop;
}

/* Members in [from, to) by their local headers, one after the other; what is no header is stepped over. */
static void walk_local(struct lm_zip *z, uint64_t from, uint64_t to)
{
	uint64_t at = from;
	while (lm_pour_goes_on(z->o)) {
		at = find_sig(z, at, to, LM_ZIP_SIG_LOCAL);
		struct lm_zip_entry e;
		struct lm_rd r = lm_rd_of(z->all);
		r.n = (size_t)to;
		lm_rd_seek(&r, at);
		if (at >= to)
			return;
		if (!local(&r, &e)) {
			if (to - at < LM_ZIP_LOCAL_SIZE)
				return;
			at += 4;
			continue;
		}
		uint64_t data_at = r.pos, left = to - data_at, used;
		bool open_end = (e.flags & LM_ZIP_FLAG_DESCRIPTOR) && e.csize == 0;
		if (open_end && e.method == LM_ZIP_METHOD_DEFLATE && !(e.flags & LM_ZIP_FLAG_ENCRYPTED)) {
			used = lm_zip_extract(z, &e, lm_bytes_part(z->all, data_at, left), data_at, true);
		} else if (open_end) {
			uint64_t end = guess_end(z, data_at, to, &e.crc);
			used = end - data_at;
			(void)lm_zip_extract(z, &e, lm_bytes_part(z->all, data_at, used), data_at, end == to);
		} else {
			used = e.csize < left ? e.csize : left;
			(void)lm_zip_extract(z, &e, lm_bytes_part(z->all, data_at, used), data_at, e.csize > left);
		}
		at = data_at + used;
		uint32_t crc;
		if (e.flags & LM_ZIP_FLAG_DESCRIPTOR)
			at += descriptor(z, at, used, &crc);
	}
}

/* ---- with a directory ---- */

static bool has_central(struct lm_zip *z, uint64_t at)
{
	struct lm_rd r = lm_rd_of(lm_bytes_part(z->all, at, 4));
	return lm_rd_u32le(&r) == LM_ZIP_SIG_CENTRAL;
}

/* The end record (4.3.16) with its 64-bit forms. False when there is none that makes sense. */
static bool find_end(struct lm_zip *z, uint16_t *disk)
{
	size_t n = z->all.n, low = n > 65535 + LM_ZIP_EOCD_SIZE ? n - 65535 - LM_ZIP_EOCD_SIZE : 0;
	if (n < LM_ZIP_EOCD_SIZE)
		return false;
	for (size_t at = n - LM_ZIP_EOCD_SIZE + 1; at-- > low;) {
		struct lm_rd r = lm_rd_of(z->all);
		lm_rd_seek(&r, at);
		if (lm_rd_u32le(&r) != LM_ZIP_SIG_EOCD)
			continue;
		*disk = lm_rd_u16le(&r);
		lm_rd_skip(&r, 6);
		uint64_t cd_n = lm_rd_u32le(&r), cd_at = lm_rd_u32le(&r), before = at;
		uint16_t comment = lm_rd_u16le(&r);
		if (comment > n - at - LM_ZIP_EOCD_SIZE)
			continue;
		if (at >= 20) {
			struct lm_rd l = lm_rd_of(z->all);
			lm_rd_seek(&l, at - 20);
			bool has = lm_rd_u32le(&l) == LM_ZIP_SIG_LOCATOR64;
			lm_rd_skip(&l, 4);
			uint64_t at64 = lm_rd_u64le(&l);
			/* as stored, or right before the locator when something was put in front of the zip */
			for (int try = 0; has && try < 2; try++) {
				struct lm_rd w = lm_rd_of(z->all);
				uint64_t pos = try ? (at >= 76 ? at - 76 : UINT64_MAX) : at64;
				lm_rd_seek(&w, pos);
				if (lm_rd_u32le(&w) != LM_ZIP_SIG_EOCD64)
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
		z->end_at = at + LM_ZIP_EOCD_SIZE + comment;
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

static bool add_span(struct lm_zip *z, uint64_t from, uint64_t to)
{
	if (z->n_spans == z->cap_spans) {
		size_t cap = z->cap_spans ? z->cap_spans * 2 : 256;
		struct lm_zip_span *s = realloc(z->spans, cap * sizeof *s);
		if (!s)
			return false;
		z->spans = s;
		z->cap_spans = cap;
	}
	z->spans[z->n_spans++] = (struct lm_zip_span){ from, to };
	return true;
}

static int span_order(const void *a, const void *b)
{
	const struct lm_zip_span *x = a, *y = b;
	return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->to != y->to ? (x->to < y->to ? -1 : 1) : 0;
}

/* One member that the directory lists. */
static void listed(struct lm_zip *z, struct lm_zip_entry *e)
{
	struct lm_pour *o = z->o;
	struct lm_zip_entry l;
	struct lm_rd r = lm_rd_of(z->all);
	uint64_t at = e->local + z->shift;

	if (at < e->local)
		at = UINT64_MAX;
	lm_rd_seek(&r, at);
	if (r.bad || !local(&r, &l)) {
		if (!lm_zip_is_folder(e))
			lm_pour_issue(o, LM_K_evidence_damaged, lm_zip_name(e), at, e->usize,
				      "there is no local header where the directory points");
		return;
	}
	struct lm_bytes data = lm_bytes_part(z->all, r.pos, e->csize);
	/* the bytes are there, so this cannot be left out; a name that only one side knows must be seen */
	if (!lm_bytes_eq(l.name, e->name) && !(e->flags & LM_ZIP_FLAG_MASKED))
		lm_pour_issue(o, LM_K_evidence_damaged, lm_zip_name(e), at, 0,
			      "its local header names it differently: '%.*s'", LM_STR_ARG(lm_zip_name(&l)));
	if (l.method != e->method || ((l.flags ^ e->flags) & LM_ZIP_FLAG_ENCRYPTED))
		lm_pour_issue(o, LM_K_evidence_damaged, lm_zip_name(e), at, 0,
			      "its local header says method %u, the directory %u", l.method, e->method);
	if (!add_span(z, at, r.pos + data.n)) {
		lm_pour_issue(o, LM_K_evidence_skipped, (struct lm_str){ 0 }, at, 0, "out of memory");
		o->state = LM_POUR_ARCHIVE;
		return;
	}
	z->claimed += data.n;
	if (z->claimed / 2 > z->all.n) {
		lm_pour_issue(o, LM_K_evidence_skipped, lm_zip_name(e), at, 0,
			      "members overlap: they claim more than twice the %zu bytes of the archive; the rest is "
			      "left out",
			      z->all.n);
		o->state = LM_POUR_ARCHIVE;
		return;
	}
	if (!e->extra.n)
		e->extra = l.extra; /* times may stand in the local header only */
	(void)lm_zip_extract(z, e, data, r.pos, data.n < e->csize);
}

/* Bytes between the members: other members, hidden or forgotten, or a stub before the first one. */
static void between(struct lm_zip *z)
{
	struct lm_pour *o = z->o;
	uint64_t at = 0, shared = 0;
	if (z->n_spans)
		qsort(z->spans, z->n_spans, sizeof *z->spans, span_order);
	for (size_t i = 0; i <= z->n_spans && lm_pour_goes_on(o); i++) {
		struct lm_zip_span next = i < z->n_spans ? z->spans[i] : (struct lm_zip_span){ z->cd_at, z->cd_at };
		if (next.from < at) {
			shared += i < z->n_spans;
		} else if (next.from > at) {
			uint64_t hidden = find_sig(z, at, next.from, LM_ZIP_SIG_LOCAL);
			if (hidden < next.from && next.from - hidden >= LM_ZIP_LOCAL_SIZE) {
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

static void by_directory(struct lm_zip *z)
{
	struct lm_pour *o = z->o;
	struct lm_rd r = lm_rd_of(lm_bytes_part(z->all, z->cd_at, z->cd_n));
	struct lm_zip_entry e;
	while (lm_pour_goes_on(o) && central(&r, &e))
		listed(z, &e);
	if (!lm_pour_goes_on(o))
		return;
	uint32_t sig = lm_rd_left(&r) >= 4 ? lm_rd_u32le(&r) : 0;
	/* a digital signature of the directory (4.3.13) or the 64-bit end record may stand behind the entries */
	if (sig && sig != 0x05054b50u && sig != LM_ZIP_SIG_EOCD64)
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
	struct lm_zip *z = malloc(sizeof *z);
	uint16_t disk = 0;
	if (!z)
		return LM_ELIMIT;
	memset(z, 0, offsetof(struct lm_zip, out));
	z->o = o;
	z->all = o->archive;
	struct lm_rd r = lm_rd_of(o->archive);
	bool starts = lm_rd_u32le(&r) == LM_ZIP_SIG_LOCAL;
	/*
	 * A zip cut behind a stored zip has an end record, but of the inner one: its directory then seems to
	 * belong to a self-extractor. Reading header after header is right for both.
	 */
	if (find_end(z, &disk) && disk == 0 && !(starts && z->shift)) {
		by_directory(z);
	} else {
		lm_pour_issue(o, LM_K_evidence_damaged, (struct lm_str){ 0 }, o->archive.n, 0, "%s",
			      disk ? "part of a split archive: the other parts are missing"
				   : "no central directory: the archive is cut or damaged; read header after header");
		walk_local(z, 0, o->archive.n);
	}
	if (z->z_ready)
		inflateEnd(&z->z);
	free(z->spans);
	free(z);
	return LM_OK;
}
