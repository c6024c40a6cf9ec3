"""From one recording to predictions of another, with scores, audits and a figure, all in NWB.

    python examples/predict.py OUT_FOLDER

Two simulated preparations stand in for a slice and a probe, so that this runs anywhere. With files of
your own, begin at `nsg.open_units`; take minutes instead of seconds, and leave `epochs` out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nwbspikegen as nsg
from nwbspikegen.plot import plot_generation
from nwbspikegen.simulation import metadata_of

SECONDS = 20.0


def main(folder: Path) -> None:
    """Write recordings, a model, predictions and a figure into `folder`, and print scores."""
    slice_file, probe_file = (simulate_file(folder, name) for name in ("in_vitro", "in_vivo"))

    units, parts = open_parts(slice_file)
    model = nsg.train(parts.train, parts.validation, model="in_context", epochs=2, progress=False)
    model.save(folder / "model", overwrite=True)

    # zero-shot: no weight meets this recording, its own past is context
    units, parts = open_parts(probe_file)
    predicted = nsg.generate(model, parts.test, context=units)
    scores = nsg.score(predicted, parts.test, train=parts.train, context=units)
    audits = nsg.audit(model, parts)
    print(f"audits: {int(audits.passed.sum())} of {len(audits)} passed; bits per spike above the mean rate:")
    rows = scores[(scores.metric == "bits_per_spike") & (scores["null"] == "mean_rate")]
    print(rows[["predictor", "value", "ci_low", "ci_high"]].to_string(index=False, float_format="%.3f"))

    derived = nsg.write_results(
        folder / "probe_desc-fromslice.nwb",
        source=probe_file,
        model=model,
        spike_probability=predicted,
        scores=scores,
        audits=audits,
        overwrite=True,
    )
    findings = nsg.validate_file(derived)
    print(f"{derived.name}: {int((findings.severity == 'error').sum())} errors")
    plot_generation(
        parts.test, {"from the slice": predicted}, scores, folder / "prediction.png", overwrite=True
    )


def simulate_file(folder: Path, preparation: str) -> Path:
    """Write a simulated recording and return its path."""
    simulation = nsg.simulate(preparation, num_units=12, duration=SECONDS, seed=1)
    path = folder / f"{preparation}.nwb"
    return nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation), overwrite=True)


def open_parts(path: Path) -> tuple:
    """Return a view of a file, and its split: half to train, a quarter to choose, a quarter to score."""
    units = nsg.select_units(nsg.open_units(path, bin_size=0.001), skip=0, take=128)
    return units, nsg.split_time(units, train=SECONDS / 2, validation=SECONDS / 4, test=SECONDS / 4)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
