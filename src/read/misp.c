/* SPDX-License-Identifier: Apache-2.0 */
/*
 * misp.c - MISP events: attributes of the event and of its objects.
 *
 * Format: MISP core format (draft-dulaunoy-misp-core-format), Attribute: type, value, to_ids, comment. Composite
 * types ("filename|sha256") state two indicators.
 */
#include "read/indicators.h"

#include "base/text.h"
#include "base/timestamp.h"

enum lm_rc lm_misp_open(struct lm_indicators *s, struct lm_json root)
{
	struct lm_json event = lm_json_get(root, "Event"), item;
	int64_t ns;
	if (event.type != LM_J_OBJ)
		event = root;
	s->form = LM_LIST_MISP;
	s->misp_info = lm_json_str(lm_json_get(event, "info"));
	struct lm_str date = lm_json_str(lm_json_get(event, "date"));
	if (date.n && lm_time_parse(date, NULL, &ns, NULL))
		s->misp_published = date;
	/* objects come after the event's own attributes; an object's family or actor is in its own attributes */
	s->attributes = lm_json_iter(lm_json_get(event, "Attribute"));
	s->objects = lm_json_iter(lm_json_get(event, "Object"));
	struct lm_json_it tags = lm_json_iter(lm_json_get(event, "Galaxy"));
	while (lm_json_next(&tags, NULL, &item))
		if (lm_str_eq_ci(lm_json_str(lm_json_get(item, "type")), LM_STR("threat-actor")))
			s->misp_object = lm_json_str(lm_json_get(item, "name"));
	s->mark = lm_arena_mark(s->in->arena);
	return LM_OK;
}

static void put_context(struct lm_indicators *s, struct lm_obs *out)
{
	int64_t ns;
	out->indicator_listed.label = s->misp_comment.n ? s->misp_comment : s->misp_info;
	out->indicator_listed.reference = s->misp_info;
	out->indicator_listed.actor = s->misp_object;
	if (s->misp_published.n && lm_time_parse(s->misp_published, NULL, &ns, NULL))
		out->indicator_listed.published = LM_INT(ns);
	out->at.record = LM_INT(s->record);
}

enum lm_rc lm_misp_next(struct lm_indicators *s, struct lm_obs *out)
{
	struct lm_json a;
	lm_arena_reset(s->in->arena, s->mark);
	for (;;) {
		if (s->misp_second.n) {
			struct lm_str type = s->misp_second_type, value = s->misp_second;
			s->misp_second = (struct lm_str){ 0 };
			if (lm_indicator_fill(s->in->arena, type, value, out)) {
				put_context(s, out);
				return LM_OK;
			}
			continue;
		}
		if (!lm_json_next(&s->attributes, NULL, &a)) {
			struct lm_json object;
			if (!lm_json_next(&s->objects, NULL, &object))
				return LM_END;
			s->attributes = lm_json_iter(lm_json_get(object, "Attribute"));
			continue;
		}
		s->record++;
		struct lm_str type = lm_json_str(lm_json_get(a, "type")), value = lm_json_str(lm_json_get(a, "value"));
		/* to_ids false: context, not for matching */
		if (!lm_json_bool(lm_json_get(a, "to_ids"), true))
			continue;
		s->misp_comment = lm_json_str(lm_json_get(a, "comment"));
		size_t bar = lm_str_find(type, '|', 0), cut = lm_str_find(value, '|', 0);
		if (bar != SIZE_MAX && cut != SIZE_MAX) {
			s->misp_second_type = lm_str_part(type, bar + 1, type.n);
			s->misp_second = lm_str_part(value, cut + 1, value.n);
			type = lm_str_part(type, 0, bar);
			value = lm_str_part(value, 0, cut);
		}
		if (!type.n || !lm_indicator_fill(s->in->arena, type, value, out)) {
			lm_indicators_bad(s, 0);
			continue;
		}
		put_context(s, out);
		return LM_OK;
	}
}
