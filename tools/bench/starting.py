# SPDX-License-Identifier: GPL-2.0-only
"""starting.py - how long it takes from a tracer's start until it traces; those that don't say when they do are not asked"""
import os
import time

import proc
from table import Table, number, spread
from tracers import Empty, Line, Smtpsnoop


class Collector(Smtpsnoop):
    """With a store that is made anew."""

    def argv(self):
        return [self.binary, "collect", "--cgroup", self.stage.cgroup, "--port", str(self.port),
                "--store", os.path.join(self.stage.folder, f"store-{self.stage.count}")]

    def shown(self):
        return f"smtpsnoop collect --cgroup CGROUP --port {self.port} --store TMP/store"

    def ready(self):
        return "collecting" in self.child.stderr()

    def losses(self):
        return {}


def run(stage, options, _tracers, say):
    """Returns the table."""
    say(f"start: {options.starts} times each")
    line = Line([Smtpsnoop(stage), Collector(stage, name="smtpsnoop collect"), Empty(stage)])
    took, cpu = {}, {}
    for _ in range(options.starts):
        for tracer in line.running():
            began = time.monotonic()
            if not line.start(tracer, stage.smtp):
                continue
            took.setdefault(tracer, []).append(tracer.began - began)
            cpu.setdefault(tracer, []).append(proc.cpu_ns(tracer.processes()) / 1e9)
            line.stop(tracer)
    table = Table("start", "until it traces", ["seconds", "CPU seconds"])
    for tracer, values in took.items():
        table.row(tracer.name, {"seconds": spread(values, number), "CPU seconds": spread(cpu[tracer], number)})
        table.command(tracer.name, tracer.shown())
    for name, why in line.absent.items():
        table.not_run(name, why)
    return table
