# fish completion for udptool

function __udptool_without_command
    not __fish_seen_subcommand_from listen send join probe
end

# __udptool_option COMMANDS OPTION...: an option of these commands.
function __udptool_option
    complete -c udptool -n "__fish_seen_subcommand_from $argv[1]" $argv[2..-1]
end

complete -c udptool -f
complete -c udptool -n __udptool_without_command -a listen -d 'Receive on one or more ports'
complete -c udptool -n __udptool_without_command -a send -d 'Send datagrams'
complete -c udptool -n __udptool_without_command -a join -d 'Receive multicast'
complete -c udptool -n __udptool_without_command -a probe -d 'Ask a port or a path'
complete -c udptool -n __udptool_without_command -l version -d 'Show the version'
complete -c udptool -s h -l help -d 'Show the options'

set -l every 'listen send join probe'
__udptool_option $every -s 4 -l ipv4 -d 'Use IPv4 only'
__udptool_option $every -s 6 -l ipv6 -d 'Use IPv6 only'
__udptool_option $every -s i -l interface -x -a '(__fish_print_interfaces)' -d 'Use this interface'
__udptool_option $every -s t -l ttl -x -d 'TTL or hop limit of what is sent'
__udptool_option $every -l dscp -x -a 'be df ef le va cs{0,1,2,3,4,5,6,7} af{1,2,3,4}{1,2,3}' -d 'DiffServ code point'
__udptool_option $every -s b -l broadcast -d 'Allow broadcast destinations'
__udptool_option $every -l rcvbuf -x -d 'Receive buffer of the kernel'
__udptool_option $every -l sndbuf -x -d 'Send buffer of the kernel'
__udptool_option $every -s c -l count -x -d 'End after so many'
__udptool_option $every -s w -l wait -x -d 'How long to wait for a datagram'
__udptool_option $every -s W -l deadline -x -d 'End after so long, whatever happens'
__udptool_option $every -s o -l output -x -a 'text json hex raw none' -d 'Form of the records'
__udptool_option $every -s j -l json -d 'Records as JSON'
__udptool_option $every -s r -l raw -d 'Records as raw bytes'
__udptool_option $every -s D -l delimiter -x -d 'What stands between datagrams'
__udptool_option $every -s T -l timestamps -d 'Begin records with the receive time'
__udptool_option $every -s v -l verbose -d 'Add the details of each datagram'
__udptool_option $every -s q -l quiet -d 'No notices'
__udptool_option $every -l color -x -a 'auto always never' -d 'Color the output'
__udptool_option $every -l user -x -a '(__fish_complete_users)' -d 'Become this user when all is open'

__udptool_option 'listen join' -l stats -d 'Print rates, each second or =DURATION'
__udptool_option 'listen join probe' -l no-sandbox -d 'Do not confine the process'

__udptool_option listen -l reuse-address -d 'Set SO_REUSEADDR'
__udptool_option listen -l reuse-port -d 'Share the port with other listeners'
__udptool_option listen -l echo -d 'Send each datagram back'
__udptool_option listen -l reply -x -d 'Answer each datagram'
__udptool_option listen -l allow -x -d 'Hear only senders in this network'
__udptool_option listen -l deny -x -d 'Ignore senders in this network'

__udptool_option 'send probe' -s s -l source -x -d 'Local address'
__udptool_option 'send probe' -s p -l source-port -x -d 'Local port'
__udptool_option 'send probe' -l no-loopback -d 'Do not deliver multicast on this host'
__udptool_option 'send probe' -l df -d 'Do not fragment'
__udptool_option send -s f -l file -r -F -d 'Read this file'
__udptool_option send -s x -l hex -d 'Messages are hexadecimal'
__udptool_option send -s e -l escapes -d 'Messages carry C escapes'
__udptool_option send -l chunk -x -d 'Cut the input every so many bytes'
__udptool_option send -l whole -d 'The whole input is one datagram'
__udptool_option send -l offset -x -d 'Leave out the first bytes'
__udptool_option send -l length -x -d 'Send only so many bytes'
__udptool_option send -s l -l size -x -d 'Send a pattern of this size'
__udptool_option send -l empty -d 'Send an empty datagram'
__udptool_option send -l interval -x -d 'Time between datagrams'
__udptool_option send -l rate -x -d 'Datagrams a second'
__udptool_option send -l bitrate -x -d 'Bits of payload a second'
__udptool_option send -l replies -x -d 'Stop waiting after so many replies'
__udptool_option send -l progress -d 'Show a line of progress'
__udptool_option 'send probe' -a '(__fish_print_hostnames)'

__udptool_option join -l leave-after -x -d 'Drop the memberships after so long'
__udptool_option join -l rtp -d 'Read RTP headers'
__udptool_option join -l clock-rate -x -d 'RTP clock rate of dynamic payload types'
__udptool_option join -l explain -d 'Say what stands in the way'

__udptool_option probe -l trace -d 'Each hop on the way'
__udptool_option probe -l max-hops -x -d 'Trace no further'
__udptool_option probe -l first-hop -x -d 'Begin the trace with this hop'
__udptool_option probe -l tries -x -d 'Probes for each hop of a trace'
__udptool_option probe -l names -d 'Names of the hops'
__udptool_option probe -l mtu -d 'The largest datagram that the path carries'
__udptool_option probe -l payload -x -a '(udptool probe --list-payloads | string replace -r "\t.*" "")' -d 'Request of this protocol'
__udptool_option probe -l list-payloads -d 'List the payloads and their ports'
__udptool_option probe -l data -x -d 'Send this text'
__udptool_option probe -s x -l hex -d 'The text is hexadecimal'
__udptool_option probe -s e -l escapes -d 'The text carries C escapes'
__udptool_option probe -s l -l size -x -d 'Send a pattern of this size'
__udptool_option probe -l interval -x -d 'Time between probes'
__udptool_option probe -l histogram -d 'Draw the distribution of round trips'
