# bash completion for udptool                                             -*- shell-script -*-

# Options of every command; those that take a value are listed once more, in _udptool_takes_value.
_udptool_common='-4 --ipv4 -6 --ipv6 -i --interface -t --ttl --dscp -b --broadcast --rcvbuf --sndbuf
  -c --count -w --wait -W --deadline
  -o --output -j --json -r --raw -D --delimiter -T --timestamps -v --verbose -q --quiet --color --user -h --help'
_udptool_listen='--stats --no-sandbox --reuse-address --reuse-port --echo --reply --allow --deny'
_udptool_send='-s --source -p --source-port --no-loopback --df -f --file -x --hex -e --escapes
  --chunk --whole --offset --length -l --size --empty --interval --rate --bitrate --replies --progress'
_udptool_join='--stats --no-sandbox --leave-after --rtp --clock-rate --explain'

_udptool_probe='-s --source -p --source-port --no-loopback --df --trace --max-hops --first-hop --tries --names --mtu
  --payload --list-payloads --data -x --hex -e --escapes -l --size --interval --histogram --no-sandbox'

_udptool_takes_value() {
  case $1 in
    -i | --interface | -t | --ttl | --dscp | --rcvbuf | --sndbuf) ;;
    -c | --count | -w | --wait | -W | --deadline) ;;
    -o | --output | -D | --delimiter | --color | --user) ;;
    --reply | --allow | --deny) ;;
    -s | --source | -p | --source-port | -f | --file | --chunk | --offset | --length | -l | --size) ;;
    --interval | --rate | --bitrate | --replies) ;;
    --leave-after | --clock-rate) ;;
    --max-hops | --first-hop | --tries | --payload | --data) ;;
    *) return 1 ;;
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

  case $previous in
    -i | --interface) mapfile -t COMPREPLY < <(cd /sys/class/net 2>/dev/null && compgen -G "$current*") ;;
    -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json hex raw none' -- "$current") ;;
    --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current") ;;
    --dscp)
      mapfile -t COMPREPLY < <(compgen -W 'be df ef le va cs0 cs1 cs2 cs3 cs4 cs5 cs6 cs7 af11 af12 af13 af21 af22 af23
        af31 af32 af33 af41 af42 af43' -- "$current")
      ;;
    --payload)
      mapfile -t COMPREPLY < <(compgen -W 'token dns ntp snmp stun sip mdns ssdp coap tftp memcached quic ike natpmp
        portmap netbios ipmi openvpn a2s echo empty' -- "$current")
      ;;
    --user) mapfile -t COMPREPLY < <(compgen -u -- "$current") ;;
    -f | --file)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      ;;
    *)
      if _udptool_takes_value "$previous"; then
        return # a number or a text, which nobody can guess
      fi
      case $command:$current:$positions in
        :-*) mapfile -t COMPREPLY < <(compgen -W '-h --help --version' -- "$current") ;;
        :*) mapfile -t COMPREPLY < <(compgen -W 'listen send join probe' -- "$current") ;;
        listen:-*) mapfile -t COMPREPLY < <(compgen -W "$_udptool_common $_udptool_listen" -- "$current") ;;
        send:-*) mapfile -t COMPREPLY < <(compgen -W "$_udptool_common $_udptool_send" -- "$current") ;;
        join:-*) mapfile -t COMPREPLY < <(compgen -W "$_udptool_common $_udptool_join" -- "$current") ;;
        probe:-*) mapfile -t COMPREPLY < <(compgen -W "$_udptool_common $_udptool_probe" -- "$current") ;;
        send:*:0 | probe:*:0) mapfile -t COMPREPLY < <(compgen -A hostname -- "$current") ;;
        send:*:1 | probe:*:1) mapfile -t COMPREPLY < <(compgen -A service -- "$current") ;;
      esac
      ;;
  esac
}

complete -F _udptool udptool
