"""Units that were lost, generated from those that were not, beside what they really did.

    python examples/hidden_units.py OUT_FOLDER

A simulated culture stands in for a recording, so that this runs anywhere and the truth is known.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import nwbspikegen as nsg
from nwbspikegen.prediction.nwb_reading import read_run_conditions
from nwbspikegen.simulation import metadata_of

NUM_UNITS, NUM_KNOWN = 12, 9
SECONDS, SAMPLES = 10.0, 4
WINDOW = 0.05


def main(folder: Path) -> None:
    """Write a recording and a run into `folder`, and print how far hidden units follow from the others."""
    simulation = nsg.simulate("in_vitro", num_units=NUM_UNITS, duration=80, seed=4)
    recording = folder / "culture.nwb"
    nsg.convert_sorting(simulation.sorting, recording, metadata=metadata_of(simulation), overwrite=True)
    units = nsg.open_units(recording)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    # from simulated populations alone; with minutes of your own, train on parts.train
    model = nsg.load_model("pretrained")

    known = parts.validation.isel(unit=slice(0, NUM_KNOWN))
    run = nsg.free_run(model, parts.train, seconds=SECONDS, num_samples=SAMPLES, clamp=known)
    hidden = run.condition.values == "generated"
    expected = count(run.values.mean(axis=0)[:, hidden])
    recorded = count(parts.validation.spikes.values[: len(run.time), hidden].astype(float))
    for unit, told, was in zip(run.unit.values[hidden], expected.T, recorded.T, strict=True):
        print(f"hidden unit {unit}: counts of 50 ms correlate by {np.corrcoef(told, was)[0, 1]:.2f}")

    run.attrs["clamped_to"] = recording.name
    derived = nsg.write_results(
        folder / "culture_desc-hidden.nwb",
        source=recording,
        model=model,
        generated_spikes=run,
        overwrite=True,
    )
    print(f"{list(read_run_conditions(derived).values()).count('clamped')} units clamped in {derived.name}")


def count(spikes: np.ndarray) -> np.ndarray:
    """Return counts in windows."""
    bins = round(WINDOW / 0.001)
    return spikes[: len(spikes) // bins * bins].reshape(-1, bins, spikes.shape[1]).sum(axis=1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
