"""Write the conda recipe from pyproject.toml: versions stand in one place."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

_ROOT = Path(__file__).resolve().parents[1]
# where conda-forge has another name than PyPI
_NAMES = {"torch": "pytorch", "ONE-api": "one-api", "POT": "pot"}
# for those who work on the package
_NOT_FOR_USERS = {"all", "bench", "dev", "docs"}


def make_recipe(project: dict[str, Any], backend: list[str], version: str) -> dict[str, Any]:
    """Return the recipe: what is needed, and how old what extras bring may be.

    Parameters
    ----------
    project : dict
        The table `project` of pyproject.toml.
    backend : list of str
        What builds it.
    version : str
        Of the package.
    """
    python = f"python {project['requires-python']}"
    extras = [
        each
        for name, requirements in project["optional-dependencies"].items()
        if name not in _NOT_FOR_USERS
        for each in requirements
    ]
    commands = [f"{name} = {place}" for name, place in project["scripts"].items()]
    return {
        "schema_version": 1,
        "package": {"name": project["name"], "version": version},
        "source": {"path": ".."},
        "build": {
            "number": 0,
            "noarch": "python",
            "script": "python -m pip install . --no-deps --no-build-isolation -vv",
            "python": {"entry_points": commands},
        },
        "requirements": {
            "host": [python, "pip", *_to_conda(backend)],
            "run": [python, *_to_conda(project["dependencies"])],
            # conda has no extras: who installs these gets versions that fit
            "run_constraints": _to_conda(sorted(set(extras), key=str.lower)),
        },
        "tests": [
            {"python": {"imports": [project["name"], "ndx_spikegen"]}},
            {"script": [f"{project['name']} --help"]},
        ],
        "about": {
            "summary": project["description"],
            "license": project["license"],
            "license_file": project["license-files"][0],
        },
    }


def _to_conda(requirements: list[str]) -> list[str]:
    parsed = [Requirement(text) for text in requirements]
    return [f"{_NAMES.get(each.name, each.name)} {each.specifier}".strip() for each in parsed]


def read_recipe() -> str:
    """Return the text of the recipe that pyproject.toml asks for."""
    stored = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    lines = (_ROOT / "nwbspikegen" / "__init__.py").read_text().splitlines()
    version = next(line.split('"')[1] for line in lines if line.startswith("__version__"))
    recipe = make_recipe(stored["project"], stored["build-system"]["requires"], version)
    return "# written by `make recipe` from pyproject.toml\n" + yaml.safe_dump(
        recipe, sort_keys=False, width=110
    )


if __name__ == "__main__":
    Path(__file__).with_name("recipe.yaml").write_text(read_recipe())
