# SPDX-License-Identifier: GPL-2.0-only
"""The collector as a service: what it keeps, what it is asked for, and what its store and its halves may suffer."""
import ipaddress
import os
import pwd
import signal
import sqlite3
import subprocess
import tempfile

from collector import collect, unpack
from dialogue import expect_message, message, number, say
from marks import quick
from tracer import expect, status_of
from web import Site
from world import ROOT, SINK4, WEB_UID, Failed, Skipped, run

BYPASS, RELAY = 4, 3
ALLOWED = "[relay sink]\naddress = 203.0.113.0/24\n"


def owner():
    """Whom the unprivileged half becomes."""
    for name in ("smtpsnoop", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise Skipped("neither smtpsnoop nor nobody is a user here")


def configuration(case, text):
    path = os.path.join(case.world.folder, "collect.conf")
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return path


def send(case, helo="actor.example"):
    actor = say(case, message(helo))
    actor.wait()
    return actor


def test_both_files(case):
    """a library that sent is kept with the file that included it, a script with what it ran; a report finds them by either"""
    if not os.path.exists("/usr/bin/php"):
        raise Skipped("php is not installed")
    case.sink()
    collector, site = collect(case), Site(case)
    hello = 'fgets($s);\nfwrite($s, "EHLO x\\r\\nQUIT\\r\\n");\nfgets($s);\n'
    library = site.add("lib/SMTP.php", f"<?php\n$s = fsockopen('{SINK4}', 25);\n{hello}")
    evil = site.add("wp-content/uploads/evil.php", f"<?php\nrequire '{library}';\n")
    ran = site.add("wp-content/uploads/m.pl", f"use IO::Socket; IO::Socket::INET->new('{SINK4}:25') or die;\n")
    runs = site.add("wp-content/uploads/runs.php", f"<?php\nexec('perl {ran}');\n")
    for script in (evil, runs):
        case.actor("/usr/bin/php", script).wait()
    collector.until("both", lambda: len(collector.kept()) == 2)
    found = sorted((row["script"].decode(), (row["with"] or b"").decode()) for row, _ in collector.kept())
    if found != sorted([(library, evil), (runs, ran)]):
        raise Failed(f"the files are {found}")
    collector.stop()
    for words, other in (("evil.php", library), ("m.pl", runs), ("SMTP.php", evil)):
        shown = case.smtpsnoop("report", "--store", collector.store, "actor", words).stdout
        if other not in shown.replace("\n    ", " ") or words not in shown:
            raise Failed(f"actor {words}:\n{shown}")


@quick
def test_kept(case):
    """a bot's connection is in the store a moment later: its columns, and the record of `trace --json`"""
    case.sink()
    collector = collect(case)
    actor = send(case)
    row, record = collector.connection()
    expect_message(record)
    expect(record, process__pid=actor.pid, user__id=number(WEB_UID), verdict__class="bypass")
    got = {name: row[name] for name in ("verdict", "port", "messages", "accepted", "recipients", "refused", "uid")}
    wanted = {"verdict": BYPASS, "port": 25, "messages": 1, "accepted": 1, "recipients": 1, "refused": 0, "uid": WEB_UID}
    if got != wanted:
        raise Failed(f"columns: {got}, expected {wanted}")
    if ipaddress.ip_address(row["address"]) != ipaddress.ip_address(SINK4):
        raise Failed(f"address: {row['address']!r}")
    texts = {name: (row[name] or b"").decode() for name in ("exe", "cgroup", "helo", "reply", "script")}
    wanted = {
        "exe": record["process"]["executable"],
        "cgroup": record["cgroup"]["path"],
        "helo": "actor.example",
        "reply": "250",
        "script": record["script"]["file"],
    }
    if texts != wanted:
        raise Failed(f"texts: {texts}, expected {wanted}")
    collector.stop()
    collector.whole()
    if collector.events() != ["started", "ended"]:
        raise Failed(f"events: {collector.events()}")


def test_process_once(case):
    """what is the same for all connections of a process is in the store once"""
    case.sink()
    collector = collect(case)
    actor = case.actor(case.program("source"), "--to", f"{SINK4}:25", "--connections", 5)
    actor.wait()
    collector.until("five connections", lambda: len(collector.kept()) >= 5)
    processes = collector.ask("select json from process")
    if len(processes) != 1:
        raise Failed(f"{len(processes)} descriptions of one process: {[unpack(row[0]) for row in processes]}")


@quick
def test_sigterm(case):
    """SIGTERM writes what waits, an open connection too, tells the manager, and ends with status 0"""
    case.sink()
    collector = collect(case)
    held = say(case, [["hear"], ["send", "EHLO open.example\r\n"], ["hear"], ["wait"]])
    while not any("EHLO open.example" in session.commands for session in case.sinks[0].sessions):
        if held.process.poll() is not None:
            raise Failed("the actor ended")
    send(case)
    collector.stop()
    collector.hear("STOPPING=1")
    records = {record["smtp"].get("helo"): record for _, record in collector.kept()}
    expect_message(records["actor.example"])
    expect(records["open.example"], event__reason="open")
    collector.whole()
    held.process.kill()


def test_lost_in_the_kernel(case):
    """what found no room in the ring is in the history: how many, to the last one"""
    case.sink()
    collector = collect(case, "--ring-size", 65536)
    privileged, _ = collector.halves()
    collector.hit(privileged, signal.SIGSTOP)
    load = case.actor(case.program("source"), "--to", f"{SINK4}:25", "--connections", 500)
    load.wait()
    collector.hit(privileged, signal.SIGCONT)
    collector.says("lost in the kernel")
    collector.until("the event", lambda: "lost" in collector.events())
    collector.stop()
    lost = collector.ask("select sum(number) from event where kind = 3")[0][0]
    words = collector.ask("select number, words from event where kind = 2")
    if not lost or words != [(500, f"500 connections, {lost} of them counted only")]:
        raise Failed(f"lost: {lost}, at the end: {words}")
    if lost + len(collector.kept()) != 500:
        raise Failed(f"{lost} lost and {len(collector.kept())} kept of 500")


def test_reload(case):
    """SIGHUP reads the configuration again: its rules count in both halves; a wrong one is said, and the old stays"""
    case.sink()
    path = configuration(case, "")
    collector = collect(case, "--config", path)
    send(case, "first.example")
    configuration(case, ALLOWED)
    collector.send(signal.SIGHUP)
    for word in ("RELOADING=1", "READY=1"):
        collector.hear(word)
    collector.says("the configuration was read again")
    send(case, "second.example")
    configuration(case, ALLOWED + "[rely x]\n")
    collector.send(signal.SIGHUP)
    collector.says(f"{path}:3: unknown section [rely]")
    collector.says("the configuration stays as it was")
    send(case, "third.example")
    configuration(case, "[general]\nports = 2525\n[store]\ndays = 3\n")
    collector.send(signal.SIGHUP)
    collector.says("other ports count after a restart only")
    collector.says("another [store] counts after a restart only")
    collector.until("the third time", lambda: collector.stderr().count("was read again") == 2)
    send(case, "fourth.example")
    collector.stop()
    verdicts = {record["smtp"]["helo"]: row["verdict"] for row, record in collector.kept()}
    wanted = {"first.example": BYPASS, "second.example": RELAY, "third.example": RELAY, "fourth.example": BYPASS}
    if verdicts != wanted:
        raise Failed(f"verdicts: {verdicts}, expected {wanted}")


def test_watchdog(case):
    """the manager hears that all is well only as long as both halves live"""
    collector = collect(case, watchdog=4)
    collector.hear("WATCHDOG=1")
    collector.hear("WATCHDOG=1")
    _, half = collector.halves()
    collector.hit(half, signal.SIGSTOP)
    heard = 0
    try:
        while heard < 2:
            collector.hear("WATCHDOG=1", timeout=4)
            heard += 1
    except Failed:
        pass
    if heard > 1:  # once for what was taken before
        raise Failed("the watchdog was told that all is well with a half that is stopped")
    collector.hit(half, signal.SIGCONT)
    collector.hear("WATCHDOG=1")


class Mounted:
    """A small file system for the store."""

    def __init__(self, case, options):
        self.path = os.path.join(case.world.folder, "mounted")
        os.makedirs(self.path, exist_ok=True)
        who = owner()
        run("mount", "-t", "tmpfs", "-o", f"mode=0750,uid={who.pw_uid},gid={who.pw_gid},{options}", "none", self.path)

    def remount(self, options):
        run("mount", "-o", "remount," + options, self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        run("umount", "-l", self.path)


def recovers(case, collector, spoil, mend, words):
    """The store can't be written for a while: connections are kept in memory, the log says it, and they are all there after."""
    send(case, "before.example")
    collector.connection(smtp__helo="before.example")
    spoil()
    send(case, "meanwhile.example")
    collector.says(words)
    send(case, "still.example")
    mend()
    collector.says("the store is written again")
    for helo in ("before.example", "meanwhile.example", "still.example"):
        collector.connection(smtp__helo=helo)
    collector.whole()
    collector.stop()


def test_full(case):
    """the disk is full: tracing goes on, and nothing is lost when there is room again"""
    case.sink()
    with Mounted(case, "size=4m") as disk:
        collector = collect(case, store=disk.path)
        filler = os.path.join(disk.path, "filler")

        def fill():
            with open(filler, "wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)):
                        pass
                except OSError:
                    pass
            # A log that has room left in its last pages would take these connections.
            for _ in range(200):
                if "the disk is full" in collector.stderr():
                    return
                send(case, "filling.example")
            raise Failed("a store without room takes 200 connections")

        recovers(case, collector, fill, lambda: os.unlink(filler), "the disk is full")


def test_read_only(case):
    """the file system is read-only from the start: it traces all the same, and writes when it may"""
    case.sink()
    with Mounted(case, "size=16m") as disk:
        disk.remount("ro")
        collector = collect(case, store=disk.path)
        send(case)
        collector.says("the store cannot be written")
        disk.remount("rw")
        collector.says("the store is written again")
        expect_message(collector.connection()[1])
        collector.stop()


def test_locked(case):
    """another program writes to it and does not end: the same"""
    case.sink()
    collector = collect(case)
    other = []

    def lock():
        database = sqlite3.connect(os.path.join(collector.store, "store.db"), isolation_level=None)
        database.execute("begin immediate")
        other.append(database)

    recovers(case, collector, lock, lambda: other.pop().close(), "another program")


def test_deleted(case):
    """the file is deleted: a new one is made, and what was not written yet is in it"""
    case.sink()
    collector = collect(case)
    send(case, "before.example")
    collector.connection(smtp__helo="before.example")
    for name in os.listdir(collector.store):
        os.unlink(os.path.join(collector.store, name))
    send(case, "after.example")
    collector.connection(smtp__helo="after.example")
    collector.stop()
    collector.whole()


def test_damaged(case):
    """what is there is no database: it is put aside, and said"""
    case.sink()
    collector = collect(case)
    collector.stop()
    with open(os.path.join(collector.store, "store.db"), "r+b") as file:
        file.write(b"no database any more" * 400)
    again = collect(case, store=collector.store)
    send(case)
    again.connection()
    if not os.path.exists(os.path.join(collector.store, "store.db.damaged")) or "damaged" not in again.events():
        raise Failed(f"{os.listdir(collector.store)}, events: {again.events()}")


@quick
def test_nothing_left_of_root(case):
    """the half that writes: no capability, another user, seccomp, no new privileges, and no file system but the store's directory"""
    collector = collect(case)
    privileged, half = collector.halves()
    status, who = status_of(half), owner()
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"):
        if int(status[name], 16):
            raise Failed(f"{name} is {status[name]}")
    if status["Uid"].split() != 4 * [str(who.pw_uid)] or status["Gid"].split() != 4 * [str(who.pw_gid)]:
        raise Failed(f"Uid {status['Uid']}, Gid {status['Gid']}")
    if status["Seccomp"] != ("0" if collector.sanitized() else "2") or status["NoNewPrivs"] != "1":
        raise Failed(f"Seccomp {status['Seccomp']}, NoNewPrivs {status['NoNewPrivs']}")
    if not os.path.samefile(f"/proc/{half}/root", collector.store) or os.path.samefile(
        f"/proc/{privileged}/root", collector.store
    ):
        raise Failed("the root directory is not the store's")
    for fd in os.listdir(f"/proc/{half}/fd"):  # its root's, which is the lock, leads nowhere
        path = f"/proc/{half}/fd/{fd}"
        if os.path.isdir(path) and not os.path.samefile(path, collector.store):
            raise Failed(f"it holds a directory: {os.readlink(f'/proc/{half}/fd/{fd}')}")
    mode = os.stat(collector.store)
    if (mode.st_mode & 0o7777, mode.st_uid, mode.st_gid) != (0o750, who.pw_uid, who.pw_gid):
        raise Failed(f"the directory is {mode.st_mode:o} of {mode.st_uid}:{mode.st_gid}")
    if os.stat(os.path.join(collector.store, "store.db")).st_mode & 0o7777 != 0o640:
        raise Failed("the store's mode is not 0640")


def tries(case, collector, call, *path):
    """What becomes of a call that the half that writes is made to try; it goes on after."""
    done = subprocess.run(
        [case.program("inject"), str(collector.halves()[1]), call, *path],
        capture_output=True,
        text=True,
        timeout=20 * case.world.slow,
    )
    if done.returncode:
        raise Failed(f"inject: {done.stderr.strip()}")
    return done.stdout.strip()


def test_cannot_leave(case):
    """it may open files of its directory only: neither others by their path, nor above, and no socket, program or right"""
    case.sink()
    collector = collect(case)
    if collector.sanitized():
        raise Skipped("optional: no seccomp filter under a sanitizer")
    outside = os.path.join(case.world.folder, "open-to-all")
    os.makedirs(outside, exist_ok=True)
    os.chmod(outside, 0o777)
    for path in (os.path.join(outside, "file"), "../open-to-all/file", "/../open-to-all/file", "/etc/passwd"):
        if tries(case, collector, "open", path) != "ENOENT":
            raise Failed(f"open {path}: {tries(case, collector, 'open', path)}")
    if os.listdir(outside):
        raise Failed("it made a file outside")
    for call, path in (("socket", ()), ("bpf", ()), ("ptrace", ()), ("execve", ("/bin/true",)), ("setuid", ())):
        if tries(case, collector, call, *path) != "EPERM":
            raise Failed(f"{call}: {tries(case, collector, call, *path)}")
    send(case)
    expect_message(collector.connection()[1])


def as_unit(who):
    """What a service manager does for dist/smtpsnoop.service before it is started: its user and its capabilities."""
    with open(os.path.join(ROOT, "dist", "smtpsnoop.service")) as file:
        unit = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line and not line.startswith("#"))
    names = ",".join(["-all"] + [name.replace("CAP_", "+").lower() for name in unit["AmbientCapabilities"].split()])
    prefix = ["setpriv", "--reuid", str(who.pw_uid), "--regid", str(who.pw_gid), "--clear-groups", "--no-new-privs"]
    return prefix + ["--bounding-set", names, "--inh-caps", names, "--ambient-caps", names]


def its_store(case, who):
    """The StateDirectory."""
    store = tempfile.mkdtemp(dir=case.world.folder)
    os.chmod(store, 0o750)
    os.chown(store, who.pw_uid, who.pw_gid)
    return store


def test_as_the_unit(case):
    """with the user and the capabilities of dist/smtpsnoop.service, never root, all of it works"""
    who = owner()
    case.sink()
    collector = collect(case, store=its_store(case, who), prefix=as_unit(who))
    for half in collector.halves():
        if status_of(half)["Uid"].split() != 4 * [str(who.pw_uid)]:
            raise Failed(f"Uid {status_of(half)['Uid']}")
    actor = send(case)
    _, record = collector.connection()
    expect_message(record)
    expect(record, process__pid=actor.pid, process__executable=os.path.realpath("/usr/bin/python3"))
    collector.send(signal.SIGHUP)
    collector.says("the configuration was read again")
    collector.stop()
    collector.whole()


def refused(case, store, words):
    done = case.smtpsnoop("collect", "--cgroup", case.cgroup, "--store", store)
    if done.returncode != 2 or done.stderr.count("\n") != 1 or words not in done.stderr:
        raise Failed(f"status {done.returncode}, stderr: {done.stderr}")


def test_directory_refused(case):
    """a directory that is a link, somebody else's, or that others may write: status 2 and one sentence"""
    folder, who = case.world.folder, owner()
    path = os.path.join(folder, "wrong")
    os.mkdir(path)
    os.chown(path, who.pw_uid, who.pw_gid)
    os.symlink(path, path + "-link")
    refused(case, path + "-link", "symbolic link")
    refused(case, path + "-link/", "symbolic link")
    os.chmod(path, 0o770)
    refused(case, path, "may be written by others")
    os.chmod(path, 0o750)
    os.chown(path, WEB_UID, WEB_UID)
    refused(case, path, f"belongs to user {WEB_UID}")
    os.chown(path, 0, 0)
    with open(os.path.join(path, "something"), "w"):
        pass
    refused(case, path, "belongs to user 0")
    refused(case, os.path.join(folder, "bin", "inject"), "no directory")
    refused(case, os.path.join(folder, "no", "where"), "No such file")


def test_shared_user(case):
    """as root without a user of its own: the store is nobody's, and that is said once, with what makes the user"""
    if case.options.setpriv:
        raise Skipped("the test mounts another list of users")
    folder = os.path.join(case.world.folder, "users")
    os.mkdir(folder)
    with open("/etc/passwd") as file:
        others = [line for line in file if not line.startswith("smtpsnoop:")]
    for name, own in (("without", []), ("with", ["smtpsnoop:x:64999:64999::/:/usr/sbin/nologin\n"])):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.writelines(others + own)
        script = f"mount --bind '{path}' /etc/passwd && exec \"$@\""
        prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
        collector = collect(case, prefix=prefix)
        collector.stop()
        said = [line for line in collector.stderr().splitlines() if "there is no user smtpsnoop" in line]
        if len(said) != (0 if own else 1) or not all("systemd-sysusers" in line for line in said):
            raise Failed(f"{name}: {collector.stderr()}")


def test_given_directory(case):
    """an empty directory of root's is given to the store's user"""
    path = os.path.join(case.world.folder, "given")
    os.mkdir(path)
    collector = collect(case, store=path)
    if os.stat(path).st_uid != owner().pw_uid:
        raise Failed("it still belongs to root")
    collector.stop()


def test_adopted(case):
    """a connection from before the start is in the store when it ends, and the history says how many there were"""
    case.sink()
    held = say(case, [["hear"], ["send", "EHLO open.example\r\n"], ["hear"], ["wait"], ["send", "QUIT\r\n"], ["hear"]])
    while not any("EHLO open.example" in session.commands for session in case.sinks[0].sessions):
        if held.process.poll() is not None:
            raise Failed("the actor ended")
    collector = collect(case)
    collector.until("the event", lambda: "adopted" in collector.events())
    held.say("\n", last=True)
    held.wait()
    _, record = collector.connection(smtp__last_reply="221 2.0.0 bye")
    if "existing" not in record["verdict"]["reasons"]:
        raise Failed(f"reasons: {record['verdict']['reasons']}")


def test_usage(case):
    """wrong usage is one sentence and status 2"""
    for arguments, words in ((["x"], "no arguments"), (["--json"], "unknown option"), (["--store"], "a value is missing")):
        done = case.smtpsnoop("collect", *arguments)
        if done.returncode != 2 or done.stderr.count("\n") != 1 or words not in done.stderr:
            raise Failed(f"{arguments}: status {done.returncode}, stderr: {done.stderr}")
    if "--store" not in case.smtpsnoop("collect", "--help").stdout:
        raise Failed("--help does not tell --store")


