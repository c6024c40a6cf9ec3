"""What is said of a score, once: its name, how it reads, which way is better, what it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float64

from nwbspikegen.scoring.segment import ScoredPrediction

Better = Literal["higher", "lower", "nearer_zero"]
Needs = Literal["probabilities", "null", "generated_train"]

BinFunction = Callable[[Any, Any], Any]
"""From recorded spikes `y` and probabilities `p` of a block, (time, unit), to a number per bin and unit."""


class Measured(NamedTuple):
    """One row of a score.

    Attributes
    ----------
    null : str
        The null that it is counted from; empty where it has none.
    draws : array (draw,)
        Its value, and behind it the value in every draw of blocks; the value alone where it has no interval.
    num_units : int
        How many units enter it.
    """

    null: str
    draws: Float64[np.ndarray, " draw"]
    num_units: int


@dataclass(frozen=True)
class Metric:
    """A score as tables, commands, figures and reports know it.

    Attributes
    ----------
    name : str
        In the column `metric` of every table.
    title : str
        As figures print it.
    column : str
        Heading of a narrow column of numbers; empty where the score is in no such table.
    better : {"higher", "lower", "nearer_zero"}
        Which values are better.
    unit : str
        "bits", "s", or "1" for a pure number.
    meaning : str
        One sentence, for the glossary and reports.
    measure : callable
        Returns its rows for a prediction: one, or one per null.
    needs : {"probabilities", "null", "generated_train"}
        What it is computed from: probabilities, probabilities and those of a null, or a train drawn
        from the probabilities.
    has_interval : bool
        Whether it is computed for every draw of blocks.
    chance : float or None
        What a prediction that knows nothing has; None where there is no such value.
    is_main : bool
        Whether studies keep its draws and figures show it first.
    function : callable or None
        What others gave to `metric`; None for scores of this package.
    """

    name: str
    title: str
    column: str
    better: Better
    unit: str
    meaning: str
    measure: Callable[[ScoredPrediction], Sequence[Measured]]
    needs: Needs = "probabilities"
    has_interval: bool = True
    chance: float | None = None
    is_main: bool = False
    function: BinFunction | None = None

    @property
    def needs_null(self) -> bool:
        """Whether it is counted from a null, and so has a row for each."""
        return self.needs == "null"

    @property
    def words(self) -> str:
        """The title within a sentence.

        Examples
        --------
        >>> from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, ROC_AUC_PER_UNIT, ROC_AUC_POOLED
        >>> BITS_PER_SPIKE.words, ROC_AUC_PER_UNIT.words, ROC_AUC_POOLED.words
        ('bits per spike', 'ROC-AUC per unit', 'pooled ROC-AUC')
        """
        is_abbreviation = self.title[1:2].isupper()
        return self.title if is_abbreviation else self.title[:1].lower() + self.title[1:]
