"""Answers of web servers, which may neither go on for ever nor drip: bytes and seconds are bounded."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator
from typing import Any

from nwbspikegen.core.budget import get_budget


class Progress:
    """How an answer comes in; one that drips is an error.

    Examples
    --------
    >>> progress = Progress()
    >>> progress.note(2**20)
    >>> progress.num_bytes
    1048576
    """

    def __init__(self) -> None:
        self.num_bytes = self._seen = 0
        self._since = time.monotonic()

    def note(self, num_bytes: int) -> None:
        """Count bytes that came; raise `OSError` when too few have for a minute."""
        self.num_bytes += num_bytes
        budget, now = get_budget(), time.monotonic()
        if self.num_bytes - self._seen >= budget.web_piece_bytes:
            self._seen, self._since = self.num_bytes, now
        elif now - self._since > budget.web_seconds:
            raise OSError(say_slow())

    def require_small(self) -> None:
        """Raise `OSError` when an answer that is kept in memory has more bytes than it may."""
        most = get_budget().web_answer_bytes
        if self.num_bytes > most:
            raise OSError(f"an answer of more than {most} bytes")


def say_slow() -> str:
    """Return what is said of an answer without progress."""
    budget = get_budget()
    return f"fewer than {budget.web_piece_bytes} bytes in {budget.web_seconds:g} s"


async def open_bounded_session(**options: Any) -> Any:
    """Return a session of aiohttp, as `get_client` of fsspec's web, whose answers are bounded."""
    import aiohttp

    class BoundedResponse(aiohttp.ClientResponse):
        """An answer that ends."""

        async def start(self, connection: Any) -> Any:
            """Wait for the headers."""
            with _naming_silence():
                return await asyncio.wait_for(super().start(connection), _find_patience())

        async def read(self) -> bytes:
            """Return the body, of which the parts are counted as they come."""
            if self._body is None:
                self._body = await self._collect()
            return self._body

        async def _collect(self) -> bytes:
            progress, parts = Progress(), []
            try:
                with _naming_silence():
                    async for part in self.content.iter_any():
                        progress.note(len(part))
                        progress.require_small()
                        parts.append(part)
            except BaseException:
                self.close()
                raise
            return b"".join(parts)

    # of the whole no limit: a large file takes as long as it takes, while it comes
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_find_patience(), sock_read=_find_patience())
    return aiohttp.ClientSession(response_class=BoundedResponse, **{"timeout": timeout, **options})


def _find_patience() -> float | None:
    """Return how long nothing at all may come (s), None for ever."""
    seconds = get_budget().web_seconds
    return seconds if math.isfinite(seconds) else None


@contextlib.contextmanager
def _naming_silence() -> Iterator[None]:
    """Turn a timeout, of which fsspec passes on nothing but that there was one, into an error with words."""
    try:
        yield
    except TimeoutError as error:
        raise OSError(say_slow()) from error


def bound_requests(session: Any) -> None:
    """Let no answer to a session of requests go on for ever, or drip; those that are streamed apart."""
    from requests.adapters import HTTPAdapter

    class BoundedAdapter(HTTPAdapter):
        """Sends as before, and counts what comes back."""

        def send(
            self,
            request: Any,
            stream: bool = False,
            timeout: Any = None,
            verify: Any = True,
            cert: Any = None,
            proxies: Any = None,
        ) -> Any:
            patience = timeout if timeout is not None else _find_patience()
            response = super().send(request, stream, patience, verify, cert, proxies)
            if not stream and hasattr(response.raw, "read1"):
                response.raw.stream = _stream_bounded(response.raw)
            return response

    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter())


def _stream_bounded(raw: Any) -> Any:
    def stream(amt: int = 2**16, decode_content: bool | None = None) -> Iterator[bytes]:
        progress = Progress()
        # one read of the system at a time: others wait until all that was asked for is there
        while part := raw.read1(amt, decode_content=decode_content):
            progress.note(len(part))
            progress.require_small()
            yield part

    return stream
