# SPDX-License-Identifier: GPL-2.0-only
"""Who it is: stolen names, executables that hide, users that don't fit, processes that are gone at once."""
import os
import pwd
import re
import shutil

from dialogue import FROM, RCPT, expect_message, number
from marks import quick
from tracer import ABSENT, expect, reasons
from world import SINK4, WEB_UID, Failed, Skipped, need


def fake_perl(case, name, **kwargs):
    return case.actor(
        "/usr/bin/perl",
        case.world.client("send.pl"),
        SINK4,
        25,
        "actor.example",
        FROM,
        RCPT,
        env={"FAKE_NAME": name},
        **kwargs,
    )


@quick
def test_impostor_name(case):
    """a perl that calls itself postfix/smtp is an impostor, and its executable stays true"""
    case.sink()
    trace = case.trace()
    actor = fake_perl(case, "postfix/smtp")
    actor.wait()
    record = trace.connection()
    expect(record, verdict__class="impostor", process__pid=actor.pid, process__executable="/usr/bin/perl")
    reasons(record, "name-mismatch", "direct-mx")
    expect_message(record)
    expect(trace.stop(), totals__verdicts__impostor=1)


def test_fake_kernel_thread(case):
    """a perl that calls itself [kworker/0:1] is an impostor"""
    case.sink()
    trace = case.trace()
    fake_perl(case, "[kworker/0:1]").wait()
    record = trace.connection()
    expect(record, verdict__class="impostor", process__executable="/usr/bin/perl")
    reasons(record, "fake-kthread")


def test_impostor_argv(case):
    """argv[0] of an MTA before another executable is a mismatch of names"""
    case.sink()
    trace = case.trace()
    script = 'exec -a /usr/lib/postfix/sbin/smtp "$@"'
    case.actor("/bin/bash", "-c", script, "x", case.program("talk"), SINK4, 25, "actor.example").wait()
    record = trace.connection()
    expect(
        record,
        verdict__class="impostor",
        process__executable=case.program("talk"),
        process__args=["/usr/lib/postfix/sbin/smtp", SINK4, "25", "actor.example"],
    )
    reasons(record, "name-mismatch")


def test_mta_user(case):
    """the MTA's own user from another executable is an impostor"""
    need("postfix")
    case.sink()
    trace = case.trace()
    uid = pwd.getpwnam("postfix").pw_uid
    case.actor(case.program("talk"), SINK4, 25, "actor.example", uid=uid).wait()
    record = trace.connection()
    expect(record, verdict__class="impostor", user__name="postfix", user__id=number(uid))
    reasons(record, "mta-user")


def test_root(case):
    """root from an executable that is no MTA is an impostor"""
    case.sink()
    trace = case.trace()
    case.actor(case.program("talk"), SINK4, 25, "actor.example", uid=0).wait()
    record = trace.connection()
    expect(record, verdict__class="impostor", user__id=number(0), user__name="root")
    reasons(record, "root")


def test_copied_mta(case):
    """a copy of postfix's smtp at another place is not the MTA, whatever its name"""
    place = os.path.join(case.world.folder, "smtp")
    shutil.copy(case.program("talk"), place)
    case.sink()
    trace = case.trace()
    case.actor(place, SINK4, 25, "actor.example").wait()
    record = trace.connection()
    expect(record, verdict__class=re.compile("^(bypass|impostor)$"), process__executable=place)


@quick
def test_exe_deleted(case):
    """an executable deleted after its start is named as it was, and marked"""
    place = os.path.join(case.world.folder, "vanishing")
    shutil.copy(case.program("talk"), place)
    inode = os.stat(place).st_ino
    case.sink()
    trace = case.trace()
    actor = case.actor(place, SINK4, 25, "actor.example", "wait")
    while os.readlink(f"/proc/{actor.pid}/exe") != place:
        pass  # enter has not been replaced yet
    os.unlink(place)
    actor.say("go\n")
    actor.wait()
    record = trace.connection()
    expect(
        record,
        verdict__class="bypass",
        process__exe__deleted=True,
        process__exe__inode=inode,
        process__executable=re.compile(re.escape(place)),
    )
    reasons(record, "exe-deleted", without=("exe-memfd",))
    expect_message(record)


@quick
def test_exe_memfd(case):
    """a program run from a memfd"""
    case.sink()
    trace = case.trace()
    actor = case.actor(
        case.program("memfd"), "payload", case.program("talk"), "payload", SINK4, 25, "actor.example"
    )
    actor.wait()
    record = trace.connection()
    expect(
        record,
        verdict__class="bypass",
        process__exe__memfd=True,
        process__executable="memfd:payload",
        process__args=["payload", SINK4, "25", "actor.example"],
        process__pid=actor.pid,
    )
    reasons(record, "exe-memfd")
    expect_message(record)


def test_exe_in_tmp(case):
    """an executable in /tmp"""
    folder = f"/tmp/{case.world.tag}"
    os.mkdir(folder)
    try:
        place = os.path.join(folder, "x")
        shutil.copy(case.program("talk"), place)
        case.sink()
        trace = case.trace()
        case.actor(place, SINK4, 25, "actor.example").wait()
        record = trace.connection()
        expect(record, verdict__class="bypass", process__executable=place)
        reasons(record, "exe-in-tmp", without=("exe-deleted",))
        trace.stop()
    finally:
        shutil.rmtree(folder)


@quick
def test_hasty(case):
    """a process that is gone within a millisecond of its connect is named in full"""
    case.sink(greeting=None)
    trace = case.trace()
    actor = case.actor(case.program("hasty"), SINK4, 25)
    actor.wait()
    record = trace.connection()
    expect(
        record,
        verdict__class="bypass",
        process__pid=actor.pid,
        process__executable=case.program("hasty"),
        process__args=[case.program("hasty"), SINK4, "25"],
        process__working_directory=case.world.folder,
        process__parent__pid=os.getpid(),
        user__id=number(WEB_UID),
        destination__port=25,
        cgroup__path=case.world.cgroup_name(case.cgroup),
    )
    reasons(record, "attempt-only")


def test_two_hundred_hasty(case):
    """two hundred of them in a row: each one has its record"""
    case.sink()
    trace = case.trace()
    script = 'for i in $(seq 200); do "$0" "$1" 25; done'
    case.actor("/bin/sh", "-c", script, case.program("hasty"), SINK4).wait(timeout=60)
    for _ in range(200):
        expect(trace.connection(), process__executable=case.program("hasty"), process__parent__name="sh")
    expect(trace.stop(), totals__attempts=200)


def test_pid_namespace(case):
    """in a pid namespace of its own a process has the host's pid in its record"""
    case.sink()
    trace = case.trace()
    actor = case.actor(case.program("talk"), SINK4, 25, "actor.example", pidns=True)
    actor.wait()
    record = trace.connection()
    expect(record, process__parent__pid=actor.pid, process__executable=case.program("talk"))
    if record["process"]["pid"] <= 1:
        raise Failed("the pid is the one inside the namespace")
    expect_message(record)


def test_ancestors(case):
    """parents up to the sixth are named"""
    case.sink()
    trace = case.trace()
    script = '"$0" "$1" 25 actor.example; true'
    actor = case.actor(
        "/bin/bash",
        "-c",
        f"bash -c 'bash -c '\\''{script}'\\'' \"$0\" \"$1\"; true' \"$0\" \"$1\"; true",
        case.program("talk"),
        SINK4,
    )
    actor.wait()
    record = trace.connection()
    names = [ancestor["name"] for ancestor in record["process"]["ancestors"]]
    pids = [ancestor["pid"] for ancestor in record["process"]["ancestors"]]
    if names[:3] != ["bash"] * 3 or pids[2] != actor.pid or pids[3] != os.getpid():
        raise Failed(f"ancestors are {list(zip(names, pids))}")


def test_service(case):
    """a systemd unit's name comes from the cgroup"""
    case.sink()
    trace = case.trace()
    unit = case.world.new_cgroup(case.cgroup, "system.slice/php8.2-fpm.service")
    case.actor(case.program("talk"), SINK4, 25, "actor.example", cgroup=unit).wait()
    record = trace.connection()
    expect(
        record,
        service__name="php8.2-fpm.service",
        cgroup__path=case.world.cgroup_name(unit),
        container=ABSENT,
        cgroup__id=number(os.stat(unit).st_ino),
    )


def test_container(case):
    """a docker container's id comes from the cgroup"""
    case.sink()
    trace = case.trace()
    name = "0123456789abcdef" * 4
    scope = case.world.new_cgroup(case.cgroup, f"system.slice/docker-{name}.scope")
    case.actor(case.program("talk"), SINK4, 25, "actor.example", cgroup=scope).wait()
    record = trace.connection()
    expect(record, container__id=re.compile(f"^{name[:12]}"), container__runtime="docker")


def test_setuid_program(case):
    """real and effective user differ for a setuid program"""
    place = os.path.join(case.world.folder, "setuid-talk")
    shutil.copy(case.program("talk"), place)
    os.chown(place, 1, -1)
    os.chmod(place, 0o4755)
    if os.statvfs(place).f_flag & os.ST_NOSUID:
        raise Skipped("the file system is mounted nosuid")
    case.sink()
    trace = case.trace()
    case.actor(place, SINK4, 25, "actor.example").wait()
    expect(trace.connection(), user__id=number(WEB_UID), user__effective__id=number(1))
