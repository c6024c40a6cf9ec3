"""NWB extension ndx-spikegen: a matrix with its axes.

Importing it loads its namespace, which pynwb then caches into every file that the process writes.
"""

from pathlib import Path

from pynwb import load_namespaces

_HERE = Path(__file__).resolve().parent
# in a wheel the specification lies in the package, in a source tree where extensions keep it
_PLACES = [folder / "ndx-spikegen.namespace.yaml" for folder in (_HERE / "spec", _HERE.parents[2] / "spec")]
load_namespaces(str(next((place for place in _PLACES if place.is_file()), _PLACES[0])))

# ruff: noqa: E402 - classes register with a namespace that must be there
from ndx_spikegen.io import LabeledMatrixMap as LabeledMatrixMap
from ndx_spikegen.labeled_matrix import AXES as AXES
from ndx_spikegen.labeled_matrix import LabeledMatrix as LabeledMatrix

__all__ = ["AXES", "LabeledMatrix"]
