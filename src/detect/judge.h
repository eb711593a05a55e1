/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - what the signature facts of one content come to: findings about the content itself, before it is
 * known who has it.
 */
#ifndef LM_DETECT_JUDGE_H
#define LM_DETECT_JUDGE_H

#include "detect/facts.h"

/* A finding with rule, severity, terms, why, counter, attack and evidence; host, key and stage are not set yet. */
typedef enum lm_rc lm_judge_fn(void *user, struct lm_facts_content *k, struct lm_finding *f);

/*
 * Hands every finding that the signature facts of `k` give to `fn`, in a fixed order, strongest rules first. Texts
 * live in d->arena. Severities: DESIGN "Severity of signature facts".
 */
enum lm_rc lm_judge(struct lm_detect_ctx *d, struct lm_facts_content *k, lm_judge_fn *fn, void *user) LM_MUST;

/* Some rule of lm_judge with severity high or more holds. */
bool lm_judge_is_high(const struct lm_facts_content *k);

/* Unexplained bytes that are not zero, wherever no hash covers them. */
bool lm_judge_unexplained(const struct lm_facts_unhashed *u);
/* The same, in a place that is not a finding of its own (after the table, an entry of its own). */
bool lm_judge_appended(const struct lm_facts_unhashed *u);
/* The bytes are not what was signed, or carry what nobody signed; *why says which, unset when neither. */
bool lm_judge_is_tampered(const struct lm_facts_content *k, struct lm_str *why);
/* The signature facts say the file's signature or table is not well formed. */
bool lm_judge_is_broken(const struct lm_facts_content *k);
/* Zero bytes beyond what alignment needs; *bytes (may be NULL) gets how many. */
bool lm_judge_zero_slack(const struct lm_facts_content *k, uint64_t *bytes);
/* Weak digests only: no signature of the content uses a stronger one. */
bool lm_judge_weak_only(const struct lm_facts_content *k);
/* The content to compare with: same authentihash, other bytes, a clean signed one first; NULL when there is none. */
struct lm_facts_content *lm_judge_twin(const struct lm_facts_content *k);
/* "signer's name" of the first valid signature, else of the first one; unset when unsigned. */
struct lm_str lm_judge_signer(const struct lm_facts_content *k);
/* twins.c: pairs of the same authentihash that no stronger rule speaks about; stores its findings. */
enum lm_rc lm_twins(struct lm_detect_ctx *d) LM_MUST;

#endif
