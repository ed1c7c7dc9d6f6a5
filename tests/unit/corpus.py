#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints expected.json of the public captures as lines for test_corpus.c.

One connection a line, fields separated by tabs. Texts are the hex of their bytes, "-" = null; lists are joined with
commas, "." = an empty list. A field that is debatable has its other right answer behind a "|".
"""
import json
import os
import sys

REPLIES = ("2xx", "3xx", "4xx", "5xx")


def text(value):
    """Hex with a leading x, so that the empty text is a field too."""
    return "-" if value is None else "x" + value.encode("utf-8", "surrogateescape").hex()


def plain(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return "-" if value is None else str(value)


def row(name, connection, other):
    def field(key, form=plain):
        answer = form(connection.get(key))
        return answer + "|" + form(other[key]) if key in other else answer

    client, server = connection["client"], connection["server"]
    senders = connection.get("from")
    replies = connection.get("replies", {})
    return [
        name, client["ip"], client["port"], server["ip"], server["port"],
        field("smtp"), field("found_by"), field("greeting", text), field("helo", text),
        ",".join(map(text, senders)) if senders else ".",
        *(field(key) for key in ("recipients", "refused", "messages", "accepted")),
        *(plain(replies.get(key)) for key in REPLIES),
        field("last_reply", text), field("auth", text), field("tls"), field("gaps"),
    ]


def main():
    directory = sys.argv[1]
    with open(os.path.join(directory, "expected.json"), encoding="utf-8") as stream:
        for capture in json.load(stream):
            other = {}
            for debatable in capture.get("debatable", []):
                other.update(debatable.get("also_right", {}))
            for connection in capture["connections"]:
                print(*row(capture["file"], connection, other), sep="\t")


if __name__ == "__main__":
    main()
