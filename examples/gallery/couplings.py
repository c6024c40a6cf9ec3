# %% [markdown]
# # Explain: which units does the model use?
#
# A map of what a model looks at says little by itself. Each is stood beside a control: what does it cost to
# lose it? Here the simulation's couplings are known, so that the map can be checked.

# %%
import matplotlib.pyplot as plt
import numpy as np

import nwbspikegen as nsg
from nwbspikegen.explain.ablations import AblationOptions
from nwbspikegen.explain.explanation import explain
from nwbspikegen.explain.figure_maps import plot_couplings

simulation = nsg.simulate("in_vivo", num_units=10, duration=60, seed=1)
units = nsg.open_units(simulation.sorting)
parts = nsg.split_fractions(units)
model = nsg.train(parts.train, parts.validation, epochs=1, progress=False)
# few sampled bins, to be quick: they are for other controls than the one shown below
found = explain(model, parts, context=units, options=AblationOptions(num_targets=4, resamples=50))
list(found.maps.data_vars)

# %%
plot_couplings(found.maps)

# %% [markdown]
# The panel on the right needs hundreds of sampled bins, and stays empty here. Against the truth, over pairs
# of different units:

# %%
others = ~np.eye(10, dtype=bool)
model_says = np.asarray(found.maps.coupling)[others]
true = np.asarray(simulation.coupling)[others]
figure, axes = plt.subplots(figsize=(4.5, 4), layout="constrained")
title = f"r = {np.corrcoef(true, model_says)[0, 1]:.2f}"
axes.set(xlabel="Coupling in the simulation", ylabel="Coupling in the model", title=title)
dots = axes.scatter(true, model_says, color="#0072B2", s=16)

# %% [markdown]
# ## What does losing it cost?
#
# The sentence is made from the numbers of the same segment, predicted with and without what the map shows.
# A cost whose interval contains 0 is no cost.

# %%
print("\n".join(line for line in found.results if line.startswith("couplings")))

# %% [markdown]
# Other controls permute units, reverse time or shift trains; they are predicted bin by bin, need hundreds
# of sampled bins and take minutes: `nwbspikegen explain` makes them. Maps of attention, lags and distances,
# and what was found on real recordings: [the guide](../explain.md).
