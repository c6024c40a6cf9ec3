"""Reads damaged copies of a file, in a process of its own since the HDF5 library can abort.

python hdf5_damage.py FILE CLASS SOURCE SEED TRIALS
"""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from nwbspikegen import formats
from nwbspikegen.core.errors import InputError


def count_outcomes(file: Path, source: Path, name: str, *, seed: int, trials: int) -> Counter[str]:
    """Return how many damaged copies of `file` were refused and read, with class `name` opening `source`."""
    command = [sys.executable, __file__, str(file), name, str(source), str(seed), str(trials)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return Counter(run.stdout.split())


def _read_damaged(file: Path, name: str, source: Path, seed: int, trials: int) -> None:
    whole = np.frombuffer(file.read_bytes(), np.uint8)
    rng = np.random.default_rng(seed)
    # bytes that are not zero are what readers go by
    used = np.flatnonzero(whole)
    for trial in range(trials):
        damaged = whole.copy()
        place = rng.choice(used) if trial % 2 else rng.integers(len(whole))
        damaged[place] ^= np.uint8(1 << rng.integers(8))
        kept = len(whole) if trial % 5 else rng.integers(len(whole))
        file.write_bytes(damaged[:kept].tobytes())
        try:
            sorting = getattr(formats, name)(source)
        except InputError:
            print("refused")
            continue
        start, stop = sorting.observation_interval or (0.0, np.inf)
        for unit in sorting.unit_ids:
            times = sorting.get_unit_spike_train_in_seconds(unit)
            assert ((start <= times) & (times < stop)).all()
            assert (np.diff(times) >= 0).all()
        print("read")


if __name__ == "__main__":
    logging.disable()
    warnings.simplefilter("error")
    _read_damaged(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
