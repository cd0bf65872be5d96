#!/bin/bash
# SPDX-License-Identifier: MIT
# package.sh BUILD: the .deb that cpack makes holds everything, satisfies lintian and runs; so does what
# `cmake --install` puts under a prefix.
set -eu -o pipefail
build=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# holds WHAT ROOT FILE...: the files are there.
holds() {
  local what=$1 root=$2 file
  shift 2
  for file; do
    [ -s "$root/$file" ] || { echo "failed: $what lacks $file"; failed=1; return; }
  done
  echo "passed: $what is complete"
}

# runs WHAT BINARY
runs() {
  if "$2" --version >"$work/version" && [ -s "$work/version" ]; then
    echo "passed: the binary of $1 runs"
  else
    echo "failed: the binary of $1 does not run"
    failed=1
  fi
}

files="bin/udptool share/bash-completion/completions/udptool share/fish/vendor_completions.d/udptool.fish share/doc/udptool/README.md share/doc/udptool/udptool-events.schema.json"

cmake --install "$build" --prefix "$work/prefix" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
# shellcheck disable=SC2086
holds 'the installation' "$work/prefix" $files share/man/man1/udptool.1 share/doc/udptool/LICENSE \
  share/zsh/site-functions/_udptool
runs 'the installation' "$work/prefix/bin/udptool"

for tool in cpack dpkg-deb dpkg-shlibdeps file gzip; do
  command -v $tool >/dev/null || { echo "skipped: the .deb (no $tool)"; exit $failed; }
done
cpack --config "$build/CPackConfig.cmake" -B "$work" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
deb=$(echo "$work"/udptool_*.deb)
dpkg-deb --extract "$deb" "$work/root"
# shellcheck disable=SC2086
holds 'the package' "$work/root/usr" $files share/man/man1/udptool.1.gz share/doc/udptool/copyright \
  share/doc/udptool/changelog.Debian.gz share/zsh/vendor-completions/_udptool
runs 'the package' "$work/root/usr/bin/udptool"
if dpkg-deb --field "$deb" Depends | grep -q libc6; then
  echo "passed: the package names the libraries it needs"
else
  echo "failed: the package names no libraries"
  failed=1
fi

if ! command -v lintian >/dev/null; then
  echo "skipped: lintian is not installed"
elif lintian --allow-root --fail-on error "$deb" >"$work/log" 2>&1; then
  sed 's/^/lintian: /' "$work/log"
  echo "passed: lintian finds no errors"
else
  cat "$work/log"
  echo "failed: lintian finds errors"
  failed=1
fi
exit $failed
