/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.c - one run: evidence through workers into the case, then identity, then detectors.
 *
 * In:  the command line. Out: an open case with results, and what was read (struct lm_tally).
 * The order matters: settings of an earlier run are read first, then the zygote is forked, and only then is
 * the case opened for writing, because a database handle must not cross a fork.
 */
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "cli/cli.h"
#include "detect/detect.h"
#include "read/read.h"
#include "source/source.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Rows per transaction: large enough to be fast, small enough that little is lost to a power cut. */
#define BATCH_ROWS 50000
#define BATCH_NS (2 * LM_NS_PER_S)

/* What is remembered of a content while it is open, for the exit code: indexed by evidence id. */
enum { CONTENT_OPEN = 1, CONTENT_UNREAD = 2 };

struct run {
	const struct lm_cli *o;
	struct lm_case *c;
	struct lm_work *work;
	struct lm_tally *tally;
	struct lm_arena arena;
	char fingerprint[65];
	uint64_t kinds; /* --only: bit per kind; all ones without it */
	uint8_t *state; /* by evidence id */
	size_t n_state;
	size_t batch;
	int64_t batch_ns;
	/* contents that ended since the last commit: workers may skip them from then on */
	uint8_t (*ended)[32];
	size_t n_ended, cap_ended;
	/* evidence that waits until the lists are read: they say which digests are wanted */
	struct waiting *waiting;
	size_t n_waiting, cap_waiting;
	unsigned hashes;
	struct lm_work_opts opts;
};

struct waiting {
	char *path;
	size_t below; /* offset in path */
	uint64_t size;
	int64_t modified_ns;
	int triage;
};

/* ---- batches ---- */

static enum lm_rc commit(struct run *r)
{
	enum lm_rc rc = lm_case_commit(r->c);
	for (size_t i = 0; rc == LM_OK && r->work && i < r->n_ended; i++)
		lm_work_seen(r->work, r->ended[i]);
	r->n_ended = 0;
	r->batch = 0;
	r->batch_ns = lm_time_now();
	return rc;
}

static enum lm_rc maybe_commit(struct run *r)
{
	if (r->batch < BATCH_ROWS && lm_time_now() - r->batch_ns < BATCH_NS)
		return LM_OK;
	return commit(r);
}

/* ---- what workers send ---- */

static void mark(struct run *r, int64_t id, uint8_t bits)
{
	if (id < 0 || id > (int64_t)1 << 40)
		return;
	if ((size_t)id >= r->n_state) {
		size_t n = (size_t)id + 1024;
		r->state = lm_xrealloc(r->state, n);
		memset(r->state + r->n_state, 0, n - r->n_state);
		r->n_state = n;
	}
	if (bits & CONTENT_UNREAD && !(r->state[id] & CONTENT_UNREAD))
		r->tally->unread++;
	r->state[id] |= bits;
}

static enum lm_rc on_content(void *user, const struct lm_work_file *f, int64_t parent, struct lm_str path,
			     const struct lm_frame_content *content, int64_t *id)
{
	struct run *r = user;
	(void)content;
	r->tally->contents++;
	enum lm_rc rc = lm_case_evidence(r->c, path, parent, f->role != LM_ROLE_EVIDENCE, id);
	if (rc == LM_OK)
		mark(r, *id, CONTENT_OPEN);
	return rc;
}

/* --since, --until and --only leave out what is about an activity, never what says who is who or what is missing. */
static bool admitted(const struct run *r, const struct lm_obs *o)
{
	switch (o->kind) {
	case LM_K_evidence_damaged:
	case LM_K_evidence_encrypted:
	case LM_K_evidence_skipped:
	case LM_K_host_record:
	case LM_K_host_alias:
	case LM_K_indicator_listed:
		return true;
	default:
		break;
	}
	if (!(r->kinds & UINT64_C(1) << o->kind))
		return false;
	if (!o->time.set)
		return true;
	return (!r->o->since.set || o->time.v >= r->o->since.v) && (!r->o->until.set || o->time.v < r->o->until.v);
}

static enum lm_rc on_obs(void *user, int64_t content, const struct lm_obs *o)
{
	struct run *r = user;
	if (o->kind == LM_K_evidence_damaged) {
		r->tally->damaged++;
		/* a damaged container or an unreadable file hides what was in it; damage inside a program file does not
		 */
		if (lm_str_eq(o->evidence_damaged.reader, LM_STR("archive")))
			mark(r, content, CONTENT_UNREAD);
	} else if (o->kind == LM_K_evidence_encrypted) {
		r->tally->encrypted++;
		mark(r, content, CONTENT_UNREAD);
	} else if (o->kind == LM_K_evidence_skipped) {
		r->tally->skipped++;
	}
	if (!admitted(r, o))
		return LM_OK;
	r->tally->observations++;
	r->batch++;
	return lm_case_put(r->c, content, o);
}

/*
 * Contents whose reader states facts about bytes alone need parsing once. What else a reader states (an inventory
 * without a host column, a collector's own file) is about the host it was found on: the same bytes on another host
 * say it again of that one.
 */
static bool is_about_content(struct lm_str name)
{
	const struct lm_reader *reader = lm_reader_find(name);
	if (name.n && !reader)
		return false; /* a container: its members are looked at wherever it is found */
	for (const enum lm_kind *k = reader ? reader->emits : NULL; k && *k != LM_KIND_NONE; k++)
		if (*k == LM_K_product_installed || *k == LM_K_file_sighting || *k == LM_K_host_alias ||
		    *k == LM_K_host_record || *k == LM_K_indicator_listed)
			return false;
	return true;
}

static enum lm_rc on_end(void *user, int64_t content, const struct lm_frame_end *e)
{
	struct run *r = user;
	/* what was parsed earlier in this case comes without a reader's name */
	if (e->reader.n || e->cached)
		r->tally->recognised++;
	if (!e->cached && is_about_content(e->reader)) {
		if (r->n_ended == r->cap_ended) {
			r->cap_ended = r->cap_ended ? r->cap_ended * 2 : 256;
			r->ended = lm_xrealloc(r->ended, r->cap_ended * sizeof *r->ended);
		}
		memcpy(r->ended[r->n_ended++], e->sha256, 32);
	}
	r->batch++;
	return lm_case_evidence_end(r->c, content, e->sha256, e->size, e->reader);
}

static enum lm_rc on_file_end(void *user, const struct lm_work_end *e)
{
	struct run *r = user;
	struct lm_str why = { 0 };
	struct lm_arena_mark m = lm_arena_mark(&r->arena);
	if (e->lost) {
		r->tally->lost++;
		r->tally->unread++;
		why = lm_arena_fmt(&r->arena, "%s%s%.*s", e->what, e->content.n ? ", in " : "", LM_STR_ARG(e->content));
		lm_log(LM_LOG_WARN, "cannot finish '%.*s': %.*s", LM_STR_ARG(e->file->path), LM_STR_ARG(why));
	}
	if (!e->lost && e->file->role != LM_ROLE_EVIDENCE && e->done.observations == 0)
		lm_log(LM_LOG_WARN, "'%.*s' was named as %s, but nothing in it could be read as such",
		       LM_STR_ARG(e->file->path),
		       e->file->role == LM_ROLE_INTEL	? "a list of indicators"
		       : e->file->role == LM_ROLE_HOSTS ? "a host list"
							: "an inventory");
	enum lm_rc rc = lm_case_file_done(r->c, e->file->path, e->file->size, e->file->modified_ns,
					  lm_cstr(r->fingerprint), why, e->offset);
	lm_arena_reset(&r->arena, m);
	return rc == LM_OK ? maybe_commit(r) : rc;
}

static void on_progress(void *user, uint64_t done, uint64_t total, struct lm_str current)
{
	struct run *r = user;
	if (!r->o->quiet)
		lm_progress(done, total, current);
}

/* ---- what is to be read ---- */

static enum lm_rc plan_file(struct run *r, const struct lm_work_file *f)
{
	if (!r->o->force && lm_case_file_known(r->c, f->path, f->size, f->modified_ns, lm_cstr(r->fingerprint))) {
		r->tally->known++;
		return LM_OK;
	}
	lm_work_add(r->work, f);
	return lm_case_forget_file(r->c, f->path, f->size, f->modified_ns);
}

/* Lists and what options name are read at once; the rest waits for what they say. */
static enum lm_rc take_file(struct run *r, const struct lm_walk_entry *e, enum lm_role role, const char *reader)
{
	r->tally->files++;
	r->tally->bytes += e->size;
	if (role == LM_ROLE_EVIDENCE && e->triage > 0) {
		if (r->n_waiting == r->cap_waiting) {
			r->cap_waiting = r->cap_waiting ? r->cap_waiting * 2 : 1024;
			r->waiting = lm_xrealloc(r->waiting, r->cap_waiting * sizeof *r->waiting);
		}
		char *path = lm_xalloc(e->path.n + 1);
		memcpy(path, e->path.p, e->path.n);
		r->waiting[r->n_waiting++] = (struct waiting){
			.path = path,
			.below = e->path.n >= e->below.n ? e->path.n - e->below.n : 0,
			.size = e->size,
			.modified_ns = e->modified_ns,
			.triage = e->triage,
		};
		return LM_OK;
	}
	struct lm_work_file f = {
		.path = e->path,
		.below = e->below,
		.size = e->size,
		.modified_ns = e->modified_ns,
		.triage = role == LM_ROLE_EVIDENCE ? e->triage : -1,
		.role = role,
		.reader = reader,
	};
	return plan_file(r, &f);
}

static enum lm_rc plan_waiting(struct run *r)
{
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < r->n_waiting; i++) {
		const struct waiting *w = &r->waiting[i];
		struct lm_work_file f = {
			.path = lm_cstr(w->path),
			.below = lm_cstr(w->path + w->below),
			.size = w->size,
			.modified_ns = w->modified_ns,
			.triage = w->triage,
			.role = LM_ROLE_EVIDENCE,
			.hashes = r->hashes,
		};
		rc = plan_file(r, &f);
	}
	return rc == LM_OK ? lm_case_forget_commit(r->c) : rc;
}

/* Which digests the indicators in the case are stated in: each one computed costs time over all evidence. */
static enum lm_rc want_type(void *user, const struct lm_prevalence *p)
{
	unsigned *hashes = user;
	if (lm_str_eq(p->value, LM_STR("sha1")))
		*hashes |= LM_HASH_SHA1;
	if (lm_str_eq(p->value, LM_STR("md5")))
		*hashes |= LM_HASH_MD5;
	return LM_OK;
}

struct walk {
	struct run *r;
	enum lm_role role;
	const char *reader;
};

static enum lm_rc on_walk_file(void *user, const struct lm_walk_entry *e)
{
	struct walk *w = user;
	return take_file(w->r, e, w->role, w->reader);
}

static enum lm_rc on_walk_issue(void *user, const struct lm_walk_issue *i)
{
	struct walk *w = user;
	struct run *r = w->r;
	struct lm_obs o;
	int64_t id;
	lm_obs_init(&o, i->kind);
	if (i->kind == LM_K_evidence_damaged) {
		o.evidence_damaged.path = i->path;
		o.evidence_damaged.reader = LM_STR("walk");
		o.evidence_damaged.what = lm_cstr(i->what);
		r->tally->damaged++;
		r->tally->unread++;
	} else {
		o.evidence_skipped.path = i->path;
		o.evidence_skipped.why = lm_cstr(i->what);
		r->tally->skipped++;
	}
	enum lm_rc rc = lm_case_evidence(r->c, i->path, -1, false, &id);
	return rc == LM_OK ? lm_case_put(r->c, id, &o) : rc;
}

static enum lm_rc walk_list(struct run *r, const struct lm_list *paths, enum lm_role role, const char *reader,
			    struct lm_err *err)
{
	struct walk w = { r, role, reader };
	struct lm_walk_sink sink = { &w, on_walk_file, on_walk_issue };
	for (size_t i = 0; i < paths->n; i++) {
		enum lm_rc rc = lm_walk(paths->v[i], &sink, err);
		if (rc < 0)
			return rc;
	}
	return LM_OK;
}

/* ---- settings ---- */

/*
 * What the case remembers of earlier command lines. A run that does not name its rules, roots, passwords, zones or
 * layout pattern again goes on with those of the run before: reading under fewer would take facts back. Lists of
 * paths are kept one a line.
 */
struct memory {
	struct lm_arena arena;
	int64_t now;
	const char **rules, **zones, **geoip, **products;
	const char *roots, *passwords, *pattern;
};

static const char **split_lines(struct lm_arena *a, struct lm_str text)
{
	size_t n = 0;
	struct lm_str rest = text, line;
	for (size_t at = 0; text.n && (at = lm_str_find(text, '\n', at)) != SIZE_MAX; at++)
		n++;
	const char **v = text.n ? lm_arena_calloc(a, n + 2, sizeof *v) : NULL;
	size_t k = 0;
	while (v && lm_str_split(&rest, '\n', &line))
		if (line.n && !(v[k++] = lm_arena_cstr(a, line)))
			return NULL;
	return v;
}

static const char *one_line(struct lm_arena *a, struct lm_str text)
{
	return text.n ? lm_arena_cstr(a, text) : NULL;
}

static void recall(struct memory *m, struct lm_case *c)
{
	struct lm_str now = lm_case_get(c, "now", &m->arena);
	if (now.p)
		(void)lm_time_parse(now, NULL, &m->now, NULL);
	m->rules = split_lines(&m->arena, lm_case_get(c, "option.rules", &m->arena));
	m->zones = split_lines(&m->arena, lm_case_get(c, "option.tz", &m->arena));
	m->geoip = split_lines(&m->arena, lm_case_get(c, "option.geoip", &m->arena));
	m->products = split_lines(&m->arena, lm_case_get(c, "option.product", &m->arena));
	m->roots = one_line(&m->arena, lm_case_get(c, "option.roots", &m->arena));
	m->passwords = one_line(&m->arena, lm_case_get(c, "option.password-file", &m->arena));
	m->pattern = one_line(&m->arena, lm_case_get(c, "option.host-from-path", &m->arena));
}

static enum lm_rc still_there(const char *option, const char *path, struct lm_err *err)
{
	if (!path || access(path, R_OK) == 0)
		return LM_OK;
	return lm_fail(
		err, LM_EUSAGE,
		"cannot read '%s', which an earlier run of this case was given with '--%s': without it facts would be "
		"taken back; put it there again or name another",
		path, option);
}

/* The command line wins; where it is silent, what the case remembers. `--now` of the first run stays. */
static enum lm_rc settle(const struct lm_cli *o, const char *case_path, struct memory *m, struct lm_err *err)
{
	struct lm_case *c;
	m->now = lm_time_now() / LM_NS_PER_S * LM_NS_PER_S;
	enum lm_rc rc = LM_OK;
	if (case_path && access(case_path, F_OK) == 0) {
		rc = lm_case_open(case_path, LM_CASE_READ_ONLY, &c, err);
		if (rc < 0)
			return rc;
		recall(m, c);
		lm_case_close(c);
		for (const char **p = m->rules; !o->rules.n && rc == LM_OK && p && *p; p++)
			rc = still_there("rules", *p, err);
		for (const char **p = m->geoip; !o->geoip.n && rc == LM_OK && p && *p; p++)
			rc = still_there("geoip", *p, err);
		if (rc == LM_OK && !o->roots)
			rc = still_there("roots", m->roots, err);
		if (rc == LM_OK && !o->password_file)
			rc = still_there("password-file", m->passwords, err);
	}
	if (o->now.set)
		m->now = o->now.v;
	m->rules = o->rules.n ? o->rules.v : m->rules;
	m->zones = o->tz.n ? o->tz.v : m->zones;
	m->geoip = o->geoip.n ? o->geoip.v : m->geoip;
	m->products = o->product.n ? o->product.v : m->products;
	m->roots = o->roots ? o->roots : m->roots;
	m->passwords = o->password_file ? o->password_file : m->passwords;
	m->pattern = o->host_from_path ? o->host_from_path : m->pattern;
	return rc;
}

static enum lm_rc remember_list(struct lm_case *c, const char *key, const char *const *v)
{
	struct lm_buf b;
	if (!v)
		return LM_OK;
	lm_buf_init(&b, 1 << 20);
	for (; *v; v++)
		lm_buf_fmt(&b, "%s%s", b.n ? "\n" : "", *v);
	enum lm_rc rc = lm_case_set(c, key, lm_buf_view(&b));
	lm_buf_fini(&b);
	return rc;
}

static enum lm_rc remember(struct lm_case *c, const struct memory *m)
{
	enum lm_rc rc = remember_list(c, "option.rules", m->rules);
	if (rc == LM_OK)
		rc = remember_list(c, "option.tz", m->zones);
	if (rc == LM_OK)
		rc = remember_list(c, "option.geoip", m->geoip);
	if (rc == LM_OK)
		rc = remember_list(c, "option.product", m->products);
	if (rc == LM_OK && m->roots)
		rc = lm_case_set(c, "option.roots", lm_cstr(m->roots));
	if (rc == LM_OK && m->passwords)
		rc = lm_case_set(c, "option.password-file", lm_cstr(m->passwords));
	if (rc == LM_OK && m->pattern)
		rc = lm_case_set(c, "option.host-from-path", lm_cstr(m->pattern));
	return rc;
}

static void put_file_digest(struct lm_buf *b, const char *path)
{
	static uint8_t data[1 << 16];
	uint8_t md[32] = { 0 };
	FILE *f = path ? fopen(path, "rb") : NULL;
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	if (f && m && EVP_DigestInit_ex(m, EVP_sha256(), NULL)) {
		for (size_t n; (n = fread(data, 1, sizeof data, f)) > 0;)
			EVP_DigestUpdate(m, data, n);
		EVP_DigestFinal_ex(m, md, NULL);
	}
	if (f)
		fclose(f);
	EVP_MD_CTX_free(m);
	lm_buf_puts(b, "file ");
	lm_buf_hex(b, (struct lm_bytes){ md, sizeof md });
	lm_buf_putc(b, '\n');
}

/* Digest over everything that makes a second reading give other observations. */
static void fingerprint(struct run *r)
{
	const struct lm_work_opts *wo = &r->opts;
	const struct lm_work_loaded *loaded = &r->tally->loaded;
	struct lm_buf b;
	uint8_t md[32];
	lm_buf_init(&b, 1 << 20);
	lm_buf_fmt(&b, "limier %s\nrules %s\nhashes %u\npattern %s\n", LM_VERSION, loaded->rules_sha256, r->hashes,
		   wo->host_pattern ? wo->host_pattern : "");
	for (const char *const *z = wo->zones; z && *z; z++)
		lm_buf_fmt(&b, "zone %s\n", *z);
	/* new passwords open what was closed, new roots change what is trusted */
	put_file_digest(&b, wo->password_file);
	put_file_digest(&b, wo->roots);
	lm_buf_fmt(&b, "only %llx since %lld until %lld\n", (unsigned long long)r->kinds,
		   (long long)(r->o->since.set ? r->o->since.v : INT64_MIN),
		   (long long)(r->o->until.set ? r->o->until.v : INT64_MAX));
	if (wo->roots)
		lm_buf_fmt(&b, "now %lld\n", (long long)wo->now_ns);
	for (size_t i = 0; lm_readers[i]; i++)
		lm_buf_fmt(&b, "reader %s\n", lm_readers[i]->name);
	EVP_Digest(b.p, b.n, md, NULL, EVP_sha256(), NULL);
	lm_buf_clear(&b);
	lm_buf_hex(&b, (struct lm_bytes){ md, sizeof md });
	memcpy(r->fingerprint, b.p, sizeof r->fingerprint);
	lm_buf_fini(&b);
}

static enum lm_rc parse_only(struct run *r, struct lm_err *err)
{
	r->kinds = r->o->only.n ? 0 : UINT64_MAX;
	for (size_t i = 0; i < r->o->only.n; i++) {
		enum lm_kind k = lm_kind_find(lm_cstr(r->o->only.v[i]));
		if (k == LM_KIND_NONE)
			return lm_fail(err, LM_EUSAGE,
				       "no observation kind '%s'; 'limier list observations' names them",
				       r->o->only.v[i]);
		r->kinds |= UINT64_C(1) << k;
	}
	return LM_OK;
}

static enum lm_rc store_settings(struct run *r, const char *case_path, const struct memory *m, const struct lm_geo *geo)
{
	char text[LM_TIME_TEXT];
	struct lm_buf args;
	lm_buf_init(&args, 1 << 20);
	for (int i = 0; i < r->o->argc; i++)
		lm_buf_fmt(&args, "%s%s", i ? " " : "", r->o->argv[i]);
	enum lm_rc rc = lm_case_run_begin(r->c, lm_buf_view(&args), LM_VERSION, lm_time_now());
	lm_buf_fini(&args);
	if (rc == LM_OK)
		rc = lm_case_set(r->c, "now", lm_cstr(lm_time_iso(m->now, text)));
	if (rc == LM_OK)
		rc = remember(r->c, m);
	if (rc == LM_OK)
		rc = lm_case_set(r->c, "tool", LM_STR("limier " LM_VERSION));
	if (rc == LM_OK && case_path)
		rc = lm_case_set(r->c, "path", lm_cstr(case_path));
	if (rc == LM_OK && geo)
		rc = lm_case_set(r->c, "geo", lm_cstr(lm_geo_describe(geo)));
	for (size_t i = 0; rc == LM_OK && i < r->o->operands.n; i++)
		rc = lm_case_log(r->c, "evidence", lm_cstr(r->o->operands.v[i]));
	if (rc == LM_OK && r->tally->loaded.rules) {
		struct lm_str rules = lm_arena_fmt(&r->arena, "%u rules in %u files, %u files left out, digest %s",
						   r->tally->loaded.rules, r->tally->loaded.rule_files,
						   r->tally->loaded.bad_rule_files, r->tally->loaded.rules_sha256);
		rc = lm_case_log(r->c, "rules", rules);
	}
	return rc;
}

static void seen_content(void *user, const uint8_t sha256[32], struct lm_str kind)
{
	struct run *r = user;
	if (is_about_content(kind))
		lm_work_seen(r->work, sha256);
}

/* ---- the run ---- */

static enum lm_rc read_everything(struct run *r, struct lm_err *err)
{
	const struct lm_cli *o = r->o;
	struct lm_work_sink sink = { r, on_content, on_obs, on_end, on_file_end, on_progress };
	enum lm_rc rc = walk_list(r, &o->hosts, LM_ROLE_HOSTS, "hostlist", err);
	if (rc == LM_OK)
		rc = walk_list(r, &o->inventory, LM_ROLE_INVENTORY, "inventory", err);
	if (rc == LM_OK)
		rc = walk_list(r, &o->intel, LM_ROLE_INTEL, "indicators", err);
	if (rc == LM_OK)
		rc = walk_list(r, &o->operands, LM_ROLE_EVIDENCE, NULL, err);
	if (rc == LM_OK)
		rc = lm_case_forget_commit(r->c);
	if (rc == LM_OK)
		rc = lm_work_run(r->work, &sink, err);
	if (rc == LM_OK)
		rc = commit(r);
	if (rc == LM_OK)
		rc = lm_case_prevalence(r->c, LM_K_indicator_listed, "type", want_type, &r->hashes);
	if (rc == LM_OK) {
		fingerprint(r);
		rc = plan_waiting(r);
	}
	/* after what is stale went: contents parsed under these very settings need not be parsed again */
	if (rc == LM_OK && !o->force)
		rc = lm_case_seen(r->c, lm_cstr(r->fingerprint), seen_content, r);
	if (rc == LM_OK)
		rc = lm_work_run(r->work, &sink, err);
	lm_progress_clear();
	return rc == LM_OK ? commit(r) : rc;
}

static enum lm_rc conclude(struct lm_case *c, const struct memory *m, const struct lm_geo *geo, struct lm_err *err)
{
	struct lm_detect_opts d = { .products = m->products, .now_ns = m->now, .trust_given = m->roots != NULL };
	enum lm_rc rc = lm_case_resolve(c, geo);
	if (rc == LM_OK)
		rc = lm_detect_all(c, &d, err);
	if (rc == LM_OK)
		rc = lm_case_run_end(c, lm_time_now());
	return rc;
}

enum lm_rc lm_engine_reconclude(const struct lm_cli *o, struct lm_case *c, struct lm_err *err)
{
	struct memory m = { .now = lm_time_now() };
	struct lm_geo *geo = NULL;
	struct lm_buf args;
	lm_arena_init(&m.arena, 1 << 20);
	lm_buf_init(&args, 1 << 20);
	recall(&m, c);
	for (int i = 0; i < o->argc; i++)
		lm_buf_fmt(&args, "%s%s", i ? " " : "", o->argv[i]);
	enum lm_rc rc = m.geoip ? lm_geo_open(m.geoip, &geo, err) : LM_OK;
	if (rc == LM_OK)
		rc = lm_case_run_begin(c, lm_buf_view(&args), LM_VERSION, lm_time_now());
	if (rc == LM_OK)
		rc = conclude(c, &m, geo, err);
	lm_geo_close(geo);
	lm_buf_fini(&args);
	lm_arena_fini(&m.arena);
	return rc;
}

static enum lm_rc check_files(const char *option, const struct lm_list *l, struct lm_err *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (access(l->v[i], R_OK) != 0)
			return lm_fail(err, LM_EUSAGE, "cannot read '%s' of '--%s': %s", l->v[i], option,
				       strerror(errno));
	return LM_OK;
}

enum lm_rc lm_engine_check(const struct lm_cli *o, struct lm_err *err)
{
	static const char *const marks[] = { "clear", "green", "amber", "amber+strict", "red" };
	const struct {
		const char *option;
		struct lm_list list;
	} files[] = {
		{ "rules", o->rules },
		{ "intel", o->intel },
		{ "hosts", o->hosts },
		{ "inventory", o->inventory },
		{ "geoip", o->geoip },
		{ "roots", { (const char **)(uintptr_t)&o->roots, o->roots != NULL } },
		{ "password-file", { (const char **)(uintptr_t)&o->password_file, o->password_file != NULL } },
	};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (check_files(files[i].option, &files[i].list, err) < 0)
			return LM_EUSAGE;
	bool marked = !o->tlp;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		marked |= o->tlp && strcmp(o->tlp, marks[i]) == 0;
	if (!marked)
		return lm_fail(err, LM_EUSAGE, "'--tlp' takes clear, green, amber, amber+strict or red, not '%s'",
			       o->tlp);
	if (o->fail_on && lm_severity_find(lm_cstr(o->fail_on)) == LM_SEV_COUNT)
		return lm_fail(err, LM_EUSAGE,
			       "'--fail-on' takes informational, low, medium, high or critical, not '%s'", o->fail_on);
	if (o->host_from_path && !strstr(o->host_from_path, "{host}"))
		return lm_fail(err, LM_EUSAGE, "'--host-from-path' needs a part {host}, as in 'collections/{host}/*'");
	if (o->jobs.set && (o->jobs.v < 1 || o->jobs.v > 256))
		return lm_fail(err, LM_EUSAGE, "'--jobs' takes 1 to 256");
	if (o->max_unread.set && o->max_unread.v > 100)
		return lm_fail(err, LM_EUSAGE, "'--max-unread' takes a percentage, 0 to 100");
	if (o->since.set && o->until.set && o->since.v >= o->until.v)
		return lm_fail(err, LM_EUSAGE, "'--since' is not before '--until': nothing would be left");
	if (o->json && o->jsonl)
		return lm_fail(err, LM_EUSAGE, "'--json' and '--jsonl' exclude each other");
	return LM_OK;
}

enum lm_rc lm_engine_run(const struct lm_cli *o, const char *case_path, struct lm_case **out, struct lm_tally *tally,
			 struct lm_err *err)
{
	struct run r = { .o = o, .tally = tally, .batch_ns = lm_time_now() };
	struct lm_geo *geo = NULL;
	struct memory m = { 0 };
	memset(tally, 0, sizeof *tally);
	memset(err, 0, sizeof *err);
	lm_arena_init(&r.arena, 1 << 20);
	lm_arena_init(&m.arena, 1 << 20);
	enum lm_rc rc = lm_engine_check(o, err);
	if (rc == LM_OK)
		rc = parse_only(&r, err);
	if (rc == LM_OK)
		rc = settle(o, case_path, &m, err);
	if (rc == LM_OK && m.geoip)
		rc = lm_geo_open(m.geoip, &geo, err);
	if (rc < 0)
		goto done;
	r.opts = (struct lm_work_opts){
		.jobs = o->jobs.set ? (unsigned)o->jobs.v : 0,
		.mem_bytes = o->memory.set ? (uint64_t)o->memory.v << 20 : 0,
		.rules = m.rules,
		.roots = m.roots,
		.password_file = m.passwords,
		.zones = m.zones,
		.host_pattern = m.pattern,
		.now_ns = m.now,
		.hashes = LM_HASH_SHA256,
	};
	rc = lm_work_start(&r.opts, &r.work, err);
	if (rc < 0)
		goto done;
	tally->loaded = *lm_work_loaded(r.work);
	fingerprint(&r);
	rc = lm_case_open(case_path, LM_CASE_CREATE, &r.c, err);
	if (rc < 0)
		goto done;
	rc = store_settings(&r, case_path, &m, geo);
	if (rc == LM_OK)
		rc = read_everything(&r, err);
	lm_work_stop(r.work);
	r.work = NULL;
	if (rc == LM_OK)
		rc = conclude(r.c, &m, geo, err);
	if (rc < 0 && !err->msg[0])
		lm_fail(err, rc, "cannot go on with case '%s': %s", case_path ? case_path : "in memory",
			lm_case_error(r.c));
done:
	if (r.work)
		lm_work_stop(r.work);
	lm_geo_close(geo);
	if (rc < 0 && r.c) {
		lm_case_close(r.c);
		r.c = NULL;
	}
	*out = r.c;
	for (size_t i = 0; i < r.n_waiting; i++)
		free(r.waiting[i].path);
	free(r.waiting);
	free(r.state);
	free(r.ended);
	lm_arena_fini(&m.arena);
	lm_arena_fini(&r.arena);
	return rc;
}

/* ---- exit code ---- */

struct worst {
	enum lm_severity level;
	bool any;
};

static enum lm_rc worst_finding(void *user, const struct lm_finding_row *f)
{
	struct worst *w = user;
	if (!w->any || f->f.severity > w->level)
		w->level = f->f.severity;
	w->any = true;
	return LM_OK;
}

int lm_engine_exit(const struct lm_cli *o, struct lm_case *c, const struct lm_tally *t)
{
	uint64_t percent = o->max_unread.set ? (uint64_t)o->max_unread.v : 5, all = t->recognised + t->unread;
	if (all && t->unread * 100 > percent * all)
		return lm_complain(LM_EXIT_UNREAD,
				   "%s of %s recognised pieces of evidence could not be read (limit %u %%)",
				   lm_term_count(t->unread), lm_term_count(all), (unsigned)percent);
	if (o->fail_on) {
		struct worst w = { 0 };
		if (lm_case_findings(c, worst_finding, &w) == LM_OK && w.any &&
		    w.level >= lm_severity_find(lm_cstr(o->fail_on)))
			return LM_EXIT_FINDINGS;
	}
	return LM_EXIT_OK;
}
