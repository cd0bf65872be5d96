#!/bin/bash
# SPDX-License-Identifier: MIT
# memory.sh UDPTOOL: one run of each command in valgrind, which finds what sanitizers need a build of their own for, in
# the binary that is shipped. In a namespace of its own; status 77 where that or valgrind is missing.
set -eu -o pipefail
udptool=$(realpath "$1")
export PATH=$PATH:/usr/sbin:/sbin

skip() {
  echo "skipped: $*"
  exit 77
}

if [ -z "${MEMORY_INSIDE-}" ]; then
  for program in valgrind unshare ip; do
    command -v $program >/dev/null || skip "no $program"
  done
  unshare -rn true 2>/dev/null || skip "no namespaces without root here"
  MEMORY_INSIDE=1 exec unshare -rn "$0" "$udptool"
fi

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || :; rm -rf "$work"' EXIT
ip link set lo up multicast on
failed=0

# checked NAME WORDS...: runs udptool within valgrind.
checked() {
  local log=$work/$1
  shift
  valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect --log-file="$log.valgrind" \
    "$udptool" "$@" >"$log" 2>&1
}
# tell NAME STATUS LINES: it ended well, so valgrind found nothing, and printed so many lines with a payload.
tell() {
  local lines
  lines=$(grep -cE 'hello|open' "$work/$1" || :)
  if [ "$2" = 0 ] && [ "$lines" = "$3" ]; then
    echo "passed: $1 in valgrind"
  else
    echo "failed: $1 in valgrind: status $2, $lines lines instead of $3"
    cat "$work/$1" "$work/$1.valgrind"
    failed=1
  fi
}
# until_bound PORT: somebody has it.
until_bound() {
  local end=$((SECONDS + 30))
  until grep -q "$(printf ':%04X ' "$1")" /proc/net/udp || [ $SECONDS -gt $end ]; do sleep 0.02; done
}
# finish NAME PROCESS LINES
finish() {
  local status=0
  wait "$2" || status=$?
  tell "$1" $status "$3"
}

# The sandbox would shut in valgrind as well, which needs more than udptool does.
checked listen listen --no-sandbox -v -T --echo -c 5 -W 60 127.0.0.1:5000 &
listen=$!
checked join join --no-sandbox -v -i lo -c 2 -W 60 239.1.1.1:5001 &
join=$!
until_bound 5000
until_bound 5001

status=0
checked send send -w 30 --replies 2 127.0.0.1 5000 hello 'hello again' || status=$?
tell send $status 2
status=0
checked probe probe --no-sandbox -c 3 --interval 1ms -w 30 --data hello 127.0.0.1 5000 || status=$?
tell probe $status 3
"$udptool" send -i lo 239.1.1.1 5001 hello hello
finish listen $listen 5
finish join $join 2
exit $failed
