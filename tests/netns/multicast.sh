#!/bin/bash
# SPDX-License-Identifier: MIT
# multicast.sh UDPTOOL: join and send between hosts of a network that is made for it: three hosts on a switch, and
# two links with a multicast router between them.
# shellcheck disable=SC2317  # conditions are called by until_true
set -u
udptool=$(realpath "$1")

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
laboratory timeout "$udptool"

# check NAME EXPECTED FOUND
check() { is "$1" "$3" "$2"; }

# ---- addresses, and programs on hosts

# address HOST INTERFACE NETWORK NUMBER: 10.9.NETWORK.NUMBER and fd09:NETWORK::NUMBER
address() {
  on "$1" ip address add "10.9.$3.$4/24" dev "$2"
  on "$1" ip address add "fd09:$3::$4/64" dev "$2" nodad
}

# start HOST FILE COMMAND...: its stdout goes to FILE and its stderr to FILE.err; ends with the script.
start() {
  local pid=host_$1 file=$work/$2
  shift 2
  : >"$file"; : >"$file.err"  # what an earlier one wrote must not be taken for its words
  nsenter -t "${!pid}" -n timeout 60 "$@" >"$file" 2>"$file.err" </dev/null &
  last=$!
}

# stop PID: as a service manager does.
stop() { kill "$1"; wait "$1" 2>/dev/null; }

# hear HOST FILE WORD...: starts `udptool join -i eth0 WORD...` and waits until it has joined.
hear() {
  local name=$1 file=$2
  shift 2
  start "$name" "$file" "$udptool" join -i eth0 -W 30 "$@"
  until_true grep -q '^joined' "$work/$file.err"
}

# reported HOST GROUP...: waits until the switch has the host's reports: before that it may keep the group from it.
reported() {
  local group
  for group in "${@:2}"; do until_true snooped "$1" "$group"; done
}

# check_heard NAME EXPECTED FILE: the payloads that the join last started has shown, when it has ended.
check_heard() {
  wait "$last"
  check "$1" "$2" "$(cut -f 3 "$work/$3" | paste -sd ' ')"
}

say() { local name=$1; shift; on "$name" "$udptool" send -i eth0 "$@"; }
is_member() { on "$1" ip maddress show dev eth0 | grep -qw -- "$2"; }
is_bound() { on "$1" cat /proc/net/udp /proc/net/udp6 | grep -q ":$(printf %04X "$2") "; }
received() { on "$1" sed -n 's/^ *eth0: *\([0-9]*\).*/\1/p' /proc/net/dev; }

# ---- three hosts on a switch

make_lan() {
  local i=0 name
  new_host switch a b c
  for name in a b c; do
    set_kernel $name net/ipv4/conf/all/rp_filter 0
    set_kernel $name net/ipv4/conf/default/rp_filter 0
  done
  # The response interval counts from the moment the querier is switched on; until it is over, all is flooded.
  on switch ip link add br0 type bridge mcast_snooping 1 mcast_igmp_version 3 mcast_mld_version 2 \
    mcast_query_response_interval 20 mcast_startup_query_interval 30 || return
  address switch br0 50 254
  on switch ip link set br0 up
  for name in a b c; do
    i=$((i + 1))
    cable $name eth0 switch port_$name
    on switch ip link set port_$name master br0
    address $name eth0 50 $i
    on $name ip route add 224.0.0.0/4 dev eth0
  done
  on switch ip link set br0 type bridge mcast_querier 1
}

# extra HOST GROUP: bytes that come to the host while another sends 12,000 to the group
extra() {
  local before
  before=$(received "$1")
  say a -c 10 -l 1200 "$2" 5999
  echo $(($(received "$1") - before))
}
is_pruned() { [ "$(extra c "$1")" -lt 6000 ]; }
is_flooded() { [ "$(extra c "$1")" -ge 12000 ]; }

switch_cases() {
  local group=239.1.1.1
  if ! { until_true is_pruned 239.99.99.99 && until_true is_pruned ff15::99; }; then
    skip_case "snooping: who has not joined gets nothing: the bridge floods in spite of its querier"
    return
  fi
  for group in 239.1.1.1 ff15::1; do
    hear b out -c 1 "$group"
    reported b "$group"
    if is_pruned $group; then pass "snooping: who has not joined $group gets none of it"
    else fail "snooping: who has not joined $group gets none of it"; fi
    say a $group 41234 "to $group"
    check_heard "snooping: the member of $group gets it" "to $group" out
  done
  on switch ip link set br0 type bridge mcast_snooping 0
  hear c out -c 1 239.1.1.2:5999
  if is_flooded 239.1.1.1; then pass "without snooping all get everything"
  else fail "without snooping all get everything"; fi
  say a 239.1.1.2 5999 'what was joined'
  check_heard "a group that is flooded but not joined is not shown" 'what was joined' out
}

# ---- joins and leaves on the wire

wire() { grep -q -- "$1" "$work/wire"; }
tables() { on b cat /proc/net/mcfilter /proc/net/mcfilter6 2>/dev/null; }

# told NAME CONDITION TEXT: waits until the condition is true of the text.
told() {
  local name=$1 how=$2 text=$3
  if until_true "$how" "$text"; then pass "$name"; else fail "$name" "waited for: $text" "$(tail -4 "$work/wire")"; fi
}
# snooped HOST GROUP: the switch knows that the host is a member.
snooped() { on switch bridge -d mdb show dev br0 | grep -q -- "port port_$1 grp $2"; }
forgotten() { ! snooped b "$1"; }
snooped_b() { snooped b "$1"; }

wire_cases() {
  local capture='' words join leave row
  on switch ip link set br0 type bridge mcast_snooping 1 mcast_last_member_interval 10 mcast_last_member_count 1
  if command -v tcpdump >/dev/null; then
    start switch wire tcpdump -Z root -lnvv -i port_b 'igmp or ip6[6] == 0'
    capture=$last
    until_true grep -q -e 'listening on' -e "Couldn't" "$work/wire.err"
    grep -q 'listening on' "$work/wire.err" || capture=
  fi
  [ -n "$capture" ] || skip_case "reports and leaves as tcpdump sees them: no tcpdump that works here"
  while IFS='|' read -r words join leave row; do
    hear b out "$words"
    if [ -n "$capture" ]; then told "the wire has the join of $words" wire "$join"; fi
    told "the switch sees the join of $words" snooped_b "$row"
    stop "$last"
    if [ -n "$capture" ]; then told "the wire has the leave of $words" wire "$leave"; fi
    told "the switch sees the leave of $words" forgotten "$row"
  done <<'END'
239.2.1.1|gaddr 239.2.1.1 to_ex { }|gaddr 239.2.1.1 to_in { }|239.2.1.1 
10.9.50.1,232.2.1.1|gaddr 232.2.1.1 allow { 10.9.50.1 }|gaddr 232.2.1.1 block { 10.9.50.1 }|232.2.1.1 src 10.9.50.1
ff15::201|gaddr ff15::201 to_ex { }|gaddr ff15::201 to_in { }|ff15::201 
fd09:50::1,ff35::201|gaddr ff35::201 allow { fd09:50::1 }|gaddr ff35::201 block { fd09:50::1 }|ff35::201 src fd09:50::1
END
  [ -z "$capture" ] || stop "$capture"
  hear b out --leave-after 3s 239.2.1.2 ff15::202 10.9.50.1,232.2.1.2
  check "the kernel's table has the source" "1 0" "$(tables | awk '$3 == "0xe8020102" { print $5 + 0, $6 + 0 }')"
  reported b 239.2.1.2 ff15::202
  row="--leave-after leaves on the wire and goes on"
  if until_true forgotten 239.2.1.2 && until_true forgotten ff15::202 && [ -d "/proc/$last" ]; then pass "$row"
  else fail "$row"; fi
  stop "$last"
}

# ---- senders, filters, fragments

sender_cases() {
  hear b out -c 2 239.3.1.1
  reported b 239.3.1.1
  say a 239.3.1.1 41234 one
  say c 239.3.1.1 41234 two
  check_heard "two senders of a group are both heard" "one two" out
  check "two senders are counted" 1 "$(grep -c ': 2 datagrams, 6 bytes, 2 senders, first after' "$work/out.err")"
  for words in "10.9.50.1,232.3.1.1 232.3.1.1" "fd09:50::1,ff35::31 ff35::31"; do
    hear b out -c 1 "${words% *}"
    reported b "${words#* }"
    say c -s "$([[ $words = fd* ]] && echo fd09:50::3 || echo 10.9.50.3)" "${words#* }" 41234 stranger
    say a -s "${words%%,*}" "${words#* }" 41234 source
    check_heard "${words% *} hears its source only" source out
  done
  hear a out -c 1 239.3.1.3
  say a --no-loopback 239.3.1.3 41234 unheard
  say a 239.3.1.3 41234 looped
  check_heard "what is sent here is heard here, unless --no-loopback" looped out
  head -c 4096 /dev/urandom >"$work/payload"
  for group in 239.3.1.4 ff15::34; do
    hear b out -r -c 1 "$group"
    reported b "$group"
    say a --whole -f "$work/payload" "$group" 41234 2>"$work/send.err"
    wait "$last"
    if cmp -s "$work/payload" "$work/out" && grep -q fragments "$work/send.err"; then
      pass "a datagram of 4 KiB to $group arrives whole, in fragments"
    else
      fail "a datagram of 4 KiB to $group arrives whole, in fragments" "$(wc -c <"$work/out") bytes"
    fi
  done
}

# ---- other programs

# program NAME FAMILY hear|say GROUP: a command line that joins the group on port 5000, or sends it "text".
program() {
  local v6='' bind=0.0.0.0 interface=10.9.50.2
  [ "$2" = 4 ] || v6=6 bind=:: interface=::%eth0
  case $1-$3-$2 in
    socat-hear-4) echo "exec socat -u UDP4-RECV:5000,reuseaddr,ip-add-membership=$4:eth0 STDOUT" ;;
    socat-hear-6) echo "exec socat -u UDP6-RECV:5000,reuseaddr,ipv6-join-group=[$4]:eth0 STDOUT" ;;
    socat-say-4) echo "printf text | socat -u STDIN UDP4-DATAGRAM:$4:5000" ;;
    socat-say-6) echo "printf text | socat -u STDIN UDP6-DATAGRAM:[$4]:5000" ;;
    node-hear-*) echo "exec node -e \"const s=require('dgram').createSocket({type:'udp${v6:-4}',reuseAddr:true});
      s.on('message',m=>console.log(String(m))).bind(5000,'$bind',()=>s.addMembership('$4','$interface'))\"" ;;
    node-say-*) echo "node -e \"const s=require('dgram').createSocket('udp${v6:-4}');
      s.send('text',5000,'$4',()=>s.close())\"" ;;
    python3-hear-*) echo "exec python3 -uc 'import socket as S
s=S.socket(S.AF_INET$v6,2); s.setsockopt(S.SOL_SOCKET,S.SO_REUSEADDR,1); s.bind((\"$bind\",5000))
g=S.inet_pton(s.family,\"$4\"); i=S.if_nametoindex(\"eth0\").to_bytes(4,\"little\")
s.setsockopt(*((S.IPPROTO_IPV6,S.IPV6_JOIN_GROUP,g+i) if s.family==S.AF_INET6 else
  (S.IPPROTO_IP,S.IP_ADD_MEMBERSHIP,g+bytes(4)+i)))
while 1: print(s.recv(99).decode())'" ;;
    python3-say-*) echo "python3 -c 'import socket as S
S.socket(S.AF_INET$v6,2).sendto(b\"text\",(\"$4\",5000))'" ;;
  esac
}

interop_case() {
  local name=$1 family=$2 group=$3 other=$4 theirs
  start b theirs sh -c "$(program "$name" "$family" hear "$group")"
  theirs=$last
  until_true is_member b "$group" && until_true is_bound b 5000
  # Ours shares host and port with theirs, and must not hear their group.
  hear b ours -c 1 "$([ "$family" = 4 ] && echo "$other" || echo "[$other]"):5000"
  reported b "$group" "$other"
  say a "$group" 5000 text
  if until_true grep -q text "$work/theirs"; then pass "$name, IPv$family: hears what send sends"
  else fail "$name, IPv$family: hears what send sends" "$(<"$work/theirs.err")"; fi
  on a sh -c "$(program "$name" "$family" say "$other")"
  check_heard "$name, IPv$family: join hears what it sends, and not its group" text ours
  stop "$theirs"
}

interop_cases() {
  local name
  for name in socat python3 node; do
    if ! command -v $name >/dev/null; then
      skip_case "$name joins and sends: no $name"
      continue
    fi
    interop_case $name 4 239.4.1.1 239.4.1.2
    interop_case $name 6 ff15::41 ff15::42
  done
}

# ---- a multicast router

make_route() {
  new_host s r d
  set_kernel r net/ipv4/ip_forward 1; set_kernel r net/ipv6/conf/all/forwarding 1
  cable s eth0 r left; cable d eth0 r right
  address s eth0 61 1; address r left 61 2
  address r right 62 2; address d eth0 62 1
  on d ip route add 10.9.61.0/24 via 10.9.62.2
  cat >"$work/smcroute.conf" <<'END'
phyint left enable
phyint right enable
mroute from left group 239.5.1.1 to right
mroute from left source 10.9.61.1 group 232.5.1.1 to right
mroute from left group ff15::51 to right
mroute from left source fd09:61::1 group ff35::51 to right
END
  start r smcroute smcrouted -n -N -f "$work/smcroute.conf" -l notice -P "$work/smcroute.pid" -u "$work/smcroute.sock"
  until_true grep -q Ready "$work/smcroute.err" "$work/smcroute"
}

route_cases() {
  local words group source name
  if ! command -v smcrouted >/dev/null; then
    skip_case "multicast across a router: no smcrouted"
    return
  fi
  if ! make_route; then
    skip_case "multicast across a router: smcrouted does not start: $(tail -1 "$work/smcroute.err")"
    return
  fi
  for words in 239.5.1.1 10.9.61.1,232.5.1.1 ff15::51 fd09:61::1,ff35::51; do
    group=${words#*,}
    source=$([[ $group = ff* ]] && echo fd09:61::1 || echo 10.9.61.1)
    hear d out -v -c 1 "$words"
    say s -s "$source" -t 1 "$group" 41234 near
    say s -s "$source" -t 2 "$group" 41234 far
    wait "$last"
    name="$words crosses a router with TTL 2, and not with TTL 1"
    if [ "$(wc -l <"$work/out")" = 1 ] && grep -q 'if=eth0 ttl=1 .*far$' "$work/out"; then pass "$name"
    else fail "$name" "$(<"$work/out")" "$(<"$work/smcroute.err")"; fi
  done
}

if make_lan; then
  switch_cases; wire_cases
  sender_cases; interop_cases
else
  skip_case "three hosts on a switch: no bridge with multicast snooping here"
fi
route_cases
conclude
