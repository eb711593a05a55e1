/* SPDX-License-Identifier: Apache-2.0 */
/* pe_signer.h - the keys, certificates and statements that the signature tests share; made anew for every run. */
#ifndef LM_PE_SIGNER_H
#define LM_PE_SIGNER_H

#include "unit/pe_fixture.h"

#include <unistd.h>

static EVP_PKEY *rsa, *rsa_ca, *ec, *ec_explicit;
static X509 *root, *other_root, *leaf, *leaf_ec;
static struct fx_result r;

static inline struct fx_sign plain(void)
{
	return (struct fx_sign){ .key = rsa, .cert = leaf, .alg = LM_SHA256 };
}

static inline void run_signed(const struct fx_sign *o)
{
	fx_run(fx_signed(fx_pe(false), o), NULL, &r);
}

static inline void assert_status(unsigned nth, const char *status)
{
	assert_str(fx_sig(&r, nth)->status, status);
	if (strcmp(status, "valid") != 0)
		assert_true(fx_sig(&r, nth)->reason.n > 0);
	else
		assert_null(fx_sig(&r, nth)->reason.p);
}

static inline int setup(void **s)
{
	(void)s;
	fx_reset();
	rsa = fx_rsa();
	rsa_ca = fx_rsa();
	ec = fx_ec(false);
	ec_explicit = fx_ec(true);
	root = fx_x509(rsa_ca, (struct fx_cert){ .name = "Example Root", .ca = true });
	other_root = fx_x509(rsa_ca, (struct fx_cert){ .name = "Other Root", .ca = true });
	leaf = fx_x509(rsa, (struct fx_cert){ .name = "Example Signer",
					      .issuer = root,
					      .issuer_key = rsa_ca,
					      .eku = "codeSigning",
					      .usage = "critical,digitalSignature" });
	leaf_ec = fx_x509(
		ec, (struct fx_cert){
			    .name = "Example EC Signer", .issuer = root, .issuer_key = rsa_ca, .eku = "codeSigning" });
	return 0;
}

static inline int teardown(void **s)
{
	(void)s;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(rsa_ca);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(ec_explicit);
	X509_free(root);
	X509_free(other_root);
	X509_free(leaf);
	X509_free(leaf_ec);
	lm_arena_fini(&fx_arena);
	return 0;
}

static inline struct lm_bytes fill(size_t n, uint8_t c)
{
	uint8_t *p = lm_arena_alloc(&fx_arena, n);
	memset(p, c, n);
	return (struct lm_bytes){ p, n };
}

/* Hashed bytes, header fields, entry headers, PKCS#7 and unhashed areas together are the file: nothing is missed. */
static inline void assert_every_byte(struct lm_bytes file)
{
	int64_t sum = fx_image(&r)->cert_offset.v + 8 * fx_image(&r)->cert_entries.v;
	for (size_t i = 0; i < r.n; i++) {
		const struct lm_obs *o = &r.obs[i];
		if (o->kind == LM_K_signature && o->signature.depth.v == 0)
			sum += o->signature.length.v;
		else if (o->kind == LM_K_signature_unhashed &&
			 !lm_str_eq(o->signature_unhashed.place, LM_STR("pkcs7-field")) &&
			 !lm_str_eq(o->signature_unhashed.place, LM_STR("unauthenticated-attribute")))
			sum += o->signature_unhashed.length.v;
	}
	assert_int_equal(sum, file.n);
}

static inline struct lm_bytes nest(struct lm_bytes pe, unsigned levels)
{
	struct lm_bytes p7 = FX_NONE;
	for (unsigned i = 0; i < levels; i++) {
		struct fx_sign o = plain();
		o.alg = i + 1 == levels ? LM_SHA1 : LM_SHA256;
		if (i)
			o.attributes = fx_attribute("1.3.6.1.4.1.311.2.4.1", p7);
		p7 = fx_signature(pe, &o);
	}
	return fx_attach(pe, fx_entry(2, p7, FX_NONE));
}

static inline struct lm_trust *roots_of(X509 *a, X509 *b)
{
	char path[] = "/tmp/limier-roots-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	struct lm_trust *t = NULL;
	unsigned n = 0;
	struct lm_err err = { 0 };
	PEM_write_X509(f, a);
	if (b)
		PEM_write_X509(f, b);
	fclose(f);
	assert_int_equal(lm_trust_load(path, &t, &n, &err), LM_OK);
	assert_int_equal(n, b ? 2 : 1);
	unlink(path);
	return t;
}

#endif
