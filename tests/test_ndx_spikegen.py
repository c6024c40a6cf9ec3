"""The NWB extension: its own tests, the wheels that ship it, and that nothing loads it unasked.

All of it runs in other processes: once imported here, its namespace would be in every file that later
tests write.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_EXTENSION = _ROOT / "extensions" / "ndx-spikegen"


def _run(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.whole
def test_its_own_tests_pass() -> None:
    """Where nothing of this project is imported; within it they run every time."""
    arguments = ("-q", "-p", "no:cacheprovider", "--doctest-modules")
    _run("-m", "pytest", *arguments, "src/pynwb", folder=_EXTENSION)


@pytest.mark.parametrize("project", [_ROOT, _EXTENSION], ids=["nwbspikegen", "ndx-spikegen"])
def test_wheels_carry_the_specification(project: Path, tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    _run("-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), folder=project)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        wheel.extractall(tmp_path / "installed")
    specs = {f"ndx_spikegen/spec/ndx-spikegen.{part}.yaml" for part in ("namespace", "extensions")}
    assert specs | {"ndx_spikegen/__init__.py"} <= names
    assert not [name for name in names if "tests/" in name]
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r}); import ndx_spikegen\n"
        f"assert ndx_spikegen.__file__.startswith({str(tmp_path)!r}); ndx_spikegen.LabeledMatrix"
    )
    _run("-c", code, folder=tmp_path)


def test_nothing_loads_it_unasked(tmp_path: Path) -> None:
    # a process that knows the extension puts its specification into every file it writes
    code = (
        f"import sys, h5py, nwbspikegen as nsg; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from nwb_sources import write_source; source = write_source('source.nwb')\n"
        "from nwbspikegen import commands, explain, plot, prediction, scoring, transfer\n"
        "from nwbspikegen.scoring import BASELINES\n"
        f"units = nsg.open_units(source, bin_size=0.01)\n"
        "parts = nsg.split_fractions(units, (.5, .25, .25))\n"
        "predicted = nsg.generate(BASELINES['running_rate'](), parts.test, context=units)\n"
        f"out = nsg.write_results('out.nwb', source=source, spike_probability=predicted)\n"
        "assert 'ndx_spikegen' not in sys.modules\n"
        "assert 'ndx-spikegen' not in h5py.File(out)['specifications']"
    )
    _run("-c", code, folder=tmp_path)
