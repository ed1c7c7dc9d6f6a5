# SPDX-License-Identifier: GPL-2.0-only
"""Floods: what is not delivered is counted, to the last connection."""
import json
import signal
import time

from marks import quick
from tracer import expect
from world import SINK4, WEB_UID, Failed


def many(case, connections):
    """As many as make sense here: an emulated machine takes a second for a few hundred."""
    return connections if case.world.slow < 10 else connections // 10


def flood(case, connections, stopped, seconds, *options, ring=8 << 20):
    """Runs the source against the fast sink while these processes are stopped; returns (its counts, trace, end)."""
    sink = case.actor(case.program("sink"), "--listen", f"{SINK4}:25", cgroup=None, netns="outside", uid=0)
    if not sink.process.stdout.readline().startswith(b"ready"):
        raise Failed("the sink does not start")
    trace = case.trace("--ring-size", str(ring))
    pids = stopped(trace)
    for pid in pids:
        trace.hit(pid, signal.SIGSTOP)
    end = time.monotonic() + seconds
    source = case.actor(
        case.program("source"),
        "--to",
        f"{SINK4}:25",
        "--connections",
        connections,
        "--reset",
        "--body-bytes",
        20,
        *options,
    )
    if pids:
        time.sleep(max(0, end - time.monotonic()))
    for pid in pids:
        trace.hit(pid, signal.SIGCONT)
    counts = json.loads(source.wait(timeout=60))
    sink.process.send_signal(signal.SIGTERM)
    sink.wait(status=None)
    if counts["attempts"] != connections:
        raise Failed(f"the source tried {counts['attempts']} of {connections} connections")
    return counts, trace, trace.stop(timeout=60)


def exact(counts, trace, end):
    """The tracer's attempts are the source's; every delivered one has its record; every other one its row."""
    expect(end, totals__attempts=counts["attempts"])
    totals, records = end["totals"], trace.of("connection")
    if totals["delivered"] != len(records):
        raise Failed(f"{totals['delivered']} delivered, but {len(records)} records")
    rows = end.get("loss", [])
    lost = sum(row["attempts"] for row in rows)
    if lost != totals["counted_only"]:
        raise Failed(f"{totals['counted_only']} counted only, but the rows of loss say {lost}")
    for row in rows:
        if row["user"]["id"] != WEB_UID or row["port"] != 25:
            raise Failed(f"a row of loss for somebody else: {row}")
    if len({record["event"]["id"] for record in records}) != len(records):
        raise Failed("an event.id was used twice")


def test_flood_stopped(case):
    """50,000 connections while smtpsnoop is stopped for 5 s: every one is delivered or counted"""
    # A small ring: an emulated machine makes some hundreds of connections in that time.
    counts, trace, end = flood(
        case, many(case, 50000), lambda trace: trace.processes(), 5, "--concurrency", 200, ring=256 << 10
    )
    exact(counts, trace, end)
    if not end["totals"]["counted_only"]:
        raise Failed("nothing was lost: the flood was too small to show anything")


def test_flood_privileged_half_stopped(case):
    """the same when the half that drains the ring stands still"""
    exact(*flood(case, many(case, 20000), lambda trace: trace.halves()[:1], 3))


def test_flood_unprivileged_half_stopped(case):
    """and when the half that writes stands still"""
    exact(*flood(case, many(case, 20000), lambda trace: trace.halves()[1:], 3))


@quick
def test_burst(case):
    """a thousand connections, one actor: all delivered, and its windows say burst"""
    counts, trace, end = flood(case, 1000, lambda trace: [], 0)
    exact(counts, trace, end)
    expect(end, totals__delivered=1000, totals__counted_only=0)
    last = trace.of("connection")[-1]
    if "burst" not in last["verdict"]["reasons"]:
        raise Failed(f"no burst in {last['verdict']}")
    accepted = sum(record["smtp"].get("accepted", 0) for record in trace.of("connection"))
    if accepted != counts["accepted"]:
        raise Failed(f"{counts['accepted']} messages accepted, the records say {accepted}")


def test_fan_out(case):
    """many hosts in a short time: fan-out"""
    sink = case.actor(case.program("sink"), "--listen", "0.0.0.0:25", cgroup=None, netns="outside", uid=0)
    sink.process.stdout.readline()
    trace = case.trace()
    targets = [word for host in range(1, 41) for word in ("--to", f"203.0.113.{host}:25")]
    case.actor(case.program("source"), "--connections", 40, *targets).wait()
    trace.wait_until("40 records", lambda: len(trace.of("connection")) == 40)
    if not any("fan-out" in record["verdict"]["reasons"] for record in trace.of("connection")):
        raise Failed("no record says fan-out")
