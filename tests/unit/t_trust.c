/* SPDX-License-Identifier: Apache-2.0 */
/* t_trust.c - roots from PEM files; chains that lead to them, that do not, that may not, that are over. */
#include "unit/pe_signer.h"

#include "read/trust.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trust),
		cmocka_unit_test(trust_chains),
		cmocka_unit_test(roots_that_cannot_be_read),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
