# SPDX-License-Identifier: GPL-2.0-only
"""packages - kernels and emulator from Debian's archive, unpacked into a cache outside the tree

Nothing is installed and the system's apt is left alone: each suite has a list, an index and an archive directory of
its own in the cache, on the mirror that the system uses for its own Debian packages. apt checks signatures and hashes
of what it downloads; what was unpacked is summed (SHA256SUMS) and checked again at each later use. Whatever fails here
raises Missing, with a sentence that says what to do.
"""

import contextlib
import fcntl
import functools
import hashlib
import lzma
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUMS = "SHA256SUMS"
HOST = "amd64"  # the emulator's programs are of this architecture
NAMED_IN = "tests/vm/kernels"

# What the machine needs to find the host's files, and what the live tests use. A kernel may have some built in.
MODULES = """virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci fuse virtiofs overlay
             veth dummy tls inet_diag tcp_diag""".split()


class Missing(Exception):
    pass


def cache_directory(name="smtpsnoop-vm"):
    base = os.environ.get("XDG_CACHE_HOME") or "/var/cache"
    return pathlib.Path(base) / name


def read_list():
    """The lines of the file kernels: ({name: (architecture, suite, package, expect)}, {name: (architecture,
    suites, packages)})."""
    kernels, tools = {}, {}
    for number, line in enumerate((HERE / "kernels").read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "kernel" and len(words) == 6:
            kernels[words[1]] = tuple(words[2:])
        elif words[0] == "tools" and len(words) >= 5:
            tools[words[1]] = (words[2], words[3].split(","), words[4:])
        else:
            raise Missing(f"tests/vm/kernels:{number}: not understood: {line}")
    return kernels, tools


@contextlib.contextmanager
def locked_cache(name="smtpsnoop-vm"):
    """One run at a time changes the cache."""
    cache = cache_directory(name)
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield cache


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if done.returncode:
        tail = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise Missing(f"{' '.join(words[:1])} failed: {' / '.join(tail)}")
    return done.stdout


class Archive:
    """apt on a few suites of an architecture, apart from the system's.

    alone: as on a machine with nothing installed, every dependency is fetched; always so on another architecture.
    named_in: the file that says which suites and packages, for whoever has to change it.
    """

    def __init__(self, cache, suites, architecture, alone=False, named_in=NAMED_IN):
        self.suites, self.named_in = suites, named_in
        self.place = cache / "apt" / "+".join([*suites, architecture])
        for sub in ("lists/partial", "cache/archives/partial"):
            (self.place / sub).mkdir(parents=True, exist_ok=True)
        sources = self.place / "sources.list"
        sources.write_text("".join(f"deb [signed-by={KEYRING}] {mirror(s)} {s} main\n" for s in suites))
        self.options = [
            "-qq",
            f"-oDir::Etc::sourcelist={sources}",
            "-oDir::Etc::sourceparts=/dev/null",
            f"-oDir::State::Lists={self.place / 'lists'}",
            f"-oDir::Cache={self.place / 'cache'}",
            "-oAPT::Sandbox::User=root",
            "-oAPT::Get::List-Cleanup=0",
            "-oDebug::NoLocking=1",
            f"-oAPT::Architecture={architecture}",
            f"-oAPT::Architectures={architecture}",
        ]
        if alone or architecture != HOST:
            (self.place / "status").write_text("")
            self.options.append(f"-oDir::State::status={self.place / 'status'}")
        try:
            run("apt-get", *self.options, "update")
        except Missing as why:
            raise Missing(f"suite {','.join(suites)}: {why}; if the mirror dropped it, change {named_in}")

    def depends(self, package):
        try:
            text = run("apt-cache", *self.options, "depends", package)
        except Missing:
            raise Missing(f"{package} is not in {','.join(self.suites)} any more; change {self.named_in}")
        return [line.split()[1] for line in text.splitlines() if line.strip().startswith("Depends:")]

    def download(self, packages, where):
        where.mkdir(parents=True)
        run("apt-get", *self.options, "download", *packages, cwd=where)
        return sorted(where.glob("*.deb"))

    def download_with_dependencies(self, packages):
        archives = self.place / "cache" / "archives"
        for old in archives.glob("*.deb"):
            old.unlink()
        run("apt-get", *self.options, "-y", "--download-only", "--no-install-recommends", "--reinstall",
            "--allow-downgrades", "install", *packages)
        return sorted(archives.glob("*.deb"))


def mirror(suite):
    """The address that the system itself fetches this suite's archive from."""
    release = ""
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            release = line.split("=")[1].strip('"')
    wanted = release + "-security" if suite.endswith("-security") else release
    for line in run("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)").splitlines():
        name, address = line.split(" ", 1)
        if name == wanted:
            return address
    raise Missing(f"no {wanted} in this system's apt sources, from which the mirror's address is taken")


def digest(path):
    if path.is_symlink():
        return hashlib.sha256(os.readlink(path).encode()).hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(place):
    return sorted(p for p in place.rglob("*") if p.name != SUMS and (p.is_symlink() or p.is_file()))


def write_sums(place):
    (place / SUMS).write_text("".join(f"{digest(p)}  {p.relative_to(place)}\n" for p in files_of(place)))


def sums_hold(place):
    lines = "".join(f"{digest(p)}  {p.relative_to(place)}\n" for p in files_of(place))
    return (place / SUMS).exists() and lines == (place / SUMS).read_text()


def cached(place, source):
    """Whether the directory is there, whole, and made from what the file kernels says now."""
    return (place / "source").exists() and (place / "source").read_text() == source and sums_hold(place)


def publish(new, place, source):
    """Sum a finished directory and put it in its place, at once or not at all."""
    (new / "source").write_text(source)
    write_sums(new)
    shutil.rmtree(place, ignore_errors=True)
    new.rename(place)


def kernel(name, refresh=False):
    """The directory of a kernel: vmlinuz and modules/*.ko. Fetched if need be."""
    architecture, suite, metapackage, _ = read_list()[0][name]
    with locked_cache() as cache:
        place = cache / "kernels" / name
        source = f"{architecture} {suite} {metapackage} {' '.join(MODULES)}\n"
        if not refresh and cached(place, source):
            return place
        work = cache / "work"
        shutil.rmtree(work, ignore_errors=True)
        archive = Archive(cache, [suite], architecture)
        package = next((d for d in archive.depends(metapackage) if d.startswith("linux-image-")), None)
        if not package:
            raise Missing(f"{metapackage} of {suite} leads to no linux-image-*; change tests/vm/kernels")
        parts = [d for d in archive.depends(package) if d.startswith(("linux-binary-", "linux-modules-"))]
        for deb in archive.download(parts or [package], work / "debs"):
            run("dpkg", "-x", str(deb), str(work / "files"))
        collect_kernel(work / "files", work / "kernel")
        place.parent.mkdir(exist_ok=True)
        publish(work / "kernel", place, source)
        shutil.rmtree(work)
        return place


def collect_kernel(files, place):
    images = list(files.glob("boot/vmlinuz-*")) + list(files.glob("usr/lib/modules/*/vmlinuz"))
    if len(images) != 1:
        raise Missing(f"{len(images)} kernel images in the packages, not one; see tests/vm/packages.py")
    (place / "modules").mkdir(parents=True)
    shutil.copy(images[0], place / "vmlinuz")
    for module in MODULES:
        for path in files.rglob(f"{module}.ko*"):
            data = path.read_bytes()
            if path.suffix == ".xz":
                data = lzma.decompress(data)
            (place / "modules" / f"{module}.ko").write_bytes(data)


@functools.cache
def tools(name, refresh=False):
    """The directory into which a set of programs was unpacked, with the libraries this system lacks."""
    architecture, suites, packages = read_list()[1][name]
    source = " ".join([architecture, *suites, *packages]) + "\n"
    with locked_cache() as cache:
        place = cache / "tools" / name
        if not refresh and cached(place, source):
            return place
        new = cache / "work"
        shutil.rmtree(new, ignore_errors=True)
        for deb in Archive(cache, suites, architecture).download_with_dependencies(packages):
            run("dpkg", "-x", str(deb), str(new))
            deb.unlink()
        place.parent.mkdir(exist_ok=True)
        publish(new, place, source)
        return place


def library_path(place):
    return ":".join(str(place / d / "x86_64-linux-gnu") for d in ("usr/lib", "lib"))


def program(name, path):
    """A program of a set, complete: fetched again when this system lost a library since."""
    for refresh in (False, True):
        place = tools(name, refresh)
        found = run("ldd", str(place / path), env={**os.environ, "LD_LIBRARY_PATH": library_path(place)})
        if "not found" not in found:
            return place, place / path
    raise Missing(f"{path}: libraries are missing: {found}")
