"""Patch-clamp recordings to cell classes, from NWB to NWB, and from one species to another.

    python examples/patchseq.py [FOLDER]

Simulates a few cells of two species as NWB files, measures them, learns their classes, predicts those of
the other species, and writes the predictions into NWB. Two minutes on one core. So few cells show the path
and not what the method is worth; docs/patchseq.md has figures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from nwbspikegen.patchseq.features.files import read_features
from nwbspikegen.patchseq.nwb.reading import read_predictions
from nwbspikegen.patchseq.run.features import measure_recordings
from nwbspikegen.patchseq.run.fit import Recipe
from nwbspikegen.patchseq.run.load import load_cells
from nwbspikegen.patchseq.run.predict import predict_sources
from nwbspikegen.patchseq.run.train import train_cells
from nwbspikegen.patchseq.simulation.files import simulate_patchseq

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "patchseq")

# 1. cells as NWB: any current-clamp NWB files would do, on disk or at dandi://
recordings = {}
for name, species in (("mouse", "Mus musculus"), ("human", "Homo sapiens")):
    (folder / name).mkdir(parents=True, exist_ok=True)
    recordings[name] = simulate_patchseq(folder / name, 2, species, seed=4, overwrite=True)

# 2. spikes, scalars and feature families of each, with the reason for each family that is missing
for name, paths in recordings.items():
    report = measure_recordings(paths, folder / f"{name}_features", overwrite=True)
    print(f"{name}: {len(report.table)} cells, {report.cells.sizes['family']} families")
    print(report.table[["cell_class", "donor", "ri", "tau", "sag", "width_long_square"]].round(4).to_string())
cells = read_features(folder / "mouse_features")
print("missing families:", int(np.sum(cells["reason"].values != "")))

# 3. a forest on the scalars, cross-validated on donors that it has not seen
mouse = load_cells([folder / "mouse_features"])
trained = train_cells(
    mouse,
    folder / "model",
    recipe=Recipe("forest", use_scalars=True, num_trees=100),
    repeats=1,
    overwrite=True,
)
print(trained.validation.scores[["predictor", "metric", "value"]].round(3).to_string(index=False))

# 4. classes of the other species; each cell's NWB file gets its probabilities
predicted = predict_sources(
    folder / "model", [folder / "human_features"], folder / "predicted", overwrite=True
)
print(predicted.table[["cell", "cell_class", "predicted_class"]].to_string(index=False))
print(read_predictions(predicted.files[0]).T.to_string(header=False))
