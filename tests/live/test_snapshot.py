# SPDX-License-Identifier: GPL-2.0-only
"""smtpsnoop snapshot: every connection that is open, who has it, and those that nobody has."""
import datetime
import os
import re
import socket
import time

from dialogue import FROM, message, say
from marks import quick
from tracer import expect, parse_json, reasons
from world import SINK4, Failed, Skipped, need, run

PROCESSES, CGROUPS, NAMESPACES, EACH = 200, 20, 5, 25


def listener(case, namespace="outside", address=SINK4, port=25, protocol=0):
    """Takes connections as far as the kernel does; nobody reads."""
    with case.world.inside(namespace):
        taker = socket.socket(proto=protocol)
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taker.bind((address, port))
    taker.listen(4096)
    return taker


def hold(case, count=1, how="", host=SINK4, port=25, **kwargs):
    """An actor with open connections; what it said before "ready"."""
    return settled(case.actor(case.program("hold"), host, port, count, how, **kwargs))


def settled(actor):
    """The same of an actor that was started."""
    said = []
    for line in actor.process.stdout:
        if line.strip() == b"ready":
            break
        said.append(line.decode().strip())
    actor.said = said
    return actor


def snapshot(case, *options, status=0, watch=0, prefix=()):
    done = case.smtpsnoop(
        "snapshot", "--json", "--cgroup", case.cgroup, "--watch", str(watch), *options, prefix=prefix
    )
    if done.returncode != status:
        raise Failed(f"exit status {done.returncode}: {done.stderr[:500]}")
    records = [parse_json(line.encode()) for line in done.stdout.splitlines()]
    actions = [record["event"]["action"] for record in records]
    if actions[0] != "start" or actions[-1] != "end":
        raise Failed(f"not from start to end: {actions[:3]}...")
    return records


def of(records, action="connection"):
    return [record for record in records if record["event"]["action"] == action]


def text(case, *options, prefix=()):
    done = case.smtpsnoop(
        "snapshot", "--cgroup", case.cgroup, *options, prefix=prefix, env={**os.environ, "COLUMNS": "160"}
    )
    if done.returncode:
        raise Failed(f"exit status {done.returncode}: {done.stderr[:500]}")
    return done.stdout


@quick
def test_who_holds_what(case):
    """parent and child have a connection open: both are named, with state, bytes and what would stop them"""
    with listener(case):
        actor = hold(case, how="child")
        records = snapshot(case, "--exit-code", status=3)
        record = of(records)[0]
        expect(
            record,
            process__name="hold",
            destination__ip=SINK4,
            verdict__class="bypass",
            socket__state="ESTAB",
            socket__bytes_out=1,
            socket__congestion__state="open",
        )
        reasons(record, "existing")
        pids = {holder["pid"] for holder in record["holders"]}
        if len(of(records)) != 1 or pids != {actor.pid, int(actor.said[0])}:
            raise Failed(f"{len(of(records))} connections; held by {pids}, not {actor.pid} and {actor.said}")
        expect(records[-1], totals__attempts=1, totals__verdicts__bypass=1)
        shown = text(case, "--watch", "0")
        for words in (
            "Round the MTA at this moment, of what was selected: 1 actor",
            f"to stop: kill {' '.join(str(pid) for pid in sorted(pids))}\n",
            "running since 20",
            "ESTAB       BYPASS",
            f"also held by hold[{(pids - {record['process']['pid']}).pop()}]",
        ):
            if words not in shown:
                raise Failed(f"no \"{words}\" in:\n{shown}")
        # Its network namespace is its own: a rule of the host's would not stop it. Nobody listened.
        for words in ("iptables", "messages accepted"):
            if words in shown.split("The MTA:")[0]:
                raise Failed(f"\"{words}\" in:\n{shown}")


@quick
def test_whoever_has_it_now(case):
    """the opener is over, its child has the connection: the child is named"""
    with listener(case):
        actor = hold(case, how="orphan")
        record = of(snapshot(case))[0]
        expect(record, process__pid=int(actor.said[0]))
        if [holder["pid"] for holder in record["holders"]] != [int(actor.said[0])]:
            raise Failed(f"held by {record['holders']}")


def begun(record):
    """When the process of a record began, in seconds."""
    return datetime.datetime.fromisoformat(record["process"]["start"].replace("Z", "+00:00")).timestamp()


def same(one, other):
    """Two runs tell when the host was started to some microseconds."""
    return abs(one - other) < 0.0001


def test_number_used_again(case):
    """the opener's number belongs to another process now: each connection is told with its own"""
    with listener(case):
        trace = case.trace()
        actor = settled(case.actor(case.program("reuse"), SINK4, 25, uid=0))
        number, child = (int(word) for word in actor.said)
        held = of(snapshot(case))
        by = {record["process"]["pid"]: [holder["pid"] for holder in record["holders"]] for record in held}
        if by != {number: [number], child: [child]}:
            raise Failed(f"held by {by}; the number is {number}, the child's {child}")
        actor.process.stdin.close()
        first, second = trace.connection(), trace.connection()
    opened = [begun(first), begun(second)]
    if {record["process"]["pid"] for record in (first, second)} != {number} or same(*opened):
        raise Failed(f"opened by {first['process']} and {second['process']}, with the number {number}")
    now = {record["process"]["pid"]: begun(record) for record in held}
    if not any(same(now[number], start) for start in opened) or any(same(now[child], start) for start in opened):
        raise Failed(f"the processes began at {now}, those that opened at {opened}")


@quick
def test_in_flight(case):
    """connections in a unix socket are nobody's, and shown all the same"""
    with listener(case):
        hold(case, 3, how="flight")
        records = snapshot(case)
        sockets = of(records, "socket")
        if len(sockets) != 3 or of(records):
            raise Failed(f"{len(sockets)} sockets without a process, {len(of(records))} connections")
        expect(
            sockets[0],
            socket__state="ESTAB",
            destination__ip=SINK4,
            destination__port=25,
            user__id=33,
            cgroup__path=case.world.cgroup_name(case.cgroup),
        )
        if "holders" in sockets[0] or not sockets[0]["socket"].get("inode"):
            raise Failed("its file is open somewhere, and in no process")
        if "3 of them have a file that no process has open" not in " ".join(text(case, "--watch", "0").split()):
            raise Failed("the text does not say what that means")


@quick
def test_mptcp(case):
    """a connection of an MPTCP socket is told as such: the kernel holds it, and it is nobody's leftover"""
    code = (
        "import socket, sys\ns = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)\n"
        "s.connect(('203.0.113.7', 25)); s.send(b'x'); print('ready', flush=True); sys.stdin.read()"
    )
    try:
        taker = listener(case, protocol=262)
    except OSError as error:
        raise Skipped(f"there is no MPTCP here: {error}")
    with taker:
        actor = case.actor("/usr/bin/python3", "-c", code)
        if actor.process.stdout.readline() != b"ready\n":
            raise Failed("the actor did not start")
        sockets = of(snapshot(case), "socket")
        if len(sockets) != 1 or not sockets[0]["socket"].get("mptcp"):
            raise Failed(f"sockets without a process are {sockets}")
        shown = " ".join(text(case, "--watch", "0").split())
    if "1 of them are MPTCP's" not in shown or "no process any more" in shown:
        raise Failed(f"the text does not tell it:\n{shown}")


@quick
def test_left_behind(case):
    """what a process leaves behind when it ends has no process, no file, and its user and cgroup"""
    with listener(case):
        case.actor(case.program("hold"), SINK4, 25, 2, "stuffed").wait()
        sockets = of(snapshot(case), "socket")
        if len(sockets) != 2:
            raise Failed(f"{len(sockets)} sockets were found")
        for record in sockets:
            expect(record, socket__state="FIN-WAIT-1", cgroup__path=case.world.cgroup_name(case.cgroup))
            if "inode" in record["socket"] or not record["socket"]["send_queue"]:
                raise Failed(f"a socket without a file, with bytes that wait: {record['socket']}")


@quick
def test_other_port(case):
    """on a port that is not listed a connection proves itself while it is watched, and only then is it shown"""
    sink = case.sink(port=2599)
    actor = say(case, [*message()[:3], ["wait"], *message()[3:]], port=2599)
    while not (sink.sessions and sink.sessions[0].commands):
        time.sleep(0.01)
    if of(snapshot(case)):
        raise Failed("a port that is not listed was shown without a proof")
    trace = case.trace("--watch", "3", command="snapshot")
    actor.say("go\n")
    actor.wait()
    trace.finish()
    record = trace.connection()
    expect(record, smtp__from=[FROM], destination__port=2599, verdict__class="bypass", process__pid=actor.pid)
    reasons(record, "existing", "odd-port")


@quick
def test_in_the_middle_of_a_body(case):
    """what is left of a body is no dialogue; what comes after it is, and no byte of the body is shown"""
    sink = case.sink()
    steps = message()
    data = steps.index(["send", "DATA\r\n"])
    # The kernel tells by its jiffies who spoke last.
    before = [*steps[: data + 2], ["wait"], ["send", "Subject: x\r\n\r\nMAIL FROM:<secret@body.example>\r\n"], ["wait"]]
    after = [["send", "RCPT TO:<secret@body.example>\r\n.\r\n"], ["hear"], *message()[3:]]
    actor = say(case, [*before, *after])
    while not (sink.sessions and "DATA" in sink.sessions[0].commands):
        time.sleep(0.01)
    time.sleep(0.05)
    actor.say("go\n")
    while not sink.sessions[0].octets > 20:
        time.sleep(0.01)
    trace = case.trace("--watch", "3", command="snapshot")
    actor.say("go\n")
    actor.wait()
    trace.finish()
    record = trace.connection()
    if "secret@" in str(record) or "body.example" in str(record):
        raise Failed(f"the body is in the record: {record['smtp']}")
    expect(record, smtp__from=[FROM], smtp__accepted=1, smtp__recipients=1)  # of the message after it
    reasons(record, "existing")


def test_selections(case):
    """--uid, --pid, --verdict and --port select"""
    with listener(case), listener(case, port=2598):
        first, second = hold(case), hold(case, uid=1)
        hold(case, port=2598)
        for options, wanted in (
            (("--uid", "1"), [second.pid]),
            (("--pid", str(first.pid)), [first.pid]),
            (("--verdict", "mta"), []),
        ):
            pids = [record["process"]["pid"] for record in of(snapshot(case, *options))]
            if pids != wanted:
                raise Failed(f"{options} shows {pids}, not {wanted}")
        if len(of(snapshot(case, "--port", "2598"))) != 3:
            raise Failed("--port adds nothing")
        if of(snapshot(case, "--uid", "1"), "socket"):
            raise Failed("other users' sockets are shown without their process")


@quick
def test_nothing(case):
    """nothing is open: that is said, with status 0"""
    records = snapshot(case, "--exit-code")
    expect(records[-1], totals__attempts=0, event__outcome="success")
    if len(records) != 2 or not records[-1]["looked"]["namespaces"]:
        raise Failed(f"{len(records)} records, {records[-1]}")
    shown = text(case, "--watch", "0")
    if "Round the MTA at this moment, of what was selected: nobody" not in shown or "STATE" in shown:
        raise Failed(f"that is not \"nothing\":\n{shown}")


def by_ss(case, namespace):
    """What ss(8) says is open towards port 25 in a namespace: {local port: pids}."""
    found = {}
    with case.world.inside(namespace):
        lines = run("ss", "-tnpH", "state", "established", "dport", "=", ":25").stdout.splitlines()
    for line in lines:
        port = int(line.split()[2].rsplit(":", 1)[1])
        found[port] = {int(pid) for pid in re.findall(r"pid=(\d+)", line)}
    return found


def test_many(case):
    """5,000 connections of 200 processes in 20 cgroups and 5 network namespaces: as ss sees them, and nothing else"""
    need("ss")
    cgroups = [case.world.new_cgroup(case.cgroup, f"c{n}") for n in range(CGROUPS)]
    names, takers = [], []
    try:
        for n in range(NAMESPACES):
            name = f"{case.world.tag}-s{n}"
            case.world.names[name] = name
            names.append(name)
            run("ip", "netns", "add", name)
            case.world.ip(name, "link", "set", "lo", "up")
            takers.append(listener(case, name, "127.0.0.1"))
        for n in range(PROCESSES):
            hold(case, EACH, host="127.0.0.1", netns=names[n % NAMESPACES], cgroup=cgroups[n % CGROUPS])
        records = snapshot(case)
        seen = {}
        for record in of(records):
            key = record["socket"]["netns"], record["source"]["port"]
            if key in seen:
                raise Failed(f"shown twice: {key}")
            seen[key] = {holder["pid"] for holder in record["holders"]}
            if record["process"]["pid"] not in seen[key]:
                raise Failed("the process that is named does not hold it")
        wanted = {}
        for name in names:
            inode = os.stat(case.world.netns(name)).st_ino
            wanted.update({(inode, port): pids for port, pids in by_ss(case, name).items()})
        if len(wanted) != PROCESSES * EACH or seen != wanted:
            raise Failed(f"ss sees {len(wanted)}, we {len(seen)}, {len(seen.items() ^ wanted.items())} differ")
        if of(records, "socket"):
            raise Failed("sockets without a process that have one")
        expect(records[-1], totals__attempts=PROCESSES * EACH, totals__counted_only=0)
        if len({record["cgroup"]["path"] for record in of(records)}) != CGROUPS:
            raise Failed("not all of the cgroups are named")
    finally:
        for taker in takers:
            taker.close()
        case.world.settle()
        for name in names:
            run("ip", "netns", "delete", name, check=False)
            case.world.names.pop(name)


@quick
def test_what_could_hide(case):
    """a process with raw and packet sockets is told: what it sends nobody sees"""
    code = (
        "import socket, sys; a = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0);"
        "b = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP); print('ready', flush=True);"
        "sys.stdin.read()"
    )
    actor = case.actor("/usr/bin/python3", "-c", code, uid=0)
    actor.process.stdout.readline()
    told = {(one["pid"], one["socket"], one["uid"]) for one in snapshot(case)[-1].get("could_hide", []) if one["kind"] == "socket"}
    if told != {(actor.pid, "packet", 0), (actor.pid, "raw", 0)}:
        raise Failed(f"told are {told}")
    if f"unseen by smtpsnoop: python3[{actor.pid}] (packet)" not in text(case, "--watch", "0"):
        raise Failed("the text does not name it")


CHURN = """import socket, sys, threading
def turn():
    global number
    while not over:
        with lock:
            number += 1; mine = number
        s = socket.create_connection(("203.0.113.7", 25)); s.recv(99)
        s.sendall(b"EHLO n%d.example\\r\\n" % mine); s.recv(99); s.close()
        done.append(mine)
number, over, lock, done = 0, False, threading.Lock(), []
for _ in range(4): threading.Thread(target=turn).start()
for line in sys.stdin:
    with lock: begun, ended = number, len(done)
    print(begun, flush=True)
over = True
"""


def test_during_a_burst(case):
    """while connections come and go: each of those that stay, and of those that begin after the start, exactly once"""
    case.sink()
    stay = hold(case, 100, how="")
    script = os.path.join(case.world.folder, "churn.py")
    with open(script, "w") as file:
        file.write(CHURN)
    os.chmod(script, 0o644)
    actor = case.actor("/usr/bin/python3", script)
    time.sleep(0.3)
    trace = case.trace()
    actor.say("?\n")
    first = int(actor.process.stdout.readline())
    time.sleep(1.5)
    actor.say("?\n")
    last = int(actor.process.stdout.readline())
    actor.process.stdin.close()
    actor.process.wait()
    trace.stop()
    records = trace.of("connection")
    ids = [record["event"]["id"] for record in records]
    if len(ids) != len(set(ids)):
        raise Failed("a connection was shown twice")
    held = [record for record in records if record["process"]["pid"] == stay.pid]
    if len(held) != 100 or any("existing" not in record["verdict"]["reasons"] for record in held):
        raise Failed(f"{len(held)} of the 100 that stay were shown")
    said = [record.get("smtp", {}).get("helo", "") for record in records]
    wrong = [n for n in range(first + 1, last) if said.count(f"n{n}.example") != 1]
    if last - first < 50 or wrong:
        raise Failed(f"of {first} to {last} these are not there once: {wrong[:20]}")
