# SPDX-License-Identifier: MIT
"""The machine as the benchmark sees it: a private network, processes pinned to cores, the kernel's counters, noise."""
import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
SEND_CORE, RECEIVE_CORE = (CORES[0], CORES[1]) if len(CORES) > 1 else (None, None)
_libc = ctypes.CDLL(None)
_ports = iter(range(21000, 45000))


def enter_private_network():
    """Starts this script again where there is no network but a loopback device of its own."""
    if os.environ.get("UDPTOOL_BENCH_NET") != "private":
        os.environ["UDPTOOL_BENCH_NET"] = "private"
        flags = "-n" if os.geteuid() == 0 else "-rn"
        os.execvp("unshare", ["unshare", flags, sys.executable] + sys.argv)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Process:
    """A child on a core of its own, which does not outlive this script."""

    def __init__(self, words, core=None, stdin=None, stdout=None, preload=None, keep=False):
        def prepare():
            os.setpgid(0, 0)
            _libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
            if core is not None:
                os.sched_setaffinity(0, {core})
        environment = dict(os.environ, **({"LD_PRELOAD": preload} if preload else {}))
        pipe = subprocess.PIPE if keep else subprocess.DEVNULL
        self.child = subprocess.Popen([str(word) for word in words], stdin=stdin or subprocess.DEVNULL, stderr=pipe,
                                      stdout=stdout or pipe, env=environment, preexec_fn=prepare)
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.signal(signal.SIGKILL)
        self.child.communicate()

    def signal(self, number):
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def running(self):
        return self.child.poll() is None

    def finish(self, timeout=60):
        """Both outputs together; empty when it did not end in time."""
        try:
            out, err = self.child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.child.communicate()
            return ""
        return b"\n".join(part for part in (out, err) if part).decode("utf-8", "replace")

    def _threads(self):
        waiting = [self.pid]
        while waiting:
            pid = waiting.pop()
            try:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    yield f"/proc/{pid}/task/{thread}"
                    with open(f"/proc/{pid}/task/{thread}/children") as file:
                        waiting += file.read().split()
            except OSError:
                pass

    def cpu(self):
        """CPU seconds of all its threads and living children, to the nanosecond (schedstat)."""
        total = 0
        for thread in self._threads():
            try:
                with open(thread + "/schedstat") as file:
                    total += int(file.read().split()[0])
            except OSError:
                pass
        return total / 1e9

    def written(self):
        """Bytes that it has given to write calls."""
        with open(f"/proc/{self.pid}/io") as file:
            return int(dict(line.split(": ") for line in file)["wchar"])

    def peak_mib(self):
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def run_json(words, core=None, timeout=60):
    """The last line of what it says that is a JSON object, or None."""
    with Process(words, core, keep=True) as process:
        lines = [line for line in process.finish(timeout).splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else None


def next_port():
    return next(_ports)


def wait_bound(port, process):
    """Until somebody has bound the port; False when the process ends before."""
    end = time.monotonic() + 5
    while time.monotonic() < end and process.running():
        for table in ("udp", "udp6", "tcp", "tcp6"):
            try:
                with open("/proc/net/" + table) as file:
                    if any(line.split()[1].endswith(f":{port:04X}") for line in file):
                        return True
            except OSError:
                pass
        time.sleep(0.005)
    return False


def udp_counters():
    """Datagrams taken by readers and datagrams lost to full buffers, in this network (IPv4)."""
    with open("/proc/net/snmp") as file:
        names, values = (line.split() for line in file if line.startswith("Udp:"))
    row = dict(zip(names, values))
    return int(row["InDatagrams"]), int(row["RcvbufErrors"])


def wait_quiet(*processes):
    """Until no more is taken, lost or written."""
    last = None
    while True:
        now = (udp_counters(), [process.written() for process in processes])
        if now == last:
            return
        last = now
        time.sleep(0.1)


def loopback_payload():
    """UDP payload bytes that have crossed the loopback device. It counts a segmented send as one packet."""
    with open("/proc/net/dev") as file:
        values = next(line for line in file if line.strip().startswith("lo:")).split(":")[1].split()
    return int(values[0]) - 28 * int(values[1])


def largest_buffer():
    """Bytes that the kernel gives a receive buffer here at most, with its own share."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for option in (33, socket.SO_RCVBUF):  # SO_RCVBUFFORCE
            try:
                one.setsockopt(socket.SOL_SOCKET, option, 256 << 20)
                break
            except OSError:
                pass
        return one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


class Calm:
    """Repeats what was disturbed: by the host (steal) or by other processes of this machine."""

    def __init__(self, most_percent, budget, tries):
        self.most, self.tries = most_percent, tries
        self.end = time.monotonic() + budget
        self.kept, self.repeated = [], 0

    def __call__(self, measure, *arguments):
        best = None
        for attempt in range(self.tries):
            before = self._usage()
            result = measure(*arguments)
            lost = self._lost_percent(before, self._usage())
            if result is None:
                return None
            if best is None or lost < best[0]:
                best = (lost, result)
            if lost <= self.most or time.monotonic() > self.end:
                break
            self.repeated += attempt + 1 < self.tries
        self.kept.append(best[0])
        return best[1]

    @staticmethod
    def _usage():
        with open("/proc/stat") as file:
            user, nice, system, idle, wait, hard, soft, steal = map(int, file.readline().split()[1:9])
        own = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        busy = (user + nice + system + hard + soft) / TICK
        return steal / TICK, busy - own, (user + nice + system + idle + wait + hard + soft + steal) / TICK

    @staticmethod
    def _lost_percent(before, after):
        steal, foreign, total = (b - a for a, b in zip(before, after))
        return 100 * (steal + max(0.0, foreign)) / max(total, 1e-9)

    def note(self):
        kept = sorted(self.kept) or [0.0]
        return (f"{len(kept)} measurements, {self.repeated} repeated because more than {self.most} % of the machine "
                f"went elsewhere meanwhile; of those kept that was {kept[len(kept) // 2]:.1f} % in the median, "
                f"{kept[int(0.9 * (len(kept) - 1))]:.1f} % at the 90th percentile.")
