# SPDX-License-Identifier: GPL-2.0-only
"""hooks.py - what the hooks cost: the table of loads.py's figures, median and quartiles over the rounds"""
import audit
from loads import LOADS, Figures, Loads, rounds
from table import Table, added, spread
from tracers import Line, Off


def run(stage, options, tracers, say):
    """Returns the table."""
    loads, figures, line = Loads(stage, options.milliseconds, options.held), Figures(), Line(tracers, stage.other_cpus())
    loads.measure(Off(stage))  # warm
    rounds(stage, loads, line, options.rounds, figures, say)
    audit_figures, audit_absent = audit.run(stage, options, loads, say)
    names = [name for name in [tracer.name for tracer in tracers] + [audit.NAME]
             if name in figures.added or name in audit_figures.added]
    figures.added.update(audit_figures.added)
    table = Table("hooks", "ns an operation, and what a tracer adds", ["off", *names])
    for entry in LOADS:
        label = loads.label(entry)
        cells = {"off": spread(figures.off[label])}
        cells.update({name: added(figures.added[name].get(label), figures.off[label]) for name in names})
        table.row(label, cells)
        if not entry[3]:
            table.command(label, stage.show(loads.argv(*entry[1:3])))
    table.command("connections idle", stage.show(loads.hold_argv()))
    for name, command in {**figures.commands, **audit_figures.commands}.items():
        table.command(name, command)
    for name, why in {**line.absent, **audit_absent}.items():
        table.not_run(name, why)
    elsewhere = "the other CPUs" if stage.other_cpus() else "the same one, there being no other"
    table.note(f"{options.rounds} rounds; loads in a cgroup of their own on CPU {stage.cpu}, tracers on {elsewhere}. "
               "off: median of all runs without a tracer; a tracer: the median of what it adds to the mean of the two runs "
               "without it around, its quartiles, and its part of off.")
    return table
