# SPDX-License-Identifier: GPL-2.0-only
"""marks.py - marks on tests that `run` reads."""


def quick(function):
    """Also part of --quick: fit for a virtual machine where process start is fifty times slower."""
    function.quick = True
    return function
