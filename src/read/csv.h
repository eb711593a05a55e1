/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv.h - rows of delimited text (RFC 4180 and what spreadsheets make of it), one at a time, without copies.
 *
 * Separator , ; tab or | found from the first line; quotes with "" inside; LF, CRLF, or CR alone where the text
 * has no LF; UTF-8 BOM skipped; UTF-16LE with BOM converted, offsets then refer to the converted text. Rows may be
 * ragged. A quote that never closes (or closes on a later line with text right behind it, which is another cell's
 * quote) spoils its own line only. Time is linear in the length of the text, whatever the quotes.
 */
#ifndef LM_READ_CSV_H
#define LM_READ_CSV_H

#include "base/arena.h"
#include "base/err.h"

enum { LM_CSV_CELLS = 256 };

struct lm_csv {
	struct lm_rd rd;
	struct lm_arena *arena;
	struct lm_arena_mark mark; /* unescaped cells live until the next row */
	char sep, eol;
	struct lm_str cell[LM_CSV_CELLS]; /* further cells of a row are dropped */
	size_t n;
	uint64_t offset, length; /* of the row, in the text that is read */
	uint64_t row;		 /* from 1, empty lines counted; a header on the first line is row 1 */
	uint64_t retries;	 /* bytes that may still be scanned twice because of quotes that never close */
};

/* Borrows `data` (or a converted copy in the arena) until done. LM_ELIMIT when the arena refuses. */
enum lm_rc lm_csv_open(struct lm_csv *c, struct lm_arena *a, struct lm_bytes data) LM_MUST;
/* LM_OK with cells (trimmed; views valid until the next call), LM_END, LM_ECORRUPT for a bad row (go on), LM_ELIMIT. */
enum lm_rc lm_csv_next(struct lm_csv *c) LM_MUST;
/* The cell, unset when the row is shorter, the index SIZE_MAX or the cell empty. */
struct lm_str lm_csv_cell(const struct lm_csv *c, size_t i);

#endif
