#!/bin/bash
# SPDX-License-Identifier: MIT
# events.sh UDPTOOL: what every command prints with --json is as the JSON Schema has it that is installed.
set -eu -o pipefail
udptool=$(realpath "$1")
cd "$(dirname "$0")/../.."
python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null ||
  { echo "skipped: no jsonschema 4 for Python"; exit 77; }
schema=man/udptool-events.schema.json
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

# events WORDS...: runs udptool, and keeps what it prints; how it ends does not matter here.
events() {
  "$udptool" "$@" >>"$work/lines" 2>/dev/null </dev/null || true
}

# port_of FILE: where the receiver listens that writes it.
port_of() {
  local found=
  for _ in $(seq 200); do
    found=$(sed -nE 's/.*"(listening|joined)".*"port":([0-9]+).*/\2/p; /./q' "$1")
    [ -z "$found" ] || break
    sleep 0.05
  done
  [ -n "$found" ] || echo "failed: no event of listening in $1" >&2
  echo "$found"
}

# rtp NUMBER: in hexadecimal an RTP packet of type 33, with an MPEG-TS packet.
rtp() {
  printf '8021%04x%08x112233444700111%x' "$1" $(($1 * 3000)) $(($1 % 16))
  printf 'ff%.0s' $(seq 184)
}

"$udptool" listen -j --echo --top --stats=100ms -W 20 127.0.0.1:0 '[::1]:0' >"$work/listen" 2>/dev/null &
listener=$!
"$udptool" listen -j --sequence -c 4 -W 10 127.0.0.1:0 >"$work/sequence" 2>/dev/null &
"$udptool" listen -j --rtp --stats=100ms -w 3 -W 20 127.0.0.1:0 >"$work/rtp" 2>/dev/null &
streams=$!
"$udptool" join -j --rtp -i lo -c 3 -W 10 239.255.77.2:21298 >"$work/joined" 2>/dev/null &
port=$(port_of "$work/listen")
events send -j -l 40 --sequence -c 4 127.0.0.1 "$(port_of "$work/sequence")"
rtp_port=$(port_of "$work/rtp")
port_of "$work/joined" >/dev/null
for number in 1 2 4; do
  events send -j -x 127.0.0.1 "$rtp_port" "$(rtp $number)"
  events send -j -x -i lo 239.255.77.2 21298 "$(rtp $number)"
done
events send -j -w 5 --replies 3 127.0.0.1 "$port" plain $'\x01\x1b"\\' $'\xff'
events send -j --stats=20ms --rate 40 -c 4 127.0.0.1 "$port" paced
events send -j 127.0.0.1 9 'nobody there'
events send -j no-such-name.invalid 9 x
events listen -j 127.0.0.1
"$udptool" listen -j --forward "127.0.0.1:$port" --impair 'loss=10%,delay=1ms' -W 2 127.0.0.1:0 >"$work/relay" 2>/dev/null &
relay=$!
events probe -j 127.0.0.1 "$port"
events probe -j -c 3 --interval 10ms 127.0.0.1 "$port"
events probe -j -w 200ms 127.0.0.1 9
events probe -j --trace --max-hops 2 -w 200ms 127.0.0.1
events probe -j --trace -c 2 --interval 10ms --max-hops 2 -w 200ms 127.0.0.1
events probe -j -c 2 --interval 10ms --flows 2 --stats=5ms 127.0.0.1 "$port"
echo "127.0.0.1:$port
nobody.invalid:9" >"$work/targets"
events probe -j --targets "$work/targets"
events probe -j --mtu -w 200ms 127.0.0.1 "$port"
events probe -j --mtu -w 200ms 127.0.0.1 9
events probe -j -c 2 --flows 2 -W 0 127.0.0.1 9
events probe -j --list-payloads
events join -j -W 500ms --explain -i lo --stats=200ms --rtp --top 239.255.77.1:0
events join -j -W 500ms --explain -i lo --stats=200ms --rtp --top 239.255.77.1:21299
wait $relay || true
wait $streams || true
cat "$work/relay" "$work/sequence" "$work/rtp" "$work/joined" >>"$work/lines"
kill -TERM $listener  # a background job of a script ignores SIGINT
wait $listener || true
cat "$work/listen" >>"$work/lines"
for event in forwarded impaired mpegts mpegts_stream rtp senders sequence; do
  grep -q "\"event\":\"$event\"" "$work/lines" || { echo "failed: no event $event"; exit 1; }
done
python3 tests/checks/validate_events.py $schema <"$work/lines" || { echo "failed: lines that are no events"; exit 1; }

# The check notices what is wrong.
for line in '{"event":"close","time":"now"}' '{"event":"notice","time":"2026-01-02T03:04:05.123456789Z","message":"","more":1}' \
  '{"event":"unknown","time":"2026-01-02T03:04:05.123456789Z"}' '{"event":"a"b"}'; do
  if echo "$line" | python3 tests/checks/validate_events.py $schema >/dev/null; then
    echo "failed: not noticed: $line"
    exit 1
  fi
done
echo "passed: every line is an event of $schema"
