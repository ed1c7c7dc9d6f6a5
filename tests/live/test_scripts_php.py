# SPDX-License-Identifier: GPL-2.0-only
"""PHP without a web server, code that is in no file of its own, and PHP whose every name is hostile."""
import base64
import os
import re

from dialogue import FROM
from marks import quick
from test_hostile import ESCAPE, NASTY, harmless
from test_scripts import URL, request
from tracer import ABSENT, expect, field, reasons
from web import CLIENT, HOST, NONE, Fpm, Site, expect_script, failed, line_of, query
from world import SINK4, Failed

HELO = "actor.example"
# One line, so that it can be an argument; without the dialogue's file.
SEND = (
    f"$s = fsockopen('{SINK4}', 25); fgets($s); foreach (['EHLO {HELO}', 'MAIL FROM:<{FROM}>', "
    "'RCPT TO:<b@victim.example>', 'QUIT'] as $l) { fwrite($s, \"$l\\r\\n\"); "
    "do $a = fgets($s); while ($a && $a[3] == '-'); }"
)
CODE = f"""<?php
function send_it() {{
	{SEND} // connects
}}
send_it(); // calls
"""


def run_php(case, *argv, text=None, **kwargs):
    """Runs php to its end; returns (the actor, its record)."""
    sink, trace = case.sink(), case.trace()
    actor = case.actor("/usr/bin/php", *argv, **kwargs)
    if text:
        actor.say(text, last=True)
    actor.wait()
    sink.wait()
    record = trace.connection()
    expect(record, process__pid=actor.pid, smtp__helo=HELO, smtp__from=[FROM], verdict__class="bypass")
    return record


@quick
def test_cli(case):
    """php FILE: file, line and function, and no request"""
    path = Site(case).add("job.php", CODE)
    record = run_php(case, path)
    frames = [
        (None, None, "fsockopen"),
        (path, line_of(path, "connects"), "send_it"),
        (path, line_of(path, "calls"), None),
    ]
    expect_script(record, "php", path, line_of(path, "connects"), "send_it", frames, entry=path)


def test_cli_relative(case):
    """a relative path is told as an absolute one, wherever the script has gone since"""
    site = Site(case)
    path = site.add("cron/job.php", CODE.replace("<?php\n", "<?php chdir('/');\n"))
    record = run_php(case, "-d", "memory_limit=64M", "cron/job.php", "cron/other.php", cwd=site.root)
    expect_script(record, "php", path, line_of(path, "connects"), "send_it", entry={path, "cron/job.php"})


def test_cli_symlink(case):
    """a script that is a symbolic link is named by the link or by its file, and is its own entry"""
    site = Site(case)
    path = site.add("real/job.php", CODE)
    link = os.path.join(site.root, "link.php")
    os.symlink(path, link)
    record = run_php(case, link)
    wanted = {"entry": {path, link}, "words": {"script-recent"}}
    expect_script(record, "php", {path, link}, line_of(path, "connects"), "send_it", **wanted)


def test_cli_unlinked(case):
    """a script that removes itself before it connects is named all the same"""
    path = Site(case).add("gone.php", CODE.replace("<?php\n", "<?php unlink(__FILE__);\n"))
    record = run_php(case, path)
    if os.path.exists(path):
        raise Failed("the script is still there")
    expect_script(record, "php", path, 3, "send_it", entry=path, words=NONE)


def test_fpm_unlinked(case):
    """nor does it help behind php-fpm, from an included file"""
    site = Site(case)
    path = site.add("wp-content/uploads/once.php", CODE.replace("<?php\n", "<?php unlink(__FILE__);\n"))
    entry = site.add("once.php", f"<?php\nrequire '{path}';\n")
    fpm, sink, trace = Fpm(case, site), case.sink(), case.trace()
    fpm.ask("/once", script=entry)
    sink.wait()
    wanted = {**request("/once"), "entry": entry, "words": NONE}
    expect_script(trace.connection(), "php", path, 3, "send_it", **wanted)


def test_cli_stdin(case):
    """code from standard input has no file, but a function"""
    record = run_php(case, text=CODE)
    expect_script(record, "php", None, 3, "send_it", entry=NONE)


def test_cli_argument(case):
    """nor has php -r"""
    record = run_php(case, "-r", f"function send_it() {{ {SEND} }} send_it();")
    expect_script(record, "php", None, 1, "send_it", entry=NONE)
    reasons(record, without=("entry-not-script",))


def test_cli_eval(case):
    """code from eval() is told by the file that calls eval(), maybe with PHP's own words behind"""
    text = "<?php\n$code = base64_decode('{}');\n\neval($code); // evaluates\n"
    code = f"function decoded() {{ {SEND} }} decoded();"
    encoded = base64.b64encode(code.encode()).decode()
    path = Site(case).add("evaluated.php", text.format(encoded))
    record = run_php(case, path)

    def of_the_file(got):
        return got == path or got.startswith(path + "(4) : eval()'d code")

    expect_script(record, "php", of_the_file, NONE, "decoded", entry=path)
    frames = [(frame.get("file"), frame.get("line")) for frame in record["script"]["backtrace"]]
    if (path, line_of(path, "evaluates")) not in frames:
        failed(record, "the line that calls eval() is not in the backtrace")


def test_cli_phar(case):
    """a file in a phar is told with the archive's path"""
    site = Site(case)
    place, path = site.add("build.php", "<?php\n"), os.path.join(site.root, "bundle.phar")
    build = f"""<?php
$phar = new Phar('{path}');
$phar['lib/send.php'] = <<<'END'
{CODE}
END;
$phar->setStub("<?php Phar::mapPhar('b'); require 'phar://b/lib/send.php'; __HALT_COMPILER();");
"""
    site.add("build.php", build)
    case.actor("/usr/bin/php", "-d", "phar.readonly=0", place, uid=0).wait()
    record = run_php(case, path)
    expect_script(record, "php", re.compile(r"bundle\.phar"), NONE, "send_it", entry=path)
    if "lib/send.php" not in str(record["script"]["backtrace"]):
        failed(record, "the file in the archive is not told")


def test_cli_environment(case):
    """an environment that looks like a request's is no request of a php that is not CGI: it is not made up from it"""
    site = Site(case)
    path = site.add("job.php", CODE)
    env = {"REQUEST_URI": "/forged", "HTTP_HOST": "forged.example", "REMOTE_ADDR": "203.0.113.99"}
    record = run_php(case, path, env=env)
    expect_script(record, "php", path, line_of(path, "connects"), "send_it", entry=path)


def hostile_site(case):
    """A script with the worst names that PHP and the file system take. Returns (site, path)."""
    name = f'wp-content/uploads/a\n"{ESCAPE}\\\xff\xfe\x85 '.encode("latin-1") + b"mailer.php"
    kind = b"Evil\x9b31m\xff\xfe\xc3"
    text = CODE.encode().replace(b"send_it();", kind + b"::send\x9b\x85\xe2\x80\xae();")
    text = text.replace(b"function send_it() {", b"class " + kind + b" { static function send\x9b\x85\xe2\x80\xae() {")
    site = Site(case)
    return site, site.add(name, text.replace(b"// connects\n}", b"// connects\n}}"))


def hostile_request(fpm, path):
    """One request whose every value is hostile."""
    nasty = NASTY.replace("\x00", "").encode("latin-1")
    fpm.ask(
        b"/" + nasty + b"?q=" + nasty,
        script=os.fsencode(path),
        host=b"shop.example" + nasty,
        client=b"198.51.100.23" + nasty,
        method=b"GET" + nasty,
    )


@quick
def test_hostile_json(case):
    """hostile URL, host, client, file, class and function names are valid JSON and say no more than they are"""
    site, path = hostile_site(case)
    fpm, sink, trace = Fpm(case, site), case.sink(), case.trace()
    hostile_request(fpm, path)
    sink.wait()
    record = trace.connection()
    file = re.compile(r"wp-content/uploads/a.*owned.*mailer\.php$", re.DOTALL)
    wanted = {"url": re.compile("owned.*q=.*owned", re.DOTALL)}
    wanted |= {"host": re.compile(r"^shop\.example.*owned", re.DOTALL)}
    wanted |= {"client": NONE, "method": NONE, "entry": file, "words": NONE}
    expect_script(record, "php", file, 3, re.compile("Evil.*::send", re.DOTALL), **wanted)
    client = field(record, "script.client.ip")
    if client is not ABSENT and client != CLIENT:
        failed(record, "script.client.ip is no address")
    if any("x" in found for found in (record, record["script"])):
        failed(record, "the attacker's text became a field")
    trace.stop()
    harmless(trace)


def test_hostile_text(case):
    """and harmless on a terminal"""
    site, path = hostile_site(case)
    fpm, sink = Fpm(case, site), case.sink()
    trace = case.trace("--events", json_output=False)
    hostile_request(fpm, path)
    sink.wait()
    trace.wait_until("the actor's line", lambda: any(b"203.0.113.7" in line for line in trace.lines[1:]))
    trace.stop()
    harmless(trace)


def test_long_url(case):
    """of a URL of 8 KB the beginning is told, and what comes after it in the request as ever"""
    site = Site(case)
    fpm, sink, trace = Fpm(case, site), case.sink(), case.trace()
    target = URL + query("function", more="&fill=" + "x" * 8000)
    fpm.ask(target)
    sink.wait()
    record = trace.connection()

    def its_beginning(got):
        return len(got) >= 200 and target.startswith(got.rstrip("."))

    wanted = {**request(its_beginning), "entry": site.index}
    expect_script(record, "php", site.mailer, line_of(site.mailer, "function connects"), "evil_send", **wanted)


def test_many_headers(case):
    """a request with hundreds of headers before the client's address: what is told is true, or absent"""
    site = Site(case)
    fpm, sink, trace = Fpm(case, site), case.sink(), case.trace()
    target = URL + query("function")
    fpm.ask(target, headers={f"HTTP_X_{number}": "x" * 60 for number in range(400)})
    sink.wait()
    wanted = {"method": "GET", "url": {target, ABSENT}, "host": {HOST, ABSENT}, "client": {CLIENT, ABSENT}}
    wanted["entry"], line = site.index, line_of(site.mailer, "function connects")
    expect_script(trace.connection(), "php", site.mailer, line, "evil_send", **wanted)


def test_forged_globals(case):
    """a script that overwrites $_SERVER changes nothing of what is said of its request"""
    site = Site(case)
    forge = "<?php\n$_SERVER = ['REQUEST_URI' => '/forged', 'REMOTE_ADDR' => '203.0.113.99', 'HTTP_HOST' => 'x'];\n"
    path = site.add("forger.php", CODE.replace("<?php\n", forge + "putenv('REQUEST_URI=/forged');\n"))
    fpm, sink, trace = Fpm(case, site), case.sink(), case.trace()
    fpm.ask("/forger", script=path)
    sink.wait()
    wanted = {**request("/forger"), "entry": path}
    expect_script(trace.connection(), "php", path, line_of(path, "connects"), "send_it", **wanted)
