"""All wells, or all recordings, of a MaxWell file to NWB: a file for each."""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from pathlib import Path

from nwbspikegen.commands.write_sorting import write_nwb
from nwbspikegen.core.errors import InputError, MetadataError, NWBSpikeGenError, OutputError
from nwbspikegen.core.files import require_absent, require_suffix
from nwbspikegen.core.metadata import Metadata, StrictMetadata, read_metadata
from nwbspikegen.core.progress import track
from nwbspikegen.formats.maxwell.reader import read_maxwell_file

_LOG = logging.getLogger("nwbspikegen")


@dataclasses.dataclass(frozen=True)
class ConvertedWells:
    """What `convert_maxwell_wells` made.

    Attributes
    ----------
    paths : list of Path
        The files that were written.
    failed : dict
        What went wrong, by the label of each well or recording that could not be converted.
    """

    paths: list[Path]
    failed: dict[str, str]


def convert_maxwell_wells(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    overwrite: bool = False,
    well: str | None = None,
    recording: str | None = None,
    all_wells: bool = False,
    all_recordings: bool = False,
) -> ConvertedWells:
    """Write the on-chip spikes of several wells or recordings of a MaxWell file, each as an NWB file.

    Wells without a spike are passed over, and the log says so. A well that fails stops no other.

    Parameters
    ----------
    source : path
        A .raw.h5 file.
    out : path
        Name of the files: the well, the recording or both are added to its session, `_ses-d21-well003_`,
        or else to its end. They are added to the session_id of the metadata in the same way.
    metadata, overwrite
        As for `convert_sorting`, of all files alike.
    well, recording : str, optional
        The only ones, where not all are taken; those that there are where there is one.
    all_wells, all_recordings : bool, default: False
        Take all.

    Raises
    ------
    InputError, MetadataError, OutputError
        As for `convert_sorting`; a choice has to be made; or all wells are silent. What stands in the way
        of any file is found before the first is written.

    Examples
    --------
    >>> convert_maxwell_wells("missing.raw.h5", "out.nwb", metadata=None, all_wells=True)
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found nothing at missing.raw.h5; ...
    """
    from nwbspikegen.formats.maxwell.sorting import SilentWellError

    require_suffix(Path(out), ".nwb")
    chosen = _choose(source, well, recording, all_wells=all_wells, all_recordings=all_recordings)
    given = read_metadata(metadata)
    files = [metadata if isinstance(metadata, str | os.PathLike) else None, source]
    labels = [_label(each, all_wells=all_wells, all_recordings=all_recordings) for each in chosen]
    paths = [name_file(Path(out), label) for label in labels]
    for path in paths:
        require_absent(path, overwrite=overwrite, sources=files)
    done = ConvertedWells([], {})
    todo = list(zip(chosen, labels, paths, strict=True))
    for (name, rec), label, path in track(todo, "wells", len(todo)):
        try:
            parameters = {"well": name, "recording": rec}
            write_nwb(read_maxwell_file, (source,), parameters, path, _extend(given, label), overwrite)
        except SilentWellError as error:
            _LOG.warning("%s, %s of %s is passed over: %s", name, rec, source, error)
        except (MetadataError, OutputError):
            # of all wells alike: the next would fail for the same
            raise
        except Exception as error:
            # a damaged part of a file raises what its library raises
            is_told = isinstance(error, NWBSpikeGenError)
            done.failed[label] = str(error) if is_told else f"{type(error).__name__}: {error}"
            _LOG.warning("%s, %s of %s failed: %s", name, rec, source, done.failed[label])
        else:
            done.paths.append(path)
    if not done.paths and not done.failed:
        raise InputError(f"{len(chosen)} silent recordings in {source}", "spikes", "check the file")
    return done


def name_file(out: Path, label: str) -> Path:
    """Return a file's name with a label in its session, or else at its end.

    Examples
    --------
    >>> [name_file(Path(out), "well003").name for out in ("sub-m1_ses-d21_ecephys.nwb", "a.nwb")]
    ['sub-m1_ses-d21-well003_ecephys.nwb', 'a_well003.nwb']
    """
    stem, number = re.subn(r"(?<=_)(ses-[^_]+)", rf"\1-{label}", out.stem, count=1)
    return out.with_name(f"{stem if number else f'{out.stem}_{label}'}{out.suffix}")


def _label(chosen: tuple[str, str], *, all_wells: bool, all_recordings: bool) -> str:
    well, recording = chosen
    return "-".join([well] * all_wells + [recording] * all_recordings)


def _extend(given: Metadata, label: str) -> Metadata:
    """Return metadata whose session is told apart from those of the other files, where it has a name."""
    session = dict(given.get("NWBFile") or {})
    if session.get("session_id"):
        session["session_id"] = f"{session['session_id']}-{label}"
    extended = {**given, "NWBFile": session}
    return StrictMetadata(extended) if isinstance(given, StrictMetadata) else extended


def _choose(
    source: str | os.PathLike[str],
    well: str | None,
    recording: str | None,
    *,
    all_wells: bool,
    all_recordings: bool,
) -> list[tuple[str, str]]:
    """Return the wells and recordings to convert."""
    from nwbspikegen.formats.maxwell.wells import list_recordings

    pairs = list_recordings(source)
    wells = list(dict.fromkeys(name for name, _ in pairs))
    if not all_wells and (well not in wells if well is not None else len(wells) != 1):
        raise InputError(
            f"{len(wells)} wells in {source}" if well is None else f"no {well} among the wells of {source}",
            f"one of {', '.join(wells)}",
            "choose one by --well, or pass --all-wells",
        )
    found = [(name, rec) for name, rec in pairs if all_wells or well in (None, name)]
    if not all_recordings:
        found = [(name, rec) for name, rec in found if recording in (None, rec)]
    is_open = not all_recordings and len({name for name, _ in found}) < len(found)
    if is_open or not found:
        recordings = ", ".join(dict.fromkeys(rec for _, rec in pairs))
        raise InputError(
            f"several recordings of a well in {source}" if found else f"no {recording} in {source}",
            f"one of {recordings or 'none'}",
            "choose one by --recording, or pass --all-recordings",
        )
    return found
