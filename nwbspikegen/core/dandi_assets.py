"""Files of the DANDI archive, found with dandi's own client: where their bytes are, and their sha256."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

from nwbspikegen.core.dandi_keys import find_key
from nwbspikegen.core.dandi_places import DandiPlace
from nwbspikegen.core.errors import InputError, NWBSpikeGenError
from nwbspikegen.core.web_answers import bound_requests

# seconds that DANDI may take to answer at all: well above a slow connection, and short beside the client's
# own twelve tries
_PATIENCE = 30.0
_NEEDS_KEY = (401, 403)


class Asset(NamedTuple):
    """A file on the web: where its bytes are, and their sha256 ("" when unknown)."""

    url: str
    sha256: str


def find_asset(place: DandiPlace, address: str) -> Asset:
    """Return where the bytes of a file of the archive are; of an embargoed one, signed with the user's key.

    Raises
    ------
    InputError
        No such instance, dandiset or file, no connection, or no key where one is needed.
    """
    import requests

    try:
        with _silence_dandi(), _open_client(place.instance) as client:
            return _find(client, place, address)
    except NWBSpikeGenError:
        raise
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        # `from None` here and below: what is raised holds requests, and with them keys and signatures
        raise InputError(
            f"no connection to DANDI ({type(error).__name__})",
            f"one, for {address}",
            "check it, or download the file and give its path",
        ) from None
    except Exception as error:
        raise InputError(
            f"{address}, which DANDI cannot find ({type(error).__name__}: {error})",
            "dandi://DANDISET[@VERSION]/PATH",
            "check it, and the connection",
        ) from None


def _find(client: Any, place: DandiPlace, address: str) -> Asset:
    import requests

    try:
        return _ask(client, place, address, is_open=True)
    except requests.HTTPError as error:
        if error.response is None or error.response.status_code not in _NEEDS_KEY:
            raise
    try:
        client.authenticate(find_key(client))
        return _ask(client, place, address, is_open=False)
    except requests.HTTPError as error:
        if error.response is None or error.response.status_code not in _NEEDS_KEY:
            raise
        raise InputError(
            f"a key that {client.dandi_instance.name} does not accept for {address}",
            f"that of an owner, in {client.api_key_env_var} or in the keyring",
            "copy it again from your account there, or ask an owner to make you one",
        ) from None


def _ask(client: Any, place: DandiPlace, address: str, *, is_open: bool) -> Asset:
    asset = _find_remote(client, place, address)
    digests = asset.get_raw_metadata().get("digest", {})
    # the archive's own address redirects to a signed one that expires; without its query it is the public
    # one, and of what is embargoed there is no public one
    url = asset.get_content_url(follow_redirects=True, strip_query=is_open)
    return Asset(url, str(digests.get("dandi:sha2-256", "")))


def _find_remote(client: Any, place: DandiPlace, address: str) -> Any:
    if place.asset:
        return client.get_asset(place.asset)
    dandiset = client.get_dandiset(place.dandiset, place.version or None, lazy=False)
    if place.path:
        return dandiset.get_asset_by_path(place.path)
    assets = list(dandiset.get_assets())
    if len(assets) != 1:
        raise InputError(
            f"{len(assets)} files at {address}", "one NWB file", "pass the whole path of one file"
        )
    return assets[0]


def _open_client(instance: str) -> Any:
    import requests
    from dandi.consts import known_instances
    from dandi.dandiapi import DandiAPIClient

    if "://" not in instance and instance not in known_instances:
        raise InputError(
            f"an archive {instance!r}", f"its address, or one of {', '.join(known_instances)}", "correct it"
        )
    api = instance if "://" in instance else known_instances[instance].api
    # without a connection, dandi's client alone would go on trying for a minute
    requests.head(api, timeout=_PATIENCE)
    client = DandiAPIClient.for_dandi_instance(instance)
    bound_requests(client.session)
    return client


@contextlib.contextmanager
def _silence_dandi() -> Iterator[None]:
    """Keep from the log what dandi's client says of a failure, for the error says it in one line."""
    logger = logging.getLogger("dandi")
    level = logger.level
    # beyond the gravest level there is: nothing passes
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
