/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c - which host a file came from and where it lay there, from the way collectors name things.
 *
 * In: the evidence path with members ("outer.zip!/inner-PC7.zip!/C/x"). Out: host, original path, whether it
 * is a shadow copy. Nothing is opened. The levels between "!/" are asked from the innermost to the outermost,
 * in each of them Velociraptor, UAC, then drive and root trees; --host-from-path comes before all of them.
 * What each form looks like and who describes it: docs/formats/layouts.md.
 *
 * Limits: 256 components; ".." or NUL below the root of the host, or an escape that makes one: no layout. A
 * weak sign (a drive letter above an unknown folder) inside an archive that itself lies on a known host does
 * not move the file to another host.
 */
#include "source/layout_name.h"
#include "source/source.h"

#define COMPS_MAX 256u
#define ORIGINAL_MAX 32768u

struct comp {
	struct lm_str s;
	unsigned level;
	bool archive; /* a container: its members follow */
};

enum root { ROOT_NONE, ROOT_DRIVE, ROOT_POSIX, ROOT_DEVICE };

/* What a finder found. */
struct fit {
	const char *name;
	struct lm_str host, device; /* device: a client id, without its prefix */
	enum root root;
	char drive;
	struct lm_str volume; /* ROOT_DEVICE: "\\?\Volume{...}" and the like */
	size_t below;	      /* first component of the path below the root */
	bool escaped;	      /* components below are %-escaped */
	bool shadow, weak;
};

struct look {
	struct lm_arena *a;
	struct comp c[COMPS_MAX];
	size_t n;
	bool absolute;
};

/* ---- components ---- */

static bool add(struct look *k, struct lm_str s, unsigned level, bool archive)
{
	if (s.n == 0 || lm_str_eq(s, LM_STR(".")))
		return true;
	if (k->n == COMPS_MAX)
		return false;
	k->c[k->n++] = (struct comp){ s, level, archive };
	return true;
}

/* A member written with backslashes alone, as some Windows packers do. */
static bool add_backslashed(struct look *k, struct lm_str s, unsigned level, bool archive)
{
	struct lm_str rest = s, part;
	while (lm_str_split(&rest, '\\', &part))
		if (!add(k, part, level, archive && !rest.p))
			return false;
	return true;
}

static bool split(struct look *k, struct lm_str chain)
{
	unsigned level = 0;
	size_t at = 0, first = 0; /* of the level */
	k->absolute = chain.n && chain.p[0] == '/';
	while (at <= chain.n) {
		size_t slash = lm_str_find(chain, '/', at), end = slash == SIZE_MAX ? chain.n : slash;
		bool archive = slash != SIZE_MAX && end > at && chain.p[end - 1] == '!';
		struct lm_str s = lm_str_part(chain, at, archive ? end - 1 : end);
		bool alone = at == first && (archive || slash == SIZE_MAX);
		bool backslashed = level > 0 && alone && lm_str_find(s, '\\', 0) != SIZE_MAX;
		if (!(backslashed ? add_backslashed(k, s, level, archive) : add(k, s, level, archive)))
			return false;
		if (slash == SIZE_MAX)
			return true;
		at = end + 1;
		if (archive) {
			level++;
			first = at;
		}
	}
	return true;
}

/* Without the suffix of an archive, where the component is one: its members follow, or it ends the path. */
static struct lm_str plain(const struct look *k, size_t i)
{
	return k->c[i].archive || i + 1 == k->n ? lm_layout_stem(k->c[i].s) : k->c[i].s;
}

/* ---- the root of a volume ---- */

/* C, C:, C$, C%3A, and the device forms \\.\C: and \\?\C:, escaped or not. *sure: more than a bare letter. */
static char drive_of(struct look *k, size_t i, bool *sure, bool *escaped)
{
	struct lm_str s = k->c[i].s;
	*sure = *escaped = false;
	if (s.n > 32 || k->c[i].archive)
		return 0;
	if (lm_str_find(s, '%', 0) != SIZE_MAX) {
		s = lm_layout_unescape(k->a, s);
		*escaped = true;
	}
	if (s.n > 4 && (lm_str_starts_ci(s, LM_STR("\\\\.\\")) || lm_str_starts_ci(s, LM_STR("\\\\?\\"))))
		s = lm_str_part(s, 4, s.n);
	if (s.n == 0 || s.n > 2)
		return 0;
	char c = s.p[0];
	if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
		return 0;
	if (s.n == 2 && s.p[1] != ':' && s.p[1] != '$')
		return 0;
	*sure = s.n == 2;
	return (char)(c >= 'a' ? c - 'a' + 'A' : c);
}

/* VSS3/C/..., VSS3/Windows/..., C/VSS3/...: steps over the shadow copy at f->below; its drive defaults to C. */
static bool shadow_root(struct look *k, size_t i, struct fit *f)
{
	bool sure, escaped;
	struct lm_str s = k->c[i].s;
	if (s.n > 200 || k->c[i].archive)
		return false;
	if (lm_str_find(s, '%', 0) != SIZE_MAX) {
		s = lm_layout_unescape(k->a, s);
		f->escaped = true;
	}
	if (!lm_layout_is_shadow(s))
		return false;
	f->shadow = true;
	f->root = ROOT_DRIVE;
	f->drive = 'C';
	f->below = i + 1;
	if (i + 1 < k->n && k->c[i + 1].level == k->c[i].level) {
		char drive = drive_of(k, i + 1, &sure, &escaped);
		if (drive) {
			f->drive = drive;
			f->below++;
		}
	}
	return true;
}

static bool volume_root(struct look *k, size_t i, struct fit *f)
{
	struct lm_str s = k->c[i].s;
	if (s.n < 9 || s.n > 200 || k->c[i].archive)
		return false;
	if (lm_str_find(s, '%', 0) != SIZE_MAX) {
		s = lm_layout_unescape(k->a, s);
		f->escaped = true;
	}
	bool device = lm_str_starts_ci(s, LM_STR("\\\\?\\")) || lm_str_starts_ci(s, LM_STR("\\\\.\\"));
	struct lm_str bare = device ? lm_str_part(s, 4, s.n) : s;
	if (!(lm_str_starts_ci(bare, LM_STR("Volume{")) && bare.p[bare.n - 1] == '}') && !(device && f->escaped))
		return false;
	f->root = ROOT_DEVICE;
	f->volume = device ? s : lm_arena_fmt(k->a, "\\\\?\\%.*s", LM_STR_ARG(s));
	f->below = i + 1;
	return f->volume.p != NULL;
}

/* The Windows forms of a root at component i. A bare letter counts only when the caller says so. */
static bool windows_root(struct look *k, size_t i, bool bare_letter, struct fit *f)
{
	bool sure, escaped;
	if (i >= k->n)
		return false;
	char drive = drive_of(k, i, &sure, &escaped);
	if (drive && (sure || bare_letter)) {
		f->root = ROOT_DRIVE;
		f->drive = drive;
		f->below = i + 1;
		f->escaped = escaped;
		struct fit vss = *f;
		if (i + 1 < k->n && k->c[i + 1].level == k->c[i].level && shadow_root(k, i + 1, &vss)) {
			vss.drive = drive;
			vss.escaped = escaped;
			*f = vss;
		}
		return true;
	}
	return shadow_root(k, i, f) || volume_root(k, i, f);
}

/* ---- Velociraptor ---- */

static bool hex_id(struct lm_str s, size_t least)
{
	if (s.n < least || s.n > 40)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || ((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'f')))
			return false;
	return true;
}

/* Collection-HOST-stamp, HOST-C.id-F.id, C.id-F.id, C.id, clients/C.id: who a collection is of. */
static bool anchor(struct look *k, size_t i, struct fit *f)
{
	struct lm_str s = plain(k, i);
	bool had;
	if (s.n > 300 || s.n < 3 || (i + 1 == k->n && s.n == k->c[i].s.n))
		return false; /* the last component is a file: only a packed collection speaks of itself */
	if (lm_str_starts_ci(s, LM_STR("Collection-"))) {
		struct lm_str host = lm_layout_unstamped(lm_str_part(s, 11, s.n), &had);
		if (!lm_layout_is_host(host))
			return false;
		f->host = host;
		return true;
	}
	/* "C.<hex>" at the start or behind "HOST-"; what follows it is "-F.<id>" or nothing */
	for (size_t at = 0; at + 3 < s.n; at++) {
		if (s.p[at] != 'C' || s.p[at + 1] != '.' || (at && s.p[at - 1] != '-'))
			continue;
		size_t end = lm_str_find(s, '-', at);
		struct lm_str id = lm_str_part(s, at, end == SIZE_MAX ? s.n : end);
		bool client = at == 0 && i > 0 && end == SIZE_MAX && lm_str_eq_ci(k->c[i - 1].s, LM_STR("clients"));
		if (!client && !hex_id(lm_str_part(id, 2, id.n), 8))
			continue;
		if (end != SIZE_MAX && !lm_str_starts_ci(lm_str_part(s, end, s.n), LM_STR("-F.")))
			continue;
		struct lm_str host = at ? lm_str_part(s, 0, at - 1) : (struct lm_str){ 0 };
		if (at && !lm_layout_is_host(host))
			continue;
		f->host = host;
		f->device = id;
		return true;
	}
	return false;
}

/* The nearest anchor at or left of component `from`, across levels. */
static bool anchor_left(struct look *k, size_t from, struct fit *f)
{
	for (size_t i = from + 1; i-- > 0;)
		if (anchor(k, i, f))
			return true;
	return false;
}

static bool accessor(struct lm_str s)
{
	static const char *const words[] = { "auto", "file", "ntfs", "mft", "lazy_ntfs", "ntfs_vss", "raw_file", NULL };
	for (const char *const *w = words; *w; w++)
		if (lm_str_eq(s, lm_cstr(*w)))
			return true;
	return false;
}

static bool velociraptor(struct look *k, size_t from, size_t to, struct fit *f)
{
	/* uploads/<accessor>/<escaped volume or first folder>/... */
	for (size_t i = from; i + 2 < to; i++) {
		if (!lm_str_eq(k->c[i].s, LM_STR("uploads")) || !accessor(k->c[i + 1].s))
			continue;
		struct fit try = { .name = "velociraptor" };
		bool marked, known = i > 0 && anchor_left(k, i - 1, &try);
		if (!known && i > 0)
			try.host = lm_layout_host(plain(k, i - 1), &marked);
		if (windows_root(k, i + 2, false, &try)) {
			try.escaped = true;
		} else if (known &&
			   (lm_str_eq(k->c[i + 1].s, LM_STR("auto")) || lm_str_eq(k->c[i + 1].s, LM_STR("file")))) {
			try.root = ROOT_POSIX;
			try.below = i + 2;
			try.escaped = true;
		} else if (!known) {
			continue; /* a folder that happens to be called uploads */
		}
		*f = try;
		return true;
	}
	/* results, logs and metadata of a collection belong to its host; so does the collection itself */
	for (size_t i = to; i-- > (from ? from - 1 : 0);) {
		struct fit try = { .name = "velociraptor" };
		if (anchor(k, i, &try)) {
			*f = try;
			return true;
		}
	}
	return false;
}

/* ---- UAC ---- */

/* uac-<hostname>-<os>-<YYYYMMDDhhmmss>, split from its end: host names hold dashes. */
static bool uac_name(struct lm_str s, struct lm_str *host)
{
	bool had;
	if (s.n > 300 || !lm_str_starts_ci(s, LM_STR("uac-")))
		return false;
	s = lm_layout_unstamped(lm_str_part(s, 4, s.n), &had);
	size_t dash = lm_str_rfind(s, '-');
	if (!had || dash == SIZE_MAX)
		return false;
	*host = lm_str_part(s, 0, dash);
	return lm_layout_is_host(*host);
}

static bool uac(struct look *k, size_t from, size_t to, struct fit *f)
{
	struct fit try = { .name = NULL };
	size_t after = to;
	for (size_t i = from ? from - 1 : 0; i < to; i++) {
		if (uac_name(plain(k, i), &try.host)) {
			try.name = "uac";
			after = i + 1;
			break;
		}
	}
	/* [root] stands for / in UAC's copy of the file system; other tools took the word over */
	for (size_t i = try.name ? after : from; i + 1 < to; i++) {
		bool marked;
		if (!lm_str_eq_ci(k->c[i].s, LM_STR("[root]")))
			continue;
		if (!try.name) {
			if (i > 0)
				try.host = lm_layout_host(plain(k, i - 1), &marked);
			try.name = try.host.n ? "tree" : "uac";
		}
		try.root = ROOT_POSIX;
		try.below = i + 1;
		break;
	}
	if (!try.name)
		return false;
	*f = try;
	return true;
}

/* ---- trees: KAPE and by hand ---- */

/*
 * The host beside a root at component i: the folder above. Behind folders that are places for evidence: one
 * with a stamp, an archive, or (behind a collector's own folder alone) a name with a digit, dash or dot, as
 * machines have them and people do not: PC7/kape/C, not bob/kape/C.
 */
static struct lm_str tree_host(struct look *k, size_t i, bool *kape)
{
	struct lm_str host = { 0 };
	bool marked = false, tool = true;
	for (size_t up = i; up-- > 0;) {
		struct lm_str s = plain(k, up);
		host = lm_layout_host(s, &marked);
		bool direct = up + 1 == i;
		if (host.n && (direct || marked || k->c[up].archive || (tool && lm_layout_is_machine(host)))) {
			*kape = *kape || marked || !direct ||
				(k->c[up].archive && lm_str_ends_ci(k->c[up].s, LM_STR(".zip")));
			return host;
		}
		if (host.n || !lm_layout_is_generic(s))
			break;
		tool = tool && lm_layout_is_tool(s);
	}
	return (struct lm_str){ 0 };
}

/* PC7_C/Windows/...: the drive is part of the folder's name. */
static bool host_and_drive(struct look *k, size_t i, size_t to, struct fit *f)
{
	struct lm_str s = k->c[i].s;
	bool marked;
	if (k->c[i].archive || s.n < 4 || s.n > 255 || i + 1 >= to || !lm_layout_windows_top(k->c[i + 1].s))
		return false;
	char c = s.p[s.n - 1], sep = s.p[s.n - 2];
	if (c < 'A' || c > 'Z' || (sep != '_' && sep != '-'))
		return false;
	*f = (struct fit){ .name = "kape", .root = ROOT_DRIVE, .drive = c, .below = i + 1 };
	f->host = lm_layout_host(lm_str_part(s, 0, s.n - 2), &marked);
	return f->host.n > 0;
}

/* One possible root at component i. */
static bool tree_at(struct look *k, size_t i, size_t to, struct fit *f)
{
	bool sure, escaped, kape = false;
	struct fit try = { .name = "tree" };
	if (host_and_drive(k, i, to, f))
		return true;
	char drive = drive_of(k, i, &sure, &escaped);
	if (drive && i + 1 >= to)
		return false; /* a file that is called "C" */
	bool lower = drive && !sure && k->c[i].s.p[0] >= 'a';
	if (windows_root(k, i, true, &try)) {
		if (try.below >= to)
			return false;
		bool top = lm_layout_windows_top(k->c[try.below].s);
		if (lower && !top)
			return false; /* src/c/main.c */
		/* VSS1 or a volume alone says little; below a drive or above Windows it is what it seems */
		if (!drive && try.shadow && !top && try.below == i + 1 &&
		    !lm_str_starts_ci(k->c[i].s, LM_STR("Harddisk")) && !escaped)
			return false;
		try.weak = !top && !sure;
		kape = try.shadow;
	} else if (lm_str_eq(k->c[i].s, LM_STR("root")) && i + 1 < to && lm_layout_posix_top(k->c[i + 1].s)) {
		try.root = ROOT_POSIX;
		try.below = i + 1;
	} else {
		return false;
	}
	try.host = tree_host(k, i, &kape);
	/* ___vssMount/vss001 and the like: the host stands above the mount */
	if (!try.host.n && try.shadow && i > 0 && lm_str_starts_ci(k->c[i - 1].s, LM_STR("___vss")))
		try.host = tree_host(k, i - 1, &kape);
	if (!try.host.n && try.weak)
		return false;
	if (kape && try.root == ROOT_DRIVE)
		try.name = "kape";
	*f = try;
	return true;
}

/*
 * The leftmost root that a Windows or POSIX top folder follows and that has a host; else the leftmost with a
 * host; else one without. Left before right: below the root of a host lie folders of any name.
 */
static bool tree(struct look *k, size_t from, size_t to, struct fit *f)
{
	struct fit best = { 0 }, try;
	int best_score = 0;
	for (size_t i = from; i < to; i++) {
		if (!tree_at(k, i, to, &try))
			continue;
		int score = 1 + (try.host.n ? 1 : 0) + (try.host.n && !try.weak ? 1 : 0);
		if (score > best_score) {
			best_score = score;
			best = try;
		}
	}
	if (!best_score)
		return false;
	*f = best;
	return true;
}

/* ---- --host-from-path ---- */

/* One component against "prefix{host}suffix": the longest host between the two globs. */
static bool match_host(struct lm_str s, struct lm_str prefix, struct lm_str suffix, struct lm_str *host)
{
	if (s.n > 255)
		return false;
	for (size_t from = 0; from < s.n; from++) {
		if (!lm_str_glob(prefix, lm_str_part(s, 0, from)))
			continue;
		for (size_t to = s.n; to > from; to--) {
			if (!lm_str_glob(suffix, lm_str_part(s, to, s.n)))
				continue;
			*host = lm_str_part(s, from, to);
			for (size_t i = 0; i < host->n; i++)
				if ((uint8_t)host->p[i] < 0x20 || host->p[i] == 0x7f || host->p[i] == '\\')
					return false;
			return !lm_str_eq(*host, LM_STR("..")) && lm_utf8_valid(*host);
		}
	}
	return false;
}

#define PATTERN_MAX 32u

struct pattern {
	struct lm_str part[PATTERN_MAX];
	size_t n, stars; /* stars: trailing "*" parts, which stand for "anything below" */
};

static bool match_part(struct look *k, size_t i, struct lm_str part, struct lm_str *host)
{
	size_t open = SIZE_MAX;
	struct lm_str s = k->c[i].s, mark = LM_STR("{host}");
	for (size_t at = 0; at + mark.n <= part.n && open == SIZE_MAX; at++)
		if (lm_str_eq(lm_str_part(part, at, at + mark.n), mark))
			open = at;
	if (open != SIZE_MAX)
		return match_host(s, lm_str_part(part, 0, open), lm_str_part(part, open + mark.n, part.n), host);
	return s.n <= 255 && lm_str_glob(part, s);
}

/* Parts [from, to) against components at i, without "**". */
static bool match_run(struct look *k, const struct pattern *p, size_t from, size_t to, size_t i, struct lm_str *host)
{
	if (to - from > k->n - i)
		return false;
	for (size_t j = from; j < to; j++)
		if (!match_part(k, i + (j - from), p->part[j], host))
			return false;
	return true;
}

/* The end of the leftmost match, or SIZE_MAX. Runs between "**" are each taken at their first place. */
static size_t match_pattern(struct look *k, const struct pattern *p, bool anchored, struct lm_str *host)
{
	size_t i = 0, from = 0;
	bool fixed = anchored;
	while (from < p->n) {
		size_t to = from;
		while (to < p->n && !lm_str_eq(p->part[to], LM_STR("**")))
			to++;
		size_t last = fixed ? i : k->n;
		while (i <= last && i <= k->n && !match_run(k, p, from, to, i, host))
			i++;
		if (i > last || i > k->n)
			return SIZE_MAX;
		i += to - from;
		from = to < p->n ? to + 1 : to;
		fixed = false;
	}
	return i;
}

static bool by_pattern(struct look *k, const char *text, struct fit *f)
{
	struct pattern p = { .n = 0 };
	struct lm_str rest = lm_cstr(text), part, host = { 0 };
	bool anchored = rest.n && rest.p[0] == '/';
	if (anchored && !k->absolute)
		return false;
	while (lm_str_split(&rest, '/', &part)) {
		if (part.n > 1 && part.p[part.n - 1] == '!')
			part.n--;
		if (part.n == 0 || lm_str_eq(part, LM_STR(".")))
			continue;
		if (p.n == PATTERN_MAX)
			return false;
		p.part[p.n++] = part;
	}
	while (p.n && (lm_str_eq(p.part[p.n - 1], LM_STR("*")) || lm_str_eq(p.part[p.n - 1], LM_STR("**")))) {
		p.n--;
		p.stars++;
	}
	size_t below = match_pattern(k, &p, anchored, &host);
	if (below == SIZE_MAX || !host.n)
		return false;
	*f = (struct fit){ .name = "pattern", .host = host };
	/* the root of the host right behind the match, or one folder further for every star */
	for (size_t i = below; i <= below + p.stars && i + 1 < k->n; i++) {
		struct fit try = { 0 };
		bool upload = lm_str_eq(k->c[i].s, LM_STR("uploads")) && accessor(k->c[i + 1].s);
		if (upload && windows_root(k, i + 2, false, &try)) {
			try.escaped = true;
		} else if (upload && i + 2 < k->n) {
			try.root = ROOT_POSIX;
			try.below = i + 2;
			try.escaped = true;
		} else if (lm_str_eq_ci(k->c[i].s, LM_STR("[root]")) ||
			   (lm_str_eq(k->c[i].s, LM_STR("root")) && lm_layout_posix_top(k->c[i + 1].s))) {
			try.root = ROOT_POSIX;
			try.below = i + 1;
		} else if (!windows_root(k, i, true, &try)) {
			continue;
		}
		try.name = f->name;
		try.host = f->host;
		*f = try;
		break;
	}
	return true;
}

/* ---- the result ---- */

/*
 * The original path: root, components below it, and behind "!/" what lies inside archives on the host. False:
 * a component says something that no path can be, so nothing here is believed.
 */
static bool original(struct look *k, const struct fit *f, struct lm_str *out)
{
	struct lm_buf b;
	bool inside = false, ok = false;
	char sep = f->root == ROOT_POSIX ? '/' : '\\';

	lm_buf_init(&b, ORIGINAL_MAX);
	if (f->root == ROOT_DRIVE)
		lm_buf_fmt(&b, "%c:", f->drive);
	else if (f->root == ROOT_DEVICE)
		lm_buf_str(&b, f->volume);
	for (size_t i = f->below; i < k->n; i++) {
		struct lm_str s = k->c[i].s;
		if (f->escaped && !inside) {
			s = lm_layout_unescape(k->a, s);
			if (!s.p || lm_str_find(s, '/', 0) != SIZE_MAX)
				goto done;
		}
		if (lm_str_eq(s, LM_STR("..")) || (!inside && sep == '\\' && lm_str_find(s, sep, 0) != SIZE_MAX))
			goto done;
		if (!(inside && k->c[i - 1].archive))
			lm_buf_putc(&b, inside ? '/' : sep);
		lm_buf_str(&b, s);
		if (k->c[i].archive && i + 1 < k->n) {
			lm_buf_puts(&b, "!/");
			inside = true;
		}
	}
	ok = true;
	if (!b.bad && f->below < k->n)
		*out = lm_arena_str(k->a, lm_buf_view(&b));
done:
	lm_buf_fini(&b);
	return ok;
}

/* The level of every component is asked from the innermost outwards. */
static bool find(struct look *k, struct fit *best)
{
	size_t to = k->n;
	bool have = false;
	while (to > 0) {
		size_t from = to;
		while (from > 0 && k->c[from - 1].level == k->c[to - 1].level)
			from--;
		struct fit f = { 0 };
		if (velociraptor(k, from, to, &f) || uac(k, from, to, &f) || tree(k, from, to, &f)) {
			bool hosted = f.host.n || f.device.n;
			if (!have) {
				*best = f;
				have = true;
			} else if (best->weak && f.root && hosted) {
				*best = f; /* the archive lies on a host that is known: its content stays there */
			} else if (!best->host.n && !best->device.n && hosted) {
				/* inside: where it lay; outside: on which host */
				if (!best->root) {
					*best = f;
				} else {
					best->host = f.host;
					best->device = f.device;
				}
			}
			if (hosted && !best->weak)
				return true;
		}
		to = from;
	}
	return have;
}

static void layout_of_whole(struct lm_arena *a, struct lm_str chain, const char *pattern, struct lm_layout *out)
{
	struct look k = { .a = a, .n = 0 };
	struct fit f = { 0 };
	struct lm_layout l = { 0 };

	memset(out, 0, sizeof *out);
	if (chain.n == 0 || lm_str_find(chain, 0, 0) != SIZE_MAX || !split(&k, chain))
		return;
	if (!(pattern && *pattern && by_pattern(&k, pattern, &f)) && !find(&k, &f))
		return;
	if (f.root && (!original(&k, &f, &l.original) || (l.original.n && !l.original.p)))
		return;
	l.name = f.name;
	l.shadow_copy = f.shadow;
	if (f.host.n) {
		if (lm_layout_is_ipv4(f.host))
			l.host.address = lm_arena_str(a, f.host);
		else
			l.host.name = lm_arena_str(a, f.host);
		if (!l.host.name.p && !l.host.address.p)
			return;
	}
	if (f.device.n) {
		l.host.device = lm_arena_fmt(a, "collection:%.*s", LM_STR_ARG(f.device));
		if (!l.host.device.p)
			return;
	}
	if (lm_ident_is_set(&l.host))
		l.host.source = LM_ID_LAYOUT;
	else if (!l.original.p)
		return;
	*out = l;
}

/*
 * An archive that lay on a host's own disk stays that host's, whatever its name and members say: a file called
 * Collection-OTHER.zip in somebody's downloads is no collection of OTHER.
 */
static bool of_container(struct lm_arena *a, struct lm_str chain, const char *pattern, struct lm_layout *out)
{
	size_t at = lm_bytes_find(lm_str_bytes(chain), lm_str_bytes(LM_STR("!/")));
	for (unsigned depth = 0; at != SIZE_MAX && depth < 16; depth++) {
		struct lm_str rest = lm_str_part(chain, at, chain.n);
		layout_of_whole(a, lm_str_part(chain, 0, at), pattern, out);
		if (lm_ident_is_set(&out->host) && out->original.p) {
			struct lm_str original =
				lm_arena_fmt(a, "%.*s%.*s", LM_STR_ARG(out->original), LM_STR_ARG(rest));
			out->original = original;
			return original.p != NULL;
		}
		size_t next = lm_bytes_find(lm_str_bytes(lm_str_part(rest, 2, rest.n)), lm_str_bytes(LM_STR("!/")));
		at = next == SIZE_MAX ? SIZE_MAX : at + 2 + next;
	}
	memset(out, 0, sizeof *out);
	return false;
}

void lm_layout_of(struct lm_arena *a, struct lm_str chain, const char *pattern, struct lm_layout *out)
{
	if (!of_container(a, chain, pattern, out))
		layout_of_whole(a, chain, pattern, out);
}
