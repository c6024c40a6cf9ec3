"""The files that SpyKING CIRCUS 1.x leaves beside its result: parameters, templates and probe."""

from __future__ import annotations

import ast
import dataclasses
import logging
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.electrodes import Electrodes
from nwbspikegen.nwb.hdf5 import open_hdf5, read_array, to_floats

CURATED = ".result-deconverted.hdf5"
"""How the result ends that is made of phy's curation."""

# the curated result first, then the merged one
_RESULTS = (CURATED, ".result-merged.hdf5", ".result.hdf5")
_LOG = logging.getLogger("nwbspikegen")
# MaxOne has 26,400 electrodes; a range that a damaged file asks for may have any length
_MOST_CHANNELS = 100_000


@dataclasses.dataclass(frozen=True)
class CircusFiles:
    """One result and what lies beside it.

    Parameters
    ----------
    result : Path
        ``.result-deconverted.hdf5``, ``.result-merged.hdf5`` or ``.result.hdf5``.
    templates, params, probe : Path or None
        Templates of that result, parameters and ``.prb`` file, where they are.
    beside : tuple of Path
        Other results of the same sorting.
    """

    result: Path
    templates: Path | None
    params: Path | None
    probe: Path | None
    beside: tuple[Path, ...] = ()


def find_circus_files(path: str | os.PathLike[str]) -> CircusFiles:
    """Return the files of one sorting.

    Parameters
    ----------
    path : path
        A result, the folder with it, or the folder that holds that one. In a folder a curated
        result wins over a merged one, and both over the sorter's; the log says which was taken.

    Raises
    ------
    InputError
        If there is no result, or those of several sortings.

    Examples
    --------
    >>> find_circus_files("missing")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at missing; ...
    """
    path = Path(path)
    result = path if path.is_file() and path.name.endswith(_RESULTS) else _find_result(path)
    suffix = next(suffix for suffix in _RESULTS if result.name.endswith(suffix))
    base, folders = result.name.removesuffix(suffix), (result.parent, result.absolute().parent.parent)
    templates = result.with_name(base + suffix.replace("result", "templates"))
    params = next((place for folder in folders if (place := folder / f"{base}.params").is_file()), None)
    mapping = read_parameter(params, "mapping")
    # a path in it is as seen from the .params file; joined with an absolute one, the folder has no say
    named = None if params is None or mapping is None else params.parent / Path(mapping).expanduser()
    beside = tuple(
        place for each in _RESULTS if (place := result.with_name(base + each)) != result and place.is_file()
    )
    if beside and result != path:
        passed = ", ".join(place.name for place in beside)
        _LOG.info("%s: %s is read, not %s", result.parent, result.name, passed)
    probes = [place for folder in folders for place in sorted(folder.glob("*.prb"))]
    if named is not None and named.is_file():
        probes = [named]
    return CircusFiles(
        result,
        templates if templates.is_file() else None,
        params,
        # of several nobody knows which one was sorted with
        probes[0] if len(probes) == 1 else None,
        beside,
    )


def _find_result(path: Path) -> Path:
    if not path.is_dir():
        raise InputError(
            f"{'another file' if path.exists() else 'nothing'} at {path}",
            "a folder of SpyKING CIRCUS, or its .result.hdf5",
            "check the path",
        )
    folders = [path, *sorted(place for place in path.iterdir() if place.is_dir())]
    bases: dict[Path, Path] = {}
    # so that what wins is noted last, over the others of its sorting
    for suffix in reversed(_RESULTS):
        for folder in folders:
            for place in sorted(folder.iterdir()):
                if place.is_file() and place.name.endswith(suffix):
                    bases[place.with_name(place.name.removesuffix(suffix))] = place
    if len(bases) != 1:
        names = ", ".join(str(place) for place in bases.values())
        raise InputError(
            f"{len(bases)} results in {path}{': ' if names else ''}{names}",
            "one .result.hdf5, or one sorting's with what was merged or curated of it",
            "pass the result itself" if names else "pass the folder that SpyKING CIRCUS wrote",
        )
    return next(iter(bases.values()))


def read_parameter(params: Path | None, name: str) -> str | None:
    """Return the text of a parameter, or None when it is not there or empty."""
    if params is None:
        return None
    text = params.read_text(encoding="utf-8", errors="replace")
    # by a pattern: what else the file holds, in whatever order and damage, is of no concern
    found = re.search(rf"^[ \t]*{name}[ \t]*=[ \t]*([^#\n]*)", text, flags=re.MULTILINE)
    return (found[1].strip() or None) if found else None


def read_best_sites(
    templates: Path, units: Int64[np.ndarray, " unit"]
) -> tuple[Int64[np.ndarray, " unit"], int]:
    """Return the site with the largest deflection of each unit's template, and the number of sites.

    Templates are sparse: entry (site x samples + sample, template); those after the first half are second
    components. A unit without a template has -1.

    Raises
    ------
    InputError
        If the file is damaged or contradicts its own shape.
    """
    with open_hdf5(templates, "templates of SpyKING CIRCUS") as file:
        columns = [read_array(file, name) for name in ("temp_x", "temp_y", "temp_data", "temp_shape")]
    kinds = ("iu", "iu", "iuf", "iu")
    if any(
        column is None or column.dtype.kind not in kind for column, kind in zip(columns, kinds, strict=True)
    ):
        raise InputError(
            f"{templates} without numbers in temp_x, temp_y, temp_data and temp_shape",
            "all four",
            "check that it was copied whole",
        )
    place, template, shape = (columns[index].ravel().astype(np.int64) for index in (0, 1, 3))
    # spikes deflect down near the soma and up elsewhere
    size = np.abs(to_floats(columns[2].ravel()))
    if not (
        len(shape) == 3
        and shape.min() > 0
        and len(place) == len(template) == len(size)
        and ((place >= 0) & (place < float(shape[0]) * float(shape[1]))).all()
    ):
        raise InputError(
            f"a template shape of {shape[:3].tolist()} that contradicts the templates in {templates}",
            "sites x samples x templates",
            "check that it was copied whole",
        )
    # by template, then by size: the last entry of each is its largest
    order = np.lexsort((size, template))
    known, after = np.unique(template[order], return_index=True)
    largest = order[np.append(after[1:], len(order)) - 1] if len(order) else order
    best = dict(zip(known.tolist(), (place[largest] // shape[1]).tolist(), strict=True))
    sites = [best.get(unit, -1) if unit < shape[2] // 2 else -1 for unit in units.tolist()]
    return np.array(sites, dtype=np.int64), int(shape[0])


class _Ranges(ast.NodeTransformer):
    """Turns range(...) and list(...) into lists, which is all that probe files mostly compute."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "list" and len(node.args) == 1:
            return node.args[0]
        if isinstance(node.func, ast.Name) and node.func.id == "range":
            numbers = range(*(ast.literal_eval(argument) for argument in node.args))
            if len(numbers) <= _MOST_CHANNELS:
                return ast.List([ast.Constant(number) for number in numbers], ast.Load())
        return node


def read_probe_file(path: Path) -> Electrodes | None:
    """Return the sites of a .prb file, in the sorter's order, or None when code would have to be run.

    Probe files are Python, which is not executed here: only literal `channel_groups` are read.
    """
    try:
        groups = _find_groups(ast.parse(path.read_bytes()))
        rows = [
            (str(name), int(channel), *map(float, group["geometry"][channel][:2]))
            for name, group in groups.items()
            for channel in group["channels"]
        ]
        names, channels, x, y = (np.array(column) for column in zip(*rows, strict=True))
    except (ValueError, TypeError, KeyError, AttributeError, SyntaxError, RecursionError, MemoryError):
        return None
    columns = {"channel": channels, "rel_x": x, "rel_y": y}
    of_units = np.empty(0, dtype=np.int64)
    return Electrodes(path.stem, "unknown", f"Sites of the probe file {path.name}.", names, columns, of_units)


def _find_groups(tree: ast.Module) -> Any:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "channel_groups":
            return ast.literal_eval(_Ranges().visit(statement.value))
    raise ValueError("no channel_groups")
