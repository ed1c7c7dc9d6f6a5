# SPDX-License-Identifier: GPL-2.0-only
"""The mail side of a snapshot: what the MTA's own tool says of its queue, and its connections beside it."""
import json
import os
import shutil
import signal
import time

from dialogue import FROM, RCPT
from marks import quick
from test_evidence import sources, verify
from test_programs import HELO, Postfix
from test_snapshot import hold, listener, snapshot, text
from tracer import expect
from world import Failed, need, run

POSTQUEUE = "/usr/sbin/postqueue"


def mounted(**binds):
    """A prefix: in a mount namespace of its own, other files are in these places; "_" is written for "/"."""
    mounts = [f"mount --bind {what} {where.replace('_', '/')}" for where, what in binds.items()]
    return ["unshare", "-m", "sh", "-c", " && ".join([*mounts, 'exec "$@"']), "sh"]


def postfix(case):
    """A Postfix that runs, and the prefix for who takes it for the host's."""
    shutil.rmtree(os.path.join(case.world.folder, "postfix"), ignore_errors=True)  # the queue of a test before
    mta = Postfix(case)
    mta.wait()
    # Links of the folder into the place where it is mounted would lead to themselves.
    mta.etc = os.path.join(case.world.folder, "postfix-etc")
    shutil.rmtree(mta.etc, ignore_errors=True)
    shutil.copytree(os.path.join(mta.folder, "etc"), mta.etc)
    return mta, mounted(_etc_postfix=mta.etc)


def listed(mta):
    """What postqueue says, line by line."""
    return run(POSTQUEUE, "-c", mta.etc, "-j").stdout.splitlines()


def defer(case, mta):
    """A message that nobody takes."""
    case.python("send_smtplib.py", "127.0.0.1", 25, HELO, FROM, RCPT).wait()
    for _ in range(200):
        if [json.loads(line)["queue_name"] for line in listed(mta)] == ["deferred"]:
            return
        time.sleep(0.1 * case.world.slow)
    raise Failed(f"it was not deferred: {listed(mta)}")


def of_postfix(records):
    found = [mta for mta in records[-1].get("mta", []) if mta["name"] == "postfix"]
    if len(found) != 1:
        raise Failed(f"the MTAs are {records[-1].get('mta')}")
    return found[0]


def words(case, prefix):
    return " ".join(text(case, "--watch", "0", prefix=prefix).split())


@quick
def test_postfix_queue(case):
    """Postfix's queue: empty, and then with a message that nobody takes; the list itself is in the evidence"""
    mta, prefix = postfix(case)
    if of_postfix(snapshot(case, prefix=prefix)) != {
        "name": "postfix",
        "connections": 0,
        "queue": {"messages": 0, "whole": True, "deferred": 0, "held": 0},
    }:
        raise Failed("an empty queue is none")
    if "The MTA: no connections. Postfix's queue is empty." not in words(case, prefix):
        raise Failed(f"the text says {words(case, prefix)}")
    began = time.time()
    defer(case, mta)
    seen = of_postfix(snapshot(case, prefix=prefix))
    expect(seen, queue__messages=1, queue__deferred=1, queue__held=0, queue__whole=True)
    oldest = time.mktime(time.strptime(seen["queue"]["oldest"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    if not began - 2 <= oldest <= time.time():
        raise Failed(f"the oldest is of {seen['queue']['oldest']}")
    date = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(oldest))
    if f"Postfix's queue: 1 message, the oldest since {date} (" not in words(case, prefix):
        raise Failed(f"not since {date}: {words(case, prefix)}")
    if "s), 1 deferred." not in words(case, prefix):
        raise Failed(f"the text says {words(case, prefix)}")
    folder = os.path.join(case.world.folder, f"queue-{case.world.count}")
    snapshot(case, "--evidence", folder, prefix=prefix)
    with open(os.path.join(folder, "queue-postfix")) as file:
        if file.read().splitlines() != listed(mta):
            raise Failed("what is kept is not what postqueue says")
    if sources(folder)["queue-postfix"] != ["postqueue -j", "what it printed"]:
        raise Failed(f"told is {sources(folder)}")
    verify(case, folder)


def test_postfix_connections(case):
    """a connection of Postfix's that is open is counted beside its queue"""
    with listener(case):  # it never greets
        mta, prefix = postfix(case)
        case.python("send_smtplib.py", "127.0.0.1", 25, HELO, FROM, RCPT).wait()
        for _ in range(200):
            seen = of_postfix(snapshot(case, prefix=prefix))
            if seen["connections"] == 1:
                break
        expect(seen, connections=1, queue__messages=1, queue__deferred=0)
        mta.master.process.kill()


def test_hanging_daemon(case):
    """a Postfix that does not answer is not waited for, and nothing stays of who asked it"""
    mta, prefix = postfix(case)
    with open(os.path.join(mta.folder, "spool", "pid", "master.pid")) as file:
        master = int(file.read())
    os.kill(master, signal.SIGSTOP)
    try:
        seen = of_postfix(snapshot(case, prefix=prefix))
        if seen["queue"] != {"error": "no more within 2 s"}:
            raise Failed(f"told is {seen}")
        if "Postfix's queue: not known: no more within 2 s" not in words(case, prefix):
            raise Failed(f"the text says {words(case, prefix)}")
    finally:
        os.kill(master, signal.SIGCONT)
    for pid in run("pgrep", "-f", "^postqueue -j$", check=False).stdout.split():
        try:
            with open(f"/proc/{pid}/mountinfo") as file:
                ours = mta.etc in file.read()
        except OSError:
            continue
        if ours:
            raise Failed(f"who asked is still there: {pid}")


def test_unsafe_tool(case):
    """a tool that others than root can write is not started"""
    need("postfix")
    tool = os.path.join(case.world.folder, "postqueue")
    shutil.copy(POSTQUEUE, tool)
    os.chmod(tool, 0o777)
    seen = of_postfix(snapshot(case, prefix=mounted(_usr_sbin_postqueue=tool)))
    if seen["queue"] != {"error": "others than root can write its tool"}:
        raise Failed(f"told is {seen}")


def units(case, *names):
    """Holds a connection in such a cgroup; returns the process and the prefix with unit files for it."""
    cgroup = case.cgroup
    for name in names:
        cgroup = case.world.new_cgroup(cgroup, name)
    etc, lib = (os.path.join(case.world.folder, f"{part}-{case.world.count}") for part in ("etc", "lib"))
    for path, content in (
        (f"{etc}/job@one.service.d/a.conf", "[Service]\n# drop-in\n"),
        (f"{etc}/job@one.service.d/not-one", "x"),
        (f"{etc}/job@.service", "[Service]\n# template\n"),
        (f"{lib}/job@one.service", "[Service]\n# whole\n"),
        (f"{lib}/plain.service", "[Service]\n# plain\n"),
    ):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(content)
    os.symlink("/etc/shadow", f"{etc}/plain.service")
    return hold(case, cgroup=cgroup), mounted(_etc_systemd_system=etc, _usr_lib_systemd_system=lib)


def kept_units(case, *names):
    """{source: (name, remark, content)} of the unit files in its evidence, and its cgroup's files."""
    with listener(case):
        actor, prefix = units(case, *names)
        folder = os.path.join(case.world.folder, f"units-{case.world.count}")
        snapshot(case, "--evidence", folder, prefix=prefix)
    place, found = f"process-{actor.pid}/", {}
    for name, (source, remark) in sources(folder).items():
        if name.startswith(place + "unit"):
            path = os.path.join(folder, name)
            content = open(path).read() if os.path.exists(path) else None
            found[source] = (name[len(place) :], remark, content)
    with open(os.path.join(folder, place, "cgroup.procs")) as file:
        if str(actor.pid) not in file.read().split():
            raise Failed("its cgroup's processes are not kept")
    verify(case, folder)
    return found


def test_unit_files(case):
    """the unit files of a suspect's service: the instance, its drop-in and its template"""
    found = kept_units(case, "job@one.service")
    if {source: content for source, (_, _, content) in found.items()} != {
        "/usr/lib/systemd/system/job@one.service": "[Service]\n# whole\n",
        "/etc/systemd/system/job@one.service.d/a.conf": "[Service]\n# drop-in\n",
        "/etc/systemd/system/job@.service": "[Service]\n# template\n",
    }:
        raise Failed(f"kept is {found}")


def test_unit_link(case):
    """a link among the unit files is not followed"""
    found = kept_units(case, "plain.service")
    if found["/usr/lib/systemd/system/plain.service"][2] != "[Service]\n# plain\n":
        raise Failed(f"kept is {found}")
    if "not kept" not in found["/etc/systemd/system/plain.service"][1] or len(found) != 2:
        raise Failed(f"of the link is told {found}")


def test_unit_names(case):
    """names that users give are not looked for, nor are odd ones"""
    found = kept_units(case, "user@33.service", "plain.service")
    if list(found) != ["plain.service"] or "gave it that name" not in found["plain.service"][1]:
        raise Failed(f"kept is {found}")
    if kept_units(case, "pl ain.service"):
        raise Failed("an odd name was looked for")
