"""What a card says of a model that was trained on simulated populations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nwbspikegen.core.cards import make_rows, to_plain

DRAWN = ("populations", "populations_beside")
"""Records of simulated populations that a model was trained on: alone, or beside recordings."""


def describe_populations(drawn: Mapping[str, Any]) -> str:
    """Return which populations a model was trained on, as Markdown.

    Parameters
    ----------
    drawn : mapping
        ``populations`` of `FittedModel.training`, as `pretrain` writes it.

    Examples
    --------
    >>> print(describe_populations({"num_used": 2, "seeds": [0, 1], "families": {"culture": 2}}))
    2 simulated populations and no recording: drawn by `nwbspikegen.draw_population` with the seeds 0 to 1,...
    <BLANKLINE>
    | family | populations |
    |---|---|
    | culture | 2 |
    """
    families = drawn.get("families")
    rows = [
        {"family": name, "populations": count}
        for name, count in (families.items() if isinstance(families, Mapping) else ())
    ]
    seconds = drawn.get("seconds")
    hours = f" {seconds / 3600:.1f} h in all," if isinstance(seconds, int | float) else ""
    return (
        f"{to_plain(drawn.get('num_used', '?'))} simulated populations and no recording: drawn by "
        f"`nwbspikegen.draw_population` with the seeds {tell_ends(drawn.get('seeds'))},{hours} "
        f"{to_plain(drawn.get('num_spikes', '?'))} spikes. Seeds "
        f"{tell_ends(drawn.get('held_out_seeds'))} chose the "
        f"epoch. Every population has the same weight. sha256 of all spikes, population by population: "
        f"`{to_plain(drawn.get('spikes_sha256', '?'))}`.\n\n{make_rows(['family', 'populations'], rows)}"
    )


def tell_ends(ends: Any) -> str:
    """Return the first and the last of some seeds in words, whatever a file says they are."""
    return " to ".join(to_plain(end) for end in ends) if isinstance(ends, list | tuple) else "?"
