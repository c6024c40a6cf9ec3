"""Colours of a page: told apart with any colour vision, and never alone."""

from __future__ import annotations

from nwbspikegen.report.parts import SpanKind

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
