"""Every way to write where a file of the DANDI archive is, and one way to keep it."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

_DANDISET = r"(?P<dandiset>\d{6})"
_VERSION = r"(?P<version>draft|\d+\.\d+\.\d+)"
_SCHEME = "dandi://"
_UUID = r"(?P<asset>[0-9a-fA-F-]{36})"
_MAIN = "dandi"
_FORMS = [
    # DANDI:000409@draft/sub-1/a.nwb, as papers name dandisets; other instances have their own word before it
    re.compile(rf"(?P<name>(?i:dandi|ember|linc)[-\w]*):{_DANDISET}(?:[@/]{_VERSION})?(?:/(?P<path>.*))?"),
    # dandi://000409/sub-1/a.nwb, and with an instance, its host or the word DANDI: before the number
    re.compile(rf"dandi://(?:(?P<host>[^/@]+)/|DANDI:)?{_DANDISET}(?:@{_VERSION})?(?:/(?P<path>.*))?"),
    # the archive's pages, of today and of before
    re.compile(
        rf"(?P<server>https?://[^/?#]+)/(?:#/)?dandiset/{_DANDISET}(?:/{_VERSION})?"
        r"(?:/files)?/?(?:\?location=(?P<quoted>[^&]*).*)?"
    ),
    # its API
    re.compile(rf"(?P<server>https?://[^/?#]+)/api/assets/{_UUID}(?:/(?:download/?)?)?"),
    re.compile(
        rf"(?P<server>https?://[^/?#]+)/api/dandisets/{_DANDISET}/versions/{_VERSION}/assets/"
        rf"(?:\?path=(?P<quoted>[^&]*).*|{_UUID}(?:/(?:download/?)?)?)"
    ),
]
# instances that dandi's client knows by a name: their pages and their API
_NAMES = {
    "dandiarchive.org": _MAIN,
    "gui.dandiarchive.org": _MAIN,
    "api.dandiarchive.org": _MAIN,
    "sandbox.dandiarchive.org": "dandi-sandbox",
    "api.sandbox.dandiarchive.org": "dandi-sandbox",
}
# of archives of one's own on this machine
_LOCAL = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


class DandiPlace(NamedTuple):
    """A file of an instance of the archive.

    Attributes
    ----------
    instance : str
        A name that dandi's client knows, or the instance's address.
    dandiset, version, path : str
        Six digits, ``draft`` or a number, and the path within; the version is empty where none is named.
    asset : str
        The asset's own id, where that is given instead of a path.
    """

    instance: str
    dandiset: str = ""
    version: str = ""
    path: str = ""
    asset: str = ""


def find_place(address: str) -> DandiPlace | None:
    """Return which file of the archive an address names, None for any other address.

    Examples
    --------
    >>> find_place("DANDI:000409/sub-1/a.nwb")
    DandiPlace(instance='dandi', dandiset='000409', version='', path='sub-1/a.nwb', asset='')
    >>> find_place("https://dandiarchive.org/dandiset/000409/draft/files?location=sub-1%2Fa.nwb").path
    'sub-1/a.nwb'
    >>> find_place("dandi://archive.example/000409@draft/a.nwb").instance
    'https://archive.example'
    >>> find_place("https://example.org/a.nwb") is None
    True
    """
    # what signs a download is no part of the place, which the key opens
    bare = re.sub(r"/download/?\?.*", "/download/", address)
    for form in _FORMS:
        found = form.fullmatch(bare)
        if found is not None:
            parts = {name: text or "" for name, text in found.groupdict().items()}
            return DandiPlace(
                _name_instance(parts),
                parts.get("dandiset", ""),
                parts.get("version", ""),
                (unquote(parts.get("quoted", "")) or parts.get("path", "")).strip("/"),
                parts.get("asset", ""),
            )
    return None


def write_place(place: DandiPlace) -> str:
    """Return the one form in which a place is kept and shown; `find_place` reads it.

    Examples
    --------
    >>> write_place(find_place("DANDI:000409/draft/sub-1/a.nwb"))
    'dandi://000409@draft/sub-1/a.nwb'
    """
    if place.asset:
        server = place.instance if "://" in place.instance else f"https://{_find_api(place.instance)}"
        return f"{server}/api/assets/{place.asset}/"
    instance = "" if place.instance == _MAIN else f"{place.instance.partition('://')[2] or place.instance}/"
    version = f"@{place.version}" if place.version else ""
    return f"{_SCHEME}{instance}{place.dandiset}{version}/{place.path}"


def _name_instance(parts: dict[str, str]) -> str:
    name = (parts.get("name") or parts.get("host") or "").lower()
    host = parts.get("server", "").partition("://")[2].rpartition("@")[2].lower() or name
    if not host:
        return _MAIN
    if host in _NAMES:
        return _NAMES[host]
    if _LOCAL.fullmatch(host):
        return f"http://{host}"
    # a name of an instance has no dot, and a host has one
    return f"https://{host}" if "." in host else host


def _find_api(instance: str) -> str:
    return next(host for host, name in _NAMES.items() if name == instance and host.startswith("api."))
