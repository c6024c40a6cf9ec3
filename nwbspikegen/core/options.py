"""Options that every command has, or that commands of all rooms share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from nwbspikegen.core.errors import InputError

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _LocalPath(click.Path):
    """A path on this machine."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        from nwbspikegen.core.addresses import has_scheme

        if has_scheme(value):
            name = "PATH" if parameter is None else parameter.human_readable_name
            raise InputError(
                f"an address on the web for {name}",
                "a path on this machine",
                "download it first, and give its path",
            )
        return super().convert(value, parameter, context)


PATH = _LocalPath(path_type=Path)


class _Recording(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A path, or an address, which a path would mangle."""

    name = "FILE"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> Path | str:
        from nwbspikegen.core.addresses import has_scheme, hide_access, is_remote

        if is_remote(value):
            return hide_access(value)
        return value if has_scheme(value) else Path(value)


class _Thing(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """The model in this package, by its name, which a path would mangle; or what another type takes."""

    def __init__(self, other: click.ParamType) -> None:  # type: ignore[type-arg, unused-ignore]
        self._other = other
        self.name = other.name

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        from nwbspikegen.core.model_places import PRETRAINED

        return value if value == PRETRAINED else self._other.convert(value, parameter, context)


RECORDING = _Recording()
# models lie in folders, and folders at addresses as well
MODEL = _Thing(RECORDING)
# what may be a model
LOCAL_THING = _Thing(PATH)


overwrite_option = click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")


seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Fixes every random number.",
)


def _limit_threads(context: click.Context, parameter: click.Parameter, threads: int | None) -> None:
    """Let no more threads work in this command, and in each process that it starts."""
    if threads is None:
        return
    from nwbspikegen.core.threads import limit_threads

    context.with_resource(limit_threads(threads))


threads_option = click.option(
    "--threads",
    type=click.IntRange(1),
    callback=_limit_threads,
    expose_value=False,
    help="Cores to work on, in each process; by default all.",
)


def metadata_option(command: _Command) -> _Command:
    """Add --metadata and --strict-metadata, which come as one argument, a path."""

    @functools.wraps(command)
    def run(*arguments: Any, metadata: Path | None, strict_metadata: bool, **options: Any) -> Any:
        from nwbspikegen.core.metadata import StrictFile

        given = StrictFile(metadata) if strict_metadata and metadata is not None else metadata
        return command(*arguments, metadata=given, **options)

    for option in (
        click.option(
            "--strict-metadata",
            is_flag=True,
            help="Refuse metadata that contradict the recording's own, which are a warning otherwise.",
        ),
        click.option("--metadata", type=PATH, help="YAML in NeuroConv's layout: NWBFile, Subject, ..."),
    ):
        run = option(run)
    return cast(_Command, run)


def every_command(command: _Command) -> _Command:
    """Add what every command has: --json, --config, --quiet, --log-file, --trust."""
    # click shows options in the reverse of the order in which decorators are applied: --json comes first.
    # Eager ones are handled before the others: logging has to stand before --log-file adds to it, and
    # --config before defaults are looked up
    for option in (
        click.option(
            "--trust",
            is_flag=True,
            callback=_trust,
            expose_value=False,
            help="Read files without limits and follow their links: you know who made them.",
        ),
        click.option(
            "--log-file",
            type=PATH,
            callback=_open_log,
            expose_value=False,
            help="Append the whole log, with times, to this file.",
        ),
        click.option(
            "--quiet",
            is_flag=True,
            is_eager=True,
            callback=_set_up_logging,
            expose_value=False,
            help="Log warnings only, and show no progress.",
        ),
        click.option(
            "--config",
            type=PATH,
            is_eager=True,
            callback=_read_config,
            expose_value=False,
            help="YAML file with values for any option, by its name.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print machine-readable JSON on stdout."),
    ):
        command = option(command)
    return command


def _set_up_logging(context: click.Context, parameter: click.Parameter, quiet: bool) -> None:
    """Send the package's messages to stderr, and show how far long work is."""
    from nwbspikegen.core.logs import log_to_stderr

    log_to_stderr(is_quiet=quiet)


def _trust(context: click.Context, parameter: click.Parameter, trust: bool) -> None:
    """Lift the limits of readers for this command, and for the processes that it starts."""
    if not trust:
        return
    from nwbspikegen.core.budget import trusting

    context.with_resource(trusting())


def _open_log(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Send everything that is logged to a file as well."""
    if path is not None:
        from nwbspikegen.core.logs import log_to_file

        log_to_file(path, command=context.command_path)


def _read_config(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Take the file's values as defaults, so that what is typed wins."""
    if path is None:
        return
    from nwbspikegen.core.files import require_file
    from nwbspikegen.core.yaml_files import read_yaml

    values = read_yaml(require_file(path))
    if not isinstance(values, dict):
        raise InputError(
            f"{path}, which holds no YAML mapping", "lines such as `duration: 400`", "correct the file"
        )
    known = {parameter.name for parameter in context.command.params}
    given = {str(key).replace("-", "_"): value for key, value in values.items()}
    # Python's names differ from the options', and YAML has lists, mappings and truth values where the command
    # line has repeated options and texts
    given = {("as_json" if key == "json" else key): value for key, value in given.items()}
    if "exclude" in given and not isinstance(given["exclude"], list):
        given["exclude"] = [given["exclude"]]
    if isinstance(given.get("split"), list):
        given["split"] = ",".join(map(str, given["split"]))
    if isinstance(given.get("set"), dict):
        given["set"] = [f"{name}={value}" for name, value in given["set"].items()]
    if "hold_out" in given and not isinstance(given["hold_out"], list):
        given["hold_out"] = ["each"] if given["hold_out"] is True else [given["hold_out"]]
    unknown = sorted(set(given) - known)
    if unknown:
        options = ", ".join(
            sorted(str(name) for name in known if name not in {"config", "as_json", "quiet", "log_file"})
        )
        raise InputError(f"option {unknown[0]!r} in {path}", f"one of {options}", "correct the file")
    empty = [name for name, value in given.items() if value is None]
    if empty:
        raise InputError(f"option {empty[0]!r} without a value in {path}", "a value", "correct the file")
    context.default_map = {**(context.default_map or {}), **given}
