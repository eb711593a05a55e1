/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"
#include "base/arena.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MIN_S INT64_C(-9223372036)
#define MAX_S INT64_C(9223372035)

/* ---- zones: TZif (RFC 8536) transitions, or one fixed offset ---- */

struct lm_zone {
	int32_t fixed; /* when n == 0; also the offset before the first transition */
	size_t n;
	int64_t *at;  /* UTC seconds, ascending */
	int32_t *off; /* offset from at[i] on */
};

static bool parse_offset(struct lm_str s, int32_t *out)
{
	if (s.n < 3 || (s.p[0] != '+' && s.p[0] != '-'))
		return false;
	uint64_t h, m = 0;
	struct lm_str mm = lm_str_part(s, 3, s.n);
	if (mm.n && mm.p[0] == ':')
		mm = lm_str_part(mm, 1, mm.n);
	if (!lm_str_u64(lm_str_part(s, 1, 3), &h) || (mm.n && (mm.n != 2 || !lm_str_u64(mm, &m))))
		return false;
	if (s.n == 4 || (s.n > 3 && mm.n == 0) || h > 18 || m > 59)
		return false;
	int32_t v = (int32_t)(h * 3600 + m * 60);
	*out = s.p[0] == '-' ? -v : v;
	return true;
}

static enum { TZIF_OK, TZIF_BAD } parse_tzif(struct lm_bytes file, struct lm_zone *z)
{
	struct lm_rd r = lm_rd_of(file);
	for (int pass = 0; pass < 2; pass++) {
		struct lm_bytes magic = lm_rd_take(&r, 4);
		uint8_t version = lm_rd_u8(&r);
		lm_rd_skip(&r, 15);
		uint32_t n_isut = lm_rd_u32be(&r), n_isstd = lm_rd_u32be(&r), n_leap = lm_rd_u32be(&r);
		uint32_t n_time = lm_rd_u32be(&r), n_type = lm_rd_u32be(&r), n_char = lm_rd_u32be(&r);
		if (r.bad || memcmp(magic.p, "TZif", 4) != 0)
			return TZIF_BAD;
		unsigned width = pass ? 8 : 4;
		uint64_t rest = (uint64_t)n_char + (uint64_t)n_leap * (width + 4) + n_isstd + n_isut;
		if (!pass) {
			if (version < '2')
				return TZIF_BAD;
			lm_rd_skip(&r, (uint64_t)n_time * 5 + (uint64_t)n_type * 6 + rest);
			continue;
		}
		struct lm_rd times = lm_rd_sub(&r, (uint64_t)n_time * 8), idx = lm_rd_sub(&r, n_time);
		struct lm_rd types = lm_rd_sub(&r, (uint64_t)n_type * 6);
		if (r.bad || n_type == 0 || n_time > 100000)
			return TZIF_BAD;
		struct lm_rd first = types;
		z->fixed = (int32_t)lm_rd_u32be(&first);
		z->at = lm_xalloc(n_time * sizeof *z->at);
		z->off = lm_xalloc(n_time * sizeof *z->off);
		for (uint32_t i = 0; i < n_time; i++) {
			z->at[i] = (int64_t)lm_rd_u64be(&times);
			struct lm_rd t = types;
			lm_rd_seek(&t, (uint64_t)lm_rd_u8(&idx) * 6);
			z->off[i] = (int32_t)lm_rd_u32be(&t);
			if (t.bad)
				return TZIF_BAD;
		}
		z->n = n_time;
	}
	return TZIF_OK;
}

struct lm_zone *lm_zone_load(const char *name)
{
	struct lm_zone *z = lm_xalloc(sizeof *z);
	struct lm_str s = lm_cstr(name);
	if (lm_str_eq_ci(s, LM_STR("UTC")) || lm_str_eq_ci(s, LM_STR("Z")) || parse_offset(s, &z->fixed))
		return z;
	char path[256];
	static uint8_t data[1 << 18];
	FILE *f = NULL;
	/* a zone name is a relative path; ".." would leave the zone folder */
	if (s.n && s.n < 100 && s.p[0] != '/' && !strstr(name, "..")) {
		snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
		f = fopen(path, "rb");
	}
	size_t n = f ? fread(data, 1, sizeof data, f) : 0;
	if (f)
		fclose(f);
	if (!n || parse_tzif((struct lm_bytes){ data, n }, z) != TZIF_OK) {
		lm_zone_free(z);
		return NULL;
	}
	return z;
}

void lm_zone_free(struct lm_zone *z)
{
	if (!z)
		return;
	free(z->at);
	free(z->off);
	free(z);
}

int32_t lm_zone_offset_utc(const struct lm_zone *z, int64_t utc_s)
{
	if (!z)
		return 0;
	size_t lo = 0, hi = z->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (z->at[mid] <= utc_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? z->off[lo - 1] : z->fixed;
}

int32_t lm_zone_offset_local(const struct lm_zone *z, int64_t local_s)
{
	/* of an hour that exists twice the first reading is taken; one that does not exist moves forward */
	int32_t before = lm_zone_offset_utc(z, local_s - 86400), guess = lm_zone_offset_utc(z, local_s - before);
	if (guess == before || lm_zone_offset_utc(z, local_s - guess) != guess)
		return before;
	return guess;
}

/* ---- calendar ---- */

int64_t lm_days_from_civil(int64_t y, unsigned m, unsigned d)
{
	/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil */
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400), doy = (153 * (m + (m > 2 ? -3u : 9u)) + 2) / 5 + d - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + (int64_t)doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
	z += 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static unsigned days_in_month(int64_t y, unsigned m)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return m == 2 && leap ? 29 : days[m - 1];
}

/* ---- parsing ---- */

/* Exactly `n` digits at *s, which moves past them. */
static bool digits(struct lm_str *s, unsigned n, unsigned *out)
{
	uint64_t v;
	if (s->n < n || !lm_str_u64(lm_str_part(*s, 0, n), &v))
		return false;
	*out = (unsigned)v;
	*s = lm_str_part(*s, n, s->n);
	return true;
}

static bool accept(struct lm_str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	*s = lm_str_part(*s, 1, s->n);
	return true;
}

/* Digits after the point, cut at nanoseconds; at least one is needed. */
static bool fraction(struct lm_str *s, int64_t *ns)
{
	int64_t v = 0, scale = LM_NS_PER_S;
	size_t n = 0;
	for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; n++) {
		if (scale > 1)
			scale /= 10, v += (s->p[0] - '0') * scale;
		*s = lm_str_part(*s, 1, s->n);
	}
	*ns = v;
	return n > 0;
}

static bool join(int64_t sec, int64_t ns, int64_t *out)
{
	if (sec < MIN_S || sec > MAX_S)
		return false;
	*out = sec * LM_NS_PER_S + ns;
	return true;
}

/* Epoch numbers: the magnitude tells the unit (a time in s since 1970 has at most 11 digits until year 5138). */
static bool parse_number(struct lm_str s, int64_t *out)
{
	bool neg = accept(&s, '-');
	size_t dot = lm_str_find(s, '.', 0);
	struct lm_str whole = lm_str_part(s, 0, dot),
		      frac = dot == SIZE_MAX ? (struct lm_str){ 0 } : lm_str_part(s, dot + 1, s.n);
	uint64_t v;
	int64_t ns = 0;
	if (!lm_str_u64(whole, &v) || (dot != SIZE_MAX && (!fraction(&frac, &ns) || frac.n)))
		return false;
	unsigned n = (unsigned)whole.n;
	int64_t unit = n <= 11 ? 1 : n <= 14 ? 1000 : n <= 17 ? 1000000 : LM_NS_PER_S;
	if (v > INT64_MAX)
		return false;
	int64_t sec = (int64_t)v / unit, sub = (int64_t)v % unit * (LM_NS_PER_S / unit) + ns / unit;
	if (neg && sub)
		sec = -sec - 1, sub = LM_NS_PER_S - sub;
	else if (neg)
		sec = -sec;
	return join(sec, sub, out);
}

bool lm_time_parse(struct lm_str s, const struct lm_zone *zone, int64_t *out_ns, bool *assumed)
{
	unsigned y, mo, d, h = 0, mi = 0, sec = 0;
	int64_t ns = 0;
	bool zoneless = true;
	int32_t off = 0;
	s = lm_str_trim(s);
	struct lm_str t = s;
	if (!digits(&t, 4, &y) || !accept(&t, '-')) {
		if (!parse_number(s, out_ns))
			return false;
		if (assumed)
			*assumed = false;
		return true;
	}
	if (!digits(&t, 2, &mo) || !accept(&t, '-') || !digits(&t, 2, &d))
		return false;
	if (mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo))
		return false;
	if (t.n) {
		if (!accept(&t, 'T') && !accept(&t, ' ') && !accept(&t, 't'))
			return false;
		if (!digits(&t, 2, &h) || !accept(&t, ':') || !digits(&t, 2, &mi))
			return false;
		if (accept(&t, ':') && !digits(&t, 2, &sec))
			return false;
		if ((accept(&t, '.') || accept(&t, ',')) && !fraction(&t, &ns))
			return false;
		if (accept(&t, ' ') && !t.n)
			return false;
		if (accept(&t, 'Z') || accept(&t, 'z') || lm_str_eq(t, LM_STR("UTC"))) {
			zoneless = false;
			t.n = lm_str_eq(t, LM_STR("UTC")) ? 0 : t.n;
		} else if (t.n) {
			if (!parse_offset(t, &off))
				return false;
			zoneless = false;
			t.n = 0;
		}
		if (t.n || h > 23 || mi > 59 || sec > 60)
			return false;
	}
	int64_t local = lm_days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
	if (zoneless)
		off = lm_zone_offset_local(zone, local);
	if (!join(local - off, ns, out_ns))
		return false;
	if (assumed)
		*assumed = zoneless;
	return true;
}

/* ---- printing ---- */

static const char *print_iso(int64_t ns, int32_t off, bool utc, char out[LM_TIME_TEXT])
{
	int64_t sec = ns / LM_NS_PER_S, sub = ns % LM_NS_PER_S, y;
	unsigned m, d;
	if (sub < 0)
		sub += LM_NS_PER_S, sec--;
	sec += off;
	int64_t days = sec / 86400, day_s = sec % 86400;
	if (day_s < 0)
		day_s += 86400, days--;
	civil_from_days(days, &y, &m, &d);
	int n = snprintf(out, LM_TIME_TEXT, "%04d-%02u-%02uT%02d:%02d:%02d", (int)y, m % 100, d % 100,
			 (int)(day_s / 3600) % 100, (int)(day_s / 60 % 60), (int)(day_s % 60));
	size_t left = LM_TIME_TEXT - (size_t)n;
	if (sub % 1000000 == 0 && sub)
		n += snprintf(out + n, left, ".%03d", (int)(sub / 1000000) % 1000);
	else if (sub % 1000 == 0 && sub)
		n += snprintf(out + n, left, ".%06d", (int)(sub / 1000) % 1000000);
	else if (sub)
		n += snprintf(out + n, left, ".%09d", (int)(sub % LM_NS_PER_S));
	left = LM_TIME_TEXT - (size_t)n;
	if (utc)
		snprintf(out + n, left, "Z");
	else
		snprintf(out + n, left, "%c%02d:%02d", off < 0 ? '-' : '+', abs(off) / 3600 % 100, abs(off) / 60 % 60);
	return out;
}

const char *lm_time_iso(int64_t ns, char out[LM_TIME_TEXT])
{
	return print_iso(ns, 0, true, out);
}

const char *lm_time_iso_zone(int64_t ns, const struct lm_zone *z, char out[LM_TIME_TEXT])
{
	int64_t sec = ns / LM_NS_PER_S - (ns % LM_NS_PER_S < 0);
	return print_iso(ns, lm_zone_offset_utc(z, sec), false, out);
}

bool lm_time_from_filetime(uint64_t ft, int64_t *out_ns)
{
	if (ft == 0 || ft > INT64_MAX)
		return false;
	int64_t ticks = (int64_t)ft - INT64_C(116444736000000000); /* 1601-01-01 to 1970-01-01 in 100 ns */
	return !__builtin_mul_overflow(ticks, INT64_C(100), out_ns);
}

int64_t lm_time_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * LM_NS_PER_S + ts.tv_nsec;
}
