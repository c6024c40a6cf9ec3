# %% [markdown]
# # Train, and generate
#
# The first half of the window trains, the next quarter chooses the epoch, the last quarter is predicted:
# each bin from the bins before it.

# %%
import os

import nwbspikegen as nsg
from nwbspikegen.plot import plot_bits, plot_rasters

recording = os.environ.get("NWBSPIKEGEN_GALLERY", "culture.nwb")  # or a file of yours
units = nsg.select_units(nsg.open_units(recording, bin_size=0.001, duration=120.0), skip=0, take=16)
parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
dict(parts.train.sizes), dict(parts.test.sizes)

# %% [markdown]
# One epoch shows the path; leave `epochs` out to train until the validation segment no longer gains.

# %%
model = nsg.train(parts.train, parts.validation, model="in_context", epochs=1, progress=False)
predicted = nsg.generate(model, parts.test, context=units)
predicted.dims, predicted.attrs["context"], round(float(predicted.max()), 3)

# %% [markdown]
# Above what was recorded, below one draw from the predicted probabilities. A draw resembles, it does not
# repeat: the probability is the prediction.

# %%
plot_rasters(parts.test, predicted, duration=10.0)

# %% [markdown]
# ## Is it any good?
#
# Zero bits per spike are what the mean rate alone gives. Only the difference to the *other* predictors
# tells whether training on a population was worth it ([the score table](scores.ipynb) goes on from here).

# %%
scores = nsg.score(predicted, parts.test, train=parts.train, context=units)
plot_bits(scores)

# %% [markdown]
# ## And is it allowed?
#
# The audits repeat the prediction with the future changed, with units reordered, and look for bins that
# were trained on. All must pass before a number counts.

# %%
nsg.audit(model, parts)[["audit", "passed", "detail"]]
