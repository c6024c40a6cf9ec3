"""What the shell offers when Tab is pressed: names of models, and what the recording on the line has.

Whatever goes wrong is silence: a traceback in the middle of a line that is typed helps nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]
# parameters that hold a recording, of all commands
_RECORDINGS = ("recordings", "recording", "target", "thing")
OUR_MODELS = ("in_context", "shimono2026", "glm", "mixed", "population_gru")
LOSSES = ("dice", "focal", "bernoulli")
"""As `models.LOSSES`, which is not imported for a line that is typed: it loads torch."""
_ELECTRODES = "general/extracellular_ephys/electrodes"
_BASELINES = (
    *("untrained", "mean_rate", "running_rate", "online_hazard", "history_glm", "coupled_glm", "none"),
)


def complete_models(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the architectures of this package and of installed ones, without importing them."""
    from nwbspikegen.core.plugins import list_announced

    announced = list_announced("nwbspikegen.models")["nwbspikegen.models"]
    return _offer([*OUR_MODELS, *announced], incomplete)


def complete_baselines(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer names behind the last comma."""
    return _offer_list(_BASELINES, incomplete)


def complete_regions(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the brain regions of the recording on the line, behind the last comma."""
    return _offer_list(_read_column(context, "location"), incomplete)


def complete_qualities(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the labels of quality of the recording on the line, behind the last comma."""
    return _offer_list(_read_column(context, "quality"), incomplete)


def complete_intervals(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the named intervals of the recording on the line."""

    def find(root: Any) -> Iterable[str]:
        from nwbspikegen.nwb.intervals import find_named_intervals

        return find_named_intervals(root, incomplete)[1]

    return _offer(_look(context, find), incomplete)


def _read_column(context: click.Context, name: str) -> list[str]:
    def find(root: Any) -> Iterable[str]:
        from nwbspikegen.nwb.columns import decode_text
        from nwbspikegen.nwb.groups import find_array, find_group

        # where units have no places of their own, electrodes have
        for place in (context.params.get("unit_table") or "units", _ELECTRODES):
            table = find_group(root, place)
            column = None if table is None else find_array(table, name)
            if column is not None:
                return {decode_text(value) for value in column[:]}
        return []

    return _look(context, find)


def _look(context: click.Context, find: Callable[[Any], Iterable[str]]) -> list[str]:
    """Return what a function finds in the recordings that are on the line as files."""
    from nwbspikegen.core.addresses import is_remote

    found: set[str] = set()
    given = [context.params.get(name) for name in _RECORDINGS]
    # click reads no arguments of a line that ends in an option without its value: they are left over
    places = [place for each in given for place in (each if isinstance(each, tuple) else [each]) if place]
    for place in dict.fromkeys(map(str, [*places, *context.args])):
        # of a remote file nothing is fetched while somebody types
        if is_remote(place) or not Path(place).exists():
            continue
        try:
            from nwbspikegen.nwb.opening import open_nwb

            with open_nwb(place) as root:
                found |= set(find(root))
        except Exception:
            continue
    return sorted(found - {"", "unknown"})


def _offer(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in dict.fromkeys(names) if name.startswith(incomplete)]


def _offer_list(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Offer names for the last of a list with commas between, those before it left as they are."""
    before, comma, last = incomplete.rpartition(",")
    taken = set(before.split(","))
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(f"{before}{comma}{name}")
        for name in dict.fromkeys(names)
        if name.startswith(last) and name not in taken
    ]
