"""What addresses on the web hold besides a place: users, passwords, keys and signatures."""

from __future__ import annotations

import re

# an address ends where a text goes on; a bracket or a comma at its end is the text's
_ADDRESS = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>[^\s'\"<>\\]+)")
_REST = re.compile(r"(?P<host>[^/?#]*)(?P<path>[^?#]*)(?P<more>.*?)(?P<end>[),.;:\]]*)")
# libraries tell of a failure by the part behind the host: `with url: /a.nwb?X-Amz-Signature=...`
_QUERY = re.compile(r"\?[\w.~%-]+=[^\s'\"<>\\]*?(?=[),.;:\]]*(?:[\s'\"<>\\]|$))")
# where the archive's pages and its API name an asset
_PLACE = re.compile(r"\?(?:path|location)=[^&#]*")
_DANDISET = "/dandiset"


def cut_secrets(text: str) -> str:
    """Return a text whose addresses have lost user, password, query and fragment.

    The place of a file in a dandiset stays: ``?path=`` and ``?location=`` alone, behind a dandiset.

    Examples
    --------
    >>> cut_secrets("no https://me:word@example.org/a.nwb?sig=0123#x, try again")
    'no https://example.org/a.nwb, try again'
    >>> cut_secrets("dandi://000409@draft/sub-1/a.nwb")
    'dandi://000409@draft/sub-1/a.nwb'
    """
    return _cut_queries(_ADDRESS.sub(_cut_address, text)) if "://" in text or "?" in text else text


def _cut_address(found: re.Match[str]) -> str:
    parts = _REST.fullmatch(found["rest"])
    if parts is None:
        return found[0]
    # what stands before the @ of a dandiset is its number, and behind it the version
    host = parts["host"] if found["scheme"] == "dandi" else parts["host"].rpartition("@")[2]
    more = parts["more"] if _is_place(parts["path"], parts["more"]) else ""
    return f"{found['scheme']}://{host}{parts['path']}{more}{parts['end']}"


def _is_place(path: str, more: str) -> bool:
    return _DANDISET in path and _PLACE.fullmatch(more) is not None


def _cut_queries(text: str) -> str:
    return _QUERY.sub(lambda found: found[0] if _PLACE.fullmatch(found[0]) else "", text)
