/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostlist.c - host lists: who the machines are, whose, where, what for. CSV and JSON.
 *
 * In:  a table with a host column and at least one of organisation, country, sector, role.
 * Out: host.record, one a row. Column names are mapped by synonyms (docs/formats/hostlist.md).
 */
#include "base/text.h"
#include "read/countries.h"
#include "read/read.h"
#include "read/rows.h"

enum { HOST, FQDN, NAMES, ADDRESS, DEVICE, ORG, COUNTRY, SECTOR, OS, ROLE, HASH, PRODUCT, N_COLUMNS };

static const struct lm_column columns[N_COLUMNS] = {
	[HOST] = { "host|hostname|computer|computername|devicename|machine|machinename|endpoint|endpointname|asset|"
		   "assetname|"
		   "netbios|netbiosname|system|systemname|workstation|server|node|name" },
	[FQDN] = { "fqdn|dnshostname|dnsname|fullyqualifieddomainname|fullname" },
	[NAMES] = { "names|aliases|alias|othernames|netbios|netbiosname|hostnames" },
	[ADDRESS] = { "ip|ipaddress|ipaddresses|address|addresses|ipv4|ipv4address|ips|lastip|ipaddr|primaryip|ipv6" },
	[DEVICE] = { "deviceid|machineguid|guid|machineid|agentid|sensorid|serial|serialnumber|uuid|hostid|aid" },
	[ORG] = { "org|organisation|organization|company|customer|tenant|client|businessunit|subsidiary|owner|account|"
		  "site" },
	[COUNTRY] = { "country|countrycode|countryiso|nation|land|location" },
	[SECTOR] = { "sector|industry|vertical|branche|segment" },
	[OS] = { "os|operatingsystem|osname|platform|osversion|ostype" },
	[ROLE] = { "role|type|hostrole|devicetype|function|category|class|hosttype" },
	[HASH] = { "sha256|sha1|md5|hash|filehash|hashsha256" },
	[PRODUCT] = { "product|version|application|software|displayname|displayversion|path|filepath" },
};

#define BIT(c) (1u << (c))

static int probe(const struct lm_read_in *in)
{
	size_t cells;
	unsigned given = lm_rows_probe(in->arena, in->data, columns, N_COLUMNS, &cells);
	if (!(given & (BIT(HOST) | BIT(FQDN))))
		return 0;
	/* a role alone ("type") stands in many tables: it counts beside an address and an operating system only */
	bool owned = given & (BIT(ORG) | BIT(COUNTRY) | BIT(SECTOR));
	bool described = given & BIT(ROLE) && given & BIT(ADDRESS) && given & BIT(OS);
	if (!owned && !described)
		return 0;
	if (given & (BIT(HASH) | BIT(PRODUCT)))
		return 0;
	return 70;
}

struct hostlist {
	const struct lm_read_in *in;
	struct lm_rows rows;
	uint64_t bad;
	uint64_t first_bad;
};

static enum lm_rc open_(const struct lm_read_in *in, void **state)
{
	struct hostlist *s = lm_arena_alloc(in->arena, sizeof *s);
	if (!s)
		return LM_ELIMIT;
	s->in = in;
	enum lm_rc rc = lm_rows_open(&s->rows, in->arena, in->data, columns, N_COLUMNS);
	if (rc == LM_OK && !(s->rows.given & (BIT(HOST) | BIT(FQDN)))) {
		lm_rows_close(&s->rows);
		rc = LM_ENOTFMT;
	}
	*state = s;
	return rc;
}

/* Address cells hold several, joined by whatever the exporter liked: ours is ';'. */
static struct lm_str joined(struct lm_arena *a, struct lm_str s)
{
	char *p = s.n ? lm_arena_alloc(a, s.n) : NULL;
	size_t n = 0;
	for (size_t i = 0; p && i < s.n; i++) {
		char c = s.p[i] == ',' || s.p[i] == ' ' || s.p[i] == '|' || s.p[i] == '\t' || s.p[i] == '\n' ? ';'
													     : s.p[i];
		if (c == ';' && (n == 0 || p[n - 1] == ';'))
			continue;
		p[n++] = c;
	}
	while (n && p[n - 1] == ';')
		n--;
	return n ? (struct lm_str){ p, n } : (struct lm_str){ 0 };
}

static bool fill(struct hostlist *s, struct lm_obs *out)
{
	struct lm_str *v = s->rows.value;
	struct lm_obs_host_record *h = &out->host_record;
	lm_obs_init(out, LM_K_host_record);
	h->name = v[HOST].p ? v[HOST] : v[FQDN];
	if (!h->name.p || h->name.n > 255)
		return false;
	struct lm_str names = joined(s->in->arena, v[NAMES]);
	if (v[FQDN].p && !lm_str_eq_ci(v[FQDN], h->name))
		names = names.p ? lm_arena_fmt(s->in->arena, "%.*s;%.*s", LM_STR_ARG(v[FQDN]), LM_STR_ARG(names))
				: v[FQDN];
	h->names = names;
	h->addresses = joined(s->in->arena, v[ADDRESS]);
	h->device = v[DEVICE];
	h->org = v[ORG];
	struct lm_str code = lm_country_code(v[COUNTRY]);
	h->country = code.p ? code : v[COUNTRY];
	h->sector = v[SECTOR];
	h->os = v[OS];
	h->role = v[ROLE];
	out->host.name = h->name;
	out->host.source = LM_ID_HOST_LIST;
	out->at.offset = s->rows.offset;
	out->at.length = s->rows.length;
	out->at.record = LM_INT(s->rows.row);
	return true;
}

static enum lm_rc next(void *state, struct lm_obs *out)
{
	struct hostlist *s = state;
	for (;;) {
		enum lm_rc rc = lm_rows_next(&s->rows);
		if (rc == LM_OK && fill(s, out))
			return LM_OK;
		if (rc == LM_ELIMIT)
			return rc;
		if (rc == LM_END)
			break;
		if (!s->bad++)
			s->first_bad = s->rows.offset;
	}
	if (!s->bad)
		return LM_END;
	lm_obs_init(out, LM_K_evidence_damaged);
	out->at.offset = s->first_bad;
	out->evidence_damaged.path = s->in->path;
	out->evidence_damaged.reader = LM_STR("hostlist");
	out->evidence_damaged.offset = LM_INT(s->first_bad);
	out->evidence_damaged.what = lm_arena_fmt(
		s->in->arena, "%llu rows without a host name or not readable as a row", (unsigned long long)s->bad);
	s->bad = 0;
	return LM_OK;
}

static void close_(void *state)
{
	struct hostlist *s = state;
	lm_rows_close(&s->rows);
}

static const enum lm_kind emits[] = { LM_K_host_record, LM_K_evidence_damaged, LM_KIND_NONE };

const struct lm_reader lm_reader_hostlist = {
	"hostlist", "host lists: names, addresses, organisation, country, sector, os, role (CSV, JSON)",
	emits,	    probe,
	open_,	    next,
	close_,
};
