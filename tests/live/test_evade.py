# SPDX-License-Identifier: GPL-2.0-only
"""What an attacker does to send without being seen, and what could bring secrets into the output."""
import os

from dialogue import FROM, RCPT, envelope, expect_message, message, number, quit_steps, say
from marks import quick
from test_attempts import wait_for
from test_privacy import MARKER, encoded, found_in, nowhere
from tracer import ABSENT, expect, reasons
from world import SINK4, WEB_UID, Failed

ODD = 2526
PYTHON = os.path.realpath("/usr/bin/python3")
EHLO = [["hear"], ["send", "EHLO actor.example\r\n"], ["hear"]]
HIDDEN = "hidden@actor.example"


def command(line, answers=1):
    return [["send", line + "\r\n"], ["hear", answers]]


def mail(sender=FROM, recipient=RCPT):
    return [*command(f"MAIL FROM:<{sender}>"), *command(f"RCPT TO:<{recipient}>")]


def hidden_message():
    """What shall not stay hidden, up to the end."""
    return [
        *mail(HIDDEN, "c@second.example"),
        *command("DATA"),
        ["send", "Subject: x\r\n\r\nhello\r\n.\r\n"],
        ["hear"],
        *quit_steps(),
    ]


def dialogue(case, steps, port=25, prefix=(), **sink):
    """Returns the record of a dialogue, the server's session and what --events says of the client's lines."""
    server = case.sink(port=port, **sink)
    trace = case.trace("--events", "--recipients", prefix=prefix)
    say(case, steps, port=port).wait()
    session = server.wait()[0]
    record = trace.connection(destination__ip=SINK4, destination__port=port)
    trace.stop()
    steps = [step["step"] for step in trace.of("step") if step["event"]["id"] == record["event"]["id"]]
    return record, session, [step.get("line") for step in steps if step["what"] == "client"]


def secret(case, steps, **sink):
    """A dialogue after which the marker is nowhere: no output, no ring, no memory."""
    server = case.sink(**sink)
    trace = case.trace("--events", "--recipients")
    say(case, steps).wait()
    session = server.wait()[0]
    record = trace.connection()
    nowhere(case, trace)
    return record, session


# Connections


def test_no_memory_for_state(case):
    """a socket whose option memory was used up before the connect cannot be followed, and is named all the same"""
    sink, trace = case.sink(), case.trace()
    actor = say(case, [["full"], *message()])
    actor.wait()
    if sink.wait()[0].bodies != 1:
        raise Failed("the server did not take the message")
    record = trace.connection()
    expect(
        record,
        process__pid=actor.pid,
        process__executable=PYTHON,
        user__id=number(WEB_UID),
        destination__ip=SINK4,
        destination__port=25,
        verdict__class="bypass",
    )
    reasons(record, "unfollowed", without=("attempt-only",))
    expect(trace.stop(), totals__attempts=1)


@quick
def test_decoy(case):
    """a connect to the host itself that fails, then the real one: the real destination is judged"""
    inside = ("nsenter", "--net=" + case.world.netns("actor"))  # where 127.0.0.1 is the tracer's own
    record, _, _ = dialogue(case, [["decoy"], *message()], port=ODD, prefix=inside)
    expect_message(record, port=ODD)
    expect(record, verdict__class="bypass")
    reasons(record, "odd-port")


def becomes_another(case, port):
    """bash connects and becomes python, which speaks."""
    program = (
        "import socket\n"
        "tcp = socket.socket(fileno=3)\n"
        "file = tcp.makefile('rwb')\n"
        "file.readline()\n"
        "for line in ('HELO actor.example', 'NOOP', 'QUIT'):\n"
        "    file.write(line.encode() + b'\\r\\n')\n"
        "    file.flush()\n"
        "    file.readline()\n"
    )
    case.sink(port=port)
    trace = case.trace()
    actor = case.actor(
        "/bin/bash", "-c", f'exec 3<>/dev/tcp/{SINK4}/{port}; exec /usr/bin/python3 -c "$0"', program
    )
    actor.wait()
    return actor, trace.connection()


def test_exec_odd_port(case):
    """and on a port that is not listed, where who connected is told when SMTP is found"""
    actor, record = becomes_another(case, 26000)
    expect(
        record,
        process__exe__inode=os.stat("/bin/bash").st_ino,
        process__executable=ABSENT,  # only the small identity is kept that long
        sender__pid=actor.pid,
        sender__executable=PYTHON,
    )
    reasons(record, "odd-port", "handed-over")


def test_exec(case):
    """a program that connects and becomes another one: both are named"""
    actor, record = becomes_another(case, 25)
    expect(
        record,
        process__pid=actor.pid,
        process__executable=os.path.realpath("/bin/bash"),
        sender__pid=actor.pid,
        sender__executable=PYTHON,
        smtp__helo="actor.example",
        smtp__last_reply="221 2.0.0 bye",
    )
    reasons(record, "handed-over")


# The dialogue


def urgent(steps):
    """The same lines with a byte of TCP urgent data inside each, which no server reads."""
    for verb, *values in steps:
        if verb == "send":
            yield from (["send", values[0][:1]], ["urgent", "x"], ["send", values[0][1:]])
        else:
            yield [verb, *values]


def with_urgent_bytes(case, port):
    record, session, said = dialogue(case, list(urgent(message())), port=port)
    expect_message(record, port=port)
    if said != session.commands:
        raise Failed(f"the server heard {session.commands}, the steps are {said}")
    reasons(record, "urgent-data")


@quick
def test_urgent(case):
    """urgent bytes inside every command"""
    with_urgent_bytes(case, 25)


def test_urgent_odd_port(case):
    """and on an unlisted port"""
    with_urgent_bytes(case, ODD)


@quick
def test_behind_dot(case):
    """a mail with forty recipients behind the body's dot, in one segment"""
    group = f"MAIL FROM:<{HIDDEN}>\r\n" + "".join(f"RCPT TO:<r{n}@second.example>\r\n" for n in range(40))
    steps = [
        *envelope(),
        ["send", f"body\r\n.\r\n{group}DATA\r\n"],
        ["hear", 43],
        ["send", "body\r\n.\r\n"],
        ["hear"],
        *quit_steps(),
    ]
    record, _, _ = dialogue(case, steps)
    expect(
        record,
        smtp__from=[FROM, HIDDEN],
        smtp__recipients=41,
        smtp__domains=["victim.example", "second.example"],
        smtp__messages=2,
        smtp__accepted=2,
    )


def test_behind_dot_split(case):
    """mails behind the body's dot, whose last command goes on in the next segment"""
    steps = envelope()
    for name in ("one", "two"):
        steps += [
            ["send", f"body\r\n.\r\nMAIL FROM:<{name}@actor.example>\r\nRCPT TO:<{name}@victim.example>\r\nDA"],
            ["send", "TA\r\n"],
            ["hear", 4],
        ]
    record, _, _ = dialogue(case, [*steps, ["send", "body\r\n.\r\n"], ["hear"], *quit_steps()])
    expect(
        record,
        smtp__from=[FROM, "one@actor.example", "two@actor.example"],
        smtp__recipients=3,
        smtp__messages=3,
        smtp__accepted=3,
    )


def found_behind(case, line, **sink):
    """SMTP on an unlisted port behind a line that is none of its commands."""
    record, _, _ = dialogue(case, [["hear"], *command(line), *message()[1:]], port=ODD, **sink)
    expect(record, smtp__helo="actor.example", smtp__from=[FROM], smtp__recipients=1, smtp__accepted=1)
    reasons(record, "odd-port")


def test_binary_line(case):
    """a line of binary after the greeting of an unlisted port"""
    found_behind(case, "\xff")


@quick
def test_auth_tls(case):
    """FTP's AUTH TLS to an SMTP server on an unlisted port"""
    found_behind(case, "AUTH TLS", replies={"AUTH": b"504 5.5.4 no such mechanism\r\n"})


def test_user_odd_port(case):
    """FTP's USER to an SMTP server on an unlisted port"""
    found_behind(case, "USER anonymous", replies={"USER": b"500 5.5.1 what?\r\n"})


def test_user(case):
    """and on port 25: the dialogue goes on"""
    replies = {"USER": b"500 5.5.1 what?\r\n"}
    record, session, said = dialogue(case, [["hear"], *command("USER x"), *message()[1:]], replies=replies)
    expect(record, smtp__helo="actor.example", smtp__from=[FROM], smtp__recipients=1, smtp__accepted=1)
    if said != session.commands:
        raise Failed(f"the server heard {session.commands}, the steps are {said}")


def test_starttls_first(case):
    """STARTTLS without EHLO on an unlisted port"""

    def handler(sink, session):
        reader = session.connection.makefile("rb")
        sink.write(session, sink.greeting)
        session.commands.append(reader.readline().decode())
        sink.write(session, b"220 2.0.0 ready\r\n")
        session.octets = len(reader.read())

    tls = "\x16\x03\x01\x00\x05hello\x17\x03\x03\x01\x2c" + "x" * 300
    steps = [["hear"], *command("STARTTLS"), ["send", tls], ["shutdown"]]
    record, _, _ = dialogue(case, steps, port=ODD, handler=handler)
    expect(record, destination__port=ODD, tls__mode="starttls", verdict__class="bypass")
    reasons(record, "odd-port")


def exim(sink, session):
    """BDAT as Exim has it: 32 bits of the size count, and nothing is read where the last EHLO did not offer it."""
    reader, offered = session.connection.makefile("rb"), False
    sink.write(session, sink.greeting)
    while True:
        text = reader.readline(1 << 20).decode("latin-1").rstrip("\r\n")
        if not text:
            return
        session.commands.append(text)
        verb = text.split(" ")[0].upper()
        if verb == "BDAT" and not offered:
            sink.write(session, b"503 BDAT command used when CHUNKING not advertised\r\n")
            continue
        if verb == "BDAT":
            reader.read(int(text.split()[1]) & 0xFFFFFFFF)
            session.bodies += text.endswith("LAST")
            sink.write(session, b"250 chunk received\r\n")
            continue
        answer = sink.reply(session, text, verb)
        if verb in ("EHLO", "HELO"):
            offered = b"CHUNKING" in answer
        if verb == "DATA":
            sink._body(session, reader)
        if verb == "QUIT":
            return


@quick
def test_bdat_size(case):
    """a chunk of 2^32 + 1 octets that a server takes for one of 1"""
    chunk = [["send", "BDAT 4294967297 LAST\r\nx"], ["hear"]]
    record, _, _ = dialogue(case, [*EHLO, *mail(), *chunk, *hidden_message()], handler=exim)
    expect(record, smtp__recipients=2, smtp__domains=["victim.example", "second.example"], smtp__accepted=2)


def refused_chunk(case, steps, **sink):
    """The chunk is refused unread: what follows are commands."""
    record, _, _ = dialogue(case, [*steps, *command("BDAT 99999999"), *hidden_message()], handler=exim, **sink)
    expect(record, smtp__from=[HIDDEN], smtp__domains=["second.example"], smtp__recipients=1, smtp__accepted=1)


def test_bdat_after_helo(case):
    """HELO after EHLO withdraws the offer of CHUNKING"""
    refused_chunk(case, [*EHLO, *command("HELO actor.example")])


def test_bdat_refused_by_who_offers(case):
    """a server that offers CHUNKING and takes no chunk: what may hide in it is said to be missing"""
    def without_chunks(sink, session):
        """exim() never hears of the offer that it makes."""
        offer = b"250-mx.example.net\r\n250 CHUNKING\r\n"
        sink.replies["EHLO"] = b"250 mx.example.net\r\n"
        write = sink.write
        sink.write = lambda to, reply: write(to, offer if reply == sink.replies["EHLO"] else reply)
        exim(sink, session)

    steps = [*EHLO, *command("BDAT 99999999"), *hidden_message()]
    record, _, _ = dialogue(case, steps, handler=without_chunks)
    if not record["smtp"]["gaps"]:
        raise Failed("nothing is said to be missing")


def test_bdat_not_offered(case):
    """a server whose name begins like CHUNKING does not offer it"""
    greeting, name = b"220 chunmail.example ESMTP\r\n", b"250 chunmail\r\n"
    refused_chunk(case, EHLO, greeting=greeting, replies={"EHLO": name})


# Secrets


def login_blindly():
    return [*command(encoded("user")), *command(encoded(MARKER)), *command(MARKER), *quit_steps()]


@quick
def test_auth_refused(case):
    """AUTH LOGIN is refused and the client says user and password all the same"""
    steps = [*EHLO, *command("AUTH LOGIN"), *login_blindly()]
    _, session = secret(case, steps, replies={"AUTH": b"502 5.5.1 no\r\n"})
    if MARKER not in session.commands:
        raise Failed(f"the server heard {session.commands}")


def test_auth_lies(case):
    """a server that refuses and asks for the password at once"""
    lie = b"334 VXNlcm5hbWU6\r\n500 x\r\n"
    steps = [
        *EHLO,
        *command("AUTH LOGIN", 2),
        *command(encoded("user"), 2),
        *command(encoded(MARKER)),
        *quit_steps(),
    ]
    _, session = secret(case, steps, replies={"AUTH": lie, "AUTH2": [lie, b"235 2.7.0 ok\r\n"]})
    if not found_in(" ".join(session.commands).encode()):
        raise Failed(f"the server heard {session.commands}")


def test_auth_malformed(case):
    """AUTH in forms that a lenient server may take, or that a typing error makes"""
    lines = (
        f"AUTH PLAIN\r{MARKER}",
        f"AUTH PLAIN={MARKER}",
        f"AUTH\rPLAIN {MARKER}",
        f"AUTH\vPLAIN {MARKER}",
        f"XAUTH PLAIN {MARKER}",
        f"\0AUTH PLAIN {MARKER}",
    )
    steps = [step for line in lines for step in command(line)]
    secret(case, [*EHLO, *steps, *quit_steps()], replies={"AUTH": b"535 5.7.8 no\r\n"})


def test_early_answer(case):
    """a server that answers 250 before the body has come"""
    steps = [
        *envelope(),
        ["hear"],
        ["send", f"{MARKER} one\r\n{MARKER} two\r\n.\r\n"],
        ["hear"],
        *quit_steps(),
    ]
    secret(case, steps, replies={"DATA": b"354 go ahead\r\n250 2.0.0 queued\r\n"})


def test_bare_line_feeds(case):
    """commands that end in LF alone, and a body that does not wait for the 354"""
    group = f"EHLO actor.example\nMAIL FROM:<{FROM}>\nRCPT TO:<{RCPT}>\nDATA\n"
    steps = [
        ["hear"],
        ["send", group],
        ["hear", 2],
        ["send", f"Subject: {MARKER}\n{MARKER}\n\n"],
        ["hear", 2],
        ["send", f"{MARKER}\r\n.\r\n"],
        ["hear"],
        *quit_steps(),
    ]
    _, session = secret(case, steps, delay=0.05)
    if session.bodies != 1:
        raise Failed(f"the server saw {session}")


def test_joined_in_body(case):
    """the trace begins in the middle of a body whose lines begin like commands"""
    lines = [f"{word} of 2026: {MARKER}\r\n{MARKER}\r\n" for word in ("Data", "Mail", "Quit", "Help")]
    sink = case.sink()
    body = [["send", line] for line in [*lines, f"{MARKER}\r\n.\r\n"]]
    begun = [*envelope(), ["send", "Subject: x\r\n\r\n"], ["wait"]]
    actor = say(case, [*begun, *body, ["hear"], *quit_steps()])
    wait_for(case, lambda: sink.sessions and sink.sessions[0].octets)
    trace = case.trace("--events", "--recipients")
    actor.say("go\n")
    actor.wait()
    reasons(trace.connection(), "existing")
    nowhere(case, trace)
