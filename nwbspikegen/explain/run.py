"""Explain a model on a recording, draw and write it: the whole of `nwbspikegen explain`."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nwbspikegen.core.errors import require_seed
from nwbspikegen.core.files import require_absent, require_suffix
from nwbspikegen.explain.ablations import AblationOptions
from nwbspikegen.explain.explanation import Explanation, explain
from nwbspikegen.explain.maps import MOST_WINDOWS
from nwbspikegen.explain.nwb import write_attention
from nwbspikegen.models import FittedModel, find_loss
from nwbspikegen.nwb.unit_table import UNITS
from nwbspikegen.prediction.nwb_writing import require_complete
from nwbspikegen.prediction.recording import open_for
from nwbspikegen.views import WindowOptions

_LOG = logging.getLogger("nwbspikegen")


@dataclasses.dataclass(frozen=True)
class ExplanationReport:
    """What `explain_and_write` made: the file, what it says, and the figures."""

    path: Path
    explanation: Explanation
    figures: list[Path]


def explain_and_write(
    model: FittedModel,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    options: WindowOptions | None = None,
    context: str = "warm",
    loss: str | None = None,
    most_windows: int = MOST_WINDOWS,
    num_targets: int = 200,
    retrain: bool = False,
    figures: str | os.PathLike[str] | None = None,
    seed: int = 0,
    metadata: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> ExplanationReport:
    """Map what a model looks at in the test segment, test what that is worth, and write NWB.

    Parameters
    ----------
    model : FittedModel
        The model to explain.
    source : path
        NWB file with the recording. One that the model was trained on is opened as it was for training.
    out : path
        NWB file to write.
    options : WindowOptions, optional
        The window of another recording.
    context : {"warm", "cold"}
        Whether the observed bins of the window before the test segment are read.
    loss : {"dice", "bernoulli", "focal"}, optional
        Loss whose gradient is the importance; that of training by default.
    most_windows : int
        Windows whose attention is mapped.
    num_targets : int
        Bins sampled for the controls that perturb what is read before a bin.
    retrain : bool
        Also train again with attention disabled, which takes twice as long as training did.
    figures : path, optional
        Folder for figures; made when it is not there.
    seed : int
        Of sampled bins, perturbations, drawn spikes and the bootstrap.
    metadata : mapping or path, optional
        Subject and session fields that the source lacks.
    overwrite : bool
        Replace `out` and figures.
    """
    if loss is not None:
        find_loss(loss)
    require_seed(seed)
    require_suffix(out, ".nwb")
    require_absent(out, overwrite=overwrite, sources=[source])
    require_choices(context, most_windows, num_targets)
    units, parts = open_for(model, source, options)
    unit_table = units.attrs.get("unit_table", UNITS)
    # metadata that are missing are found now, not after the hour that maps and controls may take
    require_complete(source, metadata, unit_table)
    _LOG.info("mapping what %s looks at in %d bins", model.name, parts.test.sizes["time"])
    explanation = explain(
        model,
        parts,
        context=units if context == "warm" else None,
        loss=loss,
        most_windows=most_windows,
        options=AblationOptions(num_targets=num_targets, retrain=retrain, seed=seed),
    )
    drawn = [] if figures is None else draw_explanation(explanation, figures, overwrite=overwrite)
    path = write_attention(
        out,
        source,
        explanation.maps,
        explanation.rate_correlations,
        explanation.ablations,
        model=model,
        metadata=metadata,
        unit_table=unit_table,
        overwrite=overwrite,
    )
    return ExplanationReport(path, explanation, drawn)


def require_choices(context: str, most_windows: int, num_targets: int) -> None:
    """Raise `InputError` for choices that cannot be followed."""
    from nwbspikegen.core.errors import InputError

    if context not in ("warm", "cold"):
        raise InputError(f"context {context!r}", "warm or cold", "choose one of these")
    for name, number in (("windows", most_windows), ("targets", num_targets)):
        if number < 1:
            raise InputError(f"--{name} {number}", "1 or more", "choose more")


def draw_explanation(
    explanation: Explanation, folder: str | os.PathLike[str], *, overwrite: bool = False
) -> list[Path]:
    """Write every figure that an explanation has, and return where they are."""
    from nwbspikegen.explain.figure_bars import plot_ablations, plot_rate_correlations
    from nwbspikegen.explain.figure_curves import plot_attention_curves
    from nwbspikegen.explain.figure_maps import plot_attention_maps, plot_couplings
    from nwbspikegen.plot import save_figure

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    maps, made = explanation.maps, []

    def keep(name: str, figure: Any) -> None:
        made.append(save_figure(figure, folder / f"{name}.png", overwrite=overwrite))

    if "attention_mean" in maps:
        keep("attention_maps", plot_attention_maps(maps))
        keep("attention_curves", plot_attention_curves(maps))
        keep("rate_correlations", plot_rate_correlations(explanation.rate_correlations))
    if "influence" in maps:
        keep("couplings", plot_couplings(maps))
    keep("ablations", plot_ablations(explanation.ablations))
    return made
