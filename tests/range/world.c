/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.c - in: options and the catalogue. Out: countries, organisations and hosts with their software,
 * dates, names and the way each of them was looked at. Limits: 20 to 5,000 hosts, 1 to 365 days.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/timestamp.h"
#include "orgs.h"

enum { DAY = 86400, ARENA_BYTES = 256 << 20 };

/* The default incident, by class; every other size keeps these proportions. */
static const unsigned class_weight[3] = { 2301, 180, 309 }; /* Windows altered, macOS altered, clean */
static const unsigned clean_weight[2] = { 285, 24 };	    /* Windows, macOS */

int64_t rg_started(void)
{
	return lm_days_from_civil(2026, 2, 2) * DAY; /* a Monday */
}

void rg_split(unsigned total, const unsigned *weights, size_t n, unsigned *parts)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += weights[i];
	unsigned left = total;
	for (size_t i = 0; i < n; i++) {
		parts[i] = sum ? (unsigned)(weights[i] * (uint64_t)total / sum) : 0;
		left -= parts[i];
	}
	/* fewer than n are left; the remainders are compared as integers, so the result is exact */
	bool taken[RG_N_ORGS] = { false };
	for (; sum && left; left--) {
		size_t best = n;
		for (size_t i = 0; i < n; i++) {
			if (taken[i])
				continue;
			if (best == n || weights[i] * (uint64_t)total % sum > weights[best] * (uint64_t)total % sum)
				best = i;
		}
		taken[best] = true;
		parts[best]++;
	}
}

static void split_classes(struct rg_world *w)
{
	unsigned part[3], clean[2];
	rg_split(w->opt.hosts, class_weight, 3, part);
	for (int i = 1; i < 3; i++) { /* at least one macOS and one clean host */
		if (part[i] == 0) {
			part[i]++;
			part[0]--;
		}
	}
	rg_split(part[2], clean_weight, 2, clean);
	w->count[RG_WIN_ALTERED] = part[0];
	w->count[RG_MAC_ALTERED] = part[1];
	w->count[RG_WIN_CLEAN] = clean[0];
	w->count[RG_MAC_CLEAN] = clean[1];
}

/* Splits the hosts of one country over its organisations. */
static void split_orgs(struct rg_world *w, const struct rg_country *c, const unsigned by_class[4])
{
	unsigned weight[RG_N_ORGS], mac[RG_N_ORGS], part[RG_N_ORGS];
	for (int i = 0; i < RG_N_ORGS; i++) {
		bool here = w->org[i].country == c;
		weight[i] = here ? w->org[i].weight : 0;
		mac[i] = here ? w->org[i].mac_weight : 0;
	}
	for (int k = 0; k < 4; k++) {
		bool is_mac = k == RG_MAC_ALTERED || k == RG_MAC_CLEAN;
		rg_split(by_class[k], is_mac ? mac : weight, RG_N_ORGS, part);
		for (int i = 0; i < RG_N_ORGS; i++) {
			w->org[i].count[k] += part[i];
			w->org[i].hosts += part[i];
		}
	}
}

static void split_countries(struct rg_world *w)
{
	unsigned weight[RG_N_COUNTRIES], altered[RG_N_COUNTRIES], part[4][RG_N_COUNTRIES];
	for (int i = 0; i < RG_N_COUNTRIES; i++)
		weight[i] = w->country[i].weight;
	rg_split(w->count[RG_WIN_ALTERED] + w->count[RG_MAC_ALTERED], weight, RG_N_COUNTRIES, altered);
	rg_split(w->count[RG_MAC_ALTERED], altered, RG_N_COUNTRIES, part[RG_MAC_ALTERED]);
	rg_split(w->count[RG_WIN_CLEAN], weight, RG_N_COUNTRIES, part[RG_WIN_CLEAN]);
	rg_split(w->count[RG_MAC_CLEAN], weight, RG_N_COUNTRIES, part[RG_MAC_CLEAN]);
	for (int i = 0; i < RG_N_COUNTRIES; i++) {
		struct rg_country *c = &w->country[i];
		unsigned by_class[4] = { altered[i] - part[RG_MAC_ALTERED][i], part[RG_MAC_ALTERED][i],
					 part[RG_WIN_CLEAN][i], part[RG_MAC_CLEAN][i] };
		c->altered = altered[i];
		c->hosts = altered[i] + by_class[RG_WIN_CLEAN] + by_class[RG_MAC_CLEAN];
		split_orgs(w, c, by_class);
	}
}

static void make_orgs(struct rg_world *w)
{
	memcpy(w->country, rg_countries, sizeof w->country);
	for (unsigned i = 0; i < RG_N_ORGS; i++) {
		const struct rg_org_row *row = &rg_org_rows[i];
		struct rg_org *o = &w->org[i];
		*o = (struct rg_org){ .name = row->name,
				      .code = row->code,
				      .domain = row->domain,
				      .sector = row->sector,
				      .index = i,
				      .weight = row->weight,
				      .mac_weight = row->mac_weight };
		for (int c = 0; c < RG_N_COUNTRIES; c++) {
			if (strcmp(w->country[c].code, row->country) == 0)
				o->country = &w->country[c];
		}
		static const enum rg_host_key hash_keys[] = { RG_KEY_NETBIOS, RG_KEY_FQDN, RG_KEY_NETBIOS_AND_ADDRESS };
		static const enum rg_host_key soft_keys[] = { RG_KEY_FQDN, RG_KEY_ADDRESS, RG_KEY_NETBIOS };
		o->hash_jsonl = i % 2 == 1;
		o->hash_rich = i % 3 != 2;
		o->hash_key = hash_keys[i % 3 == 2 ? (i / 3) % 3 : i % 3];
		/* of the organisations with pure hash lists every other one has no list of software either */
		o->has_software = o->hash_rich || (i / 3) % 2 == 0;
		o->software_jsonl = i % 4 < 2;
		o->software_key = soft_keys[i % 3];
	}
}

static void shuffle(struct rg_rng *r, uint8_t *a, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = (size_t)rg_below(r, i);
		uint8_t t = a[i - 1];
		a[i - 1] = a[k];
		a[k] = t;
	}
}

static void pick_system(struct rg_world *w, struct rg_host *h, struct rg_rng *r)
{
	static const char *const win[4] = { "Windows 10 Pro 22H2", "Windows 10 Enterprise 22H2", "Windows 11 Pro 23H2",
					    "Windows 11 Enterprise 23H2" };
	static const char *const mac[2] = { "macOS 13.6.7", "macOS 14.4.1" };
	static const char *const server[2] = { "Windows Server 2019 Standard", "Windows Server 2022 Standard" };
	unsigned dice = (unsigned)rg_below(r, 100), v = (unsigned)rg_below(r, 2);
	if (h->platform == RG_MACOS) {
		h->role = dice < 80 ? "laptop" : "workstation";
		h->os = mac[v];
		h->releases[1] = &w->cat->system[RG_MACOS][v];
		return;
	}
	h->role = dice < 52   ? "workstation"
		  : dice < 90 ? "laptop"
		  : dice < 95 ? "reception"
		  : dice < 98 ? "terminal server"
			      : "server";
	if (dice >= 95) {
		h->os = server[v];
		h->releases[1] = &w->cat->system[RG_WINDOWS][v];
		return;
	}
	unsigned edition = (unsigned)rg_below(r, 4);
	h->os = win[edition];
	h->releases[1] = &w->cat->system[RG_WINDOWS][edition / 2];
}

static void pick_software(struct rg_world *w, struct rg_host *h, struct rg_rng *r)
{
	const struct rg_catalog *c = w->cat;
	h->releases[0] = h->altered ? &c->altered[h->platform] : &c->clean[h->platform];
	h->n_releases = 2;
	for (size_t i = 0; i < c->n_releases;) {
		const struct rg_release *first = &c->releases[i];
		size_t versions = 1;
		while (i + versions < c->n_releases && c->releases[i + versions].platform == first->platform &&
		       strcmp(c->releases[i + versions].product, first->product) == 0)
			versions++;
		/* both draws are made for every product: one host's choice never shifts the next product's */
		bool has = rg_chance(r, first->percent);
		size_t v = (size_t)rg_below(r, versions);
		if (has && first->platform == h->platform && h->n_releases < RG_MAX_HOST_RELEASES)
			h->releases[h->n_releases++] = first + v;
		i += versions;
	}
}

static void pick_times(struct rg_world *w, struct rg_host *h, struct rg_rng *r)
{
	const struct rg_release *old = &w->cat->clean[h->platform];
	/* office hours of a day between the release and the incident; the built times leave room */
	int64_t earliest = old->built_s / DAY + 1, latest = w->started_s / DAY - 1;
	h->installed_s = rg_between(r, earliest, latest) * DAY + rg_between(r, 7 * 3600, 19 * 3600);
	/* updates come in a wave: half of them in the first fifth of the window */
	int64_t span = w->ended_s - w->started_s;
	int64_t t = rg_chance(r, 50) ? rg_between(r, 0, span / 5) : rg_between(r, span / 5, span - 3600);
	if (h->altered)
		h->updated_s = w->started_s + t;
}

static void make_host(struct rg_world *w, struct rg_org *o, unsigned number, enum rg_class class, struct rg_host *h)
{
	struct rg_rng r;
	rg_rng_init(&r, w->opt.seed, "host/%u/%u", o->index, number);
	h->org = o;
	h->class = class;
	h->platform = class == RG_MAC_ALTERED || class == RG_MAC_CLEAN ? RG_MACOS : RG_WINDOWS;
	h->altered = class == RG_WIN_ALTERED || class == RG_MAC_ALTERED;
	h->in_inventory = true;
	pick_system(w, h, &r);
	const char *kind = h->platform == RG_MACOS ? "MB"
			   : h->role[0] == 'l'	   ? "LT"
			   : h->role[0] == 'w'	   ? "WS"
			   : h->role[0] == 'r'	   ? "RC"
						   : "SV";
	h->netbios = rg_fmt(&w->arena, "%s-%s-%04u", o->code, kind, number + 1);
	h->address = rg_fmt(&w->arena, "10.%u.%u.%u", 20 + o->index, 10 + number / 200, 20 + number % 200);
	h->user = rg_users[rg_below(&r, rg_n_users)];
	h->per_user = h->platform == RG_WINDOWS && rg_chance(&r, 25);
	pick_times(w, h, &r);
	pick_software(w, h, &r);
}

static void name_host(struct rg_world *w, struct rg_host *h)
{
	char *low = rg_fmt(&w->arena, "%s.%s", h->netbios, h->org->domain);
	for (char *p = low; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	h->fqdn = low;
	h->name = h->netbios;
	h->folder = rg_host_folder(&w->arena, h, h->releases[0]);
}

/* Two organisations with a machine of the same NetBIOS name: their inventories use FQDNs. */
static void share_a_name(struct rg_world *w)
{
	struct rg_host *pair[2] = { NULL };
	int n = 0;
	for (unsigned i = 0; i < w->n_hosts && n < 2; i++) {
		struct rg_host *h = &w->host[i];
		if (h->class == (n == 0 ? RG_WIN_ALTERED : RG_WIN_CLEAN) && (n == 0 || h->org != pair[0]->org))
			pair[n++] = h;
	}
	for (int i = 0; i < n; i++) {
		pair[i]->netbios = "RECEPTION-01";
		name_host(w, pair[i]);
		pair[i]->name = pair[i]->fqdn;
		pair[i]->org->hash_key = RG_KEY_FQDN;
		pair[i]->org->software_key = RG_KEY_FQDN;
	}
}

struct slot {
	enum rg_collect how;
	enum rg_class class;
	bool inventory, fqdn, locked, shadow;
};

/* The first ones are taken by small incidents too, so every layout is met early. */
static const struct slot slots[] = {
	{ RG_COLLECT_VELO, RG_WIN_ALTERED, false, false, false, false },
	{ RG_COLLECT_UAC, RG_MAC_ALTERED, true, false, false, false },
	{ RG_COLLECT_VELO, RG_WIN_CLEAN, true, true, false, false },
	{ RG_COLLECT_KAPE, RG_WIN_ALTERED, false, false, false, false },
	{ RG_COLLECT_TREE, RG_WIN_ALTERED, true, false, false, false },
	{ RG_COLLECT_VELO, RG_WIN_ALTERED, true, true, false, true },
	{ RG_COLLECT_VELO, RG_WIN_ALTERED, true, false, true, false },
	{ RG_COLLECT_KAPE_ZIP, RG_WIN_ALTERED, false, false, false, false },
	{ RG_COLLECT_VELO, RG_WIN_ALTERED, false, true, false, false },
	{ RG_COLLECT_KAPE, RG_WIN_CLEAN, true, false, false, false },
	{ RG_COLLECT_VELO, RG_WIN_ALTERED, true, false, false, false },
	{ RG_COLLECT_UAC, RG_MAC_ALTERED, false, false, false, false },
	{ RG_COLLECT_VELO, RG_WIN_CLEAN, false, false, false, false },
	{ RG_COLLECT_TREE, RG_WIN_CLEAN, false, false, false, false },
	{ RG_COLLECT_KAPE, RG_WIN_ALTERED, true, false, false, false },
	{ RG_COLLECT_VELO, RG_WIN_ALTERED, true, true, false, false },
	{ RG_COLLECT_TREE, RG_WIN_ALTERED, true, true, false, false },
	{ RG_COLLECT_UAC, RG_MAC_CLEAN, true, false, false, false },
	{ RG_COLLECT_KAPE, RG_WIN_ALTERED, false, true, false, false },
	{ RG_COLLECT_VELO, RG_WIN_CLEAN, true, false, false, false },
	{ RG_COLLECT_TREE, RG_WIN_ALTERED, false, false, false, false },
	{ RG_COLLECT_KAPE_ZIP, RG_WIN_CLEAN, true, false, false, false },
	{ RG_COLLECT_UAC, RG_MAC_ALTERED, true, false, false, false },
	{ RG_COLLECT_TREE, RG_WIN_ALTERED, true, false, false, false },
};

static void choose_collected(struct rg_world *w)
{
	size_t n = sizeof slots / sizeof *slots;
	if (w->n_hosts < 500)
		n = w->n_hosts < 100 ? 9 : 14;
	struct rg_rng r;
	rg_rng_init(&r, w->opt.seed, "collected");
	for (size_t i = 0; i < n; i++) {
		/* the first fitting host from a random place on; a class may be used up in a small incident */
		unsigned from = (unsigned)rg_below(&r, w->n_hosts);
		for (unsigned k = 0; k < w->n_hosts; k++) {
			struct rg_host *h = &w->host[(from + k) % w->n_hosts];
			if (h->class != slots[i].class || h->collect != RG_COLLECT_NONE)
				continue;
			h->collect = slots[i].how;
			h->in_inventory = slots[i].inventory;
			/* a shared NetBIOS name says nothing: such a collection always carries the FQDN */
			h->collect_fqdn = slots[i].fqdn || h->name == h->fqdn;
			h->collect_locked = slots[i].locked;
			h->collect_shadow = slots[i].shadow;
			break;
		}
	}
}

enum lm_rc rg_world_make(struct rg_world *w, const struct rg_options *opt, const struct rg_catalog *cat,
			 struct lm_err *err)
{
	if (opt->hosts < RG_MIN_HOSTS || opt->hosts > RG_MAX_HOSTS)
		return lm_fail(err, LM_EUSAGE, "cannot make %u hosts: %d to %d are possible", opt->hosts, RG_MIN_HOSTS,
			       RG_MAX_HOSTS);
	if (opt->days < 1 || opt->days > RG_MAX_DAYS)
		return lm_fail(err, LM_EUSAGE, "cannot make %u days: 1 to %d are possible", opt->days, RG_MAX_DAYS);
	*w = (struct rg_world){ .opt = *opt, .cat = cat, .n_hosts = opt->hosts, .started_s = rg_started() };
	w->ended_s = w->started_s + (int64_t)opt->days * DAY;
	lm_arena_init(&w->arena, ARENA_BYTES);
	w->host = lm_arena_calloc(&w->arena, opt->hosts, sizeof *w->host);
	uint8_t *classes = lm_arena_alloc(&w->arena, opt->hosts);
	if (!w->host || !classes) {
		rg_world_fini(w);
		return lm_fail(err, LM_ELIMIT, "cannot hold %u hosts in memory", opt->hosts);
	}
	make_orgs(w);
	split_classes(w);
	split_countries(w);
	unsigned at = 0;
	for (unsigned i = 0; i < RG_N_ORGS; i++) {
		struct rg_org *o = &w->org[i];
		size_t n = 0;
		for (int k = 0; k < 4; k++) {
			memset(classes + n, k, o->count[k]);
			n += o->count[k];
		}
		struct rg_rng r;
		rg_rng_init(&r, opt->seed, "classes/%u", i);
		shuffle(&r, classes, n);
		o->first = at;
		for (unsigned k = 0; k < o->hosts; k++, at++) {
			w->host[at].index = at;
			make_host(w, o, k, (enum rg_class)classes[k], &w->host[at]);
			name_host(w, &w->host[at]);
		}
	}
	share_a_name(w);
	choose_collected(w);
	return LM_OK;
}

void rg_world_fini(struct rg_world *w)
{
	lm_arena_fini(&w->arena);
}

const char *rg_host_folder(struct lm_arena *a, const struct rg_host *h, const struct rg_release *rel)
{
	if (!h->per_user || !rel->user_folder)
		return rel->folder;
	const char *at = strstr(rel->user_folder, "{user}");
	return rg_fmt(a, "%.*s%s%s", (int)(at - rel->user_folder), rel->user_folder, h->user, at + 6);
}

const char *rg_host_path(struct lm_arena *a, const struct rg_host *h, const struct rg_release *rel,
			 const struct rg_file *f)
{
	return rg_fmt(a, "%s%c%s", rg_host_folder(a, h, rel), rel->platform == RG_WINDOWS ? '\\' : '/', f->rel);
}

void rg_world_words(struct lm_buf *out)
{
	for (int i = 0; i < RG_N_ORGS; i++)
		lm_buf_fmt(out, "%s\n%s\n", rg_org_rows[i].name, rg_org_rows[i].domain);
	for (size_t i = 0; i < rg_n_users; i++)
		lm_buf_fmt(out, "%s\n", rg_users[i]);
	lm_buf_puts(out, "RECEPTION-01\n");
}
