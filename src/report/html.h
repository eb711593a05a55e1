/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.h - text from evidence into a page: always escaped, cut to a length, indicators defanged.
 *
 * Everything here writes markup that is well-formed both as HTML 5 and as XML, so that a page can be checked with
 * an XML parser. Input is any bytes.
 */
#ifndef LM_REPORT_HTML_H
#define LM_REPORT_HTML_H

#include "base/buf.h"
#include "base/map.h"
#include "fact/observation.h"

/*
 * Escaped for text and double-quoted attributes. Unlike lm_put_html also: line breaks and tabs become a space,
 * bidirectional and zero-width controls become visible as [U+202E], non-characters become U+FFFD.
 */
void lm_html_text(struct lm_buf *b, struct lm_str s);
/* The same, at most `max` bytes of s (cut between characters), then "... (N bytes)". */
void lm_html_cut(struct lm_buf *b, struct lm_str s, size_t max);

enum lm_defang {
	LM_DEFANG_TEXT, /* sentences: URLs, addresses, domains; names with a file's ending stay whole, paths as below */
	LM_DEFANG_PATH, /* paths: endings that are also domains (zip, com, app, sh) are files */
	LM_DEFANG_ALL,	/* indicators: file names too */
};
/*
 * lm_html_cut with addresses, domains and URLs made unclickable: hxxp[://], [.], [:] in IPv6, [@]. Names that
 * stand in `own` (lower case; may be NULL) stay whole. Hashes and version numbers have nothing to defang, but a
 * version of four numbers below 256 reads like an address and is treated as one.
 */
void lm_html_defang(struct lm_buf *b, struct lm_str s, size_t max, enum lm_defang how, const struct lm_map *own);

/* 1234567 -> 1,234,567 */
void lm_html_count(struct lm_buf *b, uint64_t v);
/* 3.2 TB, decimal units as in shops and on disks; exact below 1,000 bytes */
void lm_html_size(struct lm_buf *b, uint64_t bytes);
/* 2023-03-22 10:11 UTC without seconds; a dash when unset */
void lm_html_time(struct lm_buf *b, struct lm_int ns);
/* 2023-03-22 */
void lm_html_date(struct lm_buf *b, struct lm_int ns);

#endif
