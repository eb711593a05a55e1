/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orgs.h - the tables of countries, organisations and user names behind the world.
 */
#ifndef RG_ORGS_H
#define RG_ORGS_H

#include "world.h"

struct rg_org_row {
	const char *name, *code, *domain, *country, *sector;
	unsigned weight, mac_weight; /* inside its country */
};

extern const struct rg_country rg_countries[RG_N_COUNTRIES];
extern const struct rg_org_row rg_org_rows[RG_N_ORGS];
extern const char *const rg_users[];
extern const size_t rg_n_users;

#endif
