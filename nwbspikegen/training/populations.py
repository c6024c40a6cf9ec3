"""Populations of the prior as training takes them: which are drawn, and what is kept of each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import write_whole
from nwbspikegen.core.npz_files import read_npz
from nwbspikegen.core.progress import track
from nwbspikegen.models import Examples, find_architecture
from nwbspikegen.simulation import FAMILIES, draw_population

# units, log-uniform: from a shank of a sorted probe to what a table of 128 units holds
_FEWEST, _MOST = 10, 130
# s, log-uniform: waves come once a minute, and a long past has to be learnt as well
_SHORTEST, _LONGEST = 30.0, 300.0
# units x s, but for every tenth population: reading 130 units for 300 s takes as long as twenty others, and
# many populations teach more than a few do
_MOST_UNIT_SECONDS, _SHARE_WHOLE = 5000.0, 0.1
# far from any seed of training
_FIRST_HELD_OUT = 1_000_000
# pairs are weighted per spike: of so few, each would weigh as much as hundreds elsewhere
_FEWEST_SPIKES = 100
PAIRS_OF_EACH = 8_000
"""How many pairs are kept of each population: of 400, in memory whole, they take .8 GB."""
_DELETE = "delete the file"


class Drawing(NamedTuple):
    """A population that can be drawn: its seed, number of units and seconds; None: its seed's own family."""

    seed: int
    num_units: int
    duration: float
    family: str | None = None

    def draw(self, bin_size: float) -> tuple[str, UInt8[np.ndarray, "time unit"]]:
        """Return the family and the spikes."""
        population = draw_population(
            self.seed,
            duration=self.duration,
            num_units=self.num_units,
            family=self.family,
            bin_size=bin_size,
        )
        return population.preparation, population.spikes


def plan_drawings(count: int, seed: int) -> list[Drawing]:
    """Return populations of random families, sizes and lengths; more of them begin with the same.

    Examples
    --------
    >>> plan_drawings(2, seed=0) == plan_drawings(3, seed=0)[:2]
    True
    """
    return [_plan(each, None) for each in range(seed, seed + count)]


def plan_held_out(per_family: int, seed: int) -> list[Drawing]:
    """Return populations that no training draws, as many of every family.

    Examples
    --------
    >>> drawings = plan_held_out(1, seed=0)
    >>> drawings[0].seed, drawings[0].family, len(drawings) == len(FAMILIES)
    (1000000, 'cortex_awake', True)
    """
    families = [name for name in FAMILIES for _ in range(per_family)]
    return [_plan(_FIRST_HELD_OUT + seed + place, family) for place, family in enumerate(families)]


def _plan(seed: int, family: str | None) -> Drawing:
    # a stream of its own, beside those that a population is drawn with
    units, length, whole = np.random.default_rng([seed, 20]).random(3)
    num_units = round(_FEWEST * (_MOST / _FEWEST) ** units)
    seconds = _SHORTEST * (_LONGEST / _SHORTEST) ** length
    if whole >= _SHARE_WHOLE:
        seconds = min(seconds, max(_MOST_UNIT_SECONDS / num_units, _SHORTEST))
    # whole seconds are whole bins
    return Drawing(seed, num_units, float(round(seconds)), family)


@runtime_checkable
class ReadsPairs(Protocol):
    """A model whose pairs of many recordings are read one by one and joined later, such as `in_context`."""

    def read_pairs(
        self, spikes: UInt8[np.ndarray, "time unit"], bin_size: float, most: int, seed: int
    ) -> dict[str, np.ndarray]:
        """Return columns of pairs of one recording."""

    def join_pairs(self, parts: Iterable[Mapping[str, np.ndarray]], *, fits: bool = True) -> Examples:
        """Return the pairs of all recordings; what they are scaled by `fits` them, or stays."""


class KeptPairs(Sequence[Mapping[str, np.ndarray]]):
    """Pairs of populations, in files that are read when they are asked for.

    Parameters
    ----------
    network : ReadsPairs
        Which pairs it needs, and what it needs of each.
    drawings : sequence of Drawing
        The populations.
    bin_size : float
        Seconds per bin.
    most : int
        Pairs of each.
    folder : Path
        Where the files are kept. Those that are there are not made again: of one version of the package.

    Attributes
    ----------
    told : list of dict
        Family, seconds, number of spikes and their hash, of the populations that have enough of them.
    """

    def __init__(
        self, network: ReadsPairs, drawings: Sequence[Drawing], bin_size: float, most: int, folder: Path
    ) -> None:
        self.told: list[dict[str, Any]] = []
        self._paths = []
        for drawing in track(drawings, "drawing populations", len(drawings)):
            path = folder / f"{'-'.join(f'{value:g}' for value in (*drawing[:3], bin_size, most))}.npz"
            if not path.is_file():
                _keep(network, drawing, bin_size, most, path)
            told = _read_facts(path)
            if told["num_spikes"] >= _FEWEST_SPIKES:
                self.told.append(told)
                self._paths.append(path)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, place: Any) -> Any:
        columns = read_npz(self._paths[place], _DELETE)
        del columns["facts"]
        # sums of many numbers of half precision would stop growing
        columns["features"] = columns["features"].astype(np.float32)
        return columns


def require_populations(count: int, model: str) -> None:
    """Raise `InputError` unless so many populations can be trained on beside recordings.

    Examples
    --------
    >>> require_populations(400, "in_context")
    >>> require_populations(400, "glm")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found populations beside recordings for glm; expected in_context, ...
    """
    if count < 0:
        raise InputError(f"populations {count}", "0 or more", "correct it")
    if count and not issubclass(find_architecture(model), ReadsPairs):
        raise InputError(
            f"populations beside recordings for {model}",
            "in_context, which is trained on pairs of bins and units",
            "leave them out",
        )


def draw_beside(network: ReadsPairs, drawings: Sequence[Drawing], bin_size: float, folder: Path) -> KeptPairs:
    """Return the pairs of populations, to be trained on beside recordings.

    Raises
    ------
    InputError
        Where none of them has spikes enough.
    """
    pairs = KeptPairs(network, drawings, bin_size, PAIRS_OF_EACH, folder)
    if not len(pairs):
        raise InputError(f"no population of {len(drawings)} with spikes enough", "one at least", "draw more")
    return pairs


def describe_drawn(told: list[dict[str, Any]], drawings: Sequence[Drawing]) -> dict[str, Any]:
    """Say which populations a model was trained on, as JSON holds it."""
    hashes = "".join(each["spikes_sha256"] for each in told)
    return {
        "num_drawn": len(drawings),
        "num_used": len(told),
        "seeds": [drawings[0].seed, drawings[-1].seed],
        "families": dict(sorted(Counter(each["family"] for each in told).items())),
        "num_spikes": sum(each["num_spikes"] for each in told),
        "seconds": sum(each["seconds"] for each in told),
        "spikes_sha256": hashlib.sha256(hashes.encode()).hexdigest(),
    }


def _keep(network: ReadsPairs, drawing: Drawing, bin_size: float, most: int, path: Path) -> None:
    family, spikes = drawing.draw(bin_size)
    columns = network.read_pairs(spikes, bin_size, most, drawing.seed)
    # half the precision is a thousandth of a log ratio, and takes half the disk
    columns["features"] = columns["features"].astype(np.float16)
    digest = hashlib.sha256(np.flatnonzero(spikes).astype("<i8").tobytes()).hexdigest()
    with write_whole(path) as temporary:
        facts = np.array([family, str(int(spikes.sum())), str(drawing.duration), digest])
        arrays: dict[str, Any] = {"facts": facts, **columns}
        np.savez(temporary, **arrays)


def _read_facts(path: Path) -> dict[str, Any]:
    family, num_spikes, seconds, digest = read_npz(path, _DELETE)["facts"].tolist()
    return {
        "family": family,
        "num_spikes": int(num_spikes),
        "seconds": float(seconds),
        "spikes_sha256": digest,
    }
