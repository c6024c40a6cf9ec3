"""What a model looks at, and what losing it costs.

    python examples/explain.py OUT_FOLDER

A simulated population stands in for a recording, so that this runs anywhere; its couplings are known, so
that the map can be compared with them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import nwbspikegen as nsg
from nwbspikegen.explain.ablations import AblationOptions
from nwbspikegen.explain.explanation import explain
from nwbspikegen.explain.figure_bars import plot_ablations
from nwbspikegen.explain.figure_maps import plot_couplings
from nwbspikegen.plot import save_figure


def main(folder: Path) -> None:
    """Draw a map and its controls into `folder`, and print what they say."""
    simulation = nsg.simulate("in_vivo", num_units=10, duration=30, seed=1)
    units = nsg.open_units(simulation.sorting)
    parts = nsg.split_fractions(units)
    model = nsg.train(parts.train, parts.validation, model="in_context", epochs=1, progress=False)

    # few sampled bins, to be quick: take 200 or more
    found = explain(model, parts, context=units, options=AblationOptions(num_targets=4, resamples=50))
    print(f"maps: {', '.join(str(name) for name in found.maps.data_vars)}")
    print(f"couplings found against those simulated: r = {compare(found.maps.coupling, simulation):.2f}")

    # a map alone says little: these sentences say whether losing what it shows costs anything
    print("\n".join(found.results))
    save_figure(plot_couplings(found.maps), folder / "couplings.png", overwrite=True)
    save_figure(plot_ablations(found.ablations), folder / "controls.png", overwrite=True)


def compare(coupling: object, simulation: object) -> float:
    """Return the correlation of both maps over pairs of different units."""
    others = ~np.eye(len(simulation.coupling), dtype=bool)
    return float(np.corrcoef(np.asarray(coupling)[others], simulation.coupling[others])[0, 1])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
