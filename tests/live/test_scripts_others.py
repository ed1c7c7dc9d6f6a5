# SPDX-License-Identifier: GPL-2.0-only
"""Scripts in other languages: the file that the interpreter was started with, and the request where there is one."""
import os
import shutil
import subprocess

from dialogue import FROM, RCPT
from marks import quick
from test_hostile import NASTY, harmless
from test_scripts import URL, request
from tracer import ABSENT, expect, field, reasons
from web import CLIENT, HOST, NONE, SCRIPT_REASONS, Site, cgi, expect_script, failed
from world import LIVE, SINK4, Failed, need

HELO = "actor.example"
TO = (SINK4, "25", HELO, FROM, RCPT)
SHELL = """#!/bin/bash
# one message over bash's own /dev/tcp
exec 3<>/dev/tcp/$1/$2
hear() { while IFS= read -r line <&3 && [ "${line:3:1}" = - ]; do :; done; }
hear
for line in "EHLO $3" "MAIL FROM:<$4>" "RCPT TO:<$5>" DATA $'Subject: x\\r\\n\\r\\nhello\\r\\n.' QUIT; do
	printf '%s\\r\\n' "$line" >&3
	hear
done
"""


def client(name):
    with open(os.path.join(LIVE, "clients", name)) as file:
        return file.read()


def send(case, *argv, trace=None, sink=None, **kwargs):
    """Runs a program that sends one message, in a trace of its own unless one is there; returns its record."""
    sink, trace = sink or case.sink(), trace or case.trace()
    before = len(sink.sessions)
    actor = case.actor(*argv, **kwargs)
    actor.wait()
    sink.wait(before + 1)
    record = trace.connection()
    expect(record, smtp__helo=HELO, smtp__accepted=1)
    return record


@quick
def test_languages(case):
    """python, perl, node and bash: the script's whole path, and no line or function that nobody knows"""
    site, sink, trace = Site(case), case.sink(), case.trace()
    for language, program, name, text in (
        ("python", "/usr/bin/python3", "bot.py", client("send_smtplib.py")),
        ("perl", "/usr/bin/perl", "bot.pl", client("send.pl")),
        ("shell", "/bin/bash", "bot.sh", SHELL),
    ):
        path = site.add("bots/" + name, text)
        record = send(case, program, path, *TO, trace=trace, sink=sink)
        expect_script(record, language, path, ABSENT, ABSENT, ABSENT, entry=ABSENT, status=NONE)


def test_node(case):
    """node"""
    need("node")
    node = subprocess.run(
        ["node", "-p", "process.execPath"], capture_output=True, text=True, check=True
    ).stdout.strip()
    path = Site(case).add("bot.js", client("send.js"))
    record = send(case, node, "--no-warnings", path, *TO)
    expect_script(record, "node", path, ABSENT, ABSENT, ABSENT, entry=ABSENT, status=NONE)


def test_relative(case):
    """a relative path is that of the start, options before it are none, and going elsewhere changes nothing"""
    site, sink, trace = Site(case), case.sink(), case.trace()
    away = "import os\nos.chdir('/')\n"
    python = site.add("bots/bot.py", client("send_smtplib.py").replace("import sys", "import sys\n" + away))
    perl = site.add("bots/bot.pl", client("send.pl").replace("use strict;", "use strict; chdir '/';"))
    shell = site.add("bots/bot.sh", SHELL.replace("hear()", "cd /\nhear()"))
    for language, path, argv in (
        ("python", python, ["/usr/bin/python3", "-B", "-W", "ignore", "bots/bot.py"]),
        ("perl", perl, ["/usr/bin/perl", "-w", "-I", "/nowhere", "./bots/bot.pl"]),
        ("shell", shell, ["/bin/bash", "-e", "bots/../bots/bot.sh"]),
    ):
        record = send(case, *argv, *TO, cwd=site.root, trace=trace, sink=sink)
        # The path may keep what a relative one says; it is absolute and the same file.
        expect_script(record, language, the_same_file(path), ABSENT, ABSENT, status=NONE, words=set())


def the_same_file(path):
    def check(got):
        return got.startswith("/") and os.path.normpath(got) == path

    check.__name__ = path
    return check


def test_shebang(case):
    """started by its #! line, directly or by env"""
    site, sink, trace = Site(case), case.sink(), case.trace()
    direct = site.add("bot", "#!/usr/bin/python3\n" + client("send_smtplib.py"))
    by_env = site.add("bot2", "#!/usr/bin/env perl\n" + client("send.pl"))
    for language, path in (("python", direct), ("perl", by_env), ("shell", site.add("bot3", SHELL))):
        record = send(case, path, *TO, trace=trace, sink=sink)
        expect_script(record, language, path, status=NONE)


@quick
def test_renamed(case):
    """a perl that overwrites its arguments is still told by those of its start"""
    path = Site(case).add("wp-content/uploads/.bot.pl", client("send.pl"))
    record = send(case, "/usr/bin/perl", path, *TO, env={"FAKE_NAME": "/usr/sbin/cron -f " + "x" * 200})
    expect(record, process__executable="/usr/bin/perl")
    expect_script(record, "perl", path, status=NONE, words={"script-in-uploads", "script-hidden"})


def test_renamed_odd_port(case):
    """and on a port that is not listed"""
    path = Site(case).add("bot.pl", client("send.pl"))
    to = (SINK4, "2526", *TO[2:])
    record = send(case, "/usr/bin/perl", path, *to, sink=case.sink(port=2526), env={"FAKE_NAME": "[kworker/0:1]"})
    expect_script(record, "perl", path, status=NONE)


def test_symlink(case):
    """a script that is a symbolic link: the path that was asked for"""
    site = Site(case)
    path, link = site.add("real.py", client("send_smtplib.py")), os.path.join(site.root, "link.py")
    os.symlink(path, link)
    record = send(case, "/usr/bin/python3", link, *TO)
    expect_script(record, "python", {link, path}, status=NONE, words=NONE)


def test_unlinked(case):
    """one that removes itself before it connects"""
    text = client("send.pl").replace("use strict;", "use strict; unlink $0 or die;")
    path = Site(case).add("gone.pl", text)
    record = send(case, "/usr/bin/perl", path, *TO)
    if os.path.exists(path):
        raise Failed("the script is still there")
    expect_script(record, "perl", path, status=NONE, words=NONE)


def test_no_file(case):
    """code from an argument or from standard input is in no file, and none is made up"""
    sink, trace = case.sink(), case.trace()
    for argv, text in (
        (["/usr/bin/python3", "-c", client("send_smtplib.py"), *TO], None),
        (["/usr/bin/perl", "-e", client("send.pl"), *TO], None),
        (["/bin/bash", "-c", SHELL, "cron.sh", *TO], None),
        (["/usr/bin/python3", "-", *TO], client("send_smtplib.py")),
        (["/bin/bash", "-s", *TO], SHELL),
    ):
        before = len(sink.sessions)
        actor = case.actor(*argv)
        if text:
            actor.say(text, last=True)
        actor.wait()
        sink.wait(before + 1)
        record = trace.connection()
        file = field(record, "script.file")
        if file is not ABSENT:
            failed(record, f"{argv[:2]}: script.file is {file!r}")
        reasons(record, without=SCRIPT_REASONS)


def test_compiled(case):
    """a compiled program has no script; as a CGI program it has a request"""
    site, sink, trace = Site(case), case.sink(), case.trace()
    argv = (case.program("talk"), SINK4, "25", HELO)
    expect(send(case, *argv, trace=trace, sink=sink), script=ABSENT)
    env = {name: value for name, value in cgi(site, URL).items() if value}
    record = send(case, *argv, env=env, trace=trace, sink=sink)
    expect(record, script__language=ABSENT, script__line=ABSENT, script__function=ABSENT, script__backtrace=ABSENT)
    expect(record, script__url=URL, script__host=HOST, script__method="GET", script__client__ip=CLIENT)


@quick
def test_cgi(case):
    """CGI programs in python and perl: the request is in their environment"""
    site, sink, trace = Site(case), case.sink(), case.trace()
    for language, program, name, source in (
        ("python", "/usr/bin/python3", "cgi-bin/form.py", "send_smtplib.py"),
        ("perl", "/usr/bin/perl", "cgi-bin/form.pl", "send.pl"),
    ):
        path = site.add(name, client(source))
        target = f"/{name}?to=everybody"
        env = cgi(site, target, script=path, method="POST")
        record = send(case, program, path, *TO, env=env, trace=trace, sink=sink)
        expect_script(record, language, path, entry=path, status=NONE, **request(target, "POST"))


def test_cgi_started(case):
    """a script that a CGI program's shell starts inherits its environment: another file than the entry"""
    site = Site(case)
    entry = site.add("cgi-bin/form.sh", '#!/bin/bash\n/usr/bin/perl "$BOT" "$@"\ntrue\n')
    path = site.add("cgi-bin/.cache.pl", client("send.pl"))
    env = {**cgi(site, URL, script=entry), "BOT": path}
    record = send(case, entry, *TO, env=env)
    expect_script(record, "perl", path, entry=entry, status=NONE, **request(URL))


def test_cgi_hostile(case):
    """a hostile environment is valid JSON and says no more than it is"""
    site = Site(case)
    nasty = NASTY.replace("\x00", "").encode("latin-1")
    path = site.add("cgi-bin/form.py", client("send_smtplib.py"))
    env = cgi(site, b"/" + nasty, script=path, host=b"shop.example" + nasty, client=nasty)
    trace = case.trace()
    record = send(case, "/usr/bin/python3", path, *TO, env=env, trace=trace)
    expect_script(record, "python", path, entry=path, status=NONE, url=NONE, host=NONE, method="GET")
    if "owned" not in record["script"].get("url", "") or "x" in record["script"]:
        failed(record, "the URL is not what was said")
    trace.stop()
    harmless(trace)


def test_cron(case):
    """what cron starts: cron -> sh -> perl"""
    site = Site(case)
    cron = os.path.join(case.world.folder, "cron")  # by its name; a shell that waits for what it starts
    shutil.copy("/bin/bash", cron)
    path = site.add("bin/report.pl", client("send.pl"))
    job = f"/usr/bin/perl {path} {' '.join(TO).replace('<', '').replace('>', '')}; true"
    env = {"HOME": "/var/www", "LOGNAME": "www-data", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    record = send(case, cron, "-c", '/bin/sh -c "$1"; true', "cron", job, env=env)
    names = [ancestor["name"] for ancestor in record["process"]["ancestors"]]
    if names[:2] != ["sh", "cron"]:
        raise Failed(f"the ancestors are {names}")
    expect_script(record, "perl", path, status=NONE)


def test_ssh(case):
    """where who started it has come from"""
    path, sink, trace = Site(case).add("bot.py", client("send_smtplib.py")), case.sink(), case.trace()
    for name, wanted in (("SSH_CONNECTION", "198.51.100.4 51000 192.0.2.10 22"), ("SSH_CONNECTIONS", ABSENT)):
        env = {name: "198.51.100.4 51000 192.0.2.10 22"}
        record = send(case, "/usr/bin/python3", path, *TO, env=env, trace=trace, sink=sink)
        expect(record, session__ssh=wanted)


def test_large_environment(case):
    """an environment that is too large to be looked through says so, each time"""
    path, sink, trace = Site(case).add("bot.py", client("send_smtplib.py")), case.sink(), case.trace()
    env = {f"V{number}": "x" for number in range(400)}
    env["REQUEST_URI"] = "/late"
    record = send(case, "/usr/bin/python3", path, *TO, env=env, trace=trace, sink=sink)
    expect(record, script__file=path, script__request_cut=True, script__url=ABSENT)
