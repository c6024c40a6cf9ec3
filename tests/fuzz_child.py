"""Opens damaged copies of a recording, one after the other, and prints what came of each.

A program of its own, so that a crash or a hang is seen as such:
python fuzz_child.py {nwb,asdf} WHOLE DAMAGED...
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from nwbspikegen.errors import InputError


def read_nwb(path: Path) -> tuple[list[object], Counter[tuple[int, float]]]:
    """Return what tells one view from another, and every spike: its unit and its time."""
    from nwbspikegen import open_units

    units = open_units(path, bin_size=0.01, binary=False)
    counts = units.spikes.values
    spikes = {(unit, bin): int(counts[bin, unit]) for bin, unit in zip(*np.nonzero(counts), strict=True)}
    return [*units.time.values[[0, -1]].tolist(), *units.unit.values.tolist()], Counter(spikes)


def read_asdf(path: Path) -> tuple[list[object], Counter[tuple[int, float]]]:
    """Return the length of the recording, and every spike."""
    from nwbspikegen.sources import ASDFSorting

    sorting = ASDFSorting(path)
    trains = {unit: sorting.get_unit_spike_train(unit).tolist() for unit in sorting.unit_ids.tolist()}
    spikes = Counter((unit, frame) for unit, train in trains.items() for frame in train)
    return [*sorting.observation_interval, *trains], spikes


class _Warned(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def main(kind: str, whole: str, damaged: list[str]) -> None:
    """Print a JSON object per damaged file: error, same, one moved, warned or differs."""
    read = {"nwb": read_nwb, "asdf": read_asdf}[kind]
    expected = read(Path(whole))
    warned = _Warned()
    logging.getLogger("nwbspikegen").addHandler(warned)
    for path in damaged:
        warned.messages.clear()
        try:
            found = read(Path(path))
        except InputError as error:
            print(json.dumps({"path": path, "outcome": "error", "detail": str(error)}), flush=True)
            continue
        moved = sum(((found[1] - expected[1]) + (expected[1] - found[1])).values())
        if found[0] != expected[0] or moved > 2:
            outcome = "warned" if warned.messages else "differs"
        else:
            # one spike gone from its place and one come elsewhere is what a flipped bit of a time does
            outcome = "one moved" if moved else "same"
        print(json.dumps({"path": path, "outcome": outcome, "detail": warned.messages}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
