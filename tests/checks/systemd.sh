#!/bin/bash
# SPDX-License-Identifier: MIT
# systemd.sh BUILD: the units are free of faults and confine what they start, and what they start does its work: started
# by activation of its port, and within the system calls that are allowed. No service manager runs, and nothing is
# touched outside a directory of its own.
# shellcheck disable=SC2317  # what verdict calls
set -eu -o pipefail
build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
root=$work/root
units=$root/usr/lib/systemd/system
services="udptool-reflector udptool-probe udptool-probe@some"
cmake --install "$build" --prefix "$root/usr" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }

# verdict WHAT COMMAND...: passed if the command is content; else what it said.
verdict() {
  local what=$1
  shift
  if "$@" >"$work/said" 2>&1; then
    echo "passed: $what"
  else
    cat "$work/said"
    echo "failed: $what"
    failed=1
  fi
}

# What is not understood in a unit is only warned of: silence is what is wanted.
verifies() {
  mkdir "$work/verified"
  cp -R "$units/." "$work/verified"
  sed -i "s|^ExecStart=udptool|ExecStart=$root/usr/bin/udptool|" "$work"/verified/*.service
  local said
  # shellcheck disable=SC2086
  said=$(SYSTEMD_UNIT_PATH=$work/verified: systemd-analyze verify --man=no ${services// /.service }.service udptool-reflector.socket 2>&1) || :
  echo "$said"
  ! grep -q udptool <<<"$said"
}
verdict 'the units are free of faults' verifies

is_confined() {
  local exposure
  exposure=$(systemd-analyze security --offline=true --root="$root" "$1.service" 2>&1 |
    sed -nE 's/.*exposure level.*: ([0-9.]+) .*/\1/p')
  echo "exposure: $exposure"
  awk -v exposure="$exposure" 'BEGIN { exit !(exposure != "" && exposure <= 2.0) }'
}
for service in $services; do
  verdict "$service is confined" is_confined "$service"
done

# Assignments of what the unit passes on, and remarks; one that is a remark is what holds without it.
are_its_settings() {
  local defaults=$root/usr/share/doc/udptool/examples/$1.default unit=$units/$1.service name
  ! grep -nvE '^(#.*|[A-Z]+=("[^"]*"|[^" ]*))$' "$defaults" || return
  while read -r name; do
    echo "$name"
    grep -qE "^ExecStart=.*[$][{]?$name\\b" "$unit" || return
  done < <(sed -nE 's/^#?([A-Z]+)=.*/\1/p' "$defaults")
  sed -n 's/^#\([A-Z]*=\)/Environment=\1/p' "$defaults" | grep -vFxf "$unit" && return 1
  grep -q "^EnvironmentFile=-/etc/default/$1\$" "$unit"
}
for service in udptool-reflector udptool-probe; do
  verdict "the defaults of $service are what it reads" are_its_settings $service
done

makes_the_group() {
  mkdir -p "$root/etc"
  systemd-sysusers --root="$root" "$root/usr/lib/sysusers.d/udptool.conf" && grep '^udptool:' "$root/etc/group"
}
verdict 'sysusers.d makes the group' makes_the_group

opens_the_directory() {
  local directory=$root/var/lib/prometheus/node-exporter
  # Names in an ACL are looked up on this host, not below the root.
  sed 's/group:udptool:/group:4242:/' "$root/usr/lib/tmpfiles.d/udptool.conf" >"$work/tmpfiles.conf"
  systemd-tmpfiles --root="$root" --create "$work/tmpfiles.conf" || return
  [ -d "$directory" ] || return
  # The entry of that group, a mask beside it.
  python3 -c 'import os, struct, sys
acl = os.getxattr(sys.argv[1], "system.posix_acl_access")
assert struct.pack("<HHI", 8, 7, 4242) in acl' "$directory"
}
if [ "$(id -u)" -eq 0 ]; then
  verdict 'tmpfiles.d opens the directory to the group' opens_the_directory
else
  echo "skipped: tmpfiles.d (not root)"
fi

# command_of SERVICE: what its ExecStart says.
command_of() { sed -n 's/^ExecStart=//p' "$units/$1.service"; }

# In a network of its own: the reflector, started by the first datagram to its port, and the prober. The files that they
# write tell what came of it.
measures() {
  printf '127.0.0.1\n' >"$work/targets"
  # shellcheck disable=SC2016  # it is for the shell inside
  timeout 30 unshare "$network" --kill-child bash -euc '
    ip link set lo up
    PATH=$1:$PATH
    cd "$2"
    systemd-socket-activate --datagram -l 127.0.0.1:862 -E PATH="$PATH" \
      -E OPTIONS="-W 4s --stats=100ms --metrics reflector.prom" bash -c "exec ${5:+strace -D -f -o calls.reflector} $3" &
    METRICS=probe.prom OPTIONS="-W 3s --interval 20ms --stats=100ms" \
      bash -c "exec ${5:+strace -D -f -o calls.probe} $4" || true
    wait
  ' inside "$root/usr/bin" "$work" "$(command_of udptool-reflector)" \
    "$(command_of udptool-probe | sed 's|/etc/udptool/||')" "$(command -v strace)" || return
  cat "$work/reflector.prom" "$work/probe.prom"
  grep -E '^udptool_answered_datagrams_total.* [1-9]' "$work/reflector.prom" &&
    grep -E '^udptool_probe_received_total.* [1-9]' "$work/probe.prom"
}
network=$(bash "$here/../netns/lab.sh") || { echo "skipped: the services at work ($network)"; exit $failed; }
command -v systemd-socket-activate >/dev/null || { echo "skipped: the services at work (no systemd-socket-activate)"; exit $failed; }
verdict 'the reflector answers from the port that it is handed, and the prober measures' measures

# calls_of GROUP: its system calls, and those of the groups in it.
calls_of() {
  systemd-analyze syscall-filter "$1" | sed -nE 's/^ +(@?[a-z0-9_-]+)$/\1/p' | while read -r call; do
    case $call in
      @*) calls_of "$call" ;;
      *) echo "$call" ;;
    esac
  done
}

# What the lines of SystemCallFilter allow, a later one winning; systemd allows @default beside it.
allowed_calls() {
  calls_of @default
  sed -n 's/^SystemCallFilter=//p' "$units/udptool-.service.d/confine.conf" | while read -r line; do
    # shellcheck disable=SC2086
    for word in ${line#\~}; do
      case $word in
        @*) calls_of "$word" ;;
        *) echo "$word" ;;
      esac
    done | if [ "${line#\~}" = "$line" ]; then sed 's/^/+ /'; else sed 's/^/- /'; fi
  done | awk '{ if ($1 == "+") allowed[$2]; else delete allowed[$2] } END { for (call in allowed) print call }'
}

is_within_filter() {
  sed -nE 's/^([0-9]+ +)?([a-z0-9_]+)\(.*/\2/p' "$work"/calls.* | sort -u >"$work/used"
  allowed_calls | sort -u >"$work/allowed"
  comm -23 "$work/used" "$work/allowed" | sed 's/^/not allowed: /'
  [ "$(wc -l <"$work/used")" -gt 20 ] && [ -z "$(comm -23 "$work/used" "$work/allowed")" ]
}
if command -v strace >/dev/null; then
  verdict 'what they do is within the system calls that are allowed' is_within_filter
else
  echo "skipped: the system calls that are allowed (no strace)"
fi
exit $failed
