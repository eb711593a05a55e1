/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.c - roots given by the user, and chains that lead to them.
 *
 * In: a PEM file, later certificates from evidence. Out: a word and the reason. Chain building, signatures
 * and extensions are OpenSSL's; purpose, time and curve are judged here, because OpenSSL 3.0 knows no
 * code-signing purpose. Limits: chains of at most 16 certificates.
 */
#include "read/trust_chain.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "read/pe_digest.h"

#define CHAIN_MAX 16

struct lm_trust {
	X509_STORE *roots;
};

bool lm_trust_warm(void)
{
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) &&
	       lm_digest_warm();
}

/* Adds each certificate of the stream; the count tells which one is broken. */
static enum lm_rc add_all(BIO *in, X509_STORE *roots, unsigned *n, const char *file, struct lm_err *err)
{
	for (;;) {
		X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);
		if (!x) {
			if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
				return LM_OK;
			return lm_fail(err, LM_ECORRUPT, "cannot read certificate %u of '%s': not a PEM certificate",
				       *n + 1, file);
		}
		int ok = X509_STORE_add_cert(roots, x);
		X509_free(x);
		if (!ok)
			return lm_fail(err, LM_ELIMIT, "cannot keep certificate %u of '%s': out of memory", *n + 1,
				       file);
		++*n;
	}
}

enum lm_rc lm_trust_load(const char *pem_file, struct lm_trust **out, unsigned *n_roots, struct lm_err *err)
{
	struct lm_trust *t = lm_xalloc(sizeof *t);
	BIO *in = NULL;
	enum lm_rc rc;

	*out = NULL;
	*n_roots = 0;
	ERR_clear_error();
	errno = 0;
	t->roots = X509_STORE_new();
	in = BIO_new_file(pem_file, "r");
	if (!t->roots || !in) {
		rc = lm_fail(err, LM_EIO, "cannot open roots '%s': %s", pem_file,
			     errno ? strerror(errno) : "out of memory");
		goto done;
	}
	rc = add_all(in, t->roots, n_roots, pem_file, err);
	if (rc == LM_OK && *n_roots == 0)
		rc = lm_fail(err, LM_ECORRUPT,
			     "no certificate in '%s': give a PEM file with 'BEGIN CERTIFICATE' blocks", pem_file);
	if (rc == LM_OK) {
		*out = t;
		t = NULL;
	}
done:
	ERR_clear_error();
	BIO_free(in);
	lm_trust_free(t);
	return rc;
}

void lm_trust_free(struct lm_trust *t)
{
	if (!t)
		return;
	X509_STORE_free(t->roots);
	free(t);
}

bool lm_chain_time(const ASN1_TIME *t, int64_t *ns)
{
	struct tm tm;
	if (!t || !ASN1_TIME_to_tm(t, &tm) || tm.tm_year < -200 || tm.tm_year > 361)
		return false;
	int64_t days = lm_days_from_civil(tm.tm_year + INT64_C(1900), (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday);
	*ns = (((days * 24 + tm.tm_hour) * 60 + tm.tm_min) * 60 + tm.tm_sec) * LM_NS_PER_S;
	return true;
}

static bool explicit_curve(X509 *x)
{
	ASN1_OBJECT *key = NULL;
	X509_ALGOR *alg = NULL;
	int type = V_ASN1_UNDEF;
	if (!X509_PUBKEY_get0_param(&key, NULL, NULL, &alg, X509_get_X509_PUBKEY(x)))
		return true;
	X509_ALGOR_get0(NULL, &type, NULL, alg);
	return OBJ_obj2nid(key) == NID_X9_62_id_ecPublicKey && type != V_ASN1_OBJECT;
}

static const char *role(int i, int n)
{
	return i == 0 ? "leaf" : i == n - 1 ? "root" : "intermediate";
}

/* What a chain that leads to a root may still be refused for; true when it stands. */
static bool chain_may_sign(const struct stack_st_X509 *chain, const char *problem, struct lm_chain_verdict *out)
{
	int n = sk_X509_num(chain);
	if (problem) {
		snprintf(out->why, sizeof out->why, "leaf may not sign code: %s", problem);
		return false;
	}
	for (int i = 0; i < n; i++) {
		X509 *x = sk_X509_value(chain, i);
		if (explicit_curve(x)) {
			snprintf(out->why, sizeof out->why, "%s has an elliptic-curve key with explicit parameters",
				 role(i, n));
			return false;
		}
		/* all bits when the extension is absent */
		if (i > 0 && !(X509_get_extended_key_usage(x) & (XKU_CODE_SIGN | XKU_ANYEKU))) {
			snprintf(out->why, sizeof out->why, "%s may not issue code-signing certificates", role(i, n));
			return false;
		}
	}
	return true;
}

/* "2023-06-01" of a time. */
static const char *day(int64_t ns, char text[LM_TIME_TEXT])
{
	lm_time_iso(ns, text);
	text[10] = 0;
	return text;
}

static bool chain_in_time(const struct stack_st_X509 *chain, int64_t now_ns, struct lm_chain_verdict *out)
{
	int n = sk_X509_num(chain);
	char when[LM_TIME_TEXT], now[LM_TIME_TEXT];
	for (int i = 0; i < n; i++) {
		X509 *x = sk_X509_value(chain, i);
		int64_t from = INT64_MIN, to = INT64_MAX;
		/* A year past 2262 is no end; a time that cannot be read was refused by the library's own parse. */
		(void)lm_chain_time(X509_get0_notBefore(x), &from);
		(void)lm_chain_time(X509_get0_notAfter(x), &to);
		if (now_ns > to) {
			out->word = "expired";
			snprintf(out->why, sizeof out->why, "%s expired on %s, judged at %s", role(i, n), day(to, when),
				 day(now_ns, now));
			return false;
		}
		if (now_ns < from) {
			out->word = "untrusted";
			snprintf(out->why, sizeof out->why, "%s is not valid before %s, judged at %s", role(i, n),
				 day(from, when), day(now_ns, now));
			return false;
		}
	}
	return true;
}

void lm_chain_judge(const struct lm_trust *t, X509 *leaf, const char *leaf_problem, struct stack_st_X509 *bag,
		    int64_t now_ns, struct lm_chain_verdict *out)
{
	*out = (struct lm_chain_verdict){ .word = "unknown", .why = "no roots given" };
	if (!t)
		return;
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	out->word = "untrusted";
	if (!ctx || !X509_STORE_CTX_init(ctx, t->roots, leaf, bag)) {
		out->word = "unknown";
		snprintf(out->why, sizeof out->why, "out of memory while building the chain");
		goto done;
	}
	X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_depth(p, CHAIN_MAX);
	X509_VERIFY_PARAM_set_auth_level(p, 0); /* weak digests are a fact of their own */
	if (X509_verify_cert(ctx) != 1) {
		int at = X509_STORE_CTX_get_error_depth(ctx);
		snprintf(out->why, sizeof out->why,
			 "chain does not lead to a given root: %s (certificate %d of the chain)",
			 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)), at);
		goto done;
	}
	const struct stack_st_X509 *chain = X509_STORE_CTX_get0_chain(ctx);
	if (!chain_may_sign(chain, leaf_problem, out) || !chain_in_time(chain, now_ns, out))
		goto done;
	out->word = "trusted";
	snprintf(out->why, sizeof out->why, "chain of %d leads to a given root", sk_X509_num(chain));
done:
	ERR_clear_error();
	X509_STORE_CTX_free(ctx);
}
