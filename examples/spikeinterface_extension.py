"""A spike model inside SpikeInterface: train, move to another sorting, curate, store, read back, draw.

    python examples/spikeinterface_extension.py OUT_FOLDER

Simulated populations stand in for the outputs of a spike sorter, so that this runs anywhere.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import matplotlib
import nwbspikegen_si as nsi
import spikeinterface.core as si

import nwbspikegen as nsg

NAME = "nwbspikegen_generation"


def main(folder: Path) -> None:
    """Write a checkpoint, an analyzer and a figure into `folder` and print the scores."""
    source = nsg.simulate("in_vivo", num_units=8, duration=30, seed=1).sorting
    target = nsg.simulate("in_vivo", num_units=10, duration=30, seed=2).sorting

    # no recording is needed to train; with a GPU, it is used
    nsi.train_spike_model(source, folder / "checkpoint", epochs=2, overwrite=True)

    # with a recording, it would be si.create_sorting_analyzer(target, recording)
    analyzer = nsi.create_spike_analyzer(target)
    analyzer.compute(NAME, model=folder / "checkpoint")
    show("zero-shot, all units", analyzer)

    # scores follow the units: none is left over from before
    curated = analyzer.merge_units([[0, 1]]).select_units([3, 4, 5, 10])
    show("after merging and selecting", curated)

    stored = folder / "analyzer"
    if not stored.exists():
        with warnings.catch_warnings():
            # SpikeInterface says that there is no recording, and no sorting on disk to refer to
            warnings.simplefilter("ignore", UserWarning)
            curated.save_as(format="binary_folder", folder=stored)
    again = si.load(stored)
    print("read back:", again.get_extension(NAME).get_data("record")["changes"])

    figure = nsi.plot_spike_generation(analyzer, duration=4.0, figtitle="Synthetic beside recorded").figure
    figure.savefig(folder / "generation.png")


def show(title: str, analyzer: si.SortingAnalyzer) -> None:
    """Print bits per spike above the mean rate."""
    scores = analyzer.get_extension(NAME).get_data("scores")
    rows = scores[(scores["metric"] == "bits_per_spike") & (scores["null"] == "mean_rate")]
    print(title)
    print(rows[["predictor", "value", "ci_low", "ci_high", "num_units"]].to_string(index=False))


if __name__ == "__main__":
    matplotlib.use("Agg")
    main(Path(sys.argv[1]))
