#!/bin/bash
# SPDX-License-Identifier: MIT
# prometheus.sh: the rules are rules, and tell of a host that loses, is slow, is down, or is not measured any more.
set -eu
cd "$(dirname "$0")"
command -v promtool >/dev/null || { echo "skipped: no promtool (prometheus)"; exit 77; }
promtool check rules ../../.package/prometheus/udptool.rules.yml
promtool test rules rules_test.yml
echo "passed: the rules tell what they are to tell"
