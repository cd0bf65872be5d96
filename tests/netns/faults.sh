#!/bin/bash
# SPDX-License-Identifier: MIT
# faults.sh UDPTOOL: what happens to those who listen, have joined, send and probe when a link goes down, an address, a
# route or the interface itself is taken away, or a filter or a smaller MTU stands in the way, and then all is well
# again: nobody dies, hangs or keeps silent, each datagram is accounted for, and traffic goes on.
#
#   here, one ==== far, world      10.79.0.1 and 10.79.0.2
#
set -eu -o pipefail
udptool=$(realpath "$1")
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
laboratory "" "$udptool"
cd "$work"

world() { on world "$@"; }
has() { grep -q -- "$2" "$1"; }
count() { grep -c -- "$2" "$1" || :; }

lay_link() {
  cable here one world far
  ip addr add 10.79.0.1/24 dev one
  world ip addr add 10.79.0.2/24 dev far
  await carries
}
carries() { ip link show dev one | grep -q 'state UP'; }

new_host world
lay_link

# start WHAT COMMAND...: at work, with what it says in WHAT.out and WHAT.err. status_of WHAT is what it ends with.
declare -A pids
start() {
  local what=$1
  shift
  : >"$what.out"
  : >"$what.err"
  "$@" <&0 >>"$what.out" 2>"$what.err" &
  pids[$what]=$!
}
status_of() {
  local status=0
  wait "${pids[$1]}" || status=$?
  echo "$status" >"$1.status"
}

start echo world "$udptool" listen --echo 10.79.0.2:7
start sink world "$udptool" listen 10.79.0.2:9
start listen "$udptool" listen 10.79.0.1:5000
start bound "$udptool" listen -i one -4 5001
start join "$udptool" join -i one 239.1.1.1:5002
for what in echo sink listen bound; do await has $what.err 'listening on'; done
await has join.err 'joined 239.1.1.1:5002 on one'

# The input: as many lines as datagrams, each with nearly 1,000 bytes.
asked=200
seq 1 $asked | sed "s/$/ $(printf '%0995d' 0)/" >lines

# heard_by WHAT...: what the world says now is heard by them.
said=0
say() {
  world "$udptool" send -s 10.79.0.2 10.79.0.1 5000 "$1"
  world "$udptool" send -s 10.79.0.2 10.79.0.1 5001 "$1" 2>/dev/null || :
  world "$udptool" send -i far 239.1.1.1 5002 "$1"
}
heard_by() {
  said=$((said + 1))
  say "word $said"
  local who
  for who; do await has "$who.out" "word $said\$"; done
}

# accounts FAULT WHAT REASON: what was sent and what failed is what was asked for, and the end is 2 with that reason.
accounts() {
  local fault=$1 what=$2 reason=$3 sent unsent
  sent=$(sed -n 's/.*"event":"close".*"sent":\([0-9]*\),.*/\1/p' "$what.out")
  unsent=$(sed -n "s/^udptool: \([0-9]*\) of $asked datagrams .* could not be sent: $reason (.*)\$/\1/p" "$what.err")
  is "$fault: $what, status" "$(cat "$what.status")" 2
  is "$fault: $what, sent + failed" "$((sent + unsent))" $asked
  if [ "${unsent:-0}" -gt 0 ] && [ "$unsent" -lt $asked ]; then
    pass "$fault: $what, some failed ($unsent)"
  else
    fail "$fault: $what, some failed" "$(cat "$what.err")"
  fi
}

# From the file and the pipe their first line, in rounds the first datagram: who begins only after the break may find no
# way to begin at all.
all_three_sent() { [ "$(count sink.out "$(printf '\t')1 0")" -ge 2 ] && has sink.out "$(printf '\t1000\t')"; }

# endure FAULT BREAK MEND REASON PROBE-REASON
endure() {
  local fault=$1 break=$2 mend=$3 reason=$4 before
  start file "$udptool" send -j --df --rate 100 -f lines 10.79.0.2 9
  start pipe "$udptool" send -j --df --rate 100 10.79.0.2 9 < <(exec cat lines)
  start rounds "$udptool" send -j --df --rate 100 -l 1000 -c $asked 10.79.0.2 9
  start probe "$udptool" probe --df -l 1000 -c $asked --interval 10ms -w 500ms 10.79.0.2 7
  start trace "$udptool" probe --trace -w 500ms 10.79.0.2 9
  start mtu "$udptool" probe --mtu -w 300ms 10.79.0.2 9
  local what
  await all_three_sent
  await has probe.out open
  $break
  for what in file pipe rounds; do await has $what.out 'going on'; done
  await has probe.out '(this host)'
  $mend
  before=$(count probe.out $'\topen\t')
  for what in file pipe rounds probe trace mtu; do status_of $what; done
  for what in file pipe rounds; do accounts "$fault" $what "$reason"; done
  is "$fault: probe -c, status" "$(cat probe.status)" 0
  is "$fault: probe -c, a line for each" "$(count probe.out "^10.79.0.2:7")" $asked
  is "$fault: probe -c, what the host says" "$(count probe.out $'\tunreachable\t.*'"$5 (this host)")" \
    "$(count probe.out $'\tunreachable\t')"
  if [ "$(count probe.out $'\topen\t')" -gt "$before" ]; then
    pass "$fault: probe -c goes on"
  else
    fail "$fault: probe -c goes on" "$(tail -n 3 probe.out)"
  fi
  for what in trace mtu; do
    like "$fault: probe --$what ends and says why" "$(cat $what.status) $(cat $what.out $what.err | wc -c)" '[0-3] [1-9].*'
  done
}

# The last line of the file has left: what failed was in the middle.
last_line_came() { has sink.out "$(printf '\t')$asked 0"; }

link_down() { ip link set one down; }
link_up() { ip link set one up && await carries; }
no_address() { ip addr del 10.79.0.1/24 dev one; }
address() { ip addr add 10.79.0.1/24 dev one; }
no_route() { ip route del 10.79.0.0/24 dev one; }
route() { ip route add 10.79.0.0/24 dev one src 10.79.0.1; }
prohibit() { ip route add prohibit 10.79.0.2/32; }
allow() { ip route del prohibit 10.79.0.2/32; }
narrow() { ip link set one mtu 600; }
widen() { ip link set one mtu 1500; }
filter() { nft 'add table t; add chain t o { type filter hook output priority 0; }; add rule t o udp dport { 7, 9 } drop'; }
no_filter() { nft delete table t; }

check() {
  : >sink.out
  endure "$@"
  await last_line_came
  heard_by listen bound join
  pass "$1: those who listen and have joined hear again"
}

check 'link down' link_down link_up 'Network is unreachable' 'Network is unreachable'
check 'address removed' no_address address 'Network is unreachable' 'Network is unreachable'
check 'route lost' no_route route 'Network is unreachable' 'Network is unreachable'
check 'route that prohibits' prohibit allow 'Permission denied' 'Permission denied'
check 'smaller MTU' narrow widen 'Message too long' 'larger than the path MTU'
if command -v nft >/dev/null && nft list tables >/dev/null 2>&1; then
  check 'filter' filter no_filter 'Operation not permitted' 'Operation not permitted'
else
  skip_case "filter: no nft(8) here"
fi

# Without a count there is nothing to go on with.
: >sink.out
start once timeout 10 "$udptool" probe --df -l 1000 -w 300ms 10.79.0.2 9
await has sink.out "$(printf '\t1000\t')"
narrow
status_of once
widen
is 'smaller MTU: probe ends, and says who refused' "$(cat once.status) $(cut -f 2,4 once.out)" \
  "3 $(printf 'unreachable\tlarger than the path MTU (this host)')"

# A new interface of the same name is another one: who was bound to it or has joined on it has to say so.
gone='note: interface one is gone: nothing more comes from it, nor from a new one of that name'
ip link del one
await has join.err "$gone"
await has bound.err "$gone"
lay_link
heard_by listen
pass 'interface deleted: an address that is back is heard again'
for what in listen bound join; do
  kill -TERM "${pids[$what]}"  # a background job of a script ignores SIGINT
  status_of $what
  is "at the end, the status of $what" "$(cat $what.status)" 0
  is "at the end, the summary of $what counts what it shows" \
    "$(tail -n 1 $what.err | sed 's/ datagrams,.*//')" "$(wc -l <$what.out)"
done
is 'interface deleted: join says so once' "$(grep -c "^$gone\$" join.err)" 1

conclude
