# SPDX-License-Identifier: GPL-2.0-only
"""Capture files: what `smtpsnoop read` finds in public captures, compared with what is known to be in them."""
import gzip
import json
import os
import subprocess
import time

from dialogue import envelope, message, say
from marks import quick
from world import ROOT, SINK4, Failed, Skipped, need

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
        wrong.extend(check_capture(capture["file"], capture, connections(read(case, "--json", "--recipients", path))))
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
        (("--follow", "/etc/passwd", "/etc/group"), 2, "one file"),
    ):
        done = case.smtpsnoop("read", *arguments)
        if done.returncode != status or word not in done.stderr or len(done.stderr.splitlines()) != 1:
            raise Failed(f"{arguments}: status {done.returncode}, said {done.stderr!r}")


@quick
def test_full_disk(case):
    """output that can't be written is said, and makes the status 1"""
    expected()
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [case.options.binary, "read", os.path.join(CORPUS, "zeek-smtp.pcap")],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    if done.returncode != 1 or b"No space left" not in done.stderr:
        raise Failed(f"status {done.returncode}: {done.stderr.decode()[-300:]}")


class Capture:
    """tcpdump in the actors' network, writing to a file."""

    def __init__(self, case):
        need("tcpdump")
        self.path = os.path.join(case.world.folder, "live.pcap")
        namespace = case.world.netns("actor")
        self.process = subprocess.Popen(
            ["nsenter", "--net=" + namespace, "tcpdump", "-i", "any", "-U", "--immediate-mode", "-B", "65536", "-s", "0", "-Z", "root", "-w", self.path, "tcp"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        while b"listening" not in (line := self.process.stderr.readline()):
            if not line:
                raise Failed("tcpdump does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        time.sleep(0.3)  # the last packets are on their way through tcpdump
        self.process.terminate()
        self.process.communicate()


def test_trace_and_read_agree(case):
    """the same connections, traced and captured at the same time: the same dialogue"""
    trace = case.trace()
    case.sink(address=SINK4)
    case.sink(port=2526, address=SINK4)
    with Capture(case) as capture:
        for steps, port in (
            (message(), 25),
            (message(recipients=("a@x.example", "b@y.example")), 25),
            (message(body="x" * 70 + "\r\n" + "MAIL FROM:<no@body.example>\r\n" * 3000), 25),
            (envelope(), 25),
            (message(), 2526),
        ):
            say(case, steps, port=port).wait()
    trace.stop()
    traced = {key(record): record for record in trace.of("connection")}
    captured = {key(record): record for record in connections(read(case, "--json", capture.path))}
    if len(traced) != 5 or traced.keys() != captured.keys():
        raise Failed(f"traced {sorted(traced)}, read {sorted(captured)}")
    for which, record in traced.items():
        other = captured[which]
        for part in ("smtp", "tls"):
            if record[part] != other[part]:
                raise Failed(f"{which}: trace says {record[part]}, read {other[part]}")
        if record["event"]["outcome"] != other["event"]["outcome"]:
            raise Failed(f"{which}: {record['event']} and {other['event']}")


@quick
def test_follow(case):
    """a file that still grows is waited for"""
    expected()
    path = os.path.join(case.world.folder, "growing.pcap")
    with open(os.path.join(CORPUS, "zeek-smtp.pcap"), "rb") as stream:
        whole = stream.read()
    with open(path, "wb", buffering=0) as growing:
        growing.write(whole[:1000])
        process = subprocess.Popen(
            [case.options.binary, "read", "--follow", "--json", "--count", "1", path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        time.sleep(0.5)
        growing.write(whole[1000:])
        output, errors = process.communicate(timeout=20 * case.world.slow)
    found = [json.loads(line)["event"]["action"] for line in output.splitlines()]
    if process.returncode or found != ["start", "connection", "end"]:
        raise Failed(f"status {process.returncode}, {found}, {errors.decode()[-300:]}")
