# SPDX-License-Identifier: GPL-2.0-only
"""pysink.py - SMTP servers, and servers of other protocols, that a test scripts line by line and looks into afterwards.

tools/sink is the fast one, for floods; this one runs in threads of the test itself. Its listening sockets are made
inside the outside namespace. A session keeps what the client sent: the tests compare that with what smtpsnoop says.
"""
import socket
import threading
import time

from world import Failed, SINK4

TCP_FASTOPEN = 23


class Session:
    """One connection as the server saw it."""

    def __init__(self, connection, peer):
        self.connection, self.peer = connection, peer
        self.commands, self.bodies, self.octets = [], 0, 0
        self.over = False

    def __repr__(self):
        return f"<session {self.peer[0]}:{self.peer[1]} {self.commands}>"


class Sink:
    """An SMTP server. `replies` maps a verb (or a whole line) to bytes, a list of bytes taken one after another, or
    None for silence; `greeting` None = says nothing first. `chunk` writes replies in pieces of that many bytes."""

    DEFAULT = {
        "EHLO": b"250-mx.example.net\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-CHUNKING\r\n"
        b"250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n",
        "HELO": b"250 mx.example.net\r\n",
        "MAIL": b"250 2.1.0 ok\r\n",
        "RCPT": b"250 2.1.5 ok\r\n",
        "DATA": b"354 go ahead\r\n",
        "BODY": b"250 2.0.0 queued as 4Vx9\r\n",
        "RSET": b"250 2.0.0 reset\r\n",
        "NOOP": b"250 2.0.0 ok\r\n",
        "QUIT": b"221 2.0.0 bye\r\n",
        "AUTH": b"235 2.7.0 ok\r\n",
    }

    def __init__(
        self,
        world,
        port=25,
        address="",
        greeting=b"220 mx.example.net ESMTP\r\n",
        replies=None,
        chunk=0,
        namespace="outside",
        family=socket.AF_INET,
        tls=None,
        implicit=False,
        delay=0.0,
        handler=None,
    ):
        self.greeting, self.chunk, self.delay = greeting, chunk, delay
        self.replies = {**self.DEFAULT, **(replies or {})}
        self.tls, self.implicit = tls, implicit
        self.sessions, self.threads, self.world = [], [], world
        self.changed = threading.Condition()
        self.handler = handler or Sink.serve
        if namespace:
            with world.inside(namespace):
                self.listener = socket.socket(family, socket.SOCK_STREAM)
        else:
            self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 16)
        self.listener.bind((address, port))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for session in list(self.sessions):
            try:
                session.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(connection, peer)
            self.sessions.append(session)
            threading.Thread(target=self._run, args=(session,), daemon=True).start()

    def _run(self, session):
        try:
            self.handler(self, session)
        except OSError:
            pass
        session.connection.close()
        with self.changed:
            session.over = True
            self.changed.notify_all()

    def wait(self, sessions=1, timeout=20):
        """Until that many sessions are over; returns them."""
        with self.changed:
            self.changed.wait_for(lambda: sum(s.over for s in self.sessions) >= sessions, timeout * self.world.slow)
        over = [s for s in self.sessions if s.over]
        if len(over) < sessions:
            raise Failed(f"the sink on port {self.port} saw {self.sessions}, not {sessions} ended sessions")
        return over

    def write(self, session, data):
        if not data:
            return
        if self.delay:
            time.sleep(self.delay)
        for at in range(0, len(data), self.chunk or len(data)):
            session.connection.sendall(data[at : at + (self.chunk or len(data))])

    def reply(self, session, *keys):
        for key in keys:
            answer = self.replies.get(key, b"")
            if answer == b"":
                continue
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            self.write(session, answer)
            return answer
        self.write(session, b"502 5.5.2 unknown\r\n")
        return b"502"

    def serve(self, session):
        """The SMTP dialogue."""
        if self.implicit:
            session.connection = self.tls.wrap_socket(session.connection, server_side=True)
        reader = session.connection.makefile("rb")
        self.write(session, self.greeting)
        while True:
            line = reader.readline(1 << 20)
            if not line:
                return
            text = line.rstrip(b"\r\n").decode(errors="surrogateescape")
            verb = text.split(" ")[0].upper()
            session.commands.append(text)
            if verb == "BDAT":
                size = int(text.split()[1])
                session.octets += len(reader.read(size))
                last = text.upper().endswith("LAST")
                session.bodies += last
                self.reply(session, "BDAT LAST" if last else "BDAT", "MAIL")
                continue
            answer = self.reply(session, text, verb)
            if answer is None:
                continue
            if verb == "DATA" and answer.startswith(b"354"):
                self._body(session, reader)
            elif verb == "AUTH":
                while answer.startswith(b"334"):
                    session.commands.append(reader.readline().decode().strip())
                    answer = self.reply(session, "AUTH " + session.commands[-1], "AUTH2")
            elif verb == "STARTTLS" and answer.startswith(b"220"):
                session.connection = self.tls.wrap_socket(session.connection, server_side=True)
                reader = session.connection.makefile("rb")
            elif verb == "QUIT":
                return

    def _body(self, session, reader):
        while True:
            line = reader.readline(1 << 20)
            if not line:
                return
            if line == b".\r\n":
                session.bodies += 1
                self.reply(session, "BODY")
                return
            session.octets += len(line)


def lines(greeting, answers):
    """A handler that greets and then answers a line with what the first matching start of `answers` says."""

    def handler(sink, session):
        reader = session.connection.makefile("rb")
        sink.write(session, greeting)
        while True:
            line = reader.readline(1 << 16)
            if not line:
                return
            text = line.rstrip(b"\r\n").decode(errors="replace")
            session.commands.append(text)
            for start, answer in answers:
                if start.lower() in text.lower():
                    sink.write(session, answer)
                    if start.upper() == "QUIT" or start.upper() == "LOGOUT":
                        return
                    break

    return handler


__all__ = ["Sink", "Session", "lines", "SINK4"]
