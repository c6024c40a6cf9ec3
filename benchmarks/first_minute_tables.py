"""The tables of `first_minute.py`, as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float64

from nwbspikegen.scoring.blocks import estimate, resample_blocks
from nwbspikegen.scoring.context_curves import NULL, ContextCurve
from nwbspikegen.scoring.likelihood import weigh_bits
from nwbspikegen.scoring.worth import say_seconds, share_of_gain
from nwbspikegen.views.observed import read_spikes

if TYPE_CHECKING:
    from first_minute import Curves

_ALLOWED = -0.02
# s: blocks of the whole segment, as everywhere in the package
_BLOCK = 10
_RESAMPLES = 2000


def print_head(segment: str, num_starts: int, scored: int) -> None:
    """Print what was done, and how to read it."""
    print("# The first minute\n")
    print(f"`python benchmarks/first_minute.py --segment {segment}`, {date.today()}, {os.cpu_count()} cores")
    print(
        f"{platform.machine()}, OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'all')}, no GPU; seed 0."
    )
    print(f"Bits per spike of the {scored} s after each of {num_starts} starts, spread over the {segment}")
    print(
        "segment, from so many seconds of context, above `running_rate` with the same context. Intervals are"
    )
    print(
        "95 %, by bootstrap over starts. `mean_rate` and the GLMs are fitted on the target's training half,"
    )
    print("and `within` is trained on it: they know more than their context (*). `from-X` was trained on the")
    print("recording X alone, `zero_shot` on the other four, `shuffled` on the other four with every unit's")
    print("bins in random order; what is called `started` went on from the weights of `pretrained`, and")
    print("`zero_shot_beside` was trained on simulated populations beside the four.")
    print("[What worth and share mean](../transfer.md).\n", flush=True)


def print_recording(curves: Curves, before: ContextCurve | None) -> None:
    """Print everything about one recording."""
    print(f"## {curves.name}\n")
    if before is not None:
        print("Before:\n")
        _print_bits(before)
    if "curve" in curves.parts:
        curve = curves.curve()
        _print_bits(curve)
        _print_gains(curve)
        _print_worth(curve)
        _print_shares(curve)
    if "whole" in curves.parts:
        _print_whole(curves)
    if "odd" in curves.parts:
        _print_odd_starts(curves)
    if "audits" in curves.parts:
        _print_audits(curves.audits())
    print(flush=True)


def _print_bits(curve: ContextCurve) -> None:
    _print_line(["predictor", *curve.contexts], is_head=True)
    for name, table in curve.bits(resamples=_RESAMPLES).groupby("predictor", sort=False):
        star = " *" if table["knows_target"].any() else ""
        _print_line([f"`{name}`{star}", *map(_say_gain, table.itertuples())])


def _print_gains(curve: ContextCurve) -> None:
    print("\nAbove `untrained`, paired, bits per spike:\n")
    _print_line(["predictor", *curve.contexts], is_head=True)
    for name in curve.trained:
        table = curve.difference(name, "untrained", resamples=_RESAMPLES)
        _print_line([f"`{name}`", *map(_say_gain, table.itertuples())])


def _print_worth(curve: ContextCurve) -> None:
    print("\nSeconds of the target's own past that `untrained` needs to do as well (`worth_seconds`):\n")
    _print_line(["predictor", *curve.contexts], is_head=True)
    for name, table in curve.worth_seconds(resamples=_RESAMPLES).groupby("predictor", sort=False):
        _print_line([f"`{name}`", *(_say_worth(row) for row in table.itertuples())])


def _print_shares(curve: ContextCurve) -> None:
    if "within" not in curve.trained or len(curve.trained) < 2:
        return
    print("\n(model - untrained) / (within - untrained), - where within gains nothing:\n")
    _print_line(["model", *curve.contexts], is_head=True)
    for name in curve.trained:
        if name != "within":
            table = curve.transfer_share(name, "within", resamples=_RESAMPLES)
            _print_line([f"`{name}`", *map(_say_share, table.to_dict("records"))])


def _print_whole(curves: Curves) -> None:
    """Print warm scores of the whole segment, as `zero_shot.py` measures them, and shares of gains."""
    warm = curves.warm()
    spikes = read_spikes(curves.segment)
    num_spikes = np.add.reduceat(spikes.sum(axis=1, dtype=np.int64), np.arange(0, len(spikes), 1000))
    names = [name for name in warm if name not in ("running_rate", "mean_rate")]
    print("\nWarm, the whole segment, bits per spike above `mean_rate`:\n")
    _print_line([f"`{name}`" for name in names], is_head=True)
    total = num_spikes.sum()
    _print_line([f"{(warm[name] - warm['mean_rate']).sum() / total:.4f}" for name in names])
    own = _draw(warm["within"] - warm["untrained"], num_spikes)
    print(f"\nwithin - untrained: {_say_gain(estimate(own))}")
    for name in ("zero_shot", "pretrained"):
        if name in warm:
            gain = _draw(warm[name] - warm["untrained"], num_spikes)
            share = _say_share(share_of_gain(gain, own))
            print(f"; {name} - untrained: {_say_gain(estimate(gain))}, a share of {share}")


def _draw(
    gain: Float64[np.ndarray, " second"], num_spikes: Float64[np.ndarray, " second"]
) -> Float64[np.ndarray, " draw"]:
    """Return bits per spike as they are, then of draws of blocks."""
    begin = np.arange(0, len(gain), _BLOCK)
    weights = resample_blocks(len(begin), _RESAMPLES, 0)
    blocks = np.add.reduceat(num_spikes, begin).astype(np.float64)
    return weigh_bits(np.add.reduceat(gain, begin), blocks, weights)


def _print_odd_starts(curves: Curves) -> None:
    """Print what units that join late and beginnings within bursts are worth."""
    print("\nHalf of the units silent for a minute, then as recorded, these units alone; and recordings that")
    print("begin at the busiest bin of each stretch, without context; above `running_rate`:\n")
    late, bursts = curves.late(), curves.bursts()
    names = ["online_hazard", *curves.whole_models]
    _print_line(["", *(f"`{name}`" for name in names)], is_head=True)
    spikes = curves.num_late().astype(np.float64)
    weights = resample_blocks(len(spikes), _RESAMPLES, 0)
    gains = [estimate(weigh_bits(late[name] - late[NULL], spikes, weights)) for name in names]
    _print_line(["late", *map(_say_gain, gains)])
    gains = [next(bursts.difference(name, NULL, resamples=_RESAMPLES).itertuples()) for name in names]
    _print_line(["bursts", *map(_say_gain, gains)])


def _print_audits(rows: list[dict[str, Any]]) -> None:
    table = pd.DataFrame(rows)
    print("\nAudits at each length of context, and calibration error over the mean rate:\n")
    contexts = list(dict.fromkeys(table["context"]))
    _print_line(["model", "audit", *contexts], is_head=True)
    for (model, audit), found in table.groupby(["model", "audit"], sort=False):
        values = found.set_index("context").loc[contexts]
        shown = [
            f"{row.value:.2f}"
            if audit == "calibration"
            else f"{'' if row.passed else '**fails** '}{row.value:.1e}"
            for row in values.itertuples()
        ]
        _print_line([f"`{model}`", str(audit), *shown])


def _print_line(cells: Sequence[str], *, is_head: bool = False) -> None:
    print("| " + " | ".join(cells) + " |")
    if is_head:
        print("|" + "---|" * len(cells))


def _say_gain(row: Any) -> str:
    mark = "**" if row.value < _ALLOWED else ""
    return f"{mark}{row.value:+.3f}{mark} ({row.ci_low:+.2f} to {row.ci_high:+.2f})"


def _say_worth(row: Any) -> str:
    low, high = (say_seconds(end, "", row.measured_up_to) for end in (row.ci_low, row.ci_high))
    return f"{say_seconds(row.worth_seconds, row.bound, row.measured_up_to)} ({low} to {high})"


def _say_share(share: Mapping[Any, Any]) -> str:
    if np.isnan(share["transfer_share"]):
        return "-"
    return f"{share['transfer_share']:.2f} ({share['ci_low']:.2f} to {share['ci_high']:.2f})"
