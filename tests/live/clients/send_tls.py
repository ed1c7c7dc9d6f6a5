# SPDX-License-Identifier: GPL-2.0-only
"""send_tls.py starttls|implicit HOST PORT NAME - one message under TLS that asks for the server NAME."""
import smtplib
import socket
import ssl
import sys

way, host, port, name = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


class Client(smtplib.SMTP_SSL if way == "implicit" else smtplib.SMTP):
    """Connects to HOST, but asks for NAME."""

    def _get_socket(self, to, at, timeout):
        sock = socket.create_connection((host, at), timeout)
        return context.wrap_socket(sock, server_hostname=name) if way == "implicit" else sock


smtp = Client(name, int(port), local_hostname="actor.example")
if way == "starttls":
    smtp.starttls(context=context)
smtp.sendmail("a@actor.example", ["b@victim.example"], "Subject: x\r\n\r\nhello\r\n")
smtp.quit()
