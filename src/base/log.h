/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - messages for the person at the terminal, through one sink that src/cli sets.
 *
 * Nothing below cli prints. Without a sink messages are dropped (tests, fuzz targets).
 */
#ifndef LM_BASE_LOG_H
#define LM_BASE_LOG_H

enum lm_log_level { LM_LOG_ERROR, LM_LOG_WARN, LM_LOG_INFO, LM_LOG_DEBUG };

typedef void lm_log_sink(enum lm_log_level level, const char *msg, void *user);

void lm_log_set(lm_log_sink *sink, void *user);
/* `msg` reaches the sink with terminal escaping left to it. */
void lm_log(enum lm_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
