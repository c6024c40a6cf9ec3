"""The one way to write a file that is derived from a recording: whole, from bytes that held still."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nwbspikegen.core.addresses import require_recording
from nwbspikegen.core.files import require_absent, require_suffix, write_whole
from nwbspikegen.core.metadata import read_metadata
from nwbspikegen.nwb.derived import export, holding_still, read_reduced, require_source
from nwbspikegen.nwb.provenance import model_tables, sources_table
from nwbspikegen.nwb.unit_table import UNITS


class DerivedFile(NamedTuple):
    """What results are added to before a derived file is written.

    Attributes
    ----------
    nwbfile : pynwb.NWBFile
        What is kept of the recording.
    module : pynwb.ProcessingModule
        Where results go; it names the source already, and the model if there is one.
    """

    nwbfile: Any
    module: Any


@contextlib.contextmanager
def derive_file(
    out: str | os.PathLike[str],
    source: Any,
    module: str,
    description: str,
    *,
    model: Any = None,
    metadata: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    unit_table: str | None = UNITS,
    expected_sha256: str = "",
    overwrite: bool = False,
) -> Iterator[DerivedFile]:
    """Give a derived file in memory, and write it when the block ends without an error.

    Metadata, subject, devices, electrodes, units and intervals of the source are kept; acquisition,
    stimulus and its processing modules are not. The file appears whole or not at all.

    Parameters
    ----------
    out : path
        NWB file to write.
    source : path or address
        NWB file of the recording, on disk or on the web.
    module, description : str
        Of the processing module that holds the results.
    model : FittedModel, optional
        What the results are made with; its name, hash, parameters and training record are stored.
    metadata : mapping or path of a YAML file, optional
        Fields in NeuroConv's layout (`NWBFile`, `Subject`) that the source lacks or has wrong.
    unit_table : str or None, default: "units"
        Table of units of the source that becomes `/units`; None for a recording that needs none.
    expected_sha256 : str
        Of the source when it was read for the results, where that is known.
    overwrite : bool, default: False
        Replace `out`.

    Yields
    ------
    DerivedFile

    Raises
    ------
    InputError
        The source cannot be read, has no such table, or changed since it was read.
    MetadataError
        The archive requires more about subject or session; the message is a template to fill in.
    OutputError
        The file is there already, or cannot be written.
    """
    require_suffix(out, ".nwb")
    found = require_recording(source) if unit_table is None else require_source(source, unit_table)
    require_absent(out, overwrite=overwrite, sources=[found] if isinstance(found, Path) else [])
    given = read_metadata(metadata)
    with (
        # the order matters: the source is hashed before it is copied and again after the file is written, and
        # only a file of a source that held still gets its name. The copy lies in the hidden folder beside the
        # output, where there has to be room anyway, and which goes after a kill as well
        write_whole(out, overwrite=overwrite) as temporary,
        holding_still(found, expected_sha256),
        read_reduced(found, given, unit_table or UNITS, folder=temporary.parent) as (source_io, nwbfile),
    ):
        results = nwbfile.create_processing_module(module, description)
        results.add(sources_table(found, nwbfile.identifier))
        if model is not None:
            for table in model_tables(model):
                results.add(table)
        yield DerivedFile(nwbfile, results)
        export(source_io, nwbfile, temporary, found)
