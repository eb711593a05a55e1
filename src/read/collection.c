/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collection.c - what a collector writes about the host it ran on: names, ids, operating system.
 *
 * In:  Velociraptor client_info.json, collection_context.json and Generic.Client.Info/BasicInformation results;
 *      UAC's acquisition log and uac.log; KAPE's console log.
 * Out: host.alias, which ties the names to the collection's own id (layout device "collection:...").
 * Limits: documents of 4 MiB, the first 64 KiB of logs. KAPE names the machine it runs on: only when it collected
 *      that machine's own drive C: is this the evidence's host. Hardware addresses are not kept: they name cards.
 */
#include "base/text.h"
#include "fact/json.h"
#include "read/json_span.h"
#include "read/read.h"

enum { DOCUMENT_MAX = 4 << 20, LOG_BYTES = 65536 };

enum form { FORM_NONE, FORM_VELOCIRAPTOR, FORM_CONTEXT, FORM_UAC, FORM_KAPE };

struct collection {
	const struct lm_read_in *in;
	struct lm_json_doc *doc;
	struct lm_str name, other, os, device;
	uint64_t offset, length;
	bool done;
};

static bool named(const struct lm_read_in *in, const char *name)
{
	return lm_str_eq_ci(lm_path_base(in->path), lm_cstr(name));
}

static struct lm_bytes head_of(const struct lm_read_in *in)
{
	return lm_bytes_part(in->data, 0, LOG_BYTES);
}

static bool contains(struct lm_bytes data, const char *word)
{
	return lm_bytes_find(data, lm_str_bytes(lm_cstr(word))) != SIZE_MAX;
}

/* File names are the collector's; what they hold is looked at too. */
static enum form form_of(const struct lm_read_in *in)
{
	struct lm_bytes head = head_of(in);
	struct lm_rd r = lm_rd_of(head);
	if (lm_json_span_peek(&r) == '{') {
		bool ids = contains(head, "\"client_id\"") || contains(head, "\"ClientId\"");
		bool host = contains(head, "\"hostname\"") || contains(head, "\"Hostname\"") ||
			    contains(head, "\"fqdn\"") || contains(head, "\"Fqdn\"");
		if (named(in, "client_info.json") && host)
			return FORM_VELOCIRAPTOR;
		if (named(in, "collection_context.json") && ids)
			return FORM_CONTEXT;
		/* results of the interrogation artefact: one row with these columns */
		if (host && contains(head, "\"OS\"") && contains(head, "\"Platform\"") && contains(head, "\"Fqdn\"") &&
		    contains(head, "\"Hostname\"") && in->data.n < LOG_BYTES)
			return FORM_VELOCIRAPTOR;
		return FORM_NONE;
	}
	if (contains(lm_bytes_part(head, 0, 4096), "UAC (Unix-like Artifacts Collector)") &&
	    contains(head, "Hostname:"))
		return FORM_UAC;
	if (contains(lm_bytes_part(head, 0, 4096), "KAPE version") && contains(head, "System info: Machine name: "))
		return FORM_KAPE;
	return FORM_NONE;
}

static int probe(const struct lm_read_in *in)
{
	if (memchr(in->data.p ? (const char *)in->data.p : "", 0, in->data.n < 512 ? in->data.n : 512))
		return 0;
	return form_of(in) == FORM_NONE ? 0 : 90;
}

/* First text of one of the keys, at the top or inside one of the objects a collector nests it in. */
static struct lm_str find_text(struct lm_json root, const char *const *keys)
{
	static const char *const inside[] = { "os_info", "client_info", "request", "OsInfo", "system_info" };
	for (size_t k = 0; keys[k]; k++) {
		struct lm_str s = lm_str_trim(lm_json_str(lm_json_get(root, keys[k])));
		for (size_t i = 0; !s.n && i < sizeof inside / sizeof *inside; i++)
			s = lm_str_trim(lm_json_str(lm_json_get(lm_json_get(root, inside[i]), keys[k])));
		if (s.n)
			return s;
	}
	return (struct lm_str){ 0 };
}

static enum lm_rc open_json(struct collection *s)
{
	static const char *const host_keys[] = { "Hostname", "hostname", NULL };
	static const char *const fqdn_keys[] = { "Fqdn", "fqdn", "FQDN", NULL };
	static const char *const os_keys[] = { "Platform", "platform", "release", "OS", "system", NULL };
	static const char *const id_keys[] = { "client_id", "ClientId", NULL };
	struct lm_json root;
	struct lm_json_span v;
	struct lm_rd rd = lm_rd_of(s->in->data);
	s->doc = lm_json_new(DOCUMENT_MAX);
	if (!s->doc)
		return LM_ELIMIT;
	/* results are JSON lines: the first value is the host */
	if (!lm_json_span_value(&rd, &v) || v.text.n > DOCUMENT_MAX)
		return LM_ENOTFMT;
	enum lm_rc rc = lm_json_parse(s->doc, v.text, &root, NULL);
	if (rc != LM_OK)
		return rc == LM_ELIMIT ? rc : LM_ENOTFMT;
	s->offset = v.at;
	s->length = v.text.n;
	s->name = find_text(root, host_keys);
	s->other = find_text(root, fqdn_keys);
	s->os = find_text(root, os_keys);
	struct lm_str id = find_text(root, id_keys);
	if (id.n)
		s->device = lm_arena_fmt(s->in->arena, "collection:%.*s", LM_STR_ARG(id));
	return s->in->arena->spent ? LM_ELIMIT : LM_OK;
}

/* "Hostname: pc7" somewhere in a line, after whatever time stamp the log puts before it: the rest of the line. */
static struct lm_str value_behind(struct lm_bytes head, const char *label, uint64_t *at)
{
	size_t i = lm_bytes_find(head, lm_str_bytes(lm_cstr(label)));
	if (i == SIZE_MAX)
		return (struct lm_str){ 0 };
	struct lm_str rest = lm_bytes_str(lm_bytes_part(head, i + strlen(label), head.n));
	if (at)
		*at = i;
	return lm_str_trim(lm_str_part(rest, 0, lm_str_find(rest, '\n', 0)));
}

static void open_uac(struct collection *s)
{
	s->name = value_behind(head_of(s->in), "Hostname:", &s->offset);
	s->os = value_behind(head_of(s->in), "Operating System:", NULL);
	s->length = s->name.n + strlen("Hostname: ");
}

/* "System info: Machine name: PC7, 64-bit: True, User: x OS: Windows10 (10.0.19045)" */
static void open_kape(struct collection *s)
{
	struct lm_bytes head = head_of(s->in);
	struct lm_str command = value_behind(head, "Command line:", NULL);
	size_t source = lm_bytes_find(lm_str_bytes(command), lm_str_bytes(LM_STR("--tsource ")));
	struct lm_str drive =
		source == SIZE_MAX ? (struct lm_str){ 0 } : lm_str_part(command, source + 10, source + 12);
	struct lm_str rest = value_behind(head, "System info: Machine name: ", &s->offset);
	size_t os = lm_bytes_find(lm_str_bytes(rest), lm_str_bytes(LM_STR(" OS: ")));
	if (!lm_str_starts_ci(drive, LM_STR("C")))
		return; /* a mounted image: the machine is the examiner's */
	s->name = lm_str_trim(lm_str_part(rest, 0, lm_str_find(rest, ',', 0)));
	if (os != SIZE_MAX)
		s->os = lm_str_trim(lm_str_part(rest, os + 5, rest.n));
	s->length = rest.n + strlen("System info: Machine name: ");
}

static void close_(void *state)
{
	struct collection *s = state;
	lm_json_free(s->doc);
}

static enum lm_rc open_(const struct lm_read_in *in, void **state)
{
	struct collection *s = lm_arena_alloc(in->arena, sizeof *s);
	enum form form = form_of(in);
	enum lm_rc rc = LM_OK;
	if (!s)
		return LM_ELIMIT;
	s->in = in;
	*state = s;
	if (form == FORM_VELOCIRAPTOR || form == FORM_CONTEXT)
		rc = open_json(s);
	else if (form == FORM_UAC)
		open_uac(s);
	else if (form == FORM_KAPE)
		open_kape(s);
	else
		rc = LM_ENOTFMT;
	if (rc != LM_OK) {
		close_(s);
		return rc;
	}
	if (in->host.device.n)
		s->device = in->host.device;
	if (!s->name.n)
		s->name = s->other.n ? s->other : form == FORM_CONTEXT ? in->host.name : (struct lm_str){ 0 };
	if (s->name.n > 255 || s->other.n > 255)
		s->name = (struct lm_str){ 0 };
	if (!s->other.n || lm_str_eq_ci(s->other, s->name))
		s->other = (struct lm_str){ 0 };
	/* the layout's name for the collection, when it is another one */
	if (!s->other.n && in->host.name.n && !lm_str_eq_ci(in->host.name, s->name))
		s->other = in->host.name;
	/* a lone name ties nothing together, nor does a lone id */
	s->done = !s->name.n || (!s->other.n && !s->device.n && !s->os.n);
	return LM_OK;
}

static enum lm_rc next(void *state, struct lm_obs *out)
{
	struct collection *s = state;
	if (s->done)
		return LM_END;
	s->done = true;
	lm_obs_init(out, LM_K_host_alias);
	out->at.offset = s->offset;
	out->at.length = s->length;
	out->host_alias.name = s->name;
	out->host_alias.other_name = s->other;
	out->host_alias.device = s->device;
	out->host_alias.os = s->os.n && s->os.n < 256 ? s->os : (struct lm_str){ 0 };
	out->host_alias.source = LM_STR("collection");
	return LM_OK;
}

static const enum lm_kind emits[] = { LM_K_host_alias, LM_KIND_NONE };

const struct lm_reader lm_reader_collection = {
	"collection", "what collectors write about their host: Velociraptor, UAC, KAPE", emits, probe, open_, next,
	close_,
};
