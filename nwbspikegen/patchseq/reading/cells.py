"""Reading a patch-clamp recording of one cell from NWB or ABF."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.core.addresses import Address, require_recording
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.groups import to_text
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.patchseq.reading.abf import describe_abf, is_abf, read_abf
from nwbspikegen.patchseq.reading.compensation import (
    Compensation,
    find_junction_note,
    read_compensation,
)
from nwbspikegen.patchseq.reading.metadata import read_metadata_of_cell, select_electrode
from nwbspikegen.patchseq.reading.pairs import Pair, find_unpaired, pair_series
from nwbspikegen.patchseq.reading.plausibility import (
    MOST_PA,
    SweepLevels,
    find_implausible,
    suggest_scale,
)
from nwbspikegen.patchseq.reading.protocols import clean_code, type_by_code, type_by_name
from nwbspikegen.patchseq.reading.quality import QualityLimits, find_faults
from nwbspikegen.patchseq.reading.samples import AS_GIVEN, Samples, Scales, read_pair
from nwbspikegen.patchseq.reading.series import kind_of
from nwbspikegen.patchseq.reading.stimulus import Stimulus, find_stimulus
from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, RAMP, Sweep, SweepInfo

_LOG = logging.getLogger("nwbspikegen")
_RESPONSE = "CurrentClampSeries"


# tables have no truth value when compared, which == would need
@dataclass(frozen=True, eq=False)
class Cell:
    """A patched cell: what is known of its sweeps, whose samples are read when they are asked for.

    Parameters
    ----------
    path : path or address
        The file.
    identifier : str
        The cell's id where the file gives one (`cell_id` of the electrode), else that of the file.
    subject_id, species, session_id : str
        Empty where the file does not say. The subject is the donor.
    metadata : dict
        `electrode`, `cell_class` and `condition` (of the electrodes' table, "" when not there), what
        pairs stimuli with responses (`pairing`), `implausible` (why, when it was accepted),
        `liquid_junction` (what the file says of its potential), and what else the file says of session
        and subject.
    sweeps : tuple of SweepInfo
        The sweeps that passed, in order of their numbers.
    rejected : DataFrame
        The others: `number` and `reason`.
    scales : Scales
        What potentials (mV) and currents (pA) were corrected by.
    num_in_file : int
        How many cells (electrodes that recorded something) the file holds.
    """

    path: Path | str
    identifier: str
    subject_id: str
    species: str
    session_id: str
    metadata: dict[str, str]
    sweeps: tuple[SweepInfo, ...]
    rejected: pd.DataFrame
    _pairs: dict[tuple[int, str], Pair]
    _kept: dict[tuple[int, str], Sweep] = field(default_factory=dict)
    scales: Scales = AS_GIVEN
    num_in_file: int = 1

    def load(self, info: SweepInfo) -> Sweep:
        """Read the samples of a sweep: potential (mV) and current (pA), cut where recording stopped.

        Raises
        ------
        InputError
            If the sweep is not one of this cell's, or the file has become unreadable.
        """
        key = (info.number, info.response_path)
        if key in self._kept:
            return self._kept[key]
        pair = self._pairs.get(key)
        if pair is None:
            raise InputError(f"sweep {info.number} of another cell", "one of this cell", "read that cell")
        with open_nwb(self.path) as root, reading(self.path):
            samples = read_pair(root, pair, self.scales)
        return _to_sweep(info, samples)

    def load_all(self) -> Iterator[Sweep]:
        """Give all sweeps one after another; one at a time is in memory."""
        return map(self.load, self.sweeps)

    def tabulate(self) -> pd.DataFrame:
        """Return the sweeps as a table, one row each, with the fields of `SweepInfo`."""
        return pd.DataFrame([asdict(info) for info in self.sweeps])


def read_cell(
    path: Address,
    *,
    electrode: str | None = None,
    accept_implausible: bool = False,
    limits: QualityLimits | None = None,
    scale_mv: float = 1.0,
    scale_pa: float = 1.0,
    liquid_junction_mv: float = 0.0,
) -> Cell:
    """Open a current-clamp recording: find its sweeps, type their stimuli, judge their quality.

    Responses and stimuli are paired by the table ``intracellular_recordings``, else a SweepTable,
    else sweep numbers, else their names. Stimuli are typed by the Allen Institute's codes, else by a
    column ``stimulus_type``, else by their waveform. Each sweep is looked at once and then forgotten.

    Parameters
    ----------
    path : path or address
        NWB file, on disk or on the web, or ABF file on disk.
    electrode : str, optional
        Which one, when the file has several.
    accept_implausible : bool, default: False
        Read a file whose values cannot be millivolts and picoamperes nevertheless, with a warning.
    limits : QualityLimits, optional
        What a sweep may have at most; the defaults suit most laboratories.
    scale_mv, scale_pa : float
        What potentials and currents are multiplied by where the file gives them in wrong units.
    liquid_junction_mv : float
        Liquid junction potential, which is subtracted from potentials that are not corrected for it.

    Returns
    -------
    Cell
        Sweeps that passed, and the others with the reason of each.

    Raises
    ------
    InputError
        No NWB file, no current clamp in it, several electrodes and none chosen, or values that cannot
        be what the file says they are.

    Examples
    --------
    >>> read_cell("a_recording_that_is_not_there.nwb")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at a_recording_that_is_not_there.nwb; ...
    """
    scales = Scales(scale_mv, scale_pa, liquid_junction_mv)
    return _read(path, electrode, accept_implausible, limits or QualityLimits(), scales, keep=False)[0]


def read_cell_and_sweeps(
    path: Address,
    *,
    electrode: str | None = None,
    accept_implausible: bool = False,
    scales: Scales = AS_GIVEN,
) -> tuple[Cell, list[Sweep]]:
    """Open a recording as `read_cell` does, and return the sweeps that passed too: each is read once.

    All are in memory, which measuring a cell needs anyhow.
    """
    return _read(path, electrode, accept_implausible, QualityLimits(), scales, keep=True)


def _read(
    path: Address,
    electrode: str | None,
    accept_implausible: bool,
    limits: QualityLimits,
    scales: Scales,
    keep: bool,
) -> tuple[Cell, list[Sweep]]:
    address = require_recording(path)
    if not (np.isfinite(scales).all() and scales.mv and scales.pa):
        raise InputError(f"scales {scales.mv:g} and {scales.pa:g}", "numbers other than 0", "correct them")
    if is_abf(address) and isinstance(address, Path):
        found = _find_in_abf(address, electrode, limits, scales)
    else:
        found = _find_in_nwb(address, electrode, limits, scales, keep)
    looked = found.looked
    _require_any(looked, address)
    measured = [each for each in looked if each.levels is not None]
    # a sweep that drifts has no input resistance, so good ones are asked when there are any
    asked = [each for each in measured if not each.faults] or measured
    levels = [each.levels for each in asked if each.levels is not None]
    implausible = find_implausible(levels)
    if implausible:
        _refuse(implausible, suggest_scale(levels), address, accept_implausible)
    rejected = [(each.pair.number, "; ".join(each.faults)) for each in looked if each.faults]
    kept = {(each.pair.number, each.pair.response): each.sweep for each in looked if each.sweep is not None}
    session = dict(found.session)
    cell = Cell(
        path=address,
        identifier=found.identifier,
        subject_id=session.pop("subject_id", ""),
        species=session.pop("species", ""),
        session_id=session.pop("session_id", ""),
        metadata={**session, "implausible": implausible},
        sweeps=tuple(each.info for each in looked if each.info is not None and not each.faults),
        rejected=pd.DataFrame(rejected, columns=["number", "reason"]),
        _pairs={(each.pair.number, each.pair.response): each.pair for each in looked},
        # an ABF file is small, and read whole
        _kept=kept if is_abf(address) else {},
        scales=scales,
        num_in_file=found.num_in_file,
    )
    return cell, list(kept.values())


@dataclass(frozen=True)
class _Found:
    """What was found in a file of one cell."""

    looked: list[_Looked]
    identifier: str
    session: dict[str, str]
    num_in_file: int


def _find_in_nwb(
    address: Path | str, electrode: str | None, limits: QualityLimits, scales: Scales, keep: bool
) -> _Found:
    with open_nwb(address) as root, reading(address):
        pairs, pairing = pair_series(root)
        electrode, pairs, there = select_electrode(root, pairs, electrode, address)
        # one look at each sweep: over the network it is what takes time
        looked = [_look(root, pair, limits, scales, keep) for pair in pairs]
        looked += [_Looked(pair, [fault]) for pair, fault in find_unpaired(root, pairs, electrode)]
        identifier, session, metadata = read_metadata_of_cell(root, electrode, there)
        metadata["liquid_junction"] = find_junction_note(root, pairs, electrode)
    return _Found(looked, identifier, {**session, **metadata, "pairing": pairing}, max(1, len(there)))


def _find_in_abf(path: Path, channel: str | None, limits: QualityLimits, scales: Scales) -> _Found:
    found = read_abf(path, channel, scales)
    looked = [
        _Looked(each.pair, [each.fault])
        if each.samples is None
        else _judge(each.pair, each.samples, "", Compensation(), limits, keep=True)
        for each in found.sweeps
    ]
    several = len(found.channels) > 1
    identifier = f"{path.stem}-{found.channel}" if several else path.stem
    return _Found(looked, identifier, dict(describe_abf(found)), len(found.channels))


@dataclass(frozen=True)
class _Looked:
    """What one look at a sweep gave."""

    pair: Pair
    faults: list[str]
    info: SweepInfo | None = None
    levels: SweepLevels | None = None
    sweep: Sweep | None = None


def _look(root: Any, pair: Pair, limits: QualityLimits, scales: Scales, keep: bool) -> _Looked:
    response = root[pair.response]
    kind = kind_of(response)
    if kind != _RESPONSE:
        return _Looked(pair, [f"{kind or 'a series without a type'}, not current clamp"])
    if not pair.stimulus:
        said = to_text(response.attrs.get("stimulus_description", "")).strip()[:60]
        # a name of a protocol says neither when nor how much was injected
        told = f", only the description {said!r}" if said not in ("", "NA", "N/A") else ""
        return _Looked(pair, [f"no stimulus series belongs to it{told}"])
    try:
        samples = read_pair(root, pair, scales)
    except InputError as error:
        # what was found is the reason; what to do about it is meant for one file, not for a list of sweeps
        return _Looked(pair, [error.found])
    code = _code_of(response, root[pair.stimulus])
    return _judge(pair, samples, code, read_compensation(response), limits, keep)


def _judge(
    pair: Pair, samples: Samples, code: str, compensation: Compensation, limits: QualityLimits, keep: bool
) -> _Looked:
    """Type a sweep's stimulus, and say what is wrong with it."""
    if not len(samples.voltage_mv):
        return _Looked(pair, ["nothing was recorded"])
    # of the whole current: where the recording was stopped, a step would look shorter than it was meant
    stimulus = find_stimulus(samples.current_pa, samples.rate_hz)
    # a code says what was meant, a waveform only what was given: a long square cut short looks like another
    # protocol
    protocol = type_by_code(code) or type_by_name(pair.stimulus_type) or stimulus.shape
    if protocol == RAMP and 0 <= stimulus.first < len(samples.voltage_mv):
        stimulus = _end_ramp(stimulus, samples)
    bias = compensation.bias_current_pa
    # amplifiers report 0 when they do not know, and files pA where amperes are due
    holding = bias if 0.0 < abs(bias) <= MOST_PA else stimulus.holding_pa
    faults = find_faults(samples.voltage_mv, stimulus, protocol, samples.rate_hz, holding, limits)
    info = _describe(pair, code, protocol, samples, stimulus, compensation)
    sweep = _to_sweep(info, samples) if keep and not faults else None
    return _Looked(pair, faults, info, _measure_levels(samples, stimulus), sweep)


def _to_sweep(info: SweepInfo, samples: Samples) -> Sweep:
    return Sweep(info, samples.voltage_mv, samples.current_pa[: len(samples.voltage_mv)])


def _code_of(response: Any, stimulus: Any) -> str:
    codes = [clean_code(to_text(each.attrs.get("stimulus_description", ""))) for each in (response, stimulus)]
    # either series may carry the code, and the other says NA or nothing
    known = [code for code in codes if type_by_code(code) is not None]
    return (known or [code for code in codes if code not in ("", "NA", "N/A")] or [""])[0]


def _end_ramp(stimulus: Stimulus, samples: Samples) -> Stimulus:
    """End a ramp where the recording was stopped, at the current it had reached."""
    if stimulus.last <= len(samples.voltage_mv):
        return stimulus
    last = len(samples.voltage_mv)
    # the ramp's amplitude is where the cell stopped it, not where it would have gone
    reached = float(samples.current_pa[last - 1]) - stimulus.holding_pa
    return stimulus._replace(last=last, amplitude_pa=reached)


def _describe(
    pair: Pair, code: str, protocol: str, samples: Samples, stimulus: Stimulus, compensation: Compensation
) -> SweepInfo:
    is_there = stimulus.first >= 0
    return SweepInfo(
        number=pair.number,
        stimulus_code=code,
        protocol=protocol,
        sampling_rate_hz=samples.rate_hz,
        start=samples.start,
        stimulus_start=stimulus.first / samples.rate_hz if is_there else np.nan,
        stimulus_stop=stimulus.last / samples.rate_hz if is_there else np.nan,
        amplitude_pa=stimulus.amplitude_pa,
        response_path=pair.response,
        stimulus_path=pair.stimulus,
        **compensation._asdict(),
    )


def _measure_levels(samples: Samples, stimulus: Stimulus) -> SweepLevels:
    voltage = samples.voltage_mv
    first, last = (stimulus.first, stimulus.last) if stimulus.first > 0 else (len(voltage), len(voltage))
    baseline = float(np.nanmedian(voltage[:first]))
    # the second half of the step, when the capacitance is charged; medians, since spikes move them little
    late = voltage[(first + last) // 2 : last]
    return SweepLevels(
        baseline_mv=baseline,
        lowest_mv=float(np.nanmin(voltage)),
        highest_mv=float(np.nanmax(voltage)),
        response_mv=float(np.nanmedian(late)) - baseline if len(late) else np.nan,
        amplitude_pa=stimulus.amplitude_pa,
        is_long_square=stimulus.shape == LONG_SQUARE and len(voltage) >= last,
    )


def _require_any(looked: list[_Looked], address: Path | str) -> None:
    if any(each.info is not None for each in looked):
        return
    reasons = sorted({fault for each in looked for fault in each.faults}) or ["no icephys series"]
    raise InputError(
        f"{address} without a current-clamp sweep ({'; '.join(reasons[:3])})",
        "CurrentClampSeries with CurrentClampStimulusSeries",
        "check that it is a patch-clamp recording",
    )


def _refuse(reason: str, scale: str, address: Path | str, accepted: bool) -> None:
    if accepted:
        _LOG.warning("%s has %s; it is read nevertheless", address, reason)
        return
    raise InputError(
        f"{address} with {reason}",
        "values in the units that the file declares",
        (f"if a unit is wrong, {scale} makes them plausible; else " if scale else "no one factor does; ")
        + "correct its units or conversions, or measure it with `nwbspikegen patchseq features "
        "--accept-implausible` (accept_implausible=True)",
    )
