/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stix.c - STIX 2.0 and 2.1 bundles: indicators with their patterns, and what they indicate.
 *
 * Specification: STIX 2.1, sections 4.7 (Indicator), 5.1 (Relationship), 9 (Patterning). Of a pattern every
 * equality comparison (also IN, and ISSUBSET for addresses) of a path we can match is one indicator, whatever
 * AND, OR and FOLLOWEDBY join them: a defender asks for each of the values.
 * Limits: the bundle is walked twice, object by object; only names and links are kept. Objects of 32 MiB.
 */
#include "read/indicators.h"

#include "base/text.h"
#include "base/timestamp.h"

struct target {
	bool is_actor;
	struct lm_str name;
};

/* The cursor inside the array `objects` of a bundle (or of a TAXII envelope, which has no type). */
static enum lm_rc find_objects(const struct lm_read_in *in, struct lm_rd *objects)
{
	struct lm_rd rd = lm_rd_of(in->data);
	struct lm_str key;
	struct lm_json_span v;
	bool found = false;
	if (in->data.n >= 3 && memcmp(in->data.p, "\xef\xbb\xbf", 3) == 0)
		lm_rd_skip(&rd, 3);
	if (!lm_json_span_open(&rd, '{'))
		return LM_ENOTFMT;
	while (lm_json_span_next(&rd, &key, &v)) {
		if (lm_str_eq(key, LM_STR("type")) && !lm_str_eq(lm_bytes_str(v.text), LM_STR("\"bundle\"")))
			return LM_ENOTFMT;
		struct lm_rd array = lm_rd_of(in->data);
		lm_rd_seek(&array, v.at);
		if (lm_str_eq(key, LM_STR("objects")) && lm_json_span_open(&array, '[')) {
			*objects = array;
			found = true;
		}
	}
	/* a bundle that is cut still has its first objects */
	if (!found && rd.bad) {
		size_t at = lm_bytes_find(lm_bytes_part(in->data, 0, 4096), lm_str_bytes(LM_STR("\"objects\"")));
		*objects = lm_rd_of(in->data);
		lm_rd_seek(objects, at == SIZE_MAX ? in->data.n : at + 9);
		if (lm_json_span_peek(objects) == ':')
			lm_rd_skip(objects, 1);
		found = lm_json_span_open(objects, '[');
	}
	return found ? LM_OK : LM_ENOTFMT;
}

static bool next_object(struct lm_indicators *s, struct lm_json *object)
{
	struct lm_json_span v;
	for (;;) {
		if (!lm_json_span_next(&s->stix.objects, NULL, &v)) {
			if (s->stix.objects.bad)
				lm_indicators_broken(s, v.at);
			s->stix.objects = (struct lm_rd){ 0 };
			return false;
		}
		s->record++;
		s->at = v.at;
		s->length = v.text.n;
		if (lm_json_parse(s->doc, v.text, object, NULL) == LM_OK && object->type == LM_J_OBJ)
			return true;
		lm_indicators_broken(s, v.at);
	}
}

static struct lm_str field(struct lm_json object, const char *name)
{
	return lm_json_str(lm_json_get(object, name));
}

static bool is(struct lm_json object, const char *name, const char *value)
{
	return lm_str_eq(field(object, name), lm_cstr(value));
}

/* First walk: names of malware, tools, actors and campaigns. Relationships may come before what they point to. */
static enum lm_rc collect_names(struct lm_indicators *s, struct lm_map *names)
{
	struct lm_json o;
	while (next_object(s, &o)) {
		bool family = is(o, "type", "malware") || is(o, "type", "tool");
		bool actor =
			is(o, "type", "intrusion-set") || is(o, "type", "threat-actor") || is(o, "type", "campaign");
		struct lm_str id = field(o, "id"), name = field(o, "name");
		if ((!family && !actor) || !id.n || !name.n)
			continue;
		struct target *t = lm_arena_alloc(s->in->arena, sizeof *t);
		if (t)
			*t = (struct target){ actor, lm_arena_str(s->in->arena, name) };
		if (!t || !t->name.p)
			return LM_ELIMIT;
		lm_map_add(names, id, NULL)->v.ptr = t;
	}
	return LM_OK;
}

/* Second walk: what is indicated. The first name of each sort stays. */
static enum lm_rc collect_links(struct lm_indicators *s, const struct lm_map *names)
{
	struct lm_json o;
	while (next_object(s, &o)) {
		if (!is(o, "relationship_type", "indicates"))
			continue;
		struct lm_map_entry *e = lm_map_find(names, field(o, "target_ref"));
		struct lm_str source = field(o, "source_ref");
		if (!e || !source.n)
			continue;
		bool added;
		const struct target *t = e->v.ptr;
		struct lm_map_entry *l = lm_map_add(&s->stix.links, source, &added);
		if (added)
			l->v.ptr = lm_arena_alloc(s->in->arena, sizeof(struct lm_stix_link));
		struct lm_stix_link *link = l->v.ptr;
		if (!link)
			return LM_ELIMIT;
		struct lm_str *at = t->is_actor ? &link->actor : &link->family;
		if (!at->p)
			*at = t->name;
	}
	return LM_OK;
}

enum lm_rc lm_stix_open(struct lm_indicators *s)
{
	struct lm_map names;
	struct lm_rd objects;
	enum lm_rc rc = find_objects(s->in, &objects);
	if (rc != LM_OK)
		return rc;
	s->form = LM_LIST_STIX;
	lm_map_init(&names);
	lm_map_init(&s->stix.links);
	s->stix.objects = objects;
	rc = collect_names(s, &names);
	s->stix.objects = objects;
	if (rc == LM_OK && names.n)
		rc = collect_links(s, &names);
	lm_map_fini(&names);
	s->stix.objects = objects;
	s->record = s->broken = 0;
	s->mark = lm_arena_mark(s->in->arena);
	return rc;
}

void lm_stix_close(struct lm_indicators *s)
{
	if (s->form == LM_LIST_STIX)
		lm_map_fini(&s->stix.links);
}

/* ---- patterns ---- */

/* Object paths (STIX 2.1 section 9.8, quotes and hyphens of hash names left out) and the types they state. */
static const char *type_of_path(struct lm_str path)
{
	static const struct {
		const char *path, *type;
	} paths[] = {
		{ "file:hashes.sha256", "sha256" },
		{ "file:hashes.sha1", "sha1" },
		{ "file:hashes.md5", "md5" },
		{ "file:name", "filename" },
		{ "domainname:value", "domain" },
		{ "url:value", "url" },
		{ "ipv4addr:value", "ip" },
		{ "ipv6addr:value", "ip" },
		{ "emailaddr:value", "email" },
		{ "networktraffic:dst_ref.value", "ip" },
		{ "networktraffic:src_ref.value", "ip" },
		{ "networktraffic:extensions.httprequestext.request_header.host", "domain" },
		{ "emailmessage:from_ref.value", "email" },
		{ "emailmessage:sender_ref.value", "email" },
		{ "artifact:hashes.sha256", "sha256" },
		{ "artifact:hashes.sha1", "sha1" },
		{ "artifact:hashes.md5", "md5" },
	};
	char text[80];
	size_t n = 0;
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];
		if (c == '\'' || c == '"' || c == '-')
			continue;
		if (n == sizeof text)
			return NULL;
		text[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (lm_str_eq((struct lm_str){ text, n }, lm_cstr(paths[i].path)))
			return paths[i].type;
	return NULL;
}

/* One token of a pattern: a quoted text (escapes undone later), an operator, or a run of path characters. */
static bool next_token(struct lm_str *rest, struct lm_str *token, bool *is_text)
{
	*rest = lm_str_trim(*rest);
	*is_text = false;
	if (!rest->n)
		return false;
	char c = rest->p[0];
	size_t n = 1;
	if (c == '\'') {
		while (n < rest->n && rest->p[n] != '\'')
			n += rest->p[n] == '\\' ? 2 : 1;
		*token = lm_str_part(*rest, 1, n);
		*is_text = true;
		*rest = lm_str_part(*rest, n + 1, rest->n);
		return true;
	}
	if (memchr("=[]()<>!,", c, 9)) {
		*token = lm_str_part(*rest, 0, 1);
		*rest = lm_str_part(*rest, 1, rest->n);
		return true;
	}
	/* a path may hold quoted steps: file:hashes.'SHA-256' */
	for (n = 0; n < rest->n; n++) {
		char x = rest->p[n];
		if (x == '\'' || x == '"') {
			size_t close = lm_str_find(*rest, x, n + 1);
			if (close == SIZE_MAX)
				break;
			n = close;
		} else if (memchr(" =])<>!\t\n\r,", x, 11)) {
			break;
		}
	}
	n = n ? n : 1;
	*token = lm_str_part(*rest, 0, n);
	*rest = lm_str_part(*rest, n, rest->n);
	return true;
}

/* Text of a literal with \' and \\ undone. */
static struct lm_str unescape(struct lm_arena *a, struct lm_str s)
{
	if (lm_str_find(s, '\\', 0) == SIZE_MAX)
		return s;
	char *p = lm_arena_alloc(a, s.n);
	size_t n = 0;
	for (size_t i = 0; p && i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		p[n++] = s.p[i];
	}
	return p ? (struct lm_str){ p, n } : (struct lm_str){ 0 };
}

/*
 * The next `path = 'value'` of the pattern that is left. State between calls: the path of the last comparison,
 * for sets, and whether it was negated.
 */
static bool next_comparison(struct lm_indicators *s, struct lm_str *value)
{
	struct lm_stix *x = &s->stix;
	struct lm_str token, before = { 0 };
	bool is_text;
	while (next_token(&x->pattern, &token, &is_text)) {
		if (is_text) {
			if (!x->path.n || x->negated)
				continue;
			*value = token;
			return true;
		}
		char c = token.p[0];
		if (lm_str_eq_ci(token, LM_STR("NOT")) || c == '!') {
			x->negated = true; /* path NOT = 'x', path != 'x' */
		} else if (c == '<' || c == '>' || lm_str_eq_ci(token, LM_STR("LIKE")) ||
			   lm_str_eq_ci(token, LM_STR("MATCHES")) || lm_str_eq_ci(token, LM_STR("ISSUPERSET"))) {
			x->path = (struct lm_str){ 0 };
		} else if (lm_str_find(token, ':', 0) != SIZE_MAX) {
			x->path = token;
			x->negated = lm_str_eq_ci(before, LM_STR("NOT"));
		} else if (lm_str_eq_ci(token, LM_STR("AND")) || lm_str_eq_ci(token, LM_STR("OR")) ||
			   lm_str_eq_ci(token, LM_STR("FOLLOWEDBY")) || lm_str_eq_ci(token, LM_STR("START"))) {
			x->path = (struct lm_str){ 0 }; /* START t'...' STOP t'...' are times */
			x->negated = false;
		}
		before = token;
	}
	return false;
}

static void put_context(struct lm_indicators *s, struct lm_obs *out)
{
	struct lm_obs_indicator_listed *o = &out->indicator_listed;
	struct lm_json i = s->stix.object, reference;
	struct lm_str name = field(i, "name"), time = field(i, "created");
	int64_t ns, confidence = lm_json_int(lm_json_get(i, "confidence"), -1);
	o->label = name.n ? name : field(i, "description");
	if (!time.n)
		time = field(i, "valid_from");
	if (time.n && lm_time_parse(time, NULL, &ns, NULL))
		o->published = LM_INT(ns);
	if (confidence >= 0 && confidence <= 100)
		o->confidence = LM_INT(confidence);
	struct lm_json_it it = lm_json_iter(lm_json_get(i, "external_references"));
	while (!o->reference.n && lm_json_next(&it, NULL, &reference))
		o->reference = field(reference, "url");
	struct lm_map_entry *l = lm_map_find(&s->stix.links, field(i, "id"));
	if (l) {
		const struct lm_stix_link *link = l->v.ptr;
		o->family = link->family;
		o->actor = link->actor;
	}
	out->at.offset = s->at;
	out->at.length = s->length;
	out->at.record = LM_INT(s->record);
}

enum lm_rc lm_stix_next(struct lm_indicators *s, struct lm_obs *out)
{
	struct lm_stix *x = &s->stix;
	for (;;) {
		struct lm_str value;
		while (next_comparison(s, &value)) {
			const char *type = type_of_path(x->path);
			value = unescape(s->in->arena, value);
			if (type && value.p && lm_indicator_fill(s->in->arena, lm_cstr(type), value, out)) {
				put_context(s, out);
				return LM_OK;
			}
			if (s->in->arena->spent)
				return LM_ELIMIT;
			lm_indicators_bad(s, s->at);
		}
		lm_arena_reset(s->in->arena, s->mark);
		if (!next_object(s, &x->object))
			return LM_END;
		if (!is(x->object, "type", "indicator"))
			continue;
		struct lm_str language = field(x->object, "pattern_type");
		if ((language.n && !lm_str_eq_ci(language, LM_STR("stix"))) ||
		    lm_json_bool(lm_json_get(x->object, "revoked"), false)) {
			lm_indicators_bad(s, s->at); /* a rule of another language, or withdrawn */
			continue;
		}
		x->pattern = field(x->object, "pattern");
		x->path = (struct lm_str){ 0 };
		x->negated = false;
	}
}
