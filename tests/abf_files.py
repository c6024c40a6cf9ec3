"""Small Axon Binary Files, version 2: the sections that a reader needs, in blocks of 512 bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from neo.rawio import axonrawio

_BLOCK = 512
# position of each section's entry (block, bytes, number) in the header
_PLACES = {name: 76 + 16 * place for place, name in enumerate(axonrawio.sectionNames)}


def write_abf(
    path: Path,
    sweeps: Sequence[np.ndarray],
    *,
    rate_hz: float = 10_000.0,
    channels: Mapping[str, str] | None = None,
    epochs: Sequence[tuple[int, float, float, int]] = (),
    command: tuple[str, str] = ("Cmd 0", "pA"),
    holding: float = 0.0,
) -> Path:
    """Write sweeps of shape (sample, channel) as float32, in the units of their channels (name to unit).

    Epochs are kind (1 a step, 2 a ramp), level and its increment by sweep, and samples.
    """
    channels = channels or {"Vm": "mV"}
    strings = ["", "Clampex", "C:\\protocols\\steps.pro", *command, *sum(channels.items(), ())]
    length = len(sweeps[0]) * len(channels)
    sections = {
        "ProtocolSection": [
            _pack(
                axonrawio.protocolInfoDescription,
                nOperationMode=5,
                fADCSequenceInterval=1e6 / rate_hz,
                lNumSamplesPerEpisode=length,
                lEpisodesPerRun=len(sweeps),
            )
        ],
        "ADCSection": [
            _pack(
                axonrawio.ADCInfoDescription,
                nADCNum=place,
                lADCChannelNameIndex=5 + 2 * place,
                lADCUnitsIndex=6 + 2 * place,
            )
            for place in range(len(channels))
        ],
        "DACSection": [
            _pack(
                axonrawio.DACInfoDescription,
                lDACChannelNameIndex=3,
                lDACChannelUnitsIndex=4,
                nWaveformEnable=1,
                nWaveformSource=1,
                fDACHoldingLevel=holding,
            )
        ],
        "EpochPerDACSection": [
            _pack(
                axonrawio.EpochInfoPerDACDescription,
                nEpochNum=place,
                nEpochType=kind,
                fEpochInitLevel=level,
                fEpochLevelInc=step,
                lEpochInitDuration=samples,
            )
            for place, (kind, level, step, samples) in enumerate(epochs)
        ],
        "StringsSection": [
            b"\x00\x00" + b"\x00".join(one.encode("latin-1") for one in strings[1:]) + b"\x00"
        ],
        "DataSection": [np.float32(np.concatenate(sweeps).ravel()).tobytes()],
        "SynchArraySection": [struct.pack("ii", 2 * length * place, length) for place in range(len(sweeps))],
    }
    header = bytearray(_BLOCK)
    start = _pack(
        axonrawio.headerDescriptionV2,
        fFileSignature=b"ABF2",
        fFileVersionNumber=(0, 0, 0, 2),
        lActualEpisodes=len(sweeps),
        uFileStartDate=20240131,
        nDataFormat=1,
        uProtocolPathIndex=2,
    )
    header[: len(start)] = start
    body = b""
    for name, entries in sections.items():
        size, number = (len(entries[0]) if entries else 0), len(entries)
        # data are counted in samples
        size, number = (4, len(entries[0]) // 4) if name == "DataSection" else (size, number)
        struct.pack_into("IIl", header, _PLACES[name], 1 + len(body) // _BLOCK, size, number)
        joined = b"".join(entries)
        body += joined + bytes(-len(joined) % _BLOCK)
    path.write_bytes(bytes(header) + body)
    return path


def _pack(description: Sequence[tuple[Any, ...]], **values: Any) -> bytes:
    """Return a record of named fields one after another, nought where nothing is given."""
    packed = b""
    for name, *offset, form in description:
        # fields of the header have a place, those of sections follow each other
        packed += bytes(offset[0] - len(packed)) if offset else b""
        given = values.get(name)
        if given is None:
            packed += bytes(struct.calcsize(form))
        else:
            packed += struct.pack(form, *(given if isinstance(given, tuple) else (given,)))
    return packed
