/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stock.c - everything a run needs from files, loaded in the zygote before it closes itself in.
 *
 * In:  settings. Out: rules, roots, zones, passwords, and libraries that have already opened what they open
 *      on first use. Workers inherit all of it by the fork and never open anything.
 * Limits: a rule file that does not load is told and left out; a wrong option (no such zone, unreadable
 * password file) is an error of the run.
 */
#include "base/log.h"
#include "base/text.h"
#include "work/work_int.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PASSWORD_FILE_MAX = 1 << 20, RULE_FILE_MAX = 64 << 20 };

/* The whole file, or LM_EIO with errno set. */
static enum lm_rc read_file(const char *path, size_t max, struct lm_buf *out)
{
	char chunk[16384];
	struct stat st;
	ssize_t n = -1;
	lm_buf_init(out, max);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return LM_EIO;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
	} else {
		while ((n = read(fd, chunk, sizeof chunk)) > 0)
			lm_buf_add(out, chunk, (size_t)n);
	}
	int e = errno;
	close(fd);
	errno = out->bad ? EFBIG : e;
	return n < 0 || out->bad ? LM_EIO : LM_OK;
}

/* ---- rules ---- */

struct rule_walk {
	EVP_MD_CTX *md;
	bool any;
};

/* Digest over names and contents of what some matcher takes as its own, in the order of the walk. */
static enum lm_rc rule_file(void *user, const struct lm_walk_entry *e)
{
	struct rule_walk *w = user;
	struct lm_buf b = { 0 };
	struct lm_hashes h;
	char *path = lm_xalloc(e->path.n + 1);
	memcpy(path, e->path.p, e->path.n);
	if (read_file(path, RULE_FILE_MAX, &b) == LM_OK) {
		struct lm_bytes data = lm_str_bytes(lm_buf_view(&b));
		bool mine = false;
		for (size_t i = 0; lm_matchers[i] && !mine; i++)
			mine = lm_matchers[i]->probe(e->path, data);
		if (mine && lm_hash_bytes(data, LM_HASH_SHA256, &h) == LM_OK) {
			uint8_t n[8] = { 0 };
			for (unsigned i = 0; i < 8; i++)
				n[i] = (uint8_t)((uint64_t)e->below.n >> 8 * i);
			EVP_DigestUpdate(w->md, n, sizeof n);
			EVP_DigestUpdate(w->md, e->below.p, e->below.n);
			EVP_DigestUpdate(w->md, h.sha256, sizeof h.sha256);
			w->any = true;
		}
	}
	lm_buf_fini(&b);
	free(path);
	return LM_OK;
}

static enum lm_rc rule_issue(void *user, const struct lm_walk_issue *i)
{
	(void)user;
	lm_log(LM_LOG_WARN, "cannot read rules in '%.*s': %s", LM_STR_ARG(i->path), i->what);
	return LM_OK;
}

static enum lm_rc load_rules(struct lm_stock *s, const char *const *paths, struct lm_work_loaded *loaded,
			     struct lm_err *err)
{
	struct rule_walk w = { EVP_MD_CTX_new(), false };
	struct lm_walk_sink sink = { &w, rule_file, rule_issue };
	enum lm_rc rc = LM_OK;
	if (!w.md || !EVP_DigestInit_ex(w.md, EVP_sha256(), NULL))
		rc = lm_fail(err, LM_EIO, "cannot compute digests: %s", "libcrypto refused");
	for (size_t p = 0; paths && paths[p] && rc >= 0; p++) {
		rc = lm_walk(paths[p], &sink, err);
		for (size_t i = 0; lm_matchers[i] && rc >= 0; i++) {
			struct lm_match_loaded count = { 0 };
			rc = lm_matchers[i]->load(paths[p], &s->matcher[i], &count, err);
			loaded->rule_files += count.files;
			loaded->rules += count.rules;
			loaded->bad_rule_files += count.bad_files;
		}
	}
	for (size_t i = 0; lm_matchers[i] && rc >= 0; i++)
		if (s->matcher[i])
			rc = lm_matchers[i]->ready(s->matcher[i], err);
	if (rc >= 0 && w.any) {
		uint8_t sum[EVP_MAX_MD_SIZE];
		unsigned n = 0;
		EVP_DigestFinal_ex(w.md, sum, &n);
		for (unsigned i = 0; i < 32; i++)
			snprintf(loaded->rules_sha256 + 2 * i, 3, "%02x", sum[i]);
	}
	EVP_MD_CTX_free(w.md);
	return rc < 0 ? rc : LM_OK;
}

/* ---- zones and passwords ---- */

static enum lm_rc load_zones(struct lm_stock *s, const char *const *zones, struct lm_err *err)
{
	size_t n = 0;
	while (zones && zones[n])
		n++;
	s->zones = lm_xalloc((n + 1) * sizeof *s->zones);
	for (size_t i = 0; i < n; i++) {
		struct lm_str v = lm_cstr(zones[i]);
		size_t eq = lm_str_rfind(v, '=');
		struct lm_zone_rule *z = &s->zones[s->n_zones];
		const char *name = zones[i];
		if (eq != SIZE_MAX) {
			z->pattern = lm_str_part(v, 0, eq);
			name = zones[i] + eq + 1;
		}
		z->zone = lm_zone_load(name);
		if (!z->zone)
			return lm_fail(
				err, LM_EUSAGE,
				"no time zone '%s'; use a name such as Europe/Berlin or an offset such as +02:00",
				name);
		s->n_zones++;
	}
	return LM_OK;
}

static enum lm_rc load_passwords(struct lm_stock *s, const char *path, struct lm_err *err)
{
	struct lm_buf b = { 0 };
	size_t n = 0, cap = 8;
	s->passwords = lm_xalloc(cap * sizeof *s->passwords);
	if (!path)
		return LM_OK;
	if (read_file(path, PASSWORD_FILE_MAX, &b) != LM_OK) {
		lm_fail(err, LM_EIO, "cannot read password file '%s': %s", path, strerror(errno));
		lm_buf_fini(&b);
		return LM_EIO;
	}
	struct lm_str rest = lm_buf_view(&b), line;
	while (lm_str_split(&rest, '\n', &line)) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!line.n)
			continue;
		if (n + 2 > cap) {
			cap *= 2;
			s->passwords = lm_xrealloc((void *)s->passwords, cap * sizeof *s->passwords);
		}
		char *word = lm_xalloc(line.n + 1);
		memcpy(word, line.p, line.n);
		s->passwords[n++] = word;
		s->passwords[n] = NULL;
	}
	lm_buf_fini(&b);
	return LM_OK;
}

/* ---- libraries ---- */

static void verify_once(EVP_PKEY *key, const char *digest)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	static const uint8_t text[8], signature[256];
	if (ctx && key && EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1)
		(void)EVP_DigestVerify(ctx, signature, (size_t)EVP_PKEY_get_size(key), text, sizeof text);
	EVP_MD_CTX_free(ctx);
}

static EVP_PKEY *key_of(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = params ? EVP_PKEY_CTX_new_from_name(NULL, type, NULL) : NULL;
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/*
 * One verification with RSA and with ECDSA, of nothing against nothing: providers, key managers and
 * signature algorithms are then fetched, and a worker finds them in memory. The keys are numbers made up
 * here (an odd modulus; the generator of P-256); nobody has a private half.
 */
static void warm_openssl(void)
{
	static const char *const digests[] = { "MD5", "SHA1", "SHA256", "SHA384", "SHA512" };
	uint8_t number[256], sum[EVP_MAX_MD_SIZE];
	static const char generator[] = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
					"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
	uint8_t point[65];
	size_t n_point = lm_str_unhex(LM_STR(generator), point, sizeof point);
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
				    OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS,
			    NULL);
	(void)RAND_bytes(number, 16);
	memset(number, 0xc5, sizeof number);
	BIGNUM *n = BN_bin2bn(number, sizeof number, NULL), *e = BN_new();
	OSSL_PARAM_BLD *rsa = OSSL_PARAM_BLD_new(), *ec = OSSL_PARAM_BLD_new();
	if (n && e && rsa && ec && BN_set_word(e, 65537)) {
		OSSL_PARAM_BLD_push_BN(rsa, OSSL_PKEY_PARAM_RSA_N, n);
		OSSL_PARAM_BLD_push_BN(rsa, OSSL_PKEY_PARAM_RSA_E, e);
		OSSL_PARAM_BLD_push_utf8_string(ec, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
		OSSL_PARAM_BLD_push_octet_string(ec, OSSL_PKEY_PARAM_PUB_KEY, point, n_point);
		OSSL_PARAM *rp = OSSL_PARAM_BLD_to_param(rsa), *ep = OSSL_PARAM_BLD_to_param(ec);
		EVP_PKEY *rk = key_of("RSA", rp), *ek = key_of("EC", ep);
		for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
			unsigned m = sizeof sum;
			EVP_Digest(number, sizeof number, sum, &m, EVP_get_digestbyname(digests[i]), NULL);
			verify_once(rk, digests[i]);
			verify_once(ek, digests[i]);
		}
		EVP_PKEY_free(rk);
		EVP_PKEY_free(ek);
		OSSL_PARAM_free(rp);
		OSSL_PARAM_free(ep);
	}
	OSSL_PARAM_BLD_free(rsa);
	OSSL_PARAM_BLD_free(ec);
	BN_free(n);
	BN_free(e);
	ERR_clear_error();
}

enum lm_rc lm_stock_load(struct lm_stock *s, const struct lm_work_conf *c, struct lm_work_loaded *loaded,
			 struct lm_err *err)
{
	s->conf = c;
	(void)setlocale(LC_ALL, "C.UTF-8");
	warm_openssl();
	lm_source_prepare();
	enum lm_rc rc = load_zones(s, c->o.zones, err);
	if (rc == LM_OK)
		rc = load_passwords(s, c->o.password_file, err);
	if (rc == LM_OK && c->o.roots)
		rc = lm_trust_load(c->o.roots, &s->trust, &loaded->roots, err);
	if (rc == LM_OK && c->o.rules)
		rc = load_rules(s, c->o.rules, loaded, err);
	return rc;
}
