"""Raw traces of MaxWell recordings as a NeuroConv data interface."""

from __future__ import annotations

from typing import Any

import numpy as np
from neuroconv.datainterfaces.ecephys.baserecordingextractorinterface import BaseRecordingExtractorInterface
from neuroconv.utils import dict_deep_update

from nwbspikegen.formats.maxwell.interface import MaxWellInterface
from nwbspikegen.formats.maxwell.layouts import read_maxwell_recording
from nwbspikegen.formats.maxwell.sorting import describe_electrodes
from nwbspikegen.formats.maxwell.traces import read_maxwell_traces
from nwbspikegen.formats.nwb_electrodes import describe_array, name_channels, read_group_names
from nwbspikegen.formats.parameters import File


class MaxWellTracesInterface(BaseRecordingExtractorInterface):  # type: ignore[misc]
    """The traces, at the same electrodes as `MaxWellInterface` and `SpykingCircusInterface` have them.

    NeuroConv's `MaxOneRecordingInterface` downloads a plug-in, cannot choose a well, and knows its
    electrodes by other names.

    Parameters
    ----------
    file_path : path
        The MaxWell file.
    well, recording : str, optional
        As for `nwbspikegen.formats.maxwell.reader.read_maxwell_file`.
    verbose : bool, default: False
        As everywhere in NeuroConv.
    metadata_key : str, optional
        As for the interfaces of spikes: the same key where both are of one array.
    """

    display_name = "MaxWell traces"
    associated_suffixes = (".h5",)
    info = "Raw traces of a MaxOne or MaxTwo, of one well and recording."

    def __init__(
        self,
        file_path: File,
        well: str | None = None,
        recording: str | None = None,
        verbose: bool = False,
        *,
        metadata_key: str | None = None,
    ) -> None:
        self._key = metadata_key
        self._electrodes = describe_electrodes(
            read_maxwell_recording(file_path, well, recording), np.empty(0, dtype=np.int64)
        )
        super().__init__(
            verbose=verbose,
            metadata_key=metadata_key or "maxwell_traces",
            file_path=file_path,
            well=well,
            recording=recording,
        )
        self._name_channels()

    @classmethod
    def get_source_schema(cls) -> dict[str, Any]:
        """Return the JSON schema of what the interface is made with: that of the spikes of a file."""
        return MaxWellInterface.get_source_schema()

    @classmethod
    def get_extractor_class(cls) -> Any:
        """Return what reads the traces."""
        return _read

    def get_metadata(self, *, use_new_metadata_format: bool = True) -> Any:
        """Return what the file says of its array, besides NeuroConv's own."""
        metadata = super().get_metadata(use_new_metadata_format=use_new_metadata_format)
        if not use_new_metadata_format:
            return metadata
        return dict_deep_update(metadata, describe_array(self._electrodes, self._key, is_alone=False))

    def _name_channels(self) -> None:
        """Let the file's electrodes be those of the channels, found by their numbers on the chip."""
        numbers = np.asarray(self._electrodes.columns["electrode"])
        order = np.argsort(numbers)
        wanted = self.recording_extractor.get_property("electrode").astype(np.int64)
        rows = order[np.searchsorted(numbers[order], wanted)]
        described = describe_array(self._electrodes, self._key, is_alone=False)
        called = read_group_names(self._electrodes, described, self._key)
        name_channels(self.recording_extractor, self._electrodes, rows, called)


def _read(all_annotations: bool = True, **source: Any) -> Any:
    # NeuroConv asks every reader for all annotations: ours has no others
    return read_maxwell_traces(**source)
