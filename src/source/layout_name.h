/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout_name.h - names that collectors give: hosts, time stamps, drives, escapes. Private to layout.c.
 */
#ifndef LM_SOURCE_LAYOUT_NAME_H
#define LM_SOURCE_LAYOUT_NAME_H

#include "base/text.h"

/* Without the suffix of an archive (.zip, .tar.gz, .7z ...); s when it has none. */
struct lm_str lm_layout_stem(struct lm_str s);
/* Length of a time stamp at the start of s (2023-03-29T101112, 20230329_10_11_12Z, 20230329101112), else 0. */
size_t lm_layout_stamp(struct lm_str s);
/* s without a stamp and the separator beside it, at either end; *had says whether there was one. */
struct lm_str lm_layout_unstamped(struct lm_str s, bool *had);
/* Letters, digits, '-', '_', '.', at least two characters and one letter, labels up to 63; or an IPv4 address. */
bool lm_layout_is_host(struct lm_str s);
bool lm_layout_is_ipv4(struct lm_str s);
/* Words that name a place for evidence or a folder of a system, never a machine. */
bool lm_layout_is_generic(struct lm_str s);
/* Folders that collectors make below the host's own: kape, tout, triage, targets, fs. */
bool lm_layout_is_tool(struct lm_str s);
/* A name with a digit, dash or dot that is no case number. */
bool lm_layout_is_machine(struct lm_str s);
/*
 * The host in the name of a folder or archive stem: stamps and words such as kape, triage, collection are
 * taken off its ends. Unset when what is left is no host or generic. *marked: something was taken off.
 */
struct lm_str lm_layout_host(struct lm_str stem, bool *marked);
/* Folders that stand at the root of a Windows volume, of a POSIX file system. */
bool lm_layout_windows_top(struct lm_str s);
bool lm_layout_posix_top(struct lm_str s);
/* 3 of VSS3, vss003; N of HarddiskVolumeShadowCopyN, also behind a device prefix. */
bool lm_layout_is_shadow(struct lm_str s);
/* %XX undone, in the arena. Unset when it gives a NUL byte or the arena refuses. */
struct lm_str lm_layout_unescape(struct lm_arena *a, struct lm_str s);

#endif
