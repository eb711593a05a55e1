/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member.c - containers: which one is it, and its members.
 *
 * In: the bytes of one content. Out: members and what could not be had, through a sink. Limits: the budgets of
 * struct lm_member_limits, in pour.c. Nesting is the caller's: a member is not looked into here, except that
 * a compressed tar is one container and not two.
 */
#include "source/source_priv.h"

#include "base/text.h"

enum container { C_NONE, C_ZIP, C_7Z, C_CAB, C_TAR, C_GZIP, C_ZSTD, C_XZ, C_BZIP2 };

struct magic {
	enum container kind;
	const char *name;
	unsigned n;
	uint8_t bytes[10];
	int score;
};

static const struct magic magics[] = {
	{ C_ZIP, "zip", 4, "PK\3\4", 90 },
	{ C_ZIP, "zip", 8, "PK\7\10PK\3\4", 90 }, /* split marker, APPNOTE 8.5.3 */
	{ C_ZIP, "zip", 8, "PK00PK\3\4", 90 },	  /* the same, 8.5.5 */
	{ C_ZIP, "zip", 4, "PK\5\6", 90 },	  /* empty */
	{ C_7Z, "7z", 6, "7z\xbc\xaf\x27\x1c", 95 },
	{ C_CAB, "cab", 8, "MSCF\0\0\0\0", 95 },
	{ C_GZIP, "gzip", 3, "\x1f\x8b\x08", 85 },
	{ C_ZSTD, "zstd", 4, "\x28\xb5\x2f\xfd", 90 },
	{ C_XZ, "xz", 6,
	  "\xfd"
	  "7zXZ\0",
	  95 },
	{ C_BZIP2, "bzip2", 10, "BZh\0\x31\x41\x59\x26\x53\x59", 95 },
	{ C_BZIP2, "bzip2", 10, "BZh\0\x17\x72\x45\x38\x50\x90", 95 }, /* empty */
};

static enum container probe(struct lm_bytes data, const char **format, int *score)
{
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
		const struct magic *m = &magics[i];
		struct lm_bytes b = lm_bytes_part(data, 0, m->n);
		if (b.n < m->n)
			continue;
		bool same = true;
		for (unsigned k = 0; k < m->n && same; k++) {
			if (m->kind == C_BZIP2 && k == 3)
				same = b.p[k] >= '1' && b.p[k] <= '9'; /* block size */
			else
				same = b.p[k] == m->bytes[k];
		}
		if (same) {
			*format = m->name;
			*score = m->score;
			return m->kind;
		}
	}
	/* skippable zstd frames, RFC 8878 3.1.2, may come first */
	struct lm_rd r = lm_rd_of(data);
	if ((lm_rd_u32le(&r) & 0xfffffff0u) == 0x184d2a50u) {
		uint32_t n = lm_rd_u32le(&r);
		lm_rd_skip(&r, n);
		if (lm_rd_u32le(&r) == 0xfd2fb528u) {
			*format = "zstd";
			*score = 85;
			return C_ZSTD;
		}
	}
	bool ustar;
	if (lm_unpack_is_tar(data, &ustar)) {
		*format = "tar";
		*score = ustar ? 90 : 60;
		return C_TAR;
	}
	*format = NULL;
	*score = 0;
	return C_NONE;
}

int lm_container_probe(struct lm_bytes data, const char **format)
{
	const char *name;
	int score;
	(void)probe(data, format ? format : &name, &score);
	return score;
}

struct lm_str lm_member_bare_name(struct lm_arena *a, struct lm_str container)
{
	static const struct {
		const char *from, *to;
	} suffix[] = {
		{ ".tgz", ".tar" },  { ".tzst", ".tar" }, { ".txz", ".tar" }, { ".tbz2", ".tar" }, { ".tbz", ".tar" },
		{ ".svgz", ".svg" }, { ".gz", "" },	  { ".zst", "" },     { ".xz", "" },	   { ".bz2", "" },
	};
	struct lm_str base = lm_path_base(container);
	for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++) {
		struct lm_str from = lm_cstr(suffix[i].from);
		if (base.n > from.n && lm_str_ends_ci(base, from)) {
			struct lm_str stem = lm_str_part(base, 0, base.n - from.n);
			return lm_arena_fmt(a, "%.*s%s", LM_STR_ARG(stem), suffix[i].to);
		}
	}
	return lm_arena_fmt(a, "%.*s", LM_STR_ARG(base));
}

void lm_source_prepare(void)
{
	lm_hash_prepare();
	lm_unpack_prepare();
}

enum lm_rc lm_members(struct lm_bytes archive, const char *const *passwords, const struct lm_member_limits *limits,
		      struct lm_member_spent *spent, const struct lm_member_sink *sink)
{
	struct lm_pour o = {
		.archive = archive, .passwords = passwords, .limits = limits, .spent = spent, .sink = sink
	};
	int score;
	enum lm_rc rc = LM_OK;
	enum container kind = probe(archive, &o.format, &score);

	if (kind == C_NONE)
		return LM_ENOTFMT;
	lm_unpack_prepare();
	lm_pour_init(&o);
	switch (kind) {
	case C_ZIP:
		rc = lm_zip_members(&o);
		break;
	case C_7Z:
		lm_unpack_members(&o, LM_UNPACK_7Z);
		break;
	case C_CAB:
		lm_unpack_members(&o, LM_UNPACK_CAB);
		break;
	case C_TAR:
		lm_unpack_members(&o, LM_UNPACK_TAR);
		break;
	case C_GZIP:
		lm_stream_members(&o, LM_STREAM_GZIP);
		break;
	case C_ZSTD:
		lm_stream_members(&o, LM_STREAM_ZSTD);
		break;
	case C_XZ:
		lm_stream_members(&o, LM_STREAM_XZ);
		break;
	default:
		lm_stream_members(&o, LM_STREAM_BZIP2);
		break;
	}
	lm_pour_fini(&o);
	return o.rc ? o.rc : rc;
}
