# SPDX-License-Identifier: GPL-2.0-only
"""report --html: one page that needs nothing else, written whole or not at all, and harmless whatever it shows."""
import base64
import hashlib
import html.parser
import os
import random
import re
import shutil
import signal
import subprocess
import time
import xml.dom.minidom

from store_file import HOUR, Store
from test_report import SCRIPT, filled, folder, has, report
from test_usage import refused
from world import Failed, Skipped, run

HOSTILE = "/var/www/<script>document.title='owned'</script>\"'&\x1b[2J\u202e.php"
OLD = "what was there before\n"


class Reader(html.parser.HTMLParser):
    """What a browser would find: elements, attributes, and the texts of some."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.attributes, self.policy, self.style, self.open = set(), set(), None, "", None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open = tag
        self.elements.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"]

    def handle_endtag(self, tag):
        self.open = None

    def handle_data(self, data):
        if self.open == "style":
            self.style += data


def check_page(page):
    """Well-formed, with nothing that runs, loads or leads elsewhere; the policy allows its one style sheet alone."""
    xml.dom.minidom.parseString(page.removeprefix("<!DOCTYPE html>\n"))
    read = Reader(page)
    for what in {"script", "a", "img", "iframe", "object", "embed", "link", "form", "base", "use"} & read.elements:
        raise Failed(f"an element <{what}>")
    for what in read.attributes:
        if what in ("href", "src", "style", "xlink:href", "action") or what.startswith("on"):
            raise Failed(f"an attribute {what}")
    if "url(" in read.style or "@import" in read.style or "default-src 'none'" not in (read.policy or ""):
        raise Failed(f"the page may load something: {read.policy}")
    digest = base64.b64encode(hashlib.sha256(read.style.encode()).digest()).decode()
    has(read.policy, f"style-src 'sha256-{digest}'")


def target(case):
    """A folder of its own, so that what is left behind shows, and a file in it."""
    where = folder(case, "page")
    os.makedirs(where)
    path = os.path.join(where, "page.html")
    with open(path, "w") as file:
        file.write(OLD)
    return path


def content(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def check_alone(path):
    left = os.listdir(os.path.dirname(path))
    if left != [os.path.basename(path)]:
        raise Failed(f"left in the folder: {left}")


def hostile(case):
    now = time.time_ns()
    store = Store(folder(case))
    store.event(now - 9 * HOUR, 1)
    names = {"script": HOSTILE, "user": "<b>bob</b>", "exe": "/bin/sh", "service": "x\"y'z"}
    for hour in range(1, 7):
        store.add(now - hour * HOUR, "bypass", 7, "198.51.100.9", "]]></svg>", "554 <i>.example", (1, 0, 2, 2), **names)
    store.close(now - 9 * HOUR)
    return store.folder


def test_page(case):
    """who, when, where to, what was answered and what is not known, in a file that replaces the old one"""
    where, _ = filled(case)
    path = target(case)
    done = report(case, where, "--html", path)
    page = content(path)
    check_page(page)
    check_alone(path)
    if done.stdout or done.stderr:
        raise Failed(f"said {done.stdout}{done.stderr}")
    has(page, "<b>two programs</b>", SCRIPT, "php8.2-fpm.service", "198.51.100.2", "zen.spamhaus.org", "</html>\n")
    has(page, "The collector was not running from", "4100 connections could not be stored", "connections by the hour")
    status = os.stat(path)
    if status.st_uid or status.st_mode & 0o7137:
        raise Failed(f"owner {status.st_uid}, mode {status.st_mode:o}")


def test_actor_and_standard_output(case):
    """the page of one actor, on standard output"""
    where, _ = filled(case)
    page = report(case, where, "--html", "-", "actor", "mailer.php").stdout
    check_page(page)
    has(page, "What one sender of mail did", "The last ones", SCRIPT)


def test_hostile_page(case):
    """names that are markup, escapes or controls are shown, and nothing else"""
    page = report(case, hostile(case), "--html", "-").stdout
    check_page(page)
    has(page, "&lt;script&gt;document.title=&#39;owned&#39;&lt;/script&gt;&quot;&#39;&amp;\\x1b[2J\\xe2\\x80\\xae.php")
    has(page, "554 &lt;i&gt;.example")


def test_refused_files(case):
    """only a regular file is replaced; what does not go together is said"""
    where, _ = filled(case)
    path = target(case)
    link = os.path.join(os.path.dirname(path), "link.html")
    os.symlink("page.html", link)
    for name, words in (
        (link, "is no regular file"),
        ("/dev/null", "is no regular file"),
        (os.path.dirname(path), "it is a directory"),
        (os.path.dirname(path) + "/", "it is a directory"),
    ):
        refused(case, case.smtpsnoop("report", "--store", where, "--html", name), words)
    for options in (("--json",), ("--csv",), ("--by", "user"), ("connection", "1")):
        refused(case, case.smtpsnoop("report", "--store", where, "--html", path, *options), "--html")
    done = report(case, where, "--html", os.path.join(os.path.dirname(path), "none", "x.html"), status=1)
    has(done.stderr, "No such file or directory")
    done = case.smtpsnoop("report", "--store", os.path.dirname(path), "--html", path)
    if done.returncode != 2 or content(path) != OLD:
        raise Failed(f"status {done.returncode}, the file has {content(path)[:60]!r}")
    os.unlink(link)
    check_alone(path)


def test_full_disk(case):
    """on a full disk the old file stays, and one sentence says why"""
    where, _ = filled(case)
    mount = folder(case, "small")
    os.makedirs(mount)
    run("mount", "-t", "tmpfs", "-o", "size=16k", "small", mount)
    try:
        path = os.path.join(mount, "page.html")
        with open(path, "w") as file:
            file.write(OLD)
        done = report(case, where, "--html", path, status=1)
        if content(path) != OLD or done.stderr != f"smtpsnoop: cannot write to {path}: No space left on device\n":
            raise Failed(f"{content(path)[:60]!r}, {done.stderr}")
        check_alone(path)
    finally:
        run("umount", mount)


def test_ended_at_any_moment(case):
    """who ends it leaves the old file or the new one, whole, and nothing beside it"""
    where, _ = filled(case)
    path = target(case)
    argv = [case.options.binary, "report", "--store", where, "--html", path]
    seen = set()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) * 10:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(random.uniform(0, 0.15))  # any moment will do
        process.send_signal(number)
        _, err = process.communicate(timeout=20 * case.world.slow)
        page = content(path)
        if page != OLD and not page.endswith("</html>\n"):
            raise Failed(f"half a page: {page[-100:]!r}")
        seen.add((process.returncode, err.strip()))
        check_alone(path)
    if any(status not in (0, 1, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP) for status, _ in seen):
        raise Failed(f"ended with {seen}")


WRAPPER = """<!DOCTYPE html><body style="margin:0"><iframe id="f" src="page.html" width="360" height="5000"
style="border:0"></iframe><p id="o"></p><script>f.onload = function () {
var d = f.contentDocument, r = d.documentElement, s = f.contentWindow.getComputedStyle(d.querySelector("main"));
o.textContent = "seen: " + r.scrollWidth + " of " + r.clientWidth + ", " + s.maxWidth + ", " + d.title;}</script>"""


def test_rendered(case):
    """a browser shows it on a phone without moving it sideways, its style sheet is allowed, and no script runs"""
    if not shutil.which("chromium"):
        raise Skipped("chromium is not installed (optional: it is larger than all else together)")
    where = hostile(case)
    path = target(case)
    report(case, where, "--html", path)
    wrapper = os.path.join(os.path.dirname(path), "wrapper.html")
    with open(wrapper, "w") as file:
        file.write(WRAPPER)
    profile = folder(case, "profile")
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}")
    done = run(
        "chromium", *options, "--allow-file-access-from-files", "--dump-dom", f"file://{wrapper}", timeout=180 * case.world.slow
    )
    found = re.search(r"seen: (\d+) of (\d+), (\w+), ([^<]*)<", done.stdout)
    if not found or found[1] != found[2] or found[3] != "1060px" or found[4] != "Mail sent past the mail server: web1":
        raise Failed(f"{found and found[0]}: {done.stderr[-300:]}")
