#!/bin/bash
# SPDX-License-Identifier: MIT
# docs.sh UDPTOOL: --help, the manual page, the completions and the README's tables know the same commands and the
# same options, command by command; what one has and another lacks is named. The manual page is free of lint.
set -eu -o pipefail
udptool=$(realpath "$1")
cd "$(dirname "$0")/../.."
export LC_ALL=C
failed=0

# same WHAT WHERE EXPECTED FOUND: two lists of words, the first being what the tool itself says.
same() {
  local missing extra
  missing=$(comm -23 <(echo "$3") <(echo "$4") | sed '/^$/d' | tr '\n' ' ')
  extra=$(comm -13 <(echo "$3") <(echo "$4") | sed '/^$/d' | tr '\n' ' ')
  if [ -n "$3" ] && [ -z "$missing$extra" ]; then
    echo "passed: $1 in $2"
    return
  fi
  [ -n "$3" ] || echo "failed: $1: the tool's own help tells none"
  [ -z "$missing" ] || echo "failed: $1: $2 lacks $missing"
  [ -z "$extra" ] || echo "failed: $1: $2 has ${extra}that the tool has not"
  failed=1
}

# help_options [COMMAND]: the options at the beginning of its help's lines.
help_options() {
  "$udptool" "$@" --help | grep -E '^ +-' | grep -oE '^ +(-[[:alnum:]](, )?)?(--[a-z0-9-]+)?' | tr -s ' ,' '\n' |
    sed '/^$/d' | sort -u
}

# manual_options COMMAND: the items of the subsections of OPTIONS whose titles name it, or every command.
manual_options() {
  awk -v command="$1" '
    /^\.Sh/ { options = $2 == "OPTIONS" }
    /^\.Ss/ { ours = command ? /every command/ || $0 ~ "[ \"]" command "[ ,\"]" : /without a command/ }
    /^\.It Fl h / && options && !command { ours = 1 }
    options && ours && /^\.It Fl/ {
      for (i = 3; i <= NF && $i !~ /^(Ar|Ns|Cm|Op)$/; i++) if ($i !~ /^[,|]$/) print "-" $i
    }' man/udptool.1 | sort -u
}

commands=$("$udptool" --help | sed -nE 's/^  ([a-z]+)  .*/\1/p' | sort)
same commands man/udptool.1 "$commands" "$(awk '/^\.Sh/ { on = $2 == "COMMANDS" } on && /^\.It Cm/ { print $3 }' man/udptool.1 | sort)"

if table=$(sed -n '/^<!-- printed by: udptool --option-tables -->$/,/^<!-- end -->$/p' README.md | sed '1d;$d') &&
  diff <("$udptool" --option-tables) <(echo "$table"); then
  echo "passed: the README's table of options is what the tool prints"
else
  echo "failed: the README's table of options is not what 'udptool --option-tables' prints"
  failed=1
fi

# What people finish: hyperfine's and trippy's are as long.
size=$(wc -c <README.md)
if [ "$size" -le 11000 ]; then
  echo "passed: the README has $size bytes of 11,000"
else
  echo "failed: the README has $size bytes, 11,000 at most"
  failed=1
fi

for command in '' $commands; do
  # shellcheck disable=SC2086
  options=$(help_options $command)
  same "options of udptool${command:+ $command}" man/udptool.1 "$options" "$(manual_options "$command")"
done

for shell in bash zsh fish; do
  if ! command -v $shell >/dev/null; then
    echo "skipped: the options in the completion for $shell (no $shell)"
    continue
  fi
  same commands "the completion for $shell" "$commands" "$(tests/checks/complete.sh $shell 'udptool ')"
  for command in '' $commands; do
    # shellcheck disable=SC2086
    options=$(help_options $command)
    same "options of udptool${command:+ $command}" "the completion for $shell" "$options" \
      "$(tests/checks/complete.sh $shell "udptool ${command:+$command }-")"
  done
done

# is_version WHERE FOUND
is_version() {
  if [ "$2" = "$version" ]; then
    echo "passed: the version in $1"
  else
    echo "failed: $1 says '$2' where the version is '$version'"
    failed=1
  fi
}
version=$("$udptool" --version | sed 's/^udptool //; q')
is_version 'the manual page' "$(sed -n 's/^\.Os udptool //p' man/udptool.1)"
is_version 'the changelog' "$(sed -nE '1s/^udptool \((.*)-[0-9]+\).*/\1/; 1s/~/-/p' .package/changelog)"

# Other pages are installed or not, and mandoc's index of them is there or not: neither is this page's fault.
if ! command -v mandoc >/dev/null; then
  echo "skipped: the manual page's form (no mandoc)"
elif lint=$(mandoc -Tlint -W style man/udptool.1 2>&1 | grep -vE 'mandoc\.db|referenced manual not found'); then
  echo "failed: the manual page's form: $lint"
  failed=1
else
  echo "passed: the manual page's form"
fi
exit $failed
