"""The command line: one file per command, each options and one call.

Nothing heavy is imported before a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

from nwbspikegen.cli.main import cli, main

__all__ = ["cli", "main"]
