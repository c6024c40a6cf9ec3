"""Regions of the Allen mouse brain atlas (CCF 2017), as `iblatlas` has them, without a network."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np
from jaxtyping import Int64


def has_atlas() -> bool:
    """Return whether the atlas is installed; the functions beside this one need it."""
    return find_spec("iblatlas") is not None


@functools.cache
def _open_atlas() -> Any:
    # half a second of tables: for those who ask for a region only
    from iblatlas.regions import BrainRegions

    return BrainRegions()


def read_acronyms(region_ids: Int64[np.ndarray, "..."]) -> np.ndarray:
    """Return the acronyms of regions' numbers, "" for a number that is not in the atlas.

    Numbers below zero are those of the left hemisphere, and 0 is ``void``, outside of the brain.

    Examples
    --------
    >>> read_acronyms(np.array([385, 0, 12345])).tolist()
    ['VISp', 'void', '']
    """
    atlas = _open_atlas()
    numbers, rows = np.unique(region_ids, return_inverse=True)
    # id2acronym leaves out numbers that it does not know, and the others would move up
    known = np.isin(numbers, atlas.id)
    acronyms = np.zeros(len(numbers), dtype=object)
    acronyms[known] = atlas.id2acronym(numbers[known])
    acronyms[~known] = ""
    return acronyms[rows.reshape(np.shape(region_ids))].astype(str)


def choose_acronyms(names: Iterable[str]) -> set[str]:
    """Return those of some names that are acronyms of the atlas.

    Examples
    --------
    >>> choose_acronyms(["VISp", "CA1", "V1"]) == {"VISp", "CA1"}
    True
    """
    return set(names) & set(_open_atlas().acronym.tolist())


def list_inside(acronym: str) -> set[str]:
    """Return the acronyms of a region and of all that lies in it; of a name that is none, nothing.

    Examples
    --------
    >>> sorted(list_inside("CA1"))
    ['CA1', 'CA1slm', 'CA1so', 'CA1sp', 'CA1sr']
    """
    atlas = _open_atlas()
    if not choose_acronyms([acronym]):
        return set()
    return set(atlas.descendants(atlas.acronym2id(acronym)).acronym.tolist())
