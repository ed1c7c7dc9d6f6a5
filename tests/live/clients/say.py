# SPDX-License-Identifier: GPL-2.0-only
"""say.py HOST PORT - a client that does exactly what it is told, a JSON list of steps on standard input.

["send", TEXT]  ["bytes", TEXT] byte by byte, each its own segment  ["hear"] one reply  ["hear", N]  ["close"]
["line"] hears one line  ["read", N] bytes  ["sendfile", PATH]  ["zerocopy", TEXT]  ["urgent", BYTE] for TCP
First only: ["nonblocking"]  ["options"] in IPv6 packets  ["full"] no option memory left  ["decoy"] fails before
["fork"] goes on in a child  ["repeat", TEXT, N]  ["reset"] ends with RST  ["wait"] for a line on standard input
["shutdown"] ends its direction and reads to the end
Text is Latin-1, so that any byte can be said; it is not in argv, which smtpsnoop shows.
"""
import ctypes
import errno
import json
import os
import select
import socket
import struct
import sys

MSG_ZEROCOPY, SO_ZEROCOPY, IPV6_DSTOPTS, TCP_MD5SIG = 0x4000000, 60, 59, 14
FIRST = ("nonblocking", "options", "full", "decoy")
NOT_HERE = 77  # the exit status of what this kernel can't
host, port = sys.argv[1], int(sys.argv[2])
steps = json.loads(sys.stdin.readline())


def hear(sock, left):
    """`left` whole replies; an ended connection ends the program."""
    while left:
        line = b""
        while not line.endswith(b"\n"):
            byte = sock.recv(1)
            if not byte:
                sys.exit(3)
            line += byte
        if line[3:4] != b"-":
            left -= 1


def fill(sock):
    """Keys for addresses that are never met, until the kernel has no more memory for this socket's options."""
    for at in range(1 << 16):
        address = bytes((10, 1, at >> 8, at & 255))
        key = struct.pack("=HH4s120xBBHi80s", socket.AF_INET, 0, address, 0, 0, 8, 0, b"k" * 8)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, key)
        except OSError as error:
            if error.errno == errno.ENOMEM:
                return
            sys.exit(NOT_HERE)
    sys.exit(NOT_HERE)


def decoy(sock):
    """A connect to the host itself, refused because its family is not the socket's."""
    address = struct.pack("=HH4s8x", socket.AF_INET6, socket.htons(25), socket.inet_aton("127.0.0.1"))
    if ctypes.CDLL(None).connect(sock.fileno(), address, len(address)) == 0:
        sys.exit("the decoy was taken")


def connect(way):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if way == "options":  # an empty destination options header before TCP, in every packet
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, bytes((0, 0, 1, 4, 0, 0, 0, 0)))
    if way == "full":
        fill(sock)
    if way == "decoy":
        decoy(sock)
    if way != "nonblocking":
        sock.connect((host, port))
        return sock
    sock.setblocking(False)
    sock.connect_ex((host, port))
    select.select([], [sock], [])
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
    sock.setblocking(True)
    return sock


first = steps.pop(0)[0] if steps and steps[0][0] in FIRST else None
try:
    sock = connect(first)
except OSError as error:
    print(error.errno)
    sys.exit(4)
for verb, *values in steps:
    data = values[0].encode("latin-1") if values and isinstance(values[0], str) else b""
    if verb == "send":
        sock.sendall(data)
    elif verb == "urgent":
        sock.send(data, socket.MSG_OOB)
    elif verb == "repeat":
        sock.sendall(data * values[1])
    elif verb == "bytes":
        for at in range(len(data)):
            sock.sendall(data[at : at + 1])
    elif verb == "hear":
        hear(sock, values[0] if values else 1)
    elif verb == "line":
        while sock.recv(1) not in (b"\n", b""):
            pass
    elif verb == "read":
        sock.recv(values[0], socket.MSG_WAITALL)
    elif verb == "sendfile":
        with open(values[0], "rb") as file:
            sock.sendfile(file)
    elif verb == "zerocopy":
        sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        sent = 0
        while sent < len(data):
            sent += sock.send(data[sent:], MSG_ZEROCOPY)
    elif verb == "fork":
        child = os.fork()
        if child:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    elif verb == "wait":
        sys.stdin.readline()
    elif verb == "shutdown":
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    elif verb == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        sys.exit(0)
    else:
        sys.exit(f"no such step: {verb}")
sock.close()
