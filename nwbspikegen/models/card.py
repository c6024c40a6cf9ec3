"""The card of a model of spikes: what it was trained on, what it is worth, how it is used."""

from __future__ import annotations

import shlex
from typing import Any

from nwbspikegen.core.cards import describe_license, make_card, make_rows, to_plain
from nwbspikegen.models.card_populations import DRAWN, describe_populations, tell_ends
from nwbspikegen.models.description import ModelDescription

_DATA_COLUMNS = (
    *("recording", "session", "subject", "species", "preparation", "lab"),
    *("units", "window (s)", "training (s)", "validation (s)"),
)
SCORE_COLUMNS = ("recording", "scored", "predictor", "metric", "null", "value", "ci_low", "ci_high")


def describe_model(model: ModelDescription, name: str, *, takes_any: bool) -> str:
    """Return the card of a model as Markdown.

    Parameters
    ----------
    model : ModelDescription
        What `model.json` says.
    name : str
        Of its folder.
    takes_any : bool
        Whether it predicts recordings of any number of units.

    Examples
    --------
    >>> model = ModelDescription(
    ...     name="in_context", num_units=4, parameters={}, loss="bernoulli", bin_size=0.001, sha256="",
    ...     training={"sources": [{"file_name": "a.nwb", "unit_ids": [1, 2]}]}, curves=[],
    ... )
    >>> card = describe_model(model, "model", takes_any=True)
    >>> print(card.partition("## Trained on")[2].partition("Every")[0])
    <BLANKLINE>
    <BLANKLINE>
    | recording | session | subject | species | preparation | lab | units | window (s) | training (s) | ...
    |---|---|---|---|---|---|---|---|---|---|
    | a.nwb | not stated | not stated | not stated | not stated | not stated | 2 | not stated | ...
    <BLANKLINE>
    """
    title = f"{model.name}: the next {model.bin_size:g} s of every unit's spikes"
    drawn = _as_mapping(model.training.get("populations"))
    parts = [_introduce(model), _describe_data(model), _describe_scores(model)]
    parts += [
        _describe_use(model, name, takes_any),
        describe_license(model.license, has_recordings=not drawn),
    ]
    return make_card(title, model.license, "spike-trains", parts)


def _introduce(model: ModelDescription) -> str:
    written = f"Written by nwbspikegen {model.package_version}." if model.package_version else ""
    return (
        f"Reads the spikes of a recorded population in bins of {model.bin_size:g} s and predicts for every "
        f"unit the probability of a spike in the next bin, from the bins before it. Architecture "
        f"`{to_plain(model.name)}`, trained with the loss `{to_plain(model.loss)}`. {written}"
    ).rstrip()


def _describe_data(model: ModelDescription) -> str:
    rows = [_describe_recording({**model.training, **each}) for each in model.training.get("sources", [])]
    if drawn := _as_mapping(model.training.get("populations")):
        return f"## Trained on\n\n{describe_populations(drawn)}"
    if not rows:
        return "## Trained on\n\nNot stated."
    print_ = f" Fingerprint of the data: `{model.data_fingerprint}`." if model.data_fingerprint else ""
    return (
        f"## Trained on\n\n{make_rows(_DATA_COLUMNS, rows)}\n\n"
        "Every recording has the same weight. Times are seconds of the session clock; the validation segment "
        f"chose the epoch. `model.json` has the ids of units and the sha256 of each recording.{print_}"
        f"{_describe_start(_as_mapping(model.training.get('started_from')))}"
        f"{_describe_beside(_as_mapping(model.training.get('populations_beside')))}"
    )


def _describe_beside(drawn: dict[str, Any]) -> str:
    """Say which simulated populations were trained on beside the recordings."""
    if not drawn:
        return ""
    return (
        "\n\nBeside the recordings, with a quarter of the weight of all of them, "
        f"{to_plain(drawn.get('num_used', '?'))} simulated populations, drawn by "
        f"`nwbspikegen.draw_population` with the seeds {tell_ends(drawn.get('seeds'))}."
    )


def _describe_start(start: dict[str, Any]) -> str:
    """Say from whose weights training went on; the recordings of that model are among the table's."""
    if not start:
        return ""
    drawn = [_as_mapping(start.get(name)) for name in DRAWN]
    counts = " and ".join(to_plain(each.get("num_used", "?")) for each in drawn if each)
    told = f", trained on {counts} simulated populations" if counts else ""
    return (
        "\n\nTraining went on from the weights of another model, sha256 "
        f"`{to_plain(str(start.get('sha256'))[:12])}`{told}."
    )


def _describe_recording(source: dict[str, Any]) -> dict[str, Any]:
    window, split = (_as_mapping(source.get(name)) for name in ("window", "split"))
    stretches: dict[str, Any] = {
        "window (s)": None
        if window.get("start") is None or window.get("duration") is None
        else [window["start"], window["start"] + window["duration"]],
        "training (s)": split.get("train"),
        "validation (s)": split.get("validation"),
    }
    units = source.get("unit_ids")
    return {
        "recording": source.get("file_name") or source.get("identifier"),
        "session": source.get("session_id"),
        "subject": source.get("subject_id"),
        **{name: source.get(name) for name in ("species", "preparation", "lab")},
        "units": len(units) if isinstance(units, list | tuple) else None,
        **{name: _join_ends(ends) for name, ends in stretches.items()},
    }


def _as_mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _join_ends(ends: Any) -> str | None:
    if not isinstance(ends, list | tuple):
        return None
    return " to ".join(f"{end:.9g}" if isinstance(end, int | float) else str(end) for end in ends)


def _describe_scores(model: ModelDescription) -> str:
    parts = ["## Scores"]
    kept = model.training.get("kept_epoch")
    point = next((each for each in model.curves if each.get("epoch") == kept), None)
    is_drawn = bool(_as_mapping(model.training.get("populations")))
    held_out = "the populations that were held out" if is_drawn else "the validation segment"
    if point is not None:
        rows = [{"score": name, "value": value} for name, value in point.items() if name != "epoch"]
        parts.append(
            f"On {held_out}, by which epoch {to_plain(kept)} of {len(model.curves)} was chosen: "
            "rather too good than too bad. Bits are above each unit's mean rate in training, the simplest "
            "baseline, which scores 0."
        )
        parts.append(make_rows(["score", "value"], rows))
    if model.scores:
        columns = [name for name in SCORE_COLUMNS if any(name in row for row in model.scores)]
        parts.append("On bins that took no part in training, beside the baselines:")
        parts.append(make_rows(columns, model.scores, missing=""))
    else:
        parts.append(
            "Nothing was scored on bins that took no part in training when this was written; `nwbspikegen "
            "generate` scores it beside the baselines on a recording of yours."
        )
    return "\n\n".join(parts)


def _describe_use(model: ModelDescription, name: str, takes_any: bool) -> str:
    taken = (
        "recordings of any number of units" if takes_any else f"recordings of {model.num_units} units only"
    )
    package = model.name.partition(":")[0].partition(".")[0] if ":" in model.name else ""
    needed = (
        f" Its architecture comes with `{to_plain(package)}`, which has to be installed." if package else ""
    )
    folder, bin_size = shlex.quote(name), f"{model.bin_size:g}"
    return f"""## Use

It takes {taken}.{needed} Where this folder is elsewhere, give its address instead of its name, such as `hf://ORG/NAME`.

```console
$ pip install 'nwbspikegen[train]'
$ nwbspikegen generate {folder} FILE.nwb --out OUT.nwb
```

```python
import nwbspikegen as nsg

model = nsg.load_model({name!r})
units = nsg.open_units("FILE.nwb", bin_size={bin_size})
parts = nsg.split_fractions(units)
predicted = nsg.generate(model, parts.test, context=units)
scores = nsg.score(predicted, parts.test, train=parts.train, context=units)
```"""
