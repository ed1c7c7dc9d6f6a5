#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes tests/fuzz/corpus: small inputs that show each fuzz target what it is about."""
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
DIALOGUE = [
    (1, b"220 mx.example ESMTP\r\n"), (0, b"EHLO c.example\r\n"), (1, b"250-mx\r\n250-CHUNKING\r\n250 AUTH PLAIN\r\n"),
    (0, b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"), (1, b"250 ok\r\n550 5.7.1 zen.spamhaus.org\r\n354 go\r\n"),
    (0, b"Subject: x\r\n\r\nbody\r\n.\r\n"), (1, b"250 ok\r\n"), (0, b"BDAT 4 LAST\r\nabcd"), (1, b"250 ok\r\n"),
    (0, b"AUTH LOGIN\r\n"), (1, b"334 VXNl\r\n"), (0, b"c2VjcmV0\r\n"), (1, b"535 no\r\n"),
    (0, b"STARTTLS\r\n"), (1, b"220 go\r\n"), (0, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
]
PROXY = [(0, b"CONNECT mx.example:25 HTTP/1.1\r\n\r\n"), (1, b"HTTP/1.1 200 ok\r\n\r\n"), *DIALOGUE]
SOCKS = [(0, b"\x05\x01\x00"), (1, b"\x05\x00"), (0, b"\x05\x01\x00\x01\xcb\x00\x71\x07\x00\x19"),
         (1, b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"), *DIALOGUE]
CONFIG = b"""[general]
ports = 2525, 26
burst = 30
[mta exim]
path = /usr/sbin/exim4
user = 101
[relay smart]
address = 192.0.2.0/24
port = 587
[allow app]
user = 1000
service = app.service
exe = /usr/bin/app
[store]
days = 7
[alert listed]
verdict = bypass, mta
reasons = blocklisted, exe-memfd
connections = 3
refused = 4
window = 5
quiet = 6
command = /bin/true a
user = 7
timeout = 8
"""
QUEUES = [
    b'{"queue_name": "deferred", "queue_id": "72E2C104523", "arrival_time": 1795879754, "recipients": [{"address": "b@c.example"}]}\n',
    b" 3d   245 1xXJvC-0006gB-0n <a@b.example> *** frozen ***\n          c@d.example\n\n",
    b"\t\t/var/spool/mqueue (1 request)\n6ASFCLFW008578*       6 Sat Nov 28 15:12 a@b.example\n"
    b"                 (Deferred: x)\n\t\t\t\t\t c@d.example\n\t\tTotal requests: 1\n",
    b"67fe84859d8c2d02|local|mta|auth|a@b.example|c@d.example|c@d.example|1795879050|0|0|3|pending|90|error\n",
]


def save(target, name, data):
    directory = os.path.join(HERE, "corpus", target)
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as stream:
        stream.write(data)


def session(dialogue):
    return b"\x00" + b"".join(bytes([side, len(text)]) + text for side, text in dialogue)


def gate(dialogue, wanted):
    return bytes([wanted]) + b"".join(bytes([side, len(text)]) + text for side, text in dialogue)


def assembly():
    out, at = b"", [0, 0]
    for side, text in DIALOGUE:
        out += bytes([side | 2]) + struct.pack(">HHH", at[side], at[1 - side], len(text))
        at[side] += len(text)
    return out


def tcp(side, flags, numbers, port, payload=b""):
    ports = (port, 40000) if side else (40000, port)
    return struct.pack(">HHIIBBHHH", *ports, numbers[side], numbers[1 - side], 5 << 4, flags, 0, 0, 0) + payload


def ip4(side, segment):
    ends = [bytes([192, 0, 2, 1]), bytes([203, 0, 113, 7])]
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 7, 0, 64, 6, 0) + ends[side] + ends[1 - side] + segment


def ip6(side, segment):
    ends = [b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01", b"\x20\x01\x0d\xb8" + bytes(11) + b"\x02"]
    extension = b"\x06\x00" + bytes(6)
    return struct.pack(">IHBB", 6 << 28, 8 + len(segment), 60, 64) + ends[side] + ends[1 - side] + extension + segment


def fragments(side, segment):
    """The same in two fragments."""
    whole = ip4(side, segment)
    if len(segment) <= 24:
        return [whole]
    first = whole[:2] + struct.pack(">HHH", 44, 7, 0x2000) + whole[8:44]
    rest = whole[:2] + struct.pack(">HHH", 20 + len(segment) - 24, 7, 3) + whole[8:20] + segment[24:]
    return [rest, first]


def packets(dialogue, port):
    numbers = [0xFFFFFFF0, 7]
    yield 0, tcp(0, 2, numbers, port)
    numbers[0] = (numbers[0] + 1) & 0xFFFFFFFF
    yield 1, tcp(1, 18, numbers, port)
    numbers[1] += 1
    for side, text in dialogue:
        yield side, tcp(side, 16, numbers, port, text)
        numbers[side] = (numbers[side] + len(text)) & 0xFFFFFFFF
    yield 0, tcp(0, 17, numbers, port)


def pcap(link, head, frames):
    out = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    for n, frame in enumerate(frames):
        out += struct.pack("<IIII", 1700000000 + n, 0, len(head + frame), len(head + frame)) + head + frame
    return out


def pcapng(frames):
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 101, 0, 65535))
    for n, frame in enumerate(frames):
        out += block(6, struct.pack("<IIIII", 0, 0, n, len(frame), len(frame)) + frame)
    return out


def captures():
    v4 = [ip4(side, segment) for side, segment in packets(DIALOGUE, 25)]
    v6 = [ip6(side, segment) for side, segment in packets(DIALOGUE, 2525)]
    mac = bytes(12)
    save("capture", "ethernet", pcap(1, mac + b"\x08\x00", v4))
    save("capture", "qinq", pcap(1, mac + b"\x88\xa8\x00\x01\x81\x00\x00\x02\x86\xdd", v6))
    save("capture", "sll", pcap(113, bytes(14) + b"\x08\x00", v4[:8]))
    save("capture", "sll2", pcap(276, b"\x08\x00" + bytes(18), v4[:8]))
    save("capture", "loop", pcap(0, b"\x02\x00\x00\x00", v4[:8]))
    save("capture", "fragments", pcap(101, b"", [f for p in packets(DIALOGUE, 25) for f in fragments(*p)]))
    save("capture", "reordered", pcap(101, b"", v4[:3] + v4[3:][::-1]))
    save("capture", "proxy", pcap(101, b"", [ip4(side, segment) for side, segment in packets(PROXY, 3128)]))
    save("capture", "pcapng", pcapng(v4[:10]))


def record(kind, cookie, body, enrichment=0):
    head = struct.pack("<IHHQIIQ", 32 + len(body), kind, 1, cookie, 0, 0, 1000)
    return bytes(enrichment) + head + body


def frames():
    """As many bytes as the structures in include/event.h and user/base/frame.h have."""
    out = b""
    texts = b"perl\0bin\0usr\0" + b"tmp\0" + b"cron.service\0system.slice\0" + b"/usr/bin/perl\0x.pl\0"
    identity = struct.pack("<IIII", 7, 7, 7, 1) + bytes(216)
    opened = bytes(48) + identity + bytes(16) + struct.pack("<HHHH", 13, 4, 26, 19) + bytes(8) + texts
    for kind, data in ((3, record(1, 1, opened, 104)), (2, record(4, 1, struct.pack("<QQIBBBB", 0, 0, 22, 1, 0, 0, 0) + DIALOGUE[0][1])),
                       (6, record(3, 1, bytes(112)))):
        out += bytes([kind]) + struct.pack(">H", len(data)) + data
    return out


def script():
    """A connection, and then its SCRIPT record: event_script.h."""
    texts = b"POST/?p=1shop.example/var/www/a.php/var/www/m.phpMailersend"
    words = [(0, 4), (4, 5), (0, 0), (9, 12), (0, 0), (21, 14), (0, 0), (0, 0), (0, 0), (0, 0)]
    calls = struct.pack("<IHBB", 41, 14, 6, 4) + bytes(15 * 8)
    head = struct.pack("<IHHQIIQ", 0, 5, 0, 1, 0, 0, 3)
    body = struct.pack("<IHBBBBH", 7, 802, 1, 1, 0, 1, 35) + b"fpm-fcgi".ljust(16, b"\0")
    body += b"".join(struct.pack("<HH", *word) for word in words) + bytes(8) + calls + texts
    record = struct.pack("<qqIIB", 1, 1, 33, 0o644, 1).ljust(64, b"\0") + head + body
    return frames() + b"\x12" + struct.pack(">H", len(record)) + record


def process():
    """A process as it is now: base/frame_process.h."""
    texts = [
        b"/tmp/x (deleted)", b"/", b"/jail", b"5 12 /tmp/y\0",
        b"Uid:\t33\t33\t33\t33\nCapPrm:\t2000\nCapEff:\t0\nNoNewPrivs:\t1\nSeccomp:\t2\n",
        b"Max processes   unlimited  100  processes\nMax open files   1024  4096  files\n",
        b"7f00-7f10 rwxp 00000000 00:00 0 \n7f20-7f30 r-xp 00000000 fd:00 9   /a.so (deleted)\n",
        b"perl\0x.pl\0", b"PATH=/bin\0HOME=/\0",
    ]
    numbers = (7, 4, 9, 8, 0x8803, 2, 5, 1, 1, 2, 0, 1)
    head = struct.pack("<Q4Q12I", 0, 77, 0, 0, 0, *numbers) + struct.pack("<I16s", 1, b"init").ljust(640, b"\0")
    head += struct.pack("<16s10I", b"x", *(len(text) for text in texts), 0)
    body = head + b"".join(texts)
    return b"\x20" + struct.pack(">H", len(body)) + body


def main():
    for name, dialogue in (("dialogue", DIALOGUE), ("proxy", PROXY), ("socks", SOCKS)):
        save("session", name, session(dialogue))
        save("gate", name, gate(dialogue, name == "dialogue"))
    save("gate", "unlisted", gate(DIALOGUE, 0))
    save("assembly", "dialogue", assembly())
    captures()
    save("frames", "connection", frames())
    save("frames", "script", script())
    save("frames", "process", process())
    save("config", "all", CONFIG)
    for mta, text in enumerate(QUEUES):
        save("queue", ("postfix", "exim", "sendmail", "opensmtpd")[mta], bytes([mta]) + text)
    save("json", "text", "\x00\x1b[31m\u202e\u00e9\ud7ff\U0001f4a9".encode() + b"\xff\xc0\xaf\\\"\n")


if __name__ == "__main__":
    main()
