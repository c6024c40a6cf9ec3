"""Models that were made elsewhere, or at another time: read from addresses, told apart, and told of."""

from __future__ import annotations

import dataclasses
import json
import shutil
import warnings
from pathlib import Path

import fsspec
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from docs_blocks import read_blocks, read_commands
from fsspec.implementations.memory import MemoryFileSystem
from model_specs import BIN, make_model, make_spikes
from range_server import serve

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.commands.train import train_recordings
from nwbspikegen.core.errors import InputError
from nwbspikegen.simulation import metadata_of
from nwbspikegen.views import WindowOptions
from nwbspikegen.views.fingerprints import hash_spikes

_STORED = Path(__file__).parent / "stored"
# from schema 3 on those of cells have schemas of their own
_SCHEMAS = sorted(path.parent.name for path in _STORED.glob("*/spikes"))


def _rewrite(folder: Path, **changes: object) -> Path:
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


def _copy(schema: str, place: Path, kind: str = "spikes") -> Path:
    return Path(shutil.copytree(_STORED / schema / kind, place / kind))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder with two recordings and a model of one, scored on the other."""
    folder = tmp_path_factory.mktemp("trained")
    for name, seed in (("A", 1), ("B", 2)):
        simulation = nsg.simulate("in_vivo", num_units=4, duration=12, seed=seed)
        nsg.convert_sorting(simulation.sorting, folder / f"{name}.nwb", metadata=metadata_of(simulation))
    train_recordings(
        [folder / "A.nwb", folder / "B.nwb"],
        folder / "model",
        options=WindowOptions(),
        hold_out=[folder / "B.nwb"],
        epochs=1,
        license="CC-BY-4.0",
    )
    return folder


@pytest.fixture
def in_memory(trained):
    """Put the trained model where only fsspec finds it."""
    fsspec.filesystem("memory").put(f"{trained}/model/", "/far/model/", recursive=True)
    yield "memory://far/model"
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.mark.parametrize("schema", _SCHEMAS)
def test_models_of_earlier_versions_are_read(schema, tmp_path):
    model = nsg.load_model(_STORED / schema / "spikes")
    assert model.sha256.startswith("59be350b3a75f485")
    assert model.training["sources"][0]["unit_ids"] == [3, 5, 8, 13]
    assert model.begin(5, BIN).read(make_spikes(50, 5)).shape == (50, 5)
    model.save(tmp_path / "again")
    described = json.loads((tmp_path / "again" / "model.json").read_text())
    assert (described["schema_version"], described["package_version"]) == (2, nsg.__version__)
    assert described["data_fingerprint"] == model.data_fingerprint != ""
    assert nsg.load_model(tmp_path / "again").sha256 == model.sha256


def test_every_schema_is_kept():
    assert len(_SCHEMAS) == json.loads((_STORED / _SCHEMAS[-1] / "spikes" / "model.json").read_text()).get(
        "schema_version", 1
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"schema_version": 3, "package_version": "0.9.2", "loss": {"new": 1}},
            r"of schema 3, written by nwbspikegen 0\.9\.2; expected schema 2 at most, which nwbspikegen .* "
            r"reads; pip install 'nwbspikegen>=0\.9\.2', or train it again",
        ),
        (
            {"schema_version": 3},
            r"of schema 3, written by nwbspikegen \(a later one\); .*upgrade nwbspikegen",
        ),
        ({"schema_version": 0}, "whose schema_version is wrong"),
        ({"package_version": "1\n2"}, "whose package_version is wrong"),
        ({"format": "nwbspikegen-patchseq-1"}, "of format 'nwbspikegen-patchseq-1'; expected"),
        (
            {"package_version": "0.0.1", "parameters": {"breadth": 3}},
            r"parameter 'breadth' .*; nwbspikegen 0\.0\.1 wrote it, this is .*: pip install 'nwbsp",
        ),
        (
            {"package_version": "0.0.1", "parameters": {"width": 9}},
            r"of shape .* wrote it, this is .*: pip install 'nwbspikegen==0\.0\.1'",
        ),
        ({"parameters": {"width": 9}}, "of shape .*; train it again, or restore the folder$"),
        ({"data_fingerprint": "0" * 64}, "a record of training that differs from its fingerprint"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(changes, said, tmp_path):
    with pytest.raises(InputError, match=said):
        nsg.load_model(_rewrite(_copy("schema-1", tmp_path), **changes))


def test_a_record_of_training_that_was_changed_is_seen(trained, tmp_path):
    folder = Path(shutil.copytree(trained / "model", tmp_path / "model"))
    training = json.loads((folder / "model.json").read_text())["training"]
    training["sources"][0]["unit_ids"][0] += 1
    with pytest.raises(InputError, match="differs from its fingerprint"):
        nsg.load_model(_rewrite(folder, training=training))


def test_the_fingerprint_is_of_the_spikes(trained):
    model = nsg.load_model(trained / "model")
    units, parts = (lambda units: (units, nsg.split_fractions(units)))(nsg.open_units(trained / "A.nwb"))
    (source,) = model.training["sources"]
    assert source["spikes_sha256"] == hash_spikes(parts.train, parts.validation)
    # times and names are no part of it; a spike elsewhere is, and so is a bin that was not observed
    assert hash_spikes(
        parts.train.assign_coords(unit=list("abcd"), time=parts.train.time + 7)
    ) == hash_spikes(parts.train)
    other = parts.train.copy(deep=True).load()
    other.spikes.values[5, 2] ^= 1
    masked = parts.train.assign(observed=(("time", "unit"), np.arange(4) + 0 * other.spikes.values > 0))
    assert len({hash_spikes(each) for each in (parts.train, other, masked, units)}) == 4
    changed = {**model.training, "sources": [{**source, "spikes_sha256": "0" * 64}]}
    assert dataclasses.replace(model, training=changed).data_fingerprint != model.data_fingerprint


def _read_card(folder):
    text = (folder / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def _rows(body, title):
    part = body.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]


def test_the_card_says_what_is_known(trained):
    front, body = _read_card(trained / "model")
    assert front["library_name"] == "nwbspikegen"
    assert front["license"] == "cc-by-4.0"
    assert "nwb" in front["tags"]
    model = nsg.load_model(trained / "model")
    (row,) = _rows(body, "Trained on")
    assert row["recording"] == "A.nwb"
    assert (row["species"], row["preparation"]) == ("Mus musculus", "in_vivo")
    assert (row["units"], row["window (s)"]) == ("4", "0 to 9")
    assert (row["training (s)"], row["validation (s)"]) == ("0 to 6", "6 to 9")
    assert f"Fingerprint of the data: `{model.data_fingerprint}`" in body
    assert str(trained) not in body
    assert "epoch 1 of 1 was chosen" in body
    assert f"| bits_per_spike | {model.curves[0]['bits_per_spike']:.4g} |" in body
    assert model.scores[0]["recording"] == "B.nwb"
    found = {row["predictor"]: row for row in model.scores if row["null"] == "mean_rate"}
    assert {"in_context", "mean_rate", "running_rate"} <= set(found)
    assert found["in_context"]["value"] == model.training["held_out"]["B.nwb"]
    assert found["mean_rate"]["value"] == 0
    told = found["running_rate"]["value"]
    assert f"| B.nwb | from this model | running_rate | bits_per_spike | mean_rate | {told:.4g} |" in body
    assert "Of the model: CC-BY-4.0. Of the recordings: not stated" in body


def test_the_card_runs(trained, tmp_path, monkeypatch):
    """Its commands and its Python, with the folder where it says."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained / "model", "model")
    shutil.copy(trained / "B.nwb", "FILE.nwb")
    console, script = read_blocks(Path("model", "README.md"))
    _, command = read_commands(console)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = CliRunner().invoke(cli, command.words[1:])
    assert done.exit_code == 0, done.output
    assert nsg.read_scores("OUT.nwb").predictor.iloc[0] == "in_context"
    names = {}
    exec(script.text, names)
    assert names["model"].sha256 == nsg.load_model("model").sha256
    assert len(names["scores"])


def test_nothing_is_invented_and_nothing_is_markup(tmp_path):
    odd = "a|b\n## <script> [x](y)"
    records = ({}, {"sources": [{"file_name": odd, "unit_ids": 3, "window": [], "split": {"train": "all"}}]})
    for number, training in enumerate(records):
        model = dataclasses.replace(make_model("in_context"), training=training)
        model.save(tmp_path / f"{number} model")
        front, body = _read_card(tmp_path / f"{number} model")
        assert "license" not in front
        assert "Of the model: not stated." in body
        assert "Nothing was scored on bins that took no part" in body
        assert nsg.load_model(tmp_path / f"{number} model").data_fingerprint == model.data_fingerprint
    (row,) = _rows(body, "Trained on")
    assert row["recording"] == r"a\|b \#\# \<script\> \[x\](y)"
    assert {row[name] for name in row if name != "recording"} == {"not stated"}
    assert "generate '1 model' FILE.nwb" in body
    assert "\n## <script>" not in body


@pytest.mark.parametrize(
    ("given", "front"),
    [
        ("spdx:CC0-1.0", {"license": "cc0-1.0"}),
        ("of our lab: ask", {"license": "other", "license_name": "of our lab: ask"}),
    ],
)
def test_a_licence_is_as_its_owner_says(given, front, tmp_path):
    dataclasses.replace(make_model("in_context"), license=given).save(tmp_path / "model")
    found, _ = _read_card(tmp_path / "model")
    assert {name: found[name] for name in found if name.startswith("license")} == front
    assert nsg.load_model(tmp_path / "model").license == given
    with pytest.raises(InputError, match="found licence"):
        dataclasses.replace(make_model("in_context"), license="a\nb").save(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_scores_and_a_licence_may_be_given_when_saving(trained, tmp_path):
    model, units = nsg.load_model(trained / "model"), nsg.open_units(trained / "A.nwb")
    parts = nsg.split_fractions(units)
    scores = nsg.score(nsg.generate(model, parts.test, context=units), parts.test, train=parts.train)
    model.save(tmp_path / "model", scores=scores, license="mit")
    front, body = _read_card(tmp_path / "model")
    assert front["license"] == "mit"
    again = nsg.load_model(tmp_path / "model")
    assert [row["value"] for row in again.scores[:4]] == scores.value.tolist()[:4]
    assert len(again.scores) == len(scores)
    kept = scores[(scores.metric == "bits_per_spike") & (scores["null"] == "mean_rate")]
    told = kept.set_index("predictor").value["running_rate"]
    assert f"| running_rate | bits_per_spike | mean_rate | {told:.4g} |" in body


def test_a_model_of_few_units_says_so(tmp_path):
    make_model("shimono2026").save(tmp_path / "model")
    assert "It takes recordings of 6 units only." in _read_card(tmp_path / "model")[1]


def test_commands_take_addresses(in_memory, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(trained / "B.nwb", "B.nwb")
    before = sorted(MemoryFileSystem.store)

    def run(*arguments):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return CliRunner().invoke(cli, [str(word) for word in arguments])

    done = run("generate", in_memory, "B.nwb", "--out", "far.nwb")
    assert done.exit_code == 0, done.output
    predicted = nsg.read_spike_probability("far.nwb")
    units = nsg.open_units("B.nwb")
    here = nsg.generate(nsg.load_model(trained / "model"), nsg.split_fractions(units).test, context=units)
    np.testing.assert_array_equal(predicted.values, here.values)
    told = json.loads(run("info", in_memory, "--json").stdout)
    assert (told["kind"], told["sources"], told["license"]) == ("model", ["A.nwb"], "CC-BY-4.0")
    assert sorted(MemoryFileSystem.store) == before
    done = run("generate", "memory://nowhere", "B.nwb", "--out", "none.nwb")
    assert done.exit_code == 2
    assert "found no model.json at memory://nowhere" in done.stderr
    with serve(trained) as server:
        assert json.loads(run("info", f"{server.url}/model", "--json").stdout)["kind"] == "model"
        assert json.loads(run("info", f"{server.url}/B.nwb", "--json").stdout)["kind"] == "recording"
        assert nsg.load_model(f"{server.url}/model").sha256 == nsg.load_model(trained / "model").sha256


def test_a_damaged_model_elsewhere_is_refused(in_memory):
    system = fsspec.filesystem("memory")
    weights = bytearray(system.cat("/far/model/weights.safetensors"))
    weights[-1] ^= 1
    system.pipe("/far/model/weights.safetensors", bytes(weights))
    with pytest.raises(
        InputError, match="weights that differ from the recorded sha256 in memory://far/model;"
    ):
        nsg.load_model(in_memory)
    system.rm("/far/model/weights.safetensors")
    with pytest.raises(InputError, match=r"weights that do not fit \(.*No such file.* in memory://far/model"):
        nsg.load_model(in_memory)
