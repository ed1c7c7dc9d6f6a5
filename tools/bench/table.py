# SPDX-License-Identifier: GPL-2.0-only
"""table.py - figures, their spread, and how they are printed: a table a part, and the command behind each figure

A figure is the median of its rounds. Its spread, "[low .. high]", are the quartiles (linear between neighbours), so that
half of the rounds lie within. Pure: no files, no processes.
"""
import statistics

NOTHING = "-"  # does not apply here


def quartiles(values):
    """(low, median, high) of at least one value."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


def number(value):
    """Three digits that count; whole numbers from 100 on."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:#.3g}"


def signed(value):
    return ("+" if value >= 0 else "") + number(value)


def spread(values, write=number):
    """The text of one figure; NOTHING where there are no values."""
    if not values:
        return NOTHING
    low, median, high = quartiles(values)
    if len(values) == 1:
        return write(median)
    return f"{write(median)} [{write(low)} .. {write(high)}]"


def added(values, off):
    """What was added to `off`: the figure and its part of off's median."""
    if not values:
        return NOTHING
    base = quartiles(off)[1]
    return f"{spread(values, signed)} {100 * quartiles(values)[1] / base:+.1f}%"


class Table:
    """One part's figures: a row each, a column for each tracer or state."""

    def __init__(self, part, title, columns):
        self.part, self.title, self.columns = part, title, list(columns)
        self.rows, self.commands, self.absent, self.notes = [], [], [], []
        self.failed = False  # the part came to grief

    def row(self, label, cells):
        """cells: {column: text}; what is not named does not apply."""
        self.rows.append((label, {name: str(text) for name, text in cells.items()}))

    def command(self, name, line):
        if (name, line) not in self.commands:
            self.commands.append((name, line))

    def not_run(self, name, why):
        """A row that says why there are no figures of it."""
        self.absent.append((name, why))

    def note(self, text):
        """Below the table; None is no note."""
        if text:
            self.notes.append(text)

    def missing(self, column):
        """Labels of the rows in which this column has no figure."""
        return [label for label, cells in self.rows if cells.get(column, NOTHING) == NOTHING]

    def render(self):
        """Markdown that can be read as it is."""
        lines = [[self.title, *self.columns]]
        lines += [[label, *(cells.get(name, NOTHING) for name in self.columns)] for label, cells in self.rows]
        lines += [[name, why if why.startswith("not ") else f"not run: {why}", *[""] * (len(self.columns) - 1)] for name, why in self.absent]
        absent = len(lines) - len(self.absent)
        widths = [max(len(line[at]) for line in lines[:absent]) for at in range(len(lines[0]))]
        widths[0] = max(len(line[0]) for line in lines)
        text = []
        for at, line in enumerate(lines):
            text.append("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
            if at == 0:
                text.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
        text += ["", *self.notes] if self.notes else []
        text += ["", *(f"    {name}: {line}" for name, line in self.commands)] if self.commands else []
        return "\n".join(text)
