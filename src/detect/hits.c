/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hits.c - rules that matched and indicators that met something, as far as `altered` has not told them. In:
 * matches, indicator hits, sightings of the contents. Out: findings without stage, one a (rule, content or
 * value, host). A rule on more than GROUP_HOSTS hosts gets one finding for the fleet; below severity high it
 * then stands for all of them, so that a loose rule cannot bury the page.
 */
#include "base/text.h"
#include "detect/facts.h"

#include <stdlib.h>

/* Log-odds; docs/dev/confidence.md. */
static const double prior = -1.0, strong_rule = 2.0, some_rule = 1.0, listed = 3.0, list_in_evidence = -1.0,
		    name_only = -1.5, by_file = 1.0, weak_hash = -0.5;
enum { GROUP_HOSTS = 50, REFS_MAX = 3, SOURCES_MAX = 3 };

/* One (rule, content or value, host). */
struct hit {
	struct hit *next;
	const struct lm_host *host; /* NULL: none known */
	struct lm_str key, subject, path;
	struct lm_str stated; /* set when only a row says that the file has the listed hash: the sentence */
	const struct lm_facts_content *content; /* NULL: an event or a value */
	const struct lm_facts_match *match;
	struct lm_int first, last;
	uint64_t count;
	bool file, weak;
	struct lm_evidence_ref refs[REFS_MAX]; /* first two and the last */
	size_t n_refs;
};

/* A rule, or an indicator by type and value. */
struct group {
	struct lm_str name, type; /* type unset: a rule */
	enum lm_severity severity;
	const struct lm_facts_match *match;
	const struct lm_facts_content *last;
	struct lm_facts_named own[SOURCES_MAX]; /* lists that name the indicator */
	size_t n_own;
	uint8_t *seen; /* bit by host id */
	uint64_t hosts, places;
	bool dropped; /* hits of single hosts were left out */
	struct hit *hits, **tail;
	const struct lm_evidence_ref **refs; /* one a (content or value, host), to cite first, median and last */
	size_t n_refs, cap_refs;
	struct lm_int from, to;
};

struct run {
	struct lm_detect_ctx *d;
	struct lm_map groups; /* "r" or "i", type, name -> struct group */
	struct lm_map hits;   /* group, key, host -> struct hit, of hits that come one observation at a time */
};

void lm_hits_mark(struct lm_facts *f)
{
	for (size_t i = 0; i < f->n_contents; i++)
		f->contents[i]->wanted |= f->contents[i]->matches || f->contents[i]->named;
}

static enum lm_severity rule_severity(const struct lm_facts_match *m)
{
	if (lm_match_is_high(m))
		return LM_SEV_HIGH;
	if (lm_str_eq_ci(m->severity, LM_STR("low")))
		return LM_SEV_LOW;
	return lm_str_eq_ci(m->severity, LM_STR("informational")) ? LM_SEV_INFORMATIONAL : LM_SEV_MEDIUM;
}

/* A file name alone says little: every product that ships a library of that name would be a hit. */
static enum lm_severity indicator_severity(struct lm_str type, bool trusted)
{
	if (lm_str_eq(type, LM_STR("filename")))
		return trusted ? LM_SEV_MEDIUM : LM_SEV_LOW;
	return trusted ? LM_SEV_HIGH : LM_SEV_MEDIUM;
}

static struct group *group_of(struct run *r, struct lm_str type, struct lm_str name, enum lm_severity severity)
{
	struct lm_facts *f = r->d->facts;
	struct lm_arena_mark m = lm_arena_mark(r->d->arena);
	struct lm_str key = lm_arena_fmt(r->d->arena, "%.*s\n%.*s", LM_STR_ARG(type), LM_STR_ARG(name));
	struct lm_map_entry *e = key.p ? lm_map_add(&r->groups, key, NULL) : NULL;
	lm_arena_reset(r->d->arena, m);
	if (!e)
		return NULL;
	struct group *g = e->v.ptr;
	if (!g) {
		g = e->v.ptr = lm_arena_alloc(&f->arena, sizeof *g);
		if (!g)
			return NULL;
		g->name = lm_facts_intern(f, name);
		g->type = lm_facts_intern(f, type);
		g->tail = &g->hits;
		g->seen = lm_arena_alloc(&f->arena, f->n_hosts / 8 + 1);
		if (!g->seen)
			return NULL;
	}
	g->severity = severity > g->severity ? severity : g->severity;
	return g;
}

static void widen(struct lm_int *first, struct lm_int *last, struct lm_int t)
{
	if (t.set && (!first->set || t.v < first->v))
		*first = t;
	if (t.set && (!last->set || t.v > last->v))
		*last = t;
}

/* The first two and always the last. */
static void hit_ref(struct hit *h, const struct lm_evidence_ref *e)
{
	h->refs[h->n_refs < REFS_MAX ? h->n_refs++ : REFS_MAX - 1] = *e;
}

/*
 * Counts a place, cited at *e, which must outlive the run. A new hit, or NULL when the group alone speaks (too many
 * hosts); *rc tells a refusal.
 */
static struct hit *new_hit(struct run *r, struct group *g, const struct lm_host *host, const struct lm_evidence_ref *e,
			   enum lm_rc *rc)
{
	if (g->n_refs == g->cap_refs) {
		g->cap_refs = g->cap_refs ? g->cap_refs * 2 : 8;
		g->refs = lm_xrealloc(g->refs, g->cap_refs * sizeof(const struct lm_evidence_ref *));
	}
	g->refs[g->n_refs++] = e;
	g->places++;
	if (host && !(g->seen[host->id / 8] & 1 << host->id % 8)) {
		g->seen[host->id / 8] |= (uint8_t)(1 << host->id % 8);
		g->hosts++;
	}
	if (g->hosts > GROUP_HOSTS && g->severity < LM_SEV_HIGH) {
		g->dropped = true;
		return NULL;
	}
	struct hit *h = lm_arena_alloc(&r->d->facts->arena, sizeof *h);
	if (!h) {
		*rc = LM_ELIMIT;
		return NULL;
	}
	h->host = host;
	*g->tail = h;
	g->tail = &h->next;
	return h;
}

/* A content that a group speaks about: one hit a host that has it, or one without host. */
static enum lm_rc on_content(struct run *r, struct group *g, const struct lm_facts_content *k,
			     const struct lm_facts_match *m)
{
	enum lm_rc rc = LM_OK;
	const struct lm_evidence_ref *own = m ? &m->evidence : &k->evidence;
	if (!k->n_sights || !k->sights[0]->host) {
		const struct lm_facts_sight *x = k->n_sights ? k->sights[0] : NULL;
		if (!own->path.p && x)
			own = &x->evidence;
		struct hit *h = new_hit(r, g, NULL, own, &rc);
		if (!h)
			return rc;
		h->key = k->hex;
		h->content = k;
		h->match = m;
		h->path = x ? x->path : own->path;
		h->file = k->flags & LM_FACTS_BYTES;
		h->count = 1;
		hit_ref(h, own);
		return rc;
	}
	for (size_t i = 0, end; rc == LM_OK && i < k->n_sights && k->sights[i]->host; i = end) {
		const struct lm_facts_sight *x = k->sights[i];
		struct hit *h = new_hit(r, g, x->host, &x->evidence, &rc);
		for (end = i; end < k->n_sights && k->sights[end]->host == x->host; end++) {
			widen(&g->from, &g->to, k->sights[end]->time);
			if (h)
				widen(&h->first, &h->last, k->sights[end]->time);
		}
		if (!h)
			continue;
		h->key = k->hex;
		h->content = k;
		h->match = m;
		h->path = x->path;
		h->file = x->file;
		h->weak = !x->file && strcmp(x->by, "SHA-256") != 0;
		h->count = end - i;
		hit_ref(h, &x->evidence);
		if (own->path.p)
			hit_ref(h, own);
	}
	return rc;
}

static enum lm_rc contents(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < f->n_contents; i++) {
		struct lm_facts_content *k = f->contents[i];
		struct lm_str last = { 0 };
		for (struct lm_facts_match *m = k->matches; rc == LM_OK && m; m = m->next) {
			bool told = k->rule_altered && lm_match_is_high(m);
			if (told || (last.p && lm_str_eq(last, m->rule)))
				continue;
			last = m->rule;
			struct group *g = group_of(r, (struct lm_str){ 0 }, m->rule, rule_severity(m));
			if (!g)
				return LM_ELIMIT;
			g->match = g->match ? g->match : m;
			rc = on_content(r, g, k, m);
		}
		for (struct lm_facts_named *n = k->known_altered ? NULL : k->named; rc == LM_OK && n; n = n->next) {
			struct group *g = group_of(r, n->type, n->value, indicator_severity(n->type, n->trusted));
			if (!g)
				return LM_ELIMIT;
			bool again = g->last == k; /* another list names the same value */
			if (g->n_own < SOURCES_MAX)
				g->own[g->n_own++] = *n;
			g->last = k;
			rc = again ? LM_OK : on_content(r, g, k, NULL);
		}
	}
	return rc;
}

/* A hit that comes as single observations: events of a rule, sightings of a name. */
static enum lm_rc one_observation(struct run *r, struct group *g, struct lm_str key, const struct lm_host *host,
				  struct lm_int time, const struct lm_evidence_ref *e, struct lm_str path,
				  struct lm_str stated, const struct lm_facts_match *m)
{
	enum lm_rc rc = LM_OK;
	struct lm_arena_mark mark = lm_arena_mark(r->d->arena);
	struct lm_str id = lm_arena_fmt(r->d->arena, "%.*s\n%.*s\n%.*s\n%lld", LM_STR_ARG(g->type), LM_STR_ARG(g->name),
					LM_STR_ARG(key), host ? (long long)host->id : 0);
	bool added = false;
	struct lm_map_entry *entry = id.p ? lm_map_add(&r->hits, id, &added) : NULL;
	lm_arena_reset(r->d->arena, mark);
	if (!entry)
		return LM_ELIMIT;
	struct lm_evidence_ref kept = *e;
	kept.path = lm_facts_intern(r->d->facts, e->path);
	if (added) {
		struct lm_evidence_ref *copy = lm_arena_alloc(&r->d->facts->arena, sizeof *copy);
		if (!copy)
			return LM_ELIMIT;
		*copy = kept;
		entry->v.ptr = new_hit(r, g, host, copy, &rc);
	}
	widen(&g->from, &g->to, time);
	struct hit *h = entry->v.ptr;
	if (!h)
		return rc;
	if (added) {
		h->key = lm_facts_intern(r->d->facts, key);
		h->path = lm_facts_intern(r->d->facts, path);
		h->stated = lm_facts_intern(r->d->facts, stated);
		h->weak = stated.n > 0;
		h->match = m;
	}
	h->count++;
	widen(&h->first, &h->last, time);
	hit_ref(h, &kept);
	return rc;
}

static enum lm_rc events(struct run *r)
{
	enum lm_rc rc = LM_OK;
	for (const struct lm_facts_match *m = r->d->facts->events; rc == LM_OK && m; m = m->next) {
		struct group *g = group_of(r, (struct lm_str){ 0 }, m->rule, rule_severity(m));
		if (!g)
			return LM_ELIMIT;
		g->match = g->match ? g->match : m;
		rc = one_observation(r, g, m->file, m->host, m->time, &m->evidence, (struct lm_str){ 0 },
				     (struct lm_str){ 0 }, m);
	}
	return rc;
}

static void add_source(struct run *r, struct group *g, const struct lm_stored *ind)
{
	const struct lm_obs_indicator_listed *o = &ind->obs.indicator_listed;
	struct lm_facts *f = r->d->facts;
	for (size_t i = 0; i < g->n_own; i++)
		if (lm_str_eq(g->own[i].source, o->source) && g->own[i].trusted == ind->trusted &&
		    g->own[i].evidence.offset == ind->evidence.offset)
			return;
	if (g->n_own == SOURCES_MAX)
		return;
	struct lm_facts_named *n = &g->own[g->n_own++];
	*n = (struct lm_facts_named){
		.type = g->type,
		.value = g->name,
		.label = lm_facts_intern(f, o->label),
		.family = lm_facts_intern(f, o->family),
		.actor = lm_facts_intern(f, o->actor),
		.reference = lm_facts_intern(f, o->reference),
		.source = lm_facts_intern(f, o->source),
		.published = o->published,
		.confidence = o->confidence,
		.trusted = ind->trusted,
		.evidence = ind->evidence,
	};
	n->evidence.path = lm_facts_intern(f, ind->evidence.path);
}

/* As join.c joins a sighting: the strongest hash decides. */
static const struct lm_facts_content *joined(const struct lm_facts *f, const struct lm_obs_file_sighting *s)
{
	const struct lm_facts_content *k = lm_facts_find(f, s->sha256.n ? s->sha256 : s->sha1.n ? s->sha1 : s->md5);
	return k || s->sha256.n || !s->sha1.n ? k : lm_facts_find(f, s->md5);
}

/*
 * True when the content that the row is joined to is named itself: by this value, or by another one of a list that
 * nobody trusts less.
 */
static bool told(const struct lm_facts_content *k, const struct lm_stored *ind)
{
	const struct lm_obs_indicator_listed *o = &ind->obs.indicator_listed;
	const struct lm_facts_named *n = k ? k->named : NULL;
	if (n && (n->trusted || !ind->trusted))
		return true;
	for (; n; n = n->next)
		if (lm_str_eq(n->type, o->type) && lm_str_eq(n->value, o->value))
			return true;
	return false;
}

/* Which hash of the row met the list. */
static struct lm_str stated_words(struct lm_arena *a, const struct lm_facts *f, struct lm_str value,
				  const struct lm_obs_file_sighting *s)
{
	uint8_t raw[32];
	size_t n = lm_str_unhex(value, raw, sizeof raw);
	if (n > sizeof raw)
		return (struct lm_str){ 0 };
	struct lm_str listed_hash = { (const char *)raw, n };
	struct lm_bytes own = n == 32 ? s->sha256 : n == 20 ? s->sha1 : s->md5;
	const char *name = n == 32 ? "SHA-256" : n == 20 ? "SHA-1" : "MD5", *of = "";
	if (!lm_str_eq(lm_bytes_str(own), listed_hash)) { /* met through a content in evidence that has both */
		const struct lm_facts_content *k = lm_facts_find(f, lm_str_bytes(listed_hash));
		bool sha1 = k && s->sha1.n && lm_str_eq(lm_bytes_str(s->sha1), lm_bytes_str(k->sha1));
		own = sha1 || !s->md5.n ? s->sha1 : s->md5;
		name = sha1 || !s->md5.n ? "SHA-1" : "MD5";
		of = " of a file with the listed hash";
	}
	struct lm_str hex = lm_word_hex(a, own);
	return lm_arena_fmt(a, "The %s %.*s%s matched: the row states it, not the file%s.", name, LM_STR_ARG(hex), of,
			    s->sha256.n ? ", and beside a SHA-256 that the list does not name" : "");
}

static enum lm_rc on_hit(void *user, const struct lm_indicator_hit *h)
{
	struct run *r = user;
	const struct lm_obs_indicator_listed *o = &h->indicator->obs.indicator_listed;
	bool hash = lm_hit_is_hash(o->type), sighting = h->where->obs.kind == LM_K_file_sighting;
	if (hash && !sighting)
		return LM_OK; /* joined to contents */
	struct lm_str path = { 0 }, stated = { 0 }, key = o->value;
	struct lm_arena_mark m = lm_arena_mark(r->d->arena);
	if (sighting) {
		const struct lm_obs_file_sighting *s = &h->where->obs.file_sighting;
		const struct lm_facts_content *k = joined(r->d->facts, s);
		if (hash ? told(k, h->indicator) : k && k->altered)
			return LM_OK; /* told already, by more than its name */
		path = s->path;
		if (hash) {
			stated = stated_words(r->d->arena, r->d->facts, o->value, s);
			key = lm_arena_fmt(r->d->arena, "row %.*s", LM_STR_ARG(o->value));
			if (!stated.n || !key.n)
				return LM_ELIMIT;
		}
	}
	struct group *g = group_of(r, o->type, o->value, indicator_severity(o->type, h->indicator->trusted));
	if (!g)
		return LM_ELIMIT;
	add_source(r, g, h->indicator);
	enum lm_rc rc =
		one_observation(r, g, key, h->where->host, h->where->obs.time, &h->where->evidence, path, stated, NULL);
	lm_arena_reset(r->d->arena, m);
	return rc;
}

/* ---- findings ---- */

static void group_words(struct lm_finding *f, struct lm_arena *a, const struct group *g)
{
	if (!g->type.n && g->match) {
		struct lm_str rule = lm_word_quote(a, g->name), file = lm_word_quote(a, g->match->file);
		struct lm_str what = lm_word_cap(a, g->match->description), family = lm_word_cap(a, g->match->family);
		lm_finding_why(f, lm_arena_fmt(a, "Rule %.*s of %.*s%s%.*s%s%.*s.", LM_STR_ARG(rule), LM_STR_ARG(file),
					       what.n ? ": " : "", LM_STR_ARG(what), family.n ? "; family " : "",
					       LM_STR_ARG(family)));
		bool strong = g->severity >= LM_SEV_HIGH;
		lm_finding_term(f, strong ? "strong rule" : "rule", strong ? strong_rule : some_rule,
				g->match->score.set ? lm_arena_fmt(a, "score %lld", (long long)g->match->score.v)
						    : (struct lm_str){ 0 });
	}
	bool trusted = false;
	for (size_t i = 0; i < g->n_own; i++) {
		const struct lm_facts_named *n = &g->own[i];
		struct lm_str source = lm_word_quote(a, n->source), value = lm_word_quote(a, n->value);
		struct lm_str label = lm_word_cap(a, n->label), family = lm_word_cap(a, n->family);
		trusted |= n->trusted;
		lm_finding_why(f, lm_arena_fmt(a, "List %.*s (%s) names the %.*s %.*s%s%.*s%s%.*s.", LM_STR_ARG(source),
					       n->trusted ? "given with --intel" : "found in evidence",
					       LM_STR_ARG(n->type), LM_STR_ARG(value), label.n ? ": " : "",
					       LM_STR_ARG(label), family.n ? ", family " : "", LM_STR_ARG(family)));
		lm_finding_cite(f, n->evidence);
	}
	if (!g->n_own)
		return;
	lm_finding_term(f, "indicator", listed, LM_STR("a list of indicators names it"));
	if (!trusted) {
		lm_finding_term(f, "list in evidence", list_in_evidence, LM_STR("nobody vouched for the list"));
		lm_finding_counter(f, LM_STR("The list was found in evidence."));
	}
	if (lm_str_eq(g->type, LM_STR("filename"))) {
		lm_finding_term(f, "name only", name_only, LM_STR("a file name is not proof of content"));
		lm_finding_counter(f, LM_STR("Only the name matches; other products ship files of this name."));
	}
}

static void begin(struct lm_finding *f, struct lm_arena *a, const struct group *g)
{
	*f = (struct lm_finding){ .detector = "hits", .stage = LM_STAGE_NONE, .severity = g->severity };
	f->rule = g->type.n ? lm_arena_fmt(a, "indicator-%.*s", LM_STR_ARG(g->type)) : g->name;
	lm_finding_term(f, "prior", prior, LM_STR("rules and lists meet clean files too"));
}

static enum lm_rc emit_hit(struct run *r, const struct group *g, const struct hit *h)
{
	struct lm_arena *a = r->d->arena;
	struct lm_arena_mark m = lm_arena_mark(a);
	struct lm_finding f;
	begin(&f, a, g);
	f.host = h->host ? h->host->id : 0;
	f.key = g->type.n ? lm_arena_fmt(a, "%.*s\n%.*s", LM_STR_ARG(g->name), LM_STR_ARG(h->key)) : h->key;
	f.subject = h->path.n ? lm_path_base(h->path) : h->content ? h->content->hex : g->name;
	f.first_seen = h->first;
	f.last_seen = h->last;
	struct lm_str host = h->host ? lm_word_quote(a, h->host->name) : (struct lm_str){ 0 };
	struct lm_str path = lm_word_quote(a, h->path), count = lm_word_count(a, h->count, "time", "times");
	const char *on = h->host ? " on " : "";
	for (size_t i = 0; i < h->n_refs; i++)
		lm_finding_cite(&f, h->refs[i]);
	group_words(&f, a, g);
	if (h->content)
		lm_finding_why(&f, lm_arena_fmt(a, "Content %s %.*s at %.*s%s%.*s, seen %.*s there%s.",
						h->content->hex_kind, LM_STR_ARG(h->content->hex), LM_STR_ARG(path), on,
						LM_STR_ARG(host), LM_STR_ARG(count),
						h->file ? "" : ", by a hash in a list only"));
	else if (h->path.n)
		lm_finding_why(&f, lm_arena_fmt(a, "Seen %.*s%s%.*s, first at %.*s.", LM_STR_ARG(count), on,
						LM_STR_ARG(host), LM_STR_ARG(path)));
	else
		lm_finding_why(&f, lm_arena_fmt(a, "Seen %.*s%s%.*s.", LM_STR_ARG(count), on, LM_STR_ARG(host)));
	lm_finding_why(&f, h->stated);
	if (h->stated.n)
		lm_finding_counter(&f, LM_STR("Only a row states the hash; nobody here hashed the file."));
	if (h->match && h->match->string.n) {
		struct lm_str string = lm_word_quote(a, h->match->string);
		lm_finding_why(&f, lm_arena_fmt(a, "First string that matched: %.*s at offset 0x%llx, %llu bytes.",
						LM_STR_ARG(string), (unsigned long long)h->match->evidence.offset,
						(unsigned long long)h->match->evidence.length));
	}
	if (h->host && h->host->resolved.n) {
		struct lm_str how = lm_word_cap(a, h->host->resolved);
		lm_finding_why(&f, lm_arena_fmt(a, "How the host was resolved: %.*s.", LM_STR_ARG(how)));
	}
	if (h->file)
		lm_finding_term(&f, "file itself", by_file, LM_STR("its bytes are in evidence"));
	if (h->weak)
		lm_finding_term(&f, "weak hash", weak_hash, LM_STR("joined by SHA-1 or MD5, which can collide"));
	enum lm_rc rc = lm_finding_store(r->d, &f);
	lm_arena_reset(a, m);
	return rc;
}

static enum lm_rc emit_group(struct run *r, const struct group *g)
{
	struct lm_arena *a = r->d->arena;
	struct lm_arena_mark m = lm_arena_mark(a);
	struct lm_finding f;
	begin(&f, a, g);
	f.key = lm_arena_fmt(a, "fleet\n%.*s", LM_STR_ARG(g->name));
	f.subject = g->name;
	f.first_seen = g->from;
	f.last_seen = g->to;
	struct lm_str hosts = lm_word_count(a, g->hosts, "host", "hosts");
	struct lm_str places = lm_word_count(a, g->places, "place", "places");
	lm_finding_why(&f, lm_arena_fmt(a, "%.*s, %.*s; the first, middle and last are cited.", LM_STR_ARG(hosts),
					LM_STR_ARG(places)));
	lm_finding_cite(&f, *g->refs[0]);
	lm_finding_cite(&f, *g->refs[(g->n_refs - 1) / 2]);
	lm_finding_cite(&f, *g->refs[g->n_refs - 1]);
	group_words(&f, a, g);
	enum lm_rc rc = lm_finding_store(r->d, &f);
	lm_arena_reset(a, m);
	return rc;
}

static enum lm_rc emit_all(struct run *r)
{
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < r->groups.n; i++) {
		const struct group *g = r->groups.entries[i].v.ptr;
		bool wide = g->hosts > GROUP_HOSTS;
		if (wide)
			rc = emit_group(r, g);
		for (const struct hit *h = wide && (g->dropped || g->severity < LM_SEV_HIGH) ? NULL : g->hits;
		     rc == LM_OK && h; h = h->next)
			rc = emit_hit(r, g, h);
	}
	return rc;
}

static enum lm_rc run(struct lm_detect_ctx *d)
{
	struct run r = { .d = d };
	lm_map_init(&r.groups);
	lm_map_init(&r.hits);
	enum lm_rc rc = contents(&r);
	if (rc == LM_OK)
		rc = events(&r);
	if (rc == LM_OK)
		rc = lm_case_match(d->c, on_hit, &r);
	if (rc == LM_OK)
		rc = emit_all(&r);
	for (size_t i = 0; i < r.groups.n; i++)
		if (r.groups.entries[i].v.ptr)
			free(((struct group *)r.groups.entries[i].v.ptr)->refs);
	lm_map_fini(&r.groups);
	lm_map_fini(&r.hits);
	return rc;
}

static const enum lm_kind needs[] = { LM_K_rule_match, LM_K_indicator_listed, LM_KIND_NONE };
static const char *const attack[] = { NULL };

const struct lm_detector lm_detector_hits = {
	.name = "hits",
	.summary = "rules that matched and indicators that were met, beyond altered releases",
	.stage = LM_STAGE_NONE,
	.needs = needs,
	.attack = attack,
	.run = run,
};
