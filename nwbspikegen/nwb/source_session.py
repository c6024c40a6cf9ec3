"""Who, when and where of a copied recording, put right for the schema of today."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import h5py
import numpy as np

from nwbspikegen.core.errors import MetadataError
from nwbspikegen.core.metadata import read_moment, to_moment
from nwbspikegen.nwb.groups import to_text
from nwbspikegen.nwb.source_copy import SourceCopy

_TIMES = (
    "session_start_time",
    "timestamps_reference_time",
    "file_create_date",
    "general/subject/date_of_birth",
)
# early files of NWB 2 have one text here, later ones a list
_LISTS = ("general/experimenter", "general/keywords", "general/related_publications")
_TYPES = {
    "general/subject": "Subject",
    "general/devices": "Device",
    "general/extracellular_ephys": "ElectrodeGroup",
}


def repair_session(copy: SourceCopy, given: Mapping[str, Any]) -> None:
    """Put right what says who, when and where: zones of times, lists of one text, types and ids.

    A start of the session that the recording lacks is taken from the metadata that are given.
    """
    out = copy.out
    start = to_moment((given.get("NWBFile") or {}).get("session_start_time"))
    if "session_start_time" not in out and start is not None:
        out["session_start_time"] = start.isoformat()
    if "session_description" not in out:
        # the schema makes every file have one; it may be empty
        out["session_description"] = ""
    for name in ("identifier", "session_start_time"):
        if name not in out:
            raise MetadataError(
                f"no {name} in {copy.source}",
                "one: it says which recording this is",
                "pass --metadata FILE.yaml with NWBFile: session_start_time: 2021-05-11T14:00:00+09:00"
                if name == "session_start_time"
                else "write the recording again",
            )
    # a laboratory's own kind of file asks for more than is kept
    out.attrs["namespace"], out.attrs["neurodata_type"] = "core", "NWBFile"
    out.attrs.setdefault("object_id", str(uuid4()))
    for path in _TIMES:
        _repair_time(copy, path)
    # the schema asks for both; pynwb, too, takes one for the other
    if "session_start_time" in out and "timestamps_reference_time" not in out:
        out["timestamps_reference_time"] = out["session_start_time"][()]
    if "file_create_date" not in out:
        now = datetime.now(tz=UTC).isoformat()
        out.create_dataset("file_create_date", data=np.array([now], dtype=h5py.string_dtype()))
    for path in [*_LISTS, "file_create_date"]:
        if path in out and not out[path].shape:
            _replace_texts(out, path, [to_text(out[path][()])])
    _set_types(out)
    _repair_groups(copy)


def _repair_time(copy: SourceCopy, path: str) -> None:
    """Give a time without a zone that of UTC; pynwb would take the zone of this machine."""
    dataset = copy.out.get(path)
    if not isinstance(dataset, h5py.Dataset) or h5py.check_string_dtype(dataset.dtype) is None:
        return
    texts = [to_text(value) for value in np.ravel(dataset[()])]
    moments = [read_moment(text) for text in texts]
    if all(moment is None or moment.tzinfo is not None for moment in moments):
        return
    copy.say(f"{path} {texts[0]} names no time zone: it is taken as UTC")
    zoned = [
        text if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC).isoformat()
        for text, moment in zip(texts, moments, strict=True)
    ]
    _replace_texts(copy.out, path, zoned, is_scalar=not dataset.shape)


def _replace_texts(out: h5py.File, path: str, texts: list[str], *, is_scalar: bool = False) -> None:
    attributes = dict(out[path].attrs)
    del out[path]
    data: Any = texts[0] if is_scalar else np.array(texts, dtype=h5py.string_dtype())
    out.create_dataset(path, data=data, dtype=h5py.string_dtype())
    out[path].attrs.update(attributes)


def _set_types(out: h5py.File) -> None:
    """Say of subject, devices and groups of electrodes what they are, where they do not.

    Since 2.9 `devices/models` is no device: it holds their models.
    """
    for path, kind in _TYPES.items():
        place = out.get(path)
        if not isinstance(place, h5py.Group):
            continue
        for group in [place] if kind == "Subject" else [place[name] for name in place if name != "models"]:
            if isinstance(group, h5py.Group) and (kind == "Subject" or "colnames" not in group.attrs):
                group.attrs.setdefault("neurodata_type", kind)
                group.attrs.setdefault("namespace", "core")
    # noted first: HDF5 must not be changed while it is visited
    typed: list[str] = []
    out.visititems(lambda name, item: typed.append(name) if "neurodata_type" in item.attrs else None)
    for name in typed:
        out[name].attrs.setdefault("object_id", str(uuid4()))


def _repair_groups(copy: SourceCopy) -> None:
    """Give groups of electrodes what the schema asks of them: description, location and a device."""
    place = copy.out.get("general/extracellular_ephys")
    for name, group in (place or {}).items():
        if to_text(group.attrs.get("neurodata_type", "")) != "ElectrodeGroup":
            continue
        for text in ("description", "location"):
            if not to_text(group.attrs.get(text, "")):
                group.attrs[text] = "unknown"
        if "device" not in group:
            copy.say(f"the electrodes of {name} name no device: one called unknown is written")
            device = copy.out.require_group("general/devices/unknown")
            for key, value in (("neurodata_type", "Device"), ("namespace", "core")):
                device.attrs[key] = value
            device.attrs.setdefault("object_id", str(uuid4()))
            group["device"] = h5py.SoftLink("/general/devices/unknown")
