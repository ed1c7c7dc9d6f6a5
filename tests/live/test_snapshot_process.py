# SPDX-License-Identifier: GPL-2.0-only
"""snapshot: what the processes that hold connections are at this moment."""
import os
import re
import shutil
import time

from dialogue import message, say
from marks import quick
from test_evidence import keep, ready, verify
from test_snapshot import hold, listener, of, snapshot, text
from tracer import ABSENT, expect, field, parse_json
from world import SINK4, Failed, Skipped

HELD = """import mmap, os, socket, sys
s = socket.create_connection(("203.0.113.7", 25))
"""
WAIT = """
print("ready", flush=True); sys.stdin.read()
"""


def python(case, code="", *arguments, **kwargs):
    """Runs code with a connection open, and waits until it has."""
    return ready(case.actor("/usr/bin/python3", "-c", HELD + code + WAIT, *arguments, **kwargs))


def process(records, pid):
    """The one record of a process."""
    found = [record for record in of(records, "process") if record["process"]["pid"] == pid]
    if len(found) != 1:
        raise Failed(f"{len(found)} records of process {pid} among {len(records)}")
    return found[0]


@quick
def test_command_line(case):
    """the whole command line, far beyond the kernel's 512 bytes; what is longer than 4096 is said to be cut"""
    long = ["x" * 700, "", "y" * 700]
    with listener(case):
        whole, cut = python(case, "", *long), python(case, "", "z" * 5000)
        records = snapshot(case)
    record = process(records, whole.pid)
    expect(record, process__args_cut=ABSENT, process__executable=lambda path: "python3" in path)
    if record["process"]["args"][-3:] != long:
        raise Failed(f"the arguments are {record['process']['args']}")
    if not record["process"]["command_line"].endswith(" ".join(long)):
        raise Failed("the command line is not its arguments, parted by blanks")
    expect(process(records, cut.pid), process__args_cut=True, process__command_line=lambda line: len(line) == 4096)


def all_of(case, folder, *options):
    """Everything that a snapshot says, in JSON, in text and in the records that it keeps."""
    shown = text(case, "--watch", "0", *options)
    records = snapshot(case, "--evidence", folder, *options)
    with open(os.path.join(folder, "records.ndjson"), encoding="utf-8") as file:
        kept = file.read()
    return shown, records, kept


@quick
def test_environment(case):
    """the names of the environment; its values only with --environ, and never among the records of the evidence"""
    secret = "h4nter2" * 3
    with listener(case):
        actor = python(case, env={"API_KEY": secret, "EMPTY": "", "\033[2JODD": "x=" + secret})
        for options, values in ((), False), (("--environ",), True):
            folder = os.path.join(case.world.folder, f"records-{values}")
            shown, records, kept = all_of(case, folder, *options)
            record = process(records, actor.pid)
            variables = record["process"]["env_vars"]
            wanted = [f"API_KEY={secret}", "EMPTY=", f"\033[2JODD=x={secret}"]
            if not values:
                wanted = [entry.split("=")[0] for entry in wanted]
            if not set(wanted) <= set(variables):
                raise Failed(f"{wanted} are not all in {variables}")
            if (secret in shown, secret in str(records), secret in kept) != (values, values, False):
                raise Failed(f"with {options} the secret is or is not where it should be")
            if "API_KEY" not in kept:
                raise Failed("the names are not among the records")
            if "\033" in shown or "\033" in kept or "\\x1b[2JODD" not in shown:
                raise Failed("a name is not escaped")
            shutil.rmtree(folder)


@quick
def test_overwritten_environment(case):
    """what a process has left of a value that it wrote over is no name, and not shown"""
    code = (
        "import ctypes\nfields = open('/proc/self/stat').read().rsplit(')', 1)[1].split()\n"
        "start, end = int(fields[47]), int(fields[48])\n"
        "at = ctypes.string_at(start, end - start).index(b'API_KEY=')\n"
        "ctypes.memset(start + at, 0, len('API_KEY=abc'))\n"
    )
    with listener(case):
        actor = python(case, code, env={"API_KEY": "abcs3cr3t", "NEXT": "1"})
        records = snapshot(case)
    expect(process(records, actor.pid), process__env_vars_left_out=1, process__env_vars=lambda names: "NEXT" in names)
    if "s3cr3t" in str(records):
        raise Failed("the rest of a value is shown")


def test_hostile_words(case):
    """escape sequences in arguments, names and paths are escaped, and none can begin a line of its own"""
    path = os.path.join(case.world.folder, "d\033[2J to stop: kill 1")
    code = f"open({path!r}, 'w+').write('x'); f = open({path!r}); os.unlink({path!r})\n"
    words = "\033]0;x\007 " + " ".join(["to stop: kill 1"] * 40)
    with listener(case):
        os.chmod(case.world.folder, 0o777)
        actor = python(case, code, words, env={"A " * 30 + "to stop: kill 1": "x"})
        shown = text(case, "--watch", "0")
        record = process(snapshot(case), actor.pid)
        os.chmod(case.world.folder, 0o755)
    expect(record, process__deleted_files=lambda files: files[0]["path"] == path)
    if record["process"]["args"][-1] != words:
        raise Failed("JSON does not have the argument's own bytes")
    if "\033" in shown or "\007" in shown:
        raise Failed("the text has control characters")
    lines = [line.strip() for line in shown.splitlines() if line.strip().startswith("to stop:")]
    if lines != [f"to stop: kill {actor.pid}"]:
        raise Failed(f"told to stop it is {lines}")


def test_deleted_and_memory(case):
    """a deleted file that is open, memory that can be executed without a file, and code of a deleted one"""
    path = os.path.join(case.world.folder, "gone")
    shutil.copy(case.program("hold"), path)
    os.chmod(path, 0o666)
    code = (
        f"f = open({path!r}, 'r+b'); size = os.fstat(f.fileno()).st_size\n"
        "a = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)\n"
        "b = mmap.mmap(f.fileno(), 4096, flags=mmap.MAP_PRIVATE, prot=5)\n"
    )
    with listener(case):
        actor = python(case, code)
        os.unlink(path)
        size = os.path.getsize(case.program("hold"))
        record = process(snapshot(case), actor.pid)["process"]
        shown = text(case, "--watch", "0")
    told = {(one["path"], one["size"]) for one in record["deleted_files"]}
    if told != {(path, size)} or record["open_files"]["deleted"] < 1 or record["open_files"]["sockets"] != 1:
        raise Failed(f"open files are {record['open_files']}, deleted ones {told}")
    memory = {(one.get("path"), one["permissions"], one["size"], one.get("deleted")) for one in record["executable_memory"]}
    if not {(None, "rwxp", 1 << 20, None), (path, "r-xp", 4096, True)} <= memory:
        raise Failed(f"executable memory is {memory}")
    for words in (
        f"deleted and still open: {path} (",
        "executable memory: 1.0 MB rwx without a file",
        f"executable memory: 4.1 kB r-x of the deleted {path}",
    ):
        if words not in shown:
            raise Failed(f"no \"{words}\" in:\n{shown}")


def test_ordinary(case):
    """an ordinary process: nothing deleted, no memory without a file, no capabilities; limits, leaders and ancestors up to init"""
    with listener(case):
        actor = hold(case)
        record = process(snapshot(case), actor.pid)
        shown = text(case, "--watch", "0")
    with open(f"/proc/{os.getpid()}/stat") as file:
        group, session = (int(number) for number in file.read().rsplit(")", 1)[1].split()[2:4])
    expect(
        record,
        process__name="hold",
        process__working_directory=case.world.folder,
        process__deleted_files=ABSENT,
        process__executable_memory=ABSENT,
        process__thread__count=1,
        process__thread__capabilities__effective=[],
        process__thread__capabilities__permitted=[],
        process__parent__pid=os.getpid(),
        process__session_leader__pid=session or ABSENT,  # 0: whoever began it is in a namespace that is not seen from here
        process__group_leader__pid=group or ABSENT,
        process__root=ABSENT,
        process__unfinished=ABSENT,
        process__seccomp="none",
        process__no_new_privs=False,
        user__id=33,
        user__effective__id=33,
    )
    if record["process"]["ancestors"][-1]["pid"] != 1 or field(record, "process.ancestors_cut") is not ABSENT:
        raise Failed(f"the ancestors are {record['process']['ancestors']}")
    netns = os.stat(case.world.netns("actor")).st_ino
    if record["process"]["namespaces"] != {"net": netns}:
        raise Failed(f"its namespaces are {record['process']['namespaces']}")
    with open(f"/proc/{os.getpid()}/limits") as file:
        soft, hard = next(line for line in file if line.startswith("Max open files")).split()[3:5]
    told = record["process"]["limits"]["open_files"]
    if {str(told.get("soft", "unlimited")), str(told.get("hard", "unlimited"))} != {soft, hard}:
        raise Failed(f"its limits are {told}, not {soft} and {hard}")
    began = f"no terminal, session {session}" if session else "no terminal"
    for words in (f"{actor.pid}: {case.program('hold')} {SINK4} 25 1\n", began, "no capabilities, own namespaces net"):
        if words not in shown:
            raise Failed(f"no \"{words}\" in:\n{shown}")


def test_capabilities(case):
    """what a process may do beyond its user, by the names of capabilities(7)"""
    if not shutil.which("setpriv"):
        raise Skipped("setpriv is not installed")
    give = ["setpriv", "--reuid", "33", "--clear-groups", "--inh-caps", "+net_raw", "--ambient-caps", "+net_raw"]
    with listener(case):
        actor = ready(case.actor(*give, "--no-new-privs", case.program("hold"), SINK4, 25, 1, uid=0))
        record = process(snapshot(case), actor.pid)
        shown = text(case, "--watch", "0")
    expect(
        record,
        process__thread__capabilities__effective=["CAP_NET_RAW"],
        process__thread__capabilities__permitted=["CAP_NET_RAW"],
        process__no_new_privs=True,
        user__id=33,
    )
    if ", cap_net_raw, own namespaces" not in shown:
        raise Failed(f"the text does not tell it:\n{shown}")


def test_main_thread_over(case):
    """a process whose main thread has ended: all is known from another"""
    with listener(case):
        actor = hold(case, how="thread", env={"MARK": "x"})
        record = process(snapshot(case), actor.pid)
    expect(
        record,
        process__executable=case.program("hold"),
        process__command_line=f"{case.program('hold')} {SINK4} 25 1 thread",
        process__open_files__sockets=1,
        process__env_vars=lambda names: "MARK" in names,
    )


def test_locked_for_ever(case):
    """a process whose memory nobody can look into: it is told as far as it goes, and the others as ever"""
    with listener(case):
        actor = case.actor(case.program("stuck"), SINK4, 25, uid=0)
        if actor.process.stdout.readline() != b"ready\n":
            actor.wait()
        other = hold(case)
        records = snapshot(case)
        shown = " ".join(text(case, "--watch", "0").split())
        case.trace().stop()
    record = process(records, actor.pid)
    expect(record, process__unfinished=True, process__executable=case.program("stuck"), process__env_vars=ABSENT)
    expect(process(records, other.pid), process__unfinished=ABSENT, process__name="hold")
    if "it took too long to read" not in shown:
        raise Failed(f"the text does not tell that it is not whole:\n{shown}")


def test_ends_meanwhile(case):
    """processes that end while they are looked at: each is told, counted, or was over before, and nothing else happens"""
    with listener(case):
        stays = hold(case)
        actors = [hold(case) for _ in range(40)]
        trace = case.trace("--watch", "1", command="snapshot")
        for actor in actors:
            actor.process.kill()
        trace.finish()
    told = {record["process"]["pid"] for record in trace.of("process")}
    end = trace.of("end")[0]["processes"]
    if stays.pid not in told or not told <= {actor.pid for actor in (*actors, stays)}:
        raise Failed(f"{len(told)} processes were told, {stays.pid in told}")
    if end["told"] != len(told) or not len(told) <= sum(end.values()) <= len(actors) + 1:
        raise Failed(f"of {len(actors) + 1} processes it says {end}")


def test_too_many(case):
    """more processes than are looked at: the rest is counted, and the text says so"""
    with listener(case):
        for _ in range(260):
            hold(case)
        records = snapshot(case)
        shown = text(case, "--watch", "0")
    end = records[-1]["processes"]
    # A machine that is slow has no time for all.
    told = len(of(records, "process"))
    if told != end["told"] or sum(end.values()) != 260 or end["over"] or told > 256 or not (end["no_time"] or told == 256):
        raise Failed(f"{told} are told, and {end}")
    left = re.search(r"Of (\d+) processes no more is known", shown)
    if not left or int(left[1]) < 4 or "and 14 more processes: --json has them" not in shown:
        raise Failed(f"the text does not say what is left out:\n{shown}")


def test_selected(case):
    """--verdict leaves out the processes of other verdicts"""
    with listener(case):
        actor = hold(case)
        if of(snapshot(case, "--verdict", "mta"), "process"):
            raise Failed("the process of a bypass is told with --verdict mta")
        process(snapshot(case, "--verdict", "bypass"), actor.pid)


def test_other_port(case):
    """on another port the process is looked at when its connection has proven itself"""
    sink = case.sink(port=2599)
    actor = say(case, [*message()[:3], ["wait"], *message()[3:5], ["wait"], *message()[5:]], port=2599)
    while not (sink.sessions and sink.sessions[0].commands):
        time.sleep(0.01)
    trace = case.trace("--watch", "2", command="snapshot")
    actor.say("go\n")
    trace.finish()
    process(trace.records, actor.pid)
    actor.say("go\n")
    actor.wait()


def test_evidence(case):
    """with --evidence the records have the processes, too"""
    with listener(case):
        actor = hold(case)
        folder = keep(case, "--environ")
    with open(os.path.join(folder, "records.ndjson"), "rb") as file:
        record = process([parse_json(line) for line in file], actor.pid)
    expect(record, process__env_vars=lambda names: "PATH" in names)
    verify(case, folder)
