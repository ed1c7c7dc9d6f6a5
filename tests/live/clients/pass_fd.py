# SPDX-License-Identifier: GPL-2.0-only
"""pass_fd.py give PATH HOST PORT | take PATH - a connection opened by one process and used by another.

The opener connects, hears the greeting and passes the socket over the unix socket PATH; the taker speaks on it.
"""
import socket
import sys

way, path = sys.argv[1:3]
unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
if way == "take":
    unix.bind(path)
    unix.listen(1)
    print("ready", flush=True)
    peer, _ = unix.accept()
    _, descriptors, _, _ = socket.recv_fds(peer, 1, 1)
    tcp = socket.socket(fileno=descriptors[0])
    for line in ("EHLO handed.example", "MAIL FROM:<a@actor.example>", "RCPT TO:<b@victim.example>", "QUIT"):
        tcp.sendall(line.encode() + b"\r\n")
        tcp.recv(65536)  # the sink writes a whole reply at once
    peer.sendall(b"x")
else:
    tcp = socket.create_connection((sys.argv[3], int(sys.argv[4])))
    tcp.recv(65536)
    unix.connect(path)
    socket.send_fds(unix, [b"x"], [tcp.fileno()])
    unix.recv(1)
