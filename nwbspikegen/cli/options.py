"""Options that several commands share."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from nwbspikegen.cli.completing import (
    LOSSES,
    complete_baselines,
    complete_intervals,
    complete_qualities,
    complete_regions,
)
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.options import MODEL, PATH

if TYPE_CHECKING:
    from nwbspikegen.models import FittedModel
    from nwbspikegen.views import WindowOptions

# with a sign of its own, so that -5--2 is from -5 to -2 and no hyphen is lost
_NUMBER = r"-?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"
_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Stretch(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """Seconds on the session clock, FROM-TO."""

    name = "FROM-TO"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, float]:
        # from YAML, where it may be a list of two numbers
        if isinstance(value, tuple | list):
            value = "-".join(map(str, value))
        ends = re.fullmatch(rf"({_NUMBER})-({_NUMBER})", str(value).strip())
        if ends is None or not float(ends[1]) < float(ends[2]):
            raise InputError(
                f"--exclude {value}",
                "seconds on the session clock, from and to, such as 120-150.5",
                "give two numbers joined by a hyphen, the smaller first",
            )
        return float(ends[1]), float(ends[2])


STRETCH = _Stretch()


class _Matching(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A word of a pattern, such as a device."""

    def __init__(self, name: str, pattern: str, expected: str) -> None:
        self.name = name
        self._pattern = pattern
        self._expected = expected

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> str:
        # torch would refuse it too, after recordings were opened
        if not re.fullmatch(self._pattern, str(value)):
            option = self.name if parameter is None else parameter.opts[0]
            raise InputError(f"{option} {value}", self._expected, "choose one of these")
        return str(value)


DEVICE = _Matching("DEVICE", r"auto|cpu|mps|cuda(:[0-9]+)?", "auto, cpu, cuda, cuda:1 or mps")
NUM_DEVICES = _Matching("N", r"auto|[1-9][0-9]*", "a number from 1, or auto for all there are")


def settings_option(command: _Command) -> _Command:
    """Add --set NAME=VALUE; the command gets all of them as one mapping, `settings`."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        from nwbspikegen.core.setting_values import read_settings

        return command(*arguments, settings=read_settings(options.pop("set")), **options)

    option = click.option(
        "--set",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting of the model, such as width=64, or its learning_rate, weight_decay or patience; "
        "repeat for several.",
    )
    return cast(_Command, option(run))


def start_option(command: _Command) -> _Command:
    """Add --start-from MODEL."""
    option = click.option(
        "--start-from",
        type=MODEL,
        metavar="MODEL",
        help="Go on from the weights of this model, such as pretrained; what it was trained on counts as "
        "trained on.",
    )
    return option(command)


def populations_option(command: _Command) -> _Command:
    """Add --populations N."""
    option = click.option(
        "--populations",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="Train on so many simulated populations too, as pretrain does: together they weigh a quarter of "
        "all recordings, and teach the first minute of one that was never met.",
    )
    return option(command)


MODEL_HELP = (
    "in_context, mixed, population_gru, glm, shimono2026, one of an installed package, or package.module:Name"
)


def require_model(name: str) -> None:
    """Raise `InputError` for a model that was typed and is not there; its file may be in this folder."""
    from nwbspikegen.models import find_architecture

    # typed names may lie in this folder, which Python does not look into for an installed command
    find_architecture(name, is_typed=True)


unit_table_option = click.option(
    "--unit-table",
    default="units",
    show_default=True,
    metavar="PATH",
    help="Table of units in the file, such as processing/ecephys/units.",
)
context_option = click.option(
    "--context",
    type=click.Choice(["warm", "cold"]),
    default="warm",
    show_default=True,
    help="warm: the window before may be read; cold: not.",
)


def certificates_options(command: _Command) -> _Command:
    """Add --tls-ca-file, --tls-cert and --tls-key; the command gets them as one argument, `certificates`."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        given = [options.pop(name) for name in ("tls_ca_file", "tls_cert", "tls_key")]
        if not any(given):
            return command(*arguments, certificates=None, **options)
        if not all(given):
            raise InputError(
                f"{sum(each is not None for each in given)} of --tls-ca-file, --tls-cert and --tls-key",
                "all three",
                "give the others",
            )
        from nwbspikegen.core.clusters import Certificates

        return command(*arguments, certificates=Certificates(*given), **options)

    for option in (
        click.option("--tls-key", type=PATH, help="Private key for a scheduler at tls://, in PEM."),
        click.option("--tls-cert", type=PATH, help="Certificate that goes with the key."),
        click.option("--tls-ca-file", type=PATH, help="Certificate of who signed those of the cluster."),
    ):
        run = option(run)
    return cast(_Command, run)


def _read_names(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Return names that are separated by commas, None where none were given, () for the word none."""
    if value is None or value.strip() == "none":
        return None if value is None else ()
    return tuple(name.strip() for name in value.split(","))


baselines_option = click.option(
    "--baselines",
    metavar="NAMES",
    shell_complete=complete_baselines,
    callback=_read_names,
    help="What stands beside the model, by names with commas between: untrained, mean_rate, running_rate, "
    "online_hazard, history_glm, coupled_glm; or none. By default all whose fit is short.",
)
interval_option = click.option(
    "--interval",
    shell_complete=complete_intervals,
    help="Observe a named interval only, such as spontaneousActivity.",
)
loss_option = click.option(
    "--loss", type=click.Choice(LOSSES), help="What is minimised; the architecture's own by default."
)
explain_option = click.option(
    "--explain", is_flag=True, help="Say below the tables what their columns and rows mean."
)
device_option = click.option(
    "--device",
    type=DEVICE,
    default="auto",
    show_default=True,
    help="Where to train: cpu, cuda, cuda:1, mps; auto: on a CUDA GPU if there is one.",
)


def window_options(command: _Command) -> _Command:
    """Add the options that choose time, bins, units and split."""
    # from last to first: each decorator puts its option before those that are there
    for option in (
        click.option(
            "--random-units",
            type=click.IntRange(0),
            metavar="SEED",
            help="Take units at random by this seed instead of skipping the first.",
        ),
        click.option("--drop-duplicates", is_flag=True, help="Of units that share spikes, keep one."),
        click.option(
            "--min-rate",
            "min_rate_hz",
            type=click.FloatRange(0),
            default=0.0,
            show_default=True,
            help="Lowest firing rate of a unit in the training segment (Hz).",
        ),
        click.option(
            "--quality",
            shell_complete=complete_qualities,
            help="Labels of quality, separated by commas, such as good.",
        ),
        click.option(
            "--region",
            shell_complete=complete_regions,
            help="Brain regions, separated by commas; a region has all that lies in it.",
        ),
        click.option(
            "--depth",
            type=float,
            nargs=2,
            metavar="LOW HIGH",
            help="Place of units along the probe (um); layers of a model are --set depth=N.",
        ),
        click.option(
            "--split", default="0.5,0.25,0.25", show_default=True, help="Shares of train,validation,test."
        ),
        click.option("--take-units", type=int, help="Units to take after those skipped; all by default."),
        click.option("--skip-units", default=0, show_default=True, help="Units to leave out at the start."),
        click.option("--bin-size", default=0.001, show_default=True, help="Seconds per bin."),
        click.option("--duration", default=600.0, show_default=True, help="Seconds to use."),
        click.option(
            "--start", default=0.0, show_default=True, help="Seconds after the start of observation."
        ),
        click.option(
            "--accept-odd",
            is_flag=True,
            help="Go on with a recording whose clock or observation leaves no number with a meaning.",
        ),
        click.option(
            "--exclude",
            type=STRETCH,
            multiple=True,
            help="Take these seconds of the session clock as not observed; may be given again.",
        ),
        unit_table_option,
        interval_option,
        click.option(
            "--preset",
            type=click.Choice(["shimono2026", "in_vitro", "in_vivo"]),
            is_eager=True,
            expose_value=False,
            callback=_take_preset,
            help="Units 100 to 227 and ten minutes, as in Shimono 2026; in_vitro: those after the first "
            "thirty; in_vivo: of spontaneousActivity.",
        ),
    ):
        command = option(command)
    return command


def read_split(split: str) -> tuple[float, float, float]:
    """Return the shares that `--split` gives."""
    try:
        train, validation, test = (float(share) for share in split.split(","))
    except ValueError:
        raise InputError(
            f"--split {split}",
            "three numbers such as 0.5,0.25,0.25",
            "give the shares of train,validation,test",
        ) from None
    return train, validation, test


def read_window(split: str, **window: Any) -> WindowOptions:
    """Return the values of `window_options` as one object."""
    from nwbspikegen.views import WindowOptions

    window["exclude"] = tuple(window.get("exclude", ()))
    return WindowOptions(split=read_split(split), **window)


def read_window_like(model: FittedModel, **window: Any) -> WindowOptions:
    """Return the values of `window_options`, with the model's bins unless others were asked for."""
    # a rate per bin is a model's unit: unless told otherwise a recording is binned as the model knows it
    if click.get_current_context().get_parameter_source("bin_size") is click.core.ParameterSource.DEFAULT:
        window["bin_size"] = model.bin_size
    return read_window(**window)


def _take_preset(context: click.Context, parameter: click.Parameter, preset: str | None) -> None:
    """Take the preset's values as defaults, so that what is typed or configured wins."""
    if preset is None:
        return
    from nwbspikegen.views import PRESETS

    # a default map, not values: click then knows that nobody typed them
    context.default_map = {**PRESETS[preset], **(context.default_map or {})}
