# SPDX-License-Identifier: GPL-2.0-only
"""world.py - what the live tests run in: network namespaces, cgroups, actors, and that nothing of it stays.

    actor namespace            outside namespace
    192.0.2.10/24       veth   192.0.2.1/24, all of 203.0.113.0/24
    2001:db8::10/64    <---->  2001:db8::1/64, all of 2001:db8:f::/64
                               198.51.100.9 swallows packets, 198.51.100.66 is answered "host unreachable";
                               the actors have no route to .67, a forbidden one to .68

An actor joins its test's cgroup first and enters the namespace after; smtpsnoop itself stays in the host's namespace.
All names carry the runner's pid, so that two runs do not meet. cleanup() undoes everything and says what it could not.
"""
import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time

LIVE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(LIVE))
BUILT = os.path.join(ROOT, ".output", "tests", "live")
SOURCE4, SOURCE6 = "192.0.2.10", "2001:db8::10"
SINK4, SINK6 = "203.0.113.7", "2001:db8:f::7"
SWALLOWED, UNREACHABLE = "198.51.100.9", "198.51.100.66"
NO_ROUTE, PROHIBITED = "198.51.100.67", "198.51.100.68"
CLONE_NEWNET = 0x40000000
WEB_UID = 33  # www-data: the same number on every Debian

CFLAGS = ["-D_GNU_SOURCE", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-rdynamic"]


class Failed(AssertionError):
    """A test failed: the text is what is printed."""


class Unprepared(Exception):
    """Namespaces, cgroups or actors cannot be made here: the text says why."""


class Skipped(Exception):
    """A test can't run here: the text says why."""


def need(*programs):
    """Skips the test unless all of these programs are installed."""
    for program in programs:
        if shutil.which(program):
            continue
        # tools/deps leaves Postfix out rather than have another MTA removed.
        if program == "postfix" and os.path.exists("/usr/sbin/sendmail"):
            raise Skipped("postfix is not installed (optional: another MTA is installed)")
        raise Skipped(f"{program} is not installed")


def run(*argv, check=True, **kwargs):
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(argv, capture_output=True, text=True, **kwargs)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done


def build_actors():
    """Compiles actors/*.c where the source is newer; on a read-only tree they are there already."""
    owner = os.stat(ROOT)  # make clean must be able to remove it
    for folder in (os.path.dirname(BUILT), BUILT):
        if not os.path.isdir(folder):
            os.makedirs(folder)
            os.lchown(folder, owner.st_uid, owner.st_gid)
    folder = os.path.join(LIVE, "actors")
    header = os.path.getmtime(os.path.join(folder, "talk.h"))
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".c"):
            continue
        source, target = os.path.join(folder, name), os.path.join(BUILT, name[:-2])
        newest = max(header, os.path.getmtime(source))
        if not os.path.exists(target) or os.path.getmtime(target) < newest:
            run("cc", *CFLAGS, "-o", target, source)
            os.lchown(target, owner.st_uid, owner.st_gid)


def in_chroot():
    """The kernel's names of files then begin outside of what we can see."""
    try:
        return not os.path.samefile("/", "/proc/1/root")
    except OSError:  # not ours to look at; but a folder that is no mount can't be the root otherwise
        with open("/proc/self/mountinfo") as mounts:
            return not any(line.split()[4] == "/" for line in mounts)


def cgroup2_mount():
    with open("/proc/mounts") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[2] == "cgroup2":
                return fields[1]
    return None


class Actor:
    """A running actor and what it wrote."""

    def __init__(self, argv, process, slow):
        self.argv, self.process, self.pid, self.slow = argv, process, process.pid, slow
        self.folder = None  # where it runs

    def say(self, text, last=False):
        """Writes to its standard input; last = and no more."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()
        if last:
            self.process.stdin.close()
            self.process.stdin = None  # communicate() would flush it again

    def wait(self, status=0, timeout=20):
        """Waits for its end; status None = any. Returns its standard output."""
        try:
            out, err = self.process.communicate(timeout=timeout * self.slow)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise Failed(f"actor {self.argv[0]} did not end: {err.decode(errors='replace').strip()}")
        if self.process.returncode == 77:
            raise Skipped(f"{os.path.basename(self.argv[0])}: not possible on this kernel")
        if status is not None and self.process.returncode != status:
            text = err.decode(errors="replace").strip()
            raise Failed(f"actor {self.argv[0]} ended with {self.process.returncode}: {text[-400:]}")
        return out.decode(errors="replace")


class World:
    """Namespaces, cgroups and a folder for one run of the tests."""

    def __init__(self, slow=1.0, tools=None):
        self.slow, self.tools = slow, tools
        self.tag = f"snoop{secrets.token_hex(3)}"  # process ids repeat in chroots and containers
        self.names = {"actor": f"{self.tag}-in", "outside": f"{self.tag}-out"}
        self.folder = None
        self.cgroup_root = None
        self.own_mount = None
        self.actors = []
        self.count = 0

    def __enter__(self):
        for program in ("ip", "cc"):
            if not shutil.which(program):
                raise Unprepared(f"{program} is missing; tools/deps test installs it")
        try:
            self.folder = tempfile.mkdtemp(prefix="smtpsnoop-live-", dir="/var/lib")
            os.chmod(self.folder, 0o755)
            build_actors()
            self._programs()
            self._cgroups()
            self._network()
        except (OSError, RuntimeError) as error:
            self.cleanup()
            raise Unprepared(error) from error
        except BaseException:
            self.cleanup()
            raise
        return self

    def __exit__(self, *exception):
        left = self.cleanup()
        if left and not exception[0]:
            raise Failed("left behind: " + ", ".join(left))

    def _programs(self):
        """Copies of actors and clients where every user may read them."""
        self.bin = os.path.join(self.folder, "bin")
        shutil.copytree(BUILT, self.bin)
        shutil.copytree(os.path.join(LIVE, "clients"), os.path.join(self.folder, "clients"))
        for name in ("sink", "source"):
            path = os.path.join(self.tools or "", name)
            if os.access(path, os.X_OK):
                shutil.copy(path, self.bin)
        for folder, _, files in os.walk(self.folder):
            os.chmod(folder, 0o755)
            for name in files:
                os.chmod(os.path.join(folder, name), 0o755)

    def _cgroups(self):
        mount = cgroup2_mount()
        if not mount:
            mount = self.own_mount = os.path.join(self.folder, "cgroup2")
            os.mkdir(mount)
            run("mount", "-t", "cgroup2", "none", mount)
        self.cgroup_mount = mount
        self.cgroup_root = os.path.join(mount, self.tag)
        os.mkdir(self.cgroup_root)

    def _network(self):
        inside, outside = self.names["actor"], self.names["outside"]
        for name in (inside, outside):
            run("ip", "netns", "add", name)
            self.ip(name, "link", "set", "lo", "up")
            # Duplicate address detection would hold IPv6 back for a second.
            self.sysctl(name, "net.ipv6.conf.default.accept_dad", 0)
        run("ip", "link", "add", "in0", "netns", inside, "type", "veth", "peer", "name", "out0", "netns", outside)
        for name, device, v4, v6 in (
            (inside, "in0", SOURCE4, SOURCE6),
            (outside, "out0", "192.0.2.1", "2001:db8::1"),
        ):
            self.ip(name, "address", "add", v4 + "/24", "dev", device)
            self.ip(name, "address", "add", v6 + "/64", "dev", device, "nodad")
            self.ip(name, "link", "set", device, "up")
            self.sysctl(name, "net.ipv4.tcp_fastopen", 0x207)
        self.ip(inside, "route", "add", "default", "via", "192.0.2.1")
        self.ip(inside, "-6", "route", "add", "default", "via", "2001:db8::1")
        self.ip(outside, "route", "add", "local", "203.0.113.0/24", "dev", "lo")
        self.ip(outside, "-6", "route", "add", "local", "2001:db8:f::/64", "dev", "lo")
        self.ip(outside, "route", "add", "blackhole", SWALLOWED)
        self.ip(outside, "route", "add", "unreachable", UNREACHABLE)
        self.sysctl(outside, "net.ipv4.ip_forward", 1)
        self.ip(inside, "route", "add", "unreachable", NO_ROUTE)
        self.ip(inside, "route", "add", "prohibit", PROHIBITED)
        # A flood from one address needs every port, and a swallowed SYN shall not take two minutes.
        self.sysctl(inside, "net.ipv4.ip_local_port_range", "1024 65535")
        self.sysctl(inside, "net.ipv4.tcp_syn_retries", 1)

    def ip(self, namespace, *argv):
        """As ip -n does, which mounts /sys anew and so fails in a chroot."""
        with self.inside(namespace):
            run("ip", *argv)

    def sysctl(self, namespace, key, value):
        with self.inside(namespace):
            with open("/proc/sys/" + key.replace(".", "/"), "w") as file:
                file.write(str(value))

    class _Inside:
        def __init__(self, path):
            self.path = path

        @staticmethod
        def _set(fd):
            if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

        def __enter__(self):
            self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            fd = os.open(self.path, os.O_RDONLY)
            self._set(fd)
            os.close(fd)

        def __exit__(self, *_):
            self._set(self.home)
            os.close(self.home)

    def netns(self, name):
        return "/run/netns/" + self.names.get(name, name)

    def inside(self, name):
        """This thread is in that network namespace while the context lasts: for making sockets."""
        return self._Inside(self.netns(name))

    def new_cgroup(self, parent=None, name=None):
        """A fresh cgroup; its whole path below the mount is in the records."""
        self.count += 1
        path = os.path.join(parent or self.cgroup_root, name or f"t{self.count}")
        os.makedirs(path)
        return path

    def cgroup_name(self, directory):
        return directory[len(self.cgroup_mount) :]

    def program(self, name):
        return os.path.join(self.bin, name)

    def client(self, name):
        return os.path.join(self.folder, "clients", name)

    def actor(self, *argv, cgroup=None, netns="actor", uid=WEB_UID, pidns=False, cwd=None, env=None):
        """Starts an actor. netns None = the host's."""
        enter = [self.program("enter"), "-u", str(uid)]
        if cgroup:
            enter += ["-c", cgroup]
        if netns:
            enter += ["-n", self.netns(netns)]
        if pidns:
            enter.append("-p")
        process = subprocess.Popen(
            [*enter, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd or self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(env or {})},
        )
        actor = Actor(argv, process, self.slow)
        actor.folder = cwd or self.folder
        self.actors.append(actor)
        return actor

    def end_cgroup(self, directory):
        """Ends what runs in a cgroup of ours and removes it with all below it."""
        for folder, _, _ in os.walk(directory, topdown=False):
            for _ in range(100):
                with open(os.path.join(folder, "cgroup.procs")) as file:
                    pids = [int(line) for line in file]
                for pid in pids:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    time.sleep(0.02)

    def settle(self):
        """After a test: its actors are over and their pipes closed."""
        for actor in self.actors:
            if actor.process.poll() is None:
                actor.process.kill()
            actor.process.wait()
            for pipe in (actor.process.stdin, actor.process.stdout, actor.process.stderr):
                try:
                    if pipe:
                        pipe.close()
                except BrokenPipeError:
                    pass
        self.actors.clear()

    def cleanup(self):
        """Undoes everything; returns what stayed."""
        try:
            self.settle()
            if self.cgroup_root and os.path.isdir(self.cgroup_root):
                self.end_cgroup(self.cgroup_root)
        finally:
            left = self._unmake()
        return left

    def _unmake(self):
        for name in self.names.values():
            if os.path.exists("/run/netns/" + name):
                run("ip", "netns", "delete", name, check=False)
        if self.own_mount:
            run("umount", self.own_mount, check=False)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        left = [path for path in (self.cgroup_root, self.folder) if path and os.path.exists(path)]
        left += [name for name in self.names.values() if os.path.exists("/run/netns/" + name)]
        with open("/proc/mounts") as mounts:
            left += [line.split()[1] for line in mounts if self.tag in line]
        return left
