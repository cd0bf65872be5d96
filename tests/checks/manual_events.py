#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""manual_events.py: the manual page names every event of the schema with every field, and no other."""
import json
import os
import re
import sys

os.chdir(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../man"))
with open("udptool-events.schema.json", encoding="utf-8") as file:
    schema = json.load(file)
with open("udptool.1", encoding="utf-8") as file:
    page = file.read()

wanted = {}
for rule in schema["allOf"]:
    name = rule["if"]["properties"]["event"]["const"]
    wanted.setdefault(name, set()).update(rule["then"].get("properties", {}))

# The items of the list behind that sentence: their names, and the words that are variables.
found = {}
section = re.search(r"^Each object names its event.*?^\.El$", page, re.MULTILINE | re.DOTALL)
for item in section[0].split("\n.It Li ")[1:]:
    names, text = item.split("\n", 1)
    fields = set()
    for macro in re.findall(r"\.?\bVa ((?:[a-z0-9_]+ ?,? ?)+)", text):
        fields.update(re.findall(r"[a-z0-9_]+", macro))
    for name in re.findall("[a-z_]+", names):
        found[name] = fields

failed = 0
for name in sorted(wanted.keys() | found.keys()):
    lacking = wanted.get(name, set()) - found.get(name, set())
    extra = found.get(name, set()) - wanted.get(name, set())
    if lacking or extra or name not in wanted or name not in found:
        print(f"failed: event {name}: the manual page lacks {sorted(lacking)}, and the schema {sorted(extra)}")
        failed = 1
    else:
        print(f"passed: event {name} in the manual page")
sys.exit(failed)
