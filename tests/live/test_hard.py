# SPDX-License-Identifier: GPL-2.0-only
"""The hard ones: every way to open a connection and to write on it, and every way in which it fails."""
import os
import socket

from dialogue import FROM, RCPT, envelope, expect_message, message, number, quit_steps, say
from marks import quick
from tracer import ABSENT, expect, reasons
from world import SINK4, SINK6, SOURCE6, WEB_UID, Failed


def one(case, steps, sink=None, **kwargs):
    """A dialogue against the sink; returns actor, record and session. Everything has to be counted once."""
    sink = sink or case.sink()
    trace = case.trace()
    actor = say(case, steps, **kwargs)
    actor.wait()
    session = sink.wait()[0]
    record = trace.connection()
    expect(record, process__pid=actor.pid)
    expect(trace.stop(), totals__attempts=1)
    return actor, record, session


@quick
def test_nonblocking(case):
    """a connect that answers EINPROGRESS"""
    _, record, _ = one(case, [["nonblocking"], *message()])
    expect_message(record)


@quick
def test_uring(case):
    """connect, send and recv by io_uring"""
    uring(case, "inline")


def test_uring_worker(case):
    """connect and send in an io_uring worker thread: the record names the program, not the worker"""
    uring(case, "async")


def uring(case, way):
    sink, trace = case.sink(), case.trace()
    actor = case.actor(case.program("uring"), way, SINK4, 25)
    actor.wait()
    sink.wait()
    record = trace.connection()
    expect(
        record,
        process__pid=actor.pid,
        process__name="uring",
        process__executable=case.program("uring"),
        process__args=[case.program("uring"), way, SINK4, "25"],
        smtp__helo="uring.example",
        smtp__from=[FROM],
        smtp__recipients=1,
        smtp__last_reply="221 2.0.0 bye",
        user__id=number(WEB_UID),
        sender=ABSENT,
    )
    reasons(record, without=("handed-over",))


@quick
def test_fastopen_sendto(case):
    """TCP Fast Open by sendto: EHLO travels in the SYN, before any greeting"""
    fastopen(case, "sendto")


@quick
def test_fastopen_connect(case):
    """TCP Fast Open by TCP_FASTOPEN_CONNECT"""
    fastopen(case, "connect")


def fastopen(case, way):
    sink, trace = case.sink(), case.trace()
    actor = case.actor(case.program("fastopen"), way, SINK4, 25)
    actor.wait()
    if sink.wait()[0].commands[0] != "EHLO fast.example":
        raise Failed(f"the sink heard {sink.sessions}")
    record = trace.connection()
    expect(
        record,
        process__pid=actor.pid,
        process__executable=case.program("fastopen"),
        destination__ip=SINK4,
        destination__port=25,
        event__reason="closed",
        smtp__helo="fast.example",
        smtp__from=[FROM],
        smtp__recipients=1,
        smtp__greeting="220 mx.example.net ESMTP",
        smtp__last_reply="221 2.0.0 bye",
        smtp__gaps=0,
    )
    reasons(record, "early-talker")


def test_fastopen_odd_port(case):
    """SMTP that begins in the SYN is found on any port"""
    case.sink(port=4025)
    trace = case.trace()
    actor = case.actor(case.program("fastopen"), "sendto", SINK4, 4025)
    actor.wait()
    record = trace.connection()
    expect(
        record,
        process__pid=actor.pid,
        smtp__helo="fast.example",
        smtp__recipients=1,
        destination__port=4025,
        process__executable=case.program("fastopen"),
    )
    reasons(record, "odd-port")


def body_file(case, size):
    path = os.path.join(case.world.folder, f"body-{size}")
    with open(path, "wb") as file:
        file.write((b"x" * 76 + b"\r\n") * (size // 78))
    return path


def test_sendfile(case):
    """a body by sendfile"""
    steps = [*envelope(), ["sendfile", body_file(case, 400000)], ["send", ".\r\n"], ["hear"], *quit_steps()]
    _, record, session = one(case, steps)
    expect_message(record)
    expect(record, source__bytes=lambda sent: sent > session.octets > 390000)


def test_zerocopy(case):
    """the dialogue and its body by MSG_ZEROCOPY"""
    body = "Subject: x\r\n\r\n" + ("z" * 76 + "\r\n") * 4000
    steps = [[("zerocopy" if step[0] == "send" else step[0]), *step[1:]] for step in message(body=body)]
    _, record, _ = one(case, steps)
    expect_message(record)


@quick
def test_byte_by_byte(case):
    """EHLO byte by byte on an unlisted port, and the server's replies in pieces too"""
    steps = [[("bytes" if step[0] == "send" else step[0]), *step[1:]] for step in message()]
    _, record, _ = one(case, steps, sink=case.sink(port=8025, chunk=1), port=8025)
    expect_message(record, port=8025)
    expect(record, smtp__found_by="greeting", verdict__class="bypass")
    reasons(record, "odd-port", without=("early-talker",))


@quick
def test_early_talker(case):
    """a bot that says EHLO before the greeting"""
    steps = message()
    steps = [steps[1], ["hear", 2], *steps[3:]]
    _, record, _ = one(case, steps, sink=case.sink(delay=0.05))
    expect_message(record)
    reasons(record, "early-talker")


def test_early_talker_odd_port(case):
    """and on an unlisted port: found by what the client said"""
    steps = message()
    steps = [steps[1], ["hear", 2], *steps[3:]]
    _, record, _ = one(case, steps, sink=case.sink(port=8026, delay=0.1), port=8026)
    expect_message(record, port=8026)
    expect(record, smtp__found_by="client")
    reasons(record, "early-talker", "odd-port")


@quick
def test_thousand_recipients(case):
    """a pipelined group with 1,000 RCPT in one write: each is counted, each reply goes to its command"""
    answers = [b"250 2.1.5 ok\r\n", b"550 5.1.1 no such user\r\n"] * 500
    group = (
        f"MAIL FROM:<{FROM}>\r\n"
        + "".join(f"RCPT TO:<u{n}@d{n % 7}.example>\r\n" for n in range(1000))
        + "DATA\r\n"
    )
    steps = [
        ["hear"],
        ["send", "EHLO actor.example\r\n"],
        ["hear"],
        ["send", group],
        ["hear", 1002],
        ["send", "Subject: x\r\n\r\nhello\r\n.\r\n"],
        ["hear"],
        *quit_steps(),
    ]
    sink = case.sink(replies={"RCPT": [*answers, b"250 ok\r\n"]})
    _, record, session = one(case, steps, sink=sink)
    if len(session.commands) != 1004:
        raise Failed(f"the sink heard {len(session.commands)} commands")
    expect(
        record,
        smtp__recipients=1000,
        smtp__refused=500,
        smtp__messages=1,
        smtp__accepted=1,
        smtp__from=[FROM],
        smtp__domains=lambda names: sorted(names) == [f"d{n}.example" for n in range(7)],
        smtp__gaps=0,
    )
    expect(record, **{"smtp__replies__2xx": 505, "smtp__replies__5xx": 500, "smtp__replies__3xx": 1})
    reasons(record, "many-recipients", "refused")


@quick
def test_passed_descriptor(case):
    """a socket passed over a unix socket: opener and sender are both named"""
    case.sink()
    trace = case.trace()
    folder = os.path.join(case.world.folder, "hand-over")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    path = os.path.join(folder, "socket")
    taker = case.python("pass_fd.py", "take", path, uid=1, cwd="/")
    if taker.process.stdout.readline() != b"ready\n":
        raise Failed("the taker does not start")
    os.chmod(path, 0o777)
    giver = case.python("pass_fd.py", "give", path, SINK4, 25)
    giver.wait()
    taker.wait()
    record = trace.connection()
    expect(
        record,
        process__pid=giver.pid,
        user__id=number(WEB_UID),
        sender__pid=taker.pid,
        smtp__helo="handed.example",
        sender__args=["/usr/bin/python3", case.world.client("pass_fd.py"), "take", path],
        process__args=["/usr/bin/python3", case.world.client("pass_fd.py"), "give", path, SINK4, "25"],
        sender__executable=os.path.realpath("/usr/bin/python3"),
        sender__working_directory="/",
    )
    reasons(record, "handed-over")


@quick
def test_fork(case):
    """the child of the opener sends: both are named"""
    case.sink()
    trace = case.trace()
    steps = message()
    actor = say(case, [steps[0], ["fork"], *steps[1:]])
    actor.wait()
    record = trace.connection()
    expect(record, process__pid=actor.pid, sender__parent__pid=actor.pid)
    if record["sender"]["pid"] == actor.pid:
        raise Failed("the sender is the child")
    reasons(record, "handed-over")
    expect_message(record)


@quick
def test_reconnect(case):
    """one socket, connected, dissolved and connected again: two records"""
    sink, trace = case.sink(), case.trace()
    actor = case.actor(case.program("reconnect"), SINK4, "203.0.113.8", 25)
    actor.wait()
    sink.wait(2)
    first, second = trace.connection(destination__ip=SINK4), trace.connection(destination__ip="203.0.113.8")
    for record, helo in ((first, "first.example"), (second, "second.example")):
        expect(
            record,
            process__pid=actor.pid,
            smtp__helo=helo,
            smtp__accepted=1,
            smtp__messages=1,
            smtp__recipients=1,
            process__executable=case.program("reconnect"),
        )
    if first["event"]["id"] == second["event"]["id"]:
        raise Failed("two connections have the same event.id")
    expect(trace.stop(), totals__attempts=2, totals__delivered=2)


@quick
def test_reconnect_odd_port(case):
    """what a first connection said on an unlisted port is no part of the second one's dialogue"""
    sink, trace = case.sink(port=26000), case.trace()
    case.actor(case.program("reconnect"), SINK4, "203.0.113.8", 26000, "NOOP\r\nEHL").wait()
    sink.wait(2)
    record = trace.connection(destination__ip="203.0.113.8")
    expect(record, smtp__helo="second.example", smtp__accepted=1, smtp__gaps=0, smtp__replies__2xx=6)


@quick
def test_ipv6(case):
    """IPv6"""
    _, record, _ = one(case, message(), sink=case.sink(family=socket.AF_INET6), host=SINK6)
    expect_message(record, destination=SINK6, source=SOURCE6)
    reasons(record, "direct-mx")


@quick
def test_v4_mapped(case):
    """an IPv6 socket to a v4-mapped address: the record has the IPv4 address"""
    _, record, _ = one(case, message(), host="::ffff:" + SINK4)
    expect_message(record)


def test_host_namespace(case):
    """in the host's own network namespace a connection to loopback is local"""
    sink = case.sink(port=0, address="127.0.0.1", namespace=None)
    trace = case.trace("--port", sink.port)
    actor = say(case, message(), host="127.0.0.1", port=sink.port, netns=None)
    actor.wait()
    record = trace.connection()
    expect(record, verdict__class="local", process__pid=actor.pid)
    expect_message(record, destination="127.0.0.1", source="127.0.0.1", port=sink.port)


def test_loopback_of_namespace(case):
    """loopback inside a network namespace of its own is local too"""
    sink = case.sink(address="127.0.0.1", namespace="actor")
    _, record, _ = one(case, message(), sink=sink, host="127.0.0.1")
    expect(record, verdict__class="local")


def test_two_messages(case):
    """two messages, RSET between, a refused sender and the null sender: all counted"""
    steps = [
        ["hear"],
        ["send", "EHLO actor.example\r\n"],
        ["hear"],
        ["send", "MAIL FROM:<bad@actor.example>\r\n"],
        ["hear"],
        ["send", "RSET\r\n"],
        ["hear"],
    ]
    for sender in ("", FROM):
        steps += [
            ["send", f"MAIL FROM:<{sender}>\r\n"],
            ["hear"],
            ["send", f"RCPT TO:<{RCPT}>\r\n"],
            ["hear"],
            ["send", "DATA\r\n"],
            ["hear"],
            ["send", "x\r\n.\r\n"],
            ["hear"],
        ]
    replies = {"MAIL FROM:<bad@actor.example>": b"550 5.7.1 client [192.0.2.10] blocked using zen.spamhaus.org\r\n"}
    _, record, _ = one(case, [*steps, *quit_steps()], sink=case.sink(replies=replies))
    expect(
        record,
        smtp__messages=2,
        smtp__accepted=2,
        smtp__recipients=2,
        smtp__refused=0,
        smtp__blocklist="spamhaus",
        smtp__from=["bad@actor.example", "", FROM],
    )
    reasons(record, "refused", "blocklisted")


def test_bdat(case):
    """BDAT chunks are bodies: counted, not read as commands"""
    chunk = "MAIL FROM:<not@a.command>\r\n"
    steps = [
        ["hear"],
        ["send", "EHLO actor.example\r\n"],
        ["hear"],
        ["send", f"MAIL FROM:<{FROM}>\r\n"],
        ["hear"],
        ["send", f"RCPT TO:<{RCPT}>\r\n"],
        ["hear"],
        ["send", f"BDAT {len(chunk)}\r\n{chunk}"],
        ["hear"],
        ["send", f"BDAT {len(chunk)} LAST\r\n{chunk}"],
        ["hear"],
        *quit_steps(),
    ]
    _, record, session = one(case, steps)
    if session.bodies != 1:
        raise Failed(f"the sink saw {session}")
    expect(record, smtp__messages=1, smtp__accepted=1, smtp__from=[FROM], smtp__recipients=1)
