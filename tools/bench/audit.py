# SPDX-License-Identifier: GPL-2.0-only
"""audit.py - auditd with a rule on connect() as a peer of the hooks' part, last of all and only when asked for

Switching auditing on is never undone wholly: until the next boot every new process pays a little at each system call. So
this runs with --audit only, or where auditing is on already but nobody listens. Between its runs the rule "never,task"
keeps that cost out of the runs without a tracer. Its configuration and log are in our folder; afterwards the rules are
gone, and the state and the backlog are what they were.
"""
import os
import subprocess

import proc
from loads import Figures, rounds
from stage import CannotRun, uninterrupted
from tracers import Line, Tracer, find

NAME = "auditd"
CONNECT = ["-a", "always,exit", "-F", "arch=b64", "-S", "connect", "-k", "smtpsnoop-bench"]
QUIET = ["-a", "never,task"]
BACKLOG = 8192  # as Debian's rules set it
CONFIGURATION = """\
local_events = yes
write_logs = yes
log_file = {folder}/audit.log
log_format = RAW
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file = 64
max_log_file_action = ROTATE
num_logs = 2
space_left = 75
space_left_action = IGNORE
admin_space_left = 50
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
plugin_dir = {folder}/audit
"""


def auditctl(*argv):
    done = subprocess.run([find("auditctl", "auditd"), *map(str, argv)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun((done.stderr.strip() or f"auditctl {argv[0]} failed").splitlines()[0])
    return done.stdout


def state():
    """{enabled, pid, backlog_limit, ...} as numbers."""
    words = [line.split() for line in auditctl("-s").splitlines()]
    return {line[0]: int(line[1]) for line in words if len(line) > 1 and line[1].lstrip("-").isdigit()}


class Auditd(Tracer):
    name, program, package = NAME, "auditd", "auditd"

    def argv(self):
        return [self.path(), "-n", "-c", os.path.join(self.stage.folder, "audit")]

    def shown(self):
        return f"auditctl {' '.join(CONNECT)}; {self.stage.show(self.argv())}"

    def ready(self):
        return state().get("pid", 0) == self.child.pid

    def start(self, port, cpus=None):
        super().start(port, cpus)
        auditctl("-D")
        auditctl(*CONNECT)

    def stop(self):
        auditctl("-D")
        auditctl(*QUIET)
        return super().stop()


def prepare(stage, options):
    """Why not, or what the state was."""
    find(Auditd.program, Auditd.package)
    before = state()
    if before.get("pid"):
        raise CannotRun("an audit daemon runs here already")
    if before.get("enabled") == 2:
        raise CannotRun("the audit configuration is locked until the next boot")
    if auditctl("-l").strip() != "No rules":
        raise CannotRun("there are audit rules here, which the bench would have to remove")
    if not before.get("enabled") and not options.audit:
        raise CannotRun("switching auditing on slows system calls until the next boot: --audit does it")
    folder = os.path.join(stage.folder, "audit")
    os.makedirs(folder, 0o750, exist_ok=True)
    with open(os.path.join(folder, "auditd.conf"), "w") as file:
        file.write(CONFIGURATION.format(folder=stage.folder))
    return before


def run(stage, options, loads, say):
    """(figures, {name: why not})"""
    figures = Figures()
    try:
        before = prepare(stage, options)
        auditctl("-b", BACKLOG)
        auditctl(*QUIET)
    except CannotRun as why:
        return figures, {NAME: str(why)}
    line = Line([Auditd(stage)], stage.other_cpus())
    try:
        rounds(stage, loads, line, options.rounds, figures, say)
    finally:
        with uninterrupted():
            for child in stage.children:  # no daemon, then no rules
                if child.alive() and proc.status(child.pid).get("Name", "").strip() == NAME:
                    child.end()
            for back in (["-D"], ["-e", before.get("enabled", 0)], ["-b", before.get("backlog_limit", 64)]):
                auditctl(*back)
    return figures, line.absent
