# SPDX-License-Identifier: GPL-2.0-only
"""proc.py - what /proc says about a process and its children: time, wake-ups, memory, kernel objects

Whoever is gone meanwhile counts nothing. Bytes, nanoseconds and plain numbers.
"""
import os
import time


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def entries(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def parent(pid):
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def tree(pid):
    """The process and all below it."""
    parents = {int(name): parent(name) for name in entries("/proc") if name.isdigit()}
    found = [pid]
    for one in found:
        found += [child for child, above in parents.items() if above == one]
    return found


def status(pid, thread=None):
    path = f"/proc/{pid}/task/{thread}/status" if thread else f"/proc/{pid}/status"
    return dict(line.split(":\t", 1) for line in read(path).splitlines() if ":\t" in line)


def process_ns(pid):
    """Time on a CPU of all its threads, those that are over included: clock_getcpuclockid(3)."""
    try:
        return time.clock_gettime_ns(~pid << 3 | 2)
    except OSError:
        return 0


def cpu_ns(pids):
    return sum(process_ns(pid) for pid in pids)


def wakeups(pids):
    """How often a thread of theirs waited of its own will: each is a wake-up."""
    return sum(
        int(status(pid, thread).get("voluntary_ctxt_switches", 0))
        for pid in pids
        for thread in entries(f"/proc/{pid}/task")
    )


def descriptors(pid):
    return len(entries(f"/proc/{pid}/fd"))


def resident(pid):
    """(all, of that what maps kernel buffers into it: bpf maps, and packet rings of sockets)"""
    every = shared = 0
    kernel = False
    for line in read(f"/proc/{pid}/smaps").splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            kernel = len(words) > 5 and words[5].startswith(("anon_inode:", "socket:"))
        elif words[0] == "Rss:":
            every += int(words[1]) * 1024
            shared += int(words[1]) * 1024 if kernel else 0
    return every, shared


def kernel_objects(pids):
    """{("map" or "prog", id): bytes} of the bpf objects that these processes hold."""
    found = {}
    for pid in pids:
        for fd in entries(f"/proc/{pid}/fdinfo"):
            info = dict(line.split(":", 1) for line in read(f"/proc/{pid}/fdinfo/{fd}").splitlines() if ":" in line)
            for kind in ("map", "prog"):
                if f"{kind}_id" in info:
                    if kind == "prog" and "link_type" in info:
                        continue  # the link names its program; the memory is the program's
                    found[kind, int(info[f"{kind}_id"])] = int(info.get("memlock", 0))
    return found


def kernel_bytes(pids, kind):
    return sum(size for (what, _), size in kernel_objects(pids).items() if what == kind)


def halves(pids):
    """smtpsnoop's (privileged, unprivileged), told apart by what the kernel says of them."""
    without = [pid for pid in pids if int(status(pid).get("CapPrm", "0"), 16) == 0]
    rights = [pid for pid in pids if pid not in without]
    return rights, without


def settle(pids, timeout=10):
    """Waits until they have nothing left to do: less than 1 ms of CPU time in a tenth of a second, twice."""
    end = time.monotonic() + timeout
    before, quiet = cpu_ns(pids), 0 if pids else 2
    while quiet < 2 and time.monotonic() < end:
        time.sleep(0.1)
        now = cpu_ns(pids)
        quiet = quiet + 1 if now - before < 10**6 else 0
        before = now
    return quiet == 2
