/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observation.h - one fact that a reader states about evidence.
 *
 * Structs and descriptors come from observations.def. All text and bytes in an observation are views: who
 * fills it owns the memory (a reader's arena, a frame, a store row) and says how long it lives.
 */
#ifndef LM_FACT_OBSERVATION_H
#define LM_FACT_OBSERVATION_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/json_out.h"

struct lm_int {
	int64_t v;
	bool set;
};

struct lm_real {
	double v;
	bool set;
};

#define LM_INT(x) ((struct lm_int){ (int64_t)(x), true })
#define LM_REAL(x) ((struct lm_real){ (x), true })

enum lm_field_type { LM_F_STR, LM_F_INT, LM_F_TIME, LM_F_BOOL, LM_F_REAL, LM_F_BYTES };

/* C type of each field type; INT, TIME and BOOL share one. */
#define LM_CTYPE_STR struct lm_str
#define LM_CTYPE_INT struct lm_int
#define LM_CTYPE_TIME struct lm_int
#define LM_CTYPE_BOOL struct lm_int
#define LM_CTYPE_REAL struct lm_real
#define LM_CTYPE_BYTES struct lm_bytes

#define LM_KIND(id, name, doc) struct lm_obs_##id {
#define LM_FIELD(id, type, name, unit, doc) LM_CTYPE_##type name;
#define LM_KIND_END(id) \
	}               \
	;
#include "fact/observations.def"
#undef LM_KIND
#undef LM_FIELD
#undef LM_KIND_END

enum lm_kind {
	LM_KIND_NONE,
#define LM_KIND(id, name, doc) LM_K_##id,
#define LM_FIELD(id, type, name, unit, doc)
#define LM_KIND_END(id)
#include "fact/observations.def"
#undef LM_KIND
#undef LM_FIELD
#undef LM_KIND_END
	LM_KIND_COUNT
};

/* Where an identity comes from, strongest first (DESIGN: who, what, when). */
enum lm_ident_source {
	LM_ID_NONE,
	LM_ID_HOST_LIST,
	LM_ID_LAYOUT, /* collection layout or a collector's own file */
	LM_ID_EVENT,  /* computer name in an event, with its own addresses */
	LM_ID_INVENTORY,
	LM_ID_DHCP,
	LM_ID_DNS,
	LM_ID_ADDRESS, /* an address alone */
};

/* A machine as evidence names it; never resolved here. All unset for facts about content alone. */
struct lm_ident {
	struct lm_str name;    /* NetBIOS or FQDN, as seen */
	struct lm_str address; /* textual IPv4 or IPv6 */
	struct lm_str device;  /* machine GUID, agent id, collection id */
	enum lm_ident_source source;
};

static inline bool lm_ident_is_set(const struct lm_ident *i)
{
	return i->name.n || i->address.n || i->device.n;
}

/* Where in its content an observation stands. */
struct lm_span {
	uint64_t offset, length; /* bytes; length 0 = unknown */
	struct lm_int record;	 /* record number, where the format has one */
};

struct lm_obs {
	enum lm_kind kind;
	struct lm_ident host;
	struct lm_int time; /* ns UTC */
	bool time_assumed;  /* the source gave no zone */
	struct lm_span at;
	union {
#define LM_KIND(id, name, doc) struct lm_obs_##id id;
#define LM_FIELD(id, type, name, unit, doc)
#define LM_KIND_END(id)
#include "fact/observations.def"
#undef LM_KIND
#undef LM_FIELD
#undef LM_KIND_END
	};
};

struct lm_field_desc {
	const char *name;
	enum lm_field_type type;
	size_t offset; /* in struct lm_obs */
	const char *unit, *doc;
};

struct lm_kind_desc {
	const char *id;	  /* file_sighting: table and C name */
	const char *name; /* file.sighting: printed name */
	const char *doc;
	const struct lm_field_desc *fields;
	unsigned n_fields;
};

/* NULL for LM_KIND_NONE and numbers outside the list. */
const struct lm_kind_desc *lm_kind_desc(enum lm_kind kind);
/* By printed name ("file.sighting") or id; LM_KIND_NONE when unknown. */
enum lm_kind lm_kind_find(struct lm_str name);
/* The field named so, or NULL. */
const struct lm_field_desc *lm_kind_field(enum lm_kind kind, const char *name);
const char *lm_field_type_name(enum lm_field_type t);

/* Everything unset. */
static inline void lm_obs_init(struct lm_obs *o, enum lm_kind kind)
{
	memset(o, 0, sizeof *o);
	o->kind = kind;
}

/* Access to a field through its descriptor; the caller knows the type. */
static inline const void *lm_obs_field(const struct lm_obs *o, const struct lm_field_desc *f)
{
	return (const char *)o + f->offset;
}

/*
 * Canonical bytes of an observation: kind, identity as seen, time and fields, but neither position nor
 * evidence. Two readings of the same fact give the same bytes; the store names observations by their
 * digest, which is what makes every run idempotent. Appends to `out`.
 */
void lm_obs_canonical(const struct lm_obs *o, struct lm_buf *out);

/* The observation as one JSON object (kind, host as seen, time, offset, fields), as `events` prints it. */
void lm_obs_json(const struct lm_obs *o, struct lm_jw *w);

/* Deep copy of all views into the arena; false when its budget refused. */
bool lm_obs_copy(struct lm_arena *a, const struct lm_obs *from, struct lm_obs *to);

#endif
