#!/bin/bash
# SPDX-License-Identifier: MIT
# source.sh: the release's tarball is the same each time and holds what the commit holds, which it names; the source
# package that is made of it satisfies lintian. UDPTOOL_PACKAGE=1: and builds a package that does.
# shellcheck disable=SC2317  # what verdict calls
set -eu -o pipefail
cd "$(dirname "$0")/../.."
if ! git rev-parse HEAD >/dev/null 2>&1; then
  echo "skipped: no clone, or no git"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=1.0.0-rc1
failed=0

.package/source.sh $version "$work/first" >/dev/null
# Another time, zone, umask and place.
(umask 077 && cd / && TZ=Asia/Tokyo "$OLDPWD/.package/source.sh" $version "$work/second" >/dev/null)
tarball=udptool-$version.tar.gz
if cmp "$work/first/$tarball" "$work/second/$tarball"; then
  echo "passed: the tarball is the same each time"
else
  echo "failed: the tarball differs from one time to the next"
  failed=1
fi

tar -C "$work" -xzf "$work/first/$tarball"
if [ "$(cat "$work/udptool-$version/.package/commit")" = "$(git rev-parse HEAD)" ] &&
  diff <(cd "$work/udptool-$version" && find . -type f | sed 's|^\./||' | sort) <(git ls-tree -r --name-only HEAD | sort); then
  echo "passed: the tarball holds the commit, and its name"
else
  echo "failed: the tarball does not hold the commit"
  failed=1
fi

for tool in dpkg-source lintian dh; do
  command -v $tool >/dev/null || { echo "skipped: the source package (no $tool)"; exit $failed; }
done
.package/source.sh $version "$work/debian" debian >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
if lintian --allow-root --fail-on error,warning "$work"/debian/*.dsc >"$work/log" 2>&1; then
  echo "passed: lintian finds nothing in the source package"
else
  cat "$work/log"
  echo "failed: lintian finds fault with the source package"
  failed=1
fi

# What takes minutes: a compilation without any cache.
if [ -z "${UDPTOOL_PACKAGE-}" ]; then
  echo "skipped: the package that is built of it (UDPTOOL_PACKAGE=1 builds it)"
  exit $failed
fi
# verdict WHAT COMMAND...: passed if the command is content; else what it said last.
verdict() {
  local what=$1
  shift
  if "$@" >"$work/log" 2>&1; then
    echo "passed: $what"
  else
    tail -n 20 "$work/log" | cut -c 1-200
    echo "failed: $what"
    failed=1
  fi
}
recommends() {
  dpkg-deb --field "$1" Recommends | grep -q libpcap && ! dpkg-deb --field "$1" Depends | grep libpcap
}
within_the_source() { (cd "$work/debian/udptool-$version" && "$@"); }
verdict 'the source package builds' within_the_source dpkg-buildpackage -us -uc -b
[ $failed -eq 0 ] || exit $failed
cd "$work/debian"
verdict 'lintian finds nothing in what it builds' lintian --allow-root --fail-on error,warning udptool_*.changes
verdict 'libpcap is recommended, and not needed' recommends udptool_*.deb
verdict 'it is unpacked' dpkg-deb --extract udptool_*.deb "$work/root"
# As autopkgtest does, with what it has not installed.
test_command=$(sed -n 's/^Test-Command: //p' "udptool-$version/debian/tests/control")
verdict "the package's own test" within_the_source sh -c "${test_command//\/usr/$work\/root\/usr}"
exit $failed
