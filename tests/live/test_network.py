# SPDX-License-Identifier: GPL-2.0-only
"""What the network does to a dialogue: duplicates, retransmissions, extension headers. Nothing is reported twice."""
import socket
import threading
import time

from dialogue import FROM, RCPT, expect_message, message, number, quit_steps, say
from marks import quick
from tracer import expect
from world import SINK4, SINK6, SOURCE6, Failed

ETH_P_ALL, PACKET_OUTGOING = 3, 4


class Repeater:
    """Sends every frame that leaves the outside namespace for the actors a second time."""

    def __init__(self, case):
        with case.world.inside("outside"):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind(("out0", ETH_P_ALL))
        self.socket.settimeout(0.1)
        self.repeated, self.over = 0, False
        self.thread = threading.Thread(target=self._repeat, daemon=True)
        self.thread.start()

    def _repeat(self):
        mine = []
        while not self.over:
            try:
                frame, address = self.socket.recvfrom(70000)
            except socket.timeout:
                continue
            if address[2] != PACKET_OUTGOING:
                continue
            if frame in mine:  # our own copy, which this socket may see too
                mine.remove(frame)
                continue
            mine.append(frame)
            try:
                self.socket.send(frame)
                self.repeated += 1
            except OSError:
                pass  # larger than a frame may be

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()
        self.socket.close()


@quick
def test_duplicates(case):
    """every packet of the server arrives twice: every reply is counted once"""
    case.sink()
    trace = case.trace()
    with Repeater(case) as repeater:
        say(case, message()).wait()
    if repeater.repeated < 5:
        raise Failed(f"only {repeater.repeated} frames were repeated")
    expect_message(trace.connection())


def retransmitted(case):
    """Segments that the actors' namespace sent again so far."""
    with case.world.inside("actor"), open("/proc/thread-self/net/snmp") as file:
        names, values = [line.split() for line in file if line.startswith("Tcp:")]
    return int(values[names.index("RetransSegs")])


@quick
def test_retransmission(case):
    """commands that are lost on the way and sent again are counted once"""
    sink, trace = case.sink(), case.trace()
    group = f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{RCPT}>\r\nDATA\r\n"
    actor = say(
        case,
        [["hear"], ["send", "EHLO actor.example\r\n"], ["hear"], ["wait"], ["send", group], ["hear", 3]]
        + [["send", "x\r\n.\r\n"], ["hear"], *quit_steps()],
    )
    end = time.monotonic() + 20 * case.world.slow
    while not (sink.sessions and sink.sessions[0].commands):
        if time.monotonic() > end:
            raise Failed("the sink heard nothing")
        time.sleep(0.01)
    before = retransmitted(case)
    # What is sent to a wrong hardware address is lost.
    case.world.ip("actor", "neigh", "replace", "192.0.2.1", "lladdr", "02:00:00:00:00:01", "dev", "in0", "nud", "permanent")
    try:
        actor.say("go\n")
        while retransmitted(case) == before:
            if time.monotonic() > end:
                raise Failed("nothing was sent again")
            time.sleep(0.01)
    finally:
        case.world.ip("actor", "neigh", "delete", "192.0.2.1", "dev", "in0")
    actor.wait()
    expect_message(trace.connection())


def test_ipv6_options(case):
    """IPv6 with an extension header before TCP"""
    case.sink(family=socket.AF_INET6)
    trace = case.trace()
    actor = say(case, [["options"], *message()], host=SINK6, uid=0)  # the option needs CAP_NET_RAW
    actor.wait()
    record = trace.connection()
    expect_message(record, destination=SINK6, source=SOURCE6)
    expect(record, user__id=number(0))


@quick
def test_steps(case):
    """--events shows every command and every reply in order"""
    sink, trace = case.sink(), case.trace("--events", "--recipients")
    say(case, message()).wait()
    said = sink.wait()[0].commands
    record = trace.connection()
    steps = [step["step"] for step in trace.of("step") if step["event"]["id"] == record["event"]["id"]]
    client = [step.get("line") for step in steps if step["what"] == "client"]
    server = [step.get("line") for step in steps if step["what"] == "server"]
    if client != said:
        raise Failed(f"the client said {said}, the steps are {client}")
    if server[0] != "220 mx.example.net ESMTP" or server[-1] != "221 2.0.0 bye" or len(server) != 12:
        raise Failed(f"the server's steps are {server}")
    names = [step["what"] for step in steps]
    if names[0] != "open" or names[-1] != "closed" or "established" not in names:
        raise Failed(f"the steps are {names}")


def test_progress(case):
    """a connection that lasts has a progress record"""
    case.sink()
    path = f"{case.world.folder}/progress.conf"
    with open(path, "w") as file:
        file.write("[general]\nprogress = 1\n")
    trace = case.trace("--config", path)
    actor = say(case, [["hear"], ["send", "EHLO actor.example\r\n"], ["hear"], ["wait"], *quit_steps()], host=SINK4)
    record = trace.wait_until("a progress record", lambda: trace.of("progress"))[0]
    expect(record, process__pid=actor.pid, smtp__helo="actor.example", destination__ip=SINK4)
    actor.say("go\n")
    actor.wait()
    closed = trace.connection()
    if closed["event"]["id"] != record["event"]["id"]:
        raise Failed("progress and connection have different ids")
