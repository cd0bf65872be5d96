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

"$udptool" listen -j --echo --top --stats=100ms -W 20 127.0.0.1:0 '[::1]:0' >"$work/listen" 2>/dev/null &
listener=$!
for _ in $(seq 200); do
  port=$(sed -nE 's/.*"listening".*"127.0.0.1","port":([0-9]+).*/\1/p' "$work/listen")
  [ -z "$port" ] || break
  sleep 0.05
done
[ -n "$port" ] || { echo "failed: udptool listen -j does not listen"; exit 1; }
events send -j -w 5 --replies 3 127.0.0.1 "$port" plain $'\x01\x1b"\\' $'\xff'
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
events probe -j --list-payloads
events join -j -W 500ms --explain -i lo --stats=200ms --rtp --top 239.255.77.1:0
events join -j -W 500ms --explain -i lo --stats=200ms --rtp --top 239.255.77.1:41299
wait $relay || true
grep -q '"event":"impaired"' "$work/relay" || { echo "failed: no event of what was impaired"; exit 1; }
cat "$work/relay" >>"$work/lines"
kill -TERM $listener  # a background job of a script ignores SIGINT
wait $listener || true
cat "$work/listen" >>"$work/lines"
python3 tests/checks/validate_events.py $schema <"$work/lines" || { echo "failed: lines that are no events"; exit 1; }

# The check notices what is wrong.
for line in '{"event":"close","time":"now"}' '{"event":"unknown","time":"2026-01-02T03:04:05.123456789Z"}' '{"event":"a"b"}'; do
  if echo "$line" | python3 tests/checks/validate_events.py $schema >/dev/null; then
    echo "failed: not noticed: $line"
    exit 1
  fi
done
echo "passed: every line is an event of $schema"
