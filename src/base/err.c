/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

enum lm_rc lm_fail(struct lm_err *err, enum lm_rc rc, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		err->rc = rc;
		vsnprintf(err->msg, sizeof err->msg, fmt, ap);
		va_end(ap);
	}
	return rc;
}

const char *lm_rc_word(enum lm_rc rc)
{
	switch (rc) {
	case LM_OK:
		return "ok";
	case LM_END:
		return "end";
	case LM_ENOTFMT:
		return "not this format";
	case LM_ECORRUPT:
		return "corrupt";
	case LM_EIO:
		return "input/output";
	case LM_ELIMIT:
		return "limit";
	case LM_EUSAGE:
		return "usage";
	case LM_EDB:
		return "store";
	case LM_ECRYPT:
		return "encrypted";
	}
	return "unknown";
}
