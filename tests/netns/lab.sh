#!/bin/bash
# SPDX-License-Identifier: MIT
# lab.sh: a laboratory of network namespaces for the scripts here, for the end-to-end tests (support/namespace.cpp)
# and for checks. A script begins with
#
#   . "$(dirname "$0")/lab.sh"
#   laboratory "PROGRAM..." "$@"     in a namespace of its own from here on; the programs are there
#
# and ends with `conclude`. Status 77 and a line `skipped: REASON` where this host does not let us. What a script
# leaves running ends with it. Run as a program, it prints how unshare(1) makes namespaces here, or why it cannot.
# shellcheck disable=SC2317  # conditions are called by until_true
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

# ---- verdicts, one line a case, as tests/run_checks.sh counts them

passed=0 failed=0 skipped=0

# pass WHAT, fail WHAT DETAIL..., skip_case WHAT
pass() {
  echo "passed: $*"
  passed=$((passed + 1))
}
fail() {
  echo "failed: $1"
  shift
  [ $# = 0 ] || printf '    %s\n' "$@"
  failed=$((failed + 1))
}
skip_case() {
  echo "skipped: $*"
  skipped=$((skipped + 1))
}
# skip REASON: the whole of the script.
skip() {
  echo "skipped: $*"
  exit 77
}

# is WHAT FOUND EXPECTED
is() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "found    '$2'" "expected '$3'"; fi; }
# like WHAT FOUND PATTERN (extended regular expression, of the whole)
like() { if [[ $2 =~ ^$3$ ]]; then pass "$1"; else fail "$1" "found   '$2'" "pattern '$3'"; fi; }

conclude() {
  echo "$(basename "$0" .sh): $passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ]
}

# until_true COMMAND...: waits for it, for up to 20 s, or lab_patience; then its status is 1.
until_true() {
  local end=$((SECONDS + ${lab_patience:-20}))
  until "$@"; do
    [ $SECONDS -le $end ] || return 1
    sleep 0.02
  done
}
# await COMMAND...: the same, and that it did not come is a failure of the script.
await() { until_true "$@" || fail "in ${lab_patience:-20} seconds: $*"; }

# again COMMAND...: until it succeeds, ten times at most, with longer and longer pauses: for a figure that a busy machine
# spoils. What was found last is then to be judged as it is.
again() {
  local pause
  for pause in 0 1 2 3 4 5 6 7 8 9; do
    sleep "$pause"
    ! "$@" || break
  done
}

# ---- namespaces

# Root as itself where it can be, for tcpdump and in.tftpd run as no other; else a root in name only; else, in a
# chroot, which has neither users nor mounts of its own, the network alone.
unshare_options() {
  local options program reason='' kinds=(-rnm)
  for program in unshare nsenter ip; do
    command -v $program >/dev/null || { echo "no $program(8)"; return 77; }
  done
  [ "$(id -u)" != 0 ] || kinds=(-nm -rnm -n)
  for options in "${kinds[@]}"; do
    if reason=$(unshare "$options" ip link set lo up 2>&1); then
      printf '%s\n' "$options"  # `-n` is one that echo takes for its own
      return
    fi
  done
  echo "no network namespaces here: $(head -n 1 <<<"$reason")"
  return 77
}

# laboratory PROGRAMS WORD...: enters it, once; the words are the script's own.
laboratory() {
  local program options processes=(--kill-child --fork --pid --mount-proc) session=()
  if [ -z "${LAB-}" ]; then
    for program in $1; do
      command -v "$program" >/dev/null || skip "no $program"
    done
    options=$(unshare_options) || skip "$options"
    # Where processes can have a namespace too, the kernel ends what this leaves behind, even when it is killed.
    unshare "$options" "${processes[@]}" true 2>/dev/null || processes=() session=(setsid --wait)
    LAB=$options exec "${session[@]}" unshare "$options" "${processes[@]}" "$0" "${@:2}"
  fi
  work=$(mktemp -d)
  trap lab_end EXIT
  begin_network here
}
lab_end() {
  rm -rf "$work"
  # The first process of a namespace takes all others along; of a session it has to ask.
  [ $$ != 1 ] || return 0
  trap '' TERM
  kill -- -$$
}

# has_mounts: whether files can be hidden by others here.
has_mounts() { [ "$LAB" != -n ]; }
needs_mounts() { has_mounts || skip "no mounts of its own here"; }
# hosts_file LINE...: what names resolve to (hosts(5)).
hosts_file() {
  needs_mounts
  mount -t tmpfs none /mnt
  printf '%s\n' "$@" >/mnt/hosts
  mount --bind /mnt/hosts /etc/hosts
}

# ---- hosts: each is a process in a network of its own, whose id is in host_NAME; `here` is the script's

own_network() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
new_host() {
  local name
  for name; do
    unshare -n sleep infinity </dev/null >/dev/null 2>&1 &
    export "host_$name=$!"
    until_true own_network $!
    begin_network "$name"
  done
}
# begin_network HOST: the loopback is up, addresses are there at once, and nobody who asks for any port is given one that
# a test names: one in 28,000 listeners had join's 41234, and the join was refused.
begin_network() {
  on "$1" ip link set lo up
  set_kernel "$1" net/ipv6/conf/default/accept_dad 0 2>/dev/null || :
  set_kernel "$1" net/ipv4/ip_local_reserved_ports 40000-42000 2>/dev/null || :
}
# on HOST COMMAND...
on() {
  local pid=host_$1
  if [ "$1" = here ]; then "${@:2}"; else nsenter -t "${!pid}" -n "${@:2}"; fi
}
# set_kernel HOST KEY VALUE: a setting under /proc/sys.
set_kernel() { on "$1" sh -c "echo '$3' >'/proc/sys/$2'"; }

# cable HOST INTERFACE HOST INTERFACE: a wire between two, both up.
cable() {
  ip link add near_end type veth peer name far_end || return
  lab_place near_end "$1" "$2"
  lab_place far_end "$3" "$4"
}
lab_place() {
  local pid=host_$2
  if [ "$2" = here ]; then ip link set "$1" name "$3"; else ip link set "$1" netns "${!pid}" name "$3"; fi
  on "$2" ip link set "$3" up
}
# settle HOST INTERFACE: until its carrier is seen and, with IPv6, its link-local address is there: the kernel takes
# its time for both.
settle() {
  local wanted='state UP'
  [ "$(on "$1" cat "/proc/sys/net/ipv6/conf/$2/disable_ipv6" 2>/dev/null)" != 0 ] || wanted='inet6 fe80'
  until_true lab_shows "$1" "$2" "$wanted" || :
}
lab_shows() { on "$1" ip addr show dev "$2" | grep -q "$3"; }
# interface NAME: one here that is up, with nobody behind it but the host `world`.
interface() {
  [ -n "${host_world-}" ] || new_host world
  cable here "$1" world "$1"
  settle here "$1"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then unshare_options; fi
