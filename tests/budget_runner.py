"""Gives commands files that stand for more than they are, each in a process of its own that is measured.

    python tests/budget_runner.py FOLDER

prints a line of JSON for each: its exit status, what it said, its most memory (MB) and its time (s).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from pathlib import Path

from hostile_files import FILES, serve_endless

from nwbspikegen.cli import cli
from nwbspikegen.core import budget


def run(arguments: list[str], said: Path) -> dict[str, float | int | str]:
    """Run a command in a process of its own and return how it ended."""
    process = os.fork()
    if not process:
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            cli(arguments, standalone_mode=True)
        except SystemExit as leaving:
            os._exit(int(leaving.code or 0))
        except BaseException:
            import traceback

            traceback.print_exc()
        os._exit(1)
    _, status, used = os.wait4(process, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "said": said.read_text(),
        "megabytes": used.ru_maxrss / 1024,
        # not by the clock, since other work may hold the machine
        "seconds": used.ru_utime + used.ru_stime,
    }


def _write(name: str, folder: Path) -> Path:
    """Write a file in a process of its own, whose memory the others do not inherit; return where it is."""
    folder.mkdir()
    process = os.fork()
    if not process:
        status = 1
        with contextlib.suppress(Exception):
            (folder / "place").write_text(str(FILES[name][0](folder)))
            status = 0
        os._exit(status)
    if os.waitpid(process, 0)[1]:
        raise RuntimeError(f"{name} could not be written")
    return Path((folder / "place").read_text())


def main(folder: Path) -> None:
    """Run all, and print what became of each."""
    # what commands load late is loaded once, and measured with each
    import aiohttp  # noqa: F401
    import zarr  # noqa: F401

    import nwbspikegen.formats
    import nwbspikegen.views  # noqa: F401

    for name, (_, command, _) in FILES.items():
        place = _write(name, folder / name)
        out = ["--out", str(folder / name / "out.nwb")] if command[0] == "convert" else []
        print(json.dumps({"name": name, **run([*command, str(place), *out], folder / "said")}), flush=True)
        if list(folder.rglob("out.nwb")):
            raise RuntimeError(f"{name} was converted")
    # a minute is the limit: a second shows the same
    budget._LIMITED = dataclasses.replace(budget._LIMITED, web_seconds=1.0)
    with serve_endless() as address:
        for name in ("endless", "dripping"):
            said = run(["info", f"{address}/{name}.nwb"], folder / "said")
            print(json.dumps({"name": name, **said}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
