"""How the house is built: no circle of imports, no public name twice, rooms that keep to themselves."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


@cache
def _read_modules() -> dict[str, ast.Module]:
    """Return the syntax tree of every module, by its dotted name."""
    found = {}
    for path in sorted((_ROOT / "nwbspikegen").rglob("*.py")):
        name = ".".join(path.relative_to(_ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def _find_imports(name: str) -> set[str]:
    """Return the modules of ours that a module imports, those for types alone left out."""
    modules, found = _read_modules(), set()
    tree = modules[name]
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return (found & set(modules)) - {name}


def test_imports_make_no_circle() -> None:
    waiting = {name: _find_imports(name) for name in _read_modules()}
    while free := {name for name, needed in waiting.items() if not needed & set(waiting)}:
        waiting = {name: needed for name, needed in waiting.items() if name not in free}
    assert not waiting


def test_no_two_public_functions_have_one_name() -> None:
    places = defaultdict(list)
    for name, tree in _read_modules().items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_nobody_looks_into_in_context() -> None:
    room = "nwbspikegen.models.in_context"
    looking = {
        name: inside
        for name in _read_modules()
        if not name.startswith(room)
        if (inside := {each for each in _find_imports(name) if each.startswith(room)})
    }
    # the register of models, where it enters its name
    assert looking == {"nwbspikegen.models": {room}}
