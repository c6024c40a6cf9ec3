# %% [markdown]
# # Open a recording and look
#
# What is in the file, what is odd about it, when did which unit fire: before any model. The recording is
# simulated and small: 16 units of a culture on an array, 120 s.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import nwbspikegen as nsg

recording = os.environ.get("NWBSPIKEGEN_GALLERY", "culture.nwb")  # or a file of yours
print(nsg.survey(recording, duration=120.0))

# %% [markdown]
# A survey names what would spoil a number, each with the option that deals with it ([all
# findings](../survey.md)). Here there is nothing.
#
# `open_units` makes a view with dims `(time, unit)`. Nothing is binned until it is sliced, so that it opens
# an hour of a thousand units as quickly.

# %%
units = nsg.select_units(nsg.open_units(recording, bin_size=0.001, duration=120.0), skip=0, take=16)
dict(units.sizes)

# %% [markdown]
# ## Rates and intervals
#
# `spike_statistics` has a row per unit. The coefficient of variation of the intervals (`isi_cv`) is 1 for a
# Poisson process; units that burst with the network lie above it.

# %%
statistics = nsg.spike_statistics(units)
statistics[["unit", "num_spikes", "rate_hz", "isi_cv", "fano_1s"]].round(2)

# %% [markdown]
# ## Raster and population rate
#
# Network bursts are the vertical stripes. They matter for what follows: within a burst every unit is
# likelier to fire, so a model gains from knowing what the others just did.

# %%
seconds = slice(0.0, 30.0)
spikes = units.spikes.sel(time=seconds).transpose("time", "unit").values
times = units.time.sel(time=seconds).values
order = np.argsort(spikes.sum(axis=0))
figure, (raster, rate) = plt.subplots(
    2, 1, figsize=(9, 5), sharex=True, height_ratios=(3, 1), layout="constrained"
)
raster.eventplot([times[spikes[:, unit] > 0] for unit in order], linewidths=0.8, colors="black")
raster.set_ylabel("Unit, by rate")
in_50_ms = spikes[: len(spikes) // 50 * 50].reshape(-1, 50, spikes.shape[1]).sum(axis=1).mean(axis=1) / 0.05
rate.fill_between(times[::50][: len(in_50_ms)], in_50_ms, step="post", color="#0072B2")
rate.set(xlabel="Time (s)", ylabel="Rate per unit (Hz)")
figure.align_ylabels()

# %% [markdown]
# ## All of it on one page
#
# `nsg.report(recording)` writes this and more into one HTML file that opens without a network: raster,
# rates, intervals, correlations, units on the array ([how](../report.md)).
