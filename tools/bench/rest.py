# SPDX-License-Identifier: GPL-2.0-only
"""rest.py - what a tracer takes while nothing happens, and what it still takes after very many connections

idle: all tracers at once, each looked at when it has come to rest and again some time later. million: smtpsnoop before,
amid and after a flood; that its memory is the same each time is what is to be shown.
"""
import time

import proc
from rate import what_lost
from table import Table, number
from tracers import Line, Smtpsnoop

MEMORY = ("MB resident", "of it kernel buffers, mapped", "descriptors", "KB of kernel maps", "KB of kernel programs")


def parts_of(tracer):
    """{name: pids}: smtpsnoop's two halves, else all in one."""
    pids = tracer.processes()
    if not isinstance(tracer, Smtpsnoop):
        return {tracer.name: pids}
    rights, without = proc.halves(pids)
    return {f"{tracer.name}, privileged half": rights, f"{tracer.name}, parsing half": without}


def memory(pids):
    every = [proc.resident(pid) for pid in pids]
    return dict(zip(MEMORY, (
        number(sum(one[0] for one in every) / 1e6),
        number(sum(one[1] for one in every) / 1e6),
        sum(proc.descriptors(pid) for pid in pids),
        number(proc.kernel_bytes(pids, "map") / 1000),
        number(proc.kernel_bytes(pids, "prog") / 1000),
    )))


def idle(stage, options, tracers, say):
    """Returns the table."""
    say(f"idle: {options.idle} s")
    line = Line(tracers)
    started = [tracer for tracer in line.running() if line.start(tracer, stage.smtp)]
    for tracer in started:
        proc.settle(tracer.processes())
    parts = {name: pids for tracer in started for name, pids in parts_of(tracer).items()}
    before = {name: (proc.wakeups(pids), proc.cpu_ns(pids)) for name, pids in parts.items()}
    time.sleep(options.idle)
    table = Table("idle", f"at rest, over {options.idle} s", ["wake-ups", "CPU ms", *MEMORY])
    for name, pids in parts.items():
        table.row(name, {
            "wake-ups": proc.wakeups(pids) - before[name][0],
            "CPU ms": number((proc.cpu_ns(pids) - before[name][1]) / 1e6),
            **memory(pids),
        })
    for tracer in started:
        table.command(tracer.name, tracer.shown())
        line.stop(tracer)
    for name, why in line.absent.items():
        table.not_run(name, why)
    return table


def flood(stage, options, tracer, table, say):
    """The rows of one binary."""
    argv = stage.bot(options.million // 2, "--concurrency", 50)
    tracer.start(stage.sink)
    cells, source, cpu = {}, 0, proc.cpu_ns(tracer.processes())
    for at, column in enumerate(table.columns):
        if at:
            say(f"million: {column}")
            source += stage.run(argv, inside=True, timeout=1200)["attempts"]
            proc.settle(tracer.processes(), 60)
        for name, pids in parts_of(tracer).items():
            for what, text in memory(pids).items():
                cells.setdefault(f"{name}: {what}", {})[column] = str(text)
    cpu = proc.cpu_ns(tracer.processes()) - cpu
    losses = tracer.stop()
    for label, texts in cells.items():
        if set(texts.values()) != {"0"}:
            table.row(label, texts)
    table.note(f"- {tracer.name}: {losses['attempts']} attempts = {losses['delivered']} delivered + {losses['counted_only']} "
               f"counted only; the source's count: {source}; lost: {what_lost(losses)}; CPU {number(cpu / 1e9)} s")
    table.command(tracer.name, tracer.shown())
    table.command("load", stage.show(argv))


def million(stage, options, tracers, say):
    """Returns the table."""
    half = options.million // 2
    table = Table("million", "memory after connections", ["at rest", f"after {half}", f"after {2 * half}"])
    sink = stage.server()
    for tracer in tracers:
        if isinstance(tracer, Smtpsnoop):
            flood(stage, options, tracer, table, say)
    sink.end()
    return table
