# bash completion for udptool, printed by: udptool --completions bash        -*- shell-script -*-

_udptool_takes_value() {
  case $1 in
    --allow | --append | --bitrate | --chunk | --clock-rate | --color | --count | --data | --deadline | --delimiter | --deny | --dscp | --exec | --exec-timeout | --file | --filter | --first-hop | --flows | --forward | --impair | --interface | --interval | --jobs | --leave-after | --length | --max-hops | --metrics | --offset | --output | --payload | --pcap | --rate | --rcvbuf | --rejoin | --replay | --replies | --reply | --session-timeout | --size | --sndbuf | --source | --source-port | --speed | --stamp-key | --targets | --threads | --tries | --ttl | --user | --wait | -D | -W | -c | -f | -i | -l | -o | -p | -s | -t | -w) ;;
    *) return 1 ;;
  esac
}

_udptool_offer() {
  mapfile -t COMPREPLY < <(compgen "$@" -- "$current")
}

_udptool_values() {
  case $1 in
    --color) _udptool_offer -W 'auto always never' ;;
    --dscp) _udptool_offer -W 'df be le cs0 cs1 cs2 cs3 cs4 cs5 cs6 cs7 af11 af12 af13 af21 af22 af23 af31 af32 af33 af41 af42 af43 ef va' ;;
    --file) compopt -o filenames 2>/dev/null; _udptool_offer -f ;;
    --interface) _udptool_offer -W "$(ls /sys/class/net 2>/dev/null)" ;;
    --metrics) compopt -o filenames 2>/dev/null; _udptool_offer -f ;;
    --output) _udptool_offer -W 'text json hex raw none' ;;
    --payload) _udptool_offer -W 'token dns ntp snmp stun sip mdns ssdp coap tftp memcached quic ike natpmp portmap netbios ipmi openvpn dtls a2s echo empty' ;;
    --pcap) compopt -o filenames 2>/dev/null; _udptool_offer -f ;;
    --replay) compopt -o filenames 2>/dev/null; _udptool_offer -f ;;
    --source-port) _udptool_offer -A service ;;
    --stamp-key) compopt -o filenames 2>/dev/null; _udptool_offer -f ;;
    --targets) compopt -o filenames 2>/dev/null; _udptool_offer -f ;;
    --user) _udptool_offer -u ;;
    -f) compopt -o filenames 2>/dev/null; _udptool_offer -f ;;
    -i) _udptool_offer -W "$(ls /sys/class/net 2>/dev/null)" ;;
    -o) _udptool_offer -W 'text json hex raw none' ;;
    -p) _udptool_offer -A service ;;
  esac
}

_udptool() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' i positions=0 word
  COMPREPLY=()
  # bash splits --output=json into three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == -* ]]; then
      if [[ ${COMP_WORDS[i + 1]-} == = ]]; then
        i=$((i + 2))
      elif _udptool_takes_value "$word"; then
        i=$((i + 1))
      fi
    elif [[ -z $command ]]; then
      command=$word
    else
      positions=$((positions + 1))
    fi
  done
  if _udptool_takes_value "$previous"; then
    _udptool_values "$previous"
    return
  fi
  case $command:$current:$positions in
    :-*) _udptool_offer -W '-h --help --version' ;;
    :*) _udptool_offer -W 'listen send join probe' ;;
    listen:-*) _udptool_offer -W '-h --help --version --echo --reply --exec --jobs --exec-timeout --chat --stamp --stamp-key --forward --session-timeout --impair --allow --deny --rtp --clock-rate --sequence -4 --ipv4 -6 --ipv6 -i --interface -t --ttl --dscp -b --broadcast --rcvbuf --sndbuf --reuse-address --reuse-port --threads -c --count -w --wait -W --deadline -o --output -j --json -r --raw -T --timestamps -v --verbose -q --quiet --color --pcap -D --delimiter --stats --top --metrics --user --no-sandbox' ;;
    send:-*) _udptool_offer -W '-h --help --version -f --file --append --skip-empty --truncate -x --hex -e --escapes -D --delimiter --chunk --whole --offset --length -l --size --sequence --empty --interval --rate --bitrate --progress --replay --speed --filter --keep-ports -4 --ipv4 -6 --ipv6 -i --interface -s --source -p --source-port -t --ttl --dscp -b --broadcast --rcvbuf --sndbuf --no-loopback --df -c --count -w --wait -W --deadline --replies -o --output -j --json -r --raw -T --timestamps -v --verbose -q --quiet --color --pcap --stats --user' ;;
    send:*:0) _udptool_offer -A hostname ;;
    send:*:1) _udptool_offer -A service ;;
    join:-*) _udptool_offer -W '-h --help --version --leave-after --rejoin --rtp --clock-rate --sequence --forward --session-timeout --impair --explain -4 --ipv4 -6 --ipv6 -i --interface -t --ttl --dscp -b --broadcast --rcvbuf --sndbuf -c --count -w --wait -W --deadline -o --output -j --json -r --raw -T --timestamps -v --verbose -q --quiet --color --pcap -D --delimiter --stats --top --metrics --user --no-sandbox' ;;
    probe:-*) _udptool_offer -W '-h --help --version --trace --max-hops --first-hop --tries --names --mtu --stamp --flows --targets --stamp-key --payload --list-payloads --data -x --hex -e --escapes -l --size --interval -4 --ipv4 -6 --ipv6 -i --interface -s --source -p --source-port -t --ttl --dscp -b --broadcast --rcvbuf --sndbuf --no-loopback --df -c --count -w --wait -W --deadline --histogram -o --output -j --json -r --raw -T --timestamps -v --verbose -q --quiet --color --pcap --stats --metrics -D --delimiter --user --no-sandbox' ;;
    probe:*:0) _udptool_offer -A hostname ;;
    probe:*:1) _udptool_offer -A service ;;
  esac
}

complete -F _udptool udptool
