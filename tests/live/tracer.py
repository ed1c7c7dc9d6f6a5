# SPDX-License-Identifier: GPL-2.0-only
"""tracer.py - runs the real `smtpsnoop trace` for one test and reads what it says, as a user's script would.

Whatever a test is about, every trace also has to end in order, to lose nothing silently (attempts = delivered + counted
only), to write nothing but valid JSON, and to leave no process and no kernel object behind.
"""
import ctypes
import json
import mmap
import os
import platform
import re
import signal
import subprocess
import threading
import time

from pysink import Sink
from world import ROOT, Failed, Skipped, in_chroot

# As an ordinary root of a service manager: what is loaded with, what /proc is read with, what the split needs.
SERVICE_CAPABILITIES = (
    "bpf",
    "perfmon",
    "net_admin",
    "sys_ptrace",
    "dac_read_search",
    "setuid",
    "setgid",
    "setpcap",
)
# For the directory of a store: given to its user, and entered.
COLLECT_CAPABILITIES = (*SERVICE_CAPABILITIES, "chown", "sys_chroot")
SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
GET_FD_BY_ID = {"prog": 13, "map": 14, "link": 30}
RINGBUF = 27
ABSENT = object()


def bpf_fd(kind, number):
    """A file descriptor for the kernel object with that id; None = there is none."""
    attribute = (ctypes.c_uint32 * 3)(number, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_BPF, GET_FD_BY_ID[kind], ctypes.byref(attribute), ctypes.sizeof(attribute))
    return fd if fd >= 0 else None


def parse_json(line):
    """One NDJSON line, by the letter: valid UTF-8, no duplicate names, an object."""

    def once(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise Failed(f"a name twice in one object: {names}")
        return dict(pairs)

    def number(text):
        raise Failed(f"not JSON: {text}")

    try:
        record = json.loads(line.decode("utf-8"), object_pairs_hook=once, parse_constant=number)
    except ValueError as error:
        raise Failed(f"not a JSON line ({error}): {line[:300]!r}") from None
    if not isinstance(record, dict):
        raise Failed(f"not an object: {line[:300]!r}")
    return record


def field(record, path):
    """record["a"]["b"] for "a.b", or ABSENT."""
    for name in path.split("."):
        if not isinstance(record, dict) or name not in record:
            return ABSENT
        record = record[name]
    return record


def without_chroot(path, got, wanted):
    """A path as the test knows it: in a chroot the kernel's path has its place in front."""
    paths = path.endswith(("executable", "working_directory", "script.path"))
    if paths and isinstance(got, str) and isinstance(wanted, str) and got.endswith(wanted) and in_chroot():
        return wanted
    return got


def expect(record, **fields):
    """Compares fields; "a.b" is written a__b. A value is a value, a pattern to find, a function to hold, or ABSENT."""
    for name, wanted in fields.items():
        path = name.replace("__", ".")
        got = without_chroot(path, field(record, path), wanted)
        if isinstance(wanted, re.Pattern):
            good = isinstance(got, str) and wanted.search(got)
            wanted = f"/{wanted.pattern}/"
        elif callable(wanted):
            good = got is not ABSENT and wanted(got)
            wanted = f"what {wanted.__name__} says"
        else:
            good = type(got) is type(wanted) and got == wanted
        if not good:
            show = "absent" if got is ABSENT else repr(got)
            error = Failed(f"{path} is {show}, expected {'absent' if wanted is ABSENT else wanted}")
            error.record = record
            raise error


def reasons(record, *has, without=()):
    got = field(record, "verdict.reasons")
    got = [] if got is ABSENT else got
    for word in has:
        if word not in got:
            error = Failed(f"reason {word} is missing in {got}")
            error.record = record
            raise error
    for word in without:
        if word in got:
            error = Failed(f"reason {word} is wrong here: {got}")
            error.record = record
            raise error


def children_of(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rsplit(b")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == pid:
                found += [int(name), *children_of(int(name))]
    return found


def status_of(pid):
    """/proc/PID/status as a dictionary; empty when the process is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return {}


def alive(pid):
    return status_of(pid).get("State", "Z")[0] not in "ZX"


class Trace:
    """A running tracer. Use as a context, or through Case.trace()."""

    capabilities = SERVICE_CAPABILITIES

    def __init__(
        self, case, *arguments, json_output=True, cgroup=None, stdout=None, prefix=(), command="trace", env=None
    ):
        self.case, self.slow, self.json_output = case, case.world.slow, json_output
        self.records, self.lines, self.taken = [], [], set()
        self.changed = threading.Condition()
        self.ended, self.objects = False, {}
        self.exit_status, self.broken = None, None
        options = case.options
        argv = [*prefix, options.binary, command, "--cgroup", cgroup or case.cgroup]
        if json_output:
            argv.append("--json")
        if options.backend != "auto":
            argv += ["--backend", options.backend]
        argv += [str(argument) for argument in arguments]
        if options.setpriv:
            rights = "-all," + ",".join("+" + name for name in self.capabilities)
            argv = ["setpriv", "--bounding-set", rights, "--inh-caps", "-all", *argv]
        self.errors = open(os.path.join(case.world.folder, f"stderr-{id(self)}"), "w+b")
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, **(env or {})},
        )
        self.pid = self.process.pid
        self.reader = None
        if not stdout:
            self.reader = threading.Thread(target=self._read, daemon=True)
            self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line)
                if self.json_output:
                    try:
                        self.records.append(parse_json(line))
                    except Failed as error:
                        self.broken = self.broken or error
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def stderr(self):
        self.errors.flush()
        with open(self.errors.name, "rb") as file:
            return file.read().decode(errors="replace").strip()

    def wait_until(self, what, condition, timeout=20):
        """condition() is asked at every line of output; its first true value is returned."""
        end = time.monotonic() + timeout * self.slow
        with self.changed:
            while True:
                value = condition()
                if value:
                    return value
                left = end - time.monotonic()
                if self.ended or left <= 0:
                    break
                self.changed.wait(left)
        if self.broken:
            raise self.broken
        seen = [field(r, "event.action") for r in self.records]
        why = "smtpsnoop ended" if self.ended else "nothing came"
        error = Failed(f"waiting for {what}: {why}; records: {seen}; stderr: {self.stderr()[-600:] or '(empty)'}")
        error.record = self.records[-1] if self.records else None
        raise error

    def started(self):
        """Until everything is attached."""
        if self.json_output:
            start = self.wait_until("the start record", lambda: self.of("start"), timeout=30)[0]
            if self.case.options.backend not in ("auto", *start["hooks"].split("+")):
                raise Failed(f"--backend {self.case.options.backend}, but the hooks are {start['hooks']}")
        else:
            self.wait_until("the first line", lambda: self.lines, timeout=30)
        self.note_objects()
        return self

    def of(self, action):
        return [record for record in self.records if field(record, "event.action") == action]

    def processes(self):
        return [self.pid, *children_of(self.pid)]

    def halves(self):
        """(privileged pid, unprivileged pid), told apart by what the kernel says of them."""
        # At the beginning there may be a child that looks into processes.
        end = time.monotonic() + 10 * self.slow
        while True:
            pids = [pid for pid in self.processes() if alive(pid)]
            without = [pid for pid in pids if int(status_of(pid).get("CapPrm", "0"), 16) == 0]
            rights = [pid for pid in pids if pid not in without]
            if len(without) == 1 and len(rights) == 1:
                return rights[0], without[0]
            if time.monotonic() > end:
                raise Failed(f"expected two halves; with rights: {rights}, without: {without}")
            time.sleep(0.02)

    def sanitized(self):
        """Is this a binary with sanitizers? They need system calls that the real one is refused."""
        with open(f"/proc/{self.pid}/maps") as maps:
            return "libasan" in maps.read()

    def note_objects(self):
        """Remembers processes and kernel objects, to look for them after the end."""
        self.seen_processes = self.processes()
        for pid in self.seen_processes:
            try:
                names = os.listdir(f"/proc/{pid}/fdinfo")
            except OSError:
                continue
            for name in names:
                try:
                    with open(f"/proc/{pid}/fdinfo/{name}") as file:
                        info = dict(line.split(":", 1) for line in file if ":" in line)
                except OSError:
                    continue
                for kind in ("prog", "map", "link"):
                    if kind + "_id" in info:
                        self.objects[kind, int(info[kind + "_id"])] = info

    def ring(self):
        """(producer position, contents) of the ring buffer, as any privileged reader could see it."""
        for (kind, number), info in self.objects.items():
            if kind == "map" and int(info["map_type"]) == RINGBUF:
                size = int(info["max_entries"])
                fd = bpf_fd("map", number)
                try:
                    page = mmap.PAGESIZE
                    with mmap.mmap(fd, page + size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page) as view:
                        return int.from_bytes(view[:8], "little"), view[page:]
                finally:
                    os.close(fd)
        raise Failed("smtpsnoop holds no ring buffer")

    def connection(self, timeout=20, **fields):
        """The next connection record for which these fields hold; each record is given once."""

        def find():
            for at, record in enumerate(self.records):
                if at not in self.taken and field(record, "event.action") == "connection":
                    if all(field(record, name.replace("__", ".")) == value for name, value in fields.items()):
                        self.taken.add(at)
                        return record
            return None

        return self.wait_until(f"a connection with {fields or 'anything'}", find, timeout)

    def send(self, number):
        self.process.send_signal(number)

    @staticmethod
    def hit(pid, number):
        """To one of the two halves."""
        os.kill(pid, number)

    def stop(self, number=signal.SIGINT, status=0, timeout=30):
        """Ends the trace and checks how it ended. Returns the end record."""
        if self.exit_status is not None:
            return self.of("end")[-1] if self.of("end") else None
        if self.process.poll() is None:
            self.note_objects()
            self.send(number)
        self.finish(status, timeout)
        if not self.json_output or status is None:
            return None
        if not self.of("end"):
            raise Failed(f"no end record; stderr: {self.stderr()[-600:]}")
        end = self.of("end")[-1]
        self.check_totals(end)
        return end

    def finish(self, status=0, timeout=30):
        """Waits for the end, whoever caused it, and looks for what is left. status None = any."""
        try:
            self.exit_status = self.process.wait(timeout * self.slow)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"smtpsnoop did not end; stderr: {self.stderr()[-600:]}") from None
        if self.reader:
            self.reader.join(timeout * self.slow)
        if self.broken:
            raise self.broken
        errors = self.stderr()
        if "Sanitizer" in errors or "runtime error" in errors:
            raise Failed("sanitizer: " + errors[-3000:])
        if status is not None and self.exit_status != status:
            raise Failed(f"exit status {self.exit_status}, expected {status}; stderr: {errors[-600:]}")
        self.nothing_left()

    def check_totals(self, end):
        totals = end.get("totals", {})
        expect(end, totals__attempts=int_value, totals__delivered=int_value, totals__counted_only=int_value)
        if totals["attempts"] != totals["delivered"] + totals["counted_only"]:
            error = Failed("attempts = delivered + counted_only does not hold")
            error.record = end
            raise error
        if (
            sum(totals.get("verdicts", {}).values()) != len(self.of("connection"))
            and "--verdict" not in self.process.args
        ):
            error = Failed(f"the totals name other verdicts than the {len(self.of('connection'))} records")
            error.record = end
            raise error

    def nothing_left(self):
        """No process, program, map, link of this trace lives on (the kernel frees some a moment later)."""
        end = time.monotonic() + 10 * self.slow
        while True:
            left = [f"process {pid}" for pid in getattr(self, "seen_processes", []) if alive(pid)]
            for kind, number in self.objects:
                fd = bpf_fd(kind, number)
                if fd is not None:
                    os.close(fd)
                    left.append(f"{kind} {number}")
            if not left:
                return
            if time.monotonic() > end:
                raise Failed("left behind: " + ", ".join(left))
            time.sleep(0.05)

    def kill(self):
        for pid in reversed(self.processes()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def close(self):
        """Whatever happened: over, without a word."""
        if self.process.poll() is None:
            self.kill()
        if self.reader:
            self.reader.join(5)
            self.process.stdout.close()
        self.errors.close()


def int_value(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class Case:
    """What one test gets: a cgroup of its own, and makers of tracers, sinks and actors that are ended after it."""

    def __init__(self, world, options):
        self.world, self.options = world, options
        self.cgroup = world.new_cgroup()
        self.traces, self.sinks = [], []

    def trace(self, *arguments, **kwargs):
        trace = Trace(self, *arguments, **kwargs)
        self.traces.append(trace)
        return trace.started()

    def trace_silent(self, stdout):
        """A trace whose output goes elsewhere: nothing is waited for."""
        trace = Trace(self, stdout=stdout)
        self.traces.append(trace)
        trace.json_output = False
        return trace

    def sink(self, *args, **kwargs):
        sink = Sink(self.world, *args, **kwargs)
        self.sinks.append(sink)
        return sink

    def actor(self, *argv, **kwargs):
        kwargs.setdefault("cgroup", self.cgroup)
        return self.world.actor(*[str(argument) for argument in argv], **kwargs)

    def python(self, name, *argv, **kwargs):
        """One of clients/, by its name."""
        return self.actor("/usr/bin/python3", self.world.client(name), *argv, **kwargs)

    def program(self, name):
        """Path of an actor, or of tools' sink and source."""
        path = self.world.program(name)
        if not os.path.exists(path):
            raise Skipped(f"{name} is not built")
        return path

    def smtpsnoop(self, *argv, prefix=(), **kwargs):
        """Runs it to its end, for the tests of what can't work. Returns the finished process."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        try:
            return subprocess.run(
                [*prefix, self.options.binary, *argv],
                capture_output=True,
                text=True,
                timeout=20 * self.world.slow,
                **kwargs,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"`smtpsnoop {' '.join(argv)}` does not end") from None

    def stop_all(self):
        """At the end of a test that went well: the traces still running have to end well too."""
        for trace in self.traces:
            if trace.exit_status is None:
                trace.stop()

    def close(self):
        for trace in self.traces:
            trace.close()
        for sink in self.sinks:
            sink.__exit__()
        self.world.settle()
        self.world.end_cgroup(self.cgroup)


__all__ = ["ABSENT", "Case", "Trace", "expect", "field", "reasons", "ROOT", "status_of", "alive", "bpf_fd"]
