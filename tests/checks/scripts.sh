#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts.sh: every source names its licence, and shellcheck has nothing to say about any script of ours.
set -eu
cd "$(dirname "$0")/../.."
failed=0

nameless=$(find src tests completions man .package .github .ci bootstrap CMakeLists.txt -path tests/fuzz/corpus -prune -o -type f \
  \( -name '*.[ch]pp' -o -name '*.sh' -o -name '*.py' -o -name '*.cmake' -o -name CMakeLists.txt -o -name '*.1' \
  -o -name bootstrap -o -name run -o -name bare \) -exec grep -L '^[^ ]* SPDX-License-Identifier: MIT$' {} +)
if [ -z "$nameless" ]; then
  echo "passed: every source names its licence"
else
  echo "failed: these name no licence: $nameless"
  failed=1
fi

if ! command -v shellcheck >/dev/null; then
  echo "skipped: the scripts' faults (no shellcheck)"
elif find tests .package -name '*.sh' -exec shellcheck bootstrap .ci/run .ci/bare completions/update.sh completions/udptool.bash {} +; then
  echo "passed: the scripts have no faults"
else
  echo "failed: shellcheck finds faults"
  failed=1
fi
exit $failed
