"""Uploads that broke off: the archive keeps them open, and an embargo cannot be lifted meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from nwbspikegen.core.errors import OutputError

# seconds for an archive that has just failed: without its answer, the error is told all the same
_PATIENCE = 10.0


@contextlib.contextmanager
def naming_open_uploads(dandiset: Any, etag: str) -> Iterator[None]:
    """Add to an `OutputError` which upload of a file with this fingerprint the archive has left open."""
    try:
        yield
    except OutputError as error:
        left = _describe_open(dandiset, etag)
        if not left:
            raise
        # `from None`: causes hold the request, and with it the key
        raise OutputError(
            f"{error.found}; {left}",
            error.expected,
            f"{error.remedy}; an embargo cannot be lifted before its owner has cleared such uploads, on the "
            "dandiset's page",
        ) from None


def _describe_open(dandiset: Any, etag: str) -> str:
    import requests

    client = dandiset.client
    try:
        address = client.get_url(f"/dandisets/{dandiset.identifier}/uploads/")
        # past the client's own method, which would try for a minute
        answer = client.session.get(address, timeout=_PATIENCE)
        answer.raise_for_status()
        content = answer.json()
        uploads = content["results"] if isinstance(content, dict) else content
        mine = [upload for upload in uploads if upload.get("etag") == etag]
    except (requests.RequestException, ValueError, TypeError, KeyError, AttributeError):
        return "an upload may have been left open there"
    told = [
        f"{upload.get('upload_id') or upload.get('blob')}, begun {upload.get('created')}" for upload in mine
    ]
    return f"left open there: the upload {' and '.join(told)}" if told else ""
