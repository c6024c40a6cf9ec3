"""What `in_context` knows at a bin: features of the past, and the state that carries them on."""

from nwbspikegen.models.in_context.past.feature_columns import CORRECTION_FEATURES, NUM_FEATURES
from nwbspikegen.models.in_context.past.priors import NEWEST_PRIOR, Prior, find_prior
from nwbspikegen.models.in_context.past.reading import Past, list_training_samples
from nwbspikegen.models.in_context.past.samples import PairSamples
from nwbspikegen.models.in_context.past.stepping import PastStepper

__all__ = [
    "CORRECTION_FEATURES",
    "NEWEST_PRIOR",
    "NUM_FEATURES",
    "PairSamples",
    "Past",
    "PastStepper",
    "Prior",
    "find_prior",
    "list_training_samples",
]
