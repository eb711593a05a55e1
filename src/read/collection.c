/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collection.c - what a collector writes about the host it ran on: names, ids, operating system.
 *
 * In:  Velociraptor client_info.json and collection_context.json; UAC's uac.log.
 * Out: host.alias, which ties the names to the collection's own id (layout device "collection:...").
 */
#include "base/text.h"
#include "fact/json.h"
#include "read/read.h"

#define DOCUMENT_MAX (4u << 20)

struct collection {
	const struct lm_read_in *in;
	struct lm_json_doc *doc;
	struct lm_str name, other, os, device;
	uint64_t offset;
	bool done;
};

static bool named(const struct lm_read_in *in, const char *name)
{
	return lm_str_eq_ci(lm_path_base(in->path), lm_cstr(name));
}

static bool is_object(struct lm_bytes data)
{
	struct lm_str s = lm_str_trim(lm_bytes_str(lm_bytes_part(data, 0, 256)));
	return s.n && s.p[0] == '{';
}

static bool contains(struct lm_bytes data, const char *word)
{
	return lm_bytes_find(lm_bytes_part(data, 0, 65536), lm_str_bytes(lm_cstr(word))) != SIZE_MAX;
}

static bool is_velociraptor(const struct lm_read_in *in)
{
	if (!is_object(in->data) || in->data.n > DOCUMENT_MAX)
		return false;
	/* the names of the files are the collector's; their keys are looked at too */
	return (named(in, "client_info.json") && (contains(in->data, "ostname") || contains(in->data, "qdn"))) ||
	       (named(in, "collection_context.json") && contains(in->data, "client_id"));
}

static bool is_uac(const struct lm_read_in *in)
{
	return (named(in, "uac.log") || lm_str_ends_ci(lm_path_base(in->path), LM_STR(".log"))) &&
	       contains(in->data, "UAC (Unix-like Artifacts Collector)") && contains(in->data, "ostname");
}

static int probe(const struct lm_read_in *in)
{
	return is_velociraptor(in) ? 90 : is_uac(in) ? 85 : 0;
}

/* First text of one of the keys, at the top or inside one of the objects a collector nests it in. */
static struct lm_str find_text(struct lm_json root, const char *const *keys)
{
	static const char *const inside[] = { "os_info", "client_info", "request", "OsInfo" };
	for (size_t k = 0; keys[k]; k++) {
		struct lm_str s = lm_json_str(lm_json_get(root, keys[k]));
		for (size_t i = 0; !s.n && i < sizeof inside / sizeof *inside; i++)
			s = lm_json_str(lm_json_get(lm_json_get(root, inside[i]), keys[k]));
		if (s.n)
			return s;
	}
	return (struct lm_str){ 0 };
}

static enum lm_rc open_json(struct collection *s)
{
	static const char *const host_keys[] = { "Hostname", "hostname", "host", NULL };
	static const char *const fqdn_keys[] = { "Fqdn", "fqdn", "FQDN", NULL };
	static const char *const os_keys[] = { "Platform", "platform", "release", "OS", "system", NULL };
	static const char *const id_keys[] = { "client_id", "ClientId", NULL };
	struct lm_json root;
	s->doc = lm_json_new(DOCUMENT_MAX);
	if (!s->doc)
		return LM_ELIMIT;
	enum lm_rc rc = lm_json_parse(s->doc, s->in->data, &root, NULL);
	if (rc != LM_OK)
		return rc == LM_ELIMIT ? rc : LM_ENOTFMT;
	s->name = find_text(root, host_keys);
	s->other = find_text(root, fqdn_keys);
	s->os = find_text(root, os_keys);
	struct lm_str id = find_text(root, id_keys);
	if (id.n)
		s->device = lm_arena_fmt(s->in->arena, "collection:%.*s", LM_STR_ARG(id));
	return LM_OK;
}

/* "Hostname: pc7" somewhere in a line, after whatever time stamp the log puts before it. */
static struct lm_str value_behind(struct lm_bytes data, const char *label, uint64_t *at)
{
	struct lm_bytes head = lm_bytes_part(data, 0, 65536);
	size_t i = lm_bytes_find(head, lm_str_bytes(lm_cstr(label)));
	if (i == SIZE_MAX)
		return (struct lm_str){ 0 };
	struct lm_str rest = lm_bytes_str(lm_bytes_part(head, i + strlen(label), head.n));
	struct lm_str line = lm_str_trim(lm_str_part(rest, 0, lm_str_find(rest, '\n', 0)));
	*at = i;
	return line;
}

static enum lm_rc open_(const struct lm_read_in *in, void **state)
{
	struct collection *s = lm_arena_alloc(in->arena, sizeof *s);
	enum lm_rc rc = LM_OK;
	if (!s)
		return LM_ELIMIT;
	s->in = in;
	if (is_object(in->data)) {
		rc = open_json(s);
	} else {
		s->name = value_behind(in->data, "Hostname:", &s->offset);
		uint64_t at;
		s->os = value_behind(in->data, "Operating System:", &at);
	}
	if (rc == LM_OK && in->host.device.n)
		s->device = in->host.device;
	/* nothing to tie together: a lone id, or a name without any other fact */
	if (rc == LM_OK && !s->name.n && !s->other.n)
		s->done = true;
	if (rc < 0)
		lm_json_free(s->doc);
	*state = s;
	return rc;
}

static enum lm_rc next(void *state, struct lm_obs *out)
{
	struct collection *s = state;
	if (s->done)
		return LM_END;
	s->done = true;
	lm_obs_init(out, LM_K_host_alias);
	out->at.offset = s->offset;
	out->host_alias.name = s->name.n ? s->name : s->other;
	if (s->other.n && s->name.n)
		out->host_alias.other_name = s->other;
	else if (s->in->host.name.n)
		out->host_alias.other_name = s->in->host.name;
	out->host_alias.device = s->device;
	out->host_alias.os = s->os;
	out->host_alias.source = LM_STR("collection");
	return LM_OK;
}

static void close_(void *state)
{
	struct collection *s = state;
	lm_json_free(s->doc);
}

static const enum lm_kind emits[] = { LM_K_host_alias, LM_KIND_NONE };

const struct lm_reader lm_reader_collection = {
	"collection", "what collectors write about their host: Velociraptor, UAC", emits, probe, open_, next, close_,
};
