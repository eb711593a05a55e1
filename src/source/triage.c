/* SPDX-License-Identifier: Apache-2.0 */
/*
 * triage.c - what to read first, from a path alone.
 *
 * In: an evidence path and a size. Out: 0..4. Lists of hosts, inventories and indicators are small and make
 * everything read later mean more; then collections, because they name hosts; then programs, then logs.
 * A name promises nothing: a wrong guess costs order, never content.
 */
#include "source/source.h"

#include "base/text.h"

#define SMALL (UINT64_C(64) << 20)

static bool ends_with_any(struct lm_str s, const char *const *list)
{
	for (; *list; list++)
		if (lm_str_ends_ci(s, lm_cstr(*list)))
			return true;
	return false;
}

static bool has_any(struct lm_str s, const char *const *list)
{
	char pattern[32];
	for (; *list; list++) {
		size_t n = strlen(*list);
		pattern[0] = '*';
		memcpy(pattern + 1, *list, n);
		pattern[n + 1] = '*';
		if (lm_str_glob((struct lm_str){ pattern, n + 2 }, s))
			return true;
	}
	return false;
}

static const char *const list_suffixes[] = { ".csv", ".tsv", ".json", ".txt", NULL };
static const char *const list_words[] = { "host",  "inventor",	"asset",  "endpoint",  "device", "computer", "machine",
					  "fleet", "software",	"cmdb",	  "indicator", "ioc",	 "intel",    "stix",
					  "misp",  "blocklist", "hashes", "organi",    "sector", NULL };
static const char *const archives[] = { ".zip",	    ".7z",     ".tar",	".tgz", ".tar.gz", ".tar.zst", ".tar.xz",
					".tar.bz2", ".tar.bz", ".tbz2", ".txz", ".tzst",   NULL };
static const char *const programs[] = { ".exe",	 ".dll",  ".sys",	 ".msi",	".msp", ".msix",
					".appx", ".cab",  ".ocx",	 ".scr",	".cpl", ".efi",
					".drv",	 ".node", ".dylib",	 ".so",		".dmg", ".pkg",
					".deb",	 ".rpm",  ".asar",	 ".jar",	".apk", ".nupkg",
					".msm",	 ".mui",  ".msixbundle", ".appxbundle", NULL };
static const char *const packed[] = { ".gz", ".zst", ".xz", ".bz2", NULL };
static const char *const logs[] = { ".evtx", ".evt",	".log", ".jsonl", ".ndjson", ".json",	".csv", ".tsv",
				    ".pcap", ".pcapng", ".cap", ".etl",	  ".xml",    ".syslog", NULL };

/* conn.log.1, messages.2023-03-22: a rotated log keeps its word inside the name. */
static bool rotated_log(struct lm_str name)
{
	return lm_str_glob(LM_STR("*.log.*"), name) || lm_str_glob(LM_STR("*.log-*"), name) ||
	       lm_str_glob(LM_STR("*.*.log"), name) || lm_str_starts_ci(name, LM_STR("syslog")) ||
	       lm_str_starts_ci(name, LM_STR("messages")) || lm_str_starts_ci(name, LM_STR("audit.log"));
}

int lm_triage(struct lm_str path, uint64_t size)
{
	struct lm_str name = lm_path_base(path);

	if (size < SMALL) {
		if (lm_str_ends_ci(name, LM_STR(".stix")))
			return 0;
		if (ends_with_any(name, list_suffixes) && has_any(name, list_words))
			return 0;
	}
	if (ends_with_any(name, archives))
		return 1;
	if (ends_with_any(name, programs))
		return 2;
	for (const char *const *p = packed; *p; p++) {
		if (lm_str_ends_ci(name, lm_cstr(*p))) {
			name = lm_str_part(name, 0, name.n - strlen(*p));
			break;
		}
	}
	if (ends_with_any(name, logs) || rotated_log(name))
		return 3;
	return 4;
}
