/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yara_scan.c - one content against the compiled rules.
 *
 * In:  bytes. Out: rule.match, one a rule, with metadata and the first place a string matched.
 * How: the first scan is libyara's fast mode, which stops at the first match of a string where the condition
 *      needs no more. Text strings are found in order of their offset, so that is the lowest one; expressions may
 *      not be. Where a rule that matched has such strings, a second, full scan gives the place.
 * Limits: 60 s a content. Conditions are judged at the end, so a scan that times out has found nothing; the time
 *      of the second scan costs its more exact places only.
 */
#include "match/yara_int.h"

#include "base/json_out.h"
#include "base/text.h"
#include "base/timestamp.h"

enum { META_MAX = 1 << 20, TAGS_MAX = 1 << 16 };

/* ---- what a rule says of itself ---- */

static void put_text(struct lm_str *field, struct lm_str text)
{
	if (!field->p && text.n)
		*field = text;
}

static bool is_one_of(struct lm_str s, const char *words)
{
	struct lm_str rest = lm_cstr(words), one;
	while (lm_str_split(&rest, '|', &one))
		if (lm_str_eq_ci(s, one))
			return true;
	return false;
}

/* Common keys of public rule sets go to fields of their own; all of them stay in `meta`. */
static void put_meta(struct lm_obs *o, const YR_META *m, struct lm_arena *a)
{
	struct lm_obs_rule_match *r = &o->rule_match;
	struct lm_str key = lm_cstr(m->identifier), text = { 0 };
	int64_t score;
	if (m->type == META_TYPE_STRING)
		text = lm_str_trim(lm_cstr(m->string));
	if (is_one_of(key, "description|desc"))
		put_text(&r->description, text);
	else if (is_one_of(key, "family|malware|malware_family|malware_name|malwarefamily|threat_name"))
		put_text(&r->family, text);
	else if (is_one_of(key, "reference|ref|references|link|url"))
		put_text(&r->reference, text);
	else if (is_one_of(key, "severity|level")) {
		put_text(&r->severity,
			 m->type == META_TYPE_INTEGER ? lm_arena_fmt(a, "%lld", (long long)m->integer) : text);
	} else if (is_one_of(key, "score") && !r->score.set) {
		if (m->type == META_TYPE_INTEGER ? (score = m->integer, true) : lm_str_i64(text, &score))
			r->score = LM_INT(score < 0 ? 0 : score > 100 ? 100 : score);
	}
}

static void put_meta_value(struct lm_jw *w, const YR_META *m)
{
	if (m->type == META_TYPE_INTEGER)
		lm_jw_i64(w, m->integer);
	else if (m->type == META_TYPE_BOOLEAN)
		lm_jw_bool(w, m->integer != 0);
	else
		lm_jw_cstr(w, m->string);
}

/* Rules may state a key more than once (hash1, hash1 ...): then its value is a list, at the place of the first. */
static void put_metas(struct lm_obs *o, YR_RULE *rule, struct lm_buf *json, struct lm_arena *a)
{
	YR_META *m, *other;
	struct lm_jw w;
	lm_jw_init(&w, json, false);
	lm_jw_obj(&w);
	yr_rule_metas_foreach(rule, m)
	{
		unsigned before = 0, all = 0;
		put_meta(o, m, a);
		yr_rule_metas_foreach(rule, other)
		{
			if (strcmp(other->identifier, m->identifier) != 0)
				continue;
			before += other < m;
			all++;
		}
		if (before)
			continue;
		lm_jw_key(&w, m->identifier);
		if (all == 1) {
			put_meta_value(&w, m);
			continue;
		}
		lm_jw_arr(&w);
		yr_rule_metas_foreach(rule, other)
		{
			if (strcmp(other->identifier, m->identifier) == 0)
				put_meta_value(&w, other);
		}
		lm_jw_end(&w);
	}
	lm_jw_end(&w);
}

/* ---- matches ---- */

struct hit {
	YR_RULE *rule;
	const char *string; /* identifier; NULL when no string matched (conditions without strings) */
	int64_t offset, length;
	struct hit *next;
};

struct scan {
	struct lm_arena *arena;
	struct hit *first, **end;
	struct hit *at;	   /* second scan: where it stands in the list */
	bool second, full; /* full: a second scan can give a better place */
	bool spent;
};

/* The first place: lowest offset, then the order of strings in the rule. */
static void put_place(struct scan *s, struct hit *h, YR_SCAN_CONTEXT *context)
{
	YR_STRING *string;
	h->string = NULL;
	yr_rule_strings_foreach(h->rule, string)
	{
		YR_MATCH m;
		bool any = false;
		/* libyara packs its matches without alignment: copied, not looked at in place */
		for (const void *p = context->matches[string->idx].head; p; p = m.next) {
			memcpy(&m, p, sizeof m);
			int64_t at = m.base + m.offset;
			any = true;
			if (h->string && at >= h->offset)
				continue;
			h->string = string->identifier;
			h->offset = at;
			h->length = m.match_length;
		}
		s->full |= any && STRING_IS_SINGLE_MATCH(string) && !STRING_IS_LITERAL(string);
	}
}

static int on_message(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
	struct scan *s = user;
	/* such rules were left out when they loaded; a scan must not open a file whatever happened there */
	if (message == CALLBACK_MSG_IMPORT_MODULE)
		return lm_yara_module_off(((const YR_MODULE_IMPORT *)data)->module_name) ? CALLBACK_ERROR
											 : CALLBACK_CONTINUE;
	if (message != CALLBACK_MSG_RULE_MATCHING)
		return CALLBACK_CONTINUE;
	struct hit *h = NULL;
	if (s->second) {
		/* the same rules in the same order; one that depends on the clock may be missing */
		for (h = s->at; h && h->rule != data; h = h->next)
			;
		if (!h)
			return CALLBACK_CONTINUE;
		s->at = h->next;
	} else {
		h = lm_arena_alloc(s->arena, sizeof *h);
		if (!h) {
			s->spent = true;
			return CALLBACK_CONTINUE;
		}
		h->rule = data;
		*s->end = h;
		s->end = &h->next;
	}
	put_place(s, h, context);
	return CALLBACK_CONTINUE;
}

static enum lm_rc tell(const struct hit *h, const struct lm_match_in *in, lm_match_emit *emit, void *user)
{
	const char *tag;
	struct lm_buf meta, tags;
	struct lm_obs o;
	lm_buf_init(&meta, META_MAX);
	lm_buf_init(&tags, TAGS_MAX);
	lm_obs_init(&o, LM_K_rule_match);
	o.rule_match.matcher = LM_STR("yara");
	o.rule_match.rule = lm_cstr(h->rule->identifier);
	o.rule_match.file = lm_cstr(h->rule->ns->name);
	o.rule_match.sha256 = (struct lm_bytes){ in->sha256, in->sha256 ? 32 : 0 };
	yr_rule_tags_foreach(h->rule, tag)
	{
		lm_buf_fmt(&tags, "%s%s", tags.n ? ";" : "", tag);
	}
	if (tags.n && !tags.bad)
		o.rule_match.tags = lm_buf_view(&tags);
	put_metas(&o, h->rule, &meta, in->arena);
	if (!meta.bad)
		o.rule_match.meta = lm_buf_view(&meta);
	if (h->string) {
		o.rule_match.string = lm_cstr(h->string);
		o.rule_match.offset = LM_INT(h->offset);
		o.rule_match.length = LM_INT(h->length);
		o.at.offset = (uint64_t)h->offset;
		o.at.length = (uint64_t)h->length;
	}
	enum lm_rc rc = emit(user, &o);
	lm_buf_fini(&meta);
	lm_buf_fini(&tags);
	return rc;
}

/* ---- scanning ---- */

/* The words that public rule sets compare `filetype` with, by the first bytes. */
static const char *file_type(struct lm_bytes data)
{
#define MAGIC(text, word)                    \
	{                                    \
		text, sizeof(text) - 1, word \
	}
	static const struct {
		const char *magic;
		size_t n;
		const char *word;
	} types[] = {
		MAGIC("MZ", "EXE"),
		MAGIC("\x7f\x45LF", "ELF"),
		MAGIC("\xfe\xed\xfa\xce", "MACH-O"),
		MAGIC("\xfe\xed\xfa\xcf", "MACH-O"),
		MAGIC("\xce\xfa\xed\xfe", "MACH-O"),
		MAGIC("\xcf\xfa\xed\xfe", "MACH-O"),
		MAGIC("PK\x03\x04", "ZIP"),
		MAGIC("%PDF", "PDF"),
		MAGIC("GIF8", "GIF"),
		MAGIC("\xff\xd8\xff", "JPEG"),
		MAGIC("\x89PNG", "PNG"),
		MAGIC("Rar!", "RAR"),
		MAGIC("7z\xbc\xaf\x27\x1c", "7ZIP"),
		MAGIC("MSCF", "CAB"),
		MAGIC("{\\rtf", "RTF"),
		MAGIC("MDMP", "MDMP"),
		MAGIC("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE"),
		MAGIC("L\x00\x00\x00\x01\x14\x02\x00", "LNK"),
		MAGIC("<?php", "PHP"),
	};
#undef MAGIC
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (data.n >= types[i].n && memcmp(data.p, types[i].magic, types[i].n) == 0)
			return types[i].word;
	return "";
}

static bool set_externals(struct lm_yara *y, const struct lm_match_in *in)
{
	struct lm_str path = in->original.p ? in->original : in->path, name = lm_path_base(path);
	size_t dot = lm_str_rfind(name, '.');
	struct lm_str ending = dot == SIZE_MAX ? LM_STR("") : lm_str_lower(in->arena, lm_str_part(name, dot, name.n));
	const char *const values[] = { lm_arena_cstr(in->arena, name), lm_arena_cstr(in->arena, path),
				       lm_arena_cstr(in->arena, ending), file_type(in->data), "" };
	for (size_t i = 0; lm_yara_externals[i]; i++)
		if (!values[i] ||
		    yr_scanner_define_string_variable(y->scanner, lm_yara_externals[i], values[i]) != ERROR_SUCCESS)
			return false;
	return true;
}

/*
 * Faults are left to the worker: libyara would turn a SIGBUS (the file shrank) into an error of its own and put
 * its handlers over the worker's.
 */
static int scan_once(struct lm_yara *y, struct scan *s, struct lm_bytes data, int flags, unsigned seconds)
{
	yr_scanner_set_callback(y->scanner, on_message, s);
	yr_scanner_set_flags(y->scanner, flags | SCAN_FLAGS_REPORT_RULES_MATCHING | SCAN_FLAGS_NO_TRYCATCH);
	yr_scanner_set_timeout(y->scanner, (int)seconds);
	return yr_scanner_scan_mem(y->scanner, data.p ? data.p : (const uint8_t *)"", data.n);
}

enum lm_rc lm_yara_match(void *state, const struct lm_match_in *in, lm_match_emit *emit, void *user)
{
	struct lm_yara *y = state;
	struct scan s = { .arena = in->arena };
	int64_t start = lm_time_now();
	s.end = &s.first;
	if (!set_externals(y, in))
		return LM_ELIMIT;
	int rc = scan_once(y, &s, in->data, SCAN_FLAGS_FAST_MODE, y->seconds);
	int64_t used = (lm_time_now() - start) / LM_NS_PER_S;
	if (rc == ERROR_SUCCESS && s.full && used >= 0 && used + 1 < (int64_t)y->seconds) {
		/* places are written over only when the whole scan came through: conditions are judged last */
		s.second = true;
		s.at = s.first;
		(void)scan_once(y, &s, in->data, 0, y->seconds - (unsigned)used);
	}
	for (struct hit *h = s.first; h; h = h->next) {
		struct lm_arena_mark m = lm_arena_mark(in->arena);
		enum lm_rc told = tell(h, in, emit, user);
		lm_arena_reset(in->arena, m);
		if (told < 0)
			return told;
	}
	if (s.spent)
		return LM_ELIMIT;
	if (rc == ERROR_SUCCESS)
		return LM_OK;
	return rc == ERROR_SCAN_TIMEOUT || rc == ERROR_INSUFFICIENT_MEMORY || rc == ERROR_TOO_MANY_MATCHES ||
			       rc == ERROR_TOO_MANY_RE_FIBERS
		       ? LM_ELIMIT
		       : LM_ECORRUPT;
}

static enum lm_rc drop(void *user, const struct lm_obs *match)
{
	(void)user;
	(void)match;
	return LM_OK;
}

enum lm_rc lm_yara_scanner(struct lm_yara *y, struct lm_err *err)
{
	static const uint8_t program[256] = "MZ";
	struct lm_arena a;
	if (yr_scanner_create(y->compiled, &y->scanner) != ERROR_SUCCESS)
		return lm_fail(err, LM_ELIMIT, "cannot start libyara's scanner: out of memory");
	lm_arena_init(&a, 1 << 20);
	struct lm_match_in in = { .data = { program, sizeof program }, .path = LM_STR("a.exe"), .arena = &a };
	(void)lm_yara_match(y, &in, drop, NULL);
	lm_arena_fini(&a);
	return LM_OK;
}
