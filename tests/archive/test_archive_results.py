"""What the package asks of results in a file: audits, the mark of synthetic spikes, the source."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
from nwb_sources import write_source

import nwbspikegen as nsg
from nwbspikegen.archive.result_checks import check_results
from nwbspikegen.scoring import BASELINES

_MODULE = "processing/spike_generation"


def _write(folder: Path, *, passed: bool = True, audited: bool = True) -> SimpleNamespace:
    source = write_source(folder / "source.nwb")
    units = nsg.select_units(nsg.open_units(source, bin_size=0.01), skip=1, take=4)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    predicted = nsg.generate(BASELINES["running_rate"](), parts.test, context=units)
    audits = pd.DataFrame(
        {"audit": ["splits"], "passed": [passed], "value": [np.nan], "tolerance": [0.0], "detail": ["d"]}
    )
    model = SimpleNamespace(name="m", sha256="ab" * 32, loss="", parameters={}, training={})
    path = nsg.write_results(
        folder / "derived.nwb",
        source=source,
        model=model,
        spike_probability=predicted,
        audits=audits if audited else None,
    )
    return SimpleNamespace(path=path, source=source)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return _write(tmp_path_factory.mktemp("written"))


@pytest.fixture
def copied(written: SimpleNamespace, tmp_path: Path) -> SimpleNamespace:
    return SimpleNamespace(
        **{name: Path(shutil.copy(path, tmp_path / path.name)) for name, path in vars(written).items()}
    )


def test_honest_results_have_no_finding(written: SimpleNamespace) -> None:
    assert check_results(written.path) == []
    assert check_results(written.source) == []


@pytest.mark.parametrize(
    ("damage", "severity", "says"),
    [
        (lambda file: file[_MODULE].__delitem__("audits"), "error", "no audits"),
        (lambda file: file[_MODULE].__delitem__("sources"), "error", "no sources"),
        (
            lambda file: file[f"{_MODULE}/generated_units"].attrs.__setitem__("description", "spikes"),
            "error",
            "does not call them synthetic",
        ),
    ],
)
def test_what_is_missing_is_found(
    copied: SimpleNamespace, damage: Callable[[h5py.File], None], severity: str, says: str
) -> None:
    with h5py.File(copied.path, "r+") as file:
        damage(file)
    ((_, found, message, _),) = check_results(copied.path)
    assert found == severity
    assert says in message


def test_another_source_of_the_name_is_found(copied: SimpleNamespace) -> None:
    with h5py.File(copied.source, "r+") as file:
        file["session_description"][()] = "another"
    ((_, severity, message, _),) = check_results(copied.path)
    assert (severity, "is not the file" in message) == ("error", True)


def test_a_source_elsewhere_is_not_compared_or_named(copied: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    moved = copied.source.rename(tmp_path / "elsewhere" / "deep" / "moved.nwb")
    ((_, severity, message, _),) = check_results(copied.path)
    assert (severity, "not compared" in message) == ("info", True)
    assert check_results(copied.path, moved) == []


def test_failed_audits_are_warnings(tmp_path: Path) -> None:
    derived = _write(tmp_path, passed=False)
    ((_, severity, message, _),) = check_results(derived.path)
    assert (severity, message) == ("warning", "the audit splits failed: d")
