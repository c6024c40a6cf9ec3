"""The analyzer extension `nwbspikegen_generation`, and the same for a sorting alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from spikeinterface.core import SortingAnalyzer
from spikeinterface.core.sortinganalyzer import AnalyzerExtension, register_result_extension

import nwbspikegen as nsg
from nwbspikegen.core.addresses import has_scheme
from nwbspikegen.core.errors import InputError
from nwbspikegen_si import unit_changes
from nwbspikegen_si.clocks import SortingOrAnalyzer, take_segment
from nwbspikegen_si.generation import (
    SpikeGeneration,
    predict_sorting,
    reopen_predicted,
    require_params,
    score_again,
    to_generation,
    without_scores,
)

if TYPE_CHECKING:
    from nwbspikegen.models import FittedModel

_LOG = logging.getLogger("nwbspikegen")
_OUTPUTS = ("generation", "spike_probability", "generated", "scores", "audits", "record")


class ComputeSpikeGeneration(AnalyzerExtension):  # type: ignore[misc]
    """Predict every unit's spikes one bin ahead with a trained model, and score the prediction.

    The model reads observed spikes only, its weights do not change, and each bin is predicted from the
    bins before it. Nothing is trained here: `train_spike_model` makes the checkpoint. A recording that
    the model was trained on, which is recognised by its spikes, is opened with the units and the split
    of training; bins that weights or baselines were fitted on may be predicted and are never scored.

    Parameters
    ----------
    model : path or address
        Checkpoint folder.
    segment : {"test", "validation", "train", "all"}
        What part of the window to predict.
    context : {"warm", "cold"}
        Whether the model, and every baseline, reads the observed bins of the window before.
    segment_index : int, optional
        Which segment of the sorting; all of them on one clock unless given, with what lies between them
        not observed.
    start, duration : float, optional
        Window, in seconds from the start of observation; 0 and 600 s unless given.
    split : three floats, optional
        Shares of training, validation and test; a half and two quarters unless given. Baselines are
        fitted on the first.
    unit_ids : list, optional
        Units that are read and predicted; all unless given.
    seed : int
        Of the drawn spikes, the bootstrap and the audits.
    baselines : list of str, optional
        Predictors to score beside the model; all of the package's unless given.
    model_sha256 : str, optional
        Hash that the checkpoint must have; filled in, so that computing again, as hard merges do, never
        takes another model in silence.

    Returns
    -------
    SpikeGeneration
        By `get_data()`; `get_data("scores")` and alike return one part of it.

    Notes
    -----
    After `select_units` and soft merges scores are computed again from the units that are there, without
    the model. A merged unit fires with probability 1 - (1 - p)(1 - q). Units that were split by a soft
    split are no longer predicted; a hard one asks the model again.
    """

    extension_name = "nwbspikegen_generation"
    depend_on: list[str] = []  # noqa: RUF012 - as SpikeInterface declares it
    need_recording = False
    use_nodepipeline = False
    need_job_kwargs = False

    @staticmethod
    def _set_params(
        model: str | os.PathLike[str] | None = None,
        segment: str = "test",
        context: str = "warm",
        segment_index: int | None = None,
        start: float | None = None,
        duration: float | None = None,
        split: Sequence[float] | None = None,
        unit_ids: Sequence[Any] | None = None,
        seed: int = 0,
        baselines: Sequence[str] | None = None,
        model_sha256: str | None = None,
    ) -> dict[str, Any]:
        if model is None:
            raise InputError(
                "no model", "the folder of a checkpoint", "pass model=FOLDER, as train_spike_model wrote it"
            )
        require_params(segment, context, seed, baselines)
        return {
            "model": str(model) if has_scheme(model) else str(Path(model).resolve()),
            "segment": segment,
            "context": context,
            "segment_index": None if segment_index is None else int(segment_index),
            "start": None if start is None else float(start),
            "duration": None if duration is None else float(duration),
            "split": None if split is None else [float(part) for part in split],
            "unit_ids": None if unit_ids is None else np.asarray(unit_ids).tolist(),
            "seed": int(seed),
            "baselines": None if baselines is None else list(baselines),
            "model_sha256": _load(model, model_sha256).sha256,
        }

    def _run(self, verbose: bool = False) -> None:
        model = _load(self.params["model"], self.params["model_sha256"])
        self.data = predict_sorting(model, self._segment(self.sorting_analyzer), self.params)

    def _get_data(self, outputs: str = "generation") -> Any:
        if outputs not in _OUTPUTS:
            raise InputError(f"outputs {outputs!r}", f"one of {', '.join(_OUTPUTS)}", "choose one of these")
        # the analyzer is held weakly, and gone when it was made in the same line
        is_told = "sampling_frequency" in self.data["record"]
        generation = to_generation(self.data, None if is_told else self.sorting_analyzer.sampling_frequency)
        return generation if outputs == "generation" else getattr(generation, outputs)

    def _select_units_extension_data(self, unit_ids: Sequence[Any]) -> dict[str, Any]:
        change = f"kept {len(unit_ids)} of {len(self.sorting_analyzer.unit_ids)} units"
        data = unit_changes.keep_units(self.data, unit_ids, change)
        return self._score_again(data, self.sorting_analyzer)

    def _merge_extension_data(
        self,
        merge_unit_groups: Sequence[Sequence[Any]],
        new_unit_ids: Sequence[Any],
        new_sorting_analyzer: SortingAnalyzer,
        keep_mask: np.ndarray | None = None,
        verbose: bool = False,
        **job_kwargs: Any,
    ) -> dict[str, Any]:
        data = unit_changes.merge_units(
            self.data, merge_unit_groups, new_unit_ids, new_sorting_analyzer.unit_ids
        )
        return self._score_again(data, new_sorting_analyzer)

    def _split_extension_data(
        self,
        split_units: dict[Any, Any],
        new_unit_ids: Sequence[Any],
        new_sorting_analyzer: SortingAnalyzer,
        verbose: bool = False,
        **job_kwargs: Any,
    ) -> dict[str, Any]:
        data = unit_changes.drop_split(self.data, list(split_units), new_sorting_analyzer.unit_ids)
        _LOG.warning("units %s were split and are no longer predicted", list(split_units))
        return self._score_again(data, new_sorting_analyzer)

    def _score_again(self, data: dict[str, Any], analyzer: SortingAnalyzer) -> dict[str, Any]:
        """Return data with scores of its own units, none where there is no population to view."""
        if len(data["unit_ids"]) == 0 or len(analyzer.unit_ids) < 2:
            _LOG.warning(
                "%d units of a sorting of %d: not scored", len(data["unit_ids"]), len(analyzer.unit_ids)
            )
            return without_scores(data)
        window = reopen_predicted(self._segment(analyzer), data)
        return score_again(data, window, self.params)

    def _segment(self, analyzer: SortingAnalyzer) -> Any:
        return take_segment(analyzer, self.params["segment_index"])


def compute_spike_generation(
    sorting_or_analyzer: SortingOrAnalyzer, model: str | os.PathLike[str], **params: Any
) -> SpikeGeneration:
    """Predict and score the spikes of a sorting, or compute the extension of an analyzer.

    Parameters
    ----------
    sorting_or_analyzer : BaseSorting or SortingAnalyzer
        Of an analyzer, the extension `nwbspikegen_generation` is computed and kept.
    model : path
        Checkpoint folder, as `train_spike_model` wrote it.
    **params
        Those of `ComputeSpikeGeneration`.

    Returns
    -------
    SpikeGeneration

    Raises
    ------
    InputError
        The checkpoint, the sorting or a parameter cannot be used.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nwbspikegen as nsg
    >>> from nwbspikegen_si import train_spike_model
    >>> sorting = nsg.simulate("in_vivo", num_units=8, duration=30, seed=1).sorting
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     folder = pathlib.Path(parent, "checkpoint")
    ...     _ = train_spike_model(sorting, folder, epochs=1, device="cpu")
    ...     result = compute_spike_generation(sorting, folder, baselines=["running_rate"])
    >>> result.spike_probability.shape, bool(result.audits.passed.all())
    ((7500, 8), True)
    """
    if isinstance(sorting_or_analyzer, SortingAnalyzer):
        extension = sorting_or_analyzer.compute(ComputeSpikeGeneration.extension_name, model=model, **params)
        generation: SpikeGeneration = extension.get_data()
        return generation
    checked = ComputeSpikeGeneration._set_params(model=model, **params)
    sorting = take_segment(sorting_or_analyzer, checked["segment_index"])
    data = predict_sorting(_load(model, checked["model_sha256"]), sorting, checked)
    return to_generation(data)


def _load(folder: str | os.PathLike[str], sha256: str | None) -> FittedModel:
    model = nsg.load_model(folder)
    if sha256 is not None and model.sha256 != sha256:
        raise InputError(
            f"a model of hash {model.sha256[:12]} in {folder}",
            f"the one of hash {sha256[:12]}",
            "restore the checkpoint, or compute with the new one",
        )
    return model


register_result_extension(ComputeSpikeGeneration)
