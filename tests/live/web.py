# SPDX-License-Identifier: GPL-2.0-only
"""web.py - a hacked web site, the servers that run it, and what a record has to say of the script that connected.

Every server is an actor of the test's: its cgroup, its network namespace, a configuration of its own; it is over when
the test is. FPM and php-cgi listen on unix sockets, the others on 127.0.0.1 of the namespace.
"""
import http.client
import os
import re
import shutil
import socket
import time

import fastcgi
from tracer import ABSENT, expect, field, reasons
from world import LIVE, SINK4, WEB_UID, Failed, Skipped, need

HOST, CLIENT, HELO = "shop.example", "198.51.100.23", "actor.example"
WEEK = 7 * 86400
SCRIPT_REASONS = ("script-in-uploads", "script-recent", "script-hidden", "entry-not-script")
ANY = range(1, 10000)  # a line
NONE = object()  # for expect_script(): whether it is absent is not looked at


class Site:
    """A copy of site/ in a folder of its own, and the places in it that tests ask for."""

    def __init__(self, case, name="www"):
        self.case, self.root = case, os.path.join(case.world.folder, name)
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(os.path.join(LIVE, "site"), self.root)
        self.index = os.path.join(self.root, "index.php")
        self.mailer = os.path.join(self.root, "wp-content/uploads/x/mailer.php")
        self.dialogue = os.path.join(self.root, "lib/dialogue.php")
        for folder, _, files in os.walk(self.root):
            settle(folder)
            for file in files:
                settle(os.path.join(folder, file))

    def add(self, name, text):
        """One more file; the dialogue is included by `require D;` in its text. Returns its path."""
        path = os.path.join(os.fsencode(self.root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        settle(os.path.dirname(path))
        include = f"require_once '{self.dialogue}';"
        with open(path, "wb") as file:
            file.write(to_bytes(text).replace(b"require D;", include.encode()))
        settle(path)
        return os.fsdecode(path)


def to_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def settle(path):
    """The web server's own, and old enough by its mtime for opcache, which leaves out what is two seconds young."""
    os.chown(path, WEB_UID, WEB_UID)
    os.chmod(path, 0o755)
    os.utime(path, (time.time() - 60, time.time() - 60))


def line_of(path, mark):
    """The line of a file that ends in the comment `mark`."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.rstrip().endswith(b"// " + mark.encode()):
                return number
    raise Failed(f"no line of {path} says {mark}")


def query(way, port=25, host=SINK4, helo=HELO, more=""):
    return f"way={way}&host={host}&port={port}&helo={helo}{more}"


def cgi(site, target, script=None, method="GET", host=HOST, client=CLIENT):
    """What a web server passes for a request to a front controller, by FastCGI or as a CGI program's environment."""
    script = script or site.index
    words = to_bytes(target).partition(b"?")[2]
    return {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_SOFTWARE": "nginx/1.22.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "shop.example",
        "SERVER_ADDR": "192.0.2.10",
        "SERVER_PORT": "443",
        "REQUEST_SCHEME": "https",
        "DOCUMENT_ROOT": site.root,
        "DOCUMENT_URI": "/index.php",
        "SCRIPT_NAME": "/" + os.path.relpath(os.fsdecode(script), site.root),
        "SCRIPT_FILENAME": script,
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "QUERY_STRING": words,
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": "0",
        "REMOTE_ADDR": client,
        "REMOTE_PORT": "51234",
        "REDIRECT_STATUS": "200",
        "HTTP_HOST": host,
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "HTTP_ACCEPT": "*/*",
    }


def find(*patterns):
    """The newest program that is called so; the test is skipped when there is none."""
    for pattern in patterns:
        folder, start = os.path.split(pattern)
        found = [name for name in os.listdir(folder) if re.fullmatch(start + r"[0-9.]*", name)]
        if found:
            return os.path.join(folder, max(found, key=len))
    raise Skipped(f"{os.path.basename(patterns[0])} is not installed")


class Server:
    """What Fpm, Cgi, Builtin and Apache have in common: started as an actor, waited for, asked."""

    def __init__(self, case, site, name):
        self.case, self.site = case, site
        self.folder = os.path.join(case.world.folder, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)
        self.socket = os.path.join(self.folder, "sock")

    def start(self, *argv, ready, **kwargs):
        self.actor = self.case.actor(*argv, **kwargs)
        self.pid = self.actor.pid
        for _ in range(200):
            if self.actor.process.poll() is not None:
                break
            try:
                ready()
                return
            except OSError:
                time.sleep(0.05 * self.case.world.slow)
        raise Failed(f"{argv[0]} does not start: {self.log()}")

    def log(self):
        text = ""
        for name in os.listdir(self.folder):
            if name.endswith("log"):
                with open(os.path.join(self.folder, name), errors="replace") as file:
                    text += file.read()[-600:]
        if self.actor.process.poll() is not None:
            text += self.actor.process.stderr.read().decode(errors="replace")[-600:]
        return text

    def try_unix(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.connect(self.socket)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def ask(self, target, method="GET", headers=None, **kwargs):
        """One request by FastCGI; headers come first. Returns the answer's body as text."""
        values = {**(headers or {}), **cgi(self.site, target, method=method, **kwargs)}
        out, err = fastcgi.ask(self.socket, values, timeout=30 * self.case.world.slow)
        head, _, body = out.partition(b"\r\n\r\n")
        if err or head.lower().startswith(b"status:"):
            raise Failed(f"{target!r} was answered {out[:300]!r} {err[:300]!r}")
        return body.decode(errors="replace")

    def http(self, port):
        """A connection to 127.0.0.1 in the actors' namespace."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30 * self.case.world.slow)
        with self.case.world.inside("actor"):
            connection.connect()
        return connection

    def get(self, target, method="GET", host=HOST):
        """One request by HTTP. Returns the answer's body as text."""
        connection = self.http(self.port)
        connection.request(method, target, headers={"Host": host})
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
        connection.close()
        if answer.status != 200:
            raise Failed(f"{target} was answered {answer.status} {body[:300]}")
        return body


class Fpm(Server):
    """php-fpm with a pool of so many workers that run as www-data, and opcache."""

    CONF = """[global]
error_log = {folder}/error.log
daemonize = no
[shop]
user = {uid}
group = {uid}
listen = {folder}/sock
listen.mode = 0666
listen.backlog = 511
pm = static
pm.max_children = {workers}
catch_workers_output = yes
php_admin_flag[opcache.enable] = on
php_admin_value[sendmail_path] = "{sendmail}"
env[BOT] = "{bot}"
"""

    def __init__(self, case, site, workers=2, sendmail="/bin/false", bot="true", chroot=None):
        super().__init__(case, site, "fpm")
        program = find("/usr/sbin/php-fpm")
        values = {"folder": self.folder, "uid": WEB_UID, "workers": workers, "sendmail": sendmail, "bot": bot}
        text = self.CONF.format(**values)
        if chroot:
            text += f"chroot = {chroot}\nchdir = /\n"
        conf = self.write("fpm.conf", text)
        self.start(program, "-F", "-y", conf, uid=0, ready=self.try_unix)


class Cgi(Server):
    """php-cgi as a FastCGI server: one process, one request after another."""

    def __init__(self, case, site):
        super().__init__(case, site, "php-cgi")
        need("php-cgi")
        self.start("/usr/bin/php-cgi", "-b", self.socket, ready=self.try_unix)


class Builtin(Server):
    """php -S"""

    port = 8088

    def __init__(self, case, site):
        super().__init__(case, site, "php-s")
        need("php")
        argv = ["/usr/bin/php", "-S", f"127.0.0.1:{self.port}", "-t", site.root]
        self.start(*argv, ready=lambda: self.http(self.port).close())


class Apache(Server):
    """Apache with mod_php under the prefork MPM, for every URL the front controller."""

    port = 8089
    MODULES = "/usr/lib/apache2/modules"
    CONF = """ServerRoot {folder}
ServerName shop.example
PidFile {folder}/pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/error.log
Listen 127.0.0.1:{port}
User #{uid}
Group #{uid}
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule php_module {modules}/{php}
TypesConfig /dev/null
StartServers 2
MinSpareServers 1
MaxRequestWorkers 4
DocumentRoot {root}
<Directory {root}>
    Require all granted
    FallbackResource /index.php
</Directory>
<FilesMatch "\\.php$">
    SetHandler application/x-httpd-php
</FilesMatch>
php_admin_flag opcache.enable on
php_admin_value sendmail_path "{sendmail}"
"""

    def __init__(self, case, site, sendmail="/bin/false"):
        super().__init__(case, site, "apache")
        need("apache2")
        names = [name for name in os.listdir(self.MODULES) if re.fullmatch(r"libphp[0-9.]*\.so", name)]
        if not names:
            raise Skipped("mod_php is not installed")
        values = {"folder": self.folder, "port": self.port, "uid": WEB_UID, "modules": self.MODULES}
        values |= {"php": max(names), "root": site.root, "sendmail": sendmail}
        conf = self.write("apache.conf", self.CONF.format(**values))
        ready = lambda: self.http(self.port).close()  # noqa: E731
        self.start("/usr/sbin/apache2", "-f", conf, "-DFOREGROUND", uid=0, ready=ready)


def wanted_reasons(file, entry=None, language="php"):
    """The words about a script that its file as it is now asks for."""
    has = set()
    name = os.path.basename(file)
    if "/uploads/" in file:
        has.add("script-in-uploads")
    # What an interpreter was started with is not looked at: only who parses its arguments knows it.
    if (language == "php" or entry == file) and time.time() - os.stat(file).st_ctime < WEEK:
        has.add("script-recent")
    if name.startswith(".") or name.lower().endswith((".jpg", ".png", ".gif", ".ico")):
        has.add("script-hidden")
    if entry and entry != file:
        has.add("entry-not-script")
    return has


def failed(record, text):
    error = Failed(text)
    error.record = record
    raise error


def expect_script(
    record,
    language,
    file=None,
    line=NONE,
    function=NONE,
    backtrace=NONE,
    entry=NONE,
    method=ABSENT,
    url=ABSENT,
    host=ABSENT,
    client=ABSENT,
    status="read",
    run=ABSENT,
    words=None,
    **fields,
):
    """record.script, and the reasons that follow from it. A value is what expect() takes, or a set of what will do,
    or NONE = whatever it is; file None = there is no path; `words` are the reasons (NONE = any), else they are those
    of `file` as it is now. Backtrace: (file, line, function) of each frame, None = absent."""
    wanted = {
        "language": language,
        "file": no_path if file is None else file,
        "line": line,
        "function": function,
        "entry": entry,
        "method": method,
        "url": url,
        "host": host,
        "client.ip": client,
        "status": status,
        "run": ABSENT if run is ABSENT else NONE,  # else looked into below
    }
    for name, value in wanted.items():
        path = f"script.{name}"
        got = field(record, path)
        if value is NONE:
            continue
        if isinstance(value, (set, frozenset)):
            if got not in value:
                failed(record, f"{path} is {'absent' if got is ABSENT else repr(got)}, expected one of {value}")
        elif value is no_path:  # a value that may be absent
            if not no_path(got):
                failed(record, f"{path} is {got!r}, expected no path")
        else:
            expect(record, **{path: value})
    if run not in (ABSENT, NONE):
        expect(record, script__run__language=run[0], script__run__file=run[1])
    if backtrace is not NONE:
        expect_backtrace(record, backtrace)
    if words is NONE:
        words = None
    elif words is None and isinstance(file, str):
        words = wanted_reasons(file, entry if isinstance(entry, str) else None, language)
    if words is not None:
        reasons(record, *sorted(words), without=sorted(set(SCRIPT_REASONS) - set(words)))
    expect(record, **fields)


def no_path(got):
    """Code that is in no file: nothing, or PHP's own words for it."""
    return got is ABSENT or (isinstance(got, str) and "/" not in got)


def expect_backtrace(record, wanted):
    got = field(record, "script.backtrace")
    if wanted is ABSENT and got is ABSENT:
        return
    if got is ABSENT or wanted is ABSENT or len(got) != len(wanted):
        failed(record, f"script.backtrace is {'absent' if got is ABSENT else got}, expected {wanted}")
    for at, (frame, (file, line, function)) in enumerate(zip(got, wanted)):
        for name, value in (("file", file), ("line", line), ("function", function)):
            found = frame.get(name)
            if not (found in value if isinstance(value, (set, frozenset, range)) else found == value):
                failed(record, f"script.backtrace[{at}].{name} is {found!r}, expected {value!r}")


def expect_mailer(record, site, way="function", port=25, **kwargs):
    """The site's mailer was included by the front controller and connected: function, lines and reasons are right."""
    names = {"function": "evil_send", "method": "Mailer::blast"}
    own = {"function": "fsockopen", "method": "stream_socket_client"}[way]
    connects, speaks = line_of(site.mailer, f"{way} connects"), line_of(site.mailer, f"{way} speaks")
    # On a port that is not listed it may be looked at when it begins to speak.
    lines = {connects} if port == 25 else {connects, speaks}
    owns = {own} if port == 25 else {own, "fwrite"}
    frames = [
        (None, None, owns),
        (site.mailer, lines, names[way]),
        (site.mailer, line_of(site.mailer, f"calls the {way}"), None),
        (site.index, line_of(site.index, "includes"), "route"),
        (site.index, line_of(site.index, "routes"), None),
    ]
    kwargs.setdefault("entry", site.index)
    if port != 25 and field(record, "script.file") == site.dialogue:
        # A hook at the function's entry comes before the packet that proves it, so that it is the send after that one.
        expect_script(record, "php", site.dialogue, NONE, "converse", NONE, words=NONE, **kwargs)
        expect_backtrace(record, [(None, None, "fwrite"), (site.dialogue, ANY, "converse"), (site.mailer, ANY, names[way]), *frames[2:]])
        reasons(record, "script-recent", "entry-not-script")
        return
    expect_script(
        record, "php", site.mailer, line=lines, function=names[way], backtrace=frames, **kwargs
    )
    reasons(record, "script-in-uploads", "script-recent", "entry-not-script")

