/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv.h - rows of delimited text (RFC 4180 and what spreadsheets make of it), one at a time, without copies.
 *
 * Separator , ; tab or | found from the header line (or told by Excel's "sep=;"); quotes with "" inside; LF, CRLF
 * or CR; UTF-8 BOM skipped; UTF-16LE with BOM converted window by window. Comment lines before the header
 * ("#TYPE ...", "# ...") are skipped. A quote that does not close within LM_CSV_ROW_MAX spoils its line only.
 * Rows may be ragged.
 */
#ifndef LM_READ_CSV_H
#define LM_READ_CSV_H

#include "base/arena.h"
#include "base/err.h"

enum {
	LM_CSV_CELLS = 256,
	LM_CSV_ROW_MAX = 256 << 10, /* bytes of UTF-8; a longer line is no row of any list */
};

struct lm_csv {
	struct lm_bytes raw; /* the content behind its BOM */
	uint64_t raw_from;   /* length of the BOM */
	bool utf16;
	struct lm_rd rd;      /* over the text: raw itself, or the converted window */
	uint64_t window_end;  /* UTF-16: raw offset behind the window */
	uint64_t raw_pos;     /* offset in the content of what rd reads next */
	uint64_t one_line_to; /* quotes do not span lines before this offset: an attempt to close one failed */
	bool in_long_line;    /* UTF-16: the rest of a line that is too long */
	struct lm_arena *arena;
	struct lm_arena_mark window_mark, mark; /* before the window; before the cells of a row */
	char sep, line_end;
	struct lm_str cell[LM_CSV_CELLS]; /* further cells of a row are dropped */
	size_t n;
	uint64_t offset, length; /* of the row, in bytes of the content */
	uint64_t row;		 /* from 1, counting rows with text; the header is row 1 */
};

/* Borrows `data` until done; memory from `a`, nothing of which may be freed by others meanwhile. LM_ELIMIT. */
enum lm_rc lm_csv_open(struct lm_csv *c, struct lm_arena *a, struct lm_bytes data) LM_MUST;
/* LM_OK with cells (trimmed; views valid until the next call), LM_END, LM_ECORRUPT for a bad row (go on), LM_ELIMIT. */
enum lm_rc lm_csv_next(struct lm_csv *c) LM_MUST;
/* The cell, unset when the row is shorter, the index SIZE_MAX or the cell empty. */
struct lm_str lm_csv_cell(const struct lm_csv *c, size_t i);

#endif
