/* SPDX-License-Identifier: Apache-2.0 */
/* t_authenticode.c - files signed here in every way that must and must not verify; bent, cut, and short of memory. */
#include "unit/pe_signer.h"

#include "read/authenticode.h"

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
	o.other_file_alg = true; /* digest, attributes and key all fit, the algorithms do not agree */
	run_signed(&o);
	assert_status(0, "invalid");
	assert_non_null(fx_fact(&r, "algorithm-disagreement"));
	assert_null(fx_fact(&r, "digest-mismatch"));
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

/* The value of the signature that these options make; RSA makes the same one every time. */
static struct lm_bytes value_of(const struct fx_sign *o)
{
	struct lm_tlv whole;
	struct lm_p7 p7;
	struct lm_der d = lm_der_of(fx_signature(fx_pe(false), o), 0);
	assert_true(lm_der_next(&d, &whole));
	assert_int_equal(lm_p7_parse(&whole, &fx_arena, &p7), LM_OK);
	return p7.signer.signature.body;
}

/* SignerInfo over some bytes; `more` stands behind the signature. */
static struct lm_bytes counter_of(struct lm_bytes of, struct lm_bytes more)
{
	return FX_DER(0x30, FX_BYTES(0x02, 0x01, 0x01),
		      FX_DER(0x30, fx_name_der(X509_get_subject_name(root)), FX_BYTES(0x02, 0x01, 0x07)),
		      fx_alg(fx_digest_oid(LM_SHA256)),
		      FX_DER(0xa0, fx_attribute("1.2.840.113549.1.9.4", FX_DER(0x04, fx_hash(LM_SHA256, of)))),
		      fx_alg("1.2.840.113549.1.1.1"), FX_DER(0x04, fill(256, 's')), more);
}

/* Timestamp token for some bytes; `more` stands between TSTInfo and signers. */
static struct lm_bytes token_of(struct lm_bytes of, struct lm_bytes more)
{
	struct lm_bytes alg = fx_alg(fx_digest_oid(LM_SHA256));
	struct lm_bytes info = FX_DER(0x30, FX_BYTES(0x02, 0x01, 0x01), fx_oid("1.2.3.4"),
				      FX_DER(0x30, alg, FX_DER(0x04, fx_hash(LM_SHA256, of))),
				      FX_BYTES(0x02, 0x01, 0x05), FX_DER(0x18, fill(15, '1')));
	return FX_DER(
		0x30, fx_oid("1.2.840.113549.1.7.2"),
		FX_DER(0xa0, FX_DER(0x30, FX_BYTES(0x02, 0x01, 0x03), FX_DER(0x31, alg),
				    FX_DER(0x30, fx_oid("1.2.840.113549.1.9.16.1.4"), FX_DER(0xa0, FX_DER(0x04, info))),
				    more, FX_DER(0x31, counter_of(info, FX_NONE)))));
}

/* Known types are no hiding place: what stands there was made for this signature, or is an unhashed area. */
static void countersigned(void **s)
{
	(void)s;
	static const char *const cs = "1.2.840.113549.1.9.6", *const ts = "1.3.6.1.4.1.311.3.3.1",
				 *const tok = "1.2.840.113549.1.9.16.2.14";
	struct fx_sign o = plain();
	struct lm_bytes v = value_of(&o), other = fill(v.n, 'o');
	struct lm_bytes c = counter_of(v, FX_NONE), t = token_of(v, FX_NONE);
	struct lm_bytes junk = FX_DER(0x30, FX_DER(0x04, fill(20000, 'x')));
	struct lm_bytes room = FX_DER(0xa1, fx_attribute("1.2.3.4", FX_DER(0x04, fill(100, 'x'))));
	const struct {
		struct lm_bytes attributes;
		unsigned areas;
	} cases[] = {
		{ fx_attribute(cs, c), 0 },
		{ fx_attribute(ts, t), 0 },
		{ fx_attribute(tok, t), 0 },
		{ FX_JOIN(fx_attribute(cs, c), fx_attribute(ts, t)), 0 },
		{ fx_attribute(cs, counter_of(other, FX_NONE)), 1 },
		{ fx_attribute(ts, token_of(other, FX_NONE)), 1 },
		{ fx_attribute(cs, junk), 1 },
		{ fx_attribute(ts, junk), 1 },
		{ fx_attribute(tok, junk), 1 },
		{ fx_attribute(cs, FX_JOIN(c, junk)), 1 },
		{ fx_attribute(ts, FX_JOIN(t, junk)), 1 },
		{ fx_attribute(ts, FX_NONE), 0 }, /* nothing is no room */
		{ fx_attribute(cs, t), 1 },
		{ fx_attribute(ts, c), 1 },
		{ fx_attribute(cs, counter_of(v, room)), 1 },
		{ fx_attribute(ts, token_of(v, room)), 1 },
		{ fx_attribute(ts, token_of(v, FX_DER(0xa0, junk))), 1 },
		{ FX_JOIN(fx_attribute(ts, t), fx_attribute(ts, t), fx_attribute(ts, t), fx_attribute(ts, t),
			  fx_attribute(cs, c)),
		  0 },
		{ FX_JOIN(fx_attribute(ts, t), fx_attribute(ts, t), fx_attribute(ts, t), fx_attribute(ts, t),
			  fx_attribute(ts, t), fx_attribute(ts, t)),
		  2 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		o.attributes = cases[i].attributes;
		run_signed(&o);
		assert_status(0, "valid");
		if (fx_unexplained(&r) != cases[i].areas)
			fail_msg("case %zu: %u areas, expected %u", i, fx_unexplained(&r), cases[i].areas);
		assert_int_equal(fx_unhashed(&r, "unauthenticated-attribute") != NULL, cases[i].areas > 0);
		assert_true(lm_bytes_eq(fx_sig(&r, 0)->value_digest, fx_hash(LM_SHA256, v)));
	}
}

static X509 *padded_cert(const char *name, size_t n)
{
	X509 *x = fx_x509(rsa_ca, (struct fx_cert){ .name = name, .ca = true });
	char *text = calloc(1, n + 1);
	memset(text, 'x', n);
	fx_extension(x, NID_netscape_comment, text);
	free(text);
	assert_true(X509_sign(x, rsa_ca, EVP_sha256()) > 0);
	return x;
}

static unsigned areas_with(struct fx_sign *o, X509 *x)
{
	o->more[0] = x;
	run_signed(o);
	assert_status(0, "valid");
	return fx_unexplained(&r);
}

/* A certificate of no chain may be small; one that only its name puts into a chain is no room either. */
static void large_certificates(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	X509 *large = padded_cert("Spare", 40000), *small = padded_cert("Spare", 2000);
	X509 *named = padded_cert("Example Root", 40000), *fits = padded_cert("Example Root", 2000);
	assert_int_equal(areas_with(&o, large), 1);
	assert_non_null(fx_unhashed(&r, "pkcs7-field"));
	assert_non_null(fx_fact(&r, "superfluous-certificate"));
	assert_int_equal(areas_with(&o, small), 0);
	assert_non_null(fx_fact(&r, "superfluous-certificate"));
	assert_int_equal(areas_with(&o, named), 1);
	assert_int_equal(areas_with(&o, fits), 0);
	X509_free(large);
	X509_free(small);
	X509_free(named);
	X509_free(fits);
}

/* Small ones, many: the bag of a finished signature is filled up. */
static void many_certificates(void **s)
{
	(void)s;
	struct fx_sign o = plain();
	X509 *x = padded_cert("Spare", 3000);
	struct lm_bytes one = fx_cert_der(x), pe = fx_pe(false);
	for (unsigned n = 1; n < 16; n++) {
		struct lm_der d = lm_der_of(fx_signature(pe, &o), 0);
		struct lm_tlv t, f[5];
		for (int i = 0; i < 2; i++) { /* ContentInfo, behind its type [0] */
			assert_true(lm_der_next(&d, &t));
			d = lm_der_in(&t);
			if (i == 0)
				assert_true(lm_der_next(&d, &t));
		}
		assert_true(lm_der_next(&d, &t));
		d = lm_der_in(&t);
		for (int i = 0; i < 5; i++) /* version, digests, content, certificates, signers */
			assert_true(lm_der_next(&d, &f[i]));
		struct lm_bytes bag = f[3].body;
		for (unsigned i = 0; i < n; i++)
			bag = FX_JOIN(bag, one);
		struct lm_bytes p7 = FX_DER(
			0x30, fx_oid("1.2.840.113549.1.7.2"),
			FX_DER(0xa0, FX_DER(0x30, f[0].whole, f[1].whole, f[2].whole, FX_DER(0xa0, bag), f[4].whole)));
		fx_run(fx_attach(pe, fx_entry(2, p7, FX_NONE)), NULL, &r);
		assert_status(0, "valid");
		size_t fit = 32768 / one.n;
		assert_int_equal(fx_unexplained(&r), n > fit ? n - fit : 0);
	}
	X509_free(x);
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
	assert_str(fx_unhashed(&r, "pkcs7-field")->class, "unexplained");
	o.crls = FX_DER(0x30, FX_DER(0x04, fill(100000, 'x')));
	run_signed(&o);
	assert_status(0, "valid");
	assert_int_equal(fx_unexplained(&r), 1);
	assert_int_equal(fx_unhashed(&r, "pkcs7-field")->length.v, o.crls.n);
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
		cmocka_unit_test(every_byte_changed),
		cmocka_unit_test(every_prefix),
		cmocka_unit_test(memory_refused),
		cmocka_unit_test(seeds),
		cmocka_unit_test(countersigned),
		cmocka_unit_test(large_certificates),
		cmocka_unit_test(many_certificates),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
