"""The errors that a user can cause, each saying what was found, what was expected and what to do.

The command line turns every `NWBSpikeGenError` into one line on stderr and exit status 2; anything
else is a bug and exits 1.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import ClassVar

from nwbspikegen.core.plain_text import show_plainly
from nwbspikegen.core.web_secrets import cut_secrets


class NWBSpikeGenError(Exception):
    """Root of the errors of this package.

    Parameters
    ----------
    found : str
        What was there.
    expected : str
        What should have been there.
    remedy : str
        What the user can do about it.

    Examples
    --------
    >>> print(InputError("a text file", "an NWB (HDF5) file", "pass the path of an .nwb file"))
    found a text file; expected an NWB (HDF5) file; pass the path of an .nwb file
    """

    _template_ends: ClassVar[str] = ""
    """What a remedy may hold beside plain letters."""

    def __init__(self, found: str, expected: str, remedy: str) -> None:
        # whatever a library says of an address is shown and logged without what opens it, and names from
        # files as one line in which no terminal finds a command
        self.found, self.expected = (show_plainly(cut_secrets(text)) for text in (found, expected))
        self.remedy = show_plainly(cut_secrets(remedy), keep=self._template_ends)
        super().__init__(f"found {self.found}; expected {self.expected}; {self.remedy}")

    def __reduce__(self) -> tuple[type[NWBSpikeGenError], tuple[str, str, str]]:
        # errors come back from dask's workers by pickle, which would call the class with its one message
        return type(self), (self.found, self.expected, self.remedy)


class InputError(NWBSpikeGenError):
    """An input file, array or option cannot be used."""


class MetadataError(InputError):
    """Metadata that the archive requires is missing or invalid; the remedy holds a template, in lines."""

    _template_ends = "\n"


class OutputError(NWBSpikeGenError):
    """An output cannot be written where it was asked for."""


class MissingExtraError(NWBSpikeGenError):
    """An optional dependency is needed; the remedy names the extra to install."""


def require_extra(extra: str, *needed: str, purpose: str) -> None:
    """Raise `MissingExtraError` when a module that comes with an extra is not installed.

    Examples
    --------
    >>> require_extra("train", "no_such_module", purpose="models")
    Traceback (most recent call last):
    nwbspikegen.core.errors.MissingExtraError: found no no_such_module; expected it for models; ...
    """
    for name in needed:
        if find_spec(name) is None:
            raise MissingExtraError(
                f"no {name}",
                f"it for {purpose}",
                f"install with: pip install 'nwbspikegen[{extra}]', or '.[{extra}]' in a clone",
            )


def require_seed(seed: int) -> None:
    """Raise `InputError` for a number that cannot seed a random generator.

    Examples
    --------
    >>> require_seed(-1)
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found seed -1; ...
    """
    # Lightning and scikit-learn take seeds of 32 bits, and one seed is for everything
    if not 0 <= seed < 2**32:
        raise InputError(f"seed {seed}", "a whole number from 0 to 4294967295", "choose another seed")
