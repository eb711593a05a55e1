/* SPDX-License-Identifier: Apache-2.0 */
/*
 * misp.c - MISP events: attributes of the event and of its objects.
 *
 * Format: MISP core format (draft-dulaunoy-misp-core-format): an event, a feed's {"Event": ...}, an array of them,
 * or a search result {"response": ...}. Attributes with to_ids false are context, not for matching: counted. Of
 * a composite "filename|sha256" the hash is the indicator and the name its label; "domain|ip" states two.
 * Limits: 32 MiB an event.
 */
#include "read/indicators.h"

#include "base/text.h"
#include "base/timestamp.h"

static struct lm_str field(struct lm_json object, const char *name)
{
	return lm_json_str(lm_json_get(object, name));
}

enum lm_rc lm_misp_open(struct lm_indicators *s)
{
	struct lm_rd rd = lm_rd_of(s->in->data), whole = rd;
	struct lm_str key;
	struct lm_json_span v;
	bool found = false;
	if (s->in->data.n >= 3 && memcmp(s->in->data.p, "\xef\xbb\xbf", 3) == 0)
		lm_rd_skip(&rd, 3);
	s->misp.events = rd;
	if (lm_json_span_open(&rd, '[')) {
		/* [{"Event": ...}]: the first element tells */
		whole = rd;
		s->misp.events = rd;
		s->misp.is_array = true;
		if (!lm_json_span_next(&whole, NULL, &v))
			return LM_ENOTFMT;
		found = lm_bytes_find(lm_bytes_part(v.text, 0, 64), lm_str_bytes(LM_STR("\"Event\""))) != SIZE_MAX;
	} else if (lm_json_span_open(&rd, '{')) {
		while (!found && lm_json_span_next(&rd, &key, &v)) {
			found = lm_str_eq(key, LM_STR("Event")) || lm_str_eq(key, LM_STR("Attribute")) ||
				lm_str_eq(key, LM_STR("Object"));
			if (!lm_str_eq(key, LM_STR("response")))
				continue;
			whole = lm_rd_of(s->in->data);
			lm_rd_seek(&whole, v.at);
			s->misp.events = whole;
			s->misp.is_array = lm_json_span_open(&whole, '[');
			if (s->misp.is_array)
				s->misp.events = whole;
			found = true;
		}
	}
	if (!found)
		return LM_ENOTFMT;
	s->form = LM_LIST_MISP;
	s->mark = lm_arena_mark(s->in->arena);
	return LM_OK;
}

/* "Lazarus Group - G0032": the number is ATT&CK's. */
static struct lm_str without_number(struct lm_str s)
{
	size_t dash = lm_str_rfind(s, '-');
	if (dash == SIZE_MAX || dash < 2 || s.p[dash - 1] != ' ' || s.n - dash < 4)
		return s;
	struct lm_str number = lm_str_trim(lm_str_part(s, dash + 1, s.n));
	uint64_t n;
	bool is_number =
		number.n > 1 && memchr("GSC", number.p[0], 3) && lm_str_u64(lm_str_part(number, 1, number.n), &n);
	return is_number ? lm_str_trim(lm_str_part(s, 0, dash)) : s;
}

/* Takes a galaxy cluster's value as family or actor, by the galaxy's type; the first of each sort stays. */
static void take_cluster(struct lm_str galaxy, struct lm_str value, struct lm_str *family, struct lm_str *actor)
{
	static const char *const actors[] = { "threat-actor", "mitre-intrusion-set", "microsoft-activity-group" };
	static const char *const families[] = { "malpedia",   "mitre-malware", "mitre-tool", "tool",
						"ransomware", "rat",	       "backdoor",   "stealer",
						"botnet",     "banker",	       "malware",    "android" };
	value = without_number(lm_str_trim(value));
	if (!value.n)
		return;
	for (size_t i = 0; i < sizeof actors / sizeof *actors; i++)
		if (!actor->n && lm_str_eq_ci(galaxy, lm_cstr(actors[i])))
			*actor = value;
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (!family->n && lm_str_eq_ci(galaxy, lm_cstr(families[i])))
			*family = value;
}

/* Galaxies and galaxy tags (misp-galaxy:threat-actor="...") of an event or attribute. */
static void take_galaxies(struct lm_json of, struct lm_str *family, struct lm_str *actor)
{
	struct lm_json item, cluster;
	struct lm_json_it it = lm_json_iter(lm_json_get(of, "Galaxy"));
	while (lm_json_next(&it, NULL, &item)) {
		struct lm_json_it in = lm_json_iter(lm_json_get(item, "GalaxyCluster"));
		while (lm_json_next(&in, NULL, &cluster))
			take_cluster(field(item, "type"), field(cluster, "value"), family, actor);
	}
	it = lm_json_iter(lm_json_get(of, "Tag"));
	while (lm_json_next(&it, NULL, &item)) {
		struct lm_str name = field(item, "name");
		size_t eq = lm_str_find(name, '=', 0);
		if (!lm_str_starts_ci(name, LM_STR("misp-galaxy:")) || eq == SIZE_MAX || name.n < eq + 3)
			continue;
		take_cluster(lm_str_part(name, 12, eq), lm_str_part(name, eq + 2, name.n - 1), family, actor);
	}
}

static struct lm_int epoch(struct lm_str s)
{
	int64_t ns;
	return s.n > 1 && lm_time_parse(s, NULL, &ns, NULL) ? LM_INT(ns) : (struct lm_int){ 0 };
}

/* The first link of an event is where it was published. */
static struct lm_str first_link(struct lm_json event)
{
	struct lm_json a;
	struct lm_json_it it = lm_json_iter(lm_json_get(event, "Attribute"));
	while (lm_json_next(&it, NULL, &a))
		if (lm_str_eq(field(a, "type"), LM_STR("link")))
			return field(a, "value");
	return (struct lm_str){ 0 };
}

static bool next_event(struct lm_indicators *s)
{
	struct lm_misp *x = &s->misp;
	struct lm_json record;
	struct lm_json_span v;
	for (;;) {
		bool more = x->is_array ? lm_json_span_next(&x->events, NULL, &v) : lm_json_span_value(&x->events, &v);
		if (!more) {
			if (x->events.bad)
				lm_indicators_broken(s, v.at);
			x->events = (struct lm_rd){ 0 };
			x->is_array = false;
			return false;
		}
		s->at = v.at;
		s->length = v.text.n;
		if (lm_json_parse(s->doc, v.text, &record, NULL) == LM_OK && record.type == LM_J_OBJ)
			break;
		lm_indicators_broken(s, v.at);
	}
	if (!x->is_array)
		x->events = (struct lm_rd){ 0 };
	struct lm_json event = lm_json_get(record, "Event");
	if (event.type != LM_J_OBJ)
		event = record;
	x->info = field(event, "info");
	x->reference = first_link(event);
	x->published = epoch(field(event, "publish_timestamp"));
	if (!x->published.set)
		x->published = epoch(field(event, "date"));
	x->family = x->actor = (struct lm_str){ 0 };
	take_galaxies(event, &x->family, &x->actor);
	x->attributes = lm_json_iter(lm_json_get(event, "Attribute"));
	x->objects = lm_json_iter(lm_json_get(event, "Object"));
	x->in_event = true;
	return true;
}

static bool next_attribute(struct lm_indicators *s)
{
	struct lm_misp *x = &s->misp;
	struct lm_json object;
	while (x->in_event || next_event(s)) {
		if (lm_json_next(&x->attributes, NULL, &x->attribute)) {
			s->record++;
			return true;
		}
		if (lm_json_next(&x->objects, NULL, &object))
			x->attributes = lm_json_iter(lm_json_get(object, "Attribute"));
		else
			x->in_event = false;
	}
	return false;
}

static void put_context(struct lm_indicators *s, struct lm_obs *out)
{
	struct lm_obs_indicator_listed *o = &out->indicator_listed;
	struct lm_misp *x = &s->misp;
	o->label = x->comment.n ? x->comment : x->info;
	o->reference = x->reference;
	o->published = x->published;
	take_galaxies(x->attribute, &o->family, &o->actor);
	if (!o->family.n)
		o->family = x->family;
	if (!o->actor.n)
		o->actor = x->actor;
	out->at.offset = s->at;
	out->at.length = s->length;
	out->at.record = LM_INT(s->record);
}

enum lm_rc lm_misp_next(struct lm_indicators *s, struct lm_obs *out)
{
	struct lm_misp *x = &s->misp;
	for (;;) {
		lm_arena_reset(s->in->arena, s->mark);
		if (s->in->arena->spent)
			return LM_ELIMIT;
		if (x->second.n) {
			struct lm_str type = x->second_type, value = x->second;
			x->second = (struct lm_str){ 0 };
			if (lm_indicator_fill(s->in->arena, type, value, out)) {
				put_context(s, out);
				return LM_OK;
			}
			continue;
		}
		if (!next_attribute(s))
			return LM_END;
		struct lm_str type = field(x->attribute, "type"), value = field(x->attribute, "value");
		x->comment = field(x->attribute, "comment");
		if (!lm_json_bool(lm_json_get(x->attribute, "to_ids"), true)) {
			x->context++;
			continue;
		}
		size_t bar = lm_str_find(type, '|', 0), cut = lm_str_find(value, '|', 0);
		if (lm_str_eq(type, LM_STR("malware-sample"))) {
			type = LM_STR("filename|md5");
			bar = 8;
		}
		if (bar != SIZE_MAX && cut != SIZE_MAX) {
			struct lm_str first = lm_str_part(value, 0, cut);
			x->second_type = lm_str_part(type, bar + 1, type.n);
			x->second = lm_str_part(value, cut + 1, value.n);
			type = lm_str_part(type, 0, bar);
			if (lm_str_eq(type, LM_STR("filename"))) {
				x->comment = x->comment.n ? x->comment : first;
				continue;
			}
			value = first;
		}
		if (type.n && lm_indicator_fill(s->in->arena, type, value, out)) {
			put_context(s, out);
			return LM_OK;
		}
		lm_indicators_bad(s, s->at);
	}
}
