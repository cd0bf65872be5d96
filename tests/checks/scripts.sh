#!/bin/bash
# scripts.sh: shellcheck has nothing to say about any script of ours.
set -eu
cd "$(dirname "$0")/../.."
command -v shellcheck >/dev/null || { echo "skipped: no shellcheck"; exit 77; }
find tests -name '*.sh' -exec shellcheck bootstrap .ci/run completions/udptool.bash {} +
echo "passed: the scripts have no faults"
