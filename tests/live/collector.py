# SPDX-License-Identifier: GPL-2.0-only
"""collector.py - runs the real `smtpsnoop collect` for one test, as a service manager would, and reads its store."""
import ast
import contextlib
import json
import os
import re
import shutil
import socket
import sqlite3
import tempfile
import time
import zlib

from tracer import COLLECT_CAPABILITIES, Trace
from world import ROOT, Failed

EVENTS = ("", "started", "ended", "lost", "lost by the store", "clock", "adopted", "unclean", "damaged")


def dictionary():
    """What records are packed with: part of the format, and written once, in the source."""
    with open(os.path.join(ROOT, "user", "store", "pack.c")) as file:
        words = re.search(r"char dictionary\[\] =(.*?\");", file.read(), re.DOTALL).group(1)
    return ast.literal_eval("(" + words + ")").encode()


def unpack(blob):
    if not blob or blob[0] != 1:
        raise Failed(f"packed with dictionary {blob[:1]!r}")
    return zlib.decompressobj(wbits=-15, zdict=dictionary()).decompress(blob[1:]).decode()


class Collector(Trace):
    """A running collector; its manager is the test."""

    capabilities = COLLECT_CAPABILITIES
    count = 0

    def __init__(self, case, *arguments, store=None, watchdog=None, prefix=()):
        Collector.count += 1
        self.store = store or os.path.join(case.world.folder, f"store-{Collector.count}")
        path = os.path.join(case.world.folder, f"notify-{Collector.count}")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(path)
        os.chmod(path, 0o666)  # as systemd's
        self.words = []
        env = {"NOTIFY_SOCKET": path}
        if watchdog:
            env["WATCHDOG_USEC"] = str(watchdog * 1000000)
        arguments = ("--store", self.store, *arguments)
        super().__init__(case, *arguments, json_output=False, command="collect", env=env, prefix=prefix)


    def hear(self, word, timeout=30):
        """Until the manager is told that; what was heard before is forgotten."""
        end = time.monotonic() + timeout * self.slow
        while word not in self.words:
            left = end - time.monotonic()
            # Its end closes no socket of ours: look now and then.
            self.manager.settimeout(max(min(left, 0.2), 0.01))
            try:
                self.words += self.manager.recv(4096).decode().split("\n")
            except TimeoutError:
                if left <= 0 or self.process.poll() is not None:
                    why = "nothing came" if left <= 0 else "it ended"
                    raise Failed(f"waiting for {word}: {why}; {self.words}; stderr: {self.stderr()}") from None
        del self.words[: self.words.index(word) + 1]

    def started(self):
        self.hear("READY=1")
        self.note_objects()
        return self

    def says(self, words, timeout=20):
        """Until the log has that."""
        self.until(f'"{words}" in the log', lambda: words in self.stderr(), timeout)

    def until(self, what, condition, timeout=20):
        end = time.monotonic() + timeout * self.slow
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end or self.exit_status is None and self.process.poll() is not None:
                raise Failed(f"waiting for {what}: stderr: {self.stderr()[-1500:] or '(empty)'}")
            time.sleep(0.05)

    def ask(self, query, *arguments):
        """Rows of the store; nothing while there is none. One that nobody writes is read in a copy: as the collector left it it stays."""
        path, copy = os.path.join(self.store, "store.db"), None
        if not os.path.exists(path):
            return []
        if self.process.poll() is not None:
            copy = tempfile.mkdtemp(dir=self.case.world.folder)
            for name in ("store.db", "store.db-wal"):
                if os.path.exists(os.path.join(self.store, name)):
                    shutil.copy(os.path.join(self.store, name), copy)
            path = os.path.join(copy, "store.db")
        try:
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode={'rw' if copy else 'ro'}", uri=True)) as database:
                return database.execute(query, arguments).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error) or "unable to open" in str(error):
                return []
            raise
        finally:
            if copy:
                shutil.rmtree(copy)

    def kept(self):
        """Every connection as a pair: its columns, and the record that it is again."""
        columns = (
            "seq, start, verdict, reasons, address, port, messages, accepted, recipients, refused, uid,"
            " t1.bytes, t2.bytes, t3.bytes, t4.bytes, t5.bytes, t6.bytes, t7.bytes, process.json, rest"
        )
        names = "seq start verdict reasons address port messages accepted recipients refused uid user exe cgroup helo reply script with"
        found = []
        for row in self.ask(
            f"select {columns} from connection join actor on actor.id = actor"
            " left join text t1 on t1.id = user left join text t2 on t2.id = exe left join text t3 on t3.id = cgroup"
            " left join text t4 on t4.id = helo left join text t5 on t5.id = reply left join text t6 on t6.id = script"
            " left join text t7 on t7.id = other"
            " left join process on process.id = process order by seq"
        ):
            parts = [unpack(row[-1])] + ([unpack(row[-2])] if row[-2] else [])
            found.append((dict(zip(names.split(), row)), json.loads("{" + ",".join(parts) + "}")))
        return found

    def connection(self, timeout=20, **fields):
        """Waits until the store has a connection whose record has these fields."""

        def has(record):
            for name, wanted in fields.items():
                value = record
                for part in name.split("__"):
                    value = value.get(part, {}) if isinstance(value, dict) else {}
                if value != wanted:
                    return False
            return True

        return self.until(
            f"a connection with {fields or 'anything'}",
            lambda: next(((row, record) for row, record in self.kept() if has(record)), None),
            timeout,
        )

    def events(self):
        return [EVENTS[kind] for (kind,) in self.ask("select kind from event order by seq")]

    def whole(self):
        """Nothing is torn."""
        said = self.ask("pragma integrity_check")
        if said != [("ok",)]:
            raise Failed(f"integrity_check: {said}")
        details, sums = self.ask("select count(*) from connection"), self.ask("select sum(connections) from hour")
        if details[0][0] != (sums[0][0] or 0):
            raise Failed(f"{details} connections, but the hours have {sums}")

    def stop(self, number=15, status=0, timeout=30):
        """SIGTERM, unless it has ended."""
        if self.exit_status is not None:
            return
        if self.process.poll() is None:
            self.note_objects()
            self.send(number)
        self.finish(status, timeout)

    def close(self):
        super().close()
        self.manager.close()


def collect(case, *arguments, **kwargs):
    """A collector that has told its manager that it is ready."""
    collector = Collector(case, *arguments, **kwargs)
    case.traces.append(collector)
    return collector.started()
