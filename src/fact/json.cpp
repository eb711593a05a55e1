/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.cpp - simdjson's DOM behind the C interface of json.h.
 *
 * In:  one text. Out: handles. A handle is simdjson's own element (document pointer and tape index, two words),
 *      copied in and out with memcpy: valid until the next parse, as the header says.
 * Limits: depth 128, size as the caller says. Memory is kept from text to text (about 11 times the longest one);
 *      no exception leaves this file.
 */
#include "fact/json.h"

#include <cstdlib>
#include <new>
#include <simdjson.h>
#include <type_traits>

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

static_assert(sizeof(element) <= sizeof(lm_json::h), "an element fits a handle");
static_assert(std::is_trivially_copyable<element>::value, "handles are copied as bytes");
static_assert(std::is_trivially_copyable<array::iterator>::value && std::is_trivially_copyable<object::iterator>::value,
	      "iterators are copied as bytes");
static_assert(sizeof(array::iterator) <= sizeof(lm_json_it::s) / 2 &&
		      sizeof(object::iterator) <= sizeof(lm_json_it::s) / 2,
	      "two iterators fit");

/* Deeper JSON than any log or list has; simdjson refuses it while parsing. */
static const size_t max_depth = 128;
/* Room for one log line from the start, so that the usual text never allocates. */
static const size_t least_capacity = 4096;

struct lm_json_doc {
	simdjson::dom::parser parser;
	char *padded; /* the text with simdjson's padding behind it */
	size_t padded_cap;
	size_t max_bytes;
	explicit lm_json_doc(size_t max) : parser(max), padded(nullptr), padded_cap(0), max_bytes(max)
	{
	}
	~lm_json_doc()
	{
		std::free(padded);
	}
	lm_json_doc(const lm_json_doc &) = delete;
	lm_json_doc &operator=(const lm_json_doc &) = delete;
};

extern "C" struct lm_json_doc *lm_json_new(size_t max_bytes)
{
	try {
		return new lm_json_doc(max_bytes < least_capacity ? least_capacity : max_bytes);
	} catch (...) {
		return nullptr;
	}
}

extern "C" void lm_json_free(struct lm_json_doc *d)
{
	delete d;
}

static element element_of(struct lm_json v)
{
	element e;
	std::memcpy(static_cast<void *>(&e), v.h, sizeof e);
	return e;
}

static struct lm_json value_of(element e)
{
	struct lm_json v = {};
	switch (e.type()) {
	case simdjson::dom::element_type::ARRAY:
		v.type = LM_J_ARR;
		break;
	case simdjson::dom::element_type::OBJECT:
		v.type = LM_J_OBJ;
		break;
	case simdjson::dom::element_type::INT64:
		v.type = LM_J_INT;
		break;
	case simdjson::dom::element_type::UINT64: /* simdjson uses it only above INT64_MAX */
	case simdjson::dom::element_type::DOUBLE:
		v.type = LM_J_REAL;
		break;
	case simdjson::dom::element_type::STRING:
		v.type = LM_J_STR;
		break;
	case simdjson::dom::element_type::BOOL:
		v.type = LM_J_BOOL;
		break;
	case simdjson::dom::element_type::NULL_VALUE:
		v.type = LM_J_NULL;
		break;
	}
	std::memcpy(v.h, static_cast<const void *>(&e), sizeof e);
	return v;
}

/* Memory for a text of n bytes, doubled so that slowly growing lines do not allocate each time. */
static bool make_room(struct lm_json_doc *d, size_t n)
{
	size_t want = least_capacity;
	while (want < n)
		want = want > d->max_bytes / 2 ? d->max_bytes : want * 2;
	if (d->padded_cap < want + simdjson::SIMDJSON_PADDING) {
		char *p = static_cast<char *>(std::realloc(d->padded, want + simdjson::SIMDJSON_PADDING));
		if (!p)
			return false;
		d->padded = p;
		d->padded_cap = want + simdjson::SIMDJSON_PADDING;
	}
	return (d->parser.capacity() >= n && d->parser.max_depth() == max_depth) ||
	       !d->parser.allocate(want, max_depth);
}

extern "C" enum lm_rc lm_json_parse(struct lm_json_doc *d, struct lm_bytes text, struct lm_json *root,
				    struct lm_err *err)
{
	*root = lm_json{};
	if (text.n >= 3 && std::memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = lm_bytes_part(text, 3, text.n);
	if (text.n > d->max_bytes)
		return lm_fail(err, LM_ELIMIT, "text of %zu bytes is larger than the limit of %zu", text.n,
			       d->max_bytes);
	if (!text.n)
		return lm_fail(err, LM_ECORRUPT, "no JSON found");
	try {
		if (!make_room(d, text.n))
			return lm_fail(err, LM_ELIMIT, "no memory to parse %zu bytes of JSON", text.n);
		std::memcpy(d->padded, text.p, text.n);
		std::memset(d->padded + text.n, 0, simdjson::SIMDJSON_PADDING);
		element e;
		simdjson::error_code rc = d->parser.parse(d->padded, text.n, false).get(e);
		if (rc == simdjson::MEMALLOC || rc == simdjson::CAPACITY)
			return lm_fail(err, LM_ELIMIT, "no memory to parse %zu bytes of JSON", text.n);
		if (rc)
			return lm_fail(err, LM_ECORRUPT, "%s", simdjson::error_message(rc));
		*root = value_of(e);
		return LM_OK;
	} catch (...) {
		return lm_fail(err, LM_ELIMIT, "no memory to parse %zu bytes of JSON", text.n);
	}
}

extern "C" struct lm_json lm_json_get(struct lm_json v, const char *key)
{
	object o;
	element e;
	if (v.type != LM_J_OBJ || element_of(v).get(o) || o.at_key(key).get(e))
		return lm_json{};
	return value_of(e);
}

extern "C" struct lm_str lm_json_str(struct lm_json v)
{
	std::string_view s;
	if (v.type != LM_J_STR || element_of(v).get(s))
		return lm_str{ nullptr, 0 };
	return lm_str{ s.data(), s.size() };
}

extern "C" int64_t lm_json_int(struct lm_json v, int64_t otherwise)
{
	int64_t i;
	return v.type == LM_J_INT && !element_of(v).get(i) ? i : otherwise;
}

extern "C" double lm_json_real(struct lm_json v, double otherwise)
{
	double x;
	return (v.type == LM_J_REAL || v.type == LM_J_INT) && !element_of(v).get(x) ? x : otherwise;
}

extern "C" bool lm_json_bool(struct lm_json v, bool otherwise)
{
	bool b;
	return v.type == LM_J_BOOL && !element_of(v).get(b) ? b : otherwise;
}

template <class It> static void keep(struct lm_json_it *it, const It &now, const It &end)
{
	std::memcpy(static_cast<void *>(it->s), static_cast<const void *>(&now), sizeof now);
	std::memcpy(static_cast<void *>(it->s + 2), static_cast<const void *>(&end), sizeof end);
}

template <class It> static void recall(const struct lm_json_it *it, It *now, It *end)
{
	std::memcpy(static_cast<void *>(now), static_cast<const void *>(it->s), sizeof *now);
	std::memcpy(static_cast<void *>(end), static_cast<const void *>(it->s + 2), sizeof *end);
}

extern "C" struct lm_json_it lm_json_iter(struct lm_json v)
{
	struct lm_json_it it = {};
	array a;
	object o;
	it.of = v;
	if (v.type == LM_J_ARR && !element_of(v).get(a))
		keep(&it, a.begin(), a.end());
	else if (v.type == LM_J_OBJ && !element_of(v).get(o))
		keep(&it, o.begin(), o.end());
	else
		it.of.type = LM_J_NONE;
	return it;
}

extern "C" bool lm_json_next(struct lm_json_it *it, struct lm_str *key, struct lm_json *item)
{
	if (it->of.type == LM_J_ARR) {
		array::iterator now, end;
		recall(it, &now, &end);
		if (!(now != end))
			return false;
		*item = value_of(*now);
		if (key)
			*key = lm_str{ nullptr, 0 };
		keep(it, ++now, end);
		return true;
	}
	if (it->of.type == LM_J_OBJ) {
		object::iterator now, end;
		recall(it, &now, &end);
		if (!(now != end))
			return false;
		std::string_view k = now.key();
		*item = value_of(now.value());
		if (key)
			*key = lm_str{ k.data(), k.size() };
		keep(it, ++now, end);
		return true;
	}
	return false;
}
