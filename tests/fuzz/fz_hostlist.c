/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/reader_target.h"

#include "read/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_reader(&lm_reader_hostlist, LM_STR("list.csv"), data, size);
}
