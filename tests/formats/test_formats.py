"""Lab formats: parameters written once, formats of other packages, and what a reader may return."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from click.testing import CliRunner
from docs_blocks import Block, read_blocks

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.plugins import list_announced
from nwbspikegen.formats import FORMATS, File, Folder, Spikes
from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.parameters import make_schema, read_parameters, read_summary
from nwbspikegen.formats.register import find_format

_ROOT = Path(__file__).resolve().parents[2]
_PAGE = _ROOT / "docs" / "bring-your-own-format.md"
_METADATA = {
    "NWBFile": {"session_description": "d", "session_start_time": "2021-05-11T00:00:00+09:00"},
    "Subject": {"subject_id": "m1", "species": "Mus musculus", "age": "P3W/P5W", "sex": "U"},
}


def read_everything(
    folder: Folder,
    *,
    rate_hz: Annotated[float, "--rate"] = 2.5,
    labels: list[str] | None = None,
    table: Annotated[File | None, "--unit-table"] = None,
    sort: Literal["time", "unit"] = "time",
    count: int,
    keep_all: bool = True,
) -> Any:
    """Everything that can be asked for.

    Parameters
    ----------
    folder
        Where it is.
    rate_hz, count
        Numbers, in
        ``Hz``.
    labels : list of str
        Which `labels`.

    Returns
    -------
    nothing
    """
    raise InputError(f"{folder} {rate_hz} {labels} {sort} {count} {keep_all}", "nothing", "nothing")


def test_parameters_are_those_of_the_signature() -> None:
    assert read_summary(read_everything) == "Everything that can be asked for."
    assert [
        (each.name, each.option, each.kind, each.is_required, each.is_list, each.default, each.help)
        for each in read_parameters(read_everything)
    ] == [
        ("folder", "--folder", Folder, True, False, None, "Where it is."),
        ("rate_hz", "--rate", float, False, False, 2.5, "Numbers, in Hz."),
        ("labels", "--labels", str, False, True, None, "Which labels."),
        ("table", "--unit-table", File, False, False, None, ""),
        ("sort", "--sort", str, False, False, "time", ""),
        ("count", "--count", int, True, False, None, "Numbers, in Hz."),
        ("keep_all", "--keep-all", bool, False, False, True, ""),
    ]


def test_the_schema_is_that_of_the_signature() -> None:
    schema = make_schema(read_everything)
    assert schema["required"] == ["folder", "count"]
    properties = schema["properties"]
    assert properties["folder"] == {
        "format": "directory-path",
        "type": "string",
        "description": "Where it is.",
    }
    assert properties["labels"] == {
        "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
        "default": None,
        "description": "Which labels.",
    }
    assert properties["sort"] == {"type": "string", "enum": ["time", "unit"], "default": "time"}
    assert properties["verbose"] == {"type": "boolean", "default": False}


def test_the_command_is_that_of_the_signature(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(FORMATS, "everything", read_everything)
    arguments = ["convert", "everything", "here", "--out", str(tmp_path / "a.nwb"), "--count", "3"]
    defaults = CliRunner().invoke(cli, arguments)
    assert defaults.exit_code == 2
    assert "found here 2.5 None time 3 True" in defaults.stderr
    more = ["--rate", "4", "--labels", "a", "--labels", "b", "--sort", "unit", "--no-keep-all"]
    given = CliRunner().invoke(cli, [*arguments, *more])
    assert "found here 4.0 ['a', 'b'] unit 3 False" in given.stderr
    assert "'size' is not one of" in CliRunner().invoke(cli, [*arguments, "--sort", "size"]).stderr
    assert "--count" in CliRunner().invoke(cli, arguments[:-2]).stderr
    assert not (tmp_path / "a.nwb").exists()


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_parameter_of_ours_is_explained(name: str) -> None:
    assert read_summary(FORMATS[name])
    assert all(each.help.endswith((".", ").")) for each in read_parameters(FORMATS[name]))


def _without(path: Any) -> None: ...
def _nothing() -> None: ...
def _odd(path: Path, *, table: dict[str, int]) -> None: ...
def _numbers(path: Path, *, size: Literal[1, 2] = 1) -> None: ...
def _taken(path: Path, *, metadata: str) -> None: ...


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (_without, "for path of _without"),
        (_nothing, "without a parameter"),
        (_odd, "for table of _odd"),
        (_numbers, "for size of _numbers"),
        (_taken, "a parameter 'metadata' of _taken"),
    ],
)
def test_a_reader_that_gives_no_options_is_refused(reader: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_parameters(reader)


def test_spikes_become_a_file(tmp_path: Path) -> None:
    def read(source: str) -> Spikes:
        return Spikes(
            times=[0.5, 0.1, 1.5, 0.25],
            units=["b", "a", "a", "b"],
            resolution=0.05,
            unit_ids=["b", "a", "silent"],
            columns={"depth": [10.0, 20.0, 30.0]},
            observed=[(0.0, 1.0), (1.25, 2.0)],
            metadata=_METADATA,
        )

    path = nsg.convert_format(read, "x", tmp_path / "a.nwb", metadata={"NWBFile": {"lab": "ours"}})
    units = nsg.open_units(path, bin_size=0.05)
    assert units.attrs["lab"] == "ours"
    assert units.depth.values.tolist() == [10.0, 20.0, 30.0]
    bins, rows = np.nonzero(units.spikes.values)
    assert sorted(zip(rows.tolist(), bins.tolist(), strict=True)) == [(0, 5), (0, 10), (1, 2), (1, 30)]
    # bins 20 to 24 lie between the intervals
    assert units.observed.values[:, 2].tolist() == [not 20 <= each < 25 for each in range(40)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": [0.5]}, "as many of both"),
        ({"times": [0.5, np.nan]}, "no finite numbers"),
        ({"resolution": 0.0}, "a resolution of 0.0 s"),
        ({"unit_ids": [1, 1, 2]}, "there twice"),
        ({"unit_ids": [1]}, "not in unit_ids"),
        ({"columns": {"depth": [1.0]}}, "a column"),
        ({"observed": [(2.0, 1.0)]}, "a start before a stop"),
    ],
)
def test_spikes_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"times": [0.5, 0.7], "units": [1, 2], "resolution": 0.1, **changes}
    with pytest.raises(InputError, match=message):
        Spikes(**given).to_sorting()


def test_a_reader_that_returns_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a list"):
        nsg.convert_format(lambda source: [], "x", tmp_path / "a.nwb", metadata=_METADATA)
    with pytest.raises(InputError, match="a str"):
        find_format("nwbspikegen:__version__")
    assert list(tmp_path.iterdir()) == []


def _blocks(language: str) -> list[Block]:
    return [block for block in read_blocks(_PAGE) if block.language == language]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of packages with the one of the page: Python finds it as it finds what pip installs."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "mylab.py").write_text(_blocks("python")[0].text)
    about = folder / "mylab_formats-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mylab-formats\nVersion: 1.0\n")
    group, line = _blocks("toml")[0].text.strip().splitlines()
    found = re.search(r'entry-points\."(.*)"', group)
    assert found is not None
    (about / "entry_points.txt").write_text(f"[{found[1]}]\n{line.replace(chr(34), '')}\n")
    return folder


def _run_shell(command: str, folder: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the page in a folder, with some folders of packages."""
    program, *arguments = shlex.split(command)
    assert program == "nwbspikegen"
    path = os.pathsep.join([*map(str, paths), str(_ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "nwbspikegen", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )


def _commands() -> list[str]:
    texts = "\n".join(block.text for block in _blocks("text"))
    return [line[2:] for line in texts.splitlines() if line.startswith("$ ")]


def _prepare(folder: Path) -> None:
    import yaml

    rng = np.random.default_rng(0)
    lines = [f"{unit} {bin}" for bin, unit in enumerate(rng.integers(0, 5, 29_000))]
    (folder / "day1.txt").write_text("\n".join(lines))
    (folder / "metadata.yaml").write_text(yaml.safe_dump(_METADATA))


def test_the_page_from_an_installed_package(installed: Path, tmp_path: Path) -> None:
    _prepare(tmp_path)
    _, listing, helping, converting = _commands()
    listed = _run_shell(listing, tmp_path, installed)
    assert listed.returncode == 0, listed.stderr
    assert re.search(r"mylab +Of the package mylab-formats", listed.stdout)
    assert "mylab" in _run_shell("nwbspikegen --help", tmp_path, installed).stdout
    helped = _run_shell(helping, tmp_path, installed).stdout
    assert "Text files of our lab" in helped
    assert re.search(r"--tick FLOAT +Seconds per bin. +.default: 0.001", helped)
    assert re.search(r"--stop FLOAT +When the recording ended .s.. +.required", helped)
    converted = _run_shell(converting, tmp_path, installed)
    assert converted.returncode == 0, converted.stderr
    units = nsg.open_units(tmp_path / "sub-m1_ecephys.nwb")
    assert (units.sizes["unit"], units.sizes["time"]) == (5, 30_000)
    assert int(units.spikes.sum()) == 29_000
    assert not (nsg.validate_file(tmp_path / "sub-m1_ecephys.nwb").severity == "error").any()


def test_the_page_from_a_file_in_the_folder(tmp_path: Path) -> None:
    _prepare(tmp_path)
    (tmp_path / "mylab.py").write_text(_blocks("python")[0].text)
    converted = _run_shell(_commands()[0], tmp_path)
    assert converted.returncode == 0, converted.stderr
    assert nsg.open_units(tmp_path / "sub-m1_ecephys.nwb").sizes["unit"] == 5
    unknown = _run_shell("nwbspikegen convert mylab:read_more day1.txt --out b.nwb", tmp_path)
    assert unknown.returncode == 2
    assert len(unknown.stderr.splitlines()) == 1
    assert "package.module:Name" in unknown.stderr


def test_names_are_listed_without_an_import(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    (installed / "mylab.py").touch()
    assert "mylab" in list_announced("nwbspikegen.formats")["nwbspikegen.formats"]
    help_text = CliRunner().invoke(cli, ["convert", "--help"]).stdout
    assert "mylab" in help_text
    assert "mylab" not in sys.modules


def test_the_page_is_an_interface_of_neuroconv(tmp_path: Path) -> None:
    names: dict[str, Any] = {"__name__": "mylab_page"}
    module = type(sys)("mylab_page")
    sys.modules["mylab_page"] = module
    try:
        for block in _blocks("python"):
            exec(block.text, vars(module))
        names = vars(module)
        assert issubclass(names["MyLabInterface"], SourceInterface)
        assert set(names["MyLabInterface"].get_source_schema()["properties"]) == {
            "path",
            "tick",
            "stop",
            "verbose",
            "metadata_key",
        }
        (tmp_path / "a.txt").write_text("4 120\n7 133\n4 240\n")
        interface = names["MyLabInterface"](path=tmp_path / "a.txt", stop=1.0)
        assert interface.units_ids.tolist() == [4, 7]
    finally:
        del sys.modules["mylab_page"]
