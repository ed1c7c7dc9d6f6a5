# SPDX-License-Identifier: GPL-2.0-only
"""snapshot --evidence of what changes, vanishes or never answers while it is kept."""
import ctypes
import hashlib
import itertools
import os
import threading
import time

from test_evidence import WAIT, keep, of_process, python, ready, same, sources, verify
from test_snapshot import listener
from web import HELO, Fpm, Site, find
from world import SINK4, Failed, Skipped, run

libc = ctypes.CDLL(None, use_errno=True)

UNLINKED = f"""<?php
unlink(__FILE__);
$s = fsockopen('{SINK4}', 25);
fwrite($s, "EHLO {HELO}\\r\\n");
echo "ready\\n"; ob_flush(); flush();
fgets($s);
"""


def deleted_is(folder, pid, content, source):
    """Exactly one deleted file of the process is kept, with these bytes."""
    names = [name for name in os.listdir(of_process(folder, pid, "")) if name.startswith("deleted-")]
    told = [sources(folder)[f"process-{pid}/{name}"][0] for name in names]
    if source + " (deleted)" not in told:
        raise Failed(f"kept are {dict(zip(names, told))}")
    name = names[told.index(source + " (deleted)")]
    same(of_process(folder, pid, name), content)
    digest = f"{hashlib.sha256(content).hexdigest()}  process-{pid}/{name}\n"
    with open(os.path.join(folder, "SHA256SUMS")) as file:
        if digest not in file.readlines():
            raise Failed("its hash is not in the list")


def test_unlinked_php(case):
    """a PHP script that removed itself at its first line: the bytes that PHP still has open"""
    path = Site(case).add("job.php", UNLINKED)
    with listener(case):
        actor = ready(case.actor(find("/usr/bin/php"), path))
        folder = keep(case)
    deleted_is(folder, actor.pid, UNLINKED.encode(), path)
    verify(case, folder)


def test_unlinked_php_fpm(case):
    """the same under FPM, with opcache"""
    site = Site(case)
    path = site.add("job.php", UNLINKED)
    fpm = Fpm(case, site, workers=1)
    with listener(case) as taker:
        asking = threading.Thread(target=lambda: fpm.ask("/job.php", script=path))
        asking.start()
        connection, _ = taker.accept()
        connection.recv(100)
        folder = keep(case)
        connection.close()
        asking.join()
    workers = [name for name in os.listdir(folder) if name.startswith("process-")]
    if len(workers) != 1:
        raise Failed(f"kept are {workers}")
    deleted_is(folder, int(workers[0].split("-")[1]), UNLINKED.encode(), path)
    verify(case, folder)


LARGE = 32 << 20


def rewritten(case, change):
    """Evidence of a script whose file is changed all the while. Returns what of it was kept, and the remark."""
    path = os.path.join(case.world.folder, "changing.py")
    over = threading.Event()

    def go_on():
        # It gets its turn however busy the machine is.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        while not over.is_set():
            change(path)
            time.sleep(0.0005)

    with listener(case):
        actor = python(case, path)
        with open(path, "wb") as file:
            file.write(b"A" * LARGE)
        changing = threading.Thread(target=go_on)
        changing.start()
        try:
            folder = keep(case)
        finally:
            over.set()
            changing.join()
    verify(case, folder)
    with open(of_process(folder, actor.pid, "script-1"), "rb") as file:
        return file.read(), sources(folder)[f"process-{actor.pid}/script-1"][1]


def test_changed_while_read(case):
    """a script that is written to while it is copied: the bytes that were read, their hash, and a note"""

    def write_to(path):
        with open(path, "r+b") as file:
            file.seek(LARGE - 1)
            file.write(b"B")

    kept, remark = rewritten(case, write_to)
    if len(kept) != LARGE or not set(kept) <= set(b"AB"):
        raise Failed(f"{len(kept)} bytes were kept, of {set(kept)}")
    if "changed while it was read" not in remark:
        raise Failed(f"told is {remark}")


def test_replaced_while_read(case):
    """a script in whose place others come while it is copied: one of them, whole"""
    sizes = itertools.count(LARGE)

    def replace(path):
        with open(path + ".new", "wb") as file:
            file.truncate(next(sizes))
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    kept, remark = rewritten(case, replace)
    # A file that loses its name has changed, too, as far as the file system tells.
    if len(kept) < LARGE or (kept != b"A" * LARGE and kept.strip(b"\0")):
        raise Failed(f"{len(kept)} bytes were kept, of {set(kept)}; told is {remark}")


def test_file_system_that_never_answers(case):
    """a file system that answers nobody lies over the script: noted, and everything else is kept"""
    if not os.path.exists("/dev/fuse"):
        raise Skipped("optional: there is no FUSE here")
    place = os.path.join(case.world.folder, "dead")
    os.mkdir(place)
    server = os.open("/dev/fuse", os.O_RDWR)
    with listener(case):
        actor = python(case, os.path.join(place, "bot.py"))
        other = python(case, os.path.join(case.world.folder, "other.py"))
        options = f"fd={server},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"dead", place.encode(), b"fuse", 0, options):
            raise Skipped(f"optional: FUSE cannot be mounted: {os.strerror(ctypes.get_errno())}")
        try:
            folder = keep(case)
        finally:
            os.close(server)  # ends all that waits for it
            run("umount", "-l", place)
    told = sources(folder)
    if "would have to be asked" not in told[f"process-{actor.pid}/script-1"][1]:
        raise Failed(f"told is {told[f'process-{actor.pid}/script-1']}")
    same(of_process(folder, other.pid, "script-1"), WAIT.encode())
    for pid in (actor.pid, other.pid):
        if not os.path.getsize(of_process(folder, pid, "maps")):
            raise Failed("not all of /proc is kept")
    verify(case, folder)


def test_memory_locked_for_ever(case):
    """a process whose memory nobody can look into: what else there is of it is kept, and what is missing is said"""
    with listener(case):
        actor = ready(case.actor(case.program("stuck"), SINK4, 25, uid=0))
        other = python(case, os.path.join(case.world.folder, "beside.py"))
        folder = keep(case)
    for name in ("exe", "status", "open-files"):
        if not os.path.getsize(of_process(folder, actor.pid, name)):
            raise Failed(f"{name} is not kept")
    with open(os.path.join(folder, "SOURCES")) as file:
        if "took too long to read" not in file.read():
            raise Failed("what is missing is not told")
    same(of_process(folder, other.pid, "script-1"), WAIT.encode())
    verify(case, folder)
