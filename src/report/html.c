/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.c - in: bytes that somebody hostile may have chosen; out: text for a page. Limits: a cut keeps whole
 * characters; defanging recognises what mail programs and viewers turn into links (scheme://, dotted names with a
 * plausible last label, IPv4, IPv6), not every way a person could write an address.
 */
#include "report/html.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <inttypes.h>

static uint32_t code_point(const uint8_t *p, size_t k)
{
	switch (k) {
	case 2:
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	case 3:
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	case 4:
		return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 | (uint32_t)(p[2] & 0x3f) << 6 |
		       (p[3] & 0x3f);
	default:
		return p[0];
	}
}

/* Writes the character at the start of s; returns the bytes used up. s.n > 0. */
static size_t put_char(struct lm_buf *b, struct lm_str s)
{
	size_t k = lm_utf8_step(s);
	if (k <= 1) {
		char c = s.p[0];
		if (k == 1 && (c == '\n' || c == '\t' || c == '\r'))
			lm_buf_putc(b, ' ');
		else
			lm_put_html(b, lm_str_part(s, 0, 1));
		return 1;
	}
	uint32_t c = code_point((const uint8_t *)s.p, k);
	if (lm_is_deceptive(c))
		lm_buf_fmt(b, "[U+%04" PRIX32 "]", c);
	else if ((c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef))
		lm_buf_puts(b, "\xef\xbf\xbd");
	else
		lm_buf_add(b, s.p, k);
	return k;
}

void lm_html_text(struct lm_buf *b, struct lm_str s)
{
	while (s.n)
		s = lm_str_part(s, put_char(b, s), s.n);
}

/* The first `max` bytes of s without a broken character at the end. */
static struct lm_str cut(struct lm_str s, size_t max)
{
	if (s.n <= max)
		return s;
	size_t n = max;
	while (n > 0 && max - n < 3 && ((uint8_t)s.p[n] & 0xc0) == 0x80)
		n--;
	return lm_str_part(s, 0, n);
}

static void put_rest(struct lm_buf *b, struct lm_str whole, struct lm_str shown)
{
	if (shown.n == whole.n)
		return;
	lm_buf_puts(b, "\xe2\x80\xa6 (");
	lm_html_count(b, whole.n);
	lm_buf_puts(b, " bytes)");
}

void lm_html_cut(struct lm_buf *b, struct lm_str s, size_t max)
{
	struct lm_str shown = cut(s, max);
	lm_html_text(b, shown);
	put_rest(b, s, shown);
}

/* ---- defanging ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Bytes of dotted names; bytes over 0x7f because of international names. */
static bool is_name(char c)
{
	return is_digit(c) || is_alpha(c) || c == '.' || c == '-' || c == '_' || (uint8_t)c >= 0x80;
}

/* `words` are separated by single spaces and begin and end with one. */
static bool in_list(const char *words, struct lm_str w)
{
	for (struct lm_str rest = lm_cstr(words), part; lm_str_split(&rest, ' ', &part);)
		if (w.n && lm_str_eq_ci(part, w))
			return true;
	return false;
}

static bool is_file_ending(struct lm_str w, bool path)
{
	static const char only_files[] =
		"dll exe sys msi msix msp ocx drv cpl scr bat cmd ps1 psm1 vbs vbe js jse hta lnk inf ini cfg conf log "
		"txt csv tsv json jsonl xml yml yaml html htm pdf doc docx docm xls xlsx xlsm ppt pptx rtf png jpg "
		"jpeg "
		"gif ico svg bmp evtx evt etl pf db sqlite dat bin tmp bak old dmg pkg dylib plist asar node gz tgz "
		"bz2 "
		"xz zst 7z rar tar iso img vhd vhdx e01 raw mem dmp pcap pcapng yar yara pem crt cer der p7b pdb mui "
		"lib obj class jar war mmdb nupkg deb rpm";
	static const char also_domains[] = "zip com app sh pl py rs md mov so cab cat ps cc";
	return in_list(only_files, w) || (path && in_list(also_domains, w));
}

/* The last label of a dotted name; unset when there is no dot. */
static struct lm_str last_label(struct lm_str s, struct lm_str *before)
{
	size_t dot = lm_str_rfind(s, '.');
	if (dot == SIZE_MAX || dot == 0)
		return (struct lm_str){ 0 };
	*before = lm_str_part(s, 0, dot);
	return lm_str_part(s, dot + 1, s.n);
}

static bool could_be_tld(struct lm_str w)
{
	if (lm_str_starts_ci(w, LM_STR("xn--")))
		return true;
	for (size_t i = 0; i < w.n; i++)
		if (!is_alpha(w.p[i]) && (uint8_t)w.p[i] < 0x80)
			return false;
	return w.n >= 2 && w.n <= 63;
}

static bool is_domain(struct lm_str s, enum lm_defang how)
{
	static const char common[] = "com net org info biz online site top xyz club shop cloud app dev live store tech "
				     "space example test invalid local onion internal corp lan";
	struct lm_str stem = { 0 }, inner = { 0 };
	struct lm_str tld = last_label(s, &stem);
	if (!could_be_tld(tld))
		return how == LM_DEFANG_ALL && tld.n > 0 && stem.n > 0 && !is_digit(tld.p[0]);
	if (how == LM_DEFANG_ALL || !is_file_ending(tld, how == LM_DEFANG_PATH))
		return true;
	/* a file named after a domain: evil.example.dll, host.corp.example.zip */
	tld = last_label(stem, &inner);
	return could_be_tld(tld) && !is_file_ending(tld, false) && (tld.n == 2 || in_list(common, tld));
}

/* Length of an IPv4 address at the start of s, 0 when there is none. */
static size_t ipv4_at(struct lm_str s)
{
	size_t i = 0;
	for (int group = 0; group < 4; group++) {
		unsigned v = 0;
		size_t digits = 0;
		while (i < s.n && is_digit(s.p[i]) && digits < 4)
			v = v * 10 + (unsigned)(s.p[i++] - '0'), digits++;
		if (digits == 0 || digits > 3 || v > 255)
			return 0;
		if (group < 3 && (i >= s.n || s.p[i++] != '.'))
			return 0;
	}
	bool more = i < s.n && (is_digit(s.p[i]) || (s.p[i] == '.' && i + 1 < s.n && is_digit(s.p[i + 1])));
	return more ? 0 : i;
}

static bool is_ipv6(struct lm_str s)
{
	unsigned colons = 0;
	bool twice = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		if (!hex && c != ':' && c != '.')
			return false;
		colons += c == ':';
		twice |= c == ':' && i && s.p[i - 1] == ':';
	}
	return (twice && s.n > 2) || colons == 7;
}

static void put_bracketed(struct lm_buf *b, struct lm_str s)
{
	while (s.n) {
		if (s.p[0] == '.' || s.p[0] == ':') {
			lm_buf_fmt(b, "[%c]", s.p[0]);
			s = lm_str_part(s, 1, s.n);
		} else {
			s = lm_str_part(s, put_char(b, s), s.n);
		}
	}
}

static bool is_own(struct lm_str s, const struct lm_map *own)
{
	char low[256];
	if (!own || s.n == 0 || s.n > sizeof low)
		return false;
	for (size_t i = 0; i < s.n; i++)
		low[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]);
	return lm_map_find(own, (struct lm_str){ low, s.n });
}

static bool is_indicator(struct lm_str s, enum lm_defang how, const struct lm_map *own)
{
	return is_domain(s, how) && !is_own(s, own);
}

/* A run of name bytes: a domain, something holding an IPv4 address, or neither. */
static void put_name(struct lm_buf *b, struct lm_str s, enum lm_defang how, const struct lm_map *own)
{
	if (is_indicator(s, how, own)) {
		put_bracketed(b, s);
		return;
	}
	for (size_t i = 0; i < s.n;) {
		bool start = is_digit(s.p[i]) && (i == 0 || (!is_digit(s.p[i - 1]) && s.p[i - 1] != '.'));
		size_t k = start ? ipv4_at(lm_str_part(s, i, s.n)) : 0;
		if (k) {
			put_bracketed(b, lm_str_part(s, i, i + k));
			i += k;
		} else {
			i += put_char(b, lm_str_part(s, i, s.n));
		}
	}
}

/* Dots at either end belong to the sentence. */
static struct lm_str inner_name(struct lm_str s, size_t *lead)
{
	*lead = 0;
	while (s.n && s.p[s.n - 1] == '.')
		s.n--;
	while (s.n && s.p[0] == '.')
		s = lm_str_part(s, 1, s.n), ++*lead;
	return s;
}

/* Length of the run of name bytes, colons included when `colons`. */
static size_t run_of(struct lm_str s, bool colons)
{
	size_t n = 0;
	while (n < s.n && (is_name(s.p[n]) || (colons && s.p[n] == ':')))
		n++;
	return n;
}

static void put_scheme(struct lm_buf *b, struct lm_str s)
{
	if (lm_str_eq_ci(s, LM_STR("http")))
		lm_buf_puts(b, "hxxp");
	else if (lm_str_eq_ci(s, LM_STR("https")))
		lm_buf_puts(b, "hxxps");
	else if (lm_str_eq_ci(s, LM_STR("ftp")))
		lm_buf_puts(b, "fxp");
	else
		lm_html_text(b, s);
	lm_buf_puts(b, "[://]");
}

void lm_html_defang(struct lm_buf *b, struct lm_str whole, size_t max, enum lm_defang how, const struct lm_map *own)
{
	struct lm_str s = cut(whole, max), shown = s;
	const char *authority = NULL; /* where a host follows "://" */
	while (s.n) {
		size_t wide = run_of(s, true), n = run_of(s, false), lead;
		if (wide > n && is_ipv6(lm_str_part(s, 0, wide))) {
			put_bracketed(b, lm_str_part(s, 0, wide));
			s = lm_str_part(s, wide, s.n);
			continue;
		}
		if (n == 0) {
			s = lm_str_part(s, put_char(b, s), s.n);
			continue;
		}
		if (lm_str_eq(lm_str_part(s, n, n + 3), LM_STR("://"))) {
			put_scheme(b, lm_str_part(s, 0, n));
			s = lm_str_part(s, n + 3, s.n);
			authority = s.p;
			continue;
		}
		if (n < s.n && s.p[n] == '@') {
			size_t l2;
			struct lm_str after = lm_str_part(s, n + 1, s.n);
			struct lm_str name = inner_name(lm_str_part(after, 0, run_of(after, false)), &l2);
			lm_html_text(b, lm_str_part(s, 0, n));
			lm_buf_puts(b, is_indicator(name, how, own) || ipv4_at(name) ? "[@]" : "@");
			s = after;
			continue;
		}
		struct lm_str name = inner_name(lm_str_part(s, 0, n), &lead);
		/* a component of a path, but not the host of a URL: release.zip is a file there */
		bool slash = s.p != shown.p && (s.p[-1] == '/' || s.p[-1] == '\\') && s.p != authority;
		lm_html_text(b, lm_str_part(s, 0, lead));
		put_name(b, name, slash && how == LM_DEFANG_TEXT ? LM_DEFANG_PATH : how, own);
		lm_html_text(b, lm_str_part(s, lead + name.n, n));
		s = lm_str_part(s, n, s.n);
	}
	put_rest(b, whole, shown);
}

/* ---- numbers and times ---- */

void lm_html_count(struct lm_buf *b, uint64_t v)
{
	char text[32];
	size_t i = sizeof text, digits = 0;
	do {
		if (digits && digits % 3 == 0)
			text[--i] = ',';
		text[--i] = (char)('0' + v % 10);
		digits++;
	} while (v /= 10);
	lm_buf_add(b, text + i, sizeof text - i);
}

void lm_html_size(struct lm_buf *b, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB", "PB", "EB" };
	unsigned u = 0;
	uint64_t unit = 1;
	while (bytes / unit >= 1000 && u < 6) {
		unit *= 1000;
		u++;
	}
	uint64_t tenths = u ? bytes / (unit / 10) : bytes * 10;
	if (u == 0 || tenths >= 1000)
		lm_buf_fmt(b, "%" PRIu64 " %s", tenths / 10, units[u]);
	else
		lm_buf_fmt(b, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[u]);
}

static void put_time(struct lm_buf *b, struct lm_int ns, size_t n)
{
	char text[LM_TIME_TEXT];
	if (!ns.set) {
		lm_buf_puts(b, "\xe2\x80\x93");
		return;
	}
	lm_time_iso(ns.v, text);
	text[10] = n > 10 ? ' ' : 0;
	lm_buf_add(b, text, n);
}

void lm_html_time(struct lm_buf *b, struct lm_int ns)
{
	put_time(b, ns, 16);
}

void lm_html_date(struct lm_buf *b, struct lm_int ns)
{
	put_time(b, ns, 10);
}
