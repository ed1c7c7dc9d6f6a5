# SPDX-License-Identifier: GPL-2.0-only
"""Scripts in web servers: which file, line and function connected, and for which request of which client.

PHP without a web server and hostile PHP are in test_scripts_php.py, the programs that PHP starts in
test_scripts_started.py, other languages in test_scripts_others.py.
"""
import os
import re
import threading

from dialogue import FROM, RCPT
from marks import quick
from tracer import ABSENT, expect, reasons
from web import CLIENT, HELO, HOST, NONE, Apache, Builtin, Cgi, Fpm, Site
from web import cgi, expect_mailer, expect_script, failed, line_of, query
from world import SINK4, Failed, need

URL = "/2026/11/autumn-sale/?"
MSMTP = f"/usr/bin/msmtp --host=127.0.0.1 --domain={HELO} --from={FROM} --tls=off --auth=off --file=/dev/null {RCPT}"
REQUESTS = 10000 if os.environ.get("FULL") else 2000


def request(target, method="GET", host=HOST, client=CLIENT):
    """What a record says of a request."""
    return {"method": method, "url": target, "host": host, "client": client}


def cached(answer):
    """Is opcache at work?"""
    if not answer.startswith("cached"):
        raise Failed(f"opcache is not at work: {answer!r}")


def mailer(case, ask, site, trace, sink, way="function", port=25, **also):
    """One request that makes the included mailer connect, and everything about it in its record."""
    target = URL + query(way, port)
    answer = ask(target)
    sink.wait(len(sink.sessions) or 1)
    record = trace.connection(destination__port=port)
    expect(record, verdict__class="bypass", smtp__helo="actor.example", smtp__accepted=1)
    expect(record, cgroup__path=case.world.cgroup_name(case.cgroup))
    expect_mailer(record, site, way, port, **{**request(target), **also})
    return answer


@quick
def test_fpm(case):
    """in php-fpm the included file is named that connects, with line, function, request and client; it ran before"""
    site = Site(case)
    fpm = Fpm(case, site)
    fpm.ask("/")  # opcache and its workers are warm before the tracer starts
    sink, trace = case.sink(), case.trace()
    answer = mailer(case, fpm.ask, site, trace, sink)
    cached(answer)
    mailer(case, fpm.ask, site, trace, sink, way="method")


def test_fpm_first_request(case):
    """and so it is in the first request of a php-fpm that starts after smtpsnoop, whose code isn't compiled yet"""
    site, sink, trace = Site(case), case.sink(), case.trace()
    mailer(case, Fpm(case, site, workers=1).ask, site, trace, sink)


@quick
def test_fpm_odd_port(case):
    """on a port that is not listed too, where SMTP has to be found first"""
    site = Site(case)
    fpm = Fpm(case, site)
    fpm.ask("/")
    sink, trace = case.sink(port=2526), case.trace()
    mailer(case, fpm.ask, site, trace, sink, port=2526)
    mailer(case, fpm.ask, site, trace, sink, port=2526, way="method")


def test_fpm_post(case):
    """the method is the request's; the query is in the URL even when the server says it apart"""
    site = Site(case)
    fpm = Fpm(case, site)
    sink, trace = case.sink(), case.trace()
    target = "/wp-login.php?" + query("function")
    fpm.ask(target, method="POST", client="2001:db8::23", host="www.shop.example:8443")
    sink.wait()
    wanted = request(target, "POST", "www.shop.example:8443", "2001:db8::23")
    expect_mailer(trace.connection(), site, **wanted)


def test_fpm_late(case):
    """code that runs after the answer, as a shutdown function or as a destructor still belongs to its request"""
    site = Site(case)
    fpm = Fpm(case, site, workers=1)
    sink, trace = case.sink(), case.trace()
    for way, function, frames in (
        ("finished", "evil_send", 5),
        ("shutdown", "evil_send", 2),
        ("destructor", "Mailer::blast", 3),
    ):
        target = URL + query(way)
        fpm.ask(target)
        record = trace.connection()
        mark = "method connects" if way == "destructor" else "function connects"
        line = line_of(site.mailer, mark)
        expect_script(record, "php", site.mailer, line, function, entry=site.index, **request(target))
        if len(record["script"]["backtrace"]) != frames:
            failed(record, f"{way}: not {frames} frames")
    sink.wait(3)


def test_fpm_direct(case):
    """a script that the client asked for itself is its own entry"""
    site = Site(case)
    fpm = Fpm(case, site)
    text = f"""<?php
require D;
$stream = fsockopen('{SINK4}', 25); // connects
hear($stream);
fwrite($stream, "EHLO actor.example\\r\\n");
converse($stream, 'a@actor.example');
"""
    sink, trace = case.sink(), case.trace()
    for name, words in (
        ("shell.php", {"script-recent"}),
        (".cache.php", {"script-recent", "script-hidden"}),
        ("wp-content/uploads/logo.jpg", {"script-recent", "script-hidden", "script-in-uploads"}),
    ):
        path = site.add(name, text)
        if name.endswith("jpg"):  # FPM runs *.php itself only: as an attacker does, by an include
            path, script = site.add("ok.php", f"<?php require '{path}';\n"), path
            words = words | {"entry-not-script"}
        else:
            script = path
        fpm.ask("/" + name, script=path)
        record, line = trace.connection(), line_of(script, "connects")
        wanted = {**request("/" + name), "entry": path, "words": words}
        expect_script(record, "php", script, line, function=ABSENT, **wanted)
    sink.wait(3)


def test_fpm_deep(case):
    """of a hundred frames the innermost are told, and a path too long keeps its end"""
    site = Site(case)
    fpm = Fpm(case, site)
    name = "/".join(["d" * 60] * 6) + "/deep.php"
    text = f"""<?php
require D;
function down($left) {{
	if ($left)
		return down($left - 1); // down
	$stream = fsockopen('{SINK4}', 25); // connects
	hear($stream);
	fwrite($stream, "EHLO actor.example\\r\\n");
	converse($stream, 'a@actor.example');
}}
down(100);
"""
    path = site.add(name, text)
    sink, trace = case.sink(), case.trace()
    fpm.ask("/deep", script=path)
    sink.wait()
    record = trace.connection()
    end = re.compile(r"d{20}/deep\.php$")
    expect_script(record, "php", end, line_of(path, "connects"), "down", entry=end, **request("/deep"))
    reasons(record, without=("entry-not-script",))
    frames = record["script"]["backtrace"]
    if not 8 <= len(frames) <= 16 or any(f.get("line") != line_of(path, "down") for f in frames[2:]):
        failed(record, "the frames are not those of down()")


def test_fpm_chroot(case):
    """in a pool with a root of its own the files are found there"""
    site = Site(case)
    fpm = Fpm(case, site, chroot=site.root)
    sink, trace = case.sink(), case.trace()
    target = URL + query("function")
    cached(fpm.ask(target, script="/index.php"))
    sink.wait()
    record, inside = trace.connection(), site.mailer[len(site.root) :]
    line = line_of(site.mailer, "function connects")
    wanted = {**request(target), "entry": {"/index.php", site.index}, "words": NONE}
    expect_script(record, "php", {inside, site.mailer}, line, "evil_send", **wanted)
    reasons(record, "script-in-uploads", "script-recent", "entry-not-script")


def ten_scripts(site):
    """Each with a name, a function and a line of its own, and says who it is in HELO and MAIL FROM."""
    for number in range(10):
        blank = "\n" * (3 * number)
        text = f"""<?php
require D;
{blank}
function send_{number}($n) {{
	$stream = fsockopen('{SINK4}', 25); // connects
	hear($stream);
	fwrite($stream, "EHLO n$n.s{number}.example\\r\\n");
	converse($stream, 's{number}@actor.example');
}}
send_{number}($_GET['n']);
"""
        yield site.add(f"site{number}/mail{number}.php", text)


def not_mixed(record, scripts):
    """A record whose dialogue names its script and its request; returns the request's number."""
    found = re.fullmatch(r"n(\d+)\.s(\d)\.example", record["smtp"]["helo"])
    if not found:
        failed(record, "a HELO that nobody said")
    n, s = int(found[1]), int(found[2])
    if n % 10 != s or record["smtp"]["from"] != [f"s{s}@actor.example"]:
        failed(record, "the dialogue itself is mixed up")
    expect(
        record,
        script__status="read",
        script__file=scripts[s],
        script__entry=scripts[s],
        script__function=f"send_{s}",
        script__line=line_of(scripts[s], "connects"),
        script__url=f"/site{s}/mail{s}.php?n={n}",
        script__host=f"s{s}.example",
        script__client__ip=f"198.51.100.{n % 250 + 1}",
    )
    return n


def ask_many(fpm, scripts, total):
    """So many requests, numbered, fifty at a time; the number's last digit is the script's."""
    errors, numbers, lock = [], iter(range(total)), threading.Lock()

    def client():
        while not errors:
            with lock:
                n = next(numbers, None)
            if n is None:
                return
            s = n % 10
            target, address = f"/site{s}/mail{s}.php?n={n}", f"198.51.100.{n % 250 + 1}"
            try:
                fpm.ask(target, script=scripts[s], host=f"s{s}.example", client=address)
            except (OSError, Failed) as error:
                errors.append(error)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise Failed(f"a request failed: {errors[0]}; {fpm.log()}")


def test_fpm_never_mixed_up(case):
    """ten scripts on five workers, fifty requests at a time: every record is that of its own script and request"""
    site = Site(case)
    scripts = list(ten_scripts(site))
    fpm = Fpm(case, site, workers=5)
    total = REQUESTS if case.world.slow < 10 else REQUESTS // 10
    sink = case.actor(case.program("sink"), "--listen", f"{SINK4}:25", cgroup=None, netns="outside", uid=0)
    if not sink.process.stdout.readline().startswith(b"ready"):
        raise Failed("the sink does not start")
    trace = case.trace()
    ask_many(fpm, scripts, total)
    # Of the records one is the start's.
    trace.wait_until(f"{total} records", lambda: len(trace.records) > total, timeout=30)
    seen = {not_mixed(record, scripts) for record in trace.of("connection")}
    if seen != set(range(total)):
        raise Failed(f"{total - len(seen)} of {total} requests have no record")
    sink.process.terminate()
    sink.wait(status=None)
    expect(trace.stop(), totals__attempts=total, totals__delivered=total)


@quick
def test_cgi_program(case):
    """php-cgi as a CGI program: the request comes from its environment"""
    site = Site(case)
    sink, trace = case.sink(), case.trace()
    cgi_program(case, site, sink, trace, 25)


def cgi_program(case, site, sink, trace, port):
    need("php-cgi")
    target = URL + query("function", port)
    actor = case.actor("/usr/bin/php-cgi", env=cgi(site, target))
    if " by " not in actor.wait():
        raise Failed("php-cgi did not run the script")
    sink.wait()
    expect_mailer(trace.connection(), site, port=port, **request(target))


def test_cgi_program_odd_port(case):
    """php-cgi as a CGI program, on a port that is not listed"""
    site = Site(case)
    sink, trace = case.sink(port=2526), case.trace()
    cgi_program(case, site, sink, trace, 2526)


def test_cgi_server(case):
    """php-cgi as a FastCGI server"""
    site = Site(case)
    server = Cgi(case, site)
    server.ask("/")
    sink, trace = case.sink(), case.trace()
    mailer(case, server.ask, site, trace, sink)
    mailer(case, server.ask, site, trace, sink, way="method")


def test_builtin_server(case):
    """php -S; what it does not keep is absent"""
    site = Site(case)
    server = Builtin(case, site)
    sink, trace = case.sink(), case.trace()
    target = URL + query("function")
    server.get(target)
    sink.wait()
    wanted = {"method": "GET", "url": {target, target.partition("?")[0]}}
    expect_mailer(trace.connection(), site, host={HOST, ABSENT}, client={"127.0.0.1", ABSENT}, **wanted)


def behind_apache(target):
    """What mod_php keeps of a request: after an internal redirect the URL is the front controller's."""
    urls = {target, "/index.php?" + target.partition("?")[2]}
    return {"url": urls, "host": {HOST, ABSENT}, "client": {"127.0.0.1", ABSENT}}


def by_apache(case, apache, site, trace, sink, way="function", port=25):
    return mailer(case, apache.get, site, trace, sink, way, port, **behind_apache(URL + query(way, port)))


@quick
def test_apache(case):
    """Apache with mod_php: the same as in php-fpm, in a process that is no PHP by its executable"""
    site = Site(case)
    apache = Apache(case, site)
    for _ in range(8):  # each of its processes
        apache.get("/")
    sink, trace = case.sink(), case.trace()
    cached(by_apache(case, apache, site, trace, sink))
    by_apache(case, apache, site, trace, sink, way="method")


def test_apache_odd_port(case):
    """Apache with mod_php, on a port that is not listed"""
    site = Site(case)
    apache = Apache(case, site)
    apache.get("/")
    sink, trace = case.sink(port=2526), case.trace()
    by_apache(case, apache, site, trace, sink, port=2526)
    by_apache(case, apache, site, trace, sink, port=2526, way="method")


def test_apache_first_request(case):
    """an Apache that starts after smtpsnoop: its first connection makes it known, if it is not over too soon"""
    site, sink, trace = Site(case), case.sink(), case.trace()
    apache = Apache(case, site)
    apache.get(URL + query("function"))
    trace.connection()
    by_apache(case, apache, site, trace, sink)


def test_apache_url(case):
    """a script that the client asked Apache for: its URL with query"""
    site = Site(case)
    apache, sink, trace = Apache(case, site), case.sink(), case.trace()
    target = "/index.php?" + query("function")
    apache.get(target, method="POST")
    sink.wait()
    wanted = {**request(target, "POST"), "host": {HOST, ABSENT}, "client": {"127.0.0.1", ABSENT}}
    expect_mailer(trace.connection(), site, **wanted)


def test_apache_mail(case):
    """mail() in mod_php through msmtp"""
    need("msmtp")
    site = Site(case)
    apache = Apache(case, site, sendmail=MSMTP)
    sink, trace = case.sink(namespace="actor", address="127.0.0.1"), case.trace()
    target = "/index.php?" + query("mail")
    apache.get(target)
    sink.wait()
    record, line = trace.connection(), line_of(site.mailer, "mail")
    wanted = {**behind_apache(target), "method": "GET", "entry": site.index, "status": "inherited"}
    expect_script(record, "php", site.mailer, line, "give_to_mta", **wanted)
