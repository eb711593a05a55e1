/* SPDX-License-Identifier: Apache-2.0 */
/*
 * altered.c - signed software that is not what its signer signed, and who has it. In: contents with signature
 * facts, hashes that indicators name, rules that matched, sightings. Out: one finding a (rule, content) with
 * the whole proof, and one a (rule, content, host) where the host has that content by hash. Names, versions
 * and folders never make a host altered; the same clean content elsewhere never does either.
 */
#include "base/text.h"
#include "base/timestamp.h"
#include "detect/judge.h"

#include <stdlib.h>

/* Log-odds; docs/dev/confidence.md. */
static const double by_file = 2.5, by_inventory = 1.2, by_log = 1.0, weak_hash = -0.5, in_release = 0.5, listed = 3.0,
		    list_in_evidence = -1.0, list_sure = 0.5, list_unsure = -0.5, strong_rule = 2.0, named_prior = -1.0;
enum { GROUP_CONTENTS = 200, INDICATORS_MAX = 4, PATHS_MAX = 3, GROUPS_MAX = 16 };

/* Informational rules are counted first: above GROUP_CONTENTS contents one finding speaks for all. */
struct group {
	struct lm_str rule;
	uint64_t n, done;
	struct lm_finding f;
	bool started;
};

struct run {
	struct lm_detect_ctx *d;
	struct group groups[GROUPS_MAX];
	size_t n_groups;
	bool counting;
};

void lm_altered_mark(struct lm_facts *f)
{
	for (size_t i = 0; i < f->n_contents; i++) {
		struct lm_facts_content *k = f->contents[i];
		k->wanted |= k->named || lm_judge_is_high(k);
		for (const struct lm_facts_match *m = k->matches; m; m = m->next)
			k->wanted |= lm_match_is_high(m);
	}
}

bool lm_match_is_high(const struct lm_facts_match *m)
{
	return (m->score.set && m->score.v >= 75) || lm_str_eq_ci(m->severity, LM_STR("high")) ||
	       lm_str_eq_ci(m->severity, LM_STR("critical"));
}

static struct lm_str subject_of(const struct lm_facts_content *k)
{
	for (size_t i = 0; i < k->n_sights; i++)
		if (k->sights[i]->path.n)
			return lm_path_base(k->sights[i]->path);
	if (k->flags & LM_FACTS_BYTES)
		return lm_path_base(k->evidence.path);
	return k->hex;
}

static void release_words(struct lm_finding *f, struct lm_arena *a, const struct lm_facts_content *k)
{
	uint64_t n = 0;
	struct lm_buf text;
	lm_buf_init(&text, 4096);
	for (const struct lm_facts_product *p = k->products; p; p = p->next) {
		if (n++ >= PATHS_MAX)
			continue;
		struct lm_str words = lm_word_release(a, &p->release);
		lm_buf_fmt(&text, "%s'%.*s'", n > 1 ? ", " : "", LM_STR_ARG(words));
	}
	if (n)
		lm_finding_why(f, lm_arena_fmt(a, "It came in %.*s%s.", LM_STR_ARG(lm_buf_view(&text)),
					       n > PATHS_MAX ? " and further releases" : ""));
	lm_buf_fini(&text);
}

/* Who has it, in numbers; a fleet finding cites first, median and last sighting. */
static void fleet_words(struct lm_finding *f, struct lm_arena *a, const struct lm_facts_content *k)
{
	uint64_t files = 0, hosts = 0;
	const struct lm_host *last = NULL;
	size_t end = 0;
	for (size_t i = 0; i < k->n_sights; i++) {
		const struct lm_facts_sight *x = k->sights[i];
		lm_finding_seen(f, x->time);
		if (!x->host || x->host == last)
			continue;
		/* sorted: a host's own file comes first */
		hosts++;
		files += x->file;
		last = x->host;
		end = i + 1;
	}
	if (!hosts) {
		if (k->flags & LM_FACTS_BYTES)
			lm_finding_why(f, LM_STR("No host is known to have it: it was given as a plain file."));
		return;
	}
	struct lm_str n = lm_word_count(a, hosts, "host has", "hosts have");
	struct lm_str by_bytes = lm_word_num(a, files), by_hash = lm_word_num(a, hosts - files);
	lm_finding_why(f, lm_arena_fmt(a, "%.*s it by hash: %.*s by the file itself, %.*s by a hash in a list only.",
				       LM_STR_ARG(n), LM_STR_ARG(by_bytes), LM_STR_ARG(by_hash)));
	lm_finding_cite(f, k->sights[0]->evidence);
	lm_finding_cite(f, k->sights[(end - 1) / 2]->evidence);
	lm_finding_cite(f, k->sights[end - 1]->evidence);
}

static struct lm_str has_words(struct lm_arena *a, const struct lm_facts_content *k, const struct lm_facts_sight *x)
{
	struct lm_str host = lm_word_quote(a, x->host->name), path = lm_word_quote(a, x->path);
	struct lm_str source = lm_word_quote(a, x->source);
	if (x->file)
		return lm_arena_fmt(a, "%.*s has it at %.*s: the file itself is in evidence (%s %.*s).",
				    LM_STR_ARG(host), LM_STR_ARG(path), k->hex_kind, LM_STR_ARG(k->hex));
	return lm_arena_fmt(a, "%.*s has it at %.*s: a row of %.*s states its %s; the content is %s %.*s.",
			    LM_STR_ARG(host), LM_STR_ARG(path), LM_STR_ARG(source), x->by, k->hex_kind,
			    LM_STR_ARG(k->hex));
}

/* The host's own sentences first, then the proof of the content. */
static void host_words(struct lm_finding *f, struct lm_arena *a, const struct lm_facts_content *k, size_t from,
		       size_t to)
{
	const struct lm_facts_sight *x = k->sights[from];
	lm_finding_why(f, has_words(a, k, x));
	if (x->release.product.p) {
		struct lm_str r = lm_word_release(a, &x->release);
		lm_finding_why(f,
			       lm_arena_fmt(a, "Release: '%.*s' (%.*s).", LM_STR_ARG(r), LM_STR_ARG(x->release.how)));
	}
	if (x->host->resolved.n) {
		struct lm_str how = lm_word_cap(a, x->host->resolved);
		lm_finding_why(f, lm_arena_fmt(a, "How the host was resolved: %.*s.", LM_STR_ARG(how)));
	}
	if (to - from > 1) {
		struct lm_str n = lm_word_count(a, to - from - 1, "further sighting", "further sightings");
		lm_finding_why(f, lm_arena_fmt(a, "%.*s of it on this host.", LM_STR_ARG(n)));
	}
	struct lm_int modified = { 0 };
	for (size_t i = from; i < to; i++) {
		lm_finding_seen(f, k->sights[i]->time);
		if (k->sights[i]->modified.set && (!modified.set || k->sights[i]->modified.v < modified.v))
			modified = k->sights[i]->modified;
		if (i - from < PATHS_MAX)
			lm_finding_cite(f, k->sights[i]->evidence);
	}
	if (!f->first_seen.set && modified.set) {
		char iso[LM_TIME_TEXT];
		lm_finding_seen(f, modified);
		lm_finding_why(f, lm_arena_fmt(a,
					       "The only time known is the file's modification time, %s, which anyone "
					       "may set.",
					       lm_time_iso(modified.v, iso)));
	}
	if (x->file)
		lm_finding_term(f, "file itself", by_file, LM_STR("its bytes were read from this host's evidence"));
	else if (lm_str_eq(x->source, LM_STR("inventory")))
		lm_finding_term(f, "hash in inventory", by_inventory, LM_STR("an inventory states the hash"));
	else
		lm_finding_term(f, "hash in a log", by_log, LM_STR("a log states the hash"));
	if (!x->file && strcmp(x->by, "SHA-256") != 0) {
		lm_finding_term(f, "weak hash", weak_hash, LM_STR("joined by SHA-1 or MD5, which can collide"));
		lm_finding_counter(f, LM_STR("Joined by SHA-1 or MD5 alone; collisions can be made."));
	}
	if (!x->file)
		lm_finding_counter(f,
				   LM_STR("The bytes were not collected from this host; a list's hash is believed."));
}

static void append_lists(struct lm_finding *f, const struct lm_finding *base)
{
	for (size_t i = 0; i < base->n_why; i++)
		lm_finding_why(f, base->why[i]);
	for (size_t i = 0; i < base->n_counter; i++)
		lm_finding_counter(f, base->counter[i]);
	for (size_t i = 0; i < base->n_evidence; i++)
		lm_finding_cite(f, base->evidence[i]);
}

static enum lm_rc hosts_have(struct run *r, struct lm_facts_content *k, const struct lm_finding *base)
{
	struct lm_arena *a = r->d->arena;
	enum lm_rc rc = LM_OK;
	for (size_t i = 0, end; rc == LM_OK && i < k->n_sights && k->sights[i]->host; i = end) {
		const struct lm_facts_sight *x = k->sights[i];
		for (end = i + 1; end < k->n_sights && k->sights[end]->host == x->host; end++)
			;
		struct lm_arena_mark mark = lm_arena_mark(a);
		struct lm_finding f = *base;
		f.n_why = f.n_counter = f.n_evidence = 0;
		f.first_seen = f.last_seen = (struct lm_int){ 0 };
		f.host = x->host->id;
		f.subject = x->path.n ? lm_path_base(x->path) : base->subject;
		host_words(&f, a, k, i, end);
		append_lists(&f, base);
		rc = lm_finding_store(r->d, &f);
		lm_arena_reset(a, mark);
	}
	return rc;
}

/* Remembers who has it, for `exposed` and scope, once a content. */
static enum lm_rc remember(struct run *r, struct lm_facts_content *k)
{
	struct lm_facts *f = r->d->facts;
	enum lm_rc rc = LM_OK;
	if (k->altered)
		return rc;
	k->altered = true;
	for (const struct lm_facts_product *p = k->products; rc == LM_OK && p; p = p->next)
		rc = lm_subject_add(r->d, p->release.product);
	for (size_t i = 0; i < k->n_sights; i++) {
		if (!k->sights[i]->host)
			continue;
		if (f->n_altered == f->cap_altered) {
			f->cap_altered = f->cap_altered ? f->cap_altered * 2 : 64;
			f->altered = lm_xrealloc(f->altered, f->cap_altered * sizeof(struct lm_facts_sight *));
		}
		f->altered[f->n_altered++] = k->sights[i];
		f->host_flags[k->sights[i]->host->id] |= LM_HAS_ALTERED;
	}
	return rc;
}

static struct group *group_of(struct run *r, struct lm_str rule)
{
	for (size_t i = 0; i < r->n_groups; i++)
		if (lm_str_eq(r->groups[i].rule, rule))
			return &r->groups[i];
	if (r->n_groups == GROUPS_MAX)
		return NULL;
	r->groups[r->n_groups] = (struct group){ .rule = rule };
	return &r->groups[r->n_groups++];
}

/* The informational finding that stands for many contents: cites first, median and last. */
static enum lm_rc grouped(struct run *r, struct group *g, struct lm_facts_content *k, const struct lm_finding *one)
{
	struct lm_arena *a = r->d->arena;
	bool first = g->done == 0, median = g->done == (g->n - 1) / 2, last = g->done == g->n - 1;
	g->done++;
	if (first) {
		struct lm_str n = lm_word_count(a, g->n, "signed content", "signed contents");
		g->f = *one;
		g->f.key = g->rule;
		g->f.subject = g->rule;
		g->f.n_why = g->f.n_evidence = 0;
		lm_finding_why(&g->f, lm_arena_fmt(a, "%.*s. The first, middle and last of them by hash are cited.",
						   LM_STR_ARG(n)));
		lm_finding_why(&g->f, lm_arena_fmt(a, "The first: %.*s", LM_STR_ARG(one->why[0])));
	}
	if (first || median || last)
		lm_finding_cite(&g->f, one->n_evidence ? one->evidence[0] : k->evidence);
	return last ? lm_finding_store(r->d, &g->f) : LM_OK;
}

/* A finding about a content becomes fleet and host findings. */
static enum lm_rc conclude(void *user, struct lm_facts_content *k, struct lm_finding *f)
{
	struct run *r = user;
	struct lm_arena *a = r->d->arena;
	f->detector = "altered";
	if (f->severity == LM_SEV_INFORMATIONAL) {
		struct group *g = group_of(r, f->rule);
		if (r->counting && g)
			g->n++;
		if (r->counting)
			return LM_OK;
		if (g && g->n > GROUP_CONTENTS)
			return grouped(r, g, k, f);
	}
	if (r->counting)
		return LM_OK;
	bool altered = f->severity >= LM_SEV_HIGH && (k->flags & LM_FACTS_SIGNED || k->products);
	f->stage = altered ? LM_STAGE_ALTERED : LM_STAGE_NONE;
	f->key = k->hex;
	f->subject = subject_of(k);
	if (altered && k->products) {
		lm_finding_attack(f, "T1195.002");
		lm_finding_term(f, "part of a release", in_release, LM_STR("the file came in a release of a product"));
		release_words(f, a, k);
	}
	struct lm_finding fleet = *f;
	if (altered)
		fleet_words(&fleet, a, k);
	enum lm_rc rc = lm_finding_store(r->d, &fleet);
	if (rc == LM_OK && altered)
		rc = remember(r, k);
	return rc == LM_OK && altered ? hosts_have(r, k, f) : rc;
}

/* ---- hashes that a list names ---- */

static struct lm_str named_words(struct lm_arena *a, const struct lm_facts_named *n)
{
	struct lm_str source = lm_word_quote(a, n->source), label = lm_word_cap(a, n->label);
	struct lm_str family = lm_word_cap(a, n->family), value = lm_word_cap(a, n->value);
	char iso[LM_TIME_TEXT] = "";
	if (n->published.set)
		lm_time_iso(n->published.v, iso);
	return lm_arena_fmt(a, "List %.*s (%s) names its %.*s %.*s%s%.*s%s%.*s%s%s.", LM_STR_ARG(source),
			    n->trusted ? "given with --intel" : "found in evidence", LM_STR_ARG(n->type),
			    LM_STR_ARG(value), label.n ? ": " : "", LM_STR_ARG(label), family.n ? ", family " : "",
			    LM_STR_ARG(family), n->published.set ? ", published " : "", iso);
}

static enum lm_rc known_hash(struct run *r, struct lm_facts_content *k)
{
	const struct lm_facts_named *n = k->named;
	if (!n || !k->products)
		return LM_OK;
	struct lm_arena *a = r->d->arena;
	struct lm_finding f = { .rule = LM_STR("known-hash"), .severity = n->trusted ? LM_SEV_CRITICAL : LM_SEV_HIGH };
	lm_finding_term(&f, "prior", named_prior, LM_STR("lists hold mistakes, clean files among them"));
	lm_finding_term(&f, "known hash", listed, LM_STR("a list of indicators names these bytes"));
	if (!n->trusted) {
		lm_finding_term(&f, "list in evidence", list_in_evidence, LM_STR("nobody vouched for the list"));
		lm_finding_counter(&f, LM_STR("The list was found in evidence: whoever wrote the evidence may have "
					      "written it."));
	}
	if (n->confidence.set)
		lm_finding_term(&f, "stated confidence",
				n->confidence.v >= 75  ? list_sure
				: n->confidence.v < 50 ? list_unsure
						       : 0,
				lm_arena_fmt(a, "the list says %lld of 100", (long long)n->confidence.v));
	unsigned many = 0;
	for (; n; n = n->next)
		if (many++ < INDICATORS_MAX) {
			lm_finding_why(&f, named_words(a, n));
			lm_finding_cite(&f, n->evidence);
		}
	if (k->flags & LM_FACTS_BYTES) {
		lm_finding_why(
			&f, lm_arena_fmt(a, "The content (%s %.*s) is in evidence.", k->hex_kind, LM_STR_ARG(k->hex)));
		lm_finding_cite(&f, k->evidence);
	} else {
		lm_finding_counter(&f, LM_STR("Its bytes are not in evidence: only lists state the hash."));
	}
	if (k->flags & LM_FACTS_VALID && !lm_judge_is_high(k))
		lm_finding_counter(&f,
				   LM_STR("Its signature is valid and all bytes are accounted for: if it is malicious, "
					  "it was signed so."));
	k->known_altered = true;
	return conclude(r, k, &f);
}

static enum lm_rc rule_hit(struct run *r, struct lm_facts_content *k)
{
	if (!k->products)
		return LM_OK;
	struct lm_arena *a = r->d->arena;
	struct lm_finding f = { .rule = LM_STR("rule-hit"), .severity = LM_SEV_HIGH };
	lm_finding_term(&f, "prior", named_prior, LM_STR("rules match clean files too"));
	unsigned rules = 0, told = 0;
	struct lm_str last = { 0 };
	for (const struct lm_facts_match *m = k->matches; m; m = m->next) {
		if (!lm_match_is_high(m) || (last.p && lm_str_eq(last, m->rule)))
			continue;
		last = m->rule;
		rules++;
		if (told++ >= INDICATORS_MAX)
			continue;
		struct lm_str rule = lm_word_quote(a, m->rule), file = lm_word_quote(a, m->file);
		struct lm_str what = lm_word_cap(a, m->description), str = lm_word_cap(a, m->string);
		lm_finding_why(&f, lm_arena_fmt(a, "Rule %.*s of %.*s matched %.*s at offset 0x%llx%s%.*s.",
						LM_STR_ARG(rule), LM_STR_ARG(file), LM_STR_ARG(str),
						(unsigned long long)m->evidence.offset, what.n ? ": " : "",
						LM_STR_ARG(what)));
		lm_finding_cite(&f, m->evidence);
	}
	if (!rules)
		return LM_OK;
	lm_finding_term(&f, "strong rule", strong_rule, LM_STR("severity high or critical, or score from 75"));
	if (rules > 1)
		lm_finding_term(&f, "several rules", list_sure,
				lm_arena_fmt(a, "%u different rules of that strength", rules));
	if (k->flags & LM_FACTS_VALID)
		lm_finding_counter(&f, LM_STR("Its signature is valid."));
	k->rule_altered = true;
	return conclude(r, k, &f);
}

static enum lm_rc judge_all(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < f->n_contents; i++) {
		struct lm_facts_content *k = f->contents[i];
		/* grouped findings keep texts of their first content until the last one is met */
		bool keep = false;
		for (size_t g = 0; g < r->n_groups; g++)
			keep |= r->groups[g].done == 0 && r->groups[g].n > GROUP_CONTENTS;
		struct lm_arena_mark mark = lm_arena_mark(r->d->arena);
		rc = lm_judge(r->d, k, conclude, r);
		if (rc == LM_OK && !r->counting)
			rc = known_hash(r, k);
		if (rc == LM_OK && !r->counting)
			rc = rule_hit(r, k);
		if (!keep || r->counting)
			lm_arena_reset(r->d->arena, mark);
	}
	return rc;
}

static enum lm_rc run(struct lm_detect_ctx *d)
{
	struct run r = { .d = d, .counting = true };
	enum lm_rc rc = judge_all(&r);
	r.counting = false;
	if (rc == LM_OK)
		rc = judge_all(&r);
	return rc == LM_OK ? lm_twins(d) : rc;
}

static const enum lm_kind needs[] = { LM_K_signature, LM_K_signature_fact, LM_K_signature_unhashed, LM_K_file_sighting,
				      LM_KIND_NONE };
static const char *const attack[] = { "T1036.001", "T1195.002", "T1553.002", NULL };

const struct lm_detector lm_detector_altered = {
	.name = "altered",
	.summary = "signed or released software that is not what its vendor built, and who has it by hash",
	.stage = LM_STAGE_ALTERED,
	.needs = needs,
	.attack = attack,
	.run = run,
};
