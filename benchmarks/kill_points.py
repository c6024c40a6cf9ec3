"""Commands ended by SIGKILL, SIGTERM and SIGINT at random moments, and what they leave.

Each point starts a command in a process of its own and ends it at a moment drawn from how long that
command takes on this machine, uninterrupted: from its start, from the time that an output is being
written, or around the rename that puts an output into its place. A moment that comes after the
command's end is drawn again, so that every point has hit a living process. Prints Markdown:

    python benchmarks/kill_points.py --folder FOLDER > docs/benchmarks/kill_points.md
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

_SINCE = {"start": "start", "opened": "write", "renamed": "rename"}
_AROUND_MS = 2
_HEADING = (
    "| | command | signal | status | orphans | ended after (s) | from | draws | outputs | before | left "
    "| broken | repeated | hidden |"
)
_RUNNER = Path(__file__).resolve().parents[1] / "tests" / "kill_runner.py"


def main() -> None:
    """Run the points in another process and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="Empty or absent; inputs go there.")
    parser.add_argument("--points", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", default="", help="Of these alone, with commas.")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"""# Commands ended at random moments

`python benchmarks/kill_points.py --points {options.points} --seed {options.seed}`, {date.today()},
{os.cpu_count()} cores ({platform.machine()}, {platform.system()}). SIGKILL, SIGTERM and SIGINT to
`convert`, `generate`, `train`, `transfer` (in one process; "cluster": with two workers), `sweep`,
`explain`, `report` and `patchseq train` on simulated recordings of 4 units and 20 s, an ASDF file of 50
units and a table of 48 cells. The moment is drawn from what an uninterrupted
run of the same command does here: from its whole time ("start"), from the time in which one of its outputs
is being written ("write"), or from the {_AROUND_MS} ms that begin with the rename of an output into its
place ("rename"). A moment after the command's end is drawn again ("draws"), so that every point hit a
living process, which the system's exit status says.

Status: as shells say it, 137, 143 and 130. Orphans: processes that the command started and that were alive
a minute after it. Ended after: of the seconds that the last uninterrupted run took; with other work on
the machine, a run may take longer than that. Outputs: how many were begun, and how many came to their
rename, before the kill. Before: what the output's name carried. Left: what it carries afterwards, read
whole and compared with what an uninterrupted run writes; of an unfinished study, every model and table.
Repeated: whether the same command then gives the same result as one that was not killed. Hidden: work
folders left beside the output, and still there after the repeat.

{_HEADING}
|{"---|" * _HEADING.count(" |")}""")
    given = [str(options.folder), "--points", str(options.points), "--seed", str(options.seed)]
    given += ["--commands", options.commands] if options.commands else []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    runner = subprocess.Popen(
        [sys.executable, str(_RUNNER), *given], stdout=subprocess.PIPE, text=True, env=environment
    )
    whole = number = 0
    for number, line in enumerate(runner.stdout or (), start=1):
        row = json.loads(line)
        broken = row["found"] == "broken" or bool(row["strangers"] or row["orphans"])
        broken = broken or not row["is_expected"] or (row["signal"] != "KILL" and row["left_over"] > 0)
        whole += not broken and row["repeated"]
        print(
            f"| {number} | {row['command']} | {row['signal']} | {row['status']} | {row['orphans']} | "
            f"{row['seconds']:.2f} of {row['usual']:.2f} | "
            f"{_SINCE[row['since']]} | {row['draws']} | {row['opened']}, {row['renamed']} | "
            f"{'old' if row['old'] else 'none'} | {row['found']} | "
            f"{'**yes** ' + row['error'] if broken else 'no'} | "
            f"{'same' if row['repeated'] else '**other**'} | "
            f"{row['left_over']}, {row['left_after_repeat']} |",
            flush=True,
        )
    print(
        f"\n{whole} of {options.points} points hit a running command, left no broken file, and were "
        "repeated with the same result."
    )
    sys.exit(runner.wait() or whole < options.points)


if __name__ == "__main__":
    main()
