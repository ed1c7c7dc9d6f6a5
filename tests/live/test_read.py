# SPDX-License-Identifier: GPL-2.0-only
"""Capture files: what `smtpsnoop read` finds in public captures, compared with what is known to be in them."""
import gzip
import json
import os
import subprocess

from marks import quick
from world import ROOT, Failed, Skipped

CORPUS = os.path.join(ROOT, "..", "shared", "corpus")
PLAIN = ("greeting", "helo", "last_reply", "messages", "accepted", "recipients", "refused", "replies")


def read(case, *arguments, status=0, **options):
    done = case.smtpsnoop("read", *arguments, **options)
    if done.returncode != status:
        raise Failed(f"exit status {done.returncode}, expected {status}: {done.stderr.strip()[-600:]}")
    return done


def connections(done):
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return [record for record in records if record["event"]["action"] == "connection"]


def expected():
    path = os.path.join(CORPUS, "expected.json")
    if not os.path.exists(path):
        raise Skipped("no captures beside the tree (optional: not part of it)")
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def key(record, client="source", server="destination"):
    return record[client]["ip"], record[client]["port"], record[server]["ip"], record[server]["port"]


def fields(record):
    """What the record says, under the names of expected.json."""
    smtp = record["smtp"]
    found = {name: smtp.get(name) for name in PLAIN}
    found["found_by"] = smtp["found_by"]
    found["from"] = smtp.get("from", [])
    found["auth"] = smtp.get("auth", {}).get("mechanism")
    found["tls"] = record.get("tls", {}).get("mode", "none")
    found["gaps"] = bool(smtp.get("gaps", 0))
    return found


def compare(name, right, record, other):
    """The sentences that say what is wrong."""
    found = fields(record)
    for field, value in found.items():
        wanted = right.get(field)
        if value is None and not wanted or value == [] and not wanted:
            continue  # zero of what was never seen is absent
        if field == "replies" and value is None and not any(wanted.values()):
            continue
        if value != wanted and (field not in other or value != other[field]):
            yield f"{name} {key(record)}: {field} is {value!r}, not {wanted!r}"


def listed(connection):
    return connection["server"]["port"] in (25, 465, 587)


def check_capture(name, capture, found):
    other = {}
    for debatable in capture.get("debatable", []):
        other.update(debatable.get("also_right", {}))
    records = {key(record): record for record in found}
    for right in capture["connections"]:
        record = records.pop(key(right, "client", "server"), None)
        if right["smtp"] is True or listed(right):
            if record is None:
                yield f"{name} {key(right, 'client', 'server')}: not found"
            elif right["smtp"] is not False:
                yield from compare(name, right, record, other)
        elif record is not None:
            yield f"{name} {key(record)}: found, but it is {right.get('why') or 'no SMTP'}"
    for stray in records:
        yield f"{name}: there is no connection {stray}"


@quick
def test_public_captures(case):
    """public captures are read as is known"""
    wrong = []
    for capture in expected():
        path = os.path.join(CORPUS, capture["file"])
        wrong.extend(check_capture(capture["file"], capture, connections(read(case, "--json", path))))
    if wrong:
        raise Failed("; ".join(wrong))


@quick
def test_gzip_and_standard_input(case):
    """a packed capture on standard input says the same as the file"""
    expected()
    path = os.path.join(CORPUS, "zeek-smtp.pcap")
    plain = read(case, "--json", path).stdout
    with open(path, "rb") as stream:
        packed = gzip.compress(stream.read())
    done = subprocess.run([case.options.binary, "read", "--json", "-"], input=packed, capture_output=True, check=False)
    if done.returncode or done.stdout.decode() != plain:
        raise Failed(f"status {done.returncode}: {done.stderr.decode()[-300:]} {done.stdout.decode()[:300]}")


@quick
def test_several_files_and_filter(case):
    """several files are one capture, and a filter selects"""
    expected()
    paths = [os.path.join(CORPUS, name) for name in ("zeek-smtp.pcap", "ndpi-smtp.pcap")]
    everything = connections(read(case, "--json", *paths))
    chosen = connections(read(case, "--json", *paths, "--", "host", "10.10.1.4", "and", "port", "25"))
    if len(everything) != 3 or [key(record)[0] for record in chosen] != ["10.10.1.4"]:
        raise Failed(f"{len(everything)} and {len(chosen)} connections")


@quick
def test_read_is_refused(case):
    """what can't be read is one sentence"""
    for arguments, status, word in (
        ((), 2, "needs a capture file"),
        (("/nonexistent.pcap",), 2, "nonexistent"),
        (("/",), 2, "directory"),
        (("/etc/passwd",), 1, "unknown file format"),
        (("/etc/passwd", "--", "prot", "25"), 2, "filter"),
    ):
        done = case.smtpsnoop("read", *arguments)
        if done.returncode != status or word not in done.stderr or len(done.stderr.splitlines()) != 1:
            raise Failed(f"{arguments}: status {done.returncode}, said {done.stderr!r}")
