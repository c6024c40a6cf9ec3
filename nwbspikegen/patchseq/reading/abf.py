"""Sweeps of an Axon Binary File (pCLAMP), read by Neo, with the current that its protocol commands."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from nwbspikegen.core.addresses import Address
from nwbspikegen.core.errors import InputError, MissingExtraError, NWBSpikeGenError
from nwbspikegen.core.files import require_file
from nwbspikegen.patchseq.reading.metadata import choose_electrode
from nwbspikegen.patchseq.reading.pairs import Pair
from nwbspikegen.patchseq.reading.samples import Samples, Scales
from nwbspikegen.patchseq.reading.series import MILLIVOLT, PICOAMPERE, SIZES_OF_UNITS, count_recorded

_SUFFIX = ".abf"
# kinds of epochs (nEpochType): none, and a step; Neo makes steps of ramps and trains too
_OFF, _STEP = 0, 1
# nWaveformSource: epochs, and not a file of samples
_FROM_EPOCHS = 1
# of version 2: bytes of a block, and where the header lists the sections that Neo reads entry by entry:
# ADC, DAC, epochs, epochs by DAC, tags (of strings the number is another thing)
_BLOCK, _SECTIONS = 512, (92, 108, 124, 156, 252)


@dataclass(frozen=True)
class AbfSweep:
    """A sweep of an ABF file: its samples, or why there are none."""

    pair: Pair
    samples: Samples | None
    fault: str = ""


@dataclass(frozen=True)
class AbfRecording:
    """What an ABF file holds of one cell; `channels` are all that hold potentials, of which it has one."""

    sweeps: list[AbfSweep]
    channel: str
    channels: list[str]
    start: str
    protocol: str


def is_abf(path: Address) -> bool:
    """Return whether a path is called like an Axon Binary File.

    Examples
    --------
    >>> is_abf("cell.abf"), is_abf("cell.nwb")
    (True, False)
    """
    return Path(path).suffix.lower() == _SUFFIX


def read_abf(path: Path, channel: str | None, scales: Scales) -> AbfRecording:
    """Read the current-clamp sweeps of an ABF file, version 1 or 2.

    The current is what the protocol commands (version 2, epochs that are steps), else a channel in amperes
    that was recorded beside the potential.

    Parameters
    ----------
    path : Path
        The file.
    channel : str, optional
        Name of the channel with the potential, when there are several.
    scales : Scales
        What corrects potentials and currents.

    Raises
    ------
    InputError
        Neo cannot read it, no channel is in volts, or there are several and none is chosen.

    Examples
    --------
    >>> read_abf(Path("missing.abf"), None, Scales())
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at missing.abf; ...
    """
    require_file(path)
    with _reading(path):
        return _read(path, channel, scales)


def _read(path: Path, channel: str | None, scales: Scales) -> AbfRecording:
    reader = _open(path)
    channels = reader.header["signal_channels"]
    potentials = [place for place, one in enumerate(channels) if _measure_unit(one["units"]) == "V"]
    names = [str(channels[place]["name"]) for place in potentials]
    chosen = _choose(path, names, channel, [str(one["units"]) for one in channels])
    currents = _Currents(reader, names.index(chosen), len(names))
    sweeps = []
    for number in range(reader.segment_count(0)):
        voltage = _read_channel(reader, number, potentials[names.index(chosen)], MILLIVOLT)
        sweeps.append(_make_sweep(reader, number, chosen, voltage * scales.mv, currents, scales))
    info = reader._axon_info
    began = info.get("rec_datetime")
    path_of_protocol = str(info.get("sProtocolPath") or "").replace("\\", "/")
    name = path_of_protocol.rsplit("/", 1)[-1].strip()
    return AbfRecording(sweeps, chosen, names, began.isoformat() if isinstance(began, datetime) else "", name)


class _Currents:
    """Finds the current of each sweep: commanded where the file says it, else recorded."""

    def __init__(self, reader: Any, place: int, num_potentials: int) -> None:
        self.reader = reader
        channels = reader.header["signal_channels"]
        recorded = [number for number, one in enumerate(channels) if _measure_unit(one["units"]) == "A"]
        info = reader._axon_info
        dacs = info.get("listDACInfo", []) if info["fFileVersionNumber"] >= 2.0 else []
        commanded = [number for number, one in enumerate(dacs) if self._is_command(one)]
        self.recorded = _take(recorded, place, num_potentials)
        self.commanded = _take(commanded, place, num_potentials)
        self.waveforms: Any = None

    def _is_command(self, dac: dict[str, Any]) -> bool:
        unit = dac["DACChUnits"].decode("latin-1")
        return (
            _measure_unit(unit) == "A"
            and bool(dac["nWaveformEnable"])
            and dac["nWaveformSource"] == _FROM_EPOCHS
        )

    def read(self, number: int, length: int) -> tuple[str, Float64[np.ndarray, " sample"]] | str:
        """Return name and current (pA) of a sweep, or why there is none."""
        why = "its protocol injects no current in epochs"
        if self.commanded is not None:
            why = self._find_fault(length)
            if not why:
                if self.waveforms is None:
                    self.waveforms = self.reader.read_raw_protocol()
                signals, names, units = self.waveforms
                size = SIZES_OF_UNITS[units[self.commanded].strip().casefold()]
                current = np.asarray(signals[number][self.commanded], dtype=np.float64) * size * PICOAMPERE
                return f"command {names[self.commanded]}", current
        if self.recorded is None:
            return f"{why}, and no channel holds a current"
        name = str(self.reader.header["signal_channels"][self.recorded]["name"])
        return f"channel {name}", _read_channel(self.reader, number, self.recorded, PICOAMPERE)

    def _find_fault(self, length: int) -> str:
        """Return why Neo cannot tell the command; lengths first, of which a damaged header has any."""
        info = self.reader._axon_info
        num_channels = len(self.reader.header["signal_channels"])
        if info["protocol"]["lNumSamplesPerEpisode"] != length * num_channels:
            return "its protocol is of another length than its sweeps"
        if info["lActualEpisodes"] != self.reader.segment_count(0):
            return "its protocol has another number of sweeps"
        kinds = {one["nEpochType"] for one in info["dictEpochInfoPerDAC"].get(self.commanded, {}).values()}
        if not kinds <= {_OFF, _STEP}:
            return "its protocol has epochs that are no steps"
        return ""


def _take(found: Sequence[int], place: int, num_potentials: int) -> int | None:
    """Return the channel that belongs to a potential: the only one, or the one at its place of as many."""
    if len(found) == num_potentials:
        return found[place]
    return found[0] if len(found) == 1 and num_potentials == 1 else None


def _make_sweep(
    reader: Any,
    number: int,
    channel: str,
    voltage: Float64[np.ndarray, " sample"],
    currents: _Currents,
    scales: Scales,
) -> AbfSweep:
    found = currents.read(number, len(voltage))
    if isinstance(found, str):
        return AbfSweep(Pair(number + 1, channel, ""), None, found)
    name, current = found
    rate_hz = float(reader.get_signal_sampling_rate(0))
    recorded = voltage[: count_recorded(voltage, rate_hz)] - scales.junction_mv
    start = float(reader.get_signal_t_start(0, number, 0))
    return AbfSweep(Pair(number + 1, channel, name), Samples(start, rate_hz, recorded, current * scales.pa))


def _open(path: Path) -> Any:
    try:
        from neo.rawio.axonrawio import AxonRawIO
    except ImportError as error:
        raise MissingExtraError("no neo", "it for ABF files", "install with: pip install neo") from error
    _require_sections(path)
    reader = AxonRawIO(filename=str(path))
    reader.parse_header()
    return reader


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except NWBSpikeGenError:
        raise
    # Neo raises almost anything on a header that it does not expect
    except Exception as error:
        raise InputError(
            f"{path}, which Neo cannot read ({type(error).__name__}: {str(error)[:200]})",
            "an Axon Binary File of version 1 or 2",
            "check that it was copied whole",
        ) from error


def _require_sections(path: Path) -> None:
    """Raise `ValueError` for sections of more entries than the file can hold, which Neo would go through."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_BLOCK)
    if header[:4] != b"ABF2":
        return
    for place in _SECTIONS:
        block, length, number = struct.unpack_from("<IIq", header, place)
        if number and (length < 1 or block * _BLOCK + length * number > size or number < 0):
            raise ValueError("a section that ends behind the file")


def _choose(path: Path, names: list[str], channel: str | None, units: list[str]) -> str:
    if not names:
        raise InputError(
            f"{path} with channels in {', '.join(sorted(set(units)))}",
            "a potential in mV, as current clamp has",
            "choose another file: voltage clamp is not measured",
        )
    return choose_electrode(names, channel, path)


def _measure_unit(unit: Any) -> str:
    """Return "V", "A", or "" of a unit that is neither."""
    text = str(unit).strip().casefold()
    return text[-1].upper() if text in SIZES_OF_UNITS and text[-1] in "va" else ""


def _read_channel(reader: Any, number: int, place: int, to: float) -> Float64[np.ndarray, " sample"]:
    raw = reader.get_analogsignal_chunk(block_index=0, seg_index=number, channel_indexes=[place])
    values = reader.rescale_signal_raw_to_float(raw, dtype="float64", channel_indexes=[place])[:, 0]
    unit = str(reader.header["signal_channels"][place]["units"]).strip().casefold()
    return np.asarray(values * SIZES_OF_UNITS[unit] * to, dtype=np.float64)


def describe_abf(recording: AbfRecording) -> Iterator[tuple[str, str]]:
    """Give what is known of session and cell, by the names that `Cell.metadata` has."""
    yield "session_start_time", recording.start
    yield "electrode", recording.channel
    yield "protocol", recording.protocol
    yield "pairing", "abf"
    # the format has no field for it, and no text but the comment
    yield "liquid_junction", ""
