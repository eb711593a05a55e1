/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timestamp.h - points in time: int64 nanoseconds since 1970-01-01T00:00:00Z, always UTC.
 *
 * The range is years 1678 to 2262; what lies outside is refused, never wrapped.
 */
#ifndef LM_BASE_TIMESTAMP_H
#define LM_BASE_TIMESTAMP_H

#include "base/bytes.h"

#define LM_NS_PER_S INT64_C(1000000000)

/* How a zoneless wall-clock time becomes UTC. Opaque: a fixed offset or a tzdata zone. */
struct lm_zone;

/*
 * `name` is "UTC", "+02:00", "-0530" or an IANA name ("Europe/Berlin", read from the system's tzdata:
 * load zones before a sandbox closes the file system). NULL when unknown. Free with lm_zone_free.
 */
struct lm_zone *lm_zone_load(const char *name);
void lm_zone_free(struct lm_zone *z);
/* Seconds east of UTC in force at the local wall-clock time (seconds since epoch as if it were UTC). */
int32_t lm_zone_offset_local(const struct lm_zone *z, int64_t local_s);
/* Seconds east of UTC in force at a UTC time. */
int32_t lm_zone_offset_utc(const struct lm_zone *z, int64_t utc_s);

/*
 * Parses ISO-8601 / RFC 3339 ("2023-03-22T10:11:12.345Z", space for T, date alone, offsets "+02",
 * "+0200", "+02:00"), or a number: epoch seconds, with fraction, or ms / us / ns by magnitude.
 * A time without zone uses `zone` (NULL = UTC) and sets *assumed (may be NULL). False: *out untouched.
 */
bool lm_time_parse(struct lm_str s, const struct lm_zone *zone, int64_t *out_ns, bool *assumed);

/* Civil date (proleptic Gregorian) to days since the epoch; month 1..12, day 1..31 must be valid. */
int64_t lm_days_from_civil(int64_t year, unsigned month, unsigned day);

/* "2023-03-22T10:11:12Z", with as many fraction digits (3, 6, 9) as the value needs. Needs 40 bytes. */
#define LM_TIME_TEXT 40
const char *lm_time_iso(int64_t ns, char out[LM_TIME_TEXT]);
/* The same in a zone, with its offset: "2023-03-22T12:11:12+02:00". */
const char *lm_time_iso_zone(int64_t ns, const struct lm_zone *z, char out[LM_TIME_TEXT]);

/* Windows FILETIME (100 ns since 1601) to ns; false when outside the range or zero. */
bool lm_time_from_filetime(uint64_t ft, int64_t *out_ns);
/* The system's wall clock. */
int64_t lm_time_now(void);

#endif
