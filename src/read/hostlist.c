/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostlist.c - host lists: who the machines are, whose, where, what for. CSV and JSON.
 *
 * In:  a table with a host column and at least one of organisation, country, sector, role.
 * Out: host.record, one a row; rows without a name are told. Column names are mapped by synonyms
 *      (docs/formats/hostlist.md).
 * Limits: names of 255 bytes; see rows.h.
 */
#include "base/text.h"
#include "read/countries.h"
#include "read/read.h"
#include "read/rows.h"

enum {
	HOST,
	NAME,
	FQDN,
	NAMES,
	ADDRESS,
	DEVICE,
	ORG,
	COUNTRY,
	SECTOR,
	OS,
	ROLE,
	TYPE,
	HASH,
	PRODUCT,
	EVENT,
	N_COLUMNS
};

enum { NAME_MAX_BYTES = 255 };

static const struct lm_column columns[N_COLUMNS] = {
	[HOST] = { "hostname|host|computername|computer|devicename|machinename|machine|endpointname|endpoint|"
		   "netbiosname|"
		   "netbios|workstation|device|agenthostname|hostidentifier|samaccountname" },
	/* of something: a host only beside an address or an operating system */
	[NAME] = { "name|assetname|asset|servername|server|systemname|system|nodename|node" },
	[FQDN] = { "fqdn|dnshostname|dnsname|fullyqualifieddomainname" },
	[NAMES] = { "aliases|alias|othernames|names|hostnames|netbios|netbiosname" },
	[ADDRESS] = { "ipaddress|ipaddresses|ip|address|addresses|ipv4address|ipv4|ips|ipaddr|primaryip|lastip|"
		      "internalip|"
		      "localip|hostip|ipv6address|ipv6" },
	[DEVICE] = { "deviceid|machineguid|machineid|agentid|sensorid|clientid|hostid|aid|guid|uuid|hostuuid|"
		     "serialnumber|serial" },
	[ORG] = { "organisation|organization|org|organisationname|organizationname|company|companyname|customer|"
		  "customername|"
		  "tenant|tenantname|client|clientname|businessunit|subsidiary" },
	[COUNTRY] = { "countrycode|countryiso|country|countryname|nation|land" },
	[SECTOR] = { "sector|industry|vertical|branche|branch" },
	[OS] = { "operatingsystem|os|osname|osversion|platform|ostype|operatingsystemname" },
	[ROLE] = { "role|hostrole|devicerole|machinerole|devicetype|machinetype|hosttype|function" },
	[TYPE] = { "type|category|class" },
	/* what a host list does not have */
	[HASH] = { "sha256|sha1|md5|hash|filehash|hashsha256|hashsha1|hashmd5" },
	[PRODUCT] = { "product|productname|version|productversion|application|applicationname|software|softwarename|"
		      "displayname|displayversion|publisher|path|filepath|fullpath|ospath" },
	[EVENT] = { "eventid|eventcode|eventrecordid|recordid|recordnumber|channel|commandline|processid|pid|message|"
		    "uid|"
		    "srcip|dstip|sourceip|destinationip|query|logname|eventtype" },
};

static int probe(const struct lm_read_in *in)
{
	unsigned given = lm_rows_probe(in->arena, in->data, columns, N_COLUMNS, NULL);
	bool named = given & (LM_BIT(HOST) | LM_BIT(FQDN)) ||
		     (given & LM_BIT(NAME) && given & (LM_BIT(ADDRESS) | LM_BIT(OS)));
	bool owned = given & (LM_BIT(ORG) | LM_BIT(COUNTRY) | LM_BIT(SECTOR) | LM_BIT(ROLE));
	/* a "type" stands in many tables: it counts beside an address and an operating system only */
	bool described = given & LM_BIT(TYPE) && given & LM_BIT(ADDRESS) && given & LM_BIT(OS);
	if (!named || (!owned && !described) || given & (LM_BIT(HASH) | LM_BIT(PRODUCT) | LM_BIT(EVENT)))
		return 0;
	return 70;
}

struct hostlist {
	const struct lm_read_in *in;
	struct lm_rows rows;
};

static enum lm_rc open_(const struct lm_read_in *in, void **state)
{
	struct hostlist *s = lm_arena_alloc(in->arena, sizeof *s);
	if (!s)
		return LM_ELIMIT;
	s->in = in;
	*state = s;
	if (!(lm_rows_probe(in->arena, in->data, columns, N_COLUMNS, NULL) &
	      (LM_BIT(HOST) | LM_BIT(NAME) | LM_BIT(FQDN))))
		return LM_ENOTFMT;
	return lm_rows_open(&s->rows, in->arena, in->data, columns, N_COLUMNS);
}

/* Cells with several texts are joined by whatever the exporter liked: ours is ';'. Unset when there are none. */
static struct lm_str joined(struct lm_arena *a, struct lm_str s)
{
	char *p = s.n ? lm_arena_alloc(a, s.n) : NULL;
	size_t n = 0;
	for (size_t i = 0; p && i < s.n; i++) {
		char c = memchr(", |\t\r\n", s.p[i], 6) ? ';' : s.p[i];
		if (c == ';' && (n == 0 || p[n - 1] == ';'))
			continue;
		p[n++] = c;
	}
	while (n && p[n - 1] == ';')
		n--;
	return n ? (struct lm_str){ p, n } : (struct lm_str){ 0 };
}

/* NULL, or why the row is no host. */
static const char *fill(struct hostlist *s, struct lm_obs *out)
{
	struct lm_str *v = s->rows.value;
	struct lm_obs_host_record *h = &out->host_record;
	struct lm_arena *a = s->in->arena;
	lm_obs_init(out, LM_K_host_record);
	h->name = v[HOST].p ? v[HOST] : v[FQDN].p ? v[FQDN] : v[NAME];
	if (!h->name.p)
		return "no host name";
	if (h->name.n > NAME_MAX_BYTES)
		return "the host name is longer than 255 bytes";
	h->names = joined(a, v[NAMES]);
	if (lm_str_eq_ci(h->names, h->name))
		h->names = (struct lm_str){ 0 };
	if (v[FQDN].p && !lm_str_eq_ci(v[FQDN], h->name))
		h->names =
			h->names.p ? lm_arena_fmt(a, "%.*s;%.*s", LM_STR_ARG(v[FQDN]), LM_STR_ARG(h->names)) : v[FQDN];
	h->addresses = joined(a, v[ADDRESS]);
	h->device = v[DEVICE];
	h->org = v[ORG];
	struct lm_str code = lm_country_code(v[COUNTRY]);
	h->country = code.p ? code : v[COUNTRY];
	h->sector = v[SECTOR];
	h->os = v[OS];
	h->role = v[ROLE].p ? v[ROLE] : v[TYPE];
	out->host.name = h->name;
	out->host.source = LM_ID_HOST_LIST;
	out->at.offset = s->rows.offset;
	out->at.length = s->rows.length;
	out->at.record = LM_INT(s->rows.row);
	return NULL;
}

static enum lm_rc next(void *state, struct lm_obs *out)
{
	struct hostlist *s = state;
	for (;;) {
		enum lm_rc rc = lm_rows_next(&s->rows);
		const char *why = rc == LM_OK ? fill(s, out) : "cannot be read as a row";
		if (rc == LM_ELIMIT || s->in->arena->spent)
			return LM_ELIMIT;
		if (rc == LM_END)
			return lm_rows_rest(&s->rows, s->in, "hostlist", out);
		if (!why || lm_rows_bad(&s->rows, s->in, "hostlist", why, out))
			return LM_OK;
	}
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
