#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fast udptool is, beside the programs that people use today and beside the kernel's own limit.

Everything happens in a private network namespace. Sender and receiver have a core each when there are two; the runs of
all programs are interleaved; a measurement that something else disturbed is repeated. Programs are not believed:
datagrams are counted by the kernel, or by the bytes that a program wrote.
"""
import argparse
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # nothing appears among the sources
import machine
import modes
import report
from machine import Process, RECEIVE_CORE, SEND_CORE, next_port, run_json, wait_bound

HOST = "127.0.0.1"
NODE_LISTEN_JSON = """
require('dgram').createSocket('udp4').on('message', (data, from) => process.stdout.write(JSON.stringify({
  event: 'message', time: new Date().toISOString(), family: from.family, address: from.address, port: from.port,
  size: from.size, text: data.toString()}) + '\\n')).bind(%d, '127.0.0.1')"""
NODE_LISTEN_RAW = """
require('dgram').createSocket('udp4').on('message', data => process.stdout.write(data)).bind(%d, '127.0.0.1')"""
NODE_ECHO = """
const socket = require('dgram').createSocket('udp4')
socket.on('message', (data, from) => socket.send(data, from.port, from.address)).bind(%d, '127.0.0.1')"""
NODE_SEND_LINES = """
const socket = require('dgram').createSocket('udp4')
socket.connect(%d, '127.0.0.1', async () => {
  for await (const line of require('readline').createInterface({input: process.stdin}))
    await new Promise(sent => socket.send(line, sent))
  socket.close() })"""


class Bench:
    """The measurements. Each gives {section: value}, or None when the program does not work here."""

    def __init__(self, args, folder):
        self.tool, self.limit, self.bigbuf, self.quick = args.udptool, args.limit, args.bigbuf, args.quick
        self.folder = folder
        self.seconds = 0.3 if args.quick else 1.0
        self.burst = 30_000 if args.quick else 100_000
        self.capacity = machine.largest_buffer() // 900  # a datagram of 64 bytes takes 768
        self.lines = self._write_lines("lines", lambda i: 63)
        self.mixed = self._write_lines("mixed", lambda i: 20 + i * 7919 % 281)

    def _write_lines(self, name, size_of):
        path = os.path.join(self.folder, name)
        text = b"".join(b"x" * size_of(i) + b"\n" for i in range(562))  # 2 x 281: each length equally often
        with open(path, "wb") as file:
            file.write(text * ((64 << 20) // len(text)))
        self.mean_mixed = len(text) / 562 - 1
        return path

    def _output(self, target):
        return open("/dev/null" if target == "null" else os.path.join(self.folder, "out"), "wb")

    def limit_send(self, port, **options):
        mode = options.pop("mode", "mmsg")
        words = [self.limit, "send", port, mode]
        for name, value in options.items():
            words += ["--" + name, value]
        return run_json(words, SEND_CORE)

    def drained(self, sink, port, count, senders, source=0):
        """CPU seconds and datagrams of one burst, which waits in the buffer of the stopped sink."""
        sink.signal(signal.SIGSTOP)
        taken, lost = machine.udp_counters()
        if not self.limit_send(port, **{"count": count, "senders": senders, "from": source}):
            return 0, 0
        held = count - (machine.udp_counters()[1] - lost)
        cpu = sink.cpu()
        sink.signal(signal.SIGCONT)
        done, moved = 0, time.monotonic()
        while done < held and time.monotonic() - moved < 1:
            time.sleep(0.002)
            now = machine.udp_counters()[0] - taken
            if now != done:
                done, moved = now, time.monotonic()
        time.sleep(0.01)  # the last of it is written
        return sink.cpu() - cpu, done

    def _drain_cost(self, words, target, datagrams, senders=0):
        """CPU seconds a datagram. A sink that never waits does 1 / that in a second."""
        port = next_port()
        with self._output(target) as out, Process(words(port), RECEIVE_CORE, stdout=out, preload=self.bigbuf) as sink:
            if not wait_bound(port, sink):
                return None
            time.sleep(0.2 if "node" in words(port)[0] else 0.02)
            cpu = taken = 0
            piece = min(datagrams, self.capacity, 100_000)
            for _ in range(min(300, math.ceil(datagrams / piece))):
                one = self.drained(sink, port, piece, senders)
                cpu, taken = cpu + one[0], taken + one[1]
        return cpu / taken if taken else None

    def drain(self, section, words, target):
        cost = self._drain_cost(words, target, self.burst)
        return {section: 1 / cost} if cost else None

    def cost(self, words, datagrams, senders):
        cost = self._drain_cost(words, "null", datagrams, senders)
        return {"cost": cost * 1e6} if cost else None

    def flood(self, section, words, target, size, record=None):
        """Datagrams delivered from the fastest sender. `record`: bytes that the sink writes for each."""
        port = next_port()
        with self._output(target) as out, Process(words(port), RECEIVE_CORE, stdout=out) as sink:
            if not wait_bound(port, sink):
                return None
            time.sleep(0.2 if "node" in words(port)[0] else 0.02)
            taken, written = machine.udp_counters()[0], sink.written()
            sent = self.limit_send(port, mode="gso", size=size, seconds=self.seconds, count=(512 << 20) // size)
            machine.wait_quiet(sink)
            delivered = machine.udp_counters()[0] - taken
            if record:
                delivered = (sink.written() - written) / record(sent["port"], size)
        return {section: delivered / sent["seconds"]}

    def shared(self, words):
        """Delivered of what two senders with 64 sockets each send one by one, and CPU a datagram. Nothing is pinned."""
        port = next_port()
        with Process(words(port)) as sink:
            if not wait_bound(port, sink):
                return None
            time.sleep(0.02)
            taken, cpu = machine.udp_counters()[0], sink.cpu()
            stick = [self.limit, "send", port, "mmsg", "--senders", 64, "--seconds", self.seconds]
            start = time.monotonic()
            with Process(stick, keep=True) as one, Process(stick, keep=True) as other:
                one.finish()
                other.finish()
            seconds = time.monotonic() - start
            machine.wait_quiet(sink)
            delivered = machine.udp_counters()[0] - taken
            return {"threads": delivered / seconds, "threads cost": (sink.cpu() - cpu) / delivered * 1e6}

    def send(self, section, words, size, stdin=None, server=None):
        """Datagrams a second that crossed the loopback device, while the program ran."""
        port = next_port()
        serve = server(port) if server else [self.limit, "recv", port, "gro"]
        with Process(serve, RECEIVE_CORE) as sink:
            if not wait_bound(port, sink):
                return None
            before = machine.loopback_payload()
            with open(stdin or "/dev/null", "rb") as source, Process(words(port), SEND_CORE, stdin=source) as sender:
                end = time.monotonic() + 5
                while machine.loopback_payload() - before < 100_000 and time.monotonic() < end:
                    time.sleep(0.005)
                start, first = time.monotonic(), machine.loopback_payload()
                now, last = start, first
                while now - start < self.seconds and sender.running():
                    time.sleep(0.01)
                    seen = machine.loopback_payload()
                    now, last = time.monotonic(), seen
        return {section: (last - first) / size / (now - start)} if last > first else None

    def _answers(self, words, client, *options):
        port = next_port()  # a new server for each client: some stay with the first that they hear
        with Process(words(port), RECEIVE_CORE) as server:
            if not wait_bound(port, server):
                return None
            time.sleep(0.2 if "node" in words(port)[0] else 0.02)
            return run_json([self.limit, client, port, *options], SEND_CORE)

    def answers(self, words):
        pings = self._answers(words, "ping", "--count", 2_000 if self.quick else 10_000)
        flood = self._answers(words, "flood", "--seconds", self.seconds)
        if not pings or not flood:
            return None
        found = {"p50": pings["p50_us"], "p99": pings["p99_us"]}
        if flood["datagrams"] > 10 * flood["seconds"]:  # not one that makes a stream of what it hears
            found["echo"] = flood["datagrams"] / flood["seconds"]
        return found

    def probe(self):
        port, count = next_port(), 2_000 if self.quick else 10_000
        with Process([self.limit, "echo", port, "epoll"], RECEIVE_CORE) as server:
            if not wait_bound(port, server):
                return None
            ping = run_json([self.limit, "ping", port, "--count", count], SEND_CORE)
            probe = run_json([self.tool, "probe", HOST, port, "-c", count, "--interval", "100us", "-j"], SEND_CORE)
        if not ping or not probe or "rtt_ms" not in probe:
            return None
        return {"probe": {"udptool probe": probe["rtt_ms"]["p50"] * 1e3, "limit ping-pong": ping["p50_us"],
                          "limit ping-pong, kernel's times": ping["arrival_p50_us"]}}

    def start(self, words):
        """Milliseconds from spawn to exit."""
        port, times = next_port(), []
        with Process([self.limit, "recv", port, "discard"], RECEIVE_CORE) as sink:
            wait_bound(port, sink)
            program = [str(word) for word in words(port)]
            actions = [(os.POSIX_SPAWN_OPEN, 0, self._one_line(), os.O_RDONLY, 0)]
            actions += [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0) for fd in (1, 2)]
            for _ in range(10 if self.quick else 50):
                start = time.perf_counter()
                os.waitpid(os.posix_spawn(shutil.which(program[0]), program, os.environ, file_actions=actions), 0)
                times.append(time.perf_counter() - start)
        return {"start": sorted(times)[len(times) // 2] * 1e3}

    def instructions(self, words):
        port = next_port()
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        with Process([self.limit, "recv", port, "discard"], RECEIVE_CORE) as sink:
            wait_bound(port, sink)
            with open(self._one_line(), "rb") as line:
                with Process(valgrind + words(port), stdin=line, keep=True) as program:
                    said = program.finish()
        found = [line for line in said.splitlines() if "Collected :" in line]
        return {"instructions": int(found[0].split(":")[1]) / 1e6} if found else None

    def _one_line(self):
        path = os.path.join(self.folder, "one")
        with open(path, "w") as file:
            file.write("hello\n")
        return path

    def memory(self, senders):
        """Peak resident MiB of `listen` after so many datagrams."""
        port = next_port()
        count, each = (1_000_000, 1) if self.quick else (10_000_000, 10)
        words = [self.tool, "listen", f"{HOST}:{port}", "-q"]
        with self._output("null") as out, Process(words, RECEIVE_CORE, stdout=out) as sink:
            if not wait_bound(port, sink):
                return None
            if senders == 1:
                self.limit_send(port, mode="gso", count=count)
            else:
                self.limit_send(port, mode="gso", count=count, senders=senders, each=each)
            time.sleep(0.2)
            return {"memory": sink.peak_mib()}


def cases(bench):
    """(section, name, measure, runs): who is measured in what. runs: at most so many."""
    tool, limit = bench.tool, bench.limit
    have = lambda program: shutil.which(program) is not None
    listen = lambda *words: lambda port: [tool, "listen", f"{HOST}:{port}", "-q", *words]
    node = lambda script: lambda port: ["node", "-e", script % port]
    sinks = {"nc -ulk": lambda port: ["nc.openbsd", "-u", "-l", "-k", HOST, port],
             "ncat -ul": lambda port: ["ncat", "-u", "-l", "--recv-only", HOST, port],
             "socat": lambda port: ["socat", "-u", f"UDP4-RECV:{port},bind={HOST}", "-"],
             "node dgram": node(NODE_LISTEN_RAW)}
    sinks = {name: words for name, words in sinks.items() if have(words(0)[0])}
    nc = {name: words for name, words in sinks.items() if name.startswith("nc ")}
    found = []

    def add(section, name, measure, *arguments, runs=99, **options):
        found.append((section, name, lambda: measure(*arguments, **options), runs))

    text_bytes = lambda port, size: len(f"{HOST}:{port}\t{size}\t\n") + size
    raw_bytes = lambda port, size: size
    runs = lambda port: [limit, "recv", port, "gro"]
    for target, peers in (("null", sinks), ("file", nc)):
        section = "drain " + target
        for name, mode in (("discard", "discard"), ("UDP_GRO on", "runs"), ("all metadata", "facts")):
            if target == "null" or mode == "discard":
                words = lambda port, mode=mode: [limit, "recv", port, mode]
                add(section, f"limit recvmmsg, {name}", bench.drain, section, words, target)
        if target == "file":
            add(section, "limit recvmmsg, UDP_GRO on, raw", bench.drain, section, runs, target)
        for form in ("text", "raw", "none", "json"):
            add(section, f"udptool -o {form}", bench.drain, section, listen("-o", form), target)
        for name, words in peers.items():
            add(section, name, bench.drain, section, words, target)
        if have("node"):
            add(section, "node dgram, JSON", bench.drain, section, node(NODE_LISTEN_JSON), target)
    floods = (("flood 64 null", "null", 64), ("flood 64 file", "file", 64), ("flood 1400", "null", 1400))
    for section, target, size in floods:
        add(section, "limit GRO, raw", bench.flood, section, runs, target, size, raw_bytes)
        add(section, "udptool -o raw", bench.flood, section, listen("-o", "raw"), target, size, raw_bytes)
        if size == 64:
            add(section, "udptool -o text", bench.flood, section, listen("-o", "text"), target, size, text_bytes)
        for name, words in (sinks if target == "null" else nc).items():
            add(section, name, bench.flood, section, words, target, size)

    send = lambda *words: lambda port: [tool, "send", HOST, port, "-q", *words]
    stick = lambda *words: lambda port: [limit, "send", port, *words]
    add("send", "limit UDP_SEGMENT", bench.send, "send", stick("gso"), 64)
    add("send", "limit UDP_SEGMENT, lines", bench.send, "send", stick("lines", "--size", 63), 63, stdin=bench.lines)
    add("send", "udptool -l 64", bench.send, "send", send("-l", "64", "-c", "0"), 64)
    add("send", "udptool -f lines", bench.send, "send", send("-f", bench.lines, "-c", "0"), 63)
    generators = {
        "iperf3": (lambda p: ["iperf3", "-c", HOST, "-p", p, "-u", "-b", 0, "-l", 64, "-t", 30, "-i", 0],
                   lambda p: ["iperf3", "-s", "-1", "-p", p, "-i", 0]),
        "sockperf": (lambda p: ["sockperf", "tp", "-i", HOST, "-p", p, "-m", 64, "-t", 30],
                     lambda p: ["sockperf", "server", "-i", HOST, "-p", p]),
        "nuttcp": (lambda p: ["nuttcp", "-u", "-Ru", "-l64", "-T30", f"-P{p}", f"-p{p + 20000}", HOST],
                   lambda p: ["nuttcp", "-S", "-1", "--nofork", f"-P{p}"]),
        "mgen": (lambda p: ["mgen", "event", f"0.0 ON 1 UDP DST {HOST}/{p} PERIODIC [-1 64]", "output", "/dev/null"],
                 None),
        "socat": (lambda p: ["socat", "-u", "-b64", f"OPEN:{bench.lines}", f"UDP4-SENDTO:{HOST}:{p}"], None)}
    for name, (words, server) in generators.items():
        if have(name):
            add("send", name, bench.send, "send", words, 64, server=server)
    size = bench.mean_mixed
    add("lines", "limit sendmmsg", bench.send, "lines", stick("mmsg", "--size", round(size)), round(size))
    add("lines", "udptool -f lines", bench.send, "lines", send("-f", bench.mixed, "-c", "0"), size)
    grep = lambda port: ["bash", "-c", f"exec grep --line-buffered '' >/dev/udp/{HOST}/{port}"]
    add("lines", "grep > /dev/udp", bench.send, "lines", grep, size + 1, stdin=bench.mixed)
    if have("node"):
        add("lines", "node dgram", bench.send, "lines", node(NODE_SEND_LINES), size, stdin=bench.mixed)

    for threads in (1, 2):
        workers = lambda port, threads=threads: [limit, "recv", port, "runs", "--workers", threads]
        add("threads", f"limit, {threads} worker{'s' * (threads > 1)}", bench.shared, workers)
        add("threads", f"udptool --threads {threads}", bench.shared, listen("-o", "none", "--threads", threads))

    servers = {"limit epoll": lambda port: [limit, "echo", port, "epoll"],
               "limit recvmmsg": lambda port: [limit, "echo", port, "mmsg"],
               "udptool --echo": listen("--echo", "-o", "none", *modes.ALLOWED),
               "socat PIPE": lambda port: ["socat", f"UDP4-LISTEN:{port},bind={HOST}", "PIPE"],
               "ncat -e /bin/cat": lambda port: ["ncat", "-u", "-l", "-k", "-e", "/bin/cat", HOST, port],
               "node dgram": node(NODE_ECHO)}
    for name, words in servers.items():
        if have(str(words(0)[0])):
            add("echo", name, bench.answers, words)
    if subprocess.run([tool, "probe", "--help"], capture_output=True).returncode == 0:
        add("probe", "udptool probe", bench.probe)

    programs = {"udptool send": lambda port: [tool, "send", HOST, str(port), "hello"],
                "nc -u -q0": lambda port: ["nc.openbsd", "-u", "-q0", HOST, str(port)],
                "socat": lambda port: ["socat", "-u", "-", f"UDP4-SENDTO:{HOST}:{port}"],
                "ncat -u": lambda port: ["ncat", "-u", "--send-only", HOST, str(port)]}
    for name, words in programs.items():
        if have(words(0)[0]):
            add("start", name, bench.start, words)
            if have("valgrind") and name != "ncat -u":
                add("instructions", name, bench.instructions, words, runs=1)
    add("memory", "1 sender", bench.memory, 1, runs=1)
    add("memory", "1,000,000 senders", bench.memory, 1_000_000, runs=1)
    for senders in (1, 100, 10_000):
        add("cost", f"{senders:,} sender{'s' * (senders > 1)}", bench.cost, listen(), bench.burst, senders)
    for count in (10_000, 300_000 if bench.quick else 1_000_000):
        add("cost", f"{count:,} datagrams", bench.cost, listen(), count, 1, runs=99 if count < 100_000 else 2)
    if not bench.quick:
        add("cost", "10,000,000 datagrams", bench.cost, listen(), 10_000_000, 1, runs=1)
    modes.cases(bench, add)
    return found


def measure(bench, calm, runs, only):
    samples = {}
    chosen = [case for case in cases(bench) if only in case[0]]
    start, longest = time.monotonic(), 0
    for run in range(runs):
        began = time.monotonic()
        if run > 0 and began - start + longest > 560:
            print(f"\r\033[K{run} runs instead of {runs}, to end within ten minutes", file=sys.stderr)
            break
        for section, name, call, most in chosen:
            if run >= most:
                continue
            print(f"\r\033[Krun {run + 1} of {runs}: {section}: {name}", end="", file=sys.stderr, flush=True)
            for key, value in (calm(call) or {}).items():
                # Programs that must meet the same moment are one measurement.
                for who, one in (value if isinstance(value, dict) else {name: value}).items():
                    samples.setdefault(key, {}).setdefault(who, []).append(one)
        longest = max(longest, time.monotonic() - began)
    print("\r\033[K", end="", file=sys.stderr)
    return samples


def about_machine():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    processor = names[0] if names else platform.machine()
    return f"{len(machine.CORES)} cores ({processor}), Linux {platform.release()}, {time.strftime('%Y-%m-%d')}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--udptool", required=True, help="the program")
    parser.add_argument("--limit", required=True, help="what limit.cpp was built as")
    parser.add_argument("--bigbuf", required=True, help="what bigbuf.cpp was built as")
    parser.add_argument("--quick", action="store_true", help="one short run of everything: a look, not a result")
    parser.add_argument("--runs", type=int, default=0, help="interleaved runs (5; 1 with --quick)")
    parser.add_argument("--only", default="", help="only sections with this in their name")
    parser.add_argument("--json", help="write every figure of every run to this file")
    parser.add_argument("--svg", help="draw the picture for the README into this file")
    args = parser.parse_args()
    for name in ("udptool", "limit", "bigbuf"):
        setattr(args, name, os.path.abspath(getattr(args, name)))
    machine.enter_private_network()
    if SEND_CORE is not None:
        os.sched_setaffinity(0, {SEND_CORE})

    calm = machine.Calm(most_percent=10, budget=15 if args.quick else 240, tries=2 if args.quick else 3)
    memory = "/dev/shm"  # files there, so that no disk is measured
    room = os.path.isdir(memory) and shutil.disk_usage(memory).free > 2 << 30
    with tempfile.TemporaryDirectory(prefix="udptool-bench.", dir=memory if room else None) as folder:
        samples = measure(Bench(args, folder), calm, args.runs or (1 if args.quick else 5), args.only)
    about = about_machine()
    verdicts = report.verdicts(samples)
    print(report.tables(samples))
    print(report.bars_table(verdicts))
    print(f"\n{about}. {calm.note()}\n")
    print(report.terminal_chart(samples))
    if args.svg:
        with open(args.svg, "w") as file:
            file.write(report.svg_chart(samples, about))
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"machine": about, "samples": samples, "bars": verdicts}, file, indent=1)


if __name__ == "__main__":
    main()
