"""An example or two of every command, below its help; a test parses each of them."""

from __future__ import annotations

from collections.abc import Iterator

import click

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("nwbspikegen demo -o demo",),
    "metadata": ("nwbspikegen metadata -o metadata.yaml",),
    "convert asdf": ("nwbspikegen convert asdf data.mat -o slice.nwb --metadata metadata.yaml",),
    "convert ibl": (
        "nwbspikegen convert ibl NYU-40/2021-04-14/001 -o probe.nwb",
        "nwbspikegen convert ibl --preset shimono2026",
    ),
    "convert kilosort": (
        "nwbspikegen convert kilosort sorted/ -o probe.nwb --recording-duration 1800 --metadata m.yaml",
    ),
    "convert maxwell": (
        "nwbspikegen convert maxwell data.raw.h5 -o well.nwb --well well000 --metadata metadata.yaml",
        "nwbspikegen convert maxwell data.raw.h5 -o plate.nwb --all-wells --metadata metadata.yaml",
    ),
    "convert phy": ("nwbspikegen convert phy phy/params.py -o probe.nwb --metadata metadata.yaml",),
    "convert spikeinterface": (
        "nwbspikegen convert spikeinterface analyzer.zarr -o probe.nwb --metadata metadata.yaml",
    ),
    "convert spykingcircus": (
        "nwbspikegen convert spykingcircus sorted/ -o slice.nwb --recording data.raw.h5 --metadata m.yaml",
    ),
    "info": ("nwbspikegen info slice.nwb", "nwbspikegen info slice.nwb --start 60 --duration 300 --json"),
    "train": (
        "nwbspikegen train slice.nwb -o model --duration 400",
        "nwbspikegen train a.nwb b.nwb c.nwb -o model --hold-out c.nwb --explain",
        "nwbspikegen train probe.nwb -o model --preset in_vivo --region VISp,CA1 --set width=64",
    ),
    "pretrain": ("nwbspikegen pretrain -o pretrained --populations 20 --epochs 2",),
    "generate": (
        "nwbspikegen generate model slice.nwb -o slice_desc-spikegen.nwb --explain",
        "nwbspikegen generate model slice.nwb -o free.nwb --free-run 30 --samples 5",
        "nwbspikegen generate pretrained wells/ -o predicted --workers 2",
    ),
    "score": (
        "nwbspikegen score slice_desc-spikegen.nwb --explain",
        "nwbspikegen score slice_desc-spikegen.nwb --recompute --json",
    ),
    "transfer": (
        "nwbspikegen transfer a.nwb b.nwb c.nwb -o study --report study.html",
        "nwbspikegen transfer -o study --rank seeds",
    ),
    "explain": ("nwbspikegen explain model slice.nwb -o explained.nwb --figures figures",),
    "sweep": ("nwbspikegen sweep slice.nwb --vary depth=1,2,3,4 --vary heads=1,2 -o sweep",),
    "patchseq features": ("nwbspikegen patchseq features sub-mouse0/ -o features",),
    "patchseq separate": ("nwbspikegen patchseq separate features",),
    "patchseq train": ("nwbspikegen patchseq train features -o cell-model",),
    "patchseq predict": ("nwbspikegen patchseq predict cell-model features-of-others -o predicted",),
    "patchseq explain": ("nwbspikegen patchseq explain cell-model features -o explained",),
    "patchseq transfer": ("nwbspikegen patchseq transfer mouse-features human-features -o transferred",),
    "report": (
        "nwbspikegen report slice.nwb",
        "nwbspikegen report study -o study.html --overwrite",
    ),
    "plot": (
        "nwbspikegen plot slice_desc-spikegen.nwb -o figures --format pdf",
        "nwbspikegen plot study -o figures --format svg --overwrite",
    ),
    "validate": ("nwbspikegen validate slice_desc-spikegen.nwb",),
    "share": ("nwbspikegen share slice_desc-spikegen.nwb --dandiset 000000 --dry-run",),
}
"""By the command's name, without that of the program."""


def add_examples(group: click.Group) -> None:
    """Write the examples of each command of a group below its help."""
    for name, command in iterate_commands(group):
        if name in EXAMPLES:
            # \b: click leaves lines as they are
            lines = "\n".join(f"  {example}" for example in EXAMPLES[name])
            command.epilog = f"\b\nExamples:\n{lines}"


def iterate_commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield the commands of a group and of the groups in it, by their names."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from iterate_commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command
