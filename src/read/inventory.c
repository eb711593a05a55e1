/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inventory.c - software and hash inventories: what is installed where, which files a host has.
 *
 * In:  a table (CSV, JSON lines, JSON) with a product or with a path and a hash; osquery results and Velociraptor
 *      rows have the same shape once their nested columns are looked through.
 * Out: file.sighting for rows with a hash, product.installed for rows with a product and no hash. Rows that are
 *      neither are counted and told once.
 */
#include "base/text.h"
#include "read/read.h"
#include "read/rows.h"

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
	N_COLUMNS
};

static const struct lm_column columns[N_COLUMNS] = {
	[HOST] = { "host|hostname|computer|computername|devicename|machine|machinename|endpoint|endpointname|asset|"
		   "assetname|"
		   "hostidentifier|netbios|netbiosname|system|systemname" },
	[FQDN] = { "fqdn|dnshostname|dnsname|fullyqualifieddomainname" },
	[ADDRESS] = { "ip|ipaddress|address|ipv4|ipaddr|hostip|lastip" },
	[DEVICE] = { "deviceid|machineguid|machineid|agentid|sensorid|clientid|aid|hostuuid" },
	[PATH] = { "path|filepath|fullpath|ospath|file|filename|fullname|targetfilename|imagepath|location" },
	[SHA256] = { "sha256|filehashsha256|sha256hash|hashsha256|filesha256|processhashsha256" },
	[SHA1] = { "sha1|filehashsha1|sha1hash|hashsha1|filesha1" },
	[MD5] = { "md5|filehashmd5|md5hash|hashmd5|filemd5" },
	[HASH] = { "hash|filehash|digest|checksum|hashvalue|value" },
	[SIZE] = { "size|filesize|bytes|length|sizebytes|sizeinbytes" },
	[PRODUCT] = { "displayname|product|productname|application|applicationname|software|softwarename|softwaretitle|"
		      "program|"
		      "package|packagename|title|appname|bundlename|name" },
	[VERSION] = { "displayversion|version|productversion|softwareversion|applicationversion|packageversion|"
		      "bundleshortversion|"
		      "release" },
	[VENDOR] = { "publisher|vendor|manufacturer|company|companyname|author|developer|softwarevendor" },
	[LOCATION] = { "installlocation|installpath|installfolder|installdir|installationpath|folder|directory|"
		       "installsource|"
		       "bundlepath" },
	[INSTALLED] = { "installdate|installed|installtime|installedon|installationdate|dateinstalled|installeddate" },
	[MODIFIED] = { "modified|mtime|lastmodified|modifiedtime|modificationtime|lastwritetime|filemodified" },
};

#define BIT(c) (1u << (c))
#define ANY_HASH (BIT(SHA256) | BIT(SHA1) | BIT(MD5) | BIT(HASH))
#define WHO (BIT(HOST) | BIT(FQDN) | BIT(ADDRESS) | BIT(DEVICE))

static int probe(const struct lm_read_in *in)
{
	size_t cells;
	unsigned given = lm_rows_probe(in->arena, in->data, columns, N_COLUMNS, &cells);
	bool who = given & WHO || lm_ident_is_set(&in->host);
	bool files = given & BIT(PATH) && given & ANY_HASH;
	bool software = given & BIT(PRODUCT) && given & (BIT(VERSION) | BIT(VENDOR));
	if (!who || (!files && !software))
		return 0;
	/* without a host column the layout says whose it is: then the shape has to be clear */
	return given & WHO ? 80 : 60;
}

struct inventory {
	const struct lm_read_in *in;
	struct lm_rows rows;
	uint64_t bad, first_bad;
	uint8_t hash[3][32];
};

static enum lm_rc open_(const struct lm_read_in *in, void **state)
{
	struct inventory *s = lm_arena_alloc(in->arena, sizeof *s);
	if (!s)
		return LM_ELIMIT;
	s->in = in;
	*state = s;
	return lm_rows_open(&s->rows, in->arena, in->data, columns, N_COLUMNS);
}

/* One hash column into the sighting; a column named "hash" tells its kind by its length. */
static bool take_hash(struct inventory *s, struct lm_str text, struct lm_obs_file_sighting *f)
{
	size_t colon = lm_str_find(text, ':', 0);
	if (colon != SIZE_MAX && colon < 10) /* "sha256:..." */
		text = lm_str_part(text, colon + 1, text.n);
	uint8_t *at = text.n == 64 ? s->hash[0] : text.n == 40 ? s->hash[1] : text.n == 32 ? s->hash[2] : NULL;
	struct lm_bytes *field = text.n == 64 ? &f->sha256 : text.n == 40 ? &f->sha1 : &f->md5;
	if (!at || lm_str_unhex(text, at, 32) == SIZE_MAX)
		return false;
	*field = (struct lm_bytes){ at, text.n / 2 };
	return true;
}

static void put_who(struct inventory *s, struct lm_obs *o)
{
	const struct lm_str *v = s->rows.value;
	o->host.name = v[HOST].p ? v[HOST] : v[FQDN];
	o->host.address = v[ADDRESS];
	o->host.device = v[DEVICE];
	if (lm_ident_is_set(&o->host))
		o->host.source = LM_ID_INVENTORY;
	o->at.offset = s->rows.offset;
	o->at.length = s->rows.length;
	o->at.record = LM_INT(s->rows.row);
}

static struct lm_int time_of(struct inventory *s, struct lm_str text, bool *assumed)
{
	int64_t ns;
	/* installers write dates as 20230322 */
	if (text.n == 8 && text.p[0] == '2' && lm_str_find(text, '-', 0) == SIZE_MAX)
		text = lm_arena_fmt(s->in->arena, "%.4s-%.2s-%.2s", text.p, text.p + 4, text.p + 6);
	if (!text.p || !lm_time_parse(text, s->in->env->zone, &ns, assumed))
		return (struct lm_int){ 0 };
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
	bool hashed = take_hash(s, v[SHA256], f);
	hashed |= take_hash(s, v[SHA1], f);
	hashed |= take_hash(s, v[MD5], f);
	if (!hashed && !take_hash(s, v[HASH], f))
		return false;
	put_who(s, o);
	f->path = v[PATH];
	if (v[SIZE].p && lm_str_u64(v[SIZE], &size) && size <= INT64_MAX)
		f->size = LM_INT(size);
	f->source = LM_STR("inventory");
	f->modified = time_of(s, v[MODIFIED], &o->time_assumed);
	f->vendor = v[VENDOR];
	f->product = v[PRODUCT];
	/* without a product column "name" may be the file's own: that names no release */
	if (f->product.p && lm_str_eq_ci(f->product, lm_path_base(f->path)))
		f->product = (struct lm_str){ 0 };
	f->version = v[VERSION];
	return true;
}

static bool fill_product(struct inventory *s, struct lm_obs *o)
{
	const struct lm_str *v = s->rows.value;
	struct lm_obs_product_installed *p = &o->product_installed;
	lm_obs_init(o, LM_K_product_installed);
	if (!v[PRODUCT].p)
		return false;
	put_who(s, o);
	o->time = time_of(s, v[INSTALLED], &o->time_assumed);
	p->vendor = v[VENDOR];
	p->product = v[PRODUCT];
	p->version = v[VERSION];
	p->path = v[LOCATION].p ? v[LOCATION] : v[PATH];
	p->source = LM_STR("inventory");
	return true;
}

static enum lm_rc next(void *state, struct lm_obs *out)
{
	struct inventory *s = state;
	for (;;) {
		enum lm_rc rc = lm_rows_next(&s->rows);
		if (rc == LM_OK && (fill_sighting(s, out) || fill_product(s, out)))
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
	out->evidence_damaged.reader = LM_STR("inventory");
	out->evidence_damaged.offset = LM_INT(s->first_bad);
	out->evidence_damaged.what = lm_arena_fmt(
		s->in->arena, "%llu of %llu rows state neither a path with a hash nor a product, or are no rows at all",
		(unsigned long long)s->bad, (unsigned long long)s->rows.row);
	s->bad = 0;
	return LM_OK;
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
