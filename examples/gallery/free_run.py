# %% [markdown]
# # Let a model run freely
#
# From where the recording ends the model goes on from its own spikes. No bin can be compared with a
# recorded one any more; what can be compared is what the trains are like.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import nwbspikegen as nsg

recording = os.environ.get("NWBSPIKEGEN_GALLERY", "culture.nwb")  # or a file of yours
units = nsg.select_units(nsg.open_units(recording, bin_size=0.001, duration=120.0), skip=0, take=16)
parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
model = nsg.train(parts.train, parts.validation, epochs=1, progress=False)
run = nsg.free_run(model, parts.train, seconds=20.0, seed=1)
dict(run.sizes)

# %%
recorded = units.spikes.sel(time=slice(40.0, 80.0)).transpose("time", "unit")
order = np.argsort(recorded.values.sum(axis=0))
figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
axes.set(xlabel="Time (s)", ylabel="Unit, by rate", title="Recorded (black), then generated (blue)")
for data, colour in ((recorded.sel(time=slice(40.0, 60.0)), "black"), (run[0], "#0072B2")):
    spikes, times = data.values, data.time.values
    axes.eventplot([times[spikes[:, unit] > 0] for unit in order], linewidths=0.8, colors=colour)

# %% [markdown]
# ## Does it stay alive, and like itself?
#
# A run may die out, burst without end, or keep the rates and lose the correlation. Rates of the 20 s that
# were generated, against those of the 20 s that were really recorded then:

# %%
then = units.spikes.sel(time=run.time.values, method="nearest").transpose("time", "unit").values.mean(axis=0)
generated = run[0].values.mean(axis=0)
figure, axes = plt.subplots(figsize=(4.5, 4), layout="constrained")
axes.set(xlabel="Recorded rate (Hz)", ylabel="Generated rate (Hz)", xscale="log", yscale="log")
axes.plot([0.1, 20], [0.1, 20], color="grey", linewidth=0.8)  # as many as recorded
dots = axes.scatter(then * 1000 + 0.05, generated * 1000 + 0.05, color="#0072B2")

# %% [markdown]
# `generate MODEL FILE --free-run 60 --samples 10` writes runs into NWB with statistics of each beside those
# of the recording, and of the recording's own past, since a population does not repeat itself either ([the
# guide](../train-and-generate.md), [measured](../benchmarks/free_run.md)).
