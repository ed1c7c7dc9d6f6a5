# SPDX-License-Identifier: GPL-2.0-only
"""tracers.py - smtpsnoop and its peers: how each is started, when it is ready, how it ends, and why it cannot run here

A tracer runs outside of the loads' cgroup. CannotRun carries the first line of its error.
"""
import json
import os
import shutil
import subprocess
import time

import proc
from stage import CannotRun

SMTP_PORTS = (25, 465, 587)
TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
WARNINGS = ("RLIMIT_MEMLOCK", "Running as user", "WARNING")  # what comes before the error, or instead of one
FIND = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin"


def find(program, package):
    found = shutil.which(program, path=FIND)
    if not found:
        raise CannotRun(f"not installed (package {package})")
    return found


def first_error(text):
    """The line that says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not any(word in line for word in WARNINGS)]
    marked = [line for line in lines if any(word in line for word in ("ERROR", "FATAL", "failed", "cannot", "not"))]
    return (marked or lines or ["it ended without a word"])[0].rpartition("ERROR: ")[2]


def events_have(name):
    """Is there such a tracepoint? Where tracefs cannot be read nobody knows: try."""
    folders = [os.path.join(path, "events") for path in TRACEFS if os.path.isdir(os.path.join(path, "events"))]
    return not folders or any(os.path.isdir(os.path.join(folder, name)) for folder in folders)


class Tracer:
    """What all have in common. `port`: the SMTP port to look at, beside the known ones."""

    name = program = package = ""
    patience = 2.0  # seconds after which one that doesn't say so is taken to be ready
    stdin = on_line = None

    def __init__(self, stage):
        self.stage, self.child, self.port, self.since, self.began = stage, None, 0, 0.0, 0.0

    def path(self):
        return find(self.program, self.package)

    def argv(self):
        raise NotImplementedError

    def ready(self):
        """Does it trace already?"""
        return time.monotonic() - self.since > self.patience

    def shown(self):
        """The command as it is printed."""
        return self.stage.show(self.argv())

    def start(self, port, cpus=None):
        self.port, self.since = port, time.monotonic()
        self.child = self.stage.start(self.argv(), cpus=cpus, on_line=self.on_line, stdin=self.stdin)
        if not self.stage.wait_for(lambda: self.ready() or not self.child.alive(), 60):
            self.child.end()
            raise CannotRun("it does not say that it is ready")
        if not self.child.alive():
            self.child.end()
            raise CannotRun(first_error(self.child.stderr() or self.child.out.head.decode(errors="replace")))
        self.began = time.monotonic()
        proc.settle(self.processes(), 3)

    def processes(self):
        return proc.tree(self.child.pid)

    def stop(self):
        """Ends it and returns what it said about its losses, as {word: number}."""
        self.child.end()
        return self.losses()

    def losses(self):
        return {}


class Off(Tracer):
    """Nobody traces."""

    name = "off"

    def shown(self):
        return "no tracer"

    def start(self, port, cpus=None):
        self.port = port

    def processes(self):
        return []

    def stop(self):
        return {}


class Smtpsnoop(Tracer):
    name = "smtpsnoop"

    def __init__(self, stage, binary=None, options=(), name=None):
        super().__init__(stage)
        self.binary, self.options, self.name = binary or stage.binary, options, name or self.name

    def argv(self):
        return [self.binary, "trace", "--json", "--cgroup", self.stage.cgroup, "--port", str(self.port), *self.options]

    def ready(self):
        return b"\n" in self.child.out.head

    def losses(self):
        """The totals of its end record, the lost ones flat; `records` are the connections that it told to their end."""
        try:
            totals = json.loads(self.child.out.tail.splitlines()[-1])["totals"]
        except (IndexError, ValueError, KeyError):
            raise CannotRun("no end record: " + first_error(self.child.stderr())) from None
        numbers = {name: value for name, value in totals.items() if isinstance(value, int)}
        return {**numbers, **totals["lost"], "records": sum(totals["verdicts"].values())}


class Empty(Tracer):
    """Programs that do nothing, on the same hooks: the floor."""

    name, stdin = "empty", subprocess.PIPE

    def argv(self):
        return [self.stage.tool("bench/empty"), "--cgroup", self.stage.cgroup]

    def ready(self):
        return b"\n" in self.child.out.head

    def hooks(self):
        return self.child.out.head.decode().split()[1:]


class Tcpdump(Tracer):
    name, program, package = "tcpdump", "tcpdump", "tcpdump"

    def argv(self):
        ports = " or ".join(f"port {port}" for port in (*SMTP_PORTS, self.port))
        return [self.path(), "-i", "lo", "-w", f"{self.stage.folder}/capture.pcap", f"tcp and ({ports})"]

    def ready(self):
        return "listening on" in self.child.stderr()

    def losses(self):
        for line in self.child.stderr().splitlines():
            if line.endswith("dropped by kernel"):
                return {"packets": int(line.split()[0])}
        return {}


class Tshark(Tracer):
    """The dialogue, dissected; needs its own capturing process."""

    name, program, package = "tshark", "tshark", "tshark"

    def __init__(self, stage, options=()):
        super().__init__(stage)
        self.options, self.quits = options, 0
        self.on_line = self.count

    def count(self, line):
        self.quits += b"C: QUIT" in line

    def argv(self):
        return [self.path(), "-l", "-i", "lo", "-f", f"tcp port {self.port}", "-d", f"tcp.port=={self.port},smtp",
                "-Y", "smtp", *self.options]

    def start(self, port, cpus=None):
        self.quits = 0
        super().start(port, cpus)

    def ready(self):
        return "Capture started" in self.child.stderr()

    def losses(self):
        lines = [line for line in self.child.stderr().splitlines() if "dropped" in line]
        return {"packets": int(lines[0].split()[0])} if lines else {"packets": 0}


class Bpftrace(Tracer):
    """One-liners that say who connects, and count what he sends."""

    program = package = "bpftrace"

    def script(self):
        raise NotImplementedError

    def argv(self):
        return [self.path(), "-e", self.script()]

    def ready(self):
        return b"Attaching" in self.child.out.head and super().ready()


class BpftraceEvents(Bpftrace):
    name = "bpftrace-tracepoint"

    def script(self):
        sent = "tracepoint:sock:sock_send_length { @bytes[pid] = sum(args->ret); }"
        return ("tracepoint:sock:inet_sock_set_state /args->newstate == 2/ "
                '{ printf("%d %s %d\\n", pid, comm, args->dport); } '
                + (sent if events_have("sock/sock_send_length") else "")).rstrip()


class BpftraceProbes(Bpftrace):
    name = "bpftrace-kprobe"

    def script(self):
        return ('kprobe:tcp_connect { printf("%d %s\\n", pid, comm); } '
                "kprobe:tcp_sendmsg { @bytes[pid] = sum(arg2); }")


class Tcplife(Tracer):
    name, program, package = "tcplife", "tcplife", "libbpf-tools"

    def argv(self):
        return [self.path()]


class Tcpconnect(Tracer):
    name, program, package = "tcpconnect", "tcpconnect", "libbpf-tools"

    def argv(self):
        return [self.path()]


PEERS = (Empty, Tcpdump, Tshark, BpftraceEvents, BpftraceProbes, Tcplife, Tcpconnect)


def not_installed():
    """Packages of the peers that are not here."""
    wanted = {(peer.program, peer.package) for peer in PEERS if peer.package} | {("auditd", "auditd")}
    return sorted({package for program, package in wanted if not shutil.which(program, path=FIND)})


class Line:
    """Tracers that take turns, on these CPUs; one that cannot run is set aside, with the reason."""

    def __init__(self, tracers, cpus=None):
        self.tracers, self.cpus, self.absent = list(tracers), cpus, {}

    def running(self):
        return [tracer for tracer in self.tracers if tracer.name not in self.absent]

    def start(self, tracer, port):
        """False = it cannot, which is noted."""
        try:
            tracer.start(port, self.cpus)
            return True
        except CannotRun as why:
            self.absent[tracer.name] = str(why)
            return False

    def stop(self, tracer):
        """Its losses; one that came to grief meanwhile is set aside as well."""
        died = tracer.child is not None and not tracer.child.alive()
        try:
            losses = tracer.stop()
        except CannotRun as why:
            self.absent[tracer.name] = str(why)
            return {}
        if died:
            self.absent[tracer.name] = "ended by itself: " + first_error(tracer.child.stderr())
        return losses
