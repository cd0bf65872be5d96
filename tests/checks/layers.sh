#!/bin/bash
# SPDX-License-Identifier: MIT
# layers.sh [TREE]: the house rules that a compiler does not see, in TREE/src. Includes point downwards only, no room
# of commands/ includes another (but for streams/, which is listen's and join's), CLI11 stays in cli/ and the
# system's socket headers in net/, options are plain data, and files, functions and headers stay short.
set -eu -o pipefail
cd "${1:-$(dirname "$0")/../..}"
longest_file=350
longest_function=60
max_public_functions=25 # of a header

# The floors from the ground up. A file includes its own folder and lower floors; folders on one floor never meet.
declare -A floors=([base]=0 [net]=1 [run]=2 [output]=2 [traffic]=2 [commands]=3 [cli]=4 [main]=5)

# folder PATH: sets $folder to the folder of a path below src/; main.cpp is a floor of its own.
folder() {
  folder=${1%%/*}
  [ "$1" != main.cpp ] || folder=main
}

# room PATH: sets $room to the room of commands/ that a path is in; to nothing for what all of them share.
room() {
  room=
  [[ $1 != commands/*/* ]] || { room=${1#commands/} && room=${room%%/*}; }
}

problems=0
problem() {
  echo "$*"
  problems=$((problems + 1))
}

# include FILE TARGET: an `#include "TARGET"` in src/FILE. Runs once an include, so it starts no process.
include() {
  local from to from_room to_room
  folder "$1" && from=$folder
  folder "$2" && to=$folder
  if [ -z "${floors[$from]-}" ]; then
    problem "src/$1: not in a folder of the house"
    return
  fi
  if [ -z "${floors[$to]-}" ]; then
    problem "src/$1: \"$2\" begins with no folder of the house"
    return
  fi
  if [ "$from" != "$to" ] && [ "${floors[$to]}" -ge "${floors[$from]}" ]; then
    problem "src/$1: $from must not include $to (\"$2\")"
  fi
  room "$1" && from_room=$room
  room "$2" && to_room=$room
  case $from_room-$to_room in
    listen-streams | join-streams) return ;; # what the two of them share
  esac
  if [ "$from" = commands ] && [ -n "$to_room" ] && [ "$from_room" != "$to_room" ]; then
    problem "src/$1: no room of commands/ includes another (\"$2\"): what two of them need moves up"
  fi
}

# includes PATTERN: lines of FILE:HEADER for the includes in src/ that match.
includes() {
  { grep -rHoE --include='*.[ch]pp' "^[[:space:]]*#[[:space:]]*include[[:space:]]*$1" src || [ $? -eq 1 ]; } |
    sed -E 's/^src\///; s/:[^<"]*[<"]/:/; s/[>"]$//'
}

declare -A behind # a file: what it includes
while IFS=: read -r file header; do
  include "$file" "$header"
  behind[$file]+=" $header"
done < <(includes '"[^"]*"')

# What the command line says is plain data: no socket and no loop is behind it, in however many steps.
plain=(commands/{receive_options,target,forward_options}.hpp commands/{listen/listen,send/send,join/join,probe/probe}.hpp)
for options in "${plain[@]}"; do
  queue=("$options")
  seen=" $options "
  for ((i = 0; i < ${#queue[@]}; i++)); do
    for header in ${behind[${queue[i]}]-}; do
      case $header in
        run/loop.hpp | net/udp_socket.hpp) problem "src/$options: options must not include $header (by src/${queue[i]})" ;;
      esac
      [[ $seen == *" $header "* ]] || { seen+="$header " && queue+=("$header"); }
    done
  done
done

while IFS=: read -r file header; do
  [[ $file == cli/* ]] || problem "src/$file: <$header> belongs to cli/ alone"
done < <(includes '<CLI/[^>]*>')

while IFS=: read -r file header; do
  case $file:$header in
    net/* | *:linux/landlock.h | *:linux/capability.h) ;;
    run/system_calls_*:*) ;; # names the sockets that are allowed, and makes none
    *) problem "src/$file: <$header> belongs to net/ alone" ;;
  esac
done < <(includes '<(sys/socket\.h|netinet/[^>]*|arpa/inet\.h|netdb\.h|net/[^>]*|ifaddrs\.h|linux/[^>]*)>')

# A failure is a base::Failure, with its code and hint; what the library throws for want of a thread is turned into one.
while IFS=: read -r file line _; do
  case $file in
    src/main.cpp | src/run/loop.cpp | src/run/thread.cpp) ;;
    *) problem "$file:$line: failures are made by base::failure() and caught as base::Failure" ;;
  esac
done < <(grep -rnF --include='*.[ch]pp' std::system_error src || [ $? -eq 1 ])

while read -r lines file; do
  [ "$lines" -le $longest_file ] || problem "$file: $lines lines; the limit is $longest_file"
done < <(find src -name '*.[ch]pp' -exec wc -l {} \; )

# Not every ctags tells where a function ends.
if ctags --version 2>/dev/null | grep -q Universal; then
  while IFS=$'\t' read -r name file first last; do
    lines=$((last - first + 1))
    [ $lines -le $longest_function ] || problem "$file: $name has $lines lines; the limit is $longest_function"
  done < <(ctags -R --languages=C++ --map-C++=+.hpp --kinds-C++=f --fields=+ne -f - src |
    sed -nE 's/^([^\t]*)\t([^\t]*)\t.*\tline:([0-9]+).*\tend:([0-9]+).*/\1\t\2\t\3\t\4/p')
  while read -r functions file; do
    [ "$functions" -le $max_public_functions ] ||
      problem "$file: $functions public functions; the limit is $max_public_functions"
  done < <(ctags -R --languages=C++ --map-C++=+.hpp --kinds-C++=fp --fields=+a -f - src | awk -F'\t' '
    $2 !~ /hpp$/ || $1 ~ /^(__anon|~|operator)/ || /\taccess:(private|protected)/ { next }
    match($0, /\t(class|struct):[^\t]*/) { of = substr($0, RSTART, RLENGTH); sub(/.*:/, "", of); if (of == $1) next }
    { count[$2]++ }
    END { for (file in count) print count[file], file }')
else
  echo "skipped: how long functions and headers are (no Universal Ctags)"
fi

[ $problems -eq 0 ] || { echo "failed: $problems places break the rules of the house"; exit 1; }
echo "passed: the layers of src/ hold"
