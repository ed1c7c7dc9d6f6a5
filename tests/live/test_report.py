# SPDX-License-Identifier: GPL-2.0-only
"""report: what a store says, as whom it is read, and that nothing but a store of ours is."""
import contextlib
import csv
import io
import json
import os
import sqlite3
import time

from store_file import HOUR, Store, own
from test_usage import refused
from tracer import expect, parse_json
from world import Failed

MTA = "/usr/lib/postfix/sbin/smtp"
SCRIPT = "/var/www/shop/uploads/.x/mailer.php"
HOSTILE = "/home/bob/\x1b]0;owned\x07=cmd.py"
BOB = 54321


def folder(case, name="store"):
    return os.path.join(case.world.folder, f"{name}-{time.monotonic_ns()}")


def filled(case, **owner):
    """Two senders and the MTA, over two days; the collector was off for two hours. Returns the directory and now."""
    now = time.time_ns()
    store = Store(folder(case))
    store.event(now - 48 * HOUR, 1)
    for hour in range(48):
        start = now - (hour + 1) * HOUR + HOUR // 2
        store.add(start, "mta", 100, "192.0.2.2", "mail.example", "250", user="postfix", exe=MTA)
        if hour < 24:
            for host in range(3):
                store.add(
                    start,
                    "bypass",
                    33,
                    f"198.51.100.{host}",
                    "localhost",
                    "554 zen.spamhaus.org",
                    (1, 0, 20, 20),
                    user="www-data",
                    exe="/usr/sbin/php-fpm8.2",
                    script=SCRIPT,
                    service="php8.2-fpm.service",
                    cgroup="/system.slice/php8.2-fpm.service",
                )
    store.add(now - HOUR, "impostor", 1000, script=HOSTILE, user="bob", exe="/usr/bin/python3")
    store.event(now - 10 * HOUR, 2)
    store.event(now - 8 * HOUR, 1)
    store.event(now - 7 * HOUR, 4, 4100, "the disk is full")
    store.close(now - 48 * HOUR, **owner)
    return store.folder, now


def report(case, where, *options, status=0, **how):
    done = case.smtpsnoop("report", "--store", where, *options, **how)
    if done.returncode != status:
        raise Failed(f"exit status {done.returncode}, expected {status}: {done.stderr.strip()}")
    return done

def has(text, *words):
    for word in words:
        if word not in text:
            raise Failed(f"{word!r} is missing in:\n{text}")


def test_overview(case):
    """without options: who went round the MTA, where to, what was answered, what is not known"""
    where, _ = filled(case)
    text = report(case, where).stdout
    has(
        text,
        "Round the MTA: 73 connections, by 2 senders",
        SCRIPT,
        "php8.2-fpm.service",
        "198.51.100.2",
        "554 zen.spamhaus.org",
        "(2 h)",
        "4100 connections could not be stored",
        "the disk is full",
        "owned\\x07=cmd.py",
    )
    if "\x1b" in text or "postfix/sbin/smtp" in text:
        raise Failed(text)


def test_actor_and_connection(case):
    """an actor's time line, and one of its connections in full"""
    where, _ = filled(case)
    text = report(case, where, "actor", "mailer").stdout
    has(text, "By the hour:", "The first connections", "The last ones", "198.51.100.1:25")
    whole = json.loads(report(case, where, "--json", "actor", "mailer").stdout)["report"]
    seq = whole["last"][-1]["seq"]
    has(report(case, where, "connection", str(seq)).stdout, f"Connection {seq}", "localhost", "bypass")
    record = parse_json(report(case, where, "--json", "connection", f"abc-{seq:x}").stdout.encode().strip())
    expect(record, event__id=f"abc-{seq:x}", verdict__class="bypass", smtp__helo="localhost")
    number = whole["who"]["rows"][0]["actor"]
    other = json.loads(report(case, where, "--json", "actor", str(number)).stdout)["report"]
    if other["who"]["rows"] != whole["who"]["rows"]:
        raise Failed(f"{other['who']['rows']} by number, {whole['who']['rows']} by name")
    done = report(case, where, "actor", "nobody-of-this-name", status=1)
    has(done.stderr, "no connection of such an actor")
    refused(case, case.smtpsnoop("report", "--store", where, "connection", "99999"), "no connection", status=1)


def test_forms(case):
    """JSON and CSV say the same, by whatever"""
    where, now = filled(case)
    until = ("--until", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now // 10**9 + 2)))
    for by in ("who user exe script service container cgroup destination helo verdict reply hour").split():
        done = report(case, where, "--since", "3d", *until, "--by", by, "--json")
        part = json.loads(done.stdout)["report"]["rows"]
        done = report(case, where, "--since", "3d", *until, "--by", by, "--csv")
        table = list(csv.DictReader(io.StringIO(done.stdout)))
        sums = [row["connections"] for row in part["rows"]]
        if sum(sums) != 121 or [int(row["connections"]) for row in table] != sums:
            raise Failed(f"by {by}: {sums} in JSON, {table} in CSV")


def cgroups():
    """Where cgroup v2 is mounted here."""
    with open("/proc/self/mounts") as file:
        found = [line.split()[1] for line in file if line.split()[2] == "cgroup2"]
    return found[0] if found else "/sys/fs/cgroup"


def test_filters(case):
    """filters: user, verdict, destination, script, port"""
    where, _ = filled(case)
    for options, wanted in (
        (("--uid", "33"), 72),
        (("--user", "33"), 72),
        (("--verdict", "impostor,mta"), 25),
        (("--destination", "198.51.100.0/31"), 48),
        (("--script", "mailer", "--helo", "local"), 72),
        (("--port", "25"), 97),
        (("--port", "587"), 0),
        (("--exe", "python"), 1),
        (("--cgroup", "/system.slice"), 72),
        (("--cgroup", cgroups() + "/system.slice/php8.2-fpm.service/"), 72),
        (("--cgroup", cgroups() + "/user.slice"), 0),
        (("--cgroup", cgroups()), 97),
    ):
        rows = json.loads(report(case, where, "--by", "verdict", "--json", *options).stdout)["report"]["rows"]

        if rows.get("all", {}).get("connections", 0) != wanted:
            raise Failed(f"{options}: {rows}, expected {wanted}")


def test_times(case):
    """a time of the day is the last one that there was; --until alone is the day before it"""
    where, now = filled(case)
    ago = lambda hours, form: time.strftime(form, time.localtime(now // 10**9 - hours * 3600))
    for options, wanted in (
        (("--since", ago(2, "%H:%M:%S")), 9),
        (("--since", ago(22, "%H:%M:%S"), "--until", ago(20, "%H:%M:%S")), 8),
        (("--since", ago(4, "%Y-%m-%d %H:%M:%S"), "--until", ago(2, "%Y-%m-%dT%H:%M:%S")), 8),
        (("--until", ago(24, "%Y-%m-%d %H:%M:%S")), 24),
    ):
        rows = json.loads(report(case, where, "--by", "verdict", "--json", *options).stdout)["report"]["rows"]

        if rows["all"]["connections"] != wanted:
            raise Failed(f"{options}: {rows}, expected {wanted}")


def test_usage(case):
    """what is wrong is one sentence"""
    where, _ = filled(case)
    for options, *words in (
        (("--since", "tomorrow"), "--since", "tomorrow"),
        (("--since", "tomorrow"), "2w ago", "19:00", "2026-11-01T19"),
        (("--since", "2100-01-01"), "--since", "2100-01-01", "still to come"),
        (("--since", "2026-11-01", "19:00"), "19:00", "one word"),
        (("--until", "2026-02-30"), "--until"),
        (("--since", "1h", "--until", "2h"), "not before"),
        (("--by", "weather"), "--by", "weather"),
        (("--top", "0"), "--top"),
        (("--by", "hour", "--top", "3"), "--top"),
        (("--json", "--csv"), "--csv"),
        (("--csv", "actor", "3"), "--csv"),
        (("--cgroup", "system.slice"), "--cgroup"),
        (("--destination", "mx.example"), "--destination"),
        (("--uid", "no-such-user"), "--uid"),
        (("--verdict", "spam"), "--verdict"),
        (("--port", "0"), "--port"),
        (("--nope",), "nope", "see smtpsnoop report --help"),
        (("actor",), "actor"),
        (("weather", "today"), "weather"),
        (("--by", "user", "connection", "3"), "--by"),
    ):
        refused(case, case.smtpsnoop("report", "--store", where, *options), *words)


def test_no_store(case):
    """no directory, no file, no store, another program's, an empty one, a newer one: one sentence each"""
    refused(case, case.smtpsnoop("report", "--store", folder(case)), "there is none")
    where = folder(case)
    os.makedirs(where)
    refused(case, case.smtpsnoop("report", "--store", where), "smtpsnoop collect")
    path = os.path.join(where, "store.db")

    def tried(*words):
        own(where, 65534, 65534)
        refused(case, case.smtpsnoop("report", "--store", where), *words)
        for name in os.listdir(where):
            os.unlink(os.path.join(where, name))

    with open(path, "wb"):
        pass
    refused(case, case.smtpsnoop("report", "--store", path), "no directory", "the one that has store.db in it")
    tried("is empty")
    with open(path, "wb") as file:
        file.write(b"From: nobody\n" * 1000)
    tried("not a store of smtpsnoop")
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE cookies(name, value)")
    tried("not a store of smtpsnoop")
    os.symlink("/etc/passwd", path)
    refused(case, case.smtpsnoop("report", "--store", where), "no regular file")
    os.unlink(path)
    newer = Store(folder(case), version=7)
    newer.close(time.time_ns())
    refused(case, case.smtpsnoop("report", "--store", newer.folder), "newer smtpsnoop")
    where, _ = filled(case)
    os.chmod(where, 0o777)
    refused(case, case.smtpsnoop("report", "--store", where), "may write to the directory")


def test_nothing_yet(case):
    """a store without a connection is no error"""
    store = Store(folder(case))
    store.close(time.time_ns())
    has(report(case, store.folder).stdout, "Nobody went round the MTA.", "no connection yet")


def test_damaged(case):
    """a store with a page of rubbish is said to be damaged, and nobody dies"""
    where, _ = filled(case)
    path = os.path.join(where, "store.db")
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        for page in range(4096 * 2, size, 4096 * 3):
            file.seek(page)
            file.write(os.urandom(4096))
    done = case.smtpsnoop("report", "--store", where)
    if done.returncode not in (1, 2) or "Traceback" in done.stderr or "\x1b" in done.stdout:
        raise Failed(f"exit status {done.returncode}: {done.stderr}")
    has(done.stderr, "smtpsnoop: ")


def test_schema_that_runs(case):
    """tables that would run something when they are read (views, computed columns, modules), triggers and indexes of others: refused"""
    slow = "instr(zeroblob(900000 + (hour & 1)), CAST(zeroblob(450000) || x'01' AS BLOB))"
    changes = (
        "ALTER TABLE hour RENAME TO hours; CREATE VIEW hour AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT x AS hour, 1 AS actor, 1 AS verdict, 1 AS connections, 0 AS messages, 0 AS accepted, 0 AS recipients, "
        "0 AS refused, 0 AS attempts_only, 0 AS refusals, 0 AS blocklisted, 0 AS first, 0 AS last FROM n",
        f"ALTER TABLE hour ADD COLUMN more INTEGER AS ({slow}) VIRTUAL",
        "DROP TABLE event; CREATE VIRTUAL TABLE event USING fts5(time, kind, number, words)",
        "CREATE TRIGGER t AFTER INSERT ON hour BEGIN SELECT 1; END",
        "CREATE INDEX i ON hour(actor + 1)",
        "DROP INDEX connection_start",
    )
    for change in changes:
        where, _ = filled(case)
        with sqlite3.connect(os.path.join(where, "store.db")) as db:
            db.executescript(change)
        db.close()
        own(where, 65534, 65534)
        has(case.smtpsnoop("report", "--store", where).stderr, "was changed: its tables are not those that smtpsnoop makes")
        if case.smtpsnoop("report", "--store", where).returncode != 2:
            raise Failed(change)


def test_odd_files(case):
    """what lies beside the store and is no file is not opened: SQLite would wait for a FIFO's writer"""
    for name in ("store.db-journal", "store.db-wal", "store.db-shm"):
        where, _ = filled(case)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(where, name))
        os.mkfifo(os.path.join(where, name))
        own(where, 65534, 65534)
        done = case.smtpsnoop("report", "--store", where)
        if done.returncode != 2:
            raise Failed(f"{name}: exit status {done.returncode}")
        has(done.stderr, f"{name} is no regular file")


def test_rights(case):
    """read as the owner, by a member of the group, not by others; without and with a log"""
    where, _ = filled(case)
    member = ("setpriv", "--reuid", str(BOB), "--regid", str(BOB), "--groups", "65534")
    stranger = ("setpriv", "--reuid", str(BOB), "--regid", str(BOB), "--clear-groups")
    wanted = "Round the MTA: 73"
    # Nobody has the log open: there is no index of it, and the member may not make one.
    has(report(case, where, prefix=member).stdout, wanted)
    has(report(case, where).stdout, wanted)
    # A writer has.
    db = sqlite3.connect(os.path.join(where, "store.db"))
    try:
        db.execute("INSERT INTO event(time, kind, number, words) VALUES(?, 4, 5, 'again')", (time.time_ns(),))
        db.commit()
        own(where, 65534, 65534)
        for prefix in (member, ()):
            has(report(case, where, prefix=prefix).stdout, wanted, "4105 connections could not be stored")
    finally:
        db.close()
    refused(case, case.smtpsnoop("report", "--store", where, prefix=stranger), "Permission denied")
    for name in os.listdir(where):
        owner = os.stat(os.path.join(where, name)).st_uid
        if owner != 65534:
            raise Failed(f"{name} belongs to {owner} after a report")
    where, _ = filled(case, uid=0, gid=0)
    done = report(case, where)
    has(done.stdout, wanted)
    has(done.stderr, "is root's")
