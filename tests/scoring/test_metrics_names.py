"""Names of scores stand in the register: elsewhere the code reads them from it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nwbspikegen
from nwbspikegen.scoring.metrics import METRICS

_PACKAGE = Path(nwbspikegen.__file__).parent
_REGISTER = _PACKAGE / "scoring" / "metrics"
_OURS = [name for name, each in METRICS.items() if each.measure.__module__.endswith(f".metrics.{name}")]


def _find_texts(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield the strings that a program works with: no docstrings, no names of functions in `__all__`."""
    left_out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(node.value)
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            left_out.update(each for each in ast.walk(node.value) if isinstance(each, ast.Constant))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out:
            yield node


def test_each_of_ours_has_a_file():
    assert len(_OURS) == 9
    assert all((_REGISTER / f"{name}.py").is_file() for name in _OURS)


def test_no_name_of_a_score_outside_the_register():
    name = re.compile(rf"(?<![a-z])({'|'.join(_OURS)})(?![a-z])")
    found = [
        f"{path.relative_to(_PACKAGE)}:{text.lineno} {text.value!r}"
        for path in sorted(_PACKAGE.rglob("*.py"))
        if _REGISTER not in path.parents
        for text in _find_texts(ast.parse(path.read_text()))
        if name.search(text.value)
    ]
    assert found == []
