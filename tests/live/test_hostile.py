# SPDX-License-Identifier: GPL-2.0-only
"""Hostile bytes in every place that an attacker chooses: escaped in text, valid in JSON. (Every line of every test is
checked to be valid JSON; here the worst is put into it.)"""
import os
import shutil

from dialogue import FROM, RCPT, quit_steps, say
from marks import quick
from tracer import expect, reasons
from world import SINK4, Failed

ESCAPE = "\x1b]0;owned\x07\x1b[2J\x1b[31m"
# Latin-1: bytes, among them invalid UTF-8.
NASTY = f'"}}\\ {ESCAPE}\x00\r\x7f\x85\x9b\xff\xfe\xc3(\xe2\x80\xae{{"x":1}},'
NASTY_LINE = NASTY.replace("\r", "")
LONG = "A" * 65536


def harmless(trace):
    """Nothing in the output can move a cursor, begin a line or hide text."""
    for line in trace.lines:
        text = line.decode("utf-8")  # strict
        bad = [
            ch
            for ch in text[:-1]
            if ord(ch) < 0x20
            or 0x7F <= ord(ch) <= 0x9F
            or ord(ch) in (0x2028, 0x2029)
            or 0x202A <= ord(ch) <= 0x202E
        ]
        if bad or not text.endswith("\n"):
            raise Failed(f"{bad} in {line[:400]!r}")


def hostile_replies():
    nasty = NASTY_LINE.encode("latin-1")
    return {
        "EHLO": b"250-" + nasty + b"\r\n250 " + nasty + b"\r\n",
        "MAIL": b"250 " + nasty + b"\r\n",
        "RCPT": b"550 5.7.1 zen.spamhaus.org " + nasty + b"\r\n",
        "QUIT": b"221 " + nasty + b"\r\n",
    }


def hostile_steps():
    return [
        ["hear"],
        ["send", f"EHLO {NASTY_LINE}\r\n"],
        ["hear"],
        ["send", f"MAIL FROM:<{NASTY_LINE}@{NASTY_LINE}>\r\n"],
        ["hear"],
        ["send", f"RCPT TO:<x@{NASTY_LINE}>\r\n"],
        ["hear"],
        ["send", f"{NASTY_LINE}\r\n"],
        ["hear"],
        *quit_steps(),
    ]


def hostile_server(case):
    return case.sink(greeting=b"220 " + NASTY_LINE.encode("latin-1") + b"\r\n", replies=hostile_replies())


@quick
def test_dialogue_json(case):
    """escape sequences, quotes and invalid UTF-8 in greeting, HELO, addresses and replies are valid JSON"""
    hostile_server(case)
    trace = case.trace("--events", "--recipients")
    say(case, hostile_steps()).wait()
    record = trace.connection()
    for key in ("greeting", "helo", "last_reply"):
        if "owned" not in record["smtp"][key]:
            raise Failed(f"{key} is {record['smtp'][key]!r}")
    if any("x" in found for found in (record, record["smtp"])):
        raise Failed("the attacker's text became a field")
    expect(record, smtp__recipients=1, smtp__refused=1, smtp__blocklist="spamhaus")
    trace.stop()
    harmless(trace)


@quick
def test_dialogue_text(case):
    """and harmless on a terminal"""
    hostile_server(case)
    trace = case.trace("--events", json_output=False)
    say(case, hostile_steps()).wait()
    trace.wait_until("the actor's line", lambda: any(b"203.0.113.7" in line for line in trace.lines[1:]))
    trace.stop()
    harmless(trace)


def hostile_actor(case):
    """A program whose path, argv, comm and directory are hostile."""
    name = f'a\n"{ESCAPE}\\\xff '.encode("latin-1")
    folder = os.path.join(case.world.folder.encode(), b"dir" + name)
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    place = os.path.join(folder, name)
    shutil.copy(case.program("talk").encode(), place)
    try:
        actor = case.world.actor(place, SINK4, "25", name, cgroup=case.cgroup, cwd=folder)
        actor.wait(status=None)
    finally:
        shutil.rmtree(folder)
    return actor


def test_names_json(case):
    """hostile file names, arguments and process names, in JSON"""
    case.sink()
    trace = case.trace()
    actor = hostile_actor(case)
    record = trace.connection()
    expect(record, process__pid=actor.pid)
    process = record["process"]
    for text in (
        process["executable"],
        process["args"][0],
        process["args"][3],
        process["working_directory"],
        process["name"],
    ):
        if "\n" not in text:
            raise Failed(f"the newline of the name is lost: {text!r}")
    trace.stop()
    harmless(trace)


def test_names_text(case):
    """and in text"""
    case.sink()
    trace = case.trace(json_output=False)
    hostile_actor(case)
    trace.wait_until("the actor's line", lambda: any(b"203.0.113.7" in line for line in trace.lines[1:]))
    trace.stop()
    harmless(trace)


@quick
def test_long_lines(case):
    """lines of 64 KiB from both sides are cut, and the dialogue goes on"""
    case.sink(
        greeting=b"220 " + LONG.encode() + b"\r\n",
        replies={
            "MAIL": b"250 " + LONG.encode() + b"\r\n",
            "NOOP": b"250 ok\r\n",
            LONG.upper(): b"500 5.5.6 line too long\r\n",
        },
    )
    trace = case.trace()
    say(
        case,
        [
            ["hear"],
            ["send", f"EHLO {LONG}\r\n"],
            ["hear"],
            ["send", f"{LONG}\r\n"],
            ["hear"],
            ["send", f"MAIL FROM:<{LONG}>\r\n"],
            ["hear"],
            ["send", f"MAIL FROM:<{FROM}>\r\n"],
            ["hear"],
            ["send", f"RCPT TO:<{RCPT}>\r\n"],
            ["hear"],
            *quit_steps(),
        ],
    ).wait()
    record = trace.connection()
    expect(record, smtp__recipients=1, smtp__last_reply="221 2.0.0 bye")
    if record["smtp"]["from"][-1] != FROM:
        raise Failed(f"senders are {[text[:40] for text in record['smtp']['from']]}")
    if len(trace.lines[-1]) > 20000:
        raise Failed("a record of more than 20,000 bytes")


def test_bare_line_ends(case):
    """bare LF and bare CR, NULs, and a body that ends in odd ways do not confuse"""
    case.sink()
    trace = case.trace()
    say(
        case,
        [
            ["hear"],
            ["send", "EHLO actor.example\n"],
            ["hear"],
            ["send", f"MAIL FROM:<{FROM}>\n"],
            ["hear"],
            ["send", f"RCPT TO:<{RCPT}>\n"],
            ["hear"],
            ["send", "DATA\n"],
            ["hear"],
            ["send", "x\n.\nMAIL FROM:<smuggled@x>\r\n.\r\n"],
            ["hear"],
            *quit_steps(),
        ],
    ).wait()
    expect(
        trace.connection(),
        smtp__helo="actor.example",
        smtp__from=[FROM],
        smtp__recipients=1,
        smtp__messages=1,
        smtp__accepted=1,
    )


def test_garbage(case):
    """noise on port 25 from both sides: a record, valid, and nothing made up"""
    noise = bytes(range(256)) * 300

    def handler(sink, session):
        session.connection.sendall(noise)
        while session.connection.recv(65536):
            pass

    case.sink(handler=handler)
    trace = case.trace("--events")
    say(case, [["repeat", noise.decode("latin-1"), 4], ["shutdown"]]).wait()
    record = trace.connection()
    if record.get("smtp", {}).get("messages") or record.get("smtp", {}).get("recipients"):
        raise Failed(f"made up: {record['smtp']}")
    trace.stop()
    harmless(trace)


def test_many_messages(case):
    """more senders and domains than a record keeps: counted all the same"""
    case.sink()
    trace = case.trace()
    group = "".join(f"MAIL FROM:<s{n}@actor.example>\r\nRCPT TO:<x@d{n}.example>\r\nRSET\r\n" for n in range(200))
    say(
        case,
        [["hear"], ["send", "EHLO actor.example\r\n"], ["hear"], ["send", group], ["hear", 600], *quit_steps()],
    ).wait()
    record = trace.connection()
    expect(record, smtp__recipients=200, smtp__refused=0, smtp__from_total=200)
    reasons(record, "many-recipients")
