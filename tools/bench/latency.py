# SPDX-License-Identifier: GPL-2.0-only
"""latency.py - from the event to the line at the reader, at a moderate rate

For smtpsnoop the event is event.end of a connection's record, or @timestamp of a step (--events); for tshark it is the
packet's time. Both clocks are the host's. Percentiles are over all lines of the run.
"""
import json
import time

from table import Table, number
from tracers import Line, Smtpsnoop, Tshark


def nanoseconds(text):
    """RFC 3339 in UTC, with any number of decimals."""
    seconds, _, rest = text.rstrip("Z").partition(".")
    whole = time.mktime(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) - time.timezone
    return int(whole) * 10**9 + int((rest + "000000000")[:9])


class Clock:
    """Takes lines and the time at which they come; what they say is looked at afterwards."""

    def __init__(self):
        self.lines = []

    def __call__(self, line):
        self.lines.append((time.time_ns(), line))


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def of_records(lines):
    """{what: [ns, ...]}"""
    found = {"connections": [], "steps": []}
    for came, line in lines:
        record = json.loads(line)
        event = record["event"]
        if event["action"] == "connection":
            found["connections"].append(came - nanoseconds(event["end"]))
        elif event["action"] == "step":
            found["steps"].append(came - nanoseconds(record["@timestamp"]))
    return found


def of_packets(lines):
    stamps = [(came, line.strip()) for came, line in lines]
    return {"packets": [came - int(float(text) * 1e6) * 1000 for came, text in stamps if text]}


def watch(stage, tracer, argv, line, read):
    """{what: [ns, ...]} of one run; empty when it does not run here."""
    tracer.on_line = Clock()
    if not line.start(tracer, stage.sink):
        return {}
    stage.run(argv, inside=True)
    time.sleep(1)
    line.stop(tracer)
    return read(tracer.on_line.lines) if tracer.name not in line.absent else {}


def run(stage, options, tracers, say):
    """Returns the table; of the tracers only those that tell a time can take part."""
    say("latency")
    peers = [tracer for tracer in tracers if isinstance(tracer, Smtpsnoop)]
    events = [Smtpsnoop(stage, one.binary, ("--events",), f"{one.name} --events") for one in peers]
    shark = Tshark(stage, ("-T", "fields", "-e", "frame.time_epoch"))
    line = Line([*peers, *events, shark])
    sink = stage.server()
    argv = stage.bot(options.latency, "--rate", 100)
    table = Table("latency", "ms from the event to its line", ["p50", "p99", "most", "lines"])
    for tracer in line.tracers:
        found = watch(stage, tracer, argv, line, of_packets if tracer is shark else of_records)
        for what, values in found.items():
            if values:
                of = [number(percentile(values, part) / 1e6) for part in (0.5, 0.99, 1)]
                table.row(f"{tracer.name}, {what}", dict(zip(table.columns, [*of, len(values)])))
        if found:
            table.command(tracer.name, tracer.shown())
    sink.end()
    table.command("load", stage.show(argv))
    for name, why in line.absent.items():
        table.not_run(name, why)
    return table
