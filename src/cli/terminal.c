/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.c - the only place that knows colours, widths and how text from evidence reaches a screen.
 */
#include "base/text.h"
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool use_color;

void lm_term_init(const struct lm_cli *o)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	bool wanted = !o->color || strcmp(o->color, "auto") == 0;
	if (wanted)
		use_color = isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
	else
		use_color = strcmp(o->color, "always") == 0;
}

unsigned lm_term_width(void)
{
	struct winsize ws;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) != 0 || !ws.ws_col)
		return 100;
	return ws.ws_col < 60 ? 60 : ws.ws_col > 200 ? 200 : ws.ws_col;
}

static void ink_on(struct lm_buf *out, enum lm_ink ink)
{
	static const char *const codes[] = {
		"", "\033[1m", "\033[2m", "\033[1;31m", "\033[33m", "\033[32m", "\033[36m"
	};
	if (use_color)
		lm_buf_puts(out, codes[ink]);
}

static void ink_off(struct lm_buf *out, enum lm_ink ink)
{
	if (use_color && ink != LM_INK_PLAIN)
		lm_buf_puts(out, "\033[0m");
}

/* Columns, taken as one per code point: wide scripts may run over, which costs alignment and nothing else. */
static size_t columns(struct lm_str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static size_t cut_at(struct lm_str s, size_t max)
{
	size_t i = 0, n = 0;
	for (; i < s.n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80 && n++ == max)
			break;
	return i;
}

void lm_term_put(struct lm_buf *out, enum lm_ink ink, struct lm_str text, size_t max)
{
	struct lm_buf clean;
	lm_buf_init(&clean, 1 << 20);
	lm_put_terminal(&clean, lm_str_part(text, 0, 1 << 18));
	struct lm_str s = lm_buf_view(&clean);
	ink_on(out, ink);
	if (max > 1 && columns(s) > max) {
		lm_buf_add(out, s.p, cut_at(s, max - 1));
		lm_buf_puts(out, "…");
	} else {
		lm_buf_str(out, s);
	}
	ink_off(out, ink);
	lm_buf_fini(&clean);
}

void lm_term_fmt(struct lm_buf *out, enum lm_ink ink, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	ink_on(out, ink);
	lm_buf_puts(out, text);
	ink_off(out, ink);
}

void lm_term_wrap(struct lm_buf *out, unsigned indent, struct lm_str text)
{
	struct lm_buf clean;
	size_t width = lm_term_width(), at = 0;
	lm_buf_init(&clean, 1 << 20);
	lm_put_terminal(&clean, lm_str_part(text, 0, 1 << 18));
	struct lm_str rest = lm_buf_view(&clean), word;
	while (lm_str_split(&rest, ' ', &word)) {
		if (!word.n)
			continue;
		size_t n = columns(word);
		if (at && at + 1 + n > width) {
			lm_buf_putc(out, '\n');
			at = 0;
		}
		if (!at) {
			lm_buf_fmt(out, "%*s", (int)indent, "");
			at = indent;
		} else {
			lm_buf_putc(out, ' ');
			at++;
		}
		lm_buf_str(out, word);
		at += n;
	}
	lm_buf_putc(out, '\n');
	lm_buf_fini(&clean);
}

static char *ring(void)
{
	static char buffers[8][40];
	static unsigned next;
	return buffers[next++ % 8];
}

const char *lm_term_count(uint64_t n)
{
	char digits[24], *out = ring(), *p = out;
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = 0;
	return out;
}

const char *lm_term_bytes(uint64_t n)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB", "PB" };
	char *out = ring();
	double v = (double)n;
	unsigned u = 0;
	for (; v >= 1000 && u < 5; u++)
		v /= 1000;
	if (u == 0)
		snprintf(out, 40, "%u bytes", (unsigned)n);
	else
		snprintf(out, 40, v < 10 ? "%.2f %s" : v < 100 ? "%.1f %s" : "%.0f %s", v, units[u]);
	return out;
}

bool lm_term_flush(struct lm_buf *out)
{
	bool ok = !out->bad && fwrite(out->p ? out->p : "", 1, out->n, stdout) == out->n && fflush(stdout) == 0;
	/* whoever read our output has seen enough (head, a pager): that is no failure */
	if (!ok && !out->bad && errno == EPIPE)
		exit(LM_EXIT_OK);
	lm_buf_clear(out);
	return ok;
}

int lm_complain(int code, const char *fmt, ...)
{
	char text[2048];
	struct lm_buf clean;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	lm_progress_clear();
	lm_buf_init(&clean, 16384);
	lm_put_terminal(&clean, lm_cstr(text));
	fprintf(stderr, "limier: %s\n", clean.p ? clean.p : "");
	lm_buf_fini(&clean);
	return code;
}
