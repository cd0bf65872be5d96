#!/bin/bash
# SPDX-License-Identifier: MIT
# hardening.sh UDPTOOL: a Release binary is position independent, has its relocations read-only and bound at start,
# guards its stack and its libc calls, and has no executable stack.
set -eu -o pipefail
binary=$1
failed=0
command -v readelf >/dev/null || { echo "skipped: no readelf"; exit 77; }

# has NAME READELF-OPTION PATTERN
has() {
  if readelf -W "$2" "$binary" | grep -E "$3" >/dev/null; then
    echo "passed: $1"
  else
    echo "failed: $1"
    failed=1
  fi
}

has 'position independent' -h 'Type:.*DYN \(Position-Independent Executable'
has 'read-only relocations' -l 'GNU_RELRO'
has 'bound at start' -d 'FLAGS.*(BIND_NOW|NOW)'
has 'stack protector' --dyn-syms '__stack_chk_fail'
has 'fortified libc calls' --dyn-syms '__[a-z]+_chk(@|$)'
has 'no executable stack' -l 'GNU_STACK.* RW +0x'
exit $failed
