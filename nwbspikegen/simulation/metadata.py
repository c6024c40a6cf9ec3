"""What a file made from a simulation says about itself."""

from __future__ import annotations

from typing import Any

from nwbspikegen.simulation.families import FAMILIES
from nwbspikegen.simulation.simulating import Simulation

_KINDS = {
    "in_vitro": "imitating a slice or culture on an HD-MEA",
    "in_vivo": "imitating a Neuropixels recording",
} | {family.name: f"with {family.description}" for family in FAMILIES.values()}


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
    family = FAMILIES.get(simulation.preparation)
    keywords = [f"preparation:{family.preparation if family else simulation.preparation}", "simulated"]
    drawn = "".join(f" {key}={value:.6g}" for key, value in simulation.parameters.items())
    return {
        "NWBFile": {
            "session_id": f"{name}-{num_units}units-{simulation.duration:.0f}s",
            # the same for all: a simulation that is made again says the same of itself
            "session_start_time": "2000-01-01T00:00:00+00:00",
            "session_description": (
                f"Simulated spikes of {num_units} units {_KINDS[simulation.preparation]}, "
                f"seed {simulation.seed}; no animal was recorded. The start time is arbitrary."
            ),
            "experiment_description": "Simulated by nwbspikegen, with known conditional intensity."
            + (f" Parameters drawn:{drawn}" if drawn else ""),
            "lab": "simulated",
            "institution": "simulated",
            "keywords": keywords + ([f"family:{family.name}"] if family else []),
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
