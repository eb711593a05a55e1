/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit.c - a unit on its way from the parent to a worker, over the worker's own socket.
 *
 * Layout, little-endian: u32 length of what follows | u32 parts | per part: role u8, hashes u8, depth u32, modified,
 * spent (2 x u64), path, below, forced reader. The descriptors travel beside the first byte, one a part.
 * The parent is trusted by the worker; it is read with the cursor all the same.
 */
#include "work/work_int.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void put_str(struct lm_buf *b, struct lm_str s)
{
	lm_buf_u32le(b, s.p ? (uint32_t)s.n : UINT32_MAX);
	if (s.p)
		lm_buf_str(b, s);
}

static struct lm_str get_str(struct lm_rd *r)
{
	uint32_t n = lm_rd_u32le(r);
	if (r->bad || n == UINT32_MAX)
		return (struct lm_str){ 0 };
	struct lm_bytes b = lm_rd_take(r, n);
	return r->bad ? (struct lm_str){ 0 } : lm_bytes_str(b);
}

static void encode(struct lm_buf *b, const struct lm_unit *u)
{
	lm_buf_u32le(b, 0);
	lm_buf_u32le(b, u->n);
	for (unsigned i = 0; i < u->n; i++) {
		const struct lm_part *p = u->part[i];
		lm_buf_u8(b, (uint8_t)p->job->file.role);
		lm_buf_u8(b, (uint8_t)p->job->file.hashes);
		lm_buf_u32le(b, p->depth);
		lm_buf_u8(b, p->modified.set);
		lm_buf_u64le(b, (uint64_t)p->modified.v);
		lm_buf_u64le(b, p->base.bytes);
		lm_buf_u64le(b, p->base.members);
		put_str(b, p->path);
		put_str(b, p->below);
		put_str(b, lm_cstr(p->job->file.reader));
	}
	uint32_t n = (uint32_t)(b->n - 4);
	for (unsigned i = 0; !b->bad && i < 4; i++)
		b->p[i] = (char)(n >> 8 * i);
}

enum lm_rc lm_unit_send(int sock, struct lm_unit *u)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(LM_UNIT_FILES * sizeof(int))];
	} control;
	struct lm_buf b;
	enum lm_rc rc = LM_EIO;
	for (unsigned i = 0; i < u->n; i++)
		u->part[i]->base = u->part[i]->job->spent;
	lm_buf_init(&b, LM_UNIT_WIRE_MAX);
	encode(&b, u);
	if (b.bad)
		goto done;
	memset(&control, 0, sizeof control);
	for (size_t at = 0; at < b.n;) {
		struct iovec v = { b.p + at, b.n - at };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
		if (at == 0) {
			int fds[LM_UNIT_FILES];
			for (unsigned i = 0; i < u->n; i++)
				fds[i] = u->part[i]->fd;
			m.msg_control = control.bytes;
			m.msg_controllen = CMSG_SPACE(u->n * sizeof(int));
			struct cmsghdr *h = CMSG_FIRSTHDR(&m);
			h->cmsg_level = SOL_SOCKET;
			h->cmsg_type = SCM_RIGHTS;
			h->cmsg_len = CMSG_LEN(u->n * sizeof(int));
			memcpy(CMSG_DATA(h), fds, u->n * sizeof(int));
		}
		ssize_t n = sendmsg(sock, &m, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			goto done;
		at += (size_t)n;
	}
	rc = LM_OK;
done:
	lm_buf_fini(&b);
	return rc;
}

/* Reads into *b until it holds `want` bytes; descriptors beside them go to fds[]. */
static enum lm_rc read_some(int sock, struct lm_buf *b, size_t want, int *fds, unsigned *n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(LM_UNIT_FILES * sizeof(int))];
	} control;
	char chunk[8192];
	while (b->n < want) {
		size_t left = want - b->n;
		struct iovec v = { chunk, left < sizeof chunk ? left : sizeof chunk };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof control.bytes;
		ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 && b->n == 0 ? LM_END : LM_EIO;
		for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
			if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
				continue;
			size_t k = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			for (size_t i = 0; i < k && *n_fds < LM_UNIT_FILES; i++)
				memcpy(&fds[(*n_fds)++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
		}
		lm_buf_add(b, chunk, (size_t)n);
		if (b->bad)
			return LM_EIO;
	}
	return LM_OK;
}

enum lm_rc lm_unit_recv(int sock, struct lm_buf *message, struct lm_unit_file *files, int *fds, unsigned *n)
{
	unsigned n_fds = 0;
	*n = 0;
	lm_buf_init(message, LM_UNIT_WIRE_MAX);
	enum lm_rc rc = read_some(sock, message, 4, fds, &n_fds);
	if (rc != LM_OK)
		return rc;
	struct lm_rd head = lm_rd_of(lm_str_bytes(lm_buf_view(message)));
	size_t length = lm_rd_u32le(&head);
	rc = read_some(sock, message, 4 + length, fds, &n_fds);
	if (rc != LM_OK)
		return rc;
	struct lm_rd r = lm_rd_of(lm_str_bytes(lm_buf_view(message)));
	lm_rd_skip(&r, 4);
	uint32_t count = lm_rd_u32le(&r);
	if (count > LM_UNIT_FILES || count != n_fds)
		return LM_EIO;
	for (uint32_t i = 0; i < count; i++) {
		struct lm_unit_file *f = &files[i];
		f->role = (enum lm_role)lm_rd_u8(&r);
		f->hashes = lm_rd_u8(&r);
		f->depth = lm_rd_u32le(&r);
		f->modified.set = lm_rd_u8(&r) != 0;
		f->modified.v = (int64_t)lm_rd_u64le(&r);
		f->spent.bytes = lm_rd_u64le(&r);
		f->spent.members = lm_rd_u64le(&r);
		f->path = get_str(&r);
		f->below = get_str(&r);
		f->reader = get_str(&r);
	}
	*n = count;
	return r.bad ? LM_EIO : LM_OK;
}
