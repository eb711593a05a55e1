/* SPDX-License-Identifier: Apache-2.0 */
#include "source/source.h"
