#!/bin/bash
# SPDX-License-Identifier: MIT
# image.sh BUILD: the image FROM scratch that .package/Containerfile is, made by buildah where it is installed, else put
# together as it says: the static binary runs where there is nothing else. It receives, confined, and finds a name in
# the file of hosts.
set -eu -o pipefail
build=$(realpath "$1")
recipe=$(realpath "$(dirname "$0")/../../.package/Containerfile")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
network=$(bash "$(dirname "$0")/../netns/lab.sh") || { echo "skipped: the static binary ($network)"; exit 77; }

cmake --build "$build" --target udptool-static >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

# With a storage of its own, and without what is otherwise read in /etc/containers. Prints the image's root.
by_buildah() {
  local storage=(--root "$work/storage" --runroot "$work/run" --storage-driver vfs)
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$work/policy.json"
  buildah "${storage[@]}" bud --isolation chroot --signature-policy "$work/policy.json" -f "$recipe" -t made \
    "$build/src" >&2 &&
    buildah "${storage[@]}" mount "$(buildah "${storage[@]}" from --pull-never --signature-policy "$work/policy.json" made)"
}
by_hand() {
  local from to
  grep -qx 'FROM scratch' "$recipe"
  mkdir "$work/root"
  sed -n 's/^COPY //p' "$recipe" | while read -r from to; do cp "$build/src/$from" "$work/root/$to"; done
  echo "$work/root"
}
root='' reason='it is not installed'
if command -v buildah >/dev/null; then
  root=$(by_buildah 2>"$work/log") || reason=$(tail -n 1 "$work/log")
fi
if [ -n "$root" ]; then
  echo "passed: buildah makes an image"
else
  echo "skipped: an image made by buildah ($reason)"
  root=$(by_hand)
fi
entry=$(sed -nE 's/^ENTRYPOINT \["([^"]*)"\]$/\1/p' "$recipe")
mkdir -p "$root/etc"  # which a runtime fills
echo '127.0.0.1 somebody' >"$root/etc/hosts"
# shellcheck disable=SC2016  # it is for the shell inside
timeout 60 unshare "$network" bash -euc '
  ip link set lo up
  chroot "$1" "$2" --version
  chroot "$1" "$2" listen -v -c 1 -w 20 127.0.0.1:41234 2>&1 &
  until grep -q ":A112 " /proc/net/udp; do sleep 0.05; done
  chroot "$1" "$2" send somebody 41234 "from nowhere"
  wait $!
  chroot "$1" "$2" probe 127.0.0.1 41234 || true
' alone "$root" "$entry" >"$work/log" 2>&1 || { cat "$work/log"; echo "failed: the static binary does not run"; exit 1; }

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
