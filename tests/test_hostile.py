"""Files that were made to do harm: refused in one clear line, before memory or other files are touched."""

from __future__ import annotations

import io
import json
import pickle
import resource
import shutil
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from fuzz_inputs import copy_whole
from fuzz_readers import READERS

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.json_files import read_json
from nwbspikegen.core.npz_files import read_npz
from nwbspikegen.core.yaml_files import read_yaml
from nwbspikegen.explain.nwb import read_attention
from nwbspikegen.formats.ibl.sorting import ALFSorting
from nwbspikegen.models.fitted import load_model
from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.features.files import read_features
from nwbspikegen.prediction.nwb_reading import read_spike_probability
from nwbspikegen.scoring.baselines.storage import read_weights
from nwbspikegen.transfer.cell_files import cell_file
from nwbspikegen.transfer.study import TransferStudy
from nwbspikegen.views.opening import open_units

_ALLOW = "NWBSPIKEGEN_ALLOW_EXTERNAL_LINKS"


class _Harm:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (Path.touch, (Path("harm-was-done"),))


@pytest.fixture
def nwb(tmp_path: Path) -> Path:
    return copy_whole("nwb", tmp_path)


def _refuse(read: Callable[[], object], match: str = "found") -> None:
    """The reader says no within seconds, and takes little memory for it."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(InputError, match=match) as caught:
        read()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2000
    assert time.process_time() - began < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500 * 1024
    assert not Path("harm-was-done").exists()


def _replace(path: Path, name: str, **kwargs: object) -> None:
    with h5py.File(path, "a") as file:
        attributes = dict(file[name].attrs)
        del file[name]
        file.create_dataset(name, **kwargs).attrs.update(attributes)


def test_spikes_that_no_file_can_hold_are_not_allocated(nwb):
    _replace(nwb, "units/spike_times", shape=(10**12,), dtype="f8", chunks=(10**6,))
    _replace(nwb, "units/spike_times_index", data=np.array([*range(5), 10**12]))
    _refuse(lambda: open_units(nwb, bin_size=0.01).spikes.values, "spike_times")


@pytest.mark.parametrize("name", ["id", "spike_times_index", "obs_intervals"])
def test_units_that_no_file_can_hold_are_not_allocated(nwb, name):
    shape = (10**12, 2) if name == "obs_intervals" else (10**12,)
    _replace(nwb, f"units/{name}", shape=shape, dtype="u8", chunks=(10**5, *shape[1:]))
    _refuse(lambda: open_units(nwb), "index|intervals")


def test_results_that_no_file_can_hold_are_not_allocated(tmp_path):
    path = copy_whole("results", tmp_path)
    _replace(
        path,
        "processing/spike_generation/spike_probability/data",
        shape=(10**9, 10**4),
        dtype="f4",
        chunks=(10**3, 10**3),
    )
    _refuse(lambda: read_spike_probability(path), "data")
    path = copy_whole("attention", tmp_path)
    _replace(
        path,
        "processing/attention/attention/values",
        shape=(10**6, 10**6, 10**6),
        dtype="f4",
        chunks=(10, 100, 100),
    )
    _refuse(lambda: read_attention(path), "values")


def test_one_text_that_is_named_often_does_not_fill_memory(nwb):
    with h5py.File(nwb, "a") as file:
        file["general/lab2"] = ["y" * 1_000_000] + ["y"] * 3999
        place = file["general/lab2"].id.get_offset()
        file["general"].move("lab", "old")
        file["general"].move("lab2", "lab")
    content = bytearray(nwb.read_bytes())
    # a megabyte that four thousand rows point to
    content[place : place + 64_000] = content[place : place + 16] * 4000
    nwb.write_bytes(content)
    _refuse(lambda: open_units(nwb), "letters")


@pytest.mark.parametrize("kind", ["link", "storage", "virtual"])
def test_files_that_read_from_others_are_refused_unless_allowed(nwb, tmp_path, monkeypatch, kind):
    other = tmp_path / "other.h5"
    with h5py.File(nwb, "a") as file, h5py.File(other, "w") as secret:
        values = file["units/id"][:]
        secret["id"] = values
        raw = tmp_path / "raw.bin"
        raw.write_bytes(values.astype("<i8").tobytes())
        del file["units/id"]
        if kind == "link":
            file["units/id"] = h5py.ExternalLink(str(other), "/id")
        elif kind == "storage":
            file["units"].create_dataset("id", shape=(6,), dtype="<i8", external=[(str(raw), 0, 48)])
        else:
            layout = h5py.VirtualLayout((6,), "i8")
            layout[:] = h5py.VirtualSource(str(other), "id", (6,))
            file["units"].create_virtual_dataset("id", layout)
    _refuse(lambda: open_units(nwb), "reads from no other")
    monkeypatch.setenv(_ALLOW, "1")
    assert open_units(nwb).unit.values.tolist() == values.tolist()


def test_groups_that_hold_themselves_are_read_once(nwb):
    with h5py.File(nwb, "a") as file:
        expected = file["units/id"][:].tolist()
        file["processing/again"] = file["processing"]
        file["units/round"] = file["/"]
        file["processing/soft"] = h5py.SoftLink("/processing/soft")
        file["general/dangling"] = h5py.SoftLink("/nowhere")
    assert open_units(nwb).unit.values.tolist() == expected
    _refuse(lambda: open_units(nwb, interval="nothing"), "nothing|links")


def test_large_attributes_are_refused_in_a_line(nwb):
    with h5py.File(nwb, "a") as file:
        file["units"].attrs["colnames"] = ["x" * 50_000_000]
    _refuse(lambda: open_units(nwb), "without")


def _write_pickle(path: Path) -> None:
    harm = np.empty(1, dtype=object)
    harm[0] = _Harm()
    if path.suffix == ".npy":
        np.save(path, harm, allow_pickle=True)
    else:
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
        np.savez(path, **dict.fromkeys(arrays, harm))


def test_pickles_are_never_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    baseline, features = copy_whole("baseline", tmp_path), copy_whole("features", tmp_path)
    model, cells = copy_whole("cell_model", tmp_path), copy_whole("alf", tmp_path)
    for archive in (baseline / "weights.npz", features / "families.npz", model / "arrays.npz"):
        _write_pickle(archive)
    session = next(cells.glob("*/Subjects/*/*/*"))
    _write_pickle(next(session.rglob("spikes.times.npy")))
    _refuse(lambda: read_weights(baseline, "glm"))
    _refuse(lambda: read_features(features))
    _refuse(lambda: CellModel.load(model))
    _refuse(lambda: ALFSorting(session))
    for folder in (copy_whole("model", tmp_path), tmp_path / "study"):
        folder.mkdir(exist_ok=True)
        for name in ("weights.safetensors", "model.json", "study.json"):
            (folder / name).write_bytes(pickle.dumps(_Harm()))
    _refuse(lambda: load_model(tmp_path / "model"))
    _refuse(lambda: TransferStudy(tmp_path / "study"))


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_archives_neither_leave_their_folder_nor_fill_memory(tmp_path):
    small = _npy(np.zeros(3))
    outside = _zip(tmp_path / "outside.npz", {"../../outside.npy": small, "/etc/harm.npy": small})
    assert list(read_npz(outside)) == ["../../outside", "/etc/harm"]
    assert [path.name for path in tmp_path.iterdir()] == ["outside.npz"]
    bomb = _zip(tmp_path / "bomb.npz", {f"a{number}.npy": bytes(2**26) for number in range(20)})
    assert bomb.stat().st_size < 2**21
    _refuse(lambda: read_npz(bomb), "at most")
    lie = small.replace(b"(3,)", b"(9,)")
    huge = small.replace(b"(3,), }            ", b"(9999999999999,), }")
    for content in (lie, huge, small + b"more", b"no array"):
        path = _zip(tmp_path / "lie.npz", {"a.npy": content})
        _refuse(lambda path=path: read_npz(path))
    _refuse(lambda: read_npz(_zip(tmp_path / "code.npz", {"a.npy": small, "harm.py": b"import os"})))
    whole = _zip(tmp_path / "whole.npz", {"a.npy": small}).read_bytes()
    for changed in (b"MZ" + whole, whole + b"more", whole[:-1], whole.replace(b"a.npy", b"b.npy", 1)):
        (tmp_path / "whole.npz").write_bytes(changed)
        _refuse(lambda: read_npz(tmp_path / "whole.npz"))


def test_a_study_stays_in_its_folder(tmp_path):
    folder = copy_whole("study", tmp_path)
    stored = json.loads((folder / "study.json").read_text())
    for change in ({"models": ["../../harm"]}, {"models": ["/etc"]}, {"mixtures": [["../ab"]]}):
        (folder / "study.json").write_text(json.dumps(stored | change))
        _refuse(lambda: TransferStudy(folder), "study")
    for name in ("../../harm", "/etc/harm", "..", "a\x00b"):
        stored["sessions"][0]["name"] = name
        (folder / "study.json").write_text(json.dumps(stored))
        study = TransferStudy(folder)
        places = [cell_file(study.folder, study.plan, cell) for cell in study.plan.cells()]
        assert all(place.resolve().is_relative_to(study.folder) for place in places)
        assert all("\x00" not in str(place) for place in places)


@pytest.mark.parametrize(
    "key", ["sessions", "models", "options", "training", "seed", "resamples", "mixtures"]
)
@pytest.mark.parametrize("value", [None, 5, "text", [[]], {"a": 1}, float("nan"), -1])
def test_a_study_of_other_kinds_is_refused_or_read(tmp_path, key, value):
    folder = copy_whole("study", tmp_path)
    stored = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps(stored | {key: value}))
    try:
        study = TransferStudy(folder)
    except InputError:
        return
    assert getattr(study.plan, key) is not None


def test_links_that_go_round_end(tmp_path):
    for name, read in (("model", load_model), ("study", TransferStudy), ("cell_model", CellModel.load)):
        folder = copy_whole(name, tmp_path)
        for path in folder.glob("*.json"):
            path.unlink()
            path.symlink_to(path)
        _refuse(lambda read=read, folder=folder: read(folder))
    cells = copy_whole("alf", tmp_path)
    session = next(cells.glob("*/Subjects/*/*/*"))
    (session / "alf" / "round").symlink_to(session, target_is_directory=True)
    assert len(ALFSorting(session).unit_ids) == 4
    # a link out of the folder of a model is none of its files
    folder = copy_whole("model", tmp_path / "alf")
    shutil.move(folder / "weights.safetensors", tmp_path / "weights")
    (folder / "weights.safetensors").symlink_to(tmp_path / "weights")
    _refuse(lambda: load_model(folder), "leads out")


def test_nesting_and_aliases_end(tmp_path):
    path = tmp_path / "a.yaml"
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    for content in (
        "\n".join(lines),
        "[" * 50_000,
        "a: &a [*a]",
        "x: !!python/object/apply:os.system [ls]",
        "when: 2021-40-40",
        "- " * 3000,
    ):
        path.write_text(content)
        _refuse(lambda: read_yaml(path))
    deep = '{"a":' * 100_000
    for name, file, read in (
        ("model", "model.json", load_model),
        ("study", "study.json", TransferStudy),
        ("features", "features.json", read_features),
        ("cell_model", "model.json", CellModel.load),
    ):
        folder = copy_whole(name, tmp_path)
        for content in (deep, "[" * 100_000, "", "null", "3", '"text"', "[]", "{}", "\ufeff{}"):
            (folder / file).write_text(content)
            _refuse(lambda read=read, folder=folder: read(folder))
    (tmp_path / "a.json").write_text('{"a": NaN}')
    assert np.isnan(read_json(tmp_path / "a.json", "", "")["a"])


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"[]",
        b'{"a": 3}',
        b'{"w": {"dtype": "F32", "shape": [1000000, 1000000], "data_offsets": [0, 4000000000000]}}',
        b'{"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 4]}}',
        b'{"w": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}',
        b'{"w": {"dtype": "F32", "shape": [1], "data_offsets": [8, 4]}}',
    ],
)
@pytest.mark.parametrize("length", [None, 2**60, 2**31])
def test_headers_of_weights_that_lie_are_refused(tmp_path, header, length):
    folder = copy_whole("model", tmp_path)
    size = len(header) if length is None else length
    (folder / "weights.safetensors").write_bytes(struct.pack("<Q", size) + header + bytes(16))
    _refuse(lambda: load_model(folder))


@pytest.mark.parametrize("change", [{"parameters": {"depth": 10**9}}, {"parameters": {"width": 10**9}}])
def test_networks_that_no_memory_holds_are_not_built(tmp_path, change):
    folder = copy_whole("model", tmp_path)
    stored = json.loads((folder / "model.json").read_text())
    parameters = stored["parameters"] | change.get("parameters", {})
    (folder / "model.json").write_text(json.dumps({**stored, **change, "parameters": parameters}))
    _refuse(lambda: load_model(folder))


def test_trees_that_go_round_are_refused(tmp_path):
    folder = copy_whole("cell_model", tmp_path)
    arrays = read_npz(folder / "arrays.npz")
    for name, value in (("left", 0), ("right", 10**6), ("feature", 99), ("root", -5)):
        changed = {key: array.copy() for key, array in arrays.items()}
        changed[f"forest/{name}"][0] = value
        np.savez(folder / "arrays.npz", **changed)
        _refuse(lambda: CellModel.load(folder), "no trees")


def test_every_reader_refuses_what_is_empty_or_something_else(tmp_path):
    """An empty file, noise, a text and a picture in the place of each file of each whole input."""
    noise = np.random.default_rng(0).bytes(3000)
    contents = (b"", noise, b"\x89HDF\r\n\x1a\n" + noise, b"PK\x03\x04" + noise, b"PAR1" + noise + b"PAR1")
    from fuzz_readers import Refused

    for name in (
        "nwb",
        "icephys",
        "study_file",
        "baseline",
        "study",
        "features",
        "cell_model",
        "spykingcircus",
    ):
        whole = copy_whole(name, tmp_path)
        files = [whole] if whole.is_file() else sorted(path for path in whole.rglob("*") if path.is_file())
        for path in files[:4]:
            before = path.read_bytes()
            for content in contents:
                path.write_bytes(content)
                try:
                    READERS[name].read(whole)
                except (InputError, Refused):
                    continue
                # what is not needed may be anything: a probe file, parameters, other results
                assert name == "spykingcircus", (name, path)
            path.write_bytes(before)
