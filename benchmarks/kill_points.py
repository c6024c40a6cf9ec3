"""Commands killed with SIGKILL at random moments, and what they leave.

Each point starts a command in a process of its own and kills it: at a moment drawn from its whole
duration, or, for about half of the points, from the time after it began to write. Prints Markdown:

    python benchmarks/kill_points.py --folder /tmp/kill_points > docs/benchmarks/kill_points.md
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

_RUNNER = Path(__file__).resolve().parents[1] / "tests" / "kill_runner.py"


def main() -> None:
    """Run the points in another process and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="Empty or absent; inputs go there.")
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"""# Commands killed at random moments

`python benchmarks/kill_points.py --points {options.points} --seed {options.seed}`, {date.today()},
{os.cpu_count()} cores ({platform.machine()}, {platform.system()}). SIGKILL to `convert`, `generate` and
`transfer` (in one process) on simulated recordings of 4 units and 20 s, and an ASDF file of 50 units. The
moment is drawn from the duration of the command, or from the time after its first write. Left: what carries
the output's name afterwards, read whole and compared with what an uninterrupted run writes. Repeated: whether
the same command then gives the same result as one that was not killed. Hidden: work folders left, and still
there after the repeat.

| | command | killed after (s) | from | output before | left | broken | repeated | hidden |
|---|---|---|---|---|---|---|---|---|""")
    given = [str(options.folder), "--points", str(options.points), "--seed", str(options.seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    runner = subprocess.Popen(
        [sys.executable, str(_RUNNER), *given], stdout=subprocess.PIPE, text=True, env=environment
    )
    whole = number = 0
    for number, line in enumerate(runner.stdout or (), start=1):
        row = json.loads(line)
        broken = row["found"] == "broken" or bool(row["strangers"])
        whole += not broken and row["repeated"]
        print(
            f"| {number} | {row['command']} | {row['wait']:.2f}{'' if row['killed'] else ' (done before)'} | "
            f"{'first write' if row['while_writing'] else 'start'} | {'old' if row['old'] else 'none'} | "
            f"{row['found']} | {'**yes** ' + row['error'] if broken else 'no'} | "
            f"{'same' if row['repeated'] else '**other**'} | "
            f"{row['left_over']}, {row['left_after_repeat']} |",
            flush=True,
        )
    print(f"\n{whole} of {number} points left no broken file and were repeated with the same result.")
    sys.exit(runner.wait() or whole < number)


if __name__ == "__main__":
    main()
