"""One prediction of a sorting: probabilities, drawn spikes, scores, audits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float32
from spikeinterface.core import BaseSorting, NumpySorting

import nwbspikegen as nsg
from nwbspikegen.core.draws import draw_spikes
from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.core.notebooks import to_html, to_line
from nwbspikegen.scoring.table import DEFAULT_BASELINES
from nwbspikegen.views.observed import find_first_unseen
from nwbspikegen_si.identity import recognise
from nwbspikegen_si.tables import TABLES, decode_table, decode_unseen, encode_table, encode_unseen
from nwbspikegen_si.windows import SpikeWindow, open_cut_window, open_spike_window, reopen_trained

if TYPE_CHECKING:
    from nwbspikegen.models import FittedModel

SEGMENTS = ("test", "validation", "train", "all")
_ROWS_SHOWN = 12
# of the record, what only reading needs
_STORAGE = ("texts", "audits_attrs")
DRAWN = np.dtype([("bin_index", np.int64), ("unit_index", np.int64)])
"""Fields of generated spikes: bin of the predicted segment, column of the prediction."""


@dataclasses.dataclass(frozen=True)
class SpikeGeneration:
    """What a model predicts for a sorting.

    Attributes
    ----------
    spike_probability : DataArray (time, unit), float32
        Probability of a spike in every bin, each made from the observed bins before it. `time` are bin
        starts (s), on the sorting's clock.
    generated : NumpySorting
        Synthetic spikes: one seeded draw of every bin, at bin centres. Frame 0 is the start of the
        predicted segment (`record["start_time"]`).
    scores, audits : DataFrame
        As `nwbspikegen.score` and `nwbspikegen.audit` return them; `scores` is empty when nothing could
        be scored honestly.
    record : dict
        What was done: `model_sha256`, `segment`, `context`, `seed`, `edges` of training, validation and
        test (s), `first_scored_bin`, `num_units_read`, and `changes`, what became of the units since.
    """

    spike_probability: xr.DataArray
    generated: NumpySorting
    scores: pd.DataFrame
    audits: pd.DataFrame
    record: dict[str, Any]

    def __repr__(self) -> str:
        return to_line(self, self._summarise())

    def _repr_html_(self) -> str:
        columns = ["predictor", "metric", "null", "value", "ci_low", "ci_high"]
        table = self.scores[[name for name in columns if name in self.scores]]
        # pandas escapes what the table holds
        below = table.to_html(index=False, max_rows=_ROWS_SHOWN, border=0) if len(table) else ""
        return to_html(self, {**self._summarise(), **self._tell_changes()}, below)

    def _summarise(self) -> dict[str, str]:
        time, failed = self.spike_probability.time.values, self.audits[~self.audits.passed.astype(bool)]
        span = f"{time[0]:g} to {time[-1] + self.record['bin_size']:g} s" if len(time) else "nothing"
        return {
            "model": f"{self.record['model']} {self.record['model_sha256'][:12]}",
            "predicted": f"{self.spike_probability.sizes['unit']} units, {span} ({self.record['segment']})",
            "context": self.record["context"],
            "scores": f"{len(self.scores)} rows" if len(self.scores) else "none",
            "audits": f"{len(self.audits) - len(failed)} of {len(self.audits)} passed",
        }

    def _tell_changes(self) -> dict[str, str]:
        return {f"change {number}": text for number, text in enumerate(self.record["changes"], 1)}


def predict_sorting(model: FittedModel, sorting: BaseSorting, params: dict[str, Any]) -> dict[str, Any]:
    """Return the extension's data: arrays, tables and a dict that JSON holds.

    `params` are those of the extension.
    """
    window, model = _open_for(model, sorting, params)
    context = window.units if params["context"] == "warm" else None
    recorded = _take(window, params["segment"])
    predicted = nsg.generate(model, recorded, context=context)
    first = find_first_unseen(recorded, fitted_until=window.edges[1], training=model.training)
    tested = recorded.isel(time=slice(first, None)) if first < recorded.sizes["time"] else recorded
    audits = nsg.audit(model, window.parts, tested=tested, seed=params["seed"])
    data = {
        "spike_probability": encode_unseen(np.ascontiguousarray(predicted.values, dtype=np.float32)),
        "generated_spikes": draw(predicted.values, params["seed"], predicted.unit.values),
        "unit_ids": predicted.unit.values,
        "record": {
            "model": model.name,
            "model_sha256": model.sha256,
            "segment": params["segment"],
            "context": str(predicted.attrs["context"]),
            "seed": params["seed"],
            "bin_size": model.bin_size,
            "sampling_frequency": float(sorting.sampling_frequency),
            "start_time": float(recorded.time[0]),
            "edges": window.edges,
            "first_scored_bin": first,
            "num_units_read": recorded.sizes["unit"],
            "changes": [],
        },
    }
    return score_again(_store_table(data, "audits", audits), window, params)


def score_again(data: dict[str, Any], window: SpikeWindow, params: dict[str, Any]) -> dict[str, Any]:
    """Return data with the scores of its own prediction; `window` holds the same units."""
    first, record = data["record"]["first_scored_bin"], data["record"]
    values = decode_unseen(data["spike_probability"][first:])
    if not values.size:
        return without_scores(data)
    recorded = _take(window, record["segment"]).isel(time=slice(first, None))
    context: xr.Dataset | None = window.units
    if record["context"] == "cold":
        # a cold prediction has read its own segment, and nothing before
        context = _take(window, record["segment"]) if first else None
    predicted = xr.DataArray(
        values,
        dims=("time", "unit"),
        coords=recorded.coords,
        attrs={
            "model": record["model"],
            "context": "cold" if context is None else "warm",
            "start_time": record["start_time"],
        },
    )
    scores = nsg.score(
        predicted,
        recorded,
        train=window.parts.train,
        context=context,
        baselines=params["baselines"],
        seed=params["seed"],
    )
    return _store_table(data, "scores", scores)


def without_scores(data: dict[str, Any]) -> dict[str, Any]:
    """Return data with an empty table of scores: better none than those of other units or bins."""
    return _store_table(data, "scores", pd.DataFrame(columns=TABLES["scores"]))


def _store_table(data: dict[str, Any], name: str, table: pd.DataFrame) -> dict[str, Any]:
    """Return data with a table of numbers; what its codes and attributes are stands in the record."""
    numbers, texts = encode_table(table)
    record = {**data["record"], "texts": {**data["record"].get("texts", {}), name: texts}}
    return {**data, name: numbers, "record": {**record, f"{name}_attrs": dict(table.attrs)}}


def _restore_table(data: dict[str, Any], name: str) -> pd.DataFrame:
    record = data["record"]
    table = decode_table(data[name], TABLES[name], record.get("texts", {}).get(name, {}))
    table.attrs.update(record.get(f"{name}_attrs", {}))
    return table


def reopen_predicted(sorting: BaseSorting, data: dict[str, Any]) -> SpikeWindow:
    """Open the window of a prediction again, with the units that the prediction still has."""
    record = data["record"]
    return open_cut_window(
        sorting, bin_size=record["bin_size"], edges=record["edges"], unit_ids=data["unit_ids"]
    )


def to_generation(data: dict[str, Any], sampling_frequency: float | None = None) -> SpikeGeneration:
    """Return the extension's data as what users work with.

    `sampling_frequency` is that of the sorting, for data that were stored before they said so.
    """
    record, values = data["record"], decode_unseen(data["spike_probability"])
    rate_hz = record.get("sampling_frequency", sampling_frequency)
    time = record["start_time"] + np.arange(len(values)) * record["bin_size"]
    unit_ids = np.asarray(data["unit_ids"])
    names = ("model", "model_sha256", "segment", "context", "bin_size", "start_time")
    probability = xr.DataArray(
        values,
        dims=("time", "unit"),
        coords={"time": time, "unit": unit_ids},
        name="spike_probability",
        attrs={name: record[name] for name in names},
    )
    spikes = np.asarray(data["generated_spikes"])
    frames = np.floor((spikes["bin_index"] + 0.5) * record["bin_size"] * rate_hz + 1e-6)
    generated = NumpySorting.from_samples_and_labels(
        [frames.astype(np.int64)], [unit_ids[spikes["unit_index"]]], rate_hz, unit_ids=unit_ids
    )
    generated.annotate(synthetic=True, model_sha256=record["model_sha256"], seed=record["seed"])
    scores, audits = (_restore_table(data, name) for name in ("scores", "audits"))
    told = {name: value for name, value in record.items() if name not in _STORAGE}
    return SpikeGeneration(probability, generated, scores, audits, told)


def draw(probability: Float32[np.ndarray, "time unit"], seed: int, unit_ids: np.ndarray) -> np.ndarray:
    """Return spikes drawn from probabilities, in the order of bins, as an array of `DRAWN`."""
    bins, units = np.nonzero(draw_spikes(probability, seed, unit_ids=unit_ids))
    spikes = np.empty(len(bins), dtype=DRAWN)
    spikes["bin_index"], spikes["unit_index"] = bins, units
    return spikes


def require_params(segment: str, context: str, seed: int, baselines: Sequence[str] | None) -> None:
    """Raise `InputError` for a parameter that cannot be used."""
    if segment not in SEGMENTS or context not in ("warm", "cold"):
        raise InputError(
            f"segment {segment!r}, context {context!r}",
            f"a segment of {', '.join(SEGMENTS)}, a context of warm, cold",
            "choose from these",
        )
    require_seed(seed)
    unknown = set(baselines or ()) - set(DEFAULT_BASELINES)
    if unknown:
        raise InputError(
            f"baselines {sorted(unknown)}", f"some of {', '.join(DEFAULT_BASELINES)}", "choose from these"
        )


def _open_for(
    model: FittedModel, sorting: BaseSorting, params: dict[str, Any]
) -> tuple[SpikeWindow, FittedModel]:
    """Open a sorting as for training when the model was trained on it, unless a window is given."""
    asked = {name: params[name] for name in ("start", "duration", "split", "unit_ids")}
    window = open_spike_window(sorting, bin_size=model.bin_size, **asked)
    model = recognise(model, sorting, str(window.units.attrs["identifier"]))
    if all(value is None for value in asked.values()):
        window = reopen_trained(model, sorting) or window
    return window, model


def _take(window: SpikeWindow, segment: str) -> xr.Dataset:
    return window.units if segment == "all" else getattr(window.parts, segment)
