#!/bin/bash
# SPDX-License-Identifier: MIT
# image.sh BUILD: the static binary runs where there is nothing else, as in an image FROM scratch: it receives, confined,
# and finds a name in the file of hosts.
set -eu -o pipefail
build=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
network=$(bash "$(dirname "$0")/../netns/lab.sh") || { echo "skipped: the static binary ($network)"; exit 77; }

cmake --build "$build" --target udptool-static >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
mkdir -p "$work/root/etc"
cp "$build/src/udptool-static" "$work/root/udptool"
echo '127.0.0.1 somebody' >"$work/root/etc/hosts"
# shellcheck disable=SC2016  # it is for the shell inside
timeout 60 unshare "$network" bash -euc '
  ip link set lo up
  chroot "$1" /udptool --version
  chroot "$1" /udptool listen -v -c 1 -w 20 127.0.0.1:41234 2>&1 &
  until grep -q ":A112 " /proc/net/udp; do sleep 0.05; done
  chroot "$1" /udptool send somebody 41234 "from nowhere"
  wait $!
  chroot "$1" /udptool probe 127.0.0.1 41234 || true
' alone "$work/root" >"$work/log" 2>&1 || { cat "$work/log"; echo "failed: the static binary does not run"; exit 1; }

failed=0
for pattern in '^static: yes$' '^libpcap: not in a static build$' '	from nowhere$' '	closed	'; do
  grep -q "$pattern" "$work/log" || { echo "failed: no line like '$pattern'"; failed=1; }
done
if grep -q 'not filtered\|lacks libseccomp' "$work/log"; then
  echo "failed: it is not confined"
  failed=1
fi
if [ $failed -eq 0 ]; then echo "passed: the static binary needs nothing else"; else cat "$work/log"; fi
exit $failed
