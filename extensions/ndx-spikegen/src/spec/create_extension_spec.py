"""Write the two specification files of ndx-spikegen.

python src/spec/create_extension_spec.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from pynwb.spec import (
    NWBAttributeSpec,
    NWBDatasetSpec,
    NWBGroupSpec,
    NWBNamespaceBuilder,
    export_spec,
)

# slowest first, as numpy orders the dimensions of `values`; two always, one or two more for stacks
_AXES = ("book", "page", "row", "column")
_SPEC = Path(__file__).resolve().parents[2] / "spec"


def main(folder: Path = _SPEC) -> None:
    """Write the namespace and its one type into `folder`."""
    builder = NWBNamespaceBuilder(
        name="ndx-spikegen",
        version="0.1.0",
        doc="A matrix of numbers with its axes.",
        author=["nwbspikegen maintainers"],
        contact=["nwbspikegen@example.org"],
    )
    for name in ("NWBDataInterface", "DynamicTableRegion"):
        builder.include_type(name, namespace="core" if name.startswith("NWB") else "hdmf-common")
    export_spec(builder, [_labeled_matrix()], str(folder))


def _labeled_matrix() -> NWBGroupSpec:
    values = NWBDatasetSpec(
        name="values",
        doc="The matrix, or a stack of matrices. NaN marks what is not defined.",
        dtype="numeric",
        dims=[list(_AXES[-count:]) for count in (2, 3, 4)],
        shape=[[None] * count for count in (2, 3, 4)],
    )
    return NWBGroupSpec(
        neurodata_type_def="LabeledMatrix",
        neurodata_type_inc="NWBDataInterface",
        doc="A matrix, or a stack of them, of one measure, whose every axis says what its places are: rows "
        "of a table, times of the session, or labels. Each axis has exactly one of the three.",
        attributes=[
            NWBAttributeSpec("description", "What the matrix shows.", dtype="text"),
            NWBAttributeSpec("measure", "What the values measure, such as attention weight.", dtype="text"),
            NWBAttributeSpec("unit", "Unit of the values; `1` or empty for none.", dtype="text"),
            NWBAttributeSpec(
                "axis_names",
                "What each axis is, such as query and key, in the order of the dimensions of `values`.",
                dtype="text",
                shape=(None,),
                dims=("axis",),
            ),
        ],
        datasets=[values, *(spec for axis in reversed(_AXES) for spec in _axis(axis))],
    )


def _axis(axis: str) -> list[NWBDatasetSpec]:
    seconds = NWBAttributeSpec("unit", "Unit of time.", dtype="text", value="seconds")
    places = f"of the places of the {axis} axis"
    return [
        NWBDatasetSpec(
            name=f"{axis}_region",
            neurodata_type_inc="DynamicTableRegion",
            doc=f"Rows of a table {places}.",
            quantity="?",
        ),
        NWBDatasetSpec(
            name=f"{axis}_starting_time",
            doc=f"Session time {places}, evenly spaced: that of the first.",
            dtype="float64",
            quantity="?",
            attributes=[NWBAttributeSpec("rate", "Places per second.", dtype="float64"), seconds],
        ),
        NWBDatasetSpec(
            name=f"{axis}_timestamps",
            doc=f"Session times {places}.",
            dtype="float64",
            dims=(axis,),
            shape=(None,),
            quantity="?",
            attributes=[seconds],
        ),
        NWBDatasetSpec(
            name=f"{axis}_labels",
            doc=f"Numbers or names {places}.",
            dims=(axis,),
            shape=(None,),
            quantity="?",
            attributes=[NWBAttributeSpec("unit", "Unit of the numbers.", dtype="text", required=False)],
        ),
    ]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
