"""What a file made from a simulation says about itself."""

from __future__ import annotations

from typing import Any

from nwbspikegen.simulation.simulating import Simulation

_PLACES = {"in_vitro": "slice or culture on an HD-MEA", "in_vivo": "Neuropixels recording"}


def metadata_of(simulation: Simulation) -> dict[str, Any]:
    """Return metadata in NeuroConv's layout, with which `convert_sorting` writes a valid file.

    No animal was recorded, and every description says so; species and age are those of the
    recordings that the preparation imitates, because archives ask for them.

    Examples
    --------
    >>> from nwbspikegen.simulation import simulate
    >>> metadata = metadata_of(simulate("in_vivo", num_units=2, duration=1.0, seed=4))
    >>> metadata["Subject"]["subject_id"], metadata["NWBFile"]["keywords"][0]
    ('simulated-in-vivo-seed4', 'preparation:in_vivo')
    """
    name = f"simulated-{simulation.preparation.replace('_', '-')}-seed{simulation.seed}"
    num_units = simulation.spikes.shape[1]
    return {
        "NWBFile": {
            "session_id": f"{name}-{num_units}units-{simulation.duration:.0f}s",
            # the same for all: a simulation that is made again says the same of itself
            "session_start_time": "2000-01-01T00:00:00+00:00",
            "session_description": (
                f"Simulated spikes of {num_units} units imitating a {_PLACES[simulation.preparation]}, "
                f"seed {simulation.seed}; no animal was recorded. The start time is arbitrary."
            ),
            "experiment_description": "Simulated by nwbspikegen, with known conditional intensity.",
            "lab": "simulated",
            "institution": "simulated",
            "keywords": [f"preparation:{simulation.preparation}", "simulated"],
        },
        "Subject": {
            "subject_id": name,
            "species": "Mus musculus",
            "age": "P4W",
            "sex": "U",
            "description": (
                "No subject: the spikes are simulated. Species and age are those of the recordings imitated."
            ),
        },
    }
