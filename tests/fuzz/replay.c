/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - runs a fuzz target over seed files and folders, so that the corpus is tested without a fuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t n = 0, cap = 0;
	if (!f) {
		perror(path);
		exit(1);
	}
	for (size_t k = 1; k;) {
		if (n == cap)
			data = realloc(data, cap = cap ? cap * 2 : 65536);
		k = fread(data + n, 1, cap - n, f);
		n += k;
	}
	fclose(f);
	/* an exact copy: ASan sees a read of one byte past the end */
	uint8_t *exact = malloc(n ? n : 1);
	if (n)
		memcpy(exact, data, n);
	free(data);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	replayed++;
}

static void run(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0) {
		perror(path);
		exit(1);
	}
	if (!S_ISDIR(st.st_mode)) {
		run_file(path);
		return;
	}
	DIR *d = opendir(path);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		char sub[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
		run(sub);
	}
	if (d)
		closedir(d);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	printf("%u seeds replayed\n", replayed);
	return replayed ? 0 : 1;
}
