# %% [markdown]
# # Read the score table
#
# A simulation knows the probability that each spike was drawn from. Scored beside the models, it shows what
# the best possible prediction gets, and which numbers only look good.

# %%

import nwbspikegen as nsg
from nwbspikegen.plot import plot_curves

simulation = nsg.simulate("in_vitro", num_units=12, duration=100, seed=1)
units = nsg.open_units(simulation.sorting, bin_size=0.001)
parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
model = nsg.train(parts.train, parts.validation, epochs=2, progress=False)
predicted = nsg.generate(model, parts.test, context=units)

# the true probability of the same bins
first = round(float(parts.test.time[0] - units.time[0]) / 0.001)
true = predicted.copy(data=simulation.intensity[first : first + predicted.sizes["time"]])
scores = nsg.score(
    predicted, parts.test, train=parts.train, context=units, extra_predictions={"true_intensity": true}
)
scores.shape

# %% [markdown]
# The table is long: a row per predictor, score and null. The score to begin with is bits per spike above
# the mean rate, with its interval.

# %%
bits = scores[(scores.metric == "bits_per_spike") & (scores["null"] == "mean_rate")]
bits.set_index("predictor")[["value", "ci_low", "ci_high"]].round(3)

# %% [markdown]
# `true_intensity` is the ceiling, `online_hazard` knows a unit's own past and no other unit, `mean_rate` is
# 0 by definition. What the model has above `online_hazard` it has from the population or from a better
# reading of the same past. Do not believe the intervals: 25 s are two or three blocks of 10 s, and thirty
# are needed.
#
# ## The number that misleads
#
# Pooled over units, ROC-AUC rewards knowing which unit fires more: `mean_rate`, which says nothing about
# *when*, is above 0.5 here, and has 0.92 on a real slice, whose units differ more. Within units it has
# exactly 0.5: a coin.

# %%
areas = scores[scores.metric.isin(["roc_auc_pooled", "roc_auc_per_unit"])]
areas.pivot_table(index="predictor", columns="metric", values="value").round(3).sort_values(
    "roc_auc_per_unit"
)

# %%
plot_curves(parts.test, {"in_context": predicted, "true_intensity": true})

# %% [markdown]
# [How to read a score](../scores.md) has every column and what each is not good for.
