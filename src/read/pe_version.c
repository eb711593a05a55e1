/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_version.c - resource directory down to RT_VERSION, then the blocks of VS_VERSIONINFO.
 *
 * In: data directory 2. Out: the strings people look for. Limits: the tree has three levels by definition
 * and exactly three are walked, one child each, so a cyclic tree ends; blocks nest three deep and consume
 * bytes; 1,024 blocks a level.
 */
#include "read/pe_version.h"

#include "base/text.h"

#define RT_VERSION 16u
#define BLOCKS_MAX 1024u
#define VALUE_MAX 4096u /* bytes of UTF-16 */

static void fault(struct lm_pe_version *v, uint64_t at, const char *what)
{
	if (!v->fault.what)
		v->fault = (struct lm_pe_fault){ what, at };
}

/*
 * The child of a resource directory: with this id, or the first one when id is 0. Gives the offset from the
 * start of the resources, bit 31 set for a directory; false when there is none.
 */
static bool child(struct lm_bytes res, uint32_t dir, uint32_t id, uint32_t *found)
{
	struct lm_rd r = lm_rd_of(res);
	lm_rd_seek(&r, (uint64_t)dir + 12);
	uint32_t n = lm_rd_u16le(&r);
	n += lm_rd_u16le(&r);
	for (uint32_t i = 0; i < n && lm_rd_left(&r) >= 8; i++) {
		uint32_t name = lm_rd_u32le(&r), at = lm_rd_u32le(&r);
		if (id == 0 || name == id) {
			*found = at;
			return true;
		}
	}
	return false;
}

static struct lm_bytes find_version(const struct lm_pe *pe, struct lm_pe_version *out, uint64_t *at)
{
	uint64_t res_at;
	uint32_t node = 0;
	struct lm_bytes res = lm_pe_at(pe, pe->dir[LM_PE_RESOURCE].at, &res_at);
	if (!child(res, 0, RT_VERSION, &node))
		return (struct lm_bytes){ 0 };
	for (int level = 0; level < 2; level++) {
		uint32_t dir = node & 0x7fffffff;
		if (!(node >> 31) || !child(res, dir, 0, &node)) {
			fault(out, res_at + dir, "resource tree ends before its third level");
			return (struct lm_bytes){ 0 };
		}
	}
	struct lm_rd r = lm_rd_of(res);
	lm_rd_seek(&r, node);
	uint32_t rva = lm_rd_u32le(&r), size = lm_rd_u32le(&r);
	if (node >> 31 || r.bad) {
		fault(out, res_at + (node & 0x7fffffff), "resource tree is deeper than three levels or cut off");
		return (struct lm_bytes){ 0 };
	}
	struct lm_bytes b = lm_bytes_part(lm_pe_at(pe, rva, at), 0, size);
	if (b.n < size)
		fault(out, res_at + node, "version resource lies outside the file");
	return b;
}

struct block {
	struct lm_bytes key; /* UTF-16LE without its end */
	struct lm_rd value, children;
	bool text;
	uint16_t value_length; /* as stated: bytes, or 16-bit units when text */
};

static void align4(struct lm_rd *r)
{
	size_t pad = -r->pos & 3;
	lm_rd_skip(r, pad < lm_rd_left(r) ? pad : lm_rd_left(r));
}

/* One {wLength, wValueLength, wType, szKey, value, children}; false at the end or when it cannot be read. */
static bool next_block(struct lm_rd *r, struct block *b)
{
	*b = (struct block){ 0 };
	align4(r);
	if (lm_rd_left(r) < 6)
		return false;
	struct lm_rd peek = *r;
	uint16_t length = lm_rd_u16le(&peek);
	if (length < 6)
		return false;
	size_t left = lm_rd_left(r);
	struct lm_rd in = lm_rd_sub(r, length < left ? length : left);
	lm_rd_skip(&in, 2);
	b->value_length = lm_rd_u16le(&in);
	b->text = lm_rd_u16le(&in) == 1;
	struct lm_rd key = in;
	size_t n = 0;
	while (lm_rd_left(&in) >= 2 && lm_rd_u16le(&in))
		n += 2;
	b->key = lm_rd_take(&key, n);
	align4(&in);
	uint64_t size = (uint64_t)b->value_length * (b->text ? 2 : 1);
	b->value = in;
	lm_rd_skip(&in, size < lm_rd_left(&in) ? size : lm_rd_left(&in));
	b->children = in;
	return !key.bad;
}

static bool key_is(struct lm_bytes key, const char *name)
{
	struct lm_rd r = lm_rd_of(key);
	size_t n = strlen(name);
	if (key.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (lm_rd_u16le(&r) != (uint8_t)name[i])
			return false;
	return true;
}

/* Text up to its NUL: tools disagree whether wValueLength counts bytes or units, the block's end decides. */
static enum lm_rc take_text(struct lm_rd value, struct lm_arena *a, struct lm_str *out)
{
	struct lm_rd scan = value;
	size_t n = 0;
	while (n < VALUE_MAX && lm_rd_left(&scan) >= 2 && lm_rd_u16le(&scan))
		n += 2;
	if (n == 0 || out->p)
		return LM_OK;
	struct lm_str s = lm_utf16le(a, lm_rd_take(&value, n));
	if (!s.p)
		return LM_ELIMIT;
	s = lm_str_trim(s);
	if (s.n)
		*out = s;
	return LM_OK;
}

static enum lm_rc string_table(struct lm_rd r, struct lm_arena *a, struct lm_pe_version *v)
{
	const struct {
		const char *name;
		struct lm_str *to;
	} wanted[] = {
		{ "CompanyName", &v->company },
		{ "ProductName", &v->product },
		{ "ProductVersion", &v->product_version },
		{ "FileVersion", &v->file_version },
		{ "OriginalFilename", &v->original_name },
		{ "FileDescription", &v->description },
	};
	struct block b;
	enum lm_rc rc = LM_OK;
	for (unsigned i = 0; rc == LM_OK && i < BLOCKS_MAX && next_block(&r, &b); i++)
		for (size_t k = 0; k < sizeof wanted / sizeof wanted[0]; k++)
			if (key_is(b.key, wanted[k].name))
				rc = take_text(b.value, a, wanted[k].to);
	return rc;
}

static struct lm_str dotted(struct lm_arena *a, uint32_t hi, uint32_t lo)
{
	return lm_arena_fmt(a, "%u.%u.%u.%u", hi >> 16, hi & 0xffff, lo >> 16, lo & 0xffff);
}

/* VS_FIXEDFILEINFO: signature, struct version, then the two versions. */
static enum lm_rc fixed_info(struct lm_rd r, struct lm_arena *a, struct lm_pe_version *v)
{
	if (lm_rd_u32le(&r) != 0xfeef04bd)
		return LM_OK;
	lm_rd_skip(&r, 4);
	uint32_t file_hi = lm_rd_u32le(&r), file_lo = lm_rd_u32le(&r);
	uint32_t product_hi = lm_rd_u32le(&r), product_lo = lm_rd_u32le(&r);
	if (r.bad)
		return LM_OK;
	if (!v->file_version.p && (file_hi | file_lo) && !(v->file_version = dotted(a, file_hi, file_lo)).p)
		return LM_ELIMIT;
	if (!v->product_version.p && (product_hi | product_lo) &&
	    !(v->product_version = dotted(a, product_hi, product_lo)).p)
		return LM_ELIMIT;
	return LM_OK;
}

enum lm_rc lm_pe_version(const struct lm_pe *pe, struct lm_arena *a, struct lm_pe_version *out)
{
	uint64_t at = 0;
	struct block root, info, table;
	*out = (struct lm_pe_version){ 0 };
	if (!pe->dir[LM_PE_RESOURCE].at)
		return LM_OK;
	struct lm_bytes b = find_version(pe, out, &at);
	struct lm_rd r = lm_rd_of(b);
	if (b.n == 0)
		return LM_OK;
	if (!next_block(&r, &root) || !key_is(root.key, "VS_VERSION_INFO")) {
		fault(out, at, "version resource does not begin with VS_VERSION_INFO");
		return LM_OK;
	}
	enum lm_rc rc = LM_OK;
	for (unsigned i = 0; rc == LM_OK && i < BLOCKS_MAX && next_block(&root.children, &info); i++) {
		if (!key_is(info.key, "StringFileInfo"))
			continue;
		for (unsigned k = 0; rc == LM_OK && k < BLOCKS_MAX && next_block(&info.children, &table); k++)
			rc = string_table(table.children, a, out);
	}
	return rc == LM_OK ? fixed_info(root.value, a, out) : rc;
}
