/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.c - a descriptor as a view.
 *
 * In: a descriptor of a regular file or a memfd. Out: its bytes, mapped read-only and private; an empty file
 * is an empty view. Pages are read when touched and can be dropped again by the kernel, so the size of a
 * file does not count against memory.
 *
 * The size comes from lseek, not fstat: the C library makes newfstatat of the latter, which the sandbox of
 * the workers forbids because it takes paths.
 */
#include "source/source.h"

#include <sys/mman.h>
#include <unistd.h>

enum lm_rc lm_map_fd(int fd, struct lm_map_file *out)
{
	memset(out, 0, sizeof *out);
	off_t here = lseek(fd, 0, SEEK_CUR);
	if (here < 0)
		return LM_EIO; /* pipe, socket, terminal */
	off_t end = lseek(fd, 0, SEEK_END);
	if (lseek(fd, here, SEEK_SET) < 0 || end < 0)
		return LM_EIO;
	if (end == 0) {
		char nothing[1];
		/* tells a folder or a write-only descriptor (an error) from an empty file */
		if (read(fd, nothing, 0) < 0)
			return LM_EIO;
		out->data.p = (const uint8_t *)"";
		return LM_OK;
	}
	if ((uint64_t)end > SIZE_MAX)
		return LM_ELIMIT;
	void *p = mmap(NULL, (size_t)end, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return LM_EIO;
	(void)madvise(p, (size_t)end, MADV_SEQUENTIAL); /* only a hint */
	out->base = p;
	out->mapped = (size_t)end;
	out->data = (struct lm_bytes){ p, (size_t)end };
	return LM_OK;
}

void lm_unmap(struct lm_map_file *m)
{
	if (m->base)
		munmap(m->base, m->mapped);
	memset(m, 0, sizeof *m);
}
