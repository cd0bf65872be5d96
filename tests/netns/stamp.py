#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stamp.py reflect|send ...: another STAMP, written from RFC 8762, RFC 8972 and RFC 5357 alone, to talk to.

reflect prints "port N" and answers until it is ended; --lose-forward and --lose-backward name requests by sequence.
send sends --count requests and prints each reply as JSON, and at the end {"replies": N}.
"""
import argparse
import hashlib
import hmac
import json
import socket
import struct
import sys
import time

NTP_EPOCH, TAI = 2208988800, 37
U, M, I = 0x80, 0x40, 0x20
IP_RECVTTL, IP_RECVTOS = 12, 13


def now(ptp, offset=0.0):
    t = time.time_ns() + int(offset * 1e9)
    s, ns = divmod(t, 10**9)
    return struct.pack("!II", (s + TAI) % 2**32, ns) if ptp else struct.pack("!II", (s + NTP_EPOCH) % 2**32, (ns << 32) // 10**9)


def seconds(stamp, ptp):
    s, part = struct.unpack("!II", stamp)
    return s - TAI + part / 1e9 if ptp else s - NTP_EPOCH + part / 2**32


def error_estimate(options):
    return struct.pack("!BB", (0x80 if options.synchronised else 0) | (0x40 if options.ptp else 0) | 10, 1)


def mac(key, text):
    return hmac.new(key.encode(), text, hashlib.sha256).digest()[:16]


def tlvs(data):
    at = 0
    while at + 4 <= len(data):
        flags, kind, size = struct.unpack_from("!BBH", data, at)
        yield flags, kind, data[at + 4:at + 4 + size], size
        at += 4 + size


def receive(sock):
    data, control, _, sender = sock.recvmsg(65536, 256)
    ttl = tos = None
    for level, kind, value in control:
        if (level, kind) == (socket.IPPROTO_IP, socket.IP_TTL):
            ttl = struct.unpack("@i", value)[0]
        if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS):
            tos = value[0]
    return data, sender, ttl, tos


def open_socket(options, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_IP, IP_RECVTTL, 1)
    sock.setsockopt(socket.SOL_IP, IP_RECVTOS, 1)
    sock.setsockopt(socket.SOL_IP, socket.IP_TTL, options.ttl)
    sock.bind((options.address, port))
    return sock


def reflected_tlvs(data, tos):
    out, rest = b"", data
    for flags, kind, value, size in tlvs(data):
        if len(value) < size:
            return out + bytes([M]) + rest[1:]
        if kind == 4 and size == 4:
            wanted = value[0] & 0xfc
            bits = wanted << 8 | (tos >> 2) << 4 | (tos & 3) << 2
            value = struct.pack("!HH", bits, 0)
        out += struct.pack("!BBH", 0 if kind in (1, 4) else U, kind, size) + value
        rest = rest[4 + size:]
    return out + rest


def reflect_one(options, data, number, ttl, tos, arrived):
    error = error_estimate(options)
    if options.key:
        sequence, t1, sender_error, ssid = data[:4], data[16:24], data[24:26], data[26:28]
        if not hmac.compare_digest(mac(options.key, data[:96]), data[96:112]):
            return None
        if options.zero_ssid:
            ssid = bytes(2)
        base = (struct.pack("!I", number) + bytes(12) + now(options.ptp, options.clock) + error + ssid + bytes(4) + arrived +
                bytes(8) + sequence + bytes(12) + t1 + sender_error + bytes(6) + bytes([ttl]) + bytes(15))
        return base + mac(options.key, base) + data[112:]
    sequence, t1, sender_error, ssid = data[:4], data[4:12], data[12:14], data[14:16]
    if options.zero_ssid:
        ssid = bytes(2)
    base = (struct.pack("!I", number) + now(options.ptp, options.clock) + error + ssid + arrived + sequence + t1 +
            sender_error + bytes(2) + bytes([ttl]) + bytes(3))
    if options.twamp:  # no SSID, no TLVs, 41 octets and padding
        return base[:14] + bytes(2) + base[16:41] + bytes(max(0, len(data) - 41))
    return base + reflected_tlvs(data[44:], tos)


def reflect(options):
    sock = open_socket(options, options.port)
    print("port", sock.getsockname()[1], flush=True)
    counts, seen = {}, 0
    while True:
        data, sender, ttl, tos = receive(sock)
        arrived = now(options.ptp, options.clock)
        if len(data) < 14:
            continue
        sequence = struct.unpack("!I", data[:4])[0]
        if sequence in options.lose_forward:
            continue
        seen += 1
        session = (sender, data[26:28] if options.key else data[14:16])
        if seen == options.restart_at:
            counts.clear()
        number = sequence if options.stateless else counts.get(session, 0)
        counts[session] = number + 1
        if sequence in options.lose_backward:
            continue
        if options.hold:
            time.sleep(options.hold / 1000)
        reply = reflect_one(options, data, number, ttl, tos, arrived)
        if reply is not None:
            sock.sendto(reply, sender)


def request(options, sequence):
    error = error_estimate(options)
    ssid = struct.pack("!H", options.ssid)
    if options.key:
        base = struct.pack("!I", sequence) + bytes(12) + now(options.ptp) + error + ssid + bytes(68)
        base += mac(options.key, base)
    else:
        base = struct.pack("!I", sequence) + now(options.ptp) + error + ssid + bytes(28)
    whole = base + bytes.fromhex(options.tlvs)
    return whole[:options.size] if options.size else whole


def described(options, data, ttl, sent, came):
    if options.key:
        at = {"t3": 16, "error": 24, "ssid": 26, "t2": 32, "sender_sequence": 48, "t1": 64, "sender_error": 72, "ttl": 80}
    else:
        at = {"t3": 4, "error": 12, "ssid": 14, "t2": 16, "sender_sequence": 24, "t1": 28, "sender_error": 36, "ttl": 40}
    base = 112 if options.key else 44
    told = {"size": len(data), "sequence": struct.unpack("!I", data[:4])[0], "reply_ttl": ttl,
            "tlvs": data[base:].hex(), "zeros": None}
    if len(data) >= at["ttl"] + 1:
        error = struct.unpack_from("!H", data, at["error"])[0]
        ptp = bool(error & 0x4000)
        t2, t3 = (seconds(data[at[name]:at[name] + 8], ptp) for name in ("t2", "t3"))
        told.update(error=error, ssid=struct.unpack_from("!H", data, at["ssid"])[0], ttl=data[at["ttl"]],
                    sender_sequence=struct.unpack_from("!I", data, at["sender_sequence"])[0],
                    echoed=data[at["t1"]:at["t1"] + 8] == sent[1], forward=t2 - sent[0], held=t3 - t2, backward=came - t3)
    if options.key and len(data) >= 112:
        told["authentic"] = hmac.compare_digest(mac(options.key, data[:96]), data[96:112])
    return told


def send(options):
    sock = open_socket(options, 0)
    sock.settimeout(options.wait)
    replies = 0
    for sequence in range(options.count):
        packet = request(options, sequence)
        t1 = packet[16:24] if options.key else packet[4:12]
        sent = (time.time(), t1)
        sock.sendto(packet, (options.host, options.port))
        try:
            data, _, ttl, _ = receive(sock)
        except TimeoutError:
            continue
        replies += 1
        print(json.dumps(described(options, data, ttl, sent, time.time())), flush=True)
    print(json.dumps({"replies": replies}), flush=True)


def numbers(text):
    return {int(word) for word in text.split(",")} if text else set()


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for name, run in (("reflect", reflect), ("send", send)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--address", default="127.0.0.1")
        command.add_argument("--key", default="")
        command.add_argument("--ptp", action="store_true")
        command.add_argument("--synchronised", action="store_true")
        command.add_argument("--ttl", type=int, default=255)
        if name == "reflect":
            command.add_argument("--port", type=int, default=0)
            command.add_argument("--stateless", action="store_true")
            command.add_argument("--zero-ssid", action="store_true")
            command.add_argument("--twamp", action="store_true")
            command.add_argument("--hold", type=float, default=0, help="milliseconds")
            command.add_argument("--clock", type=float, default=0, help="seconds that it is ahead")
            command.add_argument("--restart-at", type=int, default=0)
            command.add_argument("--lose-forward", type=numbers, default=set())
            command.add_argument("--lose-backward", type=numbers, default=set())
        else:
            command.add_argument("host")
            command.add_argument("port", type=int)
            command.add_argument("--count", type=int, default=1)
            command.add_argument("--size", type=int, default=0, help="cut the request to that")
            command.add_argument("--ssid", type=int, default=0x1234)
            command.add_argument("--tlvs", default="", help="hexadecimal, behind the base")
            command.add_argument("--wait", type=float, default=2, help="seconds for each reply")
    options = parser.parse_args()
    try:
        options.run(options)
    except KeyboardInterrupt:
        sys.exit(0)


main()
