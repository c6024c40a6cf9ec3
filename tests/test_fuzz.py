"""Damaged files: a clear error or the right answer, never a crash, a hang or another recording.

Neither HDF5 nor uncompressed MATLAB files have checksums: a bit that flips in a stored time is another
time, and nothing in the file tells. Damage to anything else must be seen. MaxWell, SpyKING CIRCUS and
ALF files have such tests beside their sources.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from nwb_sources import write_source
from test_sources_asdf import write_asdf

_HARMLESS = {"error", "same", "one moved", "warned"}


def _damage(whole: Path, number: int, seed: int) -> dict[str, int | None]:
    """Write damaged copies; a third are cut, in the others one bit is flipped, in the byte returned."""
    rng = np.random.default_rng(seed)
    content = whole.read_bytes()
    copies: dict[str, int | None] = {}
    for copy in range(number):
        damaged, place = bytearray(content), int(rng.integers(0, len(content)))
        if copy % 3:
            damaged[place] ^= 1 << int(rng.integers(8))
        else:
            damaged = damaged[:place]
        path = whole.with_name(f"damaged{copy}{whole.suffix}")
        path.write_bytes(damaged)
        copies[str(path)] = place if copy % 3 else None
    return copies


def _open_all(kind: str, whole: Path, copies: dict[str, int | None]) -> list[dict[str, str]]:
    child = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("fuzz_child.py")), kind, str(whole), *copies],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    outcomes = [json.loads(line) for line in child.stdout.splitlines()]
    stopped_at = list(copies)[len(outcomes)] if len(outcomes) < len(copies) else ""
    assert child.returncode == 0, f"{stopped_at}: {child.stderr[-2000:]}"
    assert [outcome["path"] for outcome in outcomes] == list(copies)
    return outcomes


def _find_payload(path: Path, names: tuple[str, ...]) -> set[int]:
    """Return the bytes of a file that are the values of some columns."""
    places: set[int] = set()
    with h5py.File(path) as file:
        for name in names:
            dataset = file["units"][name].id
            chunks = [dataset.get_chunk_info(chunk) for chunk in range(dataset.get_num_chunks())]
            for chunk in chunks:
                places.update(range(chunk.byte_offset, chunk.byte_offset + chunk.size))
    return places


@pytest.mark.parametrize("seed", [0, 1])
def test_nwb(tmp_path, seed):
    whole = write_source(tmp_path / "whole.nwb", seconds=20.0)
    values = _find_payload(whole, ("id", "obs_intervals", "spike_times_index"))
    copies = _damage(whole, 600, seed)
    outcomes = _open_all("nwb", whole, copies)
    unseen = [o for o in outcomes if o["outcome"] not in _HARMLESS and copies[o["path"]] not in values]
    assert not unseen
    assert sum(o["outcome"] == "error" for o in outcomes) > 150


@pytest.mark.parametrize("compressed", [False, True])
def test_asdf(tmp_path, compressed):
    rng = np.random.default_rng(1)
    trains = [np.sort(rng.choice(900, 50, replace=False)) + 1 for _ in range(4)]
    whole = write_asdf(
        tmp_path / "whole.mat", trains, size=(4, 1000), dtype=np.int32, do_compression=compressed
    )
    copies = _damage(whole, 30, seed=2)
    outcomes = {o["path"]: o["outcome"] for o in _open_all("asdf", whole, copies)}
    # a compressed variable has a checksum
    allowed = {"error", "same"} if compressed else _HARMLESS
    assert set(outcomes.values()) <= allowed
    assert all(outcomes[path] in ("error", "same") for path, place in copies.items() if place is None)
    assert sum(outcome == "error" for outcome in outcomes.values()) > 10
