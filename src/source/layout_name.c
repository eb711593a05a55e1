/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout_name.c - reading names that collectors give to folders and archives.
 *
 * In: one component of an evidence path, hostile. Out: what it says, if anything. Limits: a name longer than
 * a host name with its decoration can be (300 bytes) says nothing. The forms are listed with their sources
 * in docs/formats/layouts.md.
 */
#include "source/layout_name.h"

#define NAME_MAX_HOST 300u

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool in_list(struct lm_str s, const char *const *list)
{
	for (; *list; list++)
		if (lm_str_eq_ci(s, lm_cstr(*list)))
			return true;
	return false;
}

struct lm_str lm_layout_stem(struct lm_str s)
{
	static const char *const suffixes[] = { ".tar.gz", ".tar.zst", ".tar.xz", ".tar.bz2", ".tgz", ".tzst",
						".txz",	   ".tbz2",    ".zip",	  ".7z",      ".tar", ".cab",
						".gz",	   ".zst",     ".xz",	  ".bz2",     NULL };
	for (const char *const *x = suffixes; *x; x++) {
		struct lm_str suffix = lm_cstr(*x);
		if (s.n > suffix.n && lm_str_ends_ci(s, suffix))
			return lm_str_part(s, 0, s.n - suffix.n);
	}
	return s;
}

/* Number of `digits` digits at s[*at] within [low, high]; moves *at. */
static bool number(struct lm_str s, size_t *at, unsigned digits, unsigned low, unsigned high)
{
	unsigned v = 0;
	if (s.n < digits || *at > s.n - digits)
		return false;
	for (unsigned i = 0; i < digits; i++) {
		char c = s.p[*at + i];
		if (!digit(c))
			return false;
		v = v * 10 + (unsigned)(c - '0');
	}
	*at += digits;
	return v >= low && v <= high;
}

static bool one_of(struct lm_str s, size_t *at, const char *set)
{
	if (*at >= s.n || !s.p[*at] || !strchr(set, s.p[*at]))
		return false;
	++*at;
	return true;
}

size_t lm_layout_stamp(struct lm_str s)
{
	size_t at = 0, date;
	if (!number(s, &at, 4, 1990, 2099))
		return 0;
	one_of(s, &at, "-_.");
	if (!number(s, &at, 2, 1, 12))
		return 0;
	one_of(s, &at, "-_.");
	if (!number(s, &at, 2, 1, 31))
		return 0;
	date = at;
	one_of(s, &at, "Tt_- .");
	size_t time = at;
	if (!number(s, &at, 2, 0, 23))
		return date;
	one_of(s, &at, ":_-.");
	if (!number(s, &at, 2, 0, 59))
		return date;
	size_t minutes = at;
	one_of(s, &at, ":_-.");
	if (!number(s, &at, 2, 0, 60))
		return time == date ? date : minutes;
	/* fraction, then Z or an offset: 02:00, 0200, and what escaping makes of the colon */
	size_t end = at;
	if (one_of(s, &at, ".,") && at < s.n && digit(s.p[at])) {
		while (at < s.n && digit(s.p[at]))
			at++;
		end = at;
	}
	at = end;
	if (one_of(s, &at, "Zz"))
		return at;
	if (one_of(s, &at, "+-_") && number(s, &at, 2, 0, 14)) {
		one_of(s, &at, ":_");
		if (number(s, &at, 2, 0, 59) && (at == s.n || !letter(s.p[at])))
			return at;
	}
	return end;
}

struct lm_str lm_layout_unstamped(struct lm_str s, bool *had)
{
	*had = false;
	if (s.n > NAME_MAX_HOST)
		return s;
	size_t n = lm_layout_stamp(s);
	if (n && (n == s.n || strchr("-_ .", s.p[n]))) {
		*had = true;
		s = lm_str_part(s, n + (n < s.n), s.n);
	}
	for (size_t i = 1; i < s.n; i++) {
		if (!strchr("-_ .", s.p[i - 1]) || !s.p[i - 1])
			continue;
		struct lm_str tail = lm_str_part(s, i, s.n);
		if (lm_layout_stamp(tail) == tail.n && tail.n) {
			*had = true;
			return lm_str_part(s, 0, i - 1);
		}
	}
	return s;
}

bool lm_layout_is_ipv4(struct lm_str s)
{
	struct lm_str rest = s, part;
	unsigned n = 0;
	uint64_t v;
	while (lm_str_split(&rest, '.', &part)) {
		if (++n > 4 || part.n > 3 || !lm_str_u64(part, &v) || v > 255)
			return false;
	}
	return n == 4;
}

bool lm_layout_is_host(struct lm_str s)
{
	size_t label = 0;
	bool has_letter = false;
	if (s.n < 2 || s.n > 253)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!letter(c) && !digit(c) && c != '-' && c != '_')
			return false;
		if ((i == 0 && c == '-') || ++label > 63)
			return false;
		has_letter = has_letter || letter(c);
	}
	return label > 0 && (has_letter || lm_layout_is_ipv4(s));
}

bool lm_layout_is_generic(struct lm_str s)
{
	static const char *const words[] = {
		"acquisition", "archive",     "archives",   "auto",	   "case",	"cases",	"clients",
		"collect",     "collected",   "collection", "collections", "collector", "corpus",	"data",
		"dest",	       "destination", "disk",	    "disks",	   "download",	"downloads",	"drive",
		"drives",      "dump",	      "evidence",   "export",	   "exports",	"extracted",	"file",
		"files",       "forensic",    "forensics",  "fs",	   "hosts",	"image",	"images",
		"in",	       "incident",    "input",	    "inputs",	   "ir",	"kape",		"live",
		"machines",    "memory",      "ntfs",	    "out",	   "output",	"partition",	"raw",
		"results",     "rootfs",      "sample",	    "samples",	   "shares",	"src",		"target",
		"targets",     "tdest",	      "temp",	    "tout",	   "triage",	"upload",	"uploads",
		"volume",      "volumes",     "work",	    "zip",	   "unpacked",	"workstations", "servers",
		"endpoints",   "documents",   "desktop",    NULL
	};
	return in_list(s, words) || lm_layout_windows_top(s) || lm_layout_posix_top(s);
}

bool lm_layout_is_tool(struct lm_str s)
{
	static const char *const words[] = { "kape", "tout", "triage", "target", "targets", "fs", NULL };
	return in_list(s, words);
}

bool lm_layout_is_machine(struct lm_str s)
{
	static const char *const numbered[] = { "case", "incident", "inc", "ticket", "ir", NULL };
	size_t word = 0;
	while (word < s.n && letter(s.p[word]))
		word++;
	return word < s.n && !in_list(lm_str_part(s, 0, word), numbered);
}

struct lm_str lm_layout_host(struct lm_str stem, bool *marked)
{
	static const char *const words[] = { "kape",	 "triage", "collection", "collected",	"targets", "target",
					     "evidence", "output", "tout",	 "acquisition", "ir",	   NULL };
	*marked = false;
	if (stem.n > NAME_MAX_HOST)
		return (struct lm_str){ 0 };
	bool again = true, had;
	while (again) {
		again = false;
		stem = lm_layout_unstamped(stem, &had);
		*marked = *marked || had;
		for (const char *const *w = words; *w && !again; w++) {
			struct lm_str word = lm_cstr(*w);
			if (stem.n <= word.n + 1)
				continue;
			if (lm_str_starts_ci(stem, word) && strchr("-_", stem.p[word.n])) {
				stem = lm_str_part(stem, word.n + 1, stem.n);
				again = true;
			} else if (lm_str_ends_ci(stem, word) && strchr("-_", stem.p[stem.n - word.n - 1])) {
				stem = lm_str_part(stem, 0, stem.n - word.n - 1);
				again = true;
			}
		}
		*marked = *marked || again;
	}
	if (!lm_layout_is_host(stem) || lm_layout_is_generic(stem) || lm_layout_is_shadow(stem))
		return (struct lm_str){ 0 };
	return stem;
}

bool lm_layout_windows_top(struct lm_str s)
{
	static const char *const words[] = { "Windows",
					     "WINNT",
					     "Users",
					     "Program Files",
					     "Program Files (x86)",
					     "Program Files (Arm)",
					     "ProgramData",
					     "Documents and Settings",
					     "PerfLogs",
					     "Recovery",
					     "RECYCLER",
					     "System Volume Information",
					     "inetpub",
					     "Windows.old",
					     "Boot",
					     "EFI",
					     "MSOCache",
					     NULL };
	return in_list(s, words) || (s.n > 1 && s.p[0] == '$' && letter(s.p[1]));
}

bool lm_layout_posix_top(struct lm_str s)
{
	static const char *const words[] = { "Applications", "Library", "System", "Users", "Volumes", "private",
					     "cores",	     "bin",	"boot",	  "dev",   "etc",     "home",
					     "lib",	     "lib32",	"lib64",  "media", "mnt",     "opt",
					     "proc",	     "root",	"run",	  "sbin",  "snap",    "srv",
					     "sys",	     "tmp",	"usr",	  "var",   NULL };
	return in_list(s, words);
}

bool lm_layout_is_shadow(struct lm_str s)
{
	static const struct {
		const char *word;
		bool anywhere;
	} forms[] = { { "HarddiskVolumeShadowCopy", true }, { "vss", false } };
	size_t digits = 0;
	while (digits < s.n && digit(s.p[s.n - 1 - digits]))
		digits++;
	if (digits == 0 || digits > 5)
		return false;
	s = lm_str_part(s, 0, s.n - digits);
	for (size_t i = 0; i < 2; i++) {
		struct lm_str word = lm_cstr(forms[i].word);
		if (forms[i].anywhere ? lm_str_ends_ci(s, word) : lm_str_eq_ci(s, word))
			return true;
	}
	return false;
}

struct lm_str lm_layout_unescape(struct lm_arena *a, struct lm_str s)
{
	char *out = lm_arena_alloc(a, s.n + 1);
	size_t n = 0;
	if (!out)
		return (struct lm_str){ 0 };
	for (size_t i = 0; i < s.n; i++) {
		uint8_t byte;
		if (s.p[i] == '%' && lm_str_unhex(lm_str_part(s, i + 1, i + 3), &byte, 1) == 1) {
			if (byte == 0)
				return (struct lm_str){ 0 };
			out[n++] = (char)byte;
			i += 2;
		} else {
			out[n++] = s.p[i];
		}
	}
	return (struct lm_str){ out, n };
}
