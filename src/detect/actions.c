/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actions.c - the words of page one: what was found, what to do, what nobody could see, what is still open. In:
 * what the detectors of this run shared, evidence rows, hosts. Out: notes in sections verdict, action, blind,
 * gap, question. Every sentence has its number, and "nothing found" always says what was looked at.
 *
 * Notes: action has why (lines) as text and the next step as detail; question has the question as text and the
 * command as detail; verdict, blind and gap have the sentence as text and further lines as detail.
 */
#include "base/text.h"
#include "detect/judge.h"

#include <stdlib.h>

enum { NAMES_MAX = 10, GROUPS_MAX = 12, PRODUCTS_MAX = 8, LINES_MAX = 1 << 16 };

struct run {
	struct lm_detect_ctx *d;
	int64_t order;
	struct lm_buf lines;
	uint64_t machines, listed, seen, addresses, proxies;
	uint64_t pe, is_signed, valid, contents, with_files;
	uint64_t altered_contents, altered_hosts, hash_only_hosts;
};

static enum lm_rc put(struct run *r, const char *section, struct lm_str text, struct lm_str detail)
{
	if (r->d->arena->spent || r->lines.bad)
		return LM_ELIMIT;
	struct lm_note n = { .section = section, .order = ++r->order, .text = text, .detail = detail };
	return lm_case_note(r->d->c, &n);
}

static struct lm_str num(struct run *r, uint64_t n)
{
	return lm_word_num(r->d->arena, n);
}

static struct lm_str hosts_words(struct run *r, uint64_t n)
{
	return lm_word_count(r->d->arena, n, "host", "hosts");
}

static struct lm_str lines(struct run *r)
{
	return r->lines.n ? lm_arena_str(r->d->arena, lm_buf_view(&r->lines)) : (struct lm_str){ 0 };
}

static void line(struct run *r, struct lm_str text)
{
	if (r->lines.n)
		lm_buf_putc(&r->lines, '\n');
	lm_buf_str(&r->lines, text);
}

/* ---- counting ---- */

static void tally(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	for (size_t i = 0; i < f->n_hosts; i++) {
		const struct lm_host *h = &f->hosts[i];
		r->addresses += h->kind == LM_HOST_ADDRESS;
		r->proxies += h->kind == LM_HOST_PROXY;
		if (h->kind != LM_HOST_MACHINE)
			continue;
		r->machines++;
		r->listed += h->listed;
		r->seen += h->seen;
		r->with_files += f->host_flags[h->id] & LM_HAS_FILES ? 1 : 0;
		r->altered_hosts += f->host_flags[h->id] & LM_HAS_ALTERED ? 1 : 0;
	}
	for (size_t i = 0; i < f->n_contents; i++) {
		const struct lm_facts_content *k = f->contents[i];
		r->contents += k->flags & LM_FACTS_BYTES ? 1 : 0;
		r->pe += k->flags & LM_FACTS_PE ? 1 : 0;
		r->is_signed += k->flags & LM_FACTS_SIGNED ? 1 : 0;
		r->valid += k->flags & LM_FACTS_VALID ? 1 : 0;
		r->altered_contents += k->altered;
	}
	/* a host that has an altered file by hash only: nothing of it was collected */
	uint8_t *file = lm_xalloc(f->n_hosts + 1);
	memset(file, 0, f->n_hosts + 1);
	for (size_t i = 0; i < f->n_altered; i++)
		file[f->altered[i]->host->id] |= f->altered[i]->file;
	for (size_t i = 0; i < f->n_hosts; i++)
		r->hash_only_hosts += f->hosts[i].kind == LM_HOST_MACHINE &&
				      f->host_flags[f->hosts[i].id] & LM_HAS_ALTERED && !file[f->hosts[i].id];
	free(file);
}

/* ---- verdict ---- */

/* Distinct machines with an altered content of the product, and with the product at all. */
struct reach {
	uint64_t altered, exposed, leads;
};

static struct reach reach_of(struct run *r, struct lm_str product, struct lm_str version)
{
	struct lm_facts *f = r->d->facts;
	struct reach n = { 0 };
	const struct lm_host *last = NULL, *last_altered = NULL, *last_lead = NULL;
	for (size_t i = 0; i < f->n_exposed; i++) {
		const struct lm_facts_exposed *x = &f->exposed[i];
		if (x->host->kind != LM_HOST_MACHINE || !lm_facts_same_product(x->product, product) ||
		    (version.p && !lm_facts_same_version(x->version, version)))
			continue;
		n.exposed += x->host != last;
		last = x->host;
		n.altered += x->altered && x->host != last_altered;
		last_altered = x->altered ? x->host : last_altered;
		n.leads += x->lead && x->host != last_lead;
		last_lead = x->lead ? x->host : last_lead;
	}
	return n;
}

/* Why a content counts as altered, with the numbers that a reader would ask for next. */
static struct lm_str reason_of(struct run *r, const struct lm_facts_content *k)
{
	struct lm_arena *a = r->d->arena;
	uint64_t bytes = 0;
	for (const struct lm_facts_unhashed *u = k->unhashed; u; u = u->next)
		if (lm_judge_appended(u) && u->length.set && u->length.v > 0)
			bytes += (uint64_t)u->length.v;
	if (bytes) {
		struct lm_str n = num(r, bytes), signer = lm_word_quote(a, lm_judge_signer(k));
		return lm_arena_fmt(a,
				    "%s, yet it carries %.*s bytes in its certificate table that no hash covers%s%.*s",
				    k->flags & LM_FACTS_VALID ? "its signature verifies" : "it is signed",
				    LM_STR_ARG(n), signer.n ? ", signed by " : "", LM_STR_ARG(signer));
	}
	if (lm_facts_code(k, "digest-mismatch"))
		return LM_STR("its bytes are not those that were signed");
	if (lm_judge_is_high(k))
		return LM_STR("its signature is not one a vendor makes");
	return k->named ? LM_STR("a list of indicators names its hash") : LM_STR("strong rules match its bytes");
}

/* One sentence a content: what it is called, where it is, why it counts. */
static struct lm_str content_sentence(struct run *r, const struct lm_facts_content *k)
{
	struct lm_str name = k->n_sights ? lm_path_base(k->sights[0]->path) : lm_path_base(k->evidence.path);
	struct lm_str quoted = lm_word_quote(r->d->arena, name), reason = reason_of(r, k),
		      on = hosts_words(r, k->n_hosts);
	return lm_arena_fmt(r->d->arena, "%.*s on %.*s: %.*s.", LM_STR_ARG(quoted), LM_STR_ARG(on), LM_STR_ARG(reason));
}

static enum lm_rc verdict_products(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	enum lm_rc rc = LM_OK;
	unsigned told = 0;
	for (size_t i = 0; rc == LM_OK && i < f->subjects.n; i++) {
		const struct lm_facts_subject *s = f->subjects.entries[i].v.ptr;
		if (!s->altered || told++ >= PRODUCTS_MAX)
			continue;
		uint64_t contents = 0;
		for (size_t c = 0; c < f->n_contents; c++) {
			const struct lm_facts_content *k = f->contents[c];
			bool of = false;
			for (const struct lm_facts_product *p = k->products; p; p = p->next)
				of |= lm_facts_same_product(p->release.product, s->name);
			contents += k->altered && of;
		}
		struct reach n = reach_of(r, s->name, (struct lm_str){ 0 });
		struct lm_str product = lm_word_quote(r->d->arena, s->name), a = num(r, n.altered);
		struct lm_str e = hosts_words(r, n.exposed);
		struct lm_str what = lm_word_count(r->d->arena, contents, "altered content", "altered contents");
		rc = put(r, "verdict",
			 lm_arena_fmt(r->d->arena, "%.*s: %.*s; %.*s of the %.*s with the product have %s by hash.",
				      LM_STR_ARG(product), LM_STR_ARG(what), LM_STR_ARG(a), LM_STR_ARG(e),
				      contents == 1 ? "it" : "them"),
			 (struct lm_str){ 0 });
	}
	return rc;
}

static enum lm_rc verdict_content(struct run *r, const struct lm_facts_content *k)
{
	return put(r, "verdict", content_sentence(r, k),
		   lm_arena_fmt(r->d->arena, "%s %.*s", k->hex_kind, LM_STR_ARG(k->hex)));
}

static enum lm_rc verdict(struct run *r)
{
	struct lm_arena *a = r->d->arena;
	struct lm_str machines = hosts_words(r, r->machines), is_signed = num(r, r->is_signed), pe = num(r, r->pe);
	struct lm_str files = num(r, r->with_files), sightings = num(r, r->d->facts->n_sightings);
	struct lm_str valid = num(r, r->valid);
	struct lm_str looked =
		lm_arena_fmt(a,
			     "Examined: %.*s program files, %.*s of them signed and %.*s with a valid signature; %.*s "
			     "sightings of files; files of %.*s of %.*s.",
			     LM_STR_ARG(pe), LM_STR_ARG(is_signed), LM_STR_ARG(valid), LM_STR_ARG(sightings),
			     LM_STR_ARG(files), LM_STR_ARG(machines));
	if (r->altered_contents) {
		struct lm_str h = num(r, r->altered_hosts);
		/* what limier found in the bytes and what a list merely says are two different sentences */
		uint64_t listed = 0;
		for (size_t i = 0; i < r->d->facts->n_contents; i++) {
			const struct lm_facts_content *k = r->d->facts->contents[i];
			listed += k->altered && !lm_judge_is_high(k) && k->named;
		}
		uint64_t found = r->altered_contents - (listed < r->altered_contents ? listed : r->altered_contents);
		const struct lm_str none = LM_STR("");
		struct lm_str n = found ? lm_word_count(a, found, "content is", "contents are") : none;
		struct lm_str m = listed ? lm_word_count(a, listed, "content is", "contents are") : none;
		struct lm_str both = lm_arena_fmt(a, "%.*s%s%s%.*s%s", LM_STR_ARG(n),
						  found ? " not what the signer signed or the vendor released" : "",
						  found && listed ? "; " : "", LM_STR_ARG(m),
						  listed ? " named by a list of indicators" : "");
		enum lm_rc rc =
			put(r, "verdict",
			    lm_arena_fmt(a, "%.*s; %.*s of %.*s have %s by hash.", LM_STR_ARG(both), LM_STR_ARG(h),
					 LM_STR_ARG(machines), r->altered_contents == 1 ? "it" : "them"),
			    (struct lm_str){ 0 });
		if (rc == LM_OK)
			rc = verdict_products(r);
		for (size_t i = 0, told = 0; rc == LM_OK && i < r->d->facts->n_contents && told < 3; i++)
			if (r->d->facts->contents[i]->altered && ++told)
				rc = verdict_content(r, r->d->facts->contents[i]);
		return rc == LM_OK ? put(r, "verdict", looked, (struct lm_str){ 0 }) : rc;
	}
	enum lm_rc rc =
		put(r, "verdict",
		    r->is_signed || r->d->facts->n_sightings
			    ? LM_STR("No altered file was found in what was examined.")
			    : LM_STR("No signed program file and no hash list was in the evidence: whether anything is "
				     "altered was not examined."),
		    (struct lm_str){ 0 });
	if (rc == LM_OK)
		rc = put(r, "verdict", looked, (struct lm_str){ 0 });
	if (rc == LM_OK)
		rc = put(r, "verdict",
			 LM_STR("This does not prove that nothing is wrong: files that were not collected were not "
				"examined, "
				"and software that was changed before it was signed has an intact signature."),
			 (struct lm_str){ 0 });
	return rc;
}

/* ---- actions ---- */

static enum lm_rc remove_versions(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	struct lm_arena *a = r->d->arena;
	struct lm_map told;
	lm_map_init(&told);
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < f->n_exposed; i++) {
		const struct lm_facts_exposed *x = &f->exposed[i];
		if (!x->altered || told.n >= PRODUCTS_MAX * 2)
			continue;
		struct lm_str key = lm_arena_fmt(a, "%.*s\n%.*s", LM_STR_ARG(x->product), LM_STR_ARG(x->version));
		bool added;
		lm_map_add(&told, lm_str_lower(a, key), &added);
		if (!added)
			continue;
		struct lm_str any = x->version.n ? x->version : (struct lm_str){ "", 0 };
		struct reach n = reach_of(r, x->product, any);
		struct lm_facts_release release = { .product = x->product, .version = x->version };
		struct lm_str words = lm_word_release(a, &release), altered = hosts_words(r, n.altered);
		uint64_t unseen = n.exposed > n.altered ? n.exposed - n.altered : 0;
		struct lm_str which =
			x->version.n ? LM_STR("this version") : LM_STR("the product without a stated version");
		struct lm_str rest = hosts_words(r, unseen);
		rc = put(
			r, "action",
			lm_arena_fmt(
				a,
				"'%.*s' carries altered content on %.*s\n%.*s more have %.*s; the altered file was not "
				"seen there",
				LM_STR_ARG(words), LM_STR_ARG(altered), LM_STR_ARG(rest), LM_STR_ARG(which)),
			lm_arena_fmt(a,
				     "Remove '%.*s' from %.*s, after collecting the altered files and memory where "
				     "they run.",
				     LM_STR_ARG(words), LM_STR_ARG(altered)));
	}
	lm_map_fini(&told);
	return rc;
}

static enum lm_rc block_list(struct run *r)
{
	struct lm_facts *f = r->d->facts;
	uint64_t n = 0;
	lm_buf_clear(&r->lines);
	for (size_t i = 0; i < f->n_contents; i++)
		if (f->contents[i]->altered && n++ < NAMES_MAX)
			line(r, lm_arena_fmt(r->d->arena, "%s %.*s", f->contents[i]->hex_kind,
					     LM_STR_ARG(f->contents[i]->hex)));
	if (!n)
		return LM_OK;
	if (n > NAMES_MAX) {
		struct lm_str more = num(r, n - NAMES_MAX);
		line(r, lm_arena_fmt(r->d->arena, "and %.*s more, in the findings", LM_STR_ARG(more)));
	}
	struct lm_str count = lm_word_count(r->d->arena, n, "hash", "hashes");
	return put(r, "action", lines(r),
		   lm_arena_fmt(r->d->arena, "Put %.*s of altered contents on the block list and sweep for them.",
				LM_STR_ARG(count)));
}

/* Names of the first hosts of a kind, for a sentence. */
static struct lm_str some_hosts(struct run *r, bool (*is)(const struct run *r, const struct lm_host *h))
{
	struct lm_facts *f = r->d->facts;
	struct lm_buf names;
	lm_buf_init(&names, 1 << 14);
	uint64_t n = 0;
	for (size_t i = 0; i < f->n_hosts; i++) {
		if (f->hosts[i].kind != LM_HOST_MACHINE || !is(r, &f->hosts[i]) || n++ >= NAMES_MAX)
			continue;
		struct lm_str name = lm_word_cap(r->d->arena, f->hosts[i].name);
		lm_buf_fmt(&names, "%s%.*s", names.n ? ", " : "", LM_STR_ARG(name));
	}
	if (n > NAMES_MAX)
		lm_buf_puts(&names, " ...");
	struct lm_str out = lm_arena_str(r->d->arena, lm_buf_view(&names));
	lm_buf_fini(&names);
	return out;
}

static bool altered_unseen(const struct run *r, const struct lm_host *h)
{
	uint8_t flags = r->d->facts->host_flags[h->id];
	return flags & LM_HAS_ALTERED && !(flags & LM_HAS_FILES);
}

static enum lm_rc actions(struct run *r)
{
	struct lm_arena *a = r->d->arena;
	struct lm_facts *f = r->d->facts;
	enum lm_rc rc = remove_versions(r);
	if (rc == LM_OK)
		rc = block_list(r);
	if (rc == LM_OK && r->hash_only_hosts) {
		struct lm_str n = hosts_words(r, r->hash_only_hosts), names = some_hosts(r, altered_unseen);
		rc = put(r, "action",
			 lm_arena_fmt(
				 a,
				 "%.*s have altered content by a hash in a list only; their files were not read\n%.*s",
				 LM_STR_ARG(n), LM_STR_ARG(names)),
			 lm_arena_fmt(a, "Collect the altered files from %.*s.", LM_STR_ARG(n)));
	}
	uint64_t leads = 0;
	const struct lm_host *last = NULL;
	for (size_t i = 0; i < f->n_exposed; i++) {
		leads += f->exposed[i].lead && f->exposed[i].host != last;
		last = f->exposed[i].lead ? f->exposed[i].host : last;
	}
	if (rc == LM_OK && leads) {
		struct lm_str n = hosts_words(r, leads);
		rc = put(r, "action",
			 lm_arena_fmt(a,
				      "%.*s have a version that is altered elsewhere, and no hash of the file is known",
				      LM_STR_ARG(n)),
			 lm_arena_fmt(a, "Collect the named files, or their SHA-256, from %.*s.", LM_STR_ARG(n)));
	}
	if (rc == LM_OK && r->altered_hosts)
		rc = put(r, "action",
			 LM_STR("No finding of this case goes beyond altered files: no first contact, second stage or "
				"person "
				"at a keyboard was looked for or seen"),
			 LM_STR("Isolate no host on this ground alone; collect network and endpoint logs of the "
				"altered hosts "
				"first."));
	return rc;
}

/* ---- blind spots ---- */

struct part {
	struct lm_str value;
	uint64_t n;
};

static int by_count(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	return x->n != y->n ? (x->n < y->n ? 1 : -1) : lm_str_cmp(x->value, y->value);
}

/* "org A 200, B 100, unknown 5": the parts of hosts that `is` holds for, largest first. */
static void split(struct run *r, const char *what, size_t offset,
		  bool (*is)(const struct run *r, const struct lm_host *h))
{
	struct lm_facts *f = r->d->facts;
	struct lm_map map;
	lm_map_init(&map);
	for (size_t i = 0; i < f->n_hosts; i++) {
		if (f->hosts[i].kind != LM_HOST_MACHINE || !is(r, &f->hosts[i]))
			continue;
		struct lm_str v = *(const struct lm_str *)((const char *)&f->hosts[i] + offset);
		lm_map_add(&map, v.n ? v : LM_STR("unknown"), NULL)->v.num++;
	}
	struct part *parts = lm_xalloc((map.n + 1) * sizeof *parts);
	for (size_t i = 0; i < map.n; i++)
		parts[i] = (struct part){ map.entries[i].key, map.entries[i].v.num };
	qsort(parts, map.n, sizeof *parts, by_count);
	if (map.n > 1 || (map.n == 1 && !lm_str_eq(parts[0].value, LM_STR("unknown")))) {
		if (r->lines.n)
			lm_buf_putc(&r->lines, '\n');
		lm_buf_fmt(&r->lines, "by %s: ", what);
		for (size_t i = 0; i < map.n && i < GROUPS_MAX; i++) {
			struct lm_str value = lm_word_cap(r->d->arena, parts[i].value), n = num(r, parts[i].n);
			lm_buf_fmt(&r->lines, "%s%.*s %.*s", i ? ", " : "", LM_STR_ARG(value), LM_STR_ARG(n));
		}
		if (map.n > GROUPS_MAX) {
			struct lm_str n = num(r, map.n - GROUPS_MAX);
			lm_buf_fmt(&r->lines, " and %.*s more", LM_STR_ARG(n));
		}
	}
	free(parts);
	lm_map_fini(&map);
}

static bool never_seen(const struct run *r, const struct lm_host *h)
{
	(void)r;
	return h->listed && !h->seen;
}

static bool hashes_only(const struct run *r, const struct lm_host *h)
{
	return (r->d->facts->host_flags[h->id] & (LM_HAS_FILES | LM_HAS_HASHES)) == LM_HAS_HASHES;
}

static bool nothing_of_files(const struct run *r, const struct lm_host *h)
{
	return h->seen && !(r->d->facts->host_flags[h->id] & (LM_HAS_FILES | LM_HAS_HASHES));
}

static enum lm_rc blind_hosts(struct run *r, bool (*is)(const struct run *r, const struct lm_host *h),
			      const char *words)
{
	struct lm_facts *f = r->d->facts;
	uint64_t n = 0;
	for (size_t i = 0; i < f->n_hosts; i++)
		n += f->hosts[i].kind == LM_HOST_MACHINE && is(r, &f->hosts[i]);
	if (!n)
		return LM_OK;
	lm_buf_clear(&r->lines);
	split(r, "organisation", offsetof(struct lm_host, org), is);
	split(r, "country", offsetof(struct lm_host, country), is);
	struct lm_str names = some_hosts(r, is), of = hosts_words(r, r->machines), count = num(r, n);
	line(r, lm_arena_fmt(r->d->arena, "hosts: %.*s", LM_STR_ARG(names)));
	return put(r, "blind", lm_arena_fmt(r->d->arena, "%.*s of %.*s %s", LM_STR_ARG(count), LM_STR_ARG(of), words),
		   lines(r));
}

struct unread {
	struct run *r;
	uint64_t n;
	bool lost;
};

static void unread_line(struct unread *u, struct lm_str path, struct lm_str what)
{
	if (u->n++ >= NAMES_MAX)
		return;
	struct lm_str p = lm_word_quote(u->r->d->arena, path), w = lm_word_cap(u->r->d->arena, what);
	line(u->r, lm_arena_fmt(u->r->d->arena, "%.*s: %.*s", LM_STR_ARG(p), LM_STR_ARG(w)));
}

static enum lm_rc on_unread(void *user, const struct lm_stored *s)
{
	const struct lm_obs *o = &s->obs;
	if (o->kind == LM_K_evidence_damaged)
		unread_line(user, o->evidence_damaged.path, o->evidence_damaged.what);
	else if (o->kind == LM_K_evidence_encrypted)
		unread_line(user, o->evidence_encrypted.path, o->evidence_encrypted.what);
	else
		unread_line(user, o->evidence_skipped.path, o->evidence_skipped.why);
	return LM_OK;
}

static enum lm_rc on_evidence(void *user, const struct lm_evidence_row *row)
{
	if (row->lost.n)
		unread_line(user, row->path, row->lost);
	return LM_OK;
}

static enum lm_rc blind_evidence(struct run *r, enum lm_kind kind, const char *one, const char *many, uint64_t *n)
{
	struct unread u = { .r = r };
	lm_buf_clear(&r->lines);
	enum lm_rc rc = kind == LM_KIND_NONE ? lm_case_evidence_rows(r->d->c, on_evidence, &u)
					     : lm_case_fetch(r->d->c, kind, NULL, 0, on_unread, &u);
	if (n)
		*n = u.n;
	if (rc != LM_OK || !u.n)
		return rc;
	struct lm_str count = lm_word_count(r->d->arena, u.n, one, many);
	return put(r, "blind", lm_arena_fmt(r->d->arena, "%.*s", LM_STR_ARG(count)), lines(r));
}

static enum lm_rc blind(struct run *r, uint64_t *encrypted)
{
	enum lm_rc rc = blind_hosts(r, never_seen,
				    "are in the host list without any evidence about them: nothing can be "
				    "said about them.");
	if (rc == LM_OK)
		rc = blind_hosts(r, hashes_only,
				 "are known by hash lists only: a file whose hash no list states is not "
				 "seen there, and altered bytes are known by their hash alone.");
	if (rc == LM_OK)
		rc = blind_hosts(r, nothing_of_files,
				 "have evidence, but neither files nor hashes: altered files would "
				 "not be seen there.");
	if (rc == LM_OK && r->addresses) {
		struct lm_str n = lm_word_count(r->d->arena, r->addresses, "address belongs", "addresses belong");
		rc = put(r, "blind",
			 lm_arena_fmt(r->d->arena, "%.*s to no known host; they are not counted as hosts.",
				      LM_STR_ARG(n)),
			 (struct lm_str){ 0 });
	}
	if (rc == LM_OK && r->proxies) {
		struct lm_str n = lm_word_count(r->d->arena, r->proxies, "proxy stands", "proxies stand");
		rc = put(r, "blind",
			 lm_arena_fmt(r->d->arena, "%.*s for hosts behind them that cannot be told apart.",
				      LM_STR_ARG(n)),
			 (struct lm_str){ 0 });
	}
	if (rc == LM_OK)
		rc = blind_evidence(r, LM_K_evidence_encrypted, "piece of evidence is encrypted and was not read.",
				    "pieces of evidence are encrypted and were not read.", encrypted);
	if (rc == LM_OK)
		rc = blind_evidence(r, LM_K_evidence_damaged, "place in the evidence is damaged.",
				    "places in the evidence are damaged.", NULL);
	if (rc == LM_OK)
		rc = blind_evidence(r, LM_K_evidence_skipped, "piece of evidence was left out on purpose.",
				    "pieces of evidence were left out on purpose.", NULL);
	if (rc == LM_OK)
		rc = blind_evidence(r, LM_KIND_NONE, "file was lost with its worker: what is in it is unknown.",
				    "files were lost with their workers: what is in them is unknown.", NULL);
	return rc;
}

/* ---- gaps: detectors without anything to look at ---- */

static enum lm_rc stop_at_first(void *user, const struct lm_stored *s)
{
	(void)s;
	*(bool *)user = true;
	return LM_END;
}

static enum lm_rc gaps(struct run *r)
{
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && lm_detectors[i]; i++) {
		const struct lm_detector *t = lm_detectors[i];
		bool any = false;
		lm_buf_clear(&r->lines);
		for (size_t k = 0; rc == LM_OK && !any && t->needs[k] != LM_KIND_NONE; k++) {
			rc = lm_case_fetch(r->d->c, t->needs[k], NULL, 0, stop_at_first, &any);
			rc = rc == LM_END ? LM_OK : rc;
			lm_buf_fmt(&r->lines, "%s%s", k ? ", " : "", lm_kind_desc(t->needs[k])->name);
		}
		if (rc != LM_OK || any)
			continue;
		struct lm_str kinds = lines(r);
		rc = put(r, "gap",
			 lm_arena_fmt(r->d->arena, "%s: not observed; the evidence holds none of: %.*s.", t->name,
				      LM_STR_ARG(kinds)),
			 (struct lm_str){ 0 });
	}
	return rc;
}

/* ---- questions ---- */

static enum lm_rc ask(struct run *r, const char *question, const char *command)
{
	return put(r, "question", lm_cstr(question), lm_cstr(command));
}

static enum lm_rc questions(struct run *r, uint64_t encrypted)
{
	struct lm_facts *f = r->d->facts;
	enum lm_rc rc = LM_OK;
	bool indicators = false;
	rc = lm_case_fetch(r->d->c, LM_K_indicator_listed, NULL, 0, stop_at_first, &indicators);
	rc = rc == LM_END ? LM_OK : rc;
	if (rc == LM_OK && !f->subjects.n)
		rc = ask(
			r,
			"Who has the product this case is about? No product was named and none has an altered file, so "
			"nobody is listed as exposed.",
			"limier investigate EVIDENCE... -o DIR --product NAME");
	if (rc == LM_OK && encrypted)
		rc = ask(r, "What is in the encrypted evidence?",
			 "limier investigate EVIDENCE... -o DIR --password-file FILE");
	if (rc == LM_OK && f->n_exposed) {
		bool lead = false;
		for (size_t i = 0; i < f->n_exposed; i++)
			lead |= f->exposed[i].lead;
		if (lead)
			rc = ask(r,
				 "Do the hosts with the altered version have the altered file? Collect it or its "
				 "SHA-256.",
				 "limier investigate COLLECTIONS... -o DIR");
	}
	if (rc == LM_OK && r->machines && !r->listed)
		rc = ask(r, "Which hosts are missing from the evidence altogether? Without a host list nobody knows.",
			 "limier investigate EVIDENCE... -o DIR --hosts CSV");
	if (rc == LM_OK && r->is_signed && !r->d->opts->trust_given)
		rc = ask(r, "Do the signers' chains lead to roots you trust? No roots were given, so trust is unknown.",
			 "limier investigate EVIDENCE... -o DIR --roots PEM");
	if (rc == LM_OK && !indicators)
		rc = ask(r, "Does anything published name these files, names or addresses? No indicators were given.",
			 "limier investigate EVIDENCE... -o DIR --intel FILE");
	if (rc == LM_OK && (r->addresses || r->proxies))
		rc = ask(r, "Which hosts do the unresolved addresses belong to?", "limier case hosts --case FILE");
	if (rc == LM_OK && r->altered_contents)
		rc = ask(r,
			 "Is the copy the vendor offers clean? Download it from another machine and compare its "
			 "authentihash and unhashed bytes.",
			 "limier inspect PATH --jsonl");
	return rc;
}

enum lm_rc lm_actions_run(struct lm_detect_ctx *d)
{
	struct run r = { .d = d };
	struct lm_arena_mark m = lm_arena_mark(d->arena);
	lm_buf_init(&r.lines, LINES_MAX);
	uint64_t encrypted = 0;
	tally(&r);
	enum lm_rc rc = verdict(&r);
	r.order = 0;
	if (rc == LM_OK)
		rc = actions(&r);
	r.order = 0;
	if (rc == LM_OK)
		rc = blind(&r, &encrypted);
	r.order = 0;
	if (rc == LM_OK)
		rc = gaps(&r);
	r.order = 0;
	if (rc == LM_OK)
		rc = questions(&r, encrypted);
	lm_buf_fini(&r.lines);
	lm_arena_reset(d->arena, m);
	return rc;
}
