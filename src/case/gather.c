/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather.c - what the case says about identity: keys, which keys were named together, who held which address.
 *
 * In: interned identities, host.record and host.alias observations. Out: the nodes, edges, claims and records of
 * one resolve. Nothing is decided here. Limits: an alias row of DHCP or DNS is about the machine it names, never
 * about the machine whose log holds it.
 */
#include "case/identity_priv.h"
#include "base/text.h"

#include <stdlib.h>

#define GROW(v, n, cap)                                              \
	do {                                                         \
		if ((n) == (cap)) {                                  \
			(cap) = (cap) ? (cap)*2 : 256;               \
			(v) = lm_xrealloc((v), (cap) * sizeof *(v)); \
		}                                                    \
	} while (0)

static struct lm_str norm(struct lm_build *b, char type, struct lm_str text)
{
	if (!text.n)
		return (struct lm_str){ 0 };
	return type == 'n'   ? lm_norm_name(&b->a, text)
	       : type == 'd' ? lm_norm_device(&b->a, text)
	       : type == 'a' ? lm_norm_address(&b->a, text)
			     : text;
}

int32_t lm_build_find(const struct lm_build *b, char type, struct lm_str text)
{
	struct lm_build *scratch = (struct lm_build *)(uintptr_t)b; /* the arena alone is written */
	struct lm_str n = norm(scratch, type, text);
	struct lm_str key = n.p ? lm_arena_fmt(&scratch->a, "%c:%.*s", type, LM_STR_ARG(n)) : (struct lm_str){ 0 };
	const struct lm_map_entry *e = key.p ? lm_map_find(&b->keys, key) : NULL;
	return e ? (int32_t)e->v.num : LM_NODE_NONE;
}

static unsigned rank(enum lm_ident_source s)
{
	return s == LM_ID_NONE ? 99 : (unsigned)s;
}

int32_t lm_build_node(struct lm_build *b, char type, struct lm_str text, enum lm_ident_source source)
{
	struct lm_arena_mark m = lm_arena_mark(&b->a);
	struct lm_str n = norm(b, type, text);
	if (!n.n)
		return LM_NODE_NONE;
	struct lm_str key = lm_arena_fmt(&b->a, "%c:%.*s", type, LM_STR_ARG(n));
	bool added;
	struct lm_map_entry *e = lm_map_add(&b->keys, key, &added);
	if (added) {
		GROW(b->nodes, b->n_nodes, b->cap_nodes);
		e->v.num = b->n_nodes;
		b->nodes[b->n_nodes++] =
			(struct lm_node){ .type = type, .key = e->key, .source = LM_ID_NONE, .comp = LM_NODE_NONE };
	}
	int32_t at = (int32_t)e->v.num;
	lm_arena_reset(&b->a, m);
	struct lm_node *node = &b->nodes[at];
	/* an address is printed in its canonical form, a name as its best source spells it */
	struct lm_str shown = type == 'a' ? lm_str_part(node->key, 2, node->key.n) : lm_str_trim(text);
	if (!node->text.p || rank(source) < rank(node->source) ||
	    (rank(source) == rank(node->source) && lm_str_cmp(shown, node->text) < 0)) {
		node->text = type == 'a' ? shown : lm_arena_str(&b->a, shown);
		node->source = source;
	}
	return at;
}

void lm_build_edge(struct lm_build *b, int32_t u, int32_t v, unsigned level, unsigned weight)
{
	if (u < 0 || v < 0 || u == v)
		return;
	GROW(b->edges, b->n_edges, b->cap_edges);
	b->edges[b->n_edges++] = (struct lm_edge){ u, v, (uint8_t)level, (uint8_t)weight };
}

static void claim(struct lm_build *b, struct lm_claim cl)
{
	if (cl.address < 0 || cl.node < 0 || !lm_address_joins(lm_str_part(b->nodes[cl.address].key, 2, SIZE_MAX)))
		return;
	GROW(b->claims, b->n_claims, b->cap_claims);
	b->claims[b->n_claims++] = cl;
}

/* A name in DNS may be a mere function (www, dhcp-10-0-0-5): it follows its address to the machine that holds it. */
static bool names_machine(enum lm_ident_source s)
{
	return s != LM_ID_DNS && s != LM_ID_ADDRESS;
}

static void mark(struct lm_build *b, int32_t node, bool exists, bool seen, bool strong)
{
	if (node < 0)
		return;
	b->nodes[node].exists |= exists;
	b->nodes[node].seen |= seen;
	b->nodes[node].strong |= strong;
}

/* A text that is an address although the source calls it a name. */
static void split_name(struct lm_str *name, struct lm_str *address)
{
	if (name->n && lm_is_address(*name)) {
		if (!address->n)
			*address = *name;
		*name = (struct lm_str){ 0 };
	}
}

static enum lm_rc gather_idents(struct lm_build *b)
{
	struct lm_case *c = b->c;
	b->ident_node = lm_arena_calloc(&b->a, c->n_idents + 1, sizeof *b->ident_node);
	b->ident_device = lm_arena_calloc(&b->a, c->n_idents + 1, sizeof *b->ident_device);
	b->ident_address = lm_arena_calloc(&b->a, c->n_idents + 1, sizeof *b->ident_address);
	if (!b->ident_node || !b->ident_device || !b->ident_address)
		return lm_case_fail(c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	for (size_t i = 0; i < c->n_idents; i++) {
		const struct lm_ident_row *r = &c->idents[i];
		struct lm_ident as = r->as;
		split_name(&as.name, &as.address);
		bool seen = r->used & (LM_USED_SEEN | LM_USED_ALIAS);
		int32_t n = lm_build_node(b, 'n', as.name, as.source), d = lm_build_node(b, 'd', as.device, as.source);
		int32_t at = lm_build_node(b, 'a', as.address, as.source);
		mark(b, n, seen, seen, names_machine(as.source));
		mark(b, d, seen, seen, names_machine(as.source));
		lm_build_edge(b, n, d, rank(as.source) < LM_LEVEL_LABEL ? rank(as.source) : LM_ID_ADDRESS, 1);
		b->ident_node[i] = n;
		b->ident_device[i] = d;
		b->ident_address[i] = at;
		if (n >= 0)
			b->nodes[n].always = true;
		if (d >= 0)
			b->nodes[d].always = true;
		claim(b, (struct lm_claim){ .address = at,
					    .node = n >= 0 ? n : d,
					    .first = r->first,
					    .last = r->last,
					    .source = as.source });
	}
	return LM_OK;
}

/* One row of a host list is a node of its own: two rows may share a name and still be two machines. */
static enum lm_rc gather_record(void *user, const struct lm_stored *s)
{
	struct lm_build *b = user;
	struct lm_obs copy;
	if (!lm_obs_copy(&b->a, &s->obs, &copy))
		return lm_case_fail(b->c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	struct lm_obs_host_record r = copy.host_record;
	char hex[33];
	for (int i = 0; i < 16; i++)
		sqlite3_snprintf(3, hex + 2 * i, "%02x", s->id[i]);
	int32_t node = lm_build_node(b, 'r', (struct lm_str){ hex, 32 }, LM_ID_HOST_LIST);
	GROW(b->records, b->n_records, b->cap_records);
	b->records[b->n_records++] = (struct lm_record){ node, s->trusted, r };
	mark(b, node, true, false, true);
	struct lm_str address = { 0 }, part, rest;
	split_name(&r.name, &address);
	int32_t n = lm_build_node(b, 'n', r.name, LM_ID_HOST_LIST),
		d = lm_build_node(b, 'd', r.device, LM_ID_HOST_LIST);
	mark(b, n, true, false, true);
	mark(b, d, true, false, true);
	lm_build_edge(b, node, n, LM_ID_HOST_LIST, 1);
	lm_build_edge(b, node, d, LM_ID_HOST_LIST, 1);
	if (n >= 0)
		b->nodes[n].always = true;
	if (d >= 0)
		b->nodes[d].always = true;
	for (rest = r.names; lm_str_split(&rest, ';', &part);) {
		int32_t other = lm_build_node(b, 'n', part, LM_ID_HOST_LIST);
		mark(b, other, true, false, true);
		lm_build_edge(b, node, other, LM_ID_HOST_LIST, 2);
		if (other >= 0)
			b->nodes[other].always = true;
	}
	for (rest = r.addresses; lm_str_split(&rest, ';', &part);)
		claim(b, (struct lm_claim){ .address = lm_build_node(b, 'a', part, LM_ID_HOST_LIST),
					    .node = node,
					    .source = LM_ID_HOST_LIST });
	claim(b, (struct lm_claim){ .address = lm_build_node(b, 'a', address, LM_ID_HOST_LIST),
				    .node = node,
				    .source = LM_ID_HOST_LIST });
	return LM_OK;
}

static enum lm_ident_source alias_source(struct lm_str word)
{
	static const struct {
		const char *word;
		enum lm_ident_source source;
	} words[] = { { "host list", LM_ID_HOST_LIST },
		      { "layout", LM_ID_LAYOUT },
		      { "collection", LM_ID_LAYOUT },
		      { "event", LM_ID_EVENT },
		      { "inventory", LM_ID_INVENTORY },
		      { "dhcp", LM_ID_DHCP },
		      { "dns", LM_ID_DNS } };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (lm_str_eq_ci(word, lm_cstr(words[i].word)))
			return words[i].source;
	return LM_ID_DNS; /* a source nobody ranked is taken for the weakest that names */
}

static void widen(struct lm_build *b, int32_t node, struct lm_int from, struct lm_int to)
{
	if (node < 0)
		return;
	struct lm_node *n = &b->nodes[node];
	if (!from.set && !to.set)
		n->always = true;
	if (from.set && (!n->from.set || from.v < n->from.v))
		n->from = from;
	if (to.set && (!n->to.set || to.v > n->to.v))
		n->to = to;
}

static enum lm_rc gather_alias(void *user, const struct lm_stored *s)
{
	struct lm_build *b = user;
	const struct lm_obs_host_alias *al = &s->obs.host_alias;
	enum lm_ident_source source = alias_source(al->source);
	bool strong = names_machine(source);
	struct lm_str name = al->name, other = al->other_name, address = al->address;
	split_name(&name, &address);
	split_name(&other, &address);
	int32_t n = lm_build_node(b, 'n', name, source), o = lm_build_node(b, 'n', other, source);
	int32_t d = lm_build_node(b, 'd', al->device, source), at = lm_build_node(b, 'a', address, source);
	const int32_t said[] = { n, o, d };
	for (size_t i = 0; i < 3; i++) {
		mark(b, said[i], strong, strong, strong);
		widen(b, said[i], al->from, al->to);
	}
	lm_build_edge(b, n, o, source, 1);
	lm_build_edge(b, n, d, source, 1);
	if (n < 0)
		lm_build_edge(b, o, d, source, 1);
	int32_t subject = n >= 0 ? n : o >= 0 ? o : d;
	/* without a name of its own the row speaks of the machine it was found on, unless a server wrote it */
	if (n < 0 && source != LM_ID_DHCP && source != LM_ID_DNS) {
		int32_t on = lm_build_find(b, 'n', s->obs.host.name);
		if (on < 0)
			on = lm_build_find(b, 'd', s->obs.host.device);
		lm_build_edge(b, on, subject, source, 1);
		if (on >= 0)
			subject = on;
	}
	claim(b, (struct lm_claim){ .address = at,
				    .node = subject,
				    .from = al->from,
				    .to = al->to,
				    .first = s->obs.time,
				    .last = s->obs.time,
				    .source = source });
	if (al->os.n && subject >= 0) {
		GROW(b->oses, b->n_oses, b->cap_oses);
		b->oses[b->n_oses++] = (struct lm_os){ subject, source, lm_arena_str(&b->a, al->os) };
	}
	return LM_OK;
}

enum lm_rc lm_build_gather(struct lm_build *b)
{
	lm_map_init(&b->keys);
	lm_arena_init(&b->a, LM_CASE_ROOM);
	enum lm_rc rc = gather_idents(b);
	if (rc == LM_OK)
		rc = lm_case_fetch(b->c, LM_K_host_record, NULL, 0, gather_record, b);
	if (rc == LM_OK)
		rc = lm_case_fetch(b->c, LM_K_host_alias, NULL, 0, gather_alias, b);
	return rc;
}

void lm_build_fini(struct lm_build *b)
{
	lm_map_fini(&b->keys);
	lm_arena_fini(&b->a);
	free(b->nodes);
	free(b->edges);
	free(b->claims);
	free(b->records);
	free(b->oses);
}
