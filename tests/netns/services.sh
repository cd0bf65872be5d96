#!/bin/bash
# SPDX-License-Identifier: MIT
# services.sh UDPTOOL: `udptool probe --payload NAME` beside real servers, as far as they are installed, and beside
# scripts that follow the protocol's RFC (responders.py): what it says of them, and that it does not believe an answer
# to somebody else's request.
#
# Everything runs on the loopback of a network namespace of its own and is gone when this ends.
set -eu -o pipefail
udptool=$(realpath "$1")
responders=$(realpath "$(dirname "$0")/responders.py")
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
laboratory "python3 setpriv" "$udptool"
# Groups on the loopback as well.
ip link set lo up multicast on
# in.tftpd resolves even 127.0.0.1 only where there is an address that is not the loopback's (AI_ADDRCONFIG).
ip address add 198.18.0.1/32 dev lo
ip route add 224.0.0.0/4 dev lo

# probe OPTION...: without any capability; sets out and status.
probe() {
  status=0
  out=$(setpriv --inh-caps=-all --bounding-set=-all "$udptool" probe "$@" 2>&1) || status=$?
}
# start LOG COMMAND...: sets started to its process id.
start() {
  local log=$1
  shift
  : >"$log.out"
  "$@" >"$log.out" 2>"$log" </dev/null &
  started=$!
}
stop() {
  kill "$1" 2>/dev/null || :
  wait "$1" 2>/dev/null || :
}
# ready LOG: a responder of ours has its socket.
ready() { await test -s "$1.out"; }
port=20000 # the last that was taken
label=     # of the server that is tried
# not_believed NAME SERVER_PORT flip|cut WHERE: an answer to another request is none. Where the protocol has no id, any
# reply means that the port is open, but one that is cut short is not called more than a reply.
not_believed() {
  local what="an answer to another request" verdict="is not believed"
  local pattern="1 127\\.0\\.0\\.1:[0-9]+"$'\tno answer\t.*'
  if [ "$3" = cut ]; then
    what="a reply of $4 bytes"
    verdict="is called no more than that"
    pattern="0 127\\.0\\.0\\.1:[0-9]+"$'\topen\t[0-9.]+ ms\t'"$1 reply, $4 bytes"
  fi
  port=$((port + 1))
  rm -f "$work/relay.out"
  start "$work/relay" python3 "$responders" relay "$port" "$2" "$3" "$4"
  local relay=$started
  ready "$work/relay"
  probe -w 200ms --payload "$1" 127.0.0.1 "$port"
  like "$label: $what $verdict" "$status $out" "$pattern"
  grep -q 'passed on' "$work/relay" || fail "$label: there was $what" "$(cat "$work/relay")"
  stop "$relay"
}
# check NAME PROCESS PORT PATTERN flip|cut WHERE [OPTION...]: the server there is open, with this detail.
check() {
  local name=$1 process=$2 server_port=$3 pattern=$4 change=$5 where=$6
  shift 6
  for _ in $(seq 25); do
    probe -w 100ms --payload "$name" "$@" 127.0.0.1 "$server_port"
    if [ "$status" = 0 ] || ! kill -0 "$process" 2>/dev/null; then break; fi
    sleep 0.1
  done
  like "$label: open, $(cut -f 4 <<<"$out")" "$status $out" \
    "0 127.0.0.1:$server_port"$'\topen\t[0-9.]+ ms\t'"$name $pattern, [0-9]+ bytes"
  not_believed "$name" "$server_port" "$change" "$where"
}

# --- real servers -----------------------------------------------------------------------------------------------

# real COMMAND NAME PATTERN flip|cut WHERE OPTION... -- ARGUMENT...: %p in ARGUMENT is the port. Skipped when there is
# no such command, or it does not run in a namespace.
real() {
  local command=$1 name=$2 pattern=$3 change=$4 where=$5 options=()
  shift 5
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  if ! command -v "$command" >/dev/null; then
    skip_case "$name of $command (not installed)"
    return
  fi
  port=$((port + 1))
  local server_port=$port
  start "$work/$command" "$command" "${@//%p/$port}"
  local process=$started
  sleep 0.5
  if kill -0 "$process" 2>/dev/null; then
    label="$name of $command"
    check "$name" "$process" "$server_port" "$pattern" "$change" "$where" "${options[@]}"
  else
    local last
    last=$(tail -qn 1 "$work/$command" "$work/$command.out" | tail -n 1)
    skip_case "$name of $command (does not run here: ${last:-it says nothing})"
  fi
  stop "$process"
}

real dnsmasq dns 'REFUSED' flip 0 -- --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --port=%p \
  --listen-address=127.0.0.1 --bind-interfaces --pid-file=

cat >"$work/unbound.conf" <<END_OF_FILE
server:
  interface: 127.0.0.1
  port: $((port + 1))
  directory: "$work"
  chroot: ""
  username: ""
  pidfile: "$work/unbound.pid"
  use-syslog: no
  do-daemonize: no
  local-zone: "." static
  local-data: ". 10 IN NS a.root.invalid."
  local-data: ". 10 IN SOA a.root.invalid. nobody.invalid. 1 2 3 4 5"
END_OF_FILE
real unbound dns 'NOERROR' flip 0 -- -d -p -c "$work/unbound.conf"

printf '%s\n' 'local stratum 5' 'allow 127.0.0.1' 'bindaddress 127.0.0.1' 'cmdport 0' 'bindcmdaddress /' \
  "port $((port + 1))" "pidfile $work/chronyd.pid" >"$work/chrony.conf"
# Both clocks are this host's.
real chronyd ntp 'stratum 5, offset [+-][0-9]\.[0-9] ms' flip 40 -- -d -x -u root -f "$work/chrony.conf"

mkdir "$work/snmp"
echo 'rocommunity nobody 127.0.0.9' >"$work/snmpd.conf"
export SNMP_PERSISTENT_DIR=$work/snmp
# An engine id begins with the enterprise, net-snmp's (RFC 3411, 5).
real snmpd snmp 'engine 80001f88[0-9a-f]+' flip 10 -- -f -Lo -C -c "$work/snmpd.conf" -p "$work/snmpd.pid" \
  udp:127.0.0.1:%p

real turnserver stun 'mapped 127\.0\.0\.1:19999' flip 8 -p 19999 -- -S -n --listening-ip=127.0.0.1 \
  --listening-port=%p --no-tls --no-dtls --no-cli --userdb="$work/turndb" --pidfile="$work/turnserver.pid" \
  --log-file=stdout

# No id here but the port that the server chooses.
if [ "$(cat /proc/self/setgroups)" = allow ]; then
  real in.tftpd tftp 'error 1 File not found' cut 3 -- -4 -L --address 127.0.0.1:%p -u root -s "$work"
else
  skip_case "tftp of in.tftpd (sets its groups, which takes root)"
fi

real memcached memcached 'version [0-9.]+' flip 0 -- -U %p -p 0 -l 127.0.0.1 -u root

# --- scripts ----------------------------------------------------------------------------------------------------

# NAME:flip or cut:WHERE:PATTERN. What has no id is cut short instead.
while IFS=: read -r name change where pattern; do
  port=$((port + 1))
  start "$work/$name" python3 "$responders" "$name" "$port"
  process=$started
  ready "$work/$name"
  label=$name
  check "$name" "$process" "$port" "$pattern" "$change" "$where"
  stop "$process"
done <<'END_OF_TABLE'
sip:flip:z9hG4bK:200 OK
quic:flip:6:versions 1, 2
coap:flip:2:RST
natpmp:cut:3:external 203\.0\.113\.7
portmap:flip:0:accepted
netbios:flip:0:FILESERVER
ike:flip:0:2\.0 NO_PROPOSAL_CHOSEN
ipmi:flip:9:pong
openvpn:flip:1:server reset
a2s:cut:3:challenge
mdns:flip:0:2 answers
ssdp:cut:3:200 OK, Linux/6\.1 UPnP/2\.0 example/1\.0
echo:flip:0:echoed
END_OF_TABLE

# Groups: every responder is listed, by its own address.
while read -r name group its_port; do
  rm -f "$work/$name".*
  start "$work/$name.one" python3 "$responders" "$name" "$its_port" "$group" 127.0.0.2
  one=$started
  start "$work/$name.two" python3 "$responders" "$name" "$its_port" "$group" 127.0.0.3
  two=$started
  ready "$work/$name.one"
  ready "$work/$name.two"
  probe -i lo -w 300ms --payload "$name" "$group" "$its_port"
  like "$name: both responders of the group" "$status $(cut -f 1,2 <<<"$out" | sort -u | tr '\t\n' '= ')" \
    "0 127.0.0.2:$its_port=open 127.0.0.3:$its_port=open "
  stop "$one"
  stop "$two"
done <<'END_OF_TABLE'
mdns 224.0.0.251 5353
ssdp 239.255.255.250 1900
END_OF_TABLE

conclude
