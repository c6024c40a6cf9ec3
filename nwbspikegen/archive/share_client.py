"""An instance of the archive, opened with dandi's own client, and its answers as clear errors."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from nwbspikegen.core.dandi_keys import find_key, require_encrypted
from nwbspikegen.core.errors import InputError, NWBSpikeGenError, OutputError

_LONGEST_ANSWER = 300
_MOST_OWNERS = 5
_AGAIN = "give the same command again: a file is sent again unless the archive has closed its upload"


@contextlib.contextmanager
def open_dandiset(instance: str, dandiset: str) -> Iterator[Any]:
    """Give the draft of a dandiset as dandi's client sees it, with the user's key.

    The key is that of the client: the environment variable that dandi names after the instance, such
    as ``DANDI_API_KEY`` or ``DANDI_SANDBOX_API_KEY``, or the user's keyring. It is never asked for.

    Raises
    ------
    InputError
        No such instance or dandiset, no key that it accepts, or one whose owner may not write there.
    OutputError
        The archive does not answer.
    """
    from dandi.consts import DRAFT
    from dandi.dandiapi import DandiAPIClient

    with _unlogged(), _open_client(instance, DandiAPIClient) as client:
        key = find_key(client)
        with explaining_archive(
            f"while opening dandiset {dandiset} on {client.dandi_instance.name}", client, key
        ):
            # before the key is sent: a client that the archive does not take could do nothing with it
            client.check_schema_version()
            client.authenticate(key)
            # not lazily: a number that does not exist is found now, not after files were read
            draft = client.get_dandiset(dandiset, DRAFT, lazy=False)
            _require_owner(client, dandiset)
        yield draft


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Keep dandi from logging what servers answer, which may be the key; errors tell it without."""
    log, level = logging.getLogger("dandi"), logging.getLogger("dandi").level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def _require_owner(client: Any, dandiset: str) -> None:
    """Raise `InputError` when the key's owner is none of the dandiset's, where the archive tells of both."""
    import requests

    try:
        me = client.get("/users/me/")
        owners = [str(owner["username"]) for owner in client.get(f"/dandisets/{dandiset}/users/")]
    except (requests.HTTPError, ValueError, TypeError, KeyError):
        # an archive that does not tell: it refuses what is sent, if it does
        return
    if me.get("admin") or str(me.get("username")) in owners:
        return
    raise InputError(
        f"a key of {me.get('username')} on {client.dandi_instance.name}, where dandiset {dandiset} has other "
        f"owners: {', '.join(owners[:_MOST_OWNERS])}",
        "an owner's key",
        "ask one of them to make you one",
    )


def _open_client(instance: str, client_class: Any) -> Any:
    from dandi.consts import known_instances

    if instance not in known_instances and not instance.startswith(("http://", "https://")):
        raise InputError(
            f"instance {instance!r}",
            f"an address, or one of {', '.join(known_instances)}",
            "choose one of these",
        )
    try:
        client = client_class.for_dandi_instance(instance)
    # the client raises as many kinds as a server can be wrong in
    except Exception as error:
        raise OutputError(
            f"no archive at {instance} ({' '.join(str(error).split())[:_LONGEST_ANSWER]})",
            "one that answers",
            "check the address and the connection",
        ) from error
    require_encrypted(client)
    return client


@contextlib.contextmanager
def explaining_archive(doing: str, client: Any, key: str = "") -> Iterator[None]:
    """Turn what the client raises into one of the package's errors, without the key in it."""
    import requests
    from dandi.exceptions import NotFoundError, SchemaVersionError

    try:
        yield
    except requests.RequestException as error:
        # `from None`: the error holds the request, and with it the key
        raise _explain(error, doing, client, key) from None
    except NotFoundError:
        raise InputError(
            f"no such dandiset {doing}", "one that exists and that you may write to", "check its number"
        ) from None
    except SchemaVersionError as error:
        raise OutputError(str(error), "a client as new as the archive", "upgrade dandi") from None


def _explain(error: Any, doing: str, client: Any, key: str) -> NWBSpikeGenError:
    name, variable = client.dandi_instance.name, client.api_key_env_var
    key = key or str(client.session.headers.get("Authorization", "")).removeprefix("token ")
    if error.response is None:
        return OutputError(
            f"a connection to {name} that broke {doing}",
            "one that lasts",
            _AGAIN,
        )
    status = error.response.status_code
    said = " ".join(error.response.text.split())
    said = said.replace(key, "[key]")[:_LONGEST_ANSWER] if key else said[:_LONGEST_ANSWER]
    if status == 401:
        return InputError(
            f"an API key that {name} does not accept {doing}",
            f"a valid one in {variable} or in the keyring",
            "copy it again from your account there",
        )
    if status == 403:
        return InputError(
            f"a key whose owner may not do this {doing}: {said}",
            "an owner of the dandiset",
            "ask to become one",
        )
    if status < 500:
        return OutputError(
            f"a refusal by {name} {doing}: {said}",
            "what it accepts",
            "correct it, then give the same command again",
        )
    return OutputError(
        f"a failure of {name} (status {status}) {doing}: {said}",
        "an archive that works",
        f"wait, then {_AGAIN}",
    )
