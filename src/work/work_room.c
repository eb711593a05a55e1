/* SPDX-License-Identifier: Apache-2.0 */
#include "work/work.h"
