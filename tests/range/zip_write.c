/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip_write.c - in: member names and bytes. Out: a zip archive in memory.
 * Limits: no zip64, fewer than 65,535 members, members below 2 GB.
 */
#include "zip_write.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <time.h>
#include <zlib.h>

enum { SALT = 16, KEY = 32, CHECK = 2, TAG = 10, ITERATIONS = 1000, METHOD_DEFLATE = 8, METHOD_AES = 99 };

void rg_zip_init(struct rg_zip *z, size_t max_bytes, const char *password, const struct rg_rng *salts)
{
	*z = (struct rg_zip){ .password = password };
	if (salts)
		z->salts = *salts;
	lm_buf_init(&z->out, max_bytes);
	lm_buf_init(&z->central, max_bytes);
}

void rg_zip_fini(struct rg_zip *z)
{
	lm_buf_fini(&z->out);
	lm_buf_fini(&z->central);
}

static enum lm_rc deflated(struct lm_bytes data, struct lm_buf *out)
{
	z_stream s = { 0 };
	if (data.n > INT32_MAX || deflateInit2(&s, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return LM_ELIMIT;
	uint8_t chunk[16384];
	int rc;
	s.next_in = (Bytef *)(uintptr_t)data.p; /* zlib reads it only */
	s.avail_in = (uInt)data.n;
	do {
		s.next_out = chunk;
		s.avail_out = sizeof chunk;
		rc = deflate(&s, Z_FINISH);
		lm_buf_add(out, chunk, sizeof chunk - s.avail_out);
	} while (rc == Z_OK);
	deflateEnd(&s);
	return rc == Z_STREAM_END && !out->bad ? LM_OK : LM_ELIMIT;
}

/* AES in counter mode as WinZip counts: little-endian, from 1. */
static bool counter_mode(const uint8_t key[KEY], struct lm_buf *b, size_t at)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, key, NULL) == 1 &&
		  EVP_CIPHER_CTX_set_padding(ctx, 0) == 1;
	uint64_t block = 0;
	for (size_t i = at; ok && i < b->n; i += 16) {
		uint8_t counter[16] = { 0 }, stream[16];
		int n = 0;
		block++;
		for (int k = 0; k < 8; k++)
			counter[k] = (uint8_t)(block >> 8 * k);
		ok = EVP_EncryptUpdate(ctx, stream, &n, counter, 16) == 1 && n == 16;
		for (size_t k = 0; ok && k < 16 && i + k < b->n; k++)
			b->p[i + k] = (char)((uint8_t)b->p[i + k] ^ stream[k]);
	}
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static enum lm_rc encrypted(struct rg_zip *z, const struct lm_buf *plain, struct lm_buf *out)
{
	uint8_t salt[SALT], keys[2 * KEY + CHECK], tag[EVP_MAX_MD_SIZE];
	unsigned tag_n = 0;
	rg_fill(&z->salts, salt, sizeof salt);
	if (PKCS5_PBKDF2_HMAC_SHA1(z->password, -1, salt, SALT, ITERATIONS, sizeof keys, keys) != 1)
		return LM_ELIMIT;
	lm_buf_add(out, salt, SALT);
	lm_buf_add(out, keys + 2 * KEY, CHECK);
	size_t at = out->n;
	lm_buf_str(out, lm_buf_view(plain));
	if (out->bad || !counter_mode(keys, out, at) ||
	    !HMAC(EVP_sha1(), keys + KEY, KEY, (const uint8_t *)out->p + at, out->n - at, tag, &tag_n))
		return LM_ELIMIT;
	lm_buf_add(out, tag, TAG);
	return LM_OK;
}

static uint32_t dos_time(int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm;
	gmtime_r(&t, &tm);
	uint32_t date = (uint32_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday);
	return date << 16 | (uint32_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2);
}

/* The fields that local header and central record share, version needed to extra length. */
static void common(struct lm_buf *b, const struct rg_zip *z, const char *name, int64_t mtime_s, uint32_t crc,
		   size_t packed, size_t size, size_t extra)
{
	bool ascii = true;
	for (const char *p = name; *p; p++)
		ascii = ascii && (uint8_t)*p < 0x80;
	lm_buf_u16le(b, z->password ? 51 : 20);
	lm_buf_u16le(b, (uint16_t)((z->password ? 1 : 0) | (ascii ? 0 : 0x800)));
	lm_buf_u16le(b, z->password ? METHOD_AES : METHOD_DEFLATE);
	lm_buf_u32le(b, dos_time(mtime_s));
	lm_buf_u32le(b, z->password ? 0 : crc); /* AE-2 leaves the CRC out: the tag stands for it */
	lm_buf_u32le(b, (uint32_t)packed);
	lm_buf_u32le(b, (uint32_t)size);
	lm_buf_u16le(b, (uint16_t)strlen(name));
	lm_buf_u16le(b, (uint16_t)extra);
}

static void extra_fields(struct lm_buf *b, const struct rg_zip *z, int64_t mtime_s)
{
	lm_buf_u16le(b, 0x5455);
	lm_buf_u16le(b, 5);
	lm_buf_u8(b, 1);
	lm_buf_u32le(b, (uint32_t)mtime_s);
	if (!z->password)
		return;
	lm_buf_u16le(b, 0x9901);
	lm_buf_u16le(b, 7);
	lm_buf_u16le(b, 2);
	lm_buf_puts(b, "AE");
	lm_buf_u8(b, 3); /* 256 bits */
	lm_buf_u16le(b, METHOD_DEFLATE);
}

enum lm_rc rg_zip_add(struct rg_zip *z, const char *name, struct lm_bytes data, int64_t mtime_s)
{
	struct lm_buf packed, sealed, extra;
	lm_buf_init(&packed, z->out.max);
	lm_buf_init(&sealed, z->out.max);
	lm_buf_init(&extra, 256);
	enum lm_rc rc = deflated(data, &packed);
	if (rc == LM_OK && z->password)
		rc = encrypted(z, &packed, &sealed);
	if (rc != LM_OK)
		goto done;
	const struct lm_buf *body = z->password ? &sealed : &packed;
	uint32_t crc = (uint32_t)crc32(0, data.p, (uInt)data.n);
	size_t at = z->out.n;
	extra_fields(&extra, z, mtime_s);
	lm_buf_u32le(&z->out, 0x04034b50);
	common(&z->out, z, name, mtime_s, crc, body->n, data.n, extra.n);
	lm_buf_puts(&z->out, name);
	lm_buf_str(&z->out, lm_buf_view(&extra));
	lm_buf_str(&z->out, lm_buf_view(body));
	lm_buf_u32le(&z->central, 0x02014b50);
	lm_buf_u16le(&z->central, 0x0014);
	common(&z->central, z, name, mtime_s, crc, body->n, data.n, extra.n);
	lm_buf_u16le(&z->central, 0);
	lm_buf_u16le(&z->central, 0);
	lm_buf_u16le(&z->central, 0);
	lm_buf_u32le(&z->central, 0);
	lm_buf_u32le(&z->central, (uint32_t)at);
	lm_buf_puts(&z->central, name);
	lm_buf_str(&z->central, lm_buf_view(&extra));
	z->n++;
	rc = z->out.bad || z->central.bad ? LM_ELIMIT : LM_OK;
done:
	lm_buf_fini(&packed);
	lm_buf_fini(&sealed);
	lm_buf_fini(&extra);
	return rc;
}

void rg_zip_finish(struct rg_zip *z)
{
	size_t at = z->out.n;
	lm_buf_str(&z->out, lm_buf_view(&z->central));
	lm_buf_u32le(&z->out, 0x06054b50);
	lm_buf_u32le(&z->out, 0);
	lm_buf_u16le(&z->out, (uint16_t)z->n);
	lm_buf_u16le(&z->out, (uint16_t)z->n);
	lm_buf_u32le(&z->out, (uint32_t)z->central.n);
	lm_buf_u32le(&z->out, (uint32_t)at);
	lm_buf_u16le(&z->out, 0);
}
