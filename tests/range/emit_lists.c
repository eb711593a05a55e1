/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit_lists.c - the host list and the inventories of files and of installed software, by organisation.
 *
 * Organisations export what they have: with or without product columns, as CSV or JSON lines, with hosts
 * named by NetBIOS name, FQDN or address. Headers differ on purpose: a reader must map them.
 */
#include <stdlib.h>

#include "base/json_out.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "range.h"

enum { LIST_MAX = 64 << 20, MAX_ROWS = 44 };

static void cell(struct lm_buf *b, const char *text)
{
	lm_put_csv(b, lm_cstr(text));
	lm_buf_putc(b, ',');
}

/* Ends a row: the last comma becomes the line end. */
static void end_row(struct lm_buf *b)
{
	if (!b->bad)
		b->n--;
	lm_buf_puts(b, "\r\n");
}

enum lm_rc rg_emit_hosts(struct rg_run *run, struct lm_err *err)
{
	const struct rg_world *w = run->world;
	struct lm_buf b;
	lm_buf_init(&b, LIST_MAX);
	lm_buf_puts(&b, "Computer Name,DNS Host Name,IP Address,Customer,Country,Sector,Operating System,Role\r\n");
	for (unsigned i = 0; i < w->n_hosts; i++) {
		const struct rg_host *h = &w->host[i];
		cell(&b, h->name);
		cell(&b, h->fqdn);
		cell(&b, h->address);
		cell(&b, h->org->name);
		cell(&b, h->org->country->name); /* the truth has the code: a reader maps it */
		cell(&b, h->org->sector);
		cell(&b, h->os);
		cell(&b, h->role);
		end_row(&b);
	}
	enum lm_rc rc = rg_out_count(&run->out, w->n_hosts, err);
	if (rc == LM_OK)
		rc = rg_out_buf(&run->out, "evidence/hosts.csv", &b, 0, err);
	lm_buf_fini(&b);
	return rc;
}

/* ---- what one row says, before its format ---- */

struct column {
	const char *csv, *json;
	const char *text; /* NULL: not in this row */
	uint64_t number;
	bool is_number;
};

enum { MAX_COLUMNS = 12 };

struct row {
	struct column col[MAX_COLUMNS];
	size_t n;
};

static void put(struct row *r, const char *csv, const char *json, const char *text)
{
	if (r->n == MAX_COLUMNS)
		abort();
	r->col[r->n++] = (struct column){ csv, json, text, 0, false };
}

static void put_number(struct row *r, const char *csv, const char *json, uint64_t v)
{
	put(r, csv, json, "");
	r->col[r->n - 1].number = v;
	r->col[r->n - 1].is_number = true;
}

static void put_host(struct row *r, const struct rg_host *h, enum rg_host_key key)
{
	if (key == RG_KEY_FQDN)
		put(r, "FQDN", "fqdn", h->fqdn);
	else if (key != RG_KEY_ADDRESS)
		put(r, "Hostname", "hostname", h->netbios);
	if (key == RG_KEY_ADDRESS || key == RG_KEY_NETBIOS_AND_ADDRESS)
		put(r, "IP Address", "ip", h->address);
}

static void write_row(struct lm_buf *b, const struct row *r, bool jsonl, bool header)
{
	if (!jsonl) {
		for (size_t i = 0; header && i < r->n; i++)
			cell(b, r->col[i].csv);
		if (header)
			end_row(b);
		for (size_t i = 0; i < r->n; i++) {
			if (r->col[i].is_number)
				lm_buf_fmt(b, "%llu,", (unsigned long long)r->col[i].number);
			else
				cell(b, r->col[i].text);
		}
		end_row(b);
		return;
	}
	struct lm_jw w;
	lm_jw_init(&w, b, false);
	lm_jw_obj(&w);
	for (size_t i = 0; i < r->n; i++) {
		lm_jw_key(&w, r->col[i].json);
		r->col[i].is_number ? lm_jw_u64(&w, r->col[i].number) : lm_jw_cstr(&w, r->col[i].text);
	}
	lm_jw_end(&w);
	lm_buf_putc(b, '\n');
}

/* ---- files and their hashes ---- */

static void file_row(struct row *r, struct lm_arena *a, const struct rg_host *h, const struct rg_release *rel,
		     const struct rg_file *f)
{
	const struct rg_org *o = h->org;
	bool second = o->index % 2; /* two tools, two vocabularies */
	r->n = 0;
	put_host(r, h, o->hash_key);
	put(r, second ? "File Path" : "Path", second ? "file_path" : "path", rg_host_path(a, h, rel, f));
	put(r, second ? "SHA-256" : "SHA256", "sha256", f->content->hex);
	if (!o->hash_rich)
		return;
	put_number(r, second ? "File Size" : "Size", "size", f->content->data.n);
	put(r, "Product", "product", rel->product);
	put(r, second ? "Product Version" : "Version", second ? "product_version" : "version", rel->version);
	put(r, second ? "Vendor" : "Publisher", second ? "vendor" : "publisher", rel->vendor);
	put(r, "Modified", "modified", rg_time(a, rg_release_s(h, rel), "%Y-%m-%dT%H:%M:%SZ"));
}

static enum lm_rc emit_files(struct rg_run *run, const struct rg_org *o, struct lm_err *err)
{
	const struct rg_world *w = run->world;
	struct lm_buf b;
	struct lm_arena scratch;
	struct row r;
	uint64_t rows = 0;
	lm_buf_init(&b, LIST_MAX);
	lm_arena_init(&scratch, 16 << 20);
	for (unsigned i = o->first; i < o->first + o->hosts; i++) {
		const struct rg_host *h = &w->host[i];
		struct lm_arena_mark m = lm_arena_mark(&scratch);
		unsigned of_host = 0;
		for (size_t k = 0; h->in_inventory && k < h->n_releases; k++) {
			const struct rg_release *rel = h->releases[k];
			for (size_t f = 0; f < rel->n_files && of_host < MAX_ROWS; f++, of_host++) {
				file_row(&r, &scratch, h, rel, &rel->files[f]);
				write_row(&b, &r, o->hash_jsonl, rows++ == 0);
			}
		}
		lm_arena_reset(&scratch, m);
	}
	const char *path = rg_fmt(&scratch, "evidence/inventory/%s/%s.%s", o->domain, o->hash_rich ? "files" : "hashes",
				  o->hash_jsonl ? "jsonl" : "csv");
	enum lm_rc rc = rows ? rg_out_count(&run->out, rows, err) : LM_OK;
	if (rc == LM_OK && rows)
		rc = rg_out_buf(&run->out, path, &b, 0, err);
	lm_arena_fini(&scratch);
	lm_buf_fini(&b);
	return rc;
}

/* ---- installed software ---- */

static void software_row(struct row *r, struct lm_arena *a, const struct rg_host *h, const struct rg_release *rel)
{
	const struct rg_org *o = h->org;
	bool second = o->index % 2;
	r->n = 0;
	put_host(r, h, o->software_key);
	put(r, second ? "Display Name" : "Name", second ? "display_name" : "name", rel->product);
	put(r, second ? "Display Version" : "Version", second ? "display_version" : "version", rel->version);
	put(r, "Publisher", "publisher", rel->vendor);
	put(r, second ? "Install Location" : "InstallLocation", "install_location", rg_host_folder(a, h, rel));
	/* the registry's own form is a date without separators */
	put(r, second ? "Install Date" : "InstallDate", "install_date",
	    rg_time(a, rg_release_s(h, rel), o->index % 4 == 0 ? "%Y%m%d" : "%Y-%m-%d"));
}

static enum lm_rc emit_software(struct rg_run *run, const struct rg_org *o, struct lm_err *err)
{
	const struct rg_world *w = run->world;
	struct lm_buf b;
	struct lm_arena scratch;
	struct row r;
	uint64_t rows = 0;
	lm_buf_init(&b, LIST_MAX);
	lm_arena_init(&scratch, 16 << 20);
	for (unsigned i = o->first; i < o->first + o->hosts; i++) {
		const struct rg_host *h = &w->host[i];
		struct lm_arena_mark m = lm_arena_mark(&scratch);
		for (size_t k = 0; h->in_inventory && k < h->n_releases; k++) {
			if (!h->releases[k]->listed)
				continue;
			software_row(&r, &scratch, h, h->releases[k]);
			write_row(&b, &r, o->software_jsonl, rows++ == 0);
		}
		lm_arena_reset(&scratch, m);
	}
	const char *path =
		rg_fmt(&scratch, "evidence/inventory/%s/software.%s", o->domain, o->software_jsonl ? "jsonl" : "csv");
	enum lm_rc rc = rows ? rg_out_count(&run->out, rows, err) : LM_OK;
	if (rc == LM_OK && rows)
		rc = rg_out_buf(&run->out, path, &b, 0, err);
	lm_arena_fini(&scratch);
	lm_buf_fini(&b);
	return rc;
}

enum lm_rc rg_emit_inventory(struct rg_run *run, struct lm_err *err)
{
	enum lm_rc rc = LM_OK;
	for (unsigned i = 0; rc == LM_OK && i < RG_N_ORGS; i++) {
		const struct rg_org *o = &run->world->org[i];
		rc = emit_files(run, o, err);
		if (rc == LM_OK && o->has_software)
			rc = emit_software(run, o, err);
	}
	return rc;
}
