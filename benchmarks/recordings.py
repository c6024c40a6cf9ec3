"""The shared real recordings as NWB files, for the benchmarks."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import nwbspikegen as nsg
from nwbspikegen.core.metadata import read_metadata
from nwbspikegen.views import WindowOptions

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Recording:
    """A shared recording and how much of it benchmarks use."""

    name: str
    source: str
    duration: float
    tick: float | None = None
    positions: str | None = None
    drop_duplicates: bool = False
    skip_units: int = 100
    take_units: int = 128

    @property
    def options(self) -> WindowOptions:
        """Return the window of this recording: 1 ms, 50/25/25."""
        return WindowOptions(
            duration=self.duration,
            drop_duplicates=self.drop_duplicates,
            skip_units=self.skip_units,
            take_units=self.take_units,
        )

    def to_nwb(self, folder: Path) -> Path:
        """Return an NWB file of the recording, converted into `folder` when it is not one yet."""
        source = SHARED / self.source
        if self.tick is None:
            return source
        metadata = read_metadata(source.with_name("metadata.yaml"))
        subject, session = metadata["Subject"]["subject_id"], metadata["NWBFile"]["session_id"]
        out = folder / f"sub-{subject}" / f"sub-{subject}_ses-{session}_ecephys.nwb"
        if out.is_file():
            return out
        out.parent.mkdir(parents=True)
        positions = None if self.positions is None else SHARED / self.positions
        return nsg.convert_asdf(source, out, metadata=metadata, tick=self.tick, positions=positions)


RECORDINGS = {
    recording.name: recording
    for recording in (
        Recording("slice_210511", "slice_210511/asdf_bh.mat", 400.0, 0.001, "slice_210511/xy.mat"),
        Recording("ibl_nyu40_20210414", "ibl_nyu40_20210414/asdf.mat", 400.0, 0.0001),
        Recording("retina_stafford_wt", "nwb/retina_stafford_wt.nwb", 2400.0),
        Recording("retina_stafford_ko", "nwb/retina_stafford_ko.nwb", 2400.0),
        Recording(
            "retina_sun", "nwb/retina_sun_duplicate_unit.nwb", 780.692, drop_duplicates=True, skip_units=0
        ),
    )
}


def require_shared() -> None:
    """End the benchmark, saying why, when the recordings are not at hand."""
    if not SHARED.is_dir():
        sys.exit(f"skipped: real recordings are not at {SHARED}")
