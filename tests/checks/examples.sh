#!/bin/bash
# SPDX-License-Identifier: MIT
# examples.sh UDPTOOL: every command of README.md, of the manual page and of the examples in each --help is run, in a
# namespace where `host` and `eth0` are, in a directory with the files that it names. It may wait for traffic (then Ctrl-C ends it), find nothing or be
# refused; it must not be bad usage, lack a file, or leave an error.
set -eu -o pipefail

# Inside: one command.
if [ "${1-}" = --inside ]; then
  export PATH=$2:$PATH
  ip link set lo up
  ip link add eth0 type veth peer name eth1
  ip link set eth0 up multicast on && ip link set eth1 up
  ip address add 192.0.2.7/24 dev eth0
  ip route add default dev eth0
  mount --bind "$PWD/hosts" /etc/hosts
  udptool listen -q -o none --echo 192.0.2.7:7 192.0.2.7:53 &
  sleep 0.2
  result=0
  timeout -s INT -k 5 1.5 bash -c "$3" <input >out 2>err || result=$?
  kill $!
  case $result in 0 | 1 | 3 | 124 | 130) ;; *) echo "status $result" ;; esac
  grep -E '^udptool: .*(--help|cannot|No such|option)|not found|parse error' err || :
  exit 0
fi

udptool=$(realpath "$1")
here=$(realpath "$0")
cd "$(dirname "$0")/../.."
if ! unshare -rnm true 2>/dev/null; then
  echo "skipped: examples (no user namespaces here)"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$udptool" "$work/bin/udptool"

# run COMMAND: says passed or failed.
run() {
  local command=$1 place complaint
  place=$(mktemp -d "$work/XXXXXX")
  cd "$place"
  printf '127.0.0.1 localhost\n192.0.2.7 host loghost logger.example example.net\n' >hosts
  printf 'a line\nanother\n' | tee input app.log track.nmea request.bin magic.bin datagram >video.ts
  # A capture of one datagram: pcap, raw IPv4.
  printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\x65\0\0\0\0\0\0\0\0\0\0\0\x1e\0\0\0\x1e\0\0\0' >capture.pcap
  printf '\x45\0\0\x1e\0\0\0\0\x40\x11\0\0\xc0\0\2\x01\xc0\0\2\7\0\7\0\7\0\x0a\0\0hi' >>capture.pcap
  printf 'host:7\nhost:53\n' >hosts.txt
  complaint=$(unshare -rnm "$here" --inside "$work/bin" "$command" 2>&1 || echo "the namespace ended with $?")
  if [ -z "$complaint" ]; then
    echo "passed: $command"
  else
    echo "failed: $command: $complaint"
  fi
}

# The commands, without their comments: each once.
commands() {
  {
    sed -nE 's/^(    |\$ )(.*)/\2/p' README.md
    sed -nE 's/^\.Dl [a-z]*\$ //p' man/udptool.1 | sed 's/\\e/\\/g'
    for command in listen send join probe; do
      "$udptool" $command --help | sed -n '/^Examples:/,$p' | sed -nE 's/^  (.*)/\1/p' |
        sed -E 's/  +[a-z][^|]*$//; s/  +(IPv6|a DNS|by DNS).*//'
    done
  } | sed -E 's/  +#.*//' | grep -E '(^|[|] *)udptool ' | sort -u
}

running=0
while read -r command; do
  run "$command" &
  running=$((running + 1))
  if [ $((running % 4)) -eq 0 ]; then wait; fi
done < <(commands) >"$work/results"
wait
cat "$work/results"
[ "$running" -gt 0 ] && ! grep -q '^failed' "$work/results"
