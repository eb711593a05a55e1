/* SPDX-License-Identifier: Apache-2.0 */
/*
 * geo.c - address to country, from MaxMind DB files that the user names with --geoip.
 *
 * In: .mmdb files in either customary layout: country.iso_code (MaxMind, DB-IP), with registered_country as the
 * fallback, or a flat country_code or country text. Out: an ISO 3166-1 alpha-2 code. Several files are asked in
 * order, the first answer wins, and a different later answer makes it disputed. Limits: a file for IPv4 alone
 * does not know IPv6; a damaged record is unknown, a damaged file is refused when it is opened.
 */
#include "case/case_priv.h"
#include "base/text.h"
#include "base/timestamp.h"

#include <arpa/inet.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

struct geo_db {
	MMDB_s mmdb;
	char *name;
};

struct lm_geo {
	struct geo_db *dbs;
	size_t n;
	struct lm_buf words;
};

void lm_geo_close(struct lm_geo *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++) {
		MMDB_close(&g->dbs[i].mmdb);
		free(g->dbs[i].name);
	}
	free(g->dbs);
	lm_buf_fini(&g->words);
	free(g);
}

static bool look_up(const struct geo_db *db, const char *address, char out[3]);

static enum lm_rc open_one(struct geo_db *db, const char *file, struct lm_err *err)
{
	int got = MMDB_open(file, MMDB_MODE_MMAP, &db->mmdb);
	if (got != MMDB_SUCCESS)
		return lm_fail(err, got == MMDB_FILE_OPEN_ERROR || got == MMDB_IO_ERROR ? LM_EIO : LM_ECORRUPT,
			       "cannot use GeoIP database '%s': %s", file, MMDB_strerror(got));
	struct lm_str base = lm_path_base(lm_cstr(file));
	if (lm_str_ends_ci(base, LM_STR(".mmdb")))
		base.n -= 5;
	db->name = lm_xalloc(base.n + 1);
	memcpy(db->name, base.p, base.n);
	db->name[base.n] = 0;
	/* the tree must hold together where a lookup will walk: sample it from end to end */
	for (unsigned i = 0; i < 256; i++) {
		struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(i << 24 | 0x010101) };
		int code = MMDB_SUCCESS;
		MMDB_lookup_result_s r = MMDB_lookup_sockaddr(&db->mmdb, (struct sockaddr *)&sa, &code);
		MMDB_entry_data_s data;
		if (code == MMDB_SUCCESS && r.found_entry)
			code = MMDB_get_value(&r.entry, &data, "country", "iso_code", (char *)NULL);
		if (code == MMDB_CORRUPT_SEARCH_TREE_ERROR || code == MMDB_INVALID_DATA_ERROR ||
		    code == MMDB_INVALID_NODE_NUMBER_ERROR || code == MMDB_UNKNOWN_DATABASE_FORMAT_ERROR) {
			MMDB_close(&db->mmdb);
			free(db->name);
			return lm_fail(err, LM_ECORRUPT, "cannot use GeoIP database '%s': it is damaged: %s", file,
				       MMDB_strerror(code));
		}
	}
	return LM_OK;
}

enum lm_rc lm_geo_open(const char *const *files, struct lm_geo **out, struct lm_err *err)
{
	struct lm_geo *g = lm_xalloc(sizeof *g);
	size_t n = 0;
	*out = NULL;
	memset(g, 0, sizeof *g);
	lm_buf_init(&g->words, 1 << 16);
	while (files && files[n])
		n++;
	g->dbs = lm_xalloc((n + 1) * sizeof *g->dbs);
	memset(g->dbs, 0, (n + 1) * sizeof *g->dbs);
	for (size_t i = 0; i < n; i++) {
		enum lm_rc rc = open_one(&g->dbs[i], files[i], err);
		if (rc != LM_OK) {
			lm_geo_close(g);
			return rc;
		}
		g->n++;
		char day[LM_TIME_TEXT];
		uint64_t built = g->dbs[i].mmdb.metadata.build_epoch;
		lm_time_iso(built < (uint64_t)INT64_MAX / LM_NS_PER_S ? (int64_t)built * LM_NS_PER_S : 0, day);
		lm_buf_fmt(&g->words, "%s%s %.10s", i ? "; " : "", g->dbs[i].name, day);
	}
	*out = g;
	return LM_OK;
}

static bool code_of(const MMDB_entry_data_s *d, char out[3])
{
	if (!d->has_data || d->type != MMDB_DATA_TYPE_UTF8_STRING || d->data_size != 2)
		return false;
	for (int i = 0; i < 2; i++) {
		char ch = d->utf8_string[i];
		if (ch >= 'a' && ch <= 'z')
			ch = (char)(ch - 32);
		if (ch < 'A' || ch > 'Z')
			return false;
		out[i] = ch;
	}
	out[2] = 0;
	return true;
}

static bool look_up(const struct geo_db *db, const char *address, char out[3])
{
	static const char *const paths[][3] = { { "country", "iso_code", NULL },
						{ "registered_country", "iso_code", NULL },
						{ "country_code", NULL, NULL },
						{ "country", NULL, NULL } };
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa;
	int code = MMDB_SUCCESS;
	memset(&sa, 0, sizeof sa);
	if (inet_pton(AF_INET, address, &sa.v4.sin_addr) == 1)
		sa.v4.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, address, &sa.v6.sin6_addr) == 1)
		sa.v6.sin6_family = AF_INET6;
	else
		return false;
	if (sa.any.sa_family == AF_INET6 && db->mmdb.metadata.ip_version == 4)
		return false;
	MMDB_lookup_result_s r = MMDB_lookup_sockaddr(&db->mmdb, &sa.any, &code);
	if (code != MMDB_SUCCESS || !r.found_entry)
		return false;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		MMDB_entry_data_s d;
		if (MMDB_aget_value(&r.entry, &d, paths[i]) == MMDB_SUCCESS && code_of(&d, out))
			return true;
	}
	return false;
}

bool lm_geo_lookup(const struct lm_geo *g, const char *address, char out[3], bool *disputed, const char **name)
{
	bool found = false;
	*disputed = false;
	*name = NULL;
	for (size_t i = 0; i < g->n; i++) {
		char code[3];
		if (!look_up(&g->dbs[i], address, code))
			continue;
		if (found)
			*disputed |= memcmp(code, out, 3) != 0;
		else {
			memcpy(out, code, 3);
			*name = g->dbs[i].name;
		}
		found = true;
	}
	return found;
}

bool lm_geo_country(const struct lm_geo *g, const char *address, char out[3], bool *disputed)
{
	const char *name;
	bool d;
	return lm_geo_lookup(g, address, out, disputed ? disputed : &d, &name);
}

const char *lm_geo_describe(const struct lm_geo *g)
{
	return g->words.p ? g->words.p : "";
}
