"""Every recording against every other: which to train on, and which are alike.

    python examples/transfer.py OUT_FOLDER

Three simulated recordings stand in for a slice and two probes, so that this runs anywhere. For real ones
leave `epochs` out, and pass a dask client to `run` to use many cores or a cluster.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nwbspikegen as nsg
from nwbspikegen.simulation import metadata_of
from nwbspikegen.views import WindowOptions

RECORDINGS = {"slice": ("in_vitro", 1), "probe_a": ("in_vivo", 2), "probe_b": ("in_vivo", 3)}


def main(folder: Path) -> None:
    """Write recordings and a study into `folder`, and print its matrix."""
    files = {name: simulate_file(folder, name) for name in RECORDINGS}
    new = files.pop("probe_b")
    study = nsg.TransferStudy.create(
        folder / "study",
        files,
        options=WindowOptions(duration=30, skip_units=0),
        epochs=1,
        baselines=["online_hazard"],
        overwrite=True,
    )
    # stopped at any moment, `run` goes on with what is missing
    study.run()

    scores = study.scores
    matrix = scores.value.sel(predictor="in_context", metric="bits_per_spike", null="mean_rate")
    print("bits per spike above the mean rate; trained on (down), tested on (across)")
    print(matrix.to_pandas().round(3).to_string())

    # what a pair shares decides whether its score says anything about transfer
    independence = study.independence
    shown = [
        name for name in ("train_session", "test_session", "independent", "shared") if name in independence
    ]
    print(independence[shown].to_string(index=False))

    ranking = study.recommend(new)
    print(f"train on {ranking.train_session.iloc[0]} for {new.name}")


def simulate_file(folder: Path, name: str) -> Path:
    """Write a simulated recording and return its path."""
    preparation, seed = RECORDINGS[name]
    simulation = nsg.simulate(preparation, num_units=8, duration=30, seed=seed)
    path = folder / f"{name}.nwb"
    return nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation), overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
