"""A trained model in a few words, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nwbspikegen.models.card_populations import DRAWN

if TYPE_CHECKING:
    from nwbspikegen.models.fitted import FittedModel

_LONGEST = 60


def summarise_model(model: FittedModel) -> dict[str, str]:
    """Return what tells a model from another: of which kind, trained on what, with which result.

    Examples
    --------
    >>> from nwbspikegen.models import FittedModel, build_model
    >>> model = FittedModel(build_model("in_context", num_units=4), loss="bernoulli", bin_size=0.001)
    >>> list(summarise_model(model).items())[:3]
    [('model', 'in_context'), ('units', '4'), ('bins', '0.001 s')]
    """
    training = model.training
    return {
        "model": model.name,
        "units": str(model.module.num_units),
        "bins": f"{model.bin_size:g} s",
        "loss": model.loss,
        "trained on": _shorten([each[:40] for each in name_sources(training)]),
        "training (s)": _span(training.get("split", {}).get("train")),
        "validation (s)": _span(training.get("split", {}).get("validation")),
        "epochs": str(len(model.curves)) if model.curves else "",
        "settings": _shorten([f"{name}={value}" for name, value in model.parameters.items()]),
        "sha256": model.sha256[:12],
    }


def name_sources(training: Mapping[str, Any]) -> list[str]:
    """Return what a model was trained on, by name: its recordings, or how many simulated populations.

    Examples
    --------
    >>> name_sources({"sources": [], "populations": {"num_used": 300}})
    ['300 simulated populations']
    """
    named = [_name_source(each) for each in training.get("sources", [])]
    # of a model that went on from another's weights, what that was drawn from; its recordings are among these
    start = training.get("started_from")
    records = (training, start if isinstance(start, dict) else {})
    drawn = [each.get(name) for each in records for name in DRAWN]
    named += [
        f"{each.get('num_used', '?')} simulated populations" for each in drawn if isinstance(each, dict)
    ]
    return named


def _name_source(source: Mapping[str, Any]) -> str:
    named = (source.get(name) for name in ("file_name", "session_id", "identifier"))
    return str(next((each for each in named if each), "?"))


def _span(segment: Any) -> str:
    return f"{segment[0]:g} to {segment[1]:g}" if segment else ""


def _shorten(parts: list[str]) -> str:
    """Return parts in one line that fits a notebook, and how many are not in it."""
    shown: list[str] = []
    for part in parts:
        if shown and len(", ".join([*shown, part])) > _LONGEST:
            return f"{', '.join(shown)} and {len(parts) - len(shown)} more"
        shown.append(part)
    return ", ".join(shown)
