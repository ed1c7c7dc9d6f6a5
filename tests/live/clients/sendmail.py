#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""sendmail.py ... - a sendmail(1) that hands what it reads to the MTA on this host over SMTP, as small ones do."""
import smtplib
import sys

text = sys.stdin.buffer.read()
with smtplib.SMTP("127.0.0.1", 25, local_hostname="actor.example", timeout=30) as smtp:
    smtp.sendmail("a@actor.example", ["b@victim.example"], text)
