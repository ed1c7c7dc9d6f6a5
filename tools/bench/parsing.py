# SPDX-License-Identifier: GPL-2.0-only
"""parsing.py - how fast the user side parses: every JSON line of the tool `parser`, if it was built, as a row"""
import json
import os

from table import Table, number


def figures(out):
    """[(label, {name: number})]: what is text in a line belongs to its label."""
    found = []
    for line in out.splitlines():
        try:
            words = json.loads(line)
        except ValueError:
            continue
        label = ", ".join(str(value) for value in words.values() if isinstance(value, str))
        found.append((label or "parser", {key: value for key, value in words.items() if isinstance(value, (int, float))}))
    return found


def run(stage, _options, _tracers, say):
    """Returns the table; without the tool it says so."""
    argv = [os.path.join(stage.tools, "bench", "parser")]
    if not os.access(argv[0], os.X_OK):
        table = Table("parser", "the user side alone", ["figure"])
        table.not_run("parser", "not built")
        return table
    say("parser")
    child = stage.start(argv)
    stage.wait_for(lambda: not child.alive(), 300)
    status = child.end()
    rows = figures(child.out.tail)
    table = Table("parser", "the user side alone", dict.fromkeys(name for _, row in rows for name in row))
    for label, row in rows:
        table.row(label, {name: number(value) for name, value in row.items()})
    if status:
        table.not_run("parser", child.stderr().strip() or f"ended with {status}")
    table.command("parser", stage.show(argv))
    return table
