"""The user's key for an instance of the DANDI archive: found, never asked for."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from nwbspikegen.core.errors import InputError

_HERE = ("localhost", "127.0.0.1", "::1")


def find_key(client: Any) -> str:
    """Return the key of dandi's client from the environment or the keyring.

    Raises
    ------
    InputError
        There is none, or the archive's address is not encrypted.
    """
    require_encrypted(client)
    variable = client.api_key_env_var
    service = f"dandi-api-{client.dandi_instance.name}"
    # copied from a page or read from a file, a key often ends with a line
    key = (os.environ.get(variable) or ask_keyring(service) or "").strip()
    if not key:
        raise InputError(
            f"no API key for {client.dandi_instance.name}",
            f"one in {variable} or in the keyring",
            # the name may have a dot or a colon, which no shell can set by itself
            f"put env '{variable}=...' before the command, or store it once with `keyring set {service} key`",
        )
    return key


def ask_keyring(service: str) -> str | None:
    """Return the key that the user's keyring holds; one that would ask for a password is left alone."""
    import keyring
    from keyring.core import load_config, load_env
    from keyring.errors import KeyringError

    # as dandi's client looks for it, whose own function would ask at the terminal
    backend = load_env() or load_config() or keyring.get_keyring()
    if type(backend).__name__ == "EncryptedKeyring":
        return None
    try:
        key: str | None = backend.get_password(service, "key")
    except KeyringError:
        return None
    return key


def require_encrypted(client: Any) -> None:
    """Raise `InputError` when a key would go through a network that others can read."""
    address = urlsplit(client.api_url)
    # an archive of one's own may run on this machine, where nobody listens
    if address.scheme != "https" and address.hostname not in _HERE:
        raise InputError(
            f"{client.api_url}, which is not encrypted",
            "https, so that nobody reads the key on its way",
            "use the address that begins with https",
        )
