"""A figure of what was recorded, what was predicted, and how good that is."""

from __future__ import annotations

from typing import Any

import numpy as np
from spikeinterface.core import SortingAnalyzer
from spikeinterface.widgets.base import BaseWidget, to_attr

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot import plot_bits
from nwbspikegen.plot.rasters import draw_raster_panels
from nwbspikegen_si.clocks import take_segment
from nwbspikegen_si.extension import ComputeSpikeGeneration
from nwbspikegen_si.generation import reopen_predicted


class SpikeGenerationWidget(BaseWidget):  # type: ignore[misc]
    """Recorded raster, predicted probability, a synthetic draw of it, and bits per spike.

    Parameters
    ----------
    sorting_analyzer : SortingAnalyzer
        With the extension `nwbspikegen_generation`.
    start, duration : float
        Stretch of the rasters, in seconds from the start of the predicted segment.
    null : str
        What bits per spike are counted from, `mean_rate` or `running_rate`.
    backend : "matplotlib", optional
        The only one there is.
    **backend_kwargs
        `figure`, `figsize` and `figtitle`, as for other widgets; `ax` and `axes` cannot be used.

    Raises
    ------
    InputError
        The stretch lies outside the segment, or no unit is predicted any more.
    """

    possible_backends = ("matplotlib",)

    def __init__(
        self,
        sorting_analyzer: SortingAnalyzer,
        start: float = 0.0,
        duration: float = 5.0,
        null: str = "mean_rate",
        backend: str | None = None,
        **backend_kwargs: Any,
    ) -> None:
        analyzer = self.ensure_sorting_analyzer(sorting_analyzer)
        self.check_extensions(analyzer, ComputeSpikeGeneration.extension_name)
        extension = analyzer.get_extension(ComputeSpikeGeneration.extension_name)
        generation = extension.get_data()
        probability, bin_size = generation.spike_probability, generation.record["bin_size"]
        first, stop = round(start / bin_size), min(round((start + duration) / bin_size), len(probability))
        if not (0 <= first < stop and probability.sizes["unit"]):
            raise InputError(
                f"a stretch of {duration} s from {start} s, {probability.sizes['unit']} units",
                f"some of the {len(probability) * bin_size:g} s predicted, of predicted units",
                "pass another start and duration",
            )
        probability = probability.isel(time=slice(first, stop))
        window = reopen_predicted(take_segment(analyzer, extension.params["segment_index"]), extension.data)
        # by time, with half a bin to spare: nearest bins, whatever the rounding of the clock
        near = slice(*(float(probability.time[at]) + side * bin_size / 2 for at, side in ((0, -1), (-1, 1))))
        drawn = extension.data["generated_spikes"]
        drawn = drawn[(drawn["bin_index"] >= first) & (drawn["bin_index"] < stop)]
        recorded = window.units.spikes.sel(time=near).transpose("time", "unit").values > 0
        BaseWidget.__init__(
            self,
            {
                "recorded": recorded,
                "probability": probability.values,
                "drawn": (drawn["bin_index"] - first, drawn["unit_index"]),
                "time": probability.time.values,
                "bin_size": bin_size,
                "scores": generation.scores,
                "null": null,
            },
            backend=backend,
            **backend_kwargs,
        )

    def plot_matplotlib(self, data_plot: dict[str, Any], **backend_kwargs: Any) -> None:
        """Draw with matplotlib; `self.figure` and `self.axes` are what was drawn."""
        import matplotlib.pyplot as plt

        if backend_kwargs["ax"] is not None or backend_kwargs["axes"] is not None:
            raise InputError("ax or axes", "a figure: there are several panels", "pass figure=")
        data: Any = to_attr(data_plot)
        self.figure = backend_kwargs["figure"] or plt.figure(
            figsize=backend_kwargs["figsize"] or (9.0, 9.0), layout="constrained"
        )
        if backend_kwargs["figtitle"] is not None:
            self.figure.suptitle(backend_kwargs["figtitle"])
        has_bits = bool(len(data.scores)) and (data.scores["null"] == data.null).any()
        panels: Any = self.figure.subfigures(
            2 if has_bits else 1, 1, height_ratios=[3, 1] if has_bits else [1]
        )
        upper = panels[0] if has_bits else panels
        drawn = np.zeros(data.recorded.shape, dtype=bool)
        drawn[data.drawn] = True
        self.axes = draw_raster_panels(
            upper, data.time, data.bin_size, (data.recorded, data.probability, drawn)
        )
        if has_bits:
            plot_bits(data.scores, null=data.null, figure=panels[1])
            self.axes = np.append(self.axes, panels[1].axes)


def plot_spike_generation(sorting_analyzer: SortingAnalyzer, **kwargs: Any) -> SpikeGenerationWidget:
    """Draw a `SpikeGenerationWidget` and return it.

    Parameters
    ----------
    sorting_analyzer : SortingAnalyzer
        With the extension `nwbspikegen_generation`.
    **kwargs
        Those of `SpikeGenerationWidget`.
    """
    return SpikeGenerationWidget(sorting_analyzer, **kwargs)
