#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Streams for streams.sh: made up, impaired and judged without udptool.

  make KIND FILE             a capture of a stream of that kind (below): whole, or with what its name says
  impair IN FILE [SPACING]   the capture with loss, duplicates and reordering, a datagram each SPACING microseconds
  judge KIND FILE            what came: "received R, lost L, duplicate D, reordered O, loss runs N"; the runs by length
  jitter HZ FILE             interarrival jitter in milliseconds, by RFC 3550, A.8
  ts FILE                    the continuity errors of each PID (ISO/IEC 13818-1, 2.4.3.3)

Captures are of raw IPv4 and in order of arrival, as `udptool --pcap` writes them.
"""
import struct
import sys

LINK_RAW = 101


def read(path):
    """[(time in nanoseconds, payload)] of the UDP datagrams in a capture of this machine's byte order."""
    with open(path, "rb") as file:
        data = file.read()
    magic, link = struct.unpack_from("=I", data)[0], struct.unpack_from("=I", data, 20)[0]
    scale = {0xA1B23C4D: 1, 0xA1B2C3D4: 1000}[magic]
    assert link == LINK_RAW, link
    at, all_of_it = 24, []
    while at + 16 <= len(data):
        seconds, fraction, captured, _ = struct.unpack_from("=IIII", data, at)
        packet = data[at + 16:at + 16 + captured]
        at += 16 + captured
        size = int.from_bytes(packet[24:26], "big")
        all_of_it.append((seconds * 10**9 + fraction * scale, packet[28:20 + size]))
    return all_of_it


def write(path, payloads, spacing_us):
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, LINK_RAW))
        for i, payload in enumerate(payloads):
            udp = struct.pack("!HHHH", 40000, 9, 8 + len(payload), 0) + payload
            address = b"\x7f\0\0\1"
            packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, address, address) + udp
            time = 1_700_000_000 * 10**6 + i * spacing_us
            file.write(struct.pack("=IIII", time // 10**6, time % 10**6, len(packet), len(packet)) + packet)


def rtp(number, ssrc=0x11223344, payload_type=97, jump=0):
    """1 ms of 48 kHz, as AES67 sends it."""
    header = struct.pack("!BBHII", 0x80, payload_type, number & 0xFFFF, (number * 48 + jump) & 0xFFFFFFFF, ssrc)
    return header + bytes(36)


def sacn(number, universe=1, source=b"a desk"):
    """A data packet of E1.31: the root, framing and DMP layers around 512 slots."""
    dmp = struct.pack("!HBBHHH", 0x7000 | 523, 2, 0xA1, 0, 1, 513) + bytes([0]) + bytes([number & 0xFF]) * 512
    framing = struct.pack("!HI64sBHBBH", 0x7000 | 600, 2, source, 100, 0, number & 0xFF, 0, universe) + dmp
    root = struct.pack("!HH12sHI16s", 16, 0, b"ASC-E1.17\0\0\0", 0x7000 | 622, 4, b"sixteen of a CID")
    return root + framing


def mold(number):
    """A packet of MoldUDP64 with one message."""
    return struct.pack("!10sQH", b"SESSION001", number, 1) + struct.pack("!H", 20) + bytes(20)


def outage(count):
    return [rtp(i) for i in range(500)] + [rtp(i) for i in range(500 + count, 1000 + count)]


def forged():
    """An honest stream of 1,000 that misses one in ten, and a hundred made-up SSRCs beside each of them."""
    for i in range(1000):
        if i % 10 != 5:
            yield rtp(i)
        for k in range(100):
            yield rtp(9, ssrc=0x80000000 + 100 * i + k)


MADE = {  # (datagrams, microseconds between them)
    "sacn": lambda: ([sacn(200 + i) for i in range(10_000)], 100),
    "mold": lambda: ([mold(2**32 - 5_000 + i) for i in range(10_000)], 100),
    "rtp": lambda: ([rtp(60_000 + i) for i in range(10_000)], 100),
    "outage-5000": lambda: (outage(5_000), 100),
    "outage-70000": lambda: (outage(70_000), 100),
    "restart": lambda: ([rtp(i) for i in range(500)] + [rtp(i, jump=0x40000000) for i in range(30_000, 30_500)], 100),
    "realtime": lambda: ([rtp(i) for i in range(3_000) if not 1_000 <= i < 1_500], 1_000),
    "slow": lambda: ([rtp(i) for i in range(50)], 5_000),
    "burst": lambda: ([rtp(i) for i in range(20_000)], 0),
    "last": lambda: ([rtp(20_000)], 0),
    "forged": lambda: (list(forged()), 50),
}


def impair(payloads):
    """One in 17 is lost, some in runs of three; one in 23 comes twice, one in 31 after the next. Never an end."""
    out, held = [], None
    for i, payload in enumerate(payloads):
        inner = 10 < i < len(payloads) - 10
        if inner and (i % 17 == 5 or i % 1000 in (500, 501, 502)):
            continue
        if inner and held is None and i % 31 == 11:
            held = payload
            continue
        out.append(payload)
        if inner and i % 23 == 7:
            out.append(payload)
        if held is not None:
            out.append(held)
            held = None
    return out


def rtp_number(payload):
    """(number, bits of it); nothing for RTCP on the same port (RFC 5761)."""
    if len(payload) < 12 or payload[0] >> 6 != 2 or 192 <= payload[1] <= 223:
        return None
    return int.from_bytes(payload[2:4], "big"), 16


def iperf_number(payload):
    return abs(int.from_bytes(payload[:4], "big", signed=True)), 31


KINDS = {
    "rtp": rtp_number,
    "sacn": lambda payload: (payload[111], 8),
    "mold": lambda payload: (int.from_bytes(payload[10:18], "big"), 64),
    "iperf": iperf_number,
}


def judge(kind, payloads):
    """By definition: all of the numbers that were heard are at hand, extended over their wraps."""
    heard, received, reordered, highest, ended = set(), 0, 0, None, False
    for payload in payloads:
        if kind == "iperf" and payload[0] & 0x80:  # the last, which is repeated until it is answered
            if ended:
                continue
            ended = True
        found = KINDS[kind](payload)
        if found is None:
            continue
        number, bits = found
        if highest is None:
            highest = first = number
        half = 1 << (bits - 1)
        extended = highest + (number - highest + half) % (1 << bits) - half
        received += 1
        if extended < highest and extended not in heard:
            reordered += 1
        first, highest = min(first, extended), max(highest, extended)
        heard.add(extended)
    runs, run = dict.fromkeys(("1", "2", "3-5", "6-10", "11+"), 0), 0
    for number in range(first, highest + 1):
        if number not in heard:
            run += 1
        elif run > 0:
            runs["1" if run == 1 else "2" if run == 2 else "3-5" if run <= 5 else "6-10" if run <= 10 else "11+"] += 1
            run = 0
    lost = highest - first + 1 - len(heard)
    print(f"received {received}, lost {lost}, duplicate {received - len(heard)}, reordered {reordered}, "
          f"loss runs {sum(runs.values())}")
    print("{" + ",".join(f'"{name}":{count}' for name, count in runs.items()) + "}")


def jitter(rate, datagrams):
    value, transit, seen = 0.0, None, set()
    for time, payload in datagrams:
        if rtp_number(payload) is None or payload in seen:  # a copy on its way has a time of its own
            continue
        seen.add(payload)
        arrival = time * rate / 10**9
        before, transit = transit, (arrival - int.from_bytes(payload[4:8], "big"))
        if before is not None:
            difference = (transit - before + 2**31) % 2**32 - 2**31
            value += (abs(difference) - value) / 16
    print(f"{value / rate * 1000:.6f}")


def ts_packets(payload):
    if payload[0] != 0x47:
        payload = payload[12:]
    return [payload[at:at + 188] for at in range(0, len(payload), 188)]


def continuity(payloads):
    last, errors = {}, {}
    for packet in (packet for payload in payloads for packet in ts_packets(payload)):
        pid, control, counter = int.from_bytes(packet[1:3], "big") & 0x1FFF, packet[3] >> 4 & 3, packet[3] & 15
        if pid == 0x1FFF or control == 0:
            continue
        flags = packet[5] if control & 2 and packet[4] > 0 else 0
        content = packet[5 + packet[4] if control & 2 else 4:] if control & 1 else None
        before, before_content, repeated = last.get(pid, (None, None, False))
        errors.setdefault(pid, 0)
        repeat = content is not None and (counter, content) == (before, before_content) and not repeated
        if before is None or flags & 0x80:
            right = True
        else:
            right = repeat or counter == (before if content is None else (before + 1) % 16)
        errors[pid] += not right
        if content is None:
            content, repeat = before_content, repeated and right
        last[pid] = (counter, content, repeat and before is not None)
    for pid in sorted(errors):
        print(f"0x{pid:04x} {errors[pid]}")


def main():
    verb, words = sys.argv[1], sys.argv[2:]
    if verb == "make":
        payloads, spacing_us = MADE[words[0]]()
        write(words[1], payloads, spacing_us)
    elif verb == "impair":
        payloads = impair([payload for _, payload in read(words[0])][:10_000])
        write(words[1], payloads, int(words[2]) if len(words) > 2 else 100)
    elif verb == "judge":
        judge(words[0], [payload for _, payload in read(words[1])])
    elif verb == "jitter":
        jitter(int(words[0]), read(words[1]))
    elif verb == "ts":
        continuity([payload for _, payload in read(words[0])])
    else:
        sys.exit(f"streams.py: {verb}?")


if __name__ == "__main__":
    main()
