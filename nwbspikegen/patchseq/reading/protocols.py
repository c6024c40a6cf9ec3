"""Which protocol a stimulus is: by its name, or by its waveform."""

from __future__ import annotations

import re

from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, OTHER, RAMP, SHORT_SQUARE

# how names of the Allen Institute's stimuli begin, mouse and human
_ALLEN = {
    "X1PS_SUBTHRESH": LONG_SQUARE,
    "X3LP_RHEO": LONG_SQUARE,
    "X4PS_SUPRATHRESH": LONG_SQUARE,
    "X6SP_RHEO": SHORT_SQUARE,
    "X7RAMP": RAMP,
    "C1LSCOARSE": LONG_SQUARE,
    "C1LSFINEST": LONG_SQUARE,
    "C1SSCOARSE": SHORT_SQUARE,
    "C1SSFINEST": SHORT_SQUARE,
    "C1RP25PR1S": RAMP,
    "EXTP": OTHER,  # tests of pipette and seal
}
# what laboratories write into a column `stimulus_type`
_TYPES = {
    "long_square": LONG_SQUARE,
    "longsquare": LONG_SQUARE,
    "long_pulse": LONG_SQUARE,
    "short_square": SHORT_SQUARE,
    "shortsquare": SHORT_SQUARE,
    "short_pulse": SHORT_SQUARE,
    "ramp": RAMP,
}
_SUFFIX = re.compile(r"(_DA_\d+|\[\d+\])$")


def clean_code(code: str) -> str:
    """Return the name of a stimulus without the suffix of the output channel or of the repeat.

    Examples
    --------
    >>> clean_code("X4PS_SupraThresh_DA_0"), clean_code("C1LSFINEST150112[3]")
    ('X4PS_SupraThresh', 'C1LSFINEST150112')
    """
    return _SUFFIX.sub("", code.strip())


def type_by_code(code: str) -> str | None:
    """Return the protocol that the Allen Institute calls by a name, None for other names.

    Examples
    --------
    >>> type_by_code("X7Ramp_DA_0"), type_by_code("C1SSFINEST150112"), type_by_code("Step")
    ('ramp', 'short_square', None)
    """
    # by how they begin: a date follows in the older ones
    upper = clean_code(code).upper()
    return next((protocol for start, protocol in _ALLEN.items() if upper.startswith(start)), None)


def type_by_name(stimulus_type: str) -> str | None:
    """Return the protocol that a column `stimulus_type` names, None when it names none that is known.

    Examples
    --------
    >>> type_by_name("Long Square"), type_by_name("Step")
    ('long_square', None)
    """
    name = re.sub(r"[\s\-]+", "_", stimulus_type.strip().lower())
    return _TYPES.get(name) or type_by_code(stimulus_type)
