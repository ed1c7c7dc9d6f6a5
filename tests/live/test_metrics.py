# SPDX-License-Identifier: GPL-2.0-only
"""What `smtpsnoop collect --metrics` tells: counts that are what happened, names that dashboard and rules use, and clients that harm nothing."""
import grp
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import time
import urllib.error
import urllib.parse
import urllib.request

from collector import Collector, collect
from dialogue import message, say
from marks import quick
from test_collect import owner
from world import ROOT, SINK4, Failed, Skipped, need, run

BLOCKED = b"554 5.7.1 Client host [192.0.2.10] blocked using zen.spamhaus.org\r\n"
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([0-9.]+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"')


def free_port():
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", 0))
        return taker.getsockname()[1]


def get(where, path="/metrics", method="GET", headers=None):
    """(status, headers, body); where: a port or a socket's path."""
    connection = http.client.HTTPConnection("127.0.0.1", where if isinstance(where, int) else 80, timeout=20)
    if not isinstance(where, int):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(where)
    connection.request(method, path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, body


def parse(text):
    """{name: {((label, value), ...): number}}; fails where a line is no sample."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        if not match:
            raise Failed(f"no sample: {line}")
        name, labels, value = match.groups()
        key = tuple(LABEL.findall(labels or ""))
        if ",".join(f'{label}="{text}"' for label, text in key) != (labels or ""):
            raise Failed(f"no labels: {labels}")
        if found.setdefault(name, {}).setdefault(key, float(value)) != float(value):
            raise Failed(f"told twice: {line}")
    return found


def scrape(where):
    status, headers, body = get(where)
    if status != 200 or headers["Content-Type"] != "text/plain; version=0.0.4; charset=utf-8":
        raise Failed(f"/metrics: {status}, {headers['Content-Type']}")
    return parse(body)


def value(metrics, name, **labels):
    """The sum over what has these labels."""
    rows = metrics.get("smtpsnoop_" + name)
    if not rows:
        raise Failed(f"no smtpsnoop_{name}")
    return sum(number for key, number in rows.items() if labels.items() <= dict(key).items())


def metered(case, *arguments, **kwargs):
    """A collector, and the port where it tells metrics."""
    port = free_port()
    return collect(case, "--metrics", f"127.0.0.1:{port}", *arguments, **kwargs), port


def send(case, recipients=("b@victim.example",), **kwargs):
    say(case, message(recipients=recipients), **kwargs).wait()


def wait_for(collector, port, wanted, **labels):
    """Metrics in which so many connections are counted."""

    def there():
        metrics = scrape(port)
        return metrics if value(metrics, "connections_total", **labels) >= wanted else None

    return collector.until(f"{wanted} connections in the metrics", there)


@quick
def test_counts(case):
    """connections, messages, recipients and refusals are what happened, by verdict and by user and service"""
    case.sink()
    case.sink(port=2525, replies={"RCPT": BLOCKED})
    collector, port = metered(case, "--port", "2525")
    send(case, ("a@x.example", "b@x.example"))
    send(case)
    say(case, message()[:7] + [["send", "QUIT\r\n"], ["hear"]], port=2525).wait()
    metrics = wait_for(collector, port, 3)
    wanted = {
        "connections_total": 3,
        "connections_unanswered_total": 0,
        "connections_refused_total": 1,
        "connections_blocklisted_total": 1,
        "messages_total": 2,
        "messages_accepted_total": 2,
        "recipients_total": 4,
        "recipients_refused_total": 1,
    }
    for labels in ({"verdict": "bypass"}, {}):
        got = {name: value(metrics, name, **labels) for name in wanted}
        if got != wanted:
            raise Failed(f"{labels}: {got}, expected {wanted}")
    for name in wanted:
        if value(metrics, name) != value(metrics, "actor_" + name):
            raise Failed(f"{name}: sums by verdict and by actor differ")
    if value(metrics, "actor_connections_total", verdict="bypass", user="www-data") != 3:
        raise Failed(f"by user: {metrics['smtpsnoop_actor_connections_total']}")
    if value(metrics, "tracing") != 1 or value(metrics, "build_info") != 1 or value(metrics, "hook_info") < 2:
        raise Failed("tracing, build_info or hook_info are wrong")
    collector.until("three rows in the store", lambda: value(scrape(port), "store_written_connections_total") == 3)
    # What the tracing half counts comes every five seconds.
    collector.until("three attempts", lambda: value(scrape(port), "attempts_delivered_total") == 3)
    metrics = scrape(port)
    for name in ("resident_memory_bytes", "ring_size_bytes", "store_size_bytes", "start_time_seconds"):
        if not value(metrics, name):
            raise Failed(f"{name} is 0")
    if value(metrics, "store_queued_connections") or value(metrics, "store_lag_seconds"):
        raise Failed("something waits for the store")
    if get(port, "/healthz")[::2] != (200, "ok\n"):
        raise Failed(f"/healthz: {get(port, '/healthz')}")
    collector.stop()


def test_requests(case):
    """only GET and HEAD of two paths; what is too long is refused; a connection is for one request"""
    collector, port = metered(case)
    for method, path, status in (
        ("HEAD", "/metrics", 200),
        ("GET", "/metrics?x=1", 200),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/healthz", 405),
    ):
        got, headers, body = get(port, path, method)
        if got != status or headers["Connection"] != "close" or (method == "HEAD") != (body == ""):
            raise Failed(f"{method} {path}: {got}, {headers}, {body[:80]!r}")
        if status == 405 and headers["Allow"] != "GET, HEAD":
            raise Failed(f"Allow: {headers['Allow']}")
    got = get(port, headers={"X": "x" * 20000})[0]
    if got not in (413, 431):
        raise Failed(f"a header of 20,000 bytes: {got}")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"\x16\x03\x01\x00\xff\n\n\r\n")
        client.recv(4096)  # any answer, or none
    if get(port, "/healthz")[0] != 200:
        raise Failed("/healthz after all that")
    collector.stop()


@quick
def test_unix_socket(case):
    """a socket in the file system: for root and one group, gone at the end, and an old one is replaced"""
    path = os.path.join(case.world.folder, "metrics.sock")
    collector = collect(case, "--metrics", path)
    there = os.stat(path)
    if not stat.S_ISSOCK(there.st_mode) or there.st_mode & 0o777 != 0o660:
        raise Failed(f"mode {oct(there.st_mode)}")
    if (there.st_uid, there.st_gid) != (0, owner().pw_gid):
        raise Failed(f"owner {there.st_uid}, group {grp.getgrgid(there.st_gid).gr_name}")
    if value(scrape(path), "tracing") != 1:
        raise Failed("nothing is traced")
    done = case.smtpsnoop("collect", "--store", collector.store + "-2", "--metrics", path)
    if done.returncode != 2 or "another program answers there" not in done.stderr:
        raise Failed(f"a second collector: {done.returncode}, {done.stderr}")
    collector.stop()
    if os.path.exists(path):
        raise Failed("it is still there")
    collector = collect(case, "--metrics", path)
    collector.kill()
    collector.finish(None)
    if not os.path.exists(path):
        raise Failed("the old one is gone: nothing was shown")
    collector = collect(case, "--metrics", path)
    scrape(path)
    collector.stop()


def test_wrong_places(case):
    """what is no address, not ours or taken: one sentence, status 2"""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    file = os.path.join(case.world.folder, "a-file")
    open(file, "w").close()
    usage = "write 127.0.0.1:9925, [::1]:9925, or a path that begins with /"
    for where, why in (
        ("", usage),
        ("9925", usage),
        ("localhost:9925", usage),
        ("127.0.0.1:0", usage),
        ("127.0.0.1:65536", usage),
        ("127.0.0.1:9925x", usage),
        ("127.0.0.0/8:9925", usage),
        ("::1:9925", usage),
        ("[127.0.0.1]:9925", usage),
        ("run/metrics.sock", usage),
        (f"127.0.0.1:{taken.getsockname()[1]}", "Address already in use"),
        ("203.0.113.99:9925", "Cannot assign requested address"),
        (file, "what is there is no socket"),
        (case.world.folder, "what is there is no socket"),
        (case.world.folder + "/none/x", "No such file or directory"),
        ("/" + "x" * 200, "the path is too long for a socket"),
    ):
        store = os.path.join(case.world.folder, "store-wrong")
        done = case.smtpsnoop("collect", "--store", store, "--metrics", where)
        if done.returncode != 2 or done.stderr.count("\n") != 1 or not done.stderr.endswith(f"{where}: {why}\n"):
            raise Failed(f"{where}: {done.returncode}, {done.stderr}")
    if not os.path.isfile(file):
        raise Failed("a file was replaced")


def test_health(case):
    """a store that can't be written is said with 503, and when it can again that is over; so is the tracing half's silence"""
    case.sink()
    collector, port = metered(case)
    send(case)
    collector.connection()
    with sqlite3.connect(os.path.join(collector.store, "store.db"), isolation_level=None) as other:
        other.execute("begin immediate")
        send(case)
        collector.until("503", lambda: get(port, "/healthz")[0] == 503)
        body = get(port, "/healthz")[2]
        if not body.startswith("the store cannot be written: ") or body.count("\n") != 1:
            raise Failed(f"/healthz: {body}")
        metrics = scrape(port)
        if value(metrics, "store_up") or value(metrics, "store_queued_connections") != 1:
            raise Failed(f"store_up {value(metrics, 'store_up')}, {value(metrics, 'store_queued_connections')} wait")
        other.execute("rollback")
    other.close()
    collector.until("200", lambda: get(port, "/healthz")[0] == 200)
    privileged = collector.halves()[0]
    collector.hit(privileged, signal.SIGSTOP)
    try:
        collector.until("503", lambda: get(port, "/healthz")[0] == 503, timeout=60)
        body = get(port, "/healthz")[2]
    finally:
        collector.hit(privileged, signal.SIGCONT)
    if not body.startswith("the tracing half has said nothing for 3"):
        raise Failed(f"/healthz: {body}")
    collector.until("200", lambda: get(port, "/healthz")[0] == 200)
    collector.stop()


def open_slow(port, count):
    """Clients that begin a request and stop; more than is accepted."""
    clients = []
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        clients.append(client)
        try:
            client.connect(("127.0.0.1", port))
        except BlockingIOError:
            pass
    return clients


def test_slow_clients(case):
    """1,000 clients that say nothing more take nothing from tracing, and are cut off when others want their turn"""
    sink = case.actor(case.program("sink"), "--listen", f"{SINK4}:25", cgroup=None, netns="outside", uid=0)
    if not sink.process.stdout.readline().startswith(b"ready"):
        raise Failed("the sink does not start")
    collector, port = metered(case)
    # So fast that nothing is lost without these clients either: sanitizers and emulated machines are slow.
    rate = 50 if collector.sanitized() or case.world.slow >= 10 else 1000
    clients = open_slow(port, 1000)
    try:
        for client in clients:
            try:
                client.send(b"GET /metrics HTTP/1.1\r\nX: ")
            except OSError:
                pass
        source = case.actor(
            *(case.program("source"), "--to", f"{SINK4}:25", "--connections", 5 * rate, "--rate", rate),
            *("--reset", "--body-bytes", 20),
        )
        counts = json.loads(source.wait(timeout=120))
        sink.process.send_signal(signal.SIGTERM)
        sink.wait(status=None)
        collector.until(
            "all of them in the store",
            lambda: collector.ask("select count(*) from connection") == [(counts["attempts"],)],
            timeout=60,
        )
        rows = len(os.listdir(f"/proc/{collector.halves()[1]}/fd"))
        if rows > 26:
            raise Failed(f"{rows} descriptors")
    finally:
        for client in clients[8:]:
            client.close()
    # The first are still there, and the system holds those that were not accepted yet: they are cut off.
    metrics = wait_for(collector, port, counts["attempts"])
    for client in clients[:8]:
        client.close()
    collector.until("the last status", lambda: value(scrape(port), "attempts_total") == counts["attempts"])
    metrics = scrape(port)
    if value(metrics, "attempts_delivered_total") != counts["attempts"] or value(metrics, "attempts_counted_only_total"):
        raise Failed("something was lost")
    collector.stop()


def names_in(text):
    return set(re.findall(r"\bsmtpsnoop_[a-z_]+\b", text))


def expressions(node):
    """All queries of a dashboard or of rules."""
    if isinstance(node, dict):
        for key, inner in node.items():
            if key in ("expr", "definition", "query") and isinstance(inner, str):
                yield inner
            yield from expressions(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from expressions(inner)


def test_names(case):
    """dashboard and rules use names and labels that there are; the manual names all; promtool finds no fault"""
    collector, port = metered(case)
    case.sink()
    send(case)
    wait_for(collector, port, 1)
    collector.until("a status", lambda: "smtpsnoop_ring_size_bytes" in scrape(port))
    body = get(port)[2]
    metrics = parse(body)
    rules = os.path.join(ROOT, "dist", "prometheus-alerts.yml")
    with open(os.path.join(ROOT, "dist", "grafana-dashboard.json")) as file:
        used = {"dashboard": list(expressions(json.load(file)))}
    with open(rules) as file:
        text = file.read()
    used["rules"] = [text[text.index("groups:") :]]
    labels = {label for rows in metrics.values() for key in rows for label, _ in key} | {"instance", "job"}
    for where, queries in used.items():
        if not queries or not names_in(" ".join(queries)):
            raise Failed(f"no names in the {where}")
        unknown = names_in(" ".join(queries)) - set(metrics)
        if unknown:
            raise Failed(f"in the {where}, but not told: {unknown}")
        for query in queries:
            for group in re.findall(r"\bby \(([^)]*)\)", query):
                if not set(re.split(r", *", group)) <= labels:
                    raise Failed(f"no such labels: {group}")
    with open(os.path.join(ROOT, "dist", "smtpsnoop-collect.8")) as file:
        manual = file.read().replace("\\-", "-")
    missing = {name for name in metrics if name not in manual and name.replace("_actor_", "_") not in manual}
    if missing:
        raise Failed(f"not in the manual: {missing}")
    collector.stop()
    need("promtool")
    for argv, text in ((["check", "metrics"], body), (["check", "rules", rules], "")):
        done = run("promtool", *argv, check=False, stdin=None, input=text)
        if done.returncode or (argv[1] == "metrics" and done.stderr):
            raise Failed(f"promtool {' '.join(argv)}: {done.stdout}{done.stderr}")


def ask(port, path, **query):
    """Prometheus' answer; None while there is none."""
    try:
        url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]
    except (urllib.error.URLError, ConnectionError):
        return None


def test_prometheus(case):
    """a real Prometheus scrapes it with our rules loaded: the numbers are the same, and a bot raises the alert"""
    need("prometheus")
    case.sink()
    collector, port = metered(case)
    theirs = free_port()
    folder = os.path.join(case.world.folder, "prometheus")
    os.mkdir(folder)
    shutil.copy(os.path.join(ROOT, "dist", "prometheus-alerts.yml"), folder)
    with open(os.path.join(folder, "prometheus.yml"), "w") as file:
        file.write(
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
            "rule_files: [prometheus-alerts.yml]\n"
            f"scrape_configs: [{{job_name: smtpsnoop, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
        )
    prometheus = case.actor(
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{theirs}",
        "--log.level=error",
        cgroup=None,
        netns=None,
        uid=0,
    )

    def number(query):
        data = ask(theirs, "query", query=query)
        return float(data["result"][0]["value"][1]) if data and data["result"] else None

    collector.until("a first scrape", lambda: number("smtpsnoop_tracing") == 1, timeout=60)
    send(case)
    send(case)
    query = 'smtpsnoop_connections_total{verdict="bypass"}'
    collector.until("both connections", lambda: number(query) == 2, timeout=30)
    if number('smtpsnoop_actor_connections_total{user="www-data"}') != 2 or number("up") != 1:
        raise Failed("by user")

    def firing():
        groups = (ask(theirs, "rules") or {"groups": []})["groups"]
        return [rule for group in groups for rule in group["rules"] if rule["state"] == "firing"]

    alerts = collector.until("an alert", firing, timeout=30)
    if [rule["name"] for rule in alerts] != ["MailRoundTheMTA"]:
        raise Failed(f"firing: {alerts}")
    words = alerts[0]["alerts"][0]["annotations"]["description"]
    if "www-data" not in words or "bypass" not in words:
        raise Failed(f"the alert says: {words}")
    rules = [rule for group in ask(theirs, "rules")["groups"] for rule in group["rules"]]
    collector.until(
        "all rules evaluated",
        lambda: all(r["health"] == "ok" for g in ask(theirs, "rules")["groups"] for r in g["rules"]),
    )
    if len(rules) < 10:
        raise Failed(f"{len(rules)} rules")
    prometheus.process.terminate()
    prometheus.wait(status=None)
    collector.stop()


def test_without_library(case):
    """where libmicrohttpd is not installed: one sentence, and only with --metrics"""
    if case.options.binary.endswith("static/smtpsnoop"):
        raise Skipped("it is linked statically (optional: not for a static program)")
    hidden = os.path.join(case.world.folder, "empty")
    open(hidden, "w").close()
    library = next(
        (line.split()[-1] for line in run("ldconfig", "-p").stdout.splitlines() if "libmicrohttpd.so.12" in line), None
    )
    if not library:
        raise Skipped("libmicrohttpd is not where ldconfig would find it")
    store = os.path.join(case.world.folder, "store-bare")
    command = f'mount --bind {hidden} {os.path.realpath(library)} && exec "$@"'
    done = run(
        *("unshare", "-m", "sh", "-c", command, "sh", case.options.binary, "collect", "--store", store),
        *("--metrics", f"127.0.0.1:{free_port()}"),
        check=False,
        timeout=60 * case.world.slow,
    )
    if done.returncode != 2 or "--metrics needs libmicrohttpd: install libmicrohttpd12" not in done.stderr:
        raise Failed(f"{done.returncode}: {done.stderr}")
