# SPDX-License-Identifier: GPL-2.0-only
"""php_roots.py - other versions of PHP than this system's, each in a root of its own to chroot into

php_root("trixie") is a directory with php8.4, php-fpm8.4 and php-cgi8.4, all that they need and a shell, unpacked and
not configured: no extensions are enabled, there is no php.ini, and the users are root, nobody and www-data. It is made
once, in ${XDG_CACHE_HOME:-/var/cache}/smtpsnoop-php, whole or not at all, from some 30 MB of Debian's packages. A test
must leave nothing in it: bind it read-only, or clean up. Raises Skipped where the packages can't be had. Needs root.
"""
import os
import shutil
import stat
import subprocess
import sys

from world import ROOT, Skipped

sys.path.insert(0, os.path.join(ROOT, "tests", "vm"))
import packages  # noqa: E402

CACHE = "smtpsnoop-php"
NAMED_IN = "tests/live/php_roots.py"
# Suite: the version of PHP in it. When the mirror has another one now, or no such suite, change it here.
VERSIONS = {"bullseye": "7.4", "bookworm": "8.2", "trixie": "8.4", "sid": "8.4", "experimental": "8.5"}
MERGED = ("bin", "sbin", "lib", "lib64")
DEVICES = {"null": 3, "zero": 5, "random": 8, "urandom": 9}
ACCOUNTS = (("root", 0), ("www-data", 33), ("nobody", 65534))


def archive(cache, suite, alone=False):
    """apt on a suite; experimental has only what differs from sid."""
    suites = ["sid", "experimental"] if suite == "experimental" else [suite]
    return packages.Archive(cache, suites, packages.HOST, alone, NAMED_IN)


def complete(root):
    """What packages leave to the system's installer."""
    for name in MERGED:
        if not (root / name).exists():  # before trixie, packages have directories of these names
            (root / name).symlink_to(f"usr/{name}")
    if not (root / "bin/sh").exists():
        (root / "bin/sh").symlink_to("dash")
    for name in ("dev", "etc", "proc", "run", "tmp"):
        (root / name).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for name, minor in DEVICES.items():
        os.mknod(root / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        (root / "dev" / name).chmod(0o666)
    (root / "etc/passwd").write_text("".join(f"{n}:x:{i}:{i}::/:/usr/sbin/nologin\n" for n, i in ACCOUNTS))
    (root / "etc/group").write_text("".join(f"{n}:x:{i}:\n" for n, i in ACCOUNTS))


def make_root(cache, suite, new):
    version = VERSIONS[suite]
    apt = archive(cache, suite, alone=True)
    for deb in apt.download_with_dependencies(["dash", *(f"php{version}-{kind}" for kind in ("cli", "fpm", "cgi"))]):
        packages.run("dpkg", "-x", str(deb), str(new))
        deb.unlink()
    complete(new)
    command = ["chroot", new, f"/usr/bin/php{version}", "-r", "echo PHP_VERSION;"]
    said = subprocess.run(command, capture_output=True, text=True)
    if not said.stdout.startswith(version + "."):
        raise packages.Missing(f"PHP {version} of {suite} does not run: {(said.stderr or said.stdout).strip()[-200:]}")


def php_root(suite):
    """The directory of a suite's root; made if need be."""
    try:
        with packages.locked_cache(CACHE) as cache:
            place, new, source = cache / suite, cache / "work", f"php{VERSIONS[suite]}\n"
            if (place / "source").exists() and (place / "source").read_text() == source:
                return str(place)
            shutil.rmtree(new, ignore_errors=True)
            make_root(cache, suite, new)
            (new / "source").write_text(source)
            shutil.rmtree(place, ignore_errors=True)
            new.rename(place)
            return str(place)
    except packages.Missing as why:
        raise Skipped(f"optional: {why}")
