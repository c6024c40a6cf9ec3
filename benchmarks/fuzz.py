"""Damages inputs of every reader in thousands of ways and counts what came of each.

python benchmarks/fuzz.py [--per-reader 10000] [--readers nwb,asdf] [--seconds 20] [--first 0]

Inputs are made from their number, so that one that failed can be made again: --first NUMBER --per-reader 1.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fuzz_inputs import BAD, OUTCOMES, fuzz_readers
from fuzz_readers import READERS


def main() -> None:
    """Print a table, a line per reader as soon as it is done, then what should not have been."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-reader", type=int, default=10_000)
    parser.add_argument("--readers", default=",".join(READERS))
    parser.add_argument("--seconds", type=float, default=20.0, help="an input that takes longer hangs")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--told", type=Path, help="write all that was neither refused nor the same here")
    options = parser.parse_args()
    columns = ["reader", "inputs", *OUTCOMES, "CPU (s)"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    told: list[tuple[str, dict[str, Any]]] = []
    numbers = range(options.first, options.first + options.per_reader)
    for name in options.readers.split(","):
        began = _processor_time()
        counts: Counter[str] = Counter()
        for _, outcome in fuzz_readers({name: numbers}, seconds=options.seconds):
            counts[outcome["outcome"]] += 1
            if outcome["outcome"] not in ("refused", "same"):
                told.append((name, outcome))
        cells = [name, counts.total(), *(counts[kind] for kind in OUTCOMES)]
        print(f"| {' | '.join(map(str, cells))} | {_processor_time() - began:.0f} |", flush=True)
        if options.told:
            options.told.write_text("\n".join(json.dumps([name, each]) for name, each in told))
    bad = [(name, outcome) for name, outcome in told if outcome["outcome"] in BAD]
    print(f"\n{len(bad)} inputs ended as none may ({', '.join(BAD)}).")
    for name, outcome in bad:
        print(f"- {name}: {outcome}")
    print(f"\nPython {platform.python_version()}, {platform.machine()}, one core.")
    _list_names(told)


def _processor_time() -> float:
    """Return what the processes that read have taken so far (s)."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _list_names(told: list[tuple[str, dict[str, Any]]]) -> None:
    """Print which readings differed because a name did."""
    names = Counter((name, one["detail"][:80]) for name, one in told if one["outcome"] == "name")
    if names:
        print("\n| reader | what a changed name changed | inputs |\n|---|---|---|")
    for (name, detail), number in sorted(names.items()):
        print(f"| {name} | {detail} | {number} |")


if __name__ == "__main__":
    main()
