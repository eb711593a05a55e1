/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit_collections.c - the files of single hosts in the layouts that collectors leave behind.
 *
 * First the items of a host (path as on the host, bytes, time), then a writer per layout names them.
 * Limits: about 40 items a host; everything is held in memory.
 */
#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_out.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "range.h"
#include "zip_write.h"

enum { MAX_ITEMS = 64, MAX_PROGRAM_ITEMS = 30, ARCHIVE_MAX = 64 << 20 };

struct item {
	const char *path; /* on the host */
	struct lm_bytes data;
	int64_t mtime_s;
	bool shadow; /* seen through a volume shadow copy */
};

struct bag {
	struct item item[MAX_ITEMS];
	size_t n;
	struct lm_arena *a;
};

static void add(struct bag *b, const char *path, struct lm_bytes data, int64_t mtime_s)
{
	if (b->n < MAX_ITEMS)
		b->item[b->n++] = (struct item){ path, data, mtime_s, false };
}

static void add_text(struct bag *b, const char *path, const struct lm_buf *text, int64_t mtime_s)
{
	if (text->bad)
		abort();
	add(b, path, lm_arena_bytes(b->a, lm_str_bytes(lm_buf_view(text))), mtime_s);
}

static const char *collection_name(const struct rg_host *h)
{
	return h->collect_fqdn ? h->fqdn : h->netbios;
}

const char *rg_collect_word(enum rg_collect how)
{
	static const char *const words[] = { "none", "velociraptor", "kape", "kape-zip", "uac", "tree" };
	return words[how];
}

const char *rg_collection_path(struct lm_arena *a, const struct rg_world *w, const struct rg_host *h)
{
	int64_t t = rg_collected_s(w, h);
	const char *name = collection_name(h);
	switch (h->collect) {
	case RG_COLLECT_VELO:
		return rg_fmt(a, "evidence/collections/velociraptor/Collection-%s-%s.zip", name,
			      rg_time(a, t, "%Y-%m-%dT%H_%M_%SZ"));
	case RG_COLLECT_KAPE:
		return rg_fmt(a, "evidence/collections/kape/%s", name);
	case RG_COLLECT_KAPE_ZIP:
		return rg_fmt(a, "evidence/collections/kape/%s_%s.zip", rg_time(a, t, "%Y-%m-%dT%H%M%S"), name);
	case RG_COLLECT_UAC:
		return rg_fmt(a, "evidence/collections/uac/uac-%s-macos-%s.tar.gz", name,
			      rg_time(a, t, "%Y%m%d%H%M%S"));
	case RG_COLLECT_TREE:
		return rg_fmt(a, "evidence/collections/trees/%s", name);
	case RG_COLLECT_NONE:
		break;
	}
	return "";
}

/* ---- what stands on the host ---- */

static void phone_log(struct bag *b, const struct rg_world *w, const struct rg_host *h, const char *path)
{
	struct lm_buf t;
	struct rg_rng r;
	rg_rng_init(&r, w->opt.seed, "log/%u", h->index);
	lm_buf_init(&t, 1 << 20);
	int64_t at = h->altered ? h->updated_s : h->installed_s;
	lm_buf_fmt(&t, "%s %s %s started\r\n", rg_time(b->a, at, "%Y-%m-%d %H:%M:%S"), h->releases[0]->product,
		   h->releases[0]->version);
	for (int64_t i = 0, n = rg_between(&r, 20, 80); i < n; i++) {
		at += rg_between(&r, 30, 7200);
		lm_buf_fmt(&t, "%s call %u to extension %u, %u s\r\n", rg_time(b->a, at, "%Y-%m-%d %H:%M:%S"),
			   (unsigned)i + 1, 100 + (unsigned)rg_below(&r, 900), 5 + (unsigned)rg_below(&r, 900));
	}
	add_text(b, path, &t, at);
	lm_buf_fini(&t);
}

static void phone_config(struct bag *b, const struct rg_host *h, const char *path)
{
	struct lm_buf t;
	struct lm_jw w;
	lm_buf_init(&t, 1 << 16);
	lm_jw_init(&w, &t, true);
	lm_jw_obj(&w);
	lm_jw_key(&w, "user");
	lm_jw_cstr(&w, h->user);
	lm_jw_key(&w, "registrar");
	lm_jw_cstr(&w, rg_fmt(b->a, "pbx.%s", h->org->domain));
	lm_jw_key(&w, "version");
	lm_jw_cstr(&w, h->releases[0]->version);
	lm_jw_end(&w);
	lm_buf_putc(&t, '\n');
	add_text(b, path, &t, rg_release_s(h, h->releases[0]) + 600);
	lm_buf_fini(&t);
}

static void info_plist(struct bag *b, const struct rg_host *h, const struct rg_release *rel)
{
	struct lm_buf t;
	lm_buf_init(&t, 1 << 16);
	lm_buf_fmt(&t,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n"
		   "\t<key>CFBundleName</key>\n\t<string>%s</string>\n"
		   "\t<key>CFBundleShortVersionString</key>\n\t<string>%s</string>\n"
		   "\t<key>NSHumanReadableCopyright</key>\n\t<string>%s</string>\n</dict>\n</plist>\n",
		   rel->product, rel->version, rel->vendor);
	add_text(b, rg_fmt(b->a, "%s/Contents/Info.plist", rg_host_folder(b->a, h, rel)), &t, rg_release_s(h, rel));
	lm_buf_fini(&t);
}

static void notes(struct bag *b, const struct rg_host *h, const char *path)
{
	struct lm_buf t;
	lm_buf_init(&t, 1 << 16);
	lm_buf_fmt(&t, "inert sample text\r\nnotes of %s on %s\r\n", h->user, h->fqdn);
	add_text(b, path, &t, h->installed_s);
	lm_buf_fini(&t);
}

static void gather(struct bag *b, const struct rg_world *w, const struct rg_host *h)
{
	bool mac = h->platform == RG_MACOS;
	for (size_t k = 0; k < h->n_releases; k++) {
		/* the product first, the files of the system last: what the limit cuts off is the least telling */
		const struct rg_release *rel = h->releases[k == 0 ? 0 : k + 1 < h->n_releases ? k + 1 : 1];
		for (size_t f = 0; f < rel->n_files && b->n < MAX_PROGRAM_ITEMS; f++)
			add(b, rg_host_path(b->a, h, rel, &rel->files[f]), rel->files[f].content->data,
			    rg_release_s(h, rel));
	}
	if (mac) {
		for (size_t k = 0; k < h->n_releases; k++) {
			if (h->releases[k]->listed)
				info_plist(b, h, h->releases[k]);
		}
		phone_log(b, w, h, rg_fmt(b->a, "/Users/%s/Library/Logs/Brindlecom/phone.log", h->user));
		phone_config(b, h,
			     rg_fmt(b->a, "/Users/%s/Library/Application Support/Brindlecom/config.json", h->user));
		notes(b, h, rg_fmt(b->a, "/Users/%s/Documents/notes.txt", h->user));
		return;
	}
	phone_log(b, w, h, "C:\\ProgramData\\Brindlecom\\Desk Phone\\logs\\phone.log");
	phone_config(b, h, rg_fmt(b->a, "C:\\Users\\%s\\AppData\\Roaming\\Brindlecom\\config.json", h->user));
	notes(b, h, rg_fmt(b->a, "C:\\Users\\%s\\Documents\\notes 100%%.txt", h->user));
	if (!h->collect_shadow)
		return;
	for (size_t i = 0, n = h->releases[0]->n_files; i < n && b->n < MAX_ITEMS; i++) {
		add(b, b->item[i].path, b->item[i].data, b->item[i].mtime_s);
		b->item[b->n - 1].shadow = true;
	}
}

/* ---- names of members ---- */

/* Windows path below a drive as "C<after>/...": KAPE and trees write C/, Velociraptor C%3A/. */
static const char *drive_path(struct lm_arena *a, const char *path, const char *after)
{
	char *s = rg_fmt(a, "%c%s%s", path[0], after, path + 2);
	for (char *p = s; *p; p++) {
		if (*p == '\\')
			*p = '/';
	}
	return s;
}

static const char *percent_escaped(struct lm_arena *a, const char *path)
{
	struct lm_buf b;
	lm_buf_init(&b, 4096);
	for (const char *p = path; *p; p++) {
		if (*p == '%')
			lm_buf_puts(&b, "%25");
		else
			lm_buf_putc(&b, *p);
	}
	const char *out = rg_fmt(a, "%.*s", (int)b.n, b.p);
	lm_buf_fini(&b);
	return out;
}

static const char *velo_member(struct lm_arena *a, const struct item *i)
{
	const char *below = percent_escaped(a, drive_path(a, i->path, ""));
	if (i->shadow)
		return rg_fmt(a, "uploads/ntfs/%%5C%%5C%%3F%%5CGLOBALROOT%%5CDevice%%5CHarddiskVolumeShadowCopy1/%s",
			      below + 2);
	return rg_fmt(a, "uploads/auto/%c%%3A/%s", i->path[0], below + 2);
}

/* ---- Velociraptor ---- */

static enum lm_rc velo_text(struct rg_zip *z, const char *name, struct lm_buf *t, int64_t when)
{
	enum lm_rc rc = t->bad ? LM_ELIMIT : rg_zip_add(z, name, lm_str_bytes(lm_buf_view(t)), when);
	lm_buf_clear(t);
	return rc;
}

static void key_text(struct lm_jw *w, const char *key, const char *text)
{
	lm_jw_key(w, key);
	lm_jw_cstr(w, text);
}

static enum lm_rc velo_context(struct rg_zip *z, struct bag *b, const struct rg_world *w, const struct rg_host *h)
{
	int64_t when = rg_collected_s(w, h);
	struct rg_rng r;
	rg_rng_init(&r, w->opt.seed, "velociraptor/%u", h->index);
	const char *client = rg_fmt(b->a, "C.%016llx", (unsigned long long)rg_u64(&r));
	const char *flow = rg_fmt(b->a, "F.%010llX", (unsigned long long)(rg_u64(&r) & 0xffffffffffULL));
	struct lm_buf t;
	struct lm_jw j;
	lm_buf_init(&t, 1 << 20);
	lm_jw_init(&j, &t, true);
	lm_jw_obj(&j);
	key_text(&j, "client_id", client);
	key_text(&j, "hostname", h->netbios);
	key_text(&j, "fqdn", h->fqdn);
	key_text(&j, "system", "windows");
	key_text(&j, "release", h->os);
	key_text(&j, "architecture", "amd64");
	key_text(&j, "ip_address", h->address);
	lm_jw_end(&j);
	enum lm_rc rc = velo_text(z, "client_info.json", &t, when);
	if (rc != LM_OK)
		goto done;
	lm_jw_init(&j, &t, true);
	lm_jw_obj(&j);
	key_text(&j, "client_id", client);
	key_text(&j, "session_id", flow);
	lm_jw_key(&j, "start_time");
	lm_jw_i64(&j, when * 1000000);
	lm_jw_key(&j, "total_uploaded_files");
	lm_jw_u64(&j, b->n);
	key_text(&j, "state", "FINISHED");
	lm_jw_end(&j);
	rc = velo_text(z, "collection_context.json", &t, when);
	if (rc != LM_OK)
		goto done;
	lm_jw_init(&j, &t, false);
	lm_jw_obj(&j);
	key_text(&j, "Hostname", h->netbios);
	key_text(&j, "OS", "windows");
	key_text(&j, "Architecture", "amd64");
	key_text(&j, "Platform", h->os);
	key_text(&j, "Fqdn", h->fqdn);
	lm_jw_end(&j);
	lm_buf_putc(&t, '\n');
	rc = velo_text(z, "results/Generic.Client.Info%2FBasicInformation.json", &t, when);
done:
	lm_buf_fini(&t);
	return rc;
}

static enum lm_rc velo_uploads(struct rg_zip *z, struct bag *b, int64_t when)
{
	struct lm_buf t;
	lm_buf_init(&t, 1 << 20);
	for (size_t i = 0; i < b->n; i++) {
		struct lm_jw j;
		lm_jw_init(&j, &t, false);
		lm_jw_obj(&j);
		lm_jw_key(&j, "Timestamp");
		lm_jw_time(&j, (when + (int64_t)i) * LM_NS_PER_S);
		key_text(&j, "vfs_path",
			 b->item[i].shadow ? rg_fmt(b->a, "\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy1%s",
						    b->item[i].path + 2)
					   : b->item[i].path);
		lm_jw_key(&j, "file_size");
		lm_jw_u64(&j, b->item[i].data.n);
		lm_jw_key(&j, "uploaded_size");
		lm_jw_u64(&j, b->item[i].data.n);
		lm_jw_end(&j);
		lm_buf_putc(&t, '\n');
	}
	enum lm_rc rc = velo_text(z, "uploads.json", &t, when);
	lm_buf_fini(&t);
	return rc;
}

static enum lm_rc write_velo(struct rg_run *run, struct bag *b, const struct rg_host *h, const char *path,
			     struct lm_err *err)
{
	const struct rg_world *w = run->world;
	struct rg_rng salts;
	rg_rng_init(&salts, w->opt.seed, "salts/%u", h->index);
	struct rg_zip z;
	rg_zip_init(&z, ARCHIVE_MAX, h->collect_locked ? RG_PASSWORD : NULL, &salts);
	enum lm_rc rc = velo_context(&z, b, w, h);
	for (size_t i = 0; rc == LM_OK && i < b->n; i++)
		rc = rg_zip_add(&z, velo_member(b->a, &b->item[i]), b->item[i].data, b->item[i].mtime_s);
	if (rc == LM_OK)
		rc = velo_uploads(&z, b, rg_collected_s(w, h));
	rg_zip_finish(&z);
	rc = rc == LM_OK ? rg_out_buf(&run->out, path, &z.out, rg_collected_s(w, h) * LM_NS_PER_S, err)
			 : lm_fail(err, rc, "cannot write archive '%s'", path);
	rg_zip_fini(&z);
	return rc;
}

/* ---- KAPE ---- */

static void copy_log(struct bag *b, int64_t when, struct lm_buf *t)
{
	lm_buf_puts(t, "CopiedTimestamp,SourceFile,DestinationFile,FileSize,SourceFileSha1,DeferredCopy,CreatedOnUtc,"
		       "ModifiedOnUtc,LastAccessedOnUtc,CopyDuration\r\n");
	for (size_t i = 0; i < b->n; i++) {
		const struct item *x = &b->item[i];
		uint8_t sha1[20];
		if (EVP_Digest(x->data.p, x->data.n, sha1, NULL, EVP_sha1(), NULL) != 1)
			abort();
		const char *m = rg_time(b->a, x->mtime_s, "%Y-%m-%d %H:%M:%S.0000000");
		lm_buf_fmt(t, "%s,", rg_time(b->a, when + (int64_t)i, "%Y-%m-%d %H:%M:%S.0000000"));
		lm_put_csv(t, lm_cstr(x->path));
		lm_buf_putc(t, ',');
		lm_put_csv(t, lm_cstr(rg_fmt(b->a, "E:\\%c%s", x->path[0], x->path + 2)));
		lm_buf_fmt(t, ",%zu,", x->data.n);
		lm_buf_hex(t, (struct lm_bytes){ sha1, sizeof sha1 });
		lm_buf_fmt(t, ",False,%s,%s,%s,00:00:00.0100000\r\n", m, m, m);
	}
}

static enum lm_rc write_kape(struct rg_run *run, struct bag *b, const struct rg_host *h, const char *path,
			     struct lm_err *err)
{
	int64_t when = rg_collected_s(run->world, h);
	const char *log = rg_fmt(b->a, "%s_CopyLog.csv", rg_time(b->a, when, "%Y-%m-%dT%H_%M_%S_0000000"));
	struct lm_buf t;
	struct rg_zip z;
	bool zip = h->collect == RG_COLLECT_KAPE_ZIP;
	lm_buf_init(&t, 1 << 20);
	rg_zip_init(&z, ARCHIVE_MAX, NULL, NULL);
	copy_log(b, when, &t);
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < b->n; i++) {
		const struct item *x = &b->item[i];
		const char *member = drive_path(b->a, x->path, "");
		if (zip)
			rc = rg_zip_add(&z, member, x->data, x->mtime_s);
		else
			rc = rg_out_file(&run->out, rg_fmt(b->a, "%s/%s", path, member), x->data,
					 x->mtime_s * LM_NS_PER_S, err);
	}
	if (rc == LM_OK && zip)
		rc = rg_zip_add(&z, log, lm_str_bytes(lm_buf_view(&t)), when);
	else if (rc == LM_OK)
		rc = rg_out_buf(&run->out, rg_fmt(b->a, "%s/%s", path, log), &t, when * LM_NS_PER_S, err);
	rg_zip_finish(&z);
	if (rc == LM_OK && zip)
		rc = rg_out_buf(&run->out, path, &z.out, when * LM_NS_PER_S, err);
	lm_buf_fini(&t);
	rg_zip_fini(&z);
	return rc;
}

static enum lm_rc write_tree(struct rg_run *run, struct bag *b, const char *path, struct lm_err *err)
{
	enum lm_rc rc = LM_OK;
	for (size_t i = 0; rc == LM_OK && i < b->n; i++) {
		const struct item *x = &b->item[i];
		rc = rg_out_file(&run->out, rg_fmt(b->a, "%s/%s", path, drive_path(b->a, x->path, "")), x->data,
				 x->mtime_s * LM_NS_PER_S, err);
	}
	return rc;
}

/* ---- UAC ---- */

static la_ssize_t to_buf(struct archive *a, void *user, const void *p, size_t n)
{
	(void)a;
	lm_buf_add(user, p, n);
	return (la_ssize_t)n;
}

static bool tar_add(struct archive *tar, const char *name, struct lm_bytes data, int64_t mtime_s)
{
	struct archive_entry *e = archive_entry_new();
	if (!e)
		return false;
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0644); /* nothing here is executable */
	archive_entry_set_size(e, (la_int64_t)data.n);
	archive_entry_set_mtime(e, (time_t)mtime_s, 0);
	bool ok = archive_write_header(tar, e) == ARCHIVE_OK &&
		  archive_write_data(tar, data.p, data.n) == (la_ssize_t)data.n;
	archive_entry_free(e);
	return ok;
}

static bool uac_text(struct archive *tar, const char *name, const char *text, int64_t when)
{
	return tar_add(tar, name, lm_str_bytes(lm_cstr(text)), when);
}

static enum lm_rc write_uac(struct rg_run *run, struct bag *b, const struct rg_host *h, const char *path,
			    struct lm_err *err)
{
	int64_t when = rg_collected_s(run->world, h);
	struct lm_buf out;
	lm_buf_init(&out, ARCHIVE_MAX);
	struct archive *tar = archive_write_new();
	bool ok = tar && archive_write_set_format_ustar(tar) == ARCHIVE_OK &&
		  archive_write_add_filter_gzip(tar) == ARCHIVE_OK &&
		  archive_write_set_options(tar, "gzip:!timestamp,gzip:compression-level=1") == ARCHIVE_OK &&
		  archive_write_open(tar, &out, NULL, to_buf, NULL) == ARCHIVE_OK;
	ok = ok && uac_text(tar, "uac.log",
			    rg_fmt(b->a, "UAC started on %s (%s), profile ir_triage\n", h->netbios, h->os), when);
	ok = ok && uac_text(tar, "live_response/system/hostname.txt", rg_fmt(b->a, "%s\n", h->netbios), when);
	ok = ok && uac_text(tar, "live_response/network/hostname_-f.txt", rg_fmt(b->a, "%s\n", h->fqdn), when);
	ok = ok && uac_text(tar, "live_response/network/ifconfig_-a.txt",
			    rg_fmt(b->a, "en0: flags=8863\n\tinet %s netmask 0xffff0000\n", h->address), when);
	for (size_t i = 0; ok && i < b->n; i++)
		ok = tar_add(tar, rg_fmt(b->a, "[root]%s", b->item[i].path), b->item[i].data, b->item[i].mtime_s);
	ok = ok && archive_write_close(tar) == ARCHIVE_OK;
	archive_write_free(tar);
	enum lm_rc rc = ok ? rg_out_buf(&run->out, path, &out, when * LM_NS_PER_S, err)
			   : lm_fail(err, LM_EIO, "cannot write archive '%s'", path);
	lm_buf_fini(&out);
	return rc;
}

enum lm_rc rg_emit_collections(struct rg_run *run, struct lm_err *err)
{
	const struct rg_world *w = run->world;
	enum lm_rc rc = LM_OK;
	for (unsigned i = 0; rc == LM_OK && i < w->n_hosts; i++) {
		const struct rg_host *h = &w->host[i];
		if (h->collect == RG_COLLECT_NONE)
			continue;
		struct lm_arena scratch;
		lm_arena_init(&scratch, 64 << 20);
		struct bag b = { .n = 0, .a = &scratch };
		gather(&b, w, h);
		const char *path = rg_collection_path(&scratch, w, h);
		if (h->collect == RG_COLLECT_VELO)
			rc = write_velo(run, &b, h, path, err);
		else if (h->collect == RG_COLLECT_UAC)
			rc = write_uac(run, &b, h, path, err);
		else if (h->collect == RG_COLLECT_TREE)
			rc = write_tree(run, &b, path, err);
		else
			rc = write_kape(run, &b, h, path, err);
		if (rc == LM_OK)
			rc = rg_out_count(&run->out, b.n, err);
		lm_arena_fini(&scratch);
	}
	return rc;
}
