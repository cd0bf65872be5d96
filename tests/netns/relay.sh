#!/bin/bash
# SPDX-License-Identifier: MIT
# relay.sh UDPTOOL: `udptool listen --forward`, and `--impair`, behind a router that masquerades, between the families
# and under real protocols: each answer comes back whole, from the address that was asked.
#
#   client ==== router ==== relay ==== server      10.1.0.2 - 10.1.0.1, 10.2.0.1 - 10.2.0.2, 10.2.0.3, 10.3.0.1 -
#                NAT                               10.3.0.2; fd01:: to fd03:: likewise
#
set -eu -o pipefail
udptool=$(realpath "$1")
ends=$(realpath "$(dirname "$0")/relay.py")
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
laboratory "python3 setpriv" "$udptool"

new_host client router relay server
cable client right router left
cable router right relay left
cable relay right server left
# number HOST INTERFACE LINK HOST_PART
number() {
  on "$1" ip address add "10.$3.0.$4/24" dev "$2"
  on "$1" ip address add "fd0$3::$4/64" dev "$2" nodad
}
number client right 1 2
number router left 1 1
number router right 2 1
number relay left 2 2
number relay left 2 3
number relay right 3 1
number server left 3 2
for pair in client:right router:left router:right relay:left relay:right server:left; do settle "${pair%:*}" "${pair#*:}"; done
on client ip route add default via 10.1.0.1
on client ip -6 route add default via fd01::1
set_kernel router net/ipv4/ip_forward 1
set_kernel router net/ipv6/conf/all/forwarding 1
# The relay and the server have no way back to the client but by the router's own address.
nat=0
if command -v nft >/dev/null && on router nft -f - 2>"$work/nft" <<'END_OF_RULES'; then nat=1; fi
table inet nat {
  chain after { type nat hook postrouting priority srcnat; oifname "right" masquerade; }
}
END_OF_RULES
[ $nat = 1 ] || skip "no NAT here: $(head -n 1 "$work/nft" 2>/dev/null || echo no nft)"

# start HOST LOG COMMAND...: sets started to its own process id, which that of on() is not.
start() {
  local pid=host_$1
  : >"$2"
  : >"$2.out"
  nsenter -t "${!pid}" -n "${@:3}" >"$2.out" 2>"$2" </dev/null &
  started=$!
}
# relays HOST ENDPOINT TARGET OPTION...: until `stopped`, which sets summary.
relays() {
  local host=$1 endpoint=$2 target=$3
  shift 3
  start "$host" "$work/relay" "$udptool" listen --forward "$target" "$@" "$endpoint"
  relaying=$started
  await grep -q '^listening on' "$work/relay"
}
stopped() {
  kill "$relaying"
  wait "$relaying" || fail "the relay ended with $?"
  summary=$(grep '^forwarded' "$work/relay" || :)
}
ask() { on client python3 "$ends" ask "$@"; }

for address in 10.3.0.2 fd03::2; do
  start server "$work/$address" python3 "$ends" answer $address 7000
  await test -s "$work/$address.out"
done

# --- boundaries, both ways ----------------------------------------------------------------------------------------

sizes='0 1 2 100 1399 1400 1401 1451 1452 1453 1471 1472 1473 8000 65506 65507 '
count=$(wc -w <<<"$sizes")
while read -r asked endpoint target; do
  relays relay "$endpoint" "$target" -o none
  # shellcheck disable=SC2086  # each is a word
  is "from $asked to $target, 0 to 65507 bytes, and back from where it was asked" "$(ask "$asked" 7000 $sizes)" "$sizes"
  stopped
  is "from $asked to $target: all are accounted for" "$summary" "forwarded $count to $target, 0 refused, 1 session"
done <<'END_OF_TABLE'
10.2.0.2 7000 10.3.0.2:7000
10.2.0.3 7000 10.3.0.2:7000
10.2.0.3 10.2.0.3:7000 [fd03::2]:7000
fd02::3 7000 [fd03::2]:7000
fd02::2 7000 10.3.0.2:7000
END_OF_TABLE

relays relay '[::]:7000' 10.3.0.2:7000
is "IPv6 carries more than IPv4 can: the last that fits" "$(ask fd02::2 7000 1 65507)" "1 65507 "
like "the sender that the relay sees is the router" "$(cut -c 1-9 "$work/relay.out" | sort -u)" '\[fd02::1\]'
on client "$udptool" send -q -l 65527 fd02::2 7000
await grep -q $'\t65527\t' "$work/relay.out"
stopped
is "IPv6 carries more than IPv4 can: what does not is refused" "$summary" \
  "forwarded 2 to 10.3.0.2:7000, 1 refused, 2 sessions"

start relay "$work/echo" "$udptool" listen -o none --echo 7001
echo=$started
await grep -q '::.:7001$' "$work/echo"
for asked in 10.2.0.3 fd02::3; do
  like "an echo at $asked, asked from behind the NAT" "$(on client "$udptool" probe -q -c 5 --interval 5ms "$asked" 7001)" \
    '5 sent, 5 received, 0 lost .*'
done
kill "$echo"

# Two relays, one on each side of the router, and a family each.
relays relay 7000 10.3.0.2:7000 -o none
inner=$relaying
relays client 127.0.0.1:7000 '[fd02::3]:7000' -o none
# shellcheck disable=SC2086
is "two relays with a NAT between them: 0 to 65507 bytes" "$(ask 127.0.0.1 7000 $sizes)" "$sizes"
stopped
relaying=$inner
stopped

# --- real protocols -----------------------------------------------------------------------------------------------

# shellcheck disable=SC2317  # called by until_true
serves_names() { ! kill -0 "$started" 2>/dev/null || on server ss -Hlun 'sport = :53' | grep -q .; }
# serve WHAT COMMAND...: a server of names that runs; where it does not, that is skipped, with what it says.
serve() {
  command -v "$2" >/dev/null || { skip_case "$1 (not installed)"; return 1; }
  start server "$work/server" "${@:2}"
  until_true serves_names
  kill -0 "$started" 2>/dev/null || { skip_case "$1 (does not run here: $(tail -n 1 "$work/server"))"; return 1; }
}
# resolver: the client's, by the relay, is the only one that names are asked of.
resolver() {
  mount -t tmpfs none /mnt
  printf '%s\n' "nameserver 10.2.0.2" "options timeout:1 attempts:10" >/mnt/resolv.conf
  echo "hosts: dns" >/mnt/nsswitch.conf
  mount --bind /mnt/resolv.conf /etc/resolv.conf
  mount --bind /mnt/nsswitch.conf /etc/nsswitch.conf
}
# lost: how many the relay lost on purpose, on the way there.
lost() {
  local count
  count=$(sed -nE 's/^impaired forward: .* ([0-9]+) lost,.*/\1/p' "$work/relay")
  echo "${count:-0}"
}

mkdir "$work/files"
head -c 50000 /dev/urandom >"$work/files/file"
chmod -R a+rX "$work"
if serve "DNS and TFTP of dnsmasq" dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
  --user=root --bind-interfaces --address=/host.test/192.0.2.7 --address=/host.test/2001:db8::7 \
  --enable-tftp --tftp-root="$work/files"; then
  for impair in '' 'delay=10ms,jitter=5ms,duplicate=20%,reorder=10%,seed=1' '<loss=20%,seed=5'; do
    relays relay 10.2.0.2:53 '[fd03::2]:53' -o none ${impair:+--impair "$impair"}
    what="DNS by a relay between the families${impair:+, $impair}"
    if has_mounts; then
      [ -s /mnt/resolv.conf ] || resolver
      is "$what" "$(on client getent ahosts host.test | cut -d ' ' -f 1 | sort -u | tr '\n' ' ')" "192.0.2.7 2001:db8::7 "
    else
      skip_case "$what (no mounts of its own in a chroot)"
    fi
    stopped
  done
  for impair in '' 'delay=2ms,duplicate=10%,seed=1' 'loss=2%,seed=6'; do
    what="TFTP by a relay, whose server goes on from another port${impair:+, $impair}"
    if ! command -v curl >/dev/null || ! curl --version | grep -w tftp >/dev/null; then
      skip_case "$what (no curl that knows TFTP)"
      continue
    fi
    relays relay 10.2.0.2:69 10.3.0.2:69 -o none ${impair:+--impair "$impair"}
    on client curl -s --max-time 30 "tftp://10.2.0.2/file" -o "$work/fetched" || :
    is "$what" "$(cmp "$work/files/file" "$work/fetched" 2>&1)" ""
    stopped
  done
fi

if ! command -v ffmpeg >/dev/null; then
  skip_case "RTP of ffmpeg (not installed)"
else
  for impair in '' 'loss=5%,delay=10ms,seed=3'; do
    start server "$work/stream" "$udptool" listen --rtp -o none '[fd03::2]:5004'
    stream=$started
    await grep -q '^listening on' "$work/stream"
    relays relay 10.2.0.2:5004 '[fd03::2]:5004' -o none ${impair:+--impair "$impair"}
    on client ffmpeg -v error -nostdin -re -f lavfi -i sine=duration=1 -ar 8000 -c:a pcm_mulaw -f rtp \
      rtp://10.2.0.2:5004 >"$work/ffmpeg" 2>&1 || cat "$work/ffmpeg"
    stopped
    kill "$stream"
    wait "$stream" || fail "the receiver of the stream ended with $?"
    is "RTP of ffmpeg by a relay${impair:+, $impair}: what it passed on and what it lost is what the receiver tells" \
      "$(sed -nE 's/^rtp .* received ([0-9]+), lost ([0-9]+),.*/\1 \2/p' "$work/stream")" \
      "$(sed -nE 's/^forwarded ([0-9]+) .*/\1/p' "$work/relay") $(lost)"
  done
fi

conclude
