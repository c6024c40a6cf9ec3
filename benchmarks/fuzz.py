"""Damages inputs of every reader in thousands of ways and counts what came of each.

python benchmarks/fuzz.py [--per-reader 10000] [--readers nwb,asdf] [--seconds 60] [--first 0]

Inputs are made from their number, so that one that failed can be made again: --first NUMBER --per-reader 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fuzz_inputs import BAD, OUTCOMES, fuzz_reader
from fuzz_readers import READERS


def main() -> None:
    """Print a table, a line per reader as soon as it is done, then what should not have been."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-reader", type=int, default=10_000)
    parser.add_argument("--readers", default=",".join(READERS))
    parser.add_argument("--seconds", type=float, default=60.0, help="an input that takes longer hangs")
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    columns = ["reader", "inputs", *OUTCOMES, "time (s)"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    failures = []
    for name in options.readers.split(","):
        began = time.perf_counter()
        counts, bad = fuzz_reader(name, options.per_reader, seconds=options.seconds, first=options.first)
        failures += [(name, outcome) for outcome in bad]
        cells = [name, counts.total(), *(counts[kind] for kind in OUTCOMES)]
        print(f"| {' | '.join(map(str, cells))} | {time.perf_counter() - began:.0f} |", flush=True)
    for name, outcome in failures:
        print(f"- {name}: {outcome}")
    print(f"\n{len(failures)} inputs ended as none may ({', '.join(BAD)}).")


if __name__ == "__main__":
    main()
