# SPDX-License-Identifier: GPL-2.0-only
"""storing.py - how fast the store takes rows and gives them up: every JSON line of the tool `store` as a row"""
import os

from parsing import figures
from table import Table, number


def run(stage, options, _tracers, say):
    """Returns the table. The file is in the stage's folder: figures are those of that disk, too."""
    table = Table("store", "the store alone", ["figure"])
    argv = [os.path.join(stage.tools, "bench", "store"), stage.folder, str(options.store_seconds)]
    if not os.access(argv[0], os.X_OK):
        table.not_run("store", "not built")
        return table
    say("store")
    child = stage.start(argv)
    stage.wait_for(lambda: not child.alive(), 120 + 10 * options.store_seconds)
    status = child.end()
    rows = figures(child.out.tail)
    table.columns = list(dict.fromkeys(name for _, row in rows for name in row))
    for label, row in rows:
        table.row(label, {name: number(value) for name, value in row.items()})
    if status:
        table.not_run("store", child.stderr().strip() or f"ended with {status}")
    table.command("store", stage.show(argv))
    return table
