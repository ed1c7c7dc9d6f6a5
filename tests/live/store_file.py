# SPDX-License-Identifier: GPL-2.0-only
"""store_file.py - a store made without the collector, by what store/schema.c says of it: who reads it must need no more."""
import json
import os
import re
import sqlite3
import zlib

from world import ROOT

HOUR = 3600 * 10**9
VERDICTS = ("unknown", "mta", "local", "relay", "bypass", "impostor")
APPLICATION = 0x736D7470


def schema():
    with open(os.path.join(ROOT, "user", "store", "schema.c")) as file:
        text = file.read()
        found = re.search(r"\[1\] = (.*?),\n};\n", text, re.S)
        short = re.search(r'#define SHORT.*?"([^"]*)"', text, re.S)
    return "".join(re.findall(r'"([^"]*)"', found[1].replace("SHORT", f'"{short[1]}"')))


def packed(members):
    """JSON members without braces; a dictionary need not be used by who packs."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -13)
    return b"\x01" + stream.compress(json.dumps(members, separators=(",", ":"))[1:-1].encode()) + stream.flush()


class Store:
    """Rows are given with add(); close() commits, and makes the directory the user's that parses."""

    def __init__(self, folder, version=1):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.path = folder, os.path.join(folder, "store.db")
        self.texts, self.actors, self.hours, self.days, self.seq = {}, {}, {}, {}, 0
        self.db = sqlite3.connect(self.path)
        self.db.executescript(f"PRAGMA journal_mode=WAL; {schema()} PRAGMA application_id={APPLICATION};")
        self.db.execute(f"PRAGMA user_version={version}")

    def text(self, words):
        words = words.encode() if isinstance(words, str) else words
        if words and words not in self.texts:
            self.texts[words] = len(self.texts) + 1
            self.db.execute("INSERT INTO text VALUES(?, 0, 0, ?)", (self.texts[words], words))
        return self.texts.get(words, 0)

    def actor(self, uid, names):
        known = ("user", "exe", "script", "with", "service", "container", "cgroup")
        key = (uid, *(self.text(names.get(name, "")) for name in known))
        if key not in self.actors:
            self.actors[key] = len(self.actors) + 1
            self.db.execute("INSERT INTO actor VALUES(?, 0, ?, ?, ?, ?, ?, ?, ?, ?)", (self.actors[key], *key))
        return self.actors[key]

    def add(self, start, verdict, uid=-1, address="192.0.2.1", helo="", reply="", counts=(1, 1, 1, 0), **names):
        """start: Unix ns; counts: messages, accepted, recipients, refused."""
        self.seq += 1
        number, actor = VERDICTS.index(verdict), self.actor(uid, names)
        record = {
            "host": {"name": "web1"},
            "event": {"id": f"abc-{self.seq:x}"},
            "smtp": {"helo": helo},
            "verdict": {"class": verdict, "reasons": []},
        }
        self.db.execute(
            "INSERT INTO connection VALUES(?, ?, ?, ?, ?, 0, ?, 25, ?, ?, ?, ?, ?, ?, 0, ?)",
            (
                self.seq,
                start,
                self.seq,
                actor,
                number,
                bytes(map(int, address.split("."))),
                self.text(helo),
                self.text(reply),
                *counts,
                packed(record),
            ),
        )
        sums = self.hours.setdefault((start // HOUR, actor, number), [0, 0, 0, 0, 0, start, start])
        sums[:5] = [a + b for a, b in zip(sums, (1, *counts))]
        sums[5:] = [min(start, sums[5]), max(start, sums[6])]
        for what, value in ((1, address), (2, helo), (3, reply)):
            key = (start // (24 * HOUR), what, self.text(value) or -1, number)
            values = self.days.setdefault(key, [0] * 5)
            values[:] = [a + b for a, b in zip(values, (1, *counts))]
        return self.seq

    def event(self, time, kind, number=0, words=None):
        self.db.execute("INSERT INTO event(time, kind, number, words) VALUES(?, ?, ?, ?)", (time, kind, number, words))

    def close(self, created, uid=65534, gid=65534):
        for key, sums in self.hours.items():
            self.db.execute("INSERT INTO hour VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?, ?)", (*key, *sums))
        for key, sums in self.days.items():
            self.db.execute("INSERT INTO day_value VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", (*key, *sums))
        self.db.execute("INSERT INTO meta VALUES('created', ?)", (created // 10**9,))
        self.db.commit()
        self.db.close()
        own(self.folder, uid, gid)


def own(folder, uid, gid):
    os.chmod(folder, 0o750)
    os.chown(folder, uid, gid)
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o640)
        os.chown(os.path.join(folder, name), uid, gid)
