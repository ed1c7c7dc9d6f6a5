# SPDX-License-Identifier: GPL-2.0-only
"""host.py - on what, when and of which state of the tree the figures were made"""
import os
import platform
import subprocess
import time

import proc
from stage import TREE


def processor():
    for line in proc.read("/proc/cpuinfo").splitlines():
        if line.startswith(("model name", "CPU part", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def distribution():
    for line in proc.read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "unknown distribution"


def commit():
    """Short, with a word about changes that are not in it."""
    git = ["git", "-c", f"safe.directory={TREE}", "-C", TREE]  # under sudo the tree is another user's
    try:
        name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + (" with changes" if changed.strip() else "")


def describe(command):
    """The head of the table."""
    memory = int(proc.read("/proc/meminfo").split()[1]) // 1024
    guest = "virtual machine, " if " hypervisor" in proc.read("/proc/cpuinfo") else ""
    lines = [
        f"- {guest}{os.cpu_count()} x {processor()}, {memory} MB; {distribution()}, Linux {platform.release()}",
        f"- commit {commit()}, {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, "
        f"load average at the start {proc.read('/proc/loadavg').split()[0]}",
        f"- `{command}`",
    ]
    if proc.read("/proc/sys/kernel/bpf_stats_enabled").strip() == "1":
        lines.append("- kernel.bpf_stats_enabled is 1: every program's time is taken as well, which costs")
    return "\n".join(lines)
