/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stix.c - STIX 2.0 and 2.1 bundles: indicators with their patterns, and what they indicate.
 *
 * Specification: STIX 2.1, sections 4.7 (Indicator), 5.1 (Relationship), 9 (Patterning). Of a pattern every
 * equality comparison of a path we can match is one indicator, whatever AND, OR and FOLLOWEDBY join them: a
 * defender asks for each of the values.
 */
#include "read/indicators.h"

#include "base/map.h"

#include "base/text.h"
#include "base/timestamp.h"

#define LINKS_MAX 200000

/* Name of the object that a relationship points to, when it is a malware, tool, intrusion set, actor or campaign. */
static enum lm_rc collect_links(struct lm_indicators *s, struct lm_json objects)
{
	struct lm_json item;
	struct lm_map names, links;
	enum lm_rc rc = LM_OK;
	size_t n = 0;
	lm_map_init(&names);
	lm_map_init(&links);
	for (struct lm_json_it it = lm_json_iter(objects); lm_json_next(&it, NULL, &item);) {
		struct lm_str id = lm_json_str(lm_json_get(item, "id"));
		if (lm_str_eq(lm_json_str(lm_json_get(item, "type")), LM_STR("relationship")))
			n++;
		else if (id.n && lm_json_str(lm_json_get(item, "name")).n)
			lm_map_add(&names, id, NULL)->v.num = n + 1; /* presence; the name is looked up below */
	}
	if (n > LINKS_MAX)
		n = LINKS_MAX;
	s->links = n ? lm_arena_calloc(s->in->arena, n, sizeof *s->links) : NULL;
	if (n && !s->links)
		rc = LM_ELIMIT;
	/* handles of named objects, so that a relationship finds its target in one step */
	struct lm_json *targets = rc == LM_OK ? lm_arena_calloc(s->in->arena, names.n + 1, sizeof *targets) : NULL;
	for (struct lm_json_it it = lm_json_iter(objects); targets && lm_json_next(&it, NULL, &item);) {
		struct lm_map_entry *e = lm_map_find(&names, lm_json_str(lm_json_get(item, "id")));
		if (e)
			targets[e - names.entries] = item;
	}
	for (struct lm_json_it it = lm_json_iter(objects);
	     targets && lm_json_next(&it, NULL, &item) && s->n_links < n;) {
		struct lm_str type = lm_json_str(lm_json_get(item, "relationship_type"));
		struct lm_str source = lm_json_str(lm_json_get(item, "source_ref"));
		struct lm_map_entry *e = lm_map_find(&names, lm_json_str(lm_json_get(item, "target_ref")));
		if (!lm_str_eq(type, LM_STR("indicates")) || !source.n || !e)
			continue;
		struct lm_json target = targets[e - names.entries];
		struct lm_str kind = lm_json_str(lm_json_get(target, "type")),
			      name = lm_json_str(lm_json_get(target, "name"));
		struct lm_map_entry *l = lm_map_add(&links, source, NULL);
		if (!l->v.num) {
			s->links[s->n_links].indicator = source;
			l->v.num = ++s->n_links;
		}
		struct lm_stix_link *link = &s->links[l->v.num - 1];
		if (lm_str_eq(kind, LM_STR("malware")) || lm_str_eq(kind, LM_STR("tool")))
			link->family = link->family.p ? link->family : name;
		else if (lm_str_eq(kind, LM_STR("intrusion-set")) || lm_str_eq(kind, LM_STR("threat-actor")) ||
			 lm_str_eq(kind, LM_STR("campaign")))
			link->actor = link->actor.p ? link->actor : name;
	}
	if (rc == LM_OK && !targets)
		rc = LM_ELIMIT;
	lm_map_fini(&names);
	lm_map_fini(&links);
	return rc;
}

enum lm_rc lm_stix_open(struct lm_indicators *s, struct lm_json root)
{
	struct lm_json objects = lm_json_get(root, "objects");
	if (!lm_str_eq(lm_json_str(lm_json_get(root, "type")), LM_STR("bundle")) || objects.type != LM_J_ARR)
		return LM_ENOTFMT;
	enum lm_rc rc = collect_links(s, objects);
	s->form = LM_LIST_STIX;
	s->objects = lm_json_iter(objects);
	s->mark = lm_arena_mark(s->in->arena);
	return rc;
}

/* Object paths (STIX 2.1 section 9.8) and the types they state. */
static const char *type_of_path(struct lm_str path)
{
	static const struct {
		const char *path, *type;
	} paths[] = {
		{ "file:hashes.'SHA-256'", "sha256" },
		{ "file:hashes.\"SHA-256\"", "sha256" },
		{ "file:hashes.SHA256", "sha256" },
		{ "file:hashes.'SHA256'", "sha256" },
		{ "file:hashes.'SHA-1'", "sha1" },
		{ "file:hashes.\"SHA-1\"", "sha1" },
		{ "file:hashes.SHA1", "sha1" },
		{ "file:hashes.'SHA1'", "sha1" },
		{ "file:hashes.MD5", "md5" },
		{ "file:hashes.'MD5'", "md5" },
		{ "file:name", "filename" },
		{ "domain-name:value", "domain" },
		{ "url:value", "url" },
		{ "ipv4-addr:value", "ip" },
		{ "ipv6-addr:value", "ip" },
		{ "email-addr:value", "email" },
		{ "network-traffic:dst_ref.value", "ip" },
		{ "email-message:from_ref.value", "email" },
	};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (lm_str_eq_ci(path, lm_cstr(paths[i].path)))
			return paths[i].type;
	return NULL;
}

/* One token of a pattern: a quoted text (with \' undone), an operator, or a run of path characters. */
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
		if (n > rest->n)
			n = rest->n;
		*token = lm_str_part(*rest, 1, n);
		*is_text = true;
		*rest = lm_str_part(*rest, n + 1, rest->n);
		return true;
	}
	if (c == '=' || c == '[' || c == ']' || c == '(' || c == ')' || c == '<' || c == '>' || c == '!' || c == ',') {
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
		} else if (x == ' ' || x == '=' || x == ']' || x == ')' || x == '<' || x == '>' || x == '!' ||
			   x == '\t' || x == '\n' || x == '\r') {
			break;
		}
	}
	*token = lm_str_part(*rest, 0, n ? n : 1);
	*rest = lm_str_part(*rest, n ? n : 1, rest->n);
	return true;
}

/* The next `path = 'value'` of the pattern that is left. */
static bool next_comparison(struct lm_str *pattern, const char **type, struct lm_str *value)
{
	struct lm_str token, before = { 0 }, path = { 0 };
	bool is_text, equals = false;
	while (next_token(pattern, &token, &is_text)) {
		if (is_text && equals && path.n) {
			*type = type_of_path(path);
			*value = token;
			return true;
		}
		bool is_equals = !is_text && lm_str_eq(token, LM_STR("="));
		/* `NOT` before or `!` before the sign makes it no indicator */
		if (is_equals && before.n && !lm_str_eq(before, LM_STR("!")) && !lm_str_eq(before, LM_STR("<")) &&
		    !lm_str_eq(before, LM_STR(">")) && !lm_str_eq_ci(before, LM_STR("NOT")))
			path = before;
		else if (is_equals)
			path = (struct lm_str){ 0 };
		equals = is_equals;
		before = token;
	}
	return false;
}

static void put_context(struct lm_indicators *s, struct lm_obs *out)
{
	struct lm_obs_indicator_listed *o = &out->indicator_listed;
	struct lm_json i = s->indicator;
	struct lm_str id = lm_json_str(lm_json_get(i, "id")), name = lm_json_str(lm_json_get(i, "name")), time;
	int64_t ns, confidence = lm_json_int(lm_json_get(i, "confidence"), -1);
	o->label = name.n ? name : lm_json_str(lm_json_get(i, "description"));
	time = lm_json_str(lm_json_get(i, "valid_from"));
	if (time.n && lm_time_parse(time, NULL, &ns, NULL))
		o->published = LM_INT(ns);
	if (confidence >= 0 && confidence <= 100)
		o->confidence = LM_INT(confidence);
	struct lm_json references = lm_json_get(i, "external_references"), reference;
	struct lm_json_it it = lm_json_iter(references);
	if (lm_json_next(&it, NULL, &reference))
		o->reference = lm_json_str(lm_json_get(reference, "url"));
	for (size_t k = 0; k < s->n_links; k++)
		if (lm_str_eq(s->links[k].indicator, id)) {
			o->family = s->links[k].family;
			o->actor = s->links[k].actor;
			break;
		}
	out->at.record = LM_INT(s->record);
}

enum lm_rc lm_stix_next(struct lm_indicators *s, struct lm_obs *out)
{
	lm_arena_reset(s->in->arena, s->mark);
	for (;;) {
		const char *type;
		struct lm_str value;
		while (s->in_object && next_comparison(&s->pattern, &type, &value)) {
			if (!type || !lm_indicator_fill(s->in->arena, lm_cstr(type), value, out)) {
				lm_indicators_bad(s, 0);
				continue;
			}
			put_context(s, out);
			return LM_OK;
		}
		s->in_object = false;
		if (!lm_json_next(&s->objects, NULL, &s->indicator))
			return LM_END;
		s->record++;
		if (!lm_str_eq(lm_json_str(lm_json_get(s->indicator, "type")), LM_STR("indicator")))
			continue;
		struct lm_str language = lm_json_str(lm_json_get(s->indicator, "pattern_type"));
		if (language.n && !lm_str_eq_ci(language, LM_STR("stix"))) {
			lm_indicators_bad(s, 0);
			continue;
		}
		s->pattern = lm_json_str(lm_json_get(s->indicator, "pattern"));
		s->in_object = s->pattern.n > 0;
	}
}
