/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inventory.c - software and hash inventories: what is installed where, which files a host has.
 *
 * In:  a table (CSV, JSON lines, JSON) with a product or with a path and a hash; osquery results and Velociraptor
 *      rows are such tables (rows.h).
 * Out: file.sighting for rows with a path and a hash (with the release it names, if any); product.installed for
 *      rows with a product and no hash, and for rows with both that also say where or when it was installed.
 *      Rows that are neither are told.
 * Limits: dates with slashes are not guessed at; see rows.h.
 */
#include "base/text.h"
#include "read/read.h"
#include "read/rows.h"

#include <arpa/inet.h>

enum {
	HOST,
	FQDN,
	ADDRESS,
	DEVICE,
	PATH,
	SHA256,
	SHA1,
	MD5,
	HASH,
	SIZE,
	PRODUCT,
	VERSION,
	VENDOR,
	LOCATION,
	INSTALLED,
	MODIFIED,
	EVENT,
	N_COLUMNS
};

static const struct lm_column columns[N_COLUMNS] = {
	[HOST] = { "hostname|host|computername|computer|devicename|machinename|machine|endpointname|endpoint|"
		   "hostidentifier|"
		   "netbiosname|netbios|agenthostname|assetname|asset|systemname|workstation|device|system|"
		   "pscomputername" },
	[FQDN] = { "fqdn|dnshostname|dnsname|fullyqualifieddomainname" },
	[ADDRESS] = { "ipaddress|ip|hostip|ipv4address|ipv4|ipaddr|primaryip|lastip|localip|address" },
	[DEVICE] = { "deviceid|machineguid|machineid|agentid|sensorid|clientid|aid|hostuuid|hostid" },
	[PATH] = { "fullpath|filepath|ospath|path|fullname|targetfilename|imagepath|file|filename|location" },
	[SHA256] = { "sha256|filehashsha256|sha256hash|hashsha256|filesha256|processhashsha256" },
	[SHA1] = { "sha1|filehashsha1|sha1hash|hashsha1|filesha1" },
	[MD5] = { "md5|filehashmd5|md5hash|hashmd5|filemd5" },
	[HASH] = { "hash|filehash|hashvalue|digest|checksum|hashes" },
	[SIZE] = { "filesize|size|sizebytes|sizeinbytes|bytes|length" },
	[PRODUCT] = { "displayname|productname|product|applicationname|application|softwarename|software|softwaretitle|"
		      "programname|program|packagename|package|appname|app|bundlename|title|name" },
	[VERSION] = { "displayversion|productversion|version|softwareversion|applicationversion|packageversion|"
		      "appversion|"
		      "bundleshortversion|release" },
	[VENDOR] = { "publisher|vendor|manufacturer|companyname|company|author|developer|softwarevendor|vendorname" },
	[LOCATION] = { "installlocation|installpath|installfolder|installdir|installdirectory|installationpath|"
		       "installationfolder|installationdirectory|installsource|bundlepath|folder|directory" },
	[INSTALLED] = { "installdate|installedon|installtime|installationdate|installed|dateinstalled|installeddate" },
	[MODIFIED] = { "modified|mtime|lastmodified|modifiedtime|modificationtime|lastwritetime|filemodified|"
		       "lastwritetimeutc" },
	/* what logs have and inventories do not */
	[EVENT] = { "eventid|eventcode|eventrecordid|recordid|recordnumber|channel|commandline|processid|processguid|"
		    "pid|logname|"
		    "parentprocessid|parentimage|eventtype|eventtypeid|severity|alerttype|destinationip|uid|fuid|"
		    "connuids" },
};

#define ANY_HASH (LM_BIT(SHA256) | LM_BIT(SHA1) | LM_BIT(MD5) | LM_BIT(HASH))
#define WHO (LM_BIT(HOST) | LM_BIT(FQDN) | LM_BIT(ADDRESS) | LM_BIT(DEVICE))

static unsigned given_by(const struct lm_read_in *in)
{
	return lm_rows_probe(in->arena, in->data, columns, N_COLUMNS, NULL);
}

static bool is_inventory(unsigned given)
{
	return (given & LM_BIT(PATH) && given & ANY_HASH) || given & LM_BIT(PRODUCT);
}

static int probe(const struct lm_read_in *in)
{
	unsigned given = given_by(in);
	bool who = given & WHO || lm_ident_is_set(&in->host);
	bool files = given & LM_BIT(PATH) && given & ANY_HASH;
	bool software = given & LM_BIT(PRODUCT) &&
			given & (LM_BIT(VERSION) | LM_BIT(VENDOR) | LM_BIT(INSTALLED) | LM_BIT(LOCATION));
	if (!who || (!files && !software) || given & LM_BIT(EVENT))
		return 0;
	/* without a host column the layout says whose it is: then the shape has to be clear */
	return given & WHO ? 80 : 60;
}

struct inventory {
	const struct lm_read_in *in;
	struct lm_rows rows;
	bool product_too; /* the row that was just told as a sighting is an installation as well */
	uint8_t hash[3][32];
};

static enum lm_rc open_(const struct lm_read_in *in, void **state)
{
	struct inventory *s = lm_arena_alloc(in->arena, sizeof *s);
	if (!s)
		return LM_ELIMIT;
	s->in = in;
	*state = s;
	if (!is_inventory(given_by(in)))
		return LM_ENOTFMT;
	return lm_rows_open(&s->rows, in->arena, in->data, columns, N_COLUMNS);
}

/* One hash column into the sighting; the kind is told by the length, whatever the column is called. */
static bool take_hash(struct inventory *s, struct lm_str text, struct lm_obs_file_sighting *f)
{
	size_t mark = lm_str_find(text, '=', 0);
	if (mark == SIZE_MAX)
		mark = lm_str_find(text, ':', 0);
	if (mark != SIZE_MAX && mark < 10) /* "sha256:...", "SHA256=..." */
		text = lm_str_trim(lm_str_part(text, mark + 1, text.n));
	unsigned i = text.n == 64 ? 0 : text.n == 40 ? 1 : text.n == 32 ? 2 : 3;
	struct lm_bytes *const field[] = { &f->sha256, &f->sha1, &f->md5 };
	if (i == 3 || field[i]->p || lm_str_unhex(text, s->hash[i], sizeof s->hash[i]) == SIZE_MAX)
		return false;
	*field[i] = (struct lm_bytes){ s->hash[i], text.n / 2 };
	return true;
}

/* A cell with one hash, or with several: "SHA256=...,MD5=...". */
static bool take_hashes(struct inventory *s, struct lm_str text, struct lm_obs_file_sighting *f)
{
	bool any = false;
	while (text.n) {
		size_t end = 0;
		while (end < text.n && !memchr(",; |", text.p[end], 4))
			end++;
		any |= take_hash(s, lm_str_part(text, 0, end), f);
		text = lm_str_part(text, end + 1, text.n);
	}
	return any;
}

static bool is_address(struct lm_str s)
{
	char text[64];
	unsigned char raw[16];
	if (s.n < 2 || s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1;
}

static void put_who(struct inventory *s, struct lm_obs *o)
{
	const struct lm_str *v = s->rows.value;
	struct lm_str name = v[HOST].p ? v[HOST] : v[FQDN], address = v[ADDRESS], device = v[DEVICE];
	size_t end = 0;
	if (name.p && is_address(name)) {
		address = name;
		name = v[HOST].p && !is_address(v[FQDN]) ? v[FQDN] : (struct lm_str){ 0 };
	}
	/* several addresses in a cell: the first */
	while (end < address.n && !memchr(",; |", address.p[end], 4))
		end++;
	address = lm_str_part(address, 0, end);
	o->host.name = name;
	o->host.address = is_address(address) ? address : (struct lm_str){ 0 };
	/* Velociraptor's client id, as the layout writes it */
	if (device.n > 10 && device.p[0] == 'C' && device.p[1] == '.')
		device = lm_arena_fmt(s->in->arena, "collection:%.*s", LM_STR_ARG(device));
	o->host.device = device;
	if (lm_ident_is_set(&o->host))
		o->host.source = LM_ID_INVENTORY;
	o->at.offset = s->rows.offset;
	o->at.length = s->rows.length;
	o->at.record = LM_INT(s->rows.row);
}

static struct lm_int time_of(struct inventory *s, struct lm_str text, bool *assumed)
{
	int64_t ns;
	uint64_t number;
	bool zoneless = false;
	/* installers write dates as 20230322 */
	if (text.n == 8 && lm_str_u64(text, &number) && number > 19800000 && number < 21000000)
		text = lm_arena_fmt(s->in->arena, "%.4s-%.2s-%.2s", text.p, text.p + 4, text.p + 6);
	if (!text.p || !lm_time_parse(text, s->in->env ? s->in->env->zone : NULL, &ns, &zoneless))
		return (struct lm_int){ 0 };
	*assumed |= zoneless;
	return LM_INT(ns);
}

static bool fill_sighting(struct inventory *s, struct lm_obs *o)
{
	const struct lm_str *v = s->rows.value;
	struct lm_obs_file_sighting *f = &o->file_sighting;
	uint64_t size;
	lm_obs_init(o, LM_K_file_sighting);
	if (!v[PATH].p)
		return false;
	bool hashed = take_hashes(s, v[SHA256], f);
	hashed |= take_hashes(s, v[SHA1], f);
	hashed |= take_hashes(s, v[MD5], f);
	hashed |= take_hashes(s, v[HASH], f);
	if (!hashed)
		return false;
	put_who(s, o);
	f->path = v[PATH];
	if (v[SIZE].p && lm_str_u64(v[SIZE], &size) && size <= INT64_MAX)
		f->size = LM_INT(size);
	f->source = LM_STR("inventory");
	f->modified = time_of(s, v[MODIFIED], &o->time_assumed);
	/* without a product column "name" may be the file's own: that names no release */
	if (v[PRODUCT].p && !lm_str_eq_ci(v[PRODUCT], lm_path_base(f->path))) {
		f->product = v[PRODUCT];
		f->vendor = v[VENDOR];
		f->version = v[VERSION];
	}
	/* a list of files names releases; where or when one was installed makes it a list of installations too */
	s->product_too = f->product.p && (v[LOCATION].p || v[INSTALLED].p);
	return true;
}

static bool fill_product(struct inventory *s, struct lm_obs *o)
{
	const struct lm_str *v = s->rows.value;
	struct lm_obs_product_installed *p = &o->product_installed;
	bool files = v[PATH].p && (v[SHA256].p || v[SHA1].p || v[MD5].p || v[HASH].p);
	lm_obs_init(o, LM_K_product_installed);
	if (!v[PRODUCT].p)
		return false;
	put_who(s, o);
	o->time = time_of(s, v[INSTALLED], &o->time_assumed);
	p->vendor = v[VENDOR];
	p->product = v[PRODUCT];
	p->version = v[VERSION];
	p->path = v[LOCATION].p ? v[LOCATION] : files ? (struct lm_str){ 0 } : v[PATH];
	p->source = LM_STR("inventory");
	return true;
}

static enum lm_rc next(void *state, struct lm_obs *out)
{
	struct inventory *s = state;
	if (s->product_too) {
		s->product_too = false;
		if (fill_product(s, out))
			return s->in->arena->spent ? LM_ELIMIT : LM_OK;
	}
	for (;;) {
		enum lm_rc rc = lm_rows_next(&s->rows);
		bool good = rc == LM_OK && (fill_sighting(s, out) || fill_product(s, out));
		if (rc == LM_ELIMIT || s->in->arena->spent)
			return LM_ELIMIT;
		if (rc == LM_END)
			return lm_rows_rest(&s->rows, s->in, "inventory", out);
		if (good ||
		    lm_rows_bad(&s->rows, s->in, "inventory",
				rc == LM_OK ? "neither a path with a hash nor a product" : "cannot be read as a row",
				out))
			return LM_OK;
	}
}

static void close_(void *state)
{
	struct inventory *s = state;
	lm_rows_close(&s->rows);
}

static const enum lm_kind emits[] = { LM_K_file_sighting, LM_K_product_installed, LM_K_evidence_damaged, LM_KIND_NONE };

const struct lm_reader lm_reader_inventory = {
	"inventory", "software and hash inventories: installed products, files with hashes (CSV, JSON)",
	emits,	     probe,
	open_,	     next,
	close_,
};
