# SPDX-License-Identifier: GPL-2.0-only
"""snapshot of PHP that waits for an answer: its script is read without its doing anything."""
import os
import threading

from marks import quick
from test_evidence import keep, of_process, ready, same
from test_scripts import URL
from test_snapshot import listener, of, snapshot, text
from tracer import ABSENT, expect
from web import HOST, Apache, Builtin, Cgi, Fpm, Site, find, query
from world import Failed


def waiting(case, ask, look):
    """One request that makes the included mailer connect, and wait for a greeting that never comes; look() meanwhile."""

    def ask_anyway():
        try:
            ask(URL + query("function"))
        except Failed:
            pass  # PHP says that nobody listens any more

    with listener(case) as taker:
        asking = threading.Thread(target=ask_anyway)
        asking.start()
        connection, _ = taker.accept()
        try:
            return look()
        finally:
            connection.close()
            asking.join()


def expect_waiting(record, site, url=URL + query("function"), host=HOST):
    """Inside of the function that waits, called by the mailer."""
    expect(
        record,
        script__language="php",
        script__status="read",
        script__file=site.dialogue,
        script__function="hear",
        script__entry=site.index,
        script__method="GET",
        script__url=url,
        script__host=host,
        verdict__class="bypass",
    )
    frames = [(frame.get("file"), frame.get("function")) for frame in record["script"]["backtrace"]]
    if (site.mailer, "evil_send") not in frames:
        raise Failed(f"the frames are {frames}")


@quick
def test_fpm_waits(case):
    """in php-fpm, by --watch 0: file, function, callers and request"""
    site = Site(case)
    fpm = Fpm(case, site)
    record = of(waiting(case, fpm.ask, lambda: snapshot(case)))[0]
    expect_waiting(record, site)
    shown = waiting(case, fpm.ask, lambda: text(case, "--watch", "0"))
    for words in ("lib/dialogue.php", "called from", "mailer.php", "request:"):
        if words not in shown:
            raise Failed(f"no \"{words}\" in:\n{shown}")


def test_apache_waits(case):
    """in Apache, where PHP is a library, and knows the URL that the server has made of it"""
    site = Site(case)
    record = of(waiting(case, Apache(case, site).get, lambda: snapshot(case)))[0]
    expect_waiting(record, site, url="/index.php?" + query("function"))


def test_others_wait(case):
    """in php-cgi, and in PHP's own server, which keeps no host"""
    site = Site(case)
    expect_waiting(of(waiting(case, Cgi(case, site).ask, lambda: snapshot(case)))[0], site)
    expect_waiting(of(waiting(case, Builtin(case, site).get, lambda: snapshot(case)))[0], site, host=ABSENT)


def test_it_goes_on_listening(case):
    """with --watch it is named as well, once"""
    site = Site(case)
    fpm = Fpm(case, site)
    records = waiting(case, fpm.ask, lambda: snapshot(case, watch=1))
    if len(of(records)) != 1:
        raise Failed(f"{len(of(records))} connections")
    expect_waiting(of(records)[0], site)


def test_kept(case):
    """the files of its frames are among the evidence"""
    site = Site(case)
    fpm = Fpm(case, site, workers=1)
    folder = waiting(case, fpm.ask, lambda: keep(case))
    worker = [name for name in os.listdir(folder) if name.startswith("process-")][0].split("-")[1]
    with open(os.path.join(folder, "SOURCES")) as file:
        told = {line.split("\t")[1]: line.split("\t")[0] for line in file}
    for path in (site.mailer, site.dialogue, site.index):
        if path not in told:
            raise Failed(f"kept are {told}")
        with open(path, "rb") as file:
            same(of_process(folder, worker, os.path.basename(told[path])), file.read())


def test_command_line(case):
    """code of the command line is in no file"""
    with listener(case):
        code = "$s = fsockopen('203.0.113.7', 25); echo \"ready\\n\"; fgets($s);"
        ready(case.actor(find("/usr/bin/php"), "-r", code))
        record = of(snapshot(case))[0]
    expect(record, script__language="php", script__status="read")


def test_one_script_for_all(case):
    """many connections of one PHP that waits: its script is told with each of them, and kept once"""
    path = Site(case).add("many.php", "<?php for ($n = 0; $n < 40; $n++) $all[] = fsockopen('203.0.113.7', 25);\necho \"ready\\n\"; fgets($all[0]);\n")
    with listener(case):
        actor = ready(case.actor(find("/usr/bin/php"), path))
        records, folder = of(snapshot(case)), keep(case)
    if [record["script"].get("file") for record in records] != [path] * 40:
        raise Failed(f"{len(records)} connections, of {[record['script'] for record in records][:2]}")
    with open(os.path.join(folder, "SOURCES")) as file:
        told = [line for line in file if line.split("\t")[1] == path]
    if len(told) > 2:
        raise Failed(f"it is told {len(told)} times: {told[-3:]}")
    with open(path, "rb") as file:
        same(of_process(folder, actor.pid, "script-1"), file.read())
