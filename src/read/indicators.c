/* SPDX-License-Identifier: Apache-2.0 */
/*
 * indicators.c - indicator lists: plain lists, tables, STIX 2 bundles, MISP events.
 *
 * In:  one list. Out: indicator.listed, one per indicator: lower case, refanged, typed by the list's word or by
 *      its own look. What is no indicator of a kind we match is counted and told once, with where it begins.
 * Limits: lines and values of 4,096 bytes; see rows.h, stix.c and misp.c for the rest.
 */
#include "read/indicators.h"

#include "base/text.h"

enum { LINE_MAX_BYTES = 4096, PROBE_LINES = 50, PROBE_ROWS = 20, PROBE_BYTES = 65536 };

/* ---- plain lists: VALUE, or VALUE;COMMENT, # comments ---- */

struct line {
	struct lm_str value, comment;
	bool is_comment;
};

/* Takes a line apart: "value;comment", "value # comment", "value,comment", "HASH  name", "0.0.0.0 name". */
static struct line take_apart(struct lm_str text)
{
	struct line l = { .value = lm_str_trim(text) };
	size_t cut = SIZE_MAX, space = SIZE_MAX;
	if (!l.value.n || l.value.p[0] == '#' || (l.value.n > 1 && l.value.p[0] == '/' && l.value.p[1] == '/')) {
		l.is_comment = true;
		return l;
	}
	if (l.value.n > 1 && l.value.p[0] == '"' && l.value.p[l.value.n - 1] == '"')
		l.value = lm_str_part(l.value, 1, l.value.n - 1);
	for (size_t i = 0; i < l.value.n && cut == SIZE_MAX; i++) {
		char c = l.value.p[i];
		if (c == ';' || c == '\t' || (c == '#' && i && l.value.p[i - 1] == ' '))
			cut = i;
		if (space == SIZE_MAX && (c == ' ' || c == '\t'))
			space = i;
	}
	if (cut == SIZE_MAX)
		cut = lm_str_find(l.value, ',', 0);
	if (cut != SIZE_MAX) {
		l.comment = lm_str_trim(lm_str_part(l.value, cut + 1, l.value.n));
		l.value = lm_str_trim(lm_str_part(l.value, 0, cut));
	}
	if (space != SIZE_MAX && space < l.value.n) {
		struct lm_str first = lm_str_part(l.value, 0, space),
			      rest = lm_str_trim(lm_str_part(l.value, space, l.value.n));
		if (space == 64 || space == 40 || space == 32) {
			l.comment = l.comment.n ? l.comment : rest;
			l.value = first;
		} else if (lm_str_eq(first, LM_STR("0.0.0.0")) || lm_str_eq(first, LM_STR("127.0.0.1"))) {
			l.value = rest; /* a block list in the form of a hosts file */
		}
	}
	return l;
}

/* LOKI's lists: "REGEX;SCORE[;EXCEPTION]" and "HASH;COMMENT" look alike; a number is a score. */
static bool take_score(struct line *l, struct lm_obs *out)
{
	uint64_t score;
	size_t cut = lm_str_find(l->comment, ';', 0);
	if (!lm_str_u64(lm_str_trim(lm_str_part(l->comment, 0, cut)), &score) || score > 1000)
		return false;
	out->indicator_listed.confidence = LM_INT(score < 100 ? score : 100);
	l->comment = (struct lm_str){ 0 };
	return true;
}

static bool fill_line(struct lm_indicators *s, struct line *l, struct lm_obs *out)
{
	if (l->value.n > LINE_MAX_BYTES)
		return false;
	bool pattern = lm_str_find(l->value, '\\', 0) != SIZE_MAX;
	if (!pattern && lm_indicator_fill(s->in->arena, (struct lm_str){ 0 }, l->value, out)) {
		(void)take_score(l, out);
		return true;
	}
	/* a pattern with an exception would hit what its author excluded */
	size_t cut = lm_str_find(l->comment, ';', 0);
	if (cut != SIZE_MAX && lm_str_trim(lm_str_part(l->comment, cut + 1, l->comment.n)).n)
		return false;
	struct lm_str name = lm_indicator_literal(s->in->arena, l->value);
	if (!name.n || !lm_indicator_fill(s->in->arena, LM_STR("filename"), name, out))
		return false;
	(void)take_score(l, out);
	return true;
}

static enum lm_rc next_line(struct lm_indicators *s, struct lm_obs *out)
{
	while (lm_rd_left(&s->rd)) {
		struct lm_rd ahead = s->rd;
		struct lm_str rest = lm_bytes_str(lm_rd_take(&ahead, lm_rd_left(&ahead)));
		size_t lf = lm_str_find(rest, '\n', 0);
		struct lm_str text = lm_str_part(rest, 0, lf == SIZE_MAX ? rest.n : lf + 1);
		uint64_t at = s->rd.pos;
		struct line l = take_apart(text);
		lm_arena_reset(s->in->arena, s->mark);
		lm_rd_skip(&s->rd, text.n);
		s->record++;
		if (l.is_comment)
			continue;
		if (!fill_line(s, &l, out)) {
			if (s->in->arena->spent)
				return LM_ELIMIT;
			lm_indicators_bad(s, at);
			continue;
		}
		out->at.offset = at;
		out->at.length = text.n;
		out->at.record = LM_INT(s->record);
		out->indicator_listed.label = l.comment.n ? l.comment : (struct lm_str){ 0 };
		return LM_OK;
	}
	return LM_END;
}

/* ---- tables ---- */

enum {
	TYPE,
	VALUE,
	SHA256,
	SHA1,
	MD5,
	DOMAIN,
	ADDRESS,
	URL,
	EMAIL,
	NAME,
	LABEL,
	FAMILY,
	ACTOR,
	REFERENCE,
	PUBLISHED,
	CONFIDENCE,
	ACTIVE,
	N_COLUMNS
};

static const struct lm_column columns[N_COLUMNS] = {
	[TYPE] = { "indicatortype|ioctype|type|entitytype|kind|valuetype|attributetype|observabletype|datatype" },
	[VALUE] = { "indicator|indicators|ioc|iocs|indicatorvalue|iocvalue|value|observable|observablevalue|hash|"
		    "filehash|hashes|entity" },
	[SHA256] = { "sha256|filehashsha256|sha256hash|hashsha256|hashessha256" },
	[SHA1] = { "sha1|filehashsha1|sha1hash|hashsha1|hashessha1" },
	[MD5] = { "md5|filehashmd5|md5hash|hashmd5|hashesmd5" },
	[DOMAIN] = { "domain|domains|domainname|hostname|fqdn|c2domain|host" },
	[ADDRESS] = { "ip|ipaddress|ipv4|ipv6|address|ipaddresses|ips|dstip|c2ip" },
	[URL] = { "url|urls|uri" },
	[EMAIL] = { "email|emailaddress|emails" },
	[NAME] = { "filename|filenames" },
	[LABEL] = { "description|comment|comments|label|title|notes|note|context|tags" },
	[FAMILY] = { "family|malware|malwarefamily|malwarename|threat|threatname" },
	[ACTOR] = { "actor|threatactor|group|attribution|apt|intrusionset" },
	[REFERENCE] = { "reference|references|source|report|link|refs" },
	[PUBLISHED] = { "published|publicationdate|datepublished|date|firstseen|created|added|dateadded|timestamp" },
	[CONFIDENCE] = { "confidence|score|confidencescore" },
	[ACTIVE] = { "isioc|ismalicious|malicious|toids|active|enabled" },
};

/* Columns that state indicators by themselves, with the word for their type. */
static const struct {
	unsigned column;
	const char *type;
} typed[] = {
	{ SHA256, "sha256" }, { SHA1, "sha1" }, { MD5, "md5" },	    { DOMAIN, "domain" },
	{ ADDRESS, "ip" },    { URL, "url" },	{ EMAIL, "email" }, { NAME, "filename" },
};
enum { N_TYPED = sizeof typed / sizeof *typed };

#define VALUES                                                                                            \
	(LM_BIT(VALUE) | LM_BIT(SHA256) | LM_BIT(SHA1) | LM_BIT(MD5) | LM_BIT(DOMAIN) | LM_BIT(ADDRESS) | \
	 LM_BIT(URL) | LM_BIT(EMAIL))

static void fill_context(struct lm_indicators *s, struct lm_obs *out)
{
	const struct lm_str *v = s->rows.value;
	struct lm_obs_indicator_listed *o = &out->indicator_listed;
	uint64_t confidence;
	int64_t ns;
	o->label = v[LABEL];
	o->family = v[FAMILY];
	o->actor = v[ACTOR];
	o->reference = v[REFERENCE];
	if (v[PUBLISHED].p &&
	    lm_time_parse(v[PUBLISHED], s->in->env ? s->in->env->zone : NULL, &ns, &out->time_assumed))
		o->published = LM_INT(ns);
	if (v[CONFIDENCE].p && lm_str_u64(v[CONFIDENCE], &confidence) && confidence <= 100)
		o->confidence = LM_INT(confidence);
	out->at.offset = s->rows.offset;
	out->at.length = s->rows.length;
	out->at.record = LM_INT(s->rows.row);
}

/* Cells hold one value, or several: "md5,sha1,sha256". The next one off the cell. */
static bool next_value(struct lm_indicators *s, struct lm_str type, struct lm_obs *out)
{
	struct lm_arena *a = s->in->arena;
	struct lm_str cell = s->cell;
	/* whole first: a URL may hold any of the separators */
	if (!s->cell_good && lm_indicator_fill(a, type, cell, out)) {
		s->cell = (struct lm_str){ 0 };
		s->cell_good++;
		return true;
	}
	while (s->cell.n) {
		size_t end = 0;
		while (end < s->cell.n && !memchr(",;| \t\r\n/", s->cell.p[end], 8))
			end++;
		struct lm_str one = lm_str_part(s->cell, 0, end);
		s->cell = lm_str_part(s->cell, end + 1, s->cell.n);
		/* words of a sentence are no indicators: parts count only when they look like one */
		if (one.n > 3 && (one.n < cell.n || s->cell_good) && lm_indicator_look(a, one) &&
		    lm_indicator_fill(a, type, one, out)) {
			s->cell_good++;
			return true;
		}
		s->cell_bad += one.n > 0;
	}
	/* "md5,sha1,x": the one part that is wrong is worth a word */
	for (; s->cell_good && s->cell_bad; s->cell_bad--)
		lm_indicators_bad(s, s->rows.offset);
	return false;
}

static bool is_off(struct lm_str s)
{
	return lm_str_eq_ci(s, LM_STR("false")) || lm_str_eq_ci(s, LM_STR("no")) || lm_str_eq(s, LM_STR("0"));
}

/* A row may state several indicators: the columns are gone through one by one. */
static enum lm_rc next_row(struct lm_indicators *s, struct lm_obs *out)
{
	const struct lm_str *v = s->rows.value;
	for (;;) {
		if (s->column > N_TYPED) {
			enum lm_rc rc = lm_rows_next(&s->rows);
			if (rc == LM_END || rc == LM_ELIMIT)
				return rc;
			s->row_found = false;
			if (rc != LM_OK || (v[ACTIVE].p && is_off(v[ACTIVE]))) {
				rc == LM_OK ? lm_indicators_bad(s, s->rows.offset)
					    : lm_indicators_broken(s, s->rows.offset);
				continue;
			}
			s->column = 0;
			s->cell = v[VALUE];
			s->cell_good = s->cell_bad = 0;
		}
		unsigned c = s->column;
		struct lm_str type = c ? lm_cstr(typed[c - 1].type) : v[TYPE];
		if ((s->cell.n || s->cell_bad) && next_value(s, type, out)) {
			s->row_found = true;
			fill_context(s, out);
			return LM_OK;
		}
		if (s->in->arena->spent)
			return LM_ELIMIT;
		s->cell = c < N_TYPED ? v[typed[c].column] : (struct lm_str){ 0 };
		s->cell_good = s->cell_bad = 0;
		s->column++;
		if (s->column > N_TYPED && !s->row_found)
			lm_indicators_bad(s, s->rows.offset);
	}
}

/* ---- probing ---- */

static bool is_text(struct lm_bytes data)
{
	struct lm_bytes head = lm_bytes_part(data, 0, 512);
	return head.n && (!memchr(head.p, 0, head.n) || (head.n >= 2 && memcmp(head.p, "\xff\xfe", 2) == 0));
}

/*
 * Nine of ten of the first 50 lines are hashes, domains, addresses; at least one is a hash. "HASH  path" is what
 * sha256sum prints about a host's own files: such lines do not count.
 */
static bool is_plain_list(const struct lm_read_in *in)
{
	struct lm_bytes head = lm_bytes_part(in->data, 0, 16384);
	struct lm_str rest = lm_bytes_str(head), text;
	unsigned lines = 0, good = 0, hashes = 0;
	if (head.n >= 3 && memcmp(head.p, "\xef\xbb\xbf", 3) == 0)
		rest = lm_str_part(rest, 3, rest.n);
	while (lines < PROBE_LINES && lm_str_split(&rest, '\n', &text)) {
		if (!rest.p && in->data.n > head.n)
			break; /* the last line is cut */
		struct line l = take_apart(text);
		if (l.is_comment)
			continue;
		lines++;
		struct lm_str bare = lm_str_trim(text);
		bool listing = bare.n > l.value.n && (bare.p[l.value.n] == ' ' || bare.p[l.value.n] == '\t');
		const char *look = listing ? NULL : lm_indicator_look(in->arena, l.value);
		good += look && strcmp(look, "filename") != 0;
		hashes += look && (look[0] == 's' || look[0] == 'm');
	}
	return lines && hashes && good * 10 >= lines * 9;
}

static bool header_says_so(const struct lm_csv *header)
{
	for (size_t i = 0; i < header->n; i++) {
		struct lm_str s = header->cell[i];
		struct lm_rd r = lm_rd_of(lm_str_bytes(s));
		while (lm_rd_left(&r) >= 3) {
			struct lm_rd at = r;
			struct lm_str word = lm_bytes_str(lm_rd_take(&at, lm_rd_left(&at)));
			if (lm_str_starts_ci(word, LM_STR("indicator")))
				return true;
			/* "ioc", "IOC Type", "isIOC": at an end of the cell */
			if (lm_str_starts_ci(word, LM_STR("ioc")) && (word.n == s.n || word.n <= 4))
				return true;
			lm_rd_skip(&r, 1);
		}
	}
	return false;
}

/* A table whose header speaks of indicators, or has a type column whose words are those of lists. */
static int probe_table(const struct lm_read_in *in)
{
	struct lm_arena_mark m = lm_arena_mark(in->arena);
	struct lm_indicators *s = lm_arena_alloc(in->arena, sizeof *s);
	struct lm_obs o;
	bool spent = in->arena->spent, says_so = false;
	unsigned rows = 0, good = 0, given = 0;
	if (!s)
		return 0;
	s->in = in;
	if (lm_rows_open(&s->rows, in->arena, lm_bytes_part(in->data, 0, PROBE_BYTES), columns, N_COLUMNS) == LM_OK) {
		given = s->rows.form == LM_ROWS_CSV && s->rows.csv.n > 1 ? s->rows.given : 0;
		says_so = given && header_says_so(&s->rows.csv);
		bool tells = (given & LM_BIT(TYPE) && given & LM_BIT(VALUE)) || (says_so && given & VALUES);
		while (tells && rows < PROBE_ROWS && lm_rows_next(&s->rows) == LM_OK) {
			const struct lm_str *v = s->rows.value;
			bool found = false;
			rows++;
			for (unsigned c = 0; c <= N_TYPED && !found; c++) {
				s->cell = c ? v[typed[c - 1].column] : v[VALUE];
				s->cell_good = s->cell_bad = 0;
				/* without a word from the header, the type column has to have one */
				if (s->cell.n && (c || says_so || v[TYPE].n))
					found = next_value(s, c ? lm_cstr(typed[c - 1].type) : v[TYPE], &o);
			}
			good += found;
		}
		lm_rows_close(&s->rows);
	}
	lm_arena_reset(in->arena, m);
	in->arena->spent = spent;
	if (!rows || good * 10 < rows * 9)
		return 0;
	return says_so ? 82 : 78;
}

static bool has_word(struct lm_bytes data, const char *word)
{
	return lm_bytes_find(lm_bytes_part(data, 0, 4096), lm_str_bytes(lm_cstr(word))) != SIZE_MAX;
}

static int probe(const struct lm_read_in *in)
{
	struct lm_rd head = lm_rd_of(lm_bytes_part(in->data, 0, 4096));
	if (!is_text(in->data))
		return 0;
	if (in->data.n >= 3 && memcmp(in->data.p, "\xef\xbb\xbf", 3) == 0)
		lm_rd_skip(&head, 3);
	uint8_t c = lm_json_span_peek(&head);
	if (c == '{') {
		if (has_word(in->data, "\"bundle") && has_word(in->data, "\"objects\""))
			return 90;
		/* an exported event, whatever its order of keys */
		if (has_word(in->data, "\"Event\"") &&
		    (has_word(in->data, "\"info\"") || has_word(in->data, "\"Attribute\"") ||
		     has_word(in->data, "\"threat_level_id\"")))
			return 85;
		return 0;
	}
	if (c == '[')
		return 0;
	return is_plain_list(in) ? 75 : probe_table(in);
}

/* ---- the reader ---- */

static enum lm_rc open_document(struct lm_indicators *s)
{
	s->doc = lm_json_new(LM_DOCUMENT_PART_MAX);
	if (!s->doc)
		return LM_ELIMIT;
	enum lm_rc rc = lm_stix_open(s);
	return rc == LM_ENOTFMT ? lm_misp_open(s) : rc;
}

static void close_(void *state)
{
	struct lm_indicators *s = state;
	if (s->form == LM_LIST_ROWS)
		lm_rows_close(&s->rows);
	lm_stix_close(s);
	lm_json_free(s->doc);
}

static enum lm_rc open_plain(struct lm_indicators *s)
{
	struct lm_bytes data = s->in->data;
	s->form = LM_LIST_PLAIN;
	if (!is_text(data))
		return LM_ENOTFMT;
	if (data.n >= 2 && memcmp(data.p, "\xff\xfe", 2) == 0) {
		struct lm_str text = lm_utf16le(s->in->arena, lm_bytes_part(data, 2, data.n));
		if (!text.p)
			return LM_ELIMIT;
		data = lm_str_bytes(text);
	}
	s->rd = lm_rd_of(data);
	if (data.n >= 3 && memcmp(data.p, "\xef\xbb\xbf", 3) == 0)
		lm_rd_skip(&s->rd, 3);
	s->mark = lm_arena_mark(s->in->arena);
	return LM_OK;
}

static enum lm_rc open_(const struct lm_read_in *in, void **state)
{
	struct lm_indicators *s = lm_arena_alloc(in->arena, sizeof *s);
	struct lm_rd head = lm_rd_of(lm_bytes_part(in->data, 0, 4096));
	enum lm_rc rc;
	if (!s)
		return LM_ELIMIT;
	s->in = in;
	*state = s;
	if (in->data.n >= 3 && memcmp(in->data.p, "\xef\xbb\xbf", 3) == 0)
		lm_rd_skip(&head, 3);
	uint8_t c = lm_json_span_peek(&head);
	if (c == '{' || c == '[') {
		rc = open_document(s);
		if (rc != LM_ENOTFMT)
			goto done;
		lm_json_free(s->doc);
		s->doc = NULL;
		s->form = LM_LIST_PLAIN;
	}
	size_t cells;
	unsigned given = lm_rows_probe(in->arena, in->data, columns, N_COLUMNS, &cells);
	if (given & VALUES && !is_plain_list(in)) {
		rc = lm_rows_open(&s->rows, in->arena, in->data, columns, N_COLUMNS);
		if (rc == LM_OK) {
			s->form = LM_LIST_ROWS;
			s->column = N_TYPED + 1;
		}
		if (rc != LM_ENOTFMT)
			goto done;
	}
	rc = open_plain(s);
done:
	if (rc != LM_OK)
		close_(s);
	return rc;
}

/* What could not be used is told at the end, once a sort. */
static enum lm_rc tell(struct lm_indicators *s, struct lm_obs *out)
{
	struct lm_arena *a = s->in->arena;
	lm_obs_init(out, LM_K_evidence_skipped);
	if (s->broken) {
		lm_obs_init(out, LM_K_evidence_damaged);
		out->at.offset = s->first_broken;
		out->evidence_damaged.path = s->in->path;
		out->evidence_damaged.reader = LM_STR("indicators");
		out->evidence_damaged.offset = LM_INT(s->first_broken);
		out->evidence_damaged.what =
			lm_arena_fmt(a, "%llu rows or objects cannot be read, the first at offset %llu",
				     (unsigned long long)s->broken, (unsigned long long)s->first_broken);
		s->broken = 0;
		return LM_OK;
	}
	out->evidence_skipped.path = s->in->path;
	if (s->bad) {
		out->at.offset = s->first_bad;
		out->evidence_skipped.why = lm_arena_fmt(
			a, "%llu entries are no indicator of a kind that can be matched, the first at offset %llu",
			(unsigned long long)s->bad, (unsigned long long)s->first_bad);
		s->bad = 0;
		return LM_OK;
	}
	if (s->misp.context) {
		out->evidence_skipped.why =
			lm_arena_fmt(a, "%llu attributes are context, not for matching (to_ids is false)",
				     (unsigned long long)s->misp.context);
		s->misp.context = 0;
		return LM_OK;
	}
	return LM_END;
}

static enum lm_rc next(void *state, struct lm_obs *out)
{
	struct lm_indicators *s = state;
	enum lm_rc rc = LM_END;
	if (s->ended)
		return tell(s, out);
	switch (s->form) {
	case LM_LIST_PLAIN:
		rc = next_line(s, out);
		break;
	case LM_LIST_ROWS:
		rc = next_row(s, out);
		break;
	case LM_LIST_STIX:
		rc = lm_stix_next(s, out);
		break;
	case LM_LIST_MISP:
		rc = lm_misp_next(s, out);
		break;
	}
	if (rc == LM_OK)
		out->indicator_listed.source = lm_path_base(s->in->path);
	s->ended = rc == LM_END;
	return s->ended ? tell(s, out) : rc;
}

void lm_indicators_bad(struct lm_indicators *s, uint64_t at)
{
	if (!s->bad++)
		s->first_bad = at;
}

void lm_indicators_broken(struct lm_indicators *s, uint64_t at)
{
	if (!s->broken++)
		s->first_broken = at;
}

static const enum lm_kind emits[] = { LM_K_indicator_listed, LM_K_evidence_damaged, LM_K_evidence_skipped,
				      LM_KIND_NONE };

const struct lm_reader lm_reader_indicators = {
	"indicators", "indicator lists: plain, CSV, STIX 2 bundles, MISP events", emits, probe, open_, next, close_,
};
