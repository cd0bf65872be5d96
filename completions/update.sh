#!/bin/bash
# SPDX-License-Identifier: MIT
# update.sh UDPTOOL: writes anew what is printed from the option tables: the completions, and README's table.
set -eu
udptool=$(realpath "$1")
cd "$(dirname "$0")/.."
"$udptool" --completions bash >completions/udptool.bash
"$udptool" --completions zsh >completions/_udptool
"$udptool" --completions fish >completions/udptool.fish
"$udptool" --option-tables >completions/.table
sed -i -e '/^<!-- printed by/,/^<!-- end -->/{//!d}' -e '/^<!-- printed by/r completions/.table' README.md
rm completions/.table
