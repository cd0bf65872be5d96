#!/bin/bash
# SPDX-License-Identifier: MIT
# terminal.sh UDPTOOL: escape sequences from strangers, in datagrams and in names, shown on a real terminal (tmux) by
# each form that escapes. What stands on the screen must be the bytes that were written, in their order: nothing has
# moved the cursor, set the title or the clipboard, or made the terminal answer. That this terminal does all of that,
# `-o raw` shows.
# shellcheck disable=SC1003  # words that end with a backslash
set -eu -o pipefail
udptool=$(realpath "$1")
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
laboratory "tmux python3" "$udptool"
export TMUX_TMPDIR=$work TERM=xterm LC_ALL=C.UTF-8
unset TMUX
# A server for each terminal: one that ends would take the next along.
servers=0
pane() { tmux -L "hostile$servers" -f /dev/null "$@"; }
trap 'pane kill-server 2>/dev/null || :; lab_end' EXIT
ip link set lo up multicast on
ip route add 239.0.0.0/8 dev lo

# Each a datagram, as `send -e` reads it and as the text form shows it.
hostile=(
  '\x1b]52;c;aGFja2Vk\x07' '\x1b]52;c;aGFja2Vk\x1b\\' # the clipboard
  '\x1b]0;hacked\x07' '\x1b]2;hacked\x1b\\' '\x1bkhacked\x1b\\' # the title
  '\x1b[2J\x1b[H' '\x1b[10;10Hhere' '\x1b[3A' '\x1b[?1049h' '\x1bc' '\x1b7\x1b[99;99H' '\x1b[?25l' # the cursor
  '\x1b[6n' '\x1b[c' '\x1b[>q' '\x05'                 # what a terminal answers as if typed
  '\x9b2J\x9b10;10H' '\x9d0;hacked\x9c' '\xc2\x9b2J' '\xc2\x9d0;hacked\xc2\x9c' # C1, as bytes and in UTF-8
  '\xe2\x80\xaeevil' '\xe2\x81\xa6evil\xe2\x81\xa9' '\xe2\x80\x8f' '\xd8\x9c' '\xe2\x80\xa8line' # bidirectional
  '\xc3' '\xe2\x82' '\xf0\x9f\x92' '\xff\xfe' '\xc0\x9b2J' '\xed\xa0\x80' '\xf5\x80\x80\x80'     # broken UTF-8
  'over\x08\x08\x08\x08gone' 'over\rgone' '\x7f\x7f\x7f' '\x0b\x0c' '\x0e\x0f' '\x00' '\x07'
  '\tone\ttwo' '\n\n\n\n'
)
count=${#hostile[@]}

# shellcheck disable=SC2317  # called by until_true
shown() { pane capture-pane -p -J -S - -t victim | grep -q "$1"; }
state() { pane display-message -p -t victim '#{pane_title} #{alternate_on} #{cursor_flag} #{history_size} #{cursor_x}'; }

# start COMMAND: in a new terminal. What it writes there is kept in $work/bytes.
start() {
  pane kill-server 2>/dev/null || :
  servers=$((servers + 1))
  rm -f "$work/bytes" "$work/ready"
  printf '%s\n' "until [ -e '$work/ready' ]; do sleep 0.02; done" "$1" "echo; echo 'the end'; exec sleep 300" \
    >"$work/command"
  # Wide, so that nothing wraps; high, so that nothing scrolls away.
  pane new-session -d -s victim -x 1000 -y 400 sh "$work/command"
  pane set-option -g set-clipboard on
  pane set-option -g allow-rename on
  pane set-option -g history-limit 5000
  pane select-pane -t victim -T untouched
  pane pipe-pane -t victim "exec cat >'$work/bytes'"
  before=$(state)
  : >"$work/ready"
}

# must_be_harmless WHAT: the terminal shows the bytes that were written to it, and they were harmless.
must_be_harmless() {
  until_true shown '^the end$' || fail "$1: it ended" "$(pane capture-pane -p -t victim)"
  await grep -q '^the end' "$work/bytes"  # which come by a pipe of their own, a moment later
  sed 's/\r$//; s/\x1b\[[0-9;]*m//g' "$work/bytes" >"$work/plain"
  # Colours, where they were asked for, are the only sequences that are left out here.
  is "$1: no control, C1, bidirectional or invalid byte" \
    "$(LC_ALL=C tr -d '\t\n -~' <"$work/plain" | od -An -c | head -3)" ''
  pane capture-pane -p -J -S - -t victim | sed 's/ *$//; /^$/d' >"$work/screen"
  expand "$work/plain" | sed 's/ *$//; /^$/d' >"$work/written"
  is "$1: the screen shows what was written" "$(diff "$work/written" "$work/screen" | head -5)" ''
  is "$1: title, screen, cursor and scrolling are untouched" "$(state)" "$before"
  is "$1: nothing is in the clipboard" "$(pane list-buffers)" ''
}

# attack COMMAND READY ADDRESS [EXTRA...]: starts it, and sends it the hostile datagrams.
attack() {
  start "$1"
  until_true shown "$2" || fail "$1: it is ready" "$(pane capture-pane -p -t victim)"
  "$udptool" send -e --interval 1ms "$3" 5000 -- "${hostile[@]}"
}

for options in '' '-v -T' '--color always -v' '-o hex' '-o hex -v --color always' '-j' '-j --color always'; do
  attack "'$udptool' listen -c $count $options 127.0.0.1:5000" '\(listening on\|"listening"\)' 127.0.0.1
  must_be_harmless "listen $options"
  [ "$options" != '' ] || is 'listen: each payload stands there escaped' \
    "$(sed -n 's/^[^\t]*\t[^\t]*\t//p' "$work/plain")" "$(printf '%s\n' "${hostile[@]}")"
done
for options in '-v' '-o hex' '-j' '--rtp'; do
  attack "'$udptool' join -i lo -c $count $options 239.1.1.1:5000" 'joined' 239.1.1.1
  must_be_harmless "join $options"
done
# send shows replies, whoever they come from.
"$udptool" listen -q -o none --echo 127.0.0.1:5001 &
until_true grep -q ':1389 ' /proc/net/udp
start "'$udptool' send -e -w 20 --interval 1ms --replies $count 127.0.0.1 5001 --$(printf ' %q' "${hostile[@]}")"
must_be_harmless 'send, of replies'
kill $!

# Names, out of hosts(5), which are passed on as they are.
if has_mounts; then
  hosts_file $'127.0.0.1\t\033]0;hacked\a\033[10;10Hevil\302\2332J'
  for options in '-4' '-j'; do
    start "'$udptool' probe --trace --names $options 127.0.0.1 33434"
    must_be_harmless "probe --trace --names $options"
    is "probe --trace --names $options: the name stands there" "$(grep -c 'evil' "$work/plain")" 1
  done
else
  skip_case "names that are no names: no mounts of its own in a chroot"
fi

# The same terminal, driven.
attack "'$udptool' listen -r -c $count 127.0.0.1:5000" 'listening on' 127.0.0.1
# shellcheck disable=SC2317  # called by until_true
driven() { [ "$(pane show-buffer 2>/dev/null) $(pane display-message -p -t victim '#{pane_title}')" = 'hacked hacked' ]; }
if until_true driven; then
  pass 'listen -r: this terminal can be driven, its clipboard and title are set'
else
  fail 'listen -r: this terminal can be driven' "$(pane show-buffer 2>&1)" "$(state)"
fi

conclude
