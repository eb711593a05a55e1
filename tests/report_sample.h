/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_sample.h - a whole case for tests of what reads cases: hosts in 12 countries and 41 organisations, findings
 * of every stage, scope, notes, damage. Everything is made up (.example names, documentation addresses), and the
 * same options give the same case. Include it in one file of a test program.
 */
#ifndef LM_TESTS_REPORT_SAMPLE_H
#define LM_TESTS_REPORT_SAMPLE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/text.h"
#include "base/timestamp.h"
#include "case/case.h"

struct sample_opts {
	unsigned hosts; /* 2,790 is the usual size */
	unsigned runs;	/* how often run_begin .. run_end is passed; 0 = 1 */
};

#define SAMPLE_OK(call) assert_int_equal((call), LM_OK)

enum { SAMPLE_ORGS = 41, SAMPLE_COUNTRIES = 12, SAMPLE_SECTORS = 9 };

static const char *const sample_countries[SAMPLE_COUNTRIES] = { "DE", "US", "BR", "IT", "FR", "GB",
								"AU", "JP", "NL", "SG", "CH", "ES" };
static const char *const sample_sectors[SAMPLE_SECTORS] = { "manufacturing", "finance",	   "health",
							    "retail",	     "technology", "public administration",
							    "legal",	     "logistics",  "energy" };

/* One host of the plan, before the case has numbered it. */
struct sample_host {
	char name[64];
	int org; /* -1: host list does not say */
	const char *country, *sector, *os, *version;
	bool seen;
	unsigned mask; /* 1 << stage */
};

struct sample {
	struct sample_opts o;
	struct sample_host *h;
	uint64_t seed;
	int64_t inventory, dns, endpoint, image;
	uint8_t sha[4][32];
};

static unsigned sample_rand(struct sample *s, unsigned below)
{
	s->seed = s->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((s->seed >> 33) % below);
}

static int64_t sample_time(const char *iso)
{
	int64_t ns = 0;
	assert_true(lm_time_parse(lm_cstr(iso), NULL, &ns, NULL));
	return ns;
}

static void sample_plan(struct sample *s)
{
	s->h = calloc(s->o.hosts ? s->o.hosts : 1, sizeof *s->h);
	for (unsigned i = 0; i < s->o.hosts; i++) {
		struct sample_host *h = &s->h[i];
		/* a few large organisations and many small ones */
		h->org = (int)(sample_rand(s, SAMPLE_ORGS) * sample_rand(s, SAMPLE_ORGS) / SAMPLE_ORGS);
		if (i == 20)
			h->org = SAMPLE_ORGS - 1;
		h->country = sample_countries[(unsigned)h->org * 5 % SAMPLE_COUNTRIES];
		h->sector = sample_sectors[(unsigned)h->org * 7 % SAMPLE_SECTORS];
		h->os = sample_rand(s, 9) ? "Windows 10 22H2" : sample_rand(s, 2) ? "Windows 11 23H2" : "macOS 13.2";
		if (sample_rand(s, 23) == 0)
			h->country = NULL;
		snprintf(h->name, sizeof h->name, "org%02d-ws%05u.corp.example", h->org + 1, i + 1);
		bool picked = i % 400 == 7; /* 7 of the usual size */
		h->seen = sample_rand(s, 11) != 0 || picked;
		if (!h->seen || (sample_rand(s, 9) == 0 && !picked))
			continue;
		h->version = sample_rand(s, 2) || picked ? "18.12.416" : "18.11.1213";
		h->mask |= 1u << LM_STAGE_EXPOSED;
		if (h->version[4] != '2')
			continue;
		h->mask |= 1u << LM_STAGE_ALTERED;
		if (sample_rand(s, 4))
			h->mask |= 1u << LM_STAGE_BEACONING;
		if (sample_rand(s, 17) == 0)
			h->mask |= 1u << LM_STAGE_SECOND_STAGE;
		if (picked)
			h->mask |= 1u << LM_STAGE_SECOND_STAGE | 1u << LM_STAGE_HANDS_ON;
	}
}

static int64_t sample_file(struct lm_case *c, const char *path, int64_t parent, bool trusted, int n, uint64_t size,
			   const char *kind, uint8_t sha[32])
{
	int64_t id = 0;
	SAMPLE_OK(lm_case_evidence(c, lm_cstr(path), parent, trusted, &id));
	for (int i = 0; i < 32; i++)
		sha[i] = (uint8_t)(n * 37 + i * 11 + 5);
	SAMPLE_OK(lm_case_evidence_end(c, id, sha, size, lm_cstr(kind)));
	return id;
}

static void sample_observe(struct lm_case *c, struct sample *s)
{
	uint8_t list_sha[32];
	int64_t list = sample_file(c, "evidence/hosts.csv", -1, true, 1, 190000, "host_list", list_sha);
	s->inventory = sample_file(c, "evidence/inventory.csv", -1, false, 2, 4200000, "inventory", s->sha[0]);
	s->dns = sample_file(c, "evidence/zeek/dns.log.gz", -1, false, 3, 812000000, "zeek", s->sha[1]);
	s->endpoint = sample_file(c, "evidence/edr/events.evtx", -1, false, 4, 5300000000, "evtx", s->sha[2]);
	int64_t zip = sample_file(c, "evidence/release-18.12.416.zip", -1, false, 5, 91000000, "archive", list_sha);
	s->image = sample_file(c, "evidence/release-18.12.416.zip!/app/mediacore.dll", zip, false, 6, 4891000, "pe",
			       s->sha[3]);
	struct lm_obs o;
	for (unsigned i = 0; i < s->o.hosts; i++) {
		struct sample_host *h = &s->h[i];
		char org[48], address[32];
		snprintf(org, sizeof org, "Organisation %02d", h->org + 1);
		snprintf(address, sizeof address, "10.%u.%u.%u", 20 + i / 60000, i / 250 % 240, 1 + i % 250);
		lm_obs_init(&o, LM_K_host_record);
		o.host = (struct lm_ident){ lm_cstr(h->name), lm_cstr(address), { 0 }, LM_ID_HOST_LIST };
		o.at = (struct lm_span){ i * 80, 80, LM_INT(i + 1) };
		o.host_record.name = lm_cstr(h->name);
		o.host_record.addresses = lm_cstr(address);
		o.host_record.org = lm_cstr(h->org < 0 ? NULL : org);
		o.host_record.country = lm_cstr(h->country);
		o.host_record.sector = lm_cstr(h->sector);
		o.host_record.os = lm_cstr(h->os);
		SAMPLE_OK(lm_case_put(c, list, &o));
		if (!h->seen)
			continue;
		lm_obs_init(&o, LM_K_product_installed);
		o.host = (struct lm_ident){ lm_cstr(h->name), { 0 }, { 0 }, LM_ID_INVENTORY };
		o.at = (struct lm_span){ i * 120, 120, LM_INT(i + 1) };
		o.product_installed.vendor = LM_STR("Example Voice");
		o.product_installed.product = lm_cstr(h->version ? "Softphone Desktop" : "Text Editor");
		o.product_installed.version = lm_cstr(h->version ? h->version : "9.1");
		o.product_installed.source = LM_STR("inventory");
		SAMPLE_OK(lm_case_put(c, s->inventory, &o));
	}
	for (int i = 0; i < 7; i++) {
		char path[80];
		snprintf(path, sizeof path, "evidence/edr/host-%02d.zip!/Security.evtx", i);
		lm_obs_init(&o, i < 4	? LM_K_evidence_damaged
				: i < 6 ? LM_K_evidence_encrypted
					: LM_K_evidence_skipped);
		if (i < 4) {
			o.evidence_damaged.path = lm_cstr(path);
			o.evidence_damaged.reader = LM_STR("evtx");
			o.evidence_damaged.offset = LM_INT(0x11000 * (i + 1));
			o.evidence_damaged.what = LM_STR("chunk checksum differs: 31 records not counted");
		} else if (i < 6) {
			o.evidence_encrypted.path = lm_cstr(path);
			o.evidence_encrypted.what = LM_STR("zip, AES-256: none of 2 passwords opens it");
		} else {
			o.evidence_skipped.path = lm_cstr(path);
			o.evidence_skipped.why = LM_STR("declares 4 TB from 1 MB: over the ratio of 1,000");
			o.evidence_skipped.size = LM_INT(INT64_C(4000000000000));
		}
		SAMPLE_OK(lm_case_put(c, s->endpoint, &o));
	}
	SAMPLE_OK(lm_case_file_done(c, LM_STR("evidence/edr/broken.evtx"), 1048576, 0, LM_STR("v1"),
				    LM_STR("killed by signal 11 after 3 s"), 655360));
}

static struct lm_str sample_text(char *room, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(room, size, fmt, ap);
	va_end(ap);
	return lm_cstr(room);
}

/* The finding of one stage on one host. */
static void sample_finding(struct lm_case *c, struct sample *s, unsigned i, const struct lm_host *host, int stage)
{
	static const char *const detectors[] = { "", "exposed", "altered", "beacons", "provenance", "lanes" };
	static const char *const rules[] = {
		"", "installed", "altered-content", "periodic-domain", "written-loaded", "operator-lane"
	};
	static const char *const subjects[] = {
		"", "Softphone Desktop", "mediacore.dll", "update-cdn.example", "wlbsctrl.dll", "softphone.exe"
	};
	static const enum lm_severity severities[] = { LM_SEV_INFORMATIONAL, LM_SEV_INFORMATIONAL, LM_SEV_CRITICAL,
						       LM_SEV_HIGH,	     LM_SEV_HIGH,	   LM_SEV_CRITICAL };
	char a[300], b[300], key[64];
	int64_t day = INT64_C(86400) * LM_NS_PER_S;
	int64_t first = sample_time("2023-03-13T08:00:00Z") + (int64_t)(i % 97) * 3600 * LM_NS_PER_S;
	struct lm_finding f = { .detector = detectors[stage],
				.rule = lm_cstr(rules[stage]),
				.stage = (enum lm_stage)stage,
				.severity = severities[stage],
				.host = host->id,
				.subject = lm_cstr(subjects[stage]),
				.key = sample_text(key, sizeof key, "%d-%u", stage, i),
				.first_seen = LM_INT(first + stage * day),
				.last_seen = LM_INT(first + (stage + 5) * day) };
	f.terms[f.n_terms++] = (struct lm_term){ "prior", -1.0, { 0 } };
	f.terms[f.n_terms++] = (struct lm_term){ "strong fact", stage == LM_STAGE_SECOND_STAGE ? 1.2 : 3.4,
						 LM_STR("same content on other hosts of the fleet") };
	f.evidence[0] = (struct lm_evidence_ref){ .offset = i * 120, .length = 120, .record = LM_INT(i + 1) };
	f.n_evidence = 1;
	int from = stage == LM_STAGE_EXPOSED ? 0 : stage == LM_STAGE_BEACONING ? 1 : stage == LM_STAGE_ALTERED ? 3 : 2;
	static const char *const paths[] = { "evidence/inventory.csv", "evidence/zeek/dns.log.gz",
					     "evidence/edr/events.evtx",
					     "evidence/release-18.12.416.zip!/app/mediacore.dll" };
	f.evidence[0].path = lm_cstr(paths[from]);
	memcpy(f.evidence[0].sha256, s->sha[from], 32);
	switch (stage) {
	case LM_STAGE_EXPOSED:
		f.why[f.n_why++] = sample_text(a, sizeof a, "the inventory lists Softphone Desktop %s on this host",
					       s->h[i].version);
		break;
	case LM_STAGE_ALTERED:
		f.why[f.n_why++] =
			LM_STR("275,123 bytes stand in the certificate table after the signature and no hash "
			       "covers them");
		f.why[f.n_why++] =
			LM_STR("a second file with the same authentihash has other bytes there: it was altered "
			       "after it was signed");
		f.counter[f.n_counter++] = LM_STR("the signature itself verifies");
		f.attack[f.n_attack++] = "T1195.002";
		f.attack[f.n_attack++] = "T1553.002";
		f.evidence[0].offset = 0x48f200;
		f.evidence[0].length = 275123;
		f.evidence[0].record = (struct lm_int){ 0 };
		f.evidence[1] = (struct lm_evidence_ref){
			.path = lm_cstr(paths[0]), .offset = i * 120, .length = 120, .record = LM_INT(i + 1)
		};
		memcpy(f.evidence[1].sha256, s->sha[0], 32);
		f.n_evidence = 2;
		break;
	case LM_STAGE_BEACONING:
		f.why[f.n_why++] = sample_text(a, sizeof a,
					       "%u queries for update-cdn.example, one every 3,600 s with 4 "
					       "%% jitter, first 7 days after the installation",
					       90 + i % 50);
		f.why[f.n_why++] = LM_STR("answered with 203.0.113.7, contacted by no other program of the fleet");
		f.counter[f.n_counter++] = LM_STR("not observed: image loads (no such events on this host)");
		f.attack[f.n_attack++] = "T1071.001";
		break;
	case LM_STAGE_SECOND_STAGE:
		f.why[f.n_why++] =
			sample_text(a, sizeof a,
				    "softphone.exe wrote C:\\Windows\\System32\\wlbsctrl.dll and a service loaded "
				    "it %u s later, unsigned",
				    300 + i % 200);
		break;
	default:
		f.why[f.n_why++] =
			sample_text(a, sizeof a, "%u commands in %u min under softphone.exe, pauses as of a person",
				    14 + i % 9, 38 + i % 20);
		f.why[f.n_why++] = sample_text(b, sizeof b,
					       "https://files.update-cdn.example/icons/%u.ico fetched between "
					       "them",
					       i % 16);
		f.attack[f.n_attack++] = "T1059.003";
	}
	SAMPLE_OK(lm_case_finding(c, &f));
}

/* Rare things and hits that belong to no stage. */
static void sample_rare(struct lm_case *c, struct sample *s)
{
	static const char *const names[] = { "svc-helper.exe", "C:\\ProgramData\\cache\\thumb.bin", "203.0.113.88",
					     "login.update-cdn.example" };
	for (int i = 0; i < 4; i++) {
		const struct lm_host *h =
			lm_case_host_find(c, lm_cstr(s->h[(unsigned)(i * 611 + 3) % s->o.hosts].name));
		if (!h)
			continue;
		struct lm_finding f = { .detector = "hits",
					.rule = i < 2 ? LM_STR("listed-file") : LM_STR("listed-peer"),
					.severity = i == 1 ? LM_SEV_MEDIUM : LM_SEV_HIGH,
					.host = h->id,
					.subject = lm_cstr(names[i]),
					.key = lm_cstr(names[i]) };
		f.terms[f.n_terms++] = (struct lm_term){ "listed", 1.5, LM_STR("vendor list of 2023-03-30") };
		f.why[f.n_why++] =
			LM_STR("indicator of 'vendor-list.csv' (http://vendor.example/advisory) seen on this host");
		f.evidence[0] = (struct lm_evidence_ref){
			.path = LM_STR("evidence/zeek/dns.log.gz"), .offset = 4096, .length = 210, .record = LM_INT(77)
		};
		memcpy(f.evidence[0].sha256, s->sha[1], 32);
		f.n_evidence = 1;
		SAMPLE_OK(lm_case_finding(c, &f));
	}
}

struct sample_chain {
	const struct lm_host *host;
	struct lm_int first, last;
	int confidence;
	char ids[200];
};

struct sample_chains {
	struct sample_chain *rows; /* host id * LM_STAGE_COUNT + stage */
	size_t n;
};

static enum lm_rc sample_on_finding(void *user, const struct lm_finding_row *r)
{
	struct sample_chains *x = user;
	if (!r->host || r->f.stage == LM_STAGE_NONE)
		return LM_OK;
	struct sample_chain *k = &x->rows[(size_t)r->host->id * LM_STAGE_COUNT + r->f.stage];
	size_t n = strlen(k->ids);
	k->host = r->host;
	k->first = r->f.first_seen;
	k->last = r->f.last_seen;
	k->confidence = r->confidence;
	snprintf(k->ids + n, sizeof k->ids - n, "%s%.*s", n ? ";" : "", LM_STR_ARG(r->id));
	return LM_OK;
}

/* Host stages from the stored findings, as scope does it. */
static void sample_stages(struct lm_case *c)
{
	struct sample_chains x = { 0 };
	lm_case_hosts(c, &x.n);
	x.rows = calloc((x.n + 2) * LM_STAGE_COUNT, sizeof *x.rows);
	SAMPLE_OK(lm_case_findings(c, sample_on_finding, &x));
	for (size_t i = 0; i < (x.n + 2) * LM_STAGE_COUNT; i++) {
		struct sample_chain *k = &x.rows[i];
		if (!k->host)
			continue;
		struct lm_host_stage s = { k->host,	  (enum lm_stage)(i % LM_STAGE_COUNT),
					   k->first,	  k->last,
					   k->confidence, lm_cstr(k->ids) };
		SAMPLE_OK(lm_case_host_stage(c, &s));
	}
	free(x.rows);
}

static void sample_scope(struct lm_case *c, struct sample *s, const char *dimension)
{
	struct lm_scope_row rows[64] = { 0 };
	char names[64][32];
	int n = dimension[0] == 'c' ? SAMPLE_COUNTRIES : dimension[0] == 's' ? SAMPLE_SECTORS : SAMPLE_ORGS;
	for (int i = 0; i < n; i++) {
		snprintf(names[i], sizeof names[i], "Organisation %02d", i + 1);
		rows[i].value = lm_cstr(n == SAMPLE_COUNTRIES ? sample_countries[i]
					: n == SAMPLE_SECTORS ? sample_sectors[i]
							      : names[i]);
	}
	for (unsigned i = 0; i < s->o.hosts; i++) {
		struct sample_host *h = &s->h[i];
		int at = n == SAMPLE_ORGS ? (h->org < 0 ? n : h->org) : 0;
		const char *value = n == SAMPLE_COUNTRIES ? h->country : h->sector;
		while (n != SAMPLE_ORGS && at < n &&
		       !(value && strncmp(value, rows[at].value.p, rows[at].value.n) == 0))
			at++;
		rows[at].listed++;
		rows[at].seen += h->seen;
		for (int k = LM_STAGE_EXPOSED; k < LM_STAGE_COUNT; k++)
			rows[at].stage[k] += (h->mask >> k) & 1;
	}
	for (int i = 0; i <= n; i++) {
		rows[i].dimension = dimension;
		if (rows[i].listed)
			SAMPLE_OK(lm_case_scope(c, &rows[i]));
	}
}

static void sample_note(struct lm_case *c, const char *section, int order, const struct lm_host *h, const char *text,
			const char *detail)
{
	struct lm_note n = { section, order, h, lm_cstr(text), lm_cstr(detail) };
	SAMPLE_OK(lm_case_note(c, &n));
}

static void sample_notes(struct lm_case *c, struct sample *s)
{
	sample_note(c, "verdict", 1, NULL,
		    "Signed release 18.12.416 of Softphone Desktop was altered after it was built: its signature "
		    "verifies, but "
		    "275,123 bytes stand in the certificate table of mediacore.dll that no hash covers.",
		    NULL);
	sample_note(
		c, "verdict", 2, NULL,
		"Hosts with it ask for update-cdn.example about once an hour; on a few of them a person was at work.",
		NULL);
	int order = 0;
	for (unsigned i = 0; i < s->o.hosts; i++) {
		const struct lm_host *h =
			s->h[i].mask & 1u << LM_STAGE_HANDS_ON ? lm_case_host_find(c, lm_cstr(s->h[i].name)) : NULL;
		if (h)
			sample_note(c, "action", ++order, h,
				    "A person worked on this host under softphone.exe.\nThe last command is less than "
				    "a day old.",
				    "isolate it now, then collect memory and browser profiles");
	}
	sample_note(c, "action", ++order, NULL, "Hosts with the altered content still ask for update-cdn.example.",
		    "block the name, remove version 18.12.416");
	sample_note(c, "blind", 1, NULL, "No DNS logs for 412 hosts from 22 to 27 March: no hit there means nothing.",
		    NULL);
	sample_note(c, "blind", 2, NULL,
		    "No image-load events on 2,210 hosts: second stages are seen only where files were "
		    "collected.",
		    NULL);
	sample_note(c, "blind", 3, NULL, "7 parts of the evidence could not be read.", NULL);
	sample_note(c, "question", 1, NULL, "Which earlier releases are altered too?",
		    "limier diff release-18.11.zip release-18.12.416.zip");
	sample_note(c, "question", 2, NULL, "Did hosts without DNS logs resolve the name?",
		    "limier retrohunt --case case.db --intel vendor-list.csv");
}

/* Fills an empty case opened for creating. */
static void sample_case(struct lm_case *c, struct sample_opts o)
{
	struct sample s = { .o = o, .seed = 20230329 };
	for (unsigned run = 0; run < (o.runs ? o.runs : 1); run++) {
		SAMPLE_OK(lm_case_run_begin(c, LM_STR("investigate evidence -o out"), "0.1.0",
					    sample_time("2023-03-30T06:00:00Z") + run * 1000));
		SAMPLE_OK(lm_case_set(c, "now", LM_STR("2023-03-30T06:00:00Z")));
		SAMPLE_OK(lm_case_set(c, "subject", LM_STR("Softphone Desktop")));
		SAMPLE_OK(lm_case_set(c, "geo", LM_STR("sample-country 2023-03-01")));
		s.seed = 20230329;
		free(s.h);
		sample_plan(&s);
		sample_observe(c, &s);
		SAMPLE_OK(lm_case_commit(c));
		SAMPLE_OK(lm_case_resolve(c, NULL));
		SAMPLE_OK(lm_case_results_clear(c));
		for (unsigned i = 0; i < o.hosts; i++) {
			const struct lm_host *h = lm_case_host_find(c, lm_cstr(s.h[i].name));
			assert_non_null(h);
			for (int k = LM_STAGE_EXPOSED; k < LM_STAGE_COUNT; k++)
				if (s.h[i].mask & 1u << k)
					sample_finding(c, &s, i, h, k);
		}
		if (o.hosts)
			sample_rare(c, &s);
		sample_stages(c);
		sample_scope(c, &s, "country");
		sample_scope(c, &s, "sector");
		sample_scope(c, &s, "org");
		sample_notes(c, &s);
		SAMPLE_OK(lm_case_commit(c));
		SAMPLE_OK(lm_case_run_end(c, sample_time("2023-03-30T06:09:00Z") + run * 1000));
	}
	free(s.h);
}

#endif
