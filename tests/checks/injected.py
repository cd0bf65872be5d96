#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""injected.py UDPTOOL DIRECTORY SECONDS SEED: the runs of injected.sh, in the namespace that it has made.

Each run has a peer here: an echo that counts what came by its text, and a sender of numbered datagrams. A first run
without a fault tells which system calls there are, and how many of each the loader of programs makes: those are none of
udptool's. What is wrong is printed with the line that does it again.
"""
import collections
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

ECHO, NOBODY, LISTEN, GROUP = 7001, 7002, 7100, "239.1.1.1"
DEADLINE, PATIENCE = "2", 30

# What the kernel may say, by the call's manual page. An interruption or a full queue passes; what passes is not made to
# stay, for no kernel does that.
PASSING = {"EINTR", "EAGAIN", "ENOBUFS"}
ERRORS = {
    "recvmmsg": ["EINTR", "EIO", "ENOMEM", "ENOSYS"], "recvmsg": ["EINTR", "ENOMEM"],
    "sendmmsg": ["EINTR", "EAGAIN", "ENOBUFS", "EPERM", "EIO"], "sendto": ["ENOBUFS", "EPERM"],
    "writev": ["EINTR", "EAGAIN", "EIO", "ENOSPC"], "write": ["EINTR", "EAGAIN", "EIO"],
    "read": ["EINTR", "EIO"], "epoll_wait": ["EINTR"], "epoll_pwait": ["EINTR"], "poll": ["EINTR"],
    "ppoll": ["EINTR"], "epoll_ctl": ["ENOMEM", "ENOSPC"], "close": ["EINTR", "EIO"],
    "clone3": ["EAGAIN"], "clone": ["EAGAIN"], "wait4": ["EINTR"],
    "socket": ["EMFILE", "EAFNOSUPPORT", "EPERM"], "openat": ["EMFILE", "EACCES", "EINTR"],
    "mmap": ["ENOMEM"], "brk": ["ENOMEM"], "munmap": ["ENOMEM"], "mprotect": ["ENOMEM"],
}
OTHERS = ["EPERM", "ENOMEM", "ENOSYS"]
# These end or begin the process, have no error to give, or (brk) tell one in another way.
NEVER = {"brk", "timerfd_settime", "execve", "exit", "exit_group", "rt_sigreturn", "restart_syscall", "futex",
         "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "getpid", "gettid", "getuid", "geteuid", "getgid",
         "getegid"}


class World:
    """The peers. `came` counts datagrams by their first word."""

    def __init__(self):
        self.came = collections.Counter()
        self.echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.echo.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.echo.bind(("127.0.0.1", ECHO))
        self.lock = threading.Lock()
        for work in (self.answer, self.feed):
            threading.Thread(target=work, daemon=True).start()

    def answer(self):
        while True:
            data, sender = self.echo.recvfrom(65536)
            with self.lock:
                self.came[data.split(b" ")[0].decode("latin-1")] += 1
            self.echo.sendto(data, sender)

    def feed(self):
        to = [("127.0.0.1", LISTEN), (GROUP, LISTEN + 1)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(10**9):
                for one in to:
                    try:
                        sender.sendto(b"number %d" % number, one)
                    except OSError:
                        pass  # nobody is there
                time.sleep(0.005)

    def settled(self, word):
        """How many came, when no more do."""
        seen = -1
        while seen != self.came[word]:
            seen = self.came[word]
            time.sleep(0.05)
        return seen


def number_in(pattern, text):
    found = re.search(pattern, text)
    return int(found[1]) if found else None


# ---- what has to hold of a run's status, stdout and stderr; a complaint or None


def check_received(run):
    """Of listen and join: what is shown is what is counted."""
    counted = number_in(r"(\d+) datagrams?, \d+ bytes?, ", run.err)
    shown = len(run.out.splitlines())
    if run.status == 0 and shown != 5:
        return f"status 0 with {shown} of 5 records"
    if counted is not None and counted != shown and "not written" not in run.err and run.status != 2:
        return f"{counted} are counted and {shown} shown"
    return None


def check_events(run):
    kinds = collections.Counter()
    for line in run.out.splitlines():
        try:
            kinds[json.loads(line)["event"]] += 1
        except (ValueError, KeyError):
            return f"no event: {line!r}"
    if run.status == 0 and kinds["message"] != 5:
        return f"status 0 with {kinds['message']} of 5 messages"
    return None


def check_sent(run):
    """Sent and failed are what was asked for, and what is said to be sent arrived."""
    came = run.world.settled(run.word)
    if run.status == 0 and came != run.asked:
        return f"status 0, and {came} of {run.asked} arrived"
    told = number_in(r"sent (\d+) datagrams?, ", run.err)
    if told is not None and told != came:
        return f"{told} sent are told, and {came} arrived"
    failed = number_in(r"(\d+) of \d+ datagrams? to \S* could not be sent", run.err)
    if failed is not None and failed + came != run.asked:
        return f"{came} arrived, {failed} failed, {run.asked} were asked for"
    return None


def check_probed(run):
    found = re.search(r"(\d+) sent, (\d+) received", run.out)
    if run.status == 0 and not found:
        return "status 0 without statistics"
    if found and int(found[2]) > int(found[1]):
        return "more received than sent"
    return None


def check_forwarded(run):
    """What came, and what was made of it on purpose, is what was forwarded, refused and dropped, for each target; and
    what is said to be forwarded arrived."""
    counted = number_in(r"(\d+) datagrams?, \d+ bytes?, ", run.err)
    if counted is None:
        return None if run.status == 2 else "no summary"
    impaired = r"impaired forward: .* (\d+) lost, (\d+) duplicated, .* (\d+) dropped"
    for lost, twice, dropped in re.findall(impaired, run.err):
        counted += int(twice) - int(lost) - int(dropped)
    targets = re.findall(r"forwarded (\d+) to \S+:(\d+), (\d+) refused(?:, (\d+) dropped)?", run.err)
    for forwarded, port, refused, dropped in targets:
        if int(forwarded) + int(refused) + int(dropped or 0) != counted:
            return f"{forwarded} + {refused} + {dropped or 0} are not the {counted} that came"
        came = run.world.settled("number") - run.came_before
        if int(port) == ECHO and int(forwarded) != came:
            return f"{forwarded} forwarded are told, and {came} arrived"
    return None if targets else "no word of the target"


def no_check(_):
    return None


# name, words, how many datagrams it has to send, check
COMMANDS = {
    "listen": (["listen", "-c", "5", f"127.0.0.1:{LISTEN}"], 0, check_received),
    "listen-json": (["listen", "-j", "--echo", "--stats=1", "-c", "5", f"127.0.0.1:{LISTEN}"], 0, check_events),
    "listen-exec": (["listen", "--exec", "cat", "-c", "5", f"127.0.0.1:{LISTEN}"], 0, check_received),
    "listen-files": (["listen", "--metrics", "{directory}/m.prom", "--pcap", "{directory}/p.pcap", "-c", "5",
                      f"127.0.0.1:{LISTEN}"], 0, check_received),
    "listen-forward": (["listen", "--forward", f"127.0.0.1:{ECHO}", "-c", "5", f"127.0.0.1:{LISTEN}"], 0,
                       check_forwarded),
    "listen-fan-out": (["listen", "--forward", f"127.0.0.1:{ECHO}", "--forward", f"127.0.0.1:{NOBODY}", "-c", "5",
                        f"127.0.0.1:{LISTEN}"], 0, check_forwarded),
    "listen-impair": (["listen", "--forward", f"127.0.0.1:{ECHO}", "--impair",
                       "delay=20ms,loss=20%,duplicate=40%,seed=1", "-c", "5", f"127.0.0.1:{LISTEN}"], 0,
                      check_forwarded),
    "join": (["join", "-i", "lo", "--explain", "-c", "5", f"{GROUP}:{LISTEN + 1}"], 0, check_received),
    "send": (["send", "-v", "-w", "500ms", "--replies", "3", "127.0.0.1", str(ECHO), "{word} a", "{word} b",
              "{word} c"], 3, check_sent),
    "send-file": (["send", "-v", "-f", "{directory}/{word}", "127.0.0.1", str(ECHO)], 150, check_sent),
    "send-paced": (["send", "-v", "--rate", "500", "-c", "40", "127.0.0.1", str(ECHO), "{word} x"], 40, check_sent),
    "send-whole": (["send", "-v", "--whole", "-f", "{directory}/{word}", "127.0.0.1", str(ECHO)], 1, check_sent),
    "probe": (["probe", "-c", "5", "--interval", "5ms", "-w", "200ms", "127.0.0.1", str(ECHO)], 0, check_probed),
    "probe-trace": (["probe", "--trace", "--names", "-w", "200ms", "127.0.0.1"], 0, no_check),
    "probe-mtu": (["probe", "--mtu", "-w", "200ms", "127.0.0.1", str(ECHO)], 0, no_check),
}


class Run:
    def __init__(self, world, directory, udptool, name, inject=None, log="/dev/null"):
        words, self.asked, self.check = COMMANDS[name]
        self.came_before = world.settled("number")
        self.world, self.word = world, f"w{random.getrandbits(60):x}"
        path = f"{directory}/{self.word}"
        if any("{word}" in word and "{directory}" in word for word in words):
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(f"{self.word} {i}\n" for i in range(150))
        words = [word.format(word=self.word, directory=directory) for word in words]
        self.line = ["strace", "-f", "-qqq", "-o", log] + (["-e", f"inject={inject}"] if inject else [])
        self.line += [udptool] + words + ["-W", DEADLINE]
        child = subprocess.Popen(self.line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 start_new_session=True, text=True, errors="replace")
        self.ended = True
        try:
            self.out, self.err = child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.ended = False
            subprocess.run(["kill", "-KILL", "--", f"-{child.pid}"], check=False)
            self.out, self.err = child.communicate()
        self.status = child.returncode

    def complaint(self, call, usual):
        if not self.ended:
            return "it does not end"
        if self.status == 127 and "error while loading shared libraries" in self.err:
            return None
        if self.status < 0 or self.status > 3:
            return f"it died: {self.status}"
        lines = [line for line in self.err.splitlines() if line.startswith("udptool: ")]
        writes = call in ("write", "writev")
        if self.status == 2 and not lines and not writes:
            return "status 2 without a line"
        if self.status != usual and not self.err and not writes and "no answer" not in self.out:
            return f"status {self.status} without a word"
        for vague in ("Success", "std::", "terminate", "boost", "Unknown error"):
            if vague in self.err:
                return f"it says {vague!r}"
        if writes:
            return None if self.status == 2 or self.out == "" else self.check_written()
        return self.check(self)

    def check_written(self):
        return None if self.out.endswith("\n") else "a record is cut"


def calls_of(path):
    """The calls of a trace: how many of each name the loader made, and how many there were."""
    loading, before, all_of = True, collections.Counter(), collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            found = re.match(r"\d+ +([a-z0-9_]+)\(", line)
            if not found:
                continue
            all_of[found[1]] += 1
            if loading:
                before[found[1]] += 1
                loading = found[1] != "munmap"  # of the loader's cache: its last act
    return before, all_of


def faults_of(world, directory, udptool, name):
    trace = f"{directory}/{name}.trace"
    usual = Run(world, directory, udptool, name, log=trace)
    complaint = usual.complaint("", usual.status)
    if complaint or usual.status != 0:
        sys.exit(f"failed: {name} without a fault: status {usual.status}, {complaint}\n{usual.out}{usual.err}")
    before, all_of = calls_of(trace)
    for call in sorted(set(all_of) - NEVER):
        first = before[call] + 1
        if first > all_of[call]:
            continue
        for error in ERRORS.get(call, OTHERS):
            whens = [f"{first}", f"{first + 1}", f"{first + 2}+100"]
            whens.append(f"{first}+2" if error in PASSING else f"{first}+")
            for when in whens:
                yield name, call, f"{call}:error={error}:when={when}"


def main():
    udptool, directory, seconds, seed = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    begun, world = time.monotonic(), World()
    only = sys.argv[5:] or list(COMMANDS)
    faults = [fault for name in only for fault in faults_of(world, directory, udptool, name)]
    random.Random(seed).shuffle(faults)
    wrong = done = 0
    for name, call, inject in faults:
        if seconds and time.monotonic() - begun > seconds:
            break
        run = Run(world, directory, udptool, name, inject)
        done += 1
        complaint = run.complaint(call, 0)
        if complaint:
            wrong += 1
            print(f"failed: {name}: {inject}: {complaint}", *run.line, f"status {run.status}", run.out[-600:], run.err,
                  sep="\n    ", flush=True)
    print(f"{'failed' if wrong else 'passed'}: {done} of {len(faults)} faults (seed {seed}), {wrong} without a clear "
          "end")
    sys.exit(wrong > 0)


main()
