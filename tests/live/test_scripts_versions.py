# SPDX-License-Identifier: GPL-2.0-only
"""Scripts of other versions of PHP, from Debian's other suites, in roots of their own; and of what only looks like PHP."""
import contextlib
import os
import shutil
import tempfile

from php_roots import VERSIONS, php_root
from marks import quick
from test_scripts import URL, request
from tracer import ABSENT, expect, field
from web import Server, Site, expect_script, line_of, query
from world import SINK4, WEB_UID, Failed

CODE = """<?php
require '%s/lib/dialogue.php';
class Sender {
	static function send_it($stream) {
		fwrite($stream, "EHLO actor.example\\r\\n");
		converse($stream, 'a@actor.example');
	}
	function start() {
		$stream = fsockopen('%s', 25); // connects
		hear($stream);
		self::send_it($stream);
	}
}
function main() { (new Sender)->start(); } // starts
main(); // calls
usleep(500000); // its root is gone with it, and what is known of files in there
"""


@contextlib.contextmanager
def place(suite):
    """A folder inside the suite's root: (the root, the folder as the host sees it)."""
    root = php_root(suite)
    folder = tempfile.mkdtemp(prefix="smtpsnoop-", dir=os.path.join(root, "tmp"))
    os.chmod(folder, 0o755)
    try:
        yield root, folder
    finally:
        shutil.rmtree(folder)


def check(record, path, root, suite, **also):
    inside = path[len(root) :]
    frames = [
        (None, None, "fsockopen"),
        (inside, line_of(path, "connects"), "Sender::start"),
        (inside, line_of(path, "starts"), "main"),
        (inside, line_of(path, "calls"), None),
    ]
    expect(record, smtp__accepted=1, script__version=VERSIONS[suite])
    expect_script(record, "php", inside, line_of(path, "connects"), "Sender::start", frames, words={"script-recent"}, **also)


def by_cli(case, suite):
    with place(suite) as (root, folder):
        site, trace = Site(case, os.path.join(folder, "www")), case.trace()
        path = site.add("job.php", CODE % (site.root[len(root) :], SINK4))
        argv = ["/usr/sbin/chroot", root, f"/usr/bin/php{VERSIONS[suite]}", path[len(root) :]]
        # In no place where it is looked for: the first connection makes it known.
        case.actor(*argv, uid=0).wait()
        trace.connection()
        actor = case.actor(*argv, uid=0)
        actor.wait()
        check(trace.connection(process__pid=actor.pid), path, root, suite, entry=path[len(root) :])
        trace.stop()


class ChrootedFpm(Server):
    CONF = """[global]
error_log = {folder}/error.log
daemonize = no
[shop]
user = {uid}
group = {uid}
listen = {folder}/sock
listen.mode = 0666
pm = static
pm.max_children = 1
"""

    def __init__(self, case, site, root, folder, suite):
        super().__init__(case, site, os.path.join(folder, "fpm"))
        conf = self.write("fpm.conf", self.CONF.format(folder=self.folder[len(root) :], uid=WEB_UID))
        program = f"/usr/sbin/php-fpm{VERSIONS[suite]}"
        self.start("/usr/sbin/chroot", root, program, "-F", "-y", conf[len(root) :], uid=0, ready=self.try_unix)


def by_fpm(case, suite):
    with place(suite) as (root, folder):
        site = Site(case, os.path.join(folder, "www"))
        path = site.add("job.php", CODE % (site.root[len(root) :], SINK4))
        fpm = ChrootedFpm(case, site, root, folder, suite)
        trace = case.trace()
        target = URL + query("function")
        fpm.ask(target, script=path[len(root) :])
        check(trace.connection(), path, root, suite, entry=path[len(root) :], **request(target))
        trace.stop()
        fpm.actor.process.terminate()
        fpm.actor.process.wait()


def test_bullseye(case):
    """PHP 7.4, from the command line and by FPM"""
    case.sink()
    by_cli(case, "bullseye")
    by_fpm(case, "bullseye")


def test_trixie(case):
    """PHP 8.4, from the command line and by FPM"""
    case.sink()
    by_cli(case, "trixie")
    by_fpm(case, "trixie")


def test_newest(case):
    """PHP 8.5, from the command line and by FPM"""
    case.sink()
    by_cli(case, "experimental")
    by_fpm(case, "experimental")


def counterfeit(case, how, status, change=(b"", b"")):
    """A program with PHP's symbols and version, and something else in its memory."""
    trace = case.trace()
    program = os.path.join(case.world.folder, "counterfeit")
    with open(case.program("counterfeit"), "rb") as file:
        image = file.read()
    with open(program, "wb") as file:
        file.write(image.replace(*change) if change[0] else image)
    os.chmod(program, 0o755)
    # A copy that connects before is what makes it known.
    case.actor(program, how, SINK4, "25").wait()
    trace.connection()
    actor = case.actor(program, how, SINK4, "25")
    actor.wait()
    record = trace.connection(process__pid=actor.pid)
    script = field(record, "script")
    if script is ABSENT or script.get("status", ABSENT) != status:
        raise Failed(f"{how}: script is {script}, expected the status {status}")
    for name in ("file", "line", "function", "backtrace", "entry", "url"):
        if name in script:
            raise Failed(f"script has {name}: {script}")
    trace.stop()


@quick
def test_wrong_offsets(case):
    """what does not look like PHP is dropped, and said: wrong numbers, lengths, types and texts, and addresses that lead nowhere"""
    case.sink()
    for how in ("numbers", "lengths", "types", "texts"):
        counterfeit(case, how, "odd")
    for how in ("nowhere", "kernel"):
        counterfeit(case, how, "unreadable")


def test_version_and_threads(case):
    """a version whose layout is not known, and a build with threads, are said"""
    case.sink()
    counterfeit(case, "version", "unknown-version", (b"PHP/8.2.0", b"PHP/9.9.0"))
    counterfeit(case, "threads", "zts", (b"executor_globals_Offset", b"executor_globals_offset"))


def test_stack_without_end(case):
    """a stack that leads back to itself is cut at sixteen frames"""
    case.sink()
    trace = case.trace()
    case.actor(case.program("counterfeit"), "loop", SINK4, "25").wait()
    trace.connection()
    actor = case.actor(case.program("counterfeit"), "loop", SINK4, "25")
    actor.wait()
    expect(trace.connection(process__pid=actor.pid), script__backtrace=lambda got: len(got) == 16, script__backtrace_cut=True)


def test_replaced_in_place(case):
    """a file that was no PHP and has another content since is looked at again"""
    case.sink()
    trace, program = case.trace(), os.path.join(case.world.folder, "replaced")
    shutil.copy(case.program("talk"), program)
    case.actor(program, SINK4, "25", "actor.example").wait()
    expect(trace.connection(), script=ABSENT)
    with open(case.program("counterfeit"), "rb") as source, open(program, "r+b") as file:
        file.truncate(0)
        file.write(source.read())
    case.actor(program, "types", SINK4, "25").wait()
    trace.connection()
    actor = case.actor(program, "types", SINK4, "25")
    actor.wait()
    expect(trace.connection(process__pid=actor.pid), script__status="odd")
