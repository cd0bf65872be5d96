#!/bin/bash
# SPDX-License-Identifier: MIT
# probe.sh UDPTOOL: what `udptool probe` says of a path, beside traceroute, tracepath and ping, with no capabilities.
#
#   h1 ---- r1 ---- r2 --(1280)-- r3 ---- r4 ---- h2      link N: 10.77.N.0/24 and fd77:N::/64, left .1, right .2
#
set -eu -o pipefail
udptool=$(realpath "$1")
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
laboratory setpriv "$udptool"
# at_most WHAT FOUND LIMIT (numbers with a fraction): how long it took, which is a case of `bench` only, on a calm machine.
at_most() {
  [ -n "${UDPTOOL_TIMING-}" ] || return 0
  if awk "BEGIN { exit !($2 <= $3) }"; then pass "$1"; else fail "$1" "found $2, at most $3"; fi
}

# probe OPTION...: from h1, without any capability; sets out, status and ms.
probe() {
  local start
  start=$(date +%s%N)
  status=0
  out=$(on h1 setpriv --inh-caps=-all --bounding-set=-all "$udptool" probe "$@" 2>"$work/err") || status=$?
  ms=$((($(date +%s%N) - start) / 1000000))
}
field() { cut -f "$1" <<<"$out"; }
rules() { on "$1" nft -f -; }
no_rules() { on "$1" nft flush ruleset; }
# icmp_limit HOST MS: the least time between ICMP errors to one host, after the first six; 0: none.
icmp_limit() {
  set_kernel "$1" net/ipv4/icmp_ratelimit "$2"
  set_kernel "$1" net/ipv6/icmp/ratelimit "$2"
}

# --- the path ---------------------------------------------------------------------------------------------------

hosts=(h1 r1 r2 r3 r4 h2)
for host in "${hosts[@]}"; do
  new_host "$host"
  set_kernel "$host" net/ipv6/conf/all/forwarding 1
  set_kernel "$host" net/ipv4/ip_forward 1
  icmp_limit "$host" 0
done
for n in 1 2 3 4 5; do
  left=${hosts[n - 1]}
  right=${hosts[n]}
  cable "$left" right "$right" left || skip "cannot make veth links"
  for end in "$left:right:1" "$right:left:2"; do
    IFS=: read -r host side number <<<"$end"
    on "$host" ip address add "10.77.$n.$number/24" dev "$side"
    on "$host" ip address add "fd77:$n::$number/64" dev "$side" nodad
    [ "$n" != 3 ] || on "$host" ip link set "$side" mtu 1280
  done
done
for i in 0 1 2 3 4 5; do
  for n in 1 2 3 4 5; do
    if [ "$n" -gt $((i + 1)) ]; then
      on "${hosts[i]}" ip route add "10.77.$n.0/24" via "10.77.$((i + 1)).2"
      on "${hosts[i]}" ip -6 route add "fd77:$n::/64" via "fd77:$((i + 1))::2"
    elif [ "$n" -lt "$i" ]; then
      on "${hosts[i]}" ip route add "10.77.$n.0/24" via "10.77.$i.1"
      on "${hosts[i]}" ip -6 route add "fd77:$n::/64" via "fd77:$i::1"
    fi
  done
done
target=10.77.5.2
target6=fd77:5::2
on h2 "$udptool" listen -q -o none --echo 7777 &
# Neighbours are known from here on, and the responder is ready.
for try in $(seq 50); do
  probe -w 200ms "$target" 7777
  status4=$status
  probe -w 200ms "$target6" 7777
  [ "$status4$status" != 00 ] || break
  [ "$try" != 50 ] || fail "the path is up" "$out" "$(cat "$work/err")"
done

# --- trace ------------------------------------------------------------------------------------------------------

four=$(printf '10.77.%d.2\n' 1 2 3 4 5)
six=$(printf 'fd77:%d::2\n' 1 2 3 4 5)
probe --trace "$target"
is "trace: every hop" "$(field 2)" "$four"
is "trace: ends at the target, with 0" "$status $(tail -n 1 <<<"$out" | cut -f 4)" "0 reached"
at_most "trace: a path of which all answer takes well under a second (ms)" "$ms" 500
like "trace: three round trips a hop" "$(head -n 1 <<<"$out")" $'1\t10.77.1.2\t[0-9.]+ [0-9.]+ [0-9.]+ ms'
if command -v traceroute >/dev/null; then
  is "trace: as traceroute -U has it" "$(on h1 traceroute -U -n -q 1 "$target" | awk 'NR > 1 { print $2 }')" "$four"
else
  skip_case "trace beside traceroute (not installed)"
fi
probe --trace "$target6" 7777
is "trace: every hop of IPv6, to an open port" "$status $(field 2)" "0 $six"
probe --trace -j --tries 1 "$target"
is "trace: an event a hop" "$(grep -c '"event":"hop"' <<<"$out")" 5
like "trace: the summary says that it was reached" "$(tail -n 1 <<<"$out")" '.*"event":"summary".*"reached":true.*'

have_nft=0
if command -v nft >/dev/null && rules r1 <<<'table inet t {}' 2>/dev/null; then
  have_nft=1
else
  skip_case "silent hops, black holes, refusals and loss (no nft here)"
fi

# quiet HOST TYPE...: the host does not send these ICMP errors.
quiet() {
  rules "$1" <<'END'
table inet quiet {
  chain output {
    type filter hook output priority 0
    icmp type { time-exceeded, destination-unreachable } drop
    icmpv6 type { time-exceeded, packet-too-big, destination-unreachable } drop
  }
}
END
}

if [ $have_nft = 1 ]; then
  quiet r2
  quiet r3
  probe --trace "$target"
  is "trace: silent hops are told as such" "$(field 2 | tr '\n' ' ')" "10.77.1.2 * * 10.77.4.2 10.77.5.2 "
  at_most "trace: silent hops cost one wait together (ms)" "$ms" 1800
  no_rules r2
  no_rules r3
fi

# --- the path, watched ------------------------------------------------------------------------------------------

hop() { awk -F '\t' -v hop="$1" '$1 == hop { print $2, $3, $9 }' <<<"$out"; }
probe --trace -c 10 --interval 20ms "$target"
is "rounds: every hop, nothing lost" "$status $(for n in 1 2 3 4 5; do hop $n; done)" \
  "0 $(for n in 1 2 3 4 5; do echo "0.0 10 10.77.$n.2"; done)"
probe --trace -c 10 --interval 20ms "$target6" 7777
is "rounds: of IPv6" "$status $(hop 5)" "0 0.0 10 fd77:5::2"
probe --trace -c 3 --interval 20ms --data alike "$target"
is "rounds: requests that are all alike, by the ports of the hops" "$status $(hop 5)" "0 0.0 3 10.77.5.2"
icmp_limit r2 100
probe --trace -c 20 --interval 20ms -w 200ms "$target"
icmp_limit r2 0
like "rounds: a hop that limits its ICMP errors is told to" "$(grep ^2 <<<"$out")" \
  $'2\t[0-9.]+\t20\t.*\t10.77.2.2\tlimits its ICMP errors: no loss behind it'
if [ $have_nft = 1 ]; then
  # The third hop's own errors, then what passes it: of 4 probes one.
  rules r3 <<'END'
table inet lossy {
  chain output {
    type filter hook output priority 0
    icmp type time-exceeded numgen inc mod 4 == 1 drop
  }
}
END
  for run in $(seq 5); do
    probe --trace -c 20 --interval 5ms -w 300ms "$target"
    is "rounds: a hop that loses 1 in 4 of its answers ($run)" "$(hop 3)|$(hop 4)" "25.0 20 10.77.3.2|0.0 20 10.77.4.2"
  done
  rules r3 <<'END'
flush ruleset
table inet lossy {
  chain forward {
    type filter hook forward priority 0
    ip protocol udp ip ttl 1 numgen inc mod 5 == 2 drop
    ip protocol udp ip ttl 2 numgen inc mod 5 == 2 drop
  }
}
END
  probe --trace -c 20 --interval 5ms -w 300ms "$target"
  is "rounds: loss on the way shows at all hops behind it, and is not called a limit" \
    "$(hop 3)|$(hop 4)|$(hop 5)|$(grep -c limits <<<"$out")" "0.0 20 10.77.3.2|20.0 20 10.77.4.2|20.0 20 10.77.5.2|0"
  no_rules r3
fi
if command -v script >/dev/null; then
  # shellcheck disable=SC2154  # host_h1 comes from new_host
  # What is drawn goes up by as many lines as there were, and clears no more than them.
  TERM=xterm script -qefc "stty cols 60 rows 24; nsenter -t $host_h1 -n $udptool probe --trace -c 30 --interval 20ms $target" \
    "$work/screen" >/dev/null </dev/null
  is "rounds: on a terminal the table is redrawn in place" \
    "$(grep -ao $'\e\[[0-9]*[A-Z]' "$work/screen" | sort | uniq -c | awk '{ print ($1 > 1), $2 }' | tr -d '\033' | tr '\n' ' ')" \
    "1 [6A 1 [J 1 [K "
else
  skip_case "rounds on a terminal (no script(1))"
fi

# --- what this host itself does not send ------------------------------------------------------------------------

if [ $have_nft = 1 ]; then
  rules h1 <<'END'
table inet wall {
  chain output {
    type filter hook output priority 0
    udp dport 7777 ip ttl 3 drop
  }
}
END
  why="udptool: cannot send to $target:7777: Operation not permitted (a local firewall is the usual cause)"
  probe --trace "$target" 7777
  is "kept back: a trace tells the hops before, and why it went no further" \
    "$status $(field 2 | tr '\n' ' ')$(cat "$work/err")" "2 10.77.1.2 10.77.2.2 $why"
  probe --trace -c 3 --interval 20ms -w 200ms "$target" 7777
  is "kept back: rounds go on, and tell that it was no network" \
    "$status $(hop 3)|$(hop 4)|$(cat "$work/err")" "0 100.0 3 *|0.0 3 10.77.4.2|${why/udptool/note}"
  no_rules h1
fi

# --- path MTU ---------------------------------------------------------------------------------------------------

probe --mtu "$target" 7777
is "mtu: link, path and payload" "$(cut -f 1,2 <<<"$out" | tr '\t\n' '= ')" "link MTU=1500 path MTU=1280 payload=1252 "
like "mtu: who narrows it" "$(grep '^path' <<<"$out" | cut -f 3)" 'narrowed by 10\.77\.2\.2'
probe --mtu -j "$target6" 9
like "mtu: IPv6, of a closed port" "$status $(head -n 1 <<<"$out")" \
  '0 .*"mtu":1280,"payload":1232,"link_mtu":1500,"narrowed_by":"fd77:2::2".*'
if command -v tracepath >/dev/null; then
  is "mtu: as tracepath has it" "$(on h1 tracepath -n "$target" | sed -nE 's/.*Resume: pmtu ([0-9]+).*/\1/p')" 1280
else
  skip_case "mtu beside tracepath (not installed)"
fi
probe --df -l 1400 "$target" 7777
is "mtu: --df says the limit, with 2" "$status $(grep -o 'at most 1252' "$work/err")" "2 at most 1252"
probe -l 1400 "$target" 7777
is "mtu: without --df it goes in fragments" "$status $(field 2)" "0 open"
for host in h1 r1 r2 r3 r4; do on "$host" ip route flush cache; done

# Who says so is a hop; also when this host knows the path MTU, from the flow before or from the last time.
for run in first second; do
  probe --trace --df -l 1400 "$target" 7777
  like "mtu: a trace with --df ends with a row where it is too large ($run time)" "$status $(sed -n '$p' <<<"$out")" \
    $'3 3\t10\\.77\\.2\\.2\t[0-9.]+ [0-9.]+ [0-9.]+ ms\tfragmentation needed, MTU 1280'
  probe --trace --df -l 1400 -j "$target6" 7777
  like "mtu: a trace with --df over IPv6, as events ($run time)" "$status $(tail -n 2 <<<"$out" | tr '\n' ' ')" \
    '3 .*"ttl":3,.*"detail":"packet too big, MTU 1280".*"state":"unreachable","reached":false,"sent":9,"received":9,.*'
done
for host in h1 r1 r2 r3 r4; do on "$host" ip route flush cache; done
probe --trace --df -l 1400 -c 3 --interval 50ms --flows 2 "$target" 7777
is "mtu: rounds of flows with --df, each to its end" "$status $(grep ^3 <<<"$out" | cut -f 2,3,4,10,11 | tr '\t\n' ' ,')" \
  "3 1 0.0 3 10.77.2.2 fragmentation needed, MTU 1280,2 0.0 3 10.77.2.2 fragmentation needed, MTU 1280,"
for host in h1 r1 r2 r3 r4; do on "$host" ip route flush cache; done
probe --trace --df -l 1490 "$target" 7777
is "mtu: a trace with --df says the limit of the link, with 2" "$status $(cut -d ' ' -f 2- "$work/err")" \
  "2 1490 bytes do not leave in one piece: the route's MTU of 1500 holds at most 1472"

if [ $have_nft = 1 ]; then
  for host in r1 r2 r3 r4; do quiet $host; done
  probe --mtu "$target" 7777
  like "mtu: a black hole is called one" "$status $(sed -n 2p <<<"$out")" $'0 path MTU\t1280\tblack hole: larger ones vanish there or back without an ICMP error'
  at_most "mtu: and is found in reasonable time (ms)" "$ms" 9000
  for host in r1 r2 r3 r4; do no_rules $host; done
fi

# --- state ------------------------------------------------------------------------------------------------------

probe "$target" 7777
like "state: open" "$status $out" "0 $target:7777"$'\topen\t[0-9]+\\.[0-9]{3} ms\ttoken echoed, 16 bytes'
probe "$target" 9
like "state: closed" "$status $out" "3 $target:9"$'\tclosed\t.* ms\tport unreachable from '"$target"
probe -t 2 -w 300ms "$target" 7777
like "state: TTL exceeded on the way" "$status $out" "3 $target:7777"$'\tunreachable\t.* ms\tTTL exceeded from 10\\.77\\.2\\.2'
probe 10.77.1.77 9
like "state: a neighbour that is not there" "$status $out" $'3 10.77.1.77:9\tunreachable\t.*host unreachable from 10\\.77\\.1\\.1 \\(this host\\)'
probe 203.0.113.7 9
like "state: no route is 2" "$status $(cat "$work/err")" '2 udptool: cannot reach 203\.0\.113\.7:9: .*'

# The target's ICMP errors are used up, and come back one a second.
icmp_limit h2 1000
for port in $(seq 6001 6012); do on h1 "$udptool" send -q "$target" "$port" x 2>/dev/null || :; done
probe "$target" 9
is "state: a host that limits its ICMP errors is still closed" "$status $(field 2)" "3 closed"
icmp_limit h2 0

if [ $have_nft = 1 ]; then
  rules r4 <<'END'
table inet wall {
  chain forward {
    type filter hook forward priority 0
    udp dport 5000 reject with icmp type net-unreachable
    udp dport 5001 reject with icmp type host-unreachable
    udp dport 5002 reject with icmp type prot-unreachable
    udp dport 5003 reject with icmp type port-unreachable
    udp dport 5004 reject with icmp type net-prohibited
    udp dport 5005 reject with icmp type host-prohibited
    udp dport 5006 reject with icmp type admin-prohibited
    udp dport 5010 reject with icmpv6 type no-route
    udp dport 5011 reject with icmpv6 type admin-prohibited
    udp dport 5012 reject with icmpv6 type addr-unreachable
    udp dport 5013 reject with icmpv6 type port-unreachable
    udp dport 5020 drop
  }
}
END
  while IFS=: read -r port words; do
    probe -w 200ms "$target" "$port"
    is "refused: $words" "$status $(field 2) $(field 4)" "3 unreachable $words from 10.77.4.2"
  done <<'END'
5000:network unreachable
5001:host unreachable
5002:protocol unreachable
5003:port unreachable
5004:network administratively prohibited
5005:host administratively prohibited
5006:administratively prohibited
END
  while IFS=: read -r port words; do
    probe -w 200ms "$target6" "$port"
    is "refused: $words (IPv6)" "$status $(field 2) $(field 4)" "3 unreachable $words from fd77:4::2"
  done <<'END'
5010:no route to destination
5011:administratively prohibited
5012:address unreachable
5013:port unreachable
END
  probe -w 200ms "$target" 5020
  is "dropped: no answer, never open" "$status $out" "1 $target:5020"$'\tno answer\t600 ms\topen or filtered: 3 probes, no reply'
  probe --trace "$target" 5006
  is "trace: ends where somebody refuses, with 3" "$status $(tail -n 1 <<<"$out" | cut -f 2,4)" \
    "3 10.77.4.2"$'\tadministratively prohibited'
  no_rules r4

  # A copy goes on to the target while the router refuses the original: both answer.
  rules r2 <<END
table ip both {
  chain forward {
    type filter hook forward priority 0
    udp dport 7777 dup to $target
    udp dport 7777 reject with icmp type host-unreachable
  }
}
END
  probe -w 1s "$target" 7777
  is "a real reply beats a third party's error" "$status $(field 2)" "0 open"
  no_rules r2

  # --- loss ---------------------------------------------------------------------------------------------------
  rules h2 <<'END'
table inet lossy {
  counter lost { }
  chain input {
    type filter hook input priority 0
    udp dport 7777 numgen inc mod 7 == 3 counter name lost drop
  }
}
END
  probe -j -c 1000 --interval 1ms -w 500ms "$target" 7777
  lost=$(on h2 nft list counter inet lossy lost | sed -nE 's/.*packets ([0-9]+).*/\1/p')
  like "loss: exactly what the filter counted ($lost)" "$status $(tail -n 1 <<<"$out")" \
    ".*\"sent\":1000,\"received\":$((1000 - lost)),\"lost\":$lost,.*\"duplicate\":0,\"reordered\":0,\"late\":0,.*"
  is "loss: an event for each probe" "$(grep -c '"event":"probe"' <<<"$out")" 1000
  no_rules h2
fi

# --- flows: two equal ways from r1 to r2, of which one loses 3 in 10 ------------------------------------------------

if [ $have_nft = 1 ] && cable r1 second r2 second; then
  on r1 ip address add 10.78.2.1/24 dev second
  on r2 ip address add 10.78.2.2/24 dev second
  set_kernel r2 net/ipv4/conf/all/rp_filter 0
  set_kernel r2 net/ipv4/conf/second/rp_filter 0
  set_kernel r2 net/ipv4/icmp_errors_use_inbound_ifaddr 1
  set_kernel r1 net/ipv4/fib_multipath_hash_policy 1
  on r1 ip route replace 10.77.5.0/24 nexthop via 10.77.2.2 dev right nexthop via 10.78.2.2 dev second
  rules r2 <<'END'
table ip member {
  set flows {
    type inet_service
    flags dynamic
    size 128
  }
  chain prerouting {
    type filter hook prerouting priority 0
    iifname second udp dport 7777 add @flows { udp sport } numgen random mod 10 < 3 drop
  }
}
END
  probe -j -q -c 40 --interval 20ms -w 500ms --flows 16 -p 40000 "$target" 7777
  bad=$(on r2 nft -j list set ip member flows | grep -oE '400[0-9]{2}' | sort -n | awk '{ printf "%s%d", (NR > 1 ? "," : ""), $1 - 39999 }')
  like "flows: those of the bad member and no others ($bad)" "$(grep '"event":"flows"' <<<"$out")" \
    ".*\"flows\":16,\"worse\":\\[$bad\\],\"worse_percent\":[0-9.]+,\"other_percent\":0\\.000.*"
  is "flows: a summary for each" "$(grep -c '"event":"summary".*"sent":40,' <<<"$out")" 16
  on r2 nft delete table ip member
  probe --trace --flows 16 -p 40000 "$target" 7777
  others=$(seq 16 | grep -vxF -f <(tr , '\n' <<<"$bad"))
  is "flows: two paths beside each other, of these flows" \
    "$(sed -n 3p <<<"$out" | grep -oE '10\.7[78]\.2\.2' | sort | tr '\n' ' ')$(tail -n 1 <<<"$out")" \
    "10.77.2.2 10.78.2.2 16 flows take 2 paths, which part at hop 2"
  # The numbers in the head, written out.
  spelled() { tr -d ' ' <<<"$1" | tr , '\n' | awk -F - '{ last = NF > 1 ? $2 : $1; for (n = $1; n <= last; ++n) print n }'; }
  column=$(sed -n 3p <<<"$out" | tr '\t' '\n' | grep -n '^10\.78' | cut -d : -f 1)
  is "flows: the path of the second member is that of its flows" \
    "$(spelled "$(sed -n 1p <<<"$out" | cut -f "$column" | sed 's/^flows* //')" | tr '\n' ,)" "$bad,"
  is "flows: and the others took the first" "$(wc -l <<<"$others")" "$((16 - $(tr , '\n' <<<"$bad" | wc -l)))"
  probe --trace -c 3 --interval 20ms --flows 16 -p 40000 "$target" 7777
  is "flows: in rounds each keeps to its path" "$(awk -F '\t' '$1 == 2 && $10 !~ /^10.7[78].2.2$/' <<<"$out")" ""
  # What drops its flows, without a word, on one of the ways: no hop before it tells.
  rules r2 <<'END'
table ip member {
  chain prerouting {
    type filter hook prerouting priority 0
    iifname second udp dport 7777 ip ttl > 1 drop
  }
}
END
  some_bad=${bad//,/, }
  probe --trace -c 4 --interval 20ms -w 200ms --max-hops 8 --flows 16 -p 40000 "$target" 7777
  like "flows: in rounds those that a way drops are named" "$status $(tail -n 1 <<<"$out")" \
    "0 flows? $some_bad of 16 loses? 100\\.0 %, the others 0\\.0 %"
  probe --trace -j -c 4 --interval 20ms -w 200ms --max-hops 8 --flows 16 -p 40000 "$target" 7777
  like "flows: in rounds, as an event" "$(grep '"event":"flows"' <<<"$out")" \
    ".*\"flows\":16,\"worse\":\\[$bad\\],\"worse_percent\":100\\.000,\"other_percent\":0\\.000.*"
  probe --trace -w 200ms --max-hops 8 --flows 16 -p 40000 "$target" 7777
  like "flows: who does not reach the target is told under the paths" "$status $(tail -n 1 <<<"$out")" \
    "0 flows? [0-9, -]+ of 16 do(es)? not reach the target"
  short=$(tail -n 1 <<<"$out" | grep -oE '^flows? [0-9, -]+')
  is "flows: and is who takes that way" "$(spelled "${short#flow*[s ]}" | tr '\n' ,)" "$bad,"
  rules r2 <<<'add rule ip member prerouting udp dport 7777 drop'
  probe --trace -c 2 --interval 20ms -w 200ms --max-hops 4 --flows 16 -p 40000 "$target" 7777
  is "flows: of a target that answers nobody none is worse" "$status $(tail -n 1 <<<"$out")" \
    "1 none of 16 flows is worse than the others (0.0 % lost)"
  on r2 nft delete table ip member
  on r1 ip route replace 10.77.5.0/24 via 10.77.2.2
else
  skip_case "flows over two equal ways (no nft, or no second link)"
fi

# --- round trips ------------------------------------------------------------------------------------------------

if command -v ping >/dev/null && on h1 ping -c 1 -w 5 "$target" >/dev/null 2>&1; then
  # The kernel answers ping, and a process the probe: on a busy machine the process waits, so such a run does not count.
  # shellcheck disable=SC2317  # called by again
  as_fast_as_ping() {
    on h1 ping -n -c 200 -i 0.01 "$target" | sed -nE 's/.*time=([0-9.]+) ms/\1/p' >"$work/ping" &
    ping=$!
    probe -j -c 200 --interval 10ms "$target" 7777
    wait "$ping"
    mine=$(sed -nE 's/.*"p50":([0-9.]+).*/\1/p' <<<"$out")
    theirs=$(sort -n "$work/ping" | sed -n 100p)
    difference=$(awk -v a="${mine:-999}" -v b="${theirs:-0}" 'BEGIN { print a < b ? b - a : a - b }')
    awk "BEGIN { exit !($difference <= 0.5) }"
  }
  again as_fast_as_ping
  at_most "round trips: the median is within 0.5 ms of ping's ($mine, $theirs)" "$difference" 0.5
else
  skip_case "round trips beside ping (none that works)"
fi

conclude
