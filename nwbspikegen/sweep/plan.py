"""What a sweep varies: factors, their values, and how parameter counts are kept equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.records import Record
from nwbspikegen.core.setting_values import Value, read_value
from nwbspikegen.models import LOSSES, build_model, find_architecture
from nwbspikegen.training.settings import OF_TRAINING, list_settings, require_settings
from nwbspikegen.views.window_record import StoredOptions

SAMPLERS = ("grid", "random", "tpe")
# what the paper calls them, as people will type them
_ALIASES = {"input_length": "num_bins", "heads": "num_heads"}
_ARGUMENTS = (*OF_TRAINING, "loss")


class SweepPlan(Record):
    """Everything that fixes what a sweep computes; `plan.json` holds it.

    Attributes
    ----------
    recording : str
        Path or address of the NWB file.
    source : str
        Its hash, or its identifier where none can be taken.
    factors : dict
        Values of every factor, by its name.
    model : str
        Architecture.
    loss, epochs
        As for `nwbspikegen.train`.
    options : WindowOptions
        Window, units and split.
    match_parameters : bool
        Choose the feed-forward width so that every depth has the parameters of the deepest.
    sampler : {"grid", "random", "tpe"}
        All combinations, or `trials` of them: none twice, or as Optuna's TPE learns.
    trials : int
        How many trials.
    seed : int
        Of every trial and of the sampler.
    device : str
        Where to train; not part of what is computed.
    settings : dict
        Settings that are the same in every trial, by their names.
    """

    recording: str
    source: str
    factors: dict[str, list[Value]]
    model: str
    loss: str | None
    epochs: int | None
    options: StoredOptions
    match_parameters: bool
    sampler: str
    trials: int
    seed: int
    device: str = "auto"
    settings: dict[str, Value] = Field(default_factory=dict)

    def computes(self) -> dict[str, Any]:
        """Return what two runs must share to be one sweep; paths and devices may change."""
        # the file's hash stands for the recording: it may be moved, and go on where there is another device
        return self.model_dump(mode="json", exclude={"recording", "device"})

    def settings_of(
        self, point: Mapping[str, Value], num_units: int
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what `train` takes for a point of the sweep: arguments, and parameters of the model."""
        named = {_ALIASES.get(name, name): value for name, value in {**self.settings, **point}.items()}
        arguments = {name: named.pop(name) for name in _ARGUMENTS if name in named}
        if self.match_parameters:
            # the deepest has most weights of its own: a feed-forward width above zero is left for all
            deepest = {**named, "depth": max(self.factors["depth"])}
            wanted = count_parameters(self.model, num_units, **deepest)
            named["feedforward"] = match_feedforward(self.model, num_units, wanted, **named)
        return arguments, named


def read_factors(texts: Sequence[str]) -> dict[str, list[Value]]:
    """Return the factors of texts such as ``depth=1,2``.

    Examples
    --------
    >>> read_factors(["depth=1,2", "dropout=0,0.1"])
    {'depth': [1, 2], 'dropout': [0, 0.1]}
    >>> read_factors(["start_at_rates=false,true"])
    {'start_at_rates': [False, True]}
    """
    factors: dict[str, list[Value]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip().replace("-", "_")
        parsed = [read_value(value.strip()) for value in values.split(",") if value.strip()]
        if not equals or not parsed or name in factors or len(set(parsed)) < len(parsed):
            raise InputError(
                f"--vary {text}", "a name, once, and values, each once, such as depth=1,2,3,4", "correct it"
            )
        factors[name] = parsed
    return factors


def require_plan(plan: SweepPlan, num_units: int) -> None:
    """Raise `InputError` for a factor, a value or a combination that no trial could be run with."""
    if not plan.factors:
        raise InputError("nothing to vary", "at least one factor", "pass --vary depth=1,2")
    names = _require_names(plan)
    for loss in plan.factors.get("loss", []):
        if loss not in LOSSES:
            raise InputError(f"loss {loss!r}", f"one of {', '.join(LOSSES)}", "choose one of these")
    if plan.match_parameters and ("depth" not in names or "feedforward" in names):
        raise InputError(
            "parameters to match without a varied depth, or with a varied feed-forward width",
            "depth among the factors: the feed-forward width follows from it",
            "pass --vary depth=1,2,3,4",
        )
    for name, values in plan.factors.items():
        # each value once, beside the first of the other factors: not a network for every trial
        first = {other: each[0] for other, each in plan.factors.items()}
        for value in values:
            arguments, settings = plan.settings_of({**first, name: value}, num_units)
            require_settings(plan.model, arguments)
            build_model(plan.model, num_units, **settings)


def _require_names(plan: SweepPlan) -> list[str]:
    """Return the factors' names as the model has them, or raise `InputError`."""
    known = list_settings(plan.model)
    allowed = ["loss", *known, *(alias for alias, name in _ALIASES.items() if name in known)]
    names = [_ALIASES.get(name, name) for name in (*plan.factors, *plan.settings)]
    for name, given in zip(names, (*plan.factors, *plan.settings), strict=True):
        if given not in allowed or names.count(name) > 1:
            kind = "factor" if given in plan.factors else "setting"
            raise InputError(
                f"{kind} {given!r}, of {plan.model}",
                f"one of {', '.join(allowed)}, once in --vary and --set",
                "correct it",
            )
    return names


def count_parameters(model: str, num_units: int, **settings: Any) -> int:
    """Return how many weights an architecture has.

    Examples
    --------
    >>> count_parameters("shimono2026", 128, depth=4)
    398336
    """
    return sum(each.numel() for each in build_model(model, num_units, **settings).parameters())


def match_feedforward(model: str, num_units: int, wanted: int, **settings: Any) -> int:
    """Return the feed-forward width with which an architecture has the wanted number of weights.

    Weights grow by the same number with every unit of width.

    Examples
    --------
    >>> match_feedforward("shimono2026", 128, 398336, depth=1)
    1290
    """
    if "feedforward" not in find_architecture(model).settings_class.__dataclass_fields__:
        raise InputError(
            f"parameters of {model} to match", "a model with a feedforward width", "leave it out"
        )
    # a straight line through two widths: building a network for every width between would take minutes
    one, two = (count_parameters(model, num_units, **{**settings, "feedforward": width}) for width in (1, 2))
    return max(1, 1 + round((wanted - one) / (two - one)))
