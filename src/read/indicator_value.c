/* SPDX-License-Identifier: Apache-2.0 */
/*
 * indicator_value.c - one value of an indicator list: what it is, and its normal form.
 *
 * In:  a value as people write it, and the word the list has for its type (if any). Out: type and value.
 * Limits: values of 4,096 bytes. Hashes of other things (imphash, JA3, certificates) look like file hashes: they
 *      are told apart by the list's word only.
 */
#include "read/indicators.h"

#include "base/text.h"

#include <arpa/inet.h>

enum { VALUE_MAX = 4096 };

/* ---- looks ---- */

static bool is_hash(struct lm_str s)
{
	if (s.n != 64 && s.n != 40 && s.n != 32)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			return false;
	}
	return true;
}

/* 4, 6 or 0: addresses are read by the C library's own parser. */
static int address_family(struct lm_str s, unsigned char out[16])
{
	char text[64];
	if (s.n == 0 || s.n >= sizeof text)
		return 0;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	return inet_pton(AF_INET, text, out) == 1 ? 4 : inet_pton(AF_INET6, text, out) == 1 ? 6 : 0;
}

static bool is_label(struct lm_str s)
{
	if (!s.n || s.n > 63 || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_' || (unsigned char)c >= 0x80))
			return false;
	}
	return true;
}

/* Endings of files that are no top-level domains (zip, com, py, sh, app, so are both: they stay domains). */
static bool is_file_ending(struct lm_str s)
{
	static const char endings[] =
		"exe|dll|sys|scr|ocx|cpl|drv|msi|msp|msu|bat|cmd|ps1|psm1|vbs|vbe|js|jse|wsf|hta|lnk|"
		"dmg|dylib|kext|plist|jar|war|apk|ipa|elf|ko|bin|dat|tmp|temp|txt|log|ini|cfg|conf|xml|"
		"json|yml|yaml|csv|doc|docx|docm|xls|xlsx|xlsm|ppt|pptx|pdf|rtf|eml|msg|iso|img|vhd|"
		"vhdx|rar|7z|gz|tar|tgz|cab|asar|node|ico|png|jpg|jpeg|gif|bmp|svg|html|htm|php|asp|"
		"aspx|jsp|jspx|cgi|sql|db|sqlite|bak|old|dmp|pack|md5|sha1|sha256|yar|yara";
	struct lm_str rest = LM_STR(endings), one;
	while (lm_str_split(&rest, '|', &one))
		if (lm_str_eq_ci(one, s))
			return true;
	return false;
}

static bool is_domain(struct lm_str s)
{
	struct lm_str rest = s, label, last = { 0 };
	unsigned labels = 0;
	if (s.n < 4 || s.n > 253)
		return false;
	while (lm_str_split(&rest, '.', &label)) {
		if (!is_label(label))
			return false;
		last = label;
		labels++;
	}
	/* a top-level domain has no digits ("1.2.3" is a version) unless it is an encoded one */
	if (labels < 2 || last.n < 2 || is_file_ending(last))
		return false;
	for (size_t i = 0; i < last.n && !lm_str_starts_ci(last, LM_STR("xn--")); i++)
		if ((last.p[i] >= '0' && last.p[i] <= '9') || last.p[i] == '_' || last.p[i] == '-')
			return false;
	return true;
}

/* A bare name of a file with an ending that only files have. */
static bool is_file_name(struct lm_str s)
{
	size_t dot = lm_str_rfind(s, '.');
	if (dot == SIZE_MAX || dot == 0 || s.n > 255 || !is_file_ending(lm_str_part(s, dot + 1, s.n)))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || memchr("/\\:*?\"<>|;,", s.p[i], 11))
			return false;
	return true;
}

/* ---- normal form ---- */

/* hxxp, [.], (.), {.}, [dot], (dot), [:], [@], [at], a trailing dot: what people write so that nobody clicks. */
static struct lm_str refang(struct lm_arena *a, struct lm_str s)
{
	static const struct {
		const char *from, *to;
	} pairs[] = {
		{ "[.]", "." },	  { "(.)", "." },  { "{.}", "." }, { "[dot]", "." },   { "(dot)", "." },
		{ "{dot}", "." }, { "[:]", ":" },  { "[/]", "/" }, { "[://]", "://" }, { "[@]", "@" },
		{ "[at]", "@" },  { "(at)", "@" }, { "[.", "." },  { ".]", "." },      { "\\.", "." },
	};
	char *p = lm_arena_alloc(a, s.n + 1);
	size_t n = 0;
	if (!p)
		return (struct lm_str){ 0 };
	for (size_t i = 0; i < s.n;) {
		struct lm_str rest = lm_str_part(s, i, s.n);
		bool replaced = false;
		char c = s.p[i];
		for (size_t k = 0; k < sizeof pairs / sizeof *pairs && !replaced; k++) {
			struct lm_str from = lm_cstr(pairs[k].from);
			if (c != from.p[0] || !lm_str_starts_ci(rest, from))
				continue;
			memcpy(p + n, pairs[k].to, strlen(pairs[k].to));
			n += strlen(pairs[k].to);
			i += from.n;
			replaced = true;
		}
		if (!replaced) {
			i++;
			p[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		}
	}
	struct lm_str out = lm_str_trim((struct lm_str){ p, n });
	if (lm_str_starts_ci(out, LM_STR("hxxp")) || lm_str_starts_ci(out, LM_STR("htxp"))) {
		size_t at = (size_t)(out.p - p);
		p[at + 1] = p[at + 2] = 't';
	}
	while (out.n > 1 && out.p[out.n - 1] == '.' && lm_str_find(out, '/', 0) == SIZE_MAX)
		out.n--;
	return out;
}

static bool contains(struct lm_str s, const char *word)
{
	return lm_bytes_find(lm_str_bytes(s), lm_str_bytes(lm_cstr(word))) != SIZE_MAX;
}

static const char *address(struct lm_arena *a, struct lm_str *s)
{
	unsigned char raw[16];
	char text[INET6_ADDRSTRLEN];
	uint64_t bits;
	size_t slash = lm_str_find(*s, '/', 0);
	struct lm_str host = lm_str_part(*s, 0, slash);
	if (host.n > 2 && host.p[0] == '[' && slash == SIZE_MAX) /* [2001:db8::1]:443 */
		host = lm_str_part(host, 1, lm_str_find(host, ']', 0));
	int family = address_family(host, raw);
	if (slash == SIZE_MAX && !family) {
		size_t colon = lm_str_find(host, ':', 0);
		uint64_t port;
		host = lm_str_part(host, 0, colon);
		if (colon == SIZE_MAX || !lm_str_u64(lm_str_part(*s, colon + 1, s->n), &port) || port > 65535)
			return NULL;
		family = address_family(host, raw);
	}
	if (!family)
		return NULL;
	if (slash != SIZE_MAX) {
		if (!lm_str_u64(lm_str_part(*s, slash + 1, s->n), &bits) || bits > (family == 4 ? 32u : 128u))
			return NULL;
		if (bits != (family == 4 ? 32u : 128u))
			return "cidr";
	}
	/* one spelling for one address */
	*s = host;
	if (family == 6 && inet_ntop(AF_INET6, raw, text, sizeof text)) {
		*s = lm_arena_str(a, lm_cstr(text));
		return s->p ? "ipv6" : NULL;
	}
	return "ipv4";
}

/* Type of a refanged, lower-case value by its look; ports and such are taken off *s. */
static const char *classify(struct lm_arena *a, struct lm_str *s)
{
	if (is_hash(*s))
		return s->n == 64 ? "sha256" : s->n == 40 ? "sha1" : "md5";
	const char *type = address(a, s);
	if (type)
		return type;
	for (size_t i = 0; i < s->n; i++)
		if ((unsigned char)s->p[i] <= ' ')
			return NULL;
	size_t scheme = lm_bytes_find(lm_str_bytes(*s), lm_str_bytes(LM_STR("://")));
	if (scheme != SIZE_MAX)
		return scheme > 1 && scheme < 12 && s->n > scheme + 3 ? "url" : NULL;
	size_t at = lm_str_find(*s, '@', 0);
	if (at != SIZE_MAX)
		return at && is_domain(lm_str_part(*s, at + 1, s->n)) ? "email" : NULL;
	if (s->n > 2 && s->p[0] == '*' && s->p[1] == '.')
		*s = lm_str_part(*s, 2, s->n);
	if (is_domain(*s))
		return "domain";
	/* host/path without a scheme, host:port */
	size_t cut = lm_str_find(*s, '/', 0), colon = lm_str_find(*s, ':', 0);
	unsigned char raw[16];
	if (cut != SIZE_MAX && cut) {
		struct lm_str host = lm_str_part(*s, 0, lm_str_find(*s, ':', 0) < cut ? colon : cut);
		uint64_t bits; /* a network with too many bits is no path */
		bool path = s->n > cut + 1 && !lm_str_u64(lm_str_part(*s, cut + 1, s->n), &bits);
		return is_domain(host) || (path && address_family(host, raw) == 4) ? "url" : NULL;
	}
	uint64_t port;
	if (colon != SIZE_MAX && is_domain(lm_str_part(*s, 0, colon)) &&
	    lm_str_u64(lm_str_part(*s, colon + 1, s->n), &port) && port <= 65535) {
		*s = lm_str_part(*s, 0, colon);
		return "domain";
	}
	return is_file_name(*s) ? "filename" : NULL;
}

const char *lm_indicator_look(struct lm_arena *a, struct lm_str value)
{
	struct lm_arena_mark m = lm_arena_mark(a);
	struct lm_str s = lm_str_trim(value);
	if (!s.n || s.n > VALUE_MAX)
		return NULL;
	s = refang(a, s);
	const char *type = s.n ? classify(a, &s) : NULL;
	lm_arena_reset(a, m);
	return type;
}

/* ---- the list's own word ---- */

enum word {
	WORD_NONE,
	WORD_OTHER,
	WORD_SHA256,
	WORD_SHA1,
	WORD_MD5,
	WORD_HASH,
	WORD_FILE,
	WORD_NAME,
	WORD_ADDRESS,
	WORD_NET,
	WORD_EMAIL
};

/* Lists call the same thing many names ("FileHash-SHA256", "ip-dst", "C2 domain"): what the word contains decides. */
static enum word word_of(struct lm_str word)
{
	/* hashes of other things, and kinds that cannot be matched: these first */
	static const char *const others[] = {
		"imphash", "impfuzzy", "ja3",	  "x509",   "fingerprint", "authentihash", "ssdeep",
		"tlsh",	   "vhash",    "pehash",  "cdhash", "telfhash",	   "hassh",	   "mutex",
		"regist",  "regkey",   "yara",	  "sigma",  "useragent",   "subject",	   "body",
		"cert",	   "comment",  "text",	  "cve",    "bitcoin",	   "btc",	   "wallet",
		"pdb",	   "pipe",     "service", "task",   "link",	   "vulnerab",	   "ssl",
		"process", "command",  "size",	  "mime",   "asn",	   "thumbprint"
	};
	char text[48];
	size_t n = 0;
	for (size_t i = 0; i < word.n && n < sizeof text; i++) {
		char c = word.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			text[n++] = c;
	}
	struct lm_str s = { text, n };
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (contains(s, others[i]))
			return WORD_OTHER;
	return contains(s, "sha256")									   ? WORD_SHA256
	       : contains(s, "sha1")									   ? WORD_SHA1
	       : contains(s, "md5")									   ? WORD_MD5
	       : contains(s, "mail")									   ? WORD_EMAIL
	       : contains(s, "sha") || contains(s, "hash")						   ? WORD_HASH
	       : contains(s, "filename") || contains(s, "filepath")					   ? WORD_NAME
	       : contains(s, "url") || contains(s, "uri")						   ? WORD_NET
	       : contains(s, "domain") || contains(s, "host") || contains(s, "fqdn") || contains(s, "dns") ? WORD_NET
	       : lm_str_starts_ci(s, LM_STR("ip")) || contains(s, "cidr") || contains(s, "address") ? WORD_ADDRESS
	       : lm_str_starts_ci(s, LM_STR("file"))						    ? WORD_FILE
	       : lm_str_eq(s, LM_STR("port"))							    ? WORD_OTHER
												    : WORD_NONE;
}

/* The value as a file name: the last part of a path; patterns and folders are none. */
static const char *as_name(struct lm_str *s)
{
	*s = lm_path_base(*s);
	if (s->n < 3 || s->n > 255)
		return NULL;
	for (size_t i = 0; i < s->n; i++)
		if ((unsigned char)s->p[i] < ' ' || memchr("*?\"<>|", s->p[i], 6))
			return NULL;
	return "filename";
}

bool lm_indicator_fill(struct lm_arena *a, struct lm_str type, struct lm_str value, struct lm_obs *out)
{
	enum word word = type.n ? word_of(type) : WORD_NONE;
	struct lm_str s = lm_str_trim(value);
	if (!s.n || s.n > VALUE_MAX || word == WORD_OTHER || !lm_utf8_valid(s))
		return false;
	if (word == WORD_NAME || word == WORD_FILE) { /* a name may have brackets and dots of its own */
		s = lm_str_lower(a, s);
	} else {
		s = refang(a, s);
	}
	if (!s.n)
		return false;
	const char *look = word == WORD_NAME ? as_name(&s) : classify(a, &s);
	bool hash = look && is_hash(s),
	     net = look && (look[0] == 'd' || look[0] == 'u' || look[0] == 'i' || look[0] == 'c');
	switch (word) {
	case WORD_SHA256:
		look = hash && s.n == 64 ? look : NULL;
		break;
	case WORD_SHA1:
		look = hash && s.n == 40 ? look : NULL;
		break;
	case WORD_MD5:
		look = hash && s.n == 32 ? look : NULL;
		break;
	case WORD_HASH:
		look = hash ? look : NULL;
		break;
	case WORD_FILE:
		/* several hashes in one cell are no name */
		look = hash									  ? look
		       : lm_str_find(s, ',', 0) == SIZE_MAX && lm_str_find(s, ';', 0) == SIZE_MAX ? as_name(&s)
												  : NULL;
		break;
	case WORD_ADDRESS:
		look = look && (look[0] == 'i' || look[0] == 'c') ? look : NULL;
		break;
	case WORD_NET: /* a "domain" column with an address in it states an address */
		look = net ? look : NULL;
		break;
	case WORD_EMAIL:
		look = look && look[0] == 'e' ? look : NULL;
		break;
	default:
		break;
	}
	if (!look)
		return false;
	lm_obs_init(out, LM_K_indicator_listed);
	out->indicator_listed.type = lm_cstr(look);
	out->indicator_listed.value = s;
	return true;
}

struct lm_str lm_indicator_literal(struct lm_arena *a, struct lm_str s)
{
	if (lm_str_starts_ci(s, LM_STR("(?i)")))
		s = lm_str_part(s, 4, s.n);
	if (s.n && s.p[s.n - 1] == '$')
		s.n--;
	/* "\\name": the name begins here. A folder before it would be lost, and its files match everywhere. */
	if (s.n > 2 && s.p[0] == '\\' && s.p[1] == '\\')
		s = lm_str_part(s, 2, s.n);
	char *p = lm_arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; p && i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\' && i + 1 < s.n && memchr(".-+_ ()[]{}$^", s.p[i + 1], 13))
			c = s.p[++i];
		else if (memchr("\\.[](){}*+?|^$/:;\"<>", c, 20) || (unsigned char)c < ' ')
			return (struct lm_str){ 0 };
		p[n++] = c;
	}
	/* an ending makes it a file's name; without one it may be any part of a path */
	size_t dot = p ? lm_str_rfind((struct lm_str){ p, n }, '.') : SIZE_MAX;
	if (dot == SIZE_MAX || dot == 0 || n - dot < 2 || n - dot > 6 || p[0] == ' ')
		return (struct lm_str){ 0 };
	return (struct lm_str){ p, n };
}
