/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_identity.c - names, addresses and device ids become hosts, and the user's words are taken back without a trace.
 */
#include "case/case.h"
#include "case_help.h"

#include <stdio.h>
#include <time.h>

static struct lm_case *c;
static int64_t ev;

static int setup(void **state)
{
	(void)state;
	c = open_case(NULL, 0);
	ev = evidence(c, "ev");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lm_case_close(c);
	return 0;
}

static void put(struct lm_obs o)
{
	static uint64_t n;
	o.at.offset = n++;
	ok(lm_case_put(c, ev, &o));
}

static void put_at(struct lm_obs o, int64_t t)
{
	o.time = LM_INT(t);
	put(o);
}

static size_t resolve(void)
{
	size_t n;
	ok(lm_case_resolve(c, NULL));
	(void)lm_case_hosts(c, &n);
	return n;
}

static const struct lm_host *find(const char *alias)
{
	return lm_case_host_find(c, lm_cstr(alias));
}

static int64_t id_of(const char *alias)
{
	const struct lm_host *h = find(alias);
	if (!h)
		fail_msg("no host is known as %s", alias);
	return h->id;
}

static void lease(const char *name, const char *address, int64_t from, int64_t to)
{
	struct lm_obs o = alias(name, NULL, address, NULL, "dhcp");
	o.host_alias.from = LM_INT(from);
	o.host_alias.to = LM_INT(to);
	put(o);
}

struct at {
	const char *path;
	int64_t time, host;
};

static enum lm_rc on_sighting(void *user, const struct lm_stored *s)
{
	struct at *a = user;
	if (s->obs.time.v == a->time && s->obs.time.set == (a->time != 0))
		a->host = s->host ? s->host->id : 0;
	return LM_OK;
}

/* Host of the one sighting at a time (0 = without). */
static int64_t host_at(int64_t time)
{
	struct at a = { .time = time, .host = -1 };
	ok(lm_case_fetch(c, LM_K_file_sighting, NULL, 0, on_sighting, &a));
	return a.host;
}

static void test_four_names_one_host(void **state)
{
	(void)state;
	put(seen_by("WS17", NULL, NULL, LM_ID_EVENT));
	put(seen_by("ws17.corp.example", NULL, NULL, LM_ID_LAYOUT));
	put(seen_by(NULL, "10.1.2.17", NULL, LM_ID_ADDRESS));
	put(seen_by(NULL, NULL, "6B29FC40-CA47-1067-B31D-00DD010662DA", LM_ID_INVENTORY));
	struct lm_obs o = alias("WS17.corp.example.", NULL, "::ffff:10.1.2.17",
				"{6b29fc40-ca47-1067-b31d-00dd010662da}", "inventory");
	put(o);
	assert_int_equal(resolve(), 1);
	const struct lm_host *h = find("ws17");
	assert_non_null(h);
	assert_ptr_equal(h, find("WS17.CORP.example"));
	assert_ptr_equal(h, find("10.1.2.17"));
	assert_ptr_equal(h, find("6b29fc40-ca47-1067-b31d-00dd010662da"));
	assert_true(lm_str_eq(h->name, LM_STR("ws17.corp.example")));
	assert_int_equal(h->kind, LM_HOST_MACHINE);
	assert_int_equal(h->n_aliases, 4);
	assert_true(h->seen && !h->listed);
	assert_non_null(h->resolved.p);
	assert_true(lm_bytes_find(lm_str_bytes(h->resolved), lm_str_bytes(LM_STR("first label of"))) != SIZE_MAX);
}

static void test_first_label(void **state)
{
	(void)state;
	/* two machines share the label: the short name is neither */
	put(seen_by("ws1.a.example", NULL, NULL, LM_ID_EVENT));
	put(seen_by("ws1.b.example", NULL, NULL, LM_ID_EVENT));
	put(seen_by("WS1", NULL, NULL, LM_ID_EVENT));
	/* NetBIOS cuts after 15 characters */
	put(seen_by("workstation-number-9.a.example", NULL, NULL, LM_ID_EVENT));
	put(seen_by("WORKSTATION-NUM", NULL, NULL, LM_ID_EVENT));
	put(seen_by("WORKSTATION", NULL, NULL, LM_ID_EVENT)); /* 11 characters: another machine */
	/* two names of one machine share the label: one machine */
	put(seen_by("ws2.a.example", NULL, NULL, LM_ID_EVENT));
	put(alias("ws2.a.example", "ws2.lan", NULL, NULL, "inventory"));
	put(seen_by("WS2", NULL, NULL, LM_ID_EVENT));
	resolve();
	assert_true(id_of("ws1") != id_of("ws1.a.example") && id_of("ws1") != id_of("ws1.b.example"));
	assert_int_equal(id_of("workstation-num"), id_of("workstation-number-9.a.example"));
	assert_true(id_of("workstation") != id_of("workstation-num"));
	assert_int_equal(id_of("ws2"), id_of("ws2.lan"));
	assert_int_equal(id_of("ws2"), id_of("ws2.a.example"));
}

static void test_listed_stay_two(void **state)
{
	(void)state;
	put(listed("WS1", "ws1.corp.example", "10.0.0.1", "dev-1"));
	put(listed("WS2", "ws2.corp.example", "10.0.0.2", NULL));
	/* a weaker source claims that both are one, by name, device and address */
	put(alias("ws1.corp.example", "ws2.corp.example", "10.0.0.1", "dev-1", "event"));
	put(alias("WS2", NULL, "10.0.0.1", "dev-1", "dns"));
	put(seen_by("ws1", "10.0.0.2", NULL, LM_ID_EVENT));
	/* what lies between both is neither; what is nearer to one is its */
	put(alias("mid", "ws1", NULL, NULL, "inventory"));
	put(alias("mid", "ws2", NULL, NULL, "inventory"));
	put(alias("near", "ws1", NULL, NULL, "inventory"));
	put(alias("far", "near", NULL, NULL, "inventory"));
	resolve();
	assert_true(id_of("ws1") != id_of("ws2"));
	assert_int_equal(id_of("ws1.corp.example"), id_of("WS1"));
	assert_int_equal(id_of("ws2.corp.example"), id_of("WS2"));
	assert_int_equal(id_of("dev-1"), id_of("ws1"));
	assert_true(id_of("mid") != id_of("ws1") && id_of("mid") != id_of("ws2"));
	assert_int_equal(id_of("near"), id_of("ws1"));
	assert_int_equal(id_of("far"), id_of("ws1"));
	assert_true(find("ws1")->listed && find("ws2")->listed && !find("mid")->listed);
}

/* Rows of two organisations that both say WS1 are two machines, shown under different names. */
static void test_same_name_two_orgs(void **state)
{
	(void)state;
	struct lm_obs a = listed("WS1", "ws1.a.example", NULL, "d-a"), b = listed("WS1", "ws1.b.example", NULL, "d-b");
	a.host_record.org = LM_STR("A");
	b.host_record.org = LM_STR("B");
	put(a);
	put(b);
	put(listed("ws1.a.example", NULL, NULL, NULL)); /* another list, the same machine */
	put(seen_by("WS1", NULL, "d-b", LM_ID_INVENTORY));
	resolve();
	const struct lm_host *x = find("ws1.a.example"), *y = find("ws1.b.example");
	assert_true(x && y && x != y);
	assert_true(lm_str_eq(x->org, LM_STR("A")) && lm_str_eq(y->org, LM_STR("B")));
	assert_false(lm_str_eq(x->name, y->name));
	/* the device id decides where the short name cannot */
	assert_int_equal(host_at(0), y->id);
}

static void test_leases(void **state)
{
	(void)state;
	lease("WS1", "10.0.0.5", 100, 200);
	lease("WS2", "10.0.0.5", 200, 300);
	lease("WS3", "10.0.0.5", 250, 400); /* overlaps: ambiguous from 250 to 300 */
	put_at(seen_by(NULL, "10.0.0.5", NULL, LM_ID_ADDRESS), 150);
	put_at(seen_by(NULL, "10.0.0.5", NULL, LM_ID_ADDRESS), 200);
	put_at(seen_by(NULL, "10.0.0.5", NULL, LM_ID_ADDRESS), 299);
	put_at(seen_by(NULL, "10.0.0.5", NULL, LM_ID_ADDRESS), 350);
	put_at(seen_by(NULL, "10.0.0.5", NULL, LM_ID_ADDRESS), 500);
	resolve();
	assert_int_equal(host_at(150), id_of("ws1"));
	assert_int_equal(host_at(200), id_of("ws2"));
	assert_int_equal(host_at(350), id_of("ws3"));
	const struct lm_host *h = lm_case_host(c, host_at(299));
	assert_non_null(h);
	assert_int_equal(h->kind, LM_HOST_ADDRESS);
	assert_true(lm_str_eq(h->name, LM_STR("10.0.0.5")));
	assert_int_equal(host_at(500), h->id);
	assert_null(find("10.0.0.5")); /* ambiguous */
	/* prevalence counts resolved hosts: four of them saw the file */
	struct lm_buf b;
	lm_buf_init(&b, 1 << 16);
	ok(lm_case_prevalence(c, LM_K_file_sighting, "path", dump_prevalence, &b));
	assert_string_equal(b.p, "C:\\x.exe: 4 hosts, 5 times, 150 500\n");
	lm_buf_fini(&b);
}

static void test_address_strength(void **state)
{
	(void)state;
	put(listed("SRV1", NULL, "10.0.0.1;10.0.0.7", NULL));
	put(alias("other", NULL, "10.0.0.1", NULL, "inventory")); /* weaker: the list stands */
	lease("guest", "10.0.0.7", 100, 200);			  /* an interval outranks the list's "in general" */
	put_at(seen_by(NULL, "10.0.0.1", NULL, LM_ID_ADDRESS), 50);
	put_at(seen_by(NULL, "10.0.0.7", NULL, LM_ID_ADDRESS), 99);
	put_at(seen_by(NULL, "10.0.0.7", NULL, LM_ID_ADDRESS), 100);
	put(seen_by(NULL, "127.0.0.1", NULL, LM_ID_ADDRESS));
	resolve();
	assert_int_equal(host_at(50), id_of("srv1"));
	assert_int_equal(host_at(99), id_of("srv1"));
	assert_int_equal(host_at(100), id_of("guest"));
	assert_int_equal(host_at(0), 0); /* loopback is nobody */
	assert_true(id_of("other") != id_of("srv1"));
}

/* Two laptops with one address at different times: known where each was seen with it, nobody between. */
static void test_observed_windows(void **state)
{
	(void)state;
	put_at(seen_by("L1", "10.0.0.8", NULL, LM_ID_EVENT), 100);
	put_at(seen_by("L1", "10.0.0.8", NULL, LM_ID_EVENT), 200);
	put_at(seen_by("L2", "10.0.0.8", NULL, LM_ID_EVENT), 300);
	put_at(seen_by("L2", "10.0.0.8", NULL, LM_ID_EVENT), 400);
	put_at(seen_by(NULL, "10.0.0.8", NULL, LM_ID_ADDRESS), 150);
	put_at(seen_by(NULL, "10.0.0.8", NULL, LM_ID_ADDRESS), 350);
	put_at(seen_by(NULL, "10.0.0.8", NULL, LM_ID_ADDRESS), 250);
	resolve();
	assert_int_equal(host_at(150), id_of("l1"));
	assert_int_equal(host_at(350), id_of("l2"));
	assert_int_equal(lm_case_host(c, host_at(250))->kind, LM_HOST_ADDRESS);
	assert_true(id_of("l1") != id_of("l2")); /* never joined by the address */
}

static void test_dns_follows_address(void **state)
{
	(void)state;
	put(seen_by("WS5", "10.0.0.5", NULL, LM_ID_EVENT));
	put(alias("dhcp-10-0-0-5.corp.example", NULL, "10.0.0.5", NULL, "dns"));
	put(alias("lonely.corp.example", NULL, "10.0.0.99", NULL, "dns")); /* nobody saw it: no host */
	put(seen_by(NULL, NULL, "agent-5", LM_ID_INVENTORY));
	put(alias(NULL, NULL, "10.0.0.5", "agent-5", "inventory"));
	assert_int_equal(resolve(), 1);
	const struct lm_host *h = find("dhcp-10-0-0-5.corp.example");
	assert_ptr_equal(h, find("ws5"));
	assert_ptr_equal(h, find("agent-5"));
	assert_null(find("lonely.corp.example"));
	assert_true(lm_bytes_find(lm_str_bytes(h->resolved), lm_str_bytes(LM_STR("10.0.0.5"))) != SIZE_MAX);
}

/* A server's log names others: it is not one of them. */
static void test_alias_found_elsewhere(void **state)
{
	(void)state;
	struct lm_obs o = alias("ws9", NULL, "10.0.0.9", NULL, "dhcp");
	o.host.name = LM_STR("dc1");
	o.host.source = LM_ID_LAYOUT;
	put(o);
	o = alias("ws8", NULL, NULL, "dev-8", "event");
	o.host.name = LM_STR("collector");
	o.host.source = LM_ID_LAYOUT;
	put(o);
	o = alias(NULL, NULL, "10.0.0.7", "dev-7", "layout"); /* no name: it is about where it was found */
	o.host.name = LM_STR("ws7");
	o.host.source = LM_ID_LAYOUT;
	put(o);
	put(seen_by(NULL, "10.0.0.7", NULL, LM_ID_ADDRESS));
	resolve();
	assert_true(id_of("dc1") != id_of("ws9") && id_of("collector") != id_of("ws8"));
	assert_int_equal(id_of("dev-7"), id_of("ws7"));
	assert_int_equal(host_at(0), id_of("ws7"));
}

static void test_nothing_names(void **state)
{
	(void)state;
	put(seen_by("localhost", NULL, NULL, LM_ID_EVENT));
	put(seen_by("-", "0.0.0.0", "00000000-0000-0000-0000-000000000000", LM_ID_EVENT));
	put(seen_by(NULL, NULL, NULL, LM_ID_NONE));
	assert_int_equal(resolve(), 0);
	put(seen_by("localhost", NULL, "dev-1", LM_ID_EVENT));
	put(seen_by("localhost", NULL, "dev-2", LM_ID_EVENT));
	put(seen_by("fe80::1%eth0", NULL, NULL, LM_ID_EVENT)); /* an address where a name should be */
	assert_int_equal(resolve(), 3);
	assert_int_equal(find("fe80::1")->kind, LM_HOST_ADDRESS);
}

static void test_attributes(void **state)
{
	(void)state;
	struct lm_obs o = listed("PX1", NULL, "10.0.0.3", NULL);
	o.host_record.role = LM_STR("Web proxy");
	o.host_record.country = LM_STR("de");
	put(o);
	put(seen_by(NULL, "10.0.0.3", NULL, LM_ID_ADDRESS));
	o = alias("ws1", NULL, NULL, NULL, "inventory");
	o.host_alias.os = LM_STR("Windows 10");
	put(o);
	put(listed("never-seen", NULL, NULL, NULL));
	resolve();
	assert_int_equal(find("px1")->kind, LM_HOST_PROXY);
	assert_true(lm_str_eq(find("px1")->country, LM_STR("DE")));
	assert_true(lm_str_eq(find("px1")->country_source, LM_STR("list")));
	assert_true(find("px1")->seen);
	assert_true(lm_str_eq(find("ws1")->os, LM_STR("Windows 10")));
	assert_true(find("never-seen")->listed && !find("never-seen")->seen);
	/* a proxy counts as no host */
	struct lm_buf b;
	lm_buf_init(&b, 1 << 16);
	ok(lm_case_prevalence(c, LM_K_file_sighting, "path", dump_prevalence, &b));
	assert_string_equal(b.p, "C:\\x.exe: 0 hosts, 1 times, 0 0\n");
	lm_buf_fini(&b);
}

static void test_order_of_ids(void **state)
{
	(void)state;
	put(seen_by("zeta", NULL, NULL, LM_ID_EVENT));
	put(seen_by("Alpha", NULL, NULL, LM_ID_EVENT));
	put(seen_by("alpha", NULL, NULL, LM_ID_DHCP));
	put(seen_by("mid", NULL, NULL, LM_ID_EVENT));
	assert_int_equal(resolve(), 3);
	size_t n;
	const struct lm_host *h = lm_case_hosts(c, &n);
	for (size_t i = 1; i < n; i++)
		assert_true(lm_str_cmp(h[i - 1].name, h[i].name) < 0);
	assert_true(lm_str_eq(h[0].name, LM_STR("Alpha"))); /* the stronger source spells it */
}

/* ---- words ---- */

static void world(void)
{
	put(listed("WS1", "ws1.corp.example", "10.0.0.1", NULL));
	put(listed("WS2", NULL, "10.0.0.2", NULL));
	put(seen_by("WS1", NULL, "dev-1", LM_ID_EVENT));
	put(seen_by("WS2", NULL, NULL, LM_ID_EVENT));
	put(seen_by("laptop", NULL, "dev-9", LM_ID_EVENT));
	put(alias("laptop", "laptop.home.example", NULL, NULL, "inventory"));
	put_at(seen_by(NULL, "10.0.0.77", NULL, LM_ID_ADDRESS), 5);
	put_at(seen_by(NULL, "10.0.0.1", NULL, LM_ID_ADDRESS), 6);
}

static void test_merge_and_undo(void **state)
{
	(void)state;
	struct lm_buf before, after, merged;
	world();
	size_t n = resolve();
	dump_case(c, &before);
	struct {
		const char *a, *b;
	} pairs[] = {
		{ "ws1", "ws2" }, { "laptop.home.example", "WS1" }, { "10.0.0.77", "ws2" }, { "dev-9", "10.0.0.77" }
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		ok(lm_case_host_merge(c, lm_cstr(pairs[i].a), lm_cstr(pairs[i].b), LM_STR("same asset tag"), false));
		assert_int_equal(resolve(), n - 1);
		assert_int_equal(id_of(pairs[i].a), id_of(pairs[i].b));
		dump_case(c, &merged);
		assert_false(before.n == merged.n && memcmp(before.p, merged.p, before.n) == 0);
		lm_buf_fini(&merged);
		ok(lm_case_host_merge(c, lm_cstr(pairs[i].b), lm_cstr(pairs[i].a), LM_STR("was wrong"), true));
		assert_int_equal(resolve(), n);
		dump_case(c, &after);
		assert_same_text(&before, &after);
		lm_buf_fini(&after);
	}
	lm_buf_fini(&before);
	ok(lm_case_verify(c, false, NULL, NULL));
}

static void test_split_and_undo(void **state)
{
	(void)state;
	struct lm_buf before, after;
	world();
	size_t n = resolve();
	dump_case(c, &before);
	assert_int_equal(id_of("laptop"), id_of("laptop.home.example"));
	ok(lm_case_host_split(c, LM_STR("laptop"), LM_STR("laptop.home.example"), LM_STR("two machines"), false));
	assert_int_equal(resolve(), n + 1);
	assert_true(id_of("laptop") != id_of("laptop.home.example"));
	assert_int_equal(id_of("dev-9"), id_of("laptop"));
	ok(lm_case_host_split(c, LM_STR("laptop"), LM_STR("laptop.home.example"), LM_STR(""), true));
	assert_int_equal(resolve(), n);
	dump_case(c, &after);
	assert_same_text(&before, &after);
	lm_buf_fini(&before);
	lm_buf_fini(&after);
}

static void test_words_refused(void **state)
{
	(void)state;
	struct lm_str none = { 0 };
	world();
	resolve();
	assert_int_equal(lm_case_host_merge(c, LM_STR("ws1"), LM_STR("typo"), none, false), LM_EUSAGE);
	assert_non_null(strstr(lm_case_error(c), "typo"));
	assert_int_equal(lm_case_host_merge(c, LM_STR("ws1"), LM_STR("WS1"), none, false), LM_EUSAGE);
	assert_int_equal(lm_case_host_merge(c, LM_STR("ws1"), LM_STR("ws2"), none, true), LM_EUSAGE);
	ok(lm_case_host_merge(c, LM_STR("ws1"), LM_STR("ws2"), none, false));
	assert_int_equal(lm_case_host_split(c, LM_STR("ws2"), LM_STR("ws1"), none, false), LM_EUSAGE);
	assert_non_null(strstr(lm_case_error(c), "opposite"));
}

/* ---- scale ---- */

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* LIMIER_BENCH_HOSTS=n: n listed hosts, each seen under four names, and five leases each. */
static void test_scale(void **state)
{
	(void)state;
	uint64_t n = 1000;
	const char *env = getenv("LIMIER_BENCH_HOSTS");
	if (env)
		assert_true(lm_str_u64(lm_cstr(env), &n));
	for (unsigned i = 0; i < n; i++) {
		char nb[16], fq[40], ip[20], dev[40], ip2[20];
		snprintf(nb, sizeof nb, "WS%06u", i);
		snprintf(fq, sizeof fq, "ws%06u.corp.example", i);
		snprintf(ip, sizeof ip, "10.%u.%u.%u", i >> 14 & 63, i >> 7 & 127, i & 127);
		snprintf(dev, sizeof dev, "dev-%08x", i * 2654435761u);
		put(listed(fq, NULL, ip, dev));
		put(seen_by(nb, NULL, NULL, LM_ID_EVENT));
		put(seen_by(fq, NULL, NULL, LM_ID_LAYOUT));
		put(seen_by(NULL, NULL, dev, LM_ID_INVENTORY));
		put(seen_by(NULL, ip, NULL, LM_ID_ADDRESS));
		for (int k = 0; k < 5; k++) {
			unsigned a = (i * 7 + (unsigned)k * 13) % 5000;
			snprintf(ip2, sizeof ip2, "172.16.%u.%u", a >> 7, a & 127);
			lease(nb, ip2, (int64_t)i * 1000 + k * 100, (int64_t)i * 1000 + k * 100 + 90);
		}
	}
	double t0 = now_s();
	size_t hosts = resolve();
	print_message("%llu hosts: resolved in %.2f s\n", (unsigned long long)n, now_s() - t0);
	assert_int_equal(hosts, n);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_four_names_one_host),
		T(test_first_label),
		T(test_listed_stay_two),
		T(test_same_name_two_orgs),
		T(test_leases),
		T(test_address_strength),
		T(test_observed_windows),
		T(test_dns_follows_address),
		T(test_alias_found_elsewhere),
		T(test_nothing_names),
		T(test_attributes),
		T(test_order_of_ids),
		T(test_merge_and_undo),
		T(test_split_and_undo),
		T(test_words_refused),
		T(test_scale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
