/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c - SHA-256, SHA-1 and MD5 of a view.
 *
 * In: bytes. Out: the digests asked for. Every wanted digest sees a block while it is still in the cache, so
 * the bytes (a mapped file, as a rule) are read once however many digests are wanted.
 *
 * The algorithms are fetched once a process, and OpenSSL is told not to look for its configuration file:
 * a sandboxed worker must not open one, and the result must not depend on it.
 */
#include "source/source_priv.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define BLOCK 65536u

static EVP_MD *md[3];
static const char *const md_name[3] = { "SHA2-256", "SHA1", "MD5" };

/* Fetching costs a lock and a look-up of the provider: too dear for every one of a million small files. */
static const EVP_MD *fetch(unsigned i)
{
	if (!md[i]) {
		OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
		md[i] = EVP_MD_fetch(NULL, md_name[i], NULL);
	}
	return md[i];
}

enum lm_rc lm_hash_bytes(struct lm_bytes b, unsigned want, struct lm_hashes *out)
{
	uint8_t *const result[3] = { out->sha256, out->sha1, out->md5 };
	static const unsigned bit[3] = { LM_HASH_SHA256, LM_HASH_SHA1, LM_HASH_MD5 };
	EVP_MD_CTX *ctx[3] = { 0 };
	enum lm_rc rc = LM_EIO;

	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < 3; i++) {
		if (!(want & bit[i]))
			continue;
		const EVP_MD *m = fetch(i);
		ctx[i] = EVP_MD_CTX_new();
		if (!m || !ctx[i] || !EVP_DigestInit_ex2(ctx[i], m, NULL))
			goto done;
	}
	for (size_t at = 0; at < b.n; at += BLOCK) {
		struct lm_bytes part = lm_bytes_part(b, at, BLOCK);
		for (unsigned i = 0; i < 3; i++)
			if (ctx[i] && !EVP_DigestUpdate(ctx[i], part.p, part.n))
				goto done;
	}
	for (unsigned i = 0; i < 3; i++) {
		if (!ctx[i])
			continue;
		if (!EVP_DigestFinal_ex(ctx[i], result[i], NULL))
			goto done;
		out->have |= bit[i];
	}
	rc = LM_OK;
done:
	for (unsigned i = 0; i < 3; i++)
		EVP_MD_CTX_free(ctx[i]);
	return rc;
}

void lm_hash_prepare(void)
{
	for (unsigned i = 0; i < 3; i++)
		(void)fetch(i);
}
