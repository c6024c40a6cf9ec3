"""A run that was interrupted goes on from a whole state of its own, and from nothing else."""

from __future__ import annotations

import io
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from populations import small_split

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError

_TINY = {"model": "shimono2026", "num_heads": 2, "feedforward": 8, "num_bins": 200, "progress": False}


def _train(epochs: int, **changes: object) -> nsg.FittedModel:
    parts = small_split(duration=16.0)
    return nsg.train(parts.train, parts.validation, epochs=epochs, **{**_TINY, **changes})


@pytest.fixture(scope="module")
def state(tmp_path_factory) -> Path:
    """Return the folder of a run that was trained for two epochs."""
    folder = tmp_path_factory.mktemp("state")
    _train(2, checkpoints=folder)
    return folder


@pytest.fixture(scope="module")
def fresh() -> nsg.FittedModel:
    return _train(3)


def _flip(path: Path) -> None:
    """Change one bit of the largest array: no length and no name differs."""
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
    held = bytearray(path.read_bytes())
    # behind the header of 30 bytes, a name and a filling
    name_and_filling = sum(struct.unpack_from("<HH", held, largest.header_offset + 26))
    held[largest.header_offset + 30 + name_and_filling + largest.file_size // 2] ^= 1
    path.write_bytes(held)


def _pickle_foreign(path: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": {}, "own": Fraction(1, 3)}))


def _arrays() -> bytes:
    held = io.BytesIO()
    np.savez(held, weights=np.ones(3))
    return held.getvalue()


_DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-2000]),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "flipped": _flip,
    "text": lambda path: path.write_text("weights: none\n"),
    "arrays": lambda path: path.write_bytes(_arrays()),
    "pickle": _pickle_foreign,
    "foreign class": lambda path: torch.save({"run": Fraction(1, 3)}, path),
    "old torch": lambda path: torch.save({"x": torch.ones(3)}, path, _use_new_zipfile_serialization=False),
}


@pytest.mark.parametrize("damage", _DAMAGE)
def test_a_damaged_state_is_told_and_the_run_starts_again(state, fresh, tmp_path, caplog, damage):
    folder = shutil.copytree(state, tmp_path / "run")
    _DAMAGE[damage](folder / "last.ckpt")
    model = _train(3, checkpoints=folder)
    assert "the run starts again" in caplog.text
    assert "last.ckpt" in caplog.text
    assert "weights_only" not in caplog.text
    assert (model.sha256, model.curves) == (fresh.sha256, fresh.curves)


@pytest.mark.parametrize("damage", [_flip, lambda path: path.unlink()])
def test_a_run_whose_best_epoch_is_lost_starts_again(
    state, fresh, tmp_path, caplog, damage: Callable[[Path], None]
):
    folder = shutil.copytree(state, tmp_path / "run")
    damage(folder / "best.ckpt")
    assert _train(3, checkpoints=folder).sha256 == fresh.sha256
    assert "best.ckpt" in caplog.text


def test_a_whole_state_goes_on(tmp_path, caplog):
    before = _train(2, checkpoints=tmp_path)
    model = _train(3, checkpoints=tmp_path)
    assert "the run starts again" not in caplog.text
    assert len(model.curves) == 3
    assert model.curves[:2] == before.curves


def test_a_state_that_was_moved_starts_again(state, fresh, tmp_path, caplog):
    folder = shutil.copytree(state, tmp_path / "run")
    assert _train(3, checkpoints=folder).sha256 == fresh.sha256
    assert f"was written in {state}: the run starts again" in caplog.text


@pytest.mark.parametrize(
    "changes",
    [
        {"feedforward": 16},
        {"dropout": 0.3},
        {"loss": "focal"},
        {"learning_rate": 1e-4},
        {"seed": 3},
        {"model": "in_context", "num_heads": None, "feedforward": None, "num_bins": None},
    ],
)
def test_the_state_of_another_run_is_not_overwritten(state, tmp_path, changes):
    folder = shutil.copytree(state, tmp_path / "run")
    before = (folder / "last.ckpt").read_bytes()
    given = {key: value for key, value in {**_TINY, **changes}.items() if value is not None}
    parts = small_split(duration=16.0)
    with pytest.raises(InputError, match="the state of another run"):
        nsg.train(parts.train, parts.validation, epochs=3, checkpoints=folder, **given)
    torch.save({"state_dict": {}, "note": "of another program"}, folder / "last.ckpt")
    with pytest.raises(InputError, match="the state of another run"):
        _train(3, checkpoints=folder)
    (folder / "last.ckpt").write_bytes(before)
    other = nsg.split_fractions(parts.train)
    with pytest.raises(InputError, match="the state of another run"):
        nsg.train(other.train, other.validation, epochs=3, checkpoints=folder, **_TINY)
