# SPDX-License-Identifier: GPL-2.0-only
"""The collector's ends: either half killed, under load too, and what starts while another one is there."""
import os
import random
import signal
import time

from collector import Collector, collect
from marks import quick
from test_collect import refused, send
from test_exit import attachments
from world import SINK4, Failed


def killed(case, whom):
    """SIGKILL of a half: the other one ends, nothing is attached, and the next start goes on with what was acknowledged."""
    case.sink()
    collector = collect(case)
    send(case, "before.example")
    before = collector.connection(smtp__helo="before.example")
    send(case, "perhaps.example")
    collector.hit(collector.halves()[whom], signal.SIGKILL)
    collector.finish(status=None)
    if collector.exit_status == 0 or not collector.stderr():
        raise Failed(f"exit status {collector.exit_status}, stderr: {collector.stderr()}")
    if attachments(case):
        raise Failed(f"still attached: {attachments(case)}")
    collector.whole()
    again = collect(case, store=collector.store)
    send(case, "after.example")
    row, _ = again.connection(smtp__helo="after.example")
    again.stop()
    again.whole()
    kept = again.kept()
    if before not in kept:
        raise Failed("a connection that was in the store is gone")
    if row["seq"] != len(kept) or len({each["seq"] for each, _ in kept}) != len(kept):
        raise Failed(f"numbers: {[each['seq'] for each, _ in kept]}")
    if again.events().count("unclean") != 1:
        raise Failed(f"events: {again.events()}")


@quick
def test_kill_privileged_half(case):
    """SIGKILL of the privileged half: nothing stays attached, the store is whole, the next start tells of it"""
    killed(case, 0)


def test_kill_unprivileged_half(case):
    """SIGKILL of the half that writes: status 1, and the same"""
    killed(case, 1)


def test_killed_under_load(case):
    """SIGKILL of one half or the other, at any moment of a spam run: what the store had it has, and numbers go on"""
    case.sink()
    chance = random.Random(7)
    folder = os.path.join(case.world.folder, "store-killed")
    kept = []
    for _ in range(int(os.environ.get("KILLS", "5"))):
        load = case.actor(case.program("source"), "--to", f"{SINK4}:25", "--connections", 0, "--rate", 200)
        collector = collect(case, store=folder)
        before = len(kept)
        collector.until("more of them", lambda: collector.ask("select count(*) from connection")[0][0] > before)
        time.sleep(chance.random())
        acknowledged = collector.ask("select seq, start from connection order by seq")
        collector.hit(collector.halves()[chance.randrange(2)], signal.SIGKILL)
        collector.finish(status=None)
        load.process.kill()
        load.wait(status=None)
        collector.whole()
        kept = collector.ask("select seq, start from connection order by seq")
        if kept[: len(acknowledged)] != acknowledged:
            raise Failed(f"of {len(acknowledged)} connections that were in the store some are gone")
        if [seq for seq, _ in kept] != list(range(1, len(kept) + 1)):
            raise Failed("numbers are missing, or there twice")
        if attachments(case):
            raise Failed(f"still attached: {attachments(case)}")


@quick
def test_second(case):
    """a second collector on the same store is refused, with the first one's number, and has touched nothing; the first goes on"""
    case.sink()
    collector = collect(case)
    send(case)
    collector.connection()
    before = {name: os.stat(os.path.join(collector.store, name)).st_mtime_ns for name in os.listdir(collector.store)}
    refused(
        case,
        collector.store,
        f"another collector writes to the store in {collector.store} (pid {collector.halves()[0]})",
    )
    after = {name: os.stat(os.path.join(collector.store, name)).st_mtime_ns for name in os.listdir(collector.store)}
    if before != after:
        raise Failed(f"touched: {before}, {after}")
    send(case, "second.example")
    collector.connection(smtp__helo="second.example")
    collector.stop()
    if collector.events() != ["started", "ended"]:
        raise Failed(f"events: {collector.events()}")


def test_second_beside_a_half(case):
    """a half that is left holds the store; the next collector waits for its end"""
    collector = collect(case)
    privileged, half = collector.halves()
    collector.hit(half, signal.SIGSTOP)
    try:
        collector.hit(privileged, signal.SIGKILL)
        collector.process.wait(20)
        refused(case, collector.store, f"another collector writes to the store in {collector.store}\n")
        again = Collector(case, store=collector.store)
        case.traces.append(again)
        time.sleep(0.5)
    finally:
        collector.hit(half, signal.SIGCONT)
    collector.finish(status=None)
    again.started()
    again.stop()
