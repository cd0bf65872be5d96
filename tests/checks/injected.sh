#!/bin/bash
# SPDX-License-Identifier: MIT
# injected.sh UDPTOOL [SECONDS [SEED]]: short runs of each command in which the kernel refuses a system call (strace):
# the first of a name, a later one, each hundredth, or all of them. One rule: a clear line or no effect, what is counted
# is what happened, and it ends. As many faults as fit into SECONDS (60), picked by SEED (1); SECONDS 0: all.
set -eu -o pipefail
udptool=$(realpath "$1")
program=$(realpath "$(dirname "$0")/injected.py")
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
laboratory "strace python3" "$udptool" "${@:2}"
reason=$(strace -o /dev/null true 2>&1) || skip "strace cannot trace here: $(head -n 1 <<<"$reason")"
ip link set lo multicast on
ip route add 239.0.0.0/8 dev lo
python3 "$program" "$udptool" "$work" "${2-60}" "${3-1}"
