#!/bin/bash
# SPDX-License-Identifier: MIT
# source.sh VERSION DIRECTORY [debian]: the tarball of what is committed, DIRECTORY/udptool-VERSION.tar.gz, byte for byte
# the same whenever and wherever it is made of one commit. With `debian` also the source package beside it, where
# dpkg-source is.
set -eu -o pipefail
version=$1
mkdir -p "$2"
directory=$(realpath "$2")
cd "$(dirname "$0")/.."
tarball=udptool-$version.tar.gz

# The archive's times are the commit's; gzip's own header holds none.
git -c core.abbrev=40 -c tar.umask=0022 archive --format=tar --prefix="udptool-$version/" HEAD | gzip -9n >"$directory/$tarball.part"
mv "$directory/$tarball.part" "$directory/$tarball"
echo "$directory/$tarball"
[ "${3-}" = debian ] || exit 0

# What dpkg sorts before the release: 1.0.0~rc1.
upstream=${version/-rc/\~rc}
ln -sf "$tarball" "$directory/udptool_$upstream.orig.tar.gz"
rm -rf "$directory/udptool-$version"
tar -C "$directory" -xzf "$directory/$tarball"
cd "$directory/udptool-$version"
cp -R .package/debian debian
cp .package/changelog .package/copyright debian/
cd "$directory"
dpkg-source --build "udptool-$version"
