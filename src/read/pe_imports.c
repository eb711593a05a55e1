/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_imports.c - import descriptors, their symbols, the import hash; names of the export directory.
 *
 * In: data directories 0 and 1. Out: lists and counts. Limits: 4,096 DLLs and 262,144 symbols, because
 * several descriptors may point at one table and the bytes of the file do not bound the work; names are cut
 * at 512 bytes.
 */
#include "read/pe_imports.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/text.h"

#define DESCRIPTORS_MAX 4096u
#define SYMBOLS_MAX 262144u
#define NAME_MAX_BYTES 512u
#define NAMES_MAX_BYTES 65536u

struct walk {
	const struct lm_pe *pe;
	struct lm_pe_imports *out;
	EVP_MD_CTX *md5;
	bool hash_ok, any;
	struct lm_buf names;
};

static void fault(struct lm_pe_imports *out, uint64_t at, const char *what)
{
	if (!out->fault.what)
		out->fault = (struct lm_pe_fault){ what, at };
}

/* NUL-terminated text at rva; false when it is empty, unmapped or without end. */
static bool text_at(const struct lm_pe *pe, uint32_t rva, struct lm_str *out)
{
	uint64_t at;
	struct lm_bytes b = lm_bytes_part(lm_pe_at(pe, rva, &at), 0, NAME_MAX_BYTES);
	size_t n = 0;
	while (n < b.n && b.p[n])
		n++;
	*out = (struct lm_str){ (const char *)b.p, n };
	return n > 0 && n < b.n;
}

static size_t lower(struct lm_str s, char out[NAME_MAX_BYTES + 1])
{
	size_t n = s.n < NAME_MAX_BYTES ? s.n : NAME_MAX_BYTES;
	for (size_t i = 0; i < n; i++)
		out[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
	return n;
}

static void hash(struct walk *w, const char *p, size_t n)
{
	w->hash_ok = w->hash_ok && (n == 0 || EVP_DigestUpdate(w->md5, p, n) == 1);
}

/* One ",dll.symbol" of the import hash; `stem` is the DLL name in lower case without its ending. */
static void hash_symbol(struct walk *w, struct lm_str stem, struct lm_str symbol)
{
	char low[NAME_MAX_BYTES + 1];
	size_t n = lower(symbol, low);
	if (w->any)
		hash(w, ",", 1);
	hash(w, stem.p, stem.n);
	hash(w, ".", 1);
	hash(w, low, n);
	w->any = true;
}

/* The symbols of one descriptor. False when the limit for the whole file is reached. */
static bool symbols(struct walk *w, uint32_t thunks, struct lm_str stem)
{
	uint64_t at;
	struct lm_bytes table = lm_pe_at(w->pe, thunks, &at);
	struct lm_rd r = lm_rd_of(table);
	size_t width = w->pe->plus ? 8 : 4;
	while (lm_rd_left(&r) >= width) {
		uint64_t thunk_at = at + r.pos, v = w->pe->plus ? lm_rd_u64le(&r) : lm_rd_u32le(&r);
		char number[16];
		struct lm_str name;
		if (v == 0)
			return true;
		if (w->out->count == SYMBOLS_MAX) {
			fault(w->out, thunk_at, "more than 262144 imported symbols");
			return false;
		}
		if (v >> (w->pe->plus ? 63 : 31)) {
			int n = snprintf(number, sizeof number, "ord%u", (unsigned)(v & 0xffff));
			name = (struct lm_str){ number, (size_t)n };
		} else if (v > UINT32_MAX - 2 || !text_at(w->pe, (uint32_t)v + 2, &name)) { /* after the hint */
			fault(w->out, thunk_at, "name of an imported symbol cannot be read");
			return true;
		}
		w->out->count++;
		hash_symbol(w, stem, name);
	}
	fault(w->out, at + r.pos, "list of imported symbols has no end");
	return true;
}

static struct lm_str without_ending(struct lm_str dll)
{
	static const char *const endings[] = { ".dll", ".sys", ".ocx" };
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
		if (lm_str_ends_ci(dll, lm_cstr(endings[i])))
			return lm_str_part(dll, 0, dll.n - 4);
	return dll;
}

static void import_table(struct walk *w)
{
	uint64_t at;
	struct lm_rd r = lm_rd_of(lm_pe_at(w->pe, w->pe->dir[LM_PE_IMPORT].at, &at));
	if (r.n == 0) {
		fault(w->out, 0, "import table lies outside the file");
		return;
	}
	for (unsigned i = 0; i < DESCRIPTORS_MAX; i++) {
		uint64_t here = at + r.pos;
		uint32_t lookup = lm_rd_u32le(&r);
		lm_rd_skip(&r, 8);
		uint32_t name_rva = lm_rd_u32le(&r), address = lm_rd_u32le(&r);
		char low[NAME_MAX_BYTES + 1];
		struct lm_str name;
		if (r.bad) {
			fault(w->out, here, "import table has no end");
			return;
		}
		if (name_rva == 0 || (lookup | address) == 0) /* the loader stops here too */
			return;
		if (!text_at(w->pe, name_rva, &name)) {
			fault(w->out, here, "name of an imported DLL cannot be read");
			return;
		}
		name = (struct lm_str){ low, lower(name, low) };
		if (w->names.n)
			lm_buf_putc(&w->names, ';');
		lm_buf_str(&w->names, name);
		if (!symbols(w, lookup ? lookup : address, without_ending(name)))
			return;
	}
	fault(w->out, at + r.pos, "more than 4096 imported DLLs");
}

static enum lm_rc imports(const struct lm_pe *pe, struct lm_arena *a, struct lm_pe_imports *out)
{
	struct walk w = { .pe = pe, .out = out, .md5 = EVP_MD_CTX_new(), .hash_ok = true };
	enum lm_rc rc = LM_OK;
	lm_buf_init(&w.names, NAMES_MAX_BYTES);
	if (!w.md5 || EVP_DigestInit_ex2(w.md5, EVP_md5(), NULL) != 1) {
		rc = LM_EIO;
		goto done;
	}
	import_table(&w);
	if (w.names.bad)
		fault(out, 0, "names of imported DLLs exceed 64 KiB");
	if (w.names.n) {
		out->names = lm_arena_str(a, lm_buf_view(&w.names));
		if (!out->names.p)
			rc = LM_ELIMIT;
	}
	if (w.any && w.hash_ok)
		out->has_imphash = EVP_DigestFinal_ex(w.md5, out->imphash, NULL) == 1;
done:
	EVP_MD_CTX_free(w.md5);
	lm_buf_fini(&w.names);
	return rc;
}

/* IMAGE_EXPORT_DIRECTORY: name at +12, number of names at +24, table of name addresses at +32. */
static enum lm_rc exports(const struct lm_pe *pe, struct lm_arena *a, struct lm_pe_imports *out)
{
	uint64_t at, names_at;
	struct lm_rd r = lm_rd_of(lm_pe_at(pe, pe->dir[LM_PE_EXPORT].at, &at));
	lm_rd_seek(&r, 12);
	uint32_t name_rva = lm_rd_u32le(&r);
	lm_rd_skip(&r, 8);
	uint32_t stated = lm_rd_u32le(&r);
	lm_rd_skip(&r, 4);
	uint32_t names = lm_rd_u32le(&r);
	struct lm_str name;
	if (r.bad) {
		fault(out, at, "export directory is cut off or lies outside the file");
		return LM_OK;
	}
	out->has_exports = true;
	size_t fit = stated ? lm_pe_at(pe, names, &names_at).n / 4 : 0;
	out->export_count = stated < fit ? stated : (uint32_t)fit;
	if (stated > fit)
		fault(out, at + 24, "export directory states more names than the file holds");
	if (text_at(pe, name_rva, &name)) {
		out->export_name = lm_arena_str(a, name);
		if (!out->export_name.p)
			return LM_ELIMIT;
	}
	return LM_OK;
}

enum lm_rc lm_pe_imports(const struct lm_pe *pe, struct lm_arena *a, struct lm_pe_imports *out)
{
	enum lm_rc rc = LM_OK;
	*out = (struct lm_pe_imports){ 0 };
	if (pe->dir[LM_PE_IMPORT].at)
		rc = imports(pe, a, out);
	if (rc == LM_OK && pe->dir[LM_PE_EXPORT].at)
		rc = exports(pe, a, out);
	return rc;
}
