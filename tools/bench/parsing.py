# SPDX-License-Identifier: GPL-2.0-only
"""parsing.py - how fast the user side parses: every JSON line of the tool `parser`, if it was built, as a row"""
import json
import os

from table import NOTHING, Table, number


def run(stage, _options, _tracers, say):
    """Returns the table; without the tool it says so."""
    table = Table("parser", "the user side alone", ["figure"])
    argv = [os.path.join(stage.tools, "bench", "parser")]
    if not os.access(argv[0], os.X_OK):
        table.not_run("parser", "not built")
        return table
    say("parser")
    child = stage.start(argv)
    child.process.wait(600)
    status = child.end()
    for line in child.out.tail.splitlines():
        try:
            words = json.loads(line)
        except ValueError:
            continue
        name = words.pop("bench", "parser")
        table.row(name, {"figure": ", ".join(f"{key} {number(value) if isinstance(value, (int, float)) else value}"
                                             for key, value in words.items()) or NOTHING})
    if status:
        table.not_run("parser", child.stderr().strip() or f"ended with {status}")
    table.command("parser", stage.show(argv))
    return table
