"""The tables of `realism.py`, as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from nwbspikegen.likeness import Verdict, compare_verdicts

if TYPE_CHECKING:
    from realism import Judged

_TITLES = {
    "before": "**recorded, the quarter before**",
    "within": "`in_context`, trained within",
    "pretrained": "`in_context`, pretrained",
    "history_glm": "`history_glm`, run freely",
    "coupled_glm": "`coupled_glm`, run freely",
    "poisson": "Poisson",
    "renewal": "renewal",
    "jittered": "jittered by 25 ms",
    "dichotomised_gaussian": "dichotomised Gaussian",
}
# what a model should be told less well than
_ABOVE = ("dichotomised_gaussian", "history_glm", "coupled_glm")
_FIRST_FEATURES = 5
# log2 and log10, as `realism` has them: geometric means
_WAVES = {
    "rate": ("rate of units (Hz)", 2),
    "wave_rate": ("waves per s", 2),
    "wave_duration": ("wave, duration (s)", 10),
    "wave_interval": ("from wave to wave (s)", 10),
    "burst_rate": ("bursts per s", 2),
    "burst_duration": ("burst, duration (s)", 10),
    "burst_interval": ("from burst to burst (s)", 10),
}


def print_head(segment: str) -> None:
    """Print what was done, and how to read it."""
    print("# Would free runs pass for recordings?\n")
    print(f"`python benchmarks/realism.py --segment {segment}`, {date.today()}, {os.cpu_count()} cores")
    print(
        f"{platform.machine()}, OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'all')}, no GPU; seed 0."
    )
    print(f"Half of a window is read up to the {segment} quarter; then a quarter is generated and judged on")
    print("that quarter. Surrogates are made from the quarter before, which is the reference: the recording")
    print("itself, at the same distance in time. ROC-AUC of boosted trees on windows of 1 s (.5: they cannot")
    print(
        "tell), with 95 % intervals by bootstrap over blocks of 10 s, paired for differences; slice and npx"
    )
    print(
        "have ten blocks, which are few. *Dynamics*: relative to rates of units; *whole*: with their counts."
    )
    print("[What is told](../realism.md).\n", flush=True)


def print_summary(judged: Sequence[Judged]) -> None:
    """Print the dynamics of all recordings, and what was wanted."""
    print("## All, dynamics\n")
    heads = "recorded before | within | difference | Poisson | renewal"
    below = " | ".join(f"below {_TITLES[label].split(',')[0]}" for label in _ABOVE)
    print(f"| recording | {heads} | {below} |")
    print("|" + "---|" * (6 + len(_ABOVE)))
    for each in judged:
        before, within = each.judge("before"), each.judge("within")
        if before is None or within is None:
            continue
        cells = [_say(before), _say(within), _say_difference(within, before)]
        cells += [_say(each.judge(label)) for label in ("poisson", "renewal")]
        above = [each.judge(label) for label in _ABOVE]
        cells += ["" if other is None else _say_difference(other, within) for other in above]
        print(f"| {each.name} | {' | '.join(cells)} |")
    print("\nWanted on slice and npx: a difference of at most .10.\n", flush=True)


def print_recording(each: Judged) -> None:
    """Print all verdicts on one recording, by what models are told, and what waves are like."""
    from realism import MODELS, RUNS, SEEN_WHOLE, VERSIONS, WINDOWS

    print(f"## {each.name}\n")
    print(f"{each.recorded.sizes['unit']} units, {each.seconds:g} s judged.\n")
    print("| train | dynamics | above recorded before | whole | dynamics, 10 s |\n|" + "---|" * 5)
    before = each.judge("before")
    for label in RUNS:
        dynamics = each.judge(label)
        if dynamics is None:
            continue
        # the others are told by their dynamics already
        whole = each.judge(label, VERSIONS[1]) if label in SEEN_WHOLE else None
        slow = each.judge(label, window=WINDOWS[1]) if label in ("before", *MODELS) else None
        above = "" if label == "before" or before is None else _say_difference(dynamics, before)
        print(f"| {_TITLES[label]} | {_say(dynamics)} | {above} | {_say(whole)} | {_say(slow)} |")
    print("\nFirst features by which it tells, and the area that is lost when they are shuffled:\n")
    for label in ("before", *MODELS):
        verdict = each.judge(label)
        if verdict is not None:
            first = verdict.importances.head(_FIRST_FEATURES)
            told = ", ".join(f"`{name}` {lost:.3f}" for name, lost in first.items())
            print(f"- {_TITLES[label].strip('*')}: {told}")
    _print_distances(each)


def _print_distances(each: Judged) -> None:
    tables = {label: each.distances(label) for label in ("before", "within", "pretrained")}
    told = {
        _TITLES[label].strip("*"): table.set_index("statistic")
        for label, table in tables.items()
        if table is not None
    }
    if not told:
        print(flush=True)
        return
    print("\nDistances (`realism`; 1: as four stretches of the judged quarter from each other):\n")
    print("| train | unit | pair | population | largest |\n|" + "---|" * 5)
    for name, table in told.items():
        medians = table.groupby("level", sort=False).distance.median()
        largest = table.distance.replace(np.inf, np.nan).sort_values(ascending=False)
        cells = " | ".join(f"{medians[level]:.2f}" for level in ("unit", "pair", "population"))
        worst = ", ".join(f"`{statistic}` {far:.1f}" for statistic, far in largest.head(2).items())
        print(f"| {name} | {cells} | {worst} |")
    print(
        "\n| geometric mean, stretches of a quarter of what is judged | recorded | " + " | ".join(told) + " |"
    )
    print("|" + "---|" * (2 + len(told)))
    for statistic, (title, base) in _WAVES.items():
        first = next(iter(told.values()))
        cells = [first.recorded[statistic], *(table.generated[statistic] for table in told.values())]
        shown = ["none" if np.isnan(value) else f"{base**value:.3g}" for value in cells]
        print(f"| {title} | {' | '.join(shown)} |")
    print(flush=True)


def print_simulated(
    fair: Mapping[tuple[str, int], float], found: Mapping[tuple[str, int], Mapping[str, float]]
) -> None:
    """Print whether the judge is fair, and what is known of hidden units."""
    print("## Simulated preparations\n")
    areas = np.array(list(fair.values()))
    print("The judge, of the true population run freely against what it did (should be .5):")
    for preparation in dict.fromkeys(name for name, _ in fair):
        own = [area for (name, _), area in fair.items() if name == preparation]
        print(f"{preparation} {', '.join(f'{area:.3f}' for area in own)};")
    error = areas.std(ddof=1) / np.sqrt(len(areas))
    print(f"mean {areas.mean():.3f}, standard error {error:.3f}.\n")
    print("`in_context`, pretrained, 32 units, 200 s read: the judge's area of its free run (200 s), and how")
    print("half of the units, hidden for 40 s, follow from the other half, which is held to what it did:")
    print(
        "mean over hidden units of the correlation of recorded counts (50 ms) with the mean of 8 samples.\n"
    )
    print("| preparation | seed | judge, dynamics | hidden, true population | hidden, `in_context` | share |")
    print("|" + "---|" * 6)
    for (preparation, seed), told in found.items():
        share = told["hidden_model"] / told["hidden_truth"]
        print(
            f"| {preparation} | {seed} | {told['model']:.3f} | {told['hidden_truth']:.3f}"
            f" | {told['hidden_model']:.3f} | {share:.2f} |"
        )


def _say(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return f"{verdict.roc_auc:.3f} ({verdict.ci_low:.2f} to {verdict.ci_high:.2f})"


def _say_difference(one: Verdict, other: Verdict) -> str:
    gain = compare_verdicts(one, other)
    return f"{gain.value:+.3f} ({gain.ci_low:+.2f} to {gain.ci_high:+.2f})"
