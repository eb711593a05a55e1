/* SPDX-License-Identifier: Apache-2.0 */
/*
 * indicators.c - indicator lists: plain lists, CSV, STIX 2 bundles, MISP events.
 *
 * In:  one list. Out: indicator.listed, one per indicator: lower case, refanged, typed by its own look where the
 *      list does not say. Lines that are none are counted and told once.
 * STIX: equality comparisons inside indicator patterns, whatever joins them; what `indicates` points to gives the
 *      family or actor. Objects that only describe (file, domain-name, observed-data) are no indicators.
 */
#include "read/indicators.h"

#include "base/text.h"
#include "read/csv.h"
#include "read/rows.h"

#define LINE_MAX_BYTES 4096
#define DOCUMENT_MAX (256u << 20)

/* ---- plain lists: VALUE, or VALUE;COMMENT, # comments ---- */

static enum lm_rc next_line(struct lm_indicators *s, struct lm_obs *out)
{
	while (lm_rd_left(&s->rd)) {
		struct lm_rd ahead = s->rd;
		struct lm_str rest = lm_bytes_str(lm_rd_take(&ahead, lm_rd_left(&ahead))), value, comment = { 0 };
		size_t lf = lm_str_find(rest, '\n', 0);
		struct lm_str line = lm_str_part(rest, 0, lf == SIZE_MAX ? rest.n : lf + 1);
		uint64_t at = s->rd.pos;
		lm_rd_skip(&s->rd, line.n);
		value = lm_str_trim(line);
		if (!value.n || value.p[0] == '#' || (value.n > 1 && value.p[0] == '/' && value.p[1] == '/'))
			continue;
		size_t cut = lm_str_find(value, ';', 0);
		/* "value # comment" and "value,comment" are as common as the semicolon */
		if (cut == SIZE_MAX)
			for (size_t i = 1; cut == SIZE_MAX && i < value.n; i++)
				if (value.p[i] == '#' && (value.p[i - 1] == ' ' || value.p[i - 1] == '\t'))
					cut = i;
		if (cut == SIZE_MAX)
			cut = lm_str_find(value, ',', 0);
		if (cut != SIZE_MAX) {
			comment = lm_str_trim(lm_str_part(value, cut + 1, value.n));
			value = lm_str_trim(lm_str_part(value, 0, cut));
		}
		/* sha256sum's form: HASH  name */
		size_t space = lm_str_find(value, ' ', 0);
		if (space == 64 || space == 40 || space == 32) {
			comment = comment.n ? comment : lm_str_trim(lm_str_part(value, space, value.n));
			value = lm_str_part(value, 0, space);
		}
		s->line_start = at;
		if (value.n > LINE_MAX_BYTES || !lm_indicator_fill(s->in->arena, (struct lm_str){ 0 }, value, out)) {
			lm_indicators_bad(s, at);
			continue;
		}
		out->at.offset = at;
		out->at.length = line.n;
		out->indicator_listed.label = comment.n ? comment : (struct lm_str){ 0 };
		return LM_OK;
	}
	return LM_END;
}

/* ---- CSV ---- */

enum {
	TYPE,
	VALUE,
	SHA256,
	SHA1,
	MD5,
	DOMAIN,
	ADDRESS,
	URL,
	NAME,
	LABEL,
	FAMILY,
	ACTOR,
	REFERENCE,
	PUBLISHED,
	CONFIDENCE,
	N_COLUMNS
};

static const struct lm_column columns[N_COLUMNS] = {
	[TYPE] = { "type|indicatortype|ioctype|kind|valuetype|attributetype" },
	[VALUE] = { "value|indicator|indicators|ioc|indicatorvalue|observable|iocvalue|hash|entity" },
	[SHA256] = { "sha256|filehashsha256|sha256hash|hashsha256" },
	[SHA1] = { "sha1|filehashsha1|sha1hash|hashsha1" },
	[MD5] = { "md5|filehashmd5|md5hash|hashmd5" },
	[DOMAIN] = { "domain|domains|hostname|fqdn|domainname|host" },
	[ADDRESS] = { "ip|ipaddress|ipv4|ipv6|address" },
	[URL] = { "url|urls|uri|link" },
	[NAME] = { "filename|file" },
	[LABEL] = { "description|comment|label|name|title|notes|note|context|ismalicious|tags" },
	[FAMILY] = { "family|malware|malwarefamily|threat|malwarename" },
	[ACTOR] = { "actor|threatactor|group|attribution|campaign" },
	[REFERENCE] = { "reference|source|references|report|link" },
	[PUBLISHED] = { "published|date|firstseen|created|added|timestamp|publicationdate" },
	[CONFIDENCE] = { "confidence|score" },
};

#define BIT(c) (1u << (c))

static void fill_context(struct lm_indicators *s, struct lm_obs *out)
{
	const struct lm_str *v = s->rows.value;
	struct lm_obs_indicator_listed *o = &out->indicator_listed;
	uint64_t confidence;
	int64_t ns;
	bool assumed;
	o->label = v[LABEL];
	o->family = v[FAMILY];
	o->actor = v[ACTOR];
	o->reference = v[REFERENCE];
	if (v[PUBLISHED].p && lm_time_parse(v[PUBLISHED], s->in->env->zone, &ns, &assumed))
		o->published = LM_INT(ns);
	if (v[CONFIDENCE].p && lm_str_u64(v[CONFIDENCE], &confidence) && confidence <= 100)
		o->confidence = LM_INT(confidence);
	out->at.offset = s->rows.offset;
	out->at.length = s->rows.length;
	out->at.record = LM_INT(s->rows.row);
}

/* A row may state several indicators: the columns are gone through one by one. */
static enum lm_rc next_row(struct lm_indicators *s, struct lm_obs *out)
{
	static const struct {
		unsigned column;
		const char *type;
	} typed[] = { { SHA256, "sha256" }, { SHA1, "sha1" }, { MD5, "md5" },	   { DOMAIN, "domain" },
		      { ADDRESS, "ip" },    { URL, "url" },   { NAME, "filename" } };
	const struct lm_str *v = s->rows.value;
	for (;;) {
		if (s->column > sizeof typed / sizeof *typed) {
			enum lm_rc rc = lm_rows_next(&s->rows);
			if (rc == LM_END || rc == LM_ELIMIT)
				return rc;
			s->column = rc == LM_OK ? 0 : s->column;
			s->row_found = false;
			if (rc != LM_OK) {
				lm_indicators_bad(s, s->rows.offset);
				continue;
			}
		}
		unsigned c = s->column++;
		struct lm_str type = c ? lm_cstr(typed[c - 1].type) : v[TYPE],
			      value = c ? v[typed[c - 1].column] : v[VALUE];
		if (value.p && lm_indicator_fill(s->in->arena, type, value, out)) {
			s->row_found = true;
			fill_context(s, out);
			return LM_OK;
		}
		if (c == sizeof typed / sizeof *typed && !s->row_found)
			lm_indicators_bad(s, s->rows.offset);
	}
}

/* ---- the reader ---- */

/* How much of the first lines of a plain list looks like indicators, in percent; 0 without any hash. */
static int probe_plain(struct lm_bytes data)
{
	struct lm_str rest = lm_bytes_str(lm_bytes_part(data, 0, 16384)), line;
	unsigned lines = 0, good = 0, hashes = 0;
	bool whole = data.n <= 16384;
	while (lines < 50 && lm_str_split(&rest, '\n', &line)) {
		if (!rest.p && !whole)
			break; /* the last line is cut */
		line = lm_str_trim(line);
		if (!line.n || line.p[0] == '#')
			continue;
		size_t end = 0;
		while (end < line.n && line.p[end] != ';' && line.p[end] != ',' && line.p[end] != ' ' &&
		       line.p[end] != '\t')
			end++;
		enum lm_indicator_look look = lm_indicator_look(lm_str_part(line, 0, end));
		lines++;
		good += look != LM_LOOK_NONE;
		hashes += look == LM_LOOK_HASH;
	}
	return lines && hashes && good * 10 >= lines * 9;
}

static bool is_text(struct lm_bytes data)
{
	struct lm_bytes head = lm_bytes_part(data, 0, 512);
	return head.n && (!memchr(head.p, 0, head.n) || (head.n >= 2 && memcmp(head.p, "\xff\xfe", 2) == 0));
}

static bool has_word(struct lm_bytes data, const char *word)
{
	return lm_bytes_find(lm_bytes_part(data, 0, 4096), lm_str_bytes(lm_cstr(word))) != SIZE_MAX;
}

static int probe(const struct lm_read_in *in)
{
	struct lm_str head = lm_str_trim(lm_bytes_str(lm_bytes_part(in->data, 0, 4096)));
	if (!is_text(in->data))
		return 0;
	if (head.n && head.p[0] == '{') {
		if (has_word(in->data, "\"bundle\"") && has_word(in->data, "\"objects\""))
			return 90;
		if (has_word(in->data, "\"Event\"") && has_word(in->data, "\"info\""))
			return 85;
		return 0;
	}
	if (head.n && head.p[0] == '[')
		return 0;
	if (probe_plain(in->data))
		return 75;
	size_t cells = 0;
	unsigned given = lm_rows_probe(in->arena, in->data, columns, N_COLUMNS, &cells);
	/* a host's own inventory has hashes too: what makes a list of indicators is that it says so */
	struct lm_str header = lm_str_part(head, 0, lm_str_find(head, '\n', 0));
	struct lm_arena_mark m = lm_arena_mark(in->arena);
	struct lm_bytes low = lm_str_bytes(lm_str_lower(in->arena, header));
	bool says_so = low.p && (lm_bytes_find(low, lm_str_bytes(LM_STR("indicator"))) != SIZE_MAX ||
				 lm_bytes_find(low, lm_str_bytes(LM_STR("ioc"))) != SIZE_MAX);
	lm_arena_reset(in->arena, m);
	if (cells >= 2 && given & BIT(TYPE) && given & BIT(VALUE) && says_so)
		return 80;
	return cells >= 2 && says_so && given & (BIT(VALUE) | BIT(SHA256) | BIT(DOMAIN)) ? 72 : 0;
}

static enum lm_rc open_document(struct lm_indicators *s)
{
	struct lm_json root;
	s->doc = lm_json_new(DOCUMENT_MAX);
	if (!s->doc)
		return LM_ELIMIT;
	enum lm_rc rc = lm_json_parse(s->doc, s->in->data, &root, NULL);
	if (rc != LM_OK)
		return rc == LM_ELIMIT ? rc : LM_ENOTFMT;
	if (lm_json_get(root, "Event").type == LM_J_OBJ || lm_json_get(root, "Attribute").type == LM_J_ARR)
		return lm_misp_open(s, root);
	return lm_stix_open(s, root);
}

static enum lm_rc open_(const struct lm_read_in *in, void **state)
{
	struct lm_indicators *s = lm_arena_alloc(in->arena, sizeof *s);
	struct lm_str head = lm_str_trim(lm_bytes_str(lm_bytes_part(in->data, 0, 4096)));
	enum lm_rc rc = LM_OK;
	if (!s)
		return LM_ELIMIT;
	s->in = in;
	*state = s;
	if (head.n && (head.p[0] == '{' || head.p[0] == '[')) {
		rc = open_document(s);
		if (rc == LM_OK)
			return rc;
		lm_json_free(s->doc);
		s->doc = NULL;
		if (rc == LM_ELIMIT)
			return rc;
	}
	size_t cells;
	unsigned given = lm_rows_probe(in->arena, in->data, columns, N_COLUMNS, &cells);
	if (given & (BIT(VALUE) | BIT(SHA256) | BIT(SHA1) | BIT(MD5) | BIT(DOMAIN) | BIT(ADDRESS) | BIT(URL)) &&
	    !probe_plain(in->data)) {
		s->form = LM_LIST_ROWS;
		s->column = UINT32_MAX;
		rc = lm_rows_open(&s->rows, in->arena, in->data, columns, N_COLUMNS);
		if (rc == LM_OK || rc == LM_ELIMIT)
			return rc;
	}
	if (!is_text(in->data))
		return LM_ENOTFMT;
	s->form = LM_LIST_PLAIN;
	s->rd = lm_rd_of(in->data);
	if (in->data.n >= 3 && memcmp(in->data.p, "\xef\xbb\xbf", 3) == 0)
		lm_rd_skip(&s->rd, 3);
	s->mark = lm_arena_mark(in->arena);
	return LM_OK;
}

static enum lm_rc next(void *state, struct lm_obs *out)
{
	struct lm_indicators *s = state;
	enum lm_rc rc = LM_END;
	if (s->form == LM_LIST_PLAIN) {
		lm_arena_reset(s->in->arena, s->mark);
		rc = next_line(s, out);
	} else if (s->form == LM_LIST_ROWS) {
		rc = next_row(s, out);
	} else if (s->form == LM_LIST_STIX) {
		rc = lm_stix_next(s, out);
	} else if (s->form == LM_LIST_MISP) {
		rc = lm_misp_next(s, out);
	}
	if (rc == LM_OK) {
		out->indicator_listed.source = lm_path_base(s->in->path);
		return LM_OK;
	}
	if (rc != LM_END || !s->bad)
		return rc;
	lm_obs_init(out, LM_K_evidence_skipped);
	out->at.offset = s->first_bad;
	out->evidence_skipped.path = s->in->path;
	out->evidence_skipped.why = lm_arena_fmt(
		s->in->arena, "%llu entries are no indicator of a kind that can be matched, the first at offset %llu",
		(unsigned long long)s->bad, (unsigned long long)s->first_bad);
	s->bad = 0;
	return LM_OK;
}

static void close_(void *state)
{
	struct lm_indicators *s = state;
	lm_rows_close(&s->rows);
	lm_json_free(s->doc);
}

void lm_indicators_bad(struct lm_indicators *s, uint64_t at)
{
	if (!s->bad++)
		s->first_bad = at;
}

static const enum lm_kind emits[] = { LM_K_indicator_listed, LM_K_evidence_skipped, LM_KIND_NONE };

const struct lm_reader lm_reader_indicators = {
	"indicators", "indicator lists: plain, CSV, STIX 2 bundles, MISP events", emits, probe, open_, next, close_,
};
