# SPDX-License-Identifier: GPL-2.0-only
"""The unprivileged half, from outside: what the kernel says of it, and what becomes of calls that it is made to try."""
import os
import subprocess

from dialogue import message, expect_message, say
from marks import quick
from tracer import status_of
from world import Failed, Skipped

REFUSED = ("EPERM", "EACCES", "ENOSYS", "killed")


@quick
def test_nothing_left_of_root(case):
    """no capability, no root id, no group, seccomp, no new privileges"""
    trace = case.trace()
    privileged, half = trace.halves()
    status = status_of(half)
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"):
        if int(status[name], 16):
            raise Failed(f"{name} is {status[name]}")
    for name in ("Uid", "Gid"):
        if "0" in status[name].split():
            raise Failed(f"{name} is {status[name]}")
    if status["Groups"].split() not in ([], [status["Gid"].split()[0]]):
        raise Failed(f"Groups are {status['Groups']}")
    if status["Seccomp"] != ("0" if trace.sanitized() else "2") or status["NoNewPrivs"] != "1":
        raise Failed(f"Seccomp {status['Seccomp']}, NoNewPrivs {status['NoNewPrivs']}")
    if status_of(privileged)["NoNewPrivs"] != "1":
        raise Failed("the privileged half could gain privileges")


@quick
def test_privileged_half_is_reduced(case):
    """the privileged half keeps the named capabilities only"""
    trace = case.trace()
    privileged, _ = trace.halves()
    # CAP_DAC_READ_SEARCH 2, CAP_KILL 5, CAP_NET_ADMIN 12, CAP_SYS_PTRACE 19, CAP_SYS_ADMIN 21, CAP_PERFMON 38, CAP_BPF 39
    allowed = sum(1 << number for number in (2, 5, 12, 19, 38, 39))
    for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        over = int(status_of(privileged)[name], 16) & ~allowed
        if over:
            raise Failed(f"{name} has {over:#x} more than needed")


def test_descriptors(case):
    """it holds no file open for writing but its output, nothing of bpf, no socket but the channel"""
    trace = case.trace()
    _, half = trace.halves()
    output = {os.stat(f"/proc/{half}/fd/{fd}").st_ino for fd in (1, 2)}
    sockets = 0
    for fd in os.listdir(f"/proc/{half}/fd"):
        path = f"/proc/{half}/fd/{fd}"
        target = os.readlink(path)
        with open(f"/proc/{half}/fdinfo/{fd}") as info:
            text = info.read()
        if "bpf" in target or "prog_id" in text or "map_id" in text:
            raise Failed(f"it holds {target}")
        sockets += target.startswith("socket:")
        writable = int(text.split("flags:")[1].split()[0], 8) & 3
        if target.startswith("/") and target != "/dev/null" and writable and os.stat(path).st_ino not in output:
            raise Failed(f"it holds {target} open for writing")
    if sockets > 1:
        raise Failed(f"it holds {sockets} sockets")


def tries(case, call, *path):
    """A fresh trace whose unprivileged half is made to try this; it must be refused."""
    trace = case.trace()
    if trace.sanitized():
        raise Skipped("optional: no seccomp filter under a sanitizer")
    _, half = trace.halves()
    done = subprocess.run(
        [case.program("inject"), str(half), call, *path],
        capture_output=True,
        text=True,
        timeout=20 * case.world.slow,
    )
    if done.returncode:
        raise Failed(f"inject: {done.stderr.strip()}")
    answer = done.stdout.strip()
    if answer not in REFUSED:
        raise Failed(f"{call}: {answer}")
    if answer == "killed":
        trace.finish(status=None)
    else:
        trace.stop()


@quick
def test_cannot_bpf(case):
    """bpf() is refused"""
    tries(case, "bpf")


@quick
def test_cannot_ptrace(case):
    """ptrace() is refused"""
    tries(case, "ptrace")


@quick
def test_cannot_open_for_writing(case):
    """opening a file for writing is refused, even one that everybody may write"""
    path = os.path.join(case.world.folder, "open-to-all")
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o777)
    tries(case, "open", os.path.join(path, "file"))
    if os.listdir(path):
        raise Failed("the file is there")


def test_cannot_do_more(case):
    """neither socket(), nor execve(), nor setuid(0)"""
    for call, path in (("socket", ()), ("execve", ("/bin/true",)), ("setuid", ())):
        tries(case, call, *path)


def test_survives_closed_channel(case):
    """the trace works while its halves are looked at: the injected call did not stand in for the real thing"""
    case.sink()
    trace = case.trace()
    _, half = trace.halves()
    done = subprocess.run([case.program("inject"), str(half), "bpf"], capture_output=True, text=True, check=False)
    if done.stdout.strip() == "killed":
        trace.finish(status=None)
        return
    say(case, message()).wait()
    expect_message(trace.connection())
