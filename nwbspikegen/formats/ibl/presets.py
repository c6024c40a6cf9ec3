"""Lists of IBL sessions that papers used."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class PresetSession:
    """A session of a paper; the number of the day is not stated there."""

    lab: str
    subject: str
    day: str
    regions: tuple[str, ...]


# Shimono 2026, Algorithms 19(4):305; three sessions are of one subject and two of another
PRESETS: dict[str, tuple[PresetSession, ...]] = {
    "shimono2026": (
        PresetSession("angelakilab", "NYU-40", "2021-04-14", ("VISpor",)),
        PresetSession("mrsicflogellab", "SWC_038", "2020-08-01", ("MOp",)),
        PresetSession("mrsicflogellab", "SWC_038", "2020-07-31", ("MOs",)),
        PresetSession("mrsicflogellab", "SWC_038", "2020-07-30", ("MOs",)),
        PresetSession("hoferlab", "SWC_043", "2020-09-21", ("LPO",)),
        PresetSession("hoferlab", "SWC_043", "2020-09-20", ("CA1", "COAp")),
    )
}
