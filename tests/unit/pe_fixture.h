/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_fixture.h - tiny program files, signed at test time with throw-away keys, and a run of the PE reader.
 *
 * The files hold text and zeros, no code. A small DER and PKCS#7 writer of its own: what it writes wrongly
 * on purpose no signing tool would write. Everything lives in fx_arena until fx_reset.
 */
#ifndef LM_PE_FIXTURE_H
#define LM_PE_FIXTURE_H

#include "unit/test.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "read/pe_digest.h"
#include "read/read.h"
#include "read/trust.h"

extern const struct lm_reader lm_reader_pe;

static struct lm_arena fx_arena;

static inline void fx_reset(void)
{
	lm_arena_fini(&fx_arena);
	lm_arena_init(&fx_arena, 256u << 20);
}

static inline struct lm_bytes fx_copy(struct lm_bytes b)
{
	return lm_arena_bytes(&fx_arena, b);
}

static inline uint8_t *fx_mut(struct lm_bytes b)
{
	return (uint8_t *)(uintptr_t)b.p; /* fixtures are ours: arena memory, not evidence */
}

static inline struct lm_bytes fx_join(const struct lm_bytes *parts, size_t n)
{
	size_t total = 0, at = 0;
	for (size_t i = 0; i < n; i++)
		total += parts[i].n;
	uint8_t *p = lm_arena_alloc(&fx_arena, total);
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n)
			memcpy(p + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	return (struct lm_bytes){ p, total };
}

#define FX_LIST(...)                              \
	(const struct lm_bytes[]){ __VA_ARGS__ }, \
		sizeof((const struct lm_bytes[]){ __VA_ARGS__ }) / sizeof(struct lm_bytes)
#define FX_BYTES(...) \
	fx_copy((struct lm_bytes){ (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) })
#define FX_JOIN(...) fx_join(FX_LIST(__VA_ARGS__))
#define FX_NONE ((struct lm_bytes){ 0 })

static inline struct lm_bytes fx_der(uint8_t tag, const struct lm_bytes *parts, size_t n)
{
	struct lm_bytes body = fx_join(parts, n);
	uint8_t head[6] = { tag };
	size_t k = 2;
	if (body.n < 0x80) {
		head[1] = (uint8_t)body.n;
	} else if (body.n < 0x10000) {
		head[1] = body.n < 0x100 ? 0x81 : 0x82;
		if (body.n >= 0x100)
			head[k++] = (uint8_t)(body.n >> 8);
		head[k++] = (uint8_t)body.n;
	} else {
		head[1] = 0x83;
		head[k++] = (uint8_t)(body.n >> 16);
		head[k++] = (uint8_t)(body.n >> 8);
		head[k++] = (uint8_t)body.n;
	}
	return FX_JOIN((struct lm_bytes){ head, k }, body);
}
#define FX_DER(tag, ...) fx_der((tag), FX_LIST(__VA_ARGS__))

static inline struct lm_bytes fx_oid(const char *dotted)
{
	ASN1_OBJECT *o = OBJ_txt2obj(dotted, 1);
	unsigned char *p = NULL;
	int n = i2d_ASN1_OBJECT(o, &p);
	struct lm_bytes b = fx_copy((struct lm_bytes){ p, (size_t)n });
	OPENSSL_free(p);
	ASN1_OBJECT_free(o);
	return b;
}

static inline const char *fx_digest_oid(enum lm_digest_alg alg)
{
	return alg == LM_SHA1	  ? "1.3.14.3.2.26"
	       : alg == LM_SHA384 ? "2.16.840.1.101.3.4.2.2"
				  : "2.16.840.1.101.3.4.2.1";
}

static inline struct lm_bytes fx_alg(const char *oid)
{
	return FX_DER(0x30, fx_oid(oid), FX_BYTES(0x05, 0x00));
}

static inline struct lm_bytes fx_hash(enum lm_digest_alg alg, struct lm_bytes b)
{
	uint8_t d[LM_DIGEST_MAX];
	assert_true(lm_digest(alg, b, d));
	return fx_copy((struct lm_bytes){ d, lm_digest_size(alg) });
}

/* ---- keys and certificates ---- */

static inline EVP_PKEY *fx_rsa(void)
{
	return EVP_RSA_gen(2048);
}

static inline EVP_PKEY *fx_ec(bool explicit_parameters)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	char group[] = "P-256", encoding[] = "explicit";
	OSSL_PARAM p[3] = { OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0), OSSL_PARAM_END,
			    OSSL_PARAM_END };
	if (explicit_parameters)
		p[1] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, encoding, 0);
	assert_int_equal(EVP_PKEY_keygen_init(c), 1);
	assert_int_equal(EVP_PKEY_CTX_set_params(c, p), 1);
	assert_int_equal(EVP_PKEY_generate(c, &key), 1);
	EVP_PKEY_CTX_free(c);
	return key;
}

static inline void fx_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

struct fx_cert {
	const char *name;
	X509 *issuer; /* NULL: self-signed */
	EVP_PKEY *issuer_key;
	bool ca;
	const char *eku, *usage; /* NULL: no such extension */
	const char *from, *to;	 /* NULL: 2020 to 2040 */
	long serial;		 /* 0: some */
};

static inline X509 *fx_x509(EVP_PKEY *key, struct fx_cert c)
{
	static long serial = 0x1001;
	X509 *x = X509_new();
	X509_NAME *n = X509_NAME_new();
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), c.serial ? c.serial : serial++);
	X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)"Example Org", -1, -1, 0);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)c.name, -1, -1, 0);
	X509_set_subject_name(x, n);
	X509_set_issuer_name(x, c.issuer ? X509_get_subject_name(c.issuer) : n);
	X509_NAME_free(n);
	ASN1_TIME_set_string_X509(X509_getm_notBefore(x), c.from ? c.from : "20200101000000Z");
	ASN1_TIME_set_string_X509(X509_getm_notAfter(x), c.to ? c.to : "20400101000000Z");
	X509_set_pubkey(x, key);
	if (c.ca)
		fx_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	if (c.eku)
		fx_extension(x, NID_ext_key_usage, c.eku);
	if (c.usage)
		fx_extension(x, NID_key_usage, c.usage);
	assert_true(X509_sign(x, c.issuer_key ? c.issuer_key : key, EVP_sha256()) > 0);
	return x;
}

static inline struct lm_bytes fx_cert_der(X509 *x)
{
	unsigned char *p = NULL;
	int n = i2d_X509(x, &p);
	struct lm_bytes b = fx_copy((struct lm_bytes){ p, (size_t)n });
	OPENSSL_free(p);
	return b;
}

static inline struct lm_bytes fx_name_der(X509_NAME *name)
{
	unsigned char *p = NULL;
	int n = i2d_X509_NAME(name, &p);
	struct lm_bytes b = fx_copy((struct lm_bytes){ p, (size_t)n });
	OPENSSL_free(p);
	return b;
}

/* ---- a program file ---- */

static inline void fx_put16(struct lm_bytes b, size_t at, unsigned v)
{
	fx_mut(b)[at] = (uint8_t)v;
	fx_mut(b)[at + 1] = (uint8_t)(v >> 8);
}

static inline void fx_put32(struct lm_bytes b, size_t at, uint32_t v)
{
	fx_put16(b, at, v & 0xffff);
	fx_put16(b, at + 2, v >> 16);
}

static inline uint32_t fx_get32(struct lm_bytes b, size_t at)
{
	return (uint32_t)b.p[at] | (uint32_t)b.p[at + 1] << 8 | (uint32_t)b.p[at + 2] << 16 |
	       (uint32_t)b.p[at + 3] << 24;
}

#define FX_PE_AT 0x80u
#define FX_OPT_AT (FX_PE_AT + 24u)

static inline size_t fx_dirs_at(struct lm_bytes pe)
{
	return FX_OPT_AT + (pe.p[FX_OPT_AT + 1] == 2 ? 112 : 96);
}

/* PE checksum the way the specification says, one word after another. */
static inline uint32_t fx_checksum(struct lm_bytes pe)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < pe.n; i += 2) {
		if (i >= FX_OPT_AT + 64 && i < FX_OPT_AT + 68)
			continue;
		sum += pe.p[i] | (i + 1 < pe.n ? (unsigned)pe.p[i + 1] << 8 : 0);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint32_t)sum + (uint32_t)pe.n;
}

static inline void fx_fix_checksum(struct lm_bytes pe)
{
	fx_put32(pe, FX_OPT_AT + 64, fx_checksum(pe));
}

/* Headers of 0x200 bytes and one section of 0x200 bytes of text. */
static inline struct lm_bytes fx_pe(bool plus)
{
	uint8_t *p = lm_arena_alloc(&fx_arena, 0x400);
	struct lm_bytes b = { p, 0x400 };
	size_t opt = plus ? 0xf0 : 0xe0, section = FX_OPT_AT + opt;
	memcpy(p, "MZ", 2);
	fx_put16(b, 0x18, 0x40);
	fx_put32(b, 0x3c, FX_PE_AT);
	memcpy(p + FX_PE_AT, "PE\0", 4);
	fx_put16(b, FX_PE_AT + 4, plus ? 0x8664 : 0x14c);
	fx_put16(b, FX_PE_AT + 6, 1);
	fx_put32(b, FX_PE_AT + 8, 1600000000);
	fx_put16(b, FX_PE_AT + 20, (unsigned)opt);
	fx_put16(b, FX_PE_AT + 22, 0x2002);
	fx_put16(b, FX_OPT_AT, plus ? 0x20b : 0x10b);
	fx_put32(b, FX_OPT_AT + 16, 0x1000);
	fx_put32(b, FX_OPT_AT + 32, 0x1000);
	fx_put32(b, FX_OPT_AT + 36, 0x200);
	fx_put32(b, FX_OPT_AT + 60, 0x200);
	fx_put16(b, FX_OPT_AT + 68, 3);
	fx_put32(b, fx_dirs_at(b) - 4, 16);
	memcpy(p + section, ".text", 5);
	fx_put32(b, section + 8, 0x200);
	fx_put32(b, section + 12, 0x1000);
	fx_put32(b, section + 16, 0x200);
	fx_put32(b, section + 20, 0x200);
	for (size_t i = 0x200; i < 0x400; i++)
		p[i] = (uint8_t) "inert test data "[i & 15];
	fx_fix_checksum(b);
	return b;
}

/* The digest as the signer computes it: the file is unsigned yet, so only two header fields are left out. */
static inline struct lm_bytes fx_authentihash(struct lm_bytes pe, enum lm_digest_alg alg)
{
	size_t dir4 = fx_dirs_at(pe) + 32, ck = FX_OPT_AT + 64;
	return fx_hash(alg, FX_JOIN(lm_bytes_part(pe, 0, ck), lm_bytes_part(pe, ck + 4, dir4 - ck - 4),
				    lm_bytes_part(pe, dir4 + 8, pe.n)));
}

/* ---- PKCS#7 ---- */

struct fx_sign {
	EVP_PKEY *key;
	X509 *cert;
	X509 *more[4]; /* further certificates of the bag */
	enum lm_digest_alg alg;
	bool pss;
	/* what is wrong on purpose */
	bool wrong_message_digest, wrong_content_type, wrong_file_digest, wrong_signature, no_cert;
	bool other_list_alg;	    /* SignedData lists another digest */
	bool other_file_alg;	    /* the file's digest is SHA-1, whatever the signer uses */
	unsigned signers;	    /* 0 = 1 */
	const char *content_oid;    /* NULL: SPC_INDIRECT_DATA */
	struct lm_bytes attributes; /* unauthenticated ones, encoded one after another */
	struct lm_bytes crls;	    /* contents of [1] */
	struct lm_bytes sig_params; /* instead of NULL in the signature algorithm */
};

static inline struct lm_bytes fx_attribute(const char *oid, struct lm_bytes value)
{
	return FX_DER(0x30, fx_oid(oid), FX_DER(0x31, value));
}

static inline struct lm_bytes fx_indirect(enum lm_digest_alg alg, struct lm_bytes digest)
{
	struct lm_bytes image = FX_DER(0x30, FX_BYTES(0x03, 0x01, 0x00), FX_BYTES(0xa0, 0x04, 0xa2, 0x02, 0x80, 0x00));
	return FX_DER(0x30, FX_DER(0x30, fx_oid("1.3.6.1.4.1.311.2.1.15"), image),
		      FX_DER(0x30, fx_alg(fx_digest_oid(alg)), FX_DER(0x04, digest)));
}

static inline struct lm_bytes fx_do_sign(const struct fx_sign *o, struct lm_bytes tbs)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *kc = NULL;
	uint8_t sig[1024];
	size_t n = sizeof sig;
	assert_int_equal(EVP_DigestSignInit_ex(c, &kc, lm_digest_name(o->alg), NULL, NULL, o->key, NULL), 1);
	if (o->pss) {
		EVP_PKEY_CTX_set_rsa_padding(kc, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(kc, 32);
	}
	assert_int_equal(EVP_DigestSign(c, sig, &n, tbs.p, tbs.n), 1);
	EVP_MD_CTX_free(c);
	if (o->wrong_signature)
		sig[n - 1] ^= 1;
	return fx_copy((struct lm_bytes){ sig, n });
}

static inline struct lm_bytes fx_sig_alg(const struct fx_sign *o)
{
	const char *md = fx_digest_oid(o->alg);
	if (o->sig_params.n)
		return FX_DER(0x30, fx_oid("1.2.840.113549.1.1.1"), o->sig_params);
	if (o->pss)
		return FX_DER(0x30, fx_oid("1.2.840.113549.1.1.10"),
			      FX_DER(0x30, FX_DER(0xa0, fx_alg(md)),
				     FX_DER(0xa1, FX_DER(0x30, fx_oid("1.2.840.113549.1.1.8"), fx_alg(md))),
				     FX_DER(0xa2, FX_BYTES(0x02, 0x01, 0x20))));
	if (EVP_PKEY_is_a(o->key, "EC"))
		return FX_DER(0x30, fx_oid("1.2.840.10045.4.3.2"));
	return fx_alg("1.2.840.113549.1.1.1");
}

/* ContentInfo over a file digest. */
static inline struct lm_bytes fx_pkcs7(const struct fx_sign *o, struct lm_bytes file_digest)
{
	struct lm_bytes content = fx_indirect(o->other_file_alg ? LM_SHA1 : o->alg, file_digest);
	size_t head = content.p[1] < 0x80 ? 2 : 2 + (size_t)(content.p[1] & 0x7f);
	struct lm_bytes md = fx_hash(o->alg, lm_bytes_part(content, head, content.n));
	const char *content_oid = o->content_oid ? o->content_oid : "1.3.6.1.4.1.311.2.1.4";
	if (o->wrong_message_digest)
		fx_mut(md)[0] ^= 1;
	struct lm_bytes attrs =
		FX_JOIN(fx_attribute("1.2.840.113549.1.9.3",
				     fx_oid(o->wrong_content_type ? "1.2.840.113549.1.7.1" : content_oid)),
			fx_attribute("1.2.840.113549.1.9.4", FX_DER(0x04, md)));
	struct lm_bytes sig = fx_do_sign(o, FX_DER(0x31, attrs)), certs = FX_NONE, signers = FX_NONE;
	unsigned char *serial = NULL;
	int n = i2d_ASN1_INTEGER(X509_get_serialNumber(o->cert), &serial);
	struct lm_bytes serial_der = fx_copy((struct lm_bytes){ serial, (size_t)n });
	OPENSSL_free(serial);
	struct lm_bytes signer = FX_DER(0x30, FX_BYTES(0x02, 0x01, 0x01),
					FX_DER(0x30, fx_name_der(X509_get_issuer_name(o->cert)), serial_der),
					fx_alg(fx_digest_oid(o->alg)), FX_DER(0xa0, attrs), fx_sig_alg(o),
					FX_DER(0x04, sig), o->attributes.n ? FX_DER(0xa1, o->attributes) : FX_NONE);
	for (unsigned i = 0; i < (o->signers ? o->signers : 1); i++)
		signers = FX_JOIN(signers, signer);
	if (!o->no_cert)
		certs = fx_cert_der(o->cert);
	for (int i = 0; i < 4 && o->more[i]; i++)
		certs = FX_JOIN(certs, fx_cert_der(o->more[i]));
	enum lm_digest_alg listed = o->other_list_alg ? (o->alg == LM_SHA1 ? LM_SHA256 : LM_SHA1) : o->alg;
	return FX_DER(0x30, fx_oid("1.2.840.113549.1.7.2"),
		      FX_DER(0xa0, FX_DER(0x30, FX_BYTES(0x02, 0x01, 0x01), FX_DER(0x31, fx_alg(fx_digest_oid(listed))),
					  FX_DER(0x30, fx_oid(content_oid), FX_DER(0xa0, content)),
					  certs.n ? FX_DER(0xa0, certs) : FX_NONE,
					  o->crls.n ? FX_DER(0xa1, o->crls) : FX_NONE, FX_DER(0x31, signers))));
}

/* One WIN_CERTIFICATE: `slack` stands behind the PKCS#7 inside dwLength; padded to 8 inside too. */
static inline struct lm_bytes fx_entry(unsigned type, struct lm_bytes body, struct lm_bytes slack)
{
	static const uint8_t zeros[8];
	size_t n = 8 + body.n + slack.n;
	uint8_t head[8] = { 0 };
	struct lm_bytes entry = FX_JOIN((struct lm_bytes){ head, 8 }, body, slack, (struct lm_bytes){ zeros, -n & 7 });
	fx_put32(entry, 0, (uint32_t)entry.n);
	fx_put16(entry, 4, 0x200);
	fx_put16(entry, 6, type);
	return entry;
}

/* The file with a certificate table at its end. */
static inline struct lm_bytes fx_attach(struct lm_bytes pe, struct lm_bytes table)
{
	struct lm_bytes b = FX_JOIN(pe, table);
	size_t dir4 = fx_dirs_at(b) + 32;
	fx_put32(b, dir4, (uint32_t)pe.n);
	fx_put32(b, dir4 + 4, (uint32_t)table.n);
	fx_fix_checksum(b);
	return b;
}

static inline struct lm_bytes fx_signature(struct lm_bytes pe, const struct fx_sign *o)
{
	struct lm_bytes digest = fx_authentihash(pe, o->other_file_alg ? LM_SHA1 : o->alg);
	if (o->wrong_file_digest)
		fx_mut(digest)[0] ^= 1;
	return fx_pkcs7(o, digest);
}

static inline struct lm_bytes fx_signed(struct lm_bytes pe, const struct fx_sign *o)
{
	return fx_attach(pe, fx_entry(2, fx_signature(pe, o), FX_NONE));
}

/* ---- running the reader ---- */

#define FX_OBS_MAX 512

struct fx_result {
	struct lm_obs obs[FX_OBS_MAX];
	size_t n;
	enum lm_rc open_rc, end_rc;
};

static inline struct lm_read_in fx_in(struct lm_bytes data, const struct lm_read_env *env)
{
	static const uint8_t sha256[32] = { 1 };
	return (struct lm_read_in){
		.data = data, .sha256 = sha256, .path = LM_STR("test.exe"), .arena = &fx_arena, .env = env
	};
}

/* An exact copy of the bytes, so that the sanitizer sees a read past the end. Observations stay in fx_arena. */
static inline void fx_run(struct lm_bytes data, const struct lm_read_env *env, struct fx_result *r)
{
	struct lm_read_env none = { .now_ns = INT64_C(1700000000) * LM_NS_PER_S };
	struct lm_bytes copy = fx_copy(data);
	struct lm_read_in in = fx_in(copy, env ? env : &none);
	void *state = NULL;
	struct lm_obs o;
	r->n = 0;
	r->end_rc = LM_END;
	r->open_rc = lm_reader_pe.open(&in, &state);
	if (r->open_rc != LM_OK)
		return;
	while ((r->end_rc = lm_reader_pe.next(state, &o)) == LM_OK)
		if (r->n < FX_OBS_MAX)
			r->obs[r->n++] = o;
	lm_reader_pe.close(state);
}

static inline const struct lm_obs *fx_nth(const struct fx_result *r, enum lm_kind kind, unsigned nth)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->obs[i].kind == kind && nth-- == 0)
			return &r->obs[i];
	return NULL;
}

static inline unsigned fx_count(const struct fx_result *r, enum lm_kind kind)
{
	unsigned n = 0;
	while (fx_nth(r, kind, n))
		n++;
	return n;
}

static inline const struct lm_obs_signature *fx_sig(const struct fx_result *r, unsigned nth)
{
	const struct lm_obs *o = fx_nth(r, LM_K_signature, nth);
	assert_non_null(o);
	return &o->signature;
}

static inline const struct lm_obs_pe_image *fx_image(const struct fx_result *r)
{
	const struct lm_obs *o = fx_nth(r, LM_K_pe_image, 0);
	assert_non_null(o);
	return &o->pe_image;
}

static inline const struct lm_obs_signature_fact *fx_fact(const struct fx_result *r, const char *code)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->obs[i].kind == LM_K_signature_fact && lm_str_eq(r->obs[i].signature_fact.code, lm_cstr(code)))
			return &r->obs[i].signature_fact;
	return NULL;
}

static inline const struct lm_obs_signature_unhashed *fx_unhashed(const struct fx_result *r, const char *place)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->obs[i].kind == LM_K_signature_unhashed &&
		    lm_str_eq(r->obs[i].signature_unhashed.place, lm_cstr(place)))
			return &r->obs[i].signature_unhashed;
	return NULL;
}

/* Number of areas that are not padding. */
static inline unsigned fx_unexplained(const struct fx_result *r)
{
	unsigned n = 0;
	for (size_t i = 0; i < r->n; i++)
		if (r->obs[i].kind == LM_K_signature_unhashed &&
		    !lm_str_eq(r->obs[i].signature_unhashed.class, LM_STR("padding")))
			n++;
	return n;
}

static inline struct lm_bytes fx_slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return FX_NONE;
	fseek(f, 0, SEEK_END);
	long n = ftell(f);
	rewind(f);
	uint8_t *p = lm_arena_alloc(&fx_arena, n > 0 ? (size_t)n : 0);
	size_t got = fread(p, 1, n > 0 ? (size_t)n : 0, f);
	fclose(f);
	return (struct lm_bytes){ p, got };
}

/* A file of the unpacked corpus; false, with a message, when the corpus is not at hand. */
static inline bool fx_corpus(const char *name, char *path, size_t cap)
{
	const char *root = getenv("LIMIER_CORPUS");
	if (!root || !*root) {
		print_message("skipped: LIMIER_CORPUS is not set\n");
		return false;
	}
	snprintf(path, cap, "%s/%s", root, name);
	FILE *f = fopen(path, "rb");
	if (!f) {
		print_message("skipped: '%s' is not unpacked\n", path);
		return false;
	}
	fclose(f);
	return true;
}

#endif
