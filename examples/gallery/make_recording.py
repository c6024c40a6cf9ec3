"""Write culture.nwb, the recording of the gallery: simulated, so that it may be given away.

    python examples/gallery/make_recording.py

Its 16 units lie on an array and burst together. The same seed gives the same spikes; the licence is that of
this package.
"""

from __future__ import annotations

from pathlib import Path

import nwbspikegen as nsg
from nwbspikegen.simulation import metadata_of


def main() -> None:
    """Replace the file beside this script."""
    population = nsg.draw_population(
        3, duration=120.0, num_units=16, family="culture", parameters={"median_rate_hz": 1.5, "down_s": 4.0}
    )
    path = Path(__file__).with_name("culture.nwb")
    nsg.convert_sorting(population.sorting, path, metadata=metadata_of(population), overwrite=True)
    print(f"{path.name}: {int(population.spikes.sum())} spikes, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
