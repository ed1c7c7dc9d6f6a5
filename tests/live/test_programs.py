# SPDX-License-Identifier: GPL-2.0-only
"""Real programs: the host's MTA and what is submitted to it, and everything that speaks SMTP past it."""
import json
import os
import pwd
import re
import subprocess
import time

from dialogue import FROM, RCPT, expect_message, expect_process, number
from marks import quick
from tracer import ABSENT, expect, reasons
from world import SINK4, Failed, need

HELO = "actor.example"
TEXT = "Subject: x\n\nhello\n"


def direct(case, argv, executable, args=None, text=None, helo=HELO, has=("direct-mx",), env=None, language=ABSENT):
    """Runs a client straight to the sink: a bypass, with everything right in its record."""
    sink, trace = case.sink(), case.trace()
    actor = case.actor(*argv, env=env)
    if text:
        actor.say(text, last=True)
    actor.wait()
    session = sink.wait()[0]
    record = trace.connection()
    expect(
        record,
        verdict__class="bypass",
        event__start=re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.0-9]*Z$"),
        cgroup__path=case.world.cgroup_name(case.cgroup),
        smtp__found_by="port",
        source__port=session.peer[1],
        user__name="www-data",
        sender=ABSENT,
        script__language=language,
        container=ABSENT,
    )
    expect(record, **{"@timestamp": re.compile("Z$"), "v": 1})
    expect_process(record, actor, executable, args or [str(a) for a in argv])
    expect_message(record, helo=helo)
    reasons(
        record,
        *has,
        without=(
            "existing",
            "handed-over",
            "odd-port",
            "attempt-only",
            "refused",
            "no-quit",
            "name-mismatch",
            "exe-deleted",
            "exe-memfd",
            "proxy",
            "early-talker",
        ),
    )
    end = trace.stop()
    expect(end, totals__attempts=1, totals__delivered=1, totals__counted_only=0, totals__verdicts__bypass=1)


@quick
def test_smtplib(case):
    """python3's smtplib straight to a host outside is a bypass, named in full"""
    direct(
        case,
        ["/usr/bin/python3", case.world.client("send_smtplib.py"), SINK4, 25, HELO, FROM, RCPT],
        "/usr/bin/python3",
        language="python",
    )


@quick
def test_net_smtp(case):
    """perl's Net::SMTP"""
    argv = ["/usr/bin/perl", case.world.client("send.pl"), SINK4, 25, HELO, FROM, RCPT]
    direct(case, argv, "/usr/bin/perl", language="perl")


def test_curl(case):
    """curl smtp://"""
    need("curl")
    direct(
        case,
        [
            "/usr/bin/curl",
            "-s",
            "-S",
            f"smtp://{SINK4}/{HELO}",
            "--mail-from",
            FROM,
            "--mail-rcpt",
            RCPT,
            "-T",
            "-",
        ],
        "/usr/bin/curl",
        text=TEXT,
    )


def test_swaks(case):
    """swaks, which is perl with a script's name in argv"""
    need("swaks")
    argv = ["/usr/bin/swaks", "--server", SINK4, "--helo", HELO, "--from", FROM, "--to", RCPT, "--body", "hello"]
    with open("/usr/bin/swaks") as file:
        interpreter = file.readline()[2:].split()
    direct(case, argv, interpreter[0], args=interpreter + argv, language="perl")


def test_msmtp(case):
    """msmtp"""
    need("msmtp")
    direct(
        case,
        [
            "/usr/bin/msmtp",
            f"--host={SINK4}",
            "--port=25",
            f"--domain={HELO}",
            f"--from={FROM}",
            "--tls=off",
            "--auth=off",
            "--file=/dev/null",
            RCPT,
        ],
        "/usr/bin/msmtp",
        text=TEXT,
    )


def test_php(case):
    """a PHP script over a stream socket"""
    need("php")
    argv = ["/usr/bin/php", "-n", case.world.client("send.php"), SINK4, 25, HELO, FROM, RCPT]
    direct(case, argv, "/usr/bin/php", language="php")


def test_node(case):
    """a nodejs script"""
    need("node")
    node = subprocess.run(
        ["node", "-p", "process.execPath"], capture_output=True, text=True, check=True
    ).stdout.strip()
    direct(case, [node, case.world.client("send.js"), SINK4, 25, HELO, FROM, RCPT], node, language="node")


class Postfix:
    """A Postfix of the test's own in the actor's namespace: listens on loopback, relays to the sink."""

    MAIN = """compatibility_level = 3.6
queue_directory = {0}/spool
data_directory = {0}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mta.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [{1}]:25
smtp_host_lookup = native
disable_dns_lookups = yes
alias_maps =
local_recipient_maps =
maillog_file = {0}/log
maillog_file_prefixes = /var
"""
    MASTER = """127.0.0.1:25 inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""

    def __init__(self, case):
        need("postfix", "postconf")
        self.case, folder = case, os.path.join(case.world.folder, "postfix")
        self.folder = folder
        for name in ("spool", "data", "etc"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        owner = pwd.getpwnam("postfix")
        os.chown(os.path.join(folder, "data"), owner.pw_uid, owner.pw_gid)
        for name, text in (("main.cf", self.MAIN), ("master.cf", self.MASTER)):
            with open(os.path.join(folder, "etc", name), "w") as file:
                file.write(text.format(folder, SINK4))
        for name in os.listdir("/etc/postfix"):
            if name.startswith("postfix-files") or name == "dynamicmaps.cf":
                path = os.path.join(folder, "etc", name)
                if not os.path.exists(path):
                    os.symlink(os.path.join("/etc/postfix", name), path)
        self.master = case.actor("/usr/sbin/postfix", "-c", os.path.join(folder, "etc"), "start-fg", uid=0)

    def wait(self):
        """Until it greets on loopback."""
        steps = json.dumps([["hear"], ["send", "QUIT\r\n"], ["hear"]])
        for _ in range(100):
            probe = self.case.world.actor("/usr/bin/python3", self.case.world.client("say.py"), "127.0.0.1", "25")
            probe.say(steps + "\n")
            probe.wait(status=None)
            if probe.process.returncode == 0:
                return
            if self.master.process.poll() is not None:
                break
            time.sleep(0.1 * self.case.world.slow)
        raise Failed(
            "postfix does not start: " + self.master.process.stderr.read1().decode(errors="replace")[-600:]
        )


@quick
def test_postfix(case):
    """Postfix delivering is `mta`, and handing mail to it on loopback is `local`"""
    sink, trace, postfix = case.sink(), case.trace(), Postfix(case)
    postfix.wait()
    client = case.python("send_smtplib.py", "127.0.0.1", 25, HELO, FROM, RCPT)
    client.wait()
    local = trace.connection(destination__ip="127.0.0.1", timeout=40)
    expect(
        local,
        verdict__class="local",
        process__pid=client.pid,
        smtp__messages=1,
        smtp__accepted=1,
        smtp__helo=HELO,
        smtp__greeting="220 mta.example.org ESMTP Postfix",
    )
    reasons(local, without=("direct-mx",))
    sink.wait(timeout=40)
    mta = trace.connection(destination__ip=SINK4, timeout=40)
    expect(
        mta,
        verdict__class="mta",
        process__executable=os.path.realpath("/usr/lib/postfix/sbin/smtp"),
        process__name="smtp",
        user__name="postfix",
        user__id=number(pwd.getpwnam("postfix").pw_uid),
    )
    expect_message(mta, helo="mta.example.org")
    names = [ancestor["name"] for ancestor in mta["process"]["ancestors"]]
    if names[0] != "master":
        raise Failed(f"the parent of postfix/smtp is master, not {names}")
    end = trace.stop()
    expect(end, totals__verdicts__mta=1, totals__verdicts__local=1)
