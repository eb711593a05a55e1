/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_range.c - the generator of inert incidents: its numbers, its bytes, its signatures, its truth.
 *
 * Truth is recomputed here from the written evidence by plain means (CSV fields, libarchive, OpenSSL), not
 * with the generator's own tables and not with the readers it is meant to test. Peers: osslsigncode, sbverify.
 */
#include <ftw.h>
#include <openssl/pkcs7.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/map.h"
#include "base/text.h"
#include "check_truth.h"
#include "range.h"
#include "unit/test.h"

static char work[256];		  /* folder of this run */
static struct rg_catalog *shared; /* catalogue of seed 1 */

static struct rg_options options(unsigned hosts, uint64_t seed, const char *dir)
{
	return (struct rg_options){ .seed = seed, .hosts = hosts, .days = 30, .dir = dir };
}

static const char *in_work(const char *name)
{
	static char path[4][512];
	static unsigned turn;
	char *p = path[turn++ % 4];
	snprintf(p, sizeof path[0], "%s/%s", work, name);
	return p;
}

/* ---- numbers ---- */

static void test_split(void **state)
{
	(void)state;
	unsigned w[3] = { 2301, 180, 309 }, p[3];
	rg_split(2790, w, 3, p);
	assert_int_equal(p[0], 2301);
	assert_int_equal(p[1], 180);
	assert_int_equal(p[2], 309);
	rg_split(20, w, 3, p); /* 16.49, 1.29, 2.22: the largest remainder is the first */
	assert_int_equal(p[0], 17);
	assert_int_equal(p[1], 1);
	assert_int_equal(p[2], 2);
	unsigned even[4] = { 1, 1, 1, 1 }, q[4];
	rg_split(6, even, 4, q); /* ties go to the earlier */
	assert_int_equal(q[0], 2);
	assert_int_equal(q[1], 2);
	assert_int_equal(q[2], 1);
	assert_int_equal(q[3], 1);
	unsigned none[2] = { 0, 0 };
	rg_split(5, none, 2, p);
	assert_int_equal(p[0] + p[1], 0);
}

static void check_world(unsigned hosts)
{
	struct rg_world *w = lm_xalloc(sizeof *w);
	struct rg_options opt = options(hosts, 1, "unused");
	assert_int_equal(rg_world_make(w, &opt, shared, NULL), LM_OK);
	unsigned altered = 0, mac = 0, clean = 0, by_country[RG_N_COUNTRIES] = { 0 }, lead = UINT32_MAX, sum = 0;
	struct lm_map names, addresses, fqdns, netbios;
	lm_map_init(&names);
	lm_map_init(&addresses);
	lm_map_init(&fqdns);
	lm_map_init(&netbios);
	for (unsigned i = 0; i < w->n_hosts; i++) {
		const struct rg_host *h = &w->host[i];
		bool fresh;
		altered += h->altered;
		mac += h->altered && h->platform == RG_MACOS;
		clean += !h->altered;
		by_country[h->org->country - w->country] += h->altered;
		lm_map_add(&names, lm_cstr(h->name), &fresh);
		assert_true(fresh);
		lm_map_add(&fqdns, lm_cstr(h->fqdn), &fresh);
		assert_true(fresh);
		lm_map_add(&addresses, lm_cstr(h->address), &fresh);
		assert_true(fresh);
		lm_map_add(&netbios, lm_cstr(h->netbios), NULL)->v.num++;
		assert_true(strlen(h->netbios) <= 15);
		assert_string_equal(h->releases[0]->version, h->altered ? "7.4.411" : "7.4.402");
		assert_true(h->installed_s < w->started_s);
		assert_true(h->altered ? h->updated_s >= w->started_s && h->updated_s < w->ended_s : !h->updated_s);
		assert_true(h->releases[0]->built_s < rg_release_s(h, h->releases[0]));
		/* whoever is in no inventory was collected, and whoever is locked is in one */
		assert_true(h->in_inventory || (h->collect != RG_COLLECT_NONE && !h->collect_locked));
	}
	assert_int_equal(netbios.n, hosts - 1); /* one pair shares its name */
	for (size_t i = 0; i < netbios.n; i++) {
		if (netbios.entries[i].v.num > 1)
			assert_string_equal(netbios.entries[i].key.p, "RECEPTION-01");
	}
	for (unsigned i = 0; i < w->n_hosts; i++) {
		const struct rg_host *h = &w->host[i];
		if (strcmp(h->netbios, "RECEPTION-01") == 0) {
			assert_string_equal(h->name, h->fqdn);
			assert_int_equal(h->org->hash_key, RG_KEY_FQDN);
			assert_int_equal(h->org->software_key, RG_KEY_FQDN);
		}
	}
	double want = hosts * 2481.0 / 2790;
	assert_true(altered > want - 2 && altered < want + 2);
	assert_true(mac >= 1 && mac > hosts * 180.0 / 2790 - 1 && mac < hosts * 180.0 / 2790 + 1);
	assert_true(clean >= 1);
	assert_int_equal(altered + clean, hosts);
	for (int c = 0; c < RG_N_COUNTRIES; c++) {
		assert_int_equal(by_country[c], w->country[c].altered);
		assert_true(by_country[c] <= lead); /* the tables stand in order of size */
		lead = by_country[c];
		sum += by_country[c];
	}
	assert_int_equal(sum, altered);
	lm_map_fini(&names);
	lm_map_fini(&fqdns);
	lm_map_fini(&addresses);
	lm_map_fini(&netbios);
	rg_world_fini(w);
	free(w);
}

static void test_worlds(void **state)
{
	(void)state;
	static const unsigned sizes[] = { 20, 21, 97, 500, 2790, 5000 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		check_world(sizes[i]);
}

static void test_default_world(void **state)
{
	(void)state;
	struct rg_world *w = lm_xalloc(sizeof *w);
	struct rg_options opt = options(RG_DEFAULT_HOSTS, 1, "unused");
	assert_int_equal(rg_world_make(w, &opt, shared, NULL), LM_OK);
	assert_int_equal(w->count[RG_WIN_ALTERED], 2301);
	assert_int_equal(w->count[RG_MAC_ALTERED], 180);
	assert_int_equal(w->count[RG_WIN_CLEAN] + w->count[RG_MAC_CLEAN], 309);
	static const char *const order[] = { "BR", "DE", "IT", "FR" };
	for (int i = 0; i < RG_N_COUNTRIES; i++) {
		assert_true(w->country[i].altered > 0);
		if (i < 4)
			assert_string_equal(w->country[i].code, order[i]);
		if (i > 0 && i < 5)
			assert_true(w->country[i].altered < w->country[i - 1].altered);
	}
	struct lm_map sectors;
	lm_map_init(&sectors);
	unsigned velo = 0, kape = 0, kape_zip = 0, uac = 0, tree = 0, locked = 0, shadow = 0, both = 0, unlisted = 0;
	for (int i = 0; i < RG_N_ORGS; i++) {
		assert_true(w->org[i].hosts > 0);
		assert_non_null(w->org[i].country);
		lm_map_add(&sectors, lm_cstr(w->org[i].sector), NULL);
		unlisted += !w->org[i].hash_rich && !w->org[i].has_software;
	}
	assert_int_equal(sectors.n, 8);
	assert_true(unlisted >= 3); /* organisations whose releases only other evidence names */
	for (unsigned i = 0; i < w->n_hosts; i++) {
		const struct rg_host *h = &w->host[i];
		velo += h->collect == RG_COLLECT_VELO && !h->collect_locked;
		kape += h->collect == RG_COLLECT_KAPE;
		kape_zip += h->collect == RG_COLLECT_KAPE_ZIP;
		uac += h->collect == RG_COLLECT_UAC;
		tree += h->collect == RG_COLLECT_TREE;
		locked += h->collect_locked;
		shadow += h->collect_shadow;
		both += h->collect != RG_COLLECT_NONE && h->in_inventory;
	}
	assert_true(velo >= 6 && kape >= 2 && kape_zip >= 1 && uac >= 3 && tree >= 3 && both >= 5);
	assert_int_equal(locked, 1);
	assert_int_equal(shadow, 1);
	lm_map_fini(&sectors);
	rg_world_fini(w);
	free(w);
}

static void test_bad_options(void **state)
{
	(void)state;
	struct rg_world *w = lm_xalloc(sizeof *w);
	struct lm_err err;
	static const unsigned bad[] = { 0, 19, 5001 };
	for (size_t i = 0; i < 3; i++) {
		struct rg_options opt = options(bad[i], 1, "unused");
		assert_int_equal(rg_world_make(w, &opt, shared, &err), LM_EUSAGE);
	}
	struct rg_options opt = options(20, 1, "unused");
	opt.days = 0;
	assert_int_equal(rg_world_make(w, &opt, shared, &err), LM_EUSAGE);
	free(w);
}

/* ---- program files and signatures ---- */

static struct lm_buf pe_of(const struct rg_content *c)
{
	struct lm_buf b;
	lm_buf_init(&b, RG_PE_MAX);
	lm_buf_add(&b, c->data.p, c->data.n);
	return b;
}

static bool is_pe(const struct rg_content *c)
{
	return c->data.n > 0x200 && memcmp(c->data.p, "MZ", 2) == 0;
}

static void test_twins(void **state)
{
	(void)state;
	struct lm_buf clean = pe_of(shared->twin), stuffed = pe_of(shared->stuffed);
	uint8_t a[32], b[32];
	assert_int_equal(rg_pe_authentihash(&clean, false, a), 32);
	assert_int_equal(rg_pe_authentihash(&stuffed, false, b), 32);
	assert_memory_equal(a, b, 32);
	assert_memory_not_equal(shared->twin->sha256, shared->stuffed->sha256, 32);
	struct rg_pe_at at = rg_pe_at(&stuffed);
	size_t table = rg_pe_get32(&stuffed, at.cert_dir), more = stuffed.n - clean.n;
	assert_true(more > 270 * 1024 && more < 280 * 1024);
	assert_int_equal(table, rg_pe_get32(&clean, at.cert_dir));
	assert_int_equal(table + rg_pe_get32(&stuffed, at.cert_dir + 4), stuffed.n);
	assert_int_equal(rg_pe_get32(&stuffed, table), stuffed.n - table);
	assert_int_equal(rg_pe_get32(&stuffed, at.checksum), rg_pe_checksum(&stuffed));
	/* nothing but lengths and checksum differs in what the clean one has */
	for (size_t i = 0; i < clean.n; i++) {
		bool field = (i >= at.checksum && i < at.checksum + 4) ||
			     (i >= at.cert_dir + 4 && i < at.cert_dir + 8) || (i >= table && i < table + 4);
		if (!field && clean.p[i] != stuffed.p[i])
			fail_msg("byte %zu differs", i);
	}
	assert_int_equal(rg_pe_stuff(&stuffed, (struct lm_bytes){ 0 }), LM_OK);
	lm_buf_fini(&clean);
	lm_buf_fini(&stuffed);
	/* an unsigned file cannot be stuffed */
	struct rg_pe_spec spec = { .name = "a.dll",
				   .company = "a",
				   .product = "a",
				   .description = "a",
				   .version = "1.0",
				   .dll = true,
				   .data_bytes = 64 };
	struct rg_rng r;
	rg_rng_init(&r, 1, "test");
	lm_buf_init(&clean, RG_PE_MAX);
	rg_pe_write(&clean, &spec, &r);
	assert_int_equal(rg_pe_stuff(&clean, lm_str_bytes(LM_STR("x"))), LM_EUSAGE);
	lm_buf_fini(&clean);
}

/* What makes every written program file inert, and what the background must hold. */
static void test_contents(void **state)
{
	(void)state;
	unsigned pe = 0, is_unsigned = 0, wrong = 0, zero = 0, dual = 0, x86 = 0;
	for (size_t i = 0; i < shared->n_contents; i++) {
		const struct rg_content *c = shared->contents[i];
		if (!is_pe(c)) {
			assert_null(memmem(c->data.p, c->data.n < 4 ? c->data.n : 4,
					   "\x7f"
					   "ELF",
					   4));
			assert_non_null(memmem(c->data.p, c->data.n < 200 ? c->data.n : 200, "inert sample", 12));
			continue;
		}
		struct lm_buf b = pe_of(c);
		uint32_t nt = rg_pe_get32(&b, 0x3c);
		struct rg_pe_at at = rg_pe_at(&b);
		assert_int_equal(rg_pe_get32(&b, nt), 0x4550);
		assert_int_equal(rg_pe_get32(&b, nt + 24 + 16), 0);	/* no entry point */
		assert_int_equal(rg_pe_get32(&b, nt + 22) & 0x0002, 0); /* no executable image */
		uint32_t text = rg_pe_get32(&b, nt + 24 + (rg_pe_get32(&b, nt + 20) & 0xffff) + 20);
		for (uint32_t k = 0; k < 0x400; k++)
			assert_int_equal((uint8_t)b.p[text + k], 0xcc); /* no code */
		pe++;
		x86 += (rg_pe_get32(&b, nt + 24) & 0xffff) == 0x10b;
		uint32_t table = rg_pe_get32(&b, at.cert_dir), size = rg_pe_get32(&b, at.cert_dir + 4);
		is_unsigned += table == 0;
		if (table) {
			assert_int_equal(table % 8, 0);
			assert_int_equal(table + size, b.n);
			dual += rg_pe_get32(&b, table) < size;
		}
		uint32_t sum = rg_pe_get32(&b, at.checksum);
		zero += sum == 0;
		wrong += sum != 0 && sum != rg_pe_checksum(&b);
		lm_buf_fini(&b);
	}
	assert_true(pe > 80 && is_unsigned >= 3 && wrong >= 3 && zero >= 3 && dual >= 4 && x86 >= 8);
}

/* OpenSSL as a peer: the hand-written PKCS#7 is DER that it reads whole, and the chain leads to the root. */
static void test_pkcs7(void **state)
{
	(void)state;
	X509_STORE *store = X509_STORE_new();
	assert_int_equal(X509_STORE_add_cert(store, shared->root.cert), 1);
	unsigned expired = 0, checked = 0;
	for (size_t i = 0; i < shared->n_contents; i++) {
		if (!is_pe(shared->contents[i]))
			continue;
		struct lm_buf b = pe_of(shared->contents[i]);
		uint32_t table = rg_pe_get32(&b, rg_pe_at(&b).cert_dir);
		if (table) {
			const unsigned char *p = (const unsigned char *)b.p + table + 8;
			PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)(rg_pe_get32(&b, table) - 8));
			assert_non_null(p7);
			assert_true(PKCS7_type_is_signed(p7));
			STACK_OF(X509) *bag = p7->d.sign->cert;
			X509_STORE_CTX *ctx = X509_STORE_CTX_new();
			assert_int_equal(X509_STORE_CTX_init(ctx, store, sk_X509_value(bag, 0), bag), 1);
			X509_STORE_CTX_set_time(ctx, 0, (time_t)rg_started());
			int ok = X509_verify_cert(ctx);
			if (ok != 1) {
				assert_int_equal(X509_STORE_CTX_get_error(ctx), X509_V_ERR_CERT_HAS_EXPIRED);
				expired++;
			}
			checked++;
			X509_STORE_CTX_free(ctx);
			PKCS7_free(p7);
		}
		lm_buf_fini(&b);
	}
	X509_STORE_free(store);
	assert_true(checked > 80);
	assert_true(expired >= 2 && expired < 10); /* the one vendor whose certificate ran out */
}

static bool have(const char *tool)
{
	char cmd[128];
	snprintf(cmd, sizeof cmd, "command -v %s >/dev/null 2>&1", tool);
	return system(cmd) == 0;
}

static bool output_has(const char *cmd, const char *text)
{
	FILE *f = popen(cmd, "r");
	assert_non_null(f);
	char out[65536];
	size_t n = fread(out, 1, sizeof out - 1, f);
	out[n] = 0;
	pclose(f);
	return strstr(out, text) != NULL;
}

static void write_file(const char *path, struct lm_bytes b)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(b.p, 1, b.n, f), b.n);
	assert_int_equal(fclose(f), 0);
}

static void test_peers(void **state)
{
	(void)state;
	bool ossl = have("osslsigncode"), sb = have("sbverify");
	if (!ossl && !sb) {
		print_message("neither osslsigncode nor sbverify is installed\n");
		skip();
	}
	struct lm_buf pem;
	lm_buf_init(&pem, 1 << 16);
	rg_signer_pem(&shared->root, &pem);
	write_file(in_work("roots.pem"), lm_str_bytes(lm_buf_view(&pem)));
	lm_buf_fini(&pem);
	unsigned by_ossl = 0, by_sb = 0;
	for (size_t i = 0; i < shared->n_contents; i++) {
		const struct rg_content *c = shared->contents[i];
		if (!is_pe(c))
			continue;
		struct lm_buf b = pe_of(c);
		struct rg_pe_at at = rg_pe_at(&b);
		uint32_t table = rg_pe_get32(&b, at.cert_dir), size = rg_pe_get32(&b, at.cert_dir + 4);
		bool dual = table && rg_pe_get32(&b, table) < size;
		char cmd[2048];
		write_file(in_work("peer.bin"), c->data);
		if (ossl && table && !dual) { /* 2.9 takes two entries for damage */
			snprintf(cmd, sizeof cmd,
				 "osslsigncode verify -ignore-crl -CAfile %s -TSA-CAfile %s -in %s 2>&1",
				 in_work("roots.pem"), in_work("roots.pem"), in_work("peer.bin"));
			if (!output_has(cmd, "Signature verification: ok") &&
			    !output_has(cmd, "certificate has expired"))
				fail_msg("osslsigncode refuses '%s'", c->label);
			if (output_has(cmd, "MISMATCH"))
				fail_msg("osslsigncode computes another digest for '%s'", c->label);
			by_ossl++;
		}
		snprintf(cmd, sizeof cmd, "sbverify --list %s 2>&1", in_work("peer.bin"));
		if (sb && dual) {
			assert_true(output_has(cmd, "signature 2"));
			by_sb++;
		}
		lm_buf_fini(&b);
	}
	if (ossl) { /* and it can say no: one bit of .data */
		struct lm_buf b = pe_of(shared->twin);
		b.p[0x2000] ^= 1;
		write_file(in_work("peer.bin"), lm_str_bytes(lm_buf_view(&b)));
		lm_buf_fini(&b);
		char cmd[2048];
		snprintf(cmd, sizeof cmd, "osslsigncode verify -ignore-crl -CAfile %s -in %s 2>&1",
			 in_work("roots.pem"), in_work("peer.bin"));
		assert_true(output_has(cmd, "MISMATCH"));
	}
	print_message("peers: osslsigncode %u files, sbverify %u\n", by_ossl, by_sb);
}

/* ---- bytes ---- */

static uint8_t tree_sum[32];
static size_t tree_root, tree_files;
static uint64_t tree_bytes;

/* Order-free sum of digests over (path, content). */
static int add_file(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)ftw;
	if (flag != FTW_F)
		return 0;
	uint8_t both[64], sum[32];
	struct lm_bytes b = rg_slurp(path);
	rg_sha256(b, both);
	rg_sha256(lm_str_bytes(lm_cstr(path + tree_root)), both + 32);
	rg_sha256((struct lm_bytes){ both, sizeof both }, sum);
	for (int i = 0; i < 32; i++)
		tree_sum[i] ^= sum[i];
	tree_files++;
	tree_bytes += (uint64_t)st->st_size;
	/* never executable */
	assert_int_equal(st->st_mode & 0111, 0);
	rg_drop(b);
	return 0;
}

static void sum_tree(const char *dir, uint8_t out[32])
{
	memset(tree_sum, 0, sizeof tree_sum);
	tree_root = strlen(dir);
	tree_files = 0;
	tree_bytes = 0;
	assert_int_equal(nftw(dir, add_file, 16, FTW_PHYS), 0);
	memcpy(out, tree_sum, 32);
}

static void generate(unsigned hosts, uint64_t seed, const char *dir, struct rg_out *stats)
{
	struct rg_options opt = options(hosts, seed, dir);
	struct lm_err err = { 0 };
	if (rg_generate(&opt, stats, &err) != LM_OK)
		fail_msg("%s", err.msg);
}

static void test_same_bytes(void **state)
{
	(void)state;
	uint8_t a[32], b[32], c[32];
	struct rg_out stats;
	generate(97, 7, in_work("same-a"), &stats);
	generate(97, 7, in_work("same-b"), NULL);
	generate(97, 8, in_work("same-c"), NULL);
	sum_tree(in_work("same-b"), b);
	sum_tree(in_work("same-c"), c);
	sum_tree(in_work("same-a"), a);
	assert_int_equal(tree_files, stats.files);
	assert_int_equal(tree_bytes, stats.bytes);
	assert_memory_equal(a, b, 32);
	assert_memory_not_equal(a, c, 32);
	struct rg_options again = options(97, 7, in_work("same-a"));
	struct lm_err err;
	assert_int_equal(rg_generate(&again, NULL, &err), LM_EUSAGE); /* never into what is there */
}

static void test_limits(void **state)
{
	(void)state;
	struct rg_out o;
	struct lm_err err;
	assert_int_equal(rg_out_open(&o, in_work("limits"), &err), LM_OK);
	o.bytes = RG_MAX_BYTES - 3;
	assert_int_equal(rg_out_file(&o, "a/b.txt", lm_str_bytes(LM_STR("abc")), 0, &err), LM_OK);
	assert_int_equal(rg_out_file(&o, "c.txt", lm_str_bytes(LM_STR("a")), 0, &err), LM_ELIMIT);
	assert_int_equal(rg_out_count(&o, RG_MAX_RECORDS, &err), LM_OK);
	assert_int_equal(rg_out_count(&o, 1, &err), LM_ELIMIT);
}

static void check_written(const char *dir)
{
	char path[1024];
	struct lm_str hex[2];
	snprintf(path, sizeof path, "%s/truth.json", dir);
	struct lm_bytes truth = rg_slurp(path);
	snprintf(path, sizeof path, "%s/evidence/hosts.csv", dir);
	struct lm_bytes hosts = rg_slurp(path);
	rg_check_truth(dir, truth, hosts, hex);
	rg_drop(truth);
	rg_drop(hosts);
}

static void test_small_incidents(void **state)
{
	(void)state;
	char dir[512];
	static const unsigned sizes[] = { 20, 97, 500 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		snprintf(dir, sizeof dir, "%s/small-%u", work, sizes[i]);
		generate(sizes[i], 11, dir, NULL);
		check_written(dir);
	}
}

static void test_default_incident(void **state)
{
	(void)state;
	struct rg_out stats;
	struct timespec t0, t1;
	char dir[512];
	snprintf(dir, sizeof dir, "%s", in_work("default"));
	clock_gettime(CLOCK_MONOTONIC, &t0);
	generate(RG_DEFAULT_HOSTS, 1, dir, &stats);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	print_message("default: %.1f MB, %llu records, %llu files, %lld s\n", (double)stats.bytes / 1e6,
		      (unsigned long long)stats.records, (unsigned long long)stats.files,
		      (long long)(t1.tv_sec - t0.tv_sec));
	assert_true(stats.bytes < RG_MAX_BYTES && stats.records < RG_MAX_RECORDS && stats.records > 100000);
	assert_true(t1.tv_sec - t0.tv_sec < 60); /* 20 s without sanitizers and neighbours */

	struct lm_bytes truth = rg_slurp(in_work("default/truth.json")),
			hosts = rg_slurp(in_work("default/evidence/hosts.csv"));
	assert_true(rg_js_valid(truth));
	struct lm_bytes cut = { truth.p, truth.n - 3 };
	assert_false(rg_js_valid(cut)); /* the check can say no */
	static const struct {
		const char *key, *value;
	} counts[] = { { "hosts", "2790," },	       { "orgs", "41," },	    { "altered", "2481," },
		       { "altered_windows", "2301," }, { "altered_macos", "180," }, { "clean", "309," } };
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct rg_js j = { (const char *)truth.p, (const char *)truth.p + truth.n, false };
		assert_true(rg_js_enter(&j, "counts") && rg_js_enter(&j, counts[i].key));
		assert_memory_equal(j.p + 1, counts[i].value, strlen(counts[i].value));
	}
	struct lm_str hex[2];
	rg_check_truth(dir, truth, hosts, hex);

	/* the supplied list names the macOS content, and not the one that is to be discovered */
	struct lm_bytes stix = rg_slurp(in_work("default/evidence/intel/indicators.stix.json")),
			copy = rg_slurp(in_work("default/indicators.json"));
	assert_true(rg_js_valid(stix));
	assert_true(lm_bytes_eq(stix, copy));
	assert_true(lm_bytes_find(stix, lm_str_bytes(hex[1])) != SIZE_MAX);
	assert_true(lm_bytes_find(stix, lm_str_bytes(hex[0])) == SIZE_MAX);
	rg_drop(stix);
	rg_drop(copy);
	rg_drop(truth);
	rg_drop(hosts);
}

/* ---- the program ---- */

static int run(const char *args)
{
	char cmd[2048];
	snprintf(cmd, sizeof cmd, "%s %s >/dev/null 2>&1", LM_RANGE_BINARY, args);
	int rc = system(cmd);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

static void test_program(void **state)
{
	(void)state;
	char args[1024];
	assert_int_equal(run("--help"), 0);
	assert_int_equal(run(""), 64);
	assert_int_equal(run("--hosts 19 -o x"), 64);
	assert_int_equal(run("--hosts 5001 -o x"), 64);
	assert_int_equal(run("--days 0 -o x"), 64);
	assert_int_equal(run("--seed -1 -o x"), 64);
	assert_int_equal(run("--seed"), 64);
	assert_int_equal(run("what"), 64);
	snprintf(args, sizeof args, "--hosts 20 --seed=3 --days 7 -o %s", in_work("program"));
	assert_int_equal(run(args), 0);
	assert_int_equal(run(args), 64); /* the folder is not empty now */
	struct lm_bytes truth = rg_slurp(in_work("program/truth.json"));
	assert_true(rg_js_valid(truth));
	rg_drop(truth);
	assert_int_equal(run("-o /proc/nothing/here"), 1);
}

static struct lm_buf words;
static const char *word_found, *word_file;

static int search_words(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)ftw;
	if (flag != FTW_F || st->st_size == 0)
		return 0;
	struct lm_bytes b = rg_slurp(path);
	struct lm_str rest = lm_buf_view(&words), word;
	while (lm_str_split(&rest, '\n', &word)) {
		if (word.n && lm_bytes_find(b, lm_str_bytes(word)) != SIZE_MAX) {
			print_message("'%s' holds '%.*s'\n", path, LM_STR_ARG(word));
			word_found = word.p;
			word_file = path;
		}
	}
	rg_drop(b);
	return 0;
}

static void test_words(void **state)
{
	(void)state;
	lm_buf_init(&words, 1 << 20);
	rg_words(&words);
	unsigned n = 0;
	struct lm_str rest = lm_buf_view(&words), word;
	while (lm_str_split(&rest, '\n', &word)) {
		if (!word.n)
			continue;
		n++;
		assert_true(word.n >= 6); /* short words would meet by chance */
	}
	assert_true(n > 150);
	/* tests run in the top folder */
	if (access("src/base/bytes.h", R_OK) == 0)
		assert_int_equal(nftw("src", search_words, 16, FTW_PHYS), 0);
	assert_null(word_found);
	lm_buf_fini(&words);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	snprintf(work, sizeof work, "%s/lm-range-XXXXXX", tmp ? tmp : "/tmp");
	shared = lm_xalloc(sizeof *shared);
	return mkdtemp(work) && rg_catalog_make(shared, 1, rg_started(), NULL) == LM_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	rg_catalog_fini(shared);
	free(shared);
	return nftw(work, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),		cmocka_unit_test(test_worlds),
		cmocka_unit_test(test_default_world),	cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_twins),		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_pkcs7),		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_same_bytes),	cmocka_unit_test(test_limits),
		cmocka_unit_test(test_small_incidents), cmocka_unit_test(test_default_incident),
		cmocka_unit_test(test_program),		cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
