#!/bin/bash
# SPDX-License-Identifier: MIT
# streams.sh UDPTOOL: what `udptool` tells of streams (--rtp, --sequence) beside what was done to them: those of
# ffmpeg, GStreamer and iperf 2, of sACN and MoldUDP64, and of RTP with outages and restarts (streams.py).
set -eu -o pipefail
udptool=$(realpath "$1")
streams=$(realpath "$(dirname "$0")/streams.py")
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
laboratory "python3" "$udptool"
group=239.255.5.4
interface one
ip address add 10.9.5.1/24 dev one
ip route add 239.0.0.0/8 dev one

# shellcheck disable=SC2317  # called by await
ready() { grep -qE '^(listening on|joined) |^\{"event":"(listening|joined)"' "$1" "$1.out"; }
# receive LOG COMMAND OPTION... ENDPOINT: sets receiver and port.
receive() {
  : >"$1"
  : >"$1.out"
  "$udptool" "${@:2}" >"$1.out" 2>"$1" </dev/null &
  receiver=$!
  await ready "$1"
  port=$(sed -nE 's/^(listening on|joined) .*:([0-9]+)( on .*)?$/\2/p' "$1")
  : "${port:=$(sed -nE 's/^\{"event":"listening".*"port":([0-9]+).*/\1/p' "$1.out")}"
}
received() {
  kill "$receiver"
  wait "$receiver" || fail "the receiver ended with $?"
}
# hear CAPTURE OPTION...: what is told of it when it is sent again, in $work/told; what came of it, in $work/came. What
# this host dropped was no fault of the stream's: then it is sent once more.
hear() {
  for _ in 1 2 3 4 5; do
    receive "$work/told" listen --rcvbuf 4M --pcap "$work/came" -o none "${@:2}" 127.0.0.1:0
    "$udptool" send -q --replay "$1" 127.0.0.1 "$port"
    received
    grep -qE '(^| )[1-9][0-9]*\+? dropped' "$work/told" || return 0
  done
}
made() { python3 "$streams" make "$1" "$work/$1"; }
# counts: of the one stream that was told.
counts() { sed -nE 's/^(rtp|sequence) .*(received.*reordered [0-9]+).*(, loss runs [0-9]+).*/\2\3/p' "$work/told"; }
# judged KIND CAPTURE: sets truth and truth_runs.
judged() {
  { read -r truth && read -r truth_runs; } < <(python3 "$streams" judge "$1" "$2")
}
# compare WHAT KIND CAPTURE OPTION...: impaired, and told as it was done.
compare() {
  python3 "$streams" impair "$3" "$work/impaired"
  judged "$2" "$work/impaired"
  hear "$work/impaired" "${@:4}"
  is "$1: as it was done ($truth)" "$(counts)" "$truth"
}
# near WHAT FOUND EXPECTED: within 1 %, as far as three decimals tell.
near() {
  if awk -v a="$2" -v b="$3" 'BEGIN { d = a - b; most = b / 100 + 0.0005; exit !(b > 0 && d <= most && -d <= most) }'; then
    pass "$1 ($2, $3)"
  else
    fail "$1" "found $2, expected $3"
  fi
}
# jitter WHAT HZ: of the last stream, beside what RFC 3550 says of the capture.
jitter() {
  near "$1: jitter within 1 % of RFC 3550 over the capture" \
    "$(sed -nE 's/^rtp .*, jitter ([0-9.]+) ms.*/\1/p' "$work/told")" "$(python3 "$streams" jitter "$2" "$work/came")"
}

# --- numbers that a script made ------------------------------------------------------------------------------------

made sacn
compare "sACN, whose numbers wrap at 256" sacn "$work/sacn" --sequence=111:1
made mold
compare "MoldUDP64, over 32 bits" mold "$work/mold" --sequence=10:8
receive "$work/told" listen --rcvbuf 4M -j --sequence=10:8 127.0.0.1:0
"$udptool" send -q --replay "$work/impaired" 127.0.0.1 "$port"
received
is "MoldUDP64: runs of loss by their length" \
  "$(sed -nE 's/^\{"event":"sequence".*"loss_runs":(\{[^}]*\}).*/\1/p' "$work/told.out")" "$truth_runs"
like "MoldUDP64: by which interface, which the address tells" "$(grep '^{"event":"sequence"' "$work/told.out")" \
  '.*"interface":"lo",.*'
made rtp
compare "RTP over its wrap" rtp "$work/rtp" --rtp --clock-rate 48000
jitter "RTP over its wrap" 48000

# --- outages, restarts, dead streams, strangers ---------------------------------------------------------------------

while read -r name expected; do
  made "$name"
  hear "$work/$name" --rtp
  is "RTP, $name: loss and restarts" \
    "$(sed -nE 's/^rtp .*(lost .*), jitter.*, (loss runs.*)/\1, \2/p' "$work/told")" "$expected"
done <<'END_OF_TABLE'
outage-5000 lost 5000, duplicate 0, reordered 0, loss runs 1
outage-70000 lost 70000, duplicate 0, reordered 0, loss runs 1
restart lost 0, duplicate 0, reordered 0, restarts 1, loss runs 0
END_OF_TABLE

made realtime
# On a busy machine packets arrive so late that no usual rate is near, which is told as it is: such a run does not count.
# shellcheck disable=SC2317  # called by again
clock_is_measured() {
  hear "$work/realtime" --rtp
  grep -q '^rtp .* at 48000 Hz (measured)' "$work/told"
}
again clock_is_measured
like "RTP: the clock is measured, over an outage" "$(grep ^rtp "$work/told")" \
  'rtp 0x11223344 from 127\.0\.0\.1:[0-9]+: payload type 97 at 48000 Hz \(measured\), received 2500, lost 500, .*'
jitter "RTP whose clock is measured" 48000

made forged
hear "$work/forged" --rtp --clock-rate 48000
like "100,000 forged SSRCs: the honest stream is told as it is" "$(grep '^rtp 0x11223344' "$work/told")" \
  'rtp .*, received 900, lost 100, duplicate 0, reordered 0, .*, loss runs 100'
is "100,000 forged SSRCs: what is told of them is bounded" \
  "$(grep -c '^rtp 0x' "$work/told"), $(grep -oE '.* more (st|than).*' "$work/told" | paste -s)" \
  $'17, 1007 more streams of one datagram each\tnote: 98977 streams more than are remembered came and went'

made last
receive "$work/told" listen --rtp --stats=100ms -o none 127.0.0.1:0
"$udptool" send -q --replay "$work/last" 127.0.0.1 "$port"
await grep -q '^rtp .* received 1,' "$work/told"
lines=$(wc -l <"$work/told")
# shellcheck disable=SC2317  # called by await
silent() { tail -n "+$lines" "$work/told" | grep -q '^0 datagrams/s'; }
await silent
received
like "a dead stream: it stays in the summary" "$(grep '^rtp' "$work/told" | tail -n 1)" '.*, received 1, lost 0, .*'

# --- is it this host? -----------------------------------------------------------------------------------------------

made slow
# On a busy machine the sender is stalled, too, which is a gap: such a run does not count.
# shellcheck disable=SC2317  # called by again
a_stall_is_no_gap() {
  receive "$work/told" listen --rtp --clock-rate 48000 -o none 127.0.0.1:0
  "$udptool" send -q --replay "$work/slow" 127.0.0.1 "$port" &
  sender=$!
  kill -STOP "$receiver"
  wait "$sender"
  kill -CONT "$receiver"
  received
  grep -qE '^rtp .*longest gap [0-9]{1,2}\.' "$work/told"
}
again a_stall_is_no_gap
like "a stall of this host: nothing lost, and no gap longer than the stream's" \
  "$(sed -nE 's/^rtp .*(lost .*), jitter.*longest gap ([0-9]+)\..*/\1, \2/p' "$work/told")" \
  'lost 0, duplicate 0, reordered 0, ([1-9]|[1-9][0-9])'

made burst
receive "$work/told" listen --rtp --clock-rate 48000 --rcvbuf 64K -o none 127.0.0.1:0
kill -STOP "$receiver"
"$udptool" send -q -p 40000 --replay "$work/burst" 127.0.0.1 "$port"
kill -CONT "$receiver"
# shellcheck disable=SC2317  # called by await
caught_up() { awk -v port="$(printf ':%04X$' "$port")" '$2 ~ port { exit $5 !~ /:0+$/ }' /proc/net/udp; }
await caught_up
"$udptool" send -q -p 40000 --replay "$work/last" 127.0.0.1 "$port"
received
lost=$(sed -nE 's/^rtp .* lost ([0-9]+),.*/\1/p' "$work/told")
dropped=$(sed -nE 's/.* ([0-9]+) dropped.*/\1/p' "$work/told")
is "a stall of this host that its buffer does not bridge: as much is dropped by it as is lost" \
  "$((lost > 10000)) $lost" "1 $dropped"

# --- iperf 2, both ways and by multicast ---------------------------------------------------------------------------

if ! command -v iperf >/dev/null || [[ $(iperf -v 2>&1) != 'iperf version 2'* ]]; then
  skip_case "numbers of iperf 2 (not installed)"
else
  # serve ADDRESS: iperf as a server there.
  serve() {
    : >"$work/iperf"
    iperf -s -u -B "$1" -p 5001 >"$work/iperf" 2>&1 </dev/null &
    server=$!
    await grep -q 'UDP port 5001' "$work/iperf"
  }
  # reported: what it tells at the end, as LOST/SENT.
  reported() {
    await grep -qE '[0-9]+/ *[0-9]+ \(' "$work/iperf"
    sed -nE 's/.* ([0-9]+)\/ *([0-9]+) \(.*/\1\/\2/p;' "$work/iperf" | tail -n 1
    kill "$server"
  }
  serve 127.0.0.1
  : >"$work/relay"
  "$udptool" listen -o none --forward 127.0.0.1:5001 --impair '>loss=5%,seed=7' 127.0.0.1:5002 2>"$work/relay" &
  relay=$!
  await grep -q '^listening' "$work/relay"
  "$udptool" send -q --sequence -l 200 -c 2000 --rate 4k 127.0.0.1 5002
  told=$(reported)
  kill "$relay"
  wait "$relay"
  like "send --sequence: iperf -s -u reports what the relay lost" "$told" \
    "$(sed -nE 's/^impaired forward: .* ([1-9][0-9]*) lost,.*/\1/p' "$work/relay")/2000"

  receive "$work/told" listen --sequence -o none --pcap "$work/came" 127.0.0.1:0
  : >"$work/relay"
  "$udptool" listen -o none --forward "127.0.0.1:$port" --impair '>loss=5%,duplicate=3%,reorder=2%,delay=2ms,seed=8' \
    127.0.0.1:5002 2>"$work/relay" &
  relay=$!
  await grep -q '^listening' "$work/relay"
  iperf -u -c 127.0.0.1 -p 5002 -l 200 -b 4M -n 400K >/dev/null 2>&1
  kill "$relay"
  wait "$relay"
  received
  judged iperf "$work/came"
  like "listen --sequence: what a bad network makes of iperf -u -c" "$(counts)" "$truth"
  like "listen --sequence: there is some of each" "$truth" '.*lost [1-9].*duplicate [1-9].*reordered [1-9].*'

  serve $group
  receive "$work/other" join --sequence -o none -i one $group:5001
  other=$receiver
  receive "$work/told" join --sequence -o none -i one $group:5001
  "$udptool" send -q --sequence -l 200 -c 1000 --rate 4k -i one $group 5001
  is "send --sequence to a group: iperf -s -u" "$(reported)" "0/1000"
  iperf -u -c $group -T 1 -p 5001 -l 200 -b 4M -n 200K >/dev/null 2>&1
  received
  receiver=$other
  received
  for log in told other; do
    is "join --sequence: both of iperf 2 and send, two receivers of a group ($log)" \
      "$(sed -nE 's/^sequence .* (received [0-9]+, lost [0-9]+),.*/\1/p' "$work/$log" | sort | paste -s)" \
      $'received 1000, lost 0\treceived 1025, lost 0'
  done
fi

# --- real streams, 10,000 datagrams of each --------------------------------------------------------------------------

# record NAME COMMAND...: what a program sends, as a capture. What this host drops of it is a loss of the stream's.
record() {
  receive "$work/told" listen --rcvbuf 8M -o none --pcap "$work/$1" 127.0.0.1:5004
  "${@:2}" >"$work/program" 2>&1 </dev/null || fail "$2 ended with $?" "$(tail -n 3 "$work/program")"
  received
  [ "$(sed -nE 's/^([0-9]+) datagrams.*/\1/p' "$work/told" | tail -n 1)" -ge 10000 ] || fail "$1: not 10,000 datagrams"
}
# continuity WHAT CAPTURE: of MPEG-TS, impaired.
continuity() {
  local truth
  python3 "$streams" impair "$work/$2" "$work/impaired"
  hear "$work/impaired" --rtp
  truth=$(python3 "$streams" ts "$work/impaired")
  is "$1: continuity errors of each PID" \
    "$(sed -nE 's/^mpeg-ts pid (0x[0-9a-f]+) .* ([0-9]+) continuity errors?.*/\1 \2/p' "$work/told")" "$truth"
}
if ! command -v ffmpeg >/dev/null; then
  skip_case "streams of ffmpeg (not installed)"
else
  picture='testsrc2=size=320x240:rate=200,noise=alls=60:allf=t'
  film=(ffmpeg -v error -nostdin -re -f lavfi -i "$picture" -c:v mpeg4 -qscale:v 1 -g 1 -t 2.5)
  record pt96 "${film[@]}" -f rtp 'rtp://127.0.0.1:5004?pkt_size=800'
  compare "RTP of ffmpeg, type 96" rtp "$work/pt96" --rtp
  hear "$work/impaired" --rtp --clock-rate 96=90000
  jitter "RTP of ffmpeg, type 96" 90000
  film[10]=mpeg2video
  record pt33 "${film[@]}" -f rtp_mpegts 'rtp://127.0.0.1:5004?pkt_size=800'
  compare "RTP of ffmpeg, type 33" rtp "$work/pt33" --rtp
  continuity "RTP of ffmpeg, type 33" pt33
  record mpegts "${film[@]}" -f mpegts 'udp://127.0.0.1:5004?pkt_size=752'
  continuity "MPEG-TS of ffmpeg in plain UDP" mpegts
fi
if ! command -v gst-launch-1.0 >/dev/null; then
  skip_case "streams of GStreamer (not installed)"
else
  record opus gst-launch-1.0 -q audiotestsrc num-buffers=10100 samplesperbuffer=480 ! \
    audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=10 ! rtpopuspay pt=96 seqnum-offset=60000 ! udpsink host=127.0.0.1 port=5004 sync=false
  compare "Opus of GStreamer, over its wrap" rtp "$work/opus" --rtp --clock-rate 48000
  record l24 gst-launch-1.0 -q rtpbin name=b audiotestsrc is-live=true num-buffers=5100 samplesperbuffer=96 ! \
    audioconvert ! audio/x-raw,format=S24BE,rate=48000,channels=2 ! \
    rtpL24pay min-ptime=1000000 max-ptime=1000000 seqnum-offset=60000 ! b.send_rtp_sink_0 \
    b.send_rtp_src_0 ! udpsink host=127.0.0.1 port=5004 sync=false \
    b.send_rtcp_src_0 ! udpsink host=127.0.0.1 port=5004 sync=false async=false
  compare "L24 of GStreamer, with its RTCP on one port" rtp "$work/l24" --rtp --clock-rate 48000
fi
conclude
