/* SPDX-License-Identifier: Apache-2.0 */
/*
 * indicator_value.c - one value of an indicator list: what it is, and its normal form.
 */
#include "read/indicators.h"

#include "base/text.h"

#include <arpa/inet.h>

static bool is_hex(struct lm_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			return false;
	}
	return s.n > 0;
}

static bool is_hash(struct lm_str s)
{
	return (s.n == 64 || s.n == 40 || s.n == 32) && is_hex(s);
}

/* 4, 6 or 0: addresses are read by the C library's own parser. */
static int address_family(struct lm_str s)
{
	char text[64];
	unsigned char out[16];
	if (s.n == 0 || s.n >= sizeof text)
		return 0;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	return inet_pton(AF_INET, text, out) == 1 ? 4 : inet_pton(AF_INET6, text, out) == 1 ? 6 : 0;
}

static bool is_domain(struct lm_str s)
{
	struct lm_str rest = s, label, last = { 0 };
	unsigned labels = 0;
	if (s.n < 4 || s.n > 253)
		return false;
	while (lm_str_split(&rest, '.', &label)) {
		if (!label.n || label.n > 63 || label.p[0] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++) {
			char c = label.p[i];
			bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
				  c == '-' || c == '_' || (unsigned char)c >= 0x80;
			if (!ok)
				return false;
		}
		last = label;
		labels++;
	}
	/* a top-level domain has letters: "1.2.3" is a version */
	bool letters = false;
	for (size_t i = 0; i < last.n; i++)
		letters |= last.p[i] < '0' || last.p[i] > '9';
	return labels >= 2 && last.n >= 2 && letters;
}

/* hxxp, [.], (.), {.}, [dot], (dot), [:], [@], [at], a trailing dot: what people write so that nobody clicks. */
static struct lm_str refang(struct lm_arena *a, struct lm_str s)
{
	static const struct {
		const char *from, *to;
	} pairs[] = { { "[.]", "." },	{ "(.)", "." }, { "{.}", "." },	    { "[dot]", "." },
		      { "(dot)", "." }, { "[:]", ":" }, { "[://]", "://" }, { "[@]", "@" },
		      { "[at]", "@" },	{ "[.", "." },	{ ".]", "." } };
	char *p = lm_arena_alloc(a, s.n + 1);
	size_t n = 0;
	if (!p)
		return (struct lm_str){ 0 };
	for (size_t i = 0; i < s.n;) {
		struct lm_str rest = lm_str_part(s, i, s.n);
		bool replaced = false;
		for (size_t k = 0; k < sizeof pairs / sizeof *pairs && !replaced; k++) {
			struct lm_str from = lm_cstr(pairs[k].from);
			if (!lm_str_starts_ci(rest, from))
				continue;
			memcpy(p + n, pairs[k].to, strlen(pairs[k].to));
			n += strlen(pairs[k].to);
			i += from.n;
			replaced = true;
		}
		if (!replaced) {
			char c = s.p[i++];
			p[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		}
	}
	struct lm_str out = lm_str_trim((struct lm_str){ p, n });
	if (lm_str_starts_ci(out, LM_STR("hxxp")))
		p[out.p - p + 1] = 't', p[out.p - p + 2] = 't';
	while (out.n > 1 && out.p[out.n - 1] == '.' && lm_str_find(out, '/', 0) == SIZE_MAX)
		out.n--;
	return out;
}

static bool is_cidr(struct lm_str s)
{
	size_t slash = lm_str_find(s, '/', 0);
	uint64_t bits;
	int family = address_family(lm_str_part(s, 0, slash));
	return slash != SIZE_MAX && family && lm_str_u64(lm_str_part(s, slash + 1, s.n), &bits) &&
	       bits <= (family == 4 ? 32u : 128u);
}

/* Of a refanged, lower-case value. */
static const char *type_by_look(struct lm_str s)
{
	size_t at = lm_str_find(s, '@', 0);
	if (is_hash(s))
		return s.n == 64 ? "sha256" : s.n == 40 ? "sha1" : "md5";
	int family = address_family(s);
	if (family)
		return family == 4 ? "ipv4" : "ipv6";
	if (is_cidr(s))
		return "cidr";
	if (lm_bytes_find(lm_str_bytes(s), lm_str_bytes(LM_STR("://"))) != SIZE_MAX)
		return "url";
	if (at != SIZE_MAX && at && is_domain(lm_str_part(s, at + 1, s.n)))
		return "email";
	if (is_domain(s))
		return "domain";
	/* host/path without a scheme, host:port */
	size_t cut = lm_str_find(s, '/', 0), colon = lm_str_find(s, ':', 0);
	if (cut != SIZE_MAX && (is_domain(lm_str_part(s, 0, cut)) || address_family(lm_str_part(s, 0, cut)) == 4))
		return "url";
	if (colon != SIZE_MAX && address_family(lm_str_part(s, 0, colon)) == 4)
		return "ipv4";
	return NULL;
}

enum lm_indicator_look lm_indicator_look(struct lm_str value)
{
	struct lm_arena a;
	if (is_hash(value))
		return LM_LOOK_HASH;
	if (value.n > 2048)
		return LM_LOOK_NONE;
	lm_arena_init(&a, 65536);
	const char *type = type_by_look(refang(&a, value));
	lm_arena_fini(&a);
	if (!type)
		return LM_LOOK_NONE;
	return type[0] == 'i' || type[0] == 'c' ? LM_LOOK_ADDRESS
	       : type[0] == 'u'			? LM_LOOK_URL
	       : type[0] == 'e'			? LM_LOOK_EMAIL
						: LM_LOOK_DOMAIN;
}

/* The list's own word for the type; "" = a word that names something we do not match, NULL = no word. */
static const char *type_by_word(struct lm_str word)
{
	static const struct {
		const char *word, *type;
	} words[] = {
		{ "sha256", "sha256" },
		{ "sha-256", "sha256" },
		{ "filehash-sha256", "sha256" },
		{ "sha1", "sha1" },
		{ "sha-1", "sha1" },
		{ "filehash-sha1", "sha1" },
		{ "md5", "md5" },
		{ "filehash-md5", "md5" },
		{ "domain", "domain" },
		{ "domain-name", "domain" },
		{ "hostname", "domain" },
		{ "fqdn", "domain" },
		{ "url", "url" },
		{ "uri", "url" },
		{ "link", "" },
		{ "ip-dst", "ip" },
		{ "ip-src", "ip" },
		{ "ip", "ip" },
		{ "ipv4", "ip" },
		{ "ipv4-addr", "ip" },
		{ "ipv6", "ip" },
		{ "ipv6-addr", "ip" },
		{ "cidr", "ip" },
		{ "filename", "filename" },
		{ "file-name", "filename" },
		{ "file", "" },
		{ "hash", NULL },
		{ "file hash", NULL },
		{ "email", "email" },
		{ "email-addr", "email" },
		{ "email-src", "email" },
		{ "email-dst", "email" },
		{ "whois-registrant-email", "email" },
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (lm_str_eq_ci(word, lm_cstr(words[i].word)))
			return words[i].type;
	return NULL;
}

bool lm_indicator_fill(struct lm_arena *a, struct lm_str type, struct lm_str value, struct lm_obs *out)
{
	const char *word = type.p ? type_by_word(type) : NULL, *look;
	struct lm_str s = lm_str_trim(value);
	if (!s.n || s.n > 4096 || (word && !*word))
		return false;
	s = refang(a, s);
	if (!s.n)
		return false;
	look = type_by_look(s);
	if (word && strcmp(word, "filename") == 0) {
		s = lm_path_base(s);
		/* patterns are not names */
		if (s.n < 3 || lm_str_find(s, '*', 0) != SIZE_MAX || lm_str_find(s, '\\', 0) != SIZE_MAX)
			return false;
		look = word;
	} else if (word && strcmp(word, "ip") == 0) {
		size_t colon = lm_str_find(s, ':', 0);
		if (look && strcmp(look, "ipv4") == 0 && colon != SIZE_MAX)
			s = lm_str_part(s, 0, colon); /* host:port names the host */
		if (!look || (look[0] != 'i' && look[0] != 'c'))
			return false;
	} else if (word && (!look || strcmp(word, look) != 0)) {
		/* a "domain" column with an address in it states an address; a URL column may lack the scheme */
		if (!look || strcmp(word, "email") == 0 || strlen(word) < 3 || (word[0] == 's' || word[0] == 'm'))
			return false;
	} else if (!word && look && strcmp(look, "ipv4") == 0) {
		s = lm_str_part(s, 0, lm_str_find(s, ':', 0));
	}
	if (!look)
		return false;
	lm_obs_init(out, LM_K_indicator_listed);
	out->indicator_listed.type = lm_cstr(look);
	out->indicator_listed.value = s;
	return true;
}
