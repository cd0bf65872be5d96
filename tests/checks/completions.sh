#!/bin/bash
# SPDX-License-Identifier: MIT
# completions.sh UDPTOOL: completions/ holds what the tool prints; each shell loads its completion and offers commands, options, and the values that can be known.
# That it offers exactly the options that the tool has is for docs.sh to see.
set -eu -o pipefail
udptool=$(realpath "$1")
cd "$(dirname "$0")"
export LC_ALL=C
failed=0

for file in bash:udptool.bash zsh:_udptool fish:udptool.fish; do
  if "$udptool" --completions "${file%:*}" | diff - "../../completions/${file#*:}"; then
    echo "passed: completions/${file#*:} is what the tool prints"
  else
    echo "failed: completions/${file#*:} is not what 'udptool --completions ${file%:*}' prints"
    failed=1
  fi
done

# offers LINE WORD...: at the end of LINE these words are offered, and no others.
offers() {
  local line=$1 expected found
  shift
  expected=$([ $# -eq 0 ] || printf '%s\n' "$@" | sort)
  found=$(./complete.sh "$shell" "$line")
  if [ "$found" = "$expected" ]; then
    echo "passed: $shell completes '$line'"
  else
    echo "failed: $shell completes '$line' to" "${found//$'\n'/ }" "instead of $*"
    failed=1
  fi
}

code_points='be df ef le va cs0 cs1 cs2 cs3 cs4 cs5 cs6 cs7 af11 af12 af13 af21 af22 af23 af31 af32 af33 af41 af42 af43'
interfaces=$(ls /sys/class/net 2>/dev/null || :)
[ -n "$interfaces" ] || echo "skipped: completion of interfaces (no /sys here)"

# shellcheck disable=SC2086  # lists of words
for shell in bash zsh fish; do
  if ! command -v $shell >/dev/null; then
    echo "skipped: completion in $shell (no $shell)"
    continue
  fi
  if [ $shell = bash ] && [ ! -e /usr/share/bash-completion/bash_completion ]; then
    echo "skipped: completion in bash (no bash-completion)"
    continue
  fi
  offers 'udptool ' join listen probe send
  offers 'udptool l' listen
  offers 'udptool --v' --version
  offers 'udptool listen --reuse-' --reuse-address --reuse-port
  offers 'udptool listen --ec' --echo
  offers 'udptool listen 41234 --re' --reply --reuse-address --reuse-port
  offers 'udptool send --rep' --replay --replies
  offers 'udptool send -o json localhost 9 --chu' --chunk
  offers 'udptool join --le' --leave-after
  if [ -n "$interfaces" ]; then
    offers 'udptool listen -i ' $interfaces
    offers 'udptool join -c 3 --interface ' $interfaces
  fi
  offers 'udptool send -o ' text json hex raw none
  offers 'udptool listen --output h' hex
  offers 'udptool listen --color ' auto always never
  offers 'udptool listen --dscp ' $code_points
  offers 'udptool probe --payload dn' dns
  offers 'udptool join --sndb' --sndbuf
  offers 'udptool send --file docs.' docs.sh
  offers 'udptool join --user nobod' nobody
done
exit $failed
