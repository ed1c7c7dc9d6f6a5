# SPDX-License-Identifier: GPL-2.0-only
"""Alerts of the collector: told once and at once, to the log and to commands, whatever a command or a name does."""
import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import time

from collector import collect
from dialogue import message, number, say
from marks import quick
from test_collect import as_unit, configuration, its_store, owner, send
from test_hostile import ESCAPE
from test_usage import refused
from tracer import alive, expect, reasons, status_of
from web import Site
from world import SINK4, WEB_UID, Failed, Skipped

BYPASS = "verdict = bypass, impostor\n"
# Keeps what it was given and how it runs, and shows it in the folder when it is complete.
RECEIVER = """#!/bin/sh
cd "$1" || exit 1
cat > ".$$.stdin"
# Without a child: while one begins the shell has all signals blocked.
while IFS= read -r line; do printf '%s\\n' "$line"; done < "/proc/$$/status" > ".$$.status"
cat "/proc/$$/stat" > ".$$.stat"
tr '\\0' '\\n' < "/proc/$$/cmdline" > ".$$.arguments"
tr '\\0' '\\n' < "/proc/$$/environ" > ".$$.environment"
ls "/proc/$$/fd" > ".$$.descriptors"
mv ".$$.stdin" "run.$$"
"""
# Ends neither by itself nor by a polite signal, and has a child that does the same.
HANGING = """#!/bin/sh
trap '' TERM INT HUP
sh -c 'trap "" TERM INT HUP; echo $$ > "$0/child.$$"; while :; do sleep 1000; done' "$1" &
echo $$ > "$1/run.$$"
while :; do sleep 1000; done
"""
FAILING = """#!/bin/sh
printf 'no such \\033[31mhost\\n<0>x' >&2
exit 3
"""


class Commands:
    """A command that alerts may run, and what its runs left."""

    count = 0

    def __init__(self, case, text, user="nobody"):
        if case.options.setpriv:
            raise Skipped("commands take CAP_KILL")
        try:
            self.user = pwd.getpwnam(user)
        except KeyError:
            raise Skipped(f"{user} is no user here") from None
        Commands.count += 1
        self.path = os.path.join(case.world.folder, f"command-{Commands.count}")
        self.folder = os.path.join(case.world.folder, f"commands-{Commands.count}")
        with open(self.path, "w") as file:
            file.write(text)
        os.chmod(self.path, 0o755)
        os.mkdir(self.folder)
        os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.rule = f"command = {self.path} {self.folder}\nuser = {user}\n"

    def runs(self):
        return sorted(name.split(".")[1] for name in os.listdir(self.folder) if name.startswith("run."))

    def children(self):
        return sorted(name.split(".")[1] for name in os.listdir(self.folder) if name.startswith("child."))

    def record(self, pid):
        with open(os.path.join(self.folder, f"run.{pid}"), "rb") as file:
            line = file.read()
        if line.count(b"\n") != 1 or not line.endswith(b"\n"):
            raise Failed(f"not one line: {line[:400]!r}")
        return json.loads(line)

    def text(self, pid, what):
        with open(os.path.join(self.folder, f".{pid}.{what}"), errors="surrogateescape") as file:
            return file.read()


def with_rule(case, text, **kwargs):
    return collect(case, "--config", configuration(case, "[alert test]\n" + text), **kwargs)


def lines(collector, rule):
    return [line for line in collector.stderr().splitlines() if line.startswith(f"smtpsnoop: alert {rule}: ")]


def burst(case, collector, count, **kwargs):
    """So many connections of one actor; waits until the store has them: then all of them were judged."""
    before = len(collector.kept())
    case.actor(case.program("source"), "--to", f"{SINK4}:25", "--connections", count, **kwargs).wait()
    collector.until("the burst in the store", lambda: len(collector.kept()) >= before + count)


@quick
def test_at_once(case):
    """without any rule what goes round the MTA is told, while it is still connected: who, where to, how to stop it"""
    case.sink()
    collector = collect(case)
    actor = say(case, [["hear"], ["send", "EHLO bot.example\r\n"], ["hear"], ["wait"]])
    collector.says("alert default: bypass by ")
    if actor.process.poll() is not None or collector.kept():
        raise Failed("it was over when it was told")
    line = lines(collector, "default")[0]
    for words in (f"process python3[{actor.pid}]", f"to {SINK4}:25", "direct-mx", f"to stop it: kill {actor.pid}", "say.py"):
        if words not in line:
            raise Failed(f"{words!r} is missing in: {line}")
    actor.process.kill()


@quick
def test_once(case):
    """the command runs once for a burst, as its user, with nothing but the record; the rest is counted"""
    case.sink()
    commands = Commands(case, RECEIVER)
    collector = with_rule(case, BYPASS + commands.rule)
    burst(case, collector, 30)
    collector.until("a run", commands.runs)
    burst(case, collector, 10)
    send(case)  # another program, so another actor
    collector.until("two runs", lambda: len(commands.runs()) == 2)
    collector.stop()
    if len(commands.runs()) != 2 or len(lines(collector, "test")) != 2:
        raise Failed(f"{len(commands.runs())} runs; {collector.stderr()}")
    records = [commands.record(pid) for pid in commands.runs()]
    records.sort(key=lambda record: record["process"]["name"] != "source")
    expect(
        records[0],
        event__kind="alert",
        event__action="alert",
        rule__name="test",
        user__id=number(WEB_UID),
        destination__ip=SINK4,
        verdict__class="bypass",
        alert__window=60,
        message=re.compile("^alert test: bypass by "),
    )
    expect(records[1], script__file=case.world.client("say.py"))
    if not records[0]["advice"] or not any(f" mv -i {case.program('source')} " in line for line in records[0]["advice"]):
        raise Failed(f"advice: {records[0]['advice']}")
    if records[0]["advice_for"] not in ("this", "next"):
        raise Failed(f"advice for {records[0]['advice_for']}")
    as_its_user(commands, commands.runs()[0])


def as_its_user(commands, pid, bounded=True):
    """bounded: the bounding set is empty too, which takes CAP_SETPCAP; without it no new privileges stand for it."""
    status = dict(line.split(":\t", 1) for line in commands.text(pid, "status").splitlines() if ":\t" in line)
    user, group = commands.user.pw_uid, commands.user.pw_gid
    wanted = {"Uid": 4 * [str(user)], "Gid": 4 * [str(group)], "Groups": [], "NoNewPrivs": ["1"]}
    got = {name: status[name].split() for name in wanted}
    if got != wanted:
        raise Failed(f"{got}, expected {wanted}")
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", "SigBlk", "SigIgn") + (("CapBnd",) if bounded else ()):
        if int(status[name], 16):
            raise Failed(f"{name} is {status[name]}")
    fields = commands.text(pid, "stat").rsplit(")", 1)[1].split()
    if fields[2] != pid or fields[3] != pid:
        raise Failed(f"process group {fields[2]} and session {fields[3]} of {pid}")
    arguments = commands.text(pid, "arguments").splitlines()
    if arguments[-2:] != [commands.path, commands.folder]:
        raise Failed(f"arguments: {arguments}")
    environment = commands.text(pid, "environment").splitlines()
    if [line for line in environment if not line.startswith(("PATH=", "PWD=", "OLDPWD=", "_=", "SHLVL="))]:
        raise Failed(f"environment: {environment}")
    # 10 and more are the shell's own: the script.
    extra = [fd for fd in commands.text(pid, "descriptors").split() if 2 < int(fd) < 10]
    if extra:
        raise Failed(f"descriptors: {extra}")


def test_quiet(case):
    """after the quiet time the same actor is told again, with how many were kept quiet about"""
    case.sink()
    collector = with_rule(case, BYPASS + "quiet = 1\n")
    sent = 0
    end = time.monotonic() + 30 * case.world.slow
    while len(lines(collector, "test")) < 3:
        if time.monotonic() > end:
            raise Failed(f"waiting for three alerts: {collector.stderr()}")
        burst(case, collector, 5)
        sent += 5
    collector.stop()
    told = lines(collector, "test")
    more = [int(found.group(1)) for found in (re.search(r", and (\d+) more since ", line) for line in told) if found]
    if not more or sum(more) + len(told) > sent or "more" in told[0]:
        raise Failed(f"{sent} connections, {more} of them quiet: {told}")


def test_thresholds(case):
    """a rule that counts: connections within the window, refused recipients as they are refused, a blocklist"""
    case.sink(replies={"RCPT": b"554 5.7.1 blocked using zen.spamhaus.org\r\n"})
    text = (
        f"[alert many]\n{BYPASS}connections = 6\nwindow = 600\n[alert refused]\nrefused = 4\nwindow = 600\n"
        "[alert listed]\nreasons = blocklisted\n[alert never]\nverdict = mta\n"
    )
    collector = collect(case, "--config", configuration(case, text))
    refusals = [["hear"], ["send", "EHLO x.example\r\n"], ["hear"], ["send", "MAIL FROM:<a@x.example>\r\n"], ["hear"]]
    for _ in range(4):
        refusals += [["send", "RCPT TO:<b@victim.example>\r\n"], ["hear"]]
    actor = say(case, refusals + [["wait"]])
    collector.says("alert refused: ")
    collector.says("alert listed: ")
    if collector.kept():
        raise Failed("it was over when it was told")
    actor.process.kill()
    if "4 refused recipients" not in lines(collector, "refused")[0] or "spamhaus" not in lines(collector, "listed")[0]:
        raise Failed(collector.stderr())
    burst(case, collector, 5)
    if lines(collector, "many"):
        raise Failed("five connections are not six")
    burst(case, collector, 1)
    collector.says("alert many: ")
    collector.stop()
    if lines(collector, "never"):
        raise Failed(collector.stderr())


def test_timeout(case):
    """a command that hangs is killed with all of its group, and that is said"""
    case.sink()
    commands = Commands(case, HANGING)
    collector = with_rule(case, BYPASS + commands.rule + "timeout = 2\n")
    burst(case, collector, 1)
    collector.until("the command and its child", lambda: commands.runs() and commands.children())
    collector.says(f"alert test: {commands.path} took longer than 2 s and was killed")
    ended = [int(pid) for pid in commands.runs() + commands.children()]
    collector.until("their end", lambda: not any(alive(pid) for pid in ended))


def test_fails(case):
    """a command that fails is said, with what it wrote, made harmless"""
    case.sink()
    commands = Commands(case, FAILING)
    collector = with_rule(case, BYPASS + commands.rule)
    burst(case, collector, 1)
    collector.says(f"alert test: {commands.path} ended with status 3, saying: no such \\x1b[31mhost\\n<0>x")


def test_hanging_does_not_hold_up(case):
    """a hundred alerts with a command that hangs: four run, the rest waits or is said, and every connection is in the store"""
    case.sink()
    commands = Commands(case, HANGING)
    collector = with_rule(case, BYPASS + commands.rule + "timeout = 300\n")
    actors = [
        case.actor(case.program("source"), "--to", f"{SINK4}:25", "--connections", 1, uid=20000 + i) for i in range(100)
    ]
    for actor in actors:
        actor.wait()
    collector.until("a hundred connections", lambda: len(collector.kept()) == 100)
    collector.until("a hundred alerts", lambda: len(lines(collector, "test")) == 100)
    collector.until("four commands", lambda: len(commands.runs()) == 4)
    collector.says("alert test: its command is not run, as 64 wait already")
    collector.stop()
    if len(commands.runs()) != 4:
        raise Failed(f"{len(commands.runs())} commands ran")
    if "64 commands of alerts are not run: smtpsnoop ends" not in collector.stderr():
        raise Failed(collector.stderr()[-1000:])
    if collector.stderr().count(" was killed, as smtpsnoop ends") != 4:
        raise Failed(collector.stderr()[-1000:])
    left = [pid for pid in commands.runs() + commands.children() if alive(int(pid))]
    if left:
        raise Failed(f"still there: {left}")


def test_hostile(case):
    """a script whose name has newlines and escape sequences is one line of the log, and one line of JSON"""
    case.sink()
    commands = Commands(case, RECEIVER)
    collector = with_rule(case, BYPASS + commands.rule)
    name = f"a\n<0>smtpsnoop: all is well\n{ESCAPE}'\"$(reboot)`reboot`;.py"
    path = os.path.join(case.world.folder, name)
    shutil.copy(case.world.client("say.py"), path)
    actor = case.actor("/usr/bin/python3", path, SINK4, "25")
    actor.say(json.dumps(message()) + "\n")
    actor.wait()
    collector.until("a run", commands.runs)
    collector.stop()
    expect(commands.record(commands.runs()[0]), script__file=path, process__pid=actor.pid)
    for line in collector.stderr().splitlines():
        if not line.startswith("smtpsnoop: ") or re.search(r"[\x00-\x1f\x7f]", line):
            raise Failed(f"a line of the log: {line!r}")
    if len(lines(collector, "test")) != 1 or "\\n<0>smtpsnoop: all is well\\n" not in lines(collector, "test")[0]:
        raise Failed(collector.stderr())


def test_php(case):
    """an alert names the PHP script and the line that sent"""
    if not os.path.exists("/usr/bin/php"):
        raise Skipped("php is not installed")
    case.sink()
    collector = with_rule(case, "reasons = script-in-uploads\n")
    code = f"<?php\n$s = fsockopen('{SINK4}', 25);\nfgets($s);\nfwrite($s, \"EHLO x\\r\\n\");\nfgets($s);\n"
    site = Site(case)
    path = site.add("wp-content/uploads/x/job.php", code)
    calls = site.add("wp-content/uploads/x/calls.php", f"<?php\n\nrequire '{path}';\n")
    case.actor("/usr/bin/php", calls).wait()
    collector.says("alert test: bypass by ")
    if f"{path}:2" not in lines(collector, "test")[0] or f", called from {calls}:3" not in lines(collector, "test")[0]:
        raise Failed(lines(collector, "test")[0])


def test_reload(case):
    """SIGHUP: other rules and another command count; what was quiet under a rule that stays is quiet"""
    case.sink()
    first, second = Commands(case, RECEIVER), Commands(case, RECEIVER)
    collector = with_rule(case, BYPASS + first.rule)
    burst(case, collector, 2)
    collector.until("a run", first.runs)
    configuration(case, f"[alert more]\n{BYPASS}{second.rule}[alert test]\n{BYPASS}{first.rule}")
    collector.send(signal.SIGHUP)
    collector.says("the configuration was read again")
    burst(case, collector, 2)
    collector.until("a run of the other one", second.runs)
    expect(second.record(second.runs()[0]), rule__name="more")
    collector.stop()
    if len(first.runs()) != 1 or len(second.runs()) != 1 or len(lines(collector, "test")) != 1:
        raise Failed(f"{first.runs()} {second.runs()} {collector.stderr()}")


def test_reload_first_command(case):
    """a first command after the start is not run, and that is said: nobody was left with the rights for it"""
    case.sink()
    collector = with_rule(case, BYPASS)
    commands = Commands(case, RECEIVER)
    configuration(case, f"[alert other]\n{BYPASS}{commands.rule}")
    collector.send(signal.SIGHUP)
    collector.says("a first command of an [alert], and a first that runs as root, count after a restart only")
    collector.says("the configuration was read again")
    burst(case, collector, 1)
    collector.says("alert other: bypass by ")
    collector.stop()
    if commands.runs():
        raise Failed("it was run")


def test_runner(case):
    """who runs the commands keeps three capabilities, and its death is said while tracing goes on"""
    case.sink()
    commands = Commands(case, RECEIVER)
    collector = with_rule(case, BYPASS + commands.rule)
    named = [pid for pid in collector.processes() if status_of(pid)["Name"] == "smtpsnoop-alert"]
    if len(named) != 1:
        raise Failed(f"{len(named)} processes run commands")
    status = status_of(named[0])
    rights = 1 << 5 | 1 << 6 | 1 << 7  # KILL, SETGID, SETUID
    if int(status["CapPrm"], 16) != rights or int(status["CapBnd"], 16) or status["NoNewPrivs"] != "1":
        raise Failed(f"CapPrm {status['CapPrm']}, CapBnd {status['CapBnd']}, NoNewPrivs {status['NoNewPrivs']}")
    os.kill(named[0], signal.SIGKILL)
    burst(case, collector, 1)
    collector.says("alert test: its command is not run: the process that runs them is gone")
    burst(case, collector, 1)
    collector.stop()


def test_as_root(case):
    """a command may run as root, if the rule says so"""
    case.sink()
    commands = Commands(case, RECEIVER, user="root")
    collector = with_rule(case, BYPASS + commands.rule)
    burst(case, collector, 1)
    collector.until("a run", commands.runs)
    status = commands.text(commands.runs()[0], "status")
    if "Uid:\t0\t0\t0\t0" not in status or "NoNewPrivs:\t1" not in status:
        raise Failed(status)


def test_refused(case):
    """a command that others than root could change, or that nobody may become the user of, is refused before the start"""
    commands = Commands(case, RECEIVER)
    path = configuration(case, "[alert test]\n" + BYPASS + commands.rule)
    os.chmod(commands.path, 0o777)
    done = case.smtpsnoop("collect", "--config", path)
    refused(case, done, f"{path}:3: command {commands.path}: ", "can be written by others than root: chmod go-w")
    for command in ("trace", "snapshot"):  # not for who runs none
        done = case.smtpsnoop(command, "--config", path, "--duration" if command == "trace" else "--watch", "1")
        if done.returncode:
            raise Failed(f"{command}: {done.stderr}")
    os.chmod(commands.path, 0o755)
    who = owner()
    prefix = ("setpriv", "--reuid", str(who.pw_uid), "--regid", str(who.pw_gid), "--clear-groups")
    configuration(case, "[alert test]\n" + BYPASS + commands.rule.replace("nobody", "root"))
    refused(
        case,
        case.smtpsnoop("collect", "--config", path, prefix=prefix),
        "alert test: to run its command as user 0 takes CAP_SETUID, CAP_SETGID and CAP_KILL",
    )


def test_as_the_unit(case):
    """as dist/smtpsnoop.service has it a command runs as the service's own user, without its capabilities; no other user will do"""
    who = owner()
    commands = Commands(case, RECEIVER, user=who.pw_name)
    case.sink()
    collector = with_rule(case, BYPASS + commands.rule, store=its_store(case, who), prefix=as_unit(who))
    burst(case, collector, 1)
    collector.until("a run", commands.runs)
    as_its_user(commands, commands.runs()[0], bounded=False)
    collector.stop()
    path = configuration(case, "[alert test]\n" + BYPASS + commands.rule.replace(f"user = {who.pw_name}", "user = www-data"))
    done = case.smtpsnoop("collect", "--config", path, "--store", collector.store, prefix=as_unit(who))
    refused(case, done, "alert test: to run its command as user 33 takes CAP_SETUID, CAP_SETGID and CAP_KILL")


class Log:
    """The journal's socket or syslog's, for one collector that sees a /run or /dev of its own."""

    def __init__(self, case, place, name):
        self.folder = os.path.join(case.world.folder, "log" + place.replace("/", "-"))
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path))
        for node in ("null", "urandom"):
            os.mknod(os.path.join(self.folder, node), 0o20666, os.stat("/dev/" + node).st_rdev)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.socket.settimeout(20 * case.world.slow)
        script = f"mount --bind '{self.folder}' {place} && exec \"$@\""
        self.prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read(self):
        with contextlib.suppress(TimeoutError):
            return self.socket.recv(1 << 17)
        raise Failed("nothing came to the log")


def fields(datagram):
    """The journal's native protocol."""
    found = {}
    while datagram:
        name, datagram = datagram.split(b"\n", 1)
        if b"=" in name:
            name, value = name.split(b"=", 1)
        else:
            length = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8 : 8 + length], datagram[9 + length :]
        found.setdefault(name.decode(), []).append(value.decode())
    return found


def test_journal(case):
    """the journal gets fields with stable names; standard error, which is not the journal here, the line too"""
    case.sink()
    with Log(case, "/run", "systemd/journal/socket") as log:
        collector = collect(case, prefix=log.prefix)
        actor = send(case)
        found = fields(log.read())
        wanted = {
            "PRIORITY": "2",
            "SYSLOG_IDENTIFIER": "smtpsnoop",
            "SMTPSNOOP_RULE": "default",
            "SMTPSNOOP_VERDICT": "bypass",
            "SMTPSNOOP_UID": str(WEB_UID),
            "SMTPSNOOP_PID": str(actor.pid),
            "SMTPSNOOP_SCRIPT": case.world.client("say.py"),
            "SMTPSNOOP_DESTINATION": SINK4,
            "SMTPSNOOP_PORT": "25",
            "SMTPSNOOP_CONNECTIONS": "1",
        }
        got = {name: found.get(name, [""])[0] for name in wanted}
        if got != wanted:
            raise Failed(f"{got}, expected {wanted}")
        if not re.fullmatch("[0-9a-f]{32}", found["MESSAGE_ID"][0]) or "direct-mx" not in found["SMTPSNOOP_REASON"]:
            raise Failed(f"{found}")
        collector.says(found["MESSAGE"][0][:60])
        _, record = collector.connection()
        if found["SMTPSNOOP_CONNECTION"] != [record["event"]["id"]]:
            raise Failed(f"{found['SMTPSNOOP_CONNECTION']} is not {record['event']['id']}")
        reasons(record, "direct-mx")
        collector.stop()


def test_syslog(case):
    """where there is no journal syslog gets the line, with facility and priority"""
    case.sink()
    if os.path.exists("/run/systemd/journal/socket"):
        raise Skipped("there is a journal here")
    with Log(case, "/dev", "log") as log:
        collector = collect(case, prefix=log.prefix)
        send(case)
        line = log.read().decode()
        if not re.match(r"<82>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d smtpsnoop\[\d+\]: alert default: bypass by ", line):
            raise Failed(line)
        collector.stop()
