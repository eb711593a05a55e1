/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finding.h - what a detector concludes, and the words and numbers it is printed with.
 */
#ifndef LM_FACT_FINDING_H
#define LM_FACT_FINDING_H

#include "base/buf.h"
#include "base/bytes.h"
#include "fact/observation.h"

/* How far the incident went on a host, in order. LM_STAGE_NONE: a plain rule or indicator hit. */
enum lm_stage {
	LM_STAGE_NONE,
	LM_STAGE_EXPOSED,
	LM_STAGE_ALTERED,
	LM_STAGE_BEACONING,
	LM_STAGE_SECOND_STAGE,
	LM_STAGE_HANDS_ON,
	LM_STAGE_COUNT
};

enum lm_severity { LM_SEV_INFORMATIONAL, LM_SEV_LOW, LM_SEV_MEDIUM, LM_SEV_HIGH, LM_SEV_CRITICAL, LM_SEV_COUNT };

/* "exposed", "second_stage" ...; NULL for LM_STAGE_NONE. */
const char *lm_stage_word(enum lm_stage s);
/* LM_STAGE_NONE when the word is unknown. */
enum lm_stage lm_stage_find(struct lm_str word);
const char *lm_severity_word(enum lm_severity s);
/* LM_SEV_COUNT when the word is unknown. */
enum lm_severity lm_severity_find(struct lm_str word);

/* One named term of a confidence: natural-log odds, and what it rests on. */
struct lm_term {
	const char *name;
	double log_odds;
	struct lm_str note; /* printed beside the term; may be unset */
};

/*
 * Confidence is the logistic function of the summed terms, rounded to 0..100 and clamped to 1..99:
 * log-odds -2.2 -> 10, 0 -> 50, 1.1 -> 75, 2.2 -> 90, 4.6 -> 99. Words: below 20 very low, 40 low,
 * 60 moderate, 85 high, from 85 very high. (docs/dev/confidence.md)
 */
int lm_confidence(const struct lm_term *terms, size_t n);
const char *lm_confidence_word(int value);

/* Where the proof stands. `sha256` names the content, offset and length are inside it. */
struct lm_evidence_ref {
	uint8_t sha256[32];
	struct lm_str path; /* evidence path with its members */
	uint64_t offset, length;
	struct lm_int record;
};

#define LM_FINDING_LIST_MAX 16

/*
 * All views belong to the emitter and live until the store has copied them. Without `why` or `evidence`
 * the store refuses a finding. `key` makes the id: id = digest(detector, rule, host, key), so it must
 * name the subject stably (a SHA-256 in hex, a path), never anything that depends on arrival.
 */
struct lm_finding {
	const char *detector; /* registration name */
	struct lm_str rule;   /* stable rule id inside the detector, e.g. unexplained-bytes */
	enum lm_stage stage;
	enum lm_severity severity;
	int64_t host;	       /* resolved host id; 0 = the fleet, printed "*" */
	struct lm_str subject; /* what it is about: file name, image, product */
	struct lm_str key;
	struct lm_int first_seen, last_seen;
	struct lm_term terms[LM_FINDING_LIST_MAX];
	size_t n_terms;
	struct lm_str why[LM_FINDING_LIST_MAX];
	size_t n_why;
	struct lm_str counter[LM_FINDING_LIST_MAX];
	size_t n_counter;
	const char *attack[LM_FINDING_LIST_MAX]; /* technique ids */
	size_t n_attack;
	struct lm_evidence_ref evidence[LM_FINDING_LIST_MAX];
	size_t n_evidence;
};

#endif
