#!/bin/bash
# SPDX-License-Identifier: MIT
# mesh.sh UDPTOOL: three hosts measure each other and themselves, and Prometheus sees by node_exporter what happens to
# them: loss each way, a reflector that is started again, a host that dies.
#
#         here: a bridge, which loses what the test wants lost
#       /        |        |        \
#      a         b        c         watch      10.80.0.1, .2, .3 and .9
#
# In a, b and c: listen --stamp, probe --stamp --metrics, node_exporter. In watch: Prometheus, with the rules of
# .package/prometheus.
set -eu -o pipefail
udptool=$(realpath "$1")
rules=$(realpath "$(dirname "$0")/../../.package/prometheus/udptool.rules.yml")
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
laboratory "prometheus promtool prometheus-node-exporter" "$udptool"
cd "$work"
lab_patience=30

# start WHAT HOST COMMAND...: at work there, with what it says in WHAT.out and WHAT.err.
declare -A pids
start() {
  local what=$1 pid=host_$2
  : >"$what.out"
  : >"$what.err"
  nsenter -t "${!pid}" -n "${@:3}" >"$what.out" 2>"$what.err" &
  pids[$what]=$!
}
# end_of SIGNAL WHAT...
end_of() {
  local what
  for what in "${@:2}"; do
    kill "-$1" "${pids[$what]}"
    wait "${pids[$what]}" || :
  done 2>/dev/null
}
has() { grep -q -- "$2" "$1"; }

# ask EXPRESSION: what Prometheus answers, a line a series: its labels and its value.
ask() { on watch promtool query instant http://127.0.0.1:9090 "$1" 2>&1 | sed 's/ @\[.*//' | sort; }
answers() {
  sleep 0.2  # what scrapes each second is not to be kept from it
  [ "$(ask "$1")" = "$2" ]
}
# comes_to WHAT EXPRESSION EXPECTED: waits for that answer.
comes_to() {
  until_true answers "$2" "$3" || :
  is "$1" "$(ask "$2")" "$3"
}

# --- the mesh -----------------------------------------------------------------------------------------------------

ip link add mesh type bridge
ip link set mesh up
declare -A address=([a]=10.80.0.1 [b]=10.80.0.2 [c]=10.80.0.3 [watch]=10.80.0.9)
for host in a b c watch; do
  new_host $host
  cable here "to_$host" $host mesh
  ip link set "to_$host" master mesh
  on $host ip address add "${address[$host]}/24" dev mesh
done
for host in a b c watch; do settle $host mesh; done

reflect() {
  start "$1.reflector" "$1" "$udptool" listen --stamp -o none 862
  await has "$1.reflector.err" "listening on 0.0.0.0:862"
}
printf '%s\n' "${address[a]}" "${address[b]}" "${address[c]}" >targets
for host in a b c; do
  mkdir $host
  reflect $host
  start $host.exporter $host prometheus-node-exporter --collector.disable-defaults --collector.textfile \
    --collector.textfile.directory=$host --web.listen-address=:9100
done
for host in a b c; do
  await has $host.exporter.err 'Listening on'
  start $host.prober $host "$udptool" probe --stamp --targets targets -c 0 -w 2s --interval 50ms -q -o none \
    --stats=500ms --metrics $host/udptool-probe.prom
done

# The rules, with seconds for minutes.
sed 's/\[2m\]/[6s]/g; s/for: 1m/for: 1s/' "$rules" >rules.yml
{
  echo 'global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}'
  echo 'rule_files: [rules.yml]'
  echo 'scrape_configs: [{job_name: node, static_configs: ['
  for host in a b c; do echo "{targets: ['${address[$host]}:9100'], labels: {instance: $host}},"; done
  echo ']}]'
} >prometheus.yml
start prometheus watch prometheus --config.file=prometheus.yml --storage.tsdb.path=data \
  --web.listen-address=127.0.0.1:9090 --log.level=warn

# by_pair EXPECTED: a line for each of the nine pairs, with that value.
by_pair() {
  local host target
  for host in a b c; do
    for target in a b c; do echo "{instance=\"$host\", target=\"${address[$target]}\"} => $1"; done
  done
}
comes_to 'nine pairs measure' 'sum by (instance, target) (udptool_probe_received_total > bool 40)' "$(by_pair 1)"
[ "$failed" = 0 ] || { tail -n 3 ./*.err && conclude; }
comes_to 'nine pairs: what is sent is answered' \
  'sum by (instance, target) (udptool_probe_sent_total - udptool_probe_received_total <= bool 5)' "$(by_pair 1)"
comes_to 'nine pairs: the round trips are those of the replies' \
  'sum by (instance, target) (udptool_probe_rtt_seconds_count == bool udptool_probe_received_total)' "$(by_pair 1)"
comes_to 'nine pairs: nothing is lost, each way' \
  'sum by (instance, target) (udptool_probe_lost_total{direction=~"forward|backward"})' "$(by_pair 0)"
comes_to 'nine pairs: no router, each way' 'sum by (direction) (udptool_probe_hops + 1)' \
  "$(printf '{direction="%s"} => 9\n' backward forward)"
is 'nobody is down' "$(ask 'ALERTS{alertname="UdptoolTargetDown"}')" ''

# --- loss between a and b, each session's and each way's its own ------------------------------------------------------

# loses NAME FROM TO PORT N: every Nth that goes from one to the other, from (sport) or to (dport) the reflector's port.
loses() {
  nft -f - <<END_OF_RULES
add counter bridge mesh $1_seen
add counter bridge mesh $1_lost
add rule bridge mesh between ip saddr ${address[$2]} ip daddr ${address[$3]} udp $4 862 counter name $1_seen \
  numgen inc mod $5 0 counter name $1_lost drop
END_OF_RULES
}
counted() { nft list counter bridge mesh "$1" | sed -nE 's/.*packets ([0-9]+) .*/\1/p'; }
lost_enough() {
  local way
  for way in a_forward a_backward b_forward b_backward; do [ "$(counted ${way}_lost)" -ge 20 ] || return; done
}
lost_expression='sum by (instance, target, direction) (udptool_probe_lost_total > 0)'
# lost_line HOST DIRECTION TARGET: what the bridge counted.
lost_line() { echo "{direction=\"$2\", instance=\"$1\", target=\"${address[$3]}\"} => $(counted "$1_$2_lost")"; }

if command -v nft >/dev/null &&
  nft 'add table bridge mesh; add chain bridge mesh between { type filter hook forward priority 0; }' 2>/dev/null; then
  loses a_forward a b dport 3
  loses a_backward b a sport 5
  loses b_forward b a dport 4
  loses b_backward a b sport 6
  await lost_enough
  nft flush chain bridge mesh between
  expected=$(for line in 'a forward b' 'a backward b' 'b forward a' 'b backward a'; do
    # shellcheck disable=SC2086
    lost_line $line
  done | sort)
  for way in a_forward:3 a_backward:5 b_forward:4 b_backward:6; do
    of=$(counted "${way%:*}_seen") each=${way#*:}
    is "the bridge loses one of $each ($way of $of)" "$(counted "${way%:*}_lost")" $(((of + each - 1) / each))
  done
  comes_to 'what the bridge lost is lost, by direction, and nothing else is' "$lost_expression" "$expected"
  comes_to 'the rule tells of these four' 'count(target:udptool_probe_loss:ratio_rate5m > 0.01)' '{} => 4'
else
  skip_case 'loss between two hosts (no nftables for bridges here)'
fi

# --- the reflector of b ends and begins again ---------------------------------------------------------------------

end_of KILL b.reflector
comes_to 'a reflector that ended is missed by all' \
  "count(udptool_probe_refused_total{target=\"${address[b]}\"} > 2)" '{} => 3'
before=$(ask "sum(udptool_probe_received_total{target=\"${address[b]}\"})" | sed 's/.* //')
reflect b
comes_to 'it answers all again' \
  "count(rate(udptool_probe_received_total{target=\"${address[b]}\"}[3s]) > 10)" '{} => 3'
like 'received goes on from where it was' \
  "$(ask "sum(udptool_probe_received_total{target=\"${address[b]}\"}) > bool $before")" '\{\} => 1'
comes_to 'what it missed is lost, in no direction' \
  "count(udptool_probe_lost_total{target=\"${address[b]}\", direction=\"unknown\"} > 2)" '{} => 3'
falls=0
for counter in {sent,received,timeouts,late,duplicates,reordered,refused,lost}_total rtt_seconds_{bucket,count,sum}; do
  falls+=" + sum(resets(udptool_probe_${counter}[10m]))"
done
is 'no counter fell' "$(ask "$falls")" '{} => 0'
if [ -n "${expected-}" ]; then
  is 'nor is what went while nobody counted given a direction' "$(ask "$lost_expression" | grep -v unknown)" \
    "$expected"
fi

# --- c dies -------------------------------------------------------------------------------------------------------

# shellcheck disable=SC2154  # host_NAME comes from new_host
pids[host]=$host_c
end_of KILL c.reflector c.prober c.exporter host
comes_to 'a host that died raises an alert of all that ask it' \
  'count by (instance, target) (ALERTS{alertname="UdptoolTargetDown", alertstate="firing"})' \
  "$(printf "{instance=\"%s\", target=\"${address[c]}\"} => 1\n" a b)"

# --- the end ------------------------------------------------------------------------------------------------------

end_of TERM a.prober b.prober
in_files() {
  sed -nE "s/^(udptool_probe_[a-z_]+_total\{.*) ([0-9]+)$/$1 \1 \2/p" "$1/udptool-probe.prom"
}
# What Prometheus has, in the same form.
in_series() {
  ask '{__name__=~"udptool_probe_.*_total", instance=~"a|b"}' |
    sed -E 's/^([a-z_]+)\{(direction="[a-z]+", )?instance="([a-z])", job="node", (target="[^"]+")\} => /\3 \1{\4,\2} /
      s/, \} /} /; s/,\} /} /'
}
same_at_the_end() { [ "$(in_series | sort)" = "$( (in_files a && in_files b) | sort)" ]; }
until_true same_at_the_end || :
# lack: what was sent, and neither answered nor lost.
lack() {
  awk '/_sent_total/ { lack += $3 } /_(received|lost)_total/ { lack -= $3 } END { print lack }' <(in_files a; in_files b)
}
is 'at the end what is missing is lost, all of it' "$(lack)" 0
is 'at the end Prometheus has what the files say' "$(in_series | sort)" "$( (in_files a && in_files b) | sort)"
for host in a b; do is "promtool finds nothing ($host)" "$(promtool check metrics 2>&1 <$host/udptool-probe.prom)" ''; done
is 'node_exporter read each file whole, each time' \
  "$(ask 'sum by (instance) (max_over_time(node_textfile_scrape_error[10m]))')" \
  "$(printf '{instance="%s"} => 0\n' a b c)"
is 'and found nothing wrong' "$(grep -h level=error ./*.exporter.err)" ''

conclude
