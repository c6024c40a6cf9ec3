# %% [markdown]
# # Transfer between preparations
#
# Every recording against every other: train on the row, predict the column, no weight adapted. Three
# simulated recordings, one bursting as a slice does and two irregular ones, stand in for yours.

# %%
import tempfile
from pathlib import Path

import nwbspikegen as nsg
from nwbspikegen.simulation import metadata_of
from nwbspikegen.transfer.figure_matrix import plot_matrix

folder = Path(tempfile.mkdtemp())
files = {}
for name, preparation, seed in (
    ("slice", "in_vitro", 1),
    ("probe a", "in_vivo", 2),
    ("probe b", "in_vivo", 3),
):
    simulation = nsg.simulate(preparation, num_units=8, duration=30, seed=seed)
    path = folder / f"{name}.nwb"
    files[name] = nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation))

study = nsg.TransferStudy.create(
    folder / "study",
    files,
    options=nsg.WindowOptions(duration=30, skip_units=0),
    epochs=1,
    baselines=["online_hazard"],
)
study.run()  # stopped at any moment, it goes on with what is missing

# %%
plot_matrix(study.scores, predictor="in_context")

# %% [markdown]
# Compare within a column: columns differ by how predictable the recording is, rows by what was learned.
# Here the rows are alike, and so is `untrained`: the model reads nearly all of this from the target's own
# past, and an epoch on 15 s adds little. `online_hazard` says what a unit's own past alone is worth.
#
# ## Is a cell evidence of transfer?
#
# Only if training and test share neither session nor subject nor time. The study says so for each pair, and
# black or white corners of the matrix mark those that do.

# %%
study.independence[["train_session", "test_session", "independent"]]

# %% [markdown]
# Which recording to train on for a new one, with real recordings and how sure the ranking is: [the
# guide](../transfer.md).
