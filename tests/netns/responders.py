#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""responders.py NAME PORT [GROUP ADDRESS]: the smallest server of a protocol, on 127.0.0.1, from the protocol's text.

Each reads the request as the document that it names has it, and answers nothing else. With GROUP it hears the group
on the loopback as well and answers from ADDRESS.

responders.py relay PORT SERVER_PORT flip OFFSET|TEXT: passes requests on to a server with one bit changed, at OFFSET
or behind TEXT, and its answers back: right answers, but to somebody else's request.
responders.py relay PORT SERVER_PORT cut SIZE: passes on the first SIZE bytes of an answer.
"""
import os
import socket
import struct
import sys


def require(condition):
    if not condition:
        raise ValueError


def sip(request, sender):  # RFC 3261, 8.2.6 and 11.2; RFC 3581, 4
    lines = request.decode("ascii").split("\r\n")
    require(lines[0].startswith("OPTIONS sip:") and lines[0].endswith(" SIP/2.0") and lines[-2:] == ["", ""])
    headers = dict(line.split(": ", 1) for line in lines[1:-2])
    require(";branch=z9hG4bK" in headers["Via"] and headers["Via"].endswith(";rport") and ";tag=" in headers["From"])
    require(headers["CSeq"].endswith(" OPTIONS") and int(headers["Max-Forwards"]) > 0)
    return "\r\n".join(["SIP/2.0 200 OK", f"Via: {headers['Via']}={sender[1]};received={sender[0]}",
                        f"From: {headers['From']}", f"To: {headers['To']};tag=8c1f", f"Call-ID: {headers['Call-ID']}",
                        f"CSeq: {headers['CSeq']}", "Allow: OPTIONS", "Content-Length: 0", "", ""]).encode("ascii")


def quic(request, _):  # RFC 8999, 5.1 and 6; RFC 9000, 14.1
    require(len(request) >= 1200 and request[0] & 0x80)
    version, size = struct.unpack_from("!IB", request, 1)
    require(version not in (0, 1, 0x6b3343cf) and 8 <= size <= 20)
    to, rest = request[6:6 + size], request[6 + size:]
    source = rest[1:1 + rest[0]]
    require(len(source) == rest[0])
    return (bytes([0x80 | os.urandom(1)[0], 0, 0, 0, 0, len(source)]) + source + bytes([len(to)]) + to
            + struct.pack("!III", 0x1a2a3a4a, 1, 0x6b3343cf))


def coap(request, _):  # RFC 7252, 4.2 and 4.3
    require(len(request) == 4 and request[:2] == b"\x40\x00")
    return b"\x70\x00" + request[2:]


def natpmp(request, _):  # RFC 6886, 3.2
    require(request == b"\x00\x00")
    return struct.pack("!BBHI4B", 0, 128, 0, 3600, 203, 0, 113, 7)


def portmap(request, _):  # RFC 5531, 9; RFC 1833, 3
    xid, *call = struct.unpack("!10I", request)
    require(call == [0, 2, 100000, 2, 0, 0, 0, 0, 0])
    return struct.pack("!6I", xid, 1, 0, 0, 0, 0)


def netbios(request, _):  # RFC 1002, 4.2.17 and 4.2.18
    require(struct.unpack("!5H", request[2:12]) == (0, 1, 0, 0, 0) and len(request) == 50)
    name = request[12:46]
    decoded = bytes((high - 65) << 4 | low - 65 for high, low in zip(name[1:33:2], name[2:33:2]))
    require(name[0] == 32 and decoded == b"*" + bytes(15) and request[46:] == b"\x00\x21\x00\x01")
    nodes = [(b"OFFICE", 0, 0x8400), (b"FILESERVER", 0x20, 0x0400), (b"FILESERVER", 0, 0x0400)]
    data = bytes([len(nodes)]) + b"".join(n.ljust(15) + struct.pack("!BH", s, f) for n, s, f in nodes) + bytes(46)
    return (request[:2] + struct.pack("!5H", 0x8400, 0, 1, 0, 0) + name
            + struct.pack("!HHIH", 0x21, 1, 0, len(data)) + data)


def ike(request, _):  # RFC 7296, 1.2, 3.1, 3.2, 3.4 and 3.10
    spi, responder, kind, version, exchange, flags, number, size = struct.unpack_from("!8s8sBBBBII", request)
    require(spi != bytes(8) and responder == bytes(8) and version == 0x20 and exchange == 34 and flags == 8)
    require(number == 0 and size == len(request))
    kinds, at = [], 28
    while kind:
        kinds.append(kind)
        kind, _, length = struct.unpack_from("!BBH", request, at)
        require(length >= 4)
        if kinds[-1] == 34:  # key exchange of group 31
            require(length == 40 and request[at + 4:at + 6] == b"\x00\x1f")
        at += length
    require(at == size and kinds == [33, 34, 40])
    return (spi + bytes(8) + struct.pack("!BBBBII", 41, 0x20, 34, 0x20, 0, 36)
            + struct.pack("!BBHBBH", 0, 0, 8, 0, 0, 14))


def ipmi(request, _):  # ASF 2.0, 3.2.4.2 and 3.2.4.3
    require(len(request) == 12 and request[:4] == b"\x06\x00\xff\x06" and request[4:9] == b"\x00\x00\x11\xbe\x80")
    require(request[9] != 255 and request[11] == 0)
    return request[:8] + bytes([0x40, request[9], 0, 16]) + struct.pack("!IIBB6x", 0x11be, 0, 0x81, 0)


def openvpn(request, _):  # openvpn-wire-protocol, P_CONTROL_HARD_RESET_CLIENT_V2 of key 0
    require(len(request) == 14 and request[0] == 7 << 3 and request[9:] == bytes(5))
    return bytes([8 << 3]) + os.urandom(8) + b"\x01" + bytes(4) + request[1:9] + bytes(4)


def a2s(request, _):  # Valve's "Server queries", A2S_INFO
    require(request == b"\xff\xff\xff\xffTSource Engine Query\x00")
    return b"\xff\xff\xff\xffA" + os.urandom(4)


def mdns(request, _):  # RFC 6762, 6.7 and 18; RFC 6763, 9
    question = request[12:]
    require(struct.unpack("!5H", request[2:12]) == (0, 1, 0, 0, 0))
    require(question[:-4] == b"\x09_services\x07_dns-sd\x04_udp\x05local\x00" and question[-4:-2] == b"\x00\x0c")
    answers = b""
    for service in b"\x05_http\x04_tcp\xc0\x23", b"\x04_ipp\x04_tcp\xc0\x23":
        answers += struct.pack("!HHHIH", 0xc00c, 12, 1, 10, len(service)) + service
    return request[:2] + struct.pack("!5H", 0x8400, 1, 2, 0, 0) + question[:-2] + b"\x00\x01" + answers


def ssdp(request, _):  # UPnP Device Architecture 2.0, 1.3.2 and 1.3.3
    lines = request.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:-2])
    require(lines[0] == "M-SEARCH * HTTP/1.1" and lines[-2:] == ["", ""] and headers["MAN"] == '"ssdp:discover"')
    require(1 <= int(headers["MX"]) <= 5 and headers["ST"] == "upnp:rootdevice")
    return ("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://127.0.0.1/device.xml\r\n"
            "SERVER: Linux/6.1 UPnP/2.0 example/1.0\r\nST: upnp:rootdevice\r\n"
            "USN: uuid:1::upnp:rootdevice\r\n\r\n").encode("ascii")


def echo(request, _):  # RFC 862
    return request


ANSWERS = {function.__name__: function
           for function in (sip, quic, coap, natpmp, portmap, netbios, ike, ipmi, openvpn, a2s, mdns, ssdp, echo)}


def udp_socket(address, port):
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    out.bind((address, port))
    return out


def serve(answer, port, group=None, address=None):
    hears = udp_socket(group or "127.0.0.1", port)
    speaks = udp_socket(address, port) if group else hears
    if group:
        hears.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                         socket.inet_aton(group) + socket.inet_aton("127.0.0.1"))
    print("ready", flush=True)
    while True:
        request, sender = hears.recvfrom(65536)
        try:
            speaks.sendto(answer(request, sender), sender)
        except (ValueError, KeyError, IndexError, struct.error) as error:
            print(f"not understood ({error!r}): {request!r}", file=sys.stderr, flush=True)


def relay(server_port, change, where):
    def answer(request, _):
        request = bytearray(request)
        if change == "flip":
            request[int(where) if where.isdigit() else request.index(where.encode()) + len(where)] ^= 8
        with udp_socket("127.0.0.1", 0) as asks:
            asks.settimeout(0.5)
            asks.sendto(request, ("127.0.0.1", server_port))
            try:
                reply = asks.recv(65536)
            except TimeoutError as error:
                raise ValueError("no answer") from error
        print("passed on an answer", file=sys.stderr, flush=True)
        return reply[:int(where)] if change == "cut" else reply
    return answer


if __name__ == "__main__":
    if sys.argv[1] == "relay":
        serve(relay(int(sys.argv[3]), sys.argv[4], sys.argv[5]), int(sys.argv[2]))
    else:
        serve(ANSWERS[sys.argv[1]], int(sys.argv[2]), *sys.argv[3:])
