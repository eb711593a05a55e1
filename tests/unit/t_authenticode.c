/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_authenticode.c - signatures: files signed here in every way that must and must not verify, the certificate
 * table bent in every way we know, and the corpus with its stated verdicts.
 */
#include "unit/pe_fixture.h"

#include <unistd.h>

#include "base/text.h"

static EVP_PKEY *rsa, *rsa_ca, *ec, *ec_explicit;
static X509 *root, *other_root, *leaf, *leaf_ec;
static struct fx_result r;

static struct fx_sign plain(void)
{
	return (struct fx_sign){ .key = rsa, .cert = leaf, .alg = LM_SHA256 };
}

static void run_signed(const struct fx_sign *o)
{
	fx_run(fx_signed(fx_pe(false), o), NULL, &r);
}

static void assert_status(unsigned nth, const char *status)
{
	assert_str(fx_sig(&r, nth)->status, status);
	if (strcmp(status, "valid") != 0)
		assert_true(fx_sig(&r, nth)->reason.n > 0);
	else
		assert_null(fx_sig(&r, nth)->reason.p);
}

static int setup(void **s)
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

static int teardown(void **s)
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

static void valid_rsa(void **s)
{
	(void)s;
	for (int plus = 0; plus < 2; plus++)
		for (enum lm_digest_alg alg = LM_SHA1; alg <= LM_SHA384; alg++) {
			struct fx_sign o = plain();
			o.alg = alg;
			struct lm_bytes pe = fx_pe(plus), want = fx_authentihash(pe, alg);
			fx_run(fx_signed(pe, &o), NULL, &r);
			assert_int_equal(fx_count(&r, LM_K_signature), 1);
			assert_status(0, "valid");
			const struct lm_obs_signature *sig = fx_sig(&r, 0);
			assert_str(sig->digest_alg, lm_digest_name(alg));
			assert_true(lm_bytes_eq(sig->authentihash, want));
			assert_true(lm_bytes_eq(sig->authentihash_padded, want));
			assert_true(lm_bytes_eq(sig->signed_digest, want));
			assert_str(sig->signer, "Example Signer");
			assert_str(sig->subject, "CN=Example Signer,O=Example Org");
			assert_str(sig->issuer, "CN=Example Root,O=Example Org");
			assert_str(sig->trust, "unknown");
			assert_int_equal(sig->not_before.v, INT64_C(1577836800) * LM_NS_PER_S);
			assert_int_equal(sig->not_after.v, INT64_C(2208988800) * LM_NS_PER_S);
			assert_false(sig->timestamp.set);
			assert_int_equal(fx_unexplained(&r), 0);
			assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 0);
			assert_int_equal(fx_count(&r, LM_K_signature_fact), alg == LM_SHA1 ? 1 : 0);
			assert_int_equal(fx_fact(&r, "weak-digest") != NULL, alg == LM_SHA1);
		}
}

static void valid_other_schemes(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	o.key = ec;
	o.cert = leaf_ec;
	run_signed(&o);
	assert_status(0, "valid");
	o = plain();
	o.pss = true;
	run_signed(&o);
	assert_status(0, "valid");
	o.wrong_signature = true;
	run_signed(&o);
	assert_status(0, "invalid");
}

/* One thing wrong at a time: the status, and the fact that names it. */
static void must_fail(void **s)
{
	(void)s;
	static const struct {
		size_t at; /* offset of the bool in struct fx_sign */
		const char *status, *code;
	} cases[] = {
		{ offsetof(struct fx_sign, wrong_message_digest), "invalid", "message-digest-mismatch" },
		{ offsetof(struct fx_sign, wrong_content_type), "invalid", "content-type-mismatch" },
		{ offsetof(struct fx_sign, wrong_file_digest), "invalid", "digest-mismatch" },
		{ offsetof(struct fx_sign, wrong_signature), "invalid", "signature-primitive-failed" },
		{ offsetof(struct fx_sign, no_cert), "invalid", "signer-certificate-missing" },
		{ offsetof(struct fx_sign, other_list_alg), "invalid", "algorithm-disagreement" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fx_sign o = plain();
		*(bool *)((char *)&o + cases[i].at) = true;
		run_signed(&o);
		assert_status(0, cases[i].status);
		assert_non_null(fx_fact(&r, cases[i].code));
		assert_int_equal(fx_count(&r, LM_K_signature_fact), 1);
	}
}

static void signer_count_and_content(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	o.signers = 2;
	run_signed(&o);
	assert_status(0, "malformed");
	assert_non_null(fx_fact(&r, "signer-count"));
	o = plain();
	o.content_oid = "1.2.840.113549.1.7.1";
	run_signed(&o);
	assert_status(0, "malformed");
	assert_non_null(fx_fact(&r, "content-type-mismatch"));
}

/* Another key signs in the name of a certificate that is not its own. */
static void foreign_key(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	o.key = rsa_ca;
	run_signed(&o);
	assert_status(0, "invalid");
	assert_non_null(fx_fact(&r, "signature-primitive-failed"));
	o.key = ec; /* the algorithm does not even fit */
	run_signed(&o);
	assert_status(0, "invalid");
}

/* A signature of one file moved to another one. */
static void transplanted(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes pe = fx_pe(false), entry = fx_entry(2, fx_signature(pe, &o), FX_NONE);
	fx_mut(pe)[0x3ff] ^= 0x20;
	fx_run(fx_attach(pe, entry), NULL, &r);
	assert_status(0, "invalid");
	assert_non_null(fx_fact(&r, "digest-mismatch"));
	assert_null(fx_fact(&r, "message-digest-mismatch"));
}

static void explicit_curves(void **s)
{
	(void)s;
	X509 *bad = fx_x509(ec_explicit, (struct fx_cert){ .name = "Own Curve", .eku = "codeSigning" });
	struct fx_sign o = { .key = ec_explicit, .cert = bad, .alg = LM_SHA256 };
	run_signed(&o);
	assert_status(0, "invalid");
	assert_non_null(fx_fact(&r, "explicit-ec-parameters"));
	assert_str(fx_sig(&r, 0)->signer, "Own Curve");
	/* in an issuer the signature itself stands, the fact is stated */
	X509 *ca = fx_x509(ec_explicit, (struct fx_cert){ .name = "Own Curve CA", .ca = true });
	X509 *child = fx_x509(
		rsa,
		(struct fx_cert){ .name = "Child", .issuer = ca, .issuer_key = ec_explicit, .eku = "codeSigning" });
	o = plain();
	o.cert = child;
	o.more[0] = ca;
	run_signed(&o);
	assert_status(0, "valid");
	assert_non_null(fx_fact(&r, "explicit-ec-parameters"));
	X509_free(bad);
	X509_free(ca);
	X509_free(child);
}

static void purposes(void **s)
{
	(void)s;
	static const struct {
		const char *eku, *usage;
		bool fact;
	} cases[] = {
		{ "serverAuth", NULL, true },
		{ "serverAuth,codeSigning", NULL, false },
		{ "anyExtendedKeyUsage", NULL, true },
		{ NULL, NULL, false },
		{ "codeSigning", "keyEncipherment", true },
		{ "codeSigning", "digitalSignature", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		X509 *x = fx_x509(rsa, (struct fx_cert){ .name = "Purpose",
							 .issuer = root,
							 .issuer_key = rsa_ca,
							 .eku = cases[i].eku,
							 .usage = cases[i].usage });
		struct fx_sign o = plain();
		o.cert = x;
		run_signed(&o);
		assert_status(0, "valid");
		assert_int_equal(fx_fact(&r, "leaf-not-code-signing") != NULL, cases[i].fact);
		X509_free(x);
	}
}

static void not_der(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes p7 = fx_signature(fx_pe(false), &o), inner = lm_bytes_part(p7, 4, p7.n);
	/* BER: indefinite length outside, then inside */
	struct lm_bytes outer = FX_JOIN(FX_BYTES(0x30, 0x80), inner, FX_BYTES(0, 0));
	fx_run(fx_attach(fx_pe(false), fx_entry(2, outer, FX_NONE)), NULL, &r);
	assert_status(0, "malformed");
	assert_non_null(fx_fact(&r, "not-der"));
	assert_non_null(strstr(fx_fact(&r, "not-der")->detail.p, "indefinite"));
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 1);
	assert_non_null(fx_unhashed(&r, "extra-entry"));
	struct lm_bytes explicit0 = lm_bytes_part(inner, 11, inner.n), sd = lm_bytes_part(explicit0, 4, explicit0.n);
	struct lm_bytes in =
		FX_DER(0x30, lm_bytes_part(inner, 0, 11), FX_JOIN(FX_BYTES(0xa0, 0x80), sd, FX_BYTES(0, 0)));
	fx_run(fx_attach(fx_pe(false), fx_entry(2, in, FX_NONE)), NULL, &r);
	assert_status(0, "malformed");
	assert_non_null(fx_fact(&r, "not-der"));
	/* something behind the last field of ContentInfo */
	struct lm_bytes more = FX_DER(0x30, inner, FX_DER(0x04, FX_BYTES(1, 2, 3)));
	fx_run(fx_attach(fx_pe(false), fx_entry(2, more, FX_NONE)), NULL, &r);
	assert_status(0, "malformed");
	assert_str(fx_sig(&r, 0)->signer, "Example Signer"); /* what can be read is */
}

static void deep_blob(void **s)
{
	(void)s;
	struct lm_bytes b = FX_BYTES(0x05, 0x00);
	for (int i = 0; i < 2000; i++)
		b = FX_DER(0x30, b);
	fx_run(fx_attach(fx_pe(false), fx_entry(2, b, FX_NONE)), NULL, &r);
	assert_status(0, "malformed");
	struct lm_bytes p7 = FX_DER(0x30, fx_oid("1.2.840.113549.1.7.2"), FX_DER(0xa0, b));
	fx_run(fx_attach(fx_pe(false), fx_entry(2, p7, FX_NONE)), NULL, &r);
	assert_status(0, "malformed");
	fx_reset();
}

static struct lm_bytes nest(struct lm_bytes pe, unsigned levels)
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

static void nested(void **s)
{
	(void)s;
	fx_run(nest(fx_pe(false), 3), NULL, &r);
	assert_int_equal(fx_count(&r, LM_K_signature), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_status(i, "valid");
		assert_int_equal(fx_sig(&r, i)->index.v, i);
		assert_int_equal(fx_sig(&r, i)->depth.v, i);
		assert_str(fx_sig(&r, i)->digest_alg, i ? "sha256" : "sha1");
	}
	assert_int_equal(fx_unexplained(&r), 0);
	fx_run(nest(fx_pe(false), 12), NULL, &r);
	assert_int_equal(fx_count(&r, LM_K_signature), 9);
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 1);
	assert_status(8, "valid");
	/* two in one attribute, the second one broken */
	struct fx_sign o = plain(), bad = plain();
	struct lm_bytes pe = fx_pe(false);
	bad.wrong_file_digest = true;
	o.attributes = fx_attribute("1.3.6.1.4.1.311.2.4.1", FX_JOIN(fx_signature(pe, &o), fx_signature(pe, &bad)));
	fx_run(fx_signed(pe, &o), NULL, &r);
	assert_int_equal(fx_count(&r, LM_K_signature), 3);
	assert_status(0, "valid");
	assert_status(1, "valid");
	assert_status(2, "invalid");
}

static void unauthenticated(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	o.attributes = fx_attribute("1.3.6.1.4.1.42921.1.2.1", FX_DER(0x04, FX_BYTES('i', 'n', 'e', 'r', 't')));
	run_signed(&o);
	assert_status(0, "valid");
	assert_non_null(fx_fact(&r, "unknown-attribute"));
	assert_non_null(strstr(fx_fact(&r, "unknown-attribute")->detail.p, "1.3.6.1.4.1.42921.1.2.1"));
	const struct lm_obs_signature_unhashed *u = fx_unhashed(&r, "unauthenticated-attribute");
	assert_non_null(u);
	assert_int_equal(u->length.v, 7);
	assert_str(u->class, "unexplained");
	uint8_t *big = lm_arena_alloc(&fx_arena, 40000);
	memset(big, 'x', 40000);
	o.attributes =
		fx_attribute("1.3.6.1.4.1.311.3.3.1", FX_DER(0x30, FX_DER(0x04, (struct lm_bytes){ big, 40000 })));
	run_signed(&o);
	assert_status(0, "valid");
	assert_null(fx_fact(&r, "unknown-attribute"));
	assert_non_null(fx_fact(&r, "large-attribute"));
	assert_non_null(fx_unhashed(&r, "unauthenticated-attribute"));
}

/* Room inside the PKCS#7 that no hash covers either. */
static void unhashed_fields(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	o.sig_params = FX_DER(0x04, FX_BYTES('i', 'n', 'e', 'r', 't'));
	run_signed(&o);
	assert_status(0, "valid");
	assert_non_null(fx_unhashed(&r, "pkcs7-field"));
	assert_str(fx_unhashed(&r, "pkcs7-field")->class, "unexplained");
	o = plain();
	o.crls = FX_DER(0x30, FX_BYTES(0x02, 0x01, 0x01));
	run_signed(&o);
	assert_status(0, "valid");
	assert_non_null(fx_fact(&r, "embedded-crl"));
	o = plain();
	o.more[0] = root;
	run_signed(&o);
	assert_null(fx_fact(&r, "superfluous-certificate")); /* the signer's issuer */
	o.more[1] = other_root;
	run_signed(&o);
	assert_non_null(fx_fact(&r, "superfluous-certificate"));
	assert_non_null(strstr(fx_fact(&r, "superfluous-certificate")->detail.p, "Other Root"));
	assert_int_equal(fx_unexplained(&r), 0);
}

static struct lm_bytes fill(size_t n, uint8_t c)
{
	uint8_t *p = lm_arena_alloc(&fx_arena, n);
	memset(p, c, n);
	return (struct lm_bytes){ p, n };
}

/* Hashed bytes, header fields, entry headers, PKCS#7 and unhashed areas together are the file: nothing is missed. */
static void assert_every_byte(struct lm_bytes file)
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

static void slack(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes pe = fx_pe(false), p7 = fx_signature(pe, &o);
	struct lm_bytes text = FX_JOIN(fill(16, 0), FX_BYTES(0xfe, 0xed, 0xfa, 0xce), fill(100, 'A'));
	struct lm_bytes file = fx_attach(pe, fx_entry(2, p7, text));
	fx_run(file, NULL, &r);
	assert_status(0, "valid");
	const struct lm_obs_signature_unhashed *u = fx_unhashed(&r, "entry-slack");
	assert_non_null(u);
	assert_int_equal(u->offset.v, (int64_t)(pe.n + 8 + p7.n));
	assert_int_equal(u->length.v, (int64_t)(file.n - pe.n - 8 - p7.n));
	assert_int_equal(u->nonzero.v, 104);
	assert_int_equal(u->first_nonzero.v, u->offset.v + 16);
	assert_str(u->class, "unexplained");
	assert_non_null(strstr(u->note.p, "marker fe ed fa ce"));
	assert_every_byte(file);
	file = fx_attach(pe, fx_entry(2, p7, fill(65536, 0)));
	fx_run(file, NULL, &r);
	assert_status(0, "valid");
	assert_str(fx_unhashed(&r, "entry-slack")->class, "padding");
	assert_false(fx_unhashed(&r, "entry-slack")->first_nonzero.set);
	assert_every_byte(file);
	/* one byte in the pad that every signer leaves */
	file = fx_attach(pe, fx_entry(2, p7, FX_JOIN(fill(-(p7.n) & 7 ? 0 : 8, 0), FX_BYTES(1))));
	fx_run(file, NULL, &r);
	assert_int_equal(fx_unexplained(&r), 1);
}

static void rounding_and_gap(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes pe = fx_pe(false), p7 = fx_signature(pe, &o), entry = fx_entry(2, p7, FX_NONE);
	/* dwLength without its padding: the rounding stands between the entry and its end */
	fx_put32(entry, 0, (uint32_t)(entry.n - 3));
	fx_mut(entry)[entry.n - 1] = 7;
	struct lm_bytes file = fx_attach(pe, FX_JOIN(entry, fill(40, 0), fill(8, 'g')));
	fx_run(file, NULL, &r);
	assert_non_null(fx_unhashed(&r, "entry-padding"));
	assert_int_equal(fx_unhashed(&r, "entry-padding")->length.v, 3);
	assert_str(fx_unhashed(&r, "entry-padding")->class, "unexplained");
	assert_non_null(fx_unhashed(&r, "table-gap"));
	assert_int_equal(fx_unhashed(&r, "table-gap")->length.v, 48);
	assert_int_equal(fx_unhashed(&r, "table-gap")->nonzero.v, 8);
}

static void entries(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes pe = fx_pe(false), p7 = fx_signature(pe, &o), entry = fx_entry(2, p7, FX_NONE);
	struct lm_bytes file = fx_attach(pe, FX_JOIN(entry, entry));
	fx_run(file, NULL, &r);
	assert_int_equal(fx_count(&r, LM_K_signature), 2);
	assert_status(1, "valid");
	assert_int_equal(fx_sig(&r, 1)->entry.v, 1);
	assert_non_null(fx_fact(&r, "several-entries"));
	assert_every_byte(file);
	for (unsigned type = 1; type <= 2; type++) { /* opaque bytes in a second entry, of either type */
		file = fx_attach(pe, FX_JOIN(entry, fx_entry(type, fill(512, 'z'), FX_NONE)));
		fx_run(file, NULL, &r);
		assert_int_equal(fx_count(&r, LM_K_signature), 1);
		assert_status(0, "valid");
		assert_non_null(fx_fact(&r, "opaque-entry"));
		assert_int_equal(fx_unhashed(&r, "extra-entry")->length.v, 512);
		assert_str(fx_unhashed(&r, "extra-entry")->class, "unexplained");
		assert_every_byte(file);
	}
	/* a table without any PKCS#7 is not silently unsigned */
	fx_run(fx_attach(pe, fx_entry(1, fill(64, 'z'), FX_NONE)), NULL, &r);
	assert_status(0, "malformed");
	struct lm_bytes many = FX_NONE;
	for (int i = 0; i < 70; i++)
		many = FX_JOIN(many, i ? fx_entry(0, fill(8, 0), FX_NONE) : entry);
	file = fx_attach(pe, many);
	fx_run(file, NULL, &r);
	assert_status(0, "valid");
	assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 1);
	assert_every_byte(file);
}

static void overrun(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes pe = fx_pe(false), entry = fx_entry(2, fx_signature(pe, &o), FX_NONE);
	fx_put32(entry, 0, (uint32_t)entry.n + 512);
	fx_run(fx_attach(pe, entry), NULL, &r);
	assert_status(0, "malformed");
	assert_non_null(fx_fact(&r, "entry-overruns-table"));
	assert_str(fx_nth(&r, LM_K_evidence_damaged, 0)->evidence_damaged.what,
		   "cannot read certificate table: entry at 0x400 is 512 bytes past end");
	assert_int_equal(fx_nth(&r, LM_K_evidence_damaged, 0)->evidence_damaged.offset.v, 0x400);
	fx_put32(entry, 0, 0xc0000000);
	fx_run(fx_attach(pe, entry), NULL, &r);
	assert_status(0, "malformed");
	fx_put32(entry, 0, 3);
	fx_run(fx_attach(pe, entry), NULL, &r);
	assert_status(0, "malformed");
	assert_int_equal(fx_unhashed(&r, "table-gap")->length.v, (int64_t)entry.n);
}

static void table_positions(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes pe = fx_pe(false), file = fx_signed(pe, &o);
	size_t dir4 = fx_dirs_at(file) + 32;
	uint32_t at = fx_get32(file, dir4), size = fx_get32(file, dir4 + 4);
	/* cut off in the table: what can be read is */
	fx_run(lm_bytes_part(file, 0, file.n - 100), NULL, &r);
	assert_status(0, "malformed");
	assert_non_null(fx_fact(&r, "table-outside-file"));
	assert_non_null(fx_nth(&r, LM_K_evidence_damaged, 0));
	fx_run(lm_bytes_part(file, 0, at), NULL, &r);
	assert_status(0, "malformed");
	assert_int_equal(fx_count(&r, LM_K_signature), 1);
	struct lm_bytes bent = fx_copy(file);
	fx_put32(bent, dir4 + 4, 0xc0000000); /* 3 GB */
	fx_run(bent, NULL, &r);
	assert_status(0, "malformed");
	fx_put32(bent, dir4, 0xfffffff8);
	fx_run(bent, NULL, &r);
	assert_status(0, "malformed");
	fx_put32(bent, dir4, 0x100);
	fx_put32(bent, dir4 + 4, size);
	fx_run(bent, NULL, &r);
	assert_non_null(fx_fact(&r, "table-overlaps-headers"));
	assert_status(0, "malformed");
	fx_put32(bent, dir4, 0x300);
	fx_run(bent, NULL, &r);
	assert_non_null(fx_fact(&r, "table-overlaps-section"));
	assert_status(0, "malformed");
	/* bytes behind the table: what stands before it is as signed, the file is not */
	struct lm_bytes after = FX_JOIN(file, fill(2048, 'q'));
	fx_run(after, NULL, &r);
	assert_status(0, "malformed");
	assert_non_null(fx_fact(&r, "bytes-after-table"));
	assert_null(fx_fact(&r, "digest-mismatch"));
	assert_int_equal(fx_unhashed(&r, "after-table")->length.v, 2048);
	assert_non_null(fx_fact(&r, "checksum-wrong"));
	assert_every_byte(after);
	/* a table at an odd place */
	struct lm_bytes odd = FX_JOIN(fx_pe(false), FX_BYTES('o'));
	fx_run(fx_signed(odd, &o), NULL, &r);
	assert_non_null(fx_fact(&r, "table-unaligned"));
	assert_status(0, "valid");
}

static void checksums(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes file = fx_signed(fx_pe(true), &o);
	fx_run(file, NULL, &r);
	assert_int_equal(fx_image(&r)->checksum.v, fx_image(&r)->checksum_computed.v);
	fx_put32(file, FX_OPT_AT + 64, 0);
	fx_run(file, NULL, &r);
	assert_status(0, "valid");
	assert_non_null(fx_fact(&r, "checksum-zero"));
	fx_put32(file, FX_OPT_AT + 64, 0x1234);
	fx_run(file, NULL, &r);
	assert_status(0, "valid");
	assert_non_null(fx_fact(&r, "checksum-wrong"));
	assert_int_equal(fx_image(&r)->checksum_computed.v, fx_checksum(file));
}

/* A gap between headers and section: the two formulations of the digest part. */
static void layout(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes pe = fx_pe(false);
	size_t section = FX_OPT_AT + 0xe0;
	fx_put32(pe, section + 16, 0x100);
	fx_put32(pe, section + 20, 0x300);
	fx_mut(pe)[0x210] = '!'; /* the gap's bytes differ from the section's */
	fx_run(fx_signed(pe, &o), NULL, &r);
	assert_status(0, "valid"); /* Windows hashes what stands in the file */
	assert_non_null(fx_fact(&r, "layout-digest-differs"));
	/* signed by a tool that leaves the gap out: the sum of headers and section is what it takes as hashed */
	size_t dir4 = fx_dirs_at(pe) + 32, ck = FX_OPT_AT + 64;
	struct lm_bytes d =
		fx_hash(LM_SHA256, FX_JOIN(lm_bytes_part(pe, 0, ck), lm_bytes_part(pe, ck + 4, dir4 - ck - 4),
					   lm_bytes_part(pe, dir4 + 8, 0x200 - dir4 - 8),
					   lm_bytes_part(pe, 0x300, 0x100), lm_bytes_part(pe, 0x300, 0x100)));
	fx_run(fx_attach(pe, fx_entry(2, fx_pkcs7(&o, d), FX_NONE)), NULL, &r);
	assert_status(0, "invalid");
	assert_non_null(strstr(fx_sig(&r, 0)->reason.p, "section-sorted formulation matches"));
}

/* Length no multiple of 8: signers that pad first sign the padded bytes. */
static void padded(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes pe = FX_JOIN(fx_pe(false), FX_BYTES('o', 'v', 'e', 'r'));
	fx_run(pe, NULL, &r);
	assert_int_equal(fx_count(&r, LM_K_signature), 0);
	assert_int_equal(fx_count(&r, LM_K_signature_fact), 0);
	struct lm_bytes wide = FX_JOIN(pe, fill(4, 0));
	assert_true(lm_bytes_eq(fx_image(&r)->authentihash, fx_authentihash(pe, LM_SHA256)));
	assert_true(lm_bytes_eq(fx_image(&r)->authentihash_padded, fx_authentihash(wide, LM_SHA256)));
	fx_run(fx_signed(wide, &o), NULL, &r);
	assert_status(0, "valid");
}

/* ---- trust ---- */

static struct lm_trust *roots_of(X509 *a, X509 *b)
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

static void assert_trust(struct lm_bytes file, struct lm_trust *t, const char *now, const char *word, const char *why)
{
	struct lm_read_env env = { .trust = t };
	assert_true(lm_time_parse(lm_cstr(now), NULL, &env.now_ns, NULL));
	fx_run(file, &env, &r);
	assert_status(0, "valid"); /* never a matter of trust */
	assert_str(fx_sig(&r, 0)->trust, word);
	if (!strstr(fx_sig(&r, 0)->trust_reason.p, why))
		fail_msg("'%s' lacks '%s'", fx_sig(&r, 0)->trust_reason.p, why);
}

static void trust(void **s)
{
	(void)s;
	struct lm_trust *t = roots_of(root, NULL), *two = roots_of(root, other_root);
	struct lm_trust *foreign;
	EVP_PKEY *stranger = fx_rsa();
	X509 *strange = fx_x509(stranger, (struct fx_cert){ .name = "Example Root", .ca = true });
	struct fx_sign o = plain();
	struct lm_bytes file = fx_signed(fx_pe(false), &o);
	foreign = roots_of(strange, NULL);
	assert_trust(file, NULL, "2026-06-01", "unknown", "no roots");
	assert_trust(file, t, "2026-06-01", "trusted", "given root");
	assert_trust(file, two, "2026-06-01", "trusted", "given root");
	assert_trust(file, foreign, "2026-06-01", "untrusted", "does not lead"); /* the name fits, the key does not */
	assert_trust(file, t, "2041-01-01", "expired", "leaf expired on 2040-01-01, judged at 2041-01-01");
	assert_trust(file, t, "2019-01-01", "untrusted", "not valid before 2020-01-01");
	lm_trust_free(t);
	lm_trust_free(two);
	lm_trust_free(foreign);
	EVP_PKEY_free(stranger);
	X509_free(strange);
}

static void trust_chains(void **s)
{
	(void)s;
	struct lm_trust *t = roots_of(root, NULL);
	X509 *mid = fx_x509(
		rsa_ca,
		(struct fx_cert){
			.name = "Mid CA", .issuer = root, .issuer_key = rsa_ca, .ca = true, .to = "20300101000000Z" });
	X509 *tls_ca = fx_x509(
		rsa_ca,
		(struct fx_cert){
			.name = "TLS CA", .issuer = root, .issuer_key = rsa_ca, .ca = true, .eku = "serverAuth" });
	X509 *low = fx_x509(
		rsa, (struct fx_cert){ .name = "Low", .issuer = mid, .issuer_key = rsa_ca, .eku = "codeSigning" });
	X509 *tls = fx_x509(
		rsa, (struct fx_cert){
			     .name = "www.test.example", .issuer = root, .issuer_key = rsa_ca, .eku = "serverAuth" });
	X509 *odd = fx_x509(
		rsa, (struct fx_cert){ .name = "Odd", .issuer = tls_ca, .issuer_key = rsa_ca, .eku = "codeSigning" });
	X509 *by_leaf = fx_x509(
		ec, (struct fx_cert){ .name = "By leaf", .issuer = leaf, .issuer_key = rsa, .eku = "codeSigning" });
	struct fx_sign o = plain();
	o.cert = low;
	assert_trust(fx_signed(fx_pe(false), &o), t, "2026-06-01", "untrusted", "does not lead"); /* mid is missing */
	o.more[0] = mid;
	assert_trust(fx_signed(fx_pe(false), &o), t, "2026-06-01", "trusted", "chain of 3");
	assert_trust(fx_signed(fx_pe(false), &o), t, "2031-06-01", "expired", "intermediate expired on 2030-01-01");
	o.cert = tls;
	assert_trust(fx_signed(fx_pe(false), &o), t, "2026-06-01", "untrusted", "TLS servers");
	assert_trust(fx_signed(fx_pe(false), &o), t, "2041-06-01", "untrusted", "TLS servers"); /* expired as well */
	o.cert = odd;
	o.more[0] = tls_ca;
	assert_trust(fx_signed(fx_pe(false), &o), t, "2026-06-01", "untrusted", "may not issue");
	o = (struct fx_sign){ .key = ec, .cert = by_leaf, .more = { leaf }, .alg = LM_SHA256 }; /* leaf is no CA */
	assert_trust(fx_signed(fx_pe(false), &o), t, "2026-06-01", "untrusted", "does not lead");
	X509_free(mid);
	X509_free(tls_ca);
	X509_free(low);
	X509_free(tls);
	X509_free(odd);
	X509_free(by_leaf);
	lm_trust_free(t);
}

static void roots_that_cannot_be_read(void **s)
{
	(void)s;
	struct lm_trust *t;
	unsigned n;
	struct lm_err err = { 0 };
	assert_int_equal(lm_trust_load("/nonexistent/roots.pem", &t, &n, &err), LM_EIO);
	assert_non_null(strstr(err.msg, "/nonexistent/roots.pem"));
	char path[] = "/tmp/limier-roots-XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");
	fputs("no certificate here\n", f);
	fclose(f);
	assert_int_equal(lm_trust_load(path, &t, &n, &err), LM_ECORRUPT);
	f = fopen(path, "w");
	PEM_write_X509(f, root);
	fputs("-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n", f);
	fclose(f);
	assert_int_equal(lm_trust_load(path, &t, &n, &err), LM_ECORRUPT);
	assert_non_null(strstr(err.msg, "certificate 2"));
	unlink(path);
}

/* ---- hostile variations ---- */

/* A bit flipped anywhere the hash reaches must never leave the signature valid. */
static void every_byte_changed(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	struct lm_bytes file = fx_signed(fx_pe(false), &o);
	size_t dir4 = fx_dirs_at(file) + 32, table = fx_get32(file, dir4);
	for (size_t i = 0; i < file.n; i++) {
		struct lm_arena_mark m = lm_arena_mark(&fx_arena);
		struct lm_bytes b = fx_copy(file);
		fx_mut(b)[i] ^= 1 << (i & 7);
		fx_run(b, NULL, &r);
		bool valid = r.open_rc == LM_OK && fx_count(&r, LM_K_signature) &&
			     lm_str_eq(fx_sig(&r, 0)->status, LM_STR("valid"));
		bool free_field = (i >= FX_OPT_AT + 64 && i < FX_OPT_AT + 68) || (i >= dir4 && i < dir4 + 8);
		if (i < table && !free_field)
			assert_false(valid);
		lm_arena_reset(&fx_arena, m);
	}
}

static void every_prefix(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	o.attributes = fx_attribute("1.2.3.4", FX_DER(0x04, FX_BYTES(1)));
	struct lm_bytes file = fx_signed(fx_pe(true), &o);
	for (size_t n = 0; n < file.n; n++) {
		struct lm_arena_mark m = lm_arena_mark(&fx_arena);
		fx_run(lm_bytes_part(file, 0, n), NULL, &r);
		if (r.open_rc == LM_OK && fx_count(&r, LM_K_signature))
			assert_str(fx_sig(&r, 0)->status, "malformed");
		lm_arena_reset(&fx_arena, m);
	}
}

static void memory_refused(void **s)
{
	(void)s;
	struct lm_bytes file = fx_copy(nest(fx_pe(false), 2));
	struct lm_trust *t = roots_of(root, NULL);
	struct lm_read_env env = { .now_ns = INT64_C(1700000000) * LM_NS_PER_S, .trust = t };
	lm_arena_fail_at(0);
	fx_run(file, &env, &r);
	unsigned long total = lm_arena_count();
	assert_true(total > 10);
	for (unsigned long k = 2; k <= total; k++) { /* 1 is the fixture's own copy */
		struct lm_arena_mark m = lm_arena_mark(&fx_arena);
		lm_arena_fail_at(k);
		fx_run(file, &env, &r);
		lm_arena_fail_at(0);
		fx_arena.spent = false;
		assert_true(r.open_rc == LM_ELIMIT || r.end_rc == LM_ELIMIT);
		lm_arena_reset(&fx_arena, m);
	}
	lm_trust_free(t);
}

/* ---- corpus ---- */

static void column(struct lm_str line, unsigned n, struct lm_str *out)
{
	*out = (struct lm_str){ 0 };
	for (unsigned i = 0; i <= n; i++)
		if (!lm_str_split(&line, '\t', out))
			return;
}

static int64_t number(struct lm_str s)
{
	int64_t v = 0;
	return lm_str_i64(s, &v) ? v : 0;
}

/* What the table's prose means in our words; unknown prose fails. */
static void expect_row(struct lm_str line)
{
	struct lm_str file, added, slack_stated, authenticode, verdict, entries_stated;
	column(line, 0, &file);
	column(line, 5, &added);
	column(line, 6, &entries_stated);
	column(line, 7, &slack_stated);
	column(line, 8, &authenticode);
	column(line, 9, &verdict);
	print_message("  %.*s\n", LM_STR_ARG(file));
	const struct lm_obs_signature_unhashed *in_slack = fx_unhashed(&r, "entry-slack");
	assert_int_equal(in_slack ? in_slack->length.v : 0, number(slack_stated));
	assert_int_equal(fx_image(&r)->cert_entries.set ? fx_image(&r)->cert_entries.v : 0, number(entries_stated));

	if (lm_str_eq(authenticode, LM_STR("no signature")))
		assert_int_equal(fx_count(&r, LM_K_signature), 0);
	else if (lm_str_eq(authenticode, LM_STR("digest mismatch")))
		assert_status(0, "invalid");
	else if (lm_str_starts_ci(authenticode, LM_STR("depends on verifier: bytes after the certificate table")))
		assert_status(0, "malformed");
	else if (lm_str_starts_ci(authenticode, LM_STR("digest matches")) ||
		 lm_str_eq(authenticode, LM_STR("primary digest matches")))
		assert_status(0, "valid");
	else
		fail_msg("unknown prose: %.*s", LM_STR_ARG(authenticode));

	if (lm_str_starts_ci(verdict, LM_STR("ALERT: data stuffed in certificate table"))) {
		assert_non_null(in_slack);
		assert_str(in_slack->class, "unexplained");
		assert_int_equal(fx_unexplained(&r), 1);
	} else if (lm_str_eq(verdict, LM_STR("ALERT: data after certificate table"))) {
		assert_non_null(fx_fact(&r, "bytes-after-table"));
		assert_int_equal(fx_unhashed(&r, "after-table")->length.v, number(added));
		assert_int_equal(fx_unexplained(&r), 1);
	} else if (lm_str_eq(verdict, LM_STR("ALERT: signature broken"))) {
		assert_non_null(fx_fact(&r, "digest-mismatch"));
		assert_int_equal(fx_unexplained(&r), 0);
	} else if (lm_str_eq(verdict, LM_STR("no alert for stuffing; PE checksum wrong"))) {
		assert_non_null(fx_fact(&r, "checksum-wrong"));
		assert_int_equal(fx_unexplained(&r), 0);
	} else if (lm_str_starts_ci(verdict, LM_STR("NOT SIGNED"))) {
		assert_int_equal(fx_count(&r, LM_K_signature_unhashed), 0);
	} else if (lm_str_starts_ci(verdict, LM_STR("ALERT: extra WIN_CERTIFICATE entry, type 1"))) {
		assert_non_null(fx_fact(&r, "opaque-entry"));
		assert_int_equal(fx_unhashed(&r, "extra-entry")->length.v, number(added));
		assert_int_equal(fx_unexplained(&r), 1);
	} else {
		fail_msg("unknown prose: %.*s", LM_STR_ARG(verdict));
	}
}

static void corpus_derived(void **s)
{
	(void)s;
	char path[4096];
	if (!fx_corpus("files/derived-inert-pe/GROUND_TRUTH.tsv", path, sizeof path))
		skip();
	struct lm_str rest = lm_bytes_str(fx_slurp(path)), line, name;
	unsigned rows = 0;
	(void)lm_str_split(&rest, '\n', &line); /* heading */
	while (lm_str_split(&rest, '\n', &line)) {
		struct lm_arena_mark m = lm_arena_mark(&fx_arena);
		char member[256];
		if (line.n == 0)
			continue;
		column(line, 0, &name);
		snprintf(member, sizeof member, "files/derived-inert-pe/%.*s", LM_STR_ARG(name));
		assert_true(fx_corpus(member, path, sizeof path));
		fx_run(fx_slurp(path), NULL, &r);
		expect_row(line);
		rows++;
		lm_arena_reset(&fx_arena, m);
	}
	assert_int_equal(rows, 24);
}

/* Files of others that must be valid and quiet: name, signatures, entries. */
static void corpus_clean(void **s)
{
	(void)s;
	static const struct {
		const char *file;
		unsigned signatures, entries;
	} clean[] = {
		{ "files/debian-signed-efi/fbx64.efi.signed", 1, 1 },
		{ "files/debian-signed-efi/fwupdx64.efi.signed", 1, 1 },
		{ "files/debian-signed-efi/grubx64.efi.signed", 1, 1 },
		{ "files/debian-signed-efi/shimx64.efi.signed", 2, 2 },
		{ "files/uthenticode/32/pegoat-authenticode.exe", 1, 1 },
		{ "files/uthenticode/32/pegoat-authenticode-nested.exe", 2, 1 },
		{ "files/uthenticode/32/pegoat-authenticode_duplicated.exe", 2, 2 },
		{ "files/uthenticode/64/pegoat-authenticode.exe", 1, 1 },
		{ "files/relic/WindowsFormsApplication1.exe", 1, 1 },
		{ "files/uthenticode/32/pegoat.exe", 0, 0 },
	};
	char path[4096];
	unsigned seen = 0;
	for (size_t i = 0; i < sizeof clean / sizeof clean[0]; i++) {
		struct lm_arena_mark m = lm_arena_mark(&fx_arena);
		if (!fx_corpus(clean[i].file, path, sizeof path))
			continue;
		print_message("  %s\n", clean[i].file);
		struct lm_bytes b = fx_slurp(path);
		fx_run(b, NULL, &r);
		assert_int_equal(fx_count(&r, LM_K_signature), clean[i].signatures);
		assert_int_equal(fx_unexplained(&r), 0);
		assert_int_equal(fx_count(&r, LM_K_evidence_damaged), 0);
		assert_int_equal(fx_image(&r)->cert_entries.v, clean[i].entries);
		for (unsigned k = 0; k < clean[i].signatures; k++)
			assert_status(k, "valid");
		if (clean[i].entries)
			assert_every_byte(b);
		seen++;
		lm_arena_reset(&fx_arena, m);
	}
	if (!seen)
		skip();
}

/* From the uthenticode test suite: SHA-1 of the 32-bit pegoat, signed and unsigned. */
static void corpus_known_digest(void **s)
{
	(void)s;
	static const uint8_t want[20] = { 0x66, 0x63, 0xdd, 0x7c, 0x24, 0xfa, 0x84, 0xfc, 0xe7, 0xf1,
					  0x6e, 0x0b, 0x02, 0x68, 0x99, 0x52, 0xc0, 0x6c, 0xfa, 0x22 };
	char path[4096];
	if (!fx_corpus("files/uthenticode/32/pegoat-authenticode.exe", path, sizeof path))
		skip();
	fx_run(fx_slurp(path), NULL, &r);
	assert_int_equal(fx_sig(&r, 0)->authentihash.n, 20);
	assert_memory_equal(fx_sig(&r, 0)->authentihash.p, want, 20);
	uint8_t of_signed[32];
	memcpy(of_signed, fx_image(&r)->authentihash.p, 32);
	if (!fx_corpus("files/derived-inert-pe/pegoat32.strip.bin", path, sizeof path))
		skip();
	fx_run(fx_slurp(path), NULL, &r);
	assert_memory_equal(fx_image(&r)->authentihash.p, of_signed, 32);
}

/* Writes the seeds of the fuzz targets, made with keys that exist only now. */
static void write_seed(const char *dir, const char *name, struct lm_bytes b)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(b.p, 1, b.n, f), b.n);
	fclose(f);
}

static void seeds(void **s)
{
	(void)s;
	const char *dir = getenv("LIMIER_WRITE_SEEDS");
	struct fx_sign o = plain(), small = { .key = ec, .cert = leaf_ec, .alg = LM_SHA256 };
	struct lm_bytes pe = fx_pe(false);
	if (!dir)
		skip();
	write_seed(dir, "pe/signed-rsa", fx_signed(pe, &o));
	write_seed(dir, "pe/signed-ec-slack",
		   fx_attach(fx_pe(true), fx_entry(2, fx_signature(fx_pe(true), &small), fill(32, 'A'))));
	write_seed(dir, "pe/two-entries",
		   fx_attach(pe, FX_JOIN(fx_entry(2, fx_signature(pe, &small), FX_NONE),
					 fx_entry(1, fill(24, 'z'), FX_NONE))));
	write_seed(dir, "authenticode/rsa", fx_signature(pe, &o));
	write_seed(dir, "authenticode/ec", fx_signature(pe, &small));
	o.pss = true;
	o.more[0] = root;
	write_seed(dir, "authenticode/pss", fx_signature(pe, &o));
	small.attributes = FX_JOIN(fx_attribute("1.3.6.1.4.1.311.2.4.1", fx_signature(pe, &small)),
				   fx_attribute("1.2.3.4", FX_DER(0x04, FX_BYTES('x'))));
	write_seed(dir, "authenticode/nested", fx_signature(pe, &small));
	write_seed(dir, "der/signature", fx_signature(pe, &small));
	write_seed(dir, "der/indefinite", FX_BYTES(0x30, 0x80, 0x05, 0x00, 0x00, 0x00));
	write_seed(dir, "der/types",
		   FX_DER(0x30, FX_BYTES(0x01, 0x01, 0xff), FX_BYTES(0x02, 0x02, 0x00, 0x80),
			  fx_oid("1.3.6.1.4.1.311.2.1.4"), FX_BYTES(0x03, 0x02, 0x07, 0x80)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_rsa),
		cmocka_unit_test(valid_other_schemes),
		cmocka_unit_test(must_fail),
		cmocka_unit_test(signer_count_and_content),
		cmocka_unit_test(foreign_key),
		cmocka_unit_test(transplanted),
		cmocka_unit_test(explicit_curves),
		cmocka_unit_test(purposes),
		cmocka_unit_test(not_der),
		cmocka_unit_test(deep_blob),
		cmocka_unit_test(nested),
		cmocka_unit_test(unauthenticated),
		cmocka_unit_test(unhashed_fields),
		cmocka_unit_test(slack),
		cmocka_unit_test(rounding_and_gap),
		cmocka_unit_test(entries),
		cmocka_unit_test(overrun),
		cmocka_unit_test(table_positions),
		cmocka_unit_test(checksums),
		cmocka_unit_test(layout),
		cmocka_unit_test(padded),
		cmocka_unit_test(trust),
		cmocka_unit_test(trust_chains),
		cmocka_unit_test(roots_that_cannot_be_read),
		cmocka_unit_test(every_byte_changed),
		cmocka_unit_test(every_prefix),
		cmocka_unit_test(memory_refused),
		cmocka_unit_test(corpus_derived),
		cmocka_unit_test(corpus_clean),
		cmocka_unit_test(corpus_known_digest),
		cmocka_unit_test(seeds),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
