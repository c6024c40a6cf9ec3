"""What counts as a spike under a short square, whose strong current moves the voltage fast by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nwbspikegen.patchseq.reading.sweeps import Sweep
from nwbspikegen.patchseq.spikes.detect import bridge_gaps
from nwbspikegen.patchseq.spikes.detection import SpikeSettings, measure_slope

# 1 ms of 3 ms, and a floor of 0.1: the settings of Gouwens et al.; the margins are IPFX's, with which
# thresholds agree to the sample. Without any of it the passive rise is taken for the onset, and thresholds
# lie some 2 mV too low
_PASSIVE = 0.001
_ONSET_MARGIN, _FRACTION_MARGIN = 1.1, 1.2
_LEAST_FRACTION = 0.1


def adapt_to_passive_rise(sweeps: Sequence[Sweep], settings: SpikeSettings | None = None) -> SpikeSettings:
    """Set the onset and the threshold above the passive rise of a cell's short squares.

    The first millisecond of the current is taken as passive: onsets must be steeper than 1.1 times its
    steepest slope, and the threshold fraction is 1.2 times the slope at its end over the steepest of the
    sweep, at least 0.1 (medians over sweeps).

    Parameters
    ----------
    sweeps : sequence of Sweep
        Short squares of one cell; those without a stimulus are passed over.
    settings : SpikeSettings, optional
        To start from.

    Examples
    --------
    >>> adapt_to_passive_rise([]) == SpikeSettings()
    True
    """
    settings = settings or SpikeSettings()
    passive, fractions = [], []
    for sweep in sweeps:
        info, voltage = sweep.info, bridge_gaps(sweep.voltage_mv)
        if not np.isfinite(info.stimulus_start):
            continue
        first = round(info.stimulus_start * info.sampling_rate_hz)
        end = first + round(_PASSIVE * info.sampling_rate_hz)
        # stopped within the first millisecond
        if end >= voltage.size - 1:
            continue
        # filtered whole: the edge of a window would lie right before the step
        slope = measure_slope(voltage, info.sampling_rate_hz, settings.lowpass_hz)
        passive.append(slope[first:end].max())
        fractions.append(slope[end] / slope.max())
    if not passive:
        return settings
    return replace(
        settings,
        onset_slope=_ONSET_MARGIN * float(np.median(passive)),
        threshold_fraction=max(_LEAST_FRACTION, _FRACTION_MARGIN * float(np.median(fractions))),
    )
