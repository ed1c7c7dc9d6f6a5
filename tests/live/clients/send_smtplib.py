# SPDX-License-Identifier: GPL-2.0-only
"""send_smtplib.py HOST PORT HELO FROM RCPT... - one message by python's smtplib."""
import smtplib
import sys

host, port, helo, sender, *recipients = sys.argv[1:]
with smtplib.SMTP(host, int(port), local_hostname=helo, timeout=30) as smtp:
    smtp.sendmail(sender, recipients, "Subject: x\r\n\r\nhello\r\n")
