/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_authenticode_table.c - the certificate table bent in every way we know, the digests of the file, and the
 * corpus with its stated verdicts.
 */
#include "unit/pe_signer.h"

#include "base/text.h"
#include "read/authenticode.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slack),
		cmocka_unit_test(rounding_and_gap),
		cmocka_unit_test(entries),
		cmocka_unit_test(overrun),
		cmocka_unit_test(table_positions),
		cmocka_unit_test(checksums),
		cmocka_unit_test(layout),
		cmocka_unit_test(padded),
		cmocka_unit_test(corpus_derived),
		cmocka_unit_test(corpus_clean),
		cmocka_unit_test(corpus_known_digest),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
