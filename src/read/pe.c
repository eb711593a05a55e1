/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe.c - the reader of Windows program files: from the parsers of this room to observations.
 *
 * In: the bytes of one file. Out: one pe.image; for a signed file a `signature` each, signature.unhashed for
 * every byte that no hash covers, signature.fact; evidence.damaged for what cannot be read. Limits: those of
 * the parsers, and the unit's memory: when it is spent, what was found before is still handed out.
 */
#include "read/authenticode.h"
#include "read/pe_imports.h"
#include "read/pe_version.h"
#include "read/read.h"

#define IMAGE_FILE_DLL 0x2000u

struct state {
	struct lm_pe_obs q;
	struct lm_pe pe;
	struct lm_pe_digests digests;
};

static int probe(const struct lm_read_in *in)
{
	return lm_pe_probe(in->data);
}

static void damaged(struct state *s, const char *what, const struct lm_pe_fault *f)
{
	if (f->what)
		lm_pe_obs_damage(&s->q, f->at, "cannot read %s: %s at 0x%llx", what, f->what,
				 (unsigned long long)f->at);
}

static void put_headers(const struct lm_pe *pe, struct lm_obs_pe_image *o)
{
	o->machine = LM_INT(pe->machine);
	o->is_dll = LM_INT((pe->flags & IMAGE_FILE_DLL) != 0);
	o->linked = LM_INT(pe->stamp * LM_NS_PER_S);
	o->sections = LM_INT(pe->n_sections);
	if (pe->has_optional) {
		o->subsystem = LM_INT(pe->subsystem);
		o->checksum = LM_INT(pe->checksum);
		o->entry = LM_INT(pe->entry);
	}
}

/* The overlay ends where the certificate table begins, wherever in the file that is. */
static void put_overlay(const struct lm_pe *pe, const struct lm_ac *ac, struct lm_obs_pe_image *o)
{
	uint64_t end = pe->data.n;
	if (ac->has_table) {
		o->cert_offset = LM_INT(ac->table_at);
		o->cert_size = LM_INT(ac->table_size);
		o->cert_entries = LM_INT(ac->n_entries);
		if (ac->table_at >= pe->raw_end && ac->table_at < end)
			end = ac->table_at;
	}
	if (pe->has_optional && end > pe->raw_end) {
		o->overlay_offset = LM_INT(pe->raw_end);
		o->overlay_size = LM_INT(end - pe->raw_end);
	}
}

static void put_version(struct state *s, struct lm_obs_pe_image *o)
{
	struct lm_pe_version v;
	if (lm_pe_version(&s->pe, s->q.in->arena, &v) != LM_OK)
		s->q.rc = LM_ELIMIT;
	o->company = v.company;
	o->product = v.product;
	o->product_version = v.product_version;
	o->file_version = v.file_version;
	o->original_name = v.original_name;
	o->description = v.description;
	damaged(s, "version resource", &v.fault);
}

static void put_imports(struct state *s, struct lm_obs_pe_image *o)
{
	struct lm_pe_imports im;
	enum lm_rc rc = lm_pe_imports(&s->pe, s->q.in->arena, &im);
	if (rc != LM_OK)
		s->q.rc = rc;
	o->imports = im.names;
	if (s->pe.dir[LM_PE_IMPORT].at)
		o->import_count = LM_INT(im.count);
	if (im.has_imphash)
		o->imphash = lm_pe_obs_bytes(&s->q, im.imphash, sizeof im.imphash);
	o->export_name = im.export_name;
	if (im.has_exports)
		o->export_count = LM_INT(im.export_count);
	damaged(s, "import or export table", &im.fault);
}

static void put_digests(struct state *s, const struct lm_ac *ac, struct lm_obs_pe_image *o)
{
	const struct lm_pe_digests *d = &s->digests;
	o->authentihash = (struct lm_bytes){ d->d[LM_SHA256].plain, 32 };
	o->authentihash_padded = (struct lm_bytes){ d->d[LM_SHA256].padded, 32 };
	if (d->has_checksum)
		o->checksum_computed = LM_INT(d->checksum);
	if (!ac->has_table)
		return;
	if (d->layout_differs)
		lm_pe_obs_fact(
			&s->q, -1, "layout-digest-differs", 0, 0,
			"hashing headers and sections in file order gives another digest than hashing the file up to "
			"the certificate table: there are gaps or overlaps between sections");
	if (d->has_checksum && s->pe.checksum == 0)
		lm_pe_obs_fact(&s->q, -1, "checksum-zero", s->pe.checksum_at, 4, "CheckSum is 0, computed 0x%x",
			       d->checksum);
	else if (d->has_checksum && s->pe.checksum != d->checksum)
		lm_pe_obs_fact(&s->q, -1, "checksum-wrong", s->pe.checksum_at, 4, "CheckSum is 0x%x, computed 0x%x",
			       s->pe.checksum, d->checksum);
}

static enum lm_rc open(const struct lm_read_in *in, void **state)
{
	struct lm_ac ac;
	bool spent_before = in->arena->spent;
	*state = NULL;
	in->arena->spent = false;
	struct state *s = lm_arena_alloc(in->arena, sizeof *s);
	if (!s)
		return LM_ELIMIT;
	enum lm_rc rc = lm_pe_parse(in->data, in->arena, &s->pe);
	if (rc != LM_OK)
		return rc;
	lm_pe_obs_init(&s->q, in);
	struct lm_obs *obs = lm_pe_obs_add(&s->q, LM_K_pe_image);
	struct lm_obs_pe_image image = { .sha256 = lm_pe_obs_sha256(&s->q) };
	damaged(s, "headers", &s->pe.fault);
	put_headers(&s->pe, &image);
	put_version(s, &image);
	put_imports(s, &image);
	lm_ac_init(&ac, &s->q, in->data);
	lm_ac_table(&ac, &s->pe);
	put_overlay(&s->pe, &ac, &image);
	if (s->q.rc == LM_OK) {
		rc = lm_pe_digest(&s->pe, lm_ac_algorithms(&ac), in->arena, &s->digests);
		if (rc == LM_OK) {
			put_digests(s, &ac, &image);
			lm_ac_judge(&ac, &s->digests);
		} else {
			s->q.rc = rc;
		}
	}
	if (obs != &s->q.scratch)
		obs->pe_image = image;
	if (in->arena->spent) /* a text was left out somewhere: say that the result is not whole */
		s->q.rc = LM_ELIMIT;
	in->arena->spent = in->arena->spent || spent_before;
	*state = s;
	return LM_OK;
}

static enum lm_rc next(void *state, struct lm_obs *out)
{
	struct state *s = state;
	const struct lm_obs *o = lm_pe_obs_next(&s->q);
	if (!o)
		return s->q.rc == LM_OK ? LM_END : s->q.rc;
	*out = *o;
	return LM_OK;
}

static void close(void *state)
{
	(void)state; /* all of it lives in the unit's arena */
}

static const enum lm_kind emits[] = { LM_K_pe_image,	   LM_K_signature,	  LM_K_signature_unhashed,
				      LM_K_signature_fact, LM_K_evidence_damaged, LM_KIND_NONE };

const struct lm_reader lm_reader_pe = {
	.name = "pe",
	.summary = "Windows program files: headers, version, imports, Authenticode signatures and what they leave open",
	.emits = emits,
	.probe = probe,
	.open = open,
	.next = next,
	.close = close,
};
