/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog.c - in: the tables of products.c and a seed. Out: signers, releases and the bytes of every file.
 * Limits: RG_MAX_RELEASES, RG_MAX_CONTENTS, about 30 MB of memory.
 */
#include "catalog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "products.h"

enum { DAY = 86400, STUFFING = 275 * 1024, ARENA_BYTES = 512 << 20 };

char *rg_fmt(struct lm_arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *s = n < 0 ? NULL : lm_arena_alloc(a, (size_t)n + 1);
	if (!s)
		abort();
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

static struct rg_content *add_content(struct rg_catalog *c, const char *label, const struct lm_buf *b)
{
	struct rg_content *x = lm_arena_alloc(&c->arena, sizeof *x);
	if (!x || b->bad || c->n_contents == RG_MAX_CONTENTS)
		abort();
	x->label = label;
	x->data = lm_arena_bytes(&c->arena, lm_str_bytes(lm_buf_view(b)));
	rg_sha256(x->data, x->sha256);
	for (int i = 0; i < 32; i++)
		snprintf(x->hex + 2 * i, 3, "%02x", x->sha256[i]);
	c->contents[c->n_contents++] = x;
	return x;
}

static const struct rg_content *find_content(const struct rg_catalog *c, const char *label)
{
	for (size_t i = 0; i < c->n_contents; i++) {
		if (strcmp(c->contents[i]->label, label) == 0)
			return c->contents[i];
	}
	return NULL;
}

static const char *base_name(const char *rel)
{
	struct lm_str b = lm_path_base(lm_cstr(rel));
	return b.p; /* the end of a NUL-terminated text */
}

static void add_random(struct lm_buf *b, struct rg_rng *r, size_t n)
{
	uint8_t chunk[1024];
	for (size_t k; n; n -= k) {
		k = n < sizeof chunk ? n : sizeof chunk;
		rg_fill(r, chunk, k);
		lm_buf_add(b, chunk, k);
	}
}

/* Mostly 20-60 KB, a tail up to 200 KB. */
static uint32_t data_size(struct rg_rng *r)
{
	uint32_t n = 20 * 1024 + (uint32_t)rg_below(r, 40 * 1024);
	return rg_chance(r, 8) ? n + (uint32_t)rg_below(r, 140 * 1024) : n;
}

static const char *const exe_imports[] = { "KERNEL32.dll", "USER32.dll", NULL };
static const char *const dll_imports[] = { "KERNEL32.dll", NULL };
static const char *const phone_imports[] = { "KERNEL32.dll", "tonecodec.dll", "phoneui.dll", "siplayer.dll", NULL };

static struct rg_pe_spec pe_spec(const struct rg_product_row *p, const char *version, const char *name, unsigned flags,
				 int64_t built_s, struct rg_rng *r)
{
	bool exe = flags & RG_F_EXE;
	struct rg_pe_spec s = {
		.pe32 = flags & RG_F_PE32,
		.dll = !exe,
		.linked = (uint32_t)(built_s - rg_between(r, 0, 3 * DAY)),
		.name = name,
		.company = rg_vendors[p->vendor].name,
		.product = p->product,
		.description = exe ? "inert sample program" : "inert sample library",
		.version = version,
		.imports = exe ? exe_imports : dll_imports,
		.data_bytes = data_size(r),
	};
	if (p == &rg_subject[RG_WINDOWS] && exe)
		s.imports = phone_imports;
	if (flags & RG_F_OVERLAY)
		s.overlay_bytes = 1024 + (uint32_t)rg_below(r, 8 * 1024);
	if (flags & RG_F_BIG_OVERLAY)
		s.overlay_bytes = 400 * 1024 + (uint32_t)rg_below(r, 200 * 1024);
	return s;
}

static enum lm_rc make_pe(const struct rg_catalog *c, struct lm_buf *out, const struct rg_pe_spec *spec, int vendor,
			  unsigned flags, int64_t built_s, struct rg_rng *r)
{
	rg_pe_write(out, spec, r);
	if (!(flags & RG_F_UNSIGNED)) {
		struct rg_sign_spec sign = {
			.signer = &c->leaf[vendor],
			.name = spec->product,
			.sha1 = flags & RG_F_SHA1,
			.nested = flags & RG_F_NESTED,
			.dual = flags & RG_F_DUAL,
			.co_signer = flags & RG_F_COSIGNED ? &c->leaf[rg_co_vendor] : NULL,
			.zero_slack = flags & RG_F_SLACK ? 8 * (1 + (unsigned)rg_below(r, 8)) : 0,
			.stamper = flags & RG_F_STAMPED ? &c->stamping : NULL,
			.stamped_s = built_s,
		};
		enum lm_rc rc = rg_pe_sign(out, &sign);
		if (rc != LM_OK)
			return rc;
	}
	struct rg_pe_at at = rg_pe_at(out);
	if (flags & RG_F_SUM_ZERO)
		rg_pe_put32(out, at.checksum, 0);
	if (flags & RG_F_SUM_WRONG)
		rg_pe_put32(out, at.checksum, rg_pe_get32(out, at.checksum) ^ 0x1234);
	return LM_OK;
}

/* The graphics helper of the other vendor, and the same with bytes that no signature covers. */
static enum lm_rc make_twins(struct rg_catalog *c, int64_t built_s)
{
	static const struct rg_product_row row = { .product = rg_twin_product };
	struct rg_product_row p = row;
	p.vendor = rg_twin_vendor;
	struct rg_rng r;
	rg_rng_init(&r, c->seed, "content/twin");
	struct rg_pe_spec spec = pe_spec(&p, rg_twin_version, rg_twin_name, 0, built_s, &r);
	spec.data_bytes = 150 * 1024;
	struct lm_buf b;
	lm_buf_init(&b, RG_PE_MAX);
	enum lm_rc rc = make_pe(c, &b, &spec, rg_twin_vendor, RG_F_STAMPED, built_s, &r);
	if (rc != LM_OK)
		goto done;
	c->twin = add_content(c, "twin", &b);
	struct lm_buf extra;
	lm_buf_init(&extra, RG_PE_MAX);
	rg_rng_init(&r, c->seed, "content/stuffing");
	lm_buf_puts(&extra, rg_marker);
	add_random(&extra, &r, STUFFING);
	rc = rg_pe_stuff(&b, lm_str_bytes(lm_buf_view(&extra)));
	lm_buf_fini(&extra);
	if (rc == LM_OK)
		c->stuffed = add_content(c, "stuffed", &b);
done:
	lm_buf_fini(&b);
	return rc;
}

static void make_plain(struct lm_buf *b, const struct rg_product_row *p, const char *version, const char *name,
		       unsigned flags, struct rg_rng *r)
{
	if (flags & RG_F_TEXT) {
		lm_buf_fmt(b, "%s %s\r\n%s\r\n\r\ninert sample text\r\n", p->product, version, name);
		for (int64_t i = 0, n = rg_between(r, 4, 40); i < n; i++)
			lm_buf_fmt(b, "%03d  %016llx\r\n", (int)i, (unsigned long long)rg_u64(r));
		return;
	}
	lm_buf_fmt(b, "inert sample, no program: %s of %s %s\n", name, p->product, version);
	add_random(b, r, 4096 + (size_t)rg_below(r, 28 * 1024));
}

static const struct rg_content *make_file(struct rg_catalog *c, const struct rg_product_row *p, int v, size_t index,
					  int64_t built_s)
{
	const struct rg_file_row *f = &p->files[index];
	bool altered_release = p->vendor == rg_subject[0].vendor && v == 1;
	if (f->flags & RG_F_TWIN)
		return f->flags & RG_F_STUFFED && altered_release ? c->stuffed : c->twin;
	const char *version = p->versions[f->flags & RG_F_SAME ? 0 : v], *name = base_name(f->rel);
	char *label = rg_fmt(&c->arena, "%d/%s/%s/%s", (int)p->platform, p->product, version, f->rel);
	const struct rg_content *known = find_content(c, label);
	if (known)
		return known;
	struct rg_rng r;
	rg_rng_init(&r, c->seed, "content/%s", label);
	struct lm_buf b;
	lm_buf_init(&b, RG_PE_MAX);
	if (f->flags & (RG_F_TEXT | RG_F_DATA | RG_F_INERT_MAC)) {
		make_plain(&b, p, version, name, f->flags, &r);
	} else {
		struct rg_pe_spec spec = pe_spec(p, version, name, f->flags, built_s, &r);
		if (make_pe(c, &b, &spec, p->vendor, f->flags, built_s, &r) != LM_OK)
			b.bad = true;
	}
	const struct rg_content *x = add_content(c, label, &b);
	lm_buf_fini(&b);
	if (f->flags & RG_F_REBUILT && altered_release)
		c->rebuilt = x;
	if (f->flags & RG_F_ALTERED_MAC && altered_release)
		c->altered_mac = x;
	return x;
}

static struct rg_release make_release(struct rg_catalog *c, const struct rg_product_row *p, int v, int64_t started_s)
{
	struct rg_rng r;
	rg_rng_init(&r, c->seed, "release/%d/%s/%s", (int)p->platform, p->product, p->versions[v]);
	int versions = 0;
	while (versions < 4 && p->versions[versions])
		versions++;
	struct rg_release out = {
		.platform = p->platform,
		.vendor = rg_vendors[p->vendor].name,
		.product = p->product,
		.version = p->versions[v],
		.folder = p->folder,
		.user_folder = p->user_folder,
		/* about ten weeks between releases, the last one some days before the incident */
		.built_s = started_s - (versions - 1 - v) * 70 * DAY - rg_between(&r, 6, 20) * DAY +
			   rg_between(&r, 8 * 3600, 18 * 3600),
		.percent = p->percent,
		.listed = p->listed,
	};
	size_t n = 0;
	while (n < sizeof p->files / sizeof *p->files && p->files[n].rel)
		n++;
	out.files = lm_arena_calloc(&c->arena, n, sizeof *out.files);
	if (!out.files)
		abort();
	for (size_t i = 0; i < n; i++)
		out.files[i] = (struct rg_file){ p->files[i].rel, make_file(c, p, v, i, out.built_s) };
	out.n_files = n;
	return out;
}

static enum lm_rc make_signers(struct rg_catalog *c, int64_t started_s, struct lm_err *err)
{
	int64_t from = started_s - 2 * 365 * DAY, to = started_s + 12 * 365 * (int64_t)DAY;
	enum lm_rc rc = rg_signer_make(&c->root, c->seed, "root", "Inert Range Root Authority", "CH", RG_SIGNER_ROOT,
				       NULL, from - 5 * 365 * DAY, to + 5 * 365 * (int64_t)DAY, err);
	if (rc == LM_OK)
		rc = rg_signer_make(&c->issuing, c->seed, "issuing", "Inert Range Code Signing", "CH",
				    RG_SIGNER_ISSUING, &c->root, from - 4 * 365 * DAY, to, err);
	if (rc == LM_OK)
		rc = rg_signer_make(&c->stamping, c->seed, "stamping", "Inert Range Time Stamping", "CH",
				    RG_SIGNER_TIME, &c->root, from - 4 * 365 * DAY, to, err);
	for (size_t i = 0; rc == LM_OK && i + 1 < rg_n_vendors; i++) { /* the last one signs nothing */
		const struct rg_vendor_row *v = &rg_vendors[i];
		/* an expired one was valid when the oldest of its files was built, and ended before the incident */
		int64_t start = v->expired ? from - 365 * DAY : from, end = v->expired ? started_s - 5 * DAY : to;
		rc = rg_signer_make(&c->leaf[i], c->seed, v->name, v->name, v->country, RG_SIGNER_LEAF, &c->issuing,
				    start, end, err);
		if (rc == LM_OK)
			c->n_leaf++;
	}
	return rc;
}

enum lm_rc rg_catalog_make(struct rg_catalog *c, uint64_t seed, int64_t started_s, struct lm_err *err)
{
	memset(c, 0, sizeof *c);
	c->seed = seed;
	lm_arena_init(&c->arena, ARENA_BYTES);
	enum lm_rc rc = make_signers(c, started_s, err);
	if (rc == LM_OK && make_twins(c, started_s - 300 * DAY) != LM_OK)
		rc = lm_fail(err, LM_ELIMIT, "cannot sign '%s'", rg_twin_name);
	if (rc != LM_OK) {
		rg_catalog_fini(c);
		return rc;
	}
	for (int p = 0; p < 2; p++) {
		c->clean[p] = make_release(c, &rg_subject[p], 0, started_s);
		c->altered[p] = make_release(c, &rg_subject[p], 1, started_s);
	}
	for (int p = 0; p < 2; p++) {
		for (int v = 0; v < 2; v++)
			c->system[p][v] = make_release(c, &rg_system[p], v, started_s);
	}
	for (size_t i = 0; i < rg_n_background; i++) {
		for (int v = 0; v < 4 && rg_background[i].versions[v]; v++)
			c->releases[c->n_releases++] = make_release(c, &rg_background[i], v, started_s);
	}
	return LM_OK;
}

void rg_catalog_fini(struct rg_catalog *c)
{
	for (size_t i = 0; i < c->n_leaf; i++)
		rg_signer_fini(&c->leaf[i]);
	rg_signer_fini(&c->stamping);
	rg_signer_fini(&c->issuing);
	rg_signer_fini(&c->root);
	lm_arena_fini(&c->arena);
}

static void row_words(struct lm_buf *out, const struct rg_product_row *p)
{
	lm_buf_fmt(out, "%s\n", p->product);
	for (size_t i = 0; i < sizeof p->files / sizeof *p->files && p->files[i].rel; i++)
		lm_buf_fmt(out, "%s\n", base_name(p->files[i].rel));
}

void rg_catalog_words(struct lm_buf *out)
{
	lm_buf_fmt(out, "%s\n%s\n", rg_marker, rg_twin_version);
	for (size_t i = 0; i + 1 < rg_n_vendors; i++) /* the last one is no name */
		lm_buf_fmt(out, "%s\n", rg_vendors[i].name);
	for (int p = 0; p < 2; p++) {
		row_words(out, &rg_subject[p]);
		row_words(out, &rg_system[p]);
		lm_buf_fmt(out, "%s\n%s\n", rg_subject[p].versions[0], rg_subject[p].versions[1]);
	}
	for (size_t i = 0; i < rg_n_background; i++)
		row_words(out, &rg_background[i]);
}
