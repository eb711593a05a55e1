/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.c - one line that tells how far a run is: share, bytes left, time left, what is read now.
 */
#include "base/text.h"
#include "base/timestamp.h"
#include "cli/cli.h"

#include <stdio.h>
#include <unistd.h>

static int64_t started_ns, printed_ns;
static bool shown;

void lm_progress_clear(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}

void lm_progress(uint64_t done, uint64_t total, struct lm_str current)
{
	int64_t now = lm_time_now();
	if (!started_ns)
		started_ns = now;
	/* a run of a second needs no progress; ten lines a second are enough for any eye */
	if (!isatty(STDERR_FILENO) || now - started_ns < LM_NS_PER_S || now - printed_ns < LM_NS_PER_S / 10)
		return;
	printed_ns = now;
	double share = total ? (double)done / (double)total : 1, elapsed = (double)(now - started_ns) / 1e9;
	struct lm_buf name;
	lm_buf_init(&name, 4096);
	lm_put_terminal(&name, lm_str_part(lm_path_base(current), 0, 48));
	fprintf(stderr, "\r\033[K%3.0f %%  %s of %s, %s left", share * 100, lm_term_bytes(done), lm_term_bytes(total),
		lm_term_bytes(total > done ? total - done : 0));
	if (share > 0.02)
		fprintf(stderr, ", about %.0f s", elapsed / share - elapsed);
	fprintf(stderr, "  %s", name.p ? name.p : "");
	fflush(stderr);
	lm_buf_fini(&name);
	shown = true;
}
