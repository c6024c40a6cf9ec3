"""Packages that are installed for a test: modules and entry points that Python finds, in every process."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

_PAGES = Path(__file__).resolve().parents[1] / "docs"


def install_package(
    folder: Path,
    name: str,
    modules: Mapping[str, str],
    entry_points: Mapping[str, Mapping[str, str]] | None = None,
) -> Path:
    """Write a package into a folder as pip would leave it, and let Python find it here and in children.

    Parameters
    ----------
    folder : Path
        Where modules and metadata are written.
    name : str
        Of the distribution.
    modules : mapping
        From the name of a module to its text.
    entry_points : mapping, optional
        From a group to its names, and what each stands for: ``{"nwbspikegen.models": {"gru": "m:GRU"}}``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    groups = entry_points or {}
    lines = [
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in each.items()) for group, each in groups.items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    sys.path.append(str(folder))
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([known, str(folder)] if known else [str(folder)])
    importlib.invalidate_caches()
    return folder


def remove_package(folder: Path) -> None:
    """Let Python not find an installed package any more; what was imported stays imported."""
    sys.path.remove(str(folder))
    known = os.environ["PYTHONPATH"].split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(each for each in known if each != str(folder))


def read_module(page: str, module: str) -> str:
    """Return the text of a module that a page of the documentation shows, under a comment with its name."""
    blocks = re.findall(r"```python\n(.*?)```", (_PAGES / page).read_text(), re.DOTALL)
    (found,) = [block for block in blocks if block.startswith(f"# {module}.py")]
    return found
