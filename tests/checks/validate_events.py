#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""validate_events.py SCHEMA: each line on stdin is an event of that schema; a line that is none is shown."""
import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
known = {rule["if"]["properties"]["event"]["const"] for rule in schema["allOf"]}

lines = wrong = 0
for line in sys.stdin:
    lines += 1
    try:
        event = json.loads(line)
        error = jsonschema.exceptions.best_match(validator.iter_errors(event))
        reason = error and f"{error.json_path}: {error.message}"
        if not reason and event["event"] not in known:
            reason = "the schema does not know this event"
    except ValueError as failure:
        reason = str(failure)
    if reason:
        wrong += 1
        print(f"failed: {reason}: {line.rstrip()}")
print(f"{lines} lines, {wrong} of them wrong")
sys.exit(wrong > 0 or lines == 0)
