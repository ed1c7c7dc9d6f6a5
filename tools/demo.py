#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""demo.py - in ten seconds: a real Postfix delivers, and a script in an upload folder sends past it

Network namespaces, a cgroup, a Postfix of its own and an outside world made by tools/sink, the same as in the live tests;
nothing leaves the machine, and nothing stays. Arguments go to smtpsnoop trace. Needs root and a built tree: start it by
tools/demo.
"""
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "live"))
sys.dont_write_bytecode = True

from test_programs import Postfix  # noqa: E402
from world import SINK4, Failed, Skipped, Unprepared, World  # noqa: E402

SECONDS = 8
FRIENDLY, LISTED = SINK4, ("203.0.113.25", "203.0.113.26")
LISTING = "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using zen.spamhaus.org"
HIDDEN = "www/shop/wp-content/uploads/.x"


class Stage:
    """Where everybody plays: what Postfix of the live tests asks of its case."""

    def __init__(self, world):
        self.world, self.cgroup = world, world.new_cgroup(name="demo")

    def actor(self, *argv, **kwargs):
        return self.world.actor(*argv, cgroup=self.cgroup, **kwargs)

    def outside(self, address, *options):
        """A mail server of the world outside; returns when it listens."""
        sink = self.world.actor(self.world.program("sink"), "--listen", address + ":25", *options, netns="outside", uid=0)
        sink.process.stdout.readline()

    def customer(self, number):
        """Mail as it should go: handed to the host's MTA, which delivers it."""
        self.actor("/usr/bin/python3", self.world.client("send_smtplib.py"), "127.0.0.1", "25", "shop.example.org",
                   "shop@example.org", f"customer{number}@example.com")

    def culprit(self, host, number):
        """Mail as it should not go."""
        script = os.path.join(self.world.folder, HIDDEN, "mailer.pl")
        self.actor("/usr/bin/perl", script, host, "25", "[192.0.2.10]", "offer@example.net", f"victim{number}@example.com")


def prepare(world):
    stage = Stage(world)
    stage.outside(FRIENDLY, "--greeting", "220 mx1.example.com ESMTP", "--reply", "DOT=250 2.0.0 Ok: queued as 4VxQ9k")
    for address in LISTED:
        stage.outside(address, "--greeting", "220 mx2.example.com ESMTP", "--reply", "RCPT=" + LISTING)
    os.makedirs(os.path.join(world.folder, HIDDEN))
    shutil.copy(world.client("send.pl"), os.path.join(world.folder, HIDDEN, "mailer.pl"))
    Postfix(stage).wait()
    return stage


def play(stage):
    time.sleep(1.5)  # until smtpsnoop is attached
    stage.customer(1)
    time.sleep(1)
    for number, host in enumerate((FRIENDLY, *LISTED)):
        stage.culprit(host, number)
        time.sleep(0.5)
    stage.customer(2)


def main():
    if os.geteuid():
        sys.exit("demo: namespaces and tracing need root; say: sudo tools/demo")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    binary = os.environ.get("SMTPSNOOP", os.path.join(ROOT, "smtpsnoop"))
    try:
        with World(tools=os.path.join(ROOT, ".output", "tools")) as world:
            print("Setting the stage: two namespaces, a Postfix, mail servers outside ...", flush=True)
            stage = prepare(world)
            trace = subprocess.Popen([binary, "trace", "--cgroup", stage.cgroup, "--duration", str(SECONDS), *sys.argv[1:]])
            try:
                threading.Thread(target=play, args=(stage,), daemon=True).start()
                return trace.wait(timeout=SECONDS + 20)
            finally:
                if trace.poll() is None:
                    trace.terminate()
                    trace.wait()
    except KeyboardInterrupt:
        return 130
    except (Failed, Skipped, Unprepared, RuntimeError, OSError, subprocess.TimeoutExpired) as reason:
        sys.exit(f"demo: {reason}")


if __name__ == "__main__":
    sys.exit(main())
