# SPDX-License-Identifier: GPL-2.0-only
"""rate.py - whole SMTP sessions: how many a second without and with a tracer, its CPU time, and what it lost

tools/source in our cgroup against tools/sink outside of it. Nothing is bound to a CPU: a tracer competes with the load, as
it does in life. First as fast as it goes, then at fixed rates.
"""
import json

import proc
from stage import Failed
from table import NOTHING, Table, number, spread
from tracers import Line, Off

LOST = ("counted_only", "data", "data_bytes", "senders", "states", "storage_failed", "scratch_busy", "loss_rows_full", "programs_skipped")


class Run:
    """One run of the source with a tracer."""

    def __init__(self, stage, tracer, argv):
        pids = tracer.processes()
        before = proc.cpu_ns(pids)
        self.counts = stage.run(argv, inside=True)
        self.behind = not proc.settle(pids, 20)
        self.cpu = (proc.cpu_ns(tracer.processes()) - before) / 1e9
        if self.counts["finished"] != self.counts["attempts"]:
            raise Failed(f"`{stage.show(argv)}`: sessions broke: {json.dumps(self.counts)}")
        self.attempts, self.rate = self.counts["attempts"], self.counts["rate"]
        self.seconds = self.counts["seconds"]
        self.losses, self.quits = {}, None


def measure(stage, line, tracer, argv):
    """The Run; None when the tracer does not start or came to grief."""
    if not line.start(tracer, stage.sink):
        return None
    try:
        done = Run(stage, tracer, argv)
    finally:
        losses = line.stop(tracer)
    if tracer.name in line.absent:
        return None
    done.losses = losses
    done.quits = getattr(tracer, "quits", None)
    return done


def lost(runs):
    """What the tracer itself says that it lost, or what is not there: text of a cell."""
    if "delivered" in runs[0].losses:
        return what_lost({name: sum(run.losses[name] for run in runs) for name in runs[0].losses})
    if runs[0].quits is not None:
        return f"{sum(run.attempts - run.quits for run in runs)} sessions"
    if "packets" in runs[0].losses:
        return f"{sum(run.losses['packets'] for run in runs)} packets"
    return NOTHING


def what_lost(totals):
    """The same from smtpsnoop's totals."""
    parts = [f"{totals[name]} {name}" for name in LOST if totals.get(name)]
    return ", ".join(parts) or "nothing"


def account(name, what, runs):
    """smtpsnoop's account of all attempts beside the source's; None for others."""
    if "delivered" not in runs[0].losses:
        return None
    words = ("attempts", "delivered", "counted_only", "records")
    total = {word: sum(run.losses[word] for run in runs) for word in words}
    source = sum(run.attempts for run in runs)
    adds_up = all(run.losses["attempts"] == run.losses["delivered"] + run.losses["counted_only"] for run in runs)
    same = all(run.losses["attempts"] == run.attempts for run in runs)
    return (f"- {name}, {what}: {total['attempts']} attempts {'=' if adds_up else 'ARE NOT'} {total['delivered']} delivered + "
            f"{total['counted_only']} counted only, {total['records']} records; the source "
            f"{'' if same else 'DIFFERS: it '}made {source}")


def paired(runs, offs):
    """us that each session took longer than in the runs without a tracer around."""
    return [1e6 / run.rate - (1e6 / before + 1e6 / after) / 2 for run, (before, after) in zip(runs, offs)]


def full_speed(stage, options, line, say):
    argv = stage.bot(options.sessions, "--concurrency", 50)
    off, rates, runs, around = Off(stage), [], {}, {}
    stage.run(argv, inside=True)  # warm
    for turn in range(options.rounds):
        say(f"rate: round {turn + 1} of {options.rounds}")
        before = measure(stage, line, off, argv).rate
        rates.append(before)
        for tracer in line.running():
            done = measure(stage, line, tracer, argv)
            if not done:
                continue
            after = measure(stage, line, off, argv).rate
            rates.append(after)
            runs.setdefault(tracer.name, []).append(done)
            around.setdefault(tracer.name, []).append((before, after))
            before = after
    return argv, rates, runs, around


def rows_full_speed(table, rates, runs, around):
    table.row("sessions a second", {"off": spread(rates), **{n: spread([r.rate for r in of]) for n, of in runs.items()}})
    table.row("us added to a session", {n: spread(paired(of, around[n])) for n, of in runs.items()})
    table.row("its CPU seconds for 1000 sessions",
              {n: spread([1000 * r.cpu / r.attempts for r in of]) for n, of in runs.items()})


def at_rate(stage, line, tracers, rate, seconds):
    """{name: (Run, text)} at a fixed rate."""
    argv = stage.bot(rate * seconds, "--rate", rate, "--concurrency", 500)
    runs = {}
    for tracer in tracers:
        done = measure(stage, line, tracer, argv)
        if done:
            runs[tracer.name] = done
    return argv, runs


def rows_fixed(table, what, runs):
    table.row(f"{what}: reached", {n: number(r.rate) for n, r in runs.items()})
    table.row(f"{what}: its CPU, % of one",
              {n: number(100 * r.cpu / r.seconds) for n, r in runs.items() if n != "off"})


def run(stage, options, tracers, say):
    """Returns the table."""
    line = Line(tracers)
    sink = stage.server()
    argv, rates, runs, around = full_speed(stage, options, line, say)
    fixed = {}
    for rate in options.rates:
        say(f"rate: {rate} a second")
        fixed[f"at {rate} a second"] = at_rate(stage, line, [Off(stage), *line.running()], rate, options.rate_seconds)
    sink.end()
    names = [tracer.name for tracer in tracers if tracer.name in runs]
    table = Table("rate", "whole SMTP sessions", ["off", *names])
    rows_full_speed(table, rates, runs, around)
    every = {"as fast as it goes": (argv, runs)}
    for what, (command, done) in fixed.items():
        rows_fixed(table, what, done)
        every[what] = command, {name: [one] for name, one in done.items() if name in names}
    for what, (command, of) in every.items():
        table.row(f"{what}: lost", {name: lost(some) for name, some in of.items()})
        table.command(what, stage.show(command))
        for name, some in of.items():
            table.note(account(name, what, some))
            if any(one.behind for one in some):
                table.note(f"- {name}, {what}: still busy 20 s after the last session")
    for tracer in tracers:
        if tracer.name in names:
            table.command(tracer.name, tracer.shown())
    for name, why in line.absent.items():
        table.not_run(name, why)
    return table
