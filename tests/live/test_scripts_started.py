# SPDX-License-Identifier: GPL-2.0-only
"""What a PHP script starts: mail(), exec(), popen(), proc_open(), fork; the script at the start of it is named."""
import time

from dialogue import FROM, RCPT
from marks import quick
from test_programs import Postfix
from test_scripts import MSMTP, URL, ask_many, request
from tracer import ABSENT, expect, reasons
from web import NONE, Fpm, Site, expect_mailer, expect_script, failed, line_of, query
from world import SINK4, Failed, need

HELO = "actor.example"


def local_sink(case):
    """Stands for the MTA of the host."""
    return case.sink(namespace="actor", address="127.0.0.1")


def bot(case, before="", after=""):
    """The command of a perl that sends one message past the MTA."""
    return f"{before}/usr/bin/perl {case.world.client('send.pl')} {SINK4} 25 {HELO} {FROM} {RCPT}{after}"


def expect_started(record, site, name, url, run=ABSENT):
    """The site's mailer started it, by mail() or exec()."""
    function = {"mail": "give_to_mta", "exec": "call_shell"}[name]
    line = line_of(site.mailer, name)
    frames = [
        (None, None, name),
        (site.mailer, line, function),
        (site.mailer, line_of(site.mailer, f"calls {name}"), None),
        (site.index, line_of(site.index, "includes"), "route"),
        (site.index, line_of(site.index, "routes"), None),
    ]
    wanted = {**request(url), "entry": site.index, "status": "inherited", "run": run}
    expect_script(record, "php", site.mailer, line, function, backtrace=frames, **wanted)


@quick
def test_mail(case):
    """mail() through a sendmail that speaks SMTP to the local MTA: local, and the PHP file that called mail()"""
    site, sendmail = Site(case), case.world.client("sendmail.py")
    fpm = Fpm(case, site, sendmail=sendmail)
    fpm.ask("/")
    sink, trace = local_sink(case), case.trace()
    fpm.ask(URL + query("mail"))
    sink.wait()
    record = trace.connection()
    expect(record, verdict__class="local", smtp__accepted=1)
    expect_started(record, site, "mail", URL + query("mail"), run=("python", sendmail))


def test_mail_msmtp(case):
    """mail() through msmtp, which is no script itself"""
    need("msmtp")
    site = Site(case)
    fpm = Fpm(case, site, sendmail=MSMTP)
    sink, trace = local_sink(case), case.trace()
    fpm.ask(URL + query("mail"))
    sink.wait()
    record = trace.connection()
    expect(record, verdict__class="local", process__executable="/usr/bin/msmtp", smtp__accepted=1)
    expect_started(record, site, "mail", URL + query("mail"))


def test_mail_postfix(case):
    """mail() into a real Postfix: who fed it is named, and what Postfix delivers is nobody's script"""
    need("msmtp")
    sink, trace, postfix, site = case.sink(), case.trace(), Postfix(case), Site(case)
    postfix.wait()
    fpm = Fpm(case, site, sendmail=MSMTP)
    fpm.ask(URL + query("mail"))
    local = trace.connection(process__name="msmtp", timeout=40)
    expect(local, verdict__class="local", smtp__accepted=1, destination__ip="127.0.0.1")
    expect_started(local, site, "mail", URL + query("mail"))
    sink.wait(timeout=40)
    mta = trace.connection(destination__ip=SINK4, timeout=40)
    expect(mta, verdict__class="mta", process__name="smtp", script=ABSENT)


def test_mail_sendmail(case):
    """mail() through Postfix's own sendmail opens no connection; what Postfix delivers is nobody's script"""
    sink, trace, postfix, site = case.sink(), case.trace(), Postfix(case), Site(case)
    postfix.wait()
    # Another configuration folder than the system's is root's to choose.
    path = site.add("send.php", f"<?php\nexit(mail('{RCPT}', 'x', 'hello') ? 0 : 1);\n")
    sendmail = f"sendmail_path=/usr/sbin/sendmail -C {postfix.folder}/etc -t -i"
    case.actor("/usr/bin/php", "-d", sendmail, path, uid=0).wait()
    sink.wait(timeout=40)
    mta = trace.connection(destination__ip=SINK4, timeout=40)
    expect(mta, verdict__class="mta", process__name="smtp", script=ABSENT, smtp__accepted=1)


@quick
def test_exec(case):
    """php-fpm -> sh -> perl that calls itself a kernel thread: the PHP file and the perl's own; then the worker"""
    site = Site(case)
    fpm = Fpm(case, site, workers=1, bot=bot(case, "FAKE_NAME='[kworker/0:1]' "))
    fpm.ask("/")
    sink, trace = case.sink(), case.trace()
    fpm.ask(URL + query("exec"))
    sink.wait()
    record = trace.connection()
    expect(record, verdict__class="impostor", process__executable="/usr/bin/perl")
    reasons(record, "fake-kthread")
    expect_started(record, site, "exec", URL + query("exec"), run=("perl", case.world.client("send.pl")))
    fpm.ask(URL + query("function"))
    expect_mailer(trace.connection(), site, **request(URL + query("function")))


def test_exec_in_background(case):
    """what goes on in the background still belongs to the request that started it, not to the worker's next one"""
    site = Site(case)
    command = f"(sleep 0.7; {bot(case)}; true) >/dev/null 2>&1 </dev/null &"
    fpm = Fpm(case, site, workers=1, bot=command)
    sink, trace = case.sink(), case.trace()
    began = time.monotonic()
    fpm.ask("/first/?" + query("exec"))
    fpm.ask("/second/?" + query("function"))
    if time.monotonic() - began > 0.6 * case.world.slow:
        raise Failed("the request waited for what it started")
    sink.wait(2)
    record = trace.connection(process__executable="/usr/bin/perl")
    run = ("perl", case.world.client("send.pl"))
    expect_started(record, site, "exec", "/first/?" + query("exec"), run)
    expect_mailer(trace.connection(), site, **request("/second/?" + query("function")))


def test_exec_daemon(case):
    """nor is a daemon of its own session forgotten, when the php and the shell that started it are gone"""
    site = Site(case)
    command = f"setsid sh -c '(sleep 0.5; {bot(case)}; true) &' >/dev/null 2>&1 </dev/null"
    path = site.add("start.php", "<?php\nexec(getenv('BOT')); // starts\n")
    sink, trace = case.sink(), case.trace()
    case.actor("/usr/bin/php", path, env={"BOT": command}).wait()
    sink.wait()
    run = ("perl", case.world.client("send.pl"))
    wanted = {"entry": path, "status": "inherited", "run": run}
    expect_script(trace.connection(), "php", path, line_of(path, "starts"), ABSENT, **wanted)


WAYS = """<?php
function start($way, $command) {
	switch ($way) {
	case 'exec':
		exec($command); // exec
		break;
	case 'system':
		system($command); // system
		break;
	case 'passthru':
		passthru($command); // passthru
		break;
	case 'shell_exec':
		shell_exec($command); // shell_exec
		break;
	case 'backticks':
		`$command`; // backticks
		break;
	case 'popen':
		pclose(popen($command, 'r')); // popen
		break;
	case 'proc_open':
		proc_close(proc_open($command, [], $pipes)); // proc_open
		break;
	case 'proc_open_list':
		proc_close(proc_open(explode(' ', $command), [], $pipes)); // proc_open_list
		break;
	}
}
start($argv[1], getenv('BOT'));
"""


@quick
def test_every_way(case):
    """exec, system, passthru, shell_exec, backticks, popen and proc_open each name the line that started it"""
    site = Site(case)
    path = site.add("ways.php", WAYS)
    run = ("perl", case.world.client("send.pl"))
    sink, trace = case.sink(), case.trace()
    ways = "exec system passthru shell_exec backticks popen proc_open proc_open_list".split()
    for number, way in enumerate(ways, 1):
        after = "" if way == "proc_open_list" else "; true"
        case.actor("/usr/bin/php", path, way, env={"BOT": bot(case, after=after)}).wait()
        sink.wait(number)
        record = trace.connection()
        wanted = {"entry": path, "status": "inherited", "run": run}
        expect_script(record, "php", path, line_of(path, way), "start", **wanted)
        name = {"backticks": "shell_exec", "proc_open_list": "proc_open"}.get(way, way)
        if record["script"]["backtrace"][0].get("function") != name:
            failed(record, f"the innermost frame is not {name}()")


def test_started_never_mixed_up(case):
    """what ten scripts on five workers start at the same time is told with its own script and request"""
    site, talk, scripts, total = Site(case), case.program("talk"), [], 300
    for number in range(10):
        command = f"'{talk} {SINK4} 25 n' . $_GET['n'] . '.s{number}.example; true'"
        blank = "\n" * (3 * number)
        text = f"<?php{blank}\nfunction start_{number}() {{\n\texec({command}); // starts\n}}\nstart_{number}();\n"
        scripts.append(site.add(f"site{number}/mail{number}.php", text))
    fpm = Fpm(case, site, workers=5)
    case.sink()
    trace = case.trace()
    ask_many(fpm, scripts, total)
    for _ in range(total):
        record = trace.connection()
        n, s = (int(word[1:]) for word in record["smtp"]["helo"].split(".")[:2])
        target, client = f"/site{s}/mail{s}.php?n={n}", f"198.51.100.{n % 250 + 1}"
        wanted = {"entry": scripts[s], "status": "inherited", "run": ABSENT, "words": NONE}
        wanted |= request(target, host=f"s{s}.example", client=client)
        expect_script(record, "php", scripts[s], line_of(scripts[s], "starts"), f"start_{s}", **wanted)
    expect(trace.stop(), totals__attempts=total)


FORK = f"""<?php
require D;
function child() {{
	$stream = fsockopen('{SINK4}', 25); // connects
	hear($stream);
	fwrite($stream, "EHLO {HELO}\\r\\n");
	converse($stream, '{FROM}');
}}
$pid = pcntl_fork();
if ($pid == 0) {{
	child();
	exit(0);
}}
pcntl_waitpid($pid, $status);
exit(pcntl_wexitstatus($status));
"""


def test_pcntl_fork(case):
    """a PHP that forked goes on by itself: what it runs is read from the child"""
    site = Site(case)
    path = site.add("fork.php", FORK)
    sink, trace = case.sink(), case.trace()
    actor = case.actor("/usr/bin/php", path)
    actor.wait()
    sink.wait()
    record = trace.connection()
    expect(record, process__parent__pid=actor.pid)
    expect_script(record, "php", path, line_of(path, "connects"), "child", entry=path, url=ABSENT)


def test_php_from_php(case):
    """a PHP that was started by a PHP is named itself"""
    site = Site(case)
    inner = site.add("inner.php", FORK.replace("pcntl_fork()", "0"))
    outer = site.add("outer.php", "<?php\npassthru($argv[1], $status); // starts\nexit($status);\n")
    sink, trace = case.sink(), case.trace()
    case.actor("/usr/bin/php", outer, f"/usr/bin/php {inner}; exit $?").wait()
    sink.wait()
    record = trace.connection()
    expect_script(record, "php", inner, line_of(inner, "connects"), "child", entry=inner, run=NONE)
