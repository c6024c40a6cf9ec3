"""NeuroConv's own suite for sorting interfaces, run on each of ours."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alf_files import write_session
from asdf_files import write_asdf
from maxwell_files import PROBE, write_circus, write_new_maxwell, write_old_maxone
from neuroconv.tools.testing.data_interface_mixins import (
    RecordingExtractorInterfaceTestMixin,
    SortingExtractorInterfaceTestMixin,
)
from sorter_files import write_phy

import nwbspikegen as nsg
from nwbspikegen import formats

_TRAINS = {0: [10, 40, 41], 1: [7], 2: [], 10: [30, 3999]}


class SourceMixin(SortingExtractorInterfaceTestMixin):
    """Each test gets an interface over files of its own."""

    interface_kwargs: dict[str, Any] = {}  # noqa: RUF012

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        """Write a source and return the interface's arguments."""
        raise NotImplementedError

    @pytest.fixture
    def setup_interface(self, tmp_path: Path) -> tuple[Any, str]:
        folder = tmp_path / "source"
        folder.mkdir()
        self.test_name = ""
        self.interface_kwargs = self.make_kwargs(folder)
        self.interface = self.data_interface_cls(**self.interface_kwargs)
        return self.interface, self.test_name


class TestASDF(SourceMixin):
    data_interface_cls = formats.ASDFInterface

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        trains = [np.array([1, 2, 4, 5, 8, 250]), np.array([], int), np.array([7])]
        return {"file_path": write_asdf(folder / "a.mat", trains, dtype=np.int32), "tick": 0.001}


class TestIBL(SourceMixin):
    data_interface_cls = formats.IBLInterface

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        return {"session_path": write_session(folder)}


class TestTwoProbes(SourceMixin):
    data_interface_cls = formats.IBLInterface

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        return {"session_path": write_session(folder, probes=("probe00", "probe01"))}


class TestMaxWell(SourceMixin):
    data_interface_cls = formats.MaxWellInterface

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        return {"file_path": write_new_maxwell(folder / "a.raw.h5")}


class TestOldMaxOne(SourceMixin):
    data_interface_cls = formats.MaxWellInterface

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        return {"file_path": write_old_maxone(folder / "a.raw.h5")}


class TestSpykingCircus(SourceMixin):
    data_interface_cls = formats.SpykingCircusInterface

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        return {"path": write_circus(folder, _TRAINS, probe=PROBE, best=[1, 3, 0])}


class TestPhy(SourceMixin):
    data_interface_cls = formats.PhyInterface

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        return {"path": write_phy(folder), "duration": 2.0}


class TestKilosort(SourceMixin):
    data_interface_cls = formats.KilosortInterface

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        return {"path": write_phy(folder, curated=False), "duration": 2.0}


class TestSavedSorting(SourceMixin):
    data_interface_cls = formats.SavedSortingInterface

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        sorting = nsg.simulate("in_vivo", num_units=4, duration=10, seed=2).sorting
        with warnings.catch_warnings():
            # nobody could load it by the class that made it
            warnings.filterwarnings("ignore", message="The extractor is not serializable")
            sorting.save(folder=folder / "saved")
        return {"path": folder / "saved"}


class TestSorting(SourceMixin):
    data_interface_cls = formats.SortingInterface

    def make_kwargs(self, folder: Path) -> dict[str, Any]:
        return {"sorting": nsg.simulate("in_vivo", num_units=4, duration=10, seed=2).sorting}


# NeuroConv's suite passes SpikeInterface an argument that it has given up
@pytest.mark.filterwarnings("ignore:The 'with_warning' parameter is deprecated")
class TestMaxWellTraces(RecordingExtractorInterfaceTestMixin):
    data_interface_cls = formats.MaxWellTracesInterface
    interface_kwargs: dict[str, Any] = {}  # noqa: RUF012

    @pytest.fixture
    def setup_interface(self, tmp_path: Path) -> tuple[Any, str]:
        self.test_name = ""
        self.interface_kwargs = {"file_path": write_new_maxwell(tmp_path / "a.raw.h5")}
        self.interface = self.data_interface_cls(**self.interface_kwargs)
        return self.interface, self.test_name


def test_no_interface_is_left_out() -> None:
    tested = {each.data_interface_cls for each in SourceMixin.__subclasses__()}
    ours = [getattr(formats, name) for name in formats.__all__ if name.endswith("Interface")]
    assert tested == {each for each in ours if issubclass(each, formats.SourceInterface)} - {
        formats.SourceInterface
    }
