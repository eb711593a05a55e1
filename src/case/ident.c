/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ident.c - identities as seen: interned in memory and table, and their normal forms.
 *
 * In: name, address, device id as evidence spells them. Out: one small number a distinct identity, so that what
 * resolves hosts works on thousands of identities instead of millions of observations. Limits: all identities of
 * a case are held in memory (about 200 bytes each).
 */
#include "case/case_priv.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <stdlib.h>

unsigned lm_ident_use(enum lm_kind kind)
{
	return kind == LM_K_host_record ? LM_USED_LIST : kind == LM_K_host_alias ? LM_USED_ALIAS : LM_USED_SEEN;
}

static void ident_key(struct lm_buf *b, const struct lm_ident *as)
{
	const struct lm_str part[] = { as->name, as->address, as->device };
	lm_buf_clear(b);
	lm_buf_u8(b, (uint8_t)as->source);
	for (size_t i = 0; i < 3; i++) {
		lm_buf_u32le(b, (uint32_t)part[i].n);
		lm_buf_str(b, part[i]);
	}
}

static struct lm_ident_row *append(struct lm_case *c, const struct lm_ident *as)
{
	if (c->n_idents == c->cap_idents) {
		c->cap_idents = c->cap_idents ? c->cap_idents * 2 : 256;
		c->idents = lm_xrealloc(c->idents, c->cap_idents * sizeof *c->idents);
	}
	struct lm_ident_row *r = &c->idents[c->n_idents];
	*r = (struct lm_ident_row){ .as = *as };
	r->as.name = lm_arena_str(&c->ident_text, as->name);
	r->as.address = lm_arena_str(&c->ident_text, as->address);
	r->as.device = lm_arena_str(&c->ident_text, as->device);
	struct lm_buf key;
	lm_buf_init(&key, SIZE_MAX / 2);
	ident_key(&key, as);
	lm_map_add(&c->ident_ids, lm_buf_view(&key), NULL)->v.num = ++c->n_idents;
	lm_buf_fini(&key);
	return r;
}

enum lm_rc lm_ident_load(struct lm_case *c)
{
	if (c->idents_loaded)
		return LM_OK;
	if (c->n_idents) /* an earlier load broke off */
		return lm_case_fail(c, LM_ELIMIT, "cannot load identities: out of memory");
	sqlite3_stmt *st =
		lm_db_get(c, "SELECT id, name, address, device, source, used, first, last FROM ident ORDER BY id");
	enum lm_rc rc;
	if (!st)
		return LM_EDB;
	while (lm_db_row(c, st, &rc)) {
		struct lm_ident as = { lm_col_str(st, 1), lm_col_str(st, 2), lm_col_str(st, 3),
				       (enum lm_ident_source)sqlite3_column_int(st, 4) };
		if (sqlite3_column_int64(st, 0) != (int64_t)c->n_idents + 1) {
			rc = lm_case_fail(c, LM_EDB, "cannot read case '%s': its identities are not whole",
					  c->path ? c->path : "(memory)");
			break;
		}
		struct lm_ident_row *r = append(c, &as);
		r->used = (unsigned)sqlite3_column_int(st, 5);
		r->first = lm_col_int(st, 6);
		r->last = lm_col_int(st, 7);
	}
	lm_db_put(c, st);
	if (rc == LM_OK && c->ident_text.spent)
		rc = lm_case_fail(c, LM_ELIMIT, "cannot load identities: out of memory");
	c->idents_loaded = rc == LM_OK;
	return rc;
}

static enum lm_rc insert(struct lm_case *c, const struct lm_ident *as)
{
	sqlite3_stmt *st = lm_db_get(
		c, "INSERT INTO ident(id, name, address, device, source, used) VALUES(?1, ?2, ?3, ?4, ?5, 0)");
	if (!st)
		return LM_EDB;
	sqlite3_bind_int64(st, 1, (int64_t)c->n_idents + 1);
	lm_bind_str(st, 2, as->name);
	lm_bind_str(st, 3, as->address);
	lm_bind_str(st, 4, as->device);
	sqlite3_bind_int(st, 5, (int)as->source);
	enum lm_rc rc = lm_db_write(c, st);
	if (rc == LM_OK)
		append(c, as);
	if (c->ident_text.spent) { /* the row in memory is not the one in the table: go no further with this handle */
		c->broken = true;
		return lm_case_fail(c, LM_ELIMIT, "cannot store identities: out of memory");
	}
	return rc;
}

enum lm_rc lm_ident_intern(struct lm_case *c, const struct lm_ident *as, unsigned used, struct lm_int time, int64_t *id)
{
	*id = 0;
	if (!lm_ident_is_set(as))
		return LM_OK;
	enum lm_rc rc = lm_ident_load(c);
	if (rc != LM_OK)
		return rc;
	ident_key(&c->canon, as);
	struct lm_map_entry *e = lm_map_find(&c->ident_ids, lm_buf_view(&c->canon));
	if (e)
		*id = (int64_t)e->v.num;
	else if ((rc = insert(c, as)) == LM_OK)
		*id = (int64_t)c->n_idents;
	if (rc != LM_OK)
		return rc;
	struct lm_ident_row *r = &c->idents[*id - 1];
	if ((r->used | used) != r->used)
		r->used |= used, r->dirty = true;
	if (time.set && (!r->first.set || time.v < r->first.v))
		r->first = time, r->dirty = true;
	if (time.set && (!r->last.set || time.v > r->last.v))
		r->last = time, r->dirty = true;
	return LM_OK;
}

enum lm_rc lm_ident_flush(struct lm_case *c)
{
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < c->n_idents; i++) {
		struct lm_ident_row *r = &c->idents[i];
		if (!r->dirty)
			continue;
		sqlite3_stmt *st = lm_db_get(c, "UPDATE ident SET used = ?2, first = ?3, last = ?4 WHERE id = ?1");
		if (!st)
			return LM_EDB;
		sqlite3_bind_int64(st, 1, (int64_t)i + 1);
		sqlite3_bind_int(st, 2, (int)r->used);
		lm_bind_int(st, 3, r->first);
		lm_bind_int(st, 4, r->last);
		rc = lm_db_write(c, st);
		r->dirty = false;
	}
	return rc;
}

const struct lm_ident_row *lm_ident_row(const struct lm_case *c, int64_t id)
{
	return id > 0 && (uint64_t)id <= c->n_idents ? &c->idents[id - 1] : NULL;
}

int64_t lm_ident_host(const struct lm_case *c, int64_t ident, struct lm_int time)
{
	const struct lm_ident_row *r = lm_ident_row(c, ident);
	if (!r)
		return 0;
	if (!r->n_pieces || !time.set)
		return r->host;
	size_t lo = 0, hi = r->n_pieces; /* the last piece that begins at or before the time */
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->pieces[mid].from <= time.v)
			lo = mid;
		else
			hi = mid;
	}
	return r->pieces[lo].host;
}

/* ---- normal forms ---- */

/* Words that collectors write where they know no name. */
static bool names_nothing(struct lm_str s)
{
	static const char *const words[] = { "localhost", "localhost.localdomain", "-", "*", "null", "none", "n/a",
					     "unknown" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (lm_str_eq_ci(s, lm_cstr(words[i])))
			return true;
	return s.n == 0;
}

struct lm_str lm_norm_name(struct lm_arena *a, struct lm_str s)
{
	s = lm_str_trim(s);
	while (s.n && s.p[0] == '\\') /* \\WS01 */
		s = lm_str_part(s, 1, s.n);
	while (s.n && s.p[s.n - 1] == '.') /* the root label */
		s.n--;
	return names_nothing(s) || lm_is_address(s) ? (struct lm_str){ 0 } : lm_str_lower(a, s);
}

struct lm_str lm_norm_device(struct lm_arena *a, struct lm_str s)
{
	s = lm_str_trim(s);
	if (s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}')
		s = lm_str_part(s, 1, s.n - 1);
	bool varied = false; /* 00000000-0000-... and ffffffff-ffff-... are no machine's */
	for (size_t i = 0; i < s.n; i++)
		varied |= s.p[i] != '0' && s.p[i] != '-' && s.p[i] != 'f' && s.p[i] != 'F' && s.p[i] != ' ';
	return names_nothing(s) || !varied ? (struct lm_str){ 0 } : lm_str_lower(a, s);
}

struct addr {
	int family;
	uint8_t b[16];
};

static bool parse_address(struct lm_str s, struct addr *out)
{
	char text[64];
	s = lm_str_trim(s);
	size_t zone = lm_str_find(s, '%', 0);
	if (zone != SIZE_MAX)
		s.n = zone;
	if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = lm_str_part(s, 1, s.n - 1);
	if (!s.n || s.n >= sizeof text || memchr(s.p, 0, s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	*out = (struct addr){ 0 };
	if (inet_pton(AF_INET, text, out->b) == 1) {
		out->family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, text, out->b) != 1)
		return false;
	out->family = AF_INET6;
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (memcmp(out->b, mapped, 12) == 0) { /* RFC 4291 2.5.5.2 */
		memmove(out->b, out->b + 12, 4);
		memset(out->b + 4, 0, 12);
		out->family = AF_INET;
	}
	return true;
}

bool lm_is_address(struct lm_str s)
{
	struct addr x;
	return parse_address(s, &x);
}

struct range {
	uint8_t b[4];
	uint8_t bits;
};

static bool in_range(const uint8_t *a, const uint8_t *net, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	return memcmp(a, net, whole) == 0 && (!rest || (uint8_t)((a[whole] ^ net[whole]) >> (8 - rest)) == 0);
}

struct lm_str lm_norm_address(struct lm_arena *a, struct lm_str s)
{
	struct addr x;
	char text[INET6_ADDRSTRLEN];
	static const uint8_t none[16], loop6[16] = { [15] = 1 };
	if (!parse_address(s, &x))
		return (struct lm_str){ 0 };
	/* loopback and "any" are every machine's and so nobody's */
	if (x.family == AF_INET ? x.b[0] == 127 || memcmp(x.b, none, 4) == 0
				: memcmp(x.b, none, 16) == 0 || memcmp(x.b, loop6, 16) == 0)
		return (struct lm_str){ 0 };
	if (!inet_ntop(x.family, x.b, text, sizeof text))
		return (struct lm_str){ 0 };
	return lm_arena_str(a, lm_cstr(text));
}

bool lm_address_joins(struct lm_str normal)
{
	struct addr x;
	if (!parse_address(normal, &x))
		return false;
	if (x.family == AF_INET)
		return !(x.b[0] == 169 && x.b[1] == 254) && x.b[0] < 224;
	return !(x.b[0] == 0xfe && (x.b[1] & 0xc0) == 0x80) && x.b[0] != 0xff;
}

/* IANA special-purpose registries (RFC 6890 and its updates): not globally reachable. */
bool lm_address_public(struct lm_str normal)
{
	static const struct range v4[] = {
		{ { 0, 0, 0, 0 }, 8 },	    { { 10, 0, 0, 0 }, 8 },	{ { 100, 64, 0, 0 }, 10 },
		{ { 127, 0, 0, 0 }, 8 },    { { 169, 254, 0, 0 }, 16 }, { { 172, 16, 0, 0 }, 12 },
		{ { 192, 0, 0, 0 }, 24 },   { { 192, 0, 2, 0 }, 24 },	{ { 192, 88, 99, 0 }, 24 },
		{ { 192, 168, 0, 0 }, 16 }, { { 198, 18, 0, 0 }, 15 },	{ { 198, 51, 100, 0 }, 24 },
		{ { 203, 0, 113, 0 }, 24 }, { { 224, 0, 0, 0 }, 3 },
	};
	struct addr x;
	if (!parse_address(normal, &x))
		return false;
	if (x.family == AF_INET6) /* global unicast is 2000::/3 without documentation and Teredo, 6to4 and their like */
		return (x.b[0] & 0xe0) == 0x20 &&
		       !(x.b[0] == 0x20 && x.b[1] == 0x01 && x.b[2] == 0x0d && x.b[3] == 0xb8) &&
		       !(x.b[0] == 0x20 && x.b[1] == 0x01 && x.b[2] < 0x02) && !(x.b[0] == 0x20 && x.b[1] == 0x02) &&
		       !(x.b[0] == 0x3f && x.b[1] == 0xff && x.b[2] < 0x10);
	for (size_t i = 0; i < sizeof v4 / sizeof *v4; i++)
		if (in_range(x.b, v4[i].b, v4[i].bits))
			return false;
	return true;
}
