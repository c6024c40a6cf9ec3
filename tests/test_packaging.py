"""One wheel ships the package and both extensions, and asks for torch only as an extra."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """Return the wheel, built by the installed tools: no network is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(_ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_it_holds_three_packages_and_the_specification(wheel):
    names = wheel.namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"nwbspikegen", "ndx_spikegen", "nwbspikegen_si"}
    specification = {Path(name).name for name in names if name.startswith("ndx_spikegen/spec/")}
    assert {"ndx-spikegen.namespace.yaml", "ndx-spikegen.extensions.yaml"} <= specification
    assert not [name for name in names if "test" in name]


def test_it_holds_the_pretrained_model_whole(wheel):
    folder = "nwbspikegen/models/pretrained"
    held = {
        info.filename.removeprefix(f"{folder}/"): info for info in wheel.infolist() if folder in info.filename
    }
    assert {"model.json", "weights.safetensors", "README.md"} <= set(held)
    assert sum(info.file_size for info in held.values()) < 1_000_000
    for name in held:
        assert wheel.read(f"{folder}/{name}") == (_ROOT / folder / name).read_bytes()


def test_torch_is_an_extra(wheel):
    (metadata,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
    lines = wheel.read(metadata).decode().splitlines()
    required = [line for line in lines if line.startswith("Requires-Dist")]
    needed = [line.split()[1] for line in required if "extra ==" not in line]
    assert not [name for name in needed if name.startswith(("torch", "lightning"))]
    assert [line for line in required if line.startswith("Requires-Dist: torch") and "extra ==" in line]
