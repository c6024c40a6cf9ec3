"""Training a spike model on a sorting or an analyzer."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import nwbspikegen as nsg
from nwbspikegen.core.files import require_absent
from nwbspikegen_si.clocks import SortingOrAnalyzer, take_segment
from nwbspikegen_si.identity import RECORD, fingerprint_trains
from nwbspikegen_si.windows import open_spike_window

if TYPE_CHECKING:
    from nwbspikegen.models import FittedModel


def train_spike_model(
    sorting_or_analyzer: SortingOrAnalyzer,
    out: str | os.PathLike[str],
    *,
    model: str = "in_context",
    loss: str | None = None,
    segment_index: int | None = None,
    start: float = 0.0,
    duration: float = 600.0,
    bin_size: float = 0.001,
    split: Sequence[float] = (0.5, 0.25, 0.25),
    unit_ids: Sequence[Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    overwrite: bool = False,
    **settings: Any,
) -> FittedModel:
    """Train a model on a sorting and save it as a checkpoint folder.

    The first part of the window is trained on, the second chooses the epoch, the third is not looked at:
    it is what `nwbspikegen_generation` predicts on this recording unless told otherwise.

    Parameters
    ----------
    sorting_or_analyzer : BaseSorting or SortingAnalyzer
        The recorded spikes. No recording is needed.
    out : path
        Folder to write the checkpoint to.
    model, loss : str
        As for `nwbspikegen.train`.
    segment_index : int, optional
        Which segment; all of them on one clock unless given, with what lies between them not observed.
    start, duration : float
        Window, in seconds from the start of observation.
    bin_size : float
        Size of a bin (s).
    split : three floats
        Shares of training, validation and test.
    unit_ids : sequence, optional
        Units to train on, by default all.
    seed : int
        Fixes initial weights, sampling and order.
    device : {"auto", "cpu", "cuda"}
        "auto" takes a GPU when there is one.
    overwrite : bool
        Replace a checkpoint at `out`.
    **settings
        Further arguments of `nwbspikegen.train`, such as `epochs`, and the architecture's parameters.

    Returns
    -------
    FittedModel
        What was saved.

    Raises
    ------
    InputError
        The sorting, its window or a parameter cannot be used.
    OutputError
        `out` cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nwbspikegen as nsg
    >>> sorting = nsg.simulate("in_vivo", num_units=8, duration=30, seed=1).sorting
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     train_spike_model(sorting, pathlib.Path(parent, "checkpoint"), epochs=1, device="cpu").name
    'in_context'
    """
    # torch is loaded when a model is asked for, not when the extension is registered
    from nwbspikegen.models import DESCRIPTION_FILE

    require_absent(out, overwrite=overwrite, marker=DESCRIPTION_FILE)
    sorting = take_segment(sorting_or_analyzer, segment_index)
    window = open_spike_window(
        sorting, bin_size=bin_size, start=start, duration=duration, split=split, unit_ids=unit_ids
    )
    fitted = nsg.train(
        window.parts.train,
        window.parts.validation,
        model=model,
        loss=loss,
        seed=seed,
        device=device,
        **settings,
    )
    own = {"stop": window.edges[-1], "trains": fingerprint_trains(sorting)}
    fitted = dataclasses.replace(fitted, training={**fitted.training, RECORD: own})
    fitted.save(out, overwrite=overwrite)
    return fitted
