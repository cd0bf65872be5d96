# SPDX-License-Identifier: MIT
"""The measurements of what goes beyond netcat: relays, jobs, captures, STAMP, streams."""
import os
import shutil
import struct
import time

import machine
from machine import Process, RECEIVE_CORE, SEND_CORE, next_port, run_json, wait_bound

HOST = "127.0.0.1"
ALLOWED = ["--allow", "127.0.0.0/8"]  # the budget of answers is not what is measured


class Modes:
    def __init__(self, bench):
        self.bench, self.tool, self.limit = bench, bench.tool, bench.limit

    def relay_flood(self, words, targets=1, dead=0):
        """Datagrams a second that came out of a relay at each living target, while segmented runs went in."""
        port, ends = next_port(), [next_port() for _ in range(targets + dead)]
        sinks = [Process([self.limit, "recv", end, "gro"], RECEIVE_CORE, stdout=open(os.devnull, "wb"))
                 for end in ends[:targets]]
        try:
            for sink, end in zip(sinks, ends):
                wait_bound(end, sink)
            with Process(words(port, ends), RECEIVE_CORE) as relay:
                if not wait_bound(port, relay):
                    return None
                sent = self.bench.limit_send(port, mode="gso", seconds=self.bench.seconds, count=1 << 24)
                machine.wait_quiet(*sinks)
                arrived = sum(sink.written() for sink in sinks) / 64 / targets
                return arrived / sent["seconds"] if sent else None
        finally:
            for sink in sinks:
                sink.__exit__()

    def relay_flood_in(self, section, words, **options):
        found = self.relay_flood(words, **options)
        return {section: found} if found else None

    def relay_requests(self, words):
        """Requests a second through a relay to an echo and back, and the median round trip."""
        port, end = next_port(), next_port()
        with Process([self.limit, "echo", end, "mmsg"], RECEIVE_CORE) as server:
            wait_bound(end, server)
            with Process(words(port, [end]), RECEIVE_CORE) as relay:
                if not wait_bound(port, relay):
                    return None
                pings = run_json([self.limit, "ping", port, "--count", 500 if self.bench.quick else 5_000], SEND_CORE)
            port = next_port()
            with Process(words(port, [end]), RECEIVE_CORE) as relay:
                wait_bound(port, relay)
                flood = run_json([self.limit, "flood", port, "--seconds", self.bench.seconds], SEND_CORE)
        if not pings or not flood:
            return None
        return {"relay": flood["datagrams"] / flood["seconds"], "relay p50": pings["p50_us"]}

    def relay_cost(self, words, senders):
        """CPU microseconds a datagram of a two-way relay for so many sessions, and its peak memory."""
        port, end, source = next_port(), next_port(), next_port()
        with Process([self.limit, "recv", end, "discard"], RECEIVE_CORE) as sink, \
                Process(words(port, [end]), RECEIVE_CORE) as relay:
            wait_bound(end, sink)
            if not wait_bound(port, relay):
                return None
            self.bench.limit_send(port, **{"count": senders, "senders": senders, "from": source})  # makes the sessions
            time.sleep(0.2)
            cpu = taken = 0
            for _ in range(3 if self.bench.quick else 10):
                one = self.bench.drained(relay, port, min(20_000, self.bench.capacity), senders, source)
                cpu, taken = cpu + one[0], taken + one[1]
            found = {"relay cost": cpu / taken * 1e6} if taken else {}
            return dict(found, **({"relay memory": relay.peak_mib()} if senders > 1 else {}))

    def jobs(self):
        """Jobs a second of --exec cat, one at a time, and of a bare loop of the same shells."""
        count, port = 200 if self.bench.quick else 800, next_port()
        words = [self.tool, "listen", f"{HOST}:{port}", "-q", "-o", "none", "-c", count, "--jobs", "1", "--exec", "cat"]
        bare = run_json([self.limit, "spawn", 0, "--count", count], RECEIVE_CORE)
        with Process(words + ALLOWED, RECEIVE_CORE) as listener:
            if not wait_bound(port, listener):
                return None
            start = time.monotonic()
            self.bench.limit_send(port, count=count, size=5)
            listener.child.wait(60)
            seconds = time.monotonic() - start
        return {"exec": {"udptool --exec cat": count / seconds, "limit posix_spawn": count / bare["seconds"]}}

    def capture_of(self, count):
        """A capture of `count` datagrams of 63 bytes, 100,000 a second."""
        path = os.path.join(self.bench.folder, "capture.pcap")
        if not os.path.exists(path):
            payload = b"x" * 63
            udp = struct.pack("!HHHH", 40000, 9, 8 + len(payload), 0) + payload
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
            packet = header + udp
            with open(path, "wb") as file:
                file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101))
                for i in range(count):
                    file.write(struct.pack("<IIII", 1_700_000_000 + i // 100_000, i % 100_000 * 10, len(packet),
                                           len(packet)) + packet)
        return path

    def reflected(self, words):
        port = next_port()
        with Process(words(port), RECEIVE_CORE) as server:
            if not wait_bound(port, server):
                return None
            flood = run_json([self.limit, "flood", port, "--seconds", self.bench.seconds, "--size", 44], SEND_CORE)
        return {"stamp": flood["datagrams"] / flood["seconds"]} if flood else None

    def stream(self, *options):
        """CPU microseconds a datagram of a numbered RTP stream."""
        port = next_port()
        words = [self.tool, "listen", f"{HOST}:{port}", "-q", "-o", "none", *options]
        with Process(words, RECEIVE_CORE, preload=self.bench.bigbuf) as sink:
            if not wait_bound(port, sink):
                return None
            cpu = taken = 0
            for _ in range(3):
                sink.signal(19)  # SIGSTOP
                before, lost = machine.udp_counters()
                self.bench.limit_send(port, mode="mmsg", count=min(50_000, self.bench.capacity), rtp=1)
                start = sink.cpu()
                sink.signal(18)
                machine.wait_quiet(sink)
                cpu, taken = cpu + sink.cpu() - start, taken + machine.udp_counters()[0] - before
        return {"stream": cpu / taken * 1e6} if taken else None


def cases(bench, add):
    """Adds what is measured to the benchmark's list."""
    modes = Modes(bench)
    tool, limit = bench.tool, bench.limit
    forward = lambda port, ends: [tool, "listen", f"{HOST}:{port}", "-q", "-o", "none",
                                  *(word for end in ends for word in ("--forward", f"{HOST}:{end}"))]
    socat = lambda port, ends: ["socat", f"UDP4-LISTEN:{port},bind={HOST},fork", f"UDP4:{HOST}:{ends[0]}"]
    for name, words in {"limit GRO to GSO": lambda port, ends: [limit, "relay", port, "runs", "--to", ends[0]],
                        "udptool --forward": forward, "socat fork": socat}.items():
        if shutil.which(words(0, [0])[0]):
            add("relay flood", name, modes.relay_flood_in, "relay flood", words)
    for name, words in {"limit both ways": lambda port, ends: [limit, "relay", port, "two-way", "--to", ends[0]],
                        "udptool --forward": forward, "socat fork": socat}.items():
        if shutil.which(words(0, [0])[0]):
            add("relay", name, modes.relay_requests, words)
    spread = lambda port, ends: [limit, "relay", port, "runs", "--to", ends[0], "--targets", len(ends)]
    for name, words in {"limit": spread, "udptool": forward}.items():
        add("fan-out", name + " to 3", modes.relay_flood_in, "fan-out", words, targets=3)
        add("fan-out", name + " to 3 and a dead one", modes.relay_flood_in, "fan-out", words, targets=3, dead=1)
    sessions = lambda port, ends: [limit, "relay", port, "sessions", "--to", ends[0]]
    for name, words in {"limit, ": sessions, "": forward}.items():
        add("relay cost", name + "1 session", modes.relay_cost, words, 1)
        add("relay cost", name + "1,024 sessions", modes.relay_cost, words, 1_024)
    add("exec", "udptool --exec cat", modes.jobs)

    capture = modes.capture_of(100_000 if bench.quick else 1_000_000)
    written = os.path.join(bench.folder, "written.pcap")
    add("capture", "udptool --pcap", bench.drain, "capture",
        lambda port: [tool, "listen", f"{HOST}:{port}", "-q", "-o", "none", "--pcap", written], "null")
    add("capture", "udptool -o json", bench.drain, "capture",
        lambda port: [tool, "listen", f"{HOST}:{port}", "-q", "-j"], "file")
    replay = lambda port: [tool, "send", HOST, port, "-q", "--replay", capture, "--speed", "0", "-c", "0"]
    lines = lambda port: [tool, "send", HOST, port, "-q", "-f", bench.lines, "-c", "0"]
    add("replay", "udptool --replay", bench.send, "replay", replay, 63)
    add("replay", "udptool -f lines", bench.send, "replay", lines, 63)

    answer = lambda *words: lambda port: [tool, "listen", f"{HOST}:{port}", "-q", "-o", "none", *ALLOWED, *words]
    add("stamp", "udptool --stamp", modes.reflected, answer("--stamp"))
    add("stamp", "udptool --echo", modes.reflected, answer("--echo"))

    add("stream", "udptool", modes.stream)
    add("stream", "udptool --rtp", modes.stream, "--rtp")
    add("stream", "udptool --sequence", modes.stream, "--sequence=2:2")
