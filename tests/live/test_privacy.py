# SPDX-License-Identifier: GPL-2.0-only
"""What is never copied: bodies, secrets, ciphertext. Looked for in every output, the ring, both halves' memory."""
import base64
import re

from dialogue import FROM, RCPT, envelope, expect_message, message, quit_steps, say
from marks import quick
from tracer import expect
from world import Failed

MARKER = "Xq7ZsecretZ7qX"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


# Base64 of the marker begins anew every three bytes: the three forms in which it can stand in a longer text.
FORMS = [MARKER.encode()] + [encoded("\0" * shift + MARKER)[4 if shift else 0 : -4].encode() for shift in range(3)]


def memory_of(pid):
    """Every readable writable mapping of a process."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not match:
                continue
            start, end = (int(number, 16) for number in match.groups())
            if end - start > 1 << 30:
                continue  # the address space that a sanitizer reserves
            try:
                memory.seek(start)
                yield line.split()[-1], memory.read(end - start)
            except (OSError, OverflowError, ValueError):
                continue


def found_in(data):
    return any(form in data for form in FORMS)


def nowhere(case, trace):
    """The marker is in no memory of the running trace and in nothing that it wrote."""
    if found_in(trace.ring()[1]):
        raise Failed("the marker is in the ring buffer")
    for pid in trace.processes():
        for name, data in memory_of(pid):
            if found_in(data):
                raise Failed(f"the marker is in the memory of process {pid}, mapping {name}")
    trace.stop()
    if found_in(b"".join(trace.lines)):
        raise Failed("the marker is in the output")
    if found_in(trace.stderr().encode()):
        raise Failed("the marker is on standard error")


def secret_dialogue():
    """A body, and secrets of every kind of AUTH, all of them with the marker."""
    plain = encoded(f"\0user\0{MARKER}")
    # A pipelined group with a body behind it, and a line of the body that looks like a command.
    body = f"Subject: {MARKER}\r\n\r\nMAIL FROM:<{MARKER}@x>\r\n354 {MARKER}\r\n..{MARKER}\r\n"
    chunk = f"RCPT TO:<{MARKER}@x>\r\n"
    return [
        ["hear"],
        ["send", "EHLO actor.example\r\n"],
        ["hear"],
        ["send", f"AUTH PLAIN {plain}\r\n"],
        ["hear"],
        ["send", "AUTH PLAIN\r\n"],
        ["hear"],
        ["send", plain + "\r\n"],
        ["hear"],
        ["send", "auth login\r\n"],
        ["hear"],
        ["send", encoded(MARKER) + "\r\n"],
        ["hear"],
        ["send", encoded(MARKER) + "\r\n"],
        ["hear"],
        ["send", f"AUTH LOGIN {encoded(MARKER)}\r\n"],
        ["hear"],
        ["send", encoded(MARKER) + "\r\n"],
        ["hear"],
        ["bytes", f"AUTH PLAIN {plain}\r\n"],
        ["hear"],
        ["send", f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{RCPT}>\r\nDATA\r\n"],
        ["hear", 3],
        ["send", body],
        ["bytes", MARKER + "\r\n.\r\n"],
        ["hear"],
        [
            "send",
            f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{RCPT}>\r\nBDAT {len(chunk)}\r\n{chunk}BDAT {len(chunk)} LAST\r\n{chunk}",
        ],
        ["hear", 4],
        *quit_steps(),
    ]


class Auth:
    """Replies of a server that takes every form of AUTH."""

    REPLIES = {
        "AUTH PLAIN": b"334 \r\n",
        "auth login": b"334 VXNlcm5hbWU6\r\n",
        "AUTH2": b"235 2.7.0 ok\r\n",
        f"AUTH LOGIN {encoded(MARKER)}": b"334 UGFzc3dvcmQ6\r\n",
    }

    @classmethod
    def replies(cls):
        # After AUTH LOGIN's user name comes 334 again, then 235.
        return {**cls.REPLIES, "AUTH " + encoded(MARKER): [b"334 UGFzc3dvcmQ6\r\n", b"235 2.7.0 ok\r\n"]}


@quick
def test_marker_json(case):
    """a marker in bodies, AUTH arguments and passwords is nowhere: JSON with every step and recipients"""
    sink = case.sink(replies=Auth.replies())
    trace = case.trace("--events", "--recipients")
    say(case, secret_dialogue()).wait()
    sink.wait()
    if not any(MARKER in text or encoded(MARKER) in text for text in sink.sessions[0].commands):
        raise Failed("the actor did not say its secrets")
    record = trace.connection()
    expect(
        record,
        smtp__auth__outcome="success",
        smtp__messages=2,
        smtp__accepted=2,
        smtp__recipients=2,
        smtp__from=[FROM, FROM],
    )
    nowhere(case, trace)


def test_marker_text(case):
    """and the text output"""
    sink = case.sink(replies=Auth.replies())
    trace = case.trace("--events", "--recipients", json_output=False)
    say(case, secret_dialogue()).wait()
    sink.wait()
    trace.wait_until("the actor's line", lambda: any(b"203.0.113.7" in line for line in trace.lines[1:]))
    nowhere(case, trace)


def test_marker_odd_port(case):
    """and on an unlisted port"""
    sink = case.sink(port=2555, replies=Auth.replies())
    trace = case.trace("--events")
    say(case, secret_dialogue(), port=2555).wait()
    sink.wait()
    trace.connection()
    nowhere(case, trace)


def test_not_smtp_not_copied(case):
    """what another protocol says on an unlisted port is not copied"""
    from test_protocols import HTTP

    sink = case.sink(port=2556, handler=HTTP)
    trace = case.trace("--events")
    say(case, [["send", f"GET /{MARKER} HTTP/1.0\r\n\r\n{MARKER}"], ["shutdown"]], port=2556).wait()
    sink.wait()
    nowhere(case, trace)


@quick
def test_recipients_kept_only_when_asked(case):
    """without --recipients their domains are kept, and not their names"""
    case.sink()
    trace = case.trace()
    say(case, message(recipients=(f"{MARKER}@victim.example",))).wait()
    record = trace.connection()
    expect_message(record)
    trace.stop()
    if MARKER.encode() in b"".join(trace.lines):
        raise Failed("the recipient's name is in the output")


RECIPIENTS = f"{MARKER}1@victim.example", f"{MARKER}2@victim.example"


def repeating_sink(case):
    """A server that says the address again, in an answer and in a refusal."""
    known, unknown = RECIPIENTS
    case.sink(
        replies={
            f"RCPT TO:<{known}>": f"250 2.1.5 <{known}> ok\r\n".encode(),
            f"RCPT TO:<{unknown}>": f"550 5.1.1 <{unknown}>: unknown; no {unknown} here\r\n".encode(),
        }
    )


def names_nowhere(case, *arguments, json_output=True):
    """Runs it and looks for the names, and for the domain in what --events adds."""
    trace = case.trace(*arguments, json_output=json_output)
    say(case, message(recipients=RECIPIENTS)).wait()
    if json_output:
        trace.connection()
    else:
        trace.wait_until("the actor's line", lambda: any(b"550 5.1.1" in line for line in trace.lines))
    trace.stop()
    output = b"".join(trace.lines)
    if MARKER.encode() in output:
        line = next(line for line in trace.lines if MARKER.encode() in line)
        raise Failed(f"a recipient's name is in the output: {line!r}")
    if "--events" in arguments:
        for wanted in (b"RCPT TO:<***@victim.example>", b"550 5.1.1 <***@victim.example>: unknown"):
            if wanted not in output:
                raise Failed(f"{wanted!r} is missing in {output[-3000:]!r}")


@quick
def test_recipients_text(case):
    """without --recipients no name is in the text, its steps or its summary, even when the server repeats it"""
    repeating_sink(case)
    names_nowhere(case, json_output=False)
    names_nowhere(case, "--events", json_output=False)


@quick
def test_recipients_json(case):
    """nor in JSON, with and without its steps"""
    repeating_sink(case)
    names_nowhere(case)
    names_nowhere(case, "--events")


def test_recipients_asked(case):
    """with --recipients the addresses are there"""
    case.sink()
    trace = case.trace("--recipients")
    say(case, message(recipients=("one@victim.example", "two@victim.example"))).wait()
    expect(trace.connection(), smtp__to=["one@victim.example", "two@victim.example"], smtp__recipients=2)


def ring_bytes(case, size, name):
    """Bytes written into the ring for one message with a body of that size."""
    sink = case.sink(port=25, address="203.0.113.7")
    path = f"{case.world.folder}/{name}"
    with open(path, "wb") as file:
        block = (MARKER.encode() * 5 + b"\r\n") * 1000
        while size > 0:
            file.write(block[:size])
            size -= len(block)
    with open(path, "ab") as file:
        file.write(b"\r\n")
    trace = case.trace()
    before = trace.ring()[0]
    say(case, [*envelope(), ["sendfile", path], ["send", ".\r\n"], ["hear"], *quit_steps()]).wait(timeout=60)
    sink.wait(timeout=60)
    record = trace.connection()
    expect_message(record)
    expect(record, source__bytes=lambda sent: sent > sink.sessions[0].octets)
    after, contents = trace.ring()
    if found_in(contents):
        raise Failed("the body is in the ring buffer")
    trace.stop()
    sink.__exit__()
    return after - before


def test_body_size(case):
    """a 50 MB body and a 1 KB body copy the same number of bytes to user space"""
    small, large = ring_bytes(case, 1 << 10, "body-s"), ring_bytes(case, 50 << 20, "body-l")
    if small != large:
        raise Failed(f"1 KB: {small} bytes in the ring; 50 MB: {large}")
