#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Score a report against the truth of a generated incident: recall and precision per stage, counts per country.

usage: score.py TRUTH.json REPORT.json [--min-recall R] [--min-precision P]
Exit 1 when a stage misses the marks or a country's count is not exact.
"""
import argparse
import collections
import json
import sys

a = argparse.ArgumentParser()
a.add_argument("truth")
a.add_argument("report")
a.add_argument("--stages", default="exposed,altered")
a.add_argument("--min-recall", type=float, default=1.0)
a.add_argument("--min-precision", type=float, default=0.99)
o = a.parse_args()
truth = json.load(open(o.truth))
report = json.load(open(o.report))
true_hosts = {h["host"]: h for h in truth["hosts"]}
alias = {}
for h in report["hosts"]:
    for name in [h["host"]] + [x if isinstance(x, str) else x["value"] for x in h["aliases"]]:
        alias.setdefault(name.lower(), h["host"])
found = {h["host"]: h for h in report["hosts"]}
# the report may print a host under another of its names: go through the aliases
to_report = {name: alias.get(name.lower()) for name in true_hosts}
bad = 0
missing = [n for n, r in to_report.items() if r is None]
if missing:
    print(f"{len(missing)} true hosts are not in the report, e.g. {missing[:3]}")
    bad = 1
double = [n for n, c in collections.Counter(r for r in to_report.values() if r).items() if c > 1]
if double:
    print(f"{len(double)} report hosts stand for several true hosts, e.g. {double[:3]}")
    bad = 1
from_report = {r: n for n, r in to_report.items() if r}
for stage in o.stages.split(","):
    want = {n for n, h in true_hosts.items() if stage in h["stages"]}
    got = {from_report.get(n, "?" + n) for n, h in found.items() if stage in h["stages"]}
    hit = len(want & got)
    recall = hit / len(want) if want else 1.0
    precision = hit / len(got) if got else 1.0
    print(f"{stage}: truth {len(want)}, found {len(got)}, recall {recall:.4f}, precision {precision:.4f}")
    if recall < o.min_recall or precision < o.min_precision:
        print(f"  missed {sorted(want - got)[:3]}, false {sorted(got - want)[:3]}")
        bad = 1
    per_country = collections.Counter(true_hosts[n]["country"] for n in want)
    rows = {r["country"]: r[stage] for r in report["scope"]["by_country"]}
    wrong = {c: (n, rows.get(c)) for c, n in per_country.items() if rows.get(c) != n}
    wrong.update({c: (0, n) for c, n in rows.items() if n and c not in per_country})
    if wrong:
        print(f"  countries differ (truth, report): {dict(list(wrong.items())[:4])}")
        bad = 1
sys.exit(bad)
