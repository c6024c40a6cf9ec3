"""Files that other machines read: workflows, citation, recipe, hooks; they name what is there."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import nwbspikegen as nsg

_ROOT = Path(__file__).resolve().parents[1]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
_YAML = [
    *(path for pattern in ("*.yml", "*.yaml") for path in (_ROOT / ".github").rglob(pattern)),
    *(_ROOT / name for name in (".pre-commit-config.yaml", ".readthedocs.yaml", "CITATION.cff")),
    _ROOT / "conda" / "recipe.yaml",
]
_WORKFLOWS = sorted((_ROOT / ".github" / "workflows").glob("*.yml"))


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(path.read_text())
    return read


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (_ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", _YAML, ids=lambda path: path.relative_to(_ROOT).as_posix())
def test_every_file_is_yaml(path: Path) -> None:
    assert isinstance(_read(path), dict)


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.name)
def test_workflows_name_what_is_there(path: Path) -> None:
    workflow = _read(path)
    # YAML reads the key `on` as a truth
    assert True in workflow
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 120, name
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(workflow["jobs"])
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step), step
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+)", step["uses"])
            for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", "")):
                assert target in _targets(), f"{name}: make {target}"
            place = step.get("with", {}).get("cache-dependency-path")
            assert place is None or (_ROOT / place).is_file()


def test_ci_checks_what_is_promised() -> None:
    jobs = _read(_ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    others = {"lowest-versions", "newest-versions", "docs", "wheel", "coverage"}
    assert {"lint", "tests", "all-tests", *others} == set(jobs)
    assert [step["run"] for step in jobs["all-tests"]["steps"] if "run" in step] == ["make test-all"]
    versions = jobs["tests"]["strategy"]["matrix"]["python"]
    allowed = SpecifierSet(_PROJECT["requires-python"])
    assert versions == [f"3.{minor}" for minor in range(30) if f"3.{minor}.0" in allowed]
    named = [each.rpartition(" ")[2] for each in _PROJECT["classifiers"] if "Python :: 3." in each]
    assert named == versions


def test_only_the_publishing_job_may_ask_for_an_identity() -> None:
    jobs = _read(_ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    # nothing is published that did not pass all tests, those that `make test` leaves out as well
    assert jobs["publish"]["needs"] == ["build", "tests"]
    assert [step["run"] for step in jobs["tests"]["steps"] if "run" in step] == ["make test-all"]
    assert "permissions" not in jobs["build"]
    assert "permissions" not in jobs["tests"]
    assert not re.search(r"password|secrets\.", json.dumps(jobs))


def test_the_recipe_is_that_of_the_project() -> None:
    written = runpy.run_path(str(_ROOT / "conda" / "write_recipe.py"))["read_recipe"]()
    assert (_ROOT / "conda" / "recipe.yaml").read_text() == written, "run: make recipe"
    recipe = yaml.safe_load(written)
    assert recipe["package"]["version"] == nsg.__version__
    assert {line.split()[0] for line in recipe["requirements"]["run"]} == {
        "python",
        *(Requirement(text).name for text in _PROJECT["dependencies"]),
    }


def test_every_bound_has_a_pinned_version_that_it_allows() -> None:
    pinned = dict(line.split("==") for line in (_ROOT / "constraints.txt").read_text().split())
    pinned = {_plain(name): version for name, version in pinned.items()}
    groups = [_PROJECT["dependencies"], *_PROJECT["optional-dependencies"].values()]
    for requirement in map(Requirement, {text for group in groups for text in group}):
        assert requirement.name == "nwbspikegen" or requirement.specifier, f"{requirement} has no bound"
        version = pinned.get(_plain(requirement.name))
        assert version is None or version in requirement.specifier, requirement


def test_what_a_command_asks_for_comes_with_its_extra() -> None:
    extras = _PROJECT["optional-dependencies"]
    asked = [
        (extra, name)
        for path in (_ROOT / "nwbspikegen").rglob("*.py")
        for extra, names in re.findall(r'^ *require_extra\("(\w+)", (.*?)purpose=', path.read_text(), re.M)
        for name in re.findall(r'"(\w+)"', names)
    ]
    assert ("patchseq", "skops") in asked
    for extra, name in asked:
        assert name in {Requirement(text).name for text in extras[extra]}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_citation_is_whole() -> None:
    citation = _read(_ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert (citation["version"], citation["license"]) == (nsg.__version__, _PROJECT["license"])
    assert citation["title"] == _PROJECT["name"]
    for reference in citation["references"]:
        assert {"type", "title", "authors", "year"} <= set(reference)
        assert all({"family-names", "given-names"} == set(author) for author in reference["authors"])


def test_a_commit_waits_for_nothing_slow() -> None:
    (repository,) = _read(_ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    slow = [hook["id"] for hook in repository["hooks"] if re.search(r"mypy|pytest|make", hook["entry"])]
    assert slow == [hook["id"] for hook in repository["hooks"] if hook.get("stages") == ["pre-push"]]


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"])
def test_pages_at_the_top_name_what_is_there(name: str) -> None:
    text = (_ROOT / name).read_text()
    places = [*re.findall(r"\]\(([^)]+)\)", text), *re.findall(r"`([\w/.-]+\.md)`", text)]
    assert all((_ROOT / place).is_file() for place in places)


def test_the_site_builds_elsewhere_from_pinned_packages() -> None:
    torch, package = _read(_ROOT / ".readthedocs.yaml")["build"]["jobs"]["install"]
    pinned = re.search(r"torch==\S+", torch)[0]
    assert pinned in (_ROOT / "Makefile").read_text()
    extras = re.search(r"-c constraints\.txt \.\[(.+)\]$", package)[1].split(",")
    assert {"docs", "train"} <= set(extras) <= set(_PROJECT["optional-dependencies"])
