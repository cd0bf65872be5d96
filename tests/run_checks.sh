#!/bin/bash
# SPDX-License-Identifier: MIT
# run_checks.sh BUILD [CTEST-OPTION...]: runs ctest in BUILD and shows one line a test, the reason of each skip and
# the output of each failure, and names at the end what failed. The last line counts test cases: `N passed, N failed,
# N skipped`.
#
# A test that ends with a line `NAME: N passed, N failed, N skipped` has counted its own cases. In any other, a line
# that begins with `passed: ` or `failed: ` is a case, `skipped: ` is one that was left out, and a test that reports
# none is one case itself.
set -eu -o pipefail
build=$1
shift

# One more at a time than there are processors: most of them wait more than they work.
ctest --test-dir "$build" -V --parallel $(($(getconf _NPROCESSORS_ONLN) + 1)) "$@" 2>&1 </dev/null | awk '
  # With -V each line of a test begins with its number, and its result is "3/7 Test #3: name ....  Passed".
  /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
    match($0, /#[0-9]+:/)
    id = substr($0, RSTART + 1, RLENGTH - 2)
    finish(id, $0 ~ /\*\*\*Skipped/, $0 !~ /   Passed|\*\*\*Skipped/)
    next
  }
  /^[0-9]+: / {
    id = $0
    sub(/:.*/, "", id)
    line = substr($0, length(id) + 3)
    output[id] = output[id] "    " line "\n"
    if (line ~ /^[a-z0-9_]+: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/) {
      split(line, count, /[:,]/)
      good[id] = count[2]
      bad[id] = count[3]
      left_out[id] = count[4]
    } else if (line ~ /^passed: /) {
      good[id]++
    } else if (line ~ /^failed: /) {
      bad[id]++
      said[id] = said[id] "  " substr(line, 9) "\n"
    } else if (line ~ /^TEST CASE:  /) {
      # doctest names a case before its failures, each time.
      if (index(said[id], line) == 0) said[id] = said[id] "  " line "\n"
    } else if (line ~ /^skipped: .*[^0-9]/) {
      left_out[id]++
      reasons[id] = reasons[id] "    " line "\n"
    }
  }

  function finish(id, skip, fail) {
    if (skip && !(left_out[id] + 0)) left_out[id] = 1
    if (fail && !(bad[id] + 0)) bad[id] = 1
    if (!skip && !fail && !(good[id] + left_out[id])) good[id] = 1
    passed += good[id]
    failed += bad[id]
    skipped += left_out[id]
    if (fail) {
      name = $0
      sub(/^[^:]*: /, "", name)
      sub(/ .*/, "", name)
      broken = broken "failed: " name "\n" said[id]
    }
    print
    printf "%s", (fail ? output[id] : reasons[id])
    fflush()
  }

  END {
    if (!(passed + failed + skipped)) {
      print "no test ran"
      failed = 1
    }
    printf "%s", broken
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit failed > 0
  }'
