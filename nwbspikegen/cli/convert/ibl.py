"""`nwbspikegen convert ibl`."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import PATH, every_command, metadata_option, overwrite_option
from nwbspikegen.core.output import print_result


@click.command(short_help="A session of the International Brain Laboratory.")
@click.argument("source", required=False)
@click.option("--out", type=PATH, help="NWB file to write.")
@click.option("--session", help="In a ONE cache: an eid or lab/subject/date/number.")
@click.option("--probe", "probes", multiple=True, help="Probe to read, such as probe00; all by default.")
@click.option("--collection", help="Sorter's folder of the probe, such as pykilosort.")
@click.option("--good-only", is_flag=True, help="Keep units with label 1 only.")
@click.option(
    "--namespace",
    help="Whose curated files win, such as av for _av_spikes.clusters.npy; none: the sorter's own.",
)
@click.option("--one-url", help="Database of a remote ONE that you have set up.")
@click.option("--preset", type=click.Choice(["shimono2026"]), help="List the sessions of a paper.")
@metadata_option
@overwrite_option
@every_command
def ibl(
    source: str | None,
    out: Path | None,
    session: str | None,
    probes: tuple[str, ...],
    collection: str | None,
    good_only: bool,
    namespace: str | None,
    one_url: str | None,
    preset: str | None,
    metadata: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Convert a session of the IBL.

    SOURCE is a session's folder, its alf folder or a probe; a local ONE cache, with --session; or the
    address of a session in a remote ONE that you have set up: an eid or lab/subject/date/number.
    """
    if preset is not None:
        if source is not None:
            raise InputError("--preset and a source", "one of them", "convert the listed sessions one by one")
        unused = ["out", "session", "probes", "collection", "good_only", "namespace", "one_url", "metadata"]
        refuse_given([*unused, "overwrite"], "with --preset", "a list to print")
        _list_preset(preset, as_json=as_json)
        return
    if source is None or out is None:
        raise InputError(
            f"no {'SOURCE' if source is None else '--out'}",
            "a source and --out FILE.nwb",
            "add it, or --preset",
        )
    from nwbspikegen.formats.ibl.convert import convert_ibl

    path = convert_ibl(
        source, out, metadata=metadata, session=session, probes=probes or None, collection=collection,
        good_only=good_only, namespace=namespace, one_url=one_url, overwrite=overwrite,
    )  # fmt: skip
    print_result({"path": str(path)}, as_json=as_json, text=f"wrote {path}")


def _list_preset(preset: str, *, as_json: bool) -> None:
    import dataclasses

    from nwbspikegen.formats.ibl.presets import PRESETS

    sessions = [dataclasses.asdict(session) for session in PRESETS[preset]]
    text = "\n".join(
        f"{session.lab}/{session.subject}/{session.day}  {', '.join(session.regions)}"
        for session in PRESETS[preset]
    )
    print_result({"preset": preset, "sessions": sessions}, as_json=as_json, text=text)
