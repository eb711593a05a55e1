/* SPDX-License-Identifier: Apache-2.0 */
/* countries.h - country names as host lists write them to ISO 3166-1 alpha-2. */
#ifndef LM_READ_COUNTRIES_H
#define LM_READ_COUNTRIES_H

#include "base/bytes.h"

/* "DE", "DEU", "Germany", "276" -> "DE" (static text). Unset when it is none of them: the text stays as it is. */
struct lm_str lm_country_code(struct lm_str s);

#endif
