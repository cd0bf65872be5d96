#!/bin/bash
# SPDX-License-Identifier: MIT
# segmentation.sh UDPTOOL FAIL_SEND: the datagrams on a wire are the same, whether the kernel cuts runs of them
# (UDP_SEGMENT) or each is sent by itself.
#
# One wire (veth) in a namespace of its own, whose device takes no segmented packets: what leaves is captured as it
# would be on Ethernet. The preload makes the first segmented send fail, after which udptool gives segmentation up.
set -eu -o pipefail
udptool=$(realpath "$1")
fail_send=$(realpath "$2")
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
laboratory python3 "$udptool" "$fail_send"

ip link add wire type veth peer name end 2>/dev/null || skip "no veth devices here"
set_kernel here net/ipv6/conf/wire/accept_dad 0
set_kernel here net/ipv6/auto_flowlabels 0
# Segments are cut and checksums made here, and not left to a device that is none.
ip link set wire gso_max_segs 1
python3 - <<'END'
import array, fcntl, socket, struct
ETHTOOL_STXCSUM, SIOCETHTOOL = 0x17, 0x8946
value = array.array("I", [ETHTOOL_STXCSUM, 0])
request = struct.pack("16sP16x", b"wire", value.buffer_info()[0])
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), SIOCETHTOOL, request)
END
ip link set wire up
ip link set end up
ip addr add 10.77.0.1/24 dev wire
ip addr add fd77::1/64 dev wire
mac=$(ip -o link show end | sed 's/.*link.ether \([^ ]*\).*/\1/')
ip neigh add 10.77.0.2 lladdr "$mac" dev wire
ip neigh add fd77::2 lladdr "$mac" dev wire

# The first COUNT datagrams from port 4000, a line of hexadecimal each, but for the IPv4 header's identification and
# checksum: they mean nothing in a datagram that must not be fragmented (RFC 6864). Gives up after 10 s.
cat >"$work/capture.py" <<'END'
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
wire.bind(("end", 0))
wire.settimeout(10)
print("ready", file=sys.stderr, flush=True)
left = int(sys.argv[1])
while left > 0:
    frame = bytearray(wire.recv(65536))
    is_ipv4 = frame[12:14] == b"\x08\x00"
    if frame[23 if is_ipv4 else 20] != socket.IPPROTO_UDP or frame[34 if is_ipv4 else 54:][:2] != b"\x0f\xa0":
        continue
    if is_ipv4:
        frame[18:20] = frame[24:26] = b"\0\0"
    print(frame.hex())
    left -= 1
END

variables=() # of udptool's environment
# capture NAME COUNT WORDS...: udptool send WORDS, until COUNT datagrams have been seen on the wire.
capture() {
  local name=$1 count=$2 status=0
  shift 2
  : >"$work/said"
  python3 "$work/capture.py" "$count" >"$work/$name" 2>"$work/said" &
  local seen=$!
  until [ -s "$work/said" ]; do sleep 0.01; done
  env "${variables[@]}" "$udptool" send -q -p 4000 "$@" || status=$?
  wait "$seen" || cat "$work/said"
  return "$status"
}

# same WHAT COUNT WORDS...: COUNT datagrams leave in both ways, and are the same; the first way does segment.
same() {
  local what=$1 count=$2
  shift 2
  variables=()
  capture whole "$count" "$@"
  : >"$work/log"
  variables=(LD_PRELOAD="$fail_send" ASAN_OPTIONS=verify_asan_link_order=0 FAIL_SEND_MARK=x FAIL_SEND_ERRNO=5
    FAIL_SEND_RUNS=1 FAIL_SEND_TIMES=1 FAIL_SEND_LOG="$work/log")
  capture single "$count" "$@"
  is "$what: all of them" "$(wc -l <"$work/whole") $(wc -l <"$work/single")" "$count $count"
  like "$what: a run was cut" "$(cat "$work/log")" '([2-9]|[1-9][0-9]+)'
  is "$what: the same" "$(diff "$work/whole" "$work/single" | head -c 300)" ""
}

# No more than the capture can hold. Runs of one length, a shorter one that ends a run, empty ones, lengths that
# change each time; over IPv4 (where DF is a bit) also some that leave in fragments.
lines() {
  python3 - "$1" <<'END'
import sys
size = [64] * 20 + [63, 0] + [1400] * 5 + [1, 2, 3] + ([1472, 1473, 2000] if sys.argv[1] == "10.77.0.2" else [1452])
for i in range(120):
    print("x" * size[i % len(size)])
END
}
(yes x || true) | head -c 28000 >"$work/chunks"

for to in 10.77.0.2 fd77::2; do
  lines "$to" >"$work/lines"
  same "$to, lines" 120 -f "$work/lines" "$to" 9
  same "$to, generated" 150 -l 64 -c 150 -t 3 --dscp ef "$to" 9
  same "$to, chunks" 40 --chunk 700 -f "$work/chunks" "$to" 9
done
conclude
