"""Where a command's messages go: stderr, and a file that keeps all of them with their times."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from pathlib import Path

from nwbspikegen.core.errors import OutputError
from nwbspikegen.core.plain_text import show_plainly
from nwbspikegen.core.web_secrets import cut_secrets

_LOG = logging.getLogger("nwbspikegen")
# variables whose values are secrets: DANDI's and ONE's keys, and others by the usual names
_SECRET_NAME = re.compile(r"(API_?KEY|TOKEN|PASSWORD|PASSWD|SECRET)", re.IGNORECASE)
# secrets inside addresses and headers: https://user:word@host, ?token=..., Authorization: token ...
_SECRET_TEXT = re.compile(
    r"(?P<before>:/{1,2}[^/\s:@]+:|(?:authorization|bearer|token|api[_-]?key|password|secret)[\"']?\s*[:=]?\s*"
    # eight characters at least, so that words after "token" or "password" mostly stay
    r"(?:token|bearer)?\s*[=:]?\s*[\"']?)(?P<secret>[^\s@\"'&,;]{8,})(?=@|[\s\"'&,;]|$)",
    re.IGNORECASE,
)
# a variable such as GITHUB_TOKEN=1 would otherwise blank every 1 in the log
_SHORTEST_SECRET = 6
_HIDDEN = "[hidden]"


class _Stderr(logging.Handler):
    """Writes to what stderr is at the moment, so that lines come above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            print(self.format(record), file=sys.stderr)
        except Exception:
            self.handleError(record)


class _WholeLines(logging.Handler):
    """Appends each message to a file in one write, so that commands can share a file."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(logging.DEBUG)
        self._descriptor = descriptor
        self._is_whole = True

    def emit(self, record: logging.LogRecord) -> None:
        """Append one message."""
        try:
            # with O_APPEND the system sets the place and writes in one step; a buffered stream would write in
            # parts
            os.write(self._descriptor, f"{self.format(record)}\n".encode(errors="replace"))
        except OSError as error:
            if self._is_whole:
                self._is_whole = False
                # not by the log, which would come here again; the command is more than its log, and goes on
                print(f"nwbspikegen: the log file ends here ({error.strerror})", file=sys.stderr)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        super().close()


class _Plain(logging.Formatter):
    """The message, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return show_plainly(hide_secrets(super().format(record)), keep="\n\t")


class _Dated(logging.Formatter):
    """One line per message: when (with the offset from UTC), how grave, what; without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        when = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(record.created))
        text = show_plainly(hide_secrets(super().format(record)), keep="\n\t").replace("\n", "\n    ")
        return f"{when} {record.levelname} {text}"


def log_to_stderr(*, is_quiet: bool) -> None:
    """Send the package's messages to stderr, without those of its libraries; warnings only when quiet."""
    from nwbspikegen.core.progress import set_quiet

    for handler in list(_LOG.handlers):
        _LOG.removeHandler(handler)
        handler.close()
    handler = _Stderr(logging.WARNING if is_quiet else logging.INFO)
    handler.setFormatter(_Plain("%(message)s"))
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.WARNING if is_quiet else logging.INFO)
    # where a library has set up the root logger, each line would be printed twice
    _LOG.propagate = False
    set_quiet(is_quiet)


def log_to_file(path: Path, *, command: str) -> None:
    """Append all of the package's messages to a file, which is made when it is not there.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise OutputError(
            f"a log file {path} that cannot be written ({error.strerror})",
            "a file in a folder that exists",
            "choose another --log-file",
        ) from error
    handler = _WholeLines(descriptor)
    handler.setFormatter(_Dated())
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.DEBUG)
    _LOG.debug("%s begins", command)


def hide_secrets(text: str) -> str:
    """Return a text without the values of environment variables that hold keys, or what looks like keys.

    Addresses lose what `cut_secrets` cuts.

    Examples
    --------
    >>> hide_secrets("GET https://me:swordfish@example.org/a?token=0123456789abcdef&b=1")
    'GET https://example.org/a'
    >>> hide_secrets("token=0123456789abcdef")
    'token=[hidden]'
    """
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, _HIDDEN)
    return _SECRET_TEXT.sub(lambda found: found["before"] + _HIDDEN, cut_secrets(text))
