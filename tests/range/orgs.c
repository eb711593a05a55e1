/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orgs.c - invented organisations, one row each: they sum to 41 in 12 countries and 8 sectors.
 */
#include "orgs.h"

const struct rg_country rg_countries[RG_N_COUNTRIES] = {
	{ "BR", "Brazil", 412, 0, 0 }, { "DE", "Germany", 371, 0, 0 },	      { "IT", "Italy", 335, 0, 0 },
	{ "FR", "France", 301, 0, 0 }, { "GB", "United Kingdom", 208, 0, 0 }, { "US", "United States", 187, 0, 0 },
	{ "ES", "Spain", 162, 0, 0 },  { "NL", "Netherlands", 139, 0, 0 },    { "PL", "Poland", 118, 0, 0 },
	{ "CA", "Canada", 97, 0, 0 },  { "AU", "Australia", 82, 0, 0 },	      { "JP", "Japan", 69, 0, 0 },
};

#define HC "Healthcare"
#define FIN "Finance"
#define MAN "Manufacturing"
#define RET "Retail"
#define HOS "Hospitality"
#define LOG "Logistics"
#define PUB "Public administration"
#define PRO "Professional services"

const struct rg_org_row rg_org_rows[RG_N_ORGS] = {
	{ "Hospital Ararigua", "ARA", "ararigua-saude.example", "BR", HC, 9, 1 },
	{ "Banco Jurupema", "JUR", "jurupema.example", "BR", FIN, 11, 3 },
	{ "Logística Taquarim", "TAQ", "taquarim-log.example", "BR", LOG, 7, 0 },
	{ "Varejo Ipecaba", "IPE", "ipecaba.example", "BR", RET, 6, 1 },
	{ "Metalúrgica Cambuíra", "CAM", "cambuira.example", "BR", MAN, 5, 0 },
	{ "Pousadas São Lirial", "LIR", "saolirial.example", "BR", HOS, 3, 2 },
	{ "Werkzeugbau Hollerfeld", "HOL", "hollerfeld.example", "DE", MAN, 12, 2 },
	{ "Klinikum Ostermarkt", "OST", "klinikum-ostermarkt.example", "DE", HC, 8, 1 },
	{ "Spedition Krannichs", "KRA", "krannichs.example", "DE", LOG, 6, 0 },
	{ "Sparverein Lindowen", "LIN", "sparverein-lindowen.example", "DE", FIN, 5, 2 },
	{ "Stadtverwaltung Ebersroden", "EBE", "ebersroden.example", "DE", PUB, 4, 0 },
	{ "Officine Valmarenga", "VAL", "valmarenga.example", "IT", MAN, 10, 1 },
	{ "Alberghi Pontesolo", "PON", "pontesolo.example", "IT", HOS, 7, 2 },
	{ "Banca Tremirola", "TRE", "tremirola.example", "IT", FIN, 6, 1 },
	{ "Ospedale Montelagno", "MON", "montelagno.example", "IT", HC, 5, 0 },
	{ "Studio Carvellini", "CAR", "carvellini.example", "IT", PRO, 3, 4 },
	{ "Groupe Vallornes", "VLL", "vallornes.example", "FR", RET, 10, 2 },
	{ "Clinique Saint-Orvalle", "ORV", "saint-orvalle.example", "FR", HC, 7, 1 },
	{ "Transports Merlaquin", "MER", "merlaquin.example", "FR", LOG, 5, 0 },
	{ "Mairie de Courbellec", "COU", "courbellec.example", "FR", PUB, 4, 1 },
	{ "Hartwicke, Lowe & Partners", "HAR", "hartwickelowe.example", "GB", PRO, 8, 5 },
	{ "Pennmoore Hotels", "PEN", "pennmoore.example", "GB", HOS, 6, 1 },
	{ "Caldermoss Finance", "CAL", "caldermoss.example", "GB", FIN, 5, 1 },
	{ "Thornvale District Council", "THO", "thornvale.example", "GB", PUB, 3, 0 },
	{ "Redmesa Clinics", "RED", "redmesa.example", "US", HC, 8, 1 },
	{ "Ridgeharrow Foods", "RID", "ridgeharrow.example", "US", RET, 6, 1 },
	{ "Tallgrassway Freight", "TAL", "tallgrassway.example", "US", LOG, 5, 0 },
	{ "Pinequay Legal", "PIN", "pinequay.example", "US", PRO, 3, 5 },
	{ "Hoteles Marabera", "MAR", "marabera.example", "ES", HOS, 8, 1 },
	{ "Ferretería Olmedales", "OLM", "olmedales.example", "ES", RET, 6, 1 },
	{ "Gestoría Valdorrana", "VDR", "valdorrana.example", "ES", PRO, 3, 2 },
	{ "Havenbedrijf Zuidwaarde", "ZUI", "zuidwaarde.example", "NL", LOG, 8, 1 },
	{ "Kliniek Duinroden", "DUI", "duinroden.example", "NL", HC, 5, 1 },
	{ "Bakkerij Oosterveense", "OOS", "oosterveense.example", "NL", RET, 4, 0 },
	{ "Huta Brzezanica", "BRZ", "brzezanica.example", "PL", MAN, 8, 0 },
	{ "Hurtownia Lesnicka", "LES", "lesnicka.example", "PL", RET, 5, 1 },
	{ "Sprucegate Mutual", "SPR", "sprucegate.example", "CA", FIN, 7, 2 },
	{ "Lac-Doré Lodges", "LAC", "lacdore.example", "CA", HOS, 4, 1 },
	{ "Wattleburn Mining", "WAT", "wattleburn.example", "AU", MAN, 7, 1 },
	{ "Coorabelle Shire", "COO", "coorabelle.example", "AU", PUB, 4, 0 },
	{ "Minazuki Seikou", "MIN", "minazuki.example", "JP", MAN, 5, 1 },
};

const char *const rg_users[] = {
	"a.almeida", "b.brandt", "c.conti",   "d.durand",  "e.evans",	 "f.farkas",   "g.garza",  "h.huber",
	"i.ivers",   "j.jansen", "k.kowal",   "l.lopes",   "m.moreau",	 "n.nilsen",   "o.ortega", "p.pires",
	"q.quint",   "r.rossi",	 "s.sato",    "t.tanaka",  "u.ulrich",	 "v.vidal",    "w.weber",  "x.xavier",
	"y.young",   "z.zieler", "ana.costa", "ben.adler", "carla.neri", "dino.fabre", "eva.lind", "finn.okada",
};
const size_t rg_n_users = sizeof rg_users / sizeof *rg_users;
