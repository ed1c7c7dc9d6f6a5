# SPDX-License-Identifier: GPL-2.0-only
"""What is SMTP and what is not: other protocols on any port, SMTP on odd ports, tunnels, TLS."""
import os
import ssl
import subprocess

from dialogue import FROM, RCPT, expect_message, message, quit_steps, say
from marks import quick
from pysink import lines
from tracer import ABSENT, expect, reasons
from world import SINK4, Failed, need

FTP = lines(
    b"220 ftp.example FTP server ready\r\n",
    [("USER", b"331 password\r\n"), ("PASS", b"230 in\r\n"), ("QUIT", b"221 bye\r\n"), ("", b"502 no\r\n")],
)
POP3 = lines(b"+OK ready\r\n", [("QUIT", b"+OK bye\r\n"), ("", b"+OK\r\n")])
IMAP = lines(b"* OK IMAP4rev1 ready\r\n", [("LOGOUT", b"* BYE\r\nA1 OK\r\n"), ("", b"A1 OK\r\n")])
HTTP = lines(b"", [("GET", b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n220 ")])
SSH = lines(b"SSH-2.0-OpenSSH_9.2p1\r\n", [])

CLIENTS = {
    "ftp": (
        FTP,
        [["hear"], ["send", "USER anonymous\r\n"], ["hear"], ["send", "PASS x\r\n"], ["hear"], *quit_steps()],
    ),
    "http": (HTTP, [["send", "GET /EHLO HTTP/1.0\r\nHost: x\r\n\r\n"], ["shutdown"]]),
    "ssh": (SSH, [["send", "SSH-2.0-client\r\n"], ["shutdown"]]),
    "pop3": (POP3, [["send", "USER x\r\nPASS y\r\nQUIT\r\n"], ["shutdown"]]),
    "imap": (IMAP, [["send", "a1 LOGIN x y\r\na2 LOGOUT\r\n"], ["shutdown"]]),
}


def control(case, trace, port):
    """A real message after the others shows that the trace was looking."""
    case.sink(port=port, address="203.0.113.8")
    say(case, message(), host="203.0.113.8", port=port).wait()
    expect_message(trace.connection(destination__ip="203.0.113.8"), port=port, destination="203.0.113.8")


@quick
def test_not_smtp_unlisted(case):
    """FTP, HTTP, SSH, POP3 and IMAP on an unlisted port: no record at all"""
    trace = case.trace()
    for name, (handler, steps) in CLIENTS.items():
        with case.sink(port=2121, address=SINK4, handler=handler) as sink:
            say(case, steps, port=2121).wait()
            sink.wait()
    control(case, trace, 2121)
    expect(trace.stop(), totals__attempts=1)
    if len(trace.of("connection")) != 1:
        raise Failed(f"{len(trace.of('connection'))} records instead of 1")


@quick
def test_not_smtp_listed(case):
    """the same on port 25: an attempt is recorded, but no dialogue is made up"""
    trace = case.trace()
    for name, (handler, steps) in CLIENTS.items():
        with case.sink(address=SINK4, handler=handler) as sink:
            say(case, steps).wait()
            sink.wait()
            record = trace.connection()
            smtp = record.get("smtp", {})
            said = [key for key in ("helo", "from", "messages", "recipients", "domains") if smtp.get(key)]
            if said:
                raise Failed(f"{name}: not SMTP, but the record has {said}")
            expect(record, smtp__found_by="port", destination__port=25)


def test_curl_not_smtp(case):
    """curl over HTTP and FTP to odd ports leaves no record"""
    need("curl")
    trace = case.trace()
    for scheme, handler, port in (("http", HTTP, 8080), ("ftp", FTP, 2122)):
        with case.sink(port=port, handler=handler) as sink:
            case.actor("/usr/bin/curl", "-s", "-m", "5", f"{scheme}://{SINK4}:{port}/").wait(status=None)
            sink.wait()
    control(case, trace, 8081)
    expect(trace.stop(), totals__attempts=1)


@quick
def test_odd_port(case):
    """SMTP on an unlisted port is found by the greeting and the client's answer"""
    case.sink(port=26000)
    trace = case.trace()
    actor = case.actor(case.program("talk"), SINK4, 26000, "actor.example")
    actor.wait()
    record = trace.connection()
    expect_message(record, port=26000)
    expect(
        record,
        smtp__found_by="greeting",
        verdict__class="bypass",
        process__pid=actor.pid,
        process__executable=case.program("talk"),
        process__args=[case.program("talk"), SINK4, "26000", "actor.example"],
    )
    reasons(record, "odd-port", without=("direct-mx",))


def test_listed_by_option(case):
    """--port makes another port one of the SMTP ports: an attempt there is recorded"""
    trace = case.trace("--port", "2525")
    say(case, [["hear"]], port=2525).wait(status=4)
    expect(trace.connection(), destination__port=2525, event__reason="refused", smtp__found_by="port")


def test_lower_case_and_no_helo(case):
    """MAIL without any EHLO, and in lower case, confirms SMTP on an unlisted port"""
    case.sink(port=2600)
    trace = case.trace()
    say(
        case,
        [
            ["hear"],
            ["send", "noop\r\n"],
            ["hear"],
            ["send", f"mail from:<{FROM}>\r\n"],
            ["hear"],
            ["send", f"rcpt to:<{RCPT}>\r\n"],
            ["hear"],
            *quit_steps(),
        ],
        port=2600,
    ).wait()
    expect(
        trace.connection(),
        smtp__from=[FROM],
        smtp__recipients=1,
        destination__port=2600,
        smtp__found_by="greeting",
        smtp__helo=ABSENT,
    )


def test_greeting_only(case):
    """a 220 on an unlisted port and nothing but QUIT is no SMTP"""
    case.sink(port=2601)
    trace = case.trace()
    say(case, [["hear"], *quit_steps()], port=2601).wait()
    control(case, trace, 2602)
    expect(trace.stop(), totals__attempts=1)


def test_refusing_greeting(case):
    """a 554 greeting on port 25: refused, and the blocklist that it names"""
    case.sink(
        greeting=b"554-mx.example.net\r\n554 5.7.1 rejected, see https://www.spamhaus.org/query/ip/192.0.2.10\r\n",
        replies={"QUIT": b"221 bye\r\n"},
    )
    trace = case.trace()
    say(case, [["hear"], *quit_steps()]).wait()
    record = trace.connection()
    expect(record, smtp__greeting="554-mx.example.net", smtp__blocklist="spamhaus", verdict__class="bypass")
    reasons(record, "refused", "blocklisted")


def proxy(sink, session):
    """Answers a CONNECT or a SOCKS5 request and then is the SMTP server at its other end."""
    connection = session.connection
    first = connection.recv(1)
    if first == b"\x05":
        connection.recv(1024)
        connection.sendall(b"\x05\x00")
        connection.recv(1024)
        connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    else:
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            text += connection.recv(1024)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    sink.serve(session)


def through_proxy(case, request):
    case.sink(port=3128, handler=proxy)
    trace = case.trace()
    steps = [
        ["send", request + "\r\nHost: mx.victim.example:25\r\n\r\n"],
        ["line"],
        ["line"],
        *message(),
    ]
    say(case, steps, port=3128).wait()
    record = trace.connection()
    expect(record, smtp__found_by="proxy", smtp__helo="actor.example", smtp__accepted=1, verdict__class="bypass")
    expect(record, smtp__target="mx.victim.example:25")
    reasons(record, "proxy")


def test_http_proxy(case):
    """SMTP through an HTTP proxy's CONNECT to port 25 is seen as such"""
    through_proxy(case, "CONNECT mx.victim.example:25 HTTP/1.1")


def test_http_proxy_blanks(case):
    """also with more blanks than one, which a proxy may take"""
    through_proxy(case, "CONNECT\t mx.victim.example:25 \tHTTP/1.1")


def test_socks_proxy(case):
    """and through SOCKS5"""
    case.sink(port=1080, handler=proxy)
    trace = case.trace()
    steps = [
        ["send", "\x05\x01\x00"],
        ["read", 2],
        ["send", "\x05\x01\x00\x01\xcb\x00\x71\x09\x00\x19"],
        ["read", 10],
        *message(),
    ]
    say(case, steps, port=1080).wait()
    record = trace.connection()
    expect(record, smtp__found_by="proxy", smtp__helo="actor.example", smtp__accepted=1)
    reasons(record, "proxy")


def server_context(case):
    need("openssl")
    key, certificate = (os.path.join(case.world.folder, name) for name in ("key.pem", "cert.pem"))
    if not os.path.exists(certificate):
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-keyout",
                key,
                "-out",
                certificate,
                "-subj",
                "/CN=mx.example.net",
                "-days",
                "2",
            ],
            check=True,
            capture_output=True,
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def tls_sink(case, **kwargs):
    ehlo = b"250-mx.example.net\r\n250-STARTTLS\r\n250 SIZE\r\n"
    return case.sink(tls=server_context(case), replies={"EHLO": ehlo, "STARTTLS": b"220 2.0.0 ready\r\n"}, **kwargs)


def test_starttls(case):
    """after STARTTLS only the name asked for is known"""
    tls_sink(case)
    trace = case.trace()
    case.python("send_tls.py", "starttls", SINK4, 25, "mx.example.net").wait()
    record = trace.connection()
    if record["smtp"].get("from"):
        raise Failed("senders from under TLS")
    expect(record, tls__mode="starttls", tls__sni="mx.example.net", smtp__helo="actor.example")
    expect(record, smtp__last_reply="220 2.0.0 ready", verdict__class="bypass")
    if record["smtp"].get("gaps"):
        raise Failed("ciphertext is no gap")


def test_implicit_tls(case):
    """TLS from the first byte on port 465"""
    tls_sink(case, port=465, implicit=True)
    trace = case.trace()
    case.python("send_tls.py", "implicit", SINK4, 465, "mx.example.net").wait()
    expect(
        trace.connection(),
        tls__mode="implicit",
        tls__sni="mx.example.net",
        smtp__found_by="port",
        destination__port=465,
        verdict__class="bypass",
    )
