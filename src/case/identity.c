/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.c - which keys are one machine.
 *
 * In: nodes (names, device ids, rows of host lists) and edges (named together, by whom). Out: components. Edges
 * are applied by strength, strongest source first. Rows of host lists are anchors: two different machines of a
 * list stay two whatever a weaker source claims; a key that lies between two anchors goes to the nearer one, and
 * to neither when both are equally near. Addresses are no edges: an address is held for a time (address.c).
 * After that the user's words: merges, then splits. Every step looks at sets, never at an order of arrival.
 * Limits: two machines that share a full name or a device id and are in no host list are taken for one.
 */
#include "case/identity_priv.h"
#include "base/text.h"

#include <stdlib.h>

int32_t lm_build_root(struct lm_build *b, int32_t n)
{
	while (b->up[n] != n) {
		b->up[n] = b->up[b->up[n]];
		n = b->up[n];
	}
	return n;
}

static void unite(struct lm_build *b, int32_t u, int32_t v)
{
	u = lm_build_root(b, u);
	v = lm_build_root(b, v);
	if (u == v)
		return;
	if (u > v) {
		int32_t t = u;
		u = v;
		v = t;
	}
	b->up[v] = u;
	if (b->anchor[u] < 0)
		b->anchor[u] = b->anchor[v];
	b->torn[u] |= b->torn[v];
}

/* ---- rows of host lists ---- */

static bool is_fqdn(const struct lm_node *n)
{
	return n->type == 'n' && lm_str_find(n->key, '.', 2) != SIZE_MAX;
}

/* The edges of list rows by node, so that rows sharing a name can be looked at together. */
static int cmp_edge_v(const void *x, const void *y)
{
	const struct lm_edge *a = x, *b = y;
	if (a->v != b->v)
		return a->v < b->v ? -1 : 1;
	return a->u < b->u ? -1 : a->u > b->u;
}

/*
 * Rows are one machine when they share an FQDN; or when they share the short name and no two of the rows that
 * share it have different FQDNs. Rows of two organisations may well both say WS01.
 */
static enum lm_rc group_records(struct lm_build *b)
{
	struct lm_edge *e = lm_arena_calloc(&b->a, b->n_edges + 1, sizeof *e);
	bool *has_fqdn = lm_arena_calloc(&b->a, b->n_nodes + 1, sizeof *has_fqdn);
	size_t n = 0;
	if (!e || !has_fqdn)
		return lm_case_fail(b->c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	for (size_t i = 0; i < b->n_edges; i++)
		if (b->nodes[b->edges[i].u].type == 'r' && b->nodes[b->edges[i].v].type == 'n')
			e[n++] = b->edges[i];
	qsort(e, n, sizeof *e, cmp_edge_v);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && e[j].v == e[i].v; j++)
			if (is_fqdn(&b->nodes[e[i].v])) {
				has_fqdn[e[j].u] = true;
				unite(b, e[i].u, e[j].u);
			}
	}
	for (size_t i = 0, j; i < n; i = j) {
		int32_t fqdn_group = -1;
		bool differ = false;
		for (j = i; j < n && e[j].v == e[i].v; j++) {
			int32_t g = lm_build_root(b, e[j].u);
			if (!has_fqdn[e[j].u] || e[j].weight != 1)
				continue;
			differ |= fqdn_group >= 0 && g != fqdn_group;
			fqdn_group = g;
		}
		int32_t with = -1; /* all rows that may be one, with the first of them */
		for (size_t k = i; !is_fqdn(&b->nodes[e[i].v]) && k < j; k++) {
			if (e[k].weight != 1 || (differ && has_fqdn[e[k].u]))
				continue;
			if (with >= 0)
				unite(b, with, e[k].u);
			with = e[k].u;
		}
	}
	for (size_t i = 0; i < b->n_records; i++)
		b->anchor[lm_build_root(b, b->records[i].node)] = lm_build_root(b, b->records[i].node);
	return LM_OK;
}

/* ---- one level of edges ---- */

struct level {
	struct lm_build *b;
	const struct lm_edge *e;
	size_t n;
	int32_t *trial;	   /* union-find over roots, with this level's edges applied */
	int32_t *conflict; /* per trial root: -1 no anchor yet, anchor, or -2 two of them */
	size_t *at;	   /* adjacency: edges of node i are adj[at[i]] .. adj[at[i + 1]] */
	struct {
		int32_t to;
		uint8_t weight;
	} * adj;
	int32_t *owner; /* -1 not reached, -2 equally near to two, else root of the anchor */
	uint32_t *dist;
};

static int32_t trial_root(struct level *l, int32_t n)
{
	while (l->trial[n] != n) {
		l->trial[n] = l->trial[l->trial[n]];
		n = l->trial[n];
	}
	return n;
}

static bool alloc_level(struct level *l)
{
	struct lm_arena *a = &l->b->a;
	size_t n = l->b->n_nodes;
	l->trial = lm_arena_calloc(a, n + 1, sizeof *l->trial);
	l->conflict = lm_arena_calloc(a, n + 1, sizeof *l->conflict);
	l->at = lm_arena_calloc(a, n + 2, sizeof *l->at);
	l->adj = lm_arena_calloc(a, 2 * l->n + 1, sizeof *l->adj);
	l->owner = lm_arena_calloc(a, n + 1, sizeof *l->owner);
	l->dist = lm_arena_calloc(a, n + 1, sizeof *l->dist);
	return l->trial && l->conflict && l->at && l->adj && l->owner && l->dist;
}

static void adjacency(struct level *l)
{
	struct lm_build *b = l->b;
	for (size_t i = 0; i < l->n; i++) {
		l->at[lm_build_root(b, l->e[i].u) + 1]++;
		l->at[lm_build_root(b, l->e[i].v) + 1]++;
	}
	for (size_t i = 0; i <= b->n_nodes; i++)
		l->at[i + 1] += l->at[i];
	/* filled from the back: at[] ends one node early and is right again after */
	for (size_t i = 0; i < l->n; i++) {
		int32_t u = lm_build_root(b, l->e[i].u), v = lm_build_root(b, l->e[i].v);
		size_t pu = --l->at[u + 1];
		l->adj[pu].to = v;
		l->adj[pu].weight = l->e[i].weight;
		size_t pv = --l->at[v + 1];
		l->adj[pv].to = u;
		l->adj[pv].weight = l->e[i].weight;
	}
}

/* Breadth-first from all anchors at once; weights are 1 or 2, so three frontiers are enough. */
static bool spread(struct level *l)
{
	struct lm_build *b = l->b;
	size_t n = b->n_nodes, cap[3] = { 0 }, len[3] = { 0 };
	int32_t *front[3] = { NULL };
	for (size_t i = 0; i < n; i++) {
		l->owner[i] = -1;
		l->dist[i] = UINT32_MAX;
	}
	for (int f = 0; f < 3; f++) {
		cap[f] = 2 * l->n + n + 1;
		front[f] = lm_arena_calloc(&b->a, cap[f], sizeof **front);
		if (!front[f])
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if (b->up[i] == (int32_t)i && b->anchor[i] >= 0 && l->conflict[trial_root(l, (int32_t)i)] == -2) {
			l->owner[i] = (int32_t)i;
			l->dist[i] = 0;
			front[0][len[0]++] = (int32_t)i;
		}
	for (uint32_t d = 0; len[d % 3] || len[(d + 1) % 3] || len[(d + 2) % 3]; d++) {
		for (size_t i = 0; i < len[d % 3]; i++) {
			int32_t u = front[d % 3][i];
			if (l->dist[u] != d || l->owner[u] < 0)
				continue; /* reached earlier, or nobody's */
			for (size_t k = l->at[u + 1]; k < l->at[u + 2]; k++) {
				int32_t v = l->adj[k].to;
				uint32_t dv = d + l->adj[k].weight;
				if (dv < l->dist[v]) {
					l->dist[v] = dv;
					l->owner[v] = l->owner[u];
					if (len[dv % 3] < cap[dv % 3])
						front[dv % 3][len[dv % 3]++] = v;
				} else if (dv == l->dist[v] && l->owner[v] != l->owner[u]) {
					l->owner[v] = -2;
				}
			}
		}
		len[d % 3] = 0;
	}
	return true;
}

/* Applies edges of one level: freely where at most one anchor is involved, by nearness elsewhere. */
static enum lm_rc join_edges(struct lm_build *b, const struct lm_edge *e, size_t n)
{
	struct level l = { .b = b, .e = e, .n = n };
	struct lm_arena_mark m = lm_arena_mark(&b->a);
	bool any = false;
	if (!n)
		return LM_OK;
	if (!alloc_level(&l))
		return lm_case_fail(b->c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	for (size_t i = 0; i < b->n_nodes; i++) {
		l.trial[i] = lm_build_root(b, (int32_t)i);
		l.conflict[i] = -1;
	}
	for (size_t i = 0; i < n; i++) {
		int32_t u = trial_root(&l, e[i].u), v = trial_root(&l, e[i].v);
		l.trial[u > v ? u : v] = u < v ? u : v;
	}
	for (size_t i = 0; i < b->n_nodes; i++) {
		if (b->up[i] != (int32_t)i || b->anchor[i] < 0)
			continue;
		int32_t *c = &l.conflict[trial_root(&l, (int32_t)i)];
		any |= *c != -1;
		*c = *c == -1 ? b->anchor[i] : -2;
	}
	adjacency(&l);
	if (any && !spread(&l))
		return lm_case_fail(b->c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	/* roots are taken before they change: owner[] speaks of them */
	int32_t *u = lm_arena_calloc(&b->a, 2 * n + 1, sizeof *u);
	if (!u)
		return lm_case_fail(b->c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	for (size_t i = 0; i < n; i++) {
		u[2 * i] = lm_build_root(b, e[i].u);
		u[2 * i + 1] = lm_build_root(b, e[i].v);
	}
	for (size_t i = 0; i < n; i++) {
		int32_t x = u[2 * i], y = u[2 * i + 1];
		if (l.conflict[trial_root(&l, x)] != -2 || (l.owner[x] >= 0 && l.owner[x] == l.owner[y]))
			unite(b, x, y);
	}
	for (size_t i = 0; any && i < b->n_nodes;
	     i++) /* two machines of a list lay claim to it: nothing weaker decides */
		b->torn[lm_build_root(b, (int32_t)i)] |= l.owner[i] == -2;
	lm_arena_reset(&b->a, m);
	return LM_OK;
}

static enum lm_rc join_level(struct lm_build *b, unsigned level)
{
	struct lm_arena_mark m = lm_arena_mark(&b->a);
	struct lm_edge *e = lm_arena_calloc(&b->a, b->n_edges + 1, sizeof *e);
	size_t n = 0;
	if (!e)
		return lm_case_fail(b->c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	for (size_t i = 0; i < b->n_edges; i++)
		if (b->edges[i].level == level && !b->torn[lm_build_root(b, b->edges[i].u)] &&
		    !b->torn[lm_build_root(b, b->edges[i].v)])
			e[n++] = b->edges[i];
	enum lm_rc rc = join_edges(b, e, n);
	lm_arena_reset(&b->a, m);
	return rc;
}

/* ---- first label ---- */

struct label {
	int32_t root, fqdn; /* the one component that has such an FQDN; root -2 when there are several */
};

static void add_label(struct lm_build *b, struct lm_map *labels, struct lm_str label, int32_t fqdn)
{
	bool added;
	struct lm_map_entry *e = lm_map_add(labels, label, &added);
	int32_t root = lm_build_root(b, fqdn);
	if (added) {
		e->v.ptr = lm_arena_alloc(&b->a, sizeof(struct label));
		if (e->v.ptr)
			*(struct label *)e->v.ptr = (struct label){ root, fqdn };
		return;
	}
	struct label *l = e->v.ptr;
	if (l && l->root != root)
		l->root = -2;
	else if (l && lm_str_cmp(b->nodes[fqdn].key, b->nodes[l->fqdn].key) < 0)
		l->fqdn = fqdn;
}

/* NetBIOS names are at most 15 characters: a longer label is known by its first 15. */
static enum lm_rc join_labels(struct lm_build *b)
{
	struct lm_map labels;
	lm_map_init(&labels);
	for (size_t i = 0; i < b->n_nodes; i++) {
		struct lm_str key = b->nodes[i].key;
		if (!is_fqdn(&b->nodes[i]))
			continue;
		struct lm_str label = lm_str_part(key, 2, lm_str_find(key, '.', 2));
		add_label(b, &labels, label, (int32_t)i);
		if (label.n > 15)
			add_label(b, &labels, lm_str_part(label, 0, 15), (int32_t)i);
	}
	for (size_t i = 0; i < b->n_nodes; i++) {
		struct lm_node *n = &b->nodes[i];
		if (n->type != 'n' || is_fqdn(n))
			continue;
		const struct lm_map_entry *e = lm_map_find(&labels, lm_str_part(n->key, 2, n->key.n));
		const struct label *l = e ? e->v.ptr : NULL;
		if (!l || l->root < 0 || lm_build_root(b, (int32_t)i) == lm_build_root(b, l->root))
			continue;
		lm_build_edge(b, (int32_t)i, l->fqdn, LM_LEVEL_LABEL, 1);
		n->note = lm_arena_fmt(&b->a, "first label of %.*s and of no other name",
				       LM_STR_ARG(b->nodes[l->fqdn].text));
	}
	lm_map_fini(&labels);
	enum lm_rc rc = join_level(b, LM_LEVEL_LABEL);
	for (size_t i = 0; rc == LM_OK && i < b->n_edges; i++) { /* an anchor may have refused */
		const struct lm_edge *e = &b->edges[i];
		if (e->level == LM_LEVEL_LABEL && lm_build_root(b, e->u) != lm_build_root(b, e->v))
			b->nodes[e->u].note = (struct lm_str){ 0 };
	}
	return rc;
}

/* ---- names that follow their address ---- */

/* A component is weak when nothing stronger than DNS names it: a device id alone, or DNS names alone. */
static bool *weak_components(struct lm_build *b)
{
	bool *strong = lm_arena_calloc(&b->a, b->n_nodes + 1, sizeof *strong);
	for (size_t i = 0; strong && i < b->n_nodes; i++)
		if (b->nodes[i].type == 'r' || (b->nodes[i].type == 'n' && b->nodes[i].strong))
			strong[lm_build_root(b, (int32_t)i)] = true;
	return strong;
}

struct follow {
	int32_t to; /* strong component, -1 none yet, -2 several */
	int32_t address, node;
};

/* The strong components that hold the address while this claim is valid; leases that never meet do not count. */
static void follow_one(struct lm_build *b, const bool *strong, const struct lm_claim *mine, struct follow *f)
{
	const struct lm_claim *cl;
	size_t n = lm_address_claims(b, mine->address, &cl);
	for (size_t i = 0; i < n; i++) {
		int32_t root = lm_build_root(b, cl[i].node);
		bool apart = (mine->to.set && cl[i].from.set && mine->to.v <= cl[i].from.v) ||
			     (mine->from.set && cl[i].to.set && cl[i].to.v <= mine->from.v);
		if (!strong[root] || apart)
			continue;
		f->to = f->to == -1 || f->to == root ? root : -2;
		int by = f->node < 0 ? -1 : lm_str_cmp(b->nodes[mine->address].key, b->nodes[f->address].key);
		if (by < 0 || (by == 0 && lm_str_cmp(b->nodes[cl[i].node].key, b->nodes[f->node].key) < 0)) {
			f->address = mine->address;
			f->node = cl[i].node;
		}
	}
}

static enum lm_rc join_followers(struct lm_build *b)
{
	bool *strong = weak_components(b);
	struct follow *f = lm_arena_calloc(&b->a, b->n_nodes + 1, sizeof *f);
	if (!strong || !f)
		return lm_case_fail(b->c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	for (size_t i = 0; i < b->n_nodes; i++)
		f[i].to = f[i].node = -1;
	for (size_t i = 0; i < b->n_claims; i++) {
		int32_t root = lm_build_root(b, b->claims[i].node);
		if (!strong[root])
			follow_one(b, strong, &b->claims[i], &f[root]);
	}
	int32_t *root = lm_arena_calloc(&b->a, b->n_nodes + 1, sizeof *root);
	if (!root)
		return lm_case_fail(b->c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	for (size_t i = 0; i < b->n_nodes; i++)
		root[i] = lm_build_root(b, (int32_t)i);
	for (size_t i = 0; i < b->n_nodes; i++) {
		const struct follow *w = &f[root[i]];
		if (w->to < 0 || b->nodes[i].type == 'a')
			continue;
		b->nodes[i].note = lm_arena_fmt(&b->a, "held the address %.*s of this host",
						LM_STR_ARG(b->nodes[w->address].text));
		lm_build_edge(b, (int32_t)i, w->node, LM_LEVEL_HELD, 1);
		unite(b, (int32_t)i, w->to);
	}
	return LM_OK;
}

/* ---- the user's words ---- */

static int32_t word_node(struct lm_build *b, struct lm_str alias)
{
	int32_t n = lm_build_find(b, 'n', alias);
	if (n < 0)
		n = lm_build_find(b, 'd', alias);
	return n >= 0 ? n : lm_build_find(b, 'a', alias);
}

static enum lm_rc each_word(struct lm_build *b, const char *kind,
			    enum lm_rc (*fn)(struct lm_build *b, int32_t u, int32_t v, struct lm_str reason))
{
	sqlite3_stmt *st = lm_db_get(b->c, "SELECT a, b, reason FROM word WHERE kind = ?1 ORDER BY a, b");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	lm_bind_str(st, 1, lm_cstr(kind));
	while (lm_db_row(b->c, st, &rc)) {
		int32_t u = word_node(b, lm_col_str(st, 0)), v = word_node(b, lm_col_str(st, 1));
		rc = u >= 0 && v >= 0 ? fn(b, u, v, lm_col_str(st, 2)) : LM_OK;
		if (rc != LM_OK)
			break;
	}
	lm_db_put(b->c, st);
	return rc;
}

static enum lm_rc merge(struct lm_build *b, int32_t u, int32_t v, struct lm_str reason)
{
	lm_build_edge(b, u, v, LM_LEVEL_USER, 1);
	unite(b, u, v);
	b->nodes[u].exists = b->nodes[v].exists = true;
	b->nodes[v].note = reason.n ? lm_arena_fmt(&b->a, "joined with %.*s by the user: %.*s",
						   LM_STR_ARG(b->nodes[u].text), LM_STR_ARG(reason))
				    : lm_arena_fmt(&b->a, "joined with %.*s by the user", LM_STR_ARG(b->nodes[u].text));
	return LM_OK;
}

/* Gives every node of the component to the nearer of u and v; what is equally near stays with the smaller key. */
static enum lm_rc split(struct lm_build *b, int32_t u, int32_t v, struct lm_str reason)
{
	(void)reason;
	struct lm_node *nodes = b->nodes;
	int32_t comp = nodes[u].comp;
	if (u == v || comp != nodes[v].comp)
		return LM_OK;
	if (lm_str_cmp(nodes[v].key, nodes[u].key) < 0) {
		int32_t t = u;
		u = v;
		v = t;
	}
	uint32_t *du = lm_arena_calloc(&b->a, b->n_nodes + 1, sizeof *du);
	uint32_t *dv = lm_arena_calloc(&b->a, b->n_nodes + 1, sizeof *dv);
	if (!du || !dv)
		return lm_case_fail(b->c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	for (size_t i = 0; i < b->n_nodes; i++)
		du[i] = dv[i] = UINT32_MAX / 2;
	du[u] = dv[v] = 0;
	bool moved = true;
	while (moved) { /* components are small: relax until nothing changes, never through the other side */
		moved = false;
		for (size_t i = 0; i < b->n_edges; i++) {
			int32_t x = b->edges[i].u, y = b->edges[i].v;
			uint32_t w = b->edges[i].weight;
			if (nodes[x].comp != comp || nodes[y].comp != comp)
				continue;
			for (int turn = 0; turn < 2; turn++, x = b->edges[i].v, y = b->edges[i].u) {
				if (x != v && y != v && du[x] + w < du[y])
					du[y] = du[x] + w, moved = true;
				if (x != u && y != u && dv[x] + w < dv[y])
					dv[y] = dv[x] + w, moved = true;
			}
		}
	}
	for (size_t i = 0; i < b->n_nodes; i++)
		if (nodes[i].comp == comp && dv[i] < du[i])
			nodes[i].comp = v;
	if (nodes[u].comp == v) /* the number of a component is one of its nodes */
		return LM_OK;
	for (size_t i = 0; i < b->n_nodes; i++)
		if (nodes[i].comp == comp)
			nodes[i].comp = u;
	return LM_OK;
}

enum lm_rc lm_build_join(struct lm_build *b)
{
	b->up = lm_arena_calloc(&b->a, b->n_nodes + 1, sizeof *b->up);
	b->anchor = lm_arena_calloc(&b->a, b->n_nodes + 1, sizeof *b->anchor);
	b->torn = lm_arena_calloc(&b->a, b->n_nodes + 1, sizeof *b->torn);
	if (!b->up || !b->anchor || !b->torn)
		return lm_case_fail(b->c, LM_ELIMIT, "cannot resolve hosts: out of memory");
	for (size_t i = 0; i < b->n_nodes; i++) {
		b->up[i] = (int32_t)i;
		b->anchor[i] = -1;
	}
	lm_address_sort(b);
	enum lm_rc rc = group_records(b);
	for (unsigned level = LM_ID_HOST_LIST; rc == LM_OK && level < LM_LEVEL_LABEL; level++)
		rc = join_level(b, level);
	/* a DNS name that follows its address may be what makes a first label unique, and the other way round */
	if (rc == LM_OK)
		rc = join_followers(b);
	if (rc == LM_OK)
		rc = join_labels(b);
	if (rc == LM_OK)
		rc = join_followers(b);
	if (rc == LM_OK)
		rc = each_word(b, "merge", merge);
	for (size_t i = 0; i < b->n_nodes; i++)
		b->nodes[i].comp = lm_build_root(b, (int32_t)i);
	return rc == LM_OK ? each_word(b, "split", split) : rc;
}
