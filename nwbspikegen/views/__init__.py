"""NWB units or a SpikeInterface sorting as a lazily binned xarray view."""

from nwbspikegen.views.duplicates import find_duplicates
from nwbspikegen.views.merging import count_merged
from nwbspikegen.views.opening import open_units
from nwbspikegen.views.selection import select_units
from nwbspikegen.views.splits import Split, split_fractions, split_time
from nwbspikegen.views.surveying import Survey, survey
from nwbspikegen.views.window import PRESETS, WindowOptions, open_trained_window, open_window

__all__ = [
    "PRESETS",
    "Split",
    "Survey",
    "WindowOptions",
    "count_merged",
    "find_duplicates",
    "open_trained_window",
    "open_units",
    "open_window",
    "select_units",
    "split_fractions",
    "split_time",
    "survey",
]
