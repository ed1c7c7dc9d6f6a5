# SPDX-License-Identifier: GPL-2.0-only
"""smtpsnoop snapshot --evidence FILE.tar.zst: an archive as tar and sha256sum know it, whole or not at all; --verify believes none."""
import hashlib
import io
import os
import random
import signal
import subprocess
import tarfile
import time

from test_evidence import ready, same, verify
from test_snapshot import hold, listener
from test_usage import refused
from tracer import alive, status_of
from world import Failed, need, run


def place(case, name="evidence"):
    """A folder, and the path of an archive in it that is not there yet."""
    folder = os.path.join(case.world.folder, f"archive-{case.world.count}")
    os.makedirs(folder, exist_ok=True)
    return folder, os.path.join(folder, name + ".tar.zst")


def left_is(folder, *names):
    if sorted(os.listdir(folder)) != sorted(names):
        raise Failed(f"in {folder} are {os.listdir(folder)}, not {names}")


def take(case, path, **kwargs):
    return case.smtpsnoop("snapshot", "--cgroup", case.cgroup, "--watch", "1", "--evidence", path, **kwargs)


def keep(case):
    """A snapshot of one actor; returns folder, archive and the actor."""
    need("zstd")
    folder, path = place(case)
    with listener(case):
        actor = hold(case)
        done = take(case, path)
    if done.returncode or f"kept in {path}" not in done.stderr:
        raise Failed(f"status {done.returncode}: {done.stderr}")
    left_is(folder, "evidence.tar.zst")
    return folder, path, actor


def zstd(content):
    """Without a checksum of its own, as libarchive makes it."""
    argv = ["zstd", "-q", "-c", "--no-check"]
    return subprocess.run(argv, input=content, stdout=subprocess.PIPE, check=True).stdout


def member(name, content=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content)
    info.mode = 0o700 if kind == tarfile.DIRTYPE else 0o600
    return info, content


def tar(members, form=tarfile.USTAR_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def sums(*members):
    """The list of them, as it stands in the folder e."""
    lines = [f"{hashlib.sha256(content).hexdigest()}  {info.name.split('/', 1)[1]}\n" for info, content in members]
    return member("e/SHA256SUMS", "".join(lines).encode())


FOLDERS = member("e", kind=tarfile.DIRTYPE), member("e/process-1", kind=tarfile.DIRTYPE)
FILES = member("e/host", b"here\n"), member("e/process-1/exe", random.Random(1).randbytes(200000))
GOOD = [*FOLDERS, sums(*FILES), *FILES]


def compare(case, content, status, *words):
    """What --verify says of an archive with these bytes."""
    _, path = place(case, "forged")
    with open(path, "wb") as file:
        file.write(content)
    said = case.smtpsnoop("snapshot", "--verify", path)
    if said.returncode != status:
        raise Failed(f"--verify ends with {said.returncode}, not {status}: {said.stdout}{said.stderr}")
    for word in words:
        if word not in said.stdout + said.stderr:
            raise Failed(f'no "{word}" in {said.stdout}{said.stderr}')
    if said.stderr.count("\n") != (not said.stdout):
        raise Failed(f"more than a sentence, or none: {said.stderr}")


def test_as_tar_knows_it(case):
    """tar unpacks it, sha256sum agrees, --verify too; everything in it is root's alone, below one folder"""
    folder, path, actor = keep(case)
    if os.stat(path).st_mode & 0o7777 != 0o600:
        raise Failed(f"its mode is {os.stat(path).st_mode:o}")
    if "0 not, 0 added" not in verify(case, path):
        raise Failed("--verify says something else")
    began = time.time() - 600
    with tarfile.open(fileobj=io.BytesIO(run_bytes("zstd", "-dc", path))) as archive:
        for info in archive:
            wanted = 0o700 if info.isdir() else 0o600
            if (info.uid, info.gid, info.uname, info.gname, info.mode) != (0, 0, "root", "root", wanted):
                raise Failed(f"{info.name}: {info.uid} {info.gid} {info.uname} {info.gname} {info.mode:o}")
            if info.name.split("/")[0] != "evidence" or not began < info.mtime <= time.time():
                raise Failed(f"{info.name}, of {info.mtime}")
    run("tar", "--zstd", "-xf", path, cwd=folder)
    unpacked = os.path.join(folder, "evidence")
    run("sha256sum", "--quiet", "-c", "SHA256SUMS", cwd=unpacked)
    wanted = ["SHA256SUMS", "SOURCES", "host", f"process-{actor.pid}", "records.ndjson"]
    left_is(unpacked, *wanted)
    with open(case.program("hold"), "rb") as file:
        same(os.path.join(unpacked, f"process-{actor.pid}", "exe"), file.read())
    verify(case, unpacked)


def run_bytes(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout


def test_changed(case):
    """a bit, inside or of the archive itself; cut off; something behind it; and what is no archive"""
    _, path, actor = keep(case)
    with open(path, "rb") as file:
        packed = file.read()
    content = bytearray(run_bytes("zstd", "-dc", path))
    at = content.index(b"State:\t")
    content[at] ^= 1
    compare(case, zstd(content), 1, f"process-{actor.pid}/status: not as it was kept\n", " 1 not, 0 added")
    content[at] ^= 1
    compare(case, zstd(content), 0, " 0 not, 0 added")
    good = zstd(tar(GOOD))
    for n in range(len(good) // 8, len(good) * 7 // 8, len(good) // 8):
        flipped = bytearray(good)
        flipped[n] ^= 0x10
        compare(case, flipped, 1, "process-1/exe: not as it was kept\n")
    compare(case, good[:-1], 1, "it cannot be read to its end: ")
    compare(case, good[: len(good) * 3 // 4], 1, "it cannot be read to its end: ")
    compare(case, packed + b"x", 1, "it cannot be read to its end: ")
    compare(case, packed + b"\0" * 512, 1, "it cannot be read to its end: ")
    compare(case, zstd(content + b"x" * 512), 1, "it cannot be read to its end: ")
    for foreign in (packed[:3], b"", b"root:x:0:0:\n" * 1000, bytes(content), zstd(packed), zstd(b"x" * 10000)):
        compare(case, foreign, 1, "it cannot be read to its end: ")
    compare(case, zstd(tar(FOLDERS)), 2, "no evidence is there (SHA256SUMS): No such file")
    folder, other = place(case, "other")
    for wrong in (other, folder + "/nonexistent/e.tar.zst", "/dev/.tar.zst"):
        refused(case, case.smtpsnoop("snapshot", "--verify", wrong), "no evidence is there: ")
    os.mkdir(other)
    refused(case, case.smtpsnoop("snapshot", "--verify", other), "it is no regular file")


def test_in_any_order(case):
    """the list may be anywhere in it, the format any of tar's, the end without zeros, the rest of a block full of them"""
    compare(case, zstd(tar(GOOD)), 0, "2 files as they were kept, 0 not, 0 added")
    compare(case, zstd(tar([*FOLDERS, *FILES, sums(*FILES)])), 0)
    compare(case, zstd(tar([*FILES, sums(*FILES), *FOLDERS])), 0)
    compare(case, zstd(tar([FILES[0], sums(*FILES), FILES[1]])), 0)
    deep = member("e/process-1/" + "d" * 300, b"deep")
    dated = member("e/dated", b"dated")
    dated[0].mtime = 1.5
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        compare(case, zstd(tar([*FOLDERS, *FILES, sums(*FILES, deep, dated), deep, dated], form)), 0, "4 files")
    whole = tar(GOOD)
    compare(case, zstd(whole.rstrip(b"\0") + b"\0" * (-len(whole.rstrip(b"\0")) % 512)), 0)
    compare(case, zstd(whole + b"\0" * 100 * 512), 0)
    compare(case, zstd(whole[:5120]) + zstd(whole[5120:]), 0)


def test_hostile_members(case):
    """names that lead elsewhere, links, devices, what is there twice or not in the list: told, and status 1, even if it is listed"""
    inside = b"inside\n"
    for name in (
        "/etc/passwd",
        "../x",
        "e/../../x",
        "e/./x",
        "./e/x",
        "e//x",
        "e/..",
        "other/x",
        "x",
        "e/process-1/\x1b[2J",
    ):
        odd = member(name, inside)
        shown = name[2:].replace("\x1b", "\\x1b") if name.endswith("J") else name
        compare(case, zstd(tar([*GOOD, odd])), 1, f"{shown}: not in the list\n", "2 files", "0 not, 1 added")
        if name.endswith("J"):
            continue
        listed = member("e/" + name, inside)  # the list says what is there, and so is no help
        said = f"{name}: not as it was kept\n"
        compare(case, zstd(tar([*FOLDERS, *FILES, odd, sums(*FILES, listed)])), 1, said, "1 not, 0 added")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        odd = member("e/odd", kind=kind, link="/etc/passwd" if kind == tarfile.SYMTYPE else "e/host")
        compare(case, zstd(tar([*GOOD, odd])), 1, "odd: not in the list\n", "0 not, 1 added")
        said = "odd: not as it was kept\n"
        compare(case, zstd(tar([*FOLDERS, *FILES, odd, sums(*FILES, odd)])), 1, said, "1 not, 0 added")
        compare(case, zstd(tar([*FOLDERS, sums(*FILES), FILES[0], (renamed(odd, FILES[1]), b"")])), 1, "/exe: not as it")
    compare(case, zstd(tar([*GOOD, FILES[0]])), 1, "host: not as it was kept\n", "1 not, 0 added")
    compare(case, zstd(tar([*GOOD, member("e/host", b"there\n")])), 1, "host: not as it was kept\n")
    compare(case, zstd(tar(GOOD[:-1])), 1, "process-1/exe: No such file", "1 not, 0 added")
    compare(case, zstd(tar([*GOOD, sums(FILES[0])])), 1, "SHA256SUMS: not in the list\n")
    compare(case, zstd(tar([*GOOD, member("e/process-1/below", kind=tarfile.DIRTYPE)])), 1, "process-1/below: not in")
    compare(case, zstd(tar(GOOD) + tar([FILES[0]])), 1, "host: not as it was kept\n")  # behind its end
    compare(case, zstd(tar([*FILES, member("e/SHA256SUMS", b"\0\n" * 3 + b"x" * 80)])), 1, "Invalid arg", "0 files", "4 not")


def renamed(odd, other):
    odd[0].name = other[0].name
    return odd[0]


def test_too_much(case):
    """more files than are kept, a list of megabytes: one sentence"""
    compare(case, zstd(tar([member("e/x")]) [:512] * 32769), 1, "more files than are kept")
    compare(case, zstd(tar([member("e/SHA256SUMS", b"x" * (5 << 20))])), 1, "SHA256SUMS is too large")


def test_read_without_rights(case):
    """who looks at an archive has no right, no capability and no call that could do harm"""
    _, path = place(case, "large")
    with open(path, "wb") as out:
        packer = subprocess.Popen(["zstd", "-q", "-c"], stdin=subprocess.PIPE, stdout=out)
        head = member("e/zeros")[0]
        head.size = 4 << 30
        packer.stdin.write(head.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(1024):
            packer.stdin.write(bytes(1 << 20))
        packer.stdin.close()
        if packer.wait():
            raise Failed("zstd failed")
    reader = subprocess.Popen(
        [case.options.binary, "snapshot", "--verify", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        status = {}
        while reader.poll() is None and (status.get("NoNewPrivs"), status.get("Seccomp")) != ("1", "2"):
            status = status_of(reader.pid)
            if status.get("NoNewPrivs") == "1" and sanitized(reader.pid):
                break
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            if int(status.get(name, "1"), 16):
                raise Failed(f"{name} is {status.get(name)}")
        if "0" in status["Uid"].split() + status["Gid"].split():
            raise Failed(f"it is {status['Uid']}, {status['Gid']}")
    finally:
        reader.kill()
        reader.wait()


def sanitized(pid):
    with open(f"/proc/{pid}/maps") as maps:
        return "libasan" in maps.read()


def test_no_room(case):
    """a disk that has room for the files and not for the archive: one sentence, status 1, and nothing half"""
    disk, path = place(case)
    run("mount", "-t", "tmpfs", "-o", "size=6m", "none", disk)
    try:
        program = os.path.join(case.world.folder, f"large-{case.world.count}")
        with open(case.program("hold"), "rb") as file, open(program, "wb") as out:
            out.write(file.read() + os.urandom(4 << 20))
        os.chmod(program, 0o755)
        with listener(case):
            ready(case.actor(program, "203.0.113.7", 25, 1))
            done = take(case, path)
            if done.returncode != 1 or done.stderr.count("\n") != 1:
                raise Failed(f"status {done.returncode}: {done.stderr}")
            if "No space left on device; nothing is kept" not in done.stderr:
                raise Failed(done.stderr)
            left_is(disk)
            run("mount", "-o", "remount,size=16m", disk)
            done = take(case, path)
        if done.returncode:
            raise Failed(f"status {done.returncode}: {done.stderr}")
        left_is(disk, "evidence.tar.zst")
        verify(case, path)
    finally:
        run("umount", disk)


def test_refused(case):
    """a file that is there, before or at the end, stays as it is; a name that can't be one, or no library: status 2"""
    folder, path = place(case)
    with open(path, "w") as file:
        file.write("precious")
    refused(case, take(case, path), path, "File exists")
    os.unlink(path)
    for name in ("", ".", "..", "a" * 100):
        refused(case, take(case, os.path.join(folder, name + ".tar.zst")), "the name: ")
    os.mkdir(path + ".partial")
    refused(case, take(case, path), "cannot make its directory: File exists")
    os.rmdir(path + ".partial")
    libraries = os.path.join(case.world.folder, "libraries")
    os.mkdir(libraries)
    open(os.path.join(libraries, "libarchive.so.13"), "w").close()
    without = {**os.environ, "LD_LIBRARY_PATH": libraries}
    refused(case, take(case, path, env=without), "install libarchive13")
    refused(case, case.smtpsnoop("snapshot", "--verify", path, env=without), "install libarchive13")
    left_is(folder)
    with listener(case):
        hold(case)
        trace = case.trace("--watch", "60", "--evidence", path, command="snapshot")
        with open(path, "w") as file:
            file.write("precious")
        trace.stop(status=1)
    if "File exists; nothing is kept" not in trace.stderr():
        raise Failed(trace.stderr())
    left_is(folder, "evidence.tar.zst")
    same(path, b"precious")


def test_interrupted(case):
    """Ctrl-C ends the watch, and what there is is kept, whole"""
    folder, path = place(case)
    with listener(case):
        hold(case)
        trace = case.trace("--watch", "60", "--evidence", path, command="snapshot")
        trace.stop()
    left_is(folder, "evidence.tar.zst")
    verify(case, path)


def kill(case, trace, *pids):
    """What it said."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    trace.process.wait()
    case.traces.remove(trace)
    said = trace.stderr()
    trace.close()
    return said


def children(trace):
    """(the parsing half, the keeper), once the keeper's children and who asks for the queue are over"""
    end = time.monotonic() + 20 * trace.slow
    while len(pids := [pid for pid in trace.processes()[1:] if alive(pid)]) != 2:
        if time.monotonic() > end:
            raise Failed(f"its children are {pids}")
        time.sleep(0.05)
    half = [pid for pid in pids if int(status_of(pid)["CapPrm"], 16) == 0]
    if len(half) != 1:
        raise Failed(f"of {pids} {half} are without rights")
    return half[0], sum(pids) - half[0]


def test_halves_killed(case):
    """both halves killed: the keeper sees it and leaves nothing"""
    folder, path = place(case)
    with listener(case):
        hold(case)
        trace = case.trace("--watch", "60", "--evidence", path, command="snapshot")
        kill(case, trace, trace.pid, children(trace)[0])
    end = time.monotonic() + 20 * case.world.slow
    while os.listdir(folder):
        if time.monotonic() > end:
            raise Failed(f"left are {os.listdir(folder)}")
        time.sleep(0.05)


def test_keeper_killed(case):
    """the keeper killed while it packs: all of the archive or none, and nothing else but what is called partial"""
    folder, path = place(case)
    program = os.path.join(case.world.folder, f"large-{case.world.count}")
    with open(case.program("hold"), "rb") as file, open(program, "wb") as out:
        out.write(file.read() + os.urandom(48 << 20))
    os.chmod(program, 0o755)
    packed = os.path.join(path + ".partial", ".packed")
    with listener(case):
        ready(case.actor(program, "203.0.113.7", 25, 1))
        trace = case.trace("--watch", "60", "--evidence", path, command="snapshot")
        _, keeper = children(trace)
        trace.send(signal.SIGINT)
        while not os.path.exists(packed) and not os.path.exists(path):
            if trace.process.poll() is not None:
                raise Failed(f"it ended: {trace.stderr()}")
        said = kill(case, trace, keeper)
    if os.path.exists(path):
        verify(case, path)
    elif "nothing is kept" not in said:
        raise Failed(said)
    if set(os.listdir(folder)) - {"evidence.tar.zst", "evidence.tar.zst.partial"}:
        raise Failed(f"left are {os.listdir(folder)}")
