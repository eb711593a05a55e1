/* SPDX-License-Identifier: Apache-2.0 */
/*
 * case_help.h - for the tests of src/case: short ways to put observations and to write all answers of a case down.
 */
#ifndef LM_TESTS_CASE_HELP_H
#define LM_TESTS_CASE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"
#include "case/case.h"

#define ok(call) assert_int_equal((call), LM_OK)

static inline struct lm_case *open_case(const char *path, unsigned flags)
{
	struct lm_case *c = NULL;
	struct lm_err err = { 0 };
	if (lm_case_open(path, flags, &c, &err) != LM_OK)
		fail_msg("%s", err.msg);
	return c;
}

static inline int64_t evidence(struct lm_case *c, const char *path)
{
	int64_t id;
	ok(lm_case_evidence(c, lm_cstr(path), -1, false, &id));
	return id;
}

/* A digest that is a function of a number. */
static inline struct lm_bytes sha(uint64_t n, uint8_t out[32])
{
	for (int i = 0; i < 32; i++) {
		n = n * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(n >> 56);
	}
	return (struct lm_bytes){ out, 32 };
}

static inline struct lm_obs seen_by(const char *name, const char *address, const char *device,
				    enum lm_ident_source source)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_file_sighting);
	o.host = (struct lm_ident){ lm_cstr(name), lm_cstr(address), lm_cstr(device), source };
	o.file_sighting.path = LM_STR("C:\\x.exe");
	return o;
}

static inline struct lm_obs alias(const char *name, const char *other, const char *address, const char *device,
				  const char *source)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_host_alias);
	o.host_alias.name = lm_cstr(name);
	o.host_alias.other_name = lm_cstr(other);
	o.host_alias.address = lm_cstr(address);
	o.host_alias.device = lm_cstr(device);
	o.host_alias.source = lm_cstr(source);
	return o;
}

static inline struct lm_obs listed(const char *name, const char *names, const char *addresses, const char *device)
{
	struct lm_obs o;
	lm_obs_init(&o, LM_K_host_record);
	o.host_record.name = lm_cstr(name);
	o.host_record.names = lm_cstr(names);
	o.host_record.addresses = lm_cstr(addresses);
	o.host_record.device = lm_cstr(device);
	return o;
}

/* ---- everything a case answers, as text ---- */

static inline enum lm_rc dump_stored(void *user, const struct lm_stored *s)
{
	struct lm_buf *b = user;
	struct lm_jw w;
	lm_jw_init(&w, b, false);
	lm_buf_hex(b, (struct lm_bytes){ s->id, 16 });
	lm_buf_fmt(b, " host %lld %.*s ev %.*s @%llu+%llu r%lld assumed %d trusted %d source %d ",
		   s->host ? (long long)s->host->id : 0, LM_STR_ARG(s->host ? s->host->name : LM_STR("-")),
		   LM_STR_ARG(s->evidence.path), (unsigned long long)s->evidence.offset,
		   (unsigned long long)s->evidence.length,
		   s->evidence.record.set ? (long long)s->evidence.record.v : -1, s->obs.time_assumed, s->trusted,
		   (int)s->obs.host.source);
	lm_buf_hex(b, (struct lm_bytes){ s->evidence.sha256, 32 });
	lm_obs_json(&s->obs, &w);
	lm_buf_putc(b, '\n');
	return LM_OK;
}

static inline enum lm_rc dump_prevalence(void *user, const struct lm_prevalence *p)
{
	lm_buf_fmt(user, "%.*s: %llu hosts, %llu times, %lld %lld\n", LM_STR_ARG(p->value),
		   (unsigned long long)p->hosts, (unsigned long long)p->count, (long long)p->first.v,
		   (long long)p->last.v);
	return LM_OK;
}

static inline enum lm_rc dump_pair(void *user, struct lm_str value, struct lm_str of, uint64_t count)
{
	lm_buf_fmt(user, "%.*s | %.*s: %llu\n", LM_STR_ARG(value), LM_STR_ARG(of), (unsigned long long)count);
	return LM_OK;
}

static inline enum lm_rc dump_hit(void *user, const struct lm_indicator_hit *h)
{
	lm_buf_puts(user, "hit\n ");
	(void)dump_stored(user, h->indicator);
	lm_buf_puts(user, " ");
	return dump_stored(user, h->where);
}

static inline enum lm_rc dump_installed(void *user, const struct lm_installed *i)
{
	lm_buf_fmt(user, "%s: %.*s | %.*s | %.*s | %.*s | %.*s | %lld | %.*s @%llu\n", i->host ? "on" : "?",
		   LM_STR_ARG(i->host ? i->host->name : LM_STR("-")), LM_STR_ARG(i->vendor), LM_STR_ARG(i->product),
		   LM_STR_ARG(i->version), LM_STR_ARG(i->path), (long long)i->time.v, LM_STR_ARG(i->evidence.path),
		   (unsigned long long)i->evidence.offset);
	lm_buf_fmt(user, "  %.*s\n", LM_STR_ARG(i->basis));
	return LM_OK;
}

static inline void dump_hosts(struct lm_case *c, struct lm_buf *b)
{
	size_t n;
	const struct lm_host *h = lm_case_hosts(c, &n);
	for (size_t i = 0; i < n; i++) {
		lm_buf_fmt(b, "%lld %.*s kind %d%s%s org %.*s %.*s %.*s os %.*s role %.*s: %.*s\n", (long long)h[i].id,
			   LM_STR_ARG(h[i].name), h[i].kind, h[i].listed ? " listed" : "", h[i].seen ? " seen" : "",
			   LM_STR_ARG(h[i].org), LM_STR_ARG(h[i].country), LM_STR_ARG(h[i].country_source),
			   LM_STR_ARG(h[i].os), LM_STR_ARG(h[i].role), LM_STR_ARG(h[i].resolved));
		for (size_t k = 0; k < h[i].n_aliases; k++) {
			const struct lm_alias *a = &h[i].aliases[k];
			lm_buf_fmt(b, "  %.*s %.*s [%lld %lld) source %d %.*s\n", LM_STR_ARG(a->kind),
				   LM_STR_ARG(a->value), a->from_ns.set ? (long long)a->from_ns.v : -1,
				   a->to_ns.set ? (long long)a->to_ns.v : -1, a->source, LM_STR_ARG(a->note));
		}
	}
}

/* The caller frees the buffer. */
static inline void dump_case(struct lm_case *c, struct lm_buf *b)
{
	lm_buf_init(b, SIZE_MAX / 2);
	dump_hosts(c, b);
	for (enum lm_kind k = LM_KIND_NONE + 1; k < LM_KIND_COUNT; k++) {
		const struct lm_kind_desc *d = lm_kind_desc(k);
		ok(lm_case_fetch(c, k, NULL, 0, dump_stored, b));
		for (unsigned i = 0; i < d->n_fields; i++)
			ok(lm_case_prevalence(c, k, d->fields[i].name, dump_prevalence, b));
	}
	ok(lm_case_pairs(c, LM_K_file_sighting, "sha256", "path", 1, dump_pair, b));
	ok(lm_case_pairs(c, LM_K_file_sighting, "path", "@host", 2, dump_pair, b));
	ok(lm_case_match(c, dump_hit, b));
	ok(lm_case_installed(c, (struct lm_str){ 0 }, dump_installed, b));
}

static inline void assert_same_text(const struct lm_buf *a, const struct lm_buf *b)
{
	if (a->n == b->n && memcmp(a->p ? a->p : "", b->p ? b->p : "", a->n) == 0)
		return;
	size_t i = 0;
	while (i < a->n && i < b->n && a->p[i] == b->p[i])
		i++;
	size_t from = i > 200 ? i - 200 : 0;
	fail_msg("answers differ at byte %zu:\n--- %.600s\n--- %.600s", i, a->p ? a->p + from : "",
		 b->p ? b->p + from : "");
}

#endif
