# SPDX-License-Identifier: GPL-2.0-only
"""dialogue.py - the dialogues that several tests let an actor speak, and what a record has to say of them."""
import json
import os

from tracer import expect
from world import SINK4, SOURCE4, WEB_UID

FROM, RCPT = "a@actor.example", "b@victim.example"


def message(helo="actor.example", recipients=(RCPT,), body="Subject: x\r\n\r\nhello\r\n"):
    """Steps for say.py: one message in lock-step, and QUIT."""
    steps = [["hear"], ["send", f"EHLO {helo}\r\n"], ["hear"], ["send", f"MAIL FROM:<{FROM}>\r\n"], ["hear"]]
    for recipient in recipients:
        steps += [["send", f"RCPT TO:<{recipient}>\r\n"], ["hear"]]
    return steps + [["send", "DATA\r\n"], ["hear"], ["send", body + ".\r\n"], ["hear"], *quit_steps()]


def envelope(helo="actor.example"):
    """The same up to the 354."""
    return message(helo)[:-4]


def quit_steps():
    return [["send", "QUIT\r\n"], ["hear"]]


def say(case, steps, host=SINK4, port=25, **kwargs):
    """Starts say.py with these steps; wait() for it."""
    actor = case.python("say.py", host, port, **kwargs)
    actor.say(json.dumps(steps) + "\n")
    return actor


def number(value):
    """ECS wants ids as keywords: "33". A reader takes the number too."""

    def same(got):
        return str(got) == str(value)

    same.__name__ = str(value)
    return same


def expect_process(record, actor, executable, args, uid=WEB_UID, cwd=None):
    """The opener, named in full; it is a child of the runner."""
    world_folder = cwd or actor.folder
    expect(
        record,
        process__pid=actor.pid,
        process__executable=os.path.realpath(executable),
        process__args=args,
        process__working_directory=world_folder,
        process__parent__pid=os.getpid(),
        user__id=number(uid),
        user__effective__id=number(uid),
        group__id=number(uid),
        process__exe__inode=os.stat(executable).st_ino,
    )


def expect_message(
    record,
    helo="actor.example",
    sender=FROM,
    recipients=1,
    domains=("victim.example",),
    port=25,
    destination=SINK4,
    source=SOURCE4,
):
    """One message accepted whole: greeting, EHLO, MAIL, RCPT..., DATA, body, QUIT."""
    expect(
        record,
        event__kind="event",
        event__action="connection",
        event__reason="closed",
        source__ip=source,
        destination__ip=destination,
        destination__port=port,
        smtp__greeting="220 mx.example.net ESMTP",
        smtp__helo=helo,
        smtp__from=[sender],
        smtp__messages=1,
        smtp__accepted=1,
        smtp__recipients=recipients,
        smtp__refused=0,
        smtp__domains=list(domains),
        smtp__last_reply="221 2.0.0 bye",
    )
    expect(record, **{"smtp__replies__2xx": 5 + recipients, "smtp__replies__3xx": 1})
