#!/bin/bash
# SPDX-License-Identifier: MIT
# demo.sh UDPTOOL: shows a listener that receives datagrams from two sockets, as text and as JSON, a group joined on
# the loopback, and what a probe says of a port that answers and of one that is closed. Its status is 0 only if all of
# it came out as it has to.
set -eu
udptool=$1

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || :; rm -rf "$work"' EXIT
mkfifo "$work/pipe"

fail() {
  echo "demo: $*" >&2
  exit 1
}

# say COMMAND-LINE: as a person would have typed it. show COMMAND-LINE: says it and does it.
say() { printf '\n$ %s\n' "$*"; }
show() {
  say udptool "$@"
  "$udptool" "$@"
}

# expect COUNT PATTERN: so many lines of what was received match.
expect() {
  [ "$(grep -c -E -e "$2" "$work/received")" -eq "$1" ] || fail "expected $1 of: $2"
}

# receive COMMAND [OPTION...]: starts it, and sets port to the one that its first notice names.
receive() {
  say udptool "$@"
  "$udptool" "$@" >"$work/pipe" 2>&1 &
  receiver=$!
  exec 3<"$work/pipe"
  # Port 0 is any free port; the first thing that is said is which one it took.
  read -r notice <&3 || fail "nothing was received"
  echo "$notice"
  [[ $notice =~ ([0-9]+)[^0-9]*$ ]] || fail "no port in: $notice"
  port=${BASH_REMATCH[1]}
}

# heard: what else the receiver said.
heard() {
  cat <&3 >"$work/received"
  exec 3<&-
  printf '\nIt heard:\n'
  cat "$work/received"
  wait "$receiver" || fail "it ended with status $?"
}

# round [OPTION...]: a listener and four datagrams.
round() {
  receive listen "$@" -c 4 -W 5s 127.0.0.1:0
  say udptool send 127.0.0.1 "$port" "'hello, world'" "'Grüße, 世界'"
  "$udptool" send 127.0.0.1 "$port" 'hello, world' 'Grüße, 世界'
  say udptool send -x 127.0.0.1 "$port" "''" "'00 01 fe ff'"
  "$udptool" send -x 127.0.0.1 "$port" '' '00 01 fe ff'
  heard
}

tab=$'\t'
echo "Four datagrams from two sockets: a text, a UTF-8, an empty and a binary one."
round
expect 1 "^127\.0\.0\.1:[0-9]+${tab}12${tab}hello, world\$"
expect 1 "^127\.0\.0\.1:[0-9]+${tab}15${tab}Grüße, 世界\$"
expect 1 "^127\.0\.0\.1:[0-9]+${tab}0${tab}\$"
expect 1 "^127\.0\.0\.1:[0-9]+${tab}4${tab}\\\\x00\\\\x01\\\\xfe\\\\xff\$"
[ "$(grep "$tab" "$work/received" | cut -f 1 | sort -u | wc -l)" -eq 2 ] || fail "expected two senders"

printf '\nThe same again for a program to read.\n'
round -j
expect 4 '"event":"message"'
expect 1 '"size":12,.*"text":"hello, world"'
expect 1 '"size":15,.*"text":"Grüße, 世界"'
expect 1 '"size":0,.*"text":""'
expect 1 '"size":4,.*"base64":"AAH\+/w=="'

printf '\nA multicast group, on the loopback.\n'
receive join -i lo -c 1 -W 5s 239.1.1.1:41239
say udptool send -i lo 239.1.1.1 41239 "'to whom it may concern'"
"$udptool" send -i lo 239.1.1.1 41239 'to whom it may concern'
heard
expect 1 "${tab}22${tab}to whom it may concern\$"

printf '\nWhat a port says: one that echoes, and the same one when nobody is there any more.\n'
receive listen --echo -c 3 -W 5s 127.0.0.1:0
show probe -c 3 --interval 100ms 127.0.0.1 "$port" | tee "$work/probe"
heard
[ "$(grep -c "${tab}open${tab}" "$work/probe")" -eq 3 ] || fail "expected three answers"
show probe 127.0.0.1 "$port" | tee "$work/probe" || :
grep -q "${tab}closed${tab}" "$work/probe" || fail "expected a closed port"

printf '\nAll of it came out as it has to. The binary is %s; to go on:\n\n' "$(realpath "$udptool")"
printf '  %s\n' "${udptool##"$PWD/"} listen 41234" "${udptool##"$PWD/"} send 127.0.0.1 41234 'hello, world'" \
  "${udptool##"$PWD/"} --help"
