/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static lm_log_sink *the_sink;
static void *the_user;

void lm_log_set(lm_log_sink *sink, void *user)
{
	the_sink = sink;
	the_user = user;
}

void lm_log(enum lm_log_level level, const char *fmt, ...)
{
	char msg[1024];
	va_list ap;
	if (!the_sink)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	the_sink(level, msg, the_user);
}
