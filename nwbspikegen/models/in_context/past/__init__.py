"""What `in_context` knows at a bin: features of the past, and the state that carries them on."""

from nwbspikegen.models.in_context.past.layout import NUM_FEATURES, READOUT_FEATURES
from nwbspikegen.models.in_context.past.reading import Past
from nwbspikegen.models.in_context.past.rows import Rows
from nwbspikegen.models.in_context.past.stepping import PastStepper

__all__ = ["NUM_FEATURES", "READOUT_FEATURES", "Past", "PastStepper", "Rows"]
