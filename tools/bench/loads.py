# SPDX-License-Identifier: GPL-2.0-only
"""loads.py - the loads of the hooks' part: tools/bench/load without and with a tracer, in turn

All loads run in a row, without a tracer, with the first, without, with the second, and so on. What a tracer adds is taken
against the mean of the two runs without one around it, which takes drift out. While connections are held, the runs without
a tracer hold as many.
"""
import os
import shutil
import subprocess

import proc
from stage import Failed
from tracers import Off

WEB, SMTP = "unlisted port", "listed port"

# name, load, port, is done while idle connections are held
LOADS = (
    ("send 1 byte", "send", WEB, False),
    ("receive 1 byte", "receive", WEB, False),
    ("1 byte there and back", "turn", WEB, False),
    ("64 KiB sent and received", "large", WEB, False),
    ("connect() alone", "call", WEB, False),
    ("connect, accept, close", "connect", WEB, False),
    ("connect() alone", "call", SMTP, False),
    ("connect, accept, close", "connect", SMTP, False),
    ("a whole session", "session", SMTP, False),
    *([("connect() of PHP", "php", WEB, False), ("connect() of PHP", "php", SMTP, False)] if shutil.which("php") else ()),
    ("a process that executes a program", "spawn", WEB, False),
    ("send 1 byte", "send", WEB, True),
    ("1 byte there and back", "turn", WEB, True),
)


class Loads:
    """The loads with their sizes."""

    def __init__(self, stage, milliseconds, held):
        self.stage, self.milliseconds, self.held = stage, milliseconds, held

    def argv(self, load, port):
        number = self.stage.web if port == WEB else self.stage.smtp
        if load == "php":
            return ["php", "-n", os.path.join(os.path.dirname(__file__), "connect.php"), number, self.milliseconds]
        return [self.stage.tool("bench/load"), load, "--port", number,
                "--milliseconds", self.milliseconds, "--cpu", self.stage.cpu]

    def hold_argv(self):
        return [self.stage.tool("bench/load"), "hold", "--port", self.stage.smtp, "--hold", self.held]

    def label(self, entry):
        name, _, port, held = entry
        return f"{name}, {port}" + (f", {self.held} connections idle" if held else "")

    def measure(self, tracer):
        """{label: ns an operation} of all loads, with this tracer running."""
        pids, found, holder = tracer.processes(), {}, None
        for entry in LOADS:
            _, load, port, held = entry
            if held and not holder:
                holder = self.hold(pids)
            found[self.label(entry)] = self.stage.run(self.argv(load, port), inside=True, urgent=True)["ns"]
            if port == SMTP:
                proc.settle(pids)
        holder.end()
        proc.settle(pids)
        return found

    def hold(self, pids):
        holder = self.stage.start(self.hold_argv(), inside=True, stdin=subprocess.PIPE)
        self.stage.wait_for(lambda: b"ready" in holder.out.head or not holder.alive(), 60)
        if not holder.alive():
            raise Failed(f"`{self.stage.show(self.hold_argv())}`: {holder.stderr().strip()}")
        proc.settle(pids)
        return holder


class Figures:
    """What was measured, {label: [ns, ...]} of off, and what each tracer added to it."""

    def __init__(self):
        self.off, self.added, self.commands = {}, {}, {}

    def take(self, tracer, before, during, after):
        for label, ns in during.items():
            base = (before[label] + after[label]) / 2
            self.added.setdefault(tracer.name, {}).setdefault(label, []).append(ns - base)
        self.commands[tracer.name] = tracer.shown()

    def take_off(self, run):
        for label, ns in run.items():
            self.off.setdefault(label, []).append(ns)


def rounds(stage, loads, line, count, figures, say):
    off = Off(stage)
    for number in range(count):
        say(f"hooks: round {number + 1} of {count}")
        before = loads.measure(off)
        figures.take_off(before)
        for tracer in line.running():
            if not line.start(tracer, stage.smtp):
                continue
            during = loads.measure(tracer)
            line.stop(tracer)
            after = loads.measure(off)
            figures.take_off(after)
            figures.take(tracer, before, during, after)
            before = after
