"""What a format's reader takes, from its signature and docstring: for the command and for NeuroConv."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from nwbspikegen.core.errors import InputError

File = Annotated[str | os.PathLike[str], "file"]
Folder = Annotated[str | os.PathLike[str], "folder"]
FileOrFolder = Annotated[str | os.PathLike[str], "path"]

_JSON: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    File: {"format": "file-path", "type": "string"},
    Folder: {"format": "directory-path", "type": "string"},
    FileOrFolder: {
        "anyOf": [
            {"format": "file-path", "type": "string"},
            {"format": "directory-path", "type": "string"},
        ]
    },
}
# what commands and NeuroConv's interfaces have themselves: a parameter of that name would hide it
_OF_EVERY_FORMAT = (
    *("name", "reader", "source", "out", "metadata", "strict_metadata", "overwrite"),
    *("json", "as_json", "config", "quiet", "log_file", "verbose", "metadata_key"),
)
_NAMES = "str, int, float, bool, pathlib.Path, a list of one of them, or Literal texts; each, or None"


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter of a reader.

    Attributes
    ----------
    name : str
        In Python.
    option : str
        On the command line, such as ``--sampling-rate``.
    kind : type
        str, int, float, bool, `File`, `Folder` or `FileOrFolder`.
    help : str
        What the docstring says of it, in one line.
    is_required, is_list : bool
        Whether it has no default; whether it takes several values.
    default : object
        None where it has none.
    choices : tuple of str
        The texts of a `Literal`, the only ones allowed.
    """

    name: str
    option: str
    kind: Any
    help: str
    is_required: bool
    is_list: bool
    default: Any
    choices: tuple[str, ...] = ()

    @property
    def is_path(self) -> bool:
        """Whether it names a file or folder."""
        return self.kind in (File, Folder, FileOrFolder)


def read_parameters(reader: Callable[..., Any]) -> list[Parameter]:
    """Return what a reader takes, the source first.

    Parameters
    ----------
    reader : callable
        Its annotations say the types; a text ``"--probe"`` in `Annotated` is the option's name. Its
        docstring, in NumPy's layout, says what each means.

    Raises
    ------
    InputError
        It takes nothing, or something without an annotation, or of a type that no option can have.

    Examples
    --------
    >>> def read(source: Path, *, tick: float = 0.001) -> None:
    ...     '''Read a file.
    ...
    ...     Parameters
    ...     ----------
    ...     source
    ...         The file.
    ...     tick
    ...         Seconds per bin.
    ...     '''
    >>> [(each.option, each.help, each.is_required) for each in read_parameters(read)]
    [('--source', 'The file.', True), ('--tick', 'Seconds per bin.', False)]
    """
    hints = _read_hints(reader)
    texts = read_docstring_texts(reader)
    taken = inspect.signature(reader).parameters.values()
    named = [each for each in taken if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    if not named:
        raise InputError(f"a reader {_name(reader)} without a parameter", "the source", "add a parameter")
    taken_by_us = [each.name for each in named[1:] if each.name in _OF_EVERY_FORMAT]
    if taken_by_us:
        raise InputError(
            f"a parameter {taken_by_us[0]!r} of {_name(reader)}",
            f"other names than {', '.join(_OF_EVERY_FORMAT)}, which every format has",
            "rename it",
        )
    return [_describe(reader, each, hints.get(each.name), texts.get(each.name, "")) for each in named]


def read_docstring_texts(reader: Callable[..., Any]) -> dict[str, str]:
    """Return what a docstring in NumPy's layout says of each parameter, in one line.

    Examples
    --------
    >>> read_docstring_texts(read_parameters)["reader"]
    'Its annotations say the types; a text "--probe" in Annotated is the option\\'s name. ...'
    """
    _, _, rest = inspect.cleandoc(reader.__doc__ or "").partition("\nParameters\n----------\n")
    # up to the next heading, a line with dashes under it
    section = re.split(r"\n\n?\S[^\n]*\n-{3,}\n", f"\n{rest}")[0]
    texts = {}
    for entry in re.split(r"\n(?=\S)", section):
        head, _, body = entry.strip().partition("\n")
        text = " ".join(body.split()).replace("`", "")
        texts.update({name.strip(): text for name in head.partition(":")[0].split(",")})
    return texts


def read_summary(reader: Callable[..., Any]) -> str:
    """Return what a docstring says before its sections.

    Examples
    --------
    >>> read_summary(read_summary)
    'Return what a docstring says before its sections.'
    """
    return re.split(r"\n\S[^\n]*\n-{3,}\n", inspect.cleandoc(reader.__doc__ or ""))[0].strip()


def make_schema(reader: Callable[..., Any]) -> dict[str, Any]:
    """Return the JSON schema of what a reader takes, as NeuroConv's interfaces have it."""
    parameters = read_parameters(reader)
    properties = {each.name: _to_json(each) for each in parameters}
    properties["verbose"] = {"type": "boolean", "default": False}
    required = [each.name for each in parameters if each.is_required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _read_hints(reader: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of parameters; what a reader returns may be imported for type checks only."""
    # get_type_hints would evaluate what is returned as well, a name that may be there for type checkers only
    annotated = reader.__init__ if inspect.isclass(reader) else reader
    stub = types.SimpleNamespace()
    stub.__annotations__ = {
        name: hint for name, hint in getattr(annotated, "__annotations__", {}).items() if name != "return"
    }
    # where the reader was written: annotations are texts since `from __future__ import annotations`
    names = vars(sys.modules[reader.__module__])
    return typing.get_type_hints(stub, globalns=dict(names), include_extras=True)


def _describe(reader: Callable[..., Any], given: inspect.Parameter, hint: Any, text: str) -> Parameter:
    option, hint = _take_option(hint, f"--{given.name.replace('_', '-')}")
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [each for each in typing.get_args(hint) if each is not type(None)]
        hint = inner[0] if len(inner) == 1 else None
    is_list = typing.get_origin(hint) in (list, Sequence)
    hint = typing.get_args(hint)[0] if is_list else hint
    choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
    kind = str if choices else FileOrFolder if hint is Path else hint
    if kind not in _JSON or not all(isinstance(choice, str) for choice in choices):
        raise InputError(
            f"{given.annotation} for {given.name} of {_name(reader)}",
            f"an annotation: {_NAMES}",
            "correct it",
        )
    is_required = given.default is given.empty
    return Parameter(
        given.name, option, kind, text, is_required, is_list, None if is_required else given.default, choices
    )


def _take_option(hint: Any, default: str) -> tuple[str, Any]:
    """Return an option's name and the rest of its annotation."""
    notes = getattr(hint, "__metadata__", ())
    options = [note for note in notes if str(note).startswith("--")]
    if not options:
        return default, hint
    rest = tuple(note for note in notes if note not in options)
    inner = typing.get_args(hint)[0]
    return options[0], Annotated[(inner, *rest)] if rest else inner


def _to_json(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = dict(_JSON[parameter.kind])
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.is_list:
        schema = {"type": "array", "items": schema}
    if not parameter.is_required:
        if parameter.default is None:
            # None has to fit as well: NeuroConv validates what an interface is made with
            schema = {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}
        schema["default"] = parameter.default
    return {**schema, "description": parameter.help} if parameter.help else schema


def _name(reader: Callable[..., Any]) -> str:
    return str(getattr(reader, "__qualname__", reader))
