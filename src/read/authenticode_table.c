/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authenticode_table.c - the attribute certificate table of a PE file, byte by byte.
 *
 * In: data directory 4 (a file offset, not an RVA) and the file. Out: the PKCS#7 blobs of its entries, and
 * one signature.unhashed for every area that no hash covers: what follows the DER inside an entry, rounding
 * between entries, the rest of the table, what follows the table, entries that hold no PKCS#7.
 * Limits: 64 entries; what comes after them is one area.
 */
#include <math.h>
#include <stdio.h>

#include "read/authenticode.h"

#define ENTRY_HEADER 8u
#define TYPE_PKCS_SIGNED_DATA 2u
#define SHOWN 16u

/* Shannon entropy in bits per byte. */
static double entropy(struct lm_bytes b)
{
	uint64_t count[256] = { 0 };
	double bits = 0;
	for (size_t i = 0; i < b.n; i++)
		count[b.p[i]]++;
	for (int i = 0; i < 256; i++)
		if (count[i]) {
			double p = (double)count[i] / (double)b.n;
			bits -= p * log2(p);
		}
	return bits;
}

/* Formats that are often hidden behind a signature; a word about the bytes, never a verdict. */
static const char *looks_like(struct lm_bytes b)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *word;
	} known[] = {
		{ "MZ", 2, "program file (MZ)" }, { "PK\x03\x04", 4, "zip archive" },
		{ "Rar!", 4, "rar archive" },	  { "7z\xbc\xaf\x27\x1c", 6, "7z archive" },
		{ "MSCF", 4, "cabinet" },	  { "\x1f\x8b", 2, "gzip" },
		{ "\x7f\x45LF", 4, "ELF" },	  { "\xd0\xcf\x11\xe0", 4, "compound file" },
		{ "\x89PNG", 4, "PNG image" },	  { "%PDF", 4, "PDF" },
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (lm_bytes_eq(lm_bytes_part(b, 0, known[i].n),
				(struct lm_bytes){ (const uint8_t *)known[i].magic, known[i].n }))
			return known[i].word;
	return NULL;
}

/* Entropy, first bytes from the first that is not zero, marker: what a person would look at first. */
static struct lm_str describe(struct lm_ac *ac, struct lm_bytes b, size_t first, uint64_t offset)
{
	static const uint8_t marker_bytes[] = { 0xfe, 0xed, 0xfa, 0xce };
	const struct lm_bytes marker = { marker_bytes, sizeof marker_bytes };
	struct lm_bytes rest = lm_bytes_part(b, first, b.n), shown = lm_bytes_part(rest, 0, SHOWN);
	struct lm_buf text;
	lm_buf_init(&text, 1024);
	lm_buf_fmt(&text, "entropy %.2f bits/byte from the first non-zero byte on, which reads ", entropy(rest));
	for (size_t i = 0; i < shown.n; i++)
		lm_buf_fmt(&text, "%s%02x", i ? " " : "", shown.p[i]);
	lm_buf_puts(&text, " '");
	for (size_t i = 0; i < shown.n; i++)
		lm_buf_putc(&text, shown.p[i] >= 0x20 && shown.p[i] < 0x7f ? (char)shown.p[i] : '.');
	lm_buf_putc(&text, '\'');
	const char *word = looks_like(rest);
	if (word)
		lm_buf_fmt(&text, "; begins like a %s", word);
	size_t at = lm_bytes_find(b, marker);
	if (at != SIZE_MAX)
		lm_buf_fmt(&text, "; marker fe ed fa ce at 0x%llx", (unsigned long long)(offset + at));
	struct lm_str s = lm_arena_str(ac->q->in->arena, lm_buf_view(&text));
	if (!s.p)
		ac->q->rc = LM_ELIMIT;
	lm_buf_fini(&text);
	return s;
}

void lm_ac_unhashed(struct lm_ac *ac, const char *place, uint64_t offset, uint64_t length)
{
	struct lm_bytes b = lm_bytes_part(ac->file, offset, length);
	size_t first = 0;
	if (b.n == 0)
		return;
	size_t nonzero = lm_bytes_count_nonzero(b, &first);
	struct lm_str note = { 0 };
	if (nonzero)
		note = describe(ac, b, first, offset);
	struct lm_obs *o = lm_pe_obs_add(ac->q, LM_K_signature_unhashed);
	struct lm_obs_signature_unhashed *u = &o->signature_unhashed;
	o->at.offset = offset;
	o->at.length = b.n;
	u->sha256 = lm_pe_obs_sha256(ac->q);
	u->place = lm_cstr(place);
	u->offset = LM_INT(offset);
	u->length = LM_INT(b.n);
	u->nonzero = LM_INT(nonzero);
	if (nonzero)
		u->first_nonzero = LM_INT(offset + first);
	u->class = nonzero ? LM_STR("unexplained") : LM_STR("padding");
	u->note = note;
}

/* The body of one entry: its PKCS#7 and what follows it, or all of it when it holds none. */
static void entry_body(struct lm_ac *ac, struct lm_bytes body, uint64_t at, unsigned type)
{
	struct lm_tlv whole;
	const char *why = NULL;
	unsigned entry = ac->n_entries;
	if (type == TYPE_PKCS_SIGNED_DATA && lm_p7_looks_like(body, at, &whole, &why)) {
		lm_ac_blob(ac, &whole, entry, 0);
		lm_ac_unhashed(ac, "entry-slack", at + whole.whole.n, body.n - whole.whole.n);
		return;
	}
	if (type == TYPE_PKCS_SIGNED_DATA && entry == 0) { /* it stands where the signature must be */
		lm_ac_unreadable(ac, at, body.n, entry, why);
	} else if (lm_bytes_all_zero(body) && type == 0) {
		/* rewriters of PE files leave a zeroed entry behind */
	} else {
		lm_pe_obs_fact(
			ac->q, -1, "opaque-entry", at, body.n,
			"entry %u of the certificate table has type 0x%x and holds %zu bytes that are no PKCS#7%s%s",
			entry, type, body.n, why ? ": " : "", why ? why : "");
	}
	lm_ac_unhashed(ac, "extra-entry", at, body.n);
}

static void walk(struct lm_ac *ac, struct lm_bytes table)
{
	struct lm_rd r = lm_rd_of(table);
	while (lm_rd_left(&r) >= ENTRY_HEADER && ac->n_entries < LM_AC_ENTRIES_MAX) {
		uint64_t at = ac->table_at + r.pos;
		struct lm_rd head = r;
		uint32_t length = lm_rd_u32le(&head);
		(void)lm_rd_u16le(&head); /* revision */
		uint16_t type = lm_rd_u16le(&head);
		if (length < ENTRY_HEADER)
			break;
		uint64_t left = lm_rd_left(&r), pad = -(uint64_t)length & 7;
		if (length > left) {
			uint64_t past = length - left;
			lm_pe_obs_fact(ac->q, -1, "entry-overruns-table", at, length,
				       "entry %u states %u bytes, %llu more than the table holds", ac->n_entries,
				       length, (unsigned long long)past);
			lm_pe_obs_damage(ac->q, at,
					 "cannot read certificate table: entry at 0x%llx is %llu bytes past end",
					 (unsigned long long)at, (unsigned long long)past);
			ac->table_fault = "an entry of the certificate table ends past the table";
			length = (uint32_t)left;
		}
		struct lm_rd entry = lm_rd_sub(&r, length);
		lm_rd_skip(&entry, ENTRY_HEADER);
		entry_body(ac, lm_rd_take(&entry, lm_rd_left(&entry)), at + ENTRY_HEADER, type);
		if (pad > lm_rd_left(&r))
			pad = lm_rd_left(&r);
		lm_ac_unhashed(ac, "entry-padding", ac->table_at + r.pos, pad);
		lm_rd_skip(&r, pad);
		ac->n_entries++;
	}
	if (ac->n_entries == LM_AC_ENTRIES_MAX && lm_rd_left(&r) >= ENTRY_HEADER)
		lm_pe_obs_damage(ac->q, ac->table_at + r.pos,
				 "cannot read certificate table: more than %u entries, the rest at 0x%llx is not read",
				 LM_AC_ENTRIES_MAX, (unsigned long long)(ac->table_at + r.pos));
	lm_ac_unhashed(ac, "table-gap", ac->table_at + r.pos, lm_rd_left(&r));
}

/* A table over bytes that are loaded would take them out of the hash. */
static void overlaps(struct lm_ac *ac, const struct lm_pe *pe)
{
	uint64_t end = ac->table_at + ac->table_size;
	if (ac->table_at < pe->headers_end) {
		lm_pe_obs_fact(ac->q, -1, "table-overlaps-headers", ac->table_at, ac->table_size,
			       "certificate table at 0x%llx begins before the headers end at 0x%llx",
			       (unsigned long long)ac->table_at, (unsigned long long)pe->headers_end);
		ac->table_fault = "the certificate table overlaps the headers";
	}
	for (uint32_t i = 0; i < pe->n_sections; i++) {
		const struct lm_pe_section *s = &pe->sections[i];
		uint64_t s_end = (uint64_t)s->raw + s->raw_size;
		if (!s->raw_size || !s->raw || s->raw >= end || s_end <= ac->table_at)
			continue;
		lm_pe_obs_fact(ac->q, -1, "table-overlaps-section", ac->table_at, ac->table_size,
			       "certificate table at 0x%llx overlaps section %u at 0x%x to 0x%llx",
			       (unsigned long long)ac->table_at, i, s->raw, (unsigned long long)s_end);
		if (!ac->table_fault)
			ac->table_fault = "the certificate table overlaps a section";
		return;
	}
}

/* Where the table lies; false when none of it is in the file. */
static bool position(struct lm_ac *ac, const struct lm_pe *pe)
{
	uint64_t n = ac->file.n, end = ac->table_at + ac->table_size;
	overlaps(ac, pe);
	if (ac->table_at & 7)
		lm_pe_obs_fact(ac->q, -1, "table-unaligned", ac->table_at, ac->table_size,
			       "certificate table begins at 0x%llx, no multiple of 8",
			       (unsigned long long)ac->table_at);
	if (end <= n) {
		ac->after = n - end;
		return true;
	}
	lm_pe_obs_fact(ac->q, -1, "table-outside-file", ac->table_at, ac->table_size,
		       "certificate table at 0x%llx to 0x%llx ends %llu bytes past the end of the file",
		       (unsigned long long)ac->table_at, (unsigned long long)end, (unsigned long long)(end - n));
	lm_pe_obs_damage(ac->q, ac->table_at < n ? ac->table_at : n,
			 "cannot read certificate table: table at 0x%llx is %llu bytes past end",
			 (unsigned long long)ac->table_at, (unsigned long long)(end - n));
	ac->table_fault = "the certificate table ends past the end of the file";
	return ac->table_at < n;
}

void lm_ac_table(struct lm_ac *ac, const struct lm_pe *pe)
{
	if (!lm_pe_cert(pe, &ac->table_at, &ac->table_size))
		return;
	ac->has_table = true;
	if (position(ac, pe)) {
		walk(ac, lm_bytes_part(ac->file, ac->table_at, ac->table_size));
		if (ac->n_entries > 1)
			lm_pe_obs_fact(ac->q, -1, "several-entries", ac->table_at, ac->table_size,
				       "certificate table has %u entries; Windows reads the first, UEFI firmware all",
				       ac->n_entries);
	}
	if (!ac->n_sigs) /* never silently unsigned */
		lm_ac_unreadable(ac, ac->table_at, 0, 0,
				 ac->table_fault ? ac->table_fault : "the certificate table holds no PKCS#7");
	if (ac->after) {
		lm_pe_obs_fact(ac->q, -1, "bytes-after-table", ac->table_at + ac->table_size, ac->after,
			       "%llu bytes follow the certificate table, which must end the file",
			       (unsigned long long)ac->after);
		lm_ac_unhashed(ac, "after-table", ac->table_at + ac->table_size, ac->after);
		if (!ac->table_fault)
			ac->table_fault = "bytes follow the certificate table";
	}
}
