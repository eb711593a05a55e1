#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Are two report folders the same report? report.json but for its run history, findings.csv byte for byte, and
report.html but for nothing. usage: same.py DIR DIR"""
import json
import sys

a, b = sys.argv[1:3]
bad = 0
docs = []
for d in (a, b):
    doc = json.load(open(d + "/report.json"))
    doc.pop("case")
    docs.append(doc)
for key in sorted(set(docs[0]) | set(docs[1])):
    if docs[0].get(key) != docs[1].get(key):
        x, y = docs[0].get(key), docs[1].get(key)
        print(f"report.json: '{key}' differs")
        if isinstance(x, list) and isinstance(y, list):
            print(f"  {len(x)} and {len(y)} entries")
            for p, q in zip(x, y):
                if p != q:
                    print("  first:", json.dumps(p)[:600])
                    print("  second:", json.dumps(q)[:600])
                    break
        else:
            print("  first:", json.dumps(x)[:600])
            print("  second:", json.dumps(y)[:600])
        bad = 1
for name in ("findings.csv", "report.html"):
    if open(f"{a}/{name}", "rb").read() != open(f"{b}/{name}", "rb").read():
        print(name, "differs")
        bad = 1
sys.exit(bad)
