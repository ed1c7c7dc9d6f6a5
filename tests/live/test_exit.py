# SPDX-License-Identifier: GPL-2.0-only
"""However it ends: no process, program, map, link, cgroup attachment or mount of ours stays (Trace.finish looks)."""
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time

from dialogue import expect_message, message, say
from marks import quick
from tracer import expect, field
from world import Failed


def mounts():
    with open("/proc/mounts") as file:
        return sorted(line for line in file if "smtpsnoop" in line.lower())


def attachments(case):
    """Programs attached to the test's cgroup, as bpftool sees them."""
    if not shutil.which("bpftool"):
        return []
    shown = subprocess.run(["bpftool", "-j", "cgroup", "show", case.cgroup], capture_output=True, text=True)
    return json.loads(shown.stdout.strip() or "[]")


def ends(case, how, whom=None, status=0):
    """Traces, with a connection made and one that is open, and ends in that way."""
    case.sink()
    before = mounts()
    trace = case.trace()
    say(case, message()).wait()
    expect_message(trace.connection())
    held = say(case, [["hear"], ["send", "EHLO open.example\r\n"], ["hear"], ["wait"]])
    while not any("EHLO open.example" in session.commands for session in case.sinks[0].sessions):
        if held.process.poll() is not None:
            raise Failed("the actor ended")
    if shutil.which("bpftool") and not attachments(case):
        raise Failed("nothing is attached while it runs: this test would show nothing")
    trace.note_objects()
    kinds = {kind for kind, _ in trace.objects}
    if not {"prog", "map"} <= kinds:
        raise Failed(f"the kernel objects held are {kinds}: this test would show nothing")
    trace.hit(whom(trace) if whom else trace.pid, how)
    trace.finish(status)
    if attachments(case):
        raise Failed(f"still attached: {attachments(case)}")
    if mounts() != before:
        raise Failed(f"mounts: {mounts()}")
    held.process.kill()
    return trace


@quick
def test_sigint(case):
    """SIGINT: the summary, the open connection, status 0"""
    trace = ends(case, signal.SIGINT)
    trace.check_totals(trace.of("end")[-1])
    expect(trace.connection(smtp__helo="open.example"), event__reason="open")


@quick
def test_sigterm(case):
    """SIGTERM: the same"""
    trace = ends(case, signal.SIGTERM)
    trace.check_totals(trace.of("end")[-1])


def test_sighup(case):
    """the terminal is gone"""
    ends(case, signal.SIGHUP, status=None)


@quick
def test_kill_privileged_half(case):
    """SIGKILL of the privileged half: the other one says so and ends too"""
    trace = ends(case, signal.SIGKILL, lambda trace: trace.halves()[0], status=None)
    if trace.exit_status == 0:
        raise Failed("exit status 0 although a half was killed")
    for end in trace.of("end"):
        if field(end, "event.outcome") == "success":
            raise Failed(f"the end record calls it a success: {end}")


@quick
def test_kill_unprivileged_half(case):
    """SIGKILL of the unprivileged half: the other one ends too, with a sentence and status 1"""
    trace = ends(case, signal.SIGKILL, lambda trace: trace.halves()[1], status=None)
    if trace.exit_status == 0:
        raise Failed("exit status 0 although a half was killed")
    if not trace.stderr() and trace.exit_status > 0:
        raise Failed("not a word on standard error")


def test_kill_both(case):
    """SIGKILL of everything"""
    trace = case.trace()
    for pid in trace.processes():
        os.kill(pid, signal.SIGKILL)
    trace.finish(status=None)


def test_stopped_and_ended(case):
    """SIGTERM while the unprivileged half is stopped ends it when it goes on"""
    trace = case.trace()
    _, half = trace.halves()
    trace.hit(half, signal.SIGSTOP)
    trace.send(signal.SIGTERM)
    trace.hit(half, signal.SIGCONT)
    trace.finish()


@quick
def test_blocked_output(case):
    """nobody reads the output: one signal detaches and waits for a reader, a second one ends it, with a sentence and status 1"""
    case.sink()
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    trace = case.trace_silent(stdout=writing)
    os.close(writing)
    os.read(reading, 1)  # it has begun
    for _ in range(6):
        say(case, message()).wait()
    trace.note_objects()
    trace.send(signal.SIGINT)
    trace.send(signal.SIGINT)  # timeout(1) signals its child and the group: one wish
    until = time.monotonic() + 10 * case.world.slow
    while attachments(case):
        if time.monotonic() > until:
            raise Failed("still attached after the first signal")
        time.sleep(0.05)
    time.sleep(0.5)
    if trace.process.poll() is not None:
        raise Failed("it did not wait for a reader")
    trace.send(signal.SIGINT)
    trace.finish(status=1)
    os.close(reading)
    said = trace.stderr().splitlines()
    if len(said) != 1 or "second signal" not in said[0]:
        raise Failed(f"stderr: {said}")


@quick
def test_count(case):
    """--count ends the trace by itself"""
    case.sink()
    trace = case.trace("--count", 2)
    say(case, message()).wait()
    say(case, message()).wait()
    trace.finish()
    if len(trace.of("connection")) != 2 or not trace.of("end"):
        raise Failed(f"records: {[field(record, 'event.action') for record in trace.records]}")


def test_duration(case):
    """--duration ends the trace by itself"""
    trace = case.trace("--duration", 1)
    trace.finish()
    if not trace.of("end"):
        raise Failed("no end record")


def test_exit_code(case):
    """--exit-code: 3 when a bypass was seen, 0 when none was"""
    trace = case.trace("--exit-code")
    trace.stop(status=0)
    case.sink()
    trace = case.trace("--exit-code")
    say(case, message()).wait()
    trace.connection()
    trace.stop(status=3)
