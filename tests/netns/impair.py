#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""impair.py NETNS:DEVICE NETNS:DEVICE: two namespaces joined by a bad link that counts what it did.

Each end is a TAP device, which this program makes and moves into its namespace; frames go from one to the other
through the loop below. UDP datagrams are lost, duplicated and swapped by count, so that every run does the same, and
IPv4 and IPv6 as a whole are delayed; ARP and neighbour discovery pass as they are. A datagram that is to be overtaken
stays behind for good when no other follows. "forth" is from the first end to the second.

Prints "ready" when both devices are there. At SIGUSR1 and at the end (SIGTERM) the truth goes to --truth as JSON:
what was done in each direction, and what the first end must have seen of its requests (datagrams that went forth,
known by their payload) and of their echoes (the same payload coming back).
"""
import argparse
import fcntl
import heapq
import json
import os
import random
import select
import signal
import struct
import subprocess
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


def make_tap(end):
    namespace, device = end.split(":")
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH14x", device.encode(), IFF_TAP | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", "dev", device, "netns", namespace], check=True)
    return tap


def classify(frame):
    """("udp", payload), ("ip", None), or ("other", None) for what is left alone. No fragments come this way."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        protocol, start = frame[23], 14 + (frame[14] & 15) * 4
    elif kind == b"\x86\xdd":
        protocol, start = frame[20], 54
        if protocol == 58 and 133 <= frame[54] <= 137:
            return "other", None
    else:
        return "other", None
    if protocol != 17:
        return "ip", None
    size = int.from_bytes(frame[start + 4:start + 6], "big")
    return "udp", frame[start + 8:start + size]


class Direction:
    def __init__(self, name, out, options):
        self.name, self.out, self.options = name, out, options
        self.done = dict.fromkeys(("seen", "lost", "duplicated", "swapped", "delivered"), 0)
        self.random = {kind: random.Random(name + kind) for kind in ("udp", "ip")}
        self.last_due = 0.0
        self.spared = options.one_way and name == "back"
        self.held = None  # the frame that the next one overtakes

    def is_nth(self, n):
        return n > 0 and not self.spared and self.done["seen"] % n == 0

    def take(self, frame, kind, now):
        """The frames that this one makes leave, as (time, frame, is UDP)."""
        if kind == "other":
            return [(now, frame, False)]
        jitter = self.random[kind].uniform(-1, 1) * self.options.jitter
        # In order: only a swap reorders.
        self.last_due = max(self.last_due, now + (self.options.delay + jitter) / 1000)
        if kind != "udp":
            return [(self.last_due, frame, False)]
        self.done["seen"] += 1
        if self.is_nth(self.options.lose):
            self.done["lost"] += 1
            return []
        if self.held is None and self.is_nth(self.options.swap):
            self.held = frame
            return []
        copies = [frame]
        if self.is_nth(self.options.duplicate):
            self.done["duplicated"] += 1
            copies.append(frame)
        if self.held is not None:
            self.done["swapped"] += 1
            copies.append(self.held)
            self.held = None
        return [(self.last_due, copy, True) for copy in copies]


class Ledger:
    """What the first end sent and what came back to it, by payload."""

    def __init__(self):
        self.sent, self.rtt = {}, {}
        self.duplicate = self.reordered = 0
        self.highest = -1

    def forth(self, payload, now):
        self.sent.setdefault(payload, (len(self.sent), now))

    def back(self, payload, now):
        if payload not in self.sent:
            return
        number, then = self.sent[payload]
        if number in self.rtt:
            self.duplicate += 1
            return
        self.rtt[number] = (now - then) * 1000
        self.reordered += number < self.highest
        self.highest = max(self.highest, number)

    def truth(self):
        return {"sent": len(self.sent), "received": len(self.rtt), "lost": len(self.sent) - len(self.rtt),
                "duplicate": self.duplicate, "reordered": self.reordered,
                "rtt_ms": [self.rtt[number] for number in sorted(self.rtt)]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--truth", required=True, metavar="FILE")
    for name in ("lose", "duplicate", "swap"):
        parser.add_argument("--" + name, type=int, default=0, metavar="N", help=name + " every Nth, each way")
    parser.add_argument("--one-way", action="store_true", help="lose, duplicate and swap only on the way forth")
    parser.add_argument("--delay", type=float, default=0, metavar="MS", help="each way")
    parser.add_argument("--jitter", type=float, default=0, metavar="MS", help="at most so much more or less, each way")
    options = parser.parse_args()

    # The kernel queues what is written to a TAP by processor: on one, it stays in order.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    taps = [make_tap(options.first), make_tap(options.second)]
    ways = {taps[0]: Direction("forth", taps[1], options), taps[1]: Direction("back", taps[0], options)}
    ledger, queue, count, ended = Ledger(), [], 0, []

    def write_truth(*_):
        with open(options.truth + ".new", "w", encoding="ascii") as file:
            json.dump(ledger.truth() | {way.name: way.done for way in ways.values()}, file)
        os.replace(options.truth + ".new", options.truth)

    signal.signal(signal.SIGUSR1, write_truth)
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print("ready", flush=True)
    while not ended:
        wait = max(0, queue[0][0] - time.monotonic()) if queue else 0.2
        for tap in select.select(taps, [], [], wait)[0]:
            try:
                frame = os.read(tap, 65536)
            except OSError:  # its device is down
                time.sleep(0.001)
                continue
            now = time.monotonic()
            kind, payload = classify(frame)
            if kind == "udp" and tap == taps[0]:
                ledger.forth(payload, now)
            for due, out, is_udp in ways[tap].take(frame, kind, now):
                count += 1
                heapq.heappush(queue, (due, count, ways[tap], out, is_udp))
        while queue and queue[0][0] <= time.monotonic():
            _, _, way, frame, is_udp = heapq.heappop(queue)
            try:
                os.write(way.out, frame)
            except OSError:  # its device is down
                continue
            way.done["delivered"] += is_udp
            if is_udp and way.out == taps[0]:
                ledger.back(classify(frame)[1], time.monotonic())
    write_truth()


if __name__ == "__main__":
    main()
