"""Colours of figures and pages: told apart with any colour vision, and never alone."""

from __future__ import annotations

import numpy as np

from nwbspikegen.plot.panels import SpanKind

# light enough to lie behind black marks; Okabe and Ito's hues, and grey for what nobody saw
SPANS: dict[SpanKind, str] = {
    "train": "#CFE6F3",
    "validation": "#FBEBC4",
    "test": "#CBEBDF",
    "unobserved": "#B3B3B3",
}
SPAN_NAMES: dict[SpanKind, str] = {
    "train": "train",
    "validation": "validation",
    "test": "test",
    "unobserved": "not observed",
}
# even in lightness and without red beside green; its darkest end is few, as ink is on paper
SEQUENTIAL = "Cividis"
# blue below, orange above, white at zero
DIVERGING = ((0.0, "#0072B2"), (0.5, "#FFFFFF"), (1.0, "#D55E00"))
INK = "#222222"


def choose_ticks(limits: tuple[float, float]) -> dict[float, str]:
    """Return marks of a logarithmic colour scale: the place of each, and what it says.

    Examples
    --------
    >>> choose_ticks((0.5, 100.0))
    {-0.3010299956639812: '≤ 0.5', 0.0: '1', 1.0: '10', 2.0: '100'}
    """
    low, high = limits
    powers = range(int(np.ceil(np.log10(low) + 0.05)), int(np.floor(np.log10(high) + 1e-9)) + 1)
    # the lowest colour is that of nothing as well
    return {float(np.log10(low)): f"≤ {low:.2g}", **{float(each): f"{10.0**each:g}" for each in powers}}
