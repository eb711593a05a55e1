/* SPDX-License-Identifier: Apache-2.0 */
/* t_der.c - the strict DER walk: values, offsets, every way in which BER differs, depth, object identifiers. */
#include "unit/test.h"

#include "read/der.h"

#define B(...) ((struct lm_bytes){ (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) })

static void values_and_offsets(void **s)
{
	(void)s;
	struct lm_bytes b = B(0x30, 0x06, 0x02, 0x01, 0x05, 0x04, 0x01, 0xaa, 0x05, 0x00);
	struct lm_der d = lm_der_of(b, 100);
	struct lm_tlv seq, t;
	assert_true(lm_der_need(&d, LM_DER_SEQUENCE, &seq));
	assert_int_equal(seq.at, 100);
	assert_int_equal(seq.body_at, 102);
	assert_int_equal(seq.whole.n, 8);
	struct lm_der in = lm_der_in(&seq);
	assert_false(lm_der_maybe(&in, LM_DER_CTX0, &t));
	assert_true(lm_der_maybe(&in, LM_DER_INTEGER, &t));
	assert_int_equal(t.body.p[0], 5);
	assert_true(lm_der_next(&in, &t));
	assert_int_equal(t.at, 105);
	assert_int_equal(t.body_at, 107);
	assert_true(lm_der_at_end(&in));
	assert_false(lm_der_next(&in, &t));
	assert_null(in.why);
	assert_false(lm_der_need(&in, LM_DER_INTEGER, &t));
	assert_non_null(in.why);
	assert_int_equal(in.why_at, 108);
	lm_der_done(&d); /* the NULL is left over */
	assert_non_null(d.why);
	assert_int_equal(d.why_at, 108);
}

static void refuse(struct lm_bytes b, const char *word)
{
	struct lm_der d = lm_der_of(b, 0);
	struct lm_tlv t;
	assert_false(lm_der_next(&d, &t));
	assert_non_null(d.why);
	assert_non_null(strstr(d.why, word));
	assert_int_equal(t.whole.n, 0);
}

static void what_only_ber_allows(void **s)
{
	(void)s;
	refuse(B(0x30, 0x80, 0x05, 0x00, 0x00, 0x00), "indefinite");
	refuse(B(0x04, 0x81, 0x05, 1, 2, 3, 4, 5), "shortest");
	refuse(B(0x04, 0x82, 0x00, 0x85, 1), "shortest");
	refuse(B(0x1f, 0x21, 0x00), "tag number");
	refuse(B(0x04, 0x05, 1, 2), "past the data");
	refuse(B(0x04), "cut off");
	refuse(B(0x04, 0x82, 0x01), "cut off");
	refuse(B(0x04, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1), "longer than 8");
	refuse(B(0x04, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "past the data");
	refuse(B(0x30, 0x84, 0xc0, 0x00, 0x00, 0x00), "past the data"); /* 3 GB */
}

static void lengths_at_their_borders(void **s)
{
	(void)s;
	static uint8_t buf[70000];
	static const size_t sizes[] = { 0, 1, 127, 128, 255, 256, 65535, 65536 };
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t n = sizes[i], k = 0;
		buf[k++] = 0x04;
		if (n > 65535)
			buf[k++] = 0x83, buf[k++] = (uint8_t)(n >> 16);
		else if (n > 255)
			buf[k++] = 0x82;
		else if (n > 127)
			buf[k++] = 0x81;
		if (n > 255)
			buf[k++] = (uint8_t)(n >> 8);
		buf[k++] = (uint8_t)n;
		struct lm_der d = lm_der_of((struct lm_bytes){ buf, k + n }, 0);
		struct lm_tlv t;
		assert_true(lm_der_next(&d, &t));
		assert_int_equal(t.body.n, n);
		assert_true(lm_der_at_end(&d));
	}
}

static bool check(struct lm_bytes b, unsigned depth, const char *word)
{
	const char *why;
	uint64_t at;
	bool ok = lm_der_check(b, 0, depth, &why, &at);
	if (word)
		assert_non_null(why ? strstr(why, word) : NULL);
	return ok;
}

static void rules_of_types(void **s)
{
	(void)s;
	assert_true(check(B(0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x80), 4, NULL));
	assert_false(check(B(0x01, 0x01, 0x01), 4, "BOOLEAN"));
	assert_false(check(B(0x02, 0x00), 4, "INTEGER"));
	assert_false(check(B(0x02, 0x02, 0x00, 0x01), 4, "INTEGER"));
	assert_false(check(B(0x02, 0x02, 0xff, 0x80), 4, "INTEGER"));
	assert_true(check(B(0x02, 0x02, 0x00, 0x80), 4, NULL));
	assert_false(check(B(0x05, 0x01, 0x00), 4, "NULL"));
	assert_false(check(B(0x06, 0x02, 0x80, 0x01), 4, "OBJECT"));
	assert_false(check(B(0x06, 0x02, 0x2a, 0x86), 4, "OBJECT"));
	assert_false(check(B(0x03, 0x00), 4, "BIT STRING"));
	assert_false(check(B(0x03, 0x01, 0x08), 4, "BIT STRING"));
	assert_false(check(B(0x30, 0x03, 0x04, 0x05, 0x00), 4, "past the data"));
}

/* 10,000 values inside each other: refused at the limit, not followed. */
static void deep_nesting(void **s)
{
	(void)s;
	enum { LEVELS = 10000 };
	static uint8_t buf[LEVELS * 4];
	for (size_t i = 0; i < LEVELS; i++) {
		size_t left = sizeof buf - 4 * (i + 1);
		uint8_t *p = buf + 4 * i;
		p[0] = 0x30;
		p[1] = 0x82;
		p[2] = (uint8_t)(left >> 8);
		p[3] = (uint8_t)left;
	}
	assert_false(check((struct lm_bytes){ buf, sizeof buf }, 32, "deep"));
	assert_true(check(B(0x30, 0x04, 0x30, 0x02, 0x30, 0x00), 3, NULL));
	assert_false(check(B(0x30, 0x04, 0x30, 0x02, 0x30, 0x00), 2, "deep"));
}

static void oid(struct lm_bytes b, const char *want)
{
	char text[LM_OID_TEXT];
	assert_string_equal(lm_der_oid_text(b, text), want);
}

/* Texts from the registrations: SPC_INDIRECT_DATA, sha256, id-at-commonName; 2.999 is X.690's own example. */
static void object_identifiers(void **s)
{
	(void)s;
	oid(B(0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x04), "1.3.6.1.4.1.311.2.1.4");
	oid(B(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01), "2.16.840.1.101.3.4.2.1");
	oid(B(0x55, 0x04, 0x03), "2.5.4.3");
	oid(B(0x88, 0x37, 0x03), "2.999.3");
	oid(B(0x88), "?");
	oid((struct lm_bytes){ 0 }, "?");
	static uint8_t huge[200];
	memset(huge, 0x7f, sizeof huge);
	oid((struct lm_bytes){ huge, sizeof huge }, "?");
	oid(B(0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), "?");
}

static void every_prefix(void **s)
{
	(void)s;
	struct lm_bytes b = B(0x30, 0x81, 0x83, 0x02, 0x01, 0x05, 0x04, 0x01, 0xaa, 0x05, 0x00);
	for (size_t n = 0; n <= b.n; n++) {
		uint8_t *exact = malloc(n ? n : 1);
		if (n)
			memcpy(exact, b.p, n);
		(void)check((struct lm_bytes){ exact, n }, 8, NULL);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_offsets),
		cmocka_unit_test(what_only_ber_allows),
		cmocka_unit_test(lengths_at_their_borders),
		cmocka_unit_test(rules_of_types),
		cmocka_unit_test(deep_nesting),
		cmocka_unit_test(object_identifiers),
		cmocka_unit_test(every_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
