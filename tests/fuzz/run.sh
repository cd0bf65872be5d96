#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh BUILD SECONDS TARGET...: lets each fuzzer in BUILD run for so long, beginning with its corpus. New inputs are
# kept in BUILD for the next time; what a target finds fault with is in BUILD/findings. The last line counts targets.
set -u -o pipefail
corpora=$(dirname "$0")/corpus
build=$1
seconds=$2
shift 2
passed=0 failed=0
mkdir -p "$build/findings"

for target in "$@"; do
  mkdir -p "$build/corpus/$target"
  if "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$build/findings/$target-" "$build/corpus/$target" "$corpora/$target" \
    >"$build/$target.log" 2>&1; then
    runs=$(awk '/number_of_executed_units/ { print $2 }' "$build/$target.log")
    echo "passed: $target, $runs runs"
    passed=$((passed + 1))
  else
    tail -40 "$build/$target.log"
    echo "failed: $target (the input is in $build/findings)"
    failed=$((failed + 1))
  fi
done
echo "fuzz: $passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
