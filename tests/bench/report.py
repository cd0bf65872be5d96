# SPDX-License-Identifier: MIT
"""What the benchmark found: tables, the bars that were set, and the picture."""
import os
import statistics
from html import escape

CPU_RATE = "k in a second of its CPU time"
# key: title, unit, whether more is better, what the values are divided by, the case that is the limit
SECTIONS = {
    "drain null": ("Draining a full buffer, 64 bytes, to /dev/null", CPU_RATE, True, 1e3, "limit recvmmsg, discard"),
    "drain file": ("The same, to a file", CPU_RATE, True, 1e3, "limit recvmmsg, discard"),
    "flood 64 null": ("Delivered of a flood, 64 bytes, to /dev/null", "k/s", True, 1e3, "limit GRO, raw"),
    "flood 64 file": ("The same, to a file", "k/s", True, 1e3, "limit GRO, raw"),
    "flood 1400": ("Delivered of a flood, 1,400 bytes, to /dev/null", "k/s", True, 1e3, "limit GRO, raw"),
    "threads": (f"Delivered of two senders with 64 sockets each, {os.cpu_count()} cores", "k/s", True, 1e3, None),
    "threads cost": ("The same, CPU of listen for each datagram", "us", False, 1, None),
    "send": ("Sending equal datagrams of 64 bytes", "k/s", True, 1e3, "limit UDP_SEGMENT"),
    "lines": ("Sending lines of 20 to 300 bytes", "k/s", True, 1e3, "limit sendmmsg"),
    "echo": ("Requests answered, 64 in flight", "k/s", True, 1e3, "limit recvmmsg"),
    "p50": ("Round trip, median", "us", False, 1, "limit epoll"),
    "p99": ("Round trip, 99th percentile", "us", False, 1, "limit epoll"),
    "probe": ("Round trip as probe measures it, median", "us", False, 1, "limit ping-pong, kernel's times"),
    "start": ("Start, send one datagram, exit", "ms", False, 1, None),
    "instructions": ("The same, instructions", "M", False, 1, None),
    "memory": ("Peak memory of listen after 10 million datagrams (--quick: 1 million)", "MiB", False, 1, None),
    "cost": ("CPU of listen for each datagram", "us", False, 1, None),
    "relay flood": ("Passed on of a flood, 64 bytes, one way", "k/s", True, 1e3, "limit GRO to GSO"),
    "relay": ("Requests through a relay and back, 64 in flight", "k/s", True, 1e3, "limit both ways"),
    "relay p50": ("Round trip through a relay, median", "us", False, 1, "limit both ways"),
    "fan-out": ("Passed on of a flood to each of several targets", "k/s", True, 1e3, None),
    "relay cost": ("CPU of a two-way relay for each datagram", "us", False, 1, None),
    "relay memory": ("Peak memory of a relay", "MiB", False, 1, None),
    "exec": ("Jobs, one at a time", "a second", True, 1, "limit posix_spawn"),
    "capture": ("Draining a full buffer, 64 bytes, into a file", CPU_RATE, True, 1e3, None),
    "replay": ("Sending datagrams of 63 bytes from a file", "k/s", True, 1e3, None),
    "stamp": ("Requests of 44 bytes answered, 64 in flight", "k/s", True, 1e3, None),
    "stream": ("CPU of listen for each packet of a stream", "us", False, 1, None),
}

# row of the plan, section, case, against whom ("peers": the best), whether at least or at most, factor or figure
BARS = [(1, section, f"udptool -o {form}", other, "least", factor)
        for section, limit in (("drain null", "limit recvmmsg, UDP_GRO on"),
                               ("drain file", "limit recvmmsg, UDP_GRO on, raw"))
        for form in ("text", "raw", "none") for other, factor in ((limit, 0.85), ("nc -ulk", 1.3))]
# Out of reach, by the limit's own figures: 7 x node for JSON (the limit with all metadata is 5.6 x), 8 x nc at 1,400
# bytes (3.8 x), 2 x grep for lines of many lengths (1.2 x); 0.7 of UDP_SEGMENT for lines of a file (0.5 when it is
# mapped); with a dead target 0.9 of what the living ones get without it (0.7: the kernel makes an ICMP error of each
# datagram); a relay's 1,024 sessions at 1.15 x the CPU of one (1.3 x: a call each); with 2 workers, 2 senders and 2
# cores, 0.95 of what one delivers at 1.1 x the CPU (0.8 at 1.5 x).
BARS += [(2, "drain null", "udptool -o json", "limit recvmmsg, all metadata", "least", 0.85)]
BARS += [(3, section, "udptool -o raw", other, "least", factor) for section in ("flood 64 null", "flood 64 file")
         for other, factor in (("limit GRO, raw", 0.6), ("peers", 25))]
BARS += [
    (4, "flood 64 null", "udptool -o text", None, "least", 6e6),
    (4, "flood 64 null", "udptool -o text", "peers", "least", 10),
    (5, "flood 1400", "udptool -o raw", "limit GRO, raw", "least", 0.6),
    (6, "send", "udptool -l 64", "limit UDP_SEGMENT", "least", 0.8),
    (6, "send", "udptool -l 64", "peers", "least", 5),
    (6, "send", "udptool -f lines", "limit UDP_SEGMENT, lines", "least", 0.9),
    (6, "send", "udptool -f lines", "peers", "least", 5),
    (7, "lines", "udptool -f lines", "limit sendmmsg", "least", 0.85),
    (8, "echo", "udptool --echo", "limit recvmmsg", "least", 0.8),
    (8, "p50", "udptool --echo", "limit epoll", "most", 1.1),
    (8, "p99", "udptool --echo", "limit epoll", "most", 1.1),
    # probe reports when the kernel had the reply, not when the scheduler let it know
    (9, "probe", "udptool probe", "limit ping-pong, kernel's times", "within", 5),
    (10, "start", "udptool send", "nc -u -q0", "most", 1.05),
    (10, "instructions", "udptool send", "socat", "most", 1),
    (11, "memory", "1 sender", None, "most", 24),
    (11, "memory", "1,000,000 senders", None, "most", 64),
    (12, "cost", "10,000 senders", "1 sender", "most", 1.1),
    (12, "cost", "10,000,000 datagrams", "10,000 datagrams", "most", 1.1),
    (13, "relay flood", "udptool --forward", "limit GRO to GSO", "least", 0.4),
    (13, "relay flood", "udptool --forward", "peers", "least", 10),
    (14, "relay", "udptool --forward", "limit both ways", "least", 0.7),
    (14, "relay", "udptool --forward", "peers", "least", 5),
    (14, "relay p50", "udptool --forward", "limit both ways", "most", 1.15),
    (15, "fan-out", "udptool to 3 and a dead one", "limit to 3 and a dead one", "least", 0.75),
    (16, "relay cost", "1,024 sessions", "limit, 1,024 sessions", "most", 1.4),
    (16, "relay memory", "1,024 sessions", None, "most", 16),
    (17, "exec", "udptool --exec cat", "limit posix_spawn", "least", 0.85),
    (18, "capture", "udptool --pcap", "udptool -o json", "least", 0.8),
    (19, "replay", "udptool --replay", "udptool -f lines", "least", 0.7),
    (20, "stamp", "udptool --stamp", "udptool --echo", "least", 0.85),
    (21, "stream", "udptool --rtp", "udptool", "most", 1.3),
    (21, "stream", "udptool --sequence", "udptool", "most", 1.15),
    (22, "threads", "udptool --threads 2", "limit, 2 workers", "least", 0.95),
    (22, "threads cost", "udptool --threads 2", "limit, 2 workers", "most", 1.1),
]


def is_peer(name):
    return not name.startswith(("udptool", "limit"))


def best_peer(samples, section):
    medians = {name: statistics.median(v) for name, v in samples.get(section, {}).items() if is_peer(name)}
    pick = max if SECTIONS[section][2] else min
    return pick(medians, key=medians.get) if medians else None


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head] + rows) for i in range(len(head))]
    line = lambda row: "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths)) + " |"
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(head), rule] + [line(row) for row in rows])


def tables(samples):
    """One table: a line for each program in each section, with ratios of medians."""
    rows = []
    for section, (title, unit, more, scale, limit) in SECTIONS.items():
        found = samples.get(section, {})
        reference, peer = found.get(limit), best_peer(samples, section)
        peers = found.get(peer) if section not in ("memory", "cost", "threads", "threads cost") else None
        if found:
            rows.append([f"**{title}**, {unit}", "", "", "", ""])
        for name in sorted(found, key=lambda one: statistics.median(found[one]), reverse=more):
            values = found[name]
            middle = statistics.median(values)
            ratio = lambda other: f"{middle / statistics.median(other):.2f}" if other else ""
            rows.append([name, number(middle / scale), f"{number(min(values) / scale)}-{number(max(values) / scale)}",
                         ratio(reference), ratio(peers)])
    return table(["program", "median", "min-max", "/ limit", "/ best peer"], rows)


def verdicts(samples):
    found = []
    for row, section, name, other, kind, figure in BARS:
        values = samples.get(section, {})
        reference = best_peer(samples, section) if other == "peers" else other
        if name not in values or (other and reference not in values):
            continue
        value = statistics.median(values[name])
        base = statistics.median(values[reference]) if other else 1
        got = abs(value - base) if kind == "within" else value / base
        met = got >= figure if kind == "least" else got <= figure
        found.append(dict(row=row, section=section, name=name, against=reference, kind=kind, bar=figure, got=got,
                          met=met))
    return found


def bars_table(found):
    rows = []
    for one in found:
        unit = "x " + one["against"] if one["against"] and one["kind"] != "within" else ""
        if one["kind"] == "within":
            unit = f"us from {one['against']}"
        if not one["against"]:
            unit = SECTIONS[one["section"]][1] if one["bar"] < 1e6 else "datagrams/s"
        relation = {"least": "at least", "most": "at most", "within": "within"}[one["kind"]]
        rows.append([one["row"], f"{one['section']}: {one['name']}", f"{relation} {number(one['bar'])} {unit}",
                     number(one["got"]), "met" if one["met"] else "**missed**"])
    return "\n" + table(["#", "what", "bar", "measured", ""], rows)


# ------------------------------------------------------------------------------------------------------- the picture
CHARTS = [("drain null", "Receiving, 64 bytes, as text or raw", ("udptool -o text", "limit recvmmsg, discard")),
          ("flood 64 null", "Receiving the flood of a segmenting sender, 64 bytes",
           ("udptool -o raw", "udptool -o text", "limit GRO, raw")),
          ("send", "Sending, 64 bytes", ("udptool -l 64", "udptool -f lines", "limit UDP_SEGMENT")),
          ("echo", "Answering requests, 64 in flight", ("udptool --echo", "limit recvmmsg"))]


def charts(samples):
    """(title, [(name, datagrams a second, length up to 1)]), the fastest first. Lengths are linear: bars on a
    logarithmic scale begin nowhere, and would make a factor of 40 look like one of 3."""
    found = []
    for section, title, ours in CHARTS:
        values = {name: statistics.median(v) for name, v in samples.get(section, {}).items()
                  if (name in ours or is_peer(name)) and min(v) > 0}
        if not values:
            continue
        most = max(values.values())
        found.append((title, [(name, values[name], values[name] / most)
                              for name in sorted(values, key=values.get, reverse=True)]))
    return found


def rate(value):
    return f"{value / 1e6:.3g} M/s" if value >= 1e6 else f"{value / 1e3:.3g} k/s"


def terminal_chart(samples):
    lines = []
    for title, bars in charts(samples):
        lines.append(title)
        for name, value, length in bars:
            eighths = max(1, round(length * 48 * 8))
            block = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
            lines.append(f"  {name:<24} {block} {rate(value)}")
        lines.append("")
    return "\n".join(lines)


STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 } .note { font-size: 11px; fill: #59636e }
  .peer { fill: #8c959f } .limit { fill: none; stroke: #8c959f; stroke-dasharray: 4 3 } .udptool { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note { fill: #9198a1 }
    .peer { fill: #656c76 } .limit { stroke: #9198a1 } .udptool { fill: #4493f8 } }
"""


def svg_chart(samples, about):
    """A bar chart. Each group has its own scale: the length of bars can be compared within it."""
    left, width, step, room = 190, 470, 22, 760
    y, body = 10, []
    for title, bars in charts(samples):
        y += 26
        body.append(f'<text class="title" x="10" y="{y}">{escape(title)}</text>')
        y += 8
        for name, value, length in bars:
            kind = name.split()[0] if not is_peer(name) else "peer"
            length = max(2.0, length * width)
            body.append(f'<text x="{left - 10}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
                        f'<rect class="{kind}" x="{left}" y="{y + 4}" width="{length:.1f}" height="14" rx="2"/>'
                        f'<text x="{left + length + 8:.1f}" y="{y + 15}">{rate(value)}</text>')
            y += step
    y += 22
    body.append(f'<text class="note" x="10" y="{y}">Datagrams a second on loopback. {escape(about)}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {room} {y + 12}" width="{room}" height="{y + 12}" '
            f'role="img" aria-label="udptool beside other programs">\n<style>{STYLE}</style>\n'
            + "\n".join(body) + "\n</svg>\n")
