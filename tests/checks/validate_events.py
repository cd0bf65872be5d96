#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""validate_events.py SCHEMA: each line on stdin is an event of that schema, and holds nothing that the schema does not
name for it; a line that is none is shown."""
import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)

# The fields of each event. The schema itself lets further ones come.
known = {}
for rule in schema["allOf"]:
    fields = known.setdefault(rule["if"]["properties"]["event"]["const"], set(schema["properties"]))
    fields.update(rule["then"].get("properties", {}))


def fault(event):
    """What is wrong with it, or None."""
    error = jsonschema.exceptions.best_match(validator.iter_errors(event))
    if error:
        return f"{error.json_path}: {error.message}"
    if event["event"] not in known:
        return "the schema does not know this event"
    unknown = set(event) - known[event["event"]]
    return f"the schema does not know {', '.join(sorted(unknown))}" if unknown else None


lines = wrong = 0
for line in sys.stdin:
    lines += 1
    try:
        reason = fault(json.loads(line))
    except ValueError as failure:
        reason = str(failure)
    if reason:
        wrong += 1
        print(f"failed: {reason}: {line.rstrip()}")
print(f"{lines} lines, {wrong} of them wrong")
sys.exit(wrong > 0 or lines == 0)
