# SPDX-License-Identifier: GPL-2.0-only
"""Connections that fail, that end badly, that were there before the trace, and that outlast it."""
import errno
import time

from dialogue import FROM, message, quit_steps, say
from marks import quick
from tracer import expect, reasons
from world import NO_ROUTE, PROHIBITED, SINK4, SWALLOWED, UNREACHABLE, Failed


def attempt(case, reason, host, port=25, code=None, verdict="bypass"):
    """A connect that fails: its record says why."""
    trace = case.trace()
    actor = say(case, [["hear"]], host=host, port=port)
    said = int(actor.wait(status=4, timeout=40))
    if code and said != code:
        raise Failed(f"the connect failed with {errno.errorcode.get(said)}: the test's network is wrong")
    record = trace.connection(timeout=40)
    expect(
        record,
        event__reason=reason,
        event__outcome="failure",
        destination__ip=host,
        destination__port=port,
        process__pid=actor.pid,
        verdict__class=verdict,
    )
    reasons(record, "attempt-only")
    smtp = record.get("smtp", {})
    if smtp.get("helo") or smtp.get("greeting") or smtp.get("messages"):
        raise Failed(f"nothing was said, but the record has {smtp}")
    expect(trace.stop(), totals__attempts=1)


@quick
def test_refused(case):
    """a refused connection"""
    attempt(case, "refused", SINK4, code=errno.ECONNREFUSED)


def test_unspecified_address(case):
    """0.0.0.0 is loopback: one attempt, and where it went"""
    trace = case.trace()
    say(case, [["hear"]], host="0.0.0.0").wait(status=4)
    expect(trace.connection(), destination__ip="127.0.0.1", event__reason="refused")
    expect(trace.stop(), totals__attempts=1)


def test_timeout(case):
    """a firewall that drops the SYN: evidence too"""
    attempt(case, "timeout", SWALLOWED, code=errno.ETIMEDOUT)


@quick
def test_unreachable(case):
    """a host that a router calls unreachable"""
    attempt(case, "unreachable", UNREACHABLE, code=errno.EHOSTUNREACH)


def attempt_without_packet(case, host, reason, code):
    """No packet leaves. Why is known only where a function's exit can be hooked; then it has to be right."""
    trace = case.trace()
    known = not any("fexit" in sentence for sentence in trace.of("start")[0].get("degraded", []))
    actor = say(case, [["hear"]], host=host)
    if int(actor.wait(status=4)) != code:
        raise Failed("the connect failed in another way: the test's network is wrong")
    if not known:
        trace.stop()
    record = trace.connection()
    expect(record, destination__ip=host, destination__port=25, process__pid=actor.pid, verdict__class="bypass")
    reasons(record, "attempt-only")
    if known:
        expect(record, event__reason=reason, event__outcome="failure")
    expect(trace.stop(), totals__attempts=1)


@quick
def test_no_route(case):
    """no route to the host: no packet leaves, the attempt is recorded"""
    attempt_without_packet(case, NO_ROUTE, "unreachable", errno.EHOSTUNREACH)


@quick
def test_prohibited(case):
    """a route that is prohibited"""
    attempt_without_packet(case, PROHIBITED, "denied", errno.EACCES)


def test_reset(case):
    """a client that ends with RST in the middle of the dialogue"""
    trace = case.trace()
    case.sink()
    begin = [["hear"], ["send", "EHLO actor.example\r\n"], ["hear"], ["send", f"MAIL FROM:<{FROM}>\r\n"], ["hear"]]
    say(case, [*begin, ["reset"]]).wait()
    record = trace.connection()
    expect(record, smtp__helo="actor.example", event__reason=lambda reason: reason in ("reset", "closed"))
    reasons(record, "no-quit")


def test_still_open(case):
    """a connection that lasts longer than the trace has its record with reason open"""
    case.sink()
    trace = case.trace()
    steps = [["hear"], ["send", "EHLO actor.example\r\n"], ["hear"], ["wait"]]
    actor = say(case, [*steps, *quit_steps()])
    wait_for(case, lambda: case.sinks[0].sessions and case.sinks[0].sessions[0].commands)
    trace.stop()
    record = trace.connection()
    expect(record, event__reason="open", smtp__helo="actor.example", process__pid=actor.pid)
    actor.say("go\n")
    actor.wait()


def test_existing(case):
    """a connection from before the trace is found, its holder named, and followed from then on"""
    sink = case.sink()
    steps = message()
    actor = say(case, [*steps[:3], ["wait"], *steps[3:]])
    wait_for(case, lambda: sink.sessions and sink.sessions[0].commands)
    trace = case.trace()
    actor.say("go\n")
    actor.wait()
    record = trace.connection()
    expect(
        record,
        process__pid=actor.pid,
        smtp__from=[FROM],
        smtp__recipients=1,
        destination__ip=SINK4,
        verdict__class="bypass",
        smtp__accepted=1,
    )
    reasons(record, "existing")
    if not record["process"].get("args"):
        raise Failed("the arguments of a process from before the trace are missing")


def wait_for(case, condition):
    """A sink's state, which changes without a record."""
    end = time.monotonic() + 20 * case.world.slow
    while not condition():
        if time.monotonic() > end:
            raise Failed("the sink did not hear what it should")
        time.sleep(0.01)
