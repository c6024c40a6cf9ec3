"""What a worker asks of its terminal, in a module that a process of its own imports in no time."""

from __future__ import annotations

import os
import sys

from nwbspikegen.core import progress


def ask_in_worker() -> None:
    """End with status 0 where a worker takes no terminal for its own."""
    # as if the worker had the terminal of the process that started it
    sys.stderr = type("Terminal", (), {"isatty": lambda self: True})()
    os._exit(progress._is_terminal())
