"""Colours and words of preparations."""

from __future__ import annotations

# in the order in which groups are drawn
PREPARATIONS = {"in_vitro": "#0072B2", "in_vivo": "#D55E00", "mixed": "#882E72", "": "#4D4D4D"}


def name_preparation(preparation: str) -> str:
    """Return a preparation in words.

    Examples
    --------
    >>> name_preparation("in_vitro")
    'in vitro'
    """
    return preparation.replace("_", " ") or "preparation unknown"
