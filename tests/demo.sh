#!/bin/bash
# demo.sh UDPTOOL: shows a listener receiving four datagrams from two sockets, as text and as JSON. Its status is 0
# only if all of them arrived as they were sent.
set -eu
udptool=$1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkfifo "$work/pipe"

fail() {
  echo "demo: $*" >&2
  exit 1
}

# say COMMAND-LINE: as a person would have typed it.
say() { printf '\n$ %s\n' "$*"; }

# expect COUNT PATTERN: so many lines of what was received match.
expect() {
  [ "$(grep -c -E -e "$2" "$work/received")" -eq "$1" ] || fail "expected $1 of: $2"
}

# round [OPTION...]: starts a listener, sends it four datagrams, and shows all that it printed.
round() {
  say udptool listen "$@" -c 4 -W 5s 127.0.0.1:0
  "$udptool" listen "$@" -c 4 -W 5s 127.0.0.1:0 >"$work/pipe" 2>&1 &
  listener=$!
  exec 3<"$work/pipe"
  # Port 0 is any free port; the first thing the listener says is which one it took.
  read -r notice <&3 || fail "the listener did not start"
  echo "$notice"
  [[ $notice =~ ([0-9]+)[^0-9]*$ ]] || fail "no port in: $notice"
  port=${BASH_REMATCH[1]}

  say udptool send 127.0.0.1 "$port" "'hello, world'" "'Grüße, 世界'"
  "$udptool" send 127.0.0.1 "$port" 'hello, world' 'Grüße, 世界'
  say udptool send -x 127.0.0.1 "$port" "''" "'00 01 fe ff'"
  "$udptool" send -x 127.0.0.1 "$port" '' '00 01 fe ff'

  cat <&3 >"$work/received"
  exec 3<&-
  printf '\nThe listener heard:\n'
  cat "$work/received"
  wait "$listener" || fail "the listener ended with status $?"
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

printf '\nAll arrived.\n'
