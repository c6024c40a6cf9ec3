# %% [markdown]
# # Patch-seq: from current clamp to cell classes
#
# Spikes are detected, each cell is measured, a forest learns the classes of mouse cells, and those of
# another species are predicted. Sixteen simulated cells show the path, not what the method is worth.

# %%
import tempfile
from pathlib import Path

from nwbspikegen.patchseq.features.files import read_features
from nwbspikegen.patchseq.figures.families import plot_families
from nwbspikegen.patchseq.run.features import measure_recordings
from nwbspikegen.patchseq.run.fit import Recipe
from nwbspikegen.patchseq.run.load import load_cells
from nwbspikegen.patchseq.run.predict import predict_sources
from nwbspikegen.patchseq.run.train import train_cells
from nwbspikegen.patchseq.simulation.files import simulate_patchseq

folder = Path(tempfile.mkdtemp())
measured = {}
for name, species in (("mouse", "Mus musculus"), ("human", "Homo sapiens")):
    (folder / name).mkdir()
    cells = simulate_patchseq(folder / name, 2, species, seed=4)  # any current-clamp NWB files would do
    measured[name] = measure_recordings(cells, folder / f"{name}_features")

measured["mouse"].table[["cell_class", "donor", "ri", "tau", "sag", "width_long_square"]].round(3)

# %% [markdown]
# ## What each cell gave
#
# A family is a curve per cell: the waveform, the rate over current, the adaptation. What a protocol did not
# hold is missing with a reason, never zero.

# %%
plot_families(read_features(folder / "mouse_features"))

# %% [markdown]
# ## Learn, and predict the other species

# %%
trained = train_cells(
    load_cells([folder / "mouse_features"]),
    folder / "model",
    recipe=Recipe("forest", use_scalars=True, num_trees=30),
    repeats=1,
)
trained.validation.scores[["predictor", "metric", "value"]].round(3)

# %%
predicted = predict_sources(folder / "model", [folder / "human_features"], folder / "predicted")
predicted.table[["cell", "cell_class", "predicted_class"]]

# %% [markdown]
# The forest was cross-validated on donors that it had not seen; the row `majority` always says the
# commonest class. Eight cells are too few for either. Intervals are in the whole table: [the
# guide](../patchseq.md), and [on real tables](../benchmarks/patchseq_tables.md).
