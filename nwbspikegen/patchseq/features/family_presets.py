"""Which families of features each published system takes from a cell, and how long they are."""

from __future__ import annotations

from dataclasses import dataclass

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.features.family_shapes import INTERVAL_POINTS, STEP_BINS, WAVEFORM_SAMPLES
from nwbspikegen.patchseq.features.family_trains import BINS, RATE_BINS, SPIKE_FEATURES

# steps of 20 pA, as the Allen Institute gives them; the published lengths of 700 and 300 follow from them
SUBTHRESHOLD_PA = (-90.0, -70.0, -50.0, -30.0, -10.0)
ABOVE_RHEOBASE_PA = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
# 150 values are three steps of 50 bins; which three is not published: those nearest rheobase are taken
NORMALISED_STEPS = 3

_NATURAL = {
    "first_ap_v": 3 * WAVEFORM_SAMPLES,
    "first_ap_dv": 3 * (WAVEFORM_SAMPLES - 1),
    "isi_shape": INTERVAL_POINTS,
    "step_subthresh": len(SUBTHRESHOLD_PA) * STEP_BINS,
    "subthresh_norm": STEP_BINS,
    "inst_freq": len(ABOVE_RHEOBASE_PA) * BINS,
    "inst_freq_norm": NORMALISED_STEPS * BINS,
    "psth": len(ABOVE_RHEOBASE_PA) * RATE_BINS,
} | {f"spiking_{feature}": len(ABOVE_RHEOBASE_PA) * BINS for feature in SPIKE_FEATURES}
_GOUWENS = tuple(name for name in _NATURAL if name != "psth")
_SCHWIDER = tuple(name for name in _NATURAL if name != "inst_freq_norm")
# 700, of step_subthresh
_LONGEST = max(_NATURAL[name] for name in _SCHWIDER)

FAMILY_LENGTHS: dict[str, dict[str, int]] = {
    "gouwens2020": {name: _NATURAL[name] for name in _GOUWENS},
    "schwider2026": dict.fromkeys(_SCHWIDER, _LONGEST),
}


@dataclass(frozen=True)
class FamilyPreset:
    """The families of a published system.

    Parameters
    ----------
    name : str
        "gouwens2020" (Cell 183:935: each family at its own length) or "schwider2026" (arXiv 2603.11000:
        psth for inst_freq_norm, each family padded with zeros to the longest).
    lengths : dict of str to int
        Values per family, in the order of the families.
    natural_lengths : dict of str to int
        The same before padding: values after these are padding.
    """

    name: str
    lengths: dict[str, int]
    natural_lengths: dict[str, int]


def find_preset(name: str) -> FamilyPreset:
    """Look up a preset.

    Raises
    ------
    InputError
        There is no preset of this name.

    Examples
    --------
    >>> find_preset("gouwens2020").lengths["first_ap_v"], find_preset("schwider2026").natural_lengths["psth"]
    (450, 120)
    """
    if name not in FAMILY_LENGTHS:
        raise InputError(f"preset {name!r}", " or ".join(FAMILY_LENGTHS), "choose one of these")
    lengths = FAMILY_LENGTHS[name]
    return FamilyPreset(name, dict(lengths), {family: _NATURAL[family] for family in lengths})
