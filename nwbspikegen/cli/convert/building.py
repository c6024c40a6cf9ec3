"""A command from a format's reader: argument, options and help are its signature and docstring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from nwbspikegen.core.options import PATH, every_command, metadata_option, overwrite_option
from nwbspikegen.core.output import print_result
from nwbspikegen.formats.parameters import Parameter, read_parameters, read_summary

_NEGATION = "no-"
_Command = TypeVar("_Command", bound=Callable[..., Any])


def build_command(name: str, reader: Callable[..., Any]) -> click.Command:
    """Return the command that converts a format."""

    @reader_options(reader)
    @metadata_option
    @overwrite_option
    @every_command
    def convert(source: Any, out: Any, metadata: Any, overwrite: bool, as_json: bool, **taken: Any) -> None:
        run_conversion(reader, source, out, metadata, overwrite=overwrite, as_json=as_json, **taken)

    summary = read_summary(reader) or f"Convert {name}."
    # the first sentence, up to a colon: one line in the list of formats
    short = summary.split("\n\n")[0].split(": ")[0].rstrip(".") + "."
    return click.command(name, help=summary, short_help=short)(convert)


def reader_options(reader: Callable[..., Any], *, is_required: bool = True) -> Callable[[_Command], _Command]:
    """Add SOURCE, --out and the options that a reader has; `is_required` says whether the first two are."""
    source, *others = read_parameters(reader)

    def add(command: _Command) -> _Command:
        # the last decorator is the first option in the help
        for parameter in reversed(others):
            command = _to_option(parameter)(command)
        command = click.option("--out", "-o", required=is_required, type=PATH, help="NWB file to write.")(
            command
        )
        argument = click.argument("source", metavar="SOURCE", type=_to_type(source), required=is_required)
        return argument(command)

    return add


def run_conversion(
    reader: Callable[..., Any],
    source: Any,
    out: Any,
    metadata: Any,
    *,
    overwrite: bool,
    as_json: bool,
    **taken: Any,
) -> None:
    """Convert, and print where to."""
    from nwbspikegen.commands.convert import convert_format

    # click gives empty tuples for lists that were left out
    given = {
        name: list(value) or None if isinstance(value, tuple) else value for name, value in taken.items()
    }
    path = convert_format(reader, source, out, metadata=metadata, overwrite=overwrite, **given)
    print_result({"path": str(path)}, as_json=as_json, text=f"wrote {path}")


def _to_option(parameter: Parameter) -> Callable[[_Command], _Command]:
    if parameter.kind is bool and not parameter.is_required:
        # a switch that is on by default can be turned off
        off = f"/--{_NEGATION}{parameter.option[2:]}" if parameter.default else ""
        return click.option(
            parameter.option + off,
            parameter.name,
            is_flag=True,
            default=parameter.default,
            help=parameter.help,
        )
    # an explicit default of None would count as a value
    default = {} if parameter.default is None else {"default": parameter.default, "show_default": True}
    return click.option(
        parameter.option,
        parameter.name,
        type=_to_type(parameter),
        required=parameter.is_required,
        multiple=parameter.is_list,
        help=parameter.help,
        **default,
    )


def _to_type(parameter: Parameter) -> Any:
    # refused as it is typed, not when the file has been read
    if parameter.choices:
        return click.Choice(parameter.choices)
    return PATH if parameter.is_path else parameter.kind
