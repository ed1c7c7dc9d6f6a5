# SPDX-License-Identifier: GPL-2.0-only
"""What could hide connections from a snapshot: BPF programs of others, and tun devices."""
import os

from marks import quick
from test_snapshot import snapshot, text
from tracer import expect
from world import Failed, Skipped, need, run

TUN = """import fcntl, os, struct, sys
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", sys.argv[1].encode(), 0x1002))  # TUNSETIFF, a tap device
again = os.dup(fd)
print("ready", flush=True)
sys.stdin.read()
"""


def program(case, *how, netns="actor"):
    """An actor with a BPF program of its own, and the program's id."""
    actor = case.actor(case.program("program"), *how, uid=0, netns=netns)
    line = actor.process.stdout.readline()
    if not line:
        actor.wait()  # skips, or fails
        raise Failed("it told no id")
    return actor, int(line)


def told(case, number):
    """What is told of the program with that id."""
    return [one for one in snapshot(case)[-1].get("could_hide", []) if one.get("id") == number]


def netns_of(case, name):
    return os.stat(case.world.netns(name)).st_ino


def is_told(case, number, **fields):
    found = told(case, number)
    if len(found) != 1:
        raise Failed(f"told of {number} is {found}")
    expect(found[0], kind="bpf", name="somebodys", uid=0, **fields)
    return found[0]


def in_words(case, words):
    shown = " ".join(text(case, "--watch", "0").split())
    # Others on this host may have so many that ours is among those that are not shown.
    if words not in shown and " more" not in shown:
        raise Failed(f'no "{words}" in {shown}')


@quick
def test_cgroup_program(case):
    """a program that another has attached to the egress of a cgroup is told, with the cgroup; none of ours is"""
    cgroup = case.world.new_cgroup(case.cgroup, "watched")
    _, number = program(case, "cgroup", cgroup)
    is_told(case, number, type="cgroup_skb", place="cgroup egress", cgroup=case.world.cgroup_name(cgroup))
    in_words(case, f'"somebodys" #{number} (cgroup egress of {case.world.cgroup_name(cgroup)})')
    trace = case.trace("--watch", "2", command="snapshot")
    trace.finish()
    ours = {number for kind, number in trace.objects if kind == "prog"}
    seen = {one["id"] for one in trace.of("end")[0]["could_hide"] if one["kind"] == "bpf"}
    if not ours or number not in seen or seen & ours:
        raise Failed(f"ours are {ours}, told are {seen}")
    expect(trace.of("end")[0], looked__programs_known=True)


def test_cgroup_link(case):
    """the same with a link; when it is gone it is not told"""
    actor, number = program(case, "cgroup-link", case.cgroup)
    is_told(case, number, type="cgroup_skb", place="cgroup egress", cgroup=case.world.cgroup_name(case.cgroup))
    actor.say("", last=True)
    actor.wait()
    if told(case, number):
        raise Failed("it is gone, and told")


def test_tc_program(case):
    """a filter of tc, in another network namespace"""
    need("tc")
    place = os.path.join(case.world.folder, "bpf")
    os.makedirs(place, exist_ok=True)
    script = (
        f"mount -t bpf bpf {place} && {case.program('program')} pin {place}/x </dev/null && "
        f"tc qdisc add dev in0 clsact && tc filter add dev in0 egress bpf da object-pinned {place}/x"
    )
    actor = case.actor("unshare", "-m", "sh", "-c", script, uid=0)
    number = int(actor.wait())
    try:
        is_told(
            case, number, type="sched_cls", place="tc egress", interface="in0", netns=netns_of(case, "actor")
        )
        in_words(case, f'"somebodys" #{number} (tc egress on in0 in netns {netns_of(case, "actor")})')
    finally:
        with case.world.inside("actor"):
            run("tc", "qdisc", "del", "dev", "in0", "clsact")


def test_interface_programs(case):
    """programs at tcx and XDP, each once, with interface and namespace"""
    for how, kind, place in (("xdp", "xdp", "xdp"), ("tcx", "sched_cls", "tcx egress")):
        actor, number = program(case, how, "in0")
        is_told(case, number, type=kind, place=place, interface="in0", netns=netns_of(case, "actor"))
        actor.say("", last=True)
        actor.wait()


def test_netfilter_program(case):
    """a program at a hook of netfilter"""
    _, number = program(case, "netfilter")
    is_told(case, number, type="netfilter", place="netfilter")


def test_loaded_program(case):
    """one that may be attached is told, and one for cgroups that is attached to none is not"""
    sched_cls, cgroup_skb = 3, 8
    _, number = program(case, "load", sched_cls)
    found = is_told(case, number, type="sched_cls")
    if "place" in found or "interface" in found:
        raise Failed(f"where it is nobody knows: {found}")
    _, number = program(case, "load", cgroup_skb)
    if told(case, number):
        raise Failed("it does nothing")


def tun(case, name, **kwargs):
    if not os.path.exists("/dev/net/tun"):
        raise Skipped("optional: this kernel has no tun devices")
    actor = case.actor("/usr/bin/python3", "-c", TUN, name, uid=0, **kwargs)
    if actor.process.stdout.readline() != b"ready\n":
        raise Failed(f"no device: {actor.process.stderr.read1().decode()[-300:]}")
    return actor


@quick
def test_tun(case):
    """a tap device is told with who has it open; of the same name in another namespace only whose it is"""
    name = case.world.tag[-6:]
    actor = tun(case, name)
    case.world.ip("outside", "tuntap", "add", "dev", name, "mode", "tun", "user", "33")
    try:
        found = [one for one in snapshot(case)[-1]["could_hide"] if one.get("interface") == name]
        here = [one for one in found if one["netns"] == netns_of(case, "actor")]
        there = [one for one in found if one["netns"] == netns_of(case, "outside")]
        if len(here) != 1 or len(there) != 1 or len(found) != 2:
            raise Failed(f"told are {found}")
        expect(here[0], kind="tun", type="tap", pid=actor.pid, name="python3")
        expect(there[0], kind="tun", type="tun", uid=33)
        if "pid" in there[0] or "uid" in here[0]:
            raise Failed(f"told are {found}")
        in_words(case, f"{name} in netns {netns_of(case, 'actor')} (python3[{actor.pid}])")
        in_words(case, f"{name} in netns {netns_of(case, 'outside')} (nobody that is seen)")
    finally:
        case.world.ip("outside", "link", "delete", name)


def test_refused(case):
    """without CAP_SYS_ADMIN the programs of others are not known, which is said"""
    prefix = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-all"]
    expect(snapshot(case, prefix=prefix)[-1], looked__programs_known=False)
    if "Which BPF programs of others see packets is not known" not in " ".join(
        text(case, "--watch", "0", prefix=prefix).split()
    ):
        raise Failed("the text does not say it")
