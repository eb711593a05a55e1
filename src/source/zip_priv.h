/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip_priv.h - what zip.c (where members stand) and zip_member.c (unpacking one) share.
 */
#ifndef LM_SOURCE_ZIP_PRIV_H
#define LM_SOURCE_ZIP_PRIV_H

#include "source/source_priv.h"

#include <zlib.h>

/* Signatures, sizes of fixed parts, general purpose flags (4.4.4), methods (4.4.5). */
#define LM_ZIP_SIG_LOCAL 0x04034b50u
#define LM_ZIP_SIG_CENTRAL 0x02014b50u
#define LM_ZIP_SIG_EOCD 0x06054b50u
#define LM_ZIP_SIG_EOCD64 0x06064b50u
#define LM_ZIP_SIG_LOCATOR64 0x07064b50u
#define LM_ZIP_SIG_DESCRIPTOR 0x08074b50u
#define LM_ZIP_LOCAL_SIZE 30u
#define LM_ZIP_EOCD_SIZE 22u
#define LM_ZIP_FLAG_ENCRYPTED 0x0001u
#define LM_ZIP_FLAG_DESCRIPTOR 0x0008u
#define LM_ZIP_FLAG_STRONG 0x0040u
#define LM_ZIP_FLAG_UTF8 0x0800u
#define LM_ZIP_FLAG_MASKED 0x2000u
#define LM_ZIP_METHOD_STORED 0u
#define LM_ZIP_METHOD_DEFLATE 8u
#define LM_ZIP_METHOD_LZMA 14u
#define LM_ZIP_METHOD_AES 99u

/* A member as the central directory (4.3.12) or its local header (4.3.7) describes it; views into the archive. */
struct lm_zip_entry {
	uint64_t local; /* of the local header, from the archive's first byte */
	uint64_t csize, usize;
	uint32_t crc, attributes;
	uint16_t made_by, flags, method, time, date;
	bool crc_known;
	struct lm_bytes name, extra;
};

struct lm_zip_span;

/* One archive while it is read. */
struct lm_zip {
	struct lm_pour *o;
	struct lm_bytes all;
	uint64_t shift;		      /* offsets in the directory are that much too small (self-extractor stub) */
	uint64_t cd_at, cd_n, end_at; /* central directory; first byte after the end record */
	struct lm_zip_span *spans;
	size_t n_spans, cap_spans;
	uint64_t claimed; /* compressed bytes read so far */
	size_t password;  /* the one that fitted last */
	unsigned streak;  /* encrypted members in a row without one that fits */
	z_stream z;
	bool z_ready;
	uint8_t out[LM_STREAM_BLOCK];
};

static inline struct lm_str lm_zip_name(const struct lm_zip_entry *e)
{
	return lm_bytes_str(e->name);
}

/* The extra field with this id (section 4.5); an empty view when there is none. */
struct lm_bytes lm_zip_extra(struct lm_bytes extra, uint16_t id);
/* A folder's entry: nothing is lost by stepping over it. */
bool lm_zip_is_folder(const struct lm_zip_entry *e);
/*
 * Unpacks and hands over one member whose compressed bytes are `data` at `data_at`; `cut`: fewer than
 * declared. Returns how many of them were used.
 */
uint64_t lm_zip_extract(struct lm_zip *z, const struct lm_zip_entry *e, struct lm_bytes data, uint64_t data_at,
			bool cut);

#endif
