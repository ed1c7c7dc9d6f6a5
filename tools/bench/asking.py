# SPDX-License-Identifier: GPL-2.0-only
"""asking.py - how long `report` takes over a history of many connections

Beside each question what SQLite takes to sum the same from the connections in full, in a process that has the store open already.
"""
import json
import os
import sqlite3
import subprocess
import time

from stage import Failed
from table import Table, number, spread

OURS, PLAIN = "report", "SQLite, from connections in full"
DAYS = 90
SUMS = "count(*), sum(messages), sum(accepted), sum(recipients), sum(refused)"
JOINED = f"SELECT {SUMS} FROM connection c JOIN actor a ON a.id = c.actor WHERE start >= ?"
OVERVIEW = f"{JOINED} AND verdict IN (0, 4, 5) GROUP BY uid, user, script, exe, service, container ORDER BY 1 DESC LIMIT 20"

# arguments, days, the plain statement: ? is the beginning in ns
QUESTIONS = (
    ("", 1, OVERVIEW),
    ("", DAYS, OVERVIEW),
    ("--by user", DAYS, f"{JOINED} GROUP BY uid, user ORDER BY 1 DESC LIMIT 20"),
    ("--by script", DAYS, f"{JOINED} GROUP BY script ORDER BY 1 DESC LIMIT 20"),
    ("--by destination", 7, f"SELECT {SUMS} FROM connection WHERE start >= ? GROUP BY address ORDER BY 1 DESC LIMIT 20"),
    ("--by destination", DAYS, f"SELECT {SUMS} FROM connection WHERE start >= ? GROUP BY address ORDER BY 1 DESC LIMIT 20"),
    ("--by reply", DAYS, f"SELECT {SUMS} FROM connection WHERE start >= ? GROUP BY reply ORDER BY 1 DESC LIMIT 20"),
    ("--by hour", 7, f"SELECT {SUMS} FROM connection WHERE start >= ? GROUP BY start / 3600000000000"),
    ("--destination 203.0.7.0/24", 7, f"SELECT {SUMS} FROM connection WHERE start >= ? AND address >= x'cb000700' AND address < x'cb000800'"),
    ("--html page.html", DAYS, None),
    ("actor mailer7.php", DAYS, f"{JOINED} AND a.script = (SELECT id FROM text WHERE bytes LIKE '%mailer7.php') GROUP BY address ORDER BY 1 DESC"),
    ("connection {id}", DAYS, None),
)


def timed(run, rounds):
    """Seconds of each."""
    took = []
    for _ in range(rounds):
        began = time.monotonic()
        run()
        took.append(time.monotonic() - began)
    return took


def plainly(store, statement, since):
    return lambda: store.execute(statement, (since,)).fetchall()


def ask(stage, argv):
    def run():
        done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=stage.folder, check=False)
        if done.returncode:
            raise Failed(f"{stage.show(argv)}: {done.stderr.decode(errors='replace').strip()}")
    return run


def record_id(stage, directory, seq):
    """event.id of a connection."""
    argv = [stage.binary, "report", "--store", directory, "--json", "connection", str(seq)]
    return json.loads(subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout)["event"]["id"]


def run(stage, options, _tracers, say):
    """Returns the table; a round is a whole process, the store's pages being in the kernel's cache after the first."""
    table = Table("report", "question", [OURS, PLAIN])
    fill = stage.tool("store_fill")
    directory = os.path.join(stage.folder, "history")
    os.mkdir(directory, 0o700)
    path = os.path.join(directory, "store.db")
    rows, rounds = options.history, options.history_rounds
    say(f"report: {rows} connections of {DAYS} days are made first")
    argv = [fill, "--rows", str(rows), "--days", str(DAYS), path]
    made = stage.start(argv)
    stage.wait_for(lambda: not made.alive(), 60 + rows // 2000)
    status = made.end()
    if status:
        table.not_run(OURS, made.stderr().strip() or f"ended with {status}")
        return table
    table.note(f"{rows} connections of {DAYS} days: {made.out.tail.decode().strip()}")
    table.command("history", stage.show(argv))
    until = time.time_ns()
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    store.execute("PRAGMA cache_size = -65536")
    last = record_id(stage, directory, rows // 2)
    for words, days, statement in QUESTIONS:
        argv = [stage.binary, "report", "--store", directory, "--since", f"{days}d", *words.format(id=last).split()]
        label = f"{words.replace('{id}', 'ID') or 'overview'}, {days} day{'s'[:days > 1]}"
        say(f"report: {label}")
        cells = {OURS: spread(timed(ask(stage, argv), rounds), seconds)}
        if statement:
            plain = plainly(store, statement, until - days * 86400 * 10**9)
            cells[PLAIN] = spread(timed(plain, 1 if rows > 10**6 else rounds), seconds)
        table.row(label, cells)
    table.command(OURS, "smtpsnoop report --store TMP/history --since DAYSd QUESTION")
    store.close()
    return table


def seconds(value):
    return f"{number(value)} s"
