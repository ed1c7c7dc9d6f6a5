# SPDX-License-Identifier: GPL-2.0-only
"""fastcgi.py - what a web server says to php-fpm or php-cgi: one request on a connection of its own, by a unix socket.

The FastCGI 1.0 specification, sections 3 to 6. A server that closes before its END_REQUEST is an error.
"""
import socket
import struct

BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7
RESPONDER = 1
HEADER = struct.Struct(">BBHHBx")


def to_bytes(text):
    """Text of a test is Latin-1 where it has bytes to say, paths are what the file system calls them."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def packet(kind, data=b""):
    return HEADER.pack(1, kind, 1, len(data), 0) + data


def length(data):
    """127 at most is one byte, more are four with the highest bit set."""
    return bytes([len(data)]) if len(data) < 128 else struct.pack(">I", len(data) | 0x80000000)


def stream(kind, data):
    """In packets, ended by an empty one."""
    parts = [packet(kind, data[at : at + 32768]) for at in range(0, len(data), 32768)]
    return b"".join(parts) + packet(kind)


def parameters(values):
    pairs = [(to_bytes(name), to_bytes(value)) for name, value in values.items()]
    return b"".join(length(name) + length(value) + name + value for name, value in pairs)


def ask(path, values, body=b"", timeout=30):
    """Sends one request to the unix socket `path`. Returns (what it answered, what it wrote to its error stream)."""
    out = {STDOUT: b"", STDERR: b""}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        sock.connect(path)
        begin = packet(BEGIN, struct.pack(">HB5x", RESPONDER, 0))
        sock.sendall(begin + stream(PARAMS, parameters(values)) + stream(STDIN, body))
        with sock.makefile("rb") as reader:
            while True:
                header = reader.read(HEADER.size)
                if len(header) < HEADER.size:
                    raise ConnectionError("closed before the request's end")
                _, kind, _, size, padding = HEADER.unpack(header)
                data = reader.read(size + padding)[:size]
                if kind == END:
                    return out[STDOUT], out[STDERR]
                if kind in out:
                    out[kind] += data
