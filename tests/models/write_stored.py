"""Models as versions of this package left them, kept so that later versions read them.

Run at the version whose name a folder of `stored/` is to have:
`python tests/models/write_stored.py schema-2`, or for one kind alone, since each has schemas of its own,
`python tests/models/write_stored.py schema-3 cells`.
`schema-1` was written at commit dd591eb, before descriptions said by which version they were written.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

STORED = Path(__file__).parent / "stored"


def write_spike_model(folder: Path) -> None:
    """Write a small model, trained on nothing, with a record as training leaves it."""
    from nwbspikegen.models import FittedModel, build_model

    torch.manual_seed(0)
    source = {
        "file_name": "sub-A_ecephys.nwb",
        "identifier": "0a",
        "source_sha256": "ab" * 32,
        "session_id": "A",
        "subject_id": "m1",
        "species": "Mus musculus",
        "preparation": "in_vivo",
        "lab": "",
        "unit_ids": [3, 5, 8, 13],
        "window": {"start": 0.0, "duration": 22.5},
        "split": {"train": [0.0, 15.0], "validation": [15.0, 22.5]},
    }
    named = ("unit_ids", "window", "split")
    model = FittedModel(
        build_model("in_context", num_units=4, width=8),
        loss="bernoulli",
        bin_size=0.001,
        training={"sources": [source], **{name: source[name] for name in named}, "seed": 0},
        curves=[{"epoch": 1.0, "bits_per_spike": 0.1, "pr_auc": 0.2}],
    )
    model.save(folder)


def write_cell_model(folder: Path) -> None:
    """Write a small forest, with what tells how far to trust it."""
    from nwbspikegen.patchseq.classify.confidence import fit_confidence
    from nwbspikegen.patchseq.classify.forest import fit_forest
    from nwbspikegen.patchseq.classify.known_cells import learn_known_cells
    from nwbspikegen.patchseq.classify.models_io import CellModel

    values = np.arange(24.0).reshape(12, 2) % 7
    forest = fit_forest(values, np.repeat(["Pvalb", "Sst"], 6), num_trees=2)
    training = {"species": "mouse", "num_donors": 4, "scores": {"forest/accuracy": 0.75}}
    truth, donors = np.repeat([0, 1], 6), np.arange(12).astype(str)
    model = CellModel(
        forest,
        "file:column:0",
        features=("sag", "tau"),
        training=training,
        confidence=fit_confidence(forest.predict_proba(values)[None], truth),
        known=learn_known_cells(values, truth, truth, donors),
    )
    model.save(folder)


if __name__ == "__main__":
    for name, write in (("spikes", write_spike_model), ("cells", write_cell_model)):
        if name not in (sys.argv[2:] or [name]):
            continue
        place = STORED / sys.argv[1] / name
        place.parent.mkdir(parents=True, exist_ok=True)
        write(place)
