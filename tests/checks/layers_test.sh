#!/bin/bash
# SPDX-License-Identifier: MIT
# layers.sh must be able to fail: a sound tree passes, and each single fault in it is named.
set -eu
layers=$(cd "$(dirname "$0")" && pwd)/layers.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

sound_tree() {
  rm -rf "$work/src"
  mkdir -p "$work"/src/{cli,commands/listen,commands/send,commands/streams,run,output,traffic,net,base}
  printf '#include "cli/listen.hpp"\n#include "base/text.hpp"\n' >"$work/src/main.cpp"
  printf '#include <CLI/CLI.hpp>\n#include "commands/listen/listen.hpp"\n' >"$work/src/cli/listen.hpp"
  printf '#include "run/loop.hpp"\n#include "net/socket.hpp"\n' >"$work/src/commands/intake.hpp"
  printf '#include "commands/listen/guard.hpp"\n#include "commands/streams/rtp.hpp"\n' >"$work/src/commands/listen/listen.hpp"
  printf '#include "run/signals.hpp"\n#include "net/socket.hpp"\n' >"$work/src/run/loop.hpp"
  printf '#include <linux/landlock.h>\n#include <linux/capability.h>\n' >"$work/src/run/sandbox.cpp"
  printf '#include <sys/socket.h>\n' >"$work/src/run/system_calls_filtered.cpp"
  printf '#include <sys/socket.h>\n#include "base/text.hpp"\n' >"$work/src/net/socket.hpp"
  printf '#include <string>\n' >"$work/src/base/text.hpp"
}

# fault NAME EXPECTED: layers.sh fails on the tree as it is and says EXPECTED.
fault() {
  if output=$("$layers" "$work" 2>&1); then
    echo "failed: $1 is not noticed"
    failed=1
  elif [[ $output != *"$2"* ]]; then
    echo "failed: $1: expected '$2' in: $output"
    failed=1
  else
    echo "passed: $1 is noticed"
  fi
}

# with FILE LINE NAME EXPECTED: the sound tree with one more line in src/FILE.
with() {
  sound_tree
  echo "$2" >>"$work/src/$1"
  fault "$3" "$4"
}

sound_tree
if "$layers" "$work" >"$work/output" 2>&1; then
  echo "passed: a sound tree passes"
else
  echo "failed: a sound tree does not pass: $(cat "$work/output")"
  failed=1
fi
with net/socket.hpp '#include "run/loop.hpp"' "an arrow that runs back" 'net must not include run'
with run/loop.hpp '#include "output/json.hpp"' "an arrow between rooms of one floor" 'run must not include output'
with commands/intake.hpp '#include "cli/parse.hpp"' "a command that includes cli" 'commands must not include cli'
with commands/send/send.cpp '#include "commands/listen/guard.hpp"' "a room of commands that includes another" 'no room of commands/'
with commands/send/send.cpp '#include "commands/streams/rtp.hpp"' "a room that has no streams" 'no room of commands/'
with commands/streams/rtp.hpp '#include "commands/join/join.hpp"' "streams that include a room" 'no room of commands/'
with commands/intake.hpp '#include "commands/listen/guard.hpp"' "what all share that includes a room" 'no room of commands/'
with base/text.hpp '  #  include "net/socket.hpp"' "an include with blanks" 'base must not include net'
with base/text.hpp '#include "text.hpp"' "an include without its floor" 'begins with no folder of the house'
with base/text.hpp '#include "misc/text.hpp"' "an unknown folder" 'begins with no folder of the house'
with stray.cpp '#include "base/text.hpp"' "a file outside the folders" 'not in a folder of the house'
with commands/send/send.cpp '#include <CLI/App.hpp>' "CLI11 outside cli" 'belongs to cli/ alone'
for header in sys/socket.h netinet/in.h netinet/ip6.h arpa/inet.h netdb.h net/if.h ifaddrs.h linux/errqueue.h; do
  with run/loop.cpp "#include <$header>" "<$header> outside net" 'belongs to net/ alone'
done

sound_tree
yes '// a line' | head -351 >"$work/src/base/long.cpp"
fault "a long file" 'base/long.cpp: 351 lines'

if ctags --version 2>/dev/null | grep -q Universal; then
  sound_tree
  { echo 'void long_one() {' && yes '  f();' | head -60 && echo '}'; } >"$work/src/base/function.cpp"
  fault "a long function" 'long_one has 62 lines'
  sound_tree
  { echo 'struct Wide {' && for i in {1..26}; do echo "  int f$i() const;"; done && echo '};'; } >"$work/src/base/wide.hpp"
  fault "a wide header" 'base/wide.hpp: 26 public functions'
else
  echo "skipped: a long function, a wide header (no Universal Ctags)"
fi
exit $failed
