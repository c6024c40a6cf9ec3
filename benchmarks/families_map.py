"""Does the map of a transfer study know what kind of population a recording is of?

24 simulated recordings of four families, six each, with other parameters, units, seeds. One model is trained
on each and tested on all; recordings are laid out by what training elsewhere gains over no training, and by
pooled ROC-AUC. Four clusters of the positions are compared with the families. Prints Markdown:

    python benchmarks/families_map.py --cache FOLDER > docs/benchmarks/families_map.md

Choices were made on other seeds (`--first-seed`).
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import nwbspikegen as nsg
from nwbspikegen.simulation import metadata_of
from nwbspikegen.transfer import TransferStudy

_FAMILIES = ("cortex_awake", "culture", "hippocampus", "retina_waves")
_UNITS = (12, 16, 20)
_DURATION = 240.0
_CONTEXTS = (0, 1, 5, 10, 30)
_STARTS = 10
# of a small network: what is compared are recordings, and 576 cells are predicted
_WIDTH = 32
_CLUSTERINGS = 20


def main() -> None:
    """Make the study and print what its maps tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--of-each", type=int, default=6, help="recordings of a family")
    parser.add_argument("--first-seed", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    started = time.process_time()
    study, families = make_study(asked)
    truth = [families[name] for name in study.plan.names]
    print("# What a map knows\n")
    print(f"`python benchmarks/families_map.py --first-seed {asked.first_seed}`, {date.today()},")
    print(f"{os.cpu_count()} cores {platform.machine()}; {time.process_time() - started:.0f} CPU s.")
    print(f"{len(truth)} recordings of {_DURATION:.0f} s, {', '.join(_FAMILIES)}: {asked.of_each} each.\n")
    print("| laid out by | adjusted Rand index of four clusters | normalised stress |\n|---|---|---|")
    maps: dict[str, dict[str, Any]] = {
        **{
            f"{score}, {context} s of context{label}": {"context": context, **of_score, **how}
            for score, of_score in (
                ("gain over untrained", {}),
                ("`worth_seconds`", {"metric": "worth_seconds"}),
            )
            for label, how in (("", {}), (", relative", {"relative": True}))
            for context in ("0", "1", "5", "10")
        },
        "warm bits per spike": {"metric": "bits_per_spike"},
        "pooled ROC-AUC": {"metric": "roc_auc_pooled"},
    }
    for label, how in maps.items():
        layout = study.layout(**how)
        positions = np.asarray(layout.positions)
        index = adjusted_rand_score(truth, cluster(positions))
        print(f"| {label} | {index:.2f} | {layout.normalised_stress:.2f} |", flush=True)


def make_study(asked: argparse.Namespace) -> tuple[TransferStudy, Mapping[str, str]]:
    """Return the study, run, and the family of every recording."""
    files: dict[str, Path] = {}
    families: dict[str, str] = {}
    for place, family in enumerate(_FAMILIES):
        for number in range(asked.of_each):
            seed = asked.first_seed + place * asked.of_each + number
            name = f"{family}{number}"
            files[name], families[name] = asked.cache / f"{seed}.nwb", family
            if not files[name].is_file():
                drawn = nsg.draw_population(
                    seed, duration=_DURATION, num_units=_UNITS[number % len(_UNITS)], family=family
                )
                asked.cache.mkdir(parents=True, exist_ok=True)
                nsg.convert_sorting(drawn.sorting, files[name], metadata=metadata_of(drawn))
    folder = asked.cache / f"study-{asked.first_seed}-{asked.of_each}"
    if (folder / "study.json").is_file():
        study = TransferStudy(folder)
    else:
        study = TransferStudy.create(folder, files, width=_WIDTH, resamples=50, baselines=("online_hazard",))
        study.add_contexts(_CONTEXTS, starts=_STARTS)
    study.run()
    return study, families


def cluster(positions: np.ndarray) -> np.ndarray:
    """Return four clusters of positions."""
    labels: np.ndarray = KMeans(len(_FAMILIES), n_init=_CLUSTERINGS, random_state=0).fit_predict(positions)
    return labels


if __name__ == "__main__":
    main()
