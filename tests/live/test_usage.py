# SPDX-License-Identifier: GPL-2.0-only
"""Bad input: one sentence that says what to do, the right exit status, nothing attached."""
import json
import os
import subprocess

from dialogue import message, say
from marks import quick
from tracer import expect
from world import ROOT, SINK4, Failed, Skipped


def refused(case, done, *words, status=2):
    """One line on standard error with these words in it, nothing on standard output."""
    lines = done.stderr.strip().splitlines()
    if done.returncode != status:
        raise Failed(f"exit status {done.returncode}, expected {status}; stderr: {done.stderr.strip()[-600:]}")
    if len(lines) != 1:
        raise Failed(f"{len(lines)} lines on standard error, expected one sentence: {done.stderr[-800:]}")
    if done.stdout:
        raise Failed(f"standard output has {done.stdout[:200]!r}")
    if not lines[0].startswith("smtpsnoop: "):
        raise Failed(f"who says so? {lines[0]}")
    for word in words:
        if word not in lines[0]:
            raise Failed(f"{word!r} is missing in: {lines[0]}")


@quick
def test_not_root(case):
    """not root"""
    refused(
        case,
        case.smtpsnoop(
            "trace",
            prefix=(
                "setpriv",
                "--reuid",
                "65534",
                "--clear-groups",
                "--bounding-set",
                "-all",
                "--inh-caps",
                "-all",
            ),
        ),
        "root",
    )


@quick
def test_unknown_option(case):
    """an unknown option"""
    for command in ("trace", "read", "features"):
        refused(case, case.smtpsnoop(command, "--jsn"), "jsn", f"see smtpsnoop {command} --help")
        refused(case, case.smtpsnoop(command, "-Z"), "-Z", f"see smtpsnoop {command} --help")
    refused(case, case.smtpsnoop("trace", "--json=x"), "--json", "see smtpsnoop trace --help")
    refused(case, case.smtpsnoop("trace", "--port"), "--port", "see smtpsnoop trace --help")


def test_unknown_command(case):
    """an unknown command"""
    refused(case, case.smtpsnoop("trase"), "trase")
    refused(case, case.smtpsnoop("--duration", "5"), "command is missing", "--duration")


def test_bad_values(case):
    """numbers out of range, no numbers, unknown words"""
    for option, value in (
        ("--port", "0"),
        ("--port", "65536"),
        ("--port", "25x"),
        ("--port", ""),
        ("--duration", "-1"),
        ("--duration", "1e9"),
        ("--count", "x"),
        ("--count", "99999999999999999999"),
        ("--verdict", "bipass"),
        ("--uid", "no-such-user"),
        ("--pid", "0"),
        ("--backend", "magic"),
    ):
        refused(case, case.smtpsnoop("trace", option, value), option)


@quick
def test_no_such_cgroup(case):
    """--cgroup that does not exist, and one that is no cgroup"""
    refused(case, case.smtpsnoop("trace", "--cgroup", case.cgroup + "-no"), case.cgroup + "-no")
    refused(case, case.smtpsnoop("trace", "--cgroup", "/etc"), "/etc")


def config(case, text, mode=0o644, uid=0):
    path = os.path.join(case.world.folder, "smtpsnoop.conf")
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    os.chown(path, uid, 0)
    return path


@quick
def test_wrong_configuration(case):
    """a wrong configuration: file, line, what"""
    path = config(case, "# a comment\n[relay a]\nadress = 192.0.2.1\n")
    refused(case, case.smtpsnoop("trace", "--config", path), path + ":3:", "adress")
    path = config(case, "[relai a]\n")
    refused(case, case.smtpsnoop("trace", "--config", path), path + ":1:", "relai")
    path = config(case, "[relay a]\naddress = 192.0.2.1/64\n")
    refused(case, case.smtpsnoop("trace", "--config", path), path + ":2:")


def test_unreadable_configuration(case):
    """one that is missing, a directory, or could be written by others"""
    missing = os.path.join(case.world.folder, "none.conf")
    refused(case, case.smtpsnoop("trace", "--config", missing), missing)
    refused(case, case.smtpsnoop("trace", "--config", case.world.folder), case.world.folder)
    path = config(case, "", mode=0o666)
    refused(case, case.smtpsnoop("trace", "--config", path), path)
    path = config(case, "", uid=33)
    refused(case, case.smtpsnoop("trace", "--config", path), path)


def without(case, *commands):
    """A shell prefix: smtpsnoop in a mount namespace in which these commands were run before."""
    return (
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        " && ".join([*commands, 'exec "$@"']),
        "sh",
    )


def test_no_btf(case):
    """a kernel without BTF"""
    places = [
        path for path in ("/sys/kernel/btf", "/boot", "/lib/modules", "/usr/lib/debug") if os.path.isdir(path)
    ]
    hide = [f"mount -t tmpfs none {path}" for path in places]
    refused(case, case.smtpsnoop("trace", "--cgroup", case.cgroup, prefix=without(case, *hide)), "BTF")


def mounts():
    """Without the namespaces, which another run of the tests may make and remove meanwhile."""
    with open("/proc/mounts") as file:
        return [line for line in file if " /run/netns" not in line]


def test_no_cgroup2(case):
    """no cgroup2 mounted: a private one is used, and gone afterwards"""
    if case.world.own_mount:
        raise Skipped("this machine has none anyway")
    before = mounts()
    prefix = without(case, f"umount -l {case.world.cgroup_mount}")
    done = case.smtpsnoop("trace", "--json", "--duration", "1", prefix=prefix)
    if done.returncode or '"action":"end"' not in done.stdout:
        raise Failed(f"exit status {done.returncode}: {done.stderr[-600:]}")
    if mounts() != before:
        raise Failed("the mounts have changed")


@quick
def test_closed_output(case):
    """standard output that nobody reads (EPIPE) ends the trace, with nothing left"""
    case.sink()
    read, write = os.pipe()
    trace = case.trace_silent(stdout=write)
    os.close(write)
    os.read(read, 1)  # it has begun
    trace.note_objects()
    os.close(read)
    say(case, message()).wait()
    trace.finish(status=None)
    if len(trace.stderr().splitlines()) > 1 or trace.exit_status < 0 and trace.exit_status != -13:
        raise Failed(f"exit status {trace.exit_status}, stderr: {trace.stderr()}")


def test_full_disk(case):
    """an output that can't be written is said, with status 1"""
    case.sink()
    with open("/dev/full", "w") as full:
        trace = case.trace_silent(stdout=full)
    say(case, message()).wait()
    trace.finish(status=1)
    if len(trace.stderr().splitlines()) != 1:
        raise Failed(f"stderr: {trace.stderr()}")


def in_shell(command):
    """Runs it in a shell that has done that before."""
    return ("sh", "-c", command + '; exec "$@"', "sh")


def test_no_output(case):
    """a closed standard output is said, with status 1"""
    for argv in (("trace",), ("read", "/dev/null"), ("--version",)):
        refused(case, case.smtpsnoop(*argv, prefix=in_shell("exec >&-")), "standard output is closed", status=1)


def test_few_descriptors(case):
    """too few open files: how many are needed"""
    for number in (6, 10, 20, 40):
        trace = case.smtpsnoop("trace", prefix=in_shell(f"ulimit -n {number}"))
        refused(case, trace, f"ulimit -n {number}", "64 are needed")


def test_file_size_limit(case):
    """an output at the limit of file sizes is said, with status 1"""
    path = os.path.join(case.world.folder, "limited")
    prefix = in_shell(f"ulimit -f 0; exec > {path}")
    refused(case, case.smtpsnoop("trace", "--duration", "1", prefix=prefix), "File too large", status=1)


def test_help_and_version(case):
    """--help and --version go to standard output, status 0"""
    for argv in (("--help",), ("trace", "--help"), ("--version",)):
        done = case.smtpsnoop(*argv)
        if done.returncode or not done.stdout or done.stderr:
            raise Failed(f"{argv}: exit status {done.returncode}, stderr {done.stderr[:200]!r}")
        with open("/dev/full", "w") as full:
            done = subprocess.run([case.options.binary, *argv], stdout=full, stderr=subprocess.PIPE, check=False)
        if done.returncode != 1 or done.stderr.count(b"\n") != 1:
            raise Failed(f"{argv} to a full disk: exit status {done.returncode}, stderr {done.stderr[:200]!r}")


def test_run_from_the_tree(case):
    """tools/run passes --help and --version on to the program"""
    program = os.path.join(ROOT, "smtpsnoop")
    if not os.access(program, os.X_OK):
        raise Skipped("the tree has no program: it is built elsewhere")
    for option in ("--help", "--version"):
        wanted, done = (
            subprocess.run([*argv, option], capture_output=True, text=True, check=False)
            for argv in ([program], [os.path.join(ROOT, "tools", "run")])
        )
        if done.returncode or done.stdout != wanted.stdout or done.stderr:
            raise Failed(f"{option}: exit status {done.returncode}, {done.stdout[:200]!r}, {done.stderr[:200]!r}")


@quick
def test_features(case):
    """features says which hooks are used, in text and in JSON"""
    done = case.smtpsnoop("features")
    if done.returncode or "cgroup_skb" not in done.stdout or "MTA: " not in done.stdout or "PHP: " not in done.stdout:
        raise Failed(f"exit status {done.returncode}: {done.stdout[:300]} {done.stderr[:300]}")
    done = case.smtpsnoop("features", "--json")
    if done.returncode or not isinstance(json.loads(done.stdout), dict):
        raise Failed(f"exit status {done.returncode}: {done.stdout[:300]} {done.stderr[:300]}")


@quick
def test_selects(case):
    """--verdict, --uid and --pid select"""
    case.sink()
    trace = case.trace("--verdict", "mta,impostor")
    say(case, message()).wait()
    end = trace.stop()
    expect(end, totals__attempts=1, totals__verdicts__bypass=1)
    if trace.of("connection"):
        raise Failed("a bypass was shown although --verdict mta,impostor")
    trace = case.trace("--uid", "www-data")
    case.actor(case.program("talk"), SINK4, 25, "other.example", uid=1).wait()
    case.actor(case.program("talk"), SINK4, 25, "web.example").wait()
    expect(trace.connection(), smtp__helo="web.example")
    trace.stop()
    if len(trace.of("connection")) != 1:
        raise Failed("--uid www-data showed another user's connection")


def test_trusted_by_configuration(case):
    """an allow rule and a relay of the configuration make `relay` of a bypass"""
    case.sink()
    for text in ("[relay smarthost]\naddress = 203.0.113.0/24\nport = 25\n", "[allow web]\nuser = www-data\n"):
        trace = case.trace("--config", config(case, text))
        say(case, message()).wait()
        expect(trace.connection(), verdict__class="relay")
        trace.stop()


def test_drop_ins(case):
    """drop-ins of the manual pages start what is installed, wherever that is: systemd takes the name alone"""
    with open(os.path.join(ROOT, "dist", "smtpsnoop-collect.8")) as file:
        started = [line for line in file if line.startswith("ExecStart=") and line.strip() != "ExecStart="]
    if not started or not all(line.startswith("ExecStart=smtpsnoop ") for line in started):
        raise Failed(f"{started}")
