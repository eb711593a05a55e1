/* SPDX-License-Identifier: Apache-2.0 */
/* t_digest.c - digests against the standards' vectors and a peer; descriptors as views. */
#include "unit/test.h"

#include "base/buf.h"
#include "source/source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static void assert_hex(const uint8_t *p, size_t n, const char *want)
{
	struct lm_buf b;
	lm_buf_init(&b, 256);
	lm_buf_hex(&b, (struct lm_bytes){ p, n });
	assert_string_equal(b.p, want);
	lm_buf_fini(&b);
}

/* FIPS 180-4 examples and RFC 1321 appendix A.5. */
static void standard_vectors(void **state)
{
	(void)state;
	static const struct {
		const char *text, *sha256, *sha1, *md5;
	} rows[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		  "da39a3ee5e6b4b0d3255bfef95601890afd80709", "d41d8cd98f00b204e9800998ecf8427e" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		  "a9993e364706816aba3e25717850c26c9cd0d89d", "900150983cd24fb0d6963f7d28e17f72" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
		  "84983e441c3bd26ebaae4aa1f95129e5e54670f1", "8215ef0796a20bcaaae116d3876c664a" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct lm_hashes h;
		struct lm_bytes b = lm_str_bytes(lm_cstr(rows[i].text));
		assert_int_equal(lm_hash_bytes(b, LM_HASH_SHA256 | LM_HASH_SHA1 | LM_HASH_MD5, &h), LM_OK);
		assert_int_equal(h.have, LM_HASH_SHA256 | LM_HASH_SHA1 | LM_HASH_MD5);
		assert_hex(h.sha256, 32, rows[i].sha256);
		assert_hex(h.sha1, 20, rows[i].sha1);
		assert_hex(h.md5, 16, rows[i].md5);
	}
}

static void only_what_is_wanted(void **state)
{
	(void)state;
	static const uint8_t zero[32];
	struct lm_hashes h;
	assert_int_equal(lm_hash_bytes(lm_str_bytes(LM_STR("abc")), LM_HASH_SHA1, &h), LM_OK);
	assert_int_equal(h.have, LM_HASH_SHA1);
	assert_memory_equal(h.sha256, zero, 32);
	assert_memory_equal(h.md5, zero, 16);
	assert_int_equal(lm_hash_bytes(lm_str_bytes(LM_STR("abc")), 0, &h), LM_OK);
	assert_int_equal(h.have, 0);
}

/* One byte around every block border, and a million bytes of "a" (FIPS 180-4). */
static void blocks(void **state)
{
	(void)state;
	uint8_t *p = malloc(1000000);
	struct lm_hashes h;
	memset(p, 'a', 1000000);
	assert_int_equal(lm_hash_bytes((struct lm_bytes){ p, 1000000 }, LM_HASH_SHA256 | LM_HASH_SHA1, &h), LM_OK);
	assert_hex(h.sha256, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_hex(h.sha1, 20, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	free(p);

	for (size_t n = 65535; n <= 65537; n++) {
		char path[] = "/tmp/limier-digest-XXXXXX", command[128], got[65] = "";
		int fd = mkstemp(path);
		struct lm_map_file m;
		assert_true(fd >= 0);
		uint8_t *data = malloc(n);
		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(i * 31 + n);
		assert_int_equal(write(fd, data, n), n);
		assert_int_equal(lm_map_fd(fd, &m), LM_OK);
		assert_int_equal(m.data.n, n);
		assert_memory_equal(m.data.p, data, n);
		assert_int_equal(lm_hash_bytes(m.data, LM_HASH_SHA256, &h), LM_OK);
		snprintf(command, sizeof command, "sha256sum %s", path);
		FILE *peer = popen(command, "r");
		assert_non_null(peer);
		assert_non_null(fgets(got, sizeof got, peer));
		pclose(peer);
		assert_hex(h.sha256, 32, got);
		lm_unmap(&m);
		assert_null(m.base);
		free(data);
		close(fd);
		unlink(path);
	}
}

static void odd_descriptors(void **state)
{
	(void)state;
	struct lm_map_file m;
	int p[2], fd = memfd_create("empty", 0);
	assert_int_equal(lm_map_fd(fd, &m), LM_OK);
	assert_int_equal(m.data.n, 0);
	assert_non_null(m.data.p);
	lm_unmap(&m);
	close(fd);

	assert_int_equal(pipe(p), 0);
	assert_int_equal(lm_map_fd(p[0], &m), LM_EIO);
	close(p[0]);
	close(p[1]);
	assert_int_equal(lm_map_fd(-1, &m), LM_EIO);
	fd = open("/tmp", O_RDONLY | O_DIRECTORY);
	assert_int_equal(lm_map_fd(fd, &m), LM_EIO);
	close(fd);
	fd = open("/proc", O_RDONLY | O_DIRECTORY);
	assert_int_equal(lm_map_fd(fd, &m), LM_EIO);
	close(fd);

	/* a sealed memfd, as members come; the position of the descriptor does not matter and is kept */
	fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL), 0);
	assert_int_equal(lm_map_fd(fd, &m), LM_OK);
	assert_int_equal(m.data.n, 3);
	assert_memory_equal(m.data.p, "abc", 3);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
	lm_unmap(&m);
	close(fd);
}

/* 2 GiB of zeros in a sparse file, with far less memory of our own. The digest is sha256sum's. */
static void two_gigabytes(void **state)
{
	(void)state;
	char path[] = "/tmp/limier-sparse-XXXXXX";
	int fd = mkstemp(path);
	struct lm_map_file m;
	struct lm_hashes h;
	struct rusage before, after;
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(ftruncate(fd, (off_t)2 << 30), 0);
	getrusage(RUSAGE_SELF, &before);
	struct rlimit old;
	getrlimit(RLIMIT_DATA, &old);
#ifndef LM_SANITIZED
	struct rlimit small = { 256u << 20, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_DATA, &small), 0);
#endif
	assert_int_equal(lm_map_fd(fd, &m), LM_OK);
	assert_int_equal(m.data.n, (size_t)2 << 30);
	assert_int_equal(lm_hash_bytes(m.data, LM_HASH_SHA256, &h), LM_OK);
	assert_hex(h.sha256, 32, "a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51");
	lm_unmap(&m);
	setrlimit(RLIMIT_DATA, &old);
	getrusage(RUSAGE_SELF, &after);
	print_message("peak resident set grew by %ld KiB, pages of the file included\n",
		      after.ru_maxrss - before.ru_maxrss);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_vectors), cmocka_unit_test(only_what_is_wanted), cmocka_unit_test(blocks),
		cmocka_unit_test(odd_descriptors),  cmocka_unit_test(two_gigabytes),
	};
	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
