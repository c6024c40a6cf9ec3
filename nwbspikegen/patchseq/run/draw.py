"""Figures of a study of patched cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.figures.classes import (
    plot_confusion,
    plot_family_attention,
    plot_few_shot,
)
from nwbspikegen.patchseq.figures.explanation import plot_importance, plot_separation
from nwbspikegen.patchseq.figures.families import plot_cell_map, plot_families
from nwbspikegen.patchseq.run.load import LoadedCells
from nwbspikegen.patchseq.run.validate import Validation
from nwbspikegen.plot.canvas import save_figure

# two cells always lie on a line
_FEWEST_ON_A_MAP = 3


def draw_training(folder: Path, cells: LoadedCells, model: CellModel, validation: Validation) -> list[Path]:
    """Draw families by class, the map of components, the confusion and the attention of cross-validation."""
    figures: dict[str, Any] = {"confusion": plot_confusion(validation.confusion)}
    if model.components is not None:
        figures["families"] = plot_families(cells.require_families())
        components = model.components.transform(cells.require_families())
        if len(cells.table) >= _FEWEST_ON_A_MAP:
            figures["cell_map"] = plot_cell_map(components)
    attention = average_attention(validation)
    if attention is not None:
        figures["attention"] = plot_family_attention(attention)
    return _save(folder, figures)


def draw_transfer(folder: Path, scores: pd.DataFrame, confusions: dict[str, pd.DataFrame]) -> list[Path]:
    """Draw the curves over labelled cells, and who was taken for whom by each zero-shot condition."""
    figures: dict[str, Any] = {
        f"confusion-{name}": plot_confusion(counts) for name, counts in confusions.items()
    }
    figures["few_shot"] = plot_few_shot(scores)
    return _save(folder, figures)


def draw_cell_explanation(
    folder: Path, importance: pd.DataFrame, separation: pd.DataFrame, attention: pd.DataFrame | None
) -> list[Path]:
    """Draw what a classifier reads: importance, separation, and attention where there is some."""
    figures: dict[str, Any] = {
        "importance": plot_importance(importance),
        "separation": plot_separation(separation),
    }
    if attention is not None:
        figures["attention"] = plot_family_attention(attention)
    return _save(folder, figures)


def average_attention(validation: Validation) -> pd.DataFrame | None:
    """Return the mean attention by class and family over repeats; None when there is none."""
    if "attention" not in validation.predictions:
        return None
    attention = validation.predictions["attention"].mean("repeat").transpose("cell", "family")
    values = attention.values
    # a masked family has 0, which is no opinion of the network
    shown = pd.DataFrame(np.where(values > 0, values, np.nan), columns=attention["family"].values.astype(str))
    return shown.groupby(validation.classes).mean()


def _save(folder: Path, figures: dict[str, Any]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [save_figure(figure, folder / f"{name}.png", overwrite=True) for name, figure in figures.items()]
