// SPDX-License-Identifier: MIT
// The checkers that the table in payloads.cpp refers to. For this room only.
#pragma once

#include <string>
#include <string_view>

#include "commands/probe/payloads/payloads.hpp"

namespace commands {

// Text of a reply, cut at 60 bytes.
std::string shortened(std::string_view text);

// text.cpp
Check check_token, check_echo, check_sip, check_ssdp, check_tftp, check_memcached, check_a2s;
// dns.cpp
Check check_dns, check_mdns, check_netbios;
// binary.cpp
Check check_ntp, check_stun, check_snmp, check_coap, check_quic, check_ike, check_natpmp, check_portmap, check_ipmi,
    check_openvpn, check_dtls;

}  // namespace commands
