"""Six populations of the prior as rasters, for docs/simulation.md: python benchmarks/population_figure.py"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import nwbspikegen as nsg

_PAGE = Path(__file__).parents[1] / "docs" / "figures" / "populations.png"
# s of recording shown: some cycles of what the family does
_SHOWN = {
    "cortex_awake": 5.0, "cortex_asleep": 5.0, "hippocampus": 1.5,
    "culture": 60.0, "slice": 30.0, "retina_waves": 200.0,
}  # fmt: skip
# of 400 seeds, one whose rhythm, states and rates are strong enough to be seen in so small a picture
_SEED = 290
_NUM_UNITS = 64


def main() -> None:
    figure = Figure(figsize=(9.0, 5.0), layout="constrained")
    for axes, (family, duration) in zip(figure.subplots(2, 3).flat, _SHOWN.items(), strict=True):
        population = nsg.draw_population(_SEED, family=family, duration=duration, num_units=_NUM_UNITS)
        bins, units = np.nonzero(population.spikes)
        axes.plot(bins * population.bin_size, units, "|", color="black", markersize=2.5, markeredgewidth=0.5)
        axes.set(
            title=family,
            xlim=(0, duration),
            ylim=(-1, _NUM_UNITS),
            xlabel="time (s)",
            ylabel="unit, by place",
        )
    figure.savefig(_PAGE, dpi=90)


if __name__ == "__main__":
    main()
