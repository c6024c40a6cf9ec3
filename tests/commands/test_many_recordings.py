"""Many recordings by one name, one model for all of them, and a manifest that says how far each has come."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from click.testing import CliRunner

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.commands.generate_many import name_outputs
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.recordings import find_recordings, stands_for_many
from nwbspikegen.prediction.nwb_reading import read_scores
from nwbspikegen.simulation import metadata_of

_WINDOW = ("--duration", "16", "--epochs", "1")
_HOW = ("--baselines", "none", "--workers", "1")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder of three recordings, one of them further down, a broken file, and a model of the first."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "late").mkdir()
    for seed, name in enumerate(("a", "b", "late/a")):
        simulation = nsg.simulate("in_vivo", num_units=4 + seed, duration=16, seed=seed)
        metadata = metadata_of(simulation)
        metadata["Subject"]["subject_id"] = f"s{seed}"
        nsg.convert_sorting(simulation.sorting, folder / f"{name}.nwb", metadata=metadata)
    (folder / "c.nwb").write_text("no recording")
    assert _run("train", folder / "a.nwb", "--out", folder / "model", *_WINDOW).exit_code == 0
    return folder


def _run(*arguments: object):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def test_folders_patterns_and_lists_stand_for_recordings(lab, tmp_path):
    names = ["a.nwb", "b.nwb", "c.nwb", "late/a.nwb"]
    assert find_recordings([lab]) == [lab / name for name in names]
    assert find_recordings([lab / "[ab].nwb", lab / "b.nwb"]) == [lab / "a.nwb", lab / "b.nwb"]
    listed = lab / "some.txt"
    listed.write_text("# of two days\nb.nwb\n\nlate\nhttps://a.org/d.nwb\n")
    assert find_recordings([listed]) == [lab / "b.nwb", lab / "late/a.nwb", "https://a.org/d.nwb"]
    assert [stands_for_many([each]) for each in (lab, lab / "*.nwb", listed, lab / "a.nwb")] == [True] * 3 + [
        False
    ]
    (tmp_path / "empty.txt").write_text("\n# nothing\n")
    (tmp_path / "lists.txt").write_text("empty.txt\n")
    for place, message in (
        (tmp_path, "no recording in"),
        (tmp_path / "*.nwb", "no recording in"),
        (tmp_path / "empty.txt", "no line in"),
        (tmp_path / "lists.txt", "the list empty.txt in"),
        (tmp_path / "none.txt", "no file at"),
    ):
        with pytest.raises(InputError, match=message):
            find_recordings([place])


def test_names_of_outputs_are_one_of_each():
    recordings = ["/l/sub-1/sub-1_ses-2_ecephys.nwb", "/l/p1/w.nwb", "/l/p2/w.nwb", "/m/p2/w.nwb.zarr"]
    assert name_outputs(recordings) == [
        "sub-1/sub-1_ses-2_desc-spikegen_ecephys.nwb",
        *("w_desc-spikegen.nwb", "p2-w_desc-spikegen.nwb", "w-2_desc-spikegen.nwb"),
    ]
    # what another recording has had keeps its name
    assert name_outputs(recordings[1:3], {recordings[2]: "w_desc-spikegen.nwb"}) == [
        "p1-w_desc-spikegen.nwb",
        "w_desc-spikegen.nwb",
    ]


def test_one_that_fails_stops_no_other_and_the_same_command_goes_on(lab, tmp_path):
    out = tmp_path / "predicted"
    command = ("generate", lab / "model", lab, "--out", out, *_HOW, "--json")
    result = _run(*command)
    assert result.exit_code == 2
    assert "found 1 of 4 recordings that could not be predicted" in result.stderr
    assert "c.nwb" in result.stderr.replace("\n", "")
    rows = json.loads(result.stdout)["recordings"]
    assert [row["status"] for row in rows] == ["done", "done", "failed", "done"]
    table = pd.read_csv(out / "study.csv")
    written = table[table.status == "done"]
    assert written.path.tolist() == [
        *("a_desc-spikegen.nwb", "b_desc-spikegen.nwb", "late-a_desc-spikegen.nwb"),
    ]
    assert written.num_units.tolist() == [4, 5, 6]
    assert written.duration.tolist() == [4.0] * 3
    # the manifest has what each file has
    for row in written.itertuples():
        scores = read_scores(out / row.path).set_index(["predictor", "metric", "null"]).value
        bits = scores["in_context", "bits_per_spike", "mean_rate"]
        assert row.bits_per_spike == pytest.approx(bits, rel=1e-9)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.nwb")}
    # the broken one is mended: only it is made
    lab.joinpath("c.nwb").write_bytes(lab.joinpath("b.nwb").read_bytes())
    try:
        again = _run(*command)
    finally:
        lab.joinpath("c.nwb").write_text("no recording")
    assert again.exit_code == 0, again.stderr
    assert pd.read_csv(out / "study.csv").status.tolist() == ["done"] * 4
    after = {path: path.stat().st_mtime_ns for path in out.glob("*.nwb")}
    assert {path: after[path] for path in before} == before
    assert len(after) == 4
    # results are no recordings, and others are not replaced unless asked for
    with pytest.raises(InputError, match="no recording in"):
        find_recordings([out])
    other = _run(*command, "--context", "cold")
    assert (other.exit_code, "already exists" in other.stderr or "--overwrite" in other.stderr) == (2, True)


def test_options_of_one_and_of_many(lab, tmp_path):
    model, one = lab / "model", lab / "b.nwb"
    for arguments, message in (
        ((lab, "--free-run", "1"), "--free-run with several recordings"),
        ((one, "--workers", "2"), "--workers with one recording"),
        ((lab, "--report", tmp_path / "a.html"), "--report with several recordings"),
    ):
        result = _run("generate", model, *arguments, "--out", tmp_path / "out")
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    result = _run("generate", model, lab, "--out", tmp_path / "a.nwb")
    assert "expected a folder" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_is_trained_on(lab, tmp_path):
    result = _run("train", lab / "late", lab / "b.nwb", "--out", tmp_path / "model", *_WINDOW)
    assert result.exit_code == 0, result.stderr
    sources = nsg.load_model(tmp_path / "model").training["sources"]
    assert [source["subject_id"] for source in sources] == ["s2", "s1"]
