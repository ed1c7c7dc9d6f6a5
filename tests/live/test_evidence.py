# SPDX-License-Identifier: GPL-2.0-only
"""snapshot --evidence and --verify: what a suspect has is kept as it is, and traps are only noted."""
import hashlib
import itertools
import os
import shutil
import signal
import time

from marks import quick
from test_snapshot import hold, listener, snapshot, text
from tracer import parse_json, status_of
from web import find
from world import Failed, run

WAIT = """import socket, sys
s = socket.create_connection(("203.0.113.7", 25)); print("ready", flush=True); sys.stdin.read()
"""


def ready(actor):
    if actor.process.stdout.readline() != b"ready\n":
        raise Failed("the actor did not start")
    return actor


NUMBERS = itertools.count()


def keep(case, *options, name="evidence", status=0):
    """Takes a snapshot with evidence; returns its folder."""
    folder = os.path.join(case.world.folder, f"{name}-{next(NUMBERS)}")
    snapshot(case, "--evidence", folder, *options, status=status)
    return folder


def of_process(folder, pid, name):
    return os.path.join(folder, f"process-{pid}", name)


def same(path, content):
    with open(path, "rb") as file:
        if file.read() != content:
            raise Failed(f"{path} is not what was there")


def sources(folder):
    with open(os.path.join(folder, "SOURCES")) as file:
        return {line.split("\t")[0]: line.rstrip("\n").split("\t")[1:] for line in file}


def verify(case, folder, status=0):
    done = case.smtpsnoop("snapshot", "--verify", folder)
    if done.returncode != status:
        raise Failed(f"--verify ends with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def python(case, path, content=WAIT, **kwargs):
    with open(path, "w") as file:
        file.write(content)
    os.chmod(path, 0o644)
    return ready(case.actor("/usr/bin/python3", path, **kwargs))


@quick
def test_executable(case):
    """a deleted executable, its environment and its open files; the list is as sha256sum writes it"""
    program = os.path.join(case.world.folder, "gone")
    shutil.copy(case.program("hold"), program)
    with open(program, "rb") as file:
        content = file.read()
    with listener(case):
        actor = ready(case.actor(program, "203.0.113.7", 25, 1, env={"SECRET": "kept"}))
        os.unlink(program)
        folder = keep(case)
    same(of_process(folder, actor.pid, "exe"), content)
    with open(of_process(folder, actor.pid, "environ"), "rb") as file:
        if b"SECRET=kept" not in file.read():
            raise Failed("the environment is not kept")
    with open(of_process(folder, actor.pid, "open-files")) as file:
        if "socket:[" not in file.read():
            raise Failed("the open files are not listed")
    for path, folders, files in os.walk(folder):
        for name in files + folders:
            if os.stat(os.path.join(path, name)).st_mode & 0o077:
                raise Failed(f"{name} can be read by others")
    if sources(folder)[f"process-{actor.pid}/exe"][0] != program + " (deleted)":
        raise Failed(f"where it comes from is not told: {sources(folder)}")
    run("sha256sum", "--quiet", "-c", "SHA256SUMS", cwd=folder)
    verify(case, folder)
    with open(os.path.join(folder, "records.ndjson"), "rb") as file:
        records = [parse_json(line) for line in file]
    if [record["event"]["action"] for record in records] != ["start", "connection", "process", "end"]:
        raise Failed("our records are not kept")


@quick
def test_memory_only(case):
    """an executable that was never a file"""
    with open(case.program("hold"), "rb") as file:
        content = file.read()
    with listener(case):
        actor = ready(case.actor(case.program("memfd"), "x", case.program("hold"), "hold", "203.0.113.7", 25, 1))
        folder = keep(case)
    same(of_process(folder, actor.pid, "exe"), content)
    if hashlib.sha256(content).hexdigest() not in open(os.path.join(folder, "SHA256SUMS")).read():
        raise Failed("its hash is not in the list")


def test_deleted_open_file(case):
    """a script that removed itself, and is still open, is kept from there; its access time stays"""
    path = os.path.join(case.world.folder, "self.py")
    code = WAIT.replace("import socket, sys\n", "import os, socket, sys\nf = open(__file__)\n")
    with listener(case):
        actor = python(case, path, code)
        os.unlink(path)
        other = os.path.join(case.world.folder, "other.py")
        second = python(case, other)
        os.utime(other, (1_000_000_000, os.stat(other).st_mtime))
        folder = keep(case)
        if os.stat(other).st_atime != 1_000_000_000:
            raise Failed("the access time was changed")
    deleted = [name for name in os.listdir(of_process(folder, actor.pid, "")) if name.startswith("deleted-")]
    if len(deleted) != 1:
        raise Failed(f"kept are {deleted}")
    same(of_process(folder, actor.pid, deleted[0]), code.encode())
    same(of_process(folder, second.pid, "script-1"), WAIT.encode())


def trapped(case, set_trap, remark):
    path = os.path.join(case.world.folder, f"trap-{case.world.count}.py")
    with listener(case):
        actor = python(case, path)
        os.unlink(path)
        set_trap(path)
        folder = keep(case)
    told = sources(folder).get(f"process-{actor.pid}/script-1")
    if not told or remark not in told[1]:
        raise Failed(f"about the trap is told {told}")
    verify(case, folder)
    return of_process(folder, actor.pid, "script-1")


def test_all_that_hold_it(case):
    """a child that has the connection open as well is kept as well; the same executable only once"""
    with listener(case):
        actor = hold(case, how="child")
        folder = keep(case)
    child = int(actor.said[0])
    kept = {name for name in os.listdir(folder) if name.startswith("process-")}
    if kept != {f"process-{actor.pid}", f"process-{child}"}:
        raise Failed(f"kept are {kept}")
    exes = [sources(folder)[f"process-{pid}/exe"][1] for pid in (actor.pid, child)]
    if sum(remark.startswith("is process-") for remark in exes) != 1:
        raise Failed(f"of their executables is told {exes}")


def test_many_that_hold_many(case):
    """forty children with 300 connections each: every one is kept, and what would stop them says that it names a few"""
    with listener(case):
        hold(case, 300, how="children")
        folder = keep(case)
        shown = text(case, "--watch", "0")
    kept = [name for name in os.listdir(folder) if name.startswith("process-")]
    if len(kept) != 41:
        raise Failed(f"{len(kept)} processes are kept")
    if "not enough: more processes have it open" not in " ".join(shown.split()):
        raise Failed(f"the advice passes for all of it:\n{shown[:2000]}")


def test_link_trap(case):
    """a link in the place of the script is not followed"""
    if os.path.exists(trapped(case, lambda path: os.symlink("/etc/shadow", path), "no regular file")):
        raise Failed("what the link leads to was kept")


def test_folder_trap(case):
    """nor is one above it"""
    folder = os.path.join(case.world.folder, "folder")
    os.mkdir(folder)
    path = os.path.join(folder, "passwd")
    with listener(case):
        actor = python(case, path)
        shutil.rmtree(folder)
        os.symlink("/etc", folder)
        kept = keep(case)
    if os.path.exists(of_process(kept, actor.pid, "script-1")):
        raise Failed("/etc/passwd was kept as a script")


def test_fifo_trap(case):
    """a FIFO is not waited for"""
    if os.path.exists(trapped(case, os.mkfifo, "no regular file")):
        raise Failed("something was read from it")


def test_sparse_trap(case):
    """of 10 GB the beginning is kept, and that it is one"""

    def grow(path):
        with open(path, "wb") as file:
            file.truncate(10 << 30)

    path = trapped(case, grow, "cut: it is larger")
    if os.stat(path).st_size != 64 << 20:
        raise Failed(f"{os.stat(path).st_size} bytes were kept")


def test_changed_since(case):
    """--verify finds a file that was changed, one that is missing, and one that was added"""
    with listener(case):
        actor = hold(case)
        folder = keep(case)
    with open(of_process(folder, actor.pid, "status"), "a") as file:
        file.write("x")
    os.unlink(of_process(folder, actor.pid, "io"))
    said = verify(case, folder, status=1)
    if f"process-{actor.pid}/status: not as it was kept" not in said or "/io: No such file" not in said:
        raise Failed(said)
    open(of_process(folder, actor.pid, "added"), "w").close()
    open(of_process(folder, actor.pid, "added2"), "w").close()
    said = verify(case, folder, status=1)
    if f"process-{actor.pid}/added2: not in the list" not in said or "2 added" not in said:
        raise Failed(said)
    for wrong in (case.world.folder, "/nonexistent", "/etc/passwd"):
        verify(case, wrong, status=2)


def test_list_that_leads_out(case):
    """a list made by somebody else leads nowhere but into its folder"""
    folder = os.path.join(case.world.folder, "forged")
    os.mkdir(folder)
    with open("/etc/passwd", "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    os.symlink("/etc/passwd", os.path.join(folder, "link"))
    with open(os.path.join(folder, "SHA256SUMS"), "w") as file:
        file.write("".join(f"{digest}  {name}\n" for name in ("../../../../etc/passwd", "/etc/passwd", "link")) + "x\n")
    if "0 files as they were kept, 4 not, 0 added" not in verify(case, folder, status=1):
        raise Failed("it was followed")


def test_no_room(case):
    """a disk that is full: one sentence, status 1, and nothing half"""
    disk = os.path.join(case.world.folder, "disk")
    os.mkdir(disk)
    run("mount", "-t", "tmpfs", "-o", "size=64k", "none", disk)
    try:
        with listener(case):
            hold(case)
            done = case.smtpsnoop(
                "snapshot", "--cgroup", case.cgroup, "--watch", "0", "--evidence", os.path.join(disk, "e")
            )
        if done.returncode != 1 or "No space left on device; nothing is kept" not in done.stderr:
            raise Failed(f"status {done.returncode}: {done.stderr}")
        if os.listdir(disk):
            raise Failed(f"left are {os.listdir(disk)}")
    finally:
        run("umount", disk)


def test_ends_badly(case):
    """killed in the middle: nothing half is left"""
    folder = os.path.join(case.world.folder, "killed")
    with listener(case):
        hold(case)
        trace = case.trace("--watch", "30", "--evidence", folder, command="snapshot")
        os.kill(trace.pid, signal.SIGKILL)
        trace.process.wait()
        case.traces.remove(trace)
        trace.close()
    end = time.monotonic() + 10 * case.world.slow
    while os.path.exists(folder + ".partial"):
        if time.monotonic() > end:
            raise Failed("the keeper goes on")
        time.sleep(0.05)
    if os.path.exists(folder):
        raise Failed("it was kept")


def test_other_half_dies(case):
    """without its parsing half it ends at once, with status 1, and keeps nothing"""
    folder = os.path.join(case.world.folder, "half")
    with listener(case):
        hold(case)
        trace = case.trace("--watch", "60", "--evidence", folder, command="snapshot")
        parsing = [pid for pid in trace.processes() if status_of(pid).get("Uid", "0").split()[0] != "0"]
        os.kill(parsing[0], signal.SIGKILL)
        if trace.process.wait(20 * case.world.slow) != 1:
            raise Failed(f"status {trace.process.returncode}")
        case.traces.remove(trace)
        trace.close()
    if os.path.exists(folder) or os.path.exists(folder + ".partial"):
        raise Failed("something was kept")


def test_refused(case):
    """a directory that is there already, or can't be made: one sentence, status 2"""
    for path in (case.world.folder, "/nonexistent/e", "/proc/e"):
        done = case.smtpsnoop("snapshot", "--cgroup", case.cgroup, "--evidence", path)
        if done.returncode != 2 or done.stdout or done.stderr.count("\n") != 1 or path not in done.stderr:
            raise Failed(f"{path}: status {done.returncode}: {done.stdout}{done.stderr}")



NAMED = """import ctypes, socket, sys
s = socket.create_connection(("203.0.113.7", 25))
start = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[45])
text = b"python3\\0" + sys.argv[1].encode() + b"\\0"
ctypes.memmove(start, text, len(text))
print("ready", flush=True); sys.stdin.read()
"""


def test_not_for_it(case):
    """the keeper may read everything: what the process may not read is not kept, nor what the kernel makes up"""
    secret, hidden = (os.path.join(case.world.folder, name) for name in ("secret.py", "hidden"))
    for path in (secret, hidden):
        with open(path, "w") as file:
            file.write("secret\n")
        os.chmod(path, 0o600)
    script = os.path.join(case.world.folder, "a" * 60 + ".py")
    path_only = WAIT.replace("import socket, sys\n", f"import os, socket, sys\nf = os.open('{hidden}', 0o10000000)\n")
    with listener(case):
        with open(script, "w") as file:
            file.write(NAMED)
        os.chmod(script, 0o644)
        remarks = {}
        for name in (secret, "/proc/cpuinfo"):
            actor = ready(case.actor("/usr/bin/python3", script, name))
            remarks[actor.pid] = "may not read it" if name == secret else "not kept:"
        python(case, os.path.join(case.world.folder, "path_only.py"), path_only)
        os.unlink(hidden)
        folder = keep(case)
    told = sources(folder)
    for pid, remark in remarks.items():
        if remark not in told[f"process-{pid}/script-1"][1]:
            raise Failed(f"told is {told[f'process-{pid}/script-1']}, not {remark}")
    for path, _, files in os.walk(folder):
        for name in files:
            with open(os.path.join(path, name), "rb") as file:
                if file.read() == b"secret\n":
                    raise Failed(f"{name} was kept")


def test_too_many_scripts(case):
    """twenty scripts of one process: what has no room is noted, and all else is kept"""
    folder = os.path.join(case.world.folder, "many")
    os.mkdir(folder)
    for n in range(20):
        with open(os.path.join(folder, f"s{n}.php"), "w") as file:
            file.write("<?php $all[] = fsockopen('203.0.113.7', 25); fwrite(end($all), \"EHLO x\\r\\n\");\n")
        os.chmod(file.name, 0o644)
    with open(os.path.join(folder, "main.php"), "w") as file:
        file.write("<?php fgets(STDIN); for ($n = 0; $n < 20; $n++) include __DIR__ . \"/s$n.php\"; fgets(STDIN);\n")
    os.chmod(file.name, 0o644)
    kept = os.path.join(case.world.folder, "many-evidence")
    with listener(case):
        actor = case.actor(find("/usr/bin/php"), os.path.join(folder, "main.php"))
        trace = case.trace("--watch", "3", "--evidence", kept, command="snapshot")
        actor.say("go\n")
        trace.finish()
    told = sources(kept)
    if "too many" not in told.get(f"process-{actor.pid}/script", ["", ""])[1]:
        raise Failed(f"told is {sorted(told)}")
    verify(case, kept)


def test_added_in_hiding(case):
    """--verify sees files that begin with a dot, folders, and what is no file any more"""
    with listener(case):
        actor = hold(case)
        folder = keep(case)
    place = of_process(folder, actor.pid, "")
    open(os.path.join(place, ".hidden"), "w").close()
    os.mkdir(os.path.join(place, "below"))
    os.unlink(os.path.join(place, "maps"))
    os.mkfifo(os.path.join(place, "maps"))
    said = verify(case, folder, status=1)
    for words in ("/.hidden: not in the list", "/below: not in the list", "/maps: not as it was kept", "1 not, 2 added"):
        if words not in said:
            raise Failed(f"no \"{words}\" in {said}")
