# SPDX-License-Identifier: GPL-2.0-only
"""stage.py - where the bench runs: a folder, a cgroup, free ports, and processes that do not outlive it

Nothing but loopback is used and no setting of the host is changed. Leaving the context ends every process and removes the
cgroup, the folder and a mount of our own. Fatal: no root, no cgroup v2 that can be mounted.
"""
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TAIL = 65536  # bytes of a program's output that are kept, at its begin and at its end


class Failed(Exception):
    """The bench itself cannot go on: the text says why."""


class CannotRun(Exception):
    """This one does not run here: the text is its own first word about it."""


@contextlib.contextmanager
def uninterrupted():
    """What puts the host back as it was is not to be broken off."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Reader(threading.Thread):
    """Reads a pipe to its end, so that nobody waits for us. Keeps its begin and its end; with on_line, which is called for
    each line, the first line and the last one."""

    def __init__(self, pipe, on_line=None):
        super().__init__(daemon=True)
        self.pipe, self.on_line = pipe, on_line
        self.head, self.tail = b"", b""
        self.start()

    def run(self):
        if self.on_line:
            for self.tail in self.pipe:
                self.head = self.head or self.tail
                self.on_line(self.tail)
        else:
            while block := os.read(self.pipe.fileno(), 1 << 20):
                self.head = self.head if len(self.head) >= TAIL else self.head + block
                self.tail = (self.tail + block)[-TAIL:]
        self.pipe.close()


class Child:
    """A process that the stage started."""

    def __init__(self, process, errors, on_line):
        self.process, self.pid, self.errors = process, process.pid, errors
        self.out = Reader(process.stdout, on_line)

    def alive(self):
        return self.process.poll() is None

    def stderr(self):
        with open(self.errors, errors="replace") as file:
            return file.read()

    def end(self, number=signal.SIGINT, timeout=30):
        """Ends it, hard if it does not want to, and what it left running. Returns its exit status."""
        if self.alive():
            if self.process.stdin:
                self.process.stdin.close()
                self.process.stdin = None
            self.process.send_signal(number)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.out.join(timeout)
        return self.process.returncode


class Stage:
    """Use as a context."""

    def __init__(self, tools, binary):
        self.tools, self.binary = tools, binary
        self.folder = self.cgroup = self.mount = None
        self.children, self.count = [], 0
        self.cpus = sorted(os.sched_getaffinity(0))
        self.cpu = self.cpus[-1]  # for loads that are bound to one

    def __enter__(self):
        try:
            self.folder = tempfile.mkdtemp(prefix="smtpsnoop-bench-")
            os.chmod(self.folder, 0o755)  # tcpdump gives up its rights
            self.cgroup = os.path.join(self._cgroup2(), os.path.basename(self.folder))
            os.mkdir(self.cgroup)
            self.web, self.smtp, self.sink = self.free_ports(3)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with uninterrupted():
            self.clear()
            if self.cgroup and os.path.isdir(self.cgroup):
                self._remove_cgroup()
            if self.mount:
                subprocess.run(["umount", self.mount], check=False)
            if self.folder:
                shutil.rmtree(self.folder, ignore_errors=True)

    def clear(self):
        """Ends all processes, the last one first."""
        for child in reversed(self.children):
            child.end(timeout=5)
        self.children.clear()

    def _cgroup2(self):
        with open("/proc/mounts") as mounts:
            for line in mounts:
                fields = line.split()
                if fields[2] == "cgroup2":
                    return fields[1]
        mount = os.path.join(self.folder, "cgroup2")
        os.mkdir(mount)
        if subprocess.run(["mount", "-t", "cgroup2", "none", mount], check=False).returncode:
            raise Failed("cgroup v2 cannot be mounted here")
        self.mount = mount
        return mount

    def _remove_cgroup(self):
        for _ in range(100):  # who was killed leaves it a moment later
            try:
                os.rmdir(self.cgroup)
                return
            except OSError:
                time.sleep(0.05)
        raise Failed(f"the cgroup {self.cgroup} cannot be removed")

    @staticmethod
    def free_ports(number):
        """Ports that nobody listens on, below those that connect() takes."""
        found = []
        for port in range(20025, 30000):
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            found.append(port)
            if len(found) == number:
                return found
        raise Failed("no free ports from 20025 to 30000")

    def other_cpus(self):
        """Those that such loads leave free; none = there is one only, for all."""
        return self.cpus[:-1]

    def tool(self, name):
        path = os.path.join(self.tools, name)
        if not os.access(path, os.X_OK):
            raise Failed(f"{name} is not built: use make bench")
        return path

    def show(self, argv):
        """A command as a reader can type it: no folder of ours, programs by their names."""
        words = [os.path.basename(argv[0]), *argv[1:]]
        text = shlex.join(str(word) for word in words)
        return text.replace(self.cgroup, "CGROUP").replace(self.folder, "TMP").replace(TREE + "/", "")

    def start(self, argv, inside=False, cpus=None, urgent=False, on_line=None, stdin=None):
        """Starts it: in our cgroup if `inside`, on these CPUs, before others if `urgent`; the kernel ends it
        when we end."""
        self.count += 1
        errors = os.path.join(self.folder, f"stderr-{self.count}")
        line = ["setpriv", "--pdeathsig", "TERM"]
        if urgent:
            line += ["nice", "-n", "-20"]
        if cpus:
            line += ["taskset", "-c", ",".join(map(str, cpus))]
        if inside:
            line += ["sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', self.cgroup]
        with open(errors, "wb") as file:
            process = subprocess.Popen(
                [*line, *map(str, argv)],
                stdin=stdin or subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                start_new_session=True,  # Ctrl-C is ours to hand on
                env={**os.environ, "LC_ALL": "C", "TMPDIR": self.folder},
            )
        child = Child(process, errors, on_line)
        self.children = [other for other in self.children if other.alive()] + [child]
        return child

    @staticmethod
    def wait_for(condition, timeout=30):
        """Until condition() is true; False when time is over."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def run(self, argv, timeout=300, **kwargs):
        """Runs it to its end and returns what it printed as JSON, its last line."""
        child = self.start(argv, **kwargs)
        try:
            child.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"`{self.show(argv)}` does not end") from None
        finally:
            status = child.end(signal.SIGKILL)
        if status:
            raise Failed(f"`{self.show(argv)}`: {child.stderr().strip() or status}")
        return json.loads(child.out.tail.splitlines()[-1])

    def server(self):
        """tools/sink outside of our cgroup, as a server elsewhere would be. Ends with the stage, or by end()."""
        child = self.start([self.tool("sink"), "--listen", f"127.0.0.1:{self.sink}"])
        self.wait_for(lambda: b"ready" in child.out.head or not child.alive(), 10)
        if not child.alive():
            raise Failed(f"sink: {child.stderr().strip()}")
        return child

    def bot(self, connections, *options):
        """The command of tools/source: RST at the end, so that no run inherits the ports of the one before."""
        return [self.tool("source"), "--to", f"127.0.0.1:{self.sink}", "--connections", str(connections),
                "--reset", "--pipeline", *map(str, options)]
