"""What becomes of a prediction when units are selected, merged or split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nwbspikegen_si.generation import DRAWN
from nwbspikegen_si.tables import decode_unseen, encode_unseen


def keep_units(data: dict[str, Any], unit_ids: Sequence[Any], change: str) -> dict[str, Any]:
    """Return the prediction of some units, in their order; units that were not predicted are skipped."""
    place = {unit: at for at, unit in enumerate(data["unit_ids"].tolist())}
    kept = [unit for unit in _as_list(unit_ids) if unit in place]
    return _rearrange(data, [[place[unit]] for unit in kept], kept, unit_ids, change)


def merge_units(
    data: dict[str, Any], groups: Sequence[Sequence[Any]], new_ids: Sequence[Any], unit_ids: Sequence[Any]
) -> dict[str, Any]:
    """Return the prediction with some units taken together, in the order of all `unit_ids`.

    The model says that units fire independently in a bin, given the past. So a merged unit fires with
    probability 1 - (1 - p)(1 - q), and its drawn spikes are those of both, at most one per bin. What
    was read is the past of the parts, told apart: a model that reads the merged unit can say otherwise.
    A group of which some unit was not predicted is not predicted.
    """
    place = {unit: at for at, unit in enumerate(data["unit_ids"].tolist())}
    parts = {unit: [unit] for unit in place}
    for group, new in zip(groups, _as_list(new_ids), strict=True):
        for unit in _as_list(group):
            parts.pop(unit, None)
        parts[new] = _as_list(group)
    kept = [
        unit for unit in _as_list(unit_ids) if unit in parts and all(part in place for part in parts[unit])
    ]
    columns = [[place[part] for part in parts[unit]] for unit in kept]
    change = f"merged {[_as_list(group) for group in groups]} into {_as_list(new_ids)}"
    return _rearrange(data, columns, kept, unit_ids, change)


def drop_split(data: dict[str, Any], split: Sequence[Any], unit_ids: Sequence[Any]) -> dict[str, Any]:
    """Return the prediction without units that were split, in the order of all `unit_ids`.

    How a unit's probability falls to its parts is not known without asking the model again.
    """
    gone = set(_as_list(split))
    kept = [unit for unit in _as_list(unit_ids) if unit not in gone]
    return keep_units(data, kept, f"split {sorted(gone, key=str)}, which are no longer predicted")


def _rearrange(
    data: dict[str, Any], columns: list[list[int]], kept: list[Any], unit_ids: Sequence[Any], change: str
) -> dict[str, Any]:
    """Return a prediction whose unit i is made of `columns[i]` of the old one."""
    old = decode_unseen(data["spike_probability"])
    probability = np.empty((len(old), len(columns)), dtype=np.float32)
    pieces = [np.empty(0, dtype=DRAWN)]
    spikes = np.asarray(data["generated_spikes"])
    for unit, parts in enumerate(columns):
        silent = np.prod(1.0 - old[:, parts].astype(np.float64), axis=1)
        probability[:, unit] = old[:, parts[0]] if len(parts) == 1 else 1.0 - silent
        bins = np.unique(spikes["bin_index"][np.isin(spikes["unit_index"], parts)])
        piece = np.empty(len(bins), dtype=DRAWN)
        piece["bin_index"], piece["unit_index"] = bins, unit
        pieces.append(piece)
    return {
        **data,
        "spike_probability": encode_unseen(probability),
        "generated_spikes": np.sort(np.concatenate(pieces), order=["bin_index", "unit_index"]),
        "unit_ids": np.array(kept, dtype=np.asarray(unit_ids).dtype),
        "record": {**data["record"], "changes": [*data["record"]["changes"], change]},
    }


def _as_list(ids: Sequence[Any]) -> list[Any]:
    listed: list[Any] = np.asarray(ids).tolist()
    return listed
