# SPDX-License-Identifier: GPL-2.0-only
"""PHP code that would rather not be named, or names another: what is ordinary for PHP is read, what is a guess says so."""
import os

from marks import quick
from tracer import expect
from web import find
from world import SINK4, Failed, Skipped

CONNECT = f'fsockopen("{SINK4}", 25)'


def php(case, code, name="x.php", folder=None, more=()):
    """Runs a file with this code; returns its path and the record of its connection."""
    folder = folder or os.path.join(case.world.folder, "evade")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write("<?php\n" + code + "\n")
    os.chmod(path, 0o644)
    case.sink()
    trace = case.trace()
    case.actor(find("/usr/bin/php"), *more, path).wait(status=None)
    record = trace.connection()
    trace.stop()
    return path, record


def named(case, code, **also):
    path, record = php(case, code)
    expect(record, script__status="read", script__file=path, **also)
    return record


@quick
def test_anonymous_class(case):
    """the name of an anonymous class has a NUL in it"""
    named(
        case,
        f"new class {{ function __construct() {{ {CONNECT}; }} }};",
        script__function="class@anonymous::__construct",
        script__line=2,
    )


def test_anonymous_child(case):
    """what an anonymous class starts is inherited all the same"""
    client = case.world.client("send.pl")
    path, record = php(
        case, f"new class {{ function __construct() {{ system('perl {client} {SINK4} 25 helo.example a@a.example b@b.example 2>&1'); }} }};"
    )
    expect(record, script__status="inherited", script__file=path)


def test_endless_name(case):
    """a function with a name of 70,000 characters"""
    code = f"function go() {{ {CONNECT}; }}\n$n = str_repeat('A', 70000); eval(\"function $n() {{ go(); }}\"); $n();"
    named(case, code, script__function="go")


def test_endless_lines(case):
    """a line number that nobody would believe"""
    record = named(case, f"eval(str_repeat(\"\\n\", 10000001) . '{CONNECT};');")
    if "line" in record["script"]["backtrace"][1]:
        raise Failed("a line of ten million is shown")


def test_behind_functions_of_php(case):
    """twenty of PHP's own functions between the socket and the file"""
    code = f"""$f = 'call_user_func';
$arguments = array_fill(0, 20, $f); $arguments[] = 'fsockopen'; $arguments[] = '{SINK4}'; $arguments[] = 25;
$f(...$arguments);"""
    named(case, code, script__line=4)


@quick
def test_nobody_calls(case):
    """a shutdown function that is PHP's own has no caller: what was asked for is told as that, and as no more"""
    path, record = php(case, f"register_shutdown_function('fsockopen', '{SINK4}', 25);")
    expect(record, script__status="read", script__file=path, script__file_from="entry")
    if any("file" in call for call in record["script"]["backtrace"]):
        raise Failed("a file is in the backtrace after all: this test shows nothing")


def test_named_like_eval(case):
    """a file that is called like code of eval() in its neighbour is not its neighbour"""
    folder = os.path.join(case.world.folder, "evade")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "mail.php"), "w") as file:
        file.write("<?php\n")
    path, record = php(case, CONNECT + ";", name="mail.php(3) : eval()'d code")
    expect(record, script__file=path)


def test_long_path(case):
    """of a path over 255 bytes the end is known, and that it is one"""
    folder = os.path.join(case.world.folder, *["p" * 100] * 3)
    path, record = php(case, CONNECT + ";", folder=folder)
    expect(record, script__file=path[-255:], script__file_cut=True)


def test_exec_by_a_thread(case):
    """a child that executes something in a thread has another leader then, and the same origin"""
    client = case.world.client("send.pl")
    thread = os.path.join(case.world.folder, "thread.py")
    with open(thread, "w") as file:
        file.write(
            "import os, threading, time\n"
            f"perl = ['perl', '{client}', '{SINK4}', '25', 'helo.example', 'a@a.example', 'b@b.example']\n"
            "threading.Thread(target=lambda: os.execv('/usr/bin/perl', perl)).start()\n"
            "time.sleep(10)\n"
        )
    os.chmod(thread, 0o644)
    path, record = php(case, f"system('/usr/bin/python3 {thread} 2>&1');")
    expect(record, script__status="inherited", script__file=path)


def test_arguments_after_vfork(case):
    """a child of vfork() that connects itself has its parent's arguments, of exec time and not of now"""
    if os.uname().machine != "x86_64":
        raise Skipped("the number of vfork() is another one here")
    script = os.path.join(case.world.folder, "vfork.pl")
    with open(script, "w") as file:
        file.write(
            "use Socket;\n"
            "$0 = \"perl\\0/var/www/victim.pl\\0\";\n"
            "exit 0 if syscall(58);\n"  # vfork
            "socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, sockaddr_in(25, inet_aton('%s')));\n"
            "sysread($s, my $b, 99); syswrite($s, \"QUIT\\r\\n\"); sysread($s, $b, 99);\n"
            "syscall(60, 0);\n" % SINK4
        )
    os.chmod(script, 0o644)
    case.sink()
    trace = case.trace()
    case.actor("/usr/bin/perl", script).wait(status=None)
    expect(trace.connection(), script__file=script)
