# SPDX-License-Identifier: GPL-2.0-only
"""machine - one emulated machine: boots a kernel on this host's files and runs a command in it

QEMU without KVM, one processor, 1 GB. The result is believed only if the machine both printed its @@EXIT marker and
ended through the debug-exit device with the same status: a guest that panics or hangs is a failure, whatever it
printed. Each machine has a directory and processes of its own; both are gone when run() returns or raises.
"""

import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import threading

import packages

HERE = pathlib.Path(__file__).resolve().parent
ENDS_WITH_US = ["setpriv", "--pdeathsig", "KILL"]  # however the run ends, no machine goes on
MEMORY = "1G"
BROKEN = 99  # status of a machine that could not be set up, see init and guest


class Outcome:
    """status: the command's, or None when the machine did not get that far; why: a sentence then."""

    def __init__(self, status, why, lines):
        self.status = status
        self.why = why
        self.lines = lines


def make_initramfs(kernel, job, busybox):
    """init, busybox, the exit helper and the kernel's modules."""
    root = job / "initramfs"
    for sub in ("bin", "proc", "sys", "dev", "modules"):
        (root / sub).mkdir(parents=True)
    shutil.copy(busybox, root / "bin/busybox")
    shutil.copy(job / "vmexit", root / "bin/vmexit")
    shutil.copy(HERE / "init", root / "init")
    for module in (kernel / "modules").glob("*.ko"):
        shutil.copy(module, root / "modules")
    pack(root, busybox, job / "initrd")


def pack(root, busybox, image):
    """The files under root as an initramfs."""
    (root / "init").chmod(0o755)
    names = "\n".join(str(p.relative_to(root)) for p in sorted(root.rglob("*")))
    with open(image, "wb") as out:
        subprocess.run([busybox, "cpio", "-o", "-H", "newc"], input=names.encode(), stdout=out,
                       stderr=subprocess.DEVNULL, cwd=root, check=True)
    shutil.rmtree(root)


def start_virtiofsd(job):
    place, virtiofsd = packages.program("virtiofsd", "usr/lib/qemu/virtiofsd")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with open(job / "virtiofsd.log", "wb") as log:
        return subprocess.Popen(
            [*ENDS_WITH_US, virtiofsd, f"--socket-path={job}/virtiofs", f"--rlimit-nofile={limit}", "-o",
             "source=/,sandbox=chroot,cache=always"],
            env={**os.environ, "LD_LIBRARY_PATH": packages.library_path(place)}, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log)


def start_qemu(kernel, job, append):
    place, qemu = packages.program("emulator", "usr/bin/qemu-system-x86_64")
    words = [
        qemu, "-L", place / "usr/share/qemu", "-L", place / "usr/share/seabios", "-accel", "tcg", "-cpu", "max", "-smp",
        "1", "-m", MEMORY, "-object", f"memory-backend-memfd,id=mem,size={MEMORY},share=on", "-numa", "node,memdev=mem",
        "-chardev", f"socket,id=fs,path={job}/virtiofs", "-device", "vhost-user-fs-pci,chardev=fs,tag=root",
        "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio", "-device",
        "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", kernel / "vmlinuz", "-initrd", job / "initrd", "-append",
        f"console=ttyS0 panic=-1 quiet loglevel=3 nokaslr mitigations=off smtpsnoop.job={job} {append}"]
    return start(place, job, words)


def start(place, job, words):
    """QEMU of the set of programs at place; its console is the process's stdout."""
    with open(job / "qemu.log", "wb") as log:
        return subprocess.Popen([*ENDS_WITH_US, *(str(w) for w in words)],
                                env={**os.environ, "LD_LIBRARY_PATH": packages.library_path(place)},
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)


def run(kernel, command, tree, vmexit, cgroup="v2", append="", timeout=120, show=None):
    """Boot the kernel in directory kernel (packages.kernel) and run command by sh, in tree, as root.

    cgroup: v2, hybrid or v1, as what the guest mounts. append: added to the kernel's command line. show: called with
    each line of the console as it comes.
    """
    job = pathlib.Path(tempfile.mkdtemp(prefix="smtpsnoop-vm."))
    started = []
    try:
        busybox = packages.tools("emulator") / "bin/busybox"
        (job / "command").write_text(command + "\n")
        (job / "cgroup").write_text(cgroup + "\n")
        (job / "tree").write_text(f"{tree}\n")
        for script in ("guest", "mount-cgroups"):
            shutil.copy(HERE / script, job / script)
        shutil.copy(vmexit, job / "vmexit")
        make_initramfs(kernel, job, busybox)
        started.append(start_virtiofsd(job))
        wait_for(job / "virtiofs", started[0], job / "virtiofsd.log")
        started.append(start_qemu(kernel, job, append))
        return follow(started[1], timeout, show, job / "qemu.log")
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()
        shutil.rmtree(job, ignore_errors=True)


def wait_for(socket, process, log):
    waited = threading.Event()
    for _ in range(100):
        if socket.exists():
            return
        if process.poll() is not None:
            break
        waited.wait(0.05)
    raise packages.Missing(f"virtiofsd does not start: {log.read_text(errors='replace').strip()[-300:]}")


def follow(qemu, timeout, show, log, ended_well=lambda status: 2 * (status & 0x7F) + 1):
    """Read the console to its end; the timer ends a machine that hangs.

    ended_well: QEMU's own exit status for a guest that ended with a status.
    """
    late = threading.Event()

    def stop():
        late.set()
        qemu.kill()

    timer = threading.Timer(timeout, stop)
    timer.start()
    lines, marker = [], None
    try:
        for raw in qemu.stdout:
            line = raw.decode(errors="replace").rstrip("\r\n")
            lines.append(line)
            if line.startswith("@@EXIT "):
                marker = line.split()[1]
            elif show:
                show(line)
        ended = qemu.wait()
    finally:
        timer.cancel()
    if late.is_set():
        return Outcome(None, f"still running after {timeout:.0f} s, stopped", lines)
    if marker is None or ended != ended_well(int(marker)):
        said = log.read_text(errors="replace").strip()[-300:]
        return Outcome(None, f"the machine ended without a result (QEMU {ended}, marker {marker}) {said}", lines)
    if int(marker) == BROKEN:
        return Outcome(None, "the machine could not be set up", lines)
    return Outcome(int(marker), None, lines)
