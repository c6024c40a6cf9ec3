"""Which of a recording's locations lie in a brain region."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence

from nwbspikegen.core import brain_regions

_LOG = logging.getLogger("nwbspikegen")
# as archives and laboratories write it: Mus musculus, house mouse, NCBITaxon_10090
_MOUSE = re.compile("mus|mouse|10090", re.IGNORECASE)
_UNKNOWN = ("", "unknown", "none", "nan", "n/a", "na")


def is_known(location: str) -> bool:
    """Return whether a location says where something is.

    Examples
    --------
    >>> is_known("VISp"), is_known("unknown"), is_known("NaN")
    (True, False, False)
    """
    return location.strip().lower() not in _UNKNOWN


def choose_locations(regions: Sequence[str], locations: Iterable[str], species: str = "") -> set[str]:
    """Return the locations that are, or lie in, one of some regions.

    A region is itself and its layers: `VISp` has `VISp2/3`. Where the locations are acronyms of the Allen
    atlas of the mouse and it is installed, a region is all that lies in it: `Isocortex` has `VISp2/3`.
    """
    there = {location for location in locations if is_known(location)}
    # in the Allen atlas' acronyms a layer is what begins with a digit: VISp has VISp2/3, VISpm is another
    # region
    pattern = re.compile("|".join(rf"{re.escape(name)}(\d.*)?" for name in regions))
    named = {location for location in there if pattern.fullmatch(location)}
    others = there - named
    if not others or not uses_atlas(there, species):
        return named
    inside = others & set().union(*map(brain_regions.list_inside, regions))
    if inside:
        _LOG.info("%s in the Allen atlas: %s", ", ".join(regions), ", ".join(sorted(inside)))
    return named | inside


def uses_atlas(locations: Iterable[str], species: str = "") -> bool:
    """Return whether locations are acronyms of the Allen atlas, and it is installed.

    Those of another species are not, though some look so: V4 is a ventricle in the atlas. Of an unknown
    species, most have to be: laboratories add names of their own.

    Examples
    --------
    >>> uses_atlas({"VISp2/3", "CA1", "DG-mo"}), uses_atlas({"V1", "V2", "V4"})
    (True, False)
    >>> uses_atlas({"V4", "MT"}, species="Macaca mulatta")
    False
    """
    there = set(locations)
    if not there or not brain_regions.has_atlas() or (species and not _MOUSE.search(species)):
        return False
    return 2 * len(brain_regions.choose_acronyms(there)) > len(there)
