/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_out.h"
#include "cli/cli.h"

#include <archive.h>
#include <openssl/crypto.h>
#include <seccomp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <yara.h>

int lm_cmd_version(const struct lm_cli *o)
{
	const struct scmp_version *sv = seccomp_version();
	char seccomp[32];
	snprintf(seccomp, sizeof seccomp, "%u.%u.%u", sv->major, sv->minor, sv->micro);
	const char *parts[][2] = {
		{ "limier", LM_VERSION },
		{ "openssl", OpenSSL_version(OPENSSL_VERSION_STRING) },
		{ "libarchive", archive_version_string() },
		{ "libyara", YR_VERSION },
		{ "sqlite", sqlite3_libversion() },
		{ "libseccomp", seccomp },
	};
	struct lm_buf out;
	lm_buf_init(&out, 65536);
	if (o->json || o->jsonl) {
		struct lm_jw w;
		lm_jw_init(&w, &out, o->json);
		lm_jw_obj(&w);
		for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
			lm_jw_key(&w, parts[i][0]);
			lm_jw_cstr(&w, parts[i][1]);
		}
		lm_jw_end(&w);
		if (!o->json)
			lm_buf_putc(&out, '\n');
	} else {
		for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
			lm_buf_fmt(&out, "%-10s %s\n", parts[i][0], parts[i][1]);
	}
	bool ok = lm_term_flush(&out);
	lm_buf_fini(&out);
	return ok ? LM_EXIT_OK : LM_EXIT_INTERNAL;
}
