#!/bin/bash
# SPDX-License-Identifier: MIT
# impaired.sh UDPTOOL: the statistics of `udptool probe -c N` beside the truth of a link that loses, duplicates, swaps
# and delays (impair.py), and beside ping, with no capabilities.
#
#   near ==== impair.py ==== far      10.78.0.1, fd78::1 and 10.78.0.2, fd78::2
#
set -eu -o pipefail
udptool=$(realpath "$1")
impair=$(realpath "$(dirname "$0")/impair.py")
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
laboratory "python3 setpriv" "$udptool"
{ : <>/dev/net/tun; } 2>/dev/null || skip "no /dev/net/tun here"
# near WHAT FOUND EXPECTED TOLERANCE
near() {
  if awk -v a="$2" -v b="$3" -v most="$4" 'BEGIN { d = a - b; exit !(d <= most && -d <= most) }'; then
    pass "$1 ($2, $3)"
  else
    fail "$1" "found $2, expected $3, give or take $4"
  fi
}

link_tells() { [ -s "$work/ready" ] || ! kill -0 "$bridge" 2>/dev/null; }
# link OPTION...: a fresh link that is bad in this way.
bridge=
link() {
  if [ -n "$bridge" ]; then
    kill "$bridge"
    wait "$bridge"
  fi
  : >"$work/ready"
  # shellcheck disable=SC2154  # host_NAME comes from new_host
  python3 "$impair" "$host_near:link" "$host_far:link" --truth "$work/truth" "$@" >"$work/ready" 2>"$work/impair" &
  bridge=$!
  until_true link_tells
  [ -s "$work/ready" ] || skip "cannot make TAP devices: $(tail -n 1 "$work/impair")"
  # Neighbours are known, for as long as this takes.
  local end=0 host other
  for host in near far; do
    end=$((end + 1))
    other=$((3 - end))
    on "$host" ip link set dev link address "02:00:00:00:00:0$end" up
    on "$host" ip address add "10.78.0.$end/24" dev link
    on "$host" ip address add "fd78::$end/64" dev link nodad
    on "$host" ip neighbour replace "10.78.0.$other" lladdr "02:00:00:00:00:0$other" dev link
    on "$host" ip neighbour replace "fd78::$other" lladdr "02:00:00:00:00:0$other" dev link
  done
}
# probe OPTION...: from the near end, without any capability; sets out, status and summary.
probe() {
  status=0
  on near setpriv --inh-caps=-all --bounding-set=-all "$udptool" probe -j "$@" >"$work/out" 2>"$work/err" || status=$?
  summary=$(tail -n 1 "$work/out")
}
# truth: has it written, once nothing is under way any more.
truth() {
  rm -f "$work/truth"
  kill -USR1 "$bridge"
  await test -e "$work/truth"
}
# of FILE EXPRESSION: a Python expression about its JSON, `it`.
of() {
  python3 -c 'import json, sys; it = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}
counts='" ".join(f"{k}={it[k]}" for k in ("sent", "received", "lost", "duplicate", "reordered"))'
# compare WHAT: the summary has what the link counted; sets tally, as the link has it.
compare() {
  truth
  echo "$summary" >"$work/summary"
  tally=$(of "$work/truth" "$counts")
  is "$1: as the link counted ($tally)" "$(of "$work/summary" "$counts" 2>&1)" "$tally"
}

# --- one fault at a time ----------------------------------------------------------------------------------------

for host in near far; do
  new_host "$host"
  set_kernel "$host" net/ipv6/conf/default/router_solicitations 0  # nothing but what the test sends
done
on far "$udptool" listen -o none --echo 7777 2>"$work/echo" &
await grep -q ::.:7777 "$work/echo"

# Every Kth of N is N / K; the replies to what arrives go through the same.
many=(-c 500 --interval 5ms -w 500ms)
link
probe "${many[@]}" 10.78.0.2 7777
compare "a good link"
is "a good link: nothing is amiss" "$status $tally" "0 sent=500 received=500 lost=0 duplicate=0 reordered=0"

link --lose 10
probe "${many[@]}" 10.78.0.2 7777
compare "loss"
is "loss: 50 on the way there, 45 on the way back" \
  "$status $tally" "0 sent=500 received=405 lost=95 duplicate=0 reordered=0"
is "loss: an event for each probe" "$(grep -c '"event":"probe"' "$work/out")" 500
is "loss: of no answer for each that is lost" "$(grep -c '"state":"no answer"' "$work/out")" 95

# The 505th is not lost on either way: behind the last reply nobody knows.
link --lose 10
on far "$udptool" listen -o none --stamp 8620 2>"$work/stamp" &
await grep -q ::.:8620 "$work/stamp"
probe --stamp -c 505 --interval 5ms -w 500ms 10.78.0.2 8620
truth
echo "$summary" >"$work/summary"
is "loss each way (STAMP): as the link counted" \
  "$(of "$work/summary" '"{lost_forward} {lost_backward} {lost_unknown}".format(**it)')" \
  "$(of "$work/truth" '"{} {} 0".format(it["forth"]["lost"], it["back"]["lost"])')"
is "loss each way (STAMP): 50 there, 45 back" "$(of "$work/summary" 'it["lost_forward"], it["lost_backward"]')" "(50, 45)"

link --duplicate 20
probe "${many[@]}" fd78::2 7777
compare "duplicates (IPv6)"
is "duplicates: 25 on the way there, 26 of 525 on the way back" "$status $tally" \
  "0 sent=500 received=500 lost=0 duplicate=51 reordered=0"

link --swap 24 --one-way
probe "${many[@]}" 10.78.0.2 7777
compare "reordering"
is "reordering: each of 20 that one later probe overtook" "$status $tally" \
  "0 sent=500 received=500 lost=0 duplicate=0 reordered=20"

# --- all of them, 20 ms there and back, beside ping --------------------------------------------------------------

pings() { on near ping -n "$@" 10.78.0.2; }
# everything: 500 probes over such a link, and ping beside them, if one works here.
everything() {
  ping=
  link --lose 17 --duplicate 23 --swap 31 --delay 10 --jitter 1
  : >"$work/ping"
  if pings -c 1 -w 5 >/dev/null 2>&1; then
    pings -c 250 -i 0.01 | sed -nE 's/.*time=([0-9.]+) ms/\1/p' >"$work/ping" &
    ping=$!
  fi
  probe "${many[@]}" 10.78.0.2 7777
  [ -z "$ping" ] || wait "$ping"
}
everything
compare "everything at once"
is "everything at once: there is some of each" \
  "$(of "$work/truth" 'min(it["lost"], it["duplicate"], it["reordered"]) > 10')" True

# What the events and the link say, without the tool's own arithmetic (RFC 3550, A.8; the median as nearest rank).
cat >"$work/rtt.py" <<'END_OF_PYTHON'
import json
import sys


def jitter(rtts):
    value = 0
    for before, after in zip(rtts, rtts[1:]):
        value += (abs(after - before) - value) / 16
    return value


def median(rtts):
    return sorted(rtts)[(len(rtts) - 1) // 2]


events = [json.loads(line) for line in open(sys.argv[1])]
probes = [event for event in events if event["event"] == "probe" and event["state"] == "open"]
rtts = [event["rtt_ms"] for event in sorted(probes, key=lambda event: event["sequence"])]
link = json.load(open(sys.argv[2]))["rtt_ms"]
summary = events[-1]
print(summary["jitter_ms"], jitter(rtts), jitter(link), summary["rtt_ms"]["p50"], median(rtts), median(link))
END_OF_PYTHON
figures() {
  read -r jitter events_jitter link_jitter p50 events_p50 link_p50 < <(python3 "$work/rtt.py" "$work/out" "$work/truth")
  ping_p50=$p50
  [ -z "$ping" ] || ping_p50=$(sort -n "$work/ping" | sed -n 125p)
}
# quiet: this run was left alone. A machine that is busy delays the tool, and the responder that answers it, where
# neither the link nor ping, which the kernel answers, can see it.
quiet() {
  awk "BEGIN {
    exit !(($jitter - $link_jitter) ^ 2 <= (0.15 * $link_jitter) ^ 2 && ($p50 - $link_p50) ^ 2 <= 0.25 &&
      ($p50 - $ping_p50) ^ 2 <= 0.25)
  }"
}
figures
# shellcheck disable=SC2317  # called by again
once_more() {
  everything
  truth
  figures
  quiet
}
quiet || again once_more
near "jitter: within 15 % of RFC 3550 over the events" "$jitter" "$events_jitter" \
  "$(awk "BEGIN { print 0.15 * $events_jitter }")"
near "jitter: within 15 % of RFC 3550 over what the link measured" "$jitter" "$link_jitter" \
  "$(awk "BEGIN { print 0.15 * $link_jitter }")"
near "round trips: the median of the events" "$p50" "$events_p50" 0.001
near "round trips: the median is within 0.5 ms of the link's" "$p50" "$link_p50" 0.5
if [ -n "$ping" ]; then
  near "round trips: the median is within 0.5 ms of ping's" "$p50" "$ping_p50" 0.5
else
  skip_case "round trips beside ping (none that works)"
fi

conclude
